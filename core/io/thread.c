/* Threads of the library. */
#include "core/io/thread.h"

#include <signal.h>

#include "core/base/clock.h"

bool wwi_thread_start(pthread_t *thread, void *(*run)(void *), void *state)
{
    sigset_t all, before;
    int result;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(thread, NULL, run, state);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result == 0;
}

struct timespec wwi_thread_until(clockid_t clock, int64_t deadline)
{
    int64_t left = deadline - wwi_clock_now();
    struct timespec until;

    clock_gettime(clock, &until);
    if (left <= 0)
        return until;
    if (left > INT32_MAX)
        left = INT32_MAX;
    until.tv_sec += (time_t) (left / 1000);
    until.tv_nsec += (long) (left % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

bool wwi_thread_join(pthread_t thread, int64_t deadline)
{
    struct timespec until;

    if (deadline == WWI_NEVER)
        return pthread_join(thread, NULL) == 0;
    until = wwi_thread_until(CLOCK_REALTIME, deadline);
    return pthread_timedjoin_np(thread, NULL, &until) == 0;
}

void wwi_thread_started(const wws_thread_callbacks *callbacks)
{
    if (callbacks != NULL && callbacks->started != NULL)
        callbacks->started(callbacks->state);
}

void wwi_thread_stopped(const wws_thread_callbacks *callbacks)
{
    if (callbacks != NULL && callbacks->stopped != NULL)
        callbacks->stopped(callbacks->state);
}
