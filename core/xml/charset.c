/* Which encoding a document is in, and UTF-16.
 *
 * Three may say it: the transport, the first octets, the XML declaration.  The
 * first octets are what is there, so that whoever says otherwise is wrong.  Of
 * the other two the transport is believed, and then the declaration may name
 * anything (XML 1.0, 4.3.3).  Without any of them it is UTF-8.
 *
 * What encodings other than UTF-16 and UTF-8 begin with is known only to say
 * what they are. */
#include "core/xml/charset.h"

#include "core/xml/parser.h"

/* XML 1.0, appendix F.  Those of four octets come before their beginnings. */
static const struct signature {
    uint8_t octets[4];
    uint8_t size;
    uint8_t mark_size; /* of the byte order mark that it is, or 0 */
    enum wwi_charset charset;
    const char *name;
} signatures[] = {
    { { 0x00, 0x00, 0xFE, 0xFF }, 4, 4, WWI_CHARSET_OTHER, "UTF-32" },
    { { 0xFF, 0xFE, 0x00, 0x00 }, 4, 4, WWI_CHARSET_OTHER, "UTF-32" },
    { { 0x00, 0x00, 0x00, 0x3C }, 4, 0, WWI_CHARSET_OTHER, "UTF-32" },
    { { 0x3C, 0x00, 0x00, 0x00 }, 4, 0, WWI_CHARSET_OTHER, "UTF-32" },
    { { 0x4C, 0x6F, 0xA7, 0x94 }, 4, 0, WWI_CHARSET_OTHER, "EBCDIC" },
    { { 0xEF, 0xBB, 0xBF }, 3, 3, WWI_CHARSET_UTF_8, "UTF-8" },
    { { 0xFF, 0xFE }, 2, 2, WWI_CHARSET_UTF_16LE, "UTF-16LE" },
    { { 0xFE, 0xFF }, 2, 2, WWI_CHARSET_UTF_16BE, "UTF-16BE" },
    { { 0x3C, 0x00 }, 2, 0, WWI_CHARSET_UTF_16LE, "UTF-16LE" },
    { { 0x00, 0x3C }, 2, 0, WWI_CHARSET_UTF_16BE, "UTF-16BE" },
};

static const struct signature *find_signature(const struct wwi_bytes *octets)
{
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const struct signature *it = &signatures[i];

        if (octets->size >= it->size
            && memcmp(octets->data, it->octets, it->size) == 0)
            return it;
    }
    return NULL;
}

static bool is_utf16(enum wwi_charset charset)
{
    return charset == WWI_CHARSET_UTF_16LE || charset == WWI_CHARSET_UTF_16BE;
}

/* Whether a name fits what is there. */
static bool fits(enum wwi_charset named, enum wwi_charset charset)
{
    return named == charset
        || (named == WWI_CHARSET_UTF_16 && is_utf16(charset));
}

/* Of what has no signature. */
static wws_status believe(
    enum wwi_charset said,
    enum wwi_charset *charset,
    struct wwi_error *error)
{
    if (said == WWI_CHARSET_UTF_16)
        return wwi_fail_static(error, WWS_E_INVALID_FORMAT,
            "UTF-16 without a byte order mark");
    if (said != WWI_CHARSET_UNSAID)
        *charset = said;
    return WWS_S_OK;
}

/* Leaves alone what nothing is known of. */
static wws_status detect(
    const struct wwi_bytes *octets,
    enum wwi_charset said,
    enum wwi_charset *charset,
    size_t *mark_size,
    struct wwi_error *error)
{
    const struct signature *found = find_signature(octets);

    if (said == WWI_CHARSET_OTHER)
        return wwi_fail_static(error, WWS_E_INVALID_FORMAT,
            "the transport says an encoding that is not supported");
    if (found == NULL)
        return believe(said, charset, error);
    if (found->charset == WWI_CHARSET_OTHER)
        return wwi_fail(error, WWS_E_INVALID_FORMAT,
            "the encoding %s is not supported", found->name);
    if (said != WWI_CHARSET_UNSAID && !fits(said, found->charset))
        return wwi_fail(error, WWS_E_INVALID_FORMAT,
            "the transport says %s, but it is %s", wwi_charset_name(said),
            found->name);
    *charset = found->charset;
    *mark_size = found->mark_size;
    return WWS_S_OK;
}

struct utf16 {
    const uint8_t *begin;
    const uint8_t *limit;
    unsigned high; /* which octet of a unit is the higher one */
};

static uint32_t unit_at(const struct utf16 *from, const uint8_t *at)
{
    return (uint32_t) at[from->high] << 8 | at[1 - from->high];
}

/* How many octets the character takes; 0 for half of a surrogate pair. */
static size_t take(
    const struct utf16 *from,
    const uint8_t *at,
    uint32_t *character)
{
    uint32_t low;

    *character = unit_at(from, at);
    if (*character < 0xD800 || *character > 0xDFFF)
        return 2;
    if (*character > 0xDBFF || from->limit - at < 4)
        return 0;
    low = unit_at(from, at + 2);
    if (low < 0xDC00 || low > 0xDFFF)
        return 0;
    *character = 0x10000 + ((*character - 0xD800) << 10) + (low - 0xDC00);
    return 4;
}

/* Adds the size in UTF-8 of what is well-formed. */
static wws_status measure(
    const struct utf16 *from,
    size_t *size,
    struct wwi_error *error)
{
    const uint8_t *at = from->begin;
    uint32_t character;
    char ignored[4];

    if ((from->limit - at) % 2 != 0)
        return wwi_fail_static(error, WWS_E_INVALID_FORMAT,
            "the UTF-16 ends within a character");
    /* The reader would take it for the mark of the UTF-8. */
    if (at < from->limit && unit_at(from, at) == 0xFEFF)
        return wwi_fail_static(error, WWS_E_INVALID_FORMAT,
            "a second byte order mark");
    while (at < from->limit) {
        size_t taken = take(from, at, &character);
        size_t given = taken == 0 ? 0 : wwi_xml_encode(character, ignored);

        if (given == 0)
            return wwi_fail(error, WWS_E_INVALID_FORMAT, taken == 0
                ? "half of a surrogate pair at octet %zu of the UTF-16"
                : "no character of XML at octet %zu of the UTF-16",
                (size_t) (at - from->begin));
        at += taken;
        *size += given;
    }
    return WWS_S_OK;
}

static wws_status transcode(
    struct wwi_bytes *octets,
    const struct utf16 *from,
    size_t max_size,
    struct wwi_error *error)
{
    struct wwi_bytes out = { 0 };
    uint32_t character;
    size_t size = 0;
    wws_status status = measure(from, &size, error);

    if (status < 0)
        return status;
    if (max_size != 0 && size > max_size)
        return wwi_fail(error, WWS_E_QUOTA_EXCEEDED,
            "in UTF-8 it would have %zu octets, of at most %zu", size,
            max_size);
    if (wwi_bytes_reserve(&out, size) == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for the UTF-8");
    for (const uint8_t *at = from->begin; at < from->limit;) {
        at += take(from, at, &character);
        out.size += wwi_xml_encode(character, (char *) out.data + out.size);
    }
    wwi_bytes_fini(octets);
    *octets = out;
    return WWS_S_OK;
}

/* Finds what is declared of the encoding; false if nothing is.  A declaration
 * that is malformed is left to the reader, which knows how to tell. */
static bool find_declared(
    const uint8_t *p,
    const uint8_t *limit,
    struct wwi_xml_declared *declared)
{
    size_t size = (size_t) (limit - p);
    const uint8_t *end;

    if (size < 6 || memcmp(p, "<?xml", 5) != 0
        || !wwi_xml_is(p[5], WWI_XML_SPACE))
        return false;
    end = memchr(p, '>', size < WWI_XML_DECLARATION_SIZE
        ? size : WWI_XML_DECLARATION_SIZE);
    return end != NULL && wwi_xml_read_declared(p + 5, end, declared) == NULL
        && declared->encoding.data != NULL;
}

/* Nothing from outside says the encoding: then it is declared as it is. */
static wws_status check_declared(
    wws_string name,
    enum wwi_charset charset,
    struct wwi_error *error)
{
    enum wwi_charset named = wwi_charset_named(name);

    if (fits(named, charset))
        return WWS_S_OK;
    if (named == WWI_CHARSET_OTHER)
        return wwi_fail(error, WWS_E_INVALID_FORMAT,
            "the encoding %.*s is not supported", (int) name.size, name.data);
    return wwi_fail(error, WWS_E_INVALID_FORMAT,
        "%s is declared, but it is %s", wwi_charset_name(named),
        wwi_charset_name(charset));
}

static wws_status settle_declared(
    struct wwi_bytes *octets,
    size_t mark_size,
    enum wwi_charset said,
    enum wwi_charset charset,
    struct wwi_error *error)
{
    uint8_t *begin = octets->data;
    struct wwi_xml_declared declared;
    wws_status status = WWS_S_OK;

    if (!find_declared(begin + mark_size, begin + octets->size, &declared))
        return WWS_S_OK;
    if (said == WWI_CHARSET_UNSAID)
        status = check_declared(declared.encoding, charset, error);
    if (status >= 0)
        memset(begin + (declared.begin - begin), ' ',
            (size_t) (declared.end - declared.begin));
    return status;
}

wws_status wwi_charset_decode(
    struct wwi_bytes *octets,
    enum wwi_charset said,
    size_t max_size,
    struct wwi_error *error)
{
    enum wwi_charset charset = WWI_CHARSET_UTF_8;
    size_t mark_size = 0;
    wws_status status = detect(octets, said, &charset, &mark_size, error);

    if (status < 0 || octets->size == 0)
        return status;
    if (is_utf16(charset)) {
        struct utf16 from = {
            .begin = octets->data + mark_size,
            .limit = octets->data + octets->size,
            .high = charset == WWI_CHARSET_UTF_16LE,
        };

        status = transcode(octets, &from, max_size, error);
        mark_size = 0;
    }
    if (status >= 0)
        status = settle_declared(octets, mark_size, said, charset, error);
    return status;
}
