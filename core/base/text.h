/* UTF-8 and ASCII. */
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

#endif
