/* Locks exclude, and debug builds find a wrong order: in a child process, for
 * that is the end of it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/lock.h"

enum { THREADS = 4, ROUNDS = 20000 };

#ifdef WWS_DEBUG
static const bool checked = true;
#else
static const bool checked = false;
#endif

static struct wwi_lock outer, inner, beside;
static long counted;

static int set_up(void **state)
{
    (void) state;
    wwi_lock_init(&outer, WWI_RANK_CHANNEL);
    wwi_lock_init(&inner, WWI_RANK_TIMER);
    wwi_lock_init(&beside, WWI_RANK_TIMER);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    wwi_lock_fini(&outer);
    wwi_lock_fini(&inner);
    wwi_lock_fini(&beside);
    return 0;
}

static void *count(void *state)
{
    (void) state;
    for (int i = 0; i < ROUNDS; i++) {
        wwi_lock_take(&outer);
        counted++;
        wwi_lock_give(&outer);
    }
    return NULL;
}

static void lock__keeps_others_out(void **state)
{
    pthread_t threads[THREADS];

    (void) state;
    counted = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    assert_int_equal(counted, THREADS * ROUNDS);
}

static void *look(void *state)
{
    *(bool *) state = wwi_lock_held();
    return NULL;
}

static void lock__is_held_by_the_thread_that_took_it(void **state)
{
    bool held_elsewhere = true;
    pthread_t thread;

    (void) state;
    assert_false(wwi_lock_held());
    wwi_lock_take(&outer);
    wwi_lock_take(&inner);
    assert_int_equal(wwi_lock_held(), checked);
    pthread_create(&thread, NULL, look, &held_elsewhere);
    pthread_join(thread, NULL);
    assert_false(held_elsewhere);

    wwi_lock_give(&outer);
    assert_int_equal(wwi_lock_held(), checked);
    wwi_lock_give(&inner);

    assert_false(wwi_lock_held());
}

static void lock__may_be_taken_again_in_any_allowed_order(void **state)
{
    (void) state;
    wwi_lock_take(&inner);
    wwi_lock_give(&inner);
    wwi_lock_take(&outer);
    wwi_lock_take(&inner);
    wwi_lock_give(&inner);
    wwi_lock_take(&beside);

    assert_int_equal(wwi_lock_held(), checked);
    wwi_lock_give(&beside);
    wwi_lock_give(&outer);
    assert_false(wwi_lock_held());
}

/* Takes two locks in a child; returns how it ended and what it said. */
static int end_of_child(
    struct wwi_lock *first,
    struct wwi_lock *second,
    char *said,
    size_t capacity)
{
    const struct rlimit no_core = { 0, 0 };
    int ends[2], result = 0;
    ssize_t size = 0;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void) setrlimit(RLIMIT_CORE, &no_core);
        (void) dup2(ends[1], STDERR_FILENO);
        wwi_lock_take(first);
        wwi_lock_take(second);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(waitpid(child, &result, 0), child);
    size = read(ends[0], said, capacity - 1);
    said[size > 0 ? size : 0] = '\0';
    close(ends[0]);
    return result;
}

static void assert_found_out(int result, const char *said)
{
    if (!checked) {
        assert_int_equal(result, 0);
        return;
    }
    assert_true(WIFSIGNALED(result));
    assert_int_equal(WTERMSIG(result), SIGABRT);
    assert_non_null(strstr(said, "libwws: lock of rank"));
}

static void lock__taken_in_the_wrong_order_is_found_out(void **state)
{
    char said[512];

    (void) state;
    assert_found_out(end_of_child(&inner, &outer, said, sizeof said), said);
}

static void lock__of_a_rank_that_is_held_is_found_out(void **state)
{
    char said[512];

    (void) state;
    assert_found_out(end_of_child(&inner, &beside, said, sizeof said), said);
}

static void lock__taken_in_the_right_order_is_fine(void **state)
{
    char said[512];

    (void) state;
    assert_int_equal(end_of_child(&outer, &inner, said, sizeof said), 0);
    assert_string_equal(said, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lock__keeps_others_out),
        TEST(lock__is_held_by_the_thread_that_took_it),
        TEST(lock__may_be_taken_again_in_any_allowed_order),
        TEST(lock__taken_in_the_wrong_order_is_found_out),
        TEST(lock__of_a_rank_that_is_held_is_found_out),
        TEST(lock__taken_in_the_right_order_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
