/* Opening through a mux, and replies, which find their requests. */
#include "tests/support/mux_fixture.h"

#include "core/base/clock.h"

/* Opening. */

static void run_phase(struct event *event)
{
    fake.base.events->phase(&fake.base, event->phase);
}

static void run_opened(struct event *event)
{
    (void) event;
    fake.base.events->opened(&fake.base);
}

static void opening_comes_to(wws_phase phase)
{
    send_event(&(struct event) { .run = run_phase, .phase = phase });
}

static void session_opens(void)
{
    send_event(&(struct event) { .run = run_opened });
}

static void opening__is_done_when_the_session_is_open(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);
    assert_int_equal(fake.opened, 1);
    assert_int_equal(fake.asks, 0);

    session_opens();

    assert_int_equal(hand.notices, 1);
    assert_int_equal(step_hand(&hand), WWS_S_OK);
    assert_int_equal(fake.asks, 1);
    free_hand(&hand);
    assert_int_equal(fake.aborts, 0);
}

static void opening__tells_its_phases(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);
    assert_int_equal(hand.track.phase, WWS_PHASE_RESOLVE);

    opening_comes_to(WWS_PHASE_CONNECT);
    assert_int_equal(hand.track.phase, WWS_PHASE_CONNECT);
    opening_comes_to(WWS_PHASE_HANDSHAKE);
    assert_int_equal(hand.track.phase, WWS_PHASE_HANDSHAKE);

    assert_int_equal(hand.track.progress, WWS_PROGRESS_NOT_SENT);
    free_hand(&hand);
}

static void opening__is_limited_in_resolving(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);
    assert_int_equal(hand.want.deadline, wwi_clock_now() + 100);
    wwi_clock_move(99);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    wwi_clock_move(1);

    assert_fails(&hand, WWS_E_OPERATION_TIMED_OUT,
        "the time allowed for this phase is over");
    assert_int_equal(hand.client->trouble.phase, WWS_PHASE_RESOLVE);
    free_hand(&hand);
    assert_int_equal(fake.aborts, 1);
}

static void opening__is_limited_in_connecting_with_the_handshake(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);
    wwi_clock_move(99);
    opening_comes_to(WWS_PHASE_CONNECT);
    wwi_clock_move(150);
    opening_comes_to(WWS_PHASE_HANDSHAKE);
    wwi_clock_move(49);
    assert_int_equal(hand.notices, 2);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    wwi_clock_move(1);

    assert_int_equal(step_hand(&hand), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(hand.client->trouble.phase, WWS_PHASE_HANDSHAKE);
    free_hand(&hand);
}

static void opening__fails_as_the_session_did(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);

    session_ends(WWS_E_ENDPOINT_NOT_FOUND);

    assert_int_equal(hand.notices, 1);
    assert_fails(&hand, WWS_E_ENDPOINT_NOT_FOUND, "it broke");
    free_hand(&hand);
    assert_int_equal(fake.aborts, 0);
    assert_true(wwi_mux_failed(it->mux));
}

static void opening__that_is_stopped_aborts_the_session(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);

    free_hand(&hand);

    assert_int_equal(fake.aborts, 1);
    let_loop_turn();
    assert_true(wwi_mux_failed(it->mux));
}

static void opening__that_never_began_leaves_it_to_another(void **state)
{
    struct hand first, second;

    (void) state;
    assert_int_equal(create_mux(false), WWS_S_OK);
    make_hand(&first, false);
    make_hand(&second, false);
    assert_int_equal(wwi_mux_clients.client_begin(first.client, NULL, false,
        NULL), WWS_S_OK);
    assert_int_equal(wwi_mux_clients.client_begin(second.client, NULL, false,
        NULL), WWS_E_INVALID_OPERATION);

    free_hand(&first);

    assert_int_equal(fake.aborts, 0);
    assert_int_equal(wwi_mux_clients.client_begin(second.client, NULL, false,
        NULL), WWS_S_OK);
    free_hand(&second);
}

static void opening__after_an_abort_does_no_io(void **state)
{
    struct hand hand;

    (void) state;
    assert_int_equal(create_mux(false), WWS_S_OK);
    make_hand(&hand, false);
    assert_int_equal(wwi_mux_clients.client_begin(hand.client, NULL, false,
        NULL), WWS_S_OK);
    take_track(&hand);
    wwi_mux_abort(it->mux);

    (void) step_hand(&hand);
    let_loop_turn();

    assert_fails(&hand, WWS_E_OPERATION_ABORTED, "aborted");
    assert_int_equal(fake.opened, 0);
    free_hand(&hand);
}

static void begin__opens_a_session_that_is_not(void **state)
{
    struct hand hand;

    (void) state;
    assert_int_equal(create_mux(false), WWS_S_OK);
    make_hand(&hand, false);

    assert_int_equal(begin_full(&hand, "1", true, false), WWS_S_OK);
    take_track(&hand);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_int_equal(fake.opened, 1);
    assert_true(wwi_list_empty(&fake.queue));
    session_opens();
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_false(wwi_list_empty(&fake.queue));

    free_hand(&hand);
}

static void begin__of_a_request_needs_an_id(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);

    assert_int_equal(begin_full(&hand, "", true, false), WWS_E_INVALIDARG);
    assert_int_equal(begin_full(&hand, "", false, false), WWS_S_OK);

    free_hand(&hand);
}

/* Replies. */

static void replies__find_their_requests_in_any_order(void **state)
{
    struct hand a, b, c;

    (void) state;
    start_mux();
    hand_asks(&a, "a");
    hand_asks(&b, "b");
    hand_asks(&c, "c");

    arrives(REPLY("c"));
    arrives(REPLY(" b\n"));
    assert_int_equal(step_hand(&a), WWS_S_ASYNC);
    arrives(REPLY("&#97;"));

    assert_replied(&c, ">c<");
    assert_replied(&b, "> b\n<");
    assert_replied(&a, ">&#97;<");
    assert_int_equal(a.notices, 2);
    free_hand(&a);
    free_hand(&b);
    free_hand(&c);
    assert_int_equal(dropped(), 0);
}

static void reply__is_what_relates_as_a_reply(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    hand_asks(&hand, "a");

    arrives(RELATED("RelationshipType='urn:other'", "a"));
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_int_equal(dropped(), 1);
    arrives(RELATED(
        "RelationshipType='http://www.w3.org/2005/08/addressing/reply'", "a"));

    assert_replied(&hand, ">a<");
    free_hand(&hand);
}

static void reply__is_what_the_next_message_is_without_correlation(
    void **state)
{
    struct hand hand;

    (void) state;
    it->options.correlates = false;
    start_mux();
    hand_asks(&hand, "a");

    arrives(NEWS);

    assert_replied(&hand, "news");
    free_hand(&hand);
}

static void reply__may_come_before_all_is_sent(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_true(begin_first());

    arrives(REPLY("a"));

    assert_replied(&hand, ">a<");
    end_hand(&hand);
    finish_first();
    begin_hand(&hand, "b", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    send_first();
    arrives(REPLY("b"));
    assert_replied(&hand, ">b<");
    free_hand(&hand);
}

static void reply__to_what_was_not_sent_is_none(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    make_hand(&hand, false);
    begin_hand(&hand, "a", true);
    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);

    arrives(REPLY("a"));

    assert_int_equal(step_hand(&hand), WWS_S_ASYNC);
    assert_int_equal(dropped(), 1);
    free_hand(&hand);
}

static void reply__that_comes_twice_is_dropped_once(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    hand_asks(&hand, "a");

    arrives(REPLY("a"));
    arrives(REPLY("a"));

    assert_int_equal(dropped(), 1);
    assert_replied(&hand, ">a<");
    free_hand(&hand);
    assert_int_equal(dropped(), 1);
}

/* G75 */
static void reply__that_is_late_is_dropped_and_counted(void **state)
{
    struct hand late, other;

    (void) state;
    start_mux();
    hand_asks(&late, "a");
    hand_asks(&other, "b");

    free_hand(&late);
    assert_int_equal(dropped(), 0);
    arrives(REPLY("a"));

    assert_int_equal(dropped(), 1);
    arrives(REPLY("b"));
    assert_replied(&other, ">b<");
    free_hand(&other);
}

static void reply__that_is_there_when_nobody_wants_it_is_counted(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    hand_asks(&hand, "a");
    arrives(REPLY("a"));

    free_hand(&hand);

    assert_int_equal(dropped(), 1);
}

static void message__that_relates_to_nothing_harms_nobody(void **state)
{
    static const char *const others[] = {
        HEAD "</e:Envelope>", HEAD "<e:Header/><e:Body><", NEWS, REPLY(""),
        REPLY("unknown"),
    };
    struct hand hand;

    (void) state;
    start_mux();
    hand_asks(&hand, "a");

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        arrives(others[i]);
        assert_int_equal(dropped(), i + 1);
    }

    arrives(REPLY("a"));
    assert_replied(&hand, ">a<");
    free_hand(&hand);
    assert_int_equal(fake.aborts, 0);
}

/* It may be the reply that somebody would wait for in vain. */
static void message__that_cannot_be_read_ends_the_session(void **state)
{
    static const char *const bad[] = {
        "", "no xml", "<x/>", HEAD, HEAD "<e:Header><a:RelatesTo>a",
        "<Envelope><Header/></Envelope>",
    };

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct hand hand;

        start_mux();
        hand_asks(&hand, "a");

        arrives(bad[i]);
        let_loop_turn();

        assert_fails(&hand, WWS_E_INVALID_FORMAT,
            "a message that arrived cannot be read");
        assert_int_equal(fake.aborts, 1);
        free_hand(&hand);
        wwi_mux_close(it->mux, WWI_NEVER, mux_closed, NULL);
        assert_int_equal(hear_closed(), WWS_E_INVALID_FORMAT);
        open_fake();
    }
}

/* What is too much is for its call to complain of, too. */
static void message__beyond_the_limits_finds_its_request(void **state)
{
    struct wwi_bytes text = { 0 };
    struct hand hand;

    (void) state;
    start_mux();
    hand_asks(&hand, "a");
    wwi_bytes_append_text(&text, HEAD "<e:Header>");
    for (int i = 0; i < 100; i++)
        wwi_bytes_append_text(&text, "<x xmlns='urn:x'>");
    for (int i = 0; i < 100; i++)
        wwi_bytes_append_text(&text, "</x>");
    wwi_bytes_append_text(&text, "<a:RelatesTo>a</a:RelatesTo></e:Header>");
    wwi_bytes_append_char(&text, '\0');

    arrives((const char *) text.data);

    assert_replied(&hand, ">a<");
    free_hand(&hand);
    wwi_bytes_fini(&text);
}

/* A body is for its call to complain of. */
static void message__with_a_bad_body_finds_its_request(void **state)
{
    struct hand hand;

    (void) state;
    start_mux();
    hand_asks(&hand, "a");

    arrives(HEAD "<e:Header><a:RelatesTo>a</a:RelatesTo></e:Header><e:Body><");

    assert_replied(&hand, "Body");
    free_hand(&hand);
}

static void reading__goes_on_without_end_where_nobody_receives(void **state)
{
    (void) state;
    start_mux();

    for (int i = 0; i < 100; i++)
        arrives(NEWS);

    assert_int_equal(fake.asks, 101);
    assert_int_equal(dropped(), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opening__is_done_when_the_session_is_open),
        TEST(opening__tells_its_phases),
        TEST(opening__is_limited_in_resolving),
        TEST(opening__is_limited_in_connecting_with_the_handshake),
        TEST(opening__fails_as_the_session_did),
        TEST(opening__that_is_stopped_aborts_the_session),
        TEST(opening__that_never_began_leaves_it_to_another),
        TEST(opening__after_an_abort_does_no_io),
        TEST(begin__opens_a_session_that_is_not),
        TEST(begin__of_a_request_needs_an_id),
        TEST(replies__find_their_requests_in_any_order),
        TEST(reply__is_what_relates_as_a_reply),
        TEST(reply__is_what_the_next_message_is_without_correlation),
        TEST(reply__may_come_before_all_is_sent),
        TEST(reply__to_what_was_not_sent_is_none),
        TEST(reply__that_comes_twice_is_dropped_once),
        TEST(reply__that_is_late_is_dropped_and_counted),
        TEST(reply__that_is_there_when_nobody_wants_it_is_counted),
        TEST(message__that_relates_to_nothing_harms_nobody),
        TEST(message__that_cannot_be_read_ends_the_session),
        TEST(message__beyond_the_limits_finds_its_request),
        TEST(message__with_a_bad_body_finds_its_request),
        TEST(reading__goes_on_without_end_where_nobody_receives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
