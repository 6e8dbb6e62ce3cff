/* The demands, in the order in which a client should hear of them: first what
 * is wrong with the request as such, then where it goes, then what it is. */
#include "core/transport/http_request.h"

#include <string.h>

#include "core/base/text.h"
#include "core/transport/http_char.h"
#include "core/transport/media_type.h"
#include "core/transport/url.h"

enum { KEEP = 1024 };

static const char *const known_methods[] = {
    "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH",
};

static unsigned check_method(wws_string method)
{
    size_t count = sizeof known_methods / sizeof *known_methods;

    if (wwi_string_is(method, "POST"))
        return 0;
    for (size_t i = 0; i < count; i++)
        if (wwi_string_is(method, known_methods[i]))
            return 405;
    return 501;
}

/* Both compared in normal form; `scratch` is empty before and after. */
static unsigned check_path(
    wws_string path,
    wws_string wanted,
    struct wwi_bytes *scratch)
{
    wws_status status;
    bool same;

    if (wwi_string_equal(path, wanted))
        return 0;
    status = wwi_path_normalise(scratch, path);
    if (status != WWS_S_OK)
        return status == WWS_E_OUTOFMEMORY ? 503 : 400;
    same = wwi_string_equal(wanted,
        (wws_string) { (const char *) scratch->data, scratch->size });
    scratch->size = 0;
    return same ? 0 : 404;
}

static bool contains(wws_string text, wws_string part)
{
    return memmem(text.data, text.size, part.data, part.size) != NULL;
}

static unsigned check_agent(
    const struct wwi_http_parser *parser,
    const struct wwi_http_demand *demand)
{
    wws_string agent;

    if (demand->disallowed_user_agents_count == 0
        || !wwi_http_parser_find(parser, "User-Agent", &agent))
        return 0;
    for (size_t i = 0; i < demand->disallowed_user_agents_count; i++)
        if (contains(agent, demand->disallowed_user_agents[i]))
            return 403;
    return 0;
}

static unsigned check_type(
    const struct wwi_http_parser *parser,
    wws_envelope_version version,
    struct wwi_media_type *type)
{
    wws_string value;

    if (wwi_http_parser_find(parser, "Content-Encoding", &value)
        && !wwi_text_is(value, "identity"))
        return 415;
    if (!wwi_http_parser_find(parser, "Content-Type", &value)
        || !wwi_media_type_parse(type, value)
        || !wwi_media_type_is(type,
            version == WWS_ENVELOPE_VERSION_SOAP_1_1 ? "text/xml"
                                                     : "application/soap+xml")
        || wwi_media_type_charset(type) == WWI_CHARSET_OTHER)
        return 415;
    return 0;
}

static unsigned check_size(
    const struct wwi_http_parser *parser,
    uint64_t most)
{
    if (parser->framing == WWI_HTTP_NO_BODY)
        return 411;
    return parser->has_length && parser->content_length > most ? 413 : 0;
}

static unsigned find_action(
    const struct wwi_http_parser *parser,
    wws_envelope_version version,
    const struct wwi_media_type *type,
    struct wwi_http_action *action)
{
    wws_string value;

    if (version != WWS_ENVELOPE_VERSION_SOAP_1_1)
        action->given = wwi_media_type_action(type, &action->text);
    else if (wwi_http_parser_find(parser, "SOAPAction", &value)) {
        if (!wwi_soap_action_parse(value, &value))
            return 400;
        action->given = true;
        wwi_bytes_append_string(&action->text, value);
    }
    return action->text.failed ? 503 : 0;
}

void wwi_http_request_append_url(
    const struct wwi_http_parser *parser,
    struct wwi_bytes *url)
{
    wws_string host;

    if (parser->target.size != 0 && parser->target.data[0] != '/')
        wwi_bytes_append_string(url, parser->target);
    else if (wwi_http_parser_find(parser, "Host", &host) && host.size != 0) {
        wwi_bytes_append_text(url, "http://");
        wwi_bytes_append_string(url, host);
        wwi_bytes_append_string(url, parser->target);
    }
}

unsigned wwi_http_request_check(
    const struct wwi_http_parser *parser,
    const struct wwi_http_demand *demand,
    struct wwi_http_action *action)
{
    struct wwi_target target;
    struct wwi_media_type type;
    unsigned refused;

    action->given = false;
    wwi_bytes_reset(&action->text, KEEP);
    if (!wwi_target_parse(&target, parser->method, parser->target))
        return 400;
    refused = check_method(parser->method);
    if (refused == 0)
        refused = check_path(target.path, demand->path, &action->text);
    if (refused == 0 && (target.https || target.has_query))
        refused = 404;
    if (refused == 0)
        refused = check_agent(parser, demand);
    if (refused == 0 && parser->expect_unknown)
        refused = 417;
    if (refused == 0)
        refused = check_type(parser, demand->version, &type);
    if (refused == 0)
        refused = check_size(parser, demand->max_message_size);
    if (refused == 0)
        refused = find_action(parser, demand->version, &type, action);
    return refused;
}
