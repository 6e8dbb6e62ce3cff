/* What is promised of envelopes that are sent as streams: of the checker, which
 * takes what a body may have, in pieces, and says what is wrong where it is
 * wrong; and of the head before them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/xml/blocks.h"
#include "core/xml/envelope.h"
#include "core/xml/stream.h"

/* Checks in pieces of one size, and whether the content may end there. */
static wws_status check(const char *content, size_t size, size_t *fed)
{
    struct wwi_stream_checker checker;
    size_t total = strlen(content);
    wws_status status = 0;
    size_t at = 0;

    wwi_stream_checker_init(&checker, NULL);
    while (at < total && status == 0) {
        size_t next = size < total - at ? size : total - at;
        char *piece = malloc(next);

        assert_non_null(piece);
        memcpy(piece, content + at, next);
        status = wwi_stream_checker_feed(
            &checker, (wws_bytes) { piece, next }, NULL);
        free(piece);
        at += next;
    }
    if (fed != NULL)
        *fed = at;
    if (status == 0)
        status = wwi_stream_checker_finish(&checker, NULL);
    wwi_stream_checker_fini(&checker);
    return status;
}

static void checker__accepts_what_a_body_may_have(void **state)
{
    static const char *const contents[] = {
        "", " \n", "<x/>", "<x><y>text &amp; \xE2\x82\xAC</y></x> <z/>\n",
        "<p:x xmlns:p='urn:p' p:a='>'><p:y/></p:x>",
        "<!-- a --><x><![CDATA[<]]]]></x>",
    };
    (void) state;

    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        wws_bytes whole = { contents[i], strlen(contents[i]) };

        assert_int_equal(wwi_check_content(whole, false, NULL), 0);
        for (size_t size = 1; size <= whole.size + 1; size++)
            assert_int_equal(check(contents[i], size, NULL), 0);
    }
}

static void checker__refuses_what_a_body_may_not_have(void **state)
{
    static const char *const contents[] = {
        "x", " \n x", "&#65;", "<x/>x", "<p:x/>", "<x p:a=''/>", "<x></y>",
        "</s:Body>", "<x/></s:Body>", "<?pi?>", "<?xml version='1.0'?><x/>",
        "<!DOCTYPE x>", "<x>&y;</x>", "<x>\x01</x>", "<x>\xC3(</x>",
        "\xEF\xBB\xBF<x/>", "<x", "<x>", "<x>&am", "<x>\xC3", "<!--", "<",
    };
    (void) state;

    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        wws_bytes whole = { contents[i], strlen(contents[i]) };

        assert_int_equal(wwi_check_content(whole, false, NULL),
            WWS_E_INVALID_FORMAT);
        for (size_t size = 1; size <= whole.size + 1; size++)
            assert_int_equal(
                check(contents[i], size, NULL), WWS_E_INVALID_FORMAT);
    }
}

/* A piece that cannot be the start of content is refused at once, before more
 * of it is sent. */
static void checker__refuses_the_piece_that_is_wrong(void **state)
{
    static const char content[] = "<x><y></x>more";
    size_t fed;
    (void) state;

    assert_int_equal(check(content, 1, &fed), WWS_E_INVALID_FORMAT);

    assert_int_equal(fed, strlen("<x><y></x>"));
}

static void checker__does_not_forget_an_error(void **state)
{
    struct wwi_stream_checker checker;
    struct wwi_error *error = wwi_error_new();
    wws_string string;
    (void) state;

    wwi_stream_checker_init(&checker, NULL);
    assert_int_equal(wwi_stream_checker_feed(
        &checker, (wws_bytes) { "<x/>\n y", 7 }, error), WWS_E_INVALID_FORMAT);
    assert_int_equal(wwi_stream_checker_feed(
        &checker, (wws_bytes) { "<x/>", 4 }, NULL), WWS_E_INVALID_FORMAT);
    assert_int_equal(
        wwi_stream_checker_finish(&checker, NULL), WWS_E_INVALID_FORMAT);

    assert_int_equal(wwi_error_get_string(error, 0, &string), 0);
    assert_true(wwi_string_is(
        string, "line 2, column 2: text where only elements may be"));
    wwi_stream_checker_fini(&checker);
    wwi_error_free(error);
}

static void checker__leaves_room_for_the_envelope(void **state)
{
    struct wwi_xml_limits limits = { .depth = 4 };
    struct wwi_stream_checker checker;
    (void) state;

    for (limits.depth = 1; limits.depth < 5; limits.depth++) {
        wwi_stream_checker_init(&checker, &limits);
        assert_int_equal(wwi_stream_checker_feed(
            &checker, (wws_bytes) { "<x><y/></x>", 11 }, NULL),
            limits.depth < 4 ? WWS_E_QUOTA_EXCEEDED : 0);
        wwi_stream_checker_fini(&checker);
    }
}

static void checker__needs_no_more_memory_for_more_content(void **state)
{
    static const char content[] =
        "<row id='17'>text &amp; \xE2\x82\xAC</row>\n<!-- -->";
    wws_bytes piece = { content, sizeof content - 1 };
    struct wwi_stream_checker checker;
    uint64_t asked = 0;
    (void) state;

    wwi_stream_checker_init(&checker, NULL);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(wwi_stream_checker_feed(&checker, piece, NULL), 0);
        if (i == 0)
            asked = wwi_memory_asked();
    }

    assert_int_equal(wwi_memory_asked(), asked);
    assert_int_equal(wwi_stream_checker_finish(&checker, NULL), 0);
    wwi_stream_checker_fini(&checker);
}

static void envelope__head_is_refused_for_bad_text(void **state)
{
    struct wwi_envelope_content content = {
        .addressing = WWS_ADDRESSING_VERSION_1_0,
        .standard = { [WWS_HEADER_ACTION] = WWS_STR("\x01") },
    };
    struct wwi_bytes out = { 0 };
    (void) state;

    assert_int_equal(
        wwi_envelope_write_head(&content, &out), WWS_E_INVALID_FORMAT);
    wwi_bytes_fini(&out);
    content.standard[WWS_HEADER_ACTION] = WWS_STR("urn:a");
    wwi_memory_fail(1, 0);
    assert_int_equal(
        wwi_envelope_write_head(&content, &out), WWS_E_OUTOFMEMORY);
    wwi_memory_fail(0, 0);
    wwi_bytes_fini(&out);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(checker__accepts_what_a_body_may_have),
        TEST(checker__refuses_what_a_body_may_not_have),
        TEST(checker__refuses_the_piece_that_is_wrong),
        TEST(checker__does_not_forget_an_error),
        TEST(checker__leaves_room_for_the_envelope),
        TEST(checker__needs_no_more_memory_for_more_content),
        TEST(envelope__head_is_refused_for_bad_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
