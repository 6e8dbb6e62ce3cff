/* A proxy as the benches want it, and what they call by it. */
#include "wws_client.h"

#include <stdlib.h>
#include <string.h>

#define SPACE "http://example.org/calculator"

static const char add[] =
    "<Add xmlns=\"" SPACE "\"><a>17</a><b>25</b></Add>";
static const char echo_head[] = "<Echo xmlns=\"" SPACE "\"><text>";
static const char echo_tail[] = "</text></Echo>";

static wws_bytes echo_body(uint32_t text_size)
{
    size_t head = sizeof echo_head - 1, tail = sizeof echo_tail - 1;
    char *body = allocate(1, head + text_size + tail);

    memcpy(body, echo_head, head);
    memset(body + head, 'x', text_size);
    memcpy(body + head + text_size, echo_tail, tail);
    return (wws_bytes) { body, head + text_size + tail };
}

void client_check(wws_status status, const char *what)
{
    if (status != WWS_S_OK)
        die("cannot %s: %s", what, wws_status_name(status));
}

static wws_service_proxy open_proxy(
    const struct bench *bench,
    const char *address)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;
    wws_string url = { address, strlen(address) };
    wws_service_proxy proxy = { 0 };
    wws_error none = { 0 };

    options.transport = bench->wire->transport;
    options.encoding = bench->wire->encoding;
    options.max_pending_calls = bench->in_flight > 2 * IN_FLIGHT
        ? bench->in_flight : 2 * IN_FLIGHT;
    options.max_message_size = LARGEST_MESSAGE;
    client_check(wws_service_proxy_create((wws_runtime) { 0 }, &options,
                                          &proxy, none),
                 "create a proxy");
    client_check(wws_service_proxy_open(proxy, url, NULL, none),
                 "open a proxy");
    return proxy;
}

struct client client_open(const struct bench *bench, const char *address)
{
    struct client client = {
        .proxy = open_proxy(bench, address),
        .action = WWS_STR(SPACE "/Add"),
        .body = { add, sizeof add - 1 },
    };

    if (bench->echo != 0) {
        client.action = WWS_STR(SPACE "/Echo");
        client.body = echo_body(bench->echo);
    }
    return client;
}

void client_close(const struct client *client)
{
    client_check(wws_service_proxy_close(client->proxy, NULL,
                                         (wws_error) { 0 }),
                 "close a proxy");
    client_free(client);
}

void client_free(const struct client *client)
{
    wws_service_proxy_free(client->proxy);
    if (client->body.data != add)
        free((void *) client->body.data);
    wws_runtime_close((wws_runtime) { 0 }, 2000, (wws_error) { 0 });
}

/* Looks at the sum, or at the size of the echo, and gives the reply back. */
void client_check_reply(
    const struct client *client,
    wws_status status,
    wws_buffer *reply)
{
    client_check(status, "call");
    if (client->body.data != add) {
        if (reply->size != client->body.size)
            die("Echo does not echo");
    } else if (memmem(reply->data, reply->size, ">42<", 4) == NULL) {
        die("Add cannot add");
    }
    wws_buffer_release(reply);
}
