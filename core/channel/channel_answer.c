/* The messages of a server: the request that an accepted channel has, and its
 * answer. */
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/channel/channel_half.h"
#include "core/channel/listener.h"
#include "core/channel/reply.h"

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
    bool begins,
    struct wwi_error *error)
{
    const struct wwi_fields fields = {
        .next = next_incoming,
        .state = incoming,
    };
    const struct wwi_reply_rules rules = {
        .envelope_version = channel->options.envelope_version,
        .addressing_version = channel->options.addressing_version,
        .max_message_size = channel->options.max_message_size,
        .begins = begins,
    };
    wws_status status = wwi_message_begin_use(message, error);

    if (status < 0)
        return status;
    status = wwi_reply_read(message, &incoming->envelope, &fields, &rules,
        error);
    if (status >= 0 && incoming->has_action)
        status = wwi_message_put_action(message, incoming->action);
    if (status >= 0 && begins)
        message->channel = channel->object.id;
    wwi_message_end_use(message);
    return status;
}

wws_status wwi_channel_receive_request(
    struct wwi_channel *self,
    struct wwi_message *message,
    bool begins,
    struct wwi_turns turns,
    struct wwi_error *error)
{
    struct wwi_lane *lane = wwi_channel_lane(self, WWI_LANE_RECEIVE);
    struct wwi_incoming *incoming = NULL;
    wws_channel_state state;
    wws_status status;
    enum wwi_turn turn;

    wwi_lock_take(&self->synced.lock);
    state = self->synced.state;
    turn = lane->turn;
    if (state == WWS_CHANNEL_STATE_OPEN && turn == turns.from
        && self->synced.incoming != NULL) {
        incoming = self->synced.incoming;
        self->synced.incoming = NULL;
        lane->turn = turns.during;
        self->synced.active++;
    }
    wwi_lock_give(&self->synced.lock);
    if (state != WWS_CHANNEL_STATE_OPEN)
        return wwi_channel_refusal(state, error, "receive");
    if (turn == WWI_TURN_SENDING || turn == WWI_TURN_RECEIVING)
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "another message is under way");
    if (incoming == NULL)
        return WWS_S_END;
    status = read_request(self, incoming, message, begins, error);
    wwi_lock_take(&self->synced.lock);
    self->synced.incoming = incoming;
    lane->turn = turns.done;
    wwi_lock_give(&self->synced.lock);
    if (begins && status == WWS_S_OK)
        status = wwi_lane_put_message(self, lane, message, turns.done,
            WWI_TURN_READING, error);
    wwi_channel_leave_active(self);
    return status;
}

/* An answer under way. */
struct wwi_answer {
    struct wwi_wait wait;
    struct wwi_channel *channel;
    struct wwi_turns turns;
    struct wwi_incoming *incoming; /* the transport's when that has replied */
    _Atomic uint32_t references;
};

static void answer_unref(struct wwi_answer *answer)
{
    if (atomic_fetch_sub(&answer->references, 1) != 1)
        return;
    wwi_wait_fini(&answer->wait);
    wwi_object_unref(&answer->channel->object);
    wwi_free(answer);
}

static void answer_heard(struct wwi_wait *wait)
{
    wwi_channel_leave_active(
        WWI_CONTAINER(wait, struct wwi_answer, wait)->channel);
}

static void answer_release(struct wwi_wait *wait)
{
    answer_unref(WWI_CONTAINER(wait, struct wwi_answer, wait));
}

/* The request is the transport's from here on, and nobody may stop it. */
static void answered(void *state, const struct wwi_outcome *outcome)
{
    struct wwi_answer *answer = state;
    struct wwi_channel *channel = answer->channel;

    wwi_lock_take(&channel->synced.lock);
    if (channel->synced.answer == answer)
        channel->synced.answer = NULL;
    wwi_lock_give(&channel->synced.lock);
    wwi_listener_leave_answer(channel->listener);
    if (wwi_pending_take(&answer->wait.pending))
        wwi_wait_finish(&answer->wait, outcome);
    answer_unref(answer);
}

static struct wwi_answer *answer_new(
    struct wwi_channel *channel,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct wwi_answer *answer = wwi_alloc_zero(sizeof *answer);

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
        status = wwi_channel_encode(channel, reply, outgoing, error);
    else
        status = wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the message was not initialized as a reply or a fault");
    wwi_message_end_use(reply);
    return status;
}

/* Takes the request that is to be answered. */
static wws_status begin_answer(
    struct wwi_channel *channel,
    struct wwi_answer *answer,
    struct wwi_error *error)
{
    struct wwi_lane *lane = wwi_channel_lane(channel, WWI_LANE_SEND);
    wws_channel_state state;

    wwi_lock_take(&channel->synced.lock);
    state = channel->synced.state;
    if (state == WWS_CHANNEL_STATE_OPEN
        && lane->turn == answer->turns.from) {
        answer->incoming = channel->synced.incoming;
        channel->synced.incoming = NULL;
        channel->synced.answer = answer;
        lane->turn = answer->turns.done;
        channel->synced.active++;
    }
    wwi_lock_give(&channel->synced.lock);
    if (answer->incoming != NULL) {
        wwi_listener_enter_answer(channel->listener);
        return WWS_S_OK;
    }
    return state != WWS_CHANNEL_STATE_OPEN
        ? wwi_channel_refusal(state, error, "answer")
        : wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "there is no request to be answered");
}

/* The channel has its request again, unless it was stopped: it may be in use
 * for another by now. */
static void give_request_back(struct wwi_answer *answer)
{
    struct wwi_channel *channel = answer->channel;
    bool stopped;

    wwi_lock_take(&channel->synced.lock);
    stopped = channel->synced.answer != answer;
    if (!stopped) {
        channel->synced.answer = NULL;
        channel->synced.incoming = answer->incoming;
        wwi_channel_lane(channel, WWI_LANE_SEND)->turn = answer->turns.from;
    }
    wwi_lock_give(&channel->synced.lock);
    if (stopped)
        answer->incoming->calls->drop(answer->incoming);
}

/* There is nothing to send.  The result is the status, unless somebody has
 * ended the wait already. */
static wws_status give_answer_up(
    struct wwi_answer *answer,
    const wws_completion *completion,
    wws_status status)
{
    struct wwi_channel *channel = answer->channel;
    bool took = wwi_pending_take(&answer->wait.pending);

    give_request_back(answer);
    wwi_listener_leave_answer(channel->listener);
    if (took) {
        wwi_channel_leave_active(channel);
        answer_unref(answer);
    } else if (completion == NULL) {
        wwi_pending_settle(&answer->wait.pending);
        status = wwi_wait_result(&answer->wait);
    } else
        status = WWS_S_ASYNC;
    answer_unref(answer);
    return status;
}

wws_status wwi_channel_answer_request(
    struct wwi_channel *self,
    struct wwi_message *reply,
    struct wwi_turns turns,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_outgoing outgoing = { 0 };
    struct wwi_answer *answer;
    wws_status status;

    answer = answer_new(self, completion, error, &status);
    if (answer == NULL)
        return status;
    answer->turns = turns;
    status = begin_answer(self, answer, error);
    if (status < 0) {
        answer_unref(answer);
        answer_unref(answer);
        return status;
    }
    WWI_GATE(ANSWER_CLAIMED);
    status = encode_answer(self, reply, &outgoing, error);
    if (status < 0) {
        wwi_bytes_fini(&outgoing.envelope);
        return give_answer_up(answer, completion, status);
    }
    WWI_GATE(CHANNEL_ANSWERS);
    answer->incoming->calls->reply(answer->incoming, &outgoing, answered,
        answer);
    wwi_bytes_fini(&outgoing.envelope);
    if (completion != NULL)
        return WWS_S_ASYNC;
    (void) wwi_wait_block(&answer->wait, WWI_NEVER);
    return wwi_wait_result(&answer->wait);
}

void wwi_answer_stop_locked(struct wwi_answer *answer)
{
    atomic_fetch_add(&answer->references, 1);
    answer->incoming->calls->stop(answer->incoming);
}

void wwi_answer_end(struct wwi_answer *answer, const char *text)
{
    struct wwi_runtime *runtime = answer->wait.runtime;
    bool took = wwi_wait_end(&answer->wait, WWS_E_OPERATION_ABORTED,
        WWS_PHASE_SEND, text);

    wwi_count(runtime, WWS_COUNTER_CANCEL_ASKED);
    wwi_count(runtime, took ? WWS_COUNTER_CANCEL_WON
        : WWS_COUNTER_COMPLETED_FIRST);
    answer_unref(answer);
}
