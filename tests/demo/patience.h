/* Time: a clock that all processes share, and how long the demo waits for
 * what must happen.  Nothing here is waited for by sleeping alone: a condition
 * is looked at again and again until it holds or patience is over. */
#ifndef DEMO_PATIENCE_H
#define DEMO_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PATIENCE_MS = 3000,
    /* How long a program may say nothing: an interpreter has much to load. */
    PROGRAM_PATIENCE_MS = 15000,
    /* After so long the demo gives up as a whole. */
    DEMO_LIMIT_S = 59,
    LONG_ENOUGH_MS = DEMO_LIMIT_S * 1000,
};

int64_t now_ns(void);

/* Milliseconds until then, for poll(); 0 if it is past. */
int left_ms(int64_t until_ns);

int64_t patience_ends(void);

/* Whether the condition comes to hold. */
bool comes_true(bool (*holds)(void *about), void *about);

#endif
