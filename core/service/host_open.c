/* Opening a service host: every endpoint listens, or none. */
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/service/host_parts.h"

static wws_status aborted_before(struct wwi_error *error)
{
    return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
        "the service host was aborted");
}

/* What opens the host: one of perhaps several, of which all but the last have
 * been aborted.  Its servers are the host's when all listen. */
struct opening {
    struct wwi_service_host *host;
    uint32_t opens;
    struct wwi_list servers;
};

static bool is_mine_locked(const struct opening *opening)
{
    return opening->host->synced.state == WWS_SERVICE_HOST_STATE_OPENING
        && opening->host->synced.opens == opening->opens;
}

/* The server is there before it listens, for requests may come at once. */
static struct wwi_endpoint_server *new_server(
    const struct opening *opening,
    struct wwi_endpoint *endpoint)
{
    struct wwi_service_host *self = opening->host;
    struct wwi_endpoint_server *server = wwi_alloc_zero(sizeof *server);

    if (server == NULL)
        return NULL;
    server->endpoint = endpoint;
    server->opens = opening->opens;
    server->synced.references = 1;
    wwi_object_ref(&self->object);
    wwi_runtime_begin(self->member.runtime);
    wwi_lock_take(&self->synced.lock);
    self->synced.servers++;
    wwi_lock_give(&self->synced.lock);
    return server;
}

static wws_status listen_at(
    struct opening *opening,
    struct wwi_endpoint *endpoint,
    struct wwi_error *error)
{
    struct wwi_endpoint_server *server = new_server(opening, endpoint);
    const struct wwi_server_callbacks callbacks = {
        .arrived = wwi_service_host_arrived,
        .connected = wwi_host_connected,
        .state = server,
    };
    wws_status status;

    if (server == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for a server");
    status = wwi_endpoint_listen(server, opening->host->member.runtime,
        &callbacks, error);
    WWI_GATE(HOST_LISTENS);
    if (status < 0)
        wwi_service_host_release(server);
    else
        wwi_list_append(&opening->servers, &server->link);
    return status;
}

/* Null behind the last, and when there is no use in going on. */
static struct wwi_endpoint *endpoint_at(
    const struct opening *opening,
    uint32_t index)
{
    struct wwi_lock *lock = &opening->host->synced.lock;
    struct wwi_endpoint *endpoint = NULL;

    wwi_lock_take(lock);
    if (is_mine_locked(opening))
        endpoint = wwi_host_find_locked(opening->host, index);
    wwi_lock_give(lock);
    return endpoint;
}

static wws_status listen_at_all(
    struct opening *opening,
    struct wwi_error *error)
{
    struct wwi_endpoint *endpoint;
    wws_status status = WWS_S_OK;

    for (uint32_t i = 0; status >= 0
        && (endpoint = endpoint_at(opening, i)) != NULL; i++)
        status = listen_at(opening, endpoint, error);
    return status;
}

static wws_status begin_open(
    struct opening *opening,
    struct wwi_error *error)
{
    struct wwi_service_host *self = opening->host;
    wws_service_host_state before;
    bool latched, began = false;

    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    latched = before == WWS_SERVICE_HOST_STATE_CREATED
        && atomic_load(&self->aborted);
    if (latched)
        atomic_store(&self->aborted, false);
    else
        began = wwi_host_move_locked(self, WWI_HOST_BEGIN);
    opening->opens = self->synced.opens += began;
    wwi_lock_give(&self->synced.lock);
    if (latched)
        return aborted_before(error);
    return began ? WWS_S_OK : wwi_host_wrong_state(before, error);
}

/* False when the host has been aborted meanwhile. */
static bool end_open(struct opening *opening)
{
    struct wwi_service_host *self = opening->host;
    struct wwi_link *link;
    bool mine;

    wwi_lock_take(&self->synced.lock);
    mine = is_mine_locked(opening);
    while (mine && (link = wwi_list_take(&opening->servers)) != NULL) {
        struct wwi_endpoint_server *server = WWI_CONTAINER(link,
            struct wwi_endpoint_server, link);

        server->endpoint->server = server;
    }
    if (mine)
        (void) wwi_host_move_locked(self, WWI_HOST_DONE);
    wwi_lock_give(&self->synced.lock);
    return mine;
}

static void stop_opened(struct opening *opening)
{
    struct wwi_lock *lock = &opening->host->synced.lock;
    struct wwi_link *link;

    while ((link = wwi_list_take(&opening->servers)) != NULL) {
        struct wwi_endpoint_server *server = WWI_CONTAINER(link,
            struct wwi_endpoint_server, link);

        wwi_lock_take(lock);
        server->synced.references++;
        server->synced.stopping = true;
        wwi_lock_give(lock);
        server->endpoint->transport->server_stop(server->server, true,
            wwi_host_server_stopped);
        wwi_service_host_release(server);
    }
}

static wws_status fail_open(
    struct opening *opening,
    wws_status status,
    struct wwi_error *error)
{
    struct wwi_service_host *self = opening->host;
    bool mine;

    stop_opened(opening);
    wwi_lock_take(&self->synced.lock);
    mine = is_mine_locked(opening);
    if (mine)
        (void) wwi_host_move_locked(self, WWI_HOST_FAIL);
    wwi_lock_give(&self->synced.lock);
    wwi_host_admit_early(self);
    if (mine)
        wwi_host_log_state(self, WWS_SERVICE_HOST_STATE_CREATED);
    return mine ? status : aborted_before(error);
}

wws_status wwi_service_host_open(
    struct wwi_service_host *self,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct opening opening = { .host = self };
    wws_status status = wwi_wait_check(self->member.runtime, completion,
        error);

    wwi_list_init(&opening.servers);
    if (status >= 0)
        status = begin_open(&opening, error);
    if (status < 0)
        return status;
    wwi_host_log_state(self, WWS_SERVICE_HOST_STATE_OPENING);
    WWI_GATE(HOST_OPENS);
    status = listen_at_all(&opening, error);
    if (status < 0 || !end_open(&opening))
        return fail_open(&opening, status, error);
    wwi_host_log_state(self, WWS_SERVICE_HOST_STATE_OPEN);
    WWI_GATE(HOST_OPENED);
    /* Short operations run on a loop. */
    wwi_host_post(self, &self->early_post);
    return WWS_S_OK;
}
