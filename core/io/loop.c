/* One thread on epoll.  Posting and timers come from any thread and wake the
 * loop only if it sleeps longer than they can wait. */
#include "core/io/loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/lock.h"
#include "core/base/memory.h"
#include "core/io/resolve.h"
#include "core/io/thread.h"

enum { BATCH = 64, POSTS_AT_ONCE = 128 };

struct wwi_loop {
    int epoll;
    int wake;
    pthread_t thread;
    const wws_thread_callbacks *callbacks;
    struct wwi_sleeper sleeper;
    _Atomic uint64_t handed_over;
    _Atomic bool closing;
    _Atomic bool ended;

    struct { /* loop thread only */
        struct epoll_event events[BATCH];
        int count;
        struct wwi_resolver *resolver;
    } on_loop;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        struct wwi_list posts;
    } posted;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        struct wwi_timer_wheel wheel;
        int64_t sleeps_until;
    } timed;
};

static _Thread_local const struct wwi_loop *current;

static void wake_loop(struct wwi_loop *loop)
{
    (void) eventfd_write(loop->wake, 1);
}

static void woken_by_clock(struct wwi_sleeper *sleeper)
{
    wake_loop(WWI_CONTAINER(sleeper, struct wwi_loop, sleeper));
}

bool wwi_loop_current(const struct wwi_loop *loop)
{
    return current == loop;
}

/* In turns, so that very many do not keep descriptors and timers waiting. */
static void run_posts(struct wwi_loop *loop)
{
    struct wwi_list posts;
    struct wwi_link *link;

    wwi_list_init(&posts);
    wwi_lock_take(&loop->posted.lock);
    for (int i = 0; i < POSTS_AT_ONCE; i++) {
        link = wwi_list_take(&loop->posted.posts);
        if (link == NULL)
            break;
        wwi_list_append(&posts, link);
    }
    wwi_lock_give(&loop->posted.lock);
    while ((link = wwi_list_take(&posts)) != NULL) {
        struct wwi_post *post = WWI_CONTAINER(link, struct wwi_post, work.link);

        atomic_store(&post->posted, false);
        WWI_GATE(LOOP_RUNS);
        post->work.run(&post->work);
    }
}

static void run_timers(struct wwi_loop *loop)
{
    struct wwi_list due;
    struct wwi_link *link;

    wwi_list_init(&due);
    wwi_lock_take(&loop->timed.lock);
    wwi_timer_collect(&loop->timed.wheel, wwi_clock_now(), &due);
    while ((link = wwi_list_take(&due)) != NULL) {
        struct wwi_timer *timer = WWI_CONTAINER(link, struct wwi_timer, link);

        /* Cancelling finds those still due in the list, so run one by one. */
        wwi_lock_give(&loop->timed.lock);
        WWI_GATE(LOOP_EXPIRES);
        timer->expired(timer);
        wwi_lock_take(&loop->timed.lock);
    }
    wwi_lock_give(&loop->timed.lock);
}

/* How long to sleep; 0 if something was posted meanwhile. */
static int prepare_sleep(struct wwi_loop *loop)
{
    int64_t until;

    wwi_lock_take(&loop->timed.lock);
    until = loop->timed.sleeps_until = wwi_timer_next(&loop->timed.wheel);
    wwi_lock_give(&loop->timed.lock);
    return wwi_clock_timeout(until);
}

static void run_sources(struct wwi_loop *loop)
{
    for (int i = 0; i < loop->on_loop.count; i++) {
        struct epoll_event *event = &loop->on_loop.events[i];
        struct wwi_source *source = event->data.ptr;
        eventfd_t value;

        if (source != NULL) {
            if (atomic_exchange(&source->armed, false))
                source->ready(source, event->events);
        } else if (event->events != 0)
            (void) eventfd_read(loop->wake, &value);
    }
    loop->on_loop.count = 0;
}

static bool has_posts(struct wwi_loop *loop)
{
    bool some;

    wwi_lock_take(&loop->posted.lock);
    some = !wwi_list_empty(&loop->posted.posts);
    wwi_lock_give(&loop->posted.lock);
    return some;
}

static void *run(void *state)
{
    struct wwi_loop *loop = state;

    current = loop;
    wwi_thread_started(loop->callbacks);
    while (!atomic_load(&loop->closing) || has_posts(loop)) {
        int timeout = has_posts(loop) ? 0 : prepare_sleep(loop);
        int count;

        WWI_GATE(LOOP_SLEEPS);
        count = epoll_wait(loop->epoll, loop->on_loop.events, BATCH, timeout);
        WWI_GATE(LOOP_WOKE);
        loop->on_loop.count = count > 0 ? count : 0;
        run_sources(loop);
        run_posts(loop);
        run_timers(loop);
    }
    wwi_thread_stopped(loop->callbacks);
    return NULL;
}

static bool open_descriptors(struct wwi_loop *loop)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return loop->epoll >= 0 && loop->wake >= 0
        && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event) == 0;
}

static void release(struct wwi_loop *loop)
{
    wwi_resolver_free(loop->on_loop.resolver);
    if (loop->epoll >= 0)
        close(loop->epoll);
    if (loop->wake >= 0)
        close(loop->wake);
    wwi_lock_fini(&loop->posted.lock);
    wwi_lock_fini(&loop->timed.lock);
    wwi_free(loop);
}

struct wwi_loop *wwi_loop_create(const wws_thread_callbacks *callbacks)
{
    struct wwi_loop *loop = wwi_alloc_zero(sizeof *loop);

    if (loop == NULL)
        return NULL;
    loop->callbacks = callbacks;
    loop->sleeper.wake = woken_by_clock;
    wwi_lock_init(&loop->posted.lock, WWI_RANK_LOOP);
    wwi_list_init(&loop->posted.posts);
    wwi_lock_init(&loop->timed.lock, WWI_RANK_TIMER);
    wwi_timer_wheel_init(&loop->timed.wheel, wwi_clock_now());
    loop->timed.sleeps_until = WWI_NEVER;
    if (!open_descriptors(loop)) {
        release(loop);
        return NULL;
    }
    wwi_clock_add_sleeper(&loop->sleeper);
    if (!wwi_thread_start(&loop->thread, run, loop)) {
        wwi_clock_remove_sleeper(&loop->sleeper);
        release(loop);
        return NULL;
    }
    return loop;
}

static bool end_if_idle(struct wwi_loop *loop)
{
    bool idle;

    wwi_lock_take(&loop->posted.lock);
    idle = wwi_list_empty(&loop->posted.posts);
    if (idle)
        atomic_store(&loop->ended, true);
    wwi_lock_give(&loop->posted.lock);
    return idle;
}

bool wwi_loop_close(struct wwi_loop *loop, int64_t deadline)
{
    /* A runtime may be closed again, after a first time that was too short
     * for something else. */
    if (atomic_load(&loop->ended))
        return true;
    atomic_store(&loop->closing, true);
    wake_loop(loop);
    if (!wwi_thread_join(loop->thread, deadline))
        return false;
    wwi_clock_remove_sleeper(&loop->sleeper);
    /* What is posted at once comes after all that was posted before. */
    while (!end_if_idle(loop))
        run_posts(loop);
    return true;
}

void wwi_loop_free(struct wwi_loop *loop)
{
    release(loop);
}

wws_status wwi_loop_add(struct wwi_loop *loop, struct wwi_source *source)
{
    struct epoll_event event = {
        .events = EPOLLONESHOT,
        .data.ptr = source,
    };

    atomic_store(&source->armed, false);
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event) != 0)
        return WWS_E_OUTOFMEMORY;
    return WWS_S_OK;
}

void wwi_loop_arm(
    struct wwi_loop *loop,
    struct wwi_source *source,
    uint32_t events)
{
    struct epoll_event event = {
        .events = events | EPOLLONESHOT,
        .data.ptr = source,
    };

    atomic_store(&source->armed, true);
    (void) epoll_ctl(loop->epoll, EPOLL_CTL_MOD, source->fd, &event);
}

void wwi_loop_disarm(struct wwi_loop *loop, struct wwi_source *source)
{
    struct epoll_event event = {
        .events = EPOLLONESHOT,
        .data.ptr = source,
    };

    if (atomic_exchange(&source->armed, false))
        (void) epoll_ctl(loop->epoll, EPOLL_CTL_MOD, source->fd, &event);
}

void wwi_loop_remove(struct wwi_loop *loop, struct wwi_source *source)
{
    atomic_store(&source->armed, false);
    (void) epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
    if (current != loop)
        return;
    for (int i = 0; i < loop->on_loop.count; i++)
        if (loop->on_loop.events[i].data.ptr == source)
            loop->on_loop.events[i] = (struct epoll_event) { 0 };
}

void wwi_post_init(struct wwi_post *post, void (*run_post)(struct wwi_work *))
{
    post->work = (struct wwi_work) { .run = run_post };
    atomic_init(&post->posted, false);
}

bool wwi_loop_post(struct wwi_loop *loop, struct wwi_post *post)
{
    bool first, ended;

    if (atomic_exchange(&post->posted, true))
        return false;
    wwi_lock_take(&loop->posted.lock);
    ended = atomic_load(&loop->ended);
    first = wwi_list_empty(&loop->posted.posts);
    if (!ended)
        wwi_list_append(&loop->posted.posts, &post->work.link);
    wwi_lock_give(&loop->posted.lock);
    if (ended) {
        atomic_store(&post->posted, false);
        post->work.run(&post->work);
        return true;
    }
    if (current != loop) {
        atomic_fetch_add_explicit(&loop->handed_over, 1, memory_order_relaxed);
        if (first)
            wake_loop(loop);
    }
    return true;
}

void wwi_loop_set_timer(
    struct wwi_loop *loop,
    struct wwi_timer *timer,
    int64_t deadline)
{
    bool sooner;

    wwi_lock_take(&loop->timed.lock);
    wwi_timer_set(&loop->timed.wheel, timer, deadline);
    sooner = deadline < loop->timed.sleeps_until;
    wwi_lock_give(&loop->timed.lock);
    if (sooner && current != loop)
        wake_loop(loop);
}

bool wwi_loop_cancel_timer(struct wwi_loop *loop, struct wwi_timer *timer)
{
    bool was_set;

    wwi_lock_take(&loop->timed.lock);
    was_set = wwi_timer_cancel(&loop->timed.wheel, timer);
    wwi_lock_give(&loop->timed.lock);
    return was_set;
}

uint64_t wwi_loop_handed_over(const struct wwi_loop *loop)
{
    return atomic_load_explicit(&loop->handed_over, memory_order_relaxed);
}

struct wwi_resolver *wwi_loop_resolver(struct wwi_loop *loop)
{
    if (loop->on_loop.resolver == NULL)
        loop->on_loop.resolver = wwi_resolver_create(loop);
    return loop->on_loop.resolver;
}
