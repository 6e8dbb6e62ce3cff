/* Faults and headers on their way between two channels, in all versions. */
#include "tests/support/public/talk.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEXT(literal) { literal, sizeof(literal) - 1 }
#define A10 "http://www.w3.org/2005/08/addressing"
#define S12 "http://www.w3.org/2003/05/soap-envelope"

static const wws_error no_error;

struct versions {
    wws_envelope_version envelope;
    wws_addressing_version addressing;
};

static const struct versions all_versions[] = {
    { WWS_ENVELOPE_VERSION_SOAP_1_2, WWS_ADDRESSING_VERSION_1_0 },
    { WWS_ENVELOPE_VERSION_SOAP_1_2, WWS_ADDRESSING_VERSION_0_9 },
    { WWS_ENVELOPE_VERSION_SOAP_1_1, WWS_ADDRESSING_VERSION_1_0 },
    { WWS_ENVELOPE_VERSION_SOAP_1_1, WWS_ADDRESSING_VERSION_0_9 },
};

/* A client that waits for its reply, and a server that has the request. */
struct pair {
    struct ear ear;
    struct talk client;
    struct talk server; /* its reply is the request that it has received */
    struct heard asking;
};

static wws_message message_of(const struct versions *versions)
{
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;
    wws_message message;

    options.envelope_version = versions->envelope;
    options.addressing_version = versions->addressing;
    must(wws_message_create(&options, &message, no_error) == WWS_S_OK);
    return message;
}

static wws_channel client_of(
    wws_runtime runtime,
    const struct versions *versions,
    const char *url)
{
    wws_channel_options options = channel_options();
    wws_channel channel;

    options.envelope_version = versions->envelope;
    options.addressing_version = versions->addressing;
    must(wws_channel_create(runtime, &options, &channel, no_error)
        == WWS_S_OK);
    must(wws_channel_open(channel, text(url), NULL, no_error) == WWS_S_OK);
    return channel;
}

/* The request has the header, if there is one, as one to be understood. */
static void pair_begin(
    struct pair *pair,
    struct world *world,
    const struct versions *versions,
    const char *header)
{
    wws_listener_options options = listener_options();
    wws_message request = message_of(versions);

    options.envelope_version = versions->envelope;
    options.addressing_version = versions->addressing;
    ear_open_with(&pair->ear, world->runtime, &options);
    pair->client = (struct talk) {
        .channel = client_of(world->runtime, versions, pair->ear.url),
        .request = request,
        .reply = message_of(versions),
    };
    pair->server = (struct talk) {
        .listener = pair->ear.listener,
        .channel = new_server(pair->ear.listener),
        .reply = message_of(versions),
    };
    must(wws_message_initialize(request, WWS_MESSAGE_INITIALIZATION_REQUEST,
        (wws_message) { 0 }, no_error) == WWS_S_OK);
    must(wws_message_set_header(request, WWS_HEADER_ACTION, WWS_STR("urn:a"),
        no_error) == WWS_S_OK);
    if (header != NULL)
        must(wws_message_add_custom_header(request,
            (wws_bytes) { header, strlen(header) }, true, no_error)
            == WWS_S_OK);
    hear(&pair->asking, CALLBACK, start_request_reply, &pair->client);
    must(start_accept(&pair->server, NULL, no_error) == WWS_S_OK);
    must(start_receive(&pair->server, NULL, no_error) == WWS_S_OK);
}

/* What the client has heard must have been heard by then. */
static void pair_end(struct pair *pair)
{
    must(wws_channel_free(pair->client.channel) == WWS_S_OK);
    must(wws_channel_free(pair->server.channel) == WWS_S_OK);
    must(wws_listener_free(pair->ear.listener) == WWS_S_OK);
    must(wws_message_free(pair->client.request) == WWS_S_OK);
    must(wws_message_free(pair->client.reply) == WWS_S_OK);
    must(wws_message_free(pair->server.reply) == WWS_S_OK);
    (void) heard_end(&pair->asking);
}

/* An answer for an error, to be heard of. */
struct answer {
    wws_channel channel;
    wws_message request;
    wws_error cause;
    wws_fault_disclosure disclosure;
};

static wws_status start_send_fault(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct answer *answer = state;

    return wws_channel_send_fault(answer->channel, answer->request,
        answer->cause, answer->disclosure, completion, error);
}

/* Sends it; the cause is no longer what it was when that has begun. */
static wws_status send_fault(
    const struct pair *pair,
    wws_error cause,
    wws_fault_disclosure disclosure,
    enum manner manner)
{
    struct answer answer = { pair->server.channel, pair->server.reply,
        cause, disclosure };
    struct heard heard;

    hear(&heard, manner, start_send_fault, &answer);
    if (manner != SYNC)
        must(wws_error_reset(cause) == WWS_S_OK);
    return heard_end(&heard);
}

static wws_error new_error(void)
{
    wws_error error;

    must(wws_error_create(&error) == WWS_S_OK);
    return error;
}

static void assert_text(wws_string actual, const char *expected)
{
    if (actual.size != strlen(expected)
        || memcmp(actual.data, expected, actual.size) != 0)
        fail_msg("\"%.*s\" is not \"%s\"", (int) actual.size,
            actual.size != 0 ? actual.data : "", expected);
}

static bool contains(wws_string whole, const char *part)
{
    return memmem(whole.data, whole.size, part, strlen(part)) != NULL;
}

static const wws_string namespaces[] = { TEXT("urn:b"), TEXT("urn:c") };
static const wws_string names[] = { TEXT("Far"), TEXT("Near") };
static const wws_string reasons[] = { TEXT("nein"), TEXT("non") };
static const wws_string languages[] = { TEXT("de"), TEXT("fr") };

static wws_fault whole_fault(void)
{
    wws_fault fault = WWS_FAULT_INIT;

    fault.code = WWS_FAULT_CODE_SENDER;
    fault.subcode_namespace = WWS_STR("urn:a");
    fault.subcode_name = WWS_STR("Refused");
    fault.reason = WWS_STR("no & <never>");
    fault.actor = WWS_STR("urn:actor");
    fault.node = WWS_STR("urn:node");
    fault.action = WWS_STR("urn:act");
    fault.detail = (wws_bytes) TEXT("<d xmlns=\"urn:d\"/>");
    fault.headers = (wws_bytes) TEXT("<h xmlns=\"urn:h\"/>");
    fault.outer_subcode_namespaces = namespaces;
    fault.outer_subcode_names = names;
    fault.outer_subcode_namespaces_count = fault.outer_subcode_names_count = 2;
    fault.further_reasons = reasons;
    fault.further_languages = languages;
    fault.further_reasons_count = fault.further_languages_count = 2;
    return fault;
}

static void assert_same_lists(const wws_fault_info *fault)
{
    for (size_t i = 0; i < 2; i++) {
        assert_text(fault->outer_subcode_namespaces[i], namespaces[i].data);
        assert_text(fault->outer_subcode_names[i], names[i].data);
        assert_text(fault->further_reasons[i], reasons[i].data);
        assert_text(fault->further_languages[i], languages[i].data);
    }
}

/* SOAP 1.1 has one code, one reason and no node. */
static void assert_whole(const wws_fault_info *fault, bool old)
{
    wws_string detail = { fault->detail.data, fault->detail.size };
    wws_string headers = { fault->headers.data, fault->headers.size };

    assert_int_equal(fault->code, WWS_FAULT_CODE_SENDER);
    assert_text(fault->subcode_namespace, "urn:a");
    assert_text(fault->subcode_name, "Refused");
    assert_text(fault->reason, "no & <never>");
    assert_text(fault->language, "en");
    assert_text(fault->actor, "urn:actor");
    assert_text(fault->action, "urn:act");
    assert_text(detail, "<d xmlns=\"urn:d\"/>");
    assert_text(headers, "<h xmlns=\"urn:h\"/>");
    assert_text(fault->node, old ? "" : "urn:node");
    assert_int_equal(fault->outer_subcode_names_count, old ? 0 : 2);
    assert_int_equal(fault->outer_subcode_namespaces_count, old ? 0 : 2);
    assert_int_equal(fault->further_reasons_count, old ? 0 : 2);
    assert_int_equal(fault->further_languages_count, old ? 0 : 2);
    if (!old)
        assert_same_lists(fault);
}

/* TF, TE5, TE6: and neither channel is another one after it. */
static void fault__of_an_error_arrives_whole_in_every_version(void **state)
{
    const wws_fault fault = whole_fault();

    for (size_t i = 0; i < COUNT(all_versions); i++)
        for (int manner = 0; manner < MANNERS; manner++) {
            wws_fault_info found = WWS_FAULT_INFO_INIT;
            wws_error cause = new_error();
            struct pair pair;

            pair_begin(&pair, *state, &all_versions[i], NULL);
            assert_status(wws_error_set_fault(cause, &fault), WWS_S_OK);
            assert_status(send_fault(&pair, cause,
                WWS_FAULT_DISCLOSURE_MINIMAL, manner), WWS_S_OK);

            assert_status(heard_wait(&pair.asking),
                WWS_E_ENDPOINT_FAULT_RECEIVED);
            assert_status(wws_error_get_fault(pair.asking.error, &found),
                WWS_S_OK);
            assert_whole(&found, all_versions[i].envelope
                == WWS_ENVELOPE_VERSION_SOAP_1_1);
            assert_int_equal(channel_state(pair.client.channel),
                WWS_CHANNEL_STATE_OPEN);
            assert_int_equal(channel_state(pair.server.channel),
                WWS_CHANNEL_STATE_OPEN);
            assert_status(wws_error_free(cause), WWS_S_OK);
            pair_end(&pair);
        }
}

/* TE5, O12: all of it if that may be told, else nothing of it; and as it
 * stands, whatever it looks like. */
static void fault__tells_of_an_error_what_may_be_told(void **state)
{
    static const char secret[] = "%s%n <b>&amp;</b>";

    for (size_t i = 0; i < COUNT(all_versions); i++)
        for (wws_fault_disclosure disclosure = WWS_FAULT_DISCLOSURE_MINIMAL;
             disclosure <= WWS_FAULT_DISCLOSURE_FULL; disclosure++) {
            wws_fault_info found = WWS_FAULT_INFO_INIT;
            wws_error cause = new_error();
            struct pair pair;

            pair_begin(&pair, *state, &all_versions[i], NULL);
            assert_status(wws_error_add_string(cause, WWS_STR("inner")),
                WWS_S_OK);
            assert_status(wws_error_add_string(cause, text(secret)), WWS_S_OK);
            assert_status(send_fault(&pair, cause, disclosure, CALLBACK),
                WWS_S_OK);

            assert_status(heard_wait(&pair.asking),
                WWS_E_ENDPOINT_FAULT_RECEIVED);
            assert_status(wws_error_get_fault(pair.asking.error, &found),
                WWS_S_OK);
            assert_int_equal(found.code, WWS_FAULT_CODE_RECEIVER);
            if (disclosure == WWS_FAULT_DISCLOSURE_FULL)
                assert_text(found.reason, "%s%n <b>&amp;</b>: inner");
            else
                assert_false(contains(found.reason, "inner")
                    || contains(found.reason, "<b>"));
            assert_status(wws_error_free(cause), WWS_S_OK);
            pair_end(&pair);
        }
}

/* TE2, TE6: a fault that is known is a status of its own. */
static void fault__is_the_status_that_it_stands_for(void **state)
{
    static const char wsse[] = "http://docs.oasis-open.org/wss/2004/01/"
        "oasis-200401-wss-wssecurity-secext-1.0.xsd";
    static const struct {
        const char *ns;
        const char *name;
        wws_status status;
    } cases[] = {
        { A10, "ActionNotSupported", WWS_E_ENDPOINT_ACTION_NOT_SUPPORTED },
        { A10, "DestinationUnreachable", WWS_E_ENDPOINT_NOT_FOUND },
        { A10, "EndpointUnavailable", WWS_E_ENDPOINT_NOT_AVAILABLE },
        { wsse, "FailedAuthentication", WWS_E_ENDPOINT_ACCESS_DENIED },
        { "http://schemas.xmlsoap.org/ws/2005/02/sc", "BadContextToken",
            WWS_E_SECURITY_TOKEN_EXPIRED },
        { "urn:x", "ActionNotSupported", WWS_E_ENDPOINT_FAULT_RECEIVED },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t k = 0; k < COUNT(all_versions); k++) {
            wws_fault fault = WWS_FAULT_INIT;
            wws_error cause = new_error();
            struct pair pair;

            fault.reason = WWS_STR("because");
            fault.subcode_namespace = text(cases[i].ns);
            fault.subcode_name = text(cases[i].name);
            pair_begin(&pair, *state, &all_versions[k], NULL);
            assert_status(wws_error_set_fault(cause, &fault), WWS_S_OK);
            assert_status(send_fault(&pair, cause,
                WWS_FAULT_DISCLOSURE_MINIMAL, CALLBACK), WWS_S_OK);

            assert_status(heard_wait(&pair.asking), cases[i].status);
            assert_status(wws_error_free(cause), WWS_S_OK);
            pair_end(&pair);
        }
}

/* L2, L3: a fault that cannot be sent leaves the request to be answered. */
static void fault__that_cannot_be_sent_can_be_followed_by_another(void **state)
{
    wws_fault fault = whole_fault();
    wws_error cause = new_error();
    wws_message nothing = new_empty();
    struct pair pair;
    struct answer answer;

    pair_begin(&pair, *state, &all_versions[0], NULL);
    fault.detail = (wws_bytes) TEXT("<d");
    assert_status(wws_error_set_fault(cause, &fault), WWS_S_OK);
    assert_status(send_fault(&pair, cause, WWS_FAULT_DISCLOSURE_MINIMAL, SYNC),
        WWS_E_INVALID_FORMAT);
    answer = (struct answer) { pair.server.channel, nothing, cause, 0 };
    assert_status(start_send_fault(&answer, NULL, no_error),
        WWS_E_INVALID_OPERATION);
    answer = (struct answer) { pair.server.channel, pair.server.reply,
        cause, 77 };
    assert_status(start_send_fault(&answer, NULL, no_error),
        WWS_E_INVALIDARG);
    assert_false(heard_yet(&pair.asking));
    assert_status(wws_error_reset(cause), WWS_S_OK);
    assert_status(send_fault(&pair, cause, WWS_FAULT_DISCLOSURE_MINIMAL, SYNC),
        WWS_S_OK);
    assert_status(heard_wait(&pair.asking), WWS_E_ENDPOINT_FAULT_RECEIVED);
    assert_status(wws_channel_abort(pair.server.channel), WWS_S_OK);
    assert_status(send_fault(&pair, cause, WWS_FAULT_DISCLOSURE_MINIMAL, SYNC),
        WWS_E_OBJECT_FAULTED);
    assert_status(wws_error_free(cause), WWS_S_OK);
    assert_status(wws_message_free(nothing), WWS_S_OK);
    pair_end(&pair);
}

static wws_header_info header_info(wws_message message)
{
    wws_header_info info = WWS_HEADER_INFO_INIT;

    assert_status(wws_message_get_custom_header_info(message,
        WWS_STR("Mine"), WWS_STR("urn:h"), 0, &info, no_error), WWS_S_OK);
    return info;
}

/* TF, TE5: the error object holds the fault that says so. */
static void header__that_nobody_understands_is_answered_by_a_fault(
    void **state)
{
    for (size_t i = 0; i < COUNT(all_versions); i++) {
        bool old = all_versions[i].envelope == WWS_ENVELOPE_VERSION_SOAP_1_1;
        wws_fault_info found = WWS_FAULT_INFO_INIT;
        wws_error cause = new_error();
        struct pair pair;

        pair_begin(&pair, *state, &all_versions[i], "<Mine xmlns='urn:h'/>");
        assert_true(header_info(pair.server.reply).must_understand);
        assert_false(header_info(pair.server.reply).understood);
        assert_status(wws_message_check_must_understand(pair.server.reply,
            cause), WWS_E_INVALID_FORMAT);
        assert_status(send_fault(&pair, cause, WWS_FAULT_DISCLOSURE_MINIMAL,
            CALLBACK), WWS_S_OK);

        assert_status(heard_wait(&pair.asking),
            WWS_E_ENDPOINT_FAULT_RECEIVED);
        assert_status(wws_error_get_fault(pair.asking.error, &found),
            WWS_S_OK);
        assert_int_equal(found.code, WWS_FAULT_CODE_MUST_UNDERSTAND);
        assert_int_equal(contains((wws_string) { found.headers.data,
            found.headers.size }, "qname=\"h:Mine\""), !old);
        assert_status(wws_error_free(cause), WWS_S_OK);
        pair_end(&pair);
    }
}

static void header__that_is_marked_is_understood(void **state)
{
    struct pair pair;

    pair_begin(&pair, *state, &all_versions[0], "<Mine xmlns='urn:h'"
        " xmlns:s='" S12 "' s:role='" S12 "/role/next' s:relay='1'/>");
    assert_status(wws_message_mark_header_understood(pair.server.reply,
        WWS_STR("Mine"), WWS_STR("urn:h"), 0, no_error), WWS_S_OK);

    assert_status(wws_message_check_must_understand(pair.server.reply,
        no_error), WWS_S_OK);
    assert_true(header_info(pair.server.reply).understood);
    assert_true(header_info(pair.server.reply).relay);
    assert_text(header_info(pair.server.reply).role, S12 "/role/next");
    assert_status(wws_message_mark_header_understood(pair.server.reply,
        WWS_STR("Mine"), WWS_STR("urn:h"), 1, no_error), WWS_S_END);
    pair_end(&pair);
}

static bool is_addressed(wws_message message)
{
    wws_message_info info = WWS_MESSAGE_INFO_INIT;

    must(wws_message_get_info(message, &info, no_error) == WWS_S_OK);
    return info.is_addressed;
}

/* M5, T5: once; and a channel does it if nobody has. */
static void message__is_addressed_by_whoever_comes_first(void **state)
{
    wws_message message = message_of(&all_versions[0]);
    wws_string to;
    struct pair pair;

    pair_begin(&pair, *state, &all_versions[0], NULL);
    assert_true(is_addressed(pair.client.request));
    assert_true(is_addressed(pair.server.reply));
    assert_status(wws_message_get_header(pair.server.reply, WWS_HEADER_TO,
        &to, no_error), WWS_S_OK);
    assert_text(to, pair.ear.url);

    assert_false(is_addressed(message));
    assert_status(wws_message_address(message, WWS_STR("urn:to"),
        (wws_bytes) { 0 }, no_error), WWS_E_INVALID_OPERATION);
    assert_status(wws_message_initialize(message,
        WWS_MESSAGE_INITIALIZATION_REQUEST, (wws_message) { 0 }, no_error),
        WWS_S_OK);
    assert_false(is_addressed(message));
    assert_status(wws_message_address(message, WWS_STR("urn:to"),
        (wws_bytes) TEXT("<p xmlns='urn:p'/>"), no_error), WWS_S_OK);
    assert_true(is_addressed(message));
    assert_status(wws_message_address(message, WWS_STR("urn:to"),
        (wws_bytes) { 0 }, no_error), WWS_E_INVALID_OPERATION);
    assert_status(wws_message_free(message), WWS_S_OK);
    pair_end(&pair);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(fault__of_an_error_arrives_whole_in_every_version),
        in_world(fault__tells_of_an_error_what_may_be_told),
        in_world(fault__is_the_status_that_it_stands_for),
        in_world(fault__that_cannot_be_sent_can_be_followed_by_another),
        in_world(header__that_nobody_understands_is_answered_by_a_fault),
        in_world(header__that_is_marked_is_understood),
        in_world(message__is_addressed_by_whoever_comes_first),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
