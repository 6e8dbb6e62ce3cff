/* A caller on his way out of, or into, a wait for a message, who finds that the
 * runtime was closed meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "core/base/gate.h"
#include "wws/wws.h"

#ifdef WWS_DEBUG

enum { HANG_MS = 20000, HANG_S = 20 };

static const wws_error no_error;

static struct {
    wws_runtime runtime;
    wws_listener listener;
    wws_channel channel;
    wws_message message;
    wws_status received;
    sem_t stands, closed, let_go, heard;
} it;

static _Thread_local bool receives;
static _Thread_local bool starts;

static void open_session(void)
{
    wws_listener_options listener = WWS_LISTENER_OPTIONS_INIT;
    wws_channel_options channel = WWS_CHANNEL_OPTIONS_INIT;
    wws_buffer url;

    listener.transport = channel.transport = WWS_TRANSPORT_TCP;
    listener.encoding = channel.encoding = WWS_ENCODING_UTF8;
    assert_int_equal(wws_listener_create(it.runtime, &listener, &it.listener,
        no_error), WWS_S_OK);
    assert_int_equal(wws_listener_open(it.listener,
        WWS_STR("net.tcp://127.0.0.1:0/"), NULL, no_error), WWS_S_OK);
    assert_int_equal(wws_listener_get_address(it.listener, &url, no_error),
        WWS_S_OK);
    assert_int_equal(wws_channel_create(it.runtime, &channel, &it.channel,
        no_error), WWS_S_OK);
    assert_int_equal(wws_channel_open(it.channel, (wws_string) {
        (const char *) url.data, url.size }, NULL, no_error), WWS_S_OK);
    wws_buffer_release(&url);
}

static void stop_at(enum wwi_gate gate)
{
    if (receives && gate == WWI_GATE_PENDING_SLEEPS)
        sem_post(&it.stands);
    /* Its wait has been ended. */
    if (receives && gate == WWI_GATE_EXCHANGE_LEFT)
        sem_wait(&it.closed);
    if (starts && gate == WWI_GATE_EXCHANGE_STEPPED) {
        sem_post(&it.stands);
        sem_wait(&it.closed);
    }
    /* If it leaves anything to a loop that is not there. */
    if (receives && gate == WWI_GATE_EXCHANGE_HANDED)
        sem_wait(&it.let_go);
}

static void *receive(void *state)
{
    (void) state;
    receives = true;
    it.received = wws_channel_receive(it.channel, it.message,
        WWS_RECEIVE_OPTION_REQUIRED, NULL, no_error);
    return NULL;
}

static void heard(wws_status status, void *state)
{
    (void) state;
    it.received = status;
    sem_post(&it.heard);
}

static void *start(void *state)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    (void) state;
    starts = true;
    completion.completed = heard;
    (void) wws_channel_receive(it.channel, it.message,
        WWS_RECEIVE_OPTION_REQUIRED, &completion, no_error);
    return NULL;
}

static int begin(void **state)
{
    wws_runtime_options runtime = WWS_RUNTIME_OPTIONS_INIT;
    wws_message_options message = WWS_MESSAGE_OPTIONS_INIT;

    (void) state;
    memset(&it, 0, sizeof it);
    sem_init(&it.stands, 0, 0);
    sem_init(&it.closed, 0, 0);
    sem_init(&it.let_go, 0, 0);
    sem_init(&it.heard, 0, 0);
    assert_int_equal(wws_runtime_create(&runtime, &it.runtime, no_error),
        WWS_S_OK);
    assert_int_equal(wws_message_create(&message, &it.message, no_error),
        WWS_S_OK);
    open_session();
    wwi_gate_watch(stop_at);
    return 0;
}

static int end(void **state)
{
    (void) state;
    wwi_gate_watch(NULL);
    assert_int_equal(wws_channel_free(it.channel), WWS_S_OK);
    assert_int_equal(wws_listener_free(it.listener), WWS_S_OK);
    assert_int_equal(wws_message_free(it.message), WWS_S_OK);
    assert_int_equal(wws_runtime_free(it.runtime), WWS_S_OK);
    sem_destroy(&it.stands);
    sem_destroy(&it.closed);
    sem_destroy(&it.let_go);
    sem_destroy(&it.heard);
    return 0;
}

/* A post runs at once where its loop has ended, and must find no lock. */
static void caller__leaves_nothing_to_a_loop_that_has_ended(void **state)
{
    pthread_t thread;

    (void) state;
    assert_int_equal(pthread_create(&thread, NULL, receive, NULL), 0);
    assert_int_equal(sem_wait(&it.stands), 0);
    assert_int_equal(wws_runtime_close(it.runtime, HANG_MS, no_error),
        WWS_S_OK);
    sem_post(&it.closed);

    (void) alarm(HANG_S);
    (void) wws_channel_close(it.channel, NULL, no_error);
    sem_post(&it.let_go);
    pthread_join(thread, NULL);
    (void) alarm(0);

    /* Aborted, or the other end was first. */
    assert_true(it.received < 0);
}

/* Its wait is over long before it returns, and it has the connection until
 * then. */
static void loops__are_there_for_who_is_on_his_way_to_them(void **state)
{
    pthread_t thread;

    (void) state;
    assert_int_equal(pthread_create(&thread, NULL, start, NULL), 0);
    assert_int_equal(sem_wait(&it.stands), 0);
    assert_int_equal(wws_runtime_close(it.runtime, 50, no_error),
        WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(sem_wait(&it.heard), 0);
    assert_int_equal(it.received, WWS_E_OPERATION_ABORTED);
    sem_post(&it.closed);

    (void) alarm(HANG_S);
    (void) wws_channel_close(it.channel, NULL, no_error);
    pthread_join(thread, NULL);
    assert_int_equal(wws_runtime_close(it.runtime, HANG_MS, no_error),
        WWS_S_OK);
    (void) alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            caller__leaves_nothing_to_a_loop_that_has_ended, begin, end),
        cmocka_unit_test_setup_teardown(
            loops__are_there_for_who_is_on_his_way_to_them, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* Without gates nobody can step in. */
int main(void)
{
    return 0;
}

#endif
