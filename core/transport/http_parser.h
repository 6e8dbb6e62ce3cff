/* A strict HTTP/1.1 parser: octets in, one message out.  It knows nothing of
 * sockets and threads.
 *
 * Feed it until it says MORE:
 *
 *     HEAD_DONE     the head can be looked at; call on for the body
 *     BODY          a piece of the body, in the caller's own input
 *     MESSAGE_DONE  what was not consumed belongs to the next message: reset
 *     MORE          all was consumed
 *     FAILED        `error` says why; the connection is of no further use
 *
 * What it says does not depend on how the octets were cut into pieces.  When
 * it says MORE right after HEAD_DONE, without a BODY, no octet of the body has
 * come yet: that is when 100 Continue is due. */
#ifndef WWI_HTTP_PARSER_H
#define WWI_HTTP_PARSER_H

#include "core/base/bytes.h"
#include "wws/types.h"

struct wwi_http_limits {
    uint32_t head_size;       /* a whole head; also a whole trailer section */
    uint32_t line_size;       /* a line of it, without its end */
    uint32_t field_count;
    uint32_t target_size;
    uint32_t chunk_line_size;
    uint32_t extension_size;  /* chunk extensions of a message, together */
    uint64_t body_size;
};

#define WWI_HTTP_LIMITS_INIT { \
    .head_size = 65536, .line_size = 16384, .field_count = 128, \
    .target_size = 8192, .chunk_line_size = 4096, .extension_size = 16384, \
    .body_size = 65536 }

enum wwi_http_kind {
    WWI_HTTP_REQUEST,
    WWI_HTTP_RESPONSE,
};

enum wwi_http_event {
    WWI_HTTP_MORE,
    WWI_HTTP_HEAD_DONE,
    WWI_HTTP_BODY,
    WWI_HTTP_MESSAGE_DONE,
    WWI_HTTP_FAILED,
};

enum wwi_http_framing {
    WWI_HTTP_NO_BODY,
    WWI_HTTP_LENGTH,
    WWI_HTTP_CHUNKED,
    WWI_HTTP_TO_CLOSE,
};

struct wwi_http_error {
    wws_status status;     /* INVALID_FORMAT, QUOTA_EXCEEDED, OUTOFMEMORY, or
                              ENDPOINT_DISCONNECTED from eof */
    unsigned http_status;  /* what a server answers: 400, 413, 414, 431, 501,
                              503 without memory, 505 */
    const char *text;      /* static */
    uint64_t offset;       /* into the message */
};

struct wwi_http_parser {
    /* Set by the owner, kept by reset.  body_size may still change at
     * HEAD_DONE: a longer Content-Length fails on the call after it. */
    struct wwi_http_limits limits;
    bool head_request;     /* the response answers a HEAD: it has no body */
    bool connect_request;  /* it answers a CONNECT: with 2xx neither */

    /* Valid from HEAD_DONE until reset, as are all views of the head. */
    wws_string method;     /* of a request, case as sent */
    wws_string target;     /* visible ASCII without '#', see url.h */
    unsigned status;       /* of a response, 100 to 999, never 101 */
    wws_string reason;
    unsigned minor;        /* HTTP/1.minor */
    enum wwi_http_framing framing;
    bool has_length;       /* a Content-Length was there and is in force */
    uint64_t content_length;
    bool keep_alive;       /* the connection may carry another message */
    bool expect_continue;  /* Expect: 100-continue, from HTTP/1.1 on */
    bool expect_unknown;   /* any other expectation: 417 */

    /* Valid at any time. */
    enum wwi_http_kind kind;
    uint64_t offset;       /* octets of this message consumed; 0: not begun */
    uint64_t body_size;    /* octets of body delivered */
    struct wwi_http_error error;

    /* The parser's own. */
    int state;
    bool skipped_line;
    bool after_cr;
    uint32_t seen;
    uint32_t section_size;
    uint32_t trailer_count;
    uint32_t extension_size;
    size_t method_size;
    size_t target_size;
    size_t reason_size;
    size_t start_size;
    size_t line_start;
    uint64_t line_offset;
    uint64_t remaining;
    struct wwi_bytes head;
    struct wwi_bytes fields;
    struct wwi_bytes line;
};

/* Null limits mean the defaults. */
void wwi_http_parser_init(
    struct wwi_http_parser *parser,
    enum wwi_http_kind kind,
    const struct wwi_http_limits *limits);
void wwi_http_parser_fini(struct wwi_http_parser *parser);
/* Ready for the next message, keeping at most `keep` octets of memory in each
 * of three buffers. */
void wwi_http_parser_reset(struct wwi_http_parser *parser, size_t keep);

/* Consumes up to the next event.  `body` is set by every call and is empty
 * except with BODY, when it is part of `data`.  After MESSAGE_DONE and FAILED
 * nothing more is consumed and the event repeats. */
enum wwi_http_event wwi_http_parser_execute(
    struct wwi_http_parser *parser,
    const void *data,
    size_t size,
    size_t *consumed,
    wws_bytes *body);
/* The input has ended in good order: MESSAGE_DONE if the message is complete
 * with that, else FAILED.  offset says whether a message had begun. */
enum wwi_http_event wwi_http_parser_eof(struct wwi_http_parser *parser);

/* The fields of the head in order, from HEAD_DONE on. */
size_t wwi_http_parser_field_count(const struct wwi_http_parser *parser);
void wwi_http_parser_field(
    const struct wwi_http_parser *parser,
    size_t index,
    wws_string *name,
    wws_string *value);
/* The first field of that name in any case; value may be null. */
bool wwi_http_parser_find(
    const struct wwi_http_parser *parser,
    const char *name,
    wws_string *value);
/* Whether any field of that name has the member in its comma-separated list,
 * in any case. */
bool wwi_http_parser_lists(
    const struct wwi_http_parser *parser,
    const char *name,
    const char *member);

#endif
