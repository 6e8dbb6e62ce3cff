/* One end of a conversation. */
#include "core/channel/channel_parts.h"

#include "core/base/clock.h"
#include "core/base/gate.h"
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

enum event { EVENT_OPEN, EVENT_ACCEPT, EVENT_DONE, EVENT_FAIL, EVENT_FAULT,
    EVENT_ABORT, EVENT_CLOSE, EVENT_RESET, EVENTS };

/* The abort latch of CREATED (D1) is a flag beside the state.
                    open     accept     done    fail     fault    abort    close    reset */
static const uint8_t moves[][EVENTS] = {
    [CREATED]   = { OPENING, ACCEPTING, NO,     NO,      NO,      CREATED, CLOSED,  CREATED },
    [OPENING]   = { NO,      NO,        OPEN,   CREATED, NO,      CREATED, NO,      NO      },
    [ACCEPTING] = { NO,      NO,        OPEN,   CREATED, NO,      CREATED, NO,      NO      },
    [OPEN]      = { NO,      NO,        NO,     NO,      FAULTED, FAULTED, CLOSING, NO      },
    [FAULTED]   = { NO,      NO,        NO,     NO,      NO,      FAULTED, CLOSING, NO      },
    [CLOSING]   = { NO,      NO,        CLOSED, CLOSED,  NO,      CLOSING, NO,      NO      },
    [CLOSED]    = { NO,      NO,        NO,     NO,      NO,      CLOSED,  CLOSED,  CREATED },
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

/* Turns. */

struct wwi_turns wwi_channel_turns(
    const struct wwi_channel *channel,
    bool receives,
    bool replies)
{
    bool server = channel->listener != NULL;

    if (receives)
        return (struct wwi_turns) {
            .from = channel->duplex || server ? WWI_TURN_IDLE : WWI_TURN_SENT,
            .during = WWI_TURN_RECEIVING,
            .done = channel->duplex || !server ? WWI_TURN_IDLE
                : WWI_TURN_RECEIVED,
            .failed = channel->duplex || !server ? WWI_TURN_IDLE
                : WWI_TURN_OVER,
        };
    return (struct wwi_turns) {
        .from = replies && !channel->duplex ? WWI_TURN_RECEIVED
            : WWI_TURN_IDLE,
        .during = WWI_TURN_SENDING,
        .done = channel->duplex ? WWI_TURN_IDLE
            : server ? WWI_TURN_OVER : WWI_TURN_SENT,
        .failed = server && !channel->duplex ? WWI_TURN_OVER : WWI_TURN_IDLE,
    };
}

static void reset_turns_locked(struct wwi_channel *channel)
{
    for (int i = 0; i < WWI_LANES; i++)
        channel->synced.lanes[i].turn = WWI_TURN_IDLE;
    channel->synced.shut_down = false;
}

/* The end of what is active. */

/* Connections that nobody uses, and messages that nobody goes on with. */
struct leftovers {
    struct wwi_client *clients[WWI_LANES];
    struct wwi_half halves[WWI_LANES];
    struct wwi_incoming *incoming;
};

static struct leftovers collect_leftovers_locked(struct wwi_channel *channel)
{
    struct leftovers left = { .incoming = channel->synced.incoming };

    channel->synced.incoming = NULL;
    for (int i = 0; i < WWI_LANES; i++) {
        struct wwi_lane *lane = &channel->synced.lanes[i];

        left.clients[i] = lane->client;
        lane->client = NULL;
        left.halves[i] = wwi_lane_take_half_locked(lane);
    }
    return left;
}

static void free_leftovers(const struct leftovers *left)
{
    for (int i = 0; i < WWI_LANES; i++) {
        if (left->clients[i] != NULL)
            left->clients[i]->transport->client_free(left->clients[i]);
        wwi_half_free(left->halves[i]);
    }
    if (left->incoming != NULL)
        left->incoming->calls->drop(left->incoming);
}

void wwi_channel_settle(struct wwi_channel *channel)
{
    struct wwi_closing *closing = NULL;
    struct leftovers left = { 0 };
    wws_status status = WWS_S_OK;

    wwi_lock_take(&channel->synced.lock);
    if (channel->synced.active == 0 && channel->synced.state >= FAULTED)
        left = collect_leftovers_locked(channel);
    if (channel->synced.active == 0 && channel->synced.state == CLOSING) {
        (void) move_locked(channel, EVENT_DONE);
        closing = channel->synced.closing;
        channel->synced.closing = NULL;
        if (channel->synced.aborted)
            status = WWS_E_OPERATION_ABORTED;
        else if (channel->synced.late)
            status = WWS_E_OPERATION_TIMED_OUT;
    }
    wwi_lock_give(&channel->synced.lock);
    WWI_GATE(CHANNEL_SETTLES);
    free_leftovers(&left);
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

static void break_locked(struct wwi_channel *channel)
{
    if (move_locked(channel, EVENT_FAULT))
        channel->synced.broken = true;
}

void wwi_channel_fault(struct wwi_channel *channel)
{
    wwi_lock_take(&channel->synced.lock);
    break_locked(channel);
    wwi_lock_give(&channel->synced.lock);
}

wws_channel_state wwi_channel_look_locked(struct wwi_channel *channel)
{
    if (channel->synced.state == OPEN && channel->synced.mux != NULL
        && wwi_mux_failed(channel->synced.mux))
        break_locked(channel);
    return channel->synced.state;
}

/* Stopping. */

/* What is to end, with a reference each. */
struct ends {
    struct wwi_exchange *exchanges[WWI_LANES];
    struct wwi_accept *accept;
    struct wwi_answer *answer;
    struct wwi_mux *mux;
};

static struct ends collect_locked(struct wwi_channel *channel)
{
    struct ends ends = {
        .accept = channel->synced.accept,
        .answer = channel->synced.answer,
        .mux = channel->synced.mux,
    };

    for (int i = 0; i < WWI_LANES; i++) {
        ends.exchanges[i] = channel->synced.lanes[i].current;
        /* The next opening may be put in its place at once. */
        if (channel->synced.state == OPENING)
            channel->synced.lanes[i].current = NULL;
        else if (ends.exchanges[i] != NULL)
            wwi_exchange_ref(ends.exchanges[i]);
    }
    if (ends.mux != NULL)
        wwi_mux_ref(ends.mux);
    if (ends.accept != NULL)
        wwi_accept_ref(ends.accept);
    if (ends.answer != NULL)
        wwi_answer_stop_locked(ends.answer);
    /* The channel may have another before this one is over. */
    channel->synced.answer = NULL;
    return ends;
}

static void end_pending(const struct ends *ends, const char *text)
{
    for (int i = 0; i < WWI_LANES; i++) {
        if (ends->exchanges[i] == NULL)
            continue;
        (void) wwi_exchange_end(ends->exchanges[i], WWI_ENDING_STOP,
            WWS_E_OPERATION_ABORTED, text);
        wwi_exchange_unref(ends->exchanges[i]);
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
    WWI_GATE(CHANNEL_ABORTS);
    end_pending(&ends, "the channel was aborted");
    if (ends.mux != NULL) {
        wwi_mux_abort(ends.mux);
        wwi_mux_unref(ends.mux);
    }
    if (before != OPEN)
        return WWS_S_OK;
    wwi_object_ref(&self->object);
    if (!wwi_loop_post(wwi_runtime_loop(self->member.runtime), &self->reap))
        wwi_object_unref(&self->object);
    return WWS_S_OK;
}

static void session_closed(void *user, wws_status status)
{
    struct wwi_channel *channel = user;
    struct wwi_mux *mux;

    wwi_lock_take(&channel->synced.lock);
    mux = channel->synced.mux;
    channel->synced.mux = NULL;
    channel->synced.late = status == WWS_E_OPERATION_TIMED_OUT;
    wwi_lock_give(&channel->synced.lock);
    wwi_mux_unref(mux);
    wwi_channel_leave_active(channel);
    wwi_object_unref(&channel->object);
}

/* In order, unless a message is cut off by it (C2, C3).  The channel counts it
 * as active already. */
static void close_session(
    struct wwi_channel *channel,
    struct wwi_mux *mux,
    bool cut_off)
{
    uint32_t timeout;

    wwi_lock_take(&channel->synced.lock);
    timeout = channel->synced.settings.close_timeout_ms;
    wwi_lock_give(&channel->synced.lock);
    wwi_object_ref(&channel->object);
    if (cut_off)
        wwi_mux_abort(mux);
    wwi_mux_close(mux, wwi_clock_after(timeout), session_closed, channel);
}

/* A message is half written or read, or is being sent, perhaps in part. */
static bool is_cut_off_locked(const struct wwi_channel *channel)
{
    const struct wwi_exchange *exchange =
        channel->synced.lanes[WWI_LANE_SEND].current;

    for (int i = 0; i < WWI_LANES; i++)
        if (channel->synced.lanes[i].message != NULL)
            return true;
    return exchange != NULL && atomic_load(&exchange->track.progress)
        == WWS_PROGRESS_PARTLY_SENT;
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
    bool moved, cut_off = false;

    if (completion == NULL && wwi_inside(self))
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "close would wait for the callback that it is called from");
    completion = wwi_wait_completion(self->member.runtime, completion);
    closing = wwi_closing_new(&self->object, self->member.runtime, completion,
        error, &status);
    if (closing == NULL && status != WWS_E_OUTOFMEMORY)
        return status;
    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    moved = move_locked(self, EVENT_CLOSE);
    if (moved && self->synced.state == CLOSING) {
        self->synced.closing = closing;
        if (closing != NULL)
            wwi_closing_start_locked(closing, WWI_NEVER, NULL);
        cut_off = is_cut_off_locked(self);
        ends = collect_locked(self);
        /* What ends first must not take the close for done. */
        self->synced.active += ends.mux != NULL;
    }
    wwi_lock_give(&self->synced.lock);
    if (!moved || before == CREATED || before == CLOSED) {
        if (closing != NULL)
            wwi_closing_discard(closing);
        return moved ? WWS_S_OK : wwi_channel_refusal(before, error, "close");
    }
    WWI_GATE(CHANNEL_CLOSES);
    end_pending(&ends, "the channel was closed");
    if (ends.mux != NULL)
        close_session(self, ends.mux, cut_off);
    wwi_channel_settle(self);
    if (closing == NULL)
        return wwi_closing_poll(&self->object, is_closing, completion);
    return wwi_closing_wait(closing, completion);
}

/* Opening. */

static bool is_opening_locked(const struct wwi_channel *channel, uint32_t opens)
{
    return channel->synced.state == OPENING && channel->synced.opens == opens;
}

bool wwi_channel_end_opening(struct wwi_transfer *transfer, bool open)
{
    struct wwi_channel *channel = transfer->channel;
    bool mine;

    WWI_GATE(CHANNEL_OPENED);
    wwi_lock_take(&channel->synced.lock);
    mine = is_opening_locked(channel, transfer->opens);
    if (mine)
        (void) move_locked(channel, open ? EVENT_DONE : EVENT_FAIL);
    if (mine && open) {
        channel->synced.mux = transfer->mux;
        transfer->mux = NULL;
    }
    wwi_lock_give(&channel->synced.lock);
    return mine;
}

/* One that could not begin. */
static void fail_opening(struct wwi_channel *channel, uint32_t opens)
{
    wwi_lock_take(&channel->synced.lock);
    if (is_opening_locked(channel, opens))
        (void) move_locked(channel, EVENT_FAIL);
    wwi_lock_give(&channel->synced.lock);
}

/* There is no session, or not yet: whether the address is good is known when a
 * client can be made of it. */
static wws_status open_at_once(
    struct wwi_channel *self,
    uint32_t opens,
    wws_string address,
    struct wwi_error *error)
{
    struct wwi_client *client = NULL;
    wws_status status = wwi_channel_make_client(self, address, NULL, &client,
        error);

    WWI_GATE(CHANNEL_OPENED);
    wwi_lock_take(&self->synced.lock);
    if (is_opening_locked(self, opens)) {
        (void) move_locked(self, status < 0 ? EVENT_FAIL : EVENT_DONE);
        if (status >= 0) {
            self->synced.lanes[WWI_LANE_SEND].client = client;
            client = NULL;
        }
    }
    wwi_lock_give(&self->synced.lock);
    if (status < 0)
        return wwi_fail_static(error, status, "the channel cannot be opened");
    if (client == NULL)
        return WWS_S_OK;
    client->transport->client_free(client);
    return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
        "the channel was aborted while it was opened");
}

wws_status wwi_channel_open(
    struct wwi_channel *self,
    wws_string address,
    const wws_completion *completion,
    struct wwi_error *error)
{
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
        reset_turns_locked(self);
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
    WWI_GATE(CHANNEL_OPENS);
    if (!self->duplex)
        return open_at_once(self, opens, address, error);
    status = wwi_channel_open_session(self, opens, address, completion, error);
    if (status < 0)
        fail_opening(self, opens);
    return status;
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
        self->synced.late = self->synced.broken = false;
        reset_turns_locked(self);
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
    *state = wwi_channel_look_locked(self);
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
    WWI_GATE(CHANNEL_ACCEPTS);
    if (latched)
        return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
            "the channel was aborted before it could accept");
    return moved ? WWS_S_OK : wwi_fail(error, WWS_E_INVALID_OPERATION,
        "cannot accept with a channel that is %s", state_name(before));
}

void wwi_channel_accepted(
    struct wwi_channel *channel,
    struct wwi_incoming *incoming,
    struct wwi_mux *mux)
{
    bool accepted = incoming != NULL || mux != NULL;
    bool dropped;

    wwi_lock_take(&channel->synced.lock);
    channel->synced.accept = NULL;
    (void) move_locked(channel, accepted ? EVENT_DONE : EVENT_FAIL);
    dropped = accepted && channel->synced.dropped;
    reset_turns_locked(channel);
    channel->synced.incoming = incoming;
    channel->synced.mux = mux;
    if (dropped)
        (void) move_locked(channel, EVENT_ABORT);
    /* A close may end it before it is aborted. */
    if (dropped && mux != NULL)
        wwi_mux_ref(mux);
    wwi_lock_give(&channel->synced.lock);
    WWI_GATE(CHANNEL_ACCEPTED);
    if (dropped && mux != NULL) {
        wwi_mux_abort(mux);
        wwi_mux_unref(mux);
    }
    if (dropped)
        wwi_channel_settle(channel);
}

/* Making and unmaking. */

static void release(struct wwi_channel *channel)
{
    wwi_custom_unref(channel->custom);
    wwi_lock_fini(&channel->synced.lock);
    wwi_free(channel->synced.address);
    wwi_free(channel);
}

static void destroy(struct wwi_object *object)
{
    struct wwi_channel *channel = WWI_CONTAINER(object, struct wwi_channel,
        object);
    const struct leftovers left = collect_leftovers_locked(channel);

    free_leftovers(&left);
    if (channel->synced.mux != NULL)
        wwi_mux_unref(channel->synced.mux);
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

/* One that is its default all the same may have been left at that. */
static uint32_t time_of(
    const wws_channel_options *options,
    uint32_t wanted,
    uint32_t standard)
{
    if (wanted != 0 && wanted != standard)
        return wanted;
    return options->infinite_timeouts ? WWS_INFINITE : standard;
}

static void take_times(struct wwi_channel *channel)
{
    const wws_channel_options standard = WWS_CHANNEL_OPTIONS_INIT;
    const wws_channel_options *ours = &channel->options;

    channel->synced.settings = (struct wwi_channel_settings) {
        .resolve_timeout_ms = time_of(ours, ours->resolve_timeout_ms,
            standard.resolve_timeout_ms),
        .connect_timeout_ms = time_of(ours, ours->connect_timeout_ms,
            standard.connect_timeout_ms),
        .send_timeout_ms = time_of(ours, ours->send_timeout_ms,
            standard.send_timeout_ms),
        .response_timeout_ms = time_of(ours,
            ours->receive_response_timeout_ms,
            standard.receive_response_timeout_ms),
        .receive_timeout_ms = time_of(ours, ours->receive_timeout_ms,
            standard.receive_timeout_ms),
        .close_timeout_ms = time_of(ours, ours->close_timeout_ms,
            standard.close_timeout_ms),
        .faults_as_errors = ours->faults_as_errors != 0,
    };
}

static void take_options(
    struct wwi_channel *channel,
    const wws_channel_options *options)
{
    const wws_channel_options standard = WWS_CHANNEL_OPTIONS_INIT;
    wws_channel_options *ours = &channel->options;

    *ours = *options;
    ours->custom = NULL;
    wwi_use_default(&ours->max_message_size, standard.max_message_size);
    wwi_use_default(&ours->max_http_headers_size,
        standard.max_http_headers_size);
    if (ours->max_streamed_message_size == 0)
        ours->max_streamed_message_size = standard.max_streamed_message_size;
    wwi_use_default(&ours->max_streamed_start_size,
        standard.max_streamed_start_size);
    take_times(channel);
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
        .end = listener != NULL ? WWI_END_ACCEPTED : WWI_END_CLIENT,
        .custom = options->custom,
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
    channel->streamed = binding.mode != WWS_TRANSFER_MODE_BUFFERED;
    channel->duplex = transport->session_create != NULL && !channel->streamed;
    wwi_lock_init(&channel->synced.lock, WWI_RANK_CHANNEL);
    wwi_post_init(&channel->reap, reap);
    if (wwi_custom_create(options->custom, &channel->custom, NULL) < 0
        || wwi_object_init(&channel->object, WWI_KIND_CHANNEL, destroy) < 0) {
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
    wwi_custom_take(channel->custom);
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
    ours.ip_version = theirs->ip_version;
    return create(wwi_listener_runtime(listener), listener, &ours, channel,
        error);
}
