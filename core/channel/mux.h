/* Lets many exchanges share one session.
 *
 * The mux holds a session and gives out clients of it (transport.h), each of
 * which does one exchange at a time and is driven like any other: by the
 * thread that waits, or by the loop.  A client that sends a request and wants
 * its reply is *waiting*: the reply is the message that relates to the request.
 * A client that only receives gets the messages that nobody waits for, in
 * order.
 *
 * Rules.
 * - A client that is stopped before the first octet of its message was given
 *   to the system takes the message back.  Afterwards the message is sent to
 *   its end, from memory of the mux, and a reply that comes is one that nobody
 *   waits for.
 * - What nobody waits for and nobody may receive is dropped and counted.
 * - A message that was received and not taken goes back: nothing is lost to a
 *   client that stops, but the rest of a message that it has had pieces of.
 * - An opening that is stopped, and a message that is left unfinished, abort
 *   the session.
 * - When the session fails, all that is under way fails as it did.  A message
 *   that is too large, or for which there is no memory, makes it fail; so does
 *   one that cannot be read so far, where messages can be replies only.
 *
 * Life.  A mux is held by its owner, or several, and by each client.  close()
 * ends the session and never waits; when all have let go of a mux that was not
 * closed, its session is freed as it is. */
#ifndef WWI_MUX_H
#define WWI_MUX_H

#include "core/transport/session.h"

struct wwi_mux;

struct wwi_mux_options {
    uint32_t max_message_size;    /* of what is put together of pieces */
    bool receives;                /* messages that nobody waits for are kept,
                                     and reading pauses, until a client
                                     receives them; else they are dropped, and
                                     the mux always reads */
    bool correlates;              /* false: a reply is the next message */
    wws_envelope_version version;
    wws_addressing_version addressing;
};

/* Takes the session over; on failure it is the caller's still.  One that was
 * accepted is open already. */
wws_status wwi_mux_create(
    struct wwi_session *session,
    bool open,
    const struct wwi_mux_options *options,
    struct wwi_mux **mux,
    struct wwi_error *error);
void wwi_mux_ref(struct wwi_mux *mux);
void wwi_mux_unref(struct wwi_mux *mux);

/* A client of the mux, with a reference to it, and without limits of time until
 * client_set_times() sets them.  Exchanges begin by client_begin() with an
 * envelope; by client_begin() with a null outgoing, which opens the session, as
 * the first message does if nothing did before; or by client_receive(), which
 * brings WWS_S_END when the peer has ended.  Streamed messages are sent by
 * client_begin() with `more` and then client_write(), and received piece by
 * piece if `pieces`, put together otherwise.  A reply to a streamed request is
 * asked for by client_begin() and comes with the last write. */
wws_status wwi_mux_client(
    struct wwi_mux *mux,
    bool pieces,
    struct wwi_client **client,
    struct wwi_error *error);
/* The table of these clients. */
extern const struct wwi_transport wwi_mux_clients;

/* None of these waits; any thread.  shutdown: no message follows those that
 * clients have begun to send.  abort: all that is under way fails with
 * WWS_E_OPERATION_ABORTED. */
void wwi_mux_shutdown(struct wwi_mux *mux);
void wwi_mux_abort(struct wwi_mux *mux);
/* Once, with a reference, which is given back: shuts the session down, if that
 * can still be done, waits for the peer to do the same until the deadline, and
 * frees it; at once if it is over or was never opened.  Meanwhile replies still
 * find their clients, and all else that comes is dropped.  `closed` runs on the
 * loop, with no lock held: with WWS_E_OPERATION_TIMED_OUT when the deadline
 * came first, otherwise done or how the session failed. */
void wwi_mux_close(
    struct wwi_mux *mux,
    int64_t deadline,
    void (*closed)(void *user, wws_status status),
    void *user);

/* The session is over: not opened, lost, broken, or aborted. */
bool wwi_mux_failed(struct wwi_mux *mux);
/* The peer sends no more, or the session is over. */
bool wwi_mux_ended(struct wwi_mux *mux);
/* Its addresses are constant once it is open. */
const struct wwi_session *wwi_mux_session(const struct wwi_mux *mux);
/* The mux that has the session. */
struct wwi_mux *wwi_mux_of(struct wwi_session *session);

#endif
