/* The HTTP parser: where a body ends, chunks and trailers. */
#include "tests/support/http_parser_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
