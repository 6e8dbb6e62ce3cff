/* Service hosts: every cell of the table of states, and what open, abort, close
 * and free promise while operations run. */
#include "fake.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/base/gate.h"

enum { MANY = 100 };

static struct {
    wws_status result;
    int served;
    int entered;
    int leave;
    int cancelled;
    int endpoint_freed;
    int completed;
    wws_status status;
    wws_cancel_reason reason;
    struct wwi_operation *last; /* with a reference */
    wws_status inside;
} seen;

static wws_service_host_state host_state(void)
{
    wws_service_host_state now;

    assert_int_equal(wwi_service_host_get_state(host, &now, NULL), WWS_S_OK);
    return now;
}

static enum answer answer_of(struct request *request)
{
    enum answer answer;

    pthread_mutex_lock(&fake_lock);
    answer = request->answer;
    pthread_mutex_unlock(&fake_lock);
    return answer;
}

static void count_freed(void *state)
{
    set_flag(state);
}

static void cancelled(wws_cancel_reason reason, void *state)
{
    (void) state;
    pthread_mutex_lock(&fake_lock);
    seen.reason = reason;
    seen.cancelled++;
    changed();
}

static void register_operation(struct wwi_operation *operation)
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.cancelled = cancelled;
    assert_int_equal(wwi_operation_register_for_cancel(operation, &callbacks,
        NULL), WWS_S_OK);
}

static wws_status serve(wws_operation handle, void *state)
{
    (void) state;
    if (seen.last != NULL)
        wwi_object_unref(&seen.last->object);
    seen.last = hold_operation(handle);
    register_operation(seen.last);
    set_flag(&seen.served);
    return seen.result;
}

static wws_operation_callbacks callbacks_of(
    wws_status (*function)(wws_operation operation, void *state))
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;

    callbacks.serve = function;
    callbacks.state = &seen.endpoint_freed;
    callbacks.free_state = count_freed;
    return callbacks;
}

static void add(
    wws_callback_model model,
    wws_status (*function)(wws_operation operation, void *state))
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    endpoint.callback_model = model;
    add_endpoint(endpoint, callbacks_of(function));
}

static void begin(wws_status result)
{
    memset(&seen, 0, sizeof seen);
    seen.result = result;
    create_host(NULL);
    add(WWS_CALLBACK_MODEL_SHORT, serve);
}

static void end(void)
{
    if (seen.last != NULL)
        wwi_object_unref(&seen.last->object);
    seen.last = NULL;
    free_host();
}

static void ask(struct request *request)
{
    send_to(fake_servers[0], request, ENVELOPE(ADD));
}

static void complete_last(void)
{
    assert_int_equal(wwi_operation_complete(seen.last, WWS_S_OK, NULL),
        WWS_S_OK);
}

static void completed(wws_status status, void *state)
{
    (void) state;
    seen.status = status;
    set_flag(&seen.completed);
}

static wws_completion completion(void)
{
    wws_completion callbacks = WWS_COMPLETION_INIT;

    callbacks.completed = completed;
    return callbacks;
}

static wws_status close_later(void)
{
    wws_completion callbacks = completion();

    return wwi_service_host_close(host, &callbacks, NULL);
}

/* States.  One that is closing has an operation which does not end. */

static struct request pending;

static void reach(wws_service_host_state state)
{
    begin(WWS_S_ASYNC);
    if (state == WWS_SERVICE_HOST_STATE_CREATED)
        return;
    open_host();
    if (state == WWS_SERVICE_HOST_STATE_OPEN)
        return;
    if (state == WWS_SERVICE_HOST_STATE_CLOSING) {
        ask(&pending);
        assert_int_equal(close_later(), WWS_S_ASYNC);
    } else if (state == WWS_SERVICE_HOST_STATE_FAULTED) {
        assert_int_equal(wwi_service_host_abort(host), WWS_S_OK);
    } else {
        assert_int_equal(close_host(), WWS_S_OK);
    }
}

static wws_status do_open(void)
{
    return wwi_service_host_open(host, NULL, NULL);
}

static wws_status do_abort(void)
{
    return wwi_service_host_abort(host);
}

static wws_status do_reset(void)
{
    return wwi_service_host_reset(host, NULL);
}

static wws_status do_add(void)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;

    callbacks.serve = serve;
    endpoint.address = WWS_STR("http://127.0.0.1:0/y");
    endpoint.operations = &callbacks;
    return wwi_service_host_add_endpoint(host, &endpoint, NULL);
}

static wws_status do_get_address(void)
{
    wws_buffer address = { 0 };
    wws_status status = wwi_service_host_get_address(host, 0, &address, NULL);

    if (status >= 0)
        wwi_buffer_release(&address);
    return status;
}

enum { INV = 1, CRE, OPE, CLI, CLO, FAU };

static const wws_service_host_state states[] = {
    [CRE] = WWS_SERVICE_HOST_STATE_CREATED,
    [OPE] = WWS_SERVICE_HOST_STATE_OPEN,
    [CLI] = WWS_SERVICE_HOST_STATE_CLOSING,
    [CLO] = WWS_SERVICE_HOST_STATE_CLOSED,
    [FAU] = WWS_SERVICE_HOST_STATE_FAULTED,
};

static const struct {
    wws_status (*act)(void);
    int after[7]; /* by the state before */
} table[] = {
    { do_open,        { [CRE] = OPE, [OPE] = INV, [CLI] = INV,
                        [CLO] = INV, [FAU] = INV } },
    { do_abort,       { [CRE] = CRE, [OPE] = FAU, [CLI] = CLI,
                        [CLO] = CLO, [FAU] = FAU } },
    { close_host,     { [CRE] = CLO, [OPE] = CLO, [CLI] = INV,
                        [CLO] = CLO, [FAU] = CLO } },
    { do_reset,       { [CRE] = CRE, [OPE] = INV, [CLI] = INV,
                        [CLO] = CRE, [FAU] = INV } },
    { do_add,         { [CRE] = CRE, [OPE] = INV, [CLI] = INV,
                        [CLO] = INV, [FAU] = INV } },
    { do_get_address, { [CRE] = INV, [OPE] = OPE, [CLI] = INV,
                        [CLO] = INV, [FAU] = INV } },
};

static void host__does_in_each_state_what_the_table_says(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (int before = CRE; before <= FAU; before++) {
            int after = table[i].after[before];
            wws_status status;

            reach(states[before]);
            status = table[i].act();

            assert_int_equal(status,
                after == INV ? WWS_E_INVALID_OPERATION : WWS_S_OK);
            assert_int_equal(host_state(),
                states[after == INV ? before : after]);
            if (before == CLI) {
                complete_last();
                await(&seen.completed);
            }
            end();
        }
    }
}

static void host__is_freed_in_each_state(void **state)
{
    (void) state;
    for (int before = CRE; before <= FAU; before++) {
        reach(states[before]);

        assert_int_equal(wwi_service_host_free(host), WWS_S_OK);
        assert_int_equal(wwi_service_host_free(host), WWS_E_HANDLE);

        if (before == CLI) {
            complete_last();
            await(&seen.completed);
            assert_int_equal(seen.status, WWS_E_OPERATION_ABORTED);
            assert_int_equal(pending.answer, DROPPED);
        }
        end();
        assert_int_equal(seen.endpoint_freed, 1);
    }
}

/* Open */

static struct request early;

static void request_comes(struct wwi_server *server)
{
    if (fake_count == 1)
        send_to(server, &early, ENVELOPE(ADD));
    assert_int_equal(flag_of(&seen.served), 0);
}

static void open__serves_nobody_before_all_listen__g140(void **state)
{
    (void) state;
    begin(WWS_S_OK);
    add(WWS_CALLBACK_MODEL_SHORT, serve);
    fake_opening = request_comes;

    open_host();
    await_answer(&early);

    assert_int_equal(early.answer, REPLIED);
    assert_int_equal(seen.served, 1);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void open__that_fails_undoes_everything__g140(void **state)
{
    (void) state;
    begin(WWS_S_OK);
    add(WWS_CALLBACK_MODEL_SHORT, serve);
    fake_opening = request_comes;
    fake_good = 1;

    assert_int_equal(do_open(), WWS_E_ADDRESS_IN_USE);

    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_CREATED);
    assert_int_equal(early.answer, DROPPED);
    assert_int_equal(fake_freed, 1);
    assert_int_equal(seen.served, 0);
    fake_opening = NULL;
    fake_good = 4;
    open_host();
    end();
}

static void open__after_an_abort_fails_once__g12_g141(void **state)
{
    (void) state;
    begin(WWS_S_OK);
    assert_int_equal(do_abort(), WWS_S_OK);

    assert_int_equal(do_open(), WWS_E_OPERATION_ABORTED);
    assert_int_equal(fake_count, 0);
    assert_int_equal(do_open(), WWS_S_OK);
    end();
}

static void open__after_abort_and_reset_succeeds__d1(void **state)
{
    (void) state;
    begin(WWS_S_OK);
    assert_int_equal(do_abort(), WWS_S_OK);
    assert_int_equal(do_reset(), WWS_S_OK);

    assert_int_equal(do_open(), WWS_S_OK);
    end();
}

static void abort_now(struct wwi_server *server)
{
    (void) server;
    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_OPENING);
    assert_int_equal(do_open(), WWS_E_INVALID_OPERATION);
    assert_int_equal(close_host(), WWS_E_INVALID_OPERATION);
    assert_int_equal(do_abort(), WWS_S_OK);
    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_CREATED);
    assert_int_equal(do_get_address(), WWS_E_INVALID_OPERATION);
}

static void open__that_is_aborted_ends_so__g13_g141(void **state)
{
    (void) state;
    begin(WWS_S_OK);
    fake_opening = abort_now;

    assert_int_equal(do_open(), WWS_E_OPERATION_ABORTED);

    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_CREATED);
    assert_int_equal(fake_freed, 1);
    fake_opening = NULL;
    assert_int_equal(do_open(), WWS_S_OK);
    end();
}

/* Endpoints that are added meanwhile are for the next open. */
static void abort_and_add(struct wwi_server *server)
{
    abort_now(server);
    add(WWS_CALLBACK_MODEL_SHORT, serve);
}

static void open__that_is_aborted_listens_nowhere_else__g13(void **state)
{
    (void) state;
    begin(WWS_S_OK);
    add(WWS_CALLBACK_MODEL_SHORT, serve);
    fake_opening = abort_and_add;

    assert_int_equal(do_open(), WWS_E_OPERATION_ABORTED);

    assert_int_equal(fake_count, 1);
    fake_opening = NULL;
    assert_int_equal(do_open(), WWS_S_OK);
    assert_int_equal(fake_count, 4);
    end();
}

static void abort_and_close(struct wwi_server *server)
{
    abort_now(server);
    assert_int_equal(close_host(), WWS_S_OK);
}

static void open__that_is_aborted_may_be_followed_by_close__l7(void **state)
{
    (void) state;
    begin(WWS_S_OK);
    fake_opening = abort_and_close;

    assert_int_equal(do_open(), WWS_E_OPERATION_ABORTED);

    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_CLOSED);
    assert_int_equal(fake_freed, 1);
    end();
}

static struct request overtaken;

/* The server of the open that was overtaken still listens. */
static void abort_and_open(struct wwi_server *server)
{
    send_to(server, &early, ENVELOPE(ADD));
    abort_now(server);
    fake_opening = NULL;
    assert_int_equal(do_open(), WWS_S_OK);
    send_to(server, &overtaken, ENVELOPE(ADD));
}

static void open__may_overtake_one_that_was_aborted__g13_l7(void **state)
{
    struct request request;

    (void) state;
    begin(WWS_S_OK);
    fake_opening = abort_and_open;

    assert_int_equal(do_open(), WWS_E_OPERATION_ABORTED);

    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_OPEN);
    assert_int_equal(fake_freed, 1);
    assert_int_equal(early.answer, DROPPED);
    assert_int_equal(overtaken.answer, DROPPED);
    assert_int_equal(seen.served, 0);
    send_to(fake_servers[1], &request, ENVELOPE(ADD));
    await_answer(&request);
    assert_int_equal(request.answer, REPLIED);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static struct {
    pthread_t thread;
    wws_status status;
    int inside;
    int leave;
} second;

static void hold_open(struct wwi_server *server)
{
    (void) server;
    set_flag(&second.inside);
    await(&second.leave);
}

static void *open_second(void *state)
{
    second.status = do_open();
    return state;
}

static void abort_and_begin(struct wwi_server *server)
{
    abort_now(server);
    fake_opening = hold_open;
    assert_int_equal(pthread_create(&second.thread, NULL, open_second, NULL),
        0);
    await(&second.inside);
}

static void open__that_was_aborted_leaves_the_next_one_alone__l7(void **state)
{
    (void) state;
    memset(&second, 0, sizeof second);
    begin(WWS_S_OK);
    fake_opening = abort_and_begin;

    assert_int_equal(do_open(), WWS_E_OPERATION_ABORTED);

    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_OPENING);
    set_flag(&second.leave);
    pthread_join(second.thread, NULL);
    assert_int_equal(second.status, WWS_S_OK);
    assert_int_equal(host_state(), WWS_SERVICE_HOST_STATE_OPEN);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void open__takes_a_completion_and_never_uses_it(void **state)
{
    wws_completion callbacks = completion();

    (void) state;
    begin(WWS_S_OK);
    callbacks.completed = NULL;
    assert_int_equal(wwi_service_host_open(host, &callbacks, NULL),
        WWS_E_INVALIDARG);
    callbacks.completed = completed;

    assert_int_equal(wwi_service_host_open(host, &callbacks, NULL), WWS_S_OK);

    end();
    assert_int_equal(seen.completed, 0);
}

static void host__can_be_opened_again_after_a_reset__h6(void **state)
{
    struct request request;

    (void) state;
    begin(WWS_S_OK);
    for (int i = 0; i < 3; i++) {
        fake_count = 0;
        open_host();
        ask(&request);
        assert_int_equal(request.answer, REPLIED);
        if (i == 1)
            assert_int_equal(do_abort(), WWS_S_OK);
        assert_int_equal(close_host(), WWS_S_OK);
        assert_int_equal(do_reset(), WWS_S_OK);
    }
    end();
    assert_int_equal(seen.endpoint_freed, 1);
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

struct turn {
    struct wwi_post post;
    int over;
};

static void turn_over(struct wwi_work *work)
{
    set_flag(&WWI_CONTAINER(work, struct turn, post.work)->over);
}

/* Waits until the loop is through with what it does. */
static void await_turn(void)
{
    struct turn turn = { .over = 0 };

    wwi_post_init(&turn.post, turn_over);
    (void) wwi_loop_post(wwi_runtime_loop(runtime), &turn.post);
    await(&turn.over);
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
    await_turn();

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

/* Each step either works or says that memory is used up. */
static bool use_host_without_memory(uint64_t n)
{
    wws_service_host_options options = WWS_SERVICE_HOST_OPTIONS_INIT;
    wws_service_host handle;
    struct wwi_service_host *other;
    wws_status status;

    wwi_memory_fail(n, 0);
    status = wwi_service_host_create(runtime, &options, &handle, NULL);
    if (status >= 0) {
        assert_int_equal(wwi_table_get(handle.id, WWI_KIND_SERVICE_HOST,
            &other), WWS_S_OK);
        wwi_object_unref(&host->object);
        assert_int_equal(wwi_service_host_free(host), WWS_S_OK);
        host = other;
        status = do_add();
    }
    if (status >= 0)
        status = do_open();
    if (status >= 0)
        status = close_host();
    wwi_memory_fail(0, 0);
    assert_true(status == WWS_S_OK || status == WWS_E_OUTOFMEMORY);
    return status == WWS_S_OK;
}

static void host__survives_that_memory_fails(void **state)
{
    uint64_t n = 1;

    (void) state;
    begin(WWS_S_OK);
    while (!use_host_without_memory(n)) {
        fake_count = 0;
        n++;
    }
    assert_true(n > 4);
    end();
}

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

static void endpoint__is_checked_before_it_is_taken(void **state)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    wws_operation_callbacks callbacks = callbacks_of(NULL);

    (void) state;
    begin(WWS_S_OK);
    endpoint.address = WWS_STR("http://127.0.0.1:0/x");
    endpoint.operations = &callbacks;

    assert_int_equal(wwi_service_host_add_endpoint(host, &endpoint, NULL),
        WWS_E_INVALIDARG);
    callbacks.queue.id = 1;
    assert_int_equal(wwi_service_host_add_endpoint(host, &endpoint, NULL),
        WWS_E_HANDLE);
    callbacks.serve = serve;
    assert_int_equal(wwi_service_host_add_endpoint(host, &endpoint, NULL),
        WWS_E_INVALIDARG);

    end();
    assert_int_equal(seen.endpoint_freed, 1);
}

/* Over HTTP */

static void open_http(void)
{
    begin(WWS_S_ASYNC);
    chosen = &wwi_http;
    add(WWS_CALLBACK_MODEL_LONG, serve);
    open_host();
}

static uint16_t port_of(uint32_t index)
{
    wws_buffer address = { 0 };
    char text[100];
    char *colon;

    assert_int_equal(wwi_service_host_get_address(host, index, &address,
        NULL), WWS_S_OK);
    assert_true(address.size < sizeof text);
    memcpy(text, address.data, address.size);
    text[address.size] = '\0';
    wwi_buffer_release(&address);
    colon = strrchr(text, ':');
    return (uint16_t) atoi(colon + 1);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    /* A host that has just been stopped refuses, and sending then fails. */
    (void) connect(fd, (struct sockaddr *) &to, sizeof to);
    return fd;
}

static int post_to(uint16_t port)
{
    static const char body[] = ENVELOPE(ADD);
    char request[2048];
    int fd = connect_to(port);
    int size = snprintf(request, sizeof request, "POST /x HTTP/1.1\r\n"
        "Host: 127.0.0.1:%u\r\nContent-Type: application/soap+xml; "
        "charset=utf-8\r\nContent-Length: %zu\r\n\r\n%s", (unsigned) port,
        sizeof body - 1, body);

    (void) send(fd, request, (size_t) size, MSG_NOSIGNAL);
    return fd;
}

/* Reads until the text comes, or the end; a reset gives false. */
static bool read_until(int fd, const char *text)
{
    static char answer[65536];
    size_t size = 0;
    ssize_t count;

    answer[0] = '\0';
    while (strstr(answer, text) == NULL) {
        count = recv(fd, answer + size, sizeof answer - size - 1, 0);
        if (count <= 0)
            return false;
        size += (size_t) count;
        answer[size] = '\0';
    }
    return true;
}

static ssize_t read_some(int fd)
{
    char some[64];

    return recv(fd, some, sizeof some, 0);
}

static void http__request_is_served(void **state)
{
    int fd;

    (void) state;
    open_http();
    fd = post_to(port_of(1));
    await(&seen.served);

    complete_last();

    assert_true(read_until(fd, "urn:addResponse"));
    close(fd);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void http__client_that_goes_away_cancels__g118(void **state)
{
    int fd;

    (void) state;
    open_http();
    fd = post_to(port_of(1));
    await(&seen.served);

    close(fd);
    await(&seen.cancelled);

    assert_int_equal(seen.reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    complete_last();
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void http__abort_resets_the_connection__g122(void **state)
{
    uint16_t port;
    int fd;

    (void) state;
    open_http();
    port = port_of(1);
    fd = post_to(port);
    await(&seen.served);

    assert_int_equal(do_abort(), WWS_S_OK);

    assert_false(read_until(fd, "urn:addResponse"));
    close(fd);
    await(&seen.cancelled);
    assert_int_equal(seen.reason, WWS_CANCEL_REASON_HOST_ABORTED);
    complete_last();
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

/* A client that asks, and then leaves or does not read the answer. */
static void *hurry(void *state)
{
    uint16_t port = *(const uint16_t *) state;

    for (int i = 0; i < 3; i++) {
        int fd = post_to(port);

        if (i == 1)
            (void) read_some(fd);
        close(fd);
    }
    return NULL;
}

static wws_status serve_hurry(wws_operation handle, void *state)
{
    struct wwi_operation *operation = hold_operation(handle);
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.cancelled = cancelled;
    callbacks.state = &seen.leave;
    callbacks.free_state = count_freed;
    assert_int_equal(wwi_operation_register_for_cancel(operation, &callbacks,
        NULL), WWS_S_OK);
    set_flag(&seen.served);
    wwi_object_unref(&operation->object);
    (void) state;
    return WWS_S_OK;
}

static void http__host_is_aborted_and_opened_under_fire(void **state)
{
    pthread_t threads[4];
    uint16_t port;

    (void) state;
    memset(&seen, 0, sizeof seen);
    create_host(NULL);
    chosen = &wwi_http;
    add(WWS_CALLBACK_MODEL_LONG, serve_hurry);
    for (int round = 0; round < 20; round++) {
        int served = flag_of(&seen.served);

        open_host();
        port = port_of(0);
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], NULL, hurry, &port);
        while (flag_of(&seen.served) == served)
            sched_yield();
        if (round % 2 == 0)
            assert_int_equal(do_abort(), WWS_S_OK);
        assert_int_equal(close_host(), WWS_S_OK);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);

        assert_int_equal(seen.leave, seen.served);
        assert_true(seen.cancelled <= seen.served);
        assert_int_equal(do_reset(), WWS_S_OK);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host__does_in_each_state_what_the_table_says),
        cmocka_unit_test(host__is_freed_in_each_state),
        cmocka_unit_test(open__serves_nobody_before_all_listen__g140),
        cmocka_unit_test(open__that_fails_undoes_everything__g140),
        cmocka_unit_test(open__after_an_abort_fails_once__g12_g141),
        cmocka_unit_test(open__after_abort_and_reset_succeeds__d1),
        cmocka_unit_test(open__that_is_aborted_ends_so__g13_g141),
        cmocka_unit_test(open__that_is_aborted_listens_nowhere_else__g13),
        cmocka_unit_test(open__that_is_aborted_may_be_followed_by_close__l7),
        cmocka_unit_test(open__may_overtake_one_that_was_aborted__g13_l7),
        cmocka_unit_test(open__that_was_aborted_leaves_the_next_one_alone__l7),
        cmocka_unit_test(open__takes_a_completion_and_never_uses_it),
        cmocka_unit_test(host__can_be_opened_again_after_a_reset__h6),
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
        cmocka_unit_test(host__survives_that_memory_fails),
        cmocka_unit_test(close__blocks_until_a_callback_has_returned__g127),
        cmocka_unit_test(close__inside_an_operation_must_not_wait__g146_d34),
        cmocka_unit_test(close__ends_at_once_when_no_thread_is_left__g16),
        cmocka_unit_test(close__can_be_heard_of_through_a_queue),
        cmocka_unit_test(free__leaves_operations_their_host__d12),
        cmocka_unit_test(endpoint__is_checked_before_it_is_taken),
        cmocka_unit_test(http__request_is_served),
        cmocka_unit_test(http__client_that_goes_away_cancels__g118),
        cmocka_unit_test(http__abort_resets_the_connection__g122),
        cmocka_unit_test(http__host_is_aborted_and_opened_under_fire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
