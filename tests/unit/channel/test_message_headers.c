/* What the headers of messages promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
