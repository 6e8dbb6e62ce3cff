/* The body of a message that travels in pieces: what is written is checked, and
 * what is read taken out of its envelope.  No I/O. */
#ifndef WWI_PIECES_H
#define WWI_PIECES_H

#include "core/channel/mapped.h"
#include "core/transport/transport.h"
#include "core/xml/stream.h"

struct wwi_pieces {
    bool writing;
    struct wwi_stream_checker checker; /* writing, the two */
    uint64_t written;
    struct wwi_stream_reader reader;   /* reading, the rest */
    struct wwi_mapped mapped;          /* fields of the transport */
    bool nothing;                      /* there is no message to be read */
    struct wwi_bytes input;            /* what the reader has of the client */
    bool more;                         /* the message goes on behind it */
    bool headed;                       /* the head has been found */
    bool ended;
    wws_bytes content;                 /* found, and not given out yet */
    wws_status status;                 /* why it cannot be read */
    /* A fault is put together, to be read as one; so is what is wanted whole. */
    bool gathers;
    bool fault;
    struct wwi_bytes whole;
    uint32_t max_whole;
};

/* Null when there is no memory. */
struct wwi_pieces *wwi_pieces_new_writing(void);
struct wwi_pieces *wwi_pieces_new_reading(
    uint32_t max_head,
    uint32_t max_whole);
/* Of a message that is wanted whole, with at most so many octets. */
struct wwi_pieces *wwi_pieces_new_gathering(uint32_t max_whole);
void wwi_pieces_free(struct wwi_pieces *pieces);

/* Whether this may be written next. */
wws_status wwi_pieces_write(
    struct wwi_pieces *pieces,
    wws_bytes piece,
    uint64_t most,
    struct wwi_error *error);

/* Reading goes on up to something to give out: to the head with the beginning
 * of the content, or to content, or to the end. */
enum wwi_pieces_aim { WWI_PIECES_HEAD, WWI_PIECES_CONTENT, WWI_PIECES_END };

/* False when further input is needed for that; an error is enough, too. */
bool wwi_pieces_reach(struct wwi_pieces *pieces, enum wwi_pieces_aim aim);
/* Why it cannot be read, which is the result. */
wws_status wwi_pieces_tell(struct wwi_pieces *pieces, struct wwi_error *error);
/* Keeps the fields that came with the first input. */
void wwi_pieces_note(
    struct wwi_pieces *pieces,
    const struct wwi_fields *fields);
/* Further input, moved, when reach() asked for it. */
void wwi_pieces_feed(
    struct wwi_pieces *pieces,
    struct wwi_bytes *input,
    bool more);

#endif
