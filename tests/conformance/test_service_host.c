/* The life of a service host: every function in every state.  They are all
 * held, OPENING where the system is asked to listen, CLOSING by an operation
 * that does not end. */
#include "tests/conformance/table.h"
#include "tests/support/public/delay.h"
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

static const wws_error no_error;

enum {
    CREATED = WWS_SERVICE_HOST_STATE_CREATED,
    OPENING = WWS_SERVICE_HOST_STATE_OPENING,
    OPEN = WWS_SERVICE_HOST_STATE_OPEN,
    CLOSING = WWS_SERVICE_HOST_STATE_CLOSING,
    CLOSED = WWS_SERVICE_HOST_STATE_CLOSED,
    FAULTED = WWS_SERVICE_HOST_STATE_FAULTED,
};

/* A host in one of its states, and all that it takes to get there. */
struct rig {
    struct world *world;
    wws_service_host host;
    wws_service_proxy proxy;  /* to it, as long as that is open */
    struct call call;         /* waits at the gate */
    struct heard pending;
    struct heard opening;
    bool is_opening;
    struct heard closing;
    bool is_closing;
};

static wws_service_host_state host_state(wws_service_host host)
{
    wws_service_host_state state;

    must(wws_service_host_get_state(host, &state, no_error) == WWS_S_OK);
    return state;
}

static wws_status add(struct rig *rig, const char *url, wws_error error)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = endpoint_options();

    operations.serve = gate_serve;
    operations.state = &rig->world->gate;
    endpoint.operations = &operations;
    endpoint.address = text(url);
    return wws_service_host_add_endpoint(rig->host, &endpoint, error);
}

static void rig_begin_bare(
    struct rig *rig,
    struct world *world,
    const wws_service_host_options *options)
{
    *rig = (struct rig) { .world = world };
    must(wws_service_host_create(world->runtime, options, &rig->host, no_error)
        == WWS_S_OK);
}

static void rig_begin(struct rig *rig, struct world *world)
{
    rig_begin_bare(rig, world, NULL);
    must(add(rig, wire()->any_port, no_error) == WWS_S_OK);
}

/* As a session needs for the host to close in time (H3). */
static void disconnect(struct rig *rig)
{
    must(wws_service_proxy_free(rig->proxy) == WWS_S_OK);
    rig->proxy = (wws_service_proxy) { 0 };
}

/* Lets the opening go on; how it went. */
static wws_status end_opening(struct rig *rig)
{
    rig->is_opening = false;
    delay_end();
    return heard_end(&rig->opening);
}

/* The host may be freed already. */
static void rig_end(struct rig *rig)
{
    struct gate *gate = &rig->world->gate;

    if (rig->is_opening)
        (void) end_opening(rig);
    if (rig->is_closing) {
        gate_release(gate, 1);
        must(gate_empties(gate));
        (void) heard_end(&rig->pending);
        wws_buffer_release(&rig->call.reply);
    }
    disconnect(rig);
    if (rig->is_closing)
        (void) heard_end(&rig->closing);
    (void) wws_service_host_free(rig->host);
}

static wws_status open_host(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_service_host_open(rig->host, completion, error);
}

static wws_status close_host(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    return wws_service_host_close(rig->host, completion, error);
}

static void read_url(struct rig *rig, uint32_t index, char *url, size_t room)
{
    wws_buffer address;

    must(wws_service_host_get_address(rig->host, index, &address, no_error)
        == WWS_S_OK);
    must(address.size < room);
    memcpy(url, address.data, address.size);
    url[address.size] = '\0';
    wws_buffer_release(&address);
}

/* A proxy to an endpoint of the open host. */
static void connect_to(struct rig *rig, uint32_t index)
{
    char url[128];

    disconnect(rig);
    read_url(rig, index, url, sizeof url);
    rig->proxy = world_proxy(rig->world, NULL, url);
}

static void begin_call(struct rig *rig)
{
    struct gate *gate = &rig->world->gate;
    unsigned entered = gate_read(gate, &gate->entered);

    connect_to(rig, 0);
    rig->call = call_to(rig->proxy, ACTION_WAIT);
    hear(&rig->pending, CALLBACK, start_call, &rig->call);
    must(gate_reaches(gate, &gate->entered, entered + 1));
}

static void reach_created(struct rig *rig)
{
    (void) rig;
}

static void reach_latched(struct rig *rig)
{
    must(wws_service_host_abort(rig->host) == WWS_S_OK);
}

static void reach_opening(struct rig *rig)
{
    delay_next();
    hear(&rig->opening, SYNC, open_host, rig);
    rig->is_opening = true;
    delay_meet();
}

static void reach_open(struct rig *rig)
{
    must(open_host(rig, NULL, no_error) == WWS_S_OK);
}

static void reach_closing(struct rig *rig)
{
    reach_open(rig);
    begin_call(rig);
    hear(&rig->closing, CALLBACK, close_host, rig);
    rig->is_closing = true;
}

static void reach_closed(struct rig *rig)
{
    reach_open(rig);
    must(close_host(rig, NULL, no_error) == WWS_S_OK);
}

static void reach_faulted(struct rig *rig)
{
    reach_open(rig);
    must(wws_service_host_abort(rig->host) == WWS_S_OK);
}

/* The functions that do not wait, in the form of those that do. */

static wws_status do_add_endpoint(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    (void) completion;
    return add(state, wire()->any_port, error);
}

static wws_status do_abort(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    (void) completion;
    (void) error;
    return wws_service_host_abort(rig->host);
}

static wws_status do_reset(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;

    (void) completion;
    return wws_service_host_reset(rig->host, error);
}

static wws_status do_get_state(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;
    wws_service_host_state unused;

    (void) completion;
    return wws_service_host_get_state(rig->host, &unused, error);
}

static wws_status do_get_address(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;
    wws_buffer address = { 0 };
    wws_status status;

    (void) completion;
    status = wws_service_host_get_address(rig->host, 0, &address, error);
    must((address.size != 0) == (status == WWS_S_OK));
    wws_buffer_release(&address);
    return status;
}

static void *subject_of(struct rig *rig)
{
    return rig;
}

static uint32_t state_of(const struct rig *rig)
{
    return host_state(rig->host);
}

/* The table of 4. */

static const struct column columns[] = {
    { "created", CREATED, reach_created },
    { "created and aborted", CREATED, reach_latched },
    { "opening", OPENING, reach_opening },
    { "open", OPEN, reach_open },
    { "closing", CLOSING, reach_closing },
    { "closed", CLOSED, reach_closed },
    { "faulted", FAULTED, reach_faulted },
};

static const struct row rows[] = {
    /* created  aborted  opening  open  closing  closed  faulted */
    { "add endpoint", do_add_endpoint, false,
        { OK, OK, INV, INV, INV, INV, INV } },
    { "open", open_host, true, { TO(OPEN), ABT, INV, INV, INV, INV, INV } },
    { "abort", do_abort, false,
        { OK, OK, TO(CREATED), TO(FAULTED), OK, OK, OK } },
    { "close", close_host, true,
        { TO(CLOSED), TO(CLOSED), INV, TO(CLOSED), INV, OK, TO(CLOSED) } },
    { "reset", do_reset, false, { OK, OK, INV, INV, INV, TO(CREATED), INV } },
    { "get state", do_get_state, false, { OK, OK, OK, OK, OK, OK, OK } },
    { "get address", do_get_address, false,
        { INV, INV, INV, OK, INV, INV, INV } },
};

static const struct table table = TABLE(columns, rows, rig_begin, rig_end,
    subject_of, state_of, NULL);

/* T4, L2, L3, G1, G6, G9, G11, G12, A1 to A5, D1, D4, D7 */
static void host__keeps_its_table_of_states(void **state)
{
    struct rig rig;

    table_walk(&table, *state, &rig);
}

/* D12, R2, H5, E6: and the zero handle is nothing to free. */
static void host__can_be_freed_in_every_state(void **state)
{
    for (size_t i = 0; i < COUNT(columns); i++) {
        struct rig rig;

        rig_begin(&rig, *state);
        columns[i].reach(&rig);
        assert_status(wws_service_host_free(rig.host), WWS_S_OK);

        for (size_t k = 0; k < COUNT(rows); k++)
            assert_status(rows[k].start(&rig, NULL, no_error), WWS_E_HANDLE);
        assert_status(wws_service_host_free(rig.host), WWS_E_HANDLE);
        rig_end(&rig);
    }
    assert_status(wws_service_host_free((wws_service_host) { 0 }), WWS_S_OK);
}

/* L1, L2 */
static void host__finds_bad_arguments_before_bad_states(void **state)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = endpoint_options();
    wws_completion none = WWS_COMPLETION_INIT;
    wws_completion small = WWS_COMPLETION_INIT;

    endpoint.address = text(wire()->any_port);
    endpoint.operations = &operations; /* that nobody serves */
    small.struct_size = 8;
    for (size_t i = 0; i < COUNT(columns); i++) {
        struct rig rig;

        rig_begin(&rig, *state);
        columns[i].reach(&rig);
        assert_status(open_host(&rig, &none, no_error), WWS_E_INVALIDARG);
        assert_status(open_host(&rig, &small, no_error), WWS_E_INVALIDARG);
        assert_status(close_host(&rig, &none, no_error), WWS_E_INVALIDARG);
        assert_status(close_host(&rig, &small, no_error), WWS_E_INVALIDARG);
        assert_status(wws_service_host_add_endpoint(rig.host, NULL, no_error),
            WWS_E_INVALIDARG);
        assert_status(wws_service_host_add_endpoint(rig.host, &endpoint,
            no_error), WWS_E_INVALIDARG);
        assert_status(wws_service_host_get_address(rig.host, 0, NULL,
            no_error), WWS_E_INVALIDARG);
        assert_status(wws_service_host_get_state(rig.host, NULL, no_error),
            WWS_E_INVALIDARG);

        assert_int_equal(host_state(rig.host), columns[i].state);
        rig_end(&rig);
    }
}

/* L1, G4: no handle is a wrong argument, but for free. */
static void host__functions_want_a_handle(void **state)
{
    struct rig rig = { .world = *state };

    for (size_t k = 0; k < COUNT(rows); k++)
        assert_status(rows[k].start(&rig, NULL, no_error), WWS_E_INVALIDARG);
}

/* L9, E2: an endpoint that is not there is a wrong argument. */
static void host__leaves_outputs_alone_when_it_fails(void **state)
{
    wws_service_host_options options = WWS_SERVICE_HOST_OPTIONS_INIT;
    wws_buffer address = { &options, 77, &options, NULL };
    struct world *world = *state;
    wws_service_host host = { 77 };
    wws_service_host_state value = 77;
    struct rig rig;

    options.fault_disclosure = 77;
    assert_status(wws_service_host_create(world->runtime, &options, &host,
        no_error), WWS_E_INVALIDARG);
    assert_int_equal(host.id, 77);
    assert_status(wws_service_host_get_state(host, &value, no_error),
        WWS_E_HANDLE);
    assert_int_equal(value, 77);

    rig_begin(&rig, world);
    assert_status(wws_service_host_get_address(rig.host, 0, &address,
        no_error), WWS_E_INVALID_OPERATION);
    reach_open(&rig);
    assert_status(wws_service_host_get_address(rig.host, 1, &address,
        no_error), WWS_E_INVALIDARG);
    assert_ptr_equal(address.data, &options);
    assert_int_equal(address.size, 77);
    rig_end(&rig);
}

static void assert_serves(struct rig *rig, uint32_t index)
{
    connect_to(rig, index);
    assert_status(call_now(rig->proxy, ACTION_ECHO), WWS_S_OK);
}

/* D1, G12, G141: the open that fails consumes it, and reset forgets it. */
static void host__remembers_an_abort_until_open_or_reset(void **state)
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
                assert_status(open_host(&rig, NULL, no_error),
                    WWS_E_OPERATION_ABORTED);
            hear(&heard, manner, open_host, &rig);
            assert_status(heard_end(&heard), WWS_S_OK);
            assert_serves(&rig, 0);
            rig_end(&rig);
        }
}

/* T42, L2, L7, G13, G141, D7: an abort has ended the open when it returns, and
 * the next one may overtake it; a close is refused and leaves it alone. */
static void host_open__is_ended_by_abort_alone(void **state)
{
    for (int aborts = 0; aborts < 2; aborts++) {
        struct rig rig;

        rig_begin(&rig, *state);
        reach_opening(&rig);
        if (aborts)
            assert_status(wws_service_host_abort(rig.host), WWS_S_OK);
        else
            assert_status(close_host(&rig, NULL, no_error),
                WWS_E_INVALID_OPERATION);
        assert_int_equal(host_state(rig.host), aborts ? CREATED : OPENING);
        if (aborts)
            assert_status(open_host(&rig, NULL, no_error), WWS_S_OK);

        assert_status(end_opening(&rig),
            aborts ? WWS_E_OPERATION_ABORTED : WWS_S_OK);
        assert_int_equal(host_state(rig.host), OPEN);
        connect_to(&rig, 0);
        assert_status(call_now(rig.proxy, ACTION_ECHO), WWS_S_OK);
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
    status = open_host(&race->rig, NULL, no_error);
    return (void *) (intptr_t) status;
}

/* G12, G13, G141, D7, L8: before or during the open, it fails and the host can
 * be opened again at once; after it, the host is faulted. */
static void host_abort__leaves_a_racing_open_one_result(void **state)
{
    struct race race;

    must(pthread_barrier_init(&race.start, NULL, 2) == 0);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        void *status;

        rig_begin(&race.rig, *state);
        for (int k = 0; k < 3; k++)
            must(add(&race.rig, wire()->any_port, no_error) == WWS_S_OK);
        must(pthread_create(&thread, NULL, open_at_once, &race) == 0);
        pthread_barrier_wait(&race.start);
        assert_status(wws_service_host_abort(race.rig.host), WWS_S_OK);
        must(pthread_join(thread, &status) == 0);

        if ((wws_status) (intptr_t) status == WWS_S_OK) {
            assert_int_equal(host_state(race.rig.host), FAULTED);
        } else {
            assert_status((wws_status) (intptr_t) status,
                WWS_E_OPERATION_ABORTED);
            assert_int_equal(host_state(race.rig.host), CREATED);
            reach_open(&race.rig);
        }
        rig_end(&race.rig);
    }
    pthread_barrier_destroy(&race.start);
}

/* G14, G135, D7, D33: close ends with the operation; then, whatever it answers,
 * the host is closed. INV leaves the first close alone. */
static void host_close__is_over_whatever_it_answers(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++)
        for (int aborts = 0; aborts < 2; aborts++) {
            struct heard second;
            struct rig rig;

            rig_begin(&rig, world);
            reach_closing(&rig);
            hear(&second, manner, close_host, &rig);
            assert_status(heard_end(&second), WWS_E_INVALID_OPERATION);
            if (aborts)
                assert_status(wws_service_host_abort(rig.host), WWS_S_OK);
            assert_int_equal(host_state(rig.host), CLOSING);
            assert_false(heard_yet(&rig.closing));

            gate_release(&world->gate, 1);
            assert_status(heard_end(&rig.pending),
                aborts ? WWS_E_ENDPOINT_DISCONNECTED : WWS_S_OK);
            wws_buffer_release(&rig.call.reply);
            disconnect(&rig);
            assert_status(heard_end(&rig.closing),
                aborts ? WWS_E_OPERATION_ABORTED : WWS_S_OK);
            assert_int_equal(host_state(rig.host), CLOSED);
            rig.is_closing = false;
            rig_end(&rig);
        }
}

/* H4, G134, G135, D33: the client is let go when the time is over; close waits
 * for the operation all the same, and says so. */
static void host_close__aborts_when_its_time_is_over(void **state)
{
    wws_service_host_options options = WWS_SERVICE_HOST_OPTIONS_INIT;
    struct world *world = *state;

    options.close_timeout_ms = 30;
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard closing;
        struct rig rig;

        rig_begin_bare(&rig, world, &options);
        must(add(&rig, wire()->any_port, no_error) == WWS_S_OK);
        reach_open(&rig);
        begin_call(&rig);
        hear(&closing, manner, close_host, &rig);
        assert_status(heard_end(&rig.pending), WWS_E_ENDPOINT_DISCONNECTED);
        assert_int_equal(host_state(rig.host), CLOSING);
        assert_false(heard_yet(&closing));

        gate_release(&world->gate, 1);
        assert_status(heard_end(&closing), WWS_E_OPERATION_TIMED_OUT);
        assert_int_equal(host_state(rig.host), CLOSED);
        rig_end(&rig);
    }
}

/* H1, LI8: one endpoint that cannot listen, and none does; the host is as if
 * created and opens when the address is free. */
static void host_open__listens_everywhere_or_nowhere(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct ear ear, probe;
        struct heard heard;
        struct rig rig;

        ear_open(&ear, world->runtime);
        /* An address that was free a moment ago. */
        ear_open(&probe, world->runtime);
        assert_status(wws_listener_close(probe.listener, NULL, no_error),
            WWS_S_OK);
        rig_begin_bare(&rig, world, NULL);
        must(add(&rig, probe.url, no_error) == WWS_S_OK);
        must(add(&rig, ear.url, no_error) == WWS_S_OK);
        must(add(&rig, wire()->any_port, no_error) == WWS_S_OK);
        hear(&heard, manner, open_host, &rig);
        assert_status(heard_end(&heard), WWS_E_ADDRESS_IN_USE);
        assert_int_equal(host_state(rig.host), CREATED);

        /* The first endpoint has let its address go. */
        assert_status(wws_listener_reset(probe.listener, no_error), WWS_S_OK);
        assert_status(wws_listener_open(probe.listener, text(probe.url), NULL,
            no_error), WWS_S_OK);
        assert_status(wws_listener_free(probe.listener), WWS_S_OK);
        assert_status(wws_listener_close(ear.listener, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_listener_free(ear.listener), WWS_S_OK);
        assert_status(open_host(&rig, NULL, no_error), WWS_S_OK);
        for (uint32_t i = 0; i < 3; i++)
            assert_serves(&rig, i);
        rig_end(&rig);
    }
}

/* H6, R1: its endpoints stay, and their addresses can be had again. */
static void host_reset__lets_it_serve_again(void **state)
{
    struct rig rig;

    rig_begin(&rig, *state);
    must(add(&rig, wire()->any_port, no_error) == WWS_S_OK);
    for (int i = 0; i < 4; i++) {
        reach_open(&rig);
        assert_serves(&rig, 0);
        assert_serves(&rig, 1);
        disconnect(&rig);
        if (i % 2)
            assert_status(wws_service_host_abort(rig.host), WWS_S_OK);
        assert_status(close_host(&rig, NULL, no_error), WWS_S_OK);
        assert_status(do_reset(&rig, NULL, no_error), WWS_S_OK);
    }
    rig_end(&rig);
}

/* H2: nothing that a client does faults the host. */
static void host__is_faulted_by_nothing_but_abort(void **state)
{
    struct rig rig;
    char url[128];
    int client;

    rig_begin(&rig, *state);
    reach_open(&rig);
    read_url(&rig, 0, url, sizeof url);
    client = peer_connect(url);
    peer_request(client, ACTION_ECHO, 100);
    peer_reset(client);
    client = peer_connect(url);
    peer_request(client, ACTION_ECHO, 0);
    peer_reset(client);

    assert_serves(&rig, 0);
    assert_int_equal(host_state(rig.host), OPEN);
    rig_end(&rig);
}

struct inside {
    struct rig *rig;
    bool entered;
    wws_status blocking;
    struct heard beside;
};

static void close_inside(struct gate *gate, wws_operation operation)
{
    struct inside *inside = gate->user;

    (void) operation;
    if (inside->entered)
        return;
    inside->entered = true;
    inside->blocking = close_host(inside->rig, NULL, no_error);
    hear(&inside->beside, QUEUE, close_host, inside->rig);
}

/* D34, G146: a close that waits for the operation it is called in is refused;
 * one that does not wait there is fine, and the reply is sent. */
static void host_close__in_its_own_operation_must_not_wait(void **state)
{
    struct world *world = *state;
    struct inside inside = { 0 };
    struct rig rig;

    rig_begin(&rig, world);
    reach_open(&rig);
    connect_to(&rig, 0);
    inside.rig = &rig;
    world->gate.user = &inside;
    world->gate.visiting = close_inside;
    assert_status(call_now(rig.proxy, ACTION_ECHO), WWS_S_OK);
    assert_status(inside.blocking, WWS_E_INVALID_OPERATION);
    assert_status(inside.beside.returned, WWS_S_ASYNC);
    disconnect(&rig);
    assert_status(heard_end(&inside.beside), WWS_S_OK);
    assert_int_equal(host_state(rig.host), CLOSED);
    rig_end(&rig);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(host__keeps_its_table_of_states),
        in_world(host__can_be_freed_in_every_state),
        in_world(host__finds_bad_arguments_before_bad_states),
        in_world(host__functions_want_a_handle),
        in_world(host__leaves_outputs_alone_when_it_fails),
        in_world(host__remembers_an_abort_until_open_or_reset),
        in_world(host_open__is_ended_by_abort_alone),
        in_world(host_abort__leaves_a_racing_open_one_result),
        in_world(host_close__is_over_whatever_it_answers),
        in_world(host_close__aborts_when_its_time_is_over),
        in_world(host_open__listens_everywhere_or_nowhere),
        in_world(host_reset__lets_it_serve_again),
        in_world(host__is_faulted_by_nothing_but_abort),
        in_world(host_close__in_its_own_operation_must_not_wait),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
