/* What the files that read envelopes share.  A function is called with the
 * reader at the start of an element and leaves it at its end. */
#ifndef WWI_XML_ENVELOPE_PARSER_H
#define WWI_XML_ENVELOPE_PARSER_H

#include "core/xml/envelope.h"

struct wwi_envelope_parser {
    struct wwi_envelope *envelope;
    struct wwi_xml_reader *reader;
    const struct wwi_envelope_options *options;
    struct wwi_error *error;
    wws_string soap;       /* the namespace of the envelope */
    wws_string addressing; /* that of the headers; empty: none */
    wws_status status;     /* the first failure */
};

/* The envelope is wrong where the reader is.  False, as all that fails here. */
bool wwi_envelope_fail(
    struct wwi_envelope_parser *parser,
    wws_status status,
    const char *text);
bool wwi_envelope_refuse(struct wwi_envelope_parser *parser, const char *text);
bool wwi_envelope_no_memory(struct wwi_envelope_parser *parser);

/* The next token; WWI_XML_ERROR with the status set. */
enum wwi_xml_token wwi_envelope_next(struct wwi_envelope_parser *parser);

/* Goes to the start of the next child; false at the end of the element that is
 * open, and after a failure.  Only white space may lie between. */
bool wwi_envelope_next_child(struct wwi_envelope_parser *parser);

/* Goes to the end of the element. */
bool wwi_envelope_skip(struct wwi_envelope_parser *parser);

/* The text of an element that has no children, without white space around it;
 * lives as long as the envelope.  Data is never null. */
bool wwi_envelope_read_text(
    struct wwi_envelope_parser *parser,
    wws_string *text);

/* Reads to the end of the element and makes it, or adds it to, a part. */
bool wwi_envelope_read_part(
    struct wwi_envelope_parser *parser,
    struct wwi_envelope_part *part);
/* Does the same at the end of an element that began at `begin`. */
bool wwi_envelope_end_part(
    struct wwi_envelope_parser *parser,
    struct wwi_envelope_part *part,
    uint64_t begin);

/* Memory that lives as long as the envelope; null when there is none. */
void *wwi_envelope_room(struct wwi_envelope *envelope, size_t size);
/* A copy that does so; data is null without memory. */
wws_string wwi_envelope_keep(
    struct wwi_envelope *envelope,
    wws_string text);

/* What the attribute relay of a header says. */
bool wwi_envelope_relays(wws_envelope_version version, wws_string value);

/* Without white space around it. */
wws_string wwi_envelope_trim(wws_string text);
bool wwi_envelope_is_space(wws_string text);

/* Whether the element is of that name in the namespace of the envelope. */
bool wwi_envelope_at(
    const struct wwi_envelope_parser *parser,
    const char *local);

/* Reads what is in the element Header. */
bool wwi_envelope_read_headers(struct wwi_envelope_parser *parser);
/* Reads the element Fault. */
bool wwi_envelope_read_fault(struct wwi_envelope_parser *parser);

#endif
