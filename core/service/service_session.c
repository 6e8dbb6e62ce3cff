/* A channel as the application knows it. */
#include "core/service/service_session.h"

#include "core/base/memory.h"
#include "core/service/operation_parts.h"

static _Atomic uint64_t last_number;

struct wwi_service_session *wwi_service_session_new(
    struct wwi_endpoint_server *server)
{
    struct wwi_service_session *session = wwi_alloc_zero(sizeof *session);

    if (session == NULL)
        return NULL;
    session->closing = wwi_operation_new(server, NULL,
        WWS_OPERATION_KIND_CLOSE_CHANNEL);
    if (session->closing == NULL) {
        wwi_free(session);
        return NULL;
    }
    wwi_service_host_hold(server);
    atomic_init(&session->refs, 1);
    atomic_init(&session->known, false);
    atomic_init(&session->state, NULL);
    session->number = atomic_fetch_add(&last_number, 1) + 1;
    session->closing->channel = session->number;
    session->closing->follows = true;
    return session;
}

void wwi_service_session_ref(struct wwi_service_session *session)
{
    atomic_fetch_add(&session->refs, 1);
}

void wwi_service_session_unref(struct wwi_service_session *session)
{
    struct wwi_operation *closing;
    bool known;

    if (session == NULL || atomic_fetch_sub(&session->refs, 1) != 1)
        return;
    closing = session->closing;
    known = atomic_load(&session->known);
    atomic_store(&closing->channel_state, atomic_load(&session->state));
    wwi_free(session);
    if (known)
        wwi_operation_serve(closing);
    else
        wwi_operation_discard(closing);
}
