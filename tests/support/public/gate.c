/* Operations that wait until a test lets them go on.  A visit is kept by its
 * operation and, once it has registered, by the library. */
#include "tests/support/public/gate.h"

#include <time.h>

struct visit {
    struct gate *gate;
    struct visit *next; /* that is held */
    wws_operation operation;
    unsigned references;
    unsigned told;
    bool completed;
};

void gate_init(struct gate *gate)
{
    *gate = (struct gate) { 0 };
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->changed, NULL);
}

void gate_fini(struct gate *gate)
{
    must(gate->held == NULL);
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->lock);
}

static void unref_locked(struct visit *visit)
{
    if (--visit->references == 0)
        free(visit);
}

static void changed_locked(struct gate *gate)
{
    pthread_cond_broadcast(&gate->changed);
}

/* The next one of LATER that may go on. */
static struct visit *take_held_locked(struct gate *gate)
{
    struct visit *visit = gate->held;

    if (visit == NULL || (!gate->open && gate->tickets == 0))
        return NULL;
    if (!gate->open)
        gate->tickets--;
    gate->held = visit->next;
    return visit;
}

static bool unhold_locked(struct gate *gate, struct visit *visit)
{
    struct visit **at = &gate->held;

    while (*at != NULL && *at != visit)
        at = &(*at)->next;
    if (*at == NULL)
        return false;
    *at = visit->next;
    return true;
}

static void complete(struct visit *visit)
{
    struct gate *gate = visit->gate;

    pthread_mutex_lock(&gate->lock);
    gate->inside--;
    visit->completed = true;
    changed_locked(gate);
    pthread_mutex_unlock(&gate->lock);
    must(wws_operation_complete(visit->operation, gate->gives,
        (wws_error) { 0 }) == WWS_S_OK);
    pthread_mutex_lock(&gate->lock);
    unref_locked(visit);
    pthread_mutex_unlock(&gate->lock);
}

static void complete_held(struct gate *gate)
{
    for (;;) {
        struct visit *visit;

        pthread_mutex_lock(&gate->lock);
        visit = take_held_locked(gate);
        pthread_mutex_unlock(&gate->lock);
        if (visit == NULL)
            return;
        complete(visit);
    }
}

static void cancelled(wws_cancel_reason reason, void *state)
{
    struct visit *visit = state;
    struct gate *gate = visit->gate;
    bool leaves;

    pthread_mutex_lock(&gate->lock);
    if (visit->told++ != 0)
        gate->mistakes++;
    gate->told++;
    gate->told_by[reason == WWS_CANCEL_REASON_HOST_ABORTED ? 0 : 1]++;
    leaves = gate->leaves_when_told && unhold_locked(gate, visit);
    changed_locked(gate);
    pthread_mutex_unlock(&gate->lock);
    if (gate->telling != NULL)
        gate->telling(gate, visit->operation);
    if (leaves)
        complete(visit);
}

static void free_state(void *state)
{
    struct visit *visit = state;
    struct gate *gate = visit->gate;

    pthread_mutex_lock(&gate->lock);
    if (!visit->completed)
        gate->mistakes++;
    gate->freed++;
    unref_locked(visit);
    changed_locked(gate);
    pthread_mutex_unlock(&gate->lock);
}

/* Everything is ready before: the callback may come during it (G104). */
static void register_visit(struct visit *visit)
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;
    struct gate *gate = visit->gate;

    pthread_mutex_lock(&gate->lock);
    visit->references++;
    gate->registered++;
    pthread_mutex_unlock(&gate->lock);
    callbacks.state = visit;
    callbacks.cancelled = cancelled;
    callbacks.free_state = free_state;
    must(wws_operation_register_for_cancel(visit->operation, &callbacks,
        (wws_error) { 0 }) == WWS_S_OK);
}

static struct visit *enter(struct gate *gate, wws_operation operation)
{
    struct visit *visit = calloc(1, sizeof *visit);

    must(visit != NULL);
    visit->gate = gate;
    visit->operation = operation;
    visit->references = 1;
    if (gate->registers)
        register_visit(visit);
    if (gate->visiting != NULL)
        gate->visiting(gate, operation);
    pthread_mutex_lock(&gate->lock);
    gate->entered++;
    gate->inside++;
    changed_locked(gate);
    pthread_mutex_unlock(&gate->lock);
    return visit;
}

static void wait_in_locked(struct gate *gate)
{
    while (!gate->open && gate->tickets == 0)
        pthread_cond_wait(&gate->changed, &gate->lock);
    if (!gate->open)
        gate->tickets--;
}

static void echo(wws_operation operation)
{
    wws_bytes body;

    if (wws_operation_get_body(operation, &body, (wws_error) { 0 }) >= 0)
        (void) wws_operation_set_reply(operation, body, (wws_error) { 0 });
}

static wws_status serve_now(struct visit *visit, bool waits)
{
    struct gate *gate = visit->gate;

    pthread_mutex_lock(&gate->lock);
    if (waits)
        wait_in_locked(gate);
    gate->inside--;
    visit->completed = true;
    unref_locked(visit);
    changed_locked(gate);
    pthread_mutex_unlock(&gate->lock);
    return gate->gives;
}

static wws_status serve_later(struct visit *visit)
{
    struct gate *gate = visit->gate;
    bool leaves;

    pthread_mutex_lock(&gate->lock);
    leaves = gate->leaves_when_told && visit->told != 0;
    if (!leaves) {
        visit->next = gate->held;
        gate->held = visit;
    }
    pthread_mutex_unlock(&gate->lock);
    if (leaves)
        complete(visit);
    else
        complete_held(gate);
    return WWS_S_ASYNC;
}

wws_status gate_serve(wws_operation operation, void *state)
{
    wws_operation_info info = WWS_OPERATION_INFO_INIT;
    struct gate *gate = state;
    bool waits, later;

    /* Stale only if it was completed behind our back. */
    must(wws_operation_get_info(operation, &info, (wws_error) { 0 })
        == WWS_S_OK);
    waits = info.action.size == strlen(ACTION_WAIT)
        && memcmp(info.action.data, ACTION_WAIT, info.action.size) == 0;
    later = info.action.size == strlen(ACTION_LATER)
        && memcmp(info.action.data, ACTION_LATER, info.action.size) == 0;
    /* Before anybody hears of the operation: its reply is in use meanwhile. */
    echo(operation);
    if (later)
        return serve_later(enter(gate, operation));
    return serve_now(enter(gate, operation), waits);
}

void gate_release(struct gate *gate, unsigned count)
{
    pthread_mutex_lock(&gate->lock);
    gate->tickets += count;
    changed_locked(gate);
    pthread_mutex_unlock(&gate->lock);
    complete_held(gate);
}

void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    changed_locked(gate);
    pthread_mutex_unlock(&gate->lock);
    complete_held(gate);
}

bool gate_empties(struct gate *gate)
{
    struct timespec end;
    bool empty;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HANG_MS / 1000;
    pthread_mutex_lock(&gate->lock);
    while (gate->inside != 0
        && pthread_cond_timedwait(&gate->changed, &gate->lock, &end) == 0)
        continue;
    empty = gate->inside == 0;
    pthread_mutex_unlock(&gate->lock);
    return empty;
}

unsigned gate_read(struct gate *gate, const unsigned *counter)
{
    unsigned value;

    pthread_mutex_lock(&gate->lock);
    value = *counter;
    pthread_mutex_unlock(&gate->lock);
    return value;
}

bool gate_reaches(struct gate *gate, const unsigned *counter, unsigned value)
{
    struct timespec end;
    bool reached;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HANG_MS / 1000;
    pthread_mutex_lock(&gate->lock);
    while (*counter < value
        && pthread_cond_timedwait(&gate->changed, &gate->lock, &end) == 0)
        continue;
    reached = *counter == value;
    pthread_mutex_unlock(&gate->lock);
    return reached;
}
