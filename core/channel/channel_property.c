/* What can be asked of a channel, and set. */
#include "core/channel/channel_parts.h"

/* Properties that may be set, and where they are. */
static uint32_t *time_of(
    struct wwi_channel_settings *settings,
    wws_channel_property property)
{
    switch (property) {
    case WWS_CHANNEL_PROPERTY_RESOLVE_TIMEOUT:
        return &settings->resolve_timeout_ms;
    case WWS_CHANNEL_PROPERTY_CONNECT_TIMEOUT:
        return &settings->connect_timeout_ms;
    case WWS_CHANNEL_PROPERTY_SEND_TIMEOUT:
        return &settings->send_timeout_ms;
    case WWS_CHANNEL_PROPERTY_RECEIVE_RESPONSE_TIMEOUT:
        return &settings->response_timeout_ms;
    case WWS_CHANNEL_PROPERTY_RECEIVE_TIMEOUT:
        return &settings->receive_timeout_ms;
    case WWS_CHANNEL_PROPERTY_CLOSE_TIMEOUT:
        return &settings->close_timeout_ms;
    default:
        return NULL;
    }
}

wws_channel_type wwi_channel_type(bool duplex, bool server)
{
    return duplex ? WWS_CHANNEL_TYPE_DUPLEX_SESSION
        : server ? WWS_CHANNEL_TYPE_REPLY : WWS_CHANNEL_TYPE_REQUEST;
}

/* Those of one transport alone; false for another. */
static bool of_transport(
    const struct wwi_channel *channel,
    wws_channel_property property,
    uint64_t *value)
{
    switch (channel->options.transport) {
    case WWS_TRANSPORT_HTTP:
        *value = channel->options.max_http_headers_size;
        return property == WWS_CHANNEL_PROPERTY_MAX_HTTP_HEADERS_SIZE;
    case WWS_TRANSPORT_TCP:
        *value = 1;
        return property == WWS_CHANNEL_PROPERTY_NO_DELAY;
    default:
        return false;
    }
}

/* Those that are fixed; false for another. */
static bool fixed(
    const struct wwi_channel *channel,
    wws_channel_property property,
    uint64_t *value)
{
    const wws_channel_options *options = &channel->options;

    switch (property) {
    case WWS_CHANNEL_PROPERTY_MAX_MESSAGE_SIZE:
        *value = options->max_message_size;
        return true;
    case WWS_CHANNEL_PROPERTY_MAX_STREAMED_MESSAGE_SIZE:
        *value = options->max_streamed_message_size;
        return true;
    case WWS_CHANNEL_PROPERTY_MAX_STREAMED_START_SIZE:
        *value = options->max_streamed_start_size;
        return true;
    case WWS_CHANNEL_PROPERTY_ENCODING:
        *value = options->encoding;
        return true;
    case WWS_CHANNEL_PROPERTY_ENVELOPE_VERSION:
        *value = options->envelope_version;
        return true;
    case WWS_CHANNEL_PROPERTY_ADDRESSING_VERSION:
        *value = options->addressing_version;
        return true;
    case WWS_CHANNEL_PROPERTY_TRANSFER_MODE:
        *value = options->transfer_mode;
        return true;
    case WWS_CHANNEL_PROPERTY_IP_VERSION:
        *value = options->ip_version;
        return true;
    case WWS_CHANNEL_PROPERTY_CHANNEL_TYPE:
        *value = wwi_channel_type(channel->duplex, channel->listener != NULL);
        return true;
    default:
        return of_transport(channel, property, value);
    }
}

static wws_status no_property(struct wwi_error *error)
{
    return wwi_fail_static(error, WWS_E_INVALIDARG,
        "property: a channel has no such property, or not for this");
}

static wws_status get_shut_down_locked(
    const struct wwi_channel *channel,
    uint64_t *value)
{
    wws_channel_state state = channel->synced.state;

    if (!channel->duplex)
        return WWS_E_INVALIDARG;
    if (state != WWS_CHANNEL_STATE_OPEN && state != WWS_CHANNEL_STATE_FAULTED)
        return WWS_E_INVALID_OPERATION;
    *value = channel->synced.shut_down;
    return WWS_S_OK;
}

/* Only a channel that was accepted over HTTP has one. */
static bool has_request(const struct wwi_channel *channel)
{
    return channel->listener != NULL
        && channel->options.transport == WWS_TRANSPORT_HTTP;
}

/* Where an open channel has what it says of its connection: in its session, or
 * in the request that it has. */
struct origin {
    const struct wwi_session *session;
    const struct wwi_incoming *incoming;
};

static struct origin origin_locked(const struct wwi_channel *channel)
{
    struct origin origin = { 0 };

    if (channel->synced.state != WWS_CHANNEL_STATE_OPEN)
        return origin;
    origin.incoming = channel->synced.incoming;
    if (channel->synced.mux != NULL)
        origin.session = wwi_mux_session(channel->synced.mux);
    return origin;
}

static wws_status get_connection_locked(
    const struct wwi_channel *channel,
    uint64_t *value)
{
    const struct origin origin = origin_locked(channel);

    if (!has_request(channel))
        return WWS_E_INVALIDARG;
    if (origin.session == NULL && origin.incoming == NULL)
        return WWS_E_INVALID_OPERATION;
    *value = origin.session != NULL ? origin.session->connection
        : origin.incoming->connection;
    return WWS_S_OK;
}

static wws_status get_locked(
    struct wwi_channel *channel,
    wws_channel_property property,
    uint64_t *value)
{
    const uint32_t *time = time_of(&channel->synced.settings, property);

    if (time != NULL)
        *value = *time;
    else if (property == WWS_CHANNEL_PROPERTY_STATE)
        *value = wwi_channel_look_locked(channel);
    else if (property == WWS_CHANNEL_PROPERTY_FAULTS_AS_ERRORS)
        *value = channel->synced.settings.faults_as_errors;
    else if (property == WWS_CHANNEL_PROPERTY_IS_SESSION_SHUT_DOWN)
        return get_shut_down_locked(channel, value);
    else if (property == WWS_CHANNEL_PROPERTY_HTTP_CONNECTION_ID)
        return get_connection_locked(channel, value);
    else
        return WWS_E_INVALIDARG;
    return WWS_S_OK;
}

wws_status wwi_channel_get_property(
    struct wwi_channel *self,
    wws_channel_property property,
    uint64_t *value,
    struct wwi_error *error)
{
    wws_status status;

    uint64_t found;

    if (fixed(self, property, &found)) {
        *value = found;
        return WWS_S_OK;
    }
    wwi_lock_take(&self->synced.lock);
    status = get_locked(self, property, value);
    wwi_lock_give(&self->synced.lock);
    if (status == WWS_E_INVALID_OPERATION)
        return wwi_fail_static(error, status,
            "the channel does not have that in this state");
    return status < 0 ? no_property(error) : status;
}

wws_status wwi_channel_set_property(
    struct wwi_channel *self,
    wws_channel_property property,
    uint64_t value,
    struct wwi_error *error)
{
    bool flag = property == WWS_CHANNEL_PROPERTY_FAULTS_AS_ERRORS;
    uint32_t *time = time_of(&self->synced.settings, property);

    if (time == NULL && !flag)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "property: a channel has no such property that may be set");
    if (value > (flag ? 1 : WWS_INFINITE) || (time != NULL && value == 0))
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "value: out of the range of the property");
    wwi_lock_take(&self->synced.lock);
    if (flag)
        self->synced.settings.faults_as_errors = value != 0;
    else
        *time = (uint32_t) value;
    wwi_lock_give(&self->synced.lock);
    return WWS_S_OK;
}

/* Of an open channel only: a client's session has them from then on. */
static void append_text_locked(
    const struct wwi_channel *channel,
    wws_channel_text property,
    struct wwi_bytes *text)
{
    const struct origin origin = origin_locked(channel);
    bool url = property == WWS_CHANNEL_TEXT_TRANSPORT_URL;

    if (origin.session != NULL)
        wwi_bytes_append_string(text, url ? origin.session->via
            : origin.session->remote);
    else if (origin.incoming != NULL && url)
        origin.incoming->calls->append_url(origin.incoming, text);
    else if (origin.incoming != NULL)
        wwi_bytes_append_string(text, origin.incoming->remote);
}

wws_status wwi_channel_get_text(
    struct wwi_channel *self,
    wws_channel_text property,
    wws_buffer *text,
    struct wwi_error *error)
{
    struct wwi_bytes copy = { 0 };
    bool found;

    if (!self->duplex && self->listener == NULL)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "property: the channel of a client has it only with a session");
    wwi_lock_take(&self->synced.lock);
    append_text_locked(self, property, &copy);
    wwi_lock_give(&self->synced.lock);
    found = copy.size != 0;
    if (copy.failed) {
        wwi_bytes_fini(&copy);
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    }
    if (!found)
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the channel does not have that text in this state");
    wwi_bytes_to_buffer(&copy, text);
    return WWS_S_OK;
}

/* Ending what this side sends. */

/* The session that is to be shut down, with a reference; or null. */
static struct wwi_mux *begin_shutdown(
    struct wwi_channel *channel,
    wws_channel_state *state)
{
    const struct wwi_lane *lane = &channel->synced.lanes[WWI_LANE_SEND];
    struct wwi_mux *mux = NULL;

    wwi_lock_take(&channel->synced.lock);
    *state = wwi_channel_look_locked(channel);
    if (channel->duplex && *state == WWS_CHANNEL_STATE_OPEN
        && !channel->synced.shut_down && lane->turn == WWI_TURN_IDLE) {
        channel->synced.shut_down = true;
        mux = channel->synced.mux;
        wwi_mux_ref(mux);
    }
    wwi_lock_give(&channel->synced.lock);
    return mux;
}

wws_status wwi_channel_shutdown_session(
    struct wwi_channel *self,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status = wwi_wait_check(self->member.runtime, completion,
        error);
    wws_channel_state state;
    struct wwi_mux *mux;

    if (status < 0)
        return status;
    mux = begin_shutdown(self, &state);
    if (mux != NULL) {
        wwi_mux_shutdown(mux);
        wwi_mux_unref(mux);
        return WWS_S_OK;
    }
    if (state != WWS_CHANNEL_STATE_OPEN)
        return wwi_channel_refusal(state, error, "shut down the session of");
    return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
        "there is no session, it is shut down, or a message is being sent");
}
