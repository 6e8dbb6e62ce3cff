/* The host of C: the service that scenarios call, and the controls by which a
 * runner learns what has happened in it, and makes it happen.  README.md one
 * folder up has the words.
 *
 * Calls of Wait and Hold are operations that are completed later, so that any
 * number of them takes no thread; controls block the thread they are on. */
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

enum { PATIENCE_S = 10, CROWD = 256, CLOSE_TIMEOUT_MS = 300 };

/* A call of Hold that is to be released, or of Wait to be cancelled. */
struct held {
    struct held *next;
    wws_operation operation;
    char *text;
};

/* What is known of the service, under the lock. */
static struct {
    wws_service_host host;
    unsigned entered;
    unsigned cancelled;
    unsigned ended;
    wws_cancel_reason reason;
    bool released;
    struct held *holds;
    bool over; /* nobody waits any more */
} service;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static const wws_error none;
static wws_runtime runtime;

static void count(unsigned *counter)
{
    pthread_mutex_lock(&lock);
    (*counter)++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* Whether it came to be so many, before patience was over. */
static bool reached(const unsigned *counter, unsigned wanted)
{
    struct timespec until;
    bool there;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&lock);
    while (*counter < wanted && !service.over
        && pthread_cond_timedwait(&changed, &lock, &until) == 0)
        continue;
    there = *counter >= wanted;
    pthread_mutex_unlock(&lock);
    return there;
}

static wws_status reply(wws_operation operation, const char *text)
{
    wws_bytes body = body_of("Reply", text);
    wws_status status = wws_operation_set_reply(operation, body, none);

    free((void *) body.data);
    return status;
}

/* The service. */

static wws_status add(wws_operation operation, const char *text)
{
    char sum[32];
    long a = 0;
    long b = 0;

    if (sscanf(text, "%ld+%ld", &a, &b) != 2)
        return WWS_E_INVALID_FORMAT;
    snprintf(sum, sizeof sum, "%ld", a + b);
    return reply(operation, sum);
}

static wws_status refuse(wws_operation operation, const char *text)
{
    wws_fault fault = WWS_FAULT_INIT;
    wws_bytes detail = body_of("Detail", text);

    fault.code = WWS_FAULT_CODE_SENDER;
    fault.subcode_namespace = text_of(NAMESPACE);
    fault.subcode_name = text_of("Refused");
    fault.reason = text_of("refused");
    fault.detail = detail;
    (void) wws_operation_set_fault(operation, &fault, none);
    free((void *) detail.data);
    return WWS_E_ENDPOINT_FAILURE;
}

static void free_held(void *state)
{
    struct held *held = state;

    free(held->text);
    free(held);
}

static struct held *new_held(wws_operation operation, const char *text)
{
    struct held *held = calloc(1, sizeof *held);

    if (held != NULL) {
        held->operation = operation;
        held->text = strdup(text);
    }
    return held;
}

static void told(wws_cancel_reason reason, void *state)
{
    struct held *held = state;

    pthread_mutex_lock(&lock);
    service.reason = reason;
    pthread_mutex_unlock(&lock);
    count(&service.cancelled);
    (void) wws_operation_complete(held->operation, WWS_E_OPERATION_ABORTED,
        none);
    count(&service.ended);
}

static wws_status wait_for_end(wws_operation operation, const char *text)
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;
    struct held *held = new_held(operation, text);
    wws_status status;

    if (held == NULL)
        return WWS_E_OUTOFMEMORY;
    callbacks.state = held;
    callbacks.free_state = free_held;
    callbacks.cancelled = told;
    status = wws_operation_register_for_cancel(operation, &callbacks, none);
    if (status < 0) {
        free_held(held);
        return status;
    }
    count(&service.entered);
    return WWS_S_ASYNC;
}

static void let_go(struct held *held)
{
    wws_status status = reply(held->operation, held->text);

    (void) wws_operation_complete(held->operation, status, none);
    free_held(held);
    count(&service.ended);
}

static wws_status hold(wws_operation operation, const char *text)
{
    struct held *held = new_held(operation, text);
    bool released;

    if (held == NULL)
        return WWS_E_OUTOFMEMORY;
    pthread_mutex_lock(&lock);
    released = service.released;
    if (!released) {
        held->next = service.holds;
        service.holds = held;
    }
    pthread_mutex_unlock(&lock);
    count(&service.entered);
    if (released)
        let_go(held);
    return WWS_S_ASYNC;
}

static void release_all(void)
{
    struct held *held;

    pthread_mutex_lock(&lock);
    service.released = true;
    held = service.holds;
    service.holds = NULL;
    pthread_mutex_unlock(&lock);
    while (held != NULL) {
        struct held *next = held->next;

        let_go(held);
        held = next;
    }
}

static wws_status crash(wws_operation operation, const char *text)
{
    (void) operation;
    (void) text;
    return WWS_E_OTHER;
}

static wws_status cut(wws_operation operation, const char *text)
{
    if (wws_operation_abort_channel(operation) < 0)
        return WWS_E_OTHER;
    return reply(operation, text);
}

/* The controls. */

static wws_status tell_address(wws_operation operation)
{
    wws_buffer address = { 0 };
    wws_status status = wws_service_host_get_address(service.host, 0, &address,
        none);
    char *text;

    if (status < 0)
        return status;
    text = strndup(address.data, address.size);
    wws_buffer_release(&address);
    status = reply(operation, text);
    free(text);
    return status;
}

static void end_service(void)
{
    release_all();
    (void) wws_service_host_abort(service.host);
    (void) wws_service_host_close(service.host, NULL, none);
    (void) wws_service_host_free(service.host);
}

static void begin_counting(void)
{
    pthread_mutex_lock(&lock);
    service.entered = 0;
    service.cancelled = 0;
    service.ended = 0;
    service.released = false;
    pthread_mutex_unlock(&lock);
}

static wws_status open_host(
    bool controls,
    wws_transport transport,
    wws_service_host *host);

static wws_status begin(wws_operation operation, const char *text)
{
    wws_transport transport = strcmp(text, "tcp") == 0
        ? WWS_TRANSPORT_TCP : WWS_TRANSPORT_HTTP;
    wws_status status;

    end_service();
    begin_counting();
    status = open_host(false, transport, &service.host);
    return status < 0 ? status : tell_address(operation);
}

static wws_status tell_count(
    wws_operation operation,
    const unsigned *counter,
    const char *text)
{
    if (!reached(counter, (unsigned) strtoul(text, NULL, 10)))
        return WWS_E_OPERATION_TIMED_OUT;
    return reply(operation, text);
}

static wws_status tell_entered(wws_operation operation, const char *text)
{
    return tell_count(operation, &service.entered, text);
}

static wws_status tell_ended(wws_operation operation, const char *text)
{
    return tell_count(operation, &service.ended, text);
}

static wws_status tell_cancelled(wws_operation operation, const char *text)
{
    static const char *const names[] = { "host_aborted", "channel_faulted" };
    wws_cancel_reason reason;

    if (!reached(&service.cancelled, (unsigned) strtoul(text, NULL, 10)))
        return WWS_E_OPERATION_TIMED_OUT;
    pthread_mutex_lock(&lock);
    reason = service.reason;
    pthread_mutex_unlock(&lock);
    return reply(operation,
        reason < sizeof names / sizeof *names ? names[reason] : "unknown");
}

static wws_status release(wws_operation operation, const char *text)
{
    release_all();
    return reply(operation, text);
}

static wws_status abort_service(wws_operation operation, const char *text)
{
    wws_status status = wws_service_host_abort(service.host);

    return status < 0 ? status : reply(operation, text);
}

static wws_status close_service(wws_operation operation, const char *text)
{
    (void) text;
    return reply(operation, wws_status_name(
        wws_service_host_close(service.host, NULL, none)));
}

/* Both. */

struct entry {
    const char *action;
    wws_status (*serve)(wws_operation operation, const char *text);
};

static const struct entry operations[] = {
    { "Add", add },
    { "Echo", reply },
    { "Fail", refuse },
    { "Crash", crash },
    { "Cut", cut },
    { "Wait", wait_for_end },
    { "Hold", hold },
    { NULL, crash },
};

static const struct entry controls[] = {
    { "Begin", begin },
    { "Entered", tell_entered },
    { "Cancelled", tell_cancelled },
    { "Ended", tell_ended },
    { "Release", release },
    { "Abort", abort_service },
    { "Close", close_service },
    { NULL, crash },
};

static bool names(wws_string action, const char *name)
{
    size_t before = sizeof NAMESPACE; /* and a slash */

    return action.size == before + strlen(name)
        && memcmp(action.data + before, name, strlen(name)) == 0;
}

static wws_status serve(wws_operation operation, void *state)
{
    const struct entry *entry = state;
    wws_operation_info info = WWS_OPERATION_INFO_INIT;
    wws_bytes body = { 0 };
    wws_status status = wws_operation_get_info(operation, &info, none);
    char *text;

    if (status >= 0)
        status = wws_operation_get_body(operation, &body, none);
    if (status < 0)
        return status;
    while (entry->action != NULL && !names(info.action, entry->action))
        entry++;
    text = text_in(body);
    status = entry->serve(operation, text);
    free(text);
    return status;
}

static wws_status add_endpoint(
    wws_service_host host,
    bool of_controls,
    wws_transport transport)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;

    callbacks.serve = serve;
    callbacks.state = (void *) (of_controls ? controls : operations);
    endpoint.address = text_of(transport == WWS_TRANSPORT_TCP
        ? "net.tcp://127.0.0.1:0/suite" : "http://127.0.0.1:0/suite");
    endpoint.operations = &callbacks;
    endpoint.transport = transport;
    endpoint.encoding = WWS_ENCODING_UTF8;
    endpoint.max_channels = CROWD;
    endpoint.max_concurrency = CROWD;
    return wws_service_host_add_endpoint(host, &endpoint, none);
}

static wws_status open_host(
    bool of_controls,
    wws_transport transport,
    wws_service_host *host)
{
    wws_service_host_options options = WWS_SERVICE_HOST_OPTIONS_INIT;
    wws_status status;

    options.close_timeout_ms = CLOSE_TIMEOUT_MS;
    status = wws_service_host_create(runtime, &options, host, none);
    if (status >= 0)
        status = add_endpoint(*host, of_controls, transport);
    if (status >= 0)
        status = wws_service_host_open(*host, NULL, none);
    return status;
}

static wws_status print_address(wws_service_host host)
{
    wws_buffer address = { 0 };
    wws_status status = wws_service_host_get_address(host, 0, &address, none);

    if (status >= 0)
        printf("%.*s\n", (int) address.size, (const char *) address.data);
    fflush(stdout);
    wws_buffer_release(&address);
    return status;
}

static void await_end_of_input(void)
{
    char octets[64];

    while (read(STDIN_FILENO, octets, sizeof octets) > 0)
        continue;
}

static void end_waiting(void)
{
    pthread_mutex_lock(&lock);
    service.over = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

int main(void)
{
    wws_service_host host = { 0 };
    wws_status status = wws_runtime_create(NULL, &runtime, none);

    if (status >= 0)
        status = open_host(true, WWS_TRANSPORT_HTTP, &host);
    if (status >= 0)
        status = print_address(host);
    if (status >= 0)
        await_end_of_input();
    else
        fprintf(stderr, "host: %s\n", wws_status_name(status));
    end_waiting();
    end_service();
    (void) wws_service_host_close(host, NULL, none);
    (void) wws_service_host_free(host);
    if (wws_runtime_close(runtime, PATIENCE_S * 1000, none) < 0)
        return 1;
    (void) wws_runtime_free(runtime);
    return status < 0;
}
