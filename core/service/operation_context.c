/* What the application reads and sets while it has an operation.  Each function
 * has the operation in hand, so that what it uses stays there. */
#include "core/service/operation_parts.h"

wws_status wwi_operation_get_info(
    struct wwi_operation *self,
    wws_operation_info *info,
    struct wwi_error *error)
{
    wws_operation_info ours = WWS_OPERATION_INFO_INIT;
    wws_status status = wwi_operation_take(self, error);

    if (status < 0)
        return status;
    ours.action = self->action;
    ours.endpoint_index = self->endpoint_index;
    ours.cancelled = wwi_operation_is_cancelled(self);
    ours.user_state = self->user_state;
    ours.kind = self->kind;
    ours.one_way = self->reply_to == WWI_REPLY_NOWHERE
        && self->fault_to == WWI_REPLY_NOWHERE;
    ours.channel = self->channel;
    ours.channel_state = atomic_load(&self->channel_state);
    wwi_operation_put_down(self);
    wwi_record_put(info, &ours, sizeof ours);
    return WWS_S_OK;
}

/* Takes an operation that has the message. */
static wws_status take_with(
    struct wwi_operation *self,
    struct wwi_message *const *message,
    struct wwi_error *error)
{
    wws_status status = wwi_operation_take(self, error);

    if (status < 0 || *message != NULL)
        return status;
    wwi_operation_put_down(self);
    return wwi_fail_static(error, WWS_E_INVALIDARG,
        "an operation of this kind has none");
}

wws_status wwi_operation_get_body(
    struct wwi_operation *self,
    wws_bytes *body,
    struct wwi_error *error)
{
    wws_status status = take_with(self, &self->request, error);

    if (status < 0)
        return status;
    status = wwi_message_get_body(self->request, body, error);
    wwi_operation_put_down(self);
    return status;
}

wws_status wwi_operation_set_reply(
    struct wwi_operation *self,
    wws_bytes body,
    struct wwi_error *error)
{
    wws_status status = take_with(self, &self->reply, error);

    if (status < 0)
        return status;
    status = wwi_message_set_body(self->reply, body, error);
    wwi_operation_put_down(self);
    return status;
}

static wws_status put_fault(
    struct wwi_operation *self,
    const wws_fault *fault,
    struct wwi_error *error)
{
    struct wwi_message *message;
    wws_status status = wwi_operation_new_fault(self, &message, error);

    if (status < 0)
        return status;
    status = wwi_message_set_fault(message, fault, error);
    if (status >= 0)
        message = atomic_exchange(&self->fault, message);
    if (message != NULL)
        (void) wwi_message_free(message);
    return status;
}

wws_status wwi_operation_set_fault(
    struct wwi_operation *self,
    const wws_fault *fault,
    struct wwi_error *error)
{
    wws_status status = take_with(self, &self->reply, error);

    if (status < 0)
        return status;
    status = put_fault(self, fault, error);
    wwi_operation_put_down(self);
    return status;
}

wws_status wwi_operation_get_request(
    struct wwi_operation *self,
    wws_message *message,
    struct wwi_error *error)
{
    wws_status status = take_with(self, &self->request, error);

    if (status < 0)
        return status;
    message->id = self->request->object.id;
    wwi_operation_put_down(self);
    return WWS_S_OK;
}

wws_status wwi_operation_get_reply(
    struct wwi_operation *self,
    wws_message *message,
    struct wwi_error *error)
{
    wws_status status = take_with(self, &self->reply, error);

    if (status < 0)
        return status;
    message->id = self->reply->object.id;
    wwi_operation_put_down(self);
    return WWS_S_OK;
}

/* The one that there is, or is made now; null without memory. */
static struct wwi_error *own_error(struct wwi_operation *self)
{
    struct wwi_error *made, *there = atomic_load(&self->error);

    if (there != NULL)
        return there;
    made = wwi_error_new();
    if (made == NULL)
        return NULL;
    wwi_object_ref(&made->object);
    if (atomic_compare_exchange_strong(&self->error, &there, made))
        return made;
    (void) wwi_error_free(made);
    wwi_object_unref(&made->object);
    return there;
}

wws_status wwi_operation_get_error(
    struct wwi_operation *self,
    wws_error *reason,
    struct wwi_error *error)
{
    wws_status status = wwi_operation_take(self, error);
    struct wwi_error *own;

    if (status < 0)
        return status;
    own = own_error(self);
    if (own != NULL)
        reason->id = own->object.id;
    wwi_operation_put_down(self);
    return own != NULL ? WWS_S_OK : wwi_fail_static(error, WWS_E_OUTOFMEMORY,
        "no memory for an error object");
}

wws_status wwi_operation_set_channel_state(
    struct wwi_operation *self,
    void *channel_state,
    struct wwi_error *error)
{
    bool accepts = self->kind == WWS_OPERATION_KIND_ACCEPT_CHANNEL;
    wws_status status = wwi_operation_take(self, error);

    if (status < 0)
        return status;
    if (accepts)
        atomic_store(&self->channel_state, channel_state);
    wwi_operation_put_down(self);
    return accepts ? WWS_S_OK : wwi_fail_static(error,
        WWS_E_INVALID_OPERATION, "only who accepts a channel sets its state");
}

static wws_status read_text(
    struct wwi_operation *self,
    wws_operation_text property,
    struct wwi_bytes *out)
{
    const struct wwi_endpoint_server *server = self->server;
    const struct wwi_incoming *incoming = self->incoming;

    if (property == WWS_OPERATION_TEXT_ENDPOINT_ADDRESS)
        return server->endpoint->transport->server_address(server->server,
            out);
    if (incoming != NULL && property == WWS_OPERATION_TEXT_REMOTE_ADDRESS)
        wwi_bytes_append_string(out, incoming->remote);
    else if (incoming != NULL)
        incoming->calls->append_url(incoming, out);
    if (out->failed)
        return WWS_E_OUTOFMEMORY;
    return out->size != 0 ? WWS_S_OK : WWS_E_INVALID_OPERATION;
}

wws_status wwi_operation_get_text(
    struct wwi_operation *self,
    wws_operation_text property,
    wws_buffer *text,
    struct wwi_error *error)
{
    struct wwi_bytes read = { 0 };
    wws_status status = wwi_operation_take(self, error);

    if (status < 0)
        return status;
    status = read_text(self, property, &read);
    wwi_operation_put_down(self);
    if (status >= 0)
        wwi_bytes_to_buffer(&read, text);
    wwi_bytes_fini(&read);
    return status >= 0 ? status
        : wwi_fail_static(error, status, "cannot get the text");
}

wws_status wwi_operation_abort_channel(struct wwi_operation *self)
{
    if (wwi_operation_take(self, NULL) < 0)
        return WWS_E_HANDLE;
    if (self->incoming != NULL)
        self->incoming->calls->stop(self->incoming);
    wwi_operation_put_down(self);
    return WWS_S_OK;
}
