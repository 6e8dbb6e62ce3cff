/* What tests of envelopes share: both versions of SOAP, and a request. */
#ifndef TESTS_XML_ENVELOPES_H
#define TESTS_XML_ENVELOPES_H

#include "core/base/text.h"
#include "core/xml/envelope.h"
#include "tests/unit/xml/events.h"

#define S11 "http://schemas.xmlsoap.org/soap/envelope/"
#define S12 "http://www.w3.org/2003/05/soap-envelope"
#define A10 "http://www.w3.org/2005/08/addressing"
#define A09 "http://schemas.xmlsoap.org/ws/2004/08/addressing"

#define ENVELOPE_12(headers, body) \
    "<s:Envelope xmlns:s='" S12 "' xmlns:a='" A10 "'><s:Header>" headers \
    "</s:Header><s:Body>" body "</s:Body></s:Envelope>"
#define ENVELOPE_11(headers, body) \
    "<s:Envelope xmlns:s='" S11 "' xmlns:a='" A10 "'><s:Header>" headers \
    "</s:Header><s:Body>" body "</s:Body></s:Envelope>"

static const struct wwi_envelope_options soap_1_2 = {
    .version = WWS_ENVELOPE_VERSION_SOAP_1_2,
    .addressing = WWS_ADDRESSING_VERSION_1_0,
};

static const struct wwi_envelope_options soap_1_1 = {
    .version = WWS_ENVELOPE_VERSION_SOAP_1_1,
    .addressing = WWS_ADDRESSING_VERSION_1_0,
};

static const struct wwi_envelope_options plain_1_1 = {
    .version = WWS_ENVELOPE_VERSION_SOAP_1_1,
    .addressing = WWS_ADDRESSING_VERSION_TRANSPORT,
};

static const char request_1_2[] = ENVELOPE_12(
    "<a:Action s:mustUnderstand='1'> urn:calc/Add\n</a:Action>"
    "<a:MessageID>urn:uuid:1</a:MessageID>"
    "<a:ReplyTo><a:Address>" A10 "/anonymous</a:Address></a:ReplyTo>"
    "<h:Mine xmlns:h='urn:h' s:mustUnderstand='true'>x</h:Mine>"
    "<a:To s:mustUnderstand='1'>http://x/&amp;y</a:To>",
    "<Add xmlns='urn:calc'><a>1</a><b>2</b></Add>");

static inline wws_bytes octets_of(const char *text)
{
    return (wws_bytes) { text, strlen(text) };
}

static inline void assert_text(wws_string actual, const char *expected)
{
    if (!wwi_string_is(actual, expected))
        fail_msg("\"%.*s\" is not \"%s\"",
            (int) actual.size, actual.data, expected);
}

static inline void assert_xml(wws_bytes actual, const char *expected)
{
    assert_text((wws_string) { actual.data, actual.size }, expected);
}

static inline wws_status parse(
    struct wwi_envelope *envelope,
    const struct wwi_envelope_options *options,
    const char *text)
{
    return wwi_envelope_parse(envelope, options, octets_of(text), NULL);
}

static inline void assert_part(
    struct wwi_envelope *envelope,
    struct wwi_envelope_part *part,
    const char *expected)
{
    wws_bytes xml;

    assert_int_equal(wwi_envelope_xml(envelope, part, &xml), 0);
    assert_xml(xml, expected);
}

/* What a reader makes of a document or fragment, prefixes aside. */
static inline void canonical(struct events *events, wws_bytes xml, bool fragment)
{
    struct wwi_xml_reader_options options = { .fragment = fragment };
    struct wwi_xml_reader reader;

    *events = (struct events) { 0 };
    wwi_xml_reader_init(&reader, &options);
    wwi_xml_reader_whole(&reader, xml.data, xml.size);
    if (events_read(events, &reader) != WWI_XML_END_OF_DOCUMENT)
        fail_msg("%s in %.*s", reader.problem, (int) xml.size,
            (const char *) xml.data);
    wwi_xml_reader_fini(&reader);
}

static inline void assert_same_xml(wws_bytes a, wws_bytes b, bool fragment)
{
    struct events one, other;

    canonical(&one, a, fragment);
    canonical(&other, b, fragment);
    assert_string_equal(events_string(&one), events_string(&other));
    wwi_bytes_fini(&one.out);
    wwi_bytes_fini(&other.out);
}

#endif
