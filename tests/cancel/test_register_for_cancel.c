/* wws_operation_register_for_cancel(): who serves learns, at most once, that
 * nobody wants the answer, and gets his state back exactly once. */
#include <unistd.h>

#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

static const wws_error no_error;

/* Without a session of its own client the host closes in time (H3). */
static void disconnect(struct world *world)
{
    must(wws_service_proxy_free(world->proxy) == WWS_S_OK);
    world->proxy = (wws_service_proxy) { 0 };
}

/* A request from a bare socket that is inside the gate. */
static int visit(struct world *world, const char *action, unsigned entered)
{
    int client = peer_connect(world->url);

    peer_request(client, action, 0);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, entered));
    return client;
}

/* T42, G107 to G111, G118, D24, D29: synchronous and asynchronous operations; a
 * reset, and an orderly end of the connection. */
static void registered__is_told_when_the_client_goes(void **state)
{
    static const char *const actions[] = { ACTION_WAIT, ACTION_LATER };
    struct world *world = *state;
    unsigned count = 0;

    world->gate.registers = true;
    for (int action = 0; action < 2; action++)
        for (int reset = 0; reset < 2; reset++) {
            int client = visit(world, actions[action], ++count);

            if (reset)
                peer_reset(client);
            else
                close(client);
            assert_true(gate_reaches(&world->gate,
                &world->gate.told_by[WWS_CANCEL_REASON_CHANNEL_FAULTED],
                count));
            /* A notification and no more: it is still inside. */
            assert_int_equal(gate_read(&world->gate, &world->gate.inside), 1);
            assert_int_equal(gate_read(&world->gate, &world->gate.freed),
                count - 1);
            gate_release(&world->gate, 1);

            assert_true(gate_reaches(&world->gate, &world->gate.freed,
                count));
        }
    assert_int_equal(gate_read(&world->gate, &world->gate.told), count);
}

/* G107, G108, G123, D24 */
static void registered__is_told_when_the_host_is_aborted(void **state)
{
    struct world *world = *state;
    int clients[2];

    world->gate.registers = true;
    clients[0] = visit(world, ACTION_WAIT, 1);
    clients[1] = visit(world, ACTION_LATER, 2);
    assert_status(wws_service_host_abort(world->host), WWS_S_OK);

    assert_true(gate_reaches(&world->gate,
        &world->gate.told_by[WWS_CANCEL_REASON_HOST_ABORTED], 2));
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 2);
    for (int i = 0; i < 2; i++) {
        assert_true(peer_ended(clients[i]));
        peer_reset(clients[i]);
    }
    gate_open(&world->gate);
    assert_true(gate_reaches(&world->gate, &world->gate.freed, 2));
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 2);
}

/* G106: however many reasons there are. */
static void registered__is_told_once(void **state)
{
    struct world *world = *state;
    int client;

    world->gate.registers = true;
    client = visit(world, ACTION_LATER, 1);
    peer_reset(client);
    assert_true(gate_reaches(&world->gate,
        &world->gate.told_by[WWS_CANCEL_REASON_CHANNEL_FAULTED], 1));
    assert_status(wws_service_host_abort(world->host), WWS_S_OK);
    gate_open(&world->gate);
    assert_status(wws_service_host_close(world->host, NULL, no_error),
        WWS_S_OK);

    assert_int_equal(gate_read(&world->gate, &world->gate.told), 1);
    assert_int_equal(gate_read(&world->gate, &world->gate.freed), 1);
}

/* G111, G114 */
static void registered__is_not_told_when_the_answer_is_sent(void **state)
{
    struct world *world = *state;
    int client;

    world->gate.registers = true;
    for (unsigned i = 1; i <= 20; i++) {
        client = visit(world, ACTION_ECHO, i);
        assert_true(peer_answered(client));
        peer_reset(client);
        assert_true(gate_reaches(&world->gate, &world->gate.freed, i));
    }
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 0);
}

/* G113, G119, D25: completion inside the notification; free_state comes after
 * it. */
static void registered__may_complete_when_told(void **state)
{
    struct world *world = *state;

    world->gate.registers = true;
    world->gate.leaves_when_told = true;
    for (unsigned i = 1; i <= 20; i++) {
        peer_reset(visit(world, ACTION_LATER, i));
        assert_true(gate_reaches(&world->gate, &world->gate.freed, i));
    }
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 20);
}

/* G145: the operation of one connection, and no other. */
static void registered__of_others_is_not_told(void **state)
{
    struct world *world = *state;
    int clients[4];

    world->gate.registers = true;
    for (unsigned i = 0; i < 4; i++)
        clients[i] = visit(world, ACTION_LATER, i + 1);
    peer_reset(clients[2]);
    assert_true(gate_reaches(&world->gate, &world->gate.told, 1));
    gate_open(&world->gate);

    for (int i = 0; i < 4; i++) {
        if (i == 2)
            continue;
        assert_true(peer_answered(clients[i]));
        close(clients[i]);
    }
    assert_true(gate_reaches(&world->gate, &world->gate.freed, 4));
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 1);
}

/* What an operation does with its registration. */

struct visitor {
    unsigned told;
    unsigned freed;
    wws_status second;
    wws_status neither;
    wws_status late;
    wws_operation operation;
};

static void note_told(wws_cancel_reason reason, void *state)
{
    struct visitor *visitor = state;

    (void) reason;
    __atomic_fetch_add(&visitor->told, 1, __ATOMIC_SEQ_CST);
}

static void note_freed(void *state)
{
    struct visitor *visitor = state;

    __atomic_fetch_add(&visitor->freed, 1, __ATOMIC_SEQ_CST);
}

static wws_cancel_callbacks callbacks_of(struct visitor *visitor)
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.state = visitor;
    callbacks.cancelled = note_told;
    callbacks.free_state = note_freed;
    return callbacks;
}

static void register_twice(struct gate *gate, wws_operation operation)
{
    struct visitor *visitor = gate->user;
    wws_cancel_callbacks callbacks = callbacks_of(visitor);

    must(wws_operation_register_for_cancel(operation, NULL, no_error)
        == WWS_E_INVALIDARG);
    callbacks.cancelled = NULL;
    visitor->neither = wws_operation_register_for_cancel(operation,
        &callbacks, no_error);
    callbacks.cancelled = note_told;
    must(wws_operation_register_for_cancel(operation, &callbacks, no_error)
        == WWS_S_OK);
    visitor->second = wws_operation_register_for_cancel(operation, &callbacks,
        no_error);
    visitor->operation = operation;
}

/* G101, G102, G103, G112, D23: a refused registration takes nothing. */
static void registration__succeeds_once(void **state)
{
    struct world *world = *state;
    struct visitor visitor = { 0 };
    wws_cancel_callbacks callbacks = callbacks_of(&visitor);

    world->gate.visiting = register_twice;
    world->gate.user = &visitor;
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    disconnect(world);
    assert_status(wws_service_host_close(world->host, NULL, no_error),
        WWS_S_OK);

    assert_status(visitor.neither, WWS_E_INVALIDARG);
    assert_status(visitor.second, WWS_E_INVALID_OPERATION);
    assert_int_equal(visitor.freed, 1);
    assert_int_equal(visitor.told, 0);
    assert_status(wws_operation_register_for_cancel(visitor.operation,
        &callbacks, no_error), WWS_E_HANDLE);
    assert_int_equal(visitor.freed, 1);
}

static bool is_cancelled(void *state)
{
    wws_operation operation = *(wws_operation *) state;
    wws_operation_info info = WWS_OPERATION_INFO_INIT;

    must(wws_operation_get_info(operation, &info, no_error) == WWS_S_OK);
    return info.cancelled != 0;
}

static void register_late(struct gate *gate, wws_operation operation)
{
    struct visitor *visitor = gate->user;
    wws_cancel_callbacks callbacks = callbacks_of(visitor);

    must(await(is_cancelled, &operation));
    visitor->late = wws_operation_register_for_cancel(operation, &callbacks,
        no_error);
    /* Inside the registration, on this thread (G105). */
    must(visitor->told == 1);
    must(visitor->freed == 0);
}

/* G104, G105, D26 */
static void registration__of_the_cancelled_is_told_at_once(void **state)
{
    struct world *world = *state;
    struct visitor visitor = { 0 };
    int client = peer_connect(world->url);

    world->gate.visiting = register_late;
    world->gate.user = &visitor;
    peer_request(client, ACTION_ECHO, 0);
    peer_reset(client);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));
    disconnect(world);
    assert_status(wws_service_host_close(world->host, NULL, no_error),
        WWS_S_OK);

    assert_status(visitor.late, WWS_S_OK);
    assert_int_equal(visitor.told, 1);
    assert_int_equal(visitor.freed, 1);
}

static void keep_operation(struct gate *gate, wws_operation operation)
{
    *(wws_operation *) gate->user = operation;
}

/* G116, G117, D32, A37: it may go on with all that it has; that it succeeds is
 * no mistake, only nobody hears of it. */
static void registered__may_go_on_when_told(void **state)
{
    wws_operation_info info = WWS_OPERATION_INFO_INIT;
    struct world *world = *state;
    wws_operation operation;
    wws_message message;
    wws_bytes body;

    world->gate.registers = true;
    world->gate.visiting = keep_operation;
    world->gate.user = &operation;
    peer_reset(visit(world, ACTION_LATER, 1));
    assert_true(gate_reaches(&world->gate, &world->gate.told, 1));
    assert_status(wws_operation_get_info(operation, &info, no_error),
        WWS_S_OK);
    assert_true(info.cancelled);
    assert_status(wws_operation_get_body(operation, &body, no_error),
        WWS_S_OK);
    assert_status(wws_operation_set_reply(operation, body, no_error),
        WWS_S_OK);
    assert_status(wws_operation_get_reply(operation, &message, no_error),
        WWS_S_OK);
    assert_status(wws_message_set_header(message, WWS_HEADER_ACTION,
        WWS_STR("urn:late"), no_error), WWS_S_OK);
    gate_release(&world->gate, 1);

    assert_true(gate_reaches(&world->gate, &world->gate.freed, 1));
    assert_status(wws_operation_get_info(operation, &info, no_error),
        WWS_E_HANDLE);
    assert_status(wws_message_set_header(message, WWS_HEADER_ACTION,
        WWS_STR("urn:later"), no_error), WWS_E_HANDLE);
    world->gate.visiting = NULL;
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
}

/* G50: as of any client that goes. */
static void registered__is_told_when_the_proxy_is_aborted(void **state)
{
    struct world *world = *state;
    struct call call = call_to(world->proxy, ACTION_LATER);
    struct heard heard;

    world->gate.registers = true;
    hear(&heard, CALLBACK, start_call, &call);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));
    assert_status(wws_service_proxy_abort(world->proxy), WWS_S_OK);

    assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
    assert_true(gate_reaches(&world->gate,
        &world->gate.told_by[WWS_CANCEL_REASON_CHANNEL_FAULTED], 1));
    gate_open(&world->gate);
    assert_true(gate_reaches(&world->gate, &world->gate.freed, 1));
}

/* Everything that does not block may be called when told (G15, G119). */
static void abort_all(struct gate *gate, wws_operation operation)
{
    struct world *world = gate->user;

    (void) operation;
    must(wws_service_host_abort(world->host) == WWS_S_OK);
    must(wws_service_proxy_abort(world->proxy) == WWS_S_OK);
    must(wws_service_host_close(world->host, NULL, no_error)
        == WWS_E_INVALID_OPERATION);
}

/* G5, G15, G119, D34 */
static void registered__may_abort_its_host_when_told(void **state)
{
    struct world *world = *state;

    world->gate.registers = true;
    world->gate.telling = abort_all;
    world->gate.user = world;
    peer_reset(visit(world, ACTION_LATER, 1));
    assert_true(gate_reaches(&world->gate, &world->gate.told, 1));
    gate_open(&world->gate);
    assert_true(gate_reaches(&world->gate, &world->gate.freed, 1));
}

/* G110, G115, D33 */
static void unregistered__delays_close_until_it_completes(void **state)
{
    struct world *world = *state;
    struct heard closed;
    int client = visit(world, ACTION_LATER, 1);

    assert_status(wws_service_host_abort(world->host), WWS_S_OK);
    hear(&closed, CALLBACK, start_close_host, &world->host);
    assert_true(peer_ended(client));
    assert_false(heard_yet(&closed));
    gate_open(&world->gate);

    assert_status(heard_end(&closed), WWS_S_OK);
    peer_reset(client);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(registered__is_told_when_the_client_goes),
        in_world(registered__is_told_when_the_host_is_aborted),
        in_world(registered__is_told_once),
        in_world(registered__is_not_told_when_the_answer_is_sent),
        in_world(registered__may_complete_when_told),
        in_world(registered__of_others_is_not_told),
        in_world(registration__succeeds_once),
        /* The application's threads may hear of the reset before they read. */
        over(OVER_HTTP, registration__of_the_cancelled_is_told_at_once),
        over(OVER_TCP, registration__of_the_cancelled_is_told_at_once),
        in_world(registered__may_go_on_when_told),
        in_world(registered__is_told_when_the_proxy_is_aborted),
        in_world(registered__may_abort_its_host_when_told),
        in_world(unregistered__delays_close_until_it_completes),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
