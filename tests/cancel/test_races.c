/* Random calls, and random ends for them, on many threads at once.  However
 * they meet, everybody who asked hears exactly once, with a status that makes
 * sense, and nothing is left behind.
 *
 * WWS_RACES is how many calls to start, WWS_SEED what the choices follow from;
 * the seed of a run is printed.  A round is a world of its own that ends in one
 * of several ways while calls are still under way. */
#include "tests/support/public/dice.h"
#include "tests/support/public/world.h"

#include <poll.h>
#include <stdatomic.h>
#include <time.h>

enum {
    STARTERS = 4,
    BREAKERS = 2,
    SLOTS = 3,      /* proxies in use at a time */
    HANDLES = 16,   /* calls that breakers know */
    ROUND = 1000,   /* calls */
    CLOSES = 4000,  /* the most of a round */
    UNDER_WAY = 100,
};

struct race;

/* What a caller must keep in place; it goes as soon as he has heard. */
struct arguments {
    wws_call handle;
    wws_buffer reply;
    wws_error error;
};

/* One asking; stays until the round is over. */
struct attempt {
    struct race *race;
    struct arguments *arguments;
    enum manner manner;
    bool closes;
    _Atomic bool asynchronous;
    _Atomic unsigned times;
    _Atomic unsigned freed;
};

struct race {
    struct world world;
    wws_queue queue;
    uint64_t seed;
    _Atomic uint64_t slots[SLOTS];
    _Atomic uint64_t handles[HANDLES];
    _Atomic unsigned begun;   /* attempts */
    _Atomic unsigned heard;
    _Atomic unsigned calls;   /* still to be started */
    _Atomic bool stop;        /* breakers */
    _Atomic bool drained;     /* nothing is to come through the queue */
    struct attempt attempts[ROUND + CLOSES];
};

static const wws_error no_error;

/* What a call may come to here. */
static bool is_legal(const struct attempt *attempt, wws_status status)
{
    switch (status) {
    case WWS_S_OK:
    case WWS_E_OPERATION_ABORTED:
    case WWS_E_OPERATION_TIMED_OUT:
    case WWS_E_INVALID_OPERATION: /* closing, or closed */
    case WWS_E_HANDLE:            /* freed */
        return true;
    case WWS_E_OPERATION_ABANDONED:
    case WWS_E_OPERATION_CANCELLED:
    case WWS_E_OBJECT_FAULTED:
    case WWS_E_QUOTA_EXCEEDED:
    case WWS_E_ENDPOINT_DISCONNECTED:  /* the host was aborted */
    case WWS_E_ENDPOINT_NOT_AVAILABLE: /* the host closes */
    case WWS_E_ENDPOINT_NOT_FOUND:     /* the host is gone */
        return !attempt->closes;
    default:
        return false;
    }
}

static void hears(struct attempt *attempt, wws_status status)
{
    struct arguments *arguments = attempt->arguments;

    must(atomic_fetch_add(&attempt->times, 1) == 0);
    if (!is_legal(attempt, status))
        fprintf(stderr, "%s ended with %s\n", attempt->closes ? "a close"
            : "a call", wws_status_name(status));
    must(is_legal(attempt, status));
    if (status == WWS_S_OK && !attempt->closes)
        must(arguments->reply.size == sizeof CALL_BODY - 1);
    wws_buffer_release(&arguments->reply);
    must(wws_error_free(arguments->error) == WWS_S_OK);
    memset(arguments, 0xEE, sizeof *arguments);
    free(arguments);
    atomic_fetch_add(&attempt->race->heard, 1);
}

static void completed(wws_status status, void *state)
{
    hears(state, status);
}

static void free_state(void *state)
{
    struct attempt *attempt = state;

    must(atomic_load(&attempt->times) == 1);
    must(atomic_fetch_add(&attempt->freed, 1) == 0);
}

static void drain(struct race *race)
{
    for (;;) {
        wws_event events[16] = { WWS_EVENT_INIT };
        uint32_t count = 0;

        must(wws_queue_next(race->queue, 16, events, &count, no_error)
            == WWS_S_OK);
        for (uint32_t i = 0; i < count; i++) {
            must(wws_error_free(events[i].error) == WWS_S_OK);
            hears(events[i].state, events[i].status);
        }
        if (count == 0)
            return;
    }
}

static void *drain_on(void *state)
{
    struct race *race = state;
    struct pollfd polled = { .events = POLLIN };

    must(wws_queue_get_fd(race->queue, &polled.fd, no_error) == WWS_S_OK);
    while (!atomic_load(&race->drained)) {
        (void) poll(&polled, 1, 1);
        drain(race);
    }
    return NULL;
}

static struct attempt *begin(struct race *race, struct dice *dice)
{
    unsigned index = atomic_fetch_add(&race->begun, 1);
    struct attempt *attempt = &race->attempts[index];

    must(index < ROUND + CLOSES);
    attempt->race = race;
    attempt->manner = (enum manner) roll(dice, MANNERS);
    attempt->arguments = calloc(1, sizeof *attempt->arguments);
    must(attempt->arguments != NULL);
    if (roll(dice, 2) == 0)
        must(wws_error_create(&attempt->arguments->error) == WWS_S_OK);
    return attempt;
}

/* Null for SYNC. */
static const wws_completion *completion_of(
    struct attempt *attempt,
    wws_completion *completion)
{
    completion->state = attempt;
    if (attempt->manner == QUEUE)
        completion->queue = attempt->race->queue;
    if (attempt->manner == CALLBACK) {
        completion->completed = completed;
        completion->free_state = free_state;
    }
    return attempt->manner == SYNC ? NULL : completion;
}

static void returns(struct attempt *attempt, wws_status status)
{
    if (status != WWS_S_ASYNC) {
        hears(attempt, status);
        return;
    }
    must(attempt->manner != SYNC);
    atomic_store(&attempt->asynchronous, true);
}

/* Starting. */

static void choose_handle(
    struct race *race,
    struct dice *dice,
    wws_call *handle)
{
    uint32_t where = roll(dice, HANDLES);

    if (roll(dice, 2) == 0)
        return;
    must(wws_call_create(handle, no_error) == WWS_S_OK);
    atomic_store(&race->handles[where], handle->id);
}

static void call(struct race *race, struct dice *dice)
{
    static const char *const actions[] = { ACTION_ECHO, ACTION_ECHO,
        ACTION_LATER, ACTION_WAIT };
    struct attempt *attempt = begin(race, dice);
    struct arguments *arguments = attempt->arguments;
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_call_options options = WWS_CALL_OPTIONS_INIT;
    const char *action = actions[roll(dice, 4)];
    char *body = malloc(sizeof CALL_BODY - 1);
    uint64_t proxy = atomic_load(&race->slots[roll(dice, SLOTS)]);
    bool named = roll(dice, 4) != 0;
    wws_status status;
    wws_call given;

    must(body != NULL);
    memcpy(body, CALL_BODY, sizeof CALL_BODY - 1);
    options.call_id = roll(dice, 4);
    if (roll(dice, 4) == 0)
        options.timeout_ms = 1 + roll(dice, 20);
    if (named)
        choose_handle(race, dice, &arguments->handle);
    given = arguments->handle;
    status = wws_service_proxy_call((wws_service_proxy) { proxy },
        text(action), (wws_bytes) { body, sizeof CALL_BODY - 1 }, &options,
        named ? &arguments->handle : NULL, &arguments->reply,
        completion_of(attempt, &completion), arguments->error);
    memset(body, 0xEE, sizeof CALL_BODY - 1);
    free(body);
    /* A handle that no call has taken is still there. */
    if (status == WWS_E_HANDLE)
        (void) wws_call_free(given);
    returns(attempt, status);
}

static bool few_under_way(void *state)
{
    struct race *race = state;

    return atomic_load(&race->begun) - atomic_load(&race->heard) < UNDER_WAY;
}

static bool take_call(struct race *race)
{
    unsigned left = atomic_load(&race->calls);

    do {
        if (left == 0)
            return false;
    } while (!atomic_compare_exchange_weak(&race->calls, &left, left - 1));
    return true;
}

struct runner {
    struct race *race;
    struct dice dice;
    pthread_t thread;
};

static void *start_calls(void *state)
{
    struct runner *runner = state;

    while (take_call(runner->race)) {
        must(await(few_under_way, runner->race));
        call(runner->race, &runner->dice);
        dawdle(&runner->dice);
    }
    return NULL;
}

/* Breaking. */

static uint64_t limited_proxy(struct race *race)
{
    wws_service_proxy_options options = proxy_options();
    wws_service_proxy proxy;

    options.max_pending_calls = 40;
    options.max_close_timeout_ms = 200;
    options.drain_timeout_ms = 100;
    must(wws_service_proxy_create(race->world.runtime, &options, &proxy,
        no_error) == WWS_S_OK);
    /* A session needs the host, which may be ending. */
    if (wws_service_proxy_open(proxy, text(race->world.url), NULL, no_error)
        < 0)
        must(wire()->has_sessions);
    return proxy.id;
}

static void close_proxy(
    struct race *race,
    struct dice *dice,
    wws_service_proxy proxy)
{
    struct attempt *attempt = begin(race, dice);
    wws_completion completion = WWS_COMPLETION_INIT;

    attempt->closes = true;
    returns(attempt, wws_service_proxy_close(proxy,
        completion_of(attempt, &completion), attempt->arguments->error));
}

/* The callers see a proxy vanish in one of several ways. */
static void replace_proxy(struct race *race, struct dice *dice)
{
    uint64_t id = atomic_exchange(&race->slots[roll(dice, SLOTS)],
        limited_proxy(race));
    wws_service_proxy proxy = { id };
    uint32_t way = roll(dice, 8);

    if (way & 1)
        must(wws_service_proxy_abort(proxy) == WWS_S_OK);
    if (way & 2) {
        close_proxy(race, dice, proxy);
        dawdle(dice);
    }
    if (way & 4)
        must(wws_service_proxy_abort(proxy) == WWS_S_OK);
    must(wws_service_proxy_free(proxy) == WWS_S_OK);
    must(wws_service_proxy_abort(proxy) == WWS_E_HANDLE);
}

static void abandon(struct race *race, struct dice *dice)
{
    uint64_t id = atomic_load(&race->slots[roll(dice, SLOTS)]);
    wws_status status = wws_service_proxy_abandon_call(
        (wws_service_proxy) { id }, roll(dice, 4), no_error);

    must(status == WWS_S_OK || status == WWS_E_HANDLE
        || status == WWS_E_INVALID_OPERATION);
}

static void cancel(struct race *race, struct dice *dice)
{
    wws_call call_handle = {
        atomic_load(&race->handles[roll(dice, HANDLES)]),
    };
    wws_status status = wws_call_cancel(call_handle);

    must(status == WWS_S_OK || status == WWS_E_HANDLE
        || (status == WWS_E_INVALIDARG && call_handle.id == 0));
}

static void *break_calls(void *state)
{
    struct runner *runner = state;
    struct race *race = runner->race;
    struct dice *dice = &runner->dice;

    while (!atomic_load(&race->stop)) {
        uint32_t what = roll(dice, 64);

        if (what < 24)
            cancel(race, dice);
        else if (what < 40)
            gate_release(&race->world.gate, roll(dice, 3));
        else if (what < 44)
            abandon(race, dice);
        else if (what == 63 && atomic_load(&race->calls) != 0)
            replace_proxy(race, dice);
        dawdle(dice);
    }
    return NULL;
}

/* Rounds. */

enum ending { PROXIES_CLOSE, HOST_ABORTS, HOST_IS_FREED, RUNTIME_CLOSES,
    ENDINGS };

static void end_early(struct race *race, enum ending ending)
{
    struct world *world = &race->world;

    if (ending == HOST_ABORTS)
        must(wws_service_host_abort(world->host) == WWS_S_OK);
    if (ending == HOST_IS_FREED) {
        must(wws_service_host_free(world->host) == WWS_S_OK);
        world->host.id = 0;
    }
    if (ending == RUNTIME_CLOSES) {
        gate_open(&world->gate);
        must(wws_runtime_close(world->runtime, HANG_MS, no_error)
            == WWS_S_OK);
    }
}

static void close_all(struct race *race, struct dice *dice)
{
    for (int i = 0; i < SLOTS; i++) {
        wws_service_proxy proxy = { atomic_load(&race->slots[i]) };

        close_proxy(race, dice, proxy);
        must(wws_service_proxy_free(proxy) == WWS_S_OK);
    }
}

static bool all_heard(void *state)
{
    struct race *race = state;

    return atomic_load(&race->heard) == atomic_load(&race->begun);
}

static bool all_freed(void *state)
{
    struct race *race = state;
    unsigned count = atomic_load(&race->begun);

    for (unsigned i = 0; i < count; i++) {
        struct attempt *attempt = &race->attempts[i];
        bool called = attempt->manner == CALLBACK
            && atomic_load(&attempt->asynchronous);

        if (atomic_load(&attempt->freed) != (called ? 1 : 0))
            return false;
    }
    return true;
}

static void run(struct runner *runner, struct race *race, uint64_t salt,
    void *(*body)(void *state))
{
    runner->race = race;
    runner->dice.state = (race->seed + salt) * 0x9E3779B97F4A7C15u | 1;
    for (int i = 0; i < 16; i++)
        (void) roll(&runner->dice, 2);
    must(pthread_create(&runner->thread, NULL, body, runner) == 0);
}

static void race_begin(struct race *race, uint64_t seed, unsigned calls)
{
    memset(race, 0, sizeof *race);
    race->seed = seed;
    world_begin(&race->world, NULL);
    race->world.gate.registers = true;
    race->world.gate.leaves_when_told = seed % 2 == 0;
    world_add_host(&race->world, NULL, NULL);
    must(wws_queue_create(race->world.runtime, &race->queue, no_error)
        == WWS_S_OK);
    for (int i = 0; i < SLOTS; i++)
        atomic_store(&race->slots[i], limited_proxy(race));
    atomic_store(&race->calls, calls);
}

static void race_run(struct race *race, enum ending ending)
{
    struct runner starters[STARTERS], breakers[BREAKERS];
    struct dice dice = { race->seed | 1 };
    pthread_t drainer;

    must(pthread_create(&drainer, NULL, drain_on, race) == 0);
    for (unsigned i = 0; i < STARTERS; i++)
        run(&starters[i], race, i + 1, start_calls);
    for (unsigned i = 0; i < BREAKERS; i++)
        run(&breakers[i], race, i + 101, break_calls);
    for (unsigned i = 0; i < STARTERS; i++)
        pthread_join(starters[i].thread, NULL);
    end_early(race, ending);
    atomic_store(&race->stop, true);
    for (unsigned i = 0; i < BREAKERS; i++)
        pthread_join(breakers[i].thread, NULL);
    close_all(race, &dice);
    gate_open(&race->world.gate);
    must(await(all_heard, race));
    must(await(all_freed, race));
    atomic_store(&race->drained, true);
    pthread_join(drainer, NULL);
}

static void race_end(struct race *race)
{
    drain(race);
    must(all_heard(race));
    assert_status(wws_queue_free(race->queue), WWS_S_OK);
    assert_true(world_end(&race->world));
}

/* G7, G8, G61, G78, G106, G112, A3, A13, L8: cancelled, abandoned, aborted,
 * closed or freed: submissions are completions, and what the host registered is
 * told at most once and freed exactly once. */
static void races__end_every_call_exactly_once(void **state)
{
    uint64_t calls = setting("WWS_RACES", 20000);
    uint64_t seed = setting("WWS_SEED", (uint64_t) time(NULL));
    struct race *race = malloc(sizeof *race);

    (void) state;
    must(race != NULL);
    print_message("WWS_SEED=%llu\n", (unsigned long long) seed);
    for (uint64_t done = 0; done < calls; done += ROUND, seed++) {
        unsigned now = calls - done < ROUND ? (unsigned) (calls - done)
            : ROUND;

        race_begin(race, seed, now);
        race_run(race, (enum ending) (seed % ENDINGS));
        race_end(race);
    }
    free(race);
}

static void races__leave_the_library_usable(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 100; i++)
        assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
}

/* Three proxies of 40 calls, and others on their way out. */
static int warm_up(void **state)
{
    (void) state;
    world_warm_up_for(200);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(races__end_every_call_exactly_once),
        cmocka_unit_test_setup_teardown(races__leave_the_library_usable,
            world_set_up, world_tear_down),
    };

    return run_promises(tests, warm_up, world_cool_down);
}
