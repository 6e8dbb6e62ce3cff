/* The parser: lines are gathered whole in a run of their own and understood
 * when they have ended; octets of a body are never copied.
 *
 * Octets that no line may hold are refused as they come, in the one place
 * where lines are gathered; whatever else is wrong shows at a line's end.  So
 * the outcome cannot depend on how the input was cut. */
#include "core/transport/http_parser.h"

#include <string.h>

#include "core/transport/http_char.h"
#include "core/transport/url.h"

enum state {
    START_LINE,
    FIELD_LINE,
    BODY_BEGIN,    /* HEAD_DONE has been said */
    LENGTH_BODY,
    CLOSE_BODY,
    CHUNK_LINE,
    CHUNK_DATA,
    CHUNK_END,
    TRAILER_LINE,
    DONE,
    FAILED,
};

/* As an event: nothing to say yet, go on. */
enum { ON = -1 };

struct input {
    const char *at;
    const char *end;
};

struct field {
    uint32_t name;
    uint32_t name_size;
    uint32_t value;
    uint32_t value_size;
};

/* Fields that may come once.  In a response Transfer-Encoding is a list. */
static const char *const singletons[] = {
    "Host",
    "Content-Length",
    "Content-Type",
    "Authorization",
    "SOAPAction",
    "Transfer-Encoding",
};

/* Fields that frame, route, authorise or describe a message come too late in a
 * trailer. */
static const char *const not_in_trailers[] = {
    "Transfer-Encoding", "Content-Length", "Host", "Authorization",
    "Content-Type", "Content-Encoding", "Content-Range", "SOAPAction",
    "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade",
    "Expect", "Max-Forwards", "Cache-Control", "Pragma", "Range", "If-Match",
    "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range",
    "WWW-Authenticate", "Proxy-Authenticate", "Proxy-Authorization", "Cookie",
    "Set-Cookie", "Location", "Retry-After", "Vary", "Date", "Age", "Expires",
    "Warning",
};

static int fail(
    struct wwi_http_parser *parser,
    wws_status status,
    unsigned http_status,
    const char *text,
    uint64_t offset)
{
    parser->state = FAILED;
    parser->keep_alive = false;
    parser->error = (struct wwi_http_error) {
        .status = status,
        .http_status = http_status,
        .text = text,
        .offset = offset,
    };
    return WWI_HTTP_FAILED;
}

/* Here, at the octet that comes next. */
static int malformed(struct wwi_http_parser *parser, const char *text)
{
    return fail(parser, WWS_E_INVALID_FORMAT, 400, text, parser->offset);
}

static int too_much(
    struct wwi_http_parser *parser,
    unsigned http_status,
    const char *text)
{
    return fail(parser, WWS_E_QUOTA_EXCEEDED, http_status, text,
        parser->offset);
}

/* There, somewhere in the line just read. */
static int bad_line(
    struct wwi_http_parser *parser,
    unsigned http_status,
    const char *text)
{
    return fail(parser, WWS_E_INVALID_FORMAT, http_status, text,
        parser->line_offset);
}

static int no_memory(struct wwi_http_parser *parser)
{
    return fail(parser, WWS_E_OUTOFMEMORY, 503, "out of memory",
        parser->offset);
}

static void begin_line(
    struct wwi_http_parser *parser,
    const struct wwi_bytes *line)
{
    parser->line_start = line->size;
    parser->line_offset = parser->offset;
}

static bool section_full(const struct wwi_http_parser *parser)
{
    return parser->state != CHUNK_LINE
        && parser->section_size == parser->limits.head_size;
}

/* How many more octets the line being read may have. */
static size_t line_room(
    const struct wwi_http_parser *parser,
    const struct wwi_bytes *line)
{
    const struct wwi_http_limits *limits = &parser->limits;
    size_t size = line->size - parser->line_start;
    size_t room, left;

    if (parser->state == CHUNK_LINE)
        return limits->chunk_line_size - size;
    room = limits->line_size - size;
    left = limits->head_size - parser->section_size;
    return room < left ? room : left;
}

static void advance(
    struct wwi_http_parser *parser,
    struct input *in,
    size_t size)
{
    in->at += size;
    parser->offset += size;
}

static bool take_text(
    struct wwi_http_parser *parser,
    struct input *in,
    struct wwi_bytes *line)
{
    wws_string text = { in->at, (size_t) (in->end - in->at) };
    size_t room = line_room(parser, line);

    if (text.size > room)
        text.size = room;
    text = wwi_text_take(&text, WWI_CHAR_TEXT);
    wwi_bytes_append(line, text.data, text.size);
    parser->section_size += (uint32_t) text.size;
    advance(parser, in, text.size);
    return !line->failed;
}

static int line_too_long(struct wwi_http_parser *parser)
{
    if (parser->state == CHUNK_LINE)
        return too_much(parser, 400, "a chunk line is too long");
    if (parser->state == START_LINE && parser->kind == WWI_HTTP_REQUEST)
        return too_much(parser, 414, "the request line is too long");
    return too_much(parser, 431, "a header line is too long");
}

static int refuse_octet(struct wwi_http_parser *parser, char c)
{
    if (parser->after_cr)
        return malformed(parser, "a carriage return without a line feed");
    if (c == '\n')
        return malformed(parser, "a line feed without a carriage return");
    if (wwi_char_is(c, WWI_CHAR_TEXT))
        return line_too_long(parser);
    return malformed(parser, "a control character in a line");
}

/* Gathers a line, without its end, behind what the run holds; ON says that it
 * is complete. */
static int take_line(
    struct wwi_http_parser *parser,
    struct input *in,
    struct wwi_bytes *line)
{
    for (;;) {
        if (!parser->after_cr && !take_text(parser, in, line))
            return no_memory(parser);
        if (in->at == in->end)
            return WWI_HTTP_MORE;
        if (section_full(parser))
            return too_much(parser, 431, "the header fields are too large");
        if (*in->at != (parser->after_cr ? '\n' : '\r'))
            return refuse_octet(parser, *in->at);
        advance(parser, in, 1);
        parser->section_size++;
        parser->after_cr = !parser->after_cr;
        if (!parser->after_cr)
            return ON;
    }
}

static wws_string line_text(
    const struct wwi_http_parser *parser,
    const struct wwi_bytes *line)
{
    size_t size = line->size - parser->line_start;

    if (size == 0)
        return WWS_STR("");
    return (wws_string) { (const char *) line->data + parser->line_start,
        size };
}

/* Takes "HTTP/1.x" from the front; ON if it was there. */
static int take_version(struct wwi_http_parser *parser, wws_string *text)
{
    const char *version = text->data;

    if (text->size < 8 || memcmp(version, "HTTP/", 5) != 0
        || !wwi_char_is(version[5], WWI_CHAR_DIGIT) || version[6] != '.'
        || !wwi_char_is(version[7], WWI_CHAR_DIGIT))
        return bad_line(parser, 400, "no HTTP version in the first line");
    if (version[5] != '1')
        return bad_line(parser, 505, "the HTTP version is not 1.x");
    parser->minor = wwi_char_hex(version[7]);
    text->data += 8;
    text->size -= 8;
    return ON;
}

static int request_line(struct wwi_http_parser *parser, wws_string line)
{
    wws_string target;
    int event;

    parser->method_size = wwi_text_take(&line, WWI_CHAR_TOKEN).size;
    if (parser->method_size == 0 || !wwi_text_take_char(&line, ' '))
        return bad_line(parser, 400, "no method in the request line");
    target = wwi_text_take(&line, WWI_CHAR_VISIBLE);
    parser->target_size = target.size;
    if (target.size == 0 || !wwi_text_take_char(&line, ' '))
        return bad_line(parser, 400, "no valid target in the request line");
    if (memchr(target.data, '#', target.size) != NULL)
        return bad_line(parser, 400, "a fragment in the request target");
    if (target.size > parser->limits.target_size)
        return fail(parser, WWS_E_QUOTA_EXCEEDED, 414,
            "the request target is too long", parser->line_offset);
    event = take_version(parser, &line);
    if (event == ON && line.size != 0)
        return bad_line(parser, 400, "text behind the HTTP version");
    return event;
}

static int status_line(struct wwi_http_parser *parser, wws_string line)
{
    wws_string digits;
    int event = take_version(parser, &line);

    if (event != ON)
        return event;
    if (!wwi_text_take_char(&line, ' '))
        return bad_line(parser, 400, "no status in the status line");
    digits = wwi_text_take(&line, WWI_CHAR_DIGIT);
    if (digits.size != 3 || digits.data[0] == '0')
        return bad_line(parser, 400, "the status is not three digits");
    for (size_t i = 0; i < 3; i++)
        parser->status = parser->status * 10 + wwi_char_hex(digits.data[i]);
    if (line.size != 0 && !wwi_text_take_char(&line, ' '))
        return bad_line(parser, 400, "text behind the status");
    parser->reason_size = line.size;
    if (parser->status == 101)
        return bad_line(parser, 400, "a switch of protocols not asked for");
    return ON;
}

static int start_line(struct wwi_http_parser *parser, wws_string line)
{
    bool request = parser->kind == WWI_HTTP_REQUEST;
    int event;

    if (line.size == 0 && request && !parser->skipped_line) {
        parser->skipped_line = true;
        return ON;
    }
    event = request ? request_line(parser, line) : status_line(parser, line);
    parser->start_size = line.size;
    if (event == ON)
        parser->state = FIELD_LINE;
    return event;
}

/* Splits a header line; the views stay inside it. */
static int split_field(
    struct wwi_http_parser *parser,
    wws_string line,
    wws_string *name,
    wws_string *value)
{
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return bad_line(parser, 400, "a folded header line");
    *name = wwi_text_take(&line, WWI_CHAR_TOKEN);
    if (name->size == 0 || !wwi_text_take_char(&line, ':'))
        return bad_line(parser, 400, "no valid name in a header line");
    *value = wwi_text_trim(line);
    return ON;
}

static bool is_repeated(struct wwi_http_parser *parser, wws_string name)
{
    size_t count = sizeof singletons / sizeof *singletons;

    /* The last of them is a list in responses. */
    if (parser->kind == WWI_HTTP_RESPONSE)
        count--;
    for (size_t i = 0; i < count; i++) {
        uint32_t bit = UINT32_C(1) << i;

        if (!wwi_text_is(name, singletons[i]))
            continue;
        if ((parser->seen & bit) != 0)
            return true;
        parser->seen |= bit;
    }
    return false;
}

static int keep_field(struct wwi_http_parser *parser, wws_string line)
{
    const char *head = (const char *) parser->head.data;
    wws_string name, value;
    struct field field;
    int event = split_field(parser, line, &name, &value);

    if (event != ON)
        return event;
    if (wwi_http_parser_field_count(parser) >= parser->limits.field_count)
        return too_much(parser, 431, "too many header fields");
    if (is_repeated(parser, name))
        return bad_line(parser, 400, "a header field that may come once "
            "came twice");
    field = (struct field) {
        .name = (uint32_t) (name.data - head),
        .name_size = (uint32_t) name.size,
        .value = (uint32_t) (value.data - head),
        .value_size = (uint32_t) value.size,
    };
    wwi_bytes_append(&parser->fields, &field, sizeof field);
    return parser->fields.failed ? no_memory(parser) : ON;
}

static const struct field *fields_of(const struct wwi_http_parser *parser)
{
    return (const struct field *) (const void *) parser->fields.data;
}

size_t wwi_http_parser_field_count(const struct wwi_http_parser *parser)
{
    return parser->fields.size / sizeof(struct field);
}

void wwi_http_parser_field(
    const struct wwi_http_parser *parser,
    size_t index,
    wws_string *name,
    wws_string *value)
{
    const struct field *field = fields_of(parser) + index;
    const char *head = (const char *) parser->head.data;

    *name = (wws_string) { head + field->name, field->name_size };
    *value = (wws_string) { head + field->value, field->value_size };
}

/* The first field of that name from an index on; returns the next index, 0 if
 * there is none. */
static size_t find_from(
    const struct wwi_http_parser *parser,
    size_t index,
    const char *name,
    wws_string *value)
{
    size_t count = wwi_http_parser_field_count(parser);

    for (; index < count; index++) {
        wws_string found;

        wwi_http_parser_field(parser, index, &found, value);
        if (wwi_text_is(found, name))
            return index + 1;
    }
    return 0;
}

bool wwi_http_parser_find(
    const struct wwi_http_parser *parser,
    const char *name,
    wws_string *value)
{
    wws_string found;

    if (find_from(parser, 0, name, &found) == 0)
        return false;
    if (value != NULL)
        *value = found;
    return true;
}

bool wwi_http_parser_lists(
    const struct wwi_http_parser *parser,
    const char *name,
    const char *member)
{
    wws_string list, found;
    size_t index = 0;

    while ((index = find_from(parser, index, name, &list)) != 0) {
        while (wwi_text_list_next(&list, &found)) {
            if (wwi_text_is(found, member))
                return true;
        }
    }
    return false;
}

static bool is_persistent(const struct wwi_http_parser *parser)
{
    if (wwi_http_parser_lists(parser, "Connection", "close"))
        return false;
    return parser->minor >= 1
        || wwi_http_parser_lists(parser, "Connection", "keep-alive");
}

/* 1*DIGIT up to 2^63-1. */
static bool parse_length(wws_string text, uint64_t *length)
{
    uint64_t value = 0;

    if (!wwi_text_is_all(text, WWI_CHAR_DIGIT))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = wwi_char_hex(text.data[i]);

        if (value > ((uint64_t) INT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *length = value;
    return true;
}

static int frame_by_length(struct wwi_http_parser *parser, wws_string text)
{
    if (!parse_length(text, &parser->content_length))
        return malformed(parser, "the Content-Length is not a number");
    parser->has_length = true;
    parser->framing = WWI_HTTP_LENGTH;
    return ON;
}

struct codings {
    size_t count;
    size_t chunked;
    bool chunked_last;
    bool malformed;
};

static struct codings transfer_codings(const struct wwi_http_parser *parser)
{
    struct codings codings = { 0 };
    wws_string list, coding;
    size_t index = 0;

    while ((index = find_from(parser, index, "Transfer-Encoding", &list))) {
        while (wwi_text_list_next(&list, &coding)) {
            codings.chunked_last = wwi_text_is(coding, "chunked");
            codings.chunked += codings.chunked_last;
            codings.count++;
            if (!wwi_text_is_all(coding, WWI_CHAR_TOKEN))
                codings.malformed = true;
        }
    }
    if (codings.count == 0 || codings.chunked > 1)
        codings.malformed = true;
    return codings;
}

/* Exactly `chunked`, in HTTP/1.1, without Content-Length; all else could be
 * read in two ways. */
static int frame_coded_request(
    struct wwi_http_parser *parser,
    wws_string coding)
{
    struct codings codings = transfer_codings(parser);

    if (wwi_http_parser_find(parser, "Content-Length", NULL))
        return malformed(parser, "Transfer-Encoding with Content-Length");
    if (parser->minor == 0)
        return malformed(parser, "Transfer-Encoding in HTTP/1.0");
    if (wwi_text_is(coding, "chunked")) {
        parser->framing = WWI_HTTP_CHUNKED;
        return ON;
    }
    if (!codings.malformed && codings.count > codings.chunked
        && codings.chunked == codings.chunked_last)
        return fail(parser, WWS_E_INVALID_FORMAT, 501,
            "an unknown transfer coding", parser->offset);
    return malformed(parser, "the Transfer-Encoding is malformed");
}

static int frame_request(struct wwi_http_parser *parser)
{
    wws_string value;

    if (wwi_http_parser_find(parser, "Transfer-Encoding", &value))
        return frame_coded_request(parser, value);
    if (wwi_http_parser_find(parser, "Content-Length", &value))
        return frame_by_length(parser, value);
    parser->framing = WWI_HTTP_NO_BODY;
    return ON;
}

static int check_host(struct wwi_http_parser *parser)
{
    wws_string value, host;
    uint16_t port;
    char first = parser->target.data[0];

    if (!wwi_http_parser_find(parser, "Host", &value)) {
        if (parser->minor == 0)
            return ON;
        return malformed(parser, "no Host field");
    }
    /* Empty only where the target names no authority. */
    if (value.size == 0 && (first == '/' || first == '*'))
        return ON;
    if (!wwi_authority_parse(value, &host, &port))
        return malformed(parser, "the Host field is malformed");
    return ON;
}

static void look_for_expectations(struct wwi_http_parser *parser)
{
    wws_string list, member;
    size_t index = 0;

    if (parser->minor == 0)
        return;
    while ((index = find_from(parser, index, "Expect", &list)) != 0) {
        while (wwi_text_list_next(&list, &member)) {
            if (wwi_text_is(member, "100-continue"))
                parser->expect_continue = true;
            else
                parser->expect_unknown = true;
        }
    }
}

static int understand_request(struct wwi_http_parser *parser)
{
    const char *head = (const char *) parser->head.data;
    int event;

    parser->method = (wws_string) { head, parser->method_size };
    parser->target = (wws_string) { head + parser->method_size + 1,
        parser->target_size };
    event = frame_request(parser);
    if (event == ON)
        event = check_host(parser);
    if (event != ON)
        return event;
    look_for_expectations(parser);
    return ON;
}

static bool has_no_body(const struct wwi_http_parser *parser)
{
    unsigned status = parser->status;

    return parser->head_request || status < 200 || status == 204
        || status == 304 || (parser->connect_request && status < 300);
}

static int frame_coded_response(struct wwi_http_parser *parser, bool counted)
{
    struct codings codings = transfer_codings(parser);

    if (codings.malformed)
        return malformed(parser, "the Transfer-Encoding is malformed");
    parser->framing = codings.chunked_last ? WWI_HTTP_CHUNKED
                                           : WWI_HTTP_TO_CLOSE;
    if (counted || parser->minor == 0)
        parser->keep_alive = false;
    return ON;
}

static int frame_response(struct wwi_http_parser *parser)
{
    wws_string length;
    bool coded = wwi_http_parser_find(parser, "Transfer-Encoding", NULL);
    bool counted = wwi_http_parser_find(parser, "Content-Length", &length);

    if (has_no_body(parser)) {
        parser->framing = WWI_HTTP_NO_BODY;
        return ON;
    }
    if (coded)
        return frame_coded_response(parser, counted);
    if (counted)
        return frame_by_length(parser, length);
    parser->framing = WWI_HTTP_TO_CLOSE;
    return ON;
}

static int understand_response(struct wwi_http_parser *parser)
{
    int event;

    parser->reason = (wws_string) {
        (const char *) parser->head.data + parser->start_size
            - parser->reason_size,
        parser->reason_size,
    };
    event = frame_response(parser);
    if (parser->framing == WWI_HTTP_TO_CLOSE)
        parser->keep_alive = false;
    return event;
}

static int end_of_head(struct wwi_http_parser *parser)
{
    int event;

    parser->keep_alive = is_persistent(parser);
    event = parser->kind == WWI_HTTP_REQUEST ? understand_request(parser)
                                             : understand_response(parser);
    if (event != ON)
        return event;
    parser->state = BODY_BEGIN;
    return WWI_HTTP_HEAD_DONE;
}

static int head_line(struct wwi_http_parser *parser, struct input *in)
{
    wws_string line;
    int event = take_line(parser, in, &parser->head);

    if (event != ON)
        return event;
    line = line_text(parser, &parser->head);
    if (parser->state == START_LINE)
        event = start_line(parser, line);
    else if (line.size != 0)
        event = keep_field(parser, line);
    else
        event = end_of_head(parser);
    begin_line(parser, &parser->head);
    return event;
}

static int end_of_message(struct wwi_http_parser *parser)
{
    parser->state = DONE;
    return WWI_HTTP_MESSAGE_DONE;
}

static int body_too_large(struct wwi_http_parser *parser)
{
    return too_much(parser, 413, "the body is too large");
}

static int begin_body(struct wwi_http_parser *parser)
{
    switch (parser->framing) {
    case WWI_HTTP_NO_BODY:
        return end_of_message(parser);
    case WWI_HTTP_LENGTH:
        if (parser->content_length > parser->limits.body_size)
            return body_too_large(parser);
        parser->remaining = parser->content_length;
        parser->state = LENGTH_BODY;
        return ON;
    case WWI_HTTP_CHUNKED:
        begin_line(parser, &parser->line);
        parser->state = CHUNK_LINE;
        return ON;
    case WWI_HTTP_TO_CLOSE:
        parser->state = CLOSE_BODY;
        return ON;
    }
    return ON;
}

/* Hands out at most so many octets of the input. */
static int take_body(
    struct wwi_http_parser *parser,
    struct input *in,
    uint64_t most,
    wws_bytes *body)
{
    size_t size = (size_t) (in->end - in->at);

    if (size > most)
        size = (size_t) most;
    if (size == 0)
        return WWI_HTTP_MORE;
    *body = (wws_bytes) { in->at, size };
    advance(parser, in, size);
    parser->body_size += size;
    return WWI_HTTP_BODY;
}

static int counted_body(
    struct wwi_http_parser *parser,
    struct input *in,
    wws_bytes *body)
{
    int event;

    if (parser->remaining == 0 && parser->state == LENGTH_BODY)
        return end_of_message(parser);
    if (parser->remaining == 0) {
        parser->state = CHUNK_END;
        return ON;
    }
    event = take_body(parser, in, parser->remaining, body);
    parser->remaining -= body->size;
    return event;
}

static int body_to_close(
    struct wwi_http_parser *parser,
    struct input *in,
    wws_bytes *body)
{
    if (in->at == in->end)
        return WWI_HTTP_MORE;
    if (parser->body_size >= parser->limits.body_size)
        return body_too_large(parser);
    return take_body(parser, in,
        parser->limits.body_size - parser->body_size, body);
}

/* BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] */
static bool take_extension(wws_string *text)
{
    wws_string rest;

    *text = wwi_text_skip_blank(*text);
    if (!wwi_text_take_char(text, ';'))
        return false;
    *text = wwi_text_skip_blank(*text);
    if (wwi_text_take(text, WWI_CHAR_TOKEN).size == 0)
        return false;
    rest = wwi_text_skip_blank(*text);
    if (!wwi_text_take_char(&rest, '='))
        return true;
    *text = wwi_text_skip_blank(rest);
    return wwi_text_take_quoted(text).size != 0
        || wwi_text_take(text, WWI_CHAR_TOKEN).size != 0;
}

static int begin_chunk(struct wwi_http_parser *parser, uint64_t size)
{
    uint64_t limit = parser->limits.body_size;

    parser->remaining = size;
    parser->state = size != 0 ? CHUNK_DATA : TRAILER_LINE;
    if (parser->body_size > limit || size > limit - parser->body_size)
        return body_too_large(parser);
    return ON;
}

static int understand_chunk_line(
    struct wwi_http_parser *parser,
    wws_string line)
{
    wws_string digits = wwi_text_take(&line, WWI_CHAR_HEX);
    uint64_t size = 0;

    if (digits.size == 0 || digits.size > 16)
        return bad_line(parser, 400, "the chunk size is not a number");
    for (size_t i = 0; i < digits.size; i++)
        size = size << 4 | wwi_char_hex(digits.data[i]);
    if (line.size > parser->limits.extension_size - parser->extension_size)
        return too_much(parser, 400, "too many chunk extensions");
    parser->extension_size += (uint32_t) line.size;
    while (line.size != 0) {
        if (!take_extension(&line))
            return bad_line(parser, 400, "text behind the chunk size");
    }
    return begin_chunk(parser, size);
}

static int chunk_line(struct wwi_http_parser *parser, struct input *in)
{
    int event = take_line(parser, in, &parser->line);

    if (event != ON)
        return event;
    event = understand_chunk_line(parser, line_text(parser, &parser->line));
    parser->section_size = 0;
    parser->line.size = 0;
    begin_line(parser, &parser->line);
    return event;
}

static int chunk_end(struct wwi_http_parser *parser, struct input *in)
{
    if (in->at == in->end)
        return WWI_HTTP_MORE;
    if (*in->at != (parser->after_cr ? '\n' : '\r'))
        return malformed(parser, "a chunk does not end where it should");
    advance(parser, in, 1);
    parser->after_cr = !parser->after_cr;
    if (parser->after_cr)
        return ON;
    begin_line(parser, &parser->line);
    parser->state = CHUNK_LINE;
    return ON;
}

/* Trailers are checked and forgotten. */
static int check_trailer(struct wwi_http_parser *parser, wws_string line)
{
    wws_string name, value;
    int event = split_field(parser, line, &name, &value);

    if (event != ON)
        return event;
    if (parser->trailer_count >= parser->limits.field_count)
        return too_much(parser, 431, "too many trailer fields");
    parser->trailer_count++;
    for (size_t i = 0;
        i < sizeof not_in_trailers / sizeof *not_in_trailers; i++) {
        if (wwi_text_is(name, not_in_trailers[i]))
            return bad_line(parser, 400, "a field that no trailer may have");
    }
    return ON;
}

static int trailer_line(struct wwi_http_parser *parser, struct input *in)
{
    wws_string line;
    int event = take_line(parser, in, &parser->line);

    if (event != ON)
        return event;
    line = line_text(parser, &parser->line);
    event = line.size != 0 ? check_trailer(parser, line)
                           : end_of_message(parser);
    parser->line.size = 0;
    begin_line(parser, &parser->line);
    return event;
}

static int step(
    struct wwi_http_parser *parser,
    struct input *in,
    wws_bytes *body)
{
    switch ((enum state) parser->state) {
    case START_LINE:
    case FIELD_LINE:
        return head_line(parser, in);
    case BODY_BEGIN:
        return begin_body(parser);
    case LENGTH_BODY:
    case CHUNK_DATA:
        return counted_body(parser, in, body);
    case CLOSE_BODY:
        return body_to_close(parser, in, body);
    case CHUNK_LINE:
        return chunk_line(parser, in);
    case CHUNK_END:
        return chunk_end(parser, in);
    case TRAILER_LINE:
        return trailer_line(parser, in);
    case DONE:
        return WWI_HTTP_MESSAGE_DONE;
    case FAILED:
        break;
    }
    return WWI_HTTP_FAILED;
}

enum wwi_http_event wwi_http_parser_execute(
    struct wwi_http_parser *parser,
    const void *data,
    size_t size,
    size_t *consumed,
    wws_bytes *body)
{
    const char *begin = size != 0 ? data : "";
    struct input in = { begin, begin + size };
    int event;

    *body = (wws_bytes) { 0 };
    do
        event = step(parser, &in, body);
    while (event == ON);
    *consumed = (size_t) (in.at - begin);
    return (enum wwi_http_event) event;
}

enum wwi_http_event wwi_http_parser_eof(struct wwi_http_parser *parser)
{
    size_t consumed;
    wws_bytes body;
    enum wwi_http_event event =
        wwi_http_parser_execute(parser, NULL, 0, &consumed, &body);

    if (event != WWI_HTTP_MORE)
        return event;
    if (parser->state == CLOSE_BODY)
        event = (enum wwi_http_event) end_of_message(parser);
    else
        event = (enum wwi_http_event) fail(parser, WWS_E_ENDPOINT_DISCONNECTED,
            400, "the connection ended within a message", parser->offset);
    return event;
}

void wwi_http_parser_init(
    struct wwi_http_parser *parser,
    enum wwi_http_kind kind,
    const struct wwi_http_limits *limits)
{
    static const struct wwi_http_limits defaults = WWI_HTTP_LIMITS_INIT;

    *parser = (struct wwi_http_parser) {
        .limits = limits != NULL ? *limits : defaults,
        .kind = kind,
    };
}

void wwi_http_parser_fini(struct wwi_http_parser *parser)
{
    wwi_bytes_fini(&parser->head);
    wwi_bytes_fini(&parser->fields);
    wwi_bytes_fini(&parser->line);
}

void wwi_http_parser_reset(struct wwi_http_parser *parser, size_t keep)
{
    wwi_bytes_reset(&parser->head, keep);
    wwi_bytes_reset(&parser->fields, keep);
    wwi_bytes_reset(&parser->line, keep);
    *parser = (struct wwi_http_parser) {
        .limits = parser->limits,
        .head_request = parser->head_request,
        .connect_request = parser->connect_request,
        .kind = parser->kind,
        .head = parser->head,
        .fields = parser->fields,
        .line = parser->line,
    };
}
