/* What scenarios do, step by step. */
#include "tests/explorer/scene.h"

#include "tests/support/public/wire.h"
#include "tests/support/public/world.h"

static const wws_error no_error;

wws_service_proxy proxy_of(struct scene *scene)
{
    return (wws_service_proxy) { atomic_load(&scene->proxy) };
}

wws_service_host host_of(struct scene *scene)
{
    return (wws_service_host) { atomic_load(&scene->host) };
}

wws_channel client_of(struct scene *scene)
{
    return (wws_channel) { atomic_load(&scene->client) };
}

wws_channel server_of(struct scene *scene)
{
    return (wws_channel) { atomic_load(&scene->server) };
}

wws_listener listener_of(struct scene *scene)
{
    return (wws_listener) { atomic_load(&scene->listener) };
}

/* Asking. */

struct ask *begin(
    struct scene *scene,
    enum side side,
    const char *what,
    start_fn start,
    void *state)
{
    struct ask *ask = &scene->asks[scene->asked++];

    must(scene->asked < ASKS);
    ask->what = what;
    ask->side = side;
    ask->start = start;
    ask->state = state;
    ask_begin(ask, scene->run->manner);
    return ask;
}

bool end(struct scene *scene, struct ask *ask, wws_status expected)
{
    return judge(scene, ask->side, ask->what, ask_end(ask), expected);
}

/* Something has ended, and nobody has looked at it. */
static bool is_any_ended(struct scene *scene)
{
    for (unsigned i = 0; i < scene->asked; i++)
        if (!scene->asks[i].over && ask_has_ended(&scene->asks[i]))
            return true;
    return false;
}

static bool one_has_ended(void *state)
{
    return is_any_ended(state);
}

static bool give_up(const struct scene *scene, const char *what)
{
    if (!is_disturbed(scene))
        found("%s does not come", what);
    return false;
}

bool end_first(struct scene *scene, struct ask *ask, wws_status expected)
{
    wait_for(one_has_ended, scene, ask->what);
    return ask_has_ended(ask) ? end(scene, ask, expected)
        : give_up(scene, ask->what);
}

static bool has_come(void *state)
{
    return ask_has_ended(state);
}

bool comes(struct scene *scene, struct ask *ask)
{
    return try_to_wait_for(has_come, ask) ? end(scene, ask, WWS_S_OK)
        : give_up(scene, ask->what);
}

bool ask_now(
    struct scene *scene,
    enum side side,
    const char *what,
    start_fn start,
    void *state,
    wws_status expected)
{
    return end(scene, begin(scene, side, what, start, state), expected);
}

/* Operations. */

static bool take(struct visit *visit)
{
    return atomic_exchange(&visit->held, false);
}

static void complete(struct visit *visit, wws_status status)
{
    wws_status result = wws_operation_complete(visit->operation, status,
        no_error);

    if (result != WWS_S_OK)
        found("an operation cannot be completed: status %08x",
            (unsigned) result);
}

static void cancelled(wws_cancel_reason reason, void *state)
{
    struct visit *visit = state;

    (void) reason;
    (void) steer_inside(INSIDE_cancelled);
    atomic_fetch_add(&visit->told, 1);
    if (take(visit))
        complete(visit, WWS_E_OPERATION_CANCELLED);
}

static void free_visit(void *state)
{
    struct visit *visit = state;

    (void) steer_inside(INSIDE_freed);
    atomic_fetch_add(&visit->freed, 1);
}

/* Registering may tell it at once. */
static void stay(struct scene *scene, wws_operation operation)
{
    unsigned number = atomic_fetch_add(&scene->visitors, 1);
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;
    struct visit *visit = &scene->visits[number];

    must(number < VISITS);
    visit->operation = operation;
    callbacks.state = visit;
    callbacks.cancelled = cancelled;
    callbacks.free_state = free_visit;
    visit->registered = scene->registers;
    if (scene->registers)
        (void) judge(scene, SERVER, "register",
            wws_operation_register_for_cancel(operation, &callbacks, no_error),
            WWS_S_OK);
    atomic_store(&visit->held, true);
    /* Who releases or tells may have been too early. */
    if ((atomic_load(&scene->ending) || atomic_load(&visit->told) != 0)
        && take(visit))
        complete(visit, WWS_E_OPERATION_CANCELLED);
}

static bool is_later(const wws_operation_info *info)
{
    return info->action.size == strlen(ACTION_LATER)
        && memcmp(info->action.data, ACTION_LATER, info->action.size) == 0;
}

static wws_status serve_call(
    struct scene *scene,
    wws_operation operation,
    const wws_operation_info *info)
{
    wws_status status;
    wws_bytes body;

    status = wws_operation_get_body(operation, &body, no_error);
    if (status >= 0)
        status = wws_operation_set_reply(operation, body, no_error);
    if (status < 0 || !is_later(info))
        return status;
    stay(scene, operation);
    return WWS_S_ASYNC;
}

/* A channel is closed once, and never before it came. */
static wws_status serve(wws_operation operation, void *state)
{
    wws_operation_info info = WWS_OPERATION_INFO_INIT;
    struct scene *scene = state;
    wws_status status = wws_operation_get_info(operation, &info, no_error);

    if (status < 0)
        found("an operation has no info: status %08x", (unsigned) status);
    switch (info.kind) {
    case WWS_OPERATION_KIND_ACCEPT_CHANNEL:
        atomic_fetch_add(&scene->welcomed, 1);
        return WWS_S_OK;
    case WWS_OPERATION_KIND_CLOSE_CHANNEL:
        if (atomic_fetch_add(&scene->parted, 1)
            >= atomic_load(&scene->welcomed))
            found("a channel is closed that has not come");
        return WWS_S_OK;
    case WWS_OPERATION_KIND_AUTHORIZE:
        return WWS_S_OK;
    default:
        return serve_call(scene, operation, &info);
    }
}

static wws_status serve_at_once(wws_operation operation, void *state)
{
    (void) steer_inside(INSIDE_served);
    return serve(operation, state);
}

/* What an abort has completed in the queue is stale. */
static bool is_stale(const struct scene *scene, wws_operation operation)
{
    wws_operation_info info = WWS_OPERATION_INFO_INIT;

    return is_disturbed(scene) && wws_operation_get_info(operation, &info,
        no_error) == WWS_E_HANDLE;
}

/* On the scenario's own thread. */
static void serve_queued(void *state)
{
    wws_event event = WWS_EVENT_INIT;
    struct scene *scene = state;
    uint32_t count = 0;
    wws_status status;

    (void) wws_queue_next(scene->queue, 1, &event, &count, no_error);
    if (count == 0 || is_stale(scene, event.operation))
        return;
    status = serve(event.operation, scene);
    if (status != WWS_S_ASYNC)
        status = wws_operation_complete(event.operation, status, no_error);
    if (status < 0)
        found("an operation from a queue: status %08x", (unsigned) status);
}

static unsigned count_visitors(const struct scene *scene)
{
    unsigned there = 0;

    for (unsigned i = 0; i < VISITS; i++)
        there += atomic_load(&scene->visits[i].held);
    return there;
}

struct crowd {
    struct scene *scene;
    unsigned wanted;
};

static bool all_are_there(void *state)
{
    struct crowd *crowd = state;

    return count_visitors(crowd->scene) >= crowd->wanted
        || is_any_ended(crowd->scene);
}

bool await_visitors(struct scene *scene, unsigned count)
{
    struct crowd crowd = { scene, count };

    wait_for(all_are_there, &crowd, "an operation");
    return count_visitors(scene) >= count
        || give_up(scene, "an operation");
}

static bool is_told(void *state)
{
    struct scene *scene = state;

    return atomic_load(&scene->visits[0].told) != 0;
}

bool await_telling(struct scene *scene)
{
    return try_to_wait_for(is_told, scene)
        || give_up(scene, "what tells an operation");
}

void release_visitors(struct scene *scene)
{
    for (unsigned i = 0; i < VISITS; i++)
        if (take(&scene->visits[i]))
            complete(&scene->visits[i], WWS_S_OK);
}

/* Services. */

/* Where to listen: any port, of whatever name if it has one, or a place in
 * memory. */
static wws_string place_of(struct scene *scene)
{
    if (own_transport() != NULL)
        return text(scene->place);
    if (!scene->has_names)
        return text(wire()->any_port);
    (void) snprintf(scene->url, sizeof scene->url, "%s://+:0/test",
        wire()->scheme);
    return text(scene->url);
}

static bool keep_url(struct scene *scene, wws_status status, wws_buffer *url)
{
    if (!judge(scene, SERVER, "get address", status, WWS_S_OK))
        return false;
    must(url->size < sizeof scene->url);
    memcpy(scene->url, url->data, url->size);
    scene->url[url->size] = '\0';
    wws_buffer_release(url);
    return true;
}

static wws_status start_open_host(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_service_host_open(host_of(state), completion, error);
}

static bool make_queue(struct scene *scene)
{
    return judge(scene, SERVER, "create queue", wws_queue_create(scene->runtime,
        &scene->queue, no_error), WWS_S_OK)
        && (wait_with(serve_queued, scene), true);
}

static void set_endpoint(
    const struct scene *scene,
    wws_endpoint_options *endpoint)
{
    static const wws_string one_way = { ACTION_ECHO, sizeof ACTION_ECHO - 1 };

    if (scene->hurries)
        endpoint->callback_model = WWS_CALLBACK_MODEL_SHORT;
    endpoint->channel_events = scene->watches;
    endpoint->authorizes = scene->watches;
    if (!scene->one_way)
        return;
    endpoint->one_way_actions = &one_way;
    endpoint->one_way_actions_count = 1;
}

bool open_host(struct scene *scene)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = endpoint_options();
    wws_service_host host = { 0 };
    wws_buffer url;

    operations.state = scene;
    if (scene->queues && !make_queue(scene))
        return false;
    if (scene->queues)
        operations.queue = scene->queue;
    else
        operations.serve = serve_at_once;
    set_endpoint(scene, &endpoint);
    endpoint.operations = &operations;
    endpoint.custom = own_transport();
    endpoint.address = place_of(scene);
    if (!judge(scene, SERVER, "create host",
        wws_service_host_create(scene->runtime, NULL, &host, no_error),
        WWS_S_OK))
        return false;
    atomic_store(&scene->host, host.id);
    return judge(scene, SERVER, "add endpoint",
        wws_service_host_add_endpoint(host, &endpoint, no_error), WWS_S_OK)
        && ask_now(scene, SERVER, "open host", start_open_host, scene, WWS_S_OK)
        && keep_url(scene, wws_service_host_get_address(host, 0, &url,
            no_error), &url);
}

static wws_status start_open_proxy(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct scene *scene = state;

    return wws_service_proxy_open(proxy_of(scene), text(scene->url),
        completion, error);
}

void use_name(struct scene *scene, const char *name)
{
    char *host = strstr(scene->url, "//"), rest[sizeof scene->url];

    must(host != NULL);
    host += 2;
    (void) snprintf(rest, sizeof rest, "%s", host + strcspn(host, ":"));
    (void) snprintf(host, sizeof scene->url - (size_t) (host - scene->url),
        "%s.test%s", name, rest);
}

static bool make_proxy(struct scene *scene)
{
    wws_service_proxy_options options = proxy_options();
    wws_service_proxy proxy = { 0 };
    wws_call call = { 0 };

    options.custom = own_transport();
    options.timeout_abandons = scene->detaches;
    if (scene->drain_timeout_ms != 0)
        options.drain_timeout_ms = scene->drain_timeout_ms;
    if (!judge(scene, CALLER, "create proxy",
        wws_service_proxy_create(scene->runtime, &options, &proxy, no_error),
        WWS_S_OK)
        || !judge(scene, CALLER, "create call",
            wws_call_create(&call, no_error), WWS_S_OK)) {
        (void) wws_service_proxy_free(proxy);
        return false;
    }
    atomic_store(&scene->proxy, proxy.id);
    atomic_store(&scene->call, call.id);
    return true;
}

bool fail_to_open_proxy(struct scene *scene, wws_status expected)
{
    return make_proxy(scene)
        && ask_now(scene, CALLER, "open proxy", start_open_proxy, scene,
            expected);
}

bool open_proxy(struct scene *scene)
{
    return fail_to_open_proxy(scene, WWS_S_OK);
}

#define BODY "<t:x xmlns:t=\"urn:wws:test\">12</t:x>"

/* What is shown of a call, and that nothing is after its end. */

static wws_status show(struct order *order, int which)
{
    if (atomic_load(&order->ended))
        found("a call that has ended shows its messages");
    atomic_fetch_add(&order->shown[which], 1);
    return WWS_S_OK;
}

static wws_status show_request(wws_message message, void *state)
{
    (void) message;
    (void) steer_inside(INSIDE_sending);
    return show(state, 0);
}

static wws_status show_reply(wws_message message, void *state)
{
    (void) message;
    (void) steer_inside(INSIDE_received);
    return show(state, 1);
}

static void forget(void *state)
{
    struct order *order = state;

    (void) steer_inside(INSIDE_freed);
    atomic_fetch_add(&order->forgotten, 1);
}

static wws_status start_call_of(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct order *order = state;
    wws_call handle = { atomic_load(&order->scene->call) };
    wws_call_callbacks callbacks = WWS_CALL_CALLBACKS_INIT;
    wws_call_options options = WWS_CALL_OPTIONS_INIT;

    callbacks.sending = show_request;
    callbacks.received = show_reply;
    callbacks.state = order;
    callbacks.free_state = forget;
    options.call_id = 7;
    options.timeout_ms = order->timeout_ms;
    options.one_way = order->scene->one_way;
    if (order->is_shown)
        options.callbacks = &callbacks;
    return wws_service_proxy_call(proxy_of(order->scene), text(order->action),
        (wws_bytes) { BODY, sizeof BODY - 1 }, &options,
        order->has_handle ? &handle : NULL, &order->reply, completion, error);
}

struct ask *begin_call(struct scene *scene, struct order *order)
{
    order->scene = scene;
    return begin(scene, CALLER, "call", start_call_of, order);
}

/* Outputs are written only on success. */
bool end_call(
    struct scene *scene,
    struct order *order,
    struct ask *ask,
    wws_status expected)
{
    wws_status status = ask_end(ask);
    const wws_buffer *reply = &order->reply;

    atomic_store(&order->ended, true);
    if (order->is_shown && status == WWS_S_OK
        && (atomic_load(&order->shown[0]) != 1
            || atomic_load(&order->shown[1]) != 1))
        found("a call did not show its messages once");
    if (status < 0 && reply->data != NULL)
        found("a call that failed has a reply");
    if (status == WWS_S_OK && !scene->one_way && (reply->data == NULL
        || memmem(reply->data, reply->size, "12</t:x>", 8) == NULL))
        found("a call has not the reply that was sent");
    wws_buffer_release(&order->reply);
    return judge(scene, CALLER, "call", status, expected);
}

static wws_status start_close_proxy(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_service_proxy_close(proxy_of(state), completion, error);
}

bool close_proxy(struct scene *scene)
{
    return ask_now(scene, CALLER, "close proxy", start_close_proxy, scene,
        WWS_S_OK);
}

static wws_status start_close_host_of(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_service_host_close(host_of(state), completion, error);
}

bool close_host(struct scene *scene)
{
    return ask_now(scene, SERVER, "close host", start_close_host_of, scene,
        WWS_S_OK);
}

/* Channels. */

static wws_status start_open_listener(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    return wws_listener_open(listener_of(state), place_of(state), completion,
        error);
}

bool open_listener(struct scene *scene)
{
    wws_listener_options options = listener_options();
    wws_listener listener = { 0 };
    wws_buffer url;

    options.custom = own_transport();
    options.transfer_mode = scene->mode;
    options.max_message_size = 1 << 20;
    if (!judge(scene, SERVER, "create listener",
        wws_listener_create(scene->runtime, &options, &listener, no_error),
        WWS_S_OK))
        return false;
    atomic_store(&scene->listener, listener.id);
    return ask_now(scene, SERVER, "open listener", start_open_listener, scene,
            WWS_S_OK)
        && keep_url(scene, wws_listener_get_address(listener, &url, no_error),
            &url);
}

bool make_server(struct scene *scene)
{
    wws_channel channel = { 0 };
    bool made = judge(scene, SERVER, "create channel of listener",
        wws_channel_create_for_listener(listener_of(scene), NULL, &channel,
            no_error), WWS_S_OK);

    atomic_store(&scene->server, channel.id);
    return made;
}

bool make_client(struct scene *scene)
{
    wws_channel_options options = channel_options();
    wws_channel channel = { 0 };
    bool made;

    options.custom = own_transport();
    options.transfer_mode = scene->mode;
    options.max_message_size = 1 << 20;
    made = judge(scene, CALLER, "create channel",
        wws_channel_create(scene->runtime, &options, &channel, no_error),
        WWS_S_OK);
    atomic_store(&scene->client, channel.id);
    return made;
}

bool make_message(struct scene *scene, wws_message *message)
{
    wws_message made = { 0 };
    bool good = judge(scene, CALLER, "create message",
        wws_message_create(NULL, &made, no_error), WWS_S_OK);

    must(scene->made < MESSAGES);
    scene->messages[scene->made++] = made;
    *message = made;
    return good;
}

static bool fill(
    struct scene *scene,
    wws_message message,
    wws_message_initialization how,
    wws_message original,
    size_t size)
{
    static const char start[] = "<t:x xmlns:t=\"urn:wws:test\">";
    static const char stop[] = "</t:x>";
    size_t ends = sizeof start + sizeof stop - 2;
    char *body = malloc(size + ends);
    bool good;

    must(body != NULL);
    memcpy(body, start, sizeof start - 1);
    memset(body + sizeof start - 1, 'x', size);
    memcpy(body + sizeof start - 1 + size, stop, sizeof stop - 1);
    good = judge(scene, CALLER, "initialize", wws_message_initialize(message,
        how, original, no_error), WWS_S_OK)
        && judge(scene, CALLER, "set action", wws_message_set_header(message,
            WWS_HEADER_ACTION, text(ACTION_ECHO), no_error), WWS_S_OK)
        && judge(scene, CALLER, "set body", wws_message_set_body(message,
            (wws_bytes) { body, size + ends }, no_error), WWS_S_OK);
    free(body);
    return good;
}

bool make_request(struct scene *scene, size_t size, wws_message *message)
{
    return make_message(scene, message)
        && fill(scene, *message, WWS_MESSAGE_INITIALIZATION_REQUEST,
            (wws_message) { 0 }, size);
}

bool make_reply(
    struct scene *scene,
    wws_message request,
    size_t size,
    wws_message *message)
{
    return make_message(scene, message)
        && fill(scene, *message, WWS_MESSAGE_INITIALIZATION_REPLY, request,
            size);
}
