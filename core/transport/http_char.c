/* The table of character classes, and comparisons.  Each letter below adds
 * classes to the one before it that it is made of. */
#include "core/transport/http_char.h"

#include <string.h>

enum {
    o = 0,
    s = WWI_CHAR_TEXT,
    v = s | WWI_CHAR_VISIBLE,
    t = v | WWI_CHAR_TOKEN,
    p = v | WWI_CHAR_PATH,
    b = t | p,
    u = b | WWI_CHAR_UNRESERVED,
    h = u | WWI_CHAR_HOST,
    x = h | WWI_CHAR_HEX,
    d = x | WWI_CHAR_DIGIT,
};

const uint8_t wwi_char_classes[256] = {
    o, o, o, o, o, o, o, o, o, s, o, o, o, o, o, o,
    o, o, o, o, o, o, o, o, o, o, o, o, o, o, o, o,
    s, b, v, t, b, t, b, b, p, p, b, b, p, h, h, p,
    d, d, d, d, d, d, d, d, d, d, p, p, v, p, v, v,
    p, x, x, x, x, x, x, h, h, h, h, h, h, h, h, h,
    h, h, h, h, h, h, h, h, h, h, h, v, v, v, t, h,
    t, x, x, x, x, x, x, h, h, h, h, h, h, h, h, h,
    h, h, h, h, h, h, h, h, h, h, h, v, t, v, u, o,
    s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s,
    s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s,
    s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s,
    s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s,
    s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s,
    s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s,
    s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s,
    s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s,
};

unsigned wwi_char_hex(char c)
{
    if (wwi_char_is(c, WWI_CHAR_DIGIT))
        return (unsigned) (c - '0');
    return (unsigned) (wwi_char_lower(c) - 'a') + 10;
}

bool wwi_text_is_all(wws_string text, unsigned classes)
{
    return text.size != 0 && wwi_text_take(&text, classes).size != 0
        && text.size == 0;
}

bool wwi_text_same(wws_string left, wws_string right)
{
    if (left.size != right.size)
        return false;
    for (size_t i = 0; i < left.size; i++) {
        if (wwi_char_lower(left.data[i]) != wwi_char_lower(right.data[i]))
            return false;
    }
    return true;
}

bool wwi_text_is(wws_string text, const char *word)
{
    size_t i = 0;

    /* Most words differ at once: their length is not worth knowing. */
    while (i < text.size && word[i] != '\0'
        && wwi_char_lower(text.data[i]) == wwi_char_lower(word[i]))
        i++;
    return i == text.size && word[i] == '\0';
}

wws_string wwi_text_split(wws_string *text, size_t size)
{
    wws_string front = { text->data, size };

    /* An empty text may be null, to which nothing can be added. */
    if (size != 0)
        text->data += size;
    text->size -= size;
    return front;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

wws_string wwi_text_skip_blank(wws_string text)
{
    while (text.size != 0 && is_blank(text.data[0]))
        wwi_text_split(&text, 1);
    return text;
}

wws_string wwi_text_trim(wws_string text)
{
    text = wwi_text_skip_blank(text);
    while (text.size != 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

bool wwi_text_list_next(wws_string *list, wws_string *member)
{
    while (list->size != 0) {
        const char *comma = memchr(list->data, ',', list->size);
        size_t size = comma != NULL ? (size_t) (comma - list->data)
                                    : list->size;

        *member = wwi_text_trim(wwi_text_split(list, size));
        wwi_text_split(list, comma != NULL);
        if (member->size != 0)
            return true;
    }
    return false;
}

wws_string wwi_text_take(wws_string *text, unsigned classes)
{
    size_t most = text->size, size = 0;

    while (size < most && wwi_char_is(text->data[size], classes))
        size++;
    return wwi_text_split(text, size);
}

bool wwi_text_take_char(wws_string *text, char c)
{
    if (text->size == 0 || text->data[0] != c)
        return false;
    wwi_text_split(text, 1);
    return true;
}

/* The size of a quoted string with its quotes, 0 if there is none. */
static size_t quoted_size(wws_string text)
{
    if (text.size == 0 || text.data[0] != '"')
        return 0;
    for (size_t i = 1; i < text.size; i++) {
        if (text.data[i] == '"')
            return i + 1;
        i += text.data[i] == '\\';
        if (i == text.size || !wwi_char_is(text.data[i], WWI_CHAR_TEXT))
            return 0;
    }
    return 0;
}

wws_string wwi_text_take_quoted(wws_string *text)
{
    return wwi_text_split(text, quoted_size(*text));
}
