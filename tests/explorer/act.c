/* Actions that are functions of the library.  None may wait: they are called
 * while a thread of the library is kept at a gate. */
#include "tests/explorer/scene.h"
#include "tests/support/public/world.h"

static const wws_error no_error;

/* Without threads that could call back, close waits for callers to leave. */
static const uint64_t closes = DO(CLOSE_PROXY) | DO(CLOSE_HOST)
    | DO(CLOSE_CLIENT) | DO(CLOSE_SERVER) | DO(CLOSE_LISTENER);

uint64_t scene_actions(struct scene *scene)
{
    uint64_t actions = 0;

    if (atomic_load(&scene->proxy) != 0)
        actions |= DO(ABANDON_CALL) | DO(ABANDON_ALL) | DO(ABORT_PROXY)
            | DO(CLOSE_PROXY) | DO(FREE_PROXY) | DO(CANCEL_CALL);
    if (atomic_load(&scene->host) != 0)
        actions |= DO(ABORT_HOST) | DO(CLOSE_HOST) | DO(FREE_HOST);
    if (atomic_load(&scene->client) != 0)
        actions |= DO(ABORT_CLIENT) | DO(CLOSE_CLIENT) | DO(FREE_CLIENT)
            | DO(CANCEL_CLIENT);
    if (atomic_load(&scene->server) != 0)
        actions |= DO(ABORT_SERVER) | DO(CLOSE_SERVER) | DO(FREE_SERVER)
            | DO(CANCEL_SERVER);
    if (atomic_load(&scene->listener) != 0)
        actions |= DO(ABORT_LISTENER) | DO(CLOSE_LISTENER)
            | DO(FREE_LISTENER);
    if (atomic_load(&scene->client_message) != 0)
        actions |= DO(ABANDON_CLIENT);
    if (atomic_load(&scene->server_message) != 0)
        actions |= DO(ABANDON_SERVER);
    return atomic_load(&scene->without_threads) ? actions & ~closes : actions;
}

static void count_close(wws_status status, void *state)
{
    struct scene *scene = state;

    if (!steer_is_library())
        found("a close is heard of on a thread of the program");
    if (status == WWS_S_ASYNC)
        found("a close was told that it has just begun");
    atomic_fetch_add(&scene->closed, 1);
}

/* What a close that was begun here answered. */
static void expect_close(struct scene *scene, wws_status status)
{
    switch (status) {
    case WWS_S_ASYNC:
        atomic_fetch_add(&scene->closing, 1);
        break;
    case WWS_S_OK:
    case WWS_E_INVALID_OPERATION: /* opening, or closing already */
    case WWS_E_HANDLE:
        break;
    case WWS_E_OUTOFMEMORY:
        if ((steer_done() & (DO(FAIL_MEMORY) | DO(FAIL_ALL_MEMORY))) != 0)
            break;
        /* fall through */
    default:
        found("close at a gate: status %08x", (unsigned) status);
    }
}

/* Stale is what was freed by another action. */
static bool expect_done(wws_status status, const char *what)
{
    if (status != WWS_S_OK && status != WWS_E_HANDLE)
        found("%s at a gate: status %08x", what, (unsigned) status);
    return status == WWS_S_OK;
}

static void never_heard(wws_status status, void *state)
{
    (void) state;
    found("a call of an aborted proxy was heard of: status %08x",
        (unsigned) status);
}

/* From the return of abort on nothing begins (L7, G41). */
static void abort_proxy(struct scene *scene, const wws_completion *completion)
{
    wws_service_proxy proxy = proxy_of(scene);
    wws_service_proxy_state state;
    wws_completion unwanted = *completion;
    wws_status status;

    if (!expect_done(wws_service_proxy_abort(proxy), "abort")
        || wws_service_proxy_get_state(proxy, &state, no_error) != WWS_S_OK)
        return;
    if (state == WWS_SERVICE_PROXY_STATE_OPEN)
        found("a proxy that was aborted is open");
    unwanted.completed = never_heard;
    status = wws_service_proxy_call(proxy, text("urn:a"),
        (wws_bytes) { NULL, 0 }, NULL, NULL, NULL, &unwanted, no_error);
    if (status >= 0)
        found("a proxy that was aborted takes a call");
}

static void abort_host(struct scene *scene)
{
    wws_service_host_state state;

    if (expect_done(wws_service_host_abort(host_of(scene)), "abort")
        && wws_service_host_get_state(host_of(scene), &state, no_error)
            == WWS_S_OK
        && (state == WWS_SERVICE_HOST_STATE_OPENING
            || state == WWS_SERVICE_HOST_STATE_OPEN))
        found("a host that was aborted is open or opening");
}

static void abort_listener(struct scene *scene)
{
    wws_listener_state state;

    if (expect_done(wws_listener_abort(listener_of(scene)), "abort")
        && wws_listener_get_state(listener_of(scene), &state, no_error)
            == WWS_S_OK
        && (state == WWS_LISTENER_STATE_OPENING
            || state == WWS_LISTENER_STATE_OPEN))
        found("a listener that was aborted is open or opening");
}

static void abort_channel(wws_channel channel)
{
    wws_channel_state state;

    if (expect_done(wws_channel_abort(channel), "abort")
        && wws_channel_get_state(channel, &state, no_error) == WWS_S_OK
        && (state == WWS_CHANNEL_STATE_OPENING
            || state == WWS_CHANNEL_STATE_OPEN))
        found("a channel that was aborted is open or opening");
}

/* The message may be busy, done, or not of the channel. */
static void abandon_message(wws_channel channel, uint64_t message)
{
    wws_status status = wws_channel_abandon_message(channel,
        (wws_message) { message }, no_error);

    if (status != WWS_S_OK && status != WWS_E_INVALID_OPERATION
        && status != WWS_E_INVALIDARG && status != WWS_E_HANDLE)
        found("abandon message at a gate: status %08x", (unsigned) status);
}

/* Refused before the proxy is open and after it was closed. */
static void abandon_calls(wws_service_proxy proxy, uint32_t id)
{
    wws_status status = wws_service_proxy_abandon_call(proxy, id, no_error);

    if (status != WWS_S_OK && status != WWS_E_INVALID_OPERATION
        && status != WWS_E_HANDLE)
        found("abandon at a gate: status %08x", (unsigned) status);
}

void scene_act(struct scene *scene, enum action action)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_call call = { atomic_load(&scene->call) };

    /* What was there when this was planned may be later today. */
    if ((scene_actions(scene) >> action & 1) == 0)
        return;
    completion.completed = count_close;
    completion.state = scene;
    switch (action) {
    case DO_CANCEL_CALL:
        (void) expect_done(wws_call_cancel(call), "cancel");
        break;
    case DO_CANCEL_CLIENT:
        (void) expect_done(wws_channel_cancel_receive(client_of(scene)),
            "cancel receive");
        break;
    case DO_CANCEL_SERVER:
        (void) expect_done(wws_channel_cancel_receive(server_of(scene)),
            "cancel receive");
        break;
    case DO_ABANDON_CALL:
        abandon_calls(proxy_of(scene), 7);
        break;
    case DO_ABANDON_ALL:
        abandon_calls(proxy_of(scene), 0);
        break;
    case DO_ABANDON_CLIENT:
        abandon_message(client_of(scene),
            atomic_load(&scene->client_message));
        break;
    case DO_ABANDON_SERVER:
        abandon_message(server_of(scene),
            atomic_load(&scene->server_message));
        break;
    case DO_ABORT_PROXY:
        abort_proxy(scene, &completion);
        break;
    case DO_CLOSE_PROXY:
        expect_close(scene, wws_service_proxy_close(proxy_of(scene),
            &completion, no_error));
        break;
    case DO_FREE_PROXY:
        (void) expect_done(wws_service_proxy_free(proxy_of(scene)), "free");
        break;
    case DO_ABORT_HOST:
        abort_host(scene);
        break;
    case DO_CLOSE_HOST:
        expect_close(scene, wws_service_host_close(host_of(scene),
            &completion, no_error));
        break;
    case DO_FREE_HOST:
        (void) expect_done(wws_service_host_free(host_of(scene)), "free");
        break;
    case DO_ABORT_CLIENT:
        abort_channel(client_of(scene));
        break;
    case DO_CLOSE_CLIENT:
        expect_close(scene, wws_channel_close(client_of(scene), &completion,
            no_error));
        break;
    case DO_FREE_CLIENT:
        (void) expect_done(wws_channel_free(client_of(scene)), "free");
        break;
    case DO_ABORT_SERVER:
        abort_channel(server_of(scene));
        break;
    case DO_CLOSE_SERVER:
        expect_close(scene, wws_channel_close(server_of(scene), &completion,
            no_error));
        break;
    case DO_FREE_SERVER:
        (void) expect_done(wws_channel_free(server_of(scene)), "free");
        break;
    case DO_ABORT_LISTENER:
        abort_listener(scene);
        break;
    case DO_CLOSE_LISTENER:
        expect_close(scene, wws_listener_close(listener_of(scene),
            &completion, no_error));
        break;
    case DO_FREE_LISTENER:
        (void) expect_done(wws_listener_free(listener_of(scene)), "free");
        break;
    default:
        break;
    }
}
