/* What a finder looks at is the shape: an envelope of whatever version, its
 * header, and in there the elements of the first level. */
#include "core/xml/finder.h"

#include <string.h>

#include "core/base/text.h"
#include "core/xml/addressing.h"
#include "core/xml/envelope_parser.h"

enum { KEEP_SIZE = 4096 };

/* Sizes need no limit, for the envelope has one.  What is compared with each
 * other, or takes more memory than octets, does. */
static const struct wwi_xml_reader_options wide = {
    .limits = {
        .depth = 1024,
        .attributes = 1024,
        .namespaces = 512,
        .name_size = UINT32_MAX,
        .value_size = UINT32_MAX,
        .tag_size = UINT32_MAX,
    },
};

enum step { ON, AT, NONE, UNREADABLE };

void wwi_finder_init(struct wwi_finder *finder)
{
    wwi_xml_reader_init(&finder->reader, &wide);
    finder->text = (struct wwi_bytes) { 0 };
}

void wwi_finder_fini(struct wwi_finder *finder)
{
    wwi_xml_reader_fini(&finder->reader);
    wwi_bytes_fini(&finder->text);
}

static bool is_soap(const struct wwi_xml_reader *reader, const char *local)
{
    return wwi_string_is(reader->name.local, local)
        && (wwi_string_equal(reader->name.ns,
            wwi_envelope_namespace(WWS_ENVELOPE_VERSION_SOAP_1_1))
        || wwi_string_equal(reader->name.ns,
            wwi_envelope_namespace(WWS_ENVELOPE_VERSION_SOAP_1_2)));
}

static bool ends_with(wws_string text, const char *end)
{
    wws_string tail = wwi_string(end);

    return text.size >= tail.size
        && memcmp(text.data + text.size - tail.size, end, tail.size) == 0;
}

/* Whether a RelatesTo names a request.  That the type is of the right version
 * is for the one who reads the reply to see. */
static bool is_reply_relation(const struct wwi_xml_reader *reader)
{
    for (size_t i = 0; i < reader->attribute_count; i++) {
        const struct wwi_xml_attribute *attribute = &reader->attributes[i];

        if (wwi_string_is(attribute->name.local, "RelationshipType")
            && attribute->name.ns.size == 0)
            return ends_with(attribute->value, "/reply")
                || ends_with(attribute->value, ":Reply");
    }
    return true;
}

static enum step at_element(
    const struct wwi_xml_reader *reader,
    wws_string ns,
    wws_header header)
{
    switch (reader->depth) {
    case 1:
        return is_soap(reader, "Envelope") ? ON : UNREADABLE;
    case 2:
        return is_soap(reader, "Header") ? ON : NONE;
    case 3:
        return wwi_xml_name_is(&reader->name, ns, wwi_addressing_name(header))
            && (header != WWS_HEADER_RELATES_TO || is_reply_relation(reader))
            ? AT : ON;
    default:
        return ON;
    }
}

static enum step next(
    struct wwi_xml_reader *reader,
    wws_string ns,
    wws_header header)
{
    switch (wwi_xml_reader_next(reader)) {
    case WWI_XML_START_ELEMENT:
        return at_element(reader, ns, header);
    case WWI_XML_ERROR:
        return UNREADABLE;
    case WWI_XML_END_OF_DOCUMENT:
        return NONE;
    default:
        return ON;
    }
}

/* Up to the end of the header that is open; false if it cannot be read. */
static bool read_text(struct wwi_finder *finder)
{
    struct wwi_xml_reader *reader = &finder->reader;

    for (;;) {
        switch (wwi_xml_reader_next(reader)) {
        case WWI_XML_TEXT:
            wwi_bytes_append_string(&finder->text, reader->text);
            break;
        case WWI_XML_END_ELEMENT:
            if (reader->depth == 3)
                return true;
            break;
        case WWI_XML_START_ELEMENT:
            break;
        default:
            return false;
        }
    }
}

static wws_status failure_of(const struct wwi_finder *finder)
{
    const struct wwi_xml_reader *reader = &finder->reader;

    return reader->problem != NULL ? reader->status : WWS_E_INVALID_FORMAT;
}

wws_status wwi_finder_find(
    struct wwi_finder *finder,
    wws_bytes octets,
    wws_addressing_version addressing,
    wws_header header,
    wws_string *text)
{
    wws_string ns = wwi_addressing_namespace(addressing);
    enum step step = ON;

    wwi_xml_reader_reset(&finder->reader, KEEP_SIZE);
    wwi_bytes_reset(&finder->text, KEEP_SIZE);
    wwi_xml_reader_whole(&finder->reader, octets.data, octets.size);
    while (step == ON)
        step = next(&finder->reader, ns, header);
    if (step == UNREADABLE || (step == AT && !read_text(finder)))
        return failure_of(finder);
    if (finder->text.failed)
        return WWS_E_OUTOFMEMORY;
    *text = wwi_envelope_trim((wws_string) {
        (const char *) finder->text.data, finder->text.size });
    return WWS_S_OK;
}
