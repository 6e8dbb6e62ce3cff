/* What a wrapper of a system call in a test stands before. */
#ifndef TESTS_WRAPPED_H
#define TESTS_WRAPPED_H

#include <dlfcn.h>
#include <string.h>

/* The system's function of that name, or a sanitizer's that has to see the
 * call; into a variable of its type. */
static inline void find_wrapped(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(function, &found, sizeof found);
}

#endif
