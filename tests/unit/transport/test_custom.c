/* A client over an application's own transport. */
#include "tests/support/custom_fixture.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/memory.h"

/* Opening. */

static void client__is_open_when_its_connection_has_been_made(void **state)
{
    (void) state;
    assert_int_equal(create_staged(), WWS_S_OK);

    it->client.session->calls->open(it->client.session);
    wait_for_call(CONNECT, 1);
    let_everything_run();
    assert_int_equal(value_of(&it->client.opened), 0);
    assert_int_equal(value_of(&it->client.phases), 1);
    assert_int_equal(complete(CONNECT, WWS_S_OK), WWS_S_OK);

    wait_for(&it->client.opened, 1);
    expect_words(it->client.session->remote, "far");
    expect_words(it->client.session->via, "via");
}

static void *complete_connect(void *state)
{
    (void) state;
    (void) complete(CONNECT, WWS_S_OK);
    return NULL;
}

/* A30 to A33: the result of the slot, a completion inside it, and one on
 * another thread come to the same. */
static void task__is_complete_inside_or_after_its_slot(void **state)
{
    pthread_t thread;

    (void) state;
    for (int manner = 0; manner < 3; manner++) {
        it->client = (struct holder) { .session = NULL };
        it->stage.answers[CONNECT] = manner == 2 ? WWS_S_ASYNC : WWS_S_OK;
        it->stage.inside[CONNECT] = manner == 1;
        it->stage.calls[CONNECT] = 0;
        assert_int_equal(create_staged(), WWS_S_OK);

        it->client.session->calls->open(it->client.session);
        wait_for_call(CONNECT, 1);
        if (manner == 2) {
            pthread_create(&thread, NULL, complete_connect, NULL);
            pthread_join(thread, NULL);
        }

        wait_for(&it->client.opened, 1);
        assert_int_equal(complete(CONNECT, WWS_S_OK), WWS_E_HANDLE);
        let_go(&it->client);
        let_everything_run();
        end_tasks();
        wait_for(&it->stage.connections_freed, manner + 1);
    }
}

static void task__takes_one_of_each_thing(void **state)
{
    (void) state;
    it->stage.late = true;
    assert_int_equal(create_staged(), WWS_S_OK);
    it->client.session->calls->open(it->client.session);
    wait_for_call(CONNECT, 1);

    assert_int_equal(give_piece(CONNECT, "x", false),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(give_listener(CONNECT), WWS_E_INVALID_OPERATION);
    assert_int_equal(complete(CONNECT, WWS_S_ASYNC), WWS_E_INVALIDARG);
    assert_int_equal(complete(CONNECT, WWS_S_END), WWS_E_INVALIDARG);
    assert_int_equal(give_connection(CONNECT), WWS_S_OK);
    assert_int_equal(give_connection(CONNECT), WWS_E_INVALID_OPERATION);
    assert_int_equal(complete(CONNECT, WWS_S_OK), WWS_S_OK);
    assert_int_equal(complete(CONNECT, WWS_S_OK), WWS_E_HANDLE);
    assert_int_equal(give_connection(CONNECT), WWS_E_HANDLE);

    wait_for_call(RECEIVE, 1);
    assert_int_equal(give_connection(RECEIVE), WWS_E_INVALID_OPERATION);
    assert_int_equal(give_piece(RECEIVE, "x", false), WWS_S_OK);
    assert_int_equal(give_piece(RECEIVE, "y", false),
        WWS_E_INVALID_OPERATION);
}

static void client__hears_why_it_cannot_connect(void **state)
{
    static const wws_status said[][2] = {
        { WWS_E_ENDPOINT_NOT_FOUND, WWS_E_ENDPOINT_NOT_FOUND },
        { WWS_S_OK, WWS_E_INVALID_OPERATION },
    };

    (void) state;
    it->stage.late = true;
    for (int i = 0; i < 2; i++) {
        it->client = (struct holder) { .session = NULL };
        it->stage.answers[CONNECT] = said[i][0];
        assert_int_equal(create_staged(), WWS_S_OK);

        it->client.session->calls->open(it->client.session);

        wait_for(&it->client.failed, 1);
        assert_int_equal(it->client.outcome.status, said[i][1]);
        assert_int_equal(it->client.outcome.phase, WWS_PHASE_CONNECT);
        let_go(&it->client);
    }
    assert_int_equal(calls_of(ABORT), 0);
}

/* Ending. */

static void abort__does_not_wait_for_the_transport(void **state)
{
    (void) state;
    it->stage.late = true;
    assert_int_equal(create_staged(), WWS_S_OK);
    it->client.session->calls->open(it->client.session);
    wait_for_call(CONNECT, 1);

    cut(&it->client);
    wait_for(&it->client.failed, 1);
    let_go(&it->client);
    assert_int_equal(calls_of(ABORT), 0);

    /* It has taken too long, but is ended like any other. */
    assert_int_equal(give_connection(CONNECT), WWS_S_OK);
    wait_for_call(ABORT, 1);
    let_everything_run();
    assert_int_equal(value_of(&it->stage.connections_freed), 0);
    assert_int_equal(complete(CONNECT, WWS_S_OK), WWS_S_OK);
    wait_for(&it->stage.connections_freed, 1);
    assert_int_equal(value_of(&it->client.opened), 0);
}

static void abort__is_called_once(void **state)
{
    struct parcel parcel = { .refuse = false };

    (void) state;
    open_staged();
    assert_int_equal(utter(&it->client, &parcel, "one"), WWS_S_OK);
    wait_for_call(SEND, 1);
    wait_for_call(RECEIVE, 1);
    wait_for_call(WATCH, 1);

    cut(&it->client);
    cut(&it->client);
    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(value_of(&parcel.done), 1);
    assert_int_equal(parcel.outcome.status, WWS_E_OPERATION_ABORTED);
    let_go(&it->client);

    let_everything_run();
    assert_int_equal(calls_of(ABORT), 1);
    assert_int_equal(value_of(&it->stage.connections_freed), 0);
    end_tasks();
    wait_for(&it->stage.connections_freed, 1);
    assert_int_equal(calls_of(ABORT), 1);
    assert_int_equal(calls_of(CLOSE), 0);
}

static void session__is_closed_when_both_ends_have_shut_down(void **state)
{
    struct parcel parcel = { .refuse = false };

    (void) state;
    open_staged();
    assert_int_equal(utter(&it->client, &parcel, "one"), WWS_S_OK);
    wait_for_call(SEND, 1);
    end_saying(&it->client);
    let_everything_run();
    assert_int_equal(calls_of(SHUT_DOWN), 0);
    assert_int_equal(utter(&it->client, &parcel, "two"),
        WWS_E_INVALID_OPERATION);

    assert_int_equal(complete(SEND, WWS_S_OK), WWS_S_OK);
    wait_for_call(SHUT_DOWN, 1);
    assert_int_equal(complete(RECEIVE, WWS_S_END), WWS_S_OK);
    wait_for(&it->client.ended, 1);
    it->client.session->calls->free(it->client.session);
    let_everything_run();
    assert_int_equal(calls_of(CLOSE), 0);
    assert_int_equal(complete(SHUT_DOWN, WWS_S_OK), WWS_S_OK);
    wait_for_call(CLOSE, 1);
    assert_int_equal(value_of(&it->client.released), 0);
    assert_int_equal(complete(CLOSE, WWS_S_OK), WWS_S_OK);
    wait_for(&it->client.released, 1);
    it->client.session = NULL;

    assert_int_equal(value_of(&it->stage.connections_freed), 0);
    assert_int_equal(complete(WATCH, WWS_S_OK), WWS_S_OK);
    wait_for(&it->stage.connections_freed, 1);
    assert_int_equal(calls_of(ABORT), 0);
    assert_int_equal(value_of(&it->client.failed), 0);
}

static void close__takes_two_seconds_at_most(void **state)
{
    (void) state;
    wwi_clock_hold();
    open_staged();
    end_saying(&it->client);
    wait_for_call(SHUT_DOWN, 1);
    assert_int_equal(complete(SHUT_DOWN, WWS_S_OK), WWS_S_OK);
    assert_int_equal(complete(RECEIVE, WWS_S_END), WWS_S_OK);
    wait_for(&it->client.ended, 1);
    it->client.session->calls->free(it->client.session);
    wait_for_call(CLOSE, 1);
    let_everything_run();

    wwi_clock_move(1999);
    let_everything_run();
    assert_int_equal(value_of(&it->client.released), 0);
    wwi_clock_move(2);

    wait_for(&it->client.released, 1);
    it->client.session = NULL;
    assert_int_equal(calls_of(ABORT), 1);
}

static void session__that_is_freed_otherwise_is_aborted(void **state)
{
    (void) state;
    open_staged();

    let_go(&it->client);

    wait_for_call(ABORT, 1);
    assert_int_equal(calls_of(CLOSE), 0);
}

static void watch__tells_that_the_peer_has_gone(void **state)
{
    (void) state;
    open_staged();
    wait_for_call(WATCH, 1);

    assert_int_equal(complete(WATCH, WWS_S_OK), WWS_S_OK);

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    wait_for_call(ABORT, 1);
}

/* One piece has been read ahead, the others lie at the application's. */
static void watch__leaves_what_was_sent_in_order_to_be_received(void **state)
{
    (void) state;
    open_staged();
    wait_for_call(RECEIVE, 1);
    bring("one", false);
    end_saying(&it->client);
    wait_for_call(SHUT_DOWN, 1);
    assert_int_equal(complete(SHUT_DOWN, WWS_S_OK), WWS_S_OK);

    assert_int_equal(complete(WATCH, WWS_S_OK), WWS_S_OK);

    let_everything_run();
    ask(&it->client);
    wait_for_call(RECEIVE, 2);
    bring("two", false);
    ask(&it->client);
    wait_for(&it->client.arrived, 2);
    expect_come(&it->client, "onetwo");
    wait_for_call(RECEIVE, 3);
    assert_int_equal(complete(RECEIVE, WWS_S_END), WWS_S_OK);
    wait_for(&it->client.ended, 1);
    assert_int_equal(value_of(&it->client.failed), 0);
}

static void watch__that_fails_breaks_the_session(void **state)
{
    (void) state;
    open_staged();
    wait_for_call(RECEIVE, 1);
    bring("one", false);
    end_saying(&it->client);
    wait_for_call(SHUT_DOWN, 1);

    assert_int_equal(complete(WATCH, WWS_E_OTHER), WWS_S_OK);

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_OTHER);
}

static void watch__may_be_left_out(void **state)
{
    (void) state;
    it->stage.unwatched = true;

    open_staged();
    wait_for_call(RECEIVE, 1);

    assert_int_equal(calls_of(WATCH), 0);
}

static void runtime__waits_for_what_never_completes(void **state)
{
    (void) state;
    open_staged();
    wait_for_call(RECEIVE, 1);
    let_go(&it->client);

    assert_false(wwi_runtime_end(it->runtime, wwi_clock_after(50)));

    assert_int_equal(value_of(&it->stage.connections_freed), 0);
    end_tasks();
    wait_for(&it->stage.connections_freed, 1);
}

/* Whoever completes a task may hold a lock that free_state takes as well. */
static void completing__frees_nothing_of_the_application(void **state)
{
    struct wwi_transport_task *task;
    int freed;

    (void) state;
    it->stage.answers[CONNECT] = WWS_S_ASYNC;
    assert_int_equal(create_staged(), WWS_S_OK);
    it->client.session->calls->open(it->client.session);
    wait_for_call(CONNECT, 1);
    task = hold_task(CONNECT);
    assert_int_equal(complete(CONNECT, WWS_E_ENDPOINT_FAILURE), WWS_S_OK);
    wait_for(&it->client.failed, 1);
    let_go(&it->client);
    wwi_custom_unref(it->custom);
    it->custom = NULL;
    let_everything_run();

    lock_it();
    wwi_object_unref(&task->object);
    freed = it->stage.tables_freed;
    unlock_it();

    assert_int_equal(freed, 0);
    wait_for(&it->stage.tables_freed, 1);
}

/* Sending. */

static void sendings__leave_one_by_one(void **state)
{
    struct parcel parcels[3] = { { .refuse = false } };

    (void) state;
    open_staged();
    for (int i = 0; i < 3; i++)
        assert_int_equal(utter(&it->client, &parcels[i],
            i == 0 ? "a" : i == 1 ? "b" : "c"), WWS_S_OK);

    for (int i = 0; i < 3; i++) {
        wait_for_call(SEND, i + 1);
        let_everything_run();
        assert_int_equal(calls_of(SEND), i + 1);
        assert_int_equal(value_of(&parcels[i].done), 0);
        assert_int_equal(complete(SEND, WWS_S_OK), WWS_S_OK);
        wait_for(&parcels[i].done, 1);
        assert_int_equal(parcels[i].outcome.status, WWS_S_OK);
        assert_int_equal(parcels[i].outcome.progress, WWS_PROGRESS_SENT);
    }

    assert_memory_equal(it->stage.sent, "abc", 3);
}

static void sending__can_be_taken_back_until_it_begins(void **state)
{
    struct parcel first = { .refuse = false }, second = first;
    struct parcel refused = { .refuse = true };
    const struct wwi_session_calls *calls;

    (void) state;
    open_staged();
    calls = it->client.session->calls;
    assert_int_equal(utter(&it->client, &first, "a"), WWS_S_OK);
    assert_int_equal(utter(&it->client, &second, "b"), WWS_S_OK);
    assert_int_equal(utter(&it->client, &refused, "c"), WWS_S_OK);
    wait_for_call(SEND, 1);

    assert_false(calls->unsend(it->client.session, &first.sending));
    assert_true(calls->unsend(it->client.session, &second.sending));
    assert_false(calls->unsend(it->client.session, &second.sending));
    assert_int_equal(complete(SEND, WWS_S_OK), WWS_S_OK);
    wait_for(&refused.done, 1);

    assert_int_equal(refused.outcome.status, WWS_E_OPERATION_CANCELLED);
    assert_int_equal(value_of(&second.done), 0);
    assert_int_equal(it->stage.sent_size, 1);
    assert_int_equal(calls_of(SEND), 1);
}

static void stream__refused_at_its_end_can_be_ended(void **state)
{
    struct parcel never = { .refuse = true }, last = { .refuse = false };

    (void) state;
    it->client_options.max_streamed_size = 1000;
    open_staged();
    assert_int_equal(utter(&it->client, &never, "x"), WWS_S_OK);
    wait_for(&never.done, 1);
    let_everything_run();

    assert_int_equal(never.outcome.status, WWS_E_OPERATION_CANCELLED);
    assert_int_equal(never.outcome.phase, WWS_PHASE_SEND);
    assert_int_equal(calls_of(SHUT_DOWN), 0);
    assert_int_equal(utter(&it->client, &last, "y"), WWS_S_OK);
    wait_for_call(SEND, 1);
    assert_int_equal(complete(SEND, WWS_S_OK), WWS_S_OK);
    wait_for_call(SHUT_DOWN, 1);
    assert_memory_equal(it->stage.sent, "y", 1);
}

static void sending__that_fails_ends_the_session(void **state)
{
    struct parcel first = { .refuse = false }, second = first;

    (void) state;
    open_staged();
    assert_int_equal(utter(&it->client, &first, "a"), WWS_S_OK);
    assert_int_equal(utter(&it->client, &second, "b"), WWS_S_OK);
    wait_for_call(SEND, 1);

    assert_int_equal(complete(SEND, WWS_E_ENDPOINT_DISCONNECTED), WWS_S_OK);

    wait_for(&it->client.failed, 1);
    assert_int_equal(first.outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(second.outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(utter(&it->client, &first, "c"),
        WWS_E_OBJECT_FAULTED);
    wait_for_call(ABORT, 1);
}

static void session__refuses_what_it_cannot_send(void **state)
{
    struct parcel parcel = { .refuse = false };

    (void) state;
    assert_int_equal(create_staged(), WWS_S_OK);
    assert_int_equal(utter(&it->client, &parcel, "a"),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(utter(&it->client, &parcel, ""), WWS_E_INVALIDARG);
}

static void stream__shuts_down_behind_its_request(void **state)
{
    struct parcel first = { .refuse = false }, last = first;

    (void) state;
    it->client_options.max_streamed_size = 1000;
    open_staged();
    assert_int_equal(utter_part(&it->client, &first, "a", false, true),
        WWS_S_OK);
    wait_for_call(SEND, 1);
    assert_true(it->stage.sent_more);
    assert_int_equal(complete(SEND, WWS_S_OK), WWS_S_OK);

    assert_int_equal(utter_part(&it->client, &last, "", true, false),
        WWS_S_OK);
    wait_for_call(SEND, 2);
    assert_false(it->stage.sent_more);
    assert_int_equal(complete(SEND, WWS_S_OK), WWS_S_OK);

    wait_for_call(SHUT_DOWN, 1);
}

/* So that a peer who does not read holds the sender up. */
static void stream__goes_out_in_parts_that_are_not_large(void **state)
{
    static char text[2 * 65536 + 2];
    struct parcel parcel = { .refuse = false };

    (void) state;
    memset(text, 'x', sizeof text - 1);
    it->client_options.max_streamed_size = 1000;
    open_staged();
    assert_int_equal(utter_part(&it->client, &parcel, text, false, false),
        WWS_S_OK);

    for (int i = 1; i <= 3; i++) {
        wait_for_call(SEND, i);
        let_everything_run();
        assert_int_equal(it->stage.sent_size, i < 3
            ? (size_t) i * 65536 : sizeof text - 1);
        assert_int_equal(it->stage.sent_more, i < 3);
        assert_int_equal(value_of(&parcel.done), 0);
        assert_int_equal(complete(SEND, WWS_S_OK), WWS_S_OK);
    }

    wait_for(&parcel.done, 1);
    assert_memory_equal(it->stage.sent, text, sizeof text - 1);
    wait_for_call(SHUT_DOWN, 1);
    assert_int_equal(calls_of(SEND), 3);
}

static void stream__that_fails_half_way_ends_the_session(void **state)
{
    static char text[65536 + 2];
    struct parcel parcel = { .refuse = false };

    (void) state;
    memset(text, 'x', sizeof text - 1);
    it->client_options.max_streamed_size = 1000;
    open_staged();
    assert_int_equal(utter_part(&it->client, &parcel, text, false, true),
        WWS_S_OK);
    wait_for_call(SEND, 1);
    assert_int_equal(complete(SEND, WWS_S_OK), WWS_S_OK);
    wait_for_call(SEND, 2);

    assert_int_equal(complete(SEND, WWS_E_OTHER), WWS_S_OK);

    wait_for(&parcel.done, 1);
    assert_int_equal(parcel.outcome.status, WWS_E_OTHER);
    wait_for(&it->client.failed, 1);
}

/* Receiving. */

static void session__reads_one_piece_ahead(void **state)
{
    (void) state;
    open_staged();
    wait_for_call(RECEIVE, 1);

    bring("one", false);
    let_everything_run();
    assert_int_equal(value_of(&it->client.arrived), 0);
    assert_int_equal(calls_of(RECEIVE), 1);

    ask(&it->client);
    wait_for(&it->client.arrived, 1);
    wait_for_call(RECEIVE, 2);
    expect_come(&it->client, "one");
}

static void message__may_come_octet_by_octet(void **state)
{
    static const char octets[] = "message";

    (void) state;
    open_staged();
    for (int i = 0; octets[i] != '\0'; i++) {
        const char one[] = { octets[i], '\0' };

        ask(&it->client);
        wait_for_call(RECEIVE, i + 1);
        bring(one, octets[i + 1] != '\0');
        wait_for(&it->client.arrived, i + 1);
    }

    expect_come(&it->client, octets);
    assert_int_equal(value_of(&it->client.whole), 1);
}

static void pieces__without_octets_are_none(void **state)
{
    (void) state;
    open_staged();
    ask(&it->client);
    wait_for_call(RECEIVE, 1);

    bring("", true);
    wait_for_call(RECEIVE, 2);
    bring("x", true);
    wait_for(&it->client.arrived, 1);
    ask(&it->client);
    wait_for_call(RECEIVE, 3);
    bring("", false);

    wait_for(&it->client.whole, 1);
    expect_come(&it->client, "x");
}

static void receiving__fails_as_it_is_told(void **state)
{
    static const struct {
        const char *before; /* of a message that is not whole */
        wws_status said;
        wws_status heard;
    } rows[] = {
        { "", WWS_E_ENDPOINT_DISCONNECTED, WWS_E_ENDPOINT_DISCONNECTED },
        { "", WWS_S_OK, WWS_E_INVALID_OPERATION },
        { "half", WWS_S_END, WWS_E_ENDPOINT_DISCONNECTED },
    };

    (void) state;
    for (int i = 0; i < 3; i++) {
        int calls = calls_of(RECEIVE);

        it->client = (struct holder) { .got = it->client.got };
        it->stage.calls[CONNECT] = 0;
        open_staged();
        wait_for_call(RECEIVE, ++calls);
        ask(&it->client);
        if (*rows[i].before != '\0') {
            bring(rows[i].before, true);
            wait_for_call(RECEIVE, ++calls);
        }

        assert_int_equal(complete(RECEIVE, rows[i].said), WWS_S_OK);

        wait_for(&it->client.failed, 1);
        assert_int_equal(it->client.outcome.status, rows[i].heard);
        let_go(&it->client);
        end_tasks();
    }
}

/* The reason is the last one that its task was given, and no more of it than
 * there is room for. */
static void failure__has_the_reason_of_its_task(void **state)
{
    static const enum slot slots[] = { SEND, RECEIVE, WATCH };
    char long_one[200] = { 0 };
    size_t most = sizeof it->client.session->text - 1;

    (void) state;
    memset(long_one, 'x', sizeof long_one - 1);
    memcpy(long_one + most - 1, "\xc3\xa9", 2);
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        int calls = calls_of(slots[i]);
        struct parcel parcel = { .refuse = false };

        it->client = (struct holder) { .session = NULL };
        it->stage.calls[CONNECT] = 0;
        open_staged();
        assert_int_equal(utter(&it->client, &parcel, "a"), WWS_S_OK);
        wait_for_call(slots[i], calls + 1);

        assert_int_equal(give_reason(slots[i], long_one), WWS_S_OK);
        if (i != 0)
            assert_int_equal(give_reason(slots[i], "because"), WWS_S_OK);
        assert_int_equal(complete(slots[i], WWS_E_ENDPOINT_FAILURE), WWS_S_OK);
        assert_int_equal(give_reason(slots[i], "late"), WWS_E_HANDLE);

        wait_for(&it->client.failed, 1);
        if (i == 0)
            long_one[most - 1] = '\0';
        assert_string_equal(it->client.session->text,
            i == 0 ? long_one : "because");
        let_go(&it->client);
        end_tasks();
    }
}

static void message__larger_than_allowed_ends_the_session(void **state)
{
    char half[40];

    (void) state;
    memset(half, 'x', sizeof half);
    half[sizeof half - 1] = '\0';
    open_staged();
    ask(&it->client);
    wait_for_call(RECEIVE, 1);
    bring(half, true);
    wait_for_call(RECEIVE, 2);

    bring(half, false);

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_QUOTA_EXCEEDED);
}

static void pieces__of_a_stream_are_not_large(void **state)
{
    size_t size = 200000;
    char *large = malloc(size + 1);

    (void) state;
    assert_non_null(large);
    memset(large, 'x', size);
    large[size] = '\0';
    it->client_options.max_streamed_size = 1000000;
    open_staged();
    wait_for_call(RECEIVE, 1);
    bring(large, false);

    for (int i = 0; i < 4; i++) {
        assert_int_equal(value_of(&it->client.whole), 0);
        ask(&it->client);
        wait_for(&it->client.arrived, i + 1);
    }

    assert_int_equal(value_of(&it->client.whole), 1);
    expect_come(&it->client, large);
    free(large);
}

/* Memory. */

static bool live_once(void)
{
    struct parcel parcel = { .refuse = false };
    bool opened = create_staged() >= 0;

    if (!opened)
        return false;
    it->client.session->calls->open(it->client.session);
    let_everything_run();
    if (value_of(&it->client.failed) == 0
        && utter(&it->client, &parcel, "a") >= 0) {
        ask(&it->client);
        let_everything_run();
        (void) complete(SEND, WWS_S_OK);
        if (give_piece(RECEIVE, "b", false) >= 0)
            (void) complete(RECEIVE, WWS_S_OK);
        let_everything_run();
    }
    opened = value_of(&it->client.failed) == 0
        && value_of(&it->client.arrived) == 1 && value_of(&parcel.done) == 1;
    let_go(&it->client);
    let_everything_run();
    end_tasks();
    let_everything_run();
    return opened;
}

static void session__lacks_memory_without_harm(void **state)
{
    bool lived = false;

    (void) state;
    it->stage.answers[CONNECT] = WWS_S_OK;
    for (int n = 1; !lived; n++) {
        assert_true(n < 100);
        wwi_bytes_fini(&it->client.got);
        it->client = (struct holder) { .session = NULL };
        wwi_memory_fail((uint64_t) n, 0);
        lived = live_once();
        wwi_memory_fail(0, 0);
    }
    assert_true(value_of(&it->client.released) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(client__is_open_when_its_connection_has_been_made),
        TEST(task__is_complete_inside_or_after_its_slot),
        TEST(task__takes_one_of_each_thing),
        TEST(client__hears_why_it_cannot_connect),
        TEST(abort__does_not_wait_for_the_transport),
        TEST(abort__is_called_once),
        TEST(session__is_closed_when_both_ends_have_shut_down),
        TEST(close__takes_two_seconds_at_most),
        TEST(session__that_is_freed_otherwise_is_aborted),
        TEST(watch__tells_that_the_peer_has_gone),
        TEST(watch__leaves_what_was_sent_in_order_to_be_received),
        TEST(watch__that_fails_breaks_the_session),
        TEST(watch__may_be_left_out),
        TEST(runtime__waits_for_what_never_completes),
        TEST(completing__frees_nothing_of_the_application),
        TEST(sendings__leave_one_by_one),
        TEST(sending__can_be_taken_back_until_it_begins),
        TEST(stream__refused_at_its_end_can_be_ended),
        TEST(sending__that_fails_ends_the_session),
        TEST(session__refuses_what_it_cannot_send),
        TEST(stream__shuts_down_behind_its_request),
        TEST(stream__goes_out_in_parts_that_are_not_large),
        TEST(stream__that_fails_half_way_ends_the_session),
        TEST(session__reads_one_piece_ahead),
        TEST(message__may_come_octet_by_octet),
        TEST(pieces__without_octets_are_none),
        TEST(receiving__fails_as_it_is_told),
        TEST(failure__has_the_reason_of_its_task),
        TEST(message__larger_than_allowed_ends_the_session),
        TEST(pieces__of_a_stream_are_not_large),
        TEST(session__lacks_memory_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
