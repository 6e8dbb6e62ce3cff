/* Sessions over TCP, a client and a server of ours at their ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <wws/wws.h>

#include "tests/support/public/world.h"

static wws_message new_message(wws_message_initialization as, wws_message of)
{
    wws_message message;

    assert_int_equal(wws_message_create(NULL, &message, (wws_error) { 0 }), 0);
    if (as != (wws_message_initialization) -1)
        assert_int_equal(wws_message_initialize(message, as, of,
            (wws_error) { 0 }), 0);
    return message;
}

static wws_message empty(void)
{
    return new_message((wws_message_initialization) -1, (wws_message) { 0 });
}

static wws_message request(const char *body)
{
    wws_message message = new_message(WWS_MESSAGE_INITIALIZATION_REQUEST,
        (wws_message) { 0 });

    assert_int_equal(wws_message_set_header(message, WWS_HEADER_ACTION,
        WWS_STR("urn:x"), (wws_error) { 0 }), 0);
    if (body != NULL)
        assert_int_equal(wws_message_set_body(message, (wws_bytes) { body,
            strlen(body) }, (wws_error) { 0 }), 0);
    return message;
}

static void show(wws_error error)
{
    wws_string text;

    for (uint32_t i = 0; wws_error_get_string(error, i, &text) == 0; i++)
        printf("  %.*s\n", (int) text.size, text.data);
}

static void calls__share_a_session(void **state)
{
    static struct world only;
    struct world *world = &only;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;

    (void) state;
    endpoint.transport = options.transport = WWS_TRANSPORT_TCP;
    endpoint.encoding = options.encoding = WWS_ENCODING_UTF8;
    endpoint.address = WWS_STR("net.tcp://127.0.0.1:0/x");
    world_begin(world, NULL);
    world_add_host(world, NULL, &endpoint);
    gate_open(&world->gate);
    printf("%s\n", world->url);
    world->proxy = world_proxy(world, &options, world->url);
    for (int i = 0; i < 100; i++)
        assert_int_equal(call_now(world->proxy, "urn:x"), 0);
    assert_int_equal(wws_service_proxy_close(world->proxy, NULL,
        (wws_error) { 0 }), 0);
    assert_true(world_end(world));
}

static void channels__talk(void **state)
{
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;
    wws_listener_options theirs = WWS_LISTENER_OPTIONS_INIT;
    wws_listener listener;
    wws_channel client, server;
    wws_message ask, got, answer, reply;
    wws_buffer address;
    wws_error error;
    wws_error none = { 0 };
    struct world world;

    (void) state;
    world_begin(&world, NULL);
    ask = request("<a xmlns='urn:x'/>");
    got = empty();
    reply = empty();
    wws_error_create(&error);
    options.transport = theirs.transport = WWS_TRANSPORT_TCP;
    options.encoding = theirs.encoding = WWS_ENCODING_UTF8;
    assert_int_equal(wws_listener_create(world.runtime, &theirs, &listener,
        none), 0);
    assert_int_equal(wws_listener_open(listener,
        WWS_STR("net.tcp://127.0.0.1:0/y"), NULL, none), 0);
    assert_int_equal(wws_listener_get_address(listener, &address, none), 0);
    assert_int_equal(wws_channel_create(world.runtime, &options, &client,
        none), 0);
    assert_int_equal(wws_channel_create_for_listener(listener, NULL, &server,
        none), 0);
    if (wws_channel_open(client, (wws_string) { address.data, address.size },
        NULL, error) < 0)
        show(error);
    assert_int_equal(wws_listener_accept(listener, server, NULL, none), 0);
    assert_int_equal(wws_channel_send(client, ask, NULL, none), 0);
    assert_int_equal(wws_channel_receive(server, got,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, none), 0);
    answer = new_message(WWS_MESSAGE_INITIALIZATION_REPLY, got);
    wws_message_set_header(answer, WWS_HEADER_ACTION, WWS_STR("urn:y"), none);
    assert_int_equal(wws_channel_send_reply(server, answer, NULL, none), 0);
    assert_int_equal(wws_channel_receive(client, reply,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, none), 0);
    assert_int_equal(wws_channel_shutdown_session(client, NULL, none), 0);
    wws_message_reset(got, none);
    assert_int_equal(wws_channel_receive(server, got,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, none), WWS_S_END);
    assert_int_equal(wws_channel_shutdown_session(server, NULL, none), 0);
    assert_int_equal(wws_channel_close(client, NULL, none), 0);
    assert_int_equal(wws_channel_close(server, NULL, none), 0);
    assert_int_equal(wws_listener_close(listener, NULL, none), 0);
    wws_channel_free(client);
    wws_channel_free(server);
    wws_listener_free(listener);
    wws_message_free(ask);
    wws_message_free(got);
    wws_message_free(answer);
    wws_message_free(reply);
    wws_buffer_release(&address);
    wws_error_free(error);
    assert_true(world_end(&world));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls__share_a_session),
        cmocka_unit_test(channels__talk),
    };

    must(setenv("WWS_TRANSPORT", "tcp", 1) == 0);
    return run_promises(tests, world_warm_up, world_cool_down);
}
