/* What the two files of a connection of the HTTP server share: http_peer.c,
 * which reads and drives it on its loop, and http_answer.c, for those who hold
 * its request. */
#ifndef WWI_HTTP_PEER_PARTS_H
#define WWI_HTTP_PEER_PARTS_H

#include <pthread.h>

#include "core/transport/conn.h"
#include "core/transport/http_peer.h"

/* Octets of each buffer that are kept between requests. */
enum { WWI_PEER_KEEP = 16384 };

/* What they mean stands in http_peer.c. */
enum wwi_peer_state {
    WWI_PEER_NEW,
    WWI_PEER_READING,
    WWI_PEER_UP,
    WWI_PEER_WRITING,
    WWI_PEER_SENDING,
    WWI_PEER_ENDING,
    WWI_PEER_DRAINING,
    WWI_PEER_DOOMED,
    WWI_PEER_CLOSED,
};

struct wwi_http_peer {
    struct wwi_incoming incoming;
    _Atomic uint32_t refs;         /* the socket, the holder, each post */
    struct wwi_server *server;
    struct wwi_http_shard *shard;
    struct wwi_source source;
    struct wwi_post post;
    struct wwi_http_slot slot;     /* of the server, under its lock */
    _Atomic int64_t deadline;

    /* Whose these are says the state. */
    struct wwi_http_parser parser;
    struct wwi_http_action action;
    struct wwi_bytes head;         /* of the answer */
    struct wwi_bytes body;
    size_t sent;                   /* of both */
    struct wwi_bytes leftover;     /* octets behind the request */
    char remote[WWI_CONN_REMOTE];
    wwi_replied_fn replied;
    void *replied_state;
    void (*teller_calls)(struct wwi_incoming *incoming); /* the teller's */

    struct { /* loop thread only */
        struct wwi_link link;
        struct wwi_timer timer;
        uint32_t events;           /* not looked at yet */
        bool whole;                /* a request waits to be handed up */
        bool awaited;              /* the client waits for 100 Continue */
        bool driven;               /* run() is on the stack */
        size_t drained;
    } on_loop;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        pthread_cond_t told;
        enum wwi_peer_state state;
        wws_status why;            /* of CLOSED */
        bool watching;             /* armed for whatever the client does */
        bool reset;                /* by the server: nothing waits any more */
        bool stopped;              /* nobody wants the answer to be sent */
        void (*gone)(struct wwi_incoming *incoming);
        bool gone_told;
        bool telling;              /* gone runs, on this thread: */
        pthread_t teller;
        bool deferred;             /* the answer ends when gone has returned */
    } synced;
};

static inline bool wwi_http_peer_is_stopping(const struct wwi_http_peer *peer)
{
    return atomic_load(&peer->server->stopping);
}

/* http_peer.c */

void wwi_http_peer_hold(struct wwi_http_peer *peer);
void wwi_http_peer_let_go(struct wwi_http_peer *peer);
/* Makes the loop look at the state; unless it is just doing so. */
void wwi_http_peer_wake(struct wwi_http_peer *peer);
void wwi_http_peer_expect_within(
    struct wwi_http_peer *peer,
    uint32_t milliseconds);

/* http_answer.c */

bool wwi_http_peer_is_stopped(struct wwi_http_peer *peer);
/* As much as the system takes: done, WWS_S_ASYNC, or failed. */
wws_status wwi_http_peer_write(
    struct wwi_http_peer *peer,
    struct wwi_outcome *outcome);
/* The answer has gone out, or has failed. */
void wwi_http_peer_conclude(
    struct wwi_http_peer *peer,
    struct wwi_outcome *outcome,
    wws_status status);
/* Whether somebody is to hear now that the client has gone; then tell, without
 * the lock, runs gone, and ends the answer that may have come meanwhile. */
bool wwi_http_peer_begin_telling_locked(struct wwi_http_peer *peer);
void wwi_http_peer_tell(struct wwi_http_peer *peer);

#endif
