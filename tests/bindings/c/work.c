/* Work in the background: always begun asynchronously, so that it is known to
 * be pending when start returns. */
#include "runner.h"

#include <ctype.h>
#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;

/* The functions that wait. */

static wws_status open_object(struct work *work, const wws_completion *done)
{
    struct object *object = work->object;
    wws_string address = text_of(work->address);

    switch (object->kind) {
    case PROXY:
        return wws_service_proxy_open(object->proxy, address, done,
            work->error);
    case CHANNEL:
        return wws_channel_open(object->channel, address, done, work->error);
    default:
        return wws_listener_open(object->listener, address, done, work->error);
    }
}

static wws_status close_object(struct work *work, const wws_completion *done)
{
    struct object *object = work->object;

    switch (object->kind) {
    case PROXY:
        return wws_service_proxy_close(object->proxy, done, work->error);
    case CHANNEL:
        return wws_channel_close(object->channel, done, work->error);
    default:
        return wws_listener_close(object->listener, done, work->error);
    }
}

static char *action_of(const struct work *work)
{
    size_t size = sizeof NAMESPACE "/" + strlen(work->operation);
    char *action = calloc(1, size);

    if (*work->operation != '\0')
        snprintf(action, size, NAMESPACE "/%s", work->operation);
    return action;
}

static wws_status call(struct work *work, const wws_completion *done)
{
    char *action = action_of(work);
    wws_status status = wws_service_proxy_call(work->object->proxy,
        text_of(action), work->body, &work->options, work->handle,
        &work->reply_body, done, work->error);

    free(action);
    return status;
}

static wws_status accept_channel(struct work *work, const wws_completion *done)
{
    return wws_listener_accept(work->object->listener, work->channel->channel,
        done, work->error);
}

/* A message for the body and the action of the work. */
static wws_status fill(
    struct work *work,
    wws_message_initialization initialization,
    wws_message original)
{
    char *action = action_of(work);
    wws_status status = wws_message_initialize(work->request, initialization,
        original, work->error);

    if (status >= 0)
        status = wws_message_set_header(work->request, WWS_HEADER_ACTION,
            text_of(action), work->error);
    if (status >= 0)
        status = wws_message_set_body(work->request, work->body, work->error);
    free(action);
    return status;
}

static wws_status send_message(struct work *work, const wws_completion *done)
{
    wws_status status = fill(work, WWS_MESSAGE_INITIALIZATION_REQUEST,
        (wws_message) { 0 });

    return status < 0 ? status : wws_channel_send(work->object->channel,
        work->request, done, work->error);
}

static wws_status receive(struct work *work, const wws_completion *done)
{
    work->object->received = work->reply;
    return wws_channel_receive(work->object->channel, work->reply,
        WWS_RECEIVE_OPTION_OPTIONAL, done, work->error);
}

static wws_status answer(struct work *work, const wws_completion *done)
{
    wws_status status = fill(work, WWS_MESSAGE_INITIALIZATION_REPLY,
        work->object->received);

    return status < 0 ? status : wws_channel_send_reply(work->object->channel,
        work->request, done, work->error);
}

static wws_status exchange(struct work *work, const wws_completion *done)
{
    wws_status status = fill(work, WWS_MESSAGE_INITIALIZATION_REQUEST,
        (wws_message) { 0 });

    return status < 0 ? status : wws_channel_request_reply(
        work->object->channel, work->request, work->reply, done, work->error);
}

/* What ends them early. */

static wws_status abort_object(struct work *work)
{
    struct object *object = work->object;

    switch (object->kind) {
    case PROXY:
        return wws_service_proxy_abort(object->proxy);
    case CHANNEL:
        return wws_channel_abort(object->channel);
    default:
        return wws_listener_abort(object->listener);
    }
}

static wws_status abort_accepting(struct work *work)
{
    return wws_channel_abort(work->channel->channel);
}

static wws_status cancel_call(struct work *work)
{
    return wws_call_cancel(*work->handle);
}

static wws_status cancel_receive(struct work *work)
{
    return wws_channel_cancel_receive(work->object->channel);
}

/* Operation and text are the words of these numbers behind the kind of work,
 * 0 if it has none. */
static const struct kind_of_work {
    const char *word;
    wws_status (*start)(struct work *work, const wws_completion *completion);
    wws_status (*cancel)(struct work *work);
    unsigned words;
    unsigned operation;
    unsigned text;
} kinds[] = {
    { "open", open_object, abort_object, 2, 0, 0 },
    { "close", close_object, abort_object, 2, 0, 0 },
    { "call", call, cancel_call, 4, 2, 3 },
    { "accept", accept_channel, abort_accepting, 3, 0, 0 },
    { "send", send_message, abort_object, 4, 2, 3 },
    { "receive", receive, cancel_receive, 2, 0, 0 },
    { "answer", answer, abort_object, 3, 0, 2 },
    { "exchange", exchange, abort_object, 4, 2, 3 },
    { "host", call, cancel_call, 3, 1, 2 },
};

static const struct kind_of_work *kind_of(char *const *words)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (words[0] != NULL && strcmp(kinds[i].word, words[0]) == 0)
            return &kinds[i];
    return NULL;
}

/* Beginning. */

static char *listening_address(wws_listener listener)
{
    wws_buffer address = { 0 };
    char *text;

    if (wws_listener_get_address(listener, &address, none) < 0)
        return strdup("");
    text = strndup(address.data, address.size);
    wws_buffer_release(&address);
    return text;
}

/* Null if nobody knows the peer. */
static char *peer_address(struct run *run, const char *peer)
{
    char name[NAME_SIZE + 8] = "SUITE_";
    char *address = NULL;
    const char *place;
    size_t end = strlen(name);

    for (; *peer != '\0' && end < sizeof name - 1; peer++)
        name[end++] = *peer == '-' ? '_' : (char) toupper(*peer);
    place = getenv(name);
    if (place != NULL) {
        address = malloc(strlen(place) + 16);
        sprintf(address, "%s://%s/",
            run->code == WWS_TRANSPORT_TCP ? "net.tcp" : "http", place);
    }
    return address;
}

static char *address_of(
    struct run *run,
    const struct line *line,
    const struct object *object)
{
    const char *at = option(line, "at");
    struct object *listener;

    if (object->kind == LISTENER && at == NULL)
        return strdup(run->code == WWS_TRANSPORT_TCP
            ? "net.tcp://127.0.0.1:0/suite" : "http://127.0.0.1:0/suite");
    if (at == NULL)
        return strdup(run->url);
    if (strcmp(at, "wrong") == 0)
        return strdup("wrong://127.0.0.1/");
    listener = find(run, at);
    return listener != NULL ? listening_address(listener->listener)
                            : peer_address(run, at);
}

/* What the options say. */
static bool equip(struct run *run, const struct line *line, struct work *work)
{
    const char *handle = option(line, "handle");
    struct object *other = handle == NULL ? NULL : find(run, handle);
    uint32_t time = number(line, "deadline", number(line, "timeout_ms", 0));

    work->options = (wws_call_options) WWS_CALL_OPTIONS_INIT;
    work->options.call_id = number(line, "group", 0);
    work->options.timeout_ms = time;
    work->begun_ns += (int64_t) time * 1000000;
    work->handle = other != NULL ? &other->call : &work->call;
    if (option(line, "action") != NULL)
        work->operation = "";
    if (work->start == open_object)
        work->address = address_of(run, line, work->object);
    if (work->start == open_object && work->address == NULL)
        return wrong(run, "no peer %s", option(line, "at"));
    return wws_error_create(&work->error) >= 0
        && wws_message_create(NULL, &work->request, none) >= 0
        && wws_message_create(NULL, &work->reply, none) >= 0;
}

static wws_bytes body_for(
    const struct kind_of_work *kind,
    const char *operation,
    const char *word)
{
    char *text = expanded(word);
    wws_bytes body = body_of(kind->operation == 0 ? "Reply" : operation, text);

    free(text);
    return body;
}

static struct work *new_work(
    struct run *run,
    const struct kind_of_work *kind,
    const char *name,
    char *const *words)
{
    struct work *work = calloc(1, sizeof *work);

    snprintf(work->name, sizeof work->name, "%s", name);
    work->start = kind->start;
    work->cancel = kind->cancel;
    work->begun_ns = now_ns();
    work->object = kind->operation == 1 ? &run->controls : find(run, words[1]);
    work->channel = kind->start == accept_channel ? find(run, words[2]) : NULL;
    work->operation = kind->operation == 0 ? "Reply" : words[kind->operation];
    if (kind->text != 0)
        work->body = body_for(kind, work->operation, words[kind->text]);
    work->next = run->works;
    run->works = work;
    return work;
}

static void end(struct work *work, wws_status status)
{
    pthread_mutex_lock(&lock);
    work->status = status;
    work->ended_ns = now_ns();
    work->over = true;
    pthread_cond_broadcast(&ended);
    pthread_mutex_unlock(&lock);
}

static void completed(wws_status status, void *state)
{
    end(state, status);
}

static void begin(struct work *work)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_status status;

    completion.state = work;
    completion.completed = completed;
    status = work->start(work, &completion);
    if (status != WWS_S_ASYNC)
        end(work, status);
}

bool work_start(
    struct run *run,
    const struct line *line,
    const char *name,
    unsigned first)
{
    char *const *words = line->words + first;
    const struct kind_of_work *kind = kind_of(words);
    uint32_t times = number(line, "times", 1);

    if (kind == NULL || line->word_count != first + kind->words)
        return wrong(run, "no such work");
    for (uint32_t i = 0; i < times; i++) {
        struct work *work = new_work(run, kind, name, words);

        if (work->object == NULL
            || (kind->start == accept_channel && work->channel == NULL)) {
            end(work, WWS_E_INVALIDARG);
            return wrong(run, "no such object");
        }
        if (!equip(run, line, work)) {
            end(work, WWS_E_INVALIDARG);
            return false;
        }
        begin(work);
    }
    return true;
}

/* Ending. */

static bool is_over(struct work *work)
{
    struct timespec until;
    bool over;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&lock);
    while (!work->over
        && pthread_cond_timedwait(&ended, &lock, &until) == 0)
        continue;
    over = work->over;
    pthread_mutex_unlock(&lock);
    return over;
}

static bool await_one(
    struct run *run,
    const struct line *line,
    struct work *work,
    const char *status,
    struct result *result)
{
    if (!is_over(work))
        return wrong(run, "%s is not over", work->name);
    result->status = work->status;
    result->from_ns = work->begun_ns > run->stopped_ns
        ? work->begun_ns : run->stopped_ns;
    if (work->ended_ns > result->ended_ns)
        result->ended_ns = work->ended_ns;
    if (strcmp(wws_status_name(work->status), status) != 0)
        return wrong(run, "%s, not %s", wws_status_name(work->status), status);
    return work_compare(run, line, work, result);
}

bool work_await(
    struct run *run,
    const struct line *line,
    const char *name,
    const char *status,
    struct result *result)
{
    bool any = false;

    *result = (struct result) { 0 };
    for (struct work *work = run->works; work != NULL; work = work->next) {
        if (strcmp(work->name, name) != 0)
            continue;
        any = true;
        if (!await_one(run, line, work, status, result))
            return false;
    }
    return any || wrong(run, "no work %s", name);
}

bool work_cancel(struct run *run, const char *name)
{
    bool any = false;

    for (struct work *work = run->works; work != NULL; work = work->next) {
        if (strcmp(work->name, name) != 0)
            continue;
        any = true;
        (void) work->cancel(work);
    }
    return any || wrong(run, "no work %s", name);
}

static void free_work(struct work *work)
{
    (void) wws_message_free(work->request);
    (void) wws_message_free(work->reply);
    (void) wws_error_free(work->error);
    wws_buffer_release(&work->reply_body);
    free((void *) work->body.data);
    free(work->address);
    free(work);
}

void work_clear(struct run *run)
{
    for (struct work *work = run->works; work != NULL; work = work->next)
        if (work->object != NULL)
            (void) work->cancel(work);
    while (run->works != NULL) {
        struct work *work = run->works;

        run->works = work->next;
        if (is_over(work))
            free_work(work);
    }
}
