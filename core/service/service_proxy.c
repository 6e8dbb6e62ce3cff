/* The client of a service. */
#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/service/proxy_parts.h"

enum {
    CREATED = WWS_SERVICE_PROXY_STATE_CREATED,
    OPENING = WWS_SERVICE_PROXY_STATE_OPENING,
    OPEN = WWS_SERVICE_PROXY_STATE_OPEN,
    CLOSING = WWS_SERVICE_PROXY_STATE_CLOSING,
    CLOSED = WWS_SERVICE_PROXY_STATE_CLOSED,
    FAULTED = WWS_SERVICE_PROXY_STATE_FAULTED,
    NO = FAULTED + 1,
};

enum event { EVENT_OPEN, EVENT_DONE, EVENT_FAIL, EVENT_FAULT, EVENT_ABORT,
    EVENT_CLOSE, EVENT_RESET, EVENTS };

/* The abort latch of CREATED (D1) is a flag beside the state.
                  open     done    fail     fault    abort    close    reset */
static const uint8_t moves[][EVENTS] = {
    [CREATED] = { OPENING, NO,     NO,      NO,      CREATED, CLOSED,  CREATED },
    [OPENING] = { NO,      OPEN,   CREATED, NO,      CREATED, NO,      NO      },
    [OPEN]    = { NO,      NO,     NO,      FAULTED, FAULTED, CLOSING, NO      },
    [CLOSING] = { NO,      CLOSED, CLOSED,  NO,      CLOSING, NO,      NO      },
    [CLOSED]  = { NO,      NO,     NO,      NO,      CLOSED,  CLOSED,  CREATED },
    [FAULTED] = { NO,      NO,     NO,      NO,      FAULTED, CLOSING, NO      },
};

enum { BATCH = 64 };

static struct wwi_proxy_call *call_of_link(struct wwi_link *link)
{
    return wwi_proxy_call_of(WWI_CONTAINER(link, struct wwi_exchange, link));
}

static const char *state_name(wws_service_proxy_state state)
{
    static const char *const names[] = { "created", "opening", "open",
        "closing", "closed", "faulted" };

    return names[state];
}

static bool move_locked(struct wwi_service_proxy *proxy, enum event event)
{
    uint8_t next = moves[proxy->synced.state][event];

    if (next == NO)
        return false;
    if (next != proxy->synced.state)
        wwi_log_write(proxy->member.runtime->log, WWS_LOG_LEVEL_INFO,
            WWS_PHASE_NONE, "service proxy %llx: %s to %s",
            (unsigned long long) proxy->object.id,
            state_name(proxy->synced.state), state_name(next));
    proxy->synced.state = next;
    return true;
}

wws_status wwi_service_proxy_refuse(
    struct wwi_service_proxy *proxy,
    struct wwi_error *error,
    const char *what)
{
    wws_service_proxy_state state;

    wwi_lock_take(&proxy->synced.lock);
    state = proxy->synced.state;
    wwi_lock_give(&proxy->synced.lock);
    return wwi_fail(error, WWS_E_INVALID_OPERATION,
        "cannot %s a service proxy that is %s", what, state_name(state));
}

/* Idle clients. */

static struct wwi_client *take_idle_locked(struct wwi_service_proxy *proxy)
{
    struct idle *idle = &proxy->synced.idle;

    return idle->count == 0 ? NULL : idle->clients[--idle->count];
}

static void free_idle(struct wwi_service_proxy *proxy)
{
    struct wwi_client *client;

    do {
        wwi_lock_take(&proxy->synced.lock);
        client = take_idle_locked(proxy);
        wwi_lock_give(&proxy->synced.lock);
        if (client != NULL)
            client->transport->client_free(client);
    } while (client != NULL);
}

void wwi_service_proxy_give_client(
    struct wwi_service_proxy *proxy,
    struct wwi_client *client,
    bool whole)
{
    struct idle *idle = &proxy->synced.idle;
    bool kept = false;

    if (whole) {
        client->transport->client_end(client);
        wwi_lock_take(&proxy->synced.lock);
        kept = proxy->synced.state == OPEN
            && idle->count < proxy->options.max_idle_channels;
        if (kept)
            idle->clients[idle->count++] = client;
        wwi_lock_give(&proxy->synced.lock);
    }
    if (!kept)
        client->transport->client_free(client);
}

wws_status wwi_service_proxy_get_client(
    struct wwi_service_proxy *proxy,
    struct wwi_client **client,
    struct wwi_error *error)
{
    const wws_service_proxy_options *ours = &proxy->options;
    const struct wwi_client_options options = {
        .max_message_size = ours->max_message_size,
        .max_head_size = ours->max_http_headers_size,
        .resolve_timeout_ms = WWS_INFINITE,
        .connect_timeout_ms = WWS_INFINITE,
        .send_timeout_ms = WWS_INFINITE,
        .response_timeout_ms = WWS_INFINITE,
        .receive_timeout_ms = WWS_INFINITE,
        .ip_version = ours->ip_version,
    };
    struct wwi_mux *mux = NULL;
    char *address = NULL;
    wws_status status;

    wwi_lock_take(&proxy->synced.lock);
    *client = take_idle_locked(proxy);
    if (*client == NULL && proxy->synced.mux != NULL) {
        mux = proxy->synced.mux;
        wwi_mux_ref(mux);
    } else if (*client == NULL)
        address = wwi_string_copy(wwi_string(proxy->synced.address));
    wwi_lock_give(&proxy->synced.lock);
    if (*client != NULL)
        return WWS_S_OK;
    if (mux != NULL) {
        status = wwi_mux_client(mux, false, client, error);
        wwi_mux_unref(mux);
        return status;
    }
    if (address == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    status = proxy->transport->client_create(proxy->member.runtime,
        wwi_string(address), &options, client, error);
    wwi_free(address);
    return status;
}

/* The end of calls and of the proxy. */

static bool is_active_locked(const struct wwi_service_proxy *proxy)
{
    return proxy->synced.prepared != 0 || proxy->synced.openings != 0
        || !wwi_list_empty(&proxy->synced.pending)
        || !wwi_list_empty(&proxy->synced.detached)
        || !wwi_list_empty(&proxy->synced.stopping);
}

void wwi_service_proxy_look_locked(struct wwi_service_proxy *proxy)
{
    if (proxy->synced.mux != NULL && wwi_mux_ended(proxy->synced.mux))
        (void) move_locked(proxy, EVENT_FAULT);
}

static void session_closed(void *user, wws_status status)
{
    struct wwi_service_proxy *proxy = user;
    struct wwi_mux *mux;

    wwi_lock_take(&proxy->synced.lock);
    mux = proxy->synced.mux;
    proxy->synced.mux = NULL;
    proxy->synced.ending_session = false;
    if (status == WWS_E_OPERATION_TIMED_OUT)
        proxy->synced.late = true;
    wwi_lock_give(&proxy->synced.lock);
    wwi_mux_unref(mux);
    wwi_service_proxy_settle(proxy);
    wwi_object_unref(&proxy->object);
}

/* The last thing a close does: nothing is left that uses the session. */
static void end_session(struct wwi_service_proxy *proxy)
{
    struct wwi_mux *mux = NULL;
    int64_t deadline;

    wwi_lock_take(&proxy->synced.lock);
    deadline = proxy->synced.close_deadline;
    if (proxy->synced.state == CLOSING && !is_active_locked(proxy)
        && !proxy->synced.ending_session)
        mux = proxy->synced.mux;
    if (mux != NULL) {
        proxy->synced.ending_session = true;
        wwi_mux_ref(mux);
    }
    wwi_lock_give(&proxy->synced.lock);
    if (mux == NULL)
        return;
    wwi_object_ref(&proxy->object);
    wwi_mux_close(mux, deadline, session_closed, proxy);
}

void wwi_service_proxy_settle(struct wwi_service_proxy *proxy)
{
    struct wwi_closing *closing = NULL;
    wws_status status = WWS_S_OK;
    bool closed;

    end_session(proxy);
    WWI_GATE(PROXY_SETTLES);
    wwi_lock_take(&proxy->synced.lock);
    closed = proxy->synced.state == CLOSING && !is_active_locked(proxy)
        && proxy->synced.mux == NULL;
    if (closed) {
        (void) move_locked(proxy, EVENT_DONE);
        closing = proxy->synced.closing;
        proxy->synced.closing = NULL;
        if (proxy->synced.aborted)
            status = WWS_E_OPERATION_ABORTED;
        else if (proxy->synced.late)
            status = WWS_E_OPERATION_TIMED_OUT;
    }
    wwi_lock_give(&proxy->synced.lock);
    if (closed)
        free_idle(proxy);
    if (closing != NULL)
        wwi_closing_end(closing, status);
}

/* Ending many. */

/* Moves a call to another list, for a batch with a reference. */
static void pick_locked(
    struct wwi_proxy_call *call,
    struct wwi_list *to,
    struct wwi_proxy_call **batch,
    uint32_t *count)
{
    wwi_list_remove(&call->exchange.link);
    wwi_map_remove(&call->proxy->synced.groups, &call->of_group);
    wwi_list_append(to, &call->exchange.link);
    wwi_exchange_ref(&call->exchange);
    batch[(*count)++] = call;
}

/* The first of the pending calls, of all groups with 0; what is to be stopped
 * is not abandoned. */
static struct wwi_proxy_call *first_locked(
    const struct wwi_service_proxy *proxy,
    uint32_t id)
{
    const struct wwi_list *pending = &proxy->synced.pending;
    struct wwi_map_link *link;

    if (wwi_list_empty(pending))
        return NULL;
    if (id == 0)
        return call_of_link(wwi_list_first(pending));
    link = wwi_map_first(&proxy->synced.groups, id);
    return link == NULL ? NULL
        : WWI_CONTAINER(link, struct wwi_proxy_call, of_group);
}

/* Those that are to be abandoned, which began before the limit. */
static uint32_t collect_group(
    struct wwi_service_proxy *proxy,
    uint32_t id,
    uint64_t limit,
    struct wwi_proxy_call **batch)
{
    struct wwi_proxy_call *call;
    uint32_t count = 0;

    wwi_lock_take(&proxy->synced.lock);
    while (count < BATCH && (call = first_locked(proxy, id)) != NULL
        && call->number < limit)
        pick_locked(call, &proxy->synced.detached, batch, &count);
    wwi_lock_give(&proxy->synced.lock);
    return count;
}

static uint32_t collect_stopping(
    struct wwi_service_proxy *proxy,
    struct wwi_proxy_call **batch)
{
    struct wwi_list *stopping = &proxy->synced.stopping;
    uint32_t count = 0;

    wwi_lock_take(&proxy->synced.lock);
    while (count < BATCH && !wwi_list_empty(stopping))
        pick_locked(call_of_link(wwi_list_first(stopping)),
            &proxy->synced.detached, batch, &count);
    wwi_lock_give(&proxy->synced.lock);
    return count;
}

static void end_batch(
    struct wwi_proxy_call **batch,
    uint32_t count,
    enum wwi_ending ending,
    wws_status status,
    const char *text)
{
    for (uint32_t i = 0; i < count; i++) {
        (void) wwi_exchange_end(&batch[i]->exchange, ending, status, text);
        wwi_exchange_unref(&batch[i]->exchange);
    }
}

wws_status wwi_service_proxy_abandon_call(
    struct wwi_service_proxy *self,
    uint32_t call_id,
    struct wwi_error *error)
{
    struct wwi_proxy_call *batch[BATCH];
    wws_service_proxy_state state;
    uint64_t limit;
    uint32_t count;

    wwi_lock_take(&self->synced.lock);
    state = self->synced.state;
    limit = self->synced.next_number;
    wwi_lock_give(&self->synced.lock);
    WWI_GATE(PROXY_ABANDONS);
    if (state == CREATED || state == OPENING || state == CLOSED)
        return wwi_service_proxy_refuse(self, error, "abandon calls of");
    if (state == FAULTED)
        return WWS_S_OK;
    do {
        count = collect_group(self, call_id, limit, batch);
        end_batch(batch, count, WWI_ENDING_DRAIN, WWS_E_OPERATION_ABANDONED,
            "the call was abandoned by the application; it goes on in the "
            "background");
    } while (count == BATCH);
    return WWS_S_OK;
}

/* One batch of what must stop; whether there may be more. */
static bool stop_some(struct wwi_service_proxy *proxy)
{
    struct wwi_proxy_call *batch[BATCH];
    uint32_t count = collect_stopping(proxy, batch);

    end_batch(batch, count, WWI_ENDING_STOP, WWS_E_OPERATION_ABORTED,
        "the service proxy was aborted");
    return count == BATCH;
}

/* While something is being ended the loops are there: calls may be on them. */
static void begin_ending(struct wwi_service_proxy *proxy)
{
    wwi_object_ref(&proxy->object);
    wwi_runtime_begin(proxy->member.runtime);
}

static void ending_done(struct wwi_service_proxy *proxy)
{
    wwi_runtime_done(proxy->member.runtime);
    wwi_object_unref(&proxy->object);
}

static void post_ending(struct wwi_service_proxy *proxy)
{
    begin_ending(proxy);
    if (!wwi_loop_post(wwi_runtime_loop(proxy->member.runtime),
        &proxy->ending))
        ending_done(proxy);
}

/* In turns, so that many do not keep the loop from all else. */
static void stop_rest(struct wwi_work *work)
{
    struct wwi_service_proxy *proxy = WWI_CONTAINER(work,
        struct wwi_service_proxy, ending.work);

    if (stop_some(proxy))
        post_ending(proxy);
    free_idle(proxy);
    ending_done(proxy);
}

/* What is to end, with a reference each.  It is collected when the state moves:
 * what begins after that is not meant. */
struct ends {
    bool calls;
    struct wwi_exchange *opening;
    struct wwi_mux *mux;
};

static struct ends collect_ends_locked(struct wwi_service_proxy *proxy)
{
    struct ends ends = {
        .calls = proxy->synced.state == OPEN || proxy->synced.state == CLOSING,
        .opening = proxy->synced.opening,
        .mux = proxy->synced.mux,
    };

    if (ends.calls) {
        begin_ending(proxy);
        wwi_list_move(&proxy->synced.stopping, &proxy->synced.pending);
        wwi_list_move(&proxy->synced.stopping, &proxy->synced.detached);
    }
    /* The next opening may be put in its place at once. */
    proxy->synced.opening = NULL;
    if (ends.mux != NULL)
        wwi_mux_ref(ends.mux);
    return ends;
}

static void stop_calls(struct wwi_service_proxy *proxy)
{
    (void) stop_some(proxy);
    post_ending(proxy);
    ending_done(proxy);
}

static void stop_all(
    struct wwi_service_proxy *proxy,
    const struct ends *ends)
{
    if (ends->calls)
        stop_calls(proxy);
    if (ends->opening != NULL) {
        (void) wwi_exchange_end(ends->opening, WWI_ENDING_STOP,
            WWS_E_OPERATION_ABORTED, "the service proxy was aborted");
        wwi_exchange_unref(ends->opening);
    }
    if (ends->mux != NULL) {
        wwi_mux_abort(ends->mux);
        wwi_mux_unref(ends->mux);
    }
}

wws_status wwi_service_proxy_abort(struct wwi_service_proxy *self)
{
    struct ends ends;

    wwi_lock_take(&self->synced.lock);
    ends = collect_ends_locked(self);
    if (self->synced.state == CREATED)
        self->synced.latched = true;
    if (self->synced.state == CLOSING)
        self->synced.aborted = true;
    (void) move_locked(self, EVENT_ABORT);
    wwi_lock_give(&self->synced.lock);
    WWI_GATE(PROXY_ABORTS);
    stop_all(self, &ends);
    return WWS_S_OK;
}

static void close_expired(struct wwi_object *object)
{
    struct wwi_service_proxy *proxy = WWI_CONTAINER(object,
        struct wwi_service_proxy, object);
    struct ends ends = { 0 };

    wwi_lock_take(&proxy->synced.lock);
    if (proxy->synced.state == CLOSING) {
        ends = collect_ends_locked(proxy);
        proxy->synced.late = !proxy->synced.aborted;
    }
    wwi_lock_give(&proxy->synced.lock);
    stop_all(proxy, &ends);
}

static bool is_closing(struct wwi_object *object)
{
    wws_service_proxy_state state;

    (void) wwi_service_proxy_get_state(WWI_CONTAINER(object,
        struct wwi_service_proxy, object), &state, NULL);
    return state == CLOSING;
}

wws_status wwi_service_proxy_close(
    struct wwi_service_proxy *self,
    const wws_completion *completion,
    struct wwi_error *error)
{
    int64_t deadline = wwi_clock_after(self->options.max_close_timeout_ms);
    struct ends ends = { 0 };
    struct wwi_closing *closing;
    wws_service_proxy_state before;
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
        self->synced.close_deadline = deadline;
        if (closing != NULL)
            wwi_closing_start_locked(closing, deadline, close_expired);
        else /* it has no deadline */
            ends = collect_ends_locked(self);
    }
    wwi_lock_give(&self->synced.lock);
    if (!moved || before == CREATED || before == CLOSED) {
        if (closing != NULL)
            wwi_closing_discard(closing);
        return moved ? WWS_S_OK
            : wwi_service_proxy_refuse(self, error, "close");
    }
    WWI_GATE(PROXY_CLOSES);
    stop_all(self, &ends);
    wwi_service_proxy_settle(self);
    if (closing == NULL)
        return wwi_closing_poll(&self->object, is_closing, completion);
    return wwi_closing_wait(closing, completion);
}

bool wwi_service_proxy_end_opening(
    struct wwi_service_proxy *proxy,
    uint32_t opens,
    bool open,
    struct wwi_mux *mux)
{
    bool mine;

    WWI_GATE(PROXY_OPENED);
    wwi_lock_take(&proxy->synced.lock);
    mine = proxy->synced.state == OPENING && proxy->synced.opens == opens;
    if (mine)
        (void) move_locked(proxy, open ? EVENT_DONE : EVENT_FAIL);
    if (mine && open)
        proxy->synced.mux = mux;
    wwi_lock_give(&proxy->synced.lock);
    return mine;
}

/* Whether the address is good is known when a client can be made of it. */
static wws_status open_at_once(
    struct wwi_service_proxy *self,
    uint32_t opens,
    struct wwi_error *error)
{
    struct wwi_client *client;
    wws_status status = wwi_service_proxy_get_client(self, &client, error);
    bool mine = wwi_service_proxy_end_opening(self, opens, status >= 0, NULL);

    if (status < 0)
        return wwi_fail_static(error, status,
            "the service proxy cannot be opened");
    wwi_service_proxy_give_client(self, client, mine);
    return mine ? WWS_S_OK : wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
        "the service proxy was aborted while it was opened");
}

wws_status wwi_service_proxy_open(
    struct wwi_service_proxy *self,
    wws_string address,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_status status = wwi_wait_check(self->member.runtime, completion,
        error);
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
    moved = move_locked(self, EVENT_OPEN);
    opens = self->synced.opens += moved;
    latched = moved && self->synced.latched;
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
        return wwi_service_proxy_refuse(self, error, "open");
    }
    if (latched)
        return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
            "the service proxy was aborted before it was opened");
    WWI_GATE(PROXY_OPENS);
    if (self->transport->session_create == NULL)
        return open_at_once(self, opens, error);
    status = wwi_service_proxy_open_session(self, opens, address, completion,
        error);
    if (status < 0)
        (void) wwi_service_proxy_end_opening(self, opens, false, NULL);
    return status;
}

wws_status wwi_service_proxy_reset(
    struct wwi_service_proxy *self,
    struct wwi_error *error)
{
    bool moved;

    wwi_lock_take(&self->synced.lock);
    moved = move_locked(self, EVENT_RESET);
    if (moved)
        self->synced.latched = self->synced.aborted = self->synced.late = false;
    wwi_lock_give(&self->synced.lock);
    return moved ? WWS_S_OK : wwi_service_proxy_refuse(self, error, "reset");
}

wws_status wwi_service_proxy_free(struct wwi_service_proxy *self)
{
    if (!wwi_object_close(&self->object))
        return WWS_E_HANDLE;
    (void) wwi_service_proxy_abort(self);
    wwi_object_unref(&self->object);
    return WWS_S_OK;
}

wws_status wwi_service_proxy_get_state(
    struct wwi_service_proxy *self,
    wws_service_proxy_state *state,
    struct wwi_error *error)
{
    (void) error;
    wwi_lock_take(&self->synced.lock);
    wwi_service_proxy_look_locked(self);
    *state = self->synced.state;
    wwi_lock_give(&self->synced.lock);
    return WWS_S_OK;
}

static void release(struct wwi_service_proxy *proxy)
{
    wwi_custom_unref(proxy->custom);
    wwi_lock_fini(&proxy->synced.lock);
    wwi_map_fini(&proxy->synced.groups);
    wwi_free(proxy->synced.idle.clients);
    wwi_free(proxy->synced.address);
    wwi_free(proxy);
}

static void destroy(struct wwi_object *object)
{
    struct wwi_service_proxy *proxy = WWI_CONTAINER(object,
        struct wwi_service_proxy, object);

    free_idle(proxy);
    if (proxy->synced.mux != NULL)
        wwi_mux_unref(proxy->synced.mux);
    if (proxy->member.runtime != NULL)
        wwi_member_leave(&proxy->member);
    release(proxy);
}

static void abort_member(struct wwi_member *member)
{
    (void) wwi_service_proxy_abort(WWI_CONTAINER(member,
        struct wwi_service_proxy, member));
}

static void take_options(
    struct wwi_service_proxy *proxy,
    const wws_service_proxy_options *options)
{
    const wws_service_proxy_options standard = WWS_SERVICE_PROXY_OPTIONS_INIT;
    wws_service_proxy_options *ours = &proxy->options;

    *ours = *options;
    ours->custom = NULL;
    wwi_use_default(&ours->max_message_size, standard.max_message_size);
    wwi_use_default(&ours->max_http_headers_size,
        standard.max_http_headers_size);
    wwi_use_default(&ours->call_timeout_ms, standard.call_timeout_ms);
    wwi_use_default(&ours->max_pending_calls, standard.max_pending_calls);
    wwi_use_default(&ours->max_close_timeout_ms, standard.max_close_timeout_ms);
    wwi_use_default(&ours->drain_timeout_ms, standard.drain_timeout_ms);
    if (ours->max_idle_channels > 65536)
        ours->max_idle_channels = 65536;
}

wws_status wwi_service_proxy_create(
    struct wwi_runtime *runtime,
    const wws_service_proxy_options *options,
    wws_service_proxy *handle,
    struct wwi_error *error)
{
    const struct wwi_binding binding = {
        .transport = options->transport,
        .encoding = options->encoding,
        .addressing = options->addressing_version,
        .end = WWI_END_CLIENT,
        .custom = options->custom,
    };
    const struct wwi_transport *transport;
    wws_status status = wwi_transport_find(&binding, &transport, error);
    struct wwi_service_proxy *proxy;

    if (status < 0)
        return status;
    status = WWS_E_OUTOFMEMORY;
    proxy = wwi_alloc_zero(sizeof *proxy);
    if (proxy == NULL)
        return wwi_fail_static(error, status, "no memory for a service proxy");
    take_options(proxy, options);
    proxy->transport = transport;
    proxy->synced.idle.clients = wwi_alloc(proxy->options.max_idle_channels
        * sizeof *proxy->synced.idle.clients);
    wwi_lock_init(&proxy->synced.lock, WWI_RANK_SERVICE_PROXY);
    wwi_list_init(&proxy->synced.pending);
    wwi_list_init(&proxy->synced.detached);
    wwi_list_init(&proxy->synced.stopping);
    wwi_post_init(&proxy->ending, stop_rest);
    if (proxy->synced.idle.clients == NULL
        || !wwi_map_init(&proxy->synced.groups)
        || wwi_custom_create(options->custom, &proxy->custom, NULL) < 0
        || wwi_object_init(&proxy->object, WWI_KIND_SERVICE_PROXY,
            destroy) < 0) {
        release(proxy);
        return wwi_fail_static(error, status, "no memory for a service proxy");
    }
    status = wwi_member_join(&proxy->member, &proxy->object, runtime,
        abort_member);
    if (status < 0) {
        (void) wwi_service_proxy_free(proxy);
        return wwi_fail_static(error, status, "the runtime is closed");
    }
    wwi_custom_take(proxy->custom);
    handle->id = proxy->object.id;
    return WWS_S_OK;
}
