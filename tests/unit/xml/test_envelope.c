/* What envelopes promise, in both versions of SOAP and of addressing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/xml/blocks.h"
#include "core/xml/envelope.h"
#include "core/xml/fault.h"
#include "tests/unit/xml/events.h"

#define S11 "http://schemas.xmlsoap.org/soap/envelope/"
#define S12 "http://www.w3.org/2003/05/soap-envelope"
#define A10 "http://www.w3.org/2005/08/addressing"
#define A09 "http://schemas.xmlsoap.org/ws/2004/08/addressing"

#define ENVELOPE_12(headers, body) \
    "<s:Envelope xmlns:s='" S12 "' xmlns:a='" A10 "'><s:Header>" headers \
    "</s:Header><s:Body>" body "</s:Body></s:Envelope>"
#define ENVELOPE_11(headers, body) \
    "<s:Envelope xmlns:s='" S11 "' xmlns:a='" A10 "'><s:Header>" headers \
    "</s:Header><s:Body>" body "</s:Body></s:Envelope>"

static const struct wwi_envelope_options soap_1_2 = {
    .version = WWS_ENVELOPE_VERSION_SOAP_1_2,
    .addressing = WWS_ADDRESSING_VERSION_1_0,
};

static const struct wwi_envelope_options soap_1_1 = {
    .version = WWS_ENVELOPE_VERSION_SOAP_1_1,
    .addressing = WWS_ADDRESSING_VERSION_1_0,
};

static const struct wwi_envelope_options plain_1_1 = {
    .version = WWS_ENVELOPE_VERSION_SOAP_1_1,
    .addressing = WWS_ADDRESSING_VERSION_TRANSPORT,
};

static wws_bytes octets_of(const char *text)
{
    return (wws_bytes) { text, strlen(text) };
}

static void assert_text(wws_string actual, const char *expected)
{
    if (!wwi_string_is(actual, expected))
        fail_msg("\"%.*s\" is not \"%s\"",
            (int) actual.size, actual.data, expected);
}

static void assert_xml(wws_bytes actual, const char *expected)
{
    assert_text((wws_string) { actual.data, actual.size }, expected);
}

static wws_status parse(
    struct wwi_envelope *envelope,
    const struct wwi_envelope_options *options,
    const char *text)
{
    return wwi_envelope_parse(envelope, options, octets_of(text), NULL);
}

static void assert_part(
    struct wwi_envelope *envelope,
    struct wwi_envelope_part *part,
    const char *expected)
{
    wws_bytes xml;

    assert_int_equal(wwi_envelope_xml(envelope, part, &xml), 0);
    assert_xml(xml, expected);
}

/* What a reader makes of a document or fragment, prefixes aside. */
static void canonical(struct events *events, wws_bytes xml, bool fragment)
{
    struct wwi_xml_reader_options options = { .fragment = fragment };
    struct wwi_xml_reader reader;

    *events = (struct events) { 0 };
    wwi_xml_reader_init(&reader, &options);
    wwi_xml_reader_whole(&reader, xml.data, xml.size);
    if (events_read(events, &reader) != WWI_XML_END_OF_DOCUMENT)
        fail_msg("%s in %.*s", reader.problem, (int) xml.size,
            (const char *) xml.data);
    wwi_xml_reader_fini(&reader);
}

static void assert_same_xml(wws_bytes a, wws_bytes b, bool fragment)
{
    struct events one, other;

    canonical(&one, a, fragment);
    canonical(&other, b, fragment);
    assert_string_equal(events_string(&one), events_string(&other));
    wwi_bytes_fini(&one.out);
    wwi_bytes_fini(&other.out);
}

static const char request_1_2[] = ENVELOPE_12(
    "<a:Action s:mustUnderstand='1'> urn:calc/Add\n</a:Action>"
    "<a:MessageID>urn:uuid:1</a:MessageID>"
    "<a:ReplyTo><a:Address>" A10 "/anonymous</a:Address></a:ReplyTo>"
    "<h:Mine xmlns:h='urn:h' s:mustUnderstand='true'>x</h:Mine>"
    "<a:To s:mustUnderstand='1'>http://x/&amp;y</a:To>",
    "<Add xmlns='urn:calc'><a>1</a><b>2</b></Add>");

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

/* Writes an envelope around a fault and reads it again. */
static void round_trip(
    struct wwi_envelope *envelope,
    struct wwi_bytes *out,
    const struct wwi_fault_content *fault,
    const struct wwi_blocks *blocks,
    const struct wwi_envelope_options *options)
{
    struct wwi_bytes body = { 0 };
    struct wwi_envelope_content content = {
        .version = options->version,
        .addressing = options->addressing,
    };

    if (blocks != NULL)
        content.blocks = (wws_bytes) { blocks->xml.data, blocks->xml.size };
    assert_int_equal(wwi_fault_write(fault, options->version, &body), 0);
    content.body = (wws_bytes) { body.data, body.size };
    out->size = 0;
    assert_int_equal(wwi_envelope_write(&content, out), 0);
    wwi_bytes_fini(&body);
    assert_int_equal(wwi_envelope_parse(envelope, options,
        (wws_bytes) { out->data, out->size }, NULL), 0);
    assert_true(envelope->is_fault);
}

static void fault__survives_the_way_in_both_versions(void **state)
{
    static const struct wwi_envelope_options *const versions[] = {
        &soap_1_2, &soap_1_1 };
    struct wwi_fault_content fault = {
        .code = WWS_FAULT_CODE_SENDER,
        .subcodes = { { WWS_STR("urn:<x>"), WWS_STR("Bad") } },
        .reason = WWS_STR("not <this> & \"that\"\r"),
        .language = WWS_STR("de"),
        .actor = WWS_STR("urn:actor"),
        .detail = { "<d xmlns='urn:d'/>", 18 },
    };
    struct wwi_envelope envelope = { 0 };
    struct wwi_bytes out = { 0 };
    (void) state;

    for (size_t i = 0; i < 2; i++) {
        round_trip(&envelope, &out, &fault, NULL, versions[i]);

        assert_int_equal(envelope.fault.code, WWS_FAULT_CODE_SENDER);
        assert_text(envelope.fault.subcode_namespace, "urn:<x>");
        assert_text(envelope.fault.subcode_name, "Bad");
        assert_text(envelope.fault.reason, "not <this> & \"that\"");
        assert_text(envelope.fault.language, "de");
        assert_text(envelope.fault.actor, "urn:actor");
        assert_xml(envelope.fault.detail, "<d xmlns='urn:d'/>");
    }
    wwi_bytes_fini(&out);
    wwi_envelope_fini(&envelope);
}

static void fault__codes_survive_in_both_versions(void **state)
{
    struct wwi_envelope envelope = { 0 };
    struct wwi_bytes out = { 0 };
    (void) state;

    for (wws_fault_code code = WWS_FAULT_CODE_RECEIVER;
        code <= WWS_FAULT_CODE_DATA_ENCODING_UNKNOWN; code++) {
        struct wwi_fault_content fault = {
            .code = code, .reason = WWS_STR("r") };
        bool unknown = code == WWS_FAULT_CODE_DATA_ENCODING_UNKNOWN;

        round_trip(&envelope, &out, &fault, NULL, &soap_1_2);
        assert_int_equal(envelope.fault.code, code);
        round_trip(&envelope, &out, &fault, NULL, &soap_1_1);
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
    struct wwi_fault_content fault;
    struct wwi_blocks blocks = { 0 };
    struct wwi_bytes detail = { 0 }, body = { 0 };
    (void) state;

    assert_int_equal(wwi_fault_make(&fault, &about, soap_1_2.version,
        soap_1_2.addressing, &detail, &blocks), 0);
    assert_int_equal(wwi_fault_write(&fault, soap_1_2.version, &body), 0);

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
    assert_int_equal(blocks.count, 0);
    wwi_bytes_fini(&detail);
    wwi_bytes_fini(&body);
    wwi_blocks_fini(&blocks);
}

static void fault__of_a_header_has_no_detail_in_soap_1_1(void **state)
{
    struct wwi_fault_about about = {
        .fault = WWI_FAULT_HEADER_REQUIRED, .header = WWS_HEADER_ACTION };
    struct wwi_fault_content fault;
    struct wwi_envelope envelope = { 0 };
    struct wwi_blocks blocks = { 0 };
    struct wwi_bytes detail = { 0 }, out = { 0 };
    (void) state;

    assert_int_equal(wwi_fault_make(&fault, &about, soap_1_1.version,
        soap_1_1.addressing, &detail, &blocks), 0);
    round_trip(&envelope, &out, &fault, &blocks, &soap_1_1);

    assert_text(envelope.fault.subcode_name,
        "MessageAddressingHeaderRequired");
    assert_int_equal(envelope.fault.detail.size, 0);
    assert_int_equal(envelope.header_count, 1);
    assert_text(envelope.headers[0].local, "FaultDetail");
    assert_part(&envelope, &envelope.headers[0].part,
        "<a:FaultDetail xmlns:a=\"" A10 "\"><a:ProblemHeaderQName xmlns:a=\""
        A10 "\">a:Action</a:ProblemHeaderQName></a:FaultDetail>");
    wwi_bytes_fini(&detail);
    wwi_bytes_fini(&out);
    wwi_blocks_fini(&blocks);
    wwi_envelope_fini(&envelope);
}

static void fault__names_the_headers_that_are_not_understood(void **state)
{
    struct wwi_envelope request = { 0 }, envelope = { 0 };
    struct wwi_fault_about about = {
        .fault = WWI_FAULT_MUST_UNDERSTAND, .request = &request };
    struct wwi_fault_content fault;
    struct wwi_blocks blocks = { 0 };
    struct wwi_bytes detail = { 0 }, out = { 0 };
    (void) state;

    assert_int_equal(parse(&request, &soap_1_2, request_1_2), 0);
    assert_int_equal(wwi_fault_make(&fault, &about, soap_1_2.version,
        soap_1_2.addressing, &detail, &blocks), 0);
    round_trip(&envelope, &out, &fault, &blocks, &soap_1_2);

    assert_int_equal(envelope.fault.code, WWS_FAULT_CODE_MUST_UNDERSTAND);
    assert_int_equal(envelope.header_count, 1);
    assert_text(envelope.headers[0].local, "NotUnderstood");
    assert_part(&envelope, &envelope.headers[0].part,
        "<s:NotUnderstood xmlns:s=\"" S12
        "\" xmlns:h=\"urn:h\" qname=\"h:Mine\"/>");
    wwi_bytes_fini(&detail);
    wwi_bytes_fini(&out);
    wwi_blocks_fini(&blocks);
    wwi_envelope_fini(&request);
    wwi_envelope_fini(&envelope);
}

static void fault__of_a_version_says_which_is_supported(void **state)
{
    struct wwi_envelope request = { 0 }, envelope = { 0 };
    struct wwi_fault_about about;
    struct wwi_fault_content fault;
    struct wwi_blocks blocks = { 0 };
    struct wwi_bytes detail = { 0 }, out = { 0 };
    (void) state;

    assert_true(parse(&request, &soap_1_2, ENVELOPE_11("", "")) < 0);
    about = wwi_fault_about_envelope(&request, soap_1_2.version);
    assert_int_equal(wwi_fault_make(&fault, &about, request.version,
        WWS_ADDRESSING_VERSION_TRANSPORT, &detail, &blocks), 0);
    round_trip(&envelope, &out, &fault, &blocks, &plain_1_1);

    assert_int_equal(envelope.fault.code, WWS_FAULT_CODE_VERSION_MISMATCH);
    assert_part(&envelope, &envelope.headers[0].part,
        "<u:Upgrade xmlns:u=\"" S12 "\"><u:SupportedEnvelope xmlns:e=\"" S12
        "\" qname=\"e:Envelope\"/></u:Upgrade>");
    wwi_bytes_fini(&detail);
    wwi_bytes_fini(&out);
    wwi_blocks_fini(&blocks);
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
                struct wwi_fault_content content;
                struct wwi_blocks blocks = { 0 };
                struct wwi_bytes detail = { 0 };

                about.fault = (enum wwi_standard_fault) fault;
                assert_int_equal(wwi_fault_make(&content, &about, version,
                    addressing, &detail, &blocks), 0);
                round_trip(&envelope, &out, &content, &blocks, &options);
                assert_int_equal(envelope.fault.code, content.code);
                wwi_bytes_fini(&detail);
                wwi_blocks_fini(&blocks);
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

static void blocks__puts_must_understand_on_a_header(void **state)
{
    static const struct {
        const char *element;
        const char *expected;
    } cases[] = {
        { "<h xmlns='urn:h'/>",
            "<h xmlns:s=\"" S12 "\" s:mustUnderstand=\"1\" xmlns='urn:h'/>" },
        { "<s:h xmlns:s='urn:h' xmlns:s1='urn:i'>x</s:h>",
            "<s:h xmlns:s2=\"" S12 "\" s2:mustUnderstand=\"1\""
            " xmlns:s='urn:h' xmlns:s1='urn:i'>x</s:h>" },
        { "<?xml version='1.0'?> <h:h xmlns:s='" S12 "' xmlns:h='u'></h:h> ",
            "<h:h s:mustUnderstand=\"1\" xmlns:s='" S12
            "' xmlns:h='u'></h:h>" },
        { "<h xmlns='u' xmlns:q='" S12 "' q:mustUnderstand='true'/>",
            "<h xmlns='u' xmlns:q='" S12 "' q:mustUnderstand='true'/>" },
    };
    struct wwi_block_options options = { .flags = WWI_BLOCK_MUST_UNDERSTAND };
    (void) state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wwi_blocks blocks = { 0 };

        assert_int_equal(wwi_blocks_add(
            &blocks, octets_of(cases[i].element), &options, NULL), 0);
        assert_true(blocks.list[0].must_understand);
        assert_xml(wwi_blocks_xml(&blocks, &blocks.list[0]),
            cases[i].expected);
        wwi_blocks_fini(&blocks);
    }
}

static void blocks__refuses_what_is_no_header(void **state)
{
    static const struct {
        const char *element;
        wws_status status;
    } cases[] = {
        { "", WWS_E_INVALID_FORMAT },
        { "text", WWS_E_INVALID_FORMAT },
        { "<h/>", WWS_E_INVALID_FORMAT },
        { "<p:h/>", WWS_E_INVALID_FORMAT },
        { "<h xmlns='u'/><h xmlns='u'/>", WWS_E_INVALID_FORMAT },
        { "<h xmlns='u'>", WWS_E_INVALID_FORMAT },
        { "<To xmlns='" A10 "'>urn:x</To>", WWS_E_INVALIDARG },
        { "<h xmlns='u' xmlns:q='" S12 "' q:mustUnderstand='0'/>",
            WWS_E_INVALIDARG },
        { "<h xmlns='u' xmlns:q='" S12 "' q:mustUnderstand='x'/>",
            WWS_E_INVALID_FORMAT },
    };
    struct wwi_block_options options = { .flags = WWI_BLOCK_MUST_UNDERSTAND };
    struct wwi_blocks blocks = { 0 };
    (void) state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(wwi_blocks_add(&blocks, octets_of(cases[i].element),
            &options, NULL), cases[i].status);
    assert_int_equal(blocks.xml.size, 0);
    assert_int_equal(blocks.names.size, 0);
    wwi_blocks_fini(&blocks);
}

static void blocks__finds_and_removes_by_name(void **state)
{
    struct wwi_block_options options = { 0 };
    struct wwi_blocks blocks = { 0 };
    uint32_t index = 1;
    (void) state;

    wwi_blocks_add(&blocks, octets_of("<a xmlns='u'>1</a>"), &options, NULL);
    wwi_blocks_add(&blocks, octets_of("<b xmlns='u'>2</b>"), &options, NULL);
    wwi_blocks_add(&blocks, octets_of("<a xmlns='u'>3</a>"), &options, NULL);

    assert_xml(wwi_blocks_xml(&blocks, wwi_blocks_find(
        &blocks, WWS_STR("a"), WWS_STR("u"), &index)), "<a xmlns='u'>3</a>");
    assert_true(wwi_blocks_remove(&blocks, WWS_STR("a"), WWS_STR("u")));
    assert_false(wwi_blocks_remove(&blocks, WWS_STR("a"), WWS_STR("u")));
    assert_int_equal(blocks.count, 1);
    assert_xml((wws_bytes) { blocks.xml.data, blocks.xml.size },
        "<b xmlns='u'>2</b>");
    wwi_blocks_fini(&blocks);
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
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason>"
        "<s:Text xml:lang='en'>a&amp;b</s:Text></s:Reason><s:Detail><a:x/>"
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
        TEST(envelope__reads_a_fault_of_soap_1_2),
        TEST(envelope__reads_a_fault_of_soap_1_1),
        TEST(envelope__takes_sloppy_codes_of_soap_1_1),
        TEST(envelope__refuses_a_fault_that_is_none),
        TEST(envelope__is_written_as_others_write_it),
        TEST(envelope__without_headers_has_no_header),
        TEST(envelope__refuses_to_write_what_xml_has_not),
        TEST(fault__survives_the_way_in_both_versions),
        TEST(fault__codes_survive_in_both_versions),
        TEST(fault__of_an_action_is_that_of_the_standard),
        TEST(fault__of_a_header_has_no_detail_in_soap_1_1),
        TEST(fault__names_the_headers_that_are_not_understood),
        TEST(fault__of_a_version_says_which_is_supported),
        TEST(fault__of_every_kind_can_be_read_again),
        TEST(fault__stands_for_a_status),
        TEST(blocks__puts_must_understand_on_a_header),
        TEST(blocks__refuses_what_is_no_header),
        TEST(blocks__finds_and_removes_by_name),
        TEST(addressing__makes_identities_of_their_own),
        TEST(envelope__leaves_nothing_behind_without_memory),
        TEST(envelope__can_be_read_into_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
