/* Chances that a seed replays; each thread has its own. */
#ifndef DICE_H
#define DICE_H

#include <sched.h>
#include <stdint.h>
#include <time.h>

struct dice {
    uint64_t state; /* not 0 */
};

static inline uint32_t roll(struct dice *dice, uint32_t sides)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return (uint32_t) (dice->state >> 33) % sides;
}

/* Lets other threads come first, now and then: nothing waits for it. */
static inline void dawdle(struct dice *dice)
{
    static const struct timespec pause = { .tv_nsec = 50000 };
    uint32_t turns = roll(dice, 8);

    if (turns == 7)
        nanosleep(&pause, NULL);
    else if (turns > 3)
        sched_yield();
}

#endif
