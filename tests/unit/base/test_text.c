/* UTF-8 by its definition, and strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/base/text.h"

static bool valid(const char *text)
{
    return wwi_utf8_valid(text, strlen(text));
}

/* The number that up to four octets encode, or -1: by the definition, so that
 * it shares nothing with what it checks. */
static int64_t decode(const uint8_t *octets, size_t size)
{
    static const uint32_t smallest[] = { 0, 1, 0x80, 0x800, 0x10000 };
    static const uint8_t masks[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    static const uint8_t leads[] = { 0, 0x00, 0xC0, 0xE0, 0xF0 };
    static const uint8_t ends[] = { 0, 0x80, 0xE0, 0xF0, 0xF8 };
    uint32_t number = octets[0] & masks[size];

    if (octets[0] < leads[size] || octets[0] >= ends[size])
        return -1;
    for (size_t i = 1; i < size; i++) {
        if (octets[i] >> 6 != 2)
            return -1;
        number = number << 6 | (octets[i] & 0x3Fu);
    }
    if (number < smallest[size] || number > 0x10FFFF
        || (number >= 0xD800 && number <= 0xDFFF))
        return -1;
    return number;
}

static void utf8__of_one_character_is_valid_as_defined(void **state)
{
    /* Every lead octet, with followers at both sides of every border. */
    static const uint8_t followers[] = { 0x00, 0x01, 0x7F, 0x80, 0x8F, 0x90,
        0x9F, 0xA0, 0xBF, 0xC0, 0xFF };
    enum { COUNT = sizeof followers };
    uint8_t octets[4];

    (void) state;
    for (int lead = 0; lead < 256; lead++) {
        octets[0] = (uint8_t) lead;
        for (int i = 0; i < COUNT * COUNT * COUNT; i++) {
            octets[1] = followers[i % COUNT];
            octets[2] = followers[i / COUNT % COUNT];
            octets[3] = followers[i / COUNT / COUNT];
            for (size_t size = 1; size <= 4; size++) {
                bool expected = decode(octets, size) >= 0;

                /* Shorter characters in a row have their own test. */
                if (size > 1 && octets[0] < 0x80)
                    continue;
                if (size > 2 && decode(octets, 2) >= 0)
                    continue;
                if (size > 3 && decode(octets, 3) >= 0)
                    continue;
                assert_int_equal(
                    wwi_utf8_valid((const char *) octets, size), expected);
            }
        }
    }
}

static void utf8__of_many_characters_is_valid_if_each_is(void **state)
{
    (void) state;
    assert_true(valid(""));
    assert_true(wwi_utf8_valid(NULL, 0));
    assert_true(valid("abc \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80 xyz"));
    assert_false(valid("abc \xC3\xA4 \xE2\x82 xyz"));
    assert_false(valid("abc\xF0\x9F\x98"));
    assert_false(wwi_utf8_valid("a\0b", 3));
}

static void utf8__that_is_cut_within_a_character_is_refused(void **state)
{
    static const char text[] = "a\xF0\x9F\x98\x80";
    char *exact;

    (void) state;
    for (size_t size = 0; size < sizeof text; size++) {
        /* In memory of its own, so that reading further is found. */
        exact = malloc(size + 1);
        memcpy(exact + 1, text, size);

        assert_int_equal(wwi_utf8_valid(exact + 1, size),
            size < 2 || size == 5);
        free(exact);
    }
}

static void string__equals_the_same_octets(void **state)
{
    const wws_string nothing = { NULL, 0 };

    (void) state;
    assert_true(wwi_string_equal(WWS_STR("abc"), WWS_STR("abc")));
    assert_false(wwi_string_equal(WWS_STR("abc"), WWS_STR("abd")));
    assert_false(wwi_string_equal(WWS_STR("abc"), WWS_STR("ab")));
    assert_false(wwi_string_equal(WWS_STR("abc"), WWS_STR("ABC")));
    assert_true(wwi_string_equal(nothing, WWS_STR("")));
    assert_true(wwi_string_is(WWS_STR("abc"), "abc"));
    assert_false(wwi_string_is(WWS_STR("abc\0"), "abc"));
    assert_true(wwi_string_is(nothing, ""));
}

static void string__equals_without_case_for_ascii_letters_only(void **state)
{
    (void) state;
    assert_true(wwi_string_equal_nocase(WWS_STR("SoapAction-9"),
        WWS_STR("sOAPaCTION-9")));
    assert_false(wwi_string_equal_nocase(WWS_STR("@"), WWS_STR("`")));
    assert_false(wwi_string_equal_nocase(WWS_STR("["), WWS_STR("{")));
    assert_false(wwi_string_equal_nocase(WWS_STR("a"), WWS_STR("ab")));
    assert_false(wwi_string_equal_nocase(WWS_STR("\xC3\xA4"),
        WWS_STR("\xC3\x84")));
}

static void string__is_copied_and_terminated(void **state)
{
    uint64_t live = wwi_memory_live();
    char *copy = wwi_string_copy((wws_string) { "abcdef", 3 });
    char *empty = wwi_string_copy((wws_string) { NULL, 0 });

    (void) state;
    assert_string_equal(copy, "abc");
    assert_string_equal(empty, "");
    wwi_free(copy);
    wwi_free(empty);
    wwi_memory_fail(1, 0);

    assert_null(wwi_string_copy(WWS_STR("abc")));

    wwi_memory_fail(0, 0);
    assert_int_equal(wwi_memory_live(), live);
}

static void text__that_was_cut_ends_with_a_whole_character(void **state)
{
    static const char text[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80";
    static const size_t whole[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10 };

    (void) state;
    for (size_t size = 0; size < sizeof whole / sizeof *whole; size++)
        assert_int_equal(wwi_utf8_whole(text, size), whole[size]);
    /* What was wrong before the cut stays. */
    assert_int_equal(wwi_utf8_whole("\xFF", 1), 1);
    assert_int_equal(wwi_utf8_whole("\x80\x80", 2), 2);
}

static void charset__is_known_by_its_name_in_any_case(void **state)
{
    static const char *const others[] = {
        "", "utf", "utf8", "utf-1", "utf-32", "utf-16l", "utf-16les", "latin1",
    };

    (void) state;
    for (int i = WWI_CHARSET_UTF_8; i < WWI_CHARSET_OTHER; i++)
        assert_int_equal(wwi_charset_named(wwi_string(
            wwi_charset_name((enum wwi_charset) i))), i);
    assert_int_equal(wwi_charset_named(WWS_STR("uTf-8")), WWI_CHARSET_UTF_8);
    assert_int_equal(wwi_charset_named(WWS_STR("utf-16Be")),
        WWI_CHARSET_UTF_16BE);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(wwi_charset_named(wwi_string(others[i])),
            WWI_CHARSET_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8__of_one_character_is_valid_as_defined),
        cmocka_unit_test(utf8__of_many_characters_is_valid_if_each_is),
        cmocka_unit_test(utf8__that_is_cut_within_a_character_is_refused),
        cmocka_unit_test(string__equals_the_same_octets),
        cmocka_unit_test(string__equals_without_case_for_ascii_letters_only),
        cmocka_unit_test(string__is_copied_and_terminated),
        cmocka_unit_test(text__that_was_cut_ends_with_a_whole_character),
        cmocka_unit_test(charset__is_known_by_its_name_in_any_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
