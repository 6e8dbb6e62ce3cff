/* How a channel gets its connection: a client of the transport, a session that
 * lives as long as the channel, or a session for each exchange. */
#include "core/channel/channel_parts.h"

static struct wwi_channel_settings settings_of(struct wwi_channel *channel)
{
    struct wwi_channel_settings settings;

    wwi_lock_take(&channel->synced.lock);
    settings = channel->synced.settings;
    wwi_lock_give(&channel->synced.lock);
    return settings;
}

struct wwi_client_options wwi_channel_client_options(
    struct wwi_channel *channel)
{
    const struct wwi_channel_settings settings = settings_of(channel);
    const wws_channel_options *ours = &channel->options;

    return (struct wwi_client_options) {
        .max_message_size = ours->max_message_size,
        .max_head_size = ours->max_http_headers_size,
        .resolve_timeout_ms = settings.resolve_timeout_ms,
        .connect_timeout_ms = settings.connect_timeout_ms,
        .send_timeout_ms = settings.send_timeout_ms,
        .response_timeout_ms = settings.response_timeout_ms,
        .receive_timeout_ms = settings.receive_timeout_ms,
        .ip_version = ours->ip_version,
        .version = ours->envelope_version,
        .max_streamed_size = channel->streamed
            ? ours->max_streamed_message_size : 0,
        .custom = channel->custom,
    };
}

static struct wwi_mux_options mux_options(const struct wwi_channel *channel)
{
    const wws_channel_options *ours = &channel->options;

    return (struct wwi_mux_options) {
        .max_message_size = ours->max_message_size,
        .receives = true,
        .correlates = channel->duplex,
        .version = ours->envelope_version,
        .addressing = ours->addressing_version,
    };
}

static wws_status make_mux(
    struct wwi_channel *channel,
    wws_string address,
    struct wwi_mux **mux,
    struct wwi_error *error)
{
    const struct wwi_client_options options =
        wwi_channel_client_options(channel);
    const struct wwi_mux_options of_mux = mux_options(channel);
    struct wwi_session *session;
    wws_status status = channel->transport->session_create(
        channel->member.runtime, address, &options, &session, error);

    if (status < 0)
        return status;
    status = wwi_mux_create(session, false, &of_mux, mux, error);
    if (status < 0)
        session->calls->free(session);
    return status;
}

/* With a reference, or null. */
static struct wwi_mux *hold_mux(struct wwi_channel *channel)
{
    struct wwi_mux *mux;

    wwi_lock_take(&channel->synced.lock);
    mux = channel->synced.mux;
    if (mux != NULL)
        wwi_mux_ref(mux);
    wwi_lock_give(&channel->synced.lock);
    return mux;
}

/* Only opening connects a session, and nobody an accepted channel: one that has
 * no connection any more was closed. */
static wws_status may_connect(
    const struct wwi_channel *channel,
    struct wwi_error *error)
{
    return !channel->duplex && channel->listener == NULL ? WWS_S_OK
        : wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
            "the channel was aborted or closed");
}

wws_status wwi_channel_make_client(
    struct wwi_channel *channel,
    wws_string address,
    struct wwi_mux *mux,
    struct wwi_client **client,
    struct wwi_error *error)
{
    const struct wwi_client_options options =
        wwi_channel_client_options(channel);
    wws_status status = WWS_S_OK;

    if (!channel->duplex && !channel->streamed)
        return channel->transport->client_create(channel->member.runtime,
            address, &options, client, error);
    if (mux != NULL)
        wwi_mux_ref(mux);
    else
        mux = hold_mux(channel);
    if (mux == NULL)
        status = may_connect(channel, error);
    if (mux == NULL && status >= 0)
        status = make_mux(channel, address, &mux, error);
    if (status < 0)
        return status;
    status = wwi_mux_client(mux, channel->streamed, client, error);
    wwi_mux_unref(mux);
    if (status >= 0)
        wwi_mux_clients.client_set_times(*client, &options);
    return status;
}

/* Opening a session: a transfer without a message. */

static wws_status begin_opening(
    struct wwi_transfer *transfer,
    struct wwi_client *client,
    struct wwi_error *error)
{
    (void) transfer;
    return client->transport->client_begin(client, NULL, false, error);
}

static wws_status opened(struct wwi_transfer *transfer, wws_status status)
{
    struct wwi_error *error = wwi_wait_error(&transfer->exchange.wait);

    if (!wwi_channel_end_opening(transfer, status >= 0) && status >= 0)
        return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
            "the channel was aborted while it was opened");
    return status >= 0 ? status : wwi_fail_static(error, status,
        "the channel cannot be opened");
}

wws_status wwi_channel_open_session(
    struct wwi_channel *channel,
    uint32_t opens,
    wws_string address,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status;
    struct wwi_transfer *transfer = wwi_transfer_new(channel, completion,
        error, &status);

    if (transfer == NULL)
        return status;
    transfer->state = WWS_CHANNEL_STATE_OPENING;
    transfer->opens = opens;
    transfer->turns = (struct wwi_turns) { WWI_TURN_IDLE, WWI_TURN_OPENING,
        WWI_TURN_IDLE, WWI_TURN_IDLE };
    transfer->begin = begin_opening;
    transfer->result = opened;
    status = make_mux(channel, address, &transfer->mux, error);
    if (status < 0)
        return wwi_transfer_refuse(transfer, status);
    return wwi_transfer_run(transfer, "open", error);
}
