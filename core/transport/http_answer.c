/* What becomes of a request that is up: whoever holds it answers or drops it,
 * on any thread, and hears when the client goes away.  The rules stand in
 * http_peer.c. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/base/gate.h"
#include "core/transport/http.h"
#include "core/transport/http_head.h"
#include "core/transport/http_peer_parts.h"

static struct wwi_http_peer *peer_of(struct wwi_incoming *incoming)
{
    return WWI_CONTAINER(incoming, struct wwi_http_peer, incoming);
}

void wwi_http_incoming_append_url(
    const struct wwi_incoming *incoming,
    struct wwi_bytes *url)
{
    const struct wwi_http_peer *peer = WWI_CONTAINER(incoming,
        struct wwi_http_peer, incoming);

    wwi_http_request_append_url(&peer->parser, url);
}

/* Writing. */

bool wwi_http_peer_is_stopped(struct wwi_http_peer *peer)
{
    bool stopped;

    wwi_lock_take(&peer->synced.lock);
    stopped = peer->synced.stopped;
    wwi_lock_give(&peer->synced.lock);
    return stopped;
}

/* As much as the system takes: done, WWS_S_ASYNC, or failed.  A client that
 * reads as fast as this writes does not keep it from a stop. */
wws_status wwi_http_peer_write(
    struct wwi_http_peer *peer,
    struct wwi_outcome *outcome)
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
            if (peer->sent < all && wwi_http_peer_is_stopped(peer))
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
    const struct wwi_http_peer *peer,
    struct wwi_http_writer *writer)
{
    if (!peer->parser.keep_alive)
        wwi_http_writer_field(writer, WWS_STR("Connection"), WWS_STR("close"));
    else if (peer->parser.minor == 0)
        wwi_http_writer_field(writer, WWS_STR("Connection"),
            WWS_STR("keep-alive"));
}

/* The answer; no outgoing is none with an envelope. */
static wws_status compose(
    struct wwi_http_peer *peer,
    struct wwi_outgoing *outgoing)
{
    struct wwi_http_writer writer;
    unsigned status = 202;

    if (outgoing != NULL) {
        peer->body = outgoing->envelope;
        outgoing->envelope = (struct wwi_bytes) { 0 };
        status = outgoing->fault ? 500 : 200;
    }
    if (wwi_http_peer_is_stopping(peer))
        peer->parser.keep_alive = false;
    wwi_http_begin_answer(&writer, &peer->head, status);
    write_connection(peer, &writer);
    if (outgoing != NULL)
        wwi_http_write_content(&writer, outgoing);
    wwi_http_writer_length(&writer, peer->body.size);
    return wwi_http_writer_end(&writer);
}

/* The answer comes too late for the connection. */
static void forgo(struct wwi_http_peer *peer)
{
    bool gone = peer->synced.why == WWS_E_ENDPOINT_DISCONNECTED
        && !wwi_http_peer_is_stopped(peer);
    struct wwi_outcome outcome = {
        .status = gone ? WWS_E_ENDPOINT_DISCONNECTED : WWS_E_OPERATION_ABORTED,
        .phase = WWS_PHASE_SEND,
        .text = gone ? "the client had gone"
            : "the connection has been aborted",
    };

    peer->replied(peer->replied_state, &outcome);
    wwi_http_slot_give(peer->server, &peer->slot);
    wwi_http_peer_let_go(peer);
}

/* Runs gone, and then ends the answer that may have come meanwhile. */
void wwi_http_peer_tell(struct wwi_http_peer *peer)
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

bool wwi_http_peer_begin_telling_locked(struct wwi_http_peer *peer)
{
    if (peer->synced.gone == NULL || peer->synced.gone_told
        || peer->synced.state != WWI_PEER_CLOSED
        || peer->synced.why != WWS_E_ENDPOINT_DISCONNECTED)
        return false;
    peer->synced.gone_told = true;
    peer->synced.telling = true;
    peer->synced.teller = pthread_self();
    peer->teller_calls = peer->synced.gone;
    return true;
}

/* Answering. */

/* Buffers as they were before the request; what the answer came in serves the
 * next request, for the memory of this one has been moved up. */
static void make_ready(struct wwi_http_peer *peer)
{
    struct wwi_bytes *envelope = &peer->incoming.envelope;

    if (envelope->capacity == 0) {
        *envelope = peer->body;
        peer->body = (struct wwi_bytes) { 0 };
    }
    wwi_bytes_reset(envelope, WWI_PEER_KEEP);
    wwi_bytes_fini(&peer->body);
    wwi_bytes_reset(&peer->head, WWI_PEER_KEEP);
    wwi_http_parser_reset(&peer->parser, WWI_PEER_KEEP);
    peer->sent = 0;
}

/* Leaves WRITING or SENDING. */
static void settle(struct wwi_http_peer *peer, enum wwi_peer_state next)
{
    bool quiet;

    wwi_lock_take(&peer->synced.lock);
    if (next == WWI_PEER_READING && wwi_http_peer_is_stopping(peer))
        next = WWI_PEER_ENDING;
    /* Whoever stopped the answer has been told that it did not go out. */
    if (peer->synced.stopped)
        next = WWI_PEER_DOOMED;
    peer->synced.state = next;
    quiet = next == WWI_PEER_READING && peer->synced.watching
        && peer->leftover.size == 0;
    wwi_lock_give(&peer->synced.lock);
    if (!quiet)
        wwi_http_peer_wake(peer);
}

/* The answer has gone out, or has failed. */
void wwi_http_peer_conclude(
    struct wwi_http_peer *peer,
    struct wwi_outcome *outcome,
    wws_status status)
{
    enum wwi_peer_state next = status != WWS_S_OK ? WWI_PEER_DOOMED
        : peer->parser.keep_alive ? WWI_PEER_READING : WWI_PEER_ENDING;
    bool begun = peer->sent != 0;

    outcome->status = status;
    outcome->phase = WWS_PHASE_SEND;
    outcome->progress = status == WWS_S_OK ? WWS_PROGRESS_SENT
        : begun ? WWS_PROGRESS_PARTLY_SENT : WWS_PROGRESS_NOT_SENT;
    make_ready(peer);
    wwi_http_peer_expect_within(peer, peer->server->options.idle_timeout_ms);
    peer->replied(peer->replied_state, outcome);
    wwi_http_slot_give(peer->server, &peer->slot);
    settle(peer, next);
    wwi_http_peer_let_go(peer);
}

/* True if the loop will send the rest; not after a reset or a stop. */
static bool leave_to_loop(struct wwi_http_peer *peer)
{
    bool left;

    wwi_http_peer_expect_within(peer,
            peer->server->options.request_timeout_ms);
    wwi_http_peer_hold(peer);
    wwi_lock_take(&peer->synced.lock);
    left = !peer->synced.reset && !peer->synced.stopped;
    if (left)
        peer->synced.state = WWI_PEER_SENDING;
    wwi_lock_give(&peer->synced.lock);
    if (left)
        wwi_http_peer_wake(peer);
    wwi_http_peer_let_go(peer);
    return left;
}

static void answer(struct wwi_http_peer *peer, struct wwi_outgoing *outgoing)
{
    struct wwi_outcome outcome = { 0 };
    wws_status status = compose(peer, outgoing);

    if (status != WWS_S_OK)
        outcome.text = "the head of the answer cannot be written";
    else
        status = wwi_http_peer_write(peer, &outcome);
    if (status == WWS_S_ASYNC) {
        if (leave_to_loop(peer))
            return;
        status = WWS_E_OPERATION_ABORTED;
    }
    wwi_http_peer_conclude(peer, &outcome, status);
}

void wwi_http_incoming_reply(
    struct wwi_incoming *incoming,
    struct wwi_outgoing *outgoing,
    wwi_replied_fn replied,
    void *state)
{
    struct wwi_http_peer *peer = peer_of(incoming);
    struct wwi_outcome outcome = { 0 };
    bool up, stopped, telling;

    peer->replied = replied;
    peer->replied_state = state;
    wwi_lock_take(&peer->synced.lock);
    up = peer->synced.state == WWI_PEER_UP;
    stopped = peer->synced.stopped;
    telling = peer->synced.telling;
    if (up)
        peer->synced.state = WWI_PEER_WRITING;
    else if (telling)
        peer->synced.deferred = true;
    wwi_lock_give(&peer->synced.lock);
    if ((!up || stopped) && outgoing != NULL)
        wwi_bytes_fini(&outgoing->envelope);
    if (up && stopped)
        wwi_http_peer_conclude(peer, &outcome, WWS_E_OPERATION_ABORTED);
    else if (up)
        answer(peer, outgoing);
    else if (!telling)
        forgo(peer);
}

void wwi_http_incoming_stop(struct wwi_incoming *incoming)
{
    struct wwi_http_peer *peer = peer_of(incoming);
    bool waits;

    wwi_lock_take(&peer->synced.lock);
    peer->synced.stopped = true;
    waits = peer->synced.state == WWI_PEER_SENDING
        || peer->synced.state == WWI_PEER_UP;
    wwi_lock_give(&peer->synced.lock);
    if (waits)
        wwi_http_peer_wake(peer);
}

void wwi_http_incoming_drop(struct wwi_incoming *incoming)
{
    struct wwi_http_peer *peer = peer_of(incoming);
    bool up;

    wwi_lock_take(&peer->synced.lock);
    /* Nothing is heard of a request after it has been dropped. */
    while (peer->synced.telling
        && !pthread_equal(peer->synced.teller, pthread_self()))
        pthread_cond_wait(&peer->synced.told, &peer->synced.lock.mutex);
    up = peer->synced.state == WWI_PEER_UP;
    if (up)
        peer->synced.state = WWI_PEER_DOOMED;
    wwi_lock_give(&peer->synced.lock);
    wwi_http_slot_give(peer->server, &peer->slot);
    if (up)
        wwi_http_peer_wake(peer);
    wwi_http_peer_let_go(peer);
}

void wwi_http_incoming_watch(
    struct wwi_incoming *incoming,
    void (*gone)(struct wwi_incoming *incoming))
{
    struct wwi_http_peer *peer = peer_of(incoming);
    bool telling;

    wwi_http_peer_hold(peer);
    wwi_lock_take(&peer->synced.lock);
    peer->synced.gone = gone;
    telling = wwi_http_peer_begin_telling_locked(peer);
    wwi_lock_give(&peer->synced.lock);
    if (telling)
        wwi_http_peer_tell(peer);
    wwi_http_peer_let_go(peer);
}
