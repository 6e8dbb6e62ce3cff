/* Every cell of the table of service proxies.  Over HTTP an open does not wait,
 * so that nobody can see a proxy that is opening. */
#include "table.h"

enum {
    CREATED = WWS_SERVICE_PROXY_STATE_CREATED,
    OPEN = WWS_SERVICE_PROXY_STATE_OPEN,
    CLOSING = WWS_SERVICE_PROXY_STATE_CLOSING,
    CLOSED = WWS_SERVICE_PROXY_STATE_CLOSED,
    FAULTED = WWS_SERVICE_PROXY_STATE_FAULTED,
};

static const wws_error no_error;

struct object {
    struct world *world;
    wws_service_proxy proxy;
    struct call pending;
    struct heard held;
    struct heard closing;
    bool closes;
};

static uint32_t state_of(void *state)
{
    struct object *object = state;
    wws_service_proxy_state proxy;

    must(wws_service_proxy_get_state(object->proxy, &proxy, no_error)
        == WWS_S_OK);
    return proxy;
}

static wws_status open_proxy(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct object *object = state;

    return wws_service_proxy_open(object->proxy, text(object->world->url),
        completion, error);
}

static wws_status call_proxy(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct object *object = state;
    struct call call = call_to(object->proxy, ACTION_ECHO);

    return wws_service_proxy_call(call.proxy, text(call.action), call.body,
        &call.options, NULL, NULL, completion, error);
}

static wws_status close_proxy(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct object *object = state;

    return wws_service_proxy_close(object->proxy, completion, error);
}

static wws_status abandon(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct object *object = state;

    (void) completion;
    return wws_service_proxy_abandon_call(object->proxy, 99, error);
}

static wws_status abort_proxy(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct object *object = state;

    (void) completion;
    (void) error;
    return wws_service_proxy_abort(object->proxy);
}

static wws_status reset_proxy(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct object *object = state;

    (void) completion;
    return wws_service_proxy_reset(object->proxy, error);
}

static void begin_closing(struct object *object)
{
    object->pending = call_to(object->proxy, ACTION_LATER);
    hear(&object->held, CALLBACK, start_call, &object->pending);
    hear(&object->closing, CALLBACK, close_proxy, object);
    object->closes = true;
}

static void *make(struct world *world, uint32_t state)
{
    struct object *object = calloc(1, sizeof *object);

    must(object != NULL);
    object->world = world;
    must(wws_service_proxy_create(world->runtime, NULL, &object->proxy,
        no_error) == WWS_S_OK);
    if (state != CREATED)
        must(open_proxy(object, NULL, no_error) == WWS_S_OK);
    if (state == FAULTED)
        must(wws_service_proxy_abort(object->proxy) == WWS_S_OK);
    if (state == CLOSING)
        begin_closing(object);
    if (state == CLOSED)
        must(close_proxy(object, NULL, no_error) == WWS_S_OK);
    return object;
}

static void unmake(void *state)
{
    struct object *object = state;
    wws_status status = wws_service_proxy_free(object->proxy);

    must(status == WWS_S_OK || status == WWS_E_HANDLE);
    if (object->closes) {
        must(heard_end(&object->held) == WWS_E_OPERATION_ABORTED);
        must(heard_end(&object->closing) == WWS_E_OPERATION_ABORTED);
    }
    free(object);
}

static const uint32_t states[] = { CREATED, OPEN, CLOSING, CLOSED, FAULTED };

static void proxy__keeps_to_the_table(void **state)
{
    static const struct row rows[] = {
        { "open", open_proxy, { { OK, OPEN }, { INV, OPEN }, { INV, CLOSING },
            { INV, CLOSED }, { INV, FAULTED } } },
        { "call", call_proxy, { { INV, CREATED }, { OK, OPEN },
            { INV, CLOSING }, { INV, CLOSED }, { FLT, FAULTED } } },
        { "abandon", abandon, { { INV, CREATED }, { OK, OPEN },
            { OK, CLOSING }, { INV, CLOSED }, { OK, FAULTED } } },
        { "close", close_proxy, { { OK, CLOSED }, { OK, CLOSED },
            { INV, CLOSING }, { OK, CLOSED }, { OK, CLOSED } } },
        { "reset", reset_proxy, { { OK, CREATED }, { INV, OPEN },
            { INV, CLOSING }, { OK, CREATED }, { INV, FAULTED } } },
    };
    const struct table table = { states, COUNT(states), rows, COUNT(rows),
        make, state_of, unmake };

    walk(&table, *state);
}

/* The close that is pending ends soon after an abort. */
static void proxy__is_aborted_as_in_the_table(void **state)
{
    static const uint32_t calm[] = { CREATED, OPEN, CLOSED, FAULTED };
    static const struct row rows[] = {
        { "abort", abort_proxy, { { OK, CREATED }, { OK, FAULTED },
            { OK, CLOSED }, { OK, FAULTED } } },
    };
    const struct table table = { calm, COUNT(calm), rows, COUNT(rows), make,
        state_of, unmake };
    struct object *object = make(*state, CLOSING);

    walk(&table, *state);
    assert_status(abort_proxy(object, NULL, no_error), WWS_S_OK);
    assert_status(heard_wait(&object->closing), WWS_E_OPERATION_ABORTED);
    assert_int_equal(state_of(object), CLOSED);
    unmake(object);
}

/* D12 */
static void proxy__can_be_freed_in_every_state(void **state)
{
    for (unsigned i = 0; i < COUNT(states); i++) {
        struct object *object = make(*state, states[i]);

        assert_status(wws_service_proxy_free(object->proxy), WWS_S_OK);
        assert_status(wws_service_proxy_free(object->proxy), WWS_E_HANDLE);
        unmake(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(proxy__keeps_to_the_table),
        in_world(proxy__is_aborted_as_in_the_table),
        in_world(proxy__can_be_freed_in_every_state),
    };

    return cmocka_run_group_tests(tests, world_warm_up, world_cool_down);
}
