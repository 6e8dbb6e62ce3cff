/* HTTP as a transport. */
#include "core/transport/http.h"

const struct wwi_transport wwi_http = {
    .scheme = "http",
    .client_create = wwi_http_client_create,
    .client_set_times = wwi_http_client_set_times,
    .client_begin = wwi_http_client_begin,
    .client_receive = wwi_http_client_receive,
    .client_step = wwi_http_client_step,
    .client_take = wwi_http_client_take,
    .client_end = wwi_http_client_end,
    .client_free = wwi_http_client_free,
    .server_open = wwi_http_server_open,
    .server_address = wwi_http_server_address,
    .server_stop = wwi_http_server_stop,
    .server_free = wwi_http_server_free,
};

const struct wwi_incoming_calls wwi_http_incoming = {
    .append_url = wwi_http_incoming_append_url,
    .watch = wwi_http_incoming_watch,
    .reply = wwi_http_incoming_reply,
    .stop = wwi_http_incoming_stop,
    .drop = wwi_http_incoming_drop,
};
