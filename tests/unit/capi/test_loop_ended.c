/* A caller that has waited for a message himself, and finds that the runtime was
 * closed meanwhile. */
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
    sem_t sleeps, closed, let_go;
} it;

static _Thread_local bool receives;

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
    if (!receives)
        return;
    if (gate == WWI_GATE_PENDING_SLEEPS)
        sem_post(&it.sleeps);
    /* Its wait has been ended. */
    if (gate == WWI_GATE_EXCHANGE_LEFT)
        sem_wait(&it.closed);
    /* If it leaves anything to a loop that is not there. */
    if (gate == WWI_GATE_EXCHANGE_HANDED)
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

/* A post runs at once where its loop has ended, and must find no lock. */
static void caller__leaves_nothing_to_a_loop_that_has_ended(void **state)
{
    wws_runtime_options runtime = WWS_RUNTIME_OPTIONS_INIT;
    wws_message_options message = WWS_MESSAGE_OPTIONS_INIT;
    pthread_t thread;

    (void) state;
    memset(&it, 0, sizeof it);
    sem_init(&it.sleeps, 0, 0);
    sem_init(&it.closed, 0, 0);
    sem_init(&it.let_go, 0, 0);
    assert_int_equal(wws_runtime_create(&runtime, &it.runtime, no_error),
        WWS_S_OK);
    assert_int_equal(wws_message_create(&message, &it.message, no_error),
        WWS_S_OK);
    open_session();
    wwi_gate_watch(stop_at);
    assert_int_equal(pthread_create(&thread, NULL, receive, NULL), 0);
    assert_int_equal(sem_wait(&it.sleeps), 0);
    assert_int_equal(wws_runtime_close(it.runtime, HANG_MS, no_error),
        WWS_S_OK);
    sem_post(&it.closed);

    (void) alarm(HANG_S);
    (void) wws_channel_close(it.channel, NULL, no_error);
    sem_post(&it.let_go);
    pthread_join(thread, NULL);
    (void) alarm(0);

    wwi_gate_watch(NULL);
    /* Aborted, or the other end was first. */
    assert_true(it.received < 0);
    assert_int_equal(wws_channel_free(it.channel), WWS_S_OK);
    assert_int_equal(wws_listener_free(it.listener), WWS_S_OK);
    assert_int_equal(wws_message_free(it.message), WWS_S_OK);
    assert_int_equal(wws_runtime_free(it.runtime), WWS_S_OK);
    sem_destroy(&it.sleeps);
    sem_destroy(&it.closed);
    sem_destroy(&it.let_go);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caller__leaves_nothing_to_a_loop_that_has_ended),
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
