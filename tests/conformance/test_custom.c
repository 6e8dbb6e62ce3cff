/* What is said of an application's own transport, and what becomes of the
 * tables that describe one.  That it does as any other, the suites show that
 * run over it. */
#include "tests/support/public/loop.h"
#include "tests/support/public/talk.h"

static const wws_error no_error;
static _Atomic unsigned freed;

static void count_freed(void *state)
{
    (void) state;
    freed++;
}

static wws_custom_transport table_of(struct loop *loop)
{
    wws_custom_transport table = WWS_CUSTOM_TRANSPORT_INIT;

    loop_fill(loop, &table);
    table.free_state = count_freed;
    return table;
}

static wws_status make_channel(
    wws_runtime runtime,
    wws_transport transport,
    const wws_custom_transport *custom,
    wws_channel *channel)
{
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;

    options.transport = transport;
    options.encoding = WWS_ENCODING_UTF8;
    options.custom = custom;
    return wws_channel_create(runtime, &options, channel, no_error);
}

static wws_status make_listener(
    wws_runtime runtime,
    const wws_custom_transport *custom,
    wws_listener *listener)
{
    wws_listener_options options = WWS_LISTENER_OPTIONS_INIT;

    options.transport = WWS_TRANSPORT_CUSTOM;
    options.custom = custom;
    return wws_listener_create(runtime, &options, listener, no_error);
}

static void custom__is_named_where_it_is_meant_and_nowhere_else(void **state)
{
    struct world *world = *state;
    struct loop loop;
    wws_custom_transport table, deaf, mute;
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;
    wws_channel channel;
    wws_listener listener;

    loop_init(&loop);
    freed = 0;
    table = deaf = mute = table_of(&loop);
    deaf.listen = NULL;
    mute.connect = NULL;

    assert_status(make_channel(world->runtime, WWS_TRANSPORT_CUSTOM, NULL,
        &channel), WWS_E_INVALIDARG);
    assert_status(make_channel(world->runtime, WWS_TRANSPORT_CUSTOM, &mute,
        &channel), WWS_E_INVALIDARG);
    assert_status(make_channel(world->runtime, WWS_TRANSPORT_HTTP, &table,
        &channel), WWS_E_INVALIDARG);
    assert_status(make_channel(world->runtime, WWS_TRANSPORT_TCP, &table,
        &channel), WWS_E_INVALIDARG);
    assert_status(make_listener(world->runtime, NULL, &listener),
        WWS_E_INVALIDARG);
    assert_status(make_listener(world->runtime, &deaf, &listener),
        WWS_E_INVALIDARG);
    table.struct_size--;
    assert_status(make_listener(world->runtime, &table, &listener),
        WWS_E_INVALIDARG);

    table.struct_size++;
    assert_status(make_listener(world->runtime, &mute, &listener), WWS_S_OK);
    options.custom = &table;
    assert_status(wws_channel_create_for_listener(listener, &options,
        &channel, no_error), WWS_E_INVALIDARG);
    assert_int_equal(freed, 0);
    assert_status(wws_listener_free(listener), WWS_S_OK);
    assert_int_equal(freed, 1);
    loop_fini(&loop);
}

/* What is left out of a connection or a listener. */
static wws_status connect_badly(
    wws_transport_task task,
    wws_string address,
    void *state)
{
    wws_custom_connection none = WWS_CUSTOM_CONNECTION_INIT;
    wws_custom_listener nobody = WWS_CUSTOM_LISTENER_INIT;
    wws_status *statuses = state;

    statuses[0] = wws_transport_task_give_connection(task, &none, address,
        address, no_error);
    statuses[1] = wws_transport_task_give_listener(task, &nobody, address,
        no_error);
    statuses[2] = wws_transport_task_give_piece(task, (wws_bytes) { NULL, 1 },
        false, no_error);
    statuses[3] = wws_transport_task_complete((wws_transport_task) { 0 },
        WWS_S_OK, no_error);
    statuses[4] = wws_transport_task_give_reason(task,
        (wws_string) { "\xff", 1 }, no_error);
    return WWS_E_ENDPOINT_NOT_AVAILABLE;
}

static void connection__needs_its_slots(void **state)
{
    struct world *world = *state;
    wws_custom_transport table = WWS_CUSTOM_TRANSPORT_INIT;
    wws_status statuses[5] = { 0 };
    wws_channel channel;

    table.connect = connect_badly;
    table.state = statuses;
    assert_status(make_channel(world->runtime, WWS_TRANSPORT_CUSTOM, &table,
        &channel), WWS_S_OK);

    assert_status(wws_channel_open(channel, text("any"), NULL, no_error),
        WWS_E_ENDPOINT_NOT_AVAILABLE);

    for (int i = 0; i < 5; i++)
        assert_status(statuses[i], WWS_E_INVALIDARG);
    assert_status(wws_channel_free(channel), WWS_S_OK);
}

/* Of two reasons the last one counts. */
static wws_status refuse_at(
    wws_transport_task task,
    wws_string address,
    void *state)
{
    (void) state;
    must(wws_transport_task_give_reason(task, text("because"), no_error)
        == WWS_S_OK);
    must(wws_transport_task_give_reason(task, address, no_error) == WWS_S_OK);
    return WWS_E_ENDPOINT_FAILURE;
}

static void assert_innermost(wws_error error, const char *expected)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;
    wws_string string;

    assert_status(wws_error_get_info(error, &info), WWS_S_OK);
    assert_status(info.status, WWS_E_ENDPOINT_FAILURE);
    assert_status(wws_error_get_string(error, info.string_count - 1, &string),
        WWS_S_OK);
    assert_int_equal(string.size, strlen(expected));
    assert_memory_equal(string.data, expected, string.size);
    assert_status(wws_error_reset(error), WWS_S_OK);
}

static void opening__says_why_the_transport_does_not(void **state)
{
    struct world *world = *state;
    wws_custom_transport table = WWS_CUSTOM_TRANSPORT_INIT;
    wws_channel channel;
    wws_listener listener;
    wws_error error;

    table.connect = table.listen = refuse_at;
    assert_status(wws_error_create(&error), WWS_S_OK);
    assert_status(make_channel(world->runtime, WWS_TRANSPORT_CUSTOM, &table,
        &channel), WWS_S_OK);
    assert_status(make_listener(world->runtime, &table, &listener), WWS_S_OK);

    assert_status(wws_channel_open(channel, text("a locked door"), NULL,
        error), WWS_E_ENDPOINT_FAILURE);
    assert_innermost(error, "a locked door");
    assert_status(wws_listener_open(listener, text("a deaf ear"), NULL, error),
        WWS_E_ENDPOINT_FAILURE);
    assert_innermost(error, "a deaf ear");

    assert_status(wws_channel_free(channel), WWS_S_OK);
    assert_status(wws_listener_free(listener), WWS_S_OK);
    assert_status(wws_error_free(error), WWS_S_OK);
}

/* The state of a table lives until the last that needs it is gone. */
static void table__is_freed_with_what_was_made_of_it(void **state)
{
    struct world *world = *state;
    struct loop loop;
    wws_custom_transport table;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;
    struct world own;

    (void) world;
    loop_init(&loop);
    freed = 0;
    table = table_of(&loop);
    endpoint.transport = options.transport = WWS_TRANSPORT_CUSTOM;
    endpoint.custom = options.custom = &table;
    endpoint.address = text("memory:calc");

    world_begin(&own, NULL);
    world_add_host(&own, NULL, &endpoint);
    own.proxy = world_proxy(&own, &options, "memory:calc");
    memset(&table, 0, sizeof table);
    assert_status(call_now(own.proxy, ACTION_ECHO), WWS_S_OK);
    assert_int_equal(freed, 0);

    assert_true(world_end(&own));
    assert_int_equal(freed, 2);
    loop_fini(&loop);
}

/* What was called on the stack of a task that was just being completed. */
static _Atomic unsigned strays;

static wws_status serve(wws_operation operation, void *state)
{
    strays += loop_is_completing();
    return gate_serve(operation, state);
}

static void look_at_stack(struct heard *heard)
{
    (void) heard;
    strays += loop_is_completing();
}

/* A host that serves on the loop, and its client, both on the one loop. */
static void begin_on_one_loop(
    struct world *own,
    const wws_custom_transport *table)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;
    wws_runtime_options runtime = WWS_RUNTIME_OPTIONS_INIT;

    operations.serve = serve;
    operations.state = &own->gate;
    endpoint.transport = options.transport = WWS_TRANSPORT_CUSTOM;
    endpoint.custom = options.custom = table;
    endpoint.callback_model = WWS_CALLBACK_MODEL_SHORT;
    endpoint.operations = &operations;
    endpoint.address = text("memory:here");
    runtime.loop_threads = 1;
    world_begin(own, &runtime);
    world_add_host(own, NULL, &endpoint);
    own->proxy = world_proxy(own, &options, "memory:here");
}

/* A33: a message that is sent completes, inside that slot, the task that waits
 * for it at the other end; the service and the caller hear of it later. */
static void task__calls_nobody_back_when_it_is_completed(void **state)
{
    struct loop loop;
    wws_custom_transport table;
    struct world own;

    (void) state;
    loop_init(&loop);
    table = table_of(&loop);
    begin_on_one_loop(&own, &table);
    strays = 0;

    for (int i = 0; i < 100; i++) {
        struct call call = call_to(own.proxy, ACTION_ECHO);
        struct heard heard;

        hear_inside(&heard, start_call, &call, look_at_stack, NULL);
        assert_status(heard_end(&heard), WWS_S_OK);
        wws_buffer_release(&call.reply);
    }

    assert_int_equal(strays, 0);
    assert_true(world_end(&own));
    loop_fini(&loop);
}

static wws_channel client_over(
    wws_runtime runtime,
    const wws_custom_transport *table)
{
    wws_channel channel;

    must(make_channel(runtime, WWS_TRANSPORT_CUSTOM, table, &channel)
        == WWS_S_OK);
    return channel;
}

/* Who sends some messages behind the end of a session that is not his, and
 * closes. */
static void send_and_close(struct talk *server, int count)
{
    assert_status(start_accept(server, NULL, no_error), WWS_S_OK);
    assert_status(start_receive(server, NULL, no_error), WWS_S_END);
    for (int i = 0; i < count; i++) {
        server->request = new_request(ACTION_ECHO, 0);
        assert_status(start_send(server, NULL, no_error), WWS_S_OK);
        assert_status(wws_message_free(server->request), WWS_S_OK);
    }
    assert_status(start_close_channel(server, NULL, no_error), WWS_S_OK);
}

static void expect_messages(struct talk *client, int count)
{
    for (int i = 0; i < count; i++) {
        assert_status(start_receive(client, NULL, no_error), WWS_S_OK);
        assert_status(wws_message_reset(client->reply, no_error), WWS_S_OK);
    }
    assert_status(start_receive(client, NULL, no_error), WWS_S_END);
}

/* The peer has gone in order, and what he sent before has not been read. */
static void messages__of_who_has_closed_can_be_received(void **state)
{
    struct loop loop;
    wws_custom_transport table;
    struct talk client = { .url = "memory:late" }, server = client;
    struct world own;

    (void) state;
    loop_init(&loop);
    table = table_of(&loop);
    world_begin(&own, NULL);
    must(make_listener(own.runtime, &table, &server.listener) == WWS_S_OK);
    must(wws_listener_open(server.listener, text(client.url), NULL, no_error)
        == WWS_S_OK);
    server.channel = new_server(server.listener);
    client.channel = client_over(own.runtime, &table);
    client.reply = new_empty();
    server.reply = new_empty();
    assert_status(start_open(&client, NULL, no_error), WWS_S_OK);
    assert_status(start_shutdown(&client, NULL, no_error), WWS_S_OK);
    send_and_close(&server, 3);

    expect_messages(&client, 3);

    assert_status(wws_message_free(client.reply), WWS_S_OK);
    assert_status(wws_message_free(server.reply), WWS_S_OK);
    assert_status(wws_channel_free(client.channel), WWS_S_OK);
    assert_status(wws_channel_free(server.channel), WWS_S_OK);
    assert_status(wws_listener_free(server.listener), WWS_S_OK);
    assert_true(world_end(&own));
    loop_fini(&loop);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(custom__is_named_where_it_is_meant_and_nowhere_else),
        in_world(connection__needs_its_slots),
        in_world(opening__says_why_the_transport_does_not),
        in_world(table__is_freed_with_what_was_made_of_it),
        in_world(task__calls_nobody_back_when_it_is_completed),
        in_world(messages__of_who_has_closed_can_be_received),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
