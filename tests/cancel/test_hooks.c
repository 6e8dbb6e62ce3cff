/* The hooks of a runtime: whoever is called back is on a thread that it was
 * told of, and a hook may stop things as any callback may. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

/* Each thread of the library knows whether it was told of. */
static _Thread_local bool is_told_of;

struct hooks {
    pthread_mutex_t lock;
    unsigned started;
    unsigned stopped;
    void (*act)(struct hooks *hooks); /* of a thread that starts; may be null */
    void *user;
};

static void thread_started(void *state)
{
    struct hooks *hooks = state;
    void (*act)(struct hooks *);

    must(!is_told_of);
    is_told_of = true;
    pthread_mutex_lock(&hooks->lock);
    hooks->started++;
    act = hooks->act;
    hooks->act = NULL;
    pthread_mutex_unlock(&hooks->lock);
    if (act != NULL)
        act(hooks);
}

static void thread_stopped(void *state)
{
    struct hooks *hooks = state;

    must(is_told_of);
    is_told_of = false;
    pthread_mutex_lock(&hooks->lock);
    hooks->stopped++;
    pthread_mutex_unlock(&hooks->lock);
}

static void begin(struct world *world, struct hooks *hooks)
{
    wws_thread_callbacks threads = WWS_THREAD_CALLBACKS_INIT;
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;

    *hooks = (struct hooks) { .lock = PTHREAD_MUTEX_INITIALIZER };
    threads.state = hooks;
    threads.started = thread_started;
    threads.stopped = thread_stopped;
    options.threads = &threads;
    world_begin(world, &options);
}

static void look_inside(struct heard *heard)
{
    (void) heard;
    must(is_told_of);
}

static void look_at_operation(struct gate *gate, wws_operation operation)
{
    (void) gate;
    (void) operation;
    must(is_told_of);
}

/* Whatever is called back, on loops and in the pool, and told of a cancel. */
static void threads__are_told_of_before_they_call_back(void **state)
{
    (void) state;
    for (int is_short = 0; is_short < 2; is_short++) {
        wws_endpoint_options endpoint = endpoint_options();
        struct hooks hooks;
        struct world world;
        struct call call;
        struct heard heard;

        begin(&world, &hooks);
        if (is_short)
            endpoint.callback_model = WWS_CALLBACK_MODEL_SHORT;
        world.gate.registers = true;
        world.gate.visiting = look_at_operation;
        world.gate.telling = look_at_operation;
        world_add_host(&world, NULL, &endpoint);
        world.proxy = world_proxy(&world, NULL, world.url);
        call = call_to(world.proxy, ACTION_LATER);
        hear_inside(&heard, start_call, &call, look_inside, NULL);
        assert_true(gate_reaches(&world.gate, &world.gate.entered, 1));
        assert_status(wws_service_host_abort(world.host), WWS_S_OK);

        assert_true(gate_reaches(&world.gate, &world.gate.told, 1));
        assert_true(heard_end(&heard) < 0);
        assert_true(world_end(&world));
        assert_int_equal(hooks.started, hooks.stopped);
    }
}

/* All that one runtime can have pending. */
struct busy {
    struct world world;
    struct hooks hooks;
    struct peer peer;
    struct ear ear;
    struct talk asking;
    struct talk accepting;
    wws_service_proxy proxy;
    struct call call;
    struct heard asked;
    struct heard accepted;
    struct heard called;
};

static void abort_all(struct hooks *hooks)
{
    struct busy *busy = hooks->user;

    must(wws_channel_abort(busy->asking.channel) == WWS_S_OK);
    must(wws_listener_abort(busy->ear.listener) == WWS_S_OK);
    must(wws_service_proxy_abort(busy->proxy) == WWS_S_OK);
    must(wws_service_host_abort(busy->world.host) == WWS_S_OK);
}

static void add_pending(struct busy *busy, enum manner manner)
{
    static const struct peer_script silent = { .then = PEER_HOLDS };
    wws_runtime runtime = busy->world.runtime;

    peer_start(&busy->peer, &silent);
    ear_open(&busy->ear, runtime);
    busy->proxy = world_proxy(&busy->world, NULL, busy->peer.url);
    busy->call = call_to(busy->proxy, ACTION_ECHO);
    busy->asking = (struct talk) {
        .channel = new_client(runtime, busy->peer.url),
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
    };
    busy->accepting = (struct talk) {
        .listener = busy->ear.listener,
        .channel = new_server(busy->ear.listener),
    };
    hear(&busy->called, manner, start_call, &busy->call);
    hear(&busy->asked, manner, start_request_reply, &busy->asking);
    hear(&busy->accepted, manner, start_accept, &busy->accepting);
    assert_true(peer_reaches(&busy->peer, &busy->peer.served, 2));
    assert_true(channel_becomes(busy->accepting.channel,
        WWS_CHANNEL_STATE_ACCEPTING));
}

static void end_pending(struct busy *busy)
{
    assert_status(heard_end(&busy->called), WWS_E_OPERATION_ABORTED);
    assert_status(heard_end(&busy->asked), WWS_E_OPERATION_ABORTED);
    assert_status(heard_end(&busy->accepted), WWS_E_OPERATION_ABORTED);
    assert_status(wws_service_proxy_free(busy->proxy), WWS_S_OK);
    assert_status(wws_channel_free(busy->asking.channel), WWS_S_OK);
    assert_status(wws_message_free(busy->asking.request), WWS_S_OK);
    assert_status(wws_message_free(busy->asking.reply), WWS_S_OK);
    assert_status(wws_channel_free(busy->accepting.channel), WWS_S_OK);
    assert_status(wws_listener_free(busy->ear.listener), WWS_S_OK);
    peer_stop(&busy->peer);
}

static bool are_told_of(void *state)
{
    struct busy *busy = state;
    unsigned started;

    pthread_mutex_lock(&busy->hooks.lock);
    started = busy->hooks.started;
    pthread_mutex_unlock(&busy->hooks.lock);
    return started == counter(&busy->world, WWS_COUNTER_THREADS);
}

static void act_at_next_start(struct busy *busy)
{
    /* A thread that is new may not have said so yet. */
    assert_true(await(are_told_of, busy));
    pthread_mutex_lock(&busy->hooks.lock);
    busy->hooks.user = busy;
    busy->hooks.act = abort_all;
    pthread_mutex_unlock(&busy->hooks.lock);
}

/* Needs a thread that is not there yet: that of its operation. */
static void make_thread_start(struct busy *busy)
{
    int client = peer_connect(busy->world.url);

    peer_request(client, ACTION_WAIT, 0);
    assert_true(peer_ended(client));
    peer_reset(client);
}

/* G5, G15: the thread that was started has had nothing else to do yet. */
static void abort__may_be_called_where_a_thread_starts(void **state)
{
    (void) state;
    for (int manner = 0; manner < MANNERS; manner++) {
        struct busy busy;

        begin(&busy.world, &busy.hooks);
        world_add_host(&busy.world, NULL, NULL);
        add_pending(&busy, manner);
        act_at_next_start(&busy);
        make_thread_start(&busy);

        end_pending(&busy);
        assert_true(world_end(&busy.world));
        assert_int_equal(busy.hooks.started, busy.hooks.stopped);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads__are_told_of_before_they_call_back),
        cmocka_unit_test(abort__may_be_called_where_a_thread_starts),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
