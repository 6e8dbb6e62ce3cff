/* What races are made of: threads with dice of their own, which share a number
 * of steps.  Each test says what a `struct race` is.
 *
 * WWS_RACES and WWS_SEED are as in test_races.c, with a tenth of the number. */
#ifndef RACE_H
#define RACE_H

#include "tests/support/public/dice.h"
#include "tests/support/public/talk.h"

#include <stdatomic.h>
#include <time.h>

struct race;

struct runner {
    struct race *race;
    struct dice dice;
    pthread_t thread;
};

static const wws_error no_error;

static inline void run(
    struct runner *runner,
    struct race *race,
    uint64_t seed,
    void *(*body)(void *state))
{
    runner->race = race;
    runner->dice.state = seed * 0x9E3779B97F4A7C15u | 1;
    for (int i = 0; i < 16; i++)
        (void) roll(&runner->dice, 2);
    must(pthread_create(&runner->thread, NULL, body, runner) == 0);
}

/* Whether there was one left to take. */
static inline bool take_one(_Atomic unsigned *steps)
{
    unsigned left = atomic_load(steps);

    do {
        if (left == 0)
            return false;
    } while (!atomic_compare_exchange_weak(steps, &left, left - 1));
    return true;
}

/* Races of so many steps, each of a seed of its own. */
static inline void run_races(
    uint64_t steps,
    size_t size,
    void (*race_once)(struct race *race, uint64_t seed))
{
    uint64_t all = setting("WWS_RACES", 20000) / 10;
    uint64_t seed = setting("WWS_SEED", (uint64_t) time(NULL));
    struct race *race = malloc(size);

    must(race != NULL);
    print_message("WWS_SEED=%llu\n", (unsigned long long) seed);
    for (uint64_t done = 0; done < all; done += steps, seed++)
        race_once(race, seed);
    free(race);
}

#endif
