/* Replies that are wrong end their call with a status and some words, and leave
 * the proxy as it was. */
#include "tests/conformance/bad_input.h"

#define SOAP_11 "http://schemas.xmlsoap.org/soap/envelope/"
#define TYPE_11 "Content-Type: text/xml; charset=utf-8\r\n"
#define OK_12 "HTTP/1.1 200 OK\r\n" TYPE_12

static wws_service_proxy_options v11(void)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;

    options.envelope_version = WWS_ENVELOPE_VERSION_SOAP_1_1;
    options.addressing_version = WWS_ADDRESSING_VERSION_TRANSPORT;
    return options;
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

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reply__that_is_cut_anywhere_is_a_lost_connection),
        TEST(reply__whose_head_is_malformed_is_refused),
        TEST(reply__that_is_no_envelope_is_refused),
        TEST(reply__that_is_empty_ends_a_call_without_a_body),
        TEST(reply__of_an_error_without_an_envelope_has_its_status),
        TEST(reply__that_is_a_fault_is_told_with_all_it_says),
        TEST(reply__that_is_a_fault_of_many_words_is_told_in_whole_ones),
        TEST(reply__that_is_too_large_exceeds_the_quota),
        TEST(reply__whose_head_is_too_large_exceeds_the_quota),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
