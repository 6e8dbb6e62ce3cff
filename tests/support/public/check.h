/* What every test through the public interface begins with: cmocka, the
 * interface, and waiting that ends.  Support never asserts, for it runs on
 * other threads, too: what it cannot go on without ends the program. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wws/wws.h"

/* How long anything may take before it counts as hanging. */
enum { HANG_MS = 30000 };

/* Ends the program unless it holds. */
#define must(condition) \
    ((condition) ? (void) 0 : must_fail(#condition, __FILE__, __LINE__))
void must_fail(const char *what, const char *file, int line);

/* Whether the condition came true in time. */
bool await(bool (*condition)(void *state), void *state);

/* Milliseconds of a clock that never goes back. */
int64_t now_ms(void);

/* Runs the function on a thread of its own, to its end. */
void on_other_thread(void (*run)(void *state), void *state);

/* A number from the environment. */
uint64_t setting(const char *name, uint64_t otherwise);

#define assert_status(actual, expected) \
    check_status((actual), (expected), #actual, __FILE__, __LINE__)

static inline void check_status(
    wws_status actual,
    wws_status expected,
    const char *what,
    const char *file,
    int line)
{
    if (actual == expected)
        return;
    print_error("%s: %s, wanted %s\n", what, wws_status_name(actual),
        wws_status_name(expected));
    _fail(file, line);
}

#endif
