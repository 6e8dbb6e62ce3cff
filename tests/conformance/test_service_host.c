/* Every cell of the table of service hosts.  Opening does not wait, so that
 * nobody can see a host that is opening. */
#include "table.h"

enum {
    CREATED = WWS_SERVICE_HOST_STATE_CREATED,
    OPEN = WWS_SERVICE_HOST_STATE_OPEN,
    CLOSING = WWS_SERVICE_HOST_STATE_CLOSING,
    CLOSED = WWS_SERVICE_HOST_STATE_CLOSED,
    FAULTED = WWS_SERVICE_HOST_STATE_FAULTED,
};

static const wws_error no_error;

struct object {
    struct gate gate;
    wws_service_host host;
    int client;
    struct heard closing;
    bool closes;
};

static uint32_t state_of(void *state)
{
    struct object *object = state;
    wws_service_host_state host;

    must(wws_service_host_get_state(object->host, &host, no_error)
        == WWS_S_OK);
    return host;
}

static wws_status open_host(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct object *object = state;

    return wws_service_host_open(object->host, completion, error);
}

static wws_status close_host(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct object *object = state;

    return wws_service_host_close(object->host, completion, error);
}

static wws_status add_endpoint(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    struct object *object = state;

    (void) completion;
    operations.serve = gate_serve;
    operations.state = &object->gate;
    endpoint.operations = &operations;
    endpoint.address = WWS_STR("http://127.0.0.1:0/test");
    return wws_service_host_add_endpoint(object->host, &endpoint, error);
}

static wws_status abort_host(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct object *object = state;

    (void) completion;
    (void) error;
    return wws_service_host_abort(object->host);
}

static wws_status reset_host(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct object *object = state;

    (void) completion;
    return wws_service_host_reset(object->host, error);
}

static wws_status get_address(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct object *object = state;
    wws_buffer address = { 0 };
    wws_status status = wws_service_host_get_address(object->host, 0,
        &address, error);

    (void) completion;
    must((address.size != 0) == (status == WWS_S_OK));
    wws_buffer_release(&address);
    return status;
}

/* An operation that has not completed. */
static void begin_closing(struct object *object)
{
    char url[128] = { 0 };
    wws_buffer address;

    must(wws_service_host_get_address(object->host, 0, &address, no_error)
        == WWS_S_OK);
    memcpy(url, address.data, address.size);
    wws_buffer_release(&address);
    object->client = peer_connect(url);
    peer_request(object->client, ACTION_LATER, 0);
    must(gate_reaches(&object->gate, &object->gate.entered, 1));
    hear(&object->closing, CALLBACK, close_host, object);
    object->closes = true;
}

static void *make(struct world *world, uint32_t state)
{
    struct object *object = calloc(1, sizeof *object);

    must(object != NULL);
    gate_init(&object->gate);
    must(wws_service_host_create(world->runtime, NULL, &object->host,
        no_error) == WWS_S_OK);
    must(add_endpoint(object, NULL, no_error) == WWS_S_OK);
    if (state != CREATED)
        must(open_host(object, NULL, no_error) == WWS_S_OK);
    if (state == FAULTED)
        must(wws_service_host_abort(object->host) == WWS_S_OK);
    if (state == CLOSING)
        begin_closing(object);
    if (state == CLOSED)
        must(close_host(object, NULL, no_error) == WWS_S_OK);
    return object;
}

static void unmake(void *state)
{
    struct object *object = state;
    wws_status status = wws_service_host_free(object->host);

    must(status == WWS_S_OK || status == WWS_E_HANDLE);
    gate_open(&object->gate);
    if (object->closes) {
        must(heard_end(&object->closing) == WWS_E_OPERATION_ABORTED);
        peer_reset(object->client);
    }
    gate_fini(&object->gate);
    free(object);
}

static const uint32_t states[] = { CREATED, OPEN, CLOSING, CLOSED, FAULTED };

static void host__keeps_to_the_table(void **state)
{
    static const struct row rows[] = {
        { "open", open_host, { { OK, OPEN }, { INV, OPEN }, { INV, CLOSING },
            { INV, CLOSED }, { INV, FAULTED } } },
        { "add endpoint", add_endpoint, { { OK, CREATED }, { INV, OPEN },
            { INV, CLOSING }, { INV, CLOSED }, { INV, FAULTED } } },
        { "abort", abort_host, { { OK, CREATED }, { OK, FAULTED },
            { OK, CLOSING }, { OK, CLOSED }, { OK, FAULTED } } },
        { "close", close_host, { { OK, CLOSED }, { OK, CLOSED },
            { INV, CLOSING }, { OK, CLOSED }, { OK, CLOSED } } },
        { "reset", reset_host, { { OK, CREATED }, { INV, OPEN },
            { INV, CLOSING }, { OK, CREATED }, { INV, FAULTED } } },
        { "get address", get_address, { { INV, CREATED }, { OK, OPEN },
            { INV, CLOSING }, { INV, CLOSED }, { INV, FAULTED } } },
    };
    const struct table table = { states, COUNT(states), rows, COUNT(rows),
        make, state_of, unmake };

    walk(&table, *state);
}

/* D12 */
static void host__can_be_freed_in_every_state(void **state)
{
    for (unsigned i = 0; i < COUNT(states); i++) {
        struct object *object = make(*state, states[i]);

        assert_status(wws_service_host_free(object->host), WWS_S_OK);
        assert_status(wws_service_host_free(object->host), WWS_E_HANDLE);
        unmake(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(host__keeps_to_the_table),
        in_world(host__can_be_freed_in_every_state),
    };

    return cmocka_run_group_tests(tests, world_warm_up, world_cool_down);
}
