/* Header blocks and bodies that an application hands in.  All are read once
 * with the reader, so that nothing comes into an envelope that is not
 * well-formed or leans on declarations that are not there. */
#include "core/xml/blocks.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/xml/addressing.h"
#include "core/xml/envelope_parser.h"

enum {
    KEEP_SIZE = 4096,
    /* Elements of the envelope around a block, a body, a detail. */
    DEPTH = 32,
    AROUND_BLOCK = 2,
    AROUND_DETAIL = 4,
};

/* An attribute that we put on a block. */
struct mark {
    const char *prefix;
    wws_string ns;
    wws_string local;
    const char *value;
    bool wanted;
};

/* Where a block stands in the octets handed in. */
struct place {
    size_t begin;
    size_t name_end;
    size_t end;
};

void wwi_blocks_fini(struct wwi_blocks *blocks)
{
    wwi_bytes_fini(&blocks->xml);
    wwi_bytes_fini(&blocks->names);
    wwi_free(blocks->list);
    *blocks = (struct wwi_blocks) { 0 };
}

void wwi_blocks_reset(struct wwi_blocks *blocks)
{
    wwi_bytes_reset(&blocks->xml, KEEP_SIZE);
    wwi_bytes_reset(&blocks->names, KEEP_SIZE);
    blocks->count = 0;
}

static wws_status refuse(
    const struct wwi_xml_reader *reader,
    struct wwi_error *error)
{
    return wwi_fail(error, reader->status, "line %llu, column %llu: %s",
        (unsigned long long) reader->row + 1,
        (unsigned long long) reader->column + 1, reader->problem);
}

/* Whether the element itself gives the prefix a meaning. */
static bool declares(
    const struct wwi_xml_reader *reader,
    wws_string prefix,
    wws_string *uri)
{
    struct wwi_xml_namespace found;
    size_t index = 0;

    while (wwi_xml_reader_namespace(reader, &index, &found))
        if (found.here && wwi_string_equal(found.prefix, prefix)) {
            *uri = found.uri;
            return true;
        }
    return false;
}

/* Appends the attribute under a prefix that is not taken for something else. */
static void append_mark(
    struct wwi_bytes *out,
    const struct wwi_xml_reader *reader,
    const struct mark *mark)
{
    char prefix[16];
    bool declared;
    wws_string uri;

    snprintf(prefix, sizeof prefix, "%s", mark->prefix);
    for (int i = 1; (declared = declares(reader, wwi_string(prefix), &uri))
        && !wwi_string_equal(uri, mark->ns); i++)
        snprintf(prefix, sizeof prefix, "%s%d", mark->prefix, i);
    if (!declared) {
        wwi_bytes_append_text(out, " xmlns:");
        wwi_bytes_append_text(out, prefix);
        wwi_bytes_append_text(out, "=\"");
        wwi_bytes_append_string(out, mark->ns);
        wwi_bytes_append_text(out, "\"");
    }
    wwi_bytes_append_text(out, " ");
    wwi_bytes_append_text(out, prefix);
    wwi_bytes_append_text(out, ":");
    wwi_bytes_append_string(out, mark->local);
    wwi_bytes_append_text(out, "=\"");
    wwi_bytes_append_text(out, mark->value);
    wwi_bytes_append_text(out, "\"");
}

static const struct wwi_xml_attribute *find_attribute(
    const struct wwi_xml_reader *reader,
    const struct mark *mark)
{
    for (size_t i = 0; i < reader->attribute_count; i++)
        if (wwi_xml_name_is(
            &reader->attributes[i].name, mark->ns, mark->local))
            return &reader->attributes[i];
    return NULL;
}

/* What the element says itself about having to be understood. */
static wws_status check_must_understand(
    const struct wwi_xml_reader *reader,
    struct mark *mark,
    bool *must_understand,
    struct wwi_error *error)
{
    const struct wwi_xml_attribute *attribute = find_attribute(reader, mark);
    wws_string value;
    bool yes;

    *must_understand = mark->wanted;
    if (attribute == NULL)
        return WWS_S_OK;
    value = wwi_envelope_trim(attribute->value);
    yes = wwi_string_is(value, "1") || wwi_string_is(value, "true");
    if (!yes && !wwi_string_is(value, "0") && !wwi_string_is(value, "false"))
        return wwi_fail_static(error, WWS_E_INVALID_FORMAT,
            "the header's mustUnderstand is neither 0 nor 1");
    if (!yes && mark->wanted)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "the header says that it need not be understood");
    *must_understand = yes;
    mark->wanted = false;
    return WWS_S_OK;
}

static wws_status check_name(
    const struct wwi_xml_reader *reader,
    const struct wwi_block_options *options,
    struct wwi_error *error)
{
    const struct wwi_xml_name *name = &reader->name;
    wws_string addressing = wwi_addressing_namespace(options->addressing);

    if (name->ns.size == 0)
        return wwi_fail_static(error, WWS_E_INVALID_FORMAT,
            "the header is in no namespace");
    if (options->flags & WWI_BLOCK_RECEIVED
        || !wwi_string_equal(name->ns, addressing))
        return WWS_S_OK;
    for (wws_header header = 0; header < WWI_STANDARD_HEADERS; header++)
        if (wwi_string_equal(name->local, wwi_addressing_name(header)))
            return wwi_fail(error, WWS_E_INVALIDARG,
                "%s is a standard header", wwi_addressing_name(header).data);
    return WWS_S_OK;
}

static size_t append_name(struct wwi_bytes *names, wws_string name)
{
    size_t at = names->size;

    wwi_bytes_append_string(names, name);
    return at;
}

/* What SOAP itself says on it, besides mustUnderstand. */
static void read_attributes(
    const struct wwi_xml_reader *reader,
    struct wwi_blocks *blocks,
    wws_envelope_version version,
    struct wwi_block *block)
{
    wws_string ns = wwi_envelope_namespace(version);
    const struct mark role = {
        .ns = ns, .local = wwi_envelope_role_name(version) };
    const struct mark relay = { .ns = ns, .local = WWS_STR("relay") };
    const struct wwi_xml_attribute *found = find_attribute(reader, &role);

    block->role = blocks->names.size;
    block->role_size = 0;
    if (found != NULL) {
        wws_string value = wwi_envelope_trim(found->value);

        block->role = append_name(&blocks->names, value);
        block->role_size = value.size;
    }
    found = find_attribute(reader, &relay);
    block->relay = found != NULL && wwi_envelope_relays(version, found->value);
}

/* At the start of the element: looks at it, and prepares what is put on it. */
static wws_status begin_block(
    const struct wwi_xml_reader *reader,
    struct wwi_blocks *blocks,
    const struct wwi_block_options *options,
    struct wwi_block *block,
    struct wwi_bytes *marks,
    struct wwi_error *error)
{
    const struct wwi_xml_name *name = &reader->name;
    struct mark must = { "s", wwi_envelope_namespace(options->version),
        WWS_STR("mustUnderstand"), "1",
        (options->flags & WWI_BLOCK_MUST_UNDERSTAND) != 0 };
    struct mark parameter = { "a",
        wwi_addressing_namespace(WWS_ADDRESSING_VERSION_1_0),
        WWS_STR("IsReferenceParameter"), "true",
        (options->flags & WWI_BLOCK_REFERENCE_PARAMETER) != 0
            && options->addressing == WWS_ADDRESSING_VERSION_1_0 };
    wws_status status = check_name(reader, options, error);

    if (status >= 0)
        status = check_must_understand(
            reader, &must, &block->must_understand, error);
    if (status < 0)
        return status;
    if (must.wanted)
        append_mark(marks, reader, &must);
    if (parameter.wanted && find_attribute(reader, &parameter) == NULL)
        append_mark(marks, reader, &parameter);
    block->local = append_name(&blocks->names, name->local);
    block->local_size = name->local.size;
    block->ns = append_name(&blocks->names, name->ns);
    block->ns_size = name->ns.size;
    read_attributes(reader, blocks, options->version, block);
    return WWS_S_OK;
}

static bool make_room(struct wwi_blocks *blocks)
{
    uint32_t room = blocks->room * 2 + 4;
    void *more;

    if (blocks->count < blocks->room)
        return true;
    more = wwi_realloc(blocks->list, room * sizeof *blocks->list);
    if (more == NULL)
        return false;
    blocks->list = more;
    blocks->room = room;
    return true;
}

static wws_status append_block(
    struct wwi_blocks *blocks,
    const char *octets,
    const struct place *place,
    const struct wwi_bytes *marks,
    struct wwi_block *block)
{
    struct wwi_bytes *xml = &blocks->xml;

    block->begin = xml->size;
    wwi_bytes_append(xml, octets + place->begin,
        place->name_end - place->begin);
    wwi_bytes_append(xml, marks->data, marks->size);
    wwi_bytes_append(xml, octets + place->name_end,
        place->end - place->name_end);
    block->size = xml->size - block->begin;
    if (xml->failed || marks->failed || blocks->names.failed
        || !make_room(blocks))
        return WWS_E_OUTOFMEMORY;
    blocks->list[blocks->count++] = *block;
    return WWS_S_OK;
}

/* The element at hand, while it is read. */
struct reading {
    struct wwi_block block;
    struct place place;
    struct wwi_bytes marks;
};

/* A token of the outermost depth: an element begins there, or ends. */
static wws_status read_edge(
    const struct wwi_xml_reader *reader,
    enum wwi_xml_token token,
    struct wwi_blocks *blocks,
    const char *octets,
    const struct wwi_block_options *options,
    struct reading *reading,
    struct wwi_error *error)
{
    struct place *place = &reading->place;

    place->end = (size_t) reader->end;
    if (token == WWI_XML_END_ELEMENT)
        return append_block(
            blocks, octets, place, &reading->marks, &reading->block);
    place->begin = (size_t) reader->begin;
    place->name_end = place->begin + 1 + reader->name.local.size;
    if (reader->name.prefix.size != 0)
        place->name_end += reader->name.prefix.size + 1;
    wwi_bytes_reset(&reading->marks, 0);
    return begin_block(
        reader, blocks, options, &reading->block, &reading->marks, error);
}

static wws_status read_blocks(
    struct wwi_xml_reader *reader,
    struct wwi_blocks *blocks,
    const char *octets,
    const struct wwi_block_options *options,
    struct reading *reading,
    struct wwi_error *error)
{
    wws_status status = WWS_S_OK;
    enum wwi_xml_token token;

    while (status >= 0
        && (token = wwi_xml_reader_next(reader)) != WWI_XML_END_OF_DOCUMENT) {
        if (token == WWI_XML_ERROR)
            return refuse(reader, error);
        if (token == WWI_XML_TEXT) {
            if (reader->depth == 0 && !wwi_envelope_is_space(reader->text))
                return wwi_fail_static(error, WWS_E_INVALID_FORMAT,
                    "text where only elements may be");
        } else if (reader->depth == 1)
            status = read_edge(
                reader, token, blocks, octets, options, reading, error);
    }
    return status;
}

wws_status wwi_blocks_add(
    struct wwi_blocks *blocks,
    wws_bytes elements,
    const struct wwi_block_options *options,
    struct wwi_error *error)
{
    struct wwi_xml_reader_options reader_options = {
        .limits = { .depth = DEPTH - AROUND_BLOCK },
        .fragment = (options->flags & WWI_BLOCK_SEVERAL) != 0,
    };
    struct wwi_xml_reader reader;
    size_t xml_size = blocks->xml.size;
    size_t names_size = blocks->names.size;
    uint32_t count = blocks->count;
    struct reading reading = { 0 };
    wws_status status;

    wwi_xml_reader_init(&reader, &reader_options);
    wwi_xml_reader_whole(&reader, elements.data, elements.size);
    status = read_blocks(
        &reader, blocks, elements.data, options, &reading, error);
    if (status < 0) {
        blocks->xml.size = xml_size;
        blocks->names.size = names_size;
        blocks->count = count;
        blocks->xml.failed = blocks->names.failed = false;
    }
    wwi_bytes_fini(&reading.marks);
    wwi_xml_reader_fini(&reader);
    return status;
}

wws_status wwi_check_blocks(
    wws_bytes elements,
    const struct wwi_block_options *options,
    struct wwi_error *error)
{
    struct wwi_blocks blocks = { 0 };
    wws_status status = wwi_blocks_add(&blocks, elements, options, error);

    wwi_blocks_fini(&blocks);
    return status;
}

static bool has_name(
    const struct wwi_blocks *blocks,
    const struct wwi_block *block,
    wws_string local,
    wws_string ns)
{
    const char *names = (const char *) blocks->names.data;
    wws_string its_local = { names + block->local, block->local_size };
    wws_string its_ns = { names + block->ns, block->ns_size };

    return wwi_string_equal(its_local, local) && wwi_string_equal(its_ns, ns);
}

const struct wwi_block *wwi_blocks_find(
    const struct wwi_blocks *blocks,
    wws_string local,
    wws_string ns,
    uint32_t *index)
{
    for (uint32_t i = 0; i < blocks->count; i++)
        if (has_name(blocks, &blocks->list[i], local, ns)
            && (*index)-- == 0)
            return &blocks->list[i];
    return NULL;
}

wws_string wwi_blocks_role(
    const struct wwi_blocks *blocks,
    const struct wwi_block *block)
{
    const char *names = (const char *) blocks->names.data;

    return (wws_string) { names + block->role, block->role_size };
}

wws_bytes wwi_blocks_xml(
    const struct wwi_blocks *blocks,
    const struct wwi_block *block)
{
    return (wws_bytes) { blocks->xml.data + block->begin, block->size };
}

static void remove_block(struct wwi_blocks *blocks, uint32_t index)
{
    struct wwi_block *list = blocks->list;
    size_t begin = list[index].begin;
    size_t size = list[index].size;
    uint8_t *at = blocks->xml.data + begin;

    blocks->xml.size -= size;
    memmove(at, at + size, blocks->xml.size - begin);
    blocks->count--;
    for (uint32_t i = index; i < blocks->count; i++) {
        list[i] = list[i + 1];
        list[i].begin -= size;
    }
}

void wwi_blocks_cut(struct wwi_blocks *blocks, uint32_t count)
{
    while (blocks->count > count)
        remove_block(blocks, blocks->count - 1);
}

bool wwi_blocks_remove(
    struct wwi_blocks *blocks,
    wws_string local,
    wws_string ns)
{
    bool found = false;

    for (uint32_t i = blocks->count; i-- > 0;)
        if (has_name(blocks, &blocks->list[i], local, ns)) {
            remove_block(blocks, i);
            found = true;
        }
    return found;
}

wws_status wwi_check_content(
    wws_bytes content,
    bool text,
    struct wwi_error *error)
{
    struct wwi_xml_reader_options options = {
        .limits = { .depth = DEPTH - (text ? AROUND_DETAIL : AROUND_BLOCK) },
        .fragment = true,
    };
    struct wwi_xml_reader reader;
    enum wwi_xml_token token;
    wws_status status = WWS_S_OK;

    wwi_xml_reader_init(&reader, &options);
    wwi_xml_reader_whole(&reader, content.data, content.size);
    while (status >= 0
        && (token = wwi_xml_reader_next(&reader)) != WWI_XML_END_OF_DOCUMENT) {
        if (token == WWI_XML_ERROR)
            status = refuse(&reader, error);
        else if (token == WWI_XML_TEXT && reader.depth == 0 && !text
            && !wwi_envelope_is_space(reader.text))
            status = wwi_fail_static(error, WWS_E_INVALID_FORMAT,
                "text where only elements may be");
    }
    wwi_xml_reader_fini(&reader);
    return status;
}
