/* A mux that is closed, and one that has no memory. */
#include "tests/support/mux_fixture.h"

#include "core/base/clock.h"
#include "core/base/memory.h"

/* Closing. */

static void close__waits_for_the_peer_to_end(void **state)
{
    (void) state;
    start_mux();

    wwi_mux_close(it->mux, WWI_NEVER, mux_closed, NULL);
    let_loop_turn();
    assert_int_equal(fake.shutdowns, 1);
    assert_int_equal(fake.freed, 0);
    session_ends(WWS_S_END);

    assert_int_equal(hear_closed(), WWS_S_OK);
    assert_int_equal(fake.freed, 1);
    assert_int_equal(fake.aborts, 0);
}

static void close__after_the_end_waits_for_what_is_being_sent(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    session_ends(WWS_S_END);
    make_hand(&hand, false);
    begin_hand(&hand, "", false);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_true(begin_first());

    wwi_mux_close(it->mux, wwi_clock_now() + 10, mux_closed, NULL);
    let_loop_turn();
    assert_int_equal(fake.freed, 0);
    finish_first();

    assert_int_equal(hear_closed(), WWS_S_OK);
    assert_int_equal(step_hand(&hand), WWS_S_OK);
    free_hand(&hand);
}

static void close__gives_up_at_the_deadline(void **state)
{
    (void) state;
    start_mux();
    wwi_mux_close(it->mux, wwi_clock_now() + 10, mux_closed, NULL);
    wwi_clock_move(9);
    let_loop_turn();
    assert_int_equal(fake.aborts, 0);

    wwi_clock_move(1);

    assert_int_equal(hear_closed(), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(fake.aborts, 1);
}

static void close__can_be_aborted(void **state)
{
    (void) state;
    start_mux();
    wwi_mux_close(it->mux, WWI_NEVER, mux_closed, NULL);

    wwi_mux_abort(it->mux);

    assert_int_equal(hear_closed(), WWS_E_OPERATION_ABORTED);
}

static void close__of_a_session_that_failed_tells_how(void **state)
{
    (void) state;
    start_mux();
    session_ends(WWS_E_ENDPOINT_DISCONNECTED);

    wwi_mux_close(it->mux, WWI_NEVER, mux_closed, NULL);

    assert_int_equal(hear_closed(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(fake.shutdowns, 0);
}

static void close__of_a_session_that_was_not_opened_is_done(void **state)
{
    (void) state;
    assert_int_equal(create_mux(false), WWS_S_OK);

    wwi_mux_close(it->mux, wwi_clock_now() + 10, mux_closed, NULL);

    assert_int_equal(hear_closed(), WWS_S_OK);
    assert_int_equal(fake.shutdowns + fake.aborts, 0);
}

static void close__stops_an_opening(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);

    wwi_mux_close(it->mux, WWI_NEVER, mux_closed, NULL);

    assert_int_equal(hear_closed(), WWS_E_OPERATION_ABORTED);
    assert_fails(&hand, WWS_E_OPERATION_ABORTED, "aborted");
    free_hand(&hand);
}

static void close__reads_on_to_find_the_end(void **state)
{
    struct hand hand;

    (void) state;
    start_receiving();
    hand_asks(&hand, "a");
    wwi_mux_close(it->mux, WWI_NEVER, mux_closed, NULL);

    arrives(NEWS);
    arrives(REPLY("a"));
    arrives(NEWS);

    assert_replied(&hand, ">a<");
    free_hand(&hand);
    assert_int_equal(dropped(), 2);
    session_ends(WWS_S_END);
    assert_int_equal(hear_closed(), WWS_S_OK);
}

static void close__lets_no_opening_begin(void **state)
{
    struct hand hand;

    (void) state;
    assert_int_equal(create_mux(false), WWS_S_OK);
    make_hand(&hand, false);
    assert_int_equal(wwi_mux_clients.client_begin(hand.client, NULL, false,
        NULL), WWS_S_OK);
    take_track(&hand);

    wwi_mux_close(it->mux, WWI_NEVER, mux_closed, NULL);

    assert_fails(&hand, WWS_E_OBJECT_FAULTED, "the session has been closed");
    assert_int_equal(hear_closed(), WWS_S_OK);
    assert_int_equal(fake.opened, 0);
    free_hand(&hand);
}

static void close__ends_what_is_still_begun(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "", false);
    wwi_mux_close(it->mux, WWI_NEVER, mux_closed, NULL);
    session_ends(WWS_S_END);
    assert_int_equal(hear_closed(), WWS_S_OK);

    assert_fails(&hand, WWS_E_OBJECT_FAULTED, "the session has been closed");

    free_hand(&hand);
}

static void close__needs_no_memory(void **state)
{
    (void) state;
    start_mux();
    wwi_memory_fail(1, true);

    wwi_mux_close(it->mux, wwi_clock_now() + 10, mux_closed, NULL);
    wwi_clock_move(10);

    wait_for_post(&it->closed);
    wwi_memory_fail(0, false);
    it->open = false;
    assert_int_equal(it->closed_with, WWS_E_OPERATION_TIMED_OUT);
}

/* Memory. */

static void create__leaves_the_session_when_there_is_no_memory(void **state)
{
    wws_status status = WWS_E_OUTOFMEMORY;

    (void) state;
    for (uint64_t n = 1; status < 0; n++) {
        uint64_t blocks = wwi_memory_live();

        wwi_memory_fail(n, false);
        status = wwi_mux_create(&fake.base, true, &it->options, &it->mux, NULL);
        wwi_memory_fail(0, false);
        if (status >= 0)
            break;
        assert_int_equal(status, WWS_E_OUTOFMEMORY);
        assert_int_equal(wwi_memory_live(), blocks);
    }
    it->open = true;
}

static void client__is_refused_when_there_is_no_memory(void **state)
{
    struct wwi_client *client;
    uint64_t blocks;

    (void) state;
    start_mux();
    blocks = wwi_memory_live();

    wwi_memory_fail(1, false);
    assert_int_equal(wwi_mux_client(it->mux, false, &client, NULL),
        WWS_E_OUTOFMEMORY);
    wwi_memory_fail(0, false);

    assert_int_equal(wwi_memory_live(), blocks);
}

static void begin__fails_when_there_is_no_memory(void **state)
{
    struct wwi_outgoing outgoing = {
        .action = WWS_STR("urn:do"),
        .message_id = WWS_STR("a"),
    };
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);

    for (uint64_t n = 1; n <= 2; n++) {
        wwi_memory_fail(n, false);
        assert_int_equal(wwi_mux_clients.client_begin(hand.client, &outgoing,
            true, NULL), WWS_E_OUTOFMEMORY);
        wwi_memory_fail(0, false);
        end_hand(&hand);
        free_hand(&hand);
        make_hand(&hand, false);
    }

    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    send_first();
    arrives(REPLY("a"));
    assert_replied(&hand, ">a<");
    free_hand(&hand);
}

static void run_arrived_without_memory(struct event *event)
{
    wwi_memory_fail((uint64_t) event->status, false);
    run_arrived(event);
    wwi_memory_fail(0, false);
}

/* A reply that is lost would be waited for in vain. */
static void arrival__fails_all_when_there_is_no_memory(void **state)
{
    struct event event = { .run = run_arrived_without_memory };
    struct hand hand;

    (void) state;
    for (event.status = 1; event.status < 30; event.status++) {
        start_mux();
        hand_asks(&hand, "a");
        wwi_bytes_append_text(&event.piece.octets, REPLY("a"));

        send_event(&event);
        let_loop_turn();

        if (step_hand(&hand) == WWS_S_OK)
            break;
        assert_fails(&hand, WWS_E_OUTOFMEMORY,
            "no memory for a message that arrived");
        assert_true(wwi_mux_failed(it->mux));
        free_hand(&hand);
        wwi_mux_close(it->mux, WWI_NEVER, mux_closed, NULL);
        assert_int_equal(hear_closed(), WWS_E_OUTOFMEMORY);
        open_fake();
    }
    assert_in_range(event.status, 3, 29);
    free_hand(&hand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(close__waits_for_the_peer_to_end),
        TEST(close__after_the_end_waits_for_what_is_being_sent),
        TEST(close__gives_up_at_the_deadline),
        TEST(close__can_be_aborted),
        TEST(close__of_a_session_that_failed_tells_how),
        TEST(close__of_a_session_that_was_not_opened_is_done),
        TEST(close__stops_an_opening),
        TEST(close__reads_on_to_find_the_end),
        TEST(close__lets_no_opening_begin),
        TEST(close__ends_what_is_still_begun),
        TEST(close__needs_no_memory),
        TEST(create__leaves_the_session_when_there_is_no_memory),
        TEST(client__is_refused_when_there_is_no_memory),
        TEST(begin__fails_when_there_is_no_memory),
        TEST(arrival__fails_all_when_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
