/* Messages that are written and read in pieces without I/O, while the channel
 * is closed. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/gate.h"
#include "wws/wws.h"

#ifdef WWS_DEBUG

enum { HANG_S = 20 };

static const wws_error no_error;

static struct fixture {
    wws_channel channel;
    wws_message message;
    sem_t closed;
    wws_status close;
    wws_status reset;
} it;

static wws_string text(const char *literal)
{
    return (wws_string) { literal, strlen(literal) };
}

/* Opening does no I/O. */
static void open_channel(void)
{
    assert_int_equal(wws_channel_open(it.channel, text("http://127.0.0.1:1/"),
        NULL, no_error), WWS_S_OK);
}

static int set_up(void **state)
{
    wws_channel_options channel = WWS_CHANNEL_OPTIONS_INIT;
    wws_message_options message = WWS_MESSAGE_OPTIONS_INIT;

    (void) state;
    memset(&it, 0, sizeof it);
    sem_init(&it.closed, 0, 0);
    assert_int_equal(wws_channel_create((wws_runtime) { 0 }, &channel,
        &it.channel, no_error), WWS_S_OK);
    assert_int_equal(wws_message_create(&message, &it.message, no_error),
        WWS_S_OK);
    open_channel();
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    wwi_gate_watch(NULL);
    assert_int_equal(wws_channel_free(it.channel), WWS_S_OK);
    assert_int_equal(wws_message_free(it.message), WWS_S_OK);
    sem_destroy(&it.closed);
    return 0;
}

static void closed(wws_status status, void *state)
{
    (void) state;
    it.close = status;
    sem_post(&it.closed);
}

/* On the thread that passes; another could do the same. */
static void close_within(enum wwi_gate gate)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    if (gate != WWI_GATE_LANE_ENTERED)
        return;
    wwi_gate_watch(NULL);
    completion.completed = closed;
    it.close = wws_channel_close(it.channel, &completion, no_error);
    it.reset = wws_channel_reset(it.channel, no_error);
}

/* The channel is not closed, and cannot be opened again, before the function
 * that was in it has gone. */
static void assert_closed_behind(void)
{
    struct timespec until;

    assert_int_equal(it.reset, WWS_E_INVALID_OPERATION);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += HANG_S;
    assert_int_equal(sem_timedwait(&it.closed, &until), 0);
    assert_int_equal(it.close, WWS_S_OK);
    assert_int_equal(wws_channel_reset(it.channel, no_error), WWS_S_OK);
    assert_int_equal(wws_message_reset(it.message, no_error), WWS_S_OK);
}

static void begin_message(void)
{
    assert_int_equal(wws_message_initialize(it.message,
        WWS_MESSAGE_INITIALIZATION_REQUEST, (wws_message) { 0 }, no_error),
        WWS_S_OK);
    assert_int_equal(wws_message_set_header(it.message, WWS_HEADER_ACTION,
        text("urn:a"), no_error), WWS_S_OK);
}

static void write_start__keeps_a_channel_that_is_closed_meanwhile(void **state)
{
    (void) state;
    begin_message();

    wwi_gate_watch(close_within);
    assert_int_equal(wws_channel_write_message_start(it.channel, it.message,
        NULL, no_error), WWS_E_OPERATION_ABORTED);

    assert_closed_behind();
}

static void write_body__keeps_a_channel_that_is_closed_meanwhile(void **state)
{
    static const wws_bytes piece = { (const uint8_t *) "<a/>", 4 };

    (void) state;
    begin_message();
    assert_int_equal(wws_channel_write_message_start(it.channel, it.message,
        NULL, no_error), WWS_S_OK);

    wwi_gate_watch(close_within);
    (void) wws_channel_write_body(it.channel, it.message, piece, NULL,
        no_error);

    assert_closed_behind();
    open_channel();
    begin_message();
    assert_int_equal(wws_channel_write_message_start(it.channel, it.message,
        NULL, no_error), WWS_S_OK);
}

static void write_end__keeps_a_channel_that_is_closed_meanwhile(void **state)
{
    (void) state;
    begin_message();
    assert_int_equal(wws_channel_write_message_start(it.channel, it.message,
        NULL, no_error), WWS_S_OK);

    wwi_gate_watch(close_within);
    assert_true(wws_channel_write_message_end(it.channel, it.message, NULL,
        no_error) < 0);

    assert_closed_behind();
}

/* The channel has let go of it by then, and knows it nevertheless. */
static void message__can_be_given_up_when_its_channel_was_aborted(
    void **state)
{
    (void) state;
    begin_message();
    assert_int_equal(wws_channel_write_message_start(it.channel, it.message,
        NULL, no_error), WWS_S_OK);

    assert_int_equal(wws_channel_abort(it.channel), WWS_S_OK);

    assert_int_equal(wws_channel_abandon_message(it.channel, it.message,
        no_error), WWS_S_OK);
    assert_int_equal(wws_channel_abandon_message(it.channel, it.message,
        no_error), WWS_E_INVALIDARG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(write_start__keeps_a_channel_that_is_closed_meanwhile),
        TEST(write_body__keeps_a_channel_that_is_closed_meanwhile),
        TEST(write_end__keeps_a_channel_that_is_closed_meanwhile),
        TEST(message__can_be_given_up_when_its_channel_was_aborted),
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
