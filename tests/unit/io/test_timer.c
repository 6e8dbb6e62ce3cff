/* The wheel against promises, and against an oracle that looks at every timer
 * every time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/io/timer.h"

enum { MANY = 100000 };

static const int64_t hour = 3600 * 1000;
static const int64_t span = (int64_t) 1 << 36;

static struct wwi_timer_wheel wheel;
static struct wwi_list due;

static void start(int64_t now)
{
    wwi_timer_wheel_init(&wheel, now);
    wwi_list_init(&due);
}

/* Collects, and counts what is due. */
static int collected(int64_t now)
{
    int count = 0;

    wwi_timer_collect(&wheel, now, &due);
    while (wwi_list_take(&due) != NULL)
        count++;
    return count;
}

static void timer__expires_at_its_deadline_and_no_earlier(void **state)
{
    static const int64_t delays[] = { 1, 2, 63, 64, 65, 127, 128, 4095, 4096,
        4097, 262143, 262144, 262145, 1 << 24, 1 << 30, (1 << 30) + 1 };
    static const int64_t starts[] = { 0, 1, 63, 64, 4095, 262143, 1234567890 };
    size_t i, j;

    (void) state;
    for (i = 0; i < sizeof starts / sizeof *starts; i++) {
        for (j = 0; j < sizeof delays / sizeof *delays; j++) {
            struct wwi_timer timer = { .deadline = 0 };

            start(starts[i]);
            wwi_timer_set(&wheel, &timer, starts[i] + delays[j]);

            assert_int_equal(collected(starts[i] + delays[j] - 1), 0);
            assert_int_equal(collected(starts[i] + delays[j]), 1);
            assert_int_equal(collected(starts[i] + delays[j] + span), 0);
        }
    }
}

static void timer__that_has_passed_is_due_without_time_moving(void **state)
{
    struct wwi_timer now = { .deadline = 0 }, before = { .deadline = 0 };

    (void) state;
    start(1000);
    assert_int_equal(collected(1000), 0);
    wwi_timer_set(&wheel, &now, 1000);
    wwi_timer_set(&wheel, &before, 17);

    assert_true(wwi_timer_next(&wheel) <= 1000);
    assert_int_equal(collected(1000), 2);
    assert_true(wwi_timer_next(&wheel) == WWI_NEVER);
}

static void timer__that_is_set_again_is_moved(void **state)
{
    struct wwi_timer timer = { .deadline = 0 };

    (void) state;
    start(0);
    wwi_timer_set(&wheel, &timer, 10);
    wwi_timer_set(&wheel, &timer, 100000);
    assert_true(wheel.count == 1);
    assert_int_equal(collected(99999), 0);
    wwi_timer_set(&wheel, &timer, 100001);

    assert_int_equal(collected(100000), 0);
    assert_int_equal(collected(100001), 1);
    assert_true(wheel.count == 0);
}

static void timer__that_is_cancelled_leaves_nothing_to_wait_for(void **state)
{
    struct wwi_timer timer = { .deadline = 0 };

    (void) state;
    start(0);
    assert_false(wwi_timer_cancel(&wheel, &timer));
    wwi_timer_set(&wheel, &timer, 5000);

    assert_true(wwi_timer_cancel(&wheel, &timer));
    assert_false(wwi_timer_cancel(&wheel, &timer));
    assert_true(wwi_timer_next(&wheel) == WWI_NEVER);
    assert_int_equal(collected(hour), 0);
}

static void timer__that_was_collected_can_be_taken_from_the_list(void **state)
{
    struct wwi_timer timers[3];

    (void) state;
    memset(timers, 0, sizeof timers);
    start(0);
    wwi_timer_set(&wheel, &timers[0], 1);
    wwi_timer_set(&wheel, &timers[1], 1);
    wwi_timer_set(&wheel, &timers[2], 1);
    wwi_timer_collect(&wheel, 1, &due);

    assert_true(wwi_timer_cancel(&wheel, &timers[0]));
    wwi_timer_set(&wheel, &timers[1], 2);

    assert_ptr_equal(wwi_list_take(&due), &timers[2].link);
    assert_true(wwi_list_empty(&due));
    assert_true(wheel.count == 1);
    assert_int_equal(collected(2), 1);
}

static void timer__beyond_the_span_waits_for_its_deadline(void **state)
{
    struct wwi_timer far = { .deadline = 0 }, never = { .deadline = 0 };
    int64_t now;

    (void) state;
    start(123456);
    wwi_timer_set(&wheel, &far, 123456 + 5 * span + 789);
    wwi_timer_set(&wheel, &never, WWI_NEVER);
    for (now = 123456; now < 123456 + 5 * span; now += span / 3)
        assert_int_equal(collected(now), 0);

    assert_int_equal(collected(123456 + 5 * span + 788), 0);
    assert_int_equal(collected(123456 + 5 * span + 789), 1);
    assert_true(wwi_timer_cancel(&wheel, &never));
    assert_true(wwi_timer_next(&wheel) == WWI_NEVER);
}

static void timer__next_leads_to_a_deadline_in_few_steps(void **state)
{
    struct wwi_timer timer = { .deadline = 0 };
    int steps = 0;

    (void) state;
    start(999);
    wwi_timer_set(&wheel, &timer, 999 + 40 * 24 * hour);

    while (wheel.count != 0) {
        int64_t next = wwi_timer_next(&wheel);

        assert_true(next <= timer.deadline);
        assert_int_equal(collected(next), next == timer.deadline ? 1 : 0);
        steps++;
    }
    assert_true(steps <= WWI_TIMER_LEVELS);
}

/* A walk by ticks would take longer than any test may. */
static void timer__empty_time_costs_nothing(void **state)
{
    struct wwi_timer timer = { .deadline = 0 };
    int64_t now = 0;
    int i;

    (void) state;
    start(0);
    wwi_timer_set(&wheel, &timer, WWI_NEVER);
    for (i = 0; i < 100000; i++) {
        now += 1000 * hour;
        assert_int_equal(collected(now), 0);
    }
}

static uint64_t seed;

static uint64_t random_number(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Of any order of magnitude up to some bits. */
static int64_t random_time(unsigned bits)
{
    return (int64_t) (random_number() >> (63 - random_number() % bits));
}

enum { SOME = 64 };

static struct wwi_timer timers[SOME];
static bool set[SOME];

static void check_next(int64_t now)
{
    int64_t next = wwi_timer_next(&wheel);
    uint64_t count = 0;
    int i;

    for (i = 0; i < SOME; i++) {
        assert_int_equal(wwi_link_listed(&timers[i].link), set[i]);
        if (!set[i])
            continue;
        count++;
        assert_true(next <= timers[i].deadline || next <= now);
    }
    assert_true(wheel.count == count);
    assert_true((next == WWI_NEVER) == (count == 0));
}

static void check_collect(int64_t now)
{
    struct wwi_link *link;
    int i;

    wwi_timer_collect(&wheel, now, &due);
    while ((link = wwi_list_take(&due)) != NULL) {
        struct wwi_timer *timer = WWI_CONTAINER(link, struct wwi_timer, link);

        assert_true(set[timer - timers]);
        assert_true(timer->deadline <= now);
        set[timer - timers] = false;
    }
    for (i = 0; i < SOME; i++)
        assert_true(!set[i] || timers[i].deadline > now);
}

static void run_at_random(uint64_t from)
{
    int64_t now;
    int step;

    seed = from * UINT64_C(0x9E3779B97F4A7C15) + 1;
    now = random_time(50);
    memset(timers, 0, sizeof timers);
    memset(set, 0, sizeof set);
    start(now);
    for (step = 0; step < 2000; step++) {
        size_t i = random_number() % SOME;

        switch (random_number() % 4) {
        case 0:
        case 1:
            wwi_timer_set(&wheel, &timers[i], now - 3 + random_time(40));
            set[i] = true;
            break;
        case 2:
            assert_int_equal(wwi_timer_cancel(&wheel, &timers[i]), set[i]);
            set[i] = false;
            break;
        default:
            now = random_number() % 2 == 0 || wheel.count == 0
                ? now + random_time(38)
                : wwi_timer_next(&wheel) > now ? wwi_timer_next(&wheel) : now;
            check_collect(now);
        }
        check_next(now);
    }
}

static void timer__agrees_with_looking_at_every_timer(void **state)
{
    uint64_t from;

    (void) state;
    for (from = 1; from <= 300; from++)
        run_at_random(from);
}

static void timer__a_hundred_thousand_are_set_and_cancelled(void **state)
{
    struct wwi_timer *many = wwi_alloc_zero(MANY * sizeof *many);
    int i, found = 0;
    int64_t now;

    (void) state;
    assert_non_null(many);
    start(0);
    for (i = 0; i < MANY; i++)
        wwi_timer_set(&wheel, &many[i], i * INT64_C(37) % (10 * hour) + 1);
    assert_true(wheel.count == MANY);
    for (i = 0; i < MANY; i += 2)
        assert_true(wwi_timer_cancel(&wheel, &many[i]));

    for (now = 0; now <= 10 * hour; now += 977)
        found += collected(now);
    found += collected(11 * hour);

    assert_int_equal(found, MANY / 2);
    assert_true(wwi_timer_next(&wheel) == WWI_NEVER);
    wwi_free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timer__expires_at_its_deadline_and_no_earlier),
        cmocka_unit_test(timer__that_has_passed_is_due_without_time_moving),
        cmocka_unit_test(timer__that_is_set_again_is_moved),
        cmocka_unit_test(timer__that_is_cancelled_leaves_nothing_to_wait_for),
        cmocka_unit_test(timer__that_was_collected_can_be_taken_from_the_list),
        cmocka_unit_test(timer__beyond_the_span_waits_for_its_deadline),
        cmocka_unit_test(timer__next_leads_to_a_deadline_in_few_steps),
        cmocka_unit_test(timer__empty_time_costs_nothing),
        cmocka_unit_test(timer__agrees_with_looking_at_every_timer),
        cmocka_unit_test(timer__a_hundred_thousand_are_set_and_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
