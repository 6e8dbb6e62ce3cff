/* The life of a service proxy: every function in every state.  Over HTTP
 * opening waits for nothing, so that OPENING is met only by racing it; all
 * other states are held, CLOSING by a callback that does not return. */
#include "tests/conformance/table.h"
#include "tests/support/public/peer.h"
#include "tests/support/public/world.h"

static const wws_error no_error;

enum {
    CREATED = WWS_SERVICE_PROXY_STATE_CREATED,
    OPENING = WWS_SERVICE_PROXY_STATE_OPENING,
    OPEN = WWS_SERVICE_PROXY_STATE_OPEN,
    CLOSING = WWS_SERVICE_PROXY_STATE_CLOSING,
    CLOSED = WWS_SERVICE_PROXY_STATE_CLOSED,
    FAULTED = WWS_SERVICE_PROXY_STATE_FAULTED,
};

/* A proxy in one of its states, and all that it takes to get there. */
struct rig {
    struct world *world;
    struct call call;
    struct call held;   /* waits at the gate, then in its callback */
    struct hold hold;
    struct heard pending;
    struct heard closing;
    bool is_closing;
    struct peer mute;   /* while it is opening */
    struct heard opening;
    bool is_opening;
    const char *url;
};

static wws_service_proxy_state proxy_state(wws_service_proxy proxy)
{
    wws_service_proxy_state state;

    must(wws_service_proxy_get_state(proxy, &state, no_error) == WWS_S_OK);
    return state;
}

static wws_status start_open(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_service_proxy_open(rig->call.proxy, text(rig->url), completion,
        error);
}

static wws_status start_close(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_service_proxy_close(rig->call.proxy, completion, error);
}

static wws_status start_one_call(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return start_call(&rig->call, completion, error);
}

static void rig_begin_with(
    struct rig *rig,
    struct world *world,
    const wws_service_proxy_options *options)
{
    wws_service_proxy proxy;

    must(wws_service_proxy_create(world->runtime, options, &proxy, no_error)
        == WWS_S_OK);
    *rig = (struct rig) { .world = world, .url = world->url };
    rig->call = call_to(proxy, ACTION_ECHO);
    rig->held = call_to(proxy, ACTION_WAIT);
    hold_init(&rig->hold);
}

static void rig_begin(struct rig *rig, struct world *world)
{
    const wws_service_proxy_options options = proxy_options();

    rig_begin_with(rig, world, &options);
}

/* The proxy may be freed already. */
static void rig_end(struct rig *rig)
{
    hold_release(&rig->hold);
    (void) wws_service_proxy_free(rig->call.proxy);
    if (rig->is_closing) {
        (void) heard_end(&rig->pending);
        (void) heard_end(&rig->closing);
        gate_release(&rig->world->gate, 1);
        must(gate_empties(&rig->world->gate));
    }
    if (rig->is_opening) {
        (void) heard_end(&rig->opening);
        peer_stop(&rig->mute);
    }
    wws_buffer_release(&rig->call.reply);
    wws_buffer_release(&rig->held.reply);
}

static void reach_created(struct rig *rig)
{
    (void) rig;
}

static void reach_latched(struct rig *rig)
{
    must(wws_service_proxy_abort(rig->call.proxy) == WWS_S_OK);
}

static void reach_opening(struct rig *rig)
{
    const struct peer_script mute = { .mute = true };

    peer_start(&rig->mute, &mute);
    rig->url = rig->mute.url;
    hear(&rig->opening, CALLBACK, start_open, rig);
    rig->is_opening = true;
}

static void reach_open(struct rig *rig)
{
    must(start_open(rig, NULL, no_error) == WWS_S_OK);
}

static void reach_closing(struct rig *rig)
{
    struct gate *gate = &rig->world->gate;
    unsigned entered = gate_read(gate, &gate->entered);

    reach_open(rig);
    hear_inside(&rig->pending, start_call, &rig->held, hold_on, &rig->hold);
    must(gate_reaches(gate, &gate->entered, entered + 1));
    hear(&rig->closing, CALLBACK, start_close, rig);
    rig->is_closing = true;
}

static void reach_closed(struct rig *rig)
{
    reach_open(rig);
    must(start_close(rig, NULL, no_error) == WWS_S_OK);
}

static void reach_faulted(struct rig *rig)
{
    reach_open(rig);
    must(wws_service_proxy_abort(rig->call.proxy) == WWS_S_OK);
}

/* The functions that do not wait, in the form of those that do. */

static wws_status do_abandon_all(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    (void) completion;
    return wws_service_proxy_abandon_call(rig->call.proxy, 0, error);
}

static wws_status do_abandon_unknown(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    (void) completion;
    return wws_service_proxy_abandon_call(rig->call.proxy, 77, error);
}

static void abort_it(void *state)
{
    const struct rig *rig = state;

    must(wws_service_proxy_abort(rig->call.proxy) == WWS_S_OK);
}

static wws_status do_abort(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    (void) completion;
    (void) error;
    return wws_service_proxy_abort(rig->call.proxy);
}

static wws_status do_reset(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    (void) completion;
    return wws_service_proxy_reset(rig->call.proxy, error);
}

static wws_status do_get_state(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;
    wws_service_proxy_state unused;

    (void) completion;
    return wws_service_proxy_get_state(rig->call.proxy, &unused, error);
}

static void *subject_of(struct rig *rig)
{
    return rig;
}

static uint32_t state_of(const struct rig *rig)
{
    return proxy_state(rig->call.proxy);
}

/* L9 */
static bool reply_untouched(const struct rig *rig)
{
    return rig->call.reply.data == NULL;
}

/* The table of 3. */

static const struct column columns[] = {
    { "created", CREATED, reach_created },
    { "created and aborted", CREATED, reach_latched },
    { "open", OPEN, reach_open },
    { "closing", CLOSING, reach_closing },
    { "closed", CLOSED, reach_closed },
    { "faulted", FAULTED, reach_faulted },
    /* Only where a session is opened. */
    { "opening", OPENING, reach_opening },
};

static const struct row rows[] = {
    /* created  aborted  open  closing  closed  faulted  opening */
    { "open", start_open, true, { TO(OPEN), ABT, INV, INV, INV, INV, INV } },
    { "call", start_one_call, true, { INV, INV, OK, INV, INV, FLT, INV } },
    { "abandon all", do_abandon_all, false,
        { INV, INV, OK, OK, INV, OK, INV } },
    { "abandon an unknown group", do_abandon_unknown, false,
        { INV, INV, OK, OK, INV, OK, INV } },
    { "abort", do_abort, false,
        { OK, OK, TO(FAULTED), OK, OK, OK, TO(CREATED) } },
    { "close", start_close, true,
        { TO(CLOSED), TO(CLOSED), TO(CLOSED), INV, OK, TO(CLOSED), INV } },
    { "reset", do_reset, false, { OK, OK, INV, INV, TO(CREATED), INV, INV } },
    { "get state", do_get_state, false, { OK, OK, OK, OK, OK, OK, OK } },
};

static size_t columns_here(void)
{
    return COUNT(columns) - (wire()->has_sessions ? 0 : 1);
}

/* T3, L2, L3, G1, G6, G9 to G12, G44, G60, G68, A1 to A5, D1, D3, D4, D6, D15,
 * D16, PR7 */
static void proxy__keeps_its_table_of_states(void **state)
{
    const struct table table = { columns, columns_here(), rows, COUNT(rows),
        rig_begin, rig_end, subject_of, state_of, reply_untouched };
    struct rig rig;

    table_walk(&table, *state, &rig);
}

/* D12, R2, E6: and the zero handle is nothing to free. */
static void proxy__can_be_freed_in_every_state(void **state)
{
    for (size_t i = 0; i < columns_here(); i++) {
        struct rig rig;

        rig_begin(&rig, *state);
        columns[i].reach(&rig);
        assert_status(wws_service_proxy_free(rig.call.proxy), WWS_S_OK);

        for (size_t k = 0; k < COUNT(rows); k++)
            assert_status(rows[k].start(&rig, NULL, no_error), WWS_E_HANDLE);
        assert_status(wws_service_proxy_free(rig.call.proxy), WWS_E_HANDLE);
        rig_end(&rig);
    }
    assert_status(wws_service_proxy_free((wws_service_proxy) { 0 }), WWS_S_OK);
}

/* L1, L2 */
static void proxy__finds_bad_arguments_before_bad_states(void **state)
{
    wws_completion none = WWS_COMPLETION_INIT;
    wws_completion small = WWS_COMPLETION_INIT;

    small.struct_size = 8;
    for (size_t i = 0; i < columns_here(); i++) {
        struct call call;
        struct rig rig;

        rig_begin(&rig, *state);
        columns[i].reach(&rig);
        call = rig.call;
        assert_status(wws_service_proxy_open(call.proxy,
            (wws_string) { NULL, 0 }, NULL, no_error), WWS_E_INVALIDARG);
        assert_status(start_open(&rig, &none, no_error), WWS_E_INVALIDARG);
        assert_status(start_open(&rig, &small, no_error), WWS_E_INVALIDARG);
        assert_status(start_close(&rig, &none, no_error), WWS_E_INVALIDARG);
        assert_status(start_close(&rig, &small, no_error), WWS_E_INVALIDARG);
        assert_status(start_call(&call, &none, no_error), WWS_E_INVALIDARG);
        assert_status(start_call(&call, &small, no_error), WWS_E_INVALIDARG);
        call.options.struct_size = 8;
        assert_status(start_call(&call, NULL, no_error), WWS_E_INVALIDARG);
        call = rig.call;
        call.action = "";
        assert_status(start_call(&call, NULL, no_error), WWS_E_INVALIDARG);
        assert_status(wws_service_proxy_get_state(call.proxy, NULL, no_error),
            WWS_E_INVALIDARG);

        assert_int_equal(proxy_state(call.proxy), columns[i].state);
        rig_end(&rig);
    }
}

/* L1, G4, G60: no handle is a wrong argument, but for free. */
static void proxy__functions_want_a_handle(void **state)
{
    struct rig rig;

    rig_begin(&rig, *state);
    assert_status(wws_service_proxy_free(rig.call.proxy), WWS_S_OK);
    rig.call.proxy = (wws_service_proxy) { 0 };
    for (size_t k = 0; k < COUNT(rows); k++)
        assert_status(rows[k].start(&rig, NULL, no_error), WWS_E_INVALIDARG);
    rig_end(&rig);
}

/* L9, E2, A9 */
static void proxy__leaves_outputs_alone_when_it_fails(void **state)
{
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;
    wws_service_proxy proxy = { 77 };
    wws_service_proxy_state value = 77;
    const struct peer_script breaks = { .then = PEER_CLOSES };
    struct peer peer;
    struct rig rig;

    options.transport = 77;
    assert_status(wws_service_proxy_create(world->runtime, &options, &proxy,
        no_error), WWS_E_INVALIDARG);
    assert_int_equal(proxy.id, 77);
    assert_status(wws_service_proxy_get_state(proxy, &value, no_error),
        WWS_E_HANDLE);
    assert_int_equal(value, 77);

    peer_start(&peer, &breaks);
    rig_begin(&rig, world);
    assert_status(wws_service_proxy_free(rig.call.proxy), WWS_S_OK);
    rig.call.reply = (wws_buffer) { .data = &options, .size = 77 };
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;

        rig.call.proxy = world_proxy(world, NULL, peer.url);
        hear(&heard, manner, start_one_call, &rig);
        assert_status(heard_end(&heard), WWS_E_ENDPOINT_DISCONNECTED);
        assert_ptr_equal(rig.call.reply.data, &options);
        assert_int_equal(rig.call.reply.size, 77);
        assert_status(wws_service_proxy_free(rig.call.proxy), WWS_S_OK);
    }
    rig.call.proxy = (wws_service_proxy) { 0 };
    rig.call.reply = (wws_buffer) { 0 };
    rig_end(&rig);
    peer_stop(&peer);
}

/* D1, G12: the open that fails consumes it, and reset forgets it. */
static void proxy__remembers_an_abort_until_open_or_reset(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int resets = 0; resets < 2; resets++) {
            struct heard heard;
            struct rig rig;

            rig_begin(&rig, *state);
            reach_latched(&rig);
            if (resets)
                assert_status(do_reset(&rig, NULL, no_error), WWS_S_OK);
            else
                assert_status(start_open(&rig, NULL, no_error),
                    WWS_E_OPERATION_ABORTED);
            hear(&heard, manner, start_open, &rig);
            assert_status(heard_end(&heard), WWS_S_OK);
            assert_status(start_one_call(&rig, NULL, no_error), WWS_S_OK);
            rig_end(&rig);
        }
}

struct race {
    struct rig rig;
    pthread_barrier_t start;
};

static void *open_at_once(void *state)
{
    struct race *race = state;
    wws_status status;

    pthread_barrier_wait(&race->start);
    status = start_open(&race->rig, NULL, no_error);
    return (void *) (intptr_t) status;
}

/* G12, G13, G40, L8: before or during the open, it fails and the proxy can be
 * opened again at once; after it, the proxy is faulted. */
static void proxy_abort__leaves_a_racing_open_one_result(void **state)
{
    struct race race;

    must(pthread_barrier_init(&race.start, NULL, 2) == 0);
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        void *status;

        rig_begin(&race.rig, *state);
        must(pthread_create(&thread, NULL, open_at_once, &race) == 0);
        pthread_barrier_wait(&race.start);
        assert_status(do_abort(&race.rig, NULL, no_error), WWS_S_OK);
        must(pthread_join(thread, &status) == 0);

        if ((wws_status) (intptr_t) status == WWS_S_OK) {
            assert_int_equal(proxy_state(race.rig.call.proxy), FAULTED);
        } else {
            assert_status((wws_status) (intptr_t) status,
                WWS_E_OPERATION_ABORTED);
            assert_int_equal(proxy_state(race.rig.call.proxy), CREATED);
            assert_status(start_open(&race.rig, NULL, no_error), WWS_S_OK);
        }
        rig_end(&race.rig);
    }
    pthread_barrier_destroy(&race.start);
}

/* G14, G42, G49: what close answers does not matter, the proxy is closed; but
 * for INV, which leaves the first close alone. */
static void proxy_close__is_over_whatever_it_answers(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard second;
        struct rig rig;

        rig_begin(&rig, *state);
        reach_closing(&rig);
        hear(&second, manner, start_close, &rig);
        assert_status(heard_end(&second), WWS_E_INVALID_OPERATION);
        assert_int_equal(proxy_state(rig.call.proxy), CLOSING);
        assert_false(heard_yet(&rig.closing));
        assert_status(do_abort(&rig, NULL, no_error), WWS_S_OK);
        hold_release(&rig.hold);

        assert_status(heard_wait(&rig.pending), WWS_E_OPERATION_ABORTED);
        assert_status(heard_wait(&rig.closing), WWS_E_OPERATION_ABORTED);
        assert_int_equal(proxy_state(rig.call.proxy), CLOSED);
        rig_end(&rig);
    }
}

/* The same as a sequence: calls at the gate, begun and not heard of. */
struct crowd {
    struct rig rig;
    struct call calls[3];
    struct heard heard[3];
};

static void crowd_call(
    struct crowd *crowd,
    enum manner manner,
    unsigned count)
{
    struct gate *gate = &crowd->rig.world->gate;
    unsigned entered = gate_read(gate, &gate->entered);

    for (unsigned i = 0; i < count; i++) {
        crowd->calls[i] = crowd->rig.held;
        hear(&crowd->heard[i], manner, start_call, &crowd->calls[i]);
    }
    must(gate_reaches(gate, &gate->entered, entered + count));
}

static void crowd_hear(struct crowd *crowd, unsigned count, wws_status status)
{
    for (unsigned i = 0; i < count; i++) {
        assert_status(heard_end(&crowd->heard[i]), status);
        wws_buffer_release(&crowd->calls[i].reply);
    }
}

/* PR4, G86: refused at once, the proxy stays open and the others go on. */
static void proxy_call__beyond_the_limit_is_refused_at_once(void **state)
{
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;

    options.max_pending_calls = 3;
    for (int manner = 0; manner < MANNERS; manner++) {
        struct crowd crowd;
        struct heard heard;

        rig_begin_with(&crowd.rig, world, &options);
        reach_open(&crowd.rig);
        crowd_call(&crowd, manner, 3);
        for (int how = 0; how < MANNERS; how++) {
            hear(&heard, how, start_one_call, &crowd.rig);
            assert_status(heard_end(&heard), WWS_E_QUOTA_EXCEEDED);
            assert_true(how == SYNC
                || heard.returned == WWS_E_QUOTA_EXCEEDED);
        }
        assert_int_equal(proxy_state(crowd.rig.call.proxy), OPEN);
        for (int i = 0; i < 3; i++)
            assert_false(heard_yet(&crowd.heard[i]));

        gate_release(&world->gate, 3);
        crowd_hear(&crowd, 3, WWS_S_OK);
        hear(&heard, manner, start_one_call, &crowd.rig);
        assert_status(heard_end(&heard), WWS_S_OK);
        rig_end(&crowd.rig);
    }
}

/* D20, G74: those that were abandoned still count, until their replies came. */
static void proxy_call__counts_abandoned_calls(void **state)
{
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;
    struct crowd crowd;

    options.max_pending_calls = 3;
    rig_begin_with(&crowd.rig, world, &options);
    reach_open(&crowd.rig);
    crowd_call(&crowd, CALLBACK, 3);
    assert_status(do_abandon_all(&crowd.rig, NULL, no_error), WWS_S_OK);
    crowd_hear(&crowd, 3, WWS_E_OPERATION_ABANDONED);
    assert_status(start_one_call(&crowd.rig, NULL, no_error),
        WWS_E_QUOTA_EXCEEDED);

    gate_release(&world->gate, 3);
    assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED, 3));
    assert_status(start_close(&crowd.rig, NULL, no_error), WWS_S_OK);
    assert_status(do_reset(&crowd.rig, NULL, no_error), WWS_S_OK);
    assert_status(start_open(&crowd.rig, NULL, no_error), WWS_S_OK);
    assert_status(start_one_call(&crowd.rig, NULL, no_error), WWS_S_OK);
    rig_end(&crowd.rig);
}

/* PR6, G48, G49, D21: then the proxy aborts itself. */
static void proxy_close__aborts_calls_when_its_time_is_over(void **state)
{
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;

    options.max_close_timeout_ms = 30;
    for (int manner = 0; manner < MANNERS; manner++)
        for (int how = 0; how < MANNERS; how++) {
            struct crowd crowd;
            struct heard closing;

            rig_begin_with(&crowd.rig, world, &options);
            reach_open(&crowd.rig);
            crowd_call(&crowd, manner, 3);
            hear(&closing, how, start_close, &crowd.rig);
            assert_status(heard_end(&closing), WWS_E_OPERATION_TIMED_OUT);

            assert_int_equal(proxy_state(crowd.rig.call.proxy), CLOSED);
            crowd_hear(&crowd, 3, WWS_E_OPERATION_ABORTED);
            gate_release(&world->gate, 3);
            assert_true(gate_empties(&world->gate));
            assert_status(do_reset(&crowd.rig, NULL, no_error), WWS_S_OK);
            assert_status(start_open(&crowd.rig, NULL, no_error), WWS_S_OK);
            assert_status(start_one_call(&crowd.rig, NULL, no_error),
                WWS_S_OK);
            rig_end(&crowd.rig);
        }
}

/* G47, PR7, D38: the calls before it end as they would, later ones are
 * refused. */
static void proxy_close__waits_for_calls_and_lets_none_begin(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct crowd crowd;
        struct heard closing, late;

        rig_begin(&crowd.rig, world);
        reach_open(&crowd.rig);
        crowd_call(&crowd, manner, 3);
        hear(&closing, CALLBACK, start_close, &crowd.rig);
        assert_int_equal(proxy_state(crowd.rig.call.proxy), CLOSING);
        hear(&late, manner, start_one_call, &crowd.rig);
        assert_status(heard_end(&late), WWS_E_INVALID_OPERATION);
        assert_false(heard_yet(&closing));

        gate_release(&world->gate, 3);
        crowd_hear(&crowd, 3, WWS_S_OK);
        assert_status(heard_end(&closing), WWS_S_OK);
        assert_int_equal(proxy_state(crowd.rig.call.proxy), CLOSED);
        rig_end(&crowd.rig);
    }
}

/* D16, D21, G77: in CLOSING its callers are released, and close waits for what
 * goes on in the background. */
static void proxy_abandon__works_while_the_proxy_closes(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct crowd crowd;
        struct heard closing;

        rig_begin(&crowd.rig, world);
        reach_open(&crowd.rig);
        crowd_call(&crowd, manner, 3);
        hear(&closing, CALLBACK, start_close, &crowd.rig);
        assert_status(do_abandon_all(&crowd.rig, NULL, no_error), WWS_S_OK);
        crowd_hear(&crowd, 3, WWS_E_OPERATION_ABANDONED);
        assert_int_equal(proxy_state(crowd.rig.call.proxy), CLOSING);
        assert_false(heard_yet(&closing));

        gate_release(&world->gate, 3);
        assert_status(heard_end(&closing), WWS_S_OK);
        rig_end(&crowd.rig);
    }
}

/* D15, D17, G66, G68, G70: only a call's own group, or all. */
static void proxy_abandon__of_another_group_does_nothing(void **state)
{
    struct world *world = *state;
    struct crowd crowd;

    rig_begin(&crowd.rig, world);
    reach_open(&crowd.rig);
    crowd.rig.held.options.call_id = 5;
    crowd_call(&crowd, CALLBACK, 3);
    assert_status(do_abandon_unknown(&crowd.rig, NULL, no_error), WWS_S_OK);
    for (int i = 0; i < 3; i++)
        assert_false(heard_yet(&crowd.heard[i]));

    assert_status(wws_service_proxy_abandon_call(crowd.rig.call.proxy, 5,
        no_error), WWS_S_OK);
    crowd_hear(&crowd, 3, WWS_E_OPERATION_ABANDONED);
    assert_int_equal(proxy_state(crowd.rig.call.proxy), OPEN);
    gate_release(&world->gate, 3);
    rig_end(&crowd.rig);
    assert_true(gate_empties(&world->gate));
}

static wws_status open_nowhere(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_service_proxy_open(rig->call.proxy,
        WWS_STR("gopher://nowhere/"), completion, error);
}

/* T3: after it the proxy is as if created. */
static void proxy_open__that_fails_leaves_the_proxy_created(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state);
        for (int again = 0; again < 2; again++) {
            hear(&heard, manner, open_nowhere, &rig);
            assert_status(heard_end(&heard), WWS_E_INVALID_ENDPOINT_URL);
            assert_int_equal(proxy_state(rig.call.proxy), CREATED);
        }
        assert_status(start_open(&rig, NULL, no_error), WWS_S_OK);
        assert_status(start_one_call(&rig, NULL, no_error), WWS_S_OK);
        rig_end(&rig);

        rig_begin(&rig, *state);
        assert_status(open_nowhere(&rig, NULL, no_error),
            WWS_E_INVALID_ENDPOINT_URL);
        assert_status(start_close(&rig, NULL, no_error), WWS_S_OK);
        assert_int_equal(proxy_state(rig.call.proxy), CLOSED);
        rig_end(&rig);
    }
}

/* T3: it connects. */
static void proxy_open__to_nobody_leaves_the_proxy_created(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state);
        rig.url = wire()->nowhere;
        hear(&heard, manner, start_open, &rig);
        assert_status(heard_wait(&heard), WWS_E_ENDPOINT_NOT_FOUND);
        assert_true(heard_says(&heard, "cannot be opened"));
        assert_status(heard_end(&heard), WWS_E_ENDPOINT_NOT_FOUND);
        assert_int_equal(proxy_state(rig.call.proxy), CREATED);
        rig.url = rig.world->url;
        assert_status(start_open(&rig, NULL, no_error), WWS_S_OK);
        assert_status(start_one_call(&rig, NULL, no_error), WWS_S_OK);
        rig_end(&rig);
    }
}

/* G85, D22: with a peer that never says a word; then it is as if created. */
static void proxy_open__ends_when_its_time_is_over(void **state)
{
    const struct peer_script mute = { .mute = true };
    wws_service_proxy_options options = proxy_options();
    struct peer peer;

    options.call_timeout_ms = 500;
    peer_start(&peer, &mute);
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin_with(&rig, *state, &options);
        rig.url = peer.url;
        hear(&heard, manner, start_open, &rig);
        assert_status(heard_end(&heard), WWS_E_OPERATION_TIMED_OUT);
        assert_int_equal(proxy_state(rig.call.proxy), CREATED);
        assert_true(peer_reaches(&peer, &peer.gone, manner + 1));
        rig_end(&rig);
    }
    peer_stop(&peer);
}

/* G5, G7, G13, G40, A62: wherever abort is called, while the peer is silent. */
static void proxy_abort__ends_a_pending_open(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            const struct peer_script mute = { .mute = true };
            struct heard heard;
            struct peer peer;
            struct rig rig;

            peer_start(&peer, &mute);
            rig_begin(&rig, *state);
            rig.url = peer.url;
            hear(&heard, manner, start_open, &rig);
            assert_true(peer_reaches(&peer, &peer.accepted, 1));
            call_at(*state, place, abort_it, &rig);
            assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
            assert_int_equal(proxy_state(rig.call.proxy), CREATED);
            assert_true(peer_reaches(&peer, &peer.gone, 1));
            rig_end(&rig);
            peer_stop(&peer);
        }
}

/* PR3, PR2: what one call cannot reach is its own failure. */
static void proxy_open__needs_no_server(void **state)
{
    struct rig rig;

    rig_begin(&rig, *state);
    assert_status(wws_service_proxy_open(rig.call.proxy,
        text(wire()->nowhere), NULL, no_error), WWS_S_OK);
    assert_status(start_one_call(&rig, NULL, no_error),
        WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(proxy_state(rig.call.proxy), OPEN);
    rig_end(&rig);
}

/* PR8, R1: to another address, with the options of the beginning; what was
 * connected to the old one is gone. */
static void proxy_reset__lets_it_be_opened_to_another_address(void **state)
{
    static const struct peer_script script = {
        .answers = true,
        .again = true,
    };
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;
    static char large[4000];
    struct peer peers[2];
    struct rig rig;

    peer_start(&peers[0], &script);
    peer_start(&peers[1], &script);
    memset(large, ' ', sizeof large);
    options.max_message_size = 2000;
    rig_begin_with(&rig, world, &options);
    for (unsigned i = 0; i < 4; i++) {
        struct call call = rig.call;

        assert_status(wws_service_proxy_open(call.proxy,
            text(peers[i % 2].url), NULL, no_error), WWS_S_OK);
        call.body = (wws_bytes) { large, sizeof large };
        assert_status(start_call(&call, NULL, no_error),
            WWS_E_QUOTA_EXCEEDED);
        assert_status(call_now(call.proxy, ACTION_ECHO), WWS_S_OK);
        assert_true(peer_reaches(&peers[i % 2], &peers[i % 2].served,
            i / 2 + 1));
        if (i >= 2)
            assert_status(do_abort(&rig, NULL, no_error), WWS_S_OK);
        assert_status(start_close(&rig, NULL, no_error), WWS_S_OK);
        assert_true(peer_reaches(&peers[i % 2], &peers[i % 2].gone,
            i / 2 + 1));
        assert_status(do_reset(&rig, NULL, no_error), WWS_S_OK);
    }
    rig_end(&rig);
    peer_stop(&peers[0]);
    peer_stop(&peers[1]);
}

struct inside {
    struct rig *rig;
    wws_status blocking;
    struct heard beside;
};

static void close_inside(struct heard *heard)
{
    struct inside *inside = heard->inside_state;

    inside->blocking = start_close(inside->rig, NULL, no_error);
    hear(&inside->beside, QUEUE, start_close, inside->rig);
}

/* D34: a close that waits for the callback it is called in is refused; one that
 * does not wait there is fine. */
static void proxy_close__in_its_own_callback_must_not_wait(void **state)
{
    struct inside inside;
    struct heard heard;
    struct rig rig;

    rig_begin(&rig, *state);
    reach_open(&rig);
    inside.rig = &rig;
    hear_inside(&heard, start_one_call, &rig, close_inside, &inside);
    assert_status(heard_end(&heard), WWS_S_OK);
    assert_status(inside.blocking, WWS_E_INVALID_OPERATION);
    assert_status(inside.beside.returned, WWS_S_ASYNC);
    assert_status(heard_end(&inside.beside), WWS_S_OK);
    assert_int_equal(proxy_state(rig.call.proxy), CLOSED);
    rig_end(&rig);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(proxy__keeps_its_table_of_states),
        in_world(proxy__can_be_freed_in_every_state),
        in_world(proxy__finds_bad_arguments_before_bad_states),
        in_world(proxy__functions_want_a_handle),
        in_world(proxy__leaves_outputs_alone_when_it_fails),
        in_world(proxy__remembers_an_abort_until_open_or_reset),
        in_world(proxy_abort__leaves_a_racing_open_one_result),
        in_world(proxy_close__is_over_whatever_it_answers),
        in_world(proxy_call__beyond_the_limit_is_refused_at_once),
        in_world(proxy_call__counts_abandoned_calls),
        in_world(proxy_close__aborts_calls_when_its_time_is_over),
        in_world(proxy_close__waits_for_calls_and_lets_none_begin),
        in_world(proxy_abandon__works_while_the_proxy_closes),
        in_world(proxy_abandon__of_another_group_does_nothing),
        in_world(proxy_open__that_fails_leaves_the_proxy_created),
        over(OVER_HTTP, proxy_open__needs_no_server),
        over(OVER_TCP, proxy_open__to_nobody_leaves_the_proxy_created),
        over(OVER_TCP, proxy_open__ends_when_its_time_is_over),
        over(OVER_TCP, proxy_abort__ends_a_pending_open),
        in_world(proxy_reset__lets_it_be_opened_to_another_address),
        in_world(proxy_close__in_its_own_callback_must_not_wait),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
