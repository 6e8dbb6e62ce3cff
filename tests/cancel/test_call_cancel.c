/* wws_call_cancel(): control is back at once, the exchange stops, and nobody
 * else is harmed. */
#include "tests/support/public/peer.h"
#include "tests/support/public/world.h"

static const wws_error no_error;

static void cancel(void *state)
{
    assert_status(wws_call_cancel(*(wws_call *) state), WWS_S_OK);
}

/* A cancelled call says who stopped it, how far it was, and why. */
static wws_error_info assert_cancelled(struct heard *heard)
{
    wws_error_info info;

    assert_status(heard_wait(heard), WWS_E_OPERATION_CANCELLED);
    info = heard_info(heard);
    assert_status(info.status, WWS_E_OPERATION_CANCELLED);
    assert_true(heard_says(heard, "cancelled"));
    return info;
}

/* Begins a call whose handle is made in advance. */
static void begin(
    struct heard *heard,
    enum manner manner,
    struct call *call,
    wws_call *handle)
{
    assert_status(wws_call_create(handle, no_error), WWS_S_OK);
    call->handle = handle;
    hear(heard, manner, start_call, call);
}

static void call_cancel__returns_control_to_the_caller(void **state)
{
    struct world *world = *state;
    unsigned entered = 0;

    for (int manner = 0; manner < MANNERS; manner++)
        for (int place = 0; place < PLACES; place++) {
            struct call call = call_to(world->proxy, ACTION_WAIT);
            struct heard heard;
            wws_error_info info;
            wws_call handle;

            begin(&heard, manner, &call, &handle);
            assert_true(gate_reaches(&world->gate, &world->gate.entered,
                ++entered));
            call_at(world, place, cancel, &handle);

            info = assert_cancelled(&heard);
            /* The server has it; that must never be called not sent. */
            assert_int_not_equal(info.progress, WWS_PROGRESS_NOT_SENT);
            assert_in_range(info.phase, WWS_PHASE_SEND, WWS_PHASE_WAIT);
            assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
            gate_release(&world->gate, 1);
            assert_true(gate_empties(&world->gate));
        }
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
}

/* Hazards 2 and 7: the handle is stale, and the next call has another one. */
static void call_cancel__after_the_end_does_nothing(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct call call = call_to(world->proxy, ACTION_ECHO);
        struct call next = call_to(world->proxy, ACTION_WAIT);
        struct heard heard, later;
        wws_call handle;

        begin(&heard, manner, &call, &handle);
        assert_status(heard_end(&heard), WWS_S_OK);
        hear(&later, manner, start_call, &next);
        assert_status(wws_call_cancel(handle), WWS_E_HANDLE);
        assert_status(wws_call_cancel(handle), WWS_E_HANDLE);
        gate_release(&world->gate, 1);

        assert_status(heard_end(&later), WWS_S_OK);
        wws_buffer_release(&call.reply);
        wws_buffer_release(&next.reply);
    }
}

/* Hazard 3: sticky, and nothing is sent. */
static void call_cancel__before_the_start_is_remembered(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct call call = call_to(world->proxy, ACTION_ECHO);
        uint64_t connections = counter(world,
            WWS_COUNTER_CONNECTIONS_OPENED);
        struct heard heard;
        wws_error_info info;
        wws_call handle;

        assert_status(wws_call_create(&handle, no_error), WWS_S_OK);
        assert_status(wws_call_cancel(handle), WWS_S_OK);
        call.handle = &handle;
        hear(&heard, manner, start_call, &call);

        info = assert_cancelled(&heard);
        assert_int_equal(info.phase, WWS_PHASE_NONE);
        assert_int_equal(info.progress, WWS_PROGRESS_NOT_SENT);
        assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
        assert_status(wws_call_cancel(handle), WWS_E_HANDLE);
        assert_int_equal(counter(world, WWS_COUNTER_CONNECTIONS_OPENED),
            connections);
    }
    assert_int_equal(gate_read(&world->gate, &world->gate.entered), 0);
}

/* A handle of zero is replaced, and is known before anything is sent. */
static void call_cancel__takes_the_handle_that_the_call_made(void **state)
{
    struct world *world = *state;

    for (int manner = CALLBACK; manner < MANNERS; manner++) {
        struct call call = call_to(world->proxy, ACTION_LATER);
        wws_call handle = { 0 };
        struct heard heard;

        call.handle = &handle;
        hear(&heard, manner, start_call, &call);
        assert_int_not_equal(handle.id, 0);
        cancel(&handle);

        assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
    }
}

static void call_cancel__twice_and_at_once_is_heard_once(void **state)
{
    struct world *world = *state;
    struct call call = call_to(world->proxy, ACTION_LATER);
    struct heard heard;
    wws_call handle;
    wws_status again;

    begin(&heard, CALLBACK, &call, &handle);
    cancel(&handle);
    again = wws_call_cancel(handle);

    assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
    assert_true(again == WWS_S_OK || again == WWS_E_HANDLE);
}

/* Hazard 18 */
static void call_cancel__spares_the_neighbours(void **state)
{
    enum { CALLS = 20 };
    struct world *world = *state;
    struct call calls[CALLS];
    struct heard heard[CALLS];
    wws_call handles[CALLS];

    for (int i = 0; i < CALLS; i++) {
        calls[i] = call_to(world->proxy, ACTION_LATER);
        begin(&heard[i], i % MANNERS, &calls[i], &handles[i]);
    }
    assert_true(gate_reaches(&world->gate, &world->gate.entered, CALLS));
    cancel(&handles[7]);
    assert_status(heard_end(&heard[7]), WWS_E_OPERATION_CANCELLED);
    gate_open(&world->gate);

    for (int i = 0; i < CALLS; i++) {
        if (i == 7)
            continue;
        assert_status(heard_end(&heard[i]), WWS_S_OK);
        assert_memory_equal(calls[i].reply.data, CALL_BODY,
            sizeof CALL_BODY - 1);
        wws_buffer_release(&calls[i].reply);
    }
}

/* D28, G118: over HTTP the server learns that nobody waits any more. */
static void call_cancel__cancels_the_operation_of_the_server(void **state)
{
    struct world *world = *state;

    world->gate.registers = true;
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct call call = call_to(world->proxy, ACTION_LATER);
        struct heard heard;
        wws_call handle;

        begin(&heard, manner, &call, &handle);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            manner + 1));
        cancel(&handle);

        assert_true(gate_reaches(&world->gate,
            &world->gate.told_by[WWS_CANCEL_REASON_CHANNEL_FAULTED],
            manner + 1));
        assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
    }
}

/* D18: in a session the operation runs on, and its answer is dropped. */
static void call_cancel__leaves_the_session_alone(void **state)
{
    struct world *world = *state;

    world->gate.registers = true;
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct call call = call_to(world->proxy, ACTION_LATER);
        struct heard heard;
        wws_call handle;

        begin(&heard, manner, &call, &handle);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            2 * manner + 1));
        cancel(&handle);
        assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
        assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
        gate_release(&world->gate, 1);

        assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED,
            manner + 1));
    }
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 0);
    assert_int_equal(counter(world, WWS_COUNTER_CONNECTIONS_OPENED), 1);
}

/* G71: what the caller gave is his again; it is freed and overwritten here
 * while the exchange is still being stopped. */
static void call_cancel__leaves_the_memory_to_the_caller(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct call *call = malloc(sizeof *call);
        char *body = malloc(sizeof CALL_BODY);
        struct heard heard;
        wws_call handle;

        *call = call_to(world->proxy, ACTION_LATER);
        memcpy(body, CALL_BODY, sizeof CALL_BODY);
        call->body.data = body;
        call->reply = (wws_buffer) { .size = 77 };
        begin(&heard, manner, call, &handle);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            (unsigned) manner + 1));
        cancel(&handle);
        assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);

        assert_int_equal(call->reply.size, 77);
        free(body);
        free(call);
    }
    gate_open(&world->gate);
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
}

static void call_cancel__gives_the_budget_back_at_once(void **state)
{
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;
    wws_service_proxy proxy;

    options.max_pending_calls = 1;
    proxy = world_proxy(world, &options, world->url);
    for (int manner = 0; manner < MANNERS; manner++) {
        struct call call = call_to(proxy, ACTION_LATER);
        struct heard heard;
        wws_call handle;

        begin(&heard, manner, &call, &handle);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            (unsigned) manner * 2 + 1));
        assert_status(call_now(proxy, ACTION_ECHO), WWS_E_QUOTA_EXCEEDED);
        cancel(&handle);
        assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);

        assert_status(call_now(proxy, ACTION_ECHO), WWS_S_OK);
    }
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
}

static void call_cancel__of_a_call_in_use_refuses_a_second_call(void **state)
{
    struct world *world = *state;
    struct call call = call_to(world->proxy, ACTION_LATER);
    struct call second = call_to(world->proxy, ACTION_ECHO);
    struct heard heard;
    wws_call handle;

    begin(&heard, CALLBACK, &call, &handle);
    second.handle = &handle;
    assert_status(start_call(&second, NULL, no_error),
        WWS_E_INVALID_OPERATION);
    /* However the second one fails, the handle stays the first one's. */
    second.body = (wws_bytes) { "<", 1 };
    assert_true(start_call(&second, NULL, no_error) < 0);
    cancel(&handle);

    assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
}

/* Against peers that stop in the middle. */

struct stage {
    const char *name;
    const char *over; /* one transport only: a call that shares its connection
                         knows of nothing before its reply is whole */
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

enum { STAGES = sizeof stages / sizeof stages[0], ATTEMPTS = 500 };

static wws_bytes large_body(size_t size)
{
    char *data = malloc(size);

    must(data != NULL);
    memset(data, 'x', size);
    memcpy(data, "<t:x xmlns:t=\"urn:wws:test\">", 28);
    memcpy(data + size - 6, "</t:x>", 6);
    return (wws_bytes) { data, size };
}

static bool reached(struct peer *peer, const struct stage *stage)
{
    /* A connection that the system ignores is seen by nobody. */
    return stage->full || peer_reaches(peer, &peer->served, 1);
}

/* Whether the call was where it was to be; it may still be before that. */
static bool cancel_at(
    struct world *world,
    wws_service_proxy proxy,
    struct peer *peer,
    const struct stage *stage,
    enum manner manner)
{
    struct call call = call_to(proxy, ACTION_ECHO);
    wws_call handle;
    struct heard heard;
    wws_error_info info;

    if (stage->body != 0)
        call.body = large_body(stage->body);
    begin(&heard, manner, &call, &handle);
    assert_true(reached(peer, stage));
    call_at(world, OTHER_THREAD, cancel, &handle);
    assert_status(heard_wait(&heard), WWS_E_OPERATION_CANCELLED);
    info = heard_info(&heard);
    assert_true(info.phase <= stage->phase);
    assert_true(info.progress <= stage->progress);
    assert_status(heard_end(&heard), WWS_E_OPERATION_CANCELLED);
    if (stage->body != 0)
        free((void *) call.body.data);
    return info.phase == stage->phase && info.progress == stage->progress;
}

static void call_cancel__says_how_far_the_call_was(void **state)
{
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;

    options.max_message_size = 16000000;
    for (int i = 0; i < STAGES; i++)
        for (int manner = 0; manner < MANNERS && is_here(stages[i].over);
             manner++) {
            bool there = false;

            for (int j = 0; j < ATTEMPTS && !there; j++) {
                wws_service_proxy proxy;
                struct peer peer;

                if (stages[i].full)
                    peer_start_full(&peer);
                else
                    peer_start(&peer, &stages[i].script);
                proxy = world_proxy(world, &options, peer.url);
                there = cancel_at(world, proxy, &peer, &stages[i], manner);
                /* The connection is reset: the peer sees its end. */
                if (!stages[i].full && !wire()->has_sessions)
                    assert_true(peer_reaches(&peer, &peer.gone, 1));
                assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
                peer_stop(&peer);
            }
            if (!there)
                print_error("never %s, %s\n", stages[i].name,
                    manner_name(manner));
            assert_true(there);
        }
}

/* From inside the completion of another call. */
static void cancel_other(struct heard *heard)
{
    must(wws_call_cancel(*(wws_call *) heard->inside_state) == WWS_S_OK);
}

static void call_cancel__in_a_completion_ends_another_call(void **state)
{
    struct world *world = *state;
    struct call waiting = call_to(world->proxy, ACTION_LATER);
    struct call echo = call_to(world->proxy, ACTION_ECHO);
    struct heard first, second;
    wws_call handle;

    begin(&first, CALLBACK, &waiting, &handle);
    hear_inside(&second, start_call, &echo, cancel_other, &handle);

    assert_status(heard_end(&second), WWS_S_OK);
    assert_status(heard_end(&first), WWS_E_OPERATION_CANCELLED);
    wws_buffer_release(&echo.reply);
}

static void call_free__of_zero_is_fine(void **state)
{
    (void) state;
    assert_status(wws_call_free((wws_call) { 0 }), WWS_S_OK);
    assert_status(wws_call_cancel((wws_call) { 0 }), WWS_E_INVALIDARG);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(call_cancel__returns_control_to_the_caller),
        in_world(call_cancel__after_the_end_does_nothing),
        in_world(call_cancel__before_the_start_is_remembered),
        in_world(call_cancel__takes_the_handle_that_the_call_made),
        in_world(call_cancel__twice_and_at_once_is_heard_once),
        in_world(call_cancel__spares_the_neighbours),
        over(OVER_HTTP, call_cancel__cancels_the_operation_of_the_server),
        over(OVER_TCP, call_cancel__leaves_the_session_alone),
        in_world(call_cancel__leaves_the_memory_to_the_caller),
        in_world(call_cancel__gives_the_budget_back_at_once),
        in_world(call_cancel__of_a_call_in_use_refuses_a_second_call),
        in_world(call_cancel__says_how_far_the_call_was),
        in_world(call_cancel__in_a_completion_ends_another_call),
        in_world(call_free__of_zero_is_fine),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
