/* Messages that go through a client of a transport: the requests of a client
 * and the replies to them, and what flows over a session. */
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/channel_parts.h"
#include "core/channel/listener.h"
#include "core/channel/reply.h"

static struct wwi_transfer *transfer_of(struct wwi_exchange *exchange)
{
    return WWI_CONTAINER(exchange, struct wwi_transfer, exchange);
}

/* By the owner of the I/O: the message goes on in another transfer. */
static void keep_half_locked(
    struct wwi_transfer *transfer,
    struct wwi_lane *lane)
{
    lane->pieces = transfer->pieces;
    transfer->pieces = NULL;
    if (lane->message != NULL)
        return;
    lane->message = transfer->message;
    transfer->message = NULL;
}

/* The channel has nothing to do with the exchange any more; false if that was
 * so already. */
static bool let_go(
    struct wwi_transfer *transfer,
    enum wwi_turn next,
    struct wwi_client *client)
{
    struct wwi_channel *channel = transfer->channel;
    struct wwi_lane *lane = wwi_channel_lane(channel, transfer->lane);
    struct wwi_half half = { 0 };
    bool was_current;

    WWI_GATE(TRANSFER_LEAVES);
    wwi_lock_take(&channel->synced.lock);
    was_current = lane->current == &transfer->exchange;
    if (was_current) {
        lane->current = NULL;
        lane->turn = next;
        lane->client = client;
        if (wwi_turn_is_midway(next))
            keep_half_locked(transfer, lane);
        else
            half = wwi_lane_take_half_locked(lane);
    }
    wwi_lock_give(&channel->synced.lock);
    wwi_half_free(half);
    if (was_current)
        wwi_exchange_unref(&transfer->exchange);
    return was_current;
}

static void release_message(struct wwi_transfer *transfer)
{
    struct wwi_message *message = atomic_exchange(&transfer->held, NULL);

    if (message == NULL)
        return;
    wwi_message_end_use(message);
    wwi_object_unref(&message->object);
}

/* The caller may go on as soon as he hears; where he was ended early, while the
 * owner is still to let go of the connection. */
static void ended(struct wwi_exchange *exchange)
{
    struct wwi_transfer *transfer = transfer_of(exchange);

    (void) let_go(transfer, transfer->turns.failed, NULL);
    release_message(transfer);
}

/* A message that took too long to be sent, and was sent in part, ends the
 * session (D9); one that was stopped is sent to its end. */
static bool is_cut_off(struct wwi_transfer *transfer)
{
    struct wwi_track *track = &transfer->exchange.track;

    return transfer->turns.during == WWI_TURN_SENDING
        && !atomic_load(&track->stop)
        && atomic_load(&track->progress) == WWS_PROGRESS_PARTLY_SENT;
}

static void look_at_session(struct wwi_transfer *transfer)
{
    struct wwi_channel *channel = transfer->channel;
    bool cut_off = is_cut_off(transfer);
    struct wwi_mux *mux;

    wwi_lock_take(&channel->synced.lock);
    mux = channel->synced.mux;
    if (mux != NULL)
        wwi_mux_ref(mux);
    wwi_lock_give(&channel->synced.lock);
    if (mux == NULL)
        return;
    if (cut_off)
        wwi_mux_abort(mux);
    if (cut_off || wwi_mux_failed(mux))
        wwi_channel_fault(channel);
    wwi_mux_unref(mux);
}

static void over(struct wwi_exchange *exchange, bool whole)
{
    struct wwi_transfer *transfer = transfer_of(exchange);
    struct wwi_channel *channel = transfer->channel;
    struct wwi_client *client = exchange->client;
    bool kept = whole && (transfer->keeps || !channel->streamed);

    exchange->client = NULL;
    if (!whole && channel->duplex)
        look_at_session(transfer);
    if (kept && !transfer->keeps)
        client->transport->client_end(client);
    if (!let_go(transfer, whole ? transfer->turns.done
        : transfer->turns.failed, kept ? client : NULL) || !kept)
        client->transport->client_free(client);
}

static void retired(struct wwi_exchange *exchange)
{
    struct wwi_transfer *transfer = transfer_of(exchange);

    if (transfer->answers)
        wwi_listener_leave_answer(transfer->channel->listener);
    wwi_channel_leave_active(transfer->channel);
}

static wws_status result(struct wwi_exchange *exchange, wws_status status)
{
    struct wwi_transfer *transfer = transfer_of(exchange);

    status = transfer->result(transfer, status);
    return status == WWS_S_END && transfer->required
        ? wwi_channel_no_message(true, wwi_wait_error(&exchange->wait))
        : status;
}

static bool go_on(struct wwi_exchange *exchange)
{
    struct wwi_transfer *transfer = transfer_of(exchange);

    return transfer->go_on != NULL && transfer->go_on(transfer);
}

static void destroy(struct wwi_exchange *exchange)
{
    struct wwi_transfer *transfer = transfer_of(exchange);

    if (transfer->message != NULL)
        wwi_object_unref(&transfer->message->object);
    if (transfer->mux != NULL)
        wwi_mux_unref(transfer->mux);
    if (transfer->pieces != NULL)
        wwi_pieces_free(transfer->pieces);
    wwi_free(transfer->request_id);
    wwi_object_unref(&transfer->channel->object);
    wwi_free(transfer);
}

static const struct wwi_exchange_callbacks callbacks = {
    .go_on = go_on,
    .result = result,
    .ended = ended,
    .over = over,
    .retired = retired,
};

struct wwi_transfer *wwi_transfer_new(
    struct wwi_channel *channel,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct wwi_transfer *transfer = wwi_alloc_zero(sizeof *transfer);

    if (transfer == NULL) {
        *status = wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
        return NULL;
    }
    *status = wwi_exchange_init(&transfer->exchange, &callbacks, destroy,
        channel->member.runtime, completion, error);
    if (*status < 0) {
        wwi_free(transfer);
        return NULL;
    }
    transfer->exchange.wait.owner = channel;
    transfer->channel = channel;
    transfer->state = WWS_CHANNEL_STATE_OPEN;
    wwi_object_ref(&channel->object);
    /* Retiring takes it back. */
    wwi_lock_take(&channel->synced.lock);
    channel->synced.active++;
    wwi_lock_give(&channel->synced.lock);
    return transfer;
}

wws_status wwi_transfer_refuse(
    struct wwi_transfer *transfer,
    wws_status status)
{
    release_message(transfer);
    return wwi_exchange_refuse(&transfer->exchange, status);
}

wws_status wwi_transfer_fill(
    struct wwi_transfer *transfer,
    struct wwi_message *message,
    struct wwi_error *error)
{
    const wws_channel_options *ours = &transfer->channel->options;
    wws_status status = transfer->receives
        ? wwi_message_take_target(message, ours->envelope_version,
            ours->addressing_version, error)
        : wwi_message_begin_use(message, error);

    if (status < 0)
        return status;
    transfer->message = message;
    wwi_object_ref(&message->object);
    atomic_store(&transfer->held, message);
    wwi_object_ref(&message->object);
    return WWS_S_OK;
}

static void take_turn_locked(
    struct wwi_transfer *transfer,
    struct wwi_lane *lane)
{
    lane->turn = transfer->turns.during;
    if (lane->pieces == NULL)
        return;
    transfer->pieces = lane->pieces;
    lane->pieces = NULL;
}

/* The channel begins to work on a message, if it is open and it is the turn of
 * that; says in which state it was refused otherwise.  Nobody can end it
 * before it is published, so that whatever fails until then is this thread's
 * to tell. */
static wws_status enter_turn(
    struct wwi_transfer *transfer,
    const char *what,
    struct wwi_error *error)
{
    struct wwi_channel *channel = transfer->channel;
    struct wwi_lane *lane = wwi_channel_lane(channel, transfer->lane);
    wws_channel_state state;
    bool mine, entered, shut_down;

    wwi_lock_take(&channel->synced.lock);
    state = channel->synced.state;
    shut_down = channel->synced.shut_down
        && transfer->turns.during == WWI_TURN_SENDING;
    if (transfer->state == WWS_CHANNEL_STATE_OPEN)
        transfer->opens = channel->synced.opens;
    mine = state == transfer->state
        && channel->synced.opens == transfer->opens;
    entered = mine && !shut_down
        && lane->turn == transfer->turns.from
        && (!wwi_turn_is_midway(lane->turn)
            || lane->message == transfer->half);
    if (entered)
        take_turn_locked(transfer, lane);
    wwi_lock_give(&channel->synced.lock);
    if (entered)
        return WWS_S_OK;
    if (!mine && transfer->state == WWS_CHANNEL_STATE_OPENING)
        return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
            "the channel was aborted while it was opened");
    if (!mine)
        return wwi_channel_refusal(state, error, what);
    if (shut_down)
        return wwi_fail(error, WWS_E_INVALID_OPERATION,
            "cannot %s after the session was shut down", what);
    return wwi_fail(error, WWS_E_INVALID_OPERATION,
        "cannot %s now: another message is under way, or it is not the turn "
        "of this", what);
}

/* Unless the lane is that of another opening by now. */
static bool leave_turn(struct wwi_transfer *transfer, struct wwi_client *client)
{
    struct wwi_channel *channel = transfer->channel;
    struct wwi_lane *lane = wwi_channel_lane(channel, transfer->lane);
    bool mine;

    wwi_lock_take(&channel->synced.lock);
    mine = channel->synced.opens == transfer->opens;
    if (mine) {
        lane->turn = transfer->turns.from;
        lane->client = client;
    }
    if (mine && wwi_turn_is_midway(lane->turn))
        keep_half_locked(transfer, lane);
    wwi_lock_give(&channel->synced.lock);
    return mine;
}

/* Unless the channel was aborted or closed meanwhile.  An opening that has
 * failed may be there still, on its way out. */
static wws_status publish(
    struct wwi_transfer *transfer,
    struct wwi_error *error)
{
    struct wwi_channel *channel = transfer->channel;
    struct wwi_lane *lane = wwi_channel_lane(channel, transfer->lane);
    struct wwi_exchange *before = NULL;
    bool mine, open, broken;

    wwi_lock_take(&channel->synced.lock);
    mine = channel->synced.opens == transfer->opens;
    open = mine && channel->synced.state == transfer->state;
    broken = mine && channel->synced.broken
        && channel->synced.state == WWS_CHANNEL_STATE_FAULTED;
    if (open) {
        before = lane->current;
        lane->current = &transfer->exchange;
        wwi_exchange_ref(&transfer->exchange);
    }
    wwi_lock_give(&channel->synced.lock);
    if (before != NULL)
        wwi_exchange_unref(before);
    if (open)
        return WWS_S_OK;
    return broken ? wwi_fail_static(error, WWS_E_OBJECT_FAULTED,
        "the session of the channel has failed")
        : wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
        "the channel was aborted or closed");
}

/* Constant while a message is under way; an accepted channel has none. */
static wws_string address_of(const struct wwi_channel *channel)
{
    const char *address = channel->synced.address;

    return address != NULL ? wwi_string(address) : (wws_string) { 0 };
}

/* The client that the lane has, or a new one, with the settings of now.  An
 * opening has a session of its own: the lane may be another's by now. */
static wws_status get_client(
    struct wwi_transfer *transfer,
    struct wwi_client **client,
    struct wwi_error *error)
{
    struct wwi_channel *channel = transfer->channel;
    struct wwi_lane *lane = wwi_channel_lane(channel, transfer->lane);
    const struct wwi_client_options options =
        wwi_channel_client_options(channel);

    if (transfer->mux != NULL)
        return wwi_channel_make_client(channel, (wws_string) { 0 },
            transfer->mux, client, error);
    wwi_lock_take(&channel->synced.lock);
    *client = lane->client;
    lane->client = NULL;
    wwi_lock_give(&channel->synced.lock);
    if (*client == NULL)
        return wwi_channel_make_client(channel, address_of(channel),
            NULL, client, error);
    (*client)->transport->client_set_times(*client, &options);
    return WWS_S_OK;
}

/* A session that takes no message has failed; or the channel was closed, and
 * its session and its address with it. */
static wws_status explain(
    struct wwi_transfer *transfer,
    wws_status status,
    struct wwi_error *error)
{
    struct wwi_channel *channel = transfer->channel;
    wws_channel_state state;
    bool mine;

    if (status >= 0)
        return status;
    wwi_lock_take(&channel->synced.lock);
    state = wwi_channel_look_locked(channel);
    mine = state == transfer->state
        && channel->synced.opens == transfer->opens;
    wwi_lock_give(&channel->synced.lock);
    if (state == WWS_CHANNEL_STATE_FAULTED
        || (mine && status != WWS_E_OBJECT_FAULTED))
        return status;
    return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
        "the channel was aborted or closed");
}

/* What is over before it began leaves the lane as it was; a client whose
 * exchange had not begun serves on. */
static wws_status give_up(
    struct wwi_transfer *transfer,
    struct wwi_client *client,
    bool begun,
    wws_status status)
{
    struct wwi_client *kept = begun ? NULL : client;

    if (!leave_turn(transfer, kept))
        kept = NULL;
    if (client != NULL && kept == NULL)
        client->transport->client_free(client);
    return wwi_transfer_refuse(transfer, status);
}

/* What an accepted channel sends, unless that is a session of its own. */
static void enter_answer(struct wwi_transfer *transfer)
{
    struct wwi_channel *channel = transfer->channel;

    transfer->answers = channel->listener != NULL && !channel->duplex
        && transfer->turns.during == WWI_TURN_SENDING;
    if (transfer->answers)
        wwi_listener_enter_answer(channel->listener);
}

wws_status wwi_transfer_run(
    struct wwi_transfer *transfer,
    const char *what,
    struct wwi_error *error)
{
    struct wwi_client *client = NULL;
    wws_status status = enter_turn(transfer, what, error);
    bool begun;

    if (status < 0)
        return wwi_transfer_refuse(transfer, status);
    WWI_GATE(TRANSFER_ENTERED);
    enter_answer(transfer);
    status = get_client(transfer, &client, error);
    if (status >= 0)
        status = transfer->begin(transfer, client, error);
    status = explain(transfer, status, error);
    begun = status >= 0;
    WWI_GATE(TRANSFER_BEGUN);
    if (status >= 0)
        status = publish(transfer, error);
    if (status < 0)
        return give_up(transfer, client, begun, status);
    WWI_GATE(TRANSFER_PUBLISHED);
    return wwi_exchange_run(&transfer->exchange, client);
}

/* Sending. */

wws_status wwi_channel_encode(
    struct wwi_channel *channel,
    struct wwi_message *message,
    struct wwi_outgoing *outgoing,
    struct wwi_error *error)
{
    const wws_channel_options *ours = &channel->options;
    struct wwi_encode_params params = {
        .envelope_version = ours->envelope_version,
        .addressing_version = ours->addressing_version,
        .max_size = ours->max_message_size,
        .begins = outgoing->more,
    };

    params.to = address_of(channel);
    *outgoing = (struct wwi_outgoing) {
        .version = ours->envelope_version,
        .action = wwi_message_action(message),
        .message_id = message->standard[WWS_HEADER_MESSAGE_ID],
        .fields = { .next = wwi_mapped_next, .state = &message->mapped },
        .fault = wwi_message_fault(message) != NULL
            || message->initialization == WWS_MESSAGE_INITIALIZATION_FAULT,
        .more = params.begins,
    };
    return wwi_message_encode(message, &params, &outgoing->envelope, error);
}

static wws_status begin_sending(
    struct wwi_transfer *transfer,
    struct wwi_client *client,
    struct wwi_error *error)
{
    struct wwi_message *message = transfer->what;
    struct wwi_outgoing outgoing = { 0 };
    wws_status status = wwi_message_begin_use(message, error);

    if (status < 0)
        return status;
    status = wwi_channel_encode(transfer->channel, message, &outgoing, error);
    if (status >= 0 && transfer->receives && outgoing.message_id.size != 0) {
        transfer->request_id = wwi_string_copy(outgoing.message_id);
        if (transfer->request_id == NULL)
            status = wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    }
    if (status >= 0)
        status = client->transport->client_begin(client, &outgoing,
            transfer->receives, error);
    wwi_bytes_fini(&outgoing.envelope);
    wwi_message_end_use(message);
    return status;
}

static wws_status sent(struct wwi_transfer *transfer, wws_status status)
{
    return status >= 0 ? status : wwi_fail_static(
        wwi_wait_error(&transfer->exchange.wait), status,
        "the message cannot be sent");
}

/* Whether the exchange that a message begins is to go on with its reply. */
static bool is_request(const struct wwi_channel *channel)
{
    return !channel->duplex && channel->listener == NULL;
}

/* With these turns. */
static wws_status transmit(
    struct wwi_channel *channel,
    struct wwi_message *message,
    struct wwi_turns turns,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status;
    struct wwi_transfer *transfer = wwi_transfer_new(channel, completion,
        error, &status);

    if (transfer == NULL)
        return status;
    transfer->lane = WWI_LANE_SEND;
    transfer->turns = turns;
    transfer->keeps = is_request(channel);
    transfer->begin = begin_sending;
    transfer->result = sent;
    transfer->what = message;
    return wwi_transfer_run(transfer, "send", error);
}

/* An accepted channel over HTTP answers; it does not send on its own. */
static wws_status check_sender(
    const struct wwi_channel *channel,
    struct wwi_error *error)
{
    return channel->duplex || channel->listener == NULL ? WWS_S_OK
        : wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "this channel of a listener answers; it does not send requests");
}

wws_status wwi_channel_send(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status = check_sender(self, error);

    return status < 0 ? status : transmit(self, message,
        wwi_channel_turns(self, false, false), completion, error);
}

wws_status wwi_channel_check_reply(
    struct wwi_message *reply,
    struct wwi_error *error)
{
    wws_status status = wwi_message_begin_use(reply, error);

    if (status < 0)
        return status;
    if (reply->state == WWS_MESSAGE_STATE_INITIALIZED
        && reply->initialization != WWS_MESSAGE_INITIALIZATION_REPLY
        && reply->initialization != WWS_MESSAGE_INITIALIZATION_FAULT)
        status = wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the message was not initialized as a reply or a fault");
    wwi_message_end_use(reply);
    return status;
}

wws_status wwi_channel_send_reply(
    struct wwi_channel *self,
    struct wwi_message *reply,
    const wws_completion *completion,
    struct wwi_error *error)
{
    const struct wwi_turns turns = wwi_channel_turns(self, false, true);
    wws_status status;

    if (!self->duplex && !(self->streamed && self->listener != NULL))
        return wwi_channel_answer_request(self, reply, turns, completion,
            error);
    status = wwi_channel_check_reply(reply, error);
    return status < 0 ? status
        : transmit(self, reply, turns, completion, error);
}

/* Receiving. */

static bool faults_are_errors(struct wwi_channel *channel)
{
    bool errors;

    wwi_lock_take(&channel->synced.lock);
    errors = channel->synced.settings.faults_as_errors;
    wwi_lock_give(&channel->synced.lock);
    return errors && channel->listener == NULL;
}

wws_status wwi_transfer_read(
    struct wwi_transfer *transfer,
    struct wwi_bytes *envelope,
    const struct wwi_fields *fields,
    struct wwi_error *error)
{
    const wws_channel_options *ours = &transfer->channel->options;
    const struct wwi_client *client = transfer->exchange.client;
    const struct wwi_reply_rules rules = {
        .envelope_version = ours->envelope_version,
        .addressing_version = ours->addressing_version,
        .request_id = transfer->request_id != NULL
            ? wwi_string(transfer->request_id) : (wws_string) { NULL, 0 },
        .http_status = client->trouble.http_status,
        .max_message_size = ours->max_message_size,
        .faults_as_errors = faults_are_errors(transfer->channel),
        .begins = transfer->begins,
    };
    wws_status status = wwi_reply_read(transfer->message, envelope, fields,
        &rules, error);

    if (status >= 0 && client->has_action)
        status = wwi_message_put_action(transfer->message, client->action);
    return status;
}

static wws_status take(struct wwi_transfer *transfer, struct wwi_error *error)
{
    struct wwi_client *client = transfer->exchange.client;
    struct wwi_bytes envelope = { 0 };
    struct wwi_fields fields;
    wws_status status = client->transport->client_take(client, &envelope,
        &fields);

    if (status == WWS_S_OK)
        status = wwi_transfer_read(transfer, &envelope, &fields, error);
    wwi_bytes_fini(&envelope);
    return status;
}

wws_status wwi_transfer_received(
    struct wwi_transfer *transfer,
    wws_status status)
{
    struct wwi_error *error = wwi_wait_error(&transfer->exchange.wait);

    if (status >= 0)
        status = take(transfer, error);
    return status >= 0 ? status : wwi_fail_static(error, status,
        "the message cannot be received");
}

/* What cannot be received into is refused before anything is sent. */
wws_status wwi_channel_check_target(
    const struct wwi_channel *channel,
    struct wwi_message *message,
    struct wwi_error *error)
{
    return wwi_message_check_target(message,
        channel->options.envelope_version, channel->options.addressing_version,
        error);
}

wws_status wwi_channel_no_message(bool required, struct wwi_error *error)
{
    return !required ? WWS_S_END : wwi_fail_static(error,
        WWS_E_INVALID_FORMAT, "there is no further message");
}

static wws_status begin_receiving(
    struct wwi_transfer *transfer,
    struct wwi_client *client,
    struct wwi_error *error)
{
    (void) transfer;
    (void) error;
    client->transport->client_receive(client);
    return WWS_S_OK;
}

/* An accepted channel that streams goes on with its answer. */
static bool is_answered(const struct wwi_channel *channel)
{
    return !channel->duplex && channel->listener != NULL;
}

struct wwi_transfer *wwi_transfer_new_receiving(
    struct wwi_channel *channel,
    struct wwi_message *message,
    wws_receive_option option,
    struct wwi_turns turns,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct wwi_transfer *transfer = wwi_transfer_new(channel, completion,
        error, status);

    if (transfer == NULL)
        return NULL;
    transfer->lane = WWI_LANE_RECEIVE;
    transfer->turns = turns;
    transfer->receives = true;
    transfer->required = option == WWS_RECEIVE_OPTION_REQUIRED;
    transfer->keeps = is_answered(channel);
    transfer->exchange.awaits_reply = is_request(channel);
    transfer->begin = begin_receiving;
    transfer->result = wwi_transfer_received;
    *status = wwi_transfer_fill(transfer, message, error);
    if (*status >= 0)
        return transfer;
    *status = wwi_transfer_refuse(transfer, *status);
    return NULL;
}

static wws_status receive(
    struct wwi_channel *channel,
    struct wwi_message *message,
    wws_receive_option option,
    struct wwi_turns turns,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status;
    struct wwi_transfer *transfer = wwi_transfer_new_receiving(channel,
        message, option, turns, completion, error, &status);

    if (transfer == NULL)
        return status;
    status = channel->streamed ? wwi_transfer_gather(transfer, error)
        : WWS_S_OK;
    return status < 0 ? wwi_transfer_refuse(transfer, status)
        : wwi_transfer_run(transfer, "receive", error);
}

wws_status wwi_channel_receive(
    struct wwi_channel *self,
    struct wwi_message *message,
    wws_receive_option option,
    const wws_completion *completion,
    struct wwi_error *error)
{
    const struct wwi_turns turns = wwi_channel_turns(self, true, false);
    wws_status status = wwi_channel_check_target(self, message, error);

    if (status < 0)
        return status;
    if (self->listener == NULL || self->duplex
        || (self->streamed && !wwi_channel_is_over(self)))
        return receive(self, message, option, turns, completion, error);
    status = wwi_wait_check(self->member.runtime, completion, error);
    if (status >= 0)
        status = self->streamed ? WWS_S_END
            : wwi_channel_receive_request(self, message, false, turns,
                error);
    return status != WWS_S_END ? status : wwi_channel_no_message(
        option == WWS_RECEIVE_OPTION_REQUIRED, error);
}

/* A request with its reply. */
wws_status wwi_channel_request_reply(
    struct wwi_channel *self,
    struct wwi_message *request,
    struct wwi_message *reply,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_transfer *transfer;
    wws_status status = check_sender(self, error);

    if (status < 0)
        return status;
    if (reply == request)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "reply: the same message as the request");
    status = wwi_channel_check_target(self, reply, error);
    if (status < 0)
        return status;
    transfer = wwi_transfer_new(self, completion, error, &status);
    if (transfer == NULL)
        return status;
    transfer->lane = WWI_LANE_SEND;
    transfer->turns = (struct wwi_turns) { WWI_TURN_IDLE, WWI_TURN_SENDING,
        WWI_TURN_IDLE, WWI_TURN_IDLE };
    transfer->receives = true;
    transfer->exchange.awaits_reply = true;
    transfer->begin = begin_sending;
    transfer->result = wwi_transfer_received;
    transfer->what = request;
    status = wwi_transfer_fill(transfer, reply, error);
    if (status >= 0 && self->streamed)
        status = wwi_transfer_gather(transfer, error);
    return status < 0 ? wwi_transfer_refuse(transfer, status)
        : wwi_transfer_run(transfer, "send", error);
}

/* With a reference, or null. */
static struct wwi_exchange *receiving_locked(
    struct wwi_channel *channel,
    int lane)
{
    struct wwi_exchange *exchange = channel->synced.lanes[lane].current;

    if (exchange == NULL || !transfer_of(exchange)->receives)
        return NULL;
    wwi_exchange_ref(exchange);
    return exchange;
}

wws_status wwi_channel_cancel_receive(struct wwi_channel *self)
{
    struct wwi_exchange *exchanges[WWI_LANES];

    wwi_lock_take(&self->synced.lock);
    for (int i = 0; i < WWI_LANES; i++)
        exchanges[i] = receiving_locked(self, i);
    wwi_lock_give(&self->synced.lock);
    for (int i = 0; i < WWI_LANES; i++) {
        if (exchanges[i] == NULL)
            continue;
        (void) wwi_exchange_end(exchanges[i], WWI_ENDING_STOP,
            WWS_E_OPERATION_CANCELLED, "the receive was cancelled");
        wwi_exchange_unref(exchanges[i]);
    }
    return WWS_S_OK;
}
