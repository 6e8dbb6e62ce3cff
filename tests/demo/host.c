/* The service host of the demo, a process of its own.  It serves the Calculator
 * at one endpoint for each mode, and tells what happens to AddLater by notes:
 * in mode sync the operation blocks in its callback, in mode callback it is
 * completed later, and in mode queue it comes as an event. */
#include "roles.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calc.h"
#include "hearer.h"
#include "patience.h"
#include "peers.h"
#include "setting.h"

enum { HELD = 2048, AT_ONCE = 64 };

/* An AddLater.  They are not used again, so that an event which comes late
 * finds its own. */
struct held {
    uint32_t key;
    long sum;
    enum mode mode;
    wws_operation operation;

    /* Under the lock. */
    bool released;
    bool told;
    wws_cancel_reason reason;
};

static struct held helds[HELD];
static unsigned held_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct hearer hearer;

static void report(enum note_kind kind, uint32_t key, int64_t value)
{
    struct note note = {
        .kind = kind,
        .key = key,
        .value = value,
        .at_ns = now_ns(),
    };

    (void) note_send(CONTROL_FD, &note);
}

static void complain(uint32_t key, const char *what, wws_status status)
{
    struct note note = { .kind = NOTE_FAILED, .key = key, .value = status };

    snprintf(note.text, sizeof note.text, "%s: %s", what,
        wws_status_name(status));
    (void) note_send(CONTROL_FD, &note);
}

static wws_status reply(
    wws_operation operation,
    enum calc_operation which,
    long sum)
{
    char text[CALC_SIZE];

    return wws_operation_set_reply(operation, calc_reply(text, which, sum),
        (wws_error) { 0 });
}

/* What ends an AddLater that does not block. */
static void complete(struct held *held, wws_status status)
{
    if (status == WWS_S_OK)
        status = reply(held->operation, CALC_ADD_LATER, held->sum);
    status = wws_operation_complete(held->operation, status,
        (wws_error) { 0 });
    if (status < 0)
        complain(held->key, "cannot complete", status);
}

static void give_up(struct held *held, wws_cancel_reason reason)
{
    report(NOTE_TOLD, held->key, reason);
    complete(held, WWS_E_OPERATION_ABORTED);
}

static void cancelled(wws_cancel_reason reason, void *state)
{
    struct held *held = state;

    if (held->mode != MODE_SYNC) {
        give_up(held, reason);
        return;
    }
    pthread_mutex_lock(&lock);
    held->told = true;
    held->reason = reason;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void freed(void *state)
{
    struct held *held = state;

    report(NOTE_FREED, held->key, 0);
}

static struct held *hold(
    wws_operation operation,
    enum mode mode,
    long a,
    long b)
{
    struct held *held = NULL;

    pthread_mutex_lock(&lock);
    if (held_count < HELD) {
        held = &helds[held_count++];
        held->key = (uint32_t) a;
        held->sum = a + b;
        held->mode = mode;
        held->operation = operation;
    }
    pthread_mutex_unlock(&lock);
    return held;
}

static wws_status register_held(struct held *held)
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.state = held;
    callbacks.free_state = freed;
    if (held->mode == MODE_QUEUE)
        callbacks.queue = hearer.queue;
    else
        callbacks.cancelled = cancelled;
    return wws_operation_register_for_cancel(held->operation, &callbacks,
        (wws_error) { 0 });
}

/* Blocks until one of the two happens. */
static wws_status serve_blocked(struct held *held)
{
    bool told;

    pthread_mutex_lock(&lock);
    while (!held->released && !held->told)
        pthread_cond_wait(&changed, &lock);
    told = held->told;
    pthread_mutex_unlock(&lock);
    if (!told)
        return reply(held->operation, CALC_ADD_LATER, held->sum);
    report(NOTE_TOLD, held->key, held->reason);
    return WWS_E_OPERATION_ABORTED;
}

static wws_status add_later(
    wws_operation operation,
    enum mode mode,
    long a,
    long b)
{
    struct held *held = hold(operation, mode, a, b);
    wws_status status;

    if (held == NULL)
        return WWS_E_QUOTA_EXCEEDED;
    status = register_held(held);
    if (status < 0)
        return status;
    report(NOTE_ENTERED, held->key, 0);
    return mode == MODE_SYNC ? serve_blocked(held) : WWS_S_ASYNC;
}

static bool is_action(wws_string action, enum calc_operation operation)
{
    wws_string wanted = calc_action(operation);

    return action.size == wanted.size
        && memcmp(action.data, wanted.data, wanted.size) == 0;
}

static wws_status serve_as(wws_operation operation, enum mode mode)
{
    wws_operation_info info = WWS_OPERATION_INFO_INIT;
    wws_error none = { 0 };
    wws_bytes body = { 0 };
    wws_status status = wws_operation_get_info(operation, &info, none);
    long a, b;

    if (status >= 0)
        status = wws_operation_get_body(operation, &body, none);
    if (status < 0)
        return status;
    if (!calc_read_request(body, &a, &b))
        return WWS_E_INVALID_FORMAT;
    if (is_action(info.action, CALC_ADD))
        return reply(operation, CALC_ADD, a + b);
    if (is_action(info.action, CALC_ADD_LATER))
        return add_later(operation, mode, a, b);
    return WWS_E_ENDPOINT_ACTION_NOT_SUPPORTED;
}

static wws_status serve(wws_operation operation, void *state)
{
    const enum mode *mode = state;

    return serve_as(operation, *mode);
}

/* The queue has operations and their cancellations. */
static void hear(const wws_event *event)
{
    wws_status status;

    switch (event->kind) {
    case WWS_EVENT_KIND_CANCELLED:
        give_up(event->state, event->reason);
        break;
    case WWS_EVENT_KIND_OPERATION:
        status = serve_as(event->operation, MODE_QUEUE);
        if (status != WWS_S_ASYNC)
            (void) wws_operation_complete(event->operation, status,
                (wws_error) { 0 });
        break;
    }
}

static void release(uint32_t key)
{
    struct held *held = NULL;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < held_count; i++)
        if (helds[i].key == key)
            held = &helds[i];
    if (held != NULL)
        held->released = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (held != NULL && held->mode != MODE_SYNC)
        complete(held, WWS_S_OK);
}

static wws_status add_endpoint(
    wws_service_host service,
    const struct setting *setting,
    wws_envelope_version version,
    uint32_t max_concurrency,
    enum mode mode)
{
    static enum mode modes[MODES] = { MODE_SYNC, MODE_CALLBACK, MODE_QUEUE };
    wws_endpoint_options endpoint = setting_endpoint(setting);
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    char url[URL_SIZE];

    operations.state = &modes[mode];
    if (mode == MODE_QUEUE)
        operations.queue = hearer.queue;
    else
        operations.serve = serve;
    endpoint.address = setting_url(setting, url, 0);
    endpoint.operations = &operations;
    endpoint.envelope_version = version;
    endpoint.max_concurrency = max_concurrency;
    return wws_service_host_add_endpoint(service, &endpoint,
        (wws_error) { 0 });
}

static wws_status tell_address(wws_service_host service, uint32_t index)
{
    struct note note = { .kind = NOTE_ADDRESS, .key = index };
    wws_buffer address = { 0 };
    wws_status status = wws_service_host_get_address(service, index, &address,
        (wws_error) { 0 });

    if (status < 0)
        return status;
    snprintf(note.text, sizeof note.text, "%.*s", (int) address.size,
        (const char *) address.data);
    wws_buffer_release(&address);
    (void) note_send(CONTROL_FD, &note);
    return WWS_S_OK;
}

/* As roles.h has them. */
static wws_status add_endpoints(
    wws_service_host service,
    const struct setting *setting)
{
    wws_envelope_version version = setting->envelope_version;
    wws_envelope_version other = version == WWS_ENVELOPE_VERSION_SOAP_1_1
        ? WWS_ENVELOPE_VERSION_SOAP_1_2 : WWS_ENVELOPE_VERSION_SOAP_1_1;
    wws_status status = WWS_S_OK;

    for (enum mode mode = 0; mode < MODES && status >= 0; mode++)
        status = add_endpoint(service, setting, version, AT_ONCE, mode);
    for (enum mode mode = 0; mode < MODES && status >= 0; mode++)
        status = add_endpoint(service, setting, version, 1, mode);
    if (status >= 0)
        status = add_endpoint(service, setting, other, 1, MODE_SYNC);
    return status;
}

static wws_status open_host(
    wws_service_host service,
    const struct setting *setting)
{
    wws_status status = add_endpoints(service, setting);

    if (status >= 0)
        status = wws_service_host_open(service, NULL, (wws_error) { 0 });
    for (uint32_t i = 0; i < HOST_ENDPOINTS && status >= 0; i++)
        status = tell_address(service, i);
    return status;
}

static void abort_host(wws_service_host service)
{
    struct note note = { .kind = NOTE_ABORTED, .at_ns = now_ns() };
    wws_service_host_state state = 0;
    wws_status status = wws_service_host_abort(service);

    if (status < 0)
        complain(0, "cannot abort", status);
    (void) wws_service_host_get_state(service, &state, (wws_error) { 0 });
    note.value = state;
    (void) note_send(CONTROL_FD, &note);
}

static void close_host(wws_service_host service)
{
    report(NOTE_CLOSED, 0,
        wws_service_host_close(service, NULL, (wws_error) { 0 }));
}

/* Until the other end of the pipe is closed. */
static void obey(wws_service_host service)
{
    struct note note;

    while (note_receive(CONTROL_FD, &note)) {
        switch (note.kind) {
        case NOTE_RELEASE:
            release(note.key);
            break;
        case NOTE_ABORT:
            abort_host(service);
            break;
        case NOTE_CLOSE:
            close_host(service);
            break;
        }
    }
}

int run_host(const struct setting *setting)
{
    wws_runtime runtime = { 0 };
    wws_service_host service = { 0 };
    wws_error none = { 0 };
    wws_status status = wws_runtime_create(NULL, &runtime, none);

    if (status < 0 || !hearer_start(&hearer, runtime, hear))
        return 1;
    status = wws_service_host_create(runtime, NULL, &service, none);
    if (status >= 0)
        status = open_host(service, setting);
    if (status >= 0)
        obey(service);
    else
        complain(0, "cannot open the host", status);
    (void) wws_service_host_abort(service);
    (void) wws_service_host_close(service, NULL, none);
    (void) wws_service_host_free(service);
    hearer_end(&hearer);
    if (wws_runtime_close(runtime, PATIENCE_MS / 2, none) < 0)
        status = WWS_E_OPERATION_TIMED_OUT;
    (void) wws_runtime_free(runtime);
    return status < 0;
}
