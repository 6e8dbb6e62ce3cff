/* What the server demands of a request. */
#include "tests/support/http_server_calls.h"
#include "tests/support/http_server_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/support/counters.h"

/* What it demands. */

#define REST "Host: x\r\nContent-Type: text/xml\r\nContent-Length: 1\r\n\r\nx"

static void server__accepts_what_means_the_same(void **state)
{
    static const char *const requests[] = {
        "POST /%63alc HTTP/1.1\r\n" REST,
        "POST /./x/../calc HTTP/1.1\r\n" REST,
        "POST http://elsewhere:1/calc HTTP/1.1\r\n" REST,
        "\r\nPOST /calc HTTP/1.1\r\n" REST,
        HEAD("TEXT/XML") "Content-Length: 1\r\n\r\nx",
        HEAD("text/xml;charset=UTF-8;x=y") "Content-Length: 1\r\n\r\nx",
        HEAD("text/xml; charset=utf-16") "Content-Length: 1\r\n\r\nx",
        HEAD("text/xml; charset=\"UTF-16LE\"") "Content-Length: 1\r\n\r\nx",
        HEAD("text/xml; charset=Utf-16Be") "Content-Length: 1\r\n\r\nx",
        HEAD_11 "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx",
        HEAD_11 "Content-Length: 0\r\n\r\n",
        HEAD_11 "Upgrade: h2c\r\nContent-Length: 1\r\n\r\nx",
    };
    int fd;

    (void) state;
    start_server();
    fd = dial();

    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        put_text(fd, requests[i]);
        expect_answer(fd, 200, NULL);
    }
    close(fd);
}

static void expect_refusal(const char *request, int status)
{
    struct answer answer;
    int fd = dial();

    put_text(fd, request);
    assert_true(get_answer(fd, &answer));
    if (answer.status != status)
        fail_msg("%d to %.200s", answer.status, request);
    assert_int_equal(answer.size, 0);
    assert_non_null(strstr(answer.head, "\r\nConnection: close\r\n"));
    assert_true((strstr(answer.head, "\r\nAllow: POST\r\n") != NULL)
        == (status == 405));
    expect_end(fd);
    free(answer.body);
    close(fd);
}

static void server__refuses(void **state)
{
    static const struct {
        int status;
        const char *request;
    } cases[] = {
        { 405, "GET /calc HTTP/1.1\r\nHost: x\r\n\r\n" },
        { 405, "HEAD /calc HTTP/1.1\r\nHost: x\r\n\r\n" },
        { 405, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" },
        { 405, "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n" },
        { 501, "FETCH /calc HTTP/1.1\r\nHost: x\r\n\r\n" },
        { 501, "post /calc HTTP/1.1\r\nHost: x\r\n\r\n" },
        { 404, "POST / HTTP/1.1\r\n" REST },
        { 404, "POST /calc/ HTTP/1.1\r\n" REST },
        { 404, "POST /Calc HTTP/1.1\r\n" REST },
        { 404, "POST /calc?wsdl HTTP/1.1\r\n" REST },
        { 404, "POST /calc? HTTP/1.1\r\n" REST },
        { 404, "POST https://x/calc HTTP/1.1\r\n" REST },
        { 400, "POST /calc%2F HTTP/1.1\r\n" REST },
        { 400, "POST /%zz HTTP/1.1\r\n" REST },
        { 400, "POST * HTTP/1.1\r\n" REST },
        { 400, "POST /calc#a HTTP/1.1\r\n" REST },
        { 400, "POST /calc HTTP/1.1\r\nHost: y\r\n" REST },
        { 400, "POST /calc HTTP/1.1\r\nHost: a b\r\n\r\n" },
        { 400, "POST /calc HTTP/1.1\r\n\r\n" },
        { 400, "POST /calc HTTP/1.1\n" REST },
        { 400, "POST  /calc HTTP/1.1\r\n" REST },
        { 400, HEAD_11 "Content-Length: 1\r\nTransfer-Encoding: chunked"
            "\r\n\r\n0\r\n\r\n" },
        { 400, HEAD_11 "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx" },
        { 400, HEAD_11 "Content-Length: +1\r\n\r\nx" },
        { 400, HEAD_11 "Transfer-Encoding: chunked\r\n\r\nzz\r\n" },
        { 400, HEAD_11 "SOAPAction: \"a\r\nContent-Length: 1\r\n\r\nx" },
        { 501, HEAD_11 "Transfer-Encoding: gzip, chunked\r\n\r\n" },
        { 505, "POST /calc HTTP/2.0\r\n" REST },
        { 411, HEAD_11 "\r\n" },
        { 413, HEAD_11 "Content-Length: 65537\r\n\r\n" },
        { 413, HEAD_11 "Transfer-Encoding: chunked\r\n\r\n10001\r\n" },
        { 415, "POST /calc HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx" },
        { 415, HEAD("application/soap+xml") "Content-Length: 1\r\n\r\nx" },
        { 415, HEAD("text/xml; charset=latin1") "Content-Length: 1\r\n\r\nx" },
        { 415, HEAD("text/xml; charset=utf-32") "Content-Length: 1\r\n\r\nx" },
        { 415, HEAD("text/xml; charset=\"\"") "Content-Length: 1\r\n\r\nx" },
        { 415, HEAD("text") "Content-Length: 1\r\n\r\nx" },
        { 415, HEAD_11 "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx" },
        { 417, HEAD_11 "Expect: gold\r\nContent-Length: 1\r\n\r\nx" },
    };

    (void) state;
    start_server();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refusal(cases[i].request, cases[i].status);

    assert_int_equal(value_of(&it->arrived), 0);
}

static void server__refuses_text_xml_under_soap_1_2(void **state)
{
    (void) state;
    it->options.version = WWS_ENVELOPE_VERSION_SOAP_1_2;
    start_server();

    expect_refusal(REQUEST, 415);
}

static void server__refuses_heads_beyond_the_limit(void **state)
{
    char *request = malloc(20000);
    int size;

    (void) state;
    it->options.max_head_size = 10000;
    start_server();

    size = sprintf(request, HEAD_11 "X-Long: ");
    memset(request + size, 'x', 10000);
    strcpy(request + size + 10000, "\r\n\r\n");
    expect_refusal(request, 431);

    size = sprintf(request, "POST /");
    memset(request + size, 'x', 9000);
    strcpy(request + size + 9000, " HTTP/1.1\r\n\r\n");
    expect_refusal(request, 414);
    free(request);
}

static void server__lets_a_client_read_the_refusal_of_a_large_body(
    void **state)
{
    char *body = calloc(1, 200000);
    int fd;

    (void) state;
    start_server();
    fd = dial();

    put_text(fd, HEAD_11 "Content-Length: 200000\r\n\r\n");
    put(fd, body, 200000);

    expect_answer(fd, 413, "");
    expect_end(fd);
    free(body);
    close(fd);
}

static void server__does_not_drain_for_ever(void **state)
{
    char *body = calloc(1, BIG);
    int fd;
    ssize_t size = 1;

    (void) state;
    start_server();
    fd = dial();

    put_text(fd, HEAD_11 "Content-Length: 200000000\r\n\r\n");
    while (size > 0)
        size = send(fd, body, BIG, MSG_NOSIGNAL);

    assert_true(errno == ECONNRESET || errno == EPIPE);
    free(body);
    close(fd);
}

static void server__closes_on_a_client_that_keeps_a_refused_connection(
    void **state)
{
    int fd;

    (void) state;
    start_server();
    wwi_clock_hold();
    fd = dial();
    put_text(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_answer(fd, 405, "");
    expect_end(fd);
    let_everything_run();
    assert_int_equal(it->runtime->counters[WWS_COUNTER_SOCKETS], 2);

    wwi_clock_move(2001);
    let_everything_run();

    assert_int_equal(it->runtime->counters[WWS_COUNTER_SOCKETS], 1);
    close(fd);
}

/* 100 Continue. */

#define EXPECTING HEAD_11 "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n"

static void server__asks_for_the_body_that_is_held_back(void **state)
{
    int fd;

    (void) state;
    start_server();
    fd = dial();

    for (int i = 0; i < 2; i++) {
        put_text(fd, EXPECTING);
        expect_answer(fd, 100, NULL);
        put_text(fd, "hello");
        expect_answer(fd, 200, "hello");
    }
    close(fd);
}

static void server__does_not_ask_for_a_body_that_it_has(void **state)
{
    int fd;

    (void) state;
    start_server();
    fd = dial();

    put_text(fd, EXPECTING "hello");

    expect_answer(fd, 200, "hello");
    close(fd);
}

static void server__refuses_before_it_asks_for_the_body(void **state)
{
    (void) state;
    start_server();

    expect_refusal("POST /no HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"
        "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server__accepts_what_means_the_same),
        TEST(server__refuses),
        TEST(server__refuses_text_xml_under_soap_1_2),
        TEST(server__refuses_heads_beyond_the_limit),
        TEST(server__lets_a_client_read_the_refusal_of_a_large_body),
        TEST(server__does_not_drain_for_ever),
        TEST(server__closes_on_a_client_that_keeps_a_refused_connection),
        TEST(server__asks_for_the_body_that_is_held_back),
        TEST(server__does_not_ask_for_a_body_that_it_has),
        TEST(server__refuses_before_it_asks_for_the_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
