/* One message exchange of a client: the caller that waits, and the I/O.
 *
 * Words.  The *wait* is the caller's record, the *client* of the transport does
 * the I/O.  The I/O has one *owner* at any time: the thread that called, or the
 * loop.  Others never touch it; they *ask*.
 *
 * Rules.
 * - Whoever takes the wait ends it: the owner with the result, or anybody with
 *   a cancel, an abort, an abandon.
 * - Ending it with *stop* asks the owner to reset the connection; with *drain*
 *   to go on until the reply is in, or drain_timeout_ms is over.
 * - Asking is: say what, then look who owns, then wake him.  Handing over is:
 *   arm, name the new owner, then look whether somebody has asked.  So nothing
 *   asked is lost, and nobody acts on what is still being handed over.
 * - The I/O is over once, on its owner's thread.  When it is over and the
 *   caller has heard, the exchange is retired, once, and then freed.
 *
 * Life.  init; the owner object lists it; run; ended by somebody; over;
 * retired. */
#ifndef WWI_EXCHANGE_H
#define WWI_EXCHANGE_H

#include "core/io/wait.h"
#include "core/transport/transport.h"

enum wwi_ending {
    WWI_ENDING_STOP,
    WWI_ENDING_DRAIN,
};

struct wwi_exchange;

struct wwi_exchange_callbacks {
    /* By the owner of the I/O, when a step succeeded: true if the exchange is
     * not through, for this has begun the next part of it with the client.
     * Touches nothing of the caller's, who may have heard.  May be null. */
    bool (*go_on)(struct wwi_exchange *exchange);
    /* By the owner of the I/O, which has taken the wait, when a step gave a
     * final status: writes outputs and says what the caller gets.  Not called
     * if the wait was ended otherwise. */
    wws_status (*result)(struct wwi_exchange *exchange, wws_status status);
    /* By whoever has taken the wait, before the caller hears.  Must not block;
     * may be null. */
    void (*ended)(struct wwi_exchange *exchange);
    /* The I/O is over and the client is the owner object's again; whole if a
     * next exchange may use it.  Comes before the caller hears, if he waits. */
    void (*over)(struct wwi_exchange *exchange, bool whole);
    /* The caller has heard, and the I/O is over.  The exchange is freed after
     * that. */
    void (*retired)(struct wwi_exchange *exchange);
};

struct wwi_exchange {
    struct wwi_wait wait;
    struct wwi_link link; /* of the owner object */
    const struct wwi_exchange_callbacks *callbacks;
    struct wwi_client *client; /* the I/O owner's alone */
    struct wwi_loop *loop;
    struct wwi_track track;
    void (*destroy)(struct wwi_exchange *exchange);
    _Atomic uint32_t references;
    _Atomic uint32_t parts; /* heard, over */

    int64_t deadline;
    const char *deadline_text;
    bool deadline_drains;
    bool awaits_reply;      /* success brings one, or the beginning of it */
    bool through;           /* there is nothing to do with the client */
    uint32_t drain_timeout_ms;
    struct wwi_want want;

    _Atomic bool on_loop;   /* the owner */
    _Atomic bool drain;     /* asked: go on without the caller */
    _Atomic bool poked;     /* asked: step again */
    struct wwi_post post;
    struct wwi_timer timer;
};

/* Takes what hearing of the end needs.  The exchange is all zero but for what
 * the owner object put behind it. */
wws_status wwi_exchange_init(
    struct wwi_exchange *exchange,
    const struct wwi_exchange_callbacks *callbacks,
    void (*destroy)(struct wwi_exchange *exchange),
    struct wwi_runtime *runtime,
    const wws_completion *completion,
    struct wwi_error *error);
/* For one that cannot run: what the function that began it returns.  That is
 * the status, unless somebody who found it in a list has ended it already. */
wws_status wwi_exchange_refuse(
    struct wwi_exchange *exchange,
    wws_status status);

/* Drives the I/O of a client on which the exchange has begun: to the end, if
 * the caller waits, and then gives the final status; otherwise as far as it
 * goes, and the loop does the rest.  One that was ended before is over at
 * once. */
wws_status wwi_exchange_run(
    struct wwi_exchange *exchange,
    struct wwi_client *client);

/* From any thread that has a reference: ends the wait, if it has not ended, and
 * with stop ends the I/O in any case.  True if this ended the wait. */
bool wwi_exchange_end(
    struct wwi_exchange *exchange,
    enum wwi_ending ending,
    wws_status status,
    const char *text);

void wwi_exchange_ref(struct wwi_exchange *exchange);
void wwi_exchange_unref(struct wwi_exchange *exchange);

#endif
