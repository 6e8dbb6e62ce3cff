/* The character classes of HTTP and the comparisons that go with them.
 *
 * One table serves the parser, the writer, addresses and media types: they
 * cannot disagree about what a token is. */
#ifndef WWI_HTTP_CHAR_H
#define WWI_HTTP_CHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wws/base.h"

enum {
    WWI_CHAR_TOKEN = 1,      /* of names and methods */
    WWI_CHAR_TEXT = 2,       /* of field values: visible, SP, HTAB, >= 0x80 */
    WWI_CHAR_VISIBLE = 4,    /* 0x21 to 0x7E */
    WWI_CHAR_UNRESERVED = 8, /* in a URL, never in need of an escape */
    WWI_CHAR_PATH = 16,      /* in a URL's path as it is, '/' included */
    WWI_CHAR_HOST = 32,      /* of a name or an IPv4 address */
    WWI_CHAR_DIGIT = 64,
    WWI_CHAR_HEX = 128,
};

extern const uint8_t wwi_char_classes[256];

static inline bool wwi_char_is(char c, unsigned classes)
{
    return (wwi_char_classes[(uint8_t) c] & classes) != 0;
}

static inline char wwi_char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

/* The value of a hexadecimal digit. */
unsigned wwi_char_hex(char c);

/* Whether every octet is of a class; an empty text is not. */
bool wwi_text_is_all(wws_string text, unsigned classes);
/* Equal but for the case of ASCII letters. */
bool wwi_text_same(wws_string left, wws_string right);
bool wwi_text_is(wws_string text, const char *word);
/* Without the spaces and tabs around it. */
wws_string wwi_text_trim(wws_string text);
wws_string wwi_text_skip_blank(wws_string text);
/* Takes the next member of a comma-separated list, trimmed and never empty;
 * false at the end. */
bool wwi_text_list_next(wws_string *list, wws_string *member);
/* Takes so many octets, or those of a class, from the front. */
wws_string wwi_text_split(wws_string *text, size_t size);
wws_string wwi_text_take(wws_string *text, unsigned classes);
bool wwi_text_take_char(wws_string *text, char c);
/* Takes a quoted string, quotes included, from the front; empty if there is
 * none or it has no end. */
wws_string wwi_text_take_quoted(wws_string *text);

#endif
