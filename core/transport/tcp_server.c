/* The server: it judges preambles. */
#include "core/transport/tcp.h"

#include "core/base/text.h"
#include "core/transport/media_type.h"

static wws_string path_of(const struct wwi_server *server)
{
    wws_string path = wwi_acceptor_path(&server->acceptor);

    /* Borders of segments are found behind it. */
    if (path.size != 0 && path.data[path.size - 1] == '/')
        path.size--;
    return path;
}

static bool is_below(wws_string path, wws_string wanted)
{
    return path.size >= wanted.size
        && memcmp(path.data, wanted.data, wanted.size) == 0
        && (path.size == wanted.size || path.data[wanted.size] == '/');
}

static wws_status match_path(
    const struct wwi_server *server,
    wws_string path)
{
    struct wwi_bytes normal = { 0 };
    wws_status status = wwi_path_normalise(&normal, path);

    if (status == WWS_S_OK && !is_below((wws_string) {
        (const char *) normal.data, normal.size }, path_of(server)))
        status = WWS_E_ENDPOINT_NOT_FOUND;
    wwi_bytes_fini(&normal);
    return status;
}

/* Whether the via leads here; its port may be that of something in between. */
static wws_status match_via(const struct wwi_server *server, wws_string via)
{
    const struct wwi_url *own = &server->acceptor.url;
    struct wwi_url url;
    const char *what;
    wws_status status = wwi_url_parse(&url, via, &what);

    if (status != WWS_S_OK)
        return status;
    if (url.scheme != WWI_URL_NET_TCP || url.has_query
        || (!own->wildcard && !wwi_string_equal(url.host, own->host)))
        status = WWS_E_ENDPOINT_NOT_FOUND;
    else
        status = match_path(server, url.path);
    wwi_url_fini(&url);
    return status;
}

static wws_status match_charset(const struct wwi_media_type *type)
{
    struct wwi_bytes charset = { 0 };
    wws_status status = WWS_S_OK;

    if (wwi_media_type_parameter(type, "charset", &charset)
        && !wwi_string_equal_nocase((wws_string) {
            (const char *) charset.data, charset.size }, WWS_STR("utf-8")))
        status = charset.failed ? WWS_E_OUTOFMEMORY : WWS_E_INVALID_FORMAT;
    wwi_bytes_fini(&charset);
    return status;
}

/* The text encoding of the version, by its octet or by its name. */
static wws_status match_encoding(
    wws_envelope_version version,
    const struct wwi_framing *framing)
{
    bool old = version == WWS_ENVELOPE_VERSION_SOAP_1_1;
    struct wwi_media_type type;

    if (framing->encoding >= 0)
        return framing->encoding == (old ? WWI_FRAMING_TEXT_SOAP_1_1
            : WWI_FRAMING_TEXT_SOAP_1_2) ? WWS_S_OK : WWS_E_INVALID_FORMAT;
    if (!wwi_media_type_parse(&type, framing->content_type)
        || !wwi_media_type_is(&type,
            old ? "text/xml" : "application/soap+xml"))
        return WWS_E_INVALID_FORMAT;
    return match_charset(&type);
}

enum wwi_framing_fault wwi_tcp_judge(
    const struct wwi_tcp_wire *wire,
    const struct wwi_framing *framing)
{
    wws_status status;

    if (framing->mode != wire->mode)
        return WWI_FRAMING_UNSUPPORTED_MODE;
    status = match_via(wire->server, framing->via);
    if (status == WWS_E_OUTOFMEMORY)
        return WWI_FRAMING_SERVER_TOO_BUSY;
    if (status != WWS_S_OK)
        return WWI_FRAMING_ENDPOINT_NOT_FOUND;
    status = match_encoding(wire->version, framing);
    if (status == WWS_E_OUTOFMEMORY)
        return WWI_FRAMING_SERVER_TOO_BUSY;
    return status == WWS_S_OK ? WWI_FRAMING_FAULT_NONE
                              : WWI_FRAMING_CONTENT_TYPE_INVALID;
}

wws_status wwi_tcp_server_open(
    struct wwi_runtime *runtime,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **server,
    struct wwi_error *error)
{
    static const struct wwi_session_server_kind kind = {
        .scheme = WWI_URL_NET_TCP, .create = wwi_tcp_wire_create };

    return wwi_session_server_open(&kind, runtime, url, options, callbacks,
        server, error);
}
