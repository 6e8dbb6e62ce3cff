/* Operations that are cancelled, or come through a queue, as in the guarantees
 * that the names of the tests cite. */
#include "script.h"

#include "core/base/gate.h"

/* Cancellation */

static void cancelled(wws_cancel_reason reason, void *state)
{
    assert_ptr_equal(state, &script.value);
    script.reason = reason;
    set_flag(&script.entered);
    if (script.completes)
        assert_int_equal(wwi_operation_complete(script.last, WWS_S_OK, NULL),
            WWS_S_OK);
    if (script.blocks)
        await(&script.leave);
    set_flag(&script.cancelled);
}

static void free_registered(void *state)
{
    assert_ptr_equal(state, &script.value);
    script.cancelled_before_free = flag_of(&script.cancelled);
    set_flag(&script.freed);
}

static wws_cancel_callbacks callbacks_to_cancel(void)
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.state = &script.value;
    callbacks.cancelled = cancelled;
    callbacks.free_state = free_registered;
    return callbacks;
}

static wws_status register_and_wait(struct wwi_operation *operation)
{
    wws_cancel_callbacks callbacks = callbacks_to_cancel();

    assert_int_equal(wwi_operation_register_for_cancel(operation, &callbacks,
        NULL), WWS_S_OK);
    return WWS_S_ASYNC;
}

static void complete_last(void)
{
    assert_int_equal(wwi_operation_complete(script.last, WWS_S_OK, NULL),
        WWS_S_OK);
}

static void registration__is_refused_after_completion__g101(void **state)
{
    wws_cancel_callbacks callbacks = callbacks_to_cancel();
    struct request request;

    (void) state;
    begin(NULL, WWS_S_ASYNC);
    ask(&request, ENVELOPE(ADD));
    complete_last();

    assert_int_equal(wwi_operation_register_for_cancel(script.last,
        &callbacks, NULL), WWS_E_HANDLE);

    assert_int_equal(script.freed, 0);
    end();
}

static void registration__second_one_is_refused__g102_g112(void **state)
{
    wws_cancel_callbacks callbacks = callbacks_to_cancel();
    struct request request;

    (void) state;
    begin(register_and_wait, 0);
    ask(&request, ENVELOPE(ADD));

    assert_int_equal(wwi_operation_register_for_cancel(script.last,
        &callbacks, NULL), WWS_E_INVALID_OPERATION);

    assert_int_equal(script.freed, 0);
    complete_last();
    assert_int_equal(script.freed, 1);
    end();
}

static void registration__wants_one_of_queue_and_callback__g103(void **state)
{
    wws_cancel_callbacks callbacks = callbacks_to_cancel();
    struct request request;

    (void) state;
    begin(NULL, WWS_S_ASYNC);
    ask(&request, ENVELOPE(ADD));

    callbacks.queue.id = 1;
    assert_int_equal(wwi_operation_register_for_cancel(script.last,
        &callbacks, NULL), WWS_E_INVALIDARG);
    callbacks.cancelled = NULL;
    assert_int_equal(wwi_operation_register_for_cancel(script.last,
        &callbacks, NULL), WWS_E_HANDLE);
    callbacks.queue.id = 0;
    assert_int_equal(wwi_operation_register_for_cancel(script.last,
        &callbacks, NULL), WWS_E_INVALIDARG);

    /* None of them counts as the first. */
    (void) register_and_wait(script.last);
    complete_last();
    assert_int_equal(script.freed, 1);
    end();
}

static void registration__of_one_cancelled_calls_inside__g105(void **state)
{
    struct request request;

    (void) state;
    begin(NULL, WWS_S_ASYNC);
    ask(&request, ENVELOPE(ADD));
    leave(&request);

    (void) register_and_wait(script.last);

    assert_int_equal(script.cancelled, 1);
    assert_int_equal(script.reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    assert_int_equal(script.freed, 0);
    complete_last();
    assert_int_equal(script.freed, 1);
    end();
}

static void cancel__is_told_once_whatever_happens__g106_d27(void **state)
{
    struct request request;

    (void) state;
    begin(register_and_wait, 0);
    ask(&request, ENVELOPE(ADD));

    leave(&request);
    await(&script.cancelled);
    assert_int_equal(wwi_service_host_abort(host), WWS_S_OK);
    complete_last();
    assert_int_equal(close_host(), WWS_S_OK);

    assert_int_equal(script.cancelled, 1);
    assert_int_equal(script.reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    assert_int_equal(request.answer, DROPPED);
    end();
}

static void cancel__by_abort_says_so__g107_g120_d27(void **state)
{
    struct request request;

    (void) state;
    begin(register_and_wait, 0);
    ask(&request, ENVELOPE(ADD));

    /* The transport says that the client is gone before the host can. */
    assert_int_equal(wwi_service_host_abort(host), WWS_S_OK);
    await(&script.cancelled);

    assert_int_equal(script.reason, WWS_CANCEL_REASON_HOST_ABORTED);
    complete_last();
    end();
}

static void *call_serve_thread(void *state)
{
    ask(state, ENVELOPE(ADD));
    return NULL;
}

static wws_status register_and_block(struct wwi_operation *operation)
{
    (void) register_and_wait(operation);
    set_flag(&script.entered);
    await(&script.cancelled);
    return WWS_S_OK;
}

static void cancel__reaches_synchronous_operations__g108_g117(void **state)
{
    struct request request;
    pthread_t thread;

    (void) state;
    begin(register_and_block, 0);
    pthread_create(&thread, NULL, call_serve_thread, &request);
    await(&script.entered);

    leave(&request);
    pthread_join(thread, NULL);
    assert_int_equal(close_host(), WWS_S_OK);

    assert_int_equal(script.cancelled, 1);
    assert_int_equal(script.freed, 1);
    assert_int_equal(request.answers, 1);
    end();
}

static void state__is_freed_without_cancellation__g111(void **state)
{
    struct request request;

    (void) state;
    begin(register_and_wait, 0);
    ask(&request, ENVELOPE(ADD));
    assert_int_equal(script.freed, 0);

    complete_last();

    assert_int_equal(script.freed, 1);
    assert_int_equal(script.cancelled, 0);
    end();
}

static void state__is_freed_after_the_cancel_callback__g113(void **state)
{
    struct request request;

    (void) state;
    begin(register_and_wait, 0);
    script.blocks = true;
    ask(&request, ENVELOPE(ADD));
    leave(&request);
    await(&script.entered);

    complete_last();
    assert_int_equal(flag_of(&script.freed), 0);
    set_flag(&script.leave);
    await(&script.freed);

    assert_int_equal(script.cancelled_before_free, 1);
    assert_int_equal(close_host(), WWS_S_OK);
    assert_int_equal(script.freed, 1);
    end();
}

static void cancel__never_comes_after_completion__g114(void **state)
{
    struct request request;

    (void) state;
    begin(register_and_wait, 0);
    ask(&request, ENVELOPE(ADD));
    complete_last();

    wwi_operation_cancel(script.last, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    assert_int_equal(close_host(), WWS_S_OK);

    assert_int_equal(script.cancelled, 0);
    assert_int_equal(script.freed, 1);
    end();
}

#ifdef WWS_DEBUG

static void complete_before_it_is_told(enum wwi_gate gate)
{
    if (gate != WWI_GATE_OPERATION_TELLS)
        return;
    wwi_gate_watch(NULL);
    complete_last();
}

/* Neither where that was decided, but has not been told. */
static void cancel__never_comes_after_completion_just_before__g114(
    void **state)
{
    struct request request;

    (void) state;
    begin(register_and_wait, 0);
    ask(&request, ENVELOPE(ADD));

    wwi_gate_watch(complete_before_it_is_told);
    leave(&request);
    await(&script.freed);

    assert_int_equal(close_host(), WWS_S_OK);
    assert_int_equal(flag_of(&script.cancelled), 0);
    assert_int_equal(request.answers, 1);
    wwi_gate_watch(NULL);
    end();
}

#endif

static void cancel__may_complete_the_operation__g119(void **state)
{
    struct request request;

    (void) state;
    begin(register_and_wait, 0);
    script.completes = true;
    ask(&request, ENVELOPE(ADD));

    leave(&request);
    await(&script.freed);
    assert_int_equal(close_host(), WWS_S_OK);

    assert_int_equal(script.cancelled_before_free, 1);
    assert_int_equal(request.answers, 1);
    end();
}

static void *leave_thread(void *state)
{
    leave(state);
    return NULL;
}

static void *abort_thread(void *state)
{
    (void) state;
    (void) wwi_service_host_abort(host);
    return NULL;
}

static void operation__ends_once_in_every_race(void **state)
{
    (void) state;
    for (int i = 0; i < 200; i++) {
        struct request request;
        pthread_t threads[2];

        begin(i % 2 == 0 ? register_and_wait : NULL, WWS_S_ASYNC);
        ask(&request, ENVELOPE(ADD));
        pthread_create(&threads[0], NULL, leave_thread, &request);
        pthread_create(&threads[1], NULL, abort_thread, NULL);
        if (i % 2 != 0)
            (void) register_and_wait(script.last);
        complete_last();
        pthread_join(threads[0], NULL);
        pthread_join(threads[1], NULL);
        assert_int_equal(close_host(), WWS_S_OK);

        assert_int_equal(request.answers, 1);
        assert_true(script.cancelled <= 1);
        assert_int_equal(script.freed, 1);
        end();
    }
}

static bool abort_when_read(
    const void *fields,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    (void) fields;
    (void) index;
    (void) name;
    (void) value;
    assert_int_equal(wwi_service_host_abort(host), WWS_S_OK);
    return false;
}

static void request__that_an_abort_overtakes_is_dropped(void **state)
{
    struct request request;

    (void) state;
    begin(NULL, WWS_S_OK);
    prepare(&request, ENVELOPE(ADD));
    request.incoming.fields.next = abort_when_read;

    send_prepared(fake_servers[0], &request);

    assert_int_equal(request.answer, DROPPED);
    assert_int_equal(script.served, 0);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void runtime__that_ends_aborts_the_host(void **state)
{
    struct request request;

    (void) state;
    begin(register_and_wait, 0);
    script.completes = true;
    ask(&request, ENVELOPE(ADD));

    wwi_runtime_abort_members(runtime);
    await(&script.freed);

    assert_int_equal(close_host(), WWS_S_OK);
    assert_int_equal(script.reason, WWS_CANCEL_REASON_HOST_ABORTED);
    end();
}

/* Queues */

static struct wwi_queue *queue;
static wws_queue queue_handle;

static void begin_queue(void)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    script = (struct script) { 0 };
    create_host(NULL);
    assert_int_equal(wwi_queue_create(runtime, &queue_handle, NULL), 0);
    assert_int_equal(wwi_table_get(queue_handle.id, WWI_KIND_QUEUE, &queue),
        0);
    callbacks.queue = queue_handle;
    callbacks.state = &script;
    add_endpoint(endpoint, callbacks);
    open_host();
}

static void end_queue(void)
{
    (void) wwi_queue_free(queue);
    wwi_queue_unref(queue);
    end();
}

static uint32_t fetch(wws_event *event)
{
    uint32_t count;

    *event = (wws_event) WWS_EVENT_INIT;
    assert_int_equal(wwi_queue_next(queue, 1, event, &count, NULL), 0);
    return count;
}

static void fetch_operation(void)
{
    wws_event event;

    assert_int_equal(fetch(&event), 1);
    assert_int_equal(event.kind, WWS_EVENT_KIND_OPERATION);
    assert_ptr_equal(event.state, &script);
    script.last = hold_operation(event.operation);
}

static void queue__brings_operations_and_their_cancellation(void **state)
{
    wws_cancel_callbacks callbacks = callbacks_to_cancel();
    struct request request;
    wws_event event;

    (void) state;
    begin_queue();
    ask(&request, ENVELOPE(ADD));
    fetch_operation();
    callbacks.cancelled = NULL;
    callbacks.queue = queue_handle;
    leave(&request);
    assert_int_equal(fetch(&event), 0);

    assert_int_equal(wwi_operation_register_for_cancel(script.last,
        &callbacks, NULL), WWS_S_OK);

    assert_int_equal(fetch(&event), 1);
    assert_int_equal(event.kind, WWS_EVENT_KIND_CANCELLED);
    assert_int_equal(event.reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    assert_ptr_equal(event.state, &script.value);
    assert_true(event.operation.id == script.last->object.id);
    complete_last();
    assert_int_equal(script.freed, 1);
    end_queue();
}

static void queue__cancellation_fetched_late_has_no_state(void **state)
{
    wws_cancel_callbacks callbacks = callbacks_to_cancel();
    struct request request;
    wws_event event;

    (void) state;
    begin_queue();
    ask(&request, ENVELOPE(ADD));
    fetch_operation();
    callbacks.cancelled = NULL;
    callbacks.queue = queue_handle;
    leave(&request);
    assert_int_equal(wwi_operation_register_for_cancel(script.last,
        &callbacks, NULL), WWS_S_OK);
    complete_last();
    assert_int_equal(script.freed, 1);

    assert_int_equal(fetch(&event), 1);

    assert_int_equal(event.kind, WWS_EVENT_KIND_CANCELLED);
    assert_null(event.state);
    end_queue();
}

static void queue__freed_with_a_cancellation_forgets_it(void **state)
{
    wws_cancel_callbacks callbacks = callbacks_to_cancel();
    struct request request;

    (void) state;
    begin_queue();
    ask(&request, ENVELOPE(ADD));
    fetch_operation();
    callbacks.cancelled = NULL;
    callbacks.queue = queue_handle;
    leave(&request);
    assert_int_equal(wwi_operation_register_for_cancel(script.last,
        &callbacks, NULL), WWS_S_OK);
    assert_int_equal(wwi_operation_register_for_cancel(script.last,
        &callbacks, NULL), WWS_E_INVALID_OPERATION);

    assert_int_equal(wwi_queue_free(queue), WWS_S_OK);

    assert_int_equal(script.freed, 0);
    complete_last();
    assert_int_equal(script.freed, 1);
    end_queue();
}

static void abort_now(struct request *request)
{
    (void) request;
    assert_int_equal(wwi_service_host_abort(host), WWS_S_OK);
}

static void queue__takes_no_part_when_an_abort_comes_first(void **state)
{
    struct request request;

    (void) state;
    begin_queue();
    fake_watching = abort_now;

    ask(&request, ENVELOPE(ADD));

    assert_int_equal(request.answer, DROPPED);
    assert_int_equal(close_host(), WWS_S_OK);
    end_queue();
}

static void queue__freed_answers_what_is_in_it(void **state)
{
    struct request request;

    (void) state;
    begin_queue();
    ask(&request, ENVELOPE(ADD));
    assert_int_equal(request.answer, NONE);

    assert_int_equal(wwi_queue_free(queue), WWS_S_OK);

    assert_int_equal(request.answer, REPLIED);
    assert_true(request.fault);
    ask(&request, ENVELOPE(ADD));
    assert_true(request.fault);
    assert_int_equal(close_host(), WWS_S_OK);
    end_queue();
}

static void queue__that_nobody_reads_does_not_hold_an_abort_up(void **state)
{
    struct wwi_operation *operation;
    struct request request;
    wws_event event;

    (void) state;
    begin_queue();
    ask(&request, ENVELOPE(ADD));

    assert_int_equal(wwi_service_host_abort(host), WWS_S_OK);
    assert_int_equal(close_host(), WWS_S_OK);

    assert_int_equal(request.answer, DROPPED);
    assert_int_equal(fetch(&event), 1);
    assert_int_equal(wwi_table_get(event.operation.id, WWI_KIND_OPERATION,
        &operation), WWS_E_HANDLE);
    end_queue();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registration__is_refused_after_completion__g101),
        cmocka_unit_test(registration__second_one_is_refused__g102_g112),
        cmocka_unit_test(registration__wants_one_of_queue_and_callback__g103),
        cmocka_unit_test(registration__of_one_cancelled_calls_inside__g105),
        cmocka_unit_test(cancel__is_told_once_whatever_happens__g106_d27),
        cmocka_unit_test(cancel__by_abort_says_so__g107_g120_d27),
        cmocka_unit_test(cancel__reaches_synchronous_operations__g108_g117),
        cmocka_unit_test(state__is_freed_without_cancellation__g111),
        cmocka_unit_test(state__is_freed_after_the_cancel_callback__g113),
        cmocka_unit_test(cancel__never_comes_after_completion__g114),
#ifdef WWS_DEBUG
        cmocka_unit_test(
            cancel__never_comes_after_completion_just_before__g114),
#endif
        cmocka_unit_test(cancel__may_complete_the_operation__g119),
        cmocka_unit_test(operation__ends_once_in_every_race),
        cmocka_unit_test(request__that_an_abort_overtakes_is_dropped),
        cmocka_unit_test(runtime__that_ends_aborts_the_host),
        cmocka_unit_test(queue__brings_operations_and_their_cancellation),
        cmocka_unit_test(queue__cancellation_fetched_late_has_no_state),
        cmocka_unit_test(queue__freed_with_a_cancellation_forgets_it),
        cmocka_unit_test(queue__takes_no_part_when_an_abort_comes_first),
        cmocka_unit_test(queue__freed_answers_what_is_in_it),
        cmocka_unit_test(queue__that_nobody_reads_does_not_hold_an_abort_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
