/* What messages promise that are faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/channel/message_parts.h"
#include "tests/unit/channel/messages.h"

static void message__fault_has_an_action_of_its_own(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    wws_fault fault = WWS_FAULT_INIT;
    (void) state;

    fault.reason = WWS_STR("r");
    assert_no_header(message, WWS_HEADER_ACTION);
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL), 0);
    assert_header(message, WWS_HEADER_ACTION, A10 "/soap/fault");
    fault.subcode_namespace = WWS_STR(A10);
    fault.subcode_name = WWS_STR("DestinationUnreachable");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL), 0);
    assert_header(message, WWS_HEADER_ACTION, A10 "/fault");
    set_action(message, "urn:mine");
    assert_header(message, WWS_HEADER_ACTION, "urn:mine");
    assert_int_equal(wwi_message_set_body(message, (wws_bytes) { 0 }, NULL),
        0);
    wwi_message_remove_header(message, WWS_HEADER_ACTION, NULL);
    assert_no_header(message, WWS_HEADER_ACTION);
    wwi_message_free(message);
}

static void assert_fault(struct wwi_message *message)
{
    wws_fault_info info = WWS_FAULT_INFO_INIT;

    assert_int_equal(wwi_message_get_fault(message, &info, NULL), 0);
    assert_int_equal(info.code, WWS_FAULT_CODE_SENDER);
    assert_text(info.subcode_namespace, "urn:f");
    assert_text(info.subcode_name, "Bad");
    assert_text(info.reason, "a < b");
    assert_text(info.language, "en");
    assert_text(info.actor, "urn:actor");
    assert_xml(info.detail, "<d/>text");
    assert_xml(info.headers, "<h xmlns='urn:h'/>");
}

static void message__fault_arrives_in_every_version(void **state)
{
    wws_fault fault = WWS_FAULT_INIT;
    (void) state;

    fault.code = WWS_FAULT_CODE_SENDER;
    fault.subcode_namespace = WWS_STR("urn:f");
    fault.subcode_name = WWS_STR("Bad");
    fault.reason = WWS_STR("a < b");
    fault.actor = WWS_STR("urn:actor");
    fault.detail = octets_of("<d/>text");
    fault.headers = octets_of("<h xmlns='urn:h'/>");
    for (wws_envelope_version version = 0; version < 2; version++)
        for (wws_addressing_version addressing = 0; addressing < 3;
            addressing++) {
            struct wwi_message *message = new_message(version, addressing);
            struct wwi_message *copy = new_message(version, addressing);
            struct wwi_message *other;

            wwi_message_initialize(message, BLANK, NULL, NULL);
            assert_int_equal(wwi_message_set_fault(message, &fault, NULL), 0);
            assert_fault(message);
            other = sent(message);
            assert_fault(other);
            assert_int_equal(
                wwi_message_initialize(copy, DUPLICATE, other, NULL), 0);
            assert_true(wwi_message_fault(copy) != NULL);
            assert_int_equal(wwi_message_header_count(copy),
                wwi_message_header_count(other));
            wwi_message_free(message);
            wwi_message_free(copy);
            wwi_message_free(other);
        }
}

static void message__refuses_faults_that_cannot_be_written(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    wws_fault fault = WWS_FAULT_INIT;
    (void) state;

    fault.reason = WWS_STR("r");
    fault.subcode_name = WWS_STR("not a name");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_INVALIDARG);
    fault.subcode_name = WWS_STR("");
    fault.subcode_namespace = WWS_STR("urn:x");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_INVALIDARG);
    fault.subcode_namespace = WWS_STR("");
    fault.detail = octets_of("</s:Detail>");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_INVALID_FORMAT);
    fault.detail = octets_of("");
    fault.reason = WWS_STR("\x02");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_INVALID_FORMAT);
    fault.reason = WWS_STR("r");
    fault.headers = octets_of("<h xmlns='urn:h'/><i/>");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_INVALID_FORMAT);
    fault.headers = octets_of("<h xmlns='urn:h'/>text");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_INVALID_FORMAT);
    assert_null(wwi_message_fault(message));
    wwi_message_free(message);
}

static void message__refuses_faults_with_uneven_or_long_lists(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    wws_string texts[16];
    wws_fault fault = WWS_FAULT_INIT;
    (void) state;

    for (int i = 0; i < 16; i++)
        texts[i] = WWS_STR("t");
    fault.reason = WWS_STR("r");
    fault.outer_subcode_names = fault.outer_subcode_namespaces = texts;
    fault.further_reasons = fault.further_languages = texts;

    fault.outer_subcode_names_count = fault.outer_subcode_namespaces_count = 1;
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_INVALIDARG);
    fault.subcode_name = WWS_STR("n");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL), 0);
    fault.outer_subcode_names_count = 0;
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_INVALIDARG);
    fault.outer_subcode_names_count = fault.outer_subcode_namespaces_count = 7;
    fault.further_reasons_count = 15;
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_INVALIDARG);
    fault.further_languages_count = 15;
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL), 0);
    fault.further_reasons_count = fault.further_languages_count = 16;
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_QUOTA_EXCEEDED);
    fault.further_reasons_count = fault.further_languages_count = 0;
    fault.outer_subcode_names_count = fault.outer_subcode_namespaces_count = 8;
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_QUOTA_EXCEEDED);
    fault.outer_subcode_names_count = fault.outer_subcode_namespaces_count = 1;
    texts[0] = WWS_STR("no name");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_INVALIDARG);
    wwi_message_free(message);
}

static void message__fault_brings_action_and_headers(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    wws_fault fault = WWS_FAULT_INIT;
    struct wwi_message *other;
    (void) state;

    fault.reason = WWS_STR("r");
    fault.action = WWS_STR("urn:fault");
    fault.headers = octets_of("<h xmlns='urn:h'>1</h><h xmlns='urn:h'/>");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL), 0);
    assert_header(message, WWS_HEADER_ACTION, "urn:fault");
    other = sent(message);

    assert_header(other, WWS_HEADER_ACTION, "urn:fault");
    assert_text(wwi_message_fault(other)->action, "urn:fault");
    assert_xml(wwi_message_fault(other)->headers,
        "<h xmlns='urn:h'>1</h><h xmlns='urn:h'/>");
    wwi_message_free(message);
    wwi_message_free(other);
}

static void message__loses_the_headers_of_a_fault_with_it(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    wws_fault fault = WWS_FAULT_INIT;
    struct wwi_message *other;
    (void) state;

    fault.reason = WWS_STR("r");
    fault.headers = octets_of("<h xmlns='urn:h'/>");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL), 0);
    fault.headers = octets_of("<i xmlns='urn:i'/>");
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL), 0);
    other = sent(message);

    assert_xml(wwi_message_fault(other)->headers, "<i xmlns='urn:i'/>");
    wwi_message_free(message);
    wwi_message_free(other);
}

static struct wwi_error *some_failure(const char *inner, const char *outer)
{
    struct wwi_error *failure = wwi_error_new();

    assert_non_null(failure);
    wwi_fail_static(failure, WWS_E_QUOTA_EXCEEDED, inner);
    assert_int_equal(wwi_error_add_string(failure, wwi_string(outer)), 0);
    return failure;
}

/* What a message says of a failure that holds no fault. */
static void assert_told(
    const struct wwi_error *failure,
    wws_fault_disclosure disclosure,
    const char *expected)
{
    struct wwi_message *message = initialized(BLANK);

    assert_int_equal(
        wwi_message_set_fault_of(message, failure, disclosure, NULL), 0);
    assert_int_equal(
        wwi_message_fault(message)->code, WWS_FAULT_CODE_RECEIVER);
    assert_text(wwi_message_fault(message)->reason, expected);
    wwi_message_free(message);
}

static void message__tells_of_a_failure_what_may_be_told(void **state)
{
    static const char generic[] = "The receiver could not process the message";
    struct wwi_error *failure = some_failure("inner", "outer");
    struct wwi_error *bad = some_failure("\x01", "outer");
    struct wwi_error *bare = wwi_error_new();
    (void) state;

    assert_told(failure, WWS_FAULT_DISCLOSURE_MINIMAL, generic);
    assert_told(failure, WWS_FAULT_DISCLOSURE_FULL, "outer: inner");
    assert_told(bad, WWS_FAULT_DISCLOSURE_FULL, generic);
    assert_told(bare, WWS_FAULT_DISCLOSURE_FULL, generic);
    bare->outcome.status = WWS_E_ENDPOINT_NOT_FOUND;
    assert_told(bare, WWS_FAULT_DISCLOSURE_FULL, "WWS_E_ENDPOINT_NOT_FOUND");
    wwi_error_free(failure);
    wwi_error_free(bad);
    wwi_error_free(bare);
}

static void message__takes_the_fault_of_a_failure(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    struct wwi_error *failure = some_failure("inner", "outer");
    wws_fault fault = WWS_FAULT_INIT;
    (void) state;

    fault.code = WWS_FAULT_CODE_SENDER;
    fault.reason = WWS_STR("mine");
    assert_int_equal(wwi_error_set_fault(failure, &fault), 0);
    assert_int_equal(wwi_message_set_fault_of(
        message, failure, WWS_FAULT_DISCLOSURE_MINIMAL, NULL), 0);
    assert_text(wwi_message_fault(message)->reason, "mine");
    assert_int_equal(wwi_message_fault(message)->code, WWS_FAULT_CODE_SENDER);
    fault.detail = octets_of("<no");
    assert_int_equal(wwi_error_set_fault(failure, &fault), 0);
    assert_int_equal(wwi_message_set_fault_of(message, failure,
        WWS_FAULT_DISCLOSURE_MINIMAL, NULL), WWS_E_INVALID_FORMAT);
    wwi_error_free(failure);
    wwi_message_free(message);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(message__fault_has_an_action_of_its_own),
        TEST(message__fault_arrives_in_every_version),
        TEST(message__refuses_faults_that_cannot_be_written),
        TEST(message__refuses_faults_with_uneven_or_long_lists),
        TEST(message__fault_brings_action_and_headers),
        TEST(message__loses_the_headers_of_a_fault_with_it),
        TEST(message__tells_of_a_failure_what_may_be_told),
        TEST(message__takes_the_fault_of_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
