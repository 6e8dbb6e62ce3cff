/* Which requests a host serves, and as what; what failures tell clients. */
#include "tests/support/public/desk.h"
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#define OTHER_ACTION "urn:wws:test:Other"

static const wws_error no_error;

/* One call of a client of its own. */
static wws_status call_by(
    const struct desk *desk,
    struct call call,
    wws_error error)
{
    wws_status status;

    call.proxy = world_proxy(desk->world, NULL, desk->url);
    status = start_call(&call, NULL, error);
    wws_buffer_release(&call.reply);
    must(wws_service_proxy_free(call.proxy) == WWS_S_OK);
    return status;
}

static wws_status call_at_desk(const struct desk *desk, const char *action)
{
    return call_by(desk, call_to((wws_service_proxy) { 0 }, action),
        no_error);
}

static wws_status call_with_headers(
    const struct desk *desk,
    const char *body,
    unsigned headers)
{
    static const char header[] = "<h xmlns='urn:h'/>";
    struct call call = call_to((wws_service_proxy) { 0 }, ACTION_ECHO);
    wws_message message = new_request(ACTION_ECHO, 0);
    wws_status status;

    for (unsigned i = 0; i < headers; i++)
        must(wws_message_add_custom_header(message, (wws_bytes) {
            header, sizeof header - 1 }, false, no_error) == WWS_S_OK);
    call.body = (wws_bytes) { body, strlen(body) };
    call.options.request_headers = message;
    status = call_by(desk, call, no_error);
    must(wws_message_free(message) == WWS_S_OK);
    return status;
}

/* TS7: an action that is not served has a fault of its own; one that is named
 * among others is found. */
static void endpoint__serves_the_actions_that_it_names(void **state)
{
    const wws_string actions[] = {
        WWS_STR("urn:x"), WWS_STR("urn:wws:test:Ech"), WWS_STR(ACTION_ECHO),
        WWS_STR("urn:wws:test:Echo2"), WWS_STR("urn:y"),
    };

    for (int way = 0; way < WAYS; way++)
        for (int authorizes = 0; authorizes < 2; authorizes++) {
            wws_endpoint_options endpoint = endpoint_options();
            struct desk desk = { 0 };

            endpoint.authorizes = authorizes != 0;
            endpoint.actions = actions;
            endpoint.actions_count = 5;
            desk_open(&desk, *state, way, &endpoint);
            assert_status(call_at_desk(&desk, ACTION_ECHO), WWS_S_OK);
            assert_status(call_at_desk(&desk, OTHER_ACTION),
                WWS_E_ENDPOINT_ACTION_NOT_SUPPORTED);
            assert_status(call_at_desk(&desk, ACTION_ECHO), WWS_S_OK);

            assert_true(desk_reads(&desk, authorizes ? "UCUUC" : "CC"));
            desk_close(&desk);
        }
}

static void expect_one_way(struct desk *desk, wws_operation operation)
{
    wws_operation_info info = WWS_OPERATION_INFO_INIT;

    (void) desk;
    must(wws_operation_get_info(operation, &info, no_error) == WWS_S_OK);
    must((info.one_way != 0) == (info.action.size == strlen(OTHER_ACTION)));
}

/* TS7: no reply and no fault, though the request names where to answer to; the
 * next request is answered as ever. */
static void one_way_action__has_no_answer(void **state)
{
    const wws_string one_way = WWS_STR(OTHER_ACTION);

    for (int way = 0; way < WAYS; way++)
        for (int fails = 0; fails < 2; fails++) {
            wws_endpoint_options endpoint = endpoint_options();
            struct desk desk = { .of[CALL] = {
                .result = fails ? WWS_E_OTHER : WWS_S_OK,
                .act = expect_one_way,
            } };
            int client;

            endpoint.one_way_actions = &one_way;
            endpoint.one_way_actions_count = 1;
            desk_open(&desk, *state, way, &endpoint);
            client = peer_connect(desk.url);
            peer_request(client, OTHER_ACTION, 0);
            if (!wire()->has_sessions)
                assert_int_equal(peer_response(client), 202);
            assert_true(desk_reads(&desk, "C"));
            desk_set(&desk, CALL, (struct conduct) { .act = expect_one_way });
            peer_request_again(client, ACTION_ECHO);

            assert_true(peer_answered(client));
            assert_true(desk_reads(&desk, "CC"));
            peer_reset(client);
            desk_close(&desk);
        }
}

/* T41, G144: what no other operation is for; its failure aborts the channel,
 * where that of a call sends a fault. */
static void default_handler__gets_what_is_not_named(void **state)
{
    const wws_string action = WWS_STR(ACTION_ECHO);

    for (int way = 0; way < WAYS; way++)
        for (size_t named = 0; named < 2; named++) {
            wws_endpoint_options endpoint = endpoint_options();
            struct desk desk = { 0 };

            endpoint.default_handler = true;
            endpoint.max_concurrency = 1;
            endpoint.actions = &action;
            endpoint.actions_count = named;
            desk_open(&desk, *state, way, &endpoint);
            assert_status(call_at_desk(&desk, ACTION_ECHO), WWS_S_OK);
            assert_status(call_at_desk(&desk, OTHER_ACTION), WWS_S_OK);
            desk_set(&desk, CALL, (struct conduct) {
                .result = WWS_E_OTHER });
            desk_set(&desk, MESSAGE, (struct conduct) {
                .result = WWS_E_OTHER });
            assert_status(call_at_desk(&desk, ACTION_ECHO), named
                ? WWS_E_ENDPOINT_FAULT_RECEIVED
                : WWS_E_ENDPOINT_DISCONNECTED);
            assert_status(call_at_desk(&desk, OTHER_ACTION),
                WWS_E_ENDPOINT_DISCONNECTED);

            assert_true(desk_reads(&desk, named ? "CMCM" : "MMMM"));
            desk_close(&desk);
        }
}

/* H7: it wants its messages one by one. */
static void default_handler__wants_a_concurrency_of_one(void **state)
{
    static const struct {
        uint32_t max_concurrency;
        wws_status status;
    } cases[] = {
        { 0, WWS_S_OK }, { 1, WWS_S_OK }, { 2, WWS_E_INVALIDARG },
        { 100, WWS_E_INVALIDARG },
    };
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = endpoint_options();
    struct world *world = *state;
    wws_service_host host;

    operations.serve = gate_serve;
    endpoint.operations = &operations;
    endpoint.address = text(wire()->any_port);
    endpoint.default_handler = true;
    assert_status(wws_service_host_create(world->runtime, NULL, &host,
        no_error), WWS_S_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        endpoint.max_concurrency = cases[i].max_concurrency;
        assert_status(wws_service_host_add_endpoint(host, &endpoint,
            no_error), cases[i].status);
    }
    assert_status(wws_service_host_free(host), WWS_S_OK);
}

/* What operations put into their error objects. */

static void say_nothing(struct desk *desk, wws_operation operation)
{
    wws_error reason, again;

    must(wws_operation_get_error(operation, &reason, no_error) == WWS_S_OK);
    must(wws_operation_get_error(operation, &again, no_error) == WWS_S_OK);
    must(reason.id == again.id);
    desk->user = (void *) (uintptr_t) reason.id;
}

static void say_why(struct desk *desk, wws_operation operation)
{
    wws_error reason;

    (void) desk;
    must(wws_operation_get_error(operation, &reason, no_error) == WWS_S_OK);
    must(wws_error_add_string(reason, text("no such row")) == WWS_S_OK);
    must(wws_error_add_string(reason, text("cannot read")) == WWS_S_OK);
}

static void say_fault(struct desk *desk, wws_operation operation)
{
    wws_fault fault = WWS_FAULT_INIT;
    wws_error reason;

    say_why(desk, operation);
    fault.code = WWS_FAULT_CODE_SENDER;
    fault.reason = text("no money");
    must(wws_operation_get_error(operation, &reason, no_error) == WWS_S_OK);
    must(wws_error_set_fault(reason, &fault) == WWS_S_OK);
}

static void set_fault_too(struct desk *desk, wws_operation operation)
{
    wws_fault fault = WWS_FAULT_INIT;

    say_fault(desk, operation);
    fault.reason = text("set by itself");
    must(wws_operation_set_fault(operation, &fault, no_error) == WWS_S_OK);
}

static bool is_told(wws_error error, const char *wanted)
{
    wws_fault_info fault = WWS_FAULT_INFO_INIT;

    must(wws_error_get_fault(error, &fault) == WWS_S_OK);
    return fault.reason.size == strlen(wanted)
        && memcmp(fault.reason.data, wanted, fault.reason.size) == 0;
}

/* A36, O12, TE5, TS7, T62: a fault that was set is sent in any case, the
 * strings only by a host that discloses them; else the client learns
 * nothing. */
static void failure__tells_what_may_be_disclosed(void **state)
{
    static const struct {
        void (*act)(struct desk *desk, wws_operation operation);
        const char *full;
        const char *minimal; /* null: a fixed text */
    } cases[] = {
        { NULL, "WWS_E_QUOTA_EXCEEDED", NULL },
        { say_nothing, "WWS_E_QUOTA_EXCEEDED", NULL },
        { say_why, "cannot read: no such row", NULL },
        { say_fault, "no money", "no money" },
        { set_fault_too, "set by itself", "set by itself" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int full = 0; full < 2; full++) {
            wws_service_host_options options =
                WWS_SERVICE_HOST_OPTIONS_INIT;
            const char *wanted = full ? cases[i].full : cases[i].minimal;
            struct desk desk = { .options = &options, .of[CALL] = {
                .result = WWS_E_QUOTA_EXCEEDED, .act = cases[i].act } };
            wws_error error;

            options.fault_disclosure = full ? WWS_FAULT_DISCLOSURE_FULL
                : WWS_FAULT_DISCLOSURE_MINIMAL;
            desk_open(&desk, *state, LONG_WAY, NULL);
            assert_status(wws_error_create(&error), WWS_S_OK);
            assert_status(call_by(&desk, call_to(
                (wws_service_proxy) { 0 }, ACTION_ECHO), error),
                WWS_E_ENDPOINT_FAULT_RECEIVED);

            if (wanted != NULL)
                assert_true(is_told(error, wanted));
            else
                assert_false(is_told(error, cases[i].full));
            assert_status(wws_error_free(error), WWS_S_OK);
            desk_close(&desk);
        }
}

/* A36, A37: it belongs to the operation, and goes with it. */
static void operation__keeps_its_error_object(void **state)
{
    struct desk desk = { .of[CALL] = {
        .result = WWS_S_OK, .act = say_nothing } };
    wws_error_info info = WWS_ERROR_INFO_INIT;
    wws_error reason;

    desk_open(&desk, *state, LONG_WAY, NULL);
    assert_status(call_at_desk(&desk, ACTION_ECHO), WWS_S_OK);
    desk_close(&desk);

    reason.id = (uint64_t) (uintptr_t) desk.user;
    assert_status(wws_error_get_info(reason, &info), WWS_E_HANDLE);
}

#define DEEP "<a xmlns='urn:a'><b><c><d><e><f/></e></d></c></b></a>"
#define WIDE "<a xmlns='urn:a' b='1' c='2' d='3' e='4' f='5'/>"

/* Quotas of the endpoint: what they allow is served, more is answered with a
 * fault and never seen. */
static void endpoint__limits_what_it_reads(void **state)
{
    static const struct {
        uint32_t max_headers, max_depth, max_attributes;
        const char *body;
        unsigned headers;
        bool fits;
    } cases[] = {
        { 0, 0, 0, DEEP, 50, true },
        { 0, 0, 0, WIDE, 0, true },
        { 0, 8, 0, DEEP, 0, true },
        { 0, 7, 0, DEEP, 0, false },
        { 0, 0, 5, WIDE, 0, true },
        { 0, 0, 4, WIDE, 0, false },
        { 20, 0, 0, DEEP, 10, true },
        { 20, 0, 0, DEEP, 20, false },
        /* Before it is known who asks. */
        { 1, 0, 0, DEEP, 0, false },
        { 0, 2, 0, DEEP, 0, false },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wws_endpoint_options endpoint = endpoint_options();
        struct desk desk = { 0 };

        endpoint.max_headers = cases[i].max_headers;
        endpoint.max_depth = cases[i].max_depth;
        endpoint.max_attributes = cases[i].max_attributes;
        desk_open(&desk, *state, LONG_WAY, &endpoint);
        assert_status(call_with_headers(&desk, cases[i].body,
            cases[i].headers), cases[i].fits ? WWS_S_OK
            : WWS_E_ENDPOINT_FAULT_RECEIVED);

        assert_true(desk_reads(&desk, cases[i].fits ? "C" : ""));
        desk_close(&desk);
    }
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(endpoint__serves_the_actions_that_it_names),
        in_world(one_way_action__has_no_answer),
        in_world(default_handler__gets_what_is_not_named),
        in_world(default_handler__wants_a_concurrency_of_one),
        in_world(failure__tells_what_may_be_disclosed),
        in_world(operation__keeps_its_error_object),
        in_world(endpoint__limits_what_it_reads),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
