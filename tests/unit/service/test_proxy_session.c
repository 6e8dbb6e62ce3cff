/* Service proxies that have a session, upon sessions that tests drive by
 * hand. */
#include "tests/unit/channel/fake_end.h"

#include <pthread.h>

#include "core/base/gate.h"
#include "core/service/proxy_parts.h"

enum { ROUNDS = 2000, ALLOCATIONS = 64 };

#define REPLY_TO(id) "<s:Envelope " \
    "xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" " \
    "xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>" \
    "<a:Action>urn:x</a:Action><a:RelatesTo>" id "</a:RelatesTo>" \
    "</s:Header><s:Body/></s:Envelope>"

static struct fixture {
    struct wwi_runtime *runtime;
    struct wwi_error *error;
    struct wwi_service_proxy *proxy;
    wws_service_proxy_options options;
} it;

static void make_proxy(void)
{
    wws_service_proxy handle = { 0 };

    assert_int_equal(wwi_service_proxy_create(it.runtime, &it.options, &handle,
        it.error), WWS_S_OK);
    assert_int_equal(wwi_table_get(handle.id, WWI_KIND_SERVICE_PROXY,
        &it.proxy), WWS_S_OK);
}

static void free_proxy(void)
{
    (void) wwi_service_proxy_free(it.proxy);
    wwi_object_unref(&it.proxy->object);
    it.proxy = NULL;
}

static int set_up(void **state)
{
    const wws_service_proxy_options standard = WWS_SERVICE_PROXY_OPTIONS_INIT;

    (void) state;
    memset(&it, 0, sizeof it);
    it.runtime = fake_begin();
    it.error = wwi_error_new();
    it.options = standard;
    make_proxy();
    wwi_clock_hold();
    return 0;
}

static int clean_up(void **state)
{
    (void) state;
    wwi_clock_release();
    if (it.proxy != NULL)
        free_proxy();
    assert_int_equal(wwi_error_free(it.error), WWS_S_OK);
    fake_finish();
    return 0;
}

static wws_service_proxy_state state_of(void)
{
    wws_service_proxy_state state;

    assert_int_equal(wwi_service_proxy_get_state(it.proxy, &state, NULL),
        WWS_S_OK);
    return state;
}

static wws_status open_proxy(void)
{
    return wwi_service_proxy_open(it.proxy, WWS_STR("good"), NULL, it.error);
}

static void begin_open(struct heard *heard)
{
    wws_completion completion = completion_of(heard);

    assert_int_equal(wwi_service_proxy_open(it.proxy, WWS_STR("good"),
        &completion, NULL), WWS_S_ASYNC);
}

static wws_status close_proxy(void)
{
    return wwi_service_proxy_close(it.proxy, NULL, it.error);
}

static void begin_close(struct heard *heard)
{
    wws_completion completion = completion_of(heard);

    assert_int_equal(wwi_service_proxy_close(it.proxy, &completion, NULL),
        WWS_S_ASYNC);
}

static void end_with_abort(struct heard *heard)
{
    assert_int_equal(wwi_service_proxy_abort(it.proxy), WWS_S_OK);
    assert_heard(heard, WWS_E_OPERATION_ABORTED);
}

static wws_status begin_call(
    struct heard *heard,
    const wws_call_options *options,
    wws_call *handle,
    struct wwi_error *error)
{
    wws_completion completion = completion_of(heard);

    return wwi_service_proxy_call(it.proxy, WWS_STR("urn:x"),
        (wws_bytes) { 0 }, options, handle, NULL, &completion, error);
}

static void must_call(struct heard *heard)
{
    const wws_call_options options = WWS_CALL_OPTIONS_INIT;

    assert_int_equal(begin_call(heard, &options, NULL, NULL), WWS_S_ASYNC);
}

static wws_status call_now(void)
{
    const wws_call_options options = WWS_CALL_OPTIONS_INIT;

    return wwi_service_proxy_call(it.proxy, WWS_STR("urn:x"),
        (wws_bytes) { 0 }, &options, NULL, NULL, NULL, it.error);
}

static void open_again(void)
{
    assert_int_equal(wwi_service_proxy_reset(it.proxy, NULL), WWS_S_OK);
    assert_int_equal(open_proxy(), WWS_S_OK);
}

/* A request's headers, with an id of the caller's. */
static struct wwi_message *new_headers(const char *id)
{
    const wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;
    struct wwi_message *message = NULL;

    assert_int_equal(wwi_message_new(&options, &message, NULL), WWS_S_OK);
    assert_int_equal(wwi_message_initialize(message,
        WWS_MESSAGE_INITIALIZATION_BLANK, NULL, NULL), WWS_S_OK);
    assert_int_equal(wwi_message_set_header(message, WWS_HEADER_MESSAGE_ID,
        wwi_string(id), NULL), WWS_S_OK);
    return message;
}

static wws_call_options with_headers(const struct wwi_message *headers)
{
    wws_call_options options = WWS_CALL_OPTIONS_INIT;

    options.request_headers.id = headers->object.id;
    return options;
}

/* Opening. */

static void proxy__opens_again_after_reset(void **state)
{
    (void) state;

    assert_int_equal(open_proxy(), WWS_S_OK);
    assert_int_equal(close_proxy(), WWS_S_OK);
    open_again();

    assert_int_equal(close_proxy(), WWS_S_OK);
    assert_true(reaches(&fake.ends[1].released, 1));
    assert_int_equal(value_of(&fake.ends[1].shut), 1);
    assert_int_equal(value_of(&fake.ends[1].aborted), 0);
}

/* D1, D6 */
static void proxy__aborted_before_opens_no_session(void **state)
{
    (void) state;

    assert_int_equal(wwi_service_proxy_abort(it.proxy), WWS_S_OK);

    assert_int_equal(open_proxy(), WWS_E_OPERATION_ABORTED);
    assert_int_equal(fake.created, 0);
    assert_int_equal(open_proxy(), WWS_S_OK);
}

/* G40 */
static void proxy__aborted_while_opening_can_open_at_once(void **state)
{
    struct heard opening = { 0 };

    (void) state;
    fake.opens = false;
    begin_open(&opening);
    assert_true(reaches(&fake.ends[0].opened, 1));

    assert_int_equal(wwi_service_proxy_abort(it.proxy), WWS_S_OK);

    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_CREATED);
    fake.opens = true;
    assert_int_equal(open_proxy(), WWS_S_OK);
    assert_heard(&opening, WWS_E_OPERATION_ABORTED);
    assert_true(reaches(&fake.ends[0].released, 1));
    assert_int_equal(value_of(&fake.ends[1].aborted), 0);
}

static void abort_and_open(void)
{
    assert_int_equal(wwi_service_proxy_abort(it.proxy), WWS_S_OK);
    assert_int_equal(open_proxy(), WWS_S_OK);
}

static void proxy__overtaken_opening_leaves_the_next_alone(void **state)
{
    (void) state;
    fake.creating = abort_and_open;

    assert_int_equal(open_proxy(), WWS_E_OPERATION_ABORTED);

    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_OPEN);
    assert_int_equal(close_proxy(), WWS_S_OK);
    assert_int_equal(value_of(&fake.ends[1].aborted), 0);
}

#ifdef WWS_DEBUG

static struct heard second;

static void open_before_it_is_over(enum wwi_gate gate)
{
    if (gate != WWI_GATE_EXCHANGE_OVER)
        return;
    wwi_gate_watch(NULL);
    begin_open(&second);
}

/* Also if one that has failed is not quite over. */
static void proxy__opened_again_before_an_opening_is_over(void **state)
{
    struct heard opening = { 0 };

    (void) state;
    second = (struct heard) { 0 };
    fake.opens = false;
    begin_open(&opening);
    assert_true(reaches(&fake.ends[0].opened, 1));
    wwi_gate_watch(open_before_it_is_over);

    fail_end(&fake.ends[0], WWS_E_ENDPOINT_NOT_FOUND);

    assert_heard(&opening, WWS_E_ENDPOINT_NOT_FOUND);
    assert_true(reaches(&fake.ends[1].opened, 1));
    tell(&fake.ends[1], TELL_OPENED);
    assert_heard(&second, WWS_S_OK);
    assert_int_equal(close_proxy(), WWS_S_OK);
}

#endif

static void *abort_proxy(void *state)
{
    (void) state;
    (void) wwi_service_proxy_abort(it.proxy);
    return NULL;
}

/* An abort ends what it found, not what was opened after it was heard of. */
static void proxy__abort_ends_one_opening_only(void **state)
{
    (void) state;

    for (int i = 0; i < ROUNDS; i++) {
        struct heard opening = { 0 };
        pthread_t thread;

        fake.opens = false;
        begin_open(&opening);
        fake.opens = true;
        assert_int_equal(pthread_create(&thread, NULL, abort_proxy, NULL), 0);
        while (state_of() == WWS_SERVICE_PROXY_STATE_OPENING)
            continue;
        assert_int_equal(open_proxy(), WWS_S_OK);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_heard(&opening, WWS_E_OPERATION_ABORTED);
        assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_OPEN);
        assert_int_equal(close_proxy(), WWS_S_OK);
        assert_int_equal(wwi_service_proxy_reset(it.proxy, NULL), WWS_S_OK);
        await_loop();
    }
}

/* G85, D22 */
static void proxy__opening_has_the_time_of_a_call(void **state)
{
    struct heard opening = { 0 };

    (void) state;
    fake.opens = false;
    begin_open(&opening);
    assert_true(reaches(&fake.ends[0].opened, 1));

    wwi_clock_move(30001);

    assert_heard(&opening, WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_CREATED);
    assert_true(reaches(&fake.ends[0].released, 1));
}

static void proxy__that_cannot_open_is_as_created(void **state)
{
    struct heard opening = { 0 };

    (void) state;
    assert_int_equal(wwi_service_proxy_open(it.proxy, WWS_STR("bad"), NULL,
        it.error), WWS_E_INVALID_ENDPOINT_URL);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_CREATED);
    fake.opens = false;
    begin_open(&opening);
    assert_true(reaches(&fake.ends[1].opened, 1));

    fail_end(&fake.ends[1], WWS_E_ENDPOINT_NOT_FOUND);

    assert_heard(&opening, WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_CREATED);
}

static void proxy__opens_or_fails_whichever_memory_is_missing(void **state)
{
    wws_status status = WWS_E_OUTOFMEMORY;

    (void) state;
    for (int n = 1; n < ALLOCATIONS && status == WWS_E_OUTOFMEMORY; n++) {
        wwi_memory_fail((uint64_t) n, 0);
        status = open_proxy();
        wwi_memory_fail(0, 0);
        assert_int_equal(state_of(), status == WWS_S_OK
            ? WWS_SERVICE_PROXY_STATE_OPEN : WWS_SERVICE_PROXY_STATE_CREATED);
        await_loop();
    }

    assert_int_equal(status, WWS_S_OK);
    assert_int_equal(close_proxy(), WWS_S_OK);
}

/* Failing. */

/* PR1, D3 */
static void proxy__is_faulted_when_its_session_fails(void **state)
{
    struct heard calls[2] = { { 0 }, { 0 } };

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&calls[0]);
    must_call(&calls[1]);

    fail_end(&fake.ends[0], WWS_E_ENDPOINT_DISCONNECTED);

    assert_heard(&calls[0], WWS_E_ENDPOINT_DISCONNECTED);
    assert_heard(&calls[1], WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(call_now(), WWS_E_OBJECT_FAULTED);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_FAULTED);
    assert_int_equal(close_proxy(), WWS_S_OK);
}

/* PR1: a session that the server ends carries no call any more. */
static void proxy__is_faulted_when_its_peer_ends(void **state)
{
    struct heard call = { 0 };

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&call);

    tell(&fake.ends[0], TELL_ENDED);

    assert_heard(&call, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_FAULTED);
    assert_int_equal(call_now(), WWS_E_OBJECT_FAULTED);
    assert_int_equal(close_proxy(), WWS_S_OK);
    assert_int_equal(value_of(&fake.ends[0].shut), 1);
}

/* G41, G43 */
static void proxy__abort_ends_calls_and_session(void **state)
{
    struct heard call = { 0 };

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&call);

    assert_int_equal(wwi_service_proxy_abort(it.proxy), WWS_S_OK);

    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_FAULTED);
    assert_heard(&call, WWS_E_OPERATION_ABORTED);
    assert_true(reaches(&fake.ends[0].aborted, 1));
    assert_int_equal(call_now(), WWS_E_OBJECT_FAULTED);
    assert_int_equal(close_proxy(), WWS_S_OK);
    open_again();
}

/* Calls. */

/* One id under way twice: nobody could tell the replies apart. */
static void proxy__refuses_a_message_id_that_is_under_way(void **state)
{
    struct wwi_message *headers = new_headers("urn:1");
    struct wwi_message *others = new_headers("urn:2");
    const wws_call_options options = with_headers(headers);
    const wws_call_options other = with_headers(others);
    struct heard calls[3] = { { 0 }, { 0 }, { 0 } };

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    assert_int_equal(begin_call(&calls[0], &options, NULL, NULL),
        WWS_S_ASYNC);

    assert_int_equal(begin_call(&calls[1], &options, NULL, NULL),
        WWS_E_INVALIDARG);

    assert_int_equal(begin_call(&calls[1], &other, NULL, NULL), WWS_S_ASYNC);
    arrive(&fake.ends[0], REPLY_TO("urn:1"));
    assert_heard(&calls[0], WWS_S_OK);
    assert_int_equal(value_of(&calls[1].times), 0);
    assert_int_equal(begin_call(&calls[2], &options, NULL, NULL),
        WWS_S_ASYNC);
    arrive(&fake.ends[0], REPLY_TO("urn:1"));
    assert_heard(&calls[2], WWS_S_OK);
    arrive(&fake.ends[0], REPLY_TO("urn:2"));
    assert_heard(&calls[1], WWS_S_OK);
    (void) wwi_message_free(headers);
    (void) wwi_message_free(others);
}

/* A call that was cancelled is not under way; one that was abandoned is. */
static void proxy__knows_which_message_ids_are_under_way(void **state)
{
    struct wwi_message *headers = new_headers("urn:1");
    wws_call_options options = with_headers(headers);
    struct heard calls[3] = { { 0 }, { 0 }, { 0 } };
    struct wwi_call *call = NULL;
    wws_call handle = { 0 };

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    assert_int_equal(begin_call(&calls[0], &options, &handle, NULL),
        WWS_S_ASYNC);
    assert_int_equal(wwi_table_get(handle.id, WWI_KIND_CALL, &call), WWS_S_OK);
    assert_int_equal(wwi_call_cancel(call), WWS_S_OK);
    wwi_object_unref(&call->object);
    assert_int_equal(begin_call(&calls[1], &options, NULL, NULL),
        WWS_S_ASYNC);
    assert_int_equal(wwi_service_proxy_abandon_call(it.proxy, 0, NULL),
        WWS_S_OK);
    assert_heard(&calls[0], WWS_E_OPERATION_CANCELLED);
    assert_heard(&calls[1], WWS_E_OPERATION_ABANDONED);

    assert_int_equal(begin_call(&calls[2], &options, NULL, NULL),
        WWS_E_INVALIDARG);

    (void) wwi_message_free(headers);
}

/* G74, D20: what was abandoned counts until its reply or its time. */
static void proxy__abandoned_calls_count_until_they_are_drained(void **state)
{
    struct heard calls[3] = { { 0 }, { 0 }, { 0 } };
    const wws_call_options options = WWS_CALL_OPTIONS_INIT;

    (void) state;
    free_proxy();
    it.options.max_pending_calls = 1;
    make_proxy();
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&calls[0]);
    assert_int_equal(wwi_service_proxy_abandon_call(it.proxy, 0, NULL),
        WWS_S_OK);
    assert_heard(&calls[0], WWS_E_OPERATION_ABANDONED);
    await_loop();
    assert_int_equal(begin_call(&calls[1], &options, NULL, NULL),
        WWS_E_QUOTA_EXCEEDED);

    wwi_clock_move(30001);
    await_loop();

    assert_int_equal(begin_call(&calls[2], &options, NULL, NULL),
        WWS_S_ASYNC);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_OPEN);
    end_with_abort(&calls[2]);
}

/* G82: the time of a call stops it, and its place is free. */
static void proxy__calls_that_time_out_leave_the_session(void **state)
{
    struct heard calls[2] = { { 0 }, { 0 } };

    (void) state;
    free_proxy();
    it.options.max_pending_calls = 1;
    make_proxy();
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&calls[0]);

    wwi_clock_move(30001);

    assert_heard(&calls[0], WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_OPEN);
    must_call(&calls[1]);
    end_with_abort(&calls[1]);
}

static wws_status begin_timed(struct heard *heard, uint32_t timeout_ms)
{
    wws_call_options options = WWS_CALL_OPTIONS_INIT;

    options.timeout_ms = timeout_ms;
    return begin_call(heard, &options, NULL, NULL);
}

/* G80, G83, D14: thirty seconds, to the last millisecond, unless a call or its
 * proxy says otherwise. */
static void proxy__gives_a_call_thirty_seconds(void **state)
{
    struct heard calls[4] = { 0 };

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&calls[0]);
    assert_int_equal(begin_timed(&calls[1], 40000), WWS_S_ASYNC);
    assert_int_equal(begin_timed(&calls[2], WWS_INFINITE), WWS_S_ASYNC);

    wwi_clock_move(29990);
    await_loop();
    assert_int_equal(value_of(&calls[0].times), 0);
    wwi_clock_move(11);
    assert_heard(&calls[0], WWS_E_OPERATION_TIMED_OUT);

    wwi_clock_move(9000);
    await_loop();
    assert_int_equal(value_of(&calls[1].times), 0);
    wwi_clock_move(1000);
    assert_heard(&calls[1], WWS_E_OPERATION_TIMED_OUT);

    wwi_clock_move(1000000000);
    await_loop();
    assert_int_equal(value_of(&calls[2].times), 0);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_OPEN);
    end_with_abort(&calls[2]);
}

/* G80: the proxy may give them for ever. */
static void proxy__gives_a_call_the_time_it_was_told(void **state)
{
    struct heard calls[2] = { 0 };

    (void) state;
    free_proxy();
    it.options.call_timeout_ms = WWS_INFINITE;
    make_proxy();
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&calls[0]);
    assert_int_equal(begin_timed(&calls[1], 100), WWS_S_ASYNC);

    wwi_clock_move(101);
    assert_heard(&calls[1], WWS_E_OPERATION_TIMED_OUT);
    wwi_clock_move(1000000000);
    await_loop();
    assert_int_equal(value_of(&calls[0].times), 0);
    end_with_abort(&calls[0]);
}

/* G65, G66, G67: a group of very many, more than one batch, and no other. */
static void proxy__abandons_a_large_group_and_no_other(void **state)
{
    enum { CROWD = 300 };
    static struct heard calls[CROWD];
    wws_call_options options = WWS_CALL_OPTIONS_INIT;

    (void) state;
    memset(calls, 0, sizeof calls);
    free_proxy();
    it.options.max_pending_calls = 2 * CROWD;
    make_proxy();
    assert_int_equal(open_proxy(), WWS_S_OK);
    for (uint32_t i = 0; i < CROWD; i++) {
        options.call_id = i % 2 == 0 ? 7 : i % 3;
        assert_int_equal(begin_call(&calls[i], &options, NULL, NULL),
            WWS_S_ASYNC);
    }

    assert_int_equal(wwi_service_proxy_abandon_call(it.proxy, 7, NULL),
        WWS_S_OK);
    for (int i = 0; i < CROWD; i += 2)
        assert_heard(&calls[i], WWS_E_OPERATION_ABANDONED);
    await_loop();
    for (int i = 1; i < CROWD; i += 2)
        assert_int_equal(value_of(&calls[i].times), 0);

    assert_int_equal(wwi_service_proxy_abandon_call(it.proxy, 0, NULL),
        WWS_S_OK);
    for (int i = 1; i < CROWD; i += 2)
        assert_heard(&calls[i], WWS_E_OPERATION_ABANDONED);
}

/* PR1, T31: how the session failed, for each of very many. */
static void proxy__tells_very_many_that_their_session_failed(void **state)
{
    enum { CROWD = 300 };
    static struct heard calls[CROWD];

    (void) state;
    memset(calls, 0, sizeof calls);
    free_proxy();
    it.options.max_pending_calls = CROWD;
    make_proxy();
    assert_int_equal(open_proxy(), WWS_S_OK);
    for (int i = 0; i < CROWD; i++)
        must_call(&calls[i]);

    fail_end(&fake.ends[0], WWS_E_ENDPOINT_DISCONNECTED);

    for (int i = 0; i < CROWD; i++)
        assert_heard(&calls[i], WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_FAULTED);
}

static void proxy__calls_or_fails_whichever_memory_is_missing(void **state)
{
    const wws_call_options options = WWS_CALL_OPTIONS_INIT;
    wws_status status = WWS_E_OUTOFMEMORY;
    struct heard call = { 0 };

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    for (int n = 1; n < ALLOCATIONS && status == WWS_E_OUTOFMEMORY; n++) {
        wwi_memory_fail((uint64_t) n, 0);
        status = begin_call(&call, &options, NULL, NULL);
        wwi_memory_fail(0, 0);
        assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_OPEN);
    }

    assert_int_equal(status, WWS_S_ASYNC);
    end_with_abort(&call);
}

/* Closing. */

/* PR6, G48, D21: first the calls, then the session, and never longer. */
static void proxy__close_stops_calls_when_its_time_is_over(void **state)
{
    struct heard calls[2] = { { 0 }, { 0 } }, closing = { 0 };

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&calls[0]);
    assert_int_equal(wwi_service_proxy_abandon_call(it.proxy, 0, NULL),
        WWS_S_OK);
    must_call(&calls[1]);
    begin_close(&closing);
    await_loop();
    assert_int_equal(value_of(&fake.ends[0].shut), 0);
    assert_int_equal(call_now(), WWS_E_INVALID_OPERATION);

    wwi_clock_move(5001);

    assert_heard(&closing, WWS_E_OPERATION_TIMED_OUT);
    assert_heard(&calls[1], WWS_E_OPERATION_ABORTED);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_CLOSED);
    open_again();
}

static void proxy__close_waits_no_longer_for_the_peer(void **state)
{
    struct heard closing = { 0 };

    (void) state;
    fake.answers = false;
    assert_int_equal(open_proxy(), WWS_S_OK);
    begin_close(&closing);
    assert_true(reaches(&fake.ends[0].shut, 1));
    assert_int_equal(close_proxy(), WWS_E_INVALID_OPERATION);

    wwi_clock_move(5001);

    assert_heard(&closing, WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_CLOSED);
}

/* G42, D21 */
static void proxy__abort_ends_a_close_that_waits(void **state)
{
    struct heard closing = { 0 }, call = { 0 };

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&call);
    begin_close(&closing);

    assert_int_equal(wwi_service_proxy_abort(it.proxy), WWS_S_OK);

    assert_heard(&call, WWS_E_OPERATION_ABORTED);
    assert_heard(&closing, WWS_E_OPERATION_ABORTED);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_CLOSED);
}

/* G46: the callback of the opening is one of those that close waits for. */
static void proxy__close_waits_for_the_callback_of_its_opening(void **state)
{
    struct heard opening = { .held = true }, closing = { 0 };

    (void) state;
    begin_open(&opening);
    assert_heard(&opening, WWS_S_OK);

    begin_close(&closing);

    await_loop();
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_CLOSING);
    let_return(&opening);
    assert_heard(&closing, WWS_S_OK);
    assert_int_equal(value_of(&fake.ends[0].shut), 1);
}

static void proxy__closes_without_memory(void **state)
{
    struct heard call = { 0 };
    wws_status status;

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&call);

    wwi_memory_fail(1, 1);
    status = close_proxy();
    wwi_memory_fail(0, 0);

    assert_int_equal(status, WWS_S_OK);
    assert_heard(&call, WWS_E_OPERATION_ABORTED);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_CLOSED);
    assert_int_equal(value_of(&fake.ends[0].freed), 1);
}

/* D12 */
static void proxy__freed_leaves_nothing(void **state)
{
    struct heard calls[2] = { { 0 }, { 0 } };

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&calls[0]);
    assert_int_equal(wwi_service_proxy_abandon_call(it.proxy, 0, NULL),
        WWS_S_OK);
    must_call(&calls[1]);

    free_proxy();

    assert_heard(&calls[0], WWS_E_OPERATION_ABANDONED);
    assert_heard(&calls[1], WWS_E_OPERATION_ABORTED);
    assert_true(reaches(&fake.ends[0].released, 1));
}

static void proxy__freed_while_closing_leaves_nothing(void **state)
{
    struct heard closing = { 0 };

    (void) state;
    fake.answers = false;
    assert_int_equal(open_proxy(), WWS_S_OK);
    begin_close(&closing);

    free_proxy();

    assert_heard(&closing, WWS_E_OPERATION_ABORTED);
    assert_true(reaches(&fake.ends[0].released, 1));
}

static void proxy__freed_while_opening_leaves_nothing(void **state)
{
    struct heard opening = { 0 };

    (void) state;
    fake.opens = false;
    begin_open(&opening);

    free_proxy();

    assert_heard(&opening, WWS_E_OPERATION_ABORTED);
    assert_true(reaches(&fake.ends[0].released, 1));
}

static void proxy__outlives_its_runtime(void **state)
{
    struct heard call = { 0 };

    (void) state;
    assert_int_equal(open_proxy(), WWS_S_OK);
    must_call(&call);
    assert_true(wwi_runtime_end(it.runtime, wwi_clock_after(20000)));

    assert_heard(&call, WWS_E_OPERATION_ABORTED);
    assert_int_equal(state_of(), WWS_SERVICE_PROXY_STATE_FAULTED);
    assert_int_equal(close_proxy(), WWS_S_OK);

    assert_true(reaches(&fake.ends[0].released, 1));
}

#define unit(test) cmocka_unit_test_setup_teardown(test, set_up, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit(proxy__opens_again_after_reset),
        unit(proxy__aborted_before_opens_no_session),
        unit(proxy__aborted_while_opening_can_open_at_once),
        unit(proxy__overtaken_opening_leaves_the_next_alone),
#ifdef WWS_DEBUG
        unit(proxy__opened_again_before_an_opening_is_over),
#endif
        unit(proxy__abort_ends_one_opening_only),
        unit(proxy__opening_has_the_time_of_a_call),
        unit(proxy__that_cannot_open_is_as_created),
        unit(proxy__opens_or_fails_whichever_memory_is_missing),
        unit(proxy__is_faulted_when_its_session_fails),
        unit(proxy__is_faulted_when_its_peer_ends),
        unit(proxy__abort_ends_calls_and_session),
        unit(proxy__refuses_a_message_id_that_is_under_way),
        unit(proxy__knows_which_message_ids_are_under_way),
        unit(proxy__abandoned_calls_count_until_they_are_drained),
        unit(proxy__calls_that_time_out_leave_the_session),
        unit(proxy__gives_a_call_thirty_seconds),
        unit(proxy__gives_a_call_the_time_it_was_told),
        unit(proxy__abandons_a_large_group_and_no_other),
        unit(proxy__tells_very_many_that_their_session_failed),
        unit(proxy__calls_or_fails_whichever_memory_is_missing),
        unit(proxy__close_stops_calls_when_its_time_is_over),
        unit(proxy__close_waits_no_longer_for_the_peer),
        unit(proxy__abort_ends_a_close_that_waits),
        unit(proxy__close_waits_for_the_callback_of_its_opening),
        unit(proxy__closes_without_memory),
        unit(proxy__freed_leaves_nothing),
        unit(proxy__freed_while_closing_leaves_nothing),
        unit(proxy__freed_while_opening_leaves_nothing),
        unit(proxy__outlives_its_runtime),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
