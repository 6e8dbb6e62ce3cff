/* Spots to call a function from: each kind of callback that the library makes
 * and that may call it back.  They belong to other objects of one runtime, so
 * that what is called meets the loop and the threads that it is about. */
#ifndef TESTS_STAGE_H
#define TESTS_STAGE_H

#include "tests/support/public/check.h"

enum spot {
    ON_THIS_THREAD,
    ON_OTHER_THREAD,
    IN_COMPLETED,
    IN_COMPLETED_FREED,   /* the free_state of a completion */
    IN_LONG_SERVE,
    IN_SHORT_SERVE,       /* on a loop */
    IN_CANCELLED,
    IN_REGISTERED_FREED,  /* the free_state of a registration */
    SPOTS,
};

struct stage;

void stage_open(struct stage **stage, wws_runtime runtime);
void stage_close(struct stage *stage);
/* Returns when it has run. */
void stage_run(
    struct stage *stage,
    enum spot spot,
    void (*run)(void *state),
    void *state);

const char *spot_name(enum spot spot);

#endif
