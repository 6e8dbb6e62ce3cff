/* Threads of the library: all signals blocked, and told to the application. */
#ifndef WWI_THREAD_H
#define WWI_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "wws/types.h"

/* False when the system gives no more threads. */
bool wwi_thread_start(pthread_t *thread, void *(*run)(void *), void *state);
/* What a deadline is by a clock of the system's, to wait until. */
struct timespec wwi_thread_until(clockid_t clock, int64_t deadline);
/* Waits for the end of a thread until the deadline, in real time. */
bool wwi_thread_join(pthread_t thread, int64_t deadline);

void wwi_thread_started(const wws_thread_callbacks *callbacks);
void wwi_thread_stopped(const wws_thread_callbacks *callbacks);

#endif
