/* What the holder of a session calls, on any thread: messages go to the queue
 * of the connection as records, and all else is a wish that the loop looks
 * at. */
#include "core/base/memory.h"
#include "core/transport/tcp.h"

static struct wwi_tcp_session *session_of(struct wwi_session *base)
{
    return WWI_CONTAINER(base, struct wwi_tcp_session, base);
}

static void lock(struct wwi_tcp_wire *wire)
{
    wwi_lock_take(&wire->conn.synced.lock);
}

static void unlock(struct wwi_tcp_wire *wire)
{
    wwi_lock_give(&wire->conn.synced.lock);
}

/* Sets a wish, and has the loop look at it; the session may be gone then. */
static void wish(struct wwi_tcp_session *session, bool *what)
{
    struct wwi_conn *conn = &session->wire->conn;

    wwi_conn_ref(conn);
    wwi_lock_take(&conn->synced.lock);
    *what = true;
    wwi_lock_give(&conn->synced.lock);
    wwi_conn_wake(conn);
    wwi_conn_unref(conn);
}

static void open_session(struct wwi_session *base)
{
    struct wwi_tcp_session *session = session_of(base);

    wish(session, &session->synced.opening);
}

static void receive(struct wwi_session *base)
{
    struct wwi_conn *conn = &session_of(base)->wire->conn;

    wwi_conn_ref(conn);
    wwi_lock_take(&conn->synced.lock);
    session_of(base)->synced.asked++;
    wwi_lock_give(&conn->synced.lock);
    wwi_conn_wake(conn);
    wwi_conn_unref(conn);
}

static void abort_session(struct wwi_session *base)
{
    struct wwi_tcp_session *session = session_of(base);
    struct wwi_tcp_wire *wire = session->wire;

    wwi_conn_ref(&wire->conn);
    lock(wire);
    session->synced.aborted = true;
    session->synced.over = true;
    wwi_conn_halt_locked(&wire->conn);
    unlock(wire);
    wwi_conn_wake(&wire->conn);
    wwi_conn_unref(&wire->conn);
}

static void free_session(struct wwi_session *base)
{
    struct wwi_tcp_session *session = session_of(base);

    wish(session, &session->synced.freed);
}

static void write_chunk(
    const struct wwi_tcp_wire *wire,
    const struct wwi_outgoing *outgoing,
    uint32_t size,
    struct wwi_sending *sending)
{
    if (!outgoing->continues)
        wwi_framing_write_record(&sending->head,
            WWI_FRAMING_UNSIZED_ENVELOPE);
    if (size != 0)
        wwi_framing_write_size(&sending->head, size);
    if (outgoing->more)
        return;
    /* A client has nothing more to say behind its message. */
    wwi_framing_write_size(&sending->body, 0);
    if (wire->server == NULL)
        wwi_framing_write_record(&sending->body, WWI_FRAMING_END);
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
    const struct wwi_tcp_wire *wire,
    struct wwi_sending *sending,
    struct wwi_outgoing *outgoing)
{
    size_t size = outgoing->envelope.size;
    bool streamed = wire->mode != WWI_FRAMING_DUPLEX;

    if (size > INT32_MAX)
        return WWS_E_QUOTA_EXCEEDED;
    if (size == 0 && !streamed)
        return WWS_E_INVALIDARG;
    sending->link = (struct wwi_link) { 0 };
    sending->head = (struct wwi_bytes) { 0 };
    sending->body = outgoing->envelope;
    outgoing->envelope = (struct wwi_bytes) { 0 };
    if (streamed)
        write_chunk(wire, outgoing, (uint32_t) size, sending);
    else
        wwi_framing_write_sized(&sending->head, (uint32_t) size);
    if (!sending->head.failed && !sending->body.failed)
        return WWS_S_OK;
    unpack(sending, outgoing, size);
    return WWS_E_OUTOFMEMORY;
}

static wws_status may_send_locked(const struct wwi_tcp_session *session)
{
    if (session->synced.over || session->synced.freed
        || session->wire->conn.synced.halted)
        return WWS_E_OBJECT_FAULTED;
    return session->synced.open && !session->synced.shut
        ? WWS_S_OK : WWS_E_INVALID_OPERATION;
}

static wws_status send_message(
    struct wwi_session *base,
    struct wwi_sending *sending,
    struct wwi_outgoing *outgoing)
{
    struct wwi_tcp_session *session = session_of(base);
    struct wwi_tcp_wire *wire = session->wire;
    bool ends = wire->mode != WWI_FRAMING_DUPLEX && wire->server == NULL
        && !outgoing->more;
    size_t size = outgoing->envelope.size;
    wws_status status = pack(wire, sending, outgoing);

    if (status != WWS_S_OK)
        return status;
    wwi_conn_ref(&wire->conn);
    lock(wire);
    status = may_send_locked(session);
    if (status == WWS_S_OK) {
        sending->session = base;
        wwi_conn_queue_locked(&wire->conn, sending);
        session->synced.shut = ends;
        session->synced.last = ends ? sending : NULL;
    }
    unlock(wire);
    if (status != WWS_S_OK)
        unpack(sending, outgoing, size);
    else
        wwi_conn_write(&wire->conn);
    wwi_conn_unref(&wire->conn);
    return status;
}

static bool unsend(struct wwi_session *base, struct wwi_sending *sending)
{
    return wwi_conn_unqueue(&session_of(base)->wire->conn, sending);
}

void wwi_tcp_session_taken_back(
    struct wwi_conn *conn,
    struct wwi_sending *sending)
{
    struct wwi_tcp_session *session = session_of(sending->session);

    (void) conn;
    /* The End record has been taken back with it. */
    if (session->synced.last == sending)
        session->synced.shut = false;
}

static void shutdown_session(struct wwi_session *base)
{
    struct wwi_tcp_session *session = session_of(base);
    struct wwi_tcp_wire *wire = session->wire;

    wwi_conn_ref(&wire->conn);
    lock(wire);
    if (may_send_locked(session) == WWS_S_OK) {
        session->synced.shut = true;
        wwi_conn_queue_locked(&wire->conn, &session->end);
    }
    unlock(wire);
    wwi_conn_write(&wire->conn);
    /* Both ends may be shut now. */
    wwi_conn_wake(&wire->conn);
    wwi_conn_unref(&wire->conn);
}

static const struct wwi_session_calls calls = {
    .open = open_session,
    .send = send_message,
    .unsend = unsend,
    .receive = receive,
    .shutdown = shutdown_session,
    .abort = abort_session,
    .free = free_session,
};

/* Sessions. */

void wwi_tcp_session_destroy(struct wwi_tcp_session *session)
{
    struct wwi_conn *conn = &session->wire->conn;

    wwi_bytes_fini(&session->host);
    wwi_bytes_fini(&session->via);
    wwi_bytes_fini(&session->end.head);
    wwi_free(session);
    wwi_conn_unref(conn);
}

struct wwi_tcp_session *wwi_tcp_session_new(
    struct wwi_tcp_wire *wire,
    wws_string via)
{
    struct wwi_tcp_session *session = wwi_alloc_zero(sizeof *session);

    if (session == NULL)
        return NULL;
    session->base.calls = &calls;
    session->base.runtime = wire->conn.runtime;
    session->base.loop = wire->conn.loop;
    session->wire = wire;
    wwi_conn_ref(&wire->conn);
    wwi_framing_write_record(&session->end.head, WWI_FRAMING_END);
    wwi_bytes_append_string(&session->via, via);
    if (session->end.head.failed || session->via.failed) {
        wwi_tcp_session_destroy(session);
        return NULL;
    }
    session->base.via = (wws_string) { (const char *) session->via.data,
        session->via.size };
    return session;
}

