/* What opens a channel, ends it and lets it begin anew, and what each of these
 * leaves behind. */
#include "tests/conformance/channel_rig.h"

static void abort_it(void *state)
{
    const struct rig *rig = state;

    must(wws_channel_abort(rig->talk.channel) == WWS_S_OK);
}

/* D1, G12: the open that fails consumes it, and reset forgets it. */
static void channel__remembers_an_abort_until_open_or_reset(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state, false);
        reach_latched(&rig);
        hear(&heard, manner, start_open, &rig.talk);
        assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
        assert_int_equal(channel_state(rig.talk.channel), CREATED);
        assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
        rig_end(&rig);

        rig_begin(&rig, *state, false);
        reach_latched(&rig);
        assert_status(wws_channel_reset(rig.talk.channel, no_error), WWS_S_OK);
        hear(&heard, manner, start_open, &rig.talk);
        assert_status(heard_end(&heard), WWS_S_OK);
        rig_end(&rig);

        /* Also across a close. */
        rig_begin(&rig, *state, false);
        reach_latched(&rig);
        assert_status(start_close_channel(&rig.talk, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_channel_reset(rig.talk.channel, no_error), WWS_S_OK);
        assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
        rig_end(&rig);
    }
}

/* D1, G12: for the accept; the client's request waits for the next one. */
static void channel__remembers_an_abort_until_accept_or_reset(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int resets = 0; resets < 2; resets++) {
            struct heard heard;
            struct rig rig;

            rig_begin(&rig, *state, true);
            reach_server_latched(&rig);
            if (resets)
                assert_status(wws_channel_reset(rig.talk.channel, no_error),
                    WWS_S_OK);
            else
                assert_status(start_accept(&rig.talk, NULL, no_error),
                    WWS_E_OPERATION_ABORTED);
            hear(&heard, manner, start_accept, &rig.talk);
            assert_status(heard_end(&heard), WWS_S_OK);
            rig_end(&rig);
        }
}

struct race {
    struct talk talk;
    pthread_barrier_t start;
};

static void *open_at_once(void *state)
{
    struct race *race = state;
    wws_status status;

    pthread_barrier_wait(&race->start);
    status = start_open(&race->talk, NULL, no_error);
    return (void *) (intptr_t) status;
}

/* G12, G13, L8: before or during the open, it fails and the channel can be
 * opened again at once; after it, the channel is faulted. */
static void channel_abort__leaves_a_racing_open_one_result(void **state)
{
    struct world *world = *state;
    struct race race = { .talk = { .url = world->url } };

    must(pthread_barrier_init(&race.start, NULL, 2) == 0);
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        void *status;

        race.talk.channel = new_channel(world->runtime);
        must(pthread_create(&thread, NULL, open_at_once, &race) == 0);
        pthread_barrier_wait(&race.start);
        assert_status(wws_channel_abort(race.talk.channel), WWS_S_OK);
        must(pthread_join(thread, &status) == 0);

        if ((wws_status) (intptr_t) status == WWS_S_OK) {
            assert_int_equal(channel_state(race.talk.channel), FAULTED);
        } else {
            assert_status((wws_status) (intptr_t) status,
                WWS_E_OPERATION_ABORTED);
            assert_int_equal(channel_state(race.talk.channel), CREATED);
            assert_status(start_open(&race.talk, NULL, no_error), WWS_S_OK);
        }
        assert_status(wws_channel_free(race.talk.channel), WWS_S_OK);
    }
    pthread_barrier_destroy(&race.start);
}

/* G14, C1, C5, C8, L5: what close answers does not matter, the channel is
 * closed; but for INV, which leaves the first close alone. */
static void channel_close__is_over_whatever_it_answers(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int aborts = 0; aborts < 2; aborts++) {
            struct heard second;
            struct rig rig;

            rig_begin(&rig, *state, false);
            reach_closing(&rig);
            hear(&second, manner, start_close_channel, &rig.talk);
            assert_status(heard_end(&second), WWS_E_INVALID_OPERATION);
            if (aborts)
                assert_status(wws_channel_abort(rig.talk.channel), WWS_S_OK);
            assert_int_equal(channel_state(rig.talk.channel), CLOSING);
            assert_false(heard_yet(&rig.closing));
            hold_release(&rig.hold);

            rig.is_closing = false;
            assert_status(heard_end(&rig.closing),
                aborts ? WWS_E_OPERATION_ABORTED : WWS_S_OK);
            assert_int_equal(channel_state(rig.talk.channel), CLOSED);
            assert_status(wws_channel_reset(rig.talk.channel, no_error),
                WWS_S_OK);
            assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
            rig_end(&rig);
        }
}

/* C7, G25: nothing is exchanged any more, and it answers OK. */
static void channel_close__of_a_faulted_channel_is_ok(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state, false);
        reach_owed(&rig);
        assert_status(wws_channel_abort(rig.talk.channel), WWS_S_OK);
        hear(&heard, manner, start_close_channel, &rig.talk);
        assert_status(heard_end(&heard), WWS_S_OK);
        assert_int_equal(channel_state(rig.talk.channel), CLOSED);
        assert_true(peer_reaches(&rig.peer, &rig.peer.gone, 1));
        rig_end(&rig);
    }
}

static wws_status open_nowhere(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_open(talk->channel, WWS_STR("gopher://nowhere/"),
        completion, error);
}

/* C10: after it the channel is as if created. */
static void channel_open__that_fails_leaves_the_channel_created(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state, false);
        for (int again = 0; again < 2; again++) {
            hear(&heard, manner, open_nowhere, &rig.talk);
            assert_status(heard_end(&heard), WWS_E_INVALID_ENDPOINT_URL);
            assert_int_equal(channel_state(rig.talk.channel), CREATED);
        }
        assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
        rig_end(&rig);

        rig_begin(&rig, *state, false);
        assert_status(open_nowhere(&rig.talk, NULL, no_error),
            WWS_E_INVALID_ENDPOINT_URL);
        assert_status(start_close_channel(&rig.talk, NULL, no_error),
            WWS_S_OK);
        assert_int_equal(channel_state(rig.talk.channel), CLOSED);
        rig_end(&rig);

        rig_begin(&rig, *state, false);
        assert_status(open_nowhere(&rig.talk, NULL, no_error),
            WWS_E_INVALID_ENDPOINT_URL);
        assert_status(wws_channel_free(rig.talk.channel), WWS_S_OK);
        rig_end(&rig);
    }
}

/* R4, C10: open connects. */
static void channel_open__to_nobody_leaves_the_channel_created(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct talk talk;
        struct rig rig;

        rig_begin(&rig, *state, false);
        talk = rig.talk;
        talk.url = wire()->nowhere;
        hear(&heard, manner, start_open, &talk);
        assert_status(heard_wait(&heard), WWS_E_ENDPOINT_NOT_FOUND);
        assert_true(heard_says(&heard, "refused"));
        assert_int_equal(heard_info(&heard).phase, WWS_PHASE_CONNECT);
        assert_status(heard_end(&heard), WWS_E_ENDPOINT_NOT_FOUND);
        assert_int_equal(channel_state(talk.channel), CREATED);
        assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
        rig_end(&rig);
    }
}

/* G5, G7, G13, A62: held where it waits for the peer's word, which never
 * comes. */
static void channel_abort__ends_a_pending_open(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            const struct peer_script mute = { .mute = true };
            struct heard heard;
            struct rig rig;

            rig_begin(&rig, *state, false);
            talk_to(&rig, &mute);
            hear(&heard, manner, start_open, &rig.talk);
            assert_true(peer_reaches(&rig.other_peer,
                &rig.other_peer.accepted, 1));
            call_at(*state, place, abort_it, &rig);

            assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
            assert_int_equal(channel_state(rig.talk.channel), CREATED);
            assert_true(peer_reaches(&rig.other_peer, &rig.other_peer.gone,
                1));
            rig.talk.url = rig.peer.url;
            assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
            rig_end(&rig);
        }
}

/* Whether they shook hands when the time was over. */
static bool silence_follows(
    struct world *world,
    enum manner manner,
    uint32_t timeout_ms)
{
    const struct peer_script mute = { .mute = true };
    struct heard heard;
    struct rig rig;
    bool shook;

    rig_begin(&rig, world, false);
    talk_to(&rig, &mute);
    assert_status(wws_channel_set_property(rig.talk.channel,
        WWS_CHANNEL_PROPERTY_CONNECT_TIMEOUT, timeout_ms, no_error), WWS_S_OK);
    hear(&heard, manner, start_open, &rig.talk);
    assert_status(heard_wait(&heard), WWS_E_OPERATION_TIMED_OUT);
    shook = heard_info(&heard).phase == WWS_PHASE_HANDSHAKE;
    assert_status(heard_end(&heard), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(channel_state(rig.talk.channel), CREATED);
    assert_true(!shook
        || peer_reaches(&rig.other_peer, &rig.other_peer.gone, 1));
    rig_end(&rig);
    return shook;
}

/* TT11: connecting and shaking hands have one limit.  On a busy machine it may
 * be over before they are connected: then it is a longer one. */
static void channel_open__ends_when_its_time_is_over(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (uint32_t timeout_ms = 30;
             !silence_follows(*state, manner, timeout_ms); timeout_ms *= 4)
            assert_true(timeout_ms < 15000);
}

/* C1, C2: the peer's end is waited for, until the time is over. */
static void channel_close__waits_for_the_peer_to_end(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state, false);
        reach_open(&rig);
        hear(&heard, manner, start_close_channel, &rig.talk);
        assert_status(heard_end(&heard), WWS_S_OK);
        assert_int_equal(peer_read(&rig.peer, &rig.peer.ended), 1);
        rig_end(&rig);

        rig_begin(&rig, *state, false);
        assert_status(wws_channel_set_property(rig.talk.channel,
            WWS_CHANNEL_PROPERTY_CLOSE_TIMEOUT, 30, no_error), WWS_S_OK);
        reach_stubborn(&rig);
        hear(&heard, manner, start_close_channel, &rig.talk);
        assert_true(peer_reaches(&rig.other_peer, &rig.other_peer.ended, 1));
        assert_status(heard_end(&heard), WWS_E_OPERATION_TIMED_OUT);
        assert_int_equal(channel_state(rig.talk.channel), CLOSED);
        assert_true(peer_reaches(&rig.other_peer, &rig.other_peer.gone, 1));
        rig_end(&rig);
    }
}

/* C8, G5, G7, G14 */
static void channel_abort__ends_a_pending_close(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            struct heard heard;
            struct rig rig;

            rig_begin(&rig, *state, false);
            reach_stubborn(&rig);
            hear(&heard, manner, start_close_channel, &rig.talk);
            assert_true(peer_reaches(&rig.other_peer, &rig.other_peer.ended,
                1));
            call_at(*state, place, abort_it, &rig);

            assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
            assert_int_equal(channel_state(rig.talk.channel), CLOSED);
            assert_true(peer_reaches(&rig.other_peer, &rig.other_peer.gone,
                1));
            rig_end(&rig);
        }
}

/* R4: open does no I/O over HTTP; the first message finds out. */
static void channel_open__needs_no_server(void **state)
{
    struct talk talk;
    struct rig rig;

    rig_begin(&rig, *state, false);
    talk = rig.talk;
    talk.request = rig.request;
    talk.reply = rig.empty;
    talk.url = wire()->nowhere;
    assert_status(start_open(&talk, NULL, no_error), WWS_S_OK);
    assert_status(start_request_reply(&talk, NULL, no_error),
        WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(channel_state(talk.channel), OPEN);
    rig_end(&rig);
}

static wws_status ask(wws_channel channel, size_t size)
{
    struct talk talk = {
        .channel = channel,
        .request = new_request(ACTION_ECHO, size),
        .reply = new_empty(),
    };
    wws_status status = start_request_reply(&talk, NULL, no_error);

    must(wws_message_free(talk.request) == WWS_S_OK);
    must(wws_message_free(talk.reply) == WWS_S_OK);
    return status;
}

/* R1: what the channel was created with stays, its address does not. */
static void channel_reset__keeps_the_options_and_not_the_address(void **state)
{
    wws_channel_options options = channel_options();
    struct world *world = *state;
    struct peer peers[2];
    wws_channel channel;

    peer_start(&peers[0], &answers);
    peer_start(&peers[1], &answers);
    options.max_message_size = 2000;
    assert_status(wws_channel_create(world->runtime, &options, &channel,
        no_error), WWS_S_OK);
    for (unsigned i = 0; i < 4; i++) {
        assert_status(wws_channel_open(channel, text(peers[i % 2].url), NULL,
            no_error), WWS_S_OK);
        assert_status(ask(channel, 4000), WWS_E_QUOTA_EXCEEDED);
        assert_status(ask(channel, 0), WWS_S_OK);
        assert_true(peer_reaches(&peers[i % 2], &peers[i % 2].served,
            i / 2 + 1));
        assert_status(wws_channel_close(channel, NULL, no_error), WWS_S_OK);
        assert_status(wws_channel_reset(channel, no_error), WWS_S_OK);
    }
    assert_status(wws_channel_free(channel), WWS_S_OK);
    peer_stop(&peers[0]);
    peer_stop(&peers[1]);
}

/* R1 at the server: the same channel serves the next client. */
static void channel_reset__lets_a_channel_accept_again(void **state)
{
    struct talk talk;
    struct rig rig;

    rig_begin(&rig, *state, true);
    for (int i = 0; i < 3; i++) {
        call_in(&rig);
        talk = rig.talk;
        talk.reply = rig.asked;
        assert_status(start_accept(&talk, NULL, no_error), WWS_S_OK);
        assert_status(start_receive(&talk, NULL, no_error), WWS_S_OK);
        talk.reply = new_reply(rig.asked, 0);
        assert_status(start_send_reply(&talk, NULL, no_error), WWS_S_OK);
        assert_true(peer_answered(rig.client));
        peer_end_session(rig.client);
        assert_status(start_close_channel(&talk, NULL, no_error), WWS_S_OK);
        assert_status(wws_channel_reset(talk.channel, no_error), WWS_S_OK);
        assert_status(wws_message_free(talk.reply), WWS_S_OK);
        assert_status(wws_message_reset(rig.asked, no_error), WWS_S_OK);
        peer_reset(rig.client);
    }
    rig.client = -1;
    rig_end(&rig);
}

/* R5 */
static void channel__is_accepted_only_by_its_own_listener(void **state)
{
    struct world *world = *state;
    struct talk talk;
    struct ear other;
    struct rig rig;

    rig_begin(&rig, world, true);
    ear_open(&other, world->runtime);
    talk = rig.talk;
    talk.listener = other.listener;
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;

        hear(&heard, manner, start_accept, &talk);
        assert_status(heard_end(&heard), WWS_E_INVALIDARG);
        assert_int_equal(channel_state(talk.channel), CREATED);
    }
    assert_status(wws_listener_free(other.listener), WWS_S_OK);
    rig_end(&rig);
}

struct inside {
    struct talk *talk;
    wws_status blocking;
    struct heard beside;
};

static void close_inside(struct heard *heard)
{
    struct inside *inside = heard->inside_state;

    inside->blocking = start_close_channel(inside->talk, NULL, no_error);
    hear(&inside->beside, QUEUE, start_close_channel, inside->talk);
}

/* D34: a close that waits for the callback it is called in is refused; one that
 * does not wait there is fine. */
static void channel_close__in_its_own_callback_must_not_wait(void **state)
{
    struct inside inside;
    struct heard heard;
    struct talk talk;
    struct rig rig;

    rig_begin(&rig, *state, false);
    reach_open(&rig);
    talk = rig.talk;
    talk.request = rig.request;
    talk.reply = rig.empty;
    inside.talk = &rig.talk;
    hear_inside(&heard, start_request_reply, &talk, close_inside, &inside);
    assert_status(heard_end(&heard), WWS_S_OK);
    assert_status(inside.blocking, WWS_E_INVALID_OPERATION);
    assert_status(inside.beside.returned, WWS_S_ASYNC);
    assert_status(heard_end(&inside.beside), WWS_S_OK);
    assert_int_equal(channel_state(rig.talk.channel), CLOSED);
    rig_end(&rig);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(channel__remembers_an_abort_until_open_or_reset),
        in_world(channel__remembers_an_abort_until_accept_or_reset),
        in_world(channel_abort__leaves_a_racing_open_one_result),
        in_world(channel_close__is_over_whatever_it_answers),
        in_world(channel_close__of_a_faulted_channel_is_ok),
        in_world(channel_open__that_fails_leaves_the_channel_created),
        over(OVER_HTTP, channel_open__needs_no_server),
        over(OVER_TCP, channel_open__to_nobody_leaves_the_channel_created),
        over(OVER_TCP, channel_abort__ends_a_pending_open),
        over(OVER_TCP, channel_open__ends_when_its_time_is_over),
        over(OVER_TCP, channel_close__waits_for_the_peer_to_end),
        over(OVER_TCP, channel_abort__ends_a_pending_close),
        in_world(channel_reset__keeps_the_options_and_not_the_address),
        in_world(channel_reset__lets_a_channel_accept_again),
        in_world(channel__is_accepted_only_by_its_own_listener),
        in_world(channel_close__in_its_own_callback_must_not_wait),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
