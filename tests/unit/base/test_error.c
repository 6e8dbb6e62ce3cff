/* What an error object says, and that saying it can never fail a caller. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/base/text.h"

static struct wwi_error *error;
static uint64_t live_before;

static int set_up(void **state)
{
    (void) state;
    live_before = wwi_memory_live();
    error = wwi_error_new();
    return error != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    if (wwi_error_free(error) != WWS_S_OK)
        return -1;
    return wwi_memory_live() == live_before ? 0 : -1;
}

static wws_error_info info_of(struct wwi_error *of)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    assert_int_equal(wwi_error_get_info(of, &info), WWS_S_OK);
    assert_int_equal(info.struct_size, sizeof info);
    assert_int_equal(info.version, WWS_VERSION);
    return info;
}

static void assert_says(struct wwi_error *of, uint32_t index, const char *text)
{
    wws_string string = { NULL, 0 };

    assert_int_equal(wwi_error_get_string(of, index, &string), WWS_S_OK);
    if (!wwi_string_is(string, text))
        fail_msg("said '%.*s', not '%s'", (int) string.size, string.data,
            text);
}

/* O7 */
static void error__that_is_new_says_nothing(void **state)
{
    wws_fault_info fault = WWS_FAULT_INFO_INIT;
    wws_error_info info = info_of(error);
    wws_string text;

    (void) state;
    assert_int_equal(info.status, WWS_S_OK);
    assert_int_equal(info.string_count, 0);
    assert_int_equal(info.has_fault, 0);
    assert_int_equal(wwi_error_get_string(error, 0, &text), WWS_E_INVALIDARG);
    assert_int_equal(wwi_error_get_fault(error, &fault), WWS_S_END);
}

/* O3, O6 */
static void error__says_first_what_was_added_last(void **state)
{
    wws_status status;

    (void) state;
    (void) wwi_fail(error, WWS_E_OTHER, "number %d", 7);
    (void) wwi_fail_static(error, WWS_E_INVALID_FORMAT, "a constant");
    status = wwi_fail(error, WWS_E_QUOTA_EXCEEDED, "outermost");

    assert_int_equal(status, WWS_E_QUOTA_EXCEEDED);
    assert_int_equal(info_of(error).status, WWS_E_QUOTA_EXCEEDED);
    assert_int_equal(info_of(error).string_count, 3);
    assert_says(error, 0, "outermost");
    assert_says(error, 1, "a constant");
    assert_says(error, 2, "number 7");
}

static void error__takes_strings_of_the_application(void **state)
{
    char text[] = "mine";

    (void) state;
    (void) wwi_fail_static(error, WWS_E_OTHER, "theirs");
    assert_int_equal(wwi_error_add_string(error, wwi_string(text)), WWS_S_OK);
    memset(text, 'x', sizeof text - 1);

    assert_says(error, 0, "mine");
    assert_says(error, 1, "theirs");
    assert_int_equal(info_of(error).status, WWS_E_OTHER);
}

/* O1 */
static void error__that_nobody_wants_is_fine(void **state)
{
    struct wwi_outcome outcome = { .status = WWS_E_OTHER, .text = "x" };
    wws_fault_info info = WWS_FAULT_INFO_INIT;
    struct wwi_fault fault = { .memory = NULL };

    (void) state;
    info.reason = WWS_STR("why");
    assert_true(wwi_fault_copy(&fault, &info));

    assert_int_equal(wwi_fail(NULL, WWS_E_OTHER, "x"), WWS_E_OTHER);
    assert_int_equal(wwi_fail_static(NULL, WWS_E_OTHER, "x"), WWS_E_OTHER);
    wwi_error_set_outcome(NULL, &outcome);
    wwi_error_take_fault(NULL, &fault);

    assert_null(fault.memory);
}

/* O11 */
static void error__of_a_constant_needs_no_memory(void **state)
{
    (void) state;
    wwi_memory_fail(1, 1);

    assert_int_equal(wwi_fail_static(error, WWS_E_OPERATION_CANCELLED, "x"),
        WWS_E_OPERATION_CANCELLED);

    assert_says(error, 0, "x");
}

/* O11 */
static void error__keeps_the_status_without_memory_for_the_string(void **state)
{
    (void) state;
    wwi_memory_fail(1, 1);
    assert_int_equal(wwi_fail(error, WWS_E_INVALID_FORMAT, "x %d", 1),
        WWS_E_INVALID_FORMAT);
    assert_int_equal(wwi_error_add_string(error, WWS_STR("y")),
        WWS_E_OUTOFMEMORY);
    wwi_memory_fail(0, 0);

    assert_int_equal(info_of(error).status, WWS_E_INVALID_FORMAT);
    assert_int_equal(info_of(error).string_count, 0);
}

static void error__that_is_full_drops_what_comes(void **state)
{
    (void) state;
    for (int i = 0; i < WWI_ERROR_STRINGS + 5; i++)
        assert_int_equal(wwi_fail(error, WWS_E_OTHER, "%d", i), WWS_E_OTHER);
    (void) wwi_fail_static(error, WWS_E_INVALID_FORMAT, "constant");

    assert_int_equal(info_of(error).string_count, WWI_ERROR_STRINGS);
    assert_int_equal(info_of(error).status, WWS_E_INVALID_FORMAT);
    assert_says(error, 0, "15");
    assert_says(error, 15, "0");
    assert_int_equal(wwi_error_add_string(error, WWS_STR("x")),
        WWS_E_QUOTA_EXCEEDED);
}

static void error__cuts_a_long_string_between_characters(void **state)
{
    char text[2000];
    wws_string said;

    (void) state;
    for (size_t i = 0; i + 3 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA4", 3);

    for (uint32_t i = 0; i < 2; i++) {
        (void) wwi_fail(error, WWS_E_OTHER, "%s%s", i == 0 ? "" : "x", text);
        assert_int_equal(wwi_error_get_string(error, 0, &said), WWS_S_OK);
        assert_true(said.size > 500);
        assert_true(wwi_utf8_valid(said.data, said.size));
    }
}

/* O7, E4 */
static void error__tells_how_an_operation_ended(void **state)
{
    const struct wwi_outcome outcome = {
        .status = WWS_E_ENDPOINT_NOT_FOUND,
        .phase = WWS_PHASE_CONNECT,
        .progress = WWS_PROGRESS_PARTLY_SENT,
        .http_status = 404,
        .original_code = ECONNREFUSED,
        .text = "cannot connect",
    };
    wws_error_info info;

    (void) state;
    wwi_error_set_outcome(error, &outcome);

    info = info_of(error);
    assert_int_equal(info.status, WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(info.phase, WWS_PHASE_CONNECT);
    assert_int_equal(info.progress, WWS_PROGRESS_PARTLY_SENT);
    assert_int_equal(info.http_status, 404);
    assert_int_equal(info.original_code, ECONNREFUSED);
    assert_says(error, 0, "cannot connect");
    assert_says(error, 1, "Connection refused");
}

static void error__says_last_what_the_system_said(void **state)
{
    const struct wwi_outcome outcome = {
        .status = WWS_E_ENDPOINT_NOT_FOUND,
        .original_code = ECONNREFUSED,
    };

    (void) state;
    (void) wwi_fail_static(error, WWS_E_ENDPOINT_NOT_FOUND, "cannot connect");
    (void) wwi_fail(error, WWS_E_ENDPOINT_NOT_FOUND, "call %d failed", 1);

    wwi_error_set_outcome(error, &outcome);

    assert_says(error, 0, "call 1 failed");
    assert_says(error, 1, "cannot connect");
    assert_says(error, 2, "Connection refused");
}

static void error__has_the_fault_it_was_given(void **state)
{
    wws_fault_info from = WWS_FAULT_INFO_INIT, to = WWS_FAULT_INFO_INIT;
    struct wwi_fault fault = { .memory = NULL };

    (void) state;
    from.code = WWS_FAULT_CODE_SENDER;
    from.subcode_namespace = WWS_STR("urn:x");
    from.subcode_name = WWS_STR("Sub");
    from.reason = WWS_STR("why");
    from.language = WWS_STR("en");
    from.actor = WWS_STR("who");
    from.detail = (wws_bytes) { "<d/>", 4 };
    assert_true(wwi_fault_copy(&fault, &from));
    wwi_error_take_fault(error, &fault);
    assert_null(fault.memory);
    memset(&from, 0xEE, sizeof from);

    assert_int_equal(wwi_error_get_fault(error, &to), WWS_S_OK);

    assert_int_equal(info_of(error).has_fault, 1);
    assert_int_equal(to.struct_size, sizeof to);
    assert_int_equal(to.version, WWS_VERSION);
    assert_int_equal(to.code, WWS_FAULT_CODE_SENDER);
    assert_true(wwi_string_is(to.subcode_namespace, "urn:x"));
    assert_true(wwi_string_is(to.subcode_name, "Sub"));
    assert_true(wwi_string_is(to.reason, "why"));
    assert_true(wwi_string_is(to.language, "en"));
    assert_true(wwi_string_is(to.actor, "who"));
    assert_int_equal(to.detail.size, 4);
    assert_memory_equal(to.detail.data, "<d/>", 4);
}

static void fault__is_not_copied_without_memory(void **state)
{
    wws_fault_info from = WWS_FAULT_INFO_INIT;
    struct wwi_fault fault = { .memory = NULL };

    (void) state;
    from.reason = WWS_STR("why");
    wwi_memory_fail(1, 0);

    assert_false(wwi_fault_copy(&fault, &from));
    assert_null(fault.memory);
}

/* O4 */
static void error__that_is_reset_is_as_new(void **state)
{
    struct wwi_fault fault = { .memory = NULL };
    wws_fault_info from = WWS_FAULT_INFO_INIT;

    (void) state;
    assert_true(wwi_fault_copy(&fault, &from));
    (void) wwi_fail(error, WWS_E_OTHER, "x %d", 1);
    wwi_error_take_fault(error, &fault);

    assert_int_equal(wwi_error_reset(error), WWS_S_OK);

    error__that_is_new_says_nothing(state);
}

static const wws_string words[] = { { "one", 3 }, { "two", 3 } };

static wws_fault fault_with_lists(void)
{
    wws_fault fault = WWS_FAULT_INIT;

    fault.code = WWS_FAULT_CODE_SENDER;
    fault.subcode_name = WWS_STR("Sub");
    fault.reason = WWS_STR("why");
    fault.node = WWS_STR("urn:node");
    fault.action = WWS_STR("urn:act");
    fault.headers = (wws_bytes) { "<h/>", 4 };
    fault.outer_subcode_namespaces = fault.outer_subcode_names = words;
    fault.outer_subcode_namespaces_count = fault.outer_subcode_names_count = 2;
    fault.further_reasons = fault.further_languages = words;
    fault.further_reasons_count = fault.further_languages_count = 2;
    return fault;
}

static void assert_lists(struct wwi_error *of)
{
    wws_fault_info fault = WWS_FAULT_INFO_INIT;

    assert_int_equal(wwi_error_get_fault(of, &fault), WWS_S_OK);
    assert_int_equal(fault.code, WWS_FAULT_CODE_SENDER);
    assert_true(wwi_string_is(fault.subcode_name, "Sub"));
    assert_true(wwi_string_is(fault.reason, "why"));
    assert_true(wwi_string_is(fault.language, "en"));
    assert_true(wwi_string_is(fault.node, "urn:node"));
    assert_true(wwi_string_is(fault.action, "urn:act"));
    assert_memory_equal(fault.headers.data, "<h/>", 4);
    assert_int_equal(fault.outer_subcode_namespaces_count, 2);
    assert_int_equal(fault.outer_subcode_names_count, 2);
    assert_int_equal(fault.further_reasons_count, 2);
    assert_int_equal(fault.further_languages_count, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(
            wwi_string_equal(fault.outer_subcode_namespaces[i], words[i]));
        assert_true(wwi_string_equal(fault.outer_subcode_names[i], words[i]));
        assert_true(wwi_string_equal(fault.further_reasons[i], words[i]));
        assert_true(wwi_string_equal(fault.further_languages[i], words[i]));
    }
}

static void error__keeps_the_fault_that_was_set(void **state)
{
    wws_fault fault = fault_with_lists();

    (void) state;
    (void) wwi_fail_static(error, WWS_E_OTHER, "inner");

    assert_int_equal(wwi_error_set_fault(error, &fault), WWS_S_OK);

    assert_lists(error);
    assert_int_equal(info_of(error).has_fault, 1);
    assert_int_equal(info_of(error).status, WWS_E_OTHER);
    assert_says(error, 0, "why");
    assert_says(error, 1, "inner");
}

static void error__refuses_a_fault_that_no_fault_can_be(void **state)
{
    wws_fault fault = fault_with_lists();

    (void) state;
    fault.further_languages_count = 1;
    assert_int_equal(wwi_error_set_fault(error, &fault), WWS_E_INVALIDARG);
    fault = fault_with_lists();
    fault.outer_subcode_namespaces_count = 8;
    fault.outer_subcode_names_count = 8;
    assert_int_equal(wwi_error_set_fault(error, &fault), WWS_E_QUOTA_EXCEEDED);
    fault = fault_with_lists();
    wwi_memory_fail(1, 0);
    assert_int_equal(wwi_error_set_fault(error, &fault), WWS_E_OUTOFMEMORY);
    wwi_memory_fail(0, 0);

    error__that_is_new_says_nothing(state);
}

static struct wwi_error *full_error(void)
{
    struct wwi_error *other = wwi_error_new();
    wws_fault fault = fault_with_lists();
    const struct wwi_outcome outcome = {
        .status = WWS_E_ENDPOINT_NOT_FOUND,
        .phase = WWS_PHASE_CONNECT,
        .progress = WWS_PROGRESS_SENT,
        .http_status = 404,
        .original_code = ECONNREFUSED,
        .text = "cannot connect",
    };

    assert_non_null(other);
    wwi_error_set_outcome(other, &outcome);
    assert_int_equal(wwi_error_set_fault(other, &fault), WWS_S_OK);
    return other;
}

static void error__can_be_copied_whole(void **state)
{
    struct wwi_error *other = full_error();
    wws_error_info info;

    (void) state;
    (void) wwi_fail(error, WWS_E_OTHER, "what was there %d", 1);

    assert_int_equal(wwi_error_copy(error, other), WWS_S_OK);
    assert_int_equal(wwi_error_copy(error, error), WWS_S_OK);

    assert_lists(other);
    assert_int_equal(wwi_error_free(other), WWS_S_OK);
    info = info_of(error);
    assert_int_equal(info.status, WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(info.phase, WWS_PHASE_CONNECT);
    assert_int_equal(info.progress, WWS_PROGRESS_SENT);
    assert_int_equal(info.http_status, 404);
    assert_int_equal(info.original_code, ECONNREFUSED);
    assert_int_equal(info.string_count, 3);
    assert_says(error, 0, "why");
    assert_says(error, 1, "cannot connect");
    assert_says(error, 2, "Connection refused");
    assert_lists(error);
}

static void error__is_as_it_was_without_memory_for_a_copy(void **state)
{
    struct wwi_error *other = full_error();

    (void) state;
    (void) wwi_fail_static(error, WWS_E_OTHER, "still there");
    for (uint64_t n = 1; n <= 2; n++) {
        wwi_memory_fail(n, 0);
        assert_int_equal(wwi_error_copy(error, other), WWS_E_OUTOFMEMORY);
        wwi_memory_fail(0, 0);

        assert_int_equal(info_of(error).string_count, 1);
        assert_int_equal(info_of(error).has_fault, 0);
        assert_says(error, 0, "still there");
    }
    assert_int_equal(wwi_error_free(other), WWS_S_OK);
}

static void error__is_not_made_without_memory(void **state)
{
    wws_error handle = { 0 };

    (void) state;
    wwi_memory_fail(1, 0);
    assert_null(wwi_error_new());
    wwi_memory_fail(1, 0);

    assert_int_equal(wwi_error_create(&handle), WWS_E_OUTOFMEMORY);

    assert_int_equal(handle.id, 0);
}

/* A record of a caller whose struct has one member less, or one more. */
static void record__fills_what_the_caller_has(void **state)
{
    const uint32_t ours[4] = { sizeof ours, 1, 0x11111111, 0x22222222 };
    uint32_t shorter[4] = { 3 * sizeof(uint32_t), 9, 9, 9 };
    uint32_t longer[6] = { 5 * sizeof(uint32_t), 9, 9, 9, 9, 9 };

    (void) state;
    wwi_record_put(shorter, ours, sizeof ours);
    wwi_record_put(longer, ours, sizeof ours);

    assert_int_equal(shorter[0], 3 * sizeof(uint32_t));
    assert_int_equal(shorter[2], 0x11111111);
    assert_int_equal(shorter[3], 9);
    assert_int_equal(longer[0], 5 * sizeof(uint32_t));
    assert_int_equal(longer[3], 0x22222222);
    assert_int_equal(longer[4], 0);
    assert_int_equal(longer[5], 9);
}

/* TE2 */
static void status__has_its_name(void **state)
{
    (void) state;
    assert_string_equal(wwi_status_name(WWS_S_OK), "WWS_S_OK");
    assert_string_equal(wwi_status_name(WWS_E_FORKED), "WWS_E_FORKED");
    assert_string_equal(wwi_status_name(1), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(error__that_is_new_says_nothing),
        TEST(error__says_first_what_was_added_last),
        TEST(error__takes_strings_of_the_application),
        TEST(error__that_nobody_wants_is_fine),
        TEST(error__of_a_constant_needs_no_memory),
        TEST(error__keeps_the_status_without_memory_for_the_string),
        TEST(error__that_is_full_drops_what_comes),
        TEST(error__cuts_a_long_string_between_characters),
        TEST(error__tells_how_an_operation_ended),
        TEST(error__says_last_what_the_system_said),
        TEST(error__has_the_fault_it_was_given),
        TEST(fault__is_not_copied_without_memory),
        TEST(error__that_is_reset_is_as_new),
        TEST(error__keeps_the_fault_that_was_set),
        TEST(error__refuses_a_fault_that_no_fault_can_be),
        TEST(error__can_be_copied_whole),
        TEST(error__is_as_it_was_without_memory_for_a_copy),
        TEST(error__is_not_made_without_memory),
        TEST(record__fills_what_the_caller_has),
        TEST(status__has_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
