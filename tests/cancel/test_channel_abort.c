/* wws_channel_abort(), and the close and free that end things, too. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

static const wws_error no_error;
static const struct peer_script silent = { .then = PEER_HOLDS };
static const struct peer_script deaf = { .deaf = true };

enum { LARGE = 16000000 };

static void abort_channel(void *state)
{
    must(wws_channel_abort(*(wws_channel *) state) == WWS_S_OK);
}

static void free_channel(void *state)
{
    must(wws_channel_free(*(wws_channel *) state) == WWS_S_OK);
}

/* What can be pending on the channel of a client. */
struct operation {
    const char *name;
    start_fn start;
    const struct peer_script *script;
    size_t size;
    bool sent; /* a request before it */
};

static const struct operation operations[] = {
    { "send", start_send, &deaf, LARGE, false },
    { "receive", start_receive, &silent, 0, true },
    { "request-reply", start_request_reply, &silent, 0, false },
};

enum { OPERATIONS = sizeof operations / sizeof operations[0] };

struct chat {
    struct talk talk;
    struct peer peer;
    struct heard heard;
};

/* Returns when the peer has its part and the operation is pending. */
static void chat_begin(
    struct chat *chat,
    struct world *world,
    const struct operation *operation,
    enum manner manner)
{
    peer_start(&chat->peer, operation->script);
    chat->talk = (struct talk) {
        .channel = new_client(world->runtime, chat->peer.url),
        .request = new_request(ACTION_ECHO, operation->size),
        .reply = new_empty(),
    };
    if (operation->sent)
        must(start_send(&chat->talk, NULL, no_error) == WWS_S_OK);
    hear(&chat->heard, manner, operation->start, &chat->talk);
    must(peer_reaches(&chat->peer, &chat->peer.accepted, 1));
    must(peer_reaches(&chat->peer, &chat->peer.served, 1));
}

/* The messages go as soon as the caller has heard (G26). */
static wws_status chat_hear(struct chat *chat)
{
    wws_status status = heard_end(&chat->heard);

    must(wws_message_free(chat->talk.request) == WWS_S_OK);
    must(wws_message_free(chat->talk.reply) == WWS_S_OK);
    return status;
}

/* A thread of its own may not have begun, where the peer sees nothing of it. */
static bool may_be_late(const struct operation *operation, enum manner manner)
{
    return manner == SYNC && (operation->sent
        || (wire()->has_sessions && operation->script == &deaf));
}

/* New I/O fails at once, with FLT (G9, G10). */
static void assert_faulted(struct world *world, wws_channel channel)
{
    struct talk talk = {
        .channel = channel,
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
        .url = world->url,
    };

    assert_int_equal(channel_state(channel), WWS_CHANNEL_STATE_FAULTED);
    assert_status(start_send(&talk, NULL, no_error), WWS_E_OBJECT_FAULTED);
    assert_status(start_receive(&talk, NULL, no_error), WWS_E_OBJECT_FAULTED);
    assert_status(wws_message_free(talk.request), WWS_S_OK);
    talk.request = new_request(ACTION_ECHO, 0);
    assert_status(start_request_reply(&talk, NULL, no_error),
        WWS_E_OBJECT_FAULTED);
    assert_status(start_open(&talk, NULL, no_error), WWS_E_INVALID_OPERATION);
    assert_status(wws_channel_reset(channel, no_error),
        WWS_E_INVALID_OPERATION);
    assert_status(wws_message_free(talk.request), WWS_S_OK);
    assert_status(wws_message_free(talk.reply), WWS_S_OK);
}

/* G1, G2, G5 to G7, G9 to G11, G20, G21, G23, G25, G26, D2, A62 */
static void channel_abort__completes_what_is_pending(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < OPERATIONS; i++)
        for (int manner = 0; manner < MANNERS; manner++)
            for (int place = 0; place < PLACES; place++) {
                struct chat chat;
                wws_status status;

                chat_begin(&chat, world, &operations[i], manner);
                call_at(world, place, abort_channel, &chat.talk.channel);
                assert_int_equal(channel_state(chat.talk.channel),
                    WWS_CHANNEL_STATE_FAULTED);

                assert_true(peer_reaches(&chat.peer, &chat.peer.gone, 1));
                assert_int_equal(peer_read(&chat.peer, &chat.peer.ended), 0);
                status = chat_hear(&chat);
                if (!may_be_late(&operations[i], manner)
                    || status != WWS_E_OBJECT_FAULTED)
                    assert_status(status, WWS_E_OPERATION_ABORTED);
                assert_faulted(world, chat.talk.channel);
                abort_channel(&chat.talk.channel);
                assert_int_equal(channel_state(chat.talk.channel),
                    WWS_CHANNEL_STATE_FAULTED);
                assert_status(wws_channel_close(chat.talk.channel, NULL,
                    no_error), WWS_S_OK);
                abort_channel(&chat.talk.channel);
                assert_int_equal(channel_state(chat.talk.channel),
                    WWS_CHANNEL_STATE_CLOSED);
                free_channel(&chat.talk.channel);
                peer_stop(&chat.peer);
            }
}

/* D12: the same, and the handle is stale at once. */
static void channel_free__completes_what_is_pending(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < OPERATIONS; i++)
        for (int manner = 0; manner < MANNERS; manner++)
            for (int place = 0; place < PLACES; place++) {
                struct chat chat;
                wws_status status;

                chat_begin(&chat, world, &operations[i], manner);
                call_at(world, place, free_channel, &chat.talk.channel);

                assert_status(wws_channel_abort(chat.talk.channel),
                    WWS_E_HANDLE);
                assert_true(peer_reaches(&chat.peer, &chat.peer.gone, 1));
                status = chat_hear(&chat);
                if (!may_be_late(&operations[i], manner)
                    || (status != WWS_E_HANDLE
                        && status != WWS_E_OBJECT_FAULTED))
                    assert_status(status, WWS_E_OPERATION_ABORTED);
                peer_stop(&chat.peer);
            }
}

/* C3, C4, C5, D8: whoever was pending has heard when close returns. */
static void channel_close__completes_what_is_pending(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < OPERATIONS; i++)
        for (int manner = CALLBACK; manner < MANNERS; manner++)
            for (int how = 0; how < MANNERS; how++) {
                struct talk closed;
                struct heard closing;
                struct chat chat;

                chat_begin(&chat, world, &operations[i], manner);
                closed = chat.talk;
                hear(&closing, how, start_close_channel, &closed);
                assert_status(heard_end(&closing), WWS_S_OK);

                assert_int_equal(channel_state(chat.talk.channel),
                    WWS_CHANNEL_STATE_CLOSED);
                assert_true(heard_yet(&chat.heard));
                assert_status(chat_hear(&chat), WWS_E_OPERATION_ABORTED);
                assert_true(peer_reaches(&chat.peer, &chat.peer.gone, 1));
                free_channel(&chat.talk.channel);
                peer_stop(&chat.peer);
            }
}

struct inside {
    wws_channel channel;
    wws_status close;
    wws_status abort;
    wws_status free;
};

static void end_inside(struct heard *heard)
{
    struct inside *inside = heard->inside_state;

    inside->close = wws_channel_close(inside->channel, NULL, no_error);
    inside->abort = wws_channel_abort(inside->channel);
    inside->free = wws_channel_free(inside->channel);
}

/* G15, D34, D12: in its own callback. */
static void channel_abort__may_be_called_in_its_own_callback(void **state)
{
    const struct peer_script script = { .answers = true, .again = true };
    struct world *world = *state;
    struct talk talk;
    struct inside inside;
    struct heard heard;
    struct peer peer;

    peer_start(&peer, &script);
    talk = (struct talk) {
        .channel = new_client(world->runtime, peer.url),
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
    };
    inside.channel = talk.channel;
    hear_inside(&heard, start_request_reply, &talk, end_inside, &inside);

    assert_status(heard_end(&heard), WWS_S_OK);
    assert_status(inside.close, WWS_E_INVALID_OPERATION);
    assert_status(inside.abort, WWS_S_OK);
    assert_status(inside.free, WWS_S_OK);
    assert_true(peer_reaches(&peer, &peer.gone, 1));
    assert_status(wws_message_free(talk.request), WWS_S_OK);
    assert_status(wws_message_free(talk.reply), WWS_S_OK);
    peer_stop(&peer);
}

/* G12, D1: reset forgets it. */
static void channel_abort__before_open_is_remembered(void **state)
{
    struct world *world = *state;

    for (int place = 0; place < PLACES; place++) {
        struct talk talk = {
            .channel = new_channel(world->runtime),
            .url = world->url,
        };

        call_at(world, place, abort_channel, &talk.channel);
        assert_status(start_open(&talk, NULL, no_error),
            WWS_E_OPERATION_ABORTED);
        assert_int_equal(channel_state(talk.channel),
            WWS_CHANNEL_STATE_CREATED);
        abort_channel(&talk.channel);
        assert_status(wws_channel_reset(talk.channel, no_error), WWS_S_OK);
        assert_status(start_open(&talk, NULL, no_error), WWS_S_OK);
        free_channel(&talk.channel);
    }
}

/* G22, G31: that accept, and no other. */
static void channel_abort__ends_a_pending_accept(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            struct ear ear;
            struct talk mine, other;
            struct heard first, second;
            int client;

            ear_open(&ear, world->runtime);
            mine = (struct talk) { .listener = ear.listener,
                .channel = new_server(ear.listener) };
            other = (struct talk) { .listener = ear.listener,
                .channel = new_server(ear.listener) };
            hear(&first, manner, start_accept, &mine);
            hear(&second, manner, start_accept, &other);
            assert_true(channel_becomes(mine.channel,
                WWS_CHANNEL_STATE_ACCEPTING));
            call_at(world, place, abort_channel, &mine.channel);

            assert_status(heard_end(&first), WWS_E_OPERATION_ABORTED);
            assert_int_equal(channel_state(mine.channel),
                WWS_CHANNEL_STATE_CREATED);
            assert_int_equal(listener_state(ear.listener),
                WWS_LISTENER_STATE_OPEN);
            client = peer_connect(ear.url);
            peer_request(client, ACTION_ECHO, 0);
            assert_status(heard_end(&second), WWS_S_OK);
            /* It can accept again (G31). */
            hear(&first, manner, start_accept, &mine);
            abort_channel(&other.channel);
            assert_true(peer_ended(client));
            peer_reset(client);
            client = peer_connect(ear.url);
            peer_request(client, ACTION_ECHO, 0);
            assert_status(heard_end(&first), WWS_S_OK);
            peer_reset(client);
            free_channel(&mine.channel);
            free_channel(&other.channel);
            assert_status(wws_listener_free(ear.listener), WWS_S_OK);
        }
}

/* G21: at the server, an answer that nobody reads. */
static void channel_abort__ends_a_pending_answer(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            wws_message request = new_empty();
            struct ear ear;
            struct talk talk;
            struct heard heard;
            wws_status status;
            int client;

            ear_open(&ear, world->runtime);
            talk = (struct talk) { .listener = ear.listener,
                .channel = new_server(ear.listener), .reply = request };
            client = peer_connect(ear.url);
            peer_request(client, ACTION_ECHO, 0);
            assert_status(start_accept(&talk, NULL, no_error), WWS_S_OK);
            assert_status(start_receive(&talk, NULL, no_error), WWS_S_OK);
            talk.reply = new_reply(request, LARGE);
            hear(&heard, manner, start_send_reply, &talk);
            call_at(world, place, abort_channel, &talk.channel);

            status = heard_end(&heard);
            if (manner != SYNC || status != WWS_E_OBJECT_FAULTED)
                assert_status(status, WWS_E_OPERATION_ABORTED);
            assert_int_equal(channel_state(talk.channel),
                WWS_CHANNEL_STATE_FAULTED);
            assert_true(peer_ended(client));
            peer_reset(client);
            assert_status(wws_channel_close(talk.channel, NULL, no_error),
                WWS_S_OK);
            free_channel(&talk.channel);
            assert_status(wws_message_free(talk.reply), WWS_S_OK);
            assert_status(wws_message_free(request), WWS_S_OK);
            assert_status(wws_listener_free(ear.listener), WWS_S_OK);
        }
}

/* Hazard 18 */
static void channel_abort__spares_the_neighbours(void **state)
{
    struct world *world = *state;
    struct chat mine, other;

    chat_begin(&mine, world, &operations[2], CALLBACK);
    chat_begin(&other, world, &operations[2], CALLBACK);
    abort_channel(&mine.talk.channel);
    assert_status(chat_hear(&mine), WWS_E_OPERATION_ABORTED);
    assert_false(heard_yet(&other.heard));
    assert_int_equal(channel_state(other.talk.channel),
        WWS_CHANNEL_STATE_OPEN);
    assert_int_equal(peer_read(&other.peer, &other.peer.gone), 0);

    abort_channel(&other.talk.channel);
    assert_status(chat_hear(&other), WWS_E_OPERATION_ABORTED);
    free_channel(&mine.talk.channel);
    free_channel(&other.talk.channel);
    peer_stop(&mine.peer);
    peer_stop(&other.peer);
}

/* P1, P2, D11: a second message at the same time is refused, the first goes on;
 * in a session one each way is fine. */
static void channel__refuses_a_second_message_at_once(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < OPERATIONS; i++) {
        struct chat chat;
        struct talk talk;

        chat_begin(&chat, world, &operations[i], CALLBACK);
        talk = chat.talk;
        talk.request = new_request(ACTION_ECHO, 0);
        talk.reply = new_empty();
        if (!wire()->has_sessions || operations[i].start != start_receive)
            assert_status(start_send(&talk, NULL, no_error),
                WWS_E_INVALID_OPERATION);
        if (!wire()->has_sessions || operations[i].start == start_receive)
            assert_status(start_receive(&talk, NULL, no_error),
                WWS_E_INVALID_OPERATION);
        assert_false(heard_yet(&chat.heard));

        abort_channel(&chat.talk.channel);
        assert_status(chat_hear(&chat), WWS_E_OPERATION_ABORTED);
        assert_status(wws_message_free(talk.request), WWS_S_OK);
        assert_status(wws_message_free(talk.reply), WWS_S_OK);
        free_channel(&chat.talk.channel);
        peer_stop(&chat.peer);
    }
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(channel_abort__completes_what_is_pending),
        in_world(channel_free__completes_what_is_pending),
        in_world(channel_close__completes_what_is_pending),
        in_world(channel_abort__may_be_called_in_its_own_callback),
        in_world(channel_abort__before_open_is_remembered),
        in_world(channel_abort__ends_a_pending_accept),
        in_world(channel_abort__ends_a_pending_answer),
        in_world(channel_abort__spares_the_neighbours),
        in_world(channel__refuses_a_second_message_at_once),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
