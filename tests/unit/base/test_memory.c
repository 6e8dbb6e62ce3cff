/* Blocks, their count, and making the n-th of them fail. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"

enum { THREADS = 4, ROUNDS = 2000 };

static int no_failures(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    return 0;
}

static void memory__of_size_zero_is_a_block(void **state)
{
    void *a = wwi_alloc(0), *b = wwi_alloc_zero(0), *c = wwi_realloc(NULL, 0);

    (void) state;
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_ptr_not_equal(a, b);
    c = wwi_realloc(c, 0);
    assert_non_null(c);
    wwi_free(a);
    wwi_free(b);
    wwi_free(c);
}

static void memory__that_is_zeroed_is_zero(void **state)
{
    static const char zeros[4096];
    char *block = wwi_alloc_zero(sizeof zeros);

    (void) state;
    assert_memory_equal(block, zeros, sizeof zeros);
    wwi_free(block);
}

static void memory__that_grows_keeps_its_content(void **state)
{
    char *block = wwi_realloc(NULL, 4);

    (void) state;
    memcpy(block, "abc", 4);

    block = wwi_realloc(block, 100000);

    assert_string_equal(block, "abc");
    wwi_free(block);
}

static void memory__counts_what_is_alive_and_what_was_asked_for(void **state)
{
    uint64_t live = wwi_memory_live(), asked = wwi_memory_asked();
    void *a = wwi_alloc(1), *b = wwi_alloc_zero(1);

    (void) state;
    assert_int_equal(wwi_memory_live(), live + 2);
    a = wwi_realloc(a, 1000);
    assert_int_equal(wwi_memory_live(), live + 2);
    assert_int_equal(wwi_memory_asked(), asked + 3);

    wwi_free(a);
    wwi_free(b);
    wwi_free(NULL);

    assert_int_equal(wwi_memory_live(), live);
    assert_int_equal(wwi_memory_asked(), asked + 3);
}

static void memory__fails_just_the_nth(void **state)
{
    uint64_t live = wwi_memory_live();
    void *a, *b, *c;

    (void) state;
    wwi_memory_fail(2, 0);
    a = wwi_alloc(1);
    b = wwi_alloc_zero(1);
    c = wwi_alloc(1);

    assert_non_null(a);
    assert_null(b);
    assert_non_null(c);
    assert_int_equal(wwi_memory_live(), live + 2);
    wwi_free(a);
    wwi_free(c);
}

static void memory__fails_all_from_the_nth_on(void **state)
{
    void *a;

    (void) state;
    wwi_memory_fail(2, 1);
    a = wwi_alloc(1);
    assert_non_null(a);
    for (int i = 0; i < 10; i++)
        assert_null(wwi_alloc(1));
    wwi_memory_fail(0, 0);

    a = wwi_realloc(a, 2);

    assert_non_null(a);
    wwi_free(a);
}

static void memory__that_cannot_grow_is_untouched(void **state)
{
    uint64_t live = wwi_memory_live();
    char *block = wwi_alloc(4);

    (void) state;
    memcpy(block, "abc", 4);
    wwi_memory_fail(1, 0);

    assert_null(wwi_realloc(block, 100000));

    assert_string_equal(block, "abc");
    assert_int_equal(wwi_memory_live(), live + 1);
    wwi_free(block);
}

static void *allocate_and_free(void *state)
{
    void *block = NULL;

    (void) state;
    for (int i = 0; i < ROUNDS; i++) {
        block = wwi_realloc(block, (size_t) i);
        wwi_free(wwi_alloc_zero(1));
    }
    wwi_free(block);
    return NULL;
}

static void memory__is_counted_right_by_many_threads(void **state)
{
    uint64_t live = wwi_memory_live(), asked = wwi_memory_asked();
    pthread_t threads[THREADS];

    (void) state;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, allocate_and_free, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    assert_int_equal(wwi_memory_live(), live);
    assert_int_equal(wwi_memory_asked(), asked + 2 * THREADS * ROUNDS);
}

#define TEST(name) cmocka_unit_test_teardown(name, no_failures)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(memory__of_size_zero_is_a_block),
        TEST(memory__that_is_zeroed_is_zero),
        TEST(memory__that_grows_keeps_its_content),
        TEST(memory__counts_what_is_alive_and_what_was_asked_for),
        TEST(memory__fails_just_the_nth),
        TEST(memory__fails_all_from_the_nth_on),
        TEST(memory__that_cannot_grow_is_untouched),
        TEST(memory__is_counted_right_by_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
