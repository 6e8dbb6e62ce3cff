/* The headers of a message: standard ones, custom ones, and those of the
 * transport. */
#include "core/base/text.h"
#include "core/channel/message_parts.h"
#include "core/xml/escape.h"

wws_status wwi_message_put_header(
    struct wwi_message *self,
    wws_header header,
    wws_string text,
    struct wwi_error *error)
{
    char *copy = wwi_string_copy(text);

    if (copy == NULL)
        return wwi_message_no_memory(error);
    wwi_message_drop_header(self, header);
    self->owned[header] = copy;
    self->standard[header] = (wws_string) { copy, text.size };
    return WWS_S_OK;
}

static wws_status check_header(
    const struct wwi_message *self,
    wws_header header,
    wws_string text,
    struct wwi_error *error)
{
    if (header != WWS_HEADER_ACTION && !wwi_message_has_addressing(self))
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the message has no addressing headers");
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char) text.data[i] < ' ' || text.data[i] == 0x7F)
            return wwi_fail_static(error, WWS_E_INVALIDARG,
                "the header has a control character");
    if (text.size == 0 || !wwi_xml_has_text(text))
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "the header is not a text that XML can hold");
    return WWS_S_OK;
}

static wws_status add_parameters(
    struct wwi_message *self,
    wws_bytes parameters,
    struct wwi_error *error)
{
    const unsigned flags = WWI_BLOCK_REFERENCE_PARAMETER | WWI_BLOCK_SEVERAL;
    uint32_t before = self->blocks.count;
    wws_status status;

    if (parameters.size == 0)
        return WWS_S_OK;
    status = wwi_message_put_block(self, parameters, flags, error);
    if (status < 0
        || wwi_message_header_count(self) < self->options.max_headers)
        return status;
    wwi_blocks_cut(&self->blocks, before);
    return wwi_fail_static(error, WWS_E_QUOTA_EXCEEDED,
        "the message would have more headers than it may have");
}

/* With To last, of which there is room for one more header. */
static wws_status put_address(
    struct wwi_message *self,
    wws_string to,
    wws_bytes parameters,
    struct wwi_error *error)
{
    uint32_t before = self->blocks.count;
    wws_status status = check_header(self, WWS_HEADER_TO, to, error);

    if (status >= 0)
        status = add_parameters(self, parameters, error);
    if (status < 0)
        return status;
    status = wwi_message_put_header(self, WWS_HEADER_TO, to, error);
    if (status < 0)
        wwi_blocks_cut(&self->blocks, before);
    return status;
}

wws_status wwi_message_address(
    struct wwi_message *self,
    wws_string to,
    wws_bytes reference_parameters,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_INITIALIZED, error);

    if (status < 0)
        return status;
    if (self->addressed)
        status = wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the message is addressed already");
    else
        status = put_address(self, to, reference_parameters, error);
    self->addressed = self->addressed || status >= 0;
    return wwi_message_leave(self, status);
}

wws_status wwi_message_set_header(
    struct wwi_message *self,
    wws_header header,
    wws_string text,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);

    if (status < 0)
        return status;
    status = check_header(self, header, text, error);
    if (status >= 0)
        status = wwi_message_put_header(self, header, text, error);
    return wwi_message_leave(self, status);
}

/* Faults have an action of their own when nobody gives them another. */
wws_string wwi_message_action(const struct wwi_message *self)
{
    wws_string action = self->standard[WWS_HEADER_ACTION];
    wws_string ns = { "", 0 };

    if (action.data != NULL || self->received || (!self->has_fault
        && self->initialization != WWS_MESSAGE_INITIALIZATION_FAULT))
        return action;
    if (!wwi_message_has_addressing(self))
        return action;
    if (self->has_fault && self->fault.info.action.size != 0)
        return self->fault.info.action;
    if (self->has_fault)
        ns = self->fault.info.subcode_namespace;
    return wwi_addressing_fault_action(self->options.addressing_version, ns);
}

wws_status wwi_message_get_header(
    struct wwi_message *self,
    wws_header header,
    wws_string *text,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);
    wws_string found;

    if (status < 0)
        return status;
    found = header == WWS_HEADER_ACTION
        ? wwi_message_action(self) : self->standard[header];
    if (found.data == NULL)
        return wwi_message_leave(self, WWS_S_END);
    *text = found;
    return wwi_message_leave(self, WWS_S_OK);
}

wws_status wwi_message_remove_header(
    struct wwi_message *self,
    wws_header header,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);

    if (status < 0)
        return status;
    if (self->standard[header].data == NULL)
        status = WWS_S_END;
    wwi_message_drop_header(self, header);
    return wwi_message_leave(self, status);
}

wws_status wwi_message_put_action(struct wwi_message *self, wws_string action)
{
    return wwi_message_put_header(self, WWS_HEADER_ACTION, action, NULL);
}

wws_status wwi_message_put_block(
    struct wwi_message *self,
    wws_bytes element,
    unsigned flags,
    struct wwi_error *error)
{
    struct wwi_block_options options = {
        .version = self->options.envelope_version,
        .addressing = self->options.addressing_version,
        .flags = flags,
    };

    return wwi_blocks_add(&self->blocks, element, &options, error);
}

/* Whether a received header is an application's to see. */
bool wwi_message_is_custom(const struct wwi_envelope_header *header)
{
    return !header->standard && !header->removed;
}

static bool has_name(
    const struct wwi_envelope_header *header,
    wws_string name,
    wws_string namespace_uri)
{
    return wwi_message_is_custom(header)
        && wwi_string_equal(header->local, name)
        && wwi_string_equal(header->ns, namespace_uri);
}

uint32_t wwi_message_header_count(const struct wwi_message *self)
{
    uint32_t count = self->blocks.count;

    for (int i = 0; i < WWI_STANDARD_HEADERS; i++)
        count += self->standard[i].data != NULL;
    for (uint32_t i = 0; self->received && i < self->envelope.header_count;
        i++)
        count += wwi_message_is_custom(&self->envelope.headers[i]);
    return count;
}

wws_status wwi_message_add_custom_header(
    struct wwi_message *self,
    wws_bytes element,
    bool must_understand,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);

    if (status < 0)
        return status;
    if (wwi_message_header_count(self) >= self->options.max_headers)
        status = wwi_fail_static(error, WWS_E_QUOTA_EXCEEDED,
            "the message has as many headers as it may have");
    else
        status = wwi_message_put_block(self, element,
            must_understand ? WWI_BLOCK_MUST_UNDERSTAND : 0, error);
    return wwi_message_leave(self, status);
}

static struct wwi_envelope_header *find_received(
    struct wwi_message *self,
    wws_string name,
    wws_string namespace_uri,
    uint32_t *index)
{
    if (!self->received)
        return NULL;
    for (uint32_t i = 0; i < self->envelope.header_count; i++) {
        struct wwi_envelope_header *header = &self->envelope.headers[i];

        if (has_name(header, name, namespace_uri) && (*index)-- == 0)
            return header;
    }
    return NULL;
}

/* A custom header: one that was received, or one that was added. */
struct custom {
    struct wwi_envelope_header *received;
    const struct wwi_block *added;
};

static bool find_custom(
    struct wwi_message *self,
    wws_string name,
    wws_string namespace_uri,
    uint32_t index,
    struct custom *found)
{
    found->received = find_received(self, name, namespace_uri, &index);
    found->added = found->received != NULL ? NULL
        : wwi_blocks_find(&self->blocks, name, namespace_uri, &index);
    return found->received != NULL || found->added != NULL;
}

static wws_status get_custom(
    struct wwi_message *self,
    wws_string name,
    wws_string namespace_uri,
    uint32_t index,
    wws_bytes *element,
    bool *must_understand,
    struct wwi_error *error)
{
    struct custom found;

    if (!find_custom(self, name, namespace_uri, index, &found))
        return WWS_S_END;
    if (found.added != NULL) {
        *element = wwi_blocks_xml(&self->blocks, found.added);
        *must_understand = found.added->must_understand;
        return WWS_S_OK;
    }
    if (wwi_envelope_xml(&self->envelope, &found.received->part, element) < 0)
        return wwi_message_no_memory(error);
    found.received->understood = true;
    *must_understand = found.received->must_understand;
    return WWS_S_OK;
}

wws_status wwi_message_get_custom_header(
    struct wwi_message *self,
    wws_string name,
    wws_string namespace_uri,
    uint32_t index,
    wws_bytes *element,
    bool *must_understand,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);
    bool unwanted;

    if (status < 0)
        return status;
    if (must_understand == NULL)
        must_understand = &unwanted;
    status = get_custom(
        self, name, namespace_uri, index, element, must_understand, error);
    return wwi_message_leave(self, status);
}

static wws_header_info tell_custom(
    const struct wwi_message *self,
    const struct custom *header)
{
    wws_header_info info = WWS_HEADER_INFO_INIT;

    if (header->added != NULL) {
        info.must_understand = header->added->must_understand;
        info.relay = header->added->relay;
        info.role = wwi_blocks_role(&self->blocks, header->added);
        return info;
    }
    info.must_understand = header->received->must_understand;
    info.understood = header->received->understood;
    info.relay = header->received->relay;
    info.role = header->received->role;
    return info;
}

wws_status wwi_message_get_custom_header_info(
    struct wwi_message *self,
    wws_string name,
    wws_string namespace_uri,
    uint32_t index,
    wws_header_info *info,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);
    wws_header_info ours;
    struct custom found;

    if (status < 0)
        return status;
    if (!find_custom(self, name, namespace_uri, index, &found))
        return wwi_message_leave(self, WWS_S_END);
    ours = tell_custom(self, &found);
    wwi_record_put(info, &ours, sizeof ours);
    return wwi_message_leave(self, WWS_S_OK);
}

wws_status wwi_message_mark_header_understood(
    struct wwi_message *self,
    wws_string name,
    wws_string namespace_uri,
    uint32_t index,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);
    struct custom found;

    if (status < 0)
        return status;
    if (!find_custom(self, name, namespace_uri, index, &found))
        status = WWS_S_END;
    else if (found.received != NULL)
        found.received->understood = true;
    return wwi_message_leave(self, status);
}

wws_status wwi_message_remove_custom_header(
    struct wwi_message *self,
    wws_string name,
    wws_string namespace_uri,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);
    struct wwi_envelope_header *header;
    uint32_t first = 0;
    bool found;

    if (status < 0)
        return status;
    found = wwi_blocks_remove(&self->blocks, name, namespace_uri);
    while ((header = find_received(self, name, namespace_uri, &first))
        != NULL) {
        header->removed = found = true;
        first = 0;
    }
    return wwi_message_leave(self, found ? WWS_S_OK : WWS_S_END);
}

/* The error is given the fault that answers such a message. */
static void give_not_understood(
    const struct wwi_message *self,
    struct wwi_error *error)
{
    const struct wwi_fault_about about = {
        .fault = WWI_FAULT_MUST_UNDERSTAND,
        .request = &self->envelope,
    };
    struct wwi_made_fault fault;
    struct wwi_fault copy = { 0 };

    if (error == NULL)
        return;
    if (wwi_fault_make(&fault, &about, self->options.envelope_version,
            self->options.addressing_version) >= 0
        && wwi_fault_copy(&copy, &fault.info))
        wwi_error_take_fault(error, &copy);
    wwi_made_fault_fini(&fault);
}

wws_status wwi_message_check_must_understand(
    struct wwi_message *self,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);

    if (status < 0)
        return status;
    for (uint32_t i = 0; self->received && i < self->envelope.header_count;
        i++) {
        const struct wwi_envelope_header *header = &self->envelope.headers[i];

        if (wwi_message_is_custom(header) && header->must_understand
            && !header->understood) {
            status = wwi_fail(error, WWS_E_INVALID_FORMAT,
                "the header %.*s of %.*s is not understood",
                (int) header->local.size, header->local.data,
                (int) header->ns.size, header->ns.data);
            give_not_understood(self, error);
            break;
        }
    }
    return wwi_message_leave(self, status);
}

wws_status wwi_message_add_mapped_header(
    struct wwi_message *self,
    wws_string name,
    wws_string value,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);
    const char *refusal;

    if (status < 0)
        return status;
    refusal = wwi_mapped_refusal(name, value);
    if (refusal != NULL)
        status = wwi_fail_static(error, WWS_E_INVALIDARG, refusal);
    else if (wwi_mapped_add(&self->mapped, name, value) < 0)
        status = wwi_message_no_memory(error);
    return wwi_message_leave(self, status);
}

wws_status wwi_message_get_mapped_header(
    struct wwi_message *self,
    wws_string name,
    wws_string *value,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);
    wws_string found;

    if (status < 0)
        return status;
    if (!wwi_mapped_find(&self->mapped, name, &found))
        return wwi_message_leave(self, WWS_S_END);
    *value = found;
    return wwi_message_leave(self, WWS_S_OK);
}

wws_status wwi_message_remove_mapped_header(
    struct wwi_message *self,
    wws_string name,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_FILLED, error);

    if (status < 0)
        return status;
    if (!wwi_mapped_remove(&self->mapped, name))
        status = WWS_S_END;
    return wwi_message_leave(self, status);
}
