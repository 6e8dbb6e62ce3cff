/* Very many calls that are pending at once: what each costs, and what it costs
 * to end one of them or all, while other calls go on.  Three crowds are made
 * one after the other: of the first, which hears through a queue, some are
 * cancelled, some abandoned and then the rest; the second, which is called
 * back, has its proxy aborted, and the third its host. */
#include "wws_client.h"

#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { SAMPLES = 500, PAUSE_US = 1000, MOST_LATENCIES = 30000 };

struct crowd {
    const struct job *job;
    struct client client;
    uint32_t count;
    wws_queue queue;  /* zero: they are called back */
    atomic_uint_least32_t heard;
    wws_call calls[SAMPLES];  /* of the first */
    wws_buffer *replies;
};

/* Another proxy's calls, timed while they are watched. */
struct watch {
    const struct job *job;
    pthread_t thread;
    atomic_bool watching;
    atomic_bool enough;
    pthread_mutex_t lock;  /* while a call runs */
    uint64_t *ns;
    uint32_t count;
    uint64_t threads;  /* the most that there were */
};

static uint64_t threads_now(void)
{
    uint64_t value = 0;

    client_check(wws_runtime_get_counter((wws_runtime) { 0 },
                                         WWS_COUNTER_THREADS, &value,
                                         (wws_error) { 0 }),
                 "read a counter");
    return value;
}

static void *watch_calls(void *state)
{
    struct watch *watch = state;
    struct client client = client_open(watch->job->bench,
                                       watch->job->where->address[SHORT]);

    while (!atomic_load(&watch->enough)) {
        bool watching;
        uint64_t began = now_ns(), threads;
        wws_buffer reply = { 0 };
        wws_status status;

        pthread_mutex_lock(&watch->lock);
        watching = atomic_load(&watch->watching);
        status = wws_service_proxy_call(
            client.proxy, client.action, client.body, NULL, NULL, &reply,
            NULL, (wws_error) { 0 });

        client_check_reply(&client, status, &reply);
        if (watching && watch->count < MOST_LATENCIES)
            watch->ns[watch->count++] = now_ns() - began;
        pthread_mutex_unlock(&watch->lock);
        threads = threads_now();
        if (threads > watch->threads)
            watch->threads = threads;
        pause_us(PAUSE_US);
    }
    wws_service_proxy_free(client.proxy);
    return NULL;
}

static void watch_begin(struct watch *watch, const struct job *job)
{
    *watch = (struct watch) { .job = job };
    pthread_mutex_init(&watch->lock, NULL);
    watch->ns = allocate(MOST_LATENCIES, sizeof *watch->ns);
    if (pthread_create(&watch->thread, NULL, watch_calls, watch) != 0)
        die("cannot start a thread");
}

/* The 99th percentile of what was seen since it looked. */
static double look_away(struct watch *watch)
{
    double us = NAN;

    atomic_store(&watch->watching, false);
    pthread_mutex_lock(&watch->lock);
    if (watch->count != 0)
        us = percentile(watch->ns, watch->count, 0.99);
    watch->count = 0;
    pthread_mutex_unlock(&watch->lock);
    return us;
}

static void watch_end(struct watch *watch, struct sample *sample)
{
    atomic_store(&watch->enough, true);
    pthread_join(watch->thread, NULL);
    pthread_mutex_destroy(&watch->lock);
    sample->value[CLIENT_THREADS] = (double) watch->threads;
    free(watch->ns);
}

static void heard(wws_status status, void *state)
{
    struct crowd *crowd = state;

    if (status == WWS_S_OK)
        die("a call that is held was answered");
    atomic_fetch_add(&crowd->heard, 1);
}

static uint64_t held_now(const struct job *job)
{
    struct usage usage;

    server_usage(job, &usage);
    return usage.held;
}

static void await_held(const struct job *job, uint64_t count)
{
    while (held_now(job) < count)
        pause_us(PAUSE_US);
}

/* The first have a handle, the next a group of their own. */
static void begin(struct crowd *crowd, uint32_t i)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_call_options options = WWS_CALL_OPTIONS_INIT;
    wws_status status;

    completion.state = crowd;
    completion.queue = crowd->queue;
    completion.completed = crowd->queue.id == 0 ? heard : NULL;
    options.call_id = i;
    options.timeout_ms = WWS_INFINITE;
    status = wws_service_proxy_call(
        crowd->client.proxy, crowd->client.action, crowd->client.body,
        &options, i < SAMPLES ? &crowd->calls[i] : NULL, &crowd->replies[i],
        &completion, (wws_error) { 0 });
    if (status != WWS_S_ASYNC)
        die("a call of many ended with %s", wws_status_name(status));
}

static uint64_t memory_now(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void crowd_begin(
    struct crowd *crowd,
    const struct job *job,
    wws_queue queue)
{
    uint64_t before = held_now(job);

    memset(crowd, 0, sizeof *crowd);
    crowd->queue = queue;
    crowd->job = job;
    crowd->count = job->bench->in_flight;
    crowd->client = client_open(job->bench, job->address);
    crowd->replies = allocate(crowd->count, sizeof *crowd->replies);
    for (uint32_t i = 0; i < crowd->count; i++)
        begin(crowd, i);
    await_held(job, before + crowd->count);
}

static void fetch(struct crowd *crowd)
{
    wws_event events[64];
    uint32_t n = 0;

    events[0] = (wws_event) WWS_EVENT_INIT;
    client_check(wws_queue_next(crowd->queue, 64, events, &n,
                                (wws_error) { 0 }),
                 "read a queue");
    for (uint32_t i = 0; i < n; i++) {
        heard(events[i].status, crowd);
        wws_error_free(events[i].error);
    }
    if (n == 0)
        pause_us(PAUSE_US);
}

/* In microseconds for one, until all have heard. */
static double crowd_hears(struct crowd *crowd, uint64_t began_ns)
{
    while (atomic_load(&crowd->heard) < crowd->count) {
        if (crowd->queue.id != 0)
            fetch(crowd);
        else
            pause_us(PAUSE_US);
    }
    return (double) (now_ns() - began_ns) / 1e3 / crowd->count;
}

static void crowd_end(struct crowd *crowd)
{
    wws_service_proxy_abort(crowd->client.proxy);
    wws_service_proxy_close(crowd->client.proxy, NULL, (wws_error) { 0 });
    wws_service_proxy_free(crowd->client.proxy);
    free(crowd->replies);
}

static void cancel_some(struct crowd *crowd, struct sample *sample)
{
    uint64_t ns[SAMPLES];

    for (uint32_t i = 0; i < SAMPLES; i++) {
        uint64_t began = now_ns();

        client_check(wws_call_cancel(crowd->calls[i]), "cancel a call");
        ns[i] = now_ns() - began;
    }
    sample->value[CANCEL_P50_US] = percentile(ns, SAMPLES, 0.50);
    sample->value[CANCEL_P99_US] = percentile(ns, SAMPLES, 0.99);
}

static void abandon(struct crowd *crowd, uint32_t id)
{
    client_check(wws_service_proxy_abandon_call(crowd->client.proxy, id,
                                                (wws_error) { 0 }),
                 "abandon a call");
}

static void abandon_some(struct crowd *crowd, struct sample *sample)
{
    uint64_t ns[SAMPLES];

    for (uint32_t i = 0; i < SAMPLES; i++) {
        uint64_t began = now_ns();

        abandon(crowd, i + SAMPLES);
        ns[i] = now_ns() - began;
    }
    sample->value[ABANDON_P50_US] = percentile(ns, SAMPLES, 0.50);
}

static void abandon_rest(struct crowd *crowd, struct sample *sample)
{
    double rest = crowd->count - 2 * SAMPLES;
    uint64_t began = now_ns();

    abandon(crowd, 0);
    if (rest > 0)
        sample->value[ABANDON_ALL_US] =
            (double) (now_ns() - began) / 1e3 / rest;
    (void) crowd_hears(crowd, began);
}

static void first_crowd(
    const struct job *job,
    struct watch *watch,
    struct sample *sample)
{
    uint64_t before;
    struct crowd crowd;
    wws_queue queue = { 0 };

    client_check(wws_queue_create((wws_runtime) { 0 }, &queue,
                                  (wws_error) { 0 }),
                 "create a queue");
    before = memory_now();
    crowd_begin(&crowd, job, queue);
    sample->value[PENDING_BYTES] = ((double) memory_now() - (double) before)
        / crowd.count - sizeof *crowd.replies;
    atomic_store(&watch->watching, true);
    cancel_some(&crowd, sample);
    abandon_some(&crowd, sample);
    abandon_rest(&crowd, sample);
    sample->value[OTHERS_P99_US] = look_away(watch);
    crowd_end(&crowd);
    wws_queue_free(queue);
}

static void second_crowd(
    const struct job *job,
    struct watch *watch,
    struct sample *sample)
{
    struct crowd crowd;
    uint64_t began;

    crowd_begin(&crowd, job, (wws_queue) { 0 });
    atomic_store(&watch->watching, true);
    began = now_ns();
    wws_service_proxy_abort(crowd.client.proxy);
    sample->value[ABORT_US] = (double) (now_ns() - began) / 1e3;
    sample->value[ABORTED_US] = crowd_hears(&crowd, began);
    sample->value[OTHERS_ABORT_P99_US] = look_away(watch);
    crowd_end(&crowd);
}

static void third_crowd(const struct job *job, struct sample *sample)
{
    struct crowd crowd;

    crowd_begin(&crowd, job, (wws_queue) { 0 });
    sample->value[ABORT_HOST_US] = server_abort(job);
    (void) crowd_hears(&crowd, now_ns());
    crowd_end(&crowd);
}

/* A connection each, over HTTP. */
void wws_want_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("cannot read the limits");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("cannot change the limits");
}

void wws_pending(const struct job *job, struct sample *sample)
{
    struct watch watch;

    wws_want_descriptors();
    watch_begin(&watch, job);
    first_crowd(job, &watch, sample);
    second_crowd(job, &watch, sample);
    watch_end(&watch, sample);
    third_crowd(job, sample);
    wws_runtime_close((wws_runtime) { 0 }, 5000, (wws_error) { 0 });
}
