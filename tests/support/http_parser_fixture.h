/* Runs of the HTTP parser.  Every message is parsed whole, cut in two at every
 * octet, and one octet at a time; the outcome must be the same. */
#ifndef TESTS_HTTP_PARSER_FIXTURE_H
#define TESTS_HTTP_PARSER_FIXTURE_H

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

static inline void begin(struct run *run, enum wwi_http_kind kind)
{
    memset(run, 0, sizeof *run);
    wwi_http_parser_init(&run->parser, kind, &limits);
    run->parser.head_request = head_request;
    run->parser.connect_request = connect_request;
}

static inline void end(struct run *run)
{
    wwi_http_parser_fini(&run->parser);
    wwi_bytes_fini(&run->body);
}

/* Feeds a copy that has nothing behind it; returns how much was consumed. */
static inline size_t feed(struct run *run, const char *text, size_t size)
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

static inline bool same(wws_string left, wws_string right)
{
    return left.size == right.size
        && (left.size == 0 || memcmp(left.data, right.data, left.size) == 0);
}

static inline void assert_text(wws_string text, const char *expected)
{
    if (!same(text, (wws_string) { expected, strlen(expected) }))
        fail_msg("'%.*s' is not '%s'", (int) text.size, text.data, expected);
}

static inline void assert_body(const struct run *run, const char *expected)
{
    assert_text((wws_string) { (const char *) run->body.data, run->body.size },
        expected);
}

static inline void assert_same_head(
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

static inline void assert_same(const struct run *a, const struct run *b)
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
static inline void parse(
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

static inline void accept(
    struct run *run,
    enum wwi_http_kind kind,
    const char *text)
{
    parse(run, kind, text, strlen(text));
    if (run->event != WWI_HTTP_MESSAGE_DONE)
        fail_msg("not accepted: %s (%s)", text, run->parser.error.text);
    assert_int_equal(run->heads, 1);
}

static inline void refuse_octets(
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

static inline void refuse(
    enum wwi_http_kind kind,
    const char *text,
    unsigned http_status)
{
    refuse_octets(kind, text, strlen(text), http_status,
        WWS_E_INVALID_FORMAT);
}

static inline void exceed(
    enum wwi_http_kind kind,
    const char *text,
    unsigned http_status)
{
    refuse_octets(kind, text, strlen(text), http_status,
        WWS_E_QUOTA_EXCEEDED);
}

static inline bool persists(enum wwi_http_kind kind, const char *text)
{
    struct run run;
    bool keep_alive;

    accept(&run, kind, text);
    keep_alive = run.parser.keep_alive;
    end(&run);
    return keep_alive;
}

static uint64_t live;

static inline int set_up(void **state)
{
    static const struct wwi_http_limits defaults = WWI_HTTP_LIMITS_INIT;

    limits = defaults;
    head_request = connect_request = false;
    live = wwi_memory_live();
    *state = &live;
    return 0;
}

static inline int tear_down(void **state)
{
    wwi_memory_fail(0, 0);
    return wwi_memory_live() != *(uint64_t *) *state;
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
