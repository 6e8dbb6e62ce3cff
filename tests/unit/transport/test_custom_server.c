/* A server over an application's own transport. */
#include "tests/support/custom_fixture.h"

#include "core/base/clock.h"
#include "core/base/memory.h"

/* Listening. */

static void server__listens_at_once_or_fails(void **state)
{
    static const struct {
        wws_status said;
        bool mute;
        wws_status heard;
        int stopped;
    } rows[] = {
        { WWS_E_ADDRESS_IN_USE, true, WWS_E_ADDRESS_IN_USE, 0 },
        { WWS_E_ADDRESS_IN_USE, false, WWS_E_ADDRESS_IN_USE, 1 },
        { WWS_S_OK, true, WWS_E_INVALID_OPERATION, 0 },
        { WWS_S_ASYNC, false, WWS_E_INVALID_OPERATION, 1 },
    };

    (void) state;
    for (int i = 0; i < 4; i++) {
        it->stage.calls[STOP] = it->stage.listeners_freed = 0;
        it->stage.answers[LISTEN] = rows[i].said;
        it->stage.mute = rows[i].mute;

        assert_int_equal(listen_staged(), rows[i].heard);

        assert_int_equal(calls_of(STOP), rows[i].stopped);
        wait_for(&it->stage.listeners_freed, rows[i].stopped);
        assert_int_equal(complete(LISTEN, WWS_S_OK), WWS_E_HANDLE);
        it->server = NULL;
    }
    assert_int_equal(calls_of(ACCEPT), 0);
}

static void server__tells_where_it_listens(void **state)
{
    struct wwi_bytes address = { 0 };

    (void) state;
    assert_int_equal(listen_staged(), WWS_S_OK);

    assert_int_equal(wwi_custom_sessions.server_address(it->server, &address),
        WWS_S_OK);

    assert_int_equal(address.size, 6);
    assert_memory_equal(address.data, "stage:", 6);
    wwi_bytes_fini(&address);
}

/* Accepting. */

static void server__accepts_one_after_the_other(void **state)
{
    struct holder *first, *second;

    (void) state;
    assert_int_equal(listen_staged(), WWS_S_OK);

    first = come();
    wait_for_call(ACCEPT, 2);
    second = come();

    assert_ptr_not_equal(first->session, second->session);
    expect_words(first->session->remote, "far");
    expect_words(first->session->via, "via");
    ask(first);
    wait_for_call(RECEIVE, 2);
    assert_int_equal(calls_of(WATCH), 2);
}

static void server__accepts_as_many_as_it_may(void **state)
{
    (void) state;
    it->server_options.max_connections = 1;
    it->stage.unwatched = true;
    assert_int_equal(listen_staged(), WWS_S_OK);
    (void) come();
    let_everything_run();
    assert_int_equal(calls_of(ACCEPT), 1);

    let_go(&it->servers[0]);

    wait_for_call(ACCEPT, 2);
}

static void server__tries_again_a_little_later(void **state)
{
    (void) state;
    wwi_clock_hold();
    it->stage.answers[ACCEPT] = WWS_E_OTHER;
    assert_int_equal(listen_staged(), WWS_S_OK);
    wait_for_call(ACCEPT, 1);
    let_everything_run();
    assert_int_equal(calls_of(ACCEPT), 1);
    lock_it();
    it->stage.answers[ACCEPT] = WWS_S_ASYNC;
    unlock_it();

    wwi_clock_move(101);

    wait_for_call(ACCEPT, 2);
    assert_int_equal(value_of(&it->connected), 0);
}

static void session__that_nobody_takes_is_aborted(void **state)
{
    (void) state;
    it->refuses = true;
    it->stage.unwatched = true;
    assert_int_equal(listen_staged(), WWS_S_OK);

    (void) come();

    wait_for_call(ABORT, 1);
    wait_for(&it->stage.connections_freed, 1);
    wait_for_call(ACCEPT, 2);
}

/* Stopping. */

static void stop__frees_the_address_before_it_returns(void **state)
{
    (void) state;
    assert_int_equal(listen_staged(), WWS_S_OK);
    wait_for_call(ACCEPT, 1);

    stop_server(false);

    assert_int_equal(calls_of(STOP), 1);
    stop_server(true);
    assert_int_equal(calls_of(STOP), 1);
}

static void stop__may_come_while_accept_is_called(void **state)
{
    (void) state;
    it->stage.stops = true;
    assert_int_equal(listen_staged(), WWS_S_OK);

    wait_for(&it->stopped, 1);

    assert_int_equal(calls_of(STOP), 1);
    let_everything_run();
    assert_int_equal(calls_of(ACCEPT), 1);
    assert_int_equal(value_of(&it->stage.listeners_freed), 0);
}

/* More than are told at once. */
static void stop__with_reset_reaches_very_many(void **state)
{
    (void) state;
    it->server_options.max_connections = SESSIONS;
    it->stage.unwatched = true;
    assert_int_equal(listen_staged(), WWS_S_OK);
    for (int i = 0; i < SESSIONS - 1; i++)
        (void) come();

    stop_server(true);

    for (int i = 0; i < SESSIONS - 1; i++)
        wait_for(&it->servers[i].failed, 1);
}

static void stop__ends_an_accept_that_never_completes(void **state)
{
    (void) state;
    assert_int_equal(listen_staged(), WWS_S_OK);
    wait_for_call(ACCEPT, 1);

    stop_server(false);

    wait_for(&it->stopped, 1);
    assert_int_equal(calls_of(STOP), 1);
    assert_int_equal(value_of(&it->stage.listeners_freed), 0);
    /* What comes then is not wanted. */
    assert_int_equal(give_connection(ACCEPT), WWS_S_OK);
    wait_for_call(ABORT, 1);
    assert_int_equal(complete(ACCEPT, WWS_S_OK), WWS_S_OK);
    wait_for(&it->stage.connections_freed, 1);
    let_everything_run();
    assert_int_equal(calls_of(ACCEPT), 1);
    assert_int_equal(value_of(&it->connected), 0);
}

static void stop__lets_sessions_go_on(void **state)
{
    struct parcel parcel = { .refuse = false };
    struct holder *holder;

    (void) state;
    assert_int_equal(listen_staged(), WWS_S_OK);
    holder = come();
    wait_for_call(ACCEPT, 2);

    stop_server(false);
    wait_for_call(STOP, 1);
    assert_int_equal(utter(holder, &parcel, "still"), WWS_S_OK);
    wait_for_call(SEND, 1);
    assert_int_equal(complete(SEND, WWS_S_OK), WWS_S_OK);
    wait_for(&parcel.done, 1);
    assert_int_equal(value_of(&it->stopped), 0);

    let_go(holder);
    wait_for(&it->stopped, 1);
}

static void stop__with_reset_aborts_sessions(void **state)
{
    struct holder *holder;

    (void) state;
    assert_int_equal(listen_staged(), WWS_S_OK);
    holder = come();
    wait_for_call(ACCEPT, 2);

    stop_server(false);
    stop_server(true);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_OPERATION_ABORTED);
    wait_for_call(STOP, 1);
    let_everything_run();
    assert_int_equal(calls_of(STOP), 1);
}

static void stop__while_waiting_to_try_again_accepts_no_more(void **state)
{
    (void) state;
    wwi_clock_hold();
    it->stage.answers[ACCEPT] = WWS_E_OTHER;
    assert_int_equal(listen_staged(), WWS_S_OK);
    wait_for_call(ACCEPT, 1);
    let_everything_run();

    stop_server(false);
    wait_for(&it->stopped, 1);
    wwi_clock_move(1000);
    let_everything_run();

    assert_int_equal(calls_of(ACCEPT), 1);
}

/* Where a loop has ended, what is to be looked at on it is looked at inside
 * the function that asks for that. */
static void server__may_be_opened_when_its_runtime_has_ended(void **state)
{
    (void) state;
    assert_true(wwi_runtime_end(it->runtime, wwi_clock_after(20000)));

    assert_int_equal(listen_staged(), WWS_S_OK);
    assert_int_equal(calls_of(ACCEPT), 1);
    stop_server(true);

    assert_int_equal(value_of(&it->stopped), 1);
    assert_int_equal(calls_of(STOP), 1);
}

/* Memory. */

static bool serve_once(void)
{
    bool served = listen_staged() >= 0;

    if (!served) {
        it->server = NULL;
        return false;
    }
    let_everything_run();
    if (give_connection(ACCEPT) >= 0)
        (void) complete(ACCEPT, WWS_S_OK);
    let_everything_run();
    served = value_of(&it->connected) == 1 && calls_of(ACCEPT) == 2
        && calls_of(RECEIVE) == 1 && calls_of(WATCH) == 1;
    stop_server(true);
    let_go(&it->servers[0]);
    wait_for(&it->stopped, 1);
    wwi_custom_sessions.server_free(it->server);
    it->server = NULL;
    let_everything_run();
    end_tasks();
    let_everything_run();
    return served;
}

static void server__lacks_memory_without_harm(void **state)
{
    bool served = false;

    (void) state;
    for (int n = 1; !served; n++) {
        assert_true(n < 100);
        memset(it->stage.calls, 0, sizeof it->stage.calls);
        it->places = it->connected = it->stopped = 0;
        it->servers[0] = (struct holder) { .session = NULL };
        wwi_memory_fail((uint64_t) n, 0);
        served = serve_once();
        wwi_memory_fail(0, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server__listens_at_once_or_fails),
        TEST(server__tells_where_it_listens),
        TEST(server__accepts_one_after_the_other),
        TEST(server__accepts_as_many_as_it_may),
        TEST(server__tries_again_a_little_later),
        TEST(session__that_nobody_takes_is_aborted),
        TEST(stop__frees_the_address_before_it_returns),
        TEST(stop__may_come_while_accept_is_called),
        TEST(stop__with_reset_reaches_very_many),
        TEST(stop__ends_an_accept_that_never_completes),
        TEST(stop__lets_sessions_go_on),
        TEST(stop__with_reset_aborts_sessions),
        TEST(stop__while_waiting_to_try_again_accepts_no_more),
        TEST(server__may_be_opened_when_its_runtime_has_ended),
        TEST(server__lacks_memory_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
