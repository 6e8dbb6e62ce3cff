/* The server stops; and races of all that it does. */
#include "tests/support/http_server_calls.h"
#include "tests/support/http_server_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/support/counters.h"

/* Stopping. */

static void free_stopped(void)
{
    wait_for(&it->stopped, 1);
    let_everything_run();
    assert_int_equal(value_of(&it->stopped), 1);
    assert_int_equal(it->runtime->counters[WWS_COUNTER_SOCKETS], 0);
    wwi_http.server_free(it->server);
    it->server = NULL;
}

static void server__frees_its_address_when_it_stops(void **state)
{
    char url[64];
    uint16_t number;

    (void) state;
    start_server();
    number = port();
    snprintf(url, sizeof url, "http://127.0.0.1:%u/calc", number);

    for (int i = 0; i < 20; i++) {
        struct wwi_server *old = it->server;
        int fd = dial();

        put_text(fd, REQUEST);
        expect_answer(fd, 200, "hello");
        it->stopped = 0;
        stop(false);
        assert_int_equal(wwi_http.server_open(it->runtime,
            (wws_string) { url, strlen(url) }, &it->options, &arrivals,
            &it->server, NULL), WWS_S_OK);
        wait_for(&it->stopped, 1);
        wwi_http.server_free(old);
        expect_end(fd);
        close(fd);
    }
    it->stopped = 0;
}

static void server__stops_without_connections(void **state)
{
    uint16_t number;

    (void) state;
    start_server();
    number = port();

    stop(false);

    assert_int_equal(try_dial(number), -1);
    free_stopped();
}

static void server__closes_idle_connections_when_it_stops(void **state)
{
    int fresh, used, half;

    (void) state;
    start_server();
    fresh = dial();
    used = dial();
    put_text(used, REQUEST);
    expect_answer(used, 200, "hello");
    half = dial();
    put(half, REQUEST, 10);
    let_everything_run();

    stop(false);

    free_stopped();
    expect_end(fresh);
    expect_end(used);
    expect_end(half);
    close(fresh);
    close(used);
    close(half);
}

static void server__lets_what_has_arrived_be_answered(void **state)
{
    int up, sending;
    struct answer answer;

    (void) state;
    hold_one(&sending);
    answer_big(take_held());
    up = dial();
    put_text(up, REQUEST REQUEST);
    wait_for(&it->arrived, 2);

    stop(false);
    let_everything_run();
    assert_int_equal(value_of(&it->stopped), 0);

    answer_text(take_held(), "the last");
    expect_head(up, 200, "\r\nConnection: close\r\n");
    assert_true(get_answer(sending, &answer));
    assert_int_equal(answer.size, BIG);
    free(answer.body);
    close(up);
    close(sending);
    free_stopped();
    assert_int_equal(it->arrived, 2);
}

static void server__resets_what_owes_an_answer_if_asked_to(void **state)
{
    struct wwi_incoming *incoming;
    int up, sending;
    char octet;

    (void) state;
    hold_one(&sending);
    answer_big(take_held());
    up = dial();
    put_text(up, REQUEST);
    incoming = take_held();
    wwi_http_incoming.watch(incoming, is_gone);

    stop(false);
    let_everything_run();
    stop(true);

    free_stopped();
    assert_int_equal(it->replied, 1);
    assert_int_equal(it->outcome.status, WWS_E_OPERATION_ABORTED);
    expect_reset(up);
    while (get_some(sending, &octet, 1) == 1)
        continue;
    assert_int_equal(errno, ECONNRESET);
    answer_text(incoming, "too late");
    assert_int_equal(it->replied, 2);
    assert_int_equal(it->outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(it->gone, 0);
    close(up);
    close(sending);
}

static void server__can_be_stopped_by_what_arrives(void **state)
{
    int fd;

    (void) state;
    it->manner = STOP;
    start_server();
    fd = dial();

    put_text(fd, REQUEST REQUEST);

    expect_head(fd, 200, "\r\nConnection: close\r\n");
    close(fd);
    free_stopped();
    assert_int_equal(it->arrived, 1);
}

static void server__stops_in_bounded_time_after_the_last_answer(void **state)
{
    int fd;

    (void) state;
    hold_one(&fd);
    wwi_clock_hold();
    stop(false);
    answer_text(take_held(), "the last");
    expect_answer(fd, 200, "the last");
    expect_end(fd);
    let_everything_run();

    wwi_clock_move(2001);

    free_stopped();
    close(fd);
}

static void server__does_not_drain_when_reset(void **state)
{
    int fd;

    (void) state;
    hold_one(&fd);
    wwi_clock_hold();
    stop(false);
    answer_text(take_held(), "the last");
    let_everything_run();

    stop(true);

    free_stopped();
    expect_answer(fd, 200, "the last");
    close(fd);
}

static void server__stops_while_requests_wait_for_their_turn(void **state)
{
    struct wwi_incoming *incoming;
    int fds[4];

    (void) state;
    it->options.max_incoming = 1;
    hold_one(&fds[0]);
    incoming = take_held();
    for (int i = 1; i < 4; i++) {
        fds[i] = dial();
        put_text(fds[i], REQUEST);
    }
    let_everything_run();

    stop(false);
    wwi_http_incoming.drop(incoming);

    free_stopped();
    assert_int_equal(it->arrived, 1);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

/* Races. */

enum { CLIENTS = 4, WORKERS = 3, ROUNDS = 2000 };

static _Atomic bool over;
static _Atomic uint32_t dice;

static void *work(void *state)
{
    (void) state;
    while (!over) {
        struct wwi_incoming *incoming = NULL;

        lock_it();
        while (it->held_count == 0 && !over)
            await_change();
        if (it->held_count != 0)
            incoming = it->held[--it->held_count];
        unlock_it();
        if (incoming != NULL) {
            struct wwi_bytes envelope = incoming->envelope;

            incoming->envelope = (struct wwi_bytes) { 0 };
            if (dice++ % 3 == 0)
                wwi_http_incoming.watch(incoming, is_gone);
            answer(incoming, &envelope);
        }
    }
    return NULL;
}

static void *call(void *state)
{
    int fd = *(int *) state;
    char request[256], body[16];

    for (int i = 0; i < ROUNDS; i++) {
        bool two = i % 4 == 0;

        snprintf(body, sizeof body, "%05d", i);
        snprintf(request, sizeof request,
            HEAD_11 "Content-Length: 5\r\n\r\n%s", body);
        put_text(fd, request);
        if (two)
            put_text(fd, request);
        expect_answer(fd, 200, body);
        if (two)
            expect_answer(fd, 200, body);
    }
    return NULL;
}

static void start_workers(pthread_t *workers)
{
    over = false;
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, work, NULL), 0);
}

static void end_workers(pthread_t *workers)
{
    lock_it();
    over = true;
    unlock_it();
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
}

static void server__answers_from_other_threads_while_requests_come(
    void **state)
{
    pthread_t workers[WORKERS], clients[CLIENTS];
    int fds[CLIENTS];

    (void) state;
    it->manner = HOLD;
    it->options.max_incoming = 3;
    start_server();
    start_workers(workers);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial();
        pthread_create(&clients[i], NULL, call, &fds[i]);
    }

    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i], NULL);
        close(fds[i]);
    }

    wait_for(&it->replied, CLIENTS * ROUNDS * 5 / 4);
    assert_int_equal(it->arrived, CLIENTS * ROUNDS * 5 / 4);
    assert_int_equal(it->gone, 0);
    end_workers(workers);
}

/* One who ends requests in all ways, while their clients leave. */

struct ender {
    struct wwi_incoming *incoming;
    _Atomic bool ended;   /* nothing may be told from then on */
    _Atomic int told;
};

static void told_of(struct wwi_incoming *incoming)
{
    struct ender *ender = incoming->user;

    assert_false(ender->ended);
    ender->told++;
    /* Time for the other thread to be in the middle of it. */
    sched_yield();
    assert_false(ender->ended);
    lock_it();
    it->gone++;
    unlock_it();
}

static void ender_replied(void *state, const struct wwi_outcome *outcome)
{
    struct ender *ender = state;

    (void) outcome;
    assert_false(ender->ended);
    ender->ended = true;
    lock_it();
    it->replied++;
    unlock_it();
}

static void server__tells_nothing_of_a_request_that_has_ended(void **state)
{
    static struct ender enders[ROUNDS];
    int answers = 0;

    (void) state;
    it->manner = HOLD;
    start_server();
    memset(enders, 0, sizeof enders);

    for (int i = 0; i < ROUNDS; i++) {
        struct ender *ender = &enders[i];
        int fd = dial();

        put_text(fd, REQUEST);
        ender->incoming = take_held();
        ender->incoming->user = ender;
        wwi_http_incoming.watch(ender->incoming, told_of);
        if (i % 5 == 0)
            reset(fd);
        else
            close(fd);
        for (int j = 0; j < i % 7; j++)
            sched_yield();
        if (i % 2) {
            struct wwi_outgoing outgoing = { 0 };

            answers++;
            wwi_http_incoming.reply(ender->incoming, &outgoing, ender_replied,
                ender);
        } else {
            wwi_http_incoming.drop(ender->incoming);
            ender->ended = true;
        }
    }
    let_everything_run();

    wait_for(&it->replied, answers);
    for (int i = 0; i < ROUNDS; i++) {
        assert_true(enders[i].ended);
        assert_in_range(enders[i].told, 0, 1);
    }
}

static void server__stops_amid_traffic(void **state)
{
    int dropped = 0;

    (void) state;
    for (int round = 0; round < 50; round++) {
        pthread_t workers[WORKERS];
        int fds[CLIENTS];

        it->server = NULL;
        it->stopped = 0;
        it->manner = round % 2 ? HOLD : ECHO;
        if (round == 0)
            start_server();
        else
            assert_int_equal(wwi_http.server_open(it->runtime,
                WWS_STR("http://127.0.0.1:0/calc"), &it->options, &arrivals,
                &it->server, NULL), WWS_S_OK);
        start_workers(workers);
        for (int i = 0; i < CLIENTS; i++) {
            fds[i] = dial();
            for (int j = 0; j < 20; j++)
                put_text(fds[i], REQUEST);
        }
        for (int i = 0; i < round; i++)
            sched_yield();
        stop(round % 3 == 0);
        for (int i = 0; i < CLIENTS; i++)
            close(fds[i]);
        wait_for(&it->stopped, 1);
        end_workers(workers);
        dropped += it->held_count;
        while (it->held_count != 0)
            wwi_http_incoming.drop(it->held[--it->held_count]);
        wwi_http.server_free(it->server);
    }
    it->server = NULL;
    assert_int_equal(it->replied + dropped, it->arrived);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server__frees_its_address_when_it_stops),
        TEST(server__stops_without_connections),
        TEST(server__closes_idle_connections_when_it_stops),
        TEST(server__lets_what_has_arrived_be_answered),
        TEST(server__resets_what_owes_an_answer_if_asked_to),
        TEST(server__can_be_stopped_by_what_arrives),
        TEST(server__stops_in_bounded_time_after_the_last_answer),
        TEST(server__does_not_drain_when_reset),
        TEST(server__stops_while_requests_wait_for_their_turn),
        TEST(server__answers_from_other_threads_while_requests_come),
        TEST(server__tells_nothing_of_a_request_that_has_ended),
        TEST(server__stops_amid_traffic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
