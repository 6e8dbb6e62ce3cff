/* A wheel of timers: setting and cancelling are O(1) whatever their number.
 *
 * The wheel has no lock and no clock of its own; its user gives it both. */
#ifndef WWI_TIMER_H
#define WWI_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"

struct wwi_timer {
    struct wwi_link link;
    int64_t deadline;
    void (*expired)(struct wwi_timer *timer);
    int slot; /* the wheel's: which slot it is in, negative when collected */
};

enum {
    WWI_TIMER_LEVELS = 6,
    WWI_TIMER_SLOTS = 64,
};

struct wwi_timer_wheel {
    int64_t now; /* all timers up to here have been collected */
    uint64_t count;
    uint64_t occupied[WWI_TIMER_LEVELS]; /* a bit for each slot */
    struct wwi_list slots[WWI_TIMER_LEVELS][WWI_TIMER_SLOTS];
};

void wwi_timer_wheel_init(struct wwi_timer_wheel *wheel, int64_t now);

/* A timer that is set already is moved.  One whose deadline has passed is due
 * at the next collection. */
void wwi_timer_set(
    struct wwi_timer_wheel *wheel,
    struct wwi_timer *timer,
    int64_t deadline);
/* Whether it was set.  One that was collected leaves the list it is in. */
bool wwi_timer_cancel(struct wwi_timer_wheel *wheel, struct wwi_timer *timer);

/* When to collect next at the latest; WWI_NEVER when no timer is set.  May be
 * earlier than the first deadline, never later. */
int64_t wwi_timer_next(const struct wwi_timer_wheel *wheel);

/* Moves all that are due to the list, in no special order. */
void wwi_timer_collect(
    struct wwi_timer_wheel *wheel,
    int64_t now,
    struct wwi_list *due);

#endif
