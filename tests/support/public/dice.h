/* Chances that a seed replays; each thread has its own. */
#ifndef DICE_H
#define DICE_H

#include <sched.h>
#include <stdint.h>

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
    uint32_t turns = roll(dice, 8);

    turns = turns == 7 ? 32 : turns > 3;
    while (turns-- > 0)
        sched_yield();
}

#endif
