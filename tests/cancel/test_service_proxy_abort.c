/* wws_service_proxy_abort(), and the close that goes with it. */
#include "tests/support/public/peer.h"
#include "tests/support/public/world.h"

static const wws_error no_error;

static void abort_proxy(void *state)
{
    must(wws_service_proxy_abort(*(wws_service_proxy *) state) == WWS_S_OK);
}

static void free_proxy(void *state)
{
    must(wws_service_proxy_free(*(wws_service_proxy *) state) == WWS_S_OK);
}

static wws_service_proxy_state state_of(wws_service_proxy proxy)
{
    wws_service_proxy_state state;

    assert_status(wws_service_proxy_get_state(proxy, &state, no_error),
        WWS_S_OK);
    return state;
}

static wws_status start_close(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    wws_service_proxy *proxy = state;

    return wws_service_proxy_close(*proxy, completion, error);
}

/* T31, G1, G2, G5, G7, G9, G41, G43, G44, D5, A62: in OPEN, from everywhere. */
static void proxy_abort__ends_pending_calls(void **state)
{
    struct world *world = *state;
    unsigned entered = 0;

    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            wws_service_proxy proxy = world_proxy(world, NULL, world->url);
            struct call call = call_to(proxy, ACTION_LATER);
            struct heard heard;

            hear(&heard, manner, start_call, &call);
            assert_true(gate_reaches(&world->gate, &world->gate.entered,
                ++entered));
            call_at(world, place, abort_proxy, &proxy);

            assert_int_equal(state_of(proxy), WWS_SERVICE_PROXY_STATE_FAULTED);
            assert_status(heard_wait(&heard), WWS_E_OPERATION_ABORTED);
            assert_true(heard_says(&heard, "aborted"));
            assert_int_not_equal(heard_info(&heard).progress,
                WWS_PROGRESS_NOT_SENT);
            assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
            assert_status(call_now(proxy, ACTION_ECHO),
                WWS_E_OBJECT_FAULTED);
            abort_proxy(&proxy);
            assert_int_equal(state_of(proxy), WWS_SERVICE_PROXY_STATE_FAULTED);
            assert_status(wws_service_proxy_close(proxy, NULL, no_error),
                WWS_S_OK);
            free_proxy(&proxy);
        }
}

/* D12: as abort, and the handle is stale at once. */
static void proxy_free__ends_pending_calls(void **state)
{
    struct world *world = *state;
    unsigned entered = 0;

    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            wws_service_proxy proxy = world_proxy(world, NULL, world->url);
            struct call call = call_to(proxy, ACTION_LATER);
            struct heard heard;

            hear(&heard, manner, start_call, &call);
            assert_true(gate_reaches(&world->gate, &world->gate.entered,
                ++entered));
            call_at(world, place, free_proxy, &proxy);

            assert_status(wws_service_proxy_abort(proxy), WWS_E_HANDLE);
            assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
        }
}

/* More than one batch. */
static void proxy_abort__ends_many_calls(void **state)
{
    enum { CALLS = 300 };
    wws_service_proxy_options options = proxy_options();
    static struct call calls[CALLS];
    static struct heard heard[CALLS];
    struct world *world = *state;
    wws_service_proxy proxy;

    options.max_pending_calls = CALLS;
    proxy = world_proxy(world, &options, world->url);
    for (int i = 0; i < CALLS; i++) {
        calls[i] = call_to(proxy, ACTION_LATER);
        hear(&heard[i], CALLBACK, start_call, &calls[i]);
    }
    abort_proxy(&proxy);

    for (int i = 0; i < CALLS; i++)
        assert_status(heard_end(&heard[i]), WWS_E_OPERATION_ABORTED);
    free_proxy(&proxy);
}

/* G12, D1 */
static void proxy_abort__before_open_is_remembered(void **state)
{
    struct world *world = *state;
    wws_service_proxy proxy;

    for (int place = 0; place < PLACES; place++) {
        proxy = new_proxy(world->runtime);
        call_at(world, place, abort_proxy, &proxy);
        assert_int_equal(state_of(proxy), WWS_SERVICE_PROXY_STATE_CREATED);

        assert_status(wws_service_proxy_open(proxy, text(world->url), NULL,
            no_error), WWS_E_OPERATION_ABORTED);
        assert_int_equal(state_of(proxy), WWS_SERVICE_PROXY_STATE_CREATED);
        assert_status(wws_service_proxy_open(proxy, text(world->url), NULL,
            no_error), WWS_S_OK);
        free_proxy(&proxy);
    }
}

/* G14, G42: close ends with ABT, and the proxy is closed. */
static void proxy_abort__ends_a_pending_close(void **state)
{
    struct world *world = *state;
    unsigned entered = 0;

    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            wws_service_proxy proxy = world_proxy(world, NULL, world->url);
            struct call call = call_to(proxy, ACTION_LATER);
            struct heard called, closed;

            hear(&called, CALLBACK, start_call, &call);
            assert_true(gate_reaches(&world->gate, &world->gate.entered,
                ++entered));
            hear(&closed, manner, start_close, &proxy);
            while (state_of(proxy) != WWS_SERVICE_PROXY_STATE_CLOSING)
                continue;
            call_at(world, place, abort_proxy, &proxy);

            assert_status(heard_end(&called), WWS_E_OPERATION_ABORTED);
            assert_status(heard_end(&closed), WWS_E_OPERATION_ABORTED);
            assert_int_equal(state_of(proxy), WWS_SERVICE_PROXY_STATE_CLOSED);
            abort_proxy(&proxy);
            assert_int_equal(state_of(proxy), WWS_SERVICE_PROXY_STATE_CLOSED);
            free_proxy(&proxy);
        }
}

/* G41: pooled connections go, too. */
static void proxy_abort__resets_idle_connections(void **state)
{
    const struct peer_script script = { .answers = true, .again = true };
    struct world *world = *state;
    wws_service_proxy proxy;
    struct peer peer;

    peer_start(&peer, &script);
    proxy = world_proxy(world, NULL, peer.url);
    assert_status(call_now(proxy, ACTION_ECHO), WWS_S_OK);
    assert_int_equal(peer_read(&peer, &peer.gone), 0);
    abort_proxy(&proxy);

    assert_true(peer_reaches(&peer, &peer.gone, 1));
    free_proxy(&proxy);
    peer_stop(&peer);
}

/* G46, L5: abort, close, and then everything may be freed. */
static void proxy_close__returns_when_every_caller_has_heard(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        enum { CALLS = 8 };
        struct call calls[CALLS];
        struct heard heard[CALLS];
        wws_service_proxy proxy = world_proxy(world, NULL, world->url);

        for (int i = 0; i < CALLS; i++) {
            calls[i] = call_to(proxy, ACTION_LATER);
            hear(&heard[i], manner == SYNC ? CALLBACK : manner, start_call,
                &calls[i]);
        }
        abort_proxy(&proxy);
        assert_status(wws_service_proxy_close(proxy, NULL, no_error),
            WWS_S_OK);

        for (int i = 0; i < CALLS; i++) {
            assert_true(heard_yet(&heard[i]));
            assert_status(heard_end(&heard[i]), WWS_E_OPERATION_ABORTED);
        }
        free_proxy(&proxy);
    }
}

/* G47, PR7 */
static void proxy_close__waits_for_pending_calls(void **state)
{
    struct world *world = *state;
    unsigned entered = 0;

    for (int manner = 0; manner < MANNERS; manner++) {
        wws_service_proxy proxy = world_proxy(world, NULL, world->url);
        struct call call = call_to(proxy, ACTION_LATER);
        struct heard called, closed;

        hear(&called, CALLBACK, start_call, &call);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            ++entered));
        hear(&closed, manner, start_close, &proxy);
        while (state_of(proxy) != WWS_SERVICE_PROXY_STATE_CLOSING)
            continue;
        /* PR7 */
        assert_status(call_now(proxy, ACTION_ECHO), WWS_E_INVALID_OPERATION);
        assert_status(wws_service_proxy_close(proxy, NULL, no_error),
            WWS_E_INVALID_OPERATION);
        assert_false(heard_yet(&closed));
        gate_release(&world->gate, 1);

        assert_status(heard_end(&called), WWS_S_OK);
        assert_status(heard_end(&closed), WWS_S_OK);
        wws_buffer_release(&call.reply);
        free_proxy(&proxy);
    }
}

/* T31, G48, PR6 */
static void proxy_close__aborts_when_its_time_is_over(void **state)
{
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;

    options.max_close_timeout_ms = 20;
    for (int manner = 0; manner < MANNERS; manner++) {
        wws_service_proxy proxy = world_proxy(world, &options, world->url);
        struct call call = call_to(proxy, ACTION_LATER);
        struct heard called, closed;

        hear(&called, CALLBACK, start_call, &call);
        hear(&closed, manner, start_close, &proxy);

        assert_status(heard_end(&called), WWS_E_OPERATION_ABORTED);
        assert_status(heard_end(&closed), WWS_E_OPERATION_TIMED_OUT);
        assert_int_equal(state_of(proxy), WWS_SERVICE_PROXY_STATE_CLOSED);
        free_proxy(&proxy);
    }
}

struct verdict {
    wws_service_proxy proxy;
    wws_status status;
};

static void close_inside(struct heard *heard)
{
    struct verdict *verdict = heard->inside_state;

    verdict->status = wws_service_proxy_close(verdict->proxy, NULL, no_error);
}

/* D34: a close that would wait for its own callback. */
static void proxy_close__is_refused_in_a_callback_it_waits_for(void **state)
{
    struct world *world = *state;
    struct verdict verdict = { world->proxy, WWS_S_OK };
    struct call call = call_to(world->proxy, ACTION_ECHO);
    struct heard heard;

    hear_inside(&heard, start_call, &call, close_inside, &verdict);

    assert_status(heard_end(&heard), WWS_S_OK);
    assert_status(verdict.status, WWS_E_INVALID_OPERATION);
    assert_int_equal(state_of(world->proxy), WWS_SERVICE_PROXY_STATE_OPEN);
    wws_buffer_release(&call.reply);
}

struct closing {
    struct heard closed;
    wws_service_proxy proxy;
};

static void close_beside(struct heard *heard)
{
    struct closing *closing = heard->inside_state;

    hear(&closing->closed, CALLBACK, start_close, &closing->proxy);
}

/* D34: without waiting it is fine. */
static void proxy_close__may_begin_in_a_callback(void **state)
{
    struct world *world = *state;
    struct closing inside = { .proxy = world->proxy };
    struct call call = call_to(world->proxy, ACTION_ECHO);
    struct heard heard;

    hear_inside(&heard, start_call, &call, close_beside, &inside);

    assert_status(heard_end(&heard), WWS_S_OK);
    assert_status(heard_end(&inside.closed), WWS_S_OK);
    wws_buffer_release(&call.reply);
}

static void free_inside(struct heard *heard)
{
    free_proxy(heard->inside_state);
}

/* D12, hazard 12 */
static void proxy_free__may_be_called_in_its_own_callback(void **state)
{
    struct world *world = *state;
    wws_service_proxy proxy = world_proxy(world, NULL, world->url);
    struct call echo = call_to(proxy, ACTION_ECHO);
    struct call later = call_to(proxy, ACTION_LATER);
    struct heard first, second;

    hear(&first, QUEUE, start_call, &later);
    hear_inside(&second, start_call, &echo, free_inside, &proxy);

    assert_status(heard_end(&second), WWS_S_OK);
    assert_status(heard_end(&first), WWS_E_OPERATION_ABORTED);
    wws_buffer_release(&echo.reply);
}

/* G9, G11: the next life of the same proxy is as good as the first. */
static void proxy_reset__makes_an_aborted_proxy_usable(void **state)
{
    struct world *world = *state;

    abort_proxy(&world->proxy);
    assert_status(wws_service_proxy_reset(world->proxy, no_error),
        WWS_E_INVALID_OPERATION);
    assert_status(wws_service_proxy_close(world->proxy, NULL, no_error),
        WWS_S_OK);
    assert_status(wws_service_proxy_reset(world->proxy, no_error), WWS_S_OK);
    assert_status(wws_service_proxy_open(world->proxy, text(world->url), NULL,
        no_error), WWS_S_OK);

    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(proxy_abort__ends_pending_calls),
        in_world(proxy_free__ends_pending_calls),
        in_world(proxy_abort__ends_many_calls),
        in_world(proxy_abort__before_open_is_remembered),
        in_world(proxy_abort__ends_a_pending_close),
        in_world(proxy_abort__resets_idle_connections),
        in_world(proxy_close__returns_when_every_caller_has_heard),
        in_world(proxy_close__waits_for_pending_calls),
        in_world(proxy_close__aborts_when_its_time_is_over),
        in_world(proxy_close__is_refused_in_a_callback_it_waits_for),
        in_world(proxy_close__may_begin_in_a_callback),
        in_world(proxy_free__may_be_called_in_its_own_callback),
        in_world(proxy_reset__makes_an_aborted_proxy_usable),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
