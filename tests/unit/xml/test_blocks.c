/* What header blocks promise that an application hands in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/xml/blocks.h"
#include "tests/unit/xml/envelopes.h"

static void blocks__puts_must_understand_on_a_header(void **state)
{
    static const struct {
        const char *element;
        const char *expected;
    } cases[] = {
        { "<h xmlns='urn:h'/>",
            "<h xmlns:s=\"" S12 "\" s:mustUnderstand=\"1\" xmlns='urn:h'/>" },
        { "<s:h xmlns:s='urn:h' xmlns:s1='urn:i'>x</s:h>",
            "<s:h xmlns:s2=\"" S12 "\" s2:mustUnderstand=\"1\""
            " xmlns:s='urn:h' xmlns:s1='urn:i'>x</s:h>" },
        { "<?xml version='1.0'?> <h:h xmlns:s='" S12 "' xmlns:h='u'></h:h> ",
            "<h:h s:mustUnderstand=\"1\" xmlns:s='" S12
            "' xmlns:h='u'></h:h>" },
        { "<h xmlns='u' xmlns:q='" S12 "' q:mustUnderstand='true'/>",
            "<h xmlns='u' xmlns:q='" S12 "' q:mustUnderstand='true'/>" },
    };
    struct wwi_block_options options = { .flags = WWI_BLOCK_MUST_UNDERSTAND };
    (void) state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wwi_blocks blocks = { 0 };

        assert_int_equal(wwi_blocks_add(
            &blocks, octets_of(cases[i].element), &options, NULL), 0);
        assert_true(blocks.list[0].must_understand);
        assert_xml(wwi_blocks_xml(&blocks, &blocks.list[0]),
            cases[i].expected);
        wwi_blocks_fini(&blocks);
    }
}

static void blocks__refuses_what_is_no_header(void **state)
{
    static const struct {
        const char *element;
        wws_status status;
    } cases[] = {
        { "", WWS_E_INVALID_FORMAT },
        { "text", WWS_E_INVALID_FORMAT },
        { "<h/>", WWS_E_INVALID_FORMAT },
        { "<p:h/>", WWS_E_INVALID_FORMAT },
        { "<h xmlns='u'/><h xmlns='u'/>", WWS_E_INVALID_FORMAT },
        { "<h xmlns='u'>", WWS_E_INVALID_FORMAT },
        { "<To xmlns='" A10 "'>urn:x</To>", WWS_E_INVALIDARG },
        { "<h xmlns='u' xmlns:q='" S12 "' q:mustUnderstand='0'/>",
            WWS_E_INVALIDARG },
        { "<h xmlns='u' xmlns:q='" S12 "' q:mustUnderstand='x'/>",
            WWS_E_INVALID_FORMAT },
    };
    struct wwi_block_options options = { .flags = WWI_BLOCK_MUST_UNDERSTAND };
    struct wwi_blocks blocks = { 0 };
    (void) state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(wwi_blocks_add(&blocks, octets_of(cases[i].element),
            &options, NULL), cases[i].status);
    assert_int_equal(blocks.xml.size, 0);
    assert_int_equal(blocks.names.size, 0);
    wwi_blocks_fini(&blocks);
}

static void blocks__finds_and_removes_by_name(void **state)
{
    struct wwi_block_options options = { 0 };
    struct wwi_blocks blocks = { 0 };
    uint32_t index = 1;
    (void) state;

    wwi_blocks_add(&blocks, octets_of("<a xmlns='u'>1</a>"), &options, NULL);
    wwi_blocks_add(&blocks, octets_of("<b xmlns='u'>2</b>"), &options, NULL);
    wwi_blocks_add(&blocks, octets_of("<a xmlns='u'>3</a>"), &options, NULL);

    assert_xml(wwi_blocks_xml(&blocks, wwi_blocks_find(
        &blocks, WWS_STR("a"), WWS_STR("u"), &index)), "<a xmlns='u'>3</a>");
    assert_true(wwi_blocks_remove(&blocks, WWS_STR("a"), WWS_STR("u")));
    assert_false(wwi_blocks_remove(&blocks, WWS_STR("a"), WWS_STR("u")));
    assert_int_equal(blocks.count, 1);
    assert_xml((wws_bytes) { blocks.xml.data, blocks.xml.size },
        "<b xmlns='u'>2</b>");
    wwi_blocks_fini(&blocks);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blocks__puts_must_understand_on_a_header),
        TEST(blocks__refuses_what_is_no_header),
        TEST(blocks__finds_and_removes_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
