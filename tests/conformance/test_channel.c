/* The life of a channel: every function in every state. */
#include "tests/conformance/channel_rig.h"
#include "tests/conformance/table.h"

static void client_begin(struct rig *rig, struct world *world)
{
    rig_begin(rig, world, false);
}

/* Its client, a bare socket, does not end a session unless told to. */
static void close_within(struct rig *rig, uint64_t ms)
{
    must(wws_channel_set_property(rig->talk.channel,
        WWS_CHANNEL_PROPERTY_CLOSE_TIMEOUT, ms, no_error) == WWS_S_OK);
}

/* What the peer does not end is closed soon all the same. */
static void server_begin(struct rig *rig, struct world *world)
{
    rig_begin(rig, world, true);
    close_within(rig, 20);
}

static void reach_server_ended_in_time(struct rig *rig)
{
    close_within(rig, HANG_MS);
    reach_server_ended(rig);
}

static void reach_server_closed_in_time(struct rig *rig)
{
    close_within(rig, HANG_MS);
    reach_server_closed(rig);
}

static void *subject_of(struct rig *rig)
{
    return &rig->talk;
}

static uint32_t state_of(const struct rig *rig)
{
    return channel_state(rig->talk.channel);
}

/* The functions that do not wait, in the form of those that do. */

static wws_status do_answer(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;
    struct talk talk = rig->talk;

    talk.reply = rig->answer;
    return start_send_reply(&talk, completion, error);
}

static wws_status do_cancel_receive(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    (void) completion;
    (void) error;
    return wws_channel_cancel_receive(talk->channel);
}

static wws_status do_abort(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    (void) completion;
    (void) error;
    return wws_channel_abort(talk->channel);
}

static wws_status do_reset(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    (void) completion;
    return wws_channel_reset(talk->channel, error);
}

static wws_status do_get_state(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;
    wws_channel_state unused;

    (void) completion;
    return wws_channel_get_state(talk->channel, &unused, error);
}

static wws_status do_write_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_write_message_start(talk->channel, talk->request,
        completion, error);
}

static wws_status do_require(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_receive(talk->channel, talk->reply,
        WWS_RECEIVE_OPTION_REQUIRED, completion, error);
}

static wws_status do_require_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_read_message_start(talk->channel, talk->reply,
        WWS_RECEIVE_OPTION_REQUIRED, completion, error);
}

static wws_status do_read_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_read_message_start(talk->channel, talk->reply,
        WWS_RECEIVE_OPTION_OPTIONAL, completion, error);
}

/* Of a message that is not the one being written, or being read. */

static wws_status do_write_body(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_write_body(talk->channel, talk->request,
        (wws_bytes) { "x", 1 }, completion, error);
}

static wws_status do_write_end(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_write_message_end(talk->channel, talk->request,
        completion, error);
}

static wws_status do_read_body(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    static wws_buffer unread;
    struct talk *talk = state;

    return wws_channel_read_body(talk->channel, talk->reply, &unread,
        completion, error);
}

static wws_status do_read_end(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_read_message_end(talk->channel, talk->reply, completion,
        error);
}

static wws_status do_abandon_message(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    (void) completion;
    return wws_channel_abandon_message(talk->channel, talk->request, error);
}

static wws_message_state message_state(wws_message message)
{
    wws_message_info info = WWS_MESSAGE_INFO_INIT;

    must(wws_message_get_info(message, &info, no_error) == WWS_S_OK);
    return info.state;
}

/* L2: what is refused has touched nothing. */
static bool messages_untouched(const struct rig *rig)
{
    return message_state(rig->request) == WWS_MESSAGE_STATE_INITIALIZED
        && message_state(rig->answer) == WWS_MESSAGE_STATE_INITIALIZED
        && message_state(rig->empty) == WWS_MESSAGE_STATE_EMPTY;
}

/* The tables of 1.1. */

/* There was to be a message, and there is none (D35). */
#define MISSING { WWS_E_INVALID_FORMAT, OPEN }

static const struct column client_columns[] = {
    { "created", CREATED, reach_created },
    { "created and aborted", CREATED, reach_latched },
    { "open", OPEN, reach_open },
    { "open and owed a reply", OPEN, reach_owed },
    { "faulted", FAULTED, reach_faulted },
    { "closing", CLOSING, reach_closing },
    { "closed", CLOSED, reach_closed },
};

static const struct row client_rows[] = {
    /* created  aborted  open  owed  faulted  closing  closed */
    { "open", start_open, true,
        { TO(OPEN), ABT, INV, INV, INV, INV, INV } },
    { "accept", start_accept, true,
        { ARG, ARG, ARG, ARG, ARG, ARG, ARG } },
    { "send", start_send, true,
        { INV, INV, OK, INV, FLT, INV, INV } },
    { "receive", start_receive, true,
        { INV, INV, INV, OK, FLT, INV, INV } },
    { "receive what is required", do_require, true,
        { INV, INV, INV, OK, FLT, INV, INV } },
    { "request-reply", start_request_reply, true,
        { INV, INV, OK, INV, FLT, INV, INV } },
    { "send reply", do_answer, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "write start", do_write_start, true,
        { INV, INV, OK, INV, FLT, INV, INV } },
    { "write body", do_write_body, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "write end", do_write_end, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "read start", do_read_start, true,
        { INV, INV, INV, OK, FLT, INV, INV } },
    { "read body", do_read_body, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "read end", do_read_end, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "abandon another message", do_abandon_message, false,
        { INV, INV, ARG, ARG, ARG, INV, INV } },
    { "shut down", start_shutdown, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "cancel receive", do_cancel_receive, false,
        { OK, OK, OK, OK, OK, OK, OK } },
    { "abort", do_abort, false,
        { OK, OK, TO(FAULTED), TO(FAULTED), OK, OK, OK } },
    { "close", start_close_channel, true,
        { TO(CLOSED), TO(CLOSED), TO(CLOSED), TO(CLOSED), TO(CLOSED), INV,
          OK } },
    { "reset", do_reset, false,
        { OK, OK, INV, INV, INV, INV, TO(CREATED) } },
    { "get state", do_get_state, false,
        { OK, OK, OK, OK, OK, OK, OK } },
};

static const struct column server_columns[] = {
    { "created", CREATED, reach_server_created },
    { "created and aborted", CREATED, reach_server_latched },
    { "accepting", ACCEPTING, reach_accepting },
    { "open", OPEN, reach_accepted },
    { "open and asked", OPEN, reach_asked },
    { "open and over", OPEN, reach_answered },
    { "faulted", FAULTED, reach_server_faulted },
    { "closing", CLOSING, reach_server_closing },
    { "closed", CLOSED, reach_server_closed_in_time },
};

static const struct row server_rows[] = {
    /* created  aborted  accepting  open  asked  over  faulted  closing
     * closed */
    { "open", start_open, true,
        { INV, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "accept", start_accept, true,
        { TO(OPEN), ABT, INV, INV, INV, INV, INV, INV, INV } },
    { "send", start_send, true,
        { INV, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "receive", start_receive, true,
        { INV, INV, INV, OK, END, END, FLT, INV, INV } },
    { "receive what is required", do_require, true,
        { INV, INV, INV, OK, MISSING, MISSING, FLT, INV, INV } },
    { "request-reply", start_request_reply, true,
        { INV, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "send reply", do_answer, true,
        { INV, INV, INV, INV, OK, INV, FLT, INV, INV } },
    { "shut down", start_shutdown, true,
        { INV, INV, INV, INV, INV, INV, FLT, INV, INV } },
    { "cancel receive", do_cancel_receive, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK } },
    { "abort", do_abort, false,
        { OK, OK, TO(CREATED), TO(FAULTED), TO(FAULTED), TO(FAULTED), OK, OK,
          OK } },
    { "close", start_close_channel, true,
        { TO(CLOSED), TO(CLOSED), INV, TO(CLOSED), TO(CLOSED), TO(CLOSED),
          TO(CLOSED), INV, OK } },
    { "reset", do_reset, false,
        { OK, OK, INV, INV, INV, INV, INV, INV, TO(CREATED) } },
    { "get state", do_get_state, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK } },
};

/* Over a session, where messages flow both ways.  A reply that cannot come any
 * more is no loss of the channel. */

#define STAYS { WWS_E_ENDPOINT_DISCONNECTED, OPEN }

static const struct column duplex_client_columns[] = {
    { "created", CREATED, reach_created },
    { "created and aborted", CREATED, reach_latched },
    { "opening", OPENING, reach_opening },
    { "open", OPEN, reach_open },
    { "open, with a message", OPEN, reach_owed },
    { "open and shut down", OPEN, reach_shut_down },
    { "open and ended", OPEN, reach_ended },
    { "faulted", FAULTED, reach_faulted },
    { "closing", CLOSING, reach_closing },
    { "waiting for the end", CLOSING, reach_ending },
    { "closed", CLOSED, reach_closed },
};

static const struct row duplex_client_rows[] = {
    /* created  aborted  opening  open  message  shut  ended  faulted  closing
     * ending  closed */
    { "open", start_open, true,
        { TO(OPEN), ABT, INV, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "accept", start_accept, true,
        { ARG, ARG, ARG, ARG, ARG, ARG, ARG, ARG, ARG, ARG, ARG } },
    { "send", start_send, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV, INV } },
    { "receive", start_receive, true,
        { INV, INV, INV, PENDS, OK, OK, END, FLT, INV, INV, INV } },
    { "receive what is required", do_require, true,
        { INV, INV, INV, PENDS, OK, OK, MISSING, FLT, INV, INV, INV } },
    { "request-reply", start_request_reply, true,
        { INV, INV, INV, OK, OK, INV, STAYS, FLT, INV, INV, INV } },
    { "send reply", do_answer, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV, INV } },
    { "write start", do_write_start, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV, INV } },
    { "write body", do_write_body, true,
        { INV, INV, INV, INV, INV, INV, INV, FLT, INV, INV, INV } },
    { "write end", do_write_end, true,
        { INV, INV, INV, INV, INV, INV, INV, FLT, INV, INV, INV } },
    { "read start", do_read_start, true,
        { INV, INV, INV, PENDS, OK, OK, END, FLT, INV, INV, INV } },
    { "read body", do_read_body, true,
        { INV, INV, INV, INV, INV, INV, INV, FLT, INV, INV, INV } },
    { "read end", do_read_end, true,
        { INV, INV, INV, INV, INV, INV, INV, FLT, INV, INV, INV } },
    { "abandon another message", do_abandon_message, false,
        { INV, INV, INV, ARG, ARG, ARG, ARG, ARG, INV, INV, INV } },
    { "shut down", start_shutdown, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV, INV } },
    { "cancel receive", do_cancel_receive, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK } },
    { "abort", do_abort, false,
        { OK, OK, TO(CREATED), TO(FAULTED), TO(FAULTED), TO(FAULTED),
          TO(FAULTED), OK, OK, TO(SOON), OK } },
    { "close", start_close_channel, true,
        { TO(CLOSED), TO(CLOSED), INV, TO(CLOSED), TO(CLOSED), TO(CLOSED),
          TO(CLOSED), TO(CLOSED), INV, INV, OK } },
    { "reset", do_reset, false,
        { OK, OK, INV, INV, INV, INV, INV, INV, INV, INV, TO(CREATED) } },
    { "get state", do_get_state, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK } },
};

static const struct column duplex_server_columns[] = {
    { "created", CREATED, reach_server_created },
    { "created and aborted", CREATED, reach_server_latched },
    { "accepting", ACCEPTING, reach_accepting },
    { "open, with a message", OPEN, reach_accepted },
    { "open", OPEN, reach_asked },
    { "open and shut down", OPEN, reach_server_shut_down },
    { "open and ended", OPEN, reach_server_ended_in_time },
    { "faulted", FAULTED, reach_server_faulted },
    { "closing", CLOSING, reach_server_closing },
    { "closed", CLOSED, reach_server_closed_in_time },
};

static const struct row duplex_server_rows[] = {
    /* created  aborted  accepting  message  open  shut  ended  faulted
     * closing  closed */
    { "open", start_open, true,
        { INV, INV, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "accept", start_accept, true,
        { TO(OPEN), ABT, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "send", start_send, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV } },
    { "receive", start_receive, true,
        { INV, INV, INV, OK, PENDS, OK, END, FLT, INV, INV } },
    { "receive what is required", do_require, true,
        { INV, INV, INV, OK, PENDS, OK, MISSING, FLT, INV, INV } },
    { "request-reply", start_request_reply, true,
        { INV, INV, INV, PENDS, PENDS, INV, STAYS, FLT, INV, INV } },
    { "send reply", do_answer, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV } },
    { "shut down", start_shutdown, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV } },
    { "cancel receive", do_cancel_receive, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK, OK } },
    { "abort", do_abort, false,
        { OK, OK, TO(CREATED), TO(FAULTED), TO(FAULTED), TO(FAULTED),
          TO(FAULTED), OK, OK, OK } },
    { "close", start_close_channel, true,
        { TO(CLOSED), TO(CLOSED), INV, TMO(CLOSED), TMO(CLOSED), TMO(CLOSED),
          TO(CLOSED), TO(CLOSED), INV, OK } },
    { "reset", do_reset, false,
        { OK, OK, INV, INV, INV, INV, INV, INV, INV, TO(CREATED) } },
    { "get state", do_get_state, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK, OK } },
};

#define OURS rig_end, subject_of, state_of, messages_untouched

static const struct table client_table =
    TABLE(client_columns, client_rows, client_begin, OURS);
static const struct table server_table =
    TABLE(server_columns, server_rows, server_begin, OURS);
static const struct table duplex_client_table =
    TABLE(duplex_client_columns, duplex_client_rows, client_begin, OURS);
static const struct table duplex_server_table =
    TABLE(duplex_server_columns, duplex_server_rows, server_begin, OURS);

static const struct table *client(void)
{
    return wire()->has_sessions ? &duplex_client_table : &client_table;
}

static const struct table *server(void)
{
    return wire()->has_sessions ? &duplex_server_table : &server_table;
}

/* T11, T15, TI4, L2, L3, G1, G6, G9 to G12, G25, G27, G90, G91, A1 to A5, C1,
 * C2, D1, D2, D4, D11, P1, P2, P6, P7, R5 */
static void client_channel__keeps_its_table_of_states(void **state)
{
    struct rig rig;

    table_walk(client(), *state, &rig);
}

/* T11, T15, TI4, L2, L3, G1, G6, G9 to G12, G25, G27, A1 to A5, C1, C2, D1, D2,
 * D4, D11, P1, P2, P6, P7 */
static void server_channel__keeps_its_table_of_states(void **state)
{
    struct rig rig;

    table_walk(server(), *state, &rig);
}

static void free_everywhere(const struct table *table, struct world *world)
{
    for (size_t i = 0; i < table->columns_count; i++) {
        struct rig rig;

        table->begin(&rig, world);
        table->columns[i].reach(&rig);
        assert_status(wws_channel_free(rig.talk.channel), WWS_S_OK);

        for (size_t k = 0; k < table->rows_count; k++)
            assert_status(table->rows[k].start(&rig.talk, NULL, no_error),
                WWS_E_HANDLE);
        assert_status(wws_channel_free(rig.talk.channel), WWS_E_HANDLE);
        assert_true(messages_untouched(&rig));
        table->end(&rig);
    }
}

/* D12, R2, E6: and the zero handle is nothing to free. */
static void channel__can_be_freed_in_every_state(void **state)
{
    free_everywhere(client(), *state);
    free_everywhere(server(), *state);
    assert_status(wws_channel_free((wws_channel) { 0 }), WWS_S_OK);
}

/* L1, L2: a wrong argument is found in every state, before that is looked at,
 * and changes nothing. */
static void channel__finds_bad_arguments_before_bad_states(void **state)
{
    wws_completion both = WWS_COMPLETION_INIT;
    wws_completion small = WWS_COMPLETION_INIT;

    small.struct_size = 8;
    for (size_t i = 0; i < client()->columns_count; i++) {
        const struct column *column = &client()->columns[i];
        struct talk talk;
        struct rig rig;

        rig_begin(&rig, *state, false);
        column->reach(&rig);
        talk = rig.talk;
        talk.request = (wws_message) { 0 };
        talk.reply = (wws_message) { 0 };
        assert_status(wws_channel_open(talk.channel, (wws_string) { NULL, 0 },
            NULL, no_error), WWS_E_INVALIDARG);
        assert_status(start_send(&talk, NULL, no_error), WWS_E_INVALIDARG);
        assert_status(start_receive(&talk, NULL, no_error), WWS_E_INVALIDARG);
        assert_status(start_send_reply(&talk, NULL, no_error),
            WWS_E_INVALIDARG);
        talk.request = rig.request;
        assert_status(start_request_reply(&talk, NULL, no_error),
            WWS_E_INVALIDARG);
        talk.reply = rig.request;
        assert_status(start_request_reply(&talk, NULL, no_error),
            WWS_E_INVALIDARG);
        talk.reply = rig.empty;
        assert_status(start_open(&talk, &small, no_error), WWS_E_INVALIDARG);
        assert_status(start_send(&talk, &both, no_error), WWS_E_INVALIDARG);
        assert_status(start_receive(&talk, &both, no_error), WWS_E_INVALIDARG);
        assert_status(start_open(&talk, &both, no_error), WWS_E_INVALIDARG);
        assert_status(start_close_channel(&talk, &both, no_error),
            WWS_E_INVALIDARG);
        assert_status(start_close_channel(&talk, &small, no_error),
            WWS_E_INVALIDARG);
        assert_status(wws_channel_get_state(talk.channel, NULL, no_error),
            WWS_E_INVALIDARG);

        assert_int_equal(channel_state(talk.channel), column->state);
        assert_true(messages_untouched(&rig));
        rig_end(&rig);
    }
}

/* L1, G4: no handle is a wrong argument, but for free. */
static void channel__functions_want_a_handle(void **state)
{
    struct rig rig;

    rig_begin(&rig, *state, false);
    assert_status(wws_channel_free(rig.talk.channel), WWS_S_OK);
    rig.talk.channel = (wws_channel) { 0 };
    for (size_t i = 0; i < client()->rows_count; i++)
        assert_status(client()->rows[i].start(&rig, NULL, no_error),
            WWS_E_INVALIDARG);
    rig_end(&rig);
}

/* L9, E2 */
static void channel__leaves_outputs_alone_when_it_fails(void **state)
{
    wws_channel_options options = channel_options();
    struct world *world = *state;
    wws_channel channel = { 77 };
    wws_channel_state value = 77;

    options.transport = 77;
    assert_status(wws_channel_create(world->runtime, &options, &channel,
        no_error), WWS_E_INVALIDARG);
    assert_status(wws_channel_create_for_listener((wws_listener) { 0 }, NULL,
        &channel, no_error), WWS_E_INVALIDARG);
    assert_int_equal(channel.id, 77);
    assert_status(wws_channel_get_state(channel, &value, no_error),
        WWS_E_HANDLE);
    assert_int_equal(value, 77);
}

/* P7, D35: who requires a message gets a failure where there is none, and the
 * channel is as it was; who does not gets WWS_S_END.  Nothing is given out, and
 * the next message may be received into the same object. */
static void channel_receive__fails_without_a_message_that_is_required(
    void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int starts = 0; starts < 2; starts++) {
            struct heard heard;
            struct talk talk;
            struct rig rig;

            rig_begin(&rig, *state, true);
            reach_asked(&rig);
            peer_end_session(rig.client);
            talk = rig.talk;
            hear(&heard, manner, starts ? do_require_start : do_require, &talk);
            assert_status(heard_wait(&heard), WWS_E_INVALID_FORMAT);
            assert_true(heard_says(&heard, "no further message"));
            assert_status(heard_end(&heard), WWS_E_INVALID_FORMAT);
            assert_int_equal(channel_state(talk.channel), OPEN);
            assert_true(messages_untouched(&rig));

            hear(&heard, manner, starts ? do_read_start : start_receive,
                &talk);
            assert_status(heard_end(&heard), WWS_S_END);
            assert_true(messages_untouched(&rig));
            rig_end(&rig);
        }
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(client_channel__keeps_its_table_of_states),
        in_world(server_channel__keeps_its_table_of_states),
        in_world(channel__can_be_freed_in_every_state),
        in_world(channel__finds_bad_arguments_before_bad_states),
        in_world(channel__functions_want_a_handle),
        in_world(channel__leaves_outputs_alone_when_it_fails),
        in_world(channel_receive__fails_without_a_message_that_is_required),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
