/* Messages that are read in pieces.
 *
 * Where messages travel whole, everything is received at the start of one.
 * Where they travel in pieces, each function is a transfer of its own, on the
 * client that the first of them began with. */
#include "core/channel/channel_half.h"

/* What was received whole, and is now to be read. */
static wws_status received_whole(
    struct wwi_transfer *transfer,
    wws_status status)
{
    status = wwi_transfer_received(transfer, status);
    if (status != WWS_S_OK)
        return status;
    transfer->message->channel = transfer->channel->object.id;
    transfer->turns.done = WWI_TURN_READING;
    return status;
}

static wws_status read_whole(
    struct wwi_channel *channel,
    struct wwi_message *message,
    wws_receive_option option,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status;
    struct wwi_transfer *transfer = wwi_transfer_new_receiving(channel,
        message, option, wwi_reading_turns(channel), completion, error,
        &status);

    if (transfer == NULL)
        return status;
    transfer->begins = true;
    transfer->result = received_whole;
    return wwi_transfer_run(transfer, "read", error);
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
    wws_receive_option option,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status;
    struct wwi_transfer *transfer = wwi_half_transfer(channel, WWI_LANE_RECEIVE,
        wwi_reading_turns(channel), completion, error, &status);

    if (transfer == NULL)
        return status;
    transfer->receives = true;
    transfer->required = option == WWS_RECEIVE_OPTION_REQUIRED;
    transfer->keeps = channel->listener != NULL;
    transfer->exchange.awaits_reply = channel->listener == NULL;
    transfer->begins = true;
    transfer->aim = WWI_PIECES_HEAD;
    transfer->begin = begin_reading;
    transfer->go_on = read_on;
    transfer->result = started;
    status = wwi_transfer_fill(transfer, message, error);
    if (status < 0)
        return wwi_transfer_refuse(transfer, status);
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
    wws_receive_option option,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status = wwi_channel_check_target(self, message, error);

    if (status < 0)
        return status;
    if (!self->streamed && (self->duplex || self->listener == NULL))
        return read_whole(self, message, option, completion, error);
    if (self->streamed && !wwi_channel_is_over(self))
        return read_head(self, message, option, completion, error);
    status = wwi_wait_check(self->member.runtime, completion, error);
    if (status >= 0)
        status = self->streamed ? WWS_S_END
            : wwi_channel_receive_request(self, message, true,
                wwi_reading_turns(self), error);
    return status != WWS_S_END ? status : wwi_channel_no_message(
        option == WWS_RECEIVE_OPTION_REQUIRED, error);
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
        WWI_TURN_READING, wwi_reading_turns(channel).failed };
    wws_status status;
    struct wwi_transfer *transfer = wwi_half_transfer_on(channel,
        WWI_LANE_RECEIVE, turns, message, completion, error, &status);

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
    wws_status status = wwi_lane_move(channel, lane, message, WWI_TURN_READING,
        WWI_TURN_RECEIVING, "read", error);

    if (status < 0)
        return status;
    status = wwi_message_read_body(message, piece, error);
    wwi_lane_leave(channel, lane, WWI_TURN_RECEIVING, WWI_TURN_READING);
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
    wws_status status = wwi_half_end(transfer->what, WWI_MESSAGE_READ_END,
        error);

    return status < 0 ? status : begin_reading_on(transfer, client, error);
}

static wws_status read_rest(
    struct wwi_channel *channel,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_turns turns = wwi_reading_turns(channel);
    struct wwi_transfer *transfer;
    wws_status status;

    turns.from = WWI_TURN_READING;
    transfer = wwi_half_transfer_on(channel, WWI_LANE_RECEIVE, turns, message,
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
    wws_status status = wwi_lane_move(channel, lane, message, WWI_TURN_READING,
        WWI_TURN_RECEIVING, "read", error);

    if (status < 0)
        return status;
    status = wwi_half_end(message, WWI_MESSAGE_READ_END, error);
    wwi_lane_drop_message(channel, lane, WWI_TURN_RECEIVING,
        wwi_reading_turns(channel).done);
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
