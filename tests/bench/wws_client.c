/* A proxy as the benches want it, and the Add that they call. */
#include "wws_client.h"

#include <string.h>

#define ADD                                                                   \
    "<Add xmlns=\"http://example.org/calculator\"><a>17</a><b>25</b></Add>"

const wws_string add_action = { "http://example.org/calculator/Add", 33 };
const wws_bytes add_body = { ADD, sizeof ADD - 1 };

void client_check(wws_status status, const char *what)
{
    if (status != WWS_S_OK)
        die("cannot %s: %s", what, wws_status_name(status));
}

wws_service_proxy client_open(const char *address)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;
    wws_string url = { address, strlen(address) };
    wws_service_proxy proxy = { 0 };
    wws_error none = { 0 };

    options.max_pending_calls = 2 * IN_FLIGHT;
    client_check(wws_service_proxy_create((wws_runtime) { 0 }, &options,
                                          &proxy, none),
                 "create a proxy");
    client_check(wws_service_proxy_open(proxy, url, NULL, none),
                 "open a proxy");
    return proxy;
}

void client_close(wws_service_proxy proxy)
{
    client_check(wws_service_proxy_close(proxy, NULL, (wws_error) { 0 }),
                 "close a proxy");
    wws_service_proxy_free(proxy);
    wws_runtime_close((wws_runtime) { 0 }, 2000, (wws_error) { 0 });
}

/* Looks at the sum and gives the reply back. */
void client_check_reply(wws_status status, wws_buffer *reply)
{
    client_check(status, "call Add");
    if (memmem(reply->data, reply->size, ">42<", 4) == NULL)
        die("Add cannot add");
    wws_buffer_release(reply);
}
