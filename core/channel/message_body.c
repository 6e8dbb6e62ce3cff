/* The body of a message. */
#include "core/channel/message_parts.h"

wws_status wwi_message_take_body(
    struct wwi_message *self,
    struct wwi_bytes *body,
    struct wwi_error *error)
{
    if (body->failed) {
        wwi_bytes_fini(body);
        return wwi_message_no_memory(error);
    }
    wwi_bytes_fini(&self->body);
    self->body = *body;
    *body = (struct wwi_bytes) { 0 };
    wwi_message_drop_fault(self);
    return WWS_S_OK;
}

wws_status wwi_message_put_body(
    struct wwi_message *self,
    wws_bytes body,
    struct wwi_error *error)
{
    struct wwi_bytes copy = { 0 };

    wwi_bytes_append(&copy, body.data, body.size);
    return wwi_message_take_body(self, &copy, error);
}

wws_status wwi_message_set_body(
    struct wwi_message *self,
    wws_bytes body,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_INITIALIZED, error);

    if (status < 0)
        return status;
    status = wwi_check_content(body, false, error);
    if (status >= 0)
        status = wwi_message_put_body(self, body, error);
    return wwi_message_leave(self, status);
}

wws_status wwi_message_body(
    struct wwi_message *self,
    wws_bytes *body,
    struct wwi_error *error)
{
    if (!self->received) {
        *body = (wws_bytes) { self->body.data, self->body.size };
        return WWS_S_OK;
    }
    if (wwi_envelope_xml(&self->envelope, &self->envelope.body, body) < 0)
        return wwi_message_no_memory(error);
    return WWS_S_OK;
}

wws_status wwi_message_get_body(
    struct wwi_message *self,
    wws_bytes *body,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);

    if (status < 0)
        return status;
    return wwi_message_leave(self, wwi_message_body(self, body, error));
}
