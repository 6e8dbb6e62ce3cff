/* Links found by a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/map.h"
#include "core/base/memory.h"

enum { MANY = 1000 };

struct item {
    struct wwi_map_link link;
    unsigned order;
};

struct fixture {
    struct wwi_map map;
    struct wwi_lock lock;
    struct item items[MANY];
};

static int set_up(void **state)
{
    struct fixture *fixture = wwi_alloc_zero(sizeof *fixture);

    assert_non_null(fixture);
    assert_true(wwi_map_init(&fixture->map));
    wwi_lock_init(&fixture->lock, WWI_RANK_SERVICE_PROXY);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    wwi_map_fini(&fixture->map);
    wwi_lock_fini(&fixture->lock);
    wwi_free(fixture);
    return 0;
}

static void add(struct fixture *fixture, unsigned order, uint64_t number)
{
    wwi_map_make_room(&fixture->map, &fixture->lock);
    fixture->items[order].order = order;
    wwi_map_add(&fixture->map, &fixture->items[order].link, number);
}

static unsigned order_of(const struct wwi_map_link *link)
{
    return WWI_CONTAINER(link, struct item, link)->order;
}

static void map__finds_all_of_one_number_in_order(void **state)
{
    struct fixture *fixture = *state;
    const struct wwi_map_link *link;
    unsigned found = 0;

    for (unsigned i = 0; i < MANY; i++)
        add(fixture, i, i % 10);

    for (link = wwi_map_first(&fixture->map, 3); link != NULL;
         link = wwi_map_next(&fixture->map, link))
        assert_int_equal(order_of(link), 3 + 10 * found++);
    assert_int_equal(found, MANY / 10);
}

static void map__keeps_the_order_when_it_grows(void **state)
{
    struct fixture *fixture = *state;
    const struct wwi_map_link *link;
    unsigned found = 0;

    add(fixture, 0, 7);
    add(fixture, 1, 7);
    for (unsigned i = 2; i < MANY; i++)
        add(fixture, i, 1000 + i);

    assert_true(fixture->map.place_count >= MANY / 2);
    for (link = wwi_map_first(&fixture->map, 7); link != NULL;
         link = wwi_map_next(&fixture->map, link))
        assert_int_equal(order_of(link), found++);
    assert_int_equal(found, 2);
}

static void map__forgets_what_is_removed(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, 0, 5);
    add(fixture, 1, 6);
    wwi_map_remove(&fixture->map, &fixture->items[0].link);
    wwi_map_remove(&fixture->map, &fixture->items[0].link);

    assert_null(wwi_map_first(&fixture->map, 5));
    assert_non_null(wwi_map_first(&fixture->map, 6));
    assert_false(wwi_map_has(&fixture->items[0].link));
    assert_int_equal(fixture->map.count, 1);
}

static void map__does_without_the_room_that_it_cannot_have(void **state)
{
    struct fixture *fixture = *state;

    wwi_memory_fail(1, 1);
    for (unsigned i = 0; i < MANY; i++)
        add(fixture, i, i);
    wwi_memory_fail(0, 0);

    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(order_of(wwi_map_first(&fixture->map, i)), i);
}

#define with_map(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_map(map__finds_all_of_one_number_in_order),
        with_map(map__keeps_the_order_when_it_grows),
        with_map(map__forgets_what_is_removed),
        with_map(map__does_without_the_room_that_it_cannot_have),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
