/* Clients of streamed HTTP that go, and a server that stops. */
#include "tests/support/http_session_fixture.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/support/counters.h"

static void server__hears_of_a_client_that_goes(void **state)
{
    static const char *const parts[] = {
        STREAM, STREAM "5\r\nhel", STREAM "5\r\nhello\r\n", REQUEST,
    };
    int count = 0;

    (void) state;
    start_streamed();

    for (int greedy = 0; greedy < 2; greedy++)
        for (int resets = 0; resets < 2; resets++)
            for (int i = 0; i < 4; i++) {
                struct holder *holder = &it->served[count++];
                int fd = dial();

                it->greedy = greedy;
                put_text(fd, parts[i]);
                wait_for(&it->connected, count);
                let_everything_run();
                if (resets)
                    reset(fd);
                else
                    close(fd);

                wait_for(&holder->failed, 1);
                assert_int_equal(holder->outcome.status,
                    WWS_E_ENDPOINT_DISCONNECTED);
                assert_int_equal(holder->ended, greedy && i == 3);
            }
}

static void server__hears_of_a_client_that_goes_within_the_reply(void **state)
{
    int fd, count;

    (void) state;
    fd = serve_request();
    count = send_until_full(&it->served[0]);

    close(fd);

    wait_for(&it->served[0].failed, 1);
    assert_int_equal(it->served[0].done, count);
    assert_int_equal(it->served[0].sent.status, WWS_E_ENDPOINT_DISCONNECTED);
}

static void server__tolerates_half_close(void **state)
{
    int fd;

    (void) state;
    it->options.tolerate_half_close = true;
    it->greedy = true;
    start_streamed();
    fd = dial();
    put_text(fd, REQUEST);
    shutdown(fd, SHUT_WR);
    wait_for(&it->served[0].ended, 1);
    let_everything_run();

    assert_int_equal(send_piece(&it->served[0], "ok", WHOLE), WWS_S_OK);

    expect_whole_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    expect_text(fd, "ok");
    expect_end(fd);
    assert_int_equal(it->served[0].failed, 0);
    close(fd);
}

static void server__resets_when_it_is_freed_unanswered(void **state)
{
    int fd;

    (void) state;
    it->drops = true;
    start_streamed();
    fd = dial();

    put_text(fd, REQUEST);

    expect_reset(fd);
    close(fd);
}

static void server__resets_when_it_is_freed_within_the_reply(void **state)
{
    int fd;

    (void) state;
    fd = serve_request();
    send_piece(&it->served[0], "ab", FIRST);
    expect_whole_head(fd, TYPED("200 OK") CHUNKED "\r\n\r\n");
    expect_text(fd, "2\r\nab\r\n");

    give_session_back(&it->served[0]);

    expect_reset(fd);
    close(fd);
}

static void server__limits_the_time_before_a_head(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    start_streamed();
    fd = dial();
    let_everything_run();

    wwi_clock_move(119999);
    let_everything_run();
    wwi_clock_move(1);

    expect_end(fd);
    close(fd);
}

static void server__limits_the_time_of_a_head(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    start_streamed();
    fd = dial();
    for (int i = 0; i < 3; i++) {
        put(fd, &"POS"[i], 1);
        let_everything_run();
        wwi_clock_move(10000 - (i == 2));
        let_everything_run();
    }

    wwi_clock_move(1);

    expect_whole_head(fd, ANSWER("408 Request Timeout")
        "Content-Length: 0\r\n\r\n");
    expect_end(fd);
    close(fd);
}

static void server__does_not_wait_long_for_a_client_to_leave(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    fd = serve_request();
    send_piece(&it->served[0], "ok", WHOLE);
    expect_whole_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    expect_text(fd, "ok");
    expect_end(fd);
    let_everything_run();

    it->served[0].session->calls->free(it->served[0].session);
    let_everything_run();
    assert_int_equal(value_of(&it->served[0].released), 0);
    wwi_clock_move(2000);

    wait_for(&it->served[0].released, 1);
    it->served[0].session = NULL;
    close(fd);
}

static void server__lets_sessions_go_on_when_it_stops(void **state)
{
    int idle, fd;

    (void) state;
    start_streamed();
    idle = dial();
    fd = dial();
    put_text(fd, REQUEST);
    wait_for(&it->connected, 1);
    let_everything_run();

    wwi_http_streamed.server_stop(it->server, false, streamed_stopped);

    expect_end(idle);
    close(idle);
    assert_int_equal(value_of(&it->stopped), 0);
    ask_for_piece(&it->served[0]);
    wait_for(&it->served[0].ended, 1);
    send_piece(&it->served[0], "ok", WHOLE);
    expect_whole_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    expect_text(fd, "ok");
    expect_end(fd);
    close(fd);
    wait_for(&it->stopped, 1);
}

static void server__aborts_sessions_when_it_is_reset(void **state)
{
    int idle, fd;

    (void) state;
    start_streamed();
    idle = dial();
    fd = dial();
    put_text(fd, STREAM "5\r\nhel");
    wait_for(&it->connected, 1);
    let_everything_run();

    wwi_http_streamed.server_stop(it->server, true, streamed_stopped);

    wait_for(&it->stopped, 1);
    wait_for(&it->served[0].failed, 1);
    assert_int_equal(it->served[0].outcome.status, WWS_E_OPERATION_ABORTED);
    expect_reset(fd);
    close(fd);
    close(idle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server__hears_of_a_client_that_goes),
        TEST(server__hears_of_a_client_that_goes_within_the_reply),
        TEST(server__tolerates_half_close),
        TEST(server__resets_when_it_is_freed_unanswered),
        TEST(server__resets_when_it_is_freed_within_the_reply),
        TEST(server__limits_the_time_before_a_head),
        TEST(server__limits_the_time_of_a_head),
        TEST(server__does_not_wait_long_for_a_client_to_leave),
        TEST(server__lets_sessions_go_on_when_it_stops),
        TEST(server__aborts_sessions_when_it_is_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
