/* A host that serves sessions: each operation registers, and notes what becomes
 * of it. */
#ifndef SERVING_SESSIONS_H
#define SERVING_SESSIONS_H

#include "fake_session.h"

enum { OPERATIONS = 160 };

static struct {
    wws_status result;
    bool steals;
    int served;
    int cancelled;
    int completed;
    wws_status status;
    struct op {
        struct wwi_operation *operation; /* with a reference */
        struct wwi_incoming *stolen;
        int cancelled;
        int freed;
        wws_cancel_reason reason;
    } ops[OPERATIONS];
} seen;

#define MESSAGE(n) ENVELOPE("<a:Action>urn:add</a:Action>" \
    "<a:MessageID>urn:" #n "</a:MessageID>")

static inline void cancelled(wws_cancel_reason reason, void *state)
{
    struct op *op = state;

    pthread_mutex_lock(&fake_lock);
    op->reason = reason;
    op->cancelled++;
    seen.cancelled++;
    changed();
}

static inline void freed(void *state)
{
    struct op *op = state;

    set_flag(&op->freed);
}

static inline void register_operation(struct op *op)
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.cancelled = cancelled;
    callbacks.free_state = freed;
    callbacks.state = op;
    assert_int_equal(wwi_operation_register_for_cancel(op->operation,
        &callbacks, NULL), WWS_S_OK);
}

/* A request in place of one that the test takes for itself. */

static inline void forget_watch(
    struct wwi_incoming *incoming,
    void (*gone)(struct wwi_incoming *incoming))
{
    (void) incoming;
    (void) gone;
}

static inline void forget_reply(
    struct wwi_incoming *incoming,
    struct wwi_outgoing *outgoing,
    wwi_replied_fn replied,
    void *state)
{
    const struct wwi_outcome outcome = { 0 };

    (void) incoming;
    wwi_bytes_fini(&outgoing->envelope);
    replied(state, &outcome);
}

static inline void forget_drop(struct wwi_incoming *incoming)
{
    (void) incoming;
}

static const struct wwi_incoming_calls forgetting = {
    .watch = forget_watch,
    .reply = forget_reply,
    .drop = forget_drop,
};
static struct wwi_incoming nobody = { .calls = &forgetting };

static inline wws_status serve(wws_operation handle, void *state)
{
    struct op *op = &seen.ops[seen.served];

    (void) state;
    op->operation = hold_operation(handle);
    register_operation(op);
    if (seen.steals) {
        op->stolen = op->operation->incoming;
        op->operation->incoming = &nobody;
    }
    set_flag(&seen.served);
    return seen.result;
}

/* The endpoint of sessions is the first. */
static inline void begin_with(
    wws_endpoint_options endpoint,
    const wws_service_host_options *options,
    wws_status result)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;

    memset(&seen, 0, sizeof seen);
    seen.result = result;
    callbacks.serve = serve;
    fake_line_count = 0;
    create_host(options);
    chosen = &fake_sessions;
    endpoint.callback_model = WWS_CALLBACK_MODEL_SHORT;
    add_endpoint(endpoint, callbacks);
}

static inline void begin(uint32_t max_concurrency, wws_status result)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    endpoint.max_concurrency = max_concurrency;
    begin_with(endpoint, NULL, result);
    open_host();
}

static inline void connect_here(struct line *line)
{
    init_line(line);
    connect_line(line, fake_servers[0]);
}

static inline void complete(int index)
{
    assert_int_equal(wwi_operation_complete(seen.ops[index].operation,
        WWS_S_OK, NULL), WWS_S_OK);
}

static inline void end(void)
{
    for (int i = 0; i < OPERATIONS; i++)
        if (seen.ops[i].operation != NULL)
            wwi_object_unref(&seen.ops[i].operation->object);
    free_host();
    for (uint32_t i = 0; i < fake_line_count; i++) {
        assert_int_equal(fake_lines[i]->misused, 0);
        assert_int_equal(fake_lines[i]->released, 1);
    }
}

/* The client is through. */
static inline void end_in_order(struct line *line)
{
    hang_up(line);
    await(&line->released);
    assert_int_equal(line->shut, 1);
    assert_int_equal(line->aborts, 0);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static inline void assert_heard(
    const struct line *line,
    int index,
    const char *text)
{
    assert_true(index < line->heard_count);
    if (strstr(line->heard[index], text) == NULL)
        fail_msg("no %s in %s", text, line->heard[index]);
}

static inline void completed(wws_status status, void *state)
{
    (void) state;
    seen.status = status;
    set_flag(&seen.completed);
}

static inline void close_later(void)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    completion.completed = completed;
    assert_int_equal(wwi_service_host_close(host, &completion, NULL),
        WWS_S_ASYNC);
}

static inline void *break_thread(void *state)
{
    break_line(state, WWS_E_ENDPOINT_DISCONNECTED);
    return NULL;
}

#endif
