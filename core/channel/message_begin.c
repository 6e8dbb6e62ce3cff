/* What a message is initialized as, and what it takes along from the message
 * that it answers or copies. */
#include "core/base/text.h"
#include "core/channel/message_parts.h"

/* A request can be answered, and told from others. */
static wws_status begin_request(
    struct wwi_message *self,
    struct wwi_error *error)
{
    char uuid[WWI_UUID_SIZE];
    wws_status status;

    if (!wwi_message_has_addressing(self))
        return WWS_S_OK;
    if (!wwi_addressing_uuid(uuid))
        return wwi_fail_static(error, WWS_E_OTHER,
            "the system has no random numbers");
    status = wwi_message_put_header(self, WWS_HEADER_MESSAGE_ID,
        (wws_string) { uuid, sizeof uuid }, error);
    if (status < 0)
        return status;
    return wwi_message_put_header(self, WWS_HEADER_REPLY_TO,
        wwi_addressing_anonymous(self->options.addressing_version), error);
}

/* What is known of a request that is answered. */
struct request {
    const wws_string *standard;
    wws_addressing_version addressing;
    struct wwi_envelope *envelope; /* of a received one */
};

/* The answer takes along what the requester's endpoint asks for, but for what
 * cannot be a header or would pass for one of addressing. */
static wws_status add_parameters(
    struct wwi_message *self,
    struct wwi_envelope *envelope,
    wws_header header,
    struct wwi_error *error)
{
    wws_bytes element;

    for (uint32_t i = 0; i < envelope->parameter_count; i++) {
        struct wwi_envelope_parameter *parameter = &envelope->parameters[i];

        if (parameter->header != header)
            continue;
        if (wwi_envelope_xml(envelope, &parameter->part, &element) < 0
            || wwi_message_put_block(self, element,
                WWI_BLOCK_REFERENCE_PARAMETER, NULL) == WWS_E_OUTOFMEMORY)
            return wwi_message_no_memory(error);
    }
    return WWS_S_OK;
}

static wws_status begin_answer(
    struct wwi_message *self,
    const struct request *request,
    bool fault,
    struct wwi_error *error)
{
    wws_string identity = request->standard[WWS_HEADER_MESSAGE_ID];
    wws_header header = fault
        && request->standard[WWS_HEADER_FAULT_TO].data != NULL
        ? WWS_HEADER_FAULT_TO : WWS_HEADER_REPLY_TO;
    wws_string to = request->standard[header];
    wws_status status = WWS_S_OK;

    self->addressed = true;
    if (!wwi_message_has_addressing(self))
        return WWS_S_OK;
    if (to.data == NULL || wwi_string_equal(
        to, wwi_addressing_anonymous(request->addressing)))
        to = wwi_addressing_anonymous(self->options.addressing_version);
    if (identity.data != NULL)
        status = wwi_message_put_header(
            self, WWS_HEADER_RELATES_TO, identity, error);
    if (status >= 0)
        status = wwi_message_put_header(self, WWS_HEADER_TO, to, error);
    if (status >= 0 && request->envelope != NULL)
        status = add_parameters(self, request->envelope, header, error);
    return status;
}

static wws_status copy_standard(
    struct wwi_message *self,
    const struct wwi_message *original,
    struct wwi_error *error)
{
    wws_status status = WWS_S_OK;

    for (wws_header header = 0; header < WWI_STANDARD_HEADERS && status >= 0;
        header++) {
        bool possible = header == WWS_HEADER_ACTION
            || wwi_message_has_addressing(self);

        if (possible && original->standard[header].data != NULL)
            status = wwi_message_put_header(
                self, header, original->standard[header], error);
    }
    return status;
}

static wws_status copy_received(
    struct wwi_message *self,
    struct wwi_envelope *envelope,
    struct wwi_error *error)
{
    wws_status status = WWS_S_OK;
    wws_bytes element;

    for (uint32_t i = 0; i < envelope->header_count && status >= 0; i++) {
        struct wwi_envelope_header *header = &envelope->headers[i];

        if (!wwi_message_is_custom(header))
            continue;
        if (wwi_envelope_xml(envelope, &header->part, &element) < 0)
            return wwi_message_no_memory(error);
        status = wwi_message_put_block(
            self, element, WWI_BLOCK_RECEIVED, error);
    }
    return status;
}

static wws_status copy_added(
    struct wwi_message *self,
    const struct wwi_blocks *blocks,
    struct wwi_error *error)
{
    wws_status status = WWS_S_OK;

    for (uint32_t i = 0; i < blocks->count && status >= 0; i++)
        status = wwi_message_put_block(self,
            wwi_blocks_xml(blocks, &blocks->list[i]), WWI_BLOCK_RECEIVED,
            error);
    return status;
}

/* Fields of the transport that were received told of that connection; those
 * that were to be sent still are. */
static wws_status copy_mapped(
    struct wwi_message *self,
    const struct wwi_message *original,
    struct wwi_error *error)
{
    wws_string name, value;

    if (original->received)
        return WWS_S_OK;
    for (uint32_t i = 0; i < original->mapped.count; i++) {
        wwi_mapped_at(&original->mapped, i, &name, &value);
        if (wwi_mapped_add(&self->mapped, name, value) < 0)
            return wwi_message_no_memory(error);
    }
    return WWS_S_OK;
}

static wws_status begin_duplicate(
    struct wwi_message *self,
    struct wwi_message *original,
    struct wwi_error *error)
{
    const wws_fault_info *fault = wwi_message_fault(original);
    struct wwi_fault copy = { 0 };
    wws_bytes body;
    wws_status status;

    if (self->options.envelope_version != original->options.envelope_version)
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the original has an envelope of another version");
    status = copy_standard(self, original, error);
    if (status >= 0 && original->received)
        status = copy_received(self, &original->envelope, error);
    if (status >= 0)
        status = copy_added(self, &original->blocks, error);
    if (status >= 0)
        status = copy_mapped(self, original, error);
    if (status >= 0)
        status = wwi_message_body(original, &body, error);
    if (status >= 0)
        status = wwi_message_put_body(self, body, error);
    if (status < 0 || fault == NULL)
        return status;
    if (!wwi_fault_copy(&copy, fault))
        return wwi_message_no_memory(error);
    /* Those that were received are among the headers already. */
    if (original->received)
        copy.info.headers.size = 0;
    self->fault = copy;
    self->has_fault = true;
    return WWS_S_OK;
}

static wws_status begin(
    struct wwi_message *self,
    wws_message_initialization initialization,
    struct wwi_message *original,
    struct wwi_error *error)
{
    struct request request = { 0 };

    if (original != NULL)
        request = (struct request) {
            .standard = original->standard,
            .addressing = original->options.addressing_version,
            .envelope = original->received ? &original->envelope : NULL,
        };
    switch (initialization) {
    case WWS_MESSAGE_INITIALIZATION_DUPLICATE:
        return begin_duplicate(self, original, error);
    case WWS_MESSAGE_INITIALIZATION_REQUEST:
        return begin_request(self, error);
    case WWS_MESSAGE_INITIALIZATION_REPLY:
        return begin_answer(self, &request, false, error);
    case WWS_MESSAGE_INITIALIZATION_FAULT:
        return begin_answer(self, &request, true, error);
    default:
        return WWS_S_OK;
    }
}

static wws_status end_begin(
    struct wwi_message *self,
    wws_message_initialization initialization,
    wws_status status)
{
    if (status < 0) {
        wwi_message_clear(self);
        return status;
    }
    self->initialization = initialization;
    (void) wwi_message_move(self, WWI_MESSAGE_INITIALIZE);
    return WWS_S_OK;
}

/* With the original in use, too. */
static wws_status initialize(
    struct wwi_message *self,
    wws_message_initialization initialization,
    struct wwi_message *original,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_EMPTY, error);

    if (status < 0)
        return status;
    wwi_message_clear(self);
    status = begin(self, initialization, original, error);
    return wwi_message_leave(self, end_begin(self, initialization, status));
}

wws_status wwi_message_initialize(
    struct wwi_message *self,
    wws_message_initialization initialization,
    struct wwi_message *original,
    struct wwi_error *error)
{
    bool needed = initialization != WWS_MESSAGE_INITIALIZATION_BLANK
        && initialization != WWS_MESSAGE_INITIALIZATION_REQUEST;
    wws_status status;

    if (needed != (original != NULL))
        return wwi_fail_static(error, WWS_E_INVALIDARG, needed
            ? "an original is needed for that"
            : "an original is of no use for that");
    if (original == self)
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "a message cannot be its own original");
    if (original == NULL)
        return initialize(self, initialization, NULL, error);
    status = wwi_message_enter(original, WWI_MESSAGE_FILLED, error);
    if (status < 0)
        return status;
    return wwi_message_leave(
        original, initialize(self, initialization, original, error));
}

wws_status wwi_message_answer(
    struct wwi_message *self,
    struct wwi_envelope *request,
    bool fault,
    struct wwi_error *error)
{
    wws_message_initialization initialization = fault
        ? WWS_MESSAGE_INITIALIZATION_FAULT : WWS_MESSAGE_INITIALIZATION_REPLY;
    static const wws_string nothing[WWI_STANDARD_HEADERS];
    struct request known = {
        .standard = request != NULL ? request->standard : nothing,
        .addressing = request != NULL
            ? request->addressing : self->options.addressing_version,
        .envelope = request,
    };
    wws_status status = wwi_message_check_state(self, WWI_MESSAGE_EMPTY, error);

    if (status < 0)
        return status;
    wwi_message_clear(self);
    return end_begin(
        self, initialization, begin_answer(self, &known, fault, error));
}

