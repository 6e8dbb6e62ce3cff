/* What a client makes of replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/reply.h"

#define S11 "http://schemas.xmlsoap.org/soap/envelope/"
#define S12 "http://www.w3.org/2003/05/soap-envelope"
#define A10 "http://www.w3.org/2005/08/addressing"

#define REPLY(relates_to) \
    "<s:Envelope xmlns:s='" S12 "' xmlns:a='" A10 "'><s:Header>" \
    "<a:Action>urn:b</a:Action>" relates_to \
    "</s:Header><s:Body><r/></s:Body></s:Envelope>"
#define FAULT(code, reason) \
    "<s:Envelope xmlns:s='" S11 "'><s:Body><s:Fault>" \
    "<faultcode>s:" code "</faultcode><faultstring>" reason "</faultstring>" \
    "</s:Fault></s:Body></s:Envelope>"

struct pair {
    const char *name, *value;
};

static const struct pair no_fields[] = { { NULL, NULL } };
static const struct pair some_fields[] = {
    { "X-One", "1" }, { "X-Two", "2" }, { NULL, NULL },
};

static bool next_pair(
    const void *state,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    const struct pair *pair = (const struct pair *) state + *index;

    if (pair->name == NULL)
        return false;
    (*index)++;
    *name = (wws_string) { pair->name, strlen(pair->name) };
    *value = (wws_string) { pair->value, strlen(pair->value) };
    return true;
}

static struct fixture {
    uint64_t blocks;
    struct wwi_message *message;
    struct wwi_error *error;
    struct wwi_reply_rules rules;
} it;

static int set_up(void **state)
{
    (void) state;
    it = (struct fixture) {
        .blocks = wwi_memory_live(),
        .error = wwi_error_new(),
        .rules = {
            .envelope_version = WWS_ENVELOPE_VERSION_SOAP_1_2,
            .addressing_version = WWS_ADDRESSING_VERSION_1_0,
            .request_id = WWS_STR("urn:uuid:1"),
            .faults_as_errors = true,
        },
    };
    assert_non_null(it.error);
    return 0;
}

static void old_rules(void)
{
    it.rules.envelope_version = WWS_ENVELOPE_VERSION_SOAP_1_1;
    it.rules.addressing_version = WWS_ADDRESSING_VERSION_TRANSPORT;
    it.rules.request_id = (wws_string) { 0 };
}

static void make_message(void)
{
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;

    options.envelope_version = it.rules.envelope_version;
    options.addressing_version = it.rules.addressing_version;
    assert_int_equal(wwi_message_new(&options, &it.message, NULL), WWS_S_OK);
}

static void free_message(void)
{
    if (it.message != NULL)
        assert_int_equal(wwi_message_free(it.message), WWS_S_OK);
    it.message = NULL;
}

static int clean_up(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    free_message();
    assert_int_equal(wwi_error_free(it.error), WWS_S_OK);
    assert_int_equal(wwi_memory_live(), it.blocks);
    return 0;
}

/* Reads it into a message as a client does, which has that in use. */
static wws_status read_with(const char *text, const struct pair *pairs)
{
    struct wwi_bytes envelope = { 0 };
    const struct wwi_fields fields = { next_pair, pairs };
    wws_status status;

    wwi_bytes_append_text(&envelope, text);
    assert_int_equal(wwi_message_begin_use(it.message, NULL), WWS_S_OK);
    status = wwi_reply_read(it.message, &envelope, &fields, &it.rules,
        it.error);
    wwi_message_end_use(it.message);
    wwi_bytes_fini(&envelope);
    return status;
}

static wws_status read_reply(const char *text)
{
    free_message();
    make_message();
    return read_with(text, no_fields);
}

static void reply__becomes_the_message(void **state)
{
    wws_bytes body;

    (void) state;
    assert_int_equal(read_reply(
        REPLY("<a:RelatesTo>urn:uuid:1</a:RelatesTo>")), WWS_S_OK);

    assert_int_equal(wwi_message_get_body(it.message, &body, NULL), WWS_S_OK);
    assert_int_equal(body.size, 4);
    assert_memory_equal(body.data, "<r/>", 4);
}

static void reply__must_relate_to_the_request_if_to_any(void **state)
{
    wws_string text;

    (void) state;
    assert_int_equal(read_reply(REPLY("")), WWS_S_OK);
    assert_int_equal(read_reply(
        REPLY("<a:RelatesTo>urn:uuid:2</a:RelatesTo>")),
        WWS_E_INVALID_FORMAT);
    assert_int_equal(wwi_error_get_string(it.error, 0, &text), WWS_S_OK);
    assert_true(wwi_string_is(text, "the reply relates to another message"));

    it.rules.request_id = (wws_string) { 0 };
    assert_int_equal(read_reply(
        REPLY("<a:RelatesTo>urn:uuid:2</a:RelatesTo>")), WWS_S_OK);
}

static void reply__of_another_version_or_none_is_refused(void **state)
{
    (void) state;
    assert_int_equal(read_reply(FAULT("Client", "no")), WWS_E_INVALID_FORMAT);
    assert_int_equal(read_reply("<html/>"), WWS_E_INVALID_FORMAT);
    assert_int_equal(read_reply("<s:Envelope xmlns:s='" S12 "'>"),
        WWS_E_INVALID_FORMAT);
}

static void reply__brings_the_fields_of_the_transport(void **state)
{
    wws_string value;

    (void) state;
    make_message();
    assert_int_equal(read_with(REPLY(""), some_fields), WWS_S_OK);

    assert_int_equal(wwi_message_get_mapped_header(it.message,
        WWS_STR("x-two"), &value, NULL), WWS_S_OK);
    assert_true(wwi_string_is(value, "2"));
}

static void fault__is_an_error_if_the_caller_wants_that(void **state)
{
    wws_fault_info fault = WWS_FAULT_INFO_INIT;
    wws_string text;
    wws_status status;

    (void) state;
    old_rules();
    status = read_reply(FAULT("Client", "the reason"));

    assert_true(status < 0);
    assert_int_equal(wwi_error_get_string(it.error, 0, &text), WWS_S_OK);
    assert_true(wwi_string_is(text,
        "the service answered with a fault: the reason"));
    assert_int_equal(wwi_error_get_fault(it.error, &fault), WWS_S_OK);
    assert_true(wwi_string_is(fault.reason, "the reason"));
}

static void fault__is_a_message_otherwise(void **state)
{
    wws_fault_info fault = WWS_FAULT_INFO_INIT;

    (void) state;
    old_rules();
    it.rules.faults_as_errors = false;

    assert_int_equal(read_reply(FAULT("Client", "the reason")), WWS_S_OK);

    assert_int_equal(wwi_message_get_fault(it.message, &fault, NULL),
        WWS_S_OK);
    assert_true(wwi_string_is(fault.reason, "the reason"));
    assert_int_not_equal(wwi_error_get_fault(it.error, &fault), WWS_S_OK);
}

static void fault__may_be_read_by_who_wants_no_error(void **state)
{
    struct wwi_error *error = it.error;
    wws_status status;

    (void) state;
    old_rules();
    it.error = NULL;
    status = read_reply(FAULT("Server", "the reason"));
    it.error = error;

    assert_true(status < 0);
}

static void memory__may_run_out_anywhere(void **state)
{
    static const char text[] = REPLY("<a:RelatesTo>urn:uuid:1</a:RelatesTo>");
    struct wwi_error *error = it.error;
    wws_status status = WWS_E_OUTOFMEMORY;

    (void) state;
    it.error = NULL;
    for (uint64_t n = 1; status != WWS_S_OK; n++) {
        const struct wwi_fields fields = { next_pair, some_fields };
        struct wwi_bytes envelope = { 0 };

        assert_true(n < 1000);
        free_message();
        make_message();
        wwi_bytes_append_text(&envelope, text);
        assert_int_equal(wwi_message_begin_use(it.message, NULL), WWS_S_OK);
        wwi_memory_fail(n, 1);
        status = wwi_reply_read(it.message, &envelope, &fields, &it.rules,
            NULL);
        wwi_memory_fail(0, 0);
        wwi_message_end_use(it.message);
        wwi_bytes_fini(&envelope);
        assert_true(status == WWS_S_OK || status == WWS_E_OUTOFMEMORY);
    }
    it.error = error;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reply__becomes_the_message),
        TEST(reply__must_relate_to_the_request_if_to_any),
        TEST(reply__of_another_version_or_none_is_refused),
        TEST(reply__brings_the_fields_of_the_transport),
        TEST(fault__is_an_error_if_the_caller_wants_that),
        TEST(fault__is_a_message_otherwise),
        TEST(fault__may_be_read_by_who_wants_no_error),
        TEST(memory__may_run_out_anywhere),
    };

    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
