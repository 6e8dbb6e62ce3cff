/* What is wrong is refused with its status and some words, whoever says it: the
 * application, a server or a client.  Nothing else suffers from it. */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SOAP_12 "http://www.w3.org/2003/05/soap-envelope"
#define SOAP_11 "http://schemas.xmlsoap.org/soap/envelope/"
#define TYPE_12 "Content-Type: application/soap+xml; charset=utf-8\r\n"
#define TYPE_11 "Content-Type: text/xml; charset=utf-8\r\n"

static const wws_error no_error;

static wws_bytes octets(const char *literal)
{
    return (wws_bytes) { literal, strlen(literal) };
}

/* UTF-8 is what every string of an error is. */
static bool is_utf8(wws_string string)
{
    wws_error error;
    bool taken;

    must(wws_error_create(&error) == WWS_S_OK);
    taken = wws_error_add_string(error, string) == WWS_S_OK;
    must(wws_error_free(error) == WWS_S_OK);
    return taken;
}

/* The error tells this status, and says something; empties it. */
static void assert_explained(wws_error error, wws_status status)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;
    wws_string string;

    assert_status(wws_error_get_info(error, &info), WWS_S_OK);
    assert_status(info.status, status);
    assert_true(info.string_count > 0);
    for (uint32_t i = 0; i < info.string_count; i++) {
        assert_status(wws_error_get_string(error, i, &string), WWS_S_OK);
        assert_true(string.size > 0);
        assert_true(is_utf8(string));
    }
    assert_status(wws_error_reset(error), WWS_S_OK);
}

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

/* By a server. */

static wws_service_proxy_options v11(void)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;

    options.envelope_version = WWS_ENVELOPE_VERSION_SOAP_1_1;
    options.addressing_version = WWS_ADDRESSING_VERSION_TRANSPORT;
    return options;
}

struct end {
    wws_status status;
    wws_error_info info;
    wws_fault_info fault;
    char reason[64];
    char body[64];
};

/* One call of a peer with this script; the proxy is unharmed by it. */
static struct end call_peer(
    struct world *world,
    const struct peer_script *script,
    const wws_service_proxy_options *options)
{
    struct end end = {
        .info = WWS_ERROR_INFO_INIT, .fault = WWS_FAULT_INFO_INIT
    };
    wws_service_proxy_state state;
    wws_service_proxy proxy;
    wws_buffer reply = { 0 };
    struct peer peer;
    wws_error error;

    peer_start(&peer, script);
    proxy = world_proxy(world, options, peer.url);
    must(wws_error_create(&error) == WWS_S_OK);
    end.status = wws_service_proxy_call(proxy, text(ACTION_ECHO),
        octets(CALL_BODY), NULL, NULL, &reply, NULL, error);
    must(wws_error_get_info(error, &end.info) == WWS_S_OK);
    if (wws_error_get_fault(error, &end.fault) == WWS_S_OK)
        snprintf(end.reason, sizeof end.reason, "%.*s",
            (int) end.fault.reason.size, end.fault.reason.data);
    must(wws_service_proxy_get_state(proxy, &state, error) == WWS_S_OK);
    assert_int_equal(state, WWS_SERVICE_PROXY_STATE_OPEN);
    if (end.status < 0) {
        assert_null(reply.data);
        assert_explained(error, end.status);
    } else {
        snprintf(end.body, sizeof end.body, "%.*s", (int) reply.size,
            reply.size != 0 ? (const char *) reply.data : "");
    }
    wws_buffer_release(&reply);
    must(wws_service_proxy_free(proxy) == WWS_S_OK);
    must(wws_error_free(error) == WWS_S_OK);
    peer_stop(&peer);
    return end;
}

/* L4, E3 */
static void reply__that_is_cut_anywhere_is_a_lost_connection(void **state)
{
    static const enum peer_end ends[] = { PEER_CLOSES, PEER_RESETS };
    size_t size = strlen(peer_reply);

    for (size_t i = 0; i < COUNT(ends); i++) {
        for (size_t sends = 0; sends < size; sends++) {
            const struct peer_script script = {
                .reply = sends != 0 ? peer_reply : NULL,
                .sends = sends,
                .then = ends[i],
            };
            struct end end = call_peer(*state, &script, NULL);

            if (end.status != WWS_E_ENDPOINT_DISCONNECTED)
                print_error("cut at %zu by %zu\n", sends, i);
            assert_status(end.status, WWS_E_ENDPOINT_DISCONNECTED);
            if (ends[i] == PEER_CLOSES)
                assert_int_equal(end.info.progress, sends == 0
                    ? WWS_PROGRESS_SENT : WWS_PROGRESS_REPLYING);
        }
    }
}

#define OK_12 "HTTP/1.1 200 OK\r\n" TYPE_12
#define ENVELOPE(namespace, content) \
    "<s:Envelope xmlns:s=\"" namespace "\">" content "</s:Envelope>"

struct answer {
    const char *reply;
    wws_status status;
};

static void assert_answers(
    struct world *world,
    const struct answer *answers,
    size_t count,
    const wws_service_proxy_options *options)
{
    for (size_t i = 0; i < count; i++) {
        const struct peer_script script = {
            .reply = answers[i].reply,
            .then = PEER_CLOSES,
        };
        struct end end = call_peer(world, &script, options);

        if (end.status != answers[i].status)
            print_error("the reply was %s\n", answers[i].reply);
        assert_status(end.status, answers[i].status);
    }
}

/* L4, E3 */
static void reply__whose_head_is_malformed_is_refused(void **state)
{
    static const struct answer answers[] = {
        { "garbage\r\n\r\n", WWS_E_INVALID_FORMAT },
        { "\0", WWS_E_ENDPOINT_DISCONNECTED },
        { "HTTP/2.0 200 OK\r\n\r\n", WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 20 OK\r\n\r\n", WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 2000 OK\r\n\r\n", WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 abc OK\r\n\r\n", WWS_E_INVALID_FORMAT },
        { "HTTP/1.1  200 OK\r\n\r\n", WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\n\n", WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",
            WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\n: x\r\n\r\n", WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            WWS_E_INVALID_FORMAT },
        { OK_12 "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
            WWS_E_INVALID_FORMAT },
        { OK_12 "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
            WWS_E_INVALID_FORMAT },
        { OK_12 "Transfer-Encoding: chunked\r\n\r\n-3\r\n",
            WWS_E_INVALID_FORMAT },
        { OK_12 "Transfer-Encoding: chunked\r\n\r\n3\r\nab",
            WWS_E_ENDPOINT_DISCONNECTED },
        { "HTTP/1.1 100 Continue\r\n\r\n", WWS_E_ENDPOINT_DISCONNECTED },
    };

    assert_answers(*state, answers, COUNT(answers), NULL);
}

static void reply__that_is_no_envelope_is_refused(void **state)
{
    static const struct answer answers[] = {
        { OK_12 "\r\nnot xml", WWS_E_INVALID_FORMAT },
        { OK_12 "\r\n<a/>", WWS_E_INVALID_FORMAT },
        { OK_12 "\r\n" ENVELOPE(SOAP_12, ""), WWS_E_INVALID_FORMAT },
        { OK_12 "\r\n" ENVELOPE(SOAP_12, "<s:Body>"), WWS_E_INVALID_FORMAT },
        { OK_12 "\r\n" ENVELOPE(SOAP_12, "<s:Body/><s:Body/>"),
            WWS_E_INVALID_FORMAT },
        { OK_12 "\r\n" ENVELOPE(SOAP_12, "<s:Body/><s:Header/>"),
            WWS_E_INVALID_FORMAT },
        { OK_12 "\r\n" ENVELOPE(SOAP_12, "<s:Body/>") "x",
            WWS_E_INVALID_FORMAT },
        { OK_12 "\r\n" ENVELOPE("urn:none", "<s:Body/>"),
            WWS_E_INVALID_FORMAT },
        { OK_12 "\r\n<!DOCTYPE a>" ENVELOPE(SOAP_12, "<s:Body/>"),
            WWS_E_INVALID_FORMAT },
        { OK_12 "\r\n" ENVELOPE(SOAP_12, "<s:Body>\xff</s:Body>"),
            WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 500 No\r\n" TYPE_12 "\r\n" ENVELOPE(SOAP_12, "<s:Body/>"),
            WWS_E_ENDPOINT_FAILURE },
        { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html/>",
            WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml; "
            "charset=latin1\r\n\r\n" ENVELOPE(SOAP_12, "<s:Body/>"),
            WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\n\r\n" ENVELOPE(SOAP_12, "<s:Body/>"),
            WWS_E_INVALID_FORMAT },
        { "HTTP/1.1 200 OK\r\n" TYPE_11 "\r\n"
            ENVELOPE(SOAP_11, "<s:Body/>"), WWS_E_INVALID_FORMAT },
    };

    assert_answers(*state, answers, COUNT(answers), NULL);
}

/* P6: As a service answers that has nothing to say. */
static void reply__that_is_empty_ends_a_call_without_a_body(void **state)
{
    static const struct answer answers[] = {
        { "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", WWS_S_END },
        { "HTTP/1.1 204 No\r\n\r\n", WWS_S_END },
        { OK_12 "\r\n", WWS_S_END },
    };

    assert_answers(*state, answers, COUNT(answers), NULL);
}

/* TE2, L4 */
static void reply__of_an_error_without_an_envelope_has_its_status(void **state)
{
    static const struct { unsigned code; wws_status status; } rows[] = {
        { 400, WWS_E_ENDPOINT_FAILURE }, { 401, WWS_E_ENDPOINT_ACCESS_DENIED },
        { 403, WWS_E_ENDPOINT_ACCESS_DENIED },
        { 404, WWS_E_ENDPOINT_NOT_FOUND },
        { 405, WWS_E_ENDPOINT_FAILURE }, { 407, WWS_E_PROXY_ACCESS_DENIED },
        { 410, WWS_E_ENDPOINT_NOT_FOUND }, { 413, WWS_E_ENDPOINT_FAILURE },
        { 415, WWS_E_ENDPOINT_FAILURE }, { 500, WWS_E_ENDPOINT_FAILURE },
        { 503, WWS_E_ENDPOINT_TOO_BUSY }, { 599, WWS_E_ENDPOINT_FAILURE },
    };
    static const char *const rests[] = {
        "No\r\nContent-Length: 0\r\n\r\n",
        "\r\nContent-Type: text/html\r\n\r\n<html>no</html>",
        "N\xff\xfe\r\nContent-Length: 0\r\n\r\n",
    };

    for (size_t i = 0; i < COUNT(rows) * COUNT(rests); i++) {
        unsigned code = rows[i / COUNT(rests)].code;
        struct peer_script script = { .then = PEER_CLOSES };
        char reply[128];
        struct end end;

        snprintf(reply, sizeof reply, "HTTP/1.1 %u %s", code,
            rests[i % COUNT(rests)]);
        script.reply = reply;
        end = call_peer(*state, &script, NULL);

        if (end.status != rows[i / COUNT(rests)].status)
            print_error("the reply was %s\n", reply);
        assert_status(end.status, rows[i / COUNT(rests)].status);
        assert_int_equal(end.info.http_status, code);
        assert_int_equal(end.info.has_fault, 0);
    }
}

#define FAULT_12(code) ENVELOPE(SOAP_12, "<s:Body><s:Fault><s:Code><s:Value>" \
    "s:" code "</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">why" \
    "</s:Text></s:Reason></s:Fault></s:Body>")
#define FAULT_11(code) ENVELOPE(SOAP_11, "<s:Body><s:Fault><faultcode>s:" \
    code "</faultcode><faultstring>why</faultstring></s:Fault></s:Body>")

/* TE6 */
static void reply__that_is_a_fault_is_told_with_all_it_says(void **state)
{
    static const struct {
        const char *reply;
        wws_fault_code code;
        unsigned http_status;
        bool v11;
    } rows[] = {
        { "HTTP/1.1 500 No\r\n" TYPE_12 "\r\n" FAULT_12("Receiver"),
            WWS_FAULT_CODE_RECEIVER, 500, false },
        { "HTTP/1.1 400 No\r\n" TYPE_12 "\r\n" FAULT_12("Sender"),
            WWS_FAULT_CODE_SENDER, 400, false },
        { "HTTP/1.1 500 No\r\n" TYPE_12 "\r\n" FAULT_12("MustUnderstand"),
            WWS_FAULT_CODE_MUST_UNDERSTAND, 500, false },
        { OK_12 "\r\n" FAULT_12("Receiver"),
            WWS_FAULT_CODE_RECEIVER, 200, false },
        { "HTTP/1.1 500 No\r\n" TYPE_11 "\r\n" FAULT_11("Server"),
            WWS_FAULT_CODE_RECEIVER, 500, true },
        { "HTTP/1.1 500 No\r\n" TYPE_11 "\r\n" FAULT_11("Client"),
            WWS_FAULT_CODE_SENDER, 500, true },
    };
    const wws_service_proxy_options options = v11();

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct peer_script script = {
            .reply = rows[i].reply,
            .then = PEER_CLOSES,
        };
        struct end end = call_peer(*state, &script,
            rows[i].v11 ? &options : NULL);

        if (end.status != WWS_E_ENDPOINT_FAULT_RECEIVED)
            print_error("the reply was %s\n", rows[i].reply);
        assert_status(end.status, WWS_E_ENDPOINT_FAULT_RECEIVED);
        assert_int_equal(end.info.has_fault, 1);
        assert_int_equal(end.fault.code, rows[i].code);
        assert_string_equal(end.reason, "why");
        assert_int_equal(end.info.http_status, rows[i].http_status);
    }
}

static void reply__that_is_a_fault_of_many_words_is_told_in_whole_ones(
    void **state)
{
    char reply[2048];
    struct peer_script script = { .reply = reply, .then = PEER_CLOSES };

    for (int shift = 0; shift < 2; shift++) {
        size_t at = (size_t) sprintf(reply, OK_12 "\r\n<s:Envelope xmlns:s=\""
            SOAP_12 "\"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value>"
            "</s:Code><s:Reason><s:Text xml:lang=\"en\">%.*s", shift, "x");

        for (int i = 0; i < 400; i++)
            at += (size_t) sprintf(reply + at, "\xC3\xA4");
        sprintf(reply + at, "</s:Text></s:Reason></s:Fault></s:Body>"
            "</s:Envelope>");

        assert_status(call_peer(*state, &script, NULL).status,
            WWS_E_ENDPOINT_FAULT_RECEIVED);
    }
}

/* A reply whose body has so many octets, framed in one of three ways. */
static char *big_reply(unsigned framing, size_t size)
{
    static const char *const frames[] = { "Content-Length: %zu\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", "\r\n" };
    char *reply = malloc(size + 512);
    size_t at;

    must(reply != NULL);
    at = (size_t) sprintf(reply, OK_12);
    at += (size_t) sprintf(reply + at, frames[framing], size);
    memset(reply + at, ' ', size);
    strcpy(reply + at + size, framing == 1 ? "\r\n0\r\n\r\n" : "");
    return reply;
}

/* T31, D10 */
static void reply__that_is_too_large_exceeds_the_quota(void **state)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;

    options.max_message_size = 4096;
    for (unsigned framing = 0; framing < 3; framing++) {
        for (size_t size = 4096; size <= 4097; size++) {
            char *reply = big_reply(framing, size);
            const struct peer_script script = {
                .reply = reply,
                .then = PEER_CLOSES,
            };
            struct end end = call_peer(*state, &script, &options);

            /* Spaces are no envelope, but not too many of them. */
            assert_status(end.status, size > 4096 ? WWS_E_QUOTA_EXCEEDED
                : WWS_E_INVALID_FORMAT);
            free(reply);
        }
    }
}

static void reply__whose_head_is_too_large_exceeds_the_quota(void **state)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;
    struct peer_script script = { .then = PEER_CLOSES };
    char *reply = malloc(10000);
    size_t at = (size_t) sprintf(reply, OK_12);

    options.max_http_headers_size = 4096;
    while (at < 8000)
        at += (size_t) sprintf(reply + at, "A%zu: some value\r\n", at);
    script.reply = reply;

    assert_status(call_peer(*state, &script, &options).status,
        WWS_E_QUOTA_EXCEEDED);
    free(reply);
}

/* By a client. */

/* Sends that and nothing more; the status of the response, or 0. */
static int ask_host(struct world *world, const char *request, size_t size)
{
    char data[8192];
    size_t at = 0;
    int fd = peer_connect(world->url);
    ssize_t got;

    must(send(fd, request, size, MSG_NOSIGNAL) >= 0);
    (void) shutdown(fd, SHUT_WR);
    do {
        got = recv(fd, data + at, sizeof data - 1 - at, 0);
        at += got > 0 ? (size_t) got : 0;
    } while (got > 0 && at < sizeof data - 1);
    close(fd);
    data[at] = '\0';
    return at > 12 ? atoi(data + strlen("HTTP/1.1 ")) : 0;
}

static void assert_serves(struct world *world, unsigned entered)
{
    assert_int_equal(gate_read(&world->gate, &world->gate.entered), entered);
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    assert_int_equal(gate_read(&world->gate, &world->gate.entered),
        entered + 1);
}

#define POST "POST /test HTTP/1.1\r\nHost: x\r\n"

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

/* In UTF-16, which is bad only where it contradicts itself. */

static size_t put_wide(char *out, const char *text, bool mark, bool high_first)
{
    size_t size = 0;

    if (mark) {
        out[size++] = (char) (high_first ? 0xFE : 0xFF);
        out[size++] = (char) (high_first ? 0xFF : 0xFE);
    }
    for (; *text != '\0'; text++) {
        out[size + high_first] = *text;
        out[size + !high_first] = '\0';
        size += 2;
    }
    return size;
}

#define DECLARED_16 "<?xml version=\"1.0\" encoding=\"utf-16\"?>"
#define REQUEST_12 ENVELOPE(SOAP_12, "<s:Header><a:Action xmlns:a=" \
    "\"http://www.w3.org/2005/08/addressing\">" ACTION_ECHO "</a:Action>" \
    "</s:Header><s:Body>" CALL_BODY "</s:Body>")
#define REPLY_12 ENVELOPE(SOAP_12, "<s:Header><a:Action xmlns:a=" \
    "\"http://www.w3.org/2005/08/addressing\">urn:x</a:Action></s:Header>" \
    "<s:Body>" CALL_BODY "</s:Body>")

struct encoded {
    const char *charset;   /* parameter of the type, or empty */
    const char *declaration;
    bool mark;
    bool high_first;
    bool good;
};

static const struct encoded encoded[] = {
    { "", "", true, false, true },
    { "", "", true, true, true },
    { "", "", false, false, true },
    { "", "", false, true, true },
    { "", DECLARED_16, true, false, true },
    { "", DECLARED_16, false, true, true },
    { "; charset=utf-16", DECLARED_16, true, true, true },
    { "; charset=\"UTF-16\"", "", false, false, true },
    { "; charset=utf-16le", "", false, false, true },
    { "; charset=UTF-16BE", "", false, true, true },
    { "; charset=utf-16", "<?xml version='1.0' encoding='latin1'?>", true,
        false, true },
    { "", "<?xml version='1.0' encoding='utf-8'?>", true, false, false },
    { "; charset=utf-8", "", true, false, false },
    { "; charset=utf-16be", "", true, false, false },
    { "; charset=utf-16le", "", false, true, false },
    { "; charset=utf-16", "\x01", true, false, false },
    { "; charset=utf-16le", " \x01", false, false, false },
};

/* Behind the head of a message; the size of both. */
static size_t put_encoded(
    char *out,
    const char *first_line,
    const struct encoded *how,
    const char *envelope)
{
    char text[1024];
    char body[2048];
    size_t size;
    int head;

    snprintf(text, sizeof text, "%s%s", how->declaration, envelope);
    size = put_wide(body, text, how->mark, how->high_first);
    head = sprintf(out, "%sContent-Type: application/soap+xml%s\r\n"
        "Content-Length: %zu\r\n\r\n", first_line, how->charset, size);
    memcpy(out + head, body, size);
    return (size_t) head + size;
}

/* TI5 */
static void request__in_utf16_is_served_unless_it_contradicts_itself(
    void **state)
{
    struct world *world = *state;
    unsigned served = 0;

    for (size_t i = 0; i < COUNT(encoded); i++) {
        char request[4096];
        size_t size = put_encoded(request, POST, &encoded[i], REQUEST_12);
        int fd = peer_connect(world->url);
        int status;

        must(send(fd, request, size, MSG_NOSIGNAL) == (ssize_t) size);
        status = peer_response(fd);
        close(fd);
        if (status != (encoded[i].good ? 200 : 500))
            print_error("%d for number %zu\n", status, i);
        assert_int_equal(status, encoded[i].good ? 200 : 500);
        served += encoded[i].good;
    }
    assert_serves(world, served);
}

static void request__in_half_a_unit_or_half_a_pair_is_no_envelope(void **state)
{
    static const struct encoded how = { "", "", true, false, true };
    struct world *world = *state;
    char request[4096];
    size_t size = put_encoded(request, POST, &how, REQUEST_12);
    char *digits = memmem(request, size, "1\0" "2\0<", 5);

    assert_non_null(digits);
    digits[3] = (char) 0xD8;
    assert_int_equal(ask_host(world, request, size), 500);

    size = (size_t) sprintf(request, POST
        "Content-Type: application/soap+xml; charset=utf-16\r\n"
        "Content-Length: 3\r\n\r\n\xFE\xFF<");
    assert_int_equal(ask_host(world, request, size), 500);
    assert_serves(world, 0);
}

/* TI5 */
static void reply__in_utf16_is_understood_unless_it_contradicts_itself(
    void **state)
{
    for (size_t i = 0; i < COUNT(encoded); i++) {
        char reply[4096];
        const struct peer_script script = {
            .reply = reply,
            .sends = put_encoded(reply, "HTTP/1.1 200 OK\r\n", &encoded[i],
                REPLY_12),
            .then = PEER_CLOSES,
        };
        struct end end = call_peer(*state, &script, NULL);
        wws_status expected = encoded[i].good ? WWS_S_OK
            : WWS_E_INVALID_FORMAT;

        if (end.status != expected)
            print_error("number %zu\n", i);
        assert_status(end.status, expected);
        assert_string_equal(end.body, encoded[i].good ? CALL_BODY : "");
    }
}

/* So many characters in a comment, of two octets each, that have three in
 * UTF-8.  To be freed; the size of all. */
static char *put_stars(
    const char *first_line,
    const char *envelope,
    size_t count,
    size_t *size)
{
    char *message = malloc(2 * count + 4096);
    size_t head = (size_t) sprintf(message, "%s"
        "Content-Type: application/soap+xml\r\nContent-Length: %zu\r\n\r\n",
        first_line, 2 + 2 * (strlen("<!---->") + count + strlen(envelope)));
    size_t at = head + put_wide(message + head, "<!--", true, false);

    for (size_t i = 0; i < count; i++, at += 2)
        memcpy(message + at, "\xAC\x20", 2);
    at += put_wide(message + at, "-->", false, false);
    *size = at + put_wide(message + at, envelope, false, false);
    return message;
}

/* Both within 64 KiB as they are sent, which is the default for all. */
static const struct { size_t count; bool good; } stars[] = {
    { 20000, true }, { 24000, false },
};

static void reply__in_utf16_has_a_quota_in_utf8(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < COUNT(stars); i++) {
        struct peer_script script = { .then = PEER_CLOSES };
        struct talk talk = { 0 };
        struct peer peer;
        char *reply = put_stars("HTTP/1.1 200 OK\r\n", REPLY_12,
            stars[i].count, &script.sends);
        wws_status expected = stars[i].good ? WWS_S_OK
            : WWS_E_QUOTA_EXCEEDED;

        script.reply = reply;
        assert_status(call_peer(world, &script, NULL).status, expected);

        peer_start(&peer, &script);
        assert_status(wws_channel_create(world->runtime, NULL, &talk.channel,
            no_error), WWS_S_OK);
        assert_status(wws_channel_open(talk.channel, text(peer.url), NULL,
            no_error), WWS_S_OK);
        talk.request = new_request(ACTION_ECHO, 0);
        talk.reply = new_empty();
        assert_status(start_request_reply(&talk, NULL, no_error), expected);
        assert_status(wws_channel_free(talk.channel), WWS_S_OK);
        assert_status(wws_message_free(talk.request), WWS_S_OK);
        assert_status(wws_message_free(talk.reply), WWS_S_OK);
        peer_stop(&peer);
        free(reply);
    }
}

/* A listener of defaults. */
static wws_listener listen_for(wws_runtime runtime, char url[128])
{
    wws_buffer address;
    wws_listener listener;

    must(wws_listener_create(runtime, NULL, &listener, no_error) == WWS_S_OK);
    must(wws_listener_open(listener, WWS_STR("http://127.0.0.1:0/test"), NULL,
        no_error) == WWS_S_OK);
    must(wws_listener_get_address(listener, &address, no_error) == WWS_S_OK);
    snprintf(url, 128, "%.*s", (int) address.size,
        (const char *) address.data);
    wws_buffer_release(&address);
    return listener;
}

static void request__in_utf16_has_a_quota_in_utf8(void **state)
{
    struct world *world = *state;
    char url[128];
    wws_listener listener = listen_for(world->runtime, url);

    for (size_t i = 0; i < COUNT(stars); i++) {
        struct talk talk = { .listener = listener };
        int fd = peer_connect(world->url);
        size_t size;
        char *request = put_stars(POST, REQUEST_12, stars[i].count, &size);

        must(send(fd, request, size, MSG_NOSIGNAL) == (ssize_t) size);
        assert_int_equal(peer_response(fd), stars[i].good ? 200 : 500);
        close(fd);

        fd = peer_connect(url);
        must(send(fd, request, size, MSG_NOSIGNAL) == (ssize_t) size);
        talk.channel = new_server(listener);
        talk.reply = new_empty();
        assert_status(start_accept(&talk, NULL, no_error), WWS_S_OK);
        assert_status(start_receive(&talk, NULL, no_error),
            stars[i].good ? WWS_S_OK : WWS_E_QUOTA_EXCEEDED);
        assert_status(wws_channel_free(talk.channel), WWS_S_OK);
        assert_status(wws_message_free(talk.reply), WWS_S_OK);
        close(fd);
        free(request);
    }
    assert_status(wws_listener_free(listener), WWS_S_OK);
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
        TEST(reply__that_is_cut_anywhere_is_a_lost_connection),
        TEST(reply__whose_head_is_malformed_is_refused),
        TEST(reply__that_is_no_envelope_is_refused),
        TEST(reply__that_is_empty_ends_a_call_without_a_body),
        TEST(reply__of_an_error_without_an_envelope_has_its_status),
        TEST(reply__that_is_a_fault_is_told_with_all_it_says),
        TEST(reply__that_is_a_fault_of_many_words_is_told_in_whole_ones),
        TEST(reply__that_is_too_large_exceeds_the_quota),
        TEST(reply__whose_head_is_too_large_exceeds_the_quota),
        TEST(request__that_is_malformed_gets_its_status),
        TEST(request__whose_line_or_head_is_too_long_gets_its_status),
        TEST(request__that_is_cut_anywhere_is_never_served),
        TEST(request__in_utf16_is_served_unless_it_contradicts_itself),
        TEST(request__in_half_a_unit_or_half_a_pair_is_no_envelope),
        TEST(reply__in_utf16_is_understood_unless_it_contradicts_itself),
        TEST(reply__in_utf16_has_a_quota_in_utf8),
        TEST(request__in_utf16_has_a_quota_in_utf8),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
