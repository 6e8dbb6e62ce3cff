/* What can be stopped on a channel, and on a listener. */
#include "cases.h"

#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "patience.h"
#include "wire.h"

enum { LARGE = 16 << 20 /* more than sockets take without a reader */ };

static const wws_error none;

/* What is to be pending */

static bool create_channel(struct row *row, uint32_t max_message_size)
{
    wws_channel_options options = setting_channel(row->setting);

    if (max_message_size != 0)
        options.max_message_size = max_message_size;
    return row_done(row, "create a channel", wws_channel_create(
        row->stage->runtime, &options, &row->channel, none));
}

static bool open_channel(struct row *row)
{
    return create_channel(row, 0)
        && row_done(row, "open a channel", wws_channel_open(row->channel,
            remote_address(&row->stage->remote, row->mode), NULL, none));
}

/* Opens a channel that was created, with the puppet at the other end. */
static bool open_at_puppet(struct row *row)
{
    char url[URL_SIZE];
    struct op *op = op_open(row->mode, row->channel,
        setting_url(row->setting, url, row->puppet.ear.port));

    (void) op_begin(op);
    return puppet_is_greeted(&row->puppet) && puppet_greets(&row->puppet)
        && op_await(op) && row_done(row, "open a channel", op->status);
}

static bool create_messages(
    struct row *row,
    enum calc_operation operation,
    wws_bytes body)
{
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;
    wws_status status;

    options.envelope_version = row->setting->envelope_version;
    options.addressing_version = row->setting->addressing_version;
    status = wws_message_create(&options, &row->reply, none);
    if (status >= 0)
        status = wws_message_create(&options, &row->request, none);
    if (status >= 0)
        status = wws_message_initialize(row->request,
            WWS_MESSAGE_INITIALIZATION_REQUEST, (wws_message) { 0 }, none);
    if (status >= 0)
        status = wws_message_set_header(row->request, WWS_HEADER_ACTION,
            calc_action(operation), none);
    if (status >= 0)
        status = wws_message_set_body(row->request, body, none);
    return row_done(row, "create messages", status);
}

static bool start_receive(struct row *row)
{
    uint32_t key = row_new_key();
    char text[CALC_SIZE];
    wws_bytes body = calc_request(text, CALC_ADD_LATER, (long) key,
        VICTIM_ADDS);

    row->wanted.progress = row->setting->receiving;
    return open_channel(row)
        && create_messages(row, CALC_ADD_LATER, body)
        && row_done(row, "send a request", wws_channel_send(row->channel,
            row->request, NULL, none))
        && row_add_victim(row,
            op_receive(row->mode, row->channel, row->reply), key)
        && peer_await(&row->stage->remote.peer, NOTE_ENTERED, key, NULL);
}

static bool create_large_messages(struct row *row)
{
    static const char start[] = "<large xmlns=\"" CALC_NAMESPACE "\">";
    static const char end[] = "</large>";
    char *text = malloc(LARGE);
    bool created;

    if (text == NULL)
        return false;
    memset(text, 'x', LARGE);
    memcpy(text, start, sizeof start - 1);
    memcpy(text + LARGE - (sizeof end - 1), end, sizeof end - 1);
    created = create_messages(row, CALC_ADD, (wws_bytes) { text, LARGE });
    free(text);
    return created;
}

static bool open_puppet(struct row *row)
{
    row->puppet_is_open = puppet_open(&row->puppet, row->setting->script);
    return row->puppet_is_open;
}

static bool start_send(struct row *row)
{
    return open_puppet(row) && create_large_messages(row)
        && create_channel(row, 2 * LARGE) && open_at_puppet(row)
        && row_add_victim(row,
            op_send(row->mode, row->channel, row->request), 0)
        && puppet_hears(&row->puppet);
}

static bool start_open(struct row *row, uint16_t port)
{
    char url[URL_SIZE];

    return create_channel(row, 0)
        && row_add_victim(row, op_open(row->mode, row->channel,
            setting_url(row->setting, url, port)), 0);
}

/* An open that does no I/O leaves that to the first message. */
static bool start_first_message(struct row *row, uint16_t port)
{
    char text[CALC_SIZE], url[URL_SIZE];

    return create_messages(row, CALC_ADD, calc_request(text, CALC_ADD, 1, 2))
        && create_channel(row, 0)
        && row_done(row, "open a channel", wws_channel_open(row->channel,
            setting_url(row->setting, url, port), NULL, none))
        && row_add_victim(row, op_exchange(row->mode, row->channel,
            row->request, row->reply), 0);
}

static bool start_connect(struct row *row)
{
    uint16_t port;

    row->full_is_open = full_open(&row->full);
    port = row->full.ear.port;
    return row->full_is_open
        && (row->setting->sessions ? start_open(row, port)
            : start_first_message(row, port))
        && full_is_tried(&row->full);
}

static bool start_handshake(struct row *row)
{
    return open_puppet(row) && start_open(row, row->puppet.ear.port)
        && puppet_is_greeted(&row->puppet);
}

static bool start_close(struct row *row)
{
    return open_puppet(row) && create_channel(row, 0) && open_at_puppet(row)
        && row_add_victim(row, op_close(row->mode, row->channel), 0)
        && puppet_is_left(&row->puppet);
}

/* Of what nobody sends. */
static bool start_idle_receive(struct row *row)
{
    return open_puppet(row) && create_channel(row, 0) && open_at_puppet(row)
        && create_messages(row, CALC_ADD, (wws_bytes) { 0 })
        && row_add_victim(row,
            op_receive(row->mode, row->channel, row->reply), 0);
}

static bool is_accepting(void *about)
{
    return row_channel_state(about) == WWS_CHANNEL_STATE_ACCEPTING;
}

static bool start_accept(struct row *row)
{
    wws_listener_options options = setting_listener(row->setting);
    char url[URL_SIZE];

    return row_done(row, "create a listener", wws_listener_create(
            row->stage->runtime, &options, &row->listener, none))
        && row_done(row, "open a listener", wws_listener_open(row->listener,
            setting_url(row->setting, url, 0), NULL, none))
        && row_done(row, "create a channel", wws_channel_create_for_listener(
            row->listener, NULL, &row->channel, none))
        && row_add_victim(row,
            op_accept(row->mode, row->listener, row->channel), 0)
        && comes_true(is_accepting, row);
}

/* What stops it */

static void abort_channel(struct row *row)
{
    (void) row_done(row, "abort", wws_channel_abort(row->channel));
}

static void cancel_receive(struct row *row)
{
    (void) row_done(row, "cancel", wws_channel_cancel_receive(row->channel));
}

static void abort_listener(struct row *row)
{
    (void) row_done(row, "abort", wws_listener_abort(row->listener));
}

static void close_channel(struct row *row)
{
    row->closing = op_close(row->mode, row->channel);
    if (!op_begin(row->closing))
        row_wrong(row, "close does not wait for the other side");
}

/* What must hold afterwards */

/* Abort makes something else of each state. */
static void after_abort(struct row *row)
{
    static const wws_channel_state aborted[] = {
        [WWS_CHANNEL_STATE_OPENING] = WWS_CHANNEL_STATE_CREATED,
        [WWS_CHANNEL_STATE_OPEN] = WWS_CHANNEL_STATE_FAULTED,
        [WWS_CHANNEL_STATE_CLOSING] = WWS_CHANNEL_STATE_CLOSED,
    };

    expect_channel(row, aborted[row->channel_was]);
}

static void after_abort_of_receive(struct row *row)
{
    after_abort(row);
    expect_all_told(row);
}

static void expect_sum(
    struct row *row,
    enum calc_operation operation,
    long wanted)
{
    wws_bytes body = { 0 };
    long sum = 0;

    (void) row_done(row, "read the reply",
        wws_message_get_body(row->reply, &body, none));
    if (!calc_read_reply(body, operation, &sum) || sum != wanted)
        row_wrong(row, "the channel then answers %ld", sum);
}

/* What this one waited for comes to the next. */
static void receive_again(struct row *row)
{
    expect_not_told(row, row->keys[0]);
    if (row_done(row, "receive again", wws_channel_receive(row->channel,
        row->reply, WWS_RECEIVE_OPTION_OPTIONAL, NULL, none)))
        expect_sum(row, CALC_ADD_LATER, (long) row->keys[0] + VICTIM_ADDS);
}

static void use_again(struct row *row)
{
    char text[CALC_SIZE];

    (void) wws_message_free(row->request);
    (void) wws_message_free(row->reply);
    if (create_messages(row, CALC_ADD, calc_request(text, CALC_ADD, 3, 4))
        && row_done(row, "use the channel again", wws_channel_request_reply(
            row->channel, row->request, row->reply, NULL, none)))
        expect_sum(row, CALC_ADD, 7);
}

static void after_cancel_receive(struct row *row)
{
    expect_channel(row, WWS_CHANNEL_STATE_OPEN);
    if (row->setting->stop_resets)
        expect_all_told(row);
    else
        receive_again(row);
    use_again(row);
}

static void after_accept(struct row *row)
{
    wws_listener_state state = 0;

    (void) wws_listener_get_state(row->listener, &state, none);
    if (state != WWS_LISTENER_STATE_FAULTED)
        row_wrong(row, "the state of the listener is %u", state);
    expect_channel(row, WWS_CHANNEL_STATE_CREATED);
}

/* Both sides say that they have ended, and nothing is reset. */
static void after_close(struct row *row)
{
    if (!puppet_is_left(&row->puppet))
        row_wrong(row, "the other side does not hear of the end");
    expect_channel(row, WWS_CHANNEL_STATE_CLOSING);
    if (!puppet_leaves(&row->puppet) || !op_await(row->closing)
        || !row_done(row, "close", row->closing->status))
        row_wrong(row, "close does not end");
    expect_channel(row, WWS_CHANNEL_STATE_CLOSED);
    if (!puppet_is_alone(&row->puppet))
        row_wrong(row, "the connection is not closed in order");
}

static const struct cancel_case cases[] = {
    { "channel_abort", "pending receive",
      start_receive, abort_channel, after_abort_of_receive,
      .wanted = { WWS_E_OPERATION_ABORTED, WWS_PROGRESS_SENT,
        WWS_PHASE_WAIT } },
    { "channel_abort", "send to a peer that does not read",
      start_send, abort_channel, after_abort,
      .wanted = { WWS_E_OPERATION_ABORTED, WWS_PROGRESS_PARTLY_SENT,
        WWS_PHASE_SEND } },
    { "channel_abort", "phase connect",
      start_connect, abort_channel, after_abort,
      .wanted = { WWS_E_OPERATION_ABORTED, WWS_PROGRESS_NOT_SENT,
        WWS_PHASE_CONNECT } },
    { "channel_abort", "phase handshake",
      start_handshake, abort_channel, after_abort,
      .wanted = { WWS_E_OPERATION_ABORTED, WWS_PROGRESS_NOT_SENT,
        WWS_PHASE_HANDSHAKE },
      .sessions_only = true },
    { "channel_abort", "phase close",
      start_close, abort_channel, after_abort,
      .wanted = { WWS_E_OPERATION_ABORTED, WWS_PROGRESS_NOT_SENT,
        WWS_PHASE_CLOSE },
      .sessions_only = true },
    { "channel_close", "pending receive",
      start_idle_receive, close_channel, after_close,
      .wanted = { WWS_E_OPERATION_ABORTED, WWS_PROGRESS_NOT_SENT,
        WWS_PHASE_WAIT },
      .sessions_only = true },
    { "channel_cancel_receive", "pending receive",
      start_receive, cancel_receive, after_cancel_receive,
      .wanted = { WWS_E_OPERATION_CANCELLED, WWS_PROGRESS_SENT,
        WWS_PHASE_WAIT } },
    { "listener_abort", "pending accept",
      start_accept, abort_listener, after_accept,
      .wanted = { WWS_E_OPERATION_ABORTED, WWS_PROGRESS_NOT_SENT,
        WWS_PHASE_ACCEPT } },
};

const struct cases channel_cases = { cases, sizeof cases / sizeof cases[0] };
