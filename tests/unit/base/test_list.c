/* Rings of links, against promises and against an array that does the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/list.h"

enum { ITEMS = 8, STEPS = 20000 };

struct item {
    int number;
    struct wwi_link link;
};

static struct item items[ITEMS];
static struct wwi_list list, other;

static int set_up(void **state)
{
    (void) state;
    memset(items, 0, sizeof items);
    for (int i = 0; i < ITEMS; i++)
        items[i].number = i;
    wwi_list_init(&list);
    wwi_list_init(&other);
    return 0;
}

static int number_of(const struct wwi_link *link)
{
    return link == NULL ? -1
        : WWI_CONTAINER(link, struct item, link)->number;
}

static void append(struct wwi_list *to, int first, int last)
{
    for (int i = first; i <= last; i++)
        wwi_list_append(to, &items[i].link);
}

/* Whether the list has exactly these, walked and then taken. */
static void assert_takes(struct wwi_list *from, int first, int last)
{
    const struct wwi_link *link = wwi_list_first(from);

    for (int i = first; i <= last; i++) {
        assert_int_equal(number_of(link), i);
        link = wwi_list_next(from, link);
    }
    assert_null(link);
    for (int i = first; i <= last; i++)
        assert_int_equal(number_of(wwi_list_take(from)), i);
    assert_null(wwi_list_take(from));
    assert_true(wwi_list_empty(from));
}

static void list__that_is_new_is_empty(void **state)
{
    (void) state;
    assert_true(wwi_list_empty(&list));
    assert_null(wwi_list_first(&list));
    assert_null(wwi_list_take(&list));
}

static void list__gives_what_it_took_in_order(void **state)
{
    (void) state;
    append(&list, 0, 4);

    assert_takes(&list, 0, 4);
}

static void link__knows_whether_it_is_in_a_list(void **state)
{
    (void) state;
    assert_false(wwi_link_listed(&items[0].link));
    append(&list, 0, 0);
    assert_true(wwi_link_listed(&items[0].link));

    assert_ptr_equal(wwi_list_take(&list), &items[0].link);

    assert_false(wwi_link_listed(&items[0].link));
}

static void link__that_is_removed_twice_or_was_in_none_is_fine(void **state)
{
    (void) state;
    append(&list, 0, 2);

    wwi_list_remove(&items[0].link);
    wwi_list_remove(&items[0].link);
    wwi_list_remove(&items[5].link);

    assert_takes(&list, 1, 2);
}

static void list__is_moved_behind_the_end_of_another(void **state)
{
    (void) state;
    append(&list, 0, 1);
    append(&other, 2, 4);

    wwi_list_move(&list, &other);

    assert_true(wwi_list_empty(&other));
    assert_takes(&list, 0, 4);
}

static void list__is_moved_to_and_from_an_empty_one(void **state)
{
    (void) state;
    wwi_list_move(&list, &other);
    assert_true(wwi_list_empty(&list));
    append(&other, 0, 3);

    wwi_list_move(&list, &other);
    wwi_list_move(&list, &other);
    append(&other, 4, 5);

    assert_takes(&list, 0, 3);
    assert_takes(&other, 4, 5);
}

static void list__does_what_an_array_does(void **state)
{
    int array[ITEMS], count = 0, at;

    (void) state;
    srand(1);
    for (int step = 0; step < STEPS; step++) {
        int number = rand() % ITEMS;

        for (at = 0; at < count && array[at] != number; at++)
            ;
        assert_int_equal(at < count, wwi_link_listed(&items[number].link));
        if (at == count) {
            wwi_list_append(&list, &items[number].link);
            array[count++] = number;
        } else {
            wwi_list_remove(&items[number].link);
            memmove(array + at, array + at + 1,
                (size_t) (--count - at) * sizeof *array);
        }
        assert_int_equal(number_of(wwi_list_first(&list)),
            count > 0 ? array[0] : -1);
    }
    for (int i = 0; i < count; i++)
        assert_int_equal(number_of(wwi_list_take(&list)), array[i]);
    assert_true(wwi_list_empty(&list));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(list__that_is_new_is_empty),
        TEST(list__gives_what_it_took_in_order),
        TEST(link__knows_whether_it_is_in_a_list),
        TEST(link__that_is_removed_twice_or_was_in_none_is_fine),
        TEST(list__is_moved_behind_the_end_of_another),
        TEST(list__is_moved_to_and_from_an_empty_one),
        TEST(list__does_what_an_array_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
