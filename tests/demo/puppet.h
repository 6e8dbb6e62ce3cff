/* A peer that is no host: it takes and says one thing at a time of what its
 * transport knows, when it is told to, and nothing else. */
#ifndef DEMO_PUPPET_H
#define DEMO_PUPPET_H

#include "wire.h"

/* What there is to take and to say. */
struct script;

extern const struct script http_script;
extern const struct script tcp_script;

struct puppet {
    const struct script *script;
    struct ear ear;
    int fd; /* the connection, or -1 */
};

bool puppet_open(struct puppet *puppet, const struct script *script);
/* Whether a client has said all that comes before its messages. */
bool puppet_is_greeted(struct puppet *puppet);
/* Answers that. */
bool puppet_greets(struct puppet *puppet);
/* Whether a message has begun, and a part of its body waits unread. */
bool puppet_hears(struct puppet *puppet);
/* Whether the client has said, as the next thing, that no more will come. */
bool puppet_is_left(struct puppet *puppet);
/* Says the same. */
bool puppet_leaves(struct puppet *puppet);
/* Whether the client then closes the connection without a reset. */
bool puppet_is_alone(struct puppet *puppet);
void puppet_close(struct puppet *puppet);

#endif
