/* Runs of the codec of .NET message framing.  Whatever is decoded here is
 * decoded whole, cut in two at every octet, and one octet at a time; what the
 * decoder says must be the same.  Octets are written as they are in the worked
 * examples of the protocol. */
#ifndef TESTS_FRAMING_FIXTURE_H
#define TESTS_FRAMING_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/transport/framing.h"

#define FAULTS "http://schemas.microsoft.com/ws/2006/05/framing/faults/"

/* net.tcp://h/s, in either mode. */
#define VIA "02 0D 6E 65 74 2E 74 63 70 3A 2F 2F 68 2F 73"
#define DUPLEX "00 01 00 01 02 " VIA " 03 08 0C "
#define STREAMED "00 01 00 01 01 " VIA " 03 03 0C "

/* The duplex session with the binary encoding. */
static const char preamble[] =
    "00 01 00 01 02 02 1D 6E 65 74 2E 74 63 70 3A 2F 2F 6C 6F 63 61 6C 68 6F"
    "73 74 3A 38 30 38 30 2F 63 61 6C 63 03 08 0C";
static const char request[] =
    "06 9E 01 57 1C 68 74 74 70 3A 2F 2F 74 65 6D 70"
    "75 72 69 2E 6F 72 67 2F 49 43 61 6C 63 2F 41 64"
    "64 1D 6E 65 74 2E 74 63 70 3A 2F 2F 6C 6F 63 61"
    "6C 68 6F 73 74 3A 38 30 38 30 2F 63 61 6C 63 03"
    "41 64 64 13 68 74 74 70 3A 2F 2F 74 65 6D 70 75"
    "72 69 2E 6F 72 67 2F 01 61 01 62 56 02 0B 01 73"
    "04 0B 01 61 06 56 08 44 0A 1E 00 82 AB 01 44 1A"
    "AD 0E 8D 2C 6F 7A 1B 55 4C 9E 3D 0A 1B 2C 3D 4E"
    "5F 44 2C 44 2A AB 14 01 44 0C 1E 00 82 AB 03 01"
    "56 0E 42 05 0A 07 42 09 89 03 42 0B 89 04 01 01"
    "01";
static const char reply[] =
    "06 8B 01 4F 24 68 74 74 70 3A 2F 2F 74 65 6D 70"
    "75 72 69 2E 6F 72 67 2F 49 43 61 6C 63 2F 41 64"
    "64 52 65 73 70 6F 6E 73 65 0B 41 64 64 52 65 73"
    "70 6F 6E 73 65 13 68 74 74 70 3A 2F 2F 74 65 6D"
    "70 75 72 69 2E 6F 72 67 2F 09 41 64 64 52 65 73"
    "75 6C 74 56 02 0B 01 73 04 0B 01 61 06 56 08 44"
    "0A 1E 00 82 AB 01 44 12 AD 0E 8D 2C 6F 7A 1B 55"
    "4C 9E 3D 0A 1B 2C 3D 4E 5F 44 0C 1E 00 82 AB 14"
    "01 56 0E 42 03 0A 05 42 07 89 07 01 01 01";

static uint32_t max_message_size;
static uint64_t max_streamed_size;

/* Who decodes: a server, or a client that asked for a mode. */
enum side { SERVER, DUPLEX_CLIENT, STREAM_CLIENT };

struct run {
    struct wwi_framing framing;
    struct wwi_bytes trace;   /* what it said, in words */
    struct wwi_bytes body;    /* the octets of all envelopes */
    enum wwi_framing_event event;
    size_t used;
};

static inline void begin(struct run *run, enum side side)
{
    memset(run, 0, sizeof *run);
    wwi_framing_init(&run->framing, side == SERVER,
        side == STREAM_CLIENT ? WWI_FRAMING_SINGLETON_UNSIZED
                              : WWI_FRAMING_DUPLEX,
        max_message_size, max_streamed_size);
}

static inline void end(struct run *run)
{
    wwi_framing_fini(&run->framing);
    wwi_bytes_fini(&run->trace);
    wwi_bytes_fini(&run->body);
}

static inline void note(struct run *run, const wws_bytes *octets)
{
    static const char *const words[] = {
        [WWI_FRAMING_PREAMBLE] = "preamble ",
        [WWI_FRAMING_UPGRADE] = "upgrade ",
        [WWI_FRAMING_ACK] = "ack ",
        [WWI_FRAMING_ENVELOPE] = "envelope ",
        [WWI_FRAMING_ENVELOPE_DONE] = "done ",
        [WWI_FRAMING_ENDED] = "ended ",
        [WWI_FRAMING_FAULTED] = "faulted ",
        [WWI_FRAMING_FAILED] = "failed ",
    };

    wwi_bytes_append(&run->body, octets->data, octets->size);
    if (words[run->event] != NULL)
        wwi_bytes_append_text(&run->trace, words[run->event]);
    if (run->event == WWI_FRAMING_ENVELOPE && run->framing.size != 0) {
        wwi_bytes_append_number(&run->trace, run->framing.size);
        wwi_bytes_append_char(&run->trace, ' ');
    }
    if (run->event == WWI_FRAMING_UPGRADE) {
        wwi_bytes_append_string(&run->trace, run->framing.text);
        wwi_bytes_append_char(&run->trace, ' ');
    }
}

static inline bool over(const struct run *run)
{
    return run->event == WWI_FRAMING_FAILED
        || run->event == WWI_FRAMING_FAULTED;
}

/* Feeds a copy that has nothing behind it, and acknowledges at once. */
static inline void feed(struct run *run, const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size != 0 ? size : 1);
    size_t at = 0, used;
    wws_bytes octets;

    if (size != 0)
        memcpy(copy, data, size);
    do {
        run->event = wwi_framing_execute(&run->framing,
            size != 0 ? copy + at : NULL, size - at, &used, &octets);
        assert_true(used <= size - at);
        assert_int_equal(run->event == WWI_FRAMING_OCTETS, octets.size != 0);
        if (octets.size != 0) {
            assert_true((const uint8_t *) octets.data >= copy + at);
            assert_true((const uint8_t *) octets.data + octets.size
                == copy + at + used);
        }
        at += used;
        note(run, &octets);
        if (run->event == WWI_FRAMING_PREAMBLE)
            wwi_framing_begin_messages(&run->framing);
    } while (run->event != WWI_FRAMING_MORE && !over(run));
    if (run->event == WWI_FRAMING_MORE)
        assert_int_equal(at, size);
    run->used += at;
    free(copy);
}

static inline wws_string text_of(const struct wwi_bytes *bytes)
{
    return (wws_string) { (const char *) bytes->data, bytes->size };
}

static inline void assert_text(wws_string text, const char *expected)
{
    if (text.size != strlen(expected)
        || memcmp(text.data, expected, text.size) != 0)
        fail_msg("'%.*s' is not '%s'", (int) text.size, text.data, expected);
}

static inline void assert_same_text(wws_string a, wws_string b)
{
    assert_int_equal(a.size, b.size);
    if (a.size != 0)
        assert_memory_equal(a.data, b.data, a.size);
}

static inline void assert_same(const struct run *a, const struct run *b)
{
    assert_same_text(text_of(&a->trace), text_of(&b->trace));
    assert_same_text(text_of(&a->body), text_of(&b->body));
    assert_int_equal(a->event, b->event);
    assert_int_equal(a->used, b->used);
    assert_int_equal(a->framing.mode, b->framing.mode);
    assert_int_equal(a->framing.encoding, b->framing.encoding);
    assert_same_text(a->framing.via, b->framing.via);
    assert_same_text(a->framing.content_type, b->framing.content_type);
    assert_int_equal(a->framing.status, b->framing.status);
    assert_int_equal(a->framing.fault, b->framing.fault);
    assert_ptr_equal(a->framing.problem, b->framing.problem);
    assert_int_equal(wwi_framing_between_records(&a->framing),
        wwi_framing_between_records(&b->framing));
}

static inline void decode_in_two(
    const struct run *whole,
    enum side side,
    const struct wwi_bytes *octets,
    size_t cut)
{
    struct run run;

    begin(&run, side);
    feed(&run, octets->data, cut);
    if (!over(&run))
        feed(&run, octets->data + cut, octets->size - cut);
    assert_same(&run, whole);
    end(&run);
}

static inline void decode_one_by_one(
    const struct run *whole,
    enum side side,
    const struct wwi_bytes *octets)
{
    struct run run;

    begin(&run, side);
    for (size_t i = 0; i < octets->size && !over(&run); i++)
        feed(&run, octets->data + i, 1);
    assert_same(&run, whole);
    end(&run);
}

/* Decodes whole; then in pieces, comparing. */
static inline void decode_bytes(
    struct run *run,
    enum side side,
    const struct wwi_bytes *octets)
{
    /* Every cut of a long run would take quadratic time. */
    size_t stride = octets->size / 4000 + 1;

    begin(run, side);
    feed(run, octets->data, octets->size);
    for (size_t cut = 0; cut <= octets->size; cut += stride)
        decode_in_two(run, side, octets, cut);
    decode_one_by_one(run, side, octets);
}

/* Appends octets in hexadecimal digits, with spaces between some. */
static inline void append(struct wwi_bytes *out, const char *hex)
{
    unsigned octet;
    int length;

    while (sscanf(hex, " %2x%n", &octet, &length) == 1) {
        wwi_bytes_append_char(out, (char) octet);
        hex += length;
    }
}

static inline void append_many(struct wwi_bytes *out, char c, size_t count)
{
    while (count-- > 0)
        wwi_bytes_append_char(out, c);
}

static inline void decode(struct run *run, enum side side, const char *hex)
{
    struct wwi_bytes octets = { 0 };

    append(&octets, hex);
    decode_bytes(run, side, &octets);
    wwi_bytes_fini(&octets);
}

static inline void assert_failed(
    const struct run *run,
    wws_status status,
    enum wwi_framing_fault fault)
{
    assert_int_equal(run->event, WWI_FRAMING_FAILED);
    assert_int_equal(run->framing.status, status);
    assert_int_equal(run->framing.fault, fault);
    assert_non_null(run->framing.problem);
}

/* That the octets break the protocol, in a way that no fault explains. */
static inline void refuse(enum side side, const char *hex)
{
    struct run run;

    decode(&run, side, hex);

    assert_failed(&run, WWS_E_INVALID_FORMAT, WWI_FRAMING_FAULT_NONE);
    end(&run);
}

/* The same with a fault. */
static inline void refuse_with(enum wwi_framing_fault fault, const char *hex)
{
    struct run run;

    decode(&run, SERVER, hex);

    assert_failed(&run, WWS_E_INVALID_FORMAT, fault);
    end(&run);
}

static inline int set_up(void **state)
{
    static uint64_t live;

    max_message_size = 65536;
    max_streamed_size = 65536;
    live = wwi_memory_live();
    *state = &live;
    return 0;
}

static inline int tear_down(void **state)
{
    wwi_memory_fail(0, 0);
    return wwi_memory_live() != *(uint64_t *) *state;
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
