/* Clients of the server that leave or do not read, and answers that are
 * stopped. */
#include "tests/support/http_server_calls.h"
#include "tests/support/http_server_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/support/counters.h"

/* Clients that leave. */

static struct wwi_incoming *watch_one(int *fd)
{
    struct wwi_incoming *incoming;

    hold_one(fd);
    incoming = take_held();
    wwi_http_incoming.watch(incoming, is_gone);
    return incoming;
}

static void server__tells_when_a_client_closes(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    incoming = watch_one(&fd);

    close(fd);

    wait_for(&it->gone, 1);
    answer_text(incoming, "too late");
    wait_for(&it->replied, 1);
    assert_int_equal(it->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it->gone, 1);
}

static void server__tells_when_a_client_resets(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    it->options.tolerate_half_close = true;
    incoming = watch_one(&fd);

    reset(fd);

    wait_for(&it->gone, 1);
    wwi_http_incoming.drop(incoming);
}

static void server__tells_when_a_client_shuts_its_side_down(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    incoming = watch_one(&fd);

    shutdown(fd, SHUT_WR);

    wait_for(&it->gone, 1);
    wwi_http_incoming.drop(incoming);
    close(fd);
}

static void server__tolerates_a_half_closed_client_if_told_to(void **state)
{
    struct wwi_incoming *incoming;
    int fd, received;

    (void) state;
    it->options.tolerate_half_close = true;
    incoming = watch_one(&fd);

    shutdown(fd, SHUT_WR);
    let_everything_run();
    received = received_calls;
    let_everything_run();

    assert_int_equal(received_calls, received);
    assert_int_equal(value_of(&it->gone), 0);
    answer_text(incoming, "in time");
    expect_answer(fd, 200, "in time");
    expect_end(fd);
    close(fd);
}

static void server__tells_when_a_half_closed_client_resets(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    it->options.tolerate_half_close = true;
    incoming = watch_one(&fd);
    shutdown(fd, SHUT_WR);
    let_everything_run();

    answer_big(incoming);
    let_everything_run();
    reset(fd);

    wait_for(&it->replied, 1);
    assert_int_equal(it->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(value_of(&it->gone), 0);
}

static void server__takes_a_pipelined_request_for_no_leaving(void **state)
{
    struct wwi_incoming *incoming;
    int fd, received;

    (void) state;
    incoming = watch_one(&fd);

    put_text(fd, REQUEST);
    let_everything_run();
    received = received_calls;
    put_text(fd, REQUEST);
    let_everything_run();

    /* Nor is it looked at again and again. */
    assert_true(received_calls - received <= 1);
    assert_int_equal(value_of(&it->gone), 0);
    assert_int_equal(value_of(&it->arrived), 1);
    answer_text(incoming, "first");
    expect_answer(fd, 200, "first");
    answer_text(take_held(), "second");
    expect_answer(fd, 200, "second");
    answer_text(take_held(), "third");
    expect_answer(fd, 200, "third");
    close(fd);
}

static void server__tells_of_leaving_behind_a_pipelined_request(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    incoming = watch_one(&fd);
    put_text(fd, REQUEST);
    let_everything_run();

    close(fd);

    wait_for(&it->gone, 1);
    wwi_http_incoming.drop(incoming);
    let_everything_run();
    assert_int_equal(value_of(&it->arrived), 1);
}

static void server__tells_at_once_who_watches_late(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    hold_one(&fd);
    incoming = take_held();
    close(fd);
    let_everything_run();
    assert_true(incoming->gone);
    assert_int_equal(value_of(&it->gone), 0);

    wwi_http_incoming.watch(incoming, is_gone);

    assert_int_equal(value_of(&it->gone), 1);
    wwi_http_incoming.drop(incoming);
}

static void drop_when_gone(struct wwi_incoming *incoming)
{
    is_gone(incoming);
    wwi_http_incoming.drop(incoming);
}

static void answer_when_gone(struct wwi_incoming *incoming)
{
    answer_text(incoming, "too late");
    assert_int_equal(value_of(&it->replied), 0);
    is_gone(incoming);
}

static void server__lets_the_request_be_ended_where_it_tells(void **state)
{
    void (*const ways[])(struct wwi_incoming *) = {
        drop_when_gone, answer_when_gone,
    };
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    it->manner = HOLD;
    start_server();
    for (int i = 0; i < 4; i++) {
        fd = dial();
        put_text(fd, REQUEST);
        incoming = take_held();
        if (i < 2)
            wwi_http_incoming.watch(incoming, ways[i % 2]);
        close(fd);
        if (i >= 2) {
            let_everything_run();
            wwi_http_incoming.watch(incoming, ways[i % 2]);
        }
        wait_for(&it->gone, i + 1);
        if (i % 2 == 1)
            wait_for(&it->replied, 1);
        it->replied = 0;
    }
}

/* The teller has told nobody so in a way that would order what he did before
 * that: only so can a check for races see what he reads. */
static struct {
    _Atomic bool told;
    int watched_anew;
} anew;

static void wait_when_gone(struct wwi_incoming *incoming)
{
    atomic_store_explicit(&anew.told, true, memory_order_relaxed);
    wait_for(&anew.watched_anew, 1);
    is_gone(incoming);
}

static void server__lets_the_request_be_watched_anew_while_it_tells(
    void **state)
{
    int64_t until = wwi_clock_after(PATIENCE_S * 1000);
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    anew.told = false;
    anew.watched_anew = 0;
    hold_one(&fd);
    incoming = take_held();
    wwi_http_incoming.watch(incoming, wait_when_gone);
    close(fd);
    while (!atomic_load_explicit(&anew.told, memory_order_relaxed))
        assert_true(wwi_clock_now() < until);

    wwi_http_incoming.watch(incoming, is_gone);

    lock_it();
    anew.watched_anew++;
    unlock_it();
    wait_for(&it->gone, 1);
    wwi_http_incoming.drop(incoming);
    assert_int_equal(it->gone, 1);
}

static void server__does_not_tell_after_the_answer(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    incoming = watch_one(&fd);
    answer_text(incoming, "done");
    expect_answer(fd, 200, "done");

    close(fd);
    let_everything_run();

    assert_int_equal(value_of(&it->gone), 0);
    assert_int_equal(it->runtime->counters[WWS_COUNTER_SOCKETS], 1);
}

static void server__does_not_hand_up_half_a_request(void **state)
{
    size_t size = strlen(REQUEST);

    (void) state;
    start_server();

    for (size_t cut = 0; cut < size; cut++) {
        int fd = dial();

        put(fd, REQUEST, cut);
        if (cut % 2)
            reset(fd);
        else
            close(fd);
    }
    let_everything_run();

    assert_int_equal(value_of(&it->arrived), 0);
}

static void set_manner(enum manner manner)
{
    lock_it();
    it->manner = manner;
    unlock_it();
}

static void server__resets_what_is_dropped(void **state)
{
    int fd;

    (void) state;
    it->manner = DROP;
    start_server();

    fd = dial();
    put_text(fd, REQUEST);
    expect_reset(fd);
    close(fd);

    set_manner(HOLD);
    fd = dial();
    put_text(fd, REQUEST);
    wwi_http_incoming.drop(take_held());
    expect_reset(fd);
    close(fd);
}

/* Clients that do not read. */

static void server__sends_on_while_the_client_reads_slowly(void **state)
{
    struct answer answer;
    int fd;

    (void) state;
    hold_one(&fd);

    answer_big(take_held());
    let_everything_run();
    assert_int_equal(value_of(&it->replied), 0);

    assert_true(get_answer(fd, &answer));
    assert_int_equal(answer.size, BIG);
    assert_int_equal(strspn(answer.body, "b"), BIG);
    free(answer.body);
    wait_for(&it->replied, 1);
    assert_int_equal(it->outcome.status, WWS_S_OK);
    put_text(fd, REQUEST);
    answer_text(take_held(), "again");
    expect_answer(fd, 200, "again");
    close(fd);
}

static void server__sends_answers_in_any_pieces(void **state)
{
    int fd;

    (void) state;
    start_server();
    fd = dial();

    for (int i = 1; i < 10; i++) {
        most_sent = i;
        put_text(fd, REQUEST);
        expect_answer(fd, 200, "hello");
    }
    close(fd);
}

static void server__gives_up_on_a_client_that_does_not_read(void **state)
{
    int fd;
    char octet;

    (void) state;
    hold_one(&fd);
    wwi_clock_hold();
    answer_big(take_held());
    let_everything_run();

    wwi_clock_move(29999);
    let_everything_run();
    assert_int_equal(value_of(&it->replied), 0);
    wwi_clock_move(2);

    wait_for(&it->replied, 1);
    assert_int_equal(it->outcome.status, WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(it->outcome.progress, WWS_PROGRESS_PARTLY_SENT);
    while (get_some(fd, &octet, 1) == 1)
        continue;
    assert_int_equal(errno, ECONNRESET);
    close(fd);
}

static void server__gives_a_client_that_reads_its_time(void **state)
{
    enum { PIECE = 65536 };
    char *data = malloc(BIG);
    int fd;

    (void) state;
    hold_one(&fd);
    wwi_clock_hold();
    answer_big(take_held());
    let_everything_run();

    /* Longer than it may take to no avail. */
    for (int step = 0; step < 3; step++) {
        int sent = sent_calls;

        while (sent_calls == sent && value_of(&it->replied) == 0) {
            assert_true(get_some(fd, data, PIECE) > 0);
            let_everything_run();
        }
        wwi_clock_move(20000);
        let_everything_run();
    }

    while (get_some(fd, data, BIG) > 0 && value_of(&it->replied) == 0)
        continue;
    wait_for(&it->replied, 1);
    assert_int_equal(it->outcome.status, WWS_S_OK);
    free(data);
    close(fd);
}

static void server__hears_of_a_client_that_leaves_while_it_sends(void **state)
{
    int fd;

    (void) state;
    hold_one(&fd);
    answer_big(take_held());
    let_everything_run();

    close(fd);

    wait_for(&it->replied, 1);
    assert_int_equal(it->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
}

/* Answers that are stopped: whoever does so has been told that they do not go
 * out, and so has the client. */

static void assert_stopped(int fd)
{
    char octets[4096];
    ssize_t size;

    while ((size = get_some(fd, octets, sizeof octets)) > 0)
        continue;
    assert_int_equal(size, -1);
    assert_int_equal(errno, ECONNRESET);
    wait_for(&it->replied, 1);
    close(fd);
}

static void server__sends_nothing_of_an_answer_stopped_before(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    hold_one(&fd);
    incoming = take_held();
    wwi_http_incoming.stop(incoming);

    answer_text(incoming, "too late");

    expect_reset(fd);
    wait_for(&it->replied, 1);
    assert_int_equal(it->outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(it->outcome.progress, WWS_PROGRESS_NOT_SENT);
    close(fd);
}

/* Who has stopped it has been told so, whatever came before. */
static void server__says_so_of_an_answer_stopped_when_its_client_had_gone(
    void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    incoming = watch_one(&fd);
    close(fd);
    wait_for(&it->gone, 1);
    wwi_http_incoming.stop(incoming);

    answer_text(incoming, "too late");

    wait_for(&it->replied, 1);
    assert_int_equal(it->outcome.status, WWS_E_OPERATION_ABORTED);
}

static void server__resets_an_answer_stopped_while_it_is_sent(void **state)
{
    struct wwi_incoming *incoming;
    int fd;

    (void) state;
    hold_one(&fd);
    incoming = take_held();
    answer_big(incoming);
    let_everything_run();

    wwi_http_incoming.stop(incoming);

    assert_stopped(fd);
    assert_int_equal(it->outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(it->outcome.progress, WWS_PROGRESS_PARTLY_SENT);
}

static struct wwi_incoming *stopped;

static void stop_it(void)
{
    wwi_http_incoming.stop(stopped);
}

static void server__resets_an_answer_stopped_when_all_is_sent(void **state)
{
    int fd;

    (void) state;
    hold_one(&fd);
    stopped = take_held();
    has_sent = stop_it;

    answer_text(stopped, "all of it");

    assert_stopped(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server__tells_when_a_client_closes),
        TEST(server__tells_when_a_client_resets),
        TEST(server__tells_when_a_client_shuts_its_side_down),
        TEST(server__tolerates_a_half_closed_client_if_told_to),
        TEST(server__tells_when_a_half_closed_client_resets),
        TEST(server__takes_a_pipelined_request_for_no_leaving),
        TEST(server__tells_of_leaving_behind_a_pipelined_request),
        TEST(server__tells_at_once_who_watches_late),
        TEST(server__lets_the_request_be_ended_where_it_tells),
        TEST(server__lets_the_request_be_watched_anew_while_it_tells),
        TEST(server__does_not_tell_after_the_answer),
        TEST(server__does_not_hand_up_half_a_request),
        TEST(server__resets_what_is_dropped),
        TEST(server__sends_on_while_the_client_reads_slowly),
        TEST(server__sends_answers_in_any_pieces),
        TEST(server__gives_up_on_a_client_that_does_not_read),
        TEST(server__gives_a_client_that_reads_its_time),
        TEST(server__hears_of_a_client_that_leaves_while_it_sends),
        TEST(server__sends_nothing_of_an_answer_stopped_before),
        TEST(server__says_so_of_an_answer_stopped_when_its_client_had_gone),
        TEST(server__resets_an_answer_stopped_while_it_is_sent),
        TEST(server__resets_an_answer_stopped_when_all_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
