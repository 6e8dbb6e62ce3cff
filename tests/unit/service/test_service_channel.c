/* Sessions that a host serves: how many of their messages are up, and which are
 * answered. */
#include "serving_sessions.h"

#define ONE_WAY ENVELOPE(ADD "<a:ReplyTo><a:Address>" WSA "/none" \
    "</a:Address></a:ReplyTo>")

static void endpoint__bounds_its_sessions(void **state)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    (void) state;
    endpoint.max_channels = 7;
    begin_with(endpoint, NULL, WWS_S_OK);

    open_host();

    assert_int_equal(fake_options.max_connections, 7);
    assert_int_equal(fake_options.handshake_timeout_ms, 15000);
    assert_int_equal(fake_options.max_message_size, 65536);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void channel__answers_through_its_session(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_OK);
    connect_here(&line);

    say(&line, MESSAGE(1));
    say(&line, MESSAGE(2));
    await_count(&line.heard_count, 2);

    assert_heard(&line, 0, ">urn:1<");
    assert_heard(&line, 1, ">urn:2<");
    end_in_order(&line);
}

static void channel__serves_one_message_at_a_time(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    say(&line, MESSAGE(2));
    await(&seen.served);
    await_loop(&line);
    assert_int_equal(flag_of(&seen.served), 1);

    complete(0);
    await_count(&seen.served, 2);

    assert_heard(&line, 0, ">urn:1<");
    complete(1);
    end_in_order(&line);
}

static void channel__serves_as_many_messages_as_it_may(void **state)
{
    struct line line;

    (void) state;
    begin(3, WWS_S_ASYNC);
    connect_here(&line);
    for (int i = 0; i < 5; i++)
        say(&line, MESSAGE(1));
    await_count(&seen.served, 3);
    await_loop(&line);
    assert_int_equal(flag_of(&seen.served), 3);

    complete(1);
    await_count(&seen.served, 4);

    await_loop(&line);
    assert_int_equal(flag_of(&seen.served), 4);
    complete(0);
    complete(2);
    complete(3);
    await_count(&seen.served, 5);
    complete(4);
    end_in_order(&line);
}

static void channel__asks_on_when_the_answer_has_been_sent(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_OK);
    connect_here(&line);
    set_full(&line, true);
    say(&line, MESSAGE(1));
    say(&line, MESSAGE(2));
    await(&seen.served);
    await_loop(&line);
    assert_int_equal(flag_of(&seen.served), 1);

    set_full(&line, false);

    await_count(&line.heard_count, 2);
    end_in_order(&line);
}

static void channel__answers_nothing_to_what_wants_no_answer(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_OK);
    connect_here(&line);

    say(&line, ONE_WAY);
    say(&line, MESSAGE(2));
    await(&line.heard_count);

    assert_heard(&line, 0, ">urn:2<");
    assert_int_equal(flag_of(&seen.served), 2);
    end_in_order(&line);
}

/* The answer would relate to nothing. */
static void channel__answers_nothing_to_what_has_no_identity(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_OK);
    connect_here(&line);

    say(&line, ENVELOPE("<a:Action>urn:add</a:Action>"));
    say(&line, MESSAGE(2));
    await(&line.heard_count);

    assert_heard(&line, 0, ">urn:2<");
    assert_int_equal(flag_of(&seen.served), 2);
    end_in_order(&line);
}

/* Whoever sent it is known. */
static void channel__answers_malformed_messages_and_goes_on(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_OK);
    connect_here(&line);

    say(&line, ENVELOPE(ADD "<"));
    say(&line, MESSAGE(2));
    await_count(&line.heard_count, 2);

    assert_heard(&line, 0, "Fault");
    assert_heard(&line, 0, ">urn:1<");
    assert_heard(&line, 1, ">urn:2<");
    assert_int_equal(flag_of(&seen.served), 1);
    end_in_order(&line);
}

/* Also if that is said behind what is too much. */
static void channel__answers_whoever_exceeds_the_limits(void **state)
{
    static const char *const bad[] = {
        ENVELOPE("<x xmlns='urn:x'><y><z/></y></x>" ADD),
        ENVELOPE("<x xmlns='urn:x' a='' b='' c=''/>" ADD),
        ENVELOPE("<x xmlns='urn:x'/><x xmlns='urn:x'/>" ADD),
    };
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    struct line line;

    (void) state;
    endpoint.max_depth = 4;
    endpoint.max_attributes = 2;
    endpoint.max_headers = 3;
    begin_with(endpoint, NULL, WWS_S_OK);
    open_host();
    connect_here(&line);

    for (int i = 0; i < 3; i++) {
        say(&line, bad[i]);
        await_count(&line.heard_count, i + 1);
        assert_heard(&line, i, "Fault");
        assert_heard(&line, i, ">urn:1<");
    }

    assert_int_equal(flag_of(&seen.served), 0);
    end_in_order(&line);
}

/* One that has no name does not wait. */
static void channel__answers_nothing_to_what_is_malformed_and_nameless(
    void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_OK);
    connect_here(&line);

    say(&line, "<s:Envelope xmlns:s='" SOAP "'><s:Body><");
    say(&line, MESSAGE(2));
    await(&line.heard_count);

    assert_heard(&line, 0, ">urn:2<");
    assert_int_equal(flag_of(&seen.served), 1);
    end_in_order(&line);
}

/* The answer would reach nobody: all who wait hear that the session is over. */
static void channel__is_given_up_when_it_cannot_tell_who_waits(void **state)
{
    static const char *const bad[] = {
        "", "no xml", "<x/>", ENVELOPE("<"), "\xFF\xFE" };

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct line line;

        begin(2, WWS_S_ASYNC);
        connect_here(&line);
        say(&line, MESSAGE(1));
        await(&seen.served);

        say(&line, bad[i]);
        await(&seen.cancelled);
        complete(0);
        await(&line.released);

        assert_int_equal(line.aborts, 1);
        assert_int_equal(line.heard_count, 0);
        assert_int_equal(seen.ops[0].reason,
            WWS_CANCEL_REASON_CHANNEL_FAULTED);
        assert_int_equal(close_host(), WWS_S_OK);
        end();
    }
}

/* So it is while the host closes. */
static void channel__is_given_up_likewise_when_the_host_closes(void **state)
{
    struct line line;

    (void) state;
    begin(2, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    await(&seen.served);
    close_later();

    say(&line, "no xml");
    await(&seen.cancelled);

    complete(0);
    await(&seen.completed);
    assert_int_equal(seen.status, WWS_S_OK);
    assert_int_equal(line.aborts, 1);
    assert_int_equal(line.heard_count, 0);
    end();
}

static bool one_field(
    const void *fields,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    (void) fields;
    *name = WWS_STR("colour");
    *value = WWS_STR("green");
    return (*index)++ == 0;
}

static void channel__keeps_what_comes_beside_a_message(void **state)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    struct wwi_message *request;
    struct line line;
    wws_string value;

    (void) state;
    endpoint.addressing_version = WWS_ADDRESSING_VERSION_TRANSPORT;
    begin_with(endpoint, NULL, WWS_S_ASYNC);
    open_host();
    init_line(&line);
    line.fields.next = one_field;
    line.action = WWS_STR("urn:beside");
    connect_line(&line, fake_servers[0]);

    say(&line, ENVELOPE(""));
    await(&seen.served);

    request = seen.ops[0].operation->request;
    assert_string_equal(seen.ops[0].operation->action.data, "urn:beside");
    assert_true(wwi_mapped_find(&request->mapped, WWS_STR("colour"), &value));
    assert_int_equal(value.size, 5);
    complete(0);
    end_in_order(&line);
}

/* Each message is answered, or its session aborted. */
static void channel__loses_nothing_whatever_memory_fails(void **state)
{
    uint64_t before;

    (void) state;
    begin(1, WWS_S_OK);
    before = wwi_memory_live();
    for (uint64_t n = 1; n < 80; n++) {
        struct line line;

        init_line(&line);
        line.fields.next = one_field;
        line.action = WWS_STR("urn:add");
        say(&line, MESSAGE(1));
        hang_up(&line);
        fake_line_count = 0;
        wwi_memory_fail(n, n % 2 == 0);
        connect_line(&line, fake_servers[0]);
        await(&line.released);
        wwi_memory_fail(0, 0);

        assert_int_equal(line.misused, 0);
        assert_true(line.shut == line.heard_count);
        if (seen.served != 0)
            wwi_object_unref(&seen.ops[0].operation->object);
        memset(&seen.ops[0], 0, sizeof seen.ops[0]);
        seen.served = 0;
        await_loop(&line);
        assert_int_equal(wwi_memory_live(), before);
    }
    fake_line_count = 0;
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoint__bounds_its_sessions),
        cmocka_unit_test(channel__answers_through_its_session),
        cmocka_unit_test(channel__serves_one_message_at_a_time),
        cmocka_unit_test(channel__serves_as_many_messages_as_it_may),
        cmocka_unit_test(channel__asks_on_when_the_answer_has_been_sent),
        cmocka_unit_test(channel__answers_nothing_to_what_wants_no_answer),
        cmocka_unit_test(channel__answers_nothing_to_what_has_no_identity),
        cmocka_unit_test(channel__answers_malformed_messages_and_goes_on),
        cmocka_unit_test(channel__answers_whoever_exceeds_the_limits),
        cmocka_unit_test(
            channel__answers_nothing_to_what_is_malformed_and_nameless),
        cmocka_unit_test(channel__is_given_up_when_it_cannot_tell_who_waits),
        cmocka_unit_test(channel__is_given_up_likewise_when_the_host_closes),
        cmocka_unit_test(channel__keeps_what_comes_beside_a_message),
        cmocka_unit_test(channel__loses_nothing_whatever_memory_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
