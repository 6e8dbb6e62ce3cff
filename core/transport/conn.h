/* A connection that its loop drives: made to a host or accepted, read on the
 * loop alone, written by any thread.  What the octets mean is its user's.
 *
 * Words.  The *user* embeds it, and looks after it in `run`.  A *sending* is
 * that of a session; see session.h.
 *
 * Rules.
 * - `run` is called on the loop, with no lock held and never inside itself,
 *   whenever something may have changed: octets have come, the peer has gone,
 *   the deadline is over, somebody woke it, the socket is closed.  It looks at
 *   on_loop and does what there is to be done; when it returns the socket is
 *   armed for what is wanted.
 * - Who finds the queue empty writes, on its own thread, what the system takes
 *   at once; the loop writes the rest.  Nobody else uses the socket meanwhile,
 *   so that it is closed when the writer has left.
 * - The lock is the user's as well, for what must go with the queue.
 * - A socket that is open has a reference; whoever else may look has his own.
 *   The end of a runtime waits for a connection that was opened.
 *
 * Life.  NEW, then of a client RESOLVING and CONNECTING, then OPEN; broken or
 * not, it is open until it is closed, at once or after DRAINING; CLOSED. */
#ifndef WWI_CONN_H
#define WWI_CONN_H

#include "core/io/engine.h"
#include "core/io/resolve.h"
#include "core/transport/session.h"

struct wwi_conn;

struct wwi_conn_user {
    /* A client's connection comes about; on the loop.  May be null. */
    void (*phase)(struct wwi_conn *conn, wws_phase phase);
    void (*run)(struct wwi_conn *conn);
    /* A sending will not go out, as its holder or its `begin` wanted; with the
     * lock, on any thread.  `run` follows. */
    void (*taken_back)(struct wwi_conn *conn, struct wwi_sending *sending);
    /* The last reference is gone; on any thread. */
    void (*destroy)(struct wwi_conn *conn);
};

enum wwi_conn_stage {
    WWI_CONN_NEW,
    WWI_CONN_RESOLVING,
    WWI_CONN_CONNECTING,
    WWI_CONN_OPEN,
    WWI_CONN_DRAINING,
    WWI_CONN_CLOSED,
};

/* Address and port of a peer, as text. */
enum { WWI_CONN_REMOTE = 64 };

struct wwi_conn {
    const struct wwi_conn_user *user;
    struct wwi_link link;           /* for the server that accepted it */
    struct wwi_runtime *runtime;
    struct wwi_loop *loop;
    _Atomic uint32_t refs;
    struct wwi_source source;
    struct wwi_post post;
    const char *host;               /* of a client; the user's */
    uint16_t port;
    bool accepted;
    char remote[WWI_CONN_REMOTE];   /* constant once it is open */

    struct { /* loop thread only */
        enum wwi_conn_stage stage;
        /* For the user to read: octets or their end may have come; the peer
         * sends no more, though octets may be unread; nothing goes any more,
         * as trouble says. */
        bool readable;
        bool hung_up;
        bool broken;
        struct wwi_outcome trouble;
        /* For the user to set: whether octets are wanted. */
        bool reading;
        /* The connection's own. */
        bool driven;
        bool again;
        bool found;                 /* the query is answered */
        bool finished;              /* the peer's end has been read */
        bool shut;                  /* the peer has heard that this was all */
        bool closing;
        bool reset;
        uint32_t armed;             /* events that it was armed for */
        int64_t deadline;
        size_t drained;
        size_t drain_most;
        struct wwi_outcome why;     /* of closing, for what is queued */
        struct wwi_timer timer;
        struct wwi_query query;
        uint32_t next_address;
        wws_phase phase;
    } on_loop;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        struct wwi_list queue;
        bool begun;                 /* the first of the queue */
        bool ready;                 /* the socket can be written to */
        bool writing;               /* somebody writes */
        bool full;                  /* the system took no more */
        bool halted;                /* nothing is written any more */
        bool awaited;               /* the loop waits for quiet */
        uint32_t telling;           /* `done`s that run or are about to */
        int error;                  /* of writing */
    } synced;
};

/* What every connection is set to, or what it inherits by listening. */
bool wwi_conn_tune(int fd);
/* The address and port of the peer; empty if it is not known. */
void wwi_conn_name(int fd, char name[static WWI_CONN_REMOTE]);
/* Another one for each connection of the process. */
uint64_t wwi_conn_number(void);
/* With one reference, the caller's.  The loop is one of the runtime's. */
void wwi_conn_init(
    struct wwi_conn *conn,
    struct wwi_runtime *runtime,
    struct wwi_loop *loop,
    const struct wwi_conn_user *user);
void wwi_conn_ref(struct wwi_conn *conn);
void wwi_conn_unref(struct wwi_conn *conn);

/* On the loop, from NEW: finds the host and connects to it.  It comes to OPEN,
 * or is broken; the host stays the user's. */
void wwi_conn_open(struct wwi_conn *conn, const char *host, uint16_t port);
/* The descriptor is moved in; it is open when `run` runs next, or broken. */
void wwi_conn_adopt(struct wwi_conn *conn, int fd);

/* Asks for `run`, from any thread and with locks held. */
void wwi_conn_wake(struct wwi_conn *conn);

/* With the lock, and not when it is halted: behind what is queued.  Then,
 * without it: writes.  The octets of a sending with a `done` are freed before
 * that runs; without, they are the user's, and stay. */
void wwi_conn_queue_locked(struct wwi_conn *conn, struct wwi_sending *sending);
void wwi_conn_write(struct wwi_conn *conn);
/* Takes back what has not begun, and frees its octets; false if it has, or is
 * not queued. */
bool wwi_conn_unqueue(struct wwi_conn *conn, struct wwi_sending *sending);
/* With the lock: from now on nothing is given to the system; to be closed. */
void wwi_conn_halt_locked(struct wwi_conn *conn);

/* The rest on the loop only. */

/* WWS_S_OK with some octets, WWS_S_ASYNC: there are none yet; WWS_S_END: there
 * will be none; or it is broken. */
wws_status wwi_conn_read(
    struct wwi_conn *conn,
    void *data,
    size_t size,
    size_t *got);
/* The same without taking them. */
wws_status wwi_conn_peek(
    struct wwi_conn *conn,
    void *data,
    size_t size,
    size_t *got);
/* Octets that are there to be read. */
size_t wwi_conn_unread(const struct wwi_conn *conn);
/* `run` runs at the deadline; WWI_NEVER: at none. */
void wwi_conn_expect(struct wwi_conn *conn, int64_t deadline);
bool wwi_conn_late(const struct wwi_conn *conn);
/* Nothing is queued and no `done` runs; if not, `run` runs when it is so. */
bool wwi_conn_quiet(struct wwi_conn *conn);
/* What is queued is done with that outcome, and the socket closed: in order or
 * by a reset.  `run` sees it CLOSED, and quiet at some time. */
void wwi_conn_close(
    struct wwi_conn *conn,
    bool reset,
    const struct wwi_outcome *why);
/* Sends what is queued, says that this was all, and closes when the peer has
 * done so; by a reset after so many octets or so long. */
void wwi_conn_drain(struct wwi_conn *conn, size_t octets, uint32_t ms);

#endif
