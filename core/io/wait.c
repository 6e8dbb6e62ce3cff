/* A caller that waits. */
#include "core/io/wait.h"

#include <stddef.h>

#include "core/base/gate.h"

static _Thread_local struct wwi_frame *innermost;

void wwi_enter_callback(struct wwi_frame *frame, const void *owner)
{
    *frame = (struct wwi_frame) { .owner = owner, .outer = innermost };
    innermost = frame;
}

void wwi_leave_callback(struct wwi_frame *frame)
{
    innermost = frame->outer;
}

bool wwi_inside(const void *owner)
{
    for (struct wwi_frame *frame = innermost; frame != NULL;
         frame = frame->outer)
        if (frame->owner == owner)
            return true;
    return false;
}

bool wwi_wait_asynchronous(const struct wwi_wait *wait)
{
    return wait->pending.wake == NULL;
}

/* What the outcome says goes behind the strings that the taker wrote. */
static void report(struct wwi_wait *wait, struct wwi_error *error)
{
    if (wait->pending.outcome.status < 0)
        wwi_error_set_outcome(error, &wait->pending.outcome);
}

static void uncount(struct wwi_wait *wait)
{
    if (wait->counted)
        wwi_runtime_done(wait->runtime);
    wait->counted = false;
}

static void run_callback(struct wwi_work *work)
{
    struct wwi_wait *wait = WWI_CONTAINER(work, struct wwi_wait, work);
    wws_completion completion = wait->completion;
    struct wwi_frame frame;

    WWI_GATE(WAIT_CALLS);
    wwi_enter_callback(&frame, wait->owner);
    completion.completed(wait->pending.outcome.status, completion.state);
    if (completion.free_state != NULL)
        completion.free_state(completion.state);
    wwi_leave_callback(&frame);
    WWI_GATE(WAIT_CALLED);
    uncount(wait);
    wait->delivered(wait);
    wait->release(wait);
}

static void fetch(struct wwi_queue_entry *entry, wws_event *event)
{
    struct wwi_wait *wait = WWI_CONTAINER(entry, struct wwi_wait, entry);

    event->kind = WWS_EVENT_KIND_COMPLETED;
    event->status = wait->pending.outcome.status;
    event->state = wait->completion.state;
    if (event->status < 0 && wait->error == NULL) {
        struct wwi_error *error = wwi_wait_error(wait);

        report(wait, error);
        if (error != NULL)
            event->error.id = error->object.id;
        wait->own_error = NULL;
    }
    wait->release(wait);
}

static void drop(struct wwi_queue_entry *entry)
{
    struct wwi_wait *wait = WWI_CONTAINER(entry, struct wwi_wait, entry);

    /* Nobody will get the state from an event any more. */
    if (wait->completion.free_state != NULL)
        wait->completion.free_state(wait->completion.state);
    wait->release(wait);
}

static void give_error(struct wwi_wait *wait)
{
    if (wait->has_error)
        atomic_store(&wait->error->pending, false);
    wait->has_error = false;
}

static void deliver(struct wwi_pending *pending)
{
    struct wwi_wait *wait = WWI_CONTAINER(pending, struct wwi_wait, pending);
    void (*delivered)(struct wwi_wait *) = wait->delivered;

    WWI_GATE(WAIT_DELIVERS);
    report(wait, wait->error);
    give_error(wait);
    if (wait->queue == NULL) {
        wwi_pool_urgent(wait->runtime->pool, &wait->work);
        return;
    }
    /* The owner keeps the wait until delivered has returned, too; and who has
     * closed the runtime finds the event there. */
    wwi_queue_add(wait->queue, &wait->entry);
    uncount(wait);
    delivered(wait);
}

static wws_status init_asynchronous(
    struct wwi_wait *wait,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status = WWS_S_OK;

    if ((completion->queue.id != 0) == (completion->completed != NULL))
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "completion: exactly one of queue and completed is wanted");
    if (error != NULL && atomic_exchange(&error->pending, true))
        return WWS_E_INVALID_OPERATION;
    wait->has_error = error != NULL;
    if (completion->queue.id != 0)
        status = wwi_table_get(completion->queue.id, WWI_KIND_QUEUE,
            &wait->queue);
    if (status < 0) {
        give_error(wait);
        return wwi_fail_static(error, status, "completion: bad queue handle");
    }
    wwi_pending_init(&wait->pending, NULL, deliver);
    wait->completion = *completion;
    wait->work.run = run_callback;
    wait->entry.fetch = fetch;
    wait->entry.drop = drop;
    if (error != NULL)
        wwi_object_ref(&error->object);
    wait->counted = wait->runtime != NULL;
    if (wait->counted)
        wwi_runtime_begin(wait->runtime);
    return WWS_S_OK;
}

wws_status wwi_wait_init(
    struct wwi_wait *wait,
    struct wwi_runtime *runtime,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_wake *wake;

    *wait = (struct wwi_wait) { .runtime = runtime, .error = error };
    if (completion != NULL)
        return init_asynchronous(wait, completion, error);
    wake = wwi_wake_take();
    if (wake == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no descriptor to wait on");
    wwi_pending_init(&wait->pending, wake, NULL);
    return WWS_S_OK;
}

wws_status wwi_wait_check(
    struct wwi_runtime *runtime,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_wait wait;
    wws_status status;

    if (wwi_runtime_closing(runtime))
        return wwi_fail_static(error, WWS_E_OBJECT_FAULTED,
            "the runtime is closed");
    if (completion == NULL)
        return WWS_S_OK;
    status = wwi_wait_init(&wait, NULL, completion, error);
    if (status >= 0)
        wwi_wait_fini(&wait);
    return status;
}

const wws_completion *wwi_wait_completion(
    struct wwi_runtime *runtime,
    const wws_completion *completion)
{
    return wwi_runtime_ended(runtime) ? NULL : completion;
}

static void give_wake(struct wwi_wait *wait)
{
    if (!wait->awake)
        wwi_wake_give(wait->pending.wake);
    wait->awake = true;
}

void wwi_wait_fini(struct wwi_wait *wait)
{
    give_error(wait);
    if (!wwi_wait_asynchronous(wait))
        give_wake(wait);
    else if (wait->error != NULL)
        wwi_object_unref(&wait->error->object);
    uncount(wait);
    if (wait->queue != NULL)
        wwi_queue_unref(wait->queue);
    if (wait->own_error != NULL)
        (void) wwi_error_free(wait->own_error);
}

struct wwi_error *wwi_wait_error(struct wwi_wait *wait)
{
    if (wait->error != NULL || wait->queue == NULL)
        return wait->error;
    if (wait->own_error == NULL)
        wait->own_error = wwi_error_new();
    return wait->own_error;
}

void wwi_wait_finish(struct wwi_wait *wait, const struct wwi_outcome *outcome)
{
    wwi_pending_finish(&wait->pending, outcome);
}

bool wwi_wait_end(
    struct wwi_wait *wait,
    wws_status status,
    wws_phase phase,
    const char *text)
{
    struct wwi_outcome outcome = {
        .status = status,
        .phase = phase,
        .text = text,
    };

    if (!wwi_pending_take(&wait->pending))
        return false;
    wwi_wait_finish(wait, &outcome);
    return true;
}

bool wwi_wait_block(struct wwi_wait *wait, int64_t deadline)
{
    for (;;) {
        switch (wwi_pending_sleep(&wait->pending, -1, 0, deadline)) {
        case WWI_WOKEN_ENDED: return true;
        case WWI_WOKEN_EXPIRED: return false;
        case WWI_WOKEN_READY: break;
        }
    }
}

wws_status wwi_wait_result(struct wwi_wait *wait)
{
    wws_status status = wait->pending.outcome.status;

    WWI_GATE(WAIT_RETURNS);
    /* The next one may sleep on it, though what this waited for goes on. */
    give_wake(wait);
    report(wait, wait->error);
    if (wait->delivered != NULL)
        wait->delivered(wait);
    if (wait->release != NULL)
        wait->release(wait);
    return status;
}
