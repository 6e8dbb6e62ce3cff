/* A channel that is aborted while it accepts a session, and closed before who
 * accepts has aborted that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "core/base/gate.h"
#include "wws/wws.h"

#ifdef WWS_DEBUG

enum { HANG_MS = 20000, CLOSE_MS = 100 };

static const wws_error no_error;

static struct {
    wws_listener listener;
    wws_channel server;
    wws_channel client;
    wws_buffer address;
    bool aborted;
} it;

static _Thread_local bool accepts;

static void open_listener(void)
{
    wws_listener_options options = WWS_LISTENER_OPTIONS_INIT;

    options.transport = WWS_TRANSPORT_TCP;
    options.encoding = WWS_ENCODING_UTF8;
    assert_int_equal(wws_listener_create((wws_runtime) { 0 }, &options,
        &it.listener, no_error), WWS_S_OK);
    assert_int_equal(wws_listener_open(it.listener,
        WWS_STR("net.tcp://127.0.0.1:0/"), NULL, no_error), WWS_S_OK);
    assert_int_equal(wws_listener_get_address(it.listener, &it.address,
        no_error), WWS_S_OK);
}

static void create_channels(void)
{
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;

    options.transport = WWS_TRANSPORT_TCP;
    options.encoding = WWS_ENCODING_UTF8;
    options.close_timeout_ms = CLOSE_MS;
    assert_int_equal(wws_channel_create((wws_runtime) { 0 }, &options,
        &it.client, no_error), WWS_S_OK);
    assert_int_equal(wws_channel_create_for_listener(it.listener, &options,
        &it.server, no_error), WWS_S_OK);
}

static void *open_client(void *state)
{
    (void) state;
    (void) wws_channel_open(it.client, (wws_string) {
        (const char *) it.address.data, it.address.size }, NULL, no_error);
    return NULL;
}

static void abort_and_close(enum wwi_gate gate)
{
    if (!accepts)
        return;
    if (gate == WWI_GATE_LISTENER_MATCHES) {
        it.aborted = true;
        assert_int_equal(wws_channel_abort(it.server), WWS_S_OK);
    }
    if (gate != WWI_GATE_CHANNEL_ACCEPTED || !it.aborted)
        return;
    accepts = false;
    (void) wws_channel_close(it.server, NULL, no_error);
}

/* The session goes with the close; whoever accepts still aborts it. */
static void accept__aborted_and_closed_uses_no_session_that_is_gone(
    void **state)
{
    pthread_t thread;

    (void) state;
    open_listener();
    create_channels();
    accepts = true;
    assert_int_equal(pthread_create(&thread, NULL, open_client, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    wwi_gate_watch(abort_and_close);

    (void) wws_listener_accept(it.listener, it.server, NULL, no_error);

    wwi_gate_watch(NULL);
    assert_true(it.aborted);
    assert_int_equal(wws_channel_free(it.client), WWS_S_OK);
    assert_int_equal(wws_channel_free(it.server), WWS_S_OK);
    assert_int_equal(wws_listener_free(it.listener), WWS_S_OK);
    wws_buffer_release(&it.address);
    assert_int_equal(wws_runtime_close((wws_runtime) { 0 }, HANG_MS,
        no_error), WWS_S_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            accept__aborted_and_closed_uses_no_session_that_is_gone),
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
