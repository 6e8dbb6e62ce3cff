/* Whether Valgrind runs the test, where that makes a difference: all is slow,
 * and a connection that would get a descriptor beyond the limit is lost, not
 * left to be accepted later. */
#ifndef TESTS_VALGRIND_H
#define TESTS_VALGRIND_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline bool under_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

    return preloaded != NULL && strstr(preloaded, "/vgpreload_") != NULL;
}

#endif
