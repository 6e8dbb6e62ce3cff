/* Handles: what is found out about each kind of wrong one, in which order slots
 * come back, and many threads at one slot.  The table itself is included, so
 * that a generation can be spent without two thousand million handles. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/list.h"
#include "core/base/table.c"

enum { READERS = 3, ROUNDS = 3000, MOST = 1 << 16 };

struct thing {
    struct wwi_object object;
    _Atomic int alive;
    _Atomic int destroyed;
};

static void destroy_thing(struct wwi_object *object)
{
    struct thing *thing = WWI_CONTAINER(object, struct thing, object);

    atomic_store(&thing->alive, 0);
    atomic_fetch_add(&thing->destroyed, 1);
}

static wws_status init_thing(struct thing *thing, enum wwi_kind kind)
{
    atomic_store(&thing->alive, 1);
    return wwi_object_init(&thing->object, kind, destroy_thing);
}

static void make(struct thing *thing, enum wwi_kind kind)
{
    memset(thing, 0, sizeof *thing);
    assert_int_equal(init_thing(thing, kind), WWS_S_OK);
}

static void end(struct thing *thing)
{
    assert_true(wwi_object_close(&thing->object));
    wwi_object_unref(&thing->object);
}

static uint32_t index_of(const struct thing *thing)
{
    return (uint32_t) (thing->object.id & 0xFFFFFF);
}

static wws_status get(uint64_t id, enum wwi_kind kind)
{
    struct thing *found = NULL;
    wws_status status = wwi_table_get(id, kind, &found);

    if (status >= 0)
        wwi_object_unref(&found->object);
    else
        assert_null(found);
    return status;
}

static void handle__finds_its_object_and_keeps_it(void **state)
{
    struct thing thing, *found;

    (void) state;
    make(&thing, WWI_KIND_QUEUE);
    assert_int_equal(
        wwi_table_get(thing.object.id, WWI_KIND_QUEUE, &found), WWS_S_OK);
    assert_ptr_equal(found, &thing);

    end(&thing);
    assert_int_equal(thing.destroyed, 0);
    wwi_object_unref(&found->object);

    assert_int_equal(thing.destroyed, 1);
}

static void handle__is_stale_as_soon_as_it_is_closed(void **state)
{
    struct thing thing;

    (void) state;
    make(&thing, WWI_KIND_QUEUE);

    assert_true(wwi_object_close(&thing.object));

    assert_int_equal(get(thing.object.id, WWI_KIND_QUEUE), WWS_E_HANDLE);
    assert_false(wwi_object_close(&thing.object));
    assert_int_equal(thing.destroyed, 0);
    wwi_object_unref(&thing.object);
    assert_int_equal(thing.destroyed, 1);
    assert_int_equal(get(thing.object.id, WWI_KIND_QUEUE), WWS_E_HANDLE);
}

static void handle__that_is_zero_is_no_argument(void **state)
{
    (void) state;
    for (int kind = WWI_KIND_NONE; kind <= WWI_KIND_OPERATION; kind++)
        assert_int_equal(get(0, (enum wwi_kind) kind), WWS_E_INVALIDARG);
}

static void handle__of_another_kind_is_refused(void **state)
{
    struct thing thing;

    (void) state;
    make(&thing, WWI_KIND_QUEUE);
    for (int kind = WWI_KIND_NONE; kind <= WWI_KIND_OPERATION; kind++)
        assert_int_equal(get(thing.object.id, (enum wwi_kind) kind),
            kind == WWI_KIND_QUEUE ? WWS_S_OK : WWS_E_HANDLE);
    end(&thing);
}

static void handle__that_was_made_up_is_refused(void **state)
{
    struct thing thing;
    uint64_t id;

    (void) state;
    make(&thing, WWI_KIND_QUEUE);
    id = thing.object.id;
    /* Every bit of it counts. */
    for (int bit = 0; bit < 64; bit++)
        assert_int_equal(get(id ^ (uint64_t) 1 << bit, WWI_KIND_QUEUE),
            WWS_E_HANDLE);
    /* The generations in between, which no handle has. */
    assert_int_equal(get(id + ((uint64_t) 1 << 32), WWI_KIND_QUEUE),
        WWS_E_HANDLE);
    assert_int_equal(get(id - ((uint64_t) 1 << 32), WWI_KIND_QUEUE),
        WWS_E_HANDLE);
    /* The right kind in the handle, though the slot is of another. */
    id = (id & ~((uint64_t) 0xFF << 24)) | (uint64_t) WWI_KIND_CALL << 24;
    assert_int_equal(get(id, WWI_KIND_CALL), WWS_E_HANDLE);
    assert_int_equal(thing.destroyed, 0);
    end(&thing);
    assert_int_equal(thing.destroyed, 1);
}

static void handle__counts_while_it_is_open(void **state)
{
    uint64_t before = wwi_table_count();
    struct thing thing;

    (void) state;
    make(&thing, WWI_KIND_QUEUE);
    assert_int_equal(wwi_table_count(), before + 1);

    assert_true(wwi_object_close(&thing.object));

    assert_int_equal(wwi_table_count(), before);
    wwi_object_unref(&thing.object);
    assert_int_equal(wwi_table_count(), before);
}

static void try_after_end(struct wwi_object *object)
{
    assert_false(wwi_object_try_ref(object));
    destroy_thing(object);
}

static void object__is_not_found_again_when_its_last_reference_is_gone(
    void **state)
{
    struct thing thing = { .destroyed = 0 };

    (void) state;
    assert_int_equal(
        wwi_object_init(&thing.object, WWI_KIND_QUEUE, try_after_end),
        WWS_S_OK);
    assert_true(wwi_object_try_ref(&thing.object));
    wwi_object_unref(&thing.object);

    end(&thing);

    assert_int_equal(thing.destroyed, 1);
}

/* Takes all slots that are free, so that the next one is the oldest. */
static size_t fill(struct thing *things, size_t capacity)
{
    size_t count = 0;

    wwi_table_limit(1);
    while (count < capacity
        && init_thing(&things[count], WWI_KIND_QUEUE) >= 0)
        count++;
    assert_true(count < capacity);
    return count;
}

static void empty(struct thing *things, size_t count)
{
    for (size_t i = 0; i < count; i++)
        end(&things[i]);
    wwi_table_limit(0);
    free(things);
}

static void table__that_is_full_says_so_until_a_slot_is_free(void **state)
{
    struct thing *things = calloc(MOST, sizeof *things);
    struct thing more = { .destroyed = 0 };
    size_t count;

    (void) state;
    make(&things[0], WWI_KIND_QUEUE);
    count = 1 + fill(things + 1, MOST - 1);
    assert_int_equal(init_thing(&more, WWI_KIND_CALL), WWS_E_OUTOFMEMORY);
    assert_int_equal(init_thing(&more, WWI_KIND_CALL), WWS_E_OUTOFMEMORY);

    end(&things[--count]);

    make(&more, WWI_KIND_CALL);
    assert_int_equal(get(more.object.id, WWI_KIND_CALL), WWS_S_OK);
    end(&more);
    empty(things, count);
    make(&more, WWI_KIND_CALL);
    end(&more);
}

static void slot__that_was_free_longest_is_used_next(void **state)
{
    struct thing *things = calloc(MOST, sizeof *things);
    struct thing again[3];
    uint64_t before[3];
    size_t count;

    (void) state;
    for (int i = 0; i < 4; i++)
        make(&things[i], WWI_KIND_QUEUE);
    count = 4 + fill(things + 4, MOST - 4);
    for (int i = 0; i < 3; i++) {
        before[i] = things[count - 3 + (size_t) i].object.id;
        end(&things[count - 3 + (size_t) i]);
    }

    for (int i = 0; i < 3; i++)
        make(&again[i], WWI_KIND_CALL);

    for (int i = 0; i < 3; i++) {
        assert_int_equal(index_of(&again[i]), before[i] & 0xFFFFFF);
        assert_int_equal(again[i].object.id >> 32, (before[i] >> 32) + 2);
        assert_int_equal(get(before[i], WWI_KIND_QUEUE), WWS_E_HANDLE);
        end(&again[i]);
    }
    empty(things, count - 3);
}

static void slot__is_not_used_again_while_its_object_is_referred_to(
    void **state)
{
    struct thing *things = calloc(MOST, sizeof *things);
    struct thing *held, more = { .destroyed = 0 };
    size_t count;

    (void) state;
    make(&things[0], WWI_KIND_QUEUE);
    count = 1 + fill(things + 1, MOST - 1);
    held = &things[--count];
    wwi_object_ref(&held->object);
    end(held);

    assert_int_equal(init_thing(&more, WWI_KIND_QUEUE), WWS_E_OUTOFMEMORY);
    wwi_object_unref(&held->object);

    make(&more, WWI_KIND_QUEUE);
    end(&more);
    empty(things, count);
}

static void slot__whose_generation_is_spent_retires(void **state)
{
    struct thing *things = calloc(MOST, sizeof *things);
    struct thing last, more = { .destroyed = 0 };
    struct slot *slot;
    size_t count;

    (void) state;
    make(&things[0], WWI_KIND_QUEUE);
    count = 1 + fill(things + 1, MOST - 1);
    slot = slot_of(things[count - 1].object.id);
    end(&things[--count]);
    atomic_store(&slot->word, (uint64_t) 0xFFFFFFFE << 32);

    make(&last, WWI_KIND_QUEUE);
    assert_int_equal(last.object.id >> 32, 0xFFFFFFFF);
    assert_int_equal(get(last.object.id, WWI_KIND_QUEUE), WWS_S_OK);
    end(&last);

    assert_int_equal(last.destroyed, 1);
    assert_int_equal(get(last.object.id, WWI_KIND_QUEUE), WWS_E_HANDLE);
    assert_int_equal(get(last.object.id & UINT32_MAX, WWI_KIND_QUEUE),
        WWS_E_HANDLE);
    assert_int_equal(init_thing(&more, WWI_KIND_QUEUE), WWS_E_OUTOFMEMORY);
    empty(things, count);
}

static struct {
    _Atomic uint64_t id;
    _Atomic int stop;
    _Atomic uint64_t found;
    _Atomic uint64_t dead;
} shared;

static void *look_up(void *unused)
{
    (void) unused;
    while (atomic_load(&shared.stop) == 0) {
        struct thing *found;
        uint64_t id = atomic_load(&shared.id);

        if (wwi_table_get(id, WWI_KIND_QUEUE, &found) < 0)
            continue;
        atomic_fetch_add(&shared.found, 1);
        if (atomic_load(&found->alive) != 1 || found->object.id != id)
            atomic_fetch_add(&shared.dead, 1);
        wwi_object_unref(&found->object);
    }
    return NULL;
}

static void object__that_was_found_lives_until_it_is_given_back(void **state)
{
    static struct thing things[ROUNDS];
    pthread_t readers[READERS];

    (void) state;
    memset(&shared, 0, sizeof shared);
    for (int i = 0; i < READERS; i++)
        pthread_create(&readers[i], NULL, look_up, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t found = atomic_load(&shared.found);

        make(&things[i], WWI_KIND_QUEUE);
        atomic_store(&shared.id, things[i].object.id);
        /* Now and then let them find it before it goes. */
        while (i % 8 == 0 && atomic_load(&shared.found) == found)
            sched_yield();
        end(&things[i]);
    }
    atomic_store(&shared.stop, 1);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);

    assert_int_equal(shared.dead, 0);
    for (int i = 0; i < ROUNDS; i++)
        assert_int_equal(things[i].destroyed, 1);
}

static pthread_barrier_t barrier;
static _Atomic int closed;

static void *close_all(void *state)
{
    struct thing *things = state;

    pthread_barrier_wait(&barrier);
    for (int i = 0; i < ROUNDS; i++)
        if (wwi_object_close(&things[i].object)) {
            atomic_fetch_add(&closed, 1);
            wwi_object_unref(&things[i].object);
        }
    return NULL;
}

static void handle__is_closed_by_one_of_many(void **state)
{
    static struct thing things[ROUNDS];
    pthread_t threads[READERS];

    (void) state;
    for (int i = 0; i < ROUNDS; i++) {
        make(&things[i], WWI_KIND_CALL);
        wwi_object_ref(&things[i].object);
    }
    atomic_store(&closed, 0);
    pthread_barrier_init(&barrier, NULL, READERS);
    for (int i = 0; i < READERS; i++)
        pthread_create(&threads[i], NULL, close_all, things);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);

    assert_int_equal(closed, ROUNDS);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(things[i].destroyed, 0);
        wwi_object_unref(&things[i].object);
        assert_int_equal(things[i].destroyed, 1);
    }
}

/* What the child sees of a handle of its parent, as the number of a promise
 * that is not kept. */
static int look_from_child(uint64_t id, uint32_t epoch_before)
{
    struct thing own = { .destroyed = 0 };

    if (atomic_load(&epoch) != epoch_before + 1)
        return 1;
    if (get(id, WWI_KIND_QUEUE) != WWS_E_FORKED)
        return 2;
    if (get(id, WWI_KIND_CALL) != WWS_E_HANDLE)
        return 3;
    if (init_thing(&own, WWI_KIND_QUEUE) != WWS_S_OK)
        return 4;
    if (get(own.object.id, WWI_KIND_QUEUE) != WWS_S_OK)
        return 5;
    end(&own);
    return own.destroyed == 1 ? 0 : 6;
}

static void handle__of_the_parent_is_known_as_such_in_the_child(void **state)
{
    uint32_t before = atomic_load(&epoch);
    struct thing thing;
    int result = -1;
    pid_t child;

    (void) state;
    make(&thing, WWI_KIND_QUEUE);
    child = fork();
    if (child == 0)
        _exit(look_from_child(thing.object.id, before));
    assert_int_equal(waitpid(child, &result, 0), child);

    assert_int_equal(result, 0);
    assert_int_equal(atomic_load(&epoch), before);
    assert_int_equal(get(thing.object.id, WWI_KIND_QUEUE), WWS_S_OK);
    end(&thing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handle__finds_its_object_and_keeps_it),
        cmocka_unit_test(handle__is_stale_as_soon_as_it_is_closed),
        cmocka_unit_test(handle__that_is_zero_is_no_argument),
        cmocka_unit_test(handle__of_another_kind_is_refused),
        cmocka_unit_test(handle__that_was_made_up_is_refused),
        cmocka_unit_test(handle__counts_while_it_is_open),
        cmocka_unit_test(
            object__is_not_found_again_when_its_last_reference_is_gone),
        cmocka_unit_test(table__that_is_full_says_so_until_a_slot_is_free),
        cmocka_unit_test(slot__that_was_free_longest_is_used_next),
        cmocka_unit_test(
            slot__is_not_used_again_while_its_object_is_referred_to),
        cmocka_unit_test(slot__whose_generation_is_spent_retires),
        cmocka_unit_test(object__that_was_found_lives_until_it_is_given_back),
        cmocka_unit_test(handle__is_closed_by_one_of_many),
        cmocka_unit_test(handle__of_the_parent_is_known_as_such_in_the_child),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
