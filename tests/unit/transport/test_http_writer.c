/* Promises of the HTTP writer: what it writes the parser reads, and nothing a
 * caller supplies can change the framing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/transport/http_parser.h"
#include "core/transport/http_writer.h"

static struct wwi_bytes out;
static struct wwi_http_writer writer;

static wws_string string(const char *text)
{
    return (wws_string) { text, strlen(text) };
}

static void assert_out(const char *expected)
{
    assert_false(out.failed);
    wwi_bytes_append_char(&out, '\0');
    assert_string_equal((const char *) out.data, expected);
}

static void begin(void)
{
    wwi_http_writer_request(&writer, &out, WWS_STR("POST"), WWS_STR("/s?q"));
}

static void writer__request_head_is_as_expected(void **state)
{
    (void) state;
    begin();
    wwi_http_writer_field(&writer, WWS_STR("Host"), WWS_STR("a:81"));
    wwi_http_writer_field(&writer, WWS_STR("X-Empty"), (wws_string) { 0 });
    wwi_http_writer_length(&writer, UINT64_MAX);
    assert_int_equal(wwi_http_writer_end(&writer), 0);

    assert_out("POST /s?q HTTP/1.1\r\nHost: a:81\r\nX-Empty: \r\n"
        "Content-Length: 18446744073709551615\r\n\r\n");
}

static void writer__response_head_is_as_expected(void **state)
{
    (void) state;
    wwi_bytes_append_text(&out, "before|");
    wwi_http_writer_response(&writer, &out, 202, WWS_STR(""));
    wwi_http_writer_chunked(&writer);
    assert_int_equal(wwi_http_writer_end(&writer), 0);
    wwi_http_writer_response(&writer, &out, 500, WWS_STR("My \xC3\xA4"));
    assert_int_equal(wwi_http_writer_end(&writer), 0);

    assert_out("before|HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked"
        "\r\n\r\nHTTP/1.1 500 My \xC3\xA4\r\n\r\n");
}

/* The head so far must be refused, and nothing of it stay. */
static void assert_refused(void)
{
    assert_non_null(writer.refused);
    assert_int_equal(wwi_http_writer_end(&writer), WWS_E_INVALIDARG);
    assert_int_equal(out.size, 0);
    assert_false(out.failed);
}

static void writer__refuses_every_octet_that_could_split(void **state)
{
    (void) state;
    for (int c = 0; c < 256; c++) {
        const char text[] = { 'a', (char) c, 'b' };
        wws_string value = { text, 3 };
        bool control = (c < ' ' && c != '\t') || c == 0x7F;
        bool visible = c > ' ' && c < 0x7F && c != '#';

        begin();
        wwi_http_writer_field(&writer, WWS_STR("X"), value);
        assert_int_equal(writer.refused != NULL, control);
        wwi_http_writer_end(&writer);
        out.size = 0;
        wwi_http_writer_response(&writer, &out, 200, value);
        assert_int_equal(writer.refused != NULL, control);
        wwi_http_writer_end(&writer);
        out.size = 0;
        wwi_http_writer_request(&writer, &out, WWS_STR("GET"), value);
        assert_int_equal(writer.refused != NULL, !visible);
        wwi_http_writer_end(&writer);
        out.size = 0;
    }
}

static void writer__refuses_names_that_are_no_tokens(void **state)
{
    (void) state;
    static const char *const names[] = {
        "", "a b", "a:", "a\r\nb", "\xC3\xA4", "a\t", "(a)", "a/b",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        begin();
        wwi_http_writer_field(&writer, string(names[i]), WWS_STR("x"));
        assert_refused();
        wwi_http_writer_request(&writer, &out, string(names[i]),
            WWS_STR("/"));
        assert_refused();
    }
    wwi_http_writer_request(&writer, &out, WWS_STR("GET"), WWS_STR(""));
    assert_refused();
    wwi_http_writer_request(&writer, &out, (wws_string) { 0 },
        (wws_string) { 0 });
    assert_refused();
}

static void writer__refuses_a_status_that_is_none(void **state)
{
    (void) state;
    static const unsigned statuses[] = { 0, 99, 1000, UINT32_MAX };

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        wwi_http_writer_response(&writer, &out, statuses[i], WWS_STR(""));
        assert_refused();
    }
}

static void writer__says_the_framing_once(void **state)
{
    (void) state;
    begin();
    wwi_http_writer_field(&writer, WWS_STR("content-LENGTH"), WWS_STR("1"));
    assert_refused();
    begin();
    wwi_http_writer_field(&writer, WWS_STR("Transfer-Encoding"),
        WWS_STR("chunked"));
    assert_refused();
    begin();
    wwi_http_writer_length(&writer, 1);
    wwi_http_writer_length(&writer, 1);
    assert_refused();
    begin();
    wwi_http_writer_chunked(&writer);
    wwi_http_writer_length(&writer, 1);
    assert_refused();
    begin();
    wwi_http_writer_chunked(&writer);
    wwi_http_writer_chunked(&writer);
    assert_refused();
}

static void writer__keeps_what_was_there_when_it_refuses(void **state)
{
    (void) state;
    wwi_bytes_append_text(&out, "before");
    begin();
    wwi_http_writer_field(&writer, WWS_STR("X"), WWS_STR("\n"));
    wwi_http_writer_field(&writer, WWS_STR("Y"), WWS_STR("y"));

    assert_int_equal(wwi_http_writer_end(&writer), WWS_E_INVALIDARG);
    assert_out("before");
}

static void writer__reports_missing_memory(void **state)
{
    (void) state;
    char value[400];
    wws_status status;
    uint64_t n = 0;

    memset(value, 'x', sizeof value);
    do {
        wwi_memory_fail(++n, 0);
        begin();
        wwi_http_writer_field(&writer, WWS_STR("X"),
            (wws_string) { value, sizeof value });
        status = wwi_http_writer_end(&writer);
        wwi_memory_fail(0, 0);
        if (status != 0) {
            assert_int_equal(status, WWS_E_OUTOFMEMORY);
            assert_int_equal(out.size, 0);
        }
        wwi_bytes_fini(&out);
    } while (status != 0);
    assert_int_equal(n, 3);
}

static void writer__date_agrees_with_the_c_library(void **state)
{
    (void) state;
    static const int64_t edges[] = {
        0, 86399, 86400, 951782399, 951782400, 951868800, 4107542399,
        4107542400, INT64_C(253402300799),
    };
    char expected[64];

    for (int64_t i = 0; i < 4000; i++) {
        int64_t seconds = i < 9 ? edges[i] : i * 86400 * 17 + i;
        time_t when = (time_t) seconds;

        strftime(expected, sizeof expected,
            "D\r\nDate: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime(&when));
        wwi_bytes_append_text(&out, "D\r\n");
        writer = (struct wwi_http_writer) { .out = &out };
        wwi_http_writer_date(&writer, seconds);
        assert_out(expected);
        out.size = 0;
    }
    begin();
    wwi_http_writer_date(&writer, -1);
    assert_refused();
    begin();
    wwi_http_writer_date(&writer, INT64_C(253402300800));
    assert_refused();
}

static void writer__chunks_are_as_expected(void **state)
{
    (void) state;
    wwi_http_write_chunk_begin(&out, 0);
    wwi_http_write_chunk_end(&out, 0);
    wwi_http_write_chunk_begin(&out, 10);
    wwi_bytes_append_text(&out, "0123456789");
    wwi_http_write_chunk_end(&out, 10);
    wwi_http_write_chunk_begin(&out, UINT64_MAX);
    wwi_http_write_chunk_begin(&out, 0x1020);
    wwi_http_write_last_chunk(&out);

    assert_out("A\r\n0123456789\r\nFFFFFFFFFFFFFFFF\r\n1020\r\n0\r\n\r\n");
}

static void writer__output_is_what_the_parser_reads(void **state)
{
    (void) state;
    struct wwi_http_parser parser;
    size_t used, at = 0;
    wws_bytes body;
    wws_string value;
    enum wwi_http_event event;
    uint64_t size = 0;

    begin();
    wwi_http_writer_field(&writer, WWS_STR("Host"), WWS_STR("[::1]:81"));
    wwi_http_writer_field(&writer, WWS_STR("SOAPAction"), WWS_STR("\"u\""));
    wwi_http_writer_date(&writer, 784111777);
    wwi_http_writer_chunked(&writer);
    assert_int_equal(wwi_http_writer_end(&writer), 0);
    for (uint64_t i = 0; i < 300; i++) {
        wwi_http_write_chunk_begin(&out, i);
        for (uint64_t n = 0; n < i; n++)
            wwi_bytes_append_char(&out, (char) n);
        wwi_http_write_chunk_end(&out, i);
        size += i;
    }
    wwi_http_write_last_chunk(&out);

    wwi_http_parser_init(&parser, WWI_HTTP_REQUEST, NULL);
    do {
        event = wwi_http_parser_execute(&parser, out.data + at, out.size - at,
            &used, &body);
        at += used;
    } while (event == WWI_HTTP_HEAD_DONE || event == WWI_HTTP_BODY);
    assert_int_equal(event, WWI_HTTP_MESSAGE_DONE);
    assert_int_equal(at, out.size);
    assert_int_equal(parser.body_size, size);
    assert_true(wwi_http_parser_find(&parser, "date", &value));
    assert_memory_equal(value.data, "Sun, 06 Nov 1994 08:49:37 GMT", 29);
    wwi_http_parser_fini(&parser);
}

static void reason__is_known_for_every_status(void **state)
{
    (void) state;
    for (unsigned status = 0; status < 1100; status++)
        assert_true(strlen(wwi_http_reason(status)) > 1);
    assert_string_equal(wwi_http_reason(200), "OK");
    assert_string_equal(wwi_http_reason(299), "Success");
    assert_string_equal(wwi_http_reason(499), "Client Error");
    assert_string_equal(wwi_http_reason(600), "Unknown");
}

static uint64_t live;

static int set_up(void **state)
{
    (void) state;
    live = wwi_memory_live();
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    wwi_bytes_fini(&out);
    return wwi_memory_live() != live;
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(writer__request_head_is_as_expected),
        PROMISE(writer__response_head_is_as_expected),
        PROMISE(writer__refuses_every_octet_that_could_split),
        PROMISE(writer__refuses_names_that_are_no_tokens),
        PROMISE(writer__refuses_a_status_that_is_none),
        PROMISE(writer__says_the_framing_once),
        PROMISE(writer__keeps_what_was_there_when_it_refuses),
        PROMISE(writer__reports_missing_memory),
        PROMISE(writer__date_agrees_with_the_c_library),
        PROMISE(writer__chunks_are_as_expected),
        PROMISE(writer__output_is_what_the_parser_reads),
        PROMISE(reason__is_known_for_every_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
