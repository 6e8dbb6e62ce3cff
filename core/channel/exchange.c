/* One message exchange of a client. */
#include "core/channel/exchange.h"

#include <poll.h>
#include <sys/epoll.h>

#include "core/base/clock.h"
#include "core/base/gate.h"

void wwi_exchange_ref(struct wwi_exchange *exchange)
{
    atomic_fetch_add_explicit(&exchange->references, 1, memory_order_relaxed);
}

void wwi_exchange_unref(struct wwi_exchange *exchange)
{
    if (atomic_fetch_sub_explicit(&exchange->references, 1,
        memory_order_acq_rel) != 1)
        return;
    wwi_wait_fini(&exchange->wait);
    exchange->destroy(exchange);
}

static void part_done(struct wwi_exchange *exchange)
{
    if (atomic_fetch_sub(&exchange->parts, 1) != 1)
        return;
    exchange->callbacks->retired(exchange);
    wwi_exchange_unref(exchange);
}

static struct wwi_exchange *of_wait(struct wwi_wait *wait)
{
    return WWI_CONTAINER(wait, struct wwi_exchange, wait);
}

static void heard(struct wwi_wait *wait)
{
    part_done(of_wait(wait));
}

static void release(struct wwi_wait *wait)
{
    wwi_exchange_unref(of_wait(wait));
}

/* By the taker of the wait. */
static void finish_wait(
    struct wwi_exchange *exchange,
    const struct wwi_outcome *outcome)
{
    if (exchange->callbacks->ended != NULL)
        exchange->callbacks->ended(exchange);
    wwi_wait_finish(&exchange->wait, outcome);
}

/* What is drained is sent all the same: nobody may hear that it was not. */
static void expect_sending(struct wwi_outcome *outcome)
{
    if (outcome->progress == WWS_PROGRESS_NOT_SENT)
        outcome->progress = WWS_PROGRESS_PARTLY_SENT;
}

static struct wwi_outcome outcome_of(
    const struct wwi_exchange *exchange,
    wws_status status,
    const char *text)
{
    return (struct wwi_outcome) {
        .status = status,
        .text = text,
        .phase = atomic_load_explicit(&exchange->track.phase,
            memory_order_relaxed),
        .progress = atomic_load(&exchange->track.progress),
    };
}

static void copy_track(struct wwi_track *to, const struct wwi_track *from)
{
    atomic_store(&to->phase, atomic_load(&from->phase));
    atomic_store(&to->progress, atomic_load(&from->progress));
}

static void post(struct wwi_exchange *exchange)
{
    wwi_exchange_ref(exchange);
    if (!wwi_loop_post(exchange->loop, &exchange->post))
        wwi_exchange_unref(exchange);
}

static void poke(struct wwi_exchange *exchange)
{
    struct wwi_wake *wake = exchange->wait.pending.wake;

    atomic_store(&exchange->poked, true);
    if (!atomic_load(&exchange->on_loop)) {
        if (wake != NULL)
            wwi_wake_signal(wake);
        return;
    }
    post(exchange);
}

static void notified(struct wwi_client *client)
{
    poke(client->user);
}

bool wwi_exchange_end(
    struct wwi_exchange *exchange,
    enum wwi_ending ending,
    wws_status status,
    const char *text)
{
    struct wwi_runtime *runtime = exchange->wait.runtime;
    struct wwi_outcome outcome;
    bool took = wwi_pending_take(&exchange->wait.pending);
    bool woke = took && exchange->wait.pending.slept;

    wwi_count(runtime, WWS_COUNTER_CANCEL_ASKED);
    wwi_count(runtime, took ? WWS_COUNTER_CANCEL_WON
        : WWS_COUNTER_COMPLETED_FIRST);
    WWI_GATE(EXCHANGE_TAKEN);
    /* The caller's own thread looks at these when it hears. */
    if (ending == WWI_ENDING_STOP)
        atomic_store(&exchange->track.stop, true);
    else if (took)
        atomic_store(&exchange->drain, true);
    WWI_GATE(EXCHANGE_ASKED);
    if (took) {
        outcome = outcome_of(exchange, status, text);
        if (ending == WWI_ENDING_DRAIN)
            expect_sending(&outcome);
        finish_wait(exchange, &outcome);
    }
    /* A caller that waits himself has the I/O, and hands it over when he hears;
     * the loop is called here, so that he need not do that. */
    if (woke && ending == WWI_ENDING_DRAIN)
        post(exchange);
    else if (atomic_load(&exchange->parts) != 0
        && !(took && exchange->wait.pending.wake != NULL))
        poke(exchange);
    return took;
}

/* By the owner. */
static void io_over(struct wwi_exchange *exchange, bool whole)
{
    struct wwi_client *client = exchange->client;

    WWI_GATE(EXCHANGE_OVER);
    if (atomic_load(&exchange->on_loop)) {
        wwi_loop_cancel_timer(exchange->loop, &exchange->timer);
        if (client->source.fd >= 0)
            wwi_loop_disarm(exchange->loop, &client->source);
    }
    copy_track(&client->own_track, &exchange->track);
    client->track = &client->own_track;
    exchange->callbacks->over(exchange, whole);
}

/* By the owner, when a step gave a final status. */
static void complete(struct wwi_exchange *exchange, wws_status status)
{
    struct wwi_client *client = exchange->client;
    struct wwi_outcome outcome;
    bool whole = status >= 0;

    WWI_GATE(EXCHANGE_COMPLETES);
    if (!wwi_pending_take(&exchange->wait.pending)) {
        io_over(exchange, whole);
        /* Who sees the count finds the budget given back. */
        if (status == WWS_S_OK && exchange->awaits_reply)
            wwi_count(exchange->wait.runtime, WWS_COUNTER_LATE_REPLY_DROPPED);
        return;
    }
    outcome = outcome_of(exchange, status, NULL);
    outcome.http_status = client->trouble.http_status;
    if (status < 0) {
        outcome = client->trouble;
        if (client->text[0] != '\0')
            (void) wwi_fail(wwi_wait_error(&exchange->wait), status, "%s",
                client->text);
    }
    outcome.status = exchange->callbacks->result(exchange, status);
    io_over(exchange, whole);
    finish_wait(exchange, &outcome);
}

static void expire(struct wwi_exchange *exchange)
{
    struct wwi_outcome outcome = outcome_of(exchange,
        WWS_E_OPERATION_TIMED_OUT, exchange->deadline_text);

    WWI_GATE(EXCHANGE_EXPIRES);
    if (!wwi_pending_take(&exchange->wait.pending))
        return;
    if (exchange->deadline_drains) {
        atomic_store(&exchange->drain, true);
        expect_sending(&outcome);
    } else {
        atomic_store(&exchange->track.stop, true);
    }
    finish_wait(exchange, &outcome);
}

/* As far as it goes without waiting; a peer that is always faster does not keep
 * it from being ended. */
static wws_status step(struct wwi_exchange *exchange)
{
    struct wwi_client *client = exchange->client;

    if (exchange->through)
        return WWS_S_OK;
    while (true) {
        wws_status status = client->transport->client_step(client,
            &exchange->want);

        WWI_GATE(EXCHANGE_STEPPED);
        if (status < 0 || status == WWS_S_ASYNC
            || exchange->callbacks->go_on == NULL
            || !exchange->callbacks->go_on(exchange))
            return status;
        if (wwi_pending_taken(&exchange->wait.pending))
            return WWS_S_ASYNC;
    }
}

/* The loop as owner. */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static uint32_t epoll_events(short events)
{
    return (events & POLLIN ? EPOLLIN : 0u) | (events & POLLOUT ? EPOLLOUT : 0u);
}

static void arm(struct wwi_exchange *exchange)
{
    int64_t until = earlier(exchange->deadline, exchange->want.deadline);

    if (until != WWI_NEVER)
        wwi_loop_set_timer(exchange->loop, &exchange->timer, until);
    if (exchange->want.events != 0)
        wwi_loop_arm(exchange->loop, &exchange->client->source,
            epoll_events(exchange->want.events));
}

static void begin_drain(struct wwi_exchange *exchange)
{
    if (atomic_exchange(&exchange->drain, false))
        exchange->deadline = wwi_clock_after(exchange->drain_timeout_ms);
}

static bool past(int64_t deadline)
{
    return deadline != WWI_NEVER && wwi_clock_now() >= deadline;
}

static void check_deadline(struct wwi_exchange *exchange)
{
    begin_drain(exchange);
    if (!past(exchange->deadline))
        return;
    if (wwi_pending_taken(&exchange->wait.pending))
        atomic_store(&exchange->track.stop, true);
    else
        expire(exchange);
    begin_drain(exchange);
}

/* On the loop's thread, which owns it and has not armed it. */
static void move_on_loop(struct wwi_exchange *exchange)
{
    wws_status status;

    atomic_store(&exchange->poked, false);
    check_deadline(exchange);
    if (atomic_load(&exchange->track.stop)) {
        io_over(exchange, false);
    } else {
        status = step(exchange);
        if (status == WWS_S_ASYNC) {
            arm(exchange);
            return;
        }
        complete(exchange, status);
    }
    atomic_store(&exchange->on_loop, false);
    part_done(exchange);
}

/* Takes the I/O back from where it waits. */
static void move_again(struct wwi_exchange *exchange)
{
    wwi_loop_cancel_timer(exchange->loop, &exchange->timer);
    if (exchange->client->source.fd >= 0)
        wwi_loop_disarm(exchange->loop, &exchange->client->source);
    move_on_loop(exchange);
}

static void ready(struct wwi_source *source, uint32_t events)
{
    struct wwi_client *client = WWI_CONTAINER(source, struct wwi_client,
        source);
    struct wwi_exchange *exchange = client->user;

    (void) events;
    /* If it is still being handed over, the calling thread will see this. */
    atomic_store(&exchange->poked, true);
    if (atomic_load(&exchange->on_loop))
        move_again(exchange);
}

static void posted(struct wwi_work *work)
{
    struct wwi_exchange *exchange = WWI_CONTAINER(work, struct wwi_exchange,
        post.work);

    if (atomic_load(&exchange->on_loop))
        move_again(exchange);
    wwi_exchange_unref(exchange);
}

static void timer_expired(struct wwi_timer *timer)
{
    struct wwi_exchange *exchange = WWI_CONTAINER(timer, struct wwi_exchange,
        timer);

    atomic_store(&exchange->poked, true);
    if (atomic_load(&exchange->on_loop))
        move_again(exchange);
}

static void hand_over(struct wwi_exchange *exchange)
{
    wwi_exchange_ref(exchange);
    if (!atomic_load(&exchange->track.stop))
        arm(exchange);
    WWI_GATE(EXCHANGE_ARMED);
    atomic_store(&exchange->on_loop, true);
    WWI_GATE(EXCHANGE_HANDED);
    if (atomic_load(&exchange->poked))
        poke(exchange);
    wwi_exchange_unref(exchange);
}

/* The calling thread as owner. */

static void stop(struct wwi_exchange *exchange)
{
    io_over(exchange, false);
    part_done(exchange);
}

/* Its wait may end, and with that what keeps the runtime from ending, while this
 * goes on. */
static wws_status run_asynchronous(struct wwi_exchange *exchange)
{
    struct wwi_runtime *runtime = exchange->wait.runtime;
    wws_status status;

    wwi_runtime_begin(runtime);
    if (atomic_load(&exchange->track.stop)) {
        stop(exchange);
    } else if ((status = step(exchange)) == WWS_S_ASYNC) {
        hand_over(exchange);
    } else {
        complete(exchange, status);
        part_done(exchange);
    }
    wwi_runtime_done(runtime);
    return WWS_S_ASYNC;
}

/* After somebody else, or the deadline, has ended the wait. */
static void leave_to_others(struct wwi_exchange *exchange)
{
    struct wwi_runtime *runtime = exchange->wait.runtime;

    WWI_GATE(EXCHANGE_LEFT);
    wwi_pending_settle(&exchange->wait.pending);
    wwi_runtime_begin(runtime);
    if (atomic_load(&exchange->track.stop)) {
        stop(exchange);
    } else {
        begin_drain(exchange);
        /* The loop drains it: the caller is not kept.  It may have ended before
         * the first step, which says what to wait for. */
        atomic_store(&exchange->poked, true);
        hand_over(exchange);
    }
    wwi_runtime_done(runtime);
}

static void drive(struct wwi_exchange *exchange)
{
    struct wwi_client *client = exchange->client;

    for (;;) {
        wws_status status;

        if (wwi_pending_taken(&exchange->wait.pending))
            break;
        status = step(exchange);
        if (status != WWS_S_ASYNC) {
            complete(exchange, status);
            part_done(exchange);
            return;
        }
        (void) wwi_pending_sleep(&exchange->wait.pending,
            exchange->want.events != 0 ? client->source.fd : -1,
            exchange->want.events,
            earlier(exchange->deadline, exchange->want.deadline));
        /* Also when a peer that never stops has woken us. */
        if (past(exchange->deadline))
            expire(exchange);
    }
    leave_to_others(exchange);
}

wws_status wwi_exchange_run(
    struct wwi_exchange *exchange,
    struct wwi_client *client)
{
    copy_track(&exchange->track, &client->own_track);
    client->track = &exchange->track;
    exchange->client = client;
    exchange->loop = client->loop;
    client->user = exchange;
    client->notify = notified;
    client->source.ready = ready;
    WWI_GATE(EXCHANGE_RUNS);
    if (wwi_wait_asynchronous(&exchange->wait))
        return run_asynchronous(exchange);
    drive(exchange);
    wwi_pending_settle(&exchange->wait.pending);
    return wwi_wait_result(&exchange->wait);
}

wws_status wwi_exchange_init(
    struct wwi_exchange *exchange,
    const struct wwi_exchange_callbacks *callbacks,
    void (*destroy)(struct wwi_exchange *exchange),
    struct wwi_runtime *runtime,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status = wwi_wait_init(&exchange->wait, runtime, completion,
        error);

    if (status < 0)
        return status;
    exchange->wait.delivered = heard;
    exchange->wait.release = release;
    exchange->callbacks = callbacks;
    exchange->destroy = destroy;
    exchange->deadline = WWI_NEVER;
    exchange->want.deadline = WWI_NEVER;
    exchange->timer.expired = timer_expired;
    exchange->track.phase = WWS_PHASE_QUEUE;
    wwi_post_init(&exchange->post, posted);
    /* The parts have one together, and who hears has one. */
    atomic_init(&exchange->references, 2);
    atomic_init(&exchange->parts, 2);
    (void) wwi_pending_start(&exchange->wait.pending);
    return WWS_S_OK;
}

wws_status wwi_exchange_refuse(
    struct wwi_exchange *exchange,
    wws_status status)
{
    if (wwi_pending_take(&exchange->wait.pending)) {
        atomic_store(&exchange->parts, 0);
        exchange->callbacks->retired(exchange);
        wwi_exchange_unref(exchange);
        wwi_exchange_unref(exchange);
        return status;
    }
    if (wwi_wait_asynchronous(&exchange->wait)) {
        part_done(exchange);
        return WWS_S_ASYNC;
    }
    part_done(exchange);
    wwi_pending_settle(&exchange->wait.pending);
    return wwi_wait_result(&exchange->wait);
}
