/* What the XML reader promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "tests/unit/xml/events.h"

static const char *const documents[] = {
#include "tests/unit/xml/documents.inc"
};

enum { DOCUMENTS = sizeof documents / sizeof *documents };

static const struct wwi_xml_reader_options fragment = { .fragment = true };

static wws_string string_of(const char *text)
{
    return (wws_string) { text, strlen(text) };
}

static void assert_text(wws_string actual, const char *expected)
{
    assert_int_equal(actual.size, strlen(expected));
    assert_memory_equal(actual.data, expected, actual.size);
}

/* What a reading came to. */
struct reading {
    struct events events;
    enum wwi_xml_token token;
    wws_status status;
    uint64_t begin;
    uint64_t row;
    uint64_t column;
};

static void end_reading(struct reading *reading, struct wwi_xml_reader *reader)
{
    reading->status = reader->status;
    reading->begin = reader->begin;
    if (reading->token == WWI_XML_ERROR) {
        reading->row = reader->row;
        reading->column = reader->column;
    }
    wwi_xml_reader_fini(reader);
}

static void read_whole(struct reading *reading, const char *data, size_t size,
    const struct wwi_xml_reader_options *options)
{
    struct wwi_xml_reader reader;

    *reading = (struct reading) { 0 };
    wwi_xml_reader_init(&reader, options);
    wwi_xml_reader_whole(&reader, data, size);
    reading->token = events_read(&reading->events, &reader);
    end_reading(reading, &reader);
}

/* Feeds copies of the chunks, gone as soon as the next is asked for, so that a
 * checker sees what still looks at them.  Says that it has finished together
 * with the last one, or, for an even split, when more is asked for. */
static void read_chunks(struct reading *reading, const char *data, size_t size,
    size_t first, size_t others, const struct wwi_xml_reader_options *options)
{
    struct wwi_xml_reader reader;
    size_t next = first < size ? first : size;
    char *chunk = NULL;
    size_t at = 0;

    *reading = (struct reading) { 0 };
    wwi_xml_reader_init(&reader, options);
    while ((reading->token = events_read(&reading->events, &reader))
        == WWI_XML_NEED_INPUT) {
        free(chunk);
        chunk = malloc(next + 1);
        assert_non_null(chunk);
        memcpy(chunk, data + at, next);
        assert_false(reader.finished);
        if (at < size || next != 0)
            wwi_xml_reader_feed(&reader, chunk, next);
        if (at == size || (at + next == size && first % 2 != 0))
            wwi_xml_reader_finish(&reader);
        at += next;
        next = others < size - at ? others : size - at;
    }
    free(chunk);
    end_reading(reading, &reader);
}

static void end_events(struct reading *reading)
{
    wwi_bytes_fini(&reading->events.out);
}

static void assert_reads(const char *document,
    const struct wwi_xml_reader_options *options, const char *expected)
{
    struct reading reading;

    read_whole(&reading, document, strlen(document), options);
    assert_int_equal(reading.token, WWI_XML_END_OF_DOCUMENT);
    assert_string_equal(events_string(&reading.events), expected);
    end_events(&reading);
}

static void assert_refuses(const char *document,
    const struct wwi_xml_reader_options *options, wws_status status,
    uint64_t offset)
{
    struct reading reading;

    read_whole(&reading, document, strlen(document), options);
    if (reading.token != WWI_XML_ERROR || reading.begin != offset)
        print_error("%s: token %d at %u\n", document, (int) reading.token,
            (unsigned) reading.begin);
    assert_int_equal(reading.token, WWI_XML_ERROR);
    assert_int_equal(reading.status, status);
    assert_int_equal(reading.begin, offset);
    end_events(&reading);
}

static void reader__reports_elements_attributes_and_text(void **state)
{
    (void) state;
    assert_reads("<a/>", NULL, "(a)");
    assert_reads("<a></a >", NULL, "(a)");
    assert_reads("<a b='c' d=\"e\">x<f/>y</a>", NULL, "(a b=c d=e'x'(f)'y')");
    assert_reads("\xEF\xBB\xBF<?xml version='1.0'?>\n<a/>\n", NULL, "(a)");
    assert_reads("<!--x--><a>1<!--y-->2</a><!--z-->", NULL, "(a'12')");
}

static void reader__decodes_text(void **state)
{
    (void) state;
    assert_reads("<a>&lt;&gt;&amp;&quot;&apos;</a>", NULL, "(a'<>&\"'')");
    assert_reads("<a>&#65;&#x42;&#xe9;&#x10348;</a>", NULL,
        "(a'AB\xC3\xA9\xF0\x90\x8D\x88')");
    assert_reads("<a>1\r\n2\r3\n\r\r\n4</a>", NULL, "(a'1\n2\n3\n\n\n4')");
    assert_reads("<a><![CDATA[<b>&c;]]]]><![CDATA[>\r\n]]></a>", NULL,
        "(a'<b>&c;]]>\n')");
    assert_reads("<a><![CDATA[]]></a>", NULL, "(a)");
    assert_reads("<a>]]] ]>></a>", NULL, "(a']]] ]>>')");
}

static void reader__normalises_attribute_values(void **state)
{
    (void) state;
    assert_reads("<a b='\t1\n2\r3\r\n4&#10;&#13;&#9;5 '/>", NULL,
        "(a b= 1 2 3 4\n\r\t5 )");
    assert_reads("<a b='&lt;&amp;&apos;&quot;' c='\"'/>", NULL,
        "(a b=<&'\" c=\")");
}

static void reader__resolves_namespaces(void **state)
{
    (void) state;
    assert_reads("<a xmlns='u'><b xmlns=''/><c d='e'/></a>", NULL,
        "({u}a(b)({u}c d=e))");
    assert_reads("<p:a p:b='1' xmlns:p='u'><p:c xmlns:p='v'/><p:d/></p:a>",
        NULL, "({u}a {u}b=1({v}c)({u}d))");
    assert_reads("<a xml:lang='en'/>", NULL,
        "(a {http://www.w3.org/XML/1998/namespace}lang=en)");
    assert_reads("<p:a xmlns:p=' &amp;u\t'/>", NULL, "({ &u }a)");
}

static void reader__reads_fragments(void **state)
{
    (void) state;
    assert_reads("", &fragment, "");
    assert_reads("x &amp; y", &fragment, "'x & y'");
    assert_reads("<a/>x<b>y</b><!--c--><![CDATA[d]]>", &fragment,
        "(a)'x'(b'y')'d'");
    assert_reads("]]", &fragment, "']]'");
    assert_reads("\r", &fragment, "'\n'");
    assert_refuses("<?xml version='1.0'?><a/>", &fragment,
        WWS_E_INVALID_FORMAT, 0);
    assert_refuses("x</a>", &fragment, WWS_E_INVALID_FORMAT, 1);
    assert_refuses("x<a>", &fragment, WWS_E_INVALID_FORMAT, 4);
}

static void reader__hands_out_views_of_the_input(void **state)
{
    static const char document[] = "<a b='value'>text \xC3\xA9 ] > text</a>";
    struct wwi_xml_reader reader;

    (void) state;
    wwi_xml_reader_init(&reader, NULL);
    wwi_xml_reader_whole(&reader, document, sizeof document - 1);
    assert_int_equal(wwi_xml_reader_next(&reader), WWI_XML_START_ELEMENT);
    assert_ptr_equal(reader.name.local.data, document + 1);
    assert_ptr_equal(reader.attributes[0].value.data, document + 6);
    assert_int_equal(wwi_xml_reader_next(&reader), WWI_XML_TEXT);

    assert_ptr_equal(reader.text.data, document + 13);
    assert_text(reader.text, "text \xC3\xA9 ] > text");
    wwi_xml_reader_fini(&reader);
}

static void assert_token(struct wwi_xml_reader *reader,
    enum wwi_xml_token token, uint64_t begin, uint64_t end, uint32_t depth)
{
    assert_int_equal(wwi_xml_reader_next(reader), token);
    assert_int_equal(reader->begin, begin);
    assert_int_equal(reader->end, end);
    assert_int_equal(reader->depth, depth);
}

static void reader__says_where_tokens_are(void **state)
{
    static const char document[] = " <a>x&amp;<b c='d' /></a >\n";
    struct wwi_xml_reader reader;

    (void) state;
    wwi_xml_reader_init(&reader, NULL);
    wwi_xml_reader_feed(&reader, document, 6);
    assert_token(&reader, WWI_XML_START_ELEMENT, 1, 4, 1);
    assert_token(&reader, WWI_XML_TEXT, 4, 5, 1);
    assert_int_equal(wwi_xml_reader_next(&reader), WWI_XML_NEED_INPUT);
    wwi_xml_reader_feed(&reader, document + 6, sizeof document - 1 - 6);
    assert_token(&reader, WWI_XML_TEXT, 5, 10, 1);
    assert_token(&reader, WWI_XML_START_ELEMENT, 10, 21, 2);
    assert_token(&reader, WWI_XML_END_ELEMENT, 21, 21, 2);
    assert_token(&reader, WWI_XML_END_ELEMENT, 21, 26, 1);
    assert_int_equal(wwi_xml_reader_next(&reader), WWI_XML_NEED_INPUT);
    wwi_xml_reader_finish(&reader);
    assert_token(&reader, WWI_XML_END_OF_DOCUMENT, 27, 27, 0);
    assert_token(&reader, WWI_XML_END_OF_DOCUMENT, 27, 27, 0);
    wwi_xml_reader_fini(&reader);
}

static void reader__says_where_an_error_is(void **state)
{
    static const char document[] = "<a>\n\n  <b>\n\xC3\xA9 &bad;</b></a>";

    (void) state;
    for (size_t size = 1; size < sizeof document; size++) {
        struct reading reading;

        read_chunks(&reading, document, sizeof document - 1, size, size,
            NULL);
        assert_int_equal(reading.token, WWI_XML_ERROR);
        assert_int_equal(reading.begin, 14);
        assert_int_equal(reading.row, 3);
        assert_int_equal(reading.column, 3);
        end_events(&reading);
    }
}

static void reader__refuses_what_is_not_well_formed(void **state)
{
    static const struct {
        const char *document;
        uint64_t offset;
    } cases[] = {
        { "", 0 }, { "x", 0 }, { "<a>", 3 }, { "<a/>x", 4 }, { "<a/><b/>", 4 },
        { "<a></b>", 5 }, { "</a>", 0 }, { "<a b='1' b='2'/>", 9 },
        { "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>", 34 },
        { "<a b='<'/>", 6 }, { "<a b='&x;'/>", 6 }, { "<a b=c/>", 5 },
        { "<a b='c'd='e'/>", 8 }, { "<a>]]></a>", 3 }, { "<a>&x;</a>", 3 },
        { "<a>&#0;</a>", 3 }, { "<a>&#xD800;</a>", 3 }, { "<a>\x01</a>", 3 },
        { "<a>x\xC0\x80</a>", 4 }, { "<a>\xED\xA0\x80</a>", 3 },
        { "<a>\xF4\x90\x80\x80</a>", 3 }, { "<a>\xEF\xBF\xBF</a>", 3 },
        { "<a><!-- -- --></a>", 8 }, { "<p:a/>", 1 }, { "<a p:b=''/>", 3 },
        { "<a xmlns:p=''/>", 3 }, { "<a xmlns:xml='u'/>", 3 },
        { "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", 3 },
        { "<a xmlns:xmlns='u'/>", 3 }, { "<xmlns:a/>", 1 },
        { "<a xmlns='http://www.w3.org/2000/xmlns/'/>", 3 },
        { "<a xmlns:p='u' xmlns:p='v'/>", 15 }, { "<a:b:c/>", 4 },
        { "<1/>", 1 }, { "<a//>", 3 },
    };

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refuses(cases[i].document, NULL, WWS_E_INVALID_FORMAT,
            cases[i].offset);
}

static void assert_problem(const char *document, const char *problem)
{
    struct wwi_xml_reader reader;
    struct events events = { 0 };

    wwi_xml_reader_init(&reader, NULL);
    wwi_xml_reader_whole(&reader, document, strlen(document));
    assert_int_equal(events_read(&events, &reader), WWI_XML_ERROR);
    assert_string_equal(reader.problem, problem);
    assert_int_equal(events_read(&events, &reader), WWI_XML_ERROR);
    assert_int_equal(reader.status, WWS_E_INVALID_FORMAT);
    wwi_xml_reader_fini(&reader);
    wwi_bytes_fini(&events.out);
}

static void reader__names_what_it_refuses_on_purpose(void **state)
{
    (void) state;
    assert_problem("<!DOCTYPE a><a/>",
        "a document type declaration is refused");
    assert_problem("<a><?b?></a>", "a processing instruction is refused");
    assert_problem("<?xml version='1.1'?><a/>", "the XML version is not 1.0");
    assert_problem("<?xml version='1.0' encoding='UTF-16'?><a/>",
        "the encoding is not UTF-8");
    assert_problem("\xFF\xFE<", "the encoding is not UTF-8");
}

static void reader__keeps_to_its_limits(void **state)
{
    const struct wwi_xml_reader_options options = {
        .limits = {
            .depth = 2,
            .attributes = 2,
            .namespaces = 2,
            .name_size = 8,
            .value_size = 10,
            .tag_size = 40,
        },
    };
    static const struct {
        const char *inside;
        const char *beyond;
        uint64_t offset;
    } cases[] = {
        { "<a><b/></a>", "<a><b><c/></b></a>", 6 },
        { "<a b='' c='' xmlns='u'/>", "<a b='' c='' d=''/>", 13 },
        { "<a xmlns='u'><b xmlns:p='v'/><b xmlns:p='v'/></a>",
            "<a xmlns='u' xmlns:p='v'><b xmlns:q='w'/></a>", 28 },
        { "<abcdefgh/>", "<abcdefghi/>", 1 },
        { "<a xml:lang=''/>", "<a xml:space=''/>", 3 },
        { "<a b='0123456789'/>", "<a b='0123456789+'/>", 6 },
        { "<a b='0123456789' c='0123456789'      />",
            "<a b='0123456789' c='0123456789'       />", 0 },
    };

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading reading;

        read_whole(&reading, cases[i].inside, strlen(cases[i].inside),
            &options);
        assert_int_equal(reading.token, WWI_XML_END_OF_DOCUMENT);
        end_events(&reading);
        assert_refuses(cases[i].beyond, &options, WWS_E_QUOTA_EXCEEDED,
            cases[i].offset);
    }
}

static void reader__has_the_default_limits(void **state)
{
    struct wwi_xml_reader reader;

    (void) state;
    wwi_xml_reader_init(&reader, NULL);
    assert_int_equal(reader.options.limits.depth, 32);
    assert_int_equal(reader.options.limits.attributes, 128);
    assert_int_equal(reader.options.limits.namespaces, 64);
    assert_int_equal(reader.options.limits.name_size, 1024);
    assert_int_equal(reader.options.limits.value_size, 65536);
    assert_int_equal(reader.options.limits.tag_size, 1048576);
    wwi_xml_reader_fini(&reader);
}

static void assert_same(struct reading *a, struct reading *b)
{
    assert_int_equal(a->token, b->token);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->begin, b->begin);
    assert_int_equal(a->row, b->row);
    assert_int_equal(a->column, b->column);
    assert_string_equal(events_string(&a->events), events_string(&b->events));
}

static void assert_splits(const char *document, size_t size,
    const struct wwi_xml_reader_options *options)
{
    struct reading whole;
    struct reading parts;

    read_whole(&whole, document, size, options);
    for (size_t split = 0; split <= size; split++) {
        read_chunks(&parts, document, size, split, size, options);
        assert_same(&parts, &whole);
        end_events(&parts);
    }
    for (size_t chunk = 1; chunk < 4; chunk++) {
        read_chunks(&parts, document, size, chunk, chunk, options);
        assert_same(&parts, &whole);
        end_events(&parts);
    }
    end_events(&whole);
}

static void reader__does_not_mind_where_chunks_end(void **state)
{
    const struct wwi_xml_reader_options tight = {
        .limits = { .depth = 2, .attributes = 2, .namespaces = 2,
            .name_size = 4, .value_size = 8, .tag_size = 24 },
    };

    (void) state;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        assert_splits(documents[i], strlen(documents[i]), NULL);
        assert_splits(documents[i], strlen(documents[i]), &fragment);
        assert_splits(documents[i], strlen(documents[i]), &tight);
    }
}

/* A value of the greatest size, an octet at a time: a reader that began anew
 * with every octet would not come to an end here. */
static void reader__reads_long_tags_in_small_chunks(void **state)
{
    enum { SIZE = 65536, TAGS = 8 };
    struct wwi_bytes document = { 0 };
    struct reading reading;

    (void) state;
    wwi_bytes_append_text(&document, "<a>");
    for (int tag = 0; tag < TAGS; tag++) {
        wwi_bytes_append_text(&document, "<b c='");
        for (int i = 0; i < SIZE; i++)
            wwi_bytes_append_char(&document, '>');
        wwi_bytes_append_text(&document, "'/>");
    }
    wwi_bytes_append_text(&document, "</a>");
    assert_false(document.failed);

    read_chunks(&reading, (const char *) document.data, document.size, 1, 1,
        NULL);

    assert_int_equal(reading.token, WWI_XML_END_OF_DOCUMENT);
    assert_int_equal(reading.events.out.size, 3 + TAGS * (6 + SIZE));
    end_events(&reading);
    wwi_bytes_fini(&document);
}

static void reader__lists_the_namespaces_in_scope(void **state)
{
    static const char document[] =
        "<a xmlns='u' xmlns:p='v' xmlns:q='w'>"
        "<b xmlns='' xmlns:p='x'>t</b></a>";
    static const struct wwi_xml_namespace expected[] = {
        { { "p", 1 }, { "x", 1 }, true },
        { { "q", 1 }, { "w", 1 }, false },
    };
    struct wwi_xml_namespace found;
    struct wwi_xml_reader reader;
    wws_string uri;

    (void) state;
    wwi_xml_reader_init(&reader, NULL);
    wwi_xml_reader_whole(&reader, document, sizeof document - 1);
    assert_int_equal(wwi_xml_reader_next(&reader), WWI_XML_START_ELEMENT);
    /* At the inner start tag, in its text and at its end tag. */
    for (int token = 0; token < 3; token++) {
        size_t index = 0;

        wwi_xml_reader_next(&reader);
        for (size_t i = 0; i < 2; i++) {
            assert_true(wwi_xml_reader_namespace(&reader, &index, &found));
            assert_text(found.prefix, expected[i].prefix.data);
            assert_text(found.uri, expected[i].uri.data);
            assert_int_equal(found.here, expected[i].here);
        }
        assert_false(wwi_xml_reader_namespace(&reader, &index, &found));
        assert_true(wwi_xml_reader_lookup(&reader, string_of("p"), &uri));
        assert_text(uri, "x");
        assert_true(wwi_xml_reader_lookup(&reader, string_of(""), &uri));
        assert_text(uri, "");
        assert_true(wwi_xml_reader_lookup(&reader, string_of("xml"), &uri));
        assert_text(uri, WWI_XML_NAMESPACE);
        assert_false(wwi_xml_reader_lookup(&reader, string_of("r"), &uri));
    }
    assert_int_equal(wwi_xml_reader_next(&reader), WWI_XML_END_ELEMENT);
    assert_true(wwi_xml_reader_lookup(&reader, string_of("p"), &uri));
    assert_text(uri, "v");
    assert_int_equal(wwi_xml_reader_next(&reader), WWI_XML_END_OF_DOCUMENT);
    assert_false(wwi_xml_reader_lookup(&reader, string_of("p"), &uri));
    wwi_xml_reader_fini(&reader);
}

static void reader__knows_names(void **state)
{
    struct wwi_xml_reader reader;

    (void) state;
    wwi_xml_reader_init(&reader, NULL);
    wwi_xml_reader_whole(&reader, "<p:a xmlns:p='u'/>", 18);
    assert_int_equal(wwi_xml_reader_next(&reader), WWI_XML_START_ELEMENT);
    assert_true(wwi_xml_name_is(&reader.name, string_of("u"),
        string_of("a")));
    assert_false(wwi_xml_name_is(&reader.name, string_of("v"),
        string_of("a")));
    assert_false(wwi_xml_name_is(&reader.name, string_of(""),
        string_of("a")));
    assert_false(wwi_xml_name_is(&reader.name, string_of("u"),
        string_of("b")));
    wwi_xml_reader_fini(&reader);
}

static void reader__refuses_input_it_did_not_ask_for(void **state)
{
    struct wwi_xml_reader reader;

    (void) state;
    wwi_xml_reader_init(&reader, NULL);
    wwi_xml_reader_feed(&reader, "<a>", 3);
    wwi_xml_reader_feed(&reader, "</a>", 4);
    assert_int_equal(wwi_xml_reader_next(&reader), WWI_XML_ERROR);
    wwi_xml_reader_reset(&reader, 0);
    wwi_xml_reader_whole(&reader, "<a/>", 4);
    wwi_xml_reader_feed(&reader, " ", 1);
    assert_int_equal(wwi_xml_reader_next(&reader), WWI_XML_ERROR);
    wwi_xml_reader_fini(&reader);
}

static void reader__begins_anew_after_reset(void **state)
{
    struct wwi_xml_reader reader;
    struct events events = { 0 };

    (void) state;
    wwi_xml_reader_init(&reader, NULL);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        wwi_xml_reader_feed(&reader, documents[i], strlen(documents[i]));
        events_read(&events, &reader);
        wwi_xml_reader_reset(&reader, i % 2 == 0 ? 0 : 4096);
        events.out.size = 0;
        events.in_text = false;

        wwi_xml_reader_whole(&reader, "<a xmlns='u' b='&lt;'>x</a>", 27);
        assert_int_equal(events_read(&events, &reader),
            WWI_XML_END_OF_DOCUMENT);

        assert_string_equal(events_string(&events), "({u}a b=<'x')");
        assert_int_equal(reader.row, 0);
        wwi_xml_reader_reset(&reader, 4096);
    }
    wwi_xml_reader_fini(&reader);
    wwi_bytes_fini(&events.out);
}

/* Reads to the end without noting anything, which would allocate too. */
static enum wwi_xml_token skip_all(struct wwi_xml_reader *reader,
    const char *document, size_t size, size_t chunk)
{
    size_t at = 0;

    for (;;) {
        enum wwi_xml_token token = wwi_xml_reader_next(reader);
        size_t next = chunk < size - at ? chunk : size - at;

        if (token == WWI_XML_ERROR || token == WWI_XML_END_OF_DOCUMENT)
            return token;
        if (token != WWI_XML_NEED_INPUT)
            continue;
        if (next == 0)
            wwi_xml_reader_finish(reader);
        else
            wwi_xml_reader_feed(reader, document + at, next);
        at += next;
    }
}

static void reader__survives_any_failed_allocation(void **state)
{
    static const char document[] =
        "<a xmlns:p='http://tempuri.org/a/rather/long/name' p:b='&lt;'>"
        "<p:c p:d='1' e='2' f='3' g='4' h='5' i='6' j='7' k='8' l='9'/>"
        "x&amp;y</a>";
    uint64_t live = wwi_memory_live();
    enum wwi_xml_token token = WWI_XML_ERROR;
    uint64_t n;

    (void) state;
    for (size_t chunk = 1; chunk < 200; chunk += 66) {
        for (n = 1; n < 100; n++) {
            struct wwi_xml_reader reader;

            wwi_xml_reader_init(&reader, NULL);
            wwi_memory_fail(n, 0);
            token = skip_all(&reader, document, sizeof document - 1, chunk);
            wwi_memory_fail(0, 0);
            assert_int_equal(reader.status,
                token == WWI_XML_ERROR ? WWS_E_OUTOFMEMORY : 0);
            wwi_xml_reader_fini(&reader);
            assert_int_equal(wwi_memory_live(), live);
            if (token == WWI_XML_END_OF_DOCUMENT)
                break;
        }
        assert_int_equal(token, WWI_XML_END_OF_DOCUMENT);
        assert_true(n > 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader__reports_elements_attributes_and_text),
        cmocka_unit_test(reader__decodes_text),
        cmocka_unit_test(reader__normalises_attribute_values),
        cmocka_unit_test(reader__resolves_namespaces),
        cmocka_unit_test(reader__reads_fragments),
        cmocka_unit_test(reader__hands_out_views_of_the_input),
        cmocka_unit_test(reader__says_where_tokens_are),
        cmocka_unit_test(reader__says_where_an_error_is),
        cmocka_unit_test(reader__refuses_what_is_not_well_formed),
        cmocka_unit_test(reader__names_what_it_refuses_on_purpose),
        cmocka_unit_test(reader__keeps_to_its_limits),
        cmocka_unit_test(reader__has_the_default_limits),
        cmocka_unit_test(reader__does_not_mind_where_chunks_end),
        cmocka_unit_test(reader__reads_long_tags_in_small_chunks),
        cmocka_unit_test(reader__lists_the_namespaces_in_scope),
        cmocka_unit_test(reader__knows_names),
        cmocka_unit_test(reader__refuses_input_it_did_not_ask_for),
        cmocka_unit_test(reader__begins_anew_after_reset),
        cmocka_unit_test(reader__survives_any_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
