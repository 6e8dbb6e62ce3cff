/* One unfinished thing, and the rule that it ends exactly once.
 *
 * Words.  A pending *runs* from its start; a thread that waits for it itself
 * *sleeps* in between; whoever *takes* it - by winning the compare-and-swap on
 * its state - is the only one to *finish* it.  Everybody may try to take it at
 * any time: the one with the result, a cancel, an abort, a deadline.
 *
 * Rules.  Lists find pendings, they never decide.  Only the taker writes the
 * outcome.  After finishing, the taker touches nothing of it any more.  One
 * that was taken before its start never starts. */
#ifndef WWI_PENDING_H
#define WWI_PENDING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/base/error.h"
#include "core/io/wake.h"

enum wwi_pending_state {
    WWI_PENDING_IDLE,
    WWI_PENDING_RUNNING,
    WWI_PENDING_SLEEPING,
    WWI_PENDING_TAKEN,
    WWI_PENDING_DONE,
    WWI_PENDING_STATES,
};

struct wwi_pending {
    _Atomic uint32_t state;
    /* Of the thread that waits for it; null when nobody does. */
    struct wwi_wake *wake;
    /* Runs in finish instead of waking a thread; null when one waits. */
    void (*deliver)(struct wwi_pending *pending);
    /* Belong to the taker until finished, then to who hears of it. */
    struct wwi_outcome outcome;
    bool slept;
};

/* Exactly one of wake and deliver. */
void wwi_pending_init(
    struct wwi_pending *pending,
    struct wwi_wake *wake,
    void (*deliver)(struct wwi_pending *pending));

/* False if it was taken before. */
bool wwi_pending_start(struct wwi_pending *pending);
/* True for exactly one of all who ask. */
bool wwi_pending_take(struct wwi_pending *pending);
/* By the taker, once. */
void wwi_pending_finish(
    struct wwi_pending *pending,
    const struct wwi_outcome *outcome);
bool wwi_pending_taken(const struct wwi_pending *pending);

enum wwi_woken {
    WWI_WOKEN_READY,   /* descriptor ready, or no reason at all */
    WWI_WOKEN_EXPIRED, /* the deadline has come */
    WWI_WOKEN_ENDED,   /* somebody else took it, and has finished it */
};

/* Sleeps until the descriptor (-1: none) is ready for the events, the deadline
 * comes, or somebody takes the pending. */
enum wwi_woken wwi_pending_sleep(
    struct wwi_pending *pending,
    int fd,
    short events,
    int64_t deadline);

/* By the thread that waits, after losing: returns when the taker is through. */
void wwi_pending_settle(struct wwi_pending *pending);

#endif
