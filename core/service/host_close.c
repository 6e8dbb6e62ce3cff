/* Closing a service host: it waits until the last of its servers is gone, and
 * aborts itself when its time is over. */
#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/channel/closing.h"
#include "core/service/host_parts.h"

/* The host is closed when the last server is gone. */
void wwi_host_server_gone(struct wwi_service_host *self)
{
    struct wwi_wait *wait = NULL;
    wws_status status = WWS_S_OK;
    const char *text = NULL;
    bool closed, timed = false;

    wwi_lock_take(&self->synced.lock);
    closed = --self->synced.servers == 0
        && self->synced.state == WWS_SERVICE_HOST_STATE_CLOSING;
    if (closed) {
        (void) wwi_host_move_locked(self, WWI_HOST_DONE);
        timed = wwi_loop_cancel_timer(self->loop, &self->timer);
        wait = self->synced.closing;
        status = self->synced.close_status;
        self->synced.closing = NULL;
    }
    wwi_lock_give(&self->synced.lock);
    if (!closed)
        return;
    WWI_GATE(HOST_CLOSED);
    if (timed)
        wwi_object_unref(&self->object);
    wwi_host_log_state(self, WWS_SERVICE_HOST_STATE_CLOSED);
    if (status == WWS_E_OPERATION_TIMED_OUT)
        text = "work was left when the time to close was over";
    else if (status < 0)
        text = "the service host was aborted";
    if (wait != NULL)
        (void) wwi_wait_end(wait, status, WWS_PHASE_CLOSE, text);
}

void wwi_host_close_timed_out(struct wwi_timer *timer)
{
    struct wwi_service_host *self = WWI_CONTAINER(timer,
        struct wwi_service_host, timer);

    wwi_host_abort(self, WWS_E_OPERATION_TIMED_OUT);
    wwi_object_unref(&self->object);
}

struct closing {
    struct wwi_wait wait;
    _Atomic uint32_t uses; /* it is delivered; it may go */
};

static void closing_used(struct wwi_wait *wait)
{
    struct closing *closing = WWI_CONTAINER(wait, struct closing, wait);

    if (atomic_fetch_sub(&closing->uses, 1) != 1)
        return;
    wwi_wait_fini(wait);
    wwi_free(closing);
}

static wws_status new_closing(
    struct wwi_service_host *self,
    const wws_completion *completion,
    struct closing **out,
    struct wwi_error *error)
{
    struct closing *closing = wwi_alloc_zero(sizeof *closing);
    wws_status status;

    if (closing == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory to wait");
    status = wwi_wait_init(&closing->wait, self->member.runtime, completion,
        error);
    if (status < 0) {
        wwi_free(closing);
        return status;
    }
    closing->wait.delivered = closing->wait.release = closing_used;
    atomic_init(&closing->uses, 2);
    (void) wwi_pending_start(&closing->wait.pending);
    *out = closing;
    return WWS_S_OK;
}

/* Under the lock, as it is cancelled: whoever closes again does not meet it. */
static void start_timer_locked(struct wwi_service_host *self)
{
    uint32_t timeout = self->options.close_timeout_ms;

    if (timeout == WWS_INFINITE)
        return;
    self->synced.close_deadline = wwi_clock_after(timeout);
    wwi_object_ref(&self->object);
    wwi_loop_set_timer(self->loop, &self->timer,
        self->synced.close_deadline);
}

/* Takes the wait over if it gives WWS_S_ASYNC. */
static wws_status begin_close(
    struct wwi_service_host *self,
    struct wwi_wait *wait,
    wws_service_host_state *before)
{
    wws_status status = WWS_S_OK;

    wwi_lock_take(&self->synced.lock);
    *before = self->synced.state;
    if (!wwi_host_move_locked(self, WWI_HOST_CLOSE)) {
        status = WWS_E_INVALID_OPERATION;
    } else if (self->synced.state == WWS_SERVICE_HOST_STATE_CLOSING) {
        self->synced.closing = wait;
        self->synced.close_status = WWS_S_OK;
        self->synced.close_deadline = WWI_NEVER;
        self->synced.servers++;
        if (*before == WWS_SERVICE_HOST_STATE_OPEN)
            start_timer_locked(self);
        status = WWS_S_ASYNC;
    }
    wwi_lock_give(&self->synced.lock);
    return status;
}

/* The closing belongs to whoever ends the wait. */
static void run_close(
    struct wwi_service_host *self,
    wws_service_host_state before)
{
    wwi_host_log_state(self, WWS_SERVICE_HOST_STATE_CLOSING);
    WWI_GATE(HOST_CLOSES);
    if (before == WWS_SERVICE_HOST_STATE_OPEN)
        wwi_host_stop_servers(self, false);
    wwi_host_server_gone(self);
}

static void discard_closing(struct closing *closing)
{
    if (closing == NULL)
        return;
    wwi_wait_fini(&closing->wait);
    wwi_free(closing);
}

static bool is_closing(struct wwi_object *object)
{
    wws_service_host_state state;

    (void) wwi_service_host_get_state(WWI_CONTAINER(object,
        struct wwi_service_host, object), &state, NULL);
    return state == WWS_SERVICE_HOST_STATE_CLOSING;
}

wws_status wwi_service_host_close(
    struct wwi_service_host *self,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_service_host_state before;
    struct closing *closing = NULL;
    wws_status status;

    if (completion == NULL && wwi_inside(self))
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "an operation cannot wait for its own host to close");
    completion = wwi_wait_completion(self->member.runtime, completion);
    status = new_closing(self, completion, &closing, error);
    if (status < 0 && status != WWS_E_OUTOFMEMORY)
        return status;
    status = begin_close(self, closing != NULL ? &closing->wait : NULL,
        &before);
    if (status != WWS_S_ASYNC) {
        discard_closing(closing);
        return status < 0 ? wwi_host_wrong_state(before, error) : status;
    }
    run_close(self, before);
    if (closing == NULL)
        return wwi_closing_poll(&self->object, is_closing, completion);
    if (completion != NULL)
        return WWS_S_ASYNC;
    (void) wwi_wait_block(&closing->wait, WWI_NEVER);
    return wwi_wait_result(&closing->wait);
}
