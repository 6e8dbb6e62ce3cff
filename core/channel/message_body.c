/* The body of a message, and the faults it may be. */
#include "core/channel/message_parts.h"
#include "core/xml/chars.h"

/* Takes a new body over, or says that there is no memory for it. */
static wws_status take_body(
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
    return take_body(self, &copy, error);
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

/* The content of the body, wherever it came from. */
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

const wws_fault_info *wwi_message_fault(const struct wwi_message *self)
{
    if (self->received)
        return self->envelope.is_fault ? &self->envelope.fault : NULL;
    return self->has_fault ? &self->fault.info : NULL;
}

/* Makes the body a fault and keeps its parts. */
static wws_status put_fault(
    struct wwi_message *self,
    const struct wwi_fault_content *content,
    struct wwi_error *error)
{
    wws_fault_info info = wwi_fault_info_of(content);
    struct wwi_fault copy = { 0 };
    struct wwi_bytes body = { 0 };
    wws_status status;

    if (!wwi_fault_copy(&copy, &info))
        return wwi_message_no_memory(error);
    status = wwi_fault_write(content, self->options.envelope_version, &body);
    if (status == WWS_E_INVALID_FORMAT) {
        wwi_bytes_fini(&body);
        wwi_fail_static(error, status,
            "the fault has characters that XML cannot hold");
    } else {
        status = take_body(self, &body, error);
    }
    if (status < 0) {
        wwi_fault_fini(&copy);
        return status;
    }
    self->fault = copy;
    self->has_fault = true;
    return WWS_S_OK;
}

static wws_status check_fault(const wws_fault *fault, struct wwi_error *error)
{
    if (fault->subcode_name.size != 0
        && !wwi_xml_is_name(fault->subcode_name))
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "the subcode of the fault is not a name");
    if (fault->subcode_name.size == 0 && fault->subcode_namespace.size != 0)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "the fault has a subcode without a name");
    return wwi_check_content(fault->detail, true, error);
}

wws_status wwi_message_set_fault(
    struct wwi_message *self,
    const wws_fault *fault,
    struct wwi_error *error)
{
    struct wwi_fault_content content = {
        .code = fault->code,
        .subcodes = { { fault->subcode_namespace, fault->subcode_name } },
        .reason = fault->reason,
        .language = fault->language,
        .actor = fault->actor,
        .detail = fault->detail,
    };
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_INITIALIZED, error);

    if (status < 0)
        return status;
    status = check_fault(fault, error);
    if (status >= 0)
        status = put_fault(self, &content, error);
    return wwi_message_leave(self, status);
}

wws_status wwi_message_set_standard_fault(
    struct wwi_message *self,
    const struct wwi_fault_about *about,
    struct wwi_error *error)
{
    struct wwi_fault_content content;
    struct wwi_bytes detail = { 0 };
    wws_status status = wwi_message_check_state(
        self, WWI_MESSAGE_INITIALIZED, error);

    if (status < 0)
        return status;
    status = wwi_fault_make(&content, about, self->options.envelope_version,
        self->options.addressing_version, &detail, &self->blocks);
    if (status < 0)
        wwi_fail_static(error, status, "cannot make the fault");
    else
        status = put_fault(self, &content, error);
    wwi_bytes_fini(&detail);
    return status;
}

wws_status wwi_message_get_fault(
    struct wwi_message *self,
    wws_fault_info *fault,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);
    const wws_fault_info *found;

    if (status < 0)
        return status;
    found = wwi_message_fault(self);
    if (found == NULL)
        return wwi_message_leave(self, WWS_S_END);
    wwi_record_put(fault, found, sizeof *found);
    return wwi_message_leave(self, WWS_S_OK);
}

