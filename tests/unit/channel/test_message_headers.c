/* What the headers of messages promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/channel/message_parts.h"
#include "tests/unit/channel/messages.h"

static void message__reply_takes_no_standard_header_for_a_parameter(
    void **state)
{
    struct wwi_message *request = decoded("<s:Envelope xmlns:s='" S12
        "' xmlns:a='" A10 "'><s:Header><a:Action>urn:a</a:Action>"
        "<a:ReplyTo><a:Address>urn:back</a:Address><a:ReferenceParameters>"
        "<a:To>urn:evil</a:To><plain/><p:k xmlns:p='urn:p'/>"
        "</a:ReferenceParameters></a:ReplyTo>"
        "</s:Header><s:Body/></s:Envelope>");
    struct wwi_message *reply = new_default();
    (void) state;

    assert_int_equal(wwi_message_initialize(reply, REPLY, request, NULL), 0);

    assert_header(reply, WWS_HEADER_TO, "urn:back");
    assert_int_equal(reply->blocks.count, 1);
    wwi_message_free(request);
    wwi_message_free(reply);
}

static void message__custom_headers_count_received_ones_first(void **state)
{
    struct wwi_message *message = decoded(received);
    wws_string name = WWS_STR("Mine"), ns = WWS_STR("urn:h");
    wws_bytes element;
    (void) state;

    assert_int_equal(wwi_message_add_custom_header(message,
        octets_of("<Mine xmlns='urn:h'>z</Mine>"), false, NULL), 0);

    assert_int_equal(wwi_message_get_custom_header(
        message, name, ns, 2, &element, NULL, NULL), 0);
    assert_xml(element, "<Mine xmlns='urn:h'>z</Mine>");
    assert_int_equal(wwi_message_get_custom_header(
        message, name, ns, 3, &element, NULL, NULL), WWS_S_END);
    assert_int_equal(
        wwi_message_remove_custom_header(message, name, ns, NULL), 0);
    assert_int_equal(wwi_message_get_custom_header(
        message, name, ns, 0, &element, NULL, NULL), WWS_S_END);
    assert_int_equal(wwi_message_remove_custom_header(
        message, name, ns, NULL), WWS_S_END);
    wwi_message_free(message);
}

static void message__understands_what_was_read(void **state)
{
    struct wwi_message *message = decoded(received);
    struct wwi_error error = { 0 };
    wws_bytes element;
    (void) state;

    assert_int_equal(wwi_message_check_must_understand(message, &error),
        WWS_E_INVALID_FORMAT);
    assert_string_equal(error.strings[0].text,
        "the header Mine of urn:h is not understood");
    wwi_message_get_custom_header(message, WWS_STR("Mine"), WWS_STR("urn:h"),
        0, &element, NULL, NULL);
    assert_int_equal(wwi_message_check_must_understand(message, NULL), 0);
    wwi_error_reset(&error);
    wwi_message_free(message);
}

static void message__standard_headers_can_be_changed_and_removed(void **state)
{
    struct wwi_message *message = decoded(received);
    (void) state;

    set_action(message, "urn:other");
    assert_header(message, WWS_HEADER_ACTION, "urn:other");
    assert_int_equal(wwi_message_remove_header(
        message, WWS_HEADER_MESSAGE_ID, NULL), 0);
    assert_no_header(message, WWS_HEADER_MESSAGE_ID);
    assert_int_equal(wwi_message_remove_header(
        message, WWS_HEADER_MESSAGE_ID, NULL), WWS_S_END);
    wwi_message_free(message);
}

static void message__refuses_headers_that_break_lines(void **state)
{
    static const char *const texts[] = {
        "", "urn:\r\nX: y", "urn:\n", "\x7F", "\xEF\xBF\xBF" };
    struct wwi_message *message = initialized(BLANK);
    (void) state;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(wwi_message_set_header(message, WWS_HEADER_ACTION,
            wwi_string(texts[i]), NULL), WWS_E_INVALIDARG);
    wwi_message_free(message);
}

static void message__without_addressing_has_an_action_alone(void **state)
{
    struct wwi_message *message = new_message(
        WWS_ENVELOPE_VERSION_SOAP_1_1, WWS_ADDRESSING_VERSION_TRANSPORT);
    struct wwi_bytes out = { 0 };
    (void) state;

    assert_int_equal(wwi_message_initialize(message, REQUEST, NULL, NULL), 0);
    assert_int_equal(wwi_message_set_header(message, WWS_HEADER_TO,
        WWS_STR("urn:x"), NULL), WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_action(message).size, 0);
    set_action(message, "urn:a");
    assert_text(wwi_message_action(message), "urn:a");
    assert_int_equal(encode(message, &out), 0);
    assert_xml((wws_bytes) { out.data, out.size }, "<s:Envelope xmlns:s=\""
        S11 "\"><s:Body></s:Body></s:Envelope>");
    wwi_bytes_fini(&out);
    wwi_message_free(message);
}

static void message__takes_the_action_of_the_transport(void **state)
{
    struct wwi_message *message = new_message(
        WWS_ENVELOPE_VERSION_SOAP_1_1, WWS_ADDRESSING_VERSION_TRANSPORT);
    (void) state;

    assert_int_equal(decode(message, "<s:Envelope xmlns:s='" S11
        "'><s:Body/></s:Envelope>"), 0);
    assert_int_equal(wwi_message_put_action(message, WWS_STR("urn:a")), 0);

    assert_header(message, WWS_HEADER_ACTION, "urn:a");
    wwi_message_free(message);
}

static void message__mapped_headers_ignore_case(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    wws_string name, value;
    (void) state;

    assert_int_equal(wwi_message_add_mapped_header(
        message, WWS_STR("Cookie"), WWS_STR("a=b"), NULL), 0);
    assert_int_equal(wwi_message_add_mapped_header(
        message, WWS_STR("X-Empty"), WWS_STR(""), NULL), 0);

    assert_int_equal(wwi_message_get_mapped_header(
        message, WWS_STR("cookie"), &value, NULL), 0);
    assert_text(value, "a=b");
    assert_int_equal(message->mapped.count, 2);
    wwi_mapped_at(&message->mapped, 1, &name, &value);
    assert_text(name, "X-Empty");
    assert_text(value, "");
    assert_int_equal(wwi_message_remove_mapped_header(
        message, WWS_STR("COOKIE"), NULL), 0);
    assert_int_equal(wwi_message_remove_mapped_header(
        message, WWS_STR("COOKIE"), NULL), WWS_S_END);
    assert_int_equal(wwi_message_get_mapped_header(
        message, WWS_STR("cookie"), &value, NULL), WWS_S_END);
    wwi_message_free(message);
}

static void message__refuses_mapped_headers_of_the_connection(void **state)
{
    static const char *const names[] = {
        "content-length", "Transfer-Encoding", "CONNECTION", "Host", "Expect",
        "Upgrade", "TE", "Trailer", "Keep-Alive", "Proxy-Authorization",
        "Proxy-Connection", "Content-Type", "SOAPAction", "", "a b", "a:",
    };
    static const char *const values[] = { "a\r\nb", "a\n", "\x7F", "\x1B" };
    struct wwi_message *message = initialized(BLANK);
    (void) state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(wwi_message_add_mapped_header(message,
            wwi_string(names[i]), WWS_STR("x"), NULL), WWS_E_INVALIDARG);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_int_equal(wwi_message_add_mapped_header(message,
            WWS_STR("X-A"), wwi_string(values[i]), NULL), WWS_E_INVALIDARG);
    assert_int_equal(wwi_message_add_mapped_header(message, WWS_STR("X-A"),
        (wws_string) { "a\0b", 3 }, NULL), WWS_E_INVALIDARG);
    assert_int_equal(message->mapped.count, 0);
    wwi_message_free(message);
}

static void message__limits_its_headers(void **state)
{
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;
    wws_bytes element = octets_of("<h xmlns='u'/>");
    struct wwi_message *message;
    (void) state;

    options.max_headers = 2;
    assert_int_equal(wwi_message_new(&options, &message, NULL), 0);
    assert_int_equal(decode(message, received), WWS_E_QUOTA_EXCEEDED);
    wwi_message_initialize(message, BLANK, NULL, NULL);
    set_action(message, "urn:a");
    assert_int_equal(
        wwi_message_add_custom_header(message, element, false, NULL), 0);
    assert_int_equal(
        wwi_message_add_custom_header(message, element, false, NULL),
        WWS_E_QUOTA_EXCEEDED);
    wwi_message_free(message);
}

static wws_header_info info_of(
    struct wwi_message *message,
    const char *name,
    uint32_t index)
{
    wws_header_info info = WWS_HEADER_INFO_INIT;

    assert_int_equal(wwi_message_get_custom_header_info(message,
        wwi_string(name), WWS_STR("urn:h"), index, &info, NULL), 0);
    return info;
}

static const char with_roles[] =
    "<s:Envelope xmlns:s='" S12 "' xmlns:h='urn:h'><s:Header>"
    "<h:a s:mustUnderstand='1' s:role=' " S12 "/role/next '/>"
    "<h:b s:mustUnderstand='1' s:role='urn:other' s:relay='true'/>"
    "<h:c/></s:Header><s:Body/></s:Envelope>";

static void header__says_whom_it_is_for(void **state)
{
    struct wwi_message *message = decoded(with_roles);
    wws_header_info info;
    (void) state;

    info = info_of(message, "a", 0);
    assert_true(info.must_understand);
    assert_false(info.relay);
    assert_text(info.role, S12 "/role/next");
    info = info_of(message, "b", 0);
    assert_false(info.must_understand);
    assert_true(info.relay);
    assert_text(info.role, "urn:other");
    info = info_of(message, "c", 0);
    assert_false(info.must_understand);
    assert_int_equal(info.role.size, 0);
    wwi_message_free(message);
}

static void header__of_soap_1_1_has_an_actor_and_no_relay(void **state)
{
    struct wwi_message *message = new_message(
        WWS_ENVELOPE_VERSION_SOAP_1_1, WWS_ADDRESSING_VERSION_1_0);
    wws_header_info info;
    (void) state;

    assert_int_equal(decode(message, "<s:Envelope xmlns:s='" S11 "'><s:Header>"
        "<a xmlns='urn:h' s:actor='urn:other' s:role='urn:x' s:relay='1'/>"
        "</s:Header><s:Body/></s:Envelope>"), 0);

    info = info_of(message, "a", 0);
    assert_text(info.role, "urn:other");
    assert_false(info.relay);
    wwi_message_free(message);
}

static void header__that_is_added_says_what_it_was_given(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    wws_header_info info;
    (void) state;

    assert_int_equal(wwi_message_add_custom_header(message, octets_of(
        "<x xmlns='urn:h' xmlns:s='" S12 "' s:role=' urn:r ' s:relay='1'/>"),
        true, NULL), 0);

    info = info_of(message, "x", 0);
    assert_true(info.must_understand);
    assert_true(info.relay);
    assert_false(info.understood);
    assert_text(info.role, "urn:r");
    wwi_message_free(message);
}

static void header__is_understood_when_it_is_read_or_marked(void **state)
{
    struct wwi_message *message = decoded(received);
    wws_bytes element;
    (void) state;

    assert_false(info_of(message, "Mine", 0).understood);
    assert_int_equal(wwi_message_check_must_understand(message, NULL),
        WWS_E_INVALID_FORMAT);
    assert_int_equal(wwi_message_mark_header_understood(message,
        WWS_STR("Mine"), WWS_STR("urn:h"), 0, NULL), 0);
    assert_true(info_of(message, "Mine", 0).understood);
    assert_int_equal(wwi_message_check_must_understand(message, NULL), 0);
    assert_false(info_of(message, "Mine", 1).understood);
    assert_int_equal(wwi_message_get_custom_header(message, WWS_STR("Mine"),
        WWS_STR("urn:h"), 1, &element, NULL, NULL), 0);
    assert_true(info_of(message, "Mine", 1).understood);
    assert_int_equal(wwi_message_mark_header_understood(message,
        WWS_STR("Mine"), WWS_STR("urn:h"), 2, NULL), WWS_S_END);
    wwi_message_free(message);
}

static void header__not_understood_gives_the_fault_that_says_so(void **state)
{
    struct wwi_message *message = decoded(received);
    struct wwi_error *error = wwi_error_new();
    wws_fault_info fault = WWS_FAULT_INFO_INIT;
    (void) state;

    assert_int_equal(wwi_message_check_must_understand(message, error),
        WWS_E_INVALID_FORMAT);

    assert_int_equal(wwi_error_get_fault(error, &fault), 0);
    assert_int_equal(fault.code, WWS_FAULT_CODE_MUST_UNDERSTAND);
    assert_xml(fault.headers, "<s:NotUnderstood xmlns:s=\"" S12
        "\" xmlns:h=\"urn:h\" qname=\"h:Mine\"/>");
    wwi_error_free(error);
    wwi_message_free(message);
}

static bool is_addressed(struct wwi_message *message)
{
    wws_message_info info = WWS_MESSAGE_INFO_INIT;

    assert_int_equal(wwi_message_get_info(message, &info, NULL), 0);
    return info.is_addressed;
}

static void message__is_addressed_once(void **state)
{
    struct wwi_message *message = initialized(REQUEST);
    struct wwi_message *other;
    (void) state;

    assert_false(is_addressed(message));
    assert_int_equal(wwi_message_address(message, WWS_STR("urn:to"),
        octets_of("<p xmlns='urn:p'/> <q xmlns='urn:q'>1</q>"), NULL), 0);
    assert_true(is_addressed(message));
    assert_header(message, WWS_HEADER_TO, "urn:to");
    assert_int_equal(wwi_message_address(message, WWS_STR("urn:b"),
        (wws_bytes) { 0 }, NULL), WWS_E_INVALID_OPERATION);
    set_action(message, "urn:a");
    other = sent(message);

    assert_header(other, WWS_HEADER_TO, "urn:to");
    assert_xml(wwi_blocks_xml(&message->blocks, &message->blocks.list[1]),
        "<q xmlns:a=\"" A10 "\" a:IsReferenceParameter=\"true\""
        " xmlns='urn:q'>1</q>");
    assert_int_equal(wwi_message_header_count(other), 6);
    wwi_message_free(message);
    wwi_message_free(other);
}

static void message__that_cannot_be_addressed_is_as_it_was(void **state)
{
    struct wwi_message *message = initialized(REQUEST);
    struct wwi_message *plain = new_message(
        WWS_ENVELOPE_VERSION_SOAP_1_2, WWS_ADDRESSING_VERSION_TRANSPORT);
    (void) state;

    assert_int_equal(wwi_message_address(message, WWS_STR("urn:to"),
        octets_of("<p xmlns='urn:p'/><q/>"), NULL), WWS_E_INVALID_FORMAT);
    assert_int_equal(wwi_message_address(message, WWS_STR("urn:to"),
        octets_of("<a:To xmlns:a='" A10 "'/>"), NULL), WWS_E_INVALIDARG);
    assert_int_equal(wwi_message_address(message, WWS_STR("a\nb"),
        (wws_bytes) { 0 }, NULL), WWS_E_INVALIDARG);
    message->options.max_headers = 4;
    assert_int_equal(wwi_message_address(message, WWS_STR("urn:to"),
        octets_of("<p xmlns='urn:p'/><q xmlns='urn:p'/>"), NULL),
        WWS_E_QUOTA_EXCEEDED);
    assert_int_equal(message->blocks.count, 0);
    assert_no_header(message, WWS_HEADER_TO);
    assert_false(is_addressed(message));
    assert_int_equal(wwi_message_initialize(plain, BLANK, NULL, NULL), 0);
    assert_int_equal(wwi_message_address(plain, WWS_STR("urn:to"),
        (wws_bytes) { 0 }, NULL), WWS_E_INVALID_OPERATION);
    wwi_message_free(message);
    wwi_message_free(plain);
}

/* M5: one that is empty is not addressed, and says so. */
static void message__is_addressed_by_being_sent_received_or_an_answer(
    void **state)
{
    struct wwi_message *empty = new_default();
    struct wwi_message *request = initialized(REQUEST);
    struct wwi_message *other;
    (void) state;

    assert_false(is_addressed(empty));
    set_action(request, "urn:a");
    other = sent(request);
    assert_true(is_addressed(request));
    assert_true(is_addressed(other));
    assert_int_equal(wwi_message_initialize(empty, REPLY, other, NULL), 0);
    assert_true(is_addressed(empty));
    wwi_message_reset(empty, NULL);
    assert_false(is_addressed(empty));
    wwi_message_free(empty);
    wwi_message_free(request);
    wwi_message_free(other);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(message__reply_takes_no_standard_header_for_a_parameter),
        TEST(message__custom_headers_count_received_ones_first),
        TEST(message__understands_what_was_read),
        TEST(message__standard_headers_can_be_changed_and_removed),
        TEST(message__refuses_headers_that_break_lines),
        TEST(message__without_addressing_has_an_action_alone),
        TEST(message__takes_the_action_of_the_transport),
        TEST(message__mapped_headers_ignore_case),
        TEST(message__refuses_mapped_headers_of_the_connection),
        TEST(message__limits_its_headers),
        TEST(header__says_whom_it_is_for),
        TEST(header__of_soap_1_1_has_an_actor_and_no_relay),
        TEST(header__that_is_added_says_what_it_was_given),
        TEST(header__is_understood_when_it_is_read_or_marked),
        TEST(header__not_understood_gives_the_fault_that_says_so),
        TEST(message__is_addressed_once),
        TEST(message__that_cannot_be_addressed_is_as_it_was),
        TEST(message__is_addressed_by_being_sent_received_or_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
