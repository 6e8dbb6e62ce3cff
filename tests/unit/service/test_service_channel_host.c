/* Sessions of a host that opens, closes or is aborted. */
#include "serving_sessions.h"

static void host__aborted_says_so_and_resets_its_sessions__d27(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    await(&seen.served);

    assert_int_equal(wwi_service_host_abort(host), WWS_S_OK);
    await(&seen.cancelled);
    await(&line.released);

    assert_int_equal(seen.ops[0].reason, WWS_CANCEL_REASON_HOST_ABORTED);
    close_later();
    assert_int_equal(flag_of(&seen.completed), 0);
    complete(0);
    await(&seen.completed);
    assert_int_equal(seen.cancelled, 1);
    assert_int_equal(line.heard_count, 0);
    end();
}

static void host__closing_waits_for_clients_to_end__g131_g132(void **state)
{
    struct line line, late;

    (void) state;
    begin(1, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    await(&seen.served);
    init_line(&late);

    close_later();
    complete(0);
    say(&line, MESSAGE(2));
    await_count(&line.heard_count, 2);

    assert_heard(&line, 0, ">urn:1<");
    assert_heard(&line, 1, "Fault");
    assert_int_equal(seen.served, 1);
    connect_line(&late, fake_servers[0]);
    await(&late.released);
    assert_int_equal(late.shut, 0);
    await_loop(&line);
    assert_int_equal(flag_of(&seen.completed), 0);
    hang_up(&line);
    await(&seen.completed);
    assert_int_equal(seen.status, WWS_S_OK);
    await(&line.released);
    assert_int_equal(line.shut, 1);
    end();
}

static void host__closing_too_long_resets_its_sessions__g133(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_ASYNC);
    connect_here(&line);
    await_loop(&line);
    wwi_clock_hold();
    close_later();
    wwi_clock_move(4999);
    assert_int_equal(flag_of(&seen.completed), 0);

    wwi_clock_move(1);
    await(&seen.completed);

    assert_int_equal(seen.status, WWS_E_OPERATION_TIMED_OUT);
    wwi_clock_release();
    await(&line.released);
    assert_int_equal(line.failure, WWS_E_OPERATION_ABORTED);
    end();
}

static struct line early;

static void connect_early(struct wwi_server *server)
{
    init_line(&early);
    say(&early, MESSAGE(1));
    connect_line(&early, server);
    await_count(&early.taken, 1);
    await_loop(&early);
    assert_int_equal(flag_of(&seen.served), 0);
}

static void host__serves_early_messages_when_it_is_open__g140(void **state)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    (void) state;
    begin_with(endpoint, NULL, WWS_S_OK);
    fake_opening = connect_early;

    open_host();

    await(&early.heard_count);
    assert_heard(&early, 0, ">urn:1<");
    end_in_order(&early);
}

static void connect_and_break(struct wwi_server *server)
{
    connect_early(server);
    break_line(&early, WWS_E_ENDPOINT_DISCONNECTED);
    await(&early.released);
}

static void host__tells_early_messages_that_their_client_has_gone(void **state)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    (void) state;
    begin_with(endpoint, NULL, WWS_S_OK);
    fake_opening = connect_and_break;

    open_host();

    await(&seen.cancelled);
    assert_int_equal(seen.ops[0].reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    assert_int_equal(close_host(), WWS_S_OK);
    assert_int_equal(seen.ops[0].freed, 1);
    end();
}

static void host__that_fails_to_open_resets_early_sessions(void **state)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    (void) state;
    begin_with(endpoint, NULL, WWS_S_OK);
    callbacks.serve = serve;
    add_endpoint(endpoint, callbacks);
    fake_opening = connect_early;
    fake_good = 1;

    assert_int_equal(wwi_service_host_open(host, NULL, NULL),
        WWS_E_ADDRESS_IN_USE);

    await(&early.released);
    assert_int_equal(early.heard_count, 0);
    assert_int_equal(seen.served, 0);
    end();
}

/* A session that breaks just then finds an operation which nobody fetched. */
static void host__aborted_drops_what_nobody_has_fetched(void **state)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    struct wwi_queue *queue;
    wws_queue handle;

    (void) state;
    for (int i = 0; i < 50; i++) {
        struct line line;

        memset(&seen, 0, sizeof seen);
        fake_line_count = 0;
        create_host(NULL);
        chosen = &fake_sessions;
        assert_int_equal(wwi_queue_create(runtime, &handle, NULL), WWS_S_OK);
        assert_int_equal(wwi_table_get(handle.id, WWI_KIND_QUEUE, &queue),
            WWS_S_OK);
        callbacks.queue = handle;
        add_endpoint(endpoint, callbacks);
        open_host();
        connect_here(&line);
        say(&line, MESSAGE(1));
        await(&line.taken);
        if (i % 2 == 0)
            await_loop(&line);

        break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
        assert_int_equal(wwi_service_host_abort(host), WWS_S_OK);

        assert_int_equal(close_host(), WWS_S_OK);
        assert_int_equal(wwi_queue_free(queue), WWS_S_OK);
        wwi_queue_unref(queue);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host__aborted_says_so_and_resets_its_sessions__d27),
        cmocka_unit_test(host__closing_waits_for_clients_to_end__g131_g132),
        cmocka_unit_test(host__closing_too_long_resets_its_sessions__g133),
        cmocka_unit_test(host__serves_early_messages_when_it_is_open__g140),
        cmocka_unit_test(
            host__tells_early_messages_that_their_client_has_gone),
        cmocka_unit_test(host__that_fails_to_open_resets_early_sessions),
        cmocka_unit_test(host__aborted_drops_what_nobody_has_fetched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
