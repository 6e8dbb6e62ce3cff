/* Monotonic time in milliseconds, which tests can move by hand.
 *
 * A deadline is a time of this clock; WWI_NEVER is one that never comes.  While
 * the clock is held, real time does not count: who sleeps until a deadline
 * sleeps until it is woken, and moving the clock wakes all who registered. */
#ifndef WWI_CLOCK_H
#define WWI_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "wws/base.h"

#define WWI_NEVER INT64_MAX

/* Someone to be woken when the clock is moved. */
struct wwi_sleeper {
    struct wwi_link link;
    void (*wake)(struct wwi_sleeper *sleeper);
};

int64_t wwi_clock_now(void);
/* WWS_INFINITE and what would overflow give WWI_NEVER. */
int64_t wwi_clock_after(uint32_t milliseconds);
/* What to give to poll or epoll_wait so as to sleep until then: -1 for ever,
 * also while the clock is held. */
int wwi_clock_timeout(int64_t deadline);

void wwi_clock_add_sleeper(struct wwi_sleeper *sleeper);
void wwi_clock_remove_sleeper(struct wwi_sleeper *sleeper);

/* For tests: stops time, moves it, lets it run again. */
void wwi_clock_hold(void);
void wwi_clock_move(uint32_t milliseconds);
void wwi_clock_release(void);
/* Wall clock time for texts such as Date, in seconds. */
int64_t wwi_clock_wall(void);

#endif
