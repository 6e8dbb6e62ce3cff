/* Promises of the codec of .NET message framing: what is written, and the
 * faults by their names. */
#include "../../support/framing_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(size__is_written_in_its_shortest_form),
        PROMISE(size__is_read_at_all_borders),
        PROMISE(fault__is_written_and_understood),
        PROMISE(fault__unknown_ones_are_failures),
        PROMISE(fault__none_is_nothing),
        PROMISE(write__preamble_is_that_of_the_example),
        PROMISE(write__sized_envelope_is_that_of_the_example),
        PROMISE(write__longest_via_is_read_again),
        PROMISE(write__envelopes_of_all_sizes_are_read_again),
        PROMISE(write__chunks_of_all_sizes_are_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
