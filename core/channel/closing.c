/* A close that is pending.  Three may hold it: the object, until it ends it;
 * the caller, until he has heard; the timer, while it is set. */
#include "core/channel/closing.h"

#include <time.h>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"

static void unref(struct wwi_closing *closing)
{
    struct wwi_object *object = closing->object;

    if (atomic_fetch_sub(&closing->references, 1) != 1)
        return;
    wwi_wait_fini(&closing->wait);
    wwi_free(closing);
    wwi_object_unref(object);
}

static void delivered(struct wwi_wait *wait)
{
    (void) wait;
}

static void release(struct wwi_wait *wait)
{
    unref(WWI_CONTAINER(wait, struct wwi_closing, wait));
}

static void timer_expired(struct wwi_timer *timer)
{
    struct wwi_closing *closing = WWI_CONTAINER(timer, struct wwi_closing,
        timer);

    WWI_GATE(CLOSING_EXPIRES);
    closing->expired(closing->object);
    unref(closing);
}

struct wwi_closing *wwi_closing_new(
    struct wwi_object *object,
    struct wwi_runtime *runtime,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct wwi_closing *closing = wwi_alloc_zero(sizeof *closing);

    if (closing == NULL) {
        *status = wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory to close");
        return NULL;
    }
    *status = wwi_wait_init(&closing->wait, runtime, completion, error);
    if (*status < 0) {
        wwi_free(closing);
        return NULL;
    }
    closing->wait.delivered = delivered;
    closing->wait.release = release;
    closing->object = object;
    closing->loop = wwi_runtime_loop(runtime);
    closing->timer.expired = timer_expired;
    wwi_object_ref(object);
    atomic_init(&closing->references, 2);
    (void) wwi_pending_start(&closing->wait.pending);
    return closing;
}

void wwi_closing_discard(struct wwi_closing *closing)
{
    unref(closing);
    unref(closing);
}

void wwi_closing_start_locked(
    struct wwi_closing *closing,
    int64_t deadline,
    void (*expired)(struct wwi_object *object))
{
    closing->deadline = deadline;
    closing->expired = expired;
    if (deadline == WWI_NEVER || !wwi_wait_asynchronous(&closing->wait))
        return;
    atomic_fetch_add(&closing->references, 1);
    wwi_loop_set_timer(closing->loop, &closing->timer, deadline);
}

wws_status wwi_closing_wait(
    struct wwi_closing *closing,
    const wws_completion *completion)
{
    /* It may have ended, and be gone. */
    if (completion != NULL)
        return WWS_S_ASYNC;
    if (!wwi_wait_block(&closing->wait, closing->deadline)) {
        closing->expired(closing->object);
        (void) wwi_wait_block(&closing->wait, WWI_NEVER);
    }
    return wwi_wait_result(&closing->wait);
}

wws_status wwi_closing_poll(
    struct wwi_object *object,
    bool (*is_closing)(struct wwi_object *object),
    const wws_completion *completion)
{
    static const struct timespec pause = { .tv_nsec = 1000000 };

    if (completion != NULL)
        return WWS_E_OUTOFMEMORY;
    while (is_closing(object))
        nanosleep(&pause, NULL);
    return WWS_S_OK;
}

void wwi_closing_end(struct wwi_closing *closing, wws_status status)
{
    static const char *const aborted = "the object was aborted meanwhile";
    static const char *const late = "what was pending did not end in time";
    const char *text = status == WWS_E_OPERATION_ABORTED ? aborted
        : status < 0 ? late : NULL;

    if (wwi_loop_cancel_timer(closing->loop, &closing->timer))
        unref(closing);
    (void) wwi_wait_end(&closing->wait, status, WWS_PHASE_CLOSE, text);
    unref(closing);
}
