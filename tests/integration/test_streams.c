/* Messages in pieces, between a client and a server of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wws/wws.h>

#include "tests/support/public/world.h"

static const wws_error none;

/* What differs between transports. */
static struct way {
    const char *name;
    wws_transport transport;
    const char *url;
} way;

struct ends {
    wws_runtime runtime;
    wws_listener listener;
    wws_channel client;
    wws_channel server;
    uint64_t limit;
    struct leaks before;
};

static wws_message new_message(void)
{
    wws_message message;

    assert_int_equal(wws_message_create(NULL, &message, none), WWS_S_OK);
    return message;
}

static wws_message new_request(void)
{
    wws_message message = new_message();

    assert_int_equal(wws_message_initialize(message,
        WWS_MESSAGE_INITIALIZATION_REQUEST, (wws_message) { 0 }, none),
        WWS_S_OK);
    assert_int_equal(wws_message_set_header(message, WWS_HEADER_ACTION,
        WWS_STR("urn:stream"), none), WWS_S_OK);
    return message;
}

static wws_message new_reply(wws_message request)
{
    wws_message message = new_message();

    assert_int_equal(wws_message_initialize(message,
        WWS_MESSAGE_INITIALIZATION_REPLY, request, none), WWS_S_OK);
    assert_int_equal(wws_message_set_header(message, WWS_HEADER_ACTION,
        WWS_STR("urn:stream/reply"), none), WWS_S_OK);
    return message;
}

static void connect_ends(struct ends *ends)
{
    wws_channel_options ours = WWS_CHANNEL_OPTIONS_INIT;
    wws_listener_options theirs = WWS_LISTENER_OPTIONS_INIT;
    wws_buffer address;

    ours.transport = theirs.transport = way.transport;
    ours.encoding = theirs.encoding = WWS_ENCODING_UTF8;
    ours.transfer_mode = theirs.transfer_mode = WWS_TRANSFER_MODE_STREAMED;
    ours.max_streamed_message_size = ends->limit;
    theirs.max_streamed_message_size = ends->limit;
    assert_int_equal(wws_listener_create(ends->runtime, &theirs,
        &ends->listener, none), WWS_S_OK);
    assert_int_equal(wws_listener_open(ends->listener, text(way.url), NULL,
        none), WWS_S_OK);
    assert_int_equal(wws_listener_get_address(ends->listener, &address, none),
        WWS_S_OK);
    assert_int_equal(wws_channel_create(ends->runtime, &ours, &ends->client,
        none), WWS_S_OK);
    assert_int_equal(wws_channel_create_for_listener(ends->listener, NULL,
        &ends->server, none), WWS_S_OK);
    assert_int_equal(wws_channel_open(ends->client, (wws_string) {
        address.data, address.size }, NULL, none), WWS_S_OK);
    wws_buffer_release(&address);
}

static int set_up(void **state)
{
    struct ends *ends = calloc(1, sizeof *ends);

    leaks_count(&ends->before);
    assert_int_equal(wws_runtime_create(NULL, &ends->runtime, none), WWS_S_OK);
    *state = ends;
    return 0;
}

static int tear_down(void **state)
{
    struct ends *ends = *state;

    wws_channel_free(ends->client);
    wws_channel_free(ends->server);
    wws_listener_free(ends->listener);
    assert_int_equal(wws_runtime_close(ends->runtime, 20000, none), WWS_S_OK);
    wws_runtime_free(ends->runtime);
    assert_true(leaks_same(&ends->before));
    free(ends);
    return 0;
}

/* The server's side: gives back what comes, piece by piece. */

static void serve_echo(struct ends *ends)
{
    wws_message request = new_message(), reply;
    wws_buffer piece;
    wws_status status;

    assert_int_equal(wws_listener_accept(ends->listener, ends->server, NULL,
        none), WWS_S_OK);
    assert_int_equal(wws_channel_read_message_start(ends->server, request,
        NULL, none), WWS_S_OK);
    reply = new_reply(request);
    assert_int_equal(wws_channel_read_body(ends->server, request, &piece, NULL,
        none), WWS_S_OK);
    wws_buffer_release(&piece);
    while ((status = wws_channel_read_body(ends->server, request, &piece, NULL,
        none)) == WWS_S_OK)
        wws_buffer_release(&piece);
    assert_int_equal(status, WWS_S_END);
    assert_int_equal(wws_channel_read_message_end(ends->server, request, NULL,
        none), WWS_S_OK);
    assert_int_equal(wws_channel_write_message_start(ends->server, reply, NULL,
        none), WWS_S_OK);
    assert_int_equal(wws_channel_write_body(ends->server, reply,
        (wws_bytes) { "<r xmlns='urn:r'>", 17 }, NULL, none), WWS_S_OK);
    assert_int_equal(wws_channel_write_body(ends->server, reply,
        (wws_bytes) { "done</r>", 8 }, NULL, none), WWS_S_OK);
    assert_int_equal(wws_channel_write_message_end(ends->server, reply, NULL,
        none), WWS_S_OK);
    wws_message_free(request);
    wws_message_free(reply);
}

static void *run_echo(void *state)
{
    serve_echo(state);
    return NULL;
}

static void write_text(struct ends *ends, wws_message message, const char *what)
{
    assert_int_equal(wws_channel_write_body(ends->client, message,
        (wws_bytes) { what, strlen(what) }, NULL, none), WWS_S_OK);
}

static void stream__goes_both_ways_in_pieces(void **state)
{
    struct ends *ends = *state;
    wws_message request = new_request(), reply = new_message();
    wws_buffer piece;
    pthread_t server;
    char got[1024] = "";
    size_t size = 0;

    connect_ends(ends);
    pthread_create(&server, NULL, run_echo, ends);

    assert_int_equal(wws_channel_write_message_start(ends->client, request,
        NULL, none), WWS_S_OK);
    write_text(ends, request, "<a xmlns='urn:a'><b>on");
    write_text(ends, request, "e</b><b>two</");
    write_text(ends, request, "b></a>");
    assert_int_equal(wws_channel_write_message_end(ends->client, request, NULL,
        none), WWS_S_OK);
    assert_int_equal(wws_channel_read_message_start(ends->client, reply, NULL,
        none), WWS_S_OK);
    while (wws_channel_read_body(ends->client, reply, &piece, NULL, none)
        == WWS_S_OK) {
        memcpy(got + size, piece.data, piece.size);
        size += piece.size;
        wws_buffer_release(&piece);
    }
    assert_int_equal(wws_channel_read_message_end(ends->client, reply, NULL,
        none), WWS_S_OK);
    printf("%s\n", got);
    pthread_join(server, NULL);
    wws_message_free(request);
    wws_message_free(reply);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stream__goes_both_ways_in_pieces,
            set_up, tear_down),
    };

    way = argc > 1 && strcmp(argv[1], "tcp") == 0
        ? (struct way) { "tcp", WWS_TRANSPORT_TCP,
            "net.tcp://127.0.0.1:0/s" }
        : (struct way) { "http", WWS_TRANSPORT_HTTP,
            "http://127.0.0.1:0/s" };
    return cmocka_run_group_tests(tests, world_warm_up, world_cool_down);
}
