/* One pending operation of a client.  What is heard of an end comes here from
 * three sides: a thread that was blocked, a callback, and the thread that
 * polls the queue. */
#include "op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hearer.h"
#include "patience.h"

static struct hearer hearer;
static struct op *begun;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void end(struct op *op, wws_status status, int64_t ended_ns)
{
    pthread_mutex_lock(&lock);
    if (op->ends++ == 0) {
        op->status = status;
        op->ended_ns = ended_ns;
    }
    pthread_mutex_unlock(&lock);
}

static void *run(void *argument)
{
    struct op *op = argument;
    wws_status status;

    atomic_store(&op->thread_id, gettid());
    status = op->start(op, NULL);
    end(op, status, now_ns());
    return NULL;
}

static void completed(wws_status status, void *state)
{
    end(state, status, now_ns());
}

static void freed(void *state)
{
    struct op *op = state;

    pthread_mutex_lock(&lock);
    op->frees++;
    pthread_mutex_unlock(&lock);
}

static void hear(const wws_event *event)
{
    int64_t ended_ns = now_ns();
    struct op *op = event->state;

    if (event->error.id != 0)
        op->error = event->error;
    end(op, event->status, ended_ns);
}

bool ops_start(wws_runtime runtime)
{
    return hearer_start(&hearer, runtime, hear);
}

/* The state is freed a moment after the callback. */
static bool is_heard(void *about)
{
    const struct op *op = about;
    unsigned frees = op->mode == MODE_CALLBACK && !op->immediate;
    bool heard;

    pthread_mutex_lock(&lock);
    heard = op->ends >= 1 && op->frees >= frees;
    pthread_mutex_unlock(&lock);
    return heard;
}

bool op_was_heard_once(struct op *op)
{
    unsigned ends, frees;

    (void) comes_true(is_heard, op);
    pthread_mutex_lock(&lock);
    ends = op->ends;
    frees = op->frees;
    pthread_mutex_unlock(&lock);
    return ends == 1
        && frees == (op->mode == MODE_CALLBACK && !op->immediate);
}

bool ops_end(void)
{
    bool good = true;

    hearer_end(&hearer);
    while (begun != NULL) {
        struct op *op = begun;

        begun = op->next;
        if (!op_was_heard_once(op)) {
            /* Somebody may still refer to it. */
            fputs("wws-demo: an end was not heard of exactly once\n", stderr);
            good = false;
            continue;
        }
        wws_buffer_release(&op->body);
        (void) wws_error_free(op->error);
        free(op);
    }
    return good;
}

/* Ways to start */

static wws_status start_call(struct op *op, const wws_completion *completion)
{
    char text[CALC_SIZE];
    wws_bytes body = calc_request(text, op->operation, op->a, op->b);

    return wws_service_proxy_call(op->proxy, calc_action(op->operation), body,
        &op->options, &op->call, &op->body, completion, op->error);
}

static wws_status start_open_proxy(
    struct op *op,
    const wws_completion *completion)
{
    wws_string address = { op->address, strlen(op->address) };

    return wws_service_proxy_open(op->proxy, address, completion, op->error);
}

static wws_status start_accept(struct op *op, const wws_completion *completion)
{
    return wws_listener_accept(op->listener, op->channel, completion,
        op->error);
}

static wws_status start_open(struct op *op, const wws_completion *completion)
{
    wws_string address = { op->address, strlen(op->address) };

    return wws_channel_open(op->channel, address, completion, op->error);
}

static wws_status start_close(struct op *op, const wws_completion *completion)
{
    return wws_channel_close(op->channel, completion, op->error);
}

static wws_status start_send(struct op *op, const wws_completion *completion)
{
    return wws_channel_send(op->channel, op->request, completion, op->error);
}

static wws_status start_receive(
    struct op *op,
    const wws_completion *completion)
{
    return wws_channel_receive(op->channel, op->reply,
        WWS_RECEIVE_OPTION_OPTIONAL, completion, op->error);
}

static wws_status start_exchange(
    struct op *op,
    const wws_completion *completion)
{
    return wws_channel_request_reply(op->channel, op->request, op->reply,
        completion, op->error);
}

static struct op *create(
    enum mode mode,
    wws_status (*start)(struct op *op, const wws_completion *completion))
{
    struct op *op = calloc(1, sizeof *op);

    if (op == NULL) {
        fputs("wws-demo: no memory\n", stderr);
        exit(1);
    }
    op->mode = mode;
    op->start = start;
    op->options = (wws_call_options) WWS_CALL_OPTIONS_INIT;
    /* An event brings an error object of its own. */
    if (mode != MODE_QUEUE)
        (void) wws_error_create(&op->error);
    return op;
}

struct op *op_call(
    enum mode mode,
    wws_service_proxy proxy,
    enum calc_operation operation,
    long a,
    long b)
{
    struct op *op = create(mode, start_call);

    op->proxy = proxy;
    op->operation = operation;
    op->a = a;
    op->b = b;
    (void) wws_call_create(&op->call, op->error);
    return op;
}

static void set_address(struct op *op, wws_string address)
{
    snprintf(op->address, sizeof op->address, "%.*s", (int) address.size,
        address.data);
}

struct op *op_open_proxy(
    enum mode mode,
    wws_service_proxy proxy,
    wws_string address)
{
    struct op *op = create(mode, start_open_proxy);

    op->proxy = proxy;
    set_address(op, address);
    return op;
}

struct op *op_accept(
    enum mode mode,
    wws_listener listener,
    wws_channel channel)
{
    struct op *op = create(mode, start_accept);

    op->listener = listener;
    op->channel = channel;
    return op;
}

struct op *op_open(enum mode mode, wws_channel channel, wws_string address)
{
    struct op *op = create(mode, start_open);

    op->channel = channel;
    set_address(op, address);
    return op;
}

struct op *op_close(enum mode mode, wws_channel channel)
{
    struct op *op = create(mode, start_close);

    op->channel = channel;
    return op;
}

struct op *op_send(enum mode mode, wws_channel channel, wws_message request)
{
    struct op *op = create(mode, start_send);

    op->channel = channel;
    op->request = request;
    return op;
}

struct op *op_receive(enum mode mode, wws_channel channel, wws_message reply)
{
    struct op *op = create(mode, start_receive);

    op->channel = channel;
    op->reply = reply;
    return op;
}

struct op *op_exchange(
    enum mode mode,
    wws_channel channel,
    wws_message request,
    wws_message reply)
{
    struct op *op = create(mode, start_exchange);

    op->channel = channel;
    op->request = request;
    op->reply = reply;
    return op;
}

/* Beginning and ending */

static bool has_ended(void *about)
{
    struct op *op = about;
    unsigned ends;

    pthread_mutex_lock(&lock);
    ends = op->ends;
    pthread_mutex_unlock(&lock);
    return ends != 0;
}

/* What the system says of the thread in a file of that name. */
static bool ask_system(pid_t id, const char *name, char *text, size_t size)
{
    char path[64];
    FILE *file;
    bool told;

    snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int) id, name);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    told = fgets(text, (int) size, file) != NULL;
    fclose(file);
    return told;
}

static bool is_poll(long call)
{
#ifdef SYS_poll
    if (call == SYS_poll)
        return true;
#endif
    return call == SYS_ppoll;
}

/* Whether the thread sleeps, and not only for a lock, as far as the system
 * tells. */
static bool is_asleep(void *about)
{
    struct op *op = about;
    pid_t id = atomic_load(&op->thread_id);
    char text[512], *name_end;

    if (id == 0)
        return false;
    if (!ask_system(id, "stat", text, sizeof text)
        || (name_end = strrchr(text, ')')) == NULL
        || strncmp(name_end, ") S", 3) != 0)
        return has_ended(op);
    /* A number; a word when it does not sleep. */
    return !ask_system(id, "syscall", text, sizeof text)
        || is_poll(strtol(text, NULL, 10)) || has_ended(op);
}

static bool begin_blocked(struct op *op)
{
    if (pthread_create(&op->thread, NULL, run, op) != 0) {
        end(op, WWS_E_OUTOFMEMORY, now_ns());
        op->joined = true;
        return false;
    }
    return op_is_pending(op);
}

bool op_is_pending(struct op *op)
{
    return (op->mode != MODE_SYNC || comes_true(is_asleep, op))
        && !has_ended(op);
}

bool op_begin(struct op *op)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_status status;

    op->next = begun;
    begun = op;
    op->begun_ns = now_ns();
    if (op->mode == MODE_SYNC)
        return begin_blocked(op);
    completion.state = op;
    if (op->mode == MODE_CALLBACK) {
        completion.completed = completed;
        completion.free_state = freed;
    } else {
        completion.queue = hearer.queue;
    }
    status = op->start(op, &completion);
    if (status == WWS_S_ASYNC)
        return true;
    op->immediate = true;
    end(op, status, now_ns());
    return false;
}

bool op_await(struct op *op)
{
    if (!comes_true(has_ended, op))
        return false;
    if (op->mode == MODE_SYNC && !op->joined) {
        (void) pthread_join(op->thread, NULL);
        op->joined = true;
    }
    return true;
}

bool op_answered(const struct op *op, long sum)
{
    wws_bytes body = { op->body.data, op->body.size };
    long answer;

    return op->status == WWS_S_OK
        && calc_read_reply(body, op->operation, &answer) && answer == sum;
}
