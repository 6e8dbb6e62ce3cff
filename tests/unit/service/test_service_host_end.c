/* What abort, close and free of a host promise while operations run. */
#include "serving_host.h"

#include "core/base/gate.h"

enum { MANY = 100 };

static enum answer answer_of(struct request *request)
{
    enum answer answer;

    pthread_mutex_lock(&fake_lock);
    answer = request->answer;
    pthread_mutex_unlock(&fake_lock);
    return answer;
}

/* Abort */

static void abort__returns_while_operations_run__g124_g125(void **state)
{
    struct request request;

    (void) state;
    begin(WWS_S_ASYNC);
    open_host();
    ask(&request);

    assert_int_equal(do_abort(), WWS_S_OK);

    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_FAULTED);
    assert_int_equal(do_open(), WWS_E_INVALID_OPERATION);
    await(&seen.cancelled);
    assert_int_equal(seen.reason, WWS_CANCEL_REASON_HOST_ABORTED);
    assert_int_equal(answer_of(&request), NONE);
    complete_last();
    assert_int_equal(request.answer, DROPPED);
    end();
}

static struct wwi_operation *many[MANY];

static wws_status keep_many(wws_operation handle, void *state)
{
    (void) state;
    many[seen.served] = hold_operation(handle);
    register_operation(many[seen.served]);
    seen.served++;
    return WWS_S_ASYNC;
}

static void abort__reaches_every_operation__g123(void **state)
{
    struct request requests[MANY];

    (void) state;
    memset(&seen, 0, sizeof seen);
    create_host(NULL);
    add(WWS_CALLBACK_MODEL_SHORT, keep_many);
    open_host();
    for (int i = 0; i < MANY; i++)
        ask(&requests[i]);

    wwi_memory_fail(1, 1);
    assert_int_equal(do_abort(), WWS_S_OK);
    wwi_memory_fail(0, 0);

    pthread_mutex_lock(&fake_lock);
    while (seen.cancelled < MANY)
        pthread_cond_wait(&fake_changed, &fake_lock);
    pthread_mutex_unlock(&fake_lock);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(wwi_operation_complete(many[i], WWS_S_OK, NULL), 0);
        wwi_object_unref(&many[i]->object);
    }
    assert_int_equal(close_host(), WWS_S_OK);
    assert_int_equal(seen.cancelled, MANY);
    assert_true(atomic_load(&runtime->counters[
        WWS_COUNTER_OPERATIONS_CANCELLED]) == MANY);
    end();
}

static wws_status abort_inside(wws_operation handle, void *state)
{
    (void) handle;
    (void) state;
    set_flag(&seen.served);
    return do_abort();
}

static void abort__may_be_called_inside_an_operation__g15(void **state)
{
    struct request request;

    (void) state;
    memset(&seen, 0, sizeof seen);
    create_host(NULL);
    add(WWS_CALLBACK_MODEL_SHORT, abort_inside);
    open_host();

    ask(&request);

    assert_int_equal(request.answer, DROPPED);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static wws_status block(wws_operation handle, void *state)
{
    (void) handle;
    (void) state;
    set_flag(&seen.entered);
    await(&seen.leave);
    return WWS_S_OK;
}

static void abort__keeps_what_has_not_begun_from_it(void **state)
{
    struct request requests[12];

    (void) state;
    memset(&seen, 0, sizeof seen);
    create_host(NULL);
    add(WWS_CALLBACK_MODEL_LONG, block);
    open_host();
    for (int i = 0; i < 12; i++)
        ask(&requests[i]);
    pthread_mutex_lock(&fake_lock);
    while (seen.entered < 8)
        pthread_cond_wait(&fake_changed, &fake_lock);
    pthread_mutex_unlock(&fake_lock);

    assert_int_equal(do_abort(), WWS_S_OK);
    set_flag(&seen.leave);
    assert_int_equal(close_host(), WWS_S_OK);

    assert_int_equal(seen.entered, 8);
    for (int i = 0; i < 12; i++)
        assert_int_equal(requests[i].answer, DROPPED);
    end();
}

/* Close */

static void close__waits_and_lets_replies_out__g131(void **state)
{
    struct request request, late;

    (void) state;
    begin(WWS_S_ASYNC);
    open_host();
    ask(&request);
    assert_int_equal(close_later(), WWS_S_ASYNC);
    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_CLOSING);

    /* One that has come through meanwhile is told. */
    ask(&late);
    assert_true(late.fault);
    assert_int_equal(seen.served, 1);

    assert_int_equal(flag_of(&seen.completed), 0);
    complete_last();
    await(&seen.completed);
    assert_int_equal(request.answer, REPLIED);
    assert_int_equal(seen.status, WWS_S_OK);
    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_CLOSED);
    assert_int_equal(seen.cancelled, 0);
    end();
}

static void close__becomes_an_abort__g14_g135(void **state)
{
    struct request request;

    (void) state;
    begin(WWS_S_ASYNC);
    open_host();
    ask(&request);
    assert_int_equal(close_later(), WWS_S_ASYNC);

    assert_int_equal(do_abort(), WWS_S_OK);
    await(&seen.cancelled);

    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_CLOSING);
    complete_last();
    await(&seen.completed);
    assert_int_equal(seen.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(request.answer, DROPPED);
    end();
}

static void close__aborts_when_its_time_is_over__g133_g134(void **state)
{
    struct request request;

    (void) state;
    begin(WWS_S_ASYNC);
    wwi_clock_hold();
    open_host();
    ask(&request);
    assert_int_equal(close_later(), WWS_S_ASYNC);
    wwi_clock_move(4999);
    assert_int_equal(flag_of(&seen.cancelled), 0);

    wwi_clock_move(1);
    await(&seen.cancelled);

    assert_int_equal(seen.reason, WWS_CANCEL_REASON_HOST_ABORTED);
    assert_int_equal(flag_of(&seen.completed), 0);
    wwi_clock_release();
    complete_last();
    await(&seen.completed);
    assert_int_equal(seen.status, WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_CLOSED);
    end();
}

static void close__that_may_take_for_ever_does(void **state)
{
    wws_service_host_options options = WWS_SERVICE_HOST_OPTIONS_INIT;
    struct request request;

    (void) state;
    memset(&seen, 0, sizeof seen);
    seen.result = WWS_S_ASYNC;
    options.close_timeout_ms = WWS_INFINITE;
    create_host(&options);
    add(WWS_CALLBACK_MODEL_SHORT, serve);
    wwi_clock_hold();
    open_host();
    ask(&request);
    assert_int_equal(close_later(), WWS_S_ASYNC);

    wwi_clock_move(UINT32_MAX - 1);

    wwi_clock_release();
    complete_last();
    await(&seen.completed);
    assert_int_equal(seen.status, WWS_S_OK);
    assert_int_equal(seen.cancelled, 0);
    end();
}

#ifdef WWS_DEBUG

/* Where the host is opened and closed once more, by whoever comes by there. */
static struct {
    enum wwi_gate gate;
    _Atomic bool passed;
    bool busy; /* the first time, too */
    int done;
    struct request request;
} again;

static void close_again(enum wwi_gate gate)
{
    if (gate != again.gate || atomic_exchange(&again.passed, true))
        return;
    if (again.busy)
        complete_last();
    assert_int_equal(wwi_service_host_reset(host, NULL), WWS_S_OK);
    open_host();
    send_to(fake_servers[1], &again.request, ENVELOPE(ADD));
    assert_int_equal(close_later(), WWS_S_ASYNC);
    set_flag(&again.done);
}

static void close_twice(enum wwi_gate gate, bool busy)
{
    again.gate = gate;
    again.busy = busy;
    again.done = 0;
    atomic_store(&again.passed, false);
    begin(WWS_S_ASYNC);
    wwi_clock_hold();
    wwi_gate_watch(close_again);
    open_host();
}

/* Also if the one before is just over. */
static void close__aborts_when_its_own_time_is_over__g133(void **state)
{
    (void) state;
    close_twice(WWI_GATE_HOST_CLOSED, false);
    assert_int_equal(close_later(), WWS_S_ASYNC);
    await(&again.done);
    await(&seen.completed);
    wwi_gate_watch(NULL);
    assert_int_equal(seen.status, WWS_S_OK);

    wwi_clock_move(5000);
    await(&seen.cancelled);

    wwi_clock_release();
    complete_last();
    await_count(&seen.completed, 2);
    assert_int_equal(seen.status, WWS_E_OPERATION_TIMED_OUT);
    end();
}

/* The time of one before may just have come. */
static void close__does_not_abort_before_its_time__g133(void **state)
{
    struct request request;

    (void) state;
    close_twice(WWI_GATE_LOOP_EXPIRES, true);
    ask(&request);
    assert_int_equal(close_later(), WWS_S_ASYNC);

    wwi_clock_move(5000);
    await(&again.done);
    await_turn(wwi_runtime_loop(runtime));

    wwi_gate_watch(NULL);
    wwi_clock_move(4999);
    assert_int_equal(flag_of(&seen.cancelled), 0);
    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_CLOSING);
    wwi_clock_move(1);
    await(&seen.cancelled);
    wwi_clock_release();
    complete_last();
    end();
}

#endif

static void *close_thread(void *state)
{
    wws_status *status = state;

    *status = close_host();
    set_flag(&seen.completed);
    return NULL;
}

static void close__blocks_until_a_callback_has_returned__g127(void **state)
{
    struct request request;
    wws_status status = WWS_S_ASYNC;
    pthread_t thread;

    (void) state;
    memset(&seen, 0, sizeof seen);
    create_host(NULL);
    add(WWS_CALLBACK_MODEL_LONG, block);
    open_host();
    ask(&request);
    await(&seen.entered);
    assert_int_equal(do_abort(), WWS_S_OK);
    pthread_create(&thread, NULL, close_thread, &status);

    assert_int_equal(flag_of(&seen.completed), 0);
    set_flag(&seen.leave);
    pthread_join(thread, NULL);

    assert_int_equal(status, WWS_S_OK);
    assert_int_equal(request.answer, DROPPED);
    end();
}

static wws_status close_inside(wws_operation handle, void *state)
{
    (void) handle;
    (void) state;
    seen.inside = close_host();
    assert_int_equal(close_later(), WWS_S_ASYNC);
    return WWS_S_OK;
}

static void close__inside_an_operation_must_not_wait__g146_d34(void **state)
{
    struct request request;

    (void) state;
    memset(&seen, 0, sizeof seen);
    create_host(NULL);
    add(WWS_CALLBACK_MODEL_LONG, close_inside);
    open_host();

    ask(&request);
    await(&seen.completed);

    assert_int_equal(seen.inside, WWS_E_INVALID_OPERATION);
    assert_int_equal(seen.status, WWS_S_OK);
    assert_int_equal(request.answer, REPLIED);
    end();
}

static void close__ends_at_once_when_no_thread_is_left__g16(void **state)
{
    (void) state;
    begin(WWS_S_OK);
    open_host();
    assert_true(wwi_runtime_end(runtime, WWI_NEVER));

    assert_int_equal(close_later(), WWS_S_OK);

    assert_int_equal(seen.completed, 0);
    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_CLOSED);
    end();
}

static void close__can_be_heard_of_through_a_queue(void **state)
{
    wws_completion through = WWS_COMPLETION_INIT;
    wws_event event = WWS_EVENT_INIT;
    struct wwi_queue *queue;
    uint32_t count = 0;

    (void) state;
    begin(WWS_S_OK);
    open_host();
    assert_int_equal(wwi_queue_create(runtime, &through.queue, NULL), 0);
    assert_int_equal(wwi_table_get(through.queue.id, WWI_KIND_QUEUE, &queue),
        0);
    through.state = &seen;

    assert_int_equal(wwi_service_host_close(host, &through, NULL),
        WWS_S_ASYNC);

    assert_int_equal(wwi_queue_next(queue, 1, &event, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(event.kind, WWS_EVENT_KIND_COMPLETED);
    assert_int_equal(event.status, WWS_S_OK);
    assert_ptr_equal(event.state, &seen);
    assert_int_equal(wwi_queue_free(queue), WWS_S_OK);
    wwi_queue_unref(queue);
    end();
}

static void free__leaves_operations_their_host__d12(void **state)
{
    struct request request;

    (void) state;
    begin(WWS_S_ASYNC);
    open_host();
    ask(&request);

    assert_int_equal(wwi_service_host_free(host), WWS_S_OK);
    await(&seen.cancelled);
    assert_int_equal(seen.endpoint_freed, 0);
    complete_last();

    end();
    assert_int_equal(request.answer, DROPPED);
    assert_int_equal(seen.endpoint_freed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(abort__returns_while_operations_run__g124_g125),
        cmocka_unit_test(abort__reaches_every_operation__g123),
        cmocka_unit_test(abort__may_be_called_inside_an_operation__g15),
        cmocka_unit_test(abort__keeps_what_has_not_begun_from_it),
        cmocka_unit_test(close__waits_and_lets_replies_out__g131),
        cmocka_unit_test(close__becomes_an_abort__g14_g135),
        cmocka_unit_test(close__aborts_when_its_time_is_over__g133_g134),
        cmocka_unit_test(close__that_may_take_for_ever_does),
#ifdef WWS_DEBUG
        cmocka_unit_test(close__aborts_when_its_own_time_is_over__g133),
        cmocka_unit_test(close__does_not_abort_before_its_time__g133),
#endif
        cmocka_unit_test(close__blocks_until_a_callback_has_returned__g127),
        cmocka_unit_test(close__inside_an_operation_must_not_wait__g146_d34),
        cmocka_unit_test(close__ends_at_once_when_no_thread_is_left__g16),
        cmocka_unit_test(close__can_be_heard_of_through_a_queue),
        cmocka_unit_test(free__leaves_operations_their_host__d12),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
