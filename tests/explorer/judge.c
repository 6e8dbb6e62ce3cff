/* What may come of an action, beside what a scenario expects: a table of
 * statuses, and one of the objects that may be FAULTED in the end.
 *
 * What is only late or in pieces changes nothing at all; everything else may
 * show in the statuses that say so.  No status that blames the caller is ever
 * the work of the peer or the network. */
#include "tests/explorer/scene.h"

#include "tests/support/public/wire.h"

static const wws_error no_error;

/* What may come of an action: statuses beside the one that is expected. */

enum {
    ABORTED = 1 << 0, FAULTED = 1 << 1, INVALID = 1 << 2, STALE = 1 << 3,
    LOST = 1 << 4, CANCELLED = 1 << 5, ABANDONED = 1 << 6, LATE = 1 << 7,
    MEMORY = 1 << 8, NOWHERE = 1 << 9, UNREACHABLE = 1 << 10, FAULT = 1 << 11,
    BUSY = 1 << 12, OVER = 1 << 13, IN_USE = 1 << 14, NO_ADDRESS = 1 << 15,
    UNAVAILABLE = 1 << 16, FINE = 1 << 17,
};

static unsigned bit_of(wws_status status)
{
    switch (status) {
    case WWS_S_OK: return FINE;
    case WWS_S_END: return OVER;
    case WWS_E_OPERATION_ABORTED: return ABORTED;
    case WWS_E_OBJECT_FAULTED: return FAULTED;
    case WWS_E_INVALID_OPERATION: return INVALID;
    case WWS_E_HANDLE: return STALE;
    case WWS_E_ENDPOINT_DISCONNECTED: return LOST;
    case WWS_E_OPERATION_CANCELLED: return CANCELLED;
    case WWS_E_OPERATION_ABANDONED: return ABANDONED;
    case WWS_E_OPERATION_TIMED_OUT: return LATE;
    case WWS_E_OUTOFMEMORY: return MEMORY;
    case WWS_E_ENDPOINT_NOT_FOUND: return NOWHERE;
    case WWS_E_ENDPOINT_UNREACHABLE: return UNREACHABLE;
    case WWS_E_ENDPOINT_FAULT_RECEIVED: return FAULT;
    case WWS_E_ENDPOINT_TOO_BUSY: return BUSY;
    case WWS_E_ADDRESS_IN_USE: return IN_USE;
    case WWS_E_ADDRESS_NOT_AVAILABLE: return NO_ADDRESS;
    case WWS_E_ENDPOINT_NOT_AVAILABLE: return UNAVAILABLE;
    default: return 0;
    }
}

enum {
    /* At the end of a scene, when everything is aborted. */
    ENDED = ABORTED | FAULTED | INVALID | LOST | OVER | NOWHERE | FINE,
    /* To those who hold what was ended, and to those at its other end. */
    STOPPED = ABORTED | FAULTED | INVALID,
    CLOSED = ABORTED | INVALID,
    /* What was just beginning when its session broke ends as aborted. */
    BROKEN = LOST | FAULTED,
    REFUSED = BROKEN | NOWHERE,
    POOR = MEMORY | BROKEN,
};

/* The statuses that may come of each action, beside those that a scenario
 * expects, to the caller's side and to the server's.  What would have failed,
 * like a close that nobody answers, may be fine then. */
static const unsigned allowed[ACTION_COUNT][SIDES] = {
    [DO_CANCEL_CALL] = { CANCELLED, 0 },
    [DO_CANCEL_CLIENT] = { CANCELLED | INVALID, LOST },
    [DO_CANCEL_SERVER] = { LOST, CANCELLED },
    [DO_ABANDON_CALL] = { ABANDONED, 0 },
    [DO_ABANDON_ALL] = { ABANDONED, 0 },
    [DO_ABANDON_CLIENT] = { INVALID, LOST | OVER },
    [DO_ABANDON_SERVER] = { LOST | OVER, INVALID },
    [DO_ABORT_PROXY] = { STOPPED, 0 },
    [DO_CLOSE_PROXY] = { CLOSED, 0 },
    [DO_FREE_PROXY] = { STOPPED | STALE, 0 },
    [DO_ABORT_HOST] = { REFUSED, STOPPED | STALE },
    [DO_CLOSE_HOST] = { REFUSED | UNAVAILABLE, CLOSED },
    [DO_FREE_HOST] = { REFUSED, STOPPED | STALE },
    [DO_ABORT_CLIENT] = { STOPPED | FINE, BROKEN },
    [DO_CLOSE_CLIENT] = { CLOSED | FINE, BROKEN | OVER },
    [DO_FREE_CLIENT] = { STOPPED | STALE, BROKEN },
    [DO_ABORT_SERVER] = { BROKEN | FINE, STOPPED },
    [DO_CLOSE_SERVER] = { BROKEN | OVER | FINE, CLOSED },
    [DO_FREE_SERVER] = { BROKEN | FINE, STOPPED | STALE },
    [DO_ABORT_LISTENER] = { REFUSED, STOPPED },
    [DO_CLOSE_LISTENER] = { REFUSED, CLOSED },
    [DO_FREE_LISTENER] = { REFUSED, STOPPED | STALE },
    [DO_MOVE_CLOCK] = { LATE | BROKEN, LATE | BROKEN },
    [DO_FAIL_MEMORY] = { POOR | BUSY | FAULT | FINE, POOR },
    [DO_FAIL_ALL_MEMORY] = { POOR | BUSY | FAULT | FINE, POOR },
    [DO_CONNRESET] = { BROKEN | FINE, BROKEN },
    [DO_PIPE] = { BROKEN | FINE, BROKEN },
    [DO_TIMEDOUT] = { BROKEN | LATE | FINE, BROKEN },
    [DO_MFILE] = { POOR | FINE, POOR },
    [DO_NFILE] = { POOR | FINE, POOR },
    [DO_NOBUFS] = { POOR | FINE, POOR },
    [DO_NOMEM] = { POOR | FINE, POOR },
    [DO_NOSPC] = { POOR | FINE, POOR },
    [DO_CONNREFUSED] = { NOWHERE, 0 },
    [DO_NETUNREACH] = { UNREACHABLE, 0 },
    [DO_ADDRNOTAVAIL] = { UNREACHABLE, NO_ADDRESS },
    [DO_ADDRINUSE] = { 0, IN_USE },
    [DO_NOTCONN] = { BROKEN | FINE, BROKEN },
    [DO_RESET] = { BROKEN | FINE, BROKEN },
    [DO_END] = { BROKEN | FINE, BROKEN },
};

/* Who listens tries again; who the peer is matters to nobody; nothing waits for
 * what could not be sent; a connection that is not tuned is slow; and who
 * cannot ask for a name does not find it. */
static unsigned allowed_by(const struct injection *injection, enum side side)
{
    unsigned mask = allowed[injection->action][side];

    switch (injection->point) {
    case CALL_accept4:
    case CALL_getpeername:
        return 0;
    case CALL_sendmsg:
        return mask & ~(unsigned) LATE;
    case CALL_setsockopt:
        return mask | LATE;
    case CALL_socket:
    case CALL_send:
    case CALL_recvfrom:
        return side == CALLER ? mask | NOWHERE : mask;
    default:
        return mask;
    }
}

static unsigned allowed_now(const struct scene *scene, enum side side)
{
    unsigned mask = 0;

    if (scene->strict)
        return 0;
    for (int i = 0; i < 2; i++)
        if ((steer_done() >> scene->run->injections[i].action & 1) != 0)
            mask |= allowed_by(&scene->run->injections[i], side);
    return atomic_load(&scene->ending)
        ? mask | ENDED | STALE | CANCELLED | FAULT : mask;
}

bool is_disturbed(const struct scene *scene)
{
    return (allowed_now(scene, CALLER) | allowed_now(scene, SERVER)) != 0;
}

bool judge(
    struct scene *scene,
    enum side side,
    const char *what,
    wws_status status,
    wws_status expected)
{
    if (status == expected)
        return true;
    if ((bit_of(status) & allowed_now(scene, side)) == 0)
        found("%s%s: status %08x", side == SERVER ? "server: " : "", what,
            (unsigned) status);
    return false;
}

/* States. */

enum { PROXY = 1 << 0, HOST = 1 << 1, CLIENT = 1 << 2, SERVED = 1 << 3,
    LISTENER = 1 << 4, SESSIONS = PROXY | CLIENT | SERVED };

/* The objects that may be FAULTED by each action.  Nothing but an abort does
 * that to hosts and listeners (H2, LI1). */
static const unsigned faulted[ACTION_COUNT] = {
    [DO_CANCEL_CLIENT] = SERVED,
    [DO_CANCEL_SERVER] = CLIENT,
    [DO_ABANDON_CLIENT] = SERVED,
    [DO_ABANDON_SERVER] = SERVED | CLIENT,
    [DO_ABORT_PROXY] = PROXY,
    [DO_ABORT_HOST] = HOST | PROXY,
    [DO_CLOSE_HOST] = PROXY,
    [DO_FREE_HOST] = PROXY,
    [DO_ABORT_CLIENT] = CLIENT | SERVED,
    [DO_CLOSE_CLIENT] = SERVED,
    [DO_FREE_CLIENT] = SERVED,
    [DO_ABORT_SERVER] = SERVED | CLIENT,
    [DO_CLOSE_SERVER] = CLIENT,
    [DO_FREE_SERVER] = CLIENT,
    [DO_ABORT_LISTENER] = LISTENER | CLIENT,
    [DO_CLOSE_LISTENER] = CLIENT,
    [DO_FREE_LISTENER] = CLIENT,
    [DO_MOVE_CLOCK] = CLIENT | SERVED,
    [DO_FAIL_MEMORY] = SESSIONS,
    [DO_FAIL_ALL_MEMORY] = SESSIONS,
    [DO_CONNRESET] = SESSIONS,
    [DO_PIPE] = SESSIONS,
    [DO_TIMEDOUT] = SESSIONS,
    [DO_MFILE] = SESSIONS,
    [DO_NFILE] = SESSIONS,
    [DO_NOBUFS] = SESSIONS,
    [DO_NOMEM] = SESSIONS,
    [DO_NOSPC] = SESSIONS,
    [DO_NOTCONN] = SESSIONS,
    [DO_RESET] = SESSIONS,
    [DO_END] = SESSIONS,
};

static unsigned faulted_by(uint64_t actions)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < ACTION_COUNT; i++)
        if ((actions >> i & 1) != 0)
            mask |= faulted[i];
    /* Without sessions a proxy outlives its connections (PR2). */
    if (!wire()->has_sessions && (actions & DO(ABORT_PROXY)) == 0)
        mask &= ~(unsigned) PROXY;
    return mask;
}

/* What an object looks like: states have the same names everywhere, but not the
 * same numbers. */
struct looked {
    const char *name;
    enum action freed;
    unsigned bit;
    wws_status status;
    bool is_faulted;
    bool is_over; /* or has not begun */
};

#define LOOK(kind, KIND, of) \
    { \
        wws_##kind##_state state = WWS_##KIND##_STATE_CREATED; \
        \
        looked->status = wws_##kind##_get_state(of(scene), &state, no_error); \
        looked->is_faulted = state == WWS_##KIND##_STATE_FAULTED; \
        looked->is_over = state == WWS_##KIND##_STATE_CLOSED \
            || state == WWS_##KIND##_STATE_CREATED; \
    }

static void look_at(struct scene *scene, struct looked *looked)
{
    switch (looked->bit) {
    case PROXY: LOOK(service_proxy, SERVICE_PROXY, proxy_of) break;
    case HOST: LOOK(service_host, SERVICE_HOST, host_of) break;
    case CLIENT: LOOK(channel, CHANNEL, client_of) break;
    case SERVED: LOOK(channel, CHANNEL, server_of) break;
    default: LOOK(listener, LISTENER, listener_of) break;
    }
}

static void judge_state(struct scene *scene, const struct looked *looked)
{
    uint64_t done = steer_done() | scenarios[scene->run->scenario].does;

    if (looked->status == WWS_E_HANDLE) {
        if ((done >> looked->freed & 1) == 0)
            found("the %s is gone", looked->name);
    } else if (looked->status == WWS_S_OK && looked->is_faulted) {
        if ((looked->bit & faulted_by(done)) == 0)
            found("the %s is FAULTED", looked->name);
    } else if (looked->status == WWS_S_OK && !looked->is_over) {
        if (!is_disturbed(scene))
            found("the %s has not ended", looked->name);
    }
}

void judge_states(struct scene *scene)
{
    struct looked all[] = {
        { .name = "proxy", .bit = PROXY, .freed = DO_FREE_PROXY },
        { .name = "host", .bit = HOST, .freed = DO_FREE_HOST },
        { .name = "client", .bit = CLIENT, .freed = DO_FREE_CLIENT },
        { .name = "server", .bit = SERVED, .freed = DO_FREE_SERVER },
        { .name = "listener", .bit = LISTENER, .freed = DO_FREE_LISTENER },
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        look_at(scene, &all[i]);
        judge_state(scene, &all[i]);
    }
}
