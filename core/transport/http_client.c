/* The client's end of HTTP: one connection, one exchange at a time, moved on by
 * whoever owns it.
 *
 * A step runs stage after stage until one has to wait.  A name is looked up on
 * the loop, so what both touch - whether somebody wants to hear of it - is
 * under a lock; all else belongs to the owner.  Memory goes on the loop, too,
 * because the loop may just be looking at it. */
#include "core/transport/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/io/resolve.h"
#include "core/io/socket.h"
#include "core/transport/http_head.h"

enum {
    READ_SIZE = 16384,
    KEEP_MEMORY = 65536,
    EXPECT_ABOVE = 1 << 20,
    EXPECT_WAIT_MS = 1000,
    MOST_INTERIM = 16,
    IDLE_LIMIT_MS = 60000,
};

enum stage {
    STAGE_IDLE,
    STAGE_CHECK,    /* is the connection we kept still good? */
    STAGE_RESOLVE,
    STAGE_CONNECT,  /* begin with the next address */
    STAGE_CONNECTING,
    STAGE_SEND,
    STAGE_CONTINUE, /* waiting for 100 Continue */
    STAGE_SENT,     /* through, no reply was asked for yet */
    STAGE_RECEIVE,
    STAGE_DONE,
};

struct client {
    struct wwi_client base;
    char text[160];     /* why it failed */
    struct wwi_client_options options;
    struct wwi_url url;
    char *host;
    enum stage stage;
    int64_t deadline;   /* of the phase */
    int64_t receive_deadline; /* of the whole reply */
    int64_t idle_since;
    bool reply_wanted;
    bool reused;        /* the connection has carried an exchange before */
    bool broken;        /* writing failed; there may be an answer all the same */

    struct wwi_address addresses[WWI_RESOLVE_MOST];
    uint32_t address_count;
    uint32_t next_address;

    struct wwi_bytes head;
    struct wwi_bytes envelope;
    size_t sent;
    size_t hold_back;   /* octets not to be sent before 100 Continue */
    struct wwi_http_parser parser;
    struct wwi_bytes body;
    uint32_t interim;
    wws_envelope_version version;

    struct wwi_query query;
    struct wwi_post lookup;
    struct wwi_post reap;
    _Atomic bool looked_up;
    bool looking;

    struct { /* owner and loop, under the lock */
        struct wwi_lock lock;
        bool listening;
    } synced;
};

static struct client *client_of(struct wwi_client *base)
{
    return WWI_CONTAINER(base, struct client, base);
}

static void set_phase(struct client *client, wws_phase phase)
{
    atomic_store_explicit(&client->base.track->phase, (uint8_t) phase,
        memory_order_relaxed);
}

static void set_progress(struct client *client, wws_progress progress)
{
    atomic_store(&client->base.track->progress, (uint8_t) progress);
}

static wws_status fail(
    struct client *client,
    wws_status status,
    int code,
    const char *text)
{
    struct wwi_client *base = &client->base;

    base->trouble.status = status;
    base->trouble.phase = atomic_load(&base->track->phase);
    base->trouble.progress = atomic_load(&base->track->progress);
    base->trouble.original_code = code;
    base->trouble.text = NULL;
    snprintf(client->text, sizeof client->text, "%s", text);
    base->text = client->text;
    return status;
}



static void close_socket(struct client *client, bool reset)
{
    struct linger now = { .l_onoff = 1, .l_linger = 0 };

    if (client->base.source.fd < 0)
        return;
    wwi_loop_remove(client->base.loop, &client->base.source);
    if (reset)
        setsockopt(client->base.source.fd, SOL_SOCKET, SO_LINGER, &now,
            sizeof now);
    close(client->base.source.fd);
    client->base.source.fd = -1;
    wwi_uncount(client->base.runtime, WWS_COUNTER_SOCKETS);
}

static void enter(struct client *client, enum stage stage)
{
    client->stage = stage;
    client->deadline = WWI_NEVER;
}

static wws_status next_or_fail(struct client *client, int code)
{
    close_socket(client, false);
    if (client->next_address < client->address_count) {
        enter(client, STAGE_CONNECT);
        return WWS_S_OK;
    }
    return fail(client, wwi_socket_why_not_connected(code), code,
        "the connection could not be made");
}

static wws_status connected(struct client *client)
{
    int one = 1;

    setsockopt(client->base.source.fd, IPPROTO_TCP, TCP_NODELAY, &one,
        sizeof one);
    wwi_count(client->base.runtime, WWS_COUNTER_CONNECTIONS_OPENED);
    client->reused = false;
    enter(client, STAGE_SEND);
    set_phase(client, WWS_PHASE_SEND);
    client->deadline = wwi_clock_after(client->options.send_timeout_ms);
    return WWS_S_OK;
}

static wws_status stage_connect(struct client *client)
{
    const struct wwi_address *address =
        &client->addresses[client->next_address++];
    int fd = socket(address->storage.ss_family,
        SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int result;

    set_phase(client, WWS_PHASE_CONNECT);
    if (fd < 0)
        return fail(client, wwi_socket_why_not_connected(errno), errno,
            "no socket to connect with");
    result = wwi_socket_connect(fd, address);
    if (result != 0 && result != EINPROGRESS) {
        close(fd);
        return next_or_fail(client, result);
    }
    client->base.source.fd = fd;
    wwi_count(client->base.runtime, WWS_COUNTER_SOCKETS);
    if (wwi_loop_add(client->base.loop, &client->base.source) < 0) {
        close_socket(client, false);
        return fail(client, WWS_E_OUTOFMEMORY, 0, "no room in the loop");
    }
    if (result == 0)
        return connected(client);
    enter(client, STAGE_CONNECTING);
    client->deadline = wwi_clock_after(client->options.connect_timeout_ms);
    return WWS_S_OK;
}

static wws_status stage_connecting(struct client *client, struct wwi_want *want)
{
    int result = wwi_socket_connected(client->base.source.fd);

    if (result == EINPROGRESS) {
        want->events = POLLOUT;
        return WWS_S_ASYNC;
    }
    return result == 0 ? connected(client) : next_or_fail(client, result);
}

static wws_status stage_check(struct client *client)
{
    char octet;
    ssize_t got = -1;

    errno = EBADF;
    if (client->base.source.fd >= 0
        && wwi_clock_now() - client->idle_since < IDLE_LIMIT_MS)
        got = recv(client->base.source.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        enter(client, STAGE_SEND);
        set_phase(client, WWS_PHASE_SEND);
        client->deadline = wwi_clock_after(client->options.send_timeout_ms);
        return WWS_S_OK;
    }
    /* It has ended, or says what nobody asked. */
    close_socket(client, false);
    enter(client, STAGE_RESOLVE);
    return WWS_S_OK;
}



static void resolved(struct wwi_query *query)
{
    struct client *client = WWI_CONTAINER(query, struct client, query);

    atomic_store(&client->looked_up, true);
    wwi_lock_take(&client->synced.lock);
    if (client->synced.listening)
        client->base.notify(&client->base);
    wwi_lock_give(&client->synced.lock);
}

static void look_up(struct wwi_work *work)
{
    struct client *client = WWI_CONTAINER(work, struct client, lookup.work);
    struct wwi_resolver *resolver = wwi_loop_resolver(client->base.loop);

    client->query.resolved = resolved;
    if (resolver != NULL) {
        wwi_resolve(resolver, &client->query, client->host, client->url.port);
        return;
    }
    client->query.status = WWS_E_OUTOFMEMORY;
    client->query.text = "no resolver";
    resolved(&client->query);
}

static wws_status use_addresses(struct client *client)
{
    const struct wwi_query *query = &client->query;

    client->looking = false;
    if (query->status < 0)
        return fail(client, query->status, 0,
            query->text != NULL ? query->text : "the name was not found");
    memcpy(client->addresses, query->addresses, sizeof client->addresses);
    client->address_count = query->count;
    client->next_address = 0;
    enter(client, STAGE_CONNECT);
    return WWS_S_OK;
}

static wws_status use_literal(struct client *client)
{
    if (!wwi_address_is_of(&client->addresses[0], client->query.version))
        return fail(client, WWS_E_ENDPOINT_NOT_FOUND, 0,
            "the address is of another IP version");
    enter(client, STAGE_CONNECT);
    return WWS_S_OK;
}

static wws_status stage_resolve(struct client *client, struct wwi_want *want)
{
    set_phase(client, WWS_PHASE_RESOLVE);
    if (!client->looking) {
        client->next_address = 0;
        client->address_count = 1;
        if (wwi_address_parse(&client->addresses[0], client->host,
            client->url.port))
            return use_literal(client);
        client->looking = true;
        atomic_store(&client->looked_up, false);
        wwi_loop_post(client->base.loop, &client->lookup);
    }
    /* It may have been asked for by an exchange that did not wait so long. */
    if (client->deadline == WWI_NEVER)
        client->deadline = wwi_clock_after(client->options.resolve_timeout_ms);
    if (atomic_load(&client->looked_up))
        return use_addresses(client);
    want->events = 0;
    return WWS_S_ASYNC;
}



static size_t total(const struct client *client)
{
    return client->head.size + client->envelope.size;
}

static ssize_t send_some(struct client *client)
{
    size_t head = client->head.size;
    size_t until = total(client) - client->hold_back;
    struct iovec parts[2] = { { 0 } };
    struct msghdr message = { .msg_iov = parts };

    if (client->sent < head)
        parts[message.msg_iovlen++] = (struct iovec) {
            .iov_base = client->head.data + client->sent,
            .iov_len = head - client->sent,
        };
    if (until > head) {
        size_t from = client->sent > head ? client->sent - head : 0;

        parts[message.msg_iovlen++] = (struct iovec) {
            .iov_base = client->envelope.data + from,
            .iov_len = until - head - from,
        };
    }
    return sendmsg(client->base.source.fd, &message,
        MSG_NOSIGNAL | MSG_DONTWAIT);
}

static wws_status all_sent(struct client *client, struct wwi_want *want)
{
    if (client->hold_back != 0) {
        enter(client, STAGE_CONTINUE);
        client->deadline = wwi_clock_after(EXPECT_WAIT_MS);
        return WWS_S_OK;
    }
    set_progress(client, WWS_PROGRESS_SENT);
    set_phase(client, WWS_PHASE_WAIT);
    if (!client->reply_wanted) {
        enter(client, STAGE_SENT);
        return WWS_S_OK;
    }
    wwi_http_client_receive(&client->base);
    /* It would be a wonder if the answer were there already. */
    want->events = POLLIN;
    return WWS_S_ASYNC;
}

/* A connection that was kept may have been closed by the server just now; as
 * long as the request was not sent whole it cannot have been acted on. */
static bool may_start_again(const struct client *client)
{
    return client->reused && client->interim == 0
        && client->parser.offset == 0 && client->stage != STAGE_RECEIVE;
}

static wws_status start_again(struct client *client)
{
    close_socket(client, true);
    client->sent = 0;
    set_progress(client, WWS_PROGRESS_NOT_SENT);
    enter(client, STAGE_RESOLVE);
    return WWS_S_OK;
}

static wws_status start_again_or_read(struct client *client, int code)
{
    if (may_start_again(client))
        return start_again(client);
    /* The connection lives, and nobody answers a part of a request. */
    if (code == ENOBUFS || code == ENOMEM)
        return fail(client, WWS_E_OUTOFMEMORY, code,
            "the system has no memory to send with");
    client->broken = true;
    client->base.trouble.original_code = code;
    wwi_http_client_receive(&client->base);
    return WWS_S_OK;
}

static wws_status read_some(struct client *client);

static wws_status stage_send(struct client *client, struct wwi_want *want)
{
    while (client->sent < total(client) - client->hold_back) {
        ssize_t count;

        set_progress(client, WWS_PROGRESS_PARTLY_SENT);
        if (atomic_load(&client->base.track->stop)) {
            want->events = 0;
            return WWS_S_ASYNC;
        }
        count = send_some(client);
        if (count > 0) {
            client->sent += (size_t) count;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (client->sent == 0)
            set_progress(client, WWS_PROGRESS_NOT_SENT);
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return start_again_or_read(client, errno);
        /* An answer that comes early ends the sending. */
        if (client->sent != 0) {
            wws_status status = read_some(client);

            if (status != WWS_S_ASYNC || client->stage != STAGE_SEND)
                return status == WWS_S_ASYNC ? WWS_S_OK : status;
        }
        want->events = POLLOUT | POLLIN;
        return WWS_S_ASYNC;
    }
    return all_sent(client, want);
}

static wws_status stage_continue(struct client *client, struct wwi_want *want)
{
    wws_status status = read_some(client);

    if (client->stage != STAGE_CONTINUE)
        return status == WWS_S_ASYNC ? WWS_S_OK : status;
    if (status != WWS_S_ASYNC)
        return status;
    if (client->interim > 0 || wwi_clock_now() >= client->deadline) {
        client->hold_back = 0;
        enter(client, STAGE_SEND);
        client->deadline = wwi_clock_after(client->options.send_timeout_ms);
        return WWS_S_OK;
    }
    want->events = POLLIN;
    return WWS_S_ASYNC;
}



static wws_status judge_response(struct client *client)
{
    char text[sizeof client->text];
    wws_status status;

    enter(client, STAGE_DONE);
    if (client->body.failed)
        return fail(client, WWS_E_OUTOFMEMORY, 0, "no memory for the reply");
    status = wwi_http_judge_response(&client->parser, client->version,
        client->body.size != 0, text, sizeof text);
    /* Also for the error of a fault, which the envelope may be. */
    if (status != WWS_S_END)
        client->base.trouble.http_status = client->parser.status;
    return status < 0 ? fail(client, status, 0, text) : status;
}

/* After an interim response, whose octets counted as the reply's. */
static void not_the_reply(struct client *client)
{
    set_phase(client, client->stage == STAGE_RECEIVE ? WWS_PHASE_WAIT
        : WWS_PHASE_SEND);
    set_progress(client, client->sent == total(client) ? WWS_PROGRESS_SENT
        : WWS_PROGRESS_PARTLY_SENT);
}

static wws_status message_done(struct client *client)
{
    if (client->parser.status >= 200)
        return judge_response(client);
    if (++client->interim > MOST_INTERIM)
        return fail(client, WWS_E_INVALID_FORMAT, 0,
            "too many interim responses");
    wwi_http_parser_reset(&client->parser, KEEP_MEMORY);
    not_the_reply(client);
    return WWS_S_ASYNC;
}

static wws_status parser_failed(struct client *client)
{
    return fail(client, client->parser.error.status, 0,
        client->parser.error.text);
}

/* A final answer while we are sending: what is left is not sent any more, and
 * the connection cannot be kept. */
static void head_done(struct client *client)
{
    if (client->parser.status < 200)
        return;
    if (client->stage != STAGE_RECEIVE) {
        client->broken = true;
        wwi_http_client_receive(&client->base);
    }
    client->deadline = client->receive_deadline;
    set_phase(client, WWS_PHASE_BODY);
}

static wws_status feed(struct client *client, const uint8_t *data, size_t size)
{
    for (;;) {
        size_t consumed = 0;
        wws_bytes body = { 0 };
        wws_status status;

        if (client->parser.offset == 0 && size != 0) {
            set_phase(client, WWS_PHASE_HEADERS);
            set_progress(client, WWS_PROGRESS_REPLYING);
        }
        switch (wwi_http_parser_execute(&client->parser, data, size, &consumed,
            &body)) {
        case WWI_HTTP_MORE:
            return WWS_S_ASYNC;
        case WWI_HTTP_HEAD_DONE:
            head_done(client);
            break;
        case WWI_HTTP_BODY:
            wwi_bytes_append(&client->body, body.data, body.size);
            break;
        case WWI_HTTP_FAILED:
            return parser_failed(client);
        case WWI_HTTP_MESSAGE_DONE:
            status = message_done(client);
            if (status != WWS_S_ASYNC) {
                /* Octets that nobody asked for: not to be reused. */
                client->broken = client->broken || consumed < size;
                return status;
            }
            break;
        }
        data += consumed;
        size -= consumed;
    }
}

static wws_status disconnected(struct client *client, int code)
{
    if (may_start_again(client))
        return start_again(client);
    if (code == 0
        && wwi_http_parser_eof(&client->parser) == WWI_HTTP_MESSAGE_DONE) {
        client->broken = true;
        return judge_response(client);
    }
    if (code == 0)
        code = client->base.trouble.original_code;
    return fail(client, WWS_E_ENDPOINT_DISCONNECTED, code,
        client->parser.offset == 0
        ? "the server closed the connection without an answer"
        : "the server closed the connection within its answer");
}

/* One read; WWS_S_ASYNC when there is nothing to read yet. */
static wws_status read_some(struct client *client)
{
    uint8_t data[READ_SIZE];
    ssize_t count;
    wws_status status;

    do {
        count = recv(client->base.source.fd, data, sizeof data, MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return WWS_S_ASYNC;
        if (count <= 0)
            return disconnected(client, count < 0 ? errno : 0);
        status = feed(client, data, (size_t) count);
        if (status != WWS_S_ASYNC)
            return status;
        /* A short read has emptied the socket. */
    } while (count < 0 || (size_t) count == sizeof data);
    return WWS_S_ASYNC;
}

static wws_status stage_receive(struct client *client, struct wwi_want *want)
{
    wws_status status = read_some(client);

    if (status == WWS_S_ASYNC)
        want->events = POLLIN;
    return status;
}



static bool expired(const struct client *client)
{
    return client->deadline != WWI_NEVER
        && client->stage != STAGE_CONTINUE
        && wwi_clock_now() >= client->deadline;
}

static wws_status run_stage(struct client *client, struct wwi_want *want)
{
    switch (client->stage) {
    case STAGE_CHECK: return stage_check(client);
    case STAGE_RESOLVE: return stage_resolve(client, want);
    case STAGE_CONNECT: return stage_connect(client);
    case STAGE_CONNECTING: return stage_connecting(client, want);
    case STAGE_SEND: return stage_send(client, want);
    case STAGE_CONTINUE: return stage_continue(client, want);
    case STAGE_RECEIVE: return stage_receive(client, want);
    case STAGE_IDLE:
    case STAGE_SENT:
    case STAGE_DONE: break;
    }
    return WWS_S_OK;
}

static bool is_through(const struct client *client)
{
    return client->stage == STAGE_SENT || client->stage == STAGE_DONE;
}

wws_status wwi_http_client_step(struct wwi_client *base, struct wwi_want *want)
{
    struct client *client = client_of(base);
    wws_status status;

    do {
        WWI_GATE(HTTP_CLIENT_STEPS);
        status = run_stage(client, want);
        if (status == WWS_S_ASYNC && expired(client))
            status = fail(client, WWS_E_OPERATION_TIMED_OUT, 0,
                "the time allowed for this phase is over");
    } while (status == WWS_S_OK && !is_through(client));
    want->deadline = client->deadline;
    return status;
}

void wwi_http_client_receive(struct wwi_client *base)
{
    struct client *client = client_of(base);
    int64_t head = wwi_clock_after(client->options.response_timeout_ms);
    int64_t all = wwi_clock_after(client->options.receive_timeout_ms);

    client->reply_wanted = true;
    enter(client, STAGE_RECEIVE);
    set_phase(client, WWS_PHASE_WAIT);
    client->receive_deadline = all;
    client->deadline = head < all ? head : all;
}

void wwi_http_client_set_times(
    struct wwi_client *base,
    const struct wwi_client_options *options)
{
    struct wwi_client_options *ours = &client_of(base)->options;

    ours->resolve_timeout_ms = options->resolve_timeout_ms;
    ours->connect_timeout_ms = options->connect_timeout_ms;
    ours->send_timeout_ms = options->send_timeout_ms;
    ours->response_timeout_ms = options->response_timeout_ms;
    ours->receive_timeout_ms = options->receive_timeout_ms;
}

static bool is_kept(const struct client *client)
{
    return client->stage == STAGE_DONE && !client->broken
        && client->parser.keep_alive && client->parser.status >= 200
        && client->parser.error.text == NULL
        && client->sent == total(client);
}

void wwi_http_client_end(struct wwi_client *base)
{
    struct client *client = client_of(base);

    wwi_lock_take(&client->synced.lock);
    client->synced.listening = false;
    wwi_lock_give(&client->synced.lock);
    if (!is_kept(client))
        close_socket(client, client->stage != STAGE_DONE || client->broken);
    enter(client, STAGE_IDLE);
    client->idle_since = wwi_clock_now();
    client->reused = true;
    wwi_bytes_reset(&client->head, KEEP_MEMORY);
    wwi_bytes_reset(&client->envelope, KEEP_MEMORY);
    wwi_bytes_reset(&client->body, KEEP_MEMORY);
    wwi_http_parser_reset(&client->parser, KEEP_MEMORY);
}

static wws_status write_head(
    struct client *client,
    const struct wwi_outgoing *outgoing,
    struct wwi_error *error)
{
    struct wwi_http_writer writer;
    wws_status status;

    wwi_http_begin_request(&writer, &client->head, &client->url, outgoing);
    if (client->hold_back != 0)
        wwi_http_writer_field(&writer, WWS_STR("Expect"),
            WWS_STR("100-continue"));
    wwi_http_writer_length(&writer, client->envelope.size);
    status = wwi_http_writer_end(&writer);
    if (status < 0)
        return wwi_fail(error, status, "the head of the request: %s",
            writer.refused != NULL ? writer.refused : "no memory");
    return WWS_S_OK;
}

wws_status wwi_http_client_begin(
    struct wwi_client *base,
    struct wwi_outgoing *outgoing,
    bool reply,
    struct wwi_error *error)
{
    struct client *client = client_of(base);
    wws_status status;

    wwi_bytes_fini(&client->envelope);
    client->envelope = outgoing->envelope;
    outgoing->envelope = (struct wwi_bytes) { 0 };
    client->version = outgoing->version;
    client->hold_back = client->envelope.size > EXPECT_ABOVE
        ? client->envelope.size : 0;
    wwi_bytes_reset(&client->head, KEEP_MEMORY);
    status = write_head(client, outgoing, error);
    if (status < 0)
        return status;
    client->sent = 0;
    client->reply_wanted = reply;
    client->broken = false;
    client->interim = 0;
    /* An answer to an exchange that has ended is old. */
    if (atomic_load(&client->looked_up))
        client->looking = false;
    base->trouble = (struct wwi_outcome) { 0 };
    base->text = "";
    set_phase(client, WWS_PHASE_QUEUE);
    set_progress(client, WWS_PROGRESS_NOT_SENT);
    enter(client, base->source.fd >= 0 ? STAGE_CHECK : STAGE_RESOLVE);
    wwi_lock_take(&client->synced.lock);
    client->synced.listening = true;
    wwi_lock_give(&client->synced.lock);
    return WWS_S_OK;
}

wws_status wwi_http_client_take(
    struct wwi_client *base,
    struct wwi_bytes *envelope,
    struct wwi_fields *fields)
{
    struct client *client = client_of(base);

    *fields = wwi_http_fields(&client->parser);
    if (client->body.size == 0)
        return WWS_S_END;
    *envelope = client->body;
    client->body = (struct wwi_bytes) { 0 };
    return WWS_S_OK;
}

static void destroy(struct client *client)
{
    wwi_url_fini(&client->url);
    wwi_free(client->host);
    wwi_bytes_fini(&client->head);
    wwi_bytes_fini(&client->envelope);
    wwi_bytes_fini(&client->body);
    wwi_http_parser_fini(&client->parser);
    wwi_lock_fini(&client->synced.lock);
    wwi_free(client);
}

static void reap(struct wwi_work *work)
{
    struct client *client = WWI_CONTAINER(work, struct client, reap.work);
    struct wwi_runtime *runtime = client->base.runtime;

    wwi_resolve_cancel(&client->query);
    destroy(client);
    wwi_object_unref(&runtime->object);
}

void wwi_http_client_free(struct wwi_client *base)
{
    struct client *client = client_of(base);

    wwi_lock_take(&client->synced.lock);
    client->synced.listening = false;
    wwi_lock_give(&client->synced.lock);
    WWI_GATE(HTTP_CLIENT_CLOSES);
    close_socket(client, client->stage != STAGE_IDLE);
    wwi_loop_post(base->loop, &client->reap);
}

wws_status wwi_http_client_create(
    struct wwi_runtime *runtime,
    wws_string address,
    const struct wwi_client_options *options,
    struct wwi_client **created,
    struct wwi_error *error)
{
    struct client *client = wwi_alloc_zero(sizeof *client);
    struct wwi_http_limits limits = WWI_HTTP_LIMITS_INIT;
    const char *what = "no memory";
    wws_status status;

    if (client == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, what);
    status = wwi_url_parse(&client->url, address, &what);
    if (status == WWS_S_OK && client->url.scheme != WWI_URL_HTTP) {
        wwi_url_fini(&client->url);
        what = "only http:// is supported";
        status = WWS_E_INVALID_ENDPOINT_URL;
    }
    if (status < 0) {
        wwi_free(client);
        return wwi_fail(error, status, "the address: %s", what);
    }
    client->host = wwi_string_copy(client->url.host);
    if (client->host == NULL) {
        wwi_url_fini(&client->url);
        wwi_free(client);
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    }
    client->base.transport = &wwi_http;
    client->base.runtime = runtime;
    client->base.loop = wwi_runtime_loop(runtime);
    client->base.source.fd = -1;
    client->base.track = &client->base.own_track;
    client->options = *options;
    client->query.version = options->ip_version;
    limits.head_size = options->max_head_size;
    limits.body_size = options->max_message_size;
    wwi_http_parser_init(&client->parser, WWI_HTTP_RESPONSE, &limits);
    wwi_lock_init(&client->synced.lock, WWI_RANK_CONNECTION);
    wwi_post_init(&client->lookup, look_up);
    wwi_post_init(&client->reap, reap);
    wwi_object_ref(&runtime->object);
    *created = &client->base;
    return WWS_S_OK;
}
