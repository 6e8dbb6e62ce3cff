/* What an application's transport has been asked to do.  What is given is put
 * where it belongs at once; that the task is complete is told last, so that
 * whoever hears of it finds everything. */
#include "core/transport/custom.h"

#include "core/base/memory.h"

static void leave(struct wwi_work *work)
{
    struct wwi_transport_task *task = WWI_CONTAINER(work,
        struct wwi_transport_task, post.work);
    struct wwi_custom_session *session = task->session;
    struct wwi_runtime *runtime = session != NULL ? session->base.runtime
        : task->server->runtime;

    wwi_object_ref(&runtime->object);
    wwi_bytes_fini(&task->octets);
    wwi_bytes_fini(&task->synced.reason);
    if (session != NULL)
        wwi_custom_session_unref(session);
    else
        wwi_custom_server_unref(task->server);
    wwi_free(task);
    wwi_runtime_done(runtime);
    wwi_object_unref(&runtime->object);
}

/* With the task go those that only it has held, and with them the
 * application's state: not on a thread that completes it, maybe with the lock
 * of that state. */
static void destroy(struct wwi_object *object)
{
    struct wwi_transport_task *task = WWI_CONTAINER(object,
        struct wwi_transport_task, object);

    (void) wwi_loop_post(task->session != NULL ? task->session->base.loop
        : task->server->loop, &task->post);
}

struct wwi_transport_task *wwi_transport_task_new(
    enum wwi_task_kind kind,
    struct wwi_custom_session *session,
    struct wwi_server *server)
{
    struct wwi_transport_task *task = wwi_alloc_zero(sizeof *task);

    if (task == NULL)
        return NULL;
    if (wwi_object_init(&task->object, WWI_KIND_TRANSPORT_TASK, destroy) < 0) {
        wwi_free(task);
        return NULL;
    }
    wwi_post_init(&task->post, leave);
    task->kind = kind;
    task->session = session;
    task->server = server;
    if (session != NULL)
        wwi_custom_session_ref(session);
    else
        wwi_custom_server_ref(server);
    /* A thread of the application may be the last to leave it. */
    wwi_runtime_begin(session != NULL ? session->base.runtime
        : server->runtime);
    task->lock = session != NULL ? &session->synced.lock
        : &server->synced.lock;
    return task;
}

static bool claim(struct wwi_transport_task *task, wws_status status)
{
    bool mine;

    wwi_lock_take(task->lock);
    mine = !task->synced.claimed;
    if (mine)
        task->synced.status = status;
    task->synced.claimed = true;
    wwi_lock_give(task->lock);
    return mine;
}

bool wwi_transport_task_end(
    struct wwi_transport_task *task,
    wws_status status)
{
    struct wwi_custom_session *session = task->session;

    if (!claim(task, status))
        return false;
    (void) wwi_object_close(&task->object);
    if (session == NULL)
        return true;
    wwi_lock_take(task->lock);
    wwi_list_append(&session->synced.done, &task->link);
    wwi_lock_give(task->lock);
    wwi_custom_session_wake(session);
    return true;
}

/* Giving. */

static wws_status complete_already(struct wwi_error *error)
{
    return wwi_fail_static(error, WWS_E_HANDLE, "the task is complete");
}

static wws_status not_now(struct wwi_error *error, const char *text)
{
    return wwi_fail_static(error, WWS_E_INVALID_OPERATION, text);
}

/* With the lock: whether something may be given, which then is. */
static wws_status give_locked(struct wwi_transport_task *self)
{
    if (self->synced.claimed)
        return WWS_E_HANDLE;
    if (self->synced.given)
        return WWS_E_INVALID_OPERATION;
    self->synced.given = true;
    return WWS_S_OK;
}

static wws_status refuse(
    wws_status status,
    struct wwi_error *error,
    const char *twice)
{
    if (status == WWS_E_HANDLE)
        return complete_already(error);
    return status < 0 ? not_now(error, twice) : status;
}

wws_status wwi_transport_task_give_connection(
    struct wwi_transport_task *self,
    const wws_custom_connection *connection,
    wws_string remote_address,
    wws_string transport_url,
    struct wwi_error *error)
{
    struct wwi_custom_session *session = self->session;
    struct wwi_bytes remote = { 0 }, via = { 0 };
    wws_status status;

    if (self->kind != WWI_TASK_CONNECT)
        return not_now(error, "the task is not to make a connection");
    wwi_bytes_append_string(&remote, remote_address);
    wwi_bytes_append_string(&via, transport_url);
    if (remote.failed || via.failed) {
        wwi_bytes_fini(&remote);
        wwi_bytes_fini(&via);
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    }
    wwi_lock_take(self->lock);
    status = give_locked(self);
    if (status >= 0) {
        session->synced.connection = *connection;
        session->synced.remote = remote;
        session->synced.via = via;
        session->synced.has_connection = true;
    }
    wwi_lock_give(self->lock);
    if (status < 0) {
        wwi_bytes_fini(&remote);
        wwi_bytes_fini(&via);
        return refuse(status, error, "the task has its connection");
    }
    /* It may have come too late. */
    wwi_custom_session_wake(session);
    return WWS_S_OK;
}

wws_status wwi_transport_task_give_listener(
    struct wwi_transport_task *self,
    const wws_custom_listener *listener,
    wws_string address,
    struct wwi_error *error)
{
    struct wwi_server *server = self->server;
    struct wwi_bytes copy = { 0 };
    wws_status status;

    if (self->kind != WWI_TASK_LISTEN)
        return not_now(error, "the task is not to listen");
    wwi_bytes_append_string(&copy, address);
    if (copy.failed)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    wwi_lock_take(self->lock);
    status = give_locked(self);
    if (status >= 0) {
        server->synced.listener = *listener;
        server->synced.address = copy;
        server->synced.has_listener = true;
    }
    wwi_lock_give(self->lock);
    if (status < 0)
        wwi_bytes_fini(&copy);
    return refuse(status, error, "the task has its listener");
}

wws_status wwi_transport_task_give_piece(
    struct wwi_transport_task *self,
    wws_bytes octets,
    bool more,
    struct wwi_error *error)
{
    struct wwi_bytes copy = { 0 };
    wws_status status;

    if (self->kind != WWI_TASK_RECEIVE)
        return not_now(error, "the task is not to receive");
    wwi_bytes_append(&copy, octets.data, octets.size);
    if (copy.failed)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    wwi_lock_take(self->lock);
    status = give_locked(self);
    if (status >= 0) {
        self->octets = copy;
        self->synced.more = more;
    }
    wwi_lock_give(self->lock);
    if (status < 0)
        wwi_bytes_fini(&copy);
    return refuse(status, error, "the task has its piece");
}

wws_status wwi_transport_task_give_reason(
    struct wwi_transport_task *self,
    wws_string reason,
    struct wwi_error *error)
{
    struct wwi_bytes copy = { 0 }, before = { 0 };
    bool claimed;

    wwi_bytes_append_string(&copy, reason);
    if (copy.failed)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    wwi_lock_take(self->lock);
    claimed = self->synced.claimed;
    before = claimed ? copy : self->synced.reason;
    if (!claimed)
        self->synced.reason = copy;
    wwi_lock_give(self->lock);
    wwi_bytes_fini(&before);
    return claimed ? complete_already(error) : WWS_S_OK;
}

wws_status wwi_transport_task_complete(
    struct wwi_transport_task *self,
    wws_status status,
    struct wwi_error *error)
{
    if (status == WWS_S_ASYNC)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "status: WWS_S_ASYNC is not an end");
    if (status == WWS_S_END && self->kind != WWI_TASK_RECEIVE
        && self->kind != WWI_TASK_WATCH)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "status: WWS_S_END is for those who receive or watch");
    return wwi_transport_task_end(self, status) ? WWS_S_OK
        : complete_already(error);
}
