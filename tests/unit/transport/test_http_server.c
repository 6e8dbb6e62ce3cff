/* Requests and answers of the server, and its addresses. */
#include "tests/support/http_server_calls.h"
#include "tests/support/http_server_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "tests/support/counters.h"

/* Requests and answers. */

#define CHUNKED HEAD_11 "Transfer-Encoding: chunked\r\n\r\n" \
    "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"

static void server__answers_a_request(void **state)
{
    struct answer answer;
    int fd;

    (void) state;
    start_server();
    fd = dial();

    put_text(fd, REQUEST);

    assert_true(get_answer(fd, &answer));
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "hello");
    assert_non_null(strstr(answer.head,
        "\r\nContent-Type: text/xml; charset=utf-8\r\n"));
    assert_non_null(strstr(answer.head, " GMT\r\n"));
    assert_null(strstr(answer.head, "Connection"));
    free(answer.body);
    wait_for(&it->replied, 1);
    assert_int_equal(it->outcome.status, WWS_S_OK);
    assert_int_equal(it->outcome.progress, WWS_PROGRESS_SENT);
    close(fd);
}

static void server__answers_many_requests_on_a_connection(void **state)
{
    int fd;

    (void) state;
    start_server();
    fd = dial();

    for (int i = 0; i < 100; i++) {
        put_text(fd, i % 2 ? REQUEST : CHUNKED);
        expect_answer(fd, 200, "hello");
    }

    assert_int_equal(it->runtime->counters[WWS_COUNTER_CONNECTIONS_ACCEPTED],
        1);
    close(fd);
}

static void server__needs_four_system_calls_for_a_request(void **state)
{
    int fd, received, sent, armed;

    (void) state;
    start_server();
    fd = dial();
    put_text(fd, REQUEST);
    expect_answer(fd, 200, "hello");
    let_everything_run();
    received = received_calls;
    sent = sent_calls;
    armed = armed_calls;

    for (int i = 0; i < 10; i++) {
        put_text(fd, REQUEST);
        expect_answer(fd, 200, "hello");
        let_everything_run();
    }

    assert_int_equal(received_calls - received, 10);
    assert_int_equal(sent_calls - sent, 10);
    assert_int_equal(armed_calls - armed, 10);
    close(fd);
}

static void cut_everywhere(const char *request)
{
    size_t size = strlen(request);
    int fd = dial();

    for (size_t cut = 1; cut < size; cut++) {
        put(fd, request, cut);
        let_everything_run();
        put(fd, request + cut, size - cut);
        expect_answer(fd, 200, "hello");
    }
    for (size_t i = 0; i < size; i++) {
        put(fd, request + i, 1);
        let_everything_run();
    }
    expect_answer(fd, 200, "hello");
    close(fd);
}

static void server__accepts_a_request_cut_anywhere(void **state)
{
    (void) state;
    start_server();

    cut_everywhere(REQUEST);
    cut_everywhere(CHUNKED);
}

static void server__answers_pipelined_requests_in_order(void **state)
{
    struct wwi_bytes all = { 0 };
    char request[256], body[16];
    int fd;

    (void) state;
    start_server();
    fd = dial();
    for (int i = 0; i < 500; i++) {
        snprintf(request, sizeof request,
            HEAD_11 "Content-Length: 5\r\n\r\n%05d", i);
        wwi_bytes_append_text(&all, request);
    }

    put(fd, all.data, all.size);

    for (int i = 0; i < 500; i++) {
        snprintf(body, sizeof body, "%05d", i);
        expect_answer(fd, 200, body);
    }
    wwi_bytes_fini(&all);
    close(fd);
}

static void server__hands_up_a_pipelined_request_after_the_answer(void **state)
{
    int fd;

    (void) state;
    it->manner = HOLD;
    start_server();
    fd = dial();

    put_text(fd, REQUEST REQUEST REQUEST);

    for (int i = 1; i <= 3; i++) {
        wait_for(&it->arrived, i);
        let_everything_run();
        assert_int_equal(value_of(&it->arrived), i);
        answer_text(take_held(), "later");
        expect_answer(fd, 200, "later");
    }
    close(fd);
}

static void server__takes_large_bodies(void **state)
{
    char *body = malloc(BIG + 1);
    char head[256];
    int fd;

    (void) state;
    memset(body, 'x', BIG);
    body[BIG] = '\0';
    it->options.max_message_size = BIG;
    it->manner = HOLD;
    start_server();
    fd = dial();
    snprintf(head, sizeof head, HEAD_11 "Content-Length: %d\r\n\r\n", BIG);

    put_text(fd, head);
    put(fd, body, BIG);

    wait_for(&it->arrived, 1);
    assert_int_equal(it->envelope_size, BIG);
    answer_text(take_held(), "long");
    expect_answer(fd, 200, "long");
    free(body);
    close(fd);
}

static void server__tells_the_action_of_soap_1_1(void **state)
{
    static const struct {
        const char *line;
        bool given;
        const char *action;
    } cases[] = {
        { "SOAPAction: \"urn:a\"\r\n", true, "urn:a" },
        { "soapaction: urn:b\r\n", true, "urn:b" },
        { "SOAPAction: \"\"\r\n", true, "" },
        { "", false, "" },
    };
    char request[512];
    int fd;

    (void) state;
    it->manner = ACCEPT;
    start_server();
    fd = dial();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(request, sizeof request,
            HEAD_11 "%sContent-Length: 1\r\n\r\nx", cases[i].line);
        put_text(fd, request);
        expect_answer(fd, 202, "");
        assert_int_equal(it->has_action, cases[i].given);
        assert_string_equal(it->action, cases[i].action);
    }
    close(fd);
}

static void server__tells_the_action_of_soap_1_2(void **state)
{
    int fd;

    (void) state;
    it->manner = ACCEPT;
    it->options.version = WWS_ENVELOPE_VERSION_SOAP_1_2;
    start_server();
    fd = dial();

    put_text(fd, HEAD("Application/SOAP+xml; Charset=\"UTF-8\"; "
        "action=\"urn:\\\"x\\\"\"") "Content-Length: 1\r\n\r\nx");
    expect_answer(fd, 202, "");
    assert_true(it->has_action);
    assert_string_equal(it->action, "urn:\"x\"");

    put_text(fd, HEAD("application/soap+xml") "SOAPAction: \"urn:no\"\r\n"
        "Content-Length: 1\r\n\r\nx");
    expect_answer(fd, 202, "");
    assert_false(it->has_action);
    close(fd);
}

static bool one_field(
    const void *state,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    const char *text = state;

    if ((*index)++ != 0)
        return false;
    *name = WWS_STR("X-Answer");
    *value = (wws_string) { text, strlen(text) };
    return true;
}

static void server__carries_fields_both_ways(void **state)
{
    int fd;

    (void) state;
    it->answer_fields = (struct wwi_fields) { one_field, "out" };
    start_server();
    fd = dial();

    put_text(fd, HEAD_11 "X-Field:  in \r\nContent-Length: 1\r\n\r\nx");

    expect_head(fd, 200, "\r\nX-Answer: out\r\n");
    assert_string_equal(it->field, "in");
    close(fd);
}

static void server__sends_no_field_that_would_end_a_line(void **state)
{
    int fd;

    (void) state;
    it->answer_fields = (struct wwi_fields) { one_field, "a\r\nb: c" };
    start_server();
    fd = dial();

    put_text(fd, REQUEST);

    expect_reset(fd);
    wait_for(&it->replied, 1);
    assert_int_equal(it->outcome.status, WWS_E_INVALIDARG);
    close(fd);
}

static void server__sends_faults_with_status_500(void **state)
{
    int fd;

    (void) state;
    it->fault = true;
    it->options.version = WWS_ENVELOPE_VERSION_SOAP_1_2;
    start_server();
    fd = dial();

    put_text(fd, HEAD("application/soap+xml") "Content-Length: 1\r\n\r\nx");

    expect_head(fd, 500,
        "\r\nContent-Type: application/soap+xml; charset=utf-8\r\n");
    close(fd);
}

static void server__honours_the_clients_wish_to_close(void **state)
{
    int fd;

    (void) state;
    start_server();

    fd = dial();
    put_text(fd, HEAD_11 "Connection: Close\r\nContent-Length: 1\r\n\r\nx");
    expect_head(fd, 200, "\r\nConnection: close\r\n");
    expect_end(fd);
    close(fd);

    fd = dial();
    put_text(fd, "POST /calc HTTP/1.0\r\nContent-Type: text/xml\r\n"
        "Content-Length: 1\r\n\r\nx");
    expect_head(fd, 200, "\r\nConnection: close\r\n");
    expect_end(fd);
    close(fd);

    fd = dial();
    for (int i = 0; i < 2; i++) {
        put_text(fd, "POST /calc HTTP/1.0\r\nContent-Type: text/xml\r\n"
            "Connection: keep-alive\r\nContent-Length: 1\r\n\r\nx");
        expect_head(fd, 200, "\r\nConnection: keep-alive\r\n");
    }
    close(fd);
}

/* Addresses. */

static void expect_address(
    const char *url,
    const char *before,
    const char *path)
{
    struct wwi_bytes address = { 0 };
    char text[128] = "";
    int fd;

    it->server = NULL;
    it->stopped = 0;
    open_server(url);
    assert_int_equal(wwi_http.server_address(it->server, &address), WWS_S_OK);
    memcpy(text, address.data, address.size);
    wwi_bytes_fini(&address);
    assert_memory_equal(text, before, strlen(before));
    assert_int_not_equal(port(), 0);
    assert_string_equal(strrchr(text, ':') + strspn(strrchr(text, ':'),
        ":0123456789"), path);
    fd = try_dial(port());
    if (strchr(before, '[') == NULL)
        assert_true(fd >= 0);
    if (fd >= 0)
        close(fd);
    stop(true);
    wait_for(&it->stopped, 1);
    wwi_http.server_free(it->server);
    it->server = NULL;
    end_engine(it->runtime);
    it->runtime = NULL;
}

static void server__says_where_it_can_be_reached(void **state)
{
    (void) state;
    expect_address("http://127.0.0.1:0", "http://127.0.0.1:", "/");
    expect_address("http://+:0/a/../%62", "http://localhost:", "/b");
    expect_address("http://*:0/x", "http://localhost:", "/x");
    expect_address("HTTP://Some.Name:0/x", "http://some.name:", "/x");
}

static void server__listens_on_ipv6(void **state)
{
    int probe = socket(AF_INET6, SOCK_STREAM, 0), fd;
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6,
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
    };

    (void) state;
    if (probe < 0
        || bind(probe, (struct sockaddr *) &address, sizeof address) != 0) {
        close(probe);
        skip();
    }
    close(probe);
    open_server("http://+:0/calc");
    address.sin6_port = htons(port());
    fd = socket(AF_INET6, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *) &address,
        sizeof address), 0);

    put_text(fd, REQUEST);
    expect_answer(fd, 200, "hello");
    close(fd);
}

static wws_status try_open(const char *url, struct wwi_error *error)
{
    struct wwi_server *server;

    return wwi_http.server_open(it->runtime, (wws_string) { url, strlen(url) },
        &it->options, &arrivals, &server, error);
}

static void server__says_why_it_cannot_listen(void **state)
{
    struct wwi_error *error = wwi_error_new();
    char taken[64];

    (void) state;
    start_server();
    snprintf(taken, sizeof taken, "http://127.0.0.1:%u/other", port());

    assert_int_equal(try_open("net.tcp://x/", NULL),
        WWS_E_INVALID_ENDPOINT_URL);
    assert_int_equal(try_open("nonsense", NULL), WWS_E_INVALID_ENDPOINT_URL);
    assert_int_equal(try_open("https://x:0/", NULL),
        WWS_E_INVALID_ENDPOINT_URL);
    assert_int_equal(try_open("http://x:0/?a", NULL),
        WWS_E_INVALID_ENDPOINT_URL);
    assert_int_equal(try_open("http://x:0/%2F", NULL),
        WWS_E_INVALID_ENDPOINT_URL);
    assert_int_equal(try_open("http://192.0.2.1:0/", error),
        WWS_E_ADDRESS_NOT_AVAILABLE);
    assert_int_equal(error->outcome.original_code, EADDRNOTAVAIL);
    wwi_error_reset(error);
    assert_int_equal(try_open(taken, error), WWS_E_ADDRESS_IN_USE);
    assert_int_equal(error->outcome.original_code, EADDRINUSE);
    assert_int_equal(error->outcome.status, WWS_E_ADDRESS_IN_USE);
    wwi_error_free(error);
}

static void server__opens_or_says_that_there_is_no_memory(void **state)
{
    wws_status status = WWS_E_OUTOFMEMORY;
    struct wwi_server *first;
    int failures = 0;

    (void) state;
    start_server();
    first = it->server;

    for (uint64_t n = 1; status != WWS_S_OK; n++) {
        wwi_memory_fail(n, 0);
        status = wwi_http.server_open(it->runtime,
            WWS_STR("http://127.0.0.1:0/%41"), &it->options, &arrivals,
            &it->server, NULL);
        wwi_memory_fail(0, 0);
        failures++;
        assert_true(status == WWS_S_OK || status == WWS_E_OUTOFMEMORY);
    }

    assert_true(failures > 3);
    wwi_http.server_stop(first, false, server_stopped);
    wait_for(&it->stopped, 1);
    wwi_http.server_free(first);
    it->stopped = 0;
}

static void server__survives_any_failed_allocation(void **state)
{
    bool answered = false;
    int failures = 0;

    (void) state;
    it->options.version = WWS_ENVELOPE_VERSION_SOAP_1_2;
    start_server();

    for (uint64_t n = 1; !answered; n++) {
        static const char request[] = "POST /%63alc HTTP/1.1\r\nHost: x\r\n"
            "Content-Type: application/soap+xml; charset=utf-8; action=a\r\n"
            "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
        char both[2 * sizeof request];
        struct answer answer;
        bool complete;
        int fd = dial();

        wwi_memory_fail(n, 0);
        snprintf(both, sizeof both, "%s%s", request, request);
        /* Which fails if the connection was not taken. */
        (void) send(fd, both, strlen(both), MSG_NOSIGNAL);
        complete = get_answer(fd, &answer);
        free(answer.body);
        assert_true(!complete || answer.status == 200
            || answer.status == 503);
        if (complete && answer.status == 200) {
            answered = get_answer(fd, &answer) && answer.status == 200;
            free(answer.body);
        }
        let_everything_run();
        wwi_memory_fail(0, 0);
        failures += !answered;
        close(fd);
    }

    assert_true(failures > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server__answers_a_request),
        TEST(server__answers_many_requests_on_a_connection),
        TEST(server__needs_four_system_calls_for_a_request),
        TEST(server__accepts_a_request_cut_anywhere),
        TEST(server__answers_pipelined_requests_in_order),
        TEST(server__hands_up_a_pipelined_request_after_the_answer),
        TEST(server__takes_large_bodies),
        TEST(server__tells_the_action_of_soap_1_1),
        TEST(server__tells_the_action_of_soap_1_2),
        TEST(server__carries_fields_both_ways),
        TEST(server__sends_no_field_that_would_end_a_line),
        TEST(server__sends_faults_with_status_500),
        TEST(server__honours_the_clients_wish_to_close),
        TEST(server__says_where_it_can_be_reached),
        TEST(server__listens_on_ipv6),
        TEST(server__says_why_it_cannot_listen),
        TEST(server__opens_or_says_that_there_is_no_memory),
        TEST(server__survives_any_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
