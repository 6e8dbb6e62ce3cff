/* Spots to call a function from. */
#include "tests/support/public/stage.h"

#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

static const wws_error no_error;

/* A host whose operations run on the pool, and one on the loop. */
struct platform {
    wws_service_host host;
    char url[128];
};

struct stage {
    wws_runtime runtime;
    struct platform platforms[2];

    pthread_mutex_t lock;
    enum spot spot;
    void (*run)(void *state);
    void *state;
    wws_operation operation; /* that waits to be cancelled */
    bool ready;
    bool done;
    bool freed; /* the state of a completion */
};

const char *spot_name(enum spot spot)
{
    static const char *const names[] = { "this thread", "other thread",
        "completed", "free_state of a completion", "long serve",
        "short serve", "cancelled", "free_state of a registration" };

    return names[spot];
}

static enum spot spot_of(struct stage *stage)
{
    enum spot spot;

    pthread_mutex_lock(&stage->lock);
    spot = stage->spot;
    pthread_mutex_unlock(&stage->lock);
    return spot;
}

static void set(struct stage *stage, bool *flag)
{
    pthread_mutex_lock(&stage->lock);
    *flag = true;
    pthread_mutex_unlock(&stage->lock);
}

static bool is_done(void *state)
{
    struct stage *stage = state;
    bool done;

    pthread_mutex_lock(&stage->lock);
    done = stage->done;
    pthread_mutex_unlock(&stage->lock);
    return done;
}

static bool is_freed(void *state)
{
    struct stage *stage = state;
    bool freed;

    pthread_mutex_lock(&stage->lock);
    freed = stage->freed;
    pthread_mutex_unlock(&stage->lock);
    return freed;
}

static bool is_ready(void *state)
{
    struct stage *stage = state;
    bool ready;

    pthread_mutex_lock(&stage->lock);
    ready = stage->ready;
    pthread_mutex_unlock(&stage->lock);
    return ready;
}

static void perform(void *state)
{
    struct stage *stage = state;

    stage->run(stage->state);
    set(stage, &stage->done);
}

static void ignore(void *state)
{
    (void) state;
}

/* Operations. */

static void cancelled(wws_cancel_reason reason, void *state)
{
    struct stage *stage = state;
    wws_operation operation = stage->operation;

    (void) reason;
    perform(stage);
    must(wws_operation_complete(operation, WWS_S_OK, no_error) == WWS_S_OK);
}

static void never_cancelled(wws_cancel_reason reason, void *state)
{
    (void) reason;
    (void) state;
}

static void register_with(
    struct stage *stage,
    wws_operation operation,
    void (*told)(wws_cancel_reason reason, void *state),
    void (*freed)(void *state))
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.cancelled = told;
    callbacks.free_state = freed;
    callbacks.state = stage;
    must(wws_operation_register_for_cancel(operation, &callbacks, no_error)
        == WWS_S_OK);
}

static wws_status serve(wws_operation operation, void *state)
{
    struct stage *stage = state;
    enum spot spot = spot_of(stage);

    if (spot == IN_CANCELLED) {
        stage->operation = operation;
        register_with(stage, operation, cancelled, ignore);
        set(stage, &stage->ready);
        return WWS_S_ASYNC;
    }
    if (spot == IN_REGISTERED_FREED)
        register_with(stage, operation, never_cancelled, perform);
    else
        perform(stage);
    return WWS_S_OK;
}

static void request(struct stage *stage, struct platform *platform)
{
    int client = peer_connect(platform->url);

    peer_request(client, ACTION_ECHO, 0);
    if (stage->spot == IN_CANCELLED)
        must(await(is_ready, stage));
    else
        must(await(is_done, stage));
    peer_reset(client);
}

/* Completions: of an accept that is aborted. */

static void completed(wws_status status, void *state)
{
    (void) status;
    if (spot_of(state) == IN_COMPLETED)
        perform(state);
}

static void completion_freed(void *state)
{
    struct stage *stage = state;

    if (spot_of(stage) == IN_COMPLETED_FREED)
        perform(stage);
    set(stage, &stage->freed);
}

static void complete(struct stage *stage)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_channel channel;
    struct ear ear;

    ear_open(&ear, stage->runtime);
    channel = new_server(ear.listener);
    completion.completed = completed;
    completion.free_state = completion_freed;
    completion.state = stage;
    must(wws_listener_accept(ear.listener, channel, &completion, no_error)
        == WWS_S_ASYNC);
    must(wws_listener_abort(ear.listener) == WWS_S_OK);
    /* The last that happens: what came later would be in the next spot. */
    must(await(is_freed, stage));
    must(wws_channel_free(channel) == WWS_S_OK);
    must(wws_listener_free(ear.listener) == WWS_S_OK);
}

void stage_run(
    struct stage *stage,
    enum spot spot,
    void (*run)(void *state),
    void *state)
{
    pthread_mutex_lock(&stage->lock);
    stage->spot = spot;
    stage->run = run;
    stage->state = state;
    stage->ready = false;
    stage->done = false;
    stage->freed = false;
    pthread_mutex_unlock(&stage->lock);
    if (spot == ON_THIS_THREAD)
        perform(stage);
    else if (spot == ON_OTHER_THREAD)
        on_other_thread(perform, stage);
    else if (spot == IN_COMPLETED || spot == IN_COMPLETED_FREED)
        complete(stage);
    else
        request(stage, &stage->platforms[spot == IN_SHORT_SERVE]);
    must(await(is_done, stage));
}

static void open_platform(
    struct stage *stage,
    struct platform *platform,
    wws_callback_model model)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = endpoint_options();
    wws_buffer address;

    operations.serve = serve;
    operations.state = stage;
    endpoint.operations = &operations;
    endpoint.callback_model = model;
    endpoint.address = text(wire()->any_port);
    must(wws_service_host_create(stage->runtime, NULL, &platform->host,
        no_error) == WWS_S_OK);
    must(wws_service_host_add_endpoint(platform->host, &endpoint, no_error)
        == WWS_S_OK);
    must(wws_service_host_open(platform->host, NULL, no_error) == WWS_S_OK);
    must(wws_service_host_get_address(platform->host, 0, &address, no_error)
        == WWS_S_OK);
    must(address.size < sizeof platform->url);
    memcpy(platform->url, address.data, address.size);
    wws_buffer_release(&address);
}

void stage_open(struct stage **stage, wws_runtime runtime)
{
    *stage = calloc(1, sizeof **stage);
    must(*stage != NULL);
    (*stage)->runtime = runtime;
    pthread_mutex_init(&(*stage)->lock, NULL);
    open_platform(*stage, &(*stage)->platforms[0], WWS_CALLBACK_MODEL_LONG);
    open_platform(*stage, &(*stage)->platforms[1], WWS_CALLBACK_MODEL_SHORT);
}

void stage_close(struct stage *stage)
{
    for (int i = 0; i < 2; i++) {
        must(wws_service_host_abort(stage->platforms[i].host) == WWS_S_OK);
        must(wws_service_host_close(stage->platforms[i].host, NULL, no_error)
            == WWS_S_OK);
        must(wws_service_host_free(stage->platforms[i].host) == WWS_S_OK);
    }
    pthread_mutex_destroy(&stage->lock);
    free(stage);
}
