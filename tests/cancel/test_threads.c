/* Many calls, few threads: what is pending costs a connection, never a
 * thread, whether operations keep theirs or give it back. */
#include <sys/resource.h>

#include "tests/support/public/world.h"

enum {
    CALLS = 10000,
    SERVICES = 10,    /* for an endpoint has a thousand connections */
    BATCH = 250,      /* that a listener may find in its backlog */
    LOOP_THREADS = 2,
    POOL_THREADS = 8,
    /* The pool has one more, in reserve. */
    MOST_THREADS = LOOP_THREADS + POOL_THREADS + 1,
    SPARE_FILES = 200,
};

static const wws_error no_error;

/* Of a crowd of calls, under the lock. */
struct crowd {
    struct world world;
    wws_service_proxy proxies[SERVICES];
    unsigned before; /* threads of the process */
    unsigned calls;
    wws_buffer *replies;

    pthread_mutex_t lock;
    unsigned heard;
    unsigned answered;
    unsigned freed;
};

static unsigned threads_now(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    unsigned threads = 0;
    char line[256];

    must(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        (void) sscanf(line, "Threads: %u", &threads);
    fclose(file);
    must(threads != 0);
    return threads;
}

/* As many calls as this process may have connections for, at both ends. */
static unsigned calls_possible(unsigned wanted)
{
    rlim_t files = 2 * (rlim_t) wanted + SPARE_FILES;
    struct rlimit limit;

    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur >= files)
        return wanted;
    limit.rlim_cur = files;
    if (limit.rlim_max < files)
        limit.rlim_max = files;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return wanted;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    must(limit.rlim_max > SPARE_FILES);
    wanted = (unsigned) (limit.rlim_max - SPARE_FILES) / 2;
    print_message("only %u calls: no more descriptors\n", wanted);
    return wanted;
}

static void completed(wws_status status, void *state)
{
    struct crowd *crowd = state;

    must(status == WWS_S_OK || status == WWS_E_OPERATION_ABORTED);
    pthread_mutex_lock(&crowd->lock);
    crowd->heard++;
    crowd->answered += status == WWS_S_OK;
    pthread_mutex_unlock(&crowd->lock);
}

static void free_state(void *state)
{
    struct crowd *crowd = state;

    pthread_mutex_lock(&crowd->lock);
    crowd->freed++;
    pthread_mutex_unlock(&crowd->lock);
}

static void start_one(struct crowd *crowd, const char *action, unsigned index)
{
    struct call call = call_to(crowd->proxies[index % SERVICES], action);
    wws_completion completion = WWS_COMPLETION_INIT;

    completion.completed = completed;
    completion.free_state = free_state;
    completion.state = crowd;
    assert_status(wws_service_proxy_call(call.proxy, text(action), call.body,
        &call.options, NULL, &crowd->replies[index], &completion, no_error),
        WWS_S_ASYNC);
}

/* Returns when each call has a connection that the host knows. */
static void start_all(struct crowd *crowd, const char *action)
{
    uint64_t others = counter(&crowd->world, WWS_COUNTER_SOCKETS);

    for (unsigned i = 1; i <= crowd->calls; i++) {
        start_one(crowd, action, i - 1);
        if (i % BATCH == 0 || i == crowd->calls)
            assert_true(counter_reaches(&crowd->world, WWS_COUNTER_SOCKETS,
                others + 2 * i));
    }
}

static bool all_freed(void *state)
{
    struct crowd *crowd = state;
    bool all;

    pthread_mutex_lock(&crowd->lock);
    all = crowd->freed == crowd->calls;
    pthread_mutex_unlock(&crowd->lock);
    return all;
}

static void add_services(struct crowd *crowd, uint32_t calls)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    struct world *world = &crowd->world;

    operations.serve = gate_serve;
    operations.state = &world->gate;
    endpoint.operations = &operations;
    endpoint.address = WWS_STR("http://127.0.0.1:0/test");
    endpoint.max_channels = calls;
    must(wws_service_host_create(world->runtime, NULL, &world->host, no_error)
        == WWS_S_OK);
    for (int i = 0; i < SERVICES; i++)
        must(wws_service_host_add_endpoint(world->host, &endpoint, no_error)
            == WWS_S_OK);
    must(wws_service_host_open(world->host, NULL, no_error) == WWS_S_OK);
}

static void add_proxies(struct crowd *crowd, uint32_t calls)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;
    struct world *world = &crowd->world;

    options.max_pending_calls = calls;
    options.call_timeout_ms = WWS_INFINITE;
    for (uint32_t i = 0; i < SERVICES; i++) {
        wws_buffer address;
        char url[128];

        must(wws_service_host_get_address(world->host, i, &address, no_error)
            == WWS_S_OK);
        snprintf(url, sizeof url, "%.*s", (int) address.size,
            (const char *) address.data);
        wws_buffer_release(&address);
        crowd->proxies[i] = world_proxy(world, &options, url);
    }
}

static int set_up(void **state)
{
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    struct crowd *crowd = calloc(1, sizeof *crowd);

    must(crowd != NULL);
    crowd->calls = calls_possible((unsigned) setting("WWS_CROWD", CALLS));
    crowd->replies = calloc(crowd->calls, sizeof *crowd->replies);
    must(crowd->replies != NULL);
    pthread_mutex_init(&crowd->lock, NULL);
    crowd->before = threads_now();
    options.loop_threads = LOOP_THREADS;
    options.max_pool_threads = POOL_THREADS;
    world_begin(&crowd->world, &options);
    add_services(crowd, crowd->calls / SERVICES + 1);
    add_proxies(crowd, crowd->calls / SERVICES + 1);
    *state = crowd;
    return 0;
}

static int tear_down(void **state)
{
    struct crowd *crowd = *state;
    bool clean;

    for (int i = 0; i < SERVICES; i++)
        must(wws_service_proxy_free(crowd->proxies[i]) == WWS_S_OK);
    for (unsigned i = 0; i < crowd->calls; i++)
        wws_buffer_release(&crowd->replies[i]);
    clean = world_end(&crowd->world);
    pthread_mutex_destroy(&crowd->lock);
    free(crowd->replies);
    free(crowd);
    return clean ? 0 : -1;
}

static void assert_few_threads(const struct crowd *crowd)
{
    unsigned now = threads_now();

    if (now > crowd->before + MOST_THREADS)
        fail_msg("%u threads before, %u with %u calls", crowd->before, now,
            crowd->calls);
}

static void calls__need_no_threads_while_operations_have_given_theirs_back(
    void **state)
{
    struct crowd *crowd = *state;
    struct gate *gate = &crowd->world.gate;

    start_all(crowd, ACTION_LATER);
    assert_true(gate_reaches(gate, &gate->entered, crowd->calls));
    assert_few_threads(crowd);
    assert_int_equal(crowd->heard, 0);

    gate_open(gate);

    assert_true(await(all_freed, crowd));
    assert_few_threads(crowd);
    assert_int_equal(crowd->answered, crowd->calls);
}

/* A60 */
static void calls__need_no_threads_while_operations_keep_theirs(void **state)
{
    struct crowd *crowd = *state;
    struct gate *gate = &crowd->world.gate;

    start_all(crowd, ACTION_WAIT);
    assert_true(gate_reaches(gate, &gate->entered, POOL_THREADS));
    assert_few_threads(crowd);
    assert_int_equal(crowd->heard, 0);

    gate_open(gate);

    assert_true(await(all_freed, crowd));
    assert_few_threads(crowd);
    assert_int_equal(crowd->answered, crowd->calls);
}

/* G7, G43: each is heard of once, aborted. */
static void abort__of_all_calls_needs_no_threads(void **state)
{
    struct crowd *crowd = *state;
    struct gate *gate = &crowd->world.gate;

    start_all(crowd, ACTION_LATER);
    assert_true(gate_reaches(gate, &gate->entered, crowd->calls));

    for (int i = 0; i < SERVICES; i++)
        assert_status(wws_service_proxy_abort(crowd->proxies[i]), WWS_S_OK);

    assert_true(await(all_freed, crowd));
    assert_few_threads(crowd);
    assert_int_equal(crowd->heard, crowd->calls);
    assert_int_equal(crowd->answered, 0);
}

#define in_a_crowd(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_a_crowd(
            calls__need_no_threads_while_operations_have_given_theirs_back),
        in_a_crowd(calls__need_no_threads_while_operations_keep_theirs),
        in_a_crowd(abort__of_all_calls_needs_no_threads),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
