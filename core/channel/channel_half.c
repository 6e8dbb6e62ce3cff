/* Messages that are half written or read, whichever it is: what a lane has of
 * them, and how it is given up. */
#include "core/channel/channel_half.h"

#include "core/base/gate.h"
#include "core/base/memory.h"

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

struct wwi_turns wwi_reading_turns(struct wwi_channel *channel)
{
    return wwi_channel_turns(channel, true, false);
}

struct wwi_turns wwi_writing_turns(struct wwi_channel *channel)
{
    return wwi_channel_turns(channel, false,
        !channel->duplex && channel->listener != NULL);
}

wws_status wwi_lane_move(
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
    if (moved) {
        lane->turn = to;
        channel->synced.active++;
    }
    wwi_lock_give(&channel->synced.lock);
    WWI_GATE(LANE_ENTERED);
    if (moved)
        return WWS_S_OK;
    if (state != WWS_CHANNEL_STATE_OPEN)
        return wwi_channel_refusal(state, error, what);
    return wwi_fail(error, WWS_E_INVALID_OPERATION,
        "cannot %s now: this is not the message that is under way, or an "
        "operation on it is pending", what);
}

void wwi_lane_leave(
    struct wwi_channel *channel,
    struct wwi_lane *lane,
    enum wwi_turn from,
    enum wwi_turn to)
{
    wwi_lock_take(&channel->synced.lock);
    if (lane->turn == from)
        lane->turn = to;
    wwi_lock_give(&channel->synced.lock);
    wwi_channel_leave_active(channel);
}

wws_status wwi_lane_put_message(
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

void wwi_lane_drop_message(
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
    wwi_channel_leave_active(channel);
}

wws_status wwi_half_end(
    struct wwi_message *message,
    enum wwi_message_event event,
    struct wwi_error *error)
{
    wws_status status = wwi_message_begin_use(message, error);

    if (status < 0)
        return status;
    if (wwi_message_move(message, event))
        message->channel = 0;
    else
        status = wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the message is not in the state for that");
    wwi_message_end_use(message);
    return status;
}

struct wwi_transfer *wwi_half_transfer(
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

struct wwi_transfer *wwi_half_transfer_on(
    struct wwi_channel *channel,
    int lane,
    struct wwi_turns turns,
    const struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct wwi_transfer *transfer = wwi_half_transfer(channel, lane, turns,
        completion, error, status);

    if (transfer != NULL)
        transfer->half = message;
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
    const struct wwi_turns turns = reads ? wwi_reading_turns(channel)
        : wwi_writing_turns(channel);
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

wws_status wwi_half_abandon(
    struct wwi_channel *channel,
    const struct wwi_message *message)
{
    struct abandoned abandoned = { 0 };
    wws_status status;

    wwi_lock_take(&channel->synced.lock);
    status = try_abandon_locked(channel, message, &abandoned);
    wwi_lock_give(&channel->synced.lock);
    WWI_GATE(MESSAGE_ABANDONED);
    if (abandoned.client != NULL)
        abandoned.client->transport->client_free(abandoned.client);
    wwi_half_free(abandoned.half);
    return status;
}

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
    status = wwi_half_abandon(self, message);
    if (status == WWS_E_INVALIDARG && was_let_go(self, message))
        status = WWS_S_OK;
    if (status >= 0) {
        (void) wwi_message_move(message, WWI_MESSAGE_GIVE_UP);
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
    (void) wwi_half_abandon(channel, message);
    wwi_object_unref(&channel->object);
}
