/* Faults that answer a request, made of what went wrong. */
#include "core/channel/channel_parts.h"

static wws_status make_fault(
    struct wwi_message *reply,
    struct wwi_message *request,
    const struct wwi_error *cause,
    wws_fault_disclosure disclosure,
    struct wwi_error *error)
{
    wws_status status = wwi_message_initialize(
        reply, WWS_MESSAGE_INITIALIZATION_FAULT, request, error);

    if (status >= 0)
        status = wwi_message_begin_use(reply, error);
    if (status < 0)
        return status;
    status = wwi_message_set_fault_of(reply, cause, disclosure, error);
    wwi_message_end_use(reply);
    return status;
}

/* The reply is given back at once: what is sent of it has been copied. */
wws_status wwi_channel_send_fault(
    struct wwi_channel *self,
    struct wwi_message *request,
    struct wwi_error *cause,
    wws_fault_disclosure disclosure,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;
    struct wwi_message *reply;
    wws_status status;

    options.envelope_version = self->options.envelope_version;
    options.addressing_version = self->options.addressing_version;
    status = wwi_message_new(&options, &reply, error);
    if (status < 0)
        return status;
    status = make_fault(reply, request, cause, disclosure, error);
    if (status >= 0)
        status = wwi_channel_send_reply(self, reply, completion, error);
    (void) wwi_message_free(reply);
    return status;
}
