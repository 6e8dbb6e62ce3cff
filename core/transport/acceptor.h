/* Listens at a URL, and counts the connections that come of it.
 *
 * It belongs to a server, which embeds it and outlives it: from opening until
 * `stopped` has run. */
#ifndef WWI_ACCEPTOR_H
#define WWI_ACCEPTOR_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/io/engine.h"
#include "core/transport/url.h"

struct wwi_acceptor {
    /* Set by the server. */
    struct wwi_runtime *runtime;
    uint32_t backlog;
    uint32_t max_connections;
    wws_ip_version ip_version;
    /* The descriptor is moved in; the connection counts until it has left.  On
     * the thread of the loop. */
    void (*accepted)(struct wwi_acceptor *acceptor, int fd);
    /* It was stopped and all connections have left: the last use of it.  Once,
     * on any thread. */
    void (*stopped)(struct wwi_acceptor *acceptor);

    /* Set by opening, then read only. */
    struct wwi_loop *loop;
    struct wwi_url url;
    struct wwi_bytes path;          /* as paths are compared */
    struct wwi_bytes address;
    struct wwi_post stop;

    struct { /* loop thread only */
        struct wwi_timer pause;
    } on_loop;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        struct wwi_source listening;
        bool full;              /* accepts when a connection has left */
        bool stopping;
        uint32_t connections;
        uint32_t open;          /* connections, and the loop until it has
                                   heard of the stop */
    } synced;
};

/* Checks the URL and listens there, but does not accept yet. */
wws_status wwi_acceptor_open(
    struct wwi_acceptor *acceptor,
    enum wwi_url_scheme scheme,
    wws_string url,
    struct wwi_error *error);
void wwi_acceptor_start(struct wwi_acceptor *acceptor);
/* Once open: the normalised path; the URL with that path and the port that it
 * came to, appended. */
wws_string wwi_acceptor_path(const struct wwi_acceptor *acceptor);
wws_status wwi_acceptor_address(
    const struct wwi_acceptor *acceptor,
    struct wwi_bytes *address);
/* After opening failed, or when it has stopped. */
void wwi_acceptor_fini(struct wwi_acceptor *acceptor);
/* Closes the socket at once; from any thread, and more than once. */
void wwi_acceptor_stop(struct wwi_acceptor *acceptor);
/* A connection has been closed; on any thread. */
void wwi_acceptor_left(struct wwi_acceptor *acceptor);

#endif
