/* What a finder promises: it reads as far as it must, and further than those
 * who read all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/xml/finder.h"
#include "tests/unit/xml/envelopes.h"

#define ID "<a:MessageID> urn:1\n</a:MessageID>"

static wws_status find(
    struct wwi_finder *finder,
    const char *octets,
    wws_header header,
    wws_string *text)
{
    return wwi_finder_find(finder, octets_of(octets),
        WWS_ADDRESSING_VERSION_1_0, header, text);
}

static void assert_finds(
    const char *octets,
    wws_header header,
    const char *expected)
{
    struct wwi_finder finder;
    wws_string text;

    wwi_finder_init(&finder);
    assert_int_equal(find(&finder, octets, header, &text), WWS_S_OK);
    assert_text(text, expected);
    wwi_finder_fini(&finder);
}

static void assert_not_told(const char *octets, wws_status expected)
{
    struct wwi_finder finder;
    wws_string text;

    wwi_finder_init(&finder);
    assert_int_equal(find(&finder, octets, WWS_HEADER_MESSAGE_ID, &text),
        expected);
    wwi_finder_fini(&finder);
}

static void finder__finds_a_header_of_either_version(void **state)
{
    (void) state;

    assert_finds(ENVELOPE_12("<a:Action>x</a:Action>" ID, ""),
        WWS_HEADER_MESSAGE_ID, "urn:1");
    assert_finds(ENVELOPE_11(ID, ""), WWS_HEADER_MESSAGE_ID, "urn:1");
    assert_finds(ENVELOPE_12("<a:MessageID>&#97;<!-- -->b</a:MessageID>", ""),
        WWS_HEADER_MESSAGE_ID, "ab");
}

static void finder__finds_nothing_where_there_is_none(void **state)
{
    (void) state;

    assert_finds(ENVELOPE_12("<x xmlns='urn:x'>" ID "</x>", ID),
        WWS_HEADER_MESSAGE_ID, "");
    assert_finds(ENVELOPE_12("<a:MessageID/>", ""),
        WWS_HEADER_MESSAGE_ID, "");
    assert_finds("<s:Envelope xmlns:s='" S12 "'/>",
        WWS_HEADER_MESSAGE_ID, "");
}

static void finder__takes_only_relations_of_replies(void **state)
{
    (void) state;

    assert_finds(ENVELOPE_12(
        "<a:RelatesTo RelationshipType='urn:other'>urn:1</a:RelatesTo>"
        "<a:RelatesTo RelationshipType='" A10 "/reply'>urn:2</a:RelatesTo>"
        "<a:RelatesTo>urn:3</a:RelatesTo>", ""),
        WWS_HEADER_RELATES_TO, "urn:2");
}

/* What follows is for others to complain of. */
static void finder__reads_no_further(void **state)
{
    (void) state;

    assert_finds("<s:Envelope xmlns:s='" S12 "' xmlns:a='" A10 "'>"
        "<s:Header>" ID "<", WWS_HEADER_MESSAGE_ID, "urn:1");
    assert_finds("<s:Envelope xmlns:s='" S12 "'><s:Body><",
        WWS_HEADER_MESSAGE_ID, "");
}

static void finder__says_when_it_cannot_read(void **state)
{
    (void) state;

    assert_not_told("", WWS_E_INVALID_FORMAT);
    assert_not_told("no xml", WWS_E_INVALID_FORMAT);
    assert_not_told("<x/>", WWS_E_INVALID_FORMAT);
    assert_not_told(ENVELOPE_12("<", ""), WWS_E_INVALID_FORMAT);
    assert_not_told(ENVELOPE_12("<a:MessageID>urn:1<", ""),
        WWS_E_INVALID_FORMAT);
}

static void append_deep(struct wwi_bytes *out, int depth)
{
    for (int i = 0; i < depth; i++)
        wwi_bytes_append_text(out, "<x>");
    for (int i = 0; i < depth; i++)
        wwi_bytes_append_text(out, "</x>");
}

static void append_wide(struct wwi_bytes *out, int attributes)
{
    char attribute[32];

    wwi_bytes_append_text(out, "<x");
    for (int i = 0; i < attributes; i++) {
        snprintf(attribute, sizeof attribute, " a%d=''", i);
        wwi_bytes_append_text(out, attribute);
    }
    wwi_bytes_append_text(out, "/>");
}

static wws_status find_behind(
    void (*append)(struct wwi_bytes *out, int count),
    int count)
{
    struct wwi_bytes text = { 0 };
    struct wwi_finder finder;
    wws_string found;
    wws_status status;

    wwi_bytes_append_text(&text,
        "<s:Envelope xmlns:s='" S12 "' xmlns:a='" A10 "'><s:Header>");
    append(&text, count);
    wwi_bytes_append_text(&text, ID "</s:Header></s:Envelope>");
    wwi_bytes_append_char(&text, '\0');
    wwi_finder_init(&finder);
    status = find(&finder, (const char *) text.data, WWS_HEADER_MESSAGE_ID,
        &found);
    if (status == WWS_S_OK)
        assert_text(found, "urn:1");
    wwi_finder_fini(&finder);
    wwi_bytes_fini(&text);
    return status;
}

static void finder__looks_beyond_the_usual_limits(void **state)
{
    (void) state;

    assert_int_equal(find_behind(append_deep, 1000), WWS_S_OK);
    assert_int_equal(find_behind(append_wide, 1000), WWS_S_OK);
    assert_int_equal(find_behind(append_deep, 2000), WWS_E_QUOTA_EXCEEDED);
    assert_int_equal(find_behind(append_wide, 2000), WWS_E_QUOTA_EXCEEDED);
}

static void finder__can_be_used_again(void **state)
{
    struct wwi_finder finder;
    wws_string text;

    (void) state;
    wwi_finder_init(&finder);
    assert_int_equal(find(&finder, "<", WWS_HEADER_MESSAGE_ID, &text),
        WWS_E_INVALID_FORMAT);

    assert_int_equal(find(&finder, ENVELOPE_12(ID, ""), WWS_HEADER_MESSAGE_ID,
        &text), WWS_S_OK);

    assert_text(text, "urn:1");
    wwi_finder_fini(&finder);
}

static void finder__fails_without_memory(void **state)
{
    wws_status status = WWS_E_OUTOFMEMORY;
    wws_string text;
    uint64_t nth;

    (void) state;
    for (nth = 1; status != WWS_S_OK; nth++) {
        struct wwi_finder finder;

        wwi_finder_init(&finder);
        wwi_memory_fail(nth, false);
        status = find(&finder, ENVELOPE_12(ID, ""), WWS_HEADER_MESSAGE_ID,
            &text);
        wwi_memory_fail(0, false);
        assert_true(status == WWS_S_OK || status == WWS_E_OUTOFMEMORY);
        wwi_finder_fini(&finder);
    }
    assert_in_range(nth, 3, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finder__finds_a_header_of_either_version),
        cmocka_unit_test(finder__finds_nothing_where_there_is_none),
        cmocka_unit_test(finder__takes_only_relations_of_replies),
        cmocka_unit_test(finder__reads_no_further),
        cmocka_unit_test(finder__says_when_it_cannot_read),
        cmocka_unit_test(finder__looks_beyond_the_usual_limits),
        cmocka_unit_test(finder__can_be_used_again),
        cmocka_unit_test(finder__fails_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
