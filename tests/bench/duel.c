/* One thread sleeps, this one wakes it: how long until it is back, and what
 * waking costs.  The pause before each turn lets the sleeper fall asleep; it
 * is in no figure. */
#include "bench.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

enum { ASLEEP_US = 100 };

struct sleeper {
    const struct duel *duel;
    uint32_t turns;
    sem_t go;
    sem_t back;
    uint64_t back_ns;  /* handed over by the semaphore */
};

static void *sleeper_run(void *argument)
{
    struct sleeper *sleeper = argument;

    for (uint32_t i = 0; i < sleeper->turns; i++) {
        sem_wait(&sleeper->go);
        sleeper->duel->sleep(sleeper->duel->state);
        sleeper->back_ns = now_ns();
        sem_post(&sleeper->back);
    }
    return NULL;
}

static void take_turn(
    struct sleeper *sleeper,
    uint32_t turn,
    uint64_t *latency_ns,
    uint64_t *cost_ns)
{
    const struct duel *duel = sleeper->duel;
    uint64_t began, ended;

    duel->prepare(duel->state, turn);
    sem_post(&sleeper->go);
    duel->settle(duel->state, turn);
    pause_us(ASLEEP_US);

    began = now_ns();
    duel->wake(duel->state);
    ended = now_ns();
    sem_wait(&sleeper->back);
    *cost_ns = ended - began;
    *latency_ns = sleeper->back_ns - began;
}

void duel_run(const struct duel *duel, uint32_t turns, struct sample *sample)
{
    uint64_t *latency_ns = allocate(turns, sizeof *latency_ns);
    uint64_t *cost_ns = allocate(turns, sizeof *cost_ns);
    struct sleeper sleeper = { .duel = duel, .turns = turns };
    pthread_t thread;

    sem_init(&sleeper.go, 0, 0);
    sem_init(&sleeper.back, 0, 0);
    if (pthread_create(&thread, NULL, sleeper_run, &sleeper) != 0)
        die("cannot start a thread");
    for (uint32_t i = 0; i < turns; i++)
        take_turn(&sleeper, i, &latency_ns[i], &cost_ns[i]);
    pthread_join(thread, NULL);

    sample->value[P50_US] = percentile(latency_ns, turns, 0.50);
    sample->value[P99_US] = percentile(latency_ns, turns, 0.99);
    sample->value[CANCEL_P50_US] = percentile(cost_ns, turns, 0.50);
    sample->value[CANCEL_P99_US] = percentile(cost_ns, turns, 0.99);
    sem_destroy(&sleeper.go);
    sem_destroy(&sleeper.back);
    free(latency_ns);
    free(cost_ns);
}
