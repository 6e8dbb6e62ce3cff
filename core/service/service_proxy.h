/* The client of a service: calls, each an exchange with a client of its own, of
 * the transport from a stock of idle ones, or of the session they all share.
 *
 * Words.  A call is *pending* until its caller has heard, *detached* while its
 * exchange drains without a caller, and *active* in both.
 *
 * Rules.  What is active keeps a reference and is in one of the two lists; close
 * waits until nothing is.  Lists are walked in batches: collect under the lock,
 * let go, then act. */
#ifndef WWI_SERVICE_PROXY_H
#define WWI_SERVICE_PROXY_H

#include "core/channel/closing.h"
#include "core/channel/exchange.h"
#include "core/transport/transport.h"

struct wwi_service_proxy;

wws_status wwi_service_proxy_create(
    struct wwi_runtime *runtime,
    const wws_service_proxy_options *options,
    wws_service_proxy *service_proxy,
    struct wwi_error *error);
wws_status wwi_service_proxy_open(
    struct wwi_service_proxy *self,
    wws_string address,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_service_proxy_call(
    struct wwi_service_proxy *self,
    wws_string action,
    wws_bytes body,
    const wws_call_options *options,
    wws_call *call,
    wws_buffer *reply_body,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_service_proxy_abandon_call(
    struct wwi_service_proxy *self,
    uint32_t call_id,
    struct wwi_error *error);
wws_status wwi_service_proxy_abort(struct wwi_service_proxy *self);
wws_status wwi_service_proxy_close(
    struct wwi_service_proxy *self,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_service_proxy_reset(
    struct wwi_service_proxy *self,
    struct wwi_error *error);
wws_status wwi_service_proxy_free(struct wwi_service_proxy *self);
wws_status wwi_service_proxy_get_state(
    struct wwi_service_proxy *self,
    wws_service_proxy_state *state,
    struct wwi_error *error);

#endif
