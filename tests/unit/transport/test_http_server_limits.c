/* How long the server waits, and for how many. */
#include "tests/support/http_server_calls.h"
#include "tests/support/http_server_fixture.h"

#include <string.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/support/counters.h"
#include "tests/support/valgrind.h"

static void server__closes_idle_connections(void **state)
{
    int fresh, used;

    (void) state;
    start_server();
    wwi_clock_hold();
    fresh = dial();
    used = dial();
    let_everything_run();
    wwi_clock_move(60000);
    put_text(used, REQUEST);
    expect_answer(used, 200, "hello");
    let_everything_run();

    wwi_clock_move(60001);
    expect_end(fresh);
    let_everything_run();
    assert_int_equal(it->runtime->counters[WWS_COUNTER_SOCKETS], 2);
    wwi_clock_move(60000);
    expect_end(used);

    close(fresh);
    close(used);
}

static void server__bounds_the_time_of_a_whole_request(void **state)
{
    int fd;

    (void) state;
    start_server();
    wwi_clock_hold();
    fd = dial();
    put_text(fd, REQUEST);
    expect_answer(fd, 200, "hello");

    /* Each octet comes in time, the whole does not. */
    for (int i = 0; i < 29; i++) {
        put(fd, &REQUEST[i], 1);
        let_everything_run();
        wwi_clock_move(1000);
        let_everything_run();
    }
    wwi_clock_move(1001);

    expect_answer(fd, 408, "");
    expect_end(fd);
    close(fd);
}

static void server__does_not_count_the_time_of_the_operation(void **state)
{
    int fd;

    (void) state;
    it->manner = HOLD;
    start_server();
    wwi_clock_hold();
    fd = dial();
    put_text(fd, REQUEST);
    wait_for(&it->arrived, 1);

    for (int i = 0; i < 10; i++) {
        wwi_clock_move(3600000);
        let_everything_run();
    }

    answer_text(take_held(), "slow");
    expect_answer(fd, 200, "slow");
    close(fd);
}

static void server__lets_connections_wait_beyond_the_limit(void **state)
{
    int first, second;

    (void) state;
    it->options.max_connections = 1;
    start_server();
    first = dial();
    put_text(first, REQUEST);
    expect_answer(first, 200, "hello");

    second = dial();
    put_text(second, REQUEST);
    let_everything_run();
    assert_int_equal(value_of(&it->arrived), 1);
    close(first);

    expect_answer(second, 200, "hello");
    close(second);
}

static void server__hands_up_no_more_than_the_limit(void **state)
{
    int fds[10];

    (void) state;
    it->options.max_incoming = 3;
    it->manner = HOLD;
    start_server();
    for (int i = 0; i < 10; i++) {
        fds[i] = dial();
        /* Some come in two pieces. */
        put(fds[i], REQUEST, i % 2 ? 20 : strlen(REQUEST));
        let_everything_run();
        put_text(fds[i], i % 2 ? &REQUEST[20] : "");
        let_everything_run();
    }

    for (int i = 0; i < 10; i++) {
        int up = i < 7 ? i + 3 : 10;

        wait_for(&it->arrived, up);
        let_everything_run();
        assert_int_equal(value_of(&it->arrived), up);
        if (i % 3 == 0)
            wwi_http_incoming.drop(take_held());
        else
            answer_text(take_held(), "turn");
    }
    for (int i = 0; i < 10; i++)
        close(fds[i]);
}

static void server__gives_turns_only_to_whole_requests(void **state)
{
    int half, refused, whole;

    (void) state;
    it->options.max_incoming = 1;
    start_server();
    wwi_clock_hold();
    half = dial();
    put(half, REQUEST, 20);
    let_everything_run();
    refused = dial();
    put_text(refused, "GET /calc HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_answer(refused, 405, "");
    let_everything_run();

    whole = dial();
    put_text(whole, REQUEST);

    expect_answer(whole, 200, "hello");
    put_text(half, &REQUEST[20]);
    expect_answer(half, 200, "hello");
    close(half);
    close(refused);
    close(whole);
}

static void server__passes_the_turn_of_who_leaves_on(void **state)
{
    struct wwi_incoming *incoming;
    int first, second, third;

    (void) state;
    it->options.max_incoming = 1;
    hold_one(&first);
    incoming = take_held();
    second = dial();
    put_text(second, REQUEST);
    let_everything_run();
    third = dial();
    put_text(third, REQUEST);
    let_everything_run();

    close(second);
    let_everything_run();
    answer_text(incoming, "first");

    expect_answer(first, 200, "first");
    for (int i = 0; i < 2 && value_of(&it->arrived) < 3; i++) {
        wait_for(&it->arrived, 2);
        incoming = take_held();
        if (i == 0)
            wwi_http_incoming.drop(incoming);
        else
            answer_text(incoming, "third");
        let_everything_run();
    }
    if (value_of(&it->held_count) != 0)
        answer_text(take_held(), "third");
    expect_answer(third, 200, "third");
    close(first);
    close(third);
}

static void server__waits_for_descriptors(void **state)
{
    struct rlimit limit, less;
    struct sockaddr_in address;
    int fd, spare;

    (void) state;
    if (under_valgrind())
        skip();
    start_server();
    wwi_clock_hold();
    address = loopback(port());
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    spare = dup(fd);
    close(spare);
    getrlimit(RLIMIT_NOFILE, &limit);
    less = limit;
    less.rlim_cur = (rlim_t) spare;
    setrlimit(RLIMIT_NOFILE, &less);

    assert_int_equal(connect(fd, (struct sockaddr *) &address,
        sizeof address), 0);
    put_text(fd, REQUEST);
    let_everything_run();
    setrlimit(RLIMIT_NOFILE, &limit);
    let_everything_run();
    assert_int_equal(value_of(&it->arrived), 0);
    wwi_clock_move(101);

    expect_answer(fd, 200, "hello");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server__closes_idle_connections),
        TEST(server__bounds_the_time_of_a_whole_request),
        TEST(server__does_not_count_the_time_of_the_operation),
        TEST(server__lets_connections_wait_beyond_the_limit),
        TEST(server__hands_up_no_more_than_the_limit),
        TEST(server__gives_turns_only_to_whole_requests),
        TEST(server__passes_the_turn_of_who_leaves_on),
        TEST(server__waits_for_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
