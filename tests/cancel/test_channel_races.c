/* Random conversations over channels, and random ends for them at both sides.
 * Whoever waits hears exactly once, and nothing is left behind. */
#include "tests/cancel/race.h"

#include <sched.h>

enum { CLIENTS = 3, SERVERS = 3, BREAKERS = 2, SLOTS = 8, ROUND = 100 };

struct race {
    struct world world;
    struct ear ear;
    uint64_t seed;
    _Atomic uint64_t slots[SLOTS]; /* channels that breakers know */
    _Atomic unsigned talks;        /* still to be begun */
    _Atomic bool stop;
};

static void assert_legal(wws_status status)
{
    switch (status) {
    case WWS_S_OK:
    case WWS_S_END:
    case WWS_E_OPERATION_ABORTED:
    case WWS_E_OPERATION_CANCELLED:
    case WWS_E_INVALID_OPERATION:
    case WWS_E_OBJECT_FAULTED:
    case WWS_E_HANDLE:
    case WWS_E_ENDPOINT_DISCONNECTED:
    case WWS_E_ENDPOINT_NOT_FOUND:
    case WWS_E_OPERATION_TIMED_OUT: /* the other side did not end, too */
        return;
    default:
        fprintf(stderr, "ended with %s\n", wws_status_name(status));
        must(false);
    }
}

static void publish(struct runner *runner, wws_channel channel)
{
    atomic_store(&runner->race->slots[roll(&runner->dice, SLOTS)],
        channel.id);
}

static void stop_somehow(struct runner *runner, wws_channel channel)
{
    wws_status status = WWS_S_OK;

    switch (roll(&runner->dice, 12)) {
    case 0:
        status = wws_channel_abort(channel);
        break;
    case 1:
        status = wws_channel_cancel_receive(channel);
        break;
    case 2:
        status = wws_channel_free(channel);
        break;
    case 3:
        assert_legal(wws_channel_close(channel, NULL, no_error));
        break;
    default:
        break;
    }
    must(status == WWS_S_OK || status == WWS_E_HANDLE);
}

/* Begins it in some manner, perhaps stops it, and hears. */
static wws_status run_one(
    struct runner *runner,
    start_fn start,
    struct talk *talk)
{
    struct heard heard;
    wws_status status;

    hear(&heard, (enum manner) roll(&runner->dice, MANNERS), start, talk);
    dawdle(&runner->dice);
    stop_somehow(runner, talk->channel);
    status = heard_end(&heard);
    assert_legal(status);
    return status;
}

static void free_if_there(wws_channel channel)
{
    wws_status status = wws_channel_free(channel);

    must(status == WWS_S_OK || status == WWS_E_HANDLE);
}

/* Does not wait long for the other side to end a session. */
static wws_channel new_impatient(wws_runtime runtime)
{
    wws_channel channel = new_channel(runtime);

    must(wws_channel_set_property(channel, WWS_CHANNEL_PROPERTY_CLOSE_TIMEOUT,
        100, no_error) == WWS_S_OK);
    return channel;
}

static size_t some_size(struct dice *dice)
{
    return roll(dice, 32) == 0 ? 3000000 : roll(dice, 100);
}

static void exchange(struct runner *runner, struct talk *talk)
{
    if (roll(&runner->dice, 2) == 0)
        (void) run_one(runner, start_request_reply, talk);
    else if (run_one(runner, start_send, talk) == WWS_S_OK)
        (void) run_one(runner, start_receive, talk);
}

static void *ask(void *state)
{
    struct runner *runner = state;
    struct race *race = runner->race;

    while (take_one(&race->talks)) {
        struct talk talk = {
            .channel = new_impatient(race->world.runtime),
            .url = race->ear.url,
            .request = new_request(ACTION_ECHO, some_size(&runner->dice)),
            .reply = new_empty(),
        };

        publish(runner, talk.channel);
        if (run_one(runner, start_open, &talk) == WWS_S_OK)
            exchange(runner, &talk);
        free_if_there(talk.channel);
        must(wws_message_free(talk.request) == WWS_S_OK);
        must(wws_message_free(talk.reply) == WWS_S_OK);
    }
    return NULL;
}

static void answer_one(struct runner *runner, struct talk *talk)
{
    wws_message request = new_empty();

    talk->reply = request;
    if (run_one(runner, start_receive, talk) == WWS_S_OK) {
        talk->reply = new_reply(request, some_size(&runner->dice));
        (void) run_one(runner, start_send_reply, talk);
        must(wws_message_free(talk->reply) == WWS_S_OK);
    }
    must(wws_message_free(request) == WWS_S_OK);
}

static void *answer(void *state)
{
    struct runner *runner = state;
    struct race *race = runner->race;

    while (!atomic_load(&race->stop)) {
        struct talk talk = {
            .listener = race->ear.listener,
            .channel = new_server(race->ear.listener),
        };

        publish(runner, talk.channel);
        if (run_one(runner, start_accept, &talk) == WWS_S_OK)
            answer_one(runner, &talk);
        free_if_there(talk.channel);
    }
    return NULL;
}

static void *break_off(void *state)
{
    struct runner *runner = state;
    struct race *race = runner->race;

    while (!atomic_load(&race->stop)) {
        wws_channel channel = {
            atomic_load(&race->slots[roll(&runner->dice, SLOTS)]),
        };

        if (channel.id != 0)
            stop_somehow(runner, channel);
        dawdle(&runner->dice);
        sched_yield();
    }
    return NULL;
}

/* The listener ends while conversations are under way. */
static void end_listener(struct race *race)
{
    wws_listener listener = race->ear.listener;

    if (race->seed % 3 == 0)
        must(wws_listener_abort(listener) == WWS_S_OK);
    if (race->seed % 3 == 1)
        must(wws_listener_close(listener, NULL, no_error) == WWS_S_OK);
    atomic_store(&race->stop, true);
    must(wws_listener_abort(listener) == WWS_S_OK);
}

static bool few_left(void *state)
{
    struct race *race = state;

    return atomic_load(&race->talks) < 5;
}

static void race_once(struct race *race, uint64_t seed)
{
    struct runner runners[CLIENTS + SERVERS + BREAKERS];
    unsigned count = 0;

    memset(race, 0, sizeof *race);
    race->seed = seed;
    world_begin(&race->world, NULL);
    ear_open(&race->ear, race->world.runtime);
    atomic_store(&race->talks, ROUND);
    for (int i = 0; i < SERVERS; i++, count++)
        run(&runners[count], race, seed + count, answer);
    for (int i = 0; i < BREAKERS; i++, count++)
        run(&runners[count], race, seed + count, break_off);
    for (int i = 0; i < CLIENTS; i++, count++)
        run(&runners[count], race, seed + count, ask);
    must(await(few_left, race));
    end_listener(race);
    for (unsigned i = 0; i < count; i++)
        pthread_join(runners[i].thread, NULL);
    must(wws_listener_free(race->ear.listener) == WWS_S_OK);
    assert_true(world_end(&race->world));
}

/* G5, G7, G8, G21, G22, G31 */
static void races__end_every_conversation_exactly_once(void **state)
{
    (void) state;
    run_races(ROUND, sizeof(struct race), race_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(races__end_every_conversation_exactly_once),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
