/* An accept that is ended while it begins.  Lines of the log come with the
 * lock of their object held, which is where the test stops the threads. */
#include "tests/support/public/world.h"

static const wws_error no_error;

/* Stops whoever writes a line that contains the text. */
struct stop {
    const char *line;
    bool reached;
    bool released;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct stop accepting;
    struct stop closing;
} stops = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .changed = PTHREAD_COND_INITIALIZER,
};

static bool contains(wws_string line, const char *text)
{
    return memmem(line.data, line.size, text, strlen(text)) != NULL;
}

static void pass(struct stop *stop, wws_string line)
{
    if (!contains(line, stop->line))
        return;
    pthread_mutex_lock(&stops.lock);
    stop->reached = true;
    pthread_cond_broadcast(&stops.changed);
    while (!stop->released)
        pthread_cond_wait(&stops.changed, &stops.lock);
    pthread_mutex_unlock(&stops.lock);
}

static void log_line(
    wws_log_level level,
    wws_phase phase,
    wws_string line,
    void *state)
{
    (void) level;
    (void) phase;
    (void) state;
    pass(&stops.accepting, line);
    pass(&stops.closing, line);
}

static void await_stop(struct stop *stop)
{
    pthread_mutex_lock(&stops.lock);
    while (!stop->reached)
        pthread_cond_wait(&stops.changed, &stops.lock);
    pthread_mutex_unlock(&stops.lock);
}

static void release(struct stop *stop)
{
    pthread_mutex_lock(&stops.lock);
    stop->released = true;
    pthread_cond_broadcast(&stops.changed);
    pthread_mutex_unlock(&stops.lock);
}

static void stop_at_lines(struct world *world)
{
    wws_log_callbacks callbacks = WWS_LOG_CALLBACKS_INIT;

    callbacks.line = log_line;
    stops.accepting = (struct stop) { .line = "created to accepting" };
    stops.closing = (struct stop) { .line = "open to closing" };
    assert_status(wws_runtime_set_log(world->runtime, WWS_LOG_LEVEL_INFO,
        &callbacks, no_error), WWS_S_OK);
}

struct server {
    wws_listener listener;
    wws_channel channel;
};

static struct server begin(struct world *world)
{
    struct server server;

    server.listener = new_listener(world->runtime);
    assert_status(wws_listener_open(server.listener,
        text(wire()->any_port), NULL, no_error), WWS_S_OK);
    assert_status(wws_channel_create_for_listener(server.listener, NULL,
        &server.channel, no_error), WWS_S_OK);
    stop_at_lines(world);
    return server;
}

static void end(struct server *server)
{
    wws_channel_state state;

    assert_status(wws_channel_get_state(server->channel, &state, no_error),
        WWS_S_OK);
    assert_int_equal(state, WWS_CHANNEL_STATE_CREATED);
    assert_status(wws_channel_free(server->channel), WWS_S_OK);
    assert_status(wws_listener_free(server->listener), WWS_S_OK);
}

static wws_status start_accept(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct server *server = state;

    return wws_listener_accept(server->listener, server->channel, completion,
        error);
}

static wws_status start_close(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_listener_close(((struct server *) state)->listener, completion,
        error);
}

/* In any manner, on a thread of its own. */
struct accepting {
    struct server *server;
    enum manner manner;
    struct heard heard;
};

static void *accept_somewhere(void *state)
{
    struct accepting *accepting = state;

    hear(&accepting->heard, accepting->manner, start_accept,
        accepting->server);
    return NULL;
}

static void *abort_channel(void *state)
{
    (void) wws_channel_abort(((struct server *) state)->channel);
    return NULL;
}

/* G7, G22, L8 */
static void accept__ends_once_when_aborted_while_listener_closes(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct server server = begin(world);
        struct accepting accepting = { .server = &server, .manner = manner };
        uint64_t won = counter(world, WWS_COUNTER_CANCEL_WON);
        pthread_t accepter, aborter;
        struct heard closed;

        pthread_create(&accepter, NULL, accept_somewhere, &accepting);
        await_stop(&stops.accepting);
        hear(&closed, SYNC, start_close, &server);
        await_stop(&stops.closing);
        release(&stops.accepting);
        pthread_create(&aborter, NULL, abort_channel, &server);
        assert_true(counter_reaches(world, WWS_COUNTER_CANCEL_WON, won + 1));
        release(&stops.closing);
        pthread_join(accepter, NULL);
        pthread_join(aborter, NULL);

        assert_status(heard_end(&accepting.heard), WWS_E_OPERATION_ABORTED);
        assert_status(heard_end(&closed), WWS_S_OK);
        end(&server);
    }
}

/* G35, LI4 */
static void accept__ends_when_listener_closes_before_it_is_listed(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct server server = begin(world);
        struct accepting accepting = { .server = &server, .manner = manner };
        pthread_t accepter;
        struct heard closed;

        pthread_create(&accepter, NULL, accept_somewhere, &accepting);
        await_stop(&stops.accepting);
        hear(&closed, SYNC, start_close, &server);
        await_stop(&stops.closing);
        release(&stops.accepting);
        release(&stops.closing);
        pthread_join(accepter, NULL);

        assert_status(heard_end(&accepting.heard), WWS_E_OPERATION_ABORTED);
        assert_status(heard_end(&closed), WWS_S_OK);
        end(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            accept__ends_once_when_aborted_while_listener_closes,
            world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(
            accept__ends_when_listener_closes_before_it_is_listed,
            world_set_up, world_tear_down),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
