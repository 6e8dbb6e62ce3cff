/* A runtime with a host behind a gate, and a proxy that calls it. */
#include "tests/support/public/world.h"

#include <dirent.h>

enum { END_MS = 20000 };

static const wws_error no_error;

wws_string text(const char *literal)
{
    return (wws_string) { literal, strlen(literal) };
}

/* For counters of the whole process; it outlives all worlds. */
static wws_runtime meter;

static uint64_t entries_of(const char *folder)
{
    DIR *directory = opendir(folder);
    uint64_t count = 0;

    must(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

void leaks_count(struct leaks *leaks)
{
    must(wws_runtime_get_counter(meter, WWS_COUNTER_MEMORY_BLOCKS,
        &leaks->memory_blocks, no_error) == WWS_S_OK);
    must(wws_runtime_get_counter(meter, WWS_COUNTER_HANDLES, &leaks->handles,
        no_error) == WWS_S_OK);
    leaks->descriptors = entries_of("/proc/self/fd");
    leaks->threads = entries_of("/proc/self/task");
}

static bool same(const char *what, uint64_t before, uint64_t after)
{
    if (before != after)
        fprintf(stderr, "%s: %llu before, %llu after\n", what,
            (unsigned long long) before, (unsigned long long) after);
    return before == after;
}

/* A thread that has ended is still there for a moment. */
static bool threads_ended(void *state)
{
    const struct leaks *before = state;

    return entries_of("/proc/self/task") <= before->threads;
}

bool leaks_same(const struct leaks *before)
{
    struct leaks allowed = *before;
    struct leaks after;
    bool all = await(threads_ended, &allowed);

    leaks_count(&after);
    if (!all)
        fprintf(stderr, "threads: %llu before, %llu after\n",
            (unsigned long long) before->threads,
            (unsigned long long) after.threads);
    all = same("memory blocks", before->memory_blocks, after.memory_blocks)
        && all;
    all = same("handles", before->handles, after.handles) && all;
    return same("descriptors", before->descriptors, after.descriptors) && all;
}

wws_listener new_listener(wws_runtime runtime)
{
    wws_listener_options options = listener_options();
    wws_listener listener;

    must(wws_listener_create(runtime, &options, &listener, no_error)
        == WWS_S_OK);
    return listener;
}

wws_service_proxy new_proxy(wws_runtime runtime)
{
    wws_service_proxy_options options = proxy_options();
    wws_service_proxy proxy;

    must(wws_service_proxy_create(runtime, &options, &proxy, no_error)
        == WWS_S_OK);
    return proxy;
}

struct wish {
    wws_service_proxy proxy;
    wws_service_proxy_state state;
};

static bool is_so(void *state)
{
    const struct wish *wish = state;
    wws_service_proxy_state found;

    must(wws_service_proxy_get_state(wish->proxy, &found, no_error)
        == WWS_S_OK);
    return found == wish->state;
}

bool proxy_becomes(wws_service_proxy proxy, wws_service_proxy_state state)
{
    struct wish wish = { proxy, state };

    return await(is_so, &wish);
}

/* Threads that wait at once each need a descriptor to be woken by. */

struct sleeper {
    wws_listener listener;
    wws_channel channel;
    struct heard heard;
};

static wws_status wait_to_accept(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct sleeper *sleeper = state;

    return wws_listener_accept(sleeper->listener, sleeper->channel, completion,
        error);
}

static bool accepts(void *state)
{
    const struct sleeper *sleeper = state;
    wws_channel_state channel;

    must(wws_channel_get_state(sleeper->channel, &channel, no_error)
        == WWS_S_OK);
    return channel == WWS_CHANNEL_STATE_ACCEPTING;
}

static void expect_sleepers(unsigned count)
{
    struct sleeper *sleepers = calloc(count, sizeof *sleepers);
    wws_runtime runtime;
    wws_listener listener;

    must(sleepers != NULL);
    must(wws_runtime_create(NULL, &runtime, no_error) == WWS_S_OK);
    listener = new_listener(runtime);
    must(wws_listener_open(listener, text(wire()->any_port), NULL, no_error)
        == WWS_S_OK);
    for (unsigned i = 0; i < count; i++) {
        sleepers[i].listener = listener;
        must(wws_channel_create_for_listener(listener, NULL,
            &sleepers[i].channel, no_error) == WWS_S_OK);
        hear(&sleepers[i].heard, SYNC, wait_to_accept, &sleepers[i]);
    }
    for (unsigned i = 0; i < count; i++)
        must(await(accepts, &sleepers[i]));
    must(wws_listener_abort(listener) == WWS_S_OK);
    for (unsigned i = 0; i < count; i++) {
        must(heard_end(&sleepers[i].heard) == WWS_E_OPERATION_ABORTED);
        must(wws_channel_free(sleepers[i].channel) == WWS_S_OK);
    }
    must(wws_listener_free(listener) == WWS_S_OK);
    must(wws_runtime_close(runtime, END_MS, no_error) == WWS_S_OK);
    must(wws_runtime_free(runtime) == WWS_S_OK);
    free(sleepers);
}

void world_warm_up_for(unsigned sleepers)
{
    must(wws_runtime_create(NULL, &meter, no_error) == WWS_S_OK);
    expect_sleepers(sleepers);
}

int world_warm_up(void **state)
{
    (void) state;
    world_warm_up_for(24);
    return 0;
}

int world_cool_down(void **state)
{
    (void) state;
    must(wws_runtime_close(meter, END_MS, no_error) == WWS_S_OK);
    must(wws_runtime_free(meter) == WWS_S_OK);
    return 0;
}

void world_begin(struct world *world, const wws_runtime_options *options)
{
    *world = (struct world) { .host = { 0 } };
    leaks_count(&world->before);
    must(wws_runtime_create(options, &world->runtime, no_error) == WWS_S_OK);
    gate_init(&world->gate);
}

void world_add_host(
    struct world *world,
    const wws_service_host_options *options,
    const wws_endpoint_options *endpoint)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options ours = endpoint_options();
    wws_buffer address;

    operations.serve = gate_serve;
    operations.state = &world->gate;
    if (endpoint != NULL)
        ours = *endpoint;
    if (ours.operations == NULL)
        ours.operations = &operations;
    if (ours.address.size == 0)
        ours.address = text(wire()->any_port);
    must(wws_service_host_create(world->runtime, options, &world->host,
        no_error) == WWS_S_OK);
    must(wws_service_host_add_endpoint(world->host, &ours, no_error)
        == WWS_S_OK);
    must(wws_service_host_open(world->host, NULL, no_error) == WWS_S_OK);
    must(wws_service_host_get_address(world->host, 0, &address, no_error)
        == WWS_S_OK);
    must(address.size < sizeof world->url);
    memcpy(world->url, address.data, address.size);
    wws_buffer_release(&address);
}

wws_service_proxy world_proxy(
    struct world *world,
    const wws_service_proxy_options *options,
    const char *url)
{
    const wws_service_proxy_options defaults = proxy_options();
    wws_service_proxy proxy;

    must(wws_service_proxy_create(world->runtime,
        options != NULL ? options : &defaults, &proxy, no_error) == WWS_S_OK);
    must(wws_service_proxy_open(proxy, text(url), NULL, no_error) == WWS_S_OK);
    return proxy;
}

bool world_end(struct world *world)
{
    gate_open(&world->gate);
    must(wws_service_proxy_free(world->proxy) == WWS_S_OK);
    if (world->host.id != 0) {
        (void) wws_service_host_close(world->host, NULL, no_error);
        must(wws_service_host_free(world->host) == WWS_S_OK);
    }
    must(wws_runtime_close(world->runtime, END_MS, no_error) == WWS_S_OK);
    must(counter(world, WWS_COUNTER_SOCKETS) == 0);
    must(counter(world, WWS_COUNTER_THREADS) == 0);
    must(wws_runtime_free(world->runtime) == WWS_S_OK);
    must(world->gate.mistakes == 0);
    must(world->gate.freed == world->gate.registered);
    must(world->gate.inside == 0);
    gate_fini(&world->gate);
    return leaks_same(&world->before);
}

int world_set_up(void **state)
{
    struct world *world = malloc(sizeof *world);

    must(world != NULL);
    world_begin(world, NULL);
    world_add_host(world, NULL, NULL);
    world->proxy = world_proxy(world, NULL, world->url);
    *state = world;
    return 0;
}

int world_tear_down(void **state)
{
    bool clean = world_end(*state);

    free(*state);
    return clean ? 0 : -1;
}

uint64_t counter(struct world *world, wws_counter which)
{
    uint64_t value;

    must(wws_runtime_get_counter(world->runtime, which, &value, no_error)
        == WWS_S_OK);
    return value;
}

struct goal {
    struct world *world;
    wws_counter which;
    uint64_t value;
};

static bool is_reached(void *state)
{
    const struct goal *goal = state;

    return counter(goal->world, goal->which) == goal->value;
}

bool counter_reaches(struct world *world, wws_counter which, uint64_t value)
{
    struct goal goal = { world, which, value };

    return await(is_reached, &goal);
}

struct call call_to(wws_service_proxy proxy, const char *action)
{
    return (struct call) {
        .proxy = proxy,
        .action = action,
        .body = { CALL_BODY, sizeof CALL_BODY - 1 },
        .options = WWS_CALL_OPTIONS_INIT,
    };
}

wws_status start_call(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct call *call = state;

    return wws_service_proxy_call(call->proxy, text(call->action), call->body,
        &call->options, call->handle, &call->reply, completion, error);
}

wws_status call_now(wws_service_proxy proxy, const char *action)
{
    struct call call = call_to(proxy, action);
    wws_status status = start_call(&call, NULL, no_error);

    wws_buffer_release(&call.reply);
    return status;
}

/* A callback that needs nothing of the world but its runtime: that of an accept
 * which is aborted. */

struct errand {
    void (*run)(void *state);
    void *state;
};

static void run_inside(struct heard *heard)
{
    struct errand *errand = heard->inside_state;

    errand->run(errand->state);
}

static void in_callback(struct world *world, struct errand *errand)
{
    struct sleeper sleeper = { .listener = new_listener(world->runtime) };

    must(wws_listener_open(sleeper.listener, text(wire()->any_port), NULL,
        no_error) == WWS_S_OK);
    must(wws_channel_create_for_listener(sleeper.listener, NULL,
        &sleeper.channel, no_error) == WWS_S_OK);
    hear_inside(&sleeper.heard, wait_to_accept, &sleeper, run_inside,
        errand);
    must(wws_listener_abort(sleeper.listener) == WWS_S_OK);
    must(heard_end(&sleeper.heard) == WWS_E_OPERATION_ABORTED);
    must(wws_channel_free(sleeper.channel) == WWS_S_OK);
    must(wws_listener_free(sleeper.listener) == WWS_S_OK);
}

void call_at(
    struct world *world,
    enum place place,
    void (*run)(void *state),
    void *state)
{
    struct errand errand = { run, state };

    switch (place) {
    case SAME_THREAD:
        run(state);
        break;
    case OTHER_THREAD:
        on_other_thread(run, state);
        break;
    case IN_CALLBACK:
    case PLACES:
        in_callback(world, &errand);
        break;
    }
}
