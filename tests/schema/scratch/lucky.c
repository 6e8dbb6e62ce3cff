/* What the scratch schema adds to the library, by hand as all of core. */
#include "core/service/proxy_parts.h"

wws_status wwi_service_proxy_try_luck(
    struct wwi_service_proxy *self,
    uint32_t more,
    uint32_t *number,
    wws_service_proxy_state *state,
    struct wwi_error *error)
{
    (void) error;
    *number = self->options.lucky_number + more;
    *state = WWS_SERVICE_PROXY_STATE_LUCKY;
    return WWS_S_OK;
}

wws_status wwi_service_proxy_ask(
    struct wwi_service_proxy *self,
    wws_string action,
    wws_call *call,
    wws_buffer *reply_body,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_call_options options = WWS_CALL_OPTIONS_INIT;

    return wwi_service_proxy_call(self, action, (wws_bytes) { 0 }, &options,
        call, reply_body, completion, error);
}
