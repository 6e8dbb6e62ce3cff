/* Random octets that nobody gets twice: not the next who asks, not another
 * thread, not the child of a fork.  The system may refuse them here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/random.h"
#include "tests/support/wrapped.h"

enum { DRAWS = 1000, SIZE = WWI_RANDOM_MOST };

struct draw {
    uint8_t octets[SIZE];
};

static int asked;
static int fails;   /* with this; 0: not at all */
static int failures;

ssize_t getrandom(void *data, size_t size, unsigned flags)
{
    ssize_t (*wrapped)(void *, size_t, unsigned);

    find_wrapped(&wrapped, "getrandom");
    asked++;
    if (failures-- > 0) {
        errno = fails;
        return -1;
    }
    return wrapped(data, size, flags);
}

static struct draw draw(void)
{
    struct draw draw;

    assert_true(wwi_random(draw.octets, SIZE));
    return draw;
}

static bool is_same(const struct draw *a, const struct draw *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct draw));
}

static void random__gives_nothing_twice(void **state)
{
    static struct draw draws[DRAWS];

    (void) state;
    for (int i = 0; i < DRAWS; i++)
        draws[i] = draw();

    qsort(draws, DRAWS, sizeof *draws, compare);
    for (int i = 1; i < DRAWS; i++)
        assert_false(is_same(&draws[i - 1], &draws[i]));
}

static void random__asks_the_system_once_for_many(void **state)
{
    int before;

    (void) state;
    before = asked;

    for (int i = 0; i < DRAWS; i++)
        (void) draw();

    assert_in_range(asked - before, 1, DRAWS / 10);
}

static void *draw_there(void *state)
{
    *(struct draw *) state = draw();
    return NULL;
}

static void random__is_not_that_of_another_thread(void **state)
{
    struct draw here, there;
    pthread_t thread;

    (void) state;
    (void) draw();
    assert_int_equal(pthread_create(&thread, NULL, draw_there, &there), 0);
    here = draw();
    pthread_join(thread, NULL);

    assert_false(is_same(&here, &there));
}

static void random__is_not_that_of_the_parent(void **state)
{
    struct draw here, there;
    int ends[2], status;
    pid_t child;

    (void) state;
    (void) draw();
    assert_int_equal(pipe(ends), 0);

    child = fork();
    if (child == 0) {
        there = draw();
        _exit(write(ends[1], &there, sizeof there) != sizeof there);
    }
    here = draw();

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(ends[0], &there, sizeof there), sizeof there);
    assert_false(is_same(&here, &there));
    close(ends[0]);
    close(ends[1]);
}

/* Takes what is left, so that the system is asked. */
static bool ask_system(struct draw *draw)
{
    int before = asked;
    bool given = true;

    while (asked == before)
        given = wwi_random(draw->octets, SIZE);
    return given;
}

static void random__says_that_the_system_gives_none(void **state)
{
    struct draw draw;

    (void) state;
    fails = ENOSYS;
    failures = 1;

    assert_false(ask_system(&draw));

    failures = 0;
    assert_true(ask_system(&draw));
}

static void random__asks_again_after_a_signal(void **state)
{
    struct draw draw;

    (void) state;
    fails = EINTR;
    failures = 2;

    assert_true(ask_system(&draw));

    assert_true(failures <= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random__gives_nothing_twice),
        cmocka_unit_test(random__asks_the_system_once_for_many),
        cmocka_unit_test(random__is_not_that_of_another_thread),
        cmocka_unit_test(random__is_not_that_of_the_parent),
        cmocka_unit_test(random__says_that_the_system_gives_none),
        cmocka_unit_test(random__asks_again_after_a_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
