/* Threads that run callbacks.
 *
 * There are two kinds of work: *urgent* - completions and cancellations - and
 * *long* - operations of services.  The pool grows while all its threads are
 * busy, up to a cap; one thread more is kept for urgent work, so that a
 * completion is delivered though every other thread is blocked in an
 * operation.  Urgent work that moves gets a few threads, however much there is,
 * and more only when it does not.  Threads with nothing to do for a while end. */
#ifndef WWI_POOL_H
#define WWI_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/io/work.h"
#include "wws/types.h"

struct wwi_pool;

/* Null when not even the first threads can be made.  The callbacks, which may
 * be null, belong to the runtime and outlive the pool. */
struct wwi_pool *wwi_pool_create(
    uint32_t max_threads,
    const wws_thread_callbacks *callbacks);

void wwi_pool_urgent(struct wwi_pool *pool, struct wwi_work *work);
void wwi_pool_long(struct wwi_pool *pool, struct wwi_work *work);

uint32_t wwi_pool_threads(struct wwi_pool *pool);
uint64_t wwi_pool_handed_over(struct wwi_pool *pool);
/* Whether the calling thread is one of the pool's. */
bool wwi_pool_current(const struct wwi_pool *pool);

/* Runs what is there, then ends the threads; false if some still run at the
 * deadline.  What is submitted later runs where it is submitted. */
bool wwi_pool_close(struct wwi_pool *pool, int64_t deadline);
/* After it has been closed. */
void wwi_pool_free(struct wwi_pool *pool);

#endif
