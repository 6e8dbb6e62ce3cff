/* The client against a server that is a bare socket.  Both are moved by the
 * test's own thread, in turns, so every state in between can be looked at.
 * System calls of the client go through wrappers that cut them short and make
 * them fail. */
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
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/io/resolve.h"
#include "core/transport/http.h"
#include "tests/support/engine.h"
#include "tests/support/sockets.h"

enum {
    PATIENCE_MS = 20000,
    MIB = 1 << 20,
    ALL = -1, /* no limit to what can be sent */
};

/* System calls of the client.  The server below reads and writes with read and
 * write, which are left alone. */

static long may_send = ALL; /* octets until sendmsg has to wait */
static int send_fails;      /* what sendmsg fails with, */
static int send_failures;   /* and how often */
static int connect_fails;
static int socket_fails;

/* The function that a wrapper stands before: the system's, or a sanitizer's
 * that has to see the call. */
static void find(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(function, &found, sizeof found);
}

static int failed(int code)
{
    errno = code;
    return -1;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*wrapped)(int, const struct msghdr *, int);
    struct iovec first = message->msg_iov[0];
    struct msghdr less = { .msg_iov = &first, .msg_iovlen = 1 };
    ssize_t count;

    find(&wrapped, "sendmsg");
    if (send_failures != 0) {
        send_failures--;
        return failed(send_fails);
    }
    if (may_send == ALL)
        return wrapped(fd, message, flags);
    if (may_send == 0)
        return failed(EAGAIN);
    if (first.iov_len > (size_t) may_send)
        first.iov_len = (size_t) may_send;
    count = wrapped(fd, &less, flags);
    may_send -= count > 0 ? count : 0;
    return count;
}

/* Under the name of the system's, whose type cannot be written in C11. */
int any_connect(int fd, const struct sockaddr *address, socklen_t size)
    __asm__("connect");
int any_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    int (*wrapped)(int, const struct sockaddr *, socklen_t);

    find(&wrapped, "connect");
    return connect_fails != 0 ? failed(connect_fails)
        : wrapped(fd, address, size);
}

int socket(int domain, int type, int protocol)
{
    int (*wrapped)(int, int, int);

    find(&wrapped, "socket");
    return socket_fails != 0 ? failed(socket_fails)
        : wrapped(domain, type, protocol);
}

static void fail_sending(int code, int times)
{
    send_fails = code;
    send_failures = times;
}

/* The client under test and the server's end of its connection. */

static struct fixture {
    uint64_t blocks;
    struct wwi_runtime *runtime;
    struct wwi_client_options options;
    struct wwi_client *client;
    struct wwi_want want;
    int notified; /* an eventfd */
    int listener;
    uint16_t port;
    int peer;
    char request[8192];
    size_t request_size;
} it;

static void notify(struct wwi_client *client)
{
    assert_ptr_equal(client, it.client);
    assert_int_equal(eventfd_write(it.notified, 1), 0);
}

static int set_up(void **state)
{
    const wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;

    (void) state;
    it = (struct fixture) {
        .blocks = wwi_memory_live(),
        .options = {
            .max_message_size = 65536,
            .max_head_size = 65536,
            .resolve_timeout_ms = 1000,
            .connect_timeout_ms = 2000,
            .send_timeout_ms = 3000,
            .response_timeout_ms = 4000,
            .receive_timeout_ms = 5000,
        },
        .listener = -1,
        .peer = -1,
    };
    may_send = ALL;
    send_failures = connect_fails = socket_fails = 0;
    it.notified = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    it.runtime = wwi_runtime_new(&options);
    assert_non_null(it.runtime);
    return 0;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void free_client(void)
{
    if (it.client != NULL)
        wwi_http.client_free(it.client);
    it.client = NULL;
}

static int clean_up(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    wwi_clock_release();
    free_client();
    end_engine(it.runtime);
    close_one(&it.peer);
    close_one(&it.listener);
    close_one(&it.notified);
    assert_int_equal(wwi_memory_live(), it.blocks);
    return 0;
}

static void listen_at(const struct sockaddr *address, socklen_t size,
    int backlog)
{
    struct sockaddr_storage bound;
    socklen_t bound_size = sizeof bound;

    it.listener = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(it.listener >= 0);
    assert_int_equal(bind(it.listener, address, size), 0);
    assert_int_equal(listen(it.listener, backlog), 0);
    assert_int_equal(getsockname(it.listener, (struct sockaddr *) &bound,
        &bound_size), 0);
    it.port = ntohs(((struct sockaddr_in *) &bound)->sin_port);
}

static void listen_with(int backlog)
{
    struct sockaddr_in address = loopback(0);

    listen_at((struct sockaddr *) &address, sizeof address, backlog);
}

/* A client of that URL, in which %u stands for the port. */
static void create(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static void create(const char *format, ...)
{
    char url[256];
    va_list list;

    va_start(list, format);
    vsnprintf(url, sizeof url, format, list);
    va_end(list);
    assert_int_equal(wwi_http.client_create(it.runtime,
        (wws_string) { url, strlen(url) }, &it.options, &it.client, NULL),
        WWS_S_OK);
    it.client->notify = notify;
}

static void connect_to_peer(void)
{
    listen_with(8);
    create("http://127.0.0.1:%u/service", it.port);
}

static struct wwi_bytes octets(size_t size)
{
    struct wwi_bytes bytes = { 0 };

    assert_non_null(wwi_bytes_reserve(&bytes, size));
    memset(bytes.data, 'x', size);
    bytes.size = size;
    return bytes;
}

static wws_status begin_size(size_t size, bool reply)
{
    struct wwi_outgoing outgoing = {
        .envelope = octets(size),
        .version = WWS_ENVELOPE_VERSION_SOAP_1_1,
        .action = WWS_STR("urn:a"),
    };
    wws_status status = wwi_http.client_begin(it.client, &outgoing, reply,
        NULL);

    assert_null(outgoing.envelope.data);
    return status;
}

static void begin(void)
{
    assert_int_equal(begin_size(4, true), WWS_S_OK);
}

static wws_status step(void)
{
    return wwi_http.client_step(it.client, &it.want);
}

static wws_phase phase(void)
{
    return it.client->track->phase;
}

static wws_progress progress(void)
{
    return it.client->track->progress;
}

static bool can(int fd, short events, int patience)
{
    struct pollfd polled = { .fd = fd, .events = events };

    return poll(&polled, 1, patience) == 1;
}

/* Sleeps until the client has what it wants. */
static void wait_for_want(void)
{
    eventfd_t value;

    if (it.want.events != 0) {
        assert_true(can(it.client->source.fd, it.want.events, PATIENCE_MS));
        return;
    }
    assert_true(can(it.notified, POLLIN, PATIENCE_MS));
    (void) eventfd_read(it.notified, &value);
}

/* Steps until the client waits for the server, in that phase. */
static void go_to(wws_phase wanted)
{
    while (step() == WWS_S_ASYNC) {
        if (phase() == wanted)
            return;
        wait_for_want();
    }
    fail_msg("the exchange has ended: %s", it.client->text);
}

static wws_status finish(void)
{
    wws_status status;

    while ((status = step()) == WWS_S_ASYNC)
        wait_for_want();
    return status;
}

static void end(void)
{
    wwi_http.client_end(it.client);
}

static void assert_trouble(
    wws_status status,
    wws_phase where,
    wws_progress how_far,
    const char *text)
{
    assert_int_equal(it.client->trouble.status, status);
    assert_int_equal(it.client->trouble.phase, where);
    assert_int_equal(it.client->trouble.progress, how_far);
    assert_string_equal(it.client->text, text);
}

static uint64_t opened(void)
{
    return it.runtime->counters[WWS_COUNTER_CONNECTIONS_OPENED];
}

/* The server. */

static void take_connection(void)
{
    assert_true(can(it.listener, POLLIN, PATIENCE_MS));
    close_one(&it.peer);
    it.peer = accept4(it.listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(it.peer >= 0);
}

/* Reads as many octets as were sent, which the test knows. */
static const char *received(size_t size)
{
    it.request_size = 0;
    assert_true(size < sizeof it.request);
    while (it.request_size < size) {
        ssize_t count;

        assert_true(can(it.peer, POLLIN, PATIENCE_MS));
        count = read(it.peer, it.request + it.request_size,
            size - it.request_size);
        assert_true(count > 0);
        it.request_size += (size_t) count;
    }
    it.request[size] = '\0';
    return it.request;
}

static void assert_received(const char *text)
{
    assert_string_equal(received(strlen(text)), text);
    assert_false(can(it.peer, POLLIN, 0));
}

/* The head and the first octet behind it. */
static const char *received_head(void)
{
    it.request_size = 0;
    do {
        assert_true(it.request_size + 1 < sizeof it.request);
        assert_true(can(it.peer, POLLIN, PATIENCE_MS));
        assert_int_equal(read(it.peer, it.request + it.request_size, 1), 1);
        it.request[++it.request_size] = '\0';
    } while (strstr(it.request, "\r\n\r\n") == NULL);
    return it.request;
}

static void say_size(const char *text, size_t size)
{
    assert_int_equal(write(it.peer, text, size), size);
}

static void say(const char *text)
{
    say_size(text, strlen(text));
}

static void hang_up(void)
{
    close_one(&it.peer);
}

static void reset_peer(void)
{
    reset(it.peer);
    it.peer = -1;
}

/* Until the server has closed its end for all to see. */
static void wait_for_peer(void)
{
    assert_true(can(it.client->source.fd, POLLIN, PATIENCE_MS));
}

#define REQUEST(port_) \
    "POST /service HTTP/1.1\r\n" \
    "Host: 127.0.0.1:" port_ "\r\n" \
    "Content-Type: text/xml; charset=utf-8\r\n" \
    "SOAPAction: \"urn:a\"\r\n" \
    "Content-Length: 4\r\n" \
    "\r\n" \
    "xxxx"

static void assert_request(void)
{
    char text[512], number[16];

    snprintf(number, sizeof number, "%u", it.port);
    snprintf(text, sizeof text, REQUEST("%s"), number);
    assert_received(text);
}

#define REPLY \
    "HTTP/1.1 200 OK\r\n" \
    "Content-Type: text/xml\r\n" \
    "Content-Length: 4\r\n" \
    "\r\n" \
    "<e/>"

/* An exchange up to where the server has the request. */
static void ask(void)
{
    bool fresh = it.client->source.fd < 0;

    begin();
    go_to(WWS_PHASE_WAIT);
    if (fresh)
        take_connection();
    assert_request();
}

static void assert_envelope(const char *text)
{
    struct wwi_bytes envelope = { 0 };
    struct wwi_fields fields;

    assert_int_equal(wwi_http.client_take(it.client, &envelope, &fields),
        WWS_S_OK);
    assert_int_equal(envelope.size, strlen(text));
    assert_memory_equal(envelope.data, text, envelope.size);
    wwi_bytes_fini(&envelope);
}

/* Whether the ended exchange has left the connection for the next. */
static bool is_kept(void)
{
    return it.client->source.fd >= 0;
}

/* What goes out. */

static void request__is_exact_for_soap_1_1(void **state)
{
    (void) state;
    connect_to_peer();
    ask();
    say(REPLY);

    assert_int_equal(finish(), WWS_S_OK);

    assert_envelope("<e/>");
    assert_int_equal(progress(), WWS_PROGRESS_REPLYING);
    end();
    assert_true(is_kept());
}

struct pair {
    const char *name, *value;
};

static bool next_pair(
    const void *state,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    const struct pair *pair = (const struct pair *) state + *index;

    if (pair->name == NULL)
        return false;
    (*index)++;
    *name = (wws_string) { pair->name, strlen(pair->name) };
    *value = (wws_string) { pair->value, strlen(pair->value) };
    return true;
}

static wws_status begin_with(const char *action, const struct pair *pairs)
{
    struct wwi_outgoing outgoing = {
        .envelope = octets(2),
        .version = WWS_ENVELOPE_VERSION_SOAP_1_2,
        .action = { action, strlen(action) },
        .fields = { pairs != NULL ? next_pair : NULL, pairs },
    };

    return wwi_http.client_begin(it.client, &outgoing, true, NULL);
}

static void request__is_exact_for_soap_1_2_with_fields(void **state)
{
    static const struct pair pairs[] = {
        { "X-One", "1" }, { "X-Two", "two words" }, { NULL, NULL },
    };
    char text[512];

    (void) state;
    listen_with(8);
    create("http://user:secret@127.0.0.1:%u/a%%20b?q=1#part", it.port);

    assert_int_equal(begin_with("urn:a\"b", pairs), WWS_S_OK);
    go_to(WWS_PHASE_WAIT);
    take_connection();

    snprintf(text, sizeof text,
        "POST /a%%20b?q=1 HTTP/1.1\r\n"
        "Host: 127.0.0.1:%u\r\n"
        "Content-Type: application/soap+xml; charset=utf-8; "
        "action=\"urn:a\\\"b\"\r\n"
        "X-One: 1\r\n"
        "X-Two: two words\r\n"
        "Content-Length: 2\r\n"
        "\r\n"
        "xx", it.port);
    assert_received(text);
}

static void request__has_no_action_parameter_for_an_empty_action(void **state)
{
    (void) state;
    connect_to_peer();

    assert_int_equal(begin_with("", NULL), WWS_S_OK);
    go_to(WWS_PHASE_WAIT);
    take_connection();

    assert_non_null(strstr(received_head(),
        "Content-Type: application/soap+xml; charset=utf-8\r\n"));
}

static void request__refuses_what_would_add_a_line(void **state)
{
    static const struct pair pairs[][2] = {
        { { "X-One", "1\r\nX-Two: 2" }, { NULL, NULL } },
        { { "X One", "1" }, { NULL, NULL } },
        { { "Content-Length", "7" }, { NULL, NULL } },
    };

    (void) state;
    connect_to_peer();

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        assert_int_equal(begin_with("urn:a", pairs[i]), WWS_E_INVALIDARG);
    assert_int_equal(begin_with("urn:a\r\nX-Two: 2", NULL), WWS_E_INVALIDARG);

    /* Nothing of that is left. */
    ask();
}

static void request__is_sent_however_little_is_taken_at_once(void **state)
{
    (void) state;
    connect_to_peer();
    begin();

    may_send = 0;
    go_to(WWS_PHASE_SEND);
    assert_int_equal(progress(), WWS_PROGRESS_NOT_SENT);
    assert_int_equal(it.want.events & POLLOUT, POLLOUT);
    for (int i = 0; phase() == WWS_PHASE_SEND; i++) {
        may_send = 1;
        assert_int_equal(step(), WWS_S_ASYNC);
        assert_int_equal(progress(), phase() == WWS_PHASE_SEND
            ? WWS_PROGRESS_PARTLY_SENT : WWS_PROGRESS_SENT);
    }

    take_connection();
    assert_request();
}

static void request__without_reply_ends_when_it_is_sent(void **state)
{
    (void) state;
    connect_to_peer();
    assert_int_equal(begin_size(4, false), WWS_S_OK);

    assert_int_equal(finish(), WWS_S_OK);
    assert_int_equal(progress(), WWS_PROGRESS_SENT);

    take_connection();
    assert_request();
    wwi_http.client_receive(it.client);
    assert_int_equal(step(), WWS_S_ASYNC);
    assert_int_equal(it.want.events, POLLIN);
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    assert_envelope("<e/>");
}

static void request__is_not_sent_when_asked_to_stop(void **state)
{
    (void) state;
    connect_to_peer();
    begin();
    it.client->track->stop = true;

    do
        assert_int_equal(step(), WWS_S_ASYNC);
    while (it.want.events != 0 && (wait_for_want(), true));

    take_connection();
    end();
    it.client->track->stop = false;
    assert_int_equal(read(it.peer, it.request, 1), -1);
    assert_int_equal(errno, ECONNRESET);
}

/* What comes back. */

struct response {
    const char *text;
    wws_status status;
    const char *what; /* the envelope, or why there is none */
    bool kept;        /* the connection can carry another exchange */
    bool to_close;    /* the end of the connection is the end of the reply */
};

#define XML "Content-Type: text/xml\r\n"
#define CHARSET(name) "Content-Type: text/xml; charset=" name "\r\n"
#define LENGTH(n) "Content-Length: " #n "\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define INTERIM "HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n"
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

static void assert_response(const struct response *response)
{
    wws_status status = finish();

    if (status != response->status)
        fail_msg("%d for %s", status, response->text);
    assert_int_equal(progress(), WWS_PROGRESS_REPLYING);
    if (status == WWS_S_OK) {
        assert_envelope(response->what);
    } else if (status == WWS_S_END) {
        struct wwi_bytes envelope = { 0 };
        struct wwi_fields fields;

        assert_int_equal(wwi_http.client_take(it.client, &envelope, &fields),
            WWS_S_END);
        assert_null(envelope.data);
    } else {
        assert_trouble(status, phase(), WWS_PROGRESS_REPLYING,
            response->what);
        assert_int_equal(it.client->trouble.http_status,
            strtoul(response->text + 9, NULL, 10));
    }
}

static void response__means_what_the_table_says(void **state)
{
    (void) state;
    connect_to_peer();

    for (int i = 0; i < RESPONSES; i++) {
        ask();
        say(responses[i].text);
        if (responses[i].to_close)
            hang_up();
        assert_response(&responses[i]);
        end();
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

        ask();
        for (; *text != '\0' && status == WWS_S_ASYNC; text++) {
            say_size(text, 1);
            wait_for_want();
            if (text[1] != '\0')
                status = step();
        }
        if (status == WWS_S_ASYNC) {
            if (responses[i].to_close)
                hang_up();
            assert_response(&responses[i]);
        }
        end();
    }
}

/* What a reply that was cut may still be: itself, or nothing. */
static void assert_cut(const char *text, size_t size, bool reset)
{
    wws_status status;

    ask();
    say_size(text, size);
    if (size != 0) {
        wait_for_want();
        assert_int_equal(step(), WWS_S_ASYNC);
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
    assert_int_equal(it.client->trouble.original_code,
        reset ? ECONNRESET : 0);
    end();
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
    ask();

    say(FOUR(FOUR(INTERIM)) INTERIM REPLY);

    assert_int_equal(finish(), WWS_E_INVALID_FORMAT);
    assert_string_equal(it.client->text, "too many interim responses");
    end();
    assert_false(is_kept());
}

static void response__interim_one_is_not_the_reply(void **state)
{
    (void) state;
    connect_to_peer();
    ask();

    say(INTERIM);
    wait_for_want();

    assert_int_equal(step(), WWS_S_ASYNC);
    assert_int_equal(phase(), WWS_PHASE_WAIT);
    assert_int_equal(progress(), WWS_PROGRESS_SENT);
}

static void response__says_how_far_it_is(void **state)
{
    (void) state;
    connect_to_peer();
    ask();
    assert_int_equal(phase(), WWS_PHASE_WAIT);
    assert_int_equal(progress(), WWS_PROGRESS_SENT);

    say("HTTP/1.1 200 OK\r\n");
    wait_for_want();
    assert_int_equal(step(), WWS_S_ASYNC);
    assert_int_equal(phase(), WWS_PHASE_HEADERS);
    assert_int_equal(progress(), WWS_PROGRESS_REPLYING);

    say(XML LENGTH(4) "\r\n");
    wait_for_want();
    assert_int_equal(step(), WWS_S_ASYNC);
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
        ask();
        say(texts[i]);
        if (finish() != WWS_E_INVALID_FORMAT)
            fail_msg("%d for %s", it.client->trouble.status, texts[i]);
        assert_string_not_equal(it.client->text, "");
        end();
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
    it.options.max_message_size = 16;
    it.options.max_head_size = 96;
    connect_to_peer();

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ask();
        say(texts[i]);
        if (finish() != WWS_E_QUOTA_EXCEEDED)
            fail_msg("%d for %s", it.client->trouble.status, texts[i]);
        end();
        assert_false(is_kept());
    }
    ask();
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
    ask();
    say("HTTP/1.1 200 OK\r\nX-One: 1 \r\n" XML LENGTH(4) "\r\n<e/>");
    assert_int_equal(finish(), WWS_S_OK);

    assert_int_equal(wwi_http.client_take(it.client, &envelope, &fields),
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
    it.options.max_message_size = SIZE;
    connect_to_peer();
    ask();
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n" XML
        "Content-Length: %d\r\n\r\n", SIZE);
    say(head);

    while (status == WWS_S_ASYNC) {
        if (sent < SIZE && can(it.peer, POLLOUT, 0)) {
            ssize_t count = send(it.peer, body.data + sent, SIZE - sent,
                MSG_DONTWAIT);

            sent += count > 0 ? (size_t) count : 0;
        }
        status = step();
    }

    assert_int_equal(status, WWS_S_OK);
    assert_int_equal(wwi_http.client_take(it.client, &envelope, &fields),
        WWS_S_OK);
    assert_int_equal(envelope.size, SIZE);
    assert_memory_equal(envelope.data, body.data, SIZE);
    wwi_bytes_fini(&envelope);
    wwi_bytes_fini(&body);
}

/* Large requests, which ask first. */

enum { LARGE = MIB + 1 };

static void ask_first(void)
{
    assert_int_equal(begin_size(LARGE, true), WWS_S_OK);
    go_to(WWS_PHASE_SEND);
    take_connection();
    assert_non_null(strstr(received_head(), "\r\nExpect: 100-continue\r\n"));
    assert_int_equal(it.want.events, POLLIN);
    assert_int_equal(progress(), WWS_PROGRESS_PARTLY_SENT);
    assert_false(can(it.peer, POLLIN, 0));
}

/* Moves both until the body has been read; it is all that is read. */
static void take_body(size_t size)
{
    static char data[65536];
    size_t got = 0;

    while (got < size) {
        ssize_t count;

        assert_int_equal(step(), WWS_S_ASYNC);
        count = recv(it.peer, data, sizeof data, MSG_DONTWAIT);
        if (count < 0) {
            assert_true(can(it.peer, POLLIN, PATIENCE_MS));
            continue;
        }
        assert_int_not_equal(count, 0);
        got += (size_t) count;
    }
    assert_int_equal(got, size);
}

static void continue__a_body_of_a_mebibyte_is_sent_at_once(void **state)
{
    (void) state;
    connect_to_peer();
    assert_int_equal(begin_size(MIB, true), WWS_S_OK);
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    take_connection();
    may_send = ALL;
    assert_int_equal(step(), WWS_S_ASYNC);

    assert_null(strstr(received_head(), "Expect"));
    take_body(MIB);

    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
}

static void continue__lets_the_body_go(void **state)
{
    (void) state;
    connect_to_peer();
    ask_first();

    say("HTTP/1.1 100 Continue\r\n\r\n");
    wait_for_want();
    take_body(LARGE);

    assert_int_equal(step(), WWS_S_ASYNC);
    assert_int_equal(phase(), WWS_PHASE_WAIT);
    assert_int_equal(progress(), WWS_PROGRESS_SENT);
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    assert_envelope("<e/>");
    end();
    assert_true(is_kept());
}

static void continue__comes_by_itself_after_a_second(void **state)
{
    (void) state;
    wwi_clock_hold();
    connect_to_peer();
    ask_first();
    assert_int_equal(it.want.deadline, wwi_clock_now() + 1000);

    wwi_clock_move(999);
    assert_int_equal(step(), WWS_S_ASYNC);
    assert_false(can(it.peer, POLLIN, 0));
    wwi_clock_move(1);
    take_body(LARGE);

    say("HTTP/1.1 100 Continue\r\n\r\n" REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    assert_envelope("<e/>");
    end();
    assert_true(is_kept());
}

static void continue__refusal_keeps_the_body_back(void **state)
{
    static const struct response refusals[] = {
        { "HTTP/1.1 413 Too Large\r\nConnection: close\r\n" LENGTH(0) "\r\n",
            WWS_E_ENDPOINT_FAILURE, "the server answered 413 Too Large",
            false, false },
        { "HTTP/1.1 417 No\r\n" LENGTH(0) "\r\n", WWS_E_ENDPOINT_FAILURE,
            "the server answered 417 No", false, false },
        { "HTTP/1.1 500 Oh\r\n" XML LENGTH(4) "\r\n<f/>", WWS_S_OK, "<f/>",
            false, false },
    };

    (void) state;
    connect_to_peer();

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        ask_first();
        say(refusals[i].text);
        assert_response(&refusals[i]);
        end();
        assert_false(is_kept());
        assert_false(read(it.peer, it.request, 1) > 0);
    }
}

static void continue__end_of_the_connection_ends_the_wait(void **state)
{
    (void) state;
    connect_to_peer();
    ask_first();

    hang_up();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_trouble(WWS_E_ENDPOINT_DISCONNECTED, WWS_PHASE_SEND,
        WWS_PROGRESS_PARTLY_SENT,
        "the server closed the connection without an answer");
}

/* Answers that do not wait for the request. */

static void early_answer__ends_the_sending(void **state)
{
    (void) state;
    connect_to_peer();
    begin();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    take_connection();
    assert_int_equal(it.want.events, POLLIN | POLLOUT);

    say("HTTP/1.1 413 Too Large\r\n");
    assert_true(can(it.client->source.fd, POLLIN, PATIENCE_MS));
    assert_int_equal(step(), WWS_S_ASYNC);
    assert_int_equal(progress(), WWS_PROGRESS_REPLYING);
    say(LENGTH(0) "\r\n");
    /* What comes after the head is waited for, not room to send. */
    assert_true(can(it.client->source.fd, POLLIN, PATIENCE_MS));

    assert_int_equal(finish(), WWS_E_ENDPOINT_FAILURE);
    assert_string_equal(it.client->text, "the server answered 413 Too Large");
    assert_string_equal(received(20), "POST /service HTTP/1");
    end();
    assert_false(is_kept());
    assert_false(read(it.peer, it.request, 1) > 0);
}

static void early_answer__is_found_behind_a_body_that_nobody_reads(
    void **state)
{
    (void) state;
    connect_to_peer();
    assert_int_equal(begin_size(64 * MIB, true), WWS_S_OK);
    go_to(WWS_PHASE_SEND);
    take_connection();
    say("HTTP/1.1 100 Continue\r\n\r\n");
    wait_for_want();
    while (step() == WWS_S_ASYNC && can(it.client->source.fd, POLLOUT, 0))
        ;
    assert_int_equal(phase(), WWS_PHASE_SEND);

    say("HTTP/1.1 500 Oh\r\n" XML LENGTH(4) "\r\n<f/>");

    assert_int_equal(finish(), WWS_S_OK);
    assert_envelope("<f/>");
    end();
    assert_false(is_kept());
}

static void early_answer__is_read_when_writing_fails(void **state)
{
    (void) state;
    connect_to_peer();
    begin();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    take_connection();
    assert_string_equal(received(20), "POST /service HTTP/1");
    fail_sending(EPIPE, 1);

    say("HTTP/1.1 503 Busy\r\nConnection: close\r\n" LENGTH(0) "\r\n");
    hang_up();

    assert_int_equal(finish(), WWS_E_ENDPOINT_TOO_BUSY);
    assert_string_equal(it.client->text, "the server answered 503 Busy");
}

static void early_answer__interim_ones_do_not_end_the_sending(void **state)
{
    (void) state;
    connect_to_peer();
    begin();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    take_connection();

    say(INTERIM);
    assert_true(can(it.client->source.fd, POLLIN, PATIENCE_MS));
    assert_int_equal(step(), WWS_S_ASYNC);
    assert_int_equal(phase(), WWS_PHASE_SEND);
    assert_int_equal(progress(), WWS_PROGRESS_PARTLY_SENT);

    may_send = ALL;
    go_to(WWS_PHASE_WAIT);
    assert_request();
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    end();
    assert_true(is_kept());
}

static void sending__fails_without_a_signal(void **state)
{
    (void) state;
    connect_to_peer();
    begin();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    take_connection();

    /* From now on writing would raise SIGPIPE, which would end the process. */
    assert_int_equal(shutdown(it.client->source.fd, SHUT_WR), 0);
    assert_ptr_equal(signal(SIGPIPE, SIG_DFL), SIG_DFL);
    may_send = ALL;
    go_to(WWS_PHASE_WAIT);
    reset_peer();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it.client->trouble.progress, WWS_PROGRESS_PARTLY_SENT);
}

static void sending__ends_with_the_connection(void **state)
{
    (void) state;
    connect_to_peer();
    assert_int_equal(begin_size(64 * MIB, true), WWS_S_OK);
    go_to(WWS_PHASE_SEND);
    take_connection();
    received_head();
    say("HTTP/1.1 100 Continue\r\n\r\n");
    wait_for_want();
    assert_int_equal(step(), WWS_S_ASYNC);

    reset_peer();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it.client->trouble.progress, WWS_PROGRESS_PARTLY_SENT);
    assert_int_not_equal(it.client->trouble.original_code, 0);
}

/* Connections that carry more than one exchange. */

static void exchange_once(void)
{
    ask();
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    assert_envelope("<e/>");
    end();
}

static void connection__is_used_again(void **state)
{
    (void) state;
    connect_to_peer();

    for (int i = 0; i < 5; i++)
        exchange_once();

    assert_int_equal(opened(), 1);
    assert_int_equal(it.runtime->counters[WWS_COUNTER_SOCKETS], 1);
}

static void connection__is_used_again_for_a_minute(void **state)
{
    (void) state;
    wwi_clock_hold();
    connect_to_peer();
    exchange_once();

    wwi_clock_move(59999);
    exchange_once();
    assert_int_equal(opened(), 1);

    wwi_clock_move(60000);
    begin();
    go_to(WWS_PHASE_WAIT);
    assert_int_equal(opened(), 2);
    assert_int_equal(read(it.peer, it.request, 1), 0);
    take_connection();
    assert_request();
}

/* An exchange whose kept connection turned out to be of no use. */
static void assert_new_connection(void)
{
    begin();
    go_to(WWS_PHASE_WAIT);
    assert_int_equal(opened(), 2);
    take_connection();
    assert_request();
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    end();
    assert_true(is_kept());
}

static void connection__closed_meanwhile_is_replaced(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();

    hang_up();
    wait_for_peer();

    assert_new_connection();
}

static void connection__that_spoke_unasked_is_replaced(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();

    say(REPLY);
    wait_for_peer();

    assert_new_connection();
}

static void connection__reset_meanwhile_is_replaced(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();

    reset_peer();
    wait_for_peer();

    assert_new_connection();
}

/* It still looked good, but nothing could be written any more. */
static void connection__that_fails_in_sending_is_replaced_once(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();
    begin();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    assert_string_equal(received(20), "POST /service HTTP/1");

    fail_sending(ECONNRESET, 1);
    may_send = ALL;
    go_to(WWS_PHASE_WAIT);
    assert_int_equal(opened(), 2);

    assert_false(read(it.peer, it.request, 1) > 0);
    take_connection();
    assert_request();
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
}

static void connection__new_one_is_not_replaced(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();
    begin();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    fail_sending(ECONNRESET, 2);

    go_to(WWS_PHASE_WAIT);
    take_connection();
    hang_up();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it.client->trouble.original_code, ECONNRESET);
    assert_int_equal(opened(), 2);
    assert_int_equal(it.client->trouble.progress, WWS_PROGRESS_NOT_SENT);
}

static void connection__that_has_the_whole_request_is_not_replaced(
    void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();
    ask();

    reset_peer();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it.client->trouble.progress, WWS_PROGRESS_SENT);
    assert_int_equal(opened(), 1);
}

static void connection__that_has_said_continue_is_not_replaced(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();
    assert_int_equal(begin_size(LARGE, true), WWS_S_OK);
    go_to(WWS_PHASE_SEND);
    received_head();
    may_send = 10;
    say("HTTP/1.1 100 Continue\r\n\r\n");
    wait_for_want();
    assert_int_equal(step(), WWS_S_ASYNC);

    fail_sending(ECONNRESET, 1);
    reset_peer();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(opened(), 1);
}

static void connection__that_ends_instead_of_continuing_is_replaced(
    void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();
    assert_int_equal(begin_size(LARGE, true), WWS_S_OK);
    go_to(WWS_PHASE_SEND);
    received_head();

    hang_up();
    wait_for_peer();
    assert_int_equal(it.want.events, POLLIN);
    go_to(WWS_PHASE_SEND);
    assert_int_equal(opened(), 2);

    take_connection();
    assert_non_null(strstr(received_head(), "\r\nExpect: 100-continue\r\n"));
    hang_up();
    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(opened(), 2);
}

static void end__resets_what_is_not_through(void **state)
{
    (void) state;
    connect_to_peer();
    ask();

    end();

    assert_false(is_kept());
    assert_int_equal(read(it.peer, it.request, 1), -1);
    assert_int_equal(errno, ECONNRESET);
    begin();
    go_to(WWS_PHASE_WAIT);
    take_connection();
    assert_request();
}

/* What time does. */

static void assert_expires(wws_phase where, wws_progress how_far, uint32_t ms)
{
    assert_int_equal(phase(), where);
    assert_int_equal(it.want.deadline, wwi_clock_now() + ms);
    wwi_clock_move(ms - 1);
    assert_int_equal(step(), WWS_S_ASYNC);
    wwi_clock_move(1);
    assert_int_equal(step(), WWS_E_OPERATION_TIMED_OUT);
    assert_trouble(WWS_E_OPERATION_TIMED_OUT, where, how_far,
        "the time allowed for this phase is over");
    end();
    assert_false(is_kept());
}

static void time__ends_sending(void **state)
{
    (void) state;
    wwi_clock_hold();
    connect_to_peer();
    begin();
    may_send = 20;
    go_to(WWS_PHASE_SEND);

    assert_expires(WWS_PHASE_SEND, WWS_PROGRESS_PARTLY_SENT, 3000);
}

static void time__ends_waiting_for_the_head(void **state)
{
    (void) state;
    wwi_clock_hold();
    connect_to_peer();

    ask();
    assert_expires(WWS_PHASE_WAIT, WWS_PROGRESS_SENT, 4000);

    /* What is not the head gives no more time. */
    ask();
    wwi_clock_move(1000);
    say(INTERIM "HTTP/1.1 200 OK\r\n");
    wait_for_want();
    assert_int_equal(step(), WWS_S_ASYNC);
    assert_expires(WWS_PHASE_HEADERS, WWS_PROGRESS_REPLYING, 3000);
}

static void time__ends_receiving(void **state)
{
    (void) state;
    wwi_clock_hold();
    connect_to_peer();
    ask();
    wwi_clock_move(1000);
    say("HTTP/1.1 200 OK\r\n" XML LENGTH(4) "\r\n<e");
    wait_for_want();

    assert_int_equal(step(), WWS_S_ASYNC);

    assert_expires(WWS_PHASE_BODY, WWS_PROGRESS_REPLYING, 4000);
}

static void time__for_receiving_bounds_the_head_too(void **state)
{
    (void) state;
    it.options.response_timeout_ms = WWS_INFINITE;
    wwi_clock_hold();
    connect_to_peer();
    ask();

    assert_expires(WWS_PHASE_WAIT, WWS_PROGRESS_SENT, 5000);
}

static void time__may_be_without_end(void **state)
{
    (void) state;
    it.options.response_timeout_ms = WWS_INFINITE;
    it.options.receive_timeout_ms = WWS_INFINITE;
    it.options.send_timeout_ms = WWS_INFINITE;
    wwi_clock_hold();
    connect_to_peer();
    begin();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    assert_int_equal(it.want.deadline, WWI_NEVER);
    may_send = ALL;
    go_to(WWS_PHASE_WAIT);
    assert_int_equal(it.want.deadline, WWI_NEVER);

    wwi_clock_move(1000000000);

    assert_int_equal(step(), WWS_S_ASYNC);
}

/* A listener that takes no more connections. */
static void time__ends_connecting(void **state)
{
    struct sockaddr_in address;
    int fillers[8];

    (void) state;
    wwi_clock_hold();
    listen_with(0);
    address = loopback(it.port);
    for (int i = 0; i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void) connect(fillers[i], (struct sockaddr *) &address,
            sizeof address);
    }
    create("http://127.0.0.1:%u/", it.port);
    begin();
    assert_int_equal(step(), WWS_S_ASYNC);
    assert_int_equal(it.want.events, POLLOUT);

    assert_expires(WWS_PHASE_CONNECT, WWS_PROGRESS_NOT_SENT, 2000);

    for (int i = 0; i < 8; i++)
        close(fillers[i]);
}

/* Connections that cannot be made. */

static void connecting__says_why_it_failed(void **state)
{
    static const struct {
        int code;
        wws_status status;
    } rows[] = {
        { ECONNREFUSED, WWS_E_ENDPOINT_NOT_FOUND },
        { ENETUNREACH, WWS_E_ENDPOINT_UNREACHABLE },
        { EHOSTUNREACH, WWS_E_ENDPOINT_UNREACHABLE },
        { EADDRNOTAVAIL, WWS_E_ENDPOINT_UNREACHABLE },
        { ETIMEDOUT, WWS_E_OPERATION_TIMED_OUT },
        { ECONNRESET, WWS_E_ENDPOINT_DISCONNECTED },
        { ENOBUFS, WWS_E_OUTOFMEMORY },
        { EACCES, WWS_E_OTHER },
    };

    (void) state;
    create("http://127.0.0.1:1/");

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        connect_fails = rows[i].code;
        begin();
        assert_int_equal(finish(), rows[i].status);
        assert_trouble(rows[i].status, WWS_PHASE_CONNECT,
            WWS_PROGRESS_NOT_SENT, "the connection could not be made");
        assert_int_equal(it.client->trouble.original_code, rows[i].code);
        end();
    }
    assert_int_equal(opened(), 0);
    assert_int_equal(it.runtime->counters[WWS_COUNTER_SOCKETS], 0);
}

static void connecting__is_refused_where_nobody_listens(void **state)
{
    (void) state;
    listen_with(1);
    close_one(&it.listener);
    create("http://127.0.0.1:%u/", it.port);
    begin();

    assert_int_equal(finish(), WWS_E_ENDPOINT_NOT_FOUND);

    assert_trouble(WWS_E_ENDPOINT_NOT_FOUND, WWS_PHASE_CONNECT,
        WWS_PROGRESS_NOT_SENT, "the connection could not be made");
    assert_int_equal(it.client->trouble.original_code, ECONNREFUSED);
}

static void connecting__needs_a_socket(void **state)
{
    (void) state;
    connect_to_peer();
    begin();

    socket_fails = EMFILE;
    assert_int_equal(finish(), WWS_E_OUTOFMEMORY);

    socket_fails = 0;
    assert_trouble(WWS_E_OUTOFMEMORY, WWS_PHASE_CONNECT,
        WWS_PROGRESS_NOT_SENT, "no socket to connect with");
    assert_int_equal(it.client->trouble.original_code, EMFILE);
    end();
    exchange_once();
}

/* Names and literals. */

static void address__may_be_ipv6(void **state)
{
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6,
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
    };
    char host[64];

    (void) state;
    listen_at((struct sockaddr *) &address, sizeof address, 8);
    create("http://[::1]:%u/service", it.port);
    begin();
    go_to(WWS_PHASE_WAIT);
    take_connection();

    snprintf(host, sizeof host, "\r\nHost: [::1]:%u\r\n", it.port);
    assert_non_null(strstr(received_head(), host));
}

/* It may stand for ::1 first, where nobody listens. */
static void address__may_be_a_name_of_the_hosts_file(void **state)
{
    char host[64];

    (void) state;
    listen_with(8);
    create("http://LocalHost:%u/service", it.port);
    begin();
    go_to(WWS_PHASE_WAIT);
    take_connection();

    snprintf(host, sizeof host, "\r\nHost: localhost:%u\r\n", it.port);
    assert_non_null(strstr(received_head(), host));
}

static void address__is_checked_at_once(void **state)
{
    static const char *const urls[] = {
        "", "ftp://a/", "https://127.0.0.1/", "net.tcp://127.0.0.1/",
        "http://", "http://a:99999/", "http://a b/",
    };

    (void) state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        assert_int_equal(wwi_http.client_create(it.runtime,
            (wws_string) { urls[i], strlen(urls[i]) }, &it.options,
            &it.client, NULL), WWS_E_INVALID_ENDPOINT_URL);
        assert_null(it.client);
    }
}

/* A name server that takes questions and says nothing, until told to. */

static int mute = -1;
static uint16_t mute_port;
static wws_status servers_status;

static struct errand {
    struct wwi_post post;
    sem_t done;
} errand;

static void use_mute_server(struct wwi_work *work)
{
    char servers[32];

    (void) work;
    snprintf(servers, sizeof servers, "127.0.0.1:%u", mute_port);
    servers_status = wwi_resolver_set_servers(
        wwi_loop_resolver(it.client->loop), servers);
    sem_post(&errand.done);
}

static void errand_done(struct wwi_work *work)
{
    (void) work;
    sem_post(&errand.done);
}

static void on_loop(void (*run)(struct wwi_work *))
{
    sem_init(&errand.done, 0, 0);
    wwi_post_init(&errand.post, run);
    wwi_loop_post(it.client->loop, &errand.post);
    sem_wait(&errand.done);
    sem_destroy(&errand.done);
}

static void create_with_mute_server(void)
{
    mute = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    mute_port = bind_somewhere(mute);
    create("http://some.where.test./");
    on_loop(use_mute_server);
    assert_int_equal(servers_status, WWS_S_OK);
}

/* Answers what was asked first with "no such name". */
static void deny_one(void)
{
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    uint8_t packet[512];
    ssize_t count;

    assert_true(can(mute, POLLIN, PATIENCE_MS));
    count = recvfrom(mute, packet, sizeof packet, 0, (struct sockaddr *) &from,
        &size);
    assert_true(count > 12);
    packet[2] |= 0x80;
    packet[3] = 0x83;
    (void) sendto(mute, packet, (size_t) count, 0, (struct sockaddr *) &from,
        size);
}

static int close_mute(void **state)
{
    int result = clean_up(state);

    close_one(&mute);
    return result;
}

static void time__ends_looking_up_a_name(void **state)
{
    (void) state;
    wwi_clock_hold();
    create_with_mute_server();
    begin();
    assert_int_equal(step(), WWS_S_ASYNC);

    assert_expires(WWS_PHASE_RESOLVE, WWS_PROGRESS_NOT_SENT, 1000);

    /* Again, though the first question is still under way. */
    wwi_clock_move(100);
    begin();
    assert_int_equal(step(), WWS_S_ASYNC);
    assert_expires(WWS_PHASE_RESOLVE, WWS_PROGRESS_NOT_SENT, 1000);
}

static void name__that_does_not_exist_is_not_found(void **state)
{
    (void) state;
    create_with_mute_server();
    begin();
    assert_int_equal(step(), WWS_S_ASYNC);

    deny_one();
    deny_one();

    assert_int_equal(finish(), WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(it.client->trouble.phase, WWS_PHASE_RESOLVE);
    assert_int_equal(it.client->trouble.progress, WWS_PROGRESS_NOT_SENT);
}

static void name__is_asked_for_again_after_a_late_answer(void **state)
{
    (void) state;
    create_with_mute_server();
    begin();
    assert_int_equal(step(), WWS_S_ASYNC);
    end();
    deny_one();
    deny_one();
    /* A second turn of the loop has begun when the answers were there. */
    on_loop(errand_done);
    on_loop(errand_done);

    begin();

    assert_int_equal(step(), WWS_S_ASYNC);
    assert_false(can(it.notified, POLLIN, 0));
    deny_one();
    deny_one();
    assert_int_equal(finish(), WWS_E_ENDPOINT_NOT_FOUND);
}

static void free__may_come_while_a_name_is_looked_up(void **state)
{
    (void) state;
    create_with_mute_server();
    begin();
    assert_int_equal(step(), WWS_S_ASYNC);

    free_client();
}

static void free__may_come_at_any_point(void **state)
{
    (void) state;
    connect_to_peer();
    free_client();

    create("http://127.0.0.1:%u/service", it.port);
    begin();
    free_client();

    create("http://127.0.0.1:%u/service", it.port);
    ask();
    free_client();
    assert_int_equal(read(it.peer, it.request, 1), -1);
    assert_int_equal(errno, ECONNRESET);

    create("http://127.0.0.1:%u/service", it.port);
    exchange_once();
    free_client();
    assert_int_equal(read(it.peer, it.request, 1), 0);
}

/* Memory that runs out.  The server's part is done whenever it can be. */

static wws_status exchange_somehow(void)
{
    wws_status status = begin_size(4, true);

    if (status < 0)
        return status;
    while ((status = step()) == WWS_S_ASYNC) {
        if (phase() == WWS_PHASE_WAIT) {
            take_connection();
            assert_request();
            say(REPLY);
        }
        wait_for_want();
    }
    if (status == WWS_S_OK)
        assert_envelope("<e/>");
    end();
    return status;
}

static void memory__may_run_out_anywhere(void **state)
{
    wws_status status = WWS_E_OUTOFMEMORY;
    char url[64];

    (void) state;
    listen_with(8);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/service", it.port);

    for (uint64_t n = 1; status != WWS_S_OK; n++) {
        assert_true(n < 100);
        wwi_memory_fail(n, 1);
        status = wwi_http.client_create(it.runtime,
            (wws_string) { url, strlen(url) }, &it.options, &it.client, NULL);
        if (status == WWS_S_OK) {
            it.client->notify = notify;
            wwi_memory_fail(0, 0);
        }
        free_client();
    }
    status = WWS_E_OUTOFMEMORY;
    for (uint64_t n = 1; status != WWS_S_OK; n++) {
        struct wwi_outgoing outgoing = {
            .envelope = octets(4),
            .action = WWS_STR("urn:a"),
        };

        assert_true(n < 100);
        create("http://127.0.0.1:%u/service", it.port);
        wwi_memory_fail(n, 1);
        status = wwi_http.client_begin(it.client, &outgoing, true, NULL);
        wwi_memory_fail(0, 0);
        assert_true(status == WWS_S_OK || status == WWS_E_OUTOFMEMORY);
        free_client();
    }
    create("http://127.0.0.1:%u/service", it.port);
    assert_int_equal(exchange_somehow(), WWS_S_OK);
}

static void memory__for_the_reply_may_run_out(void **state)
{
    wws_status status = WWS_E_OUTOFMEMORY;

    (void) state;
    connect_to_peer();
    for (uint64_t n = 1; status != WWS_S_OK; n++) {
        assert_true(n < 100);
        ask();
        say(REPLY);
        wait_for_want();
        wwi_memory_fail(n, 1);
        status = finish();
        wwi_memory_fail(0, 0);
        assert_true(status == WWS_S_OK || status == WWS_E_OUTOFMEMORY);
        free_client();
        create("http://127.0.0.1:%u/service", it.port);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)
#define WITH_SERVER(name) \
    cmocka_unit_test_setup_teardown(name, set_up, close_mute)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(request__is_exact_for_soap_1_1),
        TEST(request__is_exact_for_soap_1_2_with_fields),
        TEST(request__has_no_action_parameter_for_an_empty_action),
        TEST(request__refuses_what_would_add_a_line),
        TEST(request__is_sent_however_little_is_taken_at_once),
        TEST(request__without_reply_ends_when_it_is_sent),
        TEST(request__is_not_sent_when_asked_to_stop),
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
        TEST(continue__a_body_of_a_mebibyte_is_sent_at_once),
        TEST(continue__lets_the_body_go),
        TEST(continue__comes_by_itself_after_a_second),
        TEST(continue__refusal_keeps_the_body_back),
        TEST(continue__end_of_the_connection_ends_the_wait),
        TEST(early_answer__ends_the_sending),
        TEST(early_answer__is_found_behind_a_body_that_nobody_reads),
        TEST(early_answer__is_read_when_writing_fails),
        TEST(early_answer__interim_ones_do_not_end_the_sending),
        TEST(sending__fails_without_a_signal),
        TEST(sending__ends_with_the_connection),
        TEST(connection__is_used_again),
        TEST(connection__is_used_again_for_a_minute),
        TEST(connection__closed_meanwhile_is_replaced),
        TEST(connection__that_spoke_unasked_is_replaced),
        TEST(connection__reset_meanwhile_is_replaced),
        TEST(connection__that_fails_in_sending_is_replaced_once),
        TEST(connection__new_one_is_not_replaced),
        TEST(connection__that_has_the_whole_request_is_not_replaced),
        TEST(connection__that_has_said_continue_is_not_replaced),
        TEST(connection__that_ends_instead_of_continuing_is_replaced),
        TEST(end__resets_what_is_not_through),
        TEST(time__ends_sending),
        TEST(time__ends_waiting_for_the_head),
        TEST(time__ends_receiving),
        TEST(time__for_receiving_bounds_the_head_too),
        TEST(time__may_be_without_end),
        TEST(time__ends_connecting),
        WITH_SERVER(time__ends_looking_up_a_name),
        TEST(connecting__says_why_it_failed),
        TEST(connecting__is_refused_where_nobody_listens),
        TEST(connecting__needs_a_socket),
        TEST(address__may_be_ipv6),
        TEST(address__may_be_a_name_of_the_hosts_file),
        TEST(address__is_checked_at_once),
        WITH_SERVER(name__that_does_not_exist_is_not_found),
        WITH_SERVER(name__is_asked_for_again_after_a_late_answer),
        WITH_SERVER(free__may_come_while_a_name_is_looked_up),
        TEST(free__may_come_at_any_point),
        TEST(memory__may_run_out_anywhere),
        TEST(memory__for_the_reply_may_run_out),
    };

    return cmocka_run_group_tests_name("http_client", tests, NULL, NULL);
}
