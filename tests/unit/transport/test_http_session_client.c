/* The client's end of streamed HTTP, with a server that the test plays. */
#include "tests/support/http_session_fixture.h"

#include <stdio.h>
#include <string.h>

#include <unistd.h>

#include "tests/support/counters.h"

static void client__checks_its_address(void **state)
{
    static const char *const wrong[] = {
        "https://x/", "net.tcp://x/", "nonsense", "",
    };
    struct wwi_session *session;

    (void) state;
    need_runtime();

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(wwi_http_streamed.session_create(it->runtime,
            (wws_string) { wrong[i], strlen(wrong[i]) }, &it->client_options,
            &session, NULL), WWS_E_INVALID_ENDPOINT_URL);
}

static void client__is_freed_unopened(void **state)
{
    (void) state;
    create_client("http://127.0.0.1:1/");

    give_session_back(&it->client);

    assert_int_equal(it->client.ended + it->client.failed, 0);
}

static void client__tells_of_its_opening(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    assert_int_equal(it->client.phases, 2);
    assert_int_equal(it->client.first_phase, WWS_PHASE_RESOLVE);
    assert_int_equal(it->client.last_phase, WWS_PHASE_CONNECT);
    assert_int_equal(it->client.session->via.size, 7 + strlen(host) + 5);
    close(fd);
}

static void client__says_that_nobody_listens(void **state)
{
    char url[64];

    (void) state;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", listen_here());
    close(it->listening);
    it->listening = -1;
    create_client(url);

    open_client();

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(it->client.outcome.phase, WWS_PHASE_CONNECT);
    assert_int_equal(it->client.opened, 0);
}

static void client__sends_nothing_before_it_is_open(void **state)
{
    (void) state;
    create_client("http://127.0.0.1:1/");

    assert_int_equal(send_piece(&it->client, "ask", WHOLE),
        WWS_E_INVALID_OPERATION);
}

static void client__sends_pieces_as_chunks(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    assert_int_equal(send_piece(&it->client, "ab", FIRST), WWS_S_OK);
    expect_request(fd, CHUNKED);
    expect_text(fd, "2\r\nab\r\n");
    assert_int_equal(send_piece(&it->client, "", MIDDLE), WWS_S_OK);
    assert_int_equal(send_piece(&it->client, "0123456789abcdefg", MIDDLE),
        WWS_S_OK);
    expect_text(fd, "11\r\n0123456789abcdefg\r\n");
    assert_int_equal(send_piece(&it->client, "z", LAST), WWS_S_OK);
    expect_text(fd, "1\r\nz\r\n0\r\n\r\n");
    wait_for(&it->client.done, 4);
    assert_int_equal(it->client.sent.status, WWS_S_OK);
    assert_int_equal(it->client.sent.progress, WWS_PROGRESS_SENT);
    assert_int_equal(send_piece(&it->client, "more", MIDDLE),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(send_piece(&it->client, "again", WHOLE),
        WWS_E_INVALID_OPERATION);
    close(fd);
}

static void client__ends_a_request_with_nothing(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    send_piece(&it->client, "", FIRST);
    send_piece(&it->client, "", LAST);

    expect_request(fd, CHUNKED);
    expect_text(fd, "0\r\n\r\n");
    close(fd);
}

static void client__names_the_action_in_soap_1_2(void **state)
{
    char head[512];
    int fd;

    (void) state;
    it->client_options.version = WWS_ENVELOPE_VERSION_SOAP_1_2;
    fd = converse();

    send_piece(&it->client, "ask", WHOLE);

    snprintf(head, sizeof head, "POST /calc HTTP/1.1\r\nHost: %s\r\n"
        "Content-Type: application/soap+xml; charset=utf-8; "
        "action=\"urn:a\"\r\nContent-Length: 3\r\n\r\nask", host);
    expect_text(fd, head);
    close(fd);
}

static void client__refuses_what_no_head_can_say(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    assert_int_equal(send_octets(&it->client, "x", 1, (struct wwi_outgoing) {
        .action = WWS_STR("a\r\nb") }), WWS_E_INVALIDARG);
    assert_int_equal(send_piece(&it->client, "ask", WHOLE), WWS_S_OK);

    expect_request(fd, "Content-Length: 3");
    expect_text(fd, "ask");
    close(fd);
}

static void client__receives_what_it_asks_for(void **state)
{
    int fd;

    (void) state;
    fd = request();
    put_text(fd, OK_HEAD "X-Field: y\r\nContent-Length: 5\r\n\r\nhello");
    let_everything_run();
    assert_int_equal(value_of(&it->client.pieces), 0);

    ask_for_piece(&it->client);

    wait_for(&it->client.ended, 1);
    assert_string_equal(it->client.text, "hello");
    assert_int_equal(it->client.pieces, 1);
    assert_int_equal(it->client.last_pieces, 1);
    assert_int_equal(it->client.http_status, 200);
    assert_string_equal(it->client.field, "y");
    give_session_back(&it->client);
    expect_end(fd);
    close(fd);
}

static void client__accepts_one_octet_at_a_time(void **state)
{
    int fd;

    (void) state;
    it->client.greedy = true;
    fd = request();
    ask_for_piece(&it->client);

    put_singly(fd, "HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD CHUNKED
        "\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n");

    wait_for(&it->client.ended, 1);
    assert_string_equal(it->client.text, "hello");
    assert_int_equal(it->client.last_pieces, 1);
    assert_int_equal(it->client.pieces, 6);
    close(fd);
}

static void client__takes_a_body_that_ends_with_the_connection(void **state)
{
    int fd;

    (void) state;
    it->client.greedy = true;
    fd = request();
    ask_for_piece(&it->client);

    put_text(fd, OK_HEAD "\r\nhel");
    wait_for(&it->client.pieces, 1);
    put_text(fd, "lo");
    close(fd);

    wait_for(&it->client.ended, 1);
    assert_string_equal(it->client.text, "hello");
    assert_int_equal(it->client.last_pieces, 1);
}

static void client__ends_without_a_piece_when_there_is_no_body(void **state)
{
    static const char *const replies[] = {
        "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" CHUNKED "\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        int fd;

        if (i != 0)
            streamed_set_up(state);
        fd = request();

        put_text(fd, replies[i]);

        wait_for(&it->client.ended, 1);
        assert_int_equal(it->client.pieces, 0);
        close(fd);
        if (i != 2)
            streamed_clean_up(state);
    }
}

static void client__hands_up_the_envelope_of_a_fault(void **state)
{
    int fd;

    (void) state;
    fd = request();
    ask_for_piece(&it->client);

    put_text(fd, "HTTP/1.1 500 Oh\r\nContent-Type: text/xml\r\n"
        "Content-Length: 5\r\n\r\nfault");

    wait_for(&it->client.ended, 1);
    assert_string_equal(it->client.text, "fault");
    assert_int_equal(it->client.http_status, 500);
    close(fd);
}

static void client__maps_what_is_no_reply(void **state)
{
    static const struct {
        const char *reply;
        wws_status status;
        uint32_t http_status;
        const char *why;
    } cases[] = {
        { "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            WWS_E_ENDPOINT_NOT_FOUND, 404,
            "the server answered 404 Not Found" },
        { "HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\n"
            "Content-Length: 1\r\n\r\nx",
            WWS_E_ENDPOINT_TOO_BUSY, 503, "the server answered 503 Busy" },
        { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
            "Content-Length: 1\r\n\r\nx",
            WWS_E_INVALID_FORMAT, 200, "the server answered 200 OK" },
        { "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
            WWS_E_ENDPOINT_FAILURE, 500, "the server answered 500 Oh" },
        { "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
            WWS_E_ENDPOINT_ACCESS_DENIED, 403, "the server answered 403 No" },
    };
    size_t count = sizeof cases / sizeof *cases;

    for (size_t i = 0; i < count; i++) {
        int fd;

        if (i != 0)
            streamed_set_up(state);
        fd = request();

        put_text(fd, cases[i].reply);

        wait_for(&it->client.failed, 1);
        assert_int_equal(it->client.outcome.status, cases[i].status);
        assert_int_equal(it->client.outcome.http_status,
            cases[i].http_status);
        assert_int_equal(it->client.outcome.progress, WWS_PROGRESS_REPLYING);
        assert_string_equal(it->client.why, cases[i].why);
        close(fd);
        if (i != count - 1)
            streamed_clean_up(state);
    }
}

static void client__fails_by_a_reply_that_is_cut_or_wrong(void **state)
{
    static const struct {
        const char *reply;
        wws_status status;
        bool closes;
    } cases[] = {
        { "", WWS_E_ENDPOINT_DISCONNECTED, true },
        { "HTTP/1.1 200", WWS_E_ENDPOINT_DISCONNECTED, true },
        { OK_HEAD "Content-Length: 5\r\n\r\nhel",
            WWS_E_ENDPOINT_DISCONNECTED, true },
        { OK_HEAD CHUNKED "\r\n\r\n5\r\nhel",
            WWS_E_ENDPOINT_DISCONNECTED, true },
        { OK_HEAD CHUNKED "\r\n\r\n5\r\nhello\r\n",
            WWS_E_ENDPOINT_DISCONNECTED, true },
        { OK_HEAD CHUNKED "\r\n\r\nx\r\n", WWS_E_INVALID_FORMAT, false },
        { OK_HEAD CHUNKED "\r\n\r\n-1\r\n", WWS_E_INVALID_FORMAT, false },
        { OK_HEAD CHUNKED "\r\n\r\n11111111111111111\r\n",
            WWS_E_INVALID_FORMAT, false },
        { OK_HEAD CHUNKED "\r\n\r\n2\r\nabc", WWS_E_INVALID_FORMAT, false },
        { OK_HEAD CHUNKED "\r\n\r\n4000001\r\n", WWS_E_QUOTA_EXCEEDED,
            false },
        { OK_HEAD "Content-Length: 67108865\r\n\r\nx", WWS_E_QUOTA_EXCEEDED,
            false },
        { "HTTP/1.0\r\n", WWS_E_INVALID_FORMAT, false },
    };
    size_t count = sizeof cases / sizeof *cases;

    for (size_t i = 0; i < count; i++) {
        int fd;

        if (i != 0)
            streamed_set_up(state);
        it->client.greedy = true;
        fd = request();
        ask_for_piece(&it->client);

        put_text(fd, cases[i].reply);
        if (cases[i].closes)
            close(fd);

        wait_for(&it->client.failed, 1);
        if (it->client.outcome.status != cases[i].status)
            fail_msg("case %zu: %x", i, (unsigned) it->client.outcome.status);
        assert_int_equal(it->client.ended + it->client.last_pieces, 0);
        if (!cases[i].closes) {
            expect_reset(fd);
            close(fd);
        }
        if (i != count - 1)
            streamed_clean_up(state);
    }
}

static void client__does_not_take_a_loss_for_the_end_of_a_body(void **state)
{
    int fd;

    (void) state;
    it->client.greedy = true;
    fd = request();
    ask_for_piece(&it->client);
    put_text(fd, OK_HEAD "\r\nhel");
    wait_for(&it->client.pieces, 1);

    reset(fd);

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it->client.last_pieces, 0);
}

static void client__takes_no_more_interim_responses_than_some(void **state)
{
    int fd;

    (void) state;
    fd = request();

    for (int i = 0; i < 17; i++)
        put_text(fd, "HTTP/1.1 102 Go On\r\n\r\n");

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_INVALID_FORMAT);
    close(fd);
}

static void client__hears_of_a_peer_that_goes_unasked(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    close(fd);

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it->client.outcome.progress, WWS_PROGRESS_NOT_SENT);
    assert_int_equal(send_piece(&it->client, "ask", WHOLE),
        WWS_E_OBJECT_FAULTED);
}

static void client__does_not_accept_an_answer_to_nothing(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    put_text(fd, OK_REPLY);

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_INVALID_FORMAT);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(client__checks_its_address),
        TEST(client__is_freed_unopened),
        TEST(client__tells_of_its_opening),
        TEST(client__says_that_nobody_listens),
        TEST(client__sends_nothing_before_it_is_open),
        TEST(client__sends_pieces_as_chunks),
        TEST(client__ends_a_request_with_nothing),
        TEST(client__names_the_action_in_soap_1_2),
        TEST(client__refuses_what_no_head_can_say),
        TEST(client__receives_what_it_asks_for),
        TEST(client__accepts_one_octet_at_a_time),
        TEST(client__takes_a_body_that_ends_with_the_connection),
        TEST(client__ends_without_a_piece_when_there_is_no_body),
        TEST(client__hands_up_the_envelope_of_a_fault),
        TEST(client__maps_what_is_no_reply),
        TEST(client__fails_by_a_reply_that_is_cut_or_wrong),
        TEST(client__does_not_take_a_loss_for_the_end_of_a_body),
        TEST(client__takes_no_more_interim_responses_than_some),
        TEST(client__hears_of_a_peer_that_goes_unasked),
        TEST(client__does_not_accept_an_answer_to_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
