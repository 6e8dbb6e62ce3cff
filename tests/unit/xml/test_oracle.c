/* The reader against expat and libxml2: whatever they and we accept must read
 * the same, and what only one side accepts must be one of the refusals that we
 * intend: document types, processing instructions, encodings, versions and
 * limits.
 *
 * The documents are built in, cut and mutated from a fixed seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <expat.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "tests/unit/xml/events.h"

static const char *const documents[] = {
#include "tests/unit/xml/documents.inc"
};

enum { DOCUMENTS = sizeof documents / sizeof *documents, MUTATIONS = 400 };

static wws_string string_of(const char *text)
{
    return (wws_string) { text, text != NULL ? strlen(text) : 0 };
}

static bool read_ours(const char *data, size_t size, struct events *events,
    wws_status *status)
{
    struct wwi_xml_reader reader;
    enum wwi_xml_token token;

    wwi_xml_reader_init(&reader, NULL);
    wwi_xml_reader_whole(&reader, data, size);
    token = events_read(events, &reader);
    *status = reader.status;
    wwi_xml_reader_fini(&reader);
    return token == WWI_XML_END_OF_DOCUMENT;
}

/* expat joins namespace and name with this separator, which XML forbids. */
#define SEPARATOR '\1'

static void split_name(const char *joined, wws_string *ns, wws_string *local)
{
    const char *mark = strrchr(joined, SEPARATOR);

    *ns = (wws_string) { joined, mark != NULL ? (size_t) (mark - joined) : 0 };
    *local = string_of(mark != NULL ? mark + 1 : joined);
}

struct expat_run {
    XML_Parser parser;
    struct events *events;
    bool refused;
};

static void expat_start(void *state, const XML_Char *name,
    const XML_Char **attributes)
{
    struct expat_run *run = state;
    wws_string ns;
    wws_string local;

    split_name(name, &ns, &local);
    events_start(run->events, ns, local);
    for (; *attributes != NULL; attributes += 2) {
        split_name(attributes[0], &ns, &local);
        events_attribute(run->events, ns, local, string_of(attributes[1]));
    }
}

static void expat_end(void *state, const XML_Char *name)
{
    struct expat_run *run = state;

    (void) name;
    events_end(run->events);
}

static void expat_text(void *state, const XML_Char *text, int size)
{
    struct expat_run *run = state;

    events_text(run->events, (wws_string) { text, (size_t) size });
}

static void expat_instruction(void *state, const XML_Char *target,
    const XML_Char *data)
{
    struct expat_run *run = state;

    (void) target;
    (void) data;
    run->refused = true;
}

static void expat_doctype(void *state, const XML_Char *name,
    const XML_Char *system_id, const XML_Char *public_id, int internal)
{
    struct expat_run *run = state;

    (void) name;
    (void) system_id;
    (void) public_id;
    (void) internal;
    run->refused = true;
}

static void expat_declaration(void *state, const XML_Char *version,
    const XML_Char *encoding, int standalone)
{
    struct expat_run *run = state;

    (void) standalone;
    if (version != NULL && strcmp(version, "1.0") != 0)
        run->refused = true;
    if (encoding != NULL && strcasecmp(encoding, "UTF-8") != 0)
        run->refused = true;
}

/* Whether expat accepts the document and finds nothing in it that we refuse. */
static bool read_expat(const char *data, size_t size, struct events *events)
{
    struct expat_run run = { .events = events };
    bool accepted;

    run.parser = XML_ParserCreateNS("UTF-8", SEPARATOR);
    assert_non_null(run.parser);
    XML_SetUserData(run.parser, &run);
    XML_SetElementHandler(run.parser, expat_start, expat_end);
    XML_SetCharacterDataHandler(run.parser, expat_text);
    XML_SetProcessingInstructionHandler(run.parser, expat_instruction);
    XML_SetStartDoctypeDeclHandler(run.parser, expat_doctype);
    XML_SetXmlDeclHandler(run.parser, expat_declaration);
    accepted = XML_Parse(run.parser, data, (int) size, 1) == XML_STATUS_OK
        && !run.refused;
    XML_ParserFree(run.parser);
    events_end_text(events);
    return accepted;
}

struct libxml_run {
    struct events *events;
    bool refused;
};

static void libxml_start(void *state, const xmlChar *local,
    const xmlChar *prefix, const xmlChar *uri, int namespace_count,
    const xmlChar **namespaces, int attribute_count, int defaulted,
    const xmlChar **attributes)
{
    struct libxml_run *run = ((xmlParserCtxtPtr) state)->_private;

    (void) prefix;
    (void) namespace_count;
    (void) namespaces;
    (void) defaulted;
    events_start(run->events, string_of((const char *) uri),
        string_of((const char *) local));
    for (int i = 0; i < attribute_count; i++, attributes += 5)
        events_attribute(run->events,
            string_of((const char *) attributes[2]),
            string_of((const char *) attributes[0]),
            (wws_string) { (const char *) attributes[3],
                (size_t) (attributes[4] - attributes[3]) });
}

static void libxml_end(void *state, const xmlChar *local,
    const xmlChar *prefix, const xmlChar *uri)
{
    struct libxml_run *run = ((xmlParserCtxtPtr) state)->_private;

    (void) local;
    (void) prefix;
    (void) uri;
    events_end(run->events);
}

static void libxml_text(void *state, const xmlChar *text, int size)
{
    struct libxml_run *run = ((xmlParserCtxtPtr) state)->_private;

    events_text(run->events,
        (wws_string) { (const char *) text, (size_t) size });
}

static void libxml_instruction(void *state, const xmlChar *target,
    const xmlChar *data)
{
    struct libxml_run *run = ((xmlParserCtxtPtr) state)->_private;

    (void) target;
    (void) data;
    run->refused = true;
}

static void libxml_doctype(void *state, const xmlChar *name,
    const xmlChar *external, const xmlChar *system)
{
    struct libxml_run *run = ((xmlParserCtxtPtr) state)->_private;

    (void) name;
    (void) external;
    (void) system;
    run->refused = true;
}

/* Errors that make a document ill-formed, namespaces included; libxml2 also
 * doubts the syntax of namespace names, which is no business of a reader. */
static void libxml_error(void *state, xmlErrorPtr error)
{
    struct libxml_run *run = ((xmlParserCtxtPtr) state)->_private;

    if (error->level >= XML_ERR_ERROR && error->code != XML_WAR_NS_URI
        && error->code != XML_WAR_NS_URI_RELATIVE)
        run->refused = true;
}

static bool read_libxml(const char *data, size_t size, struct events *events)
{
    struct libxml_run run = { .events = events };
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = libxml_start,
        .endElementNs = libxml_end,
        .characters = libxml_text,
        .ignorableWhitespace = libxml_text,
        .cdataBlock = libxml_text,
        .processingInstruction = libxml_instruction,
        .internalSubset = libxml_doctype,
        .serror = libxml_error,
    };
    xmlParserCtxtPtr context;
    bool accepted;

    if (size == 0)
        return false;
    context = xmlCreateMemoryParserCtxt(data, (int) size);
    assert_non_null(context);
    *context->sax = handler;
    context->_private = &run;
    xmlCtxtUseOptions(context, XML_PARSE_NONET | XML_PARSE_HUGE
        | XML_PARSE_NOENT);
    xmlParseDocument(context);
    accepted = context->wellFormed && !run.refused;
    if (context->version != NULL
        && strcmp((const char *) context->version, "1.0") != 0)
        accepted = false;
    if (context->encoding != NULL
        && strcasecmp((const char *) context->encoding, "UTF-8") != 0)
        accepted = false;
    xmlFreeDoc(context->myDoc);
    xmlFreeParserCtxt(context);
    events_end_text(events);
    return accepted;
}

static bool same(struct events *a, struct events *b)
{
    return a->out.size == b->out.size
        && (a->out.size == 0
            || memcmp(a->out.data, b->out.data, a->out.size) == 0);
}

/* expat knows the names of the fourth edition only, which has fewer. */
static bool beyond_ascii(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((data[i] & 0x80) != 0)
            return true;
    return false;
}

static size_t accepted_count;
static size_t refused_count;

static void compare(const char *data, size_t size)
{
    struct events ours = { 0 };
    struct events expat = { 0 };
    struct events libxml = { 0 };
    wws_status status;
    bool accepted = read_ours(data, size, &ours, &status);
    bool by_expat = read_expat(data, size, &expat);
    bool by_libxml = read_libxml(data, size, &libxml);
    bool fine;

    if (accepted)
        fine = by_libxml && same(&ours, &libxml)
            && (by_expat ? same(&ours, &expat) : beyond_ascii(data, size));
    else
        fine = status == WWS_E_QUOTA_EXCEEDED || !by_expat || !by_libxml;
    if (!fine)
        print_error("ours %d %s\nexpat %d %s\nlibxml %d %s\nof:\n%.*s\n",
            accepted, events_string(&ours), by_expat, events_string(&expat),
            by_libxml, events_string(&libxml), (int) size, data);
    assert_true(fine);
    *(accepted ? &accepted_count : &refused_count) += 1;
    wwi_bytes_fini(&ours.out);
    wwi_bytes_fini(&expat.out);
    wwi_bytes_fini(&libxml.out);
}

static void reader__agrees_on_documents(void **state)
{
    (void) state;
    for (size_t i = 0; i < DOCUMENTS; i++)
        compare(documents[i], strlen(documents[i]));
    assert_true(accepted_count > 100);
    assert_true(refused_count > 100);
}

static void reader__agrees_on_documents_cut_short(void **state)
{
    (void) state;
    for (size_t i = 0; i < DOCUMENTS; i++)
        for (size_t size = 0; size < strlen(documents[i]); size++)
            compare(documents[i], size);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Changes the text in place; it may grow to twice its size. */
static size_t mutate(char *text, size_t size, uint32_t *seed)
{
    static const char marks[] = "<>&;'\"=/!?-[]:#x \t\r\nab1\xC3\xA9\xEF\xBB";
    size_t at = next_random(seed) % (size + 1);
    size_t count = next_random(seed) % 8 % (size - at + 1);
    char mark = marks[next_random(seed) % (sizeof marks - 1)];

    switch (next_random(seed) % 4) {
    case 0: /* take out */
        memmove(text + at, text + at + count, size - at - count);
        return size - count;
    case 1: /* repeat */
        memmove(text + at + count, text + at, size - at);
        return size + count;
    case 2: /* put in */
        memmove(text + at + 1, text + at, size - at);
        text[at] = mark;
        return size + 1;
    default: /* replace */
        if (at < size)
            text[at] = mark;
        return size;
    }
}

static void reader__agrees_on_mutations(void **state)
{
    uint32_t seed = 2463534242;
    char text[8192];

    (void) state;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        for (int n = 0; n < MUTATIONS; n++) {
            size_t size = strlen(documents[i]);

            assert_true(size < sizeof text / 2);
            memcpy(text, documents[i], size);
            for (uint32_t times = 1 + next_random(&seed) % 3; times > 0;
                 times--)
                size = mutate(text, size, &seed);
            compare(text, size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader__agrees_on_documents),
        cmocka_unit_test(reader__agrees_on_documents_cut_short),
        cmocka_unit_test(reader__agrees_on_mutations),
    };
    int failed;

    xmlInitParser();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    xmlCleanupParser();
    return failed;
}
