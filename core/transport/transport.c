/* The list of transports. */
#include "core/transport/transport.h"

const struct wwi_transport *wwi_transport(
    wws_transport transport,
    bool streamed)
{
    switch (transport) {
    case WWS_TRANSPORT_HTTP: return streamed ? NULL : &wwi_http;
    default: return NULL;
    }
}
