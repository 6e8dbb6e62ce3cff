/* What holds as soon as a function that stops something has returned, though
 * nobody else gets on: the loop is held by a short operation, and every thread
 * of the pool by a long one. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

enum { POOL_THREADS = 2 };

static const wws_error no_error;
static const struct peer_script silent = { .then = PEER_HOLDS };

/* One of each that can be pending, in one manner. */
struct crowd {
    struct world world;  /* its host keeps the pool */
    struct world blocker; /* no world of its own: its host keeps the loop */
    struct peer peer;
    struct ear ear;
    struct talk asking;
    struct talk accepting;
    struct call call;
    struct heard asked;
    struct heard accepted;
    struct heard called;
    int clients[POOL_THREADS + 1];
};

static void keep_pool(struct crowd *crowd)
{
    struct gate *gate = &crowd->world.gate;

    for (unsigned i = 0; i < POOL_THREADS; i++) {
        crowd->clients[i] = peer_connect(crowd->world.url);
        peer_request(crowd->clients[i], ACTION_WAIT, 0);
        assert_true(gate_reaches(gate, &gate->entered, i + 1));
    }
}

static void keep_loop(struct crowd *crowd)
{
    struct gate *gate = &crowd->blocker.gate;
    int *client = &crowd->clients[POOL_THREADS];

    *client = peer_connect(crowd->blocker.url);
    peer_request(*client, ACTION_WAIT, 0);
    assert_true(gate_reaches(gate, &gate->entered, 1));
}

static void add_blocker(struct crowd *crowd)
{
    wws_endpoint_options endpoint = endpoint_options();

    endpoint.callback_model = WWS_CALLBACK_MODEL_SHORT;
    crowd->blocker.runtime = crowd->world.runtime;
    gate_init(&crowd->blocker.gate);
    world_add_host(&crowd->blocker, NULL, &endpoint);
}

static void begin(struct crowd *crowd, enum manner manner)
{
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    struct world *world = &crowd->world;

    memset(crowd, 0, sizeof *crowd);
    options.loop_threads = 1;
    options.max_pool_threads = POOL_THREADS;
    world_begin(world, &options);
    world_add_host(world, NULL, NULL);
    add_blocker(crowd);
    peer_start(&crowd->peer, &silent);
    ear_open(&crowd->ear, world->runtime);
    world->proxy = world_proxy(world, NULL, crowd->peer.url);
    crowd->call = call_to(world->proxy, ACTION_ECHO);
    crowd->asking = (struct talk) {
        .channel = new_client(world->runtime, crowd->peer.url),
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
    };
    crowd->accepting = (struct talk) {
        .listener = crowd->ear.listener,
        .channel = new_server(crowd->ear.listener),
    };
    hear(&crowd->called, manner, start_call, &crowd->call);
    hear(&crowd->asked, manner, start_request_reply, &crowd->asking);
    hear(&crowd->accepted, manner, start_accept, &crowd->accepting);
    assert_true(peer_reaches(&crowd->peer, &crowd->peer.served, 2));
    assert_true(channel_becomes(crowd->accepting.channel,
        WWS_CHANNEL_STATE_ACCEPTING));
    keep_pool(crowd);
    keep_loop(crowd);
}

static void release(struct crowd *crowd)
{
    gate_open(&crowd->blocker.gate);
    gate_open(&crowd->world.gate);
}

static void end(struct crowd *crowd)
{
    for (int i = 0; i <= POOL_THREADS; i++)
        peer_reset(crowd->clients[i]);
    assert_status(wws_channel_free(crowd->asking.channel), WWS_S_OK);
    assert_status(wws_message_free(crowd->asking.request), WWS_S_OK);
    assert_status(wws_message_free(crowd->asking.reply), WWS_S_OK);
    assert_status(wws_channel_free(crowd->accepting.channel), WWS_S_OK);
    assert_status(wws_listener_free(crowd->ear.listener), WWS_S_OK);
    assert_status(wws_service_host_abort(crowd->blocker.host), WWS_S_OK);
    assert_status(wws_service_host_close(crowd->blocker.host, NULL, no_error),
        WWS_S_OK);
    assert_status(wws_service_host_free(crowd->blocker.host), WWS_S_OK);
    gate_fini(&crowd->blocker.gate);
    peer_stop(&crowd->peer);
    assert_true(world_end(&crowd->world));
}

static void assert_faulted(const struct crowd *crowd)
{
    wws_service_proxy_state proxy;
    wws_service_host_state host;

    assert_status(wws_service_proxy_get_state(crowd->world.proxy, &proxy,
        no_error), WWS_S_OK);
    assert_status(wws_service_host_get_state(crowd->world.host, &host,
        no_error), WWS_S_OK);
    assert_int_equal(proxy, WWS_SERVICE_PROXY_STATE_FAULTED);
    assert_int_equal(host, WWS_SERVICE_HOST_STATE_FAULTED);
    assert_int_equal(channel_state(crowd->asking.channel),
        WWS_CHANNEL_STATE_FAULTED);
    assert_int_equal(listener_state(crowd->ear.listener),
        WWS_LISTENER_STATE_FAULTED);
}

static void try_all(void *state)
{
    struct crowd *crowd = state;
    struct talk asking = crowd->asking;
    struct talk accepting = crowd->accepting;

    accepting.channel = new_server(crowd->ear.listener);
    asking.request = new_request(ACTION_ECHO, 0);
    asking.reply = new_empty();
    must(call_now(crowd->world.proxy, ACTION_ECHO) == WWS_E_OBJECT_FAULTED);
    must(start_request_reply(&asking, NULL, no_error)
        == WWS_E_OBJECT_FAULTED);
    must(start_accept(&accepting, NULL, no_error) == WWS_E_OBJECT_FAULTED);
    must(wws_service_host_open(crowd->world.host, NULL, no_error)
        == WWS_E_INVALID_OPERATION);
    must(wws_channel_free(accepting.channel) == WWS_S_OK);
    must(wws_message_free(asking.request) == WWS_S_OK);
    must(wws_message_free(asking.reply) == WWS_S_OK);
}

static void abort_all(const struct crowd *crowd)
{
    assert_status(wws_service_proxy_abort(crowd->world.proxy), WWS_S_OK);
    assert_status(wws_channel_abort(crowd->asking.channel), WWS_S_OK);
    assert_status(wws_listener_abort(crowd->ear.listener), WWS_S_OK);
    assert_status(wws_service_host_abort(crowd->world.host), WWS_S_OK);
}

static void hear_all(struct crowd *crowd)
{
    assert_status(heard_end(&crowd->called), WWS_E_OPERATION_ABORTED);
    assert_status(heard_end(&crowd->asked), WWS_E_OPERATION_ABORTED);
    assert_status(heard_end(&crowd->accepted), WWS_E_OPERATION_ABORTED);
}

/* G2, G10, L7, D5, hazard 1: nobody is waited for, every other thread sees it,
 * and who sleeps, or looks at a queue, hears of it before anybody moves. */
static void abort__needs_nobody_else(void **state)
{
    (void) state;
    for (int manner = 0; manner < MANNERS; manner++) {
        struct crowd *crowd = malloc(sizeof *crowd);

        begin(crowd, (enum manner) manner);
        abort_all(crowd);

        assert_faulted(crowd);
        on_other_thread(try_all, crowd);
        if (manner == CALLBACK)
            release(crowd);
        hear_all(crowd);
        release(crowd);
        end(crowd);
        free(crowd);
    }
}

/* G16, A12: nor is anybody called back on the thread that aborts. */
static void abort__calls_nobody_back_on_its_own_thread(void **state)
{
    struct crowd *crowd = malloc(sizeof *crowd);

    (void) state;
    begin(crowd, CALLBACK);
    abort_all(crowd);

    release(crowd);
    hear_all(crowd);
    assert_false(pthread_equal(crowd->called.called_on, pthread_self()));
    assert_false(pthread_equal(crowd->asked.called_on, pthread_self()));
    assert_false(pthread_equal(crowd->accepted.called_on, pthread_self()));
    end(crowd);
    free(crowd);
}

/* G61, G62, hazard 1: nor do an abandon and the cancel of a receive. */
static void cancel__needs_nobody_else(void **state)
{
    (void) state;
    for (int manner = 0; manner < MANNERS; manner++) {
        struct crowd *crowd = malloc(sizeof *crowd);

        begin(crowd, (enum manner) manner);
        assert_status(wws_service_proxy_abandon_call(crowd->world.proxy, 0,
            no_error), WWS_S_OK);
        assert_status(wws_channel_cancel_receive(crowd->asking.channel),
            WWS_S_OK);
        if (manner == CALLBACK)
            release(crowd);

        assert_status(heard_end(&crowd->called), WWS_E_OPERATION_ABANDONED);
        assert_status(heard_end(&crowd->asked), WWS_E_OPERATION_CANCELLED);
        abort_all(crowd);
        assert_status(heard_end(&crowd->accepted), WWS_E_OPERATION_ABORTED);
        release(crowd);
        end(crowd);
        free(crowd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(abort__needs_nobody_else),
        cmocka_unit_test(abort__calls_nobody_back_on_its_own_thread),
        cmocka_unit_test(cancel__needs_nobody_else),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
