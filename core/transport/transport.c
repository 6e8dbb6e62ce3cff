/* The list of transports. */
#include "core/transport/transport.h"

const struct wwi_transport *wwi_transport(wws_transport transport)
{
    switch (transport) {
    case WWS_TRANSPORT_HTTP: return &wwi_http;
    default: return NULL;
    }
}
