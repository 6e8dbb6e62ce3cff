/* The server: it deals connections out to the loops, and counts.  What happens
 * on a connection is in http_peer.c. */
#include "core/base/memory.h"
#include "core/transport/http.h"
#include "core/transport/http_peer.h"

void wwi_http_server_ref(struct wwi_server *server)
{
    atomic_fetch_add(&server->refs, 1);
}

void wwi_http_server_unref(struct wwi_server *server)
{
    if (atomic_fetch_sub(&server->refs, 1) != 1)
        return;
    wwi_acceptor_fini(&server->acceptor);
    wwi_lock_fini(&server->synced.lock);
    wwi_free(server);
}

/* Slots. */

bool wwi_http_slot_take(
    struct wwi_server *server,
    struct wwi_http_slot *slot)
{
    bool taken;

    wwi_lock_take(&server->synced.lock);
    if (!slot->taken && !wwi_link_listed(&slot->link)) {
        if (server->synced.incoming < server->options.max_incoming) {
            server->synced.incoming++;
            slot->taken = true;
        } else
            wwi_list_append(&server->synced.waiting, &slot->link);
    }
    taken = slot->taken;
    wwi_lock_give(&server->synced.lock);
    return taken;
}

/* To who has waited longest, if anybody does. */
static void pass_on_locked(struct wwi_server *server)
{
    struct wwi_link *link = wwi_list_take(&server->synced.waiting);
    struct wwi_http_slot *next;

    if (link == NULL) {
        server->synced.incoming--;
        return;
    }
    next = WWI_CONTAINER(link, struct wwi_http_slot, link);
    next->taken = true;
    /* With the lock, for without it the peer might be gone. */
    wwi_http_peer_granted(next);
}

void wwi_http_slot_give(
    struct wwi_server *server,
    struct wwi_http_slot *slot)
{
    wwi_lock_take(&server->synced.lock);
    wwi_list_remove(&slot->link);
    if (slot->taken) {
        slot->taken = false;
        pass_on_locked(server);
    }
    wwi_lock_give(&server->synced.lock);
}

/* Connections. */

static struct wwi_http_shard *next_shard(struct wwi_server *server)
{
    return &server->shards[server->on_loop.next_shard++
        % server->shard_count];
}

static void accepted(struct wwi_acceptor *acceptor, int fd)
{
    wwi_http_peer_open(next_shard(WWI_CONTAINER(acceptor, struct wwi_server,
        acceptor)), fd);
}

void wwi_http_server_left(struct wwi_server *server)
{
    wwi_acceptor_left(&server->acceptor);
}

/* Stopping. */

/* One thing less that keeps the server from having stopped. */
static void leave(struct wwi_server *server)
{
    bool stopped;

    wwi_lock_take(&server->synced.lock);
    stopped = --server->synced.open == 0;
    wwi_lock_give(&server->synced.lock);
    if (!stopped)
        return;
    wwi_runtime_done(server->runtime);
    server->synced.stopped(server->callbacks.state);
}

static void all_left(struct wwi_acceptor *acceptor)
{
    leave(WWI_CONTAINER(acceptor, struct wwi_server, acceptor));
}

static void stop_shard(struct wwi_work *work)
{
    struct wwi_http_shard *shard = WWI_CONTAINER(work, struct wwi_http_shard,
        stop.work);
    struct wwi_server *server = shard->server;
    struct wwi_link *link, *next;
    bool reset;

    wwi_lock_take(&server->synced.lock);
    reset = server->synced.reset;
    wwi_lock_give(&server->synced.lock);
    for (link = wwi_list_first(&shard->on_loop.peers); link; link = next) {
        next = wwi_list_next(&shard->on_loop.peers, link);
        wwi_http_peer_stop(link, reset);
    }
    if (!shard->on_loop.stopped) {
        shard->on_loop.stopped = true;
        leave(server);
    }
    wwi_http_server_unref(server);
}

void wwi_http_server_stop(
    struct wwi_server *server,
    bool reset,
    void (*stopped)(void *state))
{
    wwi_http_server_ref(server);
    wwi_lock_take(&server->synced.lock);
    atomic_store(&server->stopping, true);
    if (server->synced.stopped == NULL)
        server->synced.stopped = stopped;
    if (reset)
        server->synced.reset = true;
    wwi_lock_give(&server->synced.lock);
    wwi_acceptor_stop(&server->acceptor);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct wwi_http_shard *shard = &server->shards[i];

        wwi_http_server_ref(server);
        if (!wwi_loop_post(shard->loop, &shard->stop))
            wwi_http_server_unref(server);
    }
    wwi_http_server_unref(server);
}

void wwi_http_server_free(struct wwi_server *server)
{
    wwi_http_server_unref(server);
}

wws_status wwi_http_server_address(
    struct wwi_server *server,
    struct wwi_bytes *address)
{
    return wwi_acceptor_address(&server->acceptor, address);
}

/* Opening. */

static struct wwi_server *create(
    struct wwi_runtime *runtime,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks)
{
    size_t count = runtime->loop_count;
    struct wwi_server *server = wwi_alloc_zero(sizeof *server
        + count * sizeof server->shards[0]);

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
        .ip_version = options->ip_version,
        .accepted = accepted,
        .stopped = all_left,
    };
    wwi_lock_init(&server->synced.lock, WWI_RANK_CONNECTION);
    wwi_list_init(&server->synced.waiting);
    server->shard_count = (uint32_t) count;
    server->synced.open = server->shard_count + 1;
    for (size_t i = 0; i < count; i++) {
        struct wwi_http_shard *shard = &server->shards[i];

        shard->server = server;
        shard->loop = runtime->loops[i];
        wwi_post_init(&shard->stop, stop_shard);
        wwi_list_init(&shard->on_loop.peers);
    }
    return server;
}

wws_status wwi_http_server_open(
    struct wwi_runtime *runtime,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **out,
    struct wwi_error *error)
{
    struct wwi_server *server = create(runtime, options, callbacks);
    wws_status status;

    if (server == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "out of memory");
    status = wwi_acceptor_open(&server->acceptor, WWI_URL_HTTP, url, error);
    if (status != WWS_S_OK) {
        wwi_http_server_unref(server);
        return status;
    }
    server->demand = (struct wwi_http_demand) {
        .version = options->version,
        .path = wwi_acceptor_path(&server->acceptor),
        .max_message_size = options->max_message_size,
        .disallowed_user_agents = options->disallowed_user_agents,
        .disallowed_user_agents_count = options->disallowed_user_agents_count,
    };
    wwi_runtime_begin(runtime);
    *out = server;
    wwi_acceptor_start(&server->acceptor);
    return WWS_S_OK;
}
