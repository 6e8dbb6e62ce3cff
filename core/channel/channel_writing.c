/* Messages that are written in pieces.
 *
 * Where messages travel whole, nothing is sent before the end of one; what
 * stands before is local.  Where they travel in pieces, each function is a
 * transfer of its own, on the client that the first of them began with. */
#include "core/channel/channel_half.h"

static wws_status begin_writing_whole(
    struct wwi_channel *channel,
    struct wwi_message *message,
    struct wwi_error *error)
{
    struct wwi_lane *lane = wwi_channel_lane(channel, WWI_LANE_SEND);
    const enum wwi_turn from = wwi_writing_turns(channel).from;
    wws_status status = wwi_lane_move(channel, lane, NULL, from,
        WWI_TURN_SENDING, "write", error);

    if (status < 0)
        return status;
    status = wwi_message_begin_writing(message, channel->object.id,
        channel->options.envelope_version, channel->options.addressing_version,
        error);
    if (status < 0) {
        wwi_lane_leave(channel, lane, WWI_TURN_SENDING, from);
        return status;
    }
    status = wwi_lane_put_message(channel, lane, message, WWI_TURN_SENDING,
        WWI_TURN_WRITING, error);
    wwi_channel_leave_active(channel);
    return status;
}

static wws_status begin_head(
    struct wwi_transfer *transfer,
    struct wwi_client *client,
    struct wwi_error *error)
{
    struct wwi_message *message = transfer->message;
    struct wwi_outgoing outgoing = { .more = true };
    wws_status status = wwi_channel_encode(transfer->channel, message,
        &outgoing, error);

    if (status >= 0)
        status = client->transport->client_begin(client, &outgoing, false,
            error);
    wwi_bytes_fini(&outgoing.envelope);
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
        (void) wwi_message_move(transfer->message, WWI_MESSAGE_WRITE_START);
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
    struct wwi_turns turns = wwi_writing_turns(channel);
    struct wwi_transfer *transfer;
    wws_status status;

    turns.done = WWI_TURN_WRITING;
    transfer = wwi_half_transfer(channel, WWI_LANE_SEND, turns, completion,
        error, &status);
    if (transfer == NULL)
        return status;
    transfer->begin = begin_head;
    transfer->result = head_written;
    status = wwi_transfer_fill(transfer, message, error);
    if (status < 0)
        return wwi_transfer_refuse(transfer, status);
    transfer->pieces = wwi_pieces_new_writing();
    if (transfer->pieces == NULL)
        return wwi_transfer_refuse(transfer, wwi_fail_static(error,
            WWS_E_OUTOFMEMORY, "no memory"));
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
    wws_status status = wwi_lane_move(channel, lane, message, WWI_TURN_WRITING,
        WWI_TURN_SENDING, "write", error);

    if (status < 0)
        return status;
    status = wwi_message_write_body(message, piece,
        channel->options.max_message_size, error);
    wwi_lane_leave(channel, lane, WWI_TURN_SENDING, WWI_TURN_WRITING);
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

static wws_status send_piece(
    struct wwi_channel *channel,
    struct wwi_message *message,
    wws_bytes piece,
    const wws_completion *completion,
    struct wwi_error *error)
{
    const struct wwi_turns turns = { WWI_TURN_WRITING, WWI_TURN_SENDING,
        WWI_TURN_WRITING, wwi_writing_turns(channel).failed };
    wws_status status;
    struct wwi_transfer *transfer = wwi_half_transfer_on(channel,
        WWI_LANE_SEND, turns, message, completion, error, &status);

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
    wws_status status = wwi_lane_move(channel, lane, message, WWI_TURN_WRITING,
        WWI_TURN_SENDING, "write", error);

    if (status < 0)
        return status;
    status = wwi_message_end_writing(message, error);
    wwi_lane_drop_message(channel, lane, WWI_TURN_SENDING,
        wwi_writing_turns(channel).from);
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
    wws_status status = wwi_half_end(transfer->what, WWI_MESSAGE_WRITE_END,
        error);

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
    struct wwi_turns turns = wwi_writing_turns(channel);
    struct wwi_transfer *transfer;
    wws_status status;

    turns.from = WWI_TURN_WRITING;
    transfer = wwi_half_transfer_on(channel, WWI_LANE_SEND, turns, message,
        completion, error, &status);
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
        (void) wwi_half_abandon(channel, message);
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
