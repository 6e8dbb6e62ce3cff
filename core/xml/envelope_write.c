/* Writes envelopes.  The prefixes are always s for the envelope and a for
 * addressing; what the caller brings declares its own. */
#include <string.h>

#include "core/base/text.h"
#include "core/xml/envelope.h"
#include "core/xml/escape.h"

struct output {
    const struct wwi_envelope_content *content;
    struct wwi_bytes *out;
    bool bad_text;
};

static void put(struct output *output, const char *text)
{
    wwi_bytes_append_text(output->out, text);
}

static void put_text(struct output *output, wws_string text)
{
    if (!wwi_xml_escape(output->out, text, false))
        output->bad_text = true;
}

static void put_raw(struct output *output, wws_bytes raw)
{
    wwi_bytes_append(output->out, raw.data, raw.size);
}

/* What a receiver cannot do without must be understood. */
static void put_header(struct output *output, wws_header header)
{
    wws_string text = output->content->standard[header];
    wws_string name = wwi_addressing_name(header);
    bool endpoint = wwi_addressing_is_endpoint(header);
    bool must = header == WWS_HEADER_ACTION || header == WWS_HEADER_TO;

    if (text.data == NULL)
        return;
    put(output, "<a:");
    wwi_bytes_append_string(output->out, name);
    put(output, must ? " s:mustUnderstand=\"1\">" : ">");
    put(output, endpoint ? "<a:Address>" : "");
    put_text(output, text);
    put(output, endpoint ? "</a:Address></a:" : "</a:");
    wwi_bytes_append_string(output->out, name);
    put(output, ">");
}

static bool has_headers(const struct wwi_envelope_content *content)
{
    if (content->blocks.size != 0 || content->more_blocks.size != 0)
        return true;
    if (content->addressing == WWS_ADDRESSING_VERSION_TRANSPORT)
        return false;
    for (int i = 0; i < WWI_STANDARD_HEADERS; i++)
        if (content->standard[i].data != NULL)
            return true;
    return false;
}

static void put_headers(struct output *output)
{
    static const wws_header order[] = {
        WWS_HEADER_ACTION, WWS_HEADER_MESSAGE_ID, WWS_HEADER_RELATES_TO,
        WWS_HEADER_FROM, WWS_HEADER_REPLY_TO, WWS_HEADER_FAULT_TO,
        WWS_HEADER_TO,
    };

    put(output, "<s:Header>");
    if (output->content->addressing != WWS_ADDRESSING_VERSION_TRANSPORT)
        for (size_t i = 0; i < sizeof order / sizeof *order; i++)
            put_header(output, order[i]);
    put_raw(output, output->content->blocks);
    put_raw(output, output->content->more_blocks);
    put(output, "</s:Header>");
}

wws_status wwi_envelope_write_head(
    const struct wwi_envelope_content *content,
    struct wwi_bytes *out)
{
    struct output output = { .content = content, .out = out };
    wws_string addressing = wwi_addressing_namespace(content->addressing);

    put(&output, "<s:Envelope xmlns:s=\"");
    put_text(&output, wwi_envelope_namespace(content->version));
    if (addressing.size != 0) {
        put(&output, "\" xmlns:a=\"");
        put_text(&output, addressing);
    }
    put(&output, "\">");
    if (has_headers(content))
        put_headers(&output);
    put(&output, "<s:Body>");
    if (out->failed)
        return WWS_E_OUTOFMEMORY;
    return output.bad_text ? WWS_E_INVALID_FORMAT : WWS_S_OK;
}

wws_string wwi_envelope_tail(void)
{
    return WWS_STR("</s:Body></s:Envelope>");
}

wws_status wwi_envelope_write(
    const struct wwi_envelope_content *content,
    struct wwi_bytes *out)
{
    wws_status status = wwi_envelope_write_head(content, out);

    if (status < 0)
        return status;
    wwi_bytes_append(out, content->body.data, content->body.size);
    wwi_bytes_append_string(out, wwi_envelope_tail());
    return out->failed ? WWS_E_OUTOFMEMORY : WWS_S_OK;
}
