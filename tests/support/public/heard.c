/* One waiting function, and what its caller heard of it. */
#include "tests/support/public/heard.h"

#include <poll.h>
#include <stdatomic.h>
#include <time.h>

const char *manner_name(enum manner manner)
{
    static const char *const names[] = { "sync", "callback", "queue" };

    return names[manner];
}

static _Atomic unsigned manners_begun;

unsigned heard_manners(void)
{
    return atomic_exchange(&manners_begun, 0);
}

static void count(struct heard *heard, wws_status status)
{
    pthread_mutex_lock(&heard->lock);
    heard->times++;
    heard->status = status;
    pthread_cond_broadcast(&heard->changed);
    pthread_mutex_unlock(&heard->lock);
}

static void *block(void *state)
{
    struct heard *heard = state;

    count(heard, heard->start(heard->state, NULL, heard->error));
    return NULL;
}

/* Whether this thread is inside a function that it has begun. */
static _Thread_local bool beginning;

static void completed(wws_status status, void *state)
{
    struct heard *heard = state;

    must(!beginning);
    heard->called_on = pthread_self();
    if (heard->inside != NULL)
        heard->inside(heard);
    count(heard, status);
}

static void free_state(void *state)
{
    struct heard *heard = state;

    pthread_mutex_lock(&heard->lock);
    heard->freed++;
    pthread_cond_broadcast(&heard->changed);
    pthread_mutex_unlock(&heard->lock);
}

static void begin(struct heard *heard)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    completion.state = heard;
    if (heard->manner == QUEUE) {
        must(wws_queue_create((wws_runtime) { 0 }, &heard->queue,
            (wws_error) { 0 }) == WWS_S_OK);
        completion.queue = heard->queue;
    } else {
        completion.completed = completed;
        completion.free_state = free_state;
    }
    beginning = true;
    heard->returned = heard->start(heard->state, &completion, heard->error);
    beginning = false;
    if (heard->returned != WWS_S_ASYNC)
        count(heard, heard->returned);
}

static void init(struct heard *heard, enum manner manner)
{
    *heard = (struct heard) { .manner = manner };
    atomic_fetch_or(&manners_begun, 1u << manner);
    pthread_mutex_init(&heard->lock, NULL);
    pthread_cond_init(&heard->changed, NULL);
    must(wws_error_create(&heard->error) == WWS_S_OK);
}

void hear(
    struct heard *heard,
    enum manner manner,
    start_fn start,
    void *state)
{
    init(heard, manner);
    heard->start = start;
    heard->state = state;
    if (manner == SYNC)
        must(pthread_create(&heard->thread, NULL, block, heard) == 0);
    else
        begin(heard);
}

void hear_inside(
    struct heard *heard,
    start_fn start,
    void *state,
    void (*inside)(struct heard *heard),
    void *inside_state)
{
    init(heard, CALLBACK);
    heard->start = start;
    heard->state = state;
    heard->inside = inside;
    heard->inside_state = inside_state;
    begin(heard);
}

/* Events that are there. */
static void fetch(struct heard *heard)
{
    for (;;) {
        wws_event event = WWS_EVENT_INIT;
        uint32_t fetched = 0;

        must(wws_queue_next(heard->queue, 1, &event, &fetched,
            (wws_error) { 0 }) == WWS_S_OK);
        if (fetched == 0)
            return;
        must(event.kind == WWS_EVENT_KIND_COMPLETED);
        must(event.state == heard);
        must(event.error.id == 0);
        count(heard, event.status);
    }
}

bool heard_yet(struct heard *heard)
{
    bool yet;

    if (heard->manner == QUEUE)
        fetch(heard);
    pthread_mutex_lock(&heard->lock);
    yet = heard->times != 0;
    pthread_mutex_unlock(&heard->lock);
    return yet;
}

static void wait_for_event(struct heard *heard)
{
    struct pollfd polled = { .events = POLLIN };

    must(wws_queue_get_fd(heard->queue, &polled.fd, (wws_error) { 0 })
        == WWS_S_OK);
    must(poll(&polled, 1, HANG_MS) == 1);
    fetch(heard);
}

static void wait_until(struct heard *heard, const unsigned *counter)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HANG_MS / 1000;
    pthread_mutex_lock(&heard->lock);
    while (*counter == 0)
        must(pthread_cond_timedwait(&heard->changed, &heard->lock, &end) == 0);
    pthread_mutex_unlock(&heard->lock);
}

wws_status heard_wait(struct heard *heard)
{
    if (heard->manner == QUEUE && !heard_yet(heard))
        wait_for_event(heard);
    wait_until(heard, &heard->times);
    return heard->status;
}

wws_error_info heard_info(const struct heard *heard)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    must(wws_error_get_info(heard->error, &info) == WWS_S_OK);
    return info;
}

bool heard_says(const struct heard *heard, const char *text)
{
    wws_error_info info = heard_info(heard);

    for (uint32_t i = 0; i < info.string_count; i++) {
        wws_string string;

        must(wws_error_get_string(heard->error, i, &string) == WWS_S_OK);
        if (memmem(string.data, string.size, text, strlen(text)) != NULL)
            return true;
    }
    return false;
}

wws_status heard_end(struct heard *heard)
{
    wws_status status = heard_wait(heard);

    if (heard->manner == SYNC)
        pthread_join(heard->thread, NULL);
    if (heard->manner == CALLBACK && heard->returned == WWS_S_ASYNC)
        wait_until(heard, &heard->freed);
    if (heard->manner == QUEUE) {
        fetch(heard);
        must(wws_queue_free(heard->queue) == WWS_S_OK);
    }
    must(heard->times == 1);
    must(heard->freed <= 1);
    must(status != WWS_S_ASYNC);
    must(wws_error_free(heard->error) == WWS_S_OK);
    pthread_cond_destroy(&heard->changed);
    pthread_mutex_destroy(&heard->lock);
    return status;
}

void hold_init(struct hold *hold)
{
    *hold = (struct hold) { .released = false };
    pthread_mutex_init(&hold->lock, NULL);
    pthread_cond_init(&hold->changed, NULL);
}

void hold_on(struct heard *heard)
{
    struct hold *hold = heard->inside_state;

    pthread_mutex_lock(&hold->lock);
    while (!hold->released)
        pthread_cond_wait(&hold->changed, &hold->lock);
    pthread_mutex_unlock(&hold->lock);
}

void hold_release(struct hold *hold)
{
    pthread_mutex_lock(&hold->lock);
    hold->released = true;
    pthread_cond_broadcast(&hold->changed);
    pthread_mutex_unlock(&hold->lock);
}
