/* What the XML writer promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/xml/writer.h"
#include "tests/unit/xml/events.h"

#define NONE WWS_STR("")

struct fixture {
    struct wwi_bytes out;
    struct wwi_xml_writer writer;
};

static struct wwi_xml_writer *begin(struct fixture *fixture)
{
    *fixture = (struct fixture) { 0 };
    wwi_xml_writer_init(&fixture->writer, &fixture->out, NULL);
    return &fixture->writer;
}

static void end(struct fixture *fixture)
{
    wwi_xml_writer_fini(&fixture->writer);
    wwi_bytes_fini(&fixture->out);
}

static void assert_writes(struct fixture *fixture, const char *expected)
{
    assert_int_equal(wwi_xml_writer_finish(&fixture->writer), 0);
    wwi_bytes_append_char(&fixture->out, '\0');
    assert_string_equal((const char *) fixture->out.data, expected);
    end(fixture);
}

static void assert_fails(struct fixture *fixture, wws_status status)
{
    size_t size = fixture->out.size;

    /* Whatever comes afterwards changes neither the status nor the output. */
    wwi_xml_writer_start(&fixture->writer, NONE, WWS_STR("z"), NONE);
    wwi_xml_writer_text(&fixture->writer, WWS_STR("z"));
    wwi_xml_writer_end(&fixture->writer);
    assert_int_equal(fixture->out.size, size);
    assert_int_equal(wwi_xml_writer_finish(&fixture->writer), status);
    end(fixture);
}

static void writer__writes_elements_attributes_and_text(void **state)
{
    struct fixture fixture;
    struct wwi_xml_writer *writer = begin(&fixture);

    (void) state;
    wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
    wwi_xml_writer_attribute(writer, NONE, WWS_STR("b"), NONE, WWS_STR("1"));
    wwi_xml_writer_text(writer, WWS_STR("x"));
    wwi_xml_writer_start(writer, NONE, WWS_STR("c"), NONE);
    wwi_xml_writer_attribute(writer, NONE, WWS_STR("d"), NONE, NONE);
    wwi_xml_writer_text(writer, NONE);
    wwi_xml_writer_end(writer);
    wwi_xml_writer_start(writer, NONE, WWS_STR("e"), NONE);
    wwi_xml_writer_start(writer, NONE, WWS_STR("f"), NONE);
    wwi_xml_writer_end(writer);
    wwi_xml_writer_raw(writer, "<g/>", 4);
    wwi_xml_writer_end(writer);
    wwi_xml_writer_end(writer);

    assert_writes(&fixture, "<a b=\"1\">x<c d=\"\"/><e><f/><g/></e></a>");
}

static void writer__declares_namespaces_when_needed(void **state)
{
    struct fixture fixture;
    struct wwi_xml_writer *writer = begin(&fixture);

    (void) state;
    wwi_xml_writer_start(writer, WWS_STR("p"), WWS_STR("a"), WWS_STR("u"));
    wwi_xml_writer_attribute(writer, WWS_STR("p"), WWS_STR("b"), WWS_STR("u"),
        WWS_STR("1"));
    wwi_xml_writer_start(writer, WWS_STR("p"), WWS_STR("c"), WWS_STR("u"));
    wwi_xml_writer_attribute(writer, WWS_STR("q"), WWS_STR("d"), WWS_STR("v"),
        WWS_STR("2"));
    wwi_xml_writer_end(writer);
    wwi_xml_writer_start(writer, WWS_STR("p"), WWS_STR("e"), WWS_STR("w"));
    wwi_xml_writer_end(writer);
    wwi_xml_writer_start(writer, NONE, WWS_STR("f"), WWS_STR("&"));
    wwi_xml_writer_start(writer, NONE, WWS_STR("g"), WWS_STR("&"));
    wwi_xml_writer_end(writer);
    wwi_xml_writer_start(writer, NONE, WWS_STR("h"), NONE);
    wwi_xml_writer_end(writer);
    wwi_xml_writer_end(writer);
    wwi_xml_writer_end(writer);

    assert_writes(&fixture,
        "<p:a xmlns:p=\"u\" p:b=\"1\">"
        "<p:c xmlns:q=\"v\" q:d=\"2\"/><p:e xmlns:p=\"w\"/>"
        "<f xmlns=\"&amp;\"><g/><h xmlns=\"\"/></f></p:a>");
}

/* A prefix that already says something in this tag must go on saying it. */
static void writer__never_rebinds_a_prefix_for_an_attribute(void **state)
{
    struct fixture fixture;
    struct wwi_xml_writer *writer = begin(&fixture);

    (void) state;
    wwi_xml_writer_start(writer, WWS_STR("p"), WWS_STR("a"), WWS_STR("u"));
    wwi_xml_writer_start(writer, WWS_STR("p"), WWS_STR("b"), WWS_STR("u"));
    wwi_xml_writer_attribute(writer, WWS_STR("p"), WWS_STR("c"), WWS_STR("v"),
        WWS_STR("1"));
    wwi_xml_writer_attribute(writer, WWS_STR("p"), WWS_STR("d"), WWS_STR("v"),
        WWS_STR("2"));
    wwi_xml_writer_attribute(writer, NONE, WWS_STR("e"), WWS_STR("w"),
        WWS_STR("3"));
    wwi_xml_writer_end(writer);
    wwi_xml_writer_end(writer);

    assert_writes(&fixture,
        "<p:a xmlns:p=\"u\"><p:b xmlns:ns1=\"v\" ns1:c=\"1\" ns1:d=\"2\""
        " xmlns:ns2=\"w\" ns2:e=\"3\"/></p:a>");
}

static void writer__knows_the_xml_prefix(void **state)
{
    struct fixture fixture;
    struct wwi_xml_writer *writer = begin(&fixture);

    (void) state;
    wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
    wwi_xml_writer_attribute(writer, NONE, WWS_STR("lang"),
        WWS_STR(WWI_XML_NAMESPACE), WWS_STR("en"));
    wwi_xml_writer_end(writer);

    assert_writes(&fixture, "<a xml:lang=\"en\"/>");
}

static void writer__gives_prefixes_for_names_in_content(void **state)
{
    struct fixture fixture;
    struct wwi_xml_writer *writer = begin(&fixture);
    wws_string prefix;

    (void) state;
    wwi_xml_writer_start(writer, WWS_STR("p"), WWS_STR("a"), WWS_STR("u"));
    prefix = wwi_xml_writer_declare(writer, WWS_STR("q"), WWS_STR("u"));
    assert_memory_equal(prefix.data, "p", 1);
    prefix = wwi_xml_writer_declare(writer, WWS_STR("q"), WWS_STR("v"));
    assert_memory_equal(prefix.data, "q", 1);
    prefix = wwi_xml_writer_declare(writer, WWS_STR("q"), WWS_STR("w"));
    assert_int_equal(prefix.size, 3);
    /* What it gave may be given back. */
    wwi_xml_writer_start(writer, prefix, WWS_STR("b"), WWS_STR("w"));
    prefix = wwi_xml_writer_declare(writer, NONE, WWS_STR("v"));
    wwi_xml_writer_start(writer, prefix, WWS_STR("c"), WWS_STR("x"));
    wwi_xml_writer_end(writer);
    wwi_xml_writer_end(writer);
    wwi_xml_writer_end(writer);

    assert_writes(&fixture,
        "<p:a xmlns:p=\"u\" xmlns:q=\"v\" xmlns:ns1=\"w\">"
        "<ns1:b><q:c xmlns:q=\"x\"/></ns1:b></p:a>");
}

static void writer__escapes(void **state)
{
    struct fixture fixture;
    struct wwi_xml_writer *writer = begin(&fixture);

    (void) state;
    wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
    wwi_xml_writer_attribute(writer, NONE, WWS_STR("b"), NONE,
        WWS_STR("<>&\"'\t\n\r\xC3\xA9"));
    wwi_xml_writer_text(writer, WWS_STR("<>&\"'\t\n\r\xC3\xA9 ]]"));
    wwi_xml_writer_text(writer, WWS_STR(">"));
    wwi_xml_writer_end(writer);

    assert_writes(&fixture,
        "<a b=\"&lt;>&amp;&quot;'&#9;&#10;&#13;\xC3\xA9\">"
        "&lt;&gt;&amp;\"'\t\n&#13;\xC3\xA9 ]]&gt;</a>");
}

static void writer__writes_fragments(void **state)
{
    const struct wwi_xml_writer_options options = { .fragment = true };
    struct fixture fixture = { 0 };
    struct wwi_xml_writer *writer = &fixture.writer;

    (void) state;
    wwi_xml_writer_init(writer, &fixture.out, &options);
    wwi_xml_writer_text(writer, WWS_STR("x"));
    for (int i = 0; i < 2; i++) {
        wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
        wwi_xml_writer_end(writer);
    }
    assert_writes(&fixture, "x<a/><a/>");

    fixture = (struct fixture) { 0 };
    wwi_xml_writer_init(writer, &fixture.out, &options);
    assert_writes(&fixture, "");
}

static void writer__lets_its_output_be_taken_away(void **state)
{
    struct fixture fixture;
    struct wwi_xml_writer *writer = begin(&fixture);

    (void) state;
    wwi_xml_writer_start(writer, WWS_STR("p"), WWS_STR("a"), WWS_STR("u"));
    wwi_xml_writer_text(writer, WWS_STR("x"));
    wwi_bytes_reset(&fixture.out, 0);
    wwi_xml_writer_end(writer);

    assert_writes(&fixture, "</p:a>");
}

static void writer__refuses_bad_characters(void **state)
{
    static const wws_string cases[] = {
        { "\x01", 1 }, { "\0", 1 }, { "x\xFF", 2 }, { "\xC3", 1 },
        { "\xC0\x80", 2 }, { "\xED\xA0\x80", 3 }, { "\xEF\xBF\xBE", 3 },
        { "\xF4\x90\x80\x80", 4 }, { "0123456789abcdef\x0B", 17 },
    };

    (void) state;
    for (size_t i = 0; i < 3 * sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        struct wwi_xml_writer *writer = begin(&fixture);
        wws_string text = cases[i / 3];

        wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
        if (i % 3 == 0)
            wwi_xml_writer_text(writer, text);
        else if (i % 3 == 1)
            wwi_xml_writer_attribute(writer, NONE, WWS_STR("b"), NONE, text);
        else
            wwi_xml_writer_start(writer, NONE, WWS_STR("b"), text);
        assert_fails(&fixture, WWS_E_INVALID_FORMAT);
    }
}

static void writer__refuses_bad_names(void **state)
{
    static const struct {
        wws_string prefix;
        wws_string local;
        wws_string ns;
    } cases[] = {
        { { "", 0 }, { "", 0 }, { "", 0 } },
        { { "", 0 }, { "a:b", 3 }, { "", 0 } },
        { { "", 0 }, { "1", 1 }, { "", 0 } },
        { { "", 0 }, { "a b", 3 }, { "", 0 } },
        { { "", 0 }, { "a\xC3", 2 }, { "", 0 } },
        { { "", 0 }, { "a>", 2 }, { "", 0 } },
        { { "p", 1 }, { "a", 1 }, { "", 0 } },
        { { "1", 1 }, { "a", 1 }, { "u", 1 } },
        { { "p:", 2 }, { "a", 1 }, { "u", 1 } },
        { { "xml", 3 }, { "a", 1 }, { "u", 1 } },
        { { "xmlns", 5 }, { "a", 1 }, { "u", 1 } },
        { { "p", 1 }, { "a", 1 }, { WWI_XMLNS_NAMESPACE,
            sizeof WWI_XMLNS_NAMESPACE - 1 } },
        { { "", 0 }, { "a", 1 }, { WWI_XMLNS_NAMESPACE,
            sizeof WWI_XMLNS_NAMESPACE - 1 } },
    };
    struct fixture fixture;
    struct wwi_xml_writer *writer;

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        writer = begin(&fixture);
        wwi_xml_writer_start(writer, cases[i].prefix, cases[i].local,
            cases[i].ns);
        assert_fails(&fixture, WWS_E_INVALID_FORMAT);

        writer = begin(&fixture);
        wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
        wwi_xml_writer_attribute(writer, cases[i].prefix, cases[i].local,
            cases[i].ns, NONE);
        assert_fails(&fixture, WWS_E_INVALID_FORMAT);
    }
    writer = begin(&fixture);
    wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
    wwi_xml_writer_attribute(writer, NONE, WWS_STR("xmlns"), NONE,
        WWS_STR("u"));
    assert_fails(&fixture, WWS_E_INVALID_FORMAT);

    writer = begin(&fixture);
    wwi_xml_writer_start(writer, WWS_STR("p"), WWS_STR("a"),
        WWS_STR(WWI_XML_NAMESPACE));
    assert_fails(&fixture, WWS_E_INVALID_FORMAT);
}

static void writer__refuses_an_attribute_twice(void **state)
{
    struct fixture fixture;
    struct wwi_xml_writer *writer = begin(&fixture);

    (void) state;
    wwi_xml_writer_start(writer, WWS_STR("p"), WWS_STR("a"), WWS_STR("u"));
    wwi_xml_writer_start(writer, WWS_STR("q"), WWS_STR("a"), WWS_STR("u"));
    wwi_xml_writer_attribute(writer, NONE, WWS_STR("b"), NONE, NONE);
    wwi_xml_writer_attribute(writer, NONE, WWS_STR("bc"), NONE, NONE);
    wwi_xml_writer_attribute(writer, WWS_STR("p"), WWS_STR("b"), WWS_STR("u"),
        NONE);
    assert_int_equal(writer->status, 0);
    wwi_xml_writer_attribute(writer, WWS_STR("q"), WWS_STR("b"), WWS_STR("u"),
        NONE);
    assert_fails(&fixture, WWS_E_INVALID_FORMAT);
}

static void writer__refuses_what_stands_nowhere(void **state)
{
    struct fixture fixture;
    struct wwi_xml_writer *writer;

    (void) state;
    writer = begin(&fixture);
    wwi_xml_writer_text(writer, WWS_STR("x"));
    assert_fails(&fixture, WWS_E_INVALID_OPERATION);

    writer = begin(&fixture);
    wwi_xml_writer_raw(writer, "<a/>", 4);
    assert_fails(&fixture, WWS_E_INVALID_OPERATION);

    writer = begin(&fixture);
    wwi_xml_writer_end(writer);
    assert_fails(&fixture, WWS_E_INVALID_OPERATION);

    writer = begin(&fixture);
    wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
    wwi_xml_writer_end(writer);
    wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
    assert_fails(&fixture, WWS_E_INVALID_OPERATION);

    writer = begin(&fixture);
    wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
    wwi_xml_writer_text(writer, WWS_STR("x"));
    wwi_xml_writer_attribute(writer, NONE, WWS_STR("b"), NONE, NONE);
    assert_fails(&fixture, WWS_E_INVALID_OPERATION);

    writer = begin(&fixture);
    wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
    wwi_xml_writer_text(writer, WWS_STR("x"));
    assert_int_equal(
        wwi_xml_writer_declare(writer, NONE, WWS_STR("u")).size, 0);
    assert_fails(&fixture, WWS_E_INVALID_OPERATION);
}

static void writer__says_when_it_is_not_finished(void **state)
{
    struct fixture fixture;
    struct wwi_xml_writer *writer = begin(&fixture);

    (void) state;
    assert_int_equal(wwi_xml_writer_finish(writer), WWS_E_INVALID_OPERATION);
    end(&fixture);

    writer = begin(&fixture);
    wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
    assert_int_equal(wwi_xml_writer_finish(writer), WWS_E_INVALID_OPERATION);
    end(&fixture);
}

static void writer__keeps_to_its_depth(void **state)
{
    struct fixture fixture;
    struct wwi_xml_writer *writer = begin(&fixture);

    (void) state;
    for (int i = 0; i < 32; i++)
        wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
    assert_int_equal(writer->status, 0);
    wwi_xml_writer_start(writer, NONE, WWS_STR("a"), NONE);
    assert_fails(&fixture, WWS_E_QUOTA_EXCEEDED);
}

static void write_sample(struct wwi_xml_writer *writer)
{
    const wws_string uri =
        WWS_STR("http://tempuri.org/a/name/that/is/rather/long");

    wwi_xml_writer_start(writer, WWS_STR("p"), WWS_STR("a"), uri);
    wwi_xml_writer_attribute(writer, WWS_STR("q"), WWS_STR("b"),
        WWS_STR("urn:b"), WWS_STR("<1>"));
    for (int i = 0; i < 12; i++) {
        wwi_xml_writer_start(writer, NONE, WWS_STR("a"), uri);
        wwi_xml_writer_attribute(writer, WWS_STR("p"), WWS_STR("b"),
            WWS_STR("urn:c"), WWS_STR("2"));
        wwi_xml_writer_attribute(writer, NONE, WWS_STR("rather-a-long-name"),
            uri, WWS_STR("3"));
        wwi_xml_writer_text(writer, WWS_STR("text & more"));
    }
    while (writer->depth > 0 && writer->status == 0)
        wwi_xml_writer_end(writer);
}

static void writer__survives_any_failed_allocation(void **state)
{
    uint64_t live = wwi_memory_live();
    wws_status status = WWS_E_OUTOFMEMORY;
    uint64_t n;

    (void) state;
    for (n = 1; n < 100 && status != 0; n++) {
        struct fixture fixture;

        begin(&fixture);
        wwi_memory_fail(n, 0);
        write_sample(&fixture.writer);
        wwi_memory_fail(0, 0);
        status = wwi_xml_writer_finish(&fixture.writer);
        assert_true(status == 0 || status == WWS_E_OUTOFMEMORY);
        end(&fixture);
        assert_int_equal(wwi_memory_live(), live);
    }
    assert_int_equal(status, 0);
    assert_true(n > 6);
}

static void writer__is_understood_by_the_reader(void **state)
{
    struct wwi_xml_reader reader;
    struct events events = { 0 };
    struct fixture fixture;

    (void) state;
    begin(&fixture);
    write_sample(&fixture.writer);
    assert_int_equal(wwi_xml_writer_finish(&fixture.writer), 0);
    wwi_xml_reader_init(&reader, NULL);
    wwi_xml_reader_whole(&reader, fixture.out.data, fixture.out.size);

    assert_int_equal(events_read(&events, &reader), WWI_XML_END_OF_DOCUMENT);

    assert_non_null(strstr(events_string(&events),
        "({http://tempuri.org/a/name/that/is/rather/long}a {urn:b}b=<1>("));
    assert_non_null(strstr(events_string(&events), " {urn:c}b=2 "));
    assert_non_null(strstr(events_string(&events), "'text & more'"));
    wwi_xml_reader_fini(&reader);
    wwi_bytes_fini(&events.out);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer__writes_elements_attributes_and_text),
        cmocka_unit_test(writer__declares_namespaces_when_needed),
        cmocka_unit_test(writer__never_rebinds_a_prefix_for_an_attribute),
        cmocka_unit_test(writer__knows_the_xml_prefix),
        cmocka_unit_test(writer__gives_prefixes_for_names_in_content),
        cmocka_unit_test(writer__escapes),
        cmocka_unit_test(writer__writes_fragments),
        cmocka_unit_test(writer__lets_its_output_be_taken_away),
        cmocka_unit_test(writer__refuses_bad_characters),
        cmocka_unit_test(writer__refuses_bad_names),
        cmocka_unit_test(writer__refuses_an_attribute_twice),
        cmocka_unit_test(writer__refuses_what_stands_nowhere),
        cmocka_unit_test(writer__says_when_it_is_not_finished),
        cmocka_unit_test(writer__keeps_to_its_depth),
        cmocka_unit_test(writer__survives_any_failed_allocation),
        cmocka_unit_test(writer__is_understood_by_the_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
