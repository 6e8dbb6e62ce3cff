/* An exchange over HTTP whose messages are streamed.
 *
 * Rules.
 * - All that moves a session is looked at in one function, run(), on the loop.
 *   What its holder may wish from any thread is under the lock of the
 *   connection.
 * - What comes is read when a piece is asked for, and one piece ahead.
 * - A final response ends the request: what is left of it is not sent, as the
 *   server does not want it, and counts as sent all the same.
 * - Nothing is allocated to end anything. */
#include "core/transport/http_session.h"

#include "core/base/memory.h"
#include "core/base/text.h"

enum {
    INPUT = 16384,
    PIECE = 65536,
    KEEP = 4096,
    MOST_INTERIM = 16,
};

static struct wwi_http_session *session_of(struct wwi_session *base)
{
    return WWI_CONTAINER(base, struct wwi_http_session, base);
}

static void lock(struct wwi_http_session *session)
{
    wwi_lock_take(&session->conn.synced.lock);
}

static void unlock(struct wwi_http_session *session)
{
    wwi_lock_give(&session->conn.synced.lock);
}

/* What holders call. */

/* Has the loop look at a wish; the session may be gone before that returns. */
static void wish(struct wwi_http_session *session, bool *what)
{
    wwi_conn_ref(&session->conn);
    lock(session);
    *what = true;
    unlock(session);
    wwi_conn_wake(&session->conn);
    wwi_conn_unref(&session->conn);
}

static void open_session(struct wwi_session *base)
{
    wish(session_of(base), &session_of(base)->synced.opening);
}

static void shutdown_session(struct wwi_session *base)
{
    wish(session_of(base), &session_of(base)->synced.shut);
}

static void free_session(struct wwi_session *base)
{
    wish(session_of(base), &session_of(base)->synced.freed);
}

static void receive(struct wwi_session *base)
{
    struct wwi_http_session *session = session_of(base);

    wwi_conn_ref(&session->conn);
    lock(session);
    session->synced.asked++;
    unlock(session);
    wwi_conn_wake(&session->conn);
    wwi_conn_unref(&session->conn);
}

static void abort_session(struct wwi_session *base)
{
    struct wwi_http_session *session = session_of(base);

    wwi_conn_ref(&session->conn);
    lock(session);
    session->synced.aborted = true;
    wwi_conn_halt_locked(&session->conn);
    unlock(session);
    wwi_conn_wake(&session->conn);
    wwi_conn_unref(&session->conn);
}

/* Sending. */

static void write_framing(
    struct wwi_http_writer *writer,
    enum wwi_http_body body,
    size_t size)
{
    if (body == WWI_HTTP_BODY_LENGTH)
        wwi_http_writer_length(writer, size);
    else if (body == WWI_HTTP_BODY_CHUNKED)
        wwi_http_writer_chunked(writer);
}

static wws_status write_head(
    const struct wwi_http_session *session,
    const struct wwi_outgoing *outgoing,
    enum wwi_http_body body,
    struct wwi_sending *sending)
{
    struct wwi_http_writer writer;

    if (session->server == NULL)
        wwi_http_begin_request(&writer, &sending->head, &session->url,
            outgoing);
    else {
        wwi_http_begin_answer(&writer, &sending->head,
            outgoing->fault ? 500 : 200);
        wwi_http_writer_field(&writer, WWS_STR("Connection"),
            WWS_STR("close"));
        wwi_http_write_content(&writer, outgoing);
    }
    write_framing(&writer, body, sending->body.size);
    return wwi_http_writer_end(&writer);
}

static void write_chunk(
    const struct wwi_outgoing *outgoing,
    struct wwi_sending *sending)
{
    size_t size = sending->body.size;

    wwi_http_write_chunk_begin(&sending->head, size);
    wwi_http_write_chunk_end(&sending->body, size);
    if (!outgoing->more)
        wwi_http_write_last_chunk(&sending->body);
}

/* The octets are the caller's again. */
static void unpack(
    struct wwi_sending *sending,
    struct wwi_outgoing *outgoing,
    size_t size)
{
    wwi_bytes_fini(&sending->head);
    outgoing->envelope = sending->body;
    outgoing->envelope.size = size;
    outgoing->envelope.failed = false;
    sending->body = (struct wwi_bytes) { 0 };
}

/* The octets as they go out. */
static wws_status pack(
    const struct wwi_http_session *session,
    struct wwi_outgoing *outgoing,
    enum wwi_http_body body,
    struct wwi_sending *sending)
{
    size_t size = outgoing->envelope.size;
    wws_status status = WWS_S_OK;

    sending->link = (struct wwi_link) { 0 };
    sending->head = (struct wwi_bytes) { 0 };
    sending->body = outgoing->envelope;
    outgoing->envelope = (struct wwi_bytes) { 0 };
    if (!outgoing->continues)
        status = write_head(session, outgoing, body, sending);
    if (body == WWI_HTTP_BODY_CHUNKED)
        write_chunk(outgoing, sending);
    if (status == WWS_S_OK && (sending->head.failed || sending->body.failed))
        status = WWS_E_OUTOFMEMORY;
    if (status != WWS_S_OK)
        unpack(sending, outgoing, size);
    return status;
}

static enum wwi_http_body choose_body(
    struct wwi_http_session *session,
    const struct wwi_outgoing *outgoing)
{
    enum wwi_http_body body;

    if (!outgoing->continues && !outgoing->more)
        return WWI_HTTP_BODY_LENGTH;
    if (!outgoing->continues)
        return session->old ? WWI_HTTP_BODY_TO_CLOSE : WWI_HTTP_BODY_CHUNKED;
    lock(session);
    body = session->synced.body;
    unlock(session);
    return body;
}

static wws_status may_send_locked(
    const struct wwi_http_session *session,
    const struct wwi_outgoing *outgoing)
{
    bool begun = session->synced.begun;

    if (session->synced.over || session->synced.aborted
        || session->synced.freed)
        return WWS_E_OBJECT_FAULTED;
    if (session->synced.shut
        || (outgoing->continues ? !begun || session->synced.whole : begun))
        return WWS_E_INVALID_OPERATION;
    if (session->synced.forgone)
        return WWS_S_OK;
    if (session->conn.synced.halted)
        return WWS_E_OBJECT_FAULTED;
    return session->conn.synced.ready ? WWS_S_OK : WWS_E_INVALID_OPERATION;
}

static void queue_locked(
    struct wwi_http_session *session,
    const struct wwi_outgoing *outgoing,
    enum wwi_http_body body,
    struct wwi_sending *sending)
{
    session->synced.begun = true;
    session->synced.whole = !outgoing->more;
    session->synced.body = body;
    session->synced.latest = sending;
    session->synced.latest_first = !outgoing->continues;
    if (!session->synced.forgone)
        wwi_conn_queue_locked(&session->conn, sending);
}

/* Nobody wants to have it any more. */
static void forgo(struct wwi_sending *sending)
{
    static const struct wwi_outcome sent = {
        .phase = WWS_PHASE_SEND, .progress = WWS_PROGRESS_SENT };

    wwi_bytes_fini(&sending->head);
    wwi_bytes_fini(&sending->body);
    sending->done(sending, &sent);
}

static wws_status send_piece(
    struct wwi_session *base,
    struct wwi_sending *sending,
    struct wwi_outgoing *outgoing)
{
    struct wwi_http_session *session = session_of(base);
    enum wwi_http_body body = choose_body(session, outgoing);
    size_t size = outgoing->envelope.size;
    wws_status status = pack(session, outgoing, body, sending);
    bool forgone;

    if (status != WWS_S_OK)
        return status;
    wwi_conn_ref(&session->conn);
    lock(session);
    status = may_send_locked(session, outgoing);
    forgone = session->synced.forgone;
    if (status == WWS_S_OK)
        queue_locked(session, outgoing, body, sending);
    unlock(session);
    if (status != WWS_S_OK)
        unpack(sending, outgoing, size);
    else if (forgone)
        forgo(sending);
    else
        wwi_conn_write(&session->conn);
    /* A server parts from its client behind the reply. */
    if (status == WWS_S_OK && session->server != NULL && !outgoing->more)
        wwi_conn_wake(&session->conn);
    wwi_conn_unref(&session->conn);
    return status;
}

static bool unsend(struct wwi_session *base, struct wwi_sending *sending)
{
    return wwi_conn_unqueue(&session_of(base)->conn, sending);
}

static const struct wwi_session_calls calls = {
    .open = open_session,
    .send = send_piece,
    .unsend = unsend,
    .receive = receive,
    .shutdown = shutdown_session,
    .abort = abort_session,
    .free = free_session,
};

/* How sessions end; from here on all is on the loop. */

static wws_progress progress_of(struct wwi_http_session *session)
{
    wws_progress progress = WWS_PROGRESS_NOT_SENT;

    if (session->server == NULL && (session->on_loop.interim != 0
        || session->on_loop.parser.offset != 0))
        return WWS_PROGRESS_REPLYING;
    lock(session);
    if (session->synced.begun)
        progress = session->synced.whole
            && wwi_list_empty(&session->conn.synced.queue)
            ? WWS_PROGRESS_SENT : WWS_PROGRESS_PARTLY_SENT;
    unlock(session);
    return progress;
}

static void fail_with(
    struct wwi_http_session *session,
    const struct wwi_outcome *outcome)
{
    if (session->on_loop.over)
        return;
    session->on_loop.over = true;
    session->on_loop.outcome = *outcome;
    session->on_loop.outcome.progress = progress_of(session);
    wwi_bytes_fini(&session->on_loop.coming);
    lock(session);
    session->synced.over = true;
    unlock(session);
    if (session->conn.on_loop.stage != WWI_CONN_CLOSED)
        wwi_conn_close(&session->conn, true, &session->on_loop.outcome);
    else
        wwi_conn_wake(&session->conn);
}

/* On the loop: the session is over, and its connection reset. */
static void fail(
    struct wwi_http_session *session,
    wws_status status,
    wws_phase phase,
    const char *text)
{
    struct wwi_outcome outcome = {
        .status = status, .phase = phase, .text = text };

    fail_with(session, &outcome);
}

/* What it still had to do with the connection. */
static bool is_live(const struct wwi_http_session *session)
{
    return !session->on_loop.over && !session->on_loop.parting
        && session->conn.on_loop.stage != WWI_CONN_CLOSED;
}

static bool is_heard(struct wwi_http_session *session)
{
    bool heard;

    lock(session);
    heard = !session->synced.freed && !session->synced.aborted;
    unlock(session);
    return heard;
}

/* Understanding. */

/* A final response, perhaps while the request still goes out. */
static void take_head(struct wwi_http_session *session)
{
    bool begun, sent;

    if (session->on_loop.parser.status < 200)
        return;
    lock(session);
    begun = session->synced.begun;
    sent = session->synced.whole
        && wwi_list_empty(&session->conn.synced.queue);
    if (!sent) {
        session->synced.forgone = true;
        wwi_conn_halt_locked(&session->conn);
    }
    unlock(session);
    session->on_loop.forgoing = !sent;
    if (!begun && session->on_loop.parser.status < 300)
        fail(session, WWS_E_INVALID_FORMAT, WWS_PHASE_SEND,
            "the server answered before it was asked");
}

/* True if an envelope comes. */
static bool judge_response(struct wwi_http_session *session, bool has_body)
{
    const struct wwi_http_parser *parser = &session->on_loop.parser;
    struct wwi_outcome outcome = {
        .status = wwi_http_judge_response(parser, session->version, has_body,
            session->base.text, sizeof session->base.text),
        .phase = WWS_PHASE_BODY,
        .http_status = parser->status,
        .text = "the server did not reply",
    };

    session->on_loop.judged = outcome.status == WWS_S_OK;
    session->on_loop.delivered = outcome.status == WWS_S_END;
    if (outcome.status < 0)
        fail_with(session, &outcome);
    return session->on_loop.judged;
}

static void take_body(struct wwi_http_session *session, wws_bytes body)
{
    struct wwi_bytes *coming = &session->on_loop.coming;

    session->on_loop.awaited = false;
    if (session->server == NULL && !session->on_loop.judged
        && !judge_response(session, true))
        return;
    wwi_bytes_append(coming, body.data, body.size);
    if (coming->failed)
        fail(session, WWS_E_OUTOFMEMORY, WWS_PHASE_BODY,
            "out of memory for what comes");
}

static void complete(struct wwi_http_session *session)
{
    struct wwi_http_parser *parser = &session->on_loop.parser;

    session->on_loop.awaited = false;
    if (session->server == NULL && parser->status < 200) {
        wwi_http_parser_reset(parser, KEEP);
        if (++session->on_loop.interim > MOST_INTERIM)
            fail(session, WWS_E_INVALID_FORMAT, WWS_PHASE_HEADERS,
                "too many interim responses");
        return;
    }
    session->on_loop.complete = true;
    if (session->server == NULL && !session->on_loop.judged)
        (void) judge_response(session, false);
}

static wws_phase phase_of(struct wwi_http_session *session)
{
    bool whole;

    if (session->on_loop.judged || session->on_loop.accepted)
        return WWS_PHASE_BODY;
    if (session->on_loop.parser.offset != 0)
        return WWS_PHASE_HEADERS;
    lock(session);
    whole = session->synced.whole;
    unlock(session);
    return whole ? WWS_PHASE_WAIT : WWS_PHASE_SEND;
}

static void fail_to_parse(struct wwi_http_session *session)
{
    const struct wwi_http_error *error = &session->on_loop.parser.error;

    if (session->server != NULL && !session->on_loop.talking)
        wwi_http_session_refuse(session, error->http_status);
    else
        fail(session, error->status, phase_of(session), error->text);
}

static void understand(
    struct wwi_http_session *session,
    enum wwi_http_event event,
    wws_bytes body)
{
    switch (event) {
    case WWI_HTTP_HEAD_DONE:
        if (session->server != NULL)
            wwi_http_session_judge(session);
        else
            take_head(session);
        break;
    case WWI_HTTP_BODY:
        take_body(session, body);
        break;
    case WWI_HTTP_MESSAGE_DONE:
        complete(session);
        break;
    case WWI_HTTP_FAILED:
        fail_to_parse(session);
        break;
    case WWI_HTTP_MORE:
        break;
    }
}

static void feed(
    struct wwi_http_session *session,
    const uint8_t *data,
    size_t size)
{
    enum wwi_http_event event;
    wws_bytes body;
    size_t used;

    do {
        event = wwi_http_parser_execute(&session->on_loop.parser, data, size,
            &used, &body);
        data += used;
        size -= used;
        understand(session, event, body);
    } while (event != WWI_HTTP_MORE && is_live(session)
        && !session->on_loop.complete);
}

/* Reading. */

/* A server's request that has been accepted comes up before its body. */
static bool wants_octets(const struct wwi_http_session *session)
{
    return is_live(session) && !session->on_loop.complete
        && session->on_loop.coming.size < PIECE
        && (session->on_loop.talking
            || (session->server != NULL && !session->on_loop.accepted));
}

static void fail_by_trouble(struct wwi_http_session *session, const char *text)
{
    const struct wwi_conn *conn = &session->conn;
    struct wwi_outcome outcome = conn->on_loop.trouble;

    if (!session->on_loop.talking)
        text = outcome.text;
    else {
        outcome.status = WWS_E_ENDPOINT_DISCONNECTED;
        outcome.phase = phase_of(session);
        outcome.text = text;
    }
    fail_with(session, &outcome);
}

/* Nothing will come any more. */
static void see_end(struct wwi_http_session *session)
{
    struct wwi_http_parser *parser = &session->on_loop.parser;

    if (session->server != NULL && !session->on_loop.talking)
        wwi_http_session_hang_up(session);
    else if (session->server != NULL)
        fail_by_trouble(session, "the client has gone within its request");
    else if (parser->offset == 0)
        fail_by_trouble(session,
            "the server closed the connection without an answer");
    /* A body may end with the connection, but not with its loss. */
    else if (!session->conn.on_loop.broken
        && wwi_http_parser_eof(parser) == WWI_HTTP_MESSAGE_DONE)
        complete(session);
    else
        fail_by_trouble(session,
            "the server closed the connection within its answer");
}

static void read_some(struct wwi_http_session *session)
{
    struct wwi_conn *conn = &session->conn;
    uint8_t octets[INPUT];
    wws_status status = WWS_S_OK;

    if (!conn->on_loop.readable && !conn->on_loop.broken)
        return;
    while (status == WWS_S_OK && wants_octets(session)) {
        size_t room = PIECE - session->on_loop.coming.size, got;

        status = wwi_conn_read(conn, octets,
            room < sizeof octets ? room : sizeof octets, &got);
        if (status == WWS_S_OK)
            feed(session, octets, got);
        else if (status != WWS_S_ASYNC || conn->on_loop.broken)
            see_end(session);
    }
}

/* A client that goes away does not wait for its answer. */
static void look_for_peer(struct wwi_http_session *session)
{
    const struct wwi_conn *conn = &session->conn;
    bool whole;

    if (session->server == NULL || !is_live(session))
        return;
    lock(session);
    whole = session->synced.whole;
    unlock(session);
    if (conn->on_loop.broken || (conn->on_loop.hung_up && !whole
        && !session->server->options.tolerate_half_close))
        fail_by_trouble(session, "the client has gone");
}

/* Telling. */

static bool take_asked(struct wwi_http_session *session)
{
    bool asked;

    lock(session);
    asked = session->synced.asked != 0;
    if (asked)
        session->synced.asked--;
    unlock(session);
    return asked;
}

static void describe(
    const struct wwi_http_session *session,
    struct wwi_piece *piece)
{
    const struct wwi_bytes *action = &session->action.text;

    piece->version = session->version;
    piece->http_status = session->on_loop.parser.status;
    piece->has_action = session->action.given;
    piece->action = (wws_string) { (const char *) action->data,
        action->size };
    piece->fields = wwi_http_fields(&session->on_loop.parser);
}

static void deliver(struct wwi_http_session *session)
{
    struct wwi_piece piece = {
        .octets = session->on_loop.coming,
        .more = !session->on_loop.complete,
    };

    session->on_loop.coming = (struct wwi_bytes) { 0 };
    session->on_loop.delivered = !piece.more;
    if (!session->on_loop.continues)
        describe(session, &piece);
    session->on_loop.continues = true;
    session->base.events->arrived(&session->base, &piece);
    wwi_bytes_fini(&piece.octets);
    wwi_conn_wake(&session->conn);
}

static void hand_over(struct wwi_http_session *session)
{
    static const struct wwi_outcome end = {
        .status = WWS_S_END, .progress = WWS_PROGRESS_SENT };
    bool there = session->on_loop.coming.size != 0
        || session->on_loop.complete;

    if (!session->on_loop.talking || session->on_loop.over
        || session->on_loop.ended || !is_heard(session))
        return;
    if (session->on_loop.delivered) {
        session->on_loop.ended = true;
        session->base.events->ended(&session->base, &end);
    } else if (there && take_asked(session))
        deliver(session);
}

static void conclude(struct wwi_http_session *session)
{
    bool owned = session->server == NULL || session->on_loop.talking;
    bool freed;

    if (session->conn.on_loop.stage != WWI_CONN_CLOSED)
        return;
    if (session->server != NULL && !session->on_loop.left) {
        session->on_loop.left = true;
        wwi_session_server_left(session->server, &session->conn);
    }
    if (session->on_loop.released || !wwi_conn_quiet(&session->conn))
        return;
    lock(session);
    freed = session->synced.freed;
    unlock(session);
    if (freed || !owned) {
        session->on_loop.released = true;
        /* Who could not hold it has not said what he wants to hear. */
        if (owned && session->base.events != NULL)
            session->base.events->released(&session->base);
        wwi_conn_unref(&session->conn);
    } else if (session->on_loop.over && !session->on_loop.told) {
        session->on_loop.told = true;
        session->base.events->ended(&session->base,
            &session->on_loop.outcome);
    }
}

/* Driving. */

static void report_phase(struct wwi_conn *conn, wws_phase phase)
{
    struct wwi_http_session *session = wwi_http_session_of(conn);

    if (is_heard(session))
        session->base.events->phase(&session->base, phase);
}

static void begin_talking(struct wwi_http_session *session)
{
    struct wwi_session *base = &session->base;

    session->on_loop.talking = true;
    base->remote = (wws_string) { session->conn.remote,
        strlen(session->conn.remote) };
    base->connection = wwi_conn_number();
    if (session->server != NULL)
        session->server->callbacks.connected(base,
            session->server->callbacks.state);
    else if (is_heard(session))
        base->events->opened(base);
    wwi_conn_wake(&session->conn);
}

/* A server whose answer is whole, or is to be nothing, parts behind it. */
static bool will_part(struct wwi_http_session *session)
{
    bool will;

    lock(session);
    will = session->server != NULL && (session->synced.begun
        ? session->synced.whole : session->synced.shut);
    unlock(session);
    return will;
}

/* In order if nothing is owed. */
static void part(struct wwi_http_session *session)
{
    static const struct wwi_outcome given_back = {
        .status = WWS_E_OPERATION_ABORTED, .phase = WWS_PHASE_CLOSE,
        .text = "the session was given back" };
    bool in_order;

    lock(session);
    in_order = session->server == NULL && session->synced.whole
        && !session->synced.forgone && session->on_loop.complete
        && wwi_list_empty(&session->conn.synced.queue);
    unlock(session);
    session->on_loop.parting = true;
    wwi_conn_close(&session->conn, !in_order, &given_back);
}

static bool is_reset(const struct wwi_http_session *session)
{
    return session->server != NULL && atomic_load(&session->server->reset)
        && session->conn.on_loop.stage != WWI_CONN_CLOSED;
}

static void obey(struct wwi_http_session *session)
{
    bool opening, aborted, freed, torn;

    lock(session);
    opening = session->synced.opening;
    session->synced.opening = false;
    aborted = session->synced.aborted;
    freed = session->synced.freed;
    torn = session->synced.torn || (session->synced.shut
        && session->synced.begun && !session->synced.whole
        && !session->synced.forgone);
    unlock(session);
    if (aborted || is_reset(session))
        fail(session, WWS_E_OPERATION_ABORTED,
            WWS_PHASE_NONE, "the session was aborted");
    else if (!is_live(session))
        return;
    else if (torn)
        fail(session, WWS_E_OPERATION_ABORTED,
            WWS_PHASE_SEND, "the session was shut down within a message");
    else if (freed && !will_part(session))
        part(session);
    else if (opening && !freed && session->conn.on_loop.stage == WWI_CONN_NEW)
        wwi_conn_open(&session->conn, session->host, session->url.port);
}

/* True when it is open. */
static bool come_about(struct wwi_http_session *session)
{
    if (session->server != NULL)
        return wwi_http_session_await(session);
    if (session->conn.on_loop.broken)
        fail_by_trouble(session, NULL);
    return session->conn.on_loop.stage == WWI_CONN_OPEN;
}

/* A request that was never begun has no reply. */
static void end_unasked(struct wwi_http_session *session)
{
    bool unasked;

    lock(session);
    unasked = session->server == NULL && session->synced.shut
        && !session->synced.begun;
    unlock(session);
    if (!unasked)
        return;
    session->on_loop.complete = true;
    session->on_loop.delivered = true;
}

/* Unless somebody still writes; he wakes the loop when he leaves. */
static void forgo_queue(struct wwi_http_session *session)
{
    struct wwi_conn *conn = &session->conn;
    struct wwi_link *link;

    if (!session->on_loop.forgoing)
        return;
    lock(session);
    while (!conn->synced.writing
        && (link = wwi_list_first(&conn->synced.queue)) != NULL) {
        wwi_list_remove(link);
        conn->synced.begun = false;
        unlock(session);
        forgo(WWI_CONTAINER(link, struct wwi_sending, link));
        lock(session);
    }
    session->on_loop.forgoing = !wwi_list_empty(&conn->synced.queue);
    unlock(session);
}

static void talk(struct wwi_http_session *session)
{
    read_some(session);
    if (is_live(session) && !session->on_loop.talking) {
        if (come_about(session))
            begin_talking(session);
        return;
    }
    if (is_live(session))
        end_unasked(session);
    forgo_queue(session);
    look_for_peer(session);
}

static void run(struct wwi_conn *conn)
{
    struct wwi_http_session *session = wwi_http_session_of(conn);

    if (session->server != NULL && session->on_loop.talking
        && is_live(session))
        wwi_http_session_attend(session);
    if (!session->on_loop.over)
        obey(session);
    if (is_live(session))
        talk(session);
    hand_over(session);
    if (is_live(session))
        conn->on_loop.reading = wants_octets(session);
    conclude(session);
}

/* The message is as if it had not been queued, unless others are behind it. */
static void taken_back(struct wwi_conn *conn, struct wwi_sending *sending)
{
    struct wwi_http_session *session = wwi_http_session_of(conn);

    if (session->synced.latest != sending)
        session->synced.torn = true;
    else {
        session->synced.whole = false;
        if (session->synced.latest_first)
            session->synced.begun = false;
    }
}

static void destroy(struct wwi_conn *conn)
{
    struct wwi_http_session *session = wwi_http_session_of(conn);

    wwi_http_parser_fini(&session->on_loop.parser);
    wwi_bytes_fini(&session->on_loop.coming);
    wwi_bytes_fini(&session->words.head);
    wwi_bytes_fini(&session->action.text);
    wwi_bytes_fini(&session->asked_url);
    wwi_url_fini(&session->url);
    wwi_free(session->host);
    if (session->server != NULL)
        wwi_session_server_unref(session->server);
    wwi_free(session);
}

static const struct wwi_conn_user user = {
    .phase = report_phase,
    .run = run,
    .taken_back = taken_back,
    .destroy = destroy,
};

/* Making. */

struct wwi_http_session *wwi_http_session_new(
    struct wwi_runtime *runtime,
    struct wwi_server *server,
    const struct wwi_http_limits *limits)
{
    struct wwi_http_session *session = wwi_alloc_zero(sizeof *session);

    if (session == NULL)
        return NULL;
    session->base.calls = &calls;
    session->base.runtime = runtime;
    session->base.loop = wwi_runtime_loop(runtime);
    session->server = server;
    wwi_http_parser_init(&session->on_loop.parser, server != NULL
        ? WWI_HTTP_REQUEST : WWI_HTTP_RESPONSE, limits);
    wwi_conn_init(&session->conn, runtime, session->base.loop, &user);
    return session;
}

static wws_status parse_address(
    struct wwi_url *url,
    wws_string address,
    struct wwi_error *error)
{
    const char *what = "no memory";
    wws_status status = wwi_url_parse(url, address, &what);

    if (status == WWS_S_OK && url->scheme != WWI_URL_HTTP) {
        wwi_url_fini(url);
        what = "only http:// is supported";
        status = WWS_E_INVALID_ENDPOINT_URL;
    }
    if (status != WWS_S_OK)
        return wwi_fail(error, status, "the address: %s", what);
    return WWS_S_OK;
}

static wws_status create(
    struct wwi_runtime *runtime,
    wws_string address,
    const struct wwi_client_options *options,
    struct wwi_session **created,
    struct wwi_error *error)
{
    struct wwi_http_limits limits = WWI_HTTP_LIMITS_INIT;
    struct wwi_http_session *session = NULL;
    struct wwi_url url;
    char *host;
    wws_status status = parse_address(&url, address, error);

    if (status != WWS_S_OK)
        return status;
    limits.head_size = options->max_head_size;
    limits.body_size = options->max_streamed_size;
    host = wwi_string_copy(url.host);
    if (host != NULL)
        session = wwi_http_session_new(runtime, NULL, &limits);
    if (session == NULL) {
        wwi_free(host);
        wwi_url_fini(&url);
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    }
    session->version = options->version;
    session->conn.on_loop.query.version = options->ip_version;
    session->url = url;
    session->host = host;
    session->base.via = session->url.absolute;
    *created = &session->base;
    return WWS_S_OK;
}

const struct wwi_transport wwi_http_streamed = {
    .scheme = "http",
    .session_create = create,
    .server_open = wwi_http_session_server_open,
    .server_address = wwi_session_server_address,
    .server_stop = wwi_session_server_stop,
    .server_free = wwi_session_server_unref,
};
