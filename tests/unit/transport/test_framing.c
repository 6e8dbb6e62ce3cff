/* Promises of the codec of .NET message framing.  Whatever is decoded here is
 * decoded whole, cut in two at every octet, and one octet at a time; what the
 * decoder says must be the same.  Octets are written as they are in the worked
 * examples of the protocol. */
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

static const char document[] =
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">"
    "<s:Body/></s:Envelope>";

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

static void begin(struct run *run, enum side side)
{
    memset(run, 0, sizeof *run);
    wwi_framing_init(&run->framing, side == SERVER,
        side == STREAM_CLIENT ? WWI_FRAMING_SINGLETON_UNSIZED
                              : WWI_FRAMING_DUPLEX,
        max_message_size, max_streamed_size);
}

static void end(struct run *run)
{
    wwi_framing_fini(&run->framing);
    wwi_bytes_fini(&run->trace);
    wwi_bytes_fini(&run->body);
}

static void note(struct run *run, const wws_bytes *octets)
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

static bool over(const struct run *run)
{
    return run->event == WWI_FRAMING_FAILED
        || run->event == WWI_FRAMING_FAULTED;
}

/* Feeds a copy that has nothing behind it, and acknowledges at once. */
static void feed(struct run *run, const uint8_t *data, size_t size)
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

static wws_string text_of(const struct wwi_bytes *bytes)
{
    return (wws_string) { (const char *) bytes->data, bytes->size };
}

static void assert_text(wws_string text, const char *expected)
{
    if (text.size != strlen(expected)
        || memcmp(text.data, expected, text.size) != 0)
        fail_msg("'%.*s' is not '%s'", (int) text.size, text.data, expected);
}

static void assert_same_text(wws_string a, wws_string b)
{
    assert_int_equal(a.size, b.size);
    if (a.size != 0)
        assert_memory_equal(a.data, b.data, a.size);
}

static void assert_same(const struct run *a, const struct run *b)
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

static void decode_in_two(
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

static void decode_one_by_one(
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
static void decode_bytes(
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
static void append(struct wwi_bytes *out, const char *hex)
{
    unsigned octet;
    int length;

    while (sscanf(hex, " %2x%n", &octet, &length) == 1) {
        wwi_bytes_append_char(out, (char) octet);
        hex += length;
    }
}

static void append_many(struct wwi_bytes *out, char c, size_t count)
{
    while (count-- > 0)
        wwi_bytes_append_char(out, c);
}

static void decode(struct run *run, enum side side, const char *hex)
{
    struct wwi_bytes octets = { 0 };

    append(&octets, hex);
    decode_bytes(run, side, &octets);
    wwi_bytes_fini(&octets);
}

static void assert_failed(
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
static void refuse(enum side side, const char *hex)
{
    struct run run;

    decode(&run, side, hex);

    assert_failed(&run, WWS_E_INVALID_FORMAT, WWI_FRAMING_FAULT_NONE);
    end(&run);
}

/* The same with a fault. */
static void refuse_with(enum wwi_framing_fault fault, const char *hex)
{
    struct run run;

    decode(&run, SERVER, hex);

    assert_failed(&run, WWS_E_INVALID_FORMAT, fault);
    end(&run);
}

static void example__duplex_preamble_is_decoded(void **state)
{
    struct run run;

    (void) state;
    decode(&run, SERVER, preamble);

    assert_text(text_of(&run.trace), "preamble ");
    assert_int_equal(run.framing.mode, WWI_FRAMING_DUPLEX);
    assert_int_equal(run.framing.encoding, 0x08);
    assert_text(run.framing.via, "net.tcp://localhost:8080/calc");
    end(&run);
}

static void example__duplex_requests_and_end_are_decoded(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;

    (void) state;
    append(&octets, preamble);
    append(&octets, request);
    append(&octets, request);
    append(&octets, "07");
    decode_bytes(&run, SERVER, &octets);

    assert_text(text_of(&run.trace),
        "preamble envelope 158 done envelope 158 done ended ");
    assert_int_equal(run.body.size, 2 * 158);
    assert_memory_equal(run.body.data, octets.data + 39 + 3, 158);
    assert_memory_equal(run.body.data + 158, octets.data + 39 + 161 + 3, 158);
    end(&run);
    wwi_bytes_fini(&octets);
}

static void example__duplex_replies_are_decoded(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;

    (void) state;
    append(&octets, "0B");
    append(&octets, reply);
    append(&octets, "07");
    decode_bytes(&run, DUPLEX_CLIENT, &octets);

    assert_text(text_of(&run.trace), "ack envelope 139 done ended ");
    assert_int_equal(run.body.size, 139);
    assert_memory_equal(run.body.data, octets.data + 4, 139);
    end(&run);
    wwi_bytes_fini(&octets);
}

static void append_document(struct wwi_bytes *out)
{
    append(out, "05 20");
    wwi_bytes_append(out, document, 32);
    append(out, "34");
    wwi_bytes_append(out, document + 32, 52);
    append(out, "00 07");
}

static void example__streamed_request_is_put_together(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;

    (void) state;
    append(&octets, STREAMED);
    append_document(&octets);
    decode_bytes(&run, SERVER, &octets);

    assert_text(text_of(&run.trace), "preamble envelope done ended ");
    assert_int_equal(run.framing.mode, WWI_FRAMING_SINGLETON_UNSIZED);
    assert_int_equal(run.framing.encoding, WWI_FRAMING_TEXT_SOAP_1_2);
    assert_text(run.framing.via, "net.tcp://h/s");
    assert_text(text_of(&run.body), document);
    end(&run);
    wwi_bytes_fini(&octets);
}

static void example__streamed_reply_is_put_together(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;

    (void) state;
    append(&octets, "0B");
    append_document(&octets);
    decode_bytes(&run, STREAM_CLIENT, &octets);

    assert_text(text_of(&run.trace), "ack envelope done ended ");
    assert_text(text_of(&run.body), document);
    end(&run);
    wwi_bytes_fini(&octets);
}

static void example__streamed_reply_may_be_none(void **state)
{
    struct run run;

    (void) state;
    decode(&run, STREAM_CLIENT, "0B 07");

    assert_text(text_of(&run.trace), "ack ended ");
    end(&run);
}

static void example__fault_is_decoded(void **state)
{
    struct run run;

    (void) state;
    decode(&run, DUPLEX_CLIENT,
        "08 47 68 74 74 70 3A 2F 2F 73 63 68 65 6D 61 73 2E 6D 69 63 72 6F 73"
        "6F 66 74 2E 63 6F 6D 2F 77 73 2F 32 30 30 36 2F 30 35 2F 66 72 61 6D"
        "69 6E 67 2F 66 61 75 6C 74 73 2F 45 6E 64 70 6F 69 6E 74 4E 6F 74 46"
        "6F 75 6E 64");

    assert_text(text_of(&run.trace), "faulted ");
    assert_text(run.framing.text, FAULTS "EndpointNotFound");
    assert_int_equal(run.framing.status, WWS_E_ENDPOINT_NOT_FOUND);
    end(&run);
}

static void example__upgrades_are_told_of(void **state)
{
    struct run run;

    (void) state;
    decode(&run, SERVER, "00 01 00 01 02" VIA "03 08"
        "09 13 61 70 70 6C 69 63 61 74 69 6F 6E 2F 73 73 6C 2D 74 6C 73"
        "09 15 61 70 70 6C 69 63 61 74 69 6F 6E 2F 6E 65 67 6F 74 69 61 74 65"
        "0C");

    assert_text(text_of(&run.trace), "upgrade application/ssl-tls "
        "upgrade application/negotiate preamble ");
    end(&run);
}

/* Octets that lead to a state, and the records that may come there. */
static const struct place {
    enum side side;
    const char *hex;
    const char *records;
} places[] = {
    { SERVER, "", "00" },
    { SERVER, "00 01 00", "01" },
    { SERVER, "00 01 00 01 02", "02" },
    { SERVER, "00 01 00 01 02" VIA, "03 04" },
    { SERVER, "00 01 00 01 02" VIA "03 08", "09 0C" },
    { SERVER, "00 01 00 01 02" VIA "04 01 61", "09 0C" },
    { SERVER, "00 01 00 01 02" VIA "03 08 09 01 61", "09 0C" },
    { SERVER, DUPLEX, "06 07" },
    { SERVER, DUPLEX "06 01 61", "06 07" },
    { SERVER, DUPLEX "07", "" },
    { SERVER, STREAMED, "05" },
    { SERVER, STREAMED "05 01 61 00", "07" },
    { SERVER, STREAMED "05 01 61 00 07", "" },
    { DUPLEX_CLIENT, "", "08 0B" },
    { DUPLEX_CLIENT, "0B", "06 07 08" },
    { DUPLEX_CLIENT, "0B 06 01 61", "06 07 08" },
    { DUPLEX_CLIENT, "0B 07", "" },
    { STREAM_CLIENT, "", "08 0B" },
    { STREAM_CLIENT, "0B", "05 07 08" },
    { STREAM_CLIENT, "0B 05 01 61 00", "07" },
    { STREAM_CLIENT, "0B 05 01 61 00 07", "" },
    { STREAM_CLIENT, "0B 07", "" },
};

enum { PLACES = sizeof places / sizeof *places };

static void order__no_other_record_may_come(void **state)
{
    (void) state;
    for (size_t i = 0; i < PLACES; i++) {
        struct wwi_bytes octets = { 0 }, records = { 0 };

        append(&octets, places[i].hex);
        append(&records, places[i].records);
        for (int record = 0; record < 256; record++) {
            bool allowed = records.size != 0
                && memchr(records.data, record, records.size) != NULL;
            struct run run;

            wwi_bytes_append_char(&octets, (char) record);
            decode_bytes(&run, places[i].side, &octets);
            if (allowed)
                assert_int_equal(run.event, WWI_FRAMING_MORE);
            else
                assert_failed(&run, WWS_E_INVALID_FORMAT,
                    WWI_FRAMING_FAULT_NONE);
            end(&run);
            octets.size--;
        }
        wwi_bytes_fini(&octets);
        wwi_bytes_fini(&records);
    }
}

static void order__between_records_is_nowhere_else(void **state)
{
    static const char hex[] = "00 01 00 01 02 02 02 61 3A 04 01 61 09 01 61 0C"
        "06 80 01";
    /* A '|' for each octet before which no record is under way. */
    static const char between[] = "|  | |   |  |  ||  ";
    struct wwi_bytes octets = { 0 };
    struct run run;

    (void) state;
    append(&octets, hex);
    append_many(&octets, 'x', 128);
    append(&octets, "07");

    begin(&run, SERVER);
    for (size_t i = 0; i < octets.size; i++) {
        bool expected = i < sizeof between - 1 ? between[i] == '|'
                                               : i == octets.size - 1;

        assert_int_equal(wwi_framing_between_records(&run.framing), expected);
        feed(&run, octets.data + i, 1);
    }

    assert_true(wwi_framing_between_records(&run.framing));
    end(&run);
    wwi_bytes_fini(&octets);
}

static void order__a_chunk_is_within_a_record(void **state)
{
    struct run run;

    (void) state;
    decode(&run, STREAM_CLIENT, "0B 05 01 61");
    assert_false(wwi_framing_between_records(&run.framing));
    end(&run);

    decode(&run, STREAM_CLIENT, "0B 05 01 61 00");
    assert_true(wwi_framing_between_records(&run.framing));
    end(&run);
}

static void order__messages_wait_for_the_acknowledgement(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;
    size_t used;
    wws_bytes view;

    (void) state;
    append(&octets, DUPLEX "06 01 61 07");
    begin(&run, SERVER);
    assert_int_equal(wwi_framing_execute(&run.framing, octets.data,
        octets.size, &used, &view), WWI_FRAMING_PREAMBLE);
    assert_int_equal(used, octets.size - 4);
    assert_int_equal(wwi_framing_execute(&run.framing, octets.data + used, 4,
        &used, &view), WWI_FRAMING_MORE);
    assert_int_equal(used, 0);
    assert_true(wwi_framing_between_records(&run.framing));

    wwi_framing_begin_messages(&run.framing);
    feed(&run, octets.data + octets.size - 4, 4);

    assert_text(text_of(&run.trace), "envelope 1 done ended ");
    end(&run);
    wwi_bytes_fini(&octets);
}

static void order__acknowledging_anywhere_else_changes_nothing(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;

    (void) state;
    append(&octets, DUPLEX "06 02 61 62 07");
    begin(&run, SERVER);
    for (size_t i = 0; i < octets.size; i++) {
        wwi_framing_begin_messages(&run.framing);
        feed(&run, octets.data + i, 1);
    }

    assert_text(text_of(&run.trace), "preamble envelope 2 done ended ");
    end(&run);
    wwi_bytes_fini(&octets);
}

static void order__nothing_is_read_after_a_failure(void **state)
{
    struct run run;
    size_t used;
    wws_bytes octets;

    (void) state;
    decode(&run, SERVER, "00 02 00 01 02");
    assert_int_equal(run.used, 2);

    assert_int_equal(wwi_framing_execute(&run.framing,
        (const uint8_t *) "\x01", 1, &used, &octets), WWI_FRAMING_FAILED);
    assert_int_equal(used, 0);
    assert_failed(&run, WWS_E_INVALID_FORMAT, WWI_FRAMING_UNSUPPORTED_VERSION);
    end(&run);
}

static void order__nothing_is_read_after_a_fault(void **state)
{
    struct run run;
    size_t used;
    wws_bytes octets;

    (void) state;
    decode(&run, DUPLEX_CLIENT, "0B 08 01 61 07");
    assert_text(text_of(&run.trace), "ack faulted ");
    assert_int_equal(run.used, 4);

    assert_int_equal(wwi_framing_execute(&run.framing,
        (const uint8_t *) "\x07", 1, &used, &octets), WWI_FRAMING_FAULTED);
    assert_int_equal(used, 0);
    end(&run);
}

static void http__asking_a_server_is_refused(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;

    (void) state;
    wwi_bytes_append_text(&octets, "GET / HTTP/1.1\r\n\r\n");
    decode_bytes(&run, SERVER, &octets);

    assert_failed(&run, WWS_E_INVALID_FORMAT, WWI_FRAMING_FAULT_NONE);
    assert_int_equal(run.used, 1);
    end(&run);
    wwi_bytes_fini(&octets);
}

static void http__answering_a_client_is_recognised(void **state)
{
    static const char *const hex[] = { "48 54 54 50", "68 74 74 70" };

    (void) state;
    for (size_t i = 0; i < 2; i++) {
        struct run run;

        decode(&run, DUPLEX_CLIENT, hex[i]);
        assert_failed(&run, WWS_E_INVALID_FORMAT, WWI_FRAMING_FAULT_NONE);
        assert_non_null(strstr(run.framing.problem, "HTTP server"));
        end(&run);
    }
}

static void http__is_not_what_any_other_octet_means(void **state)
{
    struct run run;

    (void) state;
    decode(&run, DUPLEX_CLIENT, "49");
    assert_null(strstr(run.framing.problem, "HTTP"));
    end(&run);

    decode(&run, DUPLEX_CLIENT, "0B 48");
    assert_null(strstr(run.framing.problem, "HTTP"));
    end(&run);
}

static void version__another_major_one_is_unsupported(void **state)
{
    (void) state;
    refuse_with(WWI_FRAMING_UNSUPPORTED_VERSION, "00 02 00");
    refuse_with(WWI_FRAMING_UNSUPPORTED_VERSION, "00 00 01");
}

static void version__minor_one_is_ignored(void **state)
{
    struct run run;

    (void) state;
    decode(&run, SERVER, "00 01 FF 01 02" VIA "03 08 0C");

    assert_text(text_of(&run.trace), "preamble ");
    end(&run);
}

static void mode__of_no_session_is_unsupported(void **state)
{
    static const char *const modes[] = {
        "00 01 00 01 00", "00 01 00 01 03", "00 01 00 01 04",
        "00 01 00 01 05", "00 01 00 01 FF",
    };

    (void) state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        refuse_with(WWI_FRAMING_UNSUPPORTED_MODE, modes[i]);
}

static void encoding__known_ones_are_the_users_to_judge(void **state)
{
    (void) state;
    for (int octet = 0; octet < 256; octet++) {
        struct wwi_bytes octets = { 0 };
        struct run run;

        append(&octets, "00 01 00 01 02" VIA "03");
        wwi_bytes_append_char(&octets, (char) octet);
        decode_bytes(&run, SERVER, &octets);
        if (octet <= 8)
            assert_int_equal(run.framing.encoding, octet);
        else
            assert_failed(&run, WWS_E_INVALID_FORMAT,
                WWI_FRAMING_CONTENT_TYPE_INVALID);
        end(&run);
        wwi_bytes_fini(&octets);
    }
}

static void encoding__extensible_ones_are_the_users_to_judge(void **state)
{
    struct run run;

    (void) state;
    decode(&run, SERVER, "00 01 00 01 02" VIA "04 03 61 2F 62 0C");

    assert_text(text_of(&run.trace), "preamble ");
    assert_int_equal(run.framing.encoding, -1);
    assert_text(run.framing.content_type, "a/b");
    end(&run);
}

static void encoding__empty_content_type_is_refused(void **state)
{
    (void) state;
    refuse(SERVER, "00 01 00 01 02" VIA "04 00");
}

/* Decodes a preamble with this via. */
static void decode_via(struct run *run, const void *via, size_t size)
{
    struct wwi_bytes octets = { 0 };

    append(&octets, "00 01 00 01 02 02");
    wwi_framing_write_size(&octets, (uint32_t) size);
    wwi_bytes_append(&octets, via, size);
    append(&octets, "03 08 0C");
    decode_bytes(run, SERVER, &octets);
    wwi_bytes_fini(&octets);
}

static void via__has_a_scheme(void **state)
{
    static const char *const good[] = {
        "net.tcp://h/s", "net.pipe://h/s", "a:", "A-b+c.9:x", "Z://",
        "x:\xC3\xA9",
    };
    static const char *const bad[] = {
        "", ":", "a", "//h/s", "/s", "9a:b", "-a:b", "a/b:c", "a b:c",
        "net.tcp", "\xC3\xA9:x", "+a:", ".a:", "a_b:", "@:", "[:", "`:", "{:",
    };
    struct run run;

    (void) state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        decode_via(&run, good[i], strlen(good[i]));
        assert_text(text_of(&run.trace), "preamble ");
        assert_text(run.framing.via, good[i]);
        end(&run);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        decode_via(&run, bad[i], strlen(bad[i]));
        assert_failed(&run, WWS_E_INVALID_FORMAT, WWI_FRAMING_FAULT_NONE);
        end(&run);
    }
}

static void text__malformed_utf8_is_refused(void **state)
{
    static const char *const bad[] = {
        "a:\x80", "a:\xC3", "a:\xC0\x80", "a:\xED\xA0\x80", "a:\xFF",
    };
    struct run run;

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        decode_via(&run, bad[i], strlen(bad[i]));
        assert_failed(&run, WWS_E_INVALID_FORMAT, WWI_FRAMING_FAULT_NONE);
        end(&run);
    }
    decode_via(&run, "a:\0b", 4);
    assert_failed(&run, WWS_E_INVALID_FORMAT, WWI_FRAMING_FAULT_NONE);
    end(&run);
    refuse(SERVER, "00 01 00 01 02" VIA "04 01 80");
    refuse(SERVER, "00 01 00 01 02" VIA "03 08 09 01 80");
    refuse(DUPLEX_CLIENT, "08 01 80");
}

static void text__upgrade_without_a_name_is_told_of(void **state)
{
    struct run run;

    (void) state;
    decode(&run, SERVER, "00 01 00 01 02" VIA "03 08 09 00 0C");

    assert_text(text_of(&run.trace), "upgrade  preamble ");
    end(&run);
}

/* A text of so many octets behind the others. */
static void decode_long(
    struct run *run,
    enum side side,
    const char *hex,
    uint32_t size)
{
    struct wwi_bytes octets = { 0 };

    append(&octets, hex);
    wwi_framing_write_size(&octets, size);
    append(&octets, "61 3A");
    append_many(&octets, 'x', size - 2);
    decode_bytes(run, side, &octets);
    wwi_bytes_fini(&octets);
}

/* The size alone must be enough to refuse, and nothing be stored. */
static void refuse_long(
    enum side side,
    const char *hex,
    uint32_t size,
    wws_status status,
    enum wwi_framing_fault fault)
{
    struct wwi_bytes octets = { 0 };
    struct run run;
    uint64_t asked;

    append(&octets, hex);
    begin(&run, side);
    feed(&run, octets.data, octets.size);
    octets.size = 0;
    wwi_framing_write_size(&octets, size);
    wwi_bytes_reserve(&run.trace, 100);
    asked = wwi_memory_asked();
    feed(&run, octets.data, octets.size);

    assert_failed(&run, status, fault);
    assert_int_equal(wwi_memory_asked(), asked);
    end(&run);
    wwi_bytes_fini(&octets);
}

static void quota__of_a_via(void **state)
{
    struct run run;

    (void) state;
    decode_long(&run, SERVER, "00 01 00 01 02 02", 2048);
    assert_int_equal(run.event, WWI_FRAMING_MORE);
    assert_int_equal(run.framing.via.size, 2048);
    end(&run);

    refuse_long(SERVER, "00 01 00 01 02 02", 2049, WWS_E_QUOTA_EXCEEDED,
        WWI_FRAMING_VIA_TOO_LONG);
    refuse_long(SERVER, "00 01 00 01 02 02", 0x7FFFFFFF, WWS_E_QUOTA_EXCEEDED,
        WWI_FRAMING_VIA_TOO_LONG);
}

static void quota__of_a_content_type(void **state)
{
    struct run run;

    (void) state;
    decode_long(&run, SERVER, "00 01 00 01 02" VIA "04", 256);
    assert_int_equal(run.event, WWI_FRAMING_MORE);
    assert_int_equal(run.framing.content_type.size, 256);
    end(&run);

    refuse_long(SERVER, "00 01 00 01 02" VIA "04", 257, WWS_E_QUOTA_EXCEEDED,
        WWI_FRAMING_CONTENT_TYPE_TOO_LONG);
}

static void quota__of_an_upgrade(void **state)
{
    struct run run;

    (void) state;
    decode_long(&run, SERVER, "00 01 00 01 02" VIA "03 08 09", 256);
    assert_int_equal(run.event, WWI_FRAMING_MORE);
    assert_int_equal(run.framing.text.size, 256);
    end(&run);

    refuse_long(SERVER, "00 01 00 01 02" VIA "03 08 09", 257,
        WWS_E_QUOTA_EXCEEDED, WWI_FRAMING_CONTENT_TYPE_TOO_LONG);
}

static void quota__of_a_fault(void **state)
{
    struct run run;

    (void) state;
    decode_long(&run, DUPLEX_CLIENT, "08", 256);
    assert_int_equal(run.event, WWI_FRAMING_FAULTED);
    assert_int_equal(run.framing.text.size, 256);
    end(&run);

    refuse_long(DUPLEX_CLIENT, "0B 08", 257, WWS_E_INVALID_FORMAT,
        WWI_FRAMING_FAULT_NONE);
}

static void quota__of_a_sized_envelope(void **state)
{
    struct run run;

    (void) state;
    decode_long(&run, SERVER, DUPLEX "06", 65536);
    assert_text(text_of(&run.trace), "preamble envelope 65536 done ");
    end(&run);

    refuse_long(SERVER, DUPLEX "06", 65537, WWS_E_QUOTA_EXCEEDED,
        WWI_FRAMING_MAX_MESSAGE_SIZE_EXCEEDED);
    refuse_long(SERVER, DUPLEX "06", 0x7FFFFFFF, WWS_E_QUOTA_EXCEEDED,
        WWI_FRAMING_MAX_MESSAGE_SIZE_EXCEEDED);
}

static void quota__clients_have_no_fault_to_send(void **state)
{
    (void) state;
    refuse_long(DUPLEX_CLIENT, "0B 06", 65537, WWS_E_QUOTA_EXCEEDED,
        WWI_FRAMING_FAULT_NONE);
    max_streamed_size = 10;
    refuse_long(STREAM_CLIENT, "0B 05", 11, WWS_E_QUOTA_EXCEEDED,
        WWI_FRAMING_FAULT_NONE);
}

static void quota__of_an_unsized_envelope_is_of_the_sum(void **state)
{
    struct run run;

    (void) state;
    max_message_size = 1;
    max_streamed_size = 5;
    decode(&run, SERVER, STREAMED "05 03 61 62 63 02 64 65 00 07");
    assert_text(text_of(&run.trace), "preamble envelope done ended ");
    assert_text(text_of(&run.body), "abcde");
    end(&run);

    refuse_long(SERVER, STREAMED "05", 6, WWS_E_QUOTA_EXCEEDED,
        WWI_FRAMING_MAX_MESSAGE_SIZE_EXCEEDED);
    refuse_long(SERVER, STREAMED "05 03 61 62 63", 3, WWS_E_QUOTA_EXCEEDED,
        WWI_FRAMING_MAX_MESSAGE_SIZE_EXCEEDED);
    refuse_long(SERVER, STREAMED "05 03 61 62 63 02 64 65", 1,
        WWS_E_QUOTA_EXCEEDED, WWI_FRAMING_MAX_MESSAGE_SIZE_EXCEEDED);
}

static void quota__of_a_stream_may_pass_that_of_a_size(void **state)
{
    struct run run;

    (void) state;
    max_streamed_size = UINT64_MAX;
    begin(&run, STREAM_CLIENT);
    feed(&run, (const uint8_t *) "\x0B\x05", 2);
    for (int i = 0; i < 3; i++) {
        /* As if all octets of the chunk before had come. */
        run.framing.left = 0;
        feed(&run, (const uint8_t *) "\xFF\xFF\xFF\xFF\x07", 5);
        assert_int_equal(run.event, WWI_FRAMING_MORE);
        assert_int_equal(run.framing.total, (i + 1) * (uint64_t) 0x7FFFFFFF);
    }
    end(&run);
}

static const struct {
    uint32_t size;
    const char *hex;
} sizes[] = {
    { 0, "00" },
    { 1, "01" },
    { 127, "7F" },
    { 128, "80 01" },
    { 300, "AC 02" },
    { 16383, "FF 7F" },
    { 16384, "80 80 01" },
    { 65536, "80 80 04" },
    { 2097151, "FF FF 7F" },
    { 2097152, "80 80 80 01" },
    { 268435455, "FF FF FF 7F" },
    { 268435456, "80 80 80 80 01" },
    { 2147483647, "FF FF FF FF 07" },
};

static void size__is_written_in_its_shortest_form(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct wwi_bytes out = { 0 }, expected = { 0 };

        append(&expected, sizes[i].hex);
        wwi_framing_write_size(&out, sizes[i].size);
        assert_same_text(text_of(&out), text_of(&expected));
        wwi_bytes_fini(&out);
        wwi_bytes_fini(&expected);
    }
}

static void size__is_read_at_all_borders(void **state)
{
    (void) state;
    max_message_size = UINT32_MAX;
    for (size_t i = 1; i < sizeof sizes / sizeof *sizes; i++) {
        struct wwi_bytes octets = { 0 };
        struct run run;

        append(&octets, "0B 06");
        append(&octets, sizes[i].hex);
        decode_bytes(&run, DUPLEX_CLIENT, &octets);
        assert_int_equal(run.event, WWI_FRAMING_MORE);
        assert_int_equal(run.framing.size, sizes[i].size);
        end(&run);
        wwi_bytes_fini(&octets);
    }
}

static void size__may_be_padded(void **state)
{
    static const char *const padded[] = {
        "0B 06 83 00 61 62 63 07",
        "0B 06 83 80 00 61 62 63 07",
        "0B 06 83 80 80 80 00 61 62 63 07",
    };

    (void) state;
    for (size_t i = 0; i < sizeof padded / sizeof *padded; i++) {
        struct run run;

        decode(&run, DUPLEX_CLIENT, padded[i]);
        assert_text(text_of(&run.trace), "ack envelope 3 done ended ");
        end(&run);
    }
}

static void size__of_more_than_31_bits_is_refused(void **state)
{
    (void) state;
    max_message_size = UINT32_MAX;
    max_streamed_size = UINT64_MAX;
    refuse(SERVER, DUPLEX "06 80 80 80 80 08");
    refuse(SERVER, DUPLEX "06 80 80 80 80 80 00");
    refuse(SERVER, DUPLEX "06 FF FF FF FF FF");
    refuse(SERVER, STREAMED "05 80 80 80 80 08");
    refuse(SERVER, "00 01 00 01 02 02 80 80 80 80 10");
    refuse(DUPLEX_CLIENT, "08 80 80 80 80 87");
}

static void envelope__is_never_empty(void **state)
{
    (void) state;
    refuse(SERVER, DUPLEX "06 00");
    refuse(SERVER, DUPLEX "06 80 00");
    refuse(DUPLEX_CLIENT, "0B 06 00");
    refuse(SERVER, STREAMED "05 00");
    refuse(STREAM_CLIENT, "0B 05 80 80 00");
}

static void envelope__octets_are_told_of_as_they_come(void **state)
{
    struct run run;

    (void) state;
    decode(&run, DUPLEX_CLIENT, "0B 06 03 61 62");
    assert_text(text_of(&run.trace), "ack envelope 3 ");
    assert_text(text_of(&run.body), "ab");
    assert_false(wwi_framing_between_records(&run.framing));
    end(&run);

    decode(&run, STREAM_CLIENT, "0B 05 03 61 62");
    assert_text(text_of(&run.trace), "ack envelope ");
    assert_text(text_of(&run.body), "ab");
    end(&run);
}

static const struct {
    enum wwi_framing_fault fault;
    const char *uri;
    wws_status status;
} faults[] = {
    { WWI_FRAMING_CONTENT_TYPE_INVALID, FAULTS "ContentTypeInvalid",
        WWS_E_ENDPOINT_FAILURE },
    { WWI_FRAMING_CONTENT_TYPE_TOO_LONG, FAULTS "ContentTypeTooLong",
        WWS_E_ENDPOINT_FAILURE },
    { WWI_FRAMING_CONNECTION_DISPATCH_FAILED, FAULTS "ConnectionDispatchFailed",
        WWS_E_ENDPOINT_FAILURE },
    { WWI_FRAMING_ENDPOINT_ACCESS_DENIED, FAULTS "EndpointAccessDenied",
        WWS_E_ENDPOINT_ACCESS_DENIED },
    { WWI_FRAMING_ENDPOINT_NOT_FOUND, FAULTS "EndpointNotFound",
        WWS_E_ENDPOINT_NOT_FOUND },
    { WWI_FRAMING_ENDPOINT_PAUSED, FAULTS "EndpointPaused",
        WWS_E_ENDPOINT_NOT_AVAILABLE },
    { WWI_FRAMING_ENDPOINT_UNAVAILABLE, FAULTS "EndpointUnavailable",
        WWS_E_ENDPOINT_NOT_AVAILABLE },
    { WWI_FRAMING_INVALID_RECORD_SEQUENCE, FAULTS "InvalidRecordSequence",
        WWS_E_INVALID_FORMAT },
    { WWI_FRAMING_MAX_MESSAGE_SIZE_EXCEEDED,
        FAULTS "MaxMessageSizeExceededFault", WWS_E_ENDPOINT_FAILURE },
    { WWI_FRAMING_SERVER_TOO_BUSY, FAULTS "ServerTooBusy",
        WWS_E_ENDPOINT_TOO_BUSY },
    { WWI_FRAMING_SERVICE_ACTIVATION_FAILED, FAULTS "ServiceActivationFailed",
        WWS_E_ENDPOINT_FAILURE },
    { WWI_FRAMING_UNSUPPORTED_MODE, FAULTS "UnsupportedMode",
        WWS_E_ENDPOINT_FAILURE },
    { WWI_FRAMING_UNSUPPORTED_VERSION, FAULTS "UnsupportedVersion",
        WWS_E_ENDPOINT_FAILURE },
    { WWI_FRAMING_UPGRADE_INVALID, FAULTS "UpgradeInvalid",
        WWS_E_ENDPOINT_FAILURE },
    { WWI_FRAMING_VIA_TOO_LONG, FAULTS "ViaTooLong",
        WWS_E_ENDPOINT_FAILURE },
};

static void fault__is_written_and_understood(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct wwi_bytes octets = { 0 };
        struct run run;

        wwi_framing_write_fault(&octets, faults[i].fault);
        decode_bytes(&run, STREAM_CLIENT, &octets);
        assert_text(text_of(&run.trace), "faulted ");
        assert_text(run.framing.text, faults[i].uri);
        assert_int_equal(run.framing.status, faults[i].status);
        end(&run);
        wwi_bytes_fini(&octets);
    }
}

static void fault__unknown_ones_are_failures(void **state)
{
    static const char *const uris[] = {
        "", "x", FAULTS, FAULTS "Unheard", FAULTS "endpointnotfound",
        FAULTS "EndpointNotFoun", FAULTS "EndpointNotFound2",
        "EndpointNotFound", "http://example.org/EndpointNotFound",
        "HTTP://schemas.microsoft.com/ws/2006/05/framing/faults/ServerTooBusy",
    };

    (void) state;
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        struct wwi_bytes octets = { 0 };
        struct run run;

        append(&octets, "0B 08");
        wwi_framing_write_size(&octets, (uint32_t) strlen(uris[i]));
        wwi_bytes_append_text(&octets, uris[i]);
        decode_bytes(&run, DUPLEX_CLIENT, &octets);
        assert_text(text_of(&run.trace), "ack faulted ");
        assert_text(run.framing.text, uris[i]);
        assert_int_equal(run.framing.status, WWS_E_ENDPOINT_FAILURE);
        end(&run);
        wwi_bytes_fini(&octets);
    }
}

static void fault__none_is_nothing(void **state)
{
    struct wwi_bytes octets = { 0 };

    (void) state;
    wwi_framing_write_fault(&octets, WWI_FRAMING_FAULT_NONE);

    assert_int_equal(octets.size, 0);
}

static void will_end__says_whether_the_end_record_is_there(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;
    uint64_t asked;
    size_t head;

    (void) state;
    append(&octets, DUPLEX);
    head = octets.size;
    append(&octets, "06 03 61 07 63 06 81 00 07 07 00 01");
    for (size_t cut = 0; cut <= octets.size - 2; cut++) {
        const uint8_t *rest = octets.data + cut;

        begin(&run, SERVER);
        feed(&run, octets.data, cut);
        asked = wwi_memory_asked();
        /* With the End, with what follows it, and without. */
        for (size_t to = cut; to <= octets.size; to++)
            assert_int_equal(
                wwi_framing_will_end(&run.framing, rest, to - cut),
                cut >= head && to >= octets.size - 2);
        assert_int_equal(wwi_memory_asked(), asked);
        feed(&run, rest, octets.size - 2 - cut);
        assert_text(text_of(&run.trace),
            "preamble envelope 3 done envelope 1 done ended ");
        end(&run);
    }
    wwi_bytes_fini(&octets);
}

static void will_end__looks_behind_a_preamble_not_acknowledged(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;
    size_t used;
    wws_bytes view;

    (void) state;
    append(&octets, STREAMED "05 01 07 00 07");
    begin(&run, SERVER);
    wwi_framing_execute(&run.framing, octets.data, octets.size, &used, &view);

    assert_true(wwi_framing_will_end(&run.framing, octets.data + used, 5));
    assert_false(wwi_framing_will_end(&run.framing, octets.data + used, 4));
    assert_false(wwi_framing_will_end(&run.framing, NULL, 0));
    assert_int_equal(wwi_framing_execute(&run.framing, octets.data + used, 5,
        &used, &view), WWI_FRAMING_MORE);
    assert_int_equal(used, 0);
    end(&run);
    wwi_bytes_fini(&octets);
}

static void will_end__is_false_where_the_end_is_out_of_place(void **state)
{
    static const struct {
        enum side side;
        const char *before;
        const char *hex;
    } cases[] = {
        { SERVER, "", "07" },
        { SERVER, "00 01 00 01 02 02 05 61", "3A 62 63 64 07" },
        { SERVER, DUPLEX, "06 00 07" },
        { SERVER, DUPLEX, "0B 07" },
        { SERVER, DUPLEX, "06 02 61 07" },
        { SERVER, STREAMED, "07" },
        { SERVER, STREAMED, "05 01 61 07" },
        { DUPLEX_CLIENT, "", "0B 07" },
        { DUPLEX_CLIENT, "0B", "08 01 07" },
        { DUPLEX_CLIENT, "0B", "08 01 61 07" },
        { DUPLEX_CLIENT, "0B 08 02 61", "07" },
        { DUPLEX_CLIENT, "0B 08 01 61", "07" },
        { DUPLEX_CLIENT, "0B 05", "07" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wwi_bytes octets = { 0 };
        struct run run;

        decode(&run, cases[i].side, cases[i].before);
        append(&octets, cases[i].hex);
        assert_false(wwi_framing_will_end(&run.framing, octets.data,
            octets.size));
        end(&run);
        wwi_bytes_fini(&octets);
    }
}

static void will_end__changes_nothing(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;

    (void) state;
    append(&octets, "08 03 61 62 63");
    begin(&run, DUPLEX_CLIENT);
    feed(&run, octets.data, 3);
    assert_false(wwi_framing_will_end(&run.framing,
        (const uint8_t *) "xyz\x07", 4));
    feed(&run, octets.data + 3, 2);

    assert_text(text_of(&run.trace), "faulted ");
    assert_text(run.framing.text, "abc");
    end(&run);
    wwi_bytes_fini(&octets);
}

static void reset__begins_the_next_session(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;
    uint64_t asked;

    (void) state;
    append(&octets, STREAMED "05 01 61 00 07");
    max_streamed_size = 1;
    begin(&run, SERVER);
    feed(&run, octets.data, octets.size);
    wwi_framing_reset(&run.framing);
    octets.size = 0;
    append(&octets, DUPLEX "06 01 62 07");
    wwi_bytes_reserve(&run.trace, 100);
    asked = wwi_memory_asked();
    feed(&run, octets.data, octets.size);

    assert_int_equal(wwi_memory_asked(), asked);
    assert_text(text_of(&run.trace),
        "preamble envelope done ended preamble envelope 1 done ended ");
    assert_int_equal(run.framing.mode, WWI_FRAMING_DUPLEX);
    assert_int_equal(run.framing.encoding, 8);
    end(&run);
    wwi_bytes_fini(&octets);
}

static void reset__forgets_all_of_the_session_before(void **state)
{
    struct wwi_bytes octets = { 0 };

    (void) state;
    append(&octets, DUPLEX "06 83 80 00 61 62 63 07 08");
    for (size_t cut = 0; cut <= octets.size; cut++) {
        struct run run;

        begin(&run, SERVER);
        feed(&run, octets.data, cut);
        wwi_framing_reset(&run.framing);
        run.trace.size = 0;
        run.body.size = 0;
        feed(&run, octets.data, octets.size - 1);
        assert_text(text_of(&run.trace), "preamble envelope 3 done ended ");
        assert_text(text_of(&run.body), "abc");
        assert_int_equal(run.framing.status, 0);
        assert_null(run.framing.problem);
        end(&run);
    }
    wwi_bytes_fini(&octets);
}

static void reset__of_a_client_keeps_its_mode(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;

    (void) state;
    append(&octets, "0B 05 01 61 00 07");
    begin(&run, STREAM_CLIENT);
    feed(&run, octets.data, octets.size);
    wwi_framing_reset(&run.framing);
    feed(&run, octets.data, octets.size);

    assert_text(text_of(&run.trace),
        "ack envelope done ended ack envelope done ended ");
    end(&run);
    wwi_bytes_fini(&octets);
}

static void memory__failure_at_any_allocation_is_reported(void **state)
{
    struct wwi_bytes octets = { 0 };
    uint64_t n = 0;
    bool failed;

    (void) state;
    append(&octets, "00 01 00 01 02 02 AC 02 61 3A");
    append_many(&octets, 'v', 298);
    append(&octets, "04 03 61 2F 62 09 01 75 0C 06 01 62 07");
    do {
        struct run run;

        begin(&run, SERVER);
        wwi_bytes_reserve(&run.trace, 200);
        wwi_bytes_reserve(&run.body, 16);
        wwi_memory_fail(++n, 0);
        feed(&run, octets.data, octets.size);
        wwi_memory_fail(0, 0);
        failed = run.event == WWI_FRAMING_FAILED;
        if (failed) {
            assert_failed(&run, WWS_E_OUTOFMEMORY,
                WWI_FRAMING_SERVER_TOO_BUSY);
            wwi_framing_reset(&run.framing);
            run.trace.size = 0;
            feed(&run, octets.data, octets.size);
        }
        assert_text(text_of(&run.trace),
            "upgrade u preamble envelope 1 done ended ");
        end(&run);
    } while (failed);

    /* The via, the content type and the upgrade. */
    assert_int_equal(n, 4);
    wwi_bytes_fini(&octets);
}

static void memory__none_of_a_client_without_a_fault(void **state)
{
    struct wwi_bytes octets = { 0 };
    struct run run;

    (void) state;
    append(&octets, "0B 06 01 61 08 01 61");
    begin(&run, DUPLEX_CLIENT);
    wwi_bytes_reserve(&run.trace, 100);
    wwi_bytes_reserve(&run.body, 16);
    wwi_memory_fail(1, 0);
    feed(&run, octets.data, octets.size);
    wwi_memory_fail(0, 0);

    assert_text(text_of(&run.trace), "ack envelope 1 done failed ");
    assert_failed(&run, WWS_E_OUTOFMEMORY, WWI_FRAMING_FAULT_NONE);
    end(&run);
    wwi_bytes_fini(&octets);
}

static void write__preamble_is_that_of_the_example(void **state)
{
    struct wwi_bytes octets = { 0 }, expected = { 0 };

    (void) state;
    append(&expected, preamble);
    wwi_framing_write_preamble(&octets, WWI_FRAMING_DUPLEX,
        WWS_STR("net.tcp://localhost:8080/calc"), 0x08);

    assert_same_text(text_of(&octets), text_of(&expected));
    wwi_bytes_fini(&octets);
    wwi_bytes_fini(&expected);
}

static void write__sized_envelope_is_that_of_the_example(void **state)
{
    struct wwi_bytes octets = { 0 };

    (void) state;
    wwi_framing_write_sized(&octets, 158);
    wwi_framing_write_record(&octets, WWI_FRAMING_END);

    assert_int_equal(octets.size, 4);
    assert_memory_equal(octets.data, "\x06\x9E\x01\x07", 4);
    wwi_bytes_fini(&octets);
}

static void write__longest_via_is_read_again(void **state)
{
    struct wwi_bytes octets = { 0 }, via = { 0 };
    struct run run;

    (void) state;
    wwi_bytes_append_text(&via, "net.tcp://h/");
    append_many(&via, 'v', 2048 - via.size);
    wwi_framing_write_preamble(&octets, WWI_FRAMING_SINGLETON_UNSIZED,
        text_of(&via), WWI_FRAMING_TEXT_SOAP_1_1);
    decode_bytes(&run, SERVER, &octets);

    assert_text(text_of(&run.trace), "preamble ");
    assert_same_text(run.framing.via, text_of(&via));
    assert_int_equal(run.framing.mode, WWI_FRAMING_SINGLETON_UNSIZED);
    assert_int_equal(run.framing.encoding, WWI_FRAMING_TEXT_SOAP_1_1);
    end(&run);
    wwi_bytes_fini(&octets);
    wwi_bytes_fini(&via);
}

static void write__envelopes_of_all_sizes_are_read_again(void **state)
{
    static const uint32_t counts[] = { 1, 2, 127, 128, 129, 300 };
    struct wwi_bytes octets = { 0 }, expected = { 0 };
    struct run run;

    (void) state;
    wwi_framing_write_record(&octets, WWI_FRAMING_PREAMBLE_ACK);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        wwi_framing_write_sized(&octets, counts[i]);
        append_many(&octets, (char) i, counts[i]);
        append_many(&expected, (char) i, counts[i]);
    }
    wwi_framing_write_record(&octets, WWI_FRAMING_END);
    decode_bytes(&run, DUPLEX_CLIENT, &octets);

    assert_text(text_of(&run.trace), "ack envelope 1 done envelope 2 done "
        "envelope 127 done envelope 128 done envelope 129 done "
        "envelope 300 done ended ");
    assert_same_text(text_of(&run.body), text_of(&expected));
    end(&run);
    wwi_bytes_fini(&octets);
    wwi_bytes_fini(&expected);
}

static void write__chunks_of_all_sizes_are_read_again(void **state)
{
    static const uint32_t counts[] = { 1, 127, 128, 300, 2 };
    struct wwi_bytes octets = { 0 }, expected = { 0 };
    struct run run;

    (void) state;
    wwi_framing_write_record(&octets, WWI_FRAMING_PREAMBLE_ACK);
    wwi_framing_write_record(&octets, WWI_FRAMING_UNSIZED_ENVELOPE);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        wwi_framing_write_size(&octets, counts[i]);
        append_many(&octets, (char) i, counts[i]);
        append_many(&expected, (char) i, counts[i]);
    }
    wwi_framing_write_size(&octets, 0);
    wwi_framing_write_record(&octets, WWI_FRAMING_END);
    decode_bytes(&run, STREAM_CLIENT, &octets);

    assert_text(text_of(&run.trace), "ack envelope done ended ");
    assert_same_text(text_of(&run.body), text_of(&expected));
    end(&run);
    wwi_bytes_fini(&octets);
    wwi_bytes_fini(&expected);
}

static int set_up(void **state)
{
    static uint64_t live;

    max_message_size = 65536;
    max_streamed_size = 65536;
    live = wwi_memory_live();
    *state = &live;
    return 0;
}

static int tear_down(void **state)
{
    wwi_memory_fail(0, 0);
    return wwi_memory_live() != *(uint64_t *) *state;
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(example__duplex_preamble_is_decoded),
        PROMISE(example__duplex_requests_and_end_are_decoded),
        PROMISE(example__duplex_replies_are_decoded),
        PROMISE(example__streamed_request_is_put_together),
        PROMISE(example__streamed_reply_is_put_together),
        PROMISE(example__streamed_reply_may_be_none),
        PROMISE(example__fault_is_decoded),
        PROMISE(example__upgrades_are_told_of),
        PROMISE(order__no_other_record_may_come),
        PROMISE(order__between_records_is_nowhere_else),
        PROMISE(order__a_chunk_is_within_a_record),
        PROMISE(order__messages_wait_for_the_acknowledgement),
        PROMISE(order__acknowledging_anywhere_else_changes_nothing),
        PROMISE(order__nothing_is_read_after_a_failure),
        PROMISE(order__nothing_is_read_after_a_fault),
        PROMISE(http__asking_a_server_is_refused),
        PROMISE(http__answering_a_client_is_recognised),
        PROMISE(http__is_not_what_any_other_octet_means),
        PROMISE(version__another_major_one_is_unsupported),
        PROMISE(version__minor_one_is_ignored),
        PROMISE(mode__of_no_session_is_unsupported),
        PROMISE(encoding__known_ones_are_the_users_to_judge),
        PROMISE(encoding__extensible_ones_are_the_users_to_judge),
        PROMISE(encoding__empty_content_type_is_refused),
        PROMISE(via__has_a_scheme),
        PROMISE(text__malformed_utf8_is_refused),
        PROMISE(text__upgrade_without_a_name_is_told_of),
        PROMISE(quota__of_a_via),
        PROMISE(quota__of_a_content_type),
        PROMISE(quota__of_an_upgrade),
        PROMISE(quota__of_a_fault),
        PROMISE(quota__of_a_sized_envelope),
        PROMISE(quota__clients_have_no_fault_to_send),
        PROMISE(quota__of_an_unsized_envelope_is_of_the_sum),
        PROMISE(quota__of_a_stream_may_pass_that_of_a_size),
        PROMISE(size__is_written_in_its_shortest_form),
        PROMISE(size__is_read_at_all_borders),
        PROMISE(size__may_be_padded),
        PROMISE(size__of_more_than_31_bits_is_refused),
        PROMISE(envelope__is_never_empty),
        PROMISE(envelope__octets_are_told_of_as_they_come),
        PROMISE(fault__is_written_and_understood),
        PROMISE(fault__unknown_ones_are_failures),
        PROMISE(fault__none_is_nothing),
        PROMISE(will_end__says_whether_the_end_record_is_there),
        PROMISE(will_end__looks_behind_a_preamble_not_acknowledged),
        PROMISE(will_end__is_false_where_the_end_is_out_of_place),
        PROMISE(will_end__changes_nothing),
        PROMISE(reset__begins_the_next_session),
        PROMISE(reset__forgets_all_of_the_session_before),
        PROMISE(reset__of_a_client_keeps_its_mode),
        PROMISE(memory__failure_at_any_allocation_is_reported),
        PROMISE(memory__none_of_a_client_without_a_fault),
        PROMISE(write__preamble_is_that_of_the_example),
        PROMISE(write__sized_envelope_is_that_of_the_example),
        PROMISE(write__longest_via_is_read_again),
        PROMISE(write__envelopes_of_all_sizes_are_read_again),
        PROMISE(write__chunks_of_all_sizes_are_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
