/* Opens that are aborted on the way, while others begin: each is told how its
 * own went, and the object is as the last one left it. */
#include "tests/support/public/talk.h"

enum { OPENERS = 2, ROUNDS = 300 };

static const wws_error no_error;
static const char *const paths[OPENERS] = { "/first", "/second/one" };

/* One object that two threads open and a third aborts. */
struct contest {
    wws_status (*open)(struct contest *contest, wws_string url);
    const char *base; /* of the URLs */
    wws_listener listener;
    wws_channel channel;
    wws_service_proxy proxy;
    pthread_barrier_t start;
    wws_status status[OPENERS];
};

struct opener {
    struct contest *contest;
    int number;
};

static void *open_it(void *state)
{
    struct opener *opener = state;
    struct contest *contest = opener->contest;
    char url[256];

    snprintf(url, sizeof url, "%s%s", contest->base, paths[opener->number]);
    pthread_barrier_wait(&contest->start);
    contest->status[opener->number] = contest->open(contest, text(url));
    return NULL;
}

static bool is_possible(wws_status status)
{
    return status == WWS_S_OK || status == WWS_E_OPERATION_ABORTED
        || status == WWS_E_INVALID_OPERATION;
}

/* How many of the opens have succeeded. */
static int compete(struct contest *contest, void (*stop)(struct contest *))
{
    struct opener openers[OPENERS];
    pthread_t threads[OPENERS];
    int opened = 0;

    pthread_barrier_init(&contest->start, NULL, OPENERS + 1);
    for (int i = 0; i < OPENERS; i++) {
        openers[i] = (struct opener) { contest, i };
        pthread_create(&threads[i], NULL, open_it, &openers[i]);
    }
    pthread_barrier_wait(&contest->start);
    stop(contest);
    for (int i = 0; i < OPENERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&contest->start);
    for (int i = 0; i < OPENERS; i++) {
        assert_true(is_possible(contest->status[i]));
        opened += contest->status[i] == WWS_S_OK;
    }
    assert_true(opened <= 1);
    return opened;
}

static wws_status open_channel(struct contest *contest, wws_string url)
{
    return wws_channel_open(contest->channel, url, NULL, no_error);
}

static void abort_channel(struct contest *contest)
{
    must(wws_channel_abort(contest->channel) == WWS_S_OK);
}

/* L8, G13 */
static void channel_open__succeeds_at_most_once(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < ROUNDS; i++) {
        struct contest contest = {
            .open = open_channel,
            .base = world->url,
            .channel = new_channel(world->runtime),
        };
        wws_channel_state after;
        int opened = compete(&contest, abort_channel);

        after = channel_state(contest.channel);
        assert_true(after == WWS_CHANNEL_STATE_CREATED
            || (opened != 0 && (after == WWS_CHANNEL_STATE_OPEN
                || after == WWS_CHANNEL_STATE_FAULTED)));
        assert_status(wws_channel_free(contest.channel), WWS_S_OK);
    }
}

static wws_status open_listener(struct contest *contest, wws_string url)
{
    return wws_listener_open(contest->listener, url, NULL, no_error);
}

static void abort_listener(struct contest *contest)
{
    must(wws_listener_abort(contest->listener) == WWS_S_OK);
}

/* L8, G13 */
static void listener_open__succeeds_at_most_once(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < ROUNDS; i++) {
        struct contest contest = {
            .open = open_listener,
            .base = wire()->any_port,
        };
        wws_listener_state after;
        int opened;

        contest.listener = new_listener(world->runtime);
        opened = compete(&contest, abort_listener);

        after = listener_state(contest.listener);
        assert_true(after == WWS_LISTENER_STATE_CREATED
            || (opened != 0 && (after == WWS_LISTENER_STATE_OPEN
                || after == WWS_LISTENER_STATE_FAULTED)));
        assert_status(wws_listener_free(contest.listener), WWS_S_OK);
    }
}

static wws_status open_proxy(struct contest *contest, wws_string url)
{
    return wws_service_proxy_open(contest->proxy, url, NULL, no_error);
}

static void abort_proxy(struct contest *contest)
{
    must(wws_service_proxy_abort(contest->proxy) == WWS_S_OK);
}

/* L8, G13 */
static void proxy_open__succeeds_at_most_once(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < ROUNDS; i++) {
        struct contest contest = {
            .open = open_proxy,
            .base = world->url,
        };
        wws_service_proxy_state after;
        int opened;

        contest.proxy = new_proxy(world->runtime);
        opened = compete(&contest, abort_proxy);

        must(wws_service_proxy_get_state(contest.proxy, &after, no_error)
            == WWS_S_OK);
        assert_true(after == WWS_SERVICE_PROXY_STATE_CREATED
            || (opened != 0 && (after == WWS_SERVICE_PROXY_STATE_OPEN
                || after == WWS_SERVICE_PROXY_STATE_FAULTED)));
        assert_status(wws_service_proxy_free(contest.proxy), WWS_S_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(channel_open__succeeds_at_most_once,
            world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(listener_open__succeeds_at_most_once,
            world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(proxy_open__succeeds_at_most_once,
            world_set_up, world_tear_down),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
