/* Heads of messages, as SOAP over HTTP has them. */
#include "core/transport/http_head.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/transport/media_type.h"

/* Writing. */

static void write_type(
    struct wwi_http_writer *writer,
    const struct wwi_outgoing *outgoing,
    struct wwi_bytes *text)
{
    bool old = outgoing->version == WWS_ENVELOPE_VERSION_SOAP_1_1;

    wwi_bytes_append_text(text, old ? "text/xml; charset=utf-8"
        : "application/soap+xml; charset=utf-8");
    if (!old && outgoing->action.size != 0
        && !wwi_media_type_append(text, "action", outgoing->action))
        writer->refused = "the action cannot be sent";
    wwi_http_writer_field(writer, WWS_STR("Content-Type"),
        (wws_string) { (const char *) text->data, text->size });
}

static void write_action(
    struct wwi_http_writer *writer,
    const struct wwi_outgoing *outgoing,
    struct wwi_bytes *text)
{
    text->size = 0;
    wwi_bytes_append_char(text, '"');
    wwi_bytes_append_string(text, outgoing->action);
    wwi_bytes_append_char(text, '"');
    wwi_http_writer_field(writer, WWS_STR("SOAPAction"),
        (wws_string) { (const char *) text->data, text->size });
}

static void write_fields(
    struct wwi_http_writer *writer,
    const struct wwi_fields *fields)
{
    uint32_t index = 0;
    wws_string name, value;

    while (fields->next != NULL
        && fields->next(fields->state, &index, &name, &value))
        wwi_http_writer_field(writer, name, value);
}

void wwi_http_begin_request(
    struct wwi_http_writer *writer,
    struct wwi_bytes *out,
    const struct wwi_url *url,
    const struct wwi_outgoing *outgoing)
{
    struct wwi_bytes text = { 0 };

    wwi_http_writer_request(writer, out, WWS_STR("POST"), url->target);
    wwi_http_writer_field(writer, WWS_STR("Host"), url->authority);
    write_type(writer, outgoing, &text);
    if (outgoing->version == WWS_ENVELOPE_VERSION_SOAP_1_1)
        write_action(writer, outgoing, &text);
    out->failed = out->failed || text.failed;
    wwi_bytes_fini(&text);
    write_fields(writer, &outgoing->fields);
}

void wwi_http_begin_answer(
    struct wwi_http_writer *writer,
    struct wwi_bytes *out,
    unsigned status)
{
    wwi_http_writer_response(writer, out, status, WWS_STR(""));
    wwi_http_writer_date(writer, wwi_clock_wall());
}

void wwi_http_write_content(
    struct wwi_http_writer *writer,
    const struct wwi_outgoing *outgoing)
{
    wwi_http_writer_field(writer, WWS_STR("Content-Type"),
        outgoing->version == WWS_ENVELOPE_VERSION_SOAP_1_1
            ? WWS_STR("text/xml; charset=utf-8")
            : WWS_STR("application/soap+xml; charset=utf-8"));
    write_fields(writer, &outgoing->fields);
}

wws_status wwi_http_write_last_answer(struct wwi_bytes *out, unsigned status)
{
    struct wwi_http_writer writer;

    wwi_http_begin_answer(&writer, out, status);
    wwi_http_writer_field(&writer, WWS_STR("Connection"), WWS_STR("close"));
    if (status == 405)
        wwi_http_writer_field(&writer, WWS_STR("Allow"), WWS_STR("POST"));
    wwi_http_writer_length(&writer, 0);
    return wwi_http_writer_end(&writer);
}

/* Judging. */

static wws_status status_of_response(unsigned http_status)
{
    switch (http_status) {
    case 401:
    case 403: return WWS_E_ENDPOINT_ACCESS_DENIED;
    case 404:
    case 410: return WWS_E_ENDPOINT_NOT_FOUND;
    case 407: return WWS_E_PROXY_ACCESS_DENIED;
    case 503: return WWS_E_ENDPOINT_TOO_BUSY;
    default: return WWS_E_ENDPOINT_FAILURE;
    }
}

/* What of a text can be told: HTTP allows any octets; our texts are UTF-8. */
static wws_string tellable(wws_string text)
{
    if (text.size == 0 || !wwi_utf8_valid(text.data, text.size))
        return WWS_STR("");
    if (text.size > 48)
        text.size = wwi_utf8_whole(text.data, 48);
    return text;
}

static bool find_envelope(
    const struct wwi_http_parser *parser,
    wws_envelope_version version,
    struct wwi_media_type *type)
{
    wws_string value;

    return wwi_http_parser_find(parser, "Content-Type", &value)
        && wwi_media_type_parse(type, value)
        && wwi_media_type_is(type, version == WWS_ENVELOPE_VERSION_SOAP_1_1
            ? "text/xml" : "application/soap+xml");
}

wws_status wwi_http_judge_response(
    const struct wwi_http_parser *parser,
    wws_envelope_version version,
    bool has_body,
    char *text,
    size_t size)
{
    unsigned status = parser->status;
    bool good = status >= 200 && status <= 299;
    const char *problem = "";
    wws_string words = parser->reason;
    struct wwi_media_type type;

    if (good && !has_body)
        return WWS_S_END;
    if (has_body && (good || status == 400 || status == 500)
        && find_envelope(parser, version, &type)) {
        if (wwi_media_type_charset(&type) != WWI_CHARSET_OTHER)
            return WWS_S_OK;
        problem = "in a charset that is not supported: ";
        words = type.type;
        words.size += type.parameters.size;
    }
    words = tellable(words);
    snprintf(text, size, "the server answered %u %s%.*s", status, problem,
        (int) words.size, words.data);
    return good ? WWS_E_INVALID_FORMAT : status_of_response(status);
}

static bool next_field(
    const void *state,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    const struct wwi_http_parser *parser = state;

    if (*index >= wwi_http_parser_field_count(parser))
        return false;
    wwi_http_parser_field(parser, (*index)++, name, value);
    return true;
}

struct wwi_fields wwi_http_fields(const struct wwi_http_parser *parser)
{
    return (struct wwi_fields) { .next = next_field, .state = parser };
}
