/* Keeps whoever asks the system to listen, so that what is opened can be met
 * half way.  A program that uses it has the system's function wrapped. */
#ifndef TESTS_DELAY_H
#define TESTS_DELAY_H

#include "tests/support/public/check.h"

/* The next one, and nobody after it. */
void delay_next(void);
/* Returns when somebody is kept. */
void delay_meet(void);
void delay_end(void);

#endif
