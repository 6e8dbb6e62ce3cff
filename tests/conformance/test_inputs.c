/* What a function that waits needs of its caller and of the library while it
 * does: nothing that it was given, and no thread that may be busy. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#include <stdatomic.h>

enum { POOL_THREADS = 2, BUSY = POOL_THREADS + 1 /* the reserve */ };

/* A6, A8: action, body, options and completion are overwritten as soon as the
 * function has returned, and the call is what it was. */
static void call__needs_nothing_that_it_was_given(void **state)
{
    struct world *world = *state;

    for (unsigned manner = CALLBACK; manner < MANNERS; manner++) {
        char action[] = ACTION_LATER, body[] = CALL_BODY;
        struct call call = call_to(world->proxy, action);
        struct heard heard;

        call.body = (wws_bytes) { body, sizeof body - 1 };
        hear(&heard, manner, start_call, &call);
        assert_status(heard.returned, WWS_S_ASYNC);
        memset(action, 'x', sizeof action - 1);
        memset(body, 'x', sizeof body - 1);
        memset(&call.options, 0xEE, sizeof call.options);
        memset(&heard.completion, 0xEE, sizeof heard.completion);
        assert_true(gate_reaches(&world->gate, &world->gate.entered, manner));
        gate_release(&world->gate, 1);

        assert_status(heard_end(&heard), WWS_S_OK);
        assert_int_equal(call.reply.size, sizeof CALL_BODY - 1);
        assert_memory_equal(call.reply.data, CALL_BODY,
            sizeof CALL_BODY - 1);
        wws_buffer_release(&call.reply);
    }
}

/* Threads that are kept in a callback, each of which waits for a call there. */
struct crowd {
    struct hold hold;
    wws_service_proxy proxy;
    _Atomic unsigned inside;
    _Atomic unsigned answered;
};

static void stay(struct heard *heard)
{
    struct crowd *crowd = heard->inside_state;
    struct heard held = { .inside_state = &crowd->hold };

    atomic_fetch_add(&crowd->inside, 1);
    hold_on(&held);
    if (call_now(crowd->proxy, ACTION_ECHO) == WWS_S_OK)
        atomic_fetch_add(&crowd->answered, 1);
}

static bool all_are_inside(void *state)
{
    struct crowd *crowd = state;

    return atomic_load(&crowd->inside) == BUSY;
}

/* A18, A60, A61: on this thread, and then on each of those at once. */
static void waiting__needs_no_thread_of_the_pool(void **state)
{
    const struct peer_script answers = { .answers = true, .again = true };
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    struct crowd crowd = { .inside = 0 };
    struct heard heard[BUSY];
    struct call calls[BUSY];
    struct world world;
    struct peer peer;

    (void) state;
    options.max_pool_threads = POOL_THREADS;
    world_begin(&world, &options);
    peer_start(&peer, &answers);
    hold_init(&crowd.hold);
    crowd.proxy = world_proxy(&world, NULL, peer.url);
    for (int i = 0; i < BUSY; i++) {
        calls[i] = call_to(crowd.proxy, ACTION_ECHO);
        hear_inside(&heard[i], start_call, &calls[i], stay, &crowd);
    }
    assert_true(await(all_are_inside, &crowd));

    assert_status(call_now(crowd.proxy, ACTION_ECHO), WWS_S_OK);
    hold_release(&crowd.hold);

    for (int i = 0; i < BUSY; i++) {
        assert_status(heard_end(&heard[i]), WWS_S_OK);
        wws_buffer_release(&calls[i].reply);
    }
    assert_int_equal(atomic_load(&crowd.answered), BUSY);
    assert_status(wws_service_proxy_free(crowd.proxy), WWS_S_OK);
    peer_stop(&peer);
    assert_true(world_end(&world));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(call__needs_nothing_that_it_was_given,
            world_set_up, world_tear_down),
        cmocka_unit_test(waiting__needs_no_thread_of_the_pool),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
