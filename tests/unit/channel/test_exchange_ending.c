/* An exchange that is stopped, and one that is drained. */
#include "tests/support/exchange_calls.h"
#include "tests/support/exchange_fixture.h"

#include "core/base/clock.h"
#include "tests/support/counters.h"

/* Stop: nothing of it goes on. */

static uint64_t count_of(wws_counter counter)
{
    return it->runtime->counters[counter];
}

static void abandon_inside(void *state)
{
    assert_int_equal(end_as(WWI_ENDING_DRAIN), state == NULL);
}

static void stop_inside(void *state)
{
    assert_int_equal(end_as(WWI_ENDING_STOP), state == NULL);
}

static void stop__ends_both_in_every_manner(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start_exchange(manner);
        assert_true(end_as(WWI_ENDING_STOP));
        assert_false(end_as(WWI_ENDING_STOP));
        assert_false(end_as(WWI_ENDING_DRAIN));

        assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
        assert_true(says("stopped"));
        assert_over(false);
        assert_int_equal(it->fake.steps, manner == SYNC ? 1 : 2);
        begin_again();
    }
    assert_int_equal(count_of(WWS_COUNTER_CANCEL_ASKED), 6);
    assert_int_equal(count_of(WWS_COUNTER_CANCEL_WON), 2);
    assert_int_equal(count_of(WWS_COUNTER_COMPLETED_FIRST), 4);
    assert_int_equal(count_of(WWS_COUNTER_LATE_REPLY_DROPPED), 0);
}

static void stop__before_run_leaves_nothing_to_do(void **state)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        init_exchange(manner);
        assert_true(end_as(WWI_ENDING_STOP));
        run_exchange();

        assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
        assert_over(false);
        assert_int_equal(wwi_error_get_info(it->error, &info), WWS_S_OK);
        assert_int_equal(info.phase, WWS_PHASE_QUEUE);
        assert_int_equal(info.progress, WWS_PROGRESS_NOT_SENT);
        begin_again();
    }
    assert_int_equal(it->fake.steps, 0);
}

static void stop__during_the_first_step_is_seen(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it->fake.inside.run = stop_inside;
        start_exchange(manner);

        assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
        assert_over(false);
        begin_again();
    }
    assert_int_equal(it->fake.steps, 2);
}

static void stop__during_a_step_on_the_loop_is_seen(void **state)
{
    (void) state;
    start_exchange(CALLBACK);
    it->fake.inside.run = stop_inside;
    order("s");

    assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
    assert_over(false);
    assert_int_equal(it->fake.steps, 2);
}

static void stop__during_the_last_step_leaves_a_late_reply(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it->fake.inside.run = stop_inside;
        order("k");
        start_exchange(manner);

        assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
        assert_over(true);
        begin_again();
    }
    assert_int_equal(count_of(WWS_COUNTER_LATE_REPLY_DROPPED), 2);
}

static void stop_in_last_step(const char *last)
{
    init_exchange(CALLBACK);
    it->subject->exchange.awaits_reply = last[0] == 'e';
    it->fake.inside.run = stop_inside;
    order(last);
    run_exchange();
    assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
    assert_over(true);
    begin_again();
}

static void stop__leaves_no_late_reply_where_none_arrived(void **state)
{
    (void) state;

    stop_in_last_step("k");
    stop_in_last_step("e");

    assert_int_equal(count_of(WWS_COUNTER_LATE_REPLY_DROPPED), 0);
}

static void stop__while_it_is_handed_over_is_seen(void **state)
{
    (void) state;
    it->arming.run = stop_inside;
    start_exchange(CALLBACK);

    assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
    assert_over(false);
    assert_int_equal(it->fake.steps, 1);
}

/* Drain: the caller is free, the exchange goes on. */

static void drain__goes_on_upon_the_loop(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start_exchange(manner);
        assert_true(end_as(WWI_ENDING_DRAIN));
        assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
        assert_true(says("abandoned"));
        assert_int_equal(it->tally.over, 0);

        order("k");

        assert_over(true);
        assert_true(it->fake.on_loop > 0);
        it->fake.on_loop = 0;
        begin_again();
    }
    assert_int_equal(count_of(WWS_COUNTER_LATE_REPLY_DROPPED), 2);
}

static void drain__is_limited_in_time(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start_exchange(manner);
        assert_true(end_as(WWI_ENDING_DRAIN));
        assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
        let_loop_pass();
        wwi_clock_move(499);
        let_loop_pass();
        assert_int_equal(it->tally.over, 0);

        wwi_clock_move(1);

        assert_over(false);
        begin_again();
    }
}

static void drain__can_be_stopped(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start_exchange(manner);
        assert_true(end_as(WWI_ENDING_DRAIN));
        assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
        let_loop_pass();

        assert_false(end_as(WWI_ENDING_STOP));

        assert_over(false);
        begin_again();
    }
}

static void drain__before_run_is_carried_out_by_the_loop(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        init_exchange(manner);
        assert_true(end_as(WWI_ENDING_DRAIN));
        run_exchange();
        assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
        wait_for_post(&it->fake.stepped);

        order("k");

        assert_over(true);
        begin_again();
    }
}

static void drain__during_the_first_step_is_seen(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it->fake.inside.run = abandon_inside;
        start_exchange(manner);
        assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
        let_loop_pass();
        assert_int_equal(it->tally.over, 0);

        wwi_clock_move(500);

        assert_over(false);
        begin_again();
    }
}

static void drain__while_it_is_handed_over_is_seen(void **state)
{
    (void) state;
    wwi_clock_hold();
    it->arming.run = abandon_inside;
    start_exchange(CALLBACK);
    assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
    let_loop_pass();
    assert_int_equal(it->tally.over, 0);

    wwi_clock_move(500);

    assert_over(false);
}

/* Who is told that nothing was sent may send it again. */
static void drain__does_not_say_that_nothing_is_sent(void **state)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    (void) state;
    start_exchange(SYNC);
    assert_true(end_as(WWI_ENDING_DRAIN));
    assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);

    assert_int_equal(wwi_error_get_info(it->error, &info), WWS_S_OK);

    assert_int_equal(info.progress, WWS_PROGRESS_PARTLY_SENT);
    order("k");
    assert_over(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stop__ends_both_in_every_manner),
        TEST(stop__before_run_leaves_nothing_to_do),
        TEST(stop__during_the_first_step_is_seen),
        TEST(stop__during_a_step_on_the_loop_is_seen),
        TEST(stop__during_the_last_step_leaves_a_late_reply),
        TEST(stop__leaves_no_late_reply_where_none_arrived),
        TEST(stop__while_it_is_handed_over_is_seen),
        TEST(drain__goes_on_upon_the_loop),
        TEST(drain__is_limited_in_time),
        TEST(drain__can_be_stopped),
        TEST(drain__before_run_is_carried_out_by_the_loop),
        TEST(drain__during_the_first_step_is_seen),
        TEST(drain__while_it_is_handed_over_is_seen),
        TEST(drain__does_not_say_that_nothing_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
