/* The peer of cancelling: a write to an eventfd, and a poll that returns. */
#include "bench.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int make(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        die("cannot make an eventfd");
    return fd;
}

static void nothing(void *state, uint32_t turn)
{
    (void) state;
    (void) turn;
}

static void sleep_on(void *state)
{
    struct pollfd ready = { .fd = *(int *) state, .events = POLLIN };
    eventfd_t value;

    if (poll(&ready, 1, -1) != 1 || eventfd_read(ready.fd, &value) != 0)
        die("cannot wait for an eventfd");
}

static void wake(void *state)
{
    if (eventfd_write(*(int *) state, 1) != 0)
        die("cannot write to an eventfd");
}

void eventfd_wake(const struct job *job, struct sample *sample)
{
    int fd = make();
    struct duel duel = {
        .state = &fd,
        .prepare = nothing,
        .sleep = sleep_on,
        .settle = nothing,
        .wake = wake,
    };

    duel_run(&duel, job->calls, sample);
    close(fd);
}

/* Nobody polls it. */
void eventfd_write_only(const struct job *job, struct sample *sample)
{
    uint64_t *ns = allocate(job->calls, sizeof *ns);
    int fd = make();

    for (uint32_t i = 0; i < job->calls; i++) {
        uint64_t began = now_ns();

        wake(&fd);
        ns[i] = now_ns() - began;
    }
    sample->value[CANCEL_P50_US] = percentile(ns, job->calls, 0.50);
    sample->value[CANCEL_P99_US] = percentile(ns, job->calls, 0.99);
    close(fd);
    free(ns);
}
