/* Header blocks and bodies that an application hands in: checked, made ready to
 * stand in an envelope, and kept in one run of octets. */
#ifndef WWI_XML_BLOCKS_H
#define WWI_XML_BLOCKS_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "wws/base.h"
#include "wws/types.h"

struct wwi_block {
    /* Places in blocks.xml and blocks.names. */
    size_t begin;
    size_t size;
    size_t local;
    size_t local_size;
    size_t ns;
    size_t ns_size;
    size_t role;
    size_t role_size;
    bool relay;
    bool must_understand;
};

struct wwi_blocks {
    struct wwi_bytes xml;   /* the blocks one after the other */
    struct wwi_bytes names;
    struct wwi_block *list;
    uint32_t count;
    uint32_t room;
};

enum wwi_block_flags {
    WWI_BLOCK_MUST_UNDERSTAND = 1,     /* say so on it */
    WWI_BLOCK_REFERENCE_PARAMETER = 2, /* likewise, where addressing has that */
    WWI_BLOCK_RECEIVED = 4,            /* it may have any name */
    WWI_BLOCK_SEVERAL = 8,             /* one behind the other, or none */
};

struct wwi_block_options {
    wws_envelope_version version;
    wws_addressing_version addressing;
    unsigned flags;
};

/* All zero has no blocks; fini returns to that, reset keeps memory. */
void wwi_blocks_fini(struct wwi_blocks *blocks);
void wwi_blocks_reset(struct wwi_blocks *blocks);

/* Copies one whole element, or several, that are in a namespace and declare
 * their prefixes.  One that is not is WWS_E_INVALID_FORMAT; a standard header of
 * addressing, or a mustUnderstand that says otherwise, is WWS_E_INVALIDARG. */
wws_status wwi_blocks_add(
    struct wwi_blocks *blocks,
    wws_bytes elements,
    const struct wwi_block_options *options,
    struct wwi_error *error);
/* Only says whether it would. */
wws_status wwi_check_blocks(
    wws_bytes elements,
    const struct wwi_block_options *options,
    struct wwi_error *error);

/* The block of that name, counting down *index past those before it; null when
 * there are not that many. */
const struct wwi_block *wwi_blocks_find(
    const struct wwi_blocks *blocks,
    wws_string local,
    wws_string ns,
    uint32_t *index);
/* Whom it is for; empty: the receiver in the end. */
wws_string wwi_blocks_role(
    const struct wwi_blocks *blocks,
    const struct wwi_block *block);
wws_bytes wwi_blocks_xml(
    const struct wwi_blocks *blocks,
    const struct wwi_block *block);
/* Drops the last ones, down to a count. */
void wwi_blocks_cut(struct wwi_blocks *blocks, uint32_t count);
/* Removes all of that name and says whether there were any. */
bool wwi_blocks_remove(
    struct wwi_blocks *blocks,
    wws_string local,
    wws_string ns);

/* Whether octets can be the content of a body, or of a fault's detail when text
 * may stand there too: whole elements that declare their prefixes.
 * WWS_E_INVALID_FORMAT or WWS_E_QUOTA_EXCEEDED if not. */
wws_status wwi_check_content(
    wws_bytes content,
    bool text,
    struct wwi_error *error);

#endif
