/* Hazards: how libraries that cancel go wrong, each under its number.
 *
 * What takes part in a storm is counted by WWS_STORM; the default is what every
 * run of the tests has time for. */
#include "tests/support/public/dice.h"
#include "tests/support/public/framing.h"
#include "tests/support/public/page.h"
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STORM = 4000, BRIEF_MS = 30, DROP_MS = 5 };

static const wws_error no_error;

static unsigned storm(void)
{
    return (unsigned) setting("WWS_STORM", STORM);
}

/* Cancelling goes on all the time, and each handle that it is given
 * may end meanwhile; the next call has another one, and is never hit. */

struct canceller {
    _Atomic uint64_t handle;
    _Atomic bool enough;
};

static void *cancel_on_and_on(void *state)
{
    struct canceller *canceller = state;

    while (!atomic_load(&canceller->enough)) {
        wws_call call = { atomic_load(&canceller->handle) };
        wws_status status = call.id != 0 ? wws_call_cancel(call) : WWS_S_OK;

        must(status == WWS_S_OK || status == WWS_E_HANDLE);
    }
    return NULL;
}

/* With a handle that the canceller may know. */
static wws_status call_in_reach(
    struct canceller *canceller,
    wws_service_proxy proxy)
{
    struct call call = call_to(proxy, ACTION_ECHO);
    wws_call handle;
    wws_status status;

    assert_status(wws_call_create(&handle, no_error), WWS_S_OK);
    call.handle = &handle;
    atomic_store(&canceller->handle, handle.id);
    status = start_call(&call, NULL, no_error);
    wws_buffer_release(&call.reply);
    return status;
}

/* Hazard 2 */
static void cancel__never_hits_the_next_call(void **state)
{
    struct world *world = *state;
    struct canceller canceller = { 0 };
    wws_service_proxy proxy = world->proxy;
    pthread_t thread;

    must(pthread_create(&thread, NULL, cancel_on_and_on, &canceller) == 0);
    for (unsigned i = 0; i < storm(); i++) {
        struct call next = call_to(proxy, ACTION_ECHO);
        wws_status status = call_in_reach(&canceller, proxy);
        wws_call handle = { 0 };

        if (status != WWS_S_OK)
            assert_status(status, WWS_E_OPERATION_CANCELLED);
        next.handle = &handle;
        assert_status(start_call(&next, NULL, no_error), WWS_S_OK);
        wws_buffer_release(&next.reply);
    }
    atomic_store(&canceller.enough, true);
    pthread_join(thread, NULL);
}

/* A call that has its turn still to come.  The one loop of the host
 * is held, so that a large call of the client fills the connection, and what
 * comes after it in a session waits. */

enum { LARGE = 6000000 };

struct jam {
    struct world server;
    struct world client;
    wws_message large;
    struct call calls[3];
    struct heard heard[3];
    wws_call handle;
};

static void jam_begin(struct jam *jam, uint32_t timeout_ms)
{
    wws_endpoint_options endpoint = endpoint_options();
    wws_service_proxy_options options = proxy_options();
    wws_runtime_options runtime = WWS_RUNTIME_OPTIONS_INIT;

    endpoint.callback_model = WWS_CALLBACK_MODEL_SHORT;
    endpoint.max_message_size = 2 * LARGE;
    options.max_message_size = 2 * LARGE;
    options.call_timeout_ms = WWS_INFINITE;
    runtime.loop_threads = 1;
    world_begin(&jam->server, &runtime);
    world_add_host(&jam->server, NULL, &endpoint);
    world_begin(&jam->client, NULL);
    jam->client.proxy = world_proxy(&jam->client, &options,
        jam->server.url);
    jam->large = new_request(ACTION_ECHO, LARGE);
    for (int i = 0; i < 3; i++)
        jam->calls[i] = call_to(jam->client.proxy,
            i == 0 ? ACTION_WAIT : ACTION_ECHO);
    must(wws_message_get_body(jam->large, &jam->calls[1].body, no_error)
        == WWS_S_OK);
    jam->handle.id = 0;
    jam->calls[2].handle = &jam->handle;
    jam->calls[2].options.call_id = 7;
    jam->calls[2].options.timeout_ms = timeout_ms;
    hear(&jam->heard[0], CALLBACK, start_call, &jam->calls[0]);
    assert_true(gate_reaches(&jam->server.gate, &jam->server.gate.entered,
        1));
    hear(&jam->heard[1], CALLBACK, start_call, &jam->calls[1]);
    hear(&jam->heard[2], CALLBACK, start_call, &jam->calls[2]);
}

/* Those before and one after it; in a session each has been seen in turn. */
static void jam_goes_on(struct jam *jam, bool served)
{
    struct gate *gate = &jam->server.gate;

    gate_open(gate);
    for (int i = 0; i < 2; i++) {
        assert_status(heard_end(&jam->heard[i]), WWS_S_OK);
        wws_buffer_release(&jam->calls[i].reply);
    }
    assert_status(call_now(jam->client.proxy, ACTION_ECHO), WWS_S_OK);
    if (wire()->has_sessions)
        assert_int_equal(gate_read(gate, &gate->entered), served ? 4 : 3);
}

static void jam_end(struct jam *jam)
{
    assert_status(wws_message_free(jam->large), WWS_S_OK);
    /* What the server still has of its connections counts with it. */
    (void) world_end(&jam->client);
    assert_true(world_end(&jam->server));
}

/* G63, hazard 4: what was abandoned is sent in its turn. */
static void queued_call__can_be_stopped(void **state)
{
    static const wws_status statuses[] = { WWS_E_OPERATION_CANCELLED,
        WWS_E_OPERATION_ABANDONED, WWS_E_OPERATION_TIMED_OUT };

    (void) state;
    for (int way = 0; way < 3; way++) {
        bool times_out = statuses[way] == WWS_E_OPERATION_TIMED_OUT;
        struct jam *jam = malloc(sizeof *jam);
        wws_error_info info;

        must(jam != NULL);
        jam_begin(jam, times_out ? BRIEF_MS : 0);
        if (way == 0)
            assert_status(wws_call_cancel(jam->handle), WWS_S_OK);
        if (way == 1)
            assert_status(wws_service_proxy_abandon_call(jam->client.proxy,
                7, no_error), WWS_S_OK);

        assert_status(heard_wait(&jam->heard[2]), statuses[way]);
        info = heard_info(&jam->heard[2]);
        /* What is abandoned will be sent, and must not be taken for what was
         * not (G64). */
        if (wire()->has_sessions)
            assert_int_equal(info.progress, way == 1
                ? WWS_PROGRESS_PARTLY_SENT : WWS_PROGRESS_NOT_SENT);
        assert_status(heard_end(&jam->heard[2]), statuses[way]);
        assert_false(heard_yet(&jam->heard[0]));
        assert_false(heard_yet(&jam->heard[1]));
        jam_goes_on(jam, way == 1);
        jam_end(jam);
        free(jam);
    }
}

/* The answer, a cancel, an abandon and the deadline come at about the same
 * moment.  The one that wins is the only one heard of, and a
 * reply is there, once, exactly if it was the answer. */

struct finish {
    wws_call handle;
    uint32_t patience;
};

static void *cancel_soon(void *state)
{
    const struct finish *finish = state;

    for (uint32_t i = 0; i < finish->patience; i++)
        sched_yield();
    (void) wws_call_cancel(finish->handle);
    return NULL;
}

static void check_winner(wws_status status, struct call *call)
{
    if (status == WWS_S_OK) {
        assert_int_equal(call->reply.size, sizeof CALL_BODY - 1);
        wws_buffer_release(&call->reply);
        return;
    }
    if (status != WWS_E_OPERATION_CANCELLED
        && status != WWS_E_OPERATION_ABANDONED)
        assert_status(status, WWS_E_OPERATION_TIMED_OUT);
    assert_null(call->reply.data);
}

static wws_status finish_once(wws_service_proxy proxy, struct dice *dice)
{
    struct call call = call_to(proxy, ACTION_ECHO);
    struct finish finish = { .patience = roll(dice, 64) };
    struct heard heard;
    pthread_t thread;
    wws_status status;

    must(wws_call_create(&finish.handle, no_error) == WWS_S_OK);
    call.handle = &finish.handle;
    call.options.timeout_ms = roll(dice, 3);
    must(pthread_create(&thread, NULL, cancel_soon, &finish) == 0);
    hear(&heard, (enum manner) roll(dice, MANNERS), start_call, &call);
    if (roll(dice, 2) == 0) {
        dawdle(dice);
        assert_status(wws_service_proxy_abandon_call(proxy, 0, no_error),
            WWS_S_OK);
    }
    status = heard_end(&heard);
    pthread_join(thread, NULL);
    check_winner(status, &call);
    return status;
}

/* G8, G78, hazards 5, 6, 10, 17 */
static void call__is_finished_by_one_alone(void **state)
{
    uint64_t seed = setting("WWS_SEED", (uint64_t) now_ms());
    struct world *world = *state;
    struct dice dice = { seed * 0x9E3779B97F4A7C15u | 1 };
    unsigned answered = 0;

    print_message("WWS_SEED=%llu\n", (unsigned long long) seed);
    for (unsigned i = 0; i < storm() / 2; i++) {
        wws_status status = finish_once(world->proxy, &dice);

        answered += status == WWS_S_OK;
    }
    /* Neither always the one nor always the other. */
    assert_in_range(answered, 1, storm() / 2 - 1);
}

/* What belongs to a callback is unmapped as soon as its free_state
 * has been called, and what belongs to a call as soon as it has been heard of.
 * All that comes later does without: a late answer, further cancels, abort,
 * close, free, the end of the runtime. */

enum { PAGE = 65536 };

/* In a page; what it leads to is elsewhere. */
struct guest {
    _Atomic unsigned *freed;
    _Atomic unsigned times;
    struct house *house; /* of who serves */
    char body[1024];
    wws_buffer reply;
    wws_call handle;
    wws_call_options options;
};

static struct guest *new_guest(_Atomic unsigned *freed)
{
    struct guest *guest = page_new(PAGE);

    guest->freed = freed;
    return guest;
}

static void guest_completed(wws_status status, void *state)
{
    struct guest *guest = state;

    (void) status;
    atomic_fetch_add(&guest->times, 1);
}

static void guest_told(wws_cancel_reason reason, void *state)
{
    (void) reason;
    guest_completed(WWS_S_OK, state);
}

static wws_status guest_serves(wws_operation operation, void *state)
{
    struct guest *guest = state;

    atomic_fetch_add(&guest->times, 1);
    return wws_operation_set_reply(operation, (wws_bytes) { NULL, 0 },
        no_error);
}

static void guest_thread(void *state)
{
    guest_completed(WWS_S_OK, state);
}

static void guest_line(
    wws_log_level level,
    wws_phase phase,
    wws_string line,
    void *state)
{
    (void) level;
    (void) phase;
    (void) line;
    guest_completed(WWS_S_OK, state);
}

/* The last touch of the state: it says so, and is gone. */
static void guest_freed(void *state)
{
    struct guest *guest = state;
    _Atomic unsigned *freed = guest->freed;

    page_seal(guest, PAGE);
    atomic_fetch_add(freed, 1);
}

struct goal {
    _Atomic unsigned *counter;
    unsigned value;
};

static bool is_there(void *state)
{
    const struct goal *goal = state;

    return atomic_load(goal->counter) == goal->value;
}

static bool comes_to(_Atomic unsigned *counter, unsigned value)
{
    struct goal goal = { counter, value };

    return await(is_there, &goal);
}

static struct guest *call_as_guest(
    wws_service_proxy proxy,
    _Atomic unsigned *freed)
{
    struct guest *guest = new_guest(freed);
    wws_completion completion = WWS_COMPLETION_INIT;

    memcpy(guest->body, CALL_BODY, sizeof CALL_BODY);
    guest->options = (wws_call_options) WWS_CALL_OPTIONS_INIT;
    completion.completed = guest_completed;
    completion.free_state = guest_freed;
    completion.state = guest;
    assert_status(wws_service_proxy_call(proxy, text(ACTION_LATER),
        (wws_bytes) { guest->body, sizeof CALL_BODY - 1 }, &guest->options,
        &guest->handle, &guest->reply, &completion, no_error), WWS_S_ASYNC);
    return guest;
}

enum end { CANCELS, ABANDONS, ABORTS, FREES, ENDS };

static void end_call(enum end end, wws_service_proxy proxy, wws_call handle)
{
    if (end == CANCELS)
        assert_status(wws_call_cancel(handle), WWS_S_OK);
    if (end == ABANDONS)
        assert_status(wws_service_proxy_abandon_call(proxy, 0, no_error),
            WWS_S_OK);
    if (end == ABORTS)
        assert_status(wws_service_proxy_abort(proxy), WWS_S_OK);
    if (end == FREES)
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
}

/* G71, hazard 8: body, options, handle, reply and state are gone. */
static void callback__touches_nothing_after_free_state(void **state)
{
    struct world *world = *state;
    unsigned late = 0;

    for (unsigned end = 0; end < ENDS; end++) {
        wws_service_proxy proxy = world_proxy(world, NULL, world->url);
        _Atomic unsigned freed = 0;
        struct guest *guest = call_as_guest(proxy, &freed);
        wws_call handle = guest->handle;

        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            end + 1));
        end_call((enum end) end, proxy, handle);
        assert_true(comes_to(&freed, 1));
        /* The answer is on its way to nobody. */
        gate_release(&world->gate, 1);
        assert_true(gate_empties(&world->gate));

        assert_true(wws_call_cancel(handle) == WWS_E_HANDLE
            || end == ABANDONS);
        if (end == ABANDONS || (end == CANCELS && wire()->has_sessions))
            assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED,
                ++late));
        if (end != FREES)
            assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
        page_free(guest, PAGE);
    }
}

/* One of each table that a runtime can be given. */

enum { LOG, THREADS, SERVES, TOLD, TABLES };

struct house {
    _Atomic unsigned freed;
    struct guest *guests[TABLES];
    wws_runtime runtime;
    wws_service_host host;
    char url[128];
};

static wws_status register_and_stay(wws_operation operation, void *state)
{
    struct house *house = ((struct guest *) state)->house;
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.state = house->guests[TOLD];
    callbacks.cancelled = guest_told;
    callbacks.free_state = guest_freed;
    must(wws_operation_register_for_cancel(operation, &callbacks, no_error)
        == WWS_S_OK);
    return guest_serves(operation, state);
}

static void house_opens(struct house *house)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = endpoint_options();
    wws_buffer address;

    house->guests[SERVES]->house = house;
    operations.serve = register_and_stay;
    operations.state = house->guests[SERVES];
    operations.free_state = guest_freed;
    endpoint.operations = &operations;
    endpoint.address = text(wire()->any_port);
    must(wws_service_host_create(house->runtime, NULL, &house->host, no_error)
        == WWS_S_OK);
    must(wws_service_host_add_endpoint(house->host, &endpoint, no_error)
        == WWS_S_OK);
    must(wws_service_host_open(house->host, NULL, no_error) == WWS_S_OK);
    must(wws_service_host_get_address(house->host, 0, &address, no_error)
        == WWS_S_OK);
    memcpy(house->url, address.data, address.size);
    wws_buffer_release(&address);
}

static void house_begins(struct house *house)
{
    wws_thread_callbacks threads = WWS_THREAD_CALLBACKS_INIT;
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    wws_log_callbacks log = WWS_LOG_CALLBACKS_INIT;

    *house = (struct house) { .freed = 0 };
    for (int i = 0; i < TABLES; i++)
        house->guests[i] = new_guest(&house->freed);
    threads.started = guest_thread;
    threads.stopped = guest_thread;
    threads.state = house->guests[THREADS];
    threads.free_state = guest_freed;
    log.line = guest_line;
    log.state = house->guests[LOG];
    log.free_state = guest_freed;
    options.threads = &threads;
    assert_status(wws_runtime_create(&options, &house->runtime, no_error),
        WWS_S_OK);
    assert_status(wws_runtime_set_log(house->runtime, WWS_LOG_LEVEL_INFO,
        &log, no_error), WWS_S_OK);
    house_opens(house);
}

/* Hazard 8 */
static void runtime__is_done_with_all_states_when_it_ends(void **state)
{
    struct world *world = *state;
    struct house house;
    wws_service_proxy proxy;

    house_begins(&house);
    proxy = world_proxy(world, NULL, house.url);
    assert_status(call_now(proxy, ACTION_ECHO), WWS_S_OK);
    assert_status(wws_service_host_abort(house.host), WWS_S_OK);
    assert_status(wws_service_host_free(house.host), WWS_S_OK);
    assert_status(wws_runtime_close(house.runtime, HANG_MS, no_error),
        WWS_S_OK);
    /* These two go with the runtime itself. */
    assert_int_equal(atomic_load(&house.freed), TABLES - 2);
    assert_status(wws_runtime_free(house.runtime), WWS_S_OK);

    assert_true(comes_to(&house.freed, TABLES));
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
    for (int i = 0; i < TABLES; i++)
        page_free(house.guests[i], PAGE);
}

/* Calls without number to a peer that is dead, each cancelled.  The
 * peer takes no connection, or has one and never reads. */

enum { CROWD = 50 };

static uint64_t resident_pages(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long long all, resident;

    must(file != NULL);
    must(fscanf(file, "%llu %llu", &all, &resident) == 2);
    fclose(file);
    return resident;
}

static void cancel_a_crowd(wws_service_proxy proxy)
{
    struct call calls[CROWD];
    struct heard heard[CROWD];
    wws_call handles[CROWD] = { { 0 } };

    for (int i = 0; i < CROWD; i++) {
        calls[i] = call_to(proxy, ACTION_ECHO);
        calls[i].handle = &handles[i];
        hear(&heard[i], CALLBACK, start_call, &calls[i]);
    }
    for (int i = 0; i < CROWD; i++)
        (void) wws_call_cancel(handles[i]);
    for (int i = 0; i < CROWD; i++)
        assert_status(heard_end(&heard[i]), WWS_E_OPERATION_CANCELLED);
}

/* What is freed is kept for a while by those who look for mistakes. */
static bool memory_can_be_measured(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#else
    return getenv("VALGRIND_LIB") == NULL && getenv("LD_PRELOAD") == NULL;
#endif
}

static void start_dead(struct peer *peer)
{
    const struct peer_script deaf = { .deaf = true };

    if (wire()->has_sessions)
        peer_start(peer, &deaf);
    else
        peer_start_full(peer);
}

/* The loop may come behind: what it has still to free goes soon. */
static bool has_come_down(void *state)
{
    const struct leaks *before = state;
    struct leaks after;

    leaks_count(&after);
    return after.memory_blocks < before->memory_blocks + 40 * CROWD
        && after.handles < before->handles + 4 * CROWD
        && after.descriptors < before->descriptors + 2 * CROWD;
}

/* Hazard 19 */
static void cancelled_calls__leave_nothing_behind(void **state)
{
    enum { POOL_THREADS = 8, SPARE_PAGES = 1024 };
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    struct leaks before, after;
    struct world world;
    struct peer peer;
    uint64_t pages = 0;

    (void) state;
    options.max_pool_threads = POOL_THREADS;
    world_begin(&world, &options);
    start_dead(&peer);
    world.proxy = world_proxy(&world, NULL, peer.url);
    for (unsigned done = 0; done < storm() * 2; done += CROWD) {
        cancel_a_crowd(world.proxy);
        /* A quarter of them has made all room that is needed. */
        if (done == storm() / 2 / CROWD * CROWD) {
            leaks_count(&before);
            pages = resident_pages();
        }
    }

    assert_true(await(has_come_down, &before));
    leaks_count(&after);
    if (memory_can_be_measured())
        assert_true(resident_pages() < pages + SPARE_PAGES);
    assert_true(after.threads <= before.threads + POOL_THREADS);
    peer_stop(&peer);
    assert_true(world_end(&world));
}

/* A call is cancelled while its answer comes; the next one gets its
 * own, on the same connection or another. */

static struct call call_with(
    wws_service_proxy proxy,
    char body[64],
    unsigned number)
{
    struct call call = call_to(proxy, ACTION_ECHO);
    int size = snprintf(body, 64, "<t:x xmlns:t=\"urn:wws:test\">%u</t:x>",
        number);

    call.body = (wws_bytes) { body, (size_t) size };
    return call;
}

static void check_reply(struct call *call)
{
    assert_int_equal(call->reply.size, call->body.size);
    assert_memory_equal(call->reply.data, call->body.data, call->body.size);
    wws_buffer_release(&call->reply);
}

/* Hazard 31 */
static void late_reply__is_never_that_of_the_next_call(void **state)
{
    struct world *world = *state;
    struct dice dice = { 0x9E3779B97F4A7C15u };

    for (unsigned i = 0; i < storm() / 2; i++) {
        char bodies[2][64];
        struct call first = call_with(world->proxy, bodies[0], 2 * i);
        struct call next = call_with(world->proxy, bodies[1], 2 * i + 1);
        wws_call handle = { 0 };
        struct heard heard;

        first.handle = &handle;
        hear(&heard, CALLBACK, start_call, &first);
        for (uint32_t turns = roll(&dice, 64); turns > 0; turns--)
            sched_yield();
        (void) wws_call_cancel(handle);
        assert_status(start_call(&next, NULL, no_error), WWS_S_OK);

        check_reply(&next);
        if (heard_end(&heard) == WWS_S_OK)
            check_reply(&first);
    }
}

/* What can be cancelled looks on the wire like what cannot. */

struct ear_drum {
    int listening;
    char url[64];
    char *heard;
    size_t size;
    _Atomic bool taken; /* the request has come */
};

/* All of one request that arrives; the connection that it came by. */
static int take_from(struct ear_drum *drum)
{
    static const char ack = RECORD_ACK;
    int fd = accept(drum->listening, NULL, NULL);

    must(fd >= 0);
    if (wire()->has_sessions) {
        must(read_preamble(fd) && write_all(fd, &ack, 1));
        must(read_record(fd) == RECORD_MESSAGE);
        drum->heard = read_message(fd, &drum->size);
    } else {
        drum->heard = calloc(1, MESSAGE_ROOM);
        must(drum->heard != NULL);
        while (strstr(drum->heard, "Envelope>") == NULL
            && read_all(fd, drum->heard + drum->size, 1))
            drum->size++;
    }
    return fd;
}

static void *take_request(void *state)
{
    close(take_from(state));
    return NULL;
}

static void listen_at(struct ear_drum *drum)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    drum->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(drum->listening >= 0);
    must(bind(drum->listening, (struct sockaddr *) &address, size) == 0);
    must(listen(drum->listening, 4) == 0);
    must(getsockname(drum->listening, (struct sockaddr *) &address, &size)
        == 0);
    snprintf(drum->url, sizeof drum->url, "%s://127.0.0.1:%d/",
        wire()->scheme, ntohs(address.sin_port));
}

static void forget_identity(struct ear_drum *drum)
{
    char *at = strstr(drum->heard, "urn:uuid:");

    must(at != NULL);
    for (at += 9; isxdigit((unsigned char) *at) || *at == '-'; at++)
        *at = '0';
}

/* One request, with all that can stop it or with nothing. */
static void ask(struct world *world, struct ear_drum *drum, bool stoppable)
{
    wws_service_proxy proxy;
    struct call call;
    struct heard heard;
    wws_call handle = { 0 };
    pthread_t thread;

    must(pthread_create(&thread, NULL, take_request, drum) == 0);
    proxy = world_proxy(world, NULL, drum->url);
    call = call_to(proxy, ACTION_ECHO);
    if (stoppable) {
        call.handle = &handle;
        call.options.call_id = 77;
        call.options.timeout_ms = 12345;
    }
    hear(&heard, stoppable ? CALLBACK : SYNC, start_call, &call);
    pthread_join(thread, NULL);
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
    assert_true(heard_end(&heard) < 0);
    forget_identity(drum);
}

/* Hazard 32 */
static void request__does_not_show_that_it_can_be_cancelled(void **state)
{
    struct ear_drum with = { .size = 0 }, without;

    listen_at(&with);
    without = with;
    ask(*state, &with, true);
    ask(*state, &without, false);

    assert_int_equal(with.size, without.size);
    assert_memory_equal(with.heard, without.heard, with.size);
    free(with.heard);
    free(without.heard);
    close(with.listening);
}

/* A reply that comes an octet at a time and would do so for ever: the time of
 * a call is for all of it, and a cancel does not wait for the next octet. */

/* Whether the client has gone; it is given this long for it. */
static bool is_left(int fd, int pause_ms)
{
    struct pollfd polled = { .fd = fd, .events = POLLRDHUP };

    return poll(&polled, 1, pause_ms) == 1;
}

static void *answer_drop_by_drop(void *state)
{
    static const char size_of_much[] = { RECORD_MESSAGE, (char) 0x80, 0x40 };
    const char *reply = wire()->has_sessions ? size_of_much : peer_reply;
    struct ear_drum *drum = state;
    size_t whole = wire()->has_sessions ? sizeof size_of_much
        : strlen(peer_reply);
    int fd = take_from(drum);

    atomic_store(&drum->taken, true);
    for (size_t i = 0; !is_left(fd, DROP_MS); i++)
        (void) write_all(fd, i < whole ? &reply[i] : " ", 1);
    close(fd);
    return NULL;
}

static bool is_taken(void *state)
{
    struct ear_drum *drum = state;

    return atomic_load(&drum->taken);
}

/* G81, hazard 16 */
static void call__that_drips_in_ends_in_time(void **state)
{
    for (int way = 0; way < 2; way++) {
        struct ear_drum drum = { .size = 0 };
        wws_service_proxy proxy;
        struct call call;
        struct heard heard;
        wws_call handle = { 0 };
        pthread_t thread;

        listen_at(&drum);
        must(pthread_create(&thread, NULL, answer_drop_by_drop, &drum) == 0);
        proxy = world_proxy(*state, NULL, drum.url);
        call = call_to(proxy, ACTION_ECHO);
        call.handle = &handle;
        call.options.timeout_ms = way == 0 ? 1000 : 0;
        hear(&heard, CALLBACK, start_call, &call);
        if (way == 1) {
            assert_true(await(is_taken, &drum));
            assert_status(wws_call_cancel(handle), WWS_S_OK);
        }

        assert_status(heard_end(&heard), way == 0
            ? WWS_E_OPERATION_TIMED_OUT : WWS_E_OPERATION_CANCELLED);
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
        pthread_join(thread, NULL);
        free(drum.heard);
        close(drum.listening);
    }
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(cancel__never_hits_the_next_call),
        cmocka_unit_test(queued_call__can_be_stopped),
        in_world(call__is_finished_by_one_alone),
        in_world(callback__touches_nothing_after_free_state),
        in_world(runtime__is_done_with_all_states_when_it_ends),
        cmocka_unit_test(cancelled_calls__leave_nothing_behind),
        in_world(late_reply__is_never_that_of_the_next_call),
        in_world(request__does_not_show_that_it_can_be_cancelled),
        in_world(call__that_drips_in_ends_in_time),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
