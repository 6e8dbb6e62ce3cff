/* Counters that are waited for: every change wakes all, for few ever wait. */
#include "tests/support/counters.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void lock_it(void)
{
    pthread_mutex_lock(&lock);
}

void unlock_it(void)
{
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void await_change(void)
{
    pthread_cond_broadcast(&changed);
    pthread_cond_wait(&changed, &lock);
}

static struct timespec out_of_patience(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    return until;
}

bool reaches(const int *counter, int value)
{
    struct timespec until = out_of_patience();
    bool in_time = true, there;

    pthread_mutex_lock(&lock);
    while (*counter < value && in_time)
        in_time = pthread_cond_timedwait(&changed, &lock, &until) == 0;
    there = *counter >= value;
    pthread_mutex_unlock(&lock);
    return there;
}

void wait_for(const int *counter, int value)
{
    if (!reaches(counter, value))
        fail_msg("waited in vain: %d of %d", value_of(counter), value);
}

int value_of(const int *counter)
{
    int value;

    pthread_mutex_lock(&lock);
    value = *counter;
    pthread_mutex_unlock(&lock);
    return value;
}

void wait_for_post(sem_t *sem)
{
    struct timespec until = out_of_patience();

    assert_int_equal(sem_timedwait(sem, &until), 0);
}
