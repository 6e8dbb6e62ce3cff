/* Everything that can stop a pending operation: the table is at the end. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patience.h"

enum {
    CALL_TIMEOUT_MS = 250,
    VICTIM_ADDS = 5,
    VICTIM_GROUP = 7,
    LARGE = 16 << 20, /* more than sockets take without a reader */
};

static const wws_error none;

/* What is to be pending */

/* One that the host holds back. */
static bool start_call(
    struct row *row,
    wws_service_proxy proxy,
    struct peer *peer)
{
    uint32_t key = row_new_key();
    struct op *op = op_call(row->mode, proxy, CALC_ADD_LATER, (long) key,
        VICTIM_ADDS);

    op->options.call_id = VICTIM_GROUP;
    return row_add_victim(row, op, key)
        && peer_await(peer, NOTE_ENTERED, key, NULL);
}

/* The neighbours are the other two. */
static bool start_one_of_three(struct row *row)
{
    return start_call(row, row->side, &row->stage->remote.peer);
}

static bool start_three_calls(struct row *row)
{
    bool pending = true;

    row->proxy = row_open_proxy(row, &row->stage->remote, 0);
    for (unsigned i = 0; i < MOST_VICTIMS && pending; i++)
        pending = start_call(row, row->proxy, &row->stage->remote.peer);
    return pending;
}

static bool start_call_at_own_host(struct row *row)
{
    if (!remote_start(&row->own, row->setting))
        return false;
    row->proxy = row_open_proxy(row, &row->own, 0);
    return start_call(row, row->proxy, &row->own.peer);
}

static bool start_client(struct row *row)
{
    char setting[16], mode[16], key[16];
    const char *const arguments[] = { "wws-demo", "client", setting, mode,
        row->stage->remote.addresses[row->mode], key, NULL };

    row->keys[0] = row_new_key();
    snprintf(setting, sizeof setting, "%d", (int) (row->setting - settings));
    snprintf(mode, sizeof mode, "%d", (int) row->mode);
    snprintf(key, sizeof key, "%u", row->keys[0]);
    return peer_start(&row->client, arguments)
        && peer_await(&row->stage->remote.peer, NOTE_ENTERED, row->keys[0],
            NULL);
}

static bool open_channel(
    struct row *row,
    wws_string address,
    uint32_t max_message_size)
{
    wws_channel_options options = setting_channel(row->setting);

    if (max_message_size != 0)
        options.max_message_size = max_message_size;
    return row_done(row, "create a channel", wws_channel_create(
            row->stage->runtime, &options, &row->channel, none))
        && row_done(row, "open a channel", wws_channel_open(row->channel,
            address, NULL, none));
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

    return open_channel(row, remote_address(&row->stage->remote, row->mode), 0)
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

static wws_string port_address(char *text, size_t size, uint16_t port)
{
    int used = snprintf(text, size, "http://127.0.0.1:%u/", port);

    return (wws_string) { text, (size_t) used };
}

static bool start_send(struct row *row)
{
    char text[64];

    row->deaf_is_open = deaf_open(&row->deaf);
    return row->deaf_is_open && create_large_messages(row)
        && open_channel(row,
            port_address(text, sizeof text, row->deaf.ear.port), 2 * LARGE)
        && row_add_victim(row,
            op_send(row->mode, row->channel, row->request), 0)
        && deaf_hears(&row->deaf);
}

static bool start_connect(struct row *row)
{
    char text[CALC_SIZE], address[64];

    row->full_is_open = full_open(&row->full);
    return row->full_is_open
        && create_messages(row, CALC_ADD, calc_request(text, CALC_ADD, 1, 2))
        && open_channel(row,
            port_address(address, sizeof address, row->full.ear.port), 0)
        && row_add_victim(row, op_exchange(row->mode, row->channel,
            row->request, row->reply), 0)
        && full_is_tried(&row->full);
}

static wws_channel_state channel_state(const struct row *row)
{
    wws_channel_state state = 0;

    (void) wws_channel_get_state(row->channel, &state, none);
    return state;
}

static bool is_accepting(void *about)
{
    return channel_state(about) == WWS_CHANNEL_STATE_ACCEPTING;
}

static bool start_accept(struct row *row)
{
    wws_listener_options options = setting_listener(row->setting);
    wws_string address = { row->setting->listen_url,
        strlen(row->setting->listen_url) };

    return row_done(row, "create a listener", wws_listener_create(
            row->stage->runtime, &options, &row->listener, none))
        && row_done(row, "open a listener", wws_listener_open(row->listener,
            address, NULL, none))
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

static void abort_proxy(struct row *row)
{
    (void) row_done(row, "abort", wws_service_proxy_abort(row->proxy));
}

static uint64_t counter(const struct row *row, wws_counter which)
{
    uint64_t value = 0;

    (void) wws_runtime_get_counter(row->stage->runtime, which, &value, none);
    return value;
}

static void abandon_call(struct row *row)
{
    row->connections = counter(row, WWS_COUNTER_CONNECTIONS_OPENED);
    row->late_replies = counter(row, WWS_COUNTER_LATE_REPLY_DROPPED);
    row->stopped_ns = now_ns();
    (void) row_done(row, "abandon", wws_service_proxy_abandon_call(row->side,
        VICTIM_GROUP, none));
}

static void cancel_call(struct row *row)
{
    (void) row_done(row, "cancel", wws_call_cancel(row->victims[0]->call));
}

/* Time is counted from the start of the call. */
static void let_time_pass(struct row *row)
{
    row->stopped_ns = row->begun_ns + CALL_TIMEOUT_MS * INT64_C(1000000);
}

static void abort_host(struct row *row)
{
    struct note note;

    if (!peer_tell(&row->own.peer, NOTE_ABORT, 0)
        || !peer_await(&row->own.peer, NOTE_ABORTED, 0, &note)) {
        row_wrong(row, "the host does not abort");
        return;
    }
    row->stopped_ns = note.at_ns;
    if (note.value != WWS_SERVICE_HOST_STATE_FAULTED)
        row_wrong(row, "the state of the host is %d", (int) note.value);
}

static void kill_client(struct row *row)
{
    peer_kill(&row->client);
}

/* What must hold afterwards */

static void expect_channel(struct row *row, wws_channel_state wanted)
{
    wws_channel_state state = channel_state(row);

    if (state != wanted)
        row_wrong(row, "the state of the channel is %u, not %u", state,
            wanted);
}

static void expect_proxy(
    struct row *row,
    wws_service_proxy proxy,
    wws_service_proxy_state wanted)
{
    wws_service_proxy_state state = 0;

    (void) wws_service_proxy_get_state(proxy, &state, none);
    if (state != wanted)
        row_wrong(row, "the state of the proxy is %u, not %u", state, wanted);
}

/* The operation at the host was told once, and its state freed once. */
static bool expect_told(
    struct row *row,
    struct peer *peer,
    uint32_t key,
    wws_cancel_reason reason,
    struct note *note)
{
    if (!peer_await(peer, NOTE_TOLD, key, note)
        || !peer_await(peer, NOTE_FREED, key, NULL)) {
        row_wrong(row, "the operation at the host was not told");
        return false;
    }
    if (note->value != reason)
        row_wrong(row, "the operation was told %d, not %u", (int) note->value,
            reason);
    if (peer_count(peer, NOTE_TOLD, key) != 1
        || peer_count(peer, NOTE_FREED, key) != 1)
        row_wrong(row, "the operation was told, or freed, twice");
    return true;
}

static void expect_all_told(struct row *row)
{
    struct note note;

    for (unsigned i = 0; i < row->victim_count; i++)
        (void) expect_told(row, &row->stage->remote.peer, row->keys[i],
            WWS_CANCEL_REASON_CHANNEL_FAULTED, &note);
}

static void after_abort(struct row *row)
{
    expect_channel(row, WWS_CHANNEL_STATE_FAULTED);
}

static void after_abort_of_receive(struct row *row)
{
    after_abort(row);
    expect_all_told(row);
}

/* The channel can be used as before. */
static void after_cancel_receive(struct row *row)
{
    char text[CALC_SIZE];
    wws_bytes body = calc_request(text, CALC_ADD, 3, 4);
    long sum = 0;

    expect_channel(row, WWS_CHANNEL_STATE_OPEN);
    expect_all_told(row);
    (void) wws_message_free(row->request);
    (void) wws_message_free(row->reply);
    if (create_messages(row, CALC_ADD, body)
        && row_done(row, "use the channel again", wws_channel_request_reply(
            row->channel, row->request, row->reply, NULL, none)))
        (void) row_done(row, "read the reply", wws_message_get_body(
            row->reply, &body, none));
    if (!calc_read_reply(body, CALC_ADD, &sum) || sum != 7)
        row_wrong(row, "the channel then answers %ld", sum);
}

static void after_accept(struct row *row)
{
    wws_listener_state state = 0;

    (void) wws_listener_get_state(row->listener, &state, none);
    if (state != WWS_LISTENER_STATE_FAULTED)
        row_wrong(row, "the state of the listener is %u", state);
    expect_channel(row, WWS_CHANNEL_STATE_CREATED);
}

static void after_proxy_abort(struct row *row)
{
    expect_proxy(row, row->proxy, WWS_SERVICE_PROXY_STATE_FAULTED);
    expect_all_told(row);
}

static void after_cancel(struct row *row)
{
    expect_proxy(row, row->side, WWS_SERVICE_PROXY_STATE_OPEN);
    expect_all_told(row);
}

static bool has_dropped(void *about)
{
    const struct row *row = about;

    return counter(row, WWS_COUNTER_LATE_REPLY_DROPPED)
        == row->late_replies + 1;
}

/* While both neighbours hold theirs, only its connection can be idle. */
static void expect_reuse(struct row *row)
{
    struct op *op = op_call(row->mode, row->side, CALC_ADD, 3, 4);
    uint64_t connections;

    op->options.timeout_ms = PATIENCE_MS;
    (void) op_begin(op);
    if (!op_await(op) || !op_answered(op, 7))
        row_wrong(row, "a call on its connection fails");
    connections = counter(row, WWS_COUNTER_CONNECTIONS_OPENED);
    if (connections != row->connections)
        row_wrong(row, "its connection was not used again");
}

/* The operation runs on, and its reply is dropped. */
static void after_abandon(struct row *row)
{
    struct peer *peer = &row->stage->remote.peer;

    expect_proxy(row, row->side, WWS_SERVICE_PROXY_STATE_OPEN);
    if (has_dropped(row))
        row_wrong(row, "a reply was dropped that was not sent");
    (void) peer_tell(peer, NOTE_RELEASE, row->keys[0]);
    if (!peer_await(peer, NOTE_FREED, row->keys[0], NULL)
        || peer_count(peer, NOTE_TOLD, row->keys[0]) != 0)
        row_wrong(row, "the operation at the host did not go on");
    if (!comes_true(has_dropped, row))
        row_wrong(row, "its reply was not dropped");
    expect_reuse(row);
}

static void expect_told_because(
    struct row *row,
    struct peer *peer,
    wws_cancel_reason reason,
    const char *name)
{
    struct note note;

    if (!expect_told(row, peer, row->keys[0], reason, &note))
        return;
    row->reason = name;
    row->us = (double) (note.at_ns - row->stopped_ns) / 1000;
}

static void after_host_abort(struct row *row)
{
    struct peer *peer = &row->own.peer;
    struct note note;

    expect_told_because(row, peer, WWS_CANCEL_REASON_HOST_ABORTED,
        "host_aborted");
    if (!peer_tell(peer, NOTE_CLOSE, 0)
        || !peer_await(peer, NOTE_CLOSED, 0, &note) || note.value != WWS_S_OK)
        row_wrong(row, "the aborted host does not close");
}

static void after_client_gone(struct row *row)
{
    expect_told_because(row, &row->stage->remote.peer,
        WWS_CANCEL_REASON_CHANNEL_FAULTED, "channel_faulted");
    row->status = row->reason != NULL ? "told" : NULL;
}

const struct cancel_case cases[] = {
    { "channel_abort", "pending receive",
      start_receive, abort_channel, after_abort_of_receive,
      WWS_E_OPERATION_ABORTED, WWS_PROGRESS_SENT, WWS_PHASE_WAIT, 0 },
    { "channel_abort", "send to a peer that does not read",
      start_send, abort_channel, after_abort,
      WWS_E_OPERATION_ABORTED, WWS_PROGRESS_PARTLY_SENT, WWS_PHASE_SEND, 0 },
    { "channel_abort", "phase connect",
      start_connect, abort_channel, after_abort,
      WWS_E_OPERATION_ABORTED, WWS_PROGRESS_NOT_SENT, WWS_PHASE_CONNECT, 0 },
    { "channel_cancel_receive", "pending receive",
      start_receive, cancel_receive, after_cancel_receive,
      WWS_E_OPERATION_CANCELLED, WWS_PROGRESS_SENT, WWS_PHASE_WAIT, 0 },
    { "listener_abort", "pending accept",
      start_accept, abort_listener, after_accept,
      WWS_E_OPERATION_ABORTED, WWS_PROGRESS_NOT_SENT, WWS_PHASE_ACCEPT, 0 },
    { "service_proxy_abort", "three pending calls",
      start_three_calls, abort_proxy, after_proxy_abort,
      WWS_E_OPERATION_ABORTED, WWS_PROGRESS_SENT, WWS_PHASE_WAIT, 0 },
    { "service_proxy_abandon_call", "one of three",
      start_one_of_three, abandon_call, after_abandon,
      WWS_E_OPERATION_ABANDONED, WWS_PROGRESS_SENT, WWS_PHASE_WAIT, 0 },
    { "call_cancel", "one of three",
      start_one_of_three, cancel_call, after_cancel,
      WWS_E_OPERATION_CANCELLED, WWS_PROGRESS_SENT, WWS_PHASE_WAIT, 0 },
    { "timeout", "call_timeout_ms",
      start_one_of_three, let_time_pass, after_cancel,
      WWS_E_OPERATION_TIMED_OUT, WWS_PROGRESS_SENT, WWS_PHASE_WAIT,
      CALL_TIMEOUT_MS },
    { "service_host_abort", "a registered operation is told",
      start_call_at_own_host, abort_host, after_host_abort,
      WWS_E_ENDPOINT_DISCONNECTED, WWS_PROGRESS_SENT, WWS_PHASE_WAIT, 0 },
    { "peer_gone", "client killed",
      start_client, kill_client, after_client_gone,
      WWS_S_OK, WWS_PROGRESS_NOT_SENT, WWS_PHASE_NONE, 0 },
};

const unsigned case_count = sizeof cases / sizeof cases[0];
