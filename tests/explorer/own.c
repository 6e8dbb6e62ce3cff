/* The application's own transport, which carries messages in memory
 * (tests/support/public/loop.h).  Its slots are points. */
#include "tests/explorer/scene.h"

#include "tests/support/public/loop.h"
#include "tests/support/public/wire.h"

static struct loop memory;
static wws_custom_transport table = WWS_CUSTOM_TRANSPORT_INIT;

static wws_status status_of(enum action action)
{
    switch (action) {
    case DO_NOMEM: return WWS_E_OUTOFMEMORY;
    case DO_TIMEDOUT: return WWS_E_OPERATION_TIMED_OUT;
    case DO_CONNREFUSED: return WWS_E_ENDPOINT_NOT_FOUND;
    case DO_NETUNREACH: return WWS_E_ENDPOINT_UNREACHABLE;
    case DO_ADDRINUSE: return WWS_E_ADDRESS_IN_USE;
    case DO_CONNRESET: case DO_CONNABORTED:
        return WWS_E_ENDPOINT_DISCONNECTED;
    default: return WWS_S_OK;
    }
}

static wws_status ask_explorer(enum loop_slot slot)
{
    static const unsigned points[] = {
        [LOOP_CONNECT] = INSIDE_connect,
        [LOOP_LISTEN] = INSIDE_listen,
        [LOOP_ACCEPT] = INSIDE_accept,
        [LOOP_STOP] = INSIDE_stop,
        [LOOP_SEND] = INSIDE_send,
        [LOOP_RECEIVE] = INSIDE_receive,
        [LOOP_WATCH] = INSIDE_watch,
        [LOOP_SHUT_DOWN] = INSIDE_shut_down,
        [LOOP_CLOSE] = INSIDE_close,
        [LOOP_ABORT] = INSIDE_abort,
        [LOOP_FREE] = INSIDE_free,
    };

    return status_of(steer_inside(points[slot]));
}

void own_begin(void)
{
    loop_init(&memory);
    memory.asked = ask_explorer;
    loop_fill(&memory, &table);
}

const wws_custom_transport *own_transport(void)
{
    return wire()->transport == WWS_TRANSPORT_CUSTOM ? &table : NULL;
}
