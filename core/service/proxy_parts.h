/* What the files of a service proxy share: service_proxy.c has its life and
 * ends calls, proxy_call.c makes them, proxy_message.c has what they send and
 * receive, proxy_open.c opens the session that they share where the transport
 * has sessions. */
#ifndef WWI_PROXY_PARTS_H
#define WWI_PROXY_PARTS_H

#include "core/base/map.h"
#include "core/channel/message.h"
#include "core/channel/mux.h"
#include "core/service/call.h"
#include "core/service/service_proxy.h"

struct wwi_service_proxy {
    struct wwi_object object;
    struct wwi_member member;
    wws_service_proxy_options options; /* set by create, then read only */
    struct wwi_custom *custom; /* the application's own transport, or null */
    const struct wwi_transport *transport;
    struct wwi_post ending; /* stops what abort left in the list */

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        wws_service_proxy_state state;
        uint32_t opens; /* which open it is that the state tells of */
        bool latched; /* aborted when it was only created */
        bool aborted; /* while it was closing */
        bool late;    /* the close took too long */
        struct wwi_mux *mux; /* the session, if there are sessions */
        bool ending_session; /* the close has come so far */
        int64_t close_deadline;
        struct wwi_exchange *opening; /* with a reference */
        uint32_t openings; /* whose caller has not heard */
        char *address;
        struct wwi_list pending; /* in the order of their numbers */
        struct wwi_map groups;   /* of these, those with an id */
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
    struct wwi_map_link of_group;
    struct wwi_service_proxy *proxy;
    struct wwi_call *handle;
    struct wwi_message *reply; /* the caller's; null: he has none */
    atomic_bool holds_reply;   /* which is in use until it is decoded */
    wws_buffer *reply_body;
    wws_call_callbacks *callbacks; /* may be null */
    char *request_id; /* null: what finds the reply has seen to that */
    bool one_way;
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
/* FAULTED, if the session is over.  With the lock. */
void wwi_service_proxy_look_locked(struct wwi_service_proxy *proxy);
/* The opening has come to this: the state moves on, and the session is the
 * proxy's, if this still is its opening; false if it was aborted meanwhile. */
bool wwi_service_proxy_end_opening(
    struct wwi_service_proxy *proxy,
    uint32_t opens,
    bool open,
    struct wwi_mux *mux);
/* An idle client, or a new one; and back, whole if it may be used again. */
wws_status wwi_service_proxy_get_client(
    struct wwi_service_proxy *proxy,
    struct wwi_client **client,
    struct wwi_error *error);
void wwi_service_proxy_give_client(
    struct wwi_service_proxy *proxy,
    struct wwi_client *client,
    bool whole);

/* proxy_message.c: the caller's message for the reply, if there is one; the
 * request, which begins on the client; the result of the exchange. */
wws_status wwi_proxy_call_find_reply(
    struct wwi_proxy_call *call,
    const wws_call_options *options,
    struct wwi_error *error);
void wwi_proxy_call_release_reply(struct wwi_proxy_call *call);
wws_status wwi_proxy_call_make_request(
    const struct wwi_proxy_call *call,
    wws_string action,
    wws_bytes body,
    const wws_call_options *options,
    struct wwi_message **request,
    struct wwi_error *error);
void wwi_proxy_call_drop_message(struct wwi_message *message);
wws_status wwi_proxy_call_begin(
    struct wwi_proxy_call *call,
    struct wwi_client *client,
    struct wwi_message *request,
    struct wwi_error *error);
wws_status wwi_proxy_call_result(
    struct wwi_exchange *exchange,
    wws_status status);

/* proxy_open.c: opens the session. */
wws_status wwi_service_proxy_open_session(
    struct wwi_service_proxy *proxy,
    uint32_t opens,
    wws_string address,
    const wws_completion *completion,
    struct wwi_error *error);

#endif
