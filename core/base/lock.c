/* Mutexes whose order debug builds check: each thread keeps a bit per rank it
 * holds, so a wrong order is found the first time it is tried, not the first
 * time it deadlocks. */
#include "core/base/lock.h"

#include "core/base/log.h"

#ifdef WWS_DEBUG
static _Thread_local uint32_t held;

static void check_order(enum wwi_rank rank)
{
    if ((held >> rank) != 0)
        wwi_bug("lock of rank %d taken while holding %#x", (int) rank, held);
    held |= 1u << rank;
}
#endif

void wwi_lock_init(struct wwi_lock *lock, enum wwi_rank rank)
{
    pthread_mutex_init(&lock->mutex, NULL);
#ifdef WWS_DEBUG
    lock->rank = rank;
#else
    (void) rank;
#endif
}

void wwi_lock_fini(struct wwi_lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}

void wwi_lock_take(struct wwi_lock *lock)
{
#ifdef WWS_DEBUG
    check_order(lock->rank);
#endif
    pthread_mutex_lock(&lock->mutex);
}

void wwi_lock_give(struct wwi_lock *lock)
{
#ifdef WWS_DEBUG
    held &= ~(1u << lock->rank);
#endif
    /* The last touch: whoever takes it next may free it. */
    pthread_mutex_unlock(&lock->mutex);
}

bool wwi_lock_held(void)
{
#ifdef WWS_DEBUG
    return held != 0;
#else
    return false;
#endif
}
