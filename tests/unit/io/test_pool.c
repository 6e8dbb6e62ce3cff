/* Threads that run callbacks.  The pool is included with a clock of our own, so
 * that threads are idle for long enough at once. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int test_clock_gettime(clockid_t id, struct timespec *now);

#define clock_gettime test_clock_gettime
#include "core/io/pool.c"
#undef clock_gettime
#include "tests/unit/io/latch.h"

enum { MOST = 4, MANY = 500, SUBMITTERS = 3 };

static _Atomic bool hurry;
static uint64_t live_before;
static struct wwi_pool *pool;
static struct latch entered, gate, started, stopped;

/* While we hurry, what lasts some seconds from now is over. */
static int test_clock_gettime(clockid_t id, struct timespec *now)
{
    int result = clock_gettime(id, now);

    if (atomic_load(&hurry))
        now->tv_sec -= 2 * IDLE_SECONDS;
    return result;
}

static void note_start(void *state)
{
    latch_add(state, 1);
}

static void note_stop(void *state)
{
    (void) state;
    latch_add(&stopped, 1);
}

static const wws_thread_callbacks callbacks = {
    sizeof callbacks, WWS_VERSION, &started, NULL, note_start, note_stop
};

static int set_up(void **state)
{
    const struct latch fresh = LATCH_INIT;

    (void) state;
    live_before = wwi_memory_live();
    entered = gate = started = stopped = fresh;
    atomic_store(&hurry, false);
    pool = wwi_pool_create(MOST, &callbacks);
    return pool != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    latch_add(&gate, 1000000);
    if (!wwi_pool_close(pool, WWI_NEVER))
        return -1;
    wwi_pool_free(pool);
    if (latch_value(&started) != latch_value(&stopped))
        return -1;
    return wwi_memory_live() == live_before ? 0 : -1;
}

/* Waits in the gate, of which each needs its own turn. */
static void block(struct wwi_work *work)
{
    (void) work;
    latch_add(&entered, 1);
    (void) latch_reaches(&gate, 1);
}

static void pass(struct wwi_work *work)
{
    (void) work;
    latch_add(&entered, 1);
}

static void submit_blocking(struct wwi_work *works, int count)
{
    for (int i = 0; i < count; i++) {
        works[i] = (struct wwi_work) { .run = block };
        wwi_pool_long(pool, &works[i]);
    }
}

/* Returns when the pool has so many threads. */
static void await_threads(uint32_t count)
{
    while (wwi_pool_threads(pool) != count)
        sched_yield();
}

static void pool__begins_with_the_thread_it_reserves(void **state)
{
    (void) state;
    assert_int_equal(wwi_pool_threads(pool), 1);
    assert_true(latch_reaches(&started, 1));
    assert_false(wwi_pool_current(pool));
}

static void pool__grows_while_callbacks_block(void **state)
{
    struct wwi_work works[MOST];

    (void) state;
    submit_blocking(works, MOST);

    assert_true(latch_reaches(&entered, MOST));
    assert_int_equal(wwi_pool_threads(pool), MOST + 1);
    assert_int_equal(wwi_pool_handed_over(pool), MOST);
}

static void pool__grows_no_further_than_its_cap(void **state)
{
    struct wwi_work works[2 * MOST];

    (void) state;
    submit_blocking(works, 2 * MOST);
    assert_true(latch_reaches(&entered, MOST));
    assert_int_equal(wwi_pool_threads(pool), MOST + 1);
    assert_int_equal(latch_value(&entered), MOST);

    latch_add(&gate, 1);

    assert_true(latch_reaches(&entered, 2 * MOST));
    assert_true(wwi_pool_threads(pool) <= MOST + 1);
}

/* A21, A26 */
static void pool__runs_urgent_work_though_all_threads_block(void **state)
{
    struct wwi_work works[MOST], urgent[3];

    (void) state;
    submit_blocking(works, MOST);
    assert_true(latch_reaches(&entered, MOST));

    for (int i = 0; i < 3; i++) {
        urgent[i] = (struct wwi_work) { .run = pass };
        wwi_pool_urgent(pool, &urgent[i]);
    }

    assert_true(latch_reaches(&entered, MOST + 3));
    assert_int_equal(wwi_pool_threads(pool), MOST + 1);
}

/* A21, A26 */
static void pool__keeps_its_reserve_free_of_long_work(void **state)
{
    struct wwi_work works[2 * MOST], urgent = { .run = pass };

    (void) state;
    submit_blocking(works, 2 * MOST);
    assert_true(latch_reaches(&entered, MOST));
    wwi_pool_urgent(pool, &urgent);
    assert_true(latch_reaches(&entered, MOST + 1));

    /* The reserve has run that, and found the long work behind it. */
    urgent = (struct wwi_work) { .run = pass };
    wwi_pool_urgent(pool, &urgent);

    assert_true(latch_reaches(&entered, MOST + 2));
    assert_int_equal(latch_value(&entered), MOST + 2);
    latch_add(&gate, 1);
    assert_true(latch_reaches(&entered, 2 * MOST + 2));
}

static void pool__uses_an_idle_thread_before_it_makes_one(void **state)
{
    (void) state;
    for (int i = 1; i <= MANY; i++) {
        struct wwi_work work = { .run = pass };

        wwi_pool_long(pool, &work);
        assert_true(latch_reaches(&entered, i));
        /* Until the thread is idle again. */
        for (bool idle = false; !idle; sched_yield()) {
            wwi_lock_take(&pool->synced.lock);
            idle = !wwi_list_empty(&pool->synced.idle);
            wwi_lock_give(&pool->synced.lock);
        }
    }

    assert_int_equal(wwi_pool_threads(pool), 2);
}

static void pool__shrinks_to_its_reserve_when_idle(void **state)
{
    struct wwi_work works[MOST];

    (void) state;
    submit_blocking(works, MOST);
    assert_true(latch_reaches(&entered, MOST));
    atomic_store(&hurry, true);
    latch_add(&gate, 1);

    await_threads(1);

    assert_true(latch_reaches(&stopped, MOST));
    atomic_store(&hurry, false);
    works[0] = (struct wwi_work) { .run = pass };
    wwi_pool_long(pool, &works[0]);
    assert_true(latch_reaches(&entered, MOST + 1));
}

static struct wwi_work handed[SUBMITTERS][MANY];
static _Atomic int runs[SUBMITTERS][MANY];

static void count_run(struct wwi_work *work)
{
    ptrdiff_t index = work - &handed[0][0];

    atomic_fetch_add(&runs[index / MANY][index % MANY], 1);
    latch_add(&entered, 1);
}

static void *submit_many(void *state)
{
    struct wwi_work *works = state;

    for (int i = 0; i < MANY; i++) {
        works[i] = (struct wwi_work) { .run = count_run };
        if (i % 2 == 0)
            wwi_pool_long(pool, &works[i]);
        else
            wwi_pool_urgent(pool, &works[i]);
    }
    return NULL;
}

static void pool__runs_each_work_once(void **state)
{
    pthread_t threads[SUBMITTERS];

    (void) state;
    memset(runs, 0, sizeof runs);
    for (int i = 0; i < SUBMITTERS; i++)
        pthread_create(&threads[i], NULL, submit_many, handed[i]);
    for (int i = 0; i < SUBMITTERS; i++)
        pthread_join(threads[i], NULL);

    assert_true(latch_reaches(&entered, SUBMITTERS * MANY));
    for (int i = 0; i < SUBMITTERS * MANY; i++)
        assert_int_equal(runs[i / MANY][i % MANY], 1);
}

static void pool__that_closes_runs_what_is_there(void **state)
{
    (void) state;
    memset(runs, 0, sizeof runs);
    (void) submit_many(handed[0]);

    assert_true(wwi_pool_close(pool, WWI_NEVER));

    assert_int_equal(latch_value(&entered), MANY);
    assert_int_equal(wwi_pool_threads(pool), 0);
    assert_int_equal(latch_value(&started), latch_value(&stopped));
}

static void pool__that_closes_waits_no_longer_than_allowed(void **state)
{
    struct wwi_work work;

    (void) state;
    submit_blocking(&work, 1);
    assert_true(latch_reaches(&entered, 1));

    assert_false(wwi_pool_close(pool, wwi_clock_now()));
    assert_false(wwi_pool_close(pool, wwi_clock_after(1)));
    latch_add(&gate, 1);

    assert_true(wwi_pool_close(pool, WWI_NEVER));
}

static pthread_t ran_on;

static void note_thread(struct wwi_work *work)
{
    (void) work;
    ran_on = pthread_self();
    latch_add(&entered, 1);
}

static void pool__that_has_closed_runs_work_where_it_is_submitted(void **state)
{
    struct wwi_work work = { .run = note_thread };

    (void) state;
    assert_true(wwi_pool_close(pool, WWI_NEVER));

    wwi_pool_long(pool, &work);
    wwi_pool_urgent(pool, &work);

    assert_int_equal(latch_value(&entered), 2);
    assert_true(pthread_equal(ran_on, pthread_self()));
}

/* A17, A21 */
static void pool__without_memory_for_a_thread_runs_work_all_the_same(
    void **state)
{
    static struct wwi_work work = { .run = pass };

    (void) state;
    wwi_memory_fail(1, 1);
    wwi_pool_long(pool, &work);

    assert_true(latch_reaches(&entered, 1));
    wwi_memory_fail(0, 0);
    assert_int_equal(wwi_pool_threads(pool), 1);
}

static void look_at_thread(struct wwi_work *work)
{
    sigset_t blocked;

    (void) work;
    (void) pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (wwi_pool_current(pool) && sigismember(&blocked, SIGTERM) == 1
        && sigismember(&blocked, SIGPIPE) == 1
        && latch_value(&started) >= 2)
        latch_add(&entered, 1);
    latch_add(&gate, 1);
}

static void thread__is_the_pools_takes_no_signals_and_was_told_of(void **state)
{
    struct wwi_work work = { .run = look_at_thread };

    (void) state;
    assert_true(latch_reaches(&started, 1));
    wwi_pool_long(pool, &work);

    assert_true(latch_reaches(&gate, 1));
    assert_int_equal(latch_value(&entered), 1);
}

static void pool__is_not_made_without_memory(void **state)
{
    (void) state;
    for (uint64_t n = 1; n <= 2; n++) {
        uint64_t live = wwi_memory_live();

        wwi_memory_fail(n, 0);
        assert_null(wwi_pool_create(MOST, NULL));
        assert_int_equal(wwi_memory_live(), live);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* As set up, but with a higher cap. */
static void enlarge(uint32_t most)
{
    assert_true(wwi_pool_close(pool, WWI_NEVER));
    wwi_pool_free(pool);
    pool = wwi_pool_create(most, &callbacks);
    assert_non_null(pool);
}

static void pool__needs_few_threads_for_very_much_that_is_short(void **state)
{
    enum { LARGE = 64, CROWD = 20000 };
    struct wwi_work *works = wwi_alloc_zero(CROWD * sizeof *works);

    (void) state;
    assert_non_null(works);
    enlarge(LARGE);
    for (int i = 0; i < CROWD; i++) {
        works[i].run = pass;
        wwi_pool_urgent(pool, &works[i]);
    }

    assert_true(latch_reaches(&entered, CROWD));
    assert_true(wwi_pool_threads(pool) < LARGE / 2);
    wwi_free(works);
}

/* A26: nothing waits for what blocks. */
static void pool__finds_a_thread_for_each_that_blocks(void **state)
{
    enum { LARGE = 16 };
    struct wwi_work works[LARGE + 1];

    (void) state;
    enlarge(LARGE);
    for (int i = 0; i <= LARGE; i++) {
        works[i] = (struct wwi_work) { .run = block };
        wwi_pool_urgent(pool, &works[i]);
    }

    assert_true(latch_reaches(&entered, LARGE + 1));
    assert_int_equal(wwi_pool_threads(pool), LARGE + 1);
    latch_add(&gate, LARGE + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pool__begins_with_the_thread_it_reserves),
        TEST(pool__grows_while_callbacks_block),
        TEST(pool__grows_no_further_than_its_cap),
        TEST(pool__runs_urgent_work_though_all_threads_block),
        TEST(pool__keeps_its_reserve_free_of_long_work),
        TEST(pool__uses_an_idle_thread_before_it_makes_one),
        TEST(pool__shrinks_to_its_reserve_when_idle),
        TEST(pool__runs_each_work_once),
        TEST(pool__that_closes_runs_what_is_there),
        TEST(pool__that_closes_waits_no_longer_than_allowed),
        TEST(pool__that_has_closed_runs_work_where_it_is_submitted),
        TEST(pool__without_memory_for_a_thread_runs_work_all_the_same),
        TEST(thread__is_the_pools_takes_no_signals_and_was_told_of),
        TEST(pool__is_not_made_without_memory),
        TEST(pool__needs_few_threads_for_very_much_that_is_short),
        TEST(pool__finds_a_thread_for_each_that_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
