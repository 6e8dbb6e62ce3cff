/* What the clients of ours share: a proxy, and the body of an Add. */
#ifndef BENCH_WWS_CLIENT_H
#define BENCH_WWS_CLIENT_H

#include "bench.h"

#include <wws/wws.h>

extern const wws_string add_action;
extern const wws_bytes add_body;

wws_service_proxy client_open(const char *address);
void client_close(wws_service_proxy proxy);
void client_check(wws_status status, const char *what);
void client_check_reply(wws_status status, wws_buffer *reply);

#endif
