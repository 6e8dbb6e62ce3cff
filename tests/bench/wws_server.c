/* Our server: what is called on a short and on a long callback, and an
 * operation that answers only when it is cancelled. */
#include "wws_client.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static wws_service_host host;
static atomic_uint_least64_t held_count;

/* The number in an element of this start tag; 0 if there is none. */
static long number(wws_bytes body, const char *tag)
{
    const char *found = memmem(body.data, body.size, tag, strlen(tag));
    const char *end = (const char *) body.data + body.size;
    long value = 0;

    if (found == NULL)
        return 0;
    found += strlen(tag);
    for (; found < end && *found >= '0' && *found <= '9'; found++)
        value = value * 10 + (*found - '0');
    return value;
}

static wws_status serve_add(wws_operation operation, void *state)
{
    wws_bytes body;
    char reply[256];
    int size;
    wws_status status;

    (void) state;
    status = wws_operation_get_body(operation, &body, (wws_error) { 0 });
    if (status != WWS_S_OK)
        return status;
    size = snprintf(reply, sizeof reply,
                    "<AddResponse xmlns=\"http://example.org/calculator\">"
                    "<sum>%ld</sum></AddResponse>",
                    number(body, "<a>") + number(body, "<b>"));
    return wws_operation_set_reply(
        operation, (wws_bytes) { reply, (size_t) size }, (wws_error) { 0 });
}

static wws_status serve_echo(wws_operation operation, void *state)
{
    wws_bytes body;
    wws_status status =
        wws_operation_get_body(operation, &body, (wws_error) { 0 });

    (void) state;
    if (status == WWS_S_OK)
        status = wws_operation_set_reply(operation, body, (wws_error) { 0 });
    return status;
}

static void hold_cancelled(wws_cancel_reason reason, void *state)
{
    wws_operation operation = { (uintptr_t) state };

    (void) reason;
    wws_operation_complete(operation, WWS_E_OPERATION_ABORTED,
                           (wws_error) { 0 });
}

static wws_status serve_hold(wws_operation operation, void *state)
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;
    wws_status status;

    (void) state;
    callbacks.state = (void *) (uintptr_t) operation.id;
    callbacks.cancelled = hold_cancelled;
    status = wws_operation_register_for_cancel(operation, &callbacks,
                                               (wws_error) { 0 });
    if (status != WWS_S_OK)
        return status;
    atomic_fetch_add(&held_count, 1);
    return WWS_S_ASYNC;
}

static void add_endpoint(
    const struct wire *wire,
    uint32_t in_flight,
    const char *path,
    wws_callback_model model,
    wws_status (*serve)(wws_operation operation, void *state))
{
    char address[64];
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options options = WWS_ENDPOINT_OPTIONS_INIT;

    snprintf(address, sizeof address, "%s://127.0.0.1:0/%s", wire->scheme,
             path);
    operations.serve = serve;
    options.address = (wws_string) { address, strlen(address) };
    options.operations = &operations;
    options.transport = wire->transport;
    options.encoding = wire->encoding;
    options.max_message_size = LARGEST_MESSAGE;
    options.callback_model = model;
    options.max_channels = 2 * in_flight;
    /* A session does not tell its server of a call that is cancelled. */
    options.max_concurrency = UINT32_MAX;
    client_check(wws_service_host_add_endpoint(host, &options,
                                               (wws_error) { 0 }),
                 "add an endpoint");
}

static void start(
    struct where *where,
    const struct bench *bench,
    const struct tape *tape)
{
    wws_status (*serve)(wws_operation operation, void *state) =
        bench->echo != 0 ? serve_echo : serve_add;
    wws_error none = { 0 };

    uint32_t in_flight = bench->in_flight > 2 * IN_FLIGHT ? bench->in_flight
        : 2 * IN_FLIGHT;

    (void) tape;
    wws_want_descriptors();
    client_check(wws_service_host_create((wws_runtime) { 0 }, NULL, &host,
                                         none),
                 "create a host");
    add_endpoint(bench->wire, in_flight, "call", WWS_CALLBACK_MODEL_SHORT,
                 serve);
    add_endpoint(bench->wire, in_flight, "call", WWS_CALLBACK_MODEL_LONG,
                 serve);
    add_endpoint(bench->wire, in_flight, "hold", WWS_CALLBACK_MODEL_SHORT,
                 serve_hold);
    client_check(wws_service_host_open(host, NULL, none), "open a host");

    for (uint32_t i = 0; i < ENDPOINTS; i++) {
        wws_buffer text = { 0 };

        client_check(wws_service_host_get_address(host, i, &text, none),
                     "read an address");
        if (text.size >= sizeof where->address[i])
            die("an address is too long");
        memcpy(where->address[i], text.data, text.size);
        wws_buffer_release(&text);
    }
    where->port = (uint16_t) atoi(strrchr(where->address[SHORT], ':') + 1);
}

static void stop(void)
{
    wws_service_host_abort(host);
    client_check(wws_service_host_close(host, NULL, (wws_error) { 0 }),
                 "close a host");
    wws_service_host_free(host);
    wws_runtime_close((wws_runtime) { 0 }, 2000, (wws_error) { 0 });
}

static void abort_host(void)
{
    wws_service_host_abort(host);
}

static uint64_t held(void)
{
    return atomic_load(&held_count);
}

const struct server wws_server = {
    .start = start,
    .stop = stop,
    .held = held,
    .abort = abort_host,
};
