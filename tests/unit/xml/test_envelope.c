/* What envelopes promise, in both versions of SOAP and of addressing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/xml/fault.h"
#include "tests/unit/xml/envelopes.h"

static void envelope__gives_its_parts(void **state)
{
    struct wwi_envelope envelope = { 0 };
    (void) state;

    assert_int_equal(parse(&envelope, &soap_1_2, request_1_2), 0);

    assert_int_equal(envelope.problem, WWI_ENVELOPE_FINE);
    assert_int_equal(envelope.header_count, 5);
    assert_text(envelope.standard[WWS_HEADER_ACTION], "urn:calc/Add");
    assert_text(envelope.standard[WWS_HEADER_MESSAGE_ID], "urn:uuid:1");
    assert_text(envelope.standard[WWS_HEADER_REPLY_TO], A10 "/anonymous");
    assert_text(envelope.standard[WWS_HEADER_TO], "http://x/&y");
    assert_null(envelope.standard[WWS_HEADER_FROM].data);
    assert_text(envelope.headers[3].local, "Mine");
    assert_text(envelope.headers[3].ns, "urn:h");
    assert_true(envelope.headers[3].must_understand);
    assert_false(envelope.headers[3].standard);
    assert_true(envelope.headers[4].standard);
    assert_false(envelope.is_fault);
    wwi_envelope_fini(&envelope);
}

static void envelope__gives_views_where_nothing_is_missing(void **state)
{
    struct wwi_envelope envelope = { 0 };
    const char *add = strstr(request_1_2, "<Add");
    wws_bytes xml;
    (void) state;

    assert_int_equal(parse(&envelope, &soap_1_2, request_1_2), 0);
    assert_int_equal(wwi_envelope_xml(&envelope, &envelope.body, &xml), 0);

    assert_ptr_equal(xml.data, add);
    assert_xml(xml, "<Add xmlns='urn:calc'><a>1</a><b>2</b></Add>");
    wwi_envelope_fini(&envelope);
}

static void envelope__adds_the_declarations_that_a_part_needs(void **state)
{
    static const char text[] =
        "<s:Envelope xmlns:s='" S11 "' xmlns:x='urn:x' xmlns='urn:d&amp;\"'>"
        "<s:Header><x:H s:actor=''/></s:Header>"
        "<s:Body xmlns:xsd='urn:xsd'> <x:a t='xsd:int'/>\n<b>"
        "<x:c xmlns:x='urn:y'/></b> <!-- x: --> <d xmlns=''/></s:Body>"
        "</s:Envelope>";
    struct wwi_envelope envelope = { 0 };
    (void) state;

    assert_int_equal(parse(&envelope, &plain_1_1, text), 0);

    assert_part(&envelope, &envelope.headers[0].part,
        "<x:H xmlns=\"urn:d&amp;&quot;\" xmlns:x=\"urn:x\" xmlns:s=\"" S11
        "\" s:actor=''/>");
    assert_part(&envelope, &envelope.body,
        "<x:a xmlns:xsd=\"urn:xsd\" xmlns=\"urn:d&amp;&quot;\""
        " xmlns:x=\"urn:x\" t='xsd:int'/>\n<b xmlns=\"urn:d&amp;&quot;\""
        " xmlns:x=\"urn:x\"><x:c xmlns:x='urn:y'/></b> <!-- x: -->"
        " <d xmlns=''/>");
    wwi_envelope_fini(&envelope);
}

static void envelope__takes_a_reference_for_a_use_of_any_prefix(void **state)
{
    static const char text[] =
        "<s:Envelope xmlns:s='" S11 "' xmlns:q='urn:q'><s:Body>"
        "<a xmlns='urn:a'>&#113;:name</a></s:Body></s:Envelope>";
    struct wwi_envelope envelope = { 0 };
    wws_bytes xml;
    (void) state;

    assert_int_equal(parse(&envelope, &plain_1_1, text), 0);
    assert_int_equal(wwi_envelope_xml(&envelope, &envelope.body, &xml), 0);

    assert_non_null(memmem(xml.data, xml.size, "xmlns:q=\"urn:q\"", 15));
    wwi_envelope_fini(&envelope);
}

static void envelope__finds_prefixes_wherever_they_stand(void **state)
{
    char text[600];
    struct wwi_envelope envelope = { 0 };
    (void) state;

    for (int pad = 0; pad < 70; pad++) {
        for (int used = 0; used < 2; used++) {
            snprintf(text, sizeof text,
                "<s:Envelope xmlns:s='" S11 "' xmlns:pq='urn:q'><s:Body>"
                "<a xmlns=''>%*s%s</a></s:Body></s:Envelope>",
                pad, "", used ? "pq:x" : "xpq:x");
            assert_int_equal(parse(&envelope, &plain_1_1, text), 0);
            assert_int_equal(envelope.body.patches != NULL, used);
        }
    }
    wwi_envelope_fini(&envelope);
}

static void envelope__accepts_an_empty_body_and_no_header(void **state)
{
    static const char *const texts[] = {
        "<Envelope xmlns='" S11 "'><Body/></Envelope>",
        "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?>\n<!-- c -->"
        "<s:Envelope xmlns:s='" S11 "'>\n <s:Header/> <!-- d -->\n"
        "<s:Body> <!-- e --> </s:Body>\n</s:Envelope>\n<!-- f -->",
    };
    struct wwi_envelope envelope = { 0 };
    (void) state;

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(parse(&envelope, &plain_1_1, texts[i]), 0);
        assert_int_equal(envelope.header_count, 0);
        assert_part(&envelope, &envelope.body, "");
    }
    wwi_envelope_fini(&envelope);
}

static void envelope__tells_versions_apart(void **state)
{
    struct wwi_envelope envelope = { 0 };
    (void) state;

    assert_int_equal(parse(&envelope, &soap_1_2, ENVELOPE_11("", "")),
        WWS_E_INVALID_FORMAT);
    assert_int_equal(envelope.problem, WWI_ENVELOPE_OTHER_VERSION);
    assert_int_equal(envelope.version, WWS_ENVELOPE_VERSION_SOAP_1_1);
    assert_int_equal(parse(&envelope, &soap_1_1, ENVELOPE_12("", "")),
        WWS_E_INVALID_FORMAT);
    assert_int_equal(envelope.problem, WWI_ENVELOPE_OTHER_VERSION);
    assert_int_equal(envelope.version, WWS_ENVELOPE_VERSION_SOAP_1_2);
    assert_int_equal(parse(&envelope, &soap_1_2,
        "<Envelope xmlns='urn:future'><Body/></Envelope>"),
        WWS_E_INVALID_FORMAT);
    assert_int_equal(envelope.problem, WWI_ENVELOPE_UNKNOWN_VERSION);
    assert_int_equal(parse(&envelope, &soap_1_2, "<html/>"),
        WWS_E_INVALID_FORMAT);
    assert_int_equal(envelope.problem, WWI_ENVELOPE_MALFORMED);
    wwi_envelope_fini(&envelope);
}

static void envelope__refuses_what_is_none(void **state)
{
    static const char *const texts[] = {
        "",
        "<s:Envelope xmlns:s='" S12 "'/>",
        "<s:Envelope xmlns:s='" S12 "'><s:Header/></s:Envelope>",
        "<s:Envelope xmlns:s='" S12 "'><s:Body/><s:Header/></s:Envelope>",
        "<s:Envelope xmlns:s='" S12 "'><s:Body/><s:Body/></s:Envelope>",
        "<s:Envelope xmlns:s='" S12 "'><s:Body/><x/></s:Envelope>",
        "<s:Envelope xmlns:s='" S12 "'>text<s:Body/></s:Envelope>",
        "<s:Envelope xmlns:s='" S12 "'><s:Body>text</s:Body></s:Envelope>",
        "<s:Envelope xmlns:s='" S12 "'><Body/></s:Envelope>",
        "<s:Envelope xmlns:s='" S12 "'><s:Body/></s:Envelope><x/>",
        "<!DOCTYPE x><s:Envelope xmlns:s='" S12 "'><s:Body/></s:Envelope>",
        "<?pi?><s:Envelope xmlns:s='" S12 "'><s:Body/></s:Envelope>",
        ENVELOPE_12("<plain/>", ""),
        ENVELOPE_12("<h:x xmlns:h='urn:h' s:mustUnderstand='yes'/>", ""),
        ENVELOPE_12("<a:To><b/></a:To>", ""),
        ENVELOPE_12("<a:ReplyTo>text</a:ReplyTo>", ""),
        ENVELOPE_12("", "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code>"
            "<s:Reason><s:Text xml:lang='en'>r</s:Text></s:Reason></s:Fault>"
            "<x/>"),
    };
    struct wwi_envelope envelope = { 0 };
    (void) state;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (parse(&envelope, &soap_1_2, texts[i]) != WWS_E_INVALID_FORMAT)
            fail_msg("accepted %s", texts[i]);
        assert_int_equal(envelope.problem, WWI_ENVELOPE_MALFORMED);
    }
    wwi_envelope_fini(&envelope);
}

static void envelope__says_where_it_is_wrong(void **state)
{
    struct wwi_envelope envelope = { 0 };
    struct wwi_error error = { 0 };
    (void) state;

    assert_int_equal(wwi_envelope_parse(&envelope, &soap_1_2, octets_of(
        "<s:Envelope xmlns:s='" S12 "'>\n<s:Body>\xC3\xA4\n \xC3\xA4</s:Body>"
        "</s:Envelope>"), &error), WWS_E_INVALID_FORMAT);

    assert_int_equal(error.count, 1);
    assert_string_equal(error.strings[0].text,
        "line 2, column 9: text where only elements may be");
    wwi_error_reset(&error);
    wwi_envelope_fini(&envelope);
}

static void envelope__cut_anywhere_is_refused(void **state)
{
    struct wwi_envelope envelope = { 0 };
    (void) state;

    for (size_t size = 0; size < sizeof request_1_2 - 1; size++) {
        /* As long as the piece, so that reading on is found out. */
        char *piece = malloc(size + 1);
        wws_status status;

        memcpy(piece, request_1_2, size);
        status = wwi_envelope_parse(&envelope, &soap_1_2,
            (wws_bytes) { piece, size }, NULL);
        assert_int_equal(status, WWS_E_INVALID_FORMAT);
        free(piece);
    }
    wwi_envelope_fini(&envelope);
}

static void envelope__knows_whom_a_header_is_for(void **state)
{
    static const char text[] = ENVELOPE_12(
        "<h:a xmlns:h='u' s:mustUnderstand='1' s:role='" S12 "/role/next'/>"
        "<h:b xmlns:h='u' s:mustUnderstand='1' s:role=' " S12
        "/role/ultimateReceiver '/>"
        "<h:c xmlns:h='u' s:mustUnderstand='1' s:role='" S12 "/role/none'/>"
        "<h:d xmlns:h='u' s:mustUnderstand='1' s:role='urn:other'/>"
        "<h:e xmlns:h='u' s:mustUnderstand='0' s:relay='1'/>"
        "<h:f xmlns:h='u' xmlns:o='" S11 "' o:mustUnderstand='1'/>"
        "<a:To s:role='urn:other'>urn:not-us</a:To>", "");
    static const bool expected[] = { true, true, false, false, false, false };
    struct wwi_envelope envelope = { 0 };
    (void) state;

    assert_int_equal(parse(&envelope, &soap_1_2, text), 0);

    for (size_t i = 0; i < 6; i++)
        assert_int_equal(envelope.headers[i].must_understand, expected[i]);
    assert_null(envelope.standard[WWS_HEADER_TO].data);
    assert_int_equal(parse(&envelope, &soap_1_1, ENVELOPE_11(
        "<h:a xmlns:h='u' s:mustUnderstand='1'"
        " s:actor='http://schemas.xmlsoap.org/soap/actor/next'/>"
        "<h:b xmlns:h='u' s:mustUnderstand='1' s:actor='urn:other'/>",
        "")), 0);
    assert_true(envelope.headers[0].must_understand);
    assert_false(envelope.headers[1].must_understand);
    wwi_envelope_fini(&envelope);
}

static void envelope__refuses_a_standard_header_twice(void **state)
{
    struct wwi_envelope envelope = { 0 };
    struct wwi_fault_about about;
    (void) state;

    assert_int_equal(parse(&envelope, &soap_1_2, ENVELOPE_12(
        "<a:To>urn:1</a:To><a:To>urn:2</a:To>"
        "<a:MessageID>urn:m</a:MessageID>", "<x/>")), WWS_E_INVALID_FORMAT);

    assert_int_equal(envelope.problem, WWI_ENVELOPE_DUPLICATE_HEADER);
    assert_int_equal(envelope.problem_header, WWS_HEADER_TO);
    assert_text(envelope.standard[WWS_HEADER_MESSAGE_ID], "urn:m");
    about = wwi_fault_about_envelope(
        &envelope, WWS_ENVELOPE_VERSION_SOAP_1_2);
    assert_int_equal(about.fault, WWI_FAULT_INVALID_CARDINALITY);
    assert_int_equal(parse(&envelope, &soap_1_2, ENVELOPE_12(
        "<a:ReplyTo><x/></a:ReplyTo>", "")), WWS_E_INVALID_FORMAT);
    assert_int_equal(envelope.problem, WWI_ENVELOPE_INVALID_ADDRESS);
    assert_int_equal(envelope.problem_header, WWS_HEADER_REPLY_TO);
    wwi_envelope_fini(&envelope);
}

static void envelope__reads_the_reply_among_relations(void **state)
{
    struct wwi_envelope envelope = { 0 };
    struct wwi_envelope_options old = soap_1_1;
    (void) state;

    assert_int_equal(parse(&envelope, &soap_1_2, ENVELOPE_12(
        "<a:RelatesTo RelationshipType='urn:noreply'>urn:1</a:RelatesTo>"
        "<a:RelatesTo RelationshipType='" A10 "/reply'>urn:2</a:RelatesTo>"
        "<a:RelatesTo>urn:3</a:RelatesTo>", "")), 0);
    assert_text(envelope.standard[WWS_HEADER_RELATES_TO], "urn:2");
    old.addressing = WWS_ADDRESSING_VERSION_0_9;
    assert_int_equal(parse(&envelope, &old,
        "<s:Envelope xmlns:s='" S11 "' xmlns:w='" A09 "'><s:Header>"
        "<w:RelatesTo RelationshipType='w:Other'>urn:1</w:RelatesTo>"
        "<w:RelatesTo RelationshipType='w:Reply'>urn:2</w:RelatesTo>"
        "</s:Header><s:Body/></s:Envelope>"), 0);
    assert_text(envelope.standard[WWS_HEADER_RELATES_TO], "urn:2");
    wwi_envelope_fini(&envelope);
}

static void envelope__says_where_answers_go(void **state)
{
#define REPLY_TO(address) \
    "<a:ReplyTo><a:Address>" address "</a:Address></a:ReplyTo>"
    struct wwi_envelope envelope = { 0 };
    (void) state;

    parse(&envelope, &soap_1_2, ENVELOPE_12("", ""));
    assert_int_equal(
        wwi_envelope_reply_to(&envelope, false), WWI_REPLY_ON_TRANSPORT);
    parse(&envelope, &soap_1_2, ENVELOPE_12(REPLY_TO(A10 "/none"), ""));
    assert_int_equal(
        wwi_envelope_reply_to(&envelope, false), WWI_REPLY_NOWHERE);
    assert_int_equal(
        wwi_envelope_reply_to(&envelope, true), WWI_REPLY_NOWHERE);
    parse(&envelope, &soap_1_2, ENVELOPE_12(REPLY_TO(A10 "/anonymous")
        "<a:FaultTo><a:Address>http://f</a:Address></a:FaultTo>", ""));
    assert_int_equal(
        wwi_envelope_reply_to(&envelope, false), WWI_REPLY_ON_TRANSPORT);
    assert_int_equal(
        wwi_envelope_reply_to(&envelope, true), WWI_REPLY_ELSEWHERE);
    wwi_envelope_fini(&envelope);
}

static void envelope__keeps_reference_parameters(void **state)
{
    struct wwi_envelope envelope = { 0 };
    (void) state;

    assert_int_equal(parse(&envelope, &soap_1_2, ENVELOPE_12(
        "<a:ReplyTo><a:Address>urn:r</a:Address><a:ReferenceParameters>"
        "<p:k xmlns:p='urn:p'>1</p:k> <a:l/></a:ReferenceParameters>"
        "<a:Metadata>ignored</a:Metadata></a:ReplyTo>", "")), 0);

    assert_int_equal(envelope.parameter_count, 2);
    assert_int_equal(envelope.parameters[0].header, WWS_HEADER_REPLY_TO);
    assert_part(&envelope, &envelope.parameters[0].part,
        "<p:k xmlns:p='urn:p'>1</p:k>");
    assert_part(&envelope, &envelope.parameters[1].part,
        "<a:l xmlns:a=\"" A10 "\"/>");
    wwi_envelope_fini(&envelope);
}

static void envelope__limits_headers_and_depth(void **state)
{
    struct wwi_envelope_options options = soap_1_2;
    struct wwi_envelope envelope = { 0 };
    (void) state;

    options.max_headers = 4;
    assert_int_equal(
        parse(&envelope, &options, request_1_2), WWS_E_QUOTA_EXCEEDED);
    options.max_headers = 5;
    assert_int_equal(parse(&envelope, &options, request_1_2), 0);
    options.limits.depth = 3;
    assert_int_equal(
        parse(&envelope, &options, request_1_2), WWS_E_QUOTA_EXCEEDED);
    wwi_envelope_fini(&envelope);
}

static void envelope__is_written_as_others_write_it(void **state)
{
    static const char golden[] =
        "<soap:Envelope xmlns:soap='" S12 "' xmlns:wsa='" A10 "'>"
        "<soap:Header>"
        "<wsa:Action soap:mustUnderstand='1'>urn:calc/Add</wsa:Action>"
        "<wsa:MessageID>urn:uuid:1</wsa:MessageID>"
        "<wsa:ReplyTo><wsa:Address>" A10 "/anonymous</wsa:Address>"
        "</wsa:ReplyTo>"
        "<wsa:To soap:mustUnderstand='1'>http://x/&amp;y</wsa:To>"
        "<h xmlns='urn:h'/></soap:Header>"
        "<soap:Body><Add xmlns='urn:calc'/></soap:Body></soap:Envelope>";
    struct wwi_envelope_content content = {
        .version = WWS_ENVELOPE_VERSION_SOAP_1_2,
        .addressing = WWS_ADDRESSING_VERSION_1_0,
        .standard = {
            [WWS_HEADER_ACTION] = WWS_STR("urn:calc/Add"),
            [WWS_HEADER_TO] = WWS_STR("http://x/&y"),
            [WWS_HEADER_MESSAGE_ID] = WWS_STR("urn:uuid:1"),
            [WWS_HEADER_REPLY_TO] = WWS_STR(A10 "/anonymous"),
        },
        .blocks = { "<h xmlns='urn:h'/>", 18 },
        .body = { "<Add xmlns='urn:calc'/>", 23 },
    };
    struct wwi_bytes out = { 0 };
    (void) state;

    assert_int_equal(wwi_envelope_write(&content, &out), 0);

    assert_same_xml((wws_bytes) { out.data, out.size }, octets_of(golden),
        false);
    wwi_bytes_fini(&out);
}

static void envelope__without_headers_has_no_header(void **state)
{
    struct wwi_envelope_content content = {
        .version = WWS_ENVELOPE_VERSION_SOAP_1_1,
        .addressing = WWS_ADDRESSING_VERSION_TRANSPORT,
        .standard = { [WWS_HEADER_ACTION] = WWS_STR("urn:a") },
    };
    struct wwi_bytes out = { 0 };
    (void) state;

    assert_int_equal(wwi_envelope_write(&content, &out), 0);

    assert_xml((wws_bytes) { out.data, out.size }, "<s:Envelope xmlns:s=\""
        S11 "\"><s:Body></s:Body></s:Envelope>");
    wwi_bytes_fini(&out);
}

static void envelope__refuses_to_write_what_xml_has_not(void **state)
{
    struct wwi_envelope_content content = {
        .standard = { [WWS_HEADER_ACTION] = WWS_STR("urn:\x01") },
    };
    struct wwi_bytes out = { 0 };
    (void) state;

    assert_int_equal(
        wwi_envelope_write(&content, &out), WWS_E_INVALID_FORMAT);
    wwi_bytes_fini(&out);
}

static void addressing__makes_identities_of_their_own(void **state)
{
    char one[WWI_UUID_SIZE], other[WWI_UUID_SIZE];
    (void) state;

    assert_true(wwi_addressing_uuid(one));
    assert_true(wwi_addressing_uuid(other));

    assert_memory_equal(one, "urn:uuid:", 9);
    assert_int_equal(one[23], '4');
    assert_non_null(strchr("89ab", one[28]));
    assert_memory_not_equal(one, other, sizeof one);
}

static void envelope__leaves_nothing_behind_without_memory(void **state)
{
    static const char fault[] = ENVELOPE_12(
        "<a:To>&#117;rn:x</a:To>"
        "<a:ReplyTo><a:Address>u</a:Address><a:ReferenceParameters><p xmlns='u'"
        "/></a:ReferenceParameters></a:ReplyTo><a:Mine/>",
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode>"
        "<s:Value>a:X</s:Value><s:Subcode><s:Value>a:Y</s:Value></s:Subcode>"
        "</s:Subcode></s:Code><s:Reason><s:Text xml:lang='en'>a&amp;b</s:Text>"
        "<s:Text xml:lang='de'>c</s:Text></s:Reason><s:Detail><a:x/>"
        "</s:Detail></s:Fault>");
    uint64_t live = wwi_memory_live();
    wws_status status = WWS_E_OUTOFMEMORY;
    wws_bytes xml;
    (void) state;

    for (uint64_t n = 1; status == WWS_E_OUTOFMEMORY; n++) {
        struct wwi_envelope envelope = { 0 };

        wwi_memory_fail(n, 0);
        status = parse(&envelope, &soap_1_2, fault);
        if (status == 0)
            status = wwi_envelope_xml(&envelope, &envelope.body, &xml);
        wwi_memory_fail(0, 0);
        wwi_envelope_fini(&envelope);
        assert_int_equal(wwi_memory_live(), live);
        assert_true(n < 1000);
    }
    assert_int_equal(status, 0);
}

static void envelope__can_be_read_into_again(void **state)
{
    struct wwi_envelope envelope = { 0 };
    uint64_t asked;
    (void) state;

    assert_int_equal(parse(&envelope, &soap_1_2, request_1_2), 0);
    asked = wwi_memory_asked();
    assert_int_equal(parse(&envelope, &soap_1_2, request_1_2), 0);

    assert_text(envelope.standard[WWS_HEADER_ACTION], "urn:calc/Add");
    assert_int_equal(wwi_memory_asked(), asked);
    wwi_envelope_fini(&envelope);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(envelope__gives_its_parts),
        TEST(envelope__gives_views_where_nothing_is_missing),
        TEST(envelope__adds_the_declarations_that_a_part_needs),
        TEST(envelope__takes_a_reference_for_a_use_of_any_prefix),
        TEST(envelope__finds_prefixes_wherever_they_stand),
        TEST(envelope__accepts_an_empty_body_and_no_header),
        TEST(envelope__tells_versions_apart),
        TEST(envelope__refuses_what_is_none),
        TEST(envelope__says_where_it_is_wrong),
        TEST(envelope__cut_anywhere_is_refused),
        TEST(envelope__knows_whom_a_header_is_for),
        TEST(envelope__refuses_a_standard_header_twice),
        TEST(envelope__reads_the_reply_among_relations),
        TEST(envelope__says_where_answers_go),
        TEST(envelope__keeps_reference_parameters),
        TEST(envelope__limits_headers_and_depth),
        TEST(envelope__is_written_as_others_write_it),
        TEST(envelope__without_headers_has_no_header),
        TEST(envelope__refuses_to_write_what_xml_has_not),
        TEST(addressing__makes_identities_of_their_own),
        TEST(envelope__leaves_nothing_behind_without_memory),
        TEST(envelope__can_be_read_into_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
