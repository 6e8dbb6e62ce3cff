/* An answer that its client does not read: whatever stops the channel ends it
 * at once, and the client sees the connection reset. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BIG = 12000000 };

static const wws_error no_error;

struct served {
    struct ear ear;
    struct talk talk;
    int client;
    struct heard heard;
};

/* A request has been received. */
static void begin_at(
    struct served *served,
    struct world *world,
    uint32_t close_timeout_ms,
    wws_transfer_mode mode)
{
    wws_listener_options options = listener_options();

    options.max_message_size = 64000000;
    options.close_timeout_ms = close_timeout_ms;
    options.transfer_mode = mode;
    ear_open_with(&served->ear, world->runtime, &options);
    served->talk = (struct talk) {
        .listener = served->ear.listener,
        .channel = new_server(served->ear.listener),
        .request = new_empty(),
    };
    served->client = peer_connect(served->ear.url);
    peer_request(served->client, ACTION_ECHO, 0);
    assert_status(start_accept(&served->talk, NULL, no_error), WWS_S_OK);
    assert_status(wws_channel_receive(served->talk.channel,
        served->talk.request, WWS_RECEIVE_OPTION_OPTIONAL, NULL, no_error),
        WWS_S_OK);
    served->talk.reply = new_reply(served->talk.request, BIG);
}

static void begin(struct served *served, struct world *world)
{
    begin_at(served, world, 0, WWS_TRANSFER_MODE_BUFFERED);
}

/* The answer has begun, and cannot go on. */
static void answer(struct served *served, enum manner manner)
{
    char octet;

    hear(&served->heard, manner, start_send_reply, &served->talk);
    assert_int_equal(recv(served->client, &octet, 1, 0), 1);
    assert_false(heard_yet(&served->heard));
}

static void end(struct served *served)
{
    close(served->client);
    assert_status(wws_channel_free(served->talk.channel), WWS_S_OK);
    assert_status(wws_message_free(served->talk.request), WWS_S_OK);
    assert_status(wws_message_free(served->talk.reply), WWS_S_OK);
    assert_status(wws_listener_free(served->ear.listener), WWS_S_OK);
}

/* The client reads on, as fast as it can. */
static bool is_reset(struct served *served)
{
    static char octets[65536];
    ssize_t got;

    do
        got = recv(served->client, octets, sizeof octets, 0);
    while (got > 0);
    return got < 0 && errno == ECONNRESET;
}

static void abort_it(void *state)
{
    struct served *served = state;

    must(wws_channel_abort(served->talk.channel) == WWS_S_OK);
}

static void close_it(void *state)
{
    struct served *served = state;

    must(wws_channel_close(served->talk.channel, NULL, no_error) == WWS_S_OK);
}

static void free_it(void *state)
{
    struct served *served = state;

    must(wws_channel_free(served->talk.channel) == WWS_S_OK);
    served->talk.channel.id = 0;
}

static void stop_in_all_manners(struct world *world, void (*stop)(void *state))
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            struct served served;

            begin(&served, world);
            answer(&served, manner);
            call_at(world, place, stop, &served);

            assert_status(heard_end(&served.heard),
                WWS_E_OPERATION_ABORTED);
            assert_true(is_reset(&served));
            end(&served);
        }
}

/* G5, G7, G21, G23 */
static void answer__ends_when_channel_is_aborted(void **state)
{
    stop_in_all_manners(*state, abort_it);
}

/* C3 */
static void answer__ends_when_channel_is_closed(void **state)
{
    stop_in_all_manners(*state, close_it);
}

/* D12 */
static void answer__ends_when_channel_is_freed(void **state)
{
    stop_in_all_manners(*state, free_it);
}

static void answer__ends_when_runtime_is_closed(void **state)
{
    struct world *world = *state;
    wws_runtime own = world->runtime;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct served served;

        assert_status(wws_runtime_create(NULL, &world->runtime, no_error),
            WWS_S_OK);
        begin(&served, world);
        answer(&served, manner);
        assert_status(wws_runtime_close(world->runtime, HANG_MS / 3, no_error),
            WWS_S_OK);

        assert_status(heard_end(&served.heard), WWS_E_OPERATION_ABORTED);
        assert_true(is_reset(&served));
        end(&served);
        assert_status(wws_runtime_free(world->runtime), WWS_S_OK);
    }
    world->runtime = own;
}

/* The request that comes next on the connection is answered. */
static void answer__is_not_stopped_by_an_abort_that_is_late(void **state)
{
    struct served served;
    wws_channel first;

    begin(&served, *state);
    assert_status(wws_message_free(served.talk.reply), WWS_S_OK);
    served.talk.reply = new_reply(served.talk.request, 0);
    assert_status(start_send_reply(&served.talk, NULL, no_error), WWS_S_OK);
    assert_true(peer_answered(served.client));
    first = served.talk.channel;
    served.talk.channel = new_server(served.ear.listener);
    peer_request(served.client, ACTION_ECHO, 0);
    assert_status(start_accept(&served.talk, NULL, no_error), WWS_S_OK);
    assert_status(wws_channel_abort(first), WWS_S_OK);

    assert_status(wws_message_reset(served.talk.request, no_error), WWS_S_OK);
    assert_status(wws_channel_receive(served.talk.channel, served.talk.request,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, no_error), WWS_S_OK);
    assert_status(wws_message_free(served.talk.reply), WWS_S_OK);
    served.talk.reply = new_reply(served.talk.request, 0);
    assert_status(start_send_reply(&served.talk, NULL, no_error), WWS_S_OK);
    assert_true(peer_answered(served.client));
    assert_status(wws_channel_free(first), WWS_S_OK);
    end(&served);
}

/* To the end of the connection, which the server ends, since it stops, when
 * the answer is whole. */
static size_t read_on(struct served *served)
{
    static char octets[65536];
    size_t size = 1; /* has been read */
    ssize_t got;

    while ((got = recv(served->client, octets, sizeof octets, 0)) > 0)
        size += (size_t) got;
    return size;
}

/* LI5, LI3: the answer goes out before the listener is closed. */
static void answer__is_waited_for_when_its_listener_closes(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (uint32_t mode = WWS_TRANSFER_MODE_BUFFERED;
             mode <= WWS_TRANSFER_MODE_STREAMED;
             mode += WWS_TRANSFER_MODE_STREAMED) {
            struct served served;
            struct heard closing;

            begin_at(&served, *state, WWS_INFINITE, mode);
            answer(&served, CALLBACK);
            hear(&closing, manner, start_close_listener, &served.talk);
            while (listener_state(served.ear.listener)
                == WWS_LISTENER_STATE_OPEN)
                sched_yield();
            assert_false(heard_yet(&closing));
            assert_int_equal(listener_state(served.ear.listener),
                WWS_LISTENER_STATE_CLOSING);
            assert_true(read_on(&served) > BIG);

            assert_status(heard_end(&closing), WWS_S_OK);
            assert_status(heard_end(&served.heard), WWS_S_OK);
            assert_int_equal(listener_state(served.ear.listener),
                WWS_LISTENER_STATE_CLOSED);
            end(&served);
        }
}

/* LI5, LI3, TT11: not longer than that may take, and the answer goes on. */
static void answer__is_waited_for_only_so_long(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct served served;
        struct heard closing;

        begin_at(&served, *state, 30, WWS_TRANSFER_MODE_BUFFERED);
        answer(&served, CALLBACK);
        hear(&closing, manner, start_close_listener, &served.talk);

        assert_status(heard_end(&closing), WWS_E_OPERATION_TIMED_OUT);
        assert_int_equal(listener_state(served.ear.listener),
            WWS_LISTENER_STATE_CLOSED);
        assert_true(read_on(&served) > BIG);
        assert_status(heard_end(&served.heard), WWS_S_OK);
        end(&served);
    }
}

static void abort_listener(void *state)
{
    const struct served *served = state;

    must(wws_listener_abort(served->ear.listener) == WWS_S_OK);
}

/* G14, T21, D13: an abort ends that wait, and not the answer. */
static void answer__goes_on_when_its_closing_listener_is_aborted(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            struct served served;
            struct heard closing;

            begin_at(&served, *state, WWS_INFINITE,
                WWS_TRANSFER_MODE_BUFFERED);
            answer(&served, CALLBACK);
            hear(&closing, manner, start_close_listener, &served.talk);
            while (listener_state(served.ear.listener)
                == WWS_LISTENER_STATE_OPEN)
                sched_yield();
            call_at(*state, place, abort_listener, &served);

            assert_status(heard_end(&closing), WWS_E_OPERATION_ABORTED);
            assert_int_equal(listener_state(served.ear.listener),
                WWS_LISTENER_STATE_CLOSED);
            assert_true(read_on(&served) > BIG);
            assert_status(heard_end(&served.heard), WWS_S_OK);
            end(&served);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answer__ends_when_channel_is_aborted,
            world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(answer__ends_when_channel_is_closed,
            world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(answer__ends_when_channel_is_freed,
            world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(answer__ends_when_runtime_is_closed,
            world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(
            answer__is_not_stopped_by_an_abort_that_is_late,
            world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(
            answer__is_waited_for_when_its_listener_closes,
            world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(answer__is_waited_for_only_so_long,
            world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(
            answer__goes_on_when_its_closing_listener_is_aborted,
            world_set_up, world_tear_down),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
