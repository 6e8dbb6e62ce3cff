/* Messages from and to the octets of an envelope. */
#include <string.h>

#include "core/channel/message_parts.h"
#include "core/xml/charset.h"

static wws_status check_versions(
    const struct wwi_message *self,
    wws_envelope_version envelope,
    wws_addressing_version addressing,
    struct wwi_error *error)
{
    if (self->options.envelope_version == envelope
        && self->options.addressing_version == addressing)
        return WWS_S_OK;
    return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
        "the message has other versions than the channel");
}

/* What a message that is sent cannot be without. */
static wws_status check_complete(
    const struct wwi_message *self,
    bool begins,
    struct wwi_error *error)
{
    if (self->initialization == WWS_MESSAGE_INITIALIZATION_FAULT
        && self->body.size == 0 && !begins)
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the message was to be a fault and has none");
    if (wwi_message_has_addressing(self) && wwi_message_action(self).size == 0)
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the message has no action");
    return WWS_S_OK;
}

static wws_status write_envelope(
    const struct wwi_message *self,
    const struct wwi_encode_params *params,
    struct wwi_bytes *out)
{
    struct wwi_envelope_content content = {
        .version = self->options.envelope_version,
        .addressing = self->options.addressing_version,
        .blocks = { self->blocks.xml.data, self->blocks.xml.size },
        .body = { self->body.data, self->body.size },
    };

    if (self->has_fault)
        content.more_blocks = self->fault.info.headers;
    memcpy(content.standard, self->standard, sizeof content.standard);
    content.standard[WWS_HEADER_ACTION] = wwi_message_action(self);
    if (content.standard[WWS_HEADER_TO].data == NULL && params->to.size != 0)
        content.standard[WWS_HEADER_TO] = params->to;
    return params->begins ? wwi_envelope_write_head(&content, out)
        : wwi_envelope_write(&content, out);
}

wws_status wwi_message_encode(
    struct wwi_message *self,
    const struct wwi_encode_params *params,
    struct wwi_bytes *out,
    struct wwi_error *error)
{
    size_t before = out->size;
    wws_status status = wwi_message_check_state(
        self, WWI_MESSAGE_INITIALIZED, error);

    if (status >= 0)
        status = check_versions(self, params->envelope_version,
            params->addressing_version, error);
    if (status >= 0)
        status = check_complete(self, params->begins, error);
    if (status < 0)
        return status;
    if (!params->begins)
        (void) wwi_message_move(self, WWI_MESSAGE_SEND);
    status = write_envelope(self, params, out);
    if (status == WWS_E_OUTOFMEMORY)
        wwi_message_no_memory(error);
    else if (status < 0)
        wwi_fail_static(error, status,
            "a header has characters that XML cannot hold");
    else if (params->max_size != 0 && out->size - before > params->max_size)
        status = wwi_fail(error, WWS_E_QUOTA_EXCEEDED,
            "the envelope would have %zu octets, of at most %u",
            out->size - before, (unsigned) params->max_size);
    if (status < 0)
        out->size = before;
    return status;
}

wws_status wwi_message_take_target(
    struct wwi_message *self,
    wws_envelope_version envelope,
    wws_addressing_version addressing,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_EMPTY, error);

    if (status < 0)
        return status;
    status = check_versions(self, envelope, addressing, error);
    if (status < 0)
        wwi_message_end_use(self);
    return status;
}

wws_status wwi_message_check_target(
    struct wwi_message *self,
    wws_envelope_version envelope,
    wws_addressing_version addressing,
    struct wwi_error *error)
{
    wws_status status = wwi_message_take_target(self, envelope, addressing,
        error);

    if (status >= 0)
        wwi_message_end_use(self);
    return status;
}

/* What is no text is an envelope that is as malformed as nothing at all. */
static wws_status read_envelope(
    struct wwi_message *self,
    const struct wwi_decode_params *params,
    struct wwi_error *error)
{
    struct wwi_envelope_options options = {
        .version = self->options.envelope_version,
        .addressing = self->options.addressing_version,
        .max_headers = self->options.max_headers,
        .limits = params->limits,
    };
    wws_status status = wwi_charset_decode(&self->octets, params->charset,
        params->max_size, error);

    if (status < 0) {
        (void) wwi_envelope_parse(&self->envelope, &options,
            (wws_bytes) { "", 0 }, NULL);
        return status;
    }
    return wwi_envelope_parse(&self->envelope, &options,
        (wws_bytes) { self->octets.data, self->octets.size }, error);
}

wws_status wwi_message_decode(
    struct wwi_message *self,
    struct wwi_bytes *octets,
    const struct wwi_decode_params *params,
    struct wwi_error *error)
{
    wws_status status = wwi_message_check_state(self, WWI_MESSAGE_EMPTY, error);

    if (status >= 0)
        status = check_versions(self, params->envelope_version,
            params->addressing_version, error);
    if (status < 0) {
        wwi_bytes_fini(octets);
        return status;
    }
    wwi_bytes_fini(&self->octets);
    self->octets = *octets;
    *octets = (struct wwi_bytes) { 0 };
    self->has_envelope = true;
    if (!params->begins)
        (void) wwi_message_move(self, WWI_MESSAGE_RECEIVE);
    status = read_envelope(self, params, error);
    if (status < 0)
        return status;
    for (int i = 0; i < WWI_STANDARD_HEADERS; i++)
        if (self->envelope.standard[i].data != NULL)
            self->standard[i] = self->envelope.standard[i];
    self->received = true;
    if (params->begins)
        (void) wwi_message_move(self, WWI_MESSAGE_READ_START);
    return WWS_S_OK;
}

wws_status wwi_message_begin_writing(
    struct wwi_message *self,
    uint64_t channel,
    wws_envelope_version envelope,
    wws_addressing_version addressing,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_INITIALIZED, error);

    if (status < 0)
        return status;
    status = check_versions(self, envelope, addressing, error);
    if (status >= 0) {
        wwi_bytes_reset(&self->body, 0);
        (void) wwi_message_move(self, WWI_MESSAGE_WRITE_START);
        self->channel = channel;
    }
    return wwi_message_leave(self, status);
}

wws_status wwi_message_write_body(
    struct wwi_message *self,
    wws_bytes piece,
    uint32_t max_size,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_WRITING, error);

    if (status < 0)
        return status;
    if (piece.size > max_size - self->body.size)
        return wwi_message_leave(self, wwi_fail_static(error,
            WWS_E_QUOTA_EXCEEDED,
            "the body would have more than max_message_size octets"));
    wwi_bytes_append(&self->body, piece.data, piece.size);
    if (self->body.failed) {
        self->body.failed = false;
        status = wwi_message_no_memory(error);
    }
    return wwi_message_leave(self, status);
}

wws_status wwi_message_end_writing(
    struct wwi_message *self,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_WRITING, error);

    if (status < 0)
        return status;
    status = wwi_check_content(
        (wws_bytes) { self->body.data, self->body.size }, false, error);
    (void) wwi_message_move(self, status >= 0 ? WWI_MESSAGE_PUT_TOGETHER
        : WWI_MESSAGE_GIVE_UP);
    self->channel = 0;
    return wwi_message_leave(self, status);
}

wws_status wwi_message_read_body(
    struct wwi_message *self,
    wws_buffer *piece,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_READING, error);
    struct wwi_bytes copy = { 0 };
    wws_bytes body = { 0 };

    if (status < 0)
        return status;
    status = wwi_message_body(self, &body, error);
    wwi_bytes_append(&copy, body.data, body.size);
    if (copy.failed)
        status = wwi_message_no_memory(error);
    if (status >= 0 && (self->body_read || copy.size == 0))
        status = WWS_S_END;
    if (status == WWS_S_OK) {
        self->body_read = true;
        wwi_bytes_to_buffer(&copy, piece);
    }
    wwi_bytes_fini(&copy);
    return wwi_message_leave(self, status);
}

struct wwi_envelope *wwi_message_envelope(struct wwi_message *self)
{
    return self->has_envelope ? &self->envelope : NULL;
}
