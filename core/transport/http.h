/* The two halves of the HTTP transport, put into one table by http.c. */
#ifndef WWI_HTTP_H
#define WWI_HTTP_H

#include "core/transport/transport.h"

/* http_client.c */
wws_status wwi_http_client_create(
    struct wwi_runtime *runtime,
    wws_string address,
    const struct wwi_client_options *options,
    struct wwi_client **client,
    struct wwi_error *error);
wws_status wwi_http_client_begin(
    struct wwi_client *client,
    struct wwi_outgoing *outgoing,
    bool reply,
    struct wwi_error *error);
void wwi_http_client_set_times(
    struct wwi_client *client,
    const struct wwi_client_options *options);
void wwi_http_client_receive(struct wwi_client *client);
wws_status wwi_http_client_step(
    struct wwi_client *client,
    struct wwi_want *want);
wws_status wwi_http_client_take(
    struct wwi_client *client,
    struct wwi_bytes *envelope,
    struct wwi_fields *fields);
void wwi_http_client_end(struct wwi_client *client);
void wwi_http_client_free(struct wwi_client *client);

/* http_server.c */
wws_status wwi_http_server_open(
    struct wwi_runtime *runtime,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **server,
    struct wwi_error *error);
wws_status wwi_http_server_address(
    struct wwi_server *server,
    struct wwi_bytes *address);
void wwi_http_server_stop(
    struct wwi_server *server,
    bool reset,
    void (*stopped)(void *state));
void wwi_http_server_free(struct wwi_server *server);
void wwi_http_incoming_append_url(
    const struct wwi_incoming *incoming,
    struct wwi_bytes *url);
void wwi_http_incoming_watch(
    struct wwi_incoming *incoming,
    void (*gone)(struct wwi_incoming *incoming));
void wwi_http_incoming_reply(
    struct wwi_incoming *incoming,
    struct wwi_outgoing *outgoing,
    wwi_replied_fn replied,
    void *state);
void wwi_http_incoming_stop(struct wwi_incoming *incoming);
void wwi_http_incoming_drop(struct wwi_incoming *incoming);
extern const struct wwi_incoming_calls wwi_http_incoming;

#endif
