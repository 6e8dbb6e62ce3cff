/* A host process, as its clients see it. */
#ifndef DEMO_REMOTE_H
#define DEMO_REMOTE_H

#include "peers.h"
#include "roles.h"
#include "setting.h"

struct remote {
    struct peer peer;
    char addresses[HOST_ENDPOINTS][128];
};

/* Whether it serves. */
bool remote_start(struct remote *remote, const struct setting *setting);
/* Whether it ended well. */
bool remote_end(struct remote *remote);

wws_string remote_address(const struct remote *remote, unsigned endpoint);

/* What all rows share. */
struct stage {
    const struct setting *setting;
    wws_runtime runtime; /* of the clients in this process */
    struct remote remote;
};

#endif
