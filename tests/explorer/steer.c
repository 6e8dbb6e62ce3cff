/* What happens at the points.  Whoever takes part and passes one counts it; if
 * something is to happen there, it does, before he goes on.  At a gate
 * functions of the library are called on a thread kept for that, while he
 * waits: if one does not return, it wants something of a thread that has no
 * lock, and that is a finding.  Inside a callback they are called by whoever is
 * in it. */
#include "tests/explorer/scene.h"

#include <sched.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"

enum {
    RETURNS_S = 10,
    PAST_ANY_DEADLINE_MS = 61000,
    TRACE = 4096,
};

static const uint64_t ways[POINTS] = {
#define CALL(name, ways) [CALL_##name] = ways,
#define INSIDE(name, ways) [INSIDE_##name] = ways,
    CALLS(CALL)
    INSIDES(INSIDE)
#undef CALL
#undef INSIDE
};

static _Thread_local bool takes_part;
static _Thread_local bool is_library;

static struct {
    _Atomic bool armed;
    _Atomic unsigned performing;
    struct scene *scene;
    struct injection injections[2];
    uint64_t (*census)[PASSES];
    _Atomic unsigned passed[POINTS];
    _Atomic uint64_t done;
    _Atomic unsigned progress;
    _Atomic uint8_t trace[TRACE];
    _Atomic unsigned traced;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum action wanted; /* of the thread that acts */
    bool acting;
} steer = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .changed = PTHREAD_COND_INITIALIZER,
};

const char *point_name(unsigned point)
{
    static const char *const names[POINTS] = {
#define CALL(name, ways) [CALL_##name] = #name,
#define INSIDE(name, ways) [INSIDE_##name] = "inside " #name,
        CALLS(CALL)
        INSIDES(INSIDE)
#undef CALL
#undef INSIDE
    };

    return point < WWI_GATE_COUNT ? wwi_gate_name(point) : names[point];
}

const char *action_name(enum action action)
{
#define ACTION(name) #name,
    static const char *const names[] = { ACTIONS(ACTION) };
#undef ACTION

    return names[action];
}

void steer_take_part(bool part)
{
    takes_part = part;
}

void steer_join(void)
{
    takes_part = is_library = true;
}

bool steer_is_library(void)
{
    return is_library;
}

uint64_t steer_done(void)
{
    return atomic_load(&steer.done);
}

unsigned steer_progress(void)
{
    return atomic_load_explicit(&steer.progress, memory_order_relaxed);
}

void steer_tell(void)
{
    unsigned end = atomic_load(&steer.traced);
    unsigned begin = end > TRACE ? end - TRACE : 0;

    for (unsigned i = begin; i < end; i++)
        fprintf(stderr, " %s", point_name(steer.trace[i % TRACE]));
    fputc('\n', stderr);
}

/* Acting. */

static void *act(void *state)
{
    (void) state;
    pthread_mutex_lock(&steer.lock);
    for (;;) {
        while (!steer.acting)
            pthread_cond_wait(&steer.changed, &steer.lock);
        pthread_mutex_unlock(&steer.lock);
        scene_act(steer.scene, steer.wanted);
        pthread_mutex_lock(&steer.lock);
        steer.acting = false;
        pthread_cond_broadcast(&steer.changed);
    }
    return NULL;
}

static void have_it_done(unsigned point, enum action action)
{
    struct timespec end;
    int result = 0;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += RETURNS_S;
    pthread_mutex_lock(&steer.lock);
    while (steer.acting && result == 0)
        result = pthread_cond_timedwait(&steer.changed, &steer.lock, &end);
    steer.wanted = action;
    steer.acting = true;
    pthread_cond_broadcast(&steer.changed);
    while (steer.acting && result == 0)
        result = pthread_cond_timedwait(&steer.changed, &steer.lock, &end);
    pthread_mutex_unlock(&steer.lock);
    if (result != 0)
        found("%s does not return while a thread is at %s",
            action_name(action), point_name(point));
}

static void perform(unsigned point, enum action action)
{
    switch (action) {
    case DO_MOVE_CLOCK:
        wwi_clock_move(PAST_ANY_DEADLINE_MS);
        break;
    case DO_FAIL_MEMORY:
        wwi_memory_fail(1, 0);
        break;
    case DO_FAIL_ALL_MEMORY:
        wwi_memory_fail(1, 1);
        break;
    default:
        if (point >= INSIDE_FIRST)
            scene_act(steer.scene, action);
        else
            have_it_done(point, action);
        break;
    }
}

/* Passing. */

static uint64_t possible(unsigned point)
{
    if (point >= CALL_FIRST && point < INSIDE_FIRST)
        return ways[point];
    return ways[point] | DO(MOVE_CLOCK) | DO(FAIL_MEMORY) | DO(FAIL_ALL_MEMORY)
        | scene_actions(steer.scene);
}

/* An action that has begun ends before disarming does. */
static bool begin_action(enum action action)
{
    atomic_fetch_add(&steer.performing, 1);
    if (!atomic_load(&steer.armed)) {
        atomic_fetch_sub(&steer.performing, 1);
        return false;
    }
    atomic_fetch_or(&steer.done, (uint64_t) 1 << action);
    return true;
}

static enum action injected(unsigned point, unsigned pass)
{
    for (int i = 0; i < 2; i++) {
        const struct injection *one = &steer.injections[i];

        if (one->action != DO_NOTHING && one->point == point
            && one->pass == pass)
            return begin_action(one->action) ? one->action : DO_NOTHING;
    }
    return DO_NOTHING;
}

/* In no order with other threads, so that a sanitizer sees what these would do
 * without. */
static unsigned count_up(_Atomic unsigned *counter)
{
    return atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static enum action pass_point(unsigned point)
{
    unsigned pass;

    if (!takes_part)
        return DO_NOTHING;
    (void) count_up(&steer.progress);
    if (!atomic_load_explicit(&steer.armed, memory_order_acquire))
        return DO_NOTHING;
    atomic_store_explicit(&steer.trace[count_up(&steer.traced) % TRACE],
        (uint8_t) point, memory_order_relaxed);
    pass = count_up(&steer.passed[point]);
    if (pass >= PASSES)
        return DO_NOTHING;
    if (steer.census != NULL)
        steer.census[point][pass] = possible(point);
    return injected(point, pass);
}

static enum action pass_and_perform(unsigned point)
{
    enum action action = pass_point(point);

    if (action == DO_NOTHING)
        return action;
    perform(point, action);
    atomic_fetch_sub(&steer.performing, 1);
    return action;
}

static void pass_gate(enum wwi_gate gate)
{
    (void) pass_and_perform(gate);
}

enum action steer_inside(unsigned point)
{
    return pass_and_perform(point);
}

enum action steer_call(unsigned call)
{
    enum action action = pass_point(call);

    if (action != DO_NOTHING)
        atomic_fetch_sub(&steer.performing, 1);
    return action;
}

void steer_begin(void)
{
    pthread_t thread;

    must(pthread_create(&thread, NULL, act, NULL) == 0);
    takes_part = true;
    wwi_gate_watch(pass_gate);
}

void steer_arm(
    struct scene *scene,
    const struct injection *injections,
    uint64_t (*census)[PASSES])
{
    steer.scene = scene;
    steer.census = census;
    memcpy(steer.injections, injections, sizeof steer.injections);
    for (unsigned i = 0; i < POINTS; i++)
        atomic_store(&steer.passed[i], 0);
    atomic_store(&steer.done, 0);
    atomic_store(&steer.traced, 0);
    atomic_store(&steer.armed, true);
}

void steer_disarm(void)
{
    atomic_store(&steer.armed, false);
    while (atomic_load(&steer.performing) != 0)
        sched_yield();
    wwi_memory_fail(0, 0);
}
