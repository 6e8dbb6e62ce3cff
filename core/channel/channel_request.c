/* The messages of a client: requests, and the replies to them. */
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/channel_parts.h"
#include "core/channel/reply.h"

/* A message under way. */
struct transfer {
    struct wwi_exchange exchange;
    struct wwi_channel *channel;
    struct wwi_message *reply; /* to be filled, with a reference */
    char *request_id;
    bool receives;
};

static struct transfer *transfer_of(struct wwi_exchange *exchange)
{
    return WWI_CONTAINER(exchange, struct transfer, exchange);
}

wws_status wwi_channel_get_client(
    struct wwi_channel *channel,
    wws_string address,
    struct wwi_client **client,
    struct wwi_error *error)
{
    const wws_channel_options *ours = &channel->options;
    const struct wwi_client_options options = {
        .max_message_size = ours->max_message_size,
        .max_head_size = ours->max_http_headers_size,
        .resolve_timeout_ms = ours->resolve_timeout_ms,
        .connect_timeout_ms = ours->connect_timeout_ms,
        .send_timeout_ms = ours->send_timeout_ms,
        .response_timeout_ms = ours->receive_response_timeout_ms,
        .receive_timeout_ms = ours->receive_timeout_ms,
    };

    wwi_lock_take(&channel->synced.lock);
    *client = channel->synced.client;
    channel->synced.client = NULL;
    wwi_lock_give(&channel->synced.lock);
    if (*client != NULL)
        return WWS_S_OK;
    return channel->transport->client_create(channel->member.runtime, address,
        &options, client, error);
}

/* The channel has nothing to do with the exchange any more; false if that was
 * so already. */
static bool let_go(
    struct wwi_exchange *exchange,
    enum wwi_turn next,
    struct wwi_client *client)
{
    struct wwi_channel *channel = transfer_of(exchange)->channel;
    bool was_current;

    wwi_lock_take(&channel->synced.lock);
    was_current = channel->synced.current == exchange;
    if (was_current) {
        channel->synced.current = NULL;
        channel->synced.turn = next;
        channel->synced.client = client;
    }
    wwi_lock_give(&channel->synced.lock);
    if (was_current)
        wwi_exchange_unref(exchange);
    return was_current;
}

/* Ended early: the caller may send again as soon as he hears, while the owner
 * is still to reset the connection. */
static void transfer_ended(struct wwi_exchange *exchange)
{
    (void) let_go(exchange, WWI_TURN_IDLE, NULL);
}

static void transfer_over(struct wwi_exchange *exchange, bool whole)
{
    struct transfer *transfer = transfer_of(exchange);
    const struct wwi_transport *transport = transfer->channel->transport;
    struct wwi_client *client = exchange->client;

    exchange->client = NULL;
    if (whole && transfer->receives)
        transport->client_end(client);
    if (!let_go(exchange,
        whole && !transfer->receives ? WWI_TURN_SENT : WWI_TURN_IDLE,
        whole ? client : NULL) || !whole)
        transport->client_free(client);
}

static void transfer_retired(struct wwi_exchange *exchange)
{
    wwi_channel_leave_active(transfer_of(exchange)->channel);
}

static void transfer_destroy(struct wwi_exchange *exchange)
{
    struct transfer *transfer = transfer_of(exchange);

    if (transfer->reply != NULL)
        wwi_object_unref(&transfer->reply->object);
    wwi_free(transfer->request_id);
    wwi_object_unref(&transfer->channel->object);
    wwi_free(transfer);
}

static wws_status read_reply(
    struct transfer *transfer,
    struct wwi_bytes *envelope,
    const struct wwi_fields *fields,
    struct wwi_error *error)
{
    const wws_channel_options *ours = &transfer->channel->options;
    const struct wwi_reply_rules rules = {
        .envelope_version = ours->envelope_version,
        .addressing_version = ours->addressing_version,
        .request_id = transfer->request_id != NULL
            ? wwi_string(transfer->request_id) : (wws_string) { NULL, 0 },
        .http_status = transfer->exchange.client->trouble.http_status,
        .max_message_size = ours->max_message_size,
        .faults_as_errors = ours->faults_as_errors != 0,
    };
    wws_status status = wwi_message_begin_use(transfer->reply, error);

    if (status < 0)
        return status;
    status = wwi_reply_read(transfer->reply, envelope, fields, &rules, error);
    wwi_message_end_use(transfer->reply);
    return status;
}

static wws_status transfer_result(
    struct wwi_exchange *exchange,
    wws_status status)
{
    struct transfer *transfer = transfer_of(exchange);
    struct wwi_error *error = wwi_wait_error(&exchange->wait);
    struct wwi_bytes envelope = { 0 };
    struct wwi_fields fields;

    if (status >= 0 && transfer->receives)
        status = exchange->client->transport->client_take(exchange->client,
            &envelope, &fields);
    if (status == WWS_S_OK && transfer->receives)
        status = read_reply(transfer, &envelope, &fields, error);
    wwi_bytes_fini(&envelope);
    if (status < 0)
        (void) wwi_fail_static(error, status, transfer->receives
            ? "the message cannot be received"
            : "the message cannot be sent");
    return status;
}

static const struct wwi_exchange_callbacks transfer_callbacks = {
    .result = transfer_result,
    .ended = transfer_ended,
    .over = transfer_over,
    .retired = transfer_retired,
};

/* The channel begins to work on a message, if it is open and it is the turn of
 * that; says in which state it was refused otherwise.  Nobody can end it
 * before it is published, so that whatever fails until then is this thread's
 * to tell. */
static wws_status enter_turn(
    struct wwi_channel *channel,
    enum wwi_turn from,
    enum wwi_turn to,
    struct wwi_error *error,
    const char *what)
{
    wws_channel_state state;
    bool entered = false;
    enum wwi_turn turn;

    wwi_lock_take(&channel->synced.lock);
    state = channel->synced.state;
    turn = channel->synced.turn;
    /* Counted in any case: retiring takes it back. */
    channel->synced.active++;
    if (state == WWS_CHANNEL_STATE_OPEN && turn == from) {
        entered = true;
        channel->synced.turn = to;
    }
    wwi_lock_give(&channel->synced.lock);
    if (entered)
        return WWS_S_OK;
    if (state != WWS_CHANNEL_STATE_OPEN)
        return wwi_channel_refusal(state, error, what);
    return wwi_fail(error, WWS_E_INVALID_OPERATION,
        "cannot %s now: another message is under way, or it is not the turn "
        "of this", what);
}

static void leave_turn(struct wwi_channel *channel, enum wwi_turn back)
{
    wwi_lock_take(&channel->synced.lock);
    channel->synced.turn = back;
    wwi_lock_give(&channel->synced.lock);
}

/* Unless the channel was aborted or closed meanwhile. */
static wws_status publish(
    struct wwi_channel *channel,
    struct wwi_exchange *exchange,
    struct wwi_error *error)
{
    bool open;

    wwi_lock_take(&channel->synced.lock);
    open = channel->synced.state == WWS_CHANNEL_STATE_OPEN;
    if (open) {
        channel->synced.current = exchange;
        wwi_exchange_ref(exchange);
    }
    wwi_lock_give(&channel->synced.lock);
    return open ? WWS_S_OK : wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
        "the channel was aborted or closed");
}

static struct transfer *transfer_new(
    struct wwi_channel *channel,
    struct wwi_message *reply,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct transfer *transfer = wwi_alloc_zero(sizeof *transfer);

    if (transfer == NULL) {
        *status = wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
        return NULL;
    }
    *status = wwi_exchange_init(&transfer->exchange, &transfer_callbacks,
        transfer_destroy, channel->member.runtime, completion, error);
    if (*status < 0) {
        wwi_free(transfer);
        return NULL;
    }
    transfer->exchange.wait.owner = channel;
    transfer->channel = channel;
    transfer->receives = reply != NULL;
    transfer->reply = reply;
    wwi_object_ref(&channel->object);
    if (reply != NULL)
        wwi_object_ref(&reply->object);
    return transfer;
}

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
    };

    if (channel->synced.address != NULL)
        params.to = wwi_string(channel->synced.address);
    *outgoing = (struct wwi_outgoing) {
        .version = ours->envelope_version,
        .action = wwi_message_action(message),
        .fields = { .next = wwi_mapped_next, .state = &message->mapped },
        .fault = wwi_message_fault(message) != NULL,
    };
    return wwi_message_encode(message, &params, &outgoing->envelope, error);
}

static wws_status begin(
    struct transfer *transfer,
    struct wwi_client *client,
    struct wwi_message *request,
    struct wwi_error *error)
{
    struct wwi_outgoing outgoing = { 0 };
    wws_string id;
    wws_status status = wwi_message_begin_use(request, error);

    if (status < 0)
        return status;
    status = wwi_channel_encode(transfer->channel, request, &outgoing, error);
    id = request->standard[WWS_HEADER_MESSAGE_ID];
    if (status >= 0 && transfer->receives && id.size != 0) {
        transfer->request_id = wwi_string_copy(id);
        if (transfer->request_id == NULL)
            status = wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    }
    if (status >= 0)
        status = client->transport->client_begin(client, &outgoing,
            transfer->receives, error);
    wwi_bytes_fini(&outgoing.envelope);
    wwi_message_end_use(request);
    return status;
}

/* What cannot be received into is refused before anything is sent. */
static wws_status check_target(
    const struct wwi_channel *channel,
    struct wwi_message *message,
    struct wwi_error *error)
{
    return wwi_message_check_target(message,
        channel->options.envelope_version, channel->options.addressing_version,
        error);
}

/* Sends, and receives a reply if one is given. */
static wws_status send_request(
    struct wwi_channel *self,
    struct wwi_message *request,
    struct wwi_message *reply,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_client *client = NULL;
    struct transfer *transfer;
    wws_status status;

    if (self->listener != NULL)
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "a channel of a listener answers; it does not send requests");
    if (reply == request)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "reply: the same message as the request");
    if (reply != NULL && (status = check_target(self, reply, error)) < 0)
        return status;
    transfer = transfer_new(self, reply, completion, error, &status);
    if (transfer == NULL)
        return status;
    status = enter_turn(self, WWI_TURN_IDLE, WWI_TURN_SENDING, error, "send");
    if (status < 0)
        return wwi_exchange_refuse(&transfer->exchange, status);
    status = wwi_channel_get_client(self, wwi_string(self->synced.address),
        &client, error);
    if (status >= 0) {
        status = begin(transfer, client, request, error);
        if (status >= 0)
            status = publish(self, &transfer->exchange, error);
        if (status < 0)
            self->transport->client_free(client);
    }
    if (status < 0) {
        leave_turn(self, WWI_TURN_IDLE);
        return wwi_exchange_refuse(&transfer->exchange, status);
    }
    return wwi_exchange_run(&transfer->exchange, client);
}

wws_status wwi_channel_send(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    return send_request(self, message, NULL, completion, error);
}

wws_status wwi_channel_request_reply(
    struct wwi_channel *self,
    struct wwi_message *request,
    struct wwi_message *reply,
    const wws_completion *completion,
    struct wwi_error *error)
{
    return send_request(self, request, reply, completion, error);
}

static wws_status receive_reply(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct transfer *transfer;
    struct wwi_client *client;
    wws_status status;

    transfer = transfer_new(self, message, completion, error, &status);
    if (transfer == NULL)
        return status;
    status = enter_turn(self, WWI_TURN_SENT, WWI_TURN_RECEIVING, error,
        "receive");
    if (status < 0)
        return wwi_exchange_refuse(&transfer->exchange, status);
    wwi_lock_take(&self->synced.lock);
    client = self->synced.client;
    self->synced.client = NULL;
    wwi_lock_give(&self->synced.lock);
    self->transport->client_receive(client);
    status = publish(self, &transfer->exchange, error);
    if (status < 0) {
        self->transport->client_free(client);
        return wwi_exchange_refuse(&transfer->exchange, status);
    }
    return wwi_exchange_run(&transfer->exchange, client);
}

wws_status wwi_channel_receive(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status = check_target(self, message, error);

    if (status < 0)
        return status;
    if (self->listener == NULL)
        return receive_reply(self, message, completion, error);
    status = wwi_wait_check(self->member.runtime, completion, error);
    if (status < 0)
        return status;
    return wwi_channel_receive_request(self, message, error);
}

wws_status wwi_channel_cancel_receive(struct wwi_channel *self)
{
    struct wwi_exchange *exchange = NULL;

    wwi_lock_take(&self->synced.lock);
    if (self->synced.current != NULL
        && transfer_of(self->synced.current)->receives) {
        exchange = self->synced.current;
        wwi_exchange_ref(exchange);
    }
    wwi_lock_give(&self->synced.lock);
    if (exchange == NULL)
        return WWS_S_OK;
    (void) wwi_exchange_end(exchange, WWI_ENDING_STOP,
        WWS_E_OPERATION_CANCELLED, "the receive was cancelled");
    wwi_exchange_unref(exchange);
    return WWS_S_OK;
}
