/* Channels at both ends: what tests start on them, and messages to send. */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include "tests/support/public/world.h"

/* A listener on a port of its own, and where it is. */
struct ear {
    wws_listener listener;
    char url[128];
};

void ear_open(struct ear *ear, wws_runtime runtime);
void ear_open_with(
    struct ear *ear,
    wws_runtime runtime,
    const wws_listener_options *options);

/* One function of a channel, to be heard of. */
struct talk {
    wws_listener listener;
    wws_channel channel;
    wws_message request;
    wws_message reply;
    const char *url;
};

wws_status start_open(
    void *state,
    const wws_completion *completion,
    wws_error error);
wws_status start_accept(
    void *state,
    const wws_completion *completion,
    wws_error error);
wws_status start_send(
    void *state,
    const wws_completion *completion,
    wws_error error);
wws_status start_receive(
    void *state,
    const wws_completion *completion,
    wws_error error);
wws_status start_request_reply(
    void *state,
    const wws_completion *completion,
    wws_error error);
wws_status start_send_reply(
    void *state,
    const wws_completion *completion,
    wws_error error);
wws_status start_shutdown(
    void *state,
    const wws_completion *completion,
    wws_error error);
wws_status start_close_channel(
    void *state,
    const wws_completion *completion,
    wws_error error);
wws_status start_close_listener(
    void *state,
    const wws_completion *completion,
    wws_error error);
wws_status start_close_host(
    void *state,
    const wws_completion *completion,
    wws_error error);

wws_channel new_channel(wws_runtime runtime);
/* Open to the URL. */
wws_channel new_client(wws_runtime runtime, const char *url);
wws_channel new_server(wws_listener listener);
/* To be sent, with a body of so many octets; 0: a small one. */
wws_message new_request(const char *action, size_t size);
wws_message new_reply(wws_message request, size_t size);
wws_message new_empty(void);

wws_channel_state channel_state(wws_channel channel);
wws_listener_state listener_state(wws_listener listener);
/* Whether it came to that in time. */
bool channel_becomes(wws_channel channel, wws_channel_state state);

#endif
