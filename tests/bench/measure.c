/* Clocks, percentiles and the window in which a sample counts.  A window is
 * opened after the warm-up, so that what starts a process is not in it. */
#include "bench.h"

#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

noreturn void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("wws-bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _exit(1);
}

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        die("out of memory");
    return memory;
}

uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

void pause_us(long us)
{
    nanosleep(&(struct timespec) { .tv_nsec = us * 1000 }, NULL);
}

/* Keeps the process on one processor; threads made later inherit it. */
void pin(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        die("cannot read the processors");
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            CPU_ZERO(&set);
            CPU_SET(cpu, &set);
            break;
        }
    }
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        die("cannot stay on one processor");
}

static int by_ns(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *) left;
    uint64_t b = *(const uint64_t *) right;

    return (a > b) - (a < b);
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *) left;
    double b = *(const double *) right;

    return (a > b) - (a < b);
}

/* In microseconds.  Sorts the times. */
double percentile(uint64_t *ns, size_t count, double part)
{
    size_t index = (size_t) (part * (double) count);

    qsort(ns, count, sizeof *ns, by_ns);
    return (double) ns[index < count ? index : count - 1] / 1000;
}

/* Of those that are there; NAN if none is.  Sorts the values. */
double median(double *values, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i]))
            values[kept++] = values[i];
    }
    if (kept == 0)
        return NAN;
    qsort(values, kept, sizeof *values, by_value);
    if (kept % 2 == 1)
        return values[kept / 2];
    return (values[kept / 2 - 1] + values[kept / 2]) / 2;
}

static uint64_t counter(wws_counter which)
{
    uint64_t value = 0;

    if (wws_runtime_get_counter((wws_runtime) { 0 }, which, &value,
                                (wws_error) { 0 }) != WWS_S_OK)
        die("cannot read a counter");
    return value;
}

static uint64_t time_ns(const struct timeval *t)
{
    return (uint64_t) t->tv_sec * 1000000000 + (uint64_t) t->tv_usec * 1000;
}

/* The counters are read only in a process that has the library at work: they
 * would start its threads in one that does not. */
void usage_read(struct usage *usage, bool ours)
{
    struct rusage used;

    *usage = (struct usage) { 0 };
    getrusage(RUSAGE_SELF, &used);
    usage->cpu_ns = time_ns(&used.ru_utime) + time_ns(&used.ru_stime);
    if (ours) {
        usage->hand_overs = counter(WWS_COUNTER_HAND_OVERS);
        usage->allocations = counter(WWS_COUNTER_ALLOCATIONS);
    }
}

void window_open(struct window *window, const struct job *job)
{
    server_usage(job, &window->server);
    usage_read(&window->client, job->ours);
    window->began_ns = now_ns();
}

void window_close(
    const struct window *window,
    const struct job *job,
    struct sample *sample)
{
    double *value = sample->value;
    double calls = job->calls;
    uint64_t ended_ns = now_ns();
    struct usage client, server;

    usage_read(&client, job->ours);
    server_usage(job, &server);
    value[CALLS_PER_S] = calls * 1e9 / (double) (ended_ns - window->began_ns);
    value[CLIENT_CPU_US] =
        (double) (client.cpu_ns - window->client.cpu_ns) / 1e3 / calls;
    value[SERVER_CPU_US] =
        (double) (server.cpu_ns - window->server.cpu_ns) / 1e3 / calls;
    value[BOTH_CPU_US] = value[CLIENT_CPU_US] + value[SERVER_CPU_US];
    if (!job->ours)
        return;
    value[CLIENT_HAND_OVERS] =
        (double) (client.hand_overs - window->client.hand_overs) / calls;
    value[SERVER_HAND_OVERS] =
        (double) (server.hand_overs - window->server.hand_overs) / calls;
    value[CLIENT_ALLOCATIONS] =
        (double) (client.allocations - window->client.allocations) / calls;
    value[SERVER_ALLOCATIONS] =
        (double) (server.allocations - window->server.allocations) / calls;
}
