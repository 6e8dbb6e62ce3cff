/* Misuse is a status: every function, with the zero handle, a stale one, one of
 * every other kind of object, a stale error object, and nothing where something
 * is required. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

enum kind { RUNTIME, ERROR, EVENT_QUEUE, MESSAGE, CHANNEL, LISTENER, PROXY,
    CALL, HOST, OPERATION, KINDS };

/* What every probe needs beside the handle that it is about. */
static struct {
    uint64_t live[KINDS];
    uint64_t stale[KINDS];
} handles;

static const wws_error no_error;
static const wws_bytes body = { CALL_BODY, sizeof CALL_BODY - 1 };

static const wws_fault *some_fault(void)
{
    static wws_fault fault = WWS_FAULT_INIT;

    fault.reason = WWS_STR("because");
    return &fault;
}

/* Outputs that nobody looks at. */
static union {
    uint64_t number;
    uint32_t state;
    int32_t fd;
    wws_string string;
    wws_bytes bytes;
    wws_buffer buffer;
    wws_channel channel;
    wws_message message;
} out;

typedef wws_status (*probe_fn)(uint64_t id, wws_error error);

#define PROBE(function, type, ...) \
    static wws_status probe_##function(uint64_t id, wws_error error) \
    { \
        (void) error; \
        return wws_##function((wws_##type) { id }, __VA_ARGS__); \
    }

/* For functions of nothing but the handle. */
#define PROBE_ALONE(function, type) \
    static wws_status probe_##function(uint64_t id, wws_error error) \
    { \
        (void) error; \
        return wws_##function((wws_##type) { id }); \
    }

#define LIVE(type, kind) ((wws_##type) { handles.live[kind] })

static wws_error_info error_info = WWS_ERROR_INFO_INIT;
static wws_fault_info fault_info = WWS_FAULT_INFO_INIT;
static wws_header_info header_info = WWS_HEADER_INFO_INIT;
static wws_message_info message_info = WWS_MESSAGE_INFO_INIT;
static wws_operation_info operation_info = WWS_OPERATION_INFO_INIT;
static wws_event event = WWS_EVENT_INIT;

static void never_told(wws_cancel_reason reason, void *state)
{
    (void) reason;
    (void) state;
}

static const wws_cancel_callbacks *some_callbacks(void)
{
    static wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.cancelled = never_told;
    return &callbacks;
}

static const wws_endpoint_options *some_endpoint(void)
{
    static wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    static wws_endpoint_options endpoint;

    endpoint = endpoint_options();
    operations.serve = gate_serve;
    endpoint.operations = &operations;
    endpoint.address = text(wire()->any_port);
    return &endpoint;
}

PROBE(runtime_set_log, runtime, WWS_LOG_LEVEL_ERROR, NULL, error)
PROBE(runtime_get_counter, runtime, WWS_COUNTER_HANDLES, &out.number, error)
PROBE(runtime_close, runtime, 0, error)
PROBE(error_get_info, error, &error_info)
PROBE(error_get_string, error, 0, &out.string)
PROBE(error_get_fault, error, &fault_info)
PROBE(error_add_string, error, WWS_STR("text"))
PROBE(error_set_fault, error, some_fault())
PROBE(error_copy, error, LIVE(error, ERROR))
PROBE_ALONE(error_reset, error)
PROBE(queue_get_fd, queue, &out.fd, error)
PROBE(queue_next, queue, 1, &event, &out.state, error)
PROBE(message_initialize, message, WWS_MESSAGE_INITIALIZATION_BLANK,
    (wws_message) { 0 }, error)
PROBE(message_set_header, message, WWS_HEADER_ACTION, WWS_STR("urn:a"), error)
PROBE(message_get_header, message, WWS_HEADER_ACTION, &out.string, error)
PROBE(message_remove_header, message, WWS_HEADER_ACTION, error)
PROBE(message_add_custom_header, message, body, false, error)
PROBE(message_get_custom_header, message, WWS_STR("x"), WWS_STR("urn:x"), 0,
    &out.bytes, NULL, error)
PROBE(message_get_custom_header_info, message, WWS_STR("x"), WWS_STR("urn:x"),
    0, &header_info, error)
PROBE(message_mark_header_understood, message, WWS_STR("x"), WWS_STR("urn:x"),
    0, error)
PROBE(message_address, message, WWS_STR("urn:to"), body, error)
PROBE(message_remove_custom_header, message, WWS_STR("x"), WWS_STR("urn:x"),
    error)
PROBE(message_check_must_understand, message, error)
PROBE(message_add_mapped_header, message, WWS_STR("X-A"), WWS_STR("b"), error)
PROBE(message_get_mapped_header, message, WWS_STR("X-A"), &out.string, error)
PROBE(message_remove_mapped_header, message, WWS_STR("X-A"), error)
PROBE(message_set_body, message, body, error)
PROBE(message_get_body, message, &out.bytes, error)
PROBE(message_set_fault, message, some_fault(), error)
PROBE(message_get_fault, message, &fault_info, error)
PROBE(message_get_info, message, &message_info, error)
PROBE(message_reset, message, error)
PROBE(channel_open, channel, text(wire()->nowhere), NULL, error)
PROBE(channel_send, channel, LIVE(message, MESSAGE), NULL, error)
PROBE(channel_receive, channel, LIVE(message, MESSAGE),
    WWS_RECEIVE_OPTION_OPTIONAL, NULL, error)
PROBE(channel_request_reply, channel, LIVE(message, MESSAGE),
    LIVE(message, MESSAGE), NULL, error)
PROBE(channel_send_reply, channel, LIVE(message, MESSAGE), NULL, error)
PROBE(channel_send_fault, channel, LIVE(message, MESSAGE), LIVE(error, ERROR),
    WWS_FAULT_DISCLOSURE_FULL, NULL, error)
PROBE_ALONE(channel_cancel_receive, channel)
PROBE_ALONE(channel_abort, channel)
PROBE(channel_close, channel, NULL, error)
PROBE(channel_reset, channel, error)
PROBE(channel_get_state, channel, &out.state, error)
PROBE(channel_create_for_listener, listener, NULL, &out.channel, error)
PROBE(listener_open, listener, text(wire()->any_port), NULL, error)
PROBE(listener_accept, listener, LIVE(channel, CHANNEL), NULL, error)
PROBE_ALONE(listener_abort, listener)
PROBE(listener_close, listener, NULL, error)
PROBE(listener_reset, listener, error)
PROBE(listener_get_state, listener, &out.state, error)
PROBE(listener_get_address, listener, &out.buffer, error)
PROBE(service_proxy_open, service_proxy, text(wire()->nowhere), NULL,
    error)
PROBE(service_proxy_call, service_proxy, WWS_STR("urn:a"), body, NULL, NULL,
    NULL, NULL, error)
PROBE(service_proxy_abandon_call, service_proxy, 0, error)
PROBE_ALONE(service_proxy_abort, service_proxy)
PROBE(service_proxy_close, service_proxy, NULL, error)
PROBE(service_proxy_reset, service_proxy, error)
PROBE(service_proxy_get_state, service_proxy, &out.state, error)
PROBE_ALONE(call_cancel, call)
PROBE(service_host_add_endpoint, service_host, some_endpoint(), error)
PROBE(service_host_open, service_host, NULL, error)
PROBE_ALONE(service_host_abort, service_host)
PROBE(service_host_close, service_host, NULL, error)
PROBE(service_host_reset, service_host, error)
PROBE(service_host_get_state, service_host, &out.state, error)
PROBE(service_host_get_address, service_host, 0, &out.buffer, error)
PROBE(operation_get_info, operation, &operation_info, error)
PROBE(operation_get_body, operation, &out.bytes, error)
PROBE(operation_set_reply, operation, body, error)
PROBE(operation_set_fault, operation, some_fault(), error)
PROBE(operation_get_request, operation, &out.message, error)
PROBE(operation_get_reply, operation, &out.message, error)
PROBE(operation_register_for_cancel, operation, some_callbacks(), error)
PROBE(operation_complete, operation, WWS_S_OK, error)

PROBE_ALONE(runtime_free, runtime)
PROBE_ALONE(error_free, error)
PROBE_ALONE(queue_free, queue)
PROBE_ALONE(message_free, message)
PROBE_ALONE(channel_free, channel)
PROBE_ALONE(listener_free, listener)
PROBE_ALONE(service_proxy_free, service_proxy)
PROBE_ALONE(call_free, call)
PROBE_ALONE(service_host_free, service_host)

struct probe {
    const char *name;
    probe_fn run;
    enum kind kind;
    bool takes_error;
};

#define WITH_ERROR(function, kind) { #function, probe_##function, kind, true }
#define WITHOUT(function, kind) { #function, probe_##function, kind, false }

static const struct probe probes[] = {
    WITH_ERROR(runtime_set_log, RUNTIME),
    WITH_ERROR(runtime_get_counter, RUNTIME),
    WITH_ERROR(runtime_close, RUNTIME),
    WITHOUT(error_get_info, ERROR),
    WITHOUT(error_get_string, ERROR),
    WITHOUT(error_get_fault, ERROR),
    WITHOUT(error_add_string, ERROR),
    WITHOUT(error_set_fault, ERROR),
    WITHOUT(error_copy, ERROR),
    WITHOUT(error_reset, ERROR),
    WITH_ERROR(queue_get_fd, EVENT_QUEUE),
    WITH_ERROR(queue_next, EVENT_QUEUE),
    WITH_ERROR(message_initialize, MESSAGE),
    WITH_ERROR(message_set_header, MESSAGE),
    WITH_ERROR(message_get_header, MESSAGE),
    WITH_ERROR(message_remove_header, MESSAGE),
    WITH_ERROR(message_add_custom_header, MESSAGE),
    WITH_ERROR(message_get_custom_header, MESSAGE),
    WITH_ERROR(message_get_custom_header_info, MESSAGE),
    WITH_ERROR(message_mark_header_understood, MESSAGE),
    WITH_ERROR(message_address, MESSAGE),
    WITH_ERROR(message_remove_custom_header, MESSAGE),
    WITH_ERROR(message_check_must_understand, MESSAGE),
    WITH_ERROR(message_add_mapped_header, MESSAGE),
    WITH_ERROR(message_get_mapped_header, MESSAGE),
    WITH_ERROR(message_remove_mapped_header, MESSAGE),
    WITH_ERROR(message_set_body, MESSAGE),
    WITH_ERROR(message_get_body, MESSAGE),
    WITH_ERROR(message_set_fault, MESSAGE),
    WITH_ERROR(message_get_fault, MESSAGE),
    WITH_ERROR(message_get_info, MESSAGE),
    WITH_ERROR(message_reset, MESSAGE),
    WITH_ERROR(channel_open, CHANNEL),
    WITH_ERROR(channel_send, CHANNEL),
    WITH_ERROR(channel_receive, CHANNEL),
    WITH_ERROR(channel_request_reply, CHANNEL),
    WITH_ERROR(channel_send_reply, CHANNEL),
    WITH_ERROR(channel_send_fault, CHANNEL),
    WITHOUT(channel_cancel_receive, CHANNEL),
    WITHOUT(channel_abort, CHANNEL),
    WITH_ERROR(channel_close, CHANNEL),
    WITH_ERROR(channel_reset, CHANNEL),
    WITH_ERROR(channel_get_state, CHANNEL),
    WITH_ERROR(channel_create_for_listener, LISTENER),
    WITH_ERROR(listener_open, LISTENER),
    WITH_ERROR(listener_accept, LISTENER),
    WITHOUT(listener_abort, LISTENER),
    WITH_ERROR(listener_close, LISTENER),
    WITH_ERROR(listener_reset, LISTENER),
    WITH_ERROR(listener_get_state, LISTENER),
    WITH_ERROR(listener_get_address, LISTENER),
    WITH_ERROR(service_proxy_open, PROXY),
    WITH_ERROR(service_proxy_call, PROXY),
    WITH_ERROR(service_proxy_abandon_call, PROXY),
    WITHOUT(service_proxy_abort, PROXY),
    WITH_ERROR(service_proxy_close, PROXY),
    WITH_ERROR(service_proxy_reset, PROXY),
    WITH_ERROR(service_proxy_get_state, PROXY),
    WITHOUT(call_cancel, CALL),
    WITH_ERROR(service_host_add_endpoint, HOST),
    WITH_ERROR(service_host_open, HOST),
    WITHOUT(service_host_abort, HOST),
    WITH_ERROR(service_host_close, HOST),
    WITH_ERROR(service_host_reset, HOST),
    WITH_ERROR(service_host_get_state, HOST),
    WITH_ERROR(service_host_get_address, HOST),
    WITH_ERROR(operation_get_info, OPERATION),
    WITH_ERROR(operation_get_body, OPERATION),
    WITH_ERROR(operation_set_reply, OPERATION),
    WITH_ERROR(operation_set_fault, OPERATION),
    WITH_ERROR(operation_get_request, OPERATION),
    WITH_ERROR(operation_get_reply, OPERATION),
    WITH_ERROR(operation_register_for_cancel, OPERATION),
    WITH_ERROR(operation_complete, OPERATION),
};

static const struct probe frees[] = {
    WITHOUT(runtime_free, RUNTIME),
    WITHOUT(error_free, ERROR),
    WITHOUT(queue_free, EVENT_QUEUE),
    WITHOUT(message_free, MESSAGE),
    WITHOUT(channel_free, CHANNEL),
    WITHOUT(listener_free, LISTENER),
    WITHOUT(service_proxy_free, PROXY),
    WITHOUT(call_free, CALL),
    WITHOUT(service_host_free, HOST),
};

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static void expect(
    const struct probe *probe,
    const char *what,
    wws_status actual,
    wws_status expected)
{
    if (actual != expected)
        print_error("wws_%s with %s:\n", probe->name, what);
    assert_status(actual, expected);
}

/* An object of each kind. */
static void make(wws_runtime runtime, uint64_t *ids)
{
    wws_error error;
    wws_queue queue;
    wws_listener listener;
    wws_service_proxy proxy;
    wws_call call;
    wws_service_host host;
    wws_runtime made;

    must(wws_runtime_create(NULL, &made, no_error) == WWS_S_OK);
    must(wws_error_create(&error) == WWS_S_OK);
    must(wws_queue_create(runtime, &queue, no_error) == WWS_S_OK);
    listener = new_listener(runtime);
    proxy = new_proxy(runtime);
    must(wws_call_create(&call, no_error) == WWS_S_OK);
    must(wws_service_host_create(runtime, NULL, &host, no_error) == WWS_S_OK);
    ids[RUNTIME] = made.id;
    ids[ERROR] = error.id;
    ids[EVENT_QUEUE] = queue.id;
    ids[MESSAGE] = new_empty().id;
    ids[CHANNEL] = new_channel(runtime).id;
    ids[LISTENER] = listener.id;
    ids[PROXY] = proxy.id;
    ids[CALL] = call.id;
    ids[HOST] = host.id;
}

static void unmake(uint64_t *ids)
{
    must(wws_runtime_close((wws_runtime) { ids[RUNTIME] }, HANG_MS, no_error)
        == WWS_S_OK);
    for (unsigned i = 0; i < COUNT(frees); i++)
        must(frees[i].run(ids[frees[i].kind], no_error) == WWS_S_OK);
}

/* The operation that is alive waits in the gate. */
static void note_operation(struct gate *gate, wws_operation operation)
{
    uint64_t *id = gate->user;

    *id = operation.id;
}

static int set_up(void **state)
{
    struct world *world;
    int result = world_set_up(state);

    world = *state;
    world->gate.visiting = note_operation;
    world->gate.user = &handles.stale[OPERATION];
    must(call_now(world->proxy, ACTION_ECHO) == WWS_S_OK);
    must(gate_reaches(&world->gate, &world->gate.entered, 1));
    world->gate.user = &handles.live[OPERATION];
    make(world->runtime, handles.stale);
    unmake(handles.stale);
    make(world->runtime, handles.live);
    return result;
}

static int tear_down(void **state)
{
    unmake(handles.live);
    return world_tear_down(state);
}

/* An operation that is being served meanwhile. */
static int begin_operation(struct world *world)
{
    int client = peer_connect(world->url);

    peer_request(client, ACTION_LATER, 0);
    must(gate_reaches(&world->gate, &world->gate.entered, 2));
    return client;
}

/* L1, G4, E6 */
static void function__refuses_the_zero_handle(void **state)
{
    (void) state;
    for (unsigned i = 0; i < COUNT(probes); i++) {
        if (probes[i].kind == RUNTIME) /* the default one */
            continue;
        expect(&probes[i], "zero", probes[i].run(0, no_error),
            WWS_E_INVALIDARG);
    }
    for (unsigned i = 0; i < COUNT(frees); i++)
        expect(&frees[i], "zero", frees[i].run(0, no_error), WWS_S_OK);
}

/* E6, O1, hazards 7 and 21 */
static void function__refuses_a_stale_handle(void **state)
{
    (void) state;
    for (unsigned i = 0; i < COUNT(probes); i++)
        expect(&probes[i], "a stale handle",
            probes[i].run(handles.stale[probes[i].kind], no_error),
            WWS_E_HANDLE);
    for (unsigned i = 0; i < COUNT(frees); i++)
        expect(&frees[i], "a stale handle",
            frees[i].run(handles.stale[frees[i].kind], no_error),
            WWS_E_HANDLE);
}

static void refuse_other_kinds(const struct probe *probe)
{
    for (int kind = 0; kind < KINDS; kind++) {
        if (kind == (int) probe->kind)
            continue;
        expect(probe, "a handle of another kind",
            probe->run(handles.live[kind], no_error), WWS_E_HANDLE);
    }
}

/* E6, hazard 21 */
static void function__refuses_a_handle_of_another_kind(void **state)
{
    struct world *world = *state;
    int client = begin_operation(world);

    for (unsigned i = 0; i < COUNT(probes); i++)
        refuse_other_kinds(&probes[i]);
    for (unsigned i = 0; i < COUNT(frees); i++)
        refuse_other_kinds(&frees[i]);
    gate_open(&world->gate);
    assert_true(peer_answered(client));
    peer_reset(client);
}

/* E6, hazard 21: any number is refused, or names what it must name. */
static void function__refuses_numbers_that_were_made_up(void **state)
{
    (void) state;
    for (unsigned i = 0; i < COUNT(probes); i++) {
        expect(&probes[i], "all ones", probes[i].run(UINT64_MAX, no_error),
            WWS_E_HANDLE);
        expect(&probes[i], "a small number", probes[i].run(1, no_error),
            WWS_E_HANDLE);
        expect(&probes[i], "a later generation",
            probes[i].run(handles.stale[probes[i].kind] + (2ull << 32),
                no_error), WWS_E_HANDLE);
    }
}

/* Before anything else is looked at, and without any effect. */
static void function__refuses_a_bad_error_object(void **state)
{
    const wws_error bad[] = { { handles.stale[ERROR] },
        { handles.live[MESSAGE] } };
    struct world *world = *state;
    int client = begin_operation(world);

    for (unsigned i = 0; i < COUNT(probes); i++)
        for (int j = 0; j < 2 && probes[i].takes_error; j++)
            expect(&probes[i], "a bad error object",
                probes[i].run(handles.live[probes[i].kind], bad[j]),
                WWS_E_HANDLE);
    gate_open(&world->gate);
    assert_true(peer_answered(client));
    peer_reset(client);
}

/* What is required, and what is too small or too large. */

/* L1 */
static void function__refuses_null_where_something_is_required(void **state)
{
    wws_runtime runtime = LIVE(runtime, RUNTIME);
    wws_queue queue = LIVE(queue, EVENT_QUEUE);
    wws_message message = LIVE(message, MESSAGE);
    wws_channel channel = LIVE(channel, CHANNEL);
    wws_listener listener = LIVE(listener, LISTENER);
    wws_service_proxy proxy = LIVE(service_proxy, PROXY);
    wws_service_host host = LIVE(service_host, HOST);
    wws_error error = LIVE(error, ERROR);
    const wws_string none = { NULL, 0 };
    const wws_status statuses[] = {
        wws_runtime_create(NULL, NULL, no_error),
        wws_runtime_get_counter(runtime, WWS_COUNTER_HANDLES, NULL, no_error),
        wws_runtime_get_counter(runtime, 9999, &out.number, no_error),
        wws_error_create(NULL),
        wws_error_get_info(error, NULL),
        wws_error_get_string(error, 0, NULL),
        wws_error_get_fault(error, NULL),
        wws_queue_create(runtime, NULL, no_error),
        wws_queue_get_fd(queue, NULL, no_error),
        wws_queue_next(queue, 1, NULL, &out.state, no_error),
        wws_queue_next(queue, 1, &event, NULL, no_error),
        wws_queue_next(queue, 0, &event, &out.state, no_error),
        wws_message_create(NULL, NULL, no_error),
        wws_message_initialize(message, 99, message, no_error),
        wws_message_get_info(message, NULL, no_error),
        wws_message_set_fault(message, NULL, no_error),
        wws_channel_create(runtime, NULL, NULL, no_error),
        wws_channel_create_for_listener(listener, NULL, NULL, no_error),
        wws_channel_open(channel, none, NULL, no_error),
        wws_channel_send(channel, (wws_message) { 0 }, NULL, no_error),
        wws_channel_receive(channel, (wws_message) { 0 },
            WWS_RECEIVE_OPTION_OPTIONAL, NULL, no_error),
        wws_channel_get_state(channel, NULL, no_error),
        wws_listener_create(runtime, NULL, NULL, no_error),
        wws_listener_open(listener, none, NULL, no_error),
        wws_listener_accept(listener, (wws_channel) { 0 }, NULL, no_error),
        wws_listener_get_state(listener, NULL, no_error),
        wws_listener_get_address(listener, NULL, no_error),
        wws_service_proxy_create(runtime, NULL, NULL, no_error),
        wws_service_proxy_open(proxy, none, NULL, no_error),
        wws_service_proxy_call(proxy, none, body, NULL, NULL, NULL, NULL,
            no_error),
        wws_service_proxy_get_state(proxy, NULL, no_error),
        wws_call_create(NULL, no_error),
        wws_service_host_create(runtime, NULL, NULL, no_error),
        wws_service_host_add_endpoint(host, NULL, no_error),
        wws_service_host_get_state(host, NULL, no_error),
        wws_service_host_get_address(host, 0, NULL, no_error),
    };

    (void) state;
    for (unsigned i = 0; i < COUNT(statuses); i++) {
        if (statuses[i] != WWS_E_INVALIDARG)
            print_error("the function that is number %u of the list\n", i);
        assert_status(statuses[i], WWS_E_INVALIDARG);
    }
}

static void never_completed(wws_status status, void *state)
{
    (void) status;
    (void) state;
    must(false);
}

/* A5, A7: neither, both, a stale queue, or a struct of no known size; in every
 * function that can wait, and no slot runs. */
static void completion__is_checked_before_it_is_taken(void **state)
{
    wws_completion bad[4] = { WWS_COMPLETION_INIT, WWS_COMPLETION_INIT,
        WWS_COMPLETION_INIT, WWS_COMPLETION_INIT };
    struct world *world = *state;
    wws_channel channel = new_client(world->runtime, world->url);
    wws_message request = new_request(ACTION_ECHO, 0);
    wws_message reply = new_empty();

    bad[1].queue.id = handles.live[EVENT_QUEUE];
    bad[1].completed = never_completed;
    bad[2].queue.id = handles.stale[EVENT_QUEUE];
    bad[3].completed = never_completed;
    bad[3].struct_size = 7;
    for (int i = 0; i < 4; i++) {
        wws_status wanted = i == 2 ? WWS_E_HANDLE : WWS_E_INVALIDARG;

        assert_status(wws_channel_open(LIVE(channel, CHANNEL),
            text(world->url), &bad[i], no_error), wanted);
        assert_status(wws_channel_send(channel, request, &bad[i], no_error),
            wanted);
        assert_status(wws_channel_receive(channel, reply,
            WWS_RECEIVE_OPTION_OPTIONAL, &bad[i], no_error), wanted);
        assert_status(wws_channel_request_reply(channel, request, reply,
            &bad[i], no_error), wanted);
        assert_status(wws_channel_close(channel, &bad[i], no_error), wanted);
        assert_status(wws_listener_open(LIVE(listener, LISTENER),
            text(wire()->any_port), &bad[i], no_error), wanted);
        assert_status(wws_listener_close(LIVE(listener, LISTENER), &bad[i],
            no_error), wanted);
        assert_status(wws_service_proxy_open(LIVE(service_proxy, PROXY),
            text(world->url), &bad[i], no_error), wanted);
        assert_status(wws_service_proxy_call(world->proxy, text(ACTION_ECHO),
            body, NULL, NULL, NULL, &bad[i], no_error), wanted);
        assert_status(wws_service_proxy_close(world->proxy, &bad[i],
            no_error), wanted);
        assert_status(wws_service_host_open(LIVE(service_host, HOST), &bad[i],
            no_error), wanted);
        assert_status(wws_service_host_close(world->host, &bad[i], no_error),
            wanted);
    }
    assert_int_equal(channel_state(channel), WWS_CHANNEL_STATE_OPEN);
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    assert_status(wws_channel_free(channel), WWS_S_OK);
    assert_status(wws_message_free(request), WWS_S_OK);
    assert_status(wws_message_free(reply), WWS_S_OK);
}

/* What an operation fills is nobody else's. */
static void assert_busy(wws_service_proxy proxy, const struct talk *talk)
{
    wws_call_options options = WWS_CALL_OPTIONS_INIT;
    wws_message_info info = WWS_MESSAGE_INFO_INIT;

    options.reply = talk->reply;
    assert_status(wws_message_get_info(talk->reply, &info, no_error),
        WWS_E_INVALID_OPERATION);
    assert_status(wws_message_initialize(talk->reply,
        WWS_MESSAGE_INITIALIZATION_BLANK, (wws_message) { 0 }, no_error),
        WWS_E_INVALID_OPERATION);
    assert_status(wws_message_reset(talk->reply, no_error),
        WWS_E_INVALID_OPERATION);
    assert_status(start_request_reply(&(struct talk) {
        .channel = talk->channel,
        .request = talk->request,
        .reply = talk->reply,
    }, NULL, no_error), WWS_E_INVALID_OPERATION);
    assert_status(wws_service_proxy_call(proxy, text(ACTION_ECHO), body,
        &options, NULL, NULL, NULL, no_error), WWS_E_INVALID_OPERATION);
}

/* And after that it is as it was. */
static void assert_free(const struct talk *talk)
{
    wws_message_info info = WWS_MESSAGE_INFO_INIT;

    assert_status(wws_message_get_info(talk->reply, &info, no_error),
        WWS_S_OK);
    assert_int_equal(info.state, WWS_MESSAGE_STATE_EMPTY);
}

/* D11, M8, hazard 21: from the start of the operation until its caller hears;
 * what is refused meanwhile sends nothing. */
static void message__is_busy_while_it_is_filled(void **state)
{
    const struct peer_script silent = { .then = PEER_HOLDS };
    struct world *world = *state;
    struct talk talk, other;
    struct heard heard;
    struct peer peer;

    peer_start(&peer, &silent);
    talk = (struct talk) {
        .channel = new_client(world->runtime, peer.url),
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
    };
    other = talk;
    other.channel = new_client(world->runtime, peer.url);
    other.request = new_request(ACTION_ECHO, 0);
    hear(&heard, CALLBACK, start_request_reply, &talk);
    assert_true(peer_reaches(&peer, &peer.served, 1));

    assert_busy(world->proxy, &other);
    assert_status(wws_channel_abort(talk.channel), WWS_S_OK);

    assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
    assert_free(&talk);
    assert_status(wws_channel_free(talk.channel), WWS_S_OK);
    assert_status(wws_channel_free(other.channel), WWS_S_OK);
    assert_status(wws_message_free(talk.request), WWS_S_OK);
    assert_status(wws_message_free(other.request), WWS_S_OK);
    assert_status(wws_message_free(talk.reply), WWS_S_OK);
    peer_stop(&peer);
    assert_int_equal(peer.served, 1);
}

/* A call, and the message for its reply. */
struct filling {
    wws_service_proxy proxy;
    wws_message reply;
};

static wws_status call_for_reply(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    const struct filling *filling = state;
    wws_call_options options = WWS_CALL_OPTIONS_INIT;

    options.reply = filling->reply;
    return wws_service_proxy_call(filling->proxy, text(ACTION_ECHO), body,
        &options, NULL, NULL, completion, error);
}

/* M8 */
static void message__is_busy_while_a_call_fills_it(void **state)
{
    const struct peer_script silent = { .then = PEER_HOLDS };
    struct world *world = *state;
    wws_service_proxy_options options = proxy_options();
    struct filling filling;
    struct talk talk;
    struct heard heard;
    struct peer peer;

    peer_start(&peer, &silent);
    filling.proxy = world_proxy(world, &options, peer.url);
    filling.reply = new_empty();
    talk = (struct talk) {
        .channel = new_client(world->runtime, peer.url),
        .request = new_request(ACTION_ECHO, 0),
        .reply = filling.reply,
    };
    hear(&heard, CALLBACK, call_for_reply, &filling);
    assert_true(peer_reaches(&peer, &peer.served, 1));

    assert_busy(world->proxy, &talk);
    assert_status(wws_service_proxy_abandon_call(filling.proxy, 0, no_error),
        WWS_S_OK);

    assert_status(heard_end(&heard), WWS_E_OPERATION_ABANDONED);
    assert_free(&talk);
    assert_status(wws_service_proxy_free(filling.proxy), WWS_S_OK);
    assert_status(wws_channel_free(talk.channel), WWS_S_OK);
    assert_status(wws_message_free(talk.request), WWS_S_OK);
    assert_status(wws_message_free(talk.reply), WWS_S_OK);
    peer_stop(&peer);
}

/* D11: a message that is freed goes when it is used no more. */
static void message__may_be_freed_while_it_is_filled(void **state)
{
    const struct peer_script silent = { .then = PEER_HOLDS };
    struct world *world = *state;
    struct talk talk;
    struct heard heard;
    struct peer peer;

    peer_start(&peer, &silent);
    talk = (struct talk) {
        .channel = new_client(world->runtime, peer.url),
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
    };
    assert_status(wws_channel_request_reply(talk.channel, talk.request,
        talk.request, NULL, no_error), WWS_E_INVALIDARG);
    hear(&heard, CALLBACK, start_request_reply, &talk);
    assert_true(peer_reaches(&peer, &peer.served, 1));

    assert_status(wws_message_free(talk.reply), WWS_S_OK);
    assert_status(wws_channel_abort(talk.channel), WWS_S_OK);

    assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
    assert_status(wws_channel_free(talk.channel), WWS_S_OK);
    assert_status(wws_message_free(talk.request), WWS_S_OK);
    peer_stop(&peer);
}

/* A runtime that is closed: a second time is fine, nothing new begins. */
static void runtime__can_be_closed_twice(void **state)
{
    wws_service_proxy proxy;
    wws_runtime runtime;

    (void) state;
    assert_status(wws_runtime_create(NULL, &runtime, no_error), WWS_S_OK);
    assert_status(wws_runtime_close(runtime, HANG_MS, no_error), WWS_S_OK);
    assert_status(wws_runtime_close(runtime, HANG_MS, no_error), WWS_S_OK);
    assert_true(wws_service_proxy_create(runtime, NULL, &proxy, no_error) < 0);
    assert_status(wws_runtime_free(runtime), WWS_S_OK);
}

#define probed(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        probed(function__refuses_the_zero_handle),
        probed(function__refuses_a_stale_handle),
        probed(function__refuses_a_handle_of_another_kind),
        probed(function__refuses_numbers_that_were_made_up),
        probed(function__refuses_a_bad_error_object),
        probed(function__refuses_null_where_something_is_required),
        probed(completion__is_checked_before_it_is_taken),
        probed(message__is_busy_while_it_is_filled),
        probed(message__is_busy_while_a_call_fills_it),
        probed(message__may_be_freed_while_it_is_filled),
        probed(runtime__can_be_closed_twice),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
