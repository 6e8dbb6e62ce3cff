/* The server of streamed HTTP: it judges the heads of requests, and ends a
 * connection behind the reply. */
#include "core/transport/http_session.h"

#include "core/base/clock.h"

enum {
    WORDS = 512,           /* any answer of our own fits */
    DRAIN_MS = 2000,
    DRAIN_OCTETS = 262144,
};

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
    const struct wwi_server *server = session->server;
    const struct wwi_http_demand demand = {
        .version = server->options.version,
        .path = wwi_acceptor_path(&server->acceptor),
        .max_message_size = server->options.max_streamed_size,
        .disallowed_user_agents = server->options.disallowed_user_agents,
        .disallowed_user_agents_count
            = server->options.disallowed_user_agents_count,
    };
    unsigned refused = wwi_http_request_check(parser, &demand,
        &session->action);

    if (refused != 0) {
        wwi_http_session_refuse(session, refused);
        return;
    }
    wwi_http_request_append_url(parser, &session->asked_url);
    session->base.via = (wws_string) {
        (const char *) session->asked_url.data, session->asked_url.size };
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

static struct wwi_conn *create(struct wwi_server *server)
{
    struct wwi_http_limits limits = WWI_HTTP_LIMITS_INIT;
    struct wwi_http_session *session;

    limits.head_size = server->options.max_head_size;
    limits.body_size = server->options.max_streamed_size;
    session = wwi_http_session_new(server->runtime, server, &limits);
    if (session == NULL)
        return NULL;
    wwi_session_server_ref(server);
    session->version = server->options.version;
    if (wwi_bytes_reserve(&session->words.head, WORDS) != NULL)
        return &session->conn;
    wwi_conn_unref(&session->conn);
    return NULL;
}

wws_status wwi_http_session_server_open(
    struct wwi_runtime *runtime,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **server,
    struct wwi_error *error)
{
    static const struct wwi_session_server_kind kind = {
        .scheme = WWI_URL_HTTP, .create = create };

    return wwi_session_server_open(&kind, runtime, url, options, callbacks,
        server, error);
}
