/* The faults that the body of a message may be. */
#include "core/channel/message_parts.h"
#include "core/xml/chars.h"
#include "core/xml/escape.h"

const wws_fault_info *wwi_message_fault(const struct wwi_message *self)
{
    if (self->received)
        return self->envelope.is_fault ? &self->envelope.fault : NULL;
    return self->has_fault ? &self->fault.info : NULL;
}

/* Makes the body a fault and keeps its parts. */
static wws_status put_fault(
    struct wwi_message *self,
    const wws_fault_info *fault,
    struct wwi_error *error)
{
    struct wwi_fault copy = { 0 };
    struct wwi_bytes body = { 0 };
    wws_status status;

    if (!wwi_fault_copy(&copy, fault))
        return wwi_message_no_memory(error);
    status = wwi_fault_write(fault, self->options.envelope_version, &body);
    if (status == WWS_E_INVALID_FORMAT) {
        wwi_bytes_fini(&body);
        wwi_fail_static(error, status,
            "the fault has characters that XML cannot hold");
    } else {
        status = wwi_message_take_body(self, &body, error);
    }
    if (status < 0) {
        wwi_fault_fini(&copy);
        return status;
    }
    self->fault = copy;
    self->has_fault = true;
    return WWS_S_OK;
}

static wws_status check_subcodes(
    const wws_fault_info *fault,
    struct wwi_error *error)
{
    bool good = fault->subcode_name.size == 0
        || wwi_xml_is_name(fault->subcode_name);

    for (size_t i = 0; i < fault->outer_subcode_names_count; i++)
        good = good && wwi_xml_is_name(fault->outer_subcode_names[i]);
    if (good)
        return WWS_S_OK;
    return wwi_fail_static(error, WWS_E_INVALIDARG,
        "a subcode of the fault is not a name");
}

/* Whether a fault that somebody else has made can be sent. */
static wws_status check_fault(
    const struct wwi_message *self,
    const wws_fault_info *fault,
    struct wwi_error *error)
{
    struct wwi_block_options options = {
        .version = self->options.envelope_version,
        .addressing = self->options.addressing_version,
        .flags = WWI_BLOCK_SEVERAL,
    };
    wws_status status = check_subcodes(fault, error);

    if (status >= 0)
        status = wwi_check_content(fault->detail, true, error);
    if (status >= 0 && fault->headers.size != 0)
        status = wwi_check_blocks(fault->headers, &options, error);
    return status;
}

wws_status wwi_message_set_fault(
    struct wwi_message *self,
    const wws_fault *fault,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_INITIALIZED, error);
    wws_fault_info info = wwi_fault_seen(fault);
    const char *refusal;

    if (status < 0)
        return status;
    refusal = wwi_fault_refusal(fault, &status);
    if (refusal != NULL)
        return wwi_message_leave(
            self, wwi_fail_static(error, status, refusal));
    status = check_fault(self, &info, error);
    if (status >= 0)
        status = put_fault(self, &info, error);
    return wwi_message_leave(self, status);
}

wws_status wwi_message_set_standard_fault(
    struct wwi_message *self,
    const struct wwi_fault_about *about,
    struct wwi_error *error)
{
    struct wwi_made_fault fault;
    wws_status status = wwi_message_check_state(
        self, WWI_MESSAGE_INITIALIZED, error);

    if (status < 0)
        return status;
    status = wwi_fault_make(&fault, about, self->options.envelope_version,
        self->options.addressing_version);
    if (status < 0)
        wwi_fail_static(error, status, "cannot make the fault");
    else
        status = put_fault(self, &fault.info, error);
    wwi_made_fault_fini(&fault);
    return status;
}

static wws_status set_generic_fault(
    struct wwi_message *self,
    const struct wwi_error *failure,
    wws_fault_disclosure disclosure,
    struct wwi_error *error)
{
    struct wwi_fault_about about = { .fault = WWI_FAULT_RECEIVER };
    struct wwi_bytes text = { 0 };
    wws_status status;

    if (disclosure == WWS_FAULT_DISCLOSURE_FULL)
        wwi_error_tell(failure, &text);
    if (text.failed) {
        wwi_bytes_fini(&text);
        return wwi_message_no_memory(error);
    }
    about.reason = (wws_string) { (const char *) text.data, text.size };
    /* Peers may have put anything into it. */
    if (!wwi_xml_has_text(about.reason))
        about.reason.size = 0;
    status = wwi_message_set_standard_fault(self, &about, error);
    wwi_bytes_fini(&text);
    return status;
}

wws_status wwi_message_set_fault_of(
    struct wwi_message *self,
    const struct wwi_error *failure,
    wws_fault_disclosure disclosure,
    struct wwi_error *error)
{
    wws_status status = wwi_message_check_state(
        self, WWI_MESSAGE_INITIALIZED, error);

    if (status < 0)
        return status;
    if (!failure->has_fault)
        return set_generic_fault(self, failure, disclosure, error);
    status = check_fault(self, &failure->fault.info, error);
    if (status >= 0)
        status = put_fault(self, &failure->fault.info, error);
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
