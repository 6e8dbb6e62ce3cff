/* The body of a message that travels in pieces. */
#include "core/channel/pieces.h"

#include "core/base/memory.h"
#include "core/base/text.h"

struct wwi_pieces *wwi_pieces_new_writing(void)
{
    struct wwi_pieces *pieces = wwi_alloc_zero(sizeof *pieces);

    if (pieces == NULL)
        return NULL;
    pieces->writing = true;
    wwi_stream_checker_init(&pieces->checker, NULL);
    return pieces;
}

struct wwi_pieces *wwi_pieces_new_reading(
    uint32_t max_head,
    uint32_t max_whole)
{
    struct wwi_pieces *pieces = wwi_alloc_zero(sizeof *pieces);

    if (pieces == NULL)
        return NULL;
    pieces->more = true;
    pieces->max_whole = max_whole;
    wwi_stream_reader_init(&pieces->reader, NULL, max_head);
    return pieces;
}

struct wwi_pieces *wwi_pieces_new_gathering(uint32_t max_whole)
{
    struct wwi_pieces *pieces = wwi_pieces_new_reading(max_whole, max_whole);

    if (pieces != NULL)
        pieces->gathers = true;
    return pieces;
}

void wwi_pieces_free(struct wwi_pieces *pieces)
{
    if (pieces->writing)
        wwi_stream_checker_fini(&pieces->checker);
    else
        wwi_stream_reader_fini(&pieces->reader);
    wwi_mapped_fini(&pieces->mapped);
    wwi_bytes_fini(&pieces->input);
    wwi_bytes_fini(&pieces->whole);
    wwi_free(pieces);
}

wws_status wwi_pieces_write(
    struct wwi_pieces *pieces,
    wws_bytes piece,
    uint64_t most,
    struct wwi_error *error)
{
    wws_status status;

    if (piece.size > most - pieces->written)
        return wwi_fail_static(error, WWS_E_QUOTA_EXCEEDED,
            "the body would have more than max_streamed_message_size octets");
    status = wwi_stream_checker_feed(&pieces->checker, piece, error);
    if (status >= 0)
        pieces->written += piece.size;
    return status;
}

static bool is_space(uint8_t c)
{
    return c <= ' ';
}

wws_status wwi_pieces_tell(struct wwi_pieces *pieces, struct wwi_error *error)
{
    if (pieces->reader.status >= 0)
        return wwi_fail_static(error, pieces->status,
            pieces->status == WWS_E_OUTOFMEMORY ? "no memory for the message"
            : "what is read whole has more than max_message_size octets");
    /* The reader says again what it found, and where. */
    (void) wwi_stream_reader_next(&pieces->reader, error);
    return pieces->status;
}

/* Whether content begins with an element that is called Fault; the first run
 * begins with its tag, but for white space. */
static bool begins_fault(wws_bytes content)
{
    const uint8_t *at = content.data, *end = at + content.size, *begin;

    while (at < end && is_space(*at))
        at++;
    if (at == end || *at++ != '<')
        return false;
    for (begin = at; at < end && !is_space(*at) && *at != '>' && *at != '/';
         at++)
        if (*at == ':')
            begin = at + 1;
    return wwi_string_equal((wws_string) { (const char *) begin,
        (size_t) (at - begin) }, WWS_STR("Fault"));
}

static bool is_blank(wws_bytes content)
{
    const uint8_t *octets = content.data;

    for (size_t i = 0; i < content.size; i++)
        if (!is_space(octets[i]))
            return false;
    return true;
}

/* The head is a whole envelope; content goes before its last two tags. */
static size_t end_of_head(const struct wwi_bytes *head)
{
    size_t at = head->size;

    for (int tags = 0; at > 0 && tags < 2;)
        if (head->data[--at] == '<')
            tags++;
    return at;
}

static void fail(struct wwi_pieces *pieces, wws_status status)
{
    pieces->status = status;
    pieces->ended = true;
}

static void begin_whole(struct wwi_pieces *pieces)
{
    const struct wwi_bytes *head = &pieces->reader.head;

    if (pieces->whole.size == 0)
        wwi_bytes_append(&pieces->whole, head->data, end_of_head(head));
}

static void collect(struct wwi_pieces *pieces, wws_bytes content)
{
    struct wwi_bytes *whole = &pieces->whole;

    begin_whole(pieces);
    if (whole->size > pieces->max_whole
        || content.size > pieces->max_whole - whole->size)
        fail(pieces, WWS_E_QUOTA_EXCEEDED);
    else
        wwi_bytes_append(whole, content.data, content.size);
    if (whole->failed)
        fail(pieces, WWS_E_OUTOFMEMORY);
}

static void end_whole(struct wwi_pieces *pieces)
{
    const struct wwi_bytes *head = &pieces->reader.head;
    size_t at = end_of_head(head);

    begin_whole(pieces);
    wwi_bytes_append(&pieces->whole, head->data + at, head->size - at);
    if (pieces->whole.failed)
        fail(pieces, WWS_E_OUTOFMEMORY);
}

/* The head is not given out before it is known what the body is. */
static void take_content(struct wwi_pieces *pieces, enum wwi_pieces_aim aim)
{
    wws_bytes content = pieces->reader.octets;

    if (aim == WWI_PIECES_HEAD && !pieces->gathers)
        pieces->fault = pieces->fault || begins_fault(content);
    if (pieces->fault || pieces->gathers)
        collect(pieces, content);
    else if (aim == WWI_PIECES_CONTENT
        || (aim == WWI_PIECES_HEAD && !is_blank(content)))
        pieces->content = content;
}

static void take_end(struct wwi_pieces *pieces)
{
    pieces->ended = true;
    if (pieces->fault || pieces->gathers)
        end_whole(pieces);
}

bool wwi_pieces_reach(struct wwi_pieces *pieces, enum wwi_pieces_aim aim)
{
    if (aim == WWI_PIECES_END)
        pieces->content = (wws_bytes) { 0 };
    while (pieces->content.size == 0 && !pieces->ended) {
        switch (wwi_stream_reader_next(&pieces->reader, NULL)) {
        case WWI_STREAM_NEED_INPUT:
            if (pieces->more)
                return false;
            wwi_stream_reader_finish(&pieces->reader);
            break;
        case WWI_STREAM_HEAD:
            pieces->headed = true;
            break;
        case WWI_STREAM_CONTENT:
            take_content(pieces, aim);
            break;
        case WWI_STREAM_END:
            take_end(pieces);
            break;
        case WWI_STREAM_ERROR:
            fail(pieces, pieces->reader.status);
            break;
        }
    }
    return true;
}

void wwi_pieces_note(
    struct wwi_pieces *pieces,
    const struct wwi_fields *fields)
{
    uint32_t index = 0;
    wws_string name, value;

    if (pieces->headed || pieces->input.size != 0)
        return;
    while (fields->next != NULL
        && fields->next(fields->state, &index, &name, &value))
        if (wwi_mapped_add(&pieces->mapped, name, value) < 0)
            fail(pieces, WWS_E_OUTOFMEMORY);
}

void wwi_pieces_feed(
    struct wwi_pieces *pieces,
    struct wwi_bytes *input,
    bool more)
{
    wwi_bytes_fini(&pieces->input);
    pieces->input = *input;
    *input = (struct wwi_bytes) { 0 };
    pieces->more = more;
    if (pieces->input.size != 0)
        wwi_stream_reader_feed(&pieces->reader, (wws_bytes) {
            pieces->input.data, pieces->input.size });
}
