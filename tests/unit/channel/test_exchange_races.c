/* Exchanges with everything at once, in an order that nobody knows. */
#include "tests/support/exchange_calls.h"
#include "tests/support/exchange_fixture.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/support/counters.h"

enum {
    RACERS = 3,
    TURNS = 3125,
};

enum act { ACT_STOP, ACT_DRAIN, ACT_READY, ACT_TIME, ACTS };

static struct {
    struct fake fakes[LANES];
    struct tally tallies[LANES];
    struct subject *_Atomic lanes[LANES];
    _Atomic int turn;
    pthread_barrier_t begin, end;
} race;

static uint32_t random_of(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void act(int lane, enum act what)
{
    struct subject *subject = race.lanes[lane];
    struct wwi_exchange *exchange = &subject->exchange;
    bool took = false;

    switch (what) {
    case ACT_STOP:
        took = wwi_exchange_end(exchange, WWI_ENDING_STOP,
            WWS_E_OPERATION_ABORTED, "stopped");
        break;
    case ACT_DRAIN:
        took = wwi_exchange_end(exchange, WWI_ENDING_DRAIN,
            WWS_E_OPERATION_ABANDONED, "abandoned");
        break;
    case ACT_READY:
        assert_int_equal(write(race.fakes[lane].peer, "k", 1), 1);
        break;
    case ACT_TIME:
    case ACTS:
        wwi_clock_move(1);
        break;
    }
    atomic_fetch_add(&race.tallies[lane].ends, took);
    wwi_exchange_unref(exchange);
}

static void *racer(void *state)
{
    uint32_t seed = *(const uint32_t *) state;
    bool first = seed == 1;

    while (pthread_barrier_wait(&race.begin), race.turn >= 0) {
        uint32_t from = random_of(&seed);

        for (uint32_t i = 0; i < LANES; i++) {
            /* One of them sees to it that callers come back. */
            uint32_t what = random_of(&seed) % (first ? 1000 : ACTS * 8);

            if (first)
                what = what % 2 == 0 ? ACT_STOP : ACT_READY;
            else if (what >= ACTS)
                what = what % 2 == 0 ? ACT_DRAIN : ACT_READY;
            act((int) ((from + i) % LANES), (enum act) what);
        }
        pthread_barrier_wait(&race.end);
    }
    return NULL;
}

static void make_lanes(uint32_t *seed)
{
    for (int i = 0; i < LANES; i++) {
        wws_completion completion = completion_of(&race.tallies[i]);
        bool sync = random_of(seed) % 8 == 0;
        struct subject *subject;

        start_tally(&race.tallies[i]);
        subject = make_subject(&race.tallies[i],
            sync ? NULL : &completion, NULL);
        for (int more = 1; more < RACERS; more++)
            wwi_exchange_ref(&subject->exchange);
        subject->exchange.drain_timeout_ms = random_of(seed) % 64;
        if (random_of(seed) % 2 == 0)
            subject->exchange.deadline =
                wwi_clock_after(random_of(seed) % 64);
        subject->exchange.deadline_drains = random_of(seed) % 2 == 0;
        race.lanes[i] = subject;
    }
}

static void run_lanes(void)
{
    for (int i = 0; i < LANES; i++) {
        struct tally *tally = &race.tallies[i];
        struct wwi_exchange *exchange = &race.lanes[i]->exchange;
        bool sync = !wwi_wait_asynchronous(&exchange->wait);
        wws_status status = wwi_exchange_run(exchange, &race.fakes[i].base);

        if (!sync) {
            assert_int_equal(status, WWS_S_ASYNC);
            continue;
        }
        assert_int_equal(tally->ended, 1);
        atomic_store(&tally->status, status);
        atomic_fetch_add(&tally->heard, 1);
        sem_post(&tally->was_heard);
    }
}

static void check_lane(int lane)
{
    struct tally *tally = &race.tallies[lane];
    struct fake *fake = &race.fakes[lane];
    bool expired;
    char order;

    wait_for_post(&tally->was_heard);
    wait_for_post(&tally->was_over);
    wait_for_post(&tally->was_destroyed);
    assert_all_once(tally);
    expired = tally->status == WWS_E_OPERATION_TIMED_OUT;
    assert_int_equal(tally->ends + tally->result + expired, 1);
    assert_int_equal(tally->result, tally->status == WWS_S_OK);
    assert_ptr_equal(fake->base.track, &fake->base.own_track);
    end_tally(tally);
    while (recv(fake->base.source.fd, &order, 1, MSG_DONTWAIT) == 1)
        ;
    forget_steps(fake);
}

static void race__ends_everything_exactly_once(void **state)
{
    pthread_t threads[RACERS];
    uint32_t seeds[RACERS] = { 1, 2, 3 }, seed = 4;

    (void) state;
    wwi_clock_hold();
    pthread_barrier_init(&race.begin, NULL, RACERS + 1);
    pthread_barrier_init(&race.end, NULL, RACERS + 1);
    for (int i = 0; i < LANES; i++)
        open_fake_client(&race.fakes[i], it->runtime);
    race.turn = 0;
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, racer, &seeds[i]),
            0);

    for (; race.turn < TURNS; race.turn++) {
        make_lanes(&seed);
        pthread_barrier_wait(&race.begin);
        run_lanes();
        pthread_barrier_wait(&race.end);
        wwi_clock_move(1000);
        for (int i = 0; i < LANES; i++)
            check_lane(i);
    }

    race.turn = -1;
    pthread_barrier_wait(&race.begin);
    for (int i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < LANES; i++)
        close_fake_client(&race.fakes[i]);
    pthread_barrier_destroy(&race.begin);
    pthread_barrier_destroy(&race.end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(race__ends_everything_exactly_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
