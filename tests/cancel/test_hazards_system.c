/* Hazards where the operating system takes part: descriptors, signals, system
 * calls that wait, and the end of the process. */
#include "tests/support/public/dice.h"
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STORM = 1500, LARGE = 6000000 };

static const wws_error no_error;
static const struct peer_script silent = { .then = PEER_HOLDS };
static const struct peer_script deaf = { .deaf = true };

static unsigned storm(void)
{
    return (unsigned) setting("WWS_STORM", STORM);
}

/* System calls of the library come here first. */

static _Thread_local bool watched;
static _Atomic unsigned seen;

#define ON_THE_WAY(type, name, parameters, ...) \
    __attribute__((visibility("default"))) type name parameters; \
    type name parameters \
    { \
        static _Atomic uintptr_t next; \
        uintptr_t found = atomic_load(&next); \
        if (found == 0) \
            found = (uintptr_t) dlsym(RTLD_NEXT, #name); \
        atomic_store(&next, found); \
        seen += watched; \
        return ((type (*) parameters) found)(__VA_ARGS__); \
    }

ON_THE_WAY(int, connect, (int fd, __CONST_SOCKADDR_ARG to, socklen_t size),
    fd, to, size)
ON_THE_WAY(ssize_t, recv, (int fd, void *data, size_t size, int flags),
    fd, data, size, flags)
ON_THE_WAY(ssize_t, sendmsg, (int fd, const struct msghdr *head, int flags),
    fd, head, flags)
ON_THE_WAY(int, poll, (struct pollfd *polled, nfds_t count, int timeout),
    polled, count, timeout)
ON_THE_WAY(int, epoll_wait, (int epoll, struct epoll_event *events, int room,
    int timeout), epoll, events, room, timeout)

/* What a thread does while it is watched. */
static void watch(void)
{
    seen = 0;
    watched = true;
}

static unsigned calls_seen(void)
{
    watched = false;
    return seen;
}

static bool is_any_seen(void *state)
{
    (void) state;
    return seen != 0;
}

static void *open_when_seen(void *state)
{
    struct world *world = state;

    (void) await(is_any_seen, NULL);
    gate_open(&world->gate);
    return NULL;
}

/* A reply that is there before anybody waits for it would take no call. */
static void watcher__sees_what_the_library_does(void **state)
{
    struct world *world = *state;
    pthread_t thread;

    watch();
    must(pthread_create(&thread, NULL, open_when_seen, world) == 0);
    assert_status(call_now(world->proxy, ACTION_WAIT), WWS_S_OK);
    pthread_join(thread, NULL);

    assert_true(calls_seen() >= 1);
}

/* Hazards 1, 30: who cancels, aborts, abandons or frees only says so.  What is
 * to be sent or closed is done by others, and nothing is waited for. */
static void stop__does_no_io_on_the_thread_of_its_caller(void **state)
{
    struct world *world = *state;
    const struct peer_script *scripts[] = { &silent, &deaf };

    for (int i = 0; i < 10; i++) {
        wws_service_proxy_options options = proxy_options();
        wws_message large = new_request(ACTION_ECHO,
            scripts[i % 2] == &deaf ? LARGE : 0);
        wws_call handle;
        wws_service_proxy proxy;
        struct call call;
        struct heard heard;
        struct peer peer;

        assert_status(wws_call_create(&handle, no_error), WWS_S_OK);
        options.max_message_size = 2 * LARGE;
        peer_start(&peer, scripts[i % 2]);
        proxy = world_proxy(world, &options, peer.url);
        call = call_to(proxy, ACTION_ECHO);
        call.handle = &handle;
        must(wws_message_get_body(large, &call.body, no_error) == WWS_S_OK);
        hear(&heard, i % 4 < 2 ? CALLBACK : SYNC, start_call, &call);
        assert_true(peer_reaches(&peer, &peer.served, 1));

        watch();
        if (i < 4)
            assert_status(wws_call_cancel(handle), WWS_S_OK);
        else if (i < 6)
            assert_status(wws_service_proxy_abandon_call(proxy, 0, no_error),
                WWS_S_OK);
        else if (i < 8)
            assert_status(wws_service_proxy_abort(proxy), WWS_S_OK);
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
        assert_int_equal(calls_seen(), 0);

        assert_true(heard_end(&heard) < 0);
        assert_status(wws_message_free(large), WWS_S_OK);
        peer_stop(&peer);
    }
}

/* Hazard 30 */
static void stop__of_a_server_does_no_io_either(void **state)
{
    struct world *world = *state;
    int client = peer_connect(world->url);
    struct talk talk = { .url = NULL };
    struct heard heard;
    struct ear ear;

    peer_request(client, ACTION_LATER, 0);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));
    ear_open(&ear, world->runtime);
    talk.listener = ear.listener;
    talk.channel = new_server(ear.listener);
    hear(&heard, CALLBACK, start_accept, &talk);

    watch();
    assert_status(wws_channel_abort(talk.channel), WWS_S_OK);
    assert_status(wws_listener_abort(ear.listener), WWS_S_OK);
    assert_status(wws_service_host_abort(world->host), WWS_S_OK);
    assert_status(wws_channel_free(talk.channel), WWS_S_OK);
    assert_status(wws_listener_free(ear.listener), WWS_S_OK);
    assert_int_equal(calls_seen(), 0);

    assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
    assert_true(peer_ended(client));
    peer_reset(client);
}

/* Descriptors that are new all the time, next to those of the library: files
 * with a text, counters and sockets that nobody writes to.  If it writes to one
 * that it has closed before, or closes one twice, these notice. */

enum { CHURNERS = 2, CANARIES = 6 };

static const char song[] = "nobody but me writes here, and nobody closes it";

struct canary {
    int file;
    int counter;
    int sockets[2];
};

struct churn {
    _Atomic bool enough;
    _Atomic unsigned hatched;
};

static void hatch(struct canary *canary)
{
    canary->file = memfd_create("canary", MFD_CLOEXEC);
    must(canary->file >= 0);
    must(write(canary->file, song, sizeof song) == sizeof song);
    canary->counter = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(canary->counter >= 0);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, canary->sockets)
        == 0);
}

static void check_and_close(struct canary *canary)
{
    char text[sizeof song + 8];
    uint64_t value;

    must(pread(canary->file, text, sizeof text, 0) == sizeof song);
    must(memcmp(text, song, sizeof song) == 0);
    must(close(canary->file) == 0);
    must(read(canary->counter, &value, sizeof value) < 0 && errno == EAGAIN);
    must(close(canary->counter) == 0);
    for (int i = 0; i < 2; i++)
        must(recv(canary->sockets[i], text, 1, MSG_DONTWAIT) < 0
            && errno == EAGAIN);
    must(close(canary->sockets[0]) == 0 && close(canary->sockets[1]) == 0);
}

static void *churn_on_and_on(void *state)
{
    struct churn *churn = state;
    struct canary canaries[CANARIES];

    for (int i = 0; i < CANARIES; i++)
        hatch(&canaries[i]);
    for (unsigned i = 0; !atomic_load(&churn->enough); i++) {
        check_and_close(&canaries[i % CANARIES]);
        hatch(&canaries[i % CANARIES]);
        atomic_fetch_add(&churn->hatched, 1);
    }
    for (int i = 0; i < CANARIES; i++)
        check_and_close(&canaries[i]);
    return NULL;
}

/* One connection more that ends in the middle of something. */
static void break_one(struct world *world, struct dice *dice)
{
    wws_service_proxy proxy = world_proxy(world, NULL, world->url);
    struct call call = call_to(proxy,
        roll(dice, 2) == 0 ? ACTION_ECHO : ACTION_LATER);
    wws_call handle = { 0 };
    struct heard heard;
    uint32_t way = roll(dice, 3);

    call.handle = &handle;
    hear(&heard, (enum manner) (1 + roll(dice, 2)), start_call, &call);
    dawdle(dice);
    if (way == 0)
        (void) wws_call_cancel(handle);
    if (way == 1)
        must(wws_service_proxy_abort(proxy) == WWS_S_OK);
    must(wws_service_proxy_free(proxy) == WWS_S_OK);
    (void) heard_end(&heard);
    wws_buffer_release(&call.reply);
    gate_release(&world->gate, 1);
}

/* Hazard 9 */
static void canaries__live_through_a_storm_of_cancels(void **state)
{
    struct dice dice = { setting("WWS_SEED", (uint64_t) now_ms()) | 1 };
    struct world *world = *state;
    pthread_t threads[CHURNERS];
    struct churn churn = { 0 };

    for (int i = 0; i < CHURNERS; i++)
        must(pthread_create(&threads[i], NULL, churn_on_and_on, &churn) == 0);
    for (unsigned i = 0; i < storm(); i++)
        break_one(world, &dice);
    atomic_store(&churn.enough, true);
    for (int i = 0; i < CHURNERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&churn.hatched) > 100);
}

/* Connections that nobody answers, by number and by a name that may have two
 * addresses, stopped while they are being made. */

static bool descriptors_are_as_before(void *state)
{
    const struct leaks *before = state;
    struct leaks now;

    leaks_count(&now);
    return now.descriptors <= before->descriptors;
}

static void stop_connecting(struct world *world, const char *url)
{
    wws_service_proxy proxy = world_proxy(world, NULL, url);

    for (int manner = CALLBACK; manner < MANNERS; manner++) {
        struct call call = call_to(proxy, ACTION_ECHO);
        wws_call handle = { 0 };
        struct heard heard;

        call.handle = &handle;
        hear(&heard, (enum manner) manner, start_call, &call);
        assert_status(wws_call_cancel(handle), WWS_S_OK);
        assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
    }
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
}

/* Hazard 14 */
static void stopped_connect__leaves_no_descriptor(void **state)
{
    struct world *world = *state;
    struct leaks before;
    struct peer peer;
    char named[128];

    peer_start_full(&peer);
    snprintf(named, sizeof named, "http://localhost%s",
        strrchr(peer.url, ':'));
    stop_connecting(world, named);
    leaks_count(&before);
    for (int i = 0; i < 100; i++)
        stop_connecting(world, i % 2 == 0 ? peer.url : named);

    assert_true(await(descriptors_are_as_before, &before));
    peer_stop(&peer);
}

/* Signals. */

/* Peers that are gone while much is sent to them, at both ends.  One that has
 * closed in order before it is gone is what makes a broken pipe. */
static void meet_the_gone(struct world *world, enum peer_end then)
{
    const struct peer_script gone = { .reads = 1, .then = then };
    wws_message large = new_request(ACTION_ECHO, LARGE);
    wws_service_proxy_options options = proxy_options();
    struct heard heard[MANNERS];
    struct call call;
    struct peer peer;

    options.max_message_size = 2 * LARGE;
    for (int manner = 0; manner < MANNERS; manner++) {
        wws_service_proxy proxy;
        int client = peer_connect(world->url);

        peer_request(client, ACTION_LATER, 0);
        peer_start(&peer, &gone);
        proxy = world_proxy(world, &options, peer.url);
        call = call_to(proxy, ACTION_ECHO);
        must(wws_message_get_body(large, &call.body, no_error) == WWS_S_OK);
        hear(&heard[manner], (enum manner) manner, start_call, &call);
        assert_status(heard_end(&heard[manner]),
            WWS_E_ENDPOINT_DISCONNECTED);
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
        peer_stop(&peer);
        peer_reset(client);
        gate_release(&world->gate, 1);
    }
    assert_status(wws_message_free(large), WWS_S_OK);
}

/* Hazard 23: a program that has never heard of SIGPIPE lives. */
static void sigpipe__is_neither_raised_nor_touched(void **state)
{
    struct sigaction before = { .sa_handler = SIG_DFL }, after;
    sigset_t blocked;

    must(sigaction(SIGPIPE, &before, NULL) == 0);
    for (int i = 0; i < 10; i++)
        meet_the_gone(*state, i % 2 == 0 ? PEER_RESETS : PEER_CLOSES);

    must(sigaction(SIGPIPE, NULL, &after) == 0);
    assert_true(after.sa_handler == SIG_DFL);
    must(pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0);
    assert_int_equal(sigismember(&blocked, SIGPIPE), 0);
}

struct victim {
    struct world *world;
    pthread_t thread;
    _Atomic bool done;
    _Atomic unsigned failed;
    unsigned before; /* the signals until the last one was sent */
};

static _Atomic unsigned interrupted;

static void interrupt(int number)
{
    (void) number;
    atomic_fetch_add(&interrupted, 1);
}

static void *call_undisturbed(void *state)
{
    struct victim *victim = state;

    /* As long as it takes to be interrupted. */
    for (unsigned i = 0; i < storm() / 2 || atomic_load(&interrupted) == 0;
         i++) {
        /* A connection of its own, now and then. */
        wws_service_proxy proxy = i % 8 == 0 ? world_proxy(victim->world,
            NULL, victim->world->url) : victim->world->proxy;

        if (call_now(proxy, ACTION_ECHO) != WWS_S_OK)
            atomic_fetch_add(&victim->failed, 1);
        if (i % 8 == 0)
            must(wws_service_proxy_free(proxy) == WWS_S_OK);
    }
    atomic_store(&victim->done, true);
    return NULL;
}

/* Again, or never any more. */
static bool is_interrupted(void *state)
{
    struct victim *victim = state;

    return atomic_load(&interrupted) != victim->before
        || atomic_load(&victim->done);
}

/* Hazard 23: what is interrupted goes on. */
static void signals__do_not_end_what_they_interrupt(void **state)
{
    struct sigaction action = { .sa_handler = interrupt }, before;
    struct victim victim = { .world = *state };

    must(sigaction(SIGUSR1, &action, &before) == 0);
    must(pthread_create(&victim.thread, NULL, call_undisturbed, &victim)
        == 0);
    while (!atomic_load(&victim.done)) {
        victim.before = atomic_load(&interrupted);
        must(pthread_kill(victim.thread, SIGUSR1) == 0);
        assert_true(await(is_interrupted, &victim));
    }
    pthread_join(victim.thread, NULL);
    must(sigaction(SIGUSR1, &before, NULL) == 0);

    assert_int_equal(atomic_load(&victim.failed), 0);
    assert_true(atomic_load(&interrupted) > 0);
}

/* The end of the process, with everything pending: a program of its own begins
 * it all, and simply ends. */

static int end_with_everything_pending(void)
{
    struct world world;
    struct peer peer;
    struct ear ear;
    struct call calls[3];
    struct heard heard[4];
    struct talk talk = { .url = NULL };
    const char *urls[3];

    world_begin(&world, NULL);
    world_add_host(&world, NULL, NULL);
    peer_start(&peer, &silent);
    urls[0] = world.url;
    urls[1] = peer.url;
    urls[2] = "http://name.that.nobody.has.invalid/";
    for (int i = 0; i < 3; i++) {
        wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;

        calls[i] = call_to(world_proxy(&world, i == 2 ? &options : NULL,
            urls[i]), ACTION_WAIT);
        hear(&heard[i], i == 1 ? SYNC : CALLBACK, start_call, &calls[i]);
    }
    ear_open(&ear, world.runtime);
    talk.listener = ear.listener;
    talk.channel = new_server(ear.listener);
    hear(&heard[3], CALLBACK, start_accept, &talk);
    must(gate_reaches(&world.gate, &world.gate.entered, 1));
    must(peer_reaches(&peer, &peer.served, 1));
    exit(0);
}

extern char **environ;

static char *program;

/* It leaves everything behind, on purpose. */
static pid_t spawn_one_that_ends(void)
{
    char *const arguments[] = { program, (char *) "ends", NULL };
    const char *options = getenv("ASAN_OPTIONS");
    char *kept = options != NULL ? strdup(options) : NULL;
    pid_t child;

    must(setenv("ASAN_OPTIONS", "detect_leaks=0", 1) == 0);
    must(posix_spawn(&child, program, NULL, NULL, arguments,
        environ) == 0);
    must((kept != NULL ? setenv("ASAN_OPTIONS", kept, 1)
        : unsetenv("ASAN_OPTIONS")) == 0);
    free(kept);
    return child;
}

/* Hazards 13, 20 */
static void process__ends_at_once_with_everything_pending(void **state)
{
    (void) state;
    for (int i = 0; i < 10; i++) {
        int64_t begun = now_ms();
        pid_t child = spawn_one_that_ends();
        int status;

        must(waitpid(child, &status, 0) == child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_true(now_ms() - begun < HANG_MS / 2);
    }
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        in_world(watcher__sees_what_the_library_does),
        in_world(stop__does_no_io_on_the_thread_of_its_caller),
        in_world(stop__of_a_server_does_no_io_either),
        in_world(canaries__live_through_a_storm_of_cancels),
        over(OVER_HTTP, stopped_connect__leaves_no_descriptor),
        in_world(sigpipe__is_neither_raised_nor_touched),
        in_world(signals__do_not_end_what_they_interrupt),
        cmocka_unit_test(process__ends_at_once_with_everything_pending),
    };

    if (count > 1)
        return end_with_everything_pending();
    program = arguments[0];
    return run_promises(tests, world_warm_up, world_cool_down);
}
