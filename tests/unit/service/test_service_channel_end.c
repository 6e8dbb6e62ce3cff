/* How a session that a host serves ends, and what becomes of its operations. */
#include "serving_sessions.h"

static void channel__ends_its_session_after_the_client(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_OK);
    connect_here(&line);

    end_in_order(&line);
}

static void channel__still_answers_after_an_orderly_end__d28(void **state)
{
    struct line line;

    (void) state;
    begin(2, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    say(&line, MESSAGE(2));
    hang_up(&line);
    await_count(&seen.served, 2);
    await_loop(&line);
    complete(1);
    assert_int_equal(flag_of(&line.shut), 0);

    complete(0);
    await(&line.released);

    assert_int_equal(flag_of(&seen.cancelled), 0);
    assert_heard(&line, 0, ">urn:2<");
    assert_heard(&line, 1, ">urn:1<");
    end_in_order(&line);
}

static void channel__that_fails_cancels_without_reading_on__g118(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    say(&line, MESSAGE(2));
    await(&seen.served);

    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    await(&seen.cancelled);

    assert_int_equal(seen.ops[0].reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    await(&line.released);
    assert_int_equal(line.taken, 1);
    assert_int_equal(line.shut, 0);
    complete(0);
    await(&seen.ops[0].freed);
    assert_int_equal(line.heard_count, 0);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void channel__may_fail_after_an_orderly_end(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    hang_up(&line);
    await(&seen.served);
    await_loop(&line);

    break_line(&line, WWS_E_INVALID_FORMAT);
    await(&seen.cancelled);

    assert_int_equal(seen.ops[0].reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    await(&line.released);
    complete(0);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

/* Beside it another session, and an endpoint without sessions. */
static void channel__that_fails_leaves_its_neighbours_alone__g145(void **state)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    struct request request;
    struct line broken, line;

    (void) state;
    begin_with(endpoint, NULL, WWS_S_ASYNC);
    chosen = &fake;
    callbacks.serve = serve;
    endpoint.callback_model = WWS_CALLBACK_MODEL_SHORT;
    add_endpoint(endpoint, callbacks);
    open_host();
    connect_here(&broken);
    say(&broken, MESSAGE(1));
    await(&seen.served);
    connect_here(&line);
    say(&line, MESSAGE(2));
    await_count(&seen.served, 2);
    send_to(fake_servers[1], &request, ENVELOPE(ADD));

    break_line(&broken, WWS_E_ENDPOINT_DISCONNECTED);
    await(&broken.released);

    await(&seen.cancelled);
    assert_int_equal(seen.ops[0].cancelled, 1);
    complete(1);
    complete(2);
    await_answer(&request);
    assert_int_equal(request.answer, REPLIED);
    assert_heard(&line, 0, ">urn:2<");
    assert_int_equal(seen.cancelled, 1);
    complete(0);
    end_in_order(&line);
}

static void channel__whose_answer_finds_no_memory_fails(void **state)
{
    struct line line;

    (void) state;
    begin(2, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    say(&line, MESSAGE(2));
    await_count(&seen.served, 2);
    pthread_mutex_lock(&fake_lock);
    line.deaf = true;
    pthread_mutex_unlock(&fake_lock);

    complete(0);
    await(&seen.cancelled);

    assert_int_equal(seen.ops[1].reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    await(&line.released);
    assert_int_equal(line.aborts, 1);
    complete(1);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void channel__with_a_dropped_request_fails_for_the_others(void **state)
{
    struct line line;

    (void) state;
    begin(2, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    await(&seen.served);
    seen.steals = true;
    say(&line, MESSAGE(2));
    await_count(&seen.served, 2);
    complete(1);

    seen.ops[1].stolen->calls->drop(seen.ops[1].stolen);
    await(&seen.cancelled);

    assert_int_equal(seen.ops[0].reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    await(&line.released);
    complete(0);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void *abort_thread(void *state)
{
    (void) state;
    (void) wwi_service_host_abort(host);
    return NULL;
}

static void *hang_up_thread(void *state)
{
    hang_up(state);
    return NULL;
}

static void *complete_thread(void *state)
{
    (void) state;
    complete(0);
    return NULL;
}

static void channel__ends_once_in_every_race(void **state)
{
    void *(*const enders[])(void *state) = {
        break_thread, hang_up_thread, abort_thread };

    (void) state;
    for (int i = 0; i < 300; i++) {
        struct line line;
        pthread_t threads[2];

        begin(2, WWS_S_ASYNC);
        connect_here(&line);
        say(&line, MESSAGE(1));
        say(&line, MESSAGE(2));
        await_count(&seen.served, 2);
        pthread_create(&threads[0], NULL, enders[i % 3], &line);
        pthread_create(&threads[1], NULL, complete_thread, NULL);
        complete(1);
        pthread_join(threads[0], NULL);
        pthread_join(threads[1], NULL);
        if (i % 3 == 2)
            assert_int_equal(close_host(), WWS_S_OK);
        await(&line.released);

        assert_true(line.heard_count <= 2);
        if (i % 3 == 1)
            assert_int_equal(line.heard_count, 2);
        assert_true(seen.ops[0].cancelled <= 1 && seen.ops[1].cancelled <= 1);
        assert_int_equal(close_host(), WWS_S_OK);
        assert_int_equal(seen.ops[0].freed + seen.ops[1].freed, 2);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channel__ends_its_session_after_the_client),
        cmocka_unit_test(channel__still_answers_after_an_orderly_end__d28),
        cmocka_unit_test(channel__that_fails_cancels_without_reading_on__g118),
        cmocka_unit_test(channel__may_fail_after_an_orderly_end),
        cmocka_unit_test(
            channel__that_fails_leaves_its_neighbours_alone__g145),
        cmocka_unit_test(channel__whose_answer_finds_no_memory_fails),
        cmocka_unit_test(channel__with_a_dropped_request_fails_for_the_others),
        cmocka_unit_test(channel__ends_once_in_every_race),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
