/* One exchange of messages in pieces, each time with another allocation that
 * fails: it fails or goes well, and nothing hangs, crashes or is left over. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "wws/wws.h"

enum { TIMEOUT_MS = 5000, ACCEPT_S = 1, HANG_S = 20 };

static const wws_error none;

struct exchange {
    wws_transport transport;
    wws_encoding encoding;
    const char *url;
    wws_runtime runtime;
    wws_listener listener;
    wws_channel client;
    wws_channel server;
    wws_message messages[4];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool heard;
    wws_status accepted;
    bool has_all; /* allocations, none of which fails */
};

enum { ASK, ASKED, ANSWER, ANSWERED };

static void heard(wws_status status, void *state)
{
    struct exchange *exchange = state;

    pthread_mutex_lock(&exchange->lock);
    exchange->heard = true;
    exchange->accepted = status;
    pthread_cond_broadcast(&exchange->changed);
    pthread_mutex_unlock(&exchange->lock);
}

static bool begin_accept(struct exchange *exchange)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_status status;

    completion.completed = heard;
    completion.state = exchange;
    exchange->heard = false;
    status = wws_listener_accept(exchange->listener, exchange->server,
        &completion, none);
    if (status != WWS_S_ASYNC)
        heard(status, exchange);
    return status == WWS_S_ASYNC;
}

/* Whether it has been heard of in time, and went well. */
static bool await_accept(struct exchange *exchange)
{
    struct timespec end;
    bool accepted;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += exchange->has_all ? HANG_S : ACCEPT_S;
    pthread_mutex_lock(&exchange->lock);
    while (!exchange->heard && pthread_cond_timedwait(&exchange->changed,
        &exchange->lock, &end) == 0)
        continue;
    accepted = exchange->heard && exchange->accepted == WWS_S_OK;
    pthread_mutex_unlock(&exchange->lock);
    return accepted;
}

static void set_up(struct exchange *exchange)
{
    wws_channel_options ours = WWS_CHANNEL_OPTIONS_INIT;
    wws_listener_options theirs = WWS_LISTENER_OPTIONS_INIT;

    ours.transport = theirs.transport = exchange->transport;
    ours.encoding = theirs.encoding = exchange->encoding;
    ours.transfer_mode = theirs.transfer_mode = WWS_TRANSFER_MODE_STREAMED;
    ours.receive_timeout_ms = ours.send_timeout_ms = TIMEOUT_MS;
    assert_int_equal(wws_runtime_create(NULL, &exchange->runtime, none), 0);
    assert_int_equal(wws_listener_create(exchange->runtime, &theirs,
        &exchange->listener, none), 0);
    assert_int_equal(wws_listener_open(exchange->listener, (wws_string) {
        exchange->url, strlen(exchange->url) }, NULL, none), 0);
    assert_int_equal(wws_channel_create(exchange->runtime, &ours,
        &exchange->client, none), 0);
    assert_int_equal(wws_channel_create_for_listener(exchange->listener, &ours,
        &exchange->server, none), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(wws_message_create(NULL, &exchange->messages[i],
            none), 0);
}

static void tear_down(struct exchange *exchange)
{
    assert_int_equal(wws_channel_free(exchange->client), 0);
    assert_int_equal(wws_channel_free(exchange->server), 0);
    assert_int_equal(wws_listener_free(exchange->listener), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(wws_message_free(exchange->messages[i]), 0);
    assert_int_equal(wws_runtime_close(exchange->runtime, 4 * TIMEOUT_MS,
        none), 0);
    assert_int_equal(wws_runtime_free(exchange->runtime), 0);
}

static bool open_client(struct exchange *exchange)
{
    wws_buffer address;
    bool open;

    if (wws_listener_get_address(exchange->listener, &address, none) < 0)
        return false;
    open = wws_channel_open(exchange->client, (wws_string) { address.data,
        address.size }, NULL, none) >= 0;
    wws_buffer_release(&address);
    return open;
}

static bool make(
    wws_message message,
    wws_message_initialization as,
    wws_message of)
{
    return wws_message_initialize(message, as, of, none) >= 0
        && wws_message_set_header(message, WWS_HEADER_ACTION,
            WWS_STR("urn:x"), none) >= 0;
}

static bool write_all(wws_channel channel, wws_message message)
{
    const wws_bytes pieces[] = { { "<a xmlns='urn:a'>1", 18 }, { "</a>", 4 } };

    return wws_channel_write_message_start(channel, message, NULL, none) >= 0
        && wws_channel_write_body(channel, message, pieces[0], NULL, none) >= 0
        && wws_channel_write_body(channel, message, pieces[1], NULL, none) >= 0
        && wws_channel_write_message_end(channel, message, NULL, none) >= 0;
}

static bool read_all(wws_channel channel, wws_message message)
{
    wws_status status = wws_channel_read_message_start(channel, message,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, none);
    wws_buffer piece;

    while (status == WWS_S_OK) {
        status = wws_channel_read_body(channel, message, &piece, NULL, none);
        if (status == WWS_S_OK)
            wws_buffer_release(&piece);
    }
    return status == WWS_S_END
        && wws_channel_read_message_end(channel, message, NULL, none) >= 0;
}

static bool run(struct exchange *exchange)
{
    const wws_message *messages = exchange->messages;

    return begin_accept(exchange)
        && open_client(exchange)
        && make(messages[ASK], WWS_MESSAGE_INITIALIZATION_REQUEST,
            (wws_message) { 0 })
        && write_all(exchange->client, messages[ASK])
        && await_accept(exchange)
        && read_all(exchange->server, messages[ASKED])
        && make(messages[ANSWER], WWS_MESSAGE_INITIALIZATION_REPLY,
            messages[ASKED])
        && write_all(exchange->server, messages[ANSWER])
        && read_all(exchange->client, messages[ANSWERED]);
}

/* Whether it went well without its n-th allocation; 0: with all. */
static bool exchange_without(
    struct exchange *exchange,
    uint64_t n,
    uint64_t *asked)
{
    bool well;

    exchange->has_all = n == 0;
    set_up(exchange);
    *asked = wwi_memory_asked();
    wwi_memory_fail(n, 0);
    well = run(exchange);
    wwi_memory_fail(0, 0);
    *asked = wwi_memory_asked() - *asked;
    tear_down(exchange);
    return well;
}

static void stream__fails_cleanly_without_memory(void **state)
{
    struct exchange *exchange = *state;
    uint64_t asked, most, before;
    unsigned failures = 0;

    assert_true(exchange_without(exchange, 0, &most));
    assert_true(exchange_without(exchange, 0, &most));
    before = wwi_memory_live();
    for (uint64_t n = 1; n <= most; n++) {
        failures += !exchange_without(exchange, n, &asked);
        assert_int_equal(wwi_memory_live(), before);
    }
    assert_true(failures > most / 2);
    assert_true(exchange_without(exchange, 0, &asked));
}

int main(void)
{
    struct exchange http = { .transport = WWS_TRANSPORT_HTTP,
        .url = "http://127.0.0.1:0/m" };
    struct exchange tcp = { .transport = WWS_TRANSPORT_TCP,
        .encoding = WWS_ENCODING_UTF8, .url = "net.tcp://127.0.0.1:0/m" };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(stream__fails_cleanly_without_memory, &http),
        cmocka_unit_test_prestate(stream__fails_cleanly_without_memory, &tcp),
    };

    pthread_mutex_init(&http.lock, NULL);
    pthread_cond_init(&http.changed, NULL);
    pthread_mutex_init(&tcp.lock, NULL);
    pthread_cond_init(&tcp.changed, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
