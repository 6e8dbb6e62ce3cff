/* A caller that waits: how it hears of the end of one pending, whichever way it
 * chose - by returning, by a callback, or through a queue.
 *
 * Life.  init takes what hearing needs, so that nothing can fail later.  The
 * taker of the pending writes outputs, then finishes.  Then, once each and in
 * this order: the caller hears; `delivered` runs, and nothing of the caller's
 * is touched any more; `release` runs, and the memory may go.  With a queue,
 * delivered means added to it, and release comes when the event was fetched. */
#ifndef WWI_WAIT_H
#define WWI_WAIT_H

#include "core/io/engine.h"
#include "core/io/pending.h"
#include "core/io/queue.h"

struct wwi_wait {
    struct wwi_pending pending;
    struct wwi_runtime *runtime;
    struct wwi_error *error;
    struct wwi_error *own_error;
    wws_completion completion;
    struct wwi_queue *queue;
    bool counted; /* the runtime's end waits for it */
    bool awake;   /* the thread that waited has its result */
    bool has_error; /* error->pending is ours */
    /* The object whose close waits for the callback; see wwi_inside(). */
    const void *owner;
    struct wwi_work work;
    struct wwi_queue_entry entry;
    void (*delivered)(struct wwi_wait *wait);
    void (*release)(struct wwi_wait *wait);
};

/* A null completion: the calling thread waits, by wwi_wait_block() or
 * wwi_pending_sleep(), then calls wwi_wait_result(). */
wws_status wwi_wait_init(
    struct wwi_wait *wait,
    struct wwi_runtime *runtime,
    const wws_completion *completion,
    struct wwi_error *error);
/* Whether init would take it, and the runtime is not closed; for a function
 * that may be asked to be asynchronous but never waits. */
wws_status wwi_wait_check(
    struct wwi_runtime *runtime,
    const wws_completion *completion,
    struct wwi_error *error);
/* The completion that such a call is heard of through: null when the runtime's
 * threads are gone, of which one would have to call back.  Nothing is pending
 * then, so that it ends before it returns. */
const wws_completion *wwi_wait_completion(
    struct wwi_runtime *runtime,
    const wws_completion *completion);

/* Gives back what init took, when the wait has ended or was never started. */
void wwi_wait_fini(struct wwi_wait *wait);
bool wwi_wait_asynchronous(const struct wwi_wait *wait);

/* Where the taker may put strings before it finishes; null if nobody would
 * read them. */
struct wwi_error *wwi_wait_error(struct wwi_wait *wait);
/* Finishes a pending that the calling thread has taken. */
void wwi_wait_finish(struct wwi_wait *wait, const struct wwi_outcome *outcome);
/* Takes and finishes; false if somebody else had. */
bool wwi_wait_end(
    struct wwi_wait *wait,
    wws_status status,
    wws_phase phase,
    const char *text);

/* For a thread that waits without I/O of its own: until the pending ends or
 * the deadline comes.  False if that came first. */
bool wwi_wait_block(struct wwi_wait *wait, int64_t deadline);
/* The status, after reporting the outcome to the caller's error object; also
 * calls delivered and release. */
wws_status wwi_wait_result(struct wwi_wait *wait);

/* Whether the calling thread is inside a callback that this object's close
 * waits for. */
bool wwi_inside(const void *owner);
struct wwi_frame {
    const void *owner;
    struct wwi_frame *outer;
};
void wwi_enter_callback(struct wwi_frame *frame, const void *owner);
void wwi_leave_callback(struct wwi_frame *frame);

#endif
