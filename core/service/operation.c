/* A call being served.
 *
 * Words.  An operation is *completed* once, by the result of its callback, by
 * wws_operation_complete(), or because nobody can serve it any more.  It is
 * *over* when none of the three things that keep it goes on: the answer is not
 * yet given, the serve callback has not returned, the cancel callback has not
 * returned.
 *
 * Rules.
 * - All of this is bits of one word.  Whoever sets COMPLETED answers; whoever
 *   clears the last of KEPT ends it: frees the state that was registered, then
 *   leaves the host.
 * - TELLING is set together with seeing CANCELLED and REGISTERED and not
 *   COMPLETED, by whoever comes second of cancel and registration.  So the
 *   cancel callback runs at most once, never begins after completion, and
 *   free_state comes after it.
 * - A transport knows an operation by its handle, so that a client which goes
 *   away late finds nothing. */
#include "core/service/operation.h"

#include "core/base/memory.h"
#include "core/base/text.h"

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
};

static struct wwi_service_host *host_of(const struct wwi_operation *self)
{
    return self->server->endpoint->host;
}

static const struct wwi_transport *transport_of(
    const struct wwi_operation *self)
{
    return self->server->endpoint->transport;
}

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

/* Life */

static void free_message(struct wwi_message *message)
{
    if (message == NULL)
        return;
    (void) wwi_message_free(message);
    wwi_object_unref(&message->object);
}

static void destroy(struct wwi_object *object)
{
    struct wwi_operation *self = WWI_CONTAINER(object, struct wwi_operation,
        object);
    struct wwi_message *fault = atomic_load(&self->fault);

    free_message(self->request);
    free_message(self->reply);
    if (fault != NULL)
        (void) wwi_message_free(fault);
    if (self->cancel.queue != NULL)
        wwi_queue_unref(self->cancel.queue);
    wwi_free(self->action_text);
    wwi_free(self);
}

static void end(struct wwi_operation *self)
{
    const wws_cancel_callbacks *callbacks = &self->cancel.callbacks;
    struct wwi_frame frame;

    if (has(self, REGISTERED) && callbacks->free_state != NULL) {
        wwi_enter_callback(&frame, host_of(self));
        callbacks->free_state(callbacks->state);
        wwi_leave_callback(&frame);
    }
    wwi_service_host_leave(self);
    wwi_object_unref(&self->object);
}

/* One of KEPT goes on no more. */
static void settle(struct wwi_operation *self, uint32_t bit)
{
    uint32_t before = atomic_fetch_and(&self->state, ~bit);

    if ((before & KEPT) == bit)
        end(self);
}

/* Answers */

static bool discloses(const struct wwi_operation *self)
{
    return host_of(self)->options.fault_disclosure
        == WWS_FAULT_DISCLOSURE_FULL;
}

static bool has_addressing(const struct wwi_message *message)
{
    return message->options.addressing_version
        != WWS_ADDRESSING_VERSION_TRANSPORT;
}

static bool next_field(
    const void *state,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    const struct wwi_mapped *mapped = state;

    if (*index >= mapped->count)
        return false;
    wwi_mapped_at(mapped, (*index)++, name, value);
    return true;
}

/* Nobody waits for the end of the answer: the server closes after it. */
static void replied(void *state, const struct wwi_outcome *outcome)
{
    (void) state;
    (void) outcome;
}

static void send(struct wwi_operation *self, struct wwi_outgoing *outgoing)
{
    transport_of(self)->incoming_reply(self->incoming, outgoing, replied,
        NULL);
}

/* The message is in use by the caller.  On failure nothing has been sent. */
static wws_status send_message(
    struct wwi_operation *self,
    struct wwi_message *message,
    bool fault,
    struct wwi_error *error)
{
    const wws_endpoint_options *options = &self->server->endpoint->options;
    struct wwi_encode_params params = {
        .envelope_version = options->envelope_version,
        .addressing_version = options->addressing_version,
        .max_size = options->max_message_size,
    };
    struct wwi_outgoing outgoing = {
        .version = options->envelope_version,
        .fields = { next_field, &message->mapped },
        .fault = fault,
    };
    wws_status status = wwi_message_encode(message, &params,
        &outgoing.envelope, error);

    if (status < 0) {
        wwi_bytes_fini(&outgoing.envelope);
        return status;
    }
    outgoing.action = wwi_message_action(message);
    send(self, &outgoing);
    return WWS_S_OK;
}

/* What is known of the request, unless the application has it in hand. */
static wws_status answer_request(
    struct wwi_operation *self,
    struct wwi_message *message,
    bool fault,
    struct wwi_error *error)
{
    struct wwi_message *request = self->request;
    wws_status status;

    if (wwi_message_begin_use(request, NULL) < 0)
        return wwi_message_answer(message, NULL, fault, error);
    status = wwi_message_answer(message, wwi_message_envelope(request), fault,
        error);
    wwi_message_end_use(request);
    return status;
}

static wws_status new_fault(
    struct wwi_operation *self,
    struct wwi_message **message,
    struct wwi_error *error)
{
    wws_status status = wwi_message_new(&self->request->options, message,
        error);

    if (status < 0)
        return status;
    status = answer_request(self, *message, true, error);
    if (status < 0)
        (void) wwi_message_free(*message);
    return status;
}

static wws_status make_standard_fault(
    struct wwi_operation *self,
    const struct wwi_fault_about *about,
    struct wwi_message **message)
{
    wws_status status = new_fault(self, message, NULL);

    if (status < 0)
        return status;
    status = wwi_message_set_standard_fault(*message, about, NULL);
    if (status < 0)
        (void) wwi_message_free(*message);
    return status;
}

static void drop_request(struct wwi_operation *self)
{
    transport_of(self)->incoming_drop(self->incoming);
}

/* Without memory for an answer the connection tells the client. */
static void send_standard_fault(
    struct wwi_operation *self,
    const struct wwi_fault_about *about)
{
    struct wwi_message *message;

    if (self->fault_to == WWI_REPLY_NOWHERE) {
        send(self, NULL);
        return;
    }
    if (make_standard_fault(self, about, &message) < 0) {
        drop_request(self);
        return;
    }
    if (send_message(self, message, true, NULL) < 0)
        drop_request(self);
    (void) wwi_message_free(message);
}

static void send_failure(struct wwi_operation *self, wws_status status)
{
    struct wwi_fault_about about = { .fault = WWI_FAULT_RECEIVER };
    struct wwi_message *fault = atomic_exchange(&self->fault, NULL);
    wws_status sent = WWS_E_INVALID_OPERATION;

    if (fault != NULL && self->fault_to != WWI_REPLY_NOWHERE)
        sent = send_message(self, fault, true, NULL);
    if (fault != NULL)
        (void) wwi_message_free(fault);
    if (sent >= 0)
        return;
    if (discloses(self))
        about.reason = wwi_string(wwi_status_name(status));
    send_standard_fault(self, &about);
}

static wws_status set_default_action(struct wwi_operation *self)
{
    struct wwi_bytes action = { 0 };
    wws_status status = WWS_E_OUTOFMEMORY;

    if (!has_addressing(self->reply)
        || wwi_message_action(self->reply).size != 0)
        return WWS_S_OK;
    wwi_bytes_append_string(&action, self->action);
    wwi_bytes_append_text(&action, "Response");
    if (!action.failed)
        status = wwi_message_put_action(self->reply,
            (wws_string) { (const char *) action.data, action.size });
    wwi_bytes_fini(&action);
    return status;
}

static wws_status send_reply(struct wwi_operation *self)
{
    struct wwi_message *reply = self->reply;
    wws_status status = wwi_message_begin_use(reply, NULL);

    if (status < 0)
        return status;
    status = set_default_action(self);
    if (status >= 0)
        status = send_message(self, reply, wwi_message_fault(reply) != NULL,
            NULL);
    wwi_message_end_use(reply);
    if (status < 0)
        wwi_log_write(host_of(self)->member.runtime->log, WWS_LOG_LEVEL_ERROR,
            WWS_PHASE_SEND, "cannot send the reply to %.*s: %s",
            (int) self->action.size, self->action.data,
            wwi_status_name(status));
    return status;
}

static void answer(struct wwi_operation *self, wws_status status)
{
    if (atomic_load(&host_of(self)->aborted)
        || atomic_load(&self->incoming->gone)) {
        drop_request(self);
        return;
    }
    if (status >= 0 && self->reply_to == WWI_REPLY_NOWHERE) {
        send(self, NULL);
        return;
    }
    if (status >= 0)
        status = send_reply(self);
    if (status < 0)
        send_failure(self, status);
}

/* By who has set COMPLETED.  The handles are stale from here on. */
static void complete(struct wwi_operation *self, wws_status status)
{
    (void) wwi_object_close(&self->object);
    answer(self, status);
    (void) wwi_message_free(self->request);
    (void) wwi_message_free(self->reply);
    settle(self, ANSWERING);
}

/* Cancelling */

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

    wwi_enter_callback(&frame, host_of(self));
    callbacks->cancelled(reason_of(self), callbacks->state);
    wwi_leave_callback(&frame);
}

/* With TELLING set. */
static void tell(struct wwi_operation *self)
{
    if (has(self, COMPLETED)) {
        settle(self, TELLING);
        return;
    }
    wwi_count(host_of(self)->member.runtime,
        WWS_COUNTER_OPERATIONS_CANCELLED);
    if (self->cancel.queue != NULL) {
        wwi_object_ref(&self->object);
        wwi_queue_add(self->cancel.queue, &self->cancel.entry);
    } else {
        call_cancelled(self);
    }
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

/* One that nobody has fetched would never be completed. */
static void complete_unfetched(struct wwi_operation *self)
{
    if (set(self, COMPLETED, COMPLETED, QUEUED))
        complete(self, WWS_E_OPERATION_ABORTED);
}

void wwi_operation_cancel(
    struct wwi_operation *self,
    wws_cancel_reason reason)
{
    if (mark_cancelled(self, reason))
        wwi_pool_urgent(host_of(self)->member.runtime->pool,
            &self->cancel.work);
    if (reason == WWS_CANCEL_REASON_HOST_ABORTED)
        complete_unfetched(self);
}

/* An aborted host resets its connections; the abort is the reason then (D27).
 * PARTING keeps the host while it is asked. */
static void gone(struct wwi_incoming *incoming)
{
    uint64_t id = (uint64_t) (uintptr_t) incoming->user;
    struct wwi_operation *self;

    if (wwi_table_get(id, WWI_KIND_OPERATION, &self) < 0)
        return;
    if (set(self, PARTING, COMPLETED, 0)) {
        wwi_operation_cancel(self, atomic_load(&host_of(self)->aborted)
            ? WWS_CANCEL_REASON_HOST_ABORTED
            : WWS_CANCEL_REASON_CHANNEL_FAULTED);
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
    status = publish_registration(self, &late);
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

static void serve(struct wwi_operation *self)
{
    const wws_operation_callbacks *callbacks =
        &self->server->endpoint->callbacks;
    wws_status status = WWS_E_OPERATION_ABORTED;
    struct wwi_frame frame;

    if (!atomic_load(&host_of(self)->aborted)) {
        wwi_enter_callback(&frame, host_of(self));
        status = callbacks->serve((wws_operation) { self->object.id },
            callbacks->state);
        wwi_leave_callback(&frame);
    }
    if (status != WWS_S_ASYNC && set(self, COMPLETED, COMPLETED, 0))
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

    atomic_fetch_and(&self->state, ~(uint32_t) QUEUED);
    event->kind = WWS_EVENT_KIND_OPERATION;
    event->operation.id = self->object.id;
    event->state = self->queue_state;
    wwi_object_unref(&self->object);
}

static void drop_operation(struct wwi_queue_entry *entry)
{
    struct wwi_operation *self = WWI_CONTAINER(entry, struct wwi_operation,
        entry);

    if (set(self, COMPLETED, COMPLETED, 0))
        complete(self, WWS_E_ENDPOINT_NOT_AVAILABLE);
    wwi_object_unref(&self->object);
}

/* An abort that came before QUEUED left the operation to us. */
static void enqueue(struct wwi_operation *self)
{
    wwi_object_ref(&self->object);
    atomic_fetch_or(&self->state, QUEUED);
    wwi_queue_add(self->server->endpoint->queue, &self->entry);
    if (atomic_load(&host_of(self)->aborted))
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
    } else if (endpoint->options.callback_model == WWS_CALLBACK_MODEL_SHORT) {
        serve(self);
    } else {
        wwi_pool_long(runtime->pool, &self->work);
    }
}

/* Receiving */

static wws_status copy_fields(
    struct wwi_message *message,
    const struct wwi_fields *fields)
{
    wws_status status = WWS_S_OK;
    wws_string name, value;
    uint32_t index = 0;

    while (status >= 0 && fields->next != NULL
        && fields->next(fields->state, &index, &name, &value))
        status = wwi_mapped_add(&message->mapped, name, value);
    return status;
}

/* Without addressing, what the transport says is the action. */
static wws_status decode(struct wwi_operation *self, struct wwi_error *error)
{
    struct wwi_message *request = self->request;
    struct wwi_incoming *incoming = self->incoming;
    struct wwi_decode_params params = {
        .envelope_version = request->options.envelope_version,
        .addressing_version = request->options.addressing_version,
    };
    wws_status status = wwi_message_begin_use(request, error);

    if (status < 0)
        return status;
    status = copy_fields(request, &incoming->fields);
    if (status >= 0)
        status = wwi_message_decode(request, &incoming->envelope, &params,
            error);
    if (status >= 0 && incoming->has_action && !has_addressing(request))
        status = wwi_message_put_action(request, incoming->action);
    wwi_message_end_use(request);
    return status;
}

/* Whether the request can be served; if not, what it is answered with. */
static bool check_addressing(
    const struct wwi_operation *self,
    struct wwi_fault_about *about)
{
    const struct wwi_incoming *incoming = self->incoming;
    const struct wwi_envelope *envelope = &self->request->envelope;
    wws_string action = wwi_message_action(self->request);

    if (!has_addressing(self->request))
        return true;
    about->action = action;
    about->transport_action = incoming->action;
    about->header = WWS_HEADER_ACTION;
    about->fault = WWI_FAULT_HEADER_REQUIRED;
    if (action.size == 0)
        return false;
    about->fault = WWI_FAULT_ACTION_MISMATCH;
    if (incoming->has_action && incoming->action.size != 0
        && !wwi_string_equal(incoming->action, action))
        return false;
    about->fault = WWI_FAULT_ONLY_ANONYMOUS;
    about->header = wwi_envelope_reply_header(envelope, false);
    if (wwi_envelope_reply_to(envelope, false) == WWI_REPLY_ELSEWHERE)
        return false;
    about->header = wwi_envelope_reply_header(envelope, true);
    return wwi_envelope_reply_to(envelope, true) != WWI_REPLY_ELSEWHERE;
}

static bool check_headers(
    struct wwi_operation *self,
    struct wwi_fault_about *about)
{
    const wws_endpoint_options *options = &self->server->endpoint->options;

    about->fault = WWI_FAULT_MUST_UNDERSTAND;
    about->request = &self->request->envelope;
    return options->allow_unknown_headers
        || wwi_message_check_must_understand(self->request, NULL) >= 0;
}

static struct wwi_fault_about about_undecoded(
    struct wwi_operation *self,
    wws_status status)
{
    const struct wwi_envelope *envelope =
        wwi_message_envelope(self->request);

    if (status == WWS_E_OUTOFMEMORY || envelope == NULL)
        return (struct wwi_fault_about) { .fault = WWI_FAULT_RECEIVER };
    return wwi_fault_about_envelope(envelope,
        self->request->options.envelope_version);
}

/* What it is known by while it runs. */
static bool keep_action(struct wwi_operation *self)
{
    wws_string action = wwi_message_action(self->request);

    self->action_text = wwi_string_copy(action);
    self->action = (wws_string) { self->action_text, action.size };
    return self->action_text != NULL;
}

static bool begin_reply(
    struct wwi_operation *self,
    struct wwi_fault_about *about)
{
    wws_status status = wwi_message_begin_use(self->reply, NULL);

    about->fault = WWI_FAULT_RECEIVER;
    if (status >= 0)
        status = answer_request(self, self->reply, false, NULL);
    wwi_message_end_use(self->reply);
    return status >= 0 && keep_action(self);
}

static void take_endpoints(struct wwi_operation *self)
{
    const struct wwi_envelope *envelope =
        wwi_message_envelope(self->request);

    if (envelope == NULL || !has_addressing(self->request))
        return;
    self->reply_to = wwi_envelope_reply_to(envelope, false);
    self->fault_to = wwi_envelope_reply_to(envelope, true);
}

/* The strings of an error, outermost first. */
static void describe(const struct wwi_error *error, struct wwi_bytes *out)
{
    for (uint32_t i = error->count; i-- > 0;) {
        wwi_bytes_append(out, error->strings[i].text, error->strings[i].size);
        if (i > 0)
            wwi_bytes_append_text(out, ": ");
    }
}

/* Answers with a fault before anybody could serve it. */
static void refuse(
    struct wwi_operation *self,
    struct wwi_fault_about *about,
    const struct wwi_error *error)
{
    struct wwi_bytes reason = { 0 };

    if (error != NULL)
        describe(error, &reason);
    if (!reason.failed && reason.size != 0)
        about->reason = (wws_string) {
            (const char *) reason.data, reason.size };
    atomic_fetch_or(&self->state, COMPLETED);
    (void) wwi_object_close(&self->object);
    send_standard_fault(self, about);
    wwi_bytes_fini(&reason);
    settle(self, ANSWERING);
}

static bool receive(struct wwi_operation *self)
{
    struct wwi_error *error = discloses(self) ? wwi_error_new() : NULL;
    wws_status status = decode(self, error);
    struct wwi_fault_about about = { 0 };
    bool good;

    take_endpoints(self);
    if (status < 0) {
        about = about_undecoded(self, status);
        refuse(self, &about, error);
        good = false;
    } else {
        good = check_addressing(self, &about) && check_headers(self, &about)
            && begin_reply(self, &about);
        if (!good)
            refuse(self, &about, NULL);
    }
    if (error != NULL)
        (void) wwi_error_free(error);
    return good;
}

static bool new_message(
    const wws_message_options *options,
    struct wwi_message **message)
{
    if (wwi_message_new(options, message, NULL) < 0)
        return false;
    wwi_object_ref(&(*message)->object);
    return true;
}

static struct wwi_operation *new_operation(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    const struct wwi_endpoint *endpoint = server->endpoint;
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;
    struct wwi_operation *self = wwi_alloc_zero(sizeof *self);

    if (self == NULL)
        return NULL;
    if (wwi_object_init(&self->object, WWI_KIND_OPERATION, destroy) < 0) {
        wwi_free(self);
        return NULL;
    }
    self->server = server;
    self->incoming = incoming;
    self->endpoint_index = endpoint->index;
    self->user_state = endpoint->host->options.user_state;
    self->queue_state = endpoint->callbacks.state;
    self->work.run = work_serve;
    self->entry.fetch = fetch_operation;
    self->entry.drop = drop_operation;
    atomic_init(&self->state, ANSWERING);
    atomic_init(&self->fault, NULL);
    options.envelope_version = endpoint->options.envelope_version;
    options.addressing_version = endpoint->options.addressing_version;
    if (new_message(&options, &self->request)
        && new_message(&options, &self->reply))
        return self;
    (void) wwi_object_close(&self->object);
    wwi_object_unref(&self->object);
    return NULL;
}

static struct wwi_operation *take_request(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    struct wwi_operation *self = new_operation(server, incoming);

    if (self == NULL) {
        server->endpoint->transport->incoming_drop(incoming);
        wwi_endpoint_server_release(server);
    }
    return self;
}

void wwi_operation_refuse(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    struct wwi_fault_about about = { .fault = WWI_FAULT_ENDPOINT_UNAVAILABLE };
    struct wwi_operation *self = take_request(server, incoming);

    if (self == NULL)
        return;
    (void) decode(self, NULL);
    take_endpoints(self);
    refuse(self, &about, NULL);
}

void wwi_operation_begin(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    struct wwi_operation *self = take_request(server, incoming);

    if (self == NULL || !receive(self))
        return;
    if (!wwi_service_host_enter(self)) {
        atomic_fetch_or(&self->state, COMPLETED);
        complete(self, WWS_E_OPERATION_ABORTED);
        return;
    }
    atomic_fetch_or(&self->state, SERVING);
    incoming->user = (void *) (uintptr_t) self->object.id;
    transport_of(self)->incoming_watch(incoming, gone);
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
    if (!set(self, COMPLETED, COMPLETED, 0))
        return wwi_fail_static(error, WWS_E_HANDLE,
            "the operation has completed");
    complete(self, status);
    return WWS_S_OK;
}

wws_status wwi_operation_get_info(
    struct wwi_operation *self,
    wws_operation_info *info,
    struct wwi_error *error)
{
    wws_operation_info ours = WWS_OPERATION_INFO_INIT;

    (void) error;
    ours.action = self->action;
    ours.endpoint_index = self->endpoint_index;
    ours.cancelled = has(self, CANCELLED);
    ours.user_state = self->user_state;
    wwi_record_put(info, &ours, sizeof ours);
    return WWS_S_OK;
}

wws_status wwi_operation_get_body(
    struct wwi_operation *self,
    wws_bytes *body,
    struct wwi_error *error)
{
    return wwi_message_get_body(self->request, body, error);
}

wws_status wwi_operation_set_reply(
    struct wwi_operation *self,
    wws_bytes body,
    struct wwi_error *error)
{
    return wwi_message_set_body(self->reply, body, error);
}

wws_status wwi_operation_set_fault(
    struct wwi_operation *self,
    const wws_fault *fault,
    struct wwi_error *error)
{
    struct wwi_message *message;
    wws_status status = new_fault(self, &message, error);

    if (status < 0)
        return status;
    status = wwi_message_set_fault(message, fault, error);
    if (status >= 0)
        message = atomic_exchange(&self->fault, message);
    if (message != NULL)
        (void) wwi_message_free(message);
    return status;
}

wws_status wwi_operation_get_request(
    struct wwi_operation *self,
    wws_message *message,
    struct wwi_error *error)
{
    (void) error;
    message->id = self->request->object.id;
    return WWS_S_OK;
}

wws_status wwi_operation_get_reply(
    struct wwi_operation *self,
    wws_message *message,
    struct wwi_error *error)
{
    (void) error;
    message->id = self->reply->object.id;
    return WWS_S_OK;
}
