/* Without memory, or without descriptors: what a program does is refused with
 * the status that says so, nothing is left behind, and afterwards all is well.
 *
 * One whole life - a host, a proxy, calls in each manner, a listener and a
 * channel that answers, all of it closed - is lived once for each allocation
 * that it makes, and that one fails; then also all that follow. */
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

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/io/wake.h"
#include "tests/support/valgrind.h"
#include "wws/wws.h"

enum { HANG_MS = 30000, ANSWER_MS = 500, SLOW_ANSWER_MS = 5000 };

#define BODY "<t:x xmlns:t=\"urn:wws:test\">12</t:x>"
#define ACTION "urn:wws:test:Echo"

static const wws_error no_error;

/* Whether nothing is refused. */
static bool has_all;

/* What is in time with all the memory, as a rule. */
static uint32_t answer_ms(void)
{
    if (has_all)
        return HANG_MS;
    return under_valgrind() ? SLOW_ANSWER_MS : ANSWER_MS;
}

/* What one life has, and what it came to. */
struct life {
    wws_runtime runtime;
    wws_error error;
    wws_queue queue;
    wws_service_host host;
    wws_service_proxy proxy;
    wws_listener listener;
    wws_channel server;
    wws_channel client;
    wws_message messages[4];
    char url[2][128];

    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned begun;
    unsigned heard;
    unsigned freed;
    _Atomic unsigned refused;
};

/* Statuses that lack of memory may have, here or at the other end. */
static bool is_expected(wws_status status)
{
    switch (status) {
    case WWS_E_OUTOFMEMORY:
    case WWS_E_ENDPOINT_DISCONNECTED:
    case WWS_E_ENDPOINT_FAULT_RECEIVED:
    case WWS_E_ENDPOINT_TOO_BUSY:
    case WWS_E_ENDPOINT_FAILURE:
    case WWS_E_OPERATION_ABORTED:
    case WWS_E_OPERATION_TIMED_OUT: /* no descriptor to accept with */
        return true;
    default:
        return status >= 0;
    }
}

/* Whether to go on. */
static bool went(struct life *life, wws_status status, const char *what)
{
    if (!is_expected(status)) {
        print_error("%s: %s\n", what, wws_status_name(status));
        fail();
    }
    if (status < 0)
        life->refused++;
    return status >= 0;
}

#define WENT(call) went(life, (call), #call)

static wws_status serve(wws_operation operation, void *state)
{
    wws_bytes body;
    wws_status status = wws_operation_get_body(operation, &body, no_error);

    (void) state;
    if (status >= 0)
        status = wws_operation_set_reply(operation, body, no_error);
    return status;
}

static void completed(wws_status status, void *state)
{
    struct life *life = state;

    pthread_mutex_lock(&life->lock);
    life->heard++;
    if (status < 0)
        life->refused++;
    pthread_cond_broadcast(&life->changed);
    pthread_mutex_unlock(&life->lock);
}

static void free_state(void *state)
{
    struct life *life = state;

    pthread_mutex_lock(&life->lock);
    life->freed++;
    pthread_mutex_unlock(&life->lock);
}

static void await_all(struct life *life)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HANG_MS / 1000;
    pthread_mutex_lock(&life->lock);
    while (life->heard < life->begun)
        assert_int_equal(pthread_cond_timedwait(&life->changed, &life->lock,
            &end), 0);
    pthread_mutex_unlock(&life->lock);
}

static void host_serves(struct life *life)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    wws_buffer address;

    callbacks.serve = serve;
    endpoint.operations = &callbacks;
    endpoint.address = WWS_STR("http://127.0.0.1:0/test");
    if (!WENT(wws_service_host_create(life->runtime, NULL, &life->host,
            life->error))
        || !WENT(wws_service_host_add_endpoint(life->host, &endpoint,
            life->error))
        || !WENT(wws_service_host_open(life->host, NULL, life->error))
        || !WENT(wws_service_host_get_address(life->host, 0, &address,
            life->error)))
        return;
    memcpy(life->url[0], address.data, address.size);
    wws_buffer_release(&address);
}

static wws_status call(
    struct life *life,
    const wws_completion *completion,
    wws_buffer *reply)
{
    wws_call handle = { 0 };

    return wws_service_proxy_call(life->proxy, WWS_STR(ACTION),
        (wws_bytes) { BODY, sizeof BODY - 1 }, NULL, &handle, reply,
        completion, completion != NULL ? no_error : life->error);
}

static void call_at_once(struct life *life)
{
    wws_buffer reply = { 0 };

    if (WENT(call(life, NULL, &reply)))
        wws_buffer_release(&reply);
}

static void call_with_callback(struct life *life)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    static wws_buffer reply;
    wws_status status;

    completion.state = life;
    completion.completed = completed;
    completion.free_state = free_state;
    reply = (wws_buffer) { 0 };
    life->begun++;
    status = call(life, &completion, &reply);
    if (status != WWS_S_ASYNC)
        life->begun--;
    (void) went(life, status, "call with callback");
    await_all(life);
    wws_buffer_release(&reply);
}

static void fetch(struct life *life)
{
    struct pollfd polled = { .events = POLLIN };
    wws_event event = WWS_EVENT_INIT;
    uint32_t count;

    assert_int_equal(wws_queue_get_fd(life->queue, &polled.fd, no_error),
        WWS_S_OK);
    assert_int_equal(poll(&polled, 1, HANG_MS), 1);
    assert_int_equal(wws_queue_next(life->queue, 1, &event, &count, no_error),
        WWS_S_OK);
    assert_int_equal(count, 1);
    assert_true(is_expected(event.status));
    assert_int_equal(wws_error_free(event.error), WWS_S_OK);
    if (event.status < 0)
        life->refused++;
}

static void call_with_queue(struct life *life)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    static wws_buffer reply;
    wws_status status;

    if (life->queue.id == 0
        && !WENT(wws_queue_create(life->runtime, &life->queue, life->error)))
        return;
    completion.queue = life->queue;
    reply = (wws_buffer) { 0 };
    status = call(life, &completion, &reply);
    if (went(life, status, "call with queue") && status == WWS_S_ASYNC)
        fetch(life);
    wws_buffer_release(&reply);
}

static void proxy_calls(struct life *life)
{
    wws_string url = { life->url[0], strlen(life->url[0]) };
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;

    options.call_timeout_ms = answer_ms();
    if (url.size == 0
        || !WENT(wws_service_proxy_create(life->runtime, &options,
            &life->proxy, life->error))
        || !WENT(wws_service_proxy_open(life->proxy, url, NULL, life->error)))
        return;
    call_at_once(life);
    call_with_callback(life);
    call_with_queue(life);
}

static bool listener_listens(struct life *life)
{
    wws_buffer address;

    if (!WENT(wws_listener_create(life->runtime, NULL, &life->listener,
            life->error))
        || !WENT(wws_listener_open(life->listener,
            WWS_STR("http://127.0.0.1:0/test"), NULL, life->error))
        || !WENT(wws_channel_create_for_listener(life->listener, NULL,
            &life->server, life->error))
        || !WENT(wws_listener_get_address(life->listener, &address,
            life->error)))
        return false;
    memcpy(life->url[1], address.data, address.size);
    wws_buffer_release(&address);
    return true;
}

static bool messages_are_made(struct life *life)
{
    for (int i = 0; i < 4; i++)
        if (!WENT(wws_message_create(NULL, &life->messages[i], life->error)))
            return false;
    return WENT(wws_message_initialize(life->messages[0],
            WWS_MESSAGE_INITIALIZATION_REQUEST, (wws_message) { 0 },
            life->error))
        && WENT(wws_message_set_header(life->messages[0], WWS_HEADER_ACTION,
            WWS_STR(ACTION), life->error))
        && WENT(wws_message_set_body(life->messages[0],
            (wws_bytes) { BODY, sizeof BODY - 1 }, life->error));
}

static bool client_asks(struct life *life, wws_completion *completion)
{
    wws_string url = { life->url[1], strlen(life->url[1]) };
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;
    wws_status status;

    options.receive_response_timeout_ms = answer_ms();
    if (!WENT(wws_channel_create(life->runtime, &options, &life->client,
            life->error))
        || !WENT(wws_channel_open(life->client, url, NULL, life->error)))
        return false;
    life->begun++;
    status = wws_channel_request_reply(life->client, life->messages[0],
        life->messages[1], completion, no_error);
    if (status != WWS_S_ASYNC)
        life->begun--;
    return went(life, status, "request_reply");
}

/* The accept may wait for a request that has been lost, so that only the end
 * of the asking tells whether to go on waiting. */
static bool server_receives(
    struct life *life,
    wws_completion *completion,
    unsigned before)
{
    wws_channel_state state = WWS_CHANNEL_STATE_ACCEPTING;
    wws_status status;

    life->begun++;
    status = wws_listener_accept(life->listener, life->server, completion,
        no_error);
    if (status != WWS_S_ASYNC)
        life->begun--;
    if (!went(life, status, "accept"))
        return false;
    pthread_mutex_lock(&life->lock);
    while (life->heard == before)
        pthread_cond_wait(&life->changed, &life->lock);
    pthread_mutex_unlock(&life->lock);
    assert_int_equal(wws_channel_get_state(life->server, &state, no_error),
        WWS_S_OK);
    return state == WWS_CHANNEL_STATE_OPEN
        && WENT(wws_channel_receive(life->server, life->messages[2],
            WWS_RECEIVE_OPTION_OPTIONAL, NULL, life->error));
}

static bool server_answers(struct life *life)
{
    return WENT(wws_message_initialize(life->messages[3],
            WWS_MESSAGE_INITIALIZATION_REPLY, life->messages[2], life->error))
        && WENT(wws_message_set_header(life->messages[3], WWS_HEADER_ACTION,
            WWS_STR(ACTION "Response"), life->error))
        && WENT(wws_message_set_body(life->messages[3],
            (wws_bytes) { BODY, sizeof BODY - 1 }, life->error))
        && WENT(wws_channel_send_reply(life->server, life->messages[3],
            NULL, life->error));
}

static void channels_talk(struct life *life)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    unsigned before = life->heard;

    completion.state = life;
    completion.completed = completed;
    completion.free_state = free_state;
    if (!listener_listens(life) || !messages_are_made(life)
        || !client_asks(life, &completion))
        return;
    if (!server_receives(life, &completion, before)
        || !server_answers(life)) {
        assert_int_equal(wws_channel_abort(life->server), WWS_S_OK);
        assert_int_equal(wws_channel_abort(life->client), WWS_S_OK);
    }
    await_all(life);
}

/* A close waits for all, and leaves the object closed whatever it lacks. */
static void close_all(struct life *life)
{
    wws_service_proxy_state proxy;
    wws_service_host_state host;
    wws_listener_state listener;
    wws_channel_state channel;

    if (life->client.id != 0) {
        assert_true(wws_channel_close(life->client, NULL, life->error) >= 0);
        (void) wws_channel_get_state(life->client, &channel, no_error);
        assert_int_equal(channel, WWS_CHANNEL_STATE_CLOSED);
    }
    if (life->server.id != 0)
        assert_true(wws_channel_close(life->server, NULL, life->error) >= 0);
    if (life->listener.id != 0) {
        assert_true(wws_listener_close(life->listener, NULL, life->error)
            >= 0);
        (void) wws_listener_get_state(life->listener, &listener, no_error);
        assert_int_equal(listener, WWS_LISTENER_STATE_CLOSED);
    }
    if (life->proxy.id != 0) {
        assert_true(wws_service_proxy_close(life->proxy, NULL, life->error)
            >= 0);
        (void) wws_service_proxy_get_state(life->proxy, &proxy, no_error);
        assert_int_equal(proxy, WWS_SERVICE_PROXY_STATE_CLOSED);
    }
    if (life->host.id != 0) {
        assert_true(wws_service_host_close(life->host, NULL, life->error)
            >= 0);
        (void) wws_service_host_get_state(life->host, &host, no_error);
        assert_int_equal(host, WWS_SERVICE_HOST_STATE_CLOSED);
    }
}

static void free_all(struct life *life)
{
    for (int i = 0; i < 4; i++)
        assert_int_equal(wws_message_free(life->messages[i]), WWS_S_OK);
    assert_int_equal(wws_channel_free(life->client), WWS_S_OK);
    assert_int_equal(wws_channel_free(life->server), WWS_S_OK);
    assert_int_equal(wws_listener_free(life->listener), WWS_S_OK);
    assert_int_equal(wws_service_proxy_free(life->proxy), WWS_S_OK);
    assert_int_equal(wws_service_host_free(life->host), WWS_S_OK);
    assert_int_equal(wws_queue_free(life->queue), WWS_S_OK);
    assert_int_equal(wws_error_free(life->error), WWS_S_OK);
    if (life->runtime.id == 0)
        return;
    assert_int_equal(wws_runtime_close(life->runtime, HANG_MS, no_error),
        WWS_S_OK);
    assert_int_equal(wws_runtime_free(life->runtime), WWS_S_OK);
}

/* How much of it was refused. */
static unsigned live(void)
{
    struct life all = {
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    struct life *life = &all;

    (void) WENT(wws_error_create(&life->error));
    if (WENT(wws_runtime_create(NULL, &life->runtime, life->error))) {
        host_serves(life);
        proxy_calls(life);
        channels_talk(life);
        close_all(life);
    }
    free_all(life);
    assert_int_equal(life->heard, life->freed);
    return life->refused;
}

static unsigned descriptors(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void live_well(void)
{
    has_all = true;
    assert_int_equal(live(), 0);
    has_all = false;
}

/* The stock of the process, which is never given back, is no leak. */
static int fill_stock(void **state)
{
    struct wwi_wake *wakes[16];

    (void) state;
    for (int i = 0; i < 16; i++)
        wakes[i] = wwi_wake_take();
    for (int i = 0; i < 16; i++)
        wwi_wake_give(wakes[i]);
    return 0;
}

/* Lives with the n-th allocation failing, for every n that there is. */
static void live_without_memory(bool every)
{
    uint64_t blocks, asked;
    unsigned open;

    live_well();
    blocks = wwi_memory_live();
    open = descriptors();
    for (uint64_t n = 1;; n++) {
        asked = wwi_memory_asked();
        wwi_memory_fail(n, every);
        (void) live();
        wwi_memory_fail(0, 0);
        if (wwi_memory_live() != blocks || descriptors() != open) {
            print_error("allocation %u: %u blocks more, %u descriptors\n",
                (unsigned) n, (unsigned) (wwi_memory_live() - blocks),
                descriptors() - open);
            fail();
        }
        if (wwi_memory_asked() - asked < n)
            break;
    }
    live_well();
}

/* A16, A17, O11 */
static void life__goes_on_without_any_one_allocation(void **state)
{
    (void) state;
    live_without_memory(false);
}

/* A16, A17 */
static void life__ends_well_without_more_memory(void **state)
{
    (void) state;
    live_without_memory(true);
}

/* Leaves so many descriptors, wakes that are in stock not counted. */
static void limit_descriptors(rlim_t most)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = most;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void life__goes_on_with_any_number_of_descriptors(void **state)
{
    struct rlimit before;
    uint64_t blocks;
    unsigned open;
    unsigned refused;
    rlim_t most;

    (void) state;
    live_well();
    blocks = wwi_memory_live();
    open = descriptors();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    most = open;
    do {
        limit_descriptors(most++);
        refused = live();
        limit_descriptors(before.rlim_cur);
        assert_int_equal(wwi_memory_live(), blocks);
        assert_int_equal(descriptors(), open);
    } while (refused != 0);
    assert_true(most > open + 2);
    live_well();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life__goes_on_without_any_one_allocation),
        cmocka_unit_test(life__ends_well_without_more_memory),
        cmocka_unit_test(life__goes_on_with_any_number_of_descriptors),
    };

    return cmocka_run_group_tests(tests, fill_stock, NULL);
}
