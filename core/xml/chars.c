/* The classes of ASCII, UTF-8 and the names of XML 1.0, fifth edition. */
#include "core/xml/chars.h"

#include <string.h>

enum {
    WHITE = WWI_XML_SPACE | WWI_XML_COMMENT,
    BLANK = WWI_XML_SPACE | WWI_XML_COMMENT | WWI_XML_VALUE,
    HYPHN = WWI_XML_NAME | WWI_XML_VALUE,
    MARKS = WWI_XML_COMMENT,
    OTHER = WWI_XML_COMMENT | WWI_XML_VALUE,
    DIGIT = WWI_XML_NAME | OTHER,
    ALPHA = WWI_XML_NAME_START | DIGIT,
};

#define FOUR(class) class, class, class, class
#define TEN(class) FOUR(class), FOUR(class), class, class
#define LETTERS TEN(ALPHA), TEN(ALPHA), FOUR(ALPHA), ALPHA, ALPHA

const uint8_t wwi_xml_class[256] = {
    /* controls: tab, LF and CR */
    FOUR(0), FOUR(0), 0, WHITE, WHITE, 0, 0, WHITE, 0, 0,
    FOUR(0), FOUR(0), FOUR(0), FOUR(0),
    /* space ! " #   $ % & '   ( ) * +   , - . / */
    BLANK, OTHER, MARKS, OTHER, OTHER, OTHER, MARKS, MARKS,
    FOUR(OTHER), OTHER, HYPHN, DIGIT, OTHER,
    /* 0-9   : ; < =   > ? */
    TEN(DIGIT), OTHER, OTHER, MARKS, OTHER, OTHER, OTHER,
    /* @ A-Z   [ \ ] ^   _ ` a-z   { | } ~   DEL */
    OTHER, LETTERS, FOUR(OTHER), ALPHA,
    OTHER, LETTERS, FOUR(OTHER), OTHER,
};

struct range {
    uint32_t first;
    uint32_t last;
};

/* NameStartChar beyond ASCII. */
static const struct range name_starts[] = {
    { 0xC0, 0xD6 }, { 0xD8, 0xF6 }, { 0xF8, 0x2FF }, { 0x370, 0x37D },
    { 0x37F, 0x1FFF }, { 0x200C, 0x200D }, { 0x2070, 0x218F },
    { 0x2C00, 0x2FEF }, { 0x3001, 0xD7FF }, { 0xF900, 0xFDCF },
    { 0xFDF0, 0xFFFD }, { 0x10000, 0xEFFFF },
};

/* What NameChar adds to them. */
static const struct range name_others[] = {
    { 0xB7, 0xB7 }, { 0x300, 0x36F }, { 0x203F, 0x2040 },
};

static bool among(const struct range *ranges, size_t count, uint32_t character)
{
    for (size_t i = 0; i < count; i++)
        if (character <= ranges[i].last)
            return character >= ranges[i].first;
    return false;
}

static bool starts_name(uint32_t character)
{
    return among(name_starts, sizeof name_starts / sizeof *name_starts,
        character);
}

static bool continues_name(uint32_t character)
{
    return starts_name(character)
        || among(name_others, sizeof name_others / sizeof *name_others,
            character);
}

static bool allowed(uint32_t character)
{
    if (character < ' ')
        return character == '\t' || character == '\n' || character == '\r';
    if (character >= 0xD800 && character <= 0xDFFF)
        return false;
    return character != 0xFFFE && character != 0xFFFF
        && character <= 0x10FFFF;
}

int wwi_xml_character(
    const uint8_t *at,
    const uint8_t *limit,
    uint32_t *character)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    int size = *at < 0x80 ? 1 : *at < 0xC2 ? -1 : *at < 0xE0 ? 2
        : *at < 0xF0 ? 3 : *at < 0xF5 ? 4 : -1;
    uint32_t code = *at;

    if (size < 0)
        return -1;
    if (size > 1)
        code &= 0x7FU >> size;
    for (int i = 1; i < size; i++) {
        if (at + i == limit)
            return 0;
        if ((at[i] & 0xC0) != 0x80)
            return -1;
        code = code << 6 | (at[i] & 0x3FU);
    }
    if (code < least[size] || !allowed(code))
        return -1;
    *character = code;
    return size;
}

size_t wwi_xml_encode(uint32_t character, char to[4])
{
    size_t size = character < 0x80 ? 1 : character < 0x800 ? 2
        : character < 0x10000 ? 3 : 4;

    if (!allowed(character))
        return 0;
    if (size == 1) {
        to[0] = (char) character;
        return 1;
    }
    for (size_t i = size - 1; i > 0; i--) {
        to[i] = (char) (0x80 | (character & 0x3F));
        character >>= 6;
    }
    to[0] = (char) (0xF00U >> size | character);
    return size;
}

static bool continues(uint8_t octet)
{
    return (octet & 0xC0) == 0x80;
}

/* Most text beyond ASCII is of two and three octets, where only the first
 * three octets from E0, ED and EF on need a closer look. */
const uint8_t *wwi_xml_skip_wide(const uint8_t *at, const uint8_t *limit)
{
    uint32_t character;

    while (at < limit && *at >= 0x80) {
        int size;

        if (limit - at > 2 && *at > 0xE0 && *at < 0xED && continues(at[1])
            && continues(at[2])) {
            at += 3;
            continue;
        }
        if (limit - at > 1 && *at >= 0xC2 && *at < 0xE0 && continues(at[1])) {
            at += 2;
            continue;
        }
        size = wwi_xml_character(at, limit, &character);
        if (size <= 0)
            break;
        at += size;
    }
    return at;
}

const uint8_t *wwi_xml_skip_wide_name(
    const uint8_t *begin,
    const uint8_t *at,
    const uint8_t *limit)
{
    while (at < limit) {
        uint32_t character;
        int size = wwi_xml_character(at, limit, &character);

        if (size == 0)
            return limit;
        if (size < 0)
            break;
        if (character < 0x80 ? !wwi_xml_is((uint8_t) character, WWI_XML_NAME)
                : at == begin ? !starts_name(character)
                : !continues_name(character))
            break;
        at += size;
    }
    return at;
}

bool wwi_xml_is_name(wws_string text)
{
    const uint8_t *at = (const uint8_t *) text.data;
    const uint8_t *limit = at + text.size;
    uint32_t character;

    if (text.size == 0 || wwi_xml_skip_name(at, limit) != limit)
        return false;
    /* The last one may be cut off, which a name being read would forgive. */
    for (at = limit - 1; (*at & 0xC0) == 0x80; at--)
        continue;
    return wwi_xml_character(at, limit, &character) > 0;
}
