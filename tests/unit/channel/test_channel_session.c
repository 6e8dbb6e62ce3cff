/* Channels that have a session, upon sessions that tests drive by hand. */
#include "tests/unit/channel/fake_end.h"

#include <pthread.h>

#include "core/base/gate.h"
#include "core/channel/channel_parts.h"

enum { ROUNDS = 2000, ALLOCATIONS = 64 };

static struct fixture {
    struct wwi_runtime *runtime;
    struct wwi_error *error;
    struct wwi_channel *channel;
    struct wwi_message *message;
    struct wwi_message *target;
} it;

#define REPLY "<s:Envelope " \
    "xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" " \
    "xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>" \
    "<a:Action>urn:x</a:Action></s:Header><s:Body/></s:Envelope>"

static struct wwi_channel *new_channel(void)
{
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;
    struct wwi_channel *channel = NULL;
    wws_channel handle = { 0 };

    assert_int_equal(wwi_channel_create(it.runtime, &options, &handle,
        it.error), WWS_S_OK);
    assert_int_equal(wwi_table_get(handle.id, WWI_KIND_CHANNEL, &channel),
        WWS_S_OK);
    return channel;
}

static struct wwi_message *new_message(void)
{
    const wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;
    struct wwi_message *message = NULL;

    assert_int_equal(wwi_message_new(&options, &message, NULL), WWS_S_OK);
    wwi_object_ref(&message->object);
    return message;
}

static struct wwi_message *new_request(void)
{
    struct wwi_message *message = new_message();

    assert_int_equal(wwi_message_initialize(message,
        WWS_MESSAGE_INITIALIZATION_REQUEST, NULL, NULL), WWS_S_OK);
    assert_int_equal(wwi_message_set_header(message, WWS_HEADER_ACTION,
        WWS_STR("urn:x"), NULL), WWS_S_OK);
    return message;
}

static void free_message(struct wwi_message *message)
{
    (void) wwi_message_free(message);
    wwi_object_unref(&message->object);
}

static void free_channel(void)
{
    (void) wwi_channel_free(it.channel);
    wwi_object_unref(&it.channel->object);
    it.channel = NULL;
}

static int set_up(void **state)
{
    (void) state;
    memset(&it, 0, sizeof it);
    it.runtime = fake_begin();
    it.error = wwi_error_new();
    it.channel = new_channel();
    it.message = new_request();
    it.target = new_message();
    wwi_clock_hold();
    return 0;
}

static int clean_up(void **state)
{
    (void) state;
    wwi_clock_release();
    if (it.channel != NULL)
        free_channel();
    free_message(it.message);
    free_message(it.target);
    assert_int_equal(wwi_error_free(it.error), WWS_S_OK);
    fake_finish();
    return 0;
}

static wws_channel_state state_of(void)
{
    wws_channel_state state;

    assert_int_equal(wwi_channel_get_state(it.channel, &state, NULL),
        WWS_S_OK);
    return state;
}

static wws_status open_channel(void)
{
    return wwi_channel_open(it.channel, WWS_STR("good"), NULL, it.error);
}

static wws_status close_channel(void)
{
    return wwi_channel_close(it.channel, NULL, it.error);
}

static void begin_open(struct heard *heard)
{
    wws_completion completion = completion_of(heard);

    assert_int_equal(wwi_channel_open(it.channel, WWS_STR("good"),
        &completion, NULL), WWS_S_ASYNC);
}

static void begin_close(struct heard *heard)
{
    wws_completion completion = completion_of(heard);

    assert_int_equal(wwi_channel_close(it.channel, &completion, NULL),
        WWS_S_ASYNC);
}

static void begin_receive(struct heard *heard)
{
    wws_completion completion = completion_of(heard);

    assert_int_equal(wwi_channel_receive(it.channel, it.target,
        WWS_RECEIVE_OPTION_OPTIONAL, &completion, NULL), WWS_S_ASYNC);
}

static wws_status send_message(void)
{
    struct wwi_message *message = new_request();
    wws_status status = wwi_channel_send(it.channel, message, NULL, it.error);

    free_message(message);
    return status;
}

/* The sending waits until the test lets it go on. */
static void open_and_begin_send(struct heard *heard)
{
    wws_completion completion = completion_of(heard);

    fake.sends = false;
    assert_int_equal(open_channel(), WWS_S_OK);
    assert_int_equal(wwi_channel_send(it.channel, it.message, &completion,
        it.error), WWS_S_ASYNC);
}

static void open_again(void)
{
    assert_int_equal(wwi_channel_reset(it.channel, NULL), WWS_S_OK);
    assert_int_equal(open_channel(), WWS_S_OK);
}

/* Opening. */

/* G20, G25, C2: a whole life, twice. */
static void channel__opens_again_after_reset(void **state)
{
    (void) state;

    assert_int_equal(open_channel(), WWS_S_OK);
    assert_int_equal(send_message(), WWS_S_OK);
    assert_int_equal(close_channel(), WWS_S_OK);
    open_again();
    assert_int_equal(send_message(), WWS_S_OK);

    assert_int_equal(close_channel(), WWS_S_OK);
    assert_true(reaches(&fake.ends[0].released, 1));
    assert_true(reaches(&fake.ends[1].released, 1));
    assert_int_equal(value_of(&fake.ends[1].shut), 1);
    assert_int_equal(value_of(&fake.ends[1].aborted), 0);
}

/* G12, D1 */
static void channel__aborted_before_opens_no_session(void **state)
{
    (void) state;

    assert_int_equal(wwi_channel_abort(it.channel), WWS_S_OK);

    assert_int_equal(open_channel(), WWS_E_OPERATION_ABORTED);
    assert_int_equal(fake.created, 0);
    assert_int_equal(open_channel(), WWS_S_OK);
}

/* G13 */
static void channel__aborted_while_opening_can_open_at_once(void **state)
{
    struct heard opening = { 0 };

    (void) state;
    fake.opens = false;
    begin_open(&opening);
    assert_true(reaches(&fake.ends[0].opened, 1));

    assert_int_equal(wwi_channel_abort(it.channel), WWS_S_OK);

    assert_int_equal(state_of(), WWS_CHANNEL_STATE_CREATED);
    fake.opens = true;
    assert_int_equal(open_channel(), WWS_S_OK);
    assert_heard(&opening, WWS_E_OPERATION_ABORTED);
    assert_true(reaches(&fake.ends[0].released, 1));
    assert_int_equal(value_of(&fake.ends[1].aborted), 0);
    assert_int_equal(send_message(), WWS_S_OK);
}

static struct heard second;

static void abort_and_open(void)
{
    assert_int_equal(wwi_channel_abort(it.channel), WWS_S_OK);
    begin_open(&second);
}

/* An opening that was aborted before anybody could find it leaves the next one
 * alone. */
static void channel__overtaken_opening_leaves_the_next_alone(void **state)
{
    (void) state;
    second = (struct heard) { 0 };
    fake.opens = false;
    fake.creating = abort_and_open;

    assert_int_equal(open_channel(), WWS_E_OPERATION_ABORTED);

    assert_int_equal(state_of(), WWS_CHANNEL_STATE_OPENING);
    assert_int_equal(value_of(&fake.ends[1].aborted), 0);
    tell(&fake.ends[1], TELL_OPENED);
    assert_heard(&second, WWS_S_OK);
    assert_int_equal(send_message(), WWS_S_OK);
    assert_int_equal(close_channel(), WWS_S_OK);
}

#ifdef WWS_DEBUG

static void open_before_it_is_over(enum wwi_gate gate)
{
    if (gate != WWI_GATE_EXCHANGE_OVER)
        return;
    wwi_gate_watch(NULL);
    begin_open(&second);
}

static struct heard parting;

/* Until the channel has no session any more. */
static void close_when_entered(enum wwi_gate gate)
{
    if (gate != WWI_GATE_TRANSFER_ENTERED)
        return;
    wwi_gate_watch(NULL);
    begin_close(&parting);
    assert_true(reaches(&fake.ends[0].released, 1));
}

/* What has begun, and has no session yet, makes none of its own. */
static void channel__closed_beside_a_receive_connects_no_more(void **state)
{
    (void) state;
    parting = (struct heard) { 0 };
    assert_int_equal(open_channel(), WWS_S_OK);
    wwi_gate_watch(close_when_entered);

    assert_int_equal(wwi_channel_receive(it.channel, it.target,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, it.error),
        WWS_E_OPERATION_ABORTED);

    assert_heard(&parting, WWS_S_OK);
    assert_int_equal(fake.created, 1);
}

static void break_when_entered(enum wwi_gate gate)
{
    if (gate != WWI_GATE_TRANSFER_ENTERED)
        return;
    wwi_gate_watch(NULL);
    wwi_channel_fault(it.channel);
}

/* Not that somebody aborted it. */
static void channel__that_breaks_beside_a_send_says_so(void **state)
{
    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);
    wwi_gate_watch(break_when_entered);

    assert_int_equal(send_message(), WWS_E_OBJECT_FAULTED);

    assert_int_equal(state_of(), WWS_CHANNEL_STATE_FAULTED);
    assert_int_equal(close_channel(), WWS_S_OK);
}

/* Also if one that has failed is not quite over. */
static void channel__opened_again_before_an_opening_is_over(void **state)
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
    assert_int_equal(close_channel(), WWS_S_OK);
}

#endif

static void abort_and_open_at_once(void)
{
    assert_int_equal(wwi_channel_abort(it.channel), WWS_S_OK);
    assert_int_equal(open_channel(), WWS_S_OK);
}

/* Likewise when that has been opened meanwhile. */
static void channel__overtaken_opening_keeps_off_an_open_session(void **state)
{
    (void) state;
    fake.creating = abort_and_open_at_once;

    assert_int_equal(open_channel(), WWS_E_OPERATION_ABORTED);

    assert_int_equal(state_of(), WWS_CHANNEL_STATE_OPEN);
    assert_int_equal(send_message(), WWS_S_OK);
    assert_int_equal(value_of(&fake.ends[1].sent), 1);
    assert_int_equal(close_channel(), WWS_S_OK);
    assert_true(reaches(&fake.ends[1].released, 1));
}

static void *abort_channel(void *state)
{
    (void) state;
    (void) wwi_channel_abort(it.channel);
    return NULL;
}

/* An abort ends what it found, not what was opened after it was heard of. */
static void channel__abort_ends_one_opening_only(void **state)
{
    (void) state;

    for (int i = 0; i < ROUNDS; i++) {
        struct heard opening = { 0 };
        pthread_t thread;

        fake.opens = false;
        begin_open(&opening);
        fake.opens = true;
        assert_int_equal(pthread_create(&thread, NULL, abort_channel, NULL),
            0);
        while (state_of() == WWS_CHANNEL_STATE_OPENING)
            continue;
        assert_int_equal(open_channel(), WWS_S_OK);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_heard(&opening, WWS_E_OPERATION_ABORTED);
        assert_int_equal(state_of(), WWS_CHANNEL_STATE_OPEN);
        assert_int_equal(close_channel(), WWS_S_OK);
        assert_int_equal(wwi_channel_reset(it.channel, NULL), WWS_S_OK);
    }
}

static void channel__that_cannot_open_is_as_created(void **state)
{
    (void) state;

    assert_int_equal(wwi_channel_open(it.channel, WWS_STR("bad"), NULL,
        it.error), WWS_E_INVALID_ENDPOINT_URL);

    assert_int_equal(state_of(), WWS_CHANNEL_STATE_CREATED);
    assert_int_equal(open_channel(), WWS_S_OK);
}

/* D22 is the proxy's; here each phase has its time. */
static void channel__opening_that_times_out_is_as_created(void **state)
{
    struct heard opening = { 0 };
    wws_completion completion = completion_of(&opening);

    (void) state;
    fake.opens = false;
    fake.ends[0].phase = WWS_PHASE_CONNECT;
    assert_int_equal(wwi_channel_set_property(it.channel,
        WWS_CHANNEL_PROPERTY_RESOLVE_TIMEOUT, 1000, NULL), WWS_S_OK);
    assert_int_equal(wwi_channel_open(it.channel, WWS_STR("good"),
        &completion, it.error), WWS_S_ASYNC);
    assert_true(reaches(&fake.ends[0].opened, 1));

    wwi_clock_move(1001);

    assert_heard(&opening, WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(state_of(), WWS_CHANNEL_STATE_CREATED);
    assert_true(reaches(&fake.ends[0].released, 1));
}

/* Failing. */

/* 1.1: FAULTED when it can be used no more, whether or not anything was under
 * way; FLT from then on (L3). */
static void channel__is_faulted_when_its_idle_session_fails(void **state)
{
    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);

    fail_end(&fake.ends[0], WWS_E_ENDPOINT_DISCONNECTED);
    await_loop();

    assert_int_equal(state_of(), WWS_CHANNEL_STATE_FAULTED);
    assert_int_equal(send_message(), WWS_E_OBJECT_FAULTED);
    assert_int_equal(wwi_channel_receive(it.channel, it.target,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, NULL), WWS_E_OBJECT_FAULTED);
    assert_int_equal(close_channel(), WWS_S_OK);
}

/* Nobody has looked at the state: what is done finds out. */
static void channel__sending_into_a_failed_session_is_refused(void **state)
{
    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);
    fail_end(&fake.ends[0], WWS_E_ENDPOINT_DISCONNECTED);
    await_loop();

    assert_int_equal(send_message(), WWS_E_OBJECT_FAULTED);

    assert_int_equal(wwi_channel_reset(it.channel, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(state_of(), WWS_CHANNEL_STATE_FAULTED);
}

static void channel__shutdown_of_a_failed_session_is_refused(void **state)
{
    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);
    fail_end(&fake.ends[0], WWS_E_ENDPOINT_DISCONNECTED);
    await_loop();

    assert_int_equal(wwi_channel_shutdown_session(it.channel, NULL, NULL),
        WWS_E_OBJECT_FAULTED);
}

/* 1.4: the receive that is pending hears why, and then it is faulted. */
static void channel__receive_hears_why_the_session_failed(void **state)
{
    struct heard receiving = { 0 };
    wws_completion completion = completion_of(&receiving);

    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);
    assert_int_equal(wwi_channel_receive(it.channel, it.target,
        WWS_RECEIVE_OPTION_OPTIONAL, &completion, it.error), WWS_S_ASYNC);

    fail_end(&fake.ends[0], WWS_E_ENDPOINT_DISCONNECTED);

    assert_heard(&receiving, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(state_of(), WWS_CHANNEL_STATE_FAULTED);
}

/* P6: an end in order faults nothing, and this side may go on. */
static void channel__end_of_the_peer_leaves_it_open(void **state)
{
    (void) state;
    fake.answers = false;
    assert_int_equal(open_channel(), WWS_S_OK);
    tell(&fake.ends[0], TELL_ENDED);

    assert_int_equal(wwi_channel_receive(it.channel, it.target,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, it.error), WWS_S_END);

    assert_int_equal(state_of(), WWS_CHANNEL_STATE_OPEN);
    assert_int_equal(send_message(), WWS_S_OK);
    assert_int_equal(close_channel(), WWS_S_OK);
    assert_int_equal(value_of(&fake.ends[0].shut), 1);
}

/* D9: none of it was sent, and the next one may be. */
static void channel__send_that_waits_too_long_changes_nothing(void **state)
{
    struct heard sending = { 0 };

    (void) state;
    open_and_begin_send(&sending);

    wwi_clock_move(30001);

    assert_heard(&sending, WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(state_of(), WWS_CHANNEL_STATE_OPEN);
    await_loop();
    assert_false(send_first(&fake.ends[0]));
}

/* Closing. */

static struct wwi_sending *begin_first(struct end *end)
{
    struct wwi_sending *sending = take_sending(end);

    assert_non_null(sending);
    assert_true(sending->begin(sending));
    return sending;
}

/* C3: a message that is cut off ends the session, and D9 for its time. */
static void channel__close_that_cuts_a_message_off_resets(void **state)
{
    struct heard sending = { 0 };
    const struct wwi_outcome lost = { .status = WWS_E_OPERATION_ABORTED };
    struct wwi_sending *begun;
    struct heard closing = { 0 };
    wws_completion closed = completion_of(&closing);

    (void) state;
    open_and_begin_send(&sending);
    begun = begin_first(&fake.ends[0]);

    assert_int_equal(wwi_channel_close(it.channel, &closed, NULL),
        WWS_S_ASYNC);

    assert_heard(&sending, WWS_E_OPERATION_ABORTED);
    assert_true(reaches(&fake.ends[0].aborted, 1));
    begun->done(begun, &lost);
    assert_heard(&closing, WWS_S_OK);
}

static void channel__send_that_is_cut_off_by_its_time_faults(void **state)
{
    struct heard sending = { 0 };
    const struct wwi_outcome lost = { .status = WWS_E_OPERATION_ABORTED };
    struct wwi_sending *begun;

    (void) state;
    open_and_begin_send(&sending);
    begun = begin_first(&fake.ends[0]);

    wwi_clock_move(30001);

    assert_heard(&sending, WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(state_of(), WWS_CHANNEL_STATE_FAULTED);
    begun->done(begun, &lost);
}

/* C2, G49: the peer does not end; CLOSED all the same. */
static void channel__close_waits_no_longer_than_its_time(void **state)
{
    struct heard closing = { 0 };
    wws_completion completion = completion_of(&closing);

    (void) state;
    fake.answers = false;
    assert_int_equal(open_channel(), WWS_S_OK);
    assert_int_equal(wwi_channel_close(it.channel, &completion, it.error),
        WWS_S_ASYNC);
    assert_true(reaches(&fake.ends[0].shut, 1));
    assert_int_equal(wwi_channel_close(it.channel, NULL, NULL),
        WWS_E_INVALID_OPERATION);

    wwi_clock_move(30001);

    assert_heard(&closing, WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(state_of(), WWS_CHANNEL_STATE_CLOSED);
    open_again();
}

/* C8, G14 */
static void channel__abort_ends_a_close_that_waits(void **state)
{
    struct heard closing = { 0 };

    (void) state;
    fake.answers = false;
    assert_int_equal(open_channel(), WWS_S_OK);
    begin_close(&closing);

    assert_int_equal(wwi_channel_abort(it.channel), WWS_S_OK);

    assert_heard(&closing, WWS_E_OPERATION_ABORTED);
    assert_int_equal(state_of(), WWS_CHANNEL_STATE_CLOSED);
    open_again();
}

/* C4, C5: a close is over when the session is, whatever it ends. */
static void channel__close_is_over_when_its_session_is(void **state)
{
    (void) state;

    assert_int_equal(open_channel(), WWS_S_OK);
    for (int i = 0; i < ROUNDS; i++) {
        struct heard receiving = { 0 };
        const struct end *end = &fake.ends[i % ENDS];

        begin_receive(&receiving);

        assert_int_equal(close_channel(), WWS_S_OK);

        assert_int_equal(value_of(&end->freed), 1);
        assert_heard(&receiving, WWS_E_OPERATION_ABORTED);
        assert_int_equal(value_of(&end->shut), 1);
        open_again();
    }
}

/* C5 */
static void channel__close_waits_for_a_callback(void **state)
{
    struct heard opening = { .held = true }, closing = { 0 };
    wws_completion opened = completion_of(&opening);
    wws_completion closed = completion_of(&closing);

    (void) state;
    assert_int_equal(wwi_channel_open(it.channel, WWS_STR("good"), &opened,
        NULL), WWS_S_ASYNC);
    assert_heard(&opening, WWS_S_OK);

    assert_int_equal(wwi_channel_close(it.channel, &closed, NULL),
        WWS_S_ASYNC);

    assert_true(reaches(&fake.ends[0].released, 1));
    await_loop();
    assert_int_equal(state_of(), WWS_CHANNEL_STATE_CLOSING);
    let_return(&opening);
    assert_heard(&closing, WWS_S_OK);
}

/* Without memory nothing waits, and nothing is lost. */
static void channel__closes_without_memory(void **state)
{
    wws_status status;

    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);

    wwi_memory_fail(1, 1);
    status = close_channel();
    wwi_memory_fail(0, 0);

    assert_int_equal(status, WWS_S_OK);
    assert_int_equal(state_of(), WWS_CHANNEL_STATE_CLOSED);
    assert_int_equal(value_of(&fake.ends[0].freed), 1);
}

static void channel__opens_or_fails_whichever_memory_is_missing(void **state)
{
    wws_status status = WWS_E_OUTOFMEMORY;

    (void) state;
    for (int n = 1; n < ALLOCATIONS && status == WWS_E_OUTOFMEMORY; n++) {
        wwi_memory_fail((uint64_t) n, 0);
        status = open_channel();
        wwi_memory_fail(0, 0);
        assert_int_equal(state_of(), status == WWS_S_OK
            ? WWS_CHANNEL_STATE_OPEN : WWS_CHANNEL_STATE_CREATED);
        await_loop();
    }

    assert_int_equal(status, WWS_S_OK);
    assert_int_equal(close_channel(), WWS_S_OK);
}

static void channel__sends_or_fails_whichever_memory_is_missing(void **state)
{
    wws_status status = WWS_E_OUTOFMEMORY;

    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);
    for (int n = 1; n < ALLOCATIONS && status == WWS_E_OUTOFMEMORY; n++) {
        struct wwi_message *message = new_request();

        wwi_memory_fail((uint64_t) n, 0);
        status = wwi_channel_send(it.channel, message, NULL, NULL);
        wwi_memory_fail(0, 0);
        assert_int_equal(state_of(), WWS_CHANNEL_STATE_OPEN);
        free_message(message);
    }

    assert_int_equal(status, WWS_S_OK);
}

/* D34: a close of its own would wait for the callback. */
struct inner {
    wws_status status;
    struct heard heard;
};

static void close_inside(wws_status status, void *state)
{
    struct inner *inner = state;

    inner->status = close_channel();
    completed(status, &inner->heard);
}

static void channel__refuses_to_wait_inside_its_callback(void **state)
{
    struct inner inner = { 0 };
    wws_completion completion = WWS_COMPLETION_INIT;

    (void) state;
    completion.state = &inner;
    completion.completed = close_inside;
    assert_int_equal(wwi_channel_open(it.channel, WWS_STR("good"),
        &completion, NULL), WWS_S_ASYNC);

    assert_heard(&inner.heard, WWS_S_OK);
    assert_int_equal(inner.status, WWS_E_INVALID_OPERATION);
    assert_int_equal(state_of(), WWS_CHANNEL_STATE_OPEN);
}

/* Freeing: D12, in each state; clean_up() looks for what is left. */

static void channel__freed_while_opening_leaves_nothing(void **state)
{
    struct heard opening = { 0 };

    (void) state;
    fake.opens = false;
    begin_open(&opening);

    free_channel();

    assert_heard(&opening, WWS_E_OPERATION_ABORTED);
    assert_true(reaches(&fake.ends[0].released, 1));
}

static void channel__freed_when_open_leaves_nothing(void **state)
{
    struct heard heard[2] = { { 0 }, { 0 } };
    wws_completion completions[] = {
        completion_of(&heard[0]), completion_of(&heard[1]),
    };

    (void) state;
    fake.sends = false;
    assert_int_equal(open_channel(), WWS_S_OK);
    assert_int_equal(wwi_channel_send(it.channel, it.message, &completions[0],
        NULL), WWS_S_ASYNC);
    assert_int_equal(wwi_channel_receive(it.channel, it.target,
        WWS_RECEIVE_OPTION_OPTIONAL, &completions[1], NULL), WWS_S_ASYNC);

    free_channel();

    assert_heard(&heard[0], WWS_E_OPERATION_ABORTED);
    assert_heard(&heard[1], WWS_E_OPERATION_ABORTED);
    assert_true(reaches(&fake.ends[0].released, 1));
}

static void channel__freed_while_closing_leaves_nothing(void **state)
{
    struct heard closing = { 0 };

    (void) state;
    fake.answers = false;
    assert_int_equal(open_channel(), WWS_S_OK);
    begin_close(&closing);

    free_channel();

    assert_heard(&closing, WWS_E_OPERATION_ABORTED);
    assert_true(reaches(&fake.ends[0].released, 1));
}

/* C6, D12: a message that is half written is its owner's again. */
static void channel__freed_gives_back_a_half_written_message(void **state)
{
    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);
    assert_int_equal(wwi_channel_write_message_start(it.channel, it.message,
        NULL, it.error), WWS_S_OK);

    free_channel();
    await_loop();

    assert_true(reaches(&fake.ends[0].released, 1));
}

static void channel__closed_gives_back_a_half_written_message(void **state)
{
    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);
    assert_int_equal(wwi_channel_write_message_start(it.channel, it.message,
        NULL, it.error), WWS_S_OK);

    assert_int_equal(close_channel(), WWS_S_OK);

    open_again();
    assert_int_equal(send_message(), WWS_S_OK);
}

/* The runtime ends first. */
static void channel__outlives_its_runtime(void **state)
{
    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);
    assert_true(wwi_runtime_end(it.runtime, wwi_clock_after(20000)));

    assert_int_equal(state_of(), WWS_CHANNEL_STATE_FAULTED);
    assert_int_equal(close_channel(), WWS_S_OK);

    assert_int_equal(wwi_channel_reset(it.channel, NULL), WWS_S_OK);
    assert_int_equal(open_channel(), WWS_E_OBJECT_FAULTED);
    assert_true(reaches(&fake.ends[0].released, 1));
}

/* What was to be sent and what was to be received is no reply. */

static uint64_t late_replies(void)
{
    return it.runtime->counters[WWS_COUNTER_LATE_REPLY_DROPPED];
}

static void abort_it(void)
{
    assert_int_equal(wwi_channel_abort(it.channel), WWS_S_OK);
}

static void channel__send_aborted_when_all_is_sent_drops_no_reply(void **state)
{
    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);
    fake.has_sent = abort_it;

    assert_int_equal(send_message(), WWS_E_OPERATION_ABORTED);

    assert_int_equal(value_of(&fake.ends[0].sent), 1);
    assert_int_equal(late_replies(), 0);
}

/* What arrived for a receive that was cancelled is for the next one. */
static void channel__cancelled_receive_loses_no_message(void **state)
{
    (void) state;
    assert_int_equal(open_channel(), WWS_S_OK);
    for (int i = 1; i <= ROUNDS; i++) {
        struct heard receiving = { 0 };

        begin_receive(&receiving);
        assert_true(reaches(&fake.ends[0].asked, i));

        arrive(&fake.ends[0], REPLY);
        assert_int_equal(wwi_channel_cancel_receive(it.channel), WWS_S_OK);

        assert_true(reaches(&receiving.times, 1));
        if (receiving.status != WWS_S_OK) {
            assert_int_equal(receiving.status, WWS_E_OPERATION_CANCELLED);
            assert_int_equal(wwi_channel_receive(it.channel, it.target,
                WWS_RECEIVE_OPTION_OPTIONAL, NULL, it.error), WWS_S_OK);
        }
        assert_int_equal(wwi_message_reset(it.target, NULL), WWS_S_OK);
    }
    assert_int_equal(late_replies(), 0);
}

#define unit(test) cmocka_unit_test_setup_teardown(test, set_up, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit(channel__opens_again_after_reset),
        unit(channel__aborted_before_opens_no_session),
        unit(channel__aborted_while_opening_can_open_at_once),
        unit(channel__overtaken_opening_leaves_the_next_alone),
#ifdef WWS_DEBUG
        unit(channel__closed_beside_a_receive_connects_no_more),
        unit(channel__that_breaks_beside_a_send_says_so),
        unit(channel__opened_again_before_an_opening_is_over),
#endif
        unit(channel__overtaken_opening_keeps_off_an_open_session),
        unit(channel__abort_ends_one_opening_only),
        unit(channel__that_cannot_open_is_as_created),
        unit(channel__opening_that_times_out_is_as_created),
        unit(channel__is_faulted_when_its_idle_session_fails),
        unit(channel__sending_into_a_failed_session_is_refused),
        unit(channel__shutdown_of_a_failed_session_is_refused),
        unit(channel__receive_hears_why_the_session_failed),
        unit(channel__end_of_the_peer_leaves_it_open),
        unit(channel__send_that_waits_too_long_changes_nothing),
        unit(channel__send_that_is_cut_off_by_its_time_faults),
        unit(channel__close_that_cuts_a_message_off_resets),
        unit(channel__close_waits_no_longer_than_its_time),
        unit(channel__abort_ends_a_close_that_waits),
        unit(channel__close_is_over_when_its_session_is),
        unit(channel__close_waits_for_a_callback),
        unit(channel__closes_without_memory),
        unit(channel__opens_or_fails_whichever_memory_is_missing),
        unit(channel__sends_or_fails_whichever_memory_is_missing),
        unit(channel__refuses_to_wait_inside_its_callback),
        unit(channel__freed_while_opening_leaves_nothing),
        unit(channel__freed_when_open_leaves_nothing),
        unit(channel__freed_while_closing_leaves_nothing),
        unit(channel__freed_gives_back_a_half_written_message),
        unit(channel__closed_gives_back_a_half_written_message),
        unit(channel__outlives_its_runtime),
        unit(channel__send_aborted_when_all_is_sent_drops_no_reply),
        unit(channel__cancelled_receive_loses_no_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
