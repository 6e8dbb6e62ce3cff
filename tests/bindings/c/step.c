/* The steps that create, stop and look at objects. */
#include "runner.h"

struct object *find(struct run *run, const char *name)
{
    struct object *object = run->objects;

    while (object != NULL && strcmp(object->name, name) != 0)
        object = object->next;
    return object;
}

static wws_status create_proxy(
    struct run *run,
    const struct line *line,
    struct object *object)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;

    options.transport = run->code;
    options.encoding = WWS_ENCODING_UTF8;
    options.call_timeout_ms = number(line, "call_timeout_ms",
        options.call_timeout_ms);
    options.max_pending_calls = number(line, "max_pending_calls",
        options.max_pending_calls);
    options.max_close_timeout_ms = number(line, "max_close_timeout_ms",
        options.max_close_timeout_ms);
    options.timeout_abandons = number(line, "timeout_abandons",
        options.timeout_abandons);
    options.max_message_size = number(line, "max_message_size",
        options.max_message_size);
    return wws_service_proxy_create((wws_runtime) { 0 }, &options,
        &object->proxy, none);
}

static wws_status create_channel(
    struct run *run,
    const struct line *line,
    struct object *object)
{
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;
    const char *listener = option(line, "for");
    struct object *other = listener == NULL ? NULL : find(run, listener);

    options.transport = run->code;
    options.encoding = WWS_ENCODING_UTF8;
    options.receive_timeout_ms = number(line, "receive_timeout_ms",
        options.receive_timeout_ms);
    options.close_timeout_ms = number(line, "close_timeout_ms",
        options.close_timeout_ms);
    if (listener == NULL)
        return wws_channel_create((wws_runtime) { 0 }, &options,
            &object->channel, none);
    return other == NULL ? WWS_E_INVALIDARG : wws_channel_create_for_listener(
        other->listener, &options, &object->channel, none);
}

static wws_status create_listener(
    struct run *run,
    const struct line *line,
    struct object *object)
{
    wws_listener_options options = WWS_LISTENER_OPTIONS_INIT;

    (void) line;
    options.transport = run->code;
    options.encoding = WWS_ENCODING_UTF8;
    return wws_listener_create((wws_runtime) { 0 }, &options,
        &object->listener, none);
}

static wws_status create_call(
    struct run *run,
    const struct line *line,
    struct object *object)
{
    (void) run;
    (void) line;
    return wws_call_create(&object->call, none);
}

static const char *state_name(const struct object *object)
{
    static const char *const proxies[] = { "created", "opening", "open",
        "closing", "closed", "faulted" };
    static const char *const channels[] = { "created", "opening", "accepting",
        "open", "faulted", "closing", "closed" };
    static const char *const listeners[] = { "created", "opening", "open",
        "faulted", "closing", "closed" };
    uint32_t state = 0;

    if (object->kind == PROXY)
        return wws_service_proxy_get_state(object->proxy, &state, none) < 0
            ? "unknown" : proxies[state];
    if (object->kind == CHANNEL)
        return wws_channel_get_state(object->channel, &state, none) < 0
            ? "unknown" : channels[state];
    return wws_listener_get_state(object->listener, &state, none) < 0
        ? "unknown" : listeners[state];
}

static wws_status abort_object(struct object *object)
{
    switch (object->kind) {
    case PROXY:
        return wws_service_proxy_abort(object->proxy);
    case CHANNEL:
        return wws_channel_abort(object->channel);
    default:
        return wws_listener_abort(object->listener);
    }
}

static wws_status reset_object(struct object *object)
{
    switch (object->kind) {
    case PROXY:
        return wws_service_proxy_reset(object->proxy, none);
    case CHANNEL:
        return wws_channel_reset(object->channel, none);
    default:
        return wws_listener_reset(object->listener, none);
    }
}

static wws_status free_object(struct object *object)
{
    switch (object->kind) {
    case PROXY:
        return wws_service_proxy_free(object->proxy);
    case CHANNEL:
        return wws_channel_free(object->channel);
    case LISTENER:
        return wws_listener_free(object->listener);
    default:
        return wws_call_free(object->call);
    }
}

static wws_status cancel_call(struct object *object)
{
    return wws_call_cancel(object->call);
}

static wws_status cancel_receive(struct object *object)
{
    return wws_channel_cancel_receive(object->channel);
}

static bool expect(struct run *run, wws_status status, const char *wanted)
{
    if (wanted == NULL)
        wanted = "WWS_S_OK";
    return strcmp(wws_status_name(status), wanted) == 0
        || wrong(run, "%s, not %s", wws_status_name(status), wanted);
}

static const struct {
    const char *word;
    enum kind kind;
    wws_status (*create)(
        struct run *run,
        const struct line *line,
        struct object *object);
} creations[] = {
    { "proxy", PROXY, create_proxy },
    { "channel", CHANNEL, create_channel },
    { "listener", LISTENER, create_listener },
    { "call", CALL, create_call },
};

static const struct {
    const char *word;
    wws_status (*act)(struct object *object);
} acts[] = {
    { "abort", abort_object },
    { "reset", reset_object },
    { "free", free_object },
    { "cancel", cancel_call },
    { "cancel-receive", cancel_receive },
};

static bool create(struct run *run, const struct line *line, unsigned which)
{
    struct object *object = calloc(1, sizeof *object);

    snprintf(object->name, sizeof object->name, "%s", line->words[1]);
    object->kind = creations[which].kind;
    object->next = run->objects;
    run->objects = object;
    return expect(run, creations[which].create(run, line, object), NULL);
}

static void stop(struct run *run)
{
    run->stopped_ns = now_ns();
    run->told = false;
}

/* What is done to one object; its word stands before its name. */
static bool act(struct run *run, const struct line *line)
{
    struct object *object = find(run, line->words[1]);
    const char *word = line->words[0];

    if (object == NULL)
        return wrong(run, "no such object");
    if (strcmp(word, "state") == 0)
        return (line->word_count > 2
                && strcmp(state_name(object), line->words[2]) == 0)
            || wrong(run, "state %s", state_name(object));
    stop(run);
    if (strcmp(word, "abandon") == 0 && line->word_count > 2)
        return expect(run, wws_service_proxy_abandon_call(object->proxy,
            (uint32_t) strtoul(line->words[2], NULL, 10), none),
            line->words[3]);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(word, acts[i].word) == 0)
            return expect(run, acts[i].act(object), line->words[2]);
    return wrong(run, "no such step");
}

static bool do_at_once(struct run *run, const struct line *line)
{
    struct result ignored;
    char name[NAME_SIZE];

    snprintf(name, sizeof name, "line %u", line->number);
    return work_start(run, line, name, 1)
        && work_await(run, line, name, "WWS_S_OK", &ignored);
}

/* What is reported is the first behind the last stop, or the last. */
static bool await(struct run *run, const struct line *line)
{
    struct result result;

    if (!work_await(run, line, line->words[1], line->words[2], &result))
        return false;
    if (run->stopped_ns == 0 || !run->told)
        run->result = result;
    run->told = true;
    return true;
}

bool step(struct run *run, const struct line *line)
{
    const char *word = line->words[0];
    const char *name = line->words[1];

    if (name == NULL)
        return wrong(run, "what is %s to work on?", word);
    if (strcmp(word, "start") == 0)
        return work_start(run, line, name, 2);
    if (strcmp(word, "await") == 0 && line->word_count == 3)
        return await(run, line);
    if (strcmp(word, "do") == 0)
        return do_at_once(run, line);
    if (strcmp(word, "idiom-cancel") == 0) {
        stop(run);
        return work_cancel(run, name);
    }
    for (unsigned i = 0; i < sizeof creations / sizeof *creations; i++)
        if (strcmp(word, creations[i].word) == 0)
            return create(run, line, i);
    return act(run, line);
}

void clear_objects(struct run *run)
{
    while (run->objects != NULL) {
        struct object *object = run->objects;

        run->objects = object->next;
        (void) free_object(object);
        free(object);
    }
}
