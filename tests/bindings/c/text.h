/* The bodies of the suite: one element of a name, and text in it. */
#ifndef SUITE_TEXT_H
#define SUITE_TEXT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wws/wws.h>

#define NAMESPACE "urn:suite"

static inline wws_string text_of(const char *text)
{
    return (wws_string) { text, strlen(text) };
}

/* What stands between the first > and the next <; empty if nothing does.  The
 * copy is the caller's to free. */
static inline char *text_in(wws_bytes body)
{
    const char *data = body.data;
    const char *begin = body.size == 0 ? NULL : memchr(data, '>', body.size);
    const char *end;

    if (begin == NULL)
        return strdup("");
    begin++;
    end = memchr(begin, '<', (size_t) (data + body.size - begin));
    return strndup(begin, end == NULL ? 0 : (size_t) (end - begin));
}

/* An element with text in it; the caller's to free. */
static inline wws_bytes body_of(const char *name, const char *text)
{
    size_t size = 2 * strlen(name) + strlen(text) + sizeof NAMESPACE + 32;
    char *body = malloc(size);
    int used = body == NULL ? 0 : snprintf(body, size,
        "<%s xmlns=\"" NAMESPACE "\">%s</%s>", name, text, name);

    return (wws_bytes) { body, (size_t) used };
}

#endif
