/* The server of an application's own transport: one session waits for the next
 * client, those that have one go on.
 *
 * Whoever stops it calls the listener's stop, so that the address is free when
 * he returns; an accept that is just beginning may come beside it. */
#include "core/transport/custom.h"

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"

enum {
    RETRY_MS = 100,
    BATCH = 64, /* sessions that are woken at once */
};

static void lock(struct wwi_server *server)
{
    wwi_lock_take(&server->synced.lock);
}

static void unlock(struct wwi_server *server)
{
    wwi_lock_give(&server->synced.lock);
}

void wwi_custom_server_ref(struct wwi_server *server)
{
    atomic_fetch_add(&server->refs, 1);
}

void wwi_custom_server_unref(struct wwi_server *server)
{
    const wws_custom_listener *listener = &server->synced.listener;

    if (atomic_fetch_sub(&server->refs, 1) != 1)
        return;
    if (server->synced.has_listener && listener->free_state != NULL)
        listener->free_state(listener->state);
    wwi_bytes_fini(&server->synced.address);
    wwi_lock_fini(&server->synced.lock);
    wwi_custom_unref(server->custom);
    wwi_free(server);
}

/* Asks the loop to look at it, from any thread.  Without the lock, for where
 * the loop has ended it looks at once. */
static void wake(struct wwi_server *server)
{
    wwi_custom_server_ref(server);
    if (!wwi_loop_post(server->loop, &server->post))
        wwi_custom_server_unref(server);
}

/* Stopping. */

static void forget_retry(struct wwi_server *server)
{
    if (wwi_loop_cancel_timer(server->loop, &server->retry))
        wwi_custom_server_unref(server);
}

static void finish(struct wwi_server *server)
{
    wwi_runtime_done(server->runtime);
    server->synced.stopped(server->callbacks.state);
}

/* Sessions that nobody has told of a stop, with a reference each. */
static uint32_t take_some(
    struct wwi_server *server,
    struct wwi_custom_session *batch[BATCH])
{
    struct wwi_link *link;
    uint32_t count = 0;

    lock(server);
    while (count < BATCH
        && (link = wwi_list_take(&server->synced.sessions)) != NULL) {
        wwi_list_append(&server->synced.woken, link);
        batch[count] = WWI_CONTAINER(link, struct wwi_custom_session, link);
        wwi_custom_session_ref(batch[count++]);
    }
    unlock(server);
    return count;
}

static void wake_some(struct wwi_server *server)
{
    struct wwi_custom_session *batch[BATCH];
    uint32_t count = take_some(server, batch);

    for (uint32_t i = 0; i < count; i++) {
        wwi_custom_session_wake(batch[i]);
        wwi_custom_session_unref(batch[i]);
    }
    if (count == BATCH)
        wake(server);
}

static void look(struct wwi_work *work)
{
    struct wwi_server *server = WWI_CONTAINER(work, struct wwi_server,
        post.work);
    bool finished;

    if (atomic_load(&server->stopping)) {
        forget_retry(server);
        wake_some(server);
    }
    lock(server);
    finished = server->synced.told && server->synced.count == 0
        && !server->synced.finished;
    server->synced.finished = server->synced.finished || finished;
    unlock(server);
    if (finished)
        finish(server);
    wwi_custom_server_unref(server);
}

/* Whether this is the first time. */
static bool begin_stop(
    struct wwi_server *server,
    bool reset,
    void (*stopped)(void *state))
{
    bool first;

    lock(server);
    first = !atomic_load(&server->stopping);
    if (first)
        server->synced.stopped = stopped;
    if (reset)
        atomic_store(&server->reset, true);
    atomic_store(&server->stopping, true);
    wwi_list_move(&server->synced.sessions, &server->synced.woken);
    unlock(server);
    return first;
}

void wwi_custom_server_stop(
    struct wwi_server *server,
    bool reset,
    void (*stopped)(void *state))
{
    const wws_custom_listener *listener = &server->synced.listener;

    wwi_custom_server_ref(server);
    if (begin_stop(server, reset, stopped)) {
        WWI_GATE(CUSTOM_STOPS);
        listener->stop(listener->state);
        lock(server);
        server->synced.told = true;
        unlock(server);
    }
    wake(server);
    wwi_custom_server_unref(server);
}

/* Accepting. */

static bool may_accept_locked(const struct wwi_server *server)
{
    return !atomic_load(&server->stopping) && !server->synced.accepting
        && server->synced.count < server->options.max_connections;
}

static void try_later_locked(struct wwi_server *server)
{
    if (server->synced.retrying || atomic_load(&server->stopping))
        return;
    server->synced.retrying = true;
    wwi_custom_server_ref(server);
    wwi_loop_set_timer(server->loop, &server->retry,
        wwi_clock_after(RETRY_MS));
}

static struct wwi_custom_session *new_session(struct wwi_server *server)
{
    const struct wwi_server_options *options = &server->options;
    struct wwi_custom_session *session = wwi_custom_session_new(
        server->runtime, server);

    if (session == NULL)
        return NULL;
    session->version = options->version;
    session->streamed = options->max_streamed_size != 0;
    session->most = session->streamed ? options->max_streamed_size
        : options->max_message_size;
    return session;
}

static void accept_next(struct wwi_server *server)
{
    struct wwi_custom_session *session;

    lock(server);
    if (!may_accept_locked(server)) {
        unlock(server);
        return;
    }
    server->synced.accepting = true;
    server->synced.count++;
    unlock(server);
    session = new_session(server);
    lock(server);
    if (session != NULL) {
        /* It may be stopped as soon as it is there. */
        wwi_custom_session_ref(session);
        wwi_list_append(&server->synced.sessions, &session->link);
    } else {
        server->synced.accepting = false;
        server->synced.count--;
        try_later_locked(server);
    }
    unlock(server);
    if (session == NULL) {
        wake(server);
        return;
    }
    session->base.calls->open(&session->base);
    wwi_custom_session_unref(session);
}

static void retry(struct wwi_timer *timer)
{
    struct wwi_server *server = WWI_CONTAINER(timer, struct wwi_server, retry);

    lock(server);
    server->synced.retrying = false;
    unlock(server);
    accept_next(server);
    wwi_custom_server_unref(server);
}

wws_status wwi_custom_server_call_accept(
    struct wwi_server *server,
    wws_transport_task task)
{
    const wws_custom_listener *listener = &server->synced.listener;

    if (atomic_load(&server->stopping))
        return WWS_E_OPERATION_ABORTED;
    return listener->accept(task, listener->state);
}

void wwi_custom_server_accepted(struct wwi_server *server, bool made)
{
    lock(server);
    server->synced.accepting = false;
    if (!made)
        try_later_locked(server);
    unlock(server);
    if (made)
        accept_next(server);
}

void wwi_custom_server_left(struct wwi_custom_session *session)
{
    struct wwi_server *server = session->server;
    bool retrying;

    lock(server);
    wwi_list_remove(&session->link);
    server->synced.count--;
    retrying = server->synced.retrying;
    unlock(server);
    wake(server);
    if (!retrying)
        accept_next(server);
}

/* Opening. */

static struct wwi_server *new_server(
    struct wwi_runtime *runtime,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks)
{
    struct wwi_server *server = wwi_alloc_zero(sizeof *server);

    if (server == NULL)
        return NULL;
    atomic_init(&server->refs, 1);
    server->runtime = runtime;
    server->loop = wwi_runtime_loop(runtime);
    server->custom = options->custom;
    wwi_custom_ref(server->custom);
    server->options = *options;
    server->callbacks = *callbacks;
    wwi_post_init(&server->post, look);
    server->retry.expired = retry;
    wwi_lock_init(&server->synced.lock, WWI_RANK_CONNECTION);
    wwi_list_init(&server->synced.sessions);
    wwi_list_init(&server->synced.woken);
    return server;
}

/* At once: what is not complete when the slot returns has failed. */
static wws_status call_listen(
    struct wwi_transport_task *task,
    const wws_custom_transport *table,
    wws_string url,
    struct wwi_error *error)
{
    wws_status status = table->listen((wws_transport_task) { task->object.id },
        url, table->state);
    const struct wwi_bytes *reason = &task->synced.reason;

    (void) wwi_transport_task_end(task, status == WWS_S_ASYNC
        ? WWS_E_INVALID_OPERATION : status);
    status = task->synced.status;
    if (status < 0 && reason->size != 0)
        wwi_fail(error, status, "%.*s", (int) reason->size,
            (const char *) reason->data);
    return status;
}

static wws_status listen_at(
    struct wwi_server *server,
    wws_string url,
    struct wwi_error *error)
{
    struct wwi_transport_task *task = wwi_transport_task_new(WWI_TASK_LISTEN,
        NULL, server);
    const wws_custom_listener *listener = &server->synced.listener;
    wws_status status = WWS_E_OUTOFMEMORY;

    if (task != NULL) {
        status = call_listen(task, &server->custom->table, url, error);
        wwi_object_unref(&task->object);
    }
    if (status >= 0 && !server->synced.has_listener)
        status = WWS_E_INVALID_OPERATION;
    if (status >= 0 && server->synced.address.size == 0)
        wwi_bytes_append_string(&server->synced.address, url);
    if (server->synced.address.failed)
        status = WWS_E_OUTOFMEMORY;
    if (status >= 0)
        return WWS_S_OK;
    if (server->synced.has_listener)
        listener->stop(listener->state);
    return wwi_fail_static(error, status,
        "the application's transport cannot listen");
}

wws_status wwi_custom_server_open(
    struct wwi_runtime *runtime,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **out,
    struct wwi_error *error)
{
    struct wwi_server *server = new_server(runtime, options, callbacks);
    wws_status status;

    if (server == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    /* Before its task can be the last that the runtime waits for. */
    wwi_runtime_begin(runtime);
    status = listen_at(server, url, error);
    if (status < 0) {
        wwi_custom_server_unref(server);
        wwi_runtime_done(runtime);
        return status;
    }
    *out = server;
    accept_next(server);
    return WWS_S_OK;
}

wws_status wwi_custom_server_address(
    struct wwi_server *server,
    struct wwi_bytes *address)
{
    wwi_bytes_append(address, server->synced.address.data,
        server->synced.address.size);
    return address->failed ? WWS_E_OUTOFMEMORY : WWS_S_OK;
}
