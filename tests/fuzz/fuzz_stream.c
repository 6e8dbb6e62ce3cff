/* Streams of any octets: where pieces end changes nothing, and what is accepted
 * and given out is what reading the whole envelope accepts and has.  The check
 * of content in pieces is held against that of whole content likewise.
 *
 * The first octet of an input chooses limits and where pieces end. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/xml/blocks.h"
#include "core/xml/envelope.h"
#include "core/xml/stream.h"
#include "tests/unit/xml/events.h"

enum { TIGHT = 1, SHORT_HEAD = 2, SHORT_HEAD_SIZE = 150 };

static void demand(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* Pieces that end anywhere and do not outlive their turn; seed 0: all in one.
 * Data is null when there is no more. */
struct pieces {
    wws_bytes left;
    uint32_t seed;
    uint8_t *piece;
};

static wws_bytes next_piece(struct pieces *pieces)
{
    const uint8_t *data = pieces->left.data;
    size_t size = pieces->left.size;

    if (pieces->seed != 0) {
        pieces->seed = pieces->seed * 1664525 + 1013904223;
        size = (pieces->seed >> 24) % (pieces->seed >> 20 & 8 ? 4 : 900);
        size = size < pieces->left.size ? size : pieces->left.size;
    }
    free(pieces->piece);
    pieces->piece = malloc(size + 1);
    demand(pieces->piece != NULL, "memory");
    memcpy(pieces->piece, data, size);
    pieces->left = (wws_bytes) { data + size, pieces->left.size - size };
    return (wws_bytes) { pieces->piece, size };
}

struct outcome {
    struct wwi_bytes head;
    struct wwi_bytes content;
    enum wwi_stream_event event;
    wws_status status;
    const char *problem;
    uint64_t row;
    uint64_t column;
};

static void finish_outcome(
    struct outcome *outcome,
    struct wwi_stream_reader *stream)
{
    outcome->status = stream->status;
    outcome->head = stream->head;
    stream->head = (struct wwi_bytes) { 0 };
    if (outcome->event == WWI_STREAM_ERROR) {
        outcome->problem = stream->reader.problem;
        outcome->row = stream->reader.row;
        outcome->column = stream->reader.column;
    }
    wwi_stream_reader_fini(stream);
}

static struct outcome run(
    struct pieces pieces,
    const struct wwi_xml_limits *limits,
    size_t max_head)
{
    struct wwi_stream_reader stream;
    struct outcome outcome = { 0 };

    wwi_stream_reader_init(&stream, limits, max_head);
    for (;;) {
        outcome.event = wwi_stream_reader_next(&stream, NULL);
        if (outcome.event >= WWI_STREAM_END)
            break;
        if (outcome.event == WWI_STREAM_CONTENT) {
            demand(stream.octets.size != 0, "content is never empty");
            wwi_bytes_append(&outcome.content, stream.octets.data,
                stream.octets.size);
        } else if (outcome.event == WWI_STREAM_NEED_INPUT) {
            wwi_stream_reader_feed(&stream, next_piece(&pieces));
            if (pieces.left.size == 0)
                wwi_stream_reader_finish(&stream);
        }
    }
    free(pieces.piece);
    finish_outcome(&outcome, &stream);
    return outcome;
}

static bool same_octets(const struct wwi_bytes *a, const struct wwi_bytes *b)
{
    return a->size == b->size
        && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* Whether a head may have become too long where it is malformed too. */
static bool is_either(const struct outcome *a, const struct outcome *b)
{
    return a->event == WWI_STREAM_ERROR && a->head.size == 0
        && b->head.size == 0 && (a->status == WWS_E_QUOTA_EXCEEDED
            || b->status == WWS_E_QUOTA_EXCEEDED);
}

static void demand_same(
    const struct outcome *a,
    const struct outcome *b,
    bool short_head)
{
    demand(a->event == b->event, "same end");
    if (short_head && is_either(a, b))
        return;
    demand(a->status == b->status, "same status");
    demand(a->problem == b->problem, "same problem");
    demand(a->row == b->row && a->column == b->column, "same place");
    demand(same_octets(&a->head, &b->head), "same head");
    demand(a->event == WWI_STREAM_ERROR
        || same_octets(&a->content, &b->content), "same content");
}

/* Reads a whole envelope of either version. */
static bool parse(
    struct wwi_envelope *envelope,
    const void *data,
    size_t size,
    const struct wwi_xml_limits *limits)
{
    struct wwi_envelope_options options = {
        .addressing = WWS_ADDRESSING_VERSION_1_0, .limits = *limits };
    wws_bytes octets = { data, size };
    wws_status status = wwi_envelope_parse(envelope, &options, octets, NULL);

    if (envelope->problem == WWI_ENVELOPE_OTHER_VERSION) {
        options.version = envelope->version;
        status = wwi_envelope_parse(envelope, &options, octets, NULL);
    }
    return status >= 0;
}

/* What a fragment says, but for what is between its outermost elements.  The
 * declarations put into them may be longer than they came. */
static void read_fragment(struct events *events, wws_bytes fragment)
{
    static const struct wwi_xml_reader_options options = {
        .fragment = true,
        .limits = { .value_size = 1 << 24, .tag_size = 1 << 28 },
    };
    struct wwi_xml_reader reader;
    enum wwi_xml_token token;

    wwi_xml_reader_init(&reader, &options);
    wwi_xml_reader_whole(&reader, fragment.data, fragment.size);
    while ((token = wwi_xml_reader_next(&reader)) != WWI_XML_END_OF_DOCUMENT) {
        demand(token != WWI_XML_ERROR, "content stands for itself");
        if (token == WWI_XML_TEXT && reader.depth != 0)
            events_text(events, reader.text);
        if (token == WWI_XML_END_ELEMENT)
            events_end(events);
        if (token != WWI_XML_START_ELEMENT)
            continue;
        events_start(events, reader.name.ns, reader.name.local);
        for (size_t i = 0; i < reader.attribute_count; i++)
            events_attribute(events, reader.attributes[i].name.ns,
                reader.attributes[i].name.local, reader.attributes[i].value);
    }
    wwi_xml_reader_fini(&reader);
}

static void demand_same_body(
    struct wwi_envelope *whole,
    const struct outcome *outcome)
{
    struct events expected = { 0 }, actual = { 0 };
    wws_bytes body;

    demand(wwi_envelope_xml(whole, &whole->body, &body) == 0, "memory");
    read_fragment(&expected, body);
    read_fragment(&actual,
        (wws_bytes) { outcome->content.data, outcome->content.size });
    demand(same_octets(&expected.out, &actual.out), "same body");
    wwi_bytes_fini(&expected.out);
    wwi_bytes_fini(&actual.out);
}

static void demand_same_headers(
    const struct wwi_envelope *whole,
    const struct wwi_envelope *head)
{
    demand(whole->version == head->version, "same version");
    demand(whole->header_count == head->header_count, "same headers");
    for (int i = 0; i < WWI_STANDARD_HEADERS; i++)
        demand(wwi_xml_equal(whole->standard[i], head->standard[i]),
            "same standard headers");
}

/* A stream knows nothing of faults, whose shape only the whole is held to. */
static void compare_with_whole(
    const uint8_t *data,
    size_t size,
    const struct wwi_xml_limits *limits,
    const struct outcome *outcome)
{
    struct wwi_envelope whole = { 0 }, head = { 0 };
    bool accepted = parse(&whole, data, size, limits);
    bool streamed = outcome->head.size != 0
        && parse(&head, outcome->head.data, outcome->head.size, limits)
        && outcome->event == WWI_STREAM_END;

    demand(streamed || !accepted, "a stream of what is good as a whole");
    demand(accepted || !streamed || whole.is_fault, "a whole of a good stream");
    if (accepted) {
        demand_same_headers(&whole, &head);
        demand_same_body(&whole, outcome);
    }
    wwi_envelope_fini(&whole);
    wwi_envelope_fini(&head);
}

static void compare_checks(struct pieces pieces)
{
    wws_status expected = wwi_check_content(pieces.left, false, NULL);
    struct wwi_stream_checker checker;
    wws_status status = 0;

    wwi_stream_checker_init(&checker, NULL);
    while (status == 0 && pieces.left.size != 0)
        status = wwi_stream_checker_feed(&checker, next_piece(&pieces), NULL);
    if (status == 0)
        status = wwi_stream_checker_finish(&checker, NULL);
    demand(status == expected, "same check");
    wwi_stream_checker_fini(&checker);
    free(pieces.piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wwi_xml_limits tight = { .depth = 5, .attributes = 3,
        .namespaces = 6, .name_size = 12, .value_size = 50, .tag_size = 160 };
    struct wwi_xml_limits limits = { 0 };
    size_t max_head = SIZE_MAX;
    struct pieces all = { 0 };
    struct pieces cut;
    struct outcome whole, parts;

    if (size == 0)
        return 0;
    if ((data[0] & TIGHT) != 0)
        limits = tight;
    if ((data[0] & SHORT_HEAD) != 0)
        max_head = SHORT_HEAD_SIZE;
    all.left = (wws_bytes) { data + 1, size - 1 };
    cut = all;
    cut.seed = 1 + data[0];
    whole = run(all, &limits, max_head);
    parts = run(cut, &limits, max_head);
    demand_same(&whole, &parts, max_head != SIZE_MAX);
    if (max_head == SIZE_MAX)
        compare_with_whole(data + 1, size - 1, &limits, &whole);
    compare_checks(cut);
    wwi_bytes_fini(&whole.head);
    wwi_bytes_fini(&whole.content);
    wwi_bytes_fini(&parts.head);
    wwi_bytes_fini(&parts.content);
    demand(wwi_memory_live() == 0, "nothing leaked");
    return 0;
}
