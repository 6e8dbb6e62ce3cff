/* Messages that are written and read in pieces.
 *
 * Where messages travel whole, nothing is sent before the end of a message and
 * everything is received at its start; what stands between is local.  Where
 * they travel in pieces, each function is a transfer of its own, on the client
 * that the first of them began with. */
#include "core/base/memory.h"
#include "core/channel/channel_parts.h"

struct wwi_half wwi_lane_take_half_locked(struct wwi_lane *lane)
{
    struct wwi_half half = { lane->message, lane->pieces };

    lane->message = NULL;
    lane->pieces = NULL;
    if (half.message != NULL)
        atomic_store(&half.message->let_go, true);
    return half;
}

void wwi_half_free(struct wwi_half half)
{
    if (half.message != NULL)
        wwi_object_unref(&half.message->object);
    if (half.pieces != NULL)
        wwi_pieces_free(half.pieces);
}

static struct wwi_turns reading(struct wwi_channel *channel)
{
    return wwi_channel_turns(channel, true, false);
}

/* Of a message that answers if this side only answers. */
static struct wwi_turns writing(struct wwi_channel *channel)
{
    return wwi_channel_turns(channel, false,
        !channel->duplex && channel->listener != NULL);
}

/* Without I/O: a lane is taken from one turn to another, if its message is this
 * one; null if it is not midway. */
static wws_status move_turn(
    struct wwi_channel *channel,
    struct wwi_lane *lane,
    const struct wwi_message *half,
    enum wwi_turn from,
    enum wwi_turn to,
    const char *what,
    struct wwi_error *error)
{
    wws_channel_state state;
    bool moved;

    wwi_lock_take(&channel->synced.lock);
    state = channel->synced.state;
    moved = state == WWS_CHANNEL_STATE_OPEN && lane->turn == from
        && lane->message == half && !(from == WWI_TURN_IDLE
            && to == WWI_TURN_SENDING && channel->synced.shut_down);
    if (moved)
        lane->turn = to;
    wwi_lock_give(&channel->synced.lock);
    if (moved)
        return WWS_S_OK;
    if (state != WWS_CHANNEL_STATE_OPEN)
        return wwi_channel_refusal(state, error, what);
    return wwi_fail(error, WWS_E_INVALID_OPERATION,
        "cannot %s now: this is not the message that is under way, or an "
        "operation on it is pending", what);
}

/* What was taken so goes on in this turn, unless the channel was closed. */
static void leave_turn(
    struct wwi_channel *channel,
    struct wwi_lane *lane,
    enum wwi_turn from,
    enum wwi_turn to)
{
    wwi_lock_take(&channel->synced.lock);
    if (lane->turn == from)
        lane->turn = to;
    wwi_lock_give(&channel->synced.lock);
}

/* Likewise, and the message is the lane's. */
static wws_status put_message(
    struct wwi_channel *channel,
    struct wwi_lane *lane,
    struct wwi_message *message,
    enum wwi_turn from,
    enum wwi_turn to,
    struct wwi_error *error)
{
    bool put;

    wwi_object_ref(&message->object);
    wwi_lock_take(&channel->synced.lock);
    put = lane->turn == from && channel->synced.state == WWS_CHANNEL_STATE_OPEN;
    if (put) {
        lane->turn = to;
        lane->message = message;
    }
    wwi_lock_give(&channel->synced.lock);
    if (put)
        return WWS_S_OK;
    atomic_store(&message->let_go, true);
    wwi_object_unref(&message->object);
    return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
        "the channel was aborted or closed");
}

/* ... and is so no more. */
static void drop_message(
    struct wwi_channel *channel,
    struct wwi_lane *lane,
    enum wwi_turn from,
    enum wwi_turn to)
{
    struct wwi_half half;

    wwi_lock_take(&channel->synced.lock);
    if (lane->turn == from)
        lane->turn = to;
    half = wwi_lane_take_half_locked(lane);
    wwi_lock_give(&channel->synced.lock);
    wwi_half_free(half);
}

static wws_status set_state(
    struct wwi_message *message,
    wws_message_state from,
    wws_message_state to,
    struct wwi_error *error)
{
    wws_status status = wwi_message_begin_use(message, error);

    if (status < 0)
        return status;
    if (message->state != from)
        status = wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the message is not in the state for that");
    else
        message->state = to;
    if (status >= 0 && to == WWS_MESSAGE_STATE_DONE)
        message->channel = 0;
    wwi_message_end_use(message);
    return status;
}

static struct wwi_transfer *transfer_new(
    struct wwi_channel *channel,
    int lane,
    struct wwi_turns turns,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct wwi_transfer *transfer = wwi_transfer_new(channel, completion,
        error, status);

    if (transfer == NULL)
        return NULL;
    transfer->lane = lane;
    transfer->turns = turns;
    transfer->keeps = true;
    return transfer;
}

/* Giving up. */

struct abandoned {
    struct wwi_half half;
    struct wwi_client *client;
};

/* What was sent in part ends its connection; so does a reply that is not read
 * on.  A request that is not read on can still be answered. */
static struct abandoned abandon_locked(
    struct wwi_channel *channel,
    struct wwi_lane *lane)
{
    bool reads = lane->turn == WWI_TURN_READING;
    const struct wwi_turns turns = reads ? reading(channel) : writing(channel);
    struct abandoned abandoned = { .half = wwi_lane_take_half_locked(lane) };

    if (reads)
        lane->turn = turns.done;
    else
        lane->turn = channel->streamed ? turns.failed : turns.from;
    if (channel->streamed && !(reads && channel->listener != NULL)) {
        abandoned.client = lane->client;
        lane->client = NULL;
    }
    return abandoned;
}

static struct wwi_lane *find_locked(
    struct wwi_channel *channel,
    const struct wwi_message *message)
{
    for (int i = 0; i < WWI_LANES; i++)
        if (channel->synced.lanes[i].message == message)
            return &channel->synced.lanes[i];
    return NULL;
}

/* A message that is to be the lane's when its head has been sent or come. */
static bool is_starting_locked(
    struct wwi_channel *channel,
    const struct wwi_message *message)
{
    for (int i = 0; i < WWI_LANES; i++) {
        struct wwi_exchange *current = channel->synced.lanes[i].current;

        if (current != NULL && WWI_CONTAINER(current, struct wwi_transfer,
            exchange)->message == message)
            return true;
    }
    return false;
}

static wws_status try_abandon_locked(
    struct wwi_channel *channel,
    const struct wwi_message *message,
    struct abandoned *abandoned)
{
    wws_channel_state state = channel->synced.state;
    struct wwi_lane *lane = find_locked(channel, message);

    if (state != WWS_CHANNEL_STATE_OPEN && state != WWS_CHANNEL_STATE_FAULTED)
        return WWS_E_INVALID_OPERATION;
    if (lane == NULL)
        return is_starting_locked(channel, message)
            ? WWS_E_INVALID_OPERATION : WWS_E_INVALIDARG;
    if (!wwi_turn_is_midway(lane->turn))
        return WWS_E_INVALID_OPERATION;
    *abandoned = abandon_locked(channel, lane);
    return WWS_S_OK;
}

static wws_status abandon(
    struct wwi_channel *channel,
    const struct wwi_message *message)
{
    struct abandoned abandoned = { 0 };
    wws_status status;

    wwi_lock_take(&channel->synced.lock);
    status = try_abandon_locked(channel, message, &abandoned);
    wwi_lock_give(&channel->synced.lock);
    if (abandoned.client != NULL)
        abandoned.client->transport->client_free(abandoned.client);
    wwi_half_free(abandoned.half);
    return status;
}

/* Writing. */

static wws_status begin_writing_whole(
    struct wwi_channel *channel,
    struct wwi_message *message,
    struct wwi_error *error)
{
    struct wwi_lane *lane = wwi_channel_lane(channel, WWI_LANE_SEND);
    const enum wwi_turn from = writing(channel).from;
    wws_status status = move_turn(channel, lane, NULL, from,
        WWI_TURN_SENDING, "write", error);

    if (status < 0)
        return status;
    status = wwi_message_begin_writing(message,
        channel->options.envelope_version, channel->options.addressing_version,
        error);
    if (status < 0) {
        leave_turn(channel, lane, WWI_TURN_SENDING, from);
        return status;
    }
    message->channel = channel->object.id;
    return put_message(channel, lane, message, WWI_TURN_SENDING,
        WWI_TURN_WRITING, error);
}

static wws_status begin_head(
    struct wwi_transfer *transfer,
    struct wwi_client *client,
    struct wwi_error *error)
{
    struct wwi_message *message = transfer->what;
    struct wwi_outgoing outgoing = { .more = true };
    wws_status status = wwi_message_begin_use(message, error);

    if (status < 0)
        return status;
    status = wwi_channel_encode(transfer->channel, message, &outgoing, error);
    if (status >= 0)
        status = client->transport->client_begin(client, &outgoing, false,
            error);
    /* It is being written when that has been sent. */
    if (message->state == WWS_MESSAGE_STATE_WRITING)
        message->state = WWS_MESSAGE_STATE_INITIALIZED;
    wwi_bytes_fini(&outgoing.envelope);
    wwi_message_end_use(message);
    return status;
}

static wws_status written(struct wwi_transfer *transfer, wws_status status)
{
    return status >= 0 ? status : wwi_fail_static(
        wwi_wait_error(&transfer->exchange.wait), status,
        "the message cannot be written");
}

static wws_status head_written(
    struct wwi_transfer *transfer,
    wws_status status)
{
    if (status >= 0) {
        transfer->message->state = WWS_MESSAGE_STATE_WRITING;
        transfer->message->channel = transfer->channel->object.id;
    }
    return written(transfer, status);
}

static wws_status begin_writing_pieces(
    struct wwi_channel *channel,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_turns turns = writing(channel);
    struct wwi_transfer *transfer;
    wws_status status;

    turns.done = WWI_TURN_WRITING;
    transfer = transfer_new(channel, WWI_LANE_SEND, turns, completion, error,
        &status);
    if (transfer == NULL)
        return status;
    transfer->begin = begin_head;
    transfer->result = head_written;
    transfer->what = message;
    transfer->pieces = wwi_pieces_new_writing();
    if (transfer->pieces == NULL)
        return wwi_transfer_refuse(transfer, wwi_fail_static(error,
            WWS_E_OUTOFMEMORY, "no memory"));
    wwi_transfer_fill(transfer, message);
    return wwi_transfer_run(transfer, "write", error);
}

wws_status wwi_channel_write_message_start(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status = WWS_S_OK;

    if (self->listener != NULL && !self->duplex)
        status = wwi_channel_check_reply(message, error);
    if (status >= 0 && !self->streamed)
        status = wwi_wait_check(self->member.runtime, completion, error);
    if (status < 0)
        return status;
    return self->streamed
        ? begin_writing_pieces(self, message, completion, error)
        : begin_writing_whole(self, message, error);
}

static wws_status keep_piece(
    struct wwi_channel *channel,
    struct wwi_message *message,
    wws_bytes piece,
    struct wwi_error *error)
{
    struct wwi_lane *lane = wwi_channel_lane(channel, WWI_LANE_SEND);
    wws_status status = move_turn(channel, lane, message, WWI_TURN_WRITING,
        WWI_TURN_SENDING, "write", error);

    if (status < 0)
        return status;
    status = wwi_message_write_body(message, piece,
        channel->options.max_message_size, error);
    leave_turn(channel, lane, WWI_TURN_SENDING, WWI_TURN_WRITING);
    return status;
}

static wws_status begin_piece(
    struct wwi_transfer *transfer,
    struct wwi_client *client,
    struct wwi_error *error)
{
    const wws_bytes *piece = transfer->what;
    struct wwi_outgoing outgoing = { .continues = true, .more = true };
    wws_status status;

    /* What cannot be sent must not count as written. */
    wwi_bytes_append(&outgoing.envelope, piece->data, piece->size);
    if (outgoing.envelope.failed)
        status = wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for the piece");
    else
        status = wwi_pieces_write(transfer->pieces, *piece,
            transfer->channel->options.max_streamed_message_size, error);
    if (status >= 0)
        status = client->transport->client_write(client, &outgoing, error);
    wwi_bytes_fini(&outgoing.envelope);
    return status;
}

/* A transfer that goes on with the message. */
static struct wwi_transfer *transfer_on(
    struct wwi_channel *channel,
    int lane,
    struct wwi_turns turns,
    const struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct wwi_transfer *transfer = transfer_new(channel, lane, turns,
        completion, error, status);

    if (transfer != NULL)
        transfer->half = message;
    return transfer;
}

static wws_status send_piece(
    struct wwi_channel *channel,
    struct wwi_message *message,
    wws_bytes piece,
    const wws_completion *completion,
    struct wwi_error *error)
{
    const struct wwi_turns turns = { WWI_TURN_WRITING, WWI_TURN_SENDING,
        WWI_TURN_WRITING, writing(channel).failed };
    wws_status status;
    struct wwi_transfer *transfer = transfer_on(channel, WWI_LANE_SEND, turns,
        message, completion, error, &status);

    if (transfer == NULL)
        return status;
    transfer->begin = begin_piece;
    transfer->result = written;
    transfer->what = &piece;
    return wwi_transfer_run(transfer, "write", error);
}

wws_status wwi_channel_write_body(
    struct wwi_channel *self,
    struct wwi_message *message,
    wws_bytes piece,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status;

    if (self->streamed)
        return send_piece(self, message, piece, completion, error);
    status = wwi_wait_check(self->member.runtime, completion, error);
    return status < 0 ? status : keep_piece(self, message, piece, error);
}

/* What was written whole is sent as if it never had been in pieces. */
static wws_status send_whole(
    struct wwi_channel *channel,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_lane *lane = wwi_channel_lane(channel, WWI_LANE_SEND);
    bool answers = channel->listener != NULL && !channel->duplex;
    wws_status status = move_turn(channel, lane, message, WWI_TURN_WRITING,
        WWI_TURN_SENDING, "write", error);

    if (status < 0)
        return status;
    status = wwi_message_end_writing(message, error);
    drop_message(channel, lane, WWI_TURN_SENDING, writing(channel).from);
    if (status < 0)
        return status;
    return answers ? wwi_channel_send_reply(channel, message, completion, error)
        : wwi_channel_send(channel, message, completion, error);
}

static wws_status begin_tail(
    struct wwi_transfer *transfer,
    struct wwi_client *client,
    struct wwi_error *error)
{
    struct wwi_outgoing outgoing = { .continues = true };
    wws_status status = set_state(transfer->what, WWS_MESSAGE_STATE_WRITING,
        WWS_MESSAGE_STATE_DONE, error);

    if (status >= 0)
        status = wwi_stream_checker_finish(&transfer->pieces->checker, error);
    if (status < 0)
        return status;
    wwi_bytes_append_string(&outgoing.envelope, wwi_envelope_tail());
    if (outgoing.envelope.failed)
        status = wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    else
        status = client->transport->client_write(client, &outgoing, error);
    wwi_bytes_fini(&outgoing.envelope);
    return status;
}

static wws_status send_tail(
    struct wwi_channel *channel,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_turns turns = writing(channel);
    struct wwi_transfer *transfer;
    wws_status status;

    turns.from = WWI_TURN_WRITING;
    transfer = transfer_on(channel, WWI_LANE_SEND, turns, message, completion,
        error, &status);
    if (transfer == NULL)
        return status;
    transfer->keeps = channel->listener == NULL;
    transfer->begin = begin_tail;
    transfer->result = written;
    transfer->what = message;
    return wwi_transfer_run(transfer, "write", error);
}

/* What could not be ended is given up, as if that had been asked for (D37). */
static void let_go_of_done(
    struct wwi_channel *channel,
    struct wwi_message *message)
{
    if (wwi_message_begin_use(message, NULL) < 0)
        return;
    if (message->state == WWS_MESSAGE_STATE_DONE)
        (void) abandon(channel, message);
    wwi_message_end_use(message);
}

wws_status wwi_channel_write_message_end(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status;

    if (!self->streamed)
        return send_whole(self, message, completion, error);
    status = send_tail(self, message, completion, error);
    if (status < 0)
        let_go_of_done(self, message);
    return status;
}

/* Reading. */

/* What was received whole, and is now to be read. */
static wws_status received_whole(
    struct wwi_transfer *transfer,
    wws_status status)
{
    status = wwi_transfer_received(transfer, status);
    if (status != WWS_S_OK)
        return status;
    transfer->message->state = WWS_MESSAGE_STATE_READING;
    transfer->message->channel = transfer->channel->object.id;
    transfer->turns.done = WWI_TURN_READING;
    return status;
}

static wws_status read_whole(
    struct wwi_channel *channel,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status;
    struct wwi_transfer *transfer = wwi_transfer_new_receiving(channel,
        message, reading(channel), completion, error, &status);

    if (transfer == NULL)
        return status;
    transfer->result = received_whole;
    return wwi_transfer_run(transfer, "read", error);
}

/* The request is here already. */
static wws_status read_request(
    struct wwi_channel *channel,
    struct wwi_message *message,
    struct wwi_error *error)
{
    struct wwi_lane *lane = wwi_channel_lane(channel, WWI_LANE_RECEIVE);
    wws_status status = wwi_channel_receive_request(channel, message,
        reading(channel), error);

    if (status != WWS_S_OK)
        return status;
    status = set_state(message, WWS_MESSAGE_STATE_DONE,
        WWS_MESSAGE_STATE_READING, error);
    if (status < 0)
        return status;
    message->channel = channel->object.id;
    return put_message(channel, lane, message, WWI_TURN_RECEIVED,
        WWI_TURN_READING, error);
}

static bool read_on(struct wwi_transfer *transfer)
{
    struct wwi_client *client = transfer->exchange.client;
    struct wwi_pieces *pieces = transfer->pieces;
    struct wwi_bytes octets = { 0 };
    struct wwi_fields fields;
    wws_status status = client->transport->client_take(client, &octets,
        &fields);

    if (status != WWS_S_OK) {
        wwi_bytes_fini(&octets);
        pieces->nothing = true;
        return false;
    }
    wwi_pieces_note(pieces, &fields);
    wwi_pieces_feed(pieces, &octets, client->more);
    if (wwi_pieces_reach(pieces, transfer->aim))
        return false;
    client->transport->client_receive(client);
    return true;
}

/* The head, or what was gathered, becomes the message. */
static wws_status take_head(
    struct wwi_transfer *transfer,
    struct wwi_error *error)
{
    struct wwi_pieces *pieces = transfer->pieces;
    const struct wwi_fields fields = {
        .next = wwi_mapped_next,
        .state = &pieces->mapped,
    };
    wws_status status = wwi_transfer_read(transfer,
        pieces->whole.size != 0 ? &pieces->whole : &pieces->reader.head,
        &fields, error);

    if (status < 0 || pieces->gathers)
        return status;
    transfer->message->state = WWS_MESSAGE_STATE_READING;
    transfer->message->channel = transfer->channel->object.id;
    transfer->turns.done = WWI_TURN_READING;
    transfer->keeps = true;
    return status;
}

static wws_status started(struct wwi_transfer *transfer, wws_status status)
{
    struct wwi_error *error = wwi_wait_error(&transfer->exchange.wait);

    if (status == WWS_S_OK && transfer->pieces->nothing) {
        transfer->turns.done = transfer->turns.failed;
        transfer->keeps = false;
        return WWS_S_END;
    }
    if (status == WWS_S_OK && transfer->pieces->status < 0)
        status = wwi_pieces_tell(transfer->pieces, error);
    if (status == WWS_S_OK)
        status = take_head(transfer, error);
    return status >= 0 ? status : wwi_fail_static(error, status,
        "the message cannot be received");
}

wws_status wwi_transfer_gather(
    struct wwi_transfer *transfer,
    struct wwi_error *error)
{
    transfer->aim = WWI_PIECES_HEAD;
    transfer->go_on = read_on;
    transfer->result = started;
    transfer->pieces = wwi_pieces_new_gathering(
        transfer->channel->options.max_message_size);
    return transfer->pieces != NULL ? WWS_S_OK
        : wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
}

static wws_status begin_reading(
    struct wwi_transfer *transfer,
    struct wwi_client *client,
    struct wwi_error *error)
{
    (void) transfer;
    (void) error;
    client->transport->client_receive(client);
    return WWS_S_OK;
}

static wws_status read_head(
    struct wwi_channel *channel,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status;
    struct wwi_transfer *transfer = transfer_new(channel, WWI_LANE_RECEIVE,
        reading(channel), completion, error, &status);

    if (transfer == NULL)
        return status;
    transfer->receives = true;
    transfer->keeps = channel->listener != NULL;
    transfer->aim = WWI_PIECES_HEAD;
    transfer->begin = begin_reading;
    transfer->go_on = read_on;
    transfer->result = started;
    wwi_transfer_fill(transfer, message);
    transfer->pieces = wwi_pieces_new_reading(
        channel->options.max_streamed_start_size,
        channel->options.max_message_size);
    if (transfer->pieces == NULL)
        return wwi_transfer_refuse(transfer, wwi_fail_static(error,
            WWS_E_OUTOFMEMORY, "no memory"));
    return wwi_transfer_run(transfer, "read", error);
}

bool wwi_channel_is_over(struct wwi_channel *channel)
{
    const struct wwi_lane *lane = wwi_channel_lane(channel, WWI_LANE_RECEIVE);
    bool over;

    wwi_lock_take(&channel->synced.lock);
    over = channel->synced.state == WWS_CHANNEL_STATE_OPEN
        && channel->listener != NULL && (lane->turn == WWI_TURN_RECEIVED
        || lane->turn == WWI_TURN_OVER);
    wwi_lock_give(&channel->synced.lock);
    return over;
}

wws_status wwi_channel_read_message_start(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status = wwi_channel_check_target(self, message, error);

    if (status < 0)
        return status;
    if (!self->streamed && (self->duplex || self->listener == NULL))
        return read_whole(self, message, completion, error);
    if (self->streamed && !wwi_channel_is_over(self))
        return read_head(self, message, completion, error);
    status = wwi_wait_check(self->member.runtime, completion, error);
    if (status < 0)
        return status;
    return self->streamed ? WWS_S_END : read_request(self, message, error);
}

/* As far as it was to be read. */
static wws_status all_read(struct wwi_transfer *transfer, wws_status status)
{
    struct wwi_error *error = wwi_wait_error(&transfer->exchange.wait);

    if (status >= 0 && transfer->pieces->status < 0)
        status = wwi_pieces_tell(transfer->pieces, error);
    return status >= 0 ? WWS_S_OK : wwi_fail_static(error, status,
        "the message cannot be read");
}

static wws_status give_piece(
    struct wwi_transfer *transfer,
    wws_bytes content,
    struct wwi_error *error)
{
    struct wwi_bytes copy = { 0 };

    wwi_bytes_append(&copy, content.data, content.size);
    if (copy.failed) {
        wwi_bytes_fini(&copy);
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for the piece");
    }
    wwi_bytes_to_buffer(&copy, transfer->piece);
    transfer->pieces->content = (wws_bytes) { 0 };
    return WWS_S_OK;
}

static wws_status piece_read(struct wwi_transfer *transfer, wws_status status)
{
    struct wwi_error *error = wwi_wait_error(&transfer->exchange.wait);
    const struct wwi_pieces *pieces = transfer->pieces;

    if (status >= 0 && pieces->fault)
        return wwi_message_read_body(transfer->what, transfer->piece, error);
    status = all_read(transfer, status);
    if (status < 0)
        return status;
    return pieces->content.size == 0 ? WWS_S_END
        : give_piece(transfer, pieces->content, error);
}

/* The client is asked for more only if what has come does not do. */
static wws_status begin_reading_on(
    struct wwi_transfer *transfer,
    struct wwi_client *client,
    struct wwi_error *error)
{
    (void) error;
    if (wwi_pieces_reach(transfer->pieces, transfer->aim))
        transfer->exchange.through = true;
    else
        client->transport->client_receive(client);
    return WWS_S_OK;
}

static wws_status read_piece(
    struct wwi_channel *channel,
    struct wwi_message *message,
    wws_buffer *piece,
    const wws_completion *completion,
    struct wwi_error *error)
{
    const struct wwi_turns turns = { WWI_TURN_READING, WWI_TURN_RECEIVING,
        WWI_TURN_READING, reading(channel).failed };
    wws_status status;
    struct wwi_transfer *transfer = transfer_on(channel, WWI_LANE_RECEIVE,
        turns, message, completion, error, &status);

    if (transfer == NULL)
        return status;
    transfer->receives = true;
    transfer->piece = piece;
    transfer->aim = WWI_PIECES_CONTENT;
    transfer->begin = begin_reading_on;
    transfer->go_on = read_on;
    transfer->result = piece_read;
    transfer->what = message;
    return wwi_transfer_run(transfer, "read", error);
}

/* Of a message that came whole there is one piece. */
static wws_status give_body(
    struct wwi_channel *channel,
    struct wwi_message *message,
    wws_buffer *piece,
    struct wwi_error *error)
{
    struct wwi_lane *lane = wwi_channel_lane(channel, WWI_LANE_RECEIVE);
    wws_status status = move_turn(channel, lane, message, WWI_TURN_READING,
        WWI_TURN_RECEIVING, "read", error);

    if (status < 0)
        return status;
    status = wwi_message_read_body(message, piece, error);
    leave_turn(channel, lane, WWI_TURN_RECEIVING, WWI_TURN_READING);
    return status;
}

wws_status wwi_channel_read_body(
    struct wwi_channel *self,
    struct wwi_message *message,
    wws_buffer *piece,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status;

    if (self->streamed)
        return read_piece(self, message, piece, completion, error);
    status = wwi_wait_check(self->member.runtime, completion, error);
    return status < 0 ? status : give_body(self, message, piece, error);
}

static wws_status begin_reading_rest(
    struct wwi_transfer *transfer,
    struct wwi_client *client,
    struct wwi_error *error)
{
    wws_status status = set_state(transfer->what, WWS_MESSAGE_STATE_READING,
        WWS_MESSAGE_STATE_DONE, error);

    return status < 0 ? status : begin_reading_on(transfer, client, error);
}

static wws_status read_rest(
    struct wwi_channel *channel,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_turns turns = reading(channel);
    struct wwi_transfer *transfer;
    wws_status status;

    turns.from = WWI_TURN_READING;
    transfer = transfer_on(channel, WWI_LANE_RECEIVE, turns, message,
        completion, error, &status);
    if (transfer == NULL)
        return status;
    transfer->receives = true;
    transfer->keeps = channel->listener != NULL;
    transfer->aim = WWI_PIECES_END;
    transfer->begin = begin_reading_rest;
    transfer->go_on = read_on;
    transfer->result = all_read;
    transfer->what = message;
    return wwi_transfer_run(transfer, "read", error);
}

static wws_status end_reading_whole(
    struct wwi_channel *channel,
    struct wwi_message *message,
    struct wwi_error *error)
{
    struct wwi_lane *lane = wwi_channel_lane(channel, WWI_LANE_RECEIVE);
    wws_status status = move_turn(channel, lane, message, WWI_TURN_READING,
        WWI_TURN_RECEIVING, "read", error);

    if (status < 0)
        return status;
    status = set_state(message, WWS_MESSAGE_STATE_READING,
        WWS_MESSAGE_STATE_DONE, error);
    drop_message(channel, lane, WWI_TURN_RECEIVING, reading(channel).done);
    return status;
}

wws_status wwi_channel_read_message_end(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status;

    if (self->streamed)
        return read_rest(self, message, completion, error);
    status = wwi_wait_check(self->member.runtime, completion, error);
    return status < 0 ? status : end_reading_whole(self, message, error);
}

/* Giving up, by who has the message. */

/* The channel gave it up before, when an operation on it failed. */
static bool was_let_go(
    const struct wwi_channel *channel,
    const struct wwi_message *message)
{
    return message->state == WWS_MESSAGE_STATE_DONE
        && message->channel == channel->object.id;
}

wws_status wwi_channel_abandon_message(
    struct wwi_channel *self,
    struct wwi_message *message,
    struct wwi_error *error)
{
    wws_status status = wwi_message_begin_use(message, error);

    if (status < 0)
        return status;
    status = abandon(self, message);
    if (status == WWS_E_INVALIDARG && was_let_go(self, message))
        status = WWS_S_OK;
    if (status >= 0) {
        message->state = WWS_MESSAGE_STATE_DONE;
        message->channel = 0;
    }
    wwi_message_end_use(message);
    if (status == WWS_E_INVALIDARG)
        return wwi_fail_static(error, status,
            "message: is not being read or written on this channel");
    return status >= 0 ? status : wwi_fail_static(error, status,
        "an operation on the message is pending, or the channel is neither "
        "open nor faulted");
}

void wwi_channel_lose_message(uint64_t id, struct wwi_message *message)
{
    struct wwi_channel *channel;

    message->channel = 0;
    if (wwi_table_get(id, WWI_KIND_CHANNEL, &channel) < 0)
        return;
    (void) abandon(channel, message);
    wwi_object_unref(&channel->object);
}
