/* One channel and one service proxy, each in the hands of several threads that
 * open, use, abort, close and reset it as they like, over sessions.  Nobody
 * waits for ever, nothing ends otherwise than it may, and nothing is left. */
#include "tests/cancel/race.h"

enum { HANDS = 4, ROUND = 400, SHORT_MS = 20 };

struct race {
    struct world world;
    wws_listener listener;
    char url[128];
    wws_channel channel;
    wws_service_proxy proxy;
    _Atomic unsigned steps;     /* still to be done */
    _Atomic bool stop;
    _Atomic unsigned opened;
    _Atomic unsigned answered;
};

static void assert_legal(wws_status status)
{
    switch (status) {
    case WWS_S_OK:
    case WWS_S_END:
    case WWS_E_OPERATION_ABORTED:
    case WWS_E_OPERATION_ABANDONED:
    case WWS_E_OPERATION_CANCELLED:
    case WWS_E_OPERATION_TIMED_OUT:
    case WWS_E_INVALID_OPERATION:
    case WWS_E_OBJECT_FAULTED:
    case WWS_E_ENDPOINT_DISCONNECTED:
        return;
    default:
        fprintf(stderr, "ended with %s\n", wws_status_name(status));
        must(false);
    }
}

/* The channel. */

static start_fn some_function(struct dice *dice)
{
    static const start_fn functions[] = { start_open, start_open, start_send,
        start_send, start_receive, start_request_reply, start_request_reply,
        start_shutdown, start_close_channel };

    return functions[roll(dice, sizeof functions / sizeof *functions)];
}

static void disturb_channel(struct runner *runner)
{
    wws_channel channel = runner->race->channel;

    dawdle(&runner->dice);
    switch (roll(&runner->dice, 30)) {
    case 0: must(wws_channel_abort(channel) == WWS_S_OK); break;
    case 1: must(wws_channel_cancel_receive(channel) == WWS_S_OK); break;
    case 2: assert_legal(wws_channel_close(channel, NULL, no_error)); break;
    default: break;
    }
    (void) wws_channel_reset(channel, no_error);
}

static void use_channel(struct runner *runner)
{
    struct race *race = runner->race;
    start_fn start = some_function(&runner->dice);
    struct talk talk = {
        .channel = race->channel,
        .url = race->url,
        .request = new_request(ACTION_ECHO, roll(&runner->dice, 100)),
        .reply = new_empty(),
    };
    struct heard heard;
    wws_status status;

    hear(&heard, (enum manner) roll(&runner->dice, MANNERS), start, &talk);
    disturb_channel(runner);
    status = heard_end(&heard);
    assert_legal(status);
    if (start == start_open && status == WWS_S_OK)
        atomic_fetch_add(&race->opened, 1);
    if (start == start_request_reply && status == WWS_S_OK)
        atomic_fetch_add(&race->answered, 1);
    must(wws_message_free(talk.request) == WWS_S_OK);
    must(wws_message_free(talk.reply) == WWS_S_OK);
}

/* The proxy. */

static void disturb_proxy(struct runner *runner)
{
    wws_service_proxy proxy = runner->race->proxy;

    dawdle(&runner->dice);
    switch (roll(&runner->dice, 30)) {
    case 0: must(wws_service_proxy_abort(proxy) == WWS_S_OK); break;
    case 1: (void) wws_service_proxy_abandon_call(proxy, 0, no_error); break;
    case 2: assert_legal(wws_service_proxy_close(proxy, NULL, no_error));
        break;
    default: break;
    }
    (void) wws_service_proxy_reset(proxy, no_error);
}

static void open_proxy(struct runner *runner)
{
    struct race *race = runner->race;
    wws_status status = wws_service_proxy_open(race->proxy,
        text(race->world.url), NULL, no_error);

    assert_legal(status);
    if (status == WWS_S_OK)
        atomic_fetch_add(&race->opened, 1);
}

static void use_proxy(struct runner *runner)
{
    struct race *race = runner->race;
    struct call call = call_to(race->proxy, ACTION_ECHO);
    struct heard heard;
    wws_status status;

    if (roll(&runner->dice, 4) == 0)
        open_proxy(runner);
    hear(&heard, (enum manner) roll(&runner->dice, MANNERS), start_call,
        &call);
    disturb_proxy(runner);
    status = heard_end(&heard);
    assert_legal(status);
    if (status == WWS_S_OK)
        atomic_fetch_add(&race->answered, 1);
    wws_buffer_release(&call.reply);
}

static void *use_both(void *state)
{
    struct runner *runner = state;

    while (take_one(&runner->race->steps))
        if (roll(&runner->dice, 2) == 0)
            use_channel(runner);
        else
            use_proxy(runner);
    return NULL;
}

/* The other end: answers what comes, until the listener is stopped. */

static void answer_all(wws_channel channel)
{
    wws_status status = WWS_S_OK;

    while (status == WWS_S_OK) {
        wws_message request = new_empty(), reply;

        status = wws_channel_receive(channel, request,
            WWS_RECEIVE_OPTION_OPTIONAL, NULL, no_error);
        if (status == WWS_S_OK) {
            reply = new_reply(request, 0);
            (void) wws_channel_send_reply(channel, reply, NULL, no_error);
            must(wws_message_free(reply) == WWS_S_OK);
        }
        must(wws_message_free(request) == WWS_S_OK);
    }
}

static void *serve(void *state)
{
    struct runner *runner = state;
    struct race *race = runner->race;

    while (!atomic_load(&race->stop)) {
        wws_channel channel = new_server(race->listener);

        if (wws_listener_accept(race->listener, channel, NULL, no_error)
            == WWS_S_OK)
            answer_all(channel);
        if (roll(&runner->dice, 2) == 0)
            assert_legal(wws_channel_close(channel, NULL, no_error));
        must(wws_channel_free(channel) == WWS_S_OK);
    }
    return NULL;
}

static void begin(struct race *race)
{
    struct ear ear;
    wws_channel_options options = channel_options();
    wws_service_proxy_options proxy = proxy_options();

    memset(race, 0, sizeof *race);
    world_begin(&race->world, NULL);
    world_add_host(&race->world, NULL, NULL);
    ear_open(&ear, race->world.runtime);
    race->listener = ear.listener;
    memcpy(race->url, ear.url, sizeof race->url);
    options.receive_timeout_ms = SHORT_MS;
    options.close_timeout_ms = SHORT_MS;
    must(wws_channel_create(race->world.runtime, &options, &race->channel,
        no_error) == WWS_S_OK);
    proxy.max_close_timeout_ms = SHORT_MS;
    must(wws_service_proxy_create(race->world.runtime, &proxy, &race->proxy,
        no_error) == WWS_S_OK);
    atomic_store(&race->steps, ROUND);
}

static void race_once(struct race *race, uint64_t seed)
{
    struct runner runners[HANDS + 2];

    begin(race);
    for (unsigned i = 0; i < HANDS + 2; i++)
        run(&runners[i], race, seed * (HANDS + 2) + i,
            i < HANDS ? use_both : serve);
    for (unsigned i = 0; i < HANDS; i++)
        pthread_join(runners[i].thread, NULL);
    must(wws_channel_free(race->channel) == WWS_S_OK);
    must(wws_service_proxy_free(race->proxy) == WWS_S_OK);
    atomic_store(&race->stop, true);
    must(wws_listener_abort(race->listener) == WWS_S_OK);
    for (unsigned i = HANDS; i < HANDS + 2; i++)
        pthread_join(runners[i].thread, NULL);
    must(wws_listener_free(race->listener) == WWS_S_OK);
    assert_true(atomic_load(&race->opened) > 0);
    assert_true(world_end(&race->world));
}

/* G1, G5 to G9, G13, G14, G49, C1, C5, L8 */
static void sessions__survive_whatever_their_owners_do(void **state)
{
    (void) state;
    run_races(ROUND, sizeof(struct race), race_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions__survive_whatever_their_owners_do),
    };

    must(setenv("WWS_TRANSPORT", "tcp", 1) == 0);
    return run_promises(tests, world_warm_up, world_cool_down);
}
