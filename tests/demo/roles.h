/* What a process started by the demo is: this program, run again. */
#ifndef DEMO_ROLES_H
#define DEMO_ROLES_H

#include "setting.h"

/* The endpoints of a host: one for each mode, again one for each that serves
 * the calls of a session one after the other, and one of the other version of
 * the envelope. */
enum {
    HOST_ONE_BY_ONE = MODES,
    HOST_OTHER_VERSION = 2 * MODES,
    HOST_ENDPOINTS
};

int run_host(const struct setting *setting);

/* Calls AddLater and waits; it is started to be killed. */
int run_client(
    const struct setting *setting,
    enum mode mode,
    const char *address,
    long key);

#endif
