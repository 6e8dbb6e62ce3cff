/* Cancelling calls that a server took and does not answer: one whose caller
 * sleeps in it, and many whose completions go to a queue that nobody polls. */
#include "wws_client.h"

#include <stdlib.h>

enum { POLL_US = 50 };

struct held {
    const struct job *job;
    struct client client;
    wws_call call;
    uint64_t before;  /* requests held when the bench began */
};

static uint64_t held_now(const struct job *job)
{
    struct usage usage;

    server_usage(job, &usage);
    return usage.held;
}

static void await_held(const struct job *job, uint64_t count)
{
    while (held_now(job) < count)
        pause_us(POLL_US);
}

static void prepare(void *state, uint32_t turn)
{
    struct held *held = state;

    (void) turn;
    client_check(wws_call_create(&held->call, (wws_error) { 0 }),
                 "create a call");
}

static void sleep_in_call(void *state)
{
    struct held *held = state;
    wws_call call = held->call;
    wws_buffer reply = { 0 };
    wws_status status = wws_service_proxy_call(
        held->client.proxy, held->client.action, held->client.body, NULL,
        &call, &reply, NULL, (wws_error) { 0 });

    if (status != WWS_E_OPERATION_CANCELLED)
        die("a cancelled call ended with %s", wws_status_name(status));
}

static void settle(void *state, uint32_t turn)
{
    struct held *held = state;

    await_held(held->job, held->before + turn + 1);
}

static void cancel(void *state)
{
    struct held *held = state;

    client_check(wws_call_cancel(held->call), "cancel a call");
}

void wws_cancel_blocked(const struct job *job, struct sample *sample)
{
    struct held held = {
        .job = job,
        .client = client_open(job->bench, job->address),
        .before = held_now(job),
    };
    struct duel duel = {
        .state = &held,
        .prepare = prepare,
        .sleep = sleep_in_call,
        .settle = settle,
        .wake = cancel,
    };

    duel_run(&duel, job->calls, sample);
    client_free(&held.client);
}

struct batch {
    struct client client;
    wws_queue queue;
    wws_call calls[IN_FLIGHT];
    wws_buffer replies[IN_FLIGHT];
};

static void batch_begin(struct batch *batch, uint32_t count)
{
    const struct client *client = &batch->client;

    for (uint32_t i = 0; i < count; i++) {
        wws_completion completion = WWS_COMPLETION_INIT;
        wws_status status;

        completion.queue = batch->queue;
        batch->calls[i] = (wws_call) { 0 };
        status = wws_service_proxy_call(
            client->proxy, client->action, client->body, NULL,
            &batch->calls[i], &batch->replies[i], &completion,
            (wws_error) { 0 });
        if (status != WWS_S_ASYNC)
            die("a held call ended with %s", wws_status_name(status));
    }
}

/* Looks in now and then: a poll would make somebody sleep. */
static void batch_end(struct batch *batch, uint32_t count)
{
    while (count > 0) {
        wws_event events[IN_FLIGHT] = { WWS_EVENT_INIT };
        uint32_t n = 0;

        client_check(wws_queue_next(batch->queue, IN_FLIGHT, events, &n,
                                    (wws_error) { 0 }),
                     "read a queue");
        for (uint32_t i = 0; i < n; i++) {
            if (events[i].status != WWS_E_OPERATION_CANCELLED)
                die("a cancelled call ended with %s",
                    wws_status_name(events[i].status));
            wws_error_free(events[i].error);
        }
        count -= n;
        if (n == 0)
            pause_us(POLL_US);
    }
}

static void batch_cancel(struct batch *batch, uint32_t count, uint64_t *ns)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t began = now_ns();
        wws_status status = wws_call_cancel(batch->calls[i]);

        ns[i] = now_ns() - began;
        client_check(status, "cancel a call");
    }
}

void wws_cancel_queued(const struct job *job, struct sample *sample)
{
    struct batch batch = {
        .client = client_open(job->bench, job->address),
    };
    uint64_t *ns = allocate(job->calls, sizeof *ns);
    uint64_t before = held_now(job);
    wws_error none = { 0 };

    client_check(wws_queue_create((wws_runtime) { 0 }, &batch.queue, none),
                 "create a queue");
    for (uint32_t done = 0, count; done < job->calls; done += count) {
        count = job->calls - done;
        if (count > IN_FLIGHT)
            count = IN_FLIGHT;
        batch_begin(&batch, count);
        await_held(job, before + done + count);
        pause_us(POLL_US);
        batch_cancel(&batch, count, ns + done);
        batch_end(&batch, count);
    }
    sample->value[CANCEL_P50_US] = percentile(ns, job->calls, 0.50);
    sample->value[CANCEL_P99_US] = percentile(ns, job->calls, 0.99);
    wws_queue_free(batch.queue);
    client_free(&batch.client);
    free(ns);
}
