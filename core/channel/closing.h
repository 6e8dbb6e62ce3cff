/* A close that is pending: somebody waits until an object has nothing left to
 * do.  The object decides when that is, and what happens at the deadline. */
#ifndef WWI_CLOSING_H
#define WWI_CLOSING_H

#include "core/io/wait.h"

struct wwi_closing {
    struct wwi_wait wait;
    struct wwi_object *object; /* with a reference */
    struct wwi_loop *loop;
    struct wwi_timer timer;
    int64_t deadline;
    /* The deadline has come; the close goes on. */
    void (*expired)(struct wwi_object *object);
    _Atomic uint32_t references;
};

/* Null, with *status saying why, when the caller could not be told of the
 * end. */
struct wwi_closing *wwi_closing_new(
    struct wwi_object *object,
    struct wwi_runtime *runtime,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status);
/* Of one that was not started. */
void wwi_closing_discard(struct wwi_closing *closing);

/* With the object's lock, together with what makes it close: the deadline may
 * have come before the lock is given.  WWI_NEVER: none, and nothing expires. */
void wwi_closing_start_locked(
    struct wwi_closing *closing,
    int64_t deadline,
    void (*expired)(struct wwi_object *object));
/* By the thread that closes, when all is set in motion: the final status, or
 * WWS_S_ASYNC, and then the closing may be gone already. */
wws_status wwi_closing_wait(
    struct wwi_closing *closing,
    const wws_completion *completion);
/* The same without one, when there was no memory for it: the object closes all
 * the same, and a thread that waits looks again and again. */
wws_status wwi_closing_poll(
    struct wwi_object *object,
    bool (*is_closing)(struct wwi_object *object),
    const wws_completion *completion);
/* By the object, once: nothing is left to do. */
void wwi_closing_end(struct wwi_closing *closing, wws_status status);

#endif
