/* Documents in any encoding, against iconv(3): whatever is taken must be what
 * iconv makes of it, and what iconv takes must be taken, unless XML has no such
 * character or somebody says another encoding.
 *
 * The first octet of an input chooses what the transport says. */
#include <iconv.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/xml/charset.h"
#include "core/xml/chars.h"
#include "core/xml/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

struct text {
    char *data;
    size_t size;
    bool good;
};

static struct text convert(const char *from, const uint8_t *data, size_t size)
{
    struct text text = { malloc(2 * size + 4), 0, false };
    iconv_t converter = iconv_open("UTF-8", from);
    char *in = (char *) (uintptr_t) data;
    size_t room = 2 * size + 4;
    char *out = text.data;

    demand(out != NULL && converter != (iconv_t) -1, "iconv");
    text.good = iconv(converter, &in, &size, &out, &room) != (size_t) -1;
    text.size = (size_t) (out - text.data);
    iconv_close(converter);
    return text;
}

static bool begins(const void *data, size_t size, const char *with)
{
    return size >= strlen(with) && memcmp(data, with, strlen(with)) == 0;
}

/* Which UTF-16 it is, by its beginning and by what was said; null if it is none
 * or begins as something else. */
static const char *order_of(
    const uint8_t **data,
    size_t *size,
    enum wwi_charset said)
{
    static const char little[] = "UTF-16LE";
    static const char big[] = "UTF-16BE";
    unsigned first = *size < 2 ? 0 : (unsigned) ((*data)[0] << 8 | (*data)[1]);

    if (first == 0xFFFE || first == 0xFEFF) {
        *data += 2;
        *size -= 2;
        return first == 0xFFFE ? little : big;
    }
    if (first == 0x3C00 || first == 0x003C)
        return first == 0x3C00 ? little : big;
    if (begins(*data, *size, "\xEF\xBB\xBF")
        || begins(*data, *size, "\x4C\x6F\xA7\x94"))
        return NULL;
    return said == WWI_CHARSET_UTF_16LE ? little
        : said == WWI_CHARSET_UTF_16BE ? big : NULL;
}

static bool is_of_xml(const struct text *text)
{
    const uint8_t *at = (const uint8_t *) text->data;
    const uint8_t *limit = at + text->size;
    uint32_t character;

    while (at < limit) {
        int size = wwi_xml_character(at, limit, &character);

        if (size <= 0)
            return false;
        at += size;
    }
    return true;
}

/* Ours may have spaces in a declaration where the other names an encoding. */
static void demand_same(const struct wwi_bytes *ours, const struct text *other)
{
    const char *data = (const char *) ours->data;
    bool declared = begins(other->data, other->size, "<?xml");

    demand(ours->size == other->size, "same size");
    for (size_t i = 0; i < other->size; i++)
        demand(data[i] == other->data[i]
                || (declared && i < 256 && data[i] == ' '), "same text");
}

static void check_wide(
    const struct wwi_bytes *ours,
    wws_status status,
    enum wwi_charset said,
    const char *order,
    const struct text *other)
{
    bool second = begins(other->data, other->size, "\xEF\xBB\xBF");
    bool fits = said == WWI_CHARSET_UNSAID || said == WWI_CHARSET_UTF_16
        || strcmp(wwi_charset_name(said), order) == 0;

    if (status >= 0) {
        demand(fits, "nothing else is said");
        demand(other->good && !second, "iconv takes it");
        demand(is_of_xml(other), "characters of XML");
        demand_same(ours, other);
    } else {
        demand(!fits || !other->good || second || !is_of_xml(other)
                || (said == WWI_CHARSET_UNSAID
                    && begins(other->data, other->size, "<?xml")), "a reason");
    }
}

static void check_narrow(
    const struct wwi_bytes *ours,
    wws_status status,
    enum wwi_charset said,
    const uint8_t *data,
    size_t size)
{
    struct text same = { (char *) (uintptr_t) data, size, true };
    size_t mark = begins(data, size, "\xEF\xBB\xBF") ? 3 : 0;

    if (status < 0)
        return;
    demand(said == WWI_CHARSET_UNSAID || said == WWI_CHARSET_UTF_8,
        "UTF-8 is said");
    if (begins(same.data + mark, size - mark, "<?xml"))
        demand(ours->size == size, "same size");
    else
        demand_same(ours, &same);
}

/* Once more, with what it has come to as the quota, and less. */
static void check_quota(
    const uint8_t *data,
    size_t size,
    enum wwi_charset said,
    size_t result)
{
    for (size_t less = 0; less < 2 && result > 1; less++) {
        struct wwi_bytes octets = { 0 };

        wwi_bytes_append(&octets, data, size);
        demand(wwi_charset_decode(&octets, said, result - less, NULL)
            == (less == 0 ? WWS_S_OK : WWS_E_QUOTA_EXCEEDED), "quota");
        wwi_bytes_fini(&octets);
    }
}

/* It has no declaration of another encoding any more, and UTF-16 has become
 * text with no octet that the reader would refuse as such. */
static void check_reader(const struct wwi_bytes *octets)
{
    struct wwi_xml_reader reader;
    enum wwi_xml_token token;

    wwi_xml_reader_init(&reader, NULL);
    wwi_xml_reader_whole(&reader, octets->data, octets->size);
    do
        token = wwi_xml_reader_next(&reader);
    while (token != WWI_XML_END_OF_DOCUMENT && token != WWI_XML_ERROR);
    demand(token != WWI_XML_ERROR || octets->size == 0
        || octets->data[0] == 0 || octets->data[0] >= 0xFE
        || strcmp(reader.problem, "the encoding is not UTF-8") != 0,
        "the reader minds no encoding");
    wwi_xml_reader_fini(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wwi_bytes octets = { 0 };
    enum wwi_charset said;
    const uint8_t *rest = data + 1;
    size_t rest_size = size - 1;
    const char *order;
    wws_status status;

    if (size == 0)
        return 0;
    said = (enum wwi_charset) (data[0] % (WWI_CHARSET_OTHER + 1));
    wwi_bytes_append(&octets, data + 1, size - 1);
    status = wwi_charset_decode(&octets, said, 0, NULL);
    if (status >= 0)
        check_reader(&octets);
    order = order_of(&rest, &rest_size, said);
    if (said == WWI_CHARSET_OTHER) {
        demand(status == WWS_E_INVALID_FORMAT, "not supported");
    } else if (order != NULL) {
        struct text other = convert(order, rest, rest_size);

        check_wide(&octets, status, said, order, &other);
        free(other.data);
        if (status >= 0)
            check_quota(data + 1, size - 1, said, octets.size);
    } else {
        check_narrow(&octets, status, said, data + 1, size - 1);
    }
    wwi_bytes_fini(&octets);
    demand(wwi_memory_live() == 0, "nothing leaked");
    return 0;
}
