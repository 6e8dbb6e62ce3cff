/* Promises of the codec of .NET message framing: which records come when, and
 * what a session of them says. */
#include "../../support/framing_fixture.h"

static const char document[] =
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">"
    "<s:Body/></s:Envelope>";

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
        PROMISE(will_end__says_whether_the_end_record_is_there),
        PROMISE(will_end__looks_behind_a_preamble_not_acknowledged),
        PROMISE(will_end__is_false_where_the_end_is_out_of_place),
        PROMISE(will_end__changes_nothing),
        PROMISE(reset__begins_the_next_session),
        PROMISE(reset__forgets_all_of_the_session_before),
        PROMISE(reset__of_a_client_keeps_its_mode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
