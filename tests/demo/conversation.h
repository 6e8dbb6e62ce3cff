/* Plain conversations: a client of this library, whose octets are shown as
 * they are on the wire, and clients that others have written. */
#ifndef DEMO_CONVERSATION_H
#define DEMO_CONVERSATION_H

#include "remote.h"

/* Whether all of them were served. */
bool conversations_run(struct stage *stage);

#endif
