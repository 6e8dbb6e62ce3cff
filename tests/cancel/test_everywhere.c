/* Every function that stops something, at every pending thing, from every spot:
 * one table of what is to be heard. */
#include "tests/support/public/peer.h"
#include "tests/support/public/stage.h"
#include "tests/support/public/talk.h"

enum function {
    ABORT_CHANNEL,
    ABORT_LISTENER,
    ABORT_PROXY,
    ABORT_HOST,
    ABANDON_CALL,
    CANCEL_CALL,
    CANCEL_RECEIVE,
    ABANDON_MESSAGE,
    FREE_CHANNEL,
    FREE_LISTENER,
    FREE_PROXY,
    FREE_HOST,
    FUNCTIONS,
};

static const char *const function_names[] = { "abort channel",
    "abort listener", "abort proxy", "abort host", "abandon call",
    "cancel call", "cancel receive", "abandon message", "free channel",
    "free listener", "free proxy", "free host" };

/* What it is pending at. */
enum subject { CHANNEL, PROXY, HOST };

/* What the pending function ends with; 0: it goes on. */
enum {
    ON = 0,
    DONE = WWS_S_END, /* WWS_S_OK */
    ABT = WWS_E_OPERATION_ABORTED,
    ABN = WWS_E_OPERATION_ABANDONED,
    CAN = WWS_E_OPERATION_CANCELLED,
};

/* More than a connection holds that nobody reads from. */
enum { LARGE = 6000000 };

static const wws_error no_error;

/* One of each that a function may be called with.  What is pending is at one
 * of them; the others are as they were created. */
struct set {
    const struct scene *scene;
    wws_runtime runtime;
    struct talk talk;
    wws_service_proxy proxy;
    wws_service_host host;
    wws_call handle;
    struct call call;
    struct peer peer;
    struct gate gate;
    struct heard heard;
    struct heard beside; /* what a close waits for */
    wws_status returned;
};

struct scene {
    const char *name;
    const char *over; /* one transport only */
    enum subject subject;
    void (*begin)(struct set *set, enum manner manner);
    start_fn start;
    struct peer_script script;
    bool full;     /* the peer takes no connection */
    bool unseen;   /* by the peer, so that it must not begin on a thread */
    size_t size;   /* of the request */
    int after;     /* the state when its object was aborted */
    int fates[FUNCTIONS];
};

static bool is_proxy_in(void *state, wws_service_proxy_state wanted)
{
    struct set *set = state;
    wws_service_proxy_state actual;

    must(wws_service_proxy_get_state(set->proxy, &actual, no_error)
        == WWS_S_OK);
    return actual == wanted;
}

static bool is_closing(void *state)
{
    struct set *set = state;
    wws_service_host_state host;

    if (set->scene->subject == CHANNEL)
        return channel_state(set->talk.channel)
            == WWS_CHANNEL_STATE_CLOSING;
    if (set->scene->subject == PROXY)
        return is_proxy_in(set, WWS_SERVICE_PROXY_STATE_CLOSING);
    must(wws_service_host_get_state(set->host, &host, no_error) == WWS_S_OK);
    return host == WWS_SERVICE_HOST_STATE_CLOSING;
}

/* Beginning. */

static wws_status start_open_proxy(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct set *set = state;

    return wws_service_proxy_open(set->proxy, text(set->peer.url), completion,
        error);
}

static wws_status start_close_proxy(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct set *set = state;

    return wws_service_proxy_close(set->proxy, completion, error);
}

static wws_status start_call_of(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct set *set = state;

    return start_call(&set->call, completion, error);
}

static wws_status start_talk(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct set *set = state;

    return set->scene->start(&set->talk, completion, error);
}

static wws_status start_close_of_host(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct set *set = state;

    return wws_service_host_close(set->host, completion, error);
}

/* Returns when the peer has seen as much as it will. */
static void await_peer(struct set *set)
{
    if (set->scene->full)
        return;
    must(peer_reaches(&set->peer, &set->peer.accepted, 1));
    if (!set->scene->script.mute)
        must(peer_passes(&set->peer, &set->peer.served, 1));
}

static void begin_opening(struct set *set, enum manner manner)
{
    set->talk.url = set->peer.url;
    if (set->scene->subject == PROXY)
        hear(&set->heard, manner, start_open_proxy, set);
    else
        hear(&set->heard, manner, start_talk, set);
    await_peer(set);
}

static void begin_talk(struct set *set, enum manner manner)
{
    must(wws_channel_open(set->talk.channel, text(set->peer.url), NULL,
        no_error) == WWS_S_OK);
    hear(&set->heard, manner, start_talk, set);
    if (!set->scene->unseen)
        await_peer(set);
}

static void begin_accept(struct set *set, enum manner manner)
{
    must(wws_channel_free(set->talk.channel) == WWS_S_OK);
    set->talk.channel = new_server(set->talk.listener);
    hear(&set->heard, manner, start_talk, set);
    must(channel_becomes(set->talk.channel, WWS_CHANNEL_STATE_ACCEPTING));
}

static void begin_closing(struct set *set, enum manner manner)
{
    must(wws_channel_open(set->talk.channel, text(set->peer.url), NULL,
        no_error) == WWS_S_OK);
    hear(&set->heard, manner, start_talk, set);
    must(await(is_closing, set));
}

static void begin_call_as(
    struct set *set,
    struct heard *heard,
    enum manner manner)
{
    must(wws_service_proxy_open(set->proxy, text(set->peer.url), NULL,
        no_error) == WWS_S_OK);
    set->call = call_to(set->proxy, ACTION_ECHO);
    set->call.handle = &set->handle;
    if (set->scene->size != 0)
        must(wws_message_get_body(set->talk.request, &set->call.body,
            no_error) == WWS_S_OK);
    hear(heard, manner, start_call_of, set);
    await_peer(set);
}

static void begin_call(struct set *set, enum manner manner)
{
    begin_call_as(set, &set->heard, manner);
}

static void begin_closing_proxy(struct set *set, enum manner manner)
{
    begin_call_as(set, &set->beside, CALLBACK);
    hear(&set->heard, manner, start_close_proxy, set);
    must(await(is_closing, set));
}

/* The operation of a bare client, which stays until the gate opens. */
static void begin_closing_host(struct set *set, enum manner manner)
{
    wws_buffer address;
    char url[128];
    int client;

    must(wws_service_host_open(set->host, NULL, no_error) == WWS_S_OK);
    must(wws_service_host_get_address(set->host, 0, &address, no_error)
        == WWS_S_OK);
    snprintf(url, sizeof url, "%.*s", (int) address.size,
        (const char *) address.data);
    wws_buffer_release(&address);
    client = peer_connect(url);
    peer_request(client, ACTION_LATER, 0);
    must(gate_reaches(&set->gate, &set->gate.entered, 1));
    hear(&set->heard, manner, start_close_of_host, set);
    must(await(is_closing, set));
    peer_reset(client);
}

/* The table.  A function that is not named leaves what is pending alone. */

#define OF_CHANNEL [ABORT_CHANNEL] = ABT, [FREE_CHANNEL] = ABT
#define OF_PROXY [ABORT_PROXY] = ABT, [FREE_PROXY] = ABT
#define OF_EXCHANGE OF_CHANNEL, [CANCEL_RECEIVE] = CAN
#define OF_CALL OF_PROXY, [ABANDON_CALL] = ABN, [CANCEL_CALL] = CAN

static const struct scene scenes[] = {
    { "open channel: handshake", OVER_TCP, CHANNEL, begin_opening, start_open,
      .script = { .mute = true }, .after = WWS_CHANNEL_STATE_CREATED,
      .fates = { OF_CHANNEL } },
    { "open proxy: handshake", OVER_TCP, PROXY, begin_opening, NULL,
      .script = { .mute = true }, .after = WWS_SERVICE_PROXY_STATE_CREATED,
      .fates = { OF_PROXY } },
    { "accept", NULL, CHANNEL, begin_accept, start_accept,
      .after = WWS_CHANNEL_STATE_CREATED,
      .fates = { OF_CHANNEL, [ABORT_LISTENER] = ABT,
                 [FREE_LISTENER] = ABT } },
    { "call: connect", OVER_HTTP, PROXY, begin_call, NULL, .full = true,
      .unseen = true, .after = WWS_SERVICE_PROXY_STATE_FAULTED,
      .fates = { OF_CALL } },
    { "call: send", NULL, PROXY, begin_call, NULL,
      .script = { .deaf = true }, .size = LARGE,
      .after = WWS_SERVICE_PROXY_STATE_FAULTED, .fates = { OF_CALL } },
    { "call: wait", NULL, PROXY, begin_call, NULL,
      .script = { .then = PEER_HOLDS },
      .after = WWS_SERVICE_PROXY_STATE_FAULTED, .fates = { OF_CALL } },
    { "call: headers", NULL, PROXY, begin_call, NULL,
      .script = { .answers = true, .sends = 20 },
      .after = WWS_SERVICE_PROXY_STATE_FAULTED, .fates = { OF_CALL } },
    { "call: body", NULL, PROXY, begin_call, NULL,
      .script = { .answers = true, .sends = 200 },
      .after = WWS_SERVICE_PROXY_STATE_FAULTED, .fates = { OF_CALL } },
    { "send", NULL, CHANNEL, begin_talk, start_send,
      .script = { .deaf = true }, .size = LARGE,
      .after = WWS_CHANNEL_STATE_FAULTED, .fates = { OF_CHANNEL } },
    { "receive", OVER_TCP, CHANNEL, begin_talk, start_receive,
      .script = { .then = PEER_HOLDS }, .unseen = true,
      .after = WWS_CHANNEL_STATE_FAULTED,
      .fates = { OF_EXCHANGE } },
    { "request-reply: connect", OVER_HTTP, CHANNEL, begin_talk,
      start_request_reply, .full = true, .unseen = true,
      .after = WWS_CHANNEL_STATE_FAULTED, .fates = { OF_EXCHANGE } },
    { "request-reply: wait", NULL, CHANNEL, begin_talk, start_request_reply,
      .script = { .then = PEER_HOLDS },
      .after = WWS_CHANNEL_STATE_FAULTED, .fates = { OF_EXCHANGE } },
    { "request-reply: body", NULL, CHANNEL, begin_talk, start_request_reply,
      .script = { .answers = true, .sends = 200 },
      .after = WWS_CHANNEL_STATE_FAULTED, .fates = { OF_EXCHANGE } },
    { "close channel", OVER_TCP, CHANNEL, begin_closing, start_close_channel,
      .script = { .stubborn = true }, .after = WWS_CHANNEL_STATE_CLOSED,
      .fates = { OF_CHANNEL } },
    { "close proxy", NULL, PROXY, begin_closing_proxy, NULL,
      .script = { .then = PEER_HOLDS },
      .after = WWS_SERVICE_PROXY_STATE_CLOSED,
      .fates = { OF_PROXY, [CANCEL_CALL] = DONE } },
    /* It waits for the operation, whatever is called (G134). */
    { .name = "close host", .subject = HOST, .begin = begin_closing_host },
};

enum { SCENES = sizeof scenes / sizeof scenes[0] };

/* What the function itself returns.  A message that is pending cannot be
 * abandoned (G99), and one that is sent whole is done with; nor can a call of a
 * proxy that is not open (D16). */
static wws_status expected_of(
    enum function function,
    const struct scene *scene)
{
    if (function == ABANDON_MESSAGE)
        return scene->start == start_send ? WWS_E_INVALIDARG
            : WWS_E_INVALID_OPERATION;
    if (function == ABANDON_CALL && scene->fates[CANCEL_CALL] == ON)
        return WWS_E_INVALID_OPERATION;
    return WWS_S_OK;
}

static wws_status apply(struct set *set, enum function function)
{
    struct talk *talk = &set->talk;

    switch (function) {
    case ABORT_CHANNEL: return wws_channel_abort(talk->channel);
    case ABORT_LISTENER: return wws_listener_abort(talk->listener);
    case ABORT_PROXY: return wws_service_proxy_abort(set->proxy);
    case ABORT_HOST: return wws_service_host_abort(set->host);
    case ABANDON_CALL:
        return wws_service_proxy_abandon_call(set->proxy, 0, no_error);
    case CANCEL_CALL: return wws_call_cancel(set->handle);
    case CANCEL_RECEIVE: return wws_channel_cancel_receive(talk->channel);
    case ABANDON_MESSAGE:
        return wws_channel_abandon_message(talk->channel,
            set->scene->start == start_send ? talk->request : talk->reply,
            no_error);
    case FREE_CHANNEL: return wws_channel_free(talk->channel);
    case FREE_LISTENER: return wws_listener_free(talk->listener);
    case FREE_PROXY: return wws_service_proxy_free(set->proxy);
    case FREE_HOST: return wws_service_host_free(set->host);
    case FUNCTIONS: break;
    }
    return WWS_E_OTHER;
}

/* One cell. */

static void add_service(struct set *set)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = endpoint_options();

    operations.serve = gate_serve;
    operations.state = &set->gate;
    endpoint.operations = &operations;
    endpoint.address = text(wire()->any_port);
    must(wws_service_host_create(set->runtime, NULL, &set->host, no_error)
        == WWS_S_OK);
    must(wws_service_host_add_endpoint(set->host, &endpoint, no_error)
        == WWS_S_OK);
}

static void set_begin(
    struct set *set,
    wws_runtime runtime,
    const struct scene *scene,
    enum manner manner)
{
    wws_service_proxy_options options = proxy_options();
    struct ear ear;

    *set = (struct set) { .scene = scene, .runtime = runtime };
    options.max_message_size = 2 * LARGE;
    gate_init(&set->gate);
    if (scene->full)
        peer_start_full(&set->peer);
    else
        peer_start(&set->peer, &scene->script);
    ear_open(&ear, runtime);
    set->talk = (struct talk) {
        .listener = ear.listener,
        .channel = new_channel(runtime),
        .request = new_request(ACTION_ECHO, scene->size),
        .reply = new_empty(),
    };
    must(wws_service_proxy_create(runtime, &options, &set->proxy, no_error)
        == WWS_S_OK);
    add_service(set);
    must(wws_call_create(&set->handle, no_error) == WWS_S_OK);
    scene->begin(set, manner);
}

/* Whatever is still there. */
static void set_end(struct set *set)
{
    (void) wws_call_free(set->handle);
    (void) wws_channel_free(set->talk.channel);
    (void) wws_listener_free(set->talk.listener);
    (void) wws_service_proxy_free(set->proxy);
    (void) wws_service_host_free(set->host);
    assert_status(wws_message_free(set->talk.request), WWS_S_OK);
    assert_status(wws_message_free(set->talk.reply), WWS_S_OK);
    gate_open(&set->gate);
    assert_true(gate_empties(&set->gate));
    peer_stop(&set->peer);
}

static void assert_state(const struct set *set)
{
    wws_service_proxy_state proxy;

    if (set->scene->subject == CHANNEL) {
        assert_int_equal(channel_state(set->talk.channel),
            set->scene->after);
        return;
    }
    assert_status(wws_service_proxy_get_state(set->proxy, &proxy, no_error),
        WWS_S_OK);
    assert_int_equal(proxy, set->scene->after);
}

/* What goes on ends when its own object is aborted. */
static void end_what_goes_on(struct set *set, enum function function)
{
    enum subject subject = set->scene->subject;

    assert_false(heard_yet(&set->heard));
    if (subject == HOST) {
        gate_open(&set->gate);
        assert_status(heard_end(&set->heard),
            function == ABORT_HOST || function == FREE_HOST
                ? WWS_E_OPERATION_ABORTED : WWS_S_OK);
        return;
    }
    assert_status(subject == CHANNEL ? wws_channel_abort(set->talk.channel)
        : wws_service_proxy_abort(set->proxy), WWS_S_OK);
    assert_status(heard_end(&set->heard), WWS_E_OPERATION_ABORTED);
}

static void assert_fate(struct set *set, enum function function)
{
    int fate = set->scene->fates[function];

    assert_status(set->returned, expected_of(function, set->scene));
    if (fate == ON) {
        end_what_goes_on(set, function);
        return;
    }
    assert_status(heard_end(&set->heard), fate == DONE ? WWS_S_OK : fate);
    if (function == ABORT_CHANNEL || function == ABORT_PROXY)
        assert_state(set);
}

/* The call that a close waits for; to abandon it is not enough (G77). */
static void assert_fate_beside(struct set *set, enum function function)
{
    int fate = function == CANCEL_CALL ? CAN
        : function == ABANDON_CALL ? ABN : ABT;

    if (set->scene->begin == begin_closing_proxy)
        assert_status(heard_end(&set->beside), fate);
}

struct deed {
    struct set *set;
    enum function function;
};

static void act(void *state)
{
    struct deed *deed = state;

    deed->set->returned = apply(deed->set, deed->function);
}

/* For whoever looks why it failed. */
static char playing[256];

struct theatre {
    struct leaks before;
    wws_runtime runtime;
    struct stage *stage;
};

static void play(
    const struct theatre *theatre,
    const struct scene *scene,
    enum function function,
    enum spot spot,
    enum manner manner)
{
    struct set set;
    struct deed deed = { &set, function };

    snprintf(playing, sizeof playing, "%s; %s in %s, %s", scene->name,
        function_names[function], spot_name(spot), manner_name(manner));
    set_begin(&set, theatre->runtime, scene, manner);
    stage_run(theatre->stage, spot, act, &deed);
    assert_fate(&set, function);
    assert_fate_beside(&set, function);
    set_end(&set);
    playing[0] = '\0';
}

/* Where nothing is to happen, one manner at each spot is enough; so it is where
 * much is sent, and there one spot for nothing. */
static bool is_played(
    const struct scene *scene,
    enum function function,
    unsigned spot,
    unsigned manner)
{
    bool nothing = scene->fates[function] == ON;

    if (scene->unseen && manner == SYNC)
        return false;
    if (scene->size != 0 && nothing && spot != function % SPOTS)
        return false;
    return (scene->size == 0 && !nothing)
        || manner == (function + spot) % MANNERS;
}

static void play_everywhere(
    const struct theatre *theatre,
    const struct scene *scene,
    enum function function)
{
    for (unsigned spot = 0; spot < SPOTS; spot++)
        for (unsigned manner = 0; manner < MANNERS; manner++)
            if (is_played(scene, function, spot, manner))
                play(theatre, scene, function, (enum spot) spot,
                    (enum manner) manner);
}

static void play_scenes(const struct theatre *theatre, enum function function)
{
    for (int i = 0; i < SCENES; i++)
        if (is_here(scenes[i].over))
            play_everywhere(theatre, &scenes[i], function);
}

/* G1, G2, G5, G7, G13, G14, G15, G20, G21, G22 */
static void abort__ends_what_is_its_own_from_everywhere(void **state)
{
    for (int function = ABORT_CHANNEL; function <= ABORT_HOST; function++)
        play_scenes(*state, (enum function) function);
}

/* G61, G77, G99, D16 */
static void cancel__ends_what_it_is_for_from_everywhere(void **state)
{
    for (int function = ABANDON_CALL; function <= ABANDON_MESSAGE; function++)
        play_scenes(*state, (enum function) function);
}

/* D12, hazards 11, 12 */
static void free__ends_what_is_its_own_from_everywhere(void **state)
{
    for (int function = FREE_CHANNEL; function <= FREE_HOST; function++)
        play_scenes(*state, (enum function) function);
}

static int set_up(void **state)
{
    struct theatre *theatre = malloc(sizeof *theatre);

    must(theatre != NULL);
    leaks_count(&theatre->before);
    must(wws_runtime_create(NULL, &theatre->runtime, no_error) == WWS_S_OK);
    stage_open(&theatre->stage, theatre->runtime);
    *state = theatre;
    return 0;
}

static int tear_down(void **state)
{
    struct theatre *theatre = *state;
    bool clean;

    if (playing[0] != '\0')
        print_error("%s\n", playing);
    playing[0] = '\0';
    stage_close(theatre->stage);
    must(wws_runtime_close(theatre->runtime, HANG_MS, no_error) == WWS_S_OK);
    must(wws_runtime_free(theatre->runtime) == WWS_S_OK);
    clean = leaks_same(&theatre->before);
    free(theatre);
    return clean ? 0 : -1;
}

#define in_theatre(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_theatre(abort__ends_what_is_its_own_from_everywhere),
        in_theatre(cancel__ends_what_it_is_for_from_everywhere),
        in_theatre(free__ends_what_is_its_own_from_everywhere),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
