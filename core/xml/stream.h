/* Envelopes that come, or go, in pieces, of which no more is held than the head
 * and what a piece cut off.
 *
 * The *head* is everything up to the start tag of the body, that included.  It
 * is given out as an envelope of its own, with an empty body, for
 * wwi_envelope_parse to judge; nothing of what follows it means anything before
 * that is done.  The *content*, what is in the body, is given out in runs of
 * octets that one after the other stand for themselves. */
#ifndef WWI_XML_STREAM_H
#define WWI_XML_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/xml/reader.h"
#include "wws/base.h"
#include "wws/types.h"

enum wwi_stream_event {
    WWI_STREAM_NEED_INPUT, /* feed or finish, then ask again */
    WWI_STREAM_HEAD,       /* head; comes once, before any content */
    WWI_STREAM_CONTENT,    /* octets: one run, never empty */
    WWI_STREAM_END,        /* of the envelope; again on every further call */
    WWI_STREAM_ERROR,      /* status; again on every further call */
};

struct wwi_stream_reader {
    /* A whole envelope, from WWI_STREAM_HEAD on.  Whoever takes it leaves all
     * zero behind. */
    struct wwi_bytes head;
    /* A run ends between two tokens, or inside text or a comment, never inside
     * a tag, a reference or a character.  Holds until the following call. */
    wws_bytes octets;
    /* WWS_E_INVALID_FORMAT, WWS_E_QUOTA_EXCEEDED or WWS_E_OUTOFMEMORY. */
    wws_status status;

    /* The stream's own; see stream.c. */
    struct wwi_xml_reader reader;
    size_t max_head;
    const uint8_t *piece;
    size_t piece_size;
    size_t fed;
    uint64_t piece_offset;
    struct wwi_bytes held;
    uint64_t given;
    size_t taken;
    struct wwi_bytes outside;
    struct wwi_bytes outside_list;
    struct wwi_bytes tag;
    size_t root_at;
    size_t root_size;
    uint8_t phase;
    bool tag_due;
    bool starved;
    bool finished;
};

/* No limits means all defaults.  A head of more than max_head octets is
 * WWS_E_QUOTA_EXCEEDED; if what reaches beyond is malformed too, where pieces
 * end says which it is.  An all-zero struct may be given to fini. */
void wwi_stream_reader_init(
    struct wwi_stream_reader *stream,
    const struct wwi_xml_limits *limits,
    size_t max_head);
void wwi_stream_reader_fini(struct wwi_stream_reader *stream);

/* Gives the next piece, which is borrowed until more is asked for; at first,
 * and after WWI_STREAM_NEED_INPUT.  One that was not asked for is an error. */
void wwi_stream_reader_feed(
    struct wwi_stream_reader *stream,
    wws_bytes piece);
/* Says that no piece follows; may come any time after the last one. */
void wwi_stream_reader_finish(struct wwi_stream_reader *stream);

/* What comes next; an error also gets its string.  Of what came before an
 * error, some may not have been given out. */
enum wwi_stream_event wwi_stream_reader_next(
    struct wwi_stream_reader *stream,
    struct wwi_error *error);

/* Checks what a program writes into a body piece by piece: whole elements that
 * declare their prefixes. */
struct wwi_stream_checker {
    struct wwi_xml_reader reader;
};

/* The limits are of the envelope that the content will be in: two of the depth
 * are not the program's.  No limits means all defaults. */
void wwi_stream_checker_init(
    struct wwi_stream_checker *checker,
    const struct wwi_xml_limits *limits);
void wwi_stream_checker_fini(struct wwi_stream_checker *checker);

/* Whether the content may go on with the piece, and whether it may end here.
 * What is refused once stays refused. */
wws_status wwi_stream_checker_feed(
    struct wwi_stream_checker *checker,
    wws_bytes piece,
    struct wwi_error *error);
wws_status wwi_stream_checker_finish(
    struct wwi_stream_checker *checker,
    struct wwi_error *error);

#endif
