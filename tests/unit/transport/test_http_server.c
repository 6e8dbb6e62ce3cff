/* The server against clients that write octets by hand, over loopback.  System
 * calls of the server go through wrappers here, which count them and make them
 * fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/transport/http.h"
#include "tests/support/counters.h"
#include "tests/support/engine.h"
#include "tests/support/sockets.h"
#include "tests/support/valgrind.h"

enum {
    HELD_MOST = 64,
    BIG = 8 * 1024 * 1024,
};

/* System calls of the server: those on its loop and those that answer. */

static _Atomic int received_calls;
static _Atomic int sent_calls;
static _Atomic int armed_calls;
static _Atomic int most_sent;      /* octets that a sendmsg takes; 0: all */

/* The function that a wrapper stands before: the system's, or a sanitizer's
 * that has to see the call. */
static void find(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(function, &found, sizeof found);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    ssize_t (*wrapped)(int, void *, size_t, int);

    find(&wrapped, "recv");
    received_calls++;
    return wrapped(fd, data, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*wrapped)(int, const struct msghdr *, int);
    struct iovec first = message->msg_iov[0];
    struct msghdr less = { .msg_iov = &first, .msg_iovlen = 1 };
    size_t most = (size_t) most_sent;

    find(&wrapped, "sendmsg");
    sent_calls++;
    if (most == 0)
        return wrapped(fd, message, flags);
    if (first.iov_len > most)
        first.iov_len = most;
    return wrapped(fd, &less, flags);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    int (*wrapped)(int, int, int, struct epoll_event *);

    find(&wrapped, "epoll_ctl");
    armed_calls++;
    return wrapped(epoll, operation, fd, event);
}

/* The server and what it tells. */

enum manner {
    ECHO,     /* answers inside arrived */
    HOLD,     /* leaves the request in the list */
    ACCEPT,   /* answers 202 inside arrived */
    DROP,
    STOP,     /* stops the server inside arrived and answers */
};

static struct fixture {
    struct wwi_runtime *runtime;
    struct wwi_server *server;
    struct wwi_server_options options;
    enum manner manner;
    const char *url;
    uint64_t blocks;
    bool fault;
    struct wwi_fields answer_fields;

    struct wwi_incoming *held[HELD_MOST];
    int held_count;
    int arrived;
    int gone;
    int replied;
    int stopped;
    struct wwi_outcome outcome;      /* of the last answer */
    bool has_action;
    char action[256];
    char field[256];                 /* X-Field of the last request */
    size_t envelope_size;
} it;

static void was_replied(void *state, const struct wwi_outcome *outcome)
{
    assert_ptr_equal(state, &it);
    lock_it();
    it.replied++;
    it.outcome = *outcome;
    unlock_it();
}

static void was_stopped(void *state)
{
    assert_ptr_equal(state, &it);
    lock_it();
    it.stopped++;
    unlock_it();
}

static void is_gone(struct wwi_incoming *incoming)
{
    assert_true(incoming->gone);
    lock_it();
    it.gone++;
    unlock_it();
}

static void answer(struct wwi_incoming *incoming, struct wwi_bytes *envelope)
{
    struct wwi_outgoing outgoing = {
        .envelope = *envelope,
        .version = incoming->version,
        .fields = it.answer_fields,
        .fault = it.fault,
    };

    *envelope = (struct wwi_bytes) { 0 };
    wwi_http_incoming.reply(incoming, &outgoing, was_replied, &it);
}

static void answer_text(struct wwi_incoming *incoming, const char *text)
{
    struct wwi_bytes envelope = { 0 };

    wwi_bytes_append_text(&envelope, text);
    answer(incoming, &envelope);
}

static void answer_big(struct wwi_incoming *incoming)
{
    struct wwi_bytes envelope = { 0 };
    void *data = wwi_bytes_reserve(&envelope, BIG);

    memset(data, 'b', BIG);
    envelope.size = BIG;
    answer(incoming, &envelope);
}

static void note(const struct wwi_incoming *incoming)
{
    wws_string name, value;
    uint32_t index = 0;

    it.has_action = incoming->has_action;
    snprintf(it.action, sizeof it.action, "%.*s", (int) incoming->action.size,
        incoming->action.data != NULL ? incoming->action.data : "");
    it.field[0] = '\0';
    while (incoming->fields.next(incoming->fields.state, &index, &name,
        &value))
        if (name.size == 7 && memcmp(name.data, "X-Field", 7) == 0)
            snprintf(it.field, sizeof it.field, "%.*s", (int) value.size,
                value.data);
    it.envelope_size = incoming->envelope.size;
}

static void arrived(struct wwi_incoming *incoming, void *state)
{
    enum manner manner;
    struct wwi_bytes envelope = { 0 };

    assert_ptr_equal(state, &it);
    assert_false(incoming->gone);
    lock_it();
    manner = it.manner;
    note(incoming);
    if (manner == HOLD) {
        assert_true(it.held_count < HELD_MOST);
        it.held[it.held_count++] = incoming;
    } else {
        envelope = incoming->envelope;
        incoming->envelope = (struct wwi_bytes) { 0 };
    }
    it.arrived++;
    unlock_it();
    if (manner == STOP)
        wwi_http.server_stop(it.server, false, was_stopped);
    if (manner == ECHO || manner == STOP)
        answer(incoming, &envelope);
    if (manner == ACCEPT)
        wwi_http_incoming.reply(incoming, NULL, was_replied, &it);
    if (manner == DROP)
        wwi_http_incoming.drop(incoming);
    if (manner == ACCEPT || manner == DROP)
        wwi_bytes_fini(&envelope);
}

static const struct wwi_server_callbacks arrivals = {
    .arrived = arrived,
    .state = &it,
};

static struct wwi_incoming *take_held(void)
{
    struct wwi_incoming *incoming;

    wait_for(&it.held_count, 1);
    lock_it();
    incoming = it.held[0];
    it.held_count--;
    memmove(it.held, it.held + 1,
        (size_t) it.held_count * sizeof it.held[0]);
    unlock_it();
    return incoming;
}

static void open_server(const char *url)
{
    it.runtime = start_engine();
    assert_int_equal(wwi_http.server_open(it.runtime,
        (wws_string) { url, strlen(url) }, &it.options, &arrivals,
        &it.server, NULL), WWS_S_OK);
}

static int set_up(void **state)
{
    (void) state;
    it = (struct fixture) {
        .blocks = wwi_memory_live(),
        .options = {
            .version = WWS_ENVELOPE_VERSION_SOAP_1_1,
            .max_message_size = 65536,
            .max_head_size = 65536,
            .backlog = 128,
            .max_connections = 1024,
            .max_incoming = 1024,
            .request_timeout_ms = 30000,
            .idle_timeout_ms = 120000,
        },
    };
    most_sent = 0;
    return 0;
}

static int clean_up(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    wwi_clock_release();
    if (it.server != NULL) {
        wwi_http.server_stop(it.server, true, was_stopped);
        while (it.held_count != 0)
            wwi_http_incoming.drop(it.held[--it.held_count]);
        wait_for(&it.stopped, 1);
        wwi_http.server_free(it.server);
    }
    if (it.runtime != NULL)
        end_engine(it.runtime);
    /* What the runtime ends is freed when its threads have ended. */
    assert_int_equal(wwi_memory_live(), it.blocks);
    return 0;
}

/* All events that came before have been dealt with, on every loop. */
static void let_everything_run(void)
{
    let_loops_run(it.runtime);
}

/* The client. */

static uint16_t port(void)
{
    return port_of(&wwi_http, it.server);
}

static int dial(void)
{
    return dial_to(port());
}

struct answer {
    int status;
    char head[2048];
    char *body;
    size_t size;
};

static bool get_head(int fd, struct answer *answer)
{
    size_t at = 0;

    while (at < 4 || memcmp(answer->head + at - 4, "\r\n\r\n", 4) != 0) {
        assert_true(at < sizeof answer->head - 1);
        if (get_some(fd, answer->head + at, 1) != 1)
            return false;
        at++;
    }
    answer->head[at] = '\0';
    return sscanf(answer->head, "HTTP/1.1 %d ", &answer->status) == 1;
}

/* False if the connection ends before. */
static bool get_answer(int fd, struct answer *answer)
{
    const char *length;
    size_t at = 0;

    *answer = (struct answer) { 0 };
    if (!get_head(fd, answer))
        return false;
    if (answer->status == 100)
        return true;
    length = strstr(answer->head, "\r\nContent-Length: ");
    assert_non_null(length);
    answer->size = strtoul(length + 18, NULL, 10);
    answer->body = calloc(1, answer->size + 1);
    while (at < answer->size) {
        ssize_t count = get_some(fd, answer->body + at, answer->size - at);

        if (count <= 0)
            return false;
        at += (size_t) count;
    }
    /* Whoever reads what was noted of the request has had the lock. */
    (void) value_of(&it.arrived);
    return true;
}

static void expect_answer(int fd, int status, const char *body)
{
    struct answer answer;

    assert_true(get_answer(fd, &answer));
    assert_int_equal(answer.status, status);
    if (body != NULL)
        assert_string_equal(answer.body, body);
    free(answer.body);
}

static void expect_head(int fd, int status, const char *part)
{
    struct answer answer;

    assert_true(get_answer(fd, &answer));
    assert_int_equal(answer.status, status);
    if (strstr(answer.head, part) == NULL)
        fail_msg("no %s in %s", part, answer.head);
    free(answer.body);
}

#define HEAD(type) "POST /calc HTTP/1.1\r\nHost: x\r\nContent-Type: " type \
    "\r\n"
#define HEAD_11 HEAD("text/xml; charset=utf-8")
#define REQUEST HEAD_11 "SOAPAction: \"urn:a\"\r\n" \
    "Content-Length: 5\r\n\r\nhello"
#define CHUNKED HEAD_11 "Transfer-Encoding: chunked\r\n\r\n" \
    "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"

static void start(void)
{
    open_server("http://127.0.0.1:0/calc");
}

/* Requests and answers. */

static void server__answers_a_request(void **state)
{
    struct answer answer;
    int fd;

    (void) state;
    start();
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
    wait_for(&it.replied, 1);
    assert_int_equal(it.outcome.status, WWS_S_OK);
    assert_int_equal(it.outcome.progress, WWS_PROGRESS_SENT);
    close(fd);
}


static void server__answers_many_requests_on_a_connection(void **state)
{
    int fd;

    (void) state;
    start();
    fd = dial();

    for (int i = 0; i < 100; i++) {
        put_text(fd, i % 2 ? REQUEST : CHUNKED);
        expect_answer(fd, 200, "hello");
    }

    assert_int_equal(it.runtime->counters[WWS_COUNTER_CONNECTIONS_ACCEPTED],
        1);
    close(fd);
}

static void server__needs_four_system_calls_for_a_request(void **state)
{
    int fd, received, sent, armed;

    (void) state;
    start();
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
    start();

    cut_everywhere(REQUEST);
    cut_everywhere(CHUNKED);
}

static void server__answers_pipelined_requests_in_order(void **state)
{
    struct wwi_bytes all = { 0 };
    char request[256], body[16];
    int fd;

    (void) state;
    start();
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
    it.manner = HOLD;
    start();
    fd = dial();

    put_text(fd, REQUEST REQUEST REQUEST);

    for (int i = 1; i <= 3; i++) {
        wait_for(&it.arrived, i);
        let_everything_run();
        assert_int_equal(value_of(&it.arrived), i);
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
    it.options.max_message_size = BIG;
    it.manner = HOLD;
    start();
    fd = dial();
    snprintf(head, sizeof head, HEAD_11 "Content-Length: %d\r\n\r\n", BIG);

    put_text(fd, head);
    put(fd, body, BIG);

    wait_for(&it.arrived, 1);
    assert_int_equal(it.envelope_size, BIG);
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
    it.manner = ACCEPT;
    start();
    fd = dial();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(request, sizeof request,
            HEAD_11 "%sContent-Length: 1\r\n\r\nx", cases[i].line);
        put_text(fd, request);
        expect_answer(fd, 202, "");
        assert_int_equal(it.has_action, cases[i].given);
        assert_string_equal(it.action, cases[i].action);
    }
    close(fd);
}

static void server__tells_the_action_of_soap_1_2(void **state)
{
    int fd;

    (void) state;
    it.manner = ACCEPT;
    it.options.version = WWS_ENVELOPE_VERSION_SOAP_1_2;
    start();
    fd = dial();

    put_text(fd, HEAD("Application/SOAP+xml; Charset=\"UTF-8\"; "
        "action=\"urn:\\\"x\\\"\"") "Content-Length: 1\r\n\r\nx");
    expect_answer(fd, 202, "");
    assert_true(it.has_action);
    assert_string_equal(it.action, "urn:\"x\"");

    put_text(fd, HEAD("application/soap+xml") "SOAPAction: \"urn:no\"\r\n"
        "Content-Length: 1\r\n\r\nx");
    expect_answer(fd, 202, "");
    assert_false(it.has_action);
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
    it.answer_fields = (struct wwi_fields) { one_field, "out" };
    start();
    fd = dial();

    put_text(fd, HEAD_11 "X-Field:  in \r\nContent-Length: 1\r\n\r\nx");

    expect_head(fd, 200, "\r\nX-Answer: out\r\n");
    assert_string_equal(it.field, "in");
    close(fd);
}

static void server__sends_no_field_that_would_end_a_line(void **state)
{
    int fd;

    (void) state;
    it.answer_fields = (struct wwi_fields) { one_field, "a\r\nb: c" };
    start();
    fd = dial();

    put_text(fd, REQUEST);

    expect_reset(fd);
    wait_for(&it.replied, 1);
    assert_int_equal(it.outcome.status, WWS_E_INVALIDARG);
    close(fd);
}

static void server__sends_faults_with_status_500(void **state)
{
    int fd;

    (void) state;
    it.fault = true;
    it.options.version = WWS_ENVELOPE_VERSION_SOAP_1_2;
    start();
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
    start();

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
    start();
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
    start();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refusal(cases[i].request, cases[i].status);

    assert_int_equal(value_of(&it.arrived), 0);
}

static void server__refuses_text_xml_under_soap_1_2(void **state)
{
    (void) state;
    it.options.version = WWS_ENVELOPE_VERSION_SOAP_1_2;
    start();

    expect_refusal(REQUEST, 415);
}

static void server__refuses_heads_beyond_the_limit(void **state)
{
    char *request = malloc(20000);
    int size;

    (void) state;
    it.options.max_head_size = 10000;
    start();

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
    start();
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
    start();
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
    start();
    wwi_clock_hold();
    fd = dial();
    put_text(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_answer(fd, 405, "");
    expect_end(fd);
    let_everything_run();
    assert_int_equal(it.runtime->counters[WWS_COUNTER_SOCKETS], 2);

    wwi_clock_move(2001);
    let_everything_run();

    assert_int_equal(it.runtime->counters[WWS_COUNTER_SOCKETS], 1);
    close(fd);
}

/* 100 Continue. */

#define EXPECTING HEAD_11 "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n"

static void server__asks_for_the_body_that_is_held_back(void **state)
{
    int fd;

    (void) state;
    start();
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
    start();
    fd = dial();

    put_text(fd, EXPECTING "hello");

    expect_answer(fd, 200, "hello");
    close(fd);
}

static void server__refuses_before_it_asks_for_the_body(void **state)
{
    (void) state;
    start();

    expect_refusal("POST /no HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"
        "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", 404);
}

/* Clients that leave. */

static void hold_one(int *fd)
{
    it.manner = HOLD;
    start();
    *fd = dial();
    put_text(*fd, REQUEST);
    wait_for(&it.arrived, 1);
}

static struct wwi_incoming *watch_one(int *fd)
{
    struct wwi_incoming *incoming;

    hold_one(fd);
    incoming = take_held();
    wwi_http_incoming.watch(incoming, is_gone);
    return incoming;
}

static void server__tells_when_a_client_closes(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    incoming = watch_one(&fd);

    close(fd);

    wait_for(&it.gone, 1);
    answer_text(incoming, "too late");
    wait_for(&it.replied, 1);
    assert_int_equal(it.outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it.gone, 1);
}

static void server__tells_when_a_client_resets(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    it.options.tolerate_half_close = true;
    incoming = watch_one(&fd);

    reset(fd);

    wait_for(&it.gone, 1);
    wwi_http_incoming.drop(incoming);
}

static void server__tells_when_a_client_shuts_its_side_down(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    incoming = watch_one(&fd);

    shutdown(fd, SHUT_WR);

    wait_for(&it.gone, 1);
    wwi_http_incoming.drop(incoming);
    close(fd);
}

static void server__tolerates_a_half_closed_client_if_told_to(void **state)
{
    struct wwi_incoming *incoming;
    int fd, received;

    (void) state;
    it.options.tolerate_half_close = true;
    incoming = watch_one(&fd);

    shutdown(fd, SHUT_WR);
    let_everything_run();
    received = received_calls;
    let_everything_run();

    assert_int_equal(received_calls, received);
    assert_int_equal(value_of(&it.gone), 0);
    answer_text(incoming, "in time");
    expect_answer(fd, 200, "in time");
    expect_end(fd);
    close(fd);
}

static void server__tells_when_a_half_closed_client_resets(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    it.options.tolerate_half_close = true;
    incoming = watch_one(&fd);
    shutdown(fd, SHUT_WR);
    let_everything_run();

    answer_big(incoming);
    let_everything_run();
    reset(fd);

    wait_for(&it.replied, 1);
    assert_int_equal(it.outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(value_of(&it.gone), 0);
}

static void server__takes_a_pipelined_request_for_no_leaving(void **state)
{
    struct wwi_incoming *incoming;
    int fd, received;

    (void) state;
    incoming = watch_one(&fd);

    put_text(fd, REQUEST);
    let_everything_run();
    received = received_calls;
    put_text(fd, REQUEST);
    let_everything_run();

    /* Nor is it looked at again and again. */
    assert_true(received_calls - received <= 1);
    assert_int_equal(value_of(&it.gone), 0);
    assert_int_equal(value_of(&it.arrived), 1);
    answer_text(incoming, "first");
    expect_answer(fd, 200, "first");
    answer_text(take_held(), "second");
    expect_answer(fd, 200, "second");
    answer_text(take_held(), "third");
    expect_answer(fd, 200, "third");
    close(fd);
}

static void server__tells_of_leaving_behind_a_pipelined_request(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    incoming = watch_one(&fd);
    put_text(fd, REQUEST);
    let_everything_run();

    close(fd);

    wait_for(&it.gone, 1);
    wwi_http_incoming.drop(incoming);
    let_everything_run();
    assert_int_equal(value_of(&it.arrived), 1);
}

static void server__tells_at_once_who_watches_late(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    hold_one(&fd);
    incoming = take_held();
    close(fd);
    let_everything_run();
    assert_true(incoming->gone);
    assert_int_equal(value_of(&it.gone), 0);

    wwi_http_incoming.watch(incoming, is_gone);

    assert_int_equal(value_of(&it.gone), 1);
    wwi_http_incoming.drop(incoming);
}

static void drop_when_gone(struct wwi_incoming *incoming)
{
    is_gone(incoming);
    wwi_http_incoming.drop(incoming);
}

static void answer_when_gone(struct wwi_incoming *incoming)
{
    answer_text(incoming, "too late");
    assert_int_equal(value_of(&it.replied), 0);
    is_gone(incoming);
}

static void server__lets_the_request_be_ended_where_it_tells(void **state)
{
    void (*const ways[])(struct wwi_incoming *) = {
        drop_when_gone, answer_when_gone,
    };
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    it.manner = HOLD;
    start();
    for (int i = 0; i < 4; i++) {
        fd = dial();
        put_text(fd, REQUEST);
        incoming = take_held();
        if (i < 2)
            wwi_http_incoming.watch(incoming, ways[i % 2]);
        close(fd);
        if (i >= 2) {
            let_everything_run();
            wwi_http_incoming.watch(incoming, ways[i % 2]);
        }
        wait_for(&it.gone, i + 1);
        if (i % 2 == 1)
            wait_for(&it.replied, 1);
        it.replied = 0;
    }
}

/* The teller has told nobody so in a way that would order what he did before
 * that: only so can a check for races see what he reads. */
static struct {
    _Atomic bool told;
    int watched_anew;
} anew;

static void wait_when_gone(struct wwi_incoming *incoming)
{
    atomic_store_explicit(&anew.told, true, memory_order_relaxed);
    wait_for(&anew.watched_anew, 1);
    is_gone(incoming);
}

static void server__lets_the_request_be_watched_anew_while_it_tells(
    void **state)
{
    int64_t until = wwi_clock_after(PATIENCE_S * 1000);
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    anew.told = false;
    anew.watched_anew = 0;
    hold_one(&fd);
    incoming = take_held();
    wwi_http_incoming.watch(incoming, wait_when_gone);
    close(fd);
    while (!atomic_load_explicit(&anew.told, memory_order_relaxed))
        assert_true(wwi_clock_now() < until);

    wwi_http_incoming.watch(incoming, is_gone);

    lock_it();
    anew.watched_anew++;
    unlock_it();
    wait_for(&it.gone, 1);
    wwi_http_incoming.drop(incoming);
    assert_int_equal(it.gone, 1);
}

static void server__does_not_tell_after_the_answer(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    incoming = watch_one(&fd);
    answer_text(incoming, "done");
    expect_answer(fd, 200, "done");

    close(fd);
    let_everything_run();

    assert_int_equal(value_of(&it.gone), 0);
    assert_int_equal(it.runtime->counters[WWS_COUNTER_SOCKETS], 1);
}

static void server__does_not_hand_up_half_a_request(void **state)
{
    size_t size = strlen(REQUEST);

    (void) state;
    start();

    for (size_t cut = 0; cut < size; cut++) {
        int fd = dial();

        put(fd, REQUEST, cut);
        if (cut % 2)
            reset(fd);
        else
            close(fd);
    }
    let_everything_run();

    assert_int_equal(value_of(&it.arrived), 0);
}

static void set_manner(enum manner manner)
{
    lock_it();
    it.manner = manner;
    unlock_it();
}

static void server__resets_what_is_dropped(void **state)
{
    int fd;

    (void) state;
    it.manner = DROP;
    start();

    fd = dial();
    put_text(fd, REQUEST);
    expect_reset(fd);
    close(fd);

    set_manner(HOLD);
    fd = dial();
    put_text(fd, REQUEST);
    wwi_http_incoming.drop(take_held());
    expect_reset(fd);
    close(fd);
}

/* Clients that do not read. */

static void server__sends_on_while_the_client_reads_slowly(void **state)
{
    struct answer answer;
    int fd;

    (void) state;
    hold_one(&fd);

    answer_big(take_held());
    let_everything_run();
    assert_int_equal(value_of(&it.replied), 0);

    assert_true(get_answer(fd, &answer));
    assert_int_equal(answer.size, BIG);
    assert_int_equal(strspn(answer.body, "b"), BIG);
    free(answer.body);
    wait_for(&it.replied, 1);
    assert_int_equal(it.outcome.status, WWS_S_OK);
    put_text(fd, REQUEST);
    answer_text(take_held(), "again");
    expect_answer(fd, 200, "again");
    close(fd);
}

static void server__sends_answers_in_any_pieces(void **state)
{
    int fd;

    (void) state;
    start();
    fd = dial();

    for (int i = 1; i < 10; i++) {
        most_sent = i;
        put_text(fd, REQUEST);
        expect_answer(fd, 200, "hello");
    }
    close(fd);
}

static void server__gives_up_on_a_client_that_does_not_read(void **state)
{
    int fd;
    char octet;

    (void) state;
    hold_one(&fd);
    wwi_clock_hold();
    answer_big(take_held());
    let_everything_run();

    wwi_clock_move(29999);
    let_everything_run();
    assert_int_equal(value_of(&it.replied), 0);
    wwi_clock_move(2);

    wait_for(&it.replied, 1);
    assert_int_equal(it.outcome.status, WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(it.outcome.progress, WWS_PROGRESS_PARTLY_SENT);
    while (get_some(fd, &octet, 1) == 1)
        continue;
    assert_int_equal(errno, ECONNRESET);
    close(fd);
}

static void server__gives_a_client_that_reads_its_time(void **state)
{
    enum { PIECE = 65536 };
    char *data = malloc(BIG);
    int fd;

    (void) state;
    hold_one(&fd);
    wwi_clock_hold();
    answer_big(take_held());
    let_everything_run();

    /* Longer than it may take to no avail. */
    for (int step = 0; step < 3; step++) {
        int sent = sent_calls;

        while (sent_calls == sent && value_of(&it.replied) == 0) {
            assert_true(get_some(fd, data, PIECE) > 0);
            let_everything_run();
        }
        wwi_clock_move(20000);
        let_everything_run();
    }

    while (get_some(fd, data, BIG) > 0 && value_of(&it.replied) == 0)
        continue;
    wait_for(&it.replied, 1);
    assert_int_equal(it.outcome.status, WWS_S_OK);
    free(data);
    close(fd);
}

static void server__hears_of_a_client_that_leaves_while_it_sends(void **state)
{
    int fd;

    (void) state;
    hold_one(&fd);
    answer_big(take_held());
    let_everything_run();

    close(fd);

    wait_for(&it.replied, 1);
    assert_int_equal(it.outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
}

/* Time and number. */

static void server__closes_idle_connections(void **state)
{
    int fresh, used;

    (void) state;
    start();
    wwi_clock_hold();
    fresh = dial();
    used = dial();
    let_everything_run();
    wwi_clock_move(60000);
    put_text(used, REQUEST);
    expect_answer(used, 200, "hello");
    let_everything_run();

    wwi_clock_move(60001);
    expect_end(fresh);
    let_everything_run();
    assert_int_equal(it.runtime->counters[WWS_COUNTER_SOCKETS], 2);
    wwi_clock_move(60000);
    expect_end(used);

    close(fresh);
    close(used);
}

static void server__bounds_the_time_of_a_whole_request(void **state)
{
    int fd;

    (void) state;
    start();
    wwi_clock_hold();
    fd = dial();
    put_text(fd, REQUEST);
    expect_answer(fd, 200, "hello");

    /* Each octet comes in time, the whole does not. */
    for (int i = 0; i < 29; i++) {
        put(fd, &REQUEST[i], 1);
        let_everything_run();
        wwi_clock_move(1000);
        let_everything_run();
    }
    wwi_clock_move(1001);

    expect_answer(fd, 408, "");
    expect_end(fd);
    close(fd);
}

static void server__does_not_count_the_time_of_the_operation(void **state)
{
    int fd;

    (void) state;
    it.manner = HOLD;
    start();
    wwi_clock_hold();
    fd = dial();
    put_text(fd, REQUEST);
    wait_for(&it.arrived, 1);

    for (int i = 0; i < 10; i++) {
        wwi_clock_move(3600000);
        let_everything_run();
    }

    answer_text(take_held(), "slow");
    expect_answer(fd, 200, "slow");
    close(fd);
}

static void server__lets_connections_wait_beyond_the_limit(void **state)
{
    int first, second;

    (void) state;
    it.options.max_connections = 1;
    start();
    first = dial();
    put_text(first, REQUEST);
    expect_answer(first, 200, "hello");

    second = dial();
    put_text(second, REQUEST);
    let_everything_run();
    assert_int_equal(value_of(&it.arrived), 1);
    close(first);

    expect_answer(second, 200, "hello");
    close(second);
}

static void server__hands_up_no_more_than_the_limit(void **state)
{
    int fds[10];

    (void) state;
    it.options.max_incoming = 3;
    it.manner = HOLD;
    start();
    for (int i = 0; i < 10; i++) {
        fds[i] = dial();
        /* Some come in two pieces. */
        put(fds[i], REQUEST, i % 2 ? 20 : strlen(REQUEST));
        let_everything_run();
        put_text(fds[i], i % 2 ? &REQUEST[20] : "");
        let_everything_run();
    }

    for (int i = 0; i < 10; i++) {
        int up = i < 7 ? i + 3 : 10;

        wait_for(&it.arrived, up);
        let_everything_run();
        assert_int_equal(value_of(&it.arrived), up);
        if (i % 3 == 0)
            wwi_http_incoming.drop(take_held());
        else
            answer_text(take_held(), "turn");
    }
    for (int i = 0; i < 10; i++)
        close(fds[i]);
}

static void server__gives_turns_only_to_whole_requests(void **state)
{
    int half, refused, whole;

    (void) state;
    it.options.max_incoming = 1;
    start();
    wwi_clock_hold();
    half = dial();
    put(half, REQUEST, 20);
    let_everything_run();
    refused = dial();
    put_text(refused, "GET /calc HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_answer(refused, 405, "");
    let_everything_run();

    whole = dial();
    put_text(whole, REQUEST);

    expect_answer(whole, 200, "hello");
    put_text(half, &REQUEST[20]);
    expect_answer(half, 200, "hello");
    close(half);
    close(refused);
    close(whole);
}

static void server__passes_the_turn_of_who_leaves_on(void **state)
{
    struct wwi_incoming *incoming;
    int first, second, third;

    (void) state;
    it.options.max_incoming = 1;
    hold_one(&first);
    incoming = take_held();
    second = dial();
    put_text(second, REQUEST);
    let_everything_run();
    third = dial();
    put_text(third, REQUEST);
    let_everything_run();

    close(second);
    let_everything_run();
    answer_text(incoming, "first");

    expect_answer(first, 200, "first");
    for (int i = 0; i < 2 && value_of(&it.arrived) < 3; i++) {
        wait_for(&it.arrived, 2);
        incoming = take_held();
        if (i == 0)
            wwi_http_incoming.drop(incoming);
        else
            answer_text(incoming, "third");
        let_everything_run();
    }
    if (value_of(&it.held_count) != 0)
        answer_text(take_held(), "third");
    expect_answer(third, 200, "third");
    close(first);
    close(third);
}

static void server__waits_for_descriptors(void **state)
{
    struct rlimit limit, less;
    struct sockaddr_in address;
    int fd, spare;

    (void) state;
    if (under_valgrind())
        skip();
    start();
    wwi_clock_hold();
    address = loopback(port());
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    spare = dup(fd);
    close(spare);
    getrlimit(RLIMIT_NOFILE, &limit);
    less = limit;
    less.rlim_cur = (rlim_t) spare;
    setrlimit(RLIMIT_NOFILE, &less);

    assert_int_equal(connect(fd, (struct sockaddr *) &address,
        sizeof address), 0);
    put_text(fd, REQUEST);
    let_everything_run();
    setrlimit(RLIMIT_NOFILE, &limit);
    let_everything_run();
    assert_int_equal(value_of(&it.arrived), 0);
    wwi_clock_move(101);

    expect_answer(fd, 200, "hello");
    close(fd);
}

/* Stopping. */

static void stop(bool with_reset)
{
    wwi_http.server_stop(it.server, with_reset, was_stopped);
}

static void free_stopped(void)
{
    wait_for(&it.stopped, 1);
    let_everything_run();
    assert_int_equal(value_of(&it.stopped), 1);
    assert_int_equal(it.runtime->counters[WWS_COUNTER_SOCKETS], 0);
    wwi_http.server_free(it.server);
    it.server = NULL;
}

static void server__frees_its_address_when_it_stops(void **state)
{
    char url[64];
    uint16_t number;

    (void) state;
    start();
    number = port();
    snprintf(url, sizeof url, "http://127.0.0.1:%u/calc", number);

    for (int i = 0; i < 20; i++) {
        struct wwi_server *old = it.server;
        int fd = dial();

        put_text(fd, REQUEST);
        expect_answer(fd, 200, "hello");
        it.stopped = 0;
        stop(false);
        assert_int_equal(wwi_http.server_open(it.runtime,
            (wws_string) { url, strlen(url) }, &it.options, &arrivals,
            &it.server, NULL), WWS_S_OK);
        wait_for(&it.stopped, 1);
        wwi_http.server_free(old);
        expect_end(fd);
        close(fd);
    }
    it.stopped = 0;
}

static void server__stops_without_connections(void **state)
{
    uint16_t number;

    (void) state;
    start();
    number = port();

    stop(false);

    assert_int_equal(try_dial(number), -1);
    free_stopped();
}

static void server__closes_idle_connections_when_it_stops(void **state)
{
    int fresh, used, half;

    (void) state;
    start();
    fresh = dial();
    used = dial();
    put_text(used, REQUEST);
    expect_answer(used, 200, "hello");
    half = dial();
    put(half, REQUEST, 10);
    let_everything_run();

    stop(false);

    free_stopped();
    expect_end(fresh);
    expect_end(used);
    expect_end(half);
    close(fresh);
    close(used);
    close(half);
}

static void server__lets_what_has_arrived_be_answered(void **state)
{
    int up, sending;
    struct answer answer;

    (void) state;
    hold_one(&sending);
    answer_big(take_held());
    up = dial();
    put_text(up, REQUEST REQUEST);
    wait_for(&it.arrived, 2);

    stop(false);
    let_everything_run();
    assert_int_equal(value_of(&it.stopped), 0);

    answer_text(take_held(), "the last");
    expect_head(up, 200, "\r\nConnection: close\r\n");
    assert_true(get_answer(sending, &answer));
    assert_int_equal(answer.size, BIG);
    free(answer.body);
    close(up);
    close(sending);
    free_stopped();
    assert_int_equal(it.arrived, 2);
}

static void server__resets_what_owes_an_answer_if_asked_to(void **state)
{
    struct wwi_incoming *incoming;
    int up, sending;
    char octet;

    (void) state;
    hold_one(&sending);
    answer_big(take_held());
    up = dial();
    put_text(up, REQUEST);
    incoming = take_held();
    wwi_http_incoming.watch(incoming, is_gone);

    stop(false);
    let_everything_run();
    stop(true);

    free_stopped();
    assert_int_equal(it.replied, 1);
    assert_int_equal(it.outcome.status, WWS_E_OPERATION_ABORTED);
    expect_reset(up);
    while (get_some(sending, &octet, 1) == 1)
        continue;
    assert_int_equal(errno, ECONNRESET);
    answer_text(incoming, "too late");
    assert_int_equal(it.replied, 2);
    assert_int_equal(it.outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(it.gone, 0);
    close(up);
    close(sending);
}

static void server__can_be_stopped_by_what_arrives(void **state)
{
    int fd;

    (void) state;
    it.manner = STOP;
    start();
    fd = dial();

    put_text(fd, REQUEST REQUEST);

    expect_head(fd, 200, "\r\nConnection: close\r\n");
    close(fd);
    free_stopped();
    assert_int_equal(it.arrived, 1);
}

static void server__stops_in_bounded_time_after_the_last_answer(void **state)
{
    int fd;

    (void) state;
    hold_one(&fd);
    wwi_clock_hold();
    stop(false);
    answer_text(take_held(), "the last");
    expect_answer(fd, 200, "the last");
    expect_end(fd);
    let_everything_run();

    wwi_clock_move(2001);

    free_stopped();
    close(fd);
}

static void server__does_not_drain_when_reset(void **state)
{
    int fd;

    (void) state;
    hold_one(&fd);
    wwi_clock_hold();
    stop(false);
    answer_text(take_held(), "the last");
    let_everything_run();

    stop(true);

    free_stopped();
    expect_answer(fd, 200, "the last");
    close(fd);
}

static void server__stops_while_requests_wait_for_their_turn(void **state)
{
    struct wwi_incoming *incoming;
    int fds[4];

    (void) state;
    it.options.max_incoming = 1;
    hold_one(&fds[0]);
    incoming = take_held();
    for (int i = 1; i < 4; i++) {
        fds[i] = dial();
        put_text(fds[i], REQUEST);
    }
    let_everything_run();

    stop(false);
    wwi_http_incoming.drop(incoming);

    free_stopped();
    assert_int_equal(it.arrived, 1);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
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

    it.server = NULL;
    it.stopped = 0;
    open_server(url);
    assert_int_equal(wwi_http.server_address(it.server, &address), WWS_S_OK);
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
    wait_for(&it.stopped, 1);
    wwi_http.server_free(it.server);
    it.server = NULL;
    end_engine(it.runtime);
    it.runtime = NULL;
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

    return wwi_http.server_open(it.runtime, (wws_string) { url, strlen(url) },
        &it.options, &arrivals, &server, error);
}

static void server__says_why_it_cannot_listen(void **state)
{
    struct wwi_error *error = wwi_error_new();
    char taken[64];

    (void) state;
    start();
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
    start();
    first = it.server;

    for (uint64_t n = 1; status != WWS_S_OK; n++) {
        wwi_memory_fail(n, 0);
        status = wwi_http.server_open(it.runtime,
            WWS_STR("http://127.0.0.1:0/%41"), &it.options, &arrivals,
            &it.server, NULL);
        wwi_memory_fail(0, 0);
        failures++;
        assert_true(status == WWS_S_OK || status == WWS_E_OUTOFMEMORY);
    }

    assert_true(failures > 3);
    wwi_http.server_stop(first, false, was_stopped);
    wait_for(&it.stopped, 1);
    wwi_http.server_free(first);
    it.stopped = 0;
}

static void server__survives_any_failed_allocation(void **state)
{
    bool answered = false;
    int failures = 0;

    (void) state;
    it.options.version = WWS_ENVELOPE_VERSION_SOAP_1_2;
    start();

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

/* Races. */

enum { CLIENTS = 4, WORKERS = 3, ROUNDS = 2000 };

static _Atomic bool over;
static _Atomic uint32_t dice;

static void *work(void *state)
{
    (void) state;
    while (!over) {
        struct wwi_incoming *incoming = NULL;

        lock_it();
        while (it.held_count == 0 && !over)
            await_change();
        if (it.held_count != 0)
            incoming = it.held[--it.held_count];
        unlock_it();
        if (incoming != NULL) {
            struct wwi_bytes envelope = incoming->envelope;

            incoming->envelope = (struct wwi_bytes) { 0 };
            if (dice++ % 3 == 0)
                wwi_http_incoming.watch(incoming, is_gone);
            answer(incoming, &envelope);
        }
    }
    return NULL;
}

static void *call(void *state)
{
    int fd = *(int *) state;
    char request[256], body[16];

    for (int i = 0; i < ROUNDS; i++) {
        bool two = i % 4 == 0;

        snprintf(body, sizeof body, "%05d", i);
        snprintf(request, sizeof request,
            HEAD_11 "Content-Length: 5\r\n\r\n%s", body);
        put_text(fd, request);
        if (two)
            put_text(fd, request);
        expect_answer(fd, 200, body);
        if (two)
            expect_answer(fd, 200, body);
    }
    return NULL;
}

static void start_workers(pthread_t *workers)
{
    over = false;
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, work, NULL), 0);
}

static void end_workers(pthread_t *workers)
{
    lock_it();
    over = true;
    unlock_it();
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
}

static void server__answers_from_other_threads_while_requests_come(
    void **state)
{
    pthread_t workers[WORKERS], clients[CLIENTS];
    int fds[CLIENTS];

    (void) state;
    it.manner = HOLD;
    it.options.max_incoming = 3;
    start();
    start_workers(workers);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial();
        pthread_create(&clients[i], NULL, call, &fds[i]);
    }

    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i], NULL);
        close(fds[i]);
    }

    wait_for(&it.replied, CLIENTS * ROUNDS * 5 / 4);
    assert_int_equal(it.arrived, CLIENTS * ROUNDS * 5 / 4);
    assert_int_equal(it.gone, 0);
    end_workers(workers);
}

/* One who ends requests in all ways, while their clients leave. */

struct ender {
    struct wwi_incoming *incoming;
    _Atomic bool ended;   /* nothing may be told from then on */
    _Atomic int told;
};

static void told_of(struct wwi_incoming *incoming)
{
    struct ender *ender = incoming->user;

    assert_false(ender->ended);
    ender->told++;
    /* Time for the other thread to be in the middle of it. */
    sched_yield();
    assert_false(ender->ended);
    lock_it();
    it.gone++;
    unlock_it();
}

static void ender_replied(void *state, const struct wwi_outcome *outcome)
{
    struct ender *ender = state;

    (void) outcome;
    assert_false(ender->ended);
    ender->ended = true;
    lock_it();
    it.replied++;
    unlock_it();
}

static void server__tells_nothing_of_a_request_that_has_ended(void **state)
{
    static struct ender enders[ROUNDS];
    int answers = 0;

    (void) state;
    it.manner = HOLD;
    start();
    memset(enders, 0, sizeof enders);

    for (int i = 0; i < ROUNDS; i++) {
        struct ender *ender = &enders[i];
        int fd = dial();

        put_text(fd, REQUEST);
        ender->incoming = take_held();
        ender->incoming->user = ender;
        wwi_http_incoming.watch(ender->incoming, told_of);
        if (i % 5 == 0)
            reset(fd);
        else
            close(fd);
        for (int j = 0; j < i % 7; j++)
            sched_yield();
        if (i % 2) {
            struct wwi_outgoing outgoing = { 0 };

            answers++;
            wwi_http_incoming.reply(ender->incoming, &outgoing, ender_replied,
                ender);
        } else {
            wwi_http_incoming.drop(ender->incoming);
            ender->ended = true;
        }
    }
    let_everything_run();

    wait_for(&it.replied, answers);
    for (int i = 0; i < ROUNDS; i++) {
        assert_true(enders[i].ended);
        assert_in_range(enders[i].told, 0, 1);
    }
}

static void server__stops_amid_traffic(void **state)
{
    int dropped = 0;

    (void) state;
    for (int round = 0; round < 50; round++) {
        pthread_t workers[WORKERS];
        int fds[CLIENTS];

        it.server = NULL;
        it.stopped = 0;
        it.manner = round % 2 ? HOLD : ECHO;
        if (round == 0)
            start();
        else
            assert_int_equal(wwi_http.server_open(it.runtime,
                WWS_STR("http://127.0.0.1:0/calc"), &it.options, &arrivals,
                &it.server, NULL), WWS_S_OK);
        start_workers(workers);
        for (int i = 0; i < CLIENTS; i++) {
            fds[i] = dial();
            for (int j = 0; j < 20; j++)
                put_text(fds[i], REQUEST);
        }
        for (int i = 0; i < round; i++)
            sched_yield();
        stop(round % 3 == 0);
        for (int i = 0; i < CLIENTS; i++)
            close(fds[i]);
        wait_for(&it.stopped, 1);
        end_workers(workers);
        dropped += it.held_count;
        while (it.held_count != 0)
            wwi_http_incoming.drop(it.held[--it.held_count]);
        wwi_http.server_free(it.server);
    }
    it.server = NULL;
    assert_int_equal(it.replied + dropped, it.arrived);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

static const struct CMUnitTest tests[] = {
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
    TEST(server__tells_when_a_client_closes),
    TEST(server__tells_when_a_client_resets),
    TEST(server__tells_when_a_client_shuts_its_side_down),
    TEST(server__tolerates_a_half_closed_client_if_told_to),
    TEST(server__tells_when_a_half_closed_client_resets),
    TEST(server__takes_a_pipelined_request_for_no_leaving),
    TEST(server__tells_of_leaving_behind_a_pipelined_request),
    TEST(server__tells_at_once_who_watches_late),
    TEST(server__lets_the_request_be_ended_where_it_tells),
    TEST(server__lets_the_request_be_watched_anew_while_it_tells),
    TEST(server__does_not_tell_after_the_answer),
    TEST(server__does_not_hand_up_half_a_request),
    TEST(server__resets_what_is_dropped),
    TEST(server__sends_on_while_the_client_reads_slowly),
    TEST(server__sends_answers_in_any_pieces),
    TEST(server__gives_up_on_a_client_that_does_not_read),
    TEST(server__gives_a_client_that_reads_its_time),
    TEST(server__hears_of_a_client_that_leaves_while_it_sends),
    TEST(server__closes_idle_connections),
    TEST(server__bounds_the_time_of_a_whole_request),
    TEST(server__does_not_count_the_time_of_the_operation),
    TEST(server__lets_connections_wait_beyond_the_limit),
    TEST(server__hands_up_no_more_than_the_limit),
    TEST(server__gives_turns_only_to_whole_requests),
    TEST(server__passes_the_turn_of_who_leaves_on),
    TEST(server__waits_for_descriptors),
    TEST(server__frees_its_address_when_it_stops),
    TEST(server__stops_without_connections),
    TEST(server__closes_idle_connections_when_it_stops),
    TEST(server__lets_what_has_arrived_be_answered),
    TEST(server__resets_what_owes_an_answer_if_asked_to),
    TEST(server__can_be_stopped_by_what_arrives),
    TEST(server__stops_in_bounded_time_after_the_last_answer),
    TEST(server__does_not_drain_when_reset),
    TEST(server__stops_while_requests_wait_for_their_turn),
    TEST(server__says_where_it_can_be_reached),
    TEST(server__listens_on_ipv6),
    TEST(server__says_why_it_cannot_listen),
    TEST(server__opens_or_says_that_there_is_no_memory),
    TEST(server__survives_any_failed_allocation),
    TEST(server__answers_from_other_threads_while_requests_come),
    TEST(server__tells_nothing_of_a_request_that_has_ended),
    TEST(server__stops_amid_traffic),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
