/* The client of a service. */
#include "core/service/service_proxy.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/message.h"
#include "core/channel/reply.h"
#include "core/service/call.h"

enum {
    CREATED = WWS_SERVICE_PROXY_STATE_CREATED,
    OPENING = WWS_SERVICE_PROXY_STATE_OPENING,
    OPEN = WWS_SERVICE_PROXY_STATE_OPEN,
    CLOSING = WWS_SERVICE_PROXY_STATE_CLOSING,
    CLOSED = WWS_SERVICE_PROXY_STATE_CLOSED,
    FAULTED = WWS_SERVICE_PROXY_STATE_FAULTED,
    NO = FAULTED + 1,
};

enum event { EVENT_OPEN, EVENT_DONE, EVENT_FAIL, EVENT_ABORT, EVENT_CLOSE,
    EVENT_RESET, EVENTS };

/* The abort latch of CREATED (D1) is a flag beside the state.
                  open     done    fail     abort    close    reset */
static const uint8_t moves[][EVENTS] = {
    [CREATED] = { OPENING, NO,     NO,      CREATED, CLOSED,  CREATED },
    [OPENING] = { NO,      OPEN,   CREATED, CREATED, NO,      NO      },
    [OPEN]    = { NO,      NO,     NO,      FAULTED, CLOSING, NO      },
    [CLOSING] = { NO,      CLOSED, CLOSED,  CLOSING, NO,      NO      },
    [CLOSED]  = { NO,      NO,     NO,      CLOSED,  CLOSED,  CREATED },
    [FAULTED] = { NO,      NO,     NO,      FAULTED, CLOSING, NO      },
};

enum { BATCH = 64 };

struct wwi_service_proxy {
    struct wwi_object object;
    struct wwi_member member;
    wws_service_proxy_options options; /* set by create, then read only */
    const struct wwi_transport *transport;
    struct wwi_post ending; /* stops what abort left in the list */

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        wws_service_proxy_state state;
        uint32_t opens; /* which open it is that the state tells of */
        bool latched; /* aborted when it was only created */
        bool aborted; /* while it was closing */
        bool late;    /* the close took too long */
        char *address;
        struct wwi_list pending;
        struct wwi_list detached;
        struct wwi_list stopping; /* detached, and still to be stopped */
        uint32_t counted; /* against max_pending_calls */
        uint32_t prepared; /* counted, and nobody else knows them yet */
        uint64_t next_number;
        struct idle {
            struct wwi_client **clients;
            uint32_t count;
        } idle;
        struct wwi_closing *closing;
    } synced;
};

/* One call: an exchange, and what its caller gave us. */
struct call {
    struct wwi_exchange exchange;
    struct wwi_service_proxy *proxy;
    struct wwi_call *handle;
    struct wwi_message *request;
    struct wwi_message *reply; /* the caller's, or ours */
    wws_buffer *reply_body;
    bool check_must_understand;
    bool counted; /* under the proxy's lock, both */
    bool prepared;
    uint32_t id;
    uint64_t number;
};

static struct call *call_of(struct wwi_exchange *exchange)
{
    return WWI_CONTAINER(exchange, struct call, exchange);
}

static struct call *call_of_link(struct wwi_link *link)
{
    return call_of(WWI_CONTAINER(link, struct wwi_exchange, link));
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

static wws_status refuse(
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
            proxy->transport->client_free(client);
    } while (client != NULL);
}

static void give_client(
    struct wwi_service_proxy *proxy,
    struct wwi_client *client,
    bool whole)
{
    struct idle *idle = &proxy->synced.idle;
    bool kept = false;

    if (whole) {
        proxy->transport->client_end(client);
        wwi_lock_take(&proxy->synced.lock);
        kept = proxy->synced.state == OPEN
            && idle->count < proxy->options.max_idle_channels;
        if (kept)
            idle->clients[idle->count++] = client;
        wwi_lock_give(&proxy->synced.lock);
    }
    if (!kept)
        proxy->transport->client_free(client);
}

static wws_status get_client(
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
    };
    char *address = NULL;
    wws_status status;

    wwi_lock_take(&proxy->synced.lock);
    *client = take_idle_locked(proxy);
    if (*client == NULL)
        address = wwi_string_copy(wwi_string(proxy->synced.address));
    wwi_lock_give(&proxy->synced.lock);
    if (*client != NULL)
        return WWS_S_OK;
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
    return proxy->synced.prepared != 0
        || !wwi_list_empty(&proxy->synced.pending)
        || !wwi_list_empty(&proxy->synced.detached)
        || !wwi_list_empty(&proxy->synced.stopping);
}

/* Ends a close that has nothing to wait for any more. */
static void settle(struct wwi_service_proxy *proxy)
{
    struct wwi_closing *closing = NULL;
    wws_status status = WWS_S_OK;
    bool closed;

    wwi_lock_take(&proxy->synced.lock);
    closed = proxy->synced.state == CLOSING && !is_active_locked(proxy);
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

static void uncount(struct call *call)
{
    struct wwi_service_proxy *proxy = call->proxy;

    wwi_lock_take(&proxy->synced.lock);
    if (call->counted)
        proxy->synced.counted--;
    call->counted = false;
    wwi_lock_give(&proxy->synced.lock);
}

static void leave_preparation_locked(struct call *call)
{
    if (call->prepared)
        call->proxy->synced.prepared--;
    call->prepared = false;
}

static void call_ended(struct wwi_exchange *exchange)
{
    struct call *call = call_of(exchange);

    wwi_count(exchange->wait.runtime, WWS_COUNTER_CALLS_COMPLETED);
    if (atomic_load(&exchange->track.stop))
        uncount(call);
    if (call->handle != NULL)
        wwi_call_end(call->handle);
}

static void call_over(struct wwi_exchange *exchange, bool whole)
{
    struct call *call = call_of(exchange);

    give_client(call->proxy, exchange->client, whole);
    exchange->client = NULL;
    uncount(call);
}

static void call_retired(struct wwi_exchange *exchange)
{
    struct wwi_service_proxy *proxy = call_of(exchange)->proxy;

    wwi_lock_take(&proxy->synced.lock);
    wwi_list_remove(&exchange->link);
    leave_preparation_locked(call_of(exchange));
    wwi_lock_give(&proxy->synced.lock);
    settle(proxy);
}

static void call_destroy(struct wwi_exchange *exchange)
{
    struct call *call = call_of(exchange);

    if (call->handle != NULL)
        wwi_object_unref(&call->handle->object);
    if (call->reply != NULL)
        wwi_object_unref(&call->reply->object);
    if (call->request != NULL)
        (void) wwi_message_free(call->request);
    wwi_object_unref(&call->proxy->object);
    wwi_free(call);
}

/* The reply. */

static wws_status copy_body(struct call *call, struct wwi_error *error)
{
    struct wwi_bytes copy = { 0 };
    wws_bytes body;
    wws_status status = wwi_message_get_body(call->reply, &body, error);

    if (status < 0 || call->reply_body == NULL)
        return status;
    wwi_bytes_append(&copy, body.data, body.size);
    if (copy.failed) {
        wwi_bytes_fini(&copy);
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for the reply");
    }
    wwi_bytes_to_buffer(&copy, call->reply_body);
    return WWS_S_OK;
}

static wws_status read_reply(
    struct call *call,
    struct wwi_bytes *envelope,
    const struct wwi_fields *fields,
    struct wwi_error *error)
{
    const struct wwi_reply_rules rules = {
        .envelope_version = call->proxy->options.envelope_version,
        .addressing_version = call->proxy->options.addressing_version,
        .request_id = call->request->standard[WWS_HEADER_MESSAGE_ID],
        .http_status = call->exchange.client->trouble.http_status,
        .faults_as_errors = true,
    };
    wws_status status = wwi_message_begin_use(call->reply, error);

    if (status < 0)
        return status;
    status = wwi_reply_read(call->reply, envelope, fields, &rules, error);
    wwi_message_end_use(call->reply);
    if (status == WWS_S_OK && call->check_must_understand)
        status = wwi_message_check_must_understand(call->reply, error);
    return status < 0 ? status : copy_body(call, error);
}

static wws_status call_result(struct wwi_exchange *exchange, wws_status status)
{
    struct call *call = call_of(exchange);
    struct wwi_error *error = wwi_wait_error(&exchange->wait);
    struct wwi_bytes envelope = { 0 };
    struct wwi_fields fields;

    if (status >= 0)
        status = exchange->client->transport->client_take(exchange->client,
            &envelope, &fields);
    if (status == WWS_S_OK)
        status = read_reply(call, &envelope, &fields, error);
    wwi_bytes_fini(&envelope);
    if (status < 0)
        (void) wwi_fail_static(error, status, "the call failed");
    else if (status == WWS_S_END && call->reply_body != NULL)
        *call->reply_body = (wws_buffer) { 0 };
    return status;
}

static const struct wwi_exchange_callbacks call_callbacks = {
    .result = call_result,
    .ended = call_ended,
    .over = call_over,
    .retired = call_retired,
};

/* The request. */

static wws_status fill_request(
    struct wwi_message *request,
    wws_string action,
    wws_bytes body,
    struct wwi_message *headers,
    struct wwi_error *error)
{
    wws_status status;

    status = wwi_message_initialize(request, headers != NULL
        ? WWS_MESSAGE_INITIALIZATION_DUPLICATE
        : WWS_MESSAGE_INITIALIZATION_REQUEST, headers, error);
    if (status >= 0)
        status = wwi_message_set_header(request, WWS_HEADER_ACTION, action,
            error);
    if (status >= 0 && (body.size != 0 || headers == NULL))
        status = wwi_message_set_body(request, body, error);
    return status;
}

static wws_status make_request(
    struct call *call,
    wws_string action,
    wws_bytes body,
    const wws_call_options *options,
    struct wwi_error *error)
{
    const wws_service_proxy_options *ours = &call->proxy->options;
    wws_message_options form = WWS_MESSAGE_OPTIONS_INIT;
    struct wwi_message *headers = NULL;
    wws_status status = WWS_S_OK;

    form.envelope_version = ours->envelope_version;
    form.addressing_version = ours->addressing_version;
    if (options->request_headers.id != 0)
        status = wwi_table_get(options->request_headers.id, WWI_KIND_MESSAGE,
            &headers);
    if (status < 0)
        return wwi_fail_static(error, status,
            "request_headers: not a handle of a message");
    status = wwi_message_new(&form, &call->request, error);
    if (status >= 0)
        status = fill_request(call->request, action, body, headers, error);
    if (headers != NULL)
        wwi_object_unref(&headers->object);
    return status;
}

static wws_status make_reply(
    struct call *call,
    const wws_call_options *options,
    struct wwi_error *error)
{
    wws_message_options form = WWS_MESSAGE_OPTIONS_INIT;
    wws_status status;

    if (options->reply.id != 0) {
        status = wwi_table_get(options->reply.id, WWI_KIND_MESSAGE,
            &call->reply);
        if (status < 0)
            return wwi_fail_static(error, status,
                "reply: not a handle of a message");
        return wwi_message_check_target(call->reply,
            call->proxy->options.envelope_version,
            call->proxy->options.addressing_version, error);
    }
    form.envelope_version = call->proxy->options.envelope_version;
    form.addressing_version = call->proxy->options.addressing_version;
    status = wwi_message_new(&form, &call->reply, error);
    if (status < 0)
        return status;
    /* Ours alone: the handle is not for anybody. */
    wwi_object_ref(&call->reply->object);
    return wwi_message_free(call->reply);
}

static wws_status begin(
    struct call *call,
    struct wwi_client *client,
    wws_string action,
    struct wwi_error *error)
{
    const wws_service_proxy_options *ours = &call->proxy->options;
    struct wwi_encode_params params = {
        .envelope_version = ours->envelope_version,
        .addressing_version = ours->addressing_version,
        .to = wwi_string(call->proxy->synced.address),
        .max_size = ours->max_message_size,
    };
    struct wwi_outgoing outgoing = {
        .version = ours->envelope_version,
        .action = action,
        .fields = {
            .next = wwi_mapped_next,
            .state = &call->request->mapped,
        },
    };
    wws_status status = wwi_message_encode(call->request, &params,
        &outgoing.envelope, error);

    if (status >= 0)
        status = client->transport->client_begin(client, &outgoing, true,
            error);
    wwi_bytes_fini(&outgoing.envelope);
    return status;
}

/* Calling. */

static wws_status explain(
    struct wwi_service_proxy *proxy,
    struct wwi_error *error,
    wws_status status)
{
    switch (status) {
    case WWS_E_OBJECT_FAULTED:
        return wwi_fail_static(error, status, "the service proxy was aborted");
    case WWS_E_INVALID_OPERATION:
        return refuse(proxy, error, "call through");
    case WWS_E_QUOTA_EXCEEDED:
        return wwi_fail_static(error, status,
            "as many calls are pending as max_pending_calls allows");
    default:
        return status;
    }
}

static wws_status judge_locked(const struct wwi_service_proxy *proxy)
{
    if (proxy->synced.state == FAULTED)
        return WWS_E_OBJECT_FAULTED;
    return proxy->synced.state == OPEN ? WWS_S_OK : WWS_E_INVALID_OPERATION;
}

/* The call may be prepared; nobody can end it before it is admitted, so that
 * whatever fails until then is its own thread's to tell. */
static wws_status reserve(
    struct wwi_service_proxy *proxy,
    struct call *call,
    struct wwi_error *error)
{
    wws_status status;

    wwi_lock_take(&proxy->synced.lock);
    status = judge_locked(proxy);
    if (status == WWS_S_OK
        && proxy->synced.counted >= proxy->options.max_pending_calls)
        status = WWS_E_QUOTA_EXCEEDED;
    if (status == WWS_S_OK) {
        proxy->synced.counted++;
        proxy->synced.prepared++;
        call->counted = call->prepared = true;
    }
    wwi_lock_give(&proxy->synced.lock);
    return explain(proxy, error, status);
}

/* Unless the proxy was aborted or closed meanwhile. */
static wws_status admit(struct wwi_service_proxy *proxy, struct call *call)
{
    wws_status status;

    wwi_lock_take(&proxy->synced.lock);
    status = judge_locked(proxy);
    if (status == WWS_S_OK) {
        leave_preparation_locked(call);
        call->number = proxy->synced.next_number++;
        wwi_list_append(&proxy->synced.pending, &call->exchange.link);
    }
    wwi_lock_give(&proxy->synced.lock);
    return status;
}

static void set_deadline(struct call *call, const wws_call_options *options)
{
    const wws_service_proxy_options *ours = &call->proxy->options;
    uint32_t timeout = options->timeout_ms != 0 ? options->timeout_ms
        : ours->call_timeout_ms;

    call->exchange.deadline = wwi_clock_after(timeout);
    call->exchange.deadline_drains = ours->timeout_abandons != 0;
    call->exchange.deadline_text = ours->timeout_abandons != 0
        ? "the time allowed for the call is over; it goes on in the background"
        : "the time allowed for the call is over";
    call->exchange.drain_timeout_ms = ours->drain_timeout_ms;
}

/* One that another call has is that one's to end. */
static wws_status claim_handle(struct call *call, struct wwi_error *error)
{
    if (wwi_call_claim(call->handle))
        return WWS_S_OK;
    wwi_object_unref(&call->handle->object);
    call->handle = NULL;
    return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
        "the call handle serves another call already");
}

static wws_status find_handle(
    struct call *call,
    wws_call *handle,
    struct wwi_error *error)
{
    wws_status status;

    if (handle == NULL)
        return WWS_S_OK;
    if (handle->id != 0) {
        status = wwi_table_get(handle->id, WWI_KIND_CALL, &call->handle);
        return status < 0 ? wwi_fail_static(error, status,
            "call: the handle is stale, or of another kind")
            : claim_handle(call, error);
    }
    call->handle = wwi_call_new();
    if (call->handle == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for a call handle");
    wwi_object_ref(&call->handle->object);
    handle->id = call->handle->object.id;
    return WWS_S_OK;
}

static wws_status attach(struct call *call, struct wwi_error *error)
{
    if (call->handle == NULL
        || wwi_call_attach(call->handle, &call->exchange))
        return WWS_S_OK;
    return wwi_fail_static(error, WWS_E_OPERATION_CANCELLED,
        "the call was cancelled before it started");
}

/* All that can fail, fails here, before anybody waits. */
static wws_status prepare(
    struct call *call,
    wws_string action,
    wws_bytes body,
    const wws_call_options *options,
    struct wwi_client **client,
    struct wwi_error *error)
{
    wws_status status;

    set_deadline(call, options);
    status = make_request(call, action, body, options, error);
    if (status >= 0)
        status = make_reply(call, options, error);
    if (status < 0)
        return status;
    status = get_client(call->proxy, client, error);
    if (status < 0)
        return status;
    status = begin(call, *client, action, error);
    if (status >= 0)
        status = attach(call, error);
    if (status < 0) {
        call->proxy->transport->client_free(*client);
        *client = NULL;
    }
    return status;
}

static struct call *call_new(
    struct wwi_service_proxy *proxy,
    const wws_call_options *options,
    wws_buffer *reply_body,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct call *call = wwi_alloc_zero(sizeof *call);

    if (call == NULL) {
        *status = wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for a call");
        return NULL;
    }
    call->proxy = proxy;
    call->reply_body = reply_body;
    call->id = options->call_id;
    call->check_must_understand = options->allow_unknown_headers == 0;
    *status = wwi_exchange_init(&call->exchange, &call_callbacks, call_destroy,
        proxy->member.runtime, completion, error);
    if (*status < 0) {
        wwi_free(call);
        return NULL;
    }
    call->exchange.wait.owner = proxy;
    wwi_object_ref(&proxy->object);
    return call;
}

/* Ends a call that does not start: with the status, unless somebody has
 * cancelled it, which its caller then hears of. */
static wws_status give_up(struct call *call, wws_status status)
{
    uncount(call);
    if (call->handle != NULL)
        wwi_call_end(call->handle);
    return wwi_exchange_refuse(&call->exchange, status);
}

wws_status wwi_service_proxy_call(
    struct wwi_service_proxy *self,
    wws_string action,
    wws_bytes body,
    const wws_call_options *options,
    wws_call *handle,
    wws_buffer *reply_body,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_client *client = NULL;
    wws_status status;
    struct call *call = call_new(self, options, reply_body, completion, error,
        &status);

    if (call == NULL)
        return status;
    status = find_handle(call, handle, error);
    if (status >= 0)
        status = reserve(self, call, error);
    if (status >= 0)
        status = prepare(call, action, body, options, &client, error);
    if (status < 0)
        return give_up(call, status);
    status = admit(self, call);
    if (status < 0) {
        self->transport->client_free(client);
        status = give_up(call, status);
        /* If the caller has heard of a cancel, it says why. */
        return status == WWS_S_ASYNC ? status : explain(self, error, status);
    }
    wwi_count(self->member.runtime, WWS_COUNTER_CALLS_STARTED);
    return wwi_exchange_run(&call->exchange, client);
}

/* Ending many. */

typedef bool (*choose_fn)(const struct call *call, uint64_t limit, uint32_t id);

static uint32_t collect(
    struct wwi_service_proxy *proxy,
    struct wwi_list *from,
    struct wwi_list *to,
    choose_fn choose,
    uint64_t limit,
    uint32_t id,
    struct call **batch)
{
    struct wwi_link *link;
    struct wwi_link *next;
    uint32_t count = 0;

    wwi_lock_take(&proxy->synced.lock);
    for (link = wwi_list_first(from); link != NULL && count < BATCH;
         link = next) {
        struct call *call = call_of_link(link);

        next = wwi_list_next(from, link);
        if (!choose(call, limit, id))
            continue;
        wwi_list_remove(link);
        wwi_list_append(to, link);
        wwi_exchange_ref(&call->exchange);
        batch[count++] = call;
    }
    wwi_lock_give(&proxy->synced.lock);
    return count;
}

static void end_batch(
    struct call **batch,
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

static bool any(const struct call *call, uint64_t limit, uint32_t id)
{
    (void) call;
    (void) limit;
    (void) id;
    return true;
}

static bool of_group(const struct call *call, uint64_t limit, uint32_t id)
{
    return call->number < limit && (id == 0 || call->id == id);
}

wws_status wwi_service_proxy_abandon_call(
    struct wwi_service_proxy *self,
    uint32_t call_id,
    struct wwi_error *error)
{
    struct call *batch[BATCH];
    wws_service_proxy_state state;
    uint64_t limit;
    uint32_t count;

    wwi_lock_take(&self->synced.lock);
    state = self->synced.state;
    limit = self->synced.next_number;
    wwi_lock_give(&self->synced.lock);
    if (state == CREATED || state == OPENING || state == CLOSED)
        return refuse(self, error, "abandon calls of");
    if (state == FAULTED)
        return WWS_S_OK;
    do {
        count = collect(self, &self->synced.pending, &self->synced.detached,
            of_group, limit, call_id, batch);
        end_batch(batch, count, WWI_ENDING_DRAIN, WWS_E_OPERATION_ABANDONED,
            "the call was abandoned by the application; it goes on in the "
            "background");
    } while (count == BATCH);
    return WWS_S_OK;
}

/* One batch of what must stop; whether there may be more. */
static bool stop_some(struct wwi_service_proxy *proxy)
{
    struct call *batch[BATCH];
    uint32_t count = collect(proxy, &proxy->synced.stopping,
        &proxy->synced.detached, any, 0, 0, batch);

    end_batch(batch, count, WWI_ENDING_STOP, WWS_E_OPERATION_ABORTED,
        "the service proxy was aborted");
    return count == BATCH;
}

static void stop_rest(struct wwi_work *work)
{
    struct wwi_service_proxy *proxy = WWI_CONTAINER(work,
        struct wwi_service_proxy, ending.work);

    while (stop_some(proxy))
        ;
    free_idle(proxy);
    wwi_object_unref(&proxy->object);
}

static void stop_all(struct wwi_service_proxy *proxy)
{
    wwi_lock_take(&proxy->synced.lock);
    wwi_list_move(&proxy->synced.stopping, &proxy->synced.pending);
    wwi_list_move(&proxy->synced.stopping, &proxy->synced.detached);
    wwi_lock_give(&proxy->synced.lock);
    (void) stop_some(proxy);
    wwi_object_ref(&proxy->object);
    if (!wwi_loop_post(wwi_runtime_loop(proxy->member.runtime),
        &proxy->ending))
        wwi_object_unref(&proxy->object);
}

wws_status wwi_service_proxy_abort(struct wwi_service_proxy *self)
{
    bool stops;

    wwi_lock_take(&self->synced.lock);
    stops = self->synced.state == OPEN || self->synced.state == CLOSING;
    if (self->synced.state == CREATED)
        self->synced.latched = true;
    if (self->synced.state == CLOSING)
        self->synced.aborted = true;
    (void) move_locked(self, EVENT_ABORT);
    wwi_lock_give(&self->synced.lock);
    if (stops)
        stop_all(self);
    return WWS_S_OK;
}

static void close_expired(struct wwi_object *object)
{
    struct wwi_service_proxy *proxy = WWI_CONTAINER(object,
        struct wwi_service_proxy, object);
    bool stops;

    wwi_lock_take(&proxy->synced.lock);
    stops = proxy->synced.state == CLOSING;
    if (stops && !proxy->synced.aborted)
        proxy->synced.late = true;
    wwi_lock_give(&proxy->synced.lock);
    if (stops)
        stop_all(proxy);
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
    struct wwi_closing *closing;
    wws_service_proxy_state before;
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
        wwi_closing_start(closing, wwi_clock_after(
            self->options.max_close_timeout_ms), close_expired);
    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    moved = move_locked(self, EVENT_CLOSE);
    if (moved && self->synced.state == CLOSING)
        self->synced.closing = closing;
    wwi_lock_give(&self->synced.lock);
    if (!moved || before == CREATED || before == CLOSED) {
        if (closing != NULL)
            wwi_closing_discard(closing);
        return moved ? WWS_S_OK : refuse(self, error, "close");
    }
    if (closing == NULL)
        stop_all(self); /* it has no deadline */
    settle(self);
    if (closing == NULL)
        return wwi_closing_poll(&self->object, is_closing, completion);
    return wwi_closing_wait(closing, completion);
}

wws_status wwi_service_proxy_open(
    struct wwi_service_proxy *self,
    wws_string address,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_client *client;
    wws_status status = wwi_wait_check(self->member.runtime, completion,
        error);
    uint32_t opens;
    bool latched;
    bool moved;
    char *copy;
    bool mine;

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
        return refuse(self, error, "open");
    }
    if (latched)
        return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
            "the service proxy was aborted before it was opened");
    /* Whether the address is good is known when a client can be made of it. */
    status = get_client(self, &client, error);
    wwi_lock_take(&self->synced.lock);
    mine = self->synced.state == OPENING && self->synced.opens == opens;
    if (mine)
        (void) move_locked(self, status < 0 ? EVENT_FAIL : EVENT_DONE);
    else if (status >= 0)
        status = WWS_E_OPERATION_ABORTED;
    wwi_lock_give(&self->synced.lock);
    if (status < 0 && status != WWS_E_OPERATION_ABORTED)
        return wwi_fail_static(error, status,
            "the service proxy cannot be opened");
    give_client(self, client, mine);
    if (status == WWS_E_OPERATION_ABORTED)
        return wwi_fail_static(error, status,
            "the service proxy was aborted while it was opened");
    return WWS_S_OK;
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
    return moved ? WWS_S_OK : refuse(self, error, "reset");
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
    *state = self->synced.state;
    wwi_lock_give(&self->synced.lock);
    return WWS_S_OK;
}

static void release(struct wwi_service_proxy *proxy)
{
    wwi_lock_fini(&proxy->synced.lock);
    wwi_free(proxy->synced.idle.clients);
    wwi_free(proxy->synced.address);
    wwi_free(proxy);
}

static void destroy(struct wwi_object *object)
{
    struct wwi_service_proxy *proxy = WWI_CONTAINER(object,
        struct wwi_service_proxy, object);

    free_idle(proxy);
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
    struct wwi_service_proxy *proxy = wwi_alloc_zero(sizeof *proxy);
    wws_status status = WWS_E_OUTOFMEMORY;

    if (proxy == NULL)
        return wwi_fail_static(error, status, "no memory for a service proxy");
    take_options(proxy, options);
    proxy->transport = wwi_transport(options->transport);
    proxy->synced.idle.clients = wwi_alloc(proxy->options.max_idle_channels
        * sizeof *proxy->synced.idle.clients);
    wwi_lock_init(&proxy->synced.lock, WWI_RANK_SERVICE_PROXY);
    wwi_list_init(&proxy->synced.pending);
    wwi_list_init(&proxy->synced.detached);
    wwi_list_init(&proxy->synced.stopping);
    wwi_post_init(&proxy->ending, stop_rest);
    if (proxy->synced.idle.clients == NULL
        || wwi_object_init(&proxy->object, WWI_KIND_SERVICE_PROXY, destroy) < 0) {
        release(proxy);
        return wwi_fail_static(error, status, "no memory for a service proxy");
    }
    status = wwi_member_join(&proxy->member, &proxy->object, runtime,
        abort_member);
    if (status < 0) {
        (void) wwi_service_proxy_free(proxy);
        return wwi_fail_static(error, status, "the runtime is closed");
    }
    handle->id = proxy->object.id;
    return WWS_S_OK;
}
