/* Reads XML text as a stream of tokens that the caller pulls.
 *
 * Input comes in chunks that may end anywhere.  A chunk is borrowed, not
 * copied, until next() returns WWI_XML_NEED_INPUT, an error or the end; all
 * views of a token hold until the following call of next(). */
#ifndef WWI_XML_READER_H
#define WWI_XML_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/xml/scope.h"
#include "wws/base.h"
#include "wws/types.h"

enum wwi_xml_token {
    WWI_XML_NEED_INPUT,      /* feed or finish, then ask again */
    WWI_XML_START_ELEMENT,   /* name, attributes */
    WWI_XML_END_ELEMENT,     /* name; follows an empty element too */
    WWI_XML_TEXT,            /* text: one piece, never empty; more may follow */
    WWI_XML_END_OF_DOCUMENT, /* again on every further call */
    WWI_XML_ERROR,           /* status, problem, row, column; again likewise */
};

/* Declarations of namespaces are not attributes. */
struct wwi_xml_attribute {
    struct wwi_xml_name name;
    wws_string value; /* normalised, references resolved */
};

/* Going beyond a limit is WWS_E_QUOTA_EXCEEDED; 0 means the default. */
struct wwi_xml_limits {
    uint32_t depth;      /* 32 elements open */
    uint32_t attributes; /* 128 of one element, declarations not counted */
    uint32_t namespaces; /* 64 declarations in scope */
    uint32_t name_size;  /* 1024 octets of prefix:local */
    uint32_t value_size; /* 64 KiB of one attribute value, as written */
    uint32_t tag_size;   /* 1 MiB of one tag */
};

struct wwi_xml_reader_options {
    struct wwi_xml_limits limits;
    /* Reads what may stand between two tags: any number of elements and text,
     * no byte order mark, no XML declaration. */
    bool fragment;
};

struct wwi_xml_reader {
    /* The token; read only to the caller. */
    struct wwi_xml_name name;
    const struct wwi_xml_attribute *attributes;
    size_t attribute_count;
    wws_string text;
    uint32_t depth; /* elements open, that of a start or end token included */

    /* Where the token begins and ends, in octets of the whole input.  That of
     * an empty element's end token is empty and lies behind the tag. */
    uint64_t begin;
    uint64_t end;

    /* Set with WWI_XML_ERROR.  The text is static; row and column are counted
     * from 0, in lines ended by LF and in octets. */
    wws_status status;
    const char *problem;
    uint64_t row;
    uint64_t column;

    /* The reader's own; see reader.c. */
    struct wwi_xml_reader_options options;
    struct wwi_xml_scope scope;
    struct wwi_bytes raws;    /* an array of what the tag has, as written */
    struct wwi_bytes list;    /* the array of attributes */
    struct wwi_bytes decoded; /* values that are not views of the input */
    struct wwi_bytes carry;
    const uint8_t *base;
    const uint8_t *at;
    const uint8_t *limit;
    const uint8_t *rest;
    const uint8_t *rest_limit;
    uint64_t base_offset;
    uint8_t state;
    uint8_t quote;
    bool starved;
    bool finished;
    bool rooted;
    bool ended;
    char character[4];
};

/* No options means all defaults.  An all-zero struct may be given to fini. */
void wwi_xml_reader_init(
    struct wwi_xml_reader *reader,
    const struct wwi_xml_reader_options *options);
void wwi_xml_reader_fini(struct wwi_xml_reader *reader);
/* Ready for another document, keeping the options and up to `keep` octets of
 * each growing buffer. */
void wwi_xml_reader_reset(struct wwi_xml_reader *reader, size_t keep);

/* Gives the next chunk: at first, and after WWI_XML_NEED_INPUT.  A chunk that
 * was not asked for is an error. */
void wwi_xml_reader_feed(
    struct wwi_xml_reader *reader,
    const void *data,
    size_t size);
/* Says that no chunk follows; may come any time after the last one. */
void wwi_xml_reader_finish(struct wwi_xml_reader *reader);
/* Feeds one buffer that is the whole input, and finishes. */
void wwi_xml_reader_whole(
    struct wwi_xml_reader *reader,
    const void *data,
    size_t size);

enum wwi_xml_token wwi_xml_reader_next(struct wwi_xml_reader *reader);

/* Whether the current element, or the current attribute, has this name. */
static inline bool wwi_xml_name_is(
    const struct wwi_xml_name *name,
    wws_string ns,
    wws_string local)
{
    return wwi_xml_equal(name->local, local) && wwi_xml_equal(name->ns, ns);
}

/* Namespaces at the current token; those of an element are still in force at
 * its end token.  Views hold as long as the token's.
 *
 * lookup: the namespace of a prefix, for names in content.  False when it is
 * not declared; the empty prefix always is, at worst with an empty uri.
 * namespace: steps through all declarations in force; see scope.h. */
bool wwi_xml_reader_lookup(
    const struct wwi_xml_reader *reader,
    wws_string prefix,
    wws_string *uri);
bool wwi_xml_reader_namespace(
    const struct wwi_xml_reader *reader,
    size_t *index,
    struct wwi_xml_namespace *found);

#endif
