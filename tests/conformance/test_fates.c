/* What becomes of a pending operation of a channel: each of them, by each event
 * that can end it, in all its manners. */
#include <unistd.h>

#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* More than the system keeps of what nobody reads, and of what somebody reads
 * who has little room. */
enum { BIG = 12000000, LARGE = 6000000, SOON_MS = 250 };

static const wws_error no_error;
static const struct peer_script silent = { .reply = NULL };
static const struct peer_script deaf = { .deaf = true };
static const struct peer_script mute = { .mute = true };
static const struct peer_script stubborn = { .stubborn = true };

enum {
    CREATED = WWS_CHANNEL_STATE_CREATED,
    OPENING = WWS_CHANNEL_STATE_OPENING,
    ACCEPTING = WWS_CHANNEL_STATE_ACCEPTING,
    OPEN = WWS_CHANNEL_STATE_OPEN,
    FAULTED = WWS_CHANNEL_STATE_FAULTED,
    CLOSING = WWS_CHANNEL_STATE_CLOSING,
    CLOSED = WWS_CHANNEL_STATE_CLOSED,
};

/* A channel with something pending, and whom it talks to: a peer, or a client
 * that came to its listener. */
struct rig {
    struct talk talk;
    struct peer peer;
    bool has_peer;
    struct ear ear;
    int client; /* -1: nobody */
    struct heard heard;
    struct heard closing; /* the listener */
    bool is_closing;
    const unsigned *awaited; /* of the peer */
    bool is_late;
};

static void release(wws_message message)
{
    if (message.id != 0)
        must(wws_message_free(message) == WWS_S_OK);
}

static void rig_end(struct rig *rig)
{
    must(wws_channel_free(rig->talk.channel) == WWS_S_OK);
    (void) heard_end(&rig->heard);
    if (rig->is_closing)
        must(heard_end(&rig->closing) == WWS_S_OK);
    if (rig->client >= 0)
        peer_reset(rig->client);
    must(wws_listener_free(rig->ear.listener) == WWS_S_OK);
    release(rig->talk.request);
    release(rig->talk.reply);
    if (rig->has_peer)
        peer_stop(&rig->peer);
}

/* Makes a time be over soon, or never. */
static void limit(const struct rig *rig, wws_channel_property time, bool soon)
{
    must(wws_channel_set_property(rig->talk.channel, time,
        soon ? SOON_MS : WWS_INFINITE, no_error) == WWS_S_OK);
}

static void begin_client(
    struct rig *rig,
    struct world *world,
    const struct peer_script *script)
{
    peer_start(&rig->peer, script);
    rig->has_peer = true;
    rig->talk.channel = new_channel(world->runtime);
    rig->talk.url = rig->peer.url;
}

static void begin_open_client(
    struct rig *rig,
    struct world *world,
    const struct peer_script *script)
{
    begin_client(rig, world, script);
    must(start_open(&rig->talk, NULL, no_error) == WWS_S_OK);
}

static void begin_server(struct rig *rig, struct world *world)
{
    ear_open(&rig->ear, world->runtime);
    rig->talk.listener = rig->ear.listener;
    rig->talk.channel = new_server(rig->ear.listener);
}

static bool has_come(void *state)
{
    struct rig *rig = state;

    return peer_read(&rig->peer, rig->awaited) == 1;
}

static bool has_come_or_ended(void *state)
{
    struct rig *rig = state;

    return has_come(rig) || heard_yet(&rig->heard);
}

/* Until the peer has come so far; on a busy machine a time that is over soon
 * may be over before. */
static void await_peer(struct rig *rig, const unsigned *counter, bool soon)
{
    rig->awaited = counter;
    assert_true(await(soon ? has_come_or_ended : has_come, rig));
    rig->is_late = !has_come(rig);
}

/* What is pending. */

static void begin_open(
    struct rig *rig,
    struct world *world,
    enum manner manner,
    bool soon)
{
    begin_client(rig, world, &mute);
    limit(rig, WWS_CHANNEL_PROPERTY_CONNECT_TIMEOUT, soon);
    hear(&rig->heard, manner, start_open, &rig->talk);
    await_peer(rig, &rig->peer.accepted, soon);
}

static void begin_accept(
    struct rig *rig,
    struct world *world,
    enum manner manner,
    bool soon)
{
    (void) soon;
    begin_server(rig, world);
    hear(&rig->heard, manner, start_accept, &rig->talk);
    assert_true(channel_becomes(rig->talk.channel, ACCEPTING));
}

static void begin_send(
    struct rig *rig,
    struct world *world,
    enum manner manner,
    bool soon)
{
    begin_open_client(rig, world, &deaf);
    rig->talk.request = new_request(ACTION_ECHO, LARGE);
    limit(rig, WWS_CHANNEL_PROPERTY_SEND_TIMEOUT, soon);
    hear(&rig->heard, manner, start_send, &rig->talk);
    await_peer(rig, &rig->peer.served, soon);
}

static void limit_reply(const struct rig *rig, bool soon)
{
    limit(rig, WWS_CHANNEL_PROPERTY_RECEIVE_RESPONSE_TIMEOUT, soon);
    limit(rig, WWS_CHANNEL_PROPERTY_RECEIVE_TIMEOUT, soon);
}

/* G99: a message that is being received cannot be abandoned; before, it is
 * nobody's. */
static bool is_receiving(void *state)
{
    struct rig *rig = state;

    /* One that begins just when its message is looked at is refused (D11). */
    return wws_channel_abandon_message(rig->talk.channel, rig->talk.reply,
        no_error) == WWS_E_INVALID_OPERATION || heard_yet(&rig->heard);
}

static void begin_reading(
    struct rig *rig,
    struct world *world,
    enum manner manner,
    bool soon,
    start_fn start)
{
    begin_open_client(rig, world, &silent);
    rig->talk.request = new_request(ACTION_ECHO, 0);
    rig->talk.reply = new_empty();
    must(start_send(&rig->talk, NULL, no_error) == WWS_S_OK);
    limit_reply(rig, soon);
    hear(&rig->heard, manner, start, &rig->talk);
    await_peer(rig, &rig->peer.served, soon);
    /* Its time may be over already. */
    assert_true(soon || await(is_receiving, rig));
}

static void begin_receive(
    struct rig *rig,
    struct world *world,
    enum manner manner,
    bool soon)
{
    begin_reading(rig, world, manner, soon, start_receive);
}

static void begin_request_reply(
    struct rig *rig,
    struct world *world,
    enum manner manner,
    bool soon)
{
    begin_open_client(rig, world, &silent);
    rig->talk.request = new_request(ACTION_ECHO, 0);
    rig->talk.reply = new_empty();
    limit_reply(rig, soon);
    hear(&rig->heard, manner, start_request_reply, &rig->talk);
    await_peer(rig, &rig->peer.served, soon);
}

/* The same in pieces, where messages travel whole: it is the end that sends. */

static wws_status start_write_end(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_write_message_end(talk->channel, talk->request,
        completion, error);
}

static wws_status start_read_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_channel_read_message_start(talk->channel, talk->reply,
        WWS_RECEIVE_OPTION_OPTIONAL, completion, error);
}

/* An element of so many octets. */
static char *new_piece(size_t size)
{
    char *piece = malloc(size);

    must(piece != NULL);
    memset(piece, 'x', size);
    memcpy(piece, "<x>", 3);
    memcpy(piece + size - 4, "</x>", 4);
    return piece;
}

static void begin_write_end(
    struct rig *rig,
    struct world *world,
    enum manner manner,
    bool soon)
{
    char *piece = new_piece(LARGE);

    begin_open_client(rig, world, &deaf);
    rig->talk.request = new_request(ACTION_ECHO, 0);
    must(wws_channel_write_message_start(rig->talk.channel, rig->talk.request,
        NULL, no_error) == WWS_S_OK);
    must(wws_channel_write_body(rig->talk.channel, rig->talk.request,
        (wws_bytes) { piece, LARGE }, NULL, no_error) == WWS_S_OK);
    free(piece);
    limit(rig, WWS_CHANNEL_PROPERTY_SEND_TIMEOUT, soon);
    hear(&rig->heard, manner, start_write_end, &rig->talk);
    await_peer(rig, &rig->peer.served, soon);
}

static void begin_read_start(
    struct rig *rig,
    struct world *world,
    enum manner manner,
    bool soon)
{
    begin_reading(rig, world, manner, soon, start_read_start);
}

/* The client reads one octet of the answer, and no more; in a session one that
 * acknowledges it comes before. */
static void begin_send_reply(
    struct rig *rig,
    struct world *world,
    enum manner manner,
    bool soon)
{
    char octet;

    begin_server(rig, world);
    rig->client = peer_connect(rig->ear.url);
    peer_request(rig->client, ACTION_ECHO, 0);
    must(start_accept(&rig->talk, NULL, no_error) == WWS_S_OK);
    rig->talk.request = new_empty();
    rig->talk.reply = rig->talk.request;
    must(start_receive(&rig->talk, NULL, no_error) == WWS_S_OK);
    rig->talk.reply = new_reply(rig->talk.request, BIG);
    limit(rig, WWS_CHANNEL_PROPERTY_SEND_TIMEOUT, soon);
    hear(&rig->heard, manner, start_send_reply, &rig->talk);
    for (int i = 0; i < (wire()->has_sessions ? 2 : 1); i++)
        must(read(rig->client, &octet, 1) == 1 || soon);
}

static void begin_close(
    struct rig *rig,
    struct world *world,
    enum manner manner,
    bool soon)
{
    begin_open_client(rig, world, &stubborn);
    limit(rig, WWS_CHANNEL_PROPERTY_CLOSE_TIMEOUT, soon);
    hear(&rig->heard, manner, start_close_channel, &rig->talk);
    await_peer(rig, &rig->peer.ended, soon);
}

/* What happens. */

enum event {
    ABORT,
    LISTENER_ABORT,
    LISTENER_CLOSE,
    CLOSE,
    TIME,
    LOSS, /* of the peer */
    EVENTS,
};

static const char *const event_names[] = { "abort", "abort of the listener",
    "close of the listener", "close", "its time", "loss of the peer" };

static void lose_peer(struct rig *rig)
{
    if (rig->has_peer)
        peer_stop(&rig->peer);
    else if (rig->client >= 0)
        peer_reset(rig->client);
    rig->has_peer = false;
    rig->client = -1;
}

static wws_status happen(struct rig *rig, enum event event)
{
    switch (event) {
    case ABORT:
        return wws_channel_abort(rig->talk.channel);
    case LISTENER_ABORT:
        return wws_listener_abort(rig->ear.listener);
    case LISTENER_CLOSE:
        /* It may wait for an answer (LI5), which is not looked at here. */
        rig->is_closing = true;
        hear(&rig->closing, QUEUE, start_close_listener, &rig->talk);
        return rig->closing.returned;
    case CLOSE:
        return start_close_channel(&rig->talk, NULL, no_error);
    case LOSS:
        lose_peer(rig);
        return WWS_S_OK;
    default:
        return WWS_S_OK;
    }
}

/* The table: how it ends, and the state of the channel after that. */

struct fate {
    wws_status status;
    wws_channel_state after;
};

#define ABT(state) { WWS_E_OPERATION_ABORTED, state }
#define TMO(state) { WWS_E_OPERATION_TIMED_OUT, state }
#define GONE(state) { WWS_E_ENDPOINT_DISCONNECTED, state }
/* It is not ended by that, and close is refused while the channel is neither
 * open nor faulted. */
#define STAYS(state) { WWS_S_ASYNC, state }
/* There is nobody left to wait for. */
#define OVER(state) { WWS_S_OK, state }
#define CANNOT { WWS_S_OK, 0 }

struct row {
    const char *name;
    void (*begin)(struct rig *rig, struct world *world, enum manner manner,
        bool soon);
    struct fate fates[EVENTS];
};

static const struct row http_rows[] = {
    /* abort, listener abort, listener close, close, time, loss */
    { "accept", begin_accept,
        { ABT(CREATED), ABT(CREATED), ABT(CREATED), STAYS(ACCEPTING),
          CANNOT, CANNOT } },
    { "send", begin_send,
        { ABT(FAULTED), CANNOT, CANNOT, ABT(CLOSED), TMO(OPEN),
          GONE(OPEN) } },
    { "receive", begin_receive,
        { ABT(FAULTED), CANNOT, CANNOT, ABT(CLOSED), TMO(OPEN),
          GONE(OPEN) } },
    { "request-reply", begin_request_reply,
        { ABT(FAULTED), CANNOT, CANNOT, ABT(CLOSED), TMO(OPEN),
          GONE(OPEN) } },
    { "write end", begin_write_end,
        { ABT(FAULTED), CANNOT, CANNOT, ABT(CLOSED), TMO(OPEN),
          GONE(OPEN) } },
    { "read start", begin_read_start,
        { ABT(FAULTED), CANNOT, CANNOT, ABT(CLOSED), TMO(OPEN),
          GONE(OPEN) } },
    { "send reply", begin_send_reply,
        { ABT(FAULTED), STAYS(OPEN), STAYS(OPEN), ABT(CLOSED), CANNOT,
          GONE(OPEN) } },
};

/* Over a session; what breaks it breaks the channel, too. */
static const struct row session_rows[] = {
    { "open", begin_open,
        { ABT(CREATED), CANNOT, CANNOT, STAYS(OPENING), TMO(CREATED),
          GONE(CREATED) } },
    { "accept", begin_accept,
        { ABT(CREATED), ABT(CREATED), ABT(CREATED), STAYS(ACCEPTING),
          CANNOT, CANNOT } },
    { "send", begin_send,
        { ABT(FAULTED), CANNOT, CANNOT, ABT(CLOSED), TMO(FAULTED),
          GONE(FAULTED) } },
    { "receive", begin_receive,
        { ABT(FAULTED), CANNOT, CANNOT, ABT(CLOSED), TMO(OPEN),
          GONE(FAULTED) } },
    { "request-reply", begin_request_reply,
        { ABT(FAULTED), CANNOT, CANNOT, ABT(CLOSED), TMO(OPEN),
          GONE(FAULTED) } },
    { "write end", begin_write_end,
        { ABT(FAULTED), CANNOT, CANNOT, ABT(CLOSED), TMO(FAULTED),
          GONE(FAULTED) } },
    { "read start", begin_read_start,
        { ABT(FAULTED), CANNOT, CANNOT, ABT(CLOSED), TMO(OPEN),
          GONE(FAULTED) } },
    { "send reply", begin_send_reply,
        { ABT(FAULTED), STAYS(OPEN), STAYS(OPEN), ABT(CLOSED), TMO(FAULTED),
          GONE(FAULTED) } },
    { "close", begin_close,
        { ABT(CLOSED), CANNOT, CANNOT, STAYS(CLOSING), TMO(CLOSED),
          OVER(CLOSED) } },
};

static bool refuses_close(wws_channel_state state)
{
    return state == OPENING || state == ACCEPTING || state == CLOSING;
}

static wws_status answer_to(enum event event, const struct fate *fate)
{
    if (event == LISTENER_CLOSE)
        return WWS_S_ASYNC;
    return event == CLOSE && refuses_close(fate->after)
        ? WWS_E_INVALID_OPERATION : WWS_S_OK;
}

static bool comes_true(
    struct rig *rig,
    const struct row *row,
    enum event event)
{
    const struct fate *fate = &row->fates[event];
    wws_status said = happen(rig, event);
    bool stays = fate->status == WWS_S_ASYNC;
    wws_status status = WWS_S_ASYNC;

    if (!stays)
        status = heard_wait(&rig->heard);
    else if (heard_yet(&rig->heard))
        status = rig->heard.status;
    if (said == answer_to(event, fate) && status == fate->status
        && channel_becomes(rig->talk.channel, fate->after))
        return true;
    print_error("%s (%s) by %s: %s, then %u; that answered %s\n", row->name,
        manner_name(rig->heard.manner), event_names[event],
        wws_status_name(status), (unsigned) channel_state(rig->talk.channel),
        wws_status_name(said));
    return false;
}

static bool is_impossible(const struct fate *fate)
{
    return fate->status == WWS_S_OK && fate->after == 0;
}

/* What blocks begins on a thread of its own, perhaps after the event: then it
 * was refused, and nothing was pending. */
static bool was_refused(const struct rig *rig)
{
    return rig->heard.manner == SYNC
        && (rig->heard.status == WWS_E_OBJECT_FAULTED
            || rig->heard.status == WWS_E_INVALID_OPERATION);
}

static bool plays_out(
    const struct row *row,
    struct world *world,
    enum event event,
    enum manner manner)
{
    enum { TRIES = 20 };
    bool true_to_table = false, again = true;

    for (int i = 0; i < TRIES && again; i++) {
        struct rig rig = { .client = -1 };

        row->begin(&rig, world, manner, event == TIME);
        true_to_table = comes_true(&rig, row, event);
        again = !true_to_table && (rig.is_late || was_refused(&rig));
        rig_end(&rig);
    }
    return true_to_table;
}

static unsigned walk(const struct row *row, struct world *world)
{
    unsigned wrong = 0;

    for (int event = 0; event < EVENTS; event++)
        for (int manner = 0; manner < MANNERS; manner++)
            if (!is_impossible(&row->fates[event]))
                wrong += !plays_out(row, world, event, manner);
    return wrong;
}

/* T14, T21, G7, G21, G33, G35, C1, C8, D9, D13, TT11, A62: each pending
 * operation, each event. */
static void pending_operation__ends_as_the_table_of_fates_says(void **state)
{
    bool sessions = wire()->has_sessions;
    const struct row *rows = sessions ? session_rows : http_rows;
    size_t count = sessions ? COUNT(session_rows) : COUNT(http_rows);
    unsigned wrong = 0;

    for (size_t i = 0; i < count; i++)
        wrong += walk(&rows[i], *state);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            pending_operation__ends_as_the_table_of_fates_says,
            world_set_up, world_tear_down),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
