/* Queues whose events outlive what they tell of, and queues that go first. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#include <poll.h>

static const wws_error no_error;

static wws_queue new_queue(struct world *world)
{
    wws_queue queue;

    must(wws_queue_create(world->runtime, &queue, no_error) == WWS_S_OK);
    return queue;
}

static bool is_readable(wws_queue queue, int timeout_ms)
{
    struct pollfd polled = { .events = POLLIN };

    must(wws_queue_get_fd(queue, &polled.fd, no_error) == WWS_S_OK);
    return poll(&polled, 1, timeout_ms) == 1;
}

static wws_event fetch(wws_queue queue)
{
    wws_event event = WWS_EVENT_INIT;
    uint32_t count;

    must(is_readable(queue, HANG_MS));
    assert_status(wws_queue_next(queue, 1, &event, &count, no_error),
        WWS_S_OK);
    assert_int_equal(count, 1);
    return event;
}

/* An accept that ends with an event. */
static struct talk begin(struct world *world, struct ear *ear, wws_queue queue)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    struct talk talk = { .url = NULL };

    ear_open(ear, world->runtime);
    talk.listener = ear->listener;
    talk.channel = new_server(ear->listener);
    completion.queue = queue;
    completion.state = ear;
    assert_status(wws_listener_accept(talk.listener, talk.channel,
        &completion, no_error), WWS_S_ASYNC);
    return talk;
}

static void free_ends(const struct talk *talk)
{
    assert_status(wws_channel_free(talk->channel), WWS_S_OK);
    assert_status(wws_listener_free(talk->listener), WWS_S_OK);
}

/* A3, A10 */
static void event__can_be_fetched_when_its_objects_are_gone(void **state)
{
    struct world *world = *state;
    wws_queue queue = new_queue(world);
    struct ear ear;
    struct talk talk = begin(world, &ear, queue);
    wws_event event;
    wws_error_info info = WWS_ERROR_INFO_INIT;

    free_ends(&talk);
    event = fetch(queue);

    assert_int_equal(event.kind, WWS_EVENT_KIND_COMPLETED);
    assert_status(event.status, WWS_E_OPERATION_ABORTED);
    assert_ptr_equal(event.state, &ear);
    assert_status(wws_error_get_info(event.error, &info), WWS_S_OK);
    assert_status(info.status, WWS_E_OPERATION_ABORTED);
    assert_status(wws_error_free(event.error), WWS_S_OK);
    assert_false(is_readable(queue, 0));
    assert_status(wws_queue_free(queue), WWS_S_OK);
}

static void queue_free__drops_events_that_nobody_fetched(void **state)
{
    struct world *world = *state;
    wws_queue queue = new_queue(world);
    struct ear ear;
    struct talk talk = begin(world, &ear, queue);

    assert_status(wws_listener_abort(talk.listener), WWS_S_OK);
    assert_true(is_readable(queue, HANG_MS));
    assert_status(wws_queue_free(queue), WWS_S_OK);

    free_ends(&talk);
}

static void queue_free__leaves_what_is_pending_to_end(void **state)
{
    struct world *world = *state;
    wws_queue queue = new_queue(world);
    struct ear ear;
    struct talk talk = begin(world, &ear, queue);

    assert_status(wws_queue_free(queue), WWS_S_OK);
    assert_status(wws_listener_close(talk.listener, NULL, no_error),
        WWS_S_OK);

    assert_int_equal(channel_state(talk.channel), WWS_CHANNEL_STATE_CREATED);
    free_ends(&talk);
}

static unsigned freed;

static void count_freed(void *state)
{
    (void) state;
    freed++;
}

static void completed(wws_status status, void *state)
{
    (void) status;
    (void) state;
    freed += 100;
}

/* A2, A5, A7: a table that was not taken is not touched. */
static void completion__is_left_alone_when_it_is_refused(void **state)
{
    struct world *world = *state;
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_queue stale = new_queue(world);
    wws_channel channel = new_channel(world->runtime);

    freed = 0;
    completion.free_state = count_freed;
    assert_status(wws_channel_close(channel, &completion, no_error),
        WWS_E_INVALIDARG);
    completion.queue = stale;
    completion.completed = completed;
    assert_status(wws_channel_close(channel, &completion, no_error),
        WWS_E_INVALIDARG);
    assert_status(wws_queue_free(stale), WWS_S_OK);
    completion.completed = NULL;
    assert_status(wws_channel_close(channel, &completion, no_error),
        WWS_E_HANDLE);
    assert_int_equal(channel_state(channel), WWS_CHANNEL_STATE_CREATED);
    completion.queue.id = 0;
    completion.completed = completed;
    assert_status(wws_channel_close(channel, &completion, no_error),
        WWS_S_OK);

    assert_int_equal(freed, 0);
    assert_status(wws_channel_free(channel), WWS_S_OK);
}

/* Operations in a queue that goes are answered, not kept. */
static void queue_free__answers_operations_that_nobody_fetched(void **state)
{
    wws_endpoint_options endpoint = endpoint_options();
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    struct world other;
    wws_queue queue;
    struct call call;
    struct heard heard;

    (void) state;
    world_begin(&other, NULL);
    queue = new_queue(&other);
    operations.queue = queue;
    endpoint.operations = &operations;
    world_add_host(&other, NULL, &endpoint);
    other.proxy = world_proxy(&other, NULL, other.url);
    call = call_to(other.proxy, ACTION_ECHO);
    hear(&heard, CALLBACK, start_call, &call);
    assert_true(is_readable(queue, HANG_MS));

    assert_status(wws_queue_free(queue), WWS_S_OK);
    assert_status(heard_end(&heard), WWS_E_ENDPOINT_FAULT_RECEIVED);
    assert_true(world_end(&other));
}

static void queue_fd__is_readable_exactly_while_there_are_events(void **state)
{
    enum { MANY = 100 };
    struct world *world = *state;
    wws_queue queue = new_queue(world);
    struct ear ears[MANY];
    struct talk talks[MANY];
    uint32_t fetched = 0;

    for (int i = 0; i < MANY; i++)
        talks[i] = begin(world, &ears[i], queue);
    assert_false(is_readable(queue, 0));
    for (int i = 0; i < MANY; i++)
        free_ends(&talks[i]);
    while (fetched < MANY) {
        wws_event events[7];
        uint32_t count;

        must(is_readable(queue, HANG_MS));
        events[0] = (wws_event) WWS_EVENT_INIT;
        assert_status(wws_queue_next(queue, 7, events, &count, no_error),
            WWS_S_OK);
        assert_true(count > 0);
        for (uint32_t i = 0; i < count; i++)
            assert_status(wws_error_free(events[i].error), WWS_S_OK);
        fetched += count;
    }

    assert_false(is_readable(queue, 0));
    assert_status(wws_queue_free(queue), WWS_S_OK);
}

#define in_a_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_a_world(event__can_be_fetched_when_its_objects_are_gone),
        in_a_world(queue_free__drops_events_that_nobody_fetched),
        in_a_world(queue_free__leaves_what_is_pending_to_end),
        in_a_world(completion__is_left_alone_when_it_is_refused),
        cmocka_unit_test(queue_free__answers_operations_that_nobody_fetched),
        in_a_world(queue_fd__is_readable_exactly_while_there_are_events),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
