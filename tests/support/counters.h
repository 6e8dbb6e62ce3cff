/* What the threads of a unit test count, and how a test waits for it.  One lock
 * guards all of it. */
#ifndef TESTS_COUNTERS_H
#define TESTS_COUNTERS_H

#include <semaphore.h>
#include <stdbool.h>

/* So long a test waits for what has to come. */
enum { PATIENCE_S = 20 };

void lock_it(void);
/* Tells those who wait, too. */
void unlock_it(void);
/* With the lock, which it gives away meanwhile: tells the others, and waits
 * until one of them has unlocked. */
void await_change(void);
/* Whether the counter comes to that in time. */
bool reaches(const int *counter, int value);
/* Likewise; a test that waits in vain fails. */
void wait_for(const int *counter, int value);
int value_of(const int *counter);
/* Likewise for a semaphore. */
void wait_for_post(sem_t *sem);

#endif
