/* Something that a host asks the application for.
 *
 * Words.  An operation is *completed* once, by the result of its callback, by
 * wws_operation_complete(), or because nobody can serve it any more.  It is
 * *over* when none of the three things that keep it goes on: the answer is not
 * yet given, the serve callback has not returned, the cancel callback has not
 * returned.
 *
 * Rules.
 * - All of this is bits of one word.  Whoever clears the last of KEPT ends it:
 *   frees the state that was registered, then leaves the host.
 * - Whoever sets COMPLETED takes the operation in hand, as those do who use
 *   what is its; the last one to put it down answers, if it is completed.
 * - TELLING is set together with seeing CANCELLED and REGISTERED and not
 *   COMPLETED, by whoever comes second of cancel and registration; TOLD is set
 *   by that one while it is still not COMPLETED.  So the cancel callback runs at
 *   most once, is not begun after completion, and free_state comes after it.
 * - A transport knows an operation by its handle, so that a client which goes
 *   away late finds nothing. */
#include "core/service/operation_parts.h"

#include "core/base/gate.h"
#include "core/base/memory.h"

enum {
    ANSWERING = 1 << 0,
    SERVING = 1 << 1,
    TELLING = 1 << 2,
    PARTING = 1 << 3, /* its client goes away just now */
    KEPT = ANSWERING | SERVING | TELLING | PARTING,

    COMPLETED = 1 << 4,
    QUEUED = 1 << 5,  /* nobody has fetched it */
    CLAIMED = 1 << 6, /* somebody registers, or has */
    REGISTERED = 1 << 7,
    CANCELLED = 1 << 8,
    BY_HOST = 1 << 9,
    TOLD = 1 << 10, /* or just about to be */

    IN_HAND = 1 << 16, /* so often; the rest of the word counts */
};

static bool has(const struct wwi_operation *self, uint32_t bits)
{
    return (atomic_load(&self->state) & bits) != 0;
}

/* Sets bits, unless one of the others is set or one of the wanted is not. */
static bool set(
    struct wwi_operation *self,
    uint32_t bits,
    uint32_t unless,
    uint32_t wanted)
{
    uint32_t state = atomic_load(&self->state);

    do {
        if ((state & unless) != 0 || (state & wanted) != wanted)
            return false;
    } while (!atomic_compare_exchange_weak(&self->state, &state,
        state | bits));
    return true;
}

/* Once only: then nobody else takes it any more. */
static bool claim(struct wwi_operation *self, uint32_t wanted)
{
    uint32_t state = atomic_load(&self->state);

    do {
        if ((state & COMPLETED) != 0 || (state & wanted) != wanted)
            return false;
    } while (!atomic_compare_exchange_weak(&self->state, &state,
        (state | COMPLETED) + IN_HAND));
    return true;
}

/* Life */

static void free_message(struct wwi_message *message)
{
    if (message == NULL)
        return;
    (void) wwi_message_free(message);
    wwi_object_unref(&message->object);
}

static void free_error(struct wwi_error *error)
{
    if (error == NULL)
        return;
    (void) wwi_error_free(error);
    wwi_object_unref(&error->object);
}

static void destroy(struct wwi_object *object)
{
    struct wwi_operation *self = WWI_CONTAINER(object, struct wwi_operation,
        object);
    struct wwi_message *fault = atomic_load(&self->fault);

    free_message(self->request);
    free_message(self->reply);
    free_error(atomic_load(&self->error));
    if (fault != NULL)
        (void) wwi_message_free(fault);
    if (self->cancel.queue != NULL)
        wwi_queue_unref(self->cancel.queue);
    wwi_free(self->action_text);
    wwi_free(self);
}

struct wwi_operation *wwi_operation_new(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming,
    wws_operation_kind kind)
{
    const struct wwi_endpoint *endpoint = server->endpoint;
    struct wwi_operation *self = wwi_alloc_zero(sizeof *self);

    if (self == NULL)
        return NULL;
    if (wwi_object_init(&self->object, WWI_KIND_OPERATION, destroy) < 0) {
        wwi_free(self);
        return NULL;
    }
    self->kind = kind;
    self->server = server;
    self->incoming = incoming;
    self->endpoint_index = endpoint->index;
    self->user_state = endpoint->host->options.user_state;
    self->queue_state = endpoint->callbacks.state;
    atomic_init(&self->state, ANSWERING);
    atomic_init(&self->fault, NULL);
    atomic_init(&self->error, NULL);
    atomic_init(&self->channel_state, NULL);
    return self;
}

void wwi_operation_set_session(
    struct wwi_operation *self,
    struct wwi_service_session *session)
{
    if (session == NULL)
        return;
    wwi_service_session_ref(session);
    self->session = session;
    self->channel = session->number;
    atomic_store(&self->channel_state, atomic_load(&session->state));
}

void wwi_operation_discard(struct wwi_operation *self)
{
    struct wwi_endpoint_server *server = self->server;
    struct wwi_service_session *session = self->session;

    (void) wwi_object_close(&self->object);
    wwi_object_unref(&self->object);
    wwi_service_host_release(server);
    wwi_service_session_unref(session);
}

static void end(struct wwi_operation *self)
{
    const wws_cancel_callbacks *callbacks = &self->cancel.callbacks;
    struct wwi_service_session *session = self->session;
    struct wwi_frame frame;

    WWI_GATE(OPERATION_ENDS);
    if (has(self, REGISTERED) && callbacks->free_state != NULL) {
        wwi_enter_callback(&frame, wwi_operation_host(self));
        callbacks->free_state(callbacks->state);
        wwi_leave_callback(&frame);
    }
    wwi_service_host_leave(self);
    wwi_object_unref(&self->object);
    wwi_service_session_unref(session);
}

/* One of KEPT goes on no more. */
static void settle(struct wwi_operation *self, uint32_t bit)
{
    uint32_t before = atomic_fetch_and(&self->state, ~bit);

    if ((before & KEPT) == bit)
        end(self);
}

static void close_messages(struct wwi_operation *self)
{
    struct wwi_error *error = atomic_load(&self->error);

    if (self->request != NULL)
        (void) wwi_message_free(self->request);
    if (self->reply != NULL)
        (void) wwi_message_free(self->reply);
    if (error != NULL)
        (void) wwi_error_free(error);
}

wws_status wwi_operation_take(
    struct wwi_operation *self,
    struct wwi_error *error)
{
    uint32_t state = atomic_load(&self->state);

    do {
        if ((state & COMPLETED) != 0)
            return wwi_fail_static(error, WWS_E_HANDLE,
                "the operation has completed");
    } while (!atomic_compare_exchange_weak(&self->state, &state,
        state + IN_HAND));
    return WWS_S_OK;
}

void wwi_operation_put_down(struct wwi_operation *self)
{
    uint32_t before = atomic_fetch_sub(&self->state, IN_HAND);

    if ((before & COMPLETED) == 0 || before / IN_HAND != 1)
        return;
    wwi_operation_answer(self, self->status);
    close_messages(self);
    settle(self, ANSWERING);
}

/* By who has claimed it.  The handle is stale from here on. */
static void complete(struct wwi_operation *self, wws_status status)
{
    (void) wwi_object_close(&self->object);
    WWI_GATE(OPERATION_COMPLETES);
    self->status = status;
    wwi_operation_put_down(self);
}

/* The same before anybody could serve it. */
void wwi_operation_end_with_fault(
    struct wwi_operation *self,
    const struct wwi_fault_about *about)
{
    atomic_fetch_or(&self->state, COMPLETED);
    (void) wwi_object_close(&self->object);
    wwi_operation_send_fault(self, about);
    close_messages(self);
    settle(self, ANSWERING);
}

/* Cancelling */

bool wwi_operation_is_cancelled(const struct wwi_operation *self)
{
    return has(self, CANCELLED);
}

static wws_cancel_reason reason_of(const struct wwi_operation *self)
{
    return has(self, BY_HOST) ? WWS_CANCEL_REASON_HOST_ABORTED
        : WWS_CANCEL_REASON_CHANNEL_FAULTED;
}

/* An event is no callback: nothing waits until it is fetched.  The state of a
 * completed operation is not the caller's any more. */
static void fetch_cancelled(struct wwi_queue_entry *entry, wws_event *event)
{
    struct wwi_operation *self = WWI_CONTAINER(entry, struct wwi_operation,
        cancel.entry);

    event->kind = WWS_EVENT_KIND_CANCELLED;
    event->operation.id = self->object.id;
    event->reason = reason_of(self);
    if (!has(self, COMPLETED))
        event->state = self->cancel.callbacks.state;
    wwi_object_unref(&self->object);
}

static void drop_cancelled(struct wwi_queue_entry *entry)
{
    struct wwi_operation *self = WWI_CONTAINER(entry, struct wwi_operation,
        cancel.entry);

    wwi_object_unref(&self->object);
}

static void call_cancelled(struct wwi_operation *self)
{
    const wws_cancel_callbacks *callbacks = &self->cancel.callbacks;
    struct wwi_frame frame;

    wwi_enter_callback(&frame, wwi_operation_host(self));
    callbacks->cancelled(reason_of(self), callbacks->state);
    wwi_leave_callback(&frame);
}

/* With TELLING set. */
static void tell(struct wwi_operation *self)
{
    WWI_GATE(OPERATION_TELLS);
    if (!set(self, TOLD, COMPLETED, 0)) {
        settle(self, TELLING);
        return;
    }
    wwi_count(wwi_operation_host(self)->member.runtime,
        WWS_COUNTER_OPERATIONS_CANCELLED);
    if (self->cancel.queue != NULL) {
        wwi_object_ref(&self->object);
        wwi_queue_add(self->cancel.queue, &self->cancel.entry);
    } else {
        call_cancelled(self);
    }
    WWI_GATE(OPERATION_TOLD);
    settle(self, TELLING);
}

static void work_tell(struct wwi_work *work)
{
    tell(WWI_CONTAINER(work, struct wwi_operation, cancel.work));
}

/* Sets CANCELLED, once; says whether there is somebody to tell. */
static bool mark_cancelled(
    struct wwi_operation *self,
    wws_cancel_reason reason)
{
    uint32_t bits = CANCELLED
        | (reason == WWS_CANCEL_REASON_HOST_ABORTED ? BY_HOST : 0);
    uint32_t state = atomic_load(&self->state);
    uint32_t next;

    do {
        if ((state & (COMPLETED | CANCELLED)) != 0)
            return false;
        next = state | bits;
        if ((state & REGISTERED) != 0)
            next |= TELLING;
    } while (!atomic_compare_exchange_weak(&self->state, &state, next));
    return (state & REGISTERED) != 0;
}

/* One that nobody has fetched would never be completed.  The last one of a
 * channel still has to be fetched. */
static void complete_unfetched(struct wwi_operation *self)
{
    if (self->kind != WWS_OPERATION_KIND_CLOSE_CHANNEL
        && claim(self, QUEUED))
        complete(self, WWS_E_OPERATION_ABORTED);
}

void wwi_operation_cancel(
    struct wwi_operation *self,
    wws_cancel_reason reason)
{
    WWI_GATE(OPERATION_CANCELS);
    if (mark_cancelled(self, reason))
        wwi_pool_urgent(wwi_operation_host(self)->member.runtime->pool,
            &self->cancel.work);
    if (reason == WWS_CANCEL_REASON_HOST_ABORTED)
        complete_unfetched(self);
}

/* An aborted host resets its connections; the abort is the reason then (D27).
 * PARTING keeps the operation meanwhile, and the transport its server, and so
 * the host, until this has returned. */
static void gone(struct wwi_incoming *incoming)
{
    uint64_t id = (uint64_t) (uintptr_t) atomic_load(&incoming->user);
    wws_cancel_reason reason = WWS_CANCEL_REASON_CHANNEL_FAULTED;
    struct wwi_operation *self;

    if (wwi_table_get(id, WWI_KIND_OPERATION, &self) < 0)
        return;
    if (set(self, PARTING, COMPLETED, 0)) {
        if (atomic_load(&wwi_operation_host(self)->aborted))
            reason = WWS_CANCEL_REASON_HOST_ABORTED;
        wwi_operation_cancel(self, reason);
        settle(self, PARTING);
    }
    wwi_object_unref(&self->object);
}

/* Registering */

/* Says in the state what has been written beside it. */
static wws_status publish_registration(struct wwi_operation *self, bool *late)
{
    uint32_t state = atomic_load(&self->state);
    uint32_t next;

    do {
        if ((state & COMPLETED) != 0)
            return WWS_E_HANDLE;
        next = state | REGISTERED;
        if ((state & CANCELLED) != 0)
            next |= TELLING;
    } while (!atomic_compare_exchange_weak(&self->state, &state, next));
    *late = (state & CANCELLED) != 0;
    return WWS_S_OK;
}

static wws_status claim_registration(
    struct wwi_operation *self,
    struct wwi_error *error)
{
    if (set(self, CLAIMED, COMPLETED | CLAIMED, 0))
        return WWS_S_OK;
    if (has(self, COMPLETED))
        return wwi_fail_static(error, WWS_E_HANDLE,
            "the operation has completed");
    return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
        "the operation is registered already");
}

static wws_status register_claimed(
    struct wwi_operation *self,
    const wws_cancel_callbacks *callbacks,
    struct wwi_queue *queue,
    struct wwi_error *error)
{
    bool late = false;
    wws_status status;

    self->cancel.callbacks = *callbacks;
    self->cancel.queue = queue;
    self->cancel.work.run = work_tell;
    self->cancel.entry.fetch = fetch_cancelled;
    self->cancel.entry.drop = drop_cancelled;
    WWI_GATE(OPERATION_REGISTERS);
    status = publish_registration(self, &late);
    WWI_GATE(OPERATION_REGISTERED);
    if (status < 0) {
        self->cancel.queue = NULL;
        return wwi_fail_static(error, status, "the operation has completed");
    }
    if (late)
        tell(self);
    return WWS_S_OK;
}

wws_status wwi_operation_register_for_cancel(
    struct wwi_operation *self,
    const wws_cancel_callbacks *callbacks,
    struct wwi_error *error)
{
    struct wwi_queue *queue = NULL;
    wws_status status = WWS_S_OK;

    if ((callbacks->queue.id != 0) == (callbacks->cancelled != NULL))
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "exactly one of queue and cancelled is wanted");
    if (callbacks->queue.id != 0)
        status = wwi_table_get(callbacks->queue.id, WWI_KIND_QUEUE, &queue);
    if (status < 0)
        return wwi_fail_static(error, status, "bad queue handle");
    status = claim_registration(self, error);
    if (status >= 0)
        status = register_claimed(self, callbacks, queue, error);
    if (status < 0 && queue != NULL)
        wwi_queue_unref(queue);
    return status;
}

/* Serving */

/* The application has it. */
static void note_known(struct wwi_operation *self)
{
    if (self->kind == WWS_OPERATION_KIND_ACCEPT_CHANNEL)
        atomic_store(&self->session->known, true);
}

static void serve(struct wwi_operation *self)
{
    const wws_operation_callbacks *callbacks =
        &self->server->endpoint->callbacks;
    wws_status status = WWS_E_OPERATION_ABORTED;
    struct wwi_frame frame;

    WWI_GATE(OPERATION_SERVES);
    if (self->kind == WWS_OPERATION_KIND_CLOSE_CHANNEL
        || !atomic_load(&wwi_operation_host(self)->aborted)) {
        note_known(self);
        wwi_enter_callback(&frame, wwi_operation_host(self));
        status = callbacks->serve((wws_operation) { self->object.id },
            callbacks->state);
        wwi_leave_callback(&frame);
    }
    WWI_GATE(OPERATION_SERVED);
    if (status != WWS_S_ASYNC && claim(self, 0))
        complete(self, status);
    settle(self, SERVING);
}

static void work_serve(struct wwi_work *work)
{
    serve(WWI_CONTAINER(work, struct wwi_operation, work));
}

static void fetch_operation(struct wwi_queue_entry *entry, wws_event *event)
{
    struct wwi_operation *self = WWI_CONTAINER(entry, struct wwi_operation,
        entry);
    uint32_t before = atomic_fetch_and(&self->state, ~(uint32_t) QUEUED);

    if ((before & COMPLETED) == 0)
        note_known(self);
    event->kind = WWS_EVENT_KIND_OPERATION;
    event->operation.id = self->object.id;
    event->state = self->queue_state;
    wwi_object_unref(&self->object);
}

static void drop_operation(struct wwi_queue_entry *entry)
{
    struct wwi_operation *self = WWI_CONTAINER(entry, struct wwi_operation,
        entry);

    if (claim(self, 0))
        complete(self, WWS_E_ENDPOINT_NOT_AVAILABLE);
    wwi_object_unref(&self->object);
}

/* An abort that came before QUEUED left the operation to us. */
static void enqueue(struct wwi_operation *self)
{
    wwi_object_ref(&self->object);
    self->entry.fetch = fetch_operation;
    self->entry.drop = drop_operation;
    atomic_fetch_or(&self->state, QUEUED);
    wwi_queue_add(self->server->endpoint->queue, &self->entry);
    if (atomic_load(&wwi_operation_host(self)->aborted))
        complete_unfetched(self);
    settle(self, SERVING);
}

/* With SERVING set. */
static void dispatch(struct wwi_operation *self)
{
    const struct wwi_endpoint *endpoint = self->server->endpoint;
    struct wwi_runtime *runtime = endpoint->host->member.runtime;

    wwi_count(runtime, WWS_COUNTER_OPERATIONS);
    if (endpoint->queue != NULL) {
        enqueue(self);
    } else if (!self->follows
        && endpoint->options.callback_model == WWS_CALLBACK_MODEL_SHORT) {
        serve(self);
    } else {
        self->work.run = work_serve;
        wwi_pool_long(runtime->pool, &self->work);
    }
}

/* What is heard of the client tells whichever operation has the request: this
 * one from now on, or the one before it, and that has gone by then. */
static void watch(struct wwi_operation *self)
{
    struct wwi_incoming *incoming = self->incoming;

    atomic_store(&incoming->user, (void *) (uintptr_t) self->object.id);
    if (!self->follows)
        incoming->calls->watch(incoming, gone);
    else if (atomic_load(&incoming->gone))
        gone(incoming);
}

void wwi_operation_serve(struct wwi_operation *self)
{
    if (!wwi_service_host_enter(self)) {
        (void) claim(self, 0);
        complete(self, WWS_E_OPERATION_ABORTED);
        return;
    }
    atomic_fetch_or(&self->state, SERVING);
    if (self->incoming != NULL)
        watch(self);
    else if (atomic_load(&wwi_operation_host(self)->aborted))
        wwi_operation_cancel(self, WWS_CANCEL_REASON_HOST_ABORTED);
    dispatch(self);
}

/* The interface */

wws_status wwi_operation_complete(
    struct wwi_operation *self,
    wws_status status,
    struct wwi_error *error)
{
    if (status == WWS_S_ASYNC)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "an operation cannot complete with WWS_S_ASYNC");
    if (!claim(self, 0))
        return wwi_fail_static(error, WWS_E_HANDLE,
            "the operation has completed");
    complete(self, status);
    return WWS_S_OK;
}
