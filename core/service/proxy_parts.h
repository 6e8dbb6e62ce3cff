/* What the files of a service proxy share: service_proxy.c has its life and
 * ends calls, proxy_call.c makes them. */
#ifndef WWI_PROXY_PARTS_H
#define WWI_PROXY_PARTS_H

#include "core/channel/message.h"
#include "core/service/call.h"
#include "core/service/service_proxy.h"

struct wwi_service_proxy {
    struct wwi_object object;
    struct wwi_member member;
    wws_service_proxy_options options; /* set by create, then read only */
    const struct wwi_transport *transport;
    struct wwi_post ending; /* stops what abort left in the list */

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        wws_service_proxy_state state;
        uint32_t opens; /* which open it is that the state tells of */
        bool latched; /* aborted when it was only created */
        bool aborted; /* while it was closing */
        bool late;    /* the close took too long */
        char *address;
        struct wwi_list pending;
        struct wwi_list detached;
        struct wwi_list stopping; /* detached, and still to be stopped */
        uint32_t counted; /* against max_pending_calls */
        uint32_t prepared; /* counted, and nobody else knows them yet */
        uint64_t next_number;
        struct idle {
            struct wwi_client **clients;
            uint32_t count;
        } idle;
        struct wwi_closing *closing;
    } synced;
};

/* One call: an exchange, and what its caller gave us. */
struct wwi_proxy_call {
    struct wwi_exchange exchange;
    struct wwi_service_proxy *proxy;
    struct wwi_call *handle;
    struct wwi_message *request;
    struct wwi_message *reply; /* the caller's, or ours */
    wws_buffer *reply_body;
    bool check_must_understand;
    bool counted; /* under the proxy's lock, both */
    bool prepared;
    uint32_t id;
    uint64_t number;
};

static inline struct wwi_proxy_call *wwi_proxy_call_of(
    struct wwi_exchange *exchange)
{
    return WWI_CONTAINER(exchange, struct wwi_proxy_call, exchange);
}

/* Says in which state something cannot be done. */
wws_status wwi_service_proxy_refuse(
    struct wwi_service_proxy *proxy,
    struct wwi_error *error,
    const char *what);
/* Ends a close that has nothing to wait for any more. */
void wwi_service_proxy_settle(struct wwi_service_proxy *proxy);
/* An idle client, or a new one; and back, whole if it may be used again. */
wws_status wwi_service_proxy_get_client(
    struct wwi_service_proxy *proxy,
    struct wwi_client **client,
    struct wwi_error *error);
void wwi_service_proxy_give_client(
    struct wwi_service_proxy *proxy,
    struct wwi_client *client,
    bool whole);

#endif
