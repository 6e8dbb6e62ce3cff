/* An endpoint whose operations do what a script says and note what they see. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "fake.h"

#include "core/base/text.h"

/* What serve does, and what it has seen. */
static struct script {
    wws_status (*act)(struct wwi_operation *operation);
    wws_status result;
    int served;
    struct wwi_operation *last; /* with a reference */
    /* What was registered. */
    int cancelled;
    int entered;
    int leave;
    int freed;
    int cancelled_before_free;
    wws_cancel_reason reason;
    bool blocks;
    bool completes;
    int value; /* whose address is the state */
} script;

static inline wws_status serve(wws_operation handle, void *state)
{
    struct wwi_operation *operation = hold_operation(handle);
    wws_status status = script.result;

    assert_ptr_equal(state, &script);
    if (script.last != NULL)
        wwi_object_unref(&script.last->object);
    script.last = operation;
    if (script.act != NULL)
        status = script.act(operation);
    set_flag(&script.served);
    return status;
}

static inline void begin_with(
    wws_endpoint_options endpoint,
    const wws_service_host_options *options,
    wws_status (*act)(struct wwi_operation *operation),
    wws_status result)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;

    script = (struct script) { .act = act, .result = result };
    callbacks.serve = serve;
    callbacks.state = &script;
    create_host(options);
    add_endpoint(endpoint, callbacks);
    open_host();
}

static inline wws_endpoint_options short_endpoint(void)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    endpoint.callback_model = WWS_CALLBACK_MODEL_SHORT;
    return endpoint;
}

static inline void begin(
    wws_status (*act)(struct wwi_operation *operation),
    wws_status result)
{
    begin_with(short_endpoint(), NULL, act, result);
}

static inline void drop_last(void)
{
    if (script.last != NULL)
        wwi_object_unref(&script.last->object);
    script.last = NULL;
}

static inline void end(void)
{
    drop_last();
    free_host();
}

static inline void ask(struct request *request, const char *envelope)
{
    send_to(fake_servers[0], request, envelope);
}

static inline void assert_has(const struct request *request, const char *text)
{
    if (strstr(request->text, text) == NULL)
        fail_msg("no %s in %s", text, request->text);
}

#endif
