/* Calls that are answered: one at a time, and many at once by a queue or by
 * threads. */
#include "wws_client.h"

#include <poll.h>

static void call(void *state)
{
    const struct client *client = state;
    wws_buffer reply = { 0 };
    wws_status status = wws_service_proxy_call(
        client->proxy, client->action, client->body, NULL, NULL, &reply, NULL,
        (wws_error) { 0 });

    client_check_reply(client, status, &reply);
}

void wws_call_once(const struct bench *bench, const char *address)
{
    struct client client = client_open(bench, address);

    call(&client);
    client_close(&client);
}

void wws_call_each(const struct job *job, struct sample *sample)
{
    struct client client = client_open(job->bench, job->address);

    drive_each(job, sample, call, &client);
    client_close(&client);
}

struct flight {
    struct client client;
    wws_queue queue;
    int fd;
    wws_buffer replies[IN_FLIGHT];
};

/* Starts a call; true if it is done already. */
static bool begin(struct flight *flight, wws_buffer *reply)
{
    const struct client *client = &flight->client;
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_status status;

    completion.queue = flight->queue;
    completion.state = reply;
    status = wws_service_proxy_call(
        client->proxy, client->action, client->body, NULL, NULL, reply,
        &completion, (wws_error) { 0 });
    if (status == WWS_S_ASYNC)
        return false;
    client_check_reply(client, status, reply);
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

            client_check_reply(&flight->client, events[i].status, reply);
            done++;
            refill(flight, reply, &begun, &done, count);
        }
    }
}

void wws_flight_queue(const struct job *job, struct sample *sample)
{
    struct flight flight = {
        .client = client_open(job->bench, job->address),
    };
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
    client_close(&flight.client);
}

void wws_flight_threads(const struct job *job, struct sample *sample)
{
    struct client client = client_open(job->bench, job->address);
    void *states[IN_FLIGHT];

    for (int i = 0; i < IN_FLIGHT; i++)
        states[i] = &client;
    drive_crowd(job, sample, call, states);
    client_close(&client);
}
