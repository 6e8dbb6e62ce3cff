/* One run from end to end: a runtime with neighbours that nothing may happen
 * to, a scenario beside them, and what must be as before when all is gone. */
#include "tests/explorer/scene.h"

#include "core/base/clock.h"
#include "tests/support/public/world.h"

enum { CLOSES_MS = 3600000 };

static const wws_error no_error;

/* Means of asking, made while there still is memory. */

static void prepare_asks(struct scene *scene)
{
    for (unsigned i = 0; i < ASKS; i++) {
        must(wws_error_create(&scene->asks[i].error) == WWS_S_OK);
        if (scene->run->manner == QUEUE)
            must(wws_queue_create(scene->runtime, &scene->asks[i].queue,
                no_error) == WWS_S_OK);
    }
}

static void free_asks(struct scene *scene)
{
    for (unsigned i = 0; i < ASKS; i++) {
        must(wws_error_free(scene->asks[i].error) == WWS_S_OK);
        must(wws_queue_free(scene->asks[i].queue) == WWS_S_OK);
    }
}

static void set_stage(
    struct scene *scene,
    const struct run *run,
    const char *place,
    wws_runtime runtime)
{
    memset(scene, 0, sizeof *scene);
    scene->run = run;
    scene->place = place;
    scene->runtime = runtime;
    prepare_asks(scene);
}

/* The end of a scene: everything is aborted, and every caller hears. */

static void abort_all(struct scene *scene)
{
    atomic_store(&scene->ending, true);
    (void) wws_service_proxy_abort(proxy_of(scene));
    (void) wws_channel_abort(client_of(scene));
    (void) wws_channel_abort(server_of(scene));
    (void) wws_listener_abort(listener_of(scene));
    (void) wws_service_host_abort(host_of(scene));
}

/* Operations may come until the host is gone. */
static bool all_have_ended(void *state)
{
    struct scene *scene = state;

    release_visitors(scene);
    for (unsigned i = 0; i < scene->asked; i++)
        if (!scene->asks[i].over && !ask_has_ended(&scene->asks[i]))
            return false;
    return atomic_load(&scene->closing) == atomic_load(&scene->closed);
}

static void hear_all(struct scene *scene)
{
    wait_for(all_have_ended, scene, "what was pending");
    for (unsigned i = 0; i < scene->asked; i++)
        if (!scene->asks[i].over)
            (void) end(scene, &scene->asks[i], WWS_S_OK);
    for (unsigned i = 0; i < ORDERS; i++)
        wws_buffer_release(&scene->orders[i].reply);
}

static void free_all(struct scene *scene)
{
    (void) wws_service_proxy_free(proxy_of(scene));
    (void) wws_channel_free(client_of(scene));
    (void) wws_channel_free(server_of(scene));
    (void) wws_listener_free(listener_of(scene));
    (void) wws_service_host_free(host_of(scene));
    (void) wws_queue_free(scene->queue);
    (void) wws_call_free((wws_call) { atomic_load(&scene->call) });
    for (unsigned i = 0; i < scene->made; i++)
        (void) wws_message_free(scene->messages[i]);
}

static void check_visits(const struct scene *scene)
{
    unsigned welcomed = atomic_load(&scene->welcomed);
    unsigned parted = atomic_load(&scene->parted);

    if (welcomed != parted)
        found("%u channels came and %u went", welcomed, parted);
    for (unsigned i = 0; i < VISITS; i++) {
        const struct visit *visit = &scene->visits[i];
        unsigned told = atomic_load(&visit->told);
        unsigned freed = atomic_load(&visit->freed);

        if (told > 1 || freed != visit->registered)
            found("an operation was told %u times and freed %u times", told,
                freed);
    }
}

static void check_orders(const struct scene *scene)
{
    for (unsigned i = 0; i < ORDERS; i++) {
        const struct order *order = &scene->orders[i];

        if (atomic_load(&order->forgotten) > order->is_shown
            || atomic_load(&order->shown[0]) > 1
            || atomic_load(&order->shown[1]) > 1)
            found("a call was shown too often, or freed twice");
    }
}

/* Neighbours: a call is pending all the time, and another follows. */

static struct order *meet(struct scene *beside, struct ask **ask)
{
    struct order *order = &beside->orders[0];

    order->action = ACTION_LATER;
    order->timeout_ms = WWS_INFINITE;
    must(open_host(beside) && open_proxy(beside));
    *ask = begin_call(beside, order);
    must(await_visitors(beside, 1));
    /* Sessions of an application's transport ask for more behind that. */
    if (own_transport() != NULL)
        wait_until_still();
    return order;
}

static void part(struct scene *beside, struct order *order, struct ask *ask)
{
    release_visitors(beside);
    (void) end_call(beside, order, ask, WWS_S_OK);
    order->action = ACTION_ECHO;
    (void) end_call(beside, order, begin_call(beside, order), WWS_S_OK);
    (void) close_proxy(beside);
    (void) close_host(beside);
    free_all(beside);
}

/* The runtime. */

static wws_status start_close_runtime(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct scene *scene = state;

    (void) completion;
    return wws_runtime_close(scene->runtime, CLOSES_MS, error);
}

bool close_runtime(struct scene *scene)
{
    struct ask *ask = &scene->asks[scene->asked++];

    ask->what = "close runtime";
    ask->side = SERVER;
    ask->start = start_close_runtime;
    ask->state = scene;
    ask_begin(ask, SYNC);
    atomic_store(&scene->without_threads, true);
    return end(scene, ask, WWS_S_OK);
}

static void expect_none(wws_runtime runtime, wws_counter which, const char *of)
{
    uint64_t value = 1;

    (void) wws_runtime_get_counter(runtime, which, &value, no_error);
    if (value != 0)
        found("%llu %s are left", (unsigned long long) value, of);
}

static void end_runtime(struct scene *scene)
{
    if (!close_runtime(scene))
        found("the runtime does not close");
    expect_none(scene->runtime, WWS_COUNTER_SOCKETS, "sockets");
    expect_none(scene->runtime, WWS_COUNTER_THREADS, "threads");
    must(wws_runtime_free(scene->runtime) == WWS_S_OK);
}

static void join_in(void *state)
{
    (void) state;
    steer_join();
}

static wws_runtime make_runtime(void)
{
    wws_thread_callbacks threads = WWS_THREAD_CALLBACKS_INIT;
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    wws_runtime runtime;

    threads.started = join_in;
    options.threads = &threads;
    options.loop_threads = 1;
    options.max_pool_threads = 4;
    must(wws_runtime_create(&options, &runtime, no_error) == WWS_S_OK);
    return runtime;
}

void scene_play(const struct run *run, uint64_t (*census)[PASSES])
{
    static const struct run undisturbed = { .manner = CALLBACK };
    static struct scene scene, beside;
    const struct scenario *scenario = &scenarios[run->scenario];
    struct order *order = NULL;
    struct leaks before;
    wws_runtime runtime;
    struct ask *ask = NULL;

    leaks_count(&before);
    runtime = make_runtime();
    set_stage(&beside, &undisturbed, "loop://beside/", runtime);
    set_stage(&scene, run, "loop://here/", runtime);
    beside.strict = true;
    if (!scenario->alone)
        order = meet(&beside, &ask);
    steer_arm(&scene, run->injections, census);
    scenario->play(&scene);
    steer_disarm();
    if (!scenario->alone)
        judge_states(&scene);
    abort_all(&scene);
    hear_all(&scene);
    free_all(&scene);
    if (!scenario->alone)
        part(&beside, order, ask);
    end_runtime(&scene);
    wait_with(NULL, NULL);
    check_visits(&scene);
    check_orders(&scene);
    free_asks(&scene);
    free_asks(&beside);
    if (!leaks_same(&before))
        found("something is left");
}

void scene_begin(void)
{
    world_warm_up_for(ASKS);
    wwi_clock_hold();
    still_begin();
    own_begin();
    names_begin();
    steer_begin();
}
