/* The life of a channel: every function in every state.  Over HTTP opening
 * waits for nothing, so that OPENING is met only by racing it; all other states
 * are held, CLOSING by a callback that does not return, or a peer that does not
 * end its session. */
#include "tests/conformance/table.h"
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

static void rig_begin(struct rig *rig, struct world *world, bool server)
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

static void client_begin(struct rig *rig, struct world *world)
{
    rig_begin(rig, world, false);
}

/* Its client, a bare socket, does not end a session unless told to. */
static void server_begin(struct rig *rig, struct world *world)
{
    rig_begin(rig, world, true);
    must(wws_channel_set_property(rig->talk.channel,
        WWS_CHANNEL_PROPERTY_CLOSE_TIMEOUT, 20, no_error) == WWS_S_OK);
}

static void *subject_of(struct rig *rig)
{
    return &rig->talk;
}

static uint32_t state_of(const struct rig *rig)
{
    return channel_state(rig->talk.channel);
}

/* The channel may be freed already, and a message of it half written. */
static void rig_end(struct rig *rig)
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
static void hold_and_close(struct rig *rig, start_fn start, struct talk *talk)
{
    hear_inside(&rig->pending, start, talk, hold_on, &rig->hold);
    rig->is_pending = true;
    hear(&rig->closing, CALLBACK, start_close_channel, &rig->talk);
    rig->is_closing = true;
}

/* How a client's channel gets there. */

static void reach_created(struct rig *rig)
{
    (void) rig;
}

static void reach_latched(struct rig *rig)
{
    must(wws_channel_abort(rig->talk.channel) == WWS_S_OK);
}

static void reach_open(struct rig *rig)
{
    must(start_open(&rig->talk, NULL, no_error) == WWS_S_OK);
}

static void reach_owed(struct rig *rig)
{
    struct talk talk = rig->talk;

    reach_open(rig);
    talk.request = rig->other;
    must(start_send(&talk, NULL, no_error) == WWS_S_OK);
}

static void talk_to(struct rig *rig, const struct peer_script *script)
{
    peer_start(&rig->other_peer, script);
    rig->has_other_peer = true;
    rig->talk.url = rig->other_peer.url;
}

static void reach_opening(struct rig *rig)
{
    const struct peer_script mute = { .mute = true };

    talk_to(rig, &mute);
    hear(&rig->pending, CALLBACK, start_open, &rig->talk);
    rig->is_pending = true;
}

static void reach_shut_down(struct rig *rig)
{
    reach_owed(rig);
    must(start_shutdown(&rig->talk, NULL, no_error) == WWS_S_OK);
}

/* The peer answers by ending the session. */
static void reach_ended(struct rig *rig)
{
    const struct peer_script ends = { .reply = "\x07", .stubborn = true };

    talk_to(rig, &ends);
    reach_owed(rig);
}

static void reach_stubborn(struct rig *rig)
{
    const struct peer_script stubborn = { .stubborn = true };

    talk_to(rig, &stubborn);
    reach_open(rig);
}

static void reach_ending(struct rig *rig)
{
    reach_stubborn(rig);
    hear(&rig->closing, CALLBACK, start_close_channel, &rig->talk);
    rig->is_closing = true;
}

static void reach_faulted(struct rig *rig)
{
    reach_open(rig);
    must(wws_channel_abort(rig->talk.channel) == WWS_S_OK);
}

static void reach_closing(struct rig *rig)
{
    struct talk talk = rig->talk;

    reach_open(rig);
    talk.request = rig->other;
    talk.reply = rig->asked;
    hold_and_close(rig, start_request_reply, &talk);
}

static void reach_closed(struct rig *rig)
{
    reach_open(rig);
    must(start_close_channel(&rig->talk, NULL, no_error) == WWS_S_OK);
}

/* How a server's does. */

static void call_in(struct rig *rig)
{
    rig->client = peer_connect(rig->ear.url);
    peer_request(rig->client, ACTION_ECHO, 0);
}

static void reach_server_created(struct rig *rig)
{
    call_in(rig);
}

static void reach_server_latched(struct rig *rig)
{
    call_in(rig);
    reach_latched(rig);
}

static void reach_accepting(struct rig *rig)
{
    hear(&rig->pending, CALLBACK, start_accept, &rig->talk);
    rig->is_pending = true;
}

static void reach_accepted(struct rig *rig)
{
    call_in(rig);
    must(start_accept(&rig->talk, NULL, no_error) == WWS_S_OK);
}

static void reach_asked(struct rig *rig)
{
    struct talk talk = rig->talk;

    reach_accepted(rig);
    talk.reply = rig->asked;
    must(start_receive(&talk, NULL, no_error) == WWS_S_OK);
}

static void reach_answered(struct rig *rig)
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

static void reach_server_faulted(struct rig *rig)
{
    reach_accepted(rig);
    must(wws_channel_abort(rig->talk.channel) == WWS_S_OK);
}

static void reach_server_closing(struct rig *rig)
{
    struct talk talk = rig->talk;

    reach_asked(rig);
    talk.reply = rig->answer;
    hold_and_close(rig, start_send_reply, &talk);
    must(wws_message_free(rig->answer) == WWS_S_OK);
    rig->answer = new_reply(rig->request, 0);
}

static void reach_server_ended(struct rig *rig)
{
    struct talk talk = rig->talk;

    reach_asked(rig);
    peer_end_session(rig->client);
    must(wws_message_reset(rig->asked, no_error) == WWS_S_OK);
    talk.reply = rig->asked;
    must(start_receive(&talk, NULL, no_error) == WWS_S_END);
}

static void reach_server_shut_down(struct rig *rig)
{
    reach_accepted(rig);
    must(start_shutdown(&rig->talk, NULL, no_error) == WWS_S_OK);
}

static void reach_server_closed(struct rig *rig)
{
    reach_accepted(rig);
    peer_end_session(rig->client);
    must(start_close_channel(&rig->talk, NULL, no_error) == WWS_S_OK);
}

/* The functions that do not wait, in the form of those that do. */

static wws_status do_answer(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct rig *rig = state;
    struct talk talk = rig->talk;

    talk.reply = rig->answer;
    return start_send_reply(&talk, completion, error);
}

static wws_status do_cancel_receive(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    (void) completion;
    (void) error;
    return wws_channel_cancel_receive(talk->channel);
}

static void abort_it(void *state)
{
    const struct rig *rig = state;

    must(wws_channel_abort(rig->talk.channel) == WWS_S_OK);
}

static wws_status do_abort(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    (void) completion;
    (void) error;
    return wws_channel_abort(talk->channel);
}

static wws_status do_reset(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    (void) completion;
    return wws_channel_reset(talk->channel, error);
}

static wws_status do_get_state(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;
    wws_channel_state unused;

    (void) completion;
    return wws_channel_get_state(talk->channel, &unused, error);
}

static wws_status do_write_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_write_message_start(talk->channel, talk->request,
        completion, error);
}

static wws_status do_require(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_receive(talk->channel, talk->reply,
        WWS_RECEIVE_OPTION_REQUIRED, completion, error);
}

static wws_status do_require_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_read_message_start(talk->channel, talk->reply,
        WWS_RECEIVE_OPTION_REQUIRED, completion, error);
}

static wws_status do_read_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_read_message_start(talk->channel, talk->reply,
        WWS_RECEIVE_OPTION_OPTIONAL, completion, error);
}

/* Of a message that is not the one being written, or being read. */

static wws_status do_write_body(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_write_body(talk->channel, talk->request,
        (wws_bytes) { "x", 1 }, completion, error);
}

static wws_status do_write_end(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_write_message_end(talk->channel, talk->request,
        completion, error);
}

static wws_status do_read_body(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    static wws_buffer unread;
    struct talk *talk = state;

    return wws_channel_read_body(talk->channel, talk->reply, &unread,
        completion, error);
}

static wws_status do_read_end(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_read_message_end(talk->channel, talk->reply, completion,
        error);
}

static wws_status do_abandon_message(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    (void) completion;
    return wws_channel_abandon_message(talk->channel, talk->request, error);
}

static wws_message_state message_state(wws_message message)
{
    wws_message_info info = WWS_MESSAGE_INFO_INIT;

    must(wws_message_get_info(message, &info, no_error) == WWS_S_OK);
    return info.state;
}

/* L2: what is refused has touched nothing. */
static bool messages_untouched(const struct rig *rig)
{
    return message_state(rig->request) == WWS_MESSAGE_STATE_INITIALIZED
        && message_state(rig->answer) == WWS_MESSAGE_STATE_INITIALIZED
        && message_state(rig->empty) == WWS_MESSAGE_STATE_EMPTY;
}

/* The tables of 1.1. */

/* There was to be a message, and there is none (D35). */
#define MISSING { WWS_E_INVALID_FORMAT, OPEN }

static const struct column client_columns[] = {
    { "created", CREATED, reach_created },
    { "created and aborted", CREATED, reach_latched },
    { "open", OPEN, reach_open },
    { "open and owed a reply", OPEN, reach_owed },
    { "faulted", FAULTED, reach_faulted },
    { "closing", CLOSING, reach_closing },
    { "closed", CLOSED, reach_closed },
};

static const struct row client_rows[] = {
    /* created  aborted  open  owed  faulted  closing  closed */
    { "open", start_open, true,
        { TO(OPEN), ABT, INV, INV, INV, INV, INV } },
    { "accept", start_accept, true,
        { ARG, ARG, ARG, ARG, ARG, ARG, ARG } },
    { "send", start_send, true,
        { INV, INV, OK, INV, FLT, INV, INV } },
    { "receive", start_receive, true,
        { INV, INV, INV, OK, FLT, INV, INV } },
    { "receive what is required", do_require, true,
        { INV, INV, INV, OK, FLT, INV, INV } },
    { "request-reply", start_request_reply, true,
        { INV, INV, OK, INV, FLT, INV, INV } },
    { "send reply", do_answer, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "write start", do_write_start, true,
        { INV, INV, OK, INV, FLT, INV, INV } },
    { "write body", do_write_body, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "write end", do_write_end, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "read start", do_read_start, true,
        { INV, INV, INV, OK, FLT, INV, INV } },
    { "read body", do_read_body, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "read end", do_read_end, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "abandon another message", do_abandon_message, false,
        { INV, INV, ARG, ARG, ARG, INV, INV } },
    { "shut down", start_shutdown, true,
        { INV, INV, INV, INV, FLT, INV, INV } },
    { "cancel receive", do_cancel_receive, false,
        { OK, OK, OK, OK, OK, OK, OK } },
    { "abort", do_abort, false,
        { OK, OK, TO(FAULTED), TO(FAULTED), OK, OK, OK } },
    { "close", start_close_channel, true,
        { TO(CLOSED), TO(CLOSED), TO(CLOSED), TO(CLOSED), TO(CLOSED), INV,
          OK } },
    { "reset", do_reset, false,
        { OK, OK, INV, INV, INV, INV, TO(CREATED) } },
    { "get state", do_get_state, false,
        { OK, OK, OK, OK, OK, OK, OK } },
};

static const struct column server_columns[] = {
    { "created", CREATED, reach_server_created },
    { "created and aborted", CREATED, reach_server_latched },
    { "accepting", ACCEPTING, reach_accepting },
    { "open", OPEN, reach_accepted },
    { "open and asked", OPEN, reach_asked },
    { "open and over", OPEN, reach_answered },
    { "faulted", FAULTED, reach_server_faulted },
    { "closing", CLOSING, reach_server_closing },
    { "closed", CLOSED, reach_server_closed },
};

static const struct row server_rows[] = {
    /* created  aborted  accepting  open  asked  over  faulted  closing
     * closed */
    { "open", start_open, true,
        { INV, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "accept", start_accept, true,
        { TO(OPEN), ABT, INV, INV, INV, INV, INV, INV, INV } },
    { "send", start_send, true,
        { INV, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "receive", start_receive, true,
        { INV, INV, INV, OK, END, END, FLT, INV, INV } },
    { "receive what is required", do_require, true,
        { INV, INV, INV, OK, MISSING, MISSING, FLT, INV, INV } },
    { "request-reply", start_request_reply, true,
        { INV, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "send reply", do_answer, true,
        { INV, INV, INV, INV, OK, INV, FLT, INV, INV } },
    { "shut down", start_shutdown, true,
        { INV, INV, INV, INV, INV, INV, FLT, INV, INV } },
    { "cancel receive", do_cancel_receive, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK } },
    { "abort", do_abort, false,
        { OK, OK, TO(CREATED), TO(FAULTED), TO(FAULTED), TO(FAULTED), OK, OK,
          OK } },
    { "close", start_close_channel, true,
        { TO(CLOSED), TO(CLOSED), INV, TO(CLOSED), TO(CLOSED), TO(CLOSED),
          TO(CLOSED), INV, OK } },
    { "reset", do_reset, false,
        { OK, OK, INV, INV, INV, INV, INV, INV, TO(CREATED) } },
    { "get state", do_get_state, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK } },
};

/* Over a session, where messages flow both ways.  A reply that cannot come any
 * more is no loss of the channel. */

#define STAYS { WWS_E_ENDPOINT_DISCONNECTED, OPEN }

static const struct column duplex_client_columns[] = {
    { "created", CREATED, reach_created },
    { "created and aborted", CREATED, reach_latched },
    { "opening", OPENING, reach_opening },
    { "open", OPEN, reach_open },
    { "open, with a message", OPEN, reach_owed },
    { "open and shut down", OPEN, reach_shut_down },
    { "open and ended", OPEN, reach_ended },
    { "faulted", FAULTED, reach_faulted },
    { "closing", CLOSING, reach_closing },
    { "waiting for the end", CLOSING, reach_ending },
    { "closed", CLOSED, reach_closed },
};

static const struct row duplex_client_rows[] = {
    /* created  aborted  opening  open  message  shut  ended  faulted  closing
     * ending  closed */
    { "open", start_open, true,
        { TO(OPEN), ABT, INV, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "accept", start_accept, true,
        { ARG, ARG, ARG, ARG, ARG, ARG, ARG, ARG, ARG, ARG, ARG } },
    { "send", start_send, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV, INV } },
    { "receive", start_receive, true,
        { INV, INV, INV, PENDS, OK, OK, END, FLT, INV, INV, INV } },
    { "receive what is required", do_require, true,
        { INV, INV, INV, PENDS, OK, OK, MISSING, FLT, INV, INV, INV } },
    { "request-reply", start_request_reply, true,
        { INV, INV, INV, OK, OK, INV, STAYS, FLT, INV, INV, INV } },
    { "send reply", do_answer, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV, INV } },
    { "write start", do_write_start, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV, INV } },
    { "write body", do_write_body, true,
        { INV, INV, INV, INV, INV, INV, INV, FLT, INV, INV, INV } },
    { "write end", do_write_end, true,
        { INV, INV, INV, INV, INV, INV, INV, FLT, INV, INV, INV } },
    { "read start", do_read_start, true,
        { INV, INV, INV, PENDS, OK, OK, END, FLT, INV, INV, INV } },
    { "read body", do_read_body, true,
        { INV, INV, INV, INV, INV, INV, INV, FLT, INV, INV, INV } },
    { "read end", do_read_end, true,
        { INV, INV, INV, INV, INV, INV, INV, FLT, INV, INV, INV } },
    { "abandon another message", do_abandon_message, false,
        { INV, INV, INV, ARG, ARG, ARG, ARG, ARG, INV, INV, INV } },
    { "shut down", start_shutdown, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV, INV } },
    { "cancel receive", do_cancel_receive, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK } },
    { "abort", do_abort, false,
        { OK, OK, TO(CREATED), TO(FAULTED), TO(FAULTED), TO(FAULTED),
          TO(FAULTED), OK, OK, TO(SOON), OK } },
    { "close", start_close_channel, true,
        { TO(CLOSED), TO(CLOSED), INV, TO(CLOSED), TO(CLOSED), TO(CLOSED),
          TO(CLOSED), TO(CLOSED), INV, INV, OK } },
    { "reset", do_reset, false,
        { OK, OK, INV, INV, INV, INV, INV, INV, INV, INV, TO(CREATED) } },
    { "get state", do_get_state, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK } },
};

static const struct column duplex_server_columns[] = {
    { "created", CREATED, reach_server_created },
    { "created and aborted", CREATED, reach_server_latched },
    { "accepting", ACCEPTING, reach_accepting },
    { "open, with a message", OPEN, reach_accepted },
    { "open", OPEN, reach_asked },
    { "open and shut down", OPEN, reach_server_shut_down },
    { "open and ended", OPEN, reach_server_ended },
    { "faulted", FAULTED, reach_server_faulted },
    { "closing", CLOSING, reach_server_closing },
    { "closed", CLOSED, reach_server_closed },
};

static const struct row duplex_server_rows[] = {
    /* created  aborted  accepting  message  open  shut  ended  faulted
     * closing  closed */
    { "open", start_open, true,
        { INV, INV, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "accept", start_accept, true,
        { TO(OPEN), ABT, INV, INV, INV, INV, INV, INV, INV, INV } },
    { "send", start_send, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV } },
    { "receive", start_receive, true,
        { INV, INV, INV, OK, PENDS, OK, END, FLT, INV, INV } },
    { "receive what is required", do_require, true,
        { INV, INV, INV, OK, PENDS, OK, MISSING, FLT, INV, INV } },
    { "request-reply", start_request_reply, true,
        { INV, INV, INV, PENDS, PENDS, INV, STAYS, FLT, INV, INV } },
    { "send reply", do_answer, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV } },
    { "shut down", start_shutdown, true,
        { INV, INV, INV, OK, OK, INV, OK, FLT, INV, INV } },
    { "cancel receive", do_cancel_receive, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK, OK } },
    { "abort", do_abort, false,
        { OK, OK, TO(CREATED), TO(FAULTED), TO(FAULTED), TO(FAULTED),
          TO(FAULTED), OK, OK, OK } },
    { "close", start_close_channel, true,
        { TO(CLOSED), TO(CLOSED), INV, TMO(CLOSED), TMO(CLOSED), TMO(CLOSED),
          TO(CLOSED), TO(CLOSED), INV, OK } },
    { "reset", do_reset, false,
        { OK, OK, INV, INV, INV, INV, INV, INV, INV, TO(CREATED) } },
    { "get state", do_get_state, false,
        { OK, OK, OK, OK, OK, OK, OK, OK, OK, OK } },
};

#define OURS rig_end, subject_of, state_of, messages_untouched

static const struct table client_table =
    TABLE(client_columns, client_rows, client_begin, OURS);
static const struct table server_table =
    TABLE(server_columns, server_rows, server_begin, OURS);
static const struct table duplex_client_table =
    TABLE(duplex_client_columns, duplex_client_rows, client_begin, OURS);
static const struct table duplex_server_table =
    TABLE(duplex_server_columns, duplex_server_rows, server_begin, OURS);

static const struct table *client(void)
{
    return wire()->has_sessions ? &duplex_client_table : &client_table;
}

static const struct table *server(void)
{
    return wire()->has_sessions ? &duplex_server_table : &server_table;
}

/* T11, T15, TI4, L2, L3, G1, G6, G9 to G12, G25, G27, G90, G91, A1 to A5, C1,
 * C2, D1, D2, D4, D11, P1, P2, P6, P7, R5 */
static void client_channel__keeps_its_table_of_states(void **state)
{
    struct rig rig;

    table_walk(client(), *state, &rig);
}

/* T11, T15, TI4, L2, L3, G1, G6, G9 to G12, G25, G27, A1 to A5, C1, C2, D1, D2,
 * D4, D11, P1, P2, P6, P7 */
static void server_channel__keeps_its_table_of_states(void **state)
{
    struct rig rig;

    table_walk(server(), *state, &rig);
}

static void free_everywhere(const struct table *table, struct world *world)
{
    for (size_t i = 0; i < table->columns_count; i++) {
        struct rig rig;

        table->begin(&rig, world);
        table->columns[i].reach(&rig);
        assert_status(wws_channel_free(rig.talk.channel), WWS_S_OK);

        for (size_t k = 0; k < table->rows_count; k++)
            assert_status(table->rows[k].start(&rig.talk, NULL, no_error),
                WWS_E_HANDLE);
        assert_status(wws_channel_free(rig.talk.channel), WWS_E_HANDLE);
        assert_true(messages_untouched(&rig));
        table->end(&rig);
    }
}

/* D12, R2, E6: and the zero handle is nothing to free. */
static void channel__can_be_freed_in_every_state(void **state)
{
    free_everywhere(client(), *state);
    free_everywhere(server(), *state);
    assert_status(wws_channel_free((wws_channel) { 0 }), WWS_S_OK);
}

/* L1, L2: a wrong argument is found in every state, before that is looked at,
 * and changes nothing. */
static void channel__finds_bad_arguments_before_bad_states(void **state)
{
    wws_completion both = WWS_COMPLETION_INIT;
    wws_completion small = WWS_COMPLETION_INIT;

    small.struct_size = 8;
    for (size_t i = 0; i < client()->columns_count; i++) {
        const struct column *column = &client()->columns[i];
        struct talk talk;
        struct rig rig;

        rig_begin(&rig, *state, false);
        column->reach(&rig);
        talk = rig.talk;
        talk.request = (wws_message) { 0 };
        talk.reply = (wws_message) { 0 };
        assert_status(wws_channel_open(talk.channel, (wws_string) { NULL, 0 },
            NULL, no_error), WWS_E_INVALIDARG);
        assert_status(start_send(&talk, NULL, no_error), WWS_E_INVALIDARG);
        assert_status(start_receive(&talk, NULL, no_error), WWS_E_INVALIDARG);
        assert_status(start_send_reply(&talk, NULL, no_error),
            WWS_E_INVALIDARG);
        talk.request = rig.request;
        assert_status(start_request_reply(&talk, NULL, no_error),
            WWS_E_INVALIDARG);
        talk.reply = rig.request;
        assert_status(start_request_reply(&talk, NULL, no_error),
            WWS_E_INVALIDARG);
        talk.reply = rig.empty;
        assert_status(start_open(&talk, &small, no_error), WWS_E_INVALIDARG);
        assert_status(start_send(&talk, &both, no_error), WWS_E_INVALIDARG);
        assert_status(start_receive(&talk, &both, no_error), WWS_E_INVALIDARG);
        assert_status(start_open(&talk, &both, no_error), WWS_E_INVALIDARG);
        assert_status(start_close_channel(&talk, &both, no_error),
            WWS_E_INVALIDARG);
        assert_status(start_close_channel(&talk, &small, no_error),
            WWS_E_INVALIDARG);
        assert_status(wws_channel_get_state(talk.channel, NULL, no_error),
            WWS_E_INVALIDARG);

        assert_int_equal(channel_state(talk.channel), column->state);
        assert_true(messages_untouched(&rig));
        rig_end(&rig);
    }
}

/* L1, G4: no handle is a wrong argument, but for free. */
static void channel__functions_want_a_handle(void **state)
{
    struct rig rig;

    rig_begin(&rig, *state, false);
    assert_status(wws_channel_free(rig.talk.channel), WWS_S_OK);
    rig.talk.channel = (wws_channel) { 0 };
    for (size_t i = 0; i < client()->rows_count; i++)
        assert_status(client()->rows[i].start(&rig, NULL, no_error),
            WWS_E_INVALIDARG);
    rig_end(&rig);
}

/* L9, E2 */
static void channel__leaves_outputs_alone_when_it_fails(void **state)
{
    wws_channel_options options = channel_options();
    struct world *world = *state;
    wws_channel channel = { 77 };
    wws_channel_state value = 77;

    options.transport = 77;
    assert_status(wws_channel_create(world->runtime, &options, &channel,
        no_error), WWS_E_INVALIDARG);
    assert_status(wws_channel_create_for_listener((wws_listener) { 0 }, NULL,
        &channel, no_error), WWS_E_INVALIDARG);
    assert_int_equal(channel.id, 77);
    assert_status(wws_channel_get_state(channel, &value, no_error),
        WWS_E_HANDLE);
    assert_int_equal(value, 77);
}

/* D1, G12: the open that fails consumes it, and reset forgets it. */
static void channel__remembers_an_abort_until_open_or_reset(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state, false);
        reach_latched(&rig);
        hear(&heard, manner, start_open, &rig.talk);
        assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
        assert_int_equal(channel_state(rig.talk.channel), CREATED);
        assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
        rig_end(&rig);

        rig_begin(&rig, *state, false);
        reach_latched(&rig);
        assert_status(wws_channel_reset(rig.talk.channel, no_error), WWS_S_OK);
        hear(&heard, manner, start_open, &rig.talk);
        assert_status(heard_end(&heard), WWS_S_OK);
        rig_end(&rig);

        /* Also across a close. */
        rig_begin(&rig, *state, false);
        reach_latched(&rig);
        assert_status(start_close_channel(&rig.talk, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_channel_reset(rig.talk.channel, no_error), WWS_S_OK);
        assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
        rig_end(&rig);
    }
}

/* D1, G12: for the accept; the client's request waits for the next one. */
static void channel__remembers_an_abort_until_accept_or_reset(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int resets = 0; resets < 2; resets++) {
            struct heard heard;
            struct rig rig;

            rig_begin(&rig, *state, true);
            reach_server_latched(&rig);
            if (resets)
                assert_status(wws_channel_reset(rig.talk.channel, no_error),
                    WWS_S_OK);
            else
                assert_status(start_accept(&rig.talk, NULL, no_error),
                    WWS_E_OPERATION_ABORTED);
            hear(&heard, manner, start_accept, &rig.talk);
            assert_status(heard_end(&heard), WWS_S_OK);
            rig_end(&rig);
        }
}

struct race {
    struct talk talk;
    pthread_barrier_t start;
};

static void *open_at_once(void *state)
{
    struct race *race = state;
    wws_status status;

    pthread_barrier_wait(&race->start);
    status = start_open(&race->talk, NULL, no_error);
    return (void *) (intptr_t) status;
}

/* G12, G13, L8: before or during the open, it fails and the channel can be
 * opened again at once; after it, the channel is faulted. */
static void channel_abort__leaves_a_racing_open_one_result(void **state)
{
    struct world *world = *state;
    struct race race = { .talk = { .url = world->url } };

    must(pthread_barrier_init(&race.start, NULL, 2) == 0);
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        void *status;

        race.talk.channel = new_channel(world->runtime);
        must(pthread_create(&thread, NULL, open_at_once, &race) == 0);
        pthread_barrier_wait(&race.start);
        assert_status(wws_channel_abort(race.talk.channel), WWS_S_OK);
        must(pthread_join(thread, &status) == 0);

        if ((wws_status) (intptr_t) status == WWS_S_OK) {
            assert_int_equal(channel_state(race.talk.channel), FAULTED);
        } else {
            assert_status((wws_status) (intptr_t) status,
                WWS_E_OPERATION_ABORTED);
            assert_int_equal(channel_state(race.talk.channel), CREATED);
            assert_status(start_open(&race.talk, NULL, no_error), WWS_S_OK);
        }
        assert_status(wws_channel_free(race.talk.channel), WWS_S_OK);
    }
    pthread_barrier_destroy(&race.start);
}

/* G14, C1, C5, C8, L5: what close answers does not matter, the channel is
 * closed; but for INV, which leaves the first close alone. */
static void channel_close__is_over_whatever_it_answers(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int aborts = 0; aborts < 2; aborts++) {
            struct heard second;
            struct rig rig;

            rig_begin(&rig, *state, false);
            reach_closing(&rig);
            hear(&second, manner, start_close_channel, &rig.talk);
            assert_status(heard_end(&second), WWS_E_INVALID_OPERATION);
            if (aborts)
                assert_status(wws_channel_abort(rig.talk.channel), WWS_S_OK);
            assert_int_equal(channel_state(rig.talk.channel), CLOSING);
            assert_false(heard_yet(&rig.closing));
            hold_release(&rig.hold);

            rig.is_closing = false;
            assert_status(heard_end(&rig.closing),
                aborts ? WWS_E_OPERATION_ABORTED : WWS_S_OK);
            assert_int_equal(channel_state(rig.talk.channel), CLOSED);
            assert_status(wws_channel_reset(rig.talk.channel, no_error),
                WWS_S_OK);
            assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
            rig_end(&rig);
        }
}

/* C7, G25: nothing is exchanged any more, and it answers OK. */
static void channel_close__of_a_faulted_channel_is_ok(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state, false);
        reach_owed(&rig);
        assert_status(wws_channel_abort(rig.talk.channel), WWS_S_OK);
        hear(&heard, manner, start_close_channel, &rig.talk);
        assert_status(heard_end(&heard), WWS_S_OK);
        assert_int_equal(channel_state(rig.talk.channel), CLOSED);
        assert_true(peer_reaches(&rig.peer, &rig.peer.gone, 1));
        rig_end(&rig);
    }
}

static wws_status open_nowhere(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_open(talk->channel, WWS_STR("gopher://nowhere/"),
        completion, error);
}

/* C10: after it the channel is as if created. */
static void channel_open__that_fails_leaves_the_channel_created(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state, false);
        for (int again = 0; again < 2; again++) {
            hear(&heard, manner, open_nowhere, &rig.talk);
            assert_status(heard_end(&heard), WWS_E_INVALID_ENDPOINT_URL);
            assert_int_equal(channel_state(rig.talk.channel), CREATED);
        }
        assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
        rig_end(&rig);

        rig_begin(&rig, *state, false);
        assert_status(open_nowhere(&rig.talk, NULL, no_error),
            WWS_E_INVALID_ENDPOINT_URL);
        assert_status(start_close_channel(&rig.talk, NULL, no_error),
            WWS_S_OK);
        assert_int_equal(channel_state(rig.talk.channel), CLOSED);
        rig_end(&rig);

        rig_begin(&rig, *state, false);
        assert_status(open_nowhere(&rig.talk, NULL, no_error),
            WWS_E_INVALID_ENDPOINT_URL);
        assert_status(wws_channel_free(rig.talk.channel), WWS_S_OK);
        rig_end(&rig);
    }
}

/* R4, C10: open connects. */
static void channel_open__to_nobody_leaves_the_channel_created(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct talk talk;
        struct rig rig;

        rig_begin(&rig, *state, false);
        talk = rig.talk;
        talk.url = wire()->nowhere;
        hear(&heard, manner, start_open, &talk);
        assert_status(heard_wait(&heard), WWS_E_ENDPOINT_NOT_FOUND);
        assert_true(heard_says(&heard, "refused"));
        assert_int_equal(heard_info(&heard).phase, WWS_PHASE_CONNECT);
        assert_status(heard_end(&heard), WWS_E_ENDPOINT_NOT_FOUND);
        assert_int_equal(channel_state(talk.channel), CREATED);
        assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
        rig_end(&rig);
    }
}

/* G5, G7, G13, A62: held where it waits for the peer's word, which never
 * comes. */
static void channel_abort__ends_a_pending_open(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            const struct peer_script mute = { .mute = true };
            struct heard heard;
            struct rig rig;

            rig_begin(&rig, *state, false);
            talk_to(&rig, &mute);
            hear(&heard, manner, start_open, &rig.talk);
            assert_true(peer_reaches(&rig.other_peer,
                &rig.other_peer.accepted, 1));
            call_at(*state, place, abort_it, &rig);

            assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
            assert_int_equal(channel_state(rig.talk.channel), CREATED);
            assert_true(peer_reaches(&rig.other_peer, &rig.other_peer.gone,
                1));
            rig.talk.url = rig.peer.url;
            assert_status(start_open(&rig.talk, NULL, no_error), WWS_S_OK);
            rig_end(&rig);
        }
}

/* TT11: connecting and shaking hands have one limit. */
static void channel_open__ends_when_its_time_is_over(void **state)
{
    const struct peer_script mute = { .mute = true };

    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state, false);
        talk_to(&rig, &mute);
        assert_status(wws_channel_set_property(rig.talk.channel,
            WWS_CHANNEL_PROPERTY_CONNECT_TIMEOUT, 30, no_error), WWS_S_OK);
        hear(&heard, manner, start_open, &rig.talk);
        assert_status(heard_wait(&heard), WWS_E_OPERATION_TIMED_OUT);
        assert_int_equal(heard_info(&heard).phase, WWS_PHASE_HANDSHAKE);
        assert_status(heard_end(&heard), WWS_E_OPERATION_TIMED_OUT);
        assert_int_equal(channel_state(rig.talk.channel), CREATED);
        assert_true(peer_reaches(&rig.other_peer, &rig.other_peer.gone, 1));
        rig_end(&rig);
    }
}

/* C1, C2: the peer's end is waited for, until the time is over. */
static void channel_close__waits_for_the_peer_to_end(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state, false);
        reach_open(&rig);
        hear(&heard, manner, start_close_channel, &rig.talk);
        assert_status(heard_end(&heard), WWS_S_OK);
        assert_int_equal(peer_read(&rig.peer, &rig.peer.ended), 1);
        rig_end(&rig);

        rig_begin(&rig, *state, false);
        assert_status(wws_channel_set_property(rig.talk.channel,
            WWS_CHANNEL_PROPERTY_CLOSE_TIMEOUT, 30, no_error), WWS_S_OK);
        reach_stubborn(&rig);
        hear(&heard, manner, start_close_channel, &rig.talk);
        assert_true(peer_reaches(&rig.other_peer, &rig.other_peer.ended, 1));
        assert_status(heard_end(&heard), WWS_E_OPERATION_TIMED_OUT);
        assert_int_equal(channel_state(rig.talk.channel), CLOSED);
        assert_true(peer_reaches(&rig.other_peer, &rig.other_peer.gone, 1));
        rig_end(&rig);
    }
}

/* C8, G5, G7, G14 */
static void channel_abort__ends_a_pending_close(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            struct heard heard;
            struct rig rig;

            rig_begin(&rig, *state, false);
            reach_stubborn(&rig);
            hear(&heard, manner, start_close_channel, &rig.talk);
            assert_true(peer_reaches(&rig.other_peer, &rig.other_peer.ended,
                1));
            call_at(*state, place, abort_it, &rig);

            assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
            assert_int_equal(channel_state(rig.talk.channel), CLOSED);
            assert_true(peer_reaches(&rig.other_peer, &rig.other_peer.gone,
                1));
            rig_end(&rig);
        }
}

/* R4: open does no I/O over HTTP; the first message finds out. */
static void channel_open__needs_no_server(void **state)
{
    struct talk talk;
    struct rig rig;

    rig_begin(&rig, *state, false);
    talk = rig.talk;
    talk.request = rig.request;
    talk.reply = rig.empty;
    talk.url = wire()->nowhere;
    assert_status(start_open(&talk, NULL, no_error), WWS_S_OK);
    assert_status(start_request_reply(&talk, NULL, no_error),
        WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(channel_state(talk.channel), OPEN);
    rig_end(&rig);
}

static wws_status ask(wws_channel channel, size_t size)
{
    struct talk talk = {
        .channel = channel,
        .request = new_request(ACTION_ECHO, size),
        .reply = new_empty(),
    };
    wws_status status = start_request_reply(&talk, NULL, no_error);

    must(wws_message_free(talk.request) == WWS_S_OK);
    must(wws_message_free(talk.reply) == WWS_S_OK);
    return status;
}

/* R1: what the channel was created with stays, its address does not. */
static void channel_reset__keeps_the_options_and_not_the_address(void **state)
{
    wws_channel_options options = channel_options();
    struct world *world = *state;
    struct peer peers[2];
    wws_channel channel;

    peer_start(&peers[0], &answers);
    peer_start(&peers[1], &answers);
    options.max_message_size = 2000;
    assert_status(wws_channel_create(world->runtime, &options, &channel,
        no_error), WWS_S_OK);
    for (unsigned i = 0; i < 4; i++) {
        assert_status(wws_channel_open(channel, text(peers[i % 2].url), NULL,
            no_error), WWS_S_OK);
        assert_status(ask(channel, 4000), WWS_E_QUOTA_EXCEEDED);
        assert_status(ask(channel, 0), WWS_S_OK);
        assert_true(peer_reaches(&peers[i % 2], &peers[i % 2].served,
            i / 2 + 1));
        assert_status(wws_channel_close(channel, NULL, no_error), WWS_S_OK);
        assert_status(wws_channel_reset(channel, no_error), WWS_S_OK);
    }
    assert_status(wws_channel_free(channel), WWS_S_OK);
    peer_stop(&peers[0]);
    peer_stop(&peers[1]);
}

/* R1 at the server: the same channel serves the next client. */
static void channel_reset__lets_a_channel_accept_again(void **state)
{
    struct talk talk;
    struct rig rig;

    rig_begin(&rig, *state, true);
    for (int i = 0; i < 3; i++) {
        call_in(&rig);
        talk = rig.talk;
        talk.reply = rig.asked;
        assert_status(start_accept(&talk, NULL, no_error), WWS_S_OK);
        assert_status(start_receive(&talk, NULL, no_error), WWS_S_OK);
        talk.reply = new_reply(rig.asked, 0);
        assert_status(start_send_reply(&talk, NULL, no_error), WWS_S_OK);
        assert_true(peer_answered(rig.client));
        peer_end_session(rig.client);
        assert_status(start_close_channel(&talk, NULL, no_error), WWS_S_OK);
        assert_status(wws_channel_reset(talk.channel, no_error), WWS_S_OK);
        assert_status(wws_message_free(talk.reply), WWS_S_OK);
        assert_status(wws_message_reset(rig.asked, no_error), WWS_S_OK);
        peer_reset(rig.client);
    }
    rig.client = -1;
    rig_end(&rig);
}

/* R5 */
static void channel__is_accepted_only_by_its_own_listener(void **state)
{
    struct world *world = *state;
    struct talk talk;
    struct ear other;
    struct rig rig;

    rig_begin(&rig, world, true);
    ear_open(&other, world->runtime);
    talk = rig.talk;
    talk.listener = other.listener;
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;

        hear(&heard, manner, start_accept, &talk);
        assert_status(heard_end(&heard), WWS_E_INVALIDARG);
        assert_int_equal(channel_state(talk.channel), CREATED);
    }
    assert_status(wws_listener_free(other.listener), WWS_S_OK);
    rig_end(&rig);
}

/* P7, D35: who requires a message gets a failure where there is none, and the
 * channel is as it was; who does not gets WWS_S_END.  Nothing is given out, and
 * the next message may be received into the same object. */
static void channel_receive__fails_without_a_message_that_is_required(
    void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int starts = 0; starts < 2; starts++) {
            struct heard heard;
            struct talk talk;
            struct rig rig;

            rig_begin(&rig, *state, true);
            reach_asked(&rig);
            peer_end_session(rig.client);
            talk = rig.talk;
            hear(&heard, manner, starts ? do_require_start : do_require, &talk);
            assert_status(heard_wait(&heard), WWS_E_INVALID_FORMAT);
            assert_true(heard_says(&heard, "no further message"));
            assert_status(heard_end(&heard), WWS_E_INVALID_FORMAT);
            assert_int_equal(channel_state(talk.channel), OPEN);
            assert_true(messages_untouched(&rig));

            hear(&heard, manner, starts ? do_read_start : start_receive,
                &talk);
            assert_status(heard_end(&heard), WWS_S_END);
            assert_true(messages_untouched(&rig));
            rig_end(&rig);
        }
}

struct inside {
    struct talk *talk;
    wws_status blocking;
    struct heard beside;
};

static void close_inside(struct heard *heard)
{
    struct inside *inside = heard->inside_state;

    inside->blocking = start_close_channel(inside->talk, NULL, no_error);
    hear(&inside->beside, QUEUE, start_close_channel, inside->talk);
}

/* D34: a close that waits for the callback it is called in is refused; one that
 * does not wait there is fine. */
static void channel_close__in_its_own_callback_must_not_wait(void **state)
{
    struct inside inside;
    struct heard heard;
    struct talk talk;
    struct rig rig;

    rig_begin(&rig, *state, false);
    reach_open(&rig);
    talk = rig.talk;
    talk.request = rig.request;
    talk.reply = rig.empty;
    inside.talk = &rig.talk;
    hear_inside(&heard, start_request_reply, &talk, close_inside, &inside);
    assert_status(heard_end(&heard), WWS_S_OK);
    assert_status(inside.blocking, WWS_E_INVALID_OPERATION);
    assert_status(inside.beside.returned, WWS_S_ASYNC);
    assert_status(heard_end(&inside.beside), WWS_S_OK);
    assert_int_equal(channel_state(rig.talk.channel), CLOSED);
    rig_end(&rig);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(client_channel__keeps_its_table_of_states),
        in_world(server_channel__keeps_its_table_of_states),
        in_world(channel__can_be_freed_in_every_state),
        in_world(channel__finds_bad_arguments_before_bad_states),
        in_world(channel__functions_want_a_handle),
        in_world(channel__leaves_outputs_alone_when_it_fails),
        in_world(channel__remembers_an_abort_until_open_or_reset),
        in_world(channel__remembers_an_abort_until_accept_or_reset),
        in_world(channel_abort__leaves_a_racing_open_one_result),
        in_world(channel_close__is_over_whatever_it_answers),
        in_world(channel_close__of_a_faulted_channel_is_ok),
        in_world(channel_open__that_fails_leaves_the_channel_created),
        over(OVER_HTTP, channel_open__needs_no_server),
        over(OVER_TCP, channel_open__to_nobody_leaves_the_channel_created),
        over(OVER_TCP, channel_abort__ends_a_pending_open),
        over(OVER_TCP, channel_open__ends_when_its_time_is_over),
        over(OVER_TCP, channel_close__waits_for_the_peer_to_end),
        over(OVER_TCP, channel_abort__ends_a_pending_close),
        in_world(channel_reset__keeps_the_options_and_not_the_address),
        in_world(channel_reset__lets_a_channel_accept_again),
        in_world(channel__is_accepted_only_by_its_own_listener),
        in_world(channel_receive__fails_without_a_message_that_is_required),
        in_world(channel_close__in_its_own_callback_must_not_wait),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
