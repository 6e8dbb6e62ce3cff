/* Texts on their way into XML.  What stands for itself is appended in runs. */
#include "core/xml/escape.h"

#include "core/xml/chars.h"

/* What a character has to be written as; null: as it is. */
static const char *reference(uint8_t octet, bool attribute)
{
    switch (octet) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '\r': return "&#13;";
    case '"': return attribute ? "&quot;" : NULL;
    case '\t': return attribute ? "&#9;" : NULL;
    case '\n': return attribute ? "&#10;" : NULL;
    default: return NULL;
    }
}

/* Behind the next run without references; null at no character of XML. */
static const uint8_t *skip_run(
    const uint8_t *at,
    const uint8_t *limit,
    bool attribute)
{
    while (at < limit && reference(*at, attribute) == NULL) {
        uint32_t character;
        int size = wwi_xml_character(at, limit, &character);

        if (size <= 0)
            return NULL;
        at += size;
    }
    return at;
}

bool wwi_xml_escape(struct wwi_bytes *out, wws_string text, bool attribute)
{
    const uint8_t *at = (const uint8_t *) text.data;
    const uint8_t *limit = at + text.size;

    while (at < limit) {
        const uint8_t *run = at;

        at = attribute ? wwi_xml_skip(at, limit, WWI_XML_VALUE)
            : wwi_xml_skip_plain(at, limit, '>');
        at = skip_run(at, limit, attribute);
        if (at == NULL)
            return false;
        wwi_bytes_append(out, run, (size_t) (at - run));
        if (at < limit)
            wwi_bytes_append_text(out, reference(*at++, attribute));
    }
    return true;
}

bool wwi_xml_has_text(wws_string text)
{
    const uint8_t *at = (const uint8_t *) text.data;
    const uint8_t *limit = at + text.size;

    while (at < limit) {
        uint32_t character;
        int size = wwi_xml_character(at, limit, &character);

        if (size <= 0)
            return false;
        at += size;
    }
    return true;
}
