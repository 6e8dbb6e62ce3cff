/* What the clients of ours share: a proxy, and what they call by it. */
#ifndef BENCH_WWS_CLIENT_H
#define BENCH_WWS_CLIENT_H

#include "bench.h"

enum { LARGEST_MESSAGE = 4 << 20 };

struct client {
    wws_service_proxy proxy;
    wws_string action;
    wws_bytes body;
};

struct client client_open(const struct bench *bench, const char *address);
void client_close(const struct client *client);
/* Waits for nothing that the server still does. */
void client_free(const struct client *client);
void client_check(wws_status status, const char *what);
void client_check_reply(
    const struct client *client,
    wws_status status,
    wws_buffer *reply);

#endif
