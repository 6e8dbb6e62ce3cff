/* The server of a transport of sessions: it accepts connections, lists those
 * whose sockets are open, and stops.  What comes through them its transport
 * judges. */
#ifndef WWI_SESSION_SERVER_H
#define WWI_SESSION_SERVER_H

#include "core/transport/acceptor.h"
#include "core/transport/conn.h"

/* What the transport gives. */
struct wwi_session_server_kind {
    enum wwi_url_scheme scheme;
    /* For a descriptor that was accepted; null when there is no memory.  The
     * connection takes a reference to the server, which goes with it. */
    struct wwi_conn *(*create)(struct wwi_server *server);
};

struct wwi_server {
    _Atomic uint32_t refs;          /* the owner, each connection, the post */
    _Atomic bool stopping;
    _Atomic bool reset;
    struct wwi_runtime *runtime;    /* set by open, then read only */
    const struct wwi_session_server_kind *kind;
    struct wwi_server_options options;
    struct wwi_server_callbacks callbacks;
    struct wwi_acceptor acceptor;
    struct wwi_post post;           /* a stop reaches the connections */

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        struct wwi_list conns;      /* whose sockets are open */
        struct wwi_list woken;      /* of these, that a stop has reached */
        void (*stopped)(void *state);
    } synced;
};

void wwi_session_server_ref(struct wwi_server *server);
void wwi_session_server_unref(struct wwi_server *server);
/* The socket has been closed. */
void wwi_session_server_left(
    struct wwi_server *server,
    struct wwi_conn *conn);

/* For the transport's table, where unref frees. */
wws_status wwi_session_server_open(
    const struct wwi_session_server_kind *kind,
    struct wwi_runtime *runtime,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **server,
    struct wwi_error *error);
wws_status wwi_session_server_address(
    struct wwi_server *server,
    struct wwi_bytes *address);
void wwi_session_server_stop(
    struct wwi_server *server,
    bool reset,
    void (*stopped)(void *state));

#endif
