/* How a caller hears of the end: by returning, by a callback, or through a
 * queue; once, and nothing of his is touched afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/io/wait.h"
#include "tests/unit/io/latch.h"

enum { ENDERS = 4, ROUNDS = 500 };

/* What happened, in the order in which it did. */
static struct {
    pthread_mutex_t lock;
    char steps[64];
} heard = { PTHREAD_MUTEX_INITIALIZER, "" };

static struct wwi_runtime *runtime;
static struct wwi_wait waiting;
static struct latch released;
static wws_status completed_with;
static bool was_inside;
static bool was_on_pool;

static void step(const char *name)
{
    pthread_mutex_lock(&heard.lock);
    strcat(heard.steps, name);
    pthread_mutex_unlock(&heard.lock);
}

static void completed(wws_status status, void *state)
{
    assert_ptr_equal(state, &heard);
    completed_with = status;
    was_inside = wwi_inside(&heard);
    was_on_pool = wwi_pool_current(runtime->pool);
    step("completed ");
}

static void free_state(void *state)
{
    (void) state;
    step("freed ");
}

static void delivered(struct wwi_wait *wait)
{
    (void) wait;
    step("delivered ");
}

static void release(struct wwi_wait *wait)
{
    step("released ");
    wwi_wait_fini(wait);
    latch_add(&released, 1);
}

static int set_up(void **state)
{
    const wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    const struct latch fresh = LATCH_INIT;

    (void) state;
    heard.steps[0] = '\0';
    released = fresh;
    runtime = wwi_runtime_new(&options);
    return runtime != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void) state;
    wwi_clock_release();
    if (!wwi_runtime_end(runtime, wwi_clock_after(1000 * HANG_SECONDS)))
        return -1;
    (void) wwi_object_close(&runtime->object);
    wwi_object_unref(&runtime->object);
    return 0;
}

static wws_completion by_callback(void)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    completion.state = &heard;
    completion.free_state = free_state;
    completion.completed = completed;
    return completion;
}

static wws_completion by_queue(wws_queue queue)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    completion.state = &heard;
    completion.free_state = free_state;
    completion.queue = queue;
    return completion;
}

static void begin(const wws_completion *completion, struct wwi_error *error)
{
    assert_int_equal(wwi_wait_init(&waiting, runtime, completion, error),
        WWS_S_OK);
    waiting.owner = &heard;
    waiting.delivered = delivered;
    waiting.release = release;
    assert_true(wwi_pending_start(&waiting.pending));
}

static void caller__that_blocks_returns_the_status(void **state)
{
    struct wwi_error *error = wwi_error_new();

    (void) state;
    begin(NULL, error);
    assert_false(wwi_wait_asynchronous(&waiting));
    assert_true(wwi_wait_end(&waiting, WWS_E_OPERATION_ABORTED,
        WWS_PHASE_CONNECT, "it was aborted"));
    assert_true(wwi_wait_block(&waiting, WWI_NEVER));

    assert_int_equal(wwi_wait_result(&waiting), WWS_E_OPERATION_ABORTED);

    assert_string_equal(heard.steps, "delivered released ");
    assert_int_equal(error->outcome.phase, WWS_PHASE_CONNECT);
    assert_int_equal(error->count, 1);
    assert_string_equal(error->strings[0].text, "it was aborted");
    assert_int_equal(wwi_error_free(error), WWS_S_OK);
}

/* O2 */
static void success__leaves_the_error_as_it_is(void **state)
{
    struct wwi_error *error = wwi_error_new();

    (void) state;
    (void) wwi_fail(error, WWS_E_OTHER, "from before");
    begin(NULL, error);
    assert_true(wwi_wait_end(&waiting, WWS_S_OK, WWS_PHASE_NONE, NULL));
    assert_int_equal(wwi_wait_result(&waiting), WWS_S_OK);

    assert_int_equal(error->outcome.status, WWS_E_OTHER);
    assert_int_equal(error->count, 1);
    assert_int_equal(wwi_error_free(error), WWS_S_OK);
}

static void caller__that_blocks_wakes_at_the_deadline(void **state)
{
    (void) state;
    begin(NULL, NULL);

    assert_false(wwi_wait_block(&waiting, wwi_clock_now()));

    assert_true(wwi_wait_end(&waiting, WWS_S_OK, WWS_PHASE_NONE, NULL));
    assert_true(wwi_wait_block(&waiting, wwi_clock_now()));
    assert_int_equal(wwi_wait_result(&waiting), WWS_S_OK);
}

/* A3, A12, A14 */
static void callback__runs_once_on_the_pool_and_comes_first(void **state)
{
    const wws_completion completion = by_callback();

    (void) state;
    begin(&completion, NULL);
    assert_true(wwi_wait_asynchronous(&waiting));
    assert_false(wwi_inside(&heard));

    assert_true(wwi_wait_end(&waiting, WWS_E_OTHER, WWS_PHASE_NONE, NULL));
    assert_true(latch_reaches(&released, 1));

    assert_string_equal(heard.steps, "completed freed delivered released ");
    assert_int_equal(completed_with, WWS_E_OTHER);
    assert_true(was_inside);
    assert_true(was_on_pool);
}

static struct wwi_queue *open_queue(wws_queue *handle)
{
    struct wwi_queue *queue;

    assert_int_equal(wwi_queue_create(runtime, handle, NULL), WWS_S_OK);
    assert_int_equal(wwi_table_get(handle->id, WWI_KIND_QUEUE, &queue),
        WWS_S_OK);
    return queue;
}

static void close_queue(struct wwi_queue *queue)
{
    assert_int_equal(wwi_queue_free(queue), WWS_S_OK);
    wwi_queue_unref(queue);
}

/* A4 */
static void event__is_there_when_delivered_and_ends_it_when_fetched(
    void **state)
{
    wws_event event = WWS_EVENT_INIT;
    uint32_t count = 0;
    wws_queue handle;
    struct wwi_queue *queue = open_queue(&handle);
    const wws_completion completion = by_queue(handle);

    (void) state;
    begin(&completion, NULL);
    assert_true(wwi_wait_end(&waiting, WWS_S_END, WWS_PHASE_NONE, NULL));
    assert_string_equal(heard.steps, "delivered ");

    assert_int_equal(wwi_queue_next(queue, 1, &event, &count, NULL), WWS_S_OK);

    assert_int_equal(count, 1);
    assert_int_equal(event.kind, WWS_EVENT_KIND_COMPLETED);
    assert_int_equal(event.status, WWS_S_END);
    assert_ptr_equal(event.state, &heard);
    assert_int_equal(event.error.id, 0);
    assert_string_equal(heard.steps, "delivered released ");
    close_queue(queue);
}

/* A10, O3 */
static void event__of_a_failure_brings_an_error_unless_one_was_given(
    void **state)
{
    wws_queue handle;
    struct wwi_queue *queue = open_queue(&handle);
    const wws_completion completion = by_queue(handle);
    struct wwi_error *error = wwi_error_new(), *brought;

    (void) state;
    for (int given = 0; given < 2; given++) {
        wws_event event = WWS_EVENT_INIT;
        uint32_t count = 0;

        begin(&completion, given ? error : NULL);
        (void) wwi_fail(wwi_wait_error(&waiting), WWS_E_OTHER, "inner");
        assert_true(wwi_wait_end(&waiting, WWS_E_OTHER, WWS_PHASE_SEND,
            "outer"));
        assert_int_equal(wwi_queue_next(queue, 1, &event, &count, NULL),
            WWS_S_OK);

        assert_int_equal(event.error.id == 0, given);
        brought = error;
        if (!given)
            assert_int_equal(wwi_table_get(event.error.id, WWI_KIND_ERROR,
                &brought), WWS_S_OK);
        assert_int_equal(brought->count, 2);
        assert_string_equal(brought->strings[0].text, "inner");
        assert_string_equal(brought->strings[1].text, "outer");
        assert_int_equal(wwi_error_free(brought), WWS_S_OK);
        if (!given)
            wwi_object_unref(&brought->object);
    }
    close_queue(queue);
}

static void event__of_a_queue_that_is_freed_is_dropped(void **state)
{
    wws_queue handle;
    struct wwi_queue *queue = open_queue(&handle);
    const wws_completion completion = by_queue(handle);
    uint64_t live = wwi_memory_live();

    (void) state;
    begin(&completion, NULL);
    (void) wwi_fail(wwi_wait_error(&waiting), WWS_E_OTHER, "inner");
    close_queue(queue);
    assert_string_equal(heard.steps, "");

    assert_true(wwi_wait_end(&waiting, WWS_E_OTHER, WWS_PHASE_NONE, NULL));

    /* To a freed queue, the drop comes first. */
    assert_non_null(strstr(heard.steps, "delivered "));
    assert_non_null(strstr(heard.steps, "freed released "));
    assert_int_equal(wwi_memory_live(), live - 1);
}

/* O5, PR5, D11: two that are pending may not write to one error object. */
static void error__serves_one_pending_function_at_a_time(void **state)
{
    const wws_completion completion = by_callback();
    struct wwi_error *error = wwi_error_new();
    struct wwi_wait second;

    (void) state;
    begin(&completion, error);

    assert_int_equal(wwi_wait_init(&second, runtime, &completion, error),
        WWS_E_INVALID_OPERATION);

    assert_true(wwi_wait_end(&waiting, WWS_E_OTHER, WWS_PHASE_NONE, NULL));
    assert_true(latch_reaches(&released, 1));
    assert_int_equal(wwi_wait_init(&second, runtime, &completion, error),
        WWS_S_OK);
    wwi_wait_fini(&second);
    assert_int_equal(wwi_error_free(error), WWS_S_OK);
}

/* A7 */
static void completion__names_exactly_one_way_to_hear(void **state)
{
    wws_queue handle;
    struct wwi_queue *queue = open_queue(&handle);
    wws_completion both = by_callback(), neither = WWS_COMPLETION_INIT;
    wws_completion stale = by_queue(handle);
    uint64_t live = wwi_memory_live();

    (void) state;
    both.queue = handle;
    assert_int_equal(wwi_wait_init(&waiting, runtime, &both, NULL),
        WWS_E_INVALIDARG);
    assert_int_equal(wwi_wait_init(&waiting, runtime, &neither, NULL),
        WWS_E_INVALIDARG);
    stale.queue.id += (uint64_t) 2 << 32;
    assert_int_equal(wwi_wait_init(&waiting, runtime, &stale, NULL),
        WWS_E_HANDLE);

    assert_int_equal(wwi_memory_live(), live);
    close_queue(queue);
}

static pthread_barrier_t together;
static _Atomic int winners;

static void *end_it(void *state)
{
    (void) state;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&together);
        if (wwi_wait_end(&waiting, WWS_E_OTHER, WWS_PHASE_NONE, "x"))
            atomic_fetch_add(&winners, 1);
        pthread_barrier_wait(&together);
    }
    return NULL;
}

static void ignore(struct wwi_wait *wait)
{
    (void) wait;
}

static void release_later(struct wwi_wait *wait)
{
    (void) wait;
    latch_add(&released, 1);
}

/* L8, G8 */
static void wait__is_ended_by_one_of_many(void **state)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    pthread_t threads[ENDERS];

    (void) state;
    completion.state = &heard;
    completion.completed = completed;
    atomic_store(&winners, 0);
    pthread_barrier_init(&together, NULL, ENDERS + 1);
    for (int i = 0; i < ENDERS; i++)
        pthread_create(&threads[i], NULL, end_it, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        heard.steps[0] = '\0';
        begin(&completion, NULL);
        waiting.delivered = ignore;
        waiting.release = release_later;
        pthread_barrier_wait(&together);
        pthread_barrier_wait(&together);
        assert_true(latch_reaches(&released, i + 1));
        wwi_wait_fini(&waiting);
        assert_string_equal(heard.steps, "completed ");
    }
    for (int i = 0; i < ENDERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);

    assert_int_equal(winners, ROUNDS);
}

static void callback__is_inside_of_all_that_are_around_it(void **state)
{
    struct wwi_frame outer, inner;
    int a = 0, b = 0;

    (void) state;
    wwi_enter_callback(&outer, &a);
    wwi_enter_callback(&inner, &b);
    assert_true(wwi_inside(&a));
    assert_true(wwi_inside(&b));
    wwi_leave_callback(&inner);
    assert_true(wwi_inside(&a));
    assert_false(wwi_inside(&b));
    wwi_leave_callback(&outer);

    assert_false(wwi_inside(&a));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(caller__that_blocks_returns_the_status),
        TEST(success__leaves_the_error_as_it_is),
        TEST(caller__that_blocks_wakes_at_the_deadline),
        TEST(callback__runs_once_on_the_pool_and_comes_first),
        TEST(event__is_there_when_delivered_and_ends_it_when_fetched),
        TEST(event__of_a_failure_brings_an_error_unless_one_was_given),
        TEST(event__of_a_queue_that_is_freed_is_dropped),
        TEST(error__serves_one_pending_function_at_a_time),
        TEST(completion__names_exactly_one_way_to_hear),
        TEST(wait__is_ended_by_one_of_many),
        TEST(callback__is_inside_of_all_that_are_around_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
