/* wws_service_proxy_abandon_call(): the caller is released, the call goes on. */
#include "tests/support/public/peer.h"
#include "tests/support/public/world.h"

static const wws_error no_error;

struct group {
    wws_service_proxy proxy;
    uint32_t id;
};

static void abandon(void *state)
{
    const struct group *group = state;

    must(wws_service_proxy_abandon_call(group->proxy, group->id, no_error)
        == WWS_S_OK);
}

static struct call call_of_group(
    struct world *world,
    const char *action,
    uint32_t id)
{
    struct call call = call_to(world->proxy, action);

    call.options.call_id = id;
    return call;
}

/* T31, G61, G62, G73, A62 */
static void abandon__returns_control_to_the_caller(void **state)
{
    struct world *world = *state;
    struct group group = { world->proxy, 5 };
    unsigned entered = 0;

    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            struct call call = call_of_group(world, ACTION_LATER, 5);
            struct heard heard;

            hear(&heard, manner, start_call, &call);
            assert_true(gate_reaches(&world->gate, &world->gate.entered,
                ++entered));
            call_at(world, place, abandon, &group);

            assert_status(heard_wait(&heard), WWS_E_OPERATION_ABANDONED);
            assert_true(heard_says(&heard, "abandoned by the application"));
            assert_int_not_equal(heard_info(&heard).progress,
                WWS_PROGRESS_NOT_SENT);
            assert_status(heard_end(&heard), WWS_E_OPERATION_ABANDONED);
        }
    assert_int_equal(gate_read(&world->gate, &world->gate.inside), entered);
}

/* G63, G64, G75, PR2: the server is reached and is not told; the reply is
 * dropped. */
static void abandon__lets_the_exchange_go_on(void **state)
{
    struct world *world = *state;
    struct group group = { world->proxy, 0 };

    world->gate.registers = true;
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct call call = call_of_group(world, ACTION_LATER, 1);
        struct heard heard;

        hear(&heard, manner, start_call, &call);
        if (manner == SYNC)
            assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));
        abandon(&group);
        assert_status(heard_end(&heard), WWS_E_OPERATION_ABANDONED);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            manner + 1));
        gate_release(&world->gate, 1);

        assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED,
            manner + 1));
    }
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 0);
    /* Its connection could serve the next call all the time. */
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    assert_int_equal(counter(world, WWS_COUNTER_CONNECTIONS_OPENED), 1);
}

/* G65, G66, G67, D17: groups, and 0 for all that are pending. */
static void abandon__reaches_exactly_the_group(void **state)
{
    enum { CALLS = 12 };
    struct world *world = *state;
    struct call calls[CALLS];
    struct heard heard[CALLS];
    struct group group = { world->proxy, 2 };

    for (uint32_t i = 0; i < CALLS; i++) {
        calls[i] = call_of_group(world, ACTION_LATER, i % 4);
        hear(&heard[i], i % MANNERS, start_call, &calls[i]);
    }
    assert_true(gate_reaches(&world->gate, &world->gate.entered, CALLS));
    abandon(&group);
    for (uint32_t i = 2; i < CALLS; i += 4)
        assert_status(heard_wait(&heard[i]), WWS_E_OPERATION_ABANDONED);
    for (uint32_t i = 0; i < CALLS; i++)
        assert_int_equal(heard_yet(&heard[i]), i % 4 == 2);
    group.id = 0;
    abandon(&group);

    for (uint32_t i = 0; i < CALLS; i++)
        assert_status(heard_end(&heard[i]), WWS_E_OPERATION_ABANDONED);
}

/* G68, G69, D15 */
static void abandon__of_nothing_does_nothing(void **state)
{
    struct world *world = *state;
    struct call call = call_of_group(world, ACTION_LATER, 7);
    struct group group = { world->proxy, 8 };
    struct heard heard;

    abandon(&group);
    hear(&heard, CALLBACK, start_call, &call);
    abandon(&group);
    assert_false(heard_yet(&heard));
    group.id = 7;
    abandon(&group);
    assert_status(heard_wait(&heard), WWS_E_OPERATION_ABANDONED);
    abandon(&group);

    assert_status(heard_end(&heard), WWS_E_OPERATION_ABANDONED);
}

/* G65, G70: calls that start later are not concerned. */
static void abandon__spares_calls_that_start_later(void **state)
{
    struct world *world = *state;
    struct group group = { world->proxy, 0 };
    wws_service_proxy_state proxy;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct call call = call_of_group(world, ACTION_ECHO, 3);
        struct heard heard;

        abandon(&group);
        hear(&heard, manner, start_call, &call);
        assert_status(heard_end(&heard), WWS_S_OK);
        wws_buffer_release(&call.reply);
    }
    assert_status(wws_service_proxy_get_state(world->proxy, &proxy, no_error),
        WWS_S_OK);
    assert_int_equal(proxy, WWS_SERVICE_PROXY_STATE_OPEN);
}

/* T61, G71, G72, D19, A73: everything of the caller is freed while the call
 * goes on. */
static void abandon__leaves_the_memory_to_the_caller(void **state)
{
    struct world *world = *state;
    struct group group = { world->proxy, 0 };

    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct call *call = malloc(sizeof *call);
        struct heard *heard = malloc(sizeof *heard);
        char *body = malloc(sizeof CALL_BODY);

        *call = call_to(world->proxy, ACTION_LATER);
        memcpy(body, CALL_BODY, sizeof CALL_BODY);
        call->body.data = body;
        call->reply = (wws_buffer) { .size = 77 };
        hear(heard, manner, start_call, call);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            manner + 1));
        abandon(&group);
        assert_status(heard_end(heard), WWS_E_OPERATION_ABANDONED);

        assert_int_equal(call->reply.size, 77);
        memset(body, 0, sizeof CALL_BODY);
        memset(call, 0xEE, sizeof *call);
        free(body);
        free(call);
        free(heard);
    }
    gate_open(&world->gate);
    assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED,
        MANNERS));
}

/* T61, G74, D20: what goes on in the background uses up the budget, until it
 * ends. */
static void abandon__keeps_the_budget_until_the_reply_is_in(void **state)
{
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;
    struct group group = { { 0 }, 0 };

    options.max_pending_calls = 1;
    group.proxy = world_proxy(world, &options, world->url);
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct call call = call_to(group.proxy, ACTION_LATER);
        struct heard heard;

        hear(&heard, manner, start_call, &call);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            2 * manner + 1));
        abandon(&group);
        assert_status(heard_end(&heard), WWS_E_OPERATION_ABANDONED);
        assert_status(call_now(group.proxy, ACTION_ECHO),
            WWS_E_QUOTA_EXCEEDED);
        gate_release(&world->gate, 1);
        assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED,
            manner + 1));

        assert_status(call_now(group.proxy, ACTION_ECHO), WWS_S_OK);
    }
    assert_status(wws_service_proxy_free(group.proxy), WWS_S_OK);
}

/* Not while an abandoned call has it; the peer never answers. */
static bool slot_is_free(void *state)
{
    const struct group *group = state;
    struct call call = call_to(group->proxy, ACTION_ECHO);

    call.options.timeout_ms = 1;
    return start_call(&call, NULL, no_error) != WWS_E_QUOTA_EXCEEDED;
}

/* D20: a session goes on, but the budget is given back. */
static void abandon__gives_the_budget_back_when_draining_takes_long(
    void **state)
{
    const struct peer_script silent = { .then = PEER_HOLDS };
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;
    struct group group = { { 0 }, 0 };
    struct peer peer;

    peer_start(&peer, &silent);
    options.drain_timeout_ms = 20;
    options.max_pending_calls = 1;
    group.proxy = world_proxy(world, &options, peer.url);
    for (int manner = 0; manner < MANNERS; manner++) {
        struct call call = call_to(group.proxy, ACTION_ECHO);
        unsigned served = peer_read(&peer, &peer.served);
        struct heard heard;

        hear(&heard, manner, start_call, &call);
        /* What looked for the slot may be served late. */
        assert_true(peer_passes(&peer, &peer.served, served + 1));
        abandon(&group);
        assert_status(heard_end(&heard), WWS_E_OPERATION_ABANDONED);

        assert_true(await(slot_is_free, &group));
    }
    assert_int_equal(peer_read(&peer, &peer.gone), 0);
    assert_status(wws_service_proxy_free(group.proxy), WWS_S_OK);
    peer_stop(&peer);
}

/* D20: not longer than drain_timeout_ms. */
static void abandon__drops_the_connection_when_draining_takes_long(
    void **state)
{
    const struct peer_script silent = { .then = PEER_HOLDS };
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;
    struct group group = { { 0 }, 0 };
    struct peer peer;

    peer_start(&peer, &silent);
    options.drain_timeout_ms = 20;
    group.proxy = world_proxy(world, &options, peer.url);
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct call call = call_to(group.proxy, ACTION_ECHO);
        struct heard heard;

        hear(&heard, manner, start_call, &call);
        assert_true(peer_reaches(&peer, &peer.served, manner + 1));
        abandon(&group);
        assert_status(heard_end(&heard), WWS_E_OPERATION_ABANDONED);

        assert_true(peer_reaches(&peer, &peer.gone, manner + 1));
    }
    assert_status(wws_service_proxy_free(group.proxy), WWS_S_OK);
    peer_stop(&peer);
}

/* G45: abort ends what goes on in the background, too, and unheard. */
static void abandon__is_followed_by_abort(void **state)
{
    const struct peer_script silent = { .then = PEER_HOLDS };
    struct world *world = *state;
    struct group group = { { 0 }, 0 };
    struct peer peer;

    peer_start(&peer, &silent);
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct call call;
        struct heard heard;

        group.proxy = world_proxy(world, NULL, peer.url);
        call = call_to(group.proxy, ACTION_ECHO);
        hear(&heard, manner, start_call, &call);
        assert_true(peer_reaches(&peer, &peer.served, manner + 1));
        abandon(&group);
        assert_status(heard_end(&heard), WWS_E_OPERATION_ABANDONED);
        assert_status(wws_service_proxy_abort(group.proxy), WWS_S_OK);

        assert_true(peer_reaches(&peer, &peer.gone, manner + 1));
        assert_status(wws_service_proxy_close(group.proxy, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_service_proxy_free(group.proxy), WWS_S_OK);
    }
    peer_stop(&peer);
}

static wws_service_proxy_state state_of(wws_service_proxy proxy)
{
    wws_service_proxy_state state;

    must(wws_service_proxy_get_state(proxy, &state, no_error) == WWS_S_OK);
    return state;
}

static bool is_faulted(void *state)
{
    return state_of(*(wws_service_proxy *) state)
        == WWS_SERVICE_PROXY_STATE_FAULTED;
}

/* G76: the peer breaks off; on HTTP that costs one connection, else the
 * session. */
static void abandon__survives_a_peer_that_breaks_off(void **state)
{
    static const enum peer_end ends[] = { PEER_CLOSES, PEER_RESETS };
    struct world *world = *state;

    for (int i = 0; i < 2; i++) {
        const struct peer_script script = { .answers = true,
            .sends = 100, .then = ends[i] };
        struct group group = { { 0 }, 0 };
        struct call call;
        struct heard heard;
        struct peer peer;
        wws_status status;

        peer_start(&peer, &script);
        group.proxy = world_proxy(world, NULL, peer.url);
        call = call_to(group.proxy, ACTION_ECHO);
        hear(&heard, CALLBACK, start_call, &call);
        abandon(&group);
        status = heard_end(&heard);
        assert_true(status == WWS_E_OPERATION_ABANDONED
            || status == WWS_E_ENDPOINT_DISCONNECTED);
        if (wire()->has_sessions) {
            assert_true(await(is_faulted, &group.proxy));
        } else {
            assert_status(call_now(group.proxy, ACTION_ECHO),
                WWS_E_ENDPOINT_DISCONNECTED);
            assert_int_equal(state_of(group.proxy),
                WWS_SERVICE_PROXY_STATE_OPEN);
        }
        assert_status(wws_service_proxy_close(group.proxy, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_service_proxy_free(group.proxy), WWS_S_OK);
        peer_stop(&peer);
    }
}

static void abandon_in_callback(struct heard *heard)
{
    abandon(heard->inside_state);
}

/* G66: in the completion of a call of the same group, which is over. */
static void abandon__in_a_completion_ends_the_others(void **state)
{
    struct world *world = *state;
    struct group group = { world->proxy, 9 };
    struct call waiting = call_of_group(world, ACTION_LATER, 9);
    struct call echo = call_of_group(world, ACTION_ECHO, 9);
    struct heard first, second;

    hear(&first, QUEUE, start_call, &waiting);
    hear_inside(&second, start_call, &echo, abandon_in_callback, &group);

    assert_status(heard_end(&second), WWS_S_OK);
    assert_status(heard_end(&first), WWS_E_OPERATION_ABANDONED);
    wws_buffer_release(&echo.reply);
}

static wws_status start_close(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    wws_service_proxy *proxy = state;

    return wws_service_proxy_close(*proxy, completion, error);
}

/* D16, D21, G77: legal while the proxy closes; close waits for the exchange. */
static void abandon__releases_callers_of_a_closing_proxy(void **state)
{
    struct world *world = *state;
    struct group group = { world->proxy, 0 };
    struct call call = call_to(world->proxy, ACTION_LATER);
    struct heard called, closed;

    hear(&called, CALLBACK, start_call, &call);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));
    hear(&closed, CALLBACK, start_close, &world->proxy);
    abandon(&group);
    assert_status(heard_end(&called), WWS_E_OPERATION_ABANDONED);
    assert_false(heard_yet(&closed));
    gate_open(&world->gate);

    assert_status(heard_end(&closed), WWS_S_OK);
}

/* G77, D21: abandoned before it, calls are waited for all the same. */
static void close__waits_for_abandoned_calls(void **state)
{
    struct world *world = *state;

    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct group group = { .id = 0 };
        struct heard called, closed;
        struct call call;

        group.proxy = world_proxy(world, NULL, world->url);
        call = call_to(group.proxy, ACTION_LATER);
        hear(&called, CALLBACK, start_call, &call);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            manner + 1));
        abandon(&group);
        assert_status(heard_end(&called), WWS_E_OPERATION_ABANDONED);
        hear(&closed, manner, start_close, &group.proxy);
        while (state_of(group.proxy) != WWS_SERVICE_PROXY_STATE_CLOSING)
            assert_false(heard_yet(&closed));
        gate_release(&world->gate, 1);

        assert_status(heard_end(&closed), WWS_S_OK);
        assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED,
            manner + 1));
        assert_status(wws_service_proxy_free(group.proxy), WWS_S_OK);
    }
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(abandon__returns_control_to_the_caller),
        in_world(abandon__lets_the_exchange_go_on),
        in_world(abandon__reaches_exactly_the_group),
        in_world(abandon__of_nothing_does_nothing),
        in_world(abandon__spares_calls_that_start_later),
        in_world(abandon__leaves_the_memory_to_the_caller),
        in_world(abandon__keeps_the_budget_until_the_reply_is_in),
        over(OVER_HTTP,
            abandon__drops_the_connection_when_draining_takes_long),
        over(OVER_TCP,
            abandon__gives_the_budget_back_when_draining_takes_long),
        in_world(abandon__is_followed_by_abort),
        in_world(abandon__survives_a_peer_that_breaks_off),
        in_world(abandon__in_a_completion_ends_the_others),
        in_world(abandon__releases_callers_of_a_closing_proxy),
        in_world(close__waits_for_abandoned_calls),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
