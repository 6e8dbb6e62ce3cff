/* One end of a conversation. */
#include "core/channel/channel.h"

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/closing.h"
#include "core/channel/exchange.h"
#include "core/channel/listener.h"
#include "core/channel/reply.h"

enum {
    CREATED = WWS_CHANNEL_STATE_CREATED,
    OPENING = WWS_CHANNEL_STATE_OPENING,
    ACCEPTING = WWS_CHANNEL_STATE_ACCEPTING,
    OPEN = WWS_CHANNEL_STATE_OPEN,
    FAULTED = WWS_CHANNEL_STATE_FAULTED,
    CLOSING = WWS_CHANNEL_STATE_CLOSING,
    CLOSED = WWS_CHANNEL_STATE_CLOSED,
    NO = CLOSED + 1,
};

enum event { EVENT_OPEN, EVENT_ACCEPT, EVENT_DONE, EVENT_FAIL, EVENT_ABORT,
    EVENT_CLOSE, EVENT_RESET, EVENTS };

/* The abort latch of CREATED (D1) is a flag beside the state.
                    open     accept     done    fail     abort    close    reset */
static const uint8_t moves[][EVENTS] = {
    [CREATED]   = { OPENING, ACCEPTING, NO,     NO,      CREATED, CLOSED,  CREATED },
    [OPENING]   = { NO,      NO,        OPEN,   CREATED, CREATED, NO,      NO      },
    [ACCEPTING] = { NO,      NO,        OPEN,   CREATED, CREATED, NO,      NO      },
    [OPEN]      = { NO,      NO,        NO,     FAULTED, FAULTED, CLOSING, NO      },
    [FAULTED]   = { NO,      NO,        NO,     NO,      FAULTED, CLOSING, NO      },
    [CLOSING]   = { NO,      NO,        CLOSED, CLOSED,  CLOSING, NO,      NO      },
    [CLOSED]    = { NO,      NO,        NO,     NO,      CLOSED,  CLOSED,  CREATED },
};

/* Where a conversation over HTTP is. */
enum turn {
    TURN_IDLE,     /* client: may send; server: nothing received yet */
    TURN_SENDING,
    TURN_SENT,     /* client: a reply is owed */
    TURN_RECEIVING,
    TURN_RECEIVED, /* server: an answer is owed */
    TURN_OVER,     /* server: answered */
};

struct answer;

struct wwi_channel {
    struct wwi_object object;
    struct wwi_member member;
    wws_channel_options options; /* set by create, then read only */
    const struct wwi_transport *transport;
    struct wwi_listener *listener; /* of a server's channel, referenced */
    struct wwi_post reap;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        wws_channel_state state;
        enum turn turn;
        uint32_t opens; /* which open it is that the state tells of */
        bool latched; /* aborted when it was only created */
        bool aborted; /* while it was closing */
        bool dropped; /* aborted while an accept was ending */
        char *address;
        struct wwi_client *client;     /* while no exchange has it */
        struct wwi_exchange *current;
        struct wwi_accept *accept;
        struct wwi_incoming *incoming;
        struct answer *answer;         /* the transport may still stop it */
        uint32_t active;
        struct wwi_closing *closing;
    } synced;
};

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

static const char *state_name(wws_channel_state state)
{
    static const char *const names[] = { "created", "opening", "accepting",
        "open", "faulted", "closing", "closed" };

    return names[state];
}

static bool move_locked(struct wwi_channel *channel, enum event event)
{
    uint8_t next = moves[channel->synced.state][event];

    if (next == NO)
        return false;
    if (next != channel->synced.state)
        wwi_log_write(channel->member.runtime->log, WWS_LOG_LEVEL_INFO,
            WWS_PHASE_NONE, "channel %llx: %s to %s",
            (unsigned long long) channel->object.id,
            state_name(channel->synced.state), state_name(next));
    channel->synced.state = next;
    return true;
}

/* FLT for what would be legal when open, INV for all else (L3). */
static wws_status refusal(
    wws_channel_state state,
    struct wwi_error *error,
    const char *what)
{
    if (state == FAULTED)
        return wwi_fail(error, WWS_E_OBJECT_FAULTED,
            "cannot %s through a channel that is faulted", what);
    return wwi_fail(error, WWS_E_INVALID_OPERATION,
        "cannot %s a channel that is %s", what, state_name(state));
}

/* The end of what is active. */

static void settle(struct wwi_channel *channel)
{
    struct wwi_closing *closing = NULL;
    struct wwi_client *client = NULL;
    struct wwi_incoming *incoming = NULL;
    wws_status status = WWS_S_OK;

    wwi_lock_take(&channel->synced.lock);
    if (channel->synced.active == 0 && channel->synced.state >= FAULTED) {
        client = channel->synced.client;
        channel->synced.client = NULL;
        incoming = channel->synced.incoming;
        channel->synced.incoming = NULL;
    }
    if (channel->synced.active == 0 && channel->synced.state == CLOSING) {
        (void) move_locked(channel, EVENT_DONE);
        closing = channel->synced.closing;
        channel->synced.closing = NULL;
        if (channel->synced.aborted)
            status = WWS_E_OPERATION_ABORTED;
    }
    wwi_lock_give(&channel->synced.lock);
    if (client != NULL)
        channel->transport->client_free(client);
    if (incoming != NULL)
        channel->transport->incoming_drop(incoming);
    if (closing != NULL)
        wwi_closing_end(closing, status);
}

static void leave_active(struct wwi_channel *channel)
{
    wwi_lock_take(&channel->synced.lock);
    channel->synced.active--;
    wwi_lock_give(&channel->synced.lock);
    settle(channel);
}

/* A client's messages. */

static wws_status get_client(
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
    enum turn next,
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
    (void) let_go(exchange, TURN_IDLE, NULL);
}

static void transfer_over(struct wwi_exchange *exchange, bool whole)
{
    struct transfer *transfer = transfer_of(exchange);
    const struct wwi_transport *transport = transfer->channel->transport;
    struct wwi_client *client = exchange->client;

    exchange->client = NULL;
    if (whole && transfer->receives)
        transport->client_end(client);
    if (!let_go(exchange, whole && !transfer->receives ? TURN_SENT : TURN_IDLE,
        whole ? client : NULL) || !whole)
        transport->client_free(client);
}

static void transfer_retired(struct wwi_exchange *exchange)
{
    leave_active(transfer_of(exchange)->channel);
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
 * that; says in which state it was refused otherwise.  Nobody can end it before
 * it is published, so that whatever fails until then is this thread's to tell. */
static wws_status enter_turn(
    struct wwi_channel *channel,
    enum turn from,
    enum turn to,
    struct wwi_error *error,
    const char *what)
{
    wws_channel_state state;
    bool entered = false;
    enum turn turn;

    wwi_lock_take(&channel->synced.lock);
    state = channel->synced.state;
    turn = channel->synced.turn;
    /* Counted in any case: retiring takes it back. */
    channel->synced.active++;
    if (state == OPEN && turn == from) {
        entered = true;
        channel->synced.turn = to;
    }
    wwi_lock_give(&channel->synced.lock);
    if (entered)
        return WWS_S_OK;
    if (state != OPEN)
        return refusal(state, error, what);
    return wwi_fail(error, WWS_E_INVALID_OPERATION,
        "cannot %s now: another message is under way, or it is not the turn "
        "of this", what);
}

static void leave_turn(struct wwi_channel *channel, enum turn back)
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
    open = channel->synced.state == OPEN;
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

/* Writes a message that is in use; it is done after that. */
static wws_status encode(
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
    status = encode(transfer->channel, request, &outgoing, error);
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
    status = enter_turn(self, TURN_IDLE, TURN_SENDING, error, "send");
    if (status < 0)
        return wwi_exchange_refuse(&transfer->exchange, status);
    status = get_client(self, wwi_string(self->synced.address), &client,
        error);
    if (status >= 0) {
        status = begin(transfer, client, request, error);
        if (status >= 0)
            status = publish(self, &transfer->exchange, error);
        if (status < 0)
            self->transport->client_free(client);
    }
    if (status < 0) {
        leave_turn(self, TURN_IDLE);
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
    status = enter_turn(self, TURN_SENT, TURN_RECEIVING, error, "receive");
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

/* A server's messages. */

static bool next_incoming(
    const void *state,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    const struct wwi_incoming *incoming = state;

    return incoming->fields.next != NULL
        && incoming->fields.next(incoming->fields.state, index, name, value);
}

static wws_status read_request(
    struct wwi_channel *channel,
    struct wwi_incoming *incoming,
    struct wwi_message *message,
    struct wwi_error *error)
{
    const struct wwi_fields fields = {
        .next = next_incoming,
        .state = incoming,
    };
    const struct wwi_reply_rules rules = {
        .envelope_version = channel->options.envelope_version,
        .addressing_version = channel->options.addressing_version,
    };
    wws_status status = wwi_message_begin_use(message, error);

    if (status < 0)
        return status;
    status = wwi_reply_read(message, &incoming->envelope, &fields, &rules,
        error);
    if (status >= 0 && incoming->has_action)
        status = wwi_message_put_action(message, incoming->action);
    wwi_message_end_use(message);
    return status;
}

/* The request is here already: an accepted channel has it. */
static wws_status receive_request(
    struct wwi_channel *self,
    struct wwi_message *message,
    struct wwi_error *error)
{
    struct wwi_incoming *incoming = NULL;
    wws_channel_state state;
    wws_status status;
    enum turn turn;

    wwi_lock_take(&self->synced.lock);
    state = self->synced.state;
    turn = self->synced.turn;
    if (state == OPEN && turn == TURN_IDLE) {
        incoming = self->synced.incoming;
        self->synced.incoming = NULL;
        self->synced.turn = TURN_RECEIVING;
        self->synced.active++;
    }
    wwi_lock_give(&self->synced.lock);
    if (state != OPEN)
        return refusal(state, error, "receive");
    if (turn == TURN_SENDING || turn == TURN_RECEIVING)
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "another message is under way");
    if (incoming == NULL)
        return WWS_S_END;
    status = read_request(self, incoming, message, error);
    wwi_lock_take(&self->synced.lock);
    self->synced.incoming = incoming;
    self->synced.turn = TURN_RECEIVED;
    wwi_lock_give(&self->synced.lock);
    leave_active(self);
    return status;
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
    return receive_request(self, message, error);
}

/* An answer under way. */
struct answer {
    struct wwi_wait wait;
    struct wwi_channel *channel;
    struct wwi_incoming *incoming; /* the transport's when that has replied */
    _Atomic uint32_t references;
};

static void answer_unref(struct answer *answer)
{
    if (atomic_fetch_sub(&answer->references, 1) != 1)
        return;
    wwi_wait_fini(&answer->wait);
    wwi_object_unref(&answer->channel->object);
    wwi_free(answer);
}

static void answer_heard(struct wwi_wait *wait)
{
    leave_active(WWI_CONTAINER(wait, struct answer, wait)->channel);
}

static void answer_release(struct wwi_wait *wait)
{
    answer_unref(WWI_CONTAINER(wait, struct answer, wait));
}

/* The request is the transport's from here on, and nobody may stop it. */
static void answered(void *state, const struct wwi_outcome *outcome)
{
    struct answer *answer = state;
    struct wwi_channel *channel = answer->channel;

    wwi_lock_take(&channel->synced.lock);
    channel->synced.answer = NULL;
    wwi_lock_give(&channel->synced.lock);
    if (wwi_pending_take(&answer->wait.pending))
        wwi_wait_finish(&answer->wait, outcome);
    answer_unref(answer);
}

static struct answer *answer_new(
    struct wwi_channel *channel,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct answer *answer = wwi_alloc_zero(sizeof *answer);

    if (answer == NULL) {
        *status = wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
        return NULL;
    }
    *status = wwi_wait_init(&answer->wait, channel->member.runtime, completion,
        error);
    if (*status < 0) {
        wwi_free(answer);
        return NULL;
    }
    answer->wait.owner = channel;
    answer->wait.delivered = answer_heard;
    answer->wait.release = answer_release;
    answer->channel = channel;
    atomic_init(&answer->references, 2);
    wwi_object_ref(&channel->object);
    (void) wwi_pending_start(&answer->wait.pending);
    return answer;
}

static wws_status encode_answer(
    struct wwi_channel *channel,
    struct wwi_message *reply,
    struct wwi_outgoing *outgoing,
    struct wwi_error *error)
{
    wws_status status = wwi_message_begin_use(reply, error);

    if (status < 0)
        return status;
    if (reply->initialization == WWS_MESSAGE_INITIALIZATION_REPLY
        || reply->initialization == WWS_MESSAGE_INITIALIZATION_FAULT)
        status = encode(channel, reply, outgoing, error);
    else
        status = wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the message was not initialized as a reply or a fault");
    wwi_message_end_use(reply);
    return status;
}

/* Takes the request that is to be answered. */
static wws_status begin_answer(
    struct wwi_channel *channel,
    struct answer *answer,
    struct wwi_error *error)
{
    wws_channel_state state;

    wwi_lock_take(&channel->synced.lock);
    state = channel->synced.state;
    if (state == OPEN && channel->synced.turn == TURN_RECEIVED) {
        answer->incoming = channel->synced.incoming;
        channel->synced.incoming = NULL;
        channel->synced.answer = answer;
        channel->synced.turn = TURN_OVER;
        channel->synced.active++;
    }
    wwi_lock_give(&channel->synced.lock);
    if (answer->incoming != NULL)
        return WWS_S_OK;
    return state != OPEN ? refusal(state, error, "answer")
        : wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "there is no request to be answered");
}

/* There is nothing to send.  The result is the status, unless somebody has
 * ended the wait already. */
static wws_status give_answer_up(
    struct answer *answer,
    const wws_completion *completion,
    wws_status status)
{
    struct wwi_channel *channel = answer->channel;
    bool took = wwi_pending_take(&answer->wait.pending);

    wwi_lock_take(&channel->synced.lock);
    channel->synced.answer = NULL;
    channel->synced.incoming = answer->incoming;
    channel->synced.turn = TURN_RECEIVED;
    wwi_lock_give(&channel->synced.lock);
    /* Whoever has heard already did not find the request. */
    settle(channel);
    if (took) {
        leave_active(channel);
        answer_unref(answer);
    } else if (completion == NULL) {
        wwi_pending_settle(&answer->wait.pending);
        status = wwi_wait_result(&answer->wait);
    } else
        status = WWS_S_ASYNC;
    answer_unref(answer);
    return status;
}

wws_status wwi_channel_send_reply(
    struct wwi_channel *self,
    struct wwi_message *reply,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_outgoing outgoing = { 0 };
    struct answer *answer;
    wws_status status;

    answer = answer_new(self, completion, error, &status);
    if (answer == NULL)
        return status;
    status = begin_answer(self, answer, error);
    if (status < 0) {
        answer_unref(answer);
        answer_unref(answer);
        return status;
    }
    status = encode_answer(self, reply, &outgoing, error);
    if (status < 0) {
        wwi_bytes_fini(&outgoing.envelope);
        return give_answer_up(answer, completion, status);
    }
    self->transport->incoming_reply(answer->incoming, &outgoing, answered,
        answer);
    wwi_bytes_fini(&outgoing.envelope);
    if (completion != NULL)
        return WWS_S_ASYNC;
    (void) wwi_wait_block(&answer->wait, WWI_NEVER);
    return wwi_wait_result(&answer->wait);
}

/* Stopping. */

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

/* What is to end, with a reference each. */
struct ends {
    struct wwi_exchange *exchange;
    struct wwi_accept *accept;
    struct answer *answer;
};

static struct ends collect_locked(struct wwi_channel *channel)
{
    struct ends ends = {
        .exchange = channel->synced.current,
        .accept = channel->synced.accept,
        .answer = channel->synced.answer,
    };

    if (ends.exchange != NULL)
        wwi_exchange_ref(ends.exchange);
    if (ends.accept != NULL)
        wwi_accept_ref(ends.accept);
    if (ends.answer != NULL) {
        atomic_fetch_add(&ends.answer->references, 1);
        channel->transport->incoming_stop(ends.answer->incoming);
    }
    return ends;
}

static void end_answer(struct answer *answer, const char *text)
{
    struct wwi_runtime *runtime = answer->wait.runtime;
    bool took = wwi_wait_end(&answer->wait, WWS_E_OPERATION_ABORTED,
        WWS_PHASE_SEND, text);

    wwi_count(runtime, WWS_COUNTER_CANCEL_ASKED);
    wwi_count(runtime, took ? WWS_COUNTER_CANCEL_WON
        : WWS_COUNTER_COMPLETED_FIRST);
    answer_unref(answer);
}

static void end_pending(const struct ends *ends, const char *text)
{
    if (ends->exchange != NULL) {
        (void) wwi_exchange_end(ends->exchange, WWI_ENDING_STOP,
            WWS_E_OPERATION_ABORTED, text);
        wwi_exchange_unref(ends->exchange);
    }
    if (ends->accept != NULL) {
        wwi_listener_end_accept(ends->accept, text);
        wwi_accept_unref(ends->accept);
    }
    if (ends->answer != NULL)
        end_answer(ends->answer, text);
}

/* Lets go, on the loop, of what no pending operation has. */
static void reap(struct wwi_work *work)
{
    struct wwi_channel *channel = WWI_CONTAINER(work, struct wwi_channel,
        reap.work);

    settle(channel);
    wwi_object_unref(&channel->object);
}

wws_status wwi_channel_abort(struct wwi_channel *self)
{
    wws_channel_state before;
    struct ends ends;

    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    ends = collect_locked(self);
    if (before == CREATED)
        self->synced.latched = true;
    if (before == CLOSING)
        self->synced.aborted = true;
    if (before == ACCEPTING)
        self->synced.dropped = true;
    else
        (void) move_locked(self, EVENT_ABORT);
    wwi_lock_give(&self->synced.lock);
    end_pending(&ends, "the channel was aborted");
    if (before != OPEN)
        return WWS_S_OK;
    wwi_object_ref(&self->object);
    if (!wwi_loop_post(wwi_runtime_loop(self->member.runtime), &self->reap))
        wwi_object_unref(&self->object);
    return WWS_S_OK;
}

static void close_expired(struct wwi_object *object)
{
    (void) object;
}

static bool is_closing(struct wwi_object *object)
{
    wws_channel_state state;

    (void) wwi_channel_get_state(WWI_CONTAINER(object, struct wwi_channel,
        object), &state, NULL);
    return state == CLOSING;
}

wws_status wwi_channel_close(
    struct wwi_channel *self,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct ends ends = { 0 };
    struct wwi_closing *closing;
    wws_channel_state before;
    wws_status status;
    bool moved;

    if (completion == NULL && wwi_inside(self))
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "close would wait for the callback that it is called from");
    closing = wwi_closing_new(&self->object, self->member.runtime, completion,
        error, &status);
    if (closing == NULL && status != WWS_E_OUTOFMEMORY)
        return status;
    if (closing != NULL)
        wwi_closing_start(closing, WWI_NEVER, close_expired);
    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    moved = move_locked(self, EVENT_CLOSE);
    if (moved && self->synced.state == CLOSING) {
        self->synced.closing = closing;
        ends = collect_locked(self);
    }
    wwi_lock_give(&self->synced.lock);
    if (!moved || before == CREATED || before == CLOSED) {
        if (closing != NULL)
            wwi_closing_discard(closing);
        return moved ? WWS_S_OK : refusal(before, error, "close");
    }
    end_pending(&ends, "the channel was closed");
    settle(self);
    if (closing == NULL)
        return wwi_closing_poll(&self->object, is_closing, completion);
    return wwi_closing_wait(closing, completion);
}

wws_status wwi_channel_open(
    struct wwi_channel *self,
    wws_string address,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_client *client = NULL;
    wws_status status = wwi_wait_check(self->member.runtime, completion,
        error);
    wws_channel_state before;
    uint32_t opens;
    bool latched;
    bool moved;
    char *copy;

    if (status < 0)
        return status;
    copy = wwi_string_copy(address);
    if (copy == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    moved = self->listener == NULL && move_locked(self, EVENT_OPEN);
    latched = moved && self->synced.latched;
    opens = self->synced.opens += moved;
    if (moved) {
        self->synced.latched = false;
        wwi_free(self->synced.address);
        self->synced.address = copy;
    }
    if (latched)
        (void) move_locked(self, EVENT_FAIL);
    wwi_lock_give(&self->synced.lock);
    if (!moved) {
        wwi_free(copy);
        return wwi_fail(error, WWS_E_INVALID_OPERATION,
            "cannot open a channel that is %s", self->listener != NULL
            ? "a listener's" : state_name(before));
    }
    if (latched)
        return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
            "the channel was aborted before it was opened");
    /* Whether the address is good is known when a client can be made of it. */
    status = get_client(self, address, &client, error);
    wwi_lock_take(&self->synced.lock);
    if (self->synced.state == OPENING && self->synced.opens == opens) {
        (void) move_locked(self, status < 0 ? EVENT_FAIL : EVENT_DONE);
        if (status >= 0) {
            self->synced.client = client;
            client = NULL;
        }
        self->synced.turn = TURN_IDLE;
    }
    wwi_lock_give(&self->synced.lock);
    if (status < 0)
        return wwi_fail_static(error, status, "the channel cannot be opened");
    if (client == NULL)
        return WWS_S_OK;
    self->transport->client_free(client);
    return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
        "the channel was aborted while it was opened");
}

wws_status wwi_channel_reset(struct wwi_channel *self, struct wwi_error *error)
{
    wws_channel_state before;
    bool moved;

    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    moved = move_locked(self, EVENT_RESET);
    if (moved) {
        self->synced.latched = self->synced.aborted = false;
        self->synced.turn = TURN_IDLE;
    }
    wwi_lock_give(&self->synced.lock);
    return moved ? WWS_S_OK : wwi_fail(error, WWS_E_INVALID_OPERATION,
        "cannot reset a channel that is %s", state_name(before));
}

wws_status wwi_channel_free(struct wwi_channel *self)
{
    if (!wwi_object_close(&self->object))
        return WWS_E_HANDLE;
    (void) wwi_channel_abort(self);
    wwi_object_unref(&self->object);
    return WWS_S_OK;
}

wws_status wwi_channel_get_state(
    struct wwi_channel *self,
    wws_channel_state *state,
    struct wwi_error *error)
{
    (void) error;
    wwi_lock_take(&self->synced.lock);
    *state = self->synced.state;
    wwi_lock_give(&self->synced.lock);
    return WWS_S_OK;
}

/* For listeners. */

void wwi_accept_ref(struct wwi_accept *accept)
{
    atomic_fetch_add(&accept->references, 1);
}

void wwi_accept_unref(struct wwi_accept *accept)
{
    if (atomic_fetch_sub(&accept->references, 1) != 1)
        return;
    wwi_wait_fini(&accept->wait);
    wwi_object_unref(&accept->channel->object);
    wwi_listener_unref(accept->listener);
    wwi_free(accept);
}

struct wwi_listener *wwi_channel_listener(const struct wwi_channel *channel)
{
    return channel->listener;
}

wws_status wwi_channel_accepting(
    struct wwi_channel *channel,
    struct wwi_accept *accept,
    struct wwi_error *error)
{
    wws_channel_state before;
    bool latched;
    bool moved;

    wwi_lock_take(&channel->synced.lock);
    before = channel->synced.state;
    moved = move_locked(channel, EVENT_ACCEPT);
    latched = moved && channel->synced.latched;
    if (latched) {
        channel->synced.latched = false;
        (void) move_locked(channel, EVENT_FAIL);
    } else if (moved) {
        channel->synced.accept = accept;
        channel->synced.dropped = false;
    }
    wwi_lock_give(&channel->synced.lock);
    if (latched)
        return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
            "the channel was aborted before it could accept");
    return moved ? WWS_S_OK : wwi_fail(error, WWS_E_INVALID_OPERATION,
        "cannot accept with a channel that is %s", state_name(before));
}

void wwi_channel_accepted(
    struct wwi_channel *channel,
    struct wwi_incoming *incoming)
{
    bool dropped;

    wwi_lock_take(&channel->synced.lock);
    channel->synced.accept = NULL;
    (void) move_locked(channel, incoming != NULL ? EVENT_DONE : EVENT_FAIL);
    dropped = incoming != NULL && channel->synced.dropped;
    channel->synced.turn = TURN_IDLE;
    channel->synced.incoming = incoming;
    if (dropped)
        (void) move_locked(channel, EVENT_ABORT);
    wwi_lock_give(&channel->synced.lock);
    if (dropped)
        settle(channel);
}

/* Making and unmaking. */

static void release(struct wwi_channel *channel)
{
    wwi_lock_fini(&channel->synced.lock);
    wwi_free(channel->synced.address);
    wwi_free(channel);
}

static void destroy(struct wwi_object *object)
{
    struct wwi_channel *channel = WWI_CONTAINER(object, struct wwi_channel,
        object);

    if (channel->synced.client != NULL)
        channel->transport->client_free(channel->synced.client);
    if (channel->synced.incoming != NULL)
        channel->transport->incoming_drop(channel->synced.incoming);
    if (channel->listener != NULL)
        wwi_listener_unref(channel->listener);
    if (channel->member.runtime != NULL)
        wwi_member_leave(&channel->member);
    release(channel);
}

static void abort_member(struct wwi_member *member)
{
    (void) wwi_channel_abort(WWI_CONTAINER(member, struct wwi_channel, member));
}

static void take_options(
    struct wwi_channel *channel,
    const wws_channel_options *options)
{
    const wws_channel_options standard = WWS_CHANNEL_OPTIONS_INIT;
    wws_channel_options *ours = &channel->options;

    *ours = *options;
    wwi_use_default(&ours->max_message_size, standard.max_message_size);
    wwi_use_default(&ours->max_http_headers_size,
        standard.max_http_headers_size);
    wwi_use_default(&ours->resolve_timeout_ms, standard.resolve_timeout_ms);
    wwi_use_default(&ours->connect_timeout_ms, standard.connect_timeout_ms);
    wwi_use_default(&ours->send_timeout_ms, standard.send_timeout_ms);
    wwi_use_default(&ours->receive_response_timeout_ms,
        standard.receive_response_timeout_ms);
    wwi_use_default(&ours->receive_timeout_ms, standard.receive_timeout_ms);
}

static wws_status create(
    struct wwi_runtime *runtime,
    struct wwi_listener *listener,
    const wws_channel_options *options,
    wws_channel *handle,
    struct wwi_error *error)
{
    struct wwi_channel *channel = wwi_alloc_zero(sizeof *channel);
    wws_status status = WWS_E_OUTOFMEMORY;

    if (channel == NULL)
        return wwi_fail_static(error, status, "no memory for a channel");
    take_options(channel, options);
    channel->transport = wwi_transport(options->transport);
    wwi_lock_init(&channel->synced.lock, WWI_RANK_CHANNEL);
    wwi_post_init(&channel->reap, reap);
    if (wwi_object_init(&channel->object, WWI_KIND_CHANNEL, destroy) < 0) {
        release(channel);
        return wwi_fail_static(error, status, "no memory for a channel");
    }
    status = wwi_member_join(&channel->member, &channel->object, runtime,
        abort_member);
    if (status < 0) {
        (void) wwi_object_close(&channel->object);
        wwi_object_unref(&channel->object);
        return wwi_fail_static(error, status, "the runtime is closed");
    }
    channel->listener = listener;
    if (listener != NULL)
        wwi_listener_ref(listener);
    handle->id = channel->object.id;
    return WWS_S_OK;
}

wws_status wwi_channel_create(
    struct wwi_runtime *runtime,
    const wws_channel_options *options,
    wws_channel *channel,
    struct wwi_error *error)
{
    return create(runtime, NULL, options, channel, error);
}

wws_status wwi_channel_create_for_listener(
    struct wwi_listener *listener,
    const wws_channel_options *options,
    wws_channel *channel,
    struct wwi_error *error)
{
    const wws_listener_options *theirs = wwi_listener_options(listener);
    wws_channel_options ours = *options;

    ours.transport = theirs->transport;
    ours.envelope_version = theirs->envelope_version;
    ours.addressing_version = theirs->addressing_version;
    ours.max_message_size = theirs->max_message_size;
    ours.max_http_headers_size = theirs->max_http_headers_size;
    return create(wwi_listener_runtime(listener), listener, &ours, channel,
        error);
}
