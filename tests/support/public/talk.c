/* Channels at both ends. */
#include "tests/support/public/talk.h"

static const wws_error no_error;

void ear_open(struct ear *ear, wws_runtime runtime)
{
    wws_listener_options options = listener_options();

    options.max_message_size = 64000000;
    ear_open_with(ear, runtime, &options);
}

void ear_open_with(
    struct ear *ear,
    wws_runtime runtime,
    const wws_listener_options *options)
{
    wws_buffer address;

    *ear = (struct ear) { .listener = { 0 } };
    must(wws_listener_create(runtime, options, &ear->listener, no_error)
        == WWS_S_OK);
    must(wws_listener_open(ear->listener, text(wire()->any_port), NULL,
        no_error) == WWS_S_OK);
    must(wws_listener_get_address(ear->listener, &address, no_error)
        == WWS_S_OK);
    must(address.size < sizeof ear->url);
    memcpy(ear->url, address.data, address.size);
    wws_buffer_release(&address);
}

wws_status start_open(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_open(talk->channel, text(talk->url), completion, error);
}

wws_status start_accept(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_listener_accept(talk->listener, talk->channel, completion,
        error);
}

wws_status start_send(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_send(talk->channel, talk->request, completion, error);
}

wws_status start_receive(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_receive(talk->channel, talk->reply,
        WWS_RECEIVE_OPTION_OPTIONAL, completion, error);
}

wws_status start_request_reply(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_request_reply(talk->channel, talk->request,
        talk->reply, completion, error);
}

wws_status start_send_reply(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_send_reply(talk->channel, talk->reply, completion,
        error);
}

wws_status start_shutdown(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_shutdown_session(talk->channel, completion, error);
}

wws_status start_close_channel(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_close(talk->channel, completion, error);
}

wws_status start_close_listener(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_listener_close(talk->listener, completion, error);
}

wws_status start_close_host(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_service_host_close(*(wws_service_host *) state, completion,
        error);
}

wws_channel new_channel(wws_runtime runtime)
{
    wws_channel_options options = channel_options();
    wws_channel channel;

    options.max_message_size = 64000000;
    must(wws_channel_create(runtime, &options, &channel, no_error)
        == WWS_S_OK);
    return channel;
}

wws_channel new_client(wws_runtime runtime, const char *url)
{
    wws_channel channel = new_channel(runtime);

    must(wws_channel_open(channel, text(url), NULL, no_error) == WWS_S_OK);
    return channel;
}

wws_channel new_server(wws_listener listener)
{
    wws_channel channel;

    must(wws_channel_create_for_listener(listener, NULL, &channel, no_error)
        == WWS_S_OK);
    return channel;
}

wws_message new_empty(void)
{
    wws_message message;

    must(wws_message_create(NULL, &message, no_error) == WWS_S_OK);
    return message;
}

static void fill(wws_message message, const char *action, size_t size)
{
    static const char start[] = "<t:x xmlns:t=\"urn:wws:test\">";
    static const char end[] = "</t:x>";
    size_t ends = sizeof start + sizeof end - 2;
    char *body;

    if (size < ends)
        size = ends;
    body = malloc(size);
    must(body != NULL);
    memset(body, 'x', size);
    memcpy(body, start, sizeof start - 1);
    memcpy(body + size - (sizeof end - 1), end, sizeof end - 1);
    must(wws_message_set_header(message, WWS_HEADER_ACTION, text(action),
        no_error) == WWS_S_OK);
    must(wws_message_set_body(message, (wws_bytes) { body, size }, no_error)
        == WWS_S_OK);
    free(body);
}

wws_message new_request(const char *action, size_t size)
{
    wws_message message = new_empty();

    must(wws_message_initialize(message, WWS_MESSAGE_INITIALIZATION_REQUEST,
        (wws_message) { 0 }, no_error) == WWS_S_OK);
    fill(message, action, size);
    return message;
}

wws_message new_reply(wws_message request, size_t size)
{
    wws_message message = new_empty();

    must(wws_message_initialize(message, WWS_MESSAGE_INITIALIZATION_REPLY,
        request, no_error) == WWS_S_OK);
    fill(message, "urn:wws:test:Reply", size);
    return message;
}

wws_channel_state channel_state(wws_channel channel)
{
    wws_channel_state state;

    must(wws_channel_get_state(channel, &state, no_error) == WWS_S_OK);
    return state;
}

wws_listener_state listener_state(wws_listener listener)
{
    wws_listener_state state;

    must(wws_listener_get_state(listener, &state, no_error) == WWS_S_OK);
    return state;
}

struct wish {
    wws_channel channel;
    wws_channel_state state;
};

static bool is_so(void *state)
{
    const struct wish *wish = state;

    return channel_state(wish->channel) == wish->state;
}

bool channel_becomes(wws_channel channel, wws_channel_state state)
{
    struct wish wish = { channel, state };

    return await(is_so, &wish);
}
