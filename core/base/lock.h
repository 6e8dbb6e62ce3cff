/* Locks, and the one place where their order is written.
 *
 * A thread that holds a lock may take only locks further down this list; debug
 * builds stop at a wrong order.  Locks of one rank are never held together. */
#ifndef WWI_LOCK_H
#define WWI_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum wwi_rank {
    WWI_RANK_RUNTIME = 1,
    WWI_RANK_SERVICE_HOST,
    WWI_RANK_SERVICE_PROXY,
    WWI_RANK_LISTENER,
    WWI_RANK_CHANNEL,
    WWI_RANK_CALL,
    WWI_RANK_OPERATION,
    WWI_RANK_CONNECTION,
    WWI_RANK_MUX,
    WWI_RANK_QUEUE,
    WWI_RANK_POOL,
    WWI_RANK_LOOP,
    WWI_RANK_RESOLVE,
    WWI_RANK_TIMER,
    WWI_RANK_WAKE,
    WWI_RANK_TABLE,
    WWI_RANK_CLOCK,
    WWI_RANK_LOG,
};

struct wwi_lock {
    pthread_mutex_t mutex;
#ifdef WWS_DEBUG
    enum wwi_rank rank;
#endif
};

void wwi_lock_init(struct wwi_lock *lock, enum wwi_rank rank);
void wwi_lock_fini(struct wwi_lock *lock);
void wwi_lock_take(struct wwi_lock *lock);
void wwi_lock_give(struct wwi_lock *lock);

/* Whether this thread holds any lock; always false in release builds. */
bool wwi_lock_held(void);

#endif
