/* Time.  A held clock is a number; those who would sleep until a deadline are
 * then woken by whoever moves it. */
#include "core/base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "core/base/lock.h"

static _Atomic int64_t held_at = -1;
static _Atomic int64_t shift;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct {
    struct wwi_lock lock;
    struct wwi_list sleepers;
} synced;

static void before_fork(void)
{
    pthread_mutex_lock(&synced.lock.mutex);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&synced.lock.mutex);
}

static void after_fork_in_child(void)
{
    wwi_lock_init(&synced.lock, WWI_RANK_CLOCK);
}

static void set_up(void)
{
    wwi_lock_init(&synced.lock, WWI_RANK_CLOCK);
    wwi_list_init(&synced.sleepers);
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static int64_t real_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t wwi_clock_now(void)
{
    int64_t held = atomic_load_explicit(&held_at, memory_order_acquire);

    return held >= 0 ? held : real_now() + atomic_load(&shift);
}

int64_t wwi_clock_after(uint32_t milliseconds)
{
    int64_t now = wwi_clock_now();

    if (milliseconds == WWS_INFINITE)
        return WWI_NEVER;
    /* Now is rounded down, and nothing may expire early. */
    if (milliseconds != 0 && atomic_load(&held_at) < 0)
        now++;
    return now + (int64_t) milliseconds;
}

int wwi_clock_timeout(int64_t deadline)
{
    int64_t left;

    if (deadline == WWI_NEVER)
        return -1;
    left = deadline - wwi_clock_now();
    if (left <= 0)
        return 0;
    if (atomic_load(&held_at) >= 0)
        return -1;
    return left < INT32_MAX ? (int) left : INT32_MAX;
}

void wwi_clock_add_sleeper(struct wwi_sleeper *sleeper)
{
    pthread_once(&once, set_up);
    wwi_lock_take(&synced.lock);
    wwi_list_append(&synced.sleepers, &sleeper->link);
    wwi_lock_give(&synced.lock);
}

void wwi_clock_remove_sleeper(struct wwi_sleeper *sleeper)
{
    wwi_lock_take(&synced.lock);
    wwi_list_remove(&sleeper->link);
    wwi_lock_give(&synced.lock);
}

static void wake_all(void)
{
    struct wwi_link *link;

    pthread_once(&once, set_up);
    wwi_lock_take(&synced.lock);
    for (link = wwi_list_first(&synced.sleepers); link != NULL;
         link = wwi_list_next(&synced.sleepers, link)) {
        struct wwi_sleeper *sleeper = WWI_CONTAINER(link, struct wwi_sleeper,
            link);

        sleeper->wake(sleeper);
    }
    wwi_lock_give(&synced.lock);
}

void wwi_clock_hold(void)
{
    atomic_store(&held_at, wwi_clock_now());
    wake_all();
}

void wwi_clock_move(uint32_t milliseconds)
{
    atomic_fetch_add(&held_at, (int64_t) milliseconds);
    wake_all();
}

void wwi_clock_release(void)
{
    int64_t held = atomic_load(&held_at);

    if (held < 0)
        return;
    /* Time goes on from where it was held; it never runs backwards. */
    atomic_store(&shift, held - real_now());
    atomic_store(&held_at, -1);
    wake_all();
}

int64_t wwi_clock_wall(void)
{
    return (int64_t) time(NULL);
}
