/* Envelopes of any octets: what can be read can be written again, and is then
 * read as the same; every part that is given out stands for itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/xml/blocks.h"
#include "core/xml/envelope.h"

static void check(bool good)
{
    if (!good)
        abort();
}

static void put_string(struct wwi_bytes *out, wws_string text)
{
    wwi_bytes_append_number(out, text.size);
    wwi_bytes_append_char(out, ':');
    wwi_bytes_append_string(out, text);
}

/* All that a reader says of a fragment, prefixes aside. */
static void put_events(struct wwi_bytes *out, wws_bytes xml)
{
    struct wwi_xml_reader_options options = { .fragment = true };
    struct wwi_xml_reader reader;
    enum wwi_xml_token token;

    wwi_xml_reader_init(&reader, &options);
    wwi_xml_reader_whole(&reader, xml.data, xml.size);
    while ((token = wwi_xml_reader_next(&reader)) != WWI_XML_END_OF_DOCUMENT) {
        check(token != WWI_XML_ERROR);
        wwi_bytes_append_char(out, (char) ('0' + token));
        if (token == WWI_XML_TEXT) {
            put_string(out, reader.text);
            continue;
        }
        put_string(out, reader.name.ns);
        put_string(out, reader.name.local);
        if (token == WWI_XML_END_ELEMENT)
            continue;
        for (size_t i = 0; i < reader.attribute_count; i++) {
            put_string(out, reader.attributes[i].name.ns);
            put_string(out, reader.attributes[i].name.local);
            put_string(out, reader.attributes[i].value);
        }
    }
    wwi_xml_reader_fini(&reader);
}

static wws_bytes xml_of(
    struct wwi_envelope *envelope,
    struct wwi_envelope_part *part)
{
    wws_bytes xml;

    check(wwi_envelope_xml(envelope, part, &xml) == 0);
    return xml;
}

static void put_pairs(
    struct wwi_bytes *out,
    const wws_string *first,
    const wws_string *second,
    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put_string(out, first[i]);
        put_string(out, second[i]);
    }
}

static void put_fault(struct wwi_bytes *out, const wws_fault_info *fault)
{
    check(fault->outer_subcode_namespaces_count
        == fault->outer_subcode_names_count);
    check(fault->further_reasons_count == fault->further_languages_count);
    wwi_bytes_append_number(out, fault->code);
    put_string(out, fault->subcode_namespace);
    put_string(out, fault->subcode_name);
    put_string(out, fault->reason);
    put_string(out, fault->language);
    put_string(out, fault->actor);
    put_string(out, fault->node);
    put_string(out, fault->action);
    put_events(out, fault->detail);
    put_events(out, fault->headers);
    put_pairs(out, fault->outer_subcode_namespaces,
        fault->outer_subcode_names, fault->outer_subcode_names_count);
    put_pairs(out, fault->further_reasons, fault->further_languages,
        fault->further_reasons_count);
}

/* All that an envelope says, so that two can be compared. */
static void put_envelope(
    struct wwi_bytes *out,
    struct wwi_envelope *envelope,
    struct wwi_bytes *blocks)
{
    for (int i = 0; i < WWI_STANDARD_HEADERS; i++) {
        wwi_bytes_append_char(
            out, envelope->standard[i].data != NULL ? '+' : '-');
        put_string(out, envelope->standard[i]);
    }
    for (uint32_t i = 0; i < envelope->header_count; i++) {
        struct wwi_envelope_header *header = &envelope->headers[i];
        wws_bytes xml;

        if (header->standard)
            continue;
        xml = xml_of(envelope, &header->part);
        put_string(out, header->local);
        put_string(out, header->ns);
        wwi_bytes_append_char(out, header->must_understand ? '1' : '0');
        wwi_bytes_append_char(out, header->relay ? '1' : '0');
        put_string(out, header->role);
        put_events(out, xml);
        wwi_bytes_append(blocks, xml.data, xml.size);
    }
    put_events(out, xml_of(envelope, &envelope->body));
    wwi_bytes_append_char(out, envelope->is_fault ? 'f' : '-');
    put_fault(out, &envelope->fault);
}

/* Every header block can be handed in again as an application's own. */
static void add_blocks(struct wwi_envelope *envelope)
{
    struct wwi_block_options options = {
        .version = envelope->version,
        .addressing = envelope->addressing,
        .flags = WWI_BLOCK_RECEIVED | WWI_BLOCK_REFERENCE_PARAMETER,
    };
    struct wwi_blocks blocks = { 0 };

    for (uint32_t i = 0; i < envelope->header_count; i++)
        check(envelope->headers[i].standard || wwi_blocks_add(&blocks,
            xml_of(envelope, &envelope->headers[i].part), &options, NULL)
            == 0);
    wwi_blocks_fini(&blocks);
}

static void try_again(
    struct wwi_envelope *envelope,
    const struct wwi_envelope_options *options)
{
    struct wwi_envelope_content content = {
        .version = options->version, .addressing = options->addressing };
    struct wwi_bytes blocks = { 0 }, more = { 0 }, out = { 0 };
    struct wwi_bytes before = { 0 }, after = { 0 };
    struct wwi_envelope again = { 0 };

    add_blocks(envelope);
    put_envelope(&before, envelope, &blocks);
    memcpy(content.standard, envelope->standard, sizeof content.standard);
    content.blocks = (wws_bytes) { blocks.data, blocks.size };
    content.body = xml_of(envelope, &envelope->body);
    check(wwi_envelope_write(&content, &out) == 0);
    check(wwi_envelope_parse(&again, options,
        (wws_bytes) { out.data, out.size }, NULL) == 0);
    put_envelope(&after, &again, &more);
    check(before.size == after.size
        && memcmp(before.data, after.data, before.size) == 0);
    wwi_envelope_fini(&again);
    wwi_bytes_fini(&blocks);
    wwi_bytes_fini(&more);
    wwi_bytes_fini(&out);
    wwi_bytes_fini(&before);
    wwi_bytes_fini(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wws_bytes octets = { data, size };
    struct wwi_envelope_options options = { 0 };
    struct wwi_envelope envelope = { 0 };

    for (wws_addressing_version addressing = 0; addressing < 3;
        addressing++) {
        wws_status status;

        options.addressing = addressing;
        status = wwi_envelope_parse(&envelope, &options, octets, NULL);
        if (envelope.problem == WWI_ENVELOPE_OTHER_VERSION) {
            options.version = envelope.version;
            status = wwi_envelope_parse(&envelope, &options, octets, NULL);
            check(envelope.problem != WWI_ENVELOPE_OTHER_VERSION);
        }
        check((status < 0) == (envelope.problem != WWI_ENVELOPE_FINE));
        if (status >= 0)
            try_again(&envelope, &options);
    }
    wwi_envelope_fini(&envelope);
    return 0;
}
