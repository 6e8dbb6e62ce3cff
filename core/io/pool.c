/* Threads that run callbacks.  Each idle thread waits on a condition of its
 * own in a stack, so the one that was busy last runs next.
 *
 * One at a time is called, by waking it or making it, and while it comes nobody
 * else is: whoever takes work and leaves some calls the next.  So who submits
 * very much wakes few, and yet what is there never waits for a callback that
 * blocks.
 *
 * Very many callbacks that return at once need no thread each.  When a few
 * threads are there a *watcher* looks on while there is urgent work, until none
 * of it has moved for a while; then it works, and another one watches. */
#include "core/io/pool.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/lock.h"
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/io/thread.h"

enum {
    IDLE_SECONDS = 10,
    WATCH_NS = 5000000,
    AT_ONCE = 4, /* threads that are made as soon as they are wanted */
};

struct worker {
    struct wwi_link link; /* in idle */
    pthread_cond_t wake;
    struct wwi_pool *pool;
    bool reserved; /* runs urgent work only, and never ends early */
    bool watches;  /* first */
};

struct wwi_pool {
    uint32_t max_threads;
    const wws_thread_callbacks *callbacks;
    pthread_condattr_t monotonic;
    _Atomic uint64_t handed_over;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        struct wwi_list urgent;
        struct wwi_list normal;
        struct wwi_list idle;
        struct worker *reserve; /* while it is idle */
        uint32_t threads;       /* the reserve not counted */
        uint32_t alive;
        bool coming;    /* who was called */
        bool watched;   /* there is a watcher */
        uint64_t taken; /* of the urgent work, ever */
        bool closing;
        bool ended_all;
        pthread_cond_t ended;
    } synced;
};

static _Thread_local const struct wwi_pool *current;

bool wwi_pool_current(const struct wwi_pool *pool)
{
    return current == pool;
}

static struct wwi_link *next_work_locked(
    struct wwi_pool *pool,
    const struct worker *worker)
{
    struct wwi_link *link = wwi_list_take(&pool->synced.urgent);

    if (link != NULL)
        pool->synced.taken++;
    /* When there are no means for another thread, the reserve does all. */
    if (link == NULL && (!worker->reserved || pool->synced.threads == 0))
        link = wwi_list_take(&pool->synced.normal);
    return link;
}

static struct timespec from_now(time_t seconds, long nanoseconds)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    until.tv_nsec += nanoseconds;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

/* False when the worker has been idle for long enough. */
static bool wait_locked(struct wwi_pool *pool, struct worker *worker)
{
    struct timespec until;
    int result;

    if (worker->reserved) {
        pool->synced.reserve = worker;
        pthread_cond_wait(&worker->wake, &pool->synced.lock.mutex);
        pool->synced.reserve = NULL;
        return true;
    }
    until = from_now(IDLE_SECONDS, 0);
    worker->link.previous = &pool->synced.idle.head;
    worker->link.next = pool->synced.idle.head.next;
    worker->link.next->previous = &worker->link;
    pool->synced.idle.head.next = &worker->link;
    result = pthread_cond_timedwait(&worker->wake, &pool->synced.lock.mutex,
        &until);
    /* Whoever wakes takes the link out; it is still there on a timeout. */
    if (!wwi_link_listed(&worker->link))
        return true;
    wwi_list_remove(&worker->link);
    return result != ETIMEDOUT;
}

static void *run(void *state);

/* The thread counts already. */
static bool start_worker(
    struct wwi_pool *pool,
    bool reserved,
    bool watches)
{
    struct worker *worker = wwi_alloc_zero(sizeof *worker);
    pthread_t thread;

    if (worker == NULL)
        return false;
    worker->pool = pool;
    worker->reserved = reserved;
    worker->watches = watches;
    pthread_cond_init(&worker->wake, &pool->monotonic);
    if (!wwi_thread_start(&thread, run, worker)) {
        pthread_cond_destroy(&worker->wake);
        wwi_free(worker);
        return false;
    }
    pthread_detach(thread);
    return true;
}

static bool count_thread_locked(struct wwi_pool *pool)
{
    if (pool->synced.threads >= pool->max_threads)
        return false;
    pool->synced.threads++;
    pool->synced.alive++;
    return true;
}

/* One that counts; if there are no means for it the work stays queued for the
 * threads that are there. */
static void add_thread(struct wwi_pool *pool, bool watches)
{
    WWI_GATE(POOL_GROWS);
    if (start_worker(pool, false, watches))
        return;
    wwi_lock_take(&pool->synced.lock);
    pool->synced.threads--;
    pool->synced.alive--;
    if (watches)
        pool->synced.watched = false;
    else
        pool->synced.coming = false;
    pthread_cond_signal(&pool->synced.ended);
    if (pool->synced.reserve != NULL)
        pthread_cond_signal(&pool->synced.reserve->wake);
    wwi_lock_give(&pool->synced.lock);
}

/* Calls one, if there is work and nobody comes; true if it is to be made. */
static bool call_locked(struct wwi_pool *pool, bool *watches)
{
    bool urgent = !wwi_list_empty(&pool->synced.urgent);
    struct wwi_link *idle;

    *watches = urgent && pool->synced.threads >= AT_ONCE;
    if (pool->synced.coming
        || (!urgent && wwi_list_empty(&pool->synced.normal)))
        return false;
    idle = wwi_list_take(&pool->synced.idle);
    if (idle != NULL) {
        pthread_cond_signal(&WWI_CONTAINER(idle, struct worker, link)->wake);
        pool->synced.coming = true;
        return false;
    }
    if (urgent && pool->synced.reserve != NULL) {
        pthread_cond_signal(&pool->synced.reserve->wake);
        pool->synced.reserve = NULL;
        pool->synced.coming = true;
        return false;
    }
    if ((*watches && pool->synced.watched) || !count_thread_locked(pool))
        return false;
    *(*watches ? &pool->synced.watched : &pool->synced.coming) = true;
    return true;
}

static void watch_locked(struct wwi_pool *pool, struct worker *worker)
{
    uint64_t taken;

    do {
        const struct timespec until = from_now(0, WATCH_NS);

        taken = pool->synced.taken;
        (void) pthread_cond_timedwait(&worker->wake,
            &pool->synced.lock.mutex, &until);
    } while (taken != pool->synced.taken
        && !wwi_list_empty(&pool->synced.urgent));
    /* Whoever takes work and leaves some finds the next watcher. */
    pool->synced.watched = false;
}

static void run_work(struct wwi_link *link)
{
    struct wwi_work *work = WWI_CONTAINER(link, struct wwi_work, link);

    WWI_GATE(POOL_RUNS);
    work->run(work);
    if (wwi_lock_held())
        wwi_bug("a callback returned with a lock held");
}

static void work_locked(struct wwi_pool *pool, struct worker *worker)
{
    for (;;) {
        struct wwi_link *link = next_work_locked(pool, worker);
        bool watches;
        bool wants_thread = call_locked(pool, &watches);

        if (link == NULL && !wants_thread) {
            if (pool->synced.closing || !wait_locked(pool, worker))
                return;
            pool->synced.coming = false;
            continue;
        }
        wwi_lock_give(&pool->synced.lock);
        if (wants_thread)
            add_thread(pool, watches);
        if (link != NULL)
            run_work(link);
        wwi_lock_take(&pool->synced.lock);
    }
}

static void *run(void *state)
{
    struct worker *worker = state;
    struct wwi_pool *pool = worker->pool;

    current = pool;
    wwi_thread_started(pool->callbacks);
    wwi_lock_take(&pool->synced.lock);
    if (worker->watches)
        watch_locked(pool, worker);
    else if (!worker->reserved)
        pool->synced.coming = false;
    work_locked(pool, worker);
    if (!worker->reserved)
        pool->synced.threads--;
    wwi_lock_give(&pool->synced.lock);
    wwi_thread_stopped(pool->callbacks);
    pthread_cond_destroy(&worker->wake);
    wwi_free(worker);
    wwi_lock_take(&pool->synced.lock);
    pool->synced.alive--;
    pthread_cond_signal(&pool->synced.ended);
    wwi_lock_give(&pool->synced.lock);
    return NULL;
}

static void submit(struct wwi_pool *pool, struct wwi_work *work, bool urgent)
{
    bool wants_thread = false;
    bool watches = false;
    bool ended;

    atomic_fetch_add_explicit(&pool->handed_over, 1, memory_order_relaxed);
    wwi_lock_take(&pool->synced.lock);
    ended = pool->synced.ended_all;
    if (!ended) {
        wwi_list_append(urgent ? &pool->synced.urgent : &pool->synced.normal,
            &work->link);
        wants_thread = call_locked(pool, &watches);
    }
    wwi_lock_give(&pool->synced.lock);
    WWI_GATE(POOL_SUBMITTED);
    if (ended)
        work->run(work);
    if (wants_thread)
        add_thread(pool, watches);
}

void wwi_pool_urgent(struct wwi_pool *pool, struct wwi_work *work)
{
    submit(pool, work, true);
}

void wwi_pool_long(struct wwi_pool *pool, struct wwi_work *work)
{
    submit(pool, work, false);
}

static void release(struct wwi_pool *pool)
{
    pthread_condattr_destroy(&pool->monotonic);
    pthread_cond_destroy(&pool->synced.ended);
    wwi_lock_fini(&pool->synced.lock);
    wwi_free(pool);
}

struct wwi_pool *wwi_pool_create(
    uint32_t max_threads,
    const wws_thread_callbacks *callbacks)
{
    struct wwi_pool *pool = wwi_alloc_zero(sizeof *pool);

    if (pool == NULL)
        return NULL;
    pool->max_threads = max_threads > 0 ? max_threads : 1;
    pool->callbacks = callbacks;
    pthread_condattr_init(&pool->monotonic);
    pthread_condattr_setclock(&pool->monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->synced.ended, &pool->monotonic);
    wwi_lock_init(&pool->synced.lock, WWI_RANK_POOL);
    wwi_list_init(&pool->synced.urgent);
    wwi_list_init(&pool->synced.normal);
    wwi_list_init(&pool->synced.idle);
    pool->synced.alive = 1;
    if (!start_worker(pool, true, false)) {
        release(pool);
        return NULL;
    }
    return pool;
}

uint32_t wwi_pool_threads(struct wwi_pool *pool)
{
    uint32_t alive;

    wwi_lock_take(&pool->synced.lock);
    alive = pool->synced.alive;
    wwi_lock_give(&pool->synced.lock);
    return alive;
}

uint64_t wwi_pool_handed_over(struct wwi_pool *pool)
{
    return atomic_load_explicit(&pool->handed_over, memory_order_relaxed);
}

static void wake_all_locked(struct wwi_pool *pool)
{
    struct wwi_link *link;

    while ((link = wwi_list_take(&pool->synced.idle)) != NULL)
        pthread_cond_signal(&WWI_CONTAINER(link, struct worker, link)->wake);
    if (pool->synced.reserve != NULL)
        pthread_cond_signal(&pool->synced.reserve->wake);
}

static bool wait_for_end_locked(struct wwi_pool *pool, int64_t deadline)
{
    struct timespec until = wwi_thread_until(CLOCK_MONOTONIC, deadline);

    if (deadline != WWI_NEVER)
        return pthread_cond_timedwait(&pool->synced.ended,
            &pool->synced.lock.mutex, &until) == 0;
    pthread_cond_wait(&pool->synced.ended, &pool->synced.lock.mutex);
    return true;
}

bool wwi_pool_close(struct wwi_pool *pool, int64_t deadline)
{
    bool ended;

    wwi_lock_take(&pool->synced.lock);
    pool->synced.closing = true;
    wake_all_locked(pool);
    while (pool->synced.alive > 0 && wait_for_end_locked(pool, deadline))
        ;
    ended = pool->synced.ended_all = pool->synced.alive == 0;
    wwi_lock_give(&pool->synced.lock);
    return ended;
}

void wwi_pool_free(struct wwi_pool *pool)
{
    release(pool);
}
