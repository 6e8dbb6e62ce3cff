/* What may come of an action, beside what a scenario expects.
 *
 * What is only late or in pieces changes nothing at all; everything else may
 * show in the statuses that say so.  No status that blames the caller is ever
 * the work of the peer or the network. */
#include "tests/explorer/scene.h"

/* What may come of an action: statuses beside the one that is expected. */

enum {
    ABORTED = 1 << 0, FAULTED = 1 << 1, INVALID = 1 << 2, STALE = 1 << 3,
    LOST = 1 << 4, CANCELLED = 1 << 5, ABANDONED = 1 << 6, LATE = 1 << 7,
    MEMORY = 1 << 8, NOWHERE = 1 << 9, UNREACHABLE = 1 << 10, FAULT = 1 << 11,
    BUSY = 1 << 12, OVER = 1 << 13, IN_USE = 1 << 14, NO_ADDRESS = 1 << 15,
    FAILURE = 1 << 16, UNAVAILABLE = 1 << 17, FINE = 1 << 18,
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
    case WWS_E_ENDPOINT_FAILURE: return FAILURE;
    case WWS_E_ENDPOINT_NOT_AVAILABLE: return UNAVAILABLE;
    default: return 0;
    }
}

enum {
    /* The object itself, those that were with it, and the other end. */
    ENDED = ABORTED | FAULTED | INVALID | LOST | OVER | NOWHERE | FINE,
    BROKEN = LOST | FAULTED | OVER | FINE,
    POOR = MEMORY | BROKEN | FAULT | BUSY | FAILURE | LATE | ABORTED,
};

static const unsigned allowed[ACTION_COUNT] = {
    [DO_CANCEL_CALL] = CANCELLED | LOST,
    [DO_CANCEL_CLIENT] = CANCELLED | LOST | OVER | INVALID,
    [DO_CANCEL_SERVER] = CANCELLED | LOST | OVER | INVALID,
    [DO_ABANDON_CALL] = ABANDONED,
    [DO_ABANDON_ALL] = ABANDONED,
    [DO_ABANDON_CLIENT] = INVALID | LOST | OVER,
    [DO_ABANDON_SERVER] = INVALID | LOST | OVER,
    [DO_ABORT_PROXY] = ENDED,
    [DO_CLOSE_PROXY] = ENDED,
    [DO_FREE_PROXY] = ENDED | STALE,
    [DO_ABORT_HOST] = ENDED | UNAVAILABLE,
    [DO_CLOSE_HOST] = ENDED | UNAVAILABLE | BUSY,
    [DO_FREE_HOST] = ENDED | STALE,
    [DO_ABORT_CLIENT] = ENDED,
    [DO_CLOSE_CLIENT] = ENDED,
    [DO_FREE_CLIENT] = ENDED | STALE,
    [DO_ABORT_SERVER] = ENDED | LATE,
    [DO_CLOSE_SERVER] = ENDED | LATE,
    [DO_FREE_SERVER] = ENDED | STALE | LATE,
    [DO_ABORT_LISTENER] = ENDED,
    [DO_CLOSE_LISTENER] = ENDED,
    [DO_FREE_LISTENER] = ENDED | STALE,
    [DO_MOVE_CLOCK] = LATE | BROKEN | ABORTED,
    [DO_FAIL_MEMORY] = POOR,
    [DO_FAIL_ALL_MEMORY] = POOR,
    [DO_CONNRESET] = BROKEN,
    [DO_PIPE] = BROKEN,
    [DO_TIMEDOUT] = BROKEN | LATE,
    [DO_MFILE] = POOR,
    [DO_NFILE] = POOR,
    [DO_NOBUFS] = POOR,
    [DO_NOMEM] = POOR,
    [DO_NOSPC] = POOR,
    [DO_AGAIN] = 0,
    [DO_CONNREFUSED] = NOWHERE,
    [DO_NETUNREACH] = UNREACHABLE,
    [DO_ADDRNOTAVAIL] = UNREACHABLE | NO_ADDRESS,
    [DO_ADDRINUSE] = IN_USE,
    [DO_NOTCONN] = BROKEN | LATE,
    [DO_RESET] = BROKEN,
    [DO_END] = BROKEN,
};

/* Who listens tries again; who the peer is matters to nobody; and nothing waits
 * for what could not be sent. */
static unsigned allowed_by(const struct injection *injection)
{
    switch (injection->point) {
    case CALL_accept4:
    case CALL_getpeername:
        return 0;
    case CALL_sendmsg:
        return allowed[injection->action] & ~(unsigned) LATE;
    default:
        return allowed[injection->action];
    }
}

static unsigned allowed_now(const struct scene *scene)
{
    unsigned mask = 0;

    if (scene->strict)
        return 0;
    for (int i = 0; i < 2; i++)
        if ((steer_done() >> scene->run->injections[i].action & 1) != 0)
            mask |= allowed_by(&scene->run->injections[i]);
    return atomic_load(&scene->ending)
        ? mask | ENDED | STALE | CANCELLED | FAULT : mask;
}

bool is_disturbed(const struct scene *scene)
{
    return allowed_now(scene) != 0;
}

bool judge(
    struct scene *scene,
    const char *what,
    wws_status status,
    wws_status expected)
{
    if (status == expected)
        return true;
    if ((bit_of(status) & allowed_now(scene)) == 0)
        found("%s: status %08x", what, (unsigned) status);
    return false;
}
