/* What the parts of an application's own transport share: its sessions as their
 * holders see them (custom_session.c) and as they go on (custom.c), the servers
 * that accept them (custom_server.c) and the tasks that it is given
 * (transport_task.c).
 *
 * Words.  A *connection* is the application's; the *session* above it is ours.
 * A *slot* is a function of one of the application's tables. */
#ifndef WWI_CUSTOM_H
#define WWI_CUSTOM_H

#include "core/transport/session.h"
#include "core/transport/transport_task.h"

struct wwi_custom {
    _Atomic uint32_t refs;
    bool taken;
    wws_custom_transport table;
};

/* Each is followed by the next, and all but the last two by OVER as well. */
enum wwi_custom_stage {
    WWI_CUSTOM_IDLE,
    WWI_CUSTOM_CONNECTING, /* connect or accept was called */
    WWI_CUSTOM_TALKING,
    WWI_CUSTOM_PARTING,    /* the holder has given it back in order */
    WWI_CUSTOM_CLOSING,    /* close was called */
    WWI_CUSTOM_CLOSED,
    WWI_CUSTOM_OVER,       /* it has failed */
};

/* What became of our end of it. */
enum wwi_custom_speech {
    WWI_CUSTOM_SPEAKS,
    WWI_CUSTOM_SHUTTING,   /* shut_down was called */
    WWI_CUSTOM_SHUT,       /* and is complete */
};

struct wwi_custom_session {
    struct wwi_session base;
    _Atomic uint32_t refs;      /* its life, each task, each post */
    struct wwi_post post;
    struct wwi_timer timer;     /* of parting */
    struct wwi_custom *custom;  /* of a client */
    struct wwi_server *server;  /* that accepts it; null for a client */
    struct wwi_link link;       /* of the server's, under its lock */
    /* Set when it is made, then read only. */
    wws_envelope_version version;
    uint64_t most;              /* octets of a message that comes */
    bool streamed;
    struct wwi_bytes address;   /* of a client */

    struct { /* loop thread only */
        enum wwi_custom_stage stage;
        bool driven;            /* run() is at work */
        bool again;             /* and is to look once more */
        /* Those under way. */
        struct wwi_transport_task *tasks[WWI_TASK_KINDS];
        uint32_t task_count;
        /* What goes out. */
        struct wwi_sending *sending;
        enum wwi_custom_speech speech;
        /* What comes: a piece that nobody has asked for yet, from `at`. */
        struct wwi_bytes piece;
        size_t at;
        bool has_piece;
        bool more;              /* its message goes on behind it */
        uint64_t size;          /* of that message so far */
        bool peer_ended;
        bool late;              /* parting takes too long */
        /* What is done once, when it ends or before. */
        bool counted;           /* the server knows what became of accepting */
        bool cut;               /* abort was called */
        bool told;              /* `ended` has said that it is over */
        bool released;          /* nobody holds it */
        bool gone;              /* its connection */
        struct wwi_outcome outcome;
    } on_loop;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        struct wwi_list done;   /* tasks that are complete */
        struct wwi_list queue;  /* of sendings */
        uint32_t asked;         /* pieces */
        bool opening;
        bool open;
        bool shut;              /* nothing more may be sent */
        bool over;
        bool aborted;
        bool freed;
        const struct wwi_sending *last; /* of a stream: nothing follows it */
        /* Constant when it is there. */
        bool has_connection;
        wws_custom_connection connection;
        struct wwi_bytes remote;
        struct wwi_bytes via;
    } synced;
};

struct wwi_server {
    _Atomic uint32_t refs;      /* the owner, each session, post and timer */
    struct wwi_runtime *runtime;
    struct wwi_loop *loop;
    struct wwi_custom *custom;
    struct wwi_server_options options;
    struct wwi_server_callbacks callbacks;
    struct wwi_post post;
    struct wwi_timer retry;     /* of an accept */
    _Atomic bool stopping;
    _Atomic bool reset;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        struct wwi_list sessions;
        struct wwi_list woken;  /* those that a stop has reached */
        uint32_t count;         /* of both */
        bool accepting;         /* one of them has not been made yet */
        bool retrying;          /* accept will be called again */
        bool told;              /* the listener's stop has returned */
        bool finished;          /* `stopped` has run, or is about to */
        void (*stopped)(void *state);
        /* Constant when it is there. */
        bool has_listener;
        wws_custom_listener listener;
        struct wwi_bytes address;
    } synced;
};

static inline void wwi_custom_lock(struct wwi_custom_session *session)
{
    wwi_lock_take(&session->synced.lock);
}

static inline void wwi_custom_unlock(struct wwi_custom_session *session)
{
    wwi_lock_give(&session->synced.lock);
}

/* custom_session.c */

/* With one reference; null when there is no memory. */
struct wwi_custom_session *wwi_custom_session_new(
    struct wwi_runtime *runtime,
    struct wwi_server *server);
void wwi_custom_session_ref(struct wwi_custom_session *session);
void wwi_custom_session_unref(struct wwi_custom_session *session);
/* Asks the loop to look at it, from any thread. */
void wwi_custom_session_wake(struct wwi_custom_session *session);
/* With the lock: out of the queue, as if it had never been there. */
void wwi_custom_session_take_back_locked(
    struct wwi_custom_session *session,
    struct wwi_sending *sending);

/* custom.c */

/* Its post and its timer. */
void wwi_custom_session_run(struct wwi_work *work);
void wwi_custom_session_too_late(struct wwi_timer *timer);

/* custom_server.c */

void wwi_custom_server_ref(struct wwi_server *server);
void wwi_custom_server_unref(struct wwi_server *server);
/* Calls accept, unless it is stopping. */
wws_status wwi_custom_server_call_accept(
    struct wwi_server *server,
    wws_transport_task task);
/* The one that it waited for has been made, or not. */
void wwi_custom_server_accepted(struct wwi_server *server, bool made);
/* Nobody holds the session any more. */
void wwi_custom_server_left(struct wwi_custom_session *session);

wws_status wwi_custom_server_open(
    struct wwi_runtime *runtime,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **server,
    struct wwi_error *error);
wws_status wwi_custom_server_address(
    struct wwi_server *server,
    struct wwi_bytes *address);
void wwi_custom_server_stop(
    struct wwi_server *server,
    bool reset,
    void (*stopped)(void *state));

#endif
