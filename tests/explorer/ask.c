/* Waiting functions that are begun, and what is heard of them; and waiting for
 * that in virtual time. */
#include "tests/explorer/steer.h"

#include <time.h>

#include "core/base/clock.h"

enum {
    PAUSE_NS = 50000,
    STILL = 40,        /* pauses without progress before one looks closer */
    HANGS_MS = 60000,  /* of real time */
};

static const wws_error no_error;

void wait_until_still(void)
{
    const struct timespec pause = { .tv_nsec = PAUSE_NS };
    unsigned progress;

    do {
        progress = steer_progress();
        for (int i = 0; i < STILL; i++)
            (void) nanosleep(&pause, NULL);
    } while (steer_progress() != progress || !is_still());
}

static struct {
    void (*turn)(void *state);
    void *state;
} meanwhile;

void wait_with(void (*turn)(void *state), void *state)
{
    meanwhile.turn = turn;
    meanwhile.state = state;
}

bool try_to_wait_for(bool (*done)(void *state), void *state)
{
    static const uint32_t steps_ms[] = { 100, 1000, 10000, 60000, 600000 };
    const struct timespec pause = { .tv_nsec = PAUSE_NS };
    int64_t end = now_ms() + HANGS_MS;
    unsigned progress = steer_progress();
    unsigned still = 0, step = 0;

    while (!done(state)) {
        if (now_ms() > end)
            return false;
        (void) nanosleep(&pause, NULL);
        if (meanwhile.turn != NULL)
            meanwhile.turn(meanwhile.state);
        if (steer_progress() != progress) {
            progress = steer_progress();
            still = 0;
        } else if (++still > STILL) {
            still = 0;
            if (!is_still() || done(state))
                continue;
            if (step == sizeof steps_ms / sizeof *steps_ms)
                return false;
            wwi_clock_move(steps_ms[step++]);
        }
    }
    return true;
}

void wait_for(bool (*done)(void *state), void *state, const char *what)
{
    if (!try_to_wait_for(done, state))
        found("%s does not end", what);
}

/* Asking. */

static void hear_of(struct ask *ask, wws_status status)
{
    atomic_fetch_add(&ask->times, 1);
    ask->status = status;
    atomic_store(&ask->ended, true);
}

/* Never where the program waits for something else (G16). */
static void completed(wws_status status, void *state)
{
    if (!steer_is_library())
        found("%s is heard of on a thread of the program",
            ((struct ask *) state)->what);
    (void) steer_inside(INSIDE_completed);
    hear_of(state, status);
}

static void free_state(void *state)
{
    struct ask *ask = state;

    (void) steer_inside(INSIDE_freed);
    atomic_fetch_add(&ask->freed, 1);
}

static void *block(void *state)
{
    struct ask *ask = state;

    steer_take_part(true);
    hear_of(ask, ask->start(ask->state, NULL, ask->error));
    return NULL;
}

static void begin_thread(struct ask *ask)
{
    steer_take_part(false);
    must(pthread_create(&ask->thread, NULL, block, ask) == 0);
    steer_take_part(true);
}

void ask_begin(struct ask *ask, enum manner manner)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    ask->manner = manner;
    if (manner == SYNC) {
        begin_thread(ask);
        return;
    }
    completion.state = ask;
    completion.free_state = free_state;
    if (manner == QUEUE)
        completion.queue = ask->queue;
    else
        completion.completed = completed;
    ask->returned = ask->start(ask->state, &completion, ask->error);
    if (ask->returned != WWS_S_ASYNC)
        hear_of(ask, ask->returned);
}

static void fetch(struct ask *ask)
{
    wws_event event = WWS_EVENT_INIT;
    uint32_t count = 0;

    if (wws_queue_next(ask->queue, 1, &event, &count, no_error) != WWS_S_OK)
        found("%s: the queue cannot be read", ask->what);
    if (count == 0)
        return;
    if (event.state != ask || event.kind != WWS_EVENT_KIND_COMPLETED)
        found("%s: an event of something else", ask->what);
    hear_of(ask, event.status);
}

bool ask_has_ended(struct ask *ask)
{
    if (ask->manner == QUEUE && ask->returned == WWS_S_ASYNC)
        fetch(ask);
    return atomic_load(&ask->ended);
}

/* The callback may not have returned yet. */
static bool is_over(void *state)
{
    struct ask *ask = state;

    return ask_has_ended(ask) && (ask->manner != CALLBACK
        || ask->returned != WWS_S_ASYNC || atomic_load(&ask->freed) != 0);
}

wws_status ask_end(struct ask *ask)
{
    unsigned freed;

    wait_for(is_over, ask, ask->what);
    if (ask->manner == SYNC)
        pthread_join(ask->thread, NULL);
    freed = ask->manner == CALLBACK && ask->returned == WWS_S_ASYNC;
    if (atomic_load(&ask->times) != 1 || atomic_load(&ask->freed) != freed
        || ask->status == WWS_S_ASYNC)
        found("%s was heard of %u times and freed %u times", ask->what,
            atomic_load(&ask->times), atomic_load(&ask->freed));
    ask->over = true;
    return ask->status;
}
