/* The life of a message: every function in every state. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const wws_error no_error;
static const wws_message no_message;
static const struct peer_script answers = {
    .reply = peer_reply,
    .again = true,
};

enum {
    EMPTY = WWS_MESSAGE_STATE_EMPTY,
    INITIALIZED = WWS_MESSAGE_STATE_INITIALIZED,
    READING = WWS_MESSAGE_STATE_READING,
    WRITING = WWS_MESSAGE_STATE_WRITING,
    DONE = WWS_MESSAGE_STATE_DONE,
    SAME,
};

/* A message, and others to send it to or receive it from. */
struct rig {
    struct world *world;
    struct peer peer;
    struct ear ear;
    int client;
    wws_channel asking;    /* open to the peer */
    wws_channel half;      /* likewise, for what is half written or read */
    wws_channel answering; /* has received a request of the client */
    wws_message request;
    wws_message empty;
    wws_message received;
    wws_message subject;
};

static wws_status receive_at(struct rig *rig)
{
    struct talk talk = {
        .listener = rig->ear.listener,
        .channel = rig->answering,
        .reply = rig->received,
    };

    rig->client = peer_connect(rig->ear.url);
    peer_request(rig->client, ACTION_ECHO, 0);
    must(start_accept(&talk, NULL, no_error) == WWS_S_OK);
    return start_receive(&talk, NULL, no_error);
}

static void rig_begin(struct rig *rig, struct world *world)
{
    *rig = (struct rig) { .world = world };
    peer_start(&rig->peer, &answers);
    ear_open(&rig->ear, world->runtime);
    rig->asking = new_client(world->runtime, rig->peer.url);
    rig->half = new_client(world->runtime, rig->peer.url);
    rig->answering = new_server(rig->ear.listener);
    rig->request = new_request(ACTION_ECHO, 0);
    rig->empty = new_empty();
    rig->received = new_empty();
    rig->subject = new_empty();
    must(receive_at(rig) == WWS_S_OK);
}

/* The subject may be freed already. */
static void rig_end(struct rig *rig)
{
    (void) wws_message_free(rig->subject);
    must(wws_message_free(rig->received) == WWS_S_OK);
    must(wws_message_free(rig->empty) == WWS_S_OK);
    must(wws_message_free(rig->request) == WWS_S_OK);
    must(wws_channel_free(rig->answering) == WWS_S_OK);
    must(wws_channel_free(rig->half) == WWS_S_OK);
    must(wws_channel_free(rig->asking) == WWS_S_OK);
    must(wws_listener_free(rig->ear.listener) == WWS_S_OK);
    peer_reset(rig->client);
    peer_stop(&rig->peer);
}

static wws_message_state message_state(wws_message message)
{
    wws_message_info info = WWS_MESSAGE_INFO_INIT;

    must(wws_message_get_info(message, &info, no_error) == WWS_S_OK);
    return info.state;
}

/* How the subject gets there. */

static void reach_empty(struct rig *rig)
{
    (void) rig;
}

static void reach_initialized(struct rig *rig)
{
    must(wws_message_free(rig->subject) == WWS_S_OK);
    rig->subject = new_reply(rig->received, 0);
}

static void reach_sent(struct rig *rig)
{
    struct talk talk = { .channel = rig->asking, .reply = rig->empty };

    reach_initialized(rig);
    talk.request = rig->subject;
    must(start_request_reply(&talk, NULL, no_error) == WWS_S_OK);
    must(wws_message_reset(rig->empty, no_error) == WWS_S_OK);
}

static void reach_received(struct rig *rig)
{
    struct talk talk = { .channel = rig->asking, .reply = rig->subject };

    talk.request = new_request(ACTION_ECHO, 0);
    must(start_request_reply(&talk, NULL, no_error) == WWS_S_OK);
    must(wws_message_free(talk.request) == WWS_S_OK);
}

static void reach_writing(struct rig *rig)
{
    reach_initialized(rig);
    must(wws_channel_write_message_start(rig->half, rig->subject, NULL,
        no_error) == WWS_S_OK);
}

static void reach_reading(struct rig *rig)
{
    wws_message request = new_request(ACTION_ECHO, 0);

    must(wws_channel_send(rig->half, request, NULL, no_error) == WWS_S_OK);
    must(wws_message_free(request) == WWS_S_OK);
    must(wws_channel_read_message_start(rig->half, rig->subject,
        WWS_RECEIVE_OPTION_REQUIRED, NULL, no_error) == WWS_S_OK);
}

/* The functions, all in the form of those that wait. */

#define FUNCTION(name, call)               \
    static wws_status name(                \
        void *state,                       \
        const wws_completion *completion,  \
        wws_error error)                   \
    {                                      \
        struct rig *rig = state;           \
                                           \
        (void) completion;                 \
        return call;                       \
    }

static wws_bytes element(void)
{
    return (wws_bytes) { CALL_BODY, sizeof CALL_BODY - 1 };
}

static const wws_fault *some_fault(void)
{
    static wws_fault fault = WWS_FAULT_INIT;

    fault.reason = WWS_STR("because");
    return &fault;
}

static wws_string string_out;
static wws_bytes bytes_out;
static wws_fault_info fault_out = WWS_FAULT_INFO_INIT;
static wws_header_info header_out = WWS_HEADER_INFO_INIT;
static wws_message_info info_out = WWS_MESSAGE_INFO_INIT;

FUNCTION(do_initialize, wws_message_initialize(rig->subject,
    WWS_MESSAGE_INITIALIZATION_REQUEST, no_message, error))
FUNCTION(do_answer, wws_message_initialize(rig->subject,
    WWS_MESSAGE_INITIALIZATION_REPLY, rig->received, error))
FUNCTION(do_be_answered, wws_message_initialize(rig->empty,
    WWS_MESSAGE_INITIALIZATION_REPLY, rig->subject, error))
FUNCTION(do_be_copied, wws_message_initialize(rig->empty,
    WWS_MESSAGE_INITIALIZATION_DUPLICATE, rig->subject, error))
FUNCTION(do_set_header, wws_message_set_header(rig->subject,
    WWS_HEADER_ACTION, WWS_STR("urn:a"), error))
FUNCTION(do_get_header, wws_message_get_header(rig->subject,
    WWS_HEADER_ACTION, &string_out, error))
FUNCTION(do_remove_header, wws_message_remove_header(rig->subject,
    WWS_HEADER_ACTION, error))
FUNCTION(do_add_custom, wws_message_add_custom_header(rig->subject,
    element(), false, error))
FUNCTION(do_get_custom, wws_message_get_custom_header(rig->subject,
    WWS_STR("none"), WWS_STR("urn:none"), 0, &bytes_out, NULL, error))
FUNCTION(do_get_custom_info, wws_message_get_custom_header_info(rig->subject,
    WWS_STR("none"), WWS_STR("urn:none"), 0, &header_out, error))
FUNCTION(do_mark_understood, wws_message_mark_header_understood(rig->subject,
    WWS_STR("none"), WWS_STR("urn:none"), 0, error))
FUNCTION(do_address, wws_message_address(rig->subject,
    WWS_STR("urn:to"), (wws_bytes) { 0 }, error))
FUNCTION(do_remove_custom, wws_message_remove_custom_header(rig->subject,
    WWS_STR("none"), WWS_STR("urn:none"), error))
FUNCTION(do_check_understood,
    wws_message_check_must_understand(rig->subject, error))
FUNCTION(do_add_mapped, wws_message_add_mapped_header(rig->subject,
    WWS_STR("X-One"), WWS_STR("1"), error))
FUNCTION(do_get_mapped, wws_message_get_mapped_header(rig->subject,
    WWS_STR("X-None"), &string_out, error))
FUNCTION(do_remove_mapped, wws_message_remove_mapped_header(rig->subject,
    WWS_STR("X-None"), error))
FUNCTION(do_set_body, wws_message_set_body(rig->subject, element(), error))
FUNCTION(do_get_body, wws_message_get_body(rig->subject, &bytes_out, error))
FUNCTION(do_set_fault,
    wws_message_set_fault(rig->subject, some_fault(), error))
FUNCTION(do_get_fault,
    wws_message_get_fault(rig->subject, &fault_out, error))
FUNCTION(do_get_info, wws_message_get_info(rig->subject, &info_out, error))
FUNCTION(do_reset, wws_message_reset(rig->subject, error))

static wws_status do_send(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_channel_send(rig->asking, rig->subject, completion, error);
}

static wws_status do_be_request(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_channel_request_reply(rig->asking, rig->subject, rig->empty,
        completion, error);
}

static wws_status do_be_reply(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_channel_request_reply(rig->asking, rig->request, rig->subject,
        completion, error);
}

static wws_status do_receive(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    must(wws_channel_send(rig->asking, rig->request, NULL, no_error)
        == WWS_S_OK);
    return wws_channel_receive(rig->asking, rig->subject,
        WWS_RECEIVE_OPTION_OPTIONAL, completion, error);
}

static wws_status do_send_reply(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_channel_send_reply(rig->answering, rig->subject, completion,
        error);
}

static wws_status do_write_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_channel_write_message_start(rig->asking, rig->subject,
        completion, error);
}

static wws_status do_write_body(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_channel_write_body(rig->half, rig->subject, element(),
        completion, error);
}

static wws_status do_write_end(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_channel_write_message_end(rig->half, rig->subject, completion,
        error);
}

static wws_status do_read_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    /* Perhaps for the second time. */
    (void) wws_channel_send(rig->asking, rig->request, NULL, no_error);
    return wws_channel_read_message_start(rig->asking, rig->subject,
        WWS_RECEIVE_OPTION_OPTIONAL, completion, error);
}

static wws_status do_read_body(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;
    wws_buffer piece = { 0 };
    wws_status status = wws_channel_read_body(rig->half, rig->subject, &piece,
        completion, error);

    wws_buffer_release(&piece);
    return status;
}

static wws_status do_read_end(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_channel_read_message_end(rig->half, rig->subject, completion,
        error);
}

FUNCTION(do_abandon, wws_channel_abandon_message(rig->half, rig->subject,
    error))

static wws_status call_with(
    struct rig *rig,
    wws_message headers,
    wws_message reply,
    const wws_completion *completion,
    wws_error error)
{
    struct call call = call_to(rig->world->proxy, ACTION_ECHO);

    call.options.request_headers = headers;
    call.options.reply = reply;
    return wws_service_proxy_call(call.proxy, text(call.action), call.body,
        &call.options, NULL, NULL, completion, error);
}

static wws_status do_lend_headers(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return call_with(rig, rig->subject, no_message, completion, error);
}

static wws_status do_take_reply(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return call_with(rig, no_message, rig->subject, completion, error);
}

/* The table of 5. */

struct cell {
    wws_status status;
    uint32_t after;
};

#define OK { WWS_S_OK, SAME }
#define END { WWS_S_END, SAME }
#define TO(state) { WWS_S_OK, state }
#define INV { WWS_E_INVALID_OPERATION, SAME }
#define ARG { WWS_E_INVALIDARG, SAME }

enum { COLUMNS = 6 };

static const struct {
    const char *name;
    wws_message_state state;
    void (*reach)(struct rig *rig);
} columns[COLUMNS] = {
    { "empty", EMPTY, reach_empty },
    { "initialized", INITIALIZED, reach_initialized },
    { "being written", WRITING, reach_writing },
    { "being read", READING, reach_reading },
    { "sent", DONE, reach_sent },
    { "received", DONE, reach_received },
};

static const struct {
    const char *name;
    start_fn start;
    bool waits; /* has three forms */
    struct cell cells[COLUMNS];
} rows[] = {
    /* empty  initialized  writing  reading  sent  received */
    { "initialize", do_initialize, false,
        { TO(INITIALIZED), INV, INV, INV, INV, INV } },
    { "initialize as a reply", do_answer, false,
        { TO(INITIALIZED), INV, INV, INV, INV, INV } },
    { "be answered", do_be_answered, false, { INV, OK, OK, OK, OK, OK } },
    { "be copied", do_be_copied, false, { INV, OK, OK, OK, OK, OK } },
    { "set header", do_set_header, false, { INV, OK, OK, OK, OK, OK } },
    { "get header", do_get_header, false, { INV, OK, OK, OK, OK, OK } },
    { "remove header", do_remove_header, false, { INV, OK, OK, OK, OK, OK } },
    { "add custom header", do_add_custom, false, { INV, OK, OK, OK, OK, OK } },
    { "get custom header", do_get_custom, false,
        { INV, END, END, END, END, END } },
    { "get custom header info", do_get_custom_info, false,
        { INV, END, END, END, END, END } },
    { "mark header understood", do_mark_understood, false,
        { INV, END, END, END, END, END } },
    { "address", do_address, false, { INV, INV, INV, INV, INV, INV } },
    { "remove custom header", do_remove_custom, false,
        { INV, END, END, END, END, END } },
    { "check must understand", do_check_understood, false,
        { INV, OK, OK, OK, OK, OK } },
    { "add mapped header", do_add_mapped, false, { INV, OK, OK, OK, OK, OK } },
    { "get mapped header", do_get_mapped, false,
        { INV, END, END, END, END, END } },
    { "remove mapped header", do_remove_mapped, false,
        { INV, END, END, END, END, END } },
    { "set body", do_set_body, false, { INV, OK, INV, INV, INV, INV } },
    { "get body", do_get_body, false, { INV, OK, OK, OK, OK, OK } },
    { "set fault", do_set_fault, false, { INV, OK, INV, INV, INV, INV } },
    { "get fault", do_get_fault, false, { INV, END, END, END, END, END } },
    { "get info", do_get_info, false, { OK, OK, OK, OK, OK, OK } },
    { "send", do_send, true, { INV, TO(DONE), INV, INV, INV, INV } },
    { "be a request", do_be_request, true,
        { INV, TO(DONE), INV, INV, INV, INV } },
    { "be a reply", do_be_reply, true, { TO(DONE), INV, INV, INV, INV, INV } },
    { "receive", do_receive, true, { TO(DONE), INV, INV, INV, INV, INV } },
    { "send reply", do_send_reply, true,
        { INV, TO(DONE), INV, INV, INV, INV } },
    { "write start", do_write_start, true,
        { INV, TO(WRITING), INV, INV, INV, INV } },
    { "write body", do_write_body, true, { INV, INV, OK, INV, INV, INV } },
    { "write end", do_write_end, true, { INV, INV, TO(DONE), INV, INV, INV } },
    { "read start", do_read_start, true,
        { TO(READING), INV, INV, INV, INV, INV } },
    { "read body", do_read_body, false, { INV, INV, INV, OK, INV, INV } },
    { "read end", do_read_end, true, { INV, INV, INV, TO(DONE), INV, INV } },
    { "abandon", do_abandon, false,
        { ARG, ARG, TO(DONE), TO(DONE), ARG, ARG } },
    { "lend headers to a call", do_lend_headers, true,
        { INV, OK, OK, OK, OK, OK } },
    { "take the reply of a call", do_take_reply, true,
        { TO(DONE), INV, INV, INV, INV, INV } },
    { "reset", do_reset, false,
        { OK, TO(EMPTY), TO(EMPTY), TO(EMPTY), TO(EMPTY), TO(EMPTY) } },
};

/* What is refused sends nothing and is refused at once (L2). */
static bool cell_holds(struct rig *rig, size_t i, size_t k, enum manner manner)
{
    const struct cell *cell = &rows[k].cells[i];
    uint32_t after = cell->after == SAME ? columns[i].state : cell->after;
    uint64_t calls = counter(rig->world, WWS_COUNTER_OPERATIONS);
    struct heard heard;
    wws_status status;

    must(message_state(rig->subject) == columns[i].state);
    hear(&heard, manner, rows[k].start, rig);
    status = heard_end(&heard);
    if (status == cell->status && message_state(rig->subject) == after
        && (status >= 0 || manner == SYNC || heard.returned == status)
        && (status >= 0
            || counter(rig->world, WWS_COUNTER_OPERATIONS) == calls))
        return true;
    print_error("%s (%s) when %s: %s, then %u; wanted %s, then %u\n",
        rows[k].name, manner_name(manner), columns[i].name,
        wws_status_name(status), (unsigned) message_state(rig->subject),
        wws_status_name(cell->status), (unsigned) after);
    return false;
}

/* T5, L2, M3, A1 to A5 */
static void message__keeps_its_table_of_states(void **state)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < COLUMNS; i++)
        for (size_t k = 0; k < COUNT(rows); k++)
            for (int manner = 0; manner < (rows[k].waits ? MANNERS : 1);
                 manner++) {
                struct rig rig;

                rig_begin(&rig, *state);
                columns[i].reach(&rig);
                wrong += !cell_holds(&rig, i, k, manner);
                rig_end(&rig);
            }
    assert_int_equal(wrong, 0);
}

static const struct peer_script malformed = {
    .reply = "HTTP/1.1 200 OK\r\n"
        "Content-Type: application/soap+xml; charset=utf-8\r\n"
        "Content-Length: 2\r\n\r\n<a",
    .again = true,
};
static const struct peer_script silent = { .reply = NULL };

static wws_status receive_from(
    struct rig *rig,
    uint32_t timeout_ms,
    bool starts)
{
    wws_message request = new_request(ACTION_ECHO, 0);

    must(wws_channel_set_property(rig->half,
        WWS_CHANNEL_PROPERTY_RECEIVE_RESPONSE_TIMEOUT, timeout_ms, no_error)
        == WWS_S_OK);
    must(wws_channel_send(rig->half, request, NULL, no_error) == WWS_S_OK);
    must(wws_message_free(request) == WWS_S_OK);
    return starts ? wws_channel_read_message_start(rig->half, rig->subject,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, no_error)
        : wws_channel_receive(rig->half, rig->subject,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, no_error);
}

/* D37: a message that came and cannot be read is done; it stays empty if only
 * its start was to be read, and if none came.  The channel goes on. */
static void message__that_cannot_be_read_is_done(void **state)
{
    for (int came = 0; came < 2; came++)
        for (int starts = 0; starts < 2; starts++) {
            struct world *world = *state;
            struct peer peer;
            struct rig rig;

            rig_begin(&rig, world);
            peer_start(&peer, came ? &malformed : &silent);
            must(wws_channel_free(rig.half) == WWS_S_OK);
            rig.half = new_client(world->runtime, peer.url);
            for (int i = 0; i < 2; i++) {
                assert_status(receive_from(&rig, came ? HANG_MS : 30, starts),
                    came ? WWS_E_INVALID_FORMAT : WWS_E_OPERATION_TIMED_OUT);
                assert_int_equal(message_state(rig.subject),
                    came && !starts ? DONE : EMPTY);
                assert_int_equal(channel_state(rig.half),
                    WWS_CHANNEL_STATE_OPEN);
                assert_status(wws_message_reset(rig.subject, no_error),
                    WWS_S_OK);
            }
            rig_end(&rig);
            peer_stop(&peer);
        }
}

/* D12, R2, E6: and the zero handle is nothing to free. */
static void message__can_be_freed_in_every_state(void **state)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        struct rig rig;

        rig_begin(&rig, *state);
        columns[i].reach(&rig);
        assert_status(wws_message_free(rig.subject), WWS_S_OK);

        for (size_t k = 0; k < COUNT(rows); k++)
            assert_status(rows[k].start(&rig, NULL, no_error), WWS_E_HANDLE);
        assert_status(wws_message_free(rig.subject), WWS_E_HANDLE);
        rig_end(&rig);
    }
    assert_status(wws_message_free(no_message), WWS_S_OK);
}

/* L1, M2 */
static void message__finds_bad_arguments_before_bad_states(void **state)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        wws_message message;
        struct rig rig;

        rig_begin(&rig, *state);
        columns[i].reach(&rig);
        message = rig.subject;
        assert_status(wws_message_initialize(message, 77, no_message,
            no_error), WWS_E_INVALIDARG);
        assert_status(wws_message_initialize(message,
            WWS_MESSAGE_INITIALIZATION_REPLY, no_message, no_error),
            WWS_E_INVALIDARG);
        assert_status(wws_message_initialize(message,
            WWS_MESSAGE_INITIALIZATION_REQUEST, rig.received, no_error),
            WWS_E_INVALIDARG);
        assert_status(wws_message_set_header(message, 77, WWS_STR("urn:a"),
            no_error), WWS_E_INVALIDARG);
        assert_status(wws_message_get_header(message, WWS_HEADER_TO, NULL,
            no_error), WWS_E_INVALIDARG);
        assert_status(wws_message_get_body(message, NULL, no_error),
            WWS_E_INVALIDARG);
        assert_status(wws_message_set_fault(message, NULL, no_error),
            WWS_E_INVALIDARG);
        assert_status(wws_message_get_info(message, NULL, no_error),
            WWS_E_INVALIDARG);

        assert_int_equal(message_state(message), columns[i].state);
        rig_end(&rig);
    }
}

/* L9, E2 */
static void message__leaves_outputs_alone_when_it_fails(void **state)
{
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;
    wws_message message = { 77 };
    wws_string string = { "before", 6 };
    wws_bytes bytes = { "before", 6 };

    (void) state;
    options.envelope_version = 77;
    assert_status(wws_message_create(&options, &message, no_error),
        WWS_E_INVALIDARG);
    assert_int_equal(message.id, 77);

    message = new_empty();
    assert_status(wws_message_get_header(message, WWS_HEADER_ACTION, &string,
        no_error), WWS_E_INVALID_OPERATION);
    assert_status(wws_message_get_body(message, &bytes, no_error),
        WWS_E_INVALID_OPERATION);
    assert_string_equal(string.data, "before");
    assert_string_equal(bytes.data, "before");
    assert_status(wws_message_free(message), WWS_S_OK);
}

/* M5: the versions are known from the start. */
static void message__knows_its_versions_while_it_is_empty(void **state)
{
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;
    wws_message_info info = WWS_MESSAGE_INFO_INIT;
    wws_message message;

    (void) state;
    options.envelope_version = WWS_ENVELOPE_VERSION_SOAP_1_1;
    options.addressing_version = WWS_ADDRESSING_VERSION_0_9;
    assert_status(wws_message_create(&options, &message, no_error), WWS_S_OK);
    assert_status(wws_message_get_info(message, &info, no_error), WWS_S_OK);
    assert_int_equal(info.state, EMPTY);
    assert_int_equal(info.envelope_version, WWS_ENVELOPE_VERSION_SOAP_1_1);
    assert_int_equal(info.addressing_version, WWS_ADDRESSING_VERSION_0_9);
    assert_status(wws_message_free(message), WWS_S_OK);
}

/* T5, M2: what was made to ask does not answer; it is not sent, and can still
 * be. */
static void message__answers_only_as_a_reply_or_a_fault(void **state)
{
    static const struct {
        wws_message_initialization initialization;
        bool of_received;
        wws_status status;
    } kinds[] = {
        { WWS_MESSAGE_INITIALIZATION_BLANK, false, WWS_E_INVALID_OPERATION },
        { WWS_MESSAGE_INITIALIZATION_REQUEST, false, WWS_E_INVALID_OPERATION },
        { WWS_MESSAGE_INITIALIZATION_DUPLICATE, true,
            WWS_E_INVALID_OPERATION },
        { WWS_MESSAGE_INITIALIZATION_REPLY, true, WWS_S_OK },
        { WWS_MESSAGE_INITIALIZATION_FAULT, true, WWS_S_OK },
    };

    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct rig rig;

        rig_begin(&rig, *state);
        assert_status(wws_message_initialize(rig.subject,
            kinds[i].initialization, kinds[i].of_received ? rig.received
            : no_message, no_error), WWS_S_OK);
        assert_status(do_set_header(&rig, NULL, no_error), WWS_S_OK);
        if (kinds[i].initialization == WWS_MESSAGE_INITIALIZATION_FAULT)
            assert_status(do_set_fault(&rig, NULL, no_error), WWS_S_OK);
        assert_status(do_send_reply(&rig, NULL, no_error), kinds[i].status);
        if (kinds[i].status < 0) {
            assert_int_equal(message_state(rig.subject), INITIALIZED);
            assert_status(do_send(&rig, NULL, no_error), WWS_S_OK);
        }
        rig_end(&rig);
    }
}

/* T5, M3, M9: once it is reset, through any channel. */
static void message__can_be_used_again_when_it_is_reset(void **state)
{
    struct rig rig;

    rig_begin(&rig, *state);
    for (int i = 0; i < 3; i++) {
        wws_channel other = new_client(rig.world->runtime, rig.world->url);
        struct talk talk = { .channel = i == 1 ? other : rig.asking };

        assert_status(do_initialize(&rig, NULL, no_error), WWS_S_OK);
        assert_status(do_set_header(&rig, NULL, no_error), WWS_S_OK);
        talk.request = rig.subject;
        talk.reply = rig.empty;
        assert_status(start_request_reply(&talk, NULL, no_error), WWS_S_OK);
        assert_status(wws_message_reset(rig.subject, no_error), WWS_S_OK);
        assert_status(wws_message_reset(rig.empty, no_error), WWS_S_OK);
        assert_status(wws_channel_free(other), WWS_S_OK);
    }
    rig_end(&rig);
}

/* T5, D37: whatever comes of it. */
static void message__that_is_sent_is_done_even_if_it_fails(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct talk talk = {
            .channel = new_client(world->runtime, "http://127.0.0.1:1/"),
            .request = new_request(ACTION_ECHO, 0),
            .reply = new_empty(),
        };
        struct heard heard;

        hear(&heard, manner, start_request_reply, &talk);
        assert_status(heard_end(&heard), WWS_E_ENDPOINT_NOT_FOUND);
        assert_int_equal(message_state(talk.request), DONE);
        assert_int_equal(message_state(talk.reply), EMPTY);
        assert_status(wws_channel_free(talk.channel), WWS_S_OK);
        assert_status(wws_message_free(talk.request), WWS_S_OK);
        assert_status(wws_message_free(talk.reply), WWS_S_OK);
    }
}

/* L2: what takes no reply is refused before the server hears of it. */
static void message__of_another_version_takes_no_reply(void **state)
{
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;
    struct world *world = *state;
    struct rig rig;

    options.envelope_version = WWS_ENVELOPE_VERSION_SOAP_1_1;
    rig_begin(&rig, world);
    assert_status(wws_message_free(rig.subject), WWS_S_OK);
    assert_status(wws_message_create(&options, &rig.subject, no_error),
        WWS_S_OK);
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;

        hear(&heard, manner, do_take_reply, &rig);
        assert_status(heard_end(&heard), WWS_E_INVALID_OPERATION);
        hear(&heard, manner, do_be_reply, &rig);
        assert_status(heard_end(&heard), WWS_E_INVALID_OPERATION);
    }
    assert_int_equal(counter(world, WWS_COUNTER_OPERATIONS), 0);
    assert_int_equal(peer_read(&rig.peer, &rig.peer.accepted), 0);
    assert_int_equal(message_state(rig.request), INITIALIZED);
    assert_int_equal(message_state(rig.subject), EMPTY);
    rig_end(&rig);
}

/* What was not received leaves no trace in what is. */
static void message__has_nothing_of_a_reply_that_was_refused(void **state)
{
    static const struct peer_script nonsense = {
        .reply = "HTTP/1.1 200 OK\r\nX-Bad: 1\r\nContent-Length: 3\r\n"
            "Content-Type: application/soap+xml; charset=utf-8\r\n\r\n<a>",
    };
    struct world *world = *state;
    struct peer peer;
    struct rig rig;
    wws_channel bad;

    rig_begin(&rig, world);
    peer_start(&peer, &nonsense);
    bad = new_client(world->runtime, peer.url);
    assert_status(wws_channel_request_reply(bad, rig.request, rig.subject,
        NULL, no_error), WWS_E_INVALID_FORMAT);
    if (message_state(rig.subject) != EMPTY)
        assert_status(do_reset(&rig, NULL, no_error), WWS_S_OK);
    reach_received(&rig);
    assert_status(wws_message_get_mapped_header(rig.subject, WWS_STR("X-Bad"),
        &string_out, no_error), WWS_S_END);
    assert_status(wws_channel_free(bad), WWS_S_OK);
    rig_end(&rig);
    peer_stop(&peer);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(message__keeps_its_table_of_states),
        in_world(message__that_cannot_be_read_is_done),
        in_world(message__can_be_freed_in_every_state),
        in_world(message__finds_bad_arguments_before_bad_states),
        in_world(message__leaves_outputs_alone_when_it_fails),
        in_world(message__knows_its_versions_while_it_is_empty),
        in_world(message__answers_only_as_a_reply_or_a_fault),
        in_world(message__can_be_used_again_when_it_is_reset),
        in_world(message__that_is_sent_is_done_even_if_it_fails),
        in_world(message__of_another_version_takes_no_reply),
        in_world(message__has_nothing_of_a_reply_that_was_refused),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
