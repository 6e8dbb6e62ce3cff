/* What begins after an abort has returned, on another thread: it is refused as
 * the table of its object says, at once and whichever way its caller hears. */
#include "tests/support/public/talk.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const wws_error no_error;

/* One of each that can be aborted, and who meets it. */
struct rig {
    struct world *world;
    struct ear ear;
    struct talk client;
    struct talk server;
    wws_listener listener;
    wws_service_proxy proxy;
    wws_service_host host;
    struct gate gate;
    wws_buffer piece;
};

static void have_listener(struct rig *rig)
{
    rig->listener = new_listener(rig->world->runtime);
    rig->server = (struct talk) {
        .listener = rig->listener,
        .channel = new_server(rig->listener),
        .url = wire()->any_port,
        .reply = new_empty(),
    };
}

static void have_host(struct rig *rig)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = endpoint_options();

    gate_init(&rig->gate);
    operations.serve = gate_serve;
    operations.state = &rig->gate;
    endpoint.operations = &operations;
    endpoint.address = text(wire()->any_port);
    must(wws_service_host_create(rig->world->runtime, NULL, &rig->host,
        no_error) == WWS_S_OK);
    must(wws_service_host_add_endpoint(rig->host, &endpoint, no_error)
        == WWS_S_OK);
}

static void rig_begin(struct rig *rig, struct world *world)
{
    *rig = (struct rig) { .world = world };
    ear_open(&rig->ear, world->runtime);
    rig->client = (struct talk) {
        .channel = new_channel(world->runtime),
        .url = world->url,
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
    };
    have_listener(rig);
    rig->proxy = new_proxy(world->runtime);
    have_host(rig);
}

static void rig_end(struct rig *rig)
{
    must(wws_channel_free(rig->client.channel) == WWS_S_OK);
    must(wws_message_free(rig->client.request) == WWS_S_OK);
    must(wws_message_free(rig->client.reply) == WWS_S_OK);
    must(wws_channel_free(rig->server.channel) == WWS_S_OK);
    must(wws_message_free(rig->server.reply) == WWS_S_OK);
    must(wws_listener_free(rig->listener) == WWS_S_OK);
    must(wws_listener_free(rig->ear.listener) == WWS_S_OK);
    must(wws_service_proxy_free(rig->proxy) == WWS_S_OK);
    must(wws_service_host_free(rig->host) == WWS_S_OK);
    gate_fini(&rig->gate);
}

/* The functions. */

#define STARTS(name, call) \
    static wws_status name( \
        void *state, \
        const wws_completion *completion, \
        wws_error error) \
    { \
        struct rig *rig = state; \
\
        return call; \
    }

STARTS(open_channel, start_open(&rig->client, completion, error))
STARTS(send, start_send(&rig->client, completion, error))
STARTS(receive, start_receive(&rig->client, completion, error))
STARTS(request_reply, start_request_reply(&rig->client, completion, error))
STARTS(write_start, wws_channel_write_message_start(rig->client.channel,
    rig->client.request, completion, error))
STARTS(read_start, wws_channel_read_message_start(rig->client.channel,
    rig->client.reply, WWS_RECEIVE_OPTION_OPTIONAL, completion, error))
STARTS(accept_channel, start_accept(&rig->server, completion, error))
STARTS(receive_request, start_receive(&rig->server, completion, error))
STARTS(open_listener, wws_listener_open(rig->listener,
    text(wire()->any_port), completion, error))
STARTS(open_proxy, wws_service_proxy_open(rig->proxy,
    text(rig->world->url), completion, error))
STARTS(call, wws_service_proxy_call(rig->proxy, WWS_STR(ACTION_ECHO),
    (wws_bytes) { NULL, 0 }, NULL, NULL, &rig->piece, completion, error))
STARTS(open_host, wws_service_host_open(rig->host, completion, error))

/* How the object gets to where it is aborted. */

static void only_create(struct rig *rig)
{
    (void) rig;
}

static void listen_first(struct rig *rig)
{
    must(open_listener(rig, NULL, no_error) == WWS_S_OK);
}

static void open_all(struct rig *rig)
{
    listen_first(rig);
    must(open_channel(rig, NULL, no_error) == WWS_S_OK);
    must(open_proxy(rig, NULL, no_error) == WWS_S_OK);
    must(open_host(rig, NULL, no_error) == WWS_S_OK);
}

/* The channel of a server, with a client of ours. */
static void open_server(struct rig *rig)
{
    rig->client.listener = rig->server.listener = rig->ear.listener;
    must(wws_channel_free(rig->server.channel) == WWS_S_OK);
    rig->server.channel = new_server(rig->ear.listener);
    rig->client.url = rig->ear.url;
    must(open_channel(rig, NULL, no_error) == WWS_S_OK);
    must(send(rig, NULL, no_error) == WWS_S_OK);
    must(accept_channel(rig, NULL, no_error) == WWS_S_OK);
}

static void abort_client(void *state)
{
    struct rig *rig = state;

    must(wws_channel_abort(rig->client.channel) == WWS_S_OK);
}

static void abort_server(void *state)
{
    struct rig *rig = state;

    must(wws_channel_abort(rig->server.channel) == WWS_S_OK);
}

static void abort_listener(void *state)
{
    struct rig *rig = state;

    must(wws_listener_abort(rig->listener) == WWS_S_OK);
}

static void abort_proxy(void *state)
{
    struct rig *rig = state;

    must(wws_service_proxy_abort(rig->proxy) == WWS_S_OK);
}

static void abort_host(void *state)
{
    struct rig *rig = state;

    must(wws_service_host_abort(rig->host) == WWS_S_OK);
}

#define ABT WWS_E_OPERATION_ABORTED
#define FLT WWS_E_OBJECT_FAULTED
#define INV WWS_E_INVALID_OPERATION

static const struct row {
    const char *name;
    void (*reach)(struct rig *rig);
    void (*abort)(void *state);
    start_fn start;
    wws_status status;
} rows[] = {
    { "open of a channel that was created", only_create, abort_client,
        open_channel, ABT },
    { "accept of a channel that was created", listen_first, abort_server,
        accept_channel, ABT },
    { "open of a listener that was created", only_create, abort_listener,
        open_listener, ABT },
    { "open of a proxy that was created", only_create, abort_proxy,
        open_proxy, ABT },
    { "open of a host that was created", only_create, abort_host, open_host,
        ABT },
    { "open of a channel", open_all, abort_client, open_channel, INV },
    { "send", open_all, abort_client, send, FLT },
    { "receive", open_all, abort_client, receive, FLT },
    { "request and reply", open_all, abort_client, request_reply, FLT },
    { "write in pieces", open_all, abort_client, write_start, FLT },
    { "read in pieces", open_all, abort_client, read_start, FLT },
    { "accept of a channel", open_server, abort_server, accept_channel, INV },
    { "receive of a request", open_server, abort_server, receive_request,
        FLT },
    { "accept", open_all, abort_listener, accept_channel, FLT },
    { "open of a listener", open_all, abort_listener, open_listener, INV },
    { "call", open_all, abort_proxy, call, FLT },
    { "open of a proxy", open_all, abort_proxy, open_proxy, INV },
    { "open of a host", open_all, abort_host, open_host, INV },
};

static bool is_seen(
    const struct row *row,
    struct world *world,
    enum manner manner)
{
    struct heard heard;
    struct rig rig;
    wws_status status;

    rig_begin(&rig, world);
    row->reach(&rig);
    on_other_thread(row->abort, &rig);

    hear(&heard, manner, row->start, &rig);
    status = heard_end(&heard);
    rig_end(&rig);
    if (status == row->status
        && (manner == SYNC || heard.returned == status))
        return true;
    print_error("%s (%s): %s, wanted %s\n", row->name, manner_name(manner),
        wws_status_name(status), wws_status_name(row->status));
    return false;
}

/* L7, G9, G32, G44 */
static void abort__is_seen_by_all_that_begins_after_it(void **state)
{
    unsigned unseen = 0;

    for (size_t i = 0; i < COUNT(rows); i++)
        for (int manner = 0; manner < MANNERS; manner++)
            unseen += !is_seen(&rows[i], *state, manner);
    assert_int_equal(unseen, 0);
}

/* Calls for one that is aborted on another thread, which says so. */
struct watched {
    struct rig rig;
    const struct row *row;
    _Atomic bool aborted;
    unsigned blind; /* begun after that, and not refused */
};

static void *begin_on_and_on(void *state)
{
    enum { AFTER = 5 };
    struct watched *watched = state;

    for (unsigned after = 0; after < AFTER;) {
        bool aborted = watched->aborted;
        wws_status status = watched->row->start(&watched->rig, NULL, no_error);

        after += aborted;
        watched->blind += aborted && status != watched->row->status;
        wws_buffer_release(&watched->rig.piece);
    }
    return NULL;
}

/* L7: also when it comes in the middle of them; what a channel sends is seen
 * above. */
static void abort__is_seen_by_who_is_at_it(void **state)
{
    static const struct row racing[] = {
        { "call", open_all, abort_proxy, call, FLT },
        { "accept", open_all, abort_listener, accept_channel, FLT },
        { "receive", open_all, abort_client, receive, FLT },
    };

    for (unsigned i = 0; i < 30; i++) {
        struct watched watched = { .row = &racing[i % COUNT(racing)] };
        pthread_t thread;

        rig_begin(&watched.rig, *state);
        watched.row->reach(&watched.rig);
        must(pthread_create(&thread, NULL, begin_on_and_on, &watched) == 0);
        watched.row->abort(&watched.rig);
        watched.aborted = true;

        must(pthread_join(thread, NULL) == 0);
        assert_int_equal(watched.blind, 0);
        rig_end(&watched.rig);
    }
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(abort__is_seen_by_all_that_begins_after_it),
        in_world(abort__is_seen_by_who_is_at_it),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
