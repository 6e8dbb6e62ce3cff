/* UTF-8 and ASCII, and the names of encodings. */
#include "core/base/text.h"

#include <stdint.h>
#include <string.h>

#include "core/base/memory.h"

/* Octets that follow a lead octet, and the range of the first of them; 0 for
 * an octet that cannot lead (RFC 3629, section 4). */
static int followers(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 1;
    if ((lead & 0xF0) == 0xE0) {
        if (lead == 0xE0)
            *low = 0xA0;
        if (lead == 0xED)
            *high = 0x9F;
        return 2;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (lead == 0xF0)
            *low = 0x90;
        if (lead == 0xF4)
            *high = 0x8F;
        return 3;
    }
    return 0;
}

bool wwi_utf8_valid(const char *text, size_t size)
{
    const uint8_t *at = (const uint8_t *) text;
    const uint8_t *end = at + size;

    while (at < end) {
        uint8_t low, high;
        int more;

        if (*at != 0 && *at < 0x80) {
            at++;
            continue;
        }
        more = followers(*at++, &low, &high);
        if (more == 0 || end - at < more || *at < low || *at > high)
            return false;
        for (at++; --more > 0; at++)
            if ((*at & 0xC0) != 0x80)
                return false;
    }
    return true;
}

size_t wwi_utf8_whole(const char *text, size_t size)
{
    size_t lead = size;
    uint8_t low, high;

    while (lead > 0 && size - lead < 3 && (text[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead == 0
        || followers((uint8_t) text[lead - 1], &low, &high)
            <= (int) (size - lead))
        return size;
    return lead - 1;
}

bool wwi_string_equal(wws_string a, wws_string b)
{
    return a.size == b.size
        && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool wwi_string_is(wws_string string, const char *text)
{
    return wwi_string_equal(string, wwi_string(text));
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

bool wwi_string_equal_nocase(wws_string a, wws_string b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

wws_string wwi_string(const char *text)
{
    return (wws_string) { text, strlen(text) };
}

char *wwi_string_copy(wws_string string)
{
    char *copy = wwi_alloc(string.size + 1);

    if (copy == NULL)
        return NULL;
    if (string.size != 0)
        memcpy(copy, string.data, string.size);
    copy[string.size] = '\0';
    return copy;
}

wws_string *wwi_strings_copy(const wws_string *strings, size_t count)
{
    size_t size = count * sizeof *strings;
    wws_string *copies;
    char *end;

    for (size_t i = 0; i < count; i++)
        size += strings[i].size;
    copies = wwi_alloc(size);
    if (copies == NULL)
        return NULL;
    end = (char *) (copies + count);
    for (size_t i = 0; i < count; i++) {
        copies[i] = (wws_string) { end, strings[i].size };
        if (strings[i].size != 0)
            memcpy(end, strings[i].data, strings[i].size);
        end += strings[i].size;
    }
    return copies;
}

static const char *const charset_names[] = {
    [WWI_CHARSET_UTF_8] = "UTF-8",
    [WWI_CHARSET_UTF_16] = "UTF-16",
    [WWI_CHARSET_UTF_16LE] = "UTF-16LE",
    [WWI_CHARSET_UTF_16BE] = "UTF-16BE",
};

enum wwi_charset wwi_charset_named(wws_string name)
{
    for (int i = WWI_CHARSET_UTF_8; i < WWI_CHARSET_OTHER; i++)
        if (wwi_string_equal_nocase(name, wwi_string(charset_names[i])))
            return (enum wwi_charset) i;
    return WWI_CHARSET_OTHER;
}

const char *wwi_charset_name(enum wwi_charset charset)
{
    return charset_names[charset];
}
