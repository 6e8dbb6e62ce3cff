/* An accepted channel that is closed and used again before the loop knows that
 * its first answer has been stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "core/base/gate.h"
#include "core/io/engine.h"
#include "core/io/loop.h"
#include "tests/support/counters.h"
#include "tests/support/engine.h"
#include "tests/support/sockets.h"
#include "wws/wws.h"

enum { HANG_MS = 20000, LARGE = 32 << 20 };

#define REQUEST \
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/soap+xml\r\n" \
    "Content-Length: 84\r\n\r\n" \
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">" \
    "<s:Body/></s:Envelope>"

static const wws_error no_error;

/* A server with one loop, and an answer that no client reads. */
static struct fixture {
    wws_runtime runtime;
    struct wwi_runtime *engine;
    wws_listener listener;
    wws_channel channel;
    wws_message request;
    wws_message reply;
    uint16_t port;
    char *large;
    sem_t held, let_go;
    struct wwi_post hold;
} it;

struct ear {
    int heard;
    wws_status status;
};

static wws_string text(const char *literal)
{
    return (wws_string) { literal, strlen(literal) };
}

static void fill(char *body)
{
    static const char begin[] = "<x>", end[] = "</x>";

    memset(body, 'x', LARGE);
    memcpy(body, begin, sizeof begin - 1);
    memcpy(body + LARGE - (sizeof end - 1), end, sizeof end - 1);
}

static void open_listener(void)
{
    wws_listener_options options = WWS_LISTENER_OPTIONS_INIT;
    wws_buffer address;
    char url[64];

    options.max_message_size = 2 * LARGE;
    options.addressing_version = WWS_ADDRESSING_VERSION_TRANSPORT;
    assert_int_equal(wws_listener_create(it.runtime, &options, &it.listener,
        no_error), WWS_S_OK);
    assert_int_equal(wws_listener_open(it.listener,
        text("http://127.0.0.1:0/"), NULL, no_error), WWS_S_OK);
    assert_int_equal(wws_listener_get_address(it.listener, &address, no_error),
        WWS_S_OK);
    snprintf(url, sizeof url, "%.*s", (int) address.size,
        (const char *) address.data);
    it.port = (uint16_t) strtoul(strrchr(url, ':') + 1, NULL, 10);
    wws_buffer_release(&address);
}

static int set_up(void **state)
{
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    wws_channel_options channel = WWS_CHANNEL_OPTIONS_INIT;
    wws_message_options message = WWS_MESSAGE_OPTIONS_INIT;

    (void) state;
    options.loop_threads = 1;
    channel.max_message_size = 2 * LARGE;
    channel.addressing_version = message.addressing_version =
        WWS_ADDRESSING_VERSION_TRANSPORT;
    it.large = malloc(LARGE);
    assert_non_null(it.large);
    fill(it.large);
    sem_init(&it.held, 0, 0);
    sem_init(&it.let_go, 0, 0);
    assert_int_equal(wws_runtime_create(&options, &it.runtime, no_error),
        WWS_S_OK);
    assert_int_equal(wwi_table_get(it.runtime.id, WWI_KIND_RUNTIME,
        &it.engine), WWS_S_OK);
    open_listener();
    assert_int_equal(wws_channel_create_for_listener(it.listener, &channel,
        &it.channel, no_error), WWS_S_OK);
    assert_int_equal(wws_message_create(&message, &it.request, no_error),
        WWS_S_OK);
    assert_int_equal(wws_message_create(&message, &it.reply, no_error),
        WWS_S_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
#ifdef WWS_DEBUG
    wwi_gate_watch(NULL);
#endif
    (void) wws_message_free(it.request);
    (void) wws_message_free(it.reply);
    (void) wws_channel_free(it.channel);
    (void) wws_listener_free(it.listener);
    wwi_object_unref(&it.engine->object);
    assert_int_equal(wws_runtime_close(it.runtime, HANG_MS, no_error),
        WWS_S_OK);
    assert_int_equal(wws_runtime_free(it.runtime), WWS_S_OK);
    sem_destroy(&it.held);
    sem_destroy(&it.let_go);
    free(it.large);
    return 0;
}

/* The loop stands still between these two. */

static void stand(struct wwi_work *work)
{
    (void) work;
    sem_post(&it.held);
    sem_wait(&it.let_go);
}

static void hold_loop(void)
{
    wwi_post_init(&it.hold, stand);
    assert_true(wwi_loop_post(it.engine->loops[0], &it.hold));
    wait_for_post(&it.held);
}

static void let_loop_go(void)
{
    sem_post(&it.let_go);
    let_loops_run(it.engine);
}

static void completed(wws_status status, void *state)
{
    struct ear *ear = state;

    lock_it();
    ear->heard++;
    ear->status = status;
    unlock_it();
}

static int send_request(void)
{
    int fd = dial_to(it.port);

    put_text(fd, REQUEST);
    let_loops_run(it.engine);
    return fd;
}

static void accept_and_answer(struct ear *ear)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    *ear = (struct ear) { .heard = 0 };
    completion.completed = completed;
    completion.state = ear;
    assert_int_equal(wws_message_reset(it.request, no_error), WWS_S_OK);
    assert_int_equal(wws_message_reset(it.reply, no_error), WWS_S_OK);
    assert_int_equal(wws_listener_accept(it.listener, it.channel, NULL,
        no_error), WWS_S_OK);
    assert_int_equal(wws_channel_receive(it.channel, it.request,
        WWS_RECEIVE_OPTION_REQUIRED, NULL, no_error), WWS_S_OK);
    assert_int_equal(wws_message_initialize(it.reply,
        WWS_MESSAGE_INITIALIZATION_REPLY, it.request, no_error), WWS_S_OK);
    assert_int_equal(wws_message_set_body(it.reply,
        (wws_bytes) { it.large, LARGE }, no_error), WWS_S_OK);
    assert_int_equal(wws_channel_send_reply(it.channel, it.reply, &completion,
        no_error), WWS_S_ASYNC);
}

/* G2, G7, G21 */
static void abort__finds_the_answer_of_a_channel_that_is_used_again(
    void **state)
{
    struct ear first, second;
    int clients[2];

    (void) state;
    clients[0] = send_request();
    accept_and_answer(&first);
    clients[1] = send_request();
    hold_loop();
    assert_int_equal(wws_channel_close(it.channel, NULL, no_error), WWS_S_OK);
    assert_int_equal(first.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(wws_channel_reset(it.channel, no_error), WWS_S_OK);
    accept_and_answer(&second);
    let_loop_go();

    assert_int_equal(wws_channel_abort(it.channel), WWS_S_OK);

    wait_for(&second.heard, 1);
    assert_int_equal(second.status, WWS_E_OPERATION_ABORTED);
    close(clients[0]);
    close(clients[1]);
}

#ifdef WWS_DEBUG

static void close_and_accept(enum wwi_gate gate)
{
    if (gate != WWI_GATE_ANSWER_CLAIMED)
        return;
    wwi_gate_watch(NULL);
    assert_int_equal(wws_channel_close(it.channel, NULL, no_error), WWS_S_OK);
    assert_int_equal(wws_channel_reset(it.channel, no_error), WWS_S_OK);
    assert_int_equal(wws_listener_accept(it.listener, it.channel, NULL,
        no_error), WWS_S_OK);
}

/* It cannot be written, and would give back what it was to answer. */
static void answer__that_was_stopped_leaves_the_next_request_alone(
    void **state)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    struct ear first = { 0 };
    int clients[2];

    (void) state;
    clients[0] = send_request();
    clients[1] = send_request();
    completion.completed = completed;
    completion.state = &first;
    assert_int_equal(wws_listener_accept(it.listener, it.channel, NULL,
        no_error), WWS_S_OK);
    assert_int_equal(wws_channel_receive(it.channel, it.request,
        WWS_RECEIVE_OPTION_REQUIRED, NULL, no_error), WWS_S_OK);
    wwi_gate_watch(close_and_accept);

    assert_int_equal(wws_channel_send_reply(it.channel, it.reply, &completion,
        no_error), WWS_S_ASYNC);

    wait_for(&first.heard, 1);
    assert_int_equal(first.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(wws_message_initialize(it.reply,
        WWS_MESSAGE_INITIALIZATION_REPLY, it.request, no_error), WWS_S_OK);
    assert_int_equal(wws_channel_send_reply(it.channel, it.reply, NULL,
        no_error), WWS_E_INVALID_OPERATION);
    close(clients[0]);
    close(clients[1]);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef WWS_DEBUG
        cmocka_unit_test_setup_teardown(
            answer__that_was_stopped_leaves_the_next_request_alone, set_up,
            tear_down),
#endif
        cmocka_unit_test_setup_teardown(
            abort__finds_the_answer_of_a_channel_that_is_used_again, set_up,
            tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
