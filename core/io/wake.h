/* What a thread sleeps on: an eventfd from a stock that is never closed.
 *
 * A wake may always come for nothing - late, for an earlier user, or because
 * the clock was moved - so sleepers look at their own state after draining it.
 * That is what allows the one who wakes to do so after its last touch of the
 * sleeper's memory. */
#ifndef WWI_WAKE_H
#define WWI_WAKE_H

#include "core/base/clock.h"

struct wwi_wake {
    int fd;
    struct wwi_link link;
    struct wwi_sleeper sleeper;
};

/* Null when descriptors or memory are used up. */
struct wwi_wake *wwi_wake_take(void);
void wwi_wake_give(struct wwi_wake *wake);

void wwi_wake_signal(struct wwi_wake *wake);
void wwi_wake_drain(struct wwi_wake *wake);

#endif
