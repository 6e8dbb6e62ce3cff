/* A number that threads add to and wait for. */
#ifndef LATCH_H
#define LATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

enum { HANG_SECONDS = 30 };

struct latch {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int value;
};

#define LATCH_INIT { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static inline void latch_add(struct latch *latch, int more)
{
    pthread_mutex_lock(&latch->lock);
    latch->value += more;
    pthread_cond_broadcast(&latch->changed);
    pthread_mutex_unlock(&latch->lock);
}

static inline int latch_value(struct latch *latch)
{
    int value;

    pthread_mutex_lock(&latch->lock);
    value = latch->value;
    pthread_mutex_unlock(&latch->lock);
    return value;
}

/* Whether it came to that, or beyond, before it counts as hanging. */
static inline bool latch_reaches(struct latch *latch, int value)
{
    struct timespec until;
    bool reached;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += HANG_SECONDS;
    pthread_mutex_lock(&latch->lock);
    while (latch->value < value)
        if (pthread_cond_timedwait(&latch->changed, &latch->lock, &until) != 0)
            break;
    reached = latch->value >= value;
    pthread_mutex_unlock(&latch->lock);
    return reached;
}

#endif
