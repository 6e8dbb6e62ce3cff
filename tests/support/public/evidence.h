/* What a program of tests leaves behind for the conformance report: in the
 * folder that WWS_EVIDENCE names, a line for each test that has passed, with the
 * transport and the manners in which something was heard of in it. */
#ifndef TESTS_EVIDENCE_H
#define TESTS_EVIDENCE_H

#include "tests/support/public/check.h"

enum { MOST_PROMISES = 64 };

/* Makes the tests of this file leave it, if anybody wants it. */
void leave_evidence(
    const char *file,
    struct CMUnitTest tests[MOST_PROMISES],
    const char *wire);

#endif
