/* A close that is pending, of an object that does nothing but count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/closing.h"

enum { PATIENCE_S = 20, ANY = -1 };

/* The object.  `closing` is what it ends. */
static struct fixture {
    uint64_t blocks;
    struct wwi_object object;
    struct wwi_runtime *runtime;
    struct wwi_error *error;
    struct wwi_closing *closing;
    wws_status ends_with;     /* what expired ends it with; 0: it does not */
    int expires;              /* how often it will have, in the end */
    _Atomic int expired;
    _Atomic int destroyed;
    _Atomic int heard;
    _Atomic wws_status status;
    sem_t was_expired;
    sem_t was_heard;
} it;

static void wait_for(sem_t *sem)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    assert_int_equal(sem_timedwait(sem, &until), 0);
}

static void destroy(struct wwi_object *object)
{
    assert_ptr_equal(object, &it.object);
    atomic_fetch_add(&it.destroyed, 1);
}

static void expired(struct wwi_object *object)
{
    assert_ptr_equal(object, &it.object);
    assert_int_equal(it.destroyed, 0);
    atomic_fetch_add(&it.expired, 1);
    if (it.ends_with != 0)
        wwi_closing_end(it.closing, it.ends_with);
    sem_post(&it.was_expired);
}

static void completed(wws_status status, void *state)
{
    assert_ptr_equal(state, &it);
    atomic_store(&it.status, status);
    atomic_fetch_add(&it.heard, 1);
    sem_post(&it.was_heard);
}

static wws_completion completion_of_test(void)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    completion.state = &it;
    completion.completed = completed;
    return completion;
}

static int set_up(void **state)
{
    const wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;

    (void) state;
    memset(&it, 0, sizeof it);
    /* The stock of wakes keeps what it has made. */
    wwi_wake_give(wwi_wake_take());
    it.blocks = wwi_memory_live();
    sem_init(&it.was_expired, 0, 0);
    sem_init(&it.was_heard, 0, 0);
    it.error = wwi_error_new();
    it.runtime = wwi_runtime_new(&options);
    assert_non_null(it.runtime);
    assert_true(wwi_object_init(&it.object, WWI_KIND_CHANNEL, destroy) >= 0);
    wwi_clock_hold();
    return 0;
}

static int clean_up(void **state)
{
    (void) state;
    wwi_clock_release();
    /* Nothing has kept the object. */
    assert_true(wwi_object_close(&it.object));
    assert_int_equal(it.destroyed, 0);
    assert_true(wwi_runtime_end(it.runtime, wwi_clock_after(20000)));
    if (it.expires != ANY)
        assert_int_equal(it.expired, it.expires);
    wwi_object_unref(&it.object);
    assert_int_equal(it.destroyed, 1);
    assert_true(wwi_object_close(&it.runtime->object));
    wwi_object_unref(&it.runtime->object);
    assert_int_equal(wwi_error_free(it.error), WWS_S_OK);
    sem_destroy(&it.was_expired);
    sem_destroy(&it.was_heard);
    assert_int_equal(wwi_memory_live(), it.blocks);
    return 0;
}

static void make(const wws_completion *completion)
{
    wws_status status = WWS_E_OTHER;

    it.closing = wwi_closing_new(&it.object, it.runtime, completion, it.error,
        &status);
    assert_non_null(it.closing);
    assert_int_equal(status, WWS_S_OK);
}

static void start(const wws_completion *completion, int64_t deadline)
{
    make(completion);
    wwi_closing_start_locked(it.closing, deadline, expired);
}

static bool says(const char *what)
{
    wws_string text;

    for (uint32_t i = 0; wwi_error_get_string(it.error, i, &text) == WWS_S_OK;
         i++)
        if (wwi_string_is(text, what))
            return true;
    return false;
}

static void *end_it(void *state)
{
    wwi_closing_end(it.closing, *(const wws_status *) state);
    return NULL;
}

static void closing__ended_before_the_wait_returns_at_once(void **state)
{
    (void) state;
    start(NULL, WWI_NEVER);

    wwi_closing_end(it.closing, WWS_S_OK);

    assert_int_equal(wwi_closing_wait(it.closing, NULL), WWS_S_OK);
}

static void closing__blocks_until_another_thread_ends_it(void **state)
{
    static const struct {
        wws_status status;
        const char *text;
    } rows[] = {
        { WWS_S_OK, NULL },
        { WWS_E_OPERATION_ABORTED, "the object was aborted meanwhile" },
        { WWS_E_OPERATION_TIMED_OUT, "what was pending did not end in time" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wws_status status = rows[i].status;
        pthread_t thread;

        start(NULL, wwi_clock_now() + 1000);
        assert_int_equal(pthread_create(&thread, NULL, end_it, &status), 0);

        assert_int_equal(wwi_closing_wait(it.closing, NULL), status);

        pthread_join(thread, NULL);
        if (rows[i].text != NULL)
            assert_true(says(rows[i].text));
    }
}

static void *move_clock(void *state)
{
    (void) state;
    wwi_clock_move(999);
    assert_int_equal(it.expired, 0);
    wwi_clock_move(1);
    return NULL;
}

static void closing__tells_the_object_of_the_deadline(void **state)
{
    pthread_t thread;

    (void) state;
    it.ends_with = WWS_E_OPERATION_TIMED_OUT;
    start(NULL, wwi_clock_now() + 1000);
    assert_int_equal(pthread_create(&thread, NULL, move_clock, NULL), 0);

    assert_int_equal(wwi_closing_wait(it.closing, NULL),
        WWS_E_OPERATION_TIMED_OUT);

    pthread_join(thread, NULL);
    it.expires = 1;
}

static void *end_after_deadline(void *state)
{
    (void) move_clock(NULL);
    wait_for(&it.was_expired);
    return end_it(state);
}

static void closing__goes_on_after_the_deadline_until_it_is_ended(void **state)
{
    wws_status status = WWS_E_OPERATION_TIMED_OUT;
    pthread_t thread;

    (void) state;
    start(NULL, wwi_clock_now() + 1000);
    assert_int_equal(pthread_create(&thread, NULL, end_after_deadline,
        &status), 0);

    assert_int_equal(wwi_closing_wait(it.closing, NULL), status);

    pthread_join(thread, NULL);
    it.expires = 1;
}

static void closing__calls_back(void **state)
{
    const wws_completion completion = completion_of_test();

    (void) state;
    start(&completion, wwi_clock_now() + 1000);
    assert_int_equal(wwi_closing_wait(it.closing, &completion), WWS_S_ASYNC);
    assert_int_equal(it.heard, 0);

    wwi_closing_end(it.closing, WWS_E_OPERATION_ABORTED);

    wait_for(&it.was_heard);
    assert_int_equal(it.status, WWS_E_OPERATION_ABORTED);
    assert_true(says("the object was aborted meanwhile"));
    /* The deadline is off. */
    wwi_clock_move(5000);
}

static void closing__may_call_back_before_the_wait(void **state)
{
    const wws_completion completion = completion_of_test();

    (void) state;
    start(&completion, WWI_NEVER);
    wwi_closing_end(it.closing, WWS_S_OK);
    wait_for(&it.was_heard);

    /* By now it may be gone. */
    assert_int_equal(wwi_closing_wait(it.closing, &completion), WWS_S_ASYNC);
    assert_int_equal(it.status, WWS_S_OK);
}

static void closing__has_its_deadline_on_the_loop(void **state)
{
    const wws_completion completion = completion_of_test();

    (void) state;
    it.ends_with = WWS_E_OPERATION_TIMED_OUT;
    start(&completion, wwi_clock_now() + 1000);
    assert_int_equal(wwi_closing_wait(it.closing, &completion), WWS_S_ASYNC);

    wwi_clock_move(1000);

    wait_for(&it.was_heard);
    assert_int_equal(it.status, WWS_E_OPERATION_TIMED_OUT);
    it.expires = 1;
}

static void closing__may_be_ended_after_its_deadline(void **state)
{
    const wws_completion completion = completion_of_test();

    (void) state;
    start(&completion, wwi_clock_now() + 1000);
    assert_int_equal(wwi_closing_wait(it.closing, &completion), WWS_S_ASYNC);
    wwi_clock_move(1000);
    wait_for(&it.was_expired);

    wwi_closing_end(it.closing, WWS_S_OK);

    wait_for(&it.was_heard);
    assert_int_equal(it.status, WWS_S_OK);
    it.expires = 1;
}

/* End and deadline at the same time, a thousand times. */
static void closing__ends_once_when_end_and_deadline_meet(void **state)
{
    const wws_completion completion = completion_of_test();

    (void) state;
    for (int i = 1; i <= 1000; i++) {
        wws_status status = WWS_S_OK;
        pthread_t thread;

        start(&completion, wwi_clock_now() + 1);
        assert_int_equal(pthread_create(&thread, NULL, end_it, &status), 0);
        wwi_clock_move(1);
        pthread_join(thread, NULL);
        wait_for(&it.was_heard);
        assert_int_equal(it.heard, i);
    }
    it.expires = ANY;
}

static void closing__that_nobody_waits_for_is_discarded(void **state)
{
    const wws_completion completion = completion_of_test();

    (void) state;
    make(NULL);
    wwi_closing_discard(it.closing);
    make(&completion);
    wwi_closing_discard(it.closing);

    assert_int_equal(it.heard, 0);
}

static void closing__needs_memory_and_a_completion(void **state)
{
    const wws_completion none = WWS_COMPLETION_INIT;
    wws_status status = WWS_S_OK;

    (void) state;
    assert_null(wwi_closing_new(&it.object, it.runtime, &none, it.error,
        &status));
    assert_int_equal(status, WWS_E_INVALIDARG);
    wwi_memory_fail(1, 1);
    assert_null(wwi_closing_new(&it.object, it.runtime, NULL, it.error,
        &status));
    wwi_memory_fail(0, 0);
    assert_int_equal(status, WWS_E_OUTOFMEMORY);
    assert_true(says("no memory to close"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(closing__ended_before_the_wait_returns_at_once),
        TEST(closing__blocks_until_another_thread_ends_it),
        TEST(closing__tells_the_object_of_the_deadline),
        TEST(closing__goes_on_after_the_deadline_until_it_is_ended),
        TEST(closing__calls_back),
        TEST(closing__may_call_back_before_the_wait),
        TEST(closing__has_its_deadline_on_the_loop),
        TEST(closing__may_be_ended_after_its_deadline),
        TEST(closing__ends_once_when_end_and_deadline_meet),
        TEST(closing__that_nobody_waits_for_is_discarded),
        TEST(closing__needs_memory_and_a_completion),
    };

    return cmocka_run_group_tests_name("closing", tests, NULL, NULL);
}
