/* Reads envelopes in one pass, pulling tokens down the shape of the document:
 * one function for each kind of element.
 *
 * The input is one chunk, so that names and most texts are views of it; what a
 * token gives only until the next one, such as a namespace, is kept in chunks
 * of memory that never move. */
#include "core/xml/envelope.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/xml/chars.h"
#include "core/xml/envelope_parser.h"
#include "core/xml/escape.h"
#include "core/xml/finder.h"

#define SOAP_1_1 "http://schemas.xmlsoap.org/soap/envelope/"
#define SOAP_1_2 "http://www.w3.org/2003/05/soap-envelope"

enum {
    CHUNK_SIZE = 1000,
    KEEP_SIZE = 4096,
    DECLARATIONS = 64,
};

struct wwi_envelope_chunk {
    struct wwi_envelope_chunk *next;
    size_t size;
    size_t used;
    char data[];
};

/* Declarations to be put into an element. */
struct wwi_envelope_patch {
    struct wwi_envelope_patch *next;
    size_t at;
    wws_string text;
};

wws_string wwi_envelope_namespace(wws_envelope_version version)
{
    if (version == WWS_ENVELOPE_VERSION_SOAP_1_1)
        return WWS_STR(SOAP_1_1);
    return WWS_STR(SOAP_1_2);
}

void *wwi_envelope_room(struct wwi_envelope *envelope, size_t size)
{
    struct wwi_envelope_chunk *chunk = envelope->chunks;
    size_t room;
    void *at;

    size = (size + 7) & ~(size_t) 7;
    if (chunk == NULL || size > chunk->size - chunk->used) {
        room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = wwi_alloc(sizeof *chunk + room);
        if (chunk == NULL)
            return NULL;
        chunk->size = room;
        chunk->used = 0;
        chunk->next = envelope->chunks;
        envelope->chunks = chunk;
    }
    at = chunk->data + chunk->used;
    chunk->used += size;
    return at;
}

wws_string wwi_envelope_keep(struct wwi_envelope *envelope, wws_string text)
{
    char *copy;

    if (text.size == 0)
        return WWS_STR("");
    copy = wwi_envelope_room(envelope, text.size);
    if (copy == NULL)
        return (wws_string) { NULL, 0 };
    memcpy(copy, text.data, text.size);
    return (wws_string) { copy, text.size };
}

/* All chunks but one of the usual size are given back. */
static void drop_chunks(struct wwi_envelope *envelope, bool all)
{
    struct wwi_envelope_chunk *chunk = envelope->chunks;
    struct wwi_envelope_chunk *next;

    envelope->chunks = NULL;
    for (; chunk != NULL; chunk = next) {
        next = chunk->next;
        if (all || envelope->chunks != NULL || chunk->size != CHUNK_SIZE) {
            wwi_free(chunk);
            continue;
        }
        chunk->next = NULL;
        chunk->used = 0;
        envelope->chunks = chunk;
    }
}

static void forget(struct wwi_envelope *envelope)
{
    envelope->problem = WWI_ENVELOPE_FINE;
    envelope->problem_header = WWS_HEADER_ACTION;
    memset(envelope->standard, 0, sizeof envelope->standard);
    envelope->header_count = 0;
    envelope->parameter_count = 0;
    envelope->body = (struct wwi_envelope_part) { 0 };
    envelope->is_fault = false;
    envelope->fault = (wws_fault_info) WWS_FAULT_INFO_INIT;
    envelope->octets = (wws_bytes) { 0 };
}

void wwi_envelope_fini(struct wwi_envelope *envelope)
{
    drop_chunks(envelope, true);
    wwi_xml_reader_fini(&envelope->reader);
    wwi_bytes_fini(&envelope->scratch);
    wwi_free(envelope->headers);
    wwi_free(envelope->parameters);
    *envelope = (struct wwi_envelope) { 0 };
}

void wwi_envelope_reset(struct wwi_envelope *envelope)
{
    forget(envelope);
    drop_chunks(envelope, false);
    if (envelope->reader_ready)
        wwi_xml_reader_reset(&envelope->reader, KEEP_SIZE);
    wwi_bytes_reset(&envelope->scratch, KEEP_SIZE);
}

/* Lines and characters before an octet. */
static void locate(
    wws_bytes octets,
    uint64_t offset,
    uint64_t *row,
    uint64_t *column)
{
    const uint8_t *at = octets.data;

    *row = *column = 0;
    for (uint64_t i = 0; i < offset && i < octets.size; i++) {
        if (at[i] == '\n') {
            ++*row;
            *column = 0;
        } else if ((at[i] & 0xC0) != 0x80) {
            ++*column;
        }
    }
}

static wws_status fail_at(
    struct wwi_envelope_parser *parser,
    wws_status status,
    uint64_t row,
    uint64_t column,
    const char *text)
{
    if (parser->status < 0)
        return parser->status;
    parser->status = status;
    parser->envelope->problem = WWI_ENVELOPE_MALFORMED;
    return wwi_fail(parser->error, status, "line %llu, column %llu: %s",
        (unsigned long long) row + 1, (unsigned long long) column + 1, text);
}

bool wwi_envelope_fail(
    struct wwi_envelope_parser *parser,
    wws_status status,
    const char *text)
{
    uint64_t row, column;

    locate(parser->envelope->octets, parser->reader->begin, &row, &column);
    (void) fail_at(parser, status, row, column, text);
    return false;
}

bool wwi_envelope_refuse(struct wwi_envelope_parser *parser, const char *text)
{
    return wwi_envelope_fail(parser, WWS_E_INVALID_FORMAT, text);
}

bool wwi_envelope_no_memory(struct wwi_envelope_parser *parser)
{
    if (parser->status >= 0) {
        parser->envelope->problem = WWI_ENVELOPE_MALFORMED;
        parser->status = wwi_fail_static(
            parser->error, WWS_E_OUTOFMEMORY, "no memory for the envelope");
    }
    return false;
}

enum wwi_xml_token wwi_envelope_next(struct wwi_envelope_parser *parser)
{
    struct wwi_xml_reader *reader = parser->reader;
    enum wwi_xml_token token;

    if (parser->status < 0)
        return WWI_XML_ERROR;
    token = wwi_xml_reader_next(reader);
    if (token == WWI_XML_ERROR)
        fail_at(parser, reader->status, reader->row, reader->column,
            reader->problem);
    return token;
}

bool wwi_envelope_is_space(wws_string text)
{
    const uint8_t *at = (const uint8_t *) text.data;

    return wwi_xml_skip(at, at + text.size, WWI_XML_SPACE) == at + text.size;
}

wws_string wwi_envelope_trim(wws_string text)
{
    while (text.size != 0
        && wwi_xml_is((uint8_t) text.data[text.size - 1], WWI_XML_SPACE))
        text.size--;
    while (text.size != 0 && wwi_xml_is((uint8_t) *text.data, WWI_XML_SPACE)) {
        text.data++;
        text.size--;
    }
    return text;
}

bool wwi_envelope_next_child(struct wwi_envelope_parser *parser)
{
    for (;;) {
        switch (wwi_envelope_next(parser)) {
        case WWI_XML_START_ELEMENT:
            return true;
        case WWI_XML_TEXT:
            if (wwi_envelope_is_space(parser->reader->text))
                continue;
            return wwi_envelope_refuse(
                parser, "text where only elements may be");
        default:
            return false;
        }
    }
}

bool wwi_envelope_skip(struct wwi_envelope_parser *parser)
{
    uint32_t depth = parser->reader->depth;

    for (;;) {
        enum wwi_xml_token token = wwi_envelope_next(parser);

        if (token == WWI_XML_ERROR)
            return false;
        if (token == WWI_XML_END_ELEMENT && parser->reader->depth == depth)
            return true;
    }
}

/* Whether text stays where it is for as long as the octets do. */
static bool is_view(const struct wwi_envelope *envelope, wws_string text)
{
    uintptr_t octets = (uintptr_t) envelope->octets.data;
    uintptr_t data = (uintptr_t) text.data;

    return data >= octets && data - octets <= envelope->octets.size
        && text.size <= envelope->octets.size - (data - octets);
}

/* Adds a piece to a text, which stays a view for as long as it can. */
static void add_piece(
    struct wwi_envelope *envelope,
    wws_string *text,
    wws_string piece)
{
    struct wwi_bytes *scratch = &envelope->scratch;

    if (text->data == NULL && scratch->size == 0
        && is_view(envelope, piece)) {
        *text = piece;
        return;
    }
    if (text->data != NULL) {
        wwi_bytes_append_string(scratch, *text);
        *text = (wws_string) { 0 };
    }
    wwi_bytes_append_string(scratch, piece);
}

bool wwi_envelope_read_text(
    struct wwi_envelope_parser *parser,
    wws_string *text)
{
    struct wwi_envelope *envelope = parser->envelope;
    wws_string whole = { 0 };
    enum wwi_xml_token token;

    wwi_bytes_reset(&envelope->scratch, KEEP_SIZE);
    while ((token = wwi_envelope_next(parser)) == WWI_XML_TEXT)
        add_piece(envelope, &whole, parser->reader->text);
    if (token == WWI_XML_ERROR)
        return false;
    if (token == WWI_XML_START_ELEMENT)
        return wwi_envelope_refuse(
            parser, "an element where only text may be");
    if (envelope->scratch.failed)
        return wwi_envelope_no_memory(parser);
    if (whole.data != NULL)
        whole = wwi_envelope_trim(whole);
    else
        whole = wwi_envelope_keep(envelope, wwi_envelope_trim((wws_string) {
            (const char *) envelope->scratch.data, envelope->scratch.size }));
    if (whole.data == NULL)
        return wwi_envelope_no_memory(parser);
    *text = whole;
    return true;
}

bool wwi_envelope_at(
    const struct wwi_envelope_parser *parser,
    const char *local)
{
    return wwi_xml_name_is(
        &parser->reader->name, parser->soap, wwi_string(local));
}

/* The first place of two octets in a row, or the limit. */
static const uint8_t *find_pair(
    const uint8_t *at,
    const uint8_t *limit,
    char first,
    char second)
{
#if defined(__SSE2__)
    while (limit - at >= 17) {
        __m128i v = _mm_loadu_si128((const __m128i *) (const void *) at);
        __m128i w = _mm_loadu_si128((const __m128i *) (const void *) (at + 1));
        int both = _mm_movemask_epi8(_mm_and_si128(
            _mm_cmpeq_epi8(v, _mm_set1_epi8(first)),
            _mm_cmpeq_epi8(w, _mm_set1_epi8(second))));

        if (both != 0)
            return at + __builtin_ctz((unsigned) both);
        at += 16;
    }
#endif
    for (; limit - at >= 2; at++)
        if (at[0] == (uint8_t) first && at[1] == (uint8_t) second)
            return at;
    return limit;
}

/* Whether a prefix may be in use.  That it is not must be certain, so names in
 * values and texts count too, and a reference may stand for anything. */
static bool uses(const uint8_t *from, const uint8_t *limit, wws_string prefix)
{
    char last = prefix.data[prefix.size - 1];
    const uint8_t *at = from;

    for (;; at++) {
        const uint8_t *begin;

        at = find_pair(at, limit, last, ':');
        if (at == limit)
            break;
        if ((size_t) (at - from) < prefix.size)
            continue;
        begin = at + 1 - prefix.size;
        if (memcmp(begin, prefix.data, prefix.size) == 0
            && !wwi_xml_is(begin[-1], WWI_XML_NAME) && begin[-1] < 0x80)
            return true;
    }
    return find_pair(from, limit, '&', '#') != limit;
}

static void append_declaration(
    struct wwi_bytes *out,
    const struct wwi_xml_namespace *declaration)
{
    wwi_bytes_append_text(out, " xmlns");
    if (declaration->prefix.size != 0) {
        wwi_bytes_append_char(out, ':');
        wwi_bytes_append_string(out, declaration->prefix);
    }
    wwi_bytes_append_text(out, "=\"");
    wwi_xml_escape(out, declaration->uri, true);
    wwi_bytes_append_char(out, '"');
}

static bool add_patch(
    struct wwi_envelope_parser *parser,
    struct wwi_envelope_part *part,
    size_t at)
{
    struct wwi_envelope *envelope = parser->envelope;
    struct wwi_envelope_patch *patch = wwi_envelope_room(envelope, sizeof *patch);
    struct wwi_bytes *scratch = &envelope->scratch;

    if (patch == NULL || scratch->failed)
        return wwi_envelope_no_memory(parser);
    patch->next = NULL;
    patch->at = at;
    patch->text = wwi_envelope_keep(envelope,
        (wws_string) { (const char *) scratch->data, scratch->size });
    if (patch->text.data == NULL)
        return wwi_envelope_no_memory(parser);
    if (part->last_patch != NULL)
        part->last_patch->next = patch;
    else
        part->patches = patch;
    part->last_patch = patch;
    return true;
}

bool wwi_envelope_end_part(
    struct wwi_envelope_parser *parser,
    struct wwi_envelope_part *part,
    uint64_t begin)
{
    const struct wwi_xml_reader *reader = parser->reader;
    const struct wwi_xml_name *name = &reader->name;
    const uint8_t *octets = parser->envelope->octets.data;
    struct wwi_bytes *scratch = &parser->envelope->scratch;
    struct wwi_xml_namespace found;
    size_t index = 0;
    size_t at;

    if (part->end == 0)
        part->begin = (size_t) begin;
    part->end = (size_t) reader->end;
    wwi_bytes_reset(scratch, KEEP_SIZE);
    while (wwi_xml_reader_namespace(reader, &index, &found))
        if (!found.here && (found.prefix.size == 0
            || uses(octets + begin, octets + reader->end, found.prefix)))
            append_declaration(scratch, &found);
    if (scratch->size == 0 && !scratch->failed)
        return true;
    at = (size_t) begin + 1 + name->local.size;
    if (name->prefix.size != 0)
        at += name->prefix.size + 1;
    return add_patch(parser, part, at);
}

bool wwi_envelope_read_part(
    struct wwi_envelope_parser *parser,
    struct wwi_envelope_part *part)
{
    uint64_t begin = parser->reader->begin;

    return wwi_envelope_skip(parser)
        && wwi_envelope_end_part(parser, part, begin);
}

static bool read_first_child(struct wwi_envelope_parser *parser)
{
    struct wwi_envelope *envelope = parser->envelope;
    uint64_t begin = parser->reader->begin;

    envelope->is_fault = wwi_envelope_at(parser, "Fault");
    if (envelope->is_fault ? !wwi_envelope_read_fault(parser)
        : !wwi_envelope_skip(parser))
        return false;
    return wwi_envelope_end_part(parser, &envelope->body, begin);
}

static bool read_body(struct wwi_envelope_parser *parser)
{
    struct wwi_envelope *envelope = parser->envelope;

    if (!wwi_envelope_next_child(parser))
        return parser->status >= 0;
    if (!read_first_child(parser))
        return false;
    while (wwi_envelope_next_child(parser)) {
        if (envelope->is_fault)
            return wwi_envelope_refuse(parser, "an element beside a fault");
        if (!wwi_envelope_read_part(parser, &envelope->body))
            return false;
    }
    return parser->status >= 0;
}

/* Which version the root element has, and whether it is the wanted one. */
static bool read_version(struct wwi_envelope_parser *parser)
{
    struct wwi_envelope *envelope = parser->envelope;
    const struct wwi_xml_name *name = &parser->reader->name;

    if (!wwi_string_is(name->local, "Envelope"))
        return wwi_envelope_refuse(
            parser, "the root element is not an envelope");
    if (wwi_string_is(name->ns, SOAP_1_1)) {
        envelope->version = WWS_ENVELOPE_VERSION_SOAP_1_1;
    } else if (wwi_string_is(name->ns, SOAP_1_2)) {
        envelope->version = WWS_ENVELOPE_VERSION_SOAP_1_2;
    } else {
        wwi_envelope_refuse(parser, "the envelope is of no known version");
        envelope->problem = WWI_ENVELOPE_UNKNOWN_VERSION;
        return false;
    }
    parser->soap = wwi_envelope_namespace(envelope->version);
    if (envelope->version == parser->options->version)
        return true;
    wwi_envelope_refuse(parser,
        envelope->version == WWS_ENVELOPE_VERSION_SOAP_1_1
            ? "the envelope is of SOAP 1.1" : "the envelope is of SOAP 1.2");
    envelope->problem = WWI_ENVELOPE_OTHER_VERSION;
    return false;
}

static bool read_envelope(struct wwi_envelope_parser *parser)
{
    if (wwi_envelope_next(parser) != WWI_XML_START_ELEMENT
        || !read_version(parser))
        return false;
    if (!wwi_envelope_next_child(parser))
        goto no_body;
    if (wwi_envelope_at(parser, "Header")) {
        if (!wwi_envelope_read_headers(parser))
            return false;
        if (!wwi_envelope_next_child(parser))
            goto no_body;
    }
    if (!wwi_envelope_at(parser, "Body"))
        goto no_body;
    if (!read_body(parser))
        return false;
    if (wwi_envelope_next_child(parser))
        wwi_envelope_refuse(parser, "an element behind the body");
    return wwi_envelope_next(parser) == WWI_XML_END_OF_DOCUMENT;

no_body:
    return wwi_envelope_refuse(parser, "no body where it should be");
}

/* Header blocks that are not standard, one behind the other. */
static bool join_headers(struct wwi_envelope_parser *parser, wws_bytes *all)
{
    struct wwi_envelope *envelope = parser->envelope;
    struct wwi_bytes *scratch = &envelope->scratch;
    wws_string copy;

    wwi_bytes_reset(scratch, KEEP_SIZE);
    for (uint32_t i = 0; i < envelope->header_count; i++) {
        struct wwi_envelope_header *header = &envelope->headers[i];
        wws_bytes xml;

        if (header->standard)
            continue;
        if (wwi_envelope_xml(envelope, &header->part, &xml) < 0)
            return wwi_envelope_no_memory(parser);
        wwi_bytes_append(scratch, xml.data, xml.size);
    }
    if (scratch->failed)
        return wwi_envelope_no_memory(parser);
    copy = wwi_envelope_keep(envelope,
        (wws_string) { (const char *) scratch->data, scratch->size });
    *all = (wws_bytes) { copy.data, copy.size };
    return copy.data != NULL || wwi_envelope_no_memory(parser);
}

/* A fault is more than its element. */
static bool complete_fault(struct wwi_envelope_parser *parser)
{
    struct wwi_envelope *envelope = parser->envelope;
    wws_string action = envelope->standard[WWS_HEADER_ACTION];

    if (!envelope->is_fault)
        return true;
    if (action.data != NULL)
        envelope->fault.action = action;
    return join_headers(parser, &envelope->fault.headers);
}

/* Problems of addressing are told only now that all else is known. */
static wws_status tell_problem(struct wwi_envelope_parser *parser)
{
    const struct wwi_envelope *envelope = parser->envelope;
    const char *what = "has no address";

    if (envelope->problem == WWI_ENVELOPE_FINE)
        return WWS_S_OK;
    if (envelope->problem == WWI_ENVELOPE_DUPLICATE_HEADER)
        what = "is there twice";
    return wwi_fail(parser->error, WWS_E_INVALID_FORMAT, "the header %s %s",
        wwi_addressing_name(envelope->problem_header).data, what);
}

static void prepare_reader(
    struct wwi_envelope *envelope,
    const struct wwi_xml_limits *limits)
{
    struct wwi_xml_reader_options options = { .limits = *limits };

    if (envelope->reader_ready
        && memcmp(&envelope->limits, limits, sizeof *limits) == 0)
        return;
    wwi_xml_reader_fini(&envelope->reader);
    wwi_xml_reader_init(&envelope->reader, &options);
    envelope->limits = *limits;
    envelope->reader_ready = true;
}

wws_status wwi_envelope_parse(
    struct wwi_envelope *envelope,
    const struct wwi_envelope_options *options,
    wws_bytes octets,
    struct wwi_error *error)
{
    struct wwi_envelope_parser parser = {
        .envelope = envelope,
        .reader = &envelope->reader,
        .options = options,
        .error = error,
        .addressing = wwi_addressing_namespace(options->addressing),
    };

    wwi_envelope_reset(envelope);
    prepare_reader(envelope, &options->limits);
    envelope->octets = octets;
    envelope->version = options->version;
    envelope->addressing = options->addressing;
    wwi_xml_reader_whole(&envelope->reader, octets.data, octets.size);
    if (!read_envelope(&parser) || !complete_fault(&parser))
        return parser.status;
    return tell_problem(&parser);
}

wws_status wwi_envelope_find_sender(struct wwi_envelope *envelope)
{
    wws_string *identity = &envelope->standard[WWS_HEADER_MESSAGE_ID];
    struct wwi_finder finder;
    wws_string text;
    wws_status status;

    if (identity->data != NULL)
        return WWS_S_OK;
    wwi_finder_init(&finder);
    status = wwi_finder_find(&finder, envelope->octets, envelope->addressing,
        WWS_HEADER_MESSAGE_ID, &text);
    if (status >= 0 && text.size != 0) {
        *identity = wwi_envelope_keep(envelope, text);
        if (identity->data == NULL)
            status = WWS_E_OUTOFMEMORY;
    }
    wwi_finder_fini(&finder);
    return status;
}

static size_t patched_size(const struct wwi_envelope_part *part)
{
    size_t size = part->end - part->begin;

    for (struct wwi_envelope_patch *patch = part->patches; patch != NULL;
        patch = patch->next)
        size += patch->text.size;
    return size;
}

wws_status wwi_envelope_xml(
    struct wwi_envelope *envelope,
    struct wwi_envelope_part *part,
    wws_bytes *xml)
{
    const char *octets = envelope->octets.data;
    size_t from = part->begin;
    size_t size;
    char *at;

    if (part->patches == NULL) {
        *xml = (wws_bytes) { octets + from, part->end - from };
        return WWS_S_OK;
    }
    if (part->copy.data == NULL) {
        size = patched_size(part);
        at = wwi_envelope_room(envelope, size);
        if (at == NULL)
            return WWS_E_OUTOFMEMORY;
        part->copy = (wws_bytes) { at, size };
        for (struct wwi_envelope_patch *patch = part->patches; patch != NULL;
            patch = patch->next) {
            memcpy(at, octets + from, patch->at - from);
            at += patch->at - from;
            memcpy(at, patch->text.data, patch->text.size);
            at += patch->text.size;
            from = patch->at;
        }
        memcpy(at, octets + from, part->end - from);
    }
    *xml = part->copy;
    return WWS_S_OK;
}

wws_header wwi_envelope_reply_header(
    const struct wwi_envelope *envelope,
    bool fault)
{
    if (fault && envelope->standard[WWS_HEADER_FAULT_TO].data != NULL)
        return WWS_HEADER_FAULT_TO;
    return WWS_HEADER_REPLY_TO;
}

enum wwi_reply_to wwi_envelope_reply_to(
    const struct wwi_envelope *envelope,
    bool fault)
{
    wws_header header = wwi_envelope_reply_header(envelope, fault);
    wws_string address = envelope->standard[header];
    wws_string none = wwi_addressing_none(envelope->addressing);

    if (address.data == NULL || wwi_string_equal(
        address, wwi_addressing_anonymous(envelope->addressing)))
        return WWI_REPLY_ON_TRANSPORT;
    if (none.size != 0 && wwi_string_equal(address, none))
        return WWI_REPLY_NOWHERE;
    return WWI_REPLY_ELSEWHERE;
}
