/* Everything that can stop a pending operation. */
#ifndef DEMO_CASES_H
#define DEMO_CASES_H

#include "row.h"

extern const struct cases channel_cases;
extern const struct cases call_cases;
extern const struct cases peer_cases;

#endif
