/* Time that is held, moved and let go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/clock.h"

struct waker {
    struct wwi_sleeper sleeper;
    int woken;
};

static void note(struct wwi_sleeper *sleeper)
{
    WWI_CONTAINER(sleeper, struct waker, sleeper)->woken++;
}

static int let_go(void **state)
{
    (void) state;
    wwi_clock_release();
    return 0;
}

/* Returns when the system's own clock has gone on. */
static void pass_some_time(void)
{
    struct timespec from, now;

    clock_gettime(CLOCK_MONOTONIC, &from);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - from.tv_sec) * 1000000000L
        + (now.tv_nsec - from.tv_nsec) < 3000000L);
}

static void clock__that_runs_goes_on(void **state)
{
    int64_t before = wwi_clock_now();

    (void) state;
    pass_some_time();

    assert_true(wwi_clock_now() >= before + 2);
}

static void clock__that_is_held_stands_still(void **state)
{
    int64_t before;

    (void) state;
    wwi_clock_hold();
    before = wwi_clock_now();

    pass_some_time();

    assert_int_equal(wwi_clock_now(), before);
}

static void clock__is_moved_by_just_so_much(void **state)
{
    int64_t before;

    (void) state;
    wwi_clock_hold();
    before = wwi_clock_now();

    wwi_clock_move(1);
    wwi_clock_move(86400000);

    assert_int_equal(wwi_clock_now(), before + 86400001);
}

static void clock__goes_on_from_where_it_was_held(void **state)
{
    int64_t held;

    (void) state;
    wwi_clock_hold();
    wwi_clock_move(1000000);
    held = wwi_clock_now();

    wwi_clock_release();

    assert_true(wwi_clock_now() >= held);
    assert_true(wwi_clock_now() < held + 500000);
    pass_some_time();
    assert_true(wwi_clock_now() >= held + 2);
}

static void clock__that_is_held_twice_and_let_go_twice_is_as_once(void **state)
{
    int64_t before;

    (void) state;
    wwi_clock_hold();
    wwi_clock_hold();
    before = wwi_clock_now();
    wwi_clock_release();
    wwi_clock_release();

    assert_true(wwi_clock_now() >= before);
    pass_some_time();
    assert_true(wwi_clock_now() >= before + 2);
}

static void deadline__is_so_much_later_or_never(void **state)
{
    (void) state;
    wwi_clock_hold();

    assert_int_equal(wwi_clock_after(0), wwi_clock_now());
    assert_int_equal(wwi_clock_after(1), wwi_clock_now() + 1);
    assert_int_equal(wwi_clock_after(WWS_INFINITE - 1),
        wwi_clock_now() + UINT32_MAX - 1);
    assert_true(wwi_clock_after(WWS_INFINITE) == WWI_NEVER);
}

static void timeout__lasts_until_the_deadline_and_no_shorter(void **state)
{
    int64_t deadline = wwi_clock_after(60000);
    int timeout = wwi_clock_timeout(deadline);

    (void) state;
    assert_true(timeout > 0);
    assert_true(timeout <= 60001);
    assert_true(wwi_clock_now() + timeout > deadline - 60000);
    assert_int_equal(wwi_clock_timeout(WWI_NEVER), -1);
    assert_int_equal(wwi_clock_timeout(wwi_clock_now()), 0);
    assert_int_equal(wwi_clock_timeout(wwi_clock_now() - 1), 0);
    assert_int_equal(wwi_clock_timeout(0), 0);
    assert_int_equal(wwi_clock_timeout(WWI_NEVER - 1), INT32_MAX);
}

static void timeout__while_the_clock_is_held_is_for_ever(void **state)
{
    int64_t deadline;

    (void) state;
    wwi_clock_hold();
    deadline = wwi_clock_after(10);

    assert_int_equal(wwi_clock_timeout(deadline), -1);
    wwi_clock_move(9);
    assert_int_equal(wwi_clock_timeout(deadline), -1);
    wwi_clock_move(1);
    assert_int_equal(wwi_clock_timeout(deadline), 0);
}

static void sleeper__is_woken_whenever_the_clock_is_touched(void **state)
{
    struct waker a = { .sleeper.wake = note }, b = { .sleeper.wake = note };

    (void) state;
    wwi_clock_add_sleeper(&a.sleeper);
    wwi_clock_add_sleeper(&b.sleeper);
    wwi_clock_hold();
    assert_int_equal(a.woken, 1);
    wwi_clock_move(1);
    assert_int_equal(a.woken, 2);
    wwi_clock_remove_sleeper(&b.sleeper);
    wwi_clock_release();
    assert_int_equal(a.woken, 3);
    wwi_clock_remove_sleeper(&a.sleeper);

    wwi_clock_hold();

    assert_int_equal(a.woken, 3);
    assert_int_equal(b.woken, 2);
}

static void wall_clock__is_the_systems(void **state)
{
    int64_t before = (int64_t) time(NULL);
    int64_t wall = wwi_clock_wall();

    (void) state;
    assert_true(wall >= before);
    assert_true(wall <= (int64_t) time(NULL));
}

#define TEST(name) cmocka_unit_test_teardown(name, let_go)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clock__that_runs_goes_on),
        TEST(clock__that_is_held_stands_still),
        TEST(clock__is_moved_by_just_so_much),
        TEST(clock__goes_on_from_where_it_was_held),
        TEST(clock__that_is_held_twice_and_let_go_twice_is_as_once),
        TEST(deadline__is_so_much_later_or_never),
        TEST(timeout__lasts_until_the_deadline_and_no_shorter),
        TEST(timeout__while_the_clock_is_held_is_for_ever),
        TEST(sleeper__is_woken_whenever_the_clock_is_touched),
        TEST(wall_clock__is_the_systems),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
