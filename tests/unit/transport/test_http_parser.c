/* The HTTP parser: heads, limits, and what an owner may rely on. */
#include "tests/support/http_parser_fixture.h"

static void request__has_method_target_and_version(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_REQUEST,
        "OpTiOnS /a%20b?c=d;e HTTP/1.1\r\nHost: a\r\n\r\n");

    assert_text(run.parser.method, "OpTiOnS");
    assert_text(run.parser.target, "/a%20b?c=d;e");
    assert_int_equal(run.parser.minor, 1);
    assert_int_equal(run.parser.framing, WWI_HTTP_NO_BODY);
    assert_true(run.parser.keep_alive);
    end(&run);
}

static void request__skips_one_empty_line_and_no_more(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_REQUEST, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_text(run.parser.method, "GET");
    end(&run);

    refuse(WWI_HTTP_REQUEST, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        400);
    refuse(WWI_HTTP_RESPONSE, "\r\nHTTP/1.1 200 OK\r\n\r\n", 400);
}

static void request__refuses_a_malformed_line(void **state)
{
    (void) state;
    static const char *const lines[] = {
        " GET / HTTP/1.1", "GET  / HTTP/1.1", "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ", "GET\t/ HTTP/1.1", "GET /\tHTTP/1.1", "GET /",
        "GET / ", "GET", "GET ", "G(T / HTTP/1.1", "GET / HTTP/1",
        "GET / http/1.1",
        "GET / HTTP/1.1x", "GET / HTTP/11.1", "GET / HTTP/1.10",
        "GET / HTTP/1,1", "GET / HTTP/x.1", "GET /#f HTTP/1.1",
        "GET /a b HTTP/1.1", "GET /\xC3\xA4 HTTP/1.1", "GET /\x7F HTTP/1.1",
        "GET  HTTP/1.1", "GET / HTTP /1.1", "HTTP/1.1 200 OK",
    };
    char text[128];

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(text, sizeof text, "%s\r\nHost: a\r\n\r\n", lines[i]);
        refuse(WWI_HTTP_REQUEST, text, 400);
    }
}

static void request__refuses_another_major_version(void **state)
{
    (void) state;
    refuse(WWI_HTTP_REQUEST, "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
    refuse(WWI_HTTP_REQUEST, "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505);
    refuse(WWI_HTTP_REQUEST, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    refuse(WWI_HTTP_RESPONSE, "HTTP/2.0 200 OK\r\n\r\n", 505);
}

static void request__takes_any_minor_version(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_REQUEST, "GET / HTTP/1.7\r\nHost: a\r\n\r\n");

    assert_int_equal(run.parser.minor, 7);
    assert_true(run.parser.keep_alive);
    end(&run);
}

static void response__has_status_and_reason(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_RESPONSE,
        "HTTP/1.1 404 N\xC3\xB6t \tFound\r\nContent-Length: 0\r\n\r\n");

    assert_int_equal(run.parser.status, 404);
    assert_text(run.parser.reason, "N\xC3\xB6t \tFound");
    assert_true(run.parser.keep_alive);
    end(&run);
}

static void response__may_lack_a_reason_and_its_space(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_RESPONSE, "HTTP/1.1 204 \r\n\r\n");
    assert_text(run.parser.reason, "");
    end(&run);
    accept(&run, WWI_HTTP_RESPONSE, "HTTP/1.0 204\r\n\r\n");
    assert_text(run.parser.reason, "");
    assert_int_equal(run.parser.minor, 0);
    end(&run);
}

static void response__refuses_a_malformed_line(void **state)
{
    (void) state;
    static const char *const lines[] = {
        "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK",
        "HTTP/1.1  200 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1 -20 OK",
        "HTTP/1.1 099 OK", "HTTP/1.1\t200 OK", "http/1.1 200 OK",
        "HTTP/1.1 200OK", "ICY 200 OK", " HTTP/1.1 200 OK",
        "HTTP/1.1 200\tOK", "HTTP/1.1 200 O\x01K", "GET / HTTP/1.1",
        "HTTP/1.1 101 Switching Protocols",
    };
    char text[128];

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(text, sizeof text, "%s\r\n\r\n", lines[i]);
        refuse(WWI_HTTP_RESPONSE, text, 400);
    }
}

static void line__refuses_bare_line_feeds_and_returns(void **state)
{
    (void) state;
    static const char *const texts[] = {
        "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n", "GET / HTTP/1.1\rHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuse(WWI_HTTP_REQUEST, texts[i], 400);
    refuse(WWI_HTTP_RESPONSE, "HTTP/1.1 200 OK\n\n", 400);
    refuse(WWI_HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nA: b\n\r\n", 400);
}

static void line__refuses_every_control_character(void **state)
{
    (void) state;
    char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ?y\r\n\r\n";
    char *at = strchr(text, '?');

    for (int c = 0; c < 256; c++) {
        struct run run;

        *at = (char) c;
        if (c == '\t' || (c >= ' ' && c != 0x7F)) {
            parse(&run, WWI_HTTP_REQUEST, text, sizeof text - 1);
            assert_int_equal(run.event, WWI_HTTP_MESSAGE_DONE);
            end(&run);
        } else {
            refuse_octets(WWI_HTTP_REQUEST, text, sizeof text - 1, 400,
                WWS_E_INVALID_FORMAT);
        }
    }
}

static void line__refuses_a_control_character_when_it_comes(void **state)
{
    (void) state;
    struct run run;

    begin(&run, WWI_HTTP_REQUEST);
    feed(&run, "\x16\x03\x01", 3);

    assert_int_equal(run.event, WWI_HTTP_FAILED);
    assert_int_equal(run.parser.error.offset, 0);
    end(&run);
}

static void field__is_found_in_any_case_and_trimmed(void **state)
{
    (void) state;
    struct run run;
    wws_string name, value;

    accept(&run, WWI_HTTP_REQUEST, POST
        "X-One:1\r\nx-two: \t 2 2 \t\r\nX-Empty:\r\nX-Blank: \t\r\n"
        "X-one: again\r\n\r\n");

    assert_int_equal(wwi_http_parser_field_count(&run.parser), 6);
    assert_true(wwi_http_parser_find(&run.parser, "x-ONE", &value));
    assert_text(value, "1");
    assert_true(wwi_http_parser_find(&run.parser, "X-Two", &value));
    assert_text(value, "2 2");
    assert_true(wwi_http_parser_find(&run.parser, "X-Empty", &value));
    assert_text(value, "");
    assert_true(wwi_http_parser_find(&run.parser, "X-Blank", &value));
    assert_text(value, "");
    assert_false(wwi_http_parser_find(&run.parser, "X", NULL));
    wwi_http_parser_field(&run.parser, 5, &name, &value);
    assert_text(name, "X-one");
    assert_text(value, "again");
    end(&run);
}

static void field__lists_are_searched_over_all_lines(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_REQUEST, POST
        "Accept: a, b\r\nAccept: ,c ,, d\r\n\r\n");

    assert_true(wwi_http_parser_lists(&run.parser, "accept", "A"));
    assert_true(wwi_http_parser_lists(&run.parser, "accept", "d"));
    assert_false(wwi_http_parser_lists(&run.parser, "accept", ""));
    assert_false(wwi_http_parser_lists(&run.parser, "accept", "c ,, d"));
    end(&run);
}

static void field__refuses_what_is_no_field(void **state)
{
    (void) state;
    static const char *const lines[] = {
        "X", "X ", ": y", ":", "X : y", "X\t: y", " X: y", "\tX: y",
        "X: y\r\n  folded", "X: y\r\n\tfolded", "X[]: y", "\xC3\xA4: y",
        "X\"Y: z", "X/Y: z",
    };
    char text[128];

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(text, sizeof text, POST "%s\r\n\r\n", lines[i]);
        refuse(WWI_HTTP_REQUEST, text, 400);
        snprintf(text, sizeof text, OK "%s\r\n\r\n", lines[i]);
        refuse(WWI_HTTP_RESPONSE, text, 400);
    }
    refuse(WWI_HTTP_REQUEST, "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400);
}

static void field__refuses_singletons_that_come_twice(void **state)
{
    (void) state;
    static const char *const names[] = {
        "Host", "Content-Length", "Content-Type", "Authorization",
        "SOAPAction", "Transfer-Encoding",
    };
    char text[256];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost%s: a\r\n"
            "%s: 0\r\nX: y\r\n%s: 0\r\n\r\n", i == 0 ? "s" : "", names[i],
            names[i]);
        refuse(WWI_HTTP_REQUEST, text, 400);
    }
    refuse(WWI_HTTP_REQUEST, "GET / HTTP/1.0\r\nHost: a\r\nhOST: a\r\n\r\n",
        400);
    refuse(WWI_HTTP_RESPONSE,
        OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400);
}

static void host__is_required_and_checked(void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "Host: a b", "Host: a/b", "Host: a:b", "Host: a:65536", "Host: a:0",
        "Host: u@a", "Host: [::1", "Host: [1.2.3.4]", "Host: :80",
        "Host: a,b", "Host: \xC3\xA4", "X: y", "Host: [::1]x",
        "Host: [fe80::1%25eth0]", "Host: *",
    };
    static const char *const right[] = {
        "Host: a", "Host: A-b.c_d:8080", "Host: 127.0.0.1:1",
        "Host: [2001:db8::1]:65535", "Host:", "Host: a:", "Host: a.",
    };
    struct run run;
    char text[128];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n\r\n", wrong[i]);
        refuse(WWI_HTTP_REQUEST, text, 400);
    }
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n\r\n", right[i]);
        accept(&run, WWI_HTTP_REQUEST, text);
        end(&run);
    }
    refuse(WWI_HTTP_REQUEST, "GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", 400);
    accept(&run, WWI_HTTP_REQUEST, "GET / HTTP/1.0\r\n\r\n");
    end(&run);
}

static void connection__persists_as_version_and_options_say(void **state)
{
    (void) state;
    const enum wwi_http_kind q = WWI_HTTP_REQUEST, r = WWI_HTTP_RESPONSE;

    assert_true(persists(q, POST "\r\n"));
    assert_true(persists(q, POST "Connection: closer\r\n\r\n"));
    assert_false(persists(q, POST "Connection: close\r\n\r\n"));
    assert_false(persists(q, POST "Connection: x, CLOSE ,y\r\n\r\n"));
    assert_false(persists(q, POST "Connection: x\r\nConnection: close\r\n"
        "\r\n"));
    assert_false(persists(q, POST "Connection: keep-alive, close\r\n\r\n"));
    assert_false(persists(q, "GET / HTTP/1.0\r\n\r\n"));
    assert_true(persists(q, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n"
        "\r\n"));
    assert_false(persists(q, "GET / HTTP/1.0\r\nProxy-Connection: keep-alive"
        "\r\n\r\n"));
    assert_true(persists(r, OK "Content-Length: 0\r\n\r\n"));
    assert_false(persists(r, OK "Content-Length: 0\r\nConnection: close\r\n"
        "\r\n"));
    assert_false(persists(r, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert_true(persists(r, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n"
        "Connection: keep-alive\r\n\r\n"));
}

static void expect__is_known_from_http_1_1_on(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_REQUEST, POST "Expect: 100-Continue\r\n\r\n");
    assert_true(run.parser.expect_continue);
    assert_false(run.parser.expect_unknown);
    end(&run);
    accept(&run, WWI_HTTP_REQUEST, POST "Expect: 100-continue, y\r\n\r\n");
    assert_true(run.parser.expect_unknown);
    end(&run);
    accept(&run, WWI_HTTP_REQUEST,
        "GET / HTTP/1.0\r\nExpect: 100-continue\r\nExpect: y\r\n\r\n");
    assert_false(run.parser.expect_continue);
    assert_false(run.parser.expect_unknown);
    end(&run);
}

static void expect__body_has_not_come_while_more_follows_head(void **state)
{
    (void) state;
    static const char head[] = POST "Content-Length: 1\r\n"
        "Expect: 100-continue\r\n\r\n";
    struct run run;

    begin(&run, WWI_HTTP_REQUEST);
    feed(&run, head, sizeof head - 1);

    assert_int_equal(run.heads, 1);
    assert_int_equal(run.event, WWI_HTTP_MORE);
    assert_int_equal(run.parser.body_size, 0);
    end(&run);
}

static void limit__of_the_target(void **state)
{
    (void) state;
    struct run run;

    limits.target_size = 4;
    accept(&run, WWI_HTTP_REQUEST, "GET /abc HTTP/1.1\r\nHost: a\r\n\r\n");
    end(&run);
    exceed(WWI_HTTP_REQUEST, "GET /abcd HTTP/1.1\r\nHost: a\r\n\r\n", 414);
    limits.line_size = 17;
    exceed(WWI_HTTP_REQUEST, "GET /abcd HTTP/1.1\r\nHost: a\r\n\r\n", 414);
}

static void limit__of_a_line(void **state)
{
    (void) state;
    struct run run;

    limits.line_size = 20;
    accept(&run, WWI_HTTP_REQUEST, POST "X: 45678901234567890\r\n\r\n");
    end(&run);
    exceed(WWI_HTTP_REQUEST, POST "X: 456789012345678901\r\n\r\n", 431);
    exceed(WWI_HTTP_REQUEST, POST "X: 45678901234567890           ", 431);
    exceed(WWI_HTTP_RESPONSE, "HTTP/1.1 200 89012345\r\n\r\n", 431);
}

static void limit__of_the_number_of_fields(void **state)
{
    (void) state;
    struct run run;

    limits.field_count = 3;
    accept(&run, WWI_HTTP_REQUEST, POST "A: 1\r\nB: 2\r\n\r\n");
    end(&run);
    exceed(WWI_HTTP_REQUEST, POST "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", 431);
}

static void limit__of_the_whole_head(void **state)
{
    (void) state;
    static const char text[] = POST "A: 1\r\n\r\n";
    struct run run;

    limits.head_size = sizeof text - 1;
    accept(&run, WWI_HTTP_REQUEST, text);
    end(&run);
    for (limits.head_size = 0; limits.head_size < sizeof text - 1;
        limits.head_size++)
        exceed(WWI_HTTP_REQUEST, text, 431);
}

static void limit__defaults_are_those_of_the_product(void **state)
{
    (void) state;
    static const struct wwi_http_limits expected = {
        65536, 16384, 128, 8192, 4096, 16384, 65536,
    };
    struct wwi_http_parser parser;

    wwi_http_parser_init(&parser, WWI_HTTP_REQUEST, NULL);
    assert_memory_equal(&parser.limits, &expected, sizeof expected);
    wwi_http_parser_fini(&parser);
}

static void limit__default_number_of_fields_holds(void **state)
{
    (void) state;
    struct wwi_bytes text = { 0 };
    struct run run;

    wwi_bytes_append_text(&text, POST);
    for (int i = 1; i < 128; i++)
        wwi_bytes_append_text(&text, "X: y\r\n");
    wwi_bytes_append_text(&text, "\r\n");
    parse(&run, WWI_HTTP_REQUEST, (const char *) text.data, text.size);
    assert_int_equal(run.event, WWI_HTTP_MESSAGE_DONE);
    end(&run);
    text.size -= 2;
    wwi_bytes_append_text(&text, "X: y\r\n\r\n");
    refuse_octets(WWI_HTTP_REQUEST, (const char *) text.data, text.size, 431,
        WWS_E_QUOTA_EXCEEDED);
    wwi_bytes_fini(&text);
}

static void eof__within_a_message_is_a_truncation(void **state)
{
    (void) state;
    static const char *const texts[] = {
        POST "Content-Length: 3\r\n\r\nabc",
        CHUNKED "3;x\r\nabc\r\n0\r\nA: b\r\n\r\n",
        "\r\n" POST "\r\n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t cut = 0; cut < strlen(texts[i]); cut++) {
            struct run run;

            begin(&run, WWI_HTTP_REQUEST);
            feed(&run, texts[i], cut);
            assert_int_equal(run.parser.offset, cut);
            assert_int_equal(wwi_http_parser_eof(&run.parser),
                WWI_HTTP_FAILED);
            assert_int_equal(run.parser.error.status,
                WWS_E_ENDPOINT_DISCONNECTED);
            assert_int_equal(run.parser.error.offset, cut);
            end(&run);
        }
    }
}

static void eof__right_after_a_head_ends_an_empty_message(void **state)
{
    (void) state;
    static const char text[] = OK "\r\n";
    struct wwi_http_parser parser;
    size_t used;
    wws_bytes body;

    wwi_http_parser_init(&parser, WWI_HTTP_RESPONSE, NULL);
    assert_int_equal(wwi_http_parser_execute(&parser, text, sizeof text - 1,
        &used, &body), WWI_HTTP_HEAD_DONE);
    assert_int_equal(wwi_http_parser_eof(&parser), WWI_HTTP_MESSAGE_DONE);
    wwi_http_parser_fini(&parser);
}

static void memory__failure_at_any_allocation_is_reported(void **state)
{
    (void) state;
    static const char text[] = POST
        "X-Long: 0123456789012345678901234567890123456789012345678901234567\r\n"
        "X-More: 0123456789012345678901234567890123456789012345678901234567\r\n"
        "X-Even: 0123456789012345678901234567890123456789012345678901234567\r\n"
        "X-Yet1: 0123456789012345678901234567890123456789012345678901234567\r\n"
        "Transfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n0\r\nA: b\r\n\r\n";
    uint64_t n = 0;
    bool failed;

    do {
        struct run run;

        begin(&run, WWI_HTTP_REQUEST);
        wwi_bytes_reserve(&run.body, 16);
        wwi_memory_fail(++n, 0);
        feed(&run, text, sizeof text - 1);
        wwi_memory_fail(0, 0);
        failed = run.event == WWI_HTTP_FAILED;
        if (failed) {
            assert_int_equal(run.parser.error.status, WWS_E_OUTOFMEMORY);
            assert_int_equal(run.parser.error.http_status, 503);
            wwi_http_parser_reset(&run.parser, 0);
            feed(&run, text, sizeof text - 1);
        }
        assert_int_equal(run.event, WWI_HTTP_MESSAGE_DONE);
        end(&run);
    } while (failed);
    /* The head, which grows, the fields and the line. */
    assert_true(n > 4);
}

static void reset__keeps_memory_up_to_a_size(void **state)
{
    static const char text[] = CHUNKED "1\r\nx\r\n0\r\n\r\n";
    uint64_t asked;
    struct run run;

    begin(&run, WWI_HTTP_REQUEST);
    feed(&run, text, sizeof text - 1);
    wwi_http_parser_reset(&run.parser, 4096);
    asked = wwi_memory_asked();
    run.body.size = 0;
    feed(&run, text, sizeof text - 1);
    assert_int_equal(run.event, WWI_HTTP_MESSAGE_DONE);
    assert_int_equal(wwi_memory_asked(), asked);
    wwi_bytes_fini(&run.body);
    wwi_http_parser_reset(&run.parser, 0);
    assert_int_equal(wwi_memory_live(), *(uint64_t *) *state);
    end(&run);
}

static void reset__keeps_what_the_owner_set(void **state)
{
    (void) state;
    struct run run;

    head_request = connect_request = true;
    limits.field_count = 7;
    begin(&run, WWI_HTTP_RESPONSE);
    feed(&run, "HTTP/1.1 100 C\r\n\r\n", 18);
    wwi_http_parser_reset(&run.parser, 4096);

    assert_true(run.parser.head_request && run.parser.connect_request);
    assert_int_equal(run.parser.limits.field_count, 7);
    assert_int_equal(run.parser.kind, WWI_HTTP_RESPONSE);
    assert_int_equal(run.parser.offset, 0);
    assert_int_equal(run.parser.status, 0);
    end(&run);
}

static void views__outlive_the_input_and_the_body(void **state)
{
    (void) state;
    static const char tail[] = "0\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n\r\n";
    struct run run;
    wws_string host;

    begin(&run, WWI_HTTP_REQUEST);
    feed(&run, CHUNKED, sizeof CHUNKED - 1);
    assert_true(wwi_http_parser_find(&run.parser, "Host", &host));
    feed(&run, tail, sizeof tail - 1);

    assert_int_equal(run.event, WWI_HTTP_MESSAGE_DONE);
    assert_text(host, "a");
    assert_text(run.parser.method, "POST");
    end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(request__has_method_target_and_version),
        PROMISE(request__skips_one_empty_line_and_no_more),
        PROMISE(request__refuses_a_malformed_line),
        PROMISE(request__refuses_another_major_version),
        PROMISE(request__takes_any_minor_version),
        PROMISE(response__has_status_and_reason),
        PROMISE(response__may_lack_a_reason_and_its_space),
        PROMISE(response__refuses_a_malformed_line),
        PROMISE(line__refuses_bare_line_feeds_and_returns),
        PROMISE(line__refuses_every_control_character),
        PROMISE(line__refuses_a_control_character_when_it_comes),
        PROMISE(field__is_found_in_any_case_and_trimmed),
        PROMISE(field__lists_are_searched_over_all_lines),
        PROMISE(field__refuses_what_is_no_field),
        PROMISE(field__refuses_singletons_that_come_twice),
        PROMISE(host__is_required_and_checked),
        PROMISE(connection__persists_as_version_and_options_say),
        PROMISE(expect__is_known_from_http_1_1_on),
        PROMISE(expect__body_has_not_come_while_more_follows_head),
        PROMISE(limit__of_the_target),
        PROMISE(limit__of_a_line),
        PROMISE(limit__of_the_number_of_fields),
        PROMISE(limit__of_the_whole_head),
        PROMISE(limit__defaults_are_those_of_the_product),
        PROMISE(limit__default_number_of_fields_holds),
        PROMISE(eof__within_a_message_is_a_truncation),
        PROMISE(eof__right_after_a_head_ends_an_empty_message),
        PROMISE(memory__failure_at_any_allocation_is_reported),
        PROMISE(reset__keeps_memory_up_to_a_size),
        PROMISE(reset__keeps_what_the_owner_set),
        PROMISE(views__outlive_the_input_and_the_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
