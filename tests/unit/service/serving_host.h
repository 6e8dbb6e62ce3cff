/* A host of which an operation registers, and notes what it sees. */
#ifndef SERVING_HOST_H
#define SERVING_HOST_H

#include "fake.h"

static struct {
    wws_status result;
    int served;
    int entered;
    int leave;
    int cancelled;
    int endpoint_freed;
    int completed;
    wws_status status;
    wws_cancel_reason reason;
    struct wwi_operation *last; /* with a reference */
    wws_status inside;
} seen;

static inline wws_service_host_state host_state(void)
{
    wws_service_host_state now;

    assert_int_equal(wwi_service_host_get_state(host, &now, NULL), WWS_S_OK);
    return now;
}

static inline void count_freed(void *state)
{
    set_flag(state);
}

static inline void cancelled(wws_cancel_reason reason, void *state)
{
    (void) state;
    pthread_mutex_lock(&fake_lock);
    seen.reason = reason;
    seen.cancelled++;
    changed();
}

static inline void register_operation(struct wwi_operation *operation)
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.cancelled = cancelled;
    assert_int_equal(wwi_operation_register_for_cancel(operation, &callbacks,
        NULL), WWS_S_OK);
}

static inline wws_status serve(wws_operation handle, void *state)
{
    (void) state;
    if (seen.last != NULL)
        wwi_object_unref(&seen.last->object);
    seen.last = hold_operation(handle);
    register_operation(seen.last);
    set_flag(&seen.served);
    return seen.result;
}

static inline wws_operation_callbacks callbacks_of(
    wws_status (*function)(wws_operation operation, void *state))
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;

    callbacks.serve = function;
    callbacks.state = &seen.endpoint_freed;
    callbacks.free_state = count_freed;
    return callbacks;
}

static inline void add(
    wws_callback_model model,
    wws_status (*function)(wws_operation operation, void *state))
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    endpoint.callback_model = model;
    add_endpoint(endpoint, callbacks_of(function));
}

static inline void begin(wws_status result)
{
    memset(&seen, 0, sizeof seen);
    seen.result = result;
    create_host(NULL);
    add(WWS_CALLBACK_MODEL_SHORT, serve);
}

static inline void end(void)
{
    if (seen.last != NULL)
        wwi_object_unref(&seen.last->object);
    seen.last = NULL;
    free_host();
}

static inline void ask(struct request *request)
{
    send_to(fake_servers[0], request, ENVELOPE(ADD));
}

static inline void complete_last(void)
{
    assert_int_equal(wwi_operation_complete(seen.last, WWS_S_OK, NULL),
        WWS_S_OK);
}

static inline void completed(wws_status status, void *state)
{
    (void) state;
    seen.status = status;
    set_flag(&seen.completed);
}

static inline wws_completion completion(void)
{
    wws_completion callbacks = WWS_COMPLETION_INIT;

    callbacks.completed = completed;
    return callbacks;
}

static inline wws_status close_later(void)
{
    wws_completion callbacks = completion();

    return wwi_service_host_close(host, &callbacks, NULL);
}

static inline wws_status do_open(void)
{
    return wwi_service_host_open(host, NULL, NULL);
}

static inline wws_status do_abort(void)
{
    return wwi_service_host_abort(host);
}

static inline wws_status do_reset(void)
{
    return wwi_service_host_reset(host, NULL);
}

#endif
