/* The server of a transport of sessions. */
#include "core/transport/session_server.h"

#include <unistd.h>

#include "core/base/memory.h"

enum { BATCH = 64 }; /* connections that are woken at once */

void wwi_session_server_ref(struct wwi_server *server)
{
    atomic_fetch_add(&server->refs, 1);
}

void wwi_session_server_unref(struct wwi_server *server)
{
    if (atomic_fetch_sub(&server->refs, 1) != 1)
        return;
    wwi_acceptor_fini(&server->acceptor);
    wwi_lock_fini(&server->synced.lock);
    wwi_free(server);
}

static struct wwi_server *server_of(struct wwi_acceptor *acceptor)
{
    return WWI_CONTAINER(acceptor, struct wwi_server, acceptor);
}

/* Connections. */

static void accepted(struct wwi_acceptor *acceptor, int fd)
{
    struct wwi_server *server = server_of(acceptor);
    struct wwi_conn *conn = server->kind->create(server);

    if (conn == NULL) {
        close(fd);
        wwi_acceptor_left(acceptor);
        return;
    }
    /* A stop sees it with its descriptor, or not at all. */
    wwi_lock_take(&server->synced.lock);
    wwi_list_append(&server->synced.conns, &conn->link);
    wwi_conn_adopt(conn, fd);
    wwi_lock_give(&server->synced.lock);
}

void wwi_session_server_left(
    struct wwi_server *server,
    struct wwi_conn *conn)
{
    wwi_lock_take(&server->synced.lock);
    wwi_list_remove(&conn->link);
    wwi_lock_give(&server->synced.lock);
    wwi_acceptor_left(&server->acceptor);
}

/* Stopping.  Whoever stops does not wait until all connections have been told,
 * however many they are. */

static void post(struct wwi_server *server)
{
    wwi_session_server_ref(server);
    if (!wwi_loop_post(server->acceptor.loop, &server->post))
        wwi_session_server_unref(server);
}

static void wake_some(struct wwi_work *work)
{
    struct wwi_server *server = WWI_CONTAINER(work, struct wwi_server,
        post.work);
    struct wwi_link *link;
    bool more;

    wwi_lock_take(&server->synced.lock);
    for (int i = 0; i < BATCH
        && (link = wwi_list_take(&server->synced.conns)) != NULL; i++) {
        wwi_list_append(&server->synced.woken, link);
        wwi_conn_wake(WWI_CONTAINER(link, struct wwi_conn, link));
    }
    more = !wwi_list_empty(&server->synced.conns);
    wwi_lock_give(&server->synced.lock);
    if (more)
        post(server);
    wwi_session_server_unref(server);
}

static void all_left(struct wwi_acceptor *acceptor)
{
    struct wwi_server *server = server_of(acceptor);

    wwi_runtime_done(server->runtime);
    server->synced.stopped(server->callbacks.state);
}

void wwi_session_server_stop(
    struct wwi_server *server,
    bool reset,
    void (*stopped)(void *state))
{
    wwi_session_server_ref(server);
    wwi_lock_take(&server->synced.lock);
    if (server->synced.stopped == NULL)
        server->synced.stopped = stopped;
    if (reset)
        atomic_store(&server->reset, true);
    atomic_store(&server->stopping, true);
    wwi_list_move(&server->synced.conns, &server->synced.woken);
    wwi_lock_give(&server->synced.lock);
    post(server);
    wwi_acceptor_stop(&server->acceptor);
    wwi_session_server_unref(server);
}

wws_status wwi_session_server_address(
    struct wwi_server *server,
    struct wwi_bytes *address)
{
    return wwi_acceptor_address(&server->acceptor, address);
}

/* Opening. */

static struct wwi_server *create(
    const struct wwi_session_server_kind *kind,
    struct wwi_runtime *runtime,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks)
{
    struct wwi_server *server = wwi_alloc_zero(sizeof *server);

    if (server == NULL)
        return NULL;
    atomic_init(&server->refs, 1);
    server->runtime = runtime;
    server->kind = kind;
    server->options = *options;
    server->callbacks = *callbacks;
    server->acceptor = (struct wwi_acceptor) {
        .runtime = runtime,
        .backlog = options->backlog,
        .max_connections = options->max_connections,
        .ip_version = options->ip_version,
        .accepted = accepted,
        .stopped = all_left,
    };
    wwi_lock_init(&server->synced.lock, WWI_RANK_CONNECTION);
    wwi_list_init(&server->synced.conns);
    wwi_list_init(&server->synced.woken);
    wwi_post_init(&server->post, wake_some);
    return server;
}

wws_status wwi_session_server_open(
    const struct wwi_session_server_kind *kind,
    struct wwi_runtime *runtime,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **out,
    struct wwi_error *error)
{
    struct wwi_server *server = create(kind, runtime, options, callbacks);
    wws_status status;

    if (server == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "out of memory");
    status = wwi_acceptor_open(&server->acceptor, kind->scheme, url, error);
    if (status != WWS_S_OK) {
        wwi_session_server_unref(server);
        return status;
    }
    wwi_runtime_begin(runtime);
    *out = server;
    wwi_acceptor_start(&server->acceptor);
    return WWS_S_OK;
}
