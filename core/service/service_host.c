/* The server of services: its states, its endpoints, and how it is aborted. */
#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/service/host_parts.h"
#include "core/service/operation.h"

enum {
    CLOSE_TIMEOUT_MS = 5000,
    CANCEL_BATCH = 32,
};

enum {
    CREATED = WWS_SERVICE_HOST_STATE_CREATED,
    OPENING = WWS_SERVICE_HOST_STATE_OPENING,
    OPEN = WWS_SERVICE_HOST_STATE_OPEN,
    CLOSING = WWS_SERVICE_HOST_STATE_CLOSING,
    CLOSED = WWS_SERVICE_HOST_STATE_CLOSED,
    FAULTED = WWS_SERVICE_HOST_STATE_FAULTED,
    STATES,
    NO = STATES,
};

/* An abort while opening gives the host back at once; the open sees by its
 * number that it has been overtaken.  That one came while closing is a flag
 * beside the state, which close looks at when it ends (D7).
               begin    done    fail     abort    close    reset */
static const uint8_t moves[STATES][WWI_HOST_EVENTS] = {
    [CREATED] = { OPENING, NO,     NO,      CREATED, CLOSED,  CREATED },
    [OPENING] = { NO,      OPEN,   CREATED, CREATED, NO,      NO      },
    [OPEN]    = { NO,      NO,     NO,      FAULTED, CLOSING, NO      },
    [CLOSING] = { NO,      CLOSED, NO,      CLOSING, NO,      NO      },
    [CLOSED]  = { NO,      NO,     NO,      CLOSED,  CLOSED,  CREATED },
    [FAULTED] = { NO,      NO,     NO,      FAULTED, CLOSING, NO      },
};

static const char *const names[STATES] = {
    [CREATED] = "created",
    [OPENING] = "opening",
    [OPEN] = "open",
    [CLOSING] = "closing",
    [CLOSED] = "closed",
    [FAULTED] = "faulted",
};

bool wwi_host_move_locked(
    struct wwi_service_host *self,
    enum wwi_host_event event)
{
    uint8_t next = moves[self->synced.state][event];

    if (next == NO)
        return false;
    self->synced.state = next;
    return true;
}

void wwi_host_log_state(
    struct wwi_service_host *self,
    wws_service_host_state state)
{
    wwi_log_write(self->member.runtime->log, WWS_LOG_LEVEL_INFO,
        WWS_PHASE_NONE, "service host %016llx: %s",
        (unsigned long long) self->object.id, names[state]);
}

wws_status wwi_host_wrong_state(
    wws_service_host_state state,
    struct wwi_error *error)
{
    return wwi_fail(error, WWS_E_INVALID_OPERATION,
        "not while the service host is %s", names[state]);
}

void wwi_host_post(struct wwi_service_host *self, struct wwi_post *what)
{
    wwi_object_ref(&self->object);
    if (!wwi_loop_post(self->loop, what))
        wwi_object_unref(&self->object);
}

/* Abort */

/* Tells some of the operations; whether there are more. */
static bool cancel_some(struct wwi_service_host *self)
{
    struct wwi_operation *batch[CANCEL_BATCH];
    struct wwi_link *link;
    uint32_t count = 0;
    bool more;

    wwi_lock_take(&self->synced.lock);
    while (count < CANCEL_BATCH
        && (link = wwi_list_take(&self->synced.running)) != NULL) {
        wwi_list_append(&self->synced.told, link);
        batch[count] = WWI_CONTAINER(link, struct wwi_operation, link);
        wwi_object_ref(&batch[count++]->object);
    }
    more = !wwi_list_empty(&self->synced.running);
    wwi_lock_give(&self->synced.lock);
    WWI_GATE(HOST_CANCELS);
    for (uint32_t i = 0; i < count; i++) {
        wwi_operation_cancel(batch[i], WWS_CANCEL_REASON_HOST_ABORTED);
        wwi_object_unref(&batch[i]->object);
    }
    return more;
}

static void run_cancel(struct wwi_work *work)
{
    struct wwi_service_host *self = WWI_CONTAINER(work,
        struct wwi_service_host, cancel_post.work);

    if (cancel_some(self))
        wwi_host_post(self, &self->cancel_post);
    wwi_object_unref(&self->object);
}

/* Says that the host is aborted; false if there is nothing else to do. */
static bool begin_abort_locked(struct wwi_service_host *self, wws_status why)
{
    wws_service_host_state before = self->synced.state;

    /* A timer that was running may belong to the close before. */
    if (why == WWS_E_OPERATION_TIMED_OUT && (before != CLOSING
        || wwi_clock_now() < self->synced.close_deadline))
        return false;
    if (before == CLOSING && self->synced.close_status == WWS_S_OK)
        self->synced.close_status = why;
    if (before == CLOSED || atomic_load(&self->aborted))
        return false;
    /* An open stops what it has opened, and nothing runs yet. */
    atomic_store(&self->aborted, before != OPENING);
    (void) wwi_host_move_locked(self, WWI_HOST_ABORT);
    return before == OPEN || before == CLOSING;
}

void wwi_host_abort(struct wwi_service_host *self, wws_status why)
{
    wws_service_host_state before, after;
    bool running;

    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    running = begin_abort_locked(self, why);
    after = self->synced.state;
    wwi_lock_give(&self->synced.lock);
    if (running || after != before)
        wwi_host_log_state(self, after);
    if (!running)
        return;
    WWI_GATE(HOST_ABORTS);
    wwi_host_stop_servers(self, true);
    if (cancel_some(self))
        wwi_host_post(self, &self->cancel_post);
}

static void abort_member(struct wwi_member *member)
{
    wwi_host_abort(WWI_CONTAINER(member, struct wwi_service_host, member),
        WWS_E_OPERATION_ABORTED);
}

wws_status wwi_service_host_abort(struct wwi_service_host *self)
{
    wwi_host_abort(self, WWS_E_OPERATION_ABORTED);
    return WWS_S_OK;
}

/* Create and free */

static void destroy(struct wwi_object *object)
{
    struct wwi_service_host *self = WWI_CONTAINER(object,
        struct wwi_service_host, object);
    struct wwi_link *link;

    while ((link = wwi_list_take(&self->synced.endpoints)) != NULL)
        wwi_endpoint_free(WWI_CONTAINER(link, struct wwi_endpoint, link),
            true);
    if (self->loop != NULL)
        wwi_member_leave(&self->member);
    wwi_lock_fini(&self->synced.lock);
    wwi_free(self);
}

static void init(
    struct wwi_service_host *self,
    const wws_service_host_options *options)
{
    self->options = *options;
    if (self->options.close_timeout_ms == 0)
        self->options.close_timeout_ms = CLOSE_TIMEOUT_MS;
    wwi_post_init(&self->early_post, wwi_host_run_early);
    wwi_post_init(&self->cancel_post, run_cancel);
    self->timer.expired = wwi_host_close_timed_out;
    atomic_init(&self->aborted, false);
    wwi_lock_init(&self->synced.lock, WWI_RANK_SERVICE_HOST);
    wwi_list_init(&self->synced.endpoints);
    wwi_list_init(&self->synced.early);
    wwi_list_init(&self->synced.running);
    wwi_list_init(&self->synced.told);
}

wws_status wwi_service_host_create(
    struct wwi_runtime *runtime,
    const wws_service_host_options *options,
    wws_service_host *handle,
    struct wwi_error *error)
{
    struct wwi_service_host *self = wwi_alloc_zero(sizeof *self);
    wws_status status;

    if (self == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for a service host");
    init(self, options);
    status = wwi_object_init(&self->object, WWI_KIND_SERVICE_HOST, destroy);
    if (status < 0) {
        wwi_lock_fini(&self->synced.lock);
        wwi_free(self);
        return wwi_fail_static(error, status, "no handle for a service host");
    }
    status = wwi_member_join(&self->member, &self->object, runtime,
        abort_member);
    if (status < 0) {
        (void) wwi_object_close(&self->object);
        wwi_object_unref(&self->object);
        return wwi_fail_static(error, status,
            "no runtime for a service host");
    }
    self->loop = wwi_runtime_loop(self->member.runtime);
    handle->id = self->object.id;
    return WWS_S_OK;
}

wws_status wwi_service_host_free(struct wwi_service_host *self)
{
    if (!wwi_object_close(&self->object))
        return WWS_E_HANDLE;
    wwi_host_abort(self, WWS_E_OPERATION_ABORTED);
    wwi_object_unref(&self->object);
    return WWS_S_OK;
}

/* Endpoints */

static wws_status list_endpoint(
    struct wwi_service_host *self,
    struct wwi_endpoint *endpoint,
    struct wwi_error *error)
{
    wws_service_host_state state;

    wwi_lock_take(&self->synced.lock);
    state = self->synced.state;
    if (state == CREATED) {
        endpoint->index = self->synced.endpoint_count++;
        wwi_list_append(&self->synced.endpoints, &endpoint->link);
    }
    wwi_lock_give(&self->synced.lock);
    return state == CREATED ? WWS_S_OK : wwi_host_wrong_state(state, error);
}

wws_status wwi_service_host_add_endpoint(
    struct wwi_service_host *self,
    const wws_endpoint_options *options,
    struct wwi_error *error)
{
    struct wwi_endpoint *endpoint;
    wws_status status = wwi_endpoint_create(options, &endpoint, error);

    if (status < 0)
        return status;
    endpoint->host = self;
    status = list_endpoint(self, endpoint, error);
    if (status < 0)
        wwi_endpoint_free(endpoint, false);
    return status;
}

wws_status wwi_service_host_get_address(
    struct wwi_service_host *self,
    uint32_t index,
    wws_buffer *address,
    struct wwi_error *error)
{
    struct wwi_endpoint_server *server;
    struct wwi_bytes text = { 0 };
    wws_service_host_state state;
    wws_status status;

    if (!wwi_host_hold_server(self, index, false, &server))
        return wwi_fail(error, WWS_E_INVALIDARG,
            "the service host has no endpoint %u", (unsigned) index);
    (void) wwi_service_host_get_state(self, &state, NULL);
    if (server == NULL || state != OPEN) {
        status = wwi_host_wrong_state(state, error);
        goto out;
    }
    status = server->endpoint->transport->server_address(server->server,
        &text);
    if (status < 0)
        wwi_fail_static(error, status, "cannot get the address");
    else
        wwi_bytes_to_buffer(&text, address);

out:
    wwi_bytes_fini(&text);
    if (server != NULL)
        wwi_service_host_release(server);
    return status;
}

wws_status wwi_service_host_reset(
    struct wwi_service_host *self,
    struct wwi_error *error)
{
    wws_service_host_state before;
    bool moved;

    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    moved = wwi_host_move_locked(self, WWI_HOST_RESET);
    if (moved)
        atomic_store(&self->aborted, false);
    wwi_lock_give(&self->synced.lock);
    if (!moved)
        return wwi_host_wrong_state(before, error);
    wwi_host_log_state(self, CREATED);
    return WWS_S_OK;
}

wws_status wwi_service_host_get_state(
    struct wwi_service_host *self,
    wws_service_host_state *state,
    struct wwi_error *error)
{
    (void) error;
    wwi_lock_take(&self->synced.lock);
    *state = self->synced.state;
    wwi_lock_give(&self->synced.lock);
    return WWS_S_OK;
}
