/* One unfinished thing: every cell of its table, and threads that compete for
 * it.  The file itself is included for the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/io/pending.c"
#include "tests/unit/io/latch.h"

enum { THREADS = 4, ROUNDS = 2000, SLEEPS = 1000 };

static struct wwi_wake *wake;
static struct wwi_pending pending;
static int delivered;

static void note(struct wwi_pending *ended)
{
    assert_ptr_equal(ended, &pending);
    delivered++;
}

static int set_up(void **state)
{
    (void) state;
    wake = wwi_wake_take();
    wwi_pending_init(&pending, wake, NULL);
    delivered = 0;
    return wake != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void) state;
    wwi_clock_release();
    wwi_wake_drain(wake);
    wwi_wake_give(wake);
    return 0;
}

static void finish(wws_status status)
{
    const struct wwi_outcome outcome = { .status = status };

    wwi_pending_finish(&pending, &outcome);
}

static uint32_t expected_state(uint32_t state, int event)
{
    if (event == START && state == IDLE)
        return RUNNING;
    if (event == SLEEP && state == RUNNING)
        return SLEEPING;
    if (event == WOKE && state == SLEEPING)
        return RUNNING;
    if (event == TAKE && state <= SLEEPING)
        return TAKEN;
    if (event == FINISH && state == TAKEN)
        return DONE;
    return NO;
}

static void pending__moves_as_its_table_says_and_no_other_way(void **unused)
{
    (void) unused;
    for (uint32_t state = IDLE; state <= DONE; state++) {
        for (int event = START; event < EVENTS; event++) {
            uint32_t expected = expected_state(state, event);

            atomic_store(&pending.state, state);

            assert_int_equal(move(&pending, (enum event) event),
                expected == NO ? NO : state);
            assert_int_equal(atomic_load(&pending.state),
                expected == NO ? state : expected);
        }
    }
}

static void pending__that_was_taken_before_its_start_never_starts(void **state)
{
    (void) state;
    assert_false(wwi_pending_taken(&pending));
    assert_true(wwi_pending_take(&pending));

    assert_false(wwi_pending_start(&pending));
    assert_true(wwi_pending_taken(&pending));
    finish(WWS_E_OPERATION_CANCELLED);

    assert_int_equal(wwi_pending_sleep(&pending, -1, 0, WWI_NEVER),
        WWI_WOKEN_ENDED);
    assert_int_equal(pending.outcome.status, WWS_E_OPERATION_CANCELLED);
}

static void pending__starts_once(void **state)
{
    (void) state;
    assert_true(wwi_pending_start(&pending));
    assert_false(wwi_pending_start(&pending));
}

static void pending__is_taken_once_and_stays_taken(void **state)
{
    (void) state;
    assert_true(wwi_pending_start(&pending));
    assert_true(wwi_pending_take(&pending));
    assert_false(wwi_pending_take(&pending));
    finish(WWS_S_OK);

    assert_false(wwi_pending_take(&pending));
    assert_true(wwi_pending_taken(&pending));
}

static void pending__is_delivered_once_by_who_took_it(void **state)
{
    (void) state;
    wwi_pending_init(&pending, NULL, note);
    assert_true(wwi_pending_start(&pending));
    assert_true(wwi_pending_take(&pending));
    assert_int_equal(delivered, 0);

    finish(WWS_E_OTHER);

    assert_int_equal(delivered, 1);
    assert_int_equal(pending.outcome.status, WWS_E_OTHER);
}

static void pending__wakes_nobody_if_nobody_sleeps(void **state)
{
    struct pollfd polled = { .fd = wake->fd, .events = POLLIN };

    (void) state;
    assert_true(wwi_pending_start(&pending));
    assert_true(wwi_pending_take(&pending));

    finish(WWS_S_OK);

    assert_int_equal(poll(&polled, 1, 0), 0);
}

static struct {
    _Atomic uint32_t round;
    _Atomic uint32_t arrived;
    _Atomic uint32_t winners;
    _Atomic uint32_t starters;
} race;

static void *compete(void *state)
{
    bool starts = state != NULL;

    for (uint32_t round = 1; round <= ROUNDS; round++) {
        while (atomic_load(&race.round) < round)
            sched_yield();
        if (starts && wwi_pending_start(&pending))
            atomic_fetch_add(&race.starters, 1);
        if (wwi_pending_take(&pending)) {
            atomic_fetch_add(&race.winners, 1);
            finish((wws_status) round);
        }
        atomic_fetch_add(&race.arrived, 1);
    }
    return NULL;
}

/* L8 */
static void pending__has_exactly_one_winner(void **state)
{
    pthread_t threads[THREADS];

    (void) state;
    memset(&race, 0, sizeof race);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, compete, i == 0 ? &race : NULL);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        wwi_pending_init(&pending, NULL, note);
        atomic_store(&race.round, round);
        while (atomic_load(&race.arrived) < round * THREADS)
            sched_yield();
        if (race.winners != round || pending.outcome.status != (int) round)
            break;
    }
    /* So that they end, though it went wrong. */
    atomic_store(&race.round, ROUNDS);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    assert_int_equal(race.winners, ROUNDS);
    assert_int_equal(delivered, ROUNDS);
    assert_true(race.starters <= ROUNDS);
}

/* A thread that sleeps in the pending until something happens. */
struct sleeper {
    pthread_t thread;
    int fd;
    int64_t deadline;
    enum wwi_woken woken;
};

static void *sleep_in_it(void *state)
{
    struct sleeper *sleeper = state;

    sleeper->woken = wwi_pending_sleep(&pending, sleeper->fd, POLLIN,
        sleeper->deadline);
    return NULL;
}

/* Returns when the thread sleeps, or is about to. */
static void put_to_sleep(struct sleeper *sleeper, int fd, int64_t deadline)
{
    *sleeper = (struct sleeper) { .fd = fd, .deadline = deadline };
    assert_true(wwi_pending_start(&pending));
    pthread_create(&sleeper->thread, NULL, sleep_in_it, sleeper);
    while (atomic_load(&pending.state) != SLEEPING)
        sched_yield();
}

/* Which wakes all, so that this one must fall asleep after it. */
static void hold_the_clock(void)
{
    wwi_clock_hold();
    wwi_wake_drain(wake);
}

static enum wwi_woken woken(struct sleeper *sleeper)
{
    pthread_join(sleeper->thread, NULL);
    return sleeper->woken;
}

static void sleeper__is_woken_by_who_took_the_pending(void **state)
{
    struct sleeper sleeper;

    (void) state;
    put_to_sleep(&sleeper, -1, WWI_NEVER);
    assert_true(wwi_pending_take(&pending));
    finish(WWS_E_OPERATION_ABORTED);

    assert_int_equal(woken(&sleeper), WWI_WOKEN_ENDED);
    assert_int_equal(pending.outcome.status, WWS_E_OPERATION_ABORTED);
}

static void sleeper__is_woken_when_the_clock_comes_to_its_deadline(void **state)
{
    struct sleeper sleeper;

    (void) state;
    hold_the_clock();
    put_to_sleep(&sleeper, -1, wwi_clock_after(1000));
    wwi_clock_move(1000);

    assert_int_equal(woken(&sleeper), WWI_WOKEN_EXPIRED);
    assert_false(wwi_pending_taken(&pending));
}

static void sleeper__has_no_reason_when_the_clock_moves_too_little(
    void **state)
{
    struct sleeper sleeper;

    (void) state;
    hold_the_clock();
    put_to_sleep(&sleeper, -1, wwi_clock_after(1000));
    wwi_clock_move(999);

    assert_int_equal(woken(&sleeper), WWI_WOKEN_READY);
}

static void sleeper__is_woken_by_its_descriptor(void **state)
{
    struct sleeper sleeper;
    int ends[2];

    (void) state;
    assert_int_equal(pipe(ends), 0);
    put_to_sleep(&sleeper, ends[0], WWI_NEVER);
    assert_int_equal(write(ends[1], "x", 1), 1);

    assert_int_equal(woken(&sleeper), WWI_WOKEN_READY);
    close(ends[0]);
    close(ends[1]);
}

static void sleeper__whose_descriptor_is_ready_has_not_expired(void **state)
{
    int ends[2];

    (void) state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_true(wwi_pending_start(&pending));

    assert_int_equal(
        wwi_pending_sleep(&pending, ends[0], POLLIN, wwi_clock_now()),
        WWI_WOKEN_READY);

    close(ends[0]);
    close(ends[1]);
}

static void sleeper__whose_deadline_has_passed_does_not_sleep(void **state)
{
    (void) state;
    assert_true(wwi_pending_start(&pending));

    assert_int_equal(wwi_pending_sleep(&pending, -1, 0, wwi_clock_now()),
        WWI_WOKEN_EXPIRED);
}

static void sleeper__that_is_woken_for_nothing_can_sleep_again(void **state)
{
    struct pollfd polled = { .fd = wake->fd, .events = POLLIN };

    (void) state;
    assert_true(wwi_pending_start(&pending));
    for (int i = 0; i < 3; i++) {
        wwi_wake_signal(wake);
        wwi_wake_signal(wake);

        assert_int_equal(wwi_pending_sleep(&pending, -1, 0, WWI_NEVER),
            WWI_WOKEN_READY);
        assert_int_equal(poll(&polled, 1, 0), 0);
    }
    assert_true(wwi_pending_take(&pending));
}

static void *settle_then_note(void *state)
{
    wwi_pending_settle(&pending);
    latch_add(state, 1);
    return NULL;
}

static void pending__is_settled_only_when_it_is_finished(void **state)
{
    struct latch settled = LATCH_INIT;
    pthread_t thread;

    (void) state;
    assert_true(wwi_pending_take(&pending));
    pthread_create(&thread, NULL, settle_then_note, &settled);
    assert_int_equal(latch_value(&settled), 0);

    finish(WWS_S_OK);

    assert_true(latch_reaches(&settled, 1));
    pthread_join(thread, NULL);
}

/* Ends pendings of a thread that waits for one after another, each in memory
 * that is gone as soon as it has ended. */
static _Atomic(struct wwi_pending *) offered;
static _Atomic int over;

static void *end_what_is_offered(void *state)
{
    const struct wwi_outcome outcome = { .status = WWS_E_OTHER };

    (void) state;
    while (atomic_load(&over) == 0) {
        struct wwi_pending *found = atomic_exchange(&offered, NULL);

        if (found == NULL)
            sched_yield();
        else if (wwi_pending_take(found))
            wwi_pending_finish(found, &outcome);
    }
    return NULL;
}

/* Hazard 10 */
static void sleeper__always_hears_of_the_end(void **state)
{
    pthread_t thread;
    int heard = 0;

    (void) state;
    atomic_store(&over, 0);
    pthread_create(&thread, NULL, end_what_is_offered, NULL);
    for (int i = 0; i < SLEEPS; i++) {
        struct wwi_pending own;

        wwi_pending_init(&own, wake, NULL);
        (void) wwi_pending_start(&own);
        atomic_store(&offered, &own);
        while (wwi_pending_sleep(&own, -1, 0, WWI_NEVER) != WWI_WOKEN_ENDED)
            ;
        heard += own.outcome.status == WWS_E_OTHER;
        memset(&own, 0xEE, sizeof own);
    }
    atomic_store(&over, 1);
    pthread_join(thread, NULL);

    assert_int_equal(heard, SLEEPS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pending__moves_as_its_table_says_and_no_other_way),
        TEST(pending__that_was_taken_before_its_start_never_starts),
        TEST(pending__starts_once),
        TEST(pending__is_taken_once_and_stays_taken),
        TEST(pending__is_delivered_once_by_who_took_it),
        TEST(pending__wakes_nobody_if_nobody_sleeps),
        TEST(pending__has_exactly_one_winner),
        TEST(sleeper__is_woken_by_who_took_the_pending),
        TEST(sleeper__is_woken_when_the_clock_comes_to_its_deadline),
        TEST(sleeper__has_no_reason_when_the_clock_moves_too_little),
        TEST(sleeper__is_woken_by_its_descriptor),
        TEST(sleeper__whose_descriptor_is_ready_has_not_expired),
        TEST(sleeper__whose_deadline_has_passed_does_not_sleep),
        TEST(sleeper__that_is_woken_for_nothing_can_sleep_again),
        TEST(pending__is_settled_only_when_it_is_finished),
        TEST(sleeper__always_hears_of_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
