/* Everything that can stop a pending operation. */
#ifndef DEMO_CASES_H
#define DEMO_CASES_H

#include "row.h"

extern const struct cancel_case cases[];
extern const unsigned case_count;

#endif
