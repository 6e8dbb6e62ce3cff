/* What ends with a runtime: closing and freeing it with everything pending,
 * from every thread, the default one, its hooks, and a forked child. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#include <sys/wait.h>
#include <unistd.h>

static const wws_error no_error;
static const struct peer_script silent = { .then = PEER_HOLDS };

/* One of each that can be pending, on a runtime of its own. */
struct busy {
    wws_runtime runtime;
    struct peer peer;
    struct ear ear;
    wws_service_proxy proxy;
    struct call call;
    struct talk asking;
    struct talk accepting;
    struct heard called;
    struct heard asked;
    struct heard accepted;
};

static bool is_accepting(void *state)
{
    struct busy *busy = state;

    return channel_state(busy->accepting.channel)
        == WWS_CHANNEL_STATE_ACCEPTING;
}

static void begin(struct busy *busy, enum manner manner)
{
    struct world world = { .host = { 0 } };

    must(wws_runtime_create(NULL, &busy->runtime, no_error) == WWS_S_OK);
    world.runtime = busy->runtime;
    peer_start(&busy->peer, &silent);
    ear_open(&busy->ear, busy->runtime);
    busy->proxy = world_proxy(&world, NULL, busy->peer.url);
    busy->call = call_to(busy->proxy, ACTION_ECHO);
    busy->asking = (struct talk) {
        .channel = new_client(busy->runtime, busy->peer.url),
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
    assert_true(await(is_accepting, busy));
}

static void assert_aborted(struct busy *busy)
{
    assert_status(heard_end(&busy->called), WWS_E_OPERATION_ABORTED);
    assert_status(heard_end(&busy->asked), WWS_E_OPERATION_ABORTED);
    assert_status(heard_end(&busy->accepted), WWS_E_OPERATION_ABORTED);
}

static void end(struct busy *busy)
{
    assert_status(wws_service_proxy_free(busy->proxy), WWS_S_OK);
    assert_status(wws_channel_free(busy->asking.channel), WWS_S_OK);
    assert_status(wws_message_free(busy->asking.request), WWS_S_OK);
    assert_status(wws_message_free(busy->asking.reply), WWS_S_OK);
    assert_status(wws_channel_free(busy->accepting.channel), WWS_S_OK);
    assert_status(wws_listener_free(busy->ear.listener), WWS_S_OK);
    peer_stop(&busy->peer);
}

static void close_busy(void *state)
{
    struct busy *busy = state;

    must(wws_runtime_close(busy->runtime, HANG_MS, no_error) == WWS_S_OK);
}

static void runtime_close__aborts_everything(void **state)
{
    (void) state;
    for (int manner = 0; manner < MANNERS; manner++) {
        struct busy busy;

        begin(&busy, manner);
        close_busy(&busy);

        assert_aborted(&busy);
        end(&busy);
        assert_status(wws_runtime_free(busy.runtime), WWS_S_OK);
    }
}

/* What is to be heard has been said when close returns. */
static void runtime_close__returns_after_everybody_was_told(void **state)
{
    (void) state;
    for (int manner = CALLBACK; manner < MANNERS; manner++) {
        struct busy busy;

        begin(&busy, manner);
        close_busy(&busy);

        assert_true(heard_yet(&busy.called));
        assert_true(heard_yet(&busy.asked));
        assert_true(heard_yet(&busy.accepted));
        assert_aborted(&busy);
        end(&busy);
        assert_status(wws_runtime_free(busy.runtime), WWS_S_OK);
    }
}

static void *close_on_thread(void *state)
{
    close_busy(state);
    return NULL;
}

static void runtime_close__may_be_called_on_many_threads(void **state)
{
    enum { CLOSERS = 4, ROUNDS = 50 };

    (void) state;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[CLOSERS];
        struct busy busy;

        must(wws_runtime_create(NULL, &busy.runtime, no_error) == WWS_S_OK);
        for (int i = 0; i < CLOSERS; i++)
            pthread_create(&threads[i], NULL, close_on_thread, &busy);
        for (int i = 0; i < CLOSERS; i++)
            pthread_join(threads[i], NULL);

        assert_status(wws_runtime_free(busy.runtime), WWS_S_OK);
    }
}

static void try_to_close(void *state)
{
    struct world *world = state;

    assert_status(wws_runtime_close(world->runtime, HANG_MS, no_error),
        WWS_E_INVALID_OPERATION);
}

static void runtime_close__is_refused_in_a_callback(void **state)
{
    struct world *world = *state;

    call_at(world, IN_CALLBACK, try_to_close, world);

    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
}

static void runtime_close__times_out_and_can_be_tried_again(void **state)
{
    struct world *world = *state;
    struct call call = call_to(world->proxy, ACTION_WAIT);
    struct heard heard;
    int64_t begun;

    hear(&heard, CALLBACK, start_call, &call);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));
    begun = now_ms();
    assert_status(wws_runtime_close(world->runtime, 50, no_error),
        WWS_E_OPERATION_TIMED_OUT);
    assert_true(now_ms() - begun >= 50);
    assert_true(heard_end(&heard) < 0);
    gate_open(&world->gate);

    assert_status(wws_runtime_close(world->runtime, HANG_MS, no_error),
        WWS_S_OK);
}

struct idle {
    wws_service_host host;
    wws_service_proxy proxy;
    wws_listener listener;
    wws_channel channel;
};

static void create_all(struct idle *idle, wws_runtime runtime)
{
    must(wws_service_host_create(runtime, NULL, &idle->host, no_error)
        == WWS_S_OK);
    idle->proxy = new_proxy(runtime);
    idle->listener = new_listener(runtime);
    idle->channel = new_channel(runtime);
}

static void assert_all_refuse(const struct idle *idle)
{
    wws_string url = text(wire()->nowhere);

    assert_status(wws_service_host_open(idle->host, NULL, no_error),
        WWS_E_OBJECT_FAULTED);
    assert_status(wws_service_proxy_open(idle->proxy, url, NULL, no_error),
        WWS_E_OBJECT_FAULTED);
    assert_status(wws_listener_open(idle->listener, url, NULL, no_error),
        WWS_E_OBJECT_FAULTED);
    assert_status(wws_channel_open(idle->channel, url, NULL, no_error),
        WWS_E_OBJECT_FAULTED);
}

static void free_all(const struct idle *idle)
{
    assert_status(wws_service_host_free(idle->host), WWS_S_OK);
    assert_status(wws_service_proxy_free(idle->proxy), WWS_S_OK);
    assert_status(wws_listener_free(idle->listener), WWS_S_OK);
    assert_status(wws_channel_free(idle->channel), WWS_S_OK);
}

/* Nothing would ever come of what opened there, not even a time-out. */
static void closed_runtime__lets_nothing_open(void **state)
{
    struct world *world = *state;
    struct idle idle;
    wws_channel channel;

    create_all(&idle, world->runtime);
    assert_status(wws_runtime_close(world->runtime, HANG_MS, no_error),
        WWS_S_OK);

    assert_all_refuse(&idle);
    assert_all_refuse(&idle);
    assert_status(wws_channel_create(world->runtime, NULL, &channel, no_error),
        WWS_E_OBJECT_FAULTED);
    free_all(&idle);
}

static wws_status start_close_proxy(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_service_proxy_close(*(wws_service_proxy *) state, completion,
        error);
}

/* At once, for no thread is left that could call back (G16). */
static void closed_runtime__lets_its_objects_be_closed(void **state)
{
    (void) state;
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard closed[3];
        struct busy busy;

        begin(&busy, manner);
        close_busy(&busy);
        assert_aborted(&busy);

        hear(&closed[0], manner, start_close_proxy, &busy.proxy);
        hear(&closed[1], manner, start_close_channel, &busy.asking);
        hear(&closed[2], manner, start_close_listener, &busy.accepting);
        for (int i = 0; i < 3; i++) {
            assert_status(heard_end(&closed[i]), WWS_S_OK);
            assert_status(closed[i].returned, WWS_S_OK);
        }
        end(&busy);
        assert_status(wws_runtime_free(busy.runtime), WWS_S_OK);
    }
}

static void free_busy(void *state)
{
    struct busy *busy = state;

    must(wws_runtime_free(busy->runtime) == WWS_S_OK);
}

static void runtime_free__aborts_everything(void **state)
{
    for (int place = 0; place < PLACES; place++)
        for (int manner = 0; manner < MANNERS; manner++) {
            struct busy busy;

            begin(&busy, manner);
            call_at(*state, place, free_busy, &busy);

            assert_aborted(&busy);
            end(&busy);
        }
}

struct own {
    wws_runtime runtime;
    wws_status status;
};

static void free_own(struct heard *heard)
{
    struct own *own = heard->inside_state;

    own->status = wws_runtime_free(own->runtime);
}

static void runtime_free__may_be_called_in_its_own_callback(void **state)
{
    struct own own = { .status = WWS_E_OTHER };
    struct talk talk = { .url = NULL };
    struct heard heard;
    struct ear ear;

    (void) state;
    must(wws_runtime_create(NULL, &own.runtime, no_error) == WWS_S_OK);
    ear_open(&ear, own.runtime);
    talk.listener = ear.listener;
    talk.channel = new_server(ear.listener);
    hear_inside(&heard, start_accept, &talk, free_own, &own);
    assert_status(wws_listener_abort(ear.listener), WWS_S_OK);

    assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
    assert_status(own.status, WWS_S_OK);
    assert_status(wws_channel_free(talk.channel), WWS_S_OK);
    assert_status(wws_listener_free(ear.listener), WWS_S_OK);
}

/* Hooks. */

struct hooks {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned started;
    unsigned stopped;
    unsigned freed;
    bool early;
};

static void count(struct hooks *hooks, unsigned *what)
{
    pthread_mutex_lock(&hooks->lock);
    hooks->early = hooks->early || hooks->freed != 0;
    (*what)++;
    pthread_cond_broadcast(&hooks->changed);
    pthread_mutex_unlock(&hooks->lock);
}

static void thread_started(void *state)
{
    struct hooks *hooks = state;

    count(hooks, &hooks->started);
}

static void thread_stopped(void *state)
{
    struct hooks *hooks = state;

    count(hooks, &hooks->stopped);
}

static void hooks_freed(void *state)
{
    struct hooks *hooks = state;

    count(hooks, &hooks->freed);
}

static void threads__are_all_told_of_and_then_the_hooks_are_freed(void **state)
{
    struct hooks hooks = {
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    wws_thread_callbacks callbacks = WWS_THREAD_CALLBACKS_INIT;
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    struct world world;

    (void) state;
    callbacks.state = &hooks;
    callbacks.started = thread_started;
    callbacks.stopped = thread_stopped;
    callbacks.free_state = hooks_freed;
    options.threads = &callbacks;
    options.loop_threads = 3;
    world_begin(&world, &options);
    world_add_host(&world, NULL, NULL);
    world.proxy = world_proxy(&world, NULL, world.url);
    assert_status(call_now(world.proxy, ACTION_ECHO), WWS_S_OK);

    assert_true(world_end(&world));
    assert_true(hooks.started >= 4);
    assert_int_equal(hooks.started, hooks.stopped);
    assert_int_equal(hooks.freed, 1);
    assert_false(hooks.early);
}

static void free_hooks_runtime__frees_them_without_a_close(void **state)
{
    struct hooks hooks = {
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    wws_thread_callbacks callbacks = WWS_THREAD_CALLBACKS_INIT;
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    wws_runtime runtime;

    (void) state;
    callbacks.state = &hooks;
    callbacks.started = thread_started;
    callbacks.stopped = thread_stopped;
    callbacks.free_state = hooks_freed;
    options.threads = &callbacks;
    assert_status(wws_runtime_create(&options, &runtime, no_error), WWS_S_OK);
    assert_status(wws_runtime_free(runtime), WWS_S_OK);

    pthread_mutex_lock(&hooks.lock);
    while (hooks.freed == 0)
        pthread_cond_wait(&hooks.changed, &hooks.lock);
    pthread_mutex_unlock(&hooks.lock);
    assert_int_equal(hooks.started, hooks.stopped);
    assert_false(hooks.early);
}

/* The default runtime. */

struct sink {
    unsigned lines;
    unsigned freed;
    wws_status inside;
};

static void take_line(
    wws_log_level level,
    wws_phase phase,
    wws_string line,
    void *state)
{
    (void) level;
    (void) phase;
    (void) line;
    ((struct sink *) state)->lines++;
}

/* Freed is the state that may call the library. */
static void free_sink(void *state)
{
    struct sink *sink = state;
    uint64_t value;

    sink->freed++;
    sink->inside = wws_runtime_get_counter((wws_runtime) { 0 },
        WWS_COUNTER_HANDLES, &value, no_error);
}

static void set_sink(wws_runtime runtime, struct sink *sink)
{
    wws_log_callbacks callbacks = WWS_LOG_CALLBACKS_INIT;

    callbacks.state = sink;
    callbacks.line = take_line;
    callbacks.free_state = free_sink;
    assert_status(wws_runtime_set_log(runtime, WWS_LOG_LEVEL_INFO, &callbacks,
        no_error), WWS_S_OK);
}

static void default_runtime__comes_back_after_a_close(void **state)
{
    const wws_runtime none = { 0 };
    struct sink sink = { .inside = WWS_E_OTHER };
    wws_service_proxy proxy;
    uint64_t threads;

    (void) state;
    for (int round = 0; round < 3; round++) {
        sink = (struct sink) { .inside = WWS_E_OTHER };
        set_sink(none, &sink);
        proxy = new_proxy(none);
        assert_status(wws_service_proxy_open(proxy,
            text(wire()->nowhere), NULL, no_error), WWS_S_OK);
        assert_int_equal(sink.lines, 2);
        assert_status(wws_runtime_close(none, HANG_MS, no_error), WWS_S_OK);
        assert_status(wws_runtime_close(none, HANG_MS, no_error), WWS_S_OK);
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
        assert_status(wws_runtime_get_counter(none, WWS_COUNTER_THREADS,
            &threads, no_error), WWS_S_OK);

        assert_true(threads >= 2);
        assert_int_equal(sink.freed, 1);
        assert_status(sink.inside, WWS_S_OK);
    }
    assert_status(wws_runtime_close(none, HANG_MS, no_error), WWS_S_OK);
}

static void log__frees_each_table_when_the_next_is_set(void **state)
{
    struct world *world = *state;
    struct sink first = { .lines = 0 }, second = { .lines = 0 };

    set_sink(world->runtime, &first);
    set_sink(world->runtime, &second);
    assert_int_equal(first.freed, 1);
    assert_int_equal(second.freed, 0);
    assert_status(wws_runtime_set_log(world->runtime, WWS_LOG_LEVEL_INFO, NULL,
        no_error), WWS_S_OK);
    assert_int_equal(second.freed, 1);
    assert_status(wws_runtime_close((wws_runtime) { 0 }, HANG_MS, no_error),
        WWS_S_OK);
}

static void counter__must_be_known(void **state)
{
    struct world *world = *state;
    uint64_t value;

    assert_status(wws_runtime_get_counter(world->runtime,
        WWS_COUNTER_HANDLES + 1, &value, no_error), WWS_E_INVALIDARG);
}

/* Fork. */

/* A child that makes threads is beyond what looks for races, and what looks
 * after memory has an allocator whose locks a child may find taken. */
#ifdef __SANITIZE_THREAD__
#define NEEDS_FORK() skip()
#else
#define NEEDS_FORK() ((void) 0)
#endif
#ifdef __SANITIZE_ADDRESS__
#define NEEDS_FORK_BESIDE_OTHERS() skip()
#else
#define NEEDS_FORK_BESIDE_OTHERS() NEEDS_FORK()
#endif

/* Everything of the parent's is refused, and freed without harm. */
static bool child_refuses(const struct busy *busy)
{
    wws_service_proxy_state state;
    uint64_t value;

    return wws_service_proxy_get_state(busy->proxy, &state, no_error)
            == WWS_E_FORKED
        && wws_service_proxy_abort(busy->proxy) == WWS_E_FORKED
        && wws_channel_abort(busy->asking.channel) == WWS_E_FORKED
        && wws_runtime_get_counter(busy->runtime, WWS_COUNTER_HANDLES, &value,
            no_error) == WWS_E_FORKED
        && wws_runtime_close(busy->runtime, 0, no_error) == WWS_E_FORKED
        && wws_service_proxy_free(busy->proxy) == WWS_S_OK
        && wws_channel_free(busy->asking.channel) == WWS_S_OK
        && wws_listener_free(busy->ear.listener) == WWS_S_OK
        && wws_runtime_free(busy->runtime) == WWS_S_OK;
}

static bool child_calls(const char *url)
{
    const wws_runtime none = { 0 };
    wws_service_proxy proxy = new_proxy(none);

    return wws_service_proxy_open(proxy, text(url), NULL, no_error)
            == WWS_S_OK
        && call_now(proxy, ACTION_ECHO) == WWS_S_OK
        && wws_service_proxy_close(proxy, NULL, no_error) == WWS_S_OK
        && wws_service_proxy_free(proxy) == WWS_S_OK
        && wws_runtime_close(none, HANG_MS, no_error) == WWS_S_OK;
}

static bool child_is_well(pid_t child)
{
    int status;

    must(waitpid(child, &status, 0) == child);
    if (status != 0)
        print_error("a child ended with status %#x\n", (unsigned) status);
    return status == 0;
}

static void fork__gives_the_child_a_runtime_of_its_own(void **state)
{
    struct world *world = *state;

    NEEDS_FORK();
    for (int manner = 0; manner < MANNERS; manner++) {
        struct busy busy;
        pid_t child;

        begin(&busy, manner);
        child = fork();
        if (child == 0)
            _exit(!(child_refuses(&busy) && child_calls(world->url)));
        assert_true(child_is_well(child));

        assert_false(heard_yet(&busy.called));
        assert_false(heard_yet(&busy.asked));
        assert_false(heard_yet(&busy.accepted));
        assert_int_equal(peer_read(&busy.peer, &busy.peer.gone), 0);
        assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
        close_busy(&busy);
        assert_aborted(&busy);
        end(&busy);
        assert_status(wws_runtime_free(busy.runtime), WWS_S_OK);
    }
}

struct caller {
    struct world *world;
    _Atomic bool enough;
    _Atomic unsigned failed;
};

static void *call_on_and_on(void *state)
{
    struct caller *caller = state;

    while (!caller->enough)
        if (call_now(caller->world->proxy, ACTION_ECHO) != WWS_S_OK)
            caller->failed++;
    return NULL;
}

/* Whatever other threads hold at that moment. */
static void fork__may_come_at_any_time(void **state)
{
    enum { CALLERS = 3, CHILDREN = 30 };
    struct caller caller = { .world = *state };
    pthread_t threads[CALLERS];
    unsigned well = 0;

    NEEDS_FORK_BESIDE_OTHERS();
    for (int i = 0; i < CALLERS; i++)
        pthread_create(&threads[i], NULL, call_on_and_on, &caller);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();

        if (child == 0) {
            alarm(HANG_MS / 1000);
            _exit(!child_calls(caller.world->url));
        }
        well += child_is_well(child);
    }
    caller.enough = true;
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);

    assert_int_equal(well, CHILDREN);
    assert_int_equal(caller.failed, 0);
}

#define in_a_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_a_world(runtime_close__aborts_everything),
        in_a_world(runtime_close__returns_after_everybody_was_told),
        in_a_world(runtime_close__may_be_called_on_many_threads),
        in_a_world(runtime_close__is_refused_in_a_callback),
        in_a_world(runtime_close__times_out_and_can_be_tried_again),
        in_a_world(closed_runtime__lets_nothing_open),
        in_a_world(closed_runtime__lets_its_objects_be_closed),
        in_a_world(runtime_free__aborts_everything),
        in_a_world(runtime_free__may_be_called_in_its_own_callback),
        cmocka_unit_test(threads__are_all_told_of_and_then_the_hooks_are_freed),
        in_a_world(free_hooks_runtime__frees_them_without_a_close),
        in_a_world(default_runtime__comes_back_after_a_close),
        in_a_world(log__frees_each_table_when_the_next_is_set),
        in_a_world(counter__must_be_known),
        in_a_world(fork__gives_the_child_a_runtime_of_its_own),
        in_a_world(fork__may_come_at_any_time),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
