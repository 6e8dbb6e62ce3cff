/* Messages that nobody waits for, and the end of a session, which comes to
 * all. */
#include "tests/support/mux_fixture.h"

#include "core/base/clock.h"

/* Receiving. */

static void receive__gets_what_nobody_waits_for(void **state)
{
    struct hand call, receiver;

    (void) state;
    start_receiving();
    hand_asks(&call, "a");
    receive_new(&receiver);

    arrives(NEWS);
    arrives(REPLY("a"));

    assert_replied(&receiver, "news");
    assert_replied(&call, ">a<");
    free_hand(&call);
    hand_receives(&receiver);
    hand_asks(&call, "b");
    arrives(REPLY("unknown"));
    assert_replied(&receiver, ">unknown<");
    free_hand(&receiver);
    free_hand(&call);
    assert_int_equal(dropped(), 0);
}

static void receive__comes_in_order_to_those_who_wait(void **state)
{
    struct hand a, b;

    (void) state;
    start_receiving();
    receive_new(&a);
    receive_new(&b);

    arrives(REPLY("first"));
    arrives(REPLY("second"));

    assert_replied(&a, "first");
    assert_replied(&b, "second");
    free_hand(&a);
    free_hand(&b);
}

static void receive__asks_for_no_more_than_is_wanted(void **state)
{
    struct hand hand;

    (void) state;
    start_receiving();
    assert_int_equal(fake.asks, 0);
    receive_new(&hand);
    assert_int_equal(fake.asks, 1);

    arrives(NEWS);

    assert_int_equal(fake.asks, 1);
    assert_replied(&hand, "news");
    free_hand(&hand);
    assert_int_equal(fake.asks, 1);
}

static void inbox__is_bounded_while_a_call_waits(void **state)
{
    struct hand call, receiver;

    (void) state;
    start_receiving();
    hand_asks(&call, "a");
    for (int i = 0; i < 64; i++)
        arrives(NEWS);
    assert_false(fake.asked);
    assert_int_equal(fake.asks, 64);

    make_hand(&receiver, false);
    hand_receives(&receiver);
    assert_replied(&receiver, "news");

    assert_true(fake.asked);
    arrives(REPLY("a"));
    assert_replied(&call, ">a<");
    free_hand(&call);
    for (int i = 0; i < 63; i++) {
        hand_receives(&receiver);
        assert_replied(&receiver, "news");
    }
    free_hand(&receiver);
    assert_int_equal(dropped(), 0);
}

static void receive__that_takes_too_long_loses_nothing(void **state)
{
    struct hand slow, next;

    (void) state;
    start_receiving();
    receive_new(&slow);
    wwi_clock_move(400);
    assert_int_equal(step_hand(&slow), WWS_E_OPERATION_TIMED_OUT);

    arrives(NEWS);

    end_hand(&slow);
    make_hand(&next, false);
    hand_receives(&next);
    assert_replied(&next, "news");
    free_hand(&slow);
    free_hand(&next);
}

static void receive__that_is_stopped_puts_its_message_back(void **state)
{
    struct hand stopped, next;

    (void) state;
    start_receiving();
    receive_new(&stopped);
    hand_asks(&next, "a");
    arrives(REPLY("first"));
    arrives(REPLY("second"));
    free_hand(&next);

    free_hand(&stopped);

    make_hand(&next, false);
    hand_receives(&next);
    assert_replied(&next, "first");
    hand_receives(&next);
    assert_replied(&next, "second");
    free_hand(&next);
    assert_int_equal(dropped(), 0);
}

static void receive__that_is_stopped_hands_its_message_to_the_next(
    void **state)
{
    struct hand stopped, next;

    (void) state;
    start_receiving();
    receive_new(&stopped);
    receive_new(&next);
    arrives(NEWS);
    assert_int_equal(step_hand(&next), WWS_S_ASYNC);

    free_hand(&stopped);

    assert_int_equal(next.notices, 1);
    assert_replied(&next, "news");
    free_hand(&next);
}

static void receive__follows_a_message_that_was_only_sent(void **state)
{
    struct hand hand;

    (void) state;
    start_receiving();
    fake.hasty = true;
    make_hand(&hand, false);
    begin_hand(&hand, "a", false);
    assert_int_equal(step_hand(&hand), WWS_S_OK);
    give_track_back(&hand);

    hand_receives(&hand);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    arrives(NEWS);

    assert_replied(&hand, "news");
    free_hand(&hand);
}

static void receive__tells_what_came_with_the_message(void **state)
{
    struct event event = {
        .run = run_arrived,
        .piece = {
            .has_action = true,
            .action = WWS_STR("urn:x"),
            .fields = { one_field, "value" },
        },
    };
    struct wwi_bytes octets = { 0 };
    struct wwi_fields fields;
    struct hand hand;
    wws_string name, value;
    uint32_t index = 0;

    (void) state;
    start_receiving();
    receive_new(&hand);
    send_event(&event);

    assert_int_equal(step_hand(&hand), WWS_S_OK);
    assert_int_equal(wwi_mux_clients.client_take(hand.client, &octets,
        &fields), WWS_S_OK);

    assert_true(hand.client->has_action);
    assert_memory_equal(hand.client->action.data, "urn:x", 5);
    assert_true(fields.next(fields.state, &index, &name, &value));
    assert_memory_equal(name.data, "Name", 4);
    assert_memory_equal(value.data, "value", 5);
    assert_false(fields.next(fields.state, &index, &name, &value));
    wwi_bytes_fini(&octets);
    free_hand(&hand);
}

/* The end. */

static void end__comes_to_those_who_receive_again_and_again(void **state)
{
    struct hand hand;
    struct wwi_bytes octets;
    struct wwi_fields fields;

    (void) state;
    start_receiving();
    receive_new(&hand);

    session_ends(WWS_S_END);

    assert_int_equal(hand.notices, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(step_hand(&hand), WWS_S_END);
        assert_int_equal(wwi_mux_clients.client_take(hand.client, &octets,
            &fields), WWS_S_END);
        hand_receives(&hand);
    }
    assert_true(wwi_mux_ended(it->mux));
    assert_false(wwi_mux_failed(it->mux));
    free_hand(&hand);
}

static void end__comes_behind_what_came_before(void **state)
{
    struct hand call, hand;

    (void) state;
    start_receiving();
    hand_asks(&call, "a");
    arrives(NEWS);
    session_ends(WWS_S_END);
    make_hand(&hand, false);

    hand_receives(&hand);
    assert_replied(&hand, "news");

    hand_receives(&hand);
    assert_int_equal(step_hand(&hand), WWS_S_END);
    free_hand(&hand);
    free_hand(&call);
}

static void end__leaves_calls_without_a_reply(void **state)
{
    struct hand waiting, queued, fresh;

    (void) state;
    start_mux();
    hand_asks(&waiting, "a");
    make_hand(&queued, false);
    begin_hand(&queued, "b", true);
    assert_int_equal(step_hand(&queued), WWS_S_ASYNC);
    make_hand(&fresh, false);
    begin_hand(&fresh, "c", true);

    session_ends(WWS_S_END);

    assert_fails(&waiting, WWS_E_ENDPOINT_DISCONNECTED,
        "the peer ended the session");
    assert_int_equal(waiting.client->trouble.progress, WWS_PROGRESS_SENT);
    assert_int_equal(step_hand(&queued), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(step_hand(&fresh), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(fresh.client->trouble.progress, WWS_PROGRESS_NOT_SENT);
    free_hand(&waiting);
    free_hand(&queued);
    free_hand(&fresh);
    assert_false(is_queued());
}

static void end__lets_messages_be_sent(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    session_ends(WWS_S_END);
    make_hand(&hand, false);

    begin_hand(&hand, "", false);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    send_first();

    assert_int_equal(step_hand(&hand), WWS_S_OK);
    free_hand(&hand);
}

/* One client in each stage. */
struct stages {
    struct hand fresh;
    struct hand queued;
    struct hand leaving;
    struct hand sent;
    struct hand waiting;
    struct hand replied;
    struct hand receiving;
};

static void reach_stages(struct stages *all)
{
    start_receiving();
    hand_asks(&all->replied, "replied");
    arrives(REPLY("replied"));
    hand_asks(&all->waiting, "waiting");
    make_hand(&all->sent, false);
    begin_hand(&all->sent, "sent", false);
    assert_int_equal(step_hand(&all->sent), WWS_S_ASYNC);
    send_first();
    receive_new(&all->receiving);
    make_hand(&all->leaving, false);
    begin_hand(&all->leaving, "leaving", true);
    assert_int_equal(step_hand(&all->leaving), WWS_S_ASYNC);
    assert_true(begin_first());
    make_hand(&all->queued, false);
    begin_hand(&all->queued, "queued", false);
    assert_int_equal(step_hand(&all->queued), WWS_S_ASYNC);
    make_hand(&all->fresh, false);
    begin_hand(&all->fresh, "fresh", false);
}

/* G7, G8 */
static void assert_stages_failed(
    struct stages *all,
    wws_status status,
    const char *text)
{
    assert_fails(&all->fresh, status, text);
    assert_fails(&all->queued, status, text);
    assert_fails(&all->leaving, status, text);
    assert_int_equal(all->leaving.client->trouble.progress,
        WWS_PROGRESS_PARTLY_SENT);
    assert_fails(&all->waiting, status, text);
    assert_fails(&all->receiving, status, text);
    assert_int_equal(step_hand(&all->sent), WWS_S_OK);
    assert_replied(&all->replied, "replied");
    assert_int_equal(begin_full(&all->sent, "x", true, false),
        WWS_E_OBJECT_FAULTED);
    assert_true(wwi_mux_failed(it->mux));
    free_hand(&all->fresh);
    free_hand(&all->queued);
    free_hand(&all->leaving);
    free_hand(&all->sent);
    free_hand(&all->waiting);
    free_hand(&all->replied);
    free_hand(&all->receiving);
}

static void failure__comes_to_all_that_is_under_way(void **state)
{
    struct stages all;

    (void) state;
    reach_stages(&all);

    session_ends(WWS_E_ENDPOINT_DISCONNECTED);

    assert_stages_failed(&all, WWS_E_ENDPOINT_DISCONNECTED, "it broke");
    assert_int_equal(fake.aborts, 0);
}

static void abort__ends_all_that_is_under_way(void **state)
{
    struct stages all;

    (void) state;
    reach_stages(&all);

    wwi_mux_abort(it->mux);
    wwi_mux_abort(it->mux);
    assert_int_equal(begin_full(&all.replied, "x", true, false),
        WWS_E_OBJECT_FAULTED);
    let_loop_turn();

    assert_stages_failed(&all, WWS_E_OPERATION_ABORTED, "aborted");
    assert_int_equal(fake.aborts, 1);
}

static void failure__may_follow_the_end(void **state)
{
    struct hand hand;

    (void) state;
    start_receiving();
    session_ends(WWS_S_END);
    session_ends(WWS_E_ENDPOINT_DISCONNECTED);
    make_hand(&hand, false);

    hand_receives(&hand);

    assert_int_equal(step_hand(&hand), WWS_E_ENDPOINT_DISCONNECTED);
    assert_true(wwi_mux_ended(it->mux));
    assert_true(wwi_mux_failed(it->mux));
    free_hand(&hand);
}

static void shutdown__is_asked_for_once(void **state)
{
    (void) state;
    start_mux();

    wwi_mux_shutdown(it->mux);
    wwi_mux_shutdown(it->mux);

    assert_int_equal(fake.shutdowns, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(receive__gets_what_nobody_waits_for),
        TEST(receive__comes_in_order_to_those_who_wait),
        TEST(receive__asks_for_no_more_than_is_wanted),
        TEST(inbox__is_bounded_while_a_call_waits),
        TEST(receive__that_takes_too_long_loses_nothing),
        TEST(receive__that_is_stopped_puts_its_message_back),
        TEST(receive__that_is_stopped_hands_its_message_to_the_next),
        TEST(receive__follows_a_message_that_was_only_sent),
        TEST(receive__tells_what_came_with_the_message),
        TEST(end__comes_to_those_who_receive_again_and_again),
        TEST(end__comes_behind_what_came_before),
        TEST(end__leaves_calls_without_a_reply),
        TEST(end__lets_messages_be_sent),
        TEST(failure__comes_to_all_that_is_under_way),
        TEST(abort__ends_all_that_is_under_way),
        TEST(failure__may_follow_the_end),
        TEST(shutdown__is_asked_for_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
