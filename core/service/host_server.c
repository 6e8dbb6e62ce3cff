/* What the servers of a host bring: requests and sessions, which are served,
 * kept until the host is open, or sent away; and how long a server lives. */
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/service/host_parts.h"
#include "core/service/operation.h"
#include "core/service/service_channel.h"

/* The last use of the server, but not of the host. */
static void destroy_server(struct wwi_endpoint_server *server)
{
    struct wwi_service_host *self = server->endpoint->host;

    WWI_GATE(HOST_RELEASES);
    if (server->server != NULL)
        server->endpoint->transport->server_free(server->server);
    wwi_free(server);
    wwi_host_server_gone(self);
    wwi_runtime_done(self->member.runtime);
    wwi_object_unref(&self->object);
}

static bool release_locked(struct wwi_endpoint_server *server)
{
    if (--server->synced.references > 0)
        return false;
    if (server->endpoint->server == server)
        server->endpoint->server = NULL;
    return true;
}

void wwi_service_host_hold(struct wwi_endpoint_server *server)
{
    struct wwi_lock *lock = &server->endpoint->host->synced.lock;

    wwi_lock_take(lock);
    server->synced.references++;
    wwi_lock_give(lock);
}

void wwi_service_host_release(struct wwi_endpoint_server *server)
{
    struct wwi_lock *lock = &server->endpoint->host->synced.lock;
    bool last;

    wwi_lock_take(lock);
    last = release_locked(server);
    wwi_lock_give(lock);
    if (last)
        destroy_server(server);
}

void wwi_host_server_stopped(void *state)
{
    wwi_service_host_release(state);
}

bool wwi_service_host_enter(struct wwi_operation *operation)
{
    struct wwi_service_host *self = operation->server->endpoint->host;
    bool last = operation->kind == WWS_OPERATION_KIND_CLOSE_CHANNEL;
    bool aborted;

    wwi_lock_take(&self->synced.lock);
    aborted = atomic_load(&self->aborted);
    if (!aborted)
        wwi_list_append(&self->synced.running, &operation->link);
    else if (last)
        wwi_list_append(&self->synced.told, &operation->link);
    wwi_lock_give(&self->synced.lock);
    return !aborted || last;
}

void wwi_service_host_leave(struct wwi_operation *operation)
{
    struct wwi_endpoint_server *server = operation->server;
    struct wwi_lock *lock = &server->endpoint->host->synced.lock;
    bool last;

    wwi_lock_take(lock);
    wwi_list_remove(&operation->link);
    last = release_locked(server);
    wwi_lock_give(lock);
    if (last)
        destroy_server(server);
}

enum verdict { BEGINS, WAITS, REFUSED, DROPPED };

static enum verdict judge_locked(
    struct wwi_service_host *self,
    const struct wwi_endpoint_server *server)
{
    bool good = !server->synced.stopping
        && server->opens == self->synced.opens;

    if (self->synced.state == WWS_SERVICE_HOST_STATE_OPENING && good)
        return WAITS;
    if (self->synced.state == WWS_SERVICE_HOST_STATE_OPEN && good)
        return BEGINS;
    if (self->synced.state == WWS_SERVICE_HOST_STATE_CLOSING
        && !atomic_load(&self->aborted))
        return REFUSED;
    return DROPPED;
}

/* With a reference of the server for the request. */
static void admit(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    struct wwi_service_host *self = server->endpoint->host;
    enum verdict verdict;

    wwi_lock_take(&self->synced.lock);
    verdict = judge_locked(self, server);
    if (verdict == WAITS)
        wwi_list_append(&self->synced.early, &incoming->link);
    wwi_lock_give(&self->synced.lock);
    WWI_GATE(HOST_ADMITS);
    switch (verdict) {
    case BEGINS:
        wwi_operation_begin(server, incoming);
        break;
    case REFUSED:
        wwi_operation_refuse(server, incoming);
        break;
    case DROPPED:
        incoming->calls->drop(incoming);
        wwi_service_host_release(server);
        break;
    case WAITS:
        break;
    }
}

void wwi_service_host_arrived(struct wwi_incoming *incoming, void *state)
{
    struct wwi_endpoint_server *server = state;

    wwi_service_host_hold(server);
    incoming->user = server;
    admit(server, incoming);
}

/* Closing, a host takes no session any more; those that it has go on. */
void wwi_host_connected(struct wwi_session *session, void *state)
{
    struct wwi_endpoint_server *server = state;
    struct wwi_service_host *self = server->endpoint->host;
    enum verdict verdict;
    bool served;

    wwi_lock_take(&self->synced.lock);
    verdict = judge_locked(self, server);
    served = verdict == BEGINS || verdict == WAITS;
    if (served)
        server->synced.references++;
    wwi_lock_give(&self->synced.lock);
    if (served)
        wwi_service_channel_begin(server, session);
    else
        wwi_service_channel_refuse(session);
}

/* No request is served before every endpoint listens (G140); now they do, or
 * the open has failed. */
void wwi_host_admit_early(struct wwi_service_host *self)
{
    struct wwi_list early;
    struct wwi_link *link;

    wwi_list_init(&early);
    wwi_lock_take(&self->synced.lock);
    wwi_list_move(&early, &self->synced.early);
    wwi_lock_give(&self->synced.lock);
    while ((link = wwi_list_take(&early)) != NULL) {
        struct wwi_incoming *incoming = WWI_CONTAINER(link,
            struct wwi_incoming, link);

        admit(incoming->user, incoming);
    }
}

void wwi_host_run_early(struct wwi_work *work)
{
    struct wwi_service_host *self = WWI_CONTAINER(work,
        struct wwi_service_host, early_post.work);

    wwi_host_admit_early(self);
    wwi_object_unref(&self->object);
}

struct wwi_endpoint *wwi_host_find_locked(
    struct wwi_service_host *self,
    uint32_t index)
{
    struct wwi_list *endpoints = &self->synced.endpoints;
    struct wwi_link *link = wwi_list_first(endpoints);

    while (link != NULL && index-- > 0)
        link = wwi_list_next(endpoints, link);
    return link == NULL ? NULL
        : WWI_CONTAINER(link, struct wwi_endpoint, link);
}

bool wwi_host_hold_server(
    struct wwi_service_host *self,
    uint32_t index,
    bool stop,
    struct wwi_endpoint_server **server)
{
    struct wwi_endpoint *endpoint;

    *server = NULL;
    wwi_lock_take(&self->synced.lock);
    endpoint = wwi_host_find_locked(self, index);
    if (endpoint != NULL)
        *server = endpoint->server;
    if (*server != NULL) {
        (*server)->synced.references++;
        (*server)->synced.stopping |= stop;
    }
    wwi_lock_give(&self->synced.lock);
    return endpoint != NULL;
}

void wwi_host_stop_servers(struct wwi_service_host *self, bool reset)
{
    struct wwi_endpoint_server *server;

    for (uint32_t i = 0; wwi_host_hold_server(self, i, true, &server); i++) {
        if (server == NULL)
            continue;
        server->endpoint->transport->server_stop(server->server, reset,
            wwi_host_server_stopped);
        wwi_service_host_release(server);
    }
}
