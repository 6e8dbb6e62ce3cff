/* The runtime that objects live on: who joins, who is aborted, and an end that
 * waits for what is busy and no longer than it may. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/io/engine.h"
#include "tests/unit/io/latch.h"

enum { MEMBERS = 100, FORKS = 50, CHILD_SECONDS = 20 };

struct thing {
    struct wwi_object object;
    struct wwi_member member;
    int aborted;
    bool destroyed;
};

static struct wwi_runtime *runtime;
static struct latch started, stopped, freed;

static void destroy_thing(struct wwi_object *object)
{
    struct thing *thing = WWI_CONTAINER(object, struct thing, object);

    thing->destroyed = true;
    if (thing->member.runtime != NULL)
        wwi_member_leave(&thing->member);
}

static void abort_thing(struct wwi_member *member)
{
    WWI_CONTAINER(member, struct thing, member)->aborted++;
}

static wws_status join(struct thing *thing, struct wwi_runtime *to)
{
    *thing = (struct thing) { .aborted = 0 };
    assert_int_equal(wwi_object_init(&thing->object, WWI_KIND_CHANNEL,
        destroy_thing), WWS_S_OK);
    return wwi_member_join(&thing->member, &thing->object, to, abort_thing);
}

static void end(struct thing *thing)
{
    assert_true(wwi_object_close(&thing->object));
    wwi_object_unref(&thing->object);
}

static void count_start(void *state)
{
    (void) state;
    latch_add(&started, 1);
}

static void count_stop(void *state)
{
    (void) state;
    latch_add(&stopped, 1);
}

static void count_free(void *state)
{
    (void) state;
    latch_add(&freed, 1);
}

static const wws_thread_callbacks callbacks = {
    sizeof callbacks, WWS_VERSION, NULL, count_free, count_start, count_stop
};

/* Only while no other has threads, for it begins to count anew. */
static struct wwi_runtime *make(uint32_t loops)
{
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    const struct latch fresh = LATCH_INIT;

    started = stopped = freed = fresh;
    options.loop_threads = loops;
    options.threads = &callbacks;
    return wwi_runtime_new(&options);
}

static int set_up(void **state)
{
    (void) state;
    runtime = make(2);
    return runtime != NULL ? 0 : -1;
}

static void give_back(struct wwi_runtime *given)
{
    (void) wwi_object_close(&given->object);
    wwi_object_unref(&given->object);
}

static int tear_down(void **state)
{
    (void) state;
    if (!wwi_runtime_end(runtime, wwi_clock_after(1000 * HANG_SECONDS)))
        return -1;
    give_back(runtime);
    return latch_value(&freed) == 1
        && latch_value(&started) == latch_value(&stopped) ? 0 : -1;
}

static void runtime__uses_its_loops_in_turn(void **state)
{
    (void) state;
    assert_int_equal(runtime->loop_count, 2);
    for (int i = 0; i < 4; i++) {
        struct wwi_loop *first = wwi_runtime_loop(runtime);

        assert_ptr_not_equal(first, wwi_runtime_loop(runtime));
        assert_ptr_equal(first, wwi_runtime_loop(runtime));
        (void) wwi_runtime_loop(runtime);
    }
}

static void member__keeps_the_runtime_until_it_leaves(void **state)
{
    struct wwi_runtime *other;
    struct thing thing;

    (void) state;
    other = wwi_runtime_hold(runtime);
    assert_ptr_equal(other, runtime);
    assert_int_equal(join(&thing, runtime), WWS_S_OK);
    assert_ptr_equal(thing.member.runtime, runtime);
    wwi_object_unref(&other->object);

    end(&thing);

    assert_true(thing.destroyed);
    assert_int_equal(thing.aborted, 0);
}

static void member__is_aborted_once_and_stays_a_member(void **state)
{
    static struct thing things[MEMBERS];

    (void) state;
    for (int i = 0; i < MEMBERS; i++)
        assert_int_equal(join(&things[i], runtime), WWS_S_OK);

    wwi_runtime_abort_members(runtime);
    for (int i = 0; i < MEMBERS; i++)
        assert_int_equal(things[i].aborted, 1);
    wwi_runtime_abort_members(runtime);

    for (int i = 0; i < MEMBERS; i++) {
        assert_int_equal(things[i].aborted, 2);
        end(&things[i]);
        assert_true(things[i].destroyed);
    }
}

static void end_on_abort(struct wwi_member *member)
{
    struct thing *thing = WWI_CONTAINER(member, struct thing, member);

    thing->aborted++;
    end(thing);
}

static void member__may_end_while_it_is_aborted(void **state)
{
    static struct thing things[MEMBERS];

    (void) state;
    for (int i = 0; i < MEMBERS; i++) {
        assert_int_equal(join(&things[i], runtime), WWS_S_OK);
        things[i].member.abort = end_on_abort;
    }

    wwi_runtime_abort_members(runtime);

    for (int i = 0; i < MEMBERS; i++) {
        assert_int_equal(things[i].aborted, 1);
        assert_true(things[i].destroyed);
    }
}

static void runtime__that_ends_aborts_its_members_and_takes_no_more(
    void **state)
{
    struct thing before, after;

    (void) state;
    assert_int_equal(join(&before, runtime), WWS_S_OK);

    assert_true(wwi_runtime_end(runtime, WWI_NEVER));

    assert_int_equal(before.aborted, 1);
    assert_int_equal(latch_value(&started), latch_value(&stopped));
    assert_int_equal(join(&after, runtime), WWS_E_OBJECT_FAULTED);
    assert_null(after.member.runtime);
    end(&after);
    end(&before);
}

static void runtime__that_ends_waits_for_what_is_busy(void **state)
{
    (void) state;
    wwi_runtime_begin(runtime);
    wwi_runtime_begin(runtime);
    assert_false(wwi_runtime_end(runtime, wwi_clock_now()));
    wwi_runtime_done(runtime);
    assert_false(wwi_runtime_end(runtime, wwi_clock_after(1)));

    wwi_runtime_done(runtime);

    assert_true(wwi_runtime_end(runtime, WWI_NEVER));
    assert_true(wwi_runtime_end(runtime, wwi_clock_now()));
}

static void *end_runtime(void *state)
{
    latch_add(state, wwi_runtime_end(runtime, WWI_NEVER) ? 1 : 1000);
    return NULL;
}

static bool closing(void)
{
    struct thing thing;
    bool refused = join(&thing, runtime) < 0;

    end(&thing);
    return refused;
}

static void runtime__goes_on_ending_when_what_was_busy_is_done(void **state)
{
    struct latch ended = LATCH_INIT;
    pthread_t thread;

    (void) state;
    wwi_runtime_begin(runtime);
    pthread_create(&thread, NULL, end_runtime, &ended);
    while (!closing())
        sched_yield();
    assert_int_equal(latch_value(&ended), 0);

    wwi_runtime_done(runtime);

    assert_true(latch_reaches(&ended, 1));
    pthread_join(thread, NULL);
    assert_int_equal(latch_value(&ended), 1);
}

static void runtime__that_nobody_ended_ends_its_threads_by_itself(void **state)
{
    struct wwi_runtime *other;

    (void) state;
    (void) wwi_runtime_end(runtime, WWI_NEVER);
    give_back(runtime);
    other = make(1);
    assert_true(latch_reaches(&started, 1));

    give_back(other);

    assert_true(latch_reaches(&freed, 1));
    assert_int_equal(latch_value(&started), latch_value(&stopped));
    runtime = make(1);
    assert_non_null(runtime);
}

static void runtime__is_not_made_without_memory(void **state)
{
    struct wwi_runtime *made = NULL;
    uint64_t live, n = 0;

    (void) state;
    (void) wwi_runtime_end(runtime, WWI_NEVER);
    give_back(runtime);
    live = wwi_memory_live();
    while (made == NULL) {
        assert_int_equal(wwi_memory_live(), live);
        wwi_memory_fail(++n, 0);
        made = make(2);
        wwi_memory_fail(0, 0);
        /* The table was not taken. */
        assert_int_equal(latch_value(&freed), 0);
    }
    assert_true(n > 4);

    assert_true(wwi_runtime_end(made, WWI_NEVER));
    give_back(made);
    assert_int_equal(wwi_memory_live(), live);
    runtime = make(1);
    assert_non_null(runtime);
}

static void default_runtime__is_one_until_it_is_closed(void **state)
{
    struct wwi_runtime *first = wwi_runtime_hold(NULL);
    struct wwi_runtime *again = wwi_runtime_hold(NULL);

    (void) state;
    assert_ptr_equal(first, again);
    wwi_object_unref(&again->object);
    assert_true(wwi_runtime_end(first, WWI_NEVER));

    again = wwi_runtime_hold(NULL);

    assert_ptr_not_equal(first, again);
    wwi_object_unref(&first->object);
    first = wwi_runtime_existing_default();
    assert_ptr_equal(first, again);
    wwi_object_unref(&first->object);
    assert_true(wwi_runtime_end(again, WWI_NEVER));
    wwi_object_unref(&again->object);
}

static _Atomic int over;

static void *look_for_default(void *state)
{
    (void) state;
    while (atomic_load(&over) == 0) {
        struct wwi_runtime *found = wwi_runtime_existing_default();

        if (found != NULL)
            wwi_object_unref(&found->object);
    }
    return NULL;
}

static void child__has_no_default_runtime_and_waits_for_nobody(void **state)
{
    struct wwi_runtime *ours = wwi_runtime_hold(NULL);
    pthread_t thread;
    int result = 0;

    (void) state;
    atomic_store(&over, 0);
    pthread_create(&thread, NULL, look_for_default, NULL);
    for (int i = 0; i < FORKS && result == 0; i++) {
        pid_t child = fork();

        if (child == 0) {
            alarm(CHILD_SECONDS);
            _exit(wwi_runtime_existing_default() == NULL ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &result, 0), child);
    }
    atomic_store(&over, 1);
    pthread_join(thread, NULL);

    assert_int_equal(result, 0);
    assert_true(wwi_runtime_end(ours, WWI_NEVER));
    wwi_object_unref(&ours->object);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(runtime__uses_its_loops_in_turn),
        TEST(member__keeps_the_runtime_until_it_leaves),
        TEST(member__is_aborted_once_and_stays_a_member),
        TEST(member__may_end_while_it_is_aborted),
        TEST(runtime__that_ends_aborts_its_members_and_takes_no_more),
        TEST(runtime__that_ends_waits_for_what_is_busy),
        TEST(runtime__goes_on_ending_when_what_was_busy_is_done),
        TEST(runtime__that_nobody_ended_ends_its_threads_by_itself),
        TEST(runtime__is_not_made_without_memory),
        TEST(default_runtime__is_one_until_it_is_closed),
        TEST(child__has_no_default_runtime_and_waits_for_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
