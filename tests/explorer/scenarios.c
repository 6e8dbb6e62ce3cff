/* What is played. */
#include "tests/explorer/scene.h"

#include "tests/support/public/world.h"

static const wws_error no_error;

/* Services. */

static void play_call(struct scene *scene)
{
    struct order *order = &scene->orders[0];

    order->action = ACTION_ECHO;
    order->has_handle = true;
    (void) (open_host(scene) && open_proxy(scene)
        && end_call(scene, order, begin_call(scene, order), WWS_S_OK)
        && close_proxy(scene) && close_host(scene));
}

static void play_call_shown(struct scene *scene)
{
    scene->orders[0].is_shown = true;
    play_call(scene);
}

/* Done when it is sent; closing the host waits for the operation. */
static void play_one_way(struct scene *scene)
{
    scene->one_way = true;
    play_call(scene);
}

static bool call_in_turn(struct scene *scene, unsigned count)
{
    struct order *order = &scene->orders[0];

    order->action = ACTION_ECHO;
    for (unsigned i = 0; i < count; i++)
        if (!end_call(scene, order, begin_call(scene, order), WWS_S_OK))
            return false;
    return true;
}

/* Three at once, of which two wait for each other's end. */
static void play_calls(struct scene *scene)
{
    struct order *orders = scene->orders;
    struct ask *asks[2];

    orders[1].action = orders[2].action = ACTION_LATER;
    orders[1].has_handle = true;
    if (!open_host(scene) || !open_proxy(scene) || !call_in_turn(scene, 1))
        return;
    asks[0] = begin_call(scene, &orders[1]);
    asks[1] = begin_call(scene, &orders[2]);
    if (!await_visitors(scene, 2))
        return;
    release_visitors(scene);
    (void) (end_call(scene, &orders[1], asks[0], WWS_S_OK)
        && end_call(scene, &orders[2], asks[1], WWS_S_OK)
        && call_in_turn(scene, 1) && close_proxy(scene)
        && close_host(scene));
}

static void play_calls_short(struct scene *scene)
{
    scene->hurries = true;
    play_calls(scene);
}

static void play_calls_watched(struct scene *scene)
{
    scene->watches = true;
    play_calls(scene);
}

static void play_calls_queued(struct scene *scene)
{
    scene->queues = true;
    play_calls(scene);
}

/* Begins a call that is held, and waits until it is. */
static struct ask *hold_call(struct scene *scene, struct order *order)
{
    struct ask *ask;

    order->action = ACTION_LATER;
    if (!open_host(scene) || !open_proxy(scene))
        return NULL;
    ask = begin_call(scene, order);
    return await_visitors(scene, 1) ? ask : NULL;
}

static void play_abandon(struct scene *scene)
{
    struct order *order = &scene->orders[0];
    struct ask *ask = hold_call(scene, order);

    if (ask == NULL
        || !judge(scene, CALLER, "abandon", wws_service_proxy_abandon_call(
            proxy_of(scene), 7, no_error), WWS_S_OK)
        || !end_call(scene, order, ask, WWS_E_OPERATION_ABANDONED))
        return;
    release_visitors(scene);
    (void) (close_proxy(scene) && close_host(scene));
}

/* The reply never comes.  Over a session that is nobody's loss; the operation
 * only keeps the other end from ending it. */
static void play_drain(struct scene *scene)
{
    struct order *order = &scene->orders[0];
    struct ask *ask;

    scene->drain_timeout_ms = 1000;
    ask = hold_call(scene, order);
    if (ask == NULL
        || !judge(scene, CALLER, "abandon", wws_service_proxy_abandon_call(
            proxy_of(scene), 7, no_error), WWS_S_OK)
        || !end_call(scene, order, ask, WWS_E_OPERATION_ABANDONED))
        return;
    if (wire()->has_sessions)
        release_visitors(scene);
    if (!close_proxy(scene))
        return;
    release_visitors(scene);
    (void) close_host(scene);
}

static void play_timeout(struct scene *scene)
{
    struct order *order = &scene->orders[0];
    struct ask *ask;

    scene->registers = true;
    order->timeout_ms = 5000;
    ask = hold_call(scene, order);
    if (ask == NULL
        || !end_call(scene, order, ask, WWS_E_OPERATION_TIMED_OUT))
        return;
    /* Over a session the operation goes on. */
    release_visitors(scene);
    (void) (call_in_turn(scene, 1) && close_proxy(scene)
        && close_host(scene));
}

/* The call goes on in the background, past its deadline. */
static void play_detach(struct scene *scene)
{
    struct order *order = &scene->orders[0];
    struct ask *ask;

    scene->detaches = true;
    order->timeout_ms = 5000;
    ask = hold_call(scene, order);
    if (ask == NULL
        || !end_call(scene, order, ask, WWS_E_OPERATION_TIMED_OUT))
        return;
    release_visitors(scene);
    (void) (close_proxy(scene) && close_host(scene));
}

static void play_cancel(struct scene *scene)
{
    struct order *order = &scene->orders[0];
    struct ask *ask;

    scene->registers = true;
    order->has_handle = true;
    ask = hold_call(scene, order);
    if (ask == NULL)
        return;
    /* Stale, if something else has ended the call. */
    (void) wws_call_cancel((wws_call) { atomic_load(&scene->call) });
    if (!end_call(scene, order, ask, WWS_E_OPERATION_CANCELLED))
        return;
    order->has_handle = false;
    release_visitors(scene);
    (void) (call_in_turn(scene, 1) && close_proxy(scene)
        && close_host(scene));
}

static wws_status start_close_host_now(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_service_host_close(host_of(state), completion, error);
}

/* Closing waits for the operation, and lets its answer go out. */
static void play_host_close(struct scene *scene)
{
    struct order *order = &scene->orders[0];
    struct ask *ask = hold_call(scene, order);
    struct ask *closing;

    if (ask == NULL)
        return;
    closing = begin(scene, SERVER, "close host", start_close_host_now, scene);
    release_visitors(scene);
    if (!end_call(scene, order, ask, WWS_S_OK) || !close_proxy(scene))
        return;
    (void) end(scene, closing, WWS_S_OK);
}

static void play_host_abort(struct scene *scene)
{
    struct order *order = &scene->orders[0];
    struct ask *ask;

    scene->registers = true;
    ask = hold_call(scene, order);
    (void) (ask != NULL
        && judge(scene, SERVER, "abort", wws_service_host_abort(host_of(scene)),
            WWS_S_OK)
        && end_call(scene, order, ask, WWS_E_ENDPOINT_DISCONNECTED)
        && await_telling(scene) && close_proxy(scene)
        && close_host(scene));
}

static void play_proxy_abort(struct scene *scene)
{
    struct order *order = &scene->orders[0];
    struct ask *ask;

    scene->registers = true;
    ask = hold_call(scene, order);
    (void) (ask != NULL
        && judge(scene, CALLER, "abort",
            wws_service_proxy_abort(proxy_of(scene)), WWS_S_OK)
        && end_call(scene, order, ask, WWS_E_OPERATION_ABORTED)
        && await_telling(scene) && close_proxy(scene)
        && close_host(scene));
}

static void play_runtime_close(struct scene *scene)
{
    struct order *order = &scene->orders[0];
    struct ask *ask;

    scene->registers = true;
    ask = hold_call(scene, order);
    if (ask == NULL || !close_runtime(scene))
        return;
    /* The host or the proxy may have been aborted first. */
    atomic_store(&scene->ending, true);
    (void) end_call(scene, order, ask, WWS_E_OPERATION_ABORTED);
}

/* Names. */

static void play_resolve(struct scene *scene)
{
    scene->has_names = true;
    if (!open_host(scene))
        return;
    use_name(scene, KNOWN);
    (void) (open_proxy(scene) && call_in_turn(scene, 1)
        && close_proxy(scene) && close_host(scene));
}

/* A session needs the name to be opened, a call without one to be begun. */
static void play_resolve_late(struct scene *scene)
{
    struct order *order = &scene->orders[0];

    order->action = ACTION_ECHO;
    order->has_handle = true;
    scene->has_names = true;
    if (!open_host(scene))
        return;
    use_name(scene, SILENT);
    if (wire()->has_sessions
        ? !fail_to_open_proxy(scene, WWS_E_OPERATION_TIMED_OUT)
        : !open_proxy(scene) || !end_call(scene, order,
            begin_call(scene, order), WWS_E_OPERATION_TIMED_OUT))
        return;
    (void) (close_proxy(scene) && close_host(scene));
}

/* Channels. */

static wws_status start_open_client(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct scene *scene = state;

    return wws_channel_open(client_of(scene), text(scene->url), completion,
        error);
}

static wws_status start_accept_server(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_listener_accept(listener_of(state), server_of(state),
        completion, error);
}

static wws_status start_close_client(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_channel_close(client_of(state), completion, error);
}

static wws_status start_close_server(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_channel_close(server_of(state), completion, error);
}

static wws_status start_close_ear(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_listener_close(listener_of(state), completion, error);
}

/* The closing of a session ends when both sides have closed. */
static bool close_channels(struct scene *scene)
{
    struct ask *client = begin(scene, CALLER, "close client",
        start_close_client, scene);
    struct ask *server = begin(scene, SERVER, "close server",
        start_close_server, scene);

    return end(scene, client, WWS_S_OK) && end(scene, server, WWS_S_OK)
        && ask_now(scene, SERVER, "close listener", start_close_ear, scene,
            WWS_S_OK);
}

/* A message that goes through a channel. */
struct letter {
    wws_channel channel;
    enum side side;
    wws_message sent;
    wws_message received;
    wws_bytes piece;
    wws_buffer content;
};

static wws_status start_exchange(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct letter *letter = state;

    return wws_channel_request_reply(letter->channel, letter->sent,
        letter->received, completion, error);
}

static wws_status start_receive_letter(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct letter *letter = state;

    return wws_channel_receive(letter->channel, letter->received,
        WWS_RECEIVE_OPTION_OPTIONAL, completion, error);
}

static wws_status start_send_letter(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct letter *letter = state;

    return wws_channel_send(letter->channel, letter->sent, completion, error);
}

static wws_status start_answer(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct letter *letter = state;

    return wws_channel_send_reply(letter->channel, letter->sent, completion,
        error);
}

/* Ears and mouths: a listener, both channels, and the client's open; the
 * accept is pending. */
static struct ask *set_up_channels(struct scene *scene)
{
    struct ask *accept;

    if (!open_listener(scene) || !make_server(scene) || !make_client(scene))
        return NULL;
    accept = begin(scene, SERVER, "accept", start_accept_server, scene);
    return ask_now(scene, CALLER, "open client", start_open_client, scene,
        WWS_S_OK)
        ? accept : NULL;
}

static void play_accept(struct scene *scene)
{
    static struct letter up, down;
    struct ask *accept = set_up_channels(scene);
    struct ask *exchange;

    up = (struct letter) { .channel = client_of(scene) };
    down = (struct letter) { .channel = server_of(scene), .side = SERVER };
    if (accept == NULL || !make_request(scene, 100, &up.sent)
        || !make_message(scene, &up.received)
        || !make_message(scene, &down.received))
        return;
    exchange = begin(scene, CALLER, "request", start_exchange, &up);
    (void) (end_first(scene, accept, WWS_S_OK)
        && end_first(scene, begin(scene, SERVER, "receive",
            start_receive_letter, &down), WWS_S_OK)
        && make_reply(scene, down.received, 100, &down.sent)
        && ask_now(scene, SERVER, "answer", start_answer, &down, WWS_S_OK)
        && end(scene, exchange, WWS_S_OK)
        && close_channels(scene));
}

/* Both send while both receive, and then end. */
static void play_duplex(struct scene *scene)
{
    static struct letter up, down;
    struct ask *accept = set_up_channels(scene);
    struct ask *receives[2];

    up = (struct letter) { .channel = client_of(scene) };
    down = (struct letter) { .channel = server_of(scene), .side = SERVER };
    if (accept == NULL || !comes(scene, accept)
        || !make_request(scene, 100, &up.sent)
        || !make_request(scene, 5000, &down.sent)
        || !make_message(scene, &up.received)
        || !make_message(scene, &down.received))
        return;
    receives[0] = begin(scene, CALLER, "receive", start_receive_letter, &up);
    receives[1] = begin(scene, SERVER, "receive", start_receive_letter, &down);
    (void) (ask_now(scene, CALLER, "send", start_send_letter, &up, WWS_S_OK)
        && ask_now(scene, SERVER, "send", start_send_letter, &down, WWS_S_OK)
        && end(scene, receives[0], WWS_S_OK)
        && end(scene, receives[1], WWS_S_OK)
        && close_channels(scene));
}

/* The other side does not end the session. */
static void play_close_alone(struct scene *scene)
{
    struct ask *accept = set_up_channels(scene);

    (void) (accept != NULL && comes(scene, accept)
        && ask_now(scene, CALLER, "close client", start_close_client, scene,
            WWS_E_OPERATION_TIMED_OUT)
        && ask_now(scene, SERVER, "close server", start_close_server, scene,
            WWS_S_OK)
        && ask_now(scene, SERVER, "close listener", start_close_ear, scene,
            WWS_S_OK));
}

/* A receive that nothing comes for. */
static void play_cancel_receive(struct scene *scene)
{
    static struct letter up;
    struct ask *accept = set_up_channels(scene);
    struct ask *receive;

    up = (struct letter) { .channel = client_of(scene) };
    if (accept == NULL || !comes(scene, accept)
        || !make_message(scene, &up.received))
        return;
    receive = begin(scene, CALLER, "receive", start_receive_letter, &up);
    wait_until_still();
    (void) (judge(scene, CALLER, "cancel receive", wws_channel_cancel_receive(
            up.channel), WWS_S_OK)
        && end(scene, receive, WWS_E_OPERATION_CANCELLED)
        && close_channels(scene));
}

/* Nobody comes. */
static void play_accept_abort(struct scene *scene)
{
    struct ask *accept;

    if (!open_listener(scene) || !make_server(scene))
        return;
    accept = begin(scene, SERVER, "accept", start_accept_server, scene);
    wait_until_still();
    (void) (judge(scene, SERVER, "abort",
            wws_listener_abort(listener_of(scene)), WWS_S_OK)
        && end(scene, accept, WWS_E_OPERATION_ABORTED)
        && ask_now(scene, SERVER, "close listener", start_close_ear, scene,
            WWS_S_OK));
}

/* Streams. */

static wws_status start_write_head(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct letter *letter = state;

    return wws_channel_write_message_start(letter->channel, letter->sent,
        completion, error);
}

static wws_status start_write_piece(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct letter *letter = state;

    return wws_channel_write_body(letter->channel, letter->sent,
        letter->piece, completion, error);
}

static wws_status start_write_rest(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct letter *letter = state;

    return wws_channel_write_message_end(letter->channel, letter->sent,
        completion, error);
}

static wws_status start_read_head(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct letter *letter = state;

    return wws_channel_read_message_start(letter->channel, letter->received,
        WWS_RECEIVE_OPTION_OPTIONAL, completion, error);
}

static wws_status start_read_piece(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct letter *letter = state;

    return wws_channel_read_body(letter->channel, letter->received,
        &letter->content, completion, error);
}

static wws_status start_read_rest(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct letter *letter = state;

    return wws_channel_read_message_end(letter->channel, letter->received,
        completion, error);
}

static bool write_piece(
    struct scene *scene,
    struct letter *letter,
    const char *piece)
{
    letter->piece = (wws_bytes) { piece, strlen(piece) };
    return ask_now(scene, letter->side, "write", start_write_piece, letter,
        WWS_S_OK);
}

static bool write_stream(struct scene *scene, struct letter *letter)
{
    return ask_now(scene, letter->side, "write start", start_write_head,
        letter, WWS_S_OK)
        && write_piece(scene, letter, "<t:x xmlns:t='urn:t'>one")
        && write_piece(scene, letter, "two</t:x>")
        && ask_now(scene, letter->side, "write end", start_write_rest, letter,
            WWS_S_OK);
}

/* A piece may come in several. */
static bool read_stream(struct scene *scene, struct letter *letter)
{
    wws_status status;
    struct ask *ask;

    if (!ask_now(scene, letter->side, "read start", start_read_head, letter,
        WWS_S_OK))
        return false;
    do {
        ask = begin(scene, letter->side, "read", start_read_piece, letter);
        status = ask_end(ask);
        wws_buffer_release(&letter->content);
    } while (status == WWS_S_OK);
    return judge(scene, letter->side, "read", status, WWS_S_END)
        && ask_now(scene, letter->side, "read end", start_read_rest, letter,
            WWS_S_OK);
}

static struct ask *begin_stream(
    struct scene *scene,
    struct letter *up,
    struct letter *down)
{
    struct ask *accept;

    scene->mode = WWS_TRANSFER_MODE_STREAMED;
    accept = set_up_channels(scene);
    *up = (struct letter) { .channel = client_of(scene) };
    *down = (struct letter) { .channel = server_of(scene), .side = SERVER };
    if (accept == NULL || !make_request(scene, 100, &up->sent)
        || !make_message(scene, &up->received)
        || !make_message(scene, &down->received))
        return NULL;
    return accept;
}

static void play_stream_up(struct scene *scene)
{
    static struct letter up, down;
    struct ask *accept = begin_stream(scene, &up, &down);

    if (accept == NULL)
        return;
    atomic_store(&scene->client_message, up.sent.id);
    atomic_store(&scene->server_message, down.received.id);
    (void) (write_stream(scene, &up) && comes(scene, accept)
        && read_stream(scene, &down)
        && make_reply(scene, down.received, 100, &down.sent)
        && ask_now(scene, SERVER, "answer", start_answer, &down, WWS_S_OK)
        && ask_now(scene, CALLER, "receive", start_receive_letter, &up,
            WWS_S_OK)
        && close_channels(scene));
}

static void play_stream_down(struct scene *scene)
{
    static struct letter up, down;
    struct ask *accept = begin_stream(scene, &up, &down);

    if (accept == NULL)
        return;
    atomic_store(&scene->client_message, up.received.id);
    if (!ask_now(scene, CALLER, "send", start_send_letter, &up, WWS_S_OK)
        || !comes(scene, accept)
        || !ask_now(scene, SERVER, "receive", start_receive_letter, &down,
            WWS_S_OK)
        || !make_reply(scene, down.received, 100, &down.sent))
        return;
    atomic_store(&scene->server_message, down.sent.id);
    (void) (write_stream(scene, &down) && read_stream(scene, &up)
        && close_channels(scene));
}

const struct scenario scenarios[] = {
    { .name = "call", .play = play_call },
    { .name = "calls", .play = play_calls },
    { .name = "call-shown", .play = play_call_shown },
    { .name = "one-way", .play = play_one_way },
    { .name = "calls-short", .play = play_calls_short },
    { .name = "calls-watched", .play = play_calls_watched },
    { .name = "calls-queued", .play = play_calls_queued },
    { .name = "abandon", .play = play_abandon },
    { .name = "drain", .play = play_drain },
    { .name = "timeout", .play = play_timeout },
    { .name = "detach", .play = play_detach },
    { .name = "cancel", .play = play_cancel },
    { .name = "host-close", .does = DO(CLOSE_HOST), .play = play_host_close },
    { .name = "host-abort", .does = DO(ABORT_HOST), .play = play_host_abort },
    { .name = "proxy-abort", .does = DO(ABORT_PROXY),
        .play = play_proxy_abort },
    { .name = "runtime-close", .alone = true, .play = play_runtime_close },
    { .name = "accept", .play = play_accept },
    { .name = "accept-abort", .does = DO(ABORT_LISTENER),
        .play = play_accept_abort },
    { .name = "duplex", .sessions_only = true, .play = play_duplex },
    { .name = "close-alone", .sessions_only = true,
        .play = play_close_alone },
    { .name = "cancel-receive", .sessions_only = true,
        .play = play_cancel_receive },
    { .name = "stream-up", .play = play_stream_up },
    { .name = "stream-down", .play = play_stream_down },
    { .name = "resolve", .sockets_only = true, .play = play_resolve },
    { .name = "resolve-late", .sockets_only = true,
        .play = play_resolve_late },
};

const unsigned scenario_count = sizeof scenarios / sizeof *scenarios;
