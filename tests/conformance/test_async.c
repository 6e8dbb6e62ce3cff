/* What waits and is heard of later: the same promises for every function. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const wws_error no_error;

/* What a completion brought, and where. */
struct ending {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned times;
    unsigned freed;
    wws_status status;
    pthread_t thread;
    void (*inside)(void *state); /* may be null */
    void *inside_state;
};

/* Waits for a change, but not for ever. */
static void wait_locked(pthread_cond_t *changed, pthread_mutex_t *lock)
{
    struct timespec until;

    must(clock_gettime(CLOCK_REALTIME, &until) == 0);
    until.tv_sec += HANG_MS / 1000;
    must(pthread_cond_timedwait(changed, lock, &until) == 0);
}

static void ended(wws_status status, void *state)
{
    struct ending *ending = state;

    if (ending->inside != NULL)
        ending->inside(ending->inside_state);
    pthread_mutex_lock(&ending->lock);
    ending->times++;
    ending->status = status;
    ending->thread = pthread_self();
    pthread_mutex_unlock(&ending->lock);
}

static void freed(void *state)
{
    struct ending *ending = state;

    pthread_mutex_lock(&ending->lock);
    ending->freed++;
    pthread_cond_broadcast(&ending->changed);
    pthread_mutex_unlock(&ending->lock);
}

/* All that a function may be given. */
struct rig {
    struct world *world;
    struct ear ear;
    struct talk client;
    struct talk server;
    struct heard asking;  /* of the client, where a server is tried */
    bool asks;
    wws_error cause;
    struct gate gate;
    wws_listener listener;
    wws_service_proxy proxy;
    wws_service_host host;
    wws_call_options options;
    wws_buffer out;
    char input[128];      /* overwritten when the function has returned */
    char body[128];
};

static void rig_begin(struct rig *rig, struct world *world)
{
    *rig = (struct rig) { .world = world };
    rig->options = (wws_call_options) WWS_CALL_OPTIONS_INIT;
    snprintf(rig->input, sizeof rig->input, "%s", world->url);
    snprintf(rig->body, sizeof rig->body, "%s", CALL_BODY);
    gate_init(&rig->gate);
    gate_open(&rig->gate);
}

static void rig_end(struct rig *rig)
{
    must(wws_channel_free(rig->client.channel) == WWS_S_OK);
    must(wws_channel_free(rig->server.channel) == WWS_S_OK);
    must(wws_listener_free(rig->ear.listener) == WWS_S_OK);
    must(wws_listener_free(rig->listener) == WWS_S_OK);
    must(wws_service_proxy_free(rig->proxy) == WWS_S_OK);
    must(wws_service_host_free(rig->host) == WWS_S_OK);
    must(wws_message_free(rig->client.request) == WWS_S_OK);
    must(wws_message_free(rig->client.reply) == WWS_S_OK);
    must(wws_message_free(rig->server.request) == WWS_S_OK);
    must(wws_message_free(rig->server.reply) == WWS_S_OK);
    must(wws_error_free(rig->cause) == WWS_S_OK);
    wws_buffer_release(&rig->out);
    if (rig->asks)
        (void) heard_end(&rig->asking);
    gate_fini(&rig->gate);
}

static wws_string input_of(const struct rig *rig)
{
    return (wws_string) { rig->input, strlen(rig->input) };
}

/* How the objects get there. */

static void have_channel(struct rig *rig)
{
    rig->client.channel = new_channel(rig->world->runtime);
}

static void have_client(struct rig *rig)
{
    rig->client = (struct talk) {
        .channel = new_client(rig->world->runtime, rig->world->url),
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
    };
}

static void have_sent(struct rig *rig)
{
    have_client(rig);
    must(start_send(&rig->client, NULL, no_error) == WWS_S_OK);
}

/* A client asks a listener. */
static void have_asked(struct rig *rig)
{
    ear_open(&rig->ear, rig->world->runtime);
    rig->client = (struct talk) {
        .channel = new_client(rig->world->runtime, rig->ear.url),
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
    };
    rig->server = (struct talk) {
        .listener = rig->ear.listener,
        .channel = new_server(rig->ear.listener),
        .reply = new_empty(),
    };
    rig->asks = true;
    hear(&rig->asking, CALLBACK, start_request_reply, &rig->client);
}

/* The server has the request, and its answer is ready. */
static void have_received(struct rig *rig)
{
    wws_message request;

    have_asked(rig);
    must(start_accept(&rig->server, NULL, no_error) == WWS_S_OK);
    must(start_receive(&rig->server, NULL, no_error) == WWS_S_OK);
    request = rig->server.reply;
    rig->server.reply = new_reply(request, 0);
    rig->server.request = request;
    must(wws_error_create(&rig->cause) == WWS_S_OK);
    must(wws_error_add_string(rig->cause, WWS_STR("because")) == WWS_S_OK);
}

static void have_listener(struct rig *rig)
{
    rig->listener = new_listener(rig->world->runtime);
    snprintf(rig->input, sizeof rig->input, "%s", wire()->any_port);
}

static void have_open_listener(struct rig *rig)
{
    have_listener(rig);
    must(wws_listener_open(rig->listener, input_of(rig), NULL, no_error)
        == WWS_S_OK);
}

static void have_proxy(struct rig *rig)
{
    rig->proxy = new_proxy(rig->world->runtime);
}

static void have_open_proxy(struct rig *rig)
{
    have_proxy(rig);
    must(wws_service_proxy_open(rig->proxy, input_of(rig), NULL, no_error)
        == WWS_S_OK);
    snprintf(rig->input, sizeof rig->input, "%s", ACTION_ECHO);
}

static void have_host(struct rig *rig)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = endpoint_options();

    operations.state = &rig->gate;
    operations.serve = gate_serve;
    endpoint.address = text(wire()->any_port);
    endpoint.operations = &operations;
    must(wws_service_host_create(rig->world->runtime, NULL, &rig->host,
        no_error) == WWS_S_OK);
    must(wws_service_host_add_endpoint(rig->host, &endpoint, no_error)
        == WWS_S_OK);
}

static void have_open_host(struct rig *rig)
{
    have_host(rig);
    must(wws_service_host_open(rig->host, NULL, no_error) == WWS_S_OK);
}

/* The functions. */

#define STARTS(name, call) \
    static wws_status name( \
        struct rig *rig, \
        const wws_completion *completion, \
        wws_error error) \
    { \
        return call; \
    }

STARTS(open_channel, wws_channel_open(rig->client.channel, input_of(rig),
    completion, error))
STARTS(send, start_send(&rig->client, completion, error))
STARTS(receive, start_receive(&rig->client, completion, error))
STARTS(request_reply, start_request_reply(&rig->client, completion, error))
STARTS(write_start, wws_channel_write_message_start(rig->client.channel,
    rig->client.request, completion, error))
STARTS(write_body, wws_channel_write_body(rig->client.channel,
    rig->client.request, (wws_bytes) { rig->body, strlen(rig->body) },
    completion, error))
STARTS(write_end, wws_channel_write_message_end(rig->client.channel,
    rig->client.request, completion, error))
STARTS(read_start, wws_channel_read_message_start(rig->client.channel,
    rig->client.reply, WWS_RECEIVE_OPTION_REQUIRED, completion, error))
STARTS(read_body, wws_channel_read_body(rig->client.channel,
    rig->client.reply, &rig->out, completion, error))
STARTS(read_end, wws_channel_read_message_end(rig->client.channel,
    rig->client.reply, completion, error))
STARTS(shut_down, start_shutdown(&rig->client, completion, error))
STARTS(close_channel, start_close_channel(&rig->client, completion, error))
STARTS(accept_channel, start_accept(&rig->server, completion, error))
STARTS(send_reply, start_send_reply(&rig->server, completion, error))
STARTS(send_fault, wws_channel_send_fault(rig->server.channel,
    rig->server.request, rig->cause, WWS_FAULT_DISCLOSURE_FULL, completion,
    error))
STARTS(open_listener, wws_listener_open(rig->listener, input_of(rig),
    completion, error))
STARTS(close_listener, wws_listener_close(rig->listener, completion, error))
STARTS(open_proxy, wws_service_proxy_open(rig->proxy, input_of(rig),
    completion, error))
STARTS(close_proxy, wws_service_proxy_close(rig->proxy, completion, error))
STARTS(call, wws_service_proxy_call(rig->proxy, input_of(rig),
    (wws_bytes) { rig->body, strlen(rig->body) }, &rig->options, NULL,
    &rig->out, completion, error))
STARTS(open_host, wws_service_host_open(rig->host, completion, error))
STARTS(close_host, wws_service_host_close(rig->host, completion, error))

/* Where a message in pieces is half way. */

static void have_begun(struct rig *rig)
{
    have_client(rig);
    must(write_start(rig, NULL, no_error) == WWS_S_OK);
}

static void have_written(struct rig *rig)
{
    have_begun(rig);
    must(write_body(rig, NULL, no_error) == WWS_S_OK);
}

static void have_ended(struct rig *rig)
{
    have_written(rig);
    must(write_end(rig, NULL, no_error) == WWS_S_OK);
}

static void have_reply(struct rig *rig)
{
    have_ended(rig);
    must(read_start(rig, NULL, no_error) == WWS_S_OK);
}

/* Overwrites what was handed in. */

static void spoil_input(struct rig *rig)
{
    memset(rig->input, 'x', sizeof rig->input - 1);
    memset(rig->body, '<', sizeof rig->body - 1);
    memset(&rig->options, 0xEE, sizeof rig->options);
}

static void spoil_request(struct rig *rig)
{
    must(wws_message_reset(rig->client.request, no_error) == WWS_S_OK);
}

static void spoil_answer(struct rig *rig)
{
    must(wws_message_reset(rig->server.reply, no_error) == WWS_S_OK);
    must(wws_message_reset(rig->server.request, no_error) == WWS_S_OK);
    must(wws_error_reset(rig->cause) == WWS_S_OK);
}

/* What shows that it was done as it was asked for. */

static bool channel_works(struct rig *rig)
{
    rig->client.request = new_request(ACTION_ECHO, 0);
    rig->client.reply = new_empty();
    return start_request_reply(&rig->client, NULL, no_error) == WWS_S_OK;
}

static bool was_echoed(struct rig *rig)
{
    wws_message request = new_request(ACTION_ECHO, 0);
    wws_bytes sent, body;
    bool same;

    must(wws_message_get_body(request, &sent, no_error) == WWS_S_OK);
    must(wws_message_get_body(rig->client.reply, &body, no_error)
        == WWS_S_OK);
    same = body.size == sent.size
        && memcmp(body.data, sent.data, body.size) == 0;
    must(wws_message_free(request) == WWS_S_OK);
    return same;
}

static bool is_answered(struct rig *rig)
{
    return start_receive(&rig->client, NULL, no_error) == WWS_S_OK
        && was_echoed(rig);
}

static bool has_result(struct rig *rig)
{
    return rig->out.size == strlen(CALL_BODY)
        && memcmp(rig->out.data, CALL_BODY, rig->out.size) == 0;
}

static bool reads_on(struct rig *rig)
{
    return read_body(rig, NULL, no_error) == WWS_S_OK && has_result(rig)
        && read_end(rig, NULL, no_error) == WWS_S_OK;
}

static bool has_read(struct rig *rig)
{
    return has_result(rig) && read_end(rig, NULL, no_error) == WWS_S_OK;
}

static bool is_answered_in_pieces(struct rig *rig)
{
    return read_start(rig, NULL, no_error) == WWS_S_OK && reads_on(rig);
}

static bool ends_well(struct rig *rig)
{
    return write_end(rig, NULL, no_error) == WWS_S_OK
        && is_answered_in_pieces(rig);
}

static bool goes_on(struct rig *rig)
{
    snprintf(rig->body, sizeof rig->body, "%s", CALL_BODY);
    return write_body(rig, NULL, no_error) == WWS_S_OK && ends_well(rig);
}

static bool works_again(struct rig *rig)
{
    must(wws_message_free(rig->client.request) == WWS_S_OK);
    must(wws_message_free(rig->client.reply) == WWS_S_OK);
    return channel_works(rig);
}

static bool is_shut_down(struct rig *rig)
{
    uint64_t shut = 0;

    must(wws_channel_get_property(rig->client.channel,
        WWS_CHANNEL_PROPERTY_IS_SESSION_SHUT_DOWN, &shut, no_error)
        == WWS_S_OK);
    return shut != 0;
}

static bool is_closed(struct rig *rig)
{
    return channel_state(rig->client.channel) == WWS_CHANNEL_STATE_CLOSED;
}

static bool has_accepted(struct rig *rig)
{
    return channel_state(rig->server.channel) == WWS_CHANNEL_STATE_OPEN;
}

static bool has_replied(struct rig *rig)
{
    return heard_wait(&rig->asking) == WWS_S_OK;
}

static bool has_refused(struct rig *rig)
{
    return heard_wait(&rig->asking) == WWS_E_ENDPOINT_FAULT_RECEIVED
        && heard_says(&rig->asking, "because");
}

static bool listens(struct rig *rig)
{
    return listener_state(rig->listener) == WWS_LISTENER_STATE_OPEN;
}

static bool listens_no_more(struct rig *rig)
{
    return listener_state(rig->listener) == WWS_LISTENER_STATE_CLOSED;
}

static bool proxy_works(struct rig *rig)
{
    return call_now(rig->proxy, ACTION_ECHO) == WWS_S_OK;
}

static bool proxy_is_closed(struct rig *rig)
{
    wws_service_proxy_state state;

    must(wws_service_proxy_get_state(rig->proxy, &state, no_error)
        == WWS_S_OK);
    return state == WWS_SERVICE_PROXY_STATE_CLOSED;
}

static bool host_is(struct rig *rig, wws_service_host_state expected)
{
    wws_service_host_state state;

    must(wws_service_host_get_state(rig->host, &state, no_error) == WWS_S_OK);
    return state == expected;
}

static bool host_is_open(struct rig *rig)
{
    return host_is(rig, WWS_SERVICE_HOST_STATE_OPEN);
}

static bool host_is_closed(struct rig *rig)
{
    return host_is(rig, WWS_SERVICE_HOST_STATE_CLOSED);
}

static const struct row {
    const char *name;
    void (*reach)(struct rig *rig);
    wws_status (*start)(
        struct rig *rig,
        const wws_completion *completion,
        wws_error error);
    void (*spoil)(struct rig *rig);
    bool (*good)(struct rig *rig);
} rows[] = {
    { "channel open", have_channel, open_channel, spoil_input,
        channel_works },
    { "channel send", have_client, send, spoil_request, is_answered },
    { "channel receive", have_sent, receive, spoil_request, was_echoed },
    { "channel request reply", have_client, request_reply, spoil_request,
        was_echoed },
    { "channel write start", have_client, write_start, spoil_input,
        goes_on },
    { "channel write body", have_begun, write_body, spoil_input, ends_well },
    { "channel write end", have_written, write_end, spoil_request,
        is_answered_in_pieces },
    { "channel read start", have_ended, read_start, spoil_request, reads_on },
    { "channel read body", have_reply, read_body, spoil_request, has_read },
    { "channel read end", have_reply, read_end, spoil_request, works_again },
    { "channel close", have_client, close_channel, spoil_request, is_closed },
    { "listener accept", have_asked, accept_channel, spoil_input,
        has_accepted },
    { "channel send reply", have_received, send_reply, spoil_answer,
        has_replied },
    { "channel send fault", have_received, send_fault, spoil_answer,
        has_refused },
    { "listener open", have_listener, open_listener, spoil_input, listens },
    { "listener close", have_open_listener, close_listener, spoil_input,
        listens_no_more },
    { "proxy open", have_proxy, open_proxy, spoil_input, proxy_works },
    { "proxy call", have_open_proxy, call, spoil_input, has_result },
    { "proxy close", have_open_proxy, close_proxy, spoil_input,
        proxy_is_closed },
    { "host open", have_host, open_host, spoil_input, host_is_open },
    { "host close", have_open_host, close_host, spoil_input,
        host_is_closed },
    { "channel shut down", have_client, shut_down, spoil_request,
        is_shut_down },
};

/* How many of them the transport has: the last is for sessions. */
static size_t count_rows(void)
{
    return COUNT(rows) - !wire()->has_sessions;
}

/* Starts it with a completion that is something else as soon as the function
 * has returned, and says what it ended with. */
static wws_status start_row(
    struct rig *rig,
    const struct row *row,
    struct ending *ending)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_status returned;

    pthread_mutex_init(&ending->lock, NULL);
    pthread_cond_init(&ending->changed, NULL);
    completion.state = ending;
    completion.completed = ended;
    completion.free_state = freed;
    returned = row->start(rig, &completion, no_error);
    memset(&completion, 0xEE, sizeof completion);
    row->spoil(rig);
    if (returned != WWS_S_ASYNC)
        return returned;
    pthread_mutex_lock(&ending->lock);
    while (ending->freed == 0)
        wait_locked(&ending->changed, &ending->lock);
    pthread_mutex_unlock(&ending->lock);
    return ending->status;
}

/* A1 to A4, A6, A8, A9, A12, A14: of each function. */
static void function__needs_nothing_of_its_caller_any_more(void **state)
{
    for (size_t i = 0; i < count_rows(); i++)
        for (int asynchronous = 0; asynchronous < 2; asynchronous++) {
            struct ending ending = { .times = 0 };
            struct rig rig;
            wws_status status;

            rig_begin(&rig, *state);
            rows[i].reach(&rig);
            status = asynchronous ? start_row(&rig, &rows[i], &ending)
                : rows[i].start(&rig, NULL, no_error);
            if (status != WWS_S_OK || !rows[i].good(&rig)
                || ending.times > 1 || ending.times != ending.freed
                || (ending.times == 1
                    && pthread_equal(ending.thread, pthread_self())))
                fail_msg("%s: %s, heard of %u times", rows[i].name,
                    wws_status_name(status), ending.times);
            rig_end(&rig);
        }
}

/* What a callback does: the same once more, and waits for it. */
struct again {
    struct rig rig;
    const struct row *row;
};

static void do_again(void *state)
{
    struct again *again = state;

    again->row->reach(&again->rig);
    must(again->row->start(&again->rig, NULL, no_error) == WWS_S_OK);
    must(again->row->good(&again->rig));
}

/* A11, A18: any function inside the callback of any. */
static void callback__may_call_what_blocks(void **state)
{
    for (size_t i = 0; i < count_rows(); i++) {
        struct again again = { .row = &rows[i] };
        struct ending ending = {
            .inside = do_again, .inside_state = &again };
        struct rig rig;

        rig_begin(&rig, *state);
        rig_begin(&again.rig, *state);
        rows[i].reach(&rig);
        assert_status(start_row(&rig, &rows[i], &ending), WWS_S_OK);
        rig_end(&again.rig);
        rig_end(&rig);
    }
}

/* All threads of the pool are in callbacks at once. */
enum { CROWD = 64 };

struct crowd {
    wws_service_proxy proxy;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned inside;
    unsigned answered;
};

/* Waits for all the others, and then for a reply. */
static void join_crowd(struct heard *heard)
{
    struct crowd *crowd = heard->inside_state;

    pthread_mutex_lock(&crowd->lock);
    crowd->inside++;
    pthread_cond_broadcast(&crowd->changed);
    while (crowd->inside < CROWD)
        wait_locked(&crowd->changed, &crowd->lock);
    pthread_mutex_unlock(&crowd->lock);
    must(call_now(crowd->proxy, ACTION_ECHO) == WWS_S_OK);
    pthread_mutex_lock(&crowd->lock);
    crowd->answered++;
    pthread_mutex_unlock(&crowd->lock);
}

/* A21, A60, A61: the server is none of ours, for its operations would need
 * threads, too. */
static void call__that_blocks_needs_no_thread_of_the_pool(void **state)
{
    static const struct peer_script script = {
        .answers = true, .again = true };
    struct world *world = *state;
    static struct heard heard[CROWD];
    static struct call calls[CROWD];
    struct crowd crowd = { .inside = 0 };
    struct peer peer;

    peer_start(&peer, &script);
    pthread_mutex_init(&crowd.lock, NULL);
    pthread_cond_init(&crowd.changed, NULL);
    crowd.proxy = world_proxy(world, NULL, peer.url);
    for (int i = 0; i < CROWD; i++) {
        calls[i] = call_to(crowd.proxy, ACTION_ECHO);
        hear_inside(&heard[i], start_call, &calls[i], join_crowd, &crowd);
    }
    for (int i = 0; i < CROWD; i++) {
        assert_status(heard_end(&heard[i]), WWS_S_OK);
        wws_buffer_release(&calls[i].reply);
    }
    assert_int_equal(crowd.answered, CROWD);
    assert_status(wws_service_proxy_free(crowd.proxy), WWS_S_OK);
    peer_stop(&peer);
}

/* Signals that interrupt what they hit. */

static void ignore(int number)
{
    (void) number;
}

struct disturber {
    pthread_t victim;
    _Atomic bool stops;
};

static void *disturb(void *state)
{
    struct disturber *disturber = state;

    while (!disturber->stops)
        must(pthread_kill(disturber->victim, SIGUSR1) == 0);
    return NULL;
}

/* A63: while signals rain. */
static void signal__interrupts_no_function(void **state)
{
    struct sigaction action = { .sa_handler = ignore }, before;
    struct disturber disturber = { .victim = pthread_self() };
    struct world *world = *state;
    pthread_t thread;

    must(sigaction(SIGUSR1, &action, &before) == 0);
    must(pthread_create(&thread, NULL, disturb, &disturber) == 0);
    for (int i = 0; i < 20; i++)
        for (size_t k = 0; k < count_rows(); k++) {
            struct rig rig;

            rig_begin(&rig, world);
            rows[k].reach(&rig);
            assert_status(rows[k].start(&rig, NULL, no_error), WWS_S_OK);
            assert_true(rows[k].good(&rig));
            rig_end(&rig);
        }
    disturber.stops = true;
    must(pthread_join(thread, NULL) == 0);
    must(sigaction(SIGUSR1, &before, NULL) == 0);
}

/* Who serves the operations of a queue, at once or when the next one is
 * there. */
struct server {
    wws_queue queue;
    bool later;
    unsigned served;
};

static void complete(wws_operation operation)
{
    wws_bytes body;

    must(wws_operation_get_body(operation, &body, no_error) == WWS_S_OK);
    must(wws_operation_set_reply(operation, body, no_error) == WWS_S_OK);
    must(wws_operation_complete(operation, WWS_S_OK, no_error) == WWS_S_OK);
}

static wws_operation next_operation(struct server *server)
{
    struct pollfd waiting = { .events = POLLIN };
    wws_event event = WWS_EVENT_INIT;
    uint32_t fetched = 0;

    must(wws_queue_get_fd(server->queue, &waiting.fd, no_error) == WWS_S_OK);
    while (fetched == 0) {
        must(poll(&waiting, 1, HANG_MS) == 1);
        must(wws_queue_next(server->queue, 1, &event, &fetched, no_error)
            == WWS_S_OK);
    }
    must(event.kind == WWS_EVENT_KIND_OPERATION);
    return event.operation;
}

static void *serve_two(void *state)
{
    struct server *server = state;
    wws_operation first = next_operation(server);
    wws_operation second;

    if (!server->later)
        complete(first);
    second = next_operation(server);
    if (server->later)
        complete(first);
    complete(second);
    return NULL;
}

/* A34, A35: in the queue's form; a callback's are Echo and Later of every
 * test. */
static void operation__may_be_answered_at_once_or_later(void **state)
{
    struct world *world = *state;

    for (int later = 0; later < 2; later++) {
        wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
        wws_endpoint_options endpoint = endpoint_options();
        struct server server = { .later = later };
        struct heard heard[2];
        struct call calls[2];
        wws_service_proxy proxy;
        wws_service_host host;
        wws_buffer address;
        pthread_t thread;

        must(wws_queue_create(world->runtime, &server.queue, no_error)
            == WWS_S_OK);
        operations.queue = server.queue;
        endpoint.address = text(wire()->any_port);
        endpoint.operations = &operations;
        must(wws_service_host_create(world->runtime, NULL, &host, no_error)
            == WWS_S_OK);
        must(wws_service_host_add_endpoint(host, &endpoint, no_error)
            == WWS_S_OK);
        must(wws_service_host_open(host, NULL, no_error) == WWS_S_OK);
        must(wws_service_host_get_address(host, 0, &address, no_error)
            == WWS_S_OK);
        proxy = new_proxy(world->runtime);
        must(wws_service_proxy_open(proxy,
            (wws_string) { address.data, address.size }, NULL, no_error)
            == WWS_S_OK);
        must(pthread_create(&thread, NULL, serve_two, &server) == 0);
        for (int i = 0; i < 2; i++) {
            calls[i] = call_to(proxy, ACTION_ECHO);
            hear(&heard[i], CALLBACK, start_call, &calls[i]);
        }
        for (int i = 0; i < 2; i++) {
            assert_status(heard_end(&heard[i]), WWS_S_OK);
            wws_buffer_release(&calls[i].reply);
        }
        must(pthread_join(thread, NULL) == 0);
        assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
        wws_buffer_release(&address);
        must(wws_service_proxy_free(proxy) == WWS_S_OK);
        must(wws_service_host_free(host) == WWS_S_OK);
        must(wws_queue_free(server.queue) == WWS_S_OK);
    }
}

static int warm_up_crowd(void **state)
{
    (void) state;
    world_warm_up_for(2 * CROWD);
    return 0;
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(function__needs_nothing_of_its_caller_any_more),
        in_world(callback__may_call_what_blocks),
        in_world(call__that_blocks_needs_no_thread_of_the_pool),
        in_world(signal__interrupts_no_function),
        in_world(operation__may_be_answered_at_once_or_later),
    };

    return run_promises(tests, warm_up_crowd, world_cool_down);
}
