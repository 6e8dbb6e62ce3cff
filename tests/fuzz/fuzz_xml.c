/* The XML reader and writer on anything at all: chunks that end anywhere must
 * read as the whole does, and what was read must read the same again once the
 * writer has written it.
 *
 * The first octet of an input chooses the options and where chunks end. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/xml/writer.h"
#include "tests/unit/xml/events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

struct reading {
    struct events events;
    enum wwi_xml_token token;
    wws_status status;
    uint64_t begin;
    uint64_t row;
    uint64_t column;
};

/* With a seed, in chunks of random size that do not outlive their turn. */
static void read_all(struct reading *reading, const uint8_t *data, size_t size,
    const struct wwi_xml_reader_options *options, uint32_t seed)
{
    struct wwi_xml_reader reader;
    uint8_t *chunk = NULL;

    *reading = (struct reading) { 0 };
    wwi_xml_reader_init(&reader, options);
    if (seed == 0)
        wwi_xml_reader_whole(&reader, data, size);
    while ((reading->token = events_read(&reading->events, &reader))
        == WWI_XML_NEED_INPUT) {
        size_t next;

        demand(seed != 0, "the whole is enough");
        seed = seed * 1664525 + 1013904223;
        next = (seed >> 24) % (seed >> 20 & 8 ? 4 : 40);
        next = next < size ? next : size;
        free(chunk);
        chunk = malloc(next + 1);
        demand(chunk != NULL, "memory");
        memcpy(chunk, data, next);
        data += next;
        size -= next;
        wwi_xml_reader_feed(&reader, chunk, next);
        if (size == 0)
            wwi_xml_reader_finish(&reader);
    }
    free(chunk);
    reading->status = reader.status;
    reading->begin = reader.begin;
    if (reading->token == WWI_XML_ERROR) {
        reading->row = reader.row;
        reading->column = reader.column;
    }
    wwi_xml_reader_fini(&reader);
}

static void demand_same_events(struct reading *a, struct reading *b)
{
    demand(a->token == b->token, "same end");
    demand(a->events.out.size == b->events.out.size
            && (a->events.out.size == 0
                || memcmp(a->events.out.data, b->events.out.data,
                    a->events.out.size) == 0),
        "same events");
}

static void copy_element(struct wwi_xml_reader *reader,
    struct wwi_xml_writer *writer)
{
    wwi_xml_writer_start(writer, reader->name.prefix, reader->name.local,
        reader->name.ns);
    for (size_t i = 0; i < reader->attribute_count; i++) {
        const struct wwi_xml_attribute *attribute = &reader->attributes[i];

        wwi_xml_writer_attribute(writer, attribute->name.prefix,
            attribute->name.local, attribute->name.ns, attribute->value);
    }
}

/* Writes what a reader accepts. */
static void copy(struct wwi_bytes *out, const uint8_t *data, size_t size,
    const struct wwi_xml_reader_options *options)
{
    struct wwi_xml_writer_options write = { .fragment = options->fragment };
    struct wwi_xml_reader reader;
    struct wwi_xml_writer writer;
    enum wwi_xml_token token;

    wwi_xml_reader_init(&reader, options);
    wwi_xml_reader_whole(&reader, data, size);
    wwi_xml_writer_init(&writer, out, &write);
    while ((token = wwi_xml_reader_next(&reader)) != WWI_XML_END_OF_DOCUMENT) {
        if (token == WWI_XML_START_ELEMENT)
            copy_element(&reader, &writer);
        else if (token == WWI_XML_TEXT)
            wwi_xml_writer_text(&writer, reader.text);
        else if (token == WWI_XML_END_ELEMENT)
            wwi_xml_writer_end(&writer);
    }
    demand(wwi_xml_writer_finish(&writer) == 0, "written");
    wwi_xml_writer_fini(&writer);
    wwi_xml_reader_fini(&reader);
}

/* The writer may need more declarations, longer prefixes and escapes. */
static void round_trip(struct reading *expected, const uint8_t *data,
    size_t size, const struct wwi_xml_reader_options *options)
{
    const struct wwi_xml_reader_options wide = {
        .fragment = options->fragment,
        .limits = { .namespaces = 1 << 20, .name_size = 1 << 20,
            .value_size = 1 << 24, .tag_size = 1 << 28 },
    };
    struct wwi_bytes out = { 0 };
    struct reading again;

    copy(&out, data, size, options);
    read_all(&again, out.data != NULL ? out.data : data, out.size, &wide, 0);
    demand_same_events(&again, expected);
    wwi_bytes_fini(&again.events.out);
    wwi_bytes_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wwi_xml_limits tight = { .depth = 3, .attributes = 3,
        .namespaces = 3, .name_size = 6, .value_size = 16, .tag_size = 40 };
    struct wwi_xml_reader_options options = { 0 };
    struct reading whole;
    struct reading parts;

    if (size == 0)
        return 0;
    options.fragment = (data[0] & 1) != 0;
    if ((data[0] & 2) != 0)
        options.limits = tight;
    read_all(&whole, data + 1, size - 1, &options, 0);
    read_all(&parts, data + 1, size - 1, &options, 1 + data[0]);
    demand_same_events(&whole, &parts);
    demand(whole.status == parts.status, "same status");
    demand(whole.begin == parts.begin, "same offset");
    demand(whole.row == parts.row && whole.column == parts.column,
        "same place");
    if (whole.token == WWI_XML_END_OF_DOCUMENT)
        round_trip(&whole, data + 1, size - 1, &options);
    wwi_bytes_fini(&whole.events.out);
    wwi_bytes_fini(&parts.events.out);
    demand(wwi_memory_live() == 0, "nothing leaked");
    return 0;
}
