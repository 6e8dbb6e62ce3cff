/* wws_service_host_abort(), and the close and free that go with it. */
#include <unistd.h>

#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

static const wws_error no_error;

static void abort_host(void *state)
{
    must(wws_service_host_abort(*(wws_service_host *) state) == WWS_S_OK);
}

static void free_host(void *state)
{
    must(wws_service_host_free(*(wws_service_host *) state) == WWS_S_OK);
}

static wws_service_host_state host_state(wws_service_host host)
{
    wws_service_host_state state;

    must(wws_service_host_get_state(host, &state, no_error) == WWS_S_OK);
    return state;
}

static bool is_closing(void *state)
{
    return host_state(*(wws_service_host *) state)
        == WWS_SERVICE_HOST_STATE_CLOSING;
}

static int visit(struct world *world, const char *action)
{
    unsigned before = gate_read(&world->gate, &world->gate.entered);
    int client = peer_connect(world->url);

    peer_request(client, action, 0);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, before + 1));
    return client;
}

/* Without a session of its own client the host closes in time (H3). */
static void disconnect(struct world *world)
{
    must(wws_service_proxy_free(world->proxy) == WWS_S_OK);
    world->proxy = (wws_service_proxy) { 0 };
}

/* The same address as before. */
static void open_again(struct world *world)
{
    wws_buffer address;

    assert_status(wws_service_host_reset(world->host, no_error), WWS_S_OK);
    assert_status(wws_service_host_open(world->host, NULL, no_error),
        WWS_S_OK);
    assert_status(wws_service_host_get_address(world->host, 0, &address,
        no_error), WWS_S_OK);
    memcpy(world->url, address.data, address.size);
    wws_buffer_release(&address);
}

/* T42, G1, G2, G5, G6, G110, G120 to G125, G127, D5, D27: at every place, with
 * an operation of each kind. */
static void host_abort__resets_connections_and_tells(void **state)
{
    struct world *world = *state;
    unsigned freed = 0;

    world->gate.registers = true;
    for (int place = 0; place < PLACES; place++)
        for (int manner = 0; manner < MANNERS; manner++) {
            int idle = peer_connect(world->url);
            int waits = visit(world, ACTION_WAIT);
            int later = visit(world, ACTION_LATER);
            struct heard closed;

            call_at(world, place, abort_host, &world->host);
            assert_int_equal(host_state(world->host),
                WWS_SERVICE_HOST_STATE_FAULTED);
            abort_host(&world->host);
            freed += 2;
            assert_true(gate_reaches(&world->gate,
                &world->gate.told_by[WWS_CANCEL_REASON_HOST_ABORTED], freed));
            assert_true(peer_ended(idle));
            assert_true(peer_ended(waits));
            assert_true(peer_ended(later));
            /* They run on, and close waits for them. */
            assert_int_equal(gate_read(&world->gate, &world->gate.inside), 2);
            hear(&closed, manner, start_close_host, &world->host);
            assert_true(await(is_closing, &world->host));
            assert_false(heard_yet(&closed));
            gate_release(&world->gate, 2);

            assert_status(heard_end(&closed), WWS_S_OK);
            assert_int_equal(host_state(world->host),
                WWS_SERVICE_HOST_STATE_CLOSED);
            assert_int_equal(gate_read(&world->gate, &world->gate.freed),
                freed);
            abort_host(&world->host);
            assert_int_equal(host_state(world->host),
                WWS_SERVICE_HOST_STATE_CLOSED);
            peer_reset(idle);
            peer_reset(waits);
            peer_reset(later);
            open_again(world);
        }
    assert_int_equal(gate_read(&world->gate, &world->gate.told), freed);
}

/* D12, H5: operations run on; their state is freed when they complete. */
static void host_free__resets_connections_and_tells(void **state)
{
    struct world *world = *state;

    world->gate.registers = true;
    for (unsigned place = 0; place < PLACES; place++) {
        int client = visit(world, ACTION_LATER);

        call_at(world, place, free_host, &world->host);
        assert_status(wws_service_host_abort(world->host), WWS_E_HANDLE);
        assert_true(peer_ended(client));
        assert_true(gate_reaches(&world->gate, &world->gate.told, place + 1));
        assert_int_equal(gate_read(&world->gate, &world->gate.inside), 1);
        gate_release(&world->gate, 1);

        assert_true(gate_reaches(&world->gate, &world->gate.freed,
            place + 1));
        peer_reset(client);
        world_add_host(world, NULL, NULL);
    }
}

/* G12, G141, D1 */
static void host_abort__before_open_is_remembered(void **state)
{
    struct world *world = *state;

    disconnect(world);
    for (int place = 0; place < PLACES; place++) {
        assert_status(wws_service_host_close(world->host, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_service_host_reset(world->host, no_error),
            WWS_S_OK);
        call_at(world, place, abort_host, &world->host);
        assert_int_equal(host_state(world->host),
            WWS_SERVICE_HOST_STATE_CREATED);
        assert_status(wws_service_host_open(world->host, NULL, no_error),
            WWS_E_OPERATION_ABORTED);
        assert_int_equal(host_state(world->host),
            WWS_SERVICE_HOST_STATE_CREATED);
        abort_host(&world->host);
        open_again(world);
    }
}

/* T42, D7, G135, G14: the close becomes an abort, and still waits. */
static void host_abort__during_close_is_reported_by_it(void **state)
{
    struct world *world = *state;
    unsigned told = 0;

    world->gate.registers = true;
    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            int client = visit(world, ACTION_LATER);
            struct heard closed;

            hear(&closed, manner, start_close_host, &world->host);
            assert_true(await(is_closing, &world->host));
            assert_int_equal(gate_read(&world->gate, &world->gate.told), told);
            call_at(world, place, abort_host, &world->host);
            assert_true(gate_reaches(&world->gate,
                &world->gate.told_by[WWS_CANCEL_REASON_HOST_ABORTED],
                ++told));
            assert_true(peer_ended(client));
            assert_true(is_closing(&world->host));
            assert_false(heard_yet(&closed));
            gate_release(&world->gate, 1);

            assert_status(heard_end(&closed), WWS_E_OPERATION_ABORTED);
            assert_int_equal(host_state(world->host),
                WWS_SERVICE_HOST_STATE_CLOSED);
            peer_reset(client);
            open_again(world);
        }
}

/* T42, G130, G131, H3: what was accepted is answered; nobody is told. */
static void host_close__lets_work_finish(void **state)
{
    struct world *world = *state;

    world->gate.registers = true;
    for (int manner = 0; manner < MANNERS; manner++) {
        int client = visit(world, ACTION_LATER);
        struct heard closed;

        hear(&closed, manner, start_close_host, &world->host);
        assert_true(await(is_closing, &world->host));
        assert_status(wws_service_host_close(world->host, NULL, no_error),
            WWS_E_INVALID_OPERATION);
        assert_false(heard_yet(&closed));
        gate_release(&world->gate, 1);

        assert_true(peer_answered(client));
        peer_end_session(client);
        close(client);
        disconnect(world);
        assert_status(heard_end(&closed), WWS_S_OK);
        open_again(world);
    }
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 0);
}

/* T42, H4, G133, G134, G135, D33 */
static void host_close__aborts_when_its_time_is_over(void **state)
{
    wws_service_host_options options = WWS_SERVICE_HOST_OPTIONS_INIT;
    struct world *world = *state;

    assert_status(wws_service_host_free(world->host), WWS_S_OK);
    options.close_timeout_ms = 20;
    world_add_host(world, &options, NULL);
    world->gate.registers = true;
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        int client = visit(world, ACTION_LATER);
        struct heard closed;

        hear(&closed, manner, start_close_host, &world->host);
        assert_true(gate_reaches(&world->gate,
            &world->gate.told_by[WWS_CANCEL_REASON_HOST_ABORTED],
            manner + 1));
        assert_true(peer_ended(client));
        assert_false(heard_yet(&closed));
        gate_release(&world->gate, 1);

        assert_status(heard_end(&closed), WWS_E_OPERATION_TIMED_OUT);
        peer_reset(client);
        open_again(world);
    }
}

struct inside {
    wws_service_host host;
    wws_status close;
    wws_status abort;
    struct heard closed;
    bool closes;
};

static void end_inside(struct gate *gate, wws_operation operation)
{
    struct inside *inside = gate->user;

    (void) operation;
    inside->close = wws_service_host_close(inside->host, NULL, no_error);
    if (inside->closes)
        hear(&inside->closed, CALLBACK, start_close_host, &inside->host);
    else
        inside->abort = wws_service_host_abort(inside->host);
}

/* G15, G146, D34: in an operation; and there everything else is allowed. */
static void host_close__is_refused_in_its_own_operation(void **state)
{
    struct world *world = *state;
    struct inside inside = { .host = world->host };

    world->gate.visiting = end_inside;
    world->gate.user = &inside;
    assert_status(call_now(world->proxy, ACTION_ECHO),
        WWS_E_ENDPOINT_DISCONNECTED);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));

    assert_status(inside.close, WWS_E_INVALID_OPERATION);
    assert_status(inside.abort, WWS_S_OK);
    assert_int_equal(host_state(world->host), WWS_SERVICE_HOST_STATE_FAULTED);
}

/* D34 */
static void host_close__may_begin_in_its_own_operation(void **state)
{
    struct world *world = *state;
    struct inside inside = { .host = world->host, .closes = true };

    world->gate.visiting = end_inside;
    world->gate.user = &inside;
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);

    disconnect(world);
    assert_status(inside.close, WWS_E_INVALID_OPERATION);
    assert_status(heard_end(&inside.closed), WWS_S_OK);
}

/* The neighbours: another host of the same runtime. */
static void host_abort__spares_other_hosts(void **state)
{
    struct world *world = *state;
    wws_service_host other = world->host;

    world_add_host(world, NULL, NULL);
    abort_host(&world->host);

    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    assert_status(wws_service_host_free(other), WWS_S_OK);
}

/* G106, G123: more operations than are told at once. */
static void host_abort__tells_many(void **state)
{
    enum { VISITS = 90 };
    struct world *world = *state;
    int clients[VISITS];

    world->gate.registers = true;
    world->gate.leaves_when_told = true;
    for (int i = 0; i < VISITS; i++)
        clients[i] = visit(world, ACTION_LATER);
    abort_host(&world->host);

    assert_true(gate_reaches(&world->gate, &world->gate.freed, VISITS));
    assert_int_equal(gate_read(&world->gate, &world->gate.told), VISITS);
    for (int i = 0; i < VISITS; i++)
        peer_reset(clients[i]);
}

static int one_loop_set_up(void **state)
{
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    wws_endpoint_options endpoint = endpoint_options();
    struct world *world = malloc(sizeof *world);

    must(world != NULL);
    options.loop_threads = 1;
    world_begin(world, &options);
    endpoint.max_channels = 1000;
    endpoint.callback_model = WWS_CALLBACK_MODEL_SHORT;
    world_add_host(world, NULL, &endpoint);
    *state = world;
    return 0;
}

/* D5, G2, G124: it returns though no thread of the library can do anything, and
 * many connections are to be reset; later they all are. */
static void host_abort__waits_for_no_thread(void **state)
{
    enum { CLIENTS = 150 };
    struct world *world = *state;
    int clients[CLIENTS];

    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = peer_connect(world->url);
        peer_request(clients[i], ACTION_ECHO, 0);
        assert_true(peer_answered(clients[i]));
    }
    peer_request_again(clients[0], ACTION_WAIT);
    assert_true(gate_reaches(&world->gate, &world->gate.entered,
        CLIENTS + 1));
    abort_host(&world->host);
    assert_int_equal(host_state(world->host),
        WWS_SERVICE_HOST_STATE_FAULTED);
    gate_open(&world->gate);

    for (int i = 0; i < CLIENTS; i++) {
        assert_true(peer_ended(clients[i]));
        peer_reset(clients[i]);
    }
}

/* H1: one address in use, and none is listened at. */
static void host_open__is_all_or_nothing(void **state)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = endpoint_options();
    struct world *world = *state;
    wws_service_host host;

    operations.serve = gate_serve;
    operations.state = &world->gate;
    endpoint.operations = &operations;
    assert_status(wws_service_host_create(world->runtime, NULL, &host,
        no_error), WWS_S_OK);
    endpoint.address = text(wire()->any_port);
    assert_status(wws_service_host_add_endpoint(host, &endpoint, no_error),
        WWS_S_OK);
    endpoint.address = text(world->url);
    assert_status(wws_service_host_add_endpoint(host, &endpoint, no_error),
        WWS_S_OK);

    assert_status(wws_service_host_open(host, NULL, no_error),
        WWS_E_ADDRESS_IN_USE);
    assert_int_equal(host_state(host), WWS_SERVICE_HOST_STATE_CREATED);
    assert_status(wws_service_host_free(host), WWS_S_OK);
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(host_abort__resets_connections_and_tells),
        in_world(host_free__resets_connections_and_tells),
        in_world(host_abort__before_open_is_remembered),
        in_world(host_abort__during_close_is_reported_by_it),
        in_world(host_close__lets_work_finish),
        in_world(host_close__aborts_when_its_time_is_over),
        in_world(host_close__is_refused_in_its_own_operation),
        in_world(host_close__may_begin_in_its_own_operation),
        in_world(host_abort__spares_other_hosts),
        in_world(host_abort__tells_many),
        cmocka_unit_test_setup_teardown(host_abort__waits_for_no_thread,
            one_loop_set_up, world_tear_down),
        in_world(host_open__is_all_or_nothing),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
