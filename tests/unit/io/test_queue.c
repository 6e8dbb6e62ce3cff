/* Events that a program fetches itself. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/io/queue.h"

enum { ADDERS = 2, FETCHERS = 2, MANY = 2000 };

struct note {
    struct wwi_queue_entry entry;
    _Atomic int fetched;
    _Atomic int dropped;
};

static struct wwi_queue *queue;
static wws_queue handle;
static uint64_t live_before;
static struct note notes[ADDERS * MANY];

static void fetch(struct wwi_queue_entry *entry, wws_event *event)
{
    struct note *note = WWI_CONTAINER(entry, struct note, entry);

    event->kind = WWS_EVENT_KIND_COMPLETED;
    event->state = note;
    atomic_fetch_add(&note->fetched, 1);
}

static void drop(struct wwi_queue_entry *entry)
{
    atomic_fetch_add(&WWI_CONTAINER(entry, struct note, entry)->dropped, 1);
}

static int set_up(void **state)
{
    (void) state;
    live_before = wwi_memory_live();
    memset(notes, 0, sizeof notes);
    for (int i = 0; i < ADDERS * MANY; i++) {
        notes[i].entry.fetch = fetch;
        notes[i].entry.drop = drop;
    }
    if (wwi_queue_create(NULL, &handle, NULL) < 0)
        return -1;
    return wwi_table_get(handle.id, WWI_KIND_QUEUE, &queue);
}

static int tear_down(void **state)
{
    (void) state;
    (void) wwi_queue_free(queue);
    wwi_queue_unref(queue);
    return wwi_memory_live() == live_before ? 0 : -1;
}

static bool readable(void)
{
    struct pollfd polled = { .events = POLLIN };

    assert_int_equal(wwi_queue_get_fd(queue, &polled.fd, NULL), WWS_S_OK);
    return poll(&polled, 1, 0) == 1;
}

static uint32_t next(wws_event *events, uint32_t capacity)
{
    uint32_t count = 99;

    events->struct_size = sizeof *events;
    assert_int_equal(wwi_queue_next(queue, capacity, events, &count, NULL),
        WWS_S_OK);
    return count;
}

static void queue__is_readable_exactly_while_it_is_not_empty(void **state)
{
    wws_event event;

    (void) state;
    assert_false(readable());
    wwi_queue_add(queue, &notes[0].entry);
    assert_true(readable());
    wwi_queue_add(queue, &notes[1].entry);
    assert_int_equal(next(&event, 1), 1);
    assert_true(readable());

    assert_int_equal(next(&event, 1), 1);

    assert_false(readable());
    assert_int_equal(next(&event, 1), 0);
    assert_false(readable());
    wwi_queue_add(queue, &notes[2].entry);
    assert_true(readable());
}

static void queue__gives_the_oldest_first_as_many_as_fit(void **state)
{
    wws_event events[4];

    (void) state;
    for (int i = 0; i < 6; i++)
        wwi_queue_add(queue, &notes[i].entry);

    assert_int_equal(next(events, 4), 4);
    for (int i = 0; i < 4; i++) {
        assert_ptr_equal(events[i].state, &notes[i]);
        assert_int_equal(events[i].struct_size, sizeof *events);
        assert_int_equal(events[i].version, WWS_VERSION);
    }
    assert_int_equal(next(events, 4), 2);

    assert_ptr_equal(events[0].state, &notes[4]);
    assert_ptr_equal(events[1].state, &notes[5]);
    for (int i = 0; i < 6; i++)
        assert_int_equal(notes[i].fetched, 1);
}

/* The events of a newer caller are longer, and he may place them anyhow. */
static void event__has_the_size_its_caller_says(void **state)
{
    const uint32_t sizes[] = { sizeof(wws_event), sizeof(wws_event) + 1,
        sizeof(wws_event) + 8, sizeof(wws_event) + 100 };
    unsigned char memory[4096];
    wws_event event;
    uint32_t count;

    (void) state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(memory, 0xEE, sizeof memory);
        memcpy(memory, &sizes[i], sizeof sizes[i]);
        wwi_queue_add(queue, &notes[2 * i].entry);
        wwi_queue_add(queue, &notes[2 * i + 1].entry);

        assert_int_equal(wwi_queue_next(queue, 2,
            (wws_event *) (void *) memory, &count, NULL), WWS_S_OK);

        assert_int_equal(count, 2);
        for (size_t at = 0; at < 2; at++) {
            memcpy(&event, memory + at * sizes[i], sizeof event);
            assert_int_equal(event.struct_size, sizes[i]);
            assert_ptr_equal(event.state, &notes[2 * i + at]);
            for (size_t j = sizeof event; j < sizes[i]; j++)
                assert_int_equal(memory[at * sizes[i] + j], 0);
        }
        assert_int_equal(memory[2 * sizes[i]], 0xEE);
    }
}

static void queue__wants_room_for_an_event(void **state)
{
    wws_event event = WWS_EVENT_INIT;
    uint32_t count = 99;

    (void) state;
    assert_int_equal(wwi_queue_next(queue, 0, &event, &count, NULL),
        WWS_E_INVALIDARG);
    assert_int_equal(count, 99);
}

static void queue__that_is_freed_drops_what_it_has_and_what_comes(void **state)
{
    (void) state;
    for (int i = 0; i < 3; i++)
        wwi_queue_add(queue, &notes[i].entry);

    assert_int_equal(wwi_queue_free(queue), WWS_S_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(notes[i].dropped, 1);
    wwi_queue_add(queue, &notes[3].entry);

    assert_int_equal(notes[3].dropped, 1);
    assert_int_equal(notes[3].fetched, 0);
    assert_int_equal(wwi_queue_free(queue), WWS_E_HANDLE);
}

static pthread_barrier_t begin;
static _Atomic int fetched_in_all;
static _Atomic int freed;

static void *add_many(void *state)
{
    struct note *mine = state;

    pthread_barrier_wait(&begin);
    for (int i = 0; i < MANY; i++)
        wwi_queue_add(queue, &mine[i].entry);
    return NULL;
}

static void *fetch_many(void *state)
{
    wws_event events[8];

    (void) state;
    pthread_barrier_wait(&begin);
    while (atomic_load(&fetched_in_all) < ADDERS * MANY
        && atomic_load(&freed) == 0) {
        uint32_t count = 0;

        events->struct_size = sizeof *events;
        (void) wwi_queue_next(queue, 8, events, &count, NULL);
        atomic_fetch_add(&fetched_in_all, (int) count);
        if (count == 0)
            sched_yield();
    }
    return NULL;
}

static void run_threads(bool frees)
{
    pthread_t threads[ADDERS + FETCHERS];

    atomic_store(&fetched_in_all, 0);
    atomic_store(&freed, 0);
    pthread_barrier_init(&begin, NULL, ADDERS + FETCHERS + 1);
    for (int i = 0; i < ADDERS; i++)
        pthread_create(&threads[i], NULL, add_many, &notes[i * MANY]);
    for (int i = 0; i < FETCHERS; i++)
        pthread_create(&threads[ADDERS + i], NULL, fetch_many, NULL);
    pthread_barrier_wait(&begin);
    if (frees)
        (void) wwi_queue_free(queue);
    atomic_store(&freed, frees);
    for (int i = 0; i < ADDERS + FETCHERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&begin);
}

static void entry__is_fetched_once_by_one_of_many(void **state)
{
    (void) state;
    run_threads(false);

    for (int i = 0; i < ADDERS * MANY; i++) {
        assert_int_equal(notes[i].fetched, 1);
        assert_int_equal(notes[i].dropped, 0);
    }
    assert_false(readable());
}

static void entry__is_fetched_or_dropped_when_the_queue_is_freed(void **state)
{
    (void) state;
    run_threads(true);

    for (int i = 0; i < ADDERS * MANY; i++)
        assert_int_equal(notes[i].fetched + notes[i].dropped, 1);
}

static void queue__is_not_made_without_memory_descriptor_or_handle(
    void **state)
{
    uint64_t live = wwi_memory_live();
    struct rlimit before, none = { 0, 0 };
    wws_queue other = { 0 };

    (void) state;
    wwi_memory_fail(1, 0);
    assert_int_equal(wwi_queue_create(NULL, &other, NULL), WWS_E_OUTOFMEMORY);
    wwi_memory_fail(0, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(wwi_queue_create(NULL, &other, NULL), WWS_E_OUTOFMEMORY);

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(other.id, 0);
    assert_int_equal(wwi_memory_live(), live);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(queue__is_readable_exactly_while_it_is_not_empty),
        TEST(queue__gives_the_oldest_first_as_many_as_fit),
        TEST(event__has_the_size_its_caller_says),
        TEST(queue__wants_room_for_an_event),
        TEST(queue__that_is_freed_drops_what_it_has_and_what_comes),
        TEST(entry__is_fetched_once_by_one_of_many),
        TEST(entry__is_fetched_or_dropped_when_the_queue_is_freed),
        TEST(queue__is_not_made_without_memory_descriptor_or_handle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
