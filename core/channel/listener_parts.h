/* What the files of a listener share: listener.c has its life,
 * listener_accept.c the clients that come and the accepts that they meet. */
#ifndef WWI_LISTENER_PARTS_H
#define WWI_LISTENER_PARTS_H

#include "core/channel/channel_parts.h"
#include "core/channel/listener.h"

/* A server of the transport, from its opening until it has stopped, which may
 * be long after the listener was closed. */
struct wwi_listener_served {
    struct wwi_listener *listener; /* with a reference */
    struct wwi_server *server;
};

struct wwi_listener {
    struct wwi_object object;
    struct wwi_member member;
    wws_listener_options options; /* set by create, then read only */
    wws_string *agents;           /* what the options say, in one piece */
    struct wwi_custom *custom;    /* the application's own transport, or null */
    const struct wwi_transport *transport;
    bool sessions;          /* clients come by sessions, not requests */
    struct wwi_post ending; /* ends what abort left in the list */

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        wws_listener_state state;
        uint32_t opens; /* which open it is that the state tells of */
        bool latched; /* aborted when it was only created */
        bool aborted; /* while it was closing */
        struct wwi_listener_served *served;
        struct wwi_list accepts;  /* waiting for a client */
        struct wwi_list arrivals; /* clients, waiting for an accept */
        struct wwi_list ending;   /* accepts, of an end that has come */
        struct wwi_list dropping; /* likewise clients */
        uint32_t active;          /* accepts whose caller has not heard */
        uint32_t answers;         /* that are being sent */
        bool late;                /* they take too long */
        struct wwi_closing *closing;
    } synced;
};

/* listener.c */
wws_status wwi_listener_refusal(
    wws_listener_state state,
    struct wwi_error *error,
    const char *what);
/* After what a close waits for has become less. */
void wwi_listener_settle(struct wwi_listener *listener);

/* listener_accept.c: the state of both is a struct wwi_listener_served. */
void wwi_listener_arrived(struct wwi_incoming *incoming, void *state);
void wwi_listener_connected(struct wwi_session *session, void *state);
/* Of those in the list `ending`; true if there may be more. */
bool wwi_listener_end_some_accepts(
    struct wwi_listener *listener,
    const char *text);
/* Clients that nobody will accept any more: those in the list `dropping`. */
void wwi_listener_drop_arrivals(struct wwi_listener *listener);

#endif
