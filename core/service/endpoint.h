/* An address of a service host: who serves there, and the server that listens
 * while the host is open. */
#ifndef WWI_ENDPOINT_H
#define WWI_ENDPOINT_H

#include "core/base/error.h"
#include "core/base/list.h"
#include "core/io/queue.h"
#include "core/transport/transport.h"
#include "wws/types.h"

struct wwi_service_host;
struct wwi_endpoint_server;

/* Sorted, so that one is found quickly. */
struct wwi_endpoint_actions {
    wws_string *names;
    size_t count;
};

struct wwi_endpoint { /* set when added, then read only, but for the server */
    struct wwi_link link;
    struct wwi_service_host *host;
    uint32_t index;
    const struct wwi_transport *transport;
    char *address;
    wws_endpoint_options options;
    struct wwi_endpoint_actions actions;
    struct wwi_endpoint_actions one_way;
    wws_operation_callbacks callbacks;
    struct wwi_custom *custom; /* the application's own transport, or null */
    struct wwi_queue *queue; /* or null: callbacks.serve */

    struct wwi_endpoint_server *server; /* under the host's lock */
};

struct wwi_endpoint_server {
    struct wwi_endpoint *endpoint;
    struct wwi_server *server;
    struct wwi_link link; /* in what opens the host */
    uint32_t opens;       /* which open that is */

    struct { /* any thread, under the host's lock */
        uint32_t references; /* listening; each session, request */
        bool stopping;
    } synced;
};

/* Takes the options over, the callbacks among them; on failure nothing. */
wws_status wwi_endpoint_create(
    const wws_endpoint_options *options,
    struct wwi_endpoint **endpoint,
    struct wwi_error *error);
/* With the callbacks, which are left for good if they were taken over. */
void wwi_endpoint_free(struct wwi_endpoint *endpoint, bool taken);

bool wwi_endpoint_names(
    const struct wwi_endpoint_actions *actions,
    wws_string action);

/* Listens; a request may arrive before this returns. */
wws_status wwi_endpoint_listen(
    struct wwi_endpoint_server *server,
    struct wwi_runtime *runtime,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_error *error);

#endif
