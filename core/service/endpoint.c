/* An address of a service host.  What the options leave at 0 gets its default
 * here, so that nobody else needs to know. */
#include "core/service/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"

enum {
    BACKLOG = 4096,
    LEAST_CONNECTIONS = 1024,
    REQUEST_TIMEOUT_MS = 30000,
    IDLE_TIMEOUT_MS = 120000,
    HANDSHAKE_TIMEOUT_MS = 15000,
};

/* Actions */

static int compare(const void *left, const void *right)
{
    const wws_string *a = left, *b = right;

    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return a->size == 0 ? 0 : memcmp(a->data, b->data, a->size);
}

bool wwi_endpoint_names(
    const struct wwi_endpoint_actions *actions,
    wws_string action)
{
    return actions->count != 0 && bsearch(&action, actions->names,
        actions->count, sizeof *actions->names, compare) != NULL;
}

static void free_actions(struct wwi_endpoint_actions *actions)
{
    for (size_t i = 0; i < actions->count; i++)
        wwi_free((char *) actions->names[i].data);
    wwi_free(actions->names);
}

static bool copy_actions(
    struct wwi_endpoint_actions *actions,
    const wws_string *names,
    size_t count)
{
    if (count == 0)
        return true;
    actions->names = wwi_alloc_zero(count * sizeof *names);
    if (actions->names == NULL)
        return false;
    for (; actions->count < count; actions->count++) {
        wws_string *copy = &actions->names[actions->count];

        copy->data = wwi_string_copy(names[actions->count]);
        copy->size = names[actions->count].size;
        if (copy->data == NULL)
            return false;
    }
    qsort(actions->names, count, sizeof *names, compare);
    return true;
}

void wwi_endpoint_free(struct wwi_endpoint *endpoint, bool taken)
{
    const wws_operation_callbacks *callbacks = &endpoint->callbacks;

    if (taken && callbacks->free_state != NULL)
        callbacks->free_state(callbacks->state);
    if (taken)
        wwi_custom_take(endpoint->custom);
    wwi_custom_unref(endpoint->custom);
    if (endpoint->queue != NULL)
        wwi_queue_unref(endpoint->queue);
    free_actions(&endpoint->actions);
    free_actions(&endpoint->one_way);
    wwi_free(endpoint->address);
    wwi_free(endpoint);
}

static void copy_options(
    struct wwi_endpoint *endpoint,
    const wws_endpoint_options *options)
{
    const wws_endpoint_options standard = WWS_ENDPOINT_OPTIONS_INIT;
    wws_endpoint_options *ours = &endpoint->options;

    *ours = *options;
    ours->custom = NULL;
    endpoint->callbacks = *options->operations;
    ours->operations = &endpoint->callbacks;
    wwi_use_default(&ours->max_channels, standard.max_channels);
    wwi_use_default(&ours->max_message_size, standard.max_message_size);
    wwi_use_default(&ours->max_http_headers_size,
        standard.max_http_headers_size);
    wwi_use_default(&ours->max_concurrency, standard.max_concurrency);
    wwi_use_default(&ours->max_headers, standard.max_headers);
    wwi_use_default(&ours->max_depth, standard.max_depth);
    wwi_use_default(&ours->max_attributes, standard.max_attributes);
}

static wws_status fill(
    struct wwi_endpoint *endpoint,
    const wws_endpoint_options *options,
    struct wwi_error *error)
{
    const struct wwi_binding binding = {
        .transport = options->transport,
        .encoding = options->encoding,
        .addressing = options->addressing_version,
        .end = WWI_END_SERVER,
        .custom = options->custom,
    };
    wws_queue queue = options->operations->queue;
    wws_status status = wwi_transport_find(&binding, &endpoint->transport,
        error);

    if (status < 0)
        return status;
    copy_options(endpoint, options);
    if ((queue.id != 0) == (endpoint->callbacks.serve != NULL))
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "operations: exactly one of queue and serve is wanted");
    if (options->default_handler && endpoint->options.max_concurrency != 1)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "max_concurrency: a default handler wants 1");
    endpoint->address = wwi_string_copy(options->address);
    if (endpoint->address == NULL
        || !copy_actions(&endpoint->actions, options->actions,
            options->actions_count)
        || !copy_actions(&endpoint->one_way, options->one_way_actions,
            options->one_way_actions_count)
        || wwi_custom_create(options->custom, &endpoint->custom, NULL) < 0)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for an endpoint");
    endpoint->options.address.data = endpoint->address;
    endpoint->options.actions = endpoint->actions.names;
    endpoint->options.one_way_actions = endpoint->one_way.names;
    if (queue.id == 0)
        return WWS_S_OK;
    status = wwi_table_get(queue.id, WWI_KIND_QUEUE, &endpoint->queue);
    if (status < 0)
        return wwi_fail_static(error, status, "operations: bad queue handle");
    return WWS_S_OK;
}

wws_status wwi_endpoint_create(
    const wws_endpoint_options *options,
    struct wwi_endpoint **out,
    struct wwi_error *error)
{
    struct wwi_endpoint *endpoint = wwi_alloc_zero(sizeof *endpoint);
    wws_status status;

    if (endpoint == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for an endpoint");
    status = fill(endpoint, options, error);
    if (status < 0)
        wwi_endpoint_free(endpoint, false);
    else
        *out = endpoint;
    return status;
}

/* A session is a channel; over HTTP a client without a request is none, and
 * may keep its connection. */
static uint32_t connections_for(const struct wwi_endpoint *endpoint)
{
    uint32_t channels = endpoint->options.max_channels;

    if (endpoint->transport->session_create != NULL)
        return channels;
    return channels > LEAST_CONNECTIONS ? channels : LEAST_CONNECTIONS;
}

wws_status wwi_endpoint_listen(
    struct wwi_endpoint_server *server,
    struct wwi_runtime *runtime,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_error *error)
{
    const struct wwi_endpoint *endpoint = server->endpoint;
    const wws_endpoint_options *options = &endpoint->options;
    struct wwi_server_options wanted = {
        .version = options->envelope_version,
        .max_message_size = options->max_message_size,
        .max_head_size = options->max_http_headers_size,
        .backlog = BACKLOG,
        .max_connections = connections_for(endpoint),
        .max_incoming = options->max_channels,
        .request_timeout_ms = REQUEST_TIMEOUT_MS,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .tolerate_half_close = options->tolerate_half_close != 0,
        .ip_version = options->ip_version,
        .handshake_timeout_ms = HANDSHAKE_TIMEOUT_MS,
        .custom = endpoint->custom,
    };
    struct wwi_server *listening;
    wws_status status = endpoint->transport->server_open(runtime,
        options->address, &wanted, callbacks, &listening, error);

    if (status < 0)
        return wwi_fail(error, status, "cannot listen at %s",
            endpoint->address);
    server->server = listening;
    return WWS_S_OK;
}
