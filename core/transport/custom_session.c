/* Sessions over an application's own transport, as their holders see them: they
 * are made, wish for something, and are looked at on the loop (custom.c). */
#include "core/transport/custom.h"

#include "core/base/memory.h"
#include "core/base/text.h"

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

static struct wwi_custom_session *session_of(struct wwi_session *base)
{
    return WWI_CONTAINER(base, struct wwi_custom_session, base);
}

/* What holders call, on any thread.  The loop looks what has changed, and the
 * session may be gone when it has. */

static struct wwi_custom_session *enter(struct wwi_session *base)
{
    struct wwi_custom_session *session = session_of(base);

    wwi_custom_session_ref(session);
    wwi_custom_lock(session);
    return session;
}

static void leave(struct wwi_custom_session *session)
{
    wwi_custom_unlock(session);
    wwi_custom_session_wake(session);
    wwi_custom_session_unref(session);
}

static void open_session(struct wwi_session *base)
{
    struct wwi_custom_session *session = enter(base);

    session->synced.opening = true;
    leave(session);
}

static void receive(struct wwi_session *base)
{
    struct wwi_custom_session *session = enter(base);

    session->synced.asked++;
    leave(session);
}

static void abort_session(struct wwi_session *base)
{
    struct wwi_custom_session *session = enter(base);

    session->synced.aborted = true;
    session->synced.over = true;
    leave(session);
}

static void free_session(struct wwi_session *base)
{
    struct wwi_custom_session *session = enter(base);

    session->synced.freed = true;
    leave(session);
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
    struct wwi_custom_session *session = enter(base);

    if (may_send_locked(session) == WWS_S_OK)
        session->synced.shut = true;
    leave(session);
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
    (void) enter(base);
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
    leave(session);
    return status;
}

void wwi_custom_session_take_back_locked(
    struct wwi_custom_session *session,
    struct wwi_sending *sending)
{
    wwi_list_remove(&sending->link);
    if (session->synced.last == sending)
        session->synced.shut = false;
}

static bool unsend(struct wwi_session *base, struct wwi_sending *sending)
{
    struct wwi_custom_session *session = session_of(base);
    bool queued;

    wwi_custom_lock(session);
    queued = wwi_link_listed(&sending->link);
    if (queued)
        wwi_custom_session_take_back_locked(session, sending);
    wwi_custom_unlock(session);
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
    wwi_post_init(&session->post, wwi_custom_session_run);
    session->timer.expired = wwi_custom_session_too_late;
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
