/* How sessions over TCP end. */
#include "tests/support/tcp_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/support/counters.h"

/* Ends. */

static void session__ends_in_order_when_the_client_begins(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();

    PUT(fd, END);
    wait_for(&holder->ended, 1);
    assert_int_equal(send_text(holder, &parcel, "hello"), WWS_S_OK);
    EXPECT(fd, HELLO);
    shut(holder);
    EXPECT(fd, END);
    assert_int_equal(send_text(holder, &parcel, "hello"),
        WWS_E_INVALID_OPERATION);
    give_back(holder);

    wait_for(&holder->released, 1);
    assert_int_equal(holder->failed, 0);
    expect_silence(fd);
    close(fd);
}

static void session__ends_in_order_when_the_server_begins(void **state)
{
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    it->manner = READ;
    fd = serve_bare();

    shut(holder);
    EXPECT(fd, END);
    PUT(fd, HELLO END);
    wait_for(&holder->ended, 1);

    expect_got(holder, "hello");
    give_back(holder);
    wait_for(&holder->released, 1);
    assert_int_equal(holder->failed, 0);
    expect_silence(fd);
    close(fd);
}

static void session__may_be_followed_by_another(void **state)
{
    int fd;

    (void) state;
    it->manner = CLOSE;
    start_tcp();
    fd = dial();

    for (int i = 0; i < 4; i++) {
        shake(fd, i);
        PUT(fd, HELLO END);
        EXPECT(fd, END);
        wait_for(&it->servers[i].released, 1);
        expect_got(&it->servers[i], "hello");
    }

    assert_int_equal(it->runtime->counters[WWS_COUNTER_CONNECTIONS_ACCEPTED],
        1);
    close(fd);
}

static void session__may_be_followed_by_another_at_once(void **state)
{
    int fd;

    (void) state;
    it->manner = CLOSE;
    start_tcp();
    fd = dial();

    PUT(fd, PREAMBLE HELLO END PREAMBLE HELLO HELLO END);

    EXPECT(fd, ACK END ACK END);
    wait_for(&it->servers[1].released, 1);
    expect_got(&it->servers[0], "hello");
    expect_got(&it->servers[1], "hellohello");
    close(fd);
}

static void connection__is_closed_when_it_was_idle_too_long(void **state)
{
    int fd;

    (void) state;
    it->manner = CLOSE;
    wwi_clock_hold();
    fd = serve_bare();
    PUT(fd, END);
    EXPECT(fd, END);
    wait_for(&it->servers[0].released, 1);
    let_everything_run();

    wwi_clock_move(119999);
    expect_silence(fd);
    wwi_clock_move(1);

    expect_end(fd);
    close(fd);
}

static void connection__gives_the_next_preamble_less_time(void **state)
{
    int fd;

    (void) state;
    it->manner = CLOSE;
    wwi_clock_hold();
    fd = serve_bare();
    PUT(fd, END);
    EXPECT(fd, END);
    wait_for(&it->servers[0].released, 1);
    let_everything_run();

    put(fd, "\x00", 1);
    let_everything_run();
    wwi_clock_move(15000);

    expect_reset(fd);
    close(fd);
}

static void connection__counts_what_came_with_the_end(void **state)
{
    int fd;

    (void) state;
    it->manner = CLOSE;
    wwi_clock_hold();
    fd = serve_bare();
    PUT(fd, END "\x00");
    EXPECT(fd, END);
    wait_for(&it->servers[0].released, 1);
    let_everything_run();

    wwi_clock_move(15000);

    expect_reset(fd);
    close(fd);
}

static void connection__is_closed_in_silence_between_sessions(void **state)
{
    int fd;

    (void) state;
    it->manner = CLOSE;
    fd = serve_bare();
    PUT(fd, END);
    EXPECT(fd, END);

    shutdown(fd, SHUT_WR);

    expect_end(fd);
    wait_for(&it->servers[0].released, 1);
    assert_int_equal(it->servers[0].failed, 0);
    assert_int_equal(value_of(&it->connected), 1);
    close(fd);
}

static void session__aborted_is_reset(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();

    abort_it(holder);

    expect_reset(fd);
    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(send_text(holder, &parcel, "x"), WWS_E_OBJECT_FAULTED);
    abort_it(holder);
    let_everything_run();
    assert_int_equal(value_of(&holder->failed), 1);
    close(fd);
}

static void session__given_back_early_is_reset(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();
    fill(holder, &parcel);

    give_back(holder);

    wait_for(&holder->released, 1);
    assert_int_equal(parcel.done, 1);
    assert_int_equal(parcel.outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(holder->failed, 0);
    close(fd);
}

static void session__given_back_without_its_end_is_reset(void **state)
{
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();
    PUT(fd, END);
    wait_for(&holder->ended, 1);

    give_back(holder);

    expect_reset(fd);
    close(fd);
}

static void session__given_back_does_not_wait_for_the_last_record(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    wwi_clock_hold();
    fd = serve_bare();
    PUT(fd, END);
    wait_for(&holder->ended, 1);
    fill(holder, &parcel);
    shut(holder);
    give_back(holder);
    let_everything_run();
    assert_int_equal(value_of(&holder->released), 0);

    wwi_clock_move(2000);

    wait_for(&holder->released, 1);
    close(fd);
}

static void session__tells_that_the_peer_has_gone(void **state)
{
    static const struct {
        const char *octets;
        size_t size;
        const char *text;
    } rows[] = {
        { "", 0, "without ending" },
        { HELLO, 7, "without ending" },
        { "\x06", 1, "midst" },
        { "\x06\x05" "hell", 6, "midst" },
    };

    (void) state;
    it->manner = READ;
    start_tcp();

    for (int i = 0; i < 4; i++) {
        int fd = dial();
        struct holder *holder = shake(fd, i);

        put(fd, rows[i].octets, rows[i].size);
        close(fd);

        wait_for(&holder->failed, 1);
        assert_int_equal(holder->ended, 0);
        assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
        assert_non_null(strstr(holder->outcome.text, rows[i].text));
    }
}

static void session__tells_of_a_reset(void **state)
{
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();

    reset(fd);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
}

/* G118, D29 */
static void session__sees_the_peer_go_though_nobody_receives(void **state)
{
    (void) state;
    start_tcp();

    for (int i = 0; i < 4; i++) {
        int fd = dial();
        struct holder *holder = shake(fd, i);

        PUT(fd, HELLO HELLO HELLO "\x06\x05" "hell");
        if (i % 2 == 0)
            let_everything_run();
        if (i < 2)
            close(fd);
        else
            reset(fd);

        wait_for(&holder->failed, 1);
        assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
        assert_int_equal(holder->arrived, 0);
    }
}

/* G118, D29 */
static void session__sees_an_end_in_order_behind_what_waits(void **state)
{
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();
    PUT(fd, HELLO);
    let_everything_run();

    PUT(fd, HELLO HELLO END);
    shutdown(fd, SHUT_WR);
    let_everything_run();

    assert_int_equal(value_of(&holder->failed), 0);
    for (int i = 0; i < 3; i++)
        receive(holder);
    wait_for(&holder->ended, 1);
    expect_got(holder, "hellohellohello");
    assert_int_equal(holder->failed, 0);
    shut(holder);
    EXPECT(fd, END);
    close(fd);
}

static void session__looks_again_when_less_is_unread(void **state)
{
    static const uint8_t head[] = { 0x06, 0x80, 0x80, 0x04 };
    char *body = calloc(1, 65536);
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();

    for (int i = 0; i < 3; i++) {
        put(fd, head, sizeof head);
        put(fd, body, 65536);
    }
    close(fd);
    let_everything_run();
    receive(holder);
    wait_for(&holder->arrived, 1);
    receive(holder);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(holder->ended, 0);
    free(body);
}

/* Ends, as a client. */

static void client__closes_when_both_ends_are_shut(void **state)
{
    struct holder *holder = &it->clients[0];
    int fd;

    (void) state;
    fd = meet();

    shut(holder);
    EXPECT(fd, END);
    PUT(fd, END);
    wait_for(&holder->ended, 1);
    expect_silence(fd);
    give_back(holder);

    expect_end(fd);
    wait_for(&holder->released, 1);
    assert_int_equal(holder->failed, 0);
    close(fd);
}

static void client__shuts_while_the_server_does(void **state)
{
    struct holder *holder = &it->clients[0];
    int fd;

    (void) state;
    fd = meet();

    PUT(fd, END);
    shut(holder);
    wait_for(&holder->ended, 1);
    EXPECT(fd, END);
    close(fd);
    let_everything_run();

    assert_int_equal(value_of(&holder->failed), 0);
    give_back(holder);
    wait_for(&holder->released, 1);
}

static void client__can_be_aborted_when_it_is_through(void **state)
{
    struct holder *holder = &it->clients[0];
    int fd;

    (void) state;
    fd = meet();
    shut(holder);
    EXPECT(fd, END);
    PUT(fd, END);
    wait_for(&holder->ended, 1);
    close(fd);
    let_everything_run();
    receive(holder);
    let_everything_run();

    abort_it(holder);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_OPERATION_ABORTED);
}

/* D10 */
static void client__resets_when_a_reply_is_over_the_quota(void **state)
{
    struct holder *holder = &it->clients[0];
    int fd;

    (void) state;
    fd = meet();

    PUT(fd, "\x06\x81\x80\x04");

    expect_reset(fd);
    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_QUOTA_EXCEEDED);
    close(fd);
}

static void client__hears_a_fault_in_spite_of_a_reset(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it->clients[0];
    int fd;

    (void) state;
    fd = meet();
    fill(holder, &parcel);

    PUT(fd, "\x08\x44" URI "ServerTooBusy");
    close(fd);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_TOO_BUSY);
    assert_int_equal(parcel.done, 1);
}

static void client__tells_that_the_server_has_gone(void **state)
{
    struct holder *holder = &it->clients[0];
    int fd;

    (void) state;
    fd = meet();

    close(fd);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(session__ends_in_order_when_the_client_begins),
        TEST(session__ends_in_order_when_the_server_begins),
        TEST(session__may_be_followed_by_another),
        TEST(session__may_be_followed_by_another_at_once),
        TEST(connection__is_closed_when_it_was_idle_too_long),
        TEST(connection__gives_the_next_preamble_less_time),
        TEST(connection__counts_what_came_with_the_end),
        TEST(connection__is_closed_in_silence_between_sessions),
        TEST(session__aborted_is_reset),
        TEST(session__given_back_early_is_reset),
        TEST(session__given_back_without_its_end_is_reset),
        TEST(session__given_back_does_not_wait_for_the_last_record),
        TEST(session__tells_that_the_peer_has_gone),
        TEST(session__tells_of_a_reset),
        TEST(session__sees_the_peer_go_though_nobody_receives),
        TEST(session__sees_an_end_in_order_behind_what_waits),
        TEST(session__looks_again_when_less_is_unread),
        TEST(client__closes_when_both_ends_are_shut),
        TEST(client__shuts_while_the_server_does),
        TEST(client__can_be_aborted_when_it_is_through),
        TEST(client__resets_when_a_reply_is_over_the_quota),
        TEST(client__hears_a_fault_in_spite_of_a_reset),
        TEST(client__tells_that_the_server_has_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
