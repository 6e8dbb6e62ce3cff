/* A channel, and how it gets to each of its states.  Over HTTP opening waits
 * for nothing, so that OPENING is met only by racing it; all other states are
 * held, CLOSING by a callback that does not return, or a peer that does not end
 * its session. */
#ifndef TESTS_CHANNEL_RIG_H
#define TESTS_CHANNEL_RIG_H

#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

static const wws_error no_error;
static const struct peer_script answers = {
    .answers = true,
    .again = true,
};

enum {
    CREATED = WWS_CHANNEL_STATE_CREATED,
    OPENING = WWS_CHANNEL_STATE_OPENING,
    ACCEPTING = WWS_CHANNEL_STATE_ACCEPTING,
    OPEN = WWS_CHANNEL_STATE_OPEN,
    FAULTED = WWS_CHANNEL_STATE_FAULTED,
    CLOSING = WWS_CHANNEL_STATE_CLOSING,
    CLOSED = WWS_CHANNEL_STATE_CLOSED,
};

/* A channel in one of its states, and all that it takes to get there. */
struct rig {
    struct talk talk;   /* the first, for functions that are given only that */
    struct peer peer;   /* whom a client's channel talks to */
    struct peer other_peer; /* or talks to instead */
    bool has_other_peer;
    struct ear ear;     /* where a server's comes from */
    int client;         /* who talks to that; -1: nobody yet */
    wws_message request;
    wws_message empty;
    wws_message answer;
    wws_message other;  /* for what happens before */
    wws_message asked;
    struct hold hold;
    struct heard pending;
    struct heard closing;
    bool is_pending;
    bool is_closing;
};

static inline void rig_begin(struct rig *rig, struct world *world, bool server)
{
    *rig = (struct rig) { .client = -1 };
    peer_start(&rig->peer, &answers);
    ear_open(&rig->ear, world->runtime);
    hold_init(&rig->hold);
    rig->request = new_request(ACTION_ECHO, 0);
    rig->other = new_request(ACTION_ECHO, 0);
    rig->answer = new_reply(rig->request, 0);
    rig->empty = new_empty();
    rig->asked = new_empty();
    rig->talk = (struct talk) {
        .listener = rig->ear.listener,
        .channel = server ? new_server(rig->ear.listener)
            : new_channel(world->runtime),
        .url = rig->peer.url,
        .request = rig->request,
        .reply = rig->empty,
    };
}

/* The channel may be freed already, and a message of it half written. */
static inline void rig_end(struct rig *rig)
{
    hold_release(&rig->hold);
    (void) wws_channel_abandon_message(rig->talk.channel, rig->request,
        no_error);
    (void) wws_channel_abandon_message(rig->talk.channel, rig->empty,
        no_error);
    (void) wws_channel_free(rig->talk.channel);
    if (rig->is_pending)
        (void) heard_end(&rig->pending);
    if (rig->is_closing)
        (void) heard_end(&rig->closing);
    if (rig->client >= 0)
        peer_reset(rig->client);
    must(wws_listener_free(rig->ear.listener) == WWS_S_OK);
    must(wws_message_free(rig->request) == WWS_S_OK);
    must(wws_message_free(rig->other) == WWS_S_OK);
    must(wws_message_free(rig->answer) == WWS_S_OK);
    must(wws_message_free(rig->empty) == WWS_S_OK);
    must(wws_message_free(rig->asked) == WWS_S_OK);
    peer_stop(&rig->peer);
    if (rig->has_other_peer)
        peer_stop(&rig->other_peer);
}

/* Begins what is held in its callback, then a close that waits for that. */
static inline void hold_and_close(
    struct rig *rig,
    start_fn start,
    struct talk *talk)
{
    hear_inside(&rig->pending, start, talk, hold_on, &rig->hold);
    rig->is_pending = true;
    hear(&rig->closing, CALLBACK, start_close_channel, &rig->talk);
    rig->is_closing = true;
}

/* How a client's channel gets there. */

static inline void reach_created(struct rig *rig)
{
    (void) rig;
}

static inline void reach_latched(struct rig *rig)
{
    must(wws_channel_abort(rig->talk.channel) == WWS_S_OK);
}

static inline void reach_open(struct rig *rig)
{
    must(start_open(&rig->talk, NULL, no_error) == WWS_S_OK);
}

static inline void reach_owed(struct rig *rig)
{
    struct talk talk = rig->talk;

    reach_open(rig);
    talk.request = rig->other;
    must(start_send(&talk, NULL, no_error) == WWS_S_OK);
}

static inline void talk_to(struct rig *rig, const struct peer_script *script)
{
    peer_start(&rig->other_peer, script);
    rig->has_other_peer = true;
    rig->talk.url = rig->other_peer.url;
}

static inline void reach_opening(struct rig *rig)
{
    const struct peer_script mute = { .mute = true };

    talk_to(rig, &mute);
    hear(&rig->pending, CALLBACK, start_open, &rig->talk);
    rig->is_pending = true;
}

static inline void reach_shut_down(struct rig *rig)
{
    reach_owed(rig);
    must(start_shutdown(&rig->talk, NULL, no_error) == WWS_S_OK);
}

/* The peer answers by ending the session. */
static inline void reach_ended(struct rig *rig)
{
    const struct peer_script ends = { .reply = "\x07", .stubborn = true };

    talk_to(rig, &ends);
    reach_owed(rig);
}

static inline void reach_stubborn(struct rig *rig)
{
    const struct peer_script stubborn = { .stubborn = true };

    talk_to(rig, &stubborn);
    reach_open(rig);
}

static inline void reach_ending(struct rig *rig)
{
    reach_stubborn(rig);
    hear(&rig->closing, CALLBACK, start_close_channel, &rig->talk);
    rig->is_closing = true;
}

static inline void reach_faulted(struct rig *rig)
{
    reach_open(rig);
    must(wws_channel_abort(rig->talk.channel) == WWS_S_OK);
}

static inline void reach_closing(struct rig *rig)
{
    struct talk talk = rig->talk;

    reach_open(rig);
    talk.request = rig->other;
    talk.reply = rig->asked;
    hold_and_close(rig, start_request_reply, &talk);
}

static inline void reach_closed(struct rig *rig)
{
    reach_open(rig);
    must(start_close_channel(&rig->talk, NULL, no_error) == WWS_S_OK);
}

/* How a server's does. */

static inline void call_in(struct rig *rig)
{
    rig->client = peer_connect(rig->ear.url);
    peer_request(rig->client, ACTION_ECHO, 0);
}

static inline void reach_server_created(struct rig *rig)
{
    call_in(rig);
}

static inline void reach_server_latched(struct rig *rig)
{
    call_in(rig);
    reach_latched(rig);
}

static inline void reach_accepting(struct rig *rig)
{
    hear(&rig->pending, CALLBACK, start_accept, &rig->talk);
    rig->is_pending = true;
}

static inline void reach_accepted(struct rig *rig)
{
    call_in(rig);
    must(start_accept(&rig->talk, NULL, no_error) == WWS_S_OK);
}

static inline void reach_asked(struct rig *rig)
{
    struct talk talk = rig->talk;

    reach_accepted(rig);
    talk.reply = rig->asked;
    must(start_receive(&talk, NULL, no_error) == WWS_S_OK);
}

static inline void reach_answered(struct rig *rig)
{
    struct talk talk = rig->talk;

    reach_asked(rig);
    talk.reply = rig->other;
    must(wws_message_reset(rig->other, no_error) == WWS_S_OK);
    must(wws_message_initialize(rig->other, WWS_MESSAGE_INITIALIZATION_REPLY,
        rig->asked, no_error) == WWS_S_OK);
    must(wws_message_set_header(rig->other, WWS_HEADER_ACTION,
        WWS_STR("urn:wws:test:Reply"), no_error) == WWS_S_OK);
    must(start_send_reply(&talk, NULL, no_error) == WWS_S_OK);
}

static inline void reach_server_faulted(struct rig *rig)
{
    reach_accepted(rig);
    must(wws_channel_abort(rig->talk.channel) == WWS_S_OK);
}

static inline void reach_server_closing(struct rig *rig)
{
    struct talk talk = rig->talk;

    reach_asked(rig);
    talk.reply = rig->answer;
    hold_and_close(rig, start_send_reply, &talk);
    must(wws_message_free(rig->answer) == WWS_S_OK);
    rig->answer = new_reply(rig->request, 0);
}

static inline void reach_server_ended(struct rig *rig)
{
    struct talk talk = rig->talk;

    reach_asked(rig);
    peer_end_session(rig->client);
    must(wws_message_reset(rig->asked, no_error) == WWS_S_OK);
    talk.reply = rig->asked;
    must(start_receive(&talk, NULL, no_error) == WWS_S_END);
}

static inline void reach_server_shut_down(struct rig *rig)
{
    reach_accepted(rig);
    must(start_shutdown(&rig->talk, NULL, no_error) == WWS_S_OK);
}

static inline void reach_server_closed(struct rig *rig)
{
    reach_accepted(rig);
    peer_end_session(rig->client);
    must(start_close_channel(&rig->talk, NULL, no_error) == WWS_S_OK);
}

#endif
