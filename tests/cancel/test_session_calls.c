/* A thousand calls in one session, and any of them stopped in any way: the
 * session goes on, and all others are answered with what is theirs.
 *
 * WWS_SEED is what the choices follow from; the seed of a run is printed. */
#include "tests/support/public/dice.h"
#include "tests/support/public/world.h"

#include <time.h>

enum { CALLS = 1000, ROUNDS = 12, GROUP = 1 };

enum fate { ANSWERED, CANCELLED, ABANDONED, TIMED_OUT, FATES };

static const wws_error no_error;

struct flight {
    struct call call;
    struct heard heard;
    wws_call handle;
    enum fate fate;
    char body[64];
};

struct session {
    struct world world;
    struct dice dice;
    struct flight flights[CALLS];
    unsigned fates[FATES];
};

static void choose(struct session *session, struct flight *flight, unsigned i)
{
    int size = snprintf(flight->body, sizeof flight->body,
        "<t:x xmlns:t=\"urn:wws:test\">%u</t:x>", i);

    flight->fate = (enum fate) roll(&session->dice, FATES);
    session->fates[flight->fate]++;
    flight->call = call_to(session->world.proxy, ACTION_LATER);
    flight->call.body = (wws_bytes) { flight->body, (size_t) size };
    flight->call.options.call_id = flight->fate == ABANDONED ? GROUP : 2;
    if (flight->fate == TIMED_OUT)
        flight->call.options.timeout_ms = 1 + roll(&session->dice, 100);
    must(wws_call_create(&flight->handle, no_error) == WWS_S_OK);
    flight->call.handle = &flight->handle;
}

static void begin(struct session *session, uint64_t seed)
{
    wws_service_proxy_options options = proxy_options();
    struct world *world = &session->world;

    memset(session, 0, sizeof *session);
    session->dice.state = seed * 0x9E3779B97F4A7C15u | 1;
    options.max_pending_calls = CALLS;
    world_begin(world, NULL);
    world->gate.registers = true;
    world_add_host(world, NULL, NULL);
    world->proxy = world_proxy(world, &options, world->url);
    for (unsigned i = 0; i < CALLS; i++) {
        struct flight *flight = &session->flights[i];

        choose(session, flight, i);
        hear(&flight->heard, roll(&session->dice, 8) == 0 ? QUEUE : CALLBACK,
            start_call, &flight->call);
    }
}

/* Those that nobody stops soon. */
static bool most_have_entered(void *state)
{
    struct session *session = state;
    struct gate *gate = &session->world.gate;

    return gate_read(gate, &gate->entered)
        >= CALLS - session->fates[TIMED_OUT];
}

static void stop(struct session *session)
{
    unsigned first = roll(&session->dice, CALLS);
    unsigned abandons = roll(&session->dice, CALLS);

    for (unsigned i = 0; i < CALLS; i++) {
        const struct flight *flight =
            &session->flights[(first + i) % CALLS];

        if (flight->fate == CANCELLED)
            assert_status(wws_call_cancel(flight->handle), WWS_S_OK);
        if (i == abandons)
            assert_status(wws_service_proxy_abandon_call(
                session->world.proxy, GROUP, no_error), WWS_S_OK);
    }
}

static void hear_fate(struct session *session, enum fate fate)
{
    static const wws_status statuses[] = { WWS_S_OK,
        WWS_E_OPERATION_CANCELLED, WWS_E_OPERATION_ABANDONED,
        WWS_E_OPERATION_TIMED_OUT };

    for (unsigned i = 0; i < CALLS; i++) {
        struct flight *flight = &session->flights[i];

        if (flight->fate != fate)
            continue;
        assert_status(heard_end(&flight->heard), statuses[fate]);
        if (fate != ANSWERED) {
            assert_null(flight->call.reply.data);
            continue;
        }
        assert_int_equal(flight->call.reply.size, flight->call.body.size);
        assert_memory_equal(flight->call.reply.data, flight->body,
            flight->call.body.size);
        wws_buffer_release(&flight->call.reply);
    }
}

/* PR1, D14, D18, G61, G63, G65, G70, G72, G75, G83, G84, hazard 18 */
static void stopped_calls__leave_the_session_and_the_others_alone(void **state)
{
    uint64_t seed = setting("WWS_SEED", (uint64_t) time(NULL));
    struct session *session = malloc(sizeof *session);
    struct world *world = &session->world;

    (void) state;
    must(session != NULL);
    print_message("WWS_SEED=%llu\n", (unsigned long long) seed);
    for (unsigned i = 0; i < ROUNDS; i++, seed++) {
        wws_service_proxy_state proxy;

        begin(session, seed);
        /* Some are stopped before they are sent, or while they are. */
        if (seed % 2 == 0)
            assert_true(await(most_have_entered, session));
        stop(session);
        for (int fate = CANCELLED; fate < FATES; fate++)
            hear_fate(session, fate);
        assert_true(session->fates[ANSWERED] > 0);
        gate_open(&world->gate);
        hear_fate(session, ANSWERED);

        assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
        assert_status(wws_service_proxy_get_state(world->proxy, &proxy,
            no_error), WWS_S_OK);
        assert_int_equal(proxy, WWS_SERVICE_PROXY_STATE_OPEN);
        assert_status(wws_service_proxy_close(world->proxy, NULL, no_error),
            WWS_S_OK);
        assert_int_equal(counter(world, WWS_COUNTER_CONNECTIONS_OPENED), 1);
        assert_int_equal(gate_read(&world->gate, &world->gate.told), 0);
        assert_true(world_end(world));
    }
    free(session);
}

/* D18: with nothing stopped on the way, each late answer is counted. */
static void late_answers__are_dropped_one_by_one(void **state)
{
    enum { STOPPED = 50 };
    struct world *world = *state;
    struct call calls[STOPPED];
    struct heard heard[STOPPED];
    wws_call handles[STOPPED];

    for (int i = 0; i < STOPPED; i++) {
        calls[i] = call_to(world->proxy, ACTION_LATER);
        assert_status(wws_call_create(&handles[i], no_error), WWS_S_OK);
        calls[i].handle = &handles[i];
        hear(&heard[i], CALLBACK, start_call, &calls[i]);
    }
    assert_true(gate_reaches(&world->gate, &world->gate.entered, STOPPED));
    for (int i = 0; i < STOPPED; i++) {
        assert_status(wws_call_cancel(handles[i]), WWS_S_OK);
        assert_status(heard_end(&heard[i]), WWS_E_OPERATION_CANCELLED);
    }
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    assert_int_equal(counter(world, WWS_COUNTER_LATE_REPLY_DROPPED), 0);
    gate_open(&world->gate);

    assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED,
        STOPPED));
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
}

/* A thousand queues and callbacks at once. */
static int warm_up(void **state)
{
    (void) state;
    world_warm_up_for(200);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(
            stopped_calls__leave_the_session_and_the_others_alone,
            (void *) OVER_TCP),
        over(OVER_TCP, late_answers__are_dropped_one_by_one),
    };

    return run_promises(tests, warm_up, world_cool_down);
}
