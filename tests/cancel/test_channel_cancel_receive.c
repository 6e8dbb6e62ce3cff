/* wws_channel_cancel_receive(): a receive ends, the channel does not. */
#include "tests/support/public/dice.h"
#include "tests/support/public/framing.h"
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

static const wws_error no_error;
static const struct peer_script silent = { .then = PEER_HOLDS };

static void cancel(void *state)
{
    must(wws_channel_cancel_receive(*(wws_channel *) state) == WWS_S_OK);
}

struct chat {
    struct talk talk;
    struct peer peer;
};

static void chat_begin(struct chat *chat, struct world *world,
    const struct peer_script *script)
{
    peer_start(&chat->peer, script);
    chat->talk = (struct talk) {
        .channel = new_client(world->runtime, chat->peer.url),
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
    };
}

static void chat_end(struct chat *chat)
{
    must(wws_channel_free(chat->talk.channel) == WWS_S_OK);
    must(wws_message_free(chat->talk.request) == WWS_S_OK);
    must(wws_message_free(chat->talk.reply) == WWS_S_OK);
    peer_stop(&chat->peer);
}

static void again(struct chat *chat)
{
    must(wws_message_free(chat->talk.request) == WWS_S_OK);
    chat->talk.request = new_request(ACTION_ECHO, 0);
}

/* The receive ends, and the channel can send again as soon as the caller has
 * heard (A11).  Over HTTP the connection is reset; a session goes on. */
static void cancel_receive__leaves_the_channel_open(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            struct heard heard;
            struct chat chat;

            chat_begin(&chat, world, &silent);
            for (unsigned i = 1; i <= 3; i++) {
                assert_status(start_send(&chat.talk, NULL, no_error),
                    WWS_S_OK);
                hear(&heard, manner, start_receive, &chat.talk);
                assert_true(peer_reaches(&chat.peer, &chat.peer.served, i));
                call_at(world, place, cancel, &chat.talk.channel);
                /* A thread of its own may not have begun to receive. */
                while (manner == SYNC && !heard_yet(&heard))
                    cancel(&chat.talk.channel);

                assert_status(heard_wait(&heard),
                    WWS_E_OPERATION_CANCELLED);
                assert_true(heard_says(&heard, "cancelled"));
                assert_int_equal(channel_state(chat.talk.channel),
                    WWS_CHANNEL_STATE_OPEN);
                assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
                again(&chat);
            }
            assert_true(peer_reaches(&chat.peer, &chat.peer.gone,
                wire()->has_sessions ? 0 : 3));
            chat_end(&chat);
        }
}

static void cancel_receive__ends_a_request_reply(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct chat chat;

        chat_begin(&chat, world, &silent);
        for (unsigned i = 1; i <= 3; i++) {
            hear(&heard, manner, start_request_reply, &chat.talk);
            assert_true(peer_reaches(&chat.peer, &chat.peer.served, i));
            cancel(&chat.talk.channel);

            assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
            again(&chat);
        }
        chat_end(&chat);
    }
}

struct next {
    struct chat *chat;
    wws_message request;
    wws_status status;
};

static void send_next(struct heard *heard)
{
    struct next *next = heard->inside_state;

    next->status = wws_channel_send(next->chat->talk.channel, next->request,
        NULL, no_error);
}

/* A11, A18: the next exchange may begin in the callback of the cancelled
 * one. */
static void cancel_receive__lets_the_callback_send_again(void **state)
{
    struct world *world = *state;

    for (unsigned i = 0; i < 200; i++) {
        struct next next = { .request = new_request(ACTION_ECHO, 0) };
        struct heard heard;
        struct chat chat;

        chat_begin(&chat, world, &silent);
        next.chat = &chat;
        hear_inside(&heard, start_request_reply, &chat.talk, send_next, &next);
        assert_true(peer_reaches(&chat.peer, &chat.peer.served, 1));
        cancel(&chat.talk.channel);

        assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
        assert_status(next.status, WWS_S_OK);
        must(wws_message_free(next.request) == WWS_S_OK);
        chat_end(&chat);
    }
}

static void cancel_receive__of_nothing_does_nothing(void **state)
{
    const struct peer_script script = { .answers = true, .again = true };
    struct world *world = *state;
    wws_channel created = new_channel(world->runtime);
    struct chat chat;

    chat_begin(&chat, world, &script);
    cancel(&created);
    cancel(&chat.talk.channel);
    assert_status(start_send(&chat.talk, NULL, no_error), WWS_S_OK);
    cancel(&chat.talk.channel);
    assert_status(start_receive(&chat.talk, NULL, no_error), WWS_S_OK);
    cancel(&chat.talk.channel);
    assert_status(wws_channel_close(chat.talk.channel, NULL, no_error),
        WWS_S_OK);
    cancel(&chat.talk.channel);

    assert_status(wws_channel_cancel_receive((wws_channel) { 0 }),
        WWS_E_INVALIDARG);
    assert_status(wws_channel_free(created), WWS_S_OK);
    assert_status(wws_channel_cancel_receive(created), WWS_E_HANDLE);
    chat_end(&chat);
}

/* So many messages come, each of them once and in order, however often receives
 * are cancelled. */
enum { MESSAGES = 300 };

static void say_numbers(int fd)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        char message[512];
        size_t size = (size_t) snprintf(message, sizeof message,
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
            " xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>"
            "<a:Action>urn:wws:test:%u</a:Action></s:Header><s:Body/>"
            "</s:Envelope>", i);
        char *record = new_record(message, size, &size);

        (void) write_all(fd, record, size);
        free(record);
    }
}

static unsigned number_of(wws_message message)
{
    wws_string action;

    assert_status(wws_message_get_header(message, WWS_HEADER_ACTION, &action,
        no_error), WWS_S_OK);
    return (unsigned) atoi(action.data + strlen("urn:wws:test:"));
}

static void cancel_receive__loses_and_swaps_no_message(void **state)
{
    const struct peer_script script = { .act = say_numbers };
    struct dice dice = { setting("WWS_SEED", (uint64_t) now_ms()) | 1 };
    unsigned number = 0;
    struct chat chat;

    print_message("WWS_SEED=%llu\n", (unsigned long long) dice.state);
    chat_begin(&chat, *state, &script);
    while (number < MESSAGES) {
        struct heard heard;
        wws_status status;

        hear(&heard, roll(&dice, 8) == 0 ? SYNC : CALLBACK, start_receive,
            &chat.talk);
        if (roll(&dice, 2) == 0)
            dawdle(&dice);
        cancel(&chat.talk.channel);
        /* A thread of its own may not have begun to receive. */
        while (heard.manner == SYNC && !heard_yet(&heard))
            cancel(&chat.talk.channel);
        status = heard_end(&heard);
        if (status == WWS_S_OK) {
            assert_int_equal(number_of(chat.talk.reply), number);
            number++;
            assert_status(wws_message_reset(chat.talk.reply, no_error),
                WWS_S_OK);
        } else {
            assert_status(status, WWS_E_OPERATION_CANCELLED);
        }
    }
    chat_end(&chat);
}

/* P1: what is sent and what is received beside it do not meet. */
static void receive__goes_on_beside_what_is_sent(void **state)
{
    const struct peer_script answers = { .answers = true };
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard receiving, asking;
        struct talk beside;
        struct chat chat;

        chat_begin(&chat, world, &answers);
        hear(&receiving, CALLBACK, start_receive, &chat.talk);
        beside = chat.talk;
        beside.reply = new_empty();
        hear(&asking, manner, start_request_reply, &beside);
        assert_status(heard_end(&asking), WWS_S_OK);
        assert_false(heard_yet(&receiving));
        again(&chat);
        beside.request = chat.talk.request;
        assert_status(start_send(&beside, NULL, no_error), WWS_S_OK);
        assert_status(heard_end(&receiving), WWS_S_OK);

        must(wws_message_free(beside.reply) == WWS_S_OK);
        chat_end(&chat);
    }
}

/* D9: neither does a receive whose time is over. */
static void receive__that_times_out_leaves_the_session_open(void **state)
{
    const struct peer_script answers = { .answers = true };
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct chat chat;

        chat_begin(&chat, world, &answers);
        assert_status(wws_channel_set_property(chat.talk.channel,
            WWS_CHANNEL_PROPERTY_RECEIVE_TIMEOUT, 20, no_error), WWS_S_OK);
        hear(&heard, manner, start_receive, &chat.talk);
        assert_status(heard_end(&heard), WWS_E_OPERATION_TIMED_OUT);
        assert_int_equal(channel_state(chat.talk.channel),
            WWS_CHANNEL_STATE_OPEN);
        assert_status(wws_channel_set_property(chat.talk.channel,
            WWS_CHANNEL_PROPERTY_RECEIVE_TIMEOUT, HANG_MS, no_error),
            WWS_S_OK);
        assert_status(start_send(&chat.talk, NULL, no_error), WWS_S_OK);
        assert_status(start_receive(&chat.talk, NULL, no_error), WWS_S_OK);
        chat_end(&chat);
    }
}

/* A send is no receive. */
static void cancel_receive__leaves_a_send_alone(void **state)
{
    const struct peer_script deaf = { .deaf = true };
    struct world *world = *state;
    struct heard heard;
    struct chat chat;

    chat_begin(&chat, world, &deaf);
    must(wws_message_free(chat.talk.request) == WWS_S_OK);
    chat.talk.request = new_request(ACTION_ECHO, 16000000);
    hear(&heard, CALLBACK, start_send, &chat.talk);
    assert_true(peer_reaches(&chat.peer, &chat.peer.accepted, 1));
    cancel(&chat.talk.channel);
    assert_false(heard_yet(&heard));
    assert_status(wws_channel_abort(chat.talk.channel), WWS_S_OK);

    assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
    chat_end(&chat);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(cancel_receive__leaves_the_channel_open),
        in_world(cancel_receive__ends_a_request_reply),
        in_world(cancel_receive__lets_the_callback_send_again),
        in_world(cancel_receive__of_nothing_does_nothing),
        in_world(cancel_receive__leaves_a_send_alone),
        over(OVER_TCP, cancel_receive__loses_and_swaps_no_message),
        over(OVER_TCP, receive__goes_on_beside_what_is_sent),
        over(OVER_TCP, receive__that_times_out_leaves_the_session_open),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
