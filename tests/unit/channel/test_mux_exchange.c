/* Clients of a mux with the exchange that drives them, and races. */
#include "tests/support/mux_fixture.h"

#include <stdio.h>

#include <pthread.h>

#include "core/base/clock.h"
#include "core/channel/exchange.h"

enum { RACES = 300 };

struct call {
    struct wwi_exchange exchange;
    struct hand hand;
    struct wwi_bytes reply;
    wws_status status;
    wws_progress told;
    struct wwi_error *error;
    sem_t over;
    sem_t gone;
    pthread_t thread;
};

static struct call *call_of(struct wwi_exchange *exchange)
{
    return WWI_CONTAINER(exchange, struct call, exchange);
}

static wws_status call_result(
    struct wwi_exchange *exchange,
    wws_status status)
{
    struct wwi_fields fields;

    if (status == WWS_S_OK)
        status = wwi_mux_clients.client_take(exchange->client,
            &call_of(exchange)->reply, &fields);
    return status;
}

static void call_over(struct wwi_exchange *exchange, bool whole)
{
    (void) whole;
    wwi_mux_clients.client_free(exchange->client);
    sem_post(&call_of(exchange)->over);
}

static void call_retired(struct wwi_exchange *exchange)
{
    (void) exchange;
}

static void call_gone(struct wwi_exchange *exchange)
{
    sem_post(&call_of(exchange)->gone);
}

static const struct wwi_exchange_callbacks call_callbacks = {
    .result = call_result,
    .over = call_over,
    .retired = call_retired,
};

static void make_call(struct call *call, const char *id)
{
    *call = (struct call) { 0 };
    sem_init(&call->over, 0, 0);
    sem_init(&call->gone, 0, 0);
    call->error = wwi_error_new();
    assert_int_equal(wwi_exchange_init(&call->exchange, &call_callbacks,
        call_gone, it->runtime, NULL, call->error), WWS_S_OK);
    wwi_exchange_ref(&call->exchange);
    assert_int_equal(wwi_mux_client(it->mux, false, &call->hand.client, NULL),
        WWS_S_OK);
    wwi_mux_clients.client_set_times(call->hand.client, &it->times);
    begin_hand(&call->hand, id, true);
    call->hand.client->track = &call->hand.client->own_track;
}

static void *run_call(void *state)
{
    struct call *call = state;

    call->status = wwi_exchange_run(&call->exchange, call->hand.client);
    return NULL;
}

static void start_call(struct call *call)
{
    assert_int_equal(pthread_create(&call->thread, NULL, run_call, call), 0);
}

static wws_status end_call(struct call *call)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    pthread_join(call->thread, NULL);
    wait_for_post(&call->over);
    wwi_exchange_unref(&call->exchange);
    wait_for_post(&call->gone);
    assert_int_equal(wwi_error_get_info(call->error, &info), WWS_S_OK);
    call->told = info.progress;
    (void) wwi_error_free(call->error);
    wwi_bytes_fini(&call->reply);
    sem_destroy(&call->over);
    sem_destroy(&call->gone);
    return call->status;
}

static void exchange__drives_a_client_to_its_reply(void **state)
{
    struct call call;

    (void) state;
    start_mux();
    fake.hasty = true;
    make_call(&call, "a");
    start_call(&call);
    while (atomic_load(&call.exchange.track.progress) != WWS_PROGRESS_SENT)
        let_loop_turn();

    arrives(REPLY("a"));

    assert_int_equal(end_call(&call), WWS_S_OK);
}

/* G62: a call is over for its caller before its client is. */
static void exchange__that_is_stopped_leaves_no_trace(void **state)
{
    struct call call;

    (void) state;
    start_mux();
    make_call(&call, "a");
    start_call(&call);
    while (!is_queued())
        let_loop_turn();

    assert_true(wwi_exchange_end(&call.exchange, WWI_ENDING_STOP,
        WWS_E_OPERATION_CANCELLED, "cancelled"));

    assert_int_equal(end_call(&call), WWS_E_OPERATION_CANCELLED);
    assert_false(is_queued());
}

static void *stop_call(void *state)
{
    struct call *call = state;

    (void) wwi_exchange_end(&call->exchange, WWI_ENDING_STOP,
        WWS_E_OPERATION_CANCELLED, "cancelled");
    return NULL;
}

/* Nobody hears that nothing was sent, and then it is. */
static bool race(void)
{
    struct call call;
    pthread_t stopper;
    bool left;

    make_call(&call, "a");
    start_call(&call);
    while (!is_queued())
        let_loop_turn();
    assert_int_equal(pthread_create(&stopper, NULL, stop_call, &call), 0);
    left = begin_first();
    pthread_join(stopper, NULL);
    assert_int_equal(end_call(&call), WWS_E_OPERATION_CANCELLED);
    if (left) {
        assert_int_not_equal(call.told, WWS_PROGRESS_NOT_SENT);
        finish_first();
    }
    return left;
}

static void race__of_begin_and_stop_tells_the_truth(void **state)
{
    int left = 0;

    (void) state;
    start_mux();

    for (int i = 0; i < RACES; i++)
        left += race();

    print_message("%d of %d were sent\n", left, RACES);
}

/* G75: each reply is taken or counted, and none is both. */
static void *reply_to_all(void *state)
{
    char text[800];

    for (int i = 0; i < CROWD; i++) {
        snprintf(text, sizeof text, REPLY("%d"), i, i);
        sem_post(state);
        arrives(text);
    }
    return NULL;
}

static void race__of_replies_and_leaving_loses_no_reply(void **state)
{
    struct hand *hands = test_calloc(CROWD, sizeof *hands);
    pthread_t replier;
    sem_t comes;
    char id[16];
    uint64_t taken = 0;

    (void) state;
    start_mux();
    sem_init(&comes, 0, 0);
    for (int i = 0; i < CROWD; i++) {
        snprintf(id, sizeof id, "%d", i);
        hand_asks(&hands[i], id);
    }
    assert_int_equal(pthread_create(&replier, NULL, reply_to_all, &comes),
        0);

    for (int i = 0; i < CROWD; i++) {
        snprintf(id, sizeof id, ">%d<", i);
        wait_for_post(&comes);
        if (step_hand(&hands[i]) == WWS_S_OK) {
            assert_takes(&hands[i], id);
            taken++;
        }
        free_hand(&hands[i]);
    }

    pthread_join(replier, NULL);
    sem_destroy(&comes);
    print_message("%d of %d were taken\n", (int) taken, CROWD);
    assert_int_equal(taken + dropped(), CROWD);
    test_free(hands);
}

static void race__of_close_and_calls_ends_them_all(void **state)
{
    (void) state;
    for (int i = 0; i < RACES; i++) {
        struct call a, b;

        start_mux();
        fake.hasty = i % 2 != 0;
        make_call(&a, "a");
        make_call(&b, "b");
        start_call(&a);
        start_call(&b);

        wwi_mux_close(it->mux, wwi_clock_now(), mux_closed, NULL);

        assert_true(end_call(&a) < 0);
        assert_true(end_call(&b) < 0);
        (void) hear_closed();
        assert_int_equal(fake.freed, 1);
        wwi_lock_fini(&fake.lock);
        open_fake();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exchange__drives_a_client_to_its_reply),
        TEST(exchange__that_is_stopped_leaves_no_trace),
        TEST(race__of_begin_and_stop_tells_the_truth),
        TEST(race__of_replies_and_leaving_loses_no_reply),
        TEST(race__of_close_and_calls_ends_them_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
