/* Writes HTTP/1.1 heads and chunks behind what a run of octets holds already.
 *
 * Nothing a caller supplies can end a line or add a field: an octet that may
 * not be there makes the head refused.  Fields are written freely and the
 * result is looked at once, at the end. */
#ifndef WWI_HTTP_WRITER_H
#define WWI_HTTP_WRITER_H

#include "core/base/bytes.h"
#include "wws/types.h"

struct wwi_http_writer {
    struct wwi_bytes *out;
    size_t start;
    bool framed;
    const char *refused;  /* static text: why; null while all is well */
};

void wwi_http_writer_request(
    struct wwi_http_writer *writer,
    struct wwi_bytes *out,
    wws_string method,
    wws_string target);
/* An empty reason means the usual one. */
void wwi_http_writer_response(
    struct wwi_http_writer *writer,
    struct wwi_bytes *out,
    unsigned status,
    wws_string reason);

/* Content-Length and Transfer-Encoding are refused here; they have functions
 * of their own, of which a head takes one, once. */
void wwi_http_writer_field(
    struct wwi_http_writer *writer,
    wws_string name,
    wws_string value);
void wwi_http_writer_length(struct wwi_http_writer *writer, uint64_t length);
void wwi_http_writer_chunked(struct wwi_http_writer *writer);
/* Date, from seconds since 1970, years 1970 to 9999. */
void wwi_http_writer_date(struct wwi_http_writer *writer, int64_t seconds);

/* Ends the head: 0, WWS_E_INVALIDARG if something was refused, or
 * WWS_E_OUTOFMEMORY.  On failure nothing of the head stays in `out`. */
wws_status wwi_http_writer_end(struct wwi_http_writer *writer);

/* What stands before and behind the octets of a chunk.  A chunk without octets
 * would end the body: for size 0 neither writes anything. */
void wwi_http_write_chunk_begin(struct wwi_bytes *out, uint64_t size);
void wwi_http_write_chunk_end(struct wwi_bytes *out, uint64_t size);
/* Ends the body. */
void wwi_http_write_last_chunk(struct wwi_bytes *out);

/* The usual reason; of an unknown status that of its class. */
const char *wwi_http_reason(unsigned status);

#endif
