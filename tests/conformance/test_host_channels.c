/* What a host asks for besides calls: channels to accept and their end,
 * requests to let in.  The diary of a desk says what came, in which order; over
 * HTTP each request is a channel of its own. */
#include "tests/support/public/desk.h"
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

static const wws_error no_error;

static bool has_sessions(void)
{
    return wire()->has_sessions;
}

static wws_service_host_state host_state(const struct desk *desk)
{
    wws_service_host_state state;

    must(wws_service_host_get_state(desk->host, &state, no_error)
        == WWS_S_OK);
    return state;
}

static void begin(struct desk *desk, void **state, enum way way)
{
    wws_endpoint_options endpoint = desk_endpoint();

    desk_open(desk, *state, way, &endpoint);
}

/* One call of a client of its own, which then goes in order. */
static wws_status call_once(const struct desk *desk)
{
    wws_service_proxy proxy = world_proxy(desk->world, NULL, desk->url);
    wws_status status = call_now(proxy, ACTION_ECHO);

    must(wws_service_proxy_close(proxy, NULL, no_error) == WWS_S_OK);
    must(wws_service_proxy_free(proxy) == WWS_S_OK);
    return status;
}

/* A client whose request is on its way. */
static int ask(const struct desk *desk)
{
    int client = peer_connect(desk->url);

    peer_request(client, ACTION_ECHO, 0);
    return client;
}

/* T41, D30, G126, G142, G143, A34, A35: accept, then for each request authorize
 * and call, and the close last; each finds what the accept has set. */
static void channel__goes_through_its_operations_in_order(void **state)
{
    for (int way = 0; way < WAYS; way++) {
        struct desk desk = { 0 };
        wws_service_proxy proxy;

        begin(&desk, state, way);
        proxy = world_proxy(desk.world, NULL, desk.url);
        for (int i = 0; i < 3; i++) {
            assert_status(call_now(proxy, ACTION_ECHO), WWS_S_OK);
            if (!has_sessions())
                assert_true(desk_reads(&desk,
                    i == 0 ? "AUCX" : i == 1 ? "AUCXAUCX" : "AUCXAUCXAUCX"));
        }
        assert_status(wws_service_proxy_close(proxy, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);

        assert_true(desk_reads(&desk,
            has_sessions() ? "AUCUCUCX" : "AUCXAUCXAUCX"));
        desk_close(&desk);
    }
}

/* T41, A35, D39: the first request is not served, and of a session not even
 * received, before the channel has been accepted, however long that takes. */
static void channel__serves_nothing_before_it_is_accepted(void **state)
{
    for (int way = 0; way < WAYS; way++) {
        struct desk desk = { .of[ACCEPT].waits = true };
        int client;

        begin(&desk, state, way);
        client = ask(&desk);
        assert_true(desk_reads(&desk, "A"));
        desk_complete(&desk, ACCEPT);

        assert_true(peer_answered(client));
        peer_reset(client);
        assert_true(desk_reads(&desk, "AUCX"));
        desk_close(&desk);
    }
}

/* D31, G142, T41, H2: it is aborted, its end is told all the same, and nothing
 * else is harmed. */
static void channel__that_is_not_accepted_is_aborted(void **state)
{
    for (int way = 0; way < WAYS; way++)
        for (int waits = 0; waits < 2; waits++) {
            struct desk desk = { .of[ACCEPT] = {
                .result = WWS_E_OTHER, .waits = waits != 0 } };
            int client;

            begin(&desk, state, way);
            client = ask(&desk);
            if (waits) {
                assert_true(desk_reads(&desk, "A"));
                desk_complete(&desk, ACCEPT);
            }

            assert_true(peer_ended(client));
            peer_reset(client);
            assert_true(desk_reads(&desk, "AX"));
            desk_set(&desk, ACCEPT, (struct conduct) { .waits = false });
            assert_status(call_once(&desk), WWS_S_OK);
            assert_true(desk_reads(&desk, "AXAUCX"));
            assert_int_equal(host_state(&desk), WWS_SERVICE_HOST_STATE_OPEN);
            desk_close(&desk);
        }
}

/* G144, T41: a request that is not let in costs its channel and no other. */
static void request__that_is_not_let_in_aborts_its_channel(void **state)
{
    for (int way = 0; way < WAYS; way++)
        for (int waits = 0; waits < 2; waits++) {
            struct desk desk = { .of[CALL].waits = true };
            int spared, client;

            begin(&desk, state, way);
            spared = ask(&desk);
            assert_true(desk_reads(&desk, "AUC"));
            desk_set(&desk, AUTHORIZE, (struct conduct) {
                .result = WWS_E_OTHER, .waits = waits != 0 });
            client = ask(&desk);
            if (waits) {
                assert_true(desk_reads(&desk, "AUCAU"));
                desk_complete(&desk, AUTHORIZE);
            }

            assert_true(peer_ended(client));
            peer_reset(client);
            assert_true(desk_reads(&desk, "AUCAUX"));
            desk_complete(&desk, CALL);
            assert_true(peer_answered(spared));
            peer_reset(spared);
            desk_close(&desk);
        }
}

/* The diary when an operation of the kind is the last to have begun. */
static const char *until(wws_operation_kind kind)
{
    return kind == ACCEPT ? "A" : kind == AUTHORIZE ? "AU" : "AUC";
}

static void *held_in(struct desk *desk, wws_operation_kind kind)
{
    desk->of[kind] = (struct conduct) { .waits = true, .registers = true };
    return desk;
}

/* G100, G101, G107, G111, G112, G113, G118, G143, G145, D32: each kind is told,
 * once, when its client goes; it runs on, and its channel's end waits for
 * it. */
static void operation_of_each_kind__is_told_when_its_client_goes(void **state)
{
    static const wws_operation_kind kinds[] = { ACCEPT, AUTHORIZE, CALL };

    for (int way = 0; way < WAYS; way++)
        for (int i = 0; i < 3; i++) {
            char letter = until(kinds[i])[strlen(until(kinds[i])) - 1];
            struct desk desk = { 0 };
            char diary[16];
            int client;

            held_in(&desk, kinds[i]);
            begin(&desk, state, way);
            client = ask(&desk);
            assert_true(desk_reads(&desk, until(kinds[i])));
            peer_reset(client);

            sprintf(diary, "%s!%c", until(kinds[i]), letter);
            assert_true(desk_reads(&desk, diary));
            desk_complete(&desk, kinds[i]);
            sprintf(diary, "%s!%c-%cX", until(kinds[i]), letter, letter);
            assert_true(desk_reads(&desk, diary));
            assert_int_equal(desk.channel_faulted, 1);
            assert_int_equal(desk.host_aborted, 0);
            desk_close(&desk);
        }
}

/* G100, G110, G120, G122, G123, G125, G126, G127, D27, D30: each kind is told,
 * once; its registration ends, then the channel's end is heard of, and only
 * when that is over is the host closed. */
static void operation_of_each_kind__is_told_when_the_host_aborts(void **state)
{
    static const wws_operation_kind kinds[] = { ACCEPT, AUTHORIZE, CALL };

    for (int way = 0; way < WAYS; way++)
        for (int i = 0; i < 3; i++) {
            char letter = until(kinds[i])[strlen(until(kinds[i])) - 1];
            struct desk desk = { .of[CLOSE].waits = true };
            struct heard closed;
            char diary[16];
            int client;

            held_in(&desk, kinds[i]);
            begin(&desk, state, way);
            client = ask(&desk);
            assert_true(desk_reads(&desk, until(kinds[i])));
            assert_status(wws_service_host_abort(desk.host), WWS_S_OK);
            sprintf(diary, "%s!%c", until(kinds[i]), letter);
            assert_true(desk_reads(&desk, diary));
            assert_true(peer_ended(client));
            peer_reset(client);
            hear(&closed, CALLBACK, start_close_host, &desk.host);
            assert_false(heard_yet(&closed));
            desk_complete(&desk, kinds[i]);

            sprintf(diary, "%s!%c-%cX", until(kinds[i]), letter, letter);
            assert_true(desk_reads(&desk, diary));
            assert_false(heard_yet(&closed));
            desk_complete(&desk, CLOSE);
            assert_status(heard_end(&closed), WWS_S_OK);
            assert_int_equal(desk.host_aborted, 1);
            assert_int_equal(desk.channel_faulted, 0);
            desk_close(&desk);
        }
}

/* G100, G105, G107, G126: the last operation of a channel can be told, too; by
 * the host alone, for its channel is over.  One that begins in an aborted host
 * is told when it registers. */
static void close_channel__is_told_when_the_host_aborts(void **state)
{
    for (int way = 0; way < WAYS; way++)
        for (int late = 0; late < 2; late++) {
            struct desk desk = { 0 };

            held_in(&desk, CLOSE);
            desk.of[CALL].waits = late != 0;
            begin(&desk, state, way);
            if (late) {
                int client = ask(&desk);

                assert_true(desk_reads(&desk, "AUC"));
                assert_status(wws_service_host_abort(desk.host), WWS_S_OK);
                assert_true(peer_ended(client));
                peer_reset(client);
                desk_complete(&desk, CALL);
                assert_true(desk_reads(&desk, "AUC!XX"));
            } else {
                assert_status(call_once(&desk), WWS_S_OK);
                assert_true(desk_reads(&desk, "AUCX"));
                assert_status(wws_service_host_abort(desk.host), WWS_S_OK);
                assert_true(desk_reads(&desk, "AUCX!X"));
            }
            desk_complete(&desk, CLOSE);

            assert_true(desk_reads(&desk, late ? "AUC!XX-X" : "AUCX!X-X"));
            assert_int_equal(desk.host_aborted, 1);
            desk_close(&desk);
        }
}

/* G131, G132, G127: what has been accepted goes on to its end. */
static void host_close__waits_for_the_end_of_channels(void **state)
{
    for (int way = 0; way < WAYS; way++) {
        struct desk desk = { .of = { [CALL].waits = true,
            [CLOSE].waits = true } };
        struct heard closed;
        int client;

        begin(&desk, state, way);
        client = ask(&desk);
        assert_true(desk_reads(&desk, "AUC"));
        hear(&closed, CALLBACK, start_close_host, &desk.host);
        desk_complete(&desk, CALL);
        assert_true(peer_answered(client));
        peer_end_session(client);
        assert_true(peer_ended(client));
        peer_reset(client);
        assert_true(desk_reads(&desk, "AUCX"));
        assert_false(heard_yet(&closed));
        desk_complete(&desk, CLOSE);

        assert_status(heard_end(&closed), WWS_S_OK);
        desk_close(&desk);
    }
}

/* T62, T41: the reply is sent; another message is too much. */
static void channel__whose_last_call_is_over_takes_no_other(void **state)
{
    for (int way = 0; way < WAYS; way++) {
        struct desk desk = { .of[CALL].result = WWS_S_END };
        int client;

        begin(&desk, state, way);
        client = ask(&desk);
        assert_true(peer_answered(client));
        assert_true(desk_reads(&desk, has_sessions() ? "AUC" : "AUCX"));
        peer_request_again(client, ACTION_ECHO);
        if (has_sessions())
            assert_true(peer_ended(client));
        else
            assert_true(peer_answered(client));

        assert_true(desk_reads(&desk, has_sessions() ? "AUCX" : "AUCXAUCX"));
        peer_reset(client);
        desk_close(&desk);
    }
}

static bool was_told(void *state)
{
    struct desk *desk = state;

    return desk_count(desk, &desk->channel_faulted) != 0;
}

static bool was_closed(void *state)
{
    struct desk *desk = state;

    return desk_count(desk, &desk->closed) != 0;
}

static void abort_channel(struct desk *desk, wws_operation operation)
{
    (void) desk;
    must(wws_operation_abort_channel(operation) == WWS_S_OK);
    must(wws_operation_abort_channel(operation) == WWS_S_OK);
}

/* G28, D40, G15: from each kind; the client is cut off, nothing of the kind is
 * answered, and the operation is told as of any fault. */
static void operation__may_abort_its_channel(void **state)
{
    static const wws_operation_kind kinds[] = { ACCEPT, AUTHORIZE, CALL };

    for (int way = 0; way < WAYS; way++)
        for (int i = 0; i < 3; i++) {
            struct desk desk = { 0 };
            int client;

            held_in(&desk, kinds[i]);
            desk.of[kinds[i]].act = abort_channel;
            begin(&desk, state, way);
            client = ask(&desk);
            assert_true(peer_ended(client));
            peer_reset(client);
            assert_true(await(was_told, &desk));
            desk_complete(&desk, kinds[i]);

            assert_true(await(was_closed, &desk));
            assert_int_equal(desk_count(&desk, &desk.channel_faulted), 1);
            desk_close(&desk);
        }
}

static void expect_text(
    wws_operation operation,
    wws_operation_text property,
    const char *beginning)
{
    wws_buffer value;

    must(wws_operation_get_text(operation, property, &value, no_error)
        == WWS_S_OK);
    must(value.size >= strlen(beginning)
        && memcmp(value.data, beginning, strlen(beginning)) == 0);
    wws_buffer_release(&value);
}

/* At its end a channel has no client any more. */
static void look_at_texts(
    const struct desk *desk,
    wws_operation operation,
    wws_operation_kind kind)
{
    wws_buffer value = { NULL, 77, NULL, NULL };

    expect_text(operation, WWS_OPERATION_TEXT_ENDPOINT_ADDRESS, desk->url);
    must(wws_operation_get_text(operation, 77, &value, no_error)
        == WWS_E_INVALIDARG);
    if (kind != CLOSE) {
        expect_text(operation, WWS_OPERATION_TEXT_REMOTE_ADDRESS,
            wire()->remote);
        expect_text(operation, WWS_OPERATION_TEXT_TRANSPORT_URL, desk->url);
    } else {
        must(wws_operation_get_text(operation,
            WWS_OPERATION_TEXT_REMOTE_ADDRESS, &value, no_error)
            == WWS_E_INVALID_OPERATION);
        must(wws_operation_get_text(operation,
            WWS_OPERATION_TEXT_TRANSPORT_URL, &value, no_error)
            == WWS_E_INVALID_OPERATION);
    }
    must(value.size == 77);
}

/* What is there in which kind, L1. */
static void look_around(struct desk *desk, wws_operation operation)
{
    static const uint8_t has_request[KINDS] = {
        [AUTHORIZE] = 1, [CALL] = 1, [MESSAGE] = 1 };
    static const uint8_t has_reply[KINDS] = { [CALL] = 1, [MESSAGE] = 1 };
    wws_operation_info info = WWS_OPERATION_INFO_INIT;
    wws_fault fault = WWS_FAULT_INIT;
    wws_message message = { 77 };
    wws_bytes body;

    must(wws_operation_get_info(operation, &info, no_error) == WWS_S_OK);
    must((wws_operation_get_request(operation, &message, no_error)
        == WWS_S_OK) == has_request[info.kind]);
    must((wws_operation_get_body(operation, &body, no_error) == WWS_S_OK)
        == has_request[info.kind]);
    must((info.action.size != 0) == has_request[info.kind]);
    message.id = 77;
    must(wws_operation_get_reply(operation, &message, no_error)
        == (has_reply[info.kind] ? WWS_S_OK : WWS_E_INVALIDARG));
    must((message.id != 77) == has_reply[info.kind]);
    fault.reason = text("none");
    must(wws_operation_set_fault(operation, &fault, no_error)
        == (has_reply[info.kind] ? WWS_S_OK : WWS_E_INVALIDARG));
    must(wws_operation_set_reply(operation, (wws_bytes) { NULL, 0 }, no_error)
        == (has_reply[info.kind] ? WWS_S_OK : WWS_E_INVALIDARG));
    if (info.kind != ACCEPT)
        must(wws_operation_set_channel_state(operation, NULL, no_error)
            == WWS_E_INVALID_OPERATION);
    look_at_texts(desk, operation, info.kind);
}

/* A36, T41: each kind has what it needs, and nothing else. */
static void operation_of_each_kind__has_what_belongs_to_it(void **state)
{
    for (int way = 0; way < WAYS; way++) {
        struct desk desk = { 0 };

        for (int kind = 0; kind < KINDS; kind++)
            desk.of[kind].act = look_around;
        begin(&desk, state, way);
        assert_status(call_once(&desk), WWS_S_OK);
        assert_true(desk_reads(&desk, "AUCX"));
        desk_close(&desk);
    }
}

/* D40, G28, G145: the others on the channel are told as well, those of other
 * channels are not. */
static void operation__that_aborts_its_channel_cancels_the_others(
    void **state)
{
    wws_endpoint_options endpoint = endpoint_options();
    struct desk desk = { 0 };
    int spared, client;

    endpoint.max_concurrency = 4;
    held_in(&desk, CALL);
    desk_open(&desk, *state, LONG_WAY, &endpoint);
    spared = ask(&desk);
    assert_true(desk_reads(&desk, "C"));
    client = ask(&desk);
    peer_request_again(client, ACTION_ECHO);
    assert_true(desk_reads(&desk, "CCC"));
    assert_status(wws_operation_abort_channel(desk.notes[2].operation),
        WWS_S_OK);

    assert_true(desk_reads(&desk, "CCC!C!C"));
    assert_true(peer_ended(client));
    peer_reset(client);
    for (int i = 0; i < 3; i++)
        desk_complete(&desk, CALL);
    assert_true(peer_answered(spared));
    peer_reset(spared);
    assert_int_equal(desk.channel_faulted, 2);
    desk_close(&desk);
}

/* A34, A35, T62: by a callback or from a queue, at once or later. */
static void operation__answers_at_once_or_later(void **state)
{
    for (int way = 0; way < WAYS; way++)
        for (int waits = 0; waits < 2; waits++) {
            struct desk desk = { .of[CALL].waits = waits != 0 };
            int client;

            desk_open(&desk, *state, way, NULL);
            client = ask(&desk);
            assert_true(desk_reads(&desk, "C"));
            if (waits)
                desk_complete(&desk, CALL);

            assert_true(peer_answered(client));
            peer_reset(client);
            desk_close(&desk);
        }
}

struct use {
    pthread_t thread;
    wws_operation operation;
};

static void *use_operation(void *state)
{
    static const char body[] = "<r xmlns='urn:r'/>";
    wws_operation operation = ((struct use *) state)->operation;
    wws_operation_info info = WWS_OPERATION_INFO_INIT;
    wws_bytes request;
    wws_error reason;

    for (int i = 0; i < 200; i++) {
        wws_status status = wws_operation_set_reply(operation, (wws_bytes) {
            body, sizeof body - 1 }, no_error);

        /* Messages are for one at a time. */
        must(status == WWS_S_OK || status == WWS_E_INVALID_OPERATION);
        status = wws_operation_get_body(operation, &request, no_error);
        must(status == WWS_S_OK || status == WWS_E_INVALID_OPERATION);
        must(wws_operation_get_info(operation, &info, no_error) == WWS_S_OK);
        must(wws_operation_get_error(operation, &reason, no_error)
            == WWS_S_OK);
        expect_text(operation, WWS_OPERATION_TEXT_REMOTE_ADDRESS,
            wire()->remote);
    }
    return NULL;
}

/* D39: by several at once, and it is completed on yet another thread. */
static void operation__is_used_on_any_thread(void **state)
{
    enum { USERS = 4 };
    struct desk desk = { .of[CALL].waits = true };
    struct use uses[USERS];
    int client;

    desk_open(&desk, *state, LONG_WAY, NULL);
    client = ask(&desk);
    assert_true(desk_reads(&desk, "C"));
    for (int i = 0; i < USERS; i++) {
        uses[i].operation = desk.notes[0].operation;
        must(pthread_create(&uses[i].thread, NULL, use_operation, &uses[i])
            == 0);
    }
    for (int i = 0; i < USERS; i++)
        must(pthread_join(uses[i].thread, NULL) == 0);
    desk_complete(&desk, CALL);

    assert_true(peer_answered(client));
    peer_reset(client);
    desk_close(&desk);
}

/* H8: a client beyond the limit waits until another has gone. */
static void endpoint__serves_so_many_channels(void **state)
{
    wws_endpoint_options endpoint = endpoint_options();
    struct desk desk = { .of[CALL].waits = true };
    struct world *world = *state;
    int first, second;

    endpoint.max_channels = 1;
    desk_open(&desk, world, LONG_WAY, &endpoint);
    first = ask(&desk);
    assert_true(desk_reads(&desk, "C"));
    second = ask(&desk);
    /* Time enough to be served, for others are. */
    for (int i = 0; i < 50; i++)
        assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    assert_true(desk_reads(&desk, "C"));
    desk_complete(&desk, CALL);
    assert_true(peer_answered(first));
    peer_reset(first);

    assert_true(desk_reads(&desk, "CC"));
    desk_complete(&desk, CALL);
    assert_true(peer_answered(second));
    peer_reset(second);
    desk_close(&desk);
}

static wws_status start_call_once(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    (void) completion;
    (void) error;
    return call_once(state);
}

/* What nobody has fetched ends with its host, but for the end of a channel that
 * is known: that has still to be fetched, and the host's close waits for it. */
static void operation__that_is_not_fetched_ends_with_its_host(void **state)
{
    for (unsigned fetched = 0; fetched < 3; fetched++) {
        struct desk desk = { 0 };
        struct heard closed;
        int client;

        begin(&desk, state, BY_HAND);
        client = ask(&desk);
        for (unsigned k = 0; k < fetched; k++)
            desk_fetch(&desk);
        assert_true(desk_has_event(&desk));
        assert_status(wws_service_host_abort(desk.host), WWS_S_OK);
        assert_true(peer_ended(client));
        peer_reset(client);
        hear(&closed, CALLBACK, start_close_host, &desk.host);
        if (fetched > 0) {
            assert_false(heard_yet(&closed));
            desk_fetch(&desk);
        }

        assert_status(heard_end(&closed), WWS_S_OK);
        assert_int_equal(desk.closed, desk.accepted);
        desk_close(&desk);
    }
}

/* The queue goes: a channel or request that it held is turned away. */
static void channel__of_a_queue_that_is_freed_is_aborted(void **state)
{
    for (unsigned fetched = 0; fetched < 2; fetched++) {
        struct desk desk = { .dropped = true };
        int client;

        begin(&desk, state, BY_HAND);
        client = ask(&desk);
        for (unsigned k = 0; k < fetched; k++)
            desk_fetch(&desk);
        assert_true(desk_has_event(&desk));
        assert_status(wws_queue_free(desk.queue), WWS_S_OK);

        assert_true(peer_ended(client));
        peer_reset(client);
        desk_close(&desk);
    }
}

/* A call that it held is answered with a fault; after that nobody hears that
 * the channel is over. */
static void call__of_a_queue_that_is_freed_fails(void **state)
{
    for (unsigned fetched = 2; fetched < 4; fetched++) {
        struct desk desk = { .dropped = true };
        struct heard called;

        begin(&desk, state, BY_HAND);
        hear(&called, SYNC, start_call_once, &desk);
        for (unsigned k = 0; k < fetched; k++)
            desk_fetch(&desk);
        if (fetched == 2)
            assert_true(desk_has_event(&desk));
        assert_status(wws_queue_free(desk.queue), WWS_S_OK);

        assert_status(heard_end(&called), fetched == 3 ? WWS_S_OK
            : WWS_E_ENDPOINT_FAULT_RECEIVED);
        assert_status(wws_service_host_close(desk.host, NULL, no_error),
            WWS_S_OK);
        desk_close(&desk);
    }
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(channel__goes_through_its_operations_in_order),
        in_world(channel__serves_nothing_before_it_is_accepted),
        in_world(channel__that_is_not_accepted_is_aborted),
        in_world(request__that_is_not_let_in_aborts_its_channel),
        in_world(operation_of_each_kind__is_told_when_its_client_goes),
        in_world(operation_of_each_kind__is_told_when_the_host_aborts),
        in_world(close_channel__is_told_when_the_host_aborts),
        in_world(host_close__waits_for_the_end_of_channels),
        in_world(channel__whose_last_call_is_over_takes_no_other),
        in_world(operation__may_abort_its_channel),
        in_world(operation_of_each_kind__has_what_belongs_to_it),
        over(OVER_TCP, operation__that_aborts_its_channel_cancels_the_others),
        in_world(operation__answers_at_once_or_later),
        in_world(operation__is_used_on_any_thread),
        in_world(endpoint__serves_so_many_channels),
        in_world(operation__that_is_not_fetched_ends_with_its_host),
        in_world(channel__of_a_queue_that_is_freed_is_aborted),
        in_world(call__of_a_queue_that_is_freed_fails),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
