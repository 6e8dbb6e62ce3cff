/* The server of streamed HTTP: it accepts connections, judges the heads of
 * requests, and ends a connection behind the reply. */
#include "core/transport/http_session.h"

#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"

enum {
    WORDS = 512,           /* any answer of our own fits */
    DRAIN_MS = 2000,
    DRAIN_OCTETS = 262144,
};

static void server_ref(struct wwi_server *server)
{
    atomic_fetch_add(&server->refs, 1);
}

void wwi_http_session_server_unref(struct wwi_server *server)
{
    if (atomic_fetch_sub(&server->refs, 1) != 1)
        return;
    wwi_acceptor_fini(&server->acceptor);
    wwi_lock_fini(&server->synced.lock);
    wwi_bytes_fini(&server->path);
    wwi_free(server);
}

/* Answers of our own. */

/* Nothing else is going out, or has: the memory is free. */
static void say(struct wwi_http_session *session, unsigned status)
{
    struct wwi_conn *conn = &session->conn;
    struct wwi_bytes *words = &session->words.head;
    bool queued;

    words->size = 0;
    queued = wwi_http_write_last_answer(words, status) == WWS_S_OK;
    wwi_lock_take(&conn->synced.lock);
    queued = queued && !conn->synced.halted;
    if (queued)
        wwi_conn_queue_locked(conn, &session->words);
    session->synced.begun = true;
    session->synced.whole = true;
    wwi_lock_give(&conn->synced.lock);
    if (queued)
        wwi_conn_write(conn);
}

/* A client that waits sends its body when it is told to, unless the reply has
 * come first. */
static void invite(struct wwi_http_session *session)
{
    struct wwi_conn *conn = &session->conn;
    struct wwi_bytes *words = &session->words.head;
    bool queued;

    session->on_loop.awaited = false;
    words->size = 0;
    wwi_bytes_append_text(words, "HTTP/1.1 100 Continue\r\n\r\n");
    wwi_lock_take(&conn->synced.lock);
    queued = !conn->synced.halted && !session->synced.begun;
    if (queued)
        wwi_conn_queue_locked(conn, &session->words);
    wwi_lock_give(&conn->synced.lock);
    if (queued)
        wwi_conn_write(conn);
}

static void drain(struct wwi_http_session *session)
{
    session->on_loop.parting = true;
    wwi_conn_drain(&session->conn, DRAIN_OCTETS, DRAIN_MS);
}

/* Judging. */

void wwi_http_session_hang_up(struct wwi_http_session *session)
{
    static const struct wwi_outcome why = {
        .status = WWS_E_ENDPOINT_DISCONNECTED, .phase = WWS_PHASE_CLOSE };

    session->on_loop.parting = true;
    wwi_conn_close(&session->conn, false, &why);
}

/* The connection ends with it. */
void wwi_http_session_refuse(
    struct wwi_http_session *session,
    unsigned status)
{
    const char *text = session->on_loop.parser.error.text;

    wwi_log_write(session->base.runtime->log, WWS_LOG_LEVEL_DEBUG,
        WWS_PHASE_HEADERS, "refused a request with HTTP status %u%s%s",
        status, text != NULL ? ": " : "", text != NULL ? text : "");
    say(session, status);
    drain(session);
}

void wwi_http_session_judge(struct wwi_http_session *session)
{
    const struct wwi_http_parser *parser = &session->on_loop.parser;
    unsigned refused = wwi_http_request_check(parser,
        &session->server->demand, &session->action);

    if (refused != 0) {
        wwi_http_session_refuse(session, refused);
        return;
    }
    session->on_loop.accepted = true;
    session->on_loop.awaited = parser->expect_continue;
    session->old = parser->minor == 0;
}

/* Time. */

static void expect_head(struct wwi_http_session *session)
{
    const struct wwi_server_options *options = &session->server->options;
    bool begun = session->on_loop.parser.offset != 0;

    if (begun && !session->on_loop.asked_head)
        wwi_conn_expect(&session->conn,
            wwi_clock_after(options->request_timeout_ms));
    else if (session->conn.on_loop.deadline == WWI_NEVER && !begun)
        wwi_conn_expect(&session->conn,
            wwi_clock_after(options->idle_timeout_ms));
    session->on_loop.asked_head = begun;
}

bool wwi_http_session_await(struct wwi_http_session *session)
{
    if (session->conn.on_loop.broken
        || atomic_load(&session->server->stopping))
        wwi_http_session_hang_up(session);
    else if (session->on_loop.accepted) {
        wwi_conn_expect(&session->conn, WWI_NEVER);
        return true;
    } else if (!wwi_conn_late(&session->conn))
        expect_head(session);
    else if (session->on_loop.asked_head)
        wwi_http_session_refuse(session, 408);
    else
        wwi_http_session_hang_up(session);
    return false;
}

void wwi_http_session_attend(struct wwi_http_session *session)
{
    struct wwi_conn *conn = &session->conn;
    bool quiet = wwi_conn_quiet(conn), asked, nothing, whole, freed;

    wwi_lock_take(&conn->synced.lock);
    asked = session->synced.asked != 0;
    nothing = session->synced.shut && !session->synced.begun;
    whole = session->synced.whole;
    freed = session->synced.freed;
    wwi_lock_give(&conn->synced.lock);
    if (nothing && quiet) {
        say(session, 202);
        wwi_conn_wake(conn);
    } else if (session->on_loop.awaited && asked)
        invite(session);
    else if (whole && (freed || (session->on_loop.complete && quiet)))
        drain(session);
}

/* Connections. */

static struct wwi_http_session *create_session(struct wwi_server *server)
{
    struct wwi_http_limits limits = WWI_HTTP_LIMITS_INIT;
    struct wwi_http_session *session;

    limits.head_size = server->options.max_head_size;
    limits.body_size = server->options.max_streamed_size;
    session = wwi_http_session_new(server->runtime, server, &limits);
    if (session == NULL)
        return NULL;
    server_ref(server);
    session->version = server->options.version;
    session->base.via = (wws_string) {
        (const char *) server->acceptor.address.data,
        server->acceptor.address.size };
    if (wwi_bytes_reserve(&session->words.head, WORDS) != NULL)
        return session;
    wwi_conn_unref(&session->conn);
    return NULL;
}

static void accepted(struct wwi_acceptor *acceptor, int fd)
{
    struct wwi_server *server = WWI_CONTAINER(acceptor, struct wwi_server,
        acceptor);
    struct wwi_http_session *session = create_session(server);

    if (session == NULL) {
        close(fd);
        wwi_acceptor_left(acceptor);
        return;
    }
    /* A stop sees it with its descriptor, or not at all. */
    wwi_lock_take(&server->synced.lock);
    wwi_list_append(&server->synced.sessions, &session->link);
    wwi_conn_adopt(&session->conn, fd);
    wwi_lock_give(&server->synced.lock);
}

void wwi_http_session_left(struct wwi_http_session *session)
{
    struct wwi_server *server = session->server;

    wwi_lock_take(&server->synced.lock);
    wwi_list_remove(&session->link);
    wwi_lock_give(&server->synced.lock);
    wwi_acceptor_left(&server->acceptor);
}

/* Stopping. */

static void all_left(struct wwi_acceptor *acceptor)
{
    struct wwi_server *server = WWI_CONTAINER(acceptor, struct wwi_server,
        acceptor);

    wwi_runtime_done(server->runtime);
    server->synced.stopped(server->callbacks.state);
}

static struct wwi_http_session *session_of(struct wwi_link *link)
{
    return WWI_CONTAINER(link, struct wwi_http_session, link);
}

void wwi_http_session_server_stop(
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
    for (link = wwi_list_first(&server->synced.sessions); link != NULL;
         link = wwi_list_next(&server->synced.sessions, link))
        wwi_conn_wake(&session_of(link)->conn);
    wwi_lock_give(&server->synced.lock);
    wwi_acceptor_stop(&server->acceptor);
    wwi_http_session_server_unref(server);
}

void wwi_http_session_server_free(struct wwi_server *server)
{
    wwi_http_session_server_unref(server);
}

wws_status wwi_http_session_server_address(
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
    wwi_lock_init(&server->synced.lock, WWI_RANK_LISTENER);
    wwi_list_init(&server->synced.sessions);
    return server;
}

static wws_status start(
    struct wwi_server *server,
    const struct wwi_url *url,
    struct wwi_error *error)
{
    wws_status status;

    if (url->scheme != WWI_URL_HTTP)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            "the scheme is not http");
    if (url->has_query)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            "the URL of a listener cannot have a query");
    status = wwi_path_normalise(&server->path, url->path);
    if (status == WWS_E_INVALID_FORMAT)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            "the path has an escape that is not allowed");
    if (status != WWS_S_OK)
        return wwi_fail_static(error, status, "out of memory");
    server->demand = (struct wwi_http_demand) {
        .version = server->options.version,
        .path = { (const char *) server->path.data, server->path.size },
        .max_message_size = server->options.max_streamed_size,
    };
    return wwi_acceptor_open(&server->acceptor, url, server->demand.path,
        error);
}

wws_status wwi_http_session_server_open(
    struct wwi_runtime *runtime,
    wws_string text,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **out,
    struct wwi_error *error)
{
    struct wwi_server *server;
    struct wwi_url url;
    const char *what;
    wws_status status = wwi_url_parse(&url, text, &what);

    if (status != WWS_S_OK)
        return wwi_fail_static(error, status, what);
    server = create(runtime, options, callbacks);
    status = server != NULL ? start(server, &url, error)
        : wwi_fail_static(error, WWS_E_OUTOFMEMORY, "out of memory");
    wwi_url_fini(&url);
    if (status != WWS_S_OK) {
        if (server != NULL)
            wwi_http_session_server_unref(server);
        return status;
    }
    wwi_runtime_begin(runtime);
    *out = server;
    wwi_acceptor_start(&server->acceptor);
    return WWS_S_OK;
}
