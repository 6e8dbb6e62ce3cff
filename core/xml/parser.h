/* What the parts of the reader share: where it is, and how a step ends; and
 * with charset, how a declaration is read.
 *
 * A step returns a token, or AGAIN when there is none yet, or
 * WWI_XML_NEED_INPUT when the window ends before the item does; then it has
 * changed nothing.  The words are explained in reader.c. */
#ifndef WWI_XML_PARSER_H
#define WWI_XML_PARSER_H

#include <string.h>

#include "core/xml/chars.h"
#include "core/xml/reader.h"

/* What comes next. */
enum wwi_xml_state {
    START,       /* a byte order mark may come */
    DECLARATION, /* an XML declaration may come */
    OUTSIDE,     /* before and after the root element */
    CONTENT,
    CDATA,
    COMMENT,
    EMPTY,       /* behind the tag of an empty element */
    DONE,
    FAILED,
};

/* What one step may report besides a token: nothing yet. */
enum { AGAIN = WWI_XML_ERROR + 1 };

/* Ends the reading because of what stands at p. */
int wwi_xml_refuse(
    struct wwi_xml_reader *reader,
    wws_status status,
    const uint8_t *p,
    const char *problem);

/* The item cannot go on: the window ends before it does. */
int wwi_xml_cut_off(struct wwi_xml_reader *reader, const char *problem);

/* Tags: `at` is at the `<`.  end_element gives the end token of the innermost
 * element, which reaches from `at` to p. */
int wwi_xml_read_start_tag(struct wwi_xml_reader *reader);
int wwi_xml_read_end_tag(struct wwi_xml_reader *reader);
int wwi_xml_end_element(struct wwi_xml_reader *reader, const uint8_t *p);

/* Content: text, a reference, inside a CDATA section, inside a comment. */
int wwi_xml_read_text(struct wwi_xml_reader *reader);
int wwi_xml_read_character(struct wwi_xml_reader *reader);
int wwi_xml_read_cdata(struct wwi_xml_reader *reader);
int wwi_xml_read_comment(struct wwi_xml_reader *reader);

/* An XML declaration longer than this is none. */
enum { WWI_XML_DECLARATION_SIZE = 256 };

struct wwi_xml_declared {
    wws_string encoding; /* its name; data is null when there is none */
    const uint8_t *begin; /* of all that declares it, with the space before */
    const uint8_t *end;
};

/* Reads what stands between `<?xml` and `>`; what is wrong with it, or null. */
const char *wwi_xml_read_declared(
    const uint8_t *p,
    const uint8_t *limit,
    struct wwi_xml_declared *declared);

/* Decodes the reference at p into at most four octets.  Returns what is behind
 * it; null when there is no valid reference; p when it is cut off. */
const uint8_t *wwi_xml_read_reference(
    const uint8_t *p,
    const uint8_t *limit,
    char to[4],
    size_t *size);

static inline wws_string wwi_xml_between(const uint8_t *from, const uint8_t *to)
{
    return (wws_string) { (const char *) from, (size_t) (to - from) };
}

static inline uint64_t wwi_xml_offset(
    const struct wwi_xml_reader *reader,
    const uint8_t *p)
{
    return reader->base_offset + (uint64_t) (p - reader->base);
}

/* Whether no input follows the window. */
static inline bool wwi_xml_is_last(const struct wwi_xml_reader *reader)
{
    return reader->finished && reader->rest == reader->rest_limit;
}

static inline int wwi_xml_fail(
    struct wwi_xml_reader *reader,
    const uint8_t *p,
    const char *problem)
{
    return wwi_xml_refuse(reader, WWS_E_INVALID_FORMAT, p, problem);
}

static inline int wwi_xml_no_memory(struct wwi_xml_reader *reader)
{
    return wwi_xml_refuse(reader, WWS_E_OUTOFMEMORY, reader->at,
        "out of memory");
}

static inline int wwi_xml_over_limit(
    struct wwi_xml_reader *reader,
    const uint8_t *p,
    const char *problem)
{
    return wwi_xml_refuse(reader, WWS_E_QUOTA_EXCEEDED, p, problem);
}

/* A token that reaches from `at` to p; the next begins there. */
static inline int wwi_xml_hand_out(
    struct wwi_xml_reader *reader,
    int kind,
    const uint8_t *p)
{
    reader->begin = wwi_xml_offset(reader, reader->at);
    reader->end = wwi_xml_offset(reader, p);
    reader->at = p;
    return kind;
}

#endif
