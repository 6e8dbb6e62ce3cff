/* Service hosts: every cell of the table of states, and what open and endpoints
 * promise. */
#include "serving_host.h"

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
    await_answer(&early);
    assert_int_equal(early.answer, DROPPED);
    await_freed(1);
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
    await_freed(1);
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
    await_freed(1);
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
    await_answer(&early);
    assert_int_equal(early.answer, DROPPED);
    await_answer(&overtaken);
    assert_int_equal(overtaken.answer, DROPPED);
    await_freed(1);
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
        cmocka_unit_test(host__survives_that_memory_fails),
        cmocka_unit_test(endpoint__is_checked_before_it_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
