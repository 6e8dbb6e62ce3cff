/* Statuses, each with its value, its name and an occasion, and the error
 * objects that say more. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const wws_error no_error;

/* Occasions. */

static wws_status succeed(struct world *world)
{
    return call_now(world->proxy, ACTION_ECHO);
}

static wws_status find_nothing(struct world *world)
{
    wws_message message = new_empty();
    wws_string header;
    wws_status status;

    (void) world;
    must(wws_message_initialize(message, WWS_MESSAGE_INITIALIZATION_BLANK,
        (wws_message) { 0 }, no_error) == WWS_S_OK);
    status = wws_message_get_header(message, WWS_HEADER_TO, &header, no_error);
    must(wws_message_free(message) == WWS_S_OK);
    return status;
}

/* Leaves it pending, and says what the function answered; its end is `then`. */
static wws_status wait_for(
    struct world *world,
    void (*end)(struct world *world, wws_call call),
    uint32_t timeout_ms,
    wws_status *then)
{
    struct call call = call_to(world->proxy, ACTION_LATER);
    wws_call handle = { 0 };
    struct heard heard;
    wws_status returned;

    call.handle = &handle;
    call.options.call_id = 7;
    call.options.timeout_ms = timeout_ms;
    hear(&heard, CALLBACK, start_call, &call);
    returned = heard.returned;
    if (end != NULL)
        end(world, handle);
    *then = heard_end(&heard);
    return returned;
}

static void give_up(struct world *world, wws_call call)
{
    (void) call;
    must(wws_service_proxy_abandon_call(world->proxy, 7, no_error)
        == WWS_S_OK);
}

static void cancel(struct world *world, wws_call call)
{
    (void) world;
    must(wws_call_cancel(call) == WWS_S_OK);
}

static wws_status begin_only(struct world *world)
{
    wws_status then;

    return wait_for(world, cancel, WWS_INFINITE, &then);
}

static wws_status be_cancelled(struct world *world)
{
    wws_status then;

    (void) wait_for(world, cancel, WWS_INFINITE, &then);
    return then;
}

static wws_status be_abandoned(struct world *world)
{
    wws_status then;

    (void) wait_for(world, give_up, WWS_INFINITE, &then);
    return then;
}

static wws_status take_too_long(struct world *world)
{
    wws_status then;

    (void) wait_for(world, NULL, 1, &then);
    return then;
}

static wws_status be_stale(struct world *world)
{
    wws_message message = new_empty();

    (void) world;
    must(wws_message_free(message) == WWS_S_OK);
    return wws_message_reset(message, no_error);
}

static wws_status send_nonsense(struct world *world)
{
    struct call call = call_to(world->proxy, ACTION_ECHO);

    call.body = (wws_bytes) { "<a", 2 };
    return start_call(&call, NULL, no_error);
}

static wws_status ask_for_nothing(struct world *world)
{
    return call_now(world->proxy, "");
}

static wws_status open_twice(struct world *world)
{
    return wws_service_proxy_open(world->proxy, text(world->url), NULL,
        no_error);
}

/* With a channel that is open, or is not, and is aborted. */
static wws_status abort_and_open(struct world *world, bool open)
{
    wws_channel channel = open ? new_client(world->runtime, world->url)
        : new_channel(world->runtime);
    struct talk talk = { .channel = channel, .url = world->url };
    wws_status status;

    must(wws_channel_abort(channel) == WWS_S_OK);
    if (open) {
        talk.request = new_request(ACTION_ECHO, 0);
        status = start_send(&talk, NULL, no_error);
        must(wws_message_free(talk.request) == WWS_S_OK);
    } else {
        status = start_open(&talk, NULL, no_error);
    }
    must(wws_channel_free(channel) == WWS_S_OK);
    return status;
}

static wws_status use_faulted(struct world *world)
{
    return abort_and_open(world, true);
}

static wws_status open_aborted(struct world *world)
{
    return abort_and_open(world, false);
}

static wws_status open_to(struct world *world, const char *url)
{
    wws_service_proxy proxy = new_proxy(world->runtime);
    wws_status status;

    status = wws_service_proxy_open(proxy, text(url), NULL, no_error);
    if (status >= 0)
        status = call_now(proxy, ACTION_ECHO);
    must(wws_service_proxy_free(proxy) == WWS_S_OK);
    return status;
}

static wws_status go_nowhere(struct world *world)
{
    return open_to(world, wire()->nowhere);
}

static wws_status go_astray(struct world *world)
{
    return open_to(world, "no address");
}

static wws_status listen_at(struct world *world, const char *url)
{
    wws_listener listener = new_listener(world->runtime);
    wws_status status = wws_listener_open(listener, text(url), NULL, no_error);

    must(wws_listener_free(listener) == WWS_S_OK);
    return status;
}

static wws_status listen_where_another_does(struct world *world)
{
    struct ear ear;
    wws_status status;

    ear_open(&ear, world->runtime);
    status = listen_at(world, ear.url);
    must(wws_listener_free(ear.listener) == WWS_S_OK);
    return status;
}

static wws_status listen_elsewhere(struct world *world)
{
    return listen_at(world, wire()->elsewhere);
}

static wws_status write_too_much(struct world *world)
{
    static char body[100000];
    struct call call = call_to(world->proxy, ACTION_ECHO);

    memset(body, ' ', sizeof body);
    call.body = (wws_bytes) { body, sizeof body };
    return start_call(&call, NULL, no_error);
}

static wws_status want_what_is_not(struct world *world)
{
    wws_channel_options options = channel_options();
    wws_channel channel;

    options.transport = WWS_TRANSPORT_TCP;
    options.encoding = WWS_ENCODING_DEFAULT;
    return wws_channel_create(world->runtime, &options, &channel, no_error);
}

static wws_status call_peer(
    struct world *world,
    const struct peer_script *script)
{
    struct peer peer;
    wws_status status;

    peer_start(&peer, script);
    status = open_to(world, peer.url);
    peer_stop(&peer);
    return status;
}

static wws_status lose_the_peer(struct world *world)
{
    static const struct peer_script script = { .then = PEER_RESETS };

    return call_peer(world, &script);
}

static wws_status be_answered(struct world *world, unsigned http_status)
{
    struct peer_script script = { .then = PEER_CLOSES };
    char reply[100];

    snprintf(reply, sizeof reply,
        "HTTP/1.1 %u So\r\nContent-Length: 0\r\n\r\n", http_status);
    script.reply = reply;
    return call_peer(world, &script);
}

/* The host does not understand a header that it must. */
static wws_status be_refused(struct world *world)
{
    static const char header[] = "<x xmlns=\"urn:wws:test\"/>";
    struct call call = call_to(world->proxy, ACTION_ECHO);
    wws_message headers = new_request(ACTION_ECHO, 0);
    wws_status status;

    must(wws_message_add_custom_header(headers,
        (wws_bytes) { header, sizeof header - 1 }, true, no_error)
        == WWS_S_OK);
    call.options.request_headers = headers;
    status = start_call(&call, NULL, no_error);
    must(wws_message_free(headers) == WWS_S_OK);
    return status;
}

enum { HTTP_DENIED = 403, HTTP_BROKEN = 500, HTTP_BUSY = 503,
    HTTP_PROXY_DENIED = 407 };

/* What the page of return values says, by the published header.  A status has
 * an occasion here, or an answer over HTTP that is one, or a place or reason
 * outside of this table. */
static const struct row {
    wws_status status;
    uint32_t value;
    const char *name;
    wws_status (*occasion)(struct world *world);
    unsigned http_status;
    const char *otherwise;
} rows[] = {
#define ROW(which, number, ...) \
    { .status = WWS_##which, .value = number, .name = "WWS_" #which, \
        __VA_ARGS__ }
    ROW(S_OK, 0x00000000, .occasion = succeed),
    ROW(S_ASYNC, 0x003D0000, .occasion = begin_only),
    ROW(S_END, 0x003D0001, .occasion = find_nothing),
    ROW(E_HANDLE, 0x80070006, .occasion = be_stale),
    ROW(E_OPERATION_CANCELLED, 0xA03D0001, .occasion = be_cancelled),
    ROW(E_FORKED, 0xA03D0002, .otherwise = "in a child: test_runtime"),
    ROW(E_INVALID_FORMAT, 0x803D0000, .occasion = send_nonsense),
    ROW(E_OBJECT_FAULTED, 0x803D0001, .occasion = use_faulted),
    ROW(E_NUMERIC_OVERFLOW, 0x803D0002,
        .otherwise = "no numbers are converted"),
    ROW(E_INVALID_OPERATION, 0x803D0003, .occasion = open_twice),
    ROW(E_OPERATION_ABORTED, 0x803D0004, .occasion = open_aborted),
    ROW(E_ENDPOINT_ACCESS_DENIED, 0x803D0005, .http_status = HTTP_DENIED),
    ROW(E_OPERATION_TIMED_OUT, 0x803D0006, .occasion = take_too_long),
    ROW(E_OPERATION_ABANDONED, 0x803D0007, .occasion = be_abandoned),
    ROW(E_QUOTA_EXCEEDED, 0x803D0008, .occasion = write_too_much),
    ROW(E_NO_TRANSLATION_AVAILABLE, 0x803D0009, .otherwise = "one language"),
    ROW(E_SECURITY_VERIFICATION_FAILURE, 0x803D000A,
        .otherwise = "no security"),
    ROW(E_ADDRESS_IN_USE, 0x803D000B, .occasion = listen_where_another_does),
    ROW(E_ADDRESS_NOT_AVAILABLE, 0x803D000C, .occasion = listen_elsewhere),
    ROW(E_ENDPOINT_NOT_FOUND, 0x803D000D, .occasion = go_nowhere),
    ROW(E_ENDPOINT_NOT_AVAILABLE, 0x803D000E,
        .otherwise = "a fault: test_faults"),
    ROW(E_ENDPOINT_FAILURE, 0x803D000F, .http_status = HTTP_BROKEN),
    ROW(E_ENDPOINT_UNREACHABLE, 0x803D0010,
        .otherwise = "no route: the table of errors of sockets"),
    ROW(E_ENDPOINT_ACTION_NOT_SUPPORTED, 0x803D0011,
        .otherwise = "a fault: test_faults"),
    ROW(E_ENDPOINT_TOO_BUSY, 0x803D0012, .http_status = HTTP_BUSY),
    ROW(E_ENDPOINT_FAULT_RECEIVED, 0x803D0013, .occasion = be_refused),
    ROW(E_ENDPOINT_DISCONNECTED, 0x803D0014, .occasion = lose_the_peer),
    ROW(E_PROXY_FAILURE, 0x803D0015, .otherwise = "no HTTP proxies"),
    ROW(E_PROXY_ACCESS_DENIED, 0x803D0016, .http_status = HTTP_PROXY_DENIED),
    ROW(E_NOT_SUPPORTED, 0x803D0017, .occasion = want_what_is_not),
    ROW(E_PROXY_REQUIRES_BASIC_AUTH, 0x803D0018, .otherwise = "no security"),
    ROW(E_PROXY_REQUIRES_DIGEST_AUTH, 0x803D0019, .otherwise = "no security"),
    ROW(E_PROXY_REQUIRES_NTLM_AUTH, 0x803D001A, .otherwise = "no security"),
    ROW(E_PROXY_REQUIRES_NEGOTIATE_AUTH, 0x803D001B,
        .otherwise = "no security"),
    ROW(E_SERVER_REQUIRES_BASIC_AUTH, 0x803D001C, .otherwise = "no security"),
    ROW(E_SERVER_REQUIRES_DIGEST_AUTH, 0x803D001D, .otherwise = "no security"),
    ROW(E_SERVER_REQUIRES_NTLM_AUTH, 0x803D001E, .otherwise = "no security"),
    ROW(E_SERVER_REQUIRES_NEGOTIATE_AUTH, 0x803D001F,
        .otherwise = "no security"),
    ROW(E_INVALID_ENDPOINT_URL, 0x803D0020, .occasion = go_astray),
    ROW(E_OTHER, 0x803D0021,
        .otherwise = "no status of its own: the table of errors of sockets"),
    ROW(E_SECURITY_TOKEN_EXPIRED, 0x803D0022,
        .otherwise = "a fault: test_faults"),
    ROW(E_SECURITY_SYSTEM_FAILURE, 0x803D0023, .otherwise = "no security"),
    ROW(E_INVALIDARG, 0x80070057, .occasion = ask_for_nothing),
    ROW(E_OUTOFMEMORY, 0x8007000E, .otherwise = "no memory: test_failures"),
};

/* E1, E5, TE2 */
static void status__has_its_value_and_its_name(void **state)
{
    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal((uint32_t) rows[i].status, rows[i].value);
        assert_string_equal(wws_status_name(rows[i].status), rows[i].name);
        assert_int_equal(rows[i].status >= 0, strncmp(rows[i].name, "WWS_S_",
            strlen("WWS_S_")) == 0);
    }
    for (wws_status status = WWS_S_OK; status < 3; status++)
        if (status != WWS_S_OK)
            assert_string_equal(wws_status_name(status), "unknown");
}

/* TE2, E3: what misuse is called, nothing else is. */
static void status__has_its_occasion(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];

        assert_true((row->occasion != NULL) + (row->http_status != 0)
            + (row->otherwise != NULL) == 1);
        if (row->occasion != NULL)
            assert_status(row->occasion(world), row->status);
        else if (row->http_status != 0 && is_here(OVER_HTTP))
            assert_status(be_answered(world, row->http_status), row->status);
    }
}

/* TE2: 504 is no time of ours that is over, so that it is a failure as any. */
static void status__of_http_becomes_ours(void **state)
{
    static const struct {
        unsigned http_status;
        wws_status status;
    } answers[] = {
        { 400, WWS_E_ENDPOINT_FAILURE },
        { 401, WWS_E_ENDPOINT_ACCESS_DENIED },
        { 403, WWS_E_ENDPOINT_ACCESS_DENIED },
        { 404, WWS_E_ENDPOINT_NOT_FOUND },
        { 405, WWS_E_ENDPOINT_FAILURE },
        { 407, WWS_E_PROXY_ACCESS_DENIED },
        { 410, WWS_E_ENDPOINT_NOT_FOUND },
        { 413, WWS_E_ENDPOINT_FAILURE },
        { 415, WWS_E_ENDPOINT_FAILURE },
        { 500, WWS_E_ENDPOINT_FAILURE },
        { 502, WWS_E_ENDPOINT_FAILURE },
        { 503, WWS_E_ENDPOINT_TOO_BUSY },
        { 504, WWS_E_ENDPOINT_FAILURE },
        { 599, WWS_E_ENDPOINT_FAILURE },
    };

    for (size_t i = 0; i < COUNT(answers); i++)
        assert_status(be_answered(*state, answers[i].http_status),
            answers[i].status);
}

/* Error objects. */

static wws_error new_error(void)
{
    wws_error error;

    must(wws_error_create(&error) == WWS_S_OK);
    return error;
}

static wws_error_info info_of(wws_error error)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    must(wws_error_get_info(error, &info) == WWS_S_OK);
    return info;
}

static bool says(wws_error error, uint32_t index, const char *expected)
{
    wws_string string;

    must(wws_error_get_string(error, index, &string) == WWS_S_OK);
    return string.size == strlen(expected)
        && memcmp(string.data, expected, string.size) == 0;
}

/* O3, O6, O7, E4: the system's text is the innermost. */
static void error__says_what_failed_and_why(void **state)
{
    struct world *world = *state;
    wws_error error = new_error();
    wws_service_proxy proxy = new_proxy(world->runtime);
    wws_status status = wws_service_proxy_open(
        proxy, text(wire()->nowhere), NULL, error);
    struct call call = call_to(proxy, ACTION_ECHO);
    wws_error_info info;
    wws_string string;

    if (status >= 0)
        status = start_call(&call, NULL, error);
    info = info_of(error);
    assert_status(status, WWS_E_ENDPOINT_NOT_FOUND);
    assert_status(info.status, WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_not_equal(info.original_code, 0);
    assert_true(info.string_count >= 2);
    assert_true(says(error, info.string_count - 1, "Connection refused"));
    assert_status(wws_error_add_string(error, WWS_STR("outer\0most")),
        WWS_E_INVALIDARG);
    assert_status(wws_error_add_string(error, WWS_STR("outermost")), WWS_S_OK);
    assert_true(says(error, 0, "outermost"));
    assert_status(wws_error_get_string(error, info.string_count + 1, &string),
        WWS_E_INVALIDARG);
    assert_status(wws_error_free(error), WWS_S_OK);
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
}

/* O1, O2, O4 */
static void error__is_left_alone_by_what_succeeds(void **state)
{
    struct world *world = *state;
    wws_error error = new_error();
    struct call call = call_to(world->proxy, ACTION_ECHO);
    wws_buffer reply;
    uint32_t count;

    assert_status(wws_service_proxy_open(world->proxy, text(world->url), NULL,
        error), WWS_E_INVALID_OPERATION);
    count = info_of(error).string_count;
    call.handle = NULL;
    assert_status(wws_service_proxy_call(call.proxy, text(call.action),
        call.body, NULL, NULL, &reply, NULL, error), WWS_S_OK);
    wws_buffer_release(&reply);
    assert_int_equal(info_of(error).string_count, count);
    assert_status(info_of(error).status, WWS_E_INVALID_OPERATION);

    assert_status(wws_error_reset(error), WWS_S_OK);

    assert_int_equal(info_of(error).string_count, 0);
    assert_status(info_of(error).status, WWS_S_OK);
    assert_int_equal(info_of(error).has_fault, 0);
    assert_status(wws_error_free(error), WWS_S_OK);
}

/* O10: and outlives it. */
static void error__can_be_copied_with_its_fault(void **state)
{
    static const wws_error zero;
    wws_error error = new_error(), copy = new_error();
    wws_fault_info found = WWS_FAULT_INFO_INIT;
    wws_fault fault = WWS_FAULT_INIT;

    (void) state;
    fault.reason = WWS_STR("no");
    fault.code = WWS_FAULT_CODE_SENDER;
    assert_status(wws_error_add_string(error, WWS_STR("inner")), WWS_S_OK);
    assert_status(wws_error_set_fault(error, &fault), WWS_S_OK);
    assert_status(wws_error_add_string(copy, WWS_STR("before")), WWS_S_OK);
    assert_status(wws_error_copy(copy, zero), WWS_E_INVALIDARG);
    assert_status(wws_error_copy(zero, error), WWS_E_INVALIDARG);
    assert_true(says(copy, 0, "before"));

    assert_status(wws_error_copy(copy, error), WWS_S_OK);

    assert_status(wws_error_free(error), WWS_S_OK);
    assert_status(wws_error_copy(copy, error), WWS_E_HANDLE);
    assert_int_equal(info_of(copy).string_count, 2);
    assert_true(says(copy, 0, "no"));
    assert_true(says(copy, 1, "inner"));
    assert_status(wws_error_get_fault(copy, &found), WWS_S_OK);
    assert_int_equal(found.code, WWS_FAULT_CODE_SENDER);
    assert_status(wws_error_free(copy), WWS_S_OK);
}

/* O5 */
static void error__serves_one_call_at_a_time(void **state)
{
    struct world *world = *state;
    struct call call = call_to(world->proxy, ACTION_WAIT);
    wws_error_info info = WWS_ERROR_INFO_INIT;
    wws_string string;
    struct heard heard;

    hear(&heard, CALLBACK, start_call, &call);
    must(gate_reaches(&world->gate, &world->gate.entered, 1));
    assert_status(wws_error_get_info(heard.error, &info),
        WWS_E_INVALID_OPERATION);
    assert_status(wws_error_get_string(heard.error, 0, &string),
        WWS_E_INVALID_OPERATION);
    assert_status(wws_error_reset(heard.error), WWS_E_INVALID_OPERATION);
    assert_status(wws_error_copy(heard.error, heard.error),
        WWS_E_INVALID_OPERATION);
    assert_status(start_call(&call, NULL, heard.error),
        WWS_E_INVALID_OPERATION);
    gate_open(&world->gate);
    assert_status(heard_wait(&heard), WWS_S_OK);
    assert_status(wws_error_get_info(heard.error, &info), WWS_S_OK);
    assert_status(heard_end(&heard), WWS_S_OK);
    wws_buffer_release(&call.reply);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(status__has_its_value_and_its_name),
        in_world(status__has_its_occasion),
        over(OVER_HTTP, status__of_http_becomes_ours),
        over(OVER_BUILT_IN, error__says_what_failed_and_why),
        in_world(error__is_left_alone_by_what_succeeds),
        in_world(error__can_be_copied_with_its_fault),
        in_world(error__serves_one_call_at_a_time),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
