/* Sessions over TCP, with .NET message framing: what happens on a connection.
 *
 * Rules.
 * - All that moves a session is looked at in one function, run(), on the loop:
 *   what its holder wishes, then what comes, then what has ended.  What may be
 *   wished from any thread is under the lock of the connection.
 * - A piece that nobody has asked for is kept, one, and nothing is read behind
 *   it.  If the peer goes then, what lies unread tells whether it has ended in
 *   order.
 * - Nothing is allocated to end anything: the End record, the acknowledgement
 *   and a fault go out of memory that was reserved. */
#include "core/transport/tcp.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/text.h"

enum {
    INPUT = 65536,
    PIECE = 65536,         /* of a message that is streamed */
    LOOK_AHEAD = 65536,    /* unread octets that an end is sought in */
    KEEP = 4096,           /* octets of a buffer kept between sessions */
    FAULT = 128,           /* the longest fault record fits */
    DRAIN_OCTETS = 65536,
    DRAIN_MS = 2000,
    PART_MS = 2000,        /* for the last record of a session given back */
};

static struct wwi_tcp_wire *wire_of(struct wwi_conn *conn)
{
    return WWI_CONTAINER(conn, struct wwi_tcp_wire, conn);
}

static void lock(struct wwi_tcp_wire *wire)
{
    wwi_lock_take(&wire->conn.synced.lock);
}

static void unlock(struct wwi_tcp_wire *wire)
{
    wwi_lock_give(&wire->conn.synced.lock);
}

/* Whether the holder still wants to know. */
static bool is_heard(struct wwi_tcp_wire *wire)
{
    const struct wwi_tcp_session *session = wire->on_loop.session;
    bool heard;

    lock(wire);
    heard = !session->synced.freed && !session->synced.aborted;
    unlock(wire);
    return heard;
}

/* How sessions end. */

static void set_over(struct wwi_tcp_wire *wire, const struct wwi_outcome *why)
{
    wire->on_loop.over = true;
    wire->on_loop.outcome = *why;
    if (wire->on_loop.session == NULL)
        return;
    lock(wire);
    wire->on_loop.session->synced.over = true;
    unlock(wire);
}

/* The session has failed, and is ended by a reset. */
static void fail_with(
    struct wwi_tcp_wire *wire,
    const struct wwi_outcome *outcome)
{
    if (wire->on_loop.over)
        return;
    set_over(wire, outcome);
    wwi_conn_close(&wire->conn, true, outcome);
}

static wws_phase phase_of(const struct wwi_tcp_wire *wire)
{
    return wire->on_loop.talking ? WWS_PHASE_BODY : WWS_PHASE_HANDSHAKE;
}

static void fail(
    struct wwi_tcp_wire *wire,
    wws_status status,
    const char *text)
{
    struct wwi_outcome outcome = {
        .status = status,
        .phase = phase_of(wire),
        .original_code = wire->conn.on_loop.trouble.original_code,
        .text = text,
    };

    fail_with(wire, &outcome);
}

static void fail_by_trouble(struct wwi_tcp_wire *wire)
{
    struct wwi_outcome outcome = wire->conn.on_loop.trouble;

    if (wire->on_loop.greeted)
        outcome.phase = phase_of(wire);
    fail_with(wire, &outcome);
}

/* Nothing is to be told any more: the socket goes in order. */
static void hang_up(struct wwi_tcp_wire *wire, bool reset)
{
    static const struct wwi_outcome none = {
        .status = WWS_E_ENDPOINT_DISCONNECTED,
        .phase = WWS_PHASE_CLOSE,
        .text = "the connection was closed",
    };

    if (wire->on_loop.session == NULL)
        wire->on_loop.over = true;
    wwi_conn_close(&wire->conn, reset, &none);
}

/* False if something stands before it that may be half said. */
static bool say_fault(struct wwi_tcp_wire *wire, enum wwi_framing_fault fault)
{
    struct wwi_conn *conn = &wire->conn;
    bool said;

    lock(wire);
    said = wwi_list_empty(&conn->synced.queue) && !conn->synced.writing
        && !conn->synced.halted;
    if (said) {
        wwi_bytes_reset(&wire->words.head, SIZE_MAX);
        wwi_framing_write_fault(&wire->words.head, fault);
        wwi_conn_queue_locked(conn, &wire->words);
    }
    unlock(wire);
    return said;
}

/* The peer hears why, if there is a fault for it, before its connection
 * ends. */
static void refuse(
    struct wwi_tcp_wire *wire,
    wws_status status,
    enum wwi_framing_fault fault,
    const char *text)
{
    struct wwi_outcome outcome = {
        .status = status, .phase = phase_of(wire), .text = text };

    wwi_log_write(wire->conn.runtime->log, WWS_LOG_LEVEL_DEBUG,
        outcome.phase, "refused what a peer sent: %s", text);
    if (fault == WWI_FRAMING_FAULT_NONE) {
        fail_with(wire, &outcome);
        return;
    }
    set_over(wire, &outcome);
    if (say_fault(wire, fault)) {
        wwi_conn_write(&wire->conn);
        wwi_conn_drain(&wire->conn, DRAIN_OCTETS, DRAIN_MS);
    } else
        wwi_conn_close(&wire->conn, true, &outcome);
}

/* Pieces. */

static bool is_streamed(const struct wwi_tcp_wire *wire)
{
    return wire->mode != WWI_FRAMING_DUPLEX;
}

static bool is_asked(struct wwi_tcp_wire *wire)
{
    const struct wwi_tcp_session *session = wire->on_loop.session;
    bool asked;

    lock(wire);
    asked = session->synced.asked != 0 && !session->synced.freed
        && !session->synced.aborted;
    unlock(wire);
    return asked;
}

static void hand_over(struct wwi_tcp_wire *wire)
{
    struct wwi_tcp_session *session = wire->on_loop.session;
    struct wwi_piece piece;

    if (!wire->on_loop.has_piece || !is_asked(wire))
        return;
    lock(wire);
    session->synced.asked--;
    unlock(wire);
    piece = wire->on_loop.piece;
    wire->on_loop.piece = (struct wwi_piece) { 0 };
    wire->on_loop.has_piece = false;
    session->base.events->arrived(&session->base, &piece);
    wwi_bytes_fini(&piece.octets);
}

/* What has come is a piece. */
static void complete(struct wwi_tcp_wire *wire, bool more)
{
    wire->on_loop.piece = (struct wwi_piece) {
        .octets = wire->on_loop.coming,
        .more = more,
        .version = wire->version,
    };
    wire->on_loop.coming = (struct wwi_bytes) { 0 };
    wire->on_loop.has_piece = true;
    hand_over(wire);
}

static void take_octets(struct wwi_tcp_wire *wire, wws_bytes octets)
{
    struct wwi_bytes *coming = &wire->on_loop.coming;

    wwi_bytes_append(coming, octets.data, octets.size);
    if (coming->failed)
        fail(wire, WWS_E_OUTOFMEMORY, "out of memory for a message");
    else if (is_streamed(wire) && coming->size == PIECE)
        complete(wire, true);
}

static void begin_envelope(struct wwi_tcp_wire *wire)
{
    uint64_t size = wire->on_loop.framing.size;

    /* Of a large one the rest is made room for as it comes. */
    (void) wwi_bytes_reserve(&wire->on_loop.coming,
        size < PIECE ? (size_t) size : PIECE);
    if (wire->on_loop.coming.failed)
        fail(wire, WWS_E_OUTOFMEMORY, "out of memory for a message");
}

/* Shaking hands. */

static void set_remote(struct wwi_tcp_wire *wire)
{
    wire->on_loop.session->base.remote = wwi_string(wire->conn.remote);
}

/* The holder takes the session or not.  What he sends meanwhile goes behind the
 * acknowledgement, and takes it along. */
static void introduce(struct wwi_tcp_wire *wire)
{
    struct wwi_tcp_session *session = wire->on_loop.session;
    struct wwi_server *server = wire->server;

    lock(wire);
    session->synced.open = true;
    wwi_bytes_reset(&wire->words.head, SIZE_MAX);
    wwi_framing_write_record(&wire->words.head, WWI_FRAMING_PREAMBLE_ACK);
    wwi_conn_queue_locked(&wire->conn, &wire->words);
    unlock(wire);
    set_remote(wire);
    wire->on_loop.talking = true;
    server->callbacks.connected(&session->base, server->callbacks.state);
    if (session->base.events == NULL) {
        wire->on_loop.session = NULL;
        wwi_tcp_session_destroy(session);
        hang_up(wire, true);
        return;
    }
    wwi_framing_begin_messages(&wire->on_loop.framing);
    wwi_conn_write(&wire->conn);
}

static void take_preamble(struct wwi_tcp_wire *wire)
{
    struct wwi_framing *framing = &wire->on_loop.framing;
    enum wwi_framing_fault fault = wwi_tcp_judge(wire, framing);

    if (fault != WWI_FRAMING_FAULT_NONE) {
        refuse(wire, WWS_E_ENDPOINT_FAILURE, fault,
            "the preamble does not fit the listener");
        return;
    }
    wire->on_loop.session = wwi_tcp_session_new(wire, framing->via);
    if (wire->on_loop.session == NULL) {
        refuse(wire, WWS_E_OUTOFMEMORY, WWI_FRAMING_SERVER_TOO_BUSY,
            "out of memory for a session");
        return;
    }
    wwi_conn_expect(&wire->conn, WWI_NEVER);
    introduce(wire);
}

static void take_ack(struct wwi_tcp_wire *wire)
{
    struct wwi_tcp_session *session = wire->on_loop.session;

    lock(wire);
    session->synced.open = true;
    unlock(wire);
    wire->on_loop.talking = true;
    if (is_heard(wire))
        session->base.events->opened(&session->base);
}

static void report_phase(struct wwi_conn *conn, wws_phase phase)
{
    struct wwi_tcp_wire *wire = wire_of(conn);
    struct wwi_session *session = &wire->on_loop.session->base;

    if (is_heard(wire))
        session->events->phase(session, phase);
}

/* The client says what it wants, all at once. */
static void greet(struct wwi_tcp_wire *wire)
{
    wire->on_loop.greeted = true;
    set_remote(wire);
    report_phase(&wire->conn, WWS_PHASE_HANDSHAKE);
    lock(wire);
    wwi_conn_queue_locked(&wire->conn, &wire->words);
    unlock(wire);
    wwi_conn_write(&wire->conn);
}

/* Decoding. */

static void end_peer(struct wwi_tcp_wire *wire)
{
    static const struct wwi_outcome outcome = {
        .status = WWS_S_END, .progress = WWS_PROGRESS_SENT };
    struct wwi_tcp_session *session = wire->on_loop.session;

    wire->on_loop.peer_ended = true;
    if (is_heard(wire))
        session->base.events->ended(&session->base, &outcome);
}

static void take_fault(struct wwi_tcp_wire *wire)
{
    const struct wwi_framing *framing = &wire->on_loop.framing;
    struct wwi_session *session = &wire->on_loop.session->base;
    wws_string uri = framing->text;

    if (uri.size >= sizeof session->text)
        uri.size = wwi_utf8_whole(uri.data, sizeof session->text - 1);
    (void) snprintf(session->text, sizeof session->text, "%.*s",
        (int) uri.size, uri.data);
    fail(wire, framing->status, "the server has sent a fault");
}

static void understand(
    struct wwi_tcp_wire *wire,
    enum wwi_framing_event event,
    wws_bytes octets)
{
    const struct wwi_framing *framing = &wire->on_loop.framing;

    switch (event) {
    case WWI_FRAMING_PREAMBLE:
        take_preamble(wire);
        break;
    case WWI_FRAMING_UPGRADE:
        refuse(wire, WWS_E_ENDPOINT_FAILURE, WWI_FRAMING_UPGRADE_INVALID,
            "no upgrade is offered");
        break;
    case WWI_FRAMING_ACK:
        take_ack(wire);
        break;
    case WWI_FRAMING_ENVELOPE:
        begin_envelope(wire);
        break;
    case WWI_FRAMING_OCTETS:
        take_octets(wire, octets);
        break;
    case WWI_FRAMING_ENVELOPE_DONE:
        complete(wire, false);
        break;
    case WWI_FRAMING_ENDED:
        end_peer(wire);
        break;
    case WWI_FRAMING_FAULTED:
        take_fault(wire);
        break;
    case WWI_FRAMING_FAILED:
        refuse(wire, framing->status, framing->fault, framing->problem);
        break;
    case WWI_FRAMING_MORE:
        break;
    }
}

static bool wants_octets(const struct wwi_tcp_wire *wire)
{
    return !wire->on_loop.over && !wire->on_loop.peer_ended
        && !wire->on_loop.has_piece;
}

/* Of a stream no more than makes a piece. */
static size_t at_once(const struct wwi_tcp_wire *wire, size_t size)
{
    size_t most = PIECE - wire->on_loop.coming.size;

    return is_streamed(wire) && size > most ? most : size;
}

/* Up to a piece that nobody wants yet; returns how much that was. */
static size_t decode(
    struct wwi_tcp_wire *wire,
    const uint8_t *data,
    size_t size)
{
    enum wwi_framing_event event = WWI_FRAMING_OCTETS;
    wws_bytes octets;
    size_t at = 0, used;

    wire->on_loop.undecided = true;
    while (wants_octets(wire)
        && (event != WWI_FRAMING_MORE || at != size)) {
        event = wwi_framing_execute(&wire->on_loop.framing, data + at,
            at_once(wire, size - at), &used, &octets);
        at += used;
        understand(wire, event, octets);
    }
    wire->on_loop.undecided = event != WWI_FRAMING_MORE;
    return at;
}

/* A part of a stream does not wait for more to come. */
static void hand_over_part(struct wwi_tcp_wire *wire)
{
    if (is_streamed(wire) && wants_octets(wire)
        && wire->on_loop.coming.size != 0 && is_asked(wire))
        complete(wire, true);
}

static size_t left_of_input(const struct wwi_tcp_wire *wire)
{
    return wire->on_loop.input.size - wire->on_loop.at;
}

static void decode_input(struct wwi_tcp_wire *wire)
{
    struct wwi_bytes *input = &wire->on_loop.input;

    if (!wants_octets(wire)
        || (left_of_input(wire) == 0 && !wire->on_loop.undecided))
        return;
    wire->on_loop.at += decode(wire, input->data + wire->on_loop.at,
        left_of_input(wire));
    if (left_of_input(wire) != 0)
        return;
    wwi_bytes_reset(input, KEEP);
    wire->on_loop.at = 0;
}

static void keep_input(
    struct wwi_tcp_wire *wire,
    const uint8_t *data,
    size_t size)
{
    wwi_bytes_append(&wire->on_loop.input, data, size);
    if (wire->on_loop.input.failed)
        fail(wire, WWS_E_OUTOFMEMORY, "out of memory for what was read");
}

/* Of a connection that says nothing any more. */
static void see_end(struct wwi_tcp_wire *wire)
{
    if (wire->on_loop.session == NULL)
        hang_up(wire, false);
    else if (!wire->on_loop.talking)
        fail(wire, WWS_E_ENDPOINT_DISCONNECTED,
            "the server ended the connection instead of acknowledging");
    else if (wwi_framing_between_records(&wire->on_loop.framing))
        fail(wire, WWS_E_ENDPOINT_DISCONNECTED,
            "the peer has gone without ending the session");
    else
        fail(wire, WWS_E_ENDPOINT_DISCONNECTED,
            "the peer has gone in the midst of a record");
}

/* Between two sessions; a connection that is new owes a preamble. */
static bool is_idle(const struct wwi_tcp_wire *wire)
{
    return wire->on_loop.reused && !wire->on_loop.begun;
}

static void begin_preamble(struct wwi_tcp_wire *wire)
{
    if (is_idle(wire))
        wwi_conn_expect(&wire->conn, wwi_clock_after(
            wire->server->options.handshake_timeout_ms));
    wire->on_loop.begun = true;
}

static void read_some(struct wwi_tcp_wire *wire)
{
    struct wwi_conn *conn = &wire->conn;
    uint8_t octets[INPUT];
    size_t got, used;

    if (!wants_octets(wire)
        || (!conn->on_loop.readable && !conn->on_loop.broken))
        return;
    switch (wwi_conn_read(conn, octets, sizeof octets, &got)) {
    case WWS_S_OK:
        begin_preamble(wire);
        used = decode(wire, octets, got);
        if (used != got && !wire->on_loop.over)
            keep_input(wire, octets + used, got - used);
        break;
    case WWS_S_ASYNC:
        if (conn->on_loop.broken)
            fail_by_trouble(wire);
        break;
    default:
        see_end(wire);
    }
}

/* The peer's leaving. */

/* Behind a piece that nobody has asked for: does what lies unread end the
 * session in order? */
static void look_for_end(struct wwi_tcp_wire *wire)
{
    size_t unread = wwi_conn_unread(&wire->conn), got = 0;
    struct wwi_bytes *input = &wire->on_loop.input;
    void *behind;

    /* What is more may well end in order, and is looked at again when it has
     * become less. */
    if (wire->on_loop.will_end || unread > LOOK_AHEAD)
        return;
    behind = wwi_bytes_reserve(input, unread);
    if (behind == NULL) {
        fail(wire, WWS_E_OUTOFMEMORY, "out of memory for what is unread");
        return;
    }
    (void) wwi_conn_peek(&wire->conn, behind, unread, &got);
    wire->on_loop.will_end = wwi_framing_will_end(&wire->on_loop.framing,
        input->data + wire->on_loop.at, left_of_input(wire) + got);
    if (!wire->on_loop.will_end)
        fail(wire, WWS_E_ENDPOINT_DISCONNECTED, "the peer has gone");
}

static bool is_shut(struct wwi_tcp_wire *wire)
{
    bool shut;

    lock(wire);
    shut = wire->on_loop.session->synced.shut;
    unlock(wire);
    return shut;
}

static void look_behind_end(struct wwi_tcp_wire *wire)
{
    bool quiet = wwi_conn_quiet(&wire->conn);

    if (is_shut(wire) && quiet)
        hang_up(wire, false);
    /* The one request has its End record from the beginning, so that only the
     * end of the stream tells that nobody waits for the reply. */
    else if (is_streamed(wire) && wire->server != NULL
        && !wire->server->options.tolerate_half_close)
        fail(wire, WWS_E_ENDPOINT_DISCONNECTED, "the peer has gone");
}

static void look_for_peer(struct wwi_tcp_wire *wire)
{
    const struct wwi_conn *conn = &wire->conn;

    if (wire->on_loop.over || !conn->on_loop.hung_up)
        return;
    if (wire->on_loop.peer_ended)
        look_behind_end(wire);
    else if (wire->on_loop.has_piece && !conn->on_loop.broken)
        look_for_end(wire);
}

/* Trouble counts when what came before it has been read. */
static void look_for_trouble(struct wwi_tcp_wire *wire)
{
    if (wire->on_loop.over || !wire->conn.on_loop.broken
        || wire->conn.on_loop.closing
        || wire->conn.on_loop.stage == WWI_CONN_CLOSED)
        return;
    if (wire->conn.on_loop.stage != WWI_CONN_OPEN || !wants_octets(wire))
        fail_by_trouble(wire);
    else
        wwi_conn_wake(&wire->conn);
}

static void talk(struct wwi_tcp_wire *wire)
{
    if (wire->server == NULL && !wire->on_loop.greeted
        && wire->conn.on_loop.stage == WWI_CONN_OPEN)
        greet(wire);
    hand_over(wire);
    decode_input(wire);
    if (wire->conn.on_loop.stage == WWI_CONN_OPEN)
        read_some(wire);
    hand_over_part(wire);
    look_for_peer(wire);
    look_for_trouble(wire);
}

/* Obeying. */

/* The session is given back; true when it is through with the connection. */
static bool part(struct wwi_tcp_wire *wire)
{
    if (!wire->on_loop.peer_ended || !is_shut(wire)) {
        fail(wire, WWS_E_OPERATION_ABORTED, "the session was given back");
        return false;
    }
    if (wwi_conn_quiet(&wire->conn))
        return true;
    if (!wire->on_loop.parting)
        wwi_conn_expect(&wire->conn, wwi_clock_after(PART_MS));
    wire->on_loop.parting = true;
    if (wwi_conn_late(&wire->conn))
        fail(wire, WWS_E_OPERATION_TIMED_OUT, "the last record did not go");
    return false;
}

static void obey_holder(struct wwi_tcp_wire *wire)
{
    struct wwi_tcp_session *session = wire->on_loop.session;
    bool opening, aborted, freed;

    lock(wire);
    opening = session->synced.opening;
    aborted = session->synced.aborted;
    freed = session->synced.freed;
    session->synced.opening = false;
    unlock(wire);
    if (aborted || (wire->server != NULL
        && atomic_load(&wire->server->reset)))
        fail(wire, WWS_E_OPERATION_ABORTED, "the session was aborted");
    else if (freed && part(wire) && wire->server == NULL)
        hang_up(wire, false);
    else if (opening && !freed)
        wwi_conn_open(&wire->conn, (const char *) session->host.data,
            session->port);
}

/* A server's connection without a session. */
static void obey_time(struct wwi_tcp_wire *wire)
{
    if (atomic_load(&wire->server->stopping))
        hang_up(wire, false);
    else if (wwi_conn_late(&wire->conn))
        hang_up(wire, !is_idle(wire));
    else if (wire->conn.on_loop.deadline == WWI_NEVER)
        wwi_conn_expect(&wire->conn, wwi_clock_after(is_idle(wire)
            ? wire->server->options.idle_timeout_ms
            : wire->server->options.handshake_timeout_ms));
}

/* Concluding. */

/* The connection waits for another session. */
static void start_over(struct wwi_tcp_wire *wire)
{
    wwi_framing_reset(&wire->on_loop.framing);
    wwi_bytes_reset(&wire->on_loop.coming, KEEP);
    wire->on_loop.reused = true;
    wire->on_loop.begun = left_of_input(wire) != 0;
    wire->on_loop.talking = false;
    wire->on_loop.peer_ended = false;
    wire->on_loop.will_end = false;
    wire->on_loop.parting = false;
    wire->on_loop.undecided = false;
    wwi_conn_expect(&wire->conn, WWI_NEVER);
    wwi_conn_wake(&wire->conn);
}

static void tell_end(struct wwi_tcp_wire *wire)
{
    struct wwi_tcp_session *session = wire->on_loop.session;

    wire->on_loop.told = true;
    session->base.events->ended(&session->base, &wire->on_loop.outcome);
}

static void release(struct wwi_tcp_wire *wire)
{
    struct wwi_tcp_session *session = wire->on_loop.session;

    wire->on_loop.session = NULL;
    if (wire->on_loop.has_piece)
        wwi_bytes_fini(&wire->on_loop.piece.octets);
    wire->on_loop.has_piece = false;
    /* Who could not hold it has not said what he wants to hear. */
    if (session->base.events != NULL)
        session->base.events->released(&session->base);
    wwi_tcp_session_destroy(session);
    if (!wire->on_loop.over && wire->conn.on_loop.stage == WWI_CONN_OPEN
        && !wire->conn.on_loop.closing)
        start_over(wire);
    else
        wire->on_loop.over = true;
}

static bool is_through(const struct wwi_tcp_wire *wire)
{
    return wire->on_loop.over
        || wire->conn.on_loop.stage == WWI_CONN_CLOSED
        || (wire->server != NULL && wire->on_loop.peer_ended
            && wire->on_loop.session->synced.shut);
}

static void conclude(struct wwi_tcp_wire *wire)
{
    struct wwi_tcp_session *session = wire->on_loop.session;
    bool through, freed;

    if (session == NULL)
        return;
    lock(wire);
    through = is_through(wire);
    freed = session->synced.freed;
    unlock(wire);
    if (!through || !wwi_conn_quiet(&wire->conn))
        return;
    if (wire->on_loop.over && !wire->on_loop.told && !freed)
        tell_end(wire);
    if (freed)
        release(wire);
}

static void leave(struct wwi_tcp_wire *wire)
{
    if (wire->on_loop.left || wire->conn.on_loop.stage != WWI_CONN_CLOSED)
        return;
    wire->on_loop.left = true;
    if (wire->server == NULL)
        return;
    wwi_session_server_left(wire->server, &wire->conn);
    wwi_conn_unref(&wire->conn);
}

static void run(struct wwi_conn *conn)
{
    struct wwi_tcp_wire *wire = wire_of(conn);

    if (!wire->on_loop.over && !conn->on_loop.closing) {
        if (wire->on_loop.session != NULL)
            obey_holder(wire);
        else
            obey_time(wire);
    }
    if (!wire->on_loop.over && !conn->on_loop.closing)
        talk(wire);
    if (conn->on_loop.stage == WWI_CONN_DRAINING
        && atomic_load(&wire->server->reset))
        hang_up(wire, true);
    conclude(wire);
    leave(wire);
    if (conn->on_loop.stage == WWI_CONN_OPEN)
        conn->on_loop.reading = wants_octets(wire) && !conn->on_loop.finished;
}

/* Making. */

static void destroy(struct wwi_conn *conn)
{
    struct wwi_tcp_wire *wire = wire_of(conn);

    wwi_framing_fini(&wire->on_loop.framing);
    wwi_bytes_fini(&wire->on_loop.input);
    wwi_bytes_fini(&wire->on_loop.coming);
    wwi_bytes_fini(&wire->words.head);
    if (wire->server != NULL)
        wwi_session_server_unref(wire->server);
    wwi_free(wire);
}

static const struct wwi_conn_user user = {
    .phase = report_phase,
    .run = run,
    .taken_back = wwi_tcp_session_taken_back,
    .destroy = destroy,
};

static enum wwi_framing_mode mode_for(uint64_t max_streamed_size)
{
    return max_streamed_size != 0 ? WWI_FRAMING_SINGLETON_UNSIZED
                                  : WWI_FRAMING_DUPLEX;
}

struct wwi_conn *wwi_tcp_wire_create(struct wwi_server *server)
{
    const struct wwi_server_options *options = &server->options;
    struct wwi_tcp_wire *wire = wwi_alloc_zero(sizeof *wire);

    if (wire == NULL)
        return NULL;
    if (wwi_bytes_reserve(&wire->words.head, FAULT) == NULL) {
        wwi_free(wire);
        return NULL;
    }
    wwi_session_server_ref(server);
    wire->server = server;
    wire->version = options->version;
    wire->mode = mode_for(options->max_streamed_size);
    wwi_framing_init(&wire->on_loop.framing, true, wire->mode,
        options->max_message_size, options->max_streamed_size);
    wwi_conn_init(&wire->conn, server->runtime,
        wwi_runtime_loop(server->runtime), &user);
    return &wire->conn;
}

/* A client's, with the preamble in it. */
static struct wwi_tcp_wire *create_wire(
    struct wwi_runtime *runtime,
    const struct wwi_client_options *options,
    wws_string via)
{
    struct wwi_tcp_wire *wire = wwi_alloc_zero(sizeof *wire);

    if (wire == NULL)
        return NULL;
    wire->version = options->version;
    wire->mode = mode_for(options->max_streamed_size);
    wwi_framing_write_preamble(&wire->words.head, wire->mode, via,
        options->version == WWS_ENVELOPE_VERSION_SOAP_1_1
            ? WWI_FRAMING_TEXT_SOAP_1_1 : WWI_FRAMING_TEXT_SOAP_1_2);
    if (wire->words.head.failed) {
        wwi_bytes_fini(&wire->words.head);
        wwi_free(wire);
        return NULL;
    }
    wwi_framing_init(&wire->on_loop.framing, false, wire->mode,
        options->max_message_size, options->max_streamed_size);
    wwi_conn_init(&wire->conn, runtime, wwi_runtime_loop(runtime), &user);
    wire->conn.on_loop.query.version = options->ip_version;
    return wire;
}

static bool set_host(
    struct wwi_tcp_session *session,
    const struct wwi_url *url)
{
    struct wwi_bytes *host = &session->host;

    wwi_bytes_append_string(host, url->host);
    wwi_bytes_append_text(host, url->zone.size != 0 ? "%" : "");
    wwi_bytes_append_string(host, url->zone);
    wwi_bytes_append_char(host, '\0');
    session->port = url->port;
    return !host->failed;
}

static struct wwi_session *create_client(
    struct wwi_runtime *runtime,
    const struct wwi_client_options *options,
    const struct wwi_url *url)
{
    struct wwi_tcp_wire *wire = create_wire(runtime, options, url->absolute);
    struct wwi_tcp_session *session;

    if (wire == NULL)
        return NULL;
    session = wwi_tcp_session_new(wire, url->absolute);
    /* The session's reference is the only one. */
    wwi_conn_unref(&wire->conn);
    if (session == NULL)
        return NULL;
    if (!set_host(session, url)) {
        wwi_tcp_session_destroy(session);
        return NULL;
    }
    wire->on_loop.session = session;
    return &session->base;
}

static wws_status create(
    struct wwi_runtime *runtime,
    wws_string address,
    const struct wwi_client_options *options,
    struct wwi_session **created,
    struct wwi_error *error)
{
    struct wwi_session *session;
    struct wwi_url url;
    const char *what = "no memory";
    wws_status status = wwi_url_parse(&url, address, &what);

    if (status == WWS_S_OK && url.scheme != WWI_URL_NET_TCP) {
        wwi_url_fini(&url);
        what = "the scheme is not net.tcp";
        status = WWS_E_INVALID_ENDPOINT_URL;
    }
    if (status != WWS_S_OK)
        return wwi_fail(error, status, "the address: %s", what);
    session = create_client(runtime, options, &url);
    wwi_url_fini(&url);
    if (session == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    *created = session;
    return WWS_S_OK;
}

const struct wwi_transport wwi_tcp = {
    .scheme = "net.tcp",
    .server_open = wwi_tcp_server_open,
    .server_address = wwi_session_server_address,
    .server_stop = wwi_session_server_stop,
    .server_free = wwi_session_server_unref,
    .session_create = create,
};
