/* A channel as the application knows it, from the operation that accepts it to
 * the one that hears of its end.  Over HTTP each request is one.
 *
 * Rules.  Whatever of the channel goes on has a reference: its connection, each
 * operation, each answer that is being sent.  When the last is given back the
 * application hears that the channel is over, if it ever heard of it; so
 * nothing of the channel runs at that time, and the host, which waits for
 * operations, waits for that one too. */
#ifndef WWI_SERVICE_SESSION_H
#define WWI_SERVICE_SESSION_H

#include <stdatomic.h>

#include "core/service/endpoint.h"

struct wwi_operation;

struct wwi_service_session {
    _Atomic uint32_t refs;
    uint64_t number;
    struct wwi_operation *closing; /* made beforehand, for it must not fail */
    _Atomic bool known;            /* the application was asked to accept it */
    void *_Atomic state;           /* the application's */
};

/* With one reference; null without memory. */
struct wwi_service_session *wwi_service_session_new(
    struct wwi_endpoint_server *server);
void wwi_service_session_ref(struct wwi_service_session *session);
/* Null is none. */
void wwi_service_session_unref(struct wwi_service_session *session);

#endif
