/* Time. */
#include "patience.h"

#include <time.h>

enum { LOOK_AGAIN_NS = 500000 };

int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int left_ms(int64_t until_ns)
{
    int64_t left = until_ns - now_ns();

    return left <= 0 ? 0 : (int) ((left + 999999) / 1000000);
}

int64_t patience_ends(void)
{
    return now_ns() + PATIENCE_MS * INT64_C(1000000);
}

bool comes_true(bool (*holds)(void *about), void *about)
{
    const struct timespec pause = { .tv_nsec = LOOK_AGAIN_NS };
    int64_t until = patience_ends();

    while (!holds(about)) {
        if (now_ns() >= until)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}
