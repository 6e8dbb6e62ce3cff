/* The HTTP client against a server that is a bare socket.  Both are moved by
 * the test's own thread, in turns, so every state in between can be looked at.
 */
#include "tests/support/http_client_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "tests/support/sockets.h"

/* System calls of the client.  The server below reads and writes with read and
 * write, which are left alone. */

long may_send = ALL;
int send_fails;
int send_failures;
int connect_fails;
int socket_fails;

void fail_sending(int code, int times)
{
    send_fails = code;
    send_failures = times;
}

/* The client under test and the server's end of its connection. */

struct fixture client_fixture;

void notify(struct wwi_client *client)
{
    assert_ptr_equal(client, it->client);
    assert_int_equal(eventfd_write(it->notified, 1), 0);
}

int client_set_up(void **state)
{
    const wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;

    (void) state;
    *it = (struct fixture) {
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
    it->notified = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    it->runtime = wwi_runtime_new(&options);
    assert_non_null(it->runtime);
    return 0;
}

void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void free_client(void)
{
    if (it->client != NULL)
        wwi_http.client_free(it->client);
    it->client = NULL;
}

int client_clean_up(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    wwi_clock_release();
    free_client();
    end_engine(it->runtime);
    close_one(&it->peer);
    close_one(&it->listener);
    close_one(&it->notified);
    assert_int_equal(wwi_memory_live(), it->blocks);
    return 0;
}

void listen_at(
    const struct sockaddr *address,
    socklen_t size,
    int backlog)
{
    struct sockaddr_storage bound;
    socklen_t bound_size = sizeof bound;

    it->listener = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(it->listener >= 0);
    assert_int_equal(bind(it->listener, address, size), 0);
    assert_int_equal(listen(it->listener, backlog), 0);
    assert_int_equal(getsockname(it->listener, (struct sockaddr *) &bound,
        &bound_size), 0);
    it->port = ntohs(((struct sockaddr_in *) &bound)->sin_port);
}

void listen_with(int backlog)
{
    struct sockaddr_in address = loopback(0);

    listen_at((struct sockaddr *) &address, sizeof address, backlog);
}

void make_client(const char *format, ...)
{
    char url[256];
    va_list list;

    va_start(list, format);
    vsnprintf(url, sizeof url, format, list);
    va_end(list);
    assert_int_equal(wwi_http.client_create(it->runtime,
        (wws_string) { url, strlen(url) }, &it->options, &it->client, NULL),
        WWS_S_OK);
    it->client->notify = notify;
}

void connect_to_peer(void)
{
    listen_with(8);
    make_client("http://127.0.0.1:%u/service", it->port);
}

struct wwi_bytes octets(size_t size)
{
    struct wwi_bytes bytes = { 0 };

    assert_non_null(wwi_bytes_reserve(&bytes, size));
    memset(bytes.data, 'x', size);
    bytes.size = size;
    return bytes;
}

wws_status begin_size(size_t size, bool reply)
{
    struct wwi_outgoing outgoing = {
        .envelope = octets(size),
        .version = WWS_ENVELOPE_VERSION_SOAP_1_1,
        .action = WWS_STR("urn:a"),
    };
    wws_status status = wwi_http.client_begin(it->client, &outgoing, reply,
        NULL);

    assert_null(outgoing.envelope.data);
    return status;
}

void begin_exchange(void)
{
    assert_int_equal(begin_size(4, true), WWS_S_OK);
}

wws_status step_client(void)
{
    return wwi_http.client_step(it->client, &it->want);
}

wws_phase phase(void)
{
    return it->client->track->phase;
}

wws_progress progress(void)
{
    return it->client->track->progress;
}

bool can(int fd, short events, int patience)
{
    struct pollfd polled = { .fd = fd, .events = events };

    return poll(&polled, 1, patience) == 1;
}

void wait_for_want(void)
{
    eventfd_t value;

    if (it->want.events != 0) {
        assert_true(can(it->client->source.fd, it->want.events, PATIENCE_MS));
        return;
    }
    assert_true(can(it->notified, POLLIN, PATIENCE_MS));
    (void) eventfd_read(it->notified, &value);
}

void go_to(wws_phase wanted)
{
    while (step_client() == WWS_S_ASYNC) {
        if (phase() == wanted)
            return;
        wait_for_want();
    }
    fail_msg("the exchange has ended: %s", it->client->text);
}

wws_status finish(void)
{
    wws_status status;

    while ((status = step_client()) == WWS_S_ASYNC)
        wait_for_want();
    return status;
}

void end_exchange(void)
{
    wwi_http.client_end(it->client);
}

void assert_trouble(
    wws_status status,
    wws_phase where,
    wws_progress how_far,
    const char *text)
{
    assert_int_equal(it->client->trouble.status, status);
    assert_int_equal(it->client->trouble.phase, where);
    assert_int_equal(it->client->trouble.progress, how_far);
    assert_string_equal(it->client->text, text);
}

uint64_t opened(void)
{
    return it->runtime->counters[WWS_COUNTER_CONNECTIONS_OPENED];
}

/* The server. */

void take_connection(void)
{
    assert_true(can(it->listener, POLLIN, PATIENCE_MS));
    close_one(&it->peer);
    it->peer = accept4(it->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(it->peer >= 0);
}

const char *received(size_t size)
{
    it->request_size = 0;
    assert_true(size < sizeof it->request);
    while (it->request_size < size) {
        ssize_t count;

        assert_true(can(it->peer, POLLIN, PATIENCE_MS));
        count = read(it->peer, it->request + it->request_size,
            size - it->request_size);
        assert_true(count > 0);
        it->request_size += (size_t) count;
    }
    it->request[size] = '\0';
    return it->request;
}

void assert_received(const char *text)
{
    assert_string_equal(received(strlen(text)), text);
    assert_false(can(it->peer, POLLIN, 0));
}

const char *received_head(void)
{
    it->request_size = 0;
    do {
        assert_true(it->request_size + 1 < sizeof it->request);
        assert_true(can(it->peer, POLLIN, PATIENCE_MS));
        assert_int_equal(read(it->peer, it->request + it->request_size, 1), 1);
        it->request[++it->request_size] = '\0';
    } while (strstr(it->request, "\r\n\r\n") == NULL);
    return it->request;
}

void say_size(const char *text, size_t size)
{
    assert_int_equal(write(it->peer, text, size), size);
}

void say(const char *text)
{
    say_size(text, strlen(text));
}

void hang_up(void)
{
    close_one(&it->peer);
}

void reset_peer(void)
{
    reset(it->peer);
    it->peer = -1;
}

#define REQUEST(port_) \
    "POST /service HTTP/1.1\r\n" \
    "Host: 127.0.0.1:" port_ "\r\n" \
    "Content-Type: text/xml; charset=utf-8\r\n" \
    "SOAPAction: \"urn:a\"\r\n" \
    "Content-Length: 4\r\n" \
    "\r\n" \
    "xxxx"

void assert_request(void)
{
    char text[512], number[16];

    snprintf(number, sizeof number, "%u", it->port);
    snprintf(text, sizeof text, REQUEST("%s"), number);
    assert_received(text);
}

void ask_server(void)
{
    bool fresh = it->client->source.fd < 0;

    begin_exchange();
    go_to(WWS_PHASE_WAIT);
    if (fresh)
        take_connection();
    assert_request();
}

void assert_envelope(const char *text)
{
    struct wwi_bytes envelope = { 0 };
    struct wwi_fields fields;

    assert_int_equal(wwi_http.client_take(it->client, &envelope, &fields),
        WWS_S_OK);
    assert_int_equal(envelope.size, strlen(text));
    assert_memory_equal(envelope.data, text, envelope.size);
    wwi_bytes_fini(&envelope);
}

bool is_kept(void)
{
    return it->client->source.fd >= 0;
}

void assert_response(const struct response *response)
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

        assert_int_equal(wwi_http.client_take(it->client, &envelope, &fields),
            WWS_S_END);
        assert_null(envelope.data);
    } else {
        assert_trouble(status, phase(), WWS_PROGRESS_REPLYING,
            response->what);
        assert_int_equal(it->client->trouble.http_status,
            strtoul(response->text + 9, NULL, 10));
    }
}

void exchange_once(void)
{
    ask_server();
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    assert_envelope("<e/>");
    end_exchange();
}

void assert_expires(wws_phase where, wws_progress how_far, uint32_t ms)
{
    assert_int_equal(phase(), where);
    assert_int_equal(it->want.deadline, wwi_clock_now() + ms);
    wwi_clock_move(ms - 1);
    assert_int_equal(step_client(), WWS_S_ASYNC);
    wwi_clock_move(1);
    assert_int_equal(step_client(), WWS_E_OPERATION_TIMED_OUT);
    assert_trouble(WWS_E_OPERATION_TIMED_OUT, where, how_far,
        "the time allowed for this phase is over");
    end_exchange();
    assert_false(is_kept());
}
