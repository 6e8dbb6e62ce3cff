/* What a request is answered with: the reply, a fault that the operation set, a
 * fault of the library's own, or nothing.  Each way uses up the request, once.
 * A request that nobody waits for is dropped. */
#include "core/service/operation_parts.h"

#include "core/base/text.h"

/* Nobody waits for the end of the answer but the channel: the server closes
 * after it. */
static void replied(void *state, const struct wwi_outcome *outcome)
{
    (void) outcome;
    wwi_service_session_unref(state);
}

static void send(struct wwi_operation *self, struct wwi_outgoing *outgoing)
{
    if (self->session != NULL)
        wwi_service_session_ref(self->session);
    self->incoming->calls->reply(self->incoming, outgoing,
        replied, self->session);
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
        .fields = { wwi_mapped_next, &message->mapped },
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

wws_status wwi_operation_begin_answer(
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

wws_status wwi_operation_new_fault(
    struct wwi_operation *self,
    struct wwi_message **message,
    struct wwi_error *error)
{
    wws_status status = wwi_message_new(&self->request->options, message,
        error);

    if (status < 0)
        return status;
    status = wwi_operation_begin_answer(self, *message, true, error);
    if (status < 0)
        (void) wwi_message_free(*message);
    return status;
}

static wws_status make_standard_fault(
    struct wwi_operation *self,
    const struct wwi_fault_about *about,
    struct wwi_message **message)
{
    wws_status status = wwi_operation_new_fault(self, message, NULL);

    if (status < 0)
        return status;
    status = wwi_message_set_standard_fault(*message, about, NULL);
    if (status < 0)
        (void) wwi_message_free(*message);
    return status;
}

static void drop_request(struct wwi_operation *self)
{
    self->incoming->calls->drop(self->incoming);
}

/* Without memory for an answer the connection tells the client. */
void wwi_operation_send_fault(
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

/* The operation's own error object, if it says anything and nobody is still
 * using it; else null. */
static const struct wwi_error *error_of(struct wwi_operation *self)
{
    const struct wwi_error *error = atomic_load(&self->error);

    if (error == NULL || atomic_load(&error->pending)
        || (error->count == 0 && !error->has_fault))
        return NULL;
    return error;
}

/* The fault that was set, or else what the error object makes of it; null when
 * there is neither. */
static struct wwi_message *take_fault(struct wwi_operation *self)
{
    struct wwi_message *message = atomic_exchange(&self->fault, NULL);
    const struct wwi_error *error = error_of(self);

    if (message != NULL || error == NULL
        || wwi_operation_new_fault(self, &message, NULL) < 0)
        return message;
    if (wwi_message_set_fault_of(message, error,
        wwi_operation_host(self)->options.fault_disclosure, NULL) >= 0)
        return message;
    (void) wwi_message_free(message);
    return NULL;
}

static void send_failure(struct wwi_operation *self, wws_status status)
{
    struct wwi_fault_about about = { .fault = WWI_FAULT_RECEIVER };
    struct wwi_message *fault = self->fault_to != WWI_REPLY_NOWHERE
        ? take_fault(self) : NULL;
    wws_status sent = WWS_E_INVALID_OPERATION;

    if (fault != NULL) {
        sent = send_message(self, fault, true, NULL);
        (void) wwi_message_free(fault);
    }
    if (sent >= 0)
        return;
    if (wwi_operation_discloses(self))
        about.reason = wwi_string(wwi_status_name(status));
    wwi_operation_send_fault(self, &about);
}

static wws_status set_default_action(struct wwi_operation *self)
{
    struct wwi_bytes action = { 0 };
    wws_status status = WWS_E_OUTOFMEMORY;

    if (!wwi_operation_has_addressing(self)
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

static void log_unsent(struct wwi_operation *self, wws_status status)
{
    wwi_log_write(wwi_operation_host(self)->member.runtime->log,
        WWS_LOG_LEVEL_ERROR, WWS_PHASE_SEND,
        "cannot send the reply to %.*s: %s", (int) self->action.size,
        self->action.data, wwi_status_name(status));
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
        log_unsent(self, status);
    return status;
}

static void answer_call(struct wwi_operation *self, wws_status status)
{
    self->incoming->last = status == WWS_S_END;
    if (status >= 0 && self->reply_to == WWI_REPLY_NOWHERE) {
        send(self, NULL);
        return;
    }
    if (status >= 0)
        status = send_reply(self);
    if (status < 0)
        send_failure(self, status);
}

/* Whatever becomes of it, its end will find the state that was set. */
static void keep_state(struct wwi_operation *self)
{
    if (self->kind == WWS_OPERATION_KIND_ACCEPT_CHANNEL)
        atomic_store(&self->session->state,
            atomic_load(&self->channel_state));
}

void wwi_operation_answer(struct wwi_operation *self, wws_status status)
{
    struct wwi_incoming *incoming = self->incoming;

    keep_state(self);
    if (incoming == NULL)
        return;
    if (atomic_load(&wwi_operation_host(self)->aborted)
        || atomic_load(&incoming->gone)
        || (status < 0 && self->kind != WWS_OPERATION_KIND_CALL))
        drop_request(self);
    else if (incoming->announces)
        send(self, NULL);
    else if (self->kind == WWS_OPERATION_KIND_CALL
        || self->kind == WWS_OPERATION_KIND_MESSAGE)
        answer_call(self, status);
    else
        wwi_operation_go_on(self);
}
