/* The list of transports. */
#include "core/transport/transport.h"

static const struct wwi_transport *lookup(
    wws_transport transport,
    bool streamed)
{
    switch (transport) {
    case WWS_TRANSPORT_HTTP: return streamed ? &wwi_http_streamed : &wwi_http;
    case WWS_TRANSPORT_TCP: return &wwi_tcp;
    default: return NULL;
    }
}

wws_status wwi_transport_find(
    const struct wwi_binding *binding,
    const struct wwi_transport **transport,
    struct wwi_error *error)
{
    bool tcp = binding->transport == WWS_TRANSPORT_TCP;

    if (tcp && binding->encoding == WWS_ENCODING_DEFAULT)
        return wwi_fail_static(error, WWS_E_NOT_SUPPORTED,
            "encoding: binary XML, the default over TCP, is not supported; "
            "name another one");
    if (tcp && binding->addressing == WWS_ADDRESSING_VERSION_TRANSPORT)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "addressing_version: TCP does not carry the action");
    *transport = lookup(binding->transport,
        binding->mode != WWS_TRANSFER_MODE_BUFFERED);
    return *transport != NULL ? WWS_S_OK : wwi_fail_static(error,
        WWS_E_NOT_SUPPORTED, "this transport is not supported here");
}
