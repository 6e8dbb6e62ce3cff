/* What the two halves of the HTTP server share: the one that listens
 * (http_server.c) and one connection (http_peer.c, http_answer.c).
 *
 * Words.  A *shard* is what a server has on one loop: its peers there.  A
 * *slot* is the right to have a request up; a peer without one waits. */
#ifndef WWI_HTTP_PEER_H
#define WWI_HTTP_PEER_H

#include "core/transport/acceptor.h"
#include "core/transport/http_request.h"
#include "core/transport/transport.h"

enum { WWI_HTTP_INPUT = 65536 };

struct wwi_http_shard {
    struct wwi_server *server;
    struct wwi_loop *loop;
    struct wwi_post stop;

    struct { /* loop thread only */
        struct wwi_list peers;
        bool stopped;
        uint8_t input[WWI_HTTP_INPUT];
    } on_loop;
};

struct wwi_server {
    _Atomic uint32_t refs;          /* the owner, each peer, each stop posted */
    _Atomic bool stopping;
    struct wwi_runtime *runtime;    /* set by open, then read only */
    struct wwi_server_options options;
    struct wwi_http_demand demand;
    struct wwi_server_callbacks callbacks;
    struct wwi_acceptor acceptor;

    struct { /* thread of the acceptor only */
        uint32_t next_shard;
    } on_loop;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        uint32_t incoming;          /* slots that are taken */
        struct wwi_list waiting;    /* peers, for a slot */
        uint32_t open;              /* the acceptor, and shards that have not
                                       heard of the stop */
        bool reset;
        void (*stopped)(void *state);
    } synced;

    uint32_t shard_count;
    struct wwi_http_shard shards[];
};

struct wwi_http_slot {
    struct wwi_link link;
    bool taken;
};

/* http_peer.c */

/* A connection that has been accepted: the descriptor is moved in. */
void wwi_http_peer_open(struct wwi_http_shard *shard, int fd);
/* On the thread of the shard: the server stops. */
void wwi_http_peer_stop(struct wwi_link *link, bool reset);
/* The peer that waits has got its slot. */
void wwi_http_peer_granted(struct wwi_http_slot *slot);

/* http_server.c */

/* False: the peer is told when it has got one. */
bool wwi_http_slot_take(
    struct wwi_server *server,
    struct wwi_http_slot *slot);
/* Gives it back, or leaves the queue. */
void wwi_http_slot_give(
    struct wwi_server *server,
    struct wwi_http_slot *slot);
/* A connection has been closed. */
void wwi_http_server_left(struct wwi_server *server);
void wwi_http_server_ref(struct wwi_server *server);
void wwi_http_server_unref(struct wwi_server *server);

#endif
