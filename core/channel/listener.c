/* Where channels of servers come from. */
#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/listener_parts.h"

enum {
    CREATED = WWS_LISTENER_STATE_CREATED,
    OPENING = WWS_LISTENER_STATE_OPENING,
    OPEN = WWS_LISTENER_STATE_OPEN,
    FAULTED = WWS_LISTENER_STATE_FAULTED,
    CLOSING = WWS_LISTENER_STATE_CLOSING,
    CLOSED = WWS_LISTENER_STATE_CLOSED,
    NO = CLOSED + 1,
};

enum event { EVENT_OPEN, EVENT_DONE, EVENT_FAIL, EVENT_ABORT, EVENT_CLOSE,
    EVENT_RESET, EVENTS };

/* The abort latch of CREATED (D1) is a flag beside the state.
                  open     done    fail     abort    close    reset */
static const uint8_t moves[][EVENTS] = {
    [CREATED] = { OPENING, NO,     NO,      CREATED, CLOSED,  CREATED },
    [OPENING] = { NO,      OPEN,   CREATED, CREATED, NO,      NO      },
    [OPEN]    = { NO,      NO,     NO,      FAULTED, CLOSING, NO      },
    [FAULTED] = { NO,      NO,     NO,      FAULTED, CLOSING, NO      },
    [CLOSING] = { NO,      CLOSED, CLOSED,  CLOSING, NO,      NO      },
    [CLOSED]  = { NO,      NO,     NO,      CLOSED,  CLOSED,  CREATED },
};

void wwi_listener_ref(struct wwi_listener *listener)
{
    wwi_object_ref(&listener->object);
}

void wwi_listener_unref(struct wwi_listener *listener)
{
    wwi_object_unref(&listener->object);
}

const wws_listener_options *wwi_listener_options(
    const struct wwi_listener *listener)
{
    return &listener->options;
}

struct wwi_runtime *wwi_listener_runtime(const struct wwi_listener *listener)
{
    return listener->member.runtime;
}

static const char *state_name(wws_listener_state state)
{
    static const char *const names[] = { "created", "opening", "open",
        "faulted", "closing", "closed" };

    return names[state];
}

static bool move_locked(struct wwi_listener *listener, enum event event)
{
    uint8_t next = moves[listener->synced.state][event];

    if (next == NO)
        return false;
    if (next != listener->synced.state)
        wwi_log_write(listener->member.runtime->log, WWS_LOG_LEVEL_INFO,
            WWS_PHASE_NONE, "listener %llx: %s to %s",
            (unsigned long long) listener->object.id,
            state_name(listener->synced.state), state_name(next));
    listener->synced.state = next;
    return true;
}

wws_status wwi_listener_refusal(
    wws_listener_state state,
    struct wwi_error *error,
    const char *what)
{
    return wwi_fail(error, WWS_E_INVALID_OPERATION,
        "cannot %s a listener that is %s", what, state_name(state));
}

/* Nothing keeps it from being closed. */
static bool is_quiet_locked(const struct wwi_listener *listener)
{
    return listener->synced.active == 0 && (listener->synced.answers == 0
        || listener->synced.late || listener->synced.aborted);
}

void wwi_listener_settle(struct wwi_listener *listener)
{
    struct wwi_closing *closing = NULL;
    wws_status status = WWS_S_OK;

    wwi_lock_take(&listener->synced.lock);
    if (listener->synced.state == CLOSING && is_quiet_locked(listener)) {
        closing = listener->synced.closing;
        listener->synced.closing = NULL;
        if (listener->synced.aborted)
            status = WWS_E_OPERATION_ABORTED;
        else if (listener->synced.answers != 0)
            status = WWS_E_OPERATION_TIMED_OUT;
        (void) move_locked(listener, EVENT_DONE);
    }
    wwi_lock_give(&listener->synced.lock);
    if (closing != NULL)
        wwi_closing_end(closing, status);
}

void wwi_listener_enter_answer(struct wwi_listener *listener)
{
    wwi_lock_take(&listener->synced.lock);
    listener->synced.answers++;
    wwi_lock_give(&listener->synced.lock);
}

void wwi_listener_leave_answer(struct wwi_listener *listener)
{
    wwi_lock_take(&listener->synced.lock);
    listener->synced.answers--;
    wwi_lock_give(&listener->synced.lock);
    wwi_listener_settle(listener);
}

/* Ending. */

static void stopped(void *state)
{
    struct wwi_listener_served *served = state;

    if (served->server != NULL)
        served->listener->transport->server_free(served->server);
    wwi_listener_unref(served->listener);
    wwi_free(served);
}

static void end_rest(struct wwi_work *work)
{
    struct wwi_listener *listener = WWI_CONTAINER(work, struct wwi_listener,
        ending.work);

    while (wwi_listener_end_some_accepts(listener, "the listener was aborted"))
        ;
    wwi_listener_drop_arrivals(listener);
    wwi_listener_unref(listener);
}

/* With the state, so that what is begun after a reset is not ended, too. */
static struct wwi_listener_served *begin_end_locked(
    struct wwi_listener *listener)
{
    struct wwi_listener_served *served = listener->synced.served;

    listener->synced.served = NULL;
    wwi_list_move(&listener->synced.ending, &listener->synced.accepts);
    wwi_list_move(&listener->synced.dropping, &listener->synced.arrivals);
    return served;
}

static void stop_server(
    struct wwi_listener *listener,
    struct wwi_listener_served *served)
{
    if (served != NULL)
        listener->transport->server_stop(served->server, false, stopped);
}

wws_status wwi_listener_abort(struct wwi_listener *self)
{
    struct wwi_listener_served *served = NULL;
    wws_listener_state before;

    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    if (before == CREATED)
        self->synced.latched = true;
    if (before == CLOSING)
        self->synced.aborted = true;
    (void) move_locked(self, EVENT_ABORT);
    if (before == OPEN)
        served = begin_end_locked(self);
    wwi_lock_give(&self->synced.lock);
    if (before == CLOSING)
        wwi_listener_settle(self);
    if (before != OPEN)
        return WWS_S_OK;
    WWI_GATE(LISTENER_ENDS);
    stop_server(self, served);
    (void) wwi_listener_end_some_accepts(self, "the listener was aborted");
    wwi_listener_ref(self);
    if (!wwi_loop_post(wwi_runtime_loop(self->member.runtime), &self->ending))
        wwi_listener_unref(self);
    return WWS_S_OK;
}

static void close_expired(struct wwi_object *object)
{
    struct wwi_listener *listener = WWI_CONTAINER(object, struct wwi_listener,
        object);

    wwi_lock_take(&listener->synced.lock);
    listener->synced.late = listener->synced.state == CLOSING;
    wwi_lock_give(&listener->synced.lock);
    wwi_listener_settle(listener);
}

static bool is_closing(struct wwi_object *object)
{
    wws_listener_state state;

    (void) wwi_listener_get_state(WWI_CONTAINER(object, struct wwi_listener,
        object), &state, NULL);
    return state == CLOSING;
}

wws_status wwi_listener_close(
    struct wwi_listener *self,
    const wws_completion *completion,
    struct wwi_error *error)
{
    int64_t deadline = wwi_clock_after(self->options.close_timeout_ms);
    struct wwi_listener_served *served = NULL;
    struct wwi_closing *closing;
    wws_listener_state before;
    wws_status status;
    bool moved;

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
            wwi_closing_start_locked(closing, deadline, close_expired);
        /* Without memory nobody says when it is time. */
        self->synced.late = closing == NULL;
        served = begin_end_locked(self);
    }
    wwi_lock_give(&self->synced.lock);
    if (!moved || before == CREATED || before == CLOSED) {
        if (closing != NULL)
            wwi_closing_discard(closing);
        return moved ? WWS_S_OK : wwi_listener_refusal(before, error, "close");
    }
    WWI_GATE(LISTENER_ENDS);
    stop_server(self, served);
    while (wwi_listener_end_some_accepts(self, "the listener was closed"))
        ;
    wwi_listener_drop_arrivals(self);
    wwi_listener_settle(self);
    if (closing == NULL)
        return wwi_closing_poll(&self->object, is_closing, completion);
    return wwi_closing_wait(closing, completion);
}

/* Opening. */

static wws_status start_server(
    struct wwi_listener *listener,
    wws_string url,
    struct wwi_listener_served **served,
    struct wwi_error *error)
{
    const wws_listener_options *ours = &listener->options;
    const struct wwi_server_options options = {
        .version = ours->envelope_version,
        .max_message_size = ours->max_message_size,
        .max_head_size = ours->max_http_headers_size,
        .backlog = ours->backlog,
        .max_connections = ours->max_connections,
        .max_incoming = ours->max_connections,
        .request_timeout_ms = ours->request_timeout_ms,
        .idle_timeout_ms = ours->idle_timeout_ms,
        .tolerate_half_close = ours->tolerate_half_close != 0,
        .ip_version = ours->ip_version,
        .disallowed_user_agents = ours->disallowed_user_agents,
        .disallowed_user_agents_count = ours->disallowed_user_agents_count,
        .handshake_timeout_ms = ours->connect_timeout_ms,
        .max_streamed_size = ours->transfer_mode != WWS_TRANSFER_MODE_BUFFERED
            ? ours->max_streamed_message_size : 0,
        .custom = listener->custom,
    };
    struct wwi_server_callbacks callbacks = {
        .arrived = wwi_listener_arrived,
        .connected = wwi_listener_connected,
    };
    wws_status status;

    *served = wwi_alloc_zero(sizeof **served);
    if (*served == NULL)
        return WWS_E_OUTOFMEMORY;
    (*served)->listener = listener;
    wwi_listener_ref(listener);
    callbacks.state = *served;
    status = listener->transport->server_open(listener->member.runtime, url,
        &options, &callbacks, &(*served)->server, error);
    if (status >= 0)
        return status;
    (*served)->server = NULL;
    stopped(*served);
    *served = NULL;
    return status;
}

wws_status wwi_listener_open(
    struct wwi_listener *self,
    wws_string url,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_listener_served *served = NULL;
    wws_listener_state before;
    wws_status status = wwi_wait_check(self->member.runtime, completion,
        error);
    uint32_t opens;
    bool latched;
    bool moved;

    if (status < 0)
        return status;
    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    moved = move_locked(self, EVENT_OPEN);
    opens = self->synced.opens += moved;
    latched = moved && self->synced.latched;
    self->synced.latched = self->synced.latched && !moved;
    if (latched)
        (void) move_locked(self, EVENT_FAIL);
    wwi_lock_give(&self->synced.lock);
    if (!moved)
        return wwi_listener_refusal(before, error, "open");
    if (latched)
        return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
            "the listener was aborted before it was opened");
    WWI_GATE(LISTENER_OPENS);
    status = start_server(self, url, &served, error);
    WWI_GATE(LISTENER_LISTENS);
    wwi_lock_take(&self->synced.lock);
    if (self->synced.state == OPENING && self->synced.opens == opens) {
        (void) move_locked(self, status < 0 ? EVENT_FAIL : EVENT_DONE);
        self->synced.served = served;
        served = NULL;
    }
    wwi_lock_give(&self->synced.lock);
    if (status < 0)
        return wwi_fail_static(error, status, "the listener cannot be opened");
    if (served == NULL)
        return WWS_S_OK;
    self->transport->server_stop(served->server, true, stopped);
    return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
        "the listener was aborted while it was opened");
}

wws_status wwi_listener_reset(
    struct wwi_listener *self,
    struct wwi_error *error)
{
    wws_listener_state before;
    bool moved;

    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    moved = move_locked(self, EVENT_RESET);
    if (moved)
        self->synced.latched = self->synced.aborted = false;
    wwi_lock_give(&self->synced.lock);
    return moved ? WWS_S_OK : wwi_listener_refusal(before, error, "reset");
}

wws_status wwi_listener_free(struct wwi_listener *self)
{
    if (!wwi_object_close(&self->object))
        return WWS_E_HANDLE;
    (void) wwi_listener_abort(self);
    wwi_listener_unref(self);
    return WWS_S_OK;
}

wws_status wwi_listener_get_state(
    struct wwi_listener *self,
    wws_listener_state *state,
    struct wwi_error *error)
{
    (void) error;
    wwi_lock_take(&self->synced.lock);
    *state = self->synced.state;
    wwi_lock_give(&self->synced.lock);
    return WWS_S_OK;
}

wws_status wwi_listener_get_property(
    struct wwi_listener *self,
    wws_listener_property property,
    uint64_t *value,
    struct wwi_error *error)
{
    wws_listener_state state;

    switch (property) {
    case WWS_LISTENER_PROPERTY_BACKLOG:
        *value = self->options.backlog;
        return WWS_S_OK;
    case WWS_LISTENER_PROPERTY_IP_VERSION:
        *value = self->options.ip_version;
        return WWS_S_OK;
    case WWS_LISTENER_PROPERTY_STATE:
        (void) wwi_listener_get_state(self, &state, error);
        *value = state;
        return WWS_S_OK;
    case WWS_LISTENER_PROPERTY_CHANNEL_TYPE:
        *value = wwi_channel_type(self->sessions && self->options.transfer_mode
            == WWS_TRANSFER_MODE_BUFFERED, true);
        return WWS_S_OK;
    case WWS_LISTENER_PROPERTY_TRANSPORT:
        *value = self->options.transport;
        return WWS_S_OK;
    case WWS_LISTENER_PROPERTY_CONNECT_TIMEOUT:
        *value = self->options.connect_timeout_ms;
        return WWS_S_OK;
    case WWS_LISTENER_PROPERTY_CLOSE_TIMEOUT:
        *value = self->options.close_timeout_ms;
        return WWS_S_OK;
    default:
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "property: a listener has no such property");
    }
}

wws_status wwi_listener_get_address(
    struct wwi_listener *self,
    wws_buffer *address,
    struct wwi_error *error)
{
    struct wwi_bytes text = { 0 };
    wws_listener_state state;
    wws_status status = WWS_E_INVALID_OPERATION;

    wwi_lock_take(&self->synced.lock);
    state = self->synced.state;
    if (self->synced.served != NULL)
        status = self->transport->server_address(self->synced.served->server,
            &text);
    wwi_lock_give(&self->synced.lock);
    if (status == WWS_E_INVALID_OPERATION)
        return wwi_listener_refusal(state, error, "read the address of");
    if (status < 0)
        return wwi_fail_static(error, status, "no memory for the address");
    wwi_bytes_to_buffer(&text, address);
    return WWS_S_OK;
}

/* Making and unmaking. */

static void release(struct wwi_listener *listener)
{
    wwi_custom_unref(listener->custom);
    wwi_lock_fini(&listener->synced.lock);
    wwi_free(listener->agents);
    wwi_free(listener);
}

static void destroy(struct wwi_object *object)
{
    struct wwi_listener *listener = WWI_CONTAINER(object, struct wwi_listener,
        object);

    if (listener->member.runtime != NULL)
        wwi_member_leave(&listener->member);
    release(listener);
}

static void abort_member(struct wwi_member *member)
{
    (void) wwi_listener_abort(WWI_CONTAINER(member, struct wwi_listener,
        member));
}

static wws_status take_agents(
    struct wwi_listener *listener,
    const wws_listener_options *options,
    struct wwi_error *error)
{
    size_t count = options->disallowed_user_agents_count;

    for (size_t i = 0; i < count; i++)
        if (options->disallowed_user_agents[i].size == 0)
            return wwi_fail_static(error, WWS_E_INVALIDARG,
                "disallowed_user_agents: everybody has nothing in it");
    if (count == 0)
        return WWS_S_OK;
    listener->agents = wwi_strings_copy(options->disallowed_user_agents,
        count);
    listener->options.disallowed_user_agents = listener->agents;
    return listener->agents != NULL ? WWS_S_OK : wwi_fail_static(error,
        WWS_E_OUTOFMEMORY, "no memory for a listener");
}

static void take_options(
    struct wwi_listener *listener,
    const wws_listener_options *options)
{
    const wws_listener_options standard = WWS_LISTENER_OPTIONS_INIT;
    wws_listener_options *ours = &listener->options;

    *ours = *options;
    ours->custom = NULL;
    wwi_use_default(&ours->max_message_size, standard.max_message_size);
    wwi_use_default(&ours->max_http_headers_size,
        standard.max_http_headers_size);
    wwi_use_default(&ours->backlog, standard.backlog);
    wwi_use_default(&ours->max_connections, standard.max_connections);
    wwi_use_default(&ours->request_timeout_ms, standard.request_timeout_ms);
    wwi_use_default(&ours->idle_timeout_ms, standard.idle_timeout_ms);
    wwi_use_default(&ours->connect_timeout_ms, standard.connect_timeout_ms);
    wwi_use_default(&ours->close_timeout_ms, standard.close_timeout_ms);
    if (ours->max_streamed_message_size == 0)
        ours->max_streamed_message_size = standard.max_streamed_message_size;
}

wws_status wwi_listener_create(
    struct wwi_runtime *runtime,
    const wws_listener_options *options,
    wws_listener *handle,
    struct wwi_error *error)
{
    const struct wwi_binding binding = {
        .transport = options->transport,
        .encoding = options->encoding,
        .addressing = options->addressing_version,
        .mode = options->transfer_mode,
        .end = WWI_END_SERVER,
        .custom = options->custom,
    };
    const struct wwi_transport *transport;
    wws_status status = wwi_transport_find(&binding, &transport, error);
    struct wwi_listener *listener;

    if (status < 0)
        return status;
    listener = wwi_alloc_zero(sizeof *listener);
    if (listener == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for a listener");
    take_options(listener, options);
    status = take_agents(listener, options, error);
    if (status < 0) {
        wwi_free(listener);
        return status;
    }
    listener->transport = transport;
    listener->sessions = transport->session_create != NULL;
    wwi_lock_init(&listener->synced.lock, WWI_RANK_LISTENER);
    wwi_list_init(&listener->synced.accepts);
    wwi_list_init(&listener->synced.arrivals);
    wwi_list_init(&listener->synced.ending);
    wwi_list_init(&listener->synced.dropping);
    wwi_post_init(&listener->ending, end_rest);
    if (wwi_custom_create(options->custom, &listener->custom, NULL) < 0
        || wwi_object_init(&listener->object, WWI_KIND_LISTENER,
            destroy) < 0) {
        release(listener);
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for a listener");
    }
    status = wwi_member_join(&listener->member, &listener->object, runtime,
        abort_member);
    if (status < 0) {
        (void) wwi_object_close(&listener->object);
        wwi_listener_unref(listener);
        return wwi_fail_static(error, status, "the runtime is closed");
    }
    wwi_custom_take(listener->custom);
    handle->id = listener->object.id;
    return WWS_S_OK;
}
