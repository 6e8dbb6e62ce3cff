/* What messages promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "tests/unit/channel/messages.h"

/* The same in UTF-16, of the lower octet first, behind a byte order mark. */
static struct wwi_bytes wide(const char *text)
{
    struct wwi_bytes octets = { 0 };

    wwi_bytes_append(&octets, "\xFF\xFE", 2);
    for (; *text != '\0'; text++) {
        wwi_bytes_append_char(&octets, *text);
        wwi_bytes_append_char(&octets, '\0');
    }
    return octets;
}

static void message__empty_refuses_all_but_initialize_and_info(void **state)
{
    struct wwi_message *message = new_default();
    wws_fault fault = WWS_FAULT_INIT;
    wws_fault_info fault_info = WWS_FAULT_INFO_INIT;
    wws_message_info info = WWS_MESSAGE_INFO_INIT;
    wws_string text = WWS_STR("x");
    struct wwi_bytes out = { 0 };
    wws_bytes xml = { 0 };
    (void) state;

    assert_int_equal(wwi_message_set_header(message, WWS_HEADER_TO, text,
        NULL), WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_get_header(message, WWS_HEADER_TO, &text,
        NULL), WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_remove_header(message, WWS_HEADER_TO, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_add_custom_header(message, xml, false, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_get_custom_header(message, text, text, 0,
        &xml, NULL, NULL), WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_remove_custom_header(message, text, text,
        NULL), WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_check_must_understand(message, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_add_mapped_header(message, text, text, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_get_mapped_header(message, text, &text,
        NULL), WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_remove_mapped_header(message, text, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_set_body(message, xml, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_get_body(message, &xml, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_set_fault(message, &fault, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_get_fault(message, &fault_info, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(encode(message, &out), WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_get_info(message, &info, NULL), 0);
    assert_int_equal(info.state, WWS_MESSAGE_STATE_EMPTY);
    assert_int_equal(info.header_count, 0);
    assert_int_equal(wwi_message_free(message), 0);
}

static void message__initialized_or_done_cannot_be_again(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    struct wwi_bytes out = { 0 };
    (void) state;

    assert_int_equal(wwi_message_initialize(message, BLANK, NULL, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(decode(message, received), WWS_E_INVALID_OPERATION);
    set_action(message, "urn:a");
    assert_int_equal(encode(message, &out), 0);
    assert_int_equal(message->state, WWS_MESSAGE_STATE_DONE);
    assert_int_equal(encode(message, &out), WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_initialize(message, BLANK, NULL, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_set_body(message, octets_of("<a/>"), NULL),
        WWS_E_INVALID_OPERATION);
    assert_header(message, WWS_HEADER_ACTION, "urn:a");
    assert_int_equal(wwi_message_reset(message, NULL), 0);
    assert_int_equal(wwi_message_initialize(message, BLANK, NULL, NULL), 0);
    assert_no_header(message, WWS_HEADER_ACTION);
    wwi_bytes_fini(&out);
    wwi_message_free(message);
}

static void message__says_which_state_it_is_in(void **state)
{
    struct wwi_message *message = new_default();
    struct wwi_error error = { 0 };
    wws_bytes body;
    (void) state;

    wwi_message_get_body(message, &body, &error);

    assert_string_equal(
        error.strings[0].text, "not while the message is empty");
    wwi_error_reset(&error);
    wwi_message_free(message);
}

static void message__in_use_refuses_a_second_user(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    struct wwi_message *other = new_default();
    wws_message_info info = WWS_MESSAGE_INFO_INIT;
    wws_bytes body;
    (void) state;

    assert_int_equal(wwi_message_begin_use(message, NULL), 0);

    assert_int_equal(wwi_message_get_body(message, &body, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_get_info(message, &info, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_reset(message, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_initialize(other, DUPLICATE, message, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_begin_use(message, NULL),
        WWS_E_INVALID_OPERATION);
    wwi_message_end_use(message);
    assert_int_equal(wwi_message_get_body(message, &body, NULL), 0);
    wwi_message_free(message);
    wwi_message_free(other);
}

static void message__freed_lives_on_for_who_has_a_reference(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    uint64_t live = wwi_memory_live();
    (void) state;

    wwi_object_ref(&message->object);
    assert_int_equal(wwi_message_free(message), 0);

    assert_int_equal(wwi_message_free(message), WWS_E_HANDLE);
    assert_int_equal(wwi_memory_live(), live);
    wwi_object_unref(&message->object);
    assert_true(wwi_memory_live() < live);
}

static void message__needs_an_original_where_it_has_a_use(void **state)
{
    struct wwi_message *message = new_default();
    struct wwi_message *original = initialized(BLANK);
    struct wwi_message *empty = new_default();
    (void) state;

    assert_int_equal(wwi_message_initialize(message, REPLY, NULL, NULL),
        WWS_E_INVALIDARG);
    assert_int_equal(wwi_message_initialize(message, REQUEST, original, NULL),
        WWS_E_INVALIDARG);
    assert_int_equal(wwi_message_initialize(message, REPLY, empty, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_initialize(message, REPLY, message, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_initialize(message, REPLY, original, NULL),
        0);
    wwi_message_free(message);
    wwi_message_free(original);
    wwi_message_free(empty);
}

static void message__request_can_be_answered(void **state)
{
    struct wwi_message *message = initialized(REQUEST);
    wws_string identity;
    (void) state;

    assert_int_equal(wwi_message_get_header(
        message, WWS_HEADER_MESSAGE_ID, &identity, NULL), 0);
    assert_int_equal(identity.size, 45);
    assert_memory_equal(identity.data, "urn:uuid:", 9);
    assert_header(message, WWS_HEADER_REPLY_TO, A10 "/anonymous");
    assert_no_header(message, WWS_HEADER_ACTION);
    wwi_message_free(message);
}

static void message__arrives_as_it_was_sent(void **state)
{
    struct wwi_message *message = initialized(REQUEST);
    struct wwi_message *other;
    wws_message_info info = WWS_MESSAGE_INFO_INIT;
    wws_string identity = { 0 };
    wws_bytes element;
    bool must;
    (void) state;

    set_action(message, "urn:a?b&c");
    assert_int_equal(wwi_message_add_custom_header(
        message, octets_of("<h xmlns='urn:h'>1</h>"), true, NULL), 0);
    assert_int_equal(wwi_message_set_body(
        message, octets_of("<b xmlns='urn:b'/><c/>"), NULL), 0);
    other = sent(message);

    wwi_message_get_header(message, WWS_HEADER_MESSAGE_ID, &identity, NULL);
    assert_int_equal(
        message->owned[WWS_HEADER_MESSAGE_ID][identity.size], '\0');
    assert_header(other, WWS_HEADER_ACTION, "urn:a?b&c");
    assert_header(other, WWS_HEADER_TO, "http://host/path");
    assert_header(other, WWS_HEADER_MESSAGE_ID, identity.data);
    assert_header(other, WWS_HEADER_REPLY_TO, A10 "/anonymous");
    assert_body(other, "<b xmlns='urn:b'/><c/>");
    assert_int_equal(wwi_message_get_custom_header(other, WWS_STR("h"),
        WWS_STR("urn:h"), 0, &element, &must, NULL), 0);
    assert_xml(element, "<h xmlns:s=\"" S12
        "\" s:mustUnderstand=\"1\" xmlns='urn:h'>1</h>");
    assert_true(must);
    assert_int_equal(wwi_message_get_info(other, &info, NULL), 0);
    assert_int_equal(info.state, WWS_MESSAGE_STATE_DONE);
    assert_int_equal(info.header_count, 5);
    assert_false(info.is_fault);
    wwi_message_free(message);
    wwi_message_free(other);
}

static void message__reply_relates_to_its_request(void **state)
{
    struct wwi_message *request = decoded(received);
    struct wwi_message *reply = new_default();
    struct wwi_message *other;
    wws_bytes element;
    (void) state;

    assert_int_equal(wwi_message_initialize(reply, REPLY, request, NULL), 0);

    assert_header(reply, WWS_HEADER_RELATES_TO, "urn:uuid:1");
    assert_header(reply, WWS_HEADER_TO, "urn:back");
    assert_no_header(reply, WWS_HEADER_MESSAGE_ID);
    assert_no_header(reply, WWS_HEADER_ACTION);
    set_action(reply, "urn:calc/AddResponse");
    other = sent(reply);
    assert_int_equal(wwi_message_get_custom_header(other, WWS_STR("k"),
        WWS_STR("urn:p"), 0, &element, NULL, NULL), 0);
    assert_xml(element, "<p:k xmlns:a=\"" A10
        "\" a:IsReferenceParameter=\"true\" xmlns:p='urn:p'>1</p:k>");
    wwi_message_free(request);
    wwi_message_free(reply);
    wwi_message_free(other);
}

static void message__reply_goes_back_where_nothing_is_said(void **state)
{
    struct wwi_message *request = initialized(BLANK);
    struct wwi_message *reply = new_message(
        WWS_ENVELOPE_VERSION_SOAP_1_1, WWS_ADDRESSING_VERSION_0_9);
    (void) state;

    assert_int_equal(wwi_message_initialize(reply, REPLY, request, NULL), 0);

    assert_header(reply, WWS_HEADER_TO, A09 "/role/anonymous");
    assert_no_header(reply, WWS_HEADER_RELATES_TO);
    wwi_message_free(request);
    wwi_message_free(reply);
}

static void message__answers_even_what_could_not_be_read(void **state)
{
    struct wwi_message *request = new_default();
    struct wwi_message *fault = new_default();
    struct wwi_message *other;
    struct wwi_fault_about about;
    (void) state;

    assert_int_equal(decode(request, "<s:Envelope xmlns:s='" S12
        "' xmlns:a='" A10 "'><s:Header><a:MessageID>urn:m</a:MessageID>"
        "<a:To>1</a:To><a:To>2</a:To></s:Header><s:Body/></s:Envelope>"),
        WWS_E_INVALID_FORMAT);
    assert_int_equal(request->state, WWS_MESSAGE_STATE_DONE);
    assert_int_equal(wwi_message_answer(
        fault, wwi_message_envelope(request), true, NULL), 0);
    about = wwi_fault_about_envelope(
        wwi_message_envelope(request), fault->options.envelope_version);
    assert_int_equal(wwi_message_set_standard_fault(fault, &about, NULL), 0);
    other = sent(fault);

    assert_header(other, WWS_HEADER_RELATES_TO, "urn:m");
    assert_header(other, WWS_HEADER_ACTION, A10 "/fault");
    assert_text(wwi_message_fault(other)->subcode_name,
        "InvalidCardinality");
    wwi_message_free(request);
    wwi_message_free(fault);
    wwi_message_free(other);
}

static void message__duplicate_is_a_copy(void **state)
{
    struct wwi_message *original = decoded(received);
    struct wwi_message *message = new_default();
    wws_bytes element;
    bool must;
    (void) state;

    assert_int_equal(
        wwi_message_initialize(message, DUPLICATE, original, NULL), 0);
    wwi_message_free(original);

    assert_header(message, WWS_HEADER_ACTION, "urn:calc/Add");
    assert_header(message, WWS_HEADER_MESSAGE_ID, "urn:uuid:1");
    assert_body(message, "<a:Add xmlns:a=\"" A10 "\"/>");
    assert_int_equal(wwi_message_get_custom_header(message, WWS_STR("Mine"),
        WWS_STR("urn:h"), 0, &element, &must, NULL), 0);
    assert_true(must);
    assert_int_equal(wwi_message_get_custom_header(message, WWS_STR("Mine"),
        WWS_STR("urn:h"), 1, &element, &must, NULL), 0);
    assert_false(must);
    assert_xml(element, "<h:Mine xmlns:h='urn:h'>y</h:Mine>");
    wwi_message_free(message);
}

static void message__duplicate_keeps_headers_for_others(void **state)
{
    struct wwi_message *original = decoded("<s:Envelope xmlns:s='" S12
        "' xmlns:a='" A10 "'><s:Header><a:Action>urn:a</a:Action>"
        "<a:To s:role='urn:other' s:mustUnderstand='1'>urn:x</a:To>"
        "</s:Header><s:Body/></s:Envelope>");
    struct wwi_message *message = new_default();
    struct wwi_message *other;
    wws_bytes element;
    (void) state;

    assert_int_equal(
        wwi_message_initialize(message, DUPLICATE, original, NULL), 0);
    other = sent(message);

    assert_header(other, WWS_HEADER_TO, "http://host/path");
    assert_int_equal(wwi_message_get_custom_header(
        other, WWS_STR("To"), WWS_STR(A10), 0, &element, NULL, NULL), 0);
    assert_int_equal(wwi_message_check_must_understand(other, NULL), 0);
    wwi_message_free(original);
    wwi_message_free(message);
    wwi_message_free(other);
}

static void message__checks_its_body(void **state)
{
    static const char *const bodies[] = {
        "text", "<a>", "</a>", "<a/></s:Body>", "<p:a/>", "<a b='1' b='2'/>",
        "<!DOCTYPE a><a/>", "<a xsi:nil='1'/>", "<a>&undefined;</a>",
        "<?xml version='1.0'?><a/>",
    };
    struct wwi_message *message = initialized(BLANK);
    struct wwi_bytes deep = { 0 };
    (void) state;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (wwi_message_set_body(message, octets_of(bodies[i]), NULL)
            != WWS_E_INVALID_FORMAT)
            fail_msg("accepted %s", bodies[i]);
    for (int i = 0; i < 31; i++)
        wwi_bytes_append_text(&deep, "<a>");
    assert_int_equal(wwi_message_set_body(message,
        (wws_bytes) { deep.data, deep.size }, NULL), WWS_E_QUOTA_EXCEEDED);
    assert_int_equal(wwi_message_set_body(
        message, octets_of(" <a/> <!-- c --> <b/> "), NULL), 0);
    assert_body(message, " <a/> <!-- c --> <b/> ");
    wwi_bytes_fini(&deep);
    wwi_message_free(message);
}

/* What is accepted as a body can be received: the deepest one, too. */
static void message__deepest_body_arrives(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    struct wwi_message *other;
    struct wwi_bytes deep = { 0 };
    (void) state;

    for (int i = 0; i < 30; i++)
        wwi_bytes_append_text(&deep, "<a>");
    for (int i = 0; i < 30; i++)
        wwi_bytes_append_text(&deep, "</a>");
    set_action(message, "urn:a");
    assert_int_equal(wwi_message_set_body(
        message, (wws_bytes) { deep.data, deep.size }, NULL), 0);
    other = sent(message);
    wwi_bytes_fini(&deep);
    wwi_message_free(message);
    wwi_message_free(other);
}

static void message__encodes_only_what_is_complete(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    struct wwi_message *fault = new_default();
    struct wwi_encode_params params = {
        .envelope_version = WWS_ENVELOPE_VERSION_SOAP_1_1 };
    struct wwi_bytes out = { 0 };
    (void) state;

    assert_int_equal(encode(message, &out), WWS_E_INVALID_OPERATION);
    set_action(message, "urn:a");
    assert_int_equal(wwi_message_encode(message, &params, &out, NULL),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(wwi_message_initialize(fault, FAULT, message, NULL), 0);
    assert_int_equal(encode(fault, &out), WWS_E_INVALID_OPERATION);
    assert_int_equal(message->state, WWS_MESSAGE_STATE_INITIALIZED);
    assert_int_equal(encode(message, &out), 0);
    wwi_bytes_fini(&out);
    wwi_message_free(message);
    wwi_message_free(fault);
}

static void message__over_its_size_leaves_the_output_alone(void **state)
{
    struct wwi_message *message = initialized(BLANK);
    struct wwi_encode_params params = { .max_size = 100 };
    struct wwi_bytes out = { 0 };
    (void) state;

    set_action(message, "urn:a");
    wwi_bytes_append_text(&out, "before");
    assert_int_equal(wwi_message_encode(message, &params, &out, NULL),
        WWS_E_QUOTA_EXCEEDED);

    assert_xml((wws_bytes) { out.data, out.size }, "before");
    assert_int_equal(message->state, WWS_MESSAGE_STATE_DONE);
    wwi_bytes_fini(&out);
    wwi_message_free(message);
}

static void message__arrives_in_utf16(void **state)
{
    static const char declared[] = "<?xml version='1.0' encoding='utf-16'?>";
    struct wwi_decode_params params = { 0 };
    char text[sizeof declared + sizeof received];
    (void) state;

    strcat(strcpy(text, declared), received);
    for (int i = 0; i < 2; i++) {
        struct wwi_message *message = new_default();
        struct wwi_bytes octets = wide(i == 0 ? received : text);
        wws_bytes body;

        assert_int_equal(
            wwi_message_decode(message, &octets, &params, NULL), 0);

        assert_int_equal(message->state, WWS_MESSAGE_STATE_DONE);
        assert_header(message, WWS_HEADER_ACTION, "urn:calc/Add");
        assert_int_equal(wwi_message_get_body(message, &body, NULL), 0);
        assert_xml(body, "<a:Add xmlns:a=\"" A10 "\"/>");
        wwi_message_free(message);
    }
}

static void message__believes_what_the_transport_says(void **state)
{
    static const struct {
        enum wwi_charset charset;
        wws_status status;
    } rows[] = {
        { WWI_CHARSET_UNSAID, WWS_S_OK },
        { WWI_CHARSET_UTF_16, WWS_S_OK },
        { WWI_CHARSET_UTF_16LE, WWS_S_OK },
        { WWI_CHARSET_UTF_16BE, WWS_E_INVALID_FORMAT },
        { WWI_CHARSET_UTF_8, WWS_E_INVALID_FORMAT },
        { WWI_CHARSET_OTHER, WWS_E_INVALID_FORMAT },
    };
    (void) state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wwi_decode_params params = { .charset = rows[i].charset };
        struct wwi_message *message = new_default();
        struct wwi_bytes octets = wide(received);

        assert_int_equal(
            wwi_message_decode(message, &octets, &params, NULL),
            rows[i].status);
        assert_null(octets.data);
        wwi_message_free(message);
    }
}

/* D37: it can be answered like any other that is malformed. */
static void message__that_is_no_text_is_done(void **state)
{
    struct wwi_decode_params params = { .charset = WWI_CHARSET_UTF_8 };
    struct wwi_message *message = decoded(received);
    struct wwi_bytes octets = wide(received);
    struct wwi_envelope *envelope;
    (void) state;

    assert_int_equal(wwi_message_reset(message, NULL), 0);
    assert_int_equal(wwi_message_decode(message, &octets, &params, NULL),
        WWS_E_INVALID_FORMAT);

    assert_int_equal(message->state, WWS_MESSAGE_STATE_DONE);
    envelope = wwi_message_envelope(message);
    assert_non_null(envelope);
    assert_int_equal(envelope->problem, WWI_ENVELOPE_MALFORMED);
    assert_int_equal(envelope->version, WWS_ENVELOPE_VERSION_SOAP_1_2);
    assert_int_equal(envelope->header_count, 0);
    wwi_message_free(message);
}

static void message__has_a_quota_in_utf8(void **state)
{
    size_t size = strlen(received);
    (void) state;

    for (size_t less = 0; less < 2; less++) {
        struct wwi_decode_params params = {
            .max_size = (uint32_t) (size - less),
        };
        struct wwi_message *message = new_default();
        struct wwi_bytes octets = wide(received);

        assert_int_equal(
            wwi_message_decode(message, &octets, &params, NULL),
            less == 0 ? WWS_S_OK : WWS_E_QUOTA_EXCEEDED);
        wwi_message_free(message);
    }
}

/* Everything that allocates, once; the first failure ends it. */
static wws_status use_everything(
    struct wwi_message *a,
    struct wwi_message *b,
    struct wwi_bytes *out)
{
    struct wwi_decode_params params = { 0 };
    wws_fault fault = WWS_FAULT_INIT;
    struct wwi_bytes octets = { 0 };
    wws_bytes xml;
    wws_status status;

    fault.reason = WWS_STR("reason");
    octets = wide(received);
    if (octets.failed) {
        wwi_bytes_fini(&octets);
        return WWS_E_OUTOFMEMORY;
    }
    if ((status = wwi_message_decode(a, &octets, &params, NULL)) < 0
        || (status = wwi_message_get_body(a, &xml, NULL)) < 0
        || (status = wwi_message_initialize(b, FAULT, a, NULL)) < 0
        || (status = wwi_message_add_custom_header(
            b, octets_of("<h xmlns='u'/>"), true, NULL)) < 0
        || (status = wwi_message_add_mapped_header(
            b, WWS_STR("a"), WWS_STR("b"), NULL)) < 0
        || (status = wwi_message_set_body(b, octets_of("<a/>"), NULL)) < 0
        || (status = wwi_message_set_fault(b, &fault, NULL)) < 0
        || (status = encode(b, out)) < 0
        || (status = wwi_message_reset(b, NULL)) < 0
        || (status = wwi_message_initialize(b, REQUEST, NULL, NULL)) < 0
        || (status = wwi_message_reset(b, NULL)) < 0
        || (status = wwi_message_initialize(b, DUPLICATE, a, NULL)) < 0)
        return status;
    return WWS_S_OK;
}

static void message__leaves_nothing_behind_without_memory(void **state)
{
    uint64_t live = wwi_memory_live();
    wws_status status = WWS_E_OUTOFMEMORY;
    (void) state;

    for (uint64_t n = 1; status == WWS_E_OUTOFMEMORY; n++) {
        struct wwi_message *a = new_default();
        struct wwi_message *b = new_default();
        struct wwi_bytes out = { 0 };

        wwi_memory_fail(n, 0);
        status = use_everything(a, b, &out);
        wwi_memory_fail(0, 0);
        wwi_message_free(a);
        wwi_message_free(b);
        wwi_bytes_fini(&out);
        assert_int_equal(wwi_memory_live(), live);
        assert_true(n < 1000);
    }
    assert_int_equal(status, 0);
}

static void message__cannot_be_created_without_memory(void **state)
{
    wws_message message = { 0 };
    (void) state;

    wwi_memory_fail(1, 0);
    assert_int_equal(
        wwi_message_create(NULL, &message, NULL), WWS_E_OUTOFMEMORY);
    wwi_memory_fail(0, 0);
    assert_int_equal(message.id, 0);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(message__empty_refuses_all_but_initialize_and_info),
        TEST(message__initialized_or_done_cannot_be_again),
        TEST(message__says_which_state_it_is_in),
        TEST(message__in_use_refuses_a_second_user),
        TEST(message__freed_lives_on_for_who_has_a_reference),
        TEST(message__needs_an_original_where_it_has_a_use),
        TEST(message__request_can_be_answered),
        TEST(message__arrives_as_it_was_sent),
        TEST(message__reply_relates_to_its_request),
        TEST(message__reply_goes_back_where_nothing_is_said),
        TEST(message__answers_even_what_could_not_be_read),
        TEST(message__duplicate_is_a_copy),
        TEST(message__duplicate_keeps_headers_for_others),
        TEST(message__checks_its_body),
        TEST(message__deepest_body_arrives),
        TEST(message__encodes_only_what_is_complete),
        TEST(message__over_its_size_leaves_the_output_alone),
        TEST(message__arrives_in_utf16),
        TEST(message__believes_what_the_transport_says),
        TEST(message__that_is_no_text_is_done),
        TEST(message__has_a_quota_in_utf8),
        TEST(message__leaves_nothing_behind_without_memory),
        TEST(message__cannot_be_created_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
