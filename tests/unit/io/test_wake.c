/* The stock of wake descriptors, in one process and in its children. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/io/wake.h"

enum { MANY = 16, FORKS = 100, CHILD_SECONDS = 20 };

static bool readable(const struct wwi_wake *wake)
{
    struct pollfd polled = { .fd = wake->fd, .events = POLLIN };

    return poll(&polled, 1, 0) == 1;
}

/* Hazard 10 */
static void wake__is_readable_from_signal_to_drain(void **state)
{
    struct wwi_wake *wake = wwi_wake_take();

    (void) state;
    assert_false(readable(wake));
    wwi_wake_signal(wake);
    wwi_wake_signal(wake);
    assert_true(readable(wake));

    wwi_wake_drain(wake);

    assert_false(readable(wake));
    wwi_wake_drain(wake);
    wwi_wake_give(wake);
}

static void wake__blocks_nobody_and_is_not_inherited_by_programs(void **state)
{
    struct wwi_wake *wake = wwi_wake_take();

    (void) state;
    assert_true(fcntl(wake->fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(wake->fd, F_GETFD) & FD_CLOEXEC);
    wwi_wake_give(wake);
}

static void wake__belongs_to_one_at_a_time_and_is_used_again(void **state)
{
    struct wwi_wake *wakes[MANY];
    uint64_t live;

    (void) state;
    for (int i = 0; i < MANY; i++) {
        wakes[i] = wwi_wake_take();
        for (int j = 0; j < i; j++)
            assert_int_not_equal(wakes[i]->fd, wakes[j]->fd);
    }
    for (int i = 0; i < MANY; i++)
        wwi_wake_give(wakes[i]);
    live = wwi_memory_live();

    for (int i = 0; i < MANY; i++)
        wakes[i] = wwi_wake_take();

    assert_int_equal(wwi_memory_live(), live);
    for (int i = 0; i < MANY; i++)
        wwi_wake_give(wakes[i]);
}

/* Hazard 10 */
static void wake__that_is_taken_is_woken_by_the_clock(void **state)
{
    struct wwi_wake *wake = wwi_wake_take();

    (void) state;
    wwi_clock_hold();
    assert_true(readable(wake));
    wwi_wake_drain(wake);
    wwi_wake_give(wake);

    wwi_clock_move(1);
    wwi_clock_release();

    wake = wwi_wake_take();
    assert_false(readable(wake));
    wwi_wake_give(wake);
}

/* Takes until there is none in the stock. */
static int take_all(struct wwi_wake **wakes, int capacity)
{
    int count = 0;

    wwi_memory_fail(1, 1);
    while (count < capacity && (wakes[count] = wwi_wake_take()) != NULL)
        count++;
    wwi_memory_fail(0, 0);
    return count;
}

static void wake__is_null_without_memory_or_descriptors(void **state)
{
    struct wwi_wake *wakes[4 * MANY];
    int count = take_all(wakes, 4 * MANY);
    struct rlimit before, none = { 0, 0 };
    uint64_t live = wwi_memory_live();

    (void) state;
    assert_true(count < 4 * MANY);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);

    assert_null(wwi_wake_take());

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(wwi_memory_live(), live);
    while (count > 0)
        wwi_wake_give(wakes[--count]);
}

static int in_child(int (*run)(void))
{
    int result = -1;
    pid_t child = fork();

    if (child == 0) {
        alarm(CHILD_SECONDS);
        _exit(run());
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    return result;
}

static int parents_fd;

static int take_another(void)
{
    struct wwi_wake *wake = wwi_wake_take();

    return wake != NULL && wake->fd != parents_fd ? 0 : 1;
}

static void wake__of_the_parent_is_never_given_to_the_child(void **state)
{
    struct wwi_wake *wake = wwi_wake_take();

    (void) state;
    parents_fd = wake->fd;
    wwi_wake_give(wake);

    assert_int_equal(in_child(take_another), 0);
}

static _Atomic int stop;

static void *take_and_give(void *state)
{
    (void) state;
    while (atomic_load(&stop) == 0)
        wwi_wake_give(wwi_wake_take());
    return NULL;
}

static int take_and_give_one(void)
{
    struct wwi_wake *wake = wwi_wake_take();

    if (wake == NULL)
        return 1;
    wwi_clock_hold();
    wwi_wake_give(wake);
    wwi_clock_release();
    return 0;
}

static void child__does_not_wait_for_threads_of_its_parent(void **state)
{
    pthread_t threads[2];
    int result = 0;

    (void) state;
    atomic_store(&stop, 0);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, take_and_give, NULL);
    for (int i = 0; i < FORKS && result == 0; i++)
        result = in_child(take_and_give_one);
    atomic_store(&stop, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);

    assert_int_equal(result, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wake__is_readable_from_signal_to_drain),
        cmocka_unit_test(wake__blocks_nobody_and_is_not_inherited_by_programs),
        cmocka_unit_test(wake__belongs_to_one_at_a_time_and_is_used_again),
        cmocka_unit_test(wake__that_is_taken_is_woken_by_the_clock),
        cmocka_unit_test(wake__is_null_without_memory_or_descriptors),
        cmocka_unit_test(wake__of_the_parent_is_never_given_to_the_child),
        cmocka_unit_test(child__does_not_wait_for_threads_of_its_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
