/* The transport of the tests that run over one of the application's own: ours
 * and ours meet in memory (loop.h), and with peers of bare sockets it speaks
 * their .NET framing, by threads that block.  Of the public interface alone. */
#ifndef TESTS_BRIDGE_H
#define TESTS_BRIDGE_H

#include "wws/wws.h"

/* One for the program. */
const wws_custom_transport *bridge(void);

#endif
