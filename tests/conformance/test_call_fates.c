/* What a pending call comes to, and its proxy: each row of the table, whichever
 * way its caller hears. */
#include <stdatomic.h>

#include "tests/support/public/peer.h"
#include "tests/support/public/world.h"

static const wws_error no_error;

static wws_service_proxy_state state_of(wws_service_proxy proxy)
{
    wws_service_proxy_state state;

    assert_status(wws_service_proxy_get_state(proxy, &state, no_error),
        WWS_S_OK);
    return state;
}

/* One event, which comes when the call is pending. */
struct row {
    const char *event;
    const char *action;
    void (*happens)(struct world *world, wws_service_proxy proxy);
    uint32_t timeout_ms;
    uint32_t max_message_size;
    wws_status status;
    wws_service_proxy_state after;
    bool breaks_session; /* the proxy is faulted where there is one */
};

static void replies(struct world *world, wws_service_proxy proxy)
{
    (void) proxy;
    gate_release(&world->gate, 1);
}

static void abandons(struct world *world, wws_service_proxy proxy)
{
    (void) world;
    must(wws_service_proxy_abandon_call(proxy, 3, no_error) == WWS_S_OK);
}

static void abandons_all(struct world *world, wws_service_proxy proxy)
{
    (void) world;
    must(wws_service_proxy_abandon_call(proxy, 0, no_error) == WWS_S_OK);
}

static void aborts(struct world *world, wws_service_proxy proxy)
{
    (void) world;
    must(wws_service_proxy_abort(proxy) == WWS_S_OK);
}

static void closes(struct world *world, wws_service_proxy proxy)
{
    (void) world;
    must(wws_service_proxy_close(proxy, NULL, no_error)
        == WWS_E_OPERATION_TIMED_OUT);
}

static void passes(struct world *world, wws_service_proxy proxy)
{
    (void) world;
    (void) proxy;
}

static void says_more_than_allowed(struct gate *gate, wws_operation operation)
{
    static const char note[] = "<t:note xmlns:t=\"urn:wws:test\">0123456789"
        "0123456789012345678901234567890123456789012345678901234567890123456"
        "0123456789012345678901234567890123456789012345678901234567890123456"
        "0123456789012345678901234567890123456789012345678901234567890123456"
        "0123456789012345678901234567890123456789012345678901234567890123456"
        "0123456789012345678901234567890123456789012345678901234567890123456"
        "0123456789012345678901234567890123456789012345678901234567890123456"
        "</t:note>";
    wws_message reply;

    (void) gate;
    must(wws_operation_get_reply(operation, &reply, no_error) == WWS_S_OK);
    must(wws_message_add_custom_header(reply,
        (wws_bytes) { note, sizeof note - 1 }, false, no_error) == WWS_S_OK);
}

enum { QUOTA = 800 };

static void hear_row(
    struct world *world,
    const struct row *row,
    enum manner manner,
    unsigned entered)
{
    wws_service_proxy_options options = proxy_options();
    wws_service_proxy proxy;
    struct call call;
    struct heard heard;

    options.max_close_timeout_ms = 50;
    if (row->max_message_size != 0)
        options.max_message_size = row->max_message_size;
    proxy = world_proxy(world, &options, world->url);
    call = call_to(proxy, row->action);
    call.options.call_id = 3;
    call.options.timeout_ms = row->timeout_ms;
    hear(&heard, manner, start_call, &call);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, entered));
    row->happens(world, proxy);

    assert_status(heard_end(&heard), row->status);
    assert_int_equal(state_of(proxy),
        row->breaks_session && wire()->has_sessions
        ? WWS_SERVICE_PROXY_STATE_FAULTED : row->after);
    if (row->status == WWS_S_OK)
        wws_buffer_release(&call.reply);
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
}

/* T31, T61, G7, G42, G43, G48, G61, G83, G84, D14, PR6 */
static void call__comes_to_what_the_table_says(void **state)
{
    static const struct row rows[] = {
        { "reply", ACTION_LATER, replies, 0, 0, WWS_S_OK,
          WWS_SERVICE_PROXY_STATE_OPEN, false },
        { "abandoned by its id", ACTION_LATER, abandons, 0, 0,
          WWS_E_OPERATION_ABANDONED, WWS_SERVICE_PROXY_STATE_OPEN, false },
        { "abandoned by 0", ACTION_LATER, abandons_all, 0, 0,
          WWS_E_OPERATION_ABANDONED, WWS_SERVICE_PROXY_STATE_OPEN, false },
        { "its time is over", ACTION_LATER, passes, 1500, 0,
          WWS_E_OPERATION_TIMED_OUT, WWS_SERVICE_PROXY_STATE_OPEN, false },
        { "proxy aborted", ACTION_LATER, aborts, 0, 0,
          WWS_E_OPERATION_ABORTED, WWS_SERVICE_PROXY_STATE_FAULTED, false },
        { "close takes too long", ACTION_LATER, closes, 0, 0,
          WWS_E_OPERATION_ABORTED, WWS_SERVICE_PROXY_STATE_CLOSED, false },
    };
    struct world *world = *state;
    unsigned entered = 0;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (enum manner manner = 0; manner < MANNERS; manner++)
            hear_row(world, &rows[i], manner, ++entered);
}

/* T31, D10: a reply that is too large, which a session does not survive. */
static void call__comes_to_the_quota_that_its_reply_exceeds(void **state)
{
    static const struct row large = { "reply too large", ACTION_ECHO, passes,
        0, QUOTA, WWS_E_QUOTA_EXCEEDED, WWS_SERVICE_PROXY_STATE_OPEN, true };
    struct world *world = *state;
    unsigned entered = 0;

    world->gate.visiting = says_more_than_allowed;
    for (enum manner manner = 0; manner < MANNERS; manner++)
        hear_row(world, &large, manner, ++entered);
}

static void set_fault(struct gate *gate, wws_operation operation)
{
    wws_fault fault = WWS_FAULT_INIT;

    (void) gate;
    fault.reason = WWS_STR("the service will not");
    must(wws_operation_set_fault(operation, &fault, no_error) == WWS_S_OK);
}

/* From now on every operation fails. */
static void answer_with_faults(struct world *world)
{
    world->gate.visiting = set_fault;
    world->gate.gives = WWS_E_OTHER;
}

/* T31, TE6: the fault harms neither session nor proxy. */
static void call__comes_to_the_fault_that_is_its_reply(void **state)
{
    static const struct row fault = { "fault", ACTION_LATER, replies, 0, 0,
        WWS_E_ENDPOINT_FAULT_RECEIVED, WWS_SERVICE_PROXY_STATE_OPEN, false };
    struct world *world = *state;
    unsigned entered = 0;

    answer_with_faults(world);
    for (enum manner manner = 0; manner < MANNERS; manner++)
        hear_row(world, &fault, manner, ++entered);
}

static bool is_same(const wws_error_info *one, const wws_error_info *other)
{
    return one->status == other->status
        && one->has_fault == other->has_fault
        && one->string_count == other->string_count;
}

/* The call has gone on without its caller, and is answered now. */
static void answer_late(
    struct world *world,
    wws_service_proxy proxy,
    struct heard *heard,
    unsigned late)
{
    const wws_error_info before = heard_info(heard);
    wws_error_info after;

    gate_release(&world->gate, 1);
    assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED, late));
    after = heard_info(heard);
    assert_false(before.has_fault);
    assert_true(is_same(&before, &after));
    assert_int_equal(state_of(proxy), WWS_SERVICE_PROXY_STATE_OPEN);
    assert_status(call_now(proxy, ACTION_ECHO),
        WWS_E_ENDPOINT_FAULT_RECEIVED);
}

/* G75, D18: a fault that comes late is nobody's. */
static void call__that_was_left_hears_of_no_late_fault(void **state)
{
    static const wws_status left[] = { WWS_E_OPERATION_ABANDONED,
        WWS_E_OPERATION_TIMED_OUT };
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;
    wws_service_proxy proxy;
    unsigned late = 0, entered = 0;

    options.timeout_abandons = true;
    proxy = world_proxy(world, &options, world->url);
    answer_with_faults(world);
    for (int i = 0; i < 2; i++)
        for (enum manner manner = 0; manner < MANNERS; manner++) {
            struct call call = call_to(proxy, ACTION_LATER);
            struct heard heard;

            call.options.timeout_ms = i == 0 ? 0 : 100;
            hear(&heard, manner, start_call, &call);
            assert_true(gate_reaches(&world->gate, &world->gate.entered,
                ++entered));
            if (i == 0)
                abandons_all(world, proxy);
            assert_status(heard_wait(&heard), left[i]);

            answer_late(world, proxy, &heard, ++late);
            entered++;
            assert_status(heard_end(&heard), left[i]);
        }
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
}

/* T31, PR1, PR2, G76: the connection breaks under two calls; over HTTP each has
 * its own and the proxy goes on, over a session both hear how that failed. */
static void calls__come_to_how_their_connection_ended(void **state)
{
    const struct peer_script script = { .then = PEER_RESETS };
    struct world *world = *state;

    for (enum manner manner = 0; manner < MANNERS; manner++) {
        struct call calls[2];
        struct heard heard[2];
        wws_service_proxy proxy;
        struct peer peer;
        int broken = 0;

        peer_start(&peer, &script);
        proxy = world_proxy(world, NULL, peer.url);
        for (int i = 0; i < 2; i++) {
            calls[i] = call_to(proxy, ACTION_ECHO);
            hear(&heard[i], manner, start_call, &calls[i]);
        }

        for (int i = 0; i < 2; i++) {
            wws_status status = heard_end(&heard[i]);

            /* One of a session may come when that is over. */
            broken += status == WWS_E_ENDPOINT_DISCONNECTED;
            if (status != WWS_E_ENDPOINT_DISCONNECTED)
                assert_status(status, WWS_E_OBJECT_FAULTED);
        }
        assert_true(broken == 2 || (broken == 1 && wire()->has_sessions));
        /* The calls may hear of the loss before their proxy does. */
        assert_true(proxy_becomes(proxy, wire()->has_sessions
            ? WWS_SERVICE_PROXY_STATE_FAULTED
            : WWS_SERVICE_PROXY_STATE_OPEN));
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
        peer_stop(&peer);
    }
}

/* G45, G77, D21: only abandoned calls are left, and they do not end: the close
 * waits for them until its time is over, and then stops them. */
static void proxy_close__waits_for_abandoned_calls_no_longer_than_allowed(
    void **state)
{
    const struct peer_script silent = { .then = PEER_HOLDS };
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;

    options.max_close_timeout_ms = 100;
    options.timeout_abandons = true;
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct peer peer;
        wws_service_proxy proxy;
        struct call call;
        struct heard heard;
        int64_t began;

        peer_start(&peer, &silent);
        proxy = world_proxy(world, &options, peer.url);
        call = call_to(proxy, ACTION_ECHO);
        call.options.timeout_ms = 1500;
        hear(&heard, manner, start_call, &call);
        assert_true(peer_reaches(&peer, &peer.served, 1));
        assert_status(heard_end(&heard), WWS_E_OPERATION_TIMED_OUT);
        began = now_ms();

        assert_status(wws_service_proxy_close(proxy, NULL, no_error),
            WWS_E_OPERATION_TIMED_OUT);
        assert_true(now_ms() - began >= 100);
        assert_true(peer_reaches(&peer, &peer.gone, 1));
        assert_int_equal(state_of(proxy), WWS_SERVICE_PROXY_STATE_CLOSED);
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
        peer_stop(&peer);
    }
}

/* Calls as long as it can, and what it saw after the abort had returned. */
struct caller {
    pthread_t thread;
    struct world *world;
    wws_service_proxy proxy;
    atomic_bool *aborted;
    unsigned late; /* begun after that, and not refused */
};

static void *call_on_and_on(void *state)
{
    struct caller *caller = state;

    for (unsigned after = 0; after < 20;) {
        bool aborted = atomic_load(caller->aborted);
        wws_status status = call_now(caller->proxy, ACTION_ECHO);

        after += aborted;
        if (aborted && status != WWS_E_OBJECT_FAULTED)
            caller->late++;
        must(status == WWS_S_OK || status == WWS_E_OPERATION_ABORTED
            || status == WWS_E_OBJECT_FAULTED);
    }
    return NULL;
}

/* L7, G9, G41, G44: from the abort on no call begins, on whatever thread. */
static void proxy_abort__lets_no_racing_call_begin(void **state)
{
    enum { CALLERS = 4, ROUNDS = 25 };
    struct world *world = *state;

    for (int round = 0; round < ROUNDS; round++) {
        atomic_bool aborted = false;
        wws_service_proxy proxy = world_proxy(world, NULL, world->url);
        struct caller callers[CALLERS];

        for (int i = 0; i < CALLERS; i++) {
            callers[i] = (struct caller) { .world = world, .proxy = proxy,
                .aborted = &aborted };
            must(pthread_create(&callers[i].thread, NULL, call_on_and_on,
                &callers[i]) == 0);
        }
        assert_status(call_now(proxy, ACTION_ECHO), WWS_S_OK);
        assert_status(wws_service_proxy_abort(proxy), WWS_S_OK);
        atomic_store(&aborted, true);

        for (int i = 0; i < CALLERS; i++) {
            pthread_join(callers[i].thread, NULL);
            assert_int_equal(callers[i].late, 0);
        }
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
    }
}

/* More than an abort ends on the thread that calls it. */
enum { MANY = 80, IDLE = 10 };

/* Calls again as soon as it hears of the end. */
static wws_status start_call_twice(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct call *call = state;
    wws_status status = start_call(call, completion, error);

    if (completion == NULL && status == WWS_E_OPERATION_ABORTED)
        must(call_now(call->proxy, ACTION_ECHO) == WWS_E_OBJECT_FAULTED);
    return status;
}

static void call_inside(struct heard *heard)
{
    const struct call *call = heard->state;

    must(call_now(call->proxy, ACTION_ECHO) == WWS_E_OBJECT_FAULTED);
}

struct many {
    wws_service_proxy proxy;
    uint64_t sockets; /* without its connections */
    struct call calls[MANY + IDLE];
    struct heard heard[MANY + IDLE];
};

static void have_idle_connections(struct many *many, struct world *world)
{
    for (int i = MANY; i < MANY + IDLE; i++) {
        many->calls[i] = call_to(many->proxy, ACTION_LATER);
        hear(&many->heard[i], CALLBACK, start_call, &many->calls[i]);
    }
    assert_true(gate_reaches(&world->gate, &world->gate.inside, IDLE));
    gate_release(&world->gate, IDLE);
    for (int i = MANY; i < MANY + IDLE; i++) {
        assert_status(heard_end(&many->heard[i]), WWS_S_OK);
        wws_buffer_release(&many->calls[i].reply);
    }
}

static void begin_many(
    struct many *many,
    struct world *world,
    enum manner manner)
{
    unsigned entered = gate_read(&world->gate, &world->gate.entered);

    for (int i = 0; i < MANY; i++) {
        many->calls[i] = call_to(many->proxy, ACTION_LATER);
        if (manner == CALLBACK)
            hear_inside(&many->heard[i], start_call, &many->calls[i],
                call_inside, NULL);
        else
            hear(&many->heard[i], manner, start_call_twice, &many->calls[i]);
    }
    assert_true(gate_reaches(&world->gate, &world->gate.entered,
        entered + MANY));
}

/* G41, G43, L7: whoever hears that it was aborted finds the proxy so, though
 * the abort may not have returned; and no connection is left. */
static void proxy_abort__is_seen_by_the_first_who_hears_of_it(void **state)
{
    struct world *world = *state;
    struct many *many = calloc(1, sizeof *many);

    must(many != NULL);
    world->gate.registers = true;
    for (int manner = 0; manner < MANNERS; manner++) {
        unsigned told = gate_read(&world->gate, &world->gate.told_by[1]);

        many->sockets = counter(world, WWS_COUNTER_SOCKETS);
        many->proxy = world_proxy(world, NULL, world->url);
        have_idle_connections(many, world);
        begin_many(many, world, manner);
        assert_status(wws_service_proxy_abort(many->proxy), WWS_S_OK);

        for (int i = 0; i < MANY; i++) {
            assert_status(heard_end(&many->heard[i]), WWS_E_OPERATION_ABORTED);
            assert_status(call_now(many->proxy, ACTION_ECHO),
                WWS_E_OBJECT_FAULTED);
        }
        assert_true(gate_reaches(&world->gate, &world->gate.told_by[1],
            told + MANY));
        assert_true(counter_reaches(world, WWS_COUNTER_SOCKETS,
            many->sockets));
        gate_release(&world->gate, MANY);
        assert_true(gate_empties(&world->gate));
        assert_status(wws_service_proxy_free(many->proxy), WWS_S_OK);
    }
    free(many);
}

static int warm_up(void **state)
{
    (void) state;
    world_warm_up_for(MANY);
    return 0;
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(call__comes_to_what_the_table_says),
        in_world(call__comes_to_the_quota_that_its_reply_exceeds),
        in_world(call__comes_to_the_fault_that_is_its_reply),
        in_world(call__that_was_left_hears_of_no_late_fault),
        in_world(calls__come_to_how_their_connection_ended),
        in_world(proxy_close__waits_for_abandoned_calls_no_longer_than_allowed),
        in_world(proxy_abort__lets_no_racing_call_begin),
        in_world(proxy_abort__is_seen_by_the_first_who_hears_of_it),
    };

    return run_promises(tests, warm_up, world_cool_down);
}
