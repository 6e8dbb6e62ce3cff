/* Calls of Add: one at a time, and many at once by a queue or by threads. */
#include "wws_client.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

static void call(wws_service_proxy proxy)
{
    wws_buffer reply = { 0 };
    wws_status status = wws_service_proxy_call(
        proxy, add_action, add_body, NULL, NULL, &reply, NULL,
        (wws_error) { 0 });

    client_check_reply(status, &reply);
}

void wws_add_once(const char *address)
{
    wws_service_proxy proxy = client_open(address);

    call(proxy);
    client_close(proxy);
}

void wws_add(const struct job *job, struct sample *sample)
{
    wws_service_proxy proxy = client_open(job->address);
    uint64_t *ns = allocate(job->calls, sizeof *ns);
    struct window window;

    for (uint32_t i = 0; i < job->calls / 10 + 1; i++)
        call(proxy);

    window_open(&window, job);
    for (uint32_t i = 0; i < job->calls; i++) {
        uint64_t began = now_ns();

        call(proxy);
        ns[i] = now_ns() - began;
    }
    window_close(&window, job, sample);

    sample->value[P50_US] = percentile(ns, job->calls, 0.50);
    sample->value[P99_US] = percentile(ns, job->calls, 0.99);
    client_close(proxy);
    free(ns);
}

struct flight {
    wws_service_proxy proxy;
    wws_queue queue;
    int fd;
    wws_buffer replies[IN_FLIGHT];
};

/* Starts a call; true if it is done already. */
static bool begin(struct flight *flight, wws_buffer *reply)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_status status;

    completion.queue = flight->queue;
    completion.state = reply;
    status = wws_service_proxy_call(
        flight->proxy, add_action, add_body, NULL, NULL, reply, &completion,
        (wws_error) { 0 });
    if (status == WWS_S_ASYNC)
        return false;
    client_check_reply(status, reply);
    return true;
}

/* Starts the next call in this place, until one stays in flight. */
static void refill(
    struct flight *flight,
    wws_buffer *reply,
    uint32_t *begun,
    uint32_t *done,
    uint32_t count)
{
    while (*begun < count) {
        ++*begun;
        if (!begin(flight, reply))
            return;
        ++*done;
    }
}

static uint32_t next(struct flight *flight, wws_event *events)
{
    struct pollfd ready = { .fd = flight->fd, .events = POLLIN };
    uint32_t count = 0;

    events[0] = (wws_event) WWS_EVENT_INIT;
    client_check(wws_queue_next(flight->queue, IN_FLIGHT, events, &count,
                                (wws_error) { 0 }),
                 "read a queue");
    if (count == 0)
        poll(&ready, 1, -1);
    return count;
}

static void fly(struct flight *flight, uint32_t count)
{
    wws_event events[IN_FLIGHT];
    uint32_t begun = 0, done = 0;

    for (int i = 0; i < IN_FLIGHT && begun < count; i++)
        refill(flight, &flight->replies[i], &begun, &done, count);
    while (done < count) {
        uint32_t n = next(flight, events);

        for (uint32_t i = 0; i < n; i++) {
            wws_buffer *reply = events[i].state;

            client_check_reply(events[i].status, reply);
            done++;
            refill(flight, reply, &begun, &done, count);
        }
    }
}

void wws_flight_queue(const struct job *job, struct sample *sample)
{
    struct flight flight = { .proxy = client_open(job->address) };
    wws_error none = { 0 };
    struct window window;

    client_check(wws_queue_create((wws_runtime) { 0 }, &flight.queue, none),
                 "create a queue");
    client_check(wws_queue_get_fd(flight.queue, &flight.fd, none),
                 "poll a queue");
    fly(&flight, job->calls / 10 + IN_FLIGHT);

    window_open(&window, job);
    fly(&flight, job->calls);
    window_close(&window, job, sample);

    wws_queue_free(flight.queue);
    client_close(flight.proxy);
}

struct crowd {
    wws_service_proxy proxy;
    uint32_t calls;  /* of each thread */
    pthread_barrier_t warm;
    pthread_barrier_t go;
    pthread_barrier_t done;
};

static void *crowd_run(void *argument)
{
    struct crowd *crowd = argument;

    call(crowd->proxy);
    pthread_barrier_wait(&crowd->warm);
    pthread_barrier_wait(&crowd->go);
    for (uint32_t i = 0; i < crowd->calls; i++)
        call(crowd->proxy);
    pthread_barrier_wait(&crowd->done);
    return NULL;
}

void wws_flight_threads(const struct job *job, struct sample *sample)
{
    struct crowd crowd = {
        .proxy = client_open(job->address),
        .calls = job->calls / IN_FLIGHT + 1,
    };
    struct job all = *job;
    pthread_t threads[IN_FLIGHT];
    struct window window;

    all.calls = crowd.calls * IN_FLIGHT;
    pthread_barrier_init(&crowd.warm, NULL, IN_FLIGHT + 1);
    pthread_barrier_init(&crowd.go, NULL, IN_FLIGHT + 1);
    pthread_barrier_init(&crowd.done, NULL, IN_FLIGHT + 1);
    for (int i = 0; i < IN_FLIGHT; i++) {
        if (pthread_create(&threads[i], NULL, crowd_run, &crowd) != 0)
            die("cannot start a thread");
    }
    pthread_barrier_wait(&crowd.warm);

    window_open(&window, &all);
    pthread_barrier_wait(&crowd.go);
    pthread_barrier_wait(&crowd.done);
    window_close(&window, &all, sample);

    for (int i = 0; i < IN_FLIGHT; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&crowd.warm);
    pthread_barrier_destroy(&crowd.go);
    pthread_barrier_destroy(&crowd.done);
    client_close(crowd.proxy);
}
