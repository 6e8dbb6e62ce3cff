/* Content between tags: text, references, CDATA sections and comments.
 *
 * A run of text ends before whatever cannot be handed out as it is, so that
 * what is wrong in it is found at the start of the next step. */
#include "core/xml/parser.h"

enum { REFERENCE_SIZE = 64 };

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
        if (wwi_xml_equal(wwi_xml_between(p, end), entities[i].name))
            return entities[i].character;
    return 0;
}

const uint8_t *wwi_xml_read_reference(
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
    return wwi_xml_is_last(reader);
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
        if (p + 1 == reader->limit && !wwi_xml_is_last(reader))
            return WWI_XML_NEED_INPUT;
        reader->text = WWS_STR("\n");
        return wwi_xml_hand_out(reader, WWI_XML_TEXT, p + 1);
    }
    if (*p == ']') {
        if (reader->limit - p < 3)
            return wwi_xml_cut_off(reader, "the input ends inside CDATA");
        if (reader->state != CDATA)
            return wwi_xml_fail(reader, p, "`]]>` in text");
        reader->at = p + 3;
        reader->state = CONTENT;
        return AGAIN;
    }
    size = wwi_xml_character(p, reader->limit, &character);
    if (size == 0)
        return wwi_xml_cut_off(reader, "the input ends inside a character");
    return wwi_xml_fail(reader, p,
        "not UTF-8, or a character that XML forbids");
}

int wwi_xml_read_text(struct wwi_xml_reader *reader)
{
    const uint8_t *begin = reader->at;
    const uint8_t *end = skip_text(reader);

    if (end == begin)
        return odd_text(reader);
    reader->text = wwi_xml_between(*begin == '\r' ? begin + 1 : begin, end);
    return wwi_xml_hand_out(reader, WWI_XML_TEXT, end);
}

int wwi_xml_read_cdata(struct wwi_xml_reader *reader)
{
    if (reader->at == reader->limit)
        return wwi_xml_cut_off(reader, "the input ends inside CDATA");
    return wwi_xml_read_text(reader);
}

int wwi_xml_read_character(struct wwi_xml_reader *reader)
{
    const uint8_t *p = reader->at;
    size_t size;
    const uint8_t *end = wwi_xml_read_reference(p, reader->limit,
        reader->character, &size);

    if (end == NULL)
        return wwi_xml_fail(reader, p, "not a reference to a character");
    if (end == p)
        return wwi_xml_cut_off(reader, "the input ends inside a reference");
    reader->text = (wws_string) { reader->character, size };
    return wwi_xml_hand_out(reader, WWI_XML_TEXT, end);
}

static void leave_comment(struct wwi_xml_reader *reader)
{
    reader->state = CONTENT;
    if (reader->depth == 0 && !reader->options.fragment)
        reader->state = OUTSIDE;
}

int wwi_xml_read_comment(struct wwi_xml_reader *reader)
{
    const uint8_t *p = wwi_xml_skip(reader->at, reader->limit,
        WWI_XML_COMMENT);
    size_t size = (size_t) (reader->limit - p);
    uint32_t character;
    int step = 1;

    reader->at = p;
    if (size == 0 || (*p == '-' && size < 2)
        || (*p == '-' && p[1] == '-' && size < 3))
        return wwi_xml_cut_off(reader, "the input ends inside a comment");
    if (*p == '-' && p[1] == '-') {
        if (p[2] != '>')
            return wwi_xml_fail(reader, p, "`--` inside a comment");
        leave_comment(reader);
        step = 3;
    } else if (*p != '-') {
        step = wwi_xml_character(p, reader->limit, &character);
    }
    if (step == 0)
        return wwi_xml_cut_off(reader, "the input ends inside a comment");
    if (step < 0)
        return wwi_xml_fail(reader, p,
            "not UTF-8, or a character that XML forbids");
    reader->at = p + step;
    return AGAIN;
}

