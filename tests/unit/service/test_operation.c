/* Operations: what becomes of a request, and completion. */
#include "script.h"

/* What becomes of a request */

static wws_status reply_with_body(struct wwi_operation *operation)
{
    wws_bytes body = { "<y xmlns='urn:y'/>", 18 };
    wws_operation_info info = WWS_OPERATION_INFO_INIT;
    wws_bytes asked;

    assert_int_equal(wwi_operation_get_info(operation, &info, NULL), 0);
    assert_true(wwi_string_is(info.action, "urn:add"));
    assert_int_equal(info.cancelled, 0);
    assert_int_equal(wwi_operation_get_body(operation, &asked, NULL), 0);
    assert_int_equal(asked.size, strlen("<x xmlns='urn:x'/>"));
    return wwi_operation_set_reply(operation, body, NULL);
}

static void operation__replies_with_an_action_of_its_own(void **state)
{
    struct request request;

    (void) state;
    begin(reply_with_body, WWS_S_OK);

    ask(&request, ENVELOPE(ADD));

    assert_int_equal(request.answer, REPLIED);
    assert_false(request.fault);
    assert_has(&request, "urn:addResponse");
    assert_has(&request, "urn:1");
    assert_has(&request, "<y xmlns='urn:y'/>");
    end();
}

static wws_status reply_with_headers(struct wwi_operation *operation)
{
    wws_message handle;
    struct wwi_message *reply;
    wws_status status;

    assert_int_equal(wwi_operation_get_reply(operation, &handle, NULL), 0);
    assert_int_equal(wwi_table_get(handle.id, WWI_KIND_MESSAGE, &reply), 0);
    status = wwi_message_set_header(reply, WWS_HEADER_ACTION,
        WWS_STR("urn:mine"), NULL);
    wwi_object_unref(&reply->object);
    return status;
}

static void operation__replies_with_the_action_that_was_set(void **state)
{
    struct request request;

    (void) state;
    begin(reply_with_headers, WWS_S_OK);

    ask(&request, ENVELOPE(ADD));

    assert_has(&request, "urn:mine");
    assert_null(strstr(request.text, "urn:addResponse"));
    end();
}

static void operation__runs_on_the_pool_when_it_may_block(void **state)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    struct request request;

    (void) state;
    begin_with(endpoint, NULL, reply_with_body, WWS_S_OK);

    ask(&request, ENVELOPE(ADD));
    await_answer(&request);

    assert_int_equal(request.answer, REPLIED);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void operation__that_fails_gives_a_fixed_text(void **state)
{
    struct request request;

    (void) state;
    begin(NULL, WWS_E_QUOTA_EXCEEDED);

    ask(&request, ENVELOPE(ADD));

    assert_true(request.fault);
    assert_has(&request, "Receiver");
    assert_null(strstr(request.text, "WWS_E_QUOTA_EXCEEDED"));
    end();
}

static void operation__that_fails_discloses_when_told_to(void **state)
{
    wws_service_host_options options = WWS_SERVICE_HOST_OPTIONS_INIT;
    struct request request;

    (void) state;
    options.fault_disclosure = WWS_FAULT_DISCLOSURE_FULL;
    begin_with(short_endpoint(), &options, NULL, WWS_E_QUOTA_EXCEEDED);

    ask(&request, ENVELOPE(ADD));

    assert_has(&request, "WWS_E_QUOTA_EXCEEDED");
    end();
}

static wws_status fail_with_fault(struct wwi_operation *operation)
{
    wws_fault fault = WWS_FAULT_INIT;

    fault.reason = WWS_STR("first");
    assert_int_equal(wwi_operation_set_fault(operation, &fault, NULL), 0);
    fault.code = WWS_FAULT_CODE_SENDER;
    fault.reason = WWS_STR("no money");
    assert_int_equal(wwi_operation_set_fault(operation, &fault, NULL), 0);
    return script.result;
}

static void operation__that_fails_sends_the_fault_that_was_set(void **state)
{
    struct request request;

    (void) state;
    begin(fail_with_fault, WWS_E_OTHER);

    ask(&request, ENVELOPE(ADD));

    assert_true(request.fault);
    assert_has(&request, "no money");
    assert_has(&request, "Sender");
    assert_has(&request, "urn:1");
    end();
}

static void operation__that_succeeds_sends_no_fault(void **state)
{
    struct request request;

    (void) state;
    begin(fail_with_fault, WWS_S_OK);

    ask(&request, ENVELOPE(ADD));

    assert_false(request.fault);
    assert_null(strstr(request.text, "no money"));
    end();
}

static wws_status reply_too_much(struct wwi_operation *operation)
{
    static char body[100000];

    memset(body, ' ', sizeof body);
    memcpy(body, "<y xmlns='urn:y'>", 17);
    memcpy(body + sizeof body - 4, "</y>", 4);
    return wwi_operation_set_reply(operation,
        (wws_bytes) { body, sizeof body }, NULL);
}

static void operation__whose_reply_cannot_be_sent_sends_a_fault(void **state)
{
    struct request request;

    (void) state;
    begin(reply_too_much, WWS_S_OK);

    ask(&request, ENVELOPE(ADD));

    assert_true(request.fault);
    end();
}

static void operation__is_not_run_for_what_cannot_be_served(void **state)
{
    static const struct {
        const char *envelope;
        const char *fault;
    } cases[] = {
        { "<nonsense", "Sender" },
        { "<s:Envelope xmlns:s='urn:other'/>", "VersionMismatch" },
        { ENVELOPE(""), "MessageAddressingHeaderRequired" },
        { ENVELOPE(ADD "<a:Action>urn:b</a:Action>"), "InvalidCardinality" },
        { ENVELOPE(ADD "<h xmlns='urn:h' s:mustUnderstand='1'/>"),
            "MustUnderstand" },
        { ENVELOPE(ADD "<a:ReplyTo><a:Address>urn:e</a:Address></a:ReplyTo>"),
            "OnlyAnonymousAddressSupported" },
        { ENVELOPE(ADD "<a:FaultTo><a:Address>urn:e</a:Address></a:FaultTo>"),
            "OnlyAnonymousAddressSupported" },
    };
    struct request request;

    (void) state;
    begin(NULL, WWS_S_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&request, cases[i].envelope);

        assert_int_equal(request.answer, REPLIED);
        assert_true(request.fault);
        assert_has(&request, cases[i].fault);
    }
    assert_int_equal(script.served, 0);
    end();
}

static void operation__is_not_run_when_the_actions_differ(void **state)
{
    struct request request;

    (void) state;
    begin(NULL, WWS_S_OK);
    prepare(&request, ENVELOPE(ADD));
    request.incoming.has_action = true;
    request.incoming.action = WWS_STR("urn:other");

    send_prepared(fake_servers[0], &request);

    assert_true(request.fault);
    assert_has(&request, "ActionMismatch");
    assert_int_equal(script.served, 0);
    end();
}

static void operation__may_look_at_unknown_headers_itself(void **state)
{
    wws_endpoint_options endpoint = short_endpoint();
    struct request request;

    (void) state;
    endpoint.allow_unknown_headers = true;
    begin_with(endpoint, NULL, NULL, WWS_S_OK);

    ask(&request, ENVELOPE(ADD "<h xmlns='urn:h' s:mustUnderstand='1'/>"));

    assert_false(request.fault);
    assert_int_equal(script.served, 1);
    end();
}

static void operation__without_a_reply_is_only_accepted(void **state)
{
    static const wws_status results[] = { WWS_S_OK, WWS_E_OTHER };
    struct request request;

    (void) state;
    for (int i = 0; i < 2; i++) {
        begin(NULL, results[i]);

        ask(&request, ENVELOPE(ADD "<a:ReplyTo><a:Address>" WSA
            "/none</a:Address></a:ReplyTo>"));

        assert_int_equal(request.answer, ACCEPTED);
        assert_int_equal(script.served, 1);
        end();
    }
}

static wws_status expect_soap_action(struct wwi_operation *operation)
{
    wws_operation_info info = WWS_OPERATION_INFO_INIT;

    assert_int_equal(wwi_operation_get_info(operation, &info, NULL), 0);
    assert_true(wwi_string_is(info.action, "urn:soap"));
    return WWS_S_OK;
}

static void operation__takes_its_action_from_the_transport(void **state)
{
    wws_endpoint_options endpoint = short_endpoint();
    struct request request;

    (void) state;
    endpoint.addressing_version = WWS_ADDRESSING_VERSION_TRANSPORT;
    begin_with(endpoint, NULL, expect_soap_action, WWS_S_OK);
    prepare(&request, ENVELOPE(""));
    request.incoming.has_action = true;
    request.incoming.action = WWS_STR("urn:soap");

    send_prepared(fake_servers[0], &request);

    assert_int_equal(request.answer, REPLIED);
    assert_int_equal(script.served, 1);
    end();
}

static void request__malformed_is_explained_when_told_to(void **state)
{
    wws_service_host_options options = WWS_SERVICE_HOST_OPTIONS_INIT;
    struct request plain, full;

    (void) state;
    begin(NULL, WWS_S_OK);
    ask(&plain, "<a><b></a>");
    end();
    options.fault_disclosure = WWS_FAULT_DISCLOSURE_FULL;
    begin_with(short_endpoint(), &options, NULL, WWS_S_OK);
    ask(&full, "<a><b></a>");

    assert_true(plain.fault && full.fault);
    assert_string_not_equal(plain.text, full.text);
    end();
}

static bool one_field(
    const void *fields,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    (void) fields;
    *name = WWS_STR("Cookie");
    *value = WWS_STR("chocolate");
    return (*index)++ == 0;
}

static wws_status echo_field(struct wwi_operation *operation)
{
    wws_string value;

    assert_int_equal(wwi_message_get_mapped_header(operation->request,
        WWS_STR("cookie"), &value, NULL), WWS_S_OK);
    assert_true(wwi_string_is(value, "chocolate"));
    return wwi_message_add_mapped_header(operation->reply, WWS_STR("X-Y"),
        WWS_STR("vanilla"), NULL);
}

static void operation__has_the_fields_of_the_transport(void **state)
{
    struct request request;

    (void) state;
    begin(echo_field, 0);
    prepare(&request, ENVELOPE(ADD));
    request.incoming.fields.next = one_field;

    send_prepared(fake_servers[0], &request);

    assert_int_equal(request.answer, REPLIED);
    /* Its octets are gone with the message. */
    assert_int_equal(request.field.size, strlen("vanilla"));
    end();
}

static wws_status keep_messages_in_use(struct wwi_operation *operation)
{
    assert_int_equal(wwi_message_begin_use(operation->request, NULL), 0);
    assert_int_equal(wwi_message_begin_use(operation->reply, NULL), 0);
    return WWS_S_OK;
}

static void operation__whose_messages_are_in_use_sends_a_fault(void **state)
{
    struct request request;

    (void) state;
    begin(keep_messages_in_use, 0);

    ask(&request, ENVELOPE(ADD));

    assert_true(request.fault);
    assert_has(&request, "Receiver");
    end();
}

static void request__is_answered_or_dropped_whatever_memory_fails(void **state)
{
    struct request request;
    uint64_t before;

    (void) state;
    begin(fail_with_fault, WWS_S_ASYNC);
    script.act = reply_with_body;
    ask(&request, ENVELOPE(ADD));
    drop_last();
    before = wwi_memory_live();
    script.act = NULL;
    script.result = WWS_E_OTHER;
    for (uint64_t n = 1; n < 100; n++) {
        wwi_memory_fail(n, n % 2 == 0);
        ask(&request, ENVELOPE(ADD));
        wwi_memory_fail(0, 0);

        assert_int_equal(request.answers, 1);
        drop_last();
        assert_int_equal(wwi_memory_live(), before);
    }
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

/* Completion */

static void operation__completes_later_and_once(void **state)
{
    wws_operation handle;
    struct wwi_operation *found;
    struct request request;

    (void) state;
    begin(NULL, WWS_S_ASYNC);
    ask(&request, ENVELOPE(ADD));
    assert_int_equal(request.answer, NONE);
    handle.id = script.last->object.id;

    assert_int_equal(wwi_operation_complete(script.last, WWS_S_ASYNC, NULL),
        WWS_E_INVALIDARG);
    assert_int_equal(wwi_operation_complete(script.last, WWS_S_OK, NULL),
        WWS_S_OK);

    assert_int_equal(request.answer, REPLIED);
    assert_int_equal(wwi_operation_complete(script.last, WWS_S_OK, NULL),
        WWS_E_HANDLE);
    assert_int_equal(wwi_table_get(handle.id, WWI_KIND_OPERATION, &found),
        WWS_E_HANDLE);
    assert_int_equal(request.answers, 1);
    end();
}

static wws_status complete_inside(struct wwi_operation *operation)
{
    assert_int_equal(wwi_operation_complete(operation, WWS_S_OK, NULL),
        WWS_S_OK);
    return script.result;
}

static void operation__that_completed_inside_ignores_the_result(void **state)
{
    static const wws_status results[] = { WWS_S_ASYNC, WWS_E_OTHER, WWS_S_OK };
    struct request request;

    (void) state;
    for (int i = 0; i < 3; i++) {
        begin(complete_inside, results[i]);

        ask(&request, ENVELOPE(ADD));

        assert_int_equal(request.answers, 1);
        assert_false(request.fault);
        end();
    }
}

static void *complete_elsewhere(void *state)
{
    assert_int_equal(wwi_operation_complete(state, WWS_S_OK, NULL), WWS_S_OK);
    return NULL;
}

static wws_status complete_before_async(struct wwi_operation *operation)
{
    pthread_t thread;

    pthread_create(&thread, NULL, complete_elsewhere, operation);
    pthread_join(thread, NULL);
    return WWS_S_ASYNC;
}

static void operation__may_complete_elsewhere_before_it_says_so(void **state)
{
    struct request request;

    (void) state;
    begin(complete_before_async, 0);

    ask(&request, ENVELOPE(ADD));

    assert_int_equal(request.answer, REPLIED);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void operation__messages_are_stale_when_it_has_completed(void **state)
{
    struct wwi_message *found;
    struct request request;
    wws_message handle;

    (void) state;
    begin(NULL, WWS_S_ASYNC);
    ask(&request, ENVELOPE(ADD));
    assert_int_equal(wwi_operation_get_request(script.last, &handle, NULL), 0);

    assert_int_equal(wwi_operation_complete(script.last, WWS_S_OK, NULL), 0);

    assert_int_equal(wwi_table_get(handle.id, WWI_KIND_MESSAGE, &found),
        WWS_E_HANDLE);
    end();
}

static wws_status free_messages(struct wwi_operation *operation)
{
    assert_int_equal(wwi_message_free(operation->request), WWS_S_OK);
    assert_int_equal(wwi_message_free(operation->reply), WWS_S_OK);
    return WWS_S_OK;
}

static void operation__survives_that_its_messages_are_freed(void **state)
{
    struct request request;

    (void) state;
    begin(free_messages, 0);

    ask(&request, ENVELOPE(ADD));

    assert_int_equal(request.answers, 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operation__replies_with_an_action_of_its_own),
        cmocka_unit_test(operation__replies_with_the_action_that_was_set),
        cmocka_unit_test(operation__runs_on_the_pool_when_it_may_block),
        cmocka_unit_test(operation__that_fails_gives_a_fixed_text),
        cmocka_unit_test(operation__that_fails_discloses_when_told_to),
        cmocka_unit_test(operation__that_fails_sends_the_fault_that_was_set),
        cmocka_unit_test(operation__that_succeeds_sends_no_fault),
        cmocka_unit_test(operation__whose_reply_cannot_be_sent_sends_a_fault),
        cmocka_unit_test(operation__is_not_run_for_what_cannot_be_served),
        cmocka_unit_test(operation__is_not_run_when_the_actions_differ),
        cmocka_unit_test(operation__may_look_at_unknown_headers_itself),
        cmocka_unit_test(operation__without_a_reply_is_only_accepted),
        cmocka_unit_test(operation__takes_its_action_from_the_transport),
        cmocka_unit_test(request__malformed_is_explained_when_told_to),
        cmocka_unit_test(operation__has_the_fields_of_the_transport),
        cmocka_unit_test(operation__whose_messages_are_in_use_sends_a_fault),
        cmocka_unit_test(request__is_answered_or_dropped_whatever_memory_fails),
        cmocka_unit_test(operation__completes_later_and_once),
        cmocka_unit_test(operation__that_completed_inside_ignores_the_result),
        cmocka_unit_test(operation__may_complete_elsewhere_before_it_says_so),
        cmocka_unit_test(operation__messages_are_stale_when_it_has_completed),
        cmocka_unit_test(operation__survives_that_its_messages_are_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
