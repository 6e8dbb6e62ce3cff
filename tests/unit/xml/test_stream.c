/* What streamed envelopes promise.  Wherever the pieces of an envelope end, the
 * same comes out, and it is what the whole envelope has, by our own reader of
 * envelopes and by libxml2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/xml/blocks.h"
#include "core/xml/envelope.h"
#include "core/xml/stream.h"
#include "tests/unit/xml/events.h"

#define S11 "http://schemas.xmlsoap.org/soap/envelope/"
#define S12 "http://www.w3.org/2003/05/soap-envelope"
#define A10 "http://www.w3.org/2005/08/addressing"

#define OPEN "<s:Envelope xmlns:s='" S12 "'><s:Body>"
#define CLOSE "</s:Body></s:Envelope>"
#define HEADERS "<s:Header><a:Action s:mustUnderstand='1'>urn:x</a:Action>" \
    "<a:To>http://x/&amp;</a:To></s:Header>"

enum { NO_LIMIT = 1 << 20 };

static const char *const envelopes[] = {
    OPEN CLOSE,
    "<s:Envelope xmlns:s='" S12 "'><s:Body/></s:Envelope>",
    "<s:Envelope xmlns:s='" S12 "'><s:Body /> <!--x--> </s:Envelope> <!--y-->",
    "<Envelope xmlns='" S12 "'><Body><Add><a>1</a></Add></Body></Envelope>",
    "<Envelope xmlns='" S12 "'><Body><x xmlns=''><y/></x></Body></Envelope>",
    "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?>\r\n" OPEN "<x/>" CLOSE,
    "<s:Envelope xmlns:s='" S12 "' xmlns:a='" A10 "'>" HEADERS
    "<s:Body><Add xmlns='urn:calc'><a>1</a><b>2</b></Add></s:Body>"
    "</s:Envelope>",
    "<s:Envelope xmlns:s='" S11 "' xmlns:a='" A10 "'>\n " HEADERS "\n "
    "<s:Body\n Id = 'b>' >\n <x a:y='1'/>\n <z>&lt;&#x41;</z>\n </s:Body >\n"
    "</s:Envelope\n>\n",
    /* Overridden and undone on the way in. */
    "<s:Envelope xmlns:s='" S12 "' xmlns:p='urn:p' xmlns='urn:d'>"
    "<s:Body xmlns:p='urn:q' xmlns=''><p:x/><y/><p:z xmlns:p='urn:r'/>"
    "<w xmlns='urn:e' p:v=''/></s:Body></s:Envelope>",
    "<s:Envelope xmlns:s='" S12 "' xmlns:p='urn:&quot;&#38;&lt;&#9;&#x20AC;'>"
    "<s:Body><x t='p:y'>p:z</x></s:Body></s:Envelope>",
    OPEN "<!-- a - b --><x><![CDATA[<a>]]]]></x> <!----> <![CDATA[ ]]>&#32;"
    "<y><!--<z>--></y><!--end-->" CLOSE,
    OPEN "<x>\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E\r\n]]]x]</x>" CLOSE,
    OPEN "<\xC3\xA9:x xmlns:\xC3\xA9='urn:e'><\xC3\xA9:y \xC3\xA9:a='\xE2\x82"
    "\xAC'/></\xC3\xA9:x>" CLOSE,
    OPEN "<x><s:Body><s:Envelope/></s:Body></x><s:Body/>" CLOSE,
    OPEN "<x xml:lang='en' b='>' c=\"'/>'\"><y/></x ><z\n/>" CLOSE,
};

enum { ENVELOPES = sizeof envelopes / sizeof *envelopes };

/* All that comes out of a stream. */
struct outcome {
    struct wwi_bytes head;
    struct wwi_bytes content;
    enum wwi_stream_event event;
    wws_status status;
    const char *problem;
    uint64_t row;
    uint64_t column;
};

static void forget(struct outcome *outcome)
{
    wwi_bytes_fini(&outcome->head);
    wwi_bytes_fini(&outcome->content);
}

/* Runs are whole: whoever reads them one by one is never left with a part of a
 * tag, a reference or a character. */
static void read_run(struct wwi_xml_reader *reader, wws_bytes run)
{
    enum wwi_xml_token token;

    assert_true(run.size != 0);
    wwi_xml_reader_feed(reader, run.data, run.size);
    do {
        token = wwi_xml_reader_next(reader);
        assert_int_not_equal(token, WWI_XML_ERROR);
    } while (token != WWI_XML_NEED_INPUT);
    /* Brackets may stand for themselves, which only the next run tells. */
    for (size_t i = 0; i < reader->carry.size; i++)
        assert_int_equal(reader->carry.data[i], ']');
}

/* Takes events until more is needed, or nothing follows. */
static enum wwi_stream_event take(
    struct wwi_stream_reader *stream,
    struct outcome *outcome,
    struct wwi_xml_reader *runs)
{
    for (;;) {
        enum wwi_stream_event event = wwi_stream_reader_next(stream, NULL);

        if (event == WWI_STREAM_HEAD) {
            assert_int_equal(outcome->head.size, 0);
            assert_int_equal(outcome->content.size, 0);
            outcome->head = stream->head;
            stream->head = (struct wwi_bytes) { 0 };
        } else if (event == WWI_STREAM_CONTENT) {
            assert_true(outcome->head.size != 0);
            read_run(runs, stream->octets);
            wwi_bytes_append(&outcome->content, stream->octets.data,
                stream->octets.size);
        } else {
            return event;
        }
    }
}

struct source {
    const char *octets;
    size_t size;
    struct wwi_xml_limits limits;
    size_t max_head;
};

static struct source source_of(const char *text)
{
    return (struct source) {
        .octets = text, .size = strlen(text), .max_head = NO_LIMIT };
}

/* Feeds pieces, none of which outlives its turn: the first of one size, the
 * others of another. */
static struct outcome run(
    const struct source *source,
    size_t first,
    size_t others)
{
    struct wwi_xml_reader_options fragment = {
        .fragment = true, .limits = { .depth = 1000, .value_size = 1 << 20 } };
    struct wwi_stream_reader stream;
    struct outcome outcome = { 0 };
    struct wwi_xml_reader runs;
    size_t at = 0;
    size_t size = first;

    wwi_xml_reader_init(&runs, &fragment);
    wwi_stream_reader_init(&stream, &source->limits, source->max_head);
    while ((outcome.event = take(&stream, &outcome, &runs))
        == WWI_STREAM_NEED_INPUT) {
        char *piece;

        size = size < source->size - at ? size : source->size - at;
        piece = malloc(size != 0 ? size : 1);
        assert_non_null(piece);
        memcpy(piece, source->octets + at, size);
        at += size;
        wwi_stream_reader_feed(&stream, (wws_bytes) { piece, size });
        if (at == source->size)
            wwi_stream_reader_finish(&stream);
        outcome.event = take(&stream, &outcome, &runs);
        free(piece);
        if (outcome.event != WWI_STREAM_NEED_INPUT)
            break;
        size = others;
    }
    outcome.status = stream.status;
    if (outcome.event == WWI_STREAM_ERROR) {
        outcome.problem = stream.reader.problem;
        outcome.row = stream.reader.row;
        outcome.column = stream.reader.column;
    }
    assert_int_equal(wwi_stream_reader_next(&stream, NULL), outcome.event);
    wwi_stream_reader_fini(&stream);
    wwi_xml_reader_fini(&runs);
    return outcome;
}

static bool same_octets(const struct wwi_bytes *a, const struct wwi_bytes *b)
{
    return a->size == b->size
        && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static void assert_same(
    const struct source *source,
    size_t first,
    const struct outcome *a,
    const struct outcome *b)
{
    /* How much comes before an error depends on the pieces. */
    bool same = a->event == b->event && a->status == b->status
        && a->problem == b->problem && a->row == b->row
        && a->column == b->column && same_octets(&a->head, &b->head)
        && (a->event == WWI_STREAM_ERROR
            || same_octets(&a->content, &b->content));

    if (!same)
        fail_msg("cut at %zu: %d %s %llu:%llu, not %d %s %llu:%llu, in %.*s\n"
            "%.*s\nnot %.*s", first, b->event, b->problem,
            (unsigned long long) b->row, (unsigned long long) b->column,
            a->event, a->problem, (unsigned long long) a->row,
            (unsigned long long) a->column,
            (int) source->size, source->octets,
            (int) b->content.size, (char *) b->content.data,
            (int) a->content.size, (char *) a->content.data);
}

/* Runs it cut in every way; the outcome is that of the whole. */
static struct outcome run_all(const struct source *source)
{
    struct outcome whole = run(source, source->size, 1);

    for (size_t first = 0; first < source->size; first++) {
        struct outcome parts = run(source, first, source->size);

        assert_same(source, first, &whole, &parts);
        forget(&parts);
    }
    for (size_t size = 1; size < 8; size++) {
        struct outcome parts = run(source, size, size);

        assert_same(source, size, &whole, &parts);
        forget(&parts);
    }
    return whole;
}

static void assert_octets(const struct wwi_bytes *octets, const char *expected)
{
    if (octets->size != strlen(expected)
        || memcmp(octets->data, expected, octets->size) != 0)
        fail_msg("%.*s is not %s", (int) octets->size, (char *) octets->data,
            expected);
}

static void stream__gives_the_head_and_then_the_content(void **state)
{
    static const char head[] = "<?xml version='1.0'?><s:Envelope xmlns:s='" S12
        "' xmlns:p='urn:p'><s:Header/><s:Body  x='1'>";
    struct wwi_bytes text = { 0 };
    struct source source = { .max_head = NO_LIMIT };
    struct outcome outcome;
    (void) state;

    wwi_bytes_append_text(&text, head);
    wwi_bytes_append_text(&text, " <p:x ><y/></p:x><!--z-->" CLOSE "\n");
    source.octets = (const char *) text.data;
    source.size = text.size;
    outcome = run_all(&source);

    assert_int_equal(outcome.event, WWI_STREAM_END);
    assert_octets(&outcome.content, " <p:x xmlns:p=\"urn:p\" xmlns:s=\"" S12
        "\" ><y/></p:x><!--z-->");
    wwi_bytes_fini(&text);
    wwi_bytes_append_text(&text, head);
    wwi_bytes_append_text(&text, CLOSE);
    wwi_bytes_append_char(&text, '\0');
    assert_octets(&outcome.head, (const char *) text.data);
    wwi_bytes_fini(&text);
    forget(&outcome);
}

static void stream__closes_an_empty_body_once(void **state)
{
    struct source source = source_of(
        "<Envelope xmlns='" S12 "'><Body a='>'/></Envelope>");
    struct outcome outcome;
    (void) state;

    outcome = run_all(&source);

    assert_int_equal(outcome.event, WWI_STREAM_END);
    assert_octets(&outcome.head, source.octets);
    assert_int_equal(outcome.content.size, 0);
    forget(&outcome);
}

/* What overrides a declaration stays, what is overridden goes. */
static void stream__declares_only_what_an_element_does_not(void **state)
{
    struct source source = source_of(
        "<e:Envelope xmlns:e='" S12 "' xmlns='urn:d' xmlns:p='urn:p'>"
        "<e:Body xmlns:e='" S12 "' xmlns:p='urn:q&amp;'>"
        "<x xmlns=''/><p:x xmlns:p='urn:r'/><y/></e:Body></e:Envelope>");
    struct outcome outcome;
    (void) state;

    outcome = run_all(&source);

    assert_octets(&outcome.content,
        "<x xmlns:p=\"urn:q&amp;\" xmlns:e=\"" S12 "\" xmlns=''/>"
        "<p:x xmlns:e=\"" S12 "\" xmlns=\"urn:d\" xmlns:p='urn:r'/>"
        "<y xmlns:p=\"urn:q&amp;\" xmlns:e=\"" S12 "\" xmlns=\"urn:d\"/>");
    forget(&outcome);
}

static wws_string string_of(const xmlChar *text)
{
    const char *data = (const char *) text;

    return (wws_string) { data, data != NULL ? strlen(data) : 0 };
}

static void put_attributes(struct events *events, const xmlNode *element)
{
    for (xmlAttr *at = element->properties; at != NULL; at = at->next) {
        xmlChar *value = xmlNodeGetContent((xmlNode *) at);

        events_attribute(events,
            string_of(at->ns != NULL ? at->ns->href : NULL),
            string_of(at->name), string_of(value));
        xmlFree(value);
    }
}

/* What is in an element, by libxml2; white space beside the outermost elements
 * means nothing. */
static void put_children(
    struct events *events,
    const xmlNode *parent,
    bool outermost)
{
    for (xmlNode *at = parent->children; at != NULL; at = at->next) {
        if (at->type == XML_TEXT_NODE || at->type == XML_CDATA_SECTION_NODE) {
            if (!outermost || !xmlIsBlankNode(at))
                events_text(events, string_of(at->content));
        } else if (at->type == XML_ELEMENT_NODE) {
            events_start(events,
                string_of(at->ns != NULL ? at->ns->href : NULL),
                string_of(at->name));
            put_attributes(events, at);
            put_children(events, at, false);
            events_end(events);
        }
    }
}

static xmlDoc *read_document(const void *data, size_t size)
{
    xmlDoc *document = xmlReadMemory(data, (int) size, NULL, NULL,
        XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_NOERROR
        | XML_PARSE_NOWARNING);

    if (document == NULL)
        fail_msg("libxml2 refuses %.*s", (int) size, (const char *) data);
    return document;
}

static struct events read_content(const void *content, size_t size)
{
    struct wwi_bytes text = { 0 };
    struct events events = { 0 };
    xmlDoc *document;

    wwi_bytes_append_text(&text, "<r>");
    wwi_bytes_append(&text, content, size);
    wwi_bytes_append_text(&text, "</r>");
    document = read_document(text.data, text.size);
    put_children(&events, xmlDocGetRootElement(document), true);
    xmlFreeDoc(document);
    wwi_bytes_fini(&text);
    return events;
}

static struct events read_body(const char *envelope)
{
    xmlDoc *document = read_document(envelope, strlen(envelope));
    xmlNode *child = xmlFirstElementChild(xmlDocGetRootElement(document));
    struct events events = { 0 };

    if (strcmp((const char *) child->name, "Body") != 0)
        child = xmlNextElementSibling(child);
    put_children(&events, child, true);
    xmlFreeDoc(document);
    return events;
}

static void read_whole(
    struct wwi_envelope *envelope,
    const void *data,
    size_t size)
{
    struct wwi_envelope_options options = { 0 };
    wws_bytes octets = { data, size };

    *envelope = (struct wwi_envelope) { 0 };
    if (wwi_envelope_parse(envelope, &options, octets, NULL) == 0)
        return;
    assert_int_equal(envelope->problem, WWI_ENVELOPE_OTHER_VERSION);
    options.version = envelope->version;
    assert_int_equal(wwi_envelope_parse(envelope, &options, octets, NULL), 0);
}

static void stream__gives_the_content_of_the_whole_envelope(void **state)
{
    (void) state;
    for (size_t i = 0; i < ENVELOPES; i++) {
        struct source source = source_of(envelopes[i]);
        struct outcome outcome = run_all(&source);
        struct wwi_envelope whole;
        struct events expected, from_whole, from_stream;
        wws_bytes body;

        if (outcome.event != WWI_STREAM_END)
            fail_msg("%s in %s", outcome.problem, envelopes[i]);
        read_whole(&whole, source.octets, source.size);
        assert_int_equal(wwi_envelope_xml(&whole, &whole.body, &body), 0);
        expected = read_body(source.octets);
        from_whole = read_content(body.data, body.size);
        from_stream = read_content(outcome.content.data, outcome.content.size);
        assert_string_equal(
            events_string(&from_whole), events_string(&expected));
        assert_string_equal(
            events_string(&from_stream), events_string(&expected));
        wwi_bytes_fini(&expected.out);
        wwi_bytes_fini(&from_whole.out);
        wwi_bytes_fini(&from_stream.out);
        wwi_envelope_fini(&whole);
        forget(&outcome);
    }
}

static void stream__gives_a_head_with_the_same_headers(void **state)
{
    (void) state;
    for (size_t i = 0; i < ENVELOPES; i++) {
        struct source source = source_of(envelopes[i]);
        struct outcome outcome = run(&source, source.size, 1);
        struct wwi_envelope whole, head;

        read_whole(&whole, source.octets, source.size);
        read_whole(&head, outcome.head.data, outcome.head.size);
        assert_int_equal(head.version, whole.version);
        assert_int_equal(head.header_count, whole.header_count);
        for (int header = 0; header < WWI_STANDARD_HEADERS; header++)
            assert_true(wwi_string_equal(
                head.standard[header], whole.standard[header]));
        assert_int_equal(head.body.end, 0);
        wwi_envelope_fini(&whole);
        wwi_envelope_fini(&head);
        forget(&outcome);
    }
}

struct bad {
    const char *text;
    const char *problem;
};

static const struct bad bad_envelopes[] = {
    { "", "there is no root element" },
    { " ", "there is no root element" },
    { "<s:Envelope xmlns:s='" S12, "the input ends inside a tag" },
    { "<s:Envelope xmlns:s='" S12 "'>", "the input ends inside an element" },
    { "<s:Envelope xmlns:s='" S12 "'/>", "no body where it should be" },
    { "<s:Envelope xmlns:s='" S12 "'><s:Header/></s:Envelope>",
        "no body where it should be" },
    { "<a><b><Body/></b></a>", "no body where it should be" },
    { "<Body/>", "no body where it should be" },
    { "<s:Envelope><s:Body>", "a prefix is not declared" },
    { "<!DOCTYPE x>" OPEN CLOSE, "a document type declaration is refused" },
    { "<?pi?>" OPEN CLOSE, "a processing instruction is refused" },
    { "\xFF\xFE<\0s\0", "the encoding is not UTF-8" },
    { "\xFE\xFF", "the encoding is not UTF-8" },
    { "<a>\xC3(</a>", "not UTF-8, or a character that XML forbids" },
    { OPEN, "the input ends inside an element" },
    { OPEN "<x", "the input ends inside a tag" },
    { OPEN "<x></x></s:", "the input ends inside a tag" },
    { OPEN "<x>&am", "the input ends inside a reference" },
    { OPEN "<x>\xE2\x82", "the input ends inside a character" },
    { OPEN "<!-- ", "the input ends inside a comment" },
    { OPEN "<x><![CDATA[ ]]", "the input ends inside CDATA" },
    { OPEN "<x></y>" CLOSE, "an end tag that fits no start tag" },
    { OPEN "<x></s:Body>", "an end tag that fits no start tag" },
    { OPEN "<x a='1' a='2'/>" CLOSE, "an attribute comes twice" },
    { OPEN "<x b:a='1'/>" CLOSE, "a prefix is not declared" },
    { OPEN "<x><y:z/></x>" CLOSE, "a prefix is not declared" },
    { OPEN "<x>&y;</x>" CLOSE, "not a reference to a character" },
    { OPEN "<x>\x01</x>" CLOSE, "not UTF-8, or a character that XML forbids" },
    { OPEN "<x>]]></x>" CLOSE, "`]]>` in text" },
    { OPEN "<?pi?>" CLOSE, "a processing instruction is refused" },
    { OPEN "\n x" CLOSE, "text where only elements may be" },
    { OPEN "<x/> \n y <z/>" CLOSE, "text where only elements may be" },
    { OPEN "<x/>&#65;" CLOSE, "text where only elements may be" },
    { OPEN "<![CDATA[\n x]]>" CLOSE, "text where only elements may be" },
    { OPEN "</s:Body>\r\n x</s:Envelope>", "text where only elements may be" },
    { OPEN "</s:Body><s:Body/></s:Envelope>", "an element behind the body" },
    { OPEN "</s:Body> <x>", "an element behind the body" },
    { OPEN "</s:Body>", "the input ends inside an element" },
    { OPEN "</s:Body></s:Body>", "an end tag that fits no start tag" },
    { OPEN CLOSE "x", "text outside the root element" },
    { OPEN CLOSE "<x/>", "a second root element" },
    { OPEN CLOSE "<!--", "the input ends inside a comment" },
};

static void stream__refuses_what_is_malformed_at_any_place(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof bad_envelopes / sizeof *bad_envelopes; i++) {
        struct source source = source_of(bad_envelopes[i].text);
        struct outcome outcome = run_all(&source);

        assert_int_equal(outcome.event, WWI_STREAM_ERROR);
        assert_int_equal(outcome.status, WWS_E_INVALID_FORMAT);
        assert_string_equal(outcome.problem, bad_envelopes[i].problem);
        forget(&outcome);
    }
}

/* Every envelope is refused when it is cut short, and never before that. */
static void stream__refuses_every_envelope_cut_short(void **state)
{
    (void) state;
    for (size_t i = 0; i < ENVELOPES; i++) {
        const char *end = strrchr(envelopes[i], '/');
        size_t needed = (size_t) (strchr(end, '>') + 1 - envelopes[i]);

        for (size_t size = 0; size < needed; size++) {
            struct source source = source_of(envelopes[i]);
            struct outcome outcome;

            source.size = size;
            outcome = run(&source, size, 1);
            assert_int_equal(outcome.event, WWI_STREAM_ERROR);
            assert_int_equal(outcome.status, WWS_E_INVALID_FORMAT);
            forget(&outcome);
        }
    }
}

static void stream__tells_where_an_error_is(void **state)
{
    static const char text[] = OPEN "<x/>\n\n  \xC3\xA9" CLOSE;
    struct wwi_stream_reader stream;
    struct wwi_error *error = wwi_error_new();
    wws_string string;
    (void) state;

    wwi_stream_reader_init(&stream, NULL, NO_LIMIT);
    wwi_stream_reader_feed(&stream, (wws_bytes) { text, sizeof text - 1 });
    while (wwi_stream_reader_next(&stream, error) != WWI_STREAM_ERROR)
        assert_int_equal(stream.status, 0);

    assert_int_equal(stream.status, WWS_E_INVALID_FORMAT);
    assert_int_equal(wwi_error_get_string(error, 0, &string), 0);
    assert_true(wwi_string_is(
        string, "line 3, column 3: text where only elements may be"));
    wwi_stream_reader_fini(&stream);
    wwi_error_free(error);
}

static void stream__keeps_the_head_to_its_limit(void **state)
{
    struct source source = source_of(OPEN "<x>a long content</x>" CLOSE);
    struct outcome outcome;
    (void) state;

    source.max_head = sizeof OPEN - 1;
    outcome = run_all(&source);
    assert_int_equal(outcome.event, WWI_STREAM_END);
    forget(&outcome);

    for (size_t less = 1; less <= sizeof OPEN - 1; less++) {
        source.max_head = sizeof OPEN - 1 - less;
        outcome = run_all(&source);
        assert_int_equal(outcome.event, WWI_STREAM_ERROR);
        assert_int_equal(outcome.status, WWS_E_QUOTA_EXCEEDED);
        assert_string_equal(
            outcome.problem, "the head of the envelope is too long");
        forget(&outcome);
    }
}

/* What ends within the limit is malformed, not too long. */
static void stream__tells_a_short_head_from_a_long_one(void **state)
{
    struct source source = source_of(OPEN);
    struct outcome outcome;
    (void) state;

    source.size--;
    source.max_head = source.size;
    outcome = run_all(&source);

    assert_int_equal(outcome.status, WWS_E_INVALID_FORMAT);
    forget(&outcome);
}

static void stream__keeps_to_the_limits_of_the_reader(void **state)
{
    static const struct {
        struct wwi_xml_limits limits;
        const char *content;
        const char *problem;
    } cases[] = {
        { { .depth = 3 }, "<x><y/></x>", "elements are nested too deep" },
        { { .attributes = 1 }, "<x a='' b=''/>", "too many attributes" },
        { { .namespaces = 1 }, "<x xmlns=''/>", "too many namespaces" },
        { { .name_size = 10 }, "<elevenchars/>", "a name is too long" },
        { { .value_size = 60 }, "<x a='1234567890123456789012345678901234567890"
            "1234567890123456789012345'/>", "an attribute is too long" },
        { { .tag_size = 65 }, "<x aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa='1234"
            "567890123456789012345'/>", "a tag is too long" },
    };
    (void) state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        struct source source;
        struct outcome outcome;

        snprintf(text, sizeof text, OPEN "%s" CLOSE, cases[i].content);
        source = source_of(text);
        source.limits = cases[i].limits;
        outcome = run_all(&source);
        assert_int_equal(outcome.event, WWI_STREAM_ERROR);
        assert_int_equal(outcome.status, WWS_E_QUOTA_EXCEEDED);
        assert_string_equal(outcome.problem, cases[i].problem);
        assert_true(outcome.head.size != 0);
        forget(&outcome);
    }
}

static void stream__refuses_input_it_did_not_ask_for(void **state)
{
    static const char text[] = OPEN "<x/>";
    wws_bytes octets = { text, sizeof text - 1 };
    struct wwi_stream_reader stream;
    (void) state;

    wwi_stream_reader_init(&stream, NULL, NO_LIMIT);
    wwi_stream_reader_feed(&stream, octets);
    assert_int_equal(
        wwi_stream_reader_next(&stream, NULL), WWI_STREAM_HEAD);
    wwi_stream_reader_feed(&stream, octets);
    assert_int_equal(
        wwi_stream_reader_next(&stream, NULL), WWI_STREAM_ERROR);
    wwi_stream_reader_fini(&stream);

    wwi_stream_reader_init(&stream, NULL, NO_LIMIT);
    wwi_stream_reader_finish(&stream);
    wwi_stream_reader_feed(&stream, octets);
    assert_int_equal(
        wwi_stream_reader_next(&stream, NULL), WWI_STREAM_ERROR);
    wwi_stream_reader_fini(&stream);
}

static void stream__asks_again_after_an_empty_piece(void **state)
{
    struct wwi_stream_reader stream;
    (void) state;

    wwi_stream_reader_init(&stream, NULL, NO_LIMIT);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            wwi_stream_reader_next(&stream, NULL), WWI_STREAM_NEED_INPUT);
        assert_int_equal(
            wwi_stream_reader_next(&stream, NULL), WWI_STREAM_NEED_INPUT);
        wwi_stream_reader_feed(&stream, (wws_bytes) { NULL, 0 });
    }
    wwi_stream_reader_finish(&stream);
    assert_int_equal(
        wwi_stream_reader_next(&stream, NULL), WWI_STREAM_ERROR);
    wwi_stream_reader_fini(&stream);
}

/* Content that is a view of the piece, but for what the last piece cut off. */
static void stream__does_not_copy_the_content(void **state)
{
    enum { SIZE = 100000 };
    static char text[SIZE];
    static const char open[] = OPEN "<x><y a='";
    struct wwi_stream_reader stream;
    const char *octets;
    (void) state;

    memset(text, 'a', sizeof text);
    wwi_stream_reader_init(&stream, NULL, NO_LIMIT);
    wwi_stream_reader_feed(&stream, (wws_bytes) { open, sizeof open - 1 });
    while (wwi_stream_reader_next(&stream, NULL) != WWI_STREAM_NEED_INPUT)
        ;
    memcpy(text, "'>", 2);
    wwi_stream_reader_feed(&stream, (wws_bytes) { text, sizeof text });
    do {
        assert_int_equal(
            wwi_stream_reader_next(&stream, NULL), WWI_STREAM_CONTENT);
        octets = stream.octets.data;
    } while (stream.octets.size < SIZE - 1000);

    assert_true(octets > text && octets < text + 1000);
    assert_ptr_equal(octets + stream.octets.size, text + SIZE);
    wwi_stream_reader_fini(&stream);
}

/* Feeds a text many times over, in pieces of a size that cuts it anywhere.
 * How often memory was asked for after the first tenth, and how much came
 * out. */
static uint64_t feed_many(
    struct wwi_stream_reader *stream,
    const char *text,
    uint64_t total,
    uint64_t *given)
{
    static char pieces[65536];
    size_t size = strlen(text);
    uint64_t asked = 0;

    for (uint64_t at = 0; at < total; at += 65521) {
        enum wwi_stream_event event;

        for (size_t i = 0; i < 65521;) {
            size_t from = (at + i) % size;
            size_t more = size - from < 65521 - i ? size - from : 65521 - i;

            memcpy(pieces + i, text + from, more);
            i += more;
        }
        wwi_stream_reader_feed(stream, (wws_bytes) { pieces, 65521 });
        while ((event = wwi_stream_reader_next(stream, NULL))
            == WWI_STREAM_CONTENT)
            *given += stream->octets.size;
        assert_int_equal(event, WWI_STREAM_NEED_INPUT);
        if (at < total / 10)
            asked = wwi_memory_asked();
    }
    return wwi_memory_asked() - asked;
}

static void open_content(
    struct wwi_stream_reader *stream,
    const char *open)
{
    enum wwi_stream_event event;

    wwi_stream_reader_init(stream, NULL, NO_LIMIT);
    wwi_stream_reader_feed(stream, (wws_bytes) { open, strlen(open) });
    while ((event = wwi_stream_reader_next(stream, NULL))
        != WWI_STREAM_NEED_INPUT)
        assert_int_not_equal(event, WWI_STREAM_ERROR);
}

static void stream__reads_a_long_body_in_constant_memory(void **state)
{
    static const char element[] =
        "<row id='17' xmlns:q='urn:q'>some text &amp; \xE2\x82\xAC<q:cell "
        "a=\"another value\"/><![CDATA[ ]]] ]]><!-- - --> and so on </row>\r\n";
    enum { SIZE = 64 << 20 };
    struct wwi_stream_reader stream;
    uint64_t given = 0;
    (void) state;

    open_content(&stream, OPEN "<x>");
    assert_int_equal(feed_many(&stream, element, SIZE, &given), 0);
    assert_in_range(given, SIZE - 1000, SIZE + 65536);
    wwi_stream_reader_fini(&stream);
}

static void stream__reads_long_tokens_in_constant_memory(void **state)
{
    static const char *const opens[] = {
        OPEN "<x>", OPEN "<x><![CDATA[", OPEN "<!--", OPEN CLOSE "<!--" };
    enum { SIZE = 8 << 20 };
    (void) state;

    for (size_t i = 0; i < sizeof opens / sizeof *opens; i++) {
        struct wwi_stream_reader stream;
        uint64_t given = 0;

        open_content(&stream, opens[i]);
        assert_int_equal(
            feed_many(&stream, "\xE2\x82\xAC ]\r\n> - ", SIZE, &given), 0);
        if (i < 3)
            assert_in_range(given, SIZE - 1000, SIZE + 65536);
        wwi_stream_reader_fini(&stream);
    }
}

#define LONG "an attribute that needs a buffer to grow, not only to be there "

static void stream__survives_any_failed_allocation(void **state)
{
    struct source source = source_of(
        "<s:Envelope xmlns:s='" S12 "' xmlns:p='urn:p'><s:Body><p:x "
        "a='some of the attributes' b='are &lt; long'/><x>text<y a='" LONG
        LONG LONG LONG LONG LONG LONG LONG "'/></x>" CLOSE);
    struct outcome expected = run(&source, source.size, 1);
    uint64_t live = wwi_memory_live();
    (void) state;

    for (size_t size = 1; size < 1000; size += 37) {
        enum wwi_stream_event event = WWI_STREAM_ERROR;
        uint64_t n = 0;

        while (event == WWI_STREAM_ERROR) {
            struct wwi_stream_reader stream;
            uint64_t asked = wwi_memory_asked();
            size_t at = 0, given = 0;

            assert_true(++n < 100);
            wwi_stream_reader_init(&stream, NULL, NO_LIMIT);
            wwi_memory_fail(n, 0);
            while ((event = wwi_stream_reader_next(&stream, NULL))
                < WWI_STREAM_END) {
                size_t left = source.size - at;

                if (event == WWI_STREAM_CONTENT) {
                    assert_memory_equal(expected.content.data + given,
                        stream.octets.data, stream.octets.size);
                    given += stream.octets.size;
                }
                if (event != WWI_STREAM_NEED_INPUT)
                    continue;
                left = left < size ? left : size;
                wwi_stream_reader_feed(
                    &stream, (wws_bytes) { source.octets + at, left });
                at += left;
                if (at == source.size)
                    wwi_stream_reader_finish(&stream);
            }
            wwi_memory_fail(0, 0);
            assert_int_equal(stream.status,
                wwi_memory_asked() - asked >= n ? WWS_E_OUTOFMEMORY : 0);
            wwi_stream_reader_fini(&stream);
            assert_int_equal(wwi_memory_live(), live);
        }
        assert_true(n > 6);
    }
    forget(&expected);
}

static void envelope__is_written_in_parts_as_it_is_whole(void **state)
{
    struct wwi_envelope_content content = {
        .addressing = WWS_ADDRESSING_VERSION_1_0,
        .standard = { [WWS_HEADER_ACTION] = WWS_STR("urn:a") },
    };
    struct wwi_bytes whole = { 0 }, parts = { 0 };
    struct outcome outcome;
    struct source source = { .max_head = NO_LIMIT };
    (void) state;

    content.body = (wws_bytes) { "<x/>", 4 };
    assert_int_equal(wwi_envelope_write(&content, &whole), 0);
    content.body = (wws_bytes) { 0 };
    assert_int_equal(wwi_envelope_write_head(&content, &parts), 0);
    wwi_bytes_append_text(&parts, "<x/>");
    wwi_bytes_append_string(&parts, wwi_envelope_tail());

    assert_true(same_octets(&whole, &parts));
    source.octets = (const char *) parts.data;
    source.size = parts.size;
    outcome = run_all(&source);
    assert_int_equal(outcome.event, WWI_STREAM_END);
    forget(&outcome);
    wwi_bytes_fini(&whole);
    wwi_bytes_fini(&parts);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stream__gives_the_head_and_then_the_content),
        TEST(stream__closes_an_empty_body_once),
        TEST(stream__declares_only_what_an_element_does_not),
        TEST(stream__gives_the_content_of_the_whole_envelope),
        TEST(stream__gives_a_head_with_the_same_headers),
        TEST(stream__refuses_what_is_malformed_at_any_place),
        TEST(stream__refuses_every_envelope_cut_short),
        TEST(stream__tells_where_an_error_is),
        TEST(stream__keeps_the_head_to_its_limit),
        TEST(stream__tells_a_short_head_from_a_long_one),
        TEST(stream__keeps_to_the_limits_of_the_reader),
        TEST(stream__refuses_input_it_did_not_ask_for),
        TEST(stream__asks_again_after_an_empty_piece),
        TEST(stream__does_not_copy_the_content),
        TEST(stream__reads_a_long_body_in_constant_memory),
        TEST(stream__reads_long_tokens_in_constant_memory),
        TEST(stream__survives_any_failed_allocation),
        TEST(envelope__is_written_in_parts_as_it_is_whole),
    };
    int failed;

    xmlInitParser();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    xmlCleanupParser();
    return failed;
}
