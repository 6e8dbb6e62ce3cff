/* The server of sessions: it accepts, judges preambles, and stops. */
#include "core/transport/tcp.h"

#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/transport/media_type.h"

static void server_ref(struct wwi_server *server)
{
    atomic_fetch_add(&server->refs, 1);
}

void wwi_tcp_server_unref(struct wwi_server *server)
{
    if (atomic_fetch_sub(&server->refs, 1) != 1)
        return;
    wwi_acceptor_fini(&server->acceptor);
    wwi_lock_fini(&server->synced.lock);
    wwi_url_fini(&server->url);
    wwi_bytes_fini(&server->path);
    wwi_free(server);
}

/* Judging. */

static wws_string path_of(const struct wwi_server *server)
{
    wws_string path = { (const char *) server->path.data, server->path.size };

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
    struct wwi_url url;
    const char *what;
    wws_status status = wwi_url_parse(&url, via, &what);

    if (status != WWS_S_OK)
        return status;
    if (url.scheme != WWI_URL_NET_TCP || url.has_query
        || (!server->url.wildcard
            && !wwi_string_equal(url.host, server->url.host)))
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

/* Connections. */

static void accepted(struct wwi_acceptor *acceptor, int fd)
{
    struct wwi_server *server = WWI_CONTAINER(acceptor, struct wwi_server,
        acceptor);
    struct wwi_tcp_wire *wire = wwi_tcp_wire_create(server);

    if (wire == NULL) {
        close(fd);
        wwi_acceptor_left(acceptor);
        return;
    }
    server_ref(server);
    wwi_lock_take(&server->synced.lock);
    wwi_list_append(&server->synced.wires, &wire->link);
    /* With the lock, for once it is listed a stop may wake it. */
    wwi_conn_adopt(&wire->conn, fd);
    wwi_lock_give(&server->synced.lock);
}

void wwi_tcp_server_left(struct wwi_server *server, struct wwi_tcp_wire *wire)
{
    wwi_lock_take(&server->synced.lock);
    wwi_list_remove(&wire->link);
    wwi_lock_give(&server->synced.lock);
    wwi_acceptor_left(&server->acceptor);
    wwi_conn_unref(&wire->conn);
}

/* Stopping. */

static void all_left(struct wwi_acceptor *acceptor)
{
    struct wwi_server *server = WWI_CONTAINER(acceptor, struct wwi_server,
        acceptor);

    wwi_runtime_done(server->runtime);
    server->synced.stopped(server->callbacks.state);
}

void wwi_tcp_server_stop(
    struct wwi_server *server,
    bool reset,
    void (*stopped)(void *state))
{
    struct wwi_link *link;

    server_ref(server);
    wwi_lock_take(&server->synced.lock);
    if (server->synced.stopped == NULL)
        server->synced.stopped = stopped;
    if (reset)
        atomic_store(&server->reset, true);
    atomic_store(&server->stopping, true);
    for (link = wwi_list_first(&server->synced.wires); link != NULL;
         link = wwi_list_next(&server->synced.wires, link))
        wwi_conn_wake(&WWI_CONTAINER(link, struct wwi_tcp_wire, link)->conn);
    wwi_lock_give(&server->synced.lock);
    wwi_acceptor_stop(&server->acceptor);
    wwi_tcp_server_unref(server);
}

void wwi_tcp_server_free(struct wwi_server *server)
{
    wwi_tcp_server_unref(server);
}

wws_status wwi_tcp_server_address(
    struct wwi_server *server,
    struct wwi_bytes *address)
{
    wwi_bytes_append(address, server->acceptor.address.data,
        server->acceptor.address.size);
    return address->failed ? WWS_E_OUTOFMEMORY : WWS_S_OK;
}

/* Opening. */

static struct wwi_server *create(
    struct wwi_runtime *runtime,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks)
{
    struct wwi_server *server = wwi_alloc_zero(sizeof *server);

    if (server == NULL)
        return NULL;
    atomic_init(&server->refs, 1);
    server->runtime = runtime;
    server->options = *options;
    server->callbacks = *callbacks;
    server->acceptor = (struct wwi_acceptor) {
        .runtime = runtime,
        .backlog = options->backlog,
        .max_connections = options->max_connections,
        .accepted = accepted,
        .stopped = all_left,
    };
    wwi_lock_init(&server->synced.lock, WWI_RANK_CONNECTION);
    wwi_list_init(&server->synced.wires);
    return server;
}

static wws_status start(struct wwi_server *server, struct wwi_error *error)
{
    const struct wwi_url *url = &server->url;
    wws_status status;

    if (url->scheme != WWI_URL_NET_TCP)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            "the scheme is not net.tcp");
    if (url->has_query)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            "the URL of a listener cannot have a query");
    status = wwi_path_normalise(&server->path, url->path);
    if (status == WWS_E_INVALID_FORMAT)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            "the path has an escape that is not allowed");
    if (status != WWS_S_OK)
        return wwi_fail_static(error, status, "out of memory");
    return wwi_acceptor_open(&server->acceptor, url, (wws_string) {
        (const char *) server->path.data, server->path.size }, error);
}

wws_status wwi_tcp_server_open(
    struct wwi_runtime *runtime,
    wws_string text,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **out,
    struct wwi_error *error)
{
    struct wwi_server *server = create(runtime, options, callbacks);
    const char *what = "out of memory";
    wws_status status = WWS_E_OUTOFMEMORY;

    if (server == NULL)
        return wwi_fail_static(error, status, what);
    status = wwi_url_parse(&server->url, text, &what);
    if (status != WWS_S_OK)
        (void) wwi_fail_static(error, status, what);
    else
        status = start(server, error);
    if (status != WWS_S_OK) {
        wwi_tcp_server_unref(server);
        return status;
    }
    wwi_runtime_begin(runtime);
    *out = server;
    wwi_acceptor_start(&server->acceptor);
    return WWS_S_OK;
}
