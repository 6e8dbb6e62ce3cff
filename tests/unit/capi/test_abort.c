/* Abort of each object, in each state and with something pending, and abandon,
 * while there is no memory, no thread and no descriptor to be had.
 *
 * What is pending is heard of while all that lasts. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "tests/support/sockets.h"
#include "wws/wws.h"

enum { HANG_MS = 30000 };

#define BODY "<t:x xmlns:t=\"urn:wws:test\">12</t:x>"
#define ACTION "urn:wws:test:Wait"

static const wws_error no_error;

/* No threads. */

static _Atomic bool threads_fail;

__attribute__((visibility("default"))) int pthread_create(
    pthread_t *thread,
    const pthread_attr_t *attributes,
    void *(*body)(void *state),
    void *state)
{
    static int (*next)(pthread_t *, const pthread_attr_t *,
        void *(*) (void *), void *);

    if (threads_fail)
        return EAGAIN;
    if (next == NULL)
        *(void **) &next = dlsym(RTLD_NEXT, "pthread_create");
    return next(thread, attributes, body, state);
}

static struct rlimit descriptors;

static void take_everything_away(void)
{
    struct rlimit none;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
    none = descriptors;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    threads_fail = true;
    wwi_memory_fail(1, 1);
}

static void give_everything_back(void)
{
    wwi_memory_fail(0, 0);
    threads_fail = false;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
}

/* What is pending, and what was heard of it. */

struct ear {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned heard;
    unsigned freed;
    wws_status status;
};

static void completed(wws_status status, void *state)
{
    struct ear *ear = state;

    pthread_mutex_lock(&ear->lock);
    ear->heard++;
    ear->status = status;
    pthread_cond_broadcast(&ear->changed);
    pthread_mutex_unlock(&ear->lock);
}

static void freed(void *state)
{
    struct ear *ear = state;

    pthread_mutex_lock(&ear->lock);
    ear->freed++;
    pthread_cond_broadcast(&ear->changed);
    pthread_mutex_unlock(&ear->lock);
}

static void await_counter(struct ear *ear, const unsigned *counter)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HANG_MS / 1000;
    pthread_mutex_lock(&ear->lock);
    while (*counter == 0)
        assert_int_equal(pthread_cond_timedwait(&ear->changed, &ear->lock,
            &end), 0);
    pthread_mutex_unlock(&ear->lock);
}

static wws_completion completion_of(struct ear *ear)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    completion.completed = completed;
    completion.free_state = freed;
    completion.state = ear;
    return completion;
}

/* One of each, open. */
struct fixture {
    wws_runtime runtime;
    wws_service_host host;
    wws_service_proxy proxy;
    wws_listener listener;
    wws_channel server;
    wws_channel client;
    wws_message request;
    wws_message reply;
    wws_buffer out;
    int silent;          /* where the client's requests go, and stay */
    char url[128];       /* of the host */
    struct ear called;   /* a call of the proxy */
    struct ear asked;    /* a request-reply of the client */
    struct ear accepted;
    struct ear served;   /* heard: an operation has begun; freed: it was told */
    wws_operation operation;
};

static void told(wws_cancel_reason reason, void *state)
{
    (void) reason;
    freed(state);
}

static wws_status serve(wws_operation operation, void *state)
{
    struct fixture *fixture = state;
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    fixture->operation = operation;
    callbacks.cancelled = told;
    callbacks.state = &fixture->served;
    completed(wws_operation_register_for_cancel(operation, &callbacks,
        no_error), &fixture->served);
    return WWS_S_ASYNC;
}

static wws_string text(const char *literal)
{
    return (wws_string) { literal, strlen(literal) };
}

static void open_servers(struct fixture *fixture)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    wws_buffer address;

    operations.serve = serve;
    operations.state = fixture;
    endpoint.operations = &operations;
    endpoint.address = text("http://127.0.0.1:0/");
    assert_int_equal(wws_service_host_create(fixture->runtime, NULL,
        &fixture->host, no_error), WWS_S_OK);
    assert_int_equal(wws_service_host_add_endpoint(fixture->host, &endpoint,
        no_error), WWS_S_OK);
    assert_int_equal(wws_service_host_open(fixture->host, NULL, no_error),
        WWS_S_OK);
    assert_int_equal(wws_service_host_get_address(fixture->host, 0, &address,
        no_error), WWS_S_OK);
    snprintf(fixture->url, sizeof fixture->url, "%.*s", (int) address.size,
        (const char *) address.data);
    wws_buffer_release(&address);
    assert_int_equal(wws_listener_create(fixture->runtime, NULL,
        &fixture->listener, no_error), WWS_S_OK);
    assert_int_equal(wws_listener_open(fixture->listener,
        text("http://127.0.0.1:0/"), NULL, no_error), WWS_S_OK);
}

/* The channel streams, so that a message of it can be abandoned. */
static void open_clients(struct fixture *fixture)
{
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;
    char url[64];
    uint16_t port;

    fixture->silent = listen_somewhere(&port);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned) port);
    options.transfer_mode = WWS_TRANSFER_MODE_STREAMED;
    assert_int_equal(wws_service_proxy_create(fixture->runtime, NULL,
        &fixture->proxy, no_error), WWS_S_OK);
    assert_int_equal(wws_service_proxy_open(fixture->proxy,
        text(fixture->url), NULL, no_error), WWS_S_OK);
    assert_int_equal(wws_channel_create(fixture->runtime, &options,
        &fixture->client, no_error), WWS_S_OK);
    assert_int_equal(wws_channel_open(fixture->client, text(url), NULL,
        no_error), WWS_S_OK);
    assert_int_equal(wws_channel_create_for_listener(fixture->listener, NULL,
        &fixture->server, no_error), WWS_S_OK);
    assert_int_equal(wws_message_create(NULL, &fixture->request, no_error),
        WWS_S_OK);
    assert_int_equal(wws_message_create(NULL, &fixture->reply, no_error),
        WWS_S_OK);
    assert_int_equal(wws_message_initialize(fixture->request,
        WWS_MESSAGE_INITIALIZATION_REQUEST, (wws_message) { 0 }, no_error),
        WWS_S_OK);
    assert_int_equal(wws_message_set_header(fixture->request,
        WWS_HEADER_ACTION, text(ACTION), no_error), WWS_S_OK);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct ear *ears[] = { &fixture->called, &fixture->asked,
        &fixture->accepted, &fixture->served };

    for (int i = 0; i < 4; i++) {
        pthread_mutex_init(&ears[i]->lock, NULL);
        pthread_cond_init(&ears[i]->changed, NULL);
    }
    assert_int_equal(wws_runtime_create(NULL, &fixture->runtime, no_error),
        WWS_S_OK);
    open_servers(fixture);
    open_clients(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->operation.id != 0)
        (void) wws_operation_complete(fixture->operation, WWS_S_OK, no_error);
    (void) wws_message_free(fixture->request);
    (void) wws_message_free(fixture->reply);
    (void) wws_channel_free(fixture->client);
    (void) wws_channel_free(fixture->server);
    (void) wws_listener_free(fixture->listener);
    (void) wws_service_proxy_free(fixture->proxy);
    (void) wws_service_host_free(fixture->host);
    assert_int_equal(wws_runtime_close(fixture->runtime, HANG_MS, no_error),
        WWS_S_OK);
    assert_int_equal(wws_runtime_free(fixture->runtime), WWS_S_OK);
    wws_buffer_release(&fixture->out);
    close(fixture->silent);
    free(fixture);
    return 0;
}

static void begin_call(struct fixture *fixture)
{
    wws_completion completion = completion_of(&fixture->called);

    assert_int_equal(wws_service_proxy_call(fixture->proxy, text(ACTION),
        (wws_bytes) { BODY, sizeof BODY - 1 }, NULL, NULL, &fixture->out,
        &completion, no_error), WWS_S_ASYNC);
    await_counter(&fixture->served, &fixture->served.heard);
    assert_int_equal(fixture->served.status, WWS_S_OK);
}

static void begin_accept(struct fixture *fixture)
{
    wws_completion completion = completion_of(&fixture->accepted);

    assert_int_equal(wws_listener_accept(fixture->listener, fixture->server,
        &completion, no_error), WWS_S_ASYNC);
}

static void begin_asking(struct fixture *fixture)
{
    wws_completion completion = completion_of(&fixture->asked);

    assert_int_equal(wws_message_set_body(fixture->request,
        (wws_bytes) { BODY, sizeof BODY - 1 }, no_error), WWS_S_OK);
    assert_int_equal(wws_channel_request_reply(fixture->client,
        fixture->request, fixture->reply, &completion, no_error),
        WWS_S_ASYNC);
}

static void assert_aborted(struct ear *ear)
{
    await_counter(ear, &ear->heard);
    await_counter(ear, &ear->freed);
    assert_int_equal(ear->heard, 1);
    assert_int_equal(ear->status, WWS_E_OPERATION_ABORTED);
}

/* G3, G7, D5 */
static void abort__of_what_is_open_needs_nothing(void **state)
{
    struct fixture *fixture = *state;

    begin_call(fixture);
    begin_accept(fixture);
    begin_asking(fixture);
    take_everything_away();

    assert_int_equal(wws_channel_abort(fixture->client), WWS_S_OK);
    assert_int_equal(wws_service_proxy_abort(fixture->proxy), WWS_S_OK);
    assert_int_equal(wws_listener_abort(fixture->listener), WWS_S_OK);
    assert_int_equal(wws_service_host_abort(fixture->host), WWS_S_OK);
    assert_aborted(&fixture->asked);
    assert_aborted(&fixture->called);
    assert_aborted(&fixture->accepted);
    /* The operation has been told, too. */
    await_counter(&fixture->served, &fixture->served.freed);
    give_everything_back();
}

static void abort_all(const struct fixture *fixture)
{
    assert_int_equal(wws_channel_abort(fixture->client), WWS_S_OK);
    assert_int_equal(wws_channel_abort(fixture->server), WWS_S_OK);
    assert_int_equal(wws_service_proxy_abort(fixture->proxy), WWS_S_OK);
    assert_int_equal(wws_listener_abort(fixture->listener), WWS_S_OK);
    assert_int_equal(wws_service_host_abort(fixture->host), WWS_S_OK);
}

/* G1, G3, D5: idle, faulted, closed, and created again. */
static void abort__needs_nothing_in_any_state(void **state)
{
    struct fixture *fixture = *state;

    take_everything_away();
    abort_all(fixture);
    abort_all(fixture);
    give_everything_back();
    assert_int_equal(wws_channel_close(fixture->client, NULL, no_error),
        WWS_S_OK);
    assert_int_equal(wws_service_proxy_close(fixture->proxy, NULL, no_error),
        WWS_S_OK);
    assert_int_equal(wws_listener_close(fixture->listener, NULL, no_error),
        WWS_S_OK);
    assert_int_equal(wws_service_host_close(fixture->host, NULL, no_error),
        WWS_S_OK);
    take_everything_away();
    abort_all(fixture);
    give_everything_back();
    assert_int_equal(wws_channel_reset(fixture->client, no_error), WWS_S_OK);
    assert_int_equal(wws_service_proxy_reset(fixture->proxy, no_error),
        WWS_S_OK);
    assert_int_equal(wws_listener_reset(fixture->listener, no_error),
        WWS_S_OK);
    assert_int_equal(wws_service_host_reset(fixture->host, no_error),
        WWS_S_OK);
    take_everything_away();
    abort_all(fixture);
    give_everything_back();
}

/* G73, G78: ending the wait for a call, or the call, needs nothing either. */
static void abandon_call__needs_nothing(void **state)
{
    struct fixture *fixture = *state;

    begin_call(fixture);
    take_everything_away();

    assert_int_equal(wws_service_proxy_abandon_call(fixture->proxy, 0,
        no_error), WWS_S_OK);
    await_counter(&fixture->called, &fixture->called.freed);
    give_everything_back();
    assert_int_equal(fixture->called.status, WWS_E_OPERATION_ABANDONED);
}

/* G92, G93 */
static void abandon_message__needs_nothing(void **state)
{
    struct fixture *fixture = *state;
    wws_message_info info = WWS_MESSAGE_INFO_INIT;

    assert_int_equal(wws_channel_write_message_start(fixture->client,
        fixture->request, NULL, no_error), WWS_S_OK);
    take_everything_away();

    assert_int_equal(wws_channel_abandon_message(fixture->client,
        fixture->request, no_error), WWS_S_OK);
    give_everything_back();
    assert_int_equal(wws_message_get_info(fixture->request, &info, no_error),
        WWS_S_OK);
    assert_int_equal(info.state, WWS_MESSAGE_STATE_DONE);
}

#define in_fixture(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_fixture(abort__of_what_is_open_needs_nothing),
        in_fixture(abort__needs_nothing_in_any_state),
        in_fixture(abandon_call__needs_nothing),
        in_fixture(abandon_message__needs_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
