/* One call of a service proxy: how it begins, and its end. */
#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
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
    wwi_proxy_call_release_reply(call);
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
    struct wwi_proxy_call *call = wwi_proxy_call_of(exchange);
    struct wwi_service_proxy *proxy = call->proxy;

    WWI_GATE(CALL_RETIRED);
    wwi_lock_take(&proxy->synced.lock);
    wwi_list_remove(&exchange->link);
    wwi_map_remove(&proxy->synced.groups, &call->of_group);
    leave_preparation_locked(call);
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
    wwi_free(call->request_id);
    wwi_free(call->callbacks);
    wwi_object_unref(&call->proxy->object);
    wwi_free(call);
}

static const struct wwi_exchange_callbacks call_callbacks = {
    .result = wwi_proxy_call_result,
    .ended = call_ended,
    .over = call_over,
    .retired = call_retired,
};

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

/* Unless the proxy was aborted or closed meanwhile. */
static wws_status admit(
    struct wwi_service_proxy *proxy,
    struct wwi_proxy_call *call)
{
    wws_status status;

    wwi_lock_take(&proxy->synced.lock);
    status = judge_locked(proxy);
    if (status == WWS_S_OK) {
        leave_preparation_locked(call);
        call->number = proxy->synced.next_number++;
        wwi_list_append(&proxy->synced.pending, &call->exchange.link);
        if (call->id != 0)
            wwi_map_add(&proxy->synced.groups, &call->of_group, call->id);
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

static wws_status begin_on_client(
    struct wwi_proxy_call *call,
    struct wwi_message *request,
    struct wwi_client **client,
    struct wwi_error *error)
{
    wws_status status = wwi_service_proxy_get_client(call->proxy, client,
        error);

    if (status < 0)
        return status;
    status = wwi_proxy_call_begin(call, *client, request, error);
    WWI_GATE(CALL_BEGUN);
    if (status >= 0)
        status = attach(call, error);
    if (status < 0) {
        (*client)->transport->client_free(*client);
        *client = NULL;
    }
    return status;
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
    struct wwi_service_proxy *proxy = call->proxy;
    struct wwi_message *request;
    wws_status status;

    set_deadline(call, options);
    if (call->id != 0)
        wwi_map_make_room(&proxy->synced.groups, &proxy->synced.lock);
    status = wwi_proxy_call_find_reply(call, options, error);
    if (status >= 0)
        status = wwi_proxy_call_make_request(call, action, body, options,
            &request, error);
    if (status < 0)
        return status;
    status = begin_on_client(call, request, client, error);
    wwi_proxy_call_drop_message(request);
    return status;
}

/* The caller has heard, and what it heard through is free again. */
static void call_released(struct wwi_wait *wait)
{
    struct wwi_exchange *exchange = WWI_CONTAINER(wait, struct wwi_exchange,
        wait);
    wws_call_callbacks *callbacks = wwi_proxy_call_of(exchange)->callbacks;

    /* A function that has failed has not taken the table. */
    if (callbacks != NULL && callbacks->free_state != NULL
        && (wwi_wait_asynchronous(wait) || wait->pending.outcome.status >= 0))
        callbacks->free_state(callbacks->state);
    wwi_exchange_unref(exchange);
}

static bool copy_callbacks(
    struct wwi_proxy_call *call,
    const wws_call_options *options)
{
    if (options->callbacks == NULL)
        return true;
    call->callbacks = wwi_alloc(sizeof *call->callbacks);
    if (call->callbacks != NULL)
        *call->callbacks = *options->callbacks;
    return call->callbacks != NULL;
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

    if (call == NULL || !copy_callbacks(call, options)) {
        wwi_free(call);
        *status = wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for a call");
        return NULL;
    }
    call->proxy = proxy;
    call->reply_body = reply_body;
    call->id = options->call_id;
    call->one_way = options->one_way != 0;
    call->check_must_understand = options->allow_unknown_headers == 0;
    *status = wwi_exchange_init(&call->exchange, &call_callbacks, call_destroy,
        proxy->member.runtime, completion, error);
    if (*status < 0) {
        wwi_free(call->callbacks);
        wwi_free(call);
        return NULL;
    }
    call->exchange.wait.owner = proxy;
    call->exchange.wait.release = call_released;
    call->exchange.awaits_reply = !call->one_way;
    wwi_object_ref(&proxy->object);
    return call;
}

/* Ends a call that does not start: with the status, unless somebody has
 * cancelled it, which its caller then hears of. */
static wws_status give_up(struct wwi_proxy_call *call, wws_status status)
{
    uncount(call);
    wwi_proxy_call_release_reply(call);
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
