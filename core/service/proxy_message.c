/* The messages of a call: the request lives until it is encoded, and the reply,
 * unless the caller has one, from when its octets are there. */
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/reply.h"
#include "core/service/proxy_parts.h"

static wws_status new_message(
    const struct wwi_proxy_call *call,
    struct wwi_message **message,
    struct wwi_error *error)
{
    wws_message_options form = WWS_MESSAGE_OPTIONS_INIT;
    wws_status status;

    form.envelope_version = call->proxy->options.envelope_version;
    form.addressing_version = call->proxy->options.addressing_version;
    status = wwi_message_new(&form, message, error);
    if (status >= 0)
        wwi_object_ref(&(*message)->object);
    return status;
}

/* A callback may have given the handle back, though it should not. */
void wwi_proxy_call_drop_message(struct wwi_message *message)
{
    (void) wwi_message_free(message);
    wwi_object_unref(&message->object);
}

/* The caller's callback must not wait for what waits for this call. */
static wws_status show(
    const struct wwi_proxy_call *call,
    wws_status (*look)(wws_message message, void *state),
    const struct wwi_message *message,
    struct wwi_error *error)
{
    const wws_message handle = { message->object.id };
    struct wwi_frame frame;
    wws_status status;

    wwi_enter_callback(&frame, call->proxy);
    status = look(handle, call->callbacks->state);
    wwi_leave_callback(&frame);
    return status >= 0 ? WWS_S_OK : wwi_fail_static(error, status,
        "a callback of the call has refused the message");
}

/* The reply. */

wws_status wwi_proxy_call_find_reply(
    struct wwi_proxy_call *call,
    const wws_call_options *options,
    struct wwi_error *error)
{
    wws_status status;

    if (options->reply.id == 0)
        return WWS_S_OK;
    status = wwi_table_get(options->reply.id, WWI_KIND_MESSAGE, &call->reply);
    if (status < 0)
        return wwi_fail_static(error, status,
            "reply: not a handle of a message");
    status = wwi_message_take_target(call->reply,
        call->proxy->options.envelope_version,
        call->proxy->options.addressing_version, error);
    atomic_store(&call->holds_reply, status >= 0);
    return status;
}

void wwi_proxy_call_release_reply(struct wwi_proxy_call *call)
{
    if (atomic_exchange(&call->holds_reply, false))
        wwi_message_end_use(call->reply);
}

static wws_status copy_body(
    const struct wwi_proxy_call *call,
    struct wwi_message *reply,
    struct wwi_error *error)
{
    struct wwi_bytes copy = { 0 };
    wws_bytes body;
    wws_status status = wwi_message_get_body(reply, &body, error);

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

static wws_status decode_reply(
    const struct wwi_proxy_call *call,
    struct wwi_message *reply,
    struct wwi_bytes *envelope,
    const struct wwi_fields *fields,
    struct wwi_error *error)
{
    const struct wwi_reply_rules rules = {
        .envelope_version = call->proxy->options.envelope_version,
        .addressing_version = call->proxy->options.addressing_version,
        .request_id = call->request_id != NULL
            ? wwi_string(call->request_id) : (wws_string) { 0 },
        .http_status = call->exchange.client->trouble.http_status,
        .max_message_size = call->proxy->options.max_message_size,
        .faults_as_errors = true,
    };

    return wwi_reply_read(reply, envelope, fields, &rules, error);
}

static wws_status read_reply(
    struct wwi_proxy_call *call,
    struct wwi_message *reply,
    struct wwi_bytes *envelope,
    const struct wwi_fields *fields,
    struct wwi_error *error)
{
    wws_status status = decode_reply(call, reply, envelope, fields, error);

    /* The callback may look at it. */
    wwi_proxy_call_release_reply(call);
    if (status < 0 || call->one_way)
        return status;
    if (call->callbacks != NULL && call->callbacks->received != NULL)
        status = show(call, call->callbacks->received, reply, error);
    if (status >= 0 && call->check_must_understand)
        status = wwi_message_check_must_understand(reply, error);
    return status < 0 ? status : copy_body(call, reply, error);
}

static wws_status take_reply(
    struct wwi_proxy_call *call,
    struct wwi_bytes *envelope,
    const struct wwi_fields *fields,
    struct wwi_error *error)
{
    struct wwi_message *reply;
    wws_status status;

    if (call->reply != NULL && !call->one_way)
        return read_reply(call, call->reply, envelope, fields, error);
    status = new_message(call, &reply, error);
    if (status < 0)
        return status;
    status = read_reply(call, reply, envelope, fields, error);
    wwi_proxy_call_drop_message(reply);
    return status;
}

wws_status wwi_proxy_call_result(
    struct wwi_exchange *exchange,
    wws_status status)
{
    struct wwi_proxy_call *call = wwi_proxy_call_of(exchange);
    struct wwi_error *error = wwi_wait_error(&exchange->wait);
    struct wwi_bytes envelope = { 0 };
    struct wwi_fields fields;

    if (status >= 0)
        status = exchange->client->transport->client_take(exchange->client,
            &envelope, &fields);
    if (status == WWS_S_OK)
        status = take_reply(call, &envelope, &fields, error);
    wwi_bytes_fini(&envelope);
    if (status < 0)
        return wwi_fail_static(error, status, "the call failed");
    if (status == WWS_S_END || call->one_way)
        if (call->reply_body != NULL)
            *call->reply_body = (wws_buffer) { 0 };
    return call->one_way ? WWS_S_OK : status;
}

/* The request. */

static wws_message_initialization kind_of(
    const struct wwi_proxy_call *call,
    const struct wwi_message *headers)
{
    if (headers != NULL)
        return WWS_MESSAGE_INITIALIZATION_DUPLICATE;
    /* Who names itself, and where to answer to, is answered. */
    return call->one_way ? WWS_MESSAGE_INITIALIZATION_BLANK
        : WWS_MESSAGE_INITIALIZATION_REQUEST;
}

static wws_status fill_request(
    const struct wwi_proxy_call *call,
    struct wwi_message *request,
    wws_string action,
    wws_bytes body,
    struct wwi_message *headers,
    struct wwi_error *error)
{
    wws_status status = wwi_message_initialize(request,
        kind_of(call, headers), headers, error);

    if (status >= 0)
        status = wwi_message_set_header(request, WWS_HEADER_ACTION, action,
            error);
    if (status >= 0 && (body.size != 0 || headers == NULL))
        status = wwi_message_set_body(request, body, error);
    if (status >= 0 && call->callbacks != NULL
        && call->callbacks->sending != NULL)
        status = show(call, call->callbacks->sending, request, error);
    return status;
}

static wws_status make_request(
    const struct wwi_proxy_call *call,
    struct wwi_message *request,
    wws_string action,
    wws_bytes body,
    const wws_call_options *options,
    struct wwi_error *error)
{
    struct wwi_message *headers = NULL;
    wws_status status = WWS_S_OK;

    if (options->request_headers.id != 0)
        status = wwi_table_get(options->request_headers.id, WWI_KIND_MESSAGE,
            &headers);
    if (status < 0)
        return wwi_fail_static(error, status,
            "request_headers: not a handle of a message");
    status = fill_request(call, request, action, body, headers, error);
    if (headers != NULL)
        wwi_object_unref(&headers->object);
    return status;
}

static wws_status encode(
    const struct wwi_proxy_call *call,
    struct wwi_message *request,
    struct wwi_outgoing *outgoing,
    struct wwi_error *error)
{
    const wws_service_proxy_options *ours = &call->proxy->options;
    struct wwi_encode_params params = {
        .envelope_version = ours->envelope_version,
        .addressing_version = ours->addressing_version,
        .to = wwi_string(call->proxy->synced.address),
        .max_size = ours->max_message_size,
    };

    *outgoing = (struct wwi_outgoing) {
        .version = ours->envelope_version,
        .action = wwi_message_action(request),
        .message_id = request->standard[WWS_HEADER_MESSAGE_ID],
        .fields = { .next = wwi_mapped_next, .state = &request->mapped },
    };
    return wwi_message_encode(request, &params, &outgoing->envelope, error);
}

/* Over a session whoever finds the reply knows what it relates to. */
static wws_status keep_id(
    struct wwi_proxy_call *call,
    wws_string id,
    struct wwi_error *error)
{
    bool sessions = call->proxy->transport->session_create != NULL;

    if (call->one_way)
        return WWS_S_OK;
    if (sessions && id.size == 0)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "request_headers: over a session a call needs a message id");
    if (sessions || id.size == 0)
        return WWS_S_OK;
    call->request_id = wwi_string_copy(id);
    return call->request_id != NULL ? WWS_S_OK : wwi_fail_static(error,
        WWS_E_OUTOFMEMORY, "no memory for the id of the request");
}

wws_status wwi_proxy_call_begin(
    struct wwi_proxy_call *call,
    struct wwi_client *client,
    struct wwi_message *request,
    struct wwi_error *error)
{
    bool answers = !call->one_way
        || call->proxy->transport->session_create == NULL;
    struct wwi_outgoing outgoing;
    wws_status status = wwi_message_begin_use(request, error);

    if (status < 0)
        return status;
    status = encode(call, request, &outgoing, error);
    if (status >= 0)
        status = keep_id(call, outgoing.message_id, error);
    if (status >= 0)
        status = client->transport->client_begin(client, &outgoing, answers,
            error);
    wwi_bytes_fini(&outgoing.envelope);
    wwi_message_end_use(request);
    return status;
}

wws_status wwi_proxy_call_make_request(
    const struct wwi_proxy_call *call,
    wws_string action,
    wws_bytes body,
    const wws_call_options *options,
    struct wwi_message **request,
    struct wwi_error *error)
{
    wws_status status = new_message(call, request, error);

    if (status < 0)
        return status;
    status = make_request(call, *request, action, body, options, error);
    if (status < 0)
        wwi_proxy_call_drop_message(*request);
    return status;
}
