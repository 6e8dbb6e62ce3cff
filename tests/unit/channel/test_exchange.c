/* An exchange whose caller waits, the time it has, and how its end is heard. */
#include "tests/support/exchange_calls.h"
#include "tests/support/exchange_fixture.h"

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "tests/support/counters.h"

/* A caller that waits himself. */

static void caller__drives_the_exchange_on_his_own_thread(void **state)
{
    uint64_t handed_over = wwi_loop_handed_over(it->fake.base.loop);

    (void) state;
    start_exchange(SYNC);
    order("s");
    wait_for_post(&it->fake.stepped);
    order("k");

    assert_int_equal(hear(), WWS_S_OK);

    assert_int_equal(it->tally.over, 1);
    assert_over(true);
    assert_int_equal(it->fake.steps, 3);
    assert_int_equal(it->fake.on_loop, 0);
    assert_int_equal(wwi_loop_handed_over(it->fake.base.loop), handed_over);
    assert_ptr_equal(it->fake.base.track, &it->fake.base.own_track);
    assert_int_equal(it->fake.base.own_track.progress, WWS_PROGRESS_SENT);
}

static void caller__hears_at_once_of_what_does_not_wait(void **state)
{
    (void) state;
    order("e");
    start_exchange(SYNC);

    assert_int_equal(hear(), WWS_S_END);

    assert_over(true);
    assert_int_equal(it->fake.steps, 1);
}

static void caller__hears_what_the_transport_says_of_a_failure(void **state)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    (void) state;
    start_exchange(SYNC);
    order("x");

    assert_int_equal(hear(), WWS_E_ENDPOINT_DISCONNECTED);

    assert_over(false);
    assert_true(says("it broke"));
    assert_int_equal(wwi_error_get_info(it->error, &info), WWS_S_OK);
    assert_int_equal(info.phase, WWS_PHASE_HEADERS);
    assert_int_equal(info.progress, WWS_PROGRESS_REPLYING);
    assert_int_equal(info.http_status, 599);
    assert_int_equal(info.original_code, 7);
}

static void caller__gets_the_status_that_the_owner_object_gives(void **state)
{
    (void) state;
    it->tally.gives = WWS_E_INVALID_FORMAT;
    start_exchange(SYNC);
    order("k");

    assert_int_equal(hear(), WWS_E_INVALID_FORMAT);

    assert_over(true);
}

static void caller__is_driven_by_notice_alone(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it->fake.deaf = true;
        start_exchange(manner);
        order("k");
        let_loop_pass();
        assert_int_equal(it->tally.over, 0);

        it->fake.base.notify(&it->fake.base);

        assert_int_equal(hear(), WWS_S_OK);
        assert_over(true);
        assert_int_equal(it->fake.on_loop, manner == SYNC ? 0 : 1);
        begin_again();
    }
}

/* Handing over, with the loop in the middle of it. */

static void let_loop_see_orders(void *state)
{
    order(state);
    let_loop_pass();
    assert_int_equal(it->tally.over, 0);
}

static void hand_over__what_is_ready_meanwhile_is_not_lost(void **state)
{
    char orders[] = "k";

    (void) state;
    it->arming = (struct inside) { let_loop_see_orders, orders };
    start_exchange(CALLBACK);

    assert_int_equal(hear(), WWS_S_OK);
    assert_over(true);
    assert_int_equal(it->fake.on_loop, 1);
}

static void let_time_pass(void *state)
{
    (void) state;
    wwi_clock_move(1000);
    let_loop_pass();
    assert_int_equal(it->tally.over, 0);
}

static void hand_over__what_expires_meanwhile_is_not_lost(void **state)
{
    (void) state;
    wwi_clock_hold();
    it->arming.run = let_time_pass;
    init_exchange(CALLBACK);
    it->subject->exchange.deadline = wwi_clock_now() + 1000;
    it->subject->exchange.deadline_text = "too late";
    run_exchange();

    assert_int_equal(hear(), WWS_E_OPERATION_TIMED_OUT);
    it->tally.ends = 1;
    assert_over(false);
}

static void notify_inside(void *state)
{
    (void) state;
    it->fake.base.notify(&it->fake.base);
    let_loop_pass();
    assert_int_equal(it->fake.steps, 1);
}

static void hand_over__notice_meanwhile_is_not_lost(void **state)
{
    (void) state;
    it->arming.run = notify_inside;
    start_exchange(CALLBACK);

    wait_for_post(&it->fake.stepped);

    assert_int_equal(it->fake.on_loop, 1);
    order("k");
    assert_int_equal(hear(), WWS_S_OK);
    assert_over(true);
}

/* Both directions. */
static void client__may_change_between_loop_and_callers(void **state)
{
    (void) state;
    for (int i = 0; i < 20; i++) {
        enum manner manner = i % 2 == 0 ? CALLBACK : SYNC;
        int on_loop = it->fake.on_loop;

        start_exchange(manner);
        order("k");
        assert_int_equal(hear(), WWS_S_OK);
        assert_over(true);
        assert_int_equal(it->fake.on_loop, on_loop + (manner == CALLBACK));
        begin_again();
    }
}

/* Time. */

static void start_with_deadline(enum manner manner, bool drains)
{
    init_exchange(manner);
    it->subject->exchange.deadline = wwi_clock_now() + 1000;
    it->subject->exchange.deadline_text = "too late";
    it->subject->exchange.deadline_drains = drains;
    run_exchange();
    wait_for_post(&it->fake.stepped);
}

static void deadline__stops(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start_with_deadline(manner, false);
        wwi_clock_move(999);
        let_loop_pass();
        assert_int_equal(it->tally.ended, 0);

        wwi_clock_move(1);

        assert_int_equal(hear(), WWS_E_OPERATION_TIMED_OUT);
        assert_true(says("too late"));
        it->tally.ends = 1;
        assert_over(false);
        begin_again();
    }
}

static void deadline__drains_if_asked_to(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start_with_deadline(manner, true);
        wwi_clock_move(1000);
        assert_int_equal(hear(), WWS_E_OPERATION_TIMED_OUT);
        let_loop_pass();
        wwi_clock_move(499);
        let_loop_pass();
        assert_int_equal(it->tally.over, 0);

        wwi_clock_move(1);

        it->tally.ends = 1;
        assert_over(false);
        begin_again();
    }
}

/* A peer that never stops talking does not put it off. */
static void keep_ready(void *state)
{
    (void) state;
    order(".");
    wwi_clock_move(1);
    it->fake.inside.run = keep_ready;
}

static void deadline__comes_to_those_who_are_always_ready(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it->fake.deadline = WWI_NEVER;
        it->fake.inside.run = keep_ready;
        order(".");
        start_with_deadline(manner, false);

        assert_int_equal(hear(), WWS_E_OPERATION_TIMED_OUT);

        it->tally.ends = 1;
        assert_over(false);
        it->fake.inside.run = NULL;
        begin_again();
    }
}

static void deadline__of_a_phase_is_a_step(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it->fake.deadline = wwi_clock_now() + 100;
        start_exchange(manner);
        it->fake.deadline = WWI_NEVER;
        let_loop_pass();

        wwi_clock_move(100);

        wait_for_post(&it->fake.stepped);
        assert_int_equal(it->tally.ended, 0);
        order("k");
        assert_int_equal(hear(), WWS_S_OK);
        assert_over(true);
        begin_again();
    }
}

/* Hearing of it. */

static void queue__holds_the_end_until_it_is_fetched(void **state)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_event event = WWS_EVENT_INIT;
    struct wwi_queue *queue;
    uint32_t count = 0;

    (void) state;
    assert_int_equal(wwi_queue_create(it->runtime, &completion.queue, NULL),
        WWS_S_OK);
    assert_int_equal(wwi_table_get(completion.queue.id, WWI_KIND_QUEUE,
        &queue), WWS_S_OK);
    completion.state = it;
    it->manner = CALLBACK;
    it->subject = make_subject(&it->tally, &completion, NULL);
    run_exchange();
    order("x");
    wait_for_post(&it->tally.was_over);
    sem_post(&it->tally.was_over);

    let_loop_pass();
    assert_int_equal(it->tally.destroyed, 0);
    assert_int_equal(wwi_queue_next(queue, 1, &event, &count, NULL), WWS_S_OK);

    assert_int_equal(count, 1);
    assert_int_equal(event.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_ptr_equal(event.state, it);
    assert_int_not_equal(event.error.id, 0);
    it->tally.heard = 1;
    assert_over(false);
    {
        struct wwi_error *error;

        assert_int_equal(wwi_table_get(event.error.id, WWI_KIND_ERROR, &error),
            WWS_S_OK);
        wwi_object_unref(&error->object);
        assert_int_equal(wwi_error_free(error), WWS_S_OK);
    }
    wwi_queue_unref(queue);
    assert_int_equal(wwi_queue_free(queue), WWS_S_OK);
}

static void init__refuses_a_completion_that_is_none(void **state)
{
    const wws_completion completion = WWS_COMPLETION_INIT;
    struct subject *subject = wwi_alloc_zero(sizeof *subject);

    (void) state;
    assert_int_equal(wwi_exchange_init(&subject->exchange,
        &subject_callbacks, destroy_subject,
        it->runtime, &completion, it->error), WWS_E_INVALIDARG);
    wwi_free(subject);
}

static void refuse__gives_the_status_and_no_more(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        init_exchange(manner);

        assert_int_equal(wwi_exchange_refuse(&it->subject->exchange,
            WWS_E_QUOTA_EXCEEDED), WWS_E_QUOTA_EXCEEDED);

        assert_false(end_as(WWI_ENDING_STOP));
        wwi_exchange_unref(&it->subject->exchange);
        assert_int_equal(it->tally.destroyed, 1);
        assert_int_equal(it->tally.ended, 0);
        assert_int_equal(it->tally.over, 0);
        assert_int_equal(it->tally.heard, 0);
        begin_again();
    }
}

static void refuse__leaves_the_word_to_who_came_first(void **state)
{
    (void) state;
    init_exchange(SYNC);
    assert_true(end_as(WWI_ENDING_STOP));
    assert_int_equal(wwi_exchange_refuse(&it->subject->exchange,
        WWS_E_QUOTA_EXCEEDED), WWS_E_OPERATION_ABORTED);
    wwi_exchange_unref(&it->subject->exchange);
    assert_int_equal(it->tally.retired, 1);
    assert_int_equal(it->tally.destroyed, 1);
    begin_again();

    init_exchange(CALLBACK);
    assert_true(end_as(WWI_ENDING_DRAIN));
    assert_int_equal(wwi_exchange_refuse(&it->subject->exchange,
        WWS_E_QUOTA_EXCEEDED), WWS_S_ASYNC);
    assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
    wwi_exchange_unref(&it->subject->exchange);
    wait_for_post(&it->tally.was_destroyed);
    assert_int_equal(it->tally.retired, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(caller__drives_the_exchange_on_his_own_thread),
        TEST(caller__hears_at_once_of_what_does_not_wait),
        TEST(caller__hears_what_the_transport_says_of_a_failure),
        TEST(caller__gets_the_status_that_the_owner_object_gives),
        TEST(caller__is_driven_by_notice_alone),
        TEST(hand_over__what_is_ready_meanwhile_is_not_lost),
        TEST(hand_over__what_expires_meanwhile_is_not_lost),
        TEST(hand_over__notice_meanwhile_is_not_lost),
        TEST(client__may_change_between_loop_and_callers),
        TEST(deadline__stops),
        TEST(deadline__drains_if_asked_to),
        TEST(deadline__comes_to_those_who_are_always_ready),
        TEST(deadline__of_a_phase_is_a_step),
        TEST(queue__holds_the_end_until_it_is_fetched),
        TEST(init__refuses_a_completion_that_is_none),
        TEST(refuse__gives_the_status_and_no_more),
        TEST(refuse__leaves_the_word_to_who_came_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
