/* One call of a service proxy: its request, its reply, and its end. */
#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/reply.h"
#include "core/service/proxy_parts.h"

static void uncount(struct wwi_proxy_call *call)
{
    struct wwi_service_proxy *proxy = call->proxy;

    wwi_lock_take(&proxy->synced.lock);
    if (call->counted)
        proxy->synced.counted--;
    call->counted = false;
    wwi_lock_give(&proxy->synced.lock);
}

static void leave_preparation_locked(struct wwi_proxy_call *call)
{
    if (call->prepared)
        call->proxy->synced.prepared--;
    call->prepared = false;
}

static void call_ended(struct wwi_exchange *exchange)
{
    struct wwi_proxy_call *call = wwi_proxy_call_of(exchange);

    WWI_GATE(CALL_ENDED);
    wwi_count(exchange->wait.runtime, WWS_COUNTER_CALLS_COMPLETED);
    if (atomic_load(&exchange->track.stop))
        uncount(call);
    if (call->handle != NULL)
        wwi_call_end(call->handle);
}

static void call_over(struct wwi_exchange *exchange, bool whole)
{
    struct wwi_proxy_call *call = wwi_proxy_call_of(exchange);

    wwi_service_proxy_give_client(call->proxy, exchange->client, whole);
    exchange->client = NULL;
    WWI_GATE(CALL_OVER);
    uncount(call);
}

static void call_retired(struct wwi_exchange *exchange)
{
    struct wwi_service_proxy *proxy = wwi_proxy_call_of(exchange)->proxy;

    WWI_GATE(CALL_RETIRED);
    wwi_lock_take(&proxy->synced.lock);
    wwi_list_remove(&exchange->link);
    leave_preparation_locked(wwi_proxy_call_of(exchange));
    wwi_lock_give(&proxy->synced.lock);
    wwi_service_proxy_settle(proxy);
}

static void call_destroy(struct wwi_exchange *exchange)
{
    struct wwi_proxy_call *call = wwi_proxy_call_of(exchange);

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

static wws_status copy_body(
    struct wwi_proxy_call *call,
    struct wwi_error *error)
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
    struct wwi_proxy_call *call,
    struct wwi_bytes *envelope,
    const struct wwi_fields *fields,
    struct wwi_error *error)
{
    const struct wwi_reply_rules rules = {
        .envelope_version = call->proxy->options.envelope_version,
        .addressing_version = call->proxy->options.addressing_version,
        .request_id = call->request->standard[WWS_HEADER_MESSAGE_ID],
        .http_status = call->exchange.client->trouble.http_status,
        .max_message_size = call->proxy->options.max_message_size,
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
    struct wwi_proxy_call *call = wwi_proxy_call_of(exchange);
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
    struct wwi_proxy_call *call,
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
    call->borrowed_id = headers != NULL;
    status = wwi_message_new(&form, &call->request, error);
    if (status >= 0)
        status = fill_request(call->request, action, body, headers, error);
    if (headers != NULL)
        wwi_object_unref(&headers->object);
    return status;
}

static wws_status make_reply(
    struct wwi_proxy_call *call,
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
    struct wwi_proxy_call *call,
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
        .message_id = call->request->standard[WWS_HEADER_MESSAGE_ID],
        .fields = {
            .next = wwi_mapped_next,
            .state = &call->request->mapped,
        },
    };
    wws_status status = wwi_message_encode(call->request, &params,
        &outgoing.envelope, error);

    if (status >= 0 && outgoing.message_id.size == 0
        && call->proxy->transport->session_create != NULL)
        status = wwi_fail_static(error, WWS_E_INVALIDARG,
            "request_headers: over a session a call needs a message id");
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
        return wwi_fail_static(error, status,
            "the service proxy was aborted, or its session failed");
    case WWS_E_INVALID_OPERATION:
        return wwi_service_proxy_refuse(proxy, error, "call through");
    case WWS_E_INVALIDARG:
        return wwi_fail_static(error, status,
            "request_headers: a call with this message id is under way");
    case WWS_E_QUOTA_EXCEEDED:
        return wwi_fail_static(error, status,
            "as many calls are pending as max_pending_calls allows");
    default:
        return status;
    }
}

static wws_status judge_locked(const struct wwi_service_proxy *proxy)
{
    if (proxy->synced.state == WWS_SERVICE_PROXY_STATE_FAULTED)
        return WWS_E_OBJECT_FAULTED;
    return proxy->synced.state == WWS_SERVICE_PROXY_STATE_OPEN ? WWS_S_OK
        : WWS_E_INVALID_OPERATION;
}

/* The call may be prepared; nobody can end it before it is admitted, so that
 * whatever fails until then is its own thread's to tell. */
static wws_status reserve(
    struct wwi_service_proxy *proxy,
    struct wwi_proxy_call *call,
    struct wwi_error *error)
{
    wws_status status;

    wwi_lock_take(&proxy->synced.lock);
    wwi_service_proxy_look_locked(proxy);
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

/* One that counts no more waits for no reply. */
static bool is_twin(
    const struct wwi_proxy_call *call,
    struct wwi_link *link)
{
    const struct wwi_proxy_call *other = wwi_proxy_call_of(
        WWI_CONTAINER(link, struct wwi_exchange, link));

    return other->counted && wwi_string_equal(
        other->request->standard[WWS_HEADER_MESSAGE_ID],
        call->request->standard[WWS_HEADER_MESSAGE_ID]);
}

/* Over a session nobody could tell the replies to two calls of one message id
 * apart. */
static bool has_twin_locked(
    struct wwi_service_proxy *proxy,
    const struct wwi_proxy_call *call)
{
    struct wwi_list *const lists[] = { &proxy->synced.pending,
        &proxy->synced.detached };

    if (!call->borrowed_id || proxy->synced.mux == NULL)
        return false;
    for (size_t i = 0; i < 2; i++)
        for (struct wwi_link *link = wwi_list_first(lists[i]); link != NULL;
             link = wwi_list_next(lists[i], link))
            if (is_twin(call, link))
                return true;
    return false;
}

/* Unless the proxy was aborted or closed meanwhile. */
static wws_status admit(
    struct wwi_service_proxy *proxy,
    struct wwi_proxy_call *call)
{
    wws_status status;

    wwi_lock_take(&proxy->synced.lock);
    status = judge_locked(proxy);
    if (status == WWS_S_OK && has_twin_locked(proxy, call))
        status = WWS_E_INVALIDARG;
    if (status == WWS_S_OK) {
        leave_preparation_locked(call);
        call->number = proxy->synced.next_number++;
        wwi_list_append(&proxy->synced.pending, &call->exchange.link);
    }
    wwi_lock_give(&proxy->synced.lock);
    return status;
}

static void set_deadline(
    struct wwi_proxy_call *call,
    const wws_call_options *options)
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
static wws_status claim_handle(
    struct wwi_proxy_call *call,
    struct wwi_error *error)
{
    if (wwi_call_claim(call->handle))
        return WWS_S_OK;
    wwi_object_unref(&call->handle->object);
    call->handle = NULL;
    return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
        "the call handle serves another call already");
}

static wws_status find_handle(
    struct wwi_proxy_call *call,
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

static wws_status attach(struct wwi_proxy_call *call, struct wwi_error *error)
{
    if (call->handle == NULL
        || wwi_call_attach(call->handle, &call->exchange))
        return WWS_S_OK;
    return wwi_fail_static(error, WWS_E_OPERATION_CANCELLED,
        "the call was cancelled before it started");
}

/* All that can fail, fails here, before anybody waits. */
static wws_status prepare(
    struct wwi_proxy_call *call,
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
    status = wwi_service_proxy_get_client(call->proxy, client, error);
    if (status < 0)
        return status;
    status = begin(call, *client, action, error);
    WWI_GATE(CALL_BEGUN);
    if (status >= 0)
        status = attach(call, error);
    if (status < 0) {
        (*client)->transport->client_free(*client);
        *client = NULL;
    }
    return status;
}

static struct wwi_proxy_call *call_new(
    struct wwi_service_proxy *proxy,
    const wws_call_options *options,
    wws_buffer *reply_body,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct wwi_proxy_call *call = wwi_alloc_zero(sizeof *call);

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
    call->exchange.awaits_reply = true;
    wwi_object_ref(&proxy->object);
    return call;
}

/* Ends a call that does not start: with the status, unless somebody has
 * cancelled it, which its caller then hears of. */
static wws_status give_up(struct wwi_proxy_call *call, wws_status status)
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
    struct wwi_proxy_call *call = call_new(self, options, reply_body,
        completion, error, &status);

    if (call == NULL)
        return status;
    status = find_handle(call, handle, error);
    WWI_GATE(CALL_CLAIMED);
    if (status >= 0)
        status = reserve(self, call, error);
    WWI_GATE(CALL_RESERVED);
    if (status >= 0)
        status = prepare(call, action, body, options, &client, error);
    if (status < 0)
        return give_up(call, status);
    status = admit(self, call);
    if (status < 0) {
        client->transport->client_free(client);
        status = give_up(call, status);
        /* If the caller has heard of a cancel, it says why. */
        return status == WWS_S_ASYNC ? status : explain(self, error, status);
    }
    wwi_count(self->member.runtime, WWS_COUNTER_CALLS_STARTED);
    WWI_GATE(CALL_ADMITTED);
    return wwi_exchange_run(&call->exchange, client);
}
