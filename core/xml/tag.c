/* Tags: first taken apart as they are written, then, when all of a tag is
 * there, its names are resolved and its values decoded.
 *
 * Before that nothing of the reader but `raws` may change: a tag that is cut
 * off is read once more from its start. */
#include "core/xml/parser.h"

/* An attribute or a declaration of a namespace, as it is written. */
struct wwi_xml_raw {
    wws_string name;
    size_t prefix_size;
    wws_string value;
    bool plain; /* nothing to decode in the value */
};

/* Appends a value, normalised, to `decoded`, where there is room: decoding
 * never makes it longer.  Returns where a bad reference stands, else null. */
static const uint8_t *decode(struct wwi_bytes *decoded, wws_string value)
{
    const uint8_t *p = (const uint8_t *) value.data;
    const uint8_t *limit = p + value.size;
    uint8_t *to = decoded->data + decoded->size;

    while (p < limit) {
        if (*p == '&') {
            char character[4];
            size_t size;
            const uint8_t *next = wwi_xml_read_reference(p, limit, character,
                &size);

            if (next == NULL || next == p)
                return p;
            memcpy(to, character, size);
            to += size;
            p = next;
        } else if (wwi_xml_is(*p, WWI_XML_SPACE)) {
            p += p[0] == '\r' && p + 1 < limit && p[1] == '\n' ? 2 : 1;
            *to++ = ' ';
        } else {
            *to++ = *p++;
        }
    }
    decoded->size = (size_t) (to - decoded->data);
    return NULL;
}

/* Why the tag cannot go on at p, which may be where the window ends. */
static int bad_tag(
    struct wwi_xml_reader *reader,
    const uint8_t *p,
    const uint8_t *limit,
    const char *problem)
{
    if (p < limit)
        return wwi_xml_fail(reader, p, problem);
    if ((size_t) (limit - reader->at) == reader->options.limits.tag_size)
        return wwi_xml_over_limit(reader, reader->at, "a tag is too long");
    return wwi_xml_cut_off(reader, "the input ends inside a tag");
}

/* Where the tag must end, at the latest. */
static const uint8_t *tag_limit(const struct wwi_xml_reader *reader)
{
    size_t size = (size_t) (reader->limit - reader->at);
    size_t most = reader->options.limits.tag_size;

    return reader->at + (size < most ? size : most);
}

/* Reads a name, with or without a prefix, at *p.  AGAIN, or why not. */
static int read_name(
    struct wwi_xml_reader *reader,
    const uint8_t **p,
    const uint8_t *limit,
    wws_string *name,
    size_t *prefix_size)
{
    const uint8_t *begin = *p;
    const uint8_t *end = wwi_xml_skip_name(begin, limit);
    const uint8_t *local = begin;

    *prefix_size = 0;
    if (end > begin && end < limit && *end == ':') {
        *prefix_size = (size_t) (end - begin);
        local = end + 1;
        end = wwi_xml_skip_name(local, limit);
    }
    if (end == local || end == limit)
        return bad_tag(reader, end, limit, "a name was expected");
    if ((size_t) (end - begin) > reader->options.limits.name_size)
        return wwi_xml_over_limit(reader, begin, "a name is too long");
    *name = wwi_xml_between(begin, end);
    *p = end;
    return AGAIN;
}

/* Reads a value in quotes at *p.  AGAIN, or why not. */
static int read_value(
    struct wwi_xml_reader *reader,
    const uint8_t **p,
    const uint8_t *limit,
    struct wwi_xml_raw *raw)
{
    const uint8_t *begin = *p + 1;
    const uint8_t *at = begin;
    uint8_t quote;

    if (*p == limit || (**p != '"' && **p != '\''))
        return bad_tag(reader, *p, limit, "a quoted value was expected");
    quote = **p;
    raw->plain = true;
    for (;; at++) {
        uint32_t character;
        int size;

        at = wwi_xml_skip(at, limit, WWI_XML_VALUE);
        if ((size_t) (at - begin) > reader->options.limits.value_size)
            return wwi_xml_over_limit(reader, begin,
                "an attribute is too long");
        if (at == limit || *at == '<')
            return bad_tag(reader, at, limit, "`<` in an attribute");
        if (*at == quote)
            break;
        if (*at == '&' || wwi_xml_is(*at, WWI_XML_SPACE))
            raw->plain = false;
        size = wwi_xml_character(at, limit, &character);
        if (size <= 0)
            return bad_tag(reader, size == 0 ? limit : at, limit,
                "not UTF-8, or a character that XML forbids");
        at += size - 1;
    }
    raw->value = wwi_xml_between(begin, at);
    *p = at + 1;
    return AGAIN;
}


/* Reads one attribute, or declaration, behind the space before it. */
static int read_attribute(
    struct wwi_xml_reader *reader,
    const uint8_t **p,
    const uint8_t *limit)
{
    struct wwi_xml_raw raw;
    int result = read_name(reader, p, limit, &raw.name, &raw.prefix_size);

    if (result != AGAIN)
        return result;
    *p = wwi_xml_skip(*p, limit, WWI_XML_SPACE);
    if (*p == limit || **p != '=')
        return bad_tag(reader, *p, limit, "`=` was expected");
    *p = wwi_xml_skip(*p + 1, limit, WWI_XML_SPACE);
    result = read_value(reader, p, limit, &raw);
    if (result != AGAIN)
        return result;
    wwi_bytes_append(&reader->raws, &raw, sizeof raw);
    return reader->raws.failed ? wwi_xml_no_memory(reader) : AGAIN;
}

static size_t raw_count(const struct wwi_xml_reader *reader)
{
    return reader->raws.size / sizeof(struct wwi_xml_raw);
}

static const struct wwi_xml_raw *raw_at(
    const struct wwi_xml_reader *reader,
    size_t index)
{
    return (const struct wwi_xml_raw *) (const void *) reader->raws.data
        + index;
}

static bool is_declaration(const struct wwi_xml_raw *raw)
{
    size_t size = raw->prefix_size != 0 ? raw->prefix_size : raw->name.size;

    return size == 5 && memcmp(raw->name.data, "xmlns", 5) == 0;
}

/* The part of the name behind the prefix. */
static wws_string local_of(const struct wwi_xml_raw *raw)
{
    size_t skipped = raw->prefix_size == 0 ? 0 : raw->prefix_size + 1;

    return (wws_string) { raw->name.data + skipped, raw->name.size - skipped };
}

static const uint8_t *place_of(const struct wwi_xml_raw *raw)
{
    return (const uint8_t *) raw->name.data;
}

/* Room for all values that must be decoded, so that views stay in place. */
static bool reserve_decoded(struct wwi_xml_reader *reader)
{
    size_t size = 0;

    reader->decoded.size = 0;
    for (size_t i = 0; i < raw_count(reader); i++)
        if (!raw_at(reader, i)->plain)
            size += raw_at(reader, i)->value.size;
    return size == 0 || wwi_bytes_reserve(&reader->decoded, size) != NULL;
}

static int decode_value(
    struct wwi_xml_reader *reader,
    const struct wwi_xml_raw *raw,
    wws_string *value)
{
    size_t begin = reader->decoded.size;
    const uint8_t *bad;

    *value = raw->value;
    if (raw->plain)
        return AGAIN;
    bad = decode(&reader->decoded, raw->value);
    if (bad != NULL)
        return wwi_xml_fail(reader, bad, "not a reference to a character");
    value->data = (const char *) reader->decoded.data + begin;
    value->size = reader->decoded.size - begin;
    return AGAIN;
}

/* What Namespaces in XML 1.0 says against a declaration; null if nothing. */
static const char *bad_declaration(wws_string prefix, wws_string uri)
{
    bool xml = wwi_xml_equal(prefix, WWS_STR("xml"));

    if (wwi_xml_equal(prefix, WWS_STR("xmlns")))
        return "the prefix xmlns cannot be declared";
    if (xml != wwi_xml_equal(uri, WWS_STR(WWI_XML_NAMESPACE)))
        return "the prefix xml and its namespace belong together";
    if (wwi_xml_equal(uri, WWS_STR(WWI_XMLNS_NAMESPACE)))
        return "the namespace of xmlns cannot be declared";
    if (prefix.size != 0 && uri.size == 0)
        return "a prefix cannot be declared empty";
    return NULL;
}

static int declare(
    struct wwi_xml_reader *reader,
    const struct wwi_xml_raw *raw)
{
    wws_string prefix = { "", 0 };
    const char *problem;
    wws_string uri;
    int result = decode_value(reader, raw, &uri);

    if (result != AGAIN)
        return result;
    if (raw->prefix_size != 0)
        prefix = local_of(raw);
    problem = bad_declaration(prefix, uri);
    if (problem == NULL && wwi_xml_scope_declares(&reader->scope, prefix))
        problem = "a prefix is declared twice";
    if (problem != NULL)
        return wwi_xml_fail(reader, place_of(raw), problem);
    if (reader->scope.count >= reader->options.limits.namespaces)
        return wwi_xml_over_limit(reader, place_of(raw), "too many namespaces");
    return wwi_xml_scope_declare(&reader->scope, prefix, uri) ? AGAIN
        : wwi_xml_no_memory(reader);
}

/* Takes a name apart.  Without a prefix, an attribute is in no namespace. */
static int resolve(
    struct wwi_xml_reader *reader,
    const struct wwi_xml_raw *raw,
    bool is_element,
    struct wwi_xml_name *name)
{
    name->prefix = (wws_string) { raw->name.data, raw->prefix_size };
    name->local = local_of(raw);
    name->ns = WWS_STR("");
    if ((raw->prefix_size != 0 || is_element)
        && !wwi_xml_scope_find(&reader->scope, name->prefix, &name->ns))
        return wwi_xml_fail(reader, place_of(raw), "a prefix is not declared");
    return AGAIN;
}

static bool is_duplicate(
    const struct wwi_xml_reader *reader,
    const struct wwi_xml_name *name)
{
    for (size_t i = 0; i < reader->attribute_count; i++)
        if (wwi_xml_name_is(&reader->attributes[i].name, name->ns,
                name->local))
            return true;
    return false;
}

static int add_attribute(
    struct wwi_xml_reader *reader,
    const struct wwi_xml_raw *raw)
{
    struct wwi_xml_attribute attribute;
    int result = resolve(reader, raw, false, &attribute.name);

    if (result == AGAIN)
        result = decode_value(reader, raw, &attribute.value);
    if (result != AGAIN)
        return result;
    if (is_duplicate(reader, &attribute.name))
        return wwi_xml_fail(reader, place_of(raw), "an attribute comes twice");
    if (reader->attribute_count >= reader->options.limits.attributes)
        return wwi_xml_over_limit(reader, place_of(raw), "too many attributes");
    wwi_bytes_append(&reader->list, &attribute, sizeof attribute);
    if (reader->list.failed)
        return wwi_xml_no_memory(reader);
    reader->attributes = (const void *) reader->list.data;
    reader->attribute_count++;
    return AGAIN;
}

/* Namespaces first: a declaration holds for the whole tag. */
static int add_attributes(struct wwi_xml_reader *reader)
{
    int result = AGAIN;

    if (!reserve_decoded(reader))
        return wwi_xml_no_memory(reader);
    for (size_t i = 0; i < raw_count(reader) && result == AGAIN; i++)
        if (is_declaration(raw_at(reader, i)))
            result = declare(reader, raw_at(reader, i));
    for (size_t i = 0; i < raw_count(reader) && result == AGAIN; i++)
        if (!is_declaration(raw_at(reader, i)))
            result = add_attribute(reader, raw_at(reader, i));
    return result;
}

/* Opens the element of a complete tag. */
static int open_element(
    struct wwi_xml_reader *reader,
    const struct wwi_xml_raw *element)
{
    int result = AGAIN;

    if (reader->depth >= reader->options.limits.depth)
        return wwi_xml_over_limit(reader, reader->at,
            "elements are nested too deep");
    if (!wwi_xml_scope_push(&reader->scope, element->name,
            element->prefix_size))
        return wwi_xml_no_memory(reader);
    reader->depth = reader->scope.depth;
    if (reader->raws.size != 0)
        result = add_attributes(reader);
    if (result != AGAIN)
        return result;
    return resolve(reader, element, true, &reader->name);
}

int wwi_xml_read_start_tag(struct wwi_xml_reader *reader)
{
    const uint8_t *limit = tag_limit(reader);
    const uint8_t *p = reader->at + 1;
    struct wwi_xml_raw element = { 0 };
    int result = read_name(reader, &p, limit, &element.name,
        &element.prefix_size);
    bool empty;

    reader->raws.size = 0;
    reader->list.size = 0;
    reader->attribute_count = 0;
    while (result == AGAIN) {
        const uint8_t *space = p;

        p = wwi_xml_skip(p, limit, WWI_XML_SPACE);
        if (p < limit && (*p == '>' || *p == '/'))
            break;
        if (p == space)
            return bad_tag(reader, p, limit, "`>` was expected");
        result = read_attribute(reader, &p, limit);
    }
    if (result != AGAIN)
        return result;
    empty = *p == '/';
    if (empty && (++p == limit || *p != '>'))
        return bad_tag(reader, p, limit, "`>` was expected");
    result = open_element(reader, &element);
    if (result != AGAIN)
        return result;
    reader->rooted = true;
    reader->state = empty ? EMPTY : CONTENT;
    return wwi_xml_hand_out(reader, WWI_XML_START_ELEMENT, p + 1);
}

int wwi_xml_end_element(struct wwi_xml_reader *reader, const uint8_t *p)
{
    wwi_xml_scope_top(&reader->scope, &reader->name);
    reader->attribute_count = 0;
    reader->ended = true;
    reader->state = CONTENT;
    if (reader->depth == 1 && !reader->options.fragment)
        reader->state = OUTSIDE;
    return wwi_xml_hand_out(reader, WWI_XML_END_ELEMENT, p);
}

int wwi_xml_read_end_tag(struct wwi_xml_reader *reader)
{
    const uint8_t *limit = tag_limit(reader);
    const uint8_t *begin = reader->at + 2;
    const uint8_t *p = begin;
    size_t prefix_size;
    wws_string expected;
    wws_string name;
    int result;

    if (reader->depth == 0)
        return wwi_xml_fail(reader, reader->at,
            "an end tag without a start tag");
    expected = wwi_xml_scope_name(&reader->scope);
    if ((size_t) (limit - p) > expected.size && p[expected.size] == '>'
        && memcmp(p, expected.data, expected.size) == 0)
        return wwi_xml_end_element(reader, p + expected.size + 1);
    result = read_name(reader, &p, limit, &name, &prefix_size);
    if (result != AGAIN)
        return result;
    if (!wwi_xml_equal(name, expected))
        return wwi_xml_fail(reader, begin, "an end tag that fits no start tag");
    p = wwi_xml_skip(p, limit, WWI_XML_SPACE);
    if (p == limit || *p != '>')
        return bad_tag(reader, p, limit, "`>` was expected");
    return wwi_xml_end_element(reader, p + 1);
}

