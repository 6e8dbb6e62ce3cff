/* A conversation: messages flow both ways through a connection, each on its
 * own.  Both ends are the same.
 *
 * Words.  The *holder* has the session and hears its *events*.  A *piece* is a
 * whole message, or where messages are streamed a run of octets of one.
 *
 * Rules.
 * - The loop drives it.  Every call may come from any thread and from inside an
 *   event; none waits, and none but send and open can fail.  Events come on the
 *   thread of session->loop, one after the other, with no lock held; `done` of
 *   a sending may also come inside send, or on the loop beside an event.
 * - What is sent leaves in the order of the calls.  A sending is the session's
 *   until its `done` has run.
 * - Nothing is delivered that was not asked for: a `receive` brings one piece.
 *   The session may read one ahead, so that it always sees its peer go.
 *
 * Life.  Created, by a client: open brings `opened`, or `ended`.  Accepted: it
 * is open.  `ended` with WWS_S_END: the peer sends no more, in order; what we
 * send still goes out.  `ended` with a failure: the session is over, and every
 * sending has been done.  A failure may follow WWS_S_END; nothing follows a
 * failure but `released`.  free gives it back in any state, closing what is
 * still open: in order if both ends are shut down, else by a reset.  `released`
 * is the last event, and the last touch of the holder's memory. */
#ifndef WWI_SESSION_H
#define WWI_SESSION_H

#include "core/transport/transport.h"

struct wwi_session;
struct wwi_sending;

struct wwi_piece {
    struct wwi_bytes octets;   /* to be moved out; what is left is freed */
    bool more;                 /* the message goes on in the next piece */
    /* Of the first piece of a message, until the next event. */
    wws_envelope_version version;
    uint32_t http_status;      /* of a response; else 0 */
    bool has_action;
    wws_string action;
    struct wwi_fields fields;  /* next may be null */
};

struct wwi_session_events {
    void (*opened)(struct wwi_session *session);
    /* The opening goes on with this; for a client only. */
    void (*phase)(struct wwi_session *session, wws_phase phase);
    void (*arrived)(struct wwi_session *session, struct wwi_piece *piece);
    /* The text of the outcome is a constant; session->text may say more. */
    void (*ended)(
        struct wwi_session *session,
        const struct wwi_outcome *outcome);
    void (*released)(struct wwi_session *session);
};

/* Octets that are to be sent. */
struct wwi_sending {
    struct wwi_link link;      /* the session's, these six */
    struct wwi_session *session;
    struct wwi_bytes head;
    struct wwi_bytes body;
    size_t sent;
    bool more;                 /* the message goes on in another sending */
    /* The first octet is about to be given to the system: false takes the
     * sending back, and done hears WWS_E_OPERATION_CANCELLED.  On any thread,
     * with the session's lock held.  May be null. */
    bool (*begin)(struct wwi_sending *sending);
    /* All octets were given to the system, or none will be any more; the last
     * use of the sending.  Once, with no lock held.  The text of a failure may
     * be session->text, on the loop then. */
    void (*done)(
        struct wwi_sending *sending,
        const struct wwi_outcome *outcome);
};

struct wwi_session_calls {
    /* Resolves, connects and shakes hands, without limit: the holder knows how
     * long it may take, and aborts. */
    void (*open)(struct wwi_session *session);
    /* Takes the octets over, which are moved.  On failure the sending is the
     * caller's still, and done is not called.  WWS_E_OBJECT_FAULTED: the
     * session is over.  WWS_E_INVALID_OPERATION: it has been shut down. */
    wws_status (*send)(
        struct wwi_session *session,
        struct wwi_sending *sending,
        struct wwi_outgoing *outgoing);
    /* Takes a sending back that has not begun: true, and done is not called. */
    bool (*unsend)(struct wwi_session *session, struct wwi_sending *sending);
    /* Asks for one piece. */
    void (*receive)(struct wwi_session *session);
    /* Behind all that is to be sent: the session's end is announced. */
    void (*shutdown)(struct wwi_session *session);
    /* Resets the connection; `ended` hears WWS_E_OPERATION_ABORTED. */
    void (*abort)(struct wwi_session *session);
    void (*free)(struct wwi_session *session);
};

/* The beginning of each transport's own session. */
struct wwi_session {
    const struct wwi_session_calls *calls;
    struct wwi_runtime *runtime;
    struct wwi_loop *loop;
    struct wwi_link link;      /* for whoever holds it */
    /* Set by the holder, before it opens it, or inside `connected`. */
    const struct wwi_session_events *events;
    void *user;
    /* Set when it is open, and constant from then on. */
    wws_string via;            /* the URL that the client opened */
    wws_string remote;         /* the address of the peer, as text */
    uint64_t connection;       /* tells a server's connections apart */
    char text[160];            /* of a failure; may be empty */
};

#endif
