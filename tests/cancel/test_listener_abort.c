/* wws_listener_abort(), and the close and free that end accepts, too. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

enum { ACCEPTS = 150 }; /* more than are ended at once */

static const wws_error no_error;

static void abort_listener(void *state)
{
    must(wws_listener_abort(*(wws_listener *) state) == WWS_S_OK);
}

static void free_listener(void *state)
{
    must(wws_listener_free(*(wws_listener *) state) == WWS_S_OK);
}

struct queueing {
    struct talk talk;
    struct heard heard;
};

static struct queueing waiting[ACCEPTS];

static void begin_accepts(wws_listener listener, unsigned count,
    enum manner manner)
{
    for (unsigned i = 0; i < count; i++) {
        waiting[i].talk = (struct talk) { .listener = listener,
            .channel = new_server(listener) };
        hear(&waiting[i].heard, manner, start_accept, &waiting[i].talk);
        assert_true(channel_becomes(waiting[i].talk.channel,
            WWS_CHANNEL_STATE_ACCEPTING));
    }
}

/* G31: their channels are as if created. */
static void assert_ended(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_status(heard_end(&waiting[i].heard), WWS_E_OPERATION_ABORTED);
        assert_int_equal(channel_state(waiting[i].talk.channel),
            WWS_CHANNEL_STATE_CREATED);
        assert_status(wws_channel_free(waiting[i].talk.channel), WWS_S_OK);
    }
}

static unsigned how_many(enum manner manner)
{
    return manner == SYNC ? 8 : ACCEPTS;
}

/* T21, G1, G2, G5 to G7, G9 to G11, G30 to G32, G34, A62 */
static void listener_abort__completes_pending_accepts(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            struct ear ear;
            struct talk late;
            wws_listener other;

            ear_open(&ear, world->runtime);
            begin_accepts(ear.listener, how_many(manner), manner);
            call_at(world, place, abort_listener, &ear.listener);

            assert_int_equal(listener_state(ear.listener),
                WWS_LISTENER_STATE_FAULTED);
            assert_ended(how_many(manner));
            late = (struct talk) { .listener = ear.listener,
                .channel = new_server(ear.listener) };
            assert_status(start_accept(&late, NULL, no_error),
                WWS_E_OBJECT_FAULTED);
            assert_int_equal(channel_state(late.channel),
                WWS_CHANNEL_STATE_CREATED);
            abort_listener(&ear.listener);
            assert_status(wws_listener_reset(ear.listener, no_error),
                WWS_E_INVALID_OPERATION);
            assert_status(wws_listener_close(ear.listener, NULL, no_error),
                WWS_S_OK);
            abort_listener(&ear.listener);
            assert_int_equal(listener_state(ear.listener),
                WWS_LISTENER_STATE_CLOSED);
            /* The address is free again. */
            other = new_listener(world->runtime);
            assert_status(wws_listener_open(other, text(ear.url), NULL,
                no_error), WWS_S_OK);
            assert_status(wws_channel_free(late.channel), WWS_S_OK);
            free_listener(&other);
            free_listener(&ear.listener);
        }
}

/* D12 */
static void listener_free__completes_pending_accepts(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            struct ear ear;

            ear_open(&ear, world->runtime);
            begin_accepts(ear.listener, how_many(manner), manner);
            call_at(world, place, free_listener, &ear.listener);

            assert_status(wws_listener_abort(ear.listener), WWS_E_HANDLE);
            assert_ended(how_many(manner));
        }
}

/* T21, G35, LI4: everybody has heard when close returns. */
static void listener_close__completes_pending_accepts(void **state)
{
    struct world *world = *state;

    for (int manner = CALLBACK; manner < MANNERS; manner++)
        for (int how = 0; how < MANNERS; how++) {
            struct ear ear;
            struct talk closed;
            struct heard closing;

            ear_open(&ear, world->runtime);
            begin_accepts(ear.listener, ACCEPTS, manner);
            closed = (struct talk) { .listener = ear.listener };
            hear(&closing, how, start_close_listener, &closed);
            assert_status(heard_end(&closing), WWS_S_OK);

            for (unsigned i = 0; i < ACCEPTS; i++)
                assert_true(heard_yet(&waiting[i].heard));
            assert_ended(ACCEPTS);
            free_listener(&ear.listener);
        }
}

/* G33, LI3, LI9, D13: also when the handle is gone. */
static void listener_abort__spares_accepted_channels(void **state)
{
    struct world *world = *state;

    for (int end = 0; end < 3; end++) {
        struct ear ear;
        struct talk talk;
        wws_message request = new_empty();
        int client;

        ear_open(&ear, world->runtime);
        talk = (struct talk) { .listener = ear.listener,
            .channel = new_server(ear.listener), .reply = request };
        client = peer_connect(ear.url);
        peer_request(client, ACTION_ECHO, 0);
        assert_status(start_accept(&talk, NULL, no_error), WWS_S_OK);
        if (end == 0)
            abort_listener(&ear.listener);
        if (end == 1)
            assert_status(wws_listener_close(ear.listener, NULL, no_error),
                WWS_S_OK);
        if (end == 2)
            free_listener(&ear.listener);

        assert_status(start_receive(&talk, NULL, no_error), WWS_S_OK);
        talk.reply = new_reply(request, 0);
        assert_status(start_send_reply(&talk, NULL, no_error), WWS_S_OK);
        assert_true(peer_answered(client));
        peer_reset(client);
        assert_status(wws_message_free(talk.reply), WWS_S_OK);
        assert_status(wws_message_free(request), WWS_S_OK);
        assert_status(wws_channel_close(talk.channel, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_channel_free(talk.channel), WWS_S_OK);
        if (end != 2)
            free_listener(&ear.listener);
    }
}

/* LI6 */
static void listener_abort__drops_what_was_not_accepted(void **state)
{
    struct world *world = *state;

    for (int end = 0; end < 3; end++) {
        struct ear ear;
        int idle, asking;

        ear_open(&ear, world->runtime);
        idle = peer_connect(ear.url);
        asking = peer_connect(ear.url);
        peer_request(asking, ACTION_ECHO, 0);
        if (end == 0)
            abort_listener(&ear.listener);
        if (end == 1)
            assert_status(wws_listener_close(ear.listener, NULL, no_error),
                WWS_S_OK);
        if (end == 2)
            free_listener(&ear.listener);

        assert_true(peer_ended(idle));
        assert_true(peer_ended(asking));
        peer_reset(idle);
        peer_reset(asking);
        if (end != 2)
            free_listener(&ear.listener);
    }
}

/* G12, D1 */
static void listener_abort__before_open_is_remembered(void **state)
{
    const wws_string url = text(wire()->any_port);
    struct world *world = *state;

    for (int place = 0; place < PLACES; place++) {
        wws_listener listener;

        listener = new_listener(world->runtime);
        call_at(world, place, abort_listener, &listener);
        assert_status(wws_listener_open(listener, url, NULL, no_error),
            WWS_E_OPERATION_ABORTED);
        assert_int_equal(listener_state(listener),
            WWS_LISTENER_STATE_CREATED);
        abort_listener(&listener);
        assert_status(wws_listener_reset(listener, no_error), WWS_S_OK);
        assert_status(wws_listener_open(listener, url, NULL, no_error),
            WWS_S_OK);
        free_listener(&listener);
    }
}

/* T21, G14: and the listener is closed. */
static void listener_abort__during_close_is_reported_by_it(void **state)
{
    struct world *world = *state;

    for (int manner = CALLBACK; manner < MANNERS; manner++) {
        struct hold hold;
        struct ear ear;
        struct talk talk;
        struct heard accepted, closed;

        hold_init(&hold);
        ear_open(&ear, world->runtime);
        talk = (struct talk) { .listener = ear.listener,
            .channel = new_server(ear.listener) };
        hear_inside(&accepted, start_accept, &talk, hold_on, &hold);
        hear(&closed, manner, start_close_listener, &talk);
        assert_int_equal(listener_state(ear.listener),
            WWS_LISTENER_STATE_CLOSING);
        /* C5: the callback has not returned. */
        assert_false(heard_yet(&closed));
        assert_status(wws_listener_close(ear.listener, NULL, no_error),
            WWS_E_INVALID_OPERATION);
        abort_listener(&ear.listener);
        hold_release(&hold);

        assert_status(heard_end(&accepted), WWS_E_OPERATION_ABORTED);
        assert_status(heard_end(&closed), WWS_E_OPERATION_ABORTED);
        assert_int_equal(listener_state(ear.listener),
            WWS_LISTENER_STATE_CLOSED);
        assert_status(wws_channel_free(talk.channel), WWS_S_OK);
        free_listener(&ear.listener);
    }
}

static void close_inside(struct heard *heard)
{
    struct talk *talk = heard->state;

    must(wws_listener_close(talk->listener, NULL, no_error)
        == WWS_E_INVALID_OPERATION);
    must(wws_listener_free(talk->listener) == WWS_S_OK);
}

/* D34, D12 */
static void listener_free__may_be_called_in_its_own_callback(void **state)
{
    struct world *world = *state;
    struct ear ear;
    struct talk talk;
    struct heard heard;

    ear_open(&ear, world->runtime);
    talk = (struct talk) { .listener = ear.listener,
        .channel = new_server(ear.listener) };
    hear_inside(&heard, start_accept, &talk, close_inside, NULL);
    assert_status(wws_channel_abort(talk.channel), WWS_S_OK);

    assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
    assert_status(wws_channel_free(talk.channel), WWS_S_OK);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(listener_abort__completes_pending_accepts),
        in_world(listener_free__completes_pending_accepts),
        in_world(listener_close__completes_pending_accepts),
        in_world(listener_abort__spares_accepted_channels),
        in_world(listener_abort__drops_what_was_not_accepted),
        in_world(listener_abort__before_open_is_remembered),
        in_world(listener_abort__during_close_is_reported_by_it),
        in_world(listener_free__may_be_called_in_its_own_callback),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
