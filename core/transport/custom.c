/* Sessions over an application's own transport.
 *
 * Rules.
 * - Slots of a connection are called by wwi_custom_session_run(), on the loop,
 *   and all that a holder wishes or a task brings is looked at there.
 * - The application is not trusted to end anything.  When a session is over,
 *   its holder hears of it at once, though tasks are under way: what they use
 *   is theirs.  The connection goes when the last of them is complete, and the
 *   end of the runtime waits for that.
 * - abort is called once, if there is a connection and it was not closed, also
 *   when it is given too late. */
#include "core/transport/custom.h"

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/text.h"

#include <stdio.h>

enum {
    PIECE = 65536,         /* of a message that is streamed */
    PART_MS = 2000,        /* for closing one that was given back */
};

/* How sessions end, on the loop from here on. */

static bool is_over(const struct wwi_custom_session *session)
{
    return session->on_loop.stage == WWI_CUSTOM_OVER;
}

static bool has_ended(const struct wwi_custom_session *session)
{
    return session->on_loop.stage >= WWI_CUSTOM_CLOSED;
}

/* The runtime waits for it from its first step on. */
static void step(
    struct wwi_custom_session *session,
    enum wwi_custom_stage stage)
{
    if (session->on_loop.stage == WWI_CUSTOM_IDLE)
        wwi_runtime_begin(session->base.runtime);
    session->on_loop.stage = stage;
}

static void fail(
    struct wwi_custom_session *session,
    wws_status status,
    const char *text)
{
    if (is_over(session))
        return;
    session->on_loop.outcome = (struct wwi_outcome) {
        .status = status,
        .phase = session->on_loop.stage >= WWI_CUSTOM_TALKING
            ? WWS_PHASE_BODY : WWS_PHASE_CONNECT,
        .text = text,
    };
    step(session, WWI_CUSTOM_OVER);
    wwi_custom_lock(session);
    session->synced.over = true;
    wwi_custom_unlock(session);
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

    wwi_custom_lock(session);
    heard = !session->synced.freed && !session->synced.aborted;
    wwi_custom_unlock(session);
    return heard;
}

static bool has_connection(struct wwi_custom_session *session)
{
    bool has;

    wwi_custom_lock(session);
    has = session->synced.has_connection;
    wwi_custom_unlock(session);
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

    wwi_custom_lock(session);
    asked = session->synced.asked != 0 && !session->synced.freed
        && !session->synced.aborted;
    session->synced.asked -= asked;
    wwi_custom_unlock(session);
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

    while (!is_over(session) && session->on_loop.has_piece
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

/* Whoever waits for a client hears that there is one, or none. */
static void tell_server(struct wwi_custom_session *session, bool made)
{
    if (session->server == NULL || session->on_loop.counted)
        return;
    session->on_loop.counted = true;
    wwi_custom_server_accepted(session->server, made);
}

/* The holder takes the session or not. */
static void introduce(struct wwi_custom_session *session)
{
    const struct wwi_server_callbacks *callbacks =
        &session->server->callbacks;

    callbacks->connected(&session->base, callbacks->state);
    if (session->base.events == NULL)
        fail(session, WWS_E_OPERATION_ABORTED, "nobody takes the session");
    tell_server(session, true);
}

static void has_connected(
    struct wwi_custom_session *session,
    wws_status status)
{
    if (status < 0 || !has_connection(session)) {
        fail_as_told(session, status, "the application's transport says so");
        return;
    }
    step(session, WWI_CUSTOM_TALKING);
    wwi_custom_lock(session);
    session->synced.open = true;
    wwi_custom_unlock(session);
    set_addresses(session);
    if (session->server != NULL)
        introduce(session);
    else {
        wwi_count(session->base.runtime, WWS_COUNTER_CONNECTIONS_OPENED);
        if (is_heard(session))
            session->base.events->opened(&session->base);
    }
    if (!is_over(session) && session->synced.connection.watch != NULL)
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

/* When both have shut down, anybody may go.  Who closed in order has ended
 * before, and what he sent is still to be received. */
static void has_gone(struct wwi_custom_session *session, wws_status status)
{
    bool shutting = session->on_loop.speech != WWI_CUSTOM_SPEAKS;

    if (!shutting || (status < 0 && !session->on_loop.peer_ended))
        fail(session, status < 0 ? status : WWS_E_ENDPOINT_DISCONNECTED,
            "the peer has gone");
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
        has_gone(session, status);
        break;
    case WWI_TASK_SHUT_DOWN:
        session->on_loop.speech = WWI_CUSTOM_SHUT;
        if (status < 0)
            fail(session, status,
                "the application's transport cannot shut down");
        break;
    default:
        step(session, WWI_CUSTOM_CLOSED);
    }
}

static void take_done(struct wwi_custom_session *session)
{
    struct wwi_list done;
    struct wwi_link *link;

    wwi_list_init(&done);
    wwi_custom_lock(session);
    wwi_list_move(&done, &session->synced.done);
    wwi_custom_unlock(session);
    while ((link = wwi_list_take(&done)) != NULL) {
        struct wwi_transport_task *task = WWI_CONTAINER(link,
            struct wwi_transport_task, link);

        session->on_loop.tasks[task->kind] = NULL;
        session->on_loop.task_count--;
        if (!is_over(session)) {
            quote(session, task);
            take_result(session, task);
        }
        wwi_object_unref(&task->object);
    }
}

/* Obeying. */

static void start(struct wwi_custom_session *session)
{
    step(session, WWI_CUSTOM_CONNECTING);
    if (session->server == NULL)
        session->base.events->phase(&session->base, WWS_PHASE_CONNECT);
    begin_new(session, WWI_TASK_CONNECT);
}

void wwi_custom_session_too_late(struct wwi_timer *timer)
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

    wwi_custom_lock(session);
    shut = session->synced.shut;
    wwi_custom_unlock(session);
    if (!session->on_loop.peer_ended || !shut)
        fail(session, WWS_E_OPERATION_ABORTED, "the session was given back");
    else if (session->on_loop.late)
        fail(session, WWS_E_OPERATION_TIMED_OUT, "the connection stays open");
    else if (session->on_loop.stage == WWI_CUSTOM_TALKING) {
        step(session, WWI_CUSTOM_PARTING);
        wwi_loop_set_timer(session->base.loop, &session->timer,
            wwi_clock_after(PART_MS));
    }
}

static bool is_stopped(const struct wwi_custom_session *session)
{
    struct wwi_server *server = session->server;

    return server != NULL && (atomic_load(&server->reset)
        || (session->on_loop.stage < WWI_CUSTOM_TALKING
            && atomic_load(&server->stopping)));
}

static void obey(struct wwi_custom_session *session)
{
    bool opening, aborted, freed;

    wwi_custom_lock(session);
    opening = session->synced.opening;
    aborted = session->synced.aborted;
    freed = session->synced.freed;
    session->synced.opening = false;
    wwi_custom_unlock(session);
    if (aborted || is_stopped(session))
        fail(session, WWS_E_OPERATION_ABORTED, "the session was aborted");
    else if (freed)
        part(session);
    else if (opening)
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

    wwi_custom_lock(session);
    link = wwi_list_first(&session->synced.queue);
    sending = link != NULL ? WWI_CONTAINER(link, struct wwi_sending, link)
        : NULL;
    may = sending != NULL
        && (sending->begin == NULL || sending->begin(sending));
    if (sending != NULL && !may)
        wwi_custom_session_take_back_locked(session, sending);
    else if (may) {
        wwi_list_remove(&sending->link);
        session->on_loop.sending = sending;
        task->octets = sending->body;
        task->synced.more = sending->more;
        sending->body = (struct wwi_bytes) { 0 };
    }
    wwi_custom_unlock(session);
    *refused = may ? NULL : sending;
    return may;
}

static bool is_queue_empty(struct wwi_custom_session *session)
{
    bool empty;

    wwi_custom_lock(session);
    empty = wwi_list_empty(&session->synced.queue);
    wwi_custom_unlock(session);
    return empty;
}

static void refuse_sending(struct wwi_sending *sending)
{
    static const struct wwi_outcome outcome = {
        .status = WWS_E_OPERATION_CANCELLED, .phase = WWS_PHASE_SEND };

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

    wwi_custom_lock(session);
    may = session->synced.shut && wwi_list_empty(&session->synced.queue)
        && session->on_loop.sending == NULL
        && session->on_loop.speech == WWI_CUSTOM_SPEAKS;
    wwi_custom_unlock(session);
    return may;
}

static bool wants_piece(const struct wwi_custom_session *session)
{
    return !is_over(session) && !session->on_loop.peer_ended
        && !session->on_loop.has_piece
        && session->on_loop.tasks[WWI_TASK_RECEIVE] == NULL;
}

static void talk(struct wwi_custom_session *session)
{
    hand_over(session);
    if (wants_piece(session))
        begin_new(session, WWI_TASK_RECEIVE);
    if (!is_over(session))
        send_next(session);
    if (!is_over(session) && may_shut_down(session)) {
        session->on_loop.speech = WWI_CUSTOM_SHUTTING;
        begin_new(session, WWI_TASK_SHUT_DOWN);
    }
    if (session->on_loop.stage == WWI_CUSTOM_PARTING
        && session->on_loop.speech == WWI_CUSTOM_SHUT) {
        step(session, WWI_CUSTOM_CLOSING);
        begin_new(session, WWI_TASK_CLOSE);
    }
}

/* Concluding. */

static void cut(struct wwi_custom_session *session)
{
    const wws_custom_connection *connection = &session->synced.connection;

    if (session->on_loop.cut || !has_connection(session))
        return;
    session->on_loop.cut = true;
    WWI_GATE(CUSTOM_CUTS);
    connection->abort(connection->state);
}

static struct wwi_sending *take_sending(struct wwi_custom_session *session)
{
    struct wwi_link *link;

    wwi_custom_lock(session);
    link = wwi_list_take(&session->synced.queue);
    wwi_custom_unlock(session);
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
    wwi_runtime_done(session->base.runtime);
}

/* What failed is broken off, and whoever waits for it hears so. */
static void end(struct wwi_custom_session *session, bool heard)
{
    tell_server(session, false);
    cut(session);
    drop_sendings(session);
    if (session->on_loop.told || !heard)
        return;
    session->on_loop.told = true;
    session->base.events->ended(&session->base, &session->on_loop.outcome);
}

static void conclude(struct wwi_custom_session *session)
{
    bool freed, held = session->base.events != NULL;

    if (session->on_loop.gone && session->on_loop.released)
        return;
    wwi_custom_lock(session);
    freed = session->synced.freed;
    wwi_custom_unlock(session);
    if (is_over(session))
        end(session, held && !freed);
    if (!session->on_loop.released && (freed || !held))
        release(session);
    if (!session->on_loop.gone && session->on_loop.task_count == 0)
        leave(session);
    if (session->on_loop.gone && session->on_loop.released)
        wwi_custom_session_unref(session);
}

static void look(struct wwi_custom_session *session)
{
    take_done(session);
    if (!has_ended(session))
        obey(session);
    if (session->on_loop.stage >= WWI_CUSTOM_TALKING && !has_ended(session))
        talk(session);
    if (has_ended(session))
        conclude(session);
}

void wwi_custom_session_run(struct wwi_work *work)
{
    struct wwi_custom_session *session = WWI_CONTAINER(work,
        struct wwi_custom_session, post.work);

    WWI_GATE(CUSTOM_RUNS);
    /* Where the loop has ended, waking runs at once. */
    session->on_loop.again = true;
    if (!session->on_loop.driven) {
        session->on_loop.driven = true;
        while (session->on_loop.again) {
            session->on_loop.again = false;
            look(session);
        }
        session->on_loop.driven = false;
    }
    wwi_custom_session_unref(session);
}
