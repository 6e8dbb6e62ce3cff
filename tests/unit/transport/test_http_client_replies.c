/* What the client makes of what comes back. */
#include "tests/support/http_client_calls.h"
#include "tests/support/http_client_fixture.h"

#include <stdio.h>
#include <string.h>

#include <errno.h>
#include <poll.h>

#define CHARSET(name) "Content-Type: text/xml; charset=" name "\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define FOUR(a) a a a a

static const struct response responses[] = {
    { REPLY, WWS_S_OK, "<e/>", true, false },
    { "HTTP/1.1 200\r\n" XML LENGTH(4) "\r\n<e/>", WWS_S_OK, "<e/>", true,
        false },
    { "HTTP/1.1 200 OK\r\n" XML CHUNKED "\r\n4\r\n<e/>\r\n0\r\n\r\n",
        WWS_S_OK, "<e/>", true, false },
    { "HTTP/1.1 200 OK\r\n" XML CHUNKED "\r\n1;a=b\r\n<\r\n003\r\ne/>\r\n"
        "0\r\nX: y\r\n\r\n", WWS_S_OK, "<e/>", true, false },
    { "HTTP/1.1 200 OK\r\n" XML "\r\n<e/>", WWS_S_OK, "<e/>", false, true },
    { "HTTP/1.1 200 OK\r\n" XML LENGTH(4) "Connection: close\r\n\r\n<e/>",
        WWS_S_OK, "<e/>", false, false },
    { "HTTP/1.0 200 OK\r\n" XML LENGTH(4) "\r\n<e/>", WWS_S_OK, "<e/>", false,
        false },
    { "HTTP/1.0 200 OK\r\n" XML LENGTH(4) "Connection: keep-alive\r\n\r\n<e/>",
        WWS_S_OK, "<e/>", true, false },
    { "HTTP/1.1 202 Accepted\r\n" LENGTH(0) "\r\n", WWS_S_END, "", true,
        false },
    { "HTTP/1.1 200 OK\r\n" LENGTH(0) "\r\n", WWS_S_END, "", true, false },
    { "HTTP/1.1 204 No Content\r\n\r\n", WWS_S_END, "", true, false },
    { "HTTP/1.1 500 Oh\r\n" XML LENGTH(4) "\r\n<f/>", WWS_S_OK, "<f/>", true,
        false },
    { "HTTP/1.1 400 Oh\r\n" XML LENGTH(4) "\r\n<f/>", WWS_S_OK, "<f/>", true,
        false },
    { INTERIM REPLY, WWS_S_OK, "<e/>", true, false },
    { FOUR(FOUR(INTERIM)) REPLY, WWS_S_OK, "<e/>", true, false },
    { REPLY "x", WWS_S_OK, "<e/>", false, false },
    { REPLY REPLY, WWS_S_OK, "<e/>", false, false },

    { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" LENGTH(4)
        "\r\n<e/>", WWS_E_INVALID_FORMAT, "the server answered 200 OK", true,
        false },
    { "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n" LENGTH(4)
        "\r\n<e/>", WWS_E_INVALID_FORMAT, "the server answered 200 OK", true,
        false },
    { "HTTP/1.1 200 OK\r\n" LENGTH(4) "\r\n<e/>", WWS_E_INVALID_FORMAT,
        "the server answered 200 OK", true, false },
    { "HTTP/1.1 200 OK\r\n" CHARSET("latin1") LENGTH(4) "\r\n<e/>",
        WWS_E_INVALID_FORMAT, "the server answered 200 in a charset that is "
        "not supported: text/xml; charset=latin1", true, false },
    { "HTTP/1.1 200 OK\r\n" CHARSET("\"\xFF\"") LENGTH(4) "\r\n<e/>",
        WWS_E_INVALID_FORMAT, "the server answered 200 in a charset that is "
        "not supported: ", true, false },
    { "HTTP/1.1 500 Oh\r\n" CHARSET("utf-32") LENGTH(4) "\r\n<e/>",
        WWS_E_ENDPOINT_FAILURE, "the server answered 500 in a charset that is "
        "not supported: text/xml; charset=utf-32", true, false },
    { "HTTP/1.1 200 OK\r\n" CHARSET("UTF-16") LENGTH(4) "\r\n<e/>",
        WWS_S_OK, "<e/>", true, false },
    { "HTTP/1.1 200 OK\r\n" CHARSET("\"utf-16le\"") LENGTH(4) "\r\n<e/>",
        WWS_S_OK, "<e/>", true, false },
    { "HTTP/1.1 500 Oh\r\n" CHARSET("Utf-16BE") LENGTH(4) "\r\n<f/>",
        WWS_S_OK, "<f/>", true, false },
    { "HTTP/1.1 401 No\r\n" LENGTH(0) "\r\n", WWS_E_ENDPOINT_ACCESS_DENIED,
        "the server answered 401 No", true, false },
    { "HTTP/1.1 403 No\r\n" XML LENGTH(4) "\r\n<f/>",
        WWS_E_ENDPOINT_ACCESS_DENIED, "the server answered 403 No", true,
        false },
    { "HTTP/1.1 404 Not Found\r\n" LENGTH(4) "\r\ngone",
        WWS_E_ENDPOINT_NOT_FOUND, "the server answered 404 Not Found", true,
        false },
    { "HTTP/1.1 410 Gone\r\n" LENGTH(0) "\r\n", WWS_E_ENDPOINT_NOT_FOUND,
        "the server answered 410 Gone", true, false },
    { "HTTP/1.1 407 No\r\n" LENGTH(0) "\r\n", WWS_E_PROXY_ACCESS_DENIED,
        "the server answered 407 No", true, false },
    { "HTTP/1.1 503 Busy\r\n" LENGTH(0) "\r\n", WWS_E_ENDPOINT_TOO_BUSY,
        "the server answered 503 Busy", true, false },
    { "HTTP/1.1 500 Oh\r\n" LENGTH(2) "\r\nno", WWS_E_ENDPOINT_FAILURE,
        "the server answered 500 Oh", true, false },
    { "HTTP/1.1 500 Oh\r\n" XML LENGTH(0) "\r\n", WWS_E_ENDPOINT_FAILURE,
        "the server answered 500 Oh", true, false },
    { "HTTP/1.1 302 Found\r\nLocation: /b\r\n" LENGTH(0) "\r\n",
        WWS_E_ENDPOINT_FAILURE, "the server answered 302 Found", true, false },
    { "HTTP/1.1 418 \r\n" LENGTH(0) "\r\n", WWS_E_ENDPOINT_FAILURE,
        "the server answered 418 ", true, false },
    { "HTTP/1.1 502 A reason that goes on for longer than one would read\r\n"
        LENGTH(0) "\r\n", WWS_E_ENDPOINT_FAILURE, "the server answered 502 "
        "A reason that goes on for longer than one would ", true, false },
};

enum { RESPONSES = sizeof responses / sizeof responses[0] };

static void response__means_what_the_table_says(void **state)
{
    (void) state;
    connect_to_peer();

    for (int i = 0; i < RESPONSES; i++) {
        ask_server();
        say(responses[i].text);
        if (responses[i].to_close)
            hang_up();
        assert_response(&responses[i]);
        end_exchange();
        assert_int_equal(is_kept(), responses[i].kept);
    }
}

static void response__may_come_octet_by_octet(void **state)
{
    (void) state;
    connect_to_peer();

    for (int i = 0; i < RESPONSES; i++) {
        const char *text = responses[i].text;
        wws_status status = WWS_S_ASYNC;

        ask_server();
        for (; *text != '\0' && status == WWS_S_ASYNC; text++) {
            say_size(text, 1);
            wait_for_want();
            if (text[1] != '\0')
                status = step_client();
        }
        if (status == WWS_S_ASYNC) {
            if (responses[i].to_close)
                hang_up();
            assert_response(&responses[i]);
        }
        end_exchange();
    }
}

/* What a reply that was cut may still be: itself, or nothing. */
static void assert_cut(const char *text, size_t size, bool reset)
{
    wws_status status;

    ask_server();
    say_size(text, size);
    if (size != 0) {
        wait_for_want();
        assert_int_equal(step_client(), WWS_S_ASYNC);
    }
    if (reset)
        reset_peer();
    else
        hang_up();
    status = finish();
    if (status != WWS_E_ENDPOINT_DISCONNECTED)
        fail_msg("%d after %zu octets of %s", status, size, text);
    assert_trouble(status, phase(), size == 0 ? WWS_PROGRESS_SENT
        : WWS_PROGRESS_REPLYING, size == 0
        ? "the server closed the connection without an answer"
        : "the server closed the connection within its answer");
    assert_int_equal(it->client->trouble.original_code,
        reset ? ECONNRESET : 0);
    end_exchange();
    assert_false(is_kept());
}

static void response__cut_anywhere_is_no_response(void **state)
{
    (void) state;
    connect_to_peer();

    for (int i = 0; i < 4; i++)
        for (size_t cut = 0; cut < strlen(responses[i].text); cut++) {
            assert_cut(responses[i].text, cut, false);
            assert_cut(responses[i].text, cut, true);
        }
}

static void response__interim_ones_are_limited(void **state)
{
    (void) state;
    connect_to_peer();
    ask_server();

    say(FOUR(FOUR(INTERIM)) INTERIM REPLY);

    assert_int_equal(finish(), WWS_E_INVALID_FORMAT);
    assert_string_equal(it->client->text, "too many interim responses");
    end_exchange();
    assert_false(is_kept());
}

static void response__interim_one_is_not_the_reply(void **state)
{
    (void) state;
    connect_to_peer();
    ask_server();

    say(INTERIM);
    wait_for_want();

    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_int_equal(phase(), WWS_PHASE_WAIT);
    assert_int_equal(progress(), WWS_PROGRESS_SENT);
}

static void response__says_how_far_it_is(void **state)
{
    (void) state;
    connect_to_peer();
    ask_server();
    assert_int_equal(phase(), WWS_PHASE_WAIT);
    assert_int_equal(progress(), WWS_PROGRESS_SENT);

    say("HTTP/1.1 200 OK\r\n");
    wait_for_want();
    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_int_equal(phase(), WWS_PHASE_HEADERS);
    assert_int_equal(progress(), WWS_PROGRESS_REPLYING);

    say(XML LENGTH(4) "\r\n");
    wait_for_want();
    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_int_equal(phase(), WWS_PHASE_BODY);

    say("<e/>");
    assert_int_equal(finish(), WWS_S_OK);
}

static void response__malformed_is_refused(void **state)
{
    static const char *const texts[] = {
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "SMTP\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\nA: b\n\n",
        "HTTP/1.1 200 OK\r\n" LENGTH(-1) "\r\n",
        "HTTP/1.1 200 OK\r\n" LENGTH(1) LENGTH(2) "\r\n",
        "HTTP/1.1 200 OK\r\n" XML CHUNKED "\r\nz\r\n",
        "HTTP/1.1 101 Other\r\n\r\n",
    };

    (void) state;
    connect_to_peer();

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ask_server();
        say(texts[i]);
        if (finish() != WWS_E_INVALID_FORMAT)
            fail_msg("%d for %s", it->client->trouble.status, texts[i]);
        assert_string_not_equal(it->client->text, "");
        end_exchange();
        assert_false(is_kept());
    }
}

static void response__over_quota_is_refused(void **state)
{
    static const char *const texts[] = {
        "HTTP/1.1 200 OK\r\n" XML LENGTH(17) "\r\n",
        "HTTP/1.1 200 OK\r\n" XML CHUNKED "\r\n11\r\n12345678901234567",
        "HTTP/1.1 200 OK\r\n" XML "\r\n12345678901234567",
        "HTTP/1.1 200 OK\r\nA: " FOUR("01234567890123456789") "\r\n\r\n",
    };

    (void) state;
    it->options.max_message_size = 16;
    it->options.max_head_size = 96;
    connect_to_peer();

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ask_server();
        say(texts[i]);
        if (finish() != WWS_E_QUOTA_EXCEEDED)
            fail_msg("%d for %s", it->client->trouble.status, texts[i]);
        end_exchange();
        assert_false(is_kept());
    }
    ask_server();
    say("HTTP/1.1 200 OK\r\n" XML LENGTH(16) "\r\n1234567890123456");
    assert_int_equal(finish(), WWS_S_OK);
    assert_envelope("1234567890123456");
}

static void response__fields_can_be_read(void **state)
{
    struct wwi_bytes envelope = { 0 };
    struct wwi_fields fields;
    wws_string name, value;
    uint32_t index = 0;

    (void) state;
    connect_to_peer();
    ask_server();
    say("HTTP/1.1 200 OK\r\nX-One: 1 \r\n" XML LENGTH(4) "\r\n<e/>");
    assert_int_equal(finish(), WWS_S_OK);

    assert_int_equal(wwi_http.client_take(it->client, &envelope, &fields),
        WWS_S_OK);

    assert_true(fields.next(fields.state, &index, &name, &value));
    assert_memory_equal(name.data, "X-One", name.size);
    assert_int_equal(value.size, 1);
    while (fields.next(fields.state, &index, &name, &value))
        ;
    assert_int_equal(index, 3);
    wwi_bytes_fini(&envelope);
}

static void response__may_be_large(void **state)
{
    enum { SIZE = 3 * MIB };
    char head[128];
    struct wwi_bytes body = octets(SIZE), envelope = { 0 };
    struct wwi_fields fields;
    wws_status status = WWS_S_ASYNC;
    size_t sent = 0;

    (void) state;
    it->options.max_message_size = SIZE;
    connect_to_peer();
    ask_server();
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n" XML
        "Content-Length: %d\r\n\r\n", SIZE);
    say(head);

    while (status == WWS_S_ASYNC) {
        if (sent < SIZE && can(it->peer, POLLOUT, 0)) {
            ssize_t count = send(it->peer, body.data + sent, SIZE - sent,
                MSG_DONTWAIT);

            sent += count > 0 ? (size_t) count : 0;
        }
        status = step_client();
    }

    assert_int_equal(status, WWS_S_OK);
    assert_int_equal(wwi_http.client_take(it->client, &envelope, &fields),
        WWS_S_OK);
    assert_int_equal(envelope.size, SIZE);
    assert_memory_equal(envelope.data, body.data, SIZE);
    wwi_bytes_fini(&envelope);
    wwi_bytes_fini(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(response__means_what_the_table_says),
        TEST(response__may_come_octet_by_octet),
        TEST(response__cut_anywhere_is_no_response),
        TEST(response__interim_ones_are_limited),
        TEST(response__interim_one_is_not_the_reply),
        TEST(response__says_how_far_it_is),
        TEST(response__malformed_is_refused),
        TEST(response__over_quota_is_refused),
        TEST(response__fields_can_be_read),
        TEST(response__may_be_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
