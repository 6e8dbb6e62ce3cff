/*
 * Feeds the decoder of .NET framing. The first octets say who decodes and how
 * to cut the rest, which is decoded whole and in pieces: what is said must be
 * the same, and what looks ahead must have foretold it. A preamble that was
 * understood is written again and must be understood alike.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/transport/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the first octets say. */
enum { CHOICES, CUT_SEED, HEADER };

#define CHECK(condition) do { if (!(condition)) __builtin_trap(); } while (0)

struct run {
    struct wwi_framing framing;
    struct wwi_bytes said;     /* an octet and numbers for each event */
    struct wwi_bytes body;     /* the octets of all envelopes */
    enum wwi_framing_event event;
    uint64_t used;
    bool in_messages;
    unsigned sessions;         /* that have ended */
};

static void begin(struct run *run, uint8_t choices)
{
    bool small = (choices & 4) != 0;

    memset(run, 0, sizeof(*run));
    /* Small quotas are reached by small inputs. */
    wwi_framing_init(&run->framing, (choices & 1) != 0,
        choices & 2 ? WWI_FRAMING_SINGLETON_UNSIZED : WWI_FRAMING_DUPLEX,
        small ? 20 : 0x7FFFFFFF, small ? 20 : UINT64_MAX);
}

static void end(struct run *run)
{
    wwi_framing_fini(&run->framing);
    wwi_bytes_fini(&run->said);
    wwi_bytes_fini(&run->body);
}

static bool same(wws_string left, wws_string right)
{
    return left.size == right.size
        && (left.size == 0 || memcmp(left.data, right.data, left.size) == 0);
}

static wws_string text_of(const struct wwi_bytes *bytes)
{
    return (wws_string) { (const char *)bytes->data, bytes->size };
}

static void write_again(const struct wwi_framing *framing)
{
    struct wwi_bytes out = { 0 };
    struct wwi_framing again;
    wws_bytes octets;
    size_t used;

    wwi_framing_write_preamble(&out, framing->mode, framing->via,
        (uint8_t)framing->encoding);
    wwi_framing_init(&again, true, WWI_FRAMING_DUPLEX, 1, 1);
    CHECK(wwi_framing_execute(&again, out.data, out.size, &used, &octets)
        == WWI_FRAMING_PREAMBLE);
    CHECK(used == out.size);
    CHECK(again.mode == framing->mode);
    CHECK(again.encoding == framing->encoding);
    CHECK(same(again.via, framing->via));
    wwi_framing_fini(&again);
    wwi_bytes_fini(&out);
}

static void note(struct run *run)
{
    const struct wwi_framing *framing = &run->framing;

    wwi_bytes_append_char(&run->said, (char)run->event);
    wwi_bytes_append_number(&run->said, run->used);
    wwi_bytes_append_char(&run->said, ' ');
    wwi_bytes_append_number(&run->said, run->body.size);
    switch (run->event) {
    case WWI_FRAMING_PREAMBLE:
        wwi_bytes_append_string(&run->said, framing->via);
        wwi_bytes_append_string(&run->said, framing->content_type);
        wwi_bytes_append_char(&run->said, (char)framing->encoding);
        wwi_bytes_append_char(&run->said, (char)framing->mode);
        break;
    case WWI_FRAMING_ENVELOPE:
        wwi_bytes_append_number(&run->said, framing->size);
        break;
    case WWI_FRAMING_UPGRADE:
    case WWI_FRAMING_FAULTED:
        wwi_bytes_append_string(&run->said, framing->text);
        break;
    default:
        break;
    }
}

/* Does what the decoder's user does. */
static void go_on(struct run *run)
{
    switch (run->event) {
    case WWI_FRAMING_PREAMBLE:
        if (run->framing.encoding >= 0)
            write_again(&run->framing);
        wwi_framing_begin_messages(&run->framing);
        run->in_messages = true;
        break;
    case WWI_FRAMING_ACK:
        run->in_messages = true;
        break;
    case WWI_FRAMING_ENDED:
        wwi_framing_reset(&run->framing);
        run->in_messages = false;
        run->sessions++;
        break;
    case WWI_FRAMING_FAILED:
        CHECK(run->framing.problem != NULL && run->framing.status < 0);
        CHECK(run->framing.server
            || run->framing.fault == WWI_FRAMING_FAULT_NONE);
        break;
    default:
        break;
    }
}

static bool over(const struct run *run)
{
    return run->event == WWI_FRAMING_FAULTED
        || run->event == WWI_FRAMING_FAILED;
}

static void feed(struct run *run, const uint8_t *data, size_t size)
{
    size_t used;
    wws_bytes octets;

    do {
        run->event = wwi_framing_execute(&run->framing, data, size, &used,
            &octets);
        CHECK(used <= size);
        CHECK((run->event == WWI_FRAMING_OCTETS) == (octets.size != 0));
        wwi_bytes_append(&run->body, octets.data, octets.size);
        data += used;
        size -= used;
        run->used += used;
        if (run->event != WWI_FRAMING_MORE && run->event != WWI_FRAMING_OCTETS)
            note(run);
        go_on(run);
    } while (run->event != WWI_FRAMING_MORE && !over(run));
    CHECK(over(run) || size == 0);
}

/* Pieces of one octet if the seed is 0, else of 1 to 32. */
static void feed_pieces(
    struct run *run,
    const struct run *whole,
    const uint8_t *data,
    size_t size,
    uint32_t seed)
{
    size_t at = 0, piece;

    feed(run, data, 0);
    while (!over(run) && at < size) {
        CHECK(wwi_framing_will_end(&run->framing, data + at, size - at)
            == (run->in_messages && whole->sessions > run->sessions));
        piece = 1;
        if (seed != 0) {
            seed = seed * 1664525 + 1013904223;
            piece = (seed >> 16) % 32 + 1;
        }
        if (piece > size - at)
            piece = size - at;
        feed(run, data + at, piece);
        at += piece;
    }
}

static void compare(const struct run *a, const struct run *b)
{
    CHECK(same(text_of(&a->said), text_of(&b->said)));
    CHECK(same(text_of(&a->body), text_of(&b->body)));
    CHECK(a->event == b->event && a->used == b->used);
    CHECK(a->sessions == b->sessions && a->in_messages == b->in_messages);
    CHECK(a->framing.status == b->framing.status);
    CHECK(a->framing.problem == b->framing.problem);
    CHECK(a->framing.fault == b->framing.fault);
    CHECK(wwi_framing_between_records(&a->framing)
        == wwi_framing_between_records(&b->framing));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t live = wwi_memory_live();
    struct run whole, pieces;

    if (size < HEADER)
        return 0;
    begin(&whole, data[CHOICES]);
    begin(&pieces, data[CHOICES]);
    feed(&whole, data + HEADER, size - HEADER);
    feed_pieces(&pieces, &whole, data + HEADER, size - HEADER, data[CUT_SEED]);
    compare(&whole, &pieces);
    end(&whole);
    end(&pieces);
    CHECK(wwi_memory_live() == live);
    return 0;
}
