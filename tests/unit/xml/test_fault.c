/* What faults promise, in both versions of SOAP and of addressing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/xml/fault.h"
#include "tests/unit/xml/envelopes.h"

static void envelope__reads_a_fault_of_soap_1_2(void **state)
{
    struct wwi_envelope envelope = { 0 };
    const wws_fault_info *fault = &envelope.fault;
    (void) state;

    assert_int_equal(parse(&envelope, &soap_1_2, ENVELOPE_12("",
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>"
        "a:InvalidAddressingHeader</s:Value><s:Subcode xmlns:b='urn:b'>"
        "<s:Value> b:Inner </s:Value></s:Subcode></s:Subcode></s:Code>"
        "<s:Reason><s:Text xml:lang='de'>so &lt;nicht&gt;</s:Text>"
        "<s:Text xml:lang='en'>not so</s:Text></s:Reason>"
        "<s:Node>urn:n</s:Node><s:Role>urn:r</s:Role>"
        "<s:Detail> <a:x/>\n<y xmlns='urn:y'/> </s:Detail></s:Fault>")), 0);

    assert_true(envelope.is_fault);
    assert_int_equal(fault->code, WWS_FAULT_CODE_SENDER);
    assert_text(fault->subcode_namespace, "urn:b");
    assert_text(fault->subcode_name, "Inner");
    assert_text(fault->reason, "so <nicht>");
    assert_text(fault->language, "de");
    assert_text(fault->actor, "urn:r");
    assert_xml(fault->detail,
        "<a:x xmlns:a=\"" A10 "\"/>\n<y xmlns='urn:y'/>");
    wwi_envelope_fini(&envelope);
}

static void envelope__reads_a_fault_of_soap_1_1(void **state)
{
    struct wwi_envelope envelope = { 0 };
    const wws_fault_info *fault = &envelope.fault;
    (void) state;

    assert_int_equal(parse(&envelope, &soap_1_1, ENVELOPE_11("",
        "<s:Fault><faultcode>s:Server</faultcode>"
        "<faultstring xml:lang='en'>bad <![CDATA[<order>]]></faultstring>"
        "<faultactor>urn:me</faultactor>"
        "<detail>trace: <s:x/> end</detail></s:Fault>")), 0);

    assert_int_equal(fault->code, WWS_FAULT_CODE_RECEIVER);
    assert_int_equal(fault->subcode_name.size, 0);
    assert_text(fault->reason, "bad <order>");
    assert_text(fault->language, "en");
    assert_text(fault->actor, "urn:me");
    assert_xml(fault->detail, "trace: <s:x xmlns:s=\"" S11 "\"/> end");
    wwi_envelope_fini(&envelope);
}

static void envelope__takes_sloppy_codes_of_soap_1_1(void **state)
{
    static const struct {
        const char *code;
        wws_fault_code expected;
        const char *ns;
        const char *name;
    } cases[] = {
        { "s:Client", WWS_FAULT_CODE_SENDER, "", "" },
        { "Client", WWS_FAULT_CODE_SENDER, "", "" },
        { "soap:Server", WWS_FAULT_CODE_RECEIVER, "", "" },
        { "s:MustUnderstand", WWS_FAULT_CODE_MUST_UNDERSTAND, "", "" },
        { "s:Client.Auth", WWS_FAULT_CODE_SENDER, S11, "Client.Auth" },
        { "a:ActionNotSupported", WWS_FAULT_CODE_SENDER, A10,
            "ActionNotSupported" },
        { "a:EndpointUnavailable", WWS_FAULT_CODE_RECEIVER, A10,
            "EndpointUnavailable" },
        { "ns1:What", WWS_FAULT_CODE_SENDER, "", "ns1:What" },
        { "s:Clientele", WWS_FAULT_CODE_SENDER, S11, "Clientele" },
    };
    struct wwi_envelope envelope = { 0 };
    char text[1000];
    (void) state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, ENVELOPE_11("", "<s:Fault><faultcode>%s"
            "</faultcode><faultstring>r</faultstring></s:Fault>"),
            cases[i].code);
        assert_int_equal(parse(&envelope, &soap_1_1, text), 0);
        assert_int_equal(envelope.fault.code, cases[i].expected);
        assert_text(envelope.fault.subcode_namespace, cases[i].ns);
        assert_text(envelope.fault.subcode_name, cases[i].name);
    }
    wwi_envelope_fini(&envelope);
}

static void envelope__refuses_a_fault_that_is_none(void **state)
{
#define CODE "<s:Code><s:Value>s:Sender</s:Value></s:Code>"
#define REASON "<s:Reason><s:Text xml:lang='en'>r</s:Text></s:Reason>"
    static const char *const faults[] = {
        "", CODE, REASON, CODE CODE REASON, CODE REASON REASON,
        "<s:Code/>" REASON, CODE "<s:Reason/>", CODE REASON "<s:Else/>",
        "<s:Code><s:Value/></s:Code>" REASON,
        "<s:Code><s:Subcode/></s:Code>" REASON,
        "<s:Code>s:Sender</s:Code>" REASON,
        CODE REASON "text",
    };
    struct wwi_envelope envelope = { 0 };
    char text[1000];
    (void) state;

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        snprintf(text, sizeof text,
            ENVELOPE_12("", "<s:Fault>%s</s:Fault>"), faults[i]);
        if (parse(&envelope, &soap_1_2, text) != WWS_E_INVALID_FORMAT)
            fail_msg("accepted %s", text);
    }
    wwi_envelope_fini(&envelope);
}

/* Writes an envelope around a fault and reads it again. */
static void round_trip(
    struct wwi_envelope *envelope,
    struct wwi_bytes *out,
    const wws_fault_info *fault,
    const struct wwi_envelope_options *options)
{
    struct wwi_bytes body = { 0 };
    struct wwi_envelope_content content = {
        .version = options->version,
        .addressing = options->addressing,
        .more_blocks = fault->headers,
    };

    assert_int_equal(wwi_fault_write(fault, options->version, &body), 0);
    content.body = (wws_bytes) { body.data, body.size };
    out->size = 0;
    assert_int_equal(wwi_envelope_write(&content, out), 0);
    wwi_bytes_fini(&body);
    assert_int_equal(wwi_envelope_parse(envelope, options,
        (wws_bytes) { out->data, out->size }, NULL), 0);
    assert_true(envelope->is_fault);
}

#define TEXT(literal) { literal, sizeof(literal) - 1 }

static const wws_string outer_namespaces[] = {
    TEXT("urn:far"), TEXT("urn:near") };
static const wws_string outer_names[] = { TEXT("Far"), TEXT("Near") };
static const wws_string texts[] = { TEXT("no"), TEXT("non") };
static const wws_string languages[] = { TEXT("en"), TEXT("fr") };

/* A fault that has something everywhere. */
static wws_fault_info whole_fault(void)
{
    wws_fault_info fault = WWS_FAULT_INFO_INIT;

    fault.code = WWS_FAULT_CODE_SENDER;
    fault.subcode_namespace = WWS_STR("urn:<x>");
    fault.subcode_name = WWS_STR("Bad");
    fault.reason = WWS_STR("not <this> & \"that\"\r");
    fault.language = WWS_STR("de");
    fault.actor = WWS_STR("urn:actor");
    fault.node = WWS_STR("urn:node");
    fault.detail = octets_of("<d xmlns='urn:d'/>");
    fault.headers = octets_of("<h xmlns='urn:h'/><i xmlns='urn:i'/>");
    fault.outer_subcode_namespaces = outer_namespaces;
    fault.outer_subcode_names = outer_names;
    fault.outer_subcode_namespaces_count = fault.outer_subcode_names_count = 2;
    fault.further_reasons = texts;
    fault.further_languages = languages;
    fault.further_reasons_count = fault.further_languages_count = 2;
    return fault;
}

/* What both versions have room for. */
static void assert_common(const wws_fault_info *fault)
{
    assert_int_equal(fault->code, WWS_FAULT_CODE_SENDER);
    assert_text(fault->subcode_namespace, "urn:<x>");
    assert_text(fault->subcode_name, "Bad");
    assert_text(fault->reason, "not <this> & \"that\"");
    assert_text(fault->language, "de");
    assert_text(fault->actor, "urn:actor");
    assert_xml(fault->detail, "<d xmlns='urn:d'/>");
    assert_xml(fault->headers, "<h xmlns='urn:h'/><i xmlns='urn:i'/>");
}

static void fault__arrives_whole_in_soap_1_2(void **state)
{
    wws_fault_info sent = whole_fault();
    struct wwi_envelope envelope = { 0 };
    const wws_fault_info *fault = &envelope.fault;
    struct wwi_bytes out = { 0 };
    (void) state;

    round_trip(&envelope, &out, &sent, &soap_1_2);

    assert_common(fault);
    assert_text(fault->node, "urn:node");
    assert_int_equal(fault->outer_subcode_namespaces_count, 2);
    assert_int_equal(fault->outer_subcode_names_count, 2);
    assert_int_equal(fault->further_reasons_count, 2);
    assert_int_equal(fault->further_languages_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_text(
            fault->outer_subcode_namespaces[i], outer_namespaces[i].data);
        assert_text(fault->outer_subcode_names[i], outer_names[i].data);
        assert_text(fault->further_reasons[i], texts[i].data);
        assert_text(fault->further_languages[i], languages[i].data);
    }
    wwi_bytes_fini(&out);
    wwi_envelope_fini(&envelope);
}

static void fault__arrives_in_soap_1_1_as_far_as_there_is_room(void **state)
{
    wws_fault_info sent = whole_fault();
    struct wwi_envelope envelope = { 0 };
    struct wwi_bytes out = { 0 };
    (void) state;

    round_trip(&envelope, &out, &sent, &soap_1_1);

    assert_common(&envelope.fault);
    assert_int_equal(envelope.fault.node.size, 0);
    assert_int_equal(envelope.fault.outer_subcode_names_count, 0);
    assert_int_equal(envelope.fault.further_reasons_count, 0);
    wwi_bytes_fini(&out);
    wwi_envelope_fini(&envelope);
}

/* An envelope with that many subcodes, s0 being the outermost, and texts. */
static struct wwi_bytes endless_fault(int subcodes, int texts_count)
{
    struct wwi_bytes out = { 0 };

    wwi_bytes_append_text(&out, "<s:Envelope xmlns:s='" S12 "'><s:Body>"
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value>");
    for (int i = 0; i < subcodes; i++) {
        wwi_bytes_append_text(&out, "<s:Subcode><s:Value>s:s");
        wwi_bytes_append_number(&out, (uint64_t) i);
        wwi_bytes_append_text(&out, "</s:Value>");
    }
    for (int i = 0; i < subcodes; i++)
        wwi_bytes_append_text(&out, "</s:Subcode>");
    wwi_bytes_append_text(&out, "</s:Code><s:Reason>");
    for (int i = 0; i < texts_count; i++)
        wwi_bytes_append_text(&out, "<s:Text xml:lang='en'>t</s:Text>");
    wwi_bytes_append_text(&out,
        "</s:Reason></s:Fault></s:Body></s:Envelope>");
    return out;
}

static void fault__keeps_the_innermost_of_too_many_subcodes(void **state)
{
    static const struct {
        int subcodes;
        const char *innermost;
        size_t outer;
    } cases[] = { { 1, "s0", 0 }, { 8, "s7", 7 }, { 20, "s19", 7 } };
    struct wwi_envelope envelope = { 0 };
    (void) state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wwi_bytes out = endless_fault(cases[i].subcodes, 1);

        assert_int_equal(wwi_envelope_parse(&envelope, &soap_1_2,
            (wws_bytes) { out.data, out.size }, NULL), 0);

        assert_text(envelope.fault.subcode_name, cases[i].innermost);
        assert_int_equal(envelope.fault.outer_subcode_names_count,
            cases[i].outer);
        if (cases[i].outer != 0)
            assert_text(envelope.fault.outer_subcode_names[6], "s6");
        wwi_bytes_fini(&out);
    }
    wwi_envelope_fini(&envelope);
}

static void fault__leaves_out_what_is_too_many_reasons(void **state)
{
    struct wwi_envelope envelope = { 0 };
    struct wwi_bytes out = endless_fault(0, 100);
    (void) state;

    assert_int_equal(wwi_envelope_parse(&envelope, &soap_1_2,
        (wws_bytes) { out.data, out.size }, NULL), 0);

    assert_int_equal(envelope.fault.further_reasons_count, 15);
    assert_int_equal(envelope.fault.further_languages_count, 15);
    assert_text(envelope.fault.further_reasons[14], "t");
    wwi_bytes_fini(&out);
    wwi_envelope_fini(&envelope);
}

static void fault__has_the_action_and_the_headers_beside_it(void **state)
{
    struct wwi_envelope envelope = { 0 };
    (void) state;

    assert_int_equal(parse(&envelope, &soap_1_1, ENVELOPE_11(
        "<a:Action>urn:act</a:Action><a:FaultDetail/><a:RelatesTo>urn:1"
        "</a:RelatesTo><h:x xmlns:h='urn:h'>1</h:x>",
        "<s:Fault><faultcode>a:X</faultcode><faultstring>r</faultstring>"
        "</s:Fault>")), 0);

    assert_text(envelope.fault.action, "urn:act");
    assert_xml(envelope.fault.headers, "<a:FaultDetail xmlns:a=\"" A10 "\"/>"
        "<h:x xmlns:h='urn:h'>1</h:x>");
    wwi_envelope_fini(&envelope);
}

static void fault__codes_survive_in_both_versions(void **state)
{
    struct wwi_envelope envelope = { 0 };
    struct wwi_bytes out = { 0 };
    (void) state;

    for (wws_fault_code code = WWS_FAULT_CODE_RECEIVER;
        code <= WWS_FAULT_CODE_DATA_ENCODING_UNKNOWN; code++) {
        wws_fault_info fault = WWS_FAULT_INFO_INIT;
        bool unknown = code == WWS_FAULT_CODE_DATA_ENCODING_UNKNOWN;

        fault.code = code;
        round_trip(&envelope, &out, &fault, &soap_1_2);
        assert_int_equal(envelope.fault.code, code);
        round_trip(&envelope, &out, &fault, &soap_1_1);
        assert_int_equal(envelope.fault.code,
            unknown ? WWS_FAULT_CODE_SENDER : code);
    }
    wwi_bytes_fini(&out);
    wwi_envelope_fini(&envelope);
}

static void fault__of_an_action_is_that_of_the_standard(void **state)
{
    struct wwi_fault_about about = {
        .fault = WWI_FAULT_ACTION_MISMATCH,
        .action = WWS_STR("urn:<x>"),
        .transport_action = WWS_STR("urn:y"),
    };
    struct wwi_made_fault fault;
    struct wwi_bytes body = { 0 };
    (void) state;

    assert_int_equal(wwi_fault_make(&fault, &about, soap_1_2.version,
        soap_1_2.addressing), 0);
    assert_int_equal(wwi_fault_write(&fault.info, soap_1_2.version, &body), 0);

    assert_same_xml((wws_bytes) { body.data, body.size }, octets_of(
        "<s:Fault xmlns:s='" S12 "' xmlns:a='" A10 "'><s:Code>"
        "<s:Value>s:Sender</s:Value><s:Subcode>"
        "<s:Value>e:InvalidAddressingHeader</s:Value><s:Subcode>"
        "<s:Value>e:ActionMismatch</s:Value></s:Subcode></s:Subcode></s:Code>"
        "<s:Reason><s:Text xml:lang='en'>"
        "The action of the transport is not that of the message</s:Text>"
        "</s:Reason><s:Detail><a:ProblemAction><a:Action>urn:&lt;x></a:Action>"
        "<a:SoapAction>urn:y</a:SoapAction></a:ProblemAction></s:Detail>"
        "</s:Fault>"), true);
    assert_int_equal(fault.info.headers.size, 0);
    wwi_made_fault_fini(&fault);
    wwi_bytes_fini(&body);
}

static void fault__of_a_header_has_no_detail_in_soap_1_1(void **state)
{
    struct wwi_fault_about about = {
        .fault = WWI_FAULT_HEADER_REQUIRED, .header = WWS_HEADER_ACTION };
    struct wwi_made_fault fault;
    struct wwi_envelope envelope = { 0 };
    struct wwi_bytes out = { 0 };
    (void) state;

    assert_int_equal(wwi_fault_make(&fault, &about, soap_1_1.version,
        soap_1_1.addressing), 0);
    round_trip(&envelope, &out, &fault.info, &soap_1_1);

    assert_text(envelope.fault.subcode_name,
        "MessageAddressingHeaderRequired");
    assert_int_equal(envelope.fault.detail.size, 0);
    assert_int_equal(envelope.header_count, 1);
    assert_text(envelope.headers[0].local, "FaultDetail");
    assert_part(&envelope, &envelope.headers[0].part,
        "<a:FaultDetail xmlns:a=\"" A10 "\"><a:ProblemHeaderQName xmlns:a=\""
        A10 "\">a:Action</a:ProblemHeaderQName></a:FaultDetail>");
    wwi_made_fault_fini(&fault);
    wwi_bytes_fini(&out);
    wwi_envelope_fini(&envelope);
}

static void fault__names_the_headers_that_are_not_understood(void **state)
{
    struct wwi_envelope request = { 0 }, envelope = { 0 };
    struct wwi_fault_about about = {
        .fault = WWI_FAULT_MUST_UNDERSTAND, .request = &request };
    struct wwi_made_fault fault;
    struct wwi_bytes out = { 0 };
    (void) state;

    assert_int_equal(parse(&request, &soap_1_2, request_1_2), 0);
    assert_int_equal(wwi_fault_make(&fault, &about, soap_1_2.version,
        soap_1_2.addressing), 0);
    round_trip(&envelope, &out, &fault.info, &soap_1_2);

    assert_int_equal(envelope.fault.code, WWS_FAULT_CODE_MUST_UNDERSTAND);
    assert_int_equal(envelope.header_count, 1);
    assert_text(envelope.headers[0].local, "NotUnderstood");
    assert_part(&envelope, &envelope.headers[0].part,
        "<s:NotUnderstood xmlns:s=\"" S12
        "\" xmlns:h=\"urn:h\" qname=\"h:Mine\"/>");
    wwi_made_fault_fini(&fault);
    wwi_bytes_fini(&out);
    wwi_envelope_fini(&request);
    wwi_envelope_fini(&envelope);
}

static void fault__of_a_version_says_which_is_supported(void **state)
{
    struct wwi_envelope request = { 0 }, envelope = { 0 };
    struct wwi_fault_about about;
    struct wwi_made_fault fault;
    struct wwi_bytes out = { 0 };
    (void) state;

    assert_true(parse(&request, &soap_1_2, ENVELOPE_11("", "")) < 0);
    about = wwi_fault_about_envelope(&request, soap_1_2.version);
    assert_int_equal(wwi_fault_make(&fault, &about, request.version,
        WWS_ADDRESSING_VERSION_TRANSPORT), 0);
    round_trip(&envelope, &out, &fault.info, &plain_1_1);

    assert_int_equal(envelope.fault.code, WWS_FAULT_CODE_VERSION_MISMATCH);
    assert_part(&envelope, &envelope.headers[0].part,
        "<u:Upgrade xmlns:u=\"" S12 "\"><u:SupportedEnvelope xmlns:e=\"" S12
        "\" qname=\"e:Envelope\"/></u:Upgrade>");
    wwi_made_fault_fini(&fault);
    wwi_bytes_fini(&out);
    wwi_envelope_fini(&request);
    wwi_envelope_fini(&envelope);
}

static void fault__of_every_kind_can_be_read_again(void **state)
{
    struct wwi_envelope request = { 0 }, envelope = { 0 };
    struct wwi_fault_about about = {
        .action = WWS_STR("urn:a"), .transport_action = WWS_STR("urn:b"),
        .header = WWS_HEADER_REPLY_TO, .request = &request };
    struct wwi_bytes out = { 0 };
    (void) state;

    assert_int_equal(parse(&request, &soap_1_2, request_1_2), 0);
    for (int fault = 0; fault <= WWI_FAULT_ENDPOINT_UNAVAILABLE; fault++)
        for (wws_envelope_version version = 0; version < 2; version++)
            for (wws_addressing_version addressing = 0; addressing < 3;
                addressing++) {
                struct wwi_envelope_options options = {
                    .version = version, .addressing = addressing };
                struct wwi_made_fault content;

                about.fault = (enum wwi_standard_fault) fault;
                assert_int_equal(wwi_fault_make(&content, &about, version,
                    addressing), 0);
                round_trip(&envelope, &out, &content.info, &options);
                assert_int_equal(envelope.fault.code, content.info.code);
                wwi_made_fault_fini(&content);
            }
    wwi_bytes_fini(&out);
    wwi_envelope_fini(&request);
    wwi_envelope_fini(&envelope);
}

static void fault__stands_for_a_status(void **state)
{
    static const struct {
        const char *ns;
        const char *name;
        wws_status status;
    } cases[] = {
        { A10, "ActionNotSupported", WWS_E_ENDPOINT_ACTION_NOT_SUPPORTED },
        { A09, "ActionNotSupported", WWS_E_ENDPOINT_ACTION_NOT_SUPPORTED },
        { A10, "DestinationUnreachable", WWS_E_ENDPOINT_NOT_FOUND },
        { A10, "EndpointUnavailable", WWS_E_ENDPOINT_NOT_AVAILABLE },
        { "urn:x", "ActionNotSupported", WWS_E_ENDPOINT_FAULT_RECEIVED },
        { "http://docs.oasis-open.org/wss/2004/01/"
            "oasis-200401-wss-wssecurity-secext-1.0.xsd",
            "FailedAuthentication", WWS_E_ENDPOINT_ACCESS_DENIED },
        { "http://schemas.xmlsoap.org/ws/2005/02/sc", "BadContextToken",
            WWS_E_SECURITY_TOKEN_EXPIRED },
        { "", "", WWS_E_ENDPOINT_FAULT_RECEIVED },
    };
    (void) state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wws_fault_info fault = WWS_FAULT_INFO_INIT;

        fault.subcode_namespace = wwi_string(cases[i].ns);
        fault.subcode_name = wwi_string(cases[i].name);
        assert_int_equal(wwi_fault_status(&fault), cases[i].status);
    }
}

static void fault__stands_for_what_its_outer_subcodes_say(void **state)
{
    static const wws_string namespaces[] = {
        TEXT(A10), TEXT(A10), TEXT("urn:x") };
    static const wws_string names[] = { TEXT("ActionNotSupported"),
        TEXT("EndpointUnavailable"), TEXT("Else") };
    wws_fault_info fault = whole_fault();
    (void) state;

    fault.outer_subcode_namespaces = namespaces;
    fault.outer_subcode_names = names;
    fault.outer_subcode_names_count = 3;
    assert_int_equal(
        wwi_fault_status(&fault), WWS_E_ENDPOINT_NOT_AVAILABLE);
    fault.subcode_namespace = namespaces[0];
    fault.subcode_name = WWS_STR("DestinationUnreachable");
    assert_int_equal(wwi_fault_status(&fault), WWS_E_ENDPOINT_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(envelope__reads_a_fault_of_soap_1_2),
        TEST(envelope__reads_a_fault_of_soap_1_1),
        TEST(envelope__takes_sloppy_codes_of_soap_1_1),
        TEST(envelope__refuses_a_fault_that_is_none),
        TEST(fault__arrives_whole_in_soap_1_2),
        TEST(fault__arrives_in_soap_1_1_as_far_as_there_is_room),
        TEST(fault__keeps_the_innermost_of_too_many_subcodes),
        TEST(fault__leaves_out_what_is_too_many_reasons),
        TEST(fault__has_the_action_and_the_headers_beside_it),
        TEST(fault__codes_survive_in_both_versions),
        TEST(fault__of_an_action_is_that_of_the_standard),
        TEST(fault__of_a_header_has_no_detail_in_soap_1_1),
        TEST(fault__names_the_headers_that_are_not_understood),
        TEST(fault__of_a_version_says_which_is_supported),
        TEST(fault__of_every_kind_can_be_read_again),
        TEST(fault__stands_for_a_status),
        TEST(fault__stands_for_what_its_outer_subcodes_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
