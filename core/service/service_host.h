/* The server of services: its endpoints, its state, and the operations that
 * run.
 *
 * Words.  An *endpoint* is an address with who serves there; it stays as long
 * as the host.  While the host is open each has a *server*, which the transport
 * drives; requests become operations, of operation.h.
 *
 * Rules.  A server lives until it has stopped, its last session is released and
 * its last operation over; the host is closed when its last server is gone, so
 * nothing else need be waited for.  A server holds the host, a session and an
 * operation their server. */
#ifndef WWI_SERVICE_HOST_H
#define WWI_SERVICE_HOST_H

#include <stdatomic.h>

#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/table.h"
#include "core/io/engine.h"
#include "core/io/wait.h"
#include "core/service/endpoint.h"
#include "wws/types.h"

struct wwi_operation;

struct wwi_service_host {
    struct wwi_object object;
    struct wwi_member member;
    wws_service_host_options options; /* set by create, then read only */
    struct wwi_loop *loop;            /* of the posts and the timer */
    struct wwi_post early_post;
    struct wwi_post cancel_post;
    struct wwi_timer timer;
    /* Written under the lock.  In CREATED it is the latch that makes the next
     * open fail. */
    _Atomic bool aborted;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        wws_service_host_state state;
        uint32_t opens; /* which open it is that the state tells of */
        struct wwi_list endpoints;
        uint32_t endpoint_count;
        uint32_t servers;         /* and one while close begins */
        struct wwi_list early;    /* requests that came while opening */
        struct wwi_list running;  /* operations */
        struct wwi_list told;     /* operations that the abort has reached */
        struct wwi_wait *closing;
        wws_status close_status;
        int64_t close_deadline;
    } synced;
};

/* The interface; see schema/wws/service_host.proto. */
wws_status wwi_service_host_create(
    struct wwi_runtime *runtime,
    const wws_service_host_options *options,
    wws_service_host *service_host,
    struct wwi_error *error);
wws_status wwi_service_host_add_endpoint(
    struct wwi_service_host *self,
    const wws_endpoint_options *endpoint,
    struct wwi_error *error);
wws_status wwi_service_host_open(
    struct wwi_service_host *self,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_service_host_abort(struct wwi_service_host *self);
wws_status wwi_service_host_close(
    struct wwi_service_host *self,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_service_host_reset(
    struct wwi_service_host *self,
    struct wwi_error *error);
wws_status wwi_service_host_free(struct wwi_service_host *self);
wws_status wwi_service_host_get_state(
    struct wwi_service_host *self,
    wws_service_host_state *state,
    struct wwi_error *error);
wws_status wwi_service_host_get_address(
    struct wwi_service_host *self,
    uint32_t index,
    wws_buffer *address,
    struct wwi_error *error);

/* For sessions, as a callback of servers: a request, of which the server is the
 * state. */
void wwi_service_host_arrived(struct wwi_incoming *incoming, void *state);

/* For operations. */

/* Lists an operation that is to be served; false when the host is aborted,
 * unless it is the last of its channel, which is served all the same. */
bool wwi_service_host_enter(struct wwi_operation *operation);
/* The operation is over.  The last use of the host by it. */
void wwi_service_host_leave(struct wwi_operation *operation);
/* A reference for a request, or for a session; and gives it back. */
void wwi_service_host_hold(struct wwi_endpoint_server *server);
void wwi_service_host_release(struct wwi_endpoint_server *server);

#endif
