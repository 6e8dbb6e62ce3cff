/* What the files of a mux share: mux.c has its life, mux_client.c the clients,
 * mux_arrival.c what comes in, mux_notes.c what goes with a message. */
#ifndef WWI_MUX_PARTS_H
#define WWI_MUX_PARTS_H

#include "core/base/map.h"
#include "core/channel/mux.h"
#include "core/xml/finder.h"

/* What goes with the octets of a message, copied into one block: an action, the
 * id that a reply will relate to, and the fields. */
struct wwi_mux_notes {
    struct wwi_bytes block;
    size_t action_size;
    size_t id_size;
};

/* A message that has arrived, or a piece of one. */
struct wwi_mux_parcel {
    struct wwi_link link;
    struct wwi_bytes octets;
    struct wwi_mux_notes notes;
    uint32_t http_status; /* of a response; else 0 */
    bool has_action;
    bool more;     /* the message goes on */
    bool gathered; /* of several pieces */
};

enum wwi_mux_letter_state {
    WWI_MUX_LETTER_NEW,
    WWI_MUX_LETTER_GIVEN, /* it is the session's */
    WWI_MUX_LETTER_REFUSED, /* the session is over, and will say how */
    WWI_MUX_LETTER_DONE,
};

/* What a client sends.  One that the session has goes on without its client,
 * and is freed when it is done. */
struct wwi_mux_letter {
    struct wwi_sending sending;
    struct wwi_outgoing outgoing; /* its strings are in the client's notes */
    struct wwi_mux *mux;
    /* Under the lock of the mux. */
    struct wwi_mux_client *client;
    enum wwi_mux_letter_state state;
    struct wwi_outcome outcome;
};

enum wwi_mux_stage {
    WWI_MUX_STAGE_IDLE,
    WWI_MUX_STAGE_OPENING,
    WWI_MUX_STAGE_SENDING,
    WWI_MUX_STAGE_WAITING,   /* for its reply, or the next piece */
    WWI_MUX_STAGE_RECEIVING, /* what nobody waits for */
    WWI_MUX_STAGE_DONE,
};

struct wwi_mux_client {
    struct wwi_client base;
    struct wwi_mux *mux;             /* with a reference */
    bool pieces;
    struct wwi_mux_times {
        uint32_t resolve_ms;
        uint32_t connect_ms;         /* with the handshake */
        uint32_t send_ms;
        uint32_t receive_ms;
    } times;

    /* The owner's. */
    enum wwi_mux_stage stage;
    struct wwi_mux_notes notes;
    bool wants_reply;
    bool loaded;                     /* with a message, not only to open */
    struct wwi_mux_parcel *taken;

    struct { /* any thread, under the lock of the mux */
        /* The exchange's, from the first step to the last; null outside, and
         * then the client must not be notified. */
        struct wwi_track *track;
        struct wwi_link link;        /* of mux.clients, while it has a track */
        struct wwi_map_link awaited; /* of the map, by the hash of the id */
        struct wwi_link turn;        /* of mux.receivers */
        bool stepping;               /* its owner looks anyway */
        bool again;
        bool begun;                  /* an octet of the exchange has left */
        bool midway;                 /* its message on the wire is not whole */
        bool hungry;                 /* waits for something to arrive */
        bool returnable;             /* somebody else may receive what it got */
        int64_t deadline;            /* of the phase */
        struct wwi_mux_letter *letter;
        struct wwi_mux_parcel *got;
    } synced;
};

enum wwi_mux_state {
    WWI_MUX_CREATED,
    WWI_MUX_OPENING,
    WWI_MUX_OPEN,
};

struct wwi_mux {
    struct wwi_session *session;
    struct wwi_runtime *runtime;     /* with a reference */
    struct wwi_loop *loop;
    struct wwi_mux_options options;
    _Atomic uint32_t holders;
    _Atomic uint32_t refs;
    struct wwi_post post;
    struct wwi_post telling;         /* the end, to the rest of many */
    struct wwi_timer timer;          /* of the close */

    struct { /* loop thread only */
        struct wwi_mux_parcel *partial; /* being put together */
        struct wwi_finder finder;       /* of what it relates to */
    } on_loop;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        enum wwi_mux_state state;
        bool aborted;
        bool shut;
        bool ended;                  /* the peer sends no more */
        bool over;                   /* the session failed, or is freed */
        bool closing;
        bool forsaken;               /* nobody holds it any more */
        void (*closed)(void *user, wws_status status);
        void *user;
        bool late;                   /* the deadline of the close has come */
        bool freed;
        bool asked;                  /* for a piece */
        /* Calls of the session that run, and letters that it has: it is not
         * freed meanwhile. */
        uint32_t busy;
        uint32_t calls;              /* of these */
        /* Why it is over, or is going to be. */
        struct wwi_outcome outcome;
        char text[160];

        struct wwi_list clients;     /* that have a track */
        uint32_t client_count;
        uint32_t untold;             /* of these, that may not know the end */
        struct wwi_mux_client *opener;

        struct wwi_map awaited;      /* clients that wait for a reply */

        struct wwi_list receivers;
        struct wwi_list inbox;       /* empty if anybody receives */
        uint32_t inbox_count;
        /* The message that is arriving is given out in pieces, to this client
         * if it is there still. */
        bool streaming;
        struct wwi_mux_client *stream;
    } synced;
};

static inline struct wwi_mux_client *wwi_mux_client_of(struct wwi_client *base)
{
    return WWI_CONTAINER(base, struct wwi_mux_client, base);
}

/* The lock; leave also does what has become due: asks for a piece, has the rest
 * of many told, or lets the session be freed. */
void wwi_mux_enter(struct wwi_mux *mux);
void wwi_mux_leave(struct wwi_mux *mux);
/* Around a call of the session, which is made without the lock. */
void wwi_mux_call_begin(struct wwi_mux *mux);
void wwi_mux_call_end(struct wwi_mux *mux);

/* Under the lock, which they give and take again. */
void wwi_mux_abort_locked(struct wwi_mux *mux);
/* The session is aborted; what is under way fails as said here. */
void wwi_mux_break_locked(
    struct wwi_mux *mux,
    wws_status status,
    const char *text);

/* Of clients, under the lock.  mark: the progress is never taken back. */
void wwi_mux_mark(
    struct wwi_mux_client *client,
    wws_phase phase,
    wws_progress progress);
void wwi_mux_notify(struct wwi_mux_client *client);

/* What arrives, under the lock.  expect: the reply to the client's id; false if
 * another waits for one to the same.  forget: it does not wait any more, in
 * whatever way it did.  fetch: the next message of the inbox, if there is
 * one. */
bool wwi_mux_expect(struct wwi_mux_client *client);
void wwi_mux_forget(struct wwi_mux_client *client);
bool wwi_mux_fetch(struct wwi_mux_client *client);
/* Puts what the client got back in front of the inbox. */
void wwi_mux_put_back(struct wwi_mux_client *client);
bool wwi_mux_wants_piece(const struct wwi_mux *mux);

void wwi_mux_arrived(struct wwi_session *session, struct wwi_piece *piece);
void wwi_mux_parcel_free(struct wwi_mux_parcel *parcel);

/* False when there is no memory. */
bool wwi_mux_notes_copy(
    struct wwi_mux_notes *notes,
    wws_string action,
    wws_string id,
    const struct wwi_fields *fields);
/* All live as long as the notes. */
wws_string wwi_mux_notes_action(const struct wwi_mux_notes *notes);
wws_string wwi_mux_notes_id(const struct wwi_mux_notes *notes);
struct wwi_fields wwi_mux_notes_fields(const struct wwi_mux_notes *notes);

#endif
