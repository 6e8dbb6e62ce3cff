/* What both forms of HTTP, buffered and streamed, say in the heads of messages
 * and make of those that they get. */
#ifndef WWI_HTTP_HEAD_H
#define WWI_HTTP_HEAD_H

#include "core/transport/http_parser.h"
#include "core/transport/http_writer.h"
#include "core/transport/transport.h"
#include "core/transport/url.h"

/* The head of a request, without framing and end. */
void wwi_http_begin_request(
    struct wwi_http_writer *writer,
    struct wwi_bytes *out,
    const struct wwi_url *url,
    const struct wwi_outgoing *outgoing);

/* The first lines of an answer's head; what describes its envelope. */
void wwi_http_begin_answer(
    struct wwi_http_writer *writer,
    struct wwi_bytes *out,
    unsigned status);
void wwi_http_write_content(
    struct wwi_http_writer *writer,
    const struct wwi_outgoing *outgoing);
/* A whole answer without a body, after which the connection ends. */
wws_status wwi_http_write_last_answer(struct wwi_bytes *out, unsigned status);

/* What a final response means: WWS_S_OK, it has an envelope; WWS_S_END, it has
 * none and need not; otherwise the text says why it is no reply. */
wws_status wwi_http_judge_response(
    const struct wwi_http_parser *parser,
    wws_envelope_version version,
    bool has_body,
    char *text,
    size_t size);

/* The fields of a head, as long as the parser has it. */
struct wwi_fields wwi_http_fields(const struct wwi_http_parser *parser);

#endif
