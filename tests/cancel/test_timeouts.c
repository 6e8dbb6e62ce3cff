/* Time that is over: one budget for a call, one a phase for a bare channel. */
#include <unistd.h>

#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

enum { BRIEF_MS = 30 };

static const wws_error no_error;

/* Peers that stop in the middle, and where that leaves the caller. */
struct stage {
    const char *name;
    const char *over; /* one transport only */
    struct peer_script script;
    bool full;
    size_t body;
    wws_phase phase;
    wws_progress progress;
};

static const struct stage stages[] = {
    { .name = "connecting", .over = OVER_HTTP,
      .full = true, .phase = WWS_PHASE_CONNECT,
      .progress = WWS_PROGRESS_NOT_SENT },
    { .name = "sending", .script = { .deaf = true }, .body = 8000000,
      .phase = WWS_PHASE_SEND, .progress = WWS_PROGRESS_PARTLY_SENT },
    { .name = "waiting", .script = { .then = PEER_HOLDS },
      .phase = WWS_PHASE_WAIT, .progress = WWS_PROGRESS_SENT },
    { .name = "head", .over = OVER_HTTP,
      .script = { .answers = true, .sends = 20 },
      .phase = WWS_PHASE_HEADERS, .progress = WWS_PROGRESS_REPLYING },
    { .name = "body", .over = OVER_HTTP,
      .script = { .answers = true, .sends = 200 },
      .phase = WWS_PHASE_BODY, .progress = WWS_PROGRESS_REPLYING },
};

enum { STAGES = sizeof stages / sizeof stages[0] };

static void start_peer(struct peer *peer, const struct stage *stage)
{
    if (stage->full)
        peer_start_full(peer);
    else
        peer_start(peer, &stage->script);
}

static bool is_at(const struct heard *heard, const struct stage *stage)
{
    wws_error_info info = heard_info(heard);

    return info.phase == stage->phase && info.progress == stage->progress;
}

static wws_service_proxy_state proxy_state(wws_service_proxy proxy)
{
    wws_service_proxy_state state;

    assert_status(wws_service_proxy_get_state(proxy, &state, no_error),
        WWS_S_OK);
    return state;
}

/* Whether the call had come to the stage when its time was over. */
static bool time_ends_at(
    struct world *world,
    const struct stage *stage,
    int manner,
    uint32_t timeout_ms)
{
    wws_service_proxy_options options = proxy_options();
    wws_message request = new_request(ACTION_ECHO, stage->body);
    wws_service_proxy proxy;
    struct heard heard;
    struct call call;
    struct peer peer;
    bool at;

    options.max_message_size = 16000000;
    options.max_pending_calls = 1;
    start_peer(&peer, stage);
    proxy = world_proxy(world, &options, peer.url);
    call = call_to(proxy, ACTION_ECHO);
    assert_status(wws_message_get_body(request, &call.body, no_error),
        WWS_S_OK);
    call.options.timeout_ms = timeout_ms;
    hear(&heard, manner, start_call, &call);

    assert_status(heard_wait(&heard), WWS_E_OPERATION_TIMED_OUT);
    at = is_at(&heard, stage);
    assert_true(heard_says(&heard, "time allowed"));
    assert_status(heard_end(&heard), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(proxy_state(proxy), WWS_SERVICE_PROXY_STATE_OPEN);
    if (!stage->full && at && !wire()->has_sessions)
        assert_true(peer_reaches(&peer, &peer.gone, 1));
    /* The budget is there again at once. */
    call.options.timeout_ms = 1;
    assert_status(start_call(&call, NULL, no_error),
        WWS_E_OPERATION_TIMED_OUT);
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
    assert_status(wws_message_free(request), WWS_S_OK);
    peer_stop(&peer);
    return at;
}

/* T31, G73, G81 to G84, D14: whatever it does; ours stops the exchange. On a
 * busy machine the brief time may be over before the stage is reached: then it
 * gets more. */
static void call__ends_when_its_time_is_over(void **state)
{
    for (int i = 0; i < STAGES; i++)
        for (int manner = 0; manner < MANNERS && is_here(stages[i].over);
             manner++) {
            uint32_t timeout_ms = BRIEF_MS;

            while (!time_ends_at(*state, &stages[i], manner, timeout_ms)) {
                timeout_ms *= 4;
                assert_true(timeout_ms < 60000);
            }
        }
}

/* G82 as it was: the call goes on, and uses up the budget. */
static void call__may_be_abandoned_when_its_time_is_over(void **state)
{
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;
    wws_service_proxy proxy;

    options.timeout_abandons = 1;
    options.call_timeout_ms = BRIEF_MS;
    options.max_pending_calls = 1;
    proxy = world_proxy(world, &options, world->url);
    world->gate.registers = true;
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct call call = call_to(proxy, ACTION_LATER);
        struct heard heard;

        hear(&heard, manner, start_call, &call);
        assert_status(heard_wait(&heard), WWS_E_OPERATION_TIMED_OUT);
        assert_true(heard_says(&heard, "goes on in the background"));
        assert_status(heard_end(&heard), WWS_E_OPERATION_TIMED_OUT);
        assert_status(call_now(proxy, ACTION_ECHO), WWS_E_QUOTA_EXCEEDED);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            manner + 1));
        gate_release(&world->gate, 1);

        assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED,
            manner + 1));
    }
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 0);
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
}

/* G118: the server learns of it, and the next call is served. */
static void call__that_timed_out_is_cancelled_at_the_server(void **state)
{
    struct world *world = *state;

    world->gate.registers = true;
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct call call = call_to(world->proxy, ACTION_LATER);
        struct heard heard;

        call.options.timeout_ms = BRIEF_MS * 50;
        hear(&heard, manner, start_call, &call);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            manner * 2 + 1));
        assert_status(heard_end(&heard), WWS_E_OPERATION_TIMED_OUT);

        assert_true(gate_reaches(&world->gate,
            &world->gate.told_by[WWS_CANCEL_REASON_CHANNEL_FAULTED],
            manner + 1));
        assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    }
}

/* A channel's own limits, one a phase; it stays open, unless that cuts off a
 * message of a session (D9). */

static void limit(
    wws_channel_options *options,
    const struct stage *stage,
    uint32_t timeout_ms)
{
    options->max_message_size = 16000000;
    switch (stage->phase) {
    case WWS_PHASE_CONNECT:
        options->connect_timeout_ms = timeout_ms;
        break;
    case WWS_PHASE_SEND:
        options->send_timeout_ms = timeout_ms;
        break;
    case WWS_PHASE_BODY:
        options->receive_timeout_ms = timeout_ms;
        break;
    default:
        options->receive_response_timeout_ms = timeout_ms;
        if (wire()->has_sessions)
            options->receive_timeout_ms = timeout_ms;
        break;
    }
}

static bool limit_ends_at(
    struct world *world,
    const struct stage *stage,
    int manner,
    uint32_t timeout_ms)
{
    wws_channel_options options = channel_options();
    struct talk talk = { .reply = new_empty() };
    struct heard heard;
    struct peer peer;
    bool at, cut;

    start_peer(&peer, stage);
    limit(&options, stage, timeout_ms);
    talk.request = new_request(ACTION_ECHO, stage->body);
    assert_status(wws_channel_create(world->runtime, &options, &talk.channel,
        no_error), WWS_S_OK);
    assert_status(wws_channel_open(talk.channel, text(peer.url), NULL,
        no_error), WWS_S_OK);
    hear(&heard, manner, start_request_reply, &talk);

    assert_status(heard_wait(&heard), WWS_E_OPERATION_TIMED_OUT);
    at = is_at(&heard, stage);
    assert_status(heard_end(&heard), WWS_E_OPERATION_TIMED_OUT);
    cut = wire()->has_sessions && stage->phase == WWS_PHASE_SEND && at;
    assert_true(channel_becomes(talk.channel, cut
        ? WWS_CHANNEL_STATE_FAULTED : WWS_CHANNEL_STATE_OPEN));
    if (!stage->full && at && (cut || !wire()->has_sessions))
        assert_true(peer_reaches(&peer, &peer.gone, 1));
    assert_status(wws_channel_close(talk.channel, NULL, no_error), WWS_S_OK);
    assert_status(wws_channel_free(talk.channel), WWS_S_OK);
    assert_status(wws_message_free(talk.request), WWS_S_OK);
    assert_status(wws_message_free(talk.reply), WWS_S_OK);
    peer_stop(&peer);
    return at;
}

/* TT11, D9 */
static void channel__ends_a_phase_that_takes_too_long(void **state)
{
    for (int i = 0; i < STAGES; i++)
        for (int manner = 0; manner < MANNERS && is_here(stages[i].over);
             manner++) {
            uint32_t timeout_ms = BRIEF_MS;

            while (!limit_ends_at(*state, &stages[i], manner, timeout_ms)) {
                timeout_ms *= 4;
                assert_true(timeout_ms < 60000);
            }
        }
}

/* T31, PR1, PR2, L4, E3, A10: peers that break off: the status of the loss, for
 * that call alone, or for all that share the session. */
static void call__says_how_the_connection_was_lost(void **state)
{
    static const struct {
        size_t reads, sends;
    } parts[] = { { 1, 0 }, { 100, 0 }, { 0, 1 }, { 0, 20 }, { 0, 200 } };
    struct world *world = *state;

    for (int end = PEER_CLOSES; end <= PEER_RESETS; end++)
        for (int part = 0; part < 5; part++)
            for (int manner = 0; manner < MANNERS; manner++) {
                const struct peer_script script = {
                    .reads = parts[part].reads,
                    .answers = parts[part].sends != 0,
                    .sends = parts[part].sends,
                    .then = (enum peer_end) end,
                };
                wws_service_proxy proxy;
                struct heard heard;
                struct call call;
                struct peer peer;

                peer_start(&peer, &script);
                proxy = world_proxy(world, NULL, peer.url);
                call = call_to(proxy, ACTION_ECHO);
                hear(&heard, manner, start_call, &call);

                assert_status(heard_wait(&heard),
                    WWS_E_ENDPOINT_DISCONNECTED);
                assert_int_not_equal(heard_info(&heard).progress,
                    WWS_PROGRESS_NOT_SENT);
                assert_status(heard_end(&heard),
                    WWS_E_ENDPOINT_DISCONNECTED);
                /* The call may hear of the loss before its proxy does. */
                assert_true(proxy_becomes(proxy, wire()->has_sessions
                    ? WWS_SERVICE_PROXY_STATE_FAULTED
                    : WWS_SERVICE_PROXY_STATE_OPEN));
                assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
                peer_stop(&peer);
            }
}

/* Nobody listens: at once, and nothing was sent. */
static void call__to_nobody_says_that_nothing_was_sent(void **state)
{
    const struct peer_script script = { .then = PEER_HOLDS };
    struct world *world = *state;
    struct peer peer;

    peer_start(&peer, &script);
    peer_stop(&peer);
    for (int manner = 0; manner < MANNERS; manner++) {
        wws_service_proxy proxy = world_proxy(world, NULL, peer.url);
        struct call call = call_to(proxy, ACTION_ECHO);
        struct heard heard;

        hear(&heard, manner, start_call, &call);
        assert_status(heard_wait(&heard), WWS_E_ENDPOINT_NOT_FOUND);
        assert_int_equal(heard_info(&heard).phase, WWS_PHASE_CONNECT);
        assert_int_equal(heard_info(&heard).progress, WWS_PROGRESS_NOT_SENT);
        assert_status(heard_end(&heard), WWS_E_ENDPOINT_NOT_FOUND);
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
    }
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(call__ends_when_its_time_is_over),
        in_world(call__may_be_abandoned_when_its_time_is_over),
        over(OVER_HTTP, call__that_timed_out_is_cancelled_at_the_server),
        in_world(channel__ends_a_phase_that_takes_too_long),
        in_world(call__says_how_the_connection_was_lost),
        over(OVER_HTTP, call__to_nobody_says_that_nothing_was_sent),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
