/* One connection of a server.
 *
 * Rules.  Only the thread of its loop reads, closes the socket, and moves the
 * state; but a request that is up is answered or dropped by whoever holds it,
 * on any thread, and that moves it, too:
 *
 *     NEW       accepted, not yet on its loop
 *     READING   idle, or a request comes, or is whole and waits for a slot
 *     UP        handed up; the loop watches for the client's leaving
 *     WRITING   the holder's thread answers; nobody else uses the socket
 *     SENDING   the loop sends what the system did not take at once
 *     ENDING    no further request: to be shut down
 *     DRAINING  shut down; waits, not long, for the client to do the same
 *     DOOMED    to be reset
 *     CLOSED    no socket; a request may still be up
 *
 * Whoever leaves WRITING posts the peer to its loop unless the loop watches the
 * socket for the next request anyway.  So a request that is answered at once
 * costs no more than its reading, writing, arming and waiting.
 *
 * The parser, and all buffers, belong to the loop in READING, to the holder of
 * the request from UP on until it has been answered. */
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/transport/conn.h"
#include "core/transport/http.h"
#include "core/transport/http_head.h"
#include "core/transport/http_peer.h"

enum {
    KEEP = 16384,          /* octets of each buffer kept between requests */
    AT_ONCE = 65536,       /* of a body, taken on the word of its length */
    DRAIN_MS = 2000,
    DRAIN_OCTETS = 262144,
};

enum state {
    NEW,
    READING,
    UP,
    WRITING,
    SENDING,
    ENDING,
    DRAINING,
    DOOMED,
    CLOSED,
};

struct peer {
    struct wwi_incoming incoming;
    _Atomic uint32_t refs;         /* the socket, the holder, each post */
    struct wwi_server *server;
    struct wwi_http_shard *shard;
    struct wwi_source source;
    struct wwi_post post;
    struct wwi_http_slot slot;     /* of the server, under its lock */
    _Atomic int64_t deadline;

    /* Whose these are says the state. */
    struct wwi_http_parser parser;
    struct wwi_http_action action;
    struct wwi_bytes head;         /* of the answer */
    struct wwi_bytes body;
    size_t sent;                   /* of both */
    struct wwi_bytes leftover;     /* octets behind the request */
    char remote[WWI_CONN_REMOTE];
    wwi_replied_fn replied;
    void *replied_state;
    void (*teller_calls)(struct wwi_incoming *incoming); /* the teller's */

    struct { /* loop thread only */
        struct wwi_link link;
        struct wwi_timer timer;
        uint32_t events;           /* not looked at yet */
        bool whole;                /* a request waits to be handed up */
        bool awaited;              /* the client waits for 100 Continue */
        bool driven;               /* run() is on the stack */
        size_t drained;
    } on_loop;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        pthread_cond_t told;
        enum state state;
        wws_status why;            /* of CLOSED */
        bool watching;             /* armed for whatever the client does */
        bool reset;                /* by the server: nothing waits any more */
        bool stopped;              /* nobody wants the answer to be sent */
        void (*gone)(struct wwi_incoming *incoming);
        bool gone_told;
        bool telling;              /* gone runs, on this thread: */
        pthread_t teller;
        bool deferred;             /* the answer ends when gone has returned */
    } synced;
};

static struct peer *peer_of(struct wwi_incoming *incoming)
{
    return WWI_CONTAINER(incoming, struct peer, incoming);
}

void wwi_http_incoming_append_url(
    const struct wwi_incoming *incoming,
    struct wwi_bytes *url)
{
    const struct peer *peer = WWI_CONTAINER(incoming, struct peer, incoming);

    wwi_http_request_append_url(&peer->parser, url);
}

static void hold(struct peer *peer)
{
    atomic_fetch_add(&peer->refs, 1);
}

/* The socket has been closed on the loop before the last one lets go, so the
 * memory may go on any thread. */
static void let_go(struct peer *peer)
{
    if (atomic_fetch_sub(&peer->refs, 1) != 1)
        return;
    wwi_http_parser_fini(&peer->parser);
    wwi_bytes_fini(&peer->action.text);
    wwi_bytes_fini(&peer->head);
    wwi_bytes_fini(&peer->body);
    wwi_bytes_fini(&peer->incoming.envelope);
    wwi_bytes_fini(&peer->leftover);
    pthread_cond_destroy(&peer->synced.told);
    wwi_lock_fini(&peer->synced.lock);
    wwi_http_server_unref(peer->server);
    wwi_free(peer);
}

/* Makes the loop look at the state; unless it is just doing so. */
static void wake(struct peer *peer)
{
    if (wwi_loop_current(peer->shard->loop) && peer->on_loop.driven)
        return;
    hold(peer);
    if (!wwi_loop_post(peer->shard->loop, &peer->post))
        let_go(peer);
}

void wwi_http_peer_granted(struct wwi_http_slot *slot)
{
    wake(WWI_CONTAINER(slot, struct peer, slot));
}

static enum state state_of(struct peer *peer)
{
    enum state state;

    wwi_lock_take(&peer->synced.lock);
    state = peer->synced.state;
    wwi_lock_give(&peer->synced.lock);
    return state;
}

static void set_state(struct peer *peer, enum state state)
{
    wwi_lock_take(&peer->synced.lock);
    peer->synced.state = state;
    wwi_lock_give(&peer->synced.lock);
    WWI_GATE(HTTP_PEER_MOVES);
}

static bool is_stopping(const struct peer *peer)
{
    return atomic_load(&peer->server->stopping);
}

/* Time.  A timer call for each request would cost more than it is worth: the
 * timer comes at the latest after the shortest time that any deadline leaves,
 * and looks. */

static void set_timer(struct peer *peer)
{
    const struct wwi_server_options *options = &peer->server->options;
    uint32_t shortest = options->request_timeout_ms < options->idle_timeout_ms
        ? options->request_timeout_ms : options->idle_timeout_ms;
    int64_t latest = wwi_clock_after(shortest);
    int64_t deadline = atomic_load(&peer->deadline);

    if (deadline < latest)
        latest = deadline;
    if (latest != WWI_NEVER)
        wwi_loop_set_timer(peer->shard->loop, &peer->on_loop.timer, latest);
}

static void expect_within(struct peer *peer, uint32_t milliseconds)
{
    atomic_store(&peer->deadline, wwi_clock_after(milliseconds));
}

static void expect_nothing(struct peer *peer)
{
    atomic_store(&peer->deadline, WWI_NEVER);
}

/* Writing. */

static bool is_stopped(struct peer *peer)
{
    bool stopped;

    wwi_lock_take(&peer->synced.lock);
    stopped = peer->synced.stopped;
    wwi_lock_give(&peer->synced.lock);
    return stopped;
}

/* As much as the system takes: done, WWS_S_ASYNC, or failed.  A client that
 * reads as fast as this writes does not keep it from a stop. */
static wws_status write_some(struct peer *peer, struct wwi_outcome *outcome)
{
    size_t all = peer->head.size + peer->body.size;

    while (peer->sent < all) {
        size_t of_head = peer->sent < peer->head.size
            ? peer->head.size - peer->sent : 0;
        size_t of_body = all - peer->sent - of_head;
        struct iovec parts[2] = {
            { peer->head.data + peer->head.size - of_head, of_head },
            { peer->body.data + peer->body.size - of_body, of_body },
        };
        struct msghdr message = {
            .msg_iov = parts + (of_head == 0),
            .msg_iovlen = (size_t) (of_head != 0) + (of_body != 0),
        };
        ssize_t size = sendmsg(peer->source.fd, &message,
            MSG_NOSIGNAL | MSG_DONTWAIT);

        if (size >= 0) {
            peer->sent += (size_t) size;
            if (peer->sent < all && is_stopped(peer))
                return WWS_E_OPERATION_ABORTED;
        } else if (errno == EAGAIN)
            return WWS_S_ASYNC;
        else if (errno != EINTR) {
            outcome->original_code = errno;
            return WWS_E_ENDPOINT_DISCONNECTED;
        }
    }
    return WWS_S_OK;
}

static void write_connection(
    const struct peer *peer,
    struct wwi_http_writer *writer)
{
    if (!peer->parser.keep_alive)
        wwi_http_writer_field(writer, WWS_STR("Connection"), WWS_STR("close"));
    else if (peer->parser.minor == 0)
        wwi_http_writer_field(writer, WWS_STR("Connection"),
            WWS_STR("keep-alive"));
}

/* The answer; no outgoing is none with an envelope. */
static wws_status compose(struct peer *peer, struct wwi_outgoing *outgoing)
{
    struct wwi_http_writer writer;
    unsigned status = 202;

    if (outgoing != NULL) {
        peer->body = outgoing->envelope;
        outgoing->envelope = (struct wwi_bytes) { 0 };
        status = outgoing->fault ? 500 : 200;
    }
    if (is_stopping(peer))
        peer->parser.keep_alive = false;
    wwi_http_begin_answer(&writer, &peer->head, status);
    write_connection(peer, &writer);
    if (outgoing != NULL)
        wwi_http_write_content(&writer, outgoing);
    wwi_http_writer_length(&writer, peer->body.size);
    return wwi_http_writer_end(&writer);
}

/* Answers a request that does not get up; the connection ends with it, for
 * where the next one would begin is not known. */
static bool refuse(struct peer *peer, unsigned status)
{
    struct wwi_outcome outcome = { 0 };
    bool sent = wwi_http_write_last_answer(&peer->head, status) == WWS_S_OK
        && write_some(peer, &outcome) == WWS_S_OK;

    wwi_log_write(peer->server->runtime->log, WWS_LOG_LEVEL_DEBUG,
        WWS_PHASE_HEADERS, "refused a request with HTTP status %u%s%s",
        status, peer->parser.error.text != NULL ? ": " : "",
        peer->parser.error.text != NULL ? peer->parser.error.text : "");
    set_state(peer, sent ? ENDING : DOOMED);
    return false;
}

/* The end of the socket. */

/* The answer comes too late for the connection. */
static void forgo(struct peer *peer)
{
    bool gone = peer->synced.why == WWS_E_ENDPOINT_DISCONNECTED
        && !is_stopped(peer);
    struct wwi_outcome outcome = {
        .status = gone ? WWS_E_ENDPOINT_DISCONNECTED : WWS_E_OPERATION_ABORTED,
        .phase = WWS_PHASE_SEND,
        .text = gone ? "the client had gone"
            : "the connection has been aborted",
    };

    peer->replied(peer->replied_state, &outcome);
    wwi_http_slot_give(peer->server, &peer->slot);
    let_go(peer);
}

/* Runs gone, and then ends the answer that may have come meanwhile. */
static void tell(struct peer *peer)
{
    bool deferred;

    WWI_GATE(HTTP_PEER_TELLS);
    peer->teller_calls(&peer->incoming);
    wwi_lock_take(&peer->synced.lock);
    peer->synced.telling = false;
    deferred = peer->synced.deferred;
    pthread_cond_broadcast(&peer->synced.told);
    wwi_lock_give(&peer->synced.lock);
    if (deferred)
        forgo(peer);
}

static bool begin_telling_locked(struct peer *peer)
{
    if (peer->synced.gone == NULL || peer->synced.gone_told
        || peer->synced.state != CLOSED
        || peer->synced.why != WWS_E_ENDPOINT_DISCONNECTED)
        return false;
    peer->synced.gone_told = true;
    peer->synced.telling = true;
    peer->synced.teller = pthread_self();
    peer->teller_calls = peer->synced.gone;
    return true;
}

static void close_socket(struct peer *peer, bool reset)
{
    static const struct linger at_once = { .l_onoff = 1 };
    struct wwi_server *server = peer->server;
    struct wwi_loop *loop = peer->shard->loop;

    wwi_loop_cancel_timer(loop, &peer->on_loop.timer);
    wwi_list_remove(&peer->on_loop.link);
    if (reset)
        (void) setsockopt(peer->source.fd, SOL_SOCKET, SO_LINGER, &at_once,
            sizeof at_once);
    wwi_loop_remove(loop, &peer->source);
    close(peer->source.fd);
    wwi_uncount(server->runtime, WWS_COUNTER_SOCKETS);
    wwi_http_server_left(server);
    let_go(peer);
}

/* Closes the peer in that state; does nothing if it has left it. */
static void end(
    struct peer *peer,
    enum state from,
    wws_status why,
    bool reset)
{
    bool telling;

    wwi_lock_take(&peer->synced.lock);
    if (peer->synced.state != from) {
        wwi_lock_give(&peer->synced.lock);
        return;
    }
    peer->synced.state = CLOSED;
    peer->synced.why = why;
    atomic_store(&peer->incoming.gone, from == UP);
    telling = from == UP && begin_telling_locked(peer);
    wwi_lock_give(&peer->synced.lock);
    if (from != UP)
        wwi_http_slot_give(peer->server, &peer->slot);
    if (telling)
        tell(peer);
    close_socket(peer, reset);
}

static void hang_up(struct peer *peer, enum state from)
{
    end(peer, from, WWS_E_ENDPOINT_DISCONNECTED, false);
}

/* Answering. */

/* Buffers as they were before the request; what the answer came in serves the
 * next request, for the memory of this one has been moved up. */
static void make_ready(struct peer *peer)
{
    struct wwi_bytes *envelope = &peer->incoming.envelope;

    if (envelope->capacity == 0) {
        *envelope = peer->body;
        peer->body = (struct wwi_bytes) { 0 };
    }
    wwi_bytes_reset(envelope, KEEP);
    wwi_bytes_fini(&peer->body);
    wwi_bytes_reset(&peer->head, KEEP);
    wwi_http_parser_reset(&peer->parser, KEEP);
    peer->sent = 0;
}

/* Leaves WRITING or SENDING. */
static void settle(struct peer *peer, enum state next)
{
    bool quiet;

    wwi_lock_take(&peer->synced.lock);
    if (next == READING && is_stopping(peer))
        next = ENDING;
    /* Whoever stopped the answer has been told that it did not go out. */
    if (peer->synced.stopped)
        next = DOOMED;
    peer->synced.state = next;
    quiet = next == READING && peer->synced.watching
        && peer->leftover.size == 0;
    wwi_lock_give(&peer->synced.lock);
    if (!quiet)
        wake(peer);
}

/* The answer has gone out, or has failed. */
static void conclude(
    struct peer *peer,
    struct wwi_outcome *outcome,
    wws_status status)
{
    enum state next = status != WWS_S_OK ? DOOMED
        : peer->parser.keep_alive ? READING : ENDING;
    bool begun = peer->sent != 0;

    outcome->status = status;
    outcome->phase = WWS_PHASE_SEND;
    outcome->progress = status == WWS_S_OK ? WWS_PROGRESS_SENT
        : begun ? WWS_PROGRESS_PARTLY_SENT : WWS_PROGRESS_NOT_SENT;
    make_ready(peer);
    expect_within(peer, peer->server->options.idle_timeout_ms);
    peer->replied(peer->replied_state, outcome);
    wwi_http_slot_give(peer->server, &peer->slot);
    settle(peer, next);
    let_go(peer);
}

/* True if the loop will send the rest; not after a reset or a stop. */
static bool leave_to_loop(struct peer *peer)
{
    bool left;

    expect_within(peer, peer->server->options.request_timeout_ms);
    hold(peer);
    wwi_lock_take(&peer->synced.lock);
    left = !peer->synced.reset && !peer->synced.stopped;
    if (left)
        peer->synced.state = SENDING;
    wwi_lock_give(&peer->synced.lock);
    if (left)
        wake(peer);
    let_go(peer);
    return left;
}

static void answer(struct peer *peer, struct wwi_outgoing *outgoing)
{
    struct wwi_outcome outcome = { 0 };
    wws_status status = compose(peer, outgoing);

    if (status != WWS_S_OK)
        outcome.text = "the head of the answer cannot be written";
    else
        status = write_some(peer, &outcome);
    if (status == WWS_S_ASYNC) {
        if (leave_to_loop(peer))
            return;
        status = WWS_E_OPERATION_ABORTED;
    }
    conclude(peer, &outcome, status);
}

void wwi_http_incoming_reply(
    struct wwi_incoming *incoming,
    struct wwi_outgoing *outgoing,
    wwi_replied_fn replied,
    void *state)
{
    struct peer *peer = peer_of(incoming);
    struct wwi_outcome outcome = { 0 };
    bool up, stopped, telling;

    peer->replied = replied;
    peer->replied_state = state;
    wwi_lock_take(&peer->synced.lock);
    up = peer->synced.state == UP;
    stopped = peer->synced.stopped;
    telling = peer->synced.telling;
    if (up)
        peer->synced.state = WRITING;
    else if (telling)
        peer->synced.deferred = true;
    wwi_lock_give(&peer->synced.lock);
    if ((!up || stopped) && outgoing != NULL)
        wwi_bytes_fini(&outgoing->envelope);
    if (up && stopped)
        conclude(peer, &outcome, WWS_E_OPERATION_ABORTED);
    else if (up)
        answer(peer, outgoing);
    else if (!telling)
        forgo(peer);
}

void wwi_http_incoming_stop(struct wwi_incoming *incoming)
{
    struct peer *peer = peer_of(incoming);
    bool waits;

    wwi_lock_take(&peer->synced.lock);
    peer->synced.stopped = true;
    waits = peer->synced.state == SENDING || peer->synced.state == UP;
    wwi_lock_give(&peer->synced.lock);
    if (waits)
        wake(peer);
}

void wwi_http_incoming_drop(struct wwi_incoming *incoming)
{
    struct peer *peer = peer_of(incoming);
    bool up;

    wwi_lock_take(&peer->synced.lock);
    /* Nothing is heard of a request after it has been dropped. */
    while (peer->synced.telling
        && !pthread_equal(peer->synced.teller, pthread_self()))
        pthread_cond_wait(&peer->synced.told, &peer->synced.lock.mutex);
    up = peer->synced.state == UP;
    if (up)
        peer->synced.state = DOOMED;
    wwi_lock_give(&peer->synced.lock);
    wwi_http_slot_give(peer->server, &peer->slot);
    if (up)
        wake(peer);
    let_go(peer);
}

void wwi_http_incoming_watch(
    struct wwi_incoming *incoming,
    void (*gone)(struct wwi_incoming *incoming))
{
    struct peer *peer = peer_of(incoming);
    bool telling;

    hold(peer);
    wwi_lock_take(&peer->synced.lock);
    peer->synced.gone = gone;
    telling = begin_telling_locked(peer);
    wwi_lock_give(&peer->synced.lock);
    if (telling)
        tell(peer);
    let_go(peer);
}

/* Reading. */

static bool has_begun(const struct peer *peer)
{
    return peer->parser.offset != 0;
}

/* The body comes; the client may be waiting to hear so. */
static bool begin_body(struct peer *peer)
{
    uint64_t size = peer->parser.content_length;
    unsigned refused = wwi_http_request_check(&peer->parser,
        &peer->server->demand, &peer->action);

    if (refused != 0)
        return refuse(peer, refused);
    peer->on_loop.awaited = peer->parser.expect_continue;
    if (peer->parser.has_length && size != 0)
        (void) wwi_bytes_reserve(&peer->incoming.envelope,
            size < AT_ONCE ? (size_t) size : AT_ONCE);
    if (peer->incoming.envelope.failed)
        return refuse(peer, 503);
    return true;
}

static bool take_body(struct peer *peer, wws_bytes body)
{
    peer->on_loop.awaited = false;
    wwi_bytes_append(&peer->incoming.envelope, body.data, body.size);
    if (peer->incoming.envelope.failed)
        return refuse(peer, 503);
    return true;
}

static void invite_body(struct peer *peer)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    ssize_t size;

    if (!peer->on_loop.awaited)
        return;
    peer->on_loop.awaited = false;
    size = send(peer->source.fd, text, sizeof text - 1,
        MSG_NOSIGNAL | MSG_DONTWAIT);
    /* A client that leaves no room for it will send the body in time without;
     * but it cannot do with a half. */
    if (size > 0 && (size_t) size < sizeof text - 1)
        set_state(peer, DOOMED);
}

static bool understand(
    struct peer *peer,
    enum wwi_http_event event,
    wws_bytes body)
{
    switch (event) {
    case WWI_HTTP_HEAD_DONE:
        return begin_body(peer);
    case WWI_HTTP_BODY:
        return take_body(peer, body);
    case WWI_HTTP_MESSAGE_DONE:
        peer->on_loop.whole = true;
        return false;
    case WWI_HTTP_MORE:
        invite_body(peer);
        return false;
    case WWI_HTTP_FAILED:
        return refuse(peer, peer->parser.error.http_status);
    }
    return false;
}

/* Up to the end of a request; returns how much that was. */
static size_t feed(struct peer *peer, const uint8_t *data, size_t size)
{
    bool fresh = !has_begun(peer);
    enum wwi_http_event event;
    size_t at = 0, used;
    wws_bytes body;

    do {
        event = wwi_http_parser_execute(&peer->parser, data + at, size - at,
            &used, &body);
        at += used;
    } while (understand(peer, event, body));
    if (fresh && !peer->on_loop.whole)
        expect_within(peer, peer->server->options.request_timeout_ms);
    return at;
}

static bool wait_for_slot(struct peer *peer)
{
    if (wwi_http_slot_take(peer->server, &peer->slot))
        return true;
    expect_nothing(peer);
    return false;
}

/* What run() calls returns whether to look at the state again. */

static bool watch(struct peer *peer)
{
    wwi_lock_take(&peer->synced.lock);
    peer->synced.watching = true;
    wwi_lock_give(&peer->synced.lock);
    wwi_loop_arm(peer->shard->loop, &peer->source, EPOLLIN | EPOLLRDHUP);
    return false;
}

static bool receive(struct peer *peer)
{
    uint8_t *input = peer->shard->on_loop.input;
    ssize_t size;
    size_t used;

    if (!has_begun(peer) && !wait_for_slot(peer))
        return false;
    peer->on_loop.events = 0;
    size = recv(peer->source.fd, input, WWI_HTTP_INPUT, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (!has_begun(peer))
            expect_within(peer, peer->server->options.idle_timeout_ms);
        return true;
    }
    if (size <= 0) {
        hang_up(peer, READING);
        return false;
    }
    used = feed(peer, input, (size_t) size);
    if (!peer->on_loop.whole)
        return true;
    wwi_bytes_append(&peer->leftover, input + used,
        (size_t) size - used);
    if (peer->leftover.failed) {
        /* What is lost must have been the last. */
        wwi_bytes_reset(&peer->leftover, 0);
        peer->parser.keep_alive = false;
    }
    return true;
}

static bool feed_leftover(struct peer *peer)
{
    struct wwi_bytes *leftover = &peer->leftover;

    wwi_bytes_consume(leftover, feed(peer, leftover->data, leftover->size));
    if (leftover->size == 0)
        wwi_bytes_reset(leftover, KEEP);
    return true;
}

static void present(struct peer *peer)
{
    struct wwi_incoming *incoming = &peer->incoming;

    incoming->link = (struct wwi_link) { 0 };
    incoming->has_action = peer->action.given;
    incoming->action = (wws_string) { (const char *) peer->action.text.data,
        peer->action.text.size };
    incoming->fields = wwi_http_fields(&peer->parser);
    incoming->user = NULL;
}

static bool hand_up(struct peer *peer)
{
    struct wwi_server *server = peer->server;

    if (!wait_for_slot(peer))
        return false;
    present(peer);
    peer->on_loop.whole = false;
    expect_nothing(peer);
    hold(peer);
    wwi_lock_take(&peer->synced.lock);
    peer->synced.state = UP;
    peer->synced.gone = NULL;
    peer->synced.stopped = false;
    wwi_lock_give(&peer->synced.lock);
    server->callbacks.arrived(&peer->incoming,
        server->callbacks.state);
    return true;
}

static bool read_on(struct peer *peer)
{
    if (is_stopping(peer)) {
        hang_up(peer, READING);
        return false;
    }
    if (peer->on_loop.whole)
        return hand_up(peer);
    if (peer->leftover.size != 0)
        return feed_leftover(peer);
    if (peer->on_loop.events != 0)
        return receive(peer);
    wwi_http_slot_give(peer->server, &peer->slot);
    return watch(peer);
}

/* Looks, while a request is up, what the client does, and leaves what it may
 * have sent where it is. */
static bool look_after(struct peer *peer)
{
    uint32_t events = peer->on_loop.events;
    bool finished, failed;
    char octet;
    ssize_t size;

    if (is_stopped(peer)) {
        end(peer, UP, WWS_E_ENDPOINT_DISCONNECTED, true);
        return false;
    }
    if (events == 0)
        return watch(peer);
    peer->on_loop.events = 0;
    size = recv(peer->source.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    failed = (events & (EPOLLERR | EPOLLHUP)) != 0
        || (size < 0 && errno != EAGAIN && errno != EINTR);
    finished = size == 0 || (events & EPOLLRDHUP) != 0;
    if (failed || (finished && !peer->server->options.tolerate_half_close))
        hang_up(peer, UP);
    else if (finished)
        wwi_loop_arm(peer->shard->loop, &peer->source, 0);
    else if (size > 0)
        wwi_loop_arm(peer->shard->loop, &peer->source, EPOLLRDHUP);
    else
        return watch(peer);
    return false;
}

static bool send_on(struct peer *peer)
{
    struct wwi_outcome outcome = { 0 };
    size_t sent = peer->sent;
    wws_status status = is_stopped(peer) ? WWS_E_OPERATION_ABORTED
        : write_some(peer, &outcome);

    peer->on_loop.events = 0;
    if (status != WWS_S_ASYNC) {
        conclude(peer, &outcome, status);
        return true;
    }
    if (peer->sent != sent)
        expect_within(peer, peer->server->options.request_timeout_ms);
    wwi_loop_arm(peer->shard->loop, &peer->source, EPOLLOUT);
    return false;
}

static bool begin_draining(struct peer *peer)
{
    if (peer->synced.reset) {
        hang_up(peer, ENDING);
        return false;
    }
    wwi_http_slot_give(peer->server, &peer->slot);
    (void) shutdown(peer->source.fd, SHUT_WR);
    expect_within(peer, DRAIN_MS);
    set_timer(peer);
    set_state(peer, DRAINING);
    return true;
}

/* Closing while there is something unread would reset the connection, and the
 * client might lose the answer. */
static bool drain(struct peer *peer)
{
    ssize_t size = recv(peer->source.fd, peer->shard->on_loop.input,
        WWI_HTTP_INPUT, MSG_DONTWAIT);

    peer->on_loop.events = 0;
    if (size > 0)
        peer->on_loop.drained += (size_t) size;
    if (size == 0 || peer->on_loop.drained > DRAIN_OCTETS
        || (size < 0 && errno != EAGAIN && errno != EINTR)) {
        hang_up(peer, DRAINING);
        return false;
    }
    wwi_loop_arm(peer->shard->loop, &peer->source, EPOLLIN);
    return false;
}

static bool adopt(struct peer *peer)
{
    struct wwi_http_shard *shard = peer->shard;

    wwi_list_append(&shard->on_loop.peers, &peer->on_loop.link);
    if (wwi_loop_add(shard->loop, &peer->source) != WWS_S_OK) {
        end(peer, NEW, WWS_E_OUTOFMEMORY, true);
        return false;
    }
    expect_within(peer, peer->server->options.idle_timeout_ms);
    set_timer(peer);
    set_state(peer, READING);
    return true;
}

static bool step(struct peer *peer)
{
    switch (state_of(peer)) {
    case NEW: return adopt(peer);
    case READING: return read_on(peer);
    case UP: return look_after(peer);
    case SENDING: return send_on(peer);
    case ENDING: return begin_draining(peer);
    case DRAINING: return drain(peer);
    case DOOMED:
        end(peer, DOOMED, WWS_E_ENDPOINT_DISCONNECTED, true);
        return false;
    case WRITING:
    case CLOSED:
        break;
    }
    return false;
}

static void run(struct peer *peer)
{
    hold(peer);
    peer->on_loop.driven = true;
    while (step(peer))
        continue;
    peer->on_loop.driven = false;
    let_go(peer);
}

static void ready(struct wwi_source *source, uint32_t events)
{
    struct peer *peer = WWI_CONTAINER(source, struct peer, source);

    wwi_lock_take(&peer->synced.lock);
    peer->synced.watching = false;
    wwi_lock_give(&peer->synced.lock);
    peer->on_loop.events = events;
    run(peer);
}

static void posted(struct wwi_work *work)
{
    struct peer *peer = WWI_CONTAINER(work, struct peer, post.work);

    run(peer);
    let_go(peer);
}

/* The deadline is over, if it has not been moved. */
static void expired(struct wwi_timer *timer)
{
    struct peer *peer = WWI_CONTAINER(timer, struct peer, on_loop.timer);
    struct wwi_outcome outcome = { 0 };
    enum state state = state_of(peer);

    set_timer(peer);
    if (wwi_clock_now() < atomic_load(&peer->deadline))
        return;
    if (state == READING && has_begun(peer)) {
        (void) refuse(peer, 408);
        run(peer);
    } else if (state == READING || state == DRAINING)
        hang_up(peer, state);
    else if (state == SENDING)
        conclude(peer, &outcome, WWS_E_OPERATION_TIMED_OUT);
}

void wwi_http_peer_stop(struct wwi_link *link, bool reset)
{
    struct peer *peer = WWI_CONTAINER(link, struct peer, on_loop.link);
    struct wwi_outcome outcome = { 0 };
    enum state state;

    wwi_lock_take(&peer->synced.lock);
    state = peer->synced.state;
    peer->synced.reset = reset;
    wwi_lock_give(&peer->synced.lock);
    if (state == READING
        || (reset && (state == ENDING || state == DRAINING)))
        hang_up(peer, state);
    else if (!reset)
        return;
    else if (state == SENDING)
        conclude(peer, &outcome, WWS_E_OPERATION_ABORTED);
    else if (state != WRITING)
        end(peer, state, WWS_E_OPERATION_ABORTED, true);
}

void wwi_http_peer_open(struct wwi_http_shard *shard, int fd)
{
    struct wwi_server *server = shard->server;
    struct wwi_http_limits limits = WWI_HTTP_LIMITS_INIT;
    struct peer *peer = wwi_alloc_zero(sizeof *peer);

    if (peer == NULL) {
        close(fd);
        wwi_http_server_left(server);
        return;
    }
    wwi_count(server->runtime, WWS_COUNTER_CONNECTIONS_ACCEPTED);
    wwi_count(server->runtime, WWS_COUNTER_SOCKETS);
    wwi_http_server_ref(server);
    limits.head_size = server->options.max_head_size;
    limits.body_size = server->options.max_message_size;
    wwi_http_parser_init(&peer->parser, WWI_HTTP_REQUEST, &limits);
    atomic_init(&peer->refs, 1);
    peer->incoming.calls = &wwi_http_incoming;
    peer->incoming.runtime = server->runtime;
    peer->incoming.version = server->options.version;
    wwi_conn_name(fd, peer->remote);
    peer->incoming.remote = wwi_string(peer->remote);
    peer->incoming.connection = wwi_conn_number();
    peer->server = server;
    peer->shard = shard;
    peer->source.fd = fd;
    peer->source.ready = ready;
    peer->on_loop.timer.expired = expired;
    wwi_post_init(&peer->post, posted);
    wwi_lock_init(&peer->synced.lock, WWI_RANK_CONNECTION);
    pthread_cond_init(&peer->synced.told, NULL);
    if (wwi_loop_current(shard->loop))
        run(peer);
    else
        wake(peer);
}
