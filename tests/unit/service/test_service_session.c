/* Channels as the application knows them: it hears of the end of each that it
 * was asked to accept, and of no other, whatever goes wrong. */
#include "fake_session.h"

static struct book {
    int asked[WWS_OPERATION_KIND_CLOSE_CHANNEL + 1];
    wws_status result[WWS_OPERATION_KIND_CLOSE_CHANNEL + 1];
    uint64_t channel; /* of the last one */
    void *state;      /* that was found last */
} book;

static wws_status serve(wws_operation handle, void *state)
{
    struct wwi_operation *operation = hold_operation(handle);
    wws_operation_info info = WWS_OPERATION_INFO_INIT;

    (void) state;
    assert_int_equal(wwi_operation_get_info(operation, &info, NULL), 0);
    book.channel = info.channel;
    book.state = info.channel_state;
    if (info.kind == WWS_OPERATION_KIND_ACCEPT_CHANNEL)
        assert_int_equal(wwi_operation_set_channel_state(operation, &book,
            NULL), WWS_S_OK);
    wwi_object_unref(&operation->object);
    set_flag(&book.asked[info.kind]);
    return book.result[info.kind];
}

static int asked(wws_operation_kind kind)
{
    return flag_of(&book.asked[kind]);
}

static void begin_over(const struct wwi_transport *transport)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    book = (struct book) { .channel = 0 };
    endpoint.callback_model = WWS_CALLBACK_MODEL_SHORT;
    endpoint.channel_events = true;
    endpoint.authorizes = true;
    callbacks.serve = serve;
    create_host(NULL);
    chosen = transport;
    add_endpoint(endpoint, callbacks);
    open_host();
}

static void begin(void)
{
    begin_over(&fake);
}

static void session__is_accepted_and_its_end_is_told(void **state)
{
    struct request request;
    uint64_t last = 0;

    (void) state;
    begin();
    for (int i = 0; i < 3; i++) {
        send_to(fake_servers[0], &request, ENVELOPE(ADD));
        await_answer(&request);

        assert_int_equal(request.answer, REPLIED);
        await(&book.asked[WWS_OPERATION_KIND_CLOSE_CHANNEL]);
        assert_ptr_equal(book.state, &book);
        assert_true(book.channel > last);
        last = book.channel;
        book.asked[WWS_OPERATION_KIND_CLOSE_CHANNEL] = 0;
    }
    assert_int_equal(close_host(), WWS_S_OK);
    free_host();
}

/* Its client is cut off first. */
static void session__that_is_not_let_in_ends(void **state)
{
    struct request request;

    (void) state;
    begin();
    book.result[WWS_OPERATION_KIND_AUTHORIZE] = WWS_E_OTHER;
    send_to(fake_servers[0], &request, ENVELOPE(ADD));
    await_answer(&request);

    assert_int_equal(close_host(), WWS_S_OK);
    assert_int_equal(request.answer, DROPPED);
    assert_int_equal(asked(WWS_OPERATION_KIND_CALL), 0);
    assert_int_equal(asked(WWS_OPERATION_KIND_CLOSE_CHANNEL), 1);
    free_host();
}

static void abort_now(struct request *request)
{
    (void) request;
    (void) wwi_service_host_abort(host);
}

/* Nobody was asked to accept it, so nobody has to hear of its end. */
static void session__of_an_aborted_host_is_not_known(void **state)
{
    struct request request;

    (void) state;
    begin();
    fake_watching = abort_now;
    send_to(fake_servers[0], &request, ENVELOPE(ADD));
    await_answer(&request);

    assert_int_equal(close_host(), WWS_S_OK);
    assert_int_equal(request.answer, DROPPED);
    assert_int_equal(asked(WWS_OPERATION_KIND_ACCEPT_CHANNEL), 0);
    assert_int_equal(asked(WWS_OPERATION_KIND_CLOSE_CHANNEL), 0);
    free_host();
}

/* Whichever allocation fails, the request is answered or dropped once, and who
 * has accepted hears of the end. */
static void session__leaves_nothing_without_memory(void **state)
{
    struct request request;
    bool served = false;

    (void) state;
    for (unsigned n = 1; !served; n++) {
        begin();
        prepare(&request, ENVELOPE(ADD));
        wwi_memory_fail(n, 0);
        send_prepared(fake_servers[0], &request);
        await_answer(&request);
        wwi_memory_fail(0, 0);

        assert_int_equal(close_host(), WWS_S_OK);
        assert_int_equal(asked(WWS_OPERATION_KIND_ACCEPT_CHANNEL),
            asked(WWS_OPERATION_KIND_CLOSE_CHANNEL));
        served = request.answer == REPLIED && !request.fault;
        assert_true(n < 200);
        free_host();
    }
    assert_int_equal(asked(WWS_OPERATION_KIND_CALL), 1);
}

/* The same of one that a client opened: it is answered or aborted. */
static void session__of_a_client_leaves_nothing_without_memory(void **state)
{
    bool served = false;

    (void) state;
    for (unsigned n = 1; !served; n++) {
        struct line line;

        begin_over(&fake_sessions);
        init_line(&line);
        say(&line, ENVELOPE(ADD));
        hang_up(&line);
        fake_line_count = 0;
        wwi_memory_fail(n, 0);
        connect_line(&line, fake_servers[0]);
        await(&line.released);
        wwi_memory_fail(0, 0);

        assert_int_equal(close_host(), WWS_S_OK);
        assert_int_equal(line.misused, 0);
        assert_int_equal(asked(WWS_OPERATION_KIND_ACCEPT_CHANNEL),
            asked(WWS_OPERATION_KIND_CLOSE_CHANNEL));
        served = asked(WWS_OPERATION_KIND_CALL) != 0 && line.aborts == 0
            && strstr(line.heard[0], "Fault") == NULL;
        assert_true(n < 200);
        free_host();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session__is_accepted_and_its_end_is_told),
        cmocka_unit_test(session__that_is_not_let_in_ends),
        cmocka_unit_test(session__of_an_aborted_host_is_not_known),
        cmocka_unit_test(session__leaves_nothing_without_memory),
        cmocka_unit_test(session__of_a_client_leaves_nothing_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
