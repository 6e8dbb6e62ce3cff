/* Messages that a mux carries in pieces. */
#include "tests/support/mux_fixture.h"

#include <string.h>

#include "core/base/clock.h"

static wws_status write_on(struct hand *hand, bool more)
{
    struct wwi_outgoing outgoing = { .continues = true, .more = more };
    wws_status status;

    wwi_bytes_append_text(&outgoing.envelope, "more");
    status = wwi_mux_clients.client_write(hand->client, &outgoing, it->error);
    wwi_bytes_fini(&outgoing.envelope);
    if (status >= 0)
        take_track(hand);
    return status;
}

static void start_stream(bool receives)
{
    it->options.correlates = false;
    it->options.receives = receives;
    start_mux();
}

static void stream__comes_piece_by_piece(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, true);
    begin_hand(&hand, "", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    send_first();
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    piece_arrives("one", true);
    assert_false(fake.asked);
    assert_replied(&hand, "one");
    assert_true(hand.client->more);
    hand_receives(&hand);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_true(fake.asked);
    piece_arrives("two", false);

    assert_replied(&hand, "two");
    assert_false(hand.client->more);
    free_hand(&hand);
}

static void stream__can_be_received_in_pieces(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(true);
    make_hand(&hand, true);
    hand_receives(&hand);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    for (int i = 0; i < 3; i++) {
        piece_arrives("piece", i < 2);
        assert_replied(&hand, "piece");
        assert_int_equal(hand.client->more, i < 2);
        hand_receives(&hand);
        assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    }

    session_ends(WWS_S_END);
    assert_int_equal(step_hand(&hand), WWS_S_END);
    free_hand(&hand);
}

static void stream__that_ends_within_a_message_fails(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(true);
    make_hand(&hand, true);
    hand_receives(&hand);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    piece_arrives("one", true);
    assert_replied(&hand, "one");
    hand_receives(&hand);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    session_ends(WWS_E_ENDPOINT_DISCONNECTED);

    assert_int_equal(hand.notices, 2);
    assert_fails(&hand, WWS_E_ENDPOINT_DISCONNECTED, "it broke");
    free_hand(&hand);
}

static void stream__of_which_nobody_wants_the_rest_is_dropped(void **state)
{
    struct hand hand, next;

    (void) state;
    start_stream(true);
    make_hand(&hand, true);
    hand_receives(&hand);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    piece_arrives("one", true);
    free_hand(&hand);
    assert_int_equal(dropped(), 0);

    receive_new(&next);
    piece_arrives("two", true);
    piece_arrives("three", false);
    assert_int_equal(step_hand(&next), WWS_S_ASYNC);
    arrives(NEWS);

    assert_replied(&next, "news");
    assert_int_equal(dropped(), 1);
    free_hand(&next);
}

static void stream__is_put_together_for_who_takes_it_whole(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(true);
    receive_new(&hand);

    piece_arrives("one,", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    piece_arrives("two,", true);
    piece_arrives("three", false);

    assert_replied(&hand, "one,two,three");
    assert_false(hand.client->more);
    free_hand(&hand);
}

static void stream__that_nobody_has_had_a_piece_of_is_not_lost(void **state)
{
    struct hand slow, next;

    (void) state;
    start_stream(true);
    receive_new(&slow);
    piece_arrives("one,", true);
    wwi_clock_move(400);
    assert_int_equal(step_hand(&slow), WWS_E_OPERATION_TIMED_OUT);
    free_hand(&slow);

    make_hand(&next, true);
    hand_receives(&next);
    assert_int_equal(step_hand(&next), WWS_S_ASYNC);
    piece_arrives("two,", true);

    assert_replied(&next, "one,two,");
    assert_true(next.client->more);
    free_hand(&next);
}

static void stream__is_put_together_before_it_is_correlated(void **state)
{
    struct hand hand;
    const char *text = REPLY("a");
    char half[200] = "";

    (void) state;
    start_mux();
    hand_asks(&hand, "a");

    memcpy(half, text, 150);
    piece_arrives(half, true);
    piece_arrives(text + 150, false);

    assert_replied(&hand, ">a<");
    free_hand(&hand);
}

static void stream__may_not_grow_too_large_whole(void **state)
{
    struct hand hand;

    (void) state;
    it->options.max_message_size = 10;
    start_stream(true);
    receive_new(&hand);
    piece_arrives("0123456789", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    piece_arrives("x", false);
    let_loop_turn();

    assert_fails(&hand, WWS_E_QUOTA_EXCEEDED,
        "a message is larger than max_message_size");
    assert_true(wwi_mux_failed(it->mux));
    assert_int_equal(fake.aborts, 1);
    free_hand(&hand);
}

static void stream__may_grow_in_pieces(void **state)
{
    struct hand hand;

    (void) state;
    it->options.max_message_size = 10;
    start_stream(true);
    make_hand(&hand, true);
    hand_receives(&hand);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    piece_arrives("0123456789abc", true);
    assert_replied(&hand, "abc");
    hand_receives(&hand);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    piece_arrives("0123456789def", false);

    assert_replied(&hand, "def");
    free_hand(&hand);
}

static void stream__is_written_piece_by_piece(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, false);
    assert_int_equal(begin_full(&hand, "", true, true), WWS_S_OK);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_true(fake.more);
    send_first();
    assert_int_equal(step_hand(&hand), WWS_S_OK);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_PARTLY_SENT);
    give_track_back(&hand);

    assert_int_equal(write_on(&hand, false), WWS_S_OK);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_true(fake.continues);
    assert_false(fake.more);
    send_first();

    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_SENT);
    arrives(NEWS);
    assert_replied(&hand, "news");
    end_hand(&hand);
    assert_int_equal(fake.aborts, 0);
    free_hand(&hand);
}

static void stream__that_was_not_begun_cannot_go_on(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, false);

    assert_int_equal(write_on(&hand, false), WWS_E_INVALID_OPERATION);

    free_hand(&hand);
}

static void stream__may_be_replied_to_before_it_is_through(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, false);
    assert_int_equal(begin_full(&hand, "", true, true), WWS_S_OK);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    send_first();
    assert_int_equal(step_hand(&hand), WWS_S_OK);
    give_track_back(&hand);
    arrives(NEWS);

    assert_int_equal(write_on(&hand, false), WWS_S_OK);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_true(begin_first());

    assert_int_equal(step_hand(&hand), WWS_S_OK);
    assert_takes(&hand, "news");
    free_hand(&hand);
    finish_first();
    assert_int_equal(fake.aborts, 0);
}

static void stream__that_is_left_unfinished_aborts_the_session(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, false);
    assert_int_equal(begin_full(&hand, "", false, true), WWS_S_OK);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    send_first();
    assert_int_equal(step_hand(&hand), WWS_S_OK);
    assert_int_equal(write_on(&hand, false), WWS_S_OK);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    free_hand(&hand);

    assert_false(is_queued());
    assert_int_equal(fake.aborts, 1);
}

static void stream__that_is_stopped_before_its_begin_harms_nobody(
    void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, false);
    assert_int_equal(begin_full(&hand, "", false, true), WWS_S_OK);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    free_hand(&hand);

    assert_int_equal(fake.aborts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stream__comes_piece_by_piece),
        TEST(stream__can_be_received_in_pieces),
        TEST(stream__that_ends_within_a_message_fails),
        TEST(stream__of_which_nobody_wants_the_rest_is_dropped),
        TEST(stream__is_put_together_for_who_takes_it_whole),
        TEST(stream__that_nobody_has_had_a_piece_of_is_not_lost),
        TEST(stream__is_put_together_before_it_is_correlated),
        TEST(stream__may_not_grow_too_large_whole),
        TEST(stream__may_grow_in_pieces),
        TEST(stream__is_written_piece_by_piece),
        TEST(stream__that_was_not_begun_cannot_go_on),
        TEST(stream__may_be_replied_to_before_it_is_through),
        TEST(stream__that_is_left_unfinished_aborts_the_session),
        TEST(stream__that_is_stopped_before_its_begin_harms_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
