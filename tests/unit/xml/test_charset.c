/* What becomes of documents in other encodings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/xml/charset.h"
#include "core/xml/reader.h"

#define UNSAID WWI_CHARSET_UNSAID
#define UTF_8 WWI_CHARSET_UTF_8
#define UTF_16 WWI_CHARSET_UTF_16
#define UTF_16LE WWI_CHARSET_UTF_16LE
#define UTF_16BE WWI_CHARSET_UTF_16BE

#define COUNT(array) (sizeof(array) / sizeof *(array))
/* An array without the zero behind a literal. */
#define OCTETS(literal) { literal, sizeof literal - 1 }

static const enum wwi_charset orders[] = { UTF_16LE, UTF_16BE };

static void put_unit(
    struct wwi_bytes *out,
    enum wwi_charset order,
    unsigned unit)
{
    const char octets[2] = {
        (char) (order == UTF_16LE ? unit & 0xFF : unit >> 8),
        (char) (order == UTF_16LE ? unit >> 8 : unit & 0xFF),
    };

    wwi_bytes_append(out, octets, 2);
}

static struct wwi_bytes wide(
    enum wwi_charset order,
    bool mark,
    const char *ascii)
{
    struct wwi_bytes out = { 0 };

    if (mark)
        put_unit(&out, order, 0xFEFF);
    while (*ascii != '\0')
        put_unit(&out, order, (unsigned char) *ascii++);
    return out;
}

static struct wwi_bytes narrow(const char *text)
{
    struct wwi_bytes out = { 0 };

    wwi_bytes_append_text(&out, text);
    return out;
}

/* Decodes and takes the octets. */
static void expect(
    struct wwi_bytes octets,
    enum wwi_charset said,
    const char *expected)
{
    assert_int_equal(wwi_charset_decode(&octets, said, 0, NULL), WWS_S_OK);

    assert_int_equal(octets.size, strlen(expected));
    if (octets.size != 0)
        assert_memory_equal(octets.data, expected, octets.size);
    wwi_bytes_fini(&octets);
}

static void expect_refusal(
    struct wwi_bytes octets,
    enum wwi_charset said,
    const char *expected)
{
    struct wwi_error *error = wwi_error_new();
    wws_string text;

    assert_int_equal(wwi_charset_decode(&octets, said, 0, error),
        WWS_E_INVALID_FORMAT);

    assert_int_equal(wwi_error_get_string(error, 0, &text), WWS_S_OK);
    if (!wwi_string_is(text, expected))
        fail_msg("\"%.*s\" is not \"%s\"", (int) text.size, text.data,
            expected);
    assert_int_equal(wwi_error_free(error), WWS_S_OK);
    wwi_bytes_fini(&octets);
}

/* Which it is. */

static void utf16__is_known_by_mark_word_or_first_character(void **state)
{
    (void) state;
    for (size_t i = 0; i < COUNT(orders); i++) {
        enum wwi_charset order = orders[i];

        expect(wide(order, true, "<a/>"), UNSAID, "<a/>");
        expect(wide(order, true, "<a/>"), UTF_16, "<a/>");
        expect(wide(order, true, "<a/>"), order, "<a/>");
        expect(wide(order, true, " <a/>"), UNSAID, " <a/>");
        expect(wide(order, true, ""), UNSAID, "");
        expect(wide(order, false, "<a/>"), UNSAID, "<a/>");
        expect(wide(order, false, "<a/>"), UTF_16, "<a/>");
        expect(wide(order, false, "<a/>"), order, "<a/>");
        expect(wide(order, false, " <a/>"), order, " <a/>");
        expect(wide(order, false, "<"), UNSAID, "<");
    }
}

static void utf8__stays_as_it_is(void **state)
{
    static const char *const documents[] = {
        "<a/>", "\xEF\xBB\xBF<a/>", "\xC3\xA4", "", "\xFF", "<", "\xEF\xBB",
        "<?xml version='1.0'?><a/>", "<?xml encoding='UTF-16'?><a/>",
        "<?xml-stylesheet encoding='latin1'?>", "<?xml", "<?xml ",
        "<?xml version='1.0' encoding='UTF-16' ", "<a encoding='latin1'/>",
    };

    (void) state;
    for (size_t i = 0; i < COUNT(documents); i++) {
        expect(narrow(documents[i]), UNSAID, documents[i]);
        expect(narrow(documents[i]), UTF_8, documents[i]);
    }
}

static void charset__that_is_contradicted_is_refused(void **state)
{
    (void) state;
    expect_refusal(wide(UTF_16LE, true, "<a/>"), UTF_8,
        "the transport says UTF-8, but it is UTF-16LE");
    expect_refusal(wide(UTF_16BE, false, "<a/>"), UTF_8,
        "the transport says UTF-8, but it is UTF-16BE");
    expect_refusal(wide(UTF_16LE, true, "<a/>"), UTF_16BE,
        "the transport says UTF-16BE, but it is UTF-16LE");
    expect_refusal(wide(UTF_16BE, false, "<a/>"), UTF_16LE,
        "the transport says UTF-16LE, but it is UTF-16BE");
    expect_refusal(narrow("\xEF\xBB\xBF<a/>"), UTF_16,
        "the transport says UTF-16, but it is UTF-8");
    expect_refusal(narrow("<a/>"), UTF_16, "UTF-16 without a byte order mark");
    expect_refusal(wide(UTF_16LE, false, " <a/>"), UTF_16,
        "UTF-16 without a byte order mark");
}

static void charset__that_is_not_read_is_refused_by_name(void **state)
{
    static const struct { const char *octets; size_t size; } rows[] = {
        OCTETS("\0\0\xFE\xFF\0\0\0<"), OCTETS("\xFF\xFE\0\0<\0\0\0"),
        OCTETS("\0\0\0<"), OCTETS("<\0\0\0"),
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct wwi_bytes octets = { 0 };

        wwi_bytes_append(&octets, rows[i].octets, rows[i].size);
        expect_refusal(octets, UNSAID, "the encoding UTF-32 is not supported");
    }
    expect_refusal(narrow("\x4C\x6F\xA7\x94"), UNSAID,
        "the encoding EBCDIC is not supported");
    expect_refusal(narrow("<a/>"), WWI_CHARSET_OTHER,
        "the transport says an encoding that is not supported");
}

/* What it declares. */

#define DECLARED(name) "<?xml version='1.0' encoding='" name "'?><a/>"
/* What is left of that. */
#define SETTLED(spaces) "<?xml version='1.0'" spaces "?><a/>"
#define SPACES_5 "                 "
#define SPACES_6 "                  "
#define SPACES_8 "                    "

static void declaration__that_fits_is_settled(void **state)
{
    (void) state;
    expect(narrow(DECLARED("utf-8")), UNSAID, SETTLED(SPACES_5));
    expect(narrow("\xEF\xBB\xBF" DECLARED("UTF-8")), UNSAID,
        "\xEF\xBB\xBF" SETTLED(SPACES_5));
    for (size_t i = 0; i < COUNT(orders); i++) {
        expect(wide(orders[i], true, DECLARED("utf-16")), UNSAID,
            SETTLED(SPACES_6));
        expect(wide(orders[i], false, DECLARED("UTF-16")), UNSAID,
            SETTLED(SPACES_6));
    }
    expect(wide(UTF_16LE, true, DECLARED("UTF-16le")), UNSAID,
        SETTLED(SPACES_8));
    expect(wide(UTF_16BE, false, "<?xml version=\"1.0\" encoding = \"utf-16\" "
            "standalone=\"yes\" ?><a/>"), UNSAID,
        "<?xml version=\"1.0\"" SPACES_8 " standalone=\"yes\" ?><a/>");
}

/* XML 1.0, 4.3.3: it is an error, if nothing from outside says more. */
static void declaration__that_does_not_fit_is_refused(void **state)
{
    (void) state;
    expect_refusal(narrow(DECLARED("UTF-16")), UNSAID,
        "UTF-16 is declared, but it is UTF-8");
    expect_refusal(narrow("\xEF\xBB\xBF" DECLARED("utf-16le")), UNSAID,
        "UTF-16LE is declared, but it is UTF-8");
    expect_refusal(wide(UTF_16LE, true, DECLARED("utf-8")), UNSAID,
        "UTF-8 is declared, but it is UTF-16LE");
    expect_refusal(wide(UTF_16BE, false, DECLARED("utf-16le")), UNSAID,
        "UTF-16LE is declared, but it is UTF-16BE");
    expect_refusal(narrow(DECLARED("ISO-8859-1")), UNSAID,
        "the encoding ISO-8859-1 is not supported");
    expect_refusal(wide(UTF_16BE, true, DECLARED("UCS-2")), UNSAID,
        "the encoding UCS-2 is not supported");
}

static void declaration__yields_to_what_the_transport_says(void **state)
{
    (void) state;
    expect(narrow(DECLARED("UTF-16")), UTF_8, SETTLED(SPACES_6));
    expect(narrow("\xEF\xBB\xBF" DECLARED("latin")), UTF_8,
        "\xEF\xBB\xBF" SETTLED(SPACES_5));
    expect(wide(UTF_16LE, true, DECLARED("utf-8")), UTF_16,
        SETTLED(SPACES_5));
    expect(wide(UTF_16BE, false, DECLARED("utf-16le")), UTF_16BE,
        SETTLED(SPACES_8));
}

/* What is wrong with a declaration is the reader's to tell. */
static void reader__takes_or_refuses_what_is_settled(void **state)
{
    static const struct { const char *document, *problem; } rows[] = {
        { DECLARED("utf-16"), NULL },
        { "<?xml version='1.0' encoding='UTF-16' standalone='no'?><a/>", NULL },
        { "<?xml version='1.1' encoding='utf-16'?><a/>",
            "the XML version is not 1.0" },
        { "<?xml version='1.0' encoding='_utf-16'?><a/>",
            "a malformed XML declaration" },
        { "<?xml version='1.0' encoding=''?><a/>",
            "a malformed XML declaration" },
        { "<?xml version='1.0' encoding='a b'?><a/>",
            "a malformed XML declaration" },
        { "<?xml version='1.0' standalone='no' encoding='utf-16'?><a/>",
            "a malformed XML declaration" },
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct wwi_bytes octets = wide(UTF_16LE, true, rows[i].document);
        struct wwi_xml_reader reader;

        assert_int_equal(wwi_charset_decode(&octets, UNSAID, 0, NULL), 0);
        wwi_xml_reader_init(&reader, NULL);
        wwi_xml_reader_whole(&reader, octets.data, octets.size);

        assert_int_equal(wwi_xml_reader_next(&reader),
            rows[i].problem != NULL ? WWI_XML_ERROR : WWI_XML_START_ELEMENT);
        if (rows[i].problem != NULL)
            assert_string_equal(reader.problem, rows[i].problem);
        wwi_xml_reader_fini(&reader);
        wwi_bytes_fini(&octets);
    }
}

/* UTF-16. */

static void utf16__has_every_character_of_xml(void **state)
{
    static const struct { unsigned units[2]; const char *text; } rows[] = {
        { { 0x09 }, "\t" }, { { 0x7F }, "\x7F" }, { { 0x80 }, "\xC2\x80" },
        { { 0x7FF }, "\xDF\xBF" }, { { 0x800 }, "\xE0\xA0\x80" },
        { { 0x3C00 }, "\xE3\xB0\x80" }, { { 0xD7FF }, "\xED\x9F\xBF" },
        { { 0xE000 }, "\xEE\x80\x80" }, { { 0xFEFF }, "\xEF\xBB\xBF" },
        { { 0xFFFD }, "\xEF\xBF\xBD" },
        { { 0xD800, 0xDC00 }, "\xF0\x90\x80\x80" },
        { { 0xD83D, 0xDE00 }, "\xF0\x9F\x98\x80" },
        { { 0xDBFF, 0xDFFF }, "\xF4\x8F\xBF\xBF" },
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows) * COUNT(orders); i++) {
        enum wwi_charset order = orders[i % COUNT(orders)];
        const unsigned *units = rows[i / COUNT(orders)].units;
        struct wwi_bytes octets = wide(order, false, "<");
        char expected[8] = "<";

        put_unit(&octets, order, units[0]);
        if (units[1] != 0)
            put_unit(&octets, order, units[1]);
        expect(octets, UNSAID,
            strcat(expected, rows[i / COUNT(orders)].text));
    }
}

static void utf16__that_is_malformed_is_refused(void **state)
{
    static const struct { unsigned units[3]; const char *text; } rows[] = {
        { { 0xD800 }, "half of a surrogate pair at octet 2 of the UTF-16" },
        { { 0xDBFF, '<' },
            "half of a surrogate pair at octet 2 of the UTF-16" },
        { { 0xDC00 }, "half of a surrogate pair at octet 2 of the UTF-16" },
        { { 0xDC00, 0xDC00 },
            "half of a surrogate pair at octet 2 of the UTF-16" },
        { { '<', 0xDFFF, 0xDBFF },
            "half of a surrogate pair at octet 4 of the UTF-16" },
        { { 0xD800, 0xD800, 0xDC00 },
            "half of a surrogate pair at octet 2 of the UTF-16" },
        { { 0xD800, 0xE000 },
            "half of a surrogate pair at octet 2 of the UTF-16" },
        { { 0xFFFE }, "no character of XML at octet 2 of the UTF-16" },
        { { 0xFFFF }, "no character of XML at octet 2 of the UTF-16" },
        { { 0x0001 }, "no character of XML at octet 2 of the UTF-16" },
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows) * COUNT(orders); i++) {
        enum wwi_charset order = orders[i % COUNT(orders)];
        const unsigned *units = rows[i / COUNT(orders)].units;
        struct wwi_bytes octets = wide(order, true, "<");

        for (int unit = 0; unit < 3 && units[unit] != 0; unit++)
            put_unit(&octets, order, units[unit]);
        expect_refusal(octets, UNSAID, rows[i / COUNT(orders)].text);
    }
}

static void utf16__that_ends_within_a_unit_is_refused(void **state)
{
    (void) state;
    for (size_t i = 0; i < COUNT(orders); i++) {
        struct wwi_bytes octets = wide(orders[i], true, "<a>b</a>");

        octets.size--;
        expect_refusal(octets, UNSAID, "the UTF-16 ends within a character");
    }
}

static void utf16__with_a_second_mark_is_refused(void **state)
{
    (void) state;
    for (size_t i = 0; i < COUNT(orders); i++) {
        struct wwi_bytes octets = wide(orders[i], true, "");

        put_unit(&octets, orders[i], 0xFEFF);
        expect_refusal(octets, UNSAID, "a second byte order mark");
    }
}

/* Its bounds. */

static void quota__is_of_the_octets_in_utf8(void **state)
{
    struct wwi_error *error = wwi_error_new();
    wws_string text;

    (void) state;
    for (size_t max_size = 6; max_size >= 5; max_size--) {
        struct wwi_bytes octets = wide(UTF_16BE, true, "<ab");

        put_unit(&octets, UTF_16BE, 0x20AC);
        assert_int_equal(wwi_charset_decode(&octets, UNSAID, max_size, error),
            max_size == 6 ? WWS_S_OK : WWS_E_QUOTA_EXCEEDED);
        wwi_bytes_fini(&octets);
    }
    assert_int_equal(wwi_error_get_string(error, 0, &text), WWS_S_OK);
    assert_true(wwi_string_is(text,
        "in UTF-8 it would have 6 octets, of at most 5"));
    assert_int_equal(wwi_error_free(error), WWS_S_OK);
}

static void charset__without_memory_leaves_nothing_behind(void **state)
{
    uint64_t live = wwi_memory_live();
    struct wwi_bytes octets = wide(UTF_16LE, true, "<a/>");

    (void) state;
    wwi_memory_fail(1, 0);
    assert_int_equal(wwi_charset_decode(&octets, UNSAID, 0, NULL),
        WWS_E_OUTOFMEMORY);
    wwi_memory_fail(0, 0);

    wwi_bytes_fini(&octets);
    assert_int_equal(wwi_memory_live(), live);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(utf16__is_known_by_mark_word_or_first_character),
        TEST(utf8__stays_as_it_is),
        TEST(charset__that_is_contradicted_is_refused),
        TEST(charset__that_is_not_read_is_refused_by_name),
        TEST(declaration__that_fits_is_settled),
        TEST(declaration__that_does_not_fit_is_refused),
        TEST(declaration__yields_to_what_the_transport_says),
        TEST(reader__takes_or_refuses_what_is_settled),
        TEST(utf16__has_every_character_of_xml),
        TEST(utf16__that_is_malformed_is_refused),
        TEST(utf16__that_ends_within_a_unit_is_refused),
        TEST(utf16__with_a_second_mark_is_refused),
        TEST(quota__is_of_the_octets_in_utf8),
        TEST(charset__without_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
