/* The list of transports. */
#include "core/transport/transport.h"

static const struct wwi_transport *lookup(
    wws_transport transport,
    bool streamed)
{
    switch (transport) {
    case WWS_TRANSPORT_HTTP: return streamed ? &wwi_http_streamed : &wwi_http;
    case WWS_TRANSPORT_TCP: return &wwi_tcp;
    case WWS_TRANSPORT_CUSTOM: return &wwi_custom_sessions;
    default: return NULL;
    }
}

static bool has_slot_for(const wws_custom_transport *custom, enum wwi_end end)
{
    if (end == WWI_END_ACCEPTED)
        return custom == NULL;
    return custom != NULL && (end == WWI_END_CLIENT ? custom->connect != NULL
        : custom->listen != NULL);
}

static wws_status check_custom(
    const struct wwi_binding *binding,
    struct wwi_error *error)
{
    bool fits = binding->transport == WWS_TRANSPORT_CUSTOM
        ? has_slot_for(binding->custom, binding->end)
        : binding->custom == NULL;

    return fits ? WWS_S_OK : wwi_fail_static(error, WWS_E_INVALIDARG,
        "custom: WWS_TRANSPORT_CUSTOM needs it, with connect for a client and "
        "listen for a server; nothing else may have it");
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
    if (binding->transport != WWS_TRANSPORT_HTTP
        && binding->addressing == WWS_ADDRESSING_VERSION_TRANSPORT)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "addressing_version: only HTTP carries the action");
    if (check_custom(binding, error) < 0)
        return WWS_E_INVALIDARG;
    *transport = lookup(binding->transport,
        binding->mode != WWS_TRANSFER_MODE_BUFFERED);
    return *transport != NULL ? WWS_S_OK : wwi_fail_static(error,
        WWS_E_NOT_SUPPORTED, "this transport is not supported here");
}
