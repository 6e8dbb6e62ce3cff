/* Waiting that ends. */
#include "tests/support/public/check.h"

#include <time.h>

void must_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: cannot go on without: %s\n", file, line, what);
    abort();
}

int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool await(bool (*condition)(void *state), void *state)
{
    const struct timespec pause = { .tv_nsec = 200000 };
    int64_t end = now_ms() + HANG_MS;

    while (!condition(state)) {
        if (now_ms() > end)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

struct errand {
    void (*run)(void *state);
    void *state;
};

static void *run_errand(void *state)
{
    struct errand *errand = state;

    errand->run(errand->state);
    return NULL;
}

void on_other_thread(void (*run)(void *state), void *state)
{
    struct errand errand = { run, state };
    pthread_t thread;

    must(pthread_create(&thread, NULL, run_errand, &errand) == 0);
    pthread_join(thread, NULL);
}

uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}
