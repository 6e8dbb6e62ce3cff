/* A session that a client opened to an endpoint of a host: its messages become
 * requests, which host and operations treat as those of any transport. */
#ifndef WWI_SERVICE_CHANNEL_H
#define WWI_SERVICE_CHANNEL_H

#include "core/service/endpoint.h"
#include "core/transport/session.h"

/* For the host, inside `connected`.  Takes over the session and a reference of
 * the server, which is given back when the session is released. */
void wwi_service_channel_begin(
    struct wwi_endpoint_server *server,
    struct wwi_session *session);
/* Resets a session that is not served. */
void wwi_service_channel_refuse(struct wwi_session *session);

#endif
