/* The server's end of streamed HTTP, with a client that the test plays. */
#include "tests/support/http_session_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "tests/support/counters.h"

#define HEAD_10 "POST /calc HTTP/1.0\r\nHost: x\r\n" \
    "Content-Type: text/xml\r\n"

static void server__hands_up_a_request_in_pieces(void **state)
{
    int fd;

    (void) state;
    start_streamed();
    fd = dial();

    put_text(fd, STREAM "2\r\nhe\r\n");
    wait_for(&it->connected, 1);
    let_everything_run();
    assert_int_equal(value_of(&it->served[0].pieces), 0);
    ask_for_piece(&it->served[0]);
    wait_for(&it->served[0].pieces, 1);
    assert_int_equal(it->served[0].last_pieces, 0);
    put_text(fd, "3\r\nllo\r\n0\r\n\r\n");
    let_everything_run();
    ask_for_piece(&it->served[0]);

    wait_for(&it->served[0].ended, 1);
    assert_string_equal(it->served[0].text, "hello");
    assert_int_equal(it->served[0].pieces, 2);
    assert_true(it->served[0].has_action);
    assert_string_equal(it->served[0].action, "urn:a");
    assert_string_equal(it->served[0].field, "y");
    assert_int_equal(it->served[0].http_status, 0);
    close(fd);
}

static void server__accepts_one_octet_at_a_time(void **state)
{
    int fd;

    (void) state;
    it->greedy = true;
    start_streamed();
    fd = dial();

    put_singly(fd, STREAM "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n");

    wait_for(&it->served[0].ended, 1);
    assert_string_equal(it->served[0].text, "hello");
    close(fd);
}

static void server__answers_in_chunks(void **state)
{
    int fd;

    (void) state;
    fd = serve_request();

    assert_int_equal(send_piece(&it->served[0], "ab", FIRST), WWS_S_OK);
    expect_whole_head(fd, TYPED("200 OK") CHUNKED "\r\n\r\n");
    expect_text(fd, "2\r\nab\r\n");
    assert_int_equal(send_piece(&it->served[0], "", MIDDLE), WWS_S_OK);
    assert_int_equal(send_piece(&it->served[0], "c", LAST), WWS_S_OK);

    expect_text(fd, "1\r\nc\r\n0\r\n\r\n");
    expect_end(fd);
    assert_int_equal(send_piece(&it->served[0], "d", MIDDLE),
        WWS_E_INVALID_OPERATION);
    close(fd);
    give_session_back(&it->served[0]);
    assert_int_equal(it->served[0].failed, 0);
}

static void server__answers_with_a_length_what_is_whole(void **state)
{
    int fd;

    (void) state;
    fd = serve_request();

    assert_int_equal(send_octets(&it->served[0], "oh", 2,
        (struct wwi_outgoing) { .fault = true }), WWS_S_OK);

    expect_whole_head(fd, TYPED("500 Internal Server Error")
        "Content-Length: 2\r\n\r\n");
    expect_text(fd, "oh");
    expect_end(fd);
    close(fd);
}

static void server__ends_the_body_with_the_connection_for_http_1_0(
    void **state)
{
    int fd;

    (void) state;
    it->greedy = true;
    start_streamed();
    fd = dial();
    put_text(fd, HEAD_10 "Content-Length: 5\r\n\r\nhello");
    wait_for(&it->served[0].ended, 1);

    send_piece(&it->served[0], "ab", FIRST);
    send_piece(&it->served[0], "c", LAST);

    expect_whole_head(fd, TYPED("200 OK") "\r\n");
    expect_text(fd, "abc");
    expect_end(fd);
    close(fd);
}

static void server__accepts_without_a_word_when_it_is_shut_down(void **state)
{
    int fd;

    (void) state;
    fd = serve_request();
    wwi_memory_fail(1, 1);

    it->served[0].session->calls->shutdown(it->served[0].session);
    it->served[0].session->calls->free(it->served[0].session);

    expect_whole_head(fd, ANSWER("202 Accepted") "Content-Length: 0\r\n\r\n");
    expect_end(fd);
    close(fd);
    wait_for(&it->served[0].released, 1);
    it->served[0].session = NULL;
}

static void server__invites_a_body_that_is_asked_for(void **state)
{
    int fd;

    (void) state;
    start_streamed();
    fd = dial();
    put_text(fd, HEAD_11 "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    wait_for(&it->connected, 1);

    ask_for_piece(&it->served[0]);

    expect_text(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    put_text(fd, "hello");
    wait_for(&it->served[0].ended, 1);
    send_piece(&it->served[0], "ok", WHOLE);
    expect_whole_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    expect_text(fd, "ok");
    expect_end(fd);
    close(fd);
}

static void server__does_not_invite_a_body_that_it_has_answered(void **state)
{
    int fd;

    (void) state;
    start_streamed();
    fd = dial();
    put_text(fd, HEAD_11 "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    wait_for(&it->connected, 1);

    send_piece(&it->served[0], "no", WHOLE);
    ask_for_piece(&it->served[0]);
    let_everything_run();

    expect_whole_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    expect_text(fd, "no");
    it->served[0].session->calls->free(it->served[0].session);
    it->served[0].session = NULL;
    expect_end(fd);
    close(fd);
}

static void server__does_not_invite_a_body_that_comes_anyway(void **state)
{
    int fd;

    (void) state;
    start_streamed();
    fd = dial();
    put_text(fd, HEAD_11 "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        "he");
    wait_for(&it->connected, 1);
    let_everything_run();

    it->served[0].greedy = true;
    ask_for_piece(&it->served[0]);
    put_text(fd, "llo");
    wait_for(&it->served[0].ended, 1);
    send_piece(&it->served[0], "ok", WHOLE);

    expect_whole_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    close(fd);
}

/* The client has as much time as its server's holder gives it, and may say
 * that it has nothing to add. */
static void server__lets_a_slow_client_have_its_answer(void **state)
{
    enum { SIZE = 8 * MEBIBYTE };
    char *body = calloc(1, SIZE);
    int fd;

    (void) state;
    wwi_clock_hold();
    fd = serve_request();
    assert_int_equal(send_octets(&it->served[0], body, SIZE,
        (struct wwi_outgoing) { .version = 0 }), WWS_S_OK);
    free(body);

    let_everything_run();
    shutdown(fd, SHUT_WR);
    let_everything_run();
    wwi_clock_move(3600000);
    let_everything_run();

    expect_whole_head(fd, TYPED("200 OK") "Content-Length: 8388608\r\n\r\n");
    assert_int_equal(drink(fd), SIZE);
    wait_for(&it->served[0].done, 1);
    assert_int_equal(it->served[0].sent.status, WWS_S_OK);
    close(fd);
}

static void server__refuses_heads(void **state)
{
    static const struct {
        const char *request;
        const char *answer;
    } cases[] = {
        { "GET /calc HTTP/1.1\r\nHost: x\r\n\r\n",
            ANSWER("405 Method Not Allowed") "Allow: POST\r\n" },
        { "POST /other HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"
            "Content-Length: 1\r\n\r\n", ANSWER("404 Not Found") },
        { "POST /calc HTTP/1.1\r\nHost: x\r\nContent-Type: text/html\r\n"
            "Content-Length: 1\r\n\r\n",
            ANSWER("415 Unsupported Media Type") },
        { HEAD_11 "\r\n", ANSWER("411 Length Required") },
        { HEAD_11 "Content-Length: 67108865\r\n\r\n",
            ANSWER("413 Content Too Large") },
        { HEAD_11 "Expect: tea\r\nContent-Length: 1\r\n\r\n",
            ANSWER("417 Expectation Failed") },
        { "nonsense\r\n", ANSWER("400 Bad Request") },
        { STREAM "x\r\n", ANSWER("400 Bad Request") },
        { STREAM "4000001\r\n", ANSWER("413 Content Too Large") },
    };

    (void) state;
    start_streamed();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[256];
        int fd = dial();

        put_text(fd, cases[i].request);

        snprintf(answer, sizeof answer, "%sContent-Length: 0\r\n\r\n",
            cases[i].answer);
        expect_whole_head(fd, answer);
        expect_end(fd);
        close(fd);
    }
    assert_int_equal(it->connected, 0);
}

static void server__counts_a_body_of_chunks(void **state)
{
    int fd;

    (void) state;
    it->options.max_streamed_size = 4;
    it->greedy = true;
    start_streamed();
    fd = dial();

    put_text(fd, STREAM "2\r\nhe\r\n");
    wait_for(&it->connected, 1);
    put_text(fd, "3\r\nllo\r\n0\r\n\r\n");

    wait_for(&it->served[0].failed, 1);
    assert_int_equal(it->served[0].outcome.status, WWS_E_QUOTA_EXCEEDED);
    expect_reset(fd);
    close(fd);
}

static void server__fails_by_a_request_that_is_wrong(void **state)
{
    static const char *const wrong[] = {
        "x\r\n", "-1\r\n", " 1\r\n", "2\r\nabc", "11111111111111111\r\n",
        "1\nx",
    };
    int count = (int) (sizeof wrong / sizeof *wrong);

    (void) state;
    it->greedy = true;
    start_streamed();

    for (int i = 0; i < count; i++) {
        int fd = dial();

        put_text(fd, STREAM);
        wait_for(&it->connected, i + 1);
        put_text(fd, wrong[i]);

        wait_for(&it->served[i].failed, 1);
        assert_int_equal(it->served[i].outcome.status, WWS_E_INVALID_FORMAT);
        expect_reset(fd);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server__hands_up_a_request_in_pieces),
        TEST(server__accepts_one_octet_at_a_time),
        TEST(server__answers_in_chunks),
        TEST(server__answers_with_a_length_what_is_whole),
        TEST(server__ends_the_body_with_the_connection_for_http_1_0),
        TEST(server__accepts_without_a_word_when_it_is_shut_down),
        TEST(server__invites_a_body_that_is_asked_for),
        TEST(server__does_not_invite_a_body_that_it_has_answered),
        TEST(server__does_not_invite_a_body_that_comes_anyway),
        TEST(server__lets_a_slow_client_have_its_answer),
        TEST(server__refuses_heads),
        TEST(server__counts_a_body_of_chunks),
        TEST(server__fails_by_a_request_that_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
