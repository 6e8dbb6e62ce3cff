/* How the other side sees a channel end while something is pending on it: in
 * order, with the end of the session said, or cut off. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

static const wws_error no_error;
static const struct peer_script silent = { .reply = NULL };

/* A client with something pending, and its peer. */
struct chat {
    struct talk talk;
    struct peer peer;
    struct heard pending;
};

static void chat_begin(struct chat *chat, struct world *world)
{
    peer_start(&chat->peer, &silent);
    chat->talk = (struct talk) {
        .channel = new_client(world->runtime, chat->peer.url),
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
    };
}

/* G99: a message that is being received cannot be abandoned; before, it is
 * nobody's. */
static bool is_receiving(const struct chat *chat)
{
    return wws_channel_abandon_message(chat->talk.channel, chat->talk.reply,
        no_error) == WWS_E_INVALID_OPERATION;
}

static bool has_begun(void *state)
{
    struct chat *chat = state;

    return is_receiving(chat) || heard_yet(&chat->pending);
}

/* Where it begins just when the message is looked at, it is refused (D11). */
static void begin_receive(struct chat *chat, enum manner manner)
{
    hear(&chat->pending, manner, start_receive, &chat->talk);
    assert_true(await(has_begun, chat));
    while (heard_yet(&chat->pending)) {
        assert_status(heard_end(&chat->pending), WWS_E_INVALID_OPERATION);
        hear(&chat->pending, manner, start_receive, &chat->talk);
        assert_true(await(has_begun, chat));
    }
}

static void close_now(struct chat *chat, enum manner manner)
{
    struct heard closing;

    hear(&closing, manner, start_close_channel, &chat->talk);
    assert_status(heard_end(&closing), WWS_S_OK);
    assert_int_equal(channel_state(chat->talk.channel),
        WWS_CHANNEL_STATE_CLOSED);
}

static void end_talk(const struct talk *talk)
{
    assert_status(wws_channel_free(talk->channel), WWS_S_OK);
    assert_status(wws_message_free(talk->request), WWS_S_OK);
    assert_status(wws_message_free(talk->reply), WWS_S_OK);
}

/* C1, C4, D8: whichever way the receive and the close are waited for. */
static void channel_close__says_the_end_though_a_receive_waits(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int how = 0; how < MANNERS; how++) {
            struct chat chat;

            chat_begin(&chat, *state);
            assert_status(start_send(&chat.talk, NULL, no_error), WWS_S_OK);
            begin_receive(&chat, manner);
            assert_true(peer_reaches(&chat.peer, &chat.peer.served, 1));
            close_now(&chat, how);

            assert_status(heard_end(&chat.pending), WWS_E_OPERATION_ABORTED);
            assert_true(peer_reaches(&chat.peer, &chat.peer.gone, 1));
            assert_int_equal(peer_read(&chat.peer, &chat.peer.ended),
                wire()->has_sessions);
            end_talk(&chat.talk);
            peer_stop(&chat.peer);
        }
}

/* A connection of the application's own that writes down what it is asked for:
 * S shut down, C close, A abort, F free.  Nobody answers what it is sent. */
struct line {
    pthread_mutex_t lock;
    bool is_full;                 /* what is sent stays half way */
    wws_transport_task receiving;
    wws_transport_task sending;
    char diary[8];
};

static void write_down(struct line *line, char letter)
{
    size_t size = strlen(line->diary);

    must(size + 1 < sizeof line->diary);
    line->diary[size] = letter;
}

static void end_task(wws_transport_task *task, wws_status status)
{
    if (task->id != 0)
        must(wws_transport_task_complete(*task, status, no_error)
            == WWS_S_OK);
    task->id = 0;
}

static wws_status keep_task(
    struct line *line,
    wws_transport_task *kept,
    wws_transport_task task)
{
    pthread_mutex_lock(&line->lock);
    *kept = task;
    pthread_mutex_unlock(&line->lock);
    return WWS_S_ASYNC;
}

static wws_status line_send(
    wws_transport_task task,
    wws_bytes octets,
    bool more,
    void *state)
{
    struct line *line = state;

    (void) octets;
    (void) more;
    return line->is_full ? keep_task(line, &line->sending, task) : WWS_S_OK;
}

static wws_status line_receive(wws_transport_task task, void *state)
{
    struct line *line = state;

    return keep_task(line, &line->receiving, task);
}

/* The other side ends the session, too. */
static wws_status line_shut_down(wws_transport_task task, void *state)
{
    struct line *line = state;

    (void) task;
    pthread_mutex_lock(&line->lock);
    write_down(line, 'S');
    end_task(&line->receiving, WWS_S_END);
    pthread_mutex_unlock(&line->lock);
    return WWS_S_OK;
}

static void leave(struct line *line, char letter)
{
    pthread_mutex_lock(&line->lock);
    write_down(line, letter);
    end_task(&line->receiving, WWS_E_OPERATION_ABORTED);
    end_task(&line->sending, WWS_E_OPERATION_ABORTED);
    pthread_mutex_unlock(&line->lock);
}

static wws_status line_close(wws_transport_task task, void *state)
{
    (void) task;
    leave(state, 'C');
    return WWS_S_OK;
}

static void line_abort(void *state)
{
    leave(state, 'A');
}

static void line_free(void *state)
{
    leave(state, 'F');
}

static wws_status line_connect(
    wws_transport_task task,
    wws_string address,
    void *state)
{
    wws_custom_connection table = WWS_CUSTOM_CONNECTION_INIT;

    table.state = state;
    table.free_state = line_free;
    table.send = line_send;
    table.receive = line_receive;
    table.shut_down = line_shut_down;
    table.close = line_close;
    table.abort = line_abort;
    return wws_transport_task_give_connection(task, &table, address, address,
        no_error);
}

static wws_channel open_line(struct world *world, struct line *line)
{
    wws_custom_transport transport = WWS_CUSTOM_TRANSPORT_INIT;
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;
    wws_channel channel;

    transport.state = line;
    transport.connect = line_connect;
    options.transport = WWS_TRANSPORT_CUSTOM;
    options.custom = &transport;
    must(wws_channel_create(world->runtime, &options, &channel, no_error)
        == WWS_S_OK);
    must(wws_channel_open(channel, WWS_STR("line"), NULL, no_error)
        == WWS_S_OK);
    return channel;
}

static bool has_receiver(void *state)
{
    struct line *line = state;
    bool has;

    pthread_mutex_lock(&line->lock);
    has = line->receiving.id != 0;
    pthread_mutex_unlock(&line->lock);
    return has;
}

static bool is_sending(void *state)
{
    struct line *line = state;
    bool sends;

    pthread_mutex_lock(&line->lock);
    sends = line->sending.id != 0;
    pthread_mutex_unlock(&line->lock);
    return sends;
}

static bool is_freed(void *state)
{
    struct line *line = state;
    bool freed;

    pthread_mutex_lock(&line->lock);
    freed = strchr(line->diary, 'F') != NULL;
    pthread_mutex_unlock(&line->lock);
    return freed;
}

/* C2 to C4, D8: of a transport of the application's own, which is shut down
 * before it is closed, and not at all in the middle of a message. */
static void channel_close__shuts_a_connection_down_but_in_a_message(
    void **state)
{
    for (int sends = 0; sends < 2; sends++)
        for (int manner = 0; manner < MANNERS; manner++) {
            struct line line = { .lock = PTHREAD_MUTEX_INITIALIZER,
                .is_full = sends };
            struct chat chat = { .talk = {
                .channel = open_line(*state, &line),
                .request = new_request(ACTION_ECHO, 0),
                .reply = new_empty() } };

            if (sends)
                hear(&chat.pending, manner, start_send, &chat.talk);
            else
                begin_receive(&chat, manner);
            assert_true(await(sends ? is_sending : has_receiver, &line));
            close_now(&chat, manner);

            assert_status(heard_end(&chat.pending), WWS_E_OPERATION_ABORTED);
            end_talk(&chat.talk);
            assert_true(await(is_freed, &line));
            assert_string_equal(line.diary, sends ? "AF" : "SCF");
        }
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(channel_close__says_the_end_though_a_receive_waits),
        over(OVER_CUSTOM,
            channel_close__shuts_a_connection_down_but_in_a_message),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
