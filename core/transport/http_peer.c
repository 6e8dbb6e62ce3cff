/* One connection of a server, on its loop; how a request is answered is in
 * http_answer.c.
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
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/transport/http.h"
#include "core/transport/http_head.h"
#include "core/transport/http_peer_parts.h"

enum {
    AT_ONCE = 65536,       /* of a body, taken on the word of its length */
    DRAIN_MS = 2000,
    DRAIN_OCTETS = 262144,
};

void wwi_http_peer_hold(struct wwi_http_peer *peer)
{
    atomic_fetch_add(&peer->refs, 1);
}

/* The socket has been closed on the loop before the last one lets go, so the
 * memory may go on any thread. */
void wwi_http_peer_let_go(struct wwi_http_peer *peer)
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
void wwi_http_peer_wake(struct wwi_http_peer *peer)
{
    if (wwi_loop_current(peer->shard->loop) && peer->on_loop.driven)
        return;
    wwi_http_peer_hold(peer);
    if (!wwi_loop_post(peer->shard->loop, &peer->post))
        wwi_http_peer_let_go(peer);
}

void wwi_http_peer_granted(struct wwi_http_slot *slot)
{
    wwi_http_peer_wake(WWI_CONTAINER(slot, struct wwi_http_peer, slot));
}

static enum wwi_peer_state state_of(struct wwi_http_peer *peer)
{
    enum wwi_peer_state state;

    wwi_lock_take(&peer->synced.lock);
    state = peer->synced.state;
    wwi_lock_give(&peer->synced.lock);
    return state;
}

static void set_state(
    struct wwi_http_peer *peer,
    enum wwi_peer_state state)
{
    wwi_lock_take(&peer->synced.lock);
    peer->synced.state = state;
    wwi_lock_give(&peer->synced.lock);
    WWI_GATE(HTTP_PEER_MOVES);
}

/* Time.  A timer call for each request would cost more than it is worth: the
 * timer comes at the latest after the shortest time that any deadline leaves,
 * and looks. */

static void set_timer(struct wwi_http_peer *peer)
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

void wwi_http_peer_expect_within(
    struct wwi_http_peer *peer,
    uint32_t milliseconds)
{
    atomic_store(&peer->deadline, wwi_clock_after(milliseconds));
}

static void expect_nothing(struct wwi_http_peer *peer)
{
    atomic_store(&peer->deadline, WWI_NEVER);
}

/* Answers a request that does not get up; the connection ends with it, for
 * where the next one would begin is not known. */
static bool refuse(struct wwi_http_peer *peer, unsigned status)
{
    struct wwi_outcome outcome = { 0 };
    bool sent = wwi_http_write_last_answer(&peer->head, status) == WWS_S_OK
        && wwi_http_peer_write(peer, &outcome) == WWS_S_OK;

    wwi_log_write(peer->server->runtime->log, WWS_LOG_LEVEL_DEBUG,
        WWS_PHASE_HEADERS, "refused a request with HTTP status %u%s%s",
        status, peer->parser.error.text != NULL ? ": " : "",
        peer->parser.error.text != NULL ? peer->parser.error.text : "");
    set_state(peer, sent ? WWI_PEER_ENDING : WWI_PEER_DOOMED);
    return false;
}

/* The end of the socket. */

static void close_socket(struct wwi_http_peer *peer, bool reset)
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
    wwi_http_peer_let_go(peer);
}

/* Closes the peer in that state; does nothing if it has left it. */
static void end(
    struct wwi_http_peer *peer,
    enum wwi_peer_state from,
    wws_status why,
    bool reset)
{
    bool telling;

    wwi_lock_take(&peer->synced.lock);
    if (peer->synced.state != from) {
        wwi_lock_give(&peer->synced.lock);
        return;
    }
    peer->synced.state = WWI_PEER_CLOSED;
    peer->synced.why = why;
    atomic_store(&peer->incoming.gone, from == WWI_PEER_UP);
    telling = from == WWI_PEER_UP
        && wwi_http_peer_begin_telling_locked(peer);
    wwi_lock_give(&peer->synced.lock);
    if (from != WWI_PEER_UP)
        wwi_http_slot_give(peer->server, &peer->slot);
    if (telling)
        wwi_http_peer_tell(peer);
    close_socket(peer, reset);
}

static void hang_up(struct wwi_http_peer *peer, enum wwi_peer_state from)
{
    end(peer, from, WWS_E_ENDPOINT_DISCONNECTED, false);
}

/* Reading. */

static bool has_begun(const struct wwi_http_peer *peer)
{
    return peer->parser.offset != 0;
}

/* The body comes; the client may be waiting to hear so. */
static bool begin_body(struct wwi_http_peer *peer)
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

static bool take_body(struct wwi_http_peer *peer, wws_bytes body)
{
    peer->on_loop.awaited = false;
    wwi_bytes_append(&peer->incoming.envelope, body.data, body.size);
    if (peer->incoming.envelope.failed)
        return refuse(peer, 503);
    return true;
}

static void invite_body(struct wwi_http_peer *peer)
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
        set_state(peer, WWI_PEER_DOOMED);
}

static bool understand(
    struct wwi_http_peer *peer,
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
static size_t feed(struct wwi_http_peer *peer, const uint8_t *data, size_t size)
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
        wwi_http_peer_expect_within(peer,
            peer->server->options.request_timeout_ms);
    return at;
}

static bool wait_for_slot(struct wwi_http_peer *peer)
{
    if (wwi_http_slot_take(peer->server, &peer->slot))
        return true;
    expect_nothing(peer);
    return false;
}

/* What run() calls returns whether to look at the state again. */

static bool watch(struct wwi_http_peer *peer)
{
    wwi_lock_take(&peer->synced.lock);
    peer->synced.watching = true;
    wwi_lock_give(&peer->synced.lock);
    wwi_loop_arm(peer->shard->loop, &peer->source, EPOLLIN | EPOLLRDHUP);
    return false;
}

static bool receive(struct wwi_http_peer *peer)
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
            wwi_http_peer_expect_within(peer,
            peer->server->options.idle_timeout_ms);
        return true;
    }
    if (size <= 0) {
        hang_up(peer, WWI_PEER_READING);
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

static bool feed_leftover(struct wwi_http_peer *peer)
{
    struct wwi_bytes *leftover = &peer->leftover;

    wwi_bytes_consume(leftover, feed(peer, leftover->data, leftover->size));
    if (leftover->size == 0)
        wwi_bytes_reset(leftover, WWI_PEER_KEEP);
    return true;
}

static void present(struct wwi_http_peer *peer)
{
    struct wwi_incoming *incoming = &peer->incoming;

    incoming->link = (struct wwi_link) { 0 };
    incoming->has_action = peer->action.given;
    incoming->action = (wws_string) { (const char *) peer->action.text.data,
        peer->action.text.size };
    incoming->fields = wwi_http_fields(&peer->parser);
    incoming->user = NULL;
}

static bool hand_up(struct wwi_http_peer *peer)
{
    struct wwi_server *server = peer->server;

    if (!wait_for_slot(peer))
        return false;
    present(peer);
    peer->on_loop.whole = false;
    expect_nothing(peer);
    wwi_http_peer_hold(peer);
    wwi_lock_take(&peer->synced.lock);
    peer->synced.state = WWI_PEER_UP;
    peer->synced.gone = NULL;
    peer->synced.stopped = false;
    wwi_lock_give(&peer->synced.lock);
    server->callbacks.arrived(&peer->incoming,
        server->callbacks.state);
    return true;
}

static bool read_on(struct wwi_http_peer *peer)
{
    if (wwi_http_peer_is_stopping(peer)) {
        hang_up(peer, WWI_PEER_READING);
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
static bool look_after(struct wwi_http_peer *peer)
{
    uint32_t events = peer->on_loop.events;
    bool finished, failed;
    char octet;
    ssize_t size;

    if (wwi_http_peer_is_stopped(peer)) {
        end(peer, WWI_PEER_UP, WWS_E_ENDPOINT_DISCONNECTED, true);
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
        hang_up(peer, WWI_PEER_UP);
    else if (finished)
        wwi_loop_arm(peer->shard->loop, &peer->source, 0);
    else if (size > 0)
        wwi_loop_arm(peer->shard->loop, &peer->source, EPOLLRDHUP);
    else
        return watch(peer);
    return false;
}

static bool send_on(struct wwi_http_peer *peer)
{
    struct wwi_outcome outcome = { 0 };
    size_t sent = peer->sent;
    wws_status status = wwi_http_peer_is_stopped(peer) ? WWS_E_OPERATION_ABORTED
        : wwi_http_peer_write(peer, &outcome);

    peer->on_loop.events = 0;
    if (status != WWS_S_ASYNC) {
        wwi_http_peer_conclude(peer, &outcome, status);
        return true;
    }
    if (peer->sent != sent)
        wwi_http_peer_expect_within(peer,
            peer->server->options.request_timeout_ms);
    wwi_loop_arm(peer->shard->loop, &peer->source, EPOLLOUT);
    return false;
}

static bool begin_draining(struct wwi_http_peer *peer)
{
    if (peer->synced.reset) {
        hang_up(peer, WWI_PEER_ENDING);
        return false;
    }
    wwi_http_slot_give(peer->server, &peer->slot);
    (void) shutdown(peer->source.fd, SHUT_WR);
    wwi_http_peer_expect_within(peer, DRAIN_MS);
    set_timer(peer);
    set_state(peer, WWI_PEER_DRAINING);
    return true;
}

/* Closing while there is something unread would reset the connection, and the
 * client might lose the answer. */
static bool drain(struct wwi_http_peer *peer)
{
    ssize_t size = recv(peer->source.fd, peer->shard->on_loop.input,
        WWI_HTTP_INPUT, MSG_DONTWAIT);

    peer->on_loop.events = 0;
    if (size > 0)
        peer->on_loop.drained += (size_t) size;
    if (size == 0 || peer->on_loop.drained > DRAIN_OCTETS
        || (size < 0 && errno != EAGAIN && errno != EINTR)) {
        hang_up(peer, WWI_PEER_DRAINING);
        return false;
    }
    wwi_loop_arm(peer->shard->loop, &peer->source, EPOLLIN);
    return false;
}

static bool adopt(struct wwi_http_peer *peer)
{
    struct wwi_http_shard *shard = peer->shard;

    wwi_list_append(&shard->on_loop.peers, &peer->on_loop.link);
    if (wwi_loop_add(shard->loop, &peer->source) != WWS_S_OK) {
        end(peer, WWI_PEER_NEW, WWS_E_OUTOFMEMORY, true);
        return false;
    }
    wwi_http_peer_expect_within(peer, peer->server->options.idle_timeout_ms);
    set_timer(peer);
    set_state(peer, WWI_PEER_READING);
    return true;
}

static bool step(struct wwi_http_peer *peer)
{
    switch (state_of(peer)) {
    case WWI_PEER_NEW: return adopt(peer);
    case WWI_PEER_READING: return read_on(peer);
    case WWI_PEER_UP: return look_after(peer);
    case WWI_PEER_SENDING: return send_on(peer);
    case WWI_PEER_ENDING: return begin_draining(peer);
    case WWI_PEER_DRAINING: return drain(peer);
    case WWI_PEER_DOOMED:
        end(peer, WWI_PEER_DOOMED, WWS_E_ENDPOINT_DISCONNECTED, true);
        return false;
    case WWI_PEER_WRITING:
    case WWI_PEER_CLOSED:
        break;
    }
    return false;
}

static void run(struct wwi_http_peer *peer)
{
    wwi_http_peer_hold(peer);
    peer->on_loop.driven = true;
    while (step(peer))
        continue;
    peer->on_loop.driven = false;
    wwi_http_peer_let_go(peer);
}

static void ready(struct wwi_source *source, uint32_t events)
{
    struct wwi_http_peer *peer = WWI_CONTAINER(source, struct wwi_http_peer,
        source);

    wwi_lock_take(&peer->synced.lock);
    peer->synced.watching = false;
    wwi_lock_give(&peer->synced.lock);
    peer->on_loop.events = events;
    run(peer);
}

static void posted(struct wwi_work *work)
{
    struct wwi_http_peer *peer = WWI_CONTAINER(work, struct wwi_http_peer,
        post.work);

    run(peer);
    wwi_http_peer_let_go(peer);
}

/* The deadline is over, if it has not been moved. */
static void expired(struct wwi_timer *timer)
{
    struct wwi_http_peer *peer = WWI_CONTAINER(timer, struct wwi_http_peer,
        on_loop.timer);
    struct wwi_outcome outcome = { 0 };
    enum wwi_peer_state state = state_of(peer);

    set_timer(peer);
    if (wwi_clock_now() < atomic_load(&peer->deadline))
        return;
    if (state == WWI_PEER_READING && has_begun(peer)) {
        (void) refuse(peer, 408);
        run(peer);
    } else if (state == WWI_PEER_READING || state == WWI_PEER_DRAINING)
        hang_up(peer, state);
    else if (state == WWI_PEER_SENDING)
        wwi_http_peer_conclude(peer, &outcome, WWS_E_OPERATION_TIMED_OUT);
}

void wwi_http_peer_stop(struct wwi_link *link, bool reset)
{
    struct wwi_http_peer *peer = WWI_CONTAINER(link, struct wwi_http_peer,
        on_loop.link);
    struct wwi_outcome outcome = { 0 };
    enum wwi_peer_state state;

    wwi_lock_take(&peer->synced.lock);
    state = peer->synced.state;
    peer->synced.reset = reset;
    wwi_lock_give(&peer->synced.lock);
    if (state == WWI_PEER_READING
        || (reset && (state == WWI_PEER_ENDING || state == WWI_PEER_DRAINING)))
        hang_up(peer, state);
    else if (!reset)
        return;
    else if (state == WWI_PEER_SENDING)
        wwi_http_peer_conclude(peer, &outcome, WWS_E_OPERATION_ABORTED);
    else if (state != WWI_PEER_WRITING)
        end(peer, state, WWS_E_OPERATION_ABORTED, true);
}

void wwi_http_peer_open(struct wwi_http_shard *shard, int fd)
{
    struct wwi_server *server = shard->server;
    struct wwi_http_limits limits = WWI_HTTP_LIMITS_INIT;
    struct wwi_http_peer *peer = wwi_alloc_zero(sizeof *peer);

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
        wwi_http_peer_wake(peer);
}
