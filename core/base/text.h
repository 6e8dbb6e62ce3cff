/* UTF-8 and ASCII, and the names of encodings. */
#ifndef WWI_TEXT_H
#define WWI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "wws/base.h"

/* Well-formed UTF-8 without NUL; no surrogates, no overlong forms. */
bool wwi_utf8_valid(const char *text, size_t size);
/* The size without a last character that was cut off. */
size_t wwi_utf8_whole(const char *text, size_t size);

bool wwi_string_equal(wws_string a, wws_string b);
bool wwi_string_is(wws_string string, const char *text);
/* ASCII letters of either case are the same. */
bool wwi_string_equal_nocase(wws_string a, wws_string b);
/* A view of a terminated text. */
wws_string wwi_string(const char *text);
/* A copy that wwi_free() releases; null when there is no memory. */
char *wwi_string_copy(wws_string string);
/* All of them in one piece of memory; likewise. */
wws_string *wwi_strings_copy(const wws_string *strings, size_t count);

/* What may be said of the encoding of a text. */
enum wwi_charset {
    WWI_CHARSET_UNSAID,
    WWI_CHARSET_UTF_8,
    WWI_CHARSET_UTF_16,   /* of either order */
    WWI_CHARSET_UTF_16LE,
    WWI_CHARSET_UTF_16BE,
    WWI_CHARSET_OTHER,    /* one that we do not read */
};

/* The encoding of a name, in letters of either case. */
enum wwi_charset wwi_charset_named(wws_string name);
/* The name of one that we read. */
const char *wwi_charset_name(enum wwi_charset charset);

#endif
