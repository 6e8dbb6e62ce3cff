/* What is wrong is refused with its status and some words, whether it is the
 * application or a client that says it.  Nothing else suffers from it. */
#include "tests/conformance/bad_input.h"

/* By the application. */

static const char *const bad_bodies[] = {
    "<", "<a", "<a>", "</a>", "<a></b>", "<a/", "< a/>", "<a/>text", "text",
    "<p:a/>", "<a p:b=''/>", "<a b='1' b='2'/>", "<a b=1/>", "<a b/>",
    "<a b='<'/>", "<!DOCTYPE a><a/>", "<?xml version='1.0'?><a/>", "<?pi?><a/>",
    "<a>&nope;</a>", "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>&</a>",
    "<a>\x01</a>", "<a>\xff</a>", "<a>\xed\xa0\x80</a>", "<a>]]></a>",
    "<a><![CDATA[</a>", "<a><!-- -- --></a>", "<a xmlns:p=''/>",
    "<a xmlns:xml='urn:x'/>", "<a:b:c xmlns:a='urn:x'/>", "<1/>", "<a/><b>",
};

static wws_message bare_request(void)
{
    wws_message message;

    must(wws_message_create(NULL, &message, no_error) == WWS_S_OK);
    must(wws_message_initialize(message, WWS_MESSAGE_INITIALIZATION_REQUEST,
        (wws_message) { 0 }, no_error) == WWS_S_OK);
    return message;
}

static void body__that_is_no_xml_is_refused_and_changes_nothing(void **state)
{
    wws_message message = bare_request();
    wws_message_info info = WWS_MESSAGE_INFO_INIT;
    wws_bytes body;
    wws_error error;

    (void) state;
    assert_status(wws_error_create(&error), WWS_S_OK);
    assert_status(wws_message_set_body(message, octets("<old xmlns='urn:x'/>"),
        error), WWS_S_OK);
    for (size_t i = 0; i < COUNT(bad_bodies); i++) {
        wws_status status = wws_message_set_body(message,
            octets(bad_bodies[i]), error);

        if (status != WWS_E_INVALID_FORMAT)
            print_error("the body was %s\n", bad_bodies[i]);
        assert_status(status, WWS_E_INVALID_FORMAT);
        assert_explained(error, WWS_E_INVALID_FORMAT);
    }

    assert_status(wws_message_get_info(message, &info, error), WWS_S_OK);
    assert_int_equal(info.state, WWS_MESSAGE_STATE_INITIALIZED);
    assert_status(wws_message_get_body(message, &body, error), WWS_S_OK);
    assert_non_null(memmem(body.data, body.size, "old", 3));
    assert_status(wws_message_free(message), WWS_S_OK);
    assert_status(wws_error_free(error), WWS_S_OK);
}

static void header__that_is_no_element_of_a_namespace_is_refused(void **state)
{
    static const char *const more[] = {
        "", "<a/>", "<p:a xmlns:p='urn:x'/><p:a xmlns:p='urn:x'/>", "<a/>x",
    };
    wws_message message = bare_request();
    wws_message_info before = WWS_MESSAGE_INFO_INIT;
    wws_message_info after = WWS_MESSAGE_INFO_INIT;

    (void) state;
    assert_status(wws_message_get_info(message, &before, no_error), WWS_S_OK);
    for (size_t i = 0; i < COUNT(bad_bodies) + COUNT(more); i++) {
        const char *text = i < COUNT(bad_bodies) ? bad_bodies[i]
            : more[i - COUNT(bad_bodies)];
        wws_status status = wws_message_add_custom_header(message,
            octets(text), false, no_error);

        if (status != WWS_E_INVALID_FORMAT && status != WWS_E_INVALIDARG)
            print_error("the header was %s\n", text);
        assert_true(status == WWS_E_INVALID_FORMAT
            || status == WWS_E_INVALIDARG);
    }

    assert_status(wws_message_get_info(message, &after, no_error), WWS_S_OK);
    assert_int_equal(after.header_count, before.header_count);
    assert_status(wws_message_free(message), WWS_S_OK);
}

static void call__with_a_body_that_is_no_xml_sends_nothing(void **state)
{
    struct world *world = *state;
    wws_error_info info = WWS_ERROR_INFO_INIT;
    wws_error error;

    assert_status(wws_error_create(&error), WWS_S_OK);
    for (size_t i = 0; i < COUNT(bad_bodies); i++) {
        wws_status status = wws_service_proxy_call(world->proxy,
            text(ACTION_ECHO), octets(bad_bodies[i]), NULL, NULL, NULL, NULL,
            error);

        assert_status(status, WWS_E_INVALID_FORMAT);
        assert_status(wws_error_get_info(error, &info), WWS_S_OK);
        assert_int_equal(info.progress, WWS_PROGRESS_NOT_SENT);
        assert_explained(error, WWS_E_INVALID_FORMAT);
    }

    assert_int_equal(gate_read(&world->gate, &world->gate.entered), 0);
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    assert_status(wws_error_free(error), WWS_S_OK);
}

/* An action goes into a field of HTTP, and must not begin another one. */
static void call__with_an_action_that_breaks_out_of_its_field_is_refused(
    void **state)
{
    static const char *const actions[] = {
        "urn:x\r\nEvil: 1", "urn:x\n", "\rurn:x", "urn:x\x01", "urn:x\x7f",
    };
    struct world *world = *state;
    wws_error error;

    assert_status(wws_error_create(&error), WWS_S_OK);
    for (size_t i = 0; i < COUNT(actions); i++) {
        wws_status status = wws_service_proxy_call(world->proxy,
            text(actions[i]), octets(CALL_BODY), NULL, NULL, NULL, NULL,
            error);

        if (status != WWS_E_INVALIDARG && status != WWS_E_INVALID_FORMAT)
            print_error("the action was number %zu\n", i);
        assert_true(status == WWS_E_INVALIDARG
            || status == WWS_E_INVALID_FORMAT);
        assert_explained(error, status);
    }

    assert_int_equal(gate_read(&world->gate, &world->gate.entered), 0);
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    assert_status(wws_error_free(error), WWS_S_OK);
}

static void mapped_header__that_could_hurt_is_refused(void **state)
{
    static const struct { const char *name, *value; } fields[] = {
        { "a b", "x" }, { "a:", "x" }, { "\xc3\xa4", "x" }, { "a\r\nb", "x" },
        { "a", "x\r\ny: z" }, { "a", "x\ny" }, { "a", "x\x01" },
        { "Content-Length", "1" }, { "content-length", "1" },
        { "Transfer-Encoding", "chunked" }, { "Connection", "close" },
        { "Host", "elsewhere" }, { "Upgrade", "h2c" }, { "TE", "trailers" },
    };
    wws_message message = bare_request();
    wws_error error;

    (void) state;
    assert_status(wws_error_create(&error), WWS_S_OK);
    for (size_t i = 0; i < COUNT(fields); i++) {
        wws_status status = wws_message_add_mapped_header(message,
            text(fields[i].name), text(fields[i].value), error);

        if (status >= 0)
            print_error("taken: %s: %s\n", fields[i].name, fields[i].value);
        assert_status(status, WWS_E_INVALIDARG);
        assert_explained(error, WWS_E_INVALIDARG);
    }
    assert_status(wws_message_free(message), WWS_S_OK);
    assert_status(wws_error_free(error), WWS_S_OK);
}

static void url__that_names_no_service_is_refused(void **state)
{
    static const char *const urls[] = {
        "x", "http:", "http://", "http:///x", "http://127.0.0.1:x/",
        "http://127.0.0.1:65536/", "http://127.0.0.1:-1/", "ftp://127.0.0.1/",
        "http://[::1/", "http://a b/", "http://127.0.0.1/%zz",
        "http://127.0.0.1/\x01",
    };
    struct world *world = *state;
    wws_service_proxy_state now;
    wws_service_proxy proxy;
    wws_error error;

    assert_status(wws_error_create(&error), WWS_S_OK);
    assert_status(wws_service_proxy_create(world->runtime, NULL, &proxy,
        error), WWS_S_OK);
    for (size_t i = 0; i < COUNT(urls); i++) {
        wws_status status = wws_service_proxy_open(proxy, text(urls[i]), NULL,
            error);

        if (status != WWS_E_INVALID_ENDPOINT_URL)
            print_error("the URL was %s\n", urls[i]);
        assert_status(status, WWS_E_INVALID_ENDPOINT_URL);
        assert_explained(error, status);
        assert_status(wws_service_proxy_get_state(proxy, &now, error),
            WWS_S_OK);
        assert_int_equal(now, WWS_SERVICE_PROXY_STATE_CREATED);
    }
    assert_status(wws_service_proxy_open(proxy, text(world->url), NULL, error),
        WWS_S_OK);
    assert_status(call_now(proxy, ACTION_ECHO), WWS_S_OK);
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
    assert_status(wws_error_free(error), WWS_S_OK);
}

/* By a client. */

static void request__that_is_malformed_gets_its_status(void **state)
{
    static const struct { const char *request; int status; } rows[] = {
        { "garbage\r\n\r\n", 400 },
        { "POST /test\r\n\r\n", 400 },
        { "POST /test HTTP/1.1\r\n\r\n", 400 },
        { "POST  /test HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "POST /te st HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "POST /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "POST /test HTTP/1.1\nHost: x\n\n", 400 },
        { "POST /test HTTP/2.0\r\nHost: x\r\n\r\n", 505 },
        { POST "Host: y\r\nContent-Length: 0\r\n\r\n", 400 },
        { POST "A : b\r\n\r\n", 400 },
        { POST "A: b\r\n c\r\n\r\n", 400 },
        { POST "A: \x01\r\n\r\n", 400 },
        { POST "no colon\r\n\r\n", 400 },
        { POST "Content-Length: x\r\n\r\n", 400 },
        { POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400 },
        { POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
            "0\r\n\r\n", 400 },
        { POST "Transfer-Encoding: gzip\r\n\r\n", 501 },
        { POST TYPE_12 "\r\n", 411 },
        { "GET /test HTTP/1.1\r\nHost: x\r\n\r\n", 405 },
        { "BREW /test HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 501 },
        { "POST /elsewhere HTTP/1.1\r\nHost: x\r\n" TYPE_12
            "Content-Length: 4\r\n\r\n<a/>", 404 },
        { POST TYPE_12 "Content-Length: 99999999\r\n\r\n", 413 },
        { POST "Content-Type: text/html\r\nContent-Length: 4\r\n\r\n<a/>",
            415 },
        { POST "Content-Type: application/soap+xml; charset=utf-7\r\n"
            "Content-Length: 4\r\n\r\n<a/>", 415 },
        { POST TYPE_12 "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n"
            "<a/>", 415 },
        { POST TYPE_12 "Expect: magic\r\nContent-Length: 4\r\n\r\n<a/>", 417 },
        { POST TYPE_12 "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400 },
        { POST TYPE_12 "Content-Length: 4\r\n\r\n<a/>", 500 },
        { POST TYPE_12 "Content-Length: 7\r\n\r\nnot xml", 500 },
    };
    struct world *world = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        int status = ask_host(world, rows[i].request,
            strlen(rows[i].request));

        if (status != rows[i].status)
            print_error("%d for %s\n", status, rows[i].request);
        assert_int_equal(status, rows[i].status);
    }
    assert_serves(world, 0);
}

static void request__whose_line_or_head_is_too_long_gets_its_status(
    void **state)
{
    struct world *world = *state;
    char *request = malloc(100000);
    size_t at;

    at = (size_t) sprintf(request, "POST /");
    memset(request + at, 'x', 9000);
    at += 9000;
    at += (size_t) sprintf(request + at, " HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(ask_host(world, request, at), 414);

    at = (size_t) sprintf(request, POST "A: ");
    memset(request + at, 'x', 20000);
    assert_int_equal(ask_host(world, request, at + 20000), 431);

    at = (size_t) sprintf(request, POST);
    for (int i = 0; i < 200; i++)
        at += (size_t) sprintf(request + at, "A%d: x\r\n", i);
    assert_int_equal(ask_host(world, request, at), 431);

    free(request);
    assert_serves(world, 0);
}

static void request__that_is_cut_anywhere_is_never_served(void **state)
{
    static const char body[] = ENVELOPE(SOAP_12, "<s:Header><a:Action xmlns:a="
        "\"http://www.w3.org/2005/08/addressing\">" ACTION_ECHO "</a:Action>"
        "</s:Header><s:Body/>");
    struct world *world = *state;
    char request[1024];
    size_t size = (size_t) snprintf(request, sizeof request,
        POST TYPE_12 "Content-Length: %zu\r\n\r\n%s", sizeof body - 1, body);

    for (size_t cut = 1; cut < size; cut++)
        (void) ask_host(world, request, cut);
    for (size_t cut = 1; cut < size; cut++) {
        int fd = peer_connect(world->url);

        must(send(fd, request, cut, MSG_NOSIGNAL) == (ssize_t) cut);
        peer_reset(fd);
    }

    assert_serves(world, 0);
    assert_true(counter_reaches(world, WWS_COUNTER_SOCKETS, 3));
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(body__that_is_no_xml_is_refused_and_changes_nothing),
        TEST(header__that_is_no_element_of_a_namespace_is_refused),
        TEST(call__with_a_body_that_is_no_xml_sends_nothing),
        TEST(call__with_an_action_that_breaks_out_of_its_field_is_refused),
        TEST(mapped_header__that_could_hurt_is_refused),
        TEST(url__that_names_no_service_is_refused),
        TEST(request__that_is_malformed_gets_its_status),
        TEST(request__whose_line_or_head_is_too_long_gets_its_status),
        TEST(request__that_is_cut_anywhere_is_never_served),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
