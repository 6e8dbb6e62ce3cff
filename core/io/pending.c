/* One unfinished thing.  The table below is the whole life of it; a model of
 * it is checked exhaustively by the tests. */
#include "core/io/pending.h"

#include <poll.h>
#include <sched.h>
#include <stddef.h>

#include "core/base/gate.h"

enum event { START, SLEEP, WOKE, TAKE, FINISH, EVENTS };

enum {
    IDLE = WWI_PENDING_IDLE,
    RUNNING = WWI_PENDING_RUNNING,
    SLEEPING = WWI_PENDING_SLEEPING,
    TAKEN = WWI_PENDING_TAKEN,
    DONE = WWI_PENDING_DONE,
    NO = WWI_PENDING_STATES,
};

/*                start    sleep     woke     take   finish */
static const uint8_t moves[WWI_PENDING_STATES][EVENTS] = {
    [IDLE]     = { RUNNING, NO,       NO,      TAKEN, NO   },
    [RUNNING]  = { NO,      SLEEPING, NO,      TAKEN, NO   },
    [SLEEPING] = { NO,      NO,       RUNNING, TAKEN, NO   },
    [TAKEN]    = { NO,      NO,       NO,      NO,    DONE },
    [DONE]     = { NO,      NO,       NO,      NO,    NO   },
};

/* The state before, or NO where the table says so. */
static uint32_t move(struct wwi_pending *pending, enum event event)
{
    uint32_t state = atomic_load(&pending->state);

    do {
        if (moves[state][event] == NO)
            return NO;
    } while (!atomic_compare_exchange_weak(&pending->state, &state,
        moves[state][event]));
    return state;
}

void wwi_pending_init(
    struct wwi_pending *pending,
    struct wwi_wake *wake,
    void (*deliver)(struct wwi_pending *pending))
{
    *pending = (struct wwi_pending) { .wake = wake, .deliver = deliver };
    atomic_init(&pending->state, IDLE);
}

bool wwi_pending_start(struct wwi_pending *pending)
{
    return move(pending, START) != NO;
}

bool wwi_pending_take(struct wwi_pending *pending)
{
    uint32_t before = move(pending, TAKE);

    if (before == NO)
        return false;
    pending->slept = before == SLEEPING;
    WWI_GATE(PENDING_TAKEN);
    return true;
}

void wwi_pending_finish(
    struct wwi_pending *pending,
    const struct wwi_outcome *outcome)
{
    struct wwi_wake *wake = pending->slept ? pending->wake : NULL;
    void (*deliver)(struct wwi_pending *) = pending->deliver;

    pending->outcome = *outcome;
    (void) move(pending, FINISH);
    WWI_GATE(PENDING_FINISHED);
    /* A thread that waits may be gone with the pending from here on. */
    if (deliver != NULL)
        deliver(pending);
    else if (wake != NULL)
        wwi_wake_signal(wake);
}

bool wwi_pending_taken(const struct wwi_pending *pending)
{
    return atomic_load(&pending->state) >= TAKEN;
}

void wwi_pending_settle(struct wwi_pending *pending)
{
    /* The taker is between two instructions that cannot wait. */
    while (atomic_load(&pending->state) != DONE)
        sched_yield();
}

static bool expired(int64_t deadline)
{
    return deadline != WWI_NEVER && wwi_clock_now() >= deadline;
}

enum wwi_woken wwi_pending_sleep(
    struct wwi_pending *pending,
    int fd,
    short events,
    int64_t deadline)
{
    struct pollfd polled[2] = {
        { .fd = pending->wake->fd, .events = POLLIN },
        { .fd = fd, .events = events },
    };

    if (move(pending, SLEEP) != NO) {
        WWI_GATE(PENDING_SLEEPS);
        (void) poll(polled, fd >= 0 ? 2 : 1, wwi_clock_timeout(deadline));
        WWI_GATE(PENDING_WOKE);
        if (polled[0].revents != 0)
            wwi_wake_drain(pending->wake);
        if (move(pending, WOKE) != NO) {
            if (polled[1].revents == 0 && expired(deadline))
                return WWI_WOKEN_EXPIRED;
            return WWI_WOKEN_READY;
        }
    }
    wwi_pending_settle(pending);
    return WWI_WOKEN_ENDED;
}
