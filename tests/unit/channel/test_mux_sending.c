/* What is sent through a mux, and what is stopped. */
#include "tests/support/mux_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

/* Sending. */

static void send__is_done_when_the_octets_have_left(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "", false);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_int_equal(hand.track.phase, WWS_PHASE_QUEUE);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_NOT_SENT);

    assert_true(begin_first());
    assert_int_equal(hand.track.phase, WWS_PHASE_SEND);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_PARTLY_SENT);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    finish_first();

    assert_int_equal(hand.notices, 1);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_SENT);
    assert_int_equal(step_hand(&hand), WWS_S_OK);
    assert_string_equal(fake.action, "urn:do");
    end_hand(&hand);
    free_hand(&hand);
}

static void send__may_be_done_at_once(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    fake.hasty = true;
    make_hand(&hand, false);
    begin_hand(&hand, "", false);

    assert_int_equal(step_hand(&hand), WWS_S_OK);

    end_hand(&hand);
    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_int_equal(hand.track.phase, WWS_PHASE_WAIT);
    arrives(REPLY("a"));
    assert_replied(&hand, ">a<");
    free_hand(&hand);
}

static void send__copies_what_goes_with_the_message(void **state)
{
    char value[] = "value";
    char action[] = "urn:x";
    struct wwi_outgoing outgoing = {
        .action = { action, 5 },
        .fields = { one_field, value },
    };
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    assert_int_equal(wwi_mux_clients.client_begin(hand.client, &outgoing,
        false, NULL), WWS_S_OK);
    memset(value, 'z', 5);
    memset(action, 'z', 5);

    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    assert_string_equal(fake.action, "urn:x");
    assert_string_equal(fake.field, "Name=value");
    free_hand(&hand);
}

static void send__that_is_refused_tells_why(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    fake.refusal = WWS_E_INVALID_OPERATION;
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);

    assert_fails(&hand, WWS_E_INVALID_OPERATION,
        "the session takes no message");

    free_hand(&hand);
}

/* The session knows of its failure before it has told. */
static void send__to_a_session_that_is_over_hears_how(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    fake.refusal = WWS_E_OBJECT_FAULTED;
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    session_ends(WWS_E_ENDPOINT_DISCONNECTED);

    assert_fails(&hand, WWS_E_ENDPOINT_DISCONNECTED, "it broke");
    free_hand(&hand);
}

/* A peer that says no more may still hear what was begun. */
static void send__that_has_begun_goes_on_when_the_peer_ends(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_true(begin_first());

    session_ends(WWS_S_END);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_PARTLY_SENT);
    finish_first();

    assert_int_equal(step_hand(&hand), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_SENT);
    free_hand(&hand);
}

static void send__is_limited_in_time(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_int_equal(hand.want.deadline, wwi_clock_now() + 300);

    wwi_clock_move(300);

    assert_int_equal(step_hand(&hand), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(hand.client->trouble.progress, WWS_PROGRESS_NOT_SENT);
    /* Who has been told so is not made a liar. */
    assert_false(begin_first());
    free_hand(&hand);
}

static void reply__is_waited_for_a_limited_time(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    wwi_clock_move(200);
    send_first();
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_int_equal(hand.want.deadline, wwi_clock_now() + 400);

    wwi_clock_move(400);

    assert_int_equal(step_hand(&hand), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(hand.client->trouble.phase, WWS_PHASE_WAIT);
    assert_int_equal(hand.client->trouble.progress, WWS_PROGRESS_SENT);
    free_hand(&hand);
    assert_int_equal(fake.aborts, 0);
}

static void deadline__that_is_infinite_never_comes(void **state)
{
    struct hand hand;

    (void) state;
    it->times.send_timeout_ms = WWS_INFINITE;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);

    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    assert_true(hand.want.deadline == WWI_NEVER);
    free_hand(&hand);
}

/* Stopping. */

static void stop__before_the_first_octet_takes_the_message_back(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    free_hand(&hand);

    assert_false(is_queued());
    assert_int_equal(hand.track.progress, WWS_PROGRESS_NOT_SENT);
}

static void stop__is_seen_when_the_first_octet_is_to_leave(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    atomic_store(&hand.track.stop, true);

    assert_false(begin_first());
    assert_int_equal(hand.track.progress, WWS_PROGRESS_NOT_SENT);
    free_hand(&hand);
}

static void stop__after_the_first_octet_lets_the_message_be_sent(void **state)
{
    struct hand hand, other;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_true(begin_first());

    free_hand(&hand);

    assert_memory_equal(fake.leaving->body.data, "octets", 6);
    finish_first();
    arrives(REPLY("a"));
    assert_int_equal(dropped(), 1);
    hand_asks(&other, "b");
    arrives(REPLY("b"));
    assert_replied(&other, ">b<");
    free_hand(&other);
    assert_int_equal(fake.aborts, 0);
}

static void stop__lets_the_client_go_on_to_its_next_exchange(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_true(begin_first());
    end_hand(&hand);

    begin_hand(&hand, "b", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    finish_first();
    send_first();
    arrives(REPLY("a"));
    arrives(REPLY("b"));

    assert_replied(&hand, ">b<");
    assert_int_equal(dropped(), 1);
    free_hand(&hand);
}

static void crowd__gets_each_reply_but_for_those_who_left(void **state)
{
    struct hand *hands = test_calloc(CROWD, sizeof *hands);
    char text[800];
    uint64_t late = 0;

    (void) state;
    start_mux();
    for (int i = 0; i < CROWD; i++) {
        snprintf(text, sizeof text, "urn:%d", i);
        hand_asks(&hands[i], text);
    }
    srand(7);
    for (int i = 0; i < CROWD; i++) {
        if (rand() % 3 != 0)
            continue;
        free_hand(&hands[i]);
        hands[i].client = NULL;
        late++;
    }

    for (int i = CROWD; i-- > 0;) {
        snprintf(text, sizeof text, HEAD "<e:Header><a:RelatesTo>urn:%d"
            "</a:RelatesTo></e:Header><e:Body>=%d=</e:Body></e:Envelope>", i,
            i);
        arrives(text);
    }

    for (int i = 0; i < CROWD; i++) {
        if (hands[i].client == NULL)
            continue;
        snprintf(text, sizeof text, "=%d=", i);
        assert_replied(&hands[i], text);
        free_hand(&hands[i]);
    }
    assert_int_equal(dropped(), late);
    test_free(hands);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(send__is_done_when_the_octets_have_left),
        TEST(send__may_be_done_at_once),
        TEST(send__copies_what_goes_with_the_message),
        TEST(send__that_is_refused_tells_why),
        TEST(send__to_a_session_that_is_over_hears_how),
        TEST(send__that_has_begun_goes_on_when_the_peer_ends),
        TEST(send__is_limited_in_time),
        TEST(reply__is_waited_for_a_limited_time),
        TEST(deadline__that_is_infinite_never_comes),
        TEST(stop__before_the_first_octet_takes_the_message_back),
        TEST(stop__is_seen_when_the_first_octet_is_to_leave),
        TEST(stop__after_the_first_octet_lets_the_message_be_sent),
        TEST(stop__lets_the_client_go_on_to_its_next_exchange),
        TEST(crowd__gets_each_reply_but_for_those_who_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
