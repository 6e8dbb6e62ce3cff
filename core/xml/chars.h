/* Which characters XML allows where, and UTF-8.
 *
 * The classes are of the ASCII octets alone; everything from 0x80 on has class
 * 0 and goes through wwi_xml_character(). */
#ifndef WWI_XML_CHARS_H
#define WWI_XML_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "wws/base.h"

enum {
    WWI_XML_NAME_START = 1, /* of a name without colons */
    WWI_XML_NAME = 2,
    WWI_XML_SPACE = 4,
    WWI_XML_VALUE = 8,      /* stands for itself in an attribute value */
    WWI_XML_COMMENT = 16,   /* stands in a comment; all but the hyphen */
};

extern const uint8_t wwi_xml_class[256];

static inline bool wwi_xml_is(uint8_t octet, uint8_t class)
{
    return (wwi_xml_class[octet] & class) != 0;
}

/* Decodes the character at `at`, which is before `limit`.  Returns its size, 0
 * when it is cut off there, -1 when it is not UTF-8 or not allowed in XML. */
int wwi_xml_character(
    const uint8_t *at,
    const uint8_t *limit,
    uint32_t *character);
/* Encodes; returns the size, or 0 for a character not allowed in XML. */
size_t wwi_xml_encode(uint32_t character, char to[4]);

/* Behind the characters beyond ASCII; stops also where they go wrong. */
const uint8_t *wwi_xml_skip_wide(const uint8_t *at, const uint8_t *limit);
/* The same for a name that began at `begin`. */
const uint8_t *wwi_xml_skip_wide_name(
    const uint8_t *begin,
    const uint8_t *at,
    const uint8_t *limit);
/* Whether the whole text is a name without colons. */
bool wwi_xml_is_name(wws_string text);

static inline const uint8_t *wwi_xml_skip(
    const uint8_t *at,
    const uint8_t *limit,
    uint8_t class)
{
    while (at < limit && wwi_xml_is(*at, class))
        at++;
    return at;
}

/* Behind the longest name without colons; `at` itself where there is none.  A
 * character cut off at `limit` counts as part of the name. */
static inline const uint8_t *wwi_xml_skip_name(
    const uint8_t *at,
    const uint8_t *limit)
{
    const uint8_t *begin = at;

    if (at < limit && wwi_xml_is(*at, WWI_XML_NAME_START))
        at = wwi_xml_skip(at + 1, limit, WWI_XML_NAME);
    if (at < limit && *at >= 0x80)
        return wwi_xml_skip_wide_name(begin, at, limit);
    return at;
}

/* Behind the octets that stand for themselves in text: stops at `<`, `&`, at
 * `other`, at CR, at what XML forbids, and at everything beyond ASCII. */
static inline const uint8_t *wwi_xml_skip_plain(
    const uint8_t *at,
    const uint8_t *limit,
    char other)
{
#if defined(__SSE2__)
    while (limit - at >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *) (const void *) at);
        /* Signed, so that octets from 0x80 on are less than a space too. */
        __m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(' '));
        __m128i fine = _mm_or_si128(
            _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')),
            _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')));
        __m128i mark = _mm_or_si128(
            _mm_cmpeq_epi8(v, _mm_set1_epi8('<')),
            _mm_or_si128(
                _mm_cmpeq_epi8(v, _mm_set1_epi8('&')),
                _mm_cmpeq_epi8(v, _mm_set1_epi8(other))));
        int stops = _mm_movemask_epi8(
            _mm_or_si128(mark, _mm_andnot_si128(fine, odd)));

        if (stops != 0)
            return at + __builtin_ctz((unsigned) stops);
        at += 16;
    }
#endif
    for (; at < limit; at++) {
        if (*at >= 0x80 || *at == '<' || *at == '&' || *at == (uint8_t) other)
            break;
        if (*at < ' ' && *at != '\n' && *at != '\t')
            break;
    }
    return at;
}

#endif
