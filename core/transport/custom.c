/* Sessions over an application's own transport.
 *
 * Rules.
 * - All slots of a connection are called by run(), on the loop, and all that a
 *   holder wishes or a task brings is looked at there.
 * - The application is not trusted to end anything.  When a session is over,
 *   its holder hears of it at once, though tasks are under way: what they use
 *   is theirs.  The connection goes when the last of them is complete, and the
 *   end of the runtime waits for that.
 * - abort is called once, if there is a connection and it was not closed, also
 *   when it is given too late. */
#include "core/transport/custom.h"

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/base/text.h"

#include <stdio.h>

enum {
    PIECE = 65536,         /* of a message that is streamed */
    PART_MS = 2000,        /* for closing one that was given back */
};

static struct wwi_custom_session *session_of(struct wwi_session *base)
{
    return WWI_CONTAINER(base, struct wwi_custom_session, base);
}

static void lock(struct wwi_custom_session *session)
{
    wwi_lock_take(&session->synced.lock);
}

static void unlock(struct wwi_custom_session *session)
{
    wwi_lock_give(&session->synced.lock);
}

/* The application's table. */

wws_status wwi_custom_create(
    const wws_custom_transport *table,
    struct wwi_custom **created,
    struct wwi_error *error)
{
    struct wwi_custom *custom = NULL;

    if (table != NULL) {
        custom = wwi_alloc_zero(sizeof *custom);
        if (custom == NULL)
            return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
        atomic_init(&custom->refs, 1);
        custom->table = *table;
    }
    *created = custom;
    return WWS_S_OK;
}

void wwi_custom_take(struct wwi_custom *custom)
{
    if (custom != NULL)
        custom->taken = true;
}

void wwi_custom_ref(struct wwi_custom *custom)
{
    atomic_fetch_add(&custom->refs, 1);
}

void wwi_custom_unref(struct wwi_custom *custom)
{
    if (custom == NULL || atomic_fetch_sub(&custom->refs, 1) != 1)
        return;
    if (custom->taken && custom->table.free_state != NULL)
        custom->table.free_state(custom->table.state);
    wwi_free(custom);
}

/* Life. */

void wwi_custom_session_ref(struct wwi_custom_session *session)
{
    atomic_fetch_add(&session->refs, 1);
}

void wwi_custom_session_unref(struct wwi_custom_session *session)
{
    struct wwi_runtime *runtime = session->base.runtime;

    if (atomic_fetch_sub(&session->refs, 1) != 1)
        return;
    wwi_bytes_fini(&session->address);
    wwi_bytes_fini(&session->on_loop.piece);
    wwi_bytes_fini(&session->synced.remote);
    wwi_bytes_fini(&session->synced.via);
    wwi_lock_fini(&session->synced.lock);
    wwi_custom_unref(session->custom);
    if (session->server != NULL)
        wwi_custom_server_unref(session->server);
    wwi_free(session);
    wwi_object_unref(&runtime->object);
}

void wwi_custom_session_wake(struct wwi_custom_session *session)
{
    wwi_custom_session_ref(session);
    if (!wwi_loop_post(session->base.loop, &session->post))
        wwi_custom_session_unref(session);
}

/* What holders call, on any thread. */

/* The session may be gone when it has run. */
static void wish(struct wwi_custom_session *session, bool *what)
{
    wwi_custom_session_ref(session);
    lock(session);
    *what = true;
    unlock(session);
    wwi_custom_session_wake(session);
    wwi_custom_session_unref(session);
}

static void open_session(struct wwi_session *base)
{
    wish(session_of(base), &session_of(base)->synced.opening);
}

static void receive(struct wwi_session *base)
{
    struct wwi_custom_session *session = session_of(base);

    wwi_custom_session_ref(session);
    lock(session);
    session->synced.asked++;
    unlock(session);
    wwi_custom_session_wake(session);
    wwi_custom_session_unref(session);
}

static void abort_session(struct wwi_session *base)
{
    struct wwi_custom_session *session = session_of(base);

    wwi_custom_session_ref(session);
    lock(session);
    session->synced.aborted = true;
    session->synced.over = true;
    unlock(session);
    wwi_custom_session_wake(session);
    wwi_custom_session_unref(session);
}

static void free_session(struct wwi_session *base)
{
    wish(session_of(base), &session_of(base)->synced.freed);
}

static wws_status may_send_locked(const struct wwi_custom_session *session)
{
    if (session->synced.over || session->synced.freed)
        return WWS_E_OBJECT_FAULTED;
    return session->synced.open && !session->synced.shut
        ? WWS_S_OK : WWS_E_INVALID_OPERATION;
}

static void shutdown_session(struct wwi_session *base)
{
    struct wwi_custom_session *session = session_of(base);

    wwi_custom_session_ref(session);
    lock(session);
    if (may_send_locked(session) == WWS_S_OK)
        session->synced.shut = true;
    unlock(session);
    wwi_custom_session_wake(session);
    wwi_custom_session_unref(session);
}

static wws_status check_size(
    const struct wwi_custom_session *session,
    size_t size)
{
    if (size > UINT32_MAX)
        return WWS_E_QUOTA_EXCEEDED;
    return size == 0 && !session->streamed ? WWS_E_INVALIDARG : WWS_S_OK;
}

/* A client has nothing more to say behind the message that it streams. */
static wws_status send_message(
    struct wwi_session *base,
    struct wwi_sending *sending,
    struct wwi_outgoing *outgoing)
{
    struct wwi_custom_session *session = session_of(base);
    bool ends = session->streamed && session->server == NULL
        && !outgoing->more;
    wws_status status = check_size(session, outgoing->envelope.size);

    if (status < 0)
        return status;
    wwi_custom_session_ref(session);
    lock(session);
    status = may_send_locked(session);
    if (status == WWS_S_OK) {
        sending->link = (struct wwi_link) { 0 };
        sending->head = (struct wwi_bytes) { 0 };
        sending->body = outgoing->envelope;
        sending->more = outgoing->more;
        outgoing->envelope = (struct wwi_bytes) { 0 };
        wwi_list_append(&session->synced.queue, &sending->link);
        session->synced.shut = ends;
        session->synced.last = ends ? sending : NULL;
    }
    unlock(session);
    wwi_custom_session_wake(session);
    wwi_custom_session_unref(session);
    return status;
}

static bool unsend(struct wwi_session *base, struct wwi_sending *sending)
{
    struct wwi_custom_session *session = session_of(base);
    bool queued;

    lock(session);
    queued = wwi_link_listed(&sending->link);
    if (queued) {
        wwi_list_remove(&sending->link);
        if (session->synced.last == sending)
            session->synced.shut = false;
    }
    unlock(session);
    if (queued)
        wwi_bytes_fini(&sending->body);
    return queued;
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

/* How sessions end, on the loop from here on. */

static void fail(
    struct wwi_custom_session *session,
    wws_status status,
    const char *text)
{
    if (session->on_loop.over)
        return;
    session->on_loop.over = true;
    session->on_loop.outcome = (struct wwi_outcome) {
        .status = status,
        .phase = session->on_loop.talking ? WWS_PHASE_BODY
            : WWS_PHASE_CONNECT,
        .text = text,
    };
    lock(session);
    session->synced.over = true;
    unlock(session);
}

/* What the application says of a failure, in what there is room for. */
static void quote(
    struct wwi_custom_session *session,
    const struct wwi_transport_task *task)
{
    const struct wwi_bytes *reason = &task->synced.reason;
    size_t size = reason->size;

    if (task->synced.status >= 0 || size == 0)
        return;
    if (size >= sizeof session->base.text)
        size = wwi_utf8_whole((const char *) reason->data,
            sizeof session->base.text - 1);
    (void) snprintf(session->base.text, sizeof session->base.text, "%.*s",
        (int) size, (const char *) reason->data);
}

/* As the application says; its success counts only for what it brings. */
static void fail_as_told(
    struct wwi_custom_session *session,
    wws_status status,
    const char *text)
{
    if (status < 0)
        fail(session, status, text);
    else
        fail(session, WWS_E_INVALID_OPERATION,
            "the application's transport says that it is done, and is not");
}

static bool is_heard(struct wwi_custom_session *session)
{
    bool heard;

    lock(session);
    heard = !session->synced.freed && !session->synced.aborted;
    unlock(session);
    return heard;
}

static bool has_connection(struct wwi_custom_session *session)
{
    bool has;

    lock(session);
    has = session->synced.has_connection;
    unlock(session);
    return has;
}

/* Calling slots. */

static wws_status call_connect(
    struct wwi_custom_session *session,
    wws_transport_task task)
{
    const wws_custom_transport *table;

    if (session->server != NULL)
        return wwi_custom_server_call_accept(session->server, task);
    table = &session->custom->table;
    return table->connect(task, (wws_string) {
        (const char *) session->address.data, session->address.size },
        table->state);
}

/* How much of what is left goes out with this task. */
static size_t part_of(const struct wwi_transport_task *task)
{
    size_t left = task->octets.size - task->at;

    return task->session->streamed && left > PIECE ? PIECE : left;
}

static wws_status call_send(
    const wws_custom_connection *connection,
    const struct wwi_transport_task *task)
{
    size_t size = part_of(task);

    return connection->send((wws_transport_task) { task->object.id },
        (wws_bytes) { task->octets.data + task->at, size },
        task->synced.more || task->at + size < task->octets.size,
        connection->state);
}

static wws_status call_slot(
    struct wwi_custom_session *session,
    const struct wwi_transport_task *task)
{
    const wws_custom_connection *connection = &session->synced.connection;
    wws_transport_task handle = { task->object.id };

    switch (task->kind) {
    case WWI_TASK_CONNECT:
        return call_connect(session, handle);
    case WWI_TASK_SEND:
        return call_send(connection, task);
    case WWI_TASK_RECEIVE:
        return connection->receive(handle, connection->state);
    case WWI_TASK_WATCH:
        return connection->watch(handle, connection->state);
    case WWI_TASK_SHUT_DOWN:
        return connection->shut_down(handle, connection->state);
    default:
        return connection->close(handle, connection->state);
    }
}

static struct wwi_transport_task *new_task(
    struct wwi_custom_session *session,
    enum wwi_task_kind kind)
{
    struct wwi_transport_task *task = wwi_transport_task_new(kind, session,
        NULL);

    if (task == NULL)
        fail(session, WWS_E_OUTOFMEMORY, "out of memory for a connection");
    return task;
}

/* The slot may complete the task, and another thread when it has returned. */
static void begin(
    struct wwi_custom_session *session,
    struct wwi_transport_task *task)
{
    wws_status status;

    session->on_loop.tasks[task->kind] = task;
    session->on_loop.task_count++;
    wwi_object_ref(&task->object);
    WWI_GATE(CUSTOM_CALLS);
    status = call_slot(session, task);
    WWI_GATE(CUSTOM_CALLED);
    if (status != WWS_S_ASYNC)
        (void) wwi_transport_task_end(task, status);
    wwi_object_unref(&task->object);
}

static void begin_new(
    struct wwi_custom_session *session,
    enum wwi_task_kind kind)
{
    struct wwi_transport_task *task = new_task(session, kind);

    if (task != NULL)
        begin(session, task);
}

/* Pieces that come. */

static bool take_ask(struct wwi_custom_session *session)
{
    bool asked;

    lock(session);
    asked = session->synced.asked != 0 && !session->synced.freed
        && !session->synced.aborted;
    session->synced.asked -= asked;
    unlock(session);
    return asked;
}

/* Of what is kept, no more than makes a piece. */
static bool cut_piece(
    struct wwi_custom_session *session,
    struct wwi_piece *piece)
{
    struct wwi_bytes *kept = &session->on_loop.piece;
    size_t left = kept->size - session->on_loop.at;

    *piece = (struct wwi_piece) { .version = session->version };
    if (!session->streamed || (left <= PIECE && session->on_loop.at == 0)) {
        piece->octets = *kept;
        *kept = (struct wwi_bytes) { 0 };
        session->on_loop.has_piece = false;
    } else {
        if (left > PIECE)
            left = PIECE;
        wwi_bytes_append(&piece->octets, kept->data + session->on_loop.at,
            left);
        session->on_loop.at += left;
        session->on_loop.has_piece = session->on_loop.at != kept->size;
    }
    if (!session->on_loop.has_piece) {
        wwi_bytes_fini(kept);
        session->on_loop.at = 0;
    }
    piece->more = session->on_loop.more || session->on_loop.has_piece;
    return !piece->octets.failed;
}

static void hand_over(struct wwi_custom_session *session)
{
    struct wwi_piece piece;

    while (!session->on_loop.over && session->on_loop.has_piece
        && take_ask(session)) {
        if (cut_piece(session, &piece))
            session->base.events->arrived(&session->base, &piece);
        else
            fail(session, WWS_E_OUTOFMEMORY, "out of memory for a message");
        wwi_bytes_fini(&piece.octets);
    }
}

static void end_peer(struct wwi_custom_session *session)
{
    static const struct wwi_outcome outcome = {
        .status = WWS_S_END, .progress = WWS_PROGRESS_SENT };

    if (session->on_loop.more) {
        fail(session, WWS_E_ENDPOINT_DISCONNECTED,
            "the peer has gone in the midst of a message");
        return;
    }
    session->on_loop.peer_ended = true;
    if (is_heard(session))
        session->base.events->ended(&session->base, &outcome);
}

static void take_piece(
    struct wwi_custom_session *session,
    struct wwi_transport_task *task)
{
    session->on_loop.size += task->octets.size;
    if (session->on_loop.size > session->most) {
        fail(session, WWS_E_QUOTA_EXCEEDED,
            "a message is larger than the quota");
        return;
    }
    session->on_loop.more = task->synced.more;
    if (!session->on_loop.more)
        session->on_loop.size = 0;
    else if (task->octets.size == 0)
        return;
    session->on_loop.piece = task->octets;
    task->octets = (struct wwi_bytes) { 0 };
    session->on_loop.has_piece = true;
}

/* What tasks bring. */

static void set_addresses(struct wwi_custom_session *session)
{
    const struct wwi_server *server = session->server;
    const struct wwi_bytes *own = server != NULL ? &server->synced.address
        : &session->address;
    const struct wwi_bytes *remote = &session->synced.remote;
    const struct wwi_bytes *via = &session->synced.via;

    if (via->size == 0)
        via = own;
    if (remote->size == 0 && server == NULL)
        remote = own;
    session->base.via = (wws_string) { (const char *) via->data, via->size };
    session->base.remote = (wws_string) { (const char *) remote->data,
        remote->size };
}

/* The holder takes the session or not. */
static void introduce(struct wwi_custom_session *session)
{
    const struct wwi_server_callbacks *callbacks =
        &session->server->callbacks;

    callbacks->connected(&session->base, callbacks->state);
    if (session->base.events == NULL)
        fail(session, WWS_E_OPERATION_ABORTED, "nobody takes the session");
}

static void has_connected(
    struct wwi_custom_session *session,
    wws_status status)
{
    if (status < 0 || !has_connection(session)) {
        fail_as_told(session, status, "the application's transport says so");
        return;
    }
    session->on_loop.talking = true;
    lock(session);
    session->synced.open = true;
    unlock(session);
    set_addresses(session);
    if (session->server != NULL)
        introduce(session);
    else {
        wwi_count(session->base.runtime, WWS_COUNTER_CONNECTIONS_OPENED);
        if (is_heard(session))
            session->base.events->opened(&session->base);
    }
    if (!session->on_loop.over && session->synced.connection.watch != NULL)
        begin_new(session, WWI_TASK_WATCH);
}

/* The octets are the next task's. */
static void send_rest(
    struct wwi_custom_session *session,
    struct wwi_transport_task *task)
{
    struct wwi_transport_task *next = new_task(session, WWI_TASK_SEND);

    if (next == NULL)
        return;
    next->at = task->at + part_of(task);
    next->octets = task->octets;
    next->synced.more = task->synced.more;
    task->octets = (struct wwi_bytes) { 0 };
    begin(session, next);
}

static void has_sent(
    struct wwi_custom_session *session,
    struct wwi_transport_task *task)
{
    static const struct wwi_outcome outcome = {
        .progress = WWS_PROGRESS_SENT };
    struct wwi_sending *sending = session->on_loop.sending;

    if (task->synced.status < 0) {
        fail(session, task->synced.status,
            "the application's transport cannot send");
        return;
    }
    if (task->at + part_of(task) < task->octets.size) {
        send_rest(session, task);
        return;
    }
    session->on_loop.sending = NULL;
    sending->done(sending, &outcome);
}

static void has_received(
    struct wwi_custom_session *session,
    struct wwi_transport_task *task)
{
    if (task->synced.status == WWS_S_END)
        end_peer(session);
    else if (task->synced.status < 0 || !task->synced.given)
        fail_as_told(session, task->synced.status,
            "the application's transport cannot receive");
    else
        take_piece(session, task);
}

static void take_result(
    struct wwi_custom_session *session,
    struct wwi_transport_task *task)
{
    wws_status status = task->synced.status;

    switch (task->kind) {
    case WWI_TASK_CONNECT:
        has_connected(session, status);
        break;
    case WWI_TASK_SEND:
        has_sent(session, task);
        break;
    case WWI_TASK_RECEIVE:
        has_received(session, task);
        break;
    case WWI_TASK_WATCH:
        /* When both have shut down, anybody may go. */
        if (!session->on_loop.peer_ended || !session->on_loop.shutting)
            fail(session, status < 0 ? status : WWS_E_ENDPOINT_DISCONNECTED,
                "the peer has gone");
        break;
    case WWI_TASK_SHUT_DOWN:
        session->on_loop.shut = true;
        if (status < 0)
            fail(session, status,
                "the application's transport cannot shut down");
        break;
    default:
        session->on_loop.closed = true;
    }
}

static void take_done(struct wwi_custom_session *session)
{
    struct wwi_list done;
    struct wwi_link *link;

    wwi_list_init(&done);
    lock(session);
    wwi_list_move(&done, &session->synced.done);
    unlock(session);
    while ((link = wwi_list_take(&done)) != NULL) {
        struct wwi_transport_task *task = WWI_CONTAINER(link,
            struct wwi_transport_task, link);

        session->on_loop.tasks[task->kind] = NULL;
        session->on_loop.task_count--;
        if (!session->on_loop.over) {
            quote(session, task);
            take_result(session, task);
        }
        wwi_object_unref(&task->object);
    }
}

/* Obeying. */

static void start(struct wwi_custom_session *session)
{
    wwi_runtime_begin(session->base.runtime);
    session->on_loop.begun = true;
    if (session->server == NULL)
        session->base.events->phase(&session->base, WWS_PHASE_CONNECT);
    begin_new(session, WWI_TASK_CONNECT);
}

static void too_late(struct wwi_timer *timer)
{
    struct wwi_custom_session *session = WWI_CONTAINER(timer,
        struct wwi_custom_session, timer);

    session->on_loop.late = true;
    wwi_custom_session_wake(session);
}

/* The session is given back. */
static void part(struct wwi_custom_session *session)
{
    bool shut;

    lock(session);
    shut = session->synced.shut;
    unlock(session);
    if (!session->on_loop.peer_ended || !shut)
        fail(session, WWS_E_OPERATION_ABORTED, "the session was given back");
    else if (session->on_loop.late)
        fail(session, WWS_E_OPERATION_TIMED_OUT, "the connection stays open");
    else if (!session->on_loop.parting) {
        session->on_loop.parting = true;
        wwi_loop_set_timer(session->base.loop, &session->timer,
            wwi_clock_after(PART_MS));
    }
}

static bool is_stopped(const struct wwi_custom_session *session)
{
    struct wwi_server *server = session->server;

    return server != NULL && (atomic_load(&server->reset)
        || (!session->on_loop.talking && atomic_load(&server->stopping)));
}

static void obey(struct wwi_custom_session *session)
{
    bool opening, aborted, freed;

    lock(session);
    opening = session->synced.opening;
    aborted = session->synced.aborted;
    freed = session->synced.freed;
    session->synced.opening = false;
    unlock(session);
    if (aborted || is_stopped(session))
        fail(session, WWS_E_OPERATION_ABORTED, "the session was aborted");
    else if (freed)
        part(session);
    else if (opening && !freed)
        start(session);
}

/* Talking. */

/* Takes what is next and begins, and says so while nobody can take it back.
 * From then on its octets are the task's. */
static bool next_sending(
    struct wwi_custom_session *session,
    struct wwi_transport_task *task,
    struct wwi_sending **refused)
{
    struct wwi_link *link;
    struct wwi_sending *sending;
    bool may;

    lock(session);
    link = wwi_list_take(&session->synced.queue);
    sending = link != NULL ? WWI_CONTAINER(link, struct wwi_sending, link)
        : NULL;
    may = sending != NULL
        && (sending->begin == NULL || sending->begin(sending));
    if (may) {
        session->on_loop.sending = sending;
        task->octets = sending->body;
        task->synced.more = sending->more;
        sending->body = (struct wwi_bytes) { 0 };
    }
    unlock(session);
    *refused = may ? NULL : sending;
    return may;
}

static bool is_queue_empty(struct wwi_custom_session *session)
{
    bool empty;

    lock(session);
    empty = wwi_list_empty(&session->synced.queue);
    unlock(session);
    return empty;
}

static void refuse_sending(struct wwi_sending *sending)
{
    static const struct wwi_outcome outcome = {
        .status = WWS_E_OPERATION_CANCELLED, .phase = WWS_PHASE_QUEUE };

    wwi_bytes_fini(&sending->body);
    sending->done(sending, &outcome);
}

static void send_next(struct wwi_custom_session *session)
{
    struct wwi_transport_task *task;
    struct wwi_sending *refused;

    if (session->on_loop.sending != NULL || is_queue_empty(session))
        return;
    task = new_task(session, WWI_TASK_SEND);
    if (task == NULL)
        return;
    if (next_sending(session, task, &refused)) {
        begin(session, task);
        return;
    }
    (void) wwi_object_close(&task->object);
    wwi_object_unref(&task->object);
    if (refused != NULL)
        refuse_sending(refused);
    wwi_custom_session_wake(session);
}

static bool may_shut_down(struct wwi_custom_session *session)
{
    bool may;

    lock(session);
    may = session->synced.shut && wwi_list_empty(&session->synced.queue)
        && session->on_loop.sending == NULL && !session->on_loop.shutting;
    unlock(session);
    return may;
}

static bool wants_piece(const struct wwi_custom_session *session)
{
    return !session->on_loop.over && !session->on_loop.peer_ended
        && !session->on_loop.has_piece
        && session->on_loop.tasks[WWI_TASK_RECEIVE] == NULL;
}

static void talk(struct wwi_custom_session *session)
{
    hand_over(session);
    if (wants_piece(session))
        begin_new(session, WWI_TASK_RECEIVE);
    if (!session->on_loop.over)
        send_next(session);
    if (!session->on_loop.over && may_shut_down(session)) {
        session->on_loop.shutting = true;
        begin_new(session, WWI_TASK_SHUT_DOWN);
    }
    if (!session->on_loop.over && session->on_loop.parting
        && session->on_loop.shut && !session->on_loop.closing) {
        session->on_loop.closing = true;
        begin_new(session, WWI_TASK_CLOSE);
    }
}

/* Concluding. */

static void cut(struct wwi_custom_session *session)
{
    const wws_custom_connection *connection = &session->synced.connection;

    if (session->on_loop.cut || session->on_loop.closed
        || !has_connection(session))
        return;
    session->on_loop.cut = true;
    WWI_GATE(CUSTOM_CUTS);
    connection->abort(connection->state);
}

static struct wwi_sending *take_sending(struct wwi_custom_session *session)
{
    struct wwi_link *link;

    lock(session);
    link = wwi_list_take(&session->synced.queue);
    unlock(session);
    return link != NULL ? WWI_CONTAINER(link, struct wwi_sending, link) : NULL;
}

static void drop_sendings(struct wwi_custom_session *session)
{
    struct wwi_sending *sending = session->on_loop.sending;
    struct wwi_outcome outcome = session->on_loop.outcome;

    if (session->base.text[0] != '\0')
        outcome.text = session->base.text;
    session->on_loop.sending = NULL;
    if (sending != NULL)
        sending->done(sending, &outcome);
    while ((sending = take_sending(session)) != NULL) {
        wwi_bytes_fini(&sending->body);
        sending->done(sending, &outcome);
    }
}

/* Whoever waits for a client hears that there is one, or none. */
static void tell_server(struct wwi_custom_session *session)
{
    if (session->server == NULL || session->on_loop.counted
        || !(session->on_loop.talking || session->on_loop.over))
        return;
    session->on_loop.counted = true;
    wwi_custom_server_accepted(session->server, session->on_loop.talking);
}

static void release(struct wwi_custom_session *session)
{
    session->on_loop.released = true;
    if (session->base.events != NULL)
        session->base.events->released(&session->base);
    if (session->server != NULL)
        wwi_custom_server_left(session);
}

/* The connection goes, though the session may be held. */
static void leave(struct wwi_custom_session *session)
{
    const wws_custom_connection *connection = &session->synced.connection;

    session->on_loop.gone = true;
    WWI_GATE(CUSTOM_LEAVES);
    (void) wwi_loop_cancel_timer(session->base.loop, &session->timer);
    if (has_connection(session) && connection->free_state != NULL)
        connection->free_state(connection->state);
    if (session->on_loop.begun)
        wwi_runtime_done(session->base.runtime);
}

static void conclude(struct wwi_custom_session *session)
{
    bool freed, held = session->base.events != NULL;

    lock(session);
    freed = session->synced.freed;
    unlock(session);
    tell_server(session);
    if (session->on_loop.over) {
        cut(session);
        drop_sendings(session);
    }
    if (session->on_loop.over && !session->on_loop.told && held && !freed) {
        session->on_loop.told = true;
        session->base.events->ended(&session->base,
            &session->on_loop.outcome);
    }
    if (!session->on_loop.over && !session->on_loop.closed)
        return;
    if (!session->on_loop.released && (freed || !held))
        release(session);
    if (!session->on_loop.gone && session->on_loop.task_count == 0)
        leave(session);
    if (session->on_loop.gone && session->on_loop.released
        && !session->on_loop.finished) {
        session->on_loop.finished = true;
        wwi_custom_session_unref(session);
    }
}

static void run(struct wwi_work *work)
{
    struct wwi_custom_session *session = WWI_CONTAINER(work,
        struct wwi_custom_session, post.work);

    WWI_GATE(CUSTOM_RUNS);
    take_done(session);
    if (!session->on_loop.over && !session->on_loop.closed)
        obey(session);
    if (session->on_loop.talking && !session->on_loop.over
        && !session->on_loop.closed)
        talk(session);
    conclude(session);
    wwi_custom_session_unref(session);
}

/* Making. */

struct wwi_custom_session *wwi_custom_session_new(
    struct wwi_runtime *runtime,
    struct wwi_server *server)
{
    struct wwi_custom_session *session = wwi_alloc_zero(sizeof *session);

    if (session == NULL)
        return NULL;
    atomic_init(&session->refs, 1);
    session->base.calls = &calls;
    session->base.runtime = runtime;
    session->base.loop = wwi_runtime_loop(runtime);
    wwi_object_ref(&runtime->object);
    wwi_post_init(&session->post, run);
    session->timer.expired = too_late;
    session->server = server;
    if (server != NULL)
        wwi_custom_server_ref(server);
    wwi_lock_init(&session->synced.lock, WWI_RANK_CONNECTION);
    wwi_list_init(&session->synced.done);
    wwi_list_init(&session->synced.queue);
    return session;
}

static wws_status create(
    struct wwi_runtime *runtime,
    wws_string address,
    const struct wwi_client_options *options,
    struct wwi_session **created,
    struct wwi_error *error)
{
    struct wwi_custom_session *session = wwi_custom_session_new(runtime, NULL);

    if (session != NULL)
        wwi_bytes_append_string(&session->address, address);
    if (session == NULL || session->address.failed) {
        if (session != NULL)
            wwi_custom_session_unref(session);
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    }
    session->custom = options->custom;
    wwi_custom_ref(session->custom);
    session->version = options->version;
    session->streamed = options->max_streamed_size != 0;
    session->most = session->streamed ? options->max_streamed_size
        : options->max_message_size;
    *created = &session->base;
    return WWS_S_OK;
}

const struct wwi_transport wwi_custom_sessions = {
    .server_open = wwi_custom_server_open,
    .server_address = wwi_custom_server_address,
    .server_stop = wwi_custom_server_stop,
    .server_free = wwi_custom_server_unref,
    .session_create = create,
};
