/* Takes streamed envelopes apart with the reader, whose tokens say where the
 * octets are of which kind; the octets themselves are given out as they came.
 *
 * Words.  The *piece* is what was fed last; the reader may have been given only
 * the first `fed` octets of it.  What is *held* are octets of earlier pieces
 * that were not given out: all of them while the head is read, then what a
 * piece cut off.  Offsets count the octets of the whole input.
 *
 * Rules.  All before the offset `given` was given out, and of what follows the
 * next `taken` octets are the last event's.  Held octets begin at `given`, and
 * those behind them are in the piece.  While some are held the reader gets only
 * a little of the piece, so that no more than that little is copied to make one
 * run of both.
 *
 * The content leans on the declarations around it, so that they are put into
 * its outermost elements, all that are not overridden there: which are needed
 * would be known only at the end of the element. */
#include "core/xml/stream.h"

#include "core/base/text.h"
#include "core/xml/envelope_parser.h"
#include "core/xml/escape.h"
#include "core/xml/parser.h"

enum {
    KEEP_SIZE = 4096,
    STITCH_SIZE = 512,
};

enum phase { HEAD, BODY, TAIL };

/* Of a namespace, as it is written in `outside`. */
struct declaration {
    size_t prefix_size;
    size_t end;
};

/* How deep elements are. */
enum { ENVELOPE_DEPTH = 1, BODY_DEPTH, CONTENT_DEPTH };

/* What one step may report besides an event: nothing yet. */
enum { STEP_AGAIN = WWI_STREAM_ERROR + 1 };

static const uint8_t *token_begin(const struct wwi_xml_reader *reader)
{
    return reader->at - (size_t) (reader->end - reader->begin);
}

/* As the name of a tag is written. */
static size_t name_size(const struct wwi_xml_name *name)
{
    size_t prefix_size = name->prefix.size;

    return name->local.size + (prefix_size != 0 ? prefix_size + 1 : 0);
}

static int refuse(
    struct wwi_stream_reader *stream,
    const uint8_t *p,
    const char *problem)
{
    wwi_xml_fail(&stream->reader, p, problem);
    return WWI_STREAM_ERROR;
}

static int no_memory(struct wwi_stream_reader *stream)
{
    wwi_xml_no_memory(&stream->reader);
    return WWI_STREAM_ERROR;
}

/* Text between elements must be white space.  Refuses it at the first character
 * that is none, which is the same however the text is cut. */
static bool check_space(struct wwi_xml_reader *reader)
{
    const uint8_t *p = token_begin(reader);

    if (wwi_envelope_is_space(reader->text))
        return true;
    if (reader->text.data != reader->character)
        p = wwi_xml_skip((const uint8_t *) reader->text.data, reader->at,
            WWI_XML_SPACE);
    wwi_xml_fail(reader, p, "text where only elements may be");
    return false;
}

/* Holds the octets of the piece too, up to an offset. */
static void hold(struct wwi_stream_reader *stream, uint64_t end)
{
    uint64_t from = stream->given + stream->held.size;

    if (end > from)
        wwi_bytes_append(&stream->held,
            stream->piece + (from - stream->piece_offset),
            (size_t) (end - from));
}

/* Gives out the octets up to an offset, if there are any. */
static int give(struct wwi_stream_reader *stream, uint64_t end)
{
    size_t size = (size_t) (end - stream->given);
    bool stitched = stream->held.size != 0;

    if (size == 0)
        return STEP_AGAIN;
    if (stitched)
        hold(stream, end);
    if (stream->held.failed)
        return no_memory(stream);
    stream->octets = (wws_bytes) {
        stitched ? stream->held.data
            : stream->piece + (stream->given - stream->piece_offset),
        size,
    };
    stream->taken = size;
    return WWI_STREAM_CONTENT;
}

/* What was given out last is done with. */
static void drop_taken(struct wwi_stream_reader *stream)
{
    size_t held = stream->held.size;

    if (held != 0)
        wwi_bytes_consume(&stream->held,
            stream->taken < held ? stream->taken : held);
    stream->given += stream->taken;
    stream->taken = 0;
}

/* Closes an element of the head, whose name stands there already. */
static void close_element(struct wwi_bytes *head, size_t name_at, size_t size)
{
    if (wwi_bytes_reserve(head, size + 3) == NULL)
        return;
    wwi_bytes_append_text(head, "</");
    wwi_bytes_append(head, head->data + name_at, size);
    wwi_bytes_append_char(head, '>');
}

static void put_declaration(
    struct wwi_bytes *out,
    const struct wwi_xml_namespace *declaration)
{
    wwi_bytes_append_text(out, " xmlns");
    if (declaration->prefix.size != 0)
        wwi_bytes_append_text(out, ":");
    wwi_bytes_append_string(out, declaration->prefix);
    wwi_bytes_append_text(out, "=\"");
    wwi_xml_escape(out, declaration->uri, true);
    wwi_bytes_append_text(out, "\"");
}

/* Writes down all that is declared around the content, once, for elements may
 * be many. */
static void list_outside(struct wwi_stream_reader *stream)
{
    struct wwi_xml_namespace found;
    size_t index = 0;

    while (wwi_xml_reader_namespace(&stream->reader, &index, &found)) {
        struct declaration added = { .prefix_size = found.prefix.size };

        put_declaration(&stream->outside, &found);
        added.end = stream->outside.size;
        wwi_bytes_append(&stream->outside_list, &added, sizeof added);
    }
}

/* Appends what is declared outside and not by the element itself. */
static void put_outside(
    const struct wwi_stream_reader *stream,
    struct wwi_bytes *out)
{
    const struct declaration *list =
        (const void *) stream->outside_list.data;
    const char *text = (const char *) stream->outside.data;
    size_t count = stream->outside_list.size / sizeof *list;
    size_t begin = 0;

    for (size_t i = 0; i < count; begin = list[i].end, i++) {
        wws_string prefix = {
            text + begin + sizeof " xmlns:" - 1, list[i].prefix_size };

        if (!wwi_xml_scope_declares(&stream->reader.scope, prefix))
            wwi_bytes_append(out, text + begin, list[i].end - begin);
    }
}

/* At the start tag of the body. */
static int give_head(struct wwi_stream_reader *stream)
{
    const struct wwi_xml_reader *reader = &stream->reader;
    struct wwi_bytes *head = &stream->head;

    hold(stream, reader->end);
    *head = stream->held;
    stream->held = (struct wwi_bytes) { 0 };
    stream->given = reader->end;
    stream->phase = BODY;
    if (reader->at[-2] != '/')
        close_element(head, (size_t) reader->begin + 1,
            name_size(&reader->name));
    close_element(head, stream->root_at, stream->root_size);
    list_outside(stream);
    if (head->failed || stream->outside.failed || stream->outside_list.failed)
        return no_memory(stream);
    return WWI_STREAM_HEAD;
}

/* The start tag of an outermost element, with what is declared outside. */
static int give_tag(struct wwi_stream_reader *stream)
{
    const struct wwi_xml_reader *reader = &stream->reader;
    const uint8_t *begin = token_begin(reader);
    const uint8_t *behind_name = begin + 1 + name_size(&reader->name);
    struct wwi_bytes *tag = &stream->tag;

    stream->tag_due = false;
    wwi_bytes_reset(tag, KEEP_SIZE);
    wwi_bytes_append(tag, begin, (size_t) (behind_name - begin));
    put_outside(stream, tag);
    wwi_bytes_append(tag, behind_name, (size_t) (reader->at - behind_name));
    if (tag->failed)
        return no_memory(stream);
    stream->octets = (wws_bytes) { tag->data, tag->size };
    stream->taken = (size_t) (reader->end - reader->begin);
    return WWI_STREAM_CONTENT;
}

static int read_start(struct wwi_stream_reader *stream)
{
    const struct wwi_xml_reader *reader = &stream->reader;

    if (stream->phase == TAIL)
        return refuse(stream, token_begin(reader),
            "an element behind the body");
    if (stream->phase == BODY && reader->depth == CONTENT_DEPTH) {
        stream->tag_due = true;
        return give(stream, reader->begin);
    }
    if (stream->phase == BODY)
        return STEP_AGAIN;
    if (reader->depth == ENVELOPE_DEPTH) {
        stream->root_at = (size_t) reader->begin + 1;
        stream->root_size = name_size(&reader->name);
    }
    /* Whether it is the right one is for the reader of the head to say. */
    if (reader->depth == BODY_DEPTH
        && wwi_string_is(reader->name.local, "Body"))
        return give_head(stream);
    return STEP_AGAIN;
}

static int read_text(struct wwi_stream_reader *stream)
{
    struct wwi_xml_reader *reader = &stream->reader;

    if (stream->phase == HEAD || reader->depth >= CONTENT_DEPTH
        || check_space(reader))
        return STEP_AGAIN;
    return WWI_STREAM_ERROR;
}

static int read_end(struct wwi_stream_reader *stream)
{
    const struct wwi_xml_reader *reader = &stream->reader;

    if (stream->phase != BODY || reader->depth != BODY_DEPTH)
        return STEP_AGAIN;
    stream->phase = TAIL;
    return give(stream, reader->begin);
}

/* Gives the reader more of the piece. */
static int feed_reader(struct wwi_stream_reader *stream)
{
    struct wwi_xml_reader *reader = &stream->reader;
    size_t size = stream->piece_size - stream->fed;
    size_t most = size;

    if (stream->phase == HEAD)
        most = stream->max_head
            - (size_t) (stream->piece_offset + stream->fed);
    else if (stream->held.size != 0)
        most = STITCH_SIZE;
    if (most == 0) {
        wwi_xml_over_limit(reader, reader->at,
            "the head of the envelope is too long");
        return WWI_STREAM_ERROR;
    }
    size = size < most ? size : most;
    wwi_xml_reader_feed(reader, stream->piece + stream->fed, size);
    stream->fed += size;
    return STEP_AGAIN;
}

/* The reader has nothing left to read. */
static int read_on(struct wwi_stream_reader *stream)
{
    struct wwi_xml_reader *reader = &stream->reader;
    int event = STEP_AGAIN;

    if (stream->phase == BODY)
        event = give(stream, wwi_xml_offset(reader, reader->at));
    if (event != STEP_AGAIN)
        return event;
    if (stream->fed < stream->piece_size)
        return feed_reader(stream);
    if (stream->phase != TAIL)
        hold(stream, stream->piece_offset + stream->piece_size);
    if (stream->held.failed)
        return no_memory(stream);
    if (stream->finished) {
        wwi_xml_reader_finish(reader);
        return STEP_AGAIN;
    }
    stream->starved = true;
    return WWI_STREAM_NEED_INPUT;
}

static int step(struct wwi_stream_reader *stream)
{
    struct wwi_xml_reader *reader = &stream->reader;

    if (stream->tag_due)
        return give_tag(stream);
    switch (wwi_xml_reader_next(reader)) {
    case WWI_XML_NEED_INPUT:
        return read_on(stream);
    case WWI_XML_START_ELEMENT:
        return read_start(stream);
    case WWI_XML_END_ELEMENT:
        return read_end(stream);
    case WWI_XML_TEXT:
        return read_text(stream);
    case WWI_XML_END_OF_DOCUMENT:
        if (stream->phase == TAIL)
            return WWI_STREAM_END;
        return refuse(stream, reader->at, "no body where it should be");
    case WWI_XML_ERROR:
        break;
    }
    return WWI_STREAM_ERROR;
}

static wws_status tell(
    const struct wwi_xml_reader *reader,
    struct wwi_error *error)
{
    return wwi_fail(error, reader->status, "line %llu, column %llu: %s",
        (unsigned long long) reader->row + 1,
        (unsigned long long) reader->column + 1, reader->problem);
}

enum wwi_stream_event wwi_stream_reader_next(
    struct wwi_stream_reader *stream,
    struct wwi_error *error)
{
    int event;

    drop_taken(stream);
    do {
        event = step(stream);
    } while (event == STEP_AGAIN);
    if (event == WWI_STREAM_ERROR)
        stream->status = tell(&stream->reader, error);
    return (enum wwi_stream_event) event;
}

void wwi_stream_reader_init(
    struct wwi_stream_reader *stream,
    const struct wwi_xml_limits *limits,
    size_t max_head)
{
    struct wwi_xml_reader_options options = { 0 };

    if (limits != NULL)
        options.limits = *limits;
    *stream = (struct wwi_stream_reader) {
        .max_head = max_head,
        .starved = true,
    };
    wwi_xml_reader_init(&stream->reader, &options);
}

void wwi_stream_reader_fini(struct wwi_stream_reader *stream)
{
    wwi_xml_reader_fini(&stream->reader);
    wwi_bytes_fini(&stream->head);
    wwi_bytes_fini(&stream->held);
    wwi_bytes_fini(&stream->outside);
    wwi_bytes_fini(&stream->outside_list);
    wwi_bytes_fini(&stream->tag);
    *stream = (struct wwi_stream_reader) { 0 };
}

void wwi_stream_reader_feed(
    struct wwi_stream_reader *stream,
    wws_bytes piece)
{
    if (!stream->starved || stream->finished) {
        refuse(stream, stream->reader.at, "input that was not asked for");
        return;
    }
    stream->piece_offset += stream->piece_size;
    stream->piece = piece.data;
    stream->piece_size = piece.size;
    stream->fed = 0;
    stream->starved = false;
}

void wwi_stream_reader_finish(struct wwi_stream_reader *stream)
{
    stream->finished = true;
}

void wwi_stream_checker_init(
    struct wwi_stream_checker *checker,
    const struct wwi_xml_limits *limits)
{
    struct wwi_xml_reader_options options = { .fragment = true };
    uint32_t *depth = &checker->reader.options.limits.depth;

    if (limits != NULL)
        options.limits = *limits;
    wwi_xml_reader_init(&checker->reader, &options);
    /* Only now, for the reader would take 0 for its default. */
    *depth -= *depth < BODY_DEPTH ? *depth : BODY_DEPTH;
}

void wwi_stream_checker_fini(struct wwi_stream_checker *checker)
{
    wwi_xml_reader_fini(&checker->reader);
}

/* Reads what there is. */
static wws_status check(
    struct wwi_stream_checker *checker,
    struct wwi_error *error)
{
    struct wwi_xml_reader *reader = &checker->reader;

    for (;;) {
        switch (wwi_xml_reader_next(reader)) {
        case WWI_XML_NEED_INPUT:
        case WWI_XML_END_OF_DOCUMENT:
            return WWS_S_OK;
        case WWI_XML_TEXT:
            if (reader->depth != 0 || check_space(reader))
                continue;
            return tell(reader, error);
        case WWI_XML_ERROR:
            return tell(reader, error);
        default:
            continue;
        }
    }
}

wws_status wwi_stream_checker_feed(
    struct wwi_stream_checker *checker,
    wws_bytes piece,
    struct wwi_error *error)
{
    wwi_xml_reader_feed(&checker->reader, piece.data, piece.size);
    return check(checker, error);
}

wws_status wwi_stream_checker_finish(
    struct wwi_stream_checker *checker,
    struct wwi_error *error)
{
    wwi_xml_reader_finish(&checker->reader);
    return check(checker, error);
}
