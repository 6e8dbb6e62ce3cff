/* What objects live on.  The runtime outlives its members, for each holds a
 * reference; what it ends, it ends by aborting them. */
#include "core/io/engine.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/io/thread.h"

enum { ABORT_BATCH = 32, CORES_PER_LOOP = 4 };

static pthread_mutex_t default_lock = PTHREAD_MUTEX_INITIALIZER;
static struct wwi_runtime *default_runtime;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t loops_wanted(uint32_t asked)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (asked != 0)
        return asked < 64 ? asked : 64;
    return cores > CORES_PER_LOOP ? (uint32_t) (cores / CORES_PER_LOOP) : 1;
}

static bool end_threads(struct wwi_runtime *runtime, int64_t deadline)
{
    bool ended = true;

    for (uint32_t i = 0; i < runtime->loop_count; i++)
        ended = wwi_loop_close(runtime->loops[i], deadline) && ended;
    if (runtime->pool != NULL)
        ended = wwi_pool_close(runtime->pool, deadline) && ended;
    return ended;
}

/* Nothing of it is left when its table is freed. */
static void release(struct wwi_runtime *runtime)
{
    const wws_thread_callbacks threads = runtime->threads;

    for (uint32_t i = 0; i < runtime->loop_count; i++)
        wwi_loop_free(runtime->loops[i]);
    wwi_free(runtime->loops);
    if (runtime->pool != NULL)
        wwi_pool_free(runtime->pool);
    wwi_log_free(runtime->log);
    pthread_cond_destroy(&runtime->synced.idle);
    wwi_lock_fini(&runtime->synced.lock);
    wwi_free(runtime);
    if (threads.free_state != NULL)
        threads.free_state(threads.state);
}

static void *end_and_release(void *state)
{
    struct wwi_runtime *runtime = state;

    (void) end_threads(runtime, WWI_NEVER);
    release(runtime);
    return NULL;
}

/* The last reference may go on a thread of the runtime itself, which cannot
 * wait for its own end. */
static void destroy(struct wwi_object *object)
{
    struct wwi_runtime *runtime = WWI_CONTAINER(object, struct wwi_runtime,
        object);
    pthread_t thread;

    if (runtime->synced.ended)
        release(runtime);
    else if (wwi_thread_start(&thread, end_and_release, runtime))
        pthread_detach(thread);
}

static bool start_threads(
    struct wwi_runtime *runtime,
    const wws_runtime_options *options)
{
    uint32_t wanted = loops_wanted(options->loop_threads);

    runtime->log = wwi_log_create();
    runtime->pool = wwi_pool_create(options->max_pool_threads,
        &runtime->threads);
    runtime->loops = wwi_alloc_zero(wanted * sizeof *runtime->loops);
    if (runtime->log == NULL || runtime->pool == NULL || runtime->loops == NULL)
        return false;
    while (runtime->loop_count < wanted) {
        struct wwi_loop *loop = wwi_loop_create(&runtime->threads);

        if (loop == NULL)
            return false;
        runtime->loops[runtime->loop_count++] = loop;
    }
    return true;
}

struct wwi_runtime *wwi_runtime_new(const wws_runtime_options *options)
{
    struct wwi_runtime *runtime = wwi_alloc_zero(sizeof *runtime);
    pthread_condattr_t monotonic;

    if (runtime == NULL)
        return NULL;
    wwi_lock_init(&runtime->synced.lock, WWI_RANK_RUNTIME);
    wwi_list_init(&runtime->synced.members);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&runtime->synced.idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (options->threads != NULL)
        runtime->threads = *options->threads;
    if (start_threads(runtime, options)
        && wwi_object_init(&runtime->object, WWI_KIND_RUNTIME, destroy) >= 0)
        return runtime;
    (void) end_threads(runtime, WWI_NEVER);
    /* The table was not taken. */
    runtime->threads.free_state = NULL;
    release(runtime);
    return NULL;
}

/* In a child: another thread may have held the lock. */
static void forget_parents_runtime(void)
{
    pthread_mutex_init(&default_lock, NULL);
    default_runtime = NULL;
}

static void set_up(void)
{
    pthread_atfork(NULL, NULL, forget_parents_runtime);
}

struct wwi_runtime *wwi_runtime_existing_default(void)
{
    struct wwi_runtime *runtime;

    pthread_once(&once, set_up);
    pthread_mutex_lock(&default_lock);
    runtime = default_runtime;
    if (runtime != NULL)
        wwi_object_ref(&runtime->object);
    pthread_mutex_unlock(&default_lock);
    return runtime;
}

/* With no lock held, for the state of its log is freed by the application. */
static void drop_default(struct wwi_runtime *runtime)
{
    (void) wwi_object_close(&runtime->object);
    wwi_object_unref(&runtime->object);
}

void wwi_runtime_forget_default(struct wwi_runtime *runtime)
{
    bool was_default;

    pthread_mutex_lock(&default_lock);
    was_default = runtime == default_runtime;
    if (was_default)
        default_runtime = NULL;
    pthread_mutex_unlock(&default_lock);
    if (was_default)
        drop_default(runtime);
}

bool wwi_runtime_closing(struct wwi_runtime *runtime)
{
    bool closing;

    wwi_lock_take(&runtime->synced.lock);
    closing = runtime->synced.closing;
    wwi_lock_give(&runtime->synced.lock);
    return closing;
}

bool wwi_runtime_ended(struct wwi_runtime *runtime)
{
    bool ended;

    wwi_lock_take(&runtime->synced.lock);
    ended = runtime->synced.ended;
    wwi_lock_give(&runtime->synced.lock);
    return ended;
}

struct wwi_runtime *wwi_runtime_hold(struct wwi_runtime *runtime)
{
    const wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    struct wwi_runtime *closing = NULL;

    if (runtime != NULL) {
        wwi_object_ref(&runtime->object);
        return runtime;
    }
    pthread_once(&once, set_up);
    pthread_mutex_lock(&default_lock);
    if (default_runtime != NULL && wwi_runtime_closing(default_runtime)) {
        closing = default_runtime;
        default_runtime = NULL;
    }
    if (default_runtime == NULL)
        default_runtime = wwi_runtime_new(&options);
    runtime = default_runtime;
    if (runtime != NULL)
        wwi_object_ref(&runtime->object);
    pthread_mutex_unlock(&default_lock);
    if (closing != NULL)
        drop_default(closing);
    return runtime;
}

wws_status wwi_member_join(
    struct wwi_member *member,
    struct wwi_object *object,
    struct wwi_runtime *runtime,
    void (*abort)(struct wwi_member *member))
{
    bool closing;

    runtime = wwi_runtime_hold(runtime);
    if (runtime == NULL)
        return WWS_E_OUTOFMEMORY;
    member->object = object;
    member->abort = abort;
    wwi_lock_take(&runtime->synced.lock);
    closing = runtime->synced.closing;
    if (!closing) {
        member->runtime = runtime;
        wwi_list_append(&runtime->synced.members, &member->link);
    }
    wwi_lock_give(&runtime->synced.lock);
    if (!closing)
        return WWS_S_OK;
    wwi_object_unref(&runtime->object);
    return WWS_E_OBJECT_FAULTED;
}

void wwi_member_leave(struct wwi_member *member)
{
    wwi_lock_take(&member->runtime->synced.lock);
    wwi_list_remove(&member->link);
    wwi_lock_give(&member->runtime->synced.lock);
    wwi_object_unref(&member->runtime->object);
}

/* Moves members to the other list; the batch holds those that still live. */
static uint32_t collect_members(
    struct wwi_runtime *runtime,
    struct wwi_list *aborted,
    struct wwi_member **batch)
{
    struct wwi_link *link;
    uint32_t count = 0;

    wwi_lock_take(&runtime->synced.lock);
    while (count < ABORT_BATCH
        && (link = wwi_list_take(&runtime->synced.members)) != NULL) {
        struct wwi_member *member = WWI_CONTAINER(link, struct wwi_member,
            link);

        wwi_list_append(aborted, link);
        if (wwi_object_try_ref(member->object))
            batch[count++] = member;
    }
    wwi_lock_give(&runtime->synced.lock);
    return count;
}

void wwi_runtime_abort_members(struct wwi_runtime *runtime)
{
    struct wwi_member *batch[ABORT_BATCH];
    struct wwi_list aborted;
    uint32_t count;

    wwi_list_init(&aborted);
    while ((count = collect_members(runtime, &aborted, batch)) != 0) {
        for (uint32_t i = 0; i < count; i++) {
            batch[i]->abort(batch[i]);
            wwi_object_unref(batch[i]->object);
        }
    }
    wwi_lock_take(&runtime->synced.lock);
    wwi_list_move(&runtime->synced.members, &aborted);
    wwi_lock_give(&runtime->synced.lock);
}

/* False when the time is over. */
static bool wait_locked(
    struct wwi_runtime *runtime,
    const struct timespec *until)
{
    return pthread_cond_timedwait(&runtime->synced.idle,
        &runtime->synced.lock.mutex, until) == 0;
}

static bool wait_idle(
    struct wwi_runtime *runtime,
    const struct timespec *until)
{
    bool idle;

    atomic_store(&runtime->waited_for, true);
    wwi_lock_take(&runtime->synced.lock);
    while (atomic_load(&runtime->busy) != 0 && wait_locked(runtime, until))
        continue;
    idle = atomic_load(&runtime->busy) == 0;
    wwi_lock_give(&runtime->synced.lock);
    return idle;
}

/* One thread at a time ends the others. */
static bool begin_end(
    struct wwi_runtime *runtime,
    const struct timespec *until)
{
    bool begun;

    wwi_lock_take(&runtime->synced.lock);
    runtime->synced.closing = true;
    while (runtime->synced.ending && wait_locked(runtime, until))
        continue;
    begun = !runtime->synced.ending;
    runtime->synced.ending = true;
    wwi_lock_give(&runtime->synced.lock);
    return begun;
}

static void finish_end(struct wwi_runtime *runtime, bool ended)
{
    wwi_lock_take(&runtime->synced.lock);
    runtime->synced.ending = false;
    runtime->synced.ended = ended;
    pthread_cond_broadcast(&runtime->synced.idle);
    wwi_lock_give(&runtime->synced.lock);
}

bool wwi_runtime_end(struct wwi_runtime *runtime, int64_t deadline)
{
    struct timespec until = wwi_thread_until(CLOCK_MONOTONIC, deadline);
    bool ended;

    if (!begin_end(runtime, &until))
        return false;
    WWI_GATE(RUNTIME_CLOSING);
    wwi_runtime_abort_members(runtime);
    ended = wait_idle(runtime, &until);
    WWI_GATE(RUNTIME_IDLE);
    ended = ended && end_threads(runtime, deadline);
    WWI_GATE(RUNTIME_ENDED);
    finish_end(runtime, ended);
    return ended;
}

void wwi_runtime_begin(struct wwi_runtime *runtime)
{
    atomic_fetch_add(&runtime->busy, 1);
}

void wwi_runtime_done(struct wwi_runtime *runtime)
{
    if (atomic_fetch_sub(&runtime->busy, 1) != 1
        || !atomic_load(&runtime->waited_for))
        return;
    wwi_lock_take(&runtime->synced.lock);
    pthread_cond_broadcast(&runtime->synced.idle);
    wwi_lock_give(&runtime->synced.lock);
}

struct wwi_loop *wwi_runtime_loop(struct wwi_runtime *runtime)
{
    uint32_t next = atomic_fetch_add_explicit(&runtime->next_loop, 1,
        memory_order_relaxed);

    return runtime->loops[next % runtime->loop_count];
}
