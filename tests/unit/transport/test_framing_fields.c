/* Promises of the codec of .NET message framing: what the fields of a record
 * may hold, how long they may be, and the memory they take. */
#include "../../support/framing_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        PROMISE(size__may_be_padded),
        PROMISE(size__of_more_than_31_bits_is_refused),
        PROMISE(envelope__is_never_empty),
        PROMISE(envelope__octets_are_told_of_as_they_come),
        PROMISE(memory__failure_at_any_allocation_is_reported),
        PROMISE(memory__none_of_a_client_without_a_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
