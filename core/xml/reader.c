/* The XML reader.
 *
 * Words.  The *window*, [at, limit), is what is being read: the chunk that was
 * fed, or the *carry*, a copy of the start of an item that a chunk cut off.  An
 * *item* is what is read in one go: a tag, a reference, the start of a comment
 * or CDATA section, the XML declaration, one character beyond ASCII, a few
 * octets that need the next to be understood.  The *rest*, [rest, rest_limit),
 * is what of the chunk lies behind the carry.
 *
 * Rules.  An item is read only whole, from contiguous memory, by code that
 * knows nothing of chunks; where it finds the window's limit instead, it
 * changes nothing and reports WWI_XML_NEED_INPUT.  Then refill() carries the
 * item over and adds to it what is missing, and no octet more, so that the
 * octets behind it are read where they are.  Whether an item is cut off must
 * not change what is reported: limits are measured from its first octet, and a
 * run of text ends before whatever is wrong in it.
 *
 * A tag is first taken apart as it is written, into `raws`; when all of it is
 * there, names are resolved and values decoded.
 *
 * An element's names and namespaces stay until the token after its end: `ended`
 * says that they are to go. */
#include "core/xml/reader.h"

#include <string.h>

#include "core/xml/chars.h"

enum state {
    START,       /* a byte order mark may come */
    DECLARATION, /* an XML declaration may come */
    OUTSIDE,     /* before and after the root element */
    CONTENT,
    CDATA,
    COMMENT,
    EMPTY,       /* behind the tag of an empty element */
    DONE,
    FAILED,
};

/* What one step may report besides a token: nothing yet. */
enum { AGAIN = WWI_XML_ERROR + 1 };

enum {
    DECLARATION_SIZE = 256,
    REFERENCE_SIZE = 64,
};

/* An attribute or a declaration of a namespace, as it is written. */
struct wwi_xml_raw {
    wws_string name;
    size_t prefix_size;
    wws_string value;
    bool plain; /* nothing to decode in the value */
};

static const struct wwi_xml_limits default_limits = {
    .depth = 32,
    .attributes = 128,
    .namespaces = 64,
    .name_size = 1024,
    .value_size = 64 * 1024,
    .tag_size = 1024 * 1024,
};

static wws_string text_between(const uint8_t *from, const uint8_t *to)
{
    return (wws_string) { (const char *) from, (size_t) (to - from) };
}

static bool text_is(wws_string a, wws_string b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static uint64_t offset_of(const struct wwi_xml_reader *reader, const uint8_t *p)
{
    return reader->base_offset + (uint64_t) (p - reader->base);
}

/* Whether no input follows the window. */
static bool is_last(const struct wwi_xml_reader *reader)
{
    return reader->finished && reader->rest == reader->rest_limit;
}

/* Moves row and column from the window's base to p. */
static void count_lines(struct wwi_xml_reader *reader, const uint8_t *p)
{
    const uint8_t *from = reader->base;
    const uint8_t *line;

    while (from < p && (line = memchr(from, '\n', (size_t) (p - from)))) {
        reader->row++;
        reader->column = 0;
        from = line + 1;
    }
    reader->column += (uint64_t) (p - from);
}

/* Ends the reading because of what stands at p. */
static int refuse(
    struct wwi_xml_reader *reader,
    wws_status status,
    const uint8_t *p,
    const char *problem)
{
    count_lines(reader, p);
    reader->begin = reader->end = offset_of(reader, p);
    reader->status = status;
    reader->problem = problem;
    reader->state = FAILED;
    reader->starved = false;
    return WWI_XML_ERROR;
}

static int fail(
    struct wwi_xml_reader *reader,
    const uint8_t *p,
    const char *problem)
{
    return refuse(reader, WWS_E_INVALID_FORMAT, p, problem);
}

static int no_memory(struct wwi_xml_reader *reader)
{
    return refuse(reader, WWS_E_OUTOFMEMORY, reader->at, "out of memory");
}

static int over_limit(
    struct wwi_xml_reader *reader,
    const uint8_t *p,
    const char *problem)
{
    return refuse(reader, WWS_E_QUOTA_EXCEEDED, p, problem);
}

/* What the item cannot go on with: the window ends before it does. */
static int cut_off(struct wwi_xml_reader *reader, const char *problem)
{
    if (is_last(reader))
        return fail(reader, reader->limit, problem);
    return WWI_XML_NEED_INPUT;
}

/* A token that reaches from `at` to p; the next begins there. */
static int token(struct wwi_xml_reader *reader, int kind, const uint8_t *p)
{
    reader->begin = offset_of(reader, reader->at);
    reader->end = offset_of(reader, p);
    reader->at = p;
    return kind;
}

/* Compares as far as the window goes: 1 the literal stands there, 0 it may yet,
 * -1 it does not. */
static int looking_at(const struct wwi_xml_reader *reader, wws_string literal)
{
    size_t size = (size_t) (reader->limit - reader->at);

    if (size >= literal.size)
        return memcmp(reader->at, literal.data, literal.size) == 0 ? 1 : -1;
    if (is_last(reader) || memcmp(reader->at, literal.data, size) != 0)
        return -1;
    return 0;
}

/* The character of `&#...;`, between `#` and `;`; 0 if it is none. */
static uint32_t numbered(const uint8_t *p, const uint8_t *end)
{
    uint32_t base = 10;
    uint32_t code = 0;

    if (p < end && *p == 'x') {
        base = 16;
        p++;
    }
    if (p == end)
        return 0;
    for (; p < end; p++) {
        uint32_t digit = *p >= '0' && *p <= '9' ? *p - (uint32_t) '0'
            : *p >= 'a' && *p <= 'f' ? *p - (uint32_t) 'a' + 10
            : *p >= 'A' && *p <= 'F' ? *p - (uint32_t) 'A' + 10 : base;

        if (digit >= base)
            return 0;
        code = code * base + digit;
        if (code > 0x10FFFF)
            return 0;
    }
    return code;
}

static uint32_t named(const uint8_t *p, const uint8_t *end)
{
    static const struct {
        wws_string name;
        uint32_t character;
    } entities[] = {
        { { "lt", 2 }, '<' }, { { "gt", 2 }, '>' }, { { "amp", 3 }, '&' },
        { { "quot", 4 }, '"' }, { { "apos", 4 }, '\'' },
    };

    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (text_is(text_between(p, end), entities[i].name))
            return entities[i].character;
    return 0;
}

/* Decodes the reference at p into at most four octets.  Returns what is behind
 * it; null when there is no valid reference; p when it is cut off. */
static const uint8_t *read_reference(
    const uint8_t *p,
    const uint8_t *limit,
    char to[4],
    size_t *size)
{
    const uint8_t *end = p + 1;
    uint32_t character;

    while (end < limit && *end != ';') {
        if (end - p == REFERENCE_SIZE)
            return NULL;
        if (!wwi_xml_is(*end, WWI_XML_NAME) && (*end != '#' || end != p + 1))
            return NULL;
        end++;
    }
    if (end == limit)
        return p;
    character = p[1] == '#' ? numbered(p + 2, end) : named(p + 1, end);
    if (character == 0)
        return NULL;
    *size = wwi_xml_encode(character, to);
    return *size != 0 ? end + 1 : NULL;
}

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
            const uint8_t *next = read_reference(p, limit, character, &size);

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
        return fail(reader, p, problem);
    if ((size_t) (limit - reader->at) == reader->options.limits.tag_size)
        return over_limit(reader, reader->at, "a tag is too long");
    return cut_off(reader, "the input ends inside a tag");
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
        return over_limit(reader, begin, "a name is too long");
    *name = text_between(begin, end);
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
            return over_limit(reader, begin, "an attribute is too long");
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
    raw->value = text_between(begin, at);
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
    return reader->raws.failed ? no_memory(reader) : AGAIN;
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
        return fail(reader, bad, "not a reference to a character");
    value->data = (const char *) reader->decoded.data + begin;
    value->size = reader->decoded.size - begin;
    return AGAIN;
}

/* What Namespaces in XML 1.0 says against a declaration; null if nothing. */
static const char *bad_declaration(wws_string prefix, wws_string uri)
{
    bool xml = text_is(prefix, WWS_STR("xml"));

    if (text_is(prefix, WWS_STR("xmlns")))
        return "the prefix xmlns cannot be declared";
    if (xml != text_is(uri, WWS_STR(WWI_XML_NAMESPACE)))
        return "the prefix xml and its namespace belong together";
    if (text_is(uri, WWS_STR(WWI_XMLNS_NAMESPACE)))
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
        return fail(reader, place_of(raw), problem);
    if (reader->scope.count >= reader->options.limits.namespaces)
        return over_limit(reader, place_of(raw), "too many namespaces");
    return wwi_xml_scope_declare(&reader->scope, prefix, uri) ? AGAIN
        : no_memory(reader);
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
        return fail(reader, place_of(raw), "a prefix is not declared");
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
        return fail(reader, place_of(raw), "an attribute comes twice");
    if (reader->attribute_count >= reader->options.limits.attributes)
        return over_limit(reader, place_of(raw), "too many attributes");
    wwi_bytes_append(&reader->list, &attribute, sizeof attribute);
    if (reader->list.failed)
        return no_memory(reader);
    reader->attributes = (const void *) reader->list.data;
    reader->attribute_count++;
    return AGAIN;
}

/* Namespaces first: a declaration holds for the whole tag. */
static int add_attributes(struct wwi_xml_reader *reader)
{
    int result = AGAIN;

    if (!reserve_decoded(reader))
        return no_memory(reader);
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
        return over_limit(reader, reader->at, "elements are nested too deep");
    if (!wwi_xml_scope_push(&reader->scope, element->name,
            element->prefix_size))
        return no_memory(reader);
    reader->depth = reader->scope.depth;
    if (reader->raws.size != 0)
        result = add_attributes(reader);
    if (result != AGAIN)
        return result;
    return resolve(reader, element, true, &reader->name);
}

static int start_tag(struct wwi_xml_reader *reader)
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
    return token(reader, WWI_XML_START_ELEMENT, p + 1);
}

/* Ends the innermost element; its token reaches from `at` to p. */
static int end_element(struct wwi_xml_reader *reader, const uint8_t *p)
{
    wwi_xml_scope_top(&reader->scope, &reader->name);
    reader->attribute_count = 0;
    reader->ended = true;
    reader->state = CONTENT;
    if (reader->depth == 1 && !reader->options.fragment)
        reader->state = OUTSIDE;
    return token(reader, WWI_XML_END_ELEMENT, p);
}

static int end_tag(struct wwi_xml_reader *reader)
{
    const uint8_t *limit = tag_limit(reader);
    const uint8_t *begin = reader->at + 2;
    const uint8_t *p = begin;
    size_t prefix_size;
    wws_string expected;
    wws_string name;
    int result;

    if (reader->depth == 0)
        return fail(reader, reader->at, "an end tag without a start tag");
    expected = wwi_xml_scope_name(&reader->scope);
    if ((size_t) (limit - p) > expected.size && p[expected.size] == '>'
        && memcmp(p, expected.data, expected.size) == 0)
        return end_element(reader, p + expected.size + 1);
    result = read_name(reader, &p, limit, &name, &prefix_size);
    if (result != AGAIN)
        return result;
    if (!text_is(name, expected))
        return fail(reader, begin, "an end tag that fits no start tag");
    p = wwi_xml_skip(p, limit, WWI_XML_SPACE);
    if (p == limit || *p != '>')
        return bad_tag(reader, p, limit, "`>` was expected");
    return end_element(reader, p + 1);
}

/* Whether the bracket at p stands for itself: `]]>` ends a CDATA section, and
 * is forbidden in text. */
static bool is_lone_bracket(
    const struct wwi_xml_reader *reader,
    const uint8_t *p)
{
    size_t size = (size_t) (reader->limit - p);

    if (size > 1 && p[1] != ']')
        return true;
    if (size > 2)
        return p[2] != '>';
    return is_last(reader);
}

/* Behind the text that can be handed out as it is. */
static const uint8_t *skip_text(const struct wwi_xml_reader *reader)
{
    const uint8_t *p = reader->at;
    const uint8_t *limit = reader->limit;

    /* A CR before an LF is left out by beginning behind it. */
    if (limit - p > 1 && p[0] == '\r' && p[1] == '\n')
        p++;
    for (;;) {
        const uint8_t *stop = wwi_xml_skip_plain(p, limit, ']');

        if (stop == limit || *stop < ' ')
            return stop;
        p = stop + 1;
        if (*stop >= 0x80)
            p = wwi_xml_skip_wide(stop, limit);
        else if (*stop == ']' ? !is_lone_bracket(reader, stop)
                : reader->state != CDATA)
            return stop;
        if (p == stop)
            return stop;
    }
}

/* At an octet that cannot begin a run of text. */
static int odd_text(struct wwi_xml_reader *reader)
{
    const uint8_t *p = reader->at;
    uint32_t character;
    int size;

    if (*p == '\r') {
        if (p + 1 == reader->limit && !is_last(reader))
            return WWI_XML_NEED_INPUT;
        reader->text = WWS_STR("\n");
        return token(reader, WWI_XML_TEXT, p + 1);
    }
    if (*p == ']') {
        if (reader->limit - p < 3)
            return cut_off(reader, "the input ends inside CDATA");
        if (reader->state != CDATA)
            return fail(reader, p, "`]]>` in text");
        reader->at = p + 3;
        reader->state = CONTENT;
        return AGAIN;
    }
    size = wwi_xml_character(p, reader->limit, &character);
    if (size == 0)
        return cut_off(reader, "the input ends inside a character");
    return fail(reader, p, "not UTF-8, or a character that XML forbids");
}

static int read_text(struct wwi_xml_reader *reader)
{
    const uint8_t *begin = reader->at;
    const uint8_t *end = skip_text(reader);

    if (end == begin)
        return odd_text(reader);
    reader->text = text_between(*begin == '\r' ? begin + 1 : begin, end);
    return token(reader, WWI_XML_TEXT, end);
}

static int read_cdata(struct wwi_xml_reader *reader)
{
    if (reader->at == reader->limit)
        return cut_off(reader, "the input ends inside CDATA");
    return read_text(reader);
}

static int read_character(struct wwi_xml_reader *reader)
{
    const uint8_t *p = reader->at;
    size_t size;
    const uint8_t *end = read_reference(p, reader->limit, reader->character,
        &size);

    if (end == NULL)
        return fail(reader, p, "not a reference to a character");
    if (end == p)
        return cut_off(reader, "the input ends inside a reference");
    reader->text = (wws_string) { reader->character, size };
    return token(reader, WWI_XML_TEXT, end);
}

static void leave_comment(struct wwi_xml_reader *reader)
{
    reader->state = CONTENT;
    if (reader->depth == 0 && !reader->options.fragment)
        reader->state = OUTSIDE;
}

static int read_comment(struct wwi_xml_reader *reader)
{
    const uint8_t *p = wwi_xml_skip(reader->at, reader->limit,
        WWI_XML_COMMENT);
    size_t size = (size_t) (reader->limit - p);
    uint32_t character;
    int step = 1;

    reader->at = p;
    if (size == 0 || (*p == '-' && size < 2)
        || (*p == '-' && p[1] == '-' && size < 3))
        return cut_off(reader, "the input ends inside a comment");
    if (*p == '-' && p[1] == '-') {
        if (p[2] != '>')
            return fail(reader, p, "`--` inside a comment");
        leave_comment(reader);
        step = 3;
    } else if (*p != '-') {
        step = wwi_xml_character(p, reader->limit, &character);
    }
    if (step == 0)
        return cut_off(reader, "the input ends inside a comment");
    if (step < 0)
        return fail(reader, p, "not UTF-8, or a character that XML forbids");
    reader->at = p + step;
    return AGAIN;
}

/* Whether `<!` goes on as the literal does; if so, steps over it into a state.
 * AGAIN, WWI_XML_NEED_INPUT, or WWI_XML_ERROR, without failing: it does not. */
static int enter(
    struct wwi_xml_reader *reader,
    wws_string literal,
    enum state state)
{
    int match = looking_at(reader, literal);

    if (match == 0)
        return WWI_XML_NEED_INPUT;
    if (match < 0)
        return WWI_XML_ERROR;
    reader->at += literal.size;
    reader->state = (uint8_t) state;
    return AGAIN;
}

/* At `<!`, perhaps cut off behind it. */
static int read_exclamation(struct wwi_xml_reader *reader)
{
    int result = enter(reader, WWS_STR("<!--"), COMMENT);

    if (result == WWI_XML_ERROR && reader->state == CONTENT)
        result = enter(reader, WWS_STR("<![CDATA["), CDATA);
    if (result != WWI_XML_ERROR)
        return result;
    if (reader->limit - reader->at > 2 && reader->at[2] == 'D')
        return fail(reader, reader->at,
            "a document type declaration is refused");
    return fail(reader, reader->at, "`<!` that begins nothing");
}

/* At `<`. */
static int read_markup(struct wwi_xml_reader *reader)
{
    if (reader->limit - reader->at < 2)
        return cut_off(reader, "the input ends inside a tag");
    switch (reader->at[1]) {
    case '/':
        return end_tag(reader);
    case '!':
        return read_exclamation(reader);
    case '?':
        return fail(reader, reader->at,
            "a processing instruction is refused");
    default:
        if (reader->state == OUTSIDE && reader->rooted)
            return fail(reader, reader->at, "a second root element");
        return start_tag(reader);
    }
}

/* The input ends between two tokens. */
static int read_end(struct wwi_xml_reader *reader)
{
    if (!is_last(reader))
        return WWI_XML_NEED_INPUT;
    if (reader->depth != 0)
        return fail(reader, reader->at, "the input ends inside an element");
    if (!reader->rooted && !reader->options.fragment)
        return fail(reader, reader->at, "there is no root element");
    reader->state = DONE;
    return token(reader, WWI_XML_END_OF_DOCUMENT, reader->at);
}

static int read_content(struct wwi_xml_reader *reader)
{
    if (reader->at == reader->limit)
        return read_end(reader);
    if (*reader->at == '<')
        return read_markup(reader);
    if (*reader->at == '&')
        return read_character(reader);
    return read_text(reader);
}

static int read_outside(struct wwi_xml_reader *reader)
{
    reader->at = wwi_xml_skip(reader->at, reader->limit, WWI_XML_SPACE);
    if (reader->at == reader->limit)
        return read_end(reader);
    if (*reader->at == '<')
        return read_markup(reader);
    return fail(reader, reader->at, "text outside the root element");
}

static int read_start(struct wwi_xml_reader *reader)
{
    int mark = looking_at(reader, WWS_STR("\xEF\xBB\xBF"));

    if (mark == 0)
        return WWI_XML_NEED_INPUT;
    if (mark > 0)
        reader->at += 3;
    else if (reader->at < reader->limit
        && (*reader->at >= 0xFE || *reader->at == 0))
        return fail(reader, reader->at, "the encoding is not UTF-8");
    reader->state = DECLARATION;
    return AGAIN;
}

/* Steps over ` name = "value"` at p; null if something else stands there. */
static const uint8_t *read_pseudo(
    const uint8_t *p,
    const uint8_t *limit,
    wws_string name,
    wws_string *value)
{
    const uint8_t *begin = wwi_xml_skip(p, limit, WWI_XML_SPACE);
    const uint8_t *end;

    if (begin == p || (size_t) (limit - begin) < name.size
        || memcmp(begin, name.data, name.size) != 0)
        return NULL;
    p = wwi_xml_skip(begin + name.size, limit, WWI_XML_SPACE);
    if (p == limit || *p != '=')
        return NULL;
    p = wwi_xml_skip(p + 1, limit, WWI_XML_SPACE);
    if (p == limit || (*p != '"' && *p != '\''))
        return NULL;
    end = memchr(p + 1, *p, (size_t) (limit - p - 1));
    if (end == NULL)
        return NULL;
    *value = text_between(p + 1, end);
    return end + 1;
}

static bool is_utf8(wws_string encoding)
{
    return encoding.size == 5 && (encoding.data[0] | 0x20) == 'u'
        && (encoding.data[1] | 0x20) == 't' && (encoding.data[2] | 0x20) == 'f'
        && encoding.data[3] == '-' && encoding.data[4] == '8';
}

/* What is wrong between `<?xml` and `>`; null if nothing. */
static const char *bad_declared(const uint8_t *p, const uint8_t *limit)
{
    wws_string value;
    const uint8_t *next = read_pseudo(p, limit, WWS_STR("version"), &value);

    if (next == NULL || !text_is(value, WWS_STR("1.0")))
        return "the XML version is not 1.0";
    p = next;
    next = read_pseudo(p, limit, WWS_STR("encoding"), &value);
    if (next != NULL && !is_utf8(value))
        return "the encoding is not UTF-8";
    p = next != NULL ? next : p;
    next = read_pseudo(p, limit, WWS_STR("standalone"), &value);
    if (next != NULL && !text_is(value, WWS_STR("yes"))
        && !text_is(value, WWS_STR("no")))
        return "standalone is neither yes nor no";
    p = wwi_xml_skip(next != NULL ? next : p, limit, WWI_XML_SPACE);
    return p + 1 == limit && *p == '?' ? NULL : "a malformed XML declaration";
}

static int read_declaration(struct wwi_xml_reader *reader)
{
    const uint8_t *p = reader->at;
    size_t size = (size_t) (reader->limit - p);
    int match = looking_at(reader, WWS_STR("<?xml"));
    const uint8_t *end;
    const char *problem;

    if (match == 0 || (match > 0 && size < 6))
        return cut_off(reader, "the input ends inside the XML declaration");
    if (match < 0 || !wwi_xml_is(p[5], WWI_XML_SPACE)) {
        reader->state = OUTSIDE;
        return AGAIN;
    }
    end = memchr(p, '>', size < DECLARATION_SIZE ? size : DECLARATION_SIZE);
    if (end == NULL && size < DECLARATION_SIZE)
        return cut_off(reader, "the input ends inside the XML declaration");
    if (end == NULL)
        return fail(reader, p, "a malformed XML declaration");
    problem = bad_declared(p + 5, end);
    if (problem != NULL)
        return fail(reader, p, problem);
    reader->at = end + 1;
    reader->state = OUTSIDE;
    return AGAIN;
}

static bool is_carried(const struct wwi_xml_reader *reader)
{
    return reader->carry.size != 0;
}

/* Puts the window onto octets that begin at the given offset. */
static void set_window(
    struct wwi_xml_reader *reader,
    const uint8_t *data,
    size_t size,
    uint64_t offset)
{
    reader->base = reader->at = data;
    reader->limit = data + size;
    reader->base_offset = offset;
}

/* The window is read: goes on with the rest of the chunk. */
static void open_rest(struct wwi_xml_reader *reader)
{
    count_lines(reader, reader->at);
    reader->carry.size = 0;
    set_window(reader, reader->rest,
        (size_t) (reader->rest_limit - reader->rest),
        offset_of(reader, reader->at));
    reader->rest = reader->rest_limit;
}

/* Whether the item at `at` is a tag.  Nothing else may become long. */
static bool is_tag(const struct wwi_xml_reader *reader)
{
    return reader->limit - reader->at > 1 && reader->at[0] == '<'
        && reader->at[1] != '!' && reader->at[1] != '?';
}

/* Behind the `>` that is outside of quotes; null if there is none before the
 * limit.  `quote` says what quotes p is in. */
static const uint8_t *find_tag_end(
    const uint8_t *p,
    const uint8_t *limit,
    uint8_t *quote)
{
    for (; p < limit; p++) {
        if (*quote != 0)
            *quote = *p == *quote ? 0 : *quote;
        else if (*p == '"' || *p == '\'')
            *quote = *p;
        else if (*p == '>')
            return p + 1;
    }
    return NULL;
}

/* Keeps the cut-off item, and only that, when its chunk goes away or when the
 * carry that it is in already must grow. */
static bool carry_over(struct wwi_xml_reader *reader)
{
    size_t left = (size_t) (reader->limit - reader->at);
    uint64_t offset = offset_of(reader, reader->at);

    if (!is_carried(reader))
        wwi_bytes_append(&reader->carry, reader->at, left);
    if (reader->carry.failed)
        return false;
    count_lines(reader, reader->at);
    wwi_bytes_consume(&reader->carry, reader->carry.size - left);
    set_window(reader, reader->carry.data, left, offset);
    reader->quote = 0;
    if (is_tag(reader))
        find_tag_end(reader->at + 1, reader->limit, &reader->quote);
    return true;
}

/* Adds to the carried item what it lacks.  AGAIN when it may be whole now. */
static int lengthen(struct wwi_xml_reader *reader)
{
    const uint8_t *end = reader->rest + 1;
    int result = AGAIN;

    if (reader->at != reader->base)
        carry_over(reader);
    if (is_tag(reader))
        end = find_tag_end(reader->rest, reader->rest_limit, &reader->quote);
    if (end == NULL) {
        end = reader->rest_limit;
        result = WWI_XML_NEED_INPUT;
    }
    wwi_bytes_append(&reader->carry, reader->rest,
        (size_t) (end - reader->rest));
    if (reader->carry.failed)
        return no_memory(reader);
    reader->rest = end;
    set_window(reader, reader->carry.data, reader->carry.size,
        reader->base_offset);
    /* Then it is read however it ends, and refused. */
    if (is_last(reader)
        || reader->carry.size >= reader->options.limits.tag_size)
        result = AGAIN;
    return result;
}

/* The item at `at` is cut off.  AGAIN when there is more of it, or when no more
 * will come and it must be judged as it is. */
static int refill(struct wwi_xml_reader *reader)
{
    if (reader->at == reader->limit) {
        open_rest(reader);
        if (reader->at < reader->limit)
            return AGAIN;
    }
    if (is_last(reader))
        return AGAIN;
    if (is_carried(reader) && reader->rest < reader->rest_limit)
        return lengthen(reader);
    if (reader->at < reader->limit && !is_carried(reader)
        && !carry_over(reader))
        return no_memory(reader);
    return WWI_XML_NEED_INPUT;
}

static int step(struct wwi_xml_reader *reader)
{
    switch ((enum state) reader->state) {
    case START:
        return read_start(reader);
    case DECLARATION:
        return read_declaration(reader);
    case OUTSIDE:
        return read_outside(reader);
    case CONTENT:
        return read_content(reader);
    case CDATA:
        return read_cdata(reader);
    case COMMENT:
        return read_comment(reader);
    case EMPTY:
        return end_element(reader, reader->at);
    case DONE:
        return WWI_XML_END_OF_DOCUMENT;
    case FAILED:
        break;
    }
    return WWI_XML_ERROR;
}

enum wwi_xml_token wwi_xml_reader_next(struct wwi_xml_reader *reader)
{
    int result;

    if (reader->ended) {
        wwi_xml_scope_pop(&reader->scope);
        reader->depth--;
        reader->ended = false;
    }
    do {
        result = reader->starved ? refill(reader) : AGAIN;
        if (result != AGAIN)
            break;
        result = step(reader);
        reader->starved = result == WWI_XML_NEED_INPUT;
    } while (result == AGAIN || reader->starved);
    return (enum wwi_xml_token) result;
}

static void use_default(uint32_t *limit, uint32_t value)
{
    if (*limit == 0)
        *limit = value;
}

static void begin(struct wwi_xml_reader *reader)
{
    reader->state = reader->options.fragment ? CONTENT : START;
    reader->base = reader->at = reader->limit = (const uint8_t *) "";
    reader->rest = reader->rest_limit = reader->limit;
    reader->starved = true;
}

void wwi_xml_reader_init(
    struct wwi_xml_reader *reader,
    const struct wwi_xml_reader_options *options)
{
    struct wwi_xml_limits *limits = &reader->options.limits;

    *reader = (struct wwi_xml_reader) { 0 };
    if (options != NULL)
        reader->options = *options;
    use_default(&limits->depth, default_limits.depth);
    use_default(&limits->attributes, default_limits.attributes);
    use_default(&limits->namespaces, default_limits.namespaces);
    use_default(&limits->name_size, default_limits.name_size);
    use_default(&limits->value_size, default_limits.value_size);
    use_default(&limits->tag_size, default_limits.tag_size);
    begin(reader);
}

void wwi_xml_reader_fini(struct wwi_xml_reader *reader)
{
    wwi_xml_scope_fini(&reader->scope);
    wwi_bytes_fini(&reader->raws);
    wwi_bytes_fini(&reader->list);
    wwi_bytes_fini(&reader->decoded);
    wwi_bytes_fini(&reader->carry);
    *reader = (struct wwi_xml_reader) { 0 };
}

void wwi_xml_reader_reset(struct wwi_xml_reader *reader, size_t keep)
{
    struct wwi_xml_reader old = *reader;

    wwi_xml_scope_reset(&old.scope, keep);
    wwi_bytes_reset(&old.raws, keep);
    wwi_bytes_reset(&old.list, keep);
    wwi_bytes_reset(&old.decoded, keep);
    wwi_bytes_reset(&old.carry, keep);
    *reader = (struct wwi_xml_reader) {
        .options = old.options,
        .scope = old.scope,
        .raws = old.raws,
        .list = old.list,
        .decoded = old.decoded,
        .carry = old.carry,
    };
    begin(reader);
}

void wwi_xml_reader_feed(
    struct wwi_xml_reader *reader,
    const void *data,
    size_t size)
{
    if (reader->state == FAILED)
        return;
    if (!reader->starved || reader->rest != reader->rest_limit
        || reader->finished) {
        fail(reader, reader->at, "input that was not asked for");
        return;
    }
    reader->rest = size != 0 ? data : (const void *) "";
    reader->rest_limit = reader->rest + size;
}

void wwi_xml_reader_finish(struct wwi_xml_reader *reader)
{
    reader->finished = true;
}

void wwi_xml_reader_whole(
    struct wwi_xml_reader *reader,
    const void *data,
    size_t size)
{
    wwi_xml_reader_feed(reader, data, size);
    wwi_xml_reader_finish(reader);
}

bool wwi_xml_reader_lookup(
    const struct wwi_xml_reader *reader,
    wws_string prefix,
    wws_string *uri)
{
    return wwi_xml_scope_find(&reader->scope, prefix, uri);
}

bool wwi_xml_reader_namespace(
    const struct wwi_xml_reader *reader,
    size_t *index,
    struct wwi_xml_namespace *found)
{
    return wwi_xml_scope_next(&reader->scope, index, found);
}
