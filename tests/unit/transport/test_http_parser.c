/* Promises of the HTTP parser.  Every message here is parsed whole, cut in two
 * at every octet, and one octet at a time; the outcome must be the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/transport/http_parser.h"

#define HOST "Host: a\r\n"
#define POST "POST /s HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\n"

static struct wwi_http_limits limits;
static bool head_request;
static bool connect_request;

struct run {
    struct wwi_http_parser parser;
    struct wwi_bytes body;
    enum wwi_http_event event;
    unsigned heads;
};

static void begin(struct run *run, enum wwi_http_kind kind)
{
    memset(run, 0, sizeof *run);
    wwi_http_parser_init(&run->parser, kind, &limits);
    run->parser.head_request = head_request;
    run->parser.connect_request = connect_request;
}

static void end(struct run *run)
{
    wwi_http_parser_fini(&run->parser);
    wwi_bytes_fini(&run->body);
}

/* Feeds a copy that has nothing behind it; returns how much was consumed. */
static size_t feed(struct run *run, const char *text, size_t size)
{
    char *copy = malloc(size != 0 ? size : 1);
    size_t at = 0, consumed;
    wws_bytes body;

    memcpy(copy, text, size);
    do {
        run->event = wwi_http_parser_execute(&run->parser, copy + at,
            size - at, &consumed, &body);
        if (run->event == WWI_HTTP_BODY) {
            assert_true((const char *) body.data >= copy + at);
            assert_true((const char *) body.data + body.size
                <= copy + at + consumed);
            assert_true(body.size != 0);
        } else {
            assert_int_equal(body.size, 0);
        }
        wwi_bytes_append(&run->body, body.data, body.size);
        run->heads += run->event == WWI_HTTP_HEAD_DONE;
        at += consumed;
    } while (run->event == WWI_HTTP_HEAD_DONE || run->event == WWI_HTTP_BODY);
    if (run->event == WWI_HTTP_MORE)
        assert_int_equal(at, size);
    free(copy);
    return at;
}

static bool same(wws_string left, wws_string right)
{
    return left.size == right.size
        && (left.size == 0 || memcmp(left.data, right.data, left.size) == 0);
}

static void assert_text(wws_string text, const char *expected)
{
    if (!same(text, (wws_string) { expected, strlen(expected) }))
        fail_msg("'%.*s' is not '%s'", (int) text.size, text.data, expected);
}

static void assert_body(const struct run *run, const char *expected)
{
    assert_text((wws_string) { (const char *) run->body.data, run->body.size },
        expected);
}

static void assert_same_head(
    const struct wwi_http_parser *a,
    const struct wwi_http_parser *b)
{
    wws_string name[2], value[2];

    assert_true(same(a->method, b->method) && same(a->target, b->target));
    assert_true(same(a->reason, b->reason));
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->framing, b->framing);
    assert_int_equal(a->keep_alive, b->keep_alive);
    assert_int_equal(wwi_http_parser_field_count(a),
        wwi_http_parser_field_count(b));
    for (size_t i = 0; i < wwi_http_parser_field_count(a); i++) {
        wwi_http_parser_field(a, i, &name[0], &value[0]);
        wwi_http_parser_field(b, i, &name[1], &value[1]);
        assert_true(same(name[0], name[1]) && same(value[0], value[1]));
    }
}

static void assert_same(const struct run *a, const struct run *b)
{
    assert_int_equal(a->event, b->event);
    assert_int_equal(a->heads, b->heads);
    assert_int_equal(a->parser.offset, b->parser.offset);
    assert_int_equal(a->parser.body_size, b->parser.body_size);
    assert_int_equal(a->body.size, b->body.size);
    if (a->body.size != 0)
        assert_memory_equal(a->body.data, b->body.data, a->body.size);
    assert_ptr_equal(a->parser.error.text, b->parser.error.text);
    assert_int_equal(a->parser.error.status, b->parser.error.status);
    assert_int_equal(a->parser.error.http_status,
        b->parser.error.http_status);
    assert_int_equal(a->parser.error.offset, b->parser.error.offset);
    if (a->heads != 0)
        assert_same_head(&a->parser, &b->parser);
}

/* Parses whole; then in pieces, comparing. */
static void parse(
    struct run *run,
    enum wwi_http_kind kind,
    const char *text,
    size_t size)
{
    struct run other;
    /* Every cut of a long text would take quadratic time. */
    size_t stride = size / 500 + 1;

    begin(run, kind);
    feed(run, text, size);
    for (size_t cut = 0; cut <= size; cut += stride) {
        size_t used;

        begin(&other, kind);
        used = feed(&other, text, cut);
        if (other.event == WWI_HTTP_MORE)
            feed(&other, text + used, size - used);
        assert_same(run, &other);
        end(&other);
    }
    begin(&other, kind);
    for (size_t i = 0; i < size && other.event == WWI_HTTP_MORE; i++)
        feed(&other, text + i, 1);
    assert_same(run, &other);
    end(&other);
}

static void accept(
    struct run *run,
    enum wwi_http_kind kind,
    const char *text)
{
    parse(run, kind, text, strlen(text));
    if (run->event != WWI_HTTP_MESSAGE_DONE)
        fail_msg("not accepted: %s (%s)", text, run->parser.error.text);
    assert_int_equal(run->heads, 1);
}

static void refuse_octets(
    enum wwi_http_kind kind,
    const char *text,
    size_t size,
    unsigned http_status,
    wws_status status)
{
    struct run run;

    parse(&run, kind, text, size);
    if (run.event != WWI_HTTP_FAILED)
        fail_msg("accepted: %s", text);
    if (run.parser.error.http_status != http_status)
        fail_msg("%s: %u %s", text, run.parser.error.http_status,
            run.parser.error.text);
    assert_int_equal(run.parser.error.status, status);
    assert_non_null(run.parser.error.text);
    assert_true(run.parser.error.offset <= size);
    assert_false(run.parser.keep_alive);
    assert_int_equal(feed(&run, "x", 1), 0);
    assert_int_equal(run.event, WWI_HTTP_FAILED);
    end(&run);
}

static void refuse(
    enum wwi_http_kind kind,
    const char *text,
    unsigned http_status)
{
    refuse_octets(kind, text, strlen(text), http_status,
        WWS_E_INVALID_FORMAT);
}

static void exceed(
    enum wwi_http_kind kind,
    const char *text,
    unsigned http_status)
{
    refuse_octets(kind, text, strlen(text), http_status,
        WWS_E_QUOTA_EXCEEDED);
}

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

static bool persists(enum wwi_http_kind kind, const char *text)
{
    struct run run;
    bool keep_alive;

    accept(&run, kind, text);
    keep_alive = run.parser.keep_alive;
    end(&run);
    return keep_alive;
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

static void length__body_has_exactly_that_many_octets(void **state)
{
    (void) state;
    static const char text[] = POST "Content-Length: 5\r\n\r\nhello";
    struct run run;

    accept(&run, WWI_HTTP_REQUEST, text);
    assert_body(&run, "hello");
    assert_true(run.parser.has_length);
    assert_int_equal(run.parser.content_length, 5);
    assert_int_equal(run.parser.offset, sizeof text - 1);
    end(&run);

    accept(&run, WWI_HTTP_RESPONSE, OK "Content-Length: 005\r\n\r\nhello");
    assert_body(&run, "hello");
    end(&run);
}

static void length__what_follows_is_left_for_the_next_message(void **state)
{
    (void) state;
    static const char first[] = POST "Content-Length: 2\r\n\r\nhi";
    static const char both[] = POST "Content-Length: 2\r\n\r\nhi"
        "GET /n HTTP/1.1\r\nHost: a\r\n\r\n";
    struct run run;

    begin(&run, WWI_HTTP_REQUEST);
    assert_int_equal(feed(&run, both, sizeof both - 1), sizeof first - 1);
    assert_int_equal(run.event, WWI_HTTP_MESSAGE_DONE);
    assert_int_equal(feed(&run, both, sizeof both - 1), 0);

    wwi_http_parser_reset(&run.parser, 4096);
    feed(&run, both + sizeof first - 1, sizeof both - sizeof first);
    assert_int_equal(run.event, WWI_HTTP_MESSAGE_DONE);
    assert_text(run.parser.target, "/n");
    assert_int_equal(run.parser.framing, WWI_HTTP_NO_BODY);
    end(&run);
}

static void length__refuses_all_but_digits(void **state)
{
    (void) state;
    static const char *const values[] = {
        "", "+5", "-5", "5 5", "5,5", "5, 5", "0x5", "5.0", "5a", "\"5\"",
        "9223372036854775808", "18446744073709551616",
        "99999999999999999999999999",
    };
    char text[128];

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(text, sizeof text, POST "Content-Length: %s\r\n\r\nhello",
            values[i]);
        refuse(WWI_HTTP_REQUEST, text, 400);
        snprintf(text, sizeof text, OK "Content-Length: %s\r\n\r\nhello",
            values[i]);
        refuse(WWI_HTTP_RESPONSE, text, 400);
    }
}

static void length__may_be_two_to_the_63_less_one(void **state)
{
    (void) state;
    static const char text[] =
        POST "Content-Length: 9223372036854775807\r\n\r\nx";
    struct run run;

    limits.body_size = UINT64_MAX;
    begin(&run, WWI_HTTP_REQUEST);
    feed(&run, text, sizeof text - 1);

    assert_int_equal(run.event, WWI_HTTP_MORE);
    assert_int_equal(run.parser.content_length, INT64_MAX);
    assert_body(&run, "x");
    end(&run);
}

static void length__over_quota_fails_after_the_head(void **state)
{
    (void) state;
    struct run run;

    exceed(WWI_HTTP_REQUEST, POST "Content-Length: 65537\r\n\r\n", 413);
    exceed(WWI_HTTP_RESPONSE, OK "Content-Length: 65537\r\n\r\n", 413);

    parse(&run, WWI_HTTP_REQUEST, POST "Content-Length: 65537\r\n\r\n",
        sizeof POST "Content-Length: 65537\r\n\r\n" - 1);
    assert_int_equal(run.heads, 1);
    assert_text(run.parser.target, "/s");
    end(&run);
}

static void length__quota_may_change_at_the_head(void **state)
{
    (void) state;
    static const char text[] = POST "Content-Length: 3\r\n\r\nabc";
    struct wwi_http_parser parser;
    size_t used, more;
    wws_bytes body;

    limits.body_size = 2;
    wwi_http_parser_init(&parser, WWI_HTTP_REQUEST, &limits);
    assert_int_equal(wwi_http_parser_execute(&parser, text, sizeof text - 1,
        &used, &body), WWI_HTTP_HEAD_DONE);
    assert_int_equal(used, sizeof text - 4);
    parser.limits.body_size = 3;
    assert_int_equal(wwi_http_parser_execute(&parser, text + used, 3, &more,
        &body), WWI_HTTP_BODY);
    assert_int_equal(body.size, 3);
    assert_ptr_equal(body.data, text + used);
    wwi_http_parser_fini(&parser);
}

static void coding__of_a_request_is_chunked_or_refused(void **state)
{
    (void) state;
    static const char *const bad[] = {
        "", ",", "chunked, chunked", "chunked, identity", ", chunked",
        "chunked,", "chunked;q=1", "chunked, gzip", "\"chunked\"",
        "chun ked",
    };
    static const char *const unknown[] = {
        "xchunked", "identity", "gzip", "gzip, chunked", "chunkedx",
    };
    char text[128];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, POST "Transfer-Encoding: %s\r\n\r\n",
            bad[i]);
        refuse(WWI_HTTP_REQUEST, text, 400);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        snprintf(text, sizeof text, POST "Transfer-Encoding: %s\r\n\r\n",
            unknown[i]);
        refuse(WWI_HTTP_REQUEST, text, 501);
    }
    refuse(WWI_HTTP_REQUEST, POST "Transfer-Encoding:\vchunked\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, POST "Transfer-Encoding : chunked\r\n\r\n", 400);
}

static void coding__with_length_is_refused_in_requests(void **state)
{
    (void) state;
    refuse(WWI_HTTP_REQUEST, POST "Transfer-Encoding: chunked\r\n"
        "Content-Length: 3\r\n\r\n0\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, POST "Content-Length: 3\r\n"
        "Transfer-Encoding: gzip\r\n\r\nabc", 400);
}

static void coding__is_refused_in_http_1_0_requests(void **state)
{
    (void) state;
    refuse(WWI_HTTP_REQUEST, "POST / HTTP/1.0\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

static void coding__with_length_ends_reuse_in_responses(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_RESPONSE, OK "Content-Length: 99\r\n"
        "Transfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    assert_body(&run, "x");
    assert_false(run.parser.keep_alive);
    assert_false(run.parser.has_length);
    end(&run);

    assert_false(persists(WWI_HTTP_RESPONSE, "HTTP/1.0 200 OK\r\n"
        "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n"));
    assert_true(persists(WWI_HTTP_RESPONSE, OK
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
}

static void coding__of_a_response_may_be_a_list(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_RESPONSE, OK "Transfer-Encoding: gzip\r\n"
        "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    assert_int_equal(run.parser.framing, WWI_HTTP_CHUNKED);
    end(&run);
    refuse(WWI_HTTP_RESPONSE, OK "Transfer-Encoding: chunked\r\n"
        "Transfer-Encoding: chunked\r\n\r\n", 400);
    refuse(WWI_HTTP_RESPONSE, OK "Transfer-Encoding: \r\n\r\n", 400);
    refuse(WWI_HTTP_RESPONSE, OK "Transfer-Encoding: chunked;a\r\n\r\n", 400);
}

static void to_close__body_ends_with_the_input(void **state)
{
    (void) state;
    static const char *const heads[] = {
        OK "\r\n", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
        OK "Transfer-Encoding: chunked, gzip\r\n\r\n",
        OK "Transfer-Encoding: xchunked\r\nContent-Length: 1\r\n\r\n",
    };
    char text[128];

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct run run;

        snprintf(text, sizeof text, "%shello", heads[i]);
        parse(&run, WWI_HTTP_RESPONSE, text, strlen(text));
        assert_int_equal(run.event, WWI_HTTP_MORE);
        assert_int_equal(run.parser.framing, WWI_HTTP_TO_CLOSE);
        assert_false(run.parser.keep_alive);
        assert_body(&run, "hello");
        assert_int_equal(wwi_http_parser_eof(&run.parser),
            WWI_HTTP_MESSAGE_DONE);
        assert_int_equal(wwi_http_parser_eof(&run.parser),
            WWI_HTTP_MESSAGE_DONE);
        end(&run);
    }
}

static void to_close__body_is_subject_to_quota(void **state)
{
    (void) state;
    struct run run;

    limits.body_size = 5;
    exceed(WWI_HTTP_RESPONSE, OK "\r\nhello!", 413);
    parse(&run, WWI_HTTP_RESPONSE, OK "\r\nhello!",
        sizeof OK "\r\nhello!" - 1);
    assert_body(&run, "hello");
    end(&run);
    parse(&run, WWI_HTTP_RESPONSE, OK "\r\nhello", sizeof OK "\r\nhello" - 1);
    assert_int_equal(wwi_http_parser_eof(&run.parser), WWI_HTTP_MESSAGE_DONE);
    end(&run);
}

static void no_body__statuses_and_requests_have_none(void **state)
{
    (void) state;
    static const char *const heads[] = {
        "HTTP/1.1 100 Continue\r\n", "HTTP/1.1 103 Early Hints\r\n",
        "HTTP/1.1 204 No\r\n", "HTTP/1.1 304 Not\r\n",
    };
    struct run run;
    char text[128];

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        snprintf(text, sizeof text, "%sContent-Length: 7\r\n"
            "Transfer-Encoding: chunked\r\n\r\n", heads[i]);
        accept(&run, WWI_HTTP_RESPONSE, text);
        assert_int_equal(run.parser.framing, WWI_HTTP_NO_BODY);
        end(&run);
    }
    head_request = true;
    accept(&run, WWI_HTTP_RESPONSE, OK "Content-Length: 7\r\n\r\n");
    end(&run);
    head_request = false;
    connect_request = true;
    accept(&run, WWI_HTTP_RESPONSE, OK "Transfer-Encoding: chunked\r\n\r\n");
    end(&run);
    accept(&run, WWI_HTTP_RESPONSE,
        "HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno");
    assert_body(&run, "no");
    end(&run);
}

static void chunk__bodies_are_put_together(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_REQUEST, CHUNKED
        "5\r\nhello\r\n00001\r\n,\r\nA\r\n 012345678\r\n"
        "0000000000000000\r\n\r\n");

    assert_body(&run, "hello, 012345678");
    assert_int_equal(run.parser.body_size, 16);
    assert_int_equal(run.parser.framing, WWI_HTTP_CHUNKED);
    end(&run);
}

static void chunk__may_be_empty_at_once(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_REQUEST, CHUNKED "0\r\n\r\n");
    assert_body(&run, "");
    end(&run);
}

static void chunk__refuses_a_malformed_size(void **state)
{
    (void) state;
    static const char *const lines[] = {
        "", " 1", "1 ", "0x1", "+1", "-1", "g", "1g", "00000000000000001",
        "\t1", "1\t", "1,", "1 2", "1;", "1; ", "1;=a", "1;a=", "1;a b",
        "1;a=\"b", "1;a=\"b\\\"", "1;a ", "1;a=b ", "1 x", "1;a=b\"c\"",
        ";a", "1;a;;b",
    };
    char text[256];

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(text, sizeof text, CHUNKED "%s\r\nx\r\n0\r\n\r\n", lines[i]);
        refuse(WWI_HTTP_REQUEST, text, 400);
    }
    refuse(WWI_HTTP_REQUEST, CHUNKED "1\nx\r\n0\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, CHUNKED "1;a=\"\n\"\r\nx\r\n0\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, CHUNKED "1\r\rx\r\n0\r\n\r\n", 400);
}

static void chunk__ignores_extensions(void **state)
{
    (void) state;
    static const char *const lines[] = {
        "1;a", "1 ;a", "1\t; a", "1;a=b", "1;a = b", "1;a=\"b;c\\\"d\"",
        "1;a=\"\";b;c=d ; e", "1;a;b",
    };
    char text[256];
    struct run run;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(text, sizeof text, CHUNKED "%s\r\nx\r\n0;last\r\n\r\n",
            lines[i]);
        accept(&run, WWI_HTTP_REQUEST, text);
        assert_body(&run, "x");
        end(&run);
    }
}

static void chunk__refuses_data_that_does_not_end_there(void **state)
{
    (void) state;
    refuse(WWI_HTTP_REQUEST, CHUNKED "1\r\nxx\r\n0\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, CHUNKED "1\r\nx\n0\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, CHUNKED "1\r\nx\rx0\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, CHUNKED "2\r\nx\r\n0\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, CHUNKED "1\r\nx0\r\n\r\n", 400);
}

static void chunk__sum_is_subject_to_quota(void **state)
{
    (void) state;
    struct run run;

    limits.body_size = 5;
    accept(&run, WWI_HTTP_REQUEST,
        CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    end(&run);
    exceed(WWI_HTTP_REQUEST, CHUNKED "3\r\nabc\r\n3\r\n", 413);
    exceed(WWI_HTTP_REQUEST, CHUNKED "6\r\n", 413);
    exceed(WWI_HTTP_REQUEST, CHUNKED "1\r\na\r\nFFFFFFFFFFFFFFFF\r\n", 413);
    limits.body_size = UINT64_MAX;
    exceed(WWI_HTTP_REQUEST, CHUNKED "1\r\na\r\nFFFFFFFFFFFFFFFF\r\n", 413);
}

static void chunk__lines_and_extensions_are_limited(void **state)
{
    (void) state;
    struct run run;
    struct wwi_bytes text = { 0 };

    limits.chunk_line_size = 8;
    accept(&run, WWI_HTTP_REQUEST, CHUNKED "1;aaaaaa\r\nx\r\n0\r\n\r\n");
    end(&run);
    exceed(WWI_HTTP_REQUEST, CHUNKED "1;aaaaaaa\r\nx\r\n0\r\n\r\n", 400);
    limits.chunk_line_size = 4096;
    limits.extension_size = 6;
    accept(&run, WWI_HTTP_REQUEST,
        CHUNKED "1;a\r\nx\r\n1;b\r\nx\r\n0;c\r\n\r\n");
    end(&run);
    exceed(WWI_HTTP_REQUEST,
        CHUNKED "1;a\r\nx\r\n1;b\r\nx\r\n0;cc\r\n\r\n", 400);

    limits.extension_size = 16384;
    wwi_bytes_append_text(&text, CHUNKED);
    for (int i = 0; i < 5000; i++)
        wwi_bytes_append_text(&text, "1;abc\r\nx\r\n");
    refuse_octets(WWI_HTTP_REQUEST, (const char *) text.data, text.size, 400,
        WWS_E_QUOTA_EXCEEDED);
    wwi_bytes_fini(&text);
}

static void trailer__is_checked_and_forgotten(void **state)
{
    (void) state;
    struct run run;

    accept(&run, WWI_HTTP_REQUEST,
        CHUNKED "1\r\nx\r\n0\r\nX-Sum: 1\r\nX-Other:\r\n\r\n");
    assert_int_equal(wwi_http_parser_field_count(&run.parser), 2);
    assert_false(wwi_http_parser_find(&run.parser, "X-Sum", NULL));
    assert_text(run.parser.target, "/s");
    end(&run);

    refuse(WWI_HTTP_REQUEST, CHUNKED "0\r\nX\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, CHUNKED "0\r\n X: y\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, CHUNKED "0\r\nX: y\r\n z\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, CHUNKED "0\r\nX : y\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, CHUNKED "0\r\nX: \x01\r\n\r\n", 400);
    refuse(WWI_HTTP_REQUEST, CHUNKED "0\r\nX: y\n\r\n", 400);
}

static void trailer__refuses_what_belongs_in_the_head(void **state)
{
    (void) state;
    static const char *const names[] = {
        "Transfer-Encoding", "content-length", "HOST", "Authorization",
        "Content-Type", "SOAPAction", "Connection", "Set-Cookie",
    };
    char text[256];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, CHUNKED "0\r\n%s: x\r\n\r\n", names[i]);
        refuse(WWI_HTTP_REQUEST, text, 400);
    }
}

static void trailer__has_the_limits_of_a_head(void **state)
{
    (void) state;
    char text[256];
    struct run run;

    limits.field_count = 2;
    exceed(WWI_HTTP_REQUEST, CHUNKED "0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n",
        431);
    limits.field_count = 128;
    limits.line_size = 30;
    exceed(WWI_HTTP_REQUEST,
        CHUNKED "0\r\nA: 3456789012345678901234567890x\r\n\r\n", 431);
    limits.line_size = 16384;
    limits.head_size = sizeof CHUNKED - 1;
    snprintf(text, sizeof text, CHUNKED "0\r\nA: %0*d\r\n\r\n",
        (int) sizeof CHUNKED - 8, 0);
    accept(&run, WWI_HTTP_REQUEST, text);
    end(&run);
    snprintf(text, sizeof text, CHUNKED "0\r\nA: %0*d\r\n\r\n",
        (int) sizeof CHUNKED - 7, 0);
    exceed(WWI_HTTP_REQUEST, text, 431);
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

static uint64_t live;

static int set_up(void **state)
{
    static const struct wwi_http_limits defaults = WWI_HTTP_LIMITS_INIT;

    limits = defaults;
    head_request = connect_request = false;
    live = wwi_memory_live();
    *state = &live;
    return 0;
}

static int tear_down(void **state)
{
    wwi_memory_fail(0, 0);
    return wwi_memory_live() != *(uint64_t *) *state;
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

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
        PROMISE(length__body_has_exactly_that_many_octets),
        PROMISE(length__what_follows_is_left_for_the_next_message),
        PROMISE(length__refuses_all_but_digits),
        PROMISE(length__may_be_two_to_the_63_less_one),
        PROMISE(length__over_quota_fails_after_the_head),
        PROMISE(length__quota_may_change_at_the_head),
        PROMISE(coding__of_a_request_is_chunked_or_refused),
        PROMISE(coding__with_length_is_refused_in_requests),
        PROMISE(coding__is_refused_in_http_1_0_requests),
        PROMISE(coding__with_length_ends_reuse_in_responses),
        PROMISE(coding__of_a_response_may_be_a_list),
        PROMISE(to_close__body_ends_with_the_input),
        PROMISE(to_close__body_is_subject_to_quota),
        PROMISE(no_body__statuses_and_requests_have_none),
        PROMISE(chunk__bodies_are_put_together),
        PROMISE(chunk__may_be_empty_at_once),
        PROMISE(chunk__refuses_a_malformed_size),
        PROMISE(chunk__ignores_extensions),
        PROMISE(chunk__refuses_data_that_does_not_end_there),
        PROMISE(chunk__sum_is_subject_to_quota),
        PROMISE(chunk__lines_and_extensions_are_limited),
        PROMISE(trailer__is_checked_and_forgotten),
        PROMISE(trailer__refuses_what_belongs_in_the_head),
        PROMISE(trailer__has_the_limits_of_a_head),
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
