/* Calls without a reply, and calls that show their messages. */
#include "tests/support/public/peer.h"
#include "tests/support/public/world.h"

static const wws_error no_error;

static void add_note(wws_message message, bool must_understand)
{
    static const char note[] = "<t:note xmlns:t=\"urn:wws:test\">x</t:note>";

    must(wws_message_add_custom_header(message,
        (wws_bytes) { note, sizeof note - 1 }, must_understand, no_error)
        == WWS_S_OK);
}

static bool has_note(wws_message message)
{
    wws_bytes element;

    return wws_message_get_custom_header(message, WWS_STR("note"),
        WWS_STR("urn:wws:test"), 0, &element, NULL, no_error) == WWS_S_OK;
}

/* Of one call: what its callbacks saw, and what they answer. */
struct shown {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    wws_status sending_gives;
    wws_status received_gives;
    void (*in_received)(struct shown *shown);
    void *user;
    pthread_t sent_on;
    unsigned sent;
    unsigned received;
    unsigned freed;
    char header[64]; /* of the reply */
};

static void count_shown(struct shown *shown, unsigned *counter)
{
    pthread_mutex_lock(&shown->lock);
    (*counter)++;
    pthread_cond_broadcast(&shown->changed);
    pthread_mutex_unlock(&shown->lock);
}

static wws_status sending(wws_message message, void *state)
{
    struct shown *shown = state;

    shown->sent_on = pthread_self();
    add_note(message, false);
    count_shown(shown, &shown->sent);
    return shown->sending_gives;
}

static wws_status received(wws_message message, void *state)
{
    struct shown *shown = state;
    wws_string relates_to = { 0 };

    must(wws_message_get_header(message, WWS_HEADER_RELATES_TO, &relates_to,
        no_error) == WWS_S_OK);
    must(relates_to.size != 0 && relates_to.size < sizeof shown->header);
    memcpy(shown->header, relates_to.data, relates_to.size);
    if (shown->in_received != NULL)
        shown->in_received(shown);
    count_shown(shown, &shown->received);
    return shown->received_gives;
}

static void free_shown(void *state)
{
    struct shown *shown = state;

    count_shown(shown, &shown->freed);
}

static void shown_init(struct shown *shown, wws_call_callbacks *callbacks)
{
    *shown = (struct shown) { 0 };
    pthread_mutex_init(&shown->lock, NULL);
    pthread_cond_init(&shown->changed, NULL);
    *callbacks = (wws_call_callbacks) WWS_CALL_CALLBACKS_INIT;
    callbacks->state = shown;
    callbacks->free_state = free_shown;
    callbacks->sending = sending;
    callbacks->received = received;
}

static bool is_freed(void *state)
{
    struct shown *shown = state;
    bool freed;

    pthread_mutex_lock(&shown->lock);
    freed = shown->freed == 1;
    pthread_mutex_unlock(&shown->lock);
    return freed;
}

static struct call showing(
    struct world *world,
    const char *action,
    const wws_call_callbacks *callbacks)
{
    struct call call = call_to(world->proxy, action);

    call.options.callbacks = callbacks;
    return call;
}

/* What an operation sees of the request's headers. */
struct sight {
    unsigned notes;
    unsigned ids;
};

static void look_at_request(struct gate *gate, wws_operation operation)
{
    struct sight *sight = gate->user;
    wws_message request;
    wws_string id;

    must(wws_operation_get_request(operation, &request, no_error)
        == WWS_S_OK);
    sight->notes += has_note(request);
    sight->ids += wws_message_get_header(request, WWS_HEADER_MESSAGE_ID, &id,
        no_error) == WWS_S_OK && id.size != 0;
}

static void call__shows_its_messages(void **state)
{
    struct world *world = *state;
    struct sight sight = { 0 };

    world->gate.user = &sight;
    world->gate.visiting = look_at_request;
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        wws_call_callbacks callbacks;
        struct shown shown;
        struct call call;
        struct heard heard;

        shown_init(&shown, &callbacks);
        call = showing(world, ACTION_ECHO, &callbacks);
        hear(&heard, manner, start_call, &call);

        assert_status(heard_end(&heard), WWS_S_OK);
        assert_true(await(is_freed, &shown));
        assert_int_equal(shown.sent, 1);
        assert_int_equal(shown.received, 1);
        assert_int_equal(sight.notes, manner + 1);
        assert_true(strncmp(shown.header, "urn:uuid:", 9) == 0);
        if (manner != SYNC)
            assert_true(pthread_equal(shown.sent_on, pthread_self()));
        wws_buffer_release(&call.reply);
    }
}

static void call__that_its_callback_refuses_is_not_sent(void **state)
{
    struct world *world = *state;

    for (unsigned manner = 0; manner < MANNERS; manner++) {
        wws_call_callbacks callbacks;
        struct shown shown;
        struct call call;
        struct heard heard;

        shown_init(&shown, &callbacks);
        shown.sending_gives = WWS_E_QUOTA_EXCEEDED;
        call = showing(world, ACTION_ECHO, &callbacks);
        hear(&heard, manner, start_call, &call);

        assert_status(heard_end(&heard), WWS_E_QUOTA_EXCEEDED);
        assert_int_equal(shown.received, 0);
        /* What failed has not taken the table. */
        assert_int_equal(shown.freed, 0);
    }
    assert_int_equal(gate_read(&world->gate, &world->gate.entered), 0);
}

static void call__fails_as_its_callback_says_of_the_reply(void **state)
{
    struct world *world = *state;

    for (unsigned manner = 0; manner < MANNERS; manner++) {
        wws_call_callbacks callbacks;
        struct shown shown;
        struct call call;
        struct heard heard;

        shown_init(&shown, &callbacks);
        shown.received_gives = WWS_E_NOT_SUPPORTED;
        call = showing(world, ACTION_ECHO, &callbacks);
        call.reply.size = 77;
        hear(&heard, manner, start_call, &call);

        assert_status(heard_wait(&heard), WWS_E_NOT_SUPPORTED);
        assert_true(heard_says(&heard, "callback"));
        assert_status(heard_end(&heard), WWS_E_NOT_SUPPORTED);
        assert_int_equal(call.reply.size, 77);
        if (manner != SYNC)
            assert_true(await(is_freed, &shown));
    }
    /* The proxy goes on. */
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
}

static void abandon_all(void *state)
{
    const struct world *world = state;

    must(wws_service_proxy_abandon_call(world->proxy, 0, no_error)
        == WWS_S_OK);
}

/* D19, G75: nothing of an abandoned call is shown any more. */
static void call__shows_no_reply_that_comes_late(void **state)
{
    struct world *world = *state;

    for (unsigned manner = 0; manner < MANNERS; manner++) {
        wws_call_callbacks callbacks;
        struct shown shown;
        struct call call;
        struct heard heard;

        shown_init(&shown, &callbacks);
        call = showing(world, ACTION_LATER, &callbacks);
        hear(&heard, manner, start_call, &call);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            manner + 1));
        abandon_all(world);
        assert_status(heard_end(&heard), WWS_E_OPERATION_ABANDONED);
        if (manner != SYNC)
            assert_true(await(is_freed, &shown));
        gate_release(&world->gate, 1);

        assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED,
            manner + 1));
        assert_int_equal(shown.received, 0);
    }
}

static void abandon_inside(struct shown *shown)
{
    abandon_all(shown->user);
}

/* D19, G62, G78: the callback that runs ends before control is back, and the
 * reply is the caller's. */
static void call__that_shows_its_reply_is_not_abandoned(void **state)
{
    struct world *world = *state;

    for (unsigned manner = 0; manner < MANNERS; manner++) {
        wws_call_callbacks callbacks;
        struct shown shown;
        struct call call;
        struct heard heard;

        shown_init(&shown, &callbacks);
        shown.in_received = abandon_inside;
        shown.user = world;
        call = showing(world, ACTION_ECHO, &callbacks);
        hear(&heard, manner, start_call, &call);

        assert_status(heard_end(&heard), WWS_S_OK);
        assert_int_equal(shown.received, 1);
        wws_buffer_release(&call.reply);
        assert_true(await(is_freed, &shown));
    }
}

static void close_inside(struct shown *shown)
{
    const struct world *world = shown->user;

    must(wws_service_proxy_close(world->proxy, NULL, no_error)
        == WWS_E_INVALID_OPERATION);
}

/* D34 */
static void call__does_not_let_its_callback_wait_for_it(void **state)
{
    struct world *world = *state;

    for (unsigned manner = 0; manner < MANNERS; manner++) {
        wws_call_callbacks callbacks;
        struct shown shown;
        struct call call;
        struct heard heard;

        shown_init(&shown, &callbacks);
        shown.in_received = close_inside;
        shown.user = world;
        call = showing(world, ACTION_ECHO, &callbacks);
        hear(&heard, manner, start_call, &call);

        assert_status(heard_end(&heard), WWS_S_OK);
        wws_buffer_release(&call.reply);
        assert_true(await(is_freed, &shown));
    }
}

static void answer_with_note(struct gate *gate, wws_operation operation)
{
    wws_message reply;

    (void) gate;
    must(wws_operation_get_reply(operation, &reply, no_error) == WWS_S_OK);
    add_note(reply, true);
}

static wws_status understand(wws_message message, void *state)
{
    (void) state;
    return has_note(message) ? WWS_S_OK : WWS_E_OTHER;
}

/* A reply that would be refused is taken if its callback knows the header. */
static void call__understands_what_its_callback_has_read(void **state)
{
    struct world *world = *state;
    wws_call_callbacks callbacks = WWS_CALL_CALLBACKS_INIT;
    struct call call = showing(world, ACTION_ECHO, &callbacks);

    world->gate.visiting = answer_with_note;
    assert_status(start_call(&call, NULL, no_error), WWS_E_INVALID_FORMAT);

    callbacks.received = understand;
    assert_status(start_call(&call, NULL, no_error), WWS_S_OK);
    wws_buffer_release(&call.reply);
}

static wws_status give_back(wws_message message, void *state)
{
    (void) state;
    return wws_message_free(message);
}

static wws_status empty(wws_message message, void *state)
{
    (void) state;
    return wws_message_reset(message, no_error);
}

/* What a callback should not do to a message fails the call, at most. */
static void call__survives_what_its_callbacks_do(void **state)
{
    struct world *world = *state;
    wws_call_callbacks callbacks = WWS_CALL_CALLBACKS_INIT;
    struct call call = showing(world, ACTION_ECHO, &callbacks);
    struct heard heard;

    callbacks.sending = give_back;
    callbacks.received = give_back;
    hear(&heard, CALLBACK, start_call, &call);
    assert_status(heard_end(&heard), WWS_S_OK);
    wws_buffer_release(&call.reply);

    callbacks.sending = empty;
    hear(&heard, CALLBACK, start_call, &call);
    assert_status(heard_end(&heard), WWS_E_INVALID_OPERATION);

    callbacks.sending = NULL;
    callbacks.received = empty;
    hear(&heard, CALLBACK, start_call, &call);
    assert_status(heard_end(&heard), WWS_E_INVALID_OPERATION);
}

/* One way. */

static struct call one_way(wws_service_proxy proxy, const char *action)
{
    struct call call = call_to(proxy, action);

    call.options.one_way = true;
    return call;
}

static void one_way__is_done_and_served(void **state)
{
    struct world *world = *state;
    struct sight sight = { 0 };

    world->gate.user = &sight;
    world->gate.visiting = look_at_request;
    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct call call = one_way(world->proxy, ACTION_ECHO);
        struct heard heard;

        call.reply.size = 77;
        hear(&heard, manner, start_call, &call);

        assert_status(heard_end(&heard), WWS_S_OK);
        assert_int_equal(call.reply.size, 0);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            manner + 1));
    }
    /* Nobody is asked to answer. */
    assert_int_equal(sight.ids, 0);
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    assert_int_equal(counter(world, WWS_COUNTER_LATE_REPLY_DROPPED), 0);
}

/* Over a session it is done when it is sent, whatever becomes of it. */
static void one_way__does_not_wait_for_the_service(void **state)
{
    struct world *world = *state;

    for (unsigned manner = 0; manner < MANNERS; manner++) {
        struct call call = one_way(world->proxy, ACTION_LATER);
        struct heard heard;

        hear(&heard, manner, start_call, &call);

        assert_status(heard_end(&heard), WWS_S_OK);
        assert_true(gate_reaches(&world->gate, &world->gate.entered,
            manner + 1));
        assert_int_equal(gate_read(&world->gate, &world->gate.inside),
            manner + 1);
    }
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    gate_open(&world->gate);
    assert_true(gate_empties(&world->gate));
}

static wws_status call_of_peer(const struct call *told, wws_error_info *info)
{
    struct call call = *told;
    struct heard heard;

    hear(&heard, SYNC, start_call, &call);
    (void) heard_wait(&heard);
    *info = heard_info(&heard);
    return heard_end(&heard);
}

#define HEAD_OF(status, size) "HTTP/1.1 " status "\r\n" \
    "Content-Type: application/soap+xml; charset=utf-8\r\n" \
    "Content-Length: " size "\r\n\r\n"
#define FAULT "<s:Envelope " \
    "xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body><s:Fault>" \
    "<s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason>" \
    "<s:Text xml:lang=\"en\">no</s:Text></s:Reason></s:Fault></s:Body>" \
    "</s:Envelope>"

_Static_assert(sizeof FAULT - 1 == 211, "Content-Length of the fault");

/* Over HTTP the server has to take it; what it answers is no reply. */
static void one_way__ends_as_the_server_answers(void **state)
{
    static const struct {
        const char *answer;
        wws_status status;
    } rows[] = {
        { "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", WWS_S_OK },
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", WWS_S_OK },
        { "HTTP/1.1 204 No Content\r\n\r\n", WWS_S_OK },
        { NULL, WWS_S_OK }, /* a whole reply */
        { HEAD_OF("500 Internal Server Error", "211") FAULT,
          WWS_E_ENDPOINT_FAULT_RECEIVED },
        { "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
          WWS_E_ENDPOINT_NOT_FOUND },
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct peer_script script = {
            .reply = rows[i].answer != NULL ? rows[i].answer : peer_reply,
            .again = true,
        };
        wws_error_info info = WWS_ERROR_INFO_INIT;
        wws_service_proxy proxy;
        struct peer peer;
        struct call call;

        peer_start(&peer, &script);
        proxy = world_proxy(world, NULL, peer.url);
        call = one_way(proxy, ACTION_ECHO);

        assert_status(call_of_peer(&call, &info), rows[i].status);
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
        peer_stop(&peer);
    }
}

/* Whether it had been sent when its time was over. */
static bool silence_follows(wws_service_proxy proxy, uint32_t timeout_ms)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;
    struct call call = one_way(proxy, ACTION_ECHO);

    call.options.timeout_ms = timeout_ms;
    assert_status(call_of_peer(&call, &info), WWS_E_OPERATION_TIMED_OUT);
    return info.progress == WWS_PROGRESS_SENT && info.phase == WWS_PHASE_WAIT;
}

/* A server that says nothing has perhaps not taken it. On a busy machine the
 * time may be over before it is sent: then it gets more. */
static void one_way__says_how_far_it_came(void **state)
{
    const struct peer_script silent = { .then = PEER_HOLDS };
    uint32_t timeout_ms = 200;
    wws_service_proxy proxy;
    struct peer peer;

    peer_start(&peer, &silent);
    proxy = world_proxy(*state, NULL, peer.url);
    while (!silence_follows(proxy, timeout_ms)) {
        timeout_ms *= 4;
        assert_true(timeout_ms < 60000);
    }

    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
    peer_stop(&peer);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(call__shows_its_messages),
        in_world(call__that_its_callback_refuses_is_not_sent),
        in_world(call__fails_as_its_callback_says_of_the_reply),
        in_world(call__shows_no_reply_that_comes_late),
        in_world(call__that_shows_its_reply_is_not_abandoned),
        in_world(call__does_not_let_its_callback_wait_for_it),
        in_world(call__understands_what_its_callback_has_read),
        in_world(call__survives_what_its_callbacks_do),
        in_world(one_way__is_done_and_served),
        over(OVER_TCP, one_way__does_not_wait_for_the_service),
        over(OVER_HTTP, one_way__ends_as_the_server_answers),
        over(OVER_HTTP, one_way__says_how_far_it_came),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
