/* One end of a conversation. */
#include "core/channel/channel_parts.h"

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/listener.h"

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

wws_status wwi_channel_refusal(
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

void wwi_channel_settle(struct wwi_channel *channel)
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
        incoming->calls->drop(incoming);
    if (closing != NULL)
        wwi_closing_end(closing, status);
}

void wwi_channel_leave_active(struct wwi_channel *channel)
{
    wwi_lock_take(&channel->synced.lock);
    channel->synced.active--;
    wwi_lock_give(&channel->synced.lock);
    wwi_channel_settle(channel);
}

/* Stopping. */

/* What is to end, with a reference each. */
struct ends {
    struct wwi_exchange *exchange;
    struct wwi_accept *accept;
    struct wwi_answer *answer;
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
    if (ends.answer != NULL)
        wwi_answer_stop_locked(ends.answer);
    return ends;
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
        wwi_answer_end(ends->answer, text);
}

/* Lets go, on the loop, of what no pending operation has. */
static void reap(struct wwi_work *work)
{
    struct wwi_channel *channel = WWI_CONTAINER(work, struct wwi_channel,
        reap.work);

    wwi_channel_settle(channel);
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
        return moved ? WWS_S_OK : wwi_channel_refusal(before, error, "close");
    }
    end_pending(&ends, "the channel was closed");
    wwi_channel_settle(self);
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
    status = wwi_channel_get_client(self, address, &client, error);
    wwi_lock_take(&self->synced.lock);
    if (self->synced.state == OPENING && self->synced.opens == opens) {
        (void) move_locked(self, status < 0 ? EVENT_FAIL : EVENT_DONE);
        if (status >= 0) {
            self->synced.client = client;
            client = NULL;
        }
        self->synced.turn = WWI_TURN_IDLE;
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
        self->synced.turn = WWI_TURN_IDLE;
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
    channel->synced.turn = WWI_TURN_IDLE;
    channel->synced.incoming = incoming;
    if (dropped)
        (void) move_locked(channel, EVENT_ABORT);
    wwi_lock_give(&channel->synced.lock);
    if (dropped)
        wwi_channel_settle(channel);
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
        channel->synced.incoming->calls->drop(channel->synced.incoming);
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
    const struct wwi_binding binding = {
        .transport = options->transport,
        .encoding = options->encoding,
        .addressing = options->addressing_version,
        .mode = options->transfer_mode,
    };
    const struct wwi_transport *transport;
    wws_status status = wwi_transport_find(&binding, &transport, error);
    struct wwi_channel *channel;

    if (status < 0)
        return status;
    status = WWS_E_OUTOFMEMORY;
    channel = wwi_alloc_zero(sizeof *channel);
    if (channel == NULL)
        return wwi_fail_static(error, status, "no memory for a channel");
    take_options(channel, options);
    channel->transport = transport;
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
    ours.encoding = theirs->encoding;
    ours.transfer_mode = theirs->transfer_mode;
    ours.max_streamed_message_size = theirs->max_streamed_message_size;
    ours.envelope_version = theirs->envelope_version;
    ours.addressing_version = theirs->addressing_version;
    ours.max_message_size = theirs->max_message_size;
    ours.max_http_headers_size = theirs->max_http_headers_size;
    return create(wwi_listener_runtime(listener), listener, &ours, channel,
        error);
}
