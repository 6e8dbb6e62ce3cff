/* How calls are driven: one after the other, each timed, or on so many threads
 * as there are to be in flight.  Both warm up before they open the window. */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>

void drive_each(
    const struct job *job,
    struct sample *sample,
    void (*call)(void *state),
    void *state)
{
    uint64_t *ns = allocate(job->calls, sizeof *ns);
    struct window window;

    for (uint32_t i = 0; i < job->calls / 10 + 1; i++)
        call(state);

    window_open(&window, job);
    for (uint32_t i = 0; i < job->calls; i++) {
        uint64_t began = now_ns();

        call(state);
        ns[i] = now_ns() - began;
    }
    window_close(&window, job, sample);

    sample->value[P50_US] = percentile(ns, job->calls, 0.50);
    sample->value[P99_US] = percentile(ns, job->calls, 0.99);
    free(ns);
}

struct crowd {
    void (*call)(void *state);
    uint32_t calls;  /* of each thread */
    pthread_barrier_t warm;
    pthread_barrier_t go;
    pthread_barrier_t done;
};

struct one {
    struct crowd *crowd;
    void *state;
    pthread_t thread;
};

static void *crowd_run(void *argument)
{
    struct one *one = argument;
    struct crowd *crowd = one->crowd;

    crowd->call(one->state);
    pthread_barrier_wait(&crowd->warm);
    pthread_barrier_wait(&crowd->go);
    for (uint32_t i = 0; i < crowd->calls; i++)
        crowd->call(one->state);
    pthread_barrier_wait(&crowd->done);
    return NULL;
}

void drive_crowd(
    const struct job *job,
    struct sample *sample,
    void (*call)(void *state),
    void *const states[IN_FLIGHT])
{
    struct crowd crowd = {
        .call = call,
        .calls = job->calls / IN_FLIGHT + 1,
    };
    struct job all = *job;
    struct one ones[IN_FLIGHT];
    struct window window;

    all.calls = crowd.calls * IN_FLIGHT;
    pthread_barrier_init(&crowd.warm, NULL, IN_FLIGHT + 1);
    pthread_barrier_init(&crowd.go, NULL, IN_FLIGHT + 1);
    pthread_barrier_init(&crowd.done, NULL, IN_FLIGHT + 1);
    for (int i = 0; i < IN_FLIGHT; i++) {
        ones[i] = (struct one) { .crowd = &crowd, .state = states[i] };
        if (pthread_create(&ones[i].thread, NULL, crowd_run, &ones[i]) != 0)
            die("cannot start a thread");
    }
    pthread_barrier_wait(&crowd.warm);

    window_open(&window, &all);
    pthread_barrier_wait(&crowd.go);
    pthread_barrier_wait(&crowd.done);
    window_close(&window, &all, sample);

    for (int i = 0; i < IN_FLIGHT; i++)
        pthread_join(ones[i].thread, NULL);
    pthread_barrier_destroy(&crowd.warm);
    pthread_barrier_destroy(&crowd.go);
    pthread_barrier_destroy(&crowd.done);
}
