/* A transport without wires: tests hand it requests and look at the answers.
 * Each request is answered or dropped once; a second time is found out. */
#ifndef FAKE_H
#define FAKE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/service/operation.h"

enum { REQUESTS = 256 };
enum answer { NONE, REPLIED, ACCEPTED, DROPPED };

struct request {
    struct wwi_incoming incoming;
    struct wwi_server *server;
    void (*watch)(struct wwi_incoming *incoming);
    enum answer answer;
    uint32_t answers;
    bool fault;
    wws_string field;
    char text[8192];
};

/* A transport defines its own. */
struct wwi_server {
    struct wwi_server_callbacks callbacks;
    void (*stopped)(void *state);
    struct request *requests[REQUESTS];
    uint32_t pending;
    bool reset;
    bool stopping;
    bool told;
};

static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fake_changed = PTHREAD_COND_INITIALIZER;
static struct wwi_server *fake_servers[4];
static uint32_t fake_count;
static uint32_t fake_freed;
/* How many servers open before one fails; and what happens inside an open. */
static uint32_t fake_good = 4;
static void (*fake_opening)(struct wwi_server *server);
/* What happens while the host begins to watch a request. */
static void (*fake_watching)(struct request *request);
static const struct wwi_transport *chosen;

static void changed(void)
{
    pthread_cond_broadcast(&fake_changed);
    pthread_mutex_unlock(&fake_lock);
}

/* Waits until a value that is set with set_flag() is not 0. */
static inline void await(const int *flag)
{
    pthread_mutex_lock(&fake_lock);
    while (*flag == 0)
        pthread_cond_wait(&fake_changed, &fake_lock);
    pthread_mutex_unlock(&fake_lock);
}

static inline void await_count(const int *flag, int count)
{
    pthread_mutex_lock(&fake_lock);
    while (*flag < count)
        pthread_cond_wait(&fake_changed, &fake_lock);
    pthread_mutex_unlock(&fake_lock);
}

static void set_flag(int *flag)
{
    pthread_mutex_lock(&fake_lock);
    (*flag)++;
    changed();
}

static inline int flag_of(const int *flag)
{
    int value;

    pthread_mutex_lock(&fake_lock);
    value = *flag;
    pthread_mutex_unlock(&fake_lock);
    return value;
}

struct marker {
    struct wwi_post post;
    int passed;
};

static inline void pass(struct wwi_work *work)
{
    set_flag(&WWI_CONTAINER(work, struct marker, post.work)->passed);
}

/* Waits until the loop has done what it was woken for. */
static inline void await_turn(struct wwi_loop *loop)
{
    struct marker marker = { .passed = 0 };

    wwi_post_init(&marker.post, pass);
    (void) wwi_loop_post(loop, &marker.post);
    await(&marker.passed);
}

static wws_status fake_open(
    struct wwi_runtime *runtime,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **server,
    struct wwi_error *error)
{
    (void) runtime;
    (void) url;
    (void) options;
    if (fake_count == fake_good)
        return wwi_fail(error, WWS_E_ADDRESS_IN_USE, "taken");
    *server = calloc(1, sizeof **server);
    (*server)->callbacks = *callbacks;
    fake_servers[fake_count++] = *server;
    if (fake_opening != NULL)
        fake_opening(*server);
    return WWS_S_OK;
}

static wws_status fake_address(
    struct wwi_server *server,
    struct wwi_bytes *address)
{
    (void) server;
    wwi_bytes_append_text(address, "fake://here");
    return WWS_S_OK;
}

/* Gives the lock back, and says once that the server has stopped if it is over.
 * It is the lock under which something was taken from what is left to do:
 * without it another may say so, and the server be freed. */
static void give_or_stop(struct wwi_server *server, bool over)
{
    void (*stopped)(void *state) = server->stopped;
    void *state = server->callbacks.state;
    bool tells = over && server->stopping && !server->told;

    server->told |= tells;
    changed();
    if (tells)
        stopped(state);
}

static void stop_if_done(struct wwi_server *server)
{
    give_or_stop(server, server->reset || server->pending == 0);
}

/* The client goes away. */
static void leave(struct request *request)
{
    void (*watch)(struct wwi_incoming *incoming);

    pthread_mutex_lock(&fake_lock);
    watch = request->answer == NONE ? request->watch : NULL;
    request->watch = NULL;
    atomic_store(&request->incoming.gone, true);
    pthread_mutex_unlock(&fake_lock);
    if (watch != NULL)
        watch(&request->incoming);
}

static void fake_stop(
    struct wwi_server *server,
    bool reset,
    void (*stopped)(void *state))
{
    struct request *requests[REQUESTS];

    pthread_mutex_lock(&fake_lock);
    server->stopping = true;
    server->stopped = stopped;
    server->reset |= reset;
    memcpy(requests, server->requests, sizeof requests);
    pthread_mutex_unlock(&fake_lock);
    for (int i = 0; reset && i < REQUESTS; i++)
        if (requests[i] != NULL)
            leave(requests[i]);
    pthread_mutex_lock(&fake_lock);
    stop_if_done(server);
}

static void fake_free(struct wwi_server *server)
{
    free(server);
    pthread_mutex_lock(&fake_lock);
    fake_freed++;
    changed();
}

static void fake_watch(
    struct wwi_incoming *incoming,
    void (*gone)(struct wwi_incoming *incoming))
{
    struct request *request = WWI_CONTAINER(incoming, struct request,
        incoming);
    bool left;

    if (fake_watching != NULL)
        fake_watching(request);
    pthread_mutex_lock(&fake_lock);
    left = atomic_load(&incoming->gone);
    if (!left)
        request->watch = gone;
    pthread_mutex_unlock(&fake_lock);
    if (left)
        gone(incoming);
}

static void answered(struct request *request, enum answer answer)
{
    struct wwi_server *server = request->server;

    wwi_bytes_fini(&request->incoming.envelope);
    pthread_mutex_lock(&fake_lock);
    request->answer = answer;
    request->answers++;
    server->pending--;
    for (int i = 0; i < REQUESTS; i++)
        if (server->requests[i] == request)
            server->requests[i] = NULL;
    stop_if_done(server);
}

static void fake_reply(
    struct wwi_incoming *incoming,
    struct wwi_outgoing *outgoing,
    wwi_replied_fn replied,
    void *state)
{
    struct request *request = WWI_CONTAINER(incoming, struct request,
        incoming);
    struct wwi_outcome outcome = { 0 };
    uint32_t index = 0;
    wws_string name;
    size_t size;

    if (outgoing != NULL) {
        while (outgoing->fields.next(outgoing->fields.state, &index, &name,
            &request->field))
            ;
        size = outgoing->envelope.size;
        assert_true(size < sizeof request->text);
        memcpy(request->text, outgoing->envelope.data, size);
        request->text[size] = '\0';
        request->fault = outgoing->fault;
        wwi_bytes_fini(&outgoing->envelope);
    }
    replied(state, &outcome);
    answered(request, outgoing != NULL ? REPLIED : ACCEPTED);
}

static void fake_drop(struct wwi_incoming *incoming)
{
    answered(WWI_CONTAINER(incoming, struct request, incoming), DROPPED);
}

static const struct wwi_transport fake = {
    .scheme = "fake",
    .server_open = fake_open,
    .server_address = fake_address,
    .server_stop = fake_stop,
    .server_free = fake_free,
};

static const struct wwi_incoming_calls fake_incoming = {
    .watch = fake_watch,
    .reply = fake_reply,
    .drop = fake_drop,
};

/* In place of the list of transports. */
wws_status wwi_transport_find(
    const struct wwi_binding *binding,
    const struct wwi_transport **transport,
    struct wwi_error *error)
{
    (void) binding;
    *transport = chosen;
    return chosen != NULL ? WWS_S_OK
        : wwi_fail_static(error, WWS_E_INVALIDARG, "no such transport");
}

static void prepare(struct request *request, const char *envelope)
{
    memset(request, 0, sizeof *request);
    request->incoming.calls = &fake_incoming;
    wwi_bytes_append_text(&request->incoming.envelope, envelope);
}

/* Hands a request to a server, on this thread. */
static void send_prepared(struct wwi_server *server, struct request *request)
{
    request->server = server;
    pthread_mutex_lock(&fake_lock);
    for (int i = 0; i < REQUESTS; i++) {
        if (server->requests[i] == NULL) {
            server->requests[i] = request;
            break;
        }
    }
    server->pending++;
    pthread_mutex_unlock(&fake_lock);
    server->callbacks.arrived(&request->incoming, server->callbacks.state);
}

static inline void send_to(
    struct wwi_server *server,
    struct request *request,
    const char *envelope)
{
    prepare(request, envelope);
    send_prepared(server, request);
}

static inline void await_answer(struct request *request)
{
    pthread_mutex_lock(&fake_lock);
    while (request->answer == NONE)
        pthread_cond_wait(&fake_changed, &fake_lock);
    pthread_mutex_unlock(&fake_lock);
    assert_int_equal(request->answers, 1);
}

static inline void await_freed(uint32_t count)
{
    pthread_mutex_lock(&fake_lock);
    while (fake_freed < count)
        pthread_cond_wait(&fake_changed, &fake_lock);
    assert_int_equal(fake_freed, count);
    pthread_mutex_unlock(&fake_lock);
}

#define SOAP "http://www.w3.org/2003/05/soap-envelope"
#define WSA "http://www.w3.org/2005/08/addressing"
#define ENVELOPE(headers) "<s:Envelope xmlns:s='" SOAP "' xmlns:a='" WSA "'>" \
    "<s:Header>" headers "</s:Header><s:Body><x xmlns='urn:x'/></s:Body>" \
    "</s:Envelope>"
#define ADD "<a:Action>urn:add</a:Action><a:MessageID>urn:1</a:MessageID>"

/* A host with the one endpoint, on a runtime of its own. */

static struct wwi_runtime *runtime;
static struct wwi_service_host *host;
static uint64_t handles;

static void create_host(const wws_service_host_options *options)
{
    wws_runtime_options wanted = WWS_RUNTIME_OPTIONS_INIT;
    wws_service_host_options usual = WWS_SERVICE_HOST_OPTIONS_INIT;
    wws_service_host handle;

    alarm(60);
    handles = wwi_table_count();
    fake_count = fake_freed = 0;
    fake_good = 4;
    fake_opening = NULL;
    fake_watching = NULL;
    chosen = &fake;
    wanted.loop_threads = 1;
    wanted.max_pool_threads = 8;
    runtime = wwi_runtime_new(&wanted);
    assert_non_null(runtime);
    assert_int_equal(wwi_service_host_create(runtime,
        options != NULL ? options : &usual, &handle, NULL), WWS_S_OK);
    assert_int_equal(wwi_table_get(handle.id, WWI_KIND_SERVICE_HOST, &host),
        WWS_S_OK);
}

static void add_endpoint(
    wws_endpoint_options endpoint,
    wws_operation_callbacks callbacks)
{
    endpoint.address = WWS_STR("http://127.0.0.1:0/x");
    endpoint.operations = &callbacks;
    assert_int_equal(wwi_service_host_add_endpoint(host, &endpoint, NULL),
        WWS_S_OK);
}

static void open_host(void)
{
    assert_int_equal(wwi_service_host_open(host, NULL, NULL), WWS_S_OK);
}

static wws_status close_host(void)
{
    return wwi_service_host_close(host, NULL, NULL);
}

/* Frees the host and ends its runtime; nothing is left. */
static void free_host(void)
{
    (void) wwi_service_host_free(host);
    wwi_object_unref(&host->object);
    (void) wwi_object_close(&runtime->object);
    assert_true(wwi_runtime_end(runtime, WWI_NEVER));
    wwi_object_unref(&runtime->object);
    assert_int_equal(wwi_table_count(), handles);
    alarm(0);
}

static struct wwi_operation *hold_operation(wws_operation handle)
{
    struct wwi_operation *operation;

    assert_int_equal(wwi_table_get(handle.id, WWI_KIND_OPERATION, &operation),
        WWS_S_OK);
    return operation;
}

#endif
