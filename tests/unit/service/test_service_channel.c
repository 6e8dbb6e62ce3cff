/* Sessions that a host serves: how many of their messages are up, and what
 * becomes of those when a session ends in either way. */
#include "fake_session.h"

#include <sched.h>

enum { OPERATIONS = 160, MANY = 150 };

static struct {
    wws_status result;
    bool steals;
    int served;
    int cancelled;
    int completed;
    wws_status status;
    struct op {
        struct wwi_operation *operation; /* with a reference */
        struct wwi_incoming *stolen;
        int cancelled;
        int freed;
        wws_cancel_reason reason;
    } ops[OPERATIONS];
} seen;

#define MESSAGE(n) ENVELOPE("<a:Action>urn:add</a:Action>" \
    "<a:MessageID>urn:" #n "</a:MessageID>")
#define ONE_WAY ENVELOPE(ADD "<a:ReplyTo><a:Address>" WSA "/none" \
    "</a:Address></a:ReplyTo>")

static void cancelled(wws_cancel_reason reason, void *state)
{
    struct op *op = state;

    pthread_mutex_lock(&fake_lock);
    op->reason = reason;
    op->cancelled++;
    seen.cancelled++;
    changed();
}

static void freed(void *state)
{
    struct op *op = state;

    set_flag(&op->freed);
}

static void register_operation(struct op *op)
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.cancelled = cancelled;
    callbacks.free_state = freed;
    callbacks.state = op;
    assert_int_equal(wwi_operation_register_for_cancel(op->operation,
        &callbacks, NULL), WWS_S_OK);
}

/* A request in place of one that the test takes for itself. */

static void forget_watch(
    struct wwi_incoming *incoming,
    void (*gone)(struct wwi_incoming *incoming))
{
    (void) incoming;
    (void) gone;
}

static void forget_reply(
    struct wwi_incoming *incoming,
    struct wwi_outgoing *outgoing,
    wwi_replied_fn replied,
    void *state)
{
    const struct wwi_outcome outcome = { 0 };

    (void) incoming;
    wwi_bytes_fini(&outgoing->envelope);
    replied(state, &outcome);
}

static void forget_drop(struct wwi_incoming *incoming)
{
    (void) incoming;
}

static const struct wwi_incoming_calls forgetting = {
    .watch = forget_watch,
    .reply = forget_reply,
    .drop = forget_drop,
};
static struct wwi_incoming nobody = { .calls = &forgetting };

static wws_status serve(wws_operation handle, void *state)
{
    struct op *op = &seen.ops[seen.served];

    (void) state;
    op->operation = hold_operation(handle);
    register_operation(op);
    if (seen.steals) {
        op->stolen = op->operation->incoming;
        op->operation->incoming = &nobody;
    }
    set_flag(&seen.served);
    return seen.result;
}

/* The endpoint of sessions is the first. */
static void begin_with(
    wws_endpoint_options endpoint,
    const wws_service_host_options *options,
    wws_status result)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;

    memset(&seen, 0, sizeof seen);
    seen.result = result;
    callbacks.serve = serve;
    fake_line_count = 0;
    create_host(options);
    chosen = &fake_sessions;
    endpoint.callback_model = WWS_CALLBACK_MODEL_SHORT;
    add_endpoint(endpoint, callbacks);
}

static void begin(uint32_t max_concurrency, wws_status result)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    endpoint.max_concurrency = max_concurrency;
    begin_with(endpoint, NULL, result);
    open_host();
}

static void connect_here(struct line *line)
{
    init_line(line);
    connect_line(line, fake_servers[0]);
}

static void complete(int index)
{
    assert_int_equal(wwi_operation_complete(seen.ops[index].operation,
        WWS_S_OK, NULL), WWS_S_OK);
}

static void end(void)
{
    for (int i = 0; i < OPERATIONS; i++)
        if (seen.ops[i].operation != NULL)
            wwi_object_unref(&seen.ops[i].operation->object);
    free_host();
    for (uint32_t i = 0; i < fake_line_count; i++) {
        assert_int_equal(fake_lines[i]->misused, 0);
        assert_int_equal(fake_lines[i]->released, 1);
    }
}

/* The client is through. */
static void end_in_order(struct line *line)
{
    hang_up(line);
    await(&line->released);
    assert_int_equal(line->shut, 1);
    assert_int_equal(line->aborts, 0);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void assert_heard(const struct line *line, int index, const char *text)
{
    assert_true(index < line->heard_count);
    if (strstr(line->heard[index], text) == NULL)
        fail_msg("no %s in %s", text, line->heard[index]);
}

static void completed(wws_status status, void *state)
{
    (void) state;
    seen.status = status;
    set_flag(&seen.completed);
}

static void close_later(void)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    completion.completed = completed;
    assert_int_equal(wwi_service_host_close(host, &completion, NULL),
        WWS_S_ASYNC);
}

/* Messages */

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

/* How sessions end */

static void channel__ends_its_session_after_the_client(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_OK);
    connect_here(&line);

    end_in_order(&line);
}

static void channel__still_answers_after_an_orderly_end__d28(void **state)
{
    struct line line;

    (void) state;
    begin(2, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    say(&line, MESSAGE(2));
    hang_up(&line);
    await_count(&seen.served, 2);
    await_loop(&line);
    complete(1);
    assert_int_equal(flag_of(&line.shut), 0);

    complete(0);
    await(&line.released);

    assert_int_equal(flag_of(&seen.cancelled), 0);
    assert_heard(&line, 0, ">urn:2<");
    assert_heard(&line, 1, ">urn:1<");
    end_in_order(&line);
}

static void channel__that_fails_cancels_without_reading_on__g118(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    say(&line, MESSAGE(2));
    await(&seen.served);

    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    await(&seen.cancelled);

    assert_int_equal(seen.ops[0].reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    await(&line.released);
    assert_int_equal(line.taken, 1);
    assert_int_equal(line.shut, 0);
    complete(0);
    await(&seen.ops[0].freed);
    assert_int_equal(line.heard_count, 0);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void channel__may_fail_after_an_orderly_end(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    hang_up(&line);
    await(&seen.served);
    await_loop(&line);

    break_line(&line, WWS_E_INVALID_FORMAT);
    await(&seen.cancelled);

    assert_int_equal(seen.ops[0].reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    await(&line.released);
    complete(0);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

/* Beside it another session, and an endpoint without sessions. */
static void channel__that_fails_leaves_its_neighbours_alone__g145(void **state)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    struct request request;
    struct line broken, line;

    (void) state;
    begin_with(endpoint, NULL, WWS_S_ASYNC);
    chosen = &fake;
    callbacks.serve = serve;
    endpoint.callback_model = WWS_CALLBACK_MODEL_SHORT;
    add_endpoint(endpoint, callbacks);
    open_host();
    connect_here(&broken);
    say(&broken, MESSAGE(1));
    await(&seen.served);
    connect_here(&line);
    say(&line, MESSAGE(2));
    await_count(&seen.served, 2);
    send_to(fake_servers[1], &request, ENVELOPE(ADD));

    break_line(&broken, WWS_E_ENDPOINT_DISCONNECTED);
    await(&broken.released);

    await(&seen.cancelled);
    assert_int_equal(seen.ops[0].cancelled, 1);
    complete(1);
    complete(2);
    await_answer(&request);
    assert_int_equal(request.answer, REPLIED);
    assert_heard(&line, 0, ">urn:2<");
    assert_int_equal(seen.cancelled, 1);
    complete(0);
    end_in_order(&line);
}

static void channel__whose_answer_finds_no_memory_fails(void **state)
{
    struct line line;

    (void) state;
    begin(2, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    say(&line, MESSAGE(2));
    await_count(&seen.served, 2);
    pthread_mutex_lock(&fake_lock);
    line.deaf = true;
    pthread_mutex_unlock(&fake_lock);

    complete(0);
    await(&seen.cancelled);

    assert_int_equal(seen.ops[1].reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    await(&line.released);
    assert_int_equal(line.aborts, 1);
    complete(1);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void channel__with_a_dropped_request_fails_for_the_others(void **state)
{
    struct line line;

    (void) state;
    begin(2, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    await(&seen.served);
    seen.steals = true;
    say(&line, MESSAGE(2));
    await_count(&seen.served, 2);
    complete(1);

    seen.ops[1].stolen->calls->drop(seen.ops[1].stolen);
    await(&seen.cancelled);

    assert_int_equal(seen.ops[0].reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    await(&line.released);
    complete(0);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
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

/* Requests as their holder sees them */

static struct {
    int entered;
    int leave;
    int replied;
    int finished;
    bool holds;
    bool drops;
    _Atomic bool told;
    wws_status status;
    int entered_when_finished;
} held;

static void replied(void *state, const struct wwi_outcome *outcome)
{
    (void) state;
    held.status = outcome->status;
    set_flag(&held.replied);
}

static void held_gone(struct wwi_incoming *incoming)
{
    set_flag(&held.entered);
    if (held.holds)
        await(&held.leave);
    if (held.drops)
        incoming->calls->drop(incoming);
}

/* A request that only the test answers. */
static struct wwi_incoming *steal(struct line *line)
{
    memset(&held, 0, sizeof held);
    begin(1, WWS_S_OK);
    seen.steals = true;
    connect_here(line);
    say(line, MESSAGE(1));
    await(&seen.served);
    return seen.ops[0].stolen;
}

static void reply_to(struct wwi_incoming *incoming)
{
    struct wwi_outgoing outgoing = { .version = WWS_ENVELOPE_VERSION_SOAP_1_2 };

    wwi_bytes_append_text(&outgoing.envelope, "an answer");
    incoming->calls->reply(incoming, &outgoing, replied, NULL);
}

static void *drop_thread(void *state)
{
    struct wwi_incoming *incoming = state;

    incoming->calls->drop(incoming);
    held.entered_when_finished = flag_of(&held.leave);
    set_flag(&held.finished);
    return NULL;
}

static void end_broken(struct line *line)
{
    await(&line->released);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void request__is_answered_late_with_why_the_session_failed(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    break_line(&line, WWS_E_INVALID_FORMAT);
    await(&line.released);

    reply_to(incoming);

    assert_int_equal(flag_of(&held.replied), 1);
    assert_int_equal(held.status, WWS_E_INVALID_FORMAT);
    end_broken(&line);
}

static void request__answered_while_it_is_told_is_over_later(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    held.holds = true;
    incoming->calls->watch(incoming, held_gone);
    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    await(&held.entered);

    reply_to(incoming);

    assert_int_equal(flag_of(&held.replied), 0);
    set_flag(&held.leave);
    await(&held.replied);
    assert_int_equal(held.status, WWS_E_ENDPOINT_DISCONNECTED);
    end_broken(&line);
}

static void request__dropped_while_it_is_told_waits(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);
    pthread_t thread;

    (void) state;
    held.holds = true;
    incoming->calls->watch(incoming, held_gone);
    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    await(&held.entered);

    pthread_create(&thread, NULL, drop_thread, incoming);
    for (int i = 0; i < 1000; i++)
        sched_yield();
    set_flag(&held.leave);
    await(&held.finished);

    assert_int_equal(held.entered_when_finished, 1);
    pthread_join(thread, NULL);
    end_broken(&line);
}

/* Tells of having been told in a way that orders nothing that came before: only
 * so can a check for races see what the teller reads. */
static void wait_when_gone(struct wwi_incoming *incoming)
{
    (void) incoming;
    atomic_store_explicit(&held.told, true, memory_order_relaxed);
    await(&held.leave);
    set_flag(&held.entered);
}

static struct {
    struct wwi_loop *loop;
    struct marker between; /* other work of the loop */
    int told;
    int told_before;
} crowd;

static void other_work(struct wwi_work *work)
{
    crowd.told_before = crowd.told;
    set_flag(&WWI_CONTAINER(work, struct marker, post.work)->passed);
}

static void crowd_gone(struct wwi_incoming *incoming)
{
    (void) incoming;
    if (crowd.told == 0)
        (void) wwi_loop_post(crowd.loop, &crowd.between.post);
    set_flag(&crowd.told);
}

/* Requests of one session, that only the test answers. */
static void steal_many(struct line *line)
{
    memset(&crowd, 0, sizeof crowd);
    memset(&held, 0, sizeof held);
    begin(MANY, WWS_S_OK);
    seen.steals = true;
    connect_here(line);
    crowd.loop = line->session.loop;
    wwi_post_init(&crowd.between.post, other_work);
    for (int i = 0; i < MANY; i++)
        say(line, MESSAGE(1));
    await_count(&seen.served, MANY);
    for (int i = 0; i < MANY; i++)
        seen.ops[i].stolen->calls->watch(seen.ops[i].stolen, crowd_gone);
}

/* A session with many requests, of which each is told, but which are not all
 * told at once. */
static void requests__that_are_very_many_are_told_in_turns(void **state)
{
    struct line line;

    (void) state;
    steal_many(&line);

    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    await_count(&crowd.told, MANY);
    await(&line.released);

    assert_int_equal(flag_of(&crowd.between.passed), 1);
    assert_in_range(crowd.told_before, 1, MANY - 1);
    assert_int_equal(crowd.told, MANY);
    for (int i = 0; i < MANY; i++)
        reply_to(seen.ops[i].stolen);
    assert_int_equal(flag_of(&held.replied), MANY);
    end_broken(&line);
}

/* Some may be answered before their turn. */
static void requests__answered_before_their_turn_are_not_told(void **state)
{
    struct line line;

    (void) state;
    steal_many(&line);
    held.holds = true;
    seen.ops[0].stolen->calls->watch(seen.ops[0].stolen, held_gone);
    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    await(&held.entered);

    for (int i = 1; i < MANY; i++)
        reply_to(seen.ops[i].stolen);
    set_flag(&held.leave);
    await(&line.released);

    assert_int_equal(flag_of(&held.replied), MANY - 1);
    assert_int_equal(held.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(crowd.told, 0);
    reply_to(seen.ops[0].stolen);
    end_broken(&line);
}

static void request__may_be_watched_anew_while_it_is_told(void **state)
{
    int64_t until = wwi_clock_after(20000);
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    incoming->calls->watch(incoming, wait_when_gone);
    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    while (!atomic_load_explicit(&held.told, memory_order_relaxed))
        assert_true(wwi_clock_now() < until);

    incoming->calls->watch(incoming, held_gone);

    assert_int_equal(flag_of(&held.entered), 0);
    set_flag(&held.leave);
    await(&held.entered);
    incoming->calls->drop(incoming);
    end_broken(&line);
}

static void request__may_be_dropped_where_it_is_told(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    held.drops = true;
    incoming->calls->watch(incoming, held_gone);

    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);

    end_broken(&line);
}

static void request__is_not_told_what_the_host_tells(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    incoming->calls->watch(incoming, held_gone);

    break_line(&line, WWS_E_OPERATION_ABORTED);
    await(&line.released);

    assert_int_equal(flag_of(&held.entered), 0);
    reply_to(incoming);
    assert_int_equal(held.status, WWS_E_OPERATION_ABORTED);
    end_broken(&line);
}

static void request__that_is_being_answered_is_told_nothing(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    incoming->calls->watch(incoming, held_gone);
    pthread_mutex_lock(&fake_lock);
    line.breaks = true;
    pthread_mutex_unlock(&fake_lock);

    reply_to(incoming);

    assert_int_equal(flag_of(&held.replied), 1);
    assert_int_equal(held.status, WWS_E_OBJECT_FAULTED);
    end_broken(&line);
    assert_int_equal(held.entered, 0);
}

static void request__stopped_before_its_answer_sends_nothing(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    pthread_mutex_lock(&fake_lock);
    line.full = true;
    pthread_mutex_unlock(&fake_lock);
    reply_to(incoming);
    assert_int_equal(flag_of(&held.replied), 0);

    incoming->calls->stop(incoming);

    await(&held.replied);
    assert_int_equal(held.status, WWS_E_OPERATION_ABORTED);
    end_broken(&line);
    assert_int_equal(line.heard_count, 0);
    assert_int_equal(line.aborts, 1);
}

/* The session has not looked at the abort when the answer would begin. */
static void request__stopped_does_not_begin_to_be_sent(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    pthread_mutex_lock(&fake_lock);
    line.patient = true;
    pthread_mutex_unlock(&fake_lock);
    incoming->calls->stop(incoming);

    reply_to(incoming);

    assert_int_equal(held.status, WWS_E_OPERATION_CANCELLED);
    assert_int_equal(line.heard_count, 0);
    pthread_mutex_lock(&fake_lock);
    line.patient = false;
    pthread_mutex_unlock(&fake_lock);
    break_line(&line, WWS_E_OPERATION_ABORTED);
    end_broken(&line);
}

/* The host */

static void host__aborted_says_so_and_resets_its_sessions__d27(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    await(&seen.served);

    assert_int_equal(wwi_service_host_abort(host), WWS_S_OK);
    await(&seen.cancelled);
    await(&line.released);

    assert_int_equal(seen.ops[0].reason, WWS_CANCEL_REASON_HOST_ABORTED);
    close_later();
    assert_int_equal(flag_of(&seen.completed), 0);
    complete(0);
    await(&seen.completed);
    assert_int_equal(seen.cancelled, 1);
    assert_int_equal(line.heard_count, 0);
    end();
}

static void host__closing_waits_for_clients_to_end__g131_g132(void **state)
{
    struct line line, late;

    (void) state;
    begin(1, WWS_S_ASYNC);
    connect_here(&line);
    say(&line, MESSAGE(1));
    await(&seen.served);
    init_line(&late);

    close_later();
    complete(0);
    say(&line, MESSAGE(2));
    await_count(&line.heard_count, 2);

    assert_heard(&line, 0, ">urn:1<");
    assert_heard(&line, 1, "Fault");
    assert_int_equal(seen.served, 1);
    connect_line(&late, fake_servers[0]);
    await(&late.released);
    assert_int_equal(late.shut, 0);
    await_loop(&line);
    assert_int_equal(flag_of(&seen.completed), 0);
    hang_up(&line);
    await(&seen.completed);
    assert_int_equal(seen.status, WWS_S_OK);
    await(&line.released);
    assert_int_equal(line.shut, 1);
    end();
}

static void host__closing_too_long_resets_its_sessions__g133(void **state)
{
    struct line line;

    (void) state;
    begin(1, WWS_S_ASYNC);
    connect_here(&line);
    await_loop(&line);
    wwi_clock_hold();
    close_later();
    wwi_clock_move(4999);
    assert_int_equal(flag_of(&seen.completed), 0);

    wwi_clock_move(1);
    await(&seen.completed);

    assert_int_equal(seen.status, WWS_E_OPERATION_TIMED_OUT);
    wwi_clock_release();
    await(&line.released);
    assert_int_equal(line.failure, WWS_E_OPERATION_ABORTED);
    end();
}

static struct line early;

static void connect_early(struct wwi_server *server)
{
    init_line(&early);
    say(&early, MESSAGE(1));
    connect_line(&early, server);
    await_count(&early.taken, 1);
    await_loop(&early);
    assert_int_equal(flag_of(&seen.served), 0);
}

static void host__serves_early_messages_when_it_is_open__g140(void **state)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    (void) state;
    begin_with(endpoint, NULL, WWS_S_OK);
    fake_opening = connect_early;

    open_host();

    await(&early.heard_count);
    assert_heard(&early, 0, ">urn:1<");
    end_in_order(&early);
}

static void connect_and_break(struct wwi_server *server)
{
    connect_early(server);
    break_line(&early, WWS_E_ENDPOINT_DISCONNECTED);
    await(&early.released);
}

static void host__tells_early_messages_that_their_client_has_gone(void **state)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    (void) state;
    begin_with(endpoint, NULL, WWS_S_OK);
    fake_opening = connect_and_break;

    open_host();

    await(&seen.cancelled);
    assert_int_equal(seen.ops[0].reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    assert_int_equal(close_host(), WWS_S_OK);
    assert_int_equal(seen.ops[0].freed, 1);
    end();
}

static void host__that_fails_to_open_resets_early_sessions(void **state)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;

    (void) state;
    begin_with(endpoint, NULL, WWS_S_OK);
    callbacks.serve = serve;
    add_endpoint(endpoint, callbacks);
    fake_opening = connect_early;
    fake_good = 1;

    assert_int_equal(wwi_service_host_open(host, NULL, NULL),
        WWS_E_ADDRESS_IN_USE);

    await(&early.released);
    assert_int_equal(early.heard_count, 0);
    assert_int_equal(seen.served, 0);
    end();
}

/* A session that breaks just then finds an operation which nobody fetched. */
static void host__aborted_drops_what_nobody_has_fetched(void **state)
{
    wws_operation_callbacks callbacks = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    struct wwi_queue *queue;
    wws_queue handle;

    (void) state;
    for (int i = 0; i < 50; i++) {
        struct line line;

        memset(&seen, 0, sizeof seen);
        fake_line_count = 0;
        create_host(NULL);
        chosen = &fake_sessions;
        assert_int_equal(wwi_queue_create(runtime, &handle, NULL), WWS_S_OK);
        assert_int_equal(wwi_table_get(handle.id, WWI_KIND_QUEUE, &queue),
            WWS_S_OK);
        callbacks.queue = handle;
        add_endpoint(endpoint, callbacks);
        open_host();
        connect_here(&line);
        say(&line, MESSAGE(1));
        await(&line.taken);
        if (i % 2 == 0)
            await_loop(&line);

        break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
        assert_int_equal(wwi_service_host_abort(host), WWS_S_OK);

        assert_int_equal(close_host(), WWS_S_OK);
        assert_int_equal(wwi_queue_free(queue), WWS_S_OK);
        wwi_queue_unref(queue);
        end();
    }
}

/* Races */

static void *break_thread(void *state)
{
    break_line(state, WWS_E_ENDPOINT_DISCONNECTED);
    return NULL;
}

static void *abort_thread(void *state)
{
    (void) state;
    (void) wwi_service_host_abort(host);
    return NULL;
}

static void *hang_up_thread(void *state)
{
    hang_up(state);
    return NULL;
}

static void *complete_thread(void *state)
{
    (void) state;
    complete(0);
    return NULL;
}

static void channel__ends_once_in_every_race(void **state)
{
    void *(*const enders[])(void *state) = {
        break_thread, hang_up_thread, abort_thread };

    (void) state;
    for (int i = 0; i < 300; i++) {
        struct line line;
        pthread_t threads[2];

        begin(2, WWS_S_ASYNC);
        connect_here(&line);
        say(&line, MESSAGE(1));
        say(&line, MESSAGE(2));
        await_count(&seen.served, 2);
        pthread_create(&threads[0], NULL, enders[i % 3], &line);
        pthread_create(&threads[1], NULL, complete_thread, NULL);
        complete(1);
        pthread_join(threads[0], NULL);
        pthread_join(threads[1], NULL);
        if (i % 3 == 2)
            assert_int_equal(close_host(), WWS_S_OK);
        await(&line.released);

        assert_true(line.heard_count <= 2);
        if (i % 3 == 1)
            assert_int_equal(line.heard_count, 2);
        assert_true(seen.ops[0].cancelled <= 1 && seen.ops[1].cancelled <= 1);
        assert_int_equal(close_host(), WWS_S_OK);
        assert_int_equal(seen.ops[0].freed + seen.ops[1].freed, 2);
        end();
    }
}

static void request__is_over_once_in_every_race(void **state)
{
    (void) state;
    for (int i = 0; i < 200; i++) {
        struct line line;
        struct wwi_incoming *incoming = steal(&line);
        pthread_t thread;
        int entered;

        pthread_create(&thread, NULL, break_thread, &line);
        incoming->calls->watch(incoming, held_gone);
        if (i % 2 == 0)
            reply_to(incoming);
        else
            incoming->calls->drop(incoming);
        entered = flag_of(&held.entered);
        pthread_join(thread, NULL);
        await(&line.released);

        if (i % 2 != 0)
            assert_int_equal(flag_of(&held.entered), entered);
        else
            await(&held.replied);
        end_broken(&line);
    }
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
        cmocka_unit_test(channel__ends_its_session_after_the_client),
        cmocka_unit_test(channel__still_answers_after_an_orderly_end__d28),
        cmocka_unit_test(channel__that_fails_cancels_without_reading_on__g118),
        cmocka_unit_test(channel__may_fail_after_an_orderly_end),
        cmocka_unit_test(
            channel__that_fails_leaves_its_neighbours_alone__g145),
        cmocka_unit_test(channel__whose_answer_finds_no_memory_fails),
        cmocka_unit_test(channel__with_a_dropped_request_fails_for_the_others),
        cmocka_unit_test(channel__loses_nothing_whatever_memory_fails),
        cmocka_unit_test(
            request__is_answered_late_with_why_the_session_failed),
        cmocka_unit_test(request__answered_while_it_is_told_is_over_later),
        cmocka_unit_test(request__dropped_while_it_is_told_waits),
        cmocka_unit_test(requests__that_are_very_many_are_told_in_turns),
        cmocka_unit_test(requests__answered_before_their_turn_are_not_told),
        cmocka_unit_test(request__may_be_watched_anew_while_it_is_told),
        cmocka_unit_test(request__may_be_dropped_where_it_is_told),
        cmocka_unit_test(request__is_not_told_what_the_host_tells),
        cmocka_unit_test(request__that_is_being_answered_is_told_nothing),
        cmocka_unit_test(request__stopped_before_its_answer_sends_nothing),
        cmocka_unit_test(request__stopped_does_not_begin_to_be_sent),
        cmocka_unit_test(host__aborted_says_so_and_resets_its_sessions__d27),
        cmocka_unit_test(host__closing_waits_for_clients_to_end__g131_g132),
        cmocka_unit_test(host__closing_too_long_resets_its_sessions__g133),
        cmocka_unit_test(host__serves_early_messages_when_it_is_open__g140),
        cmocka_unit_test(
            host__tells_early_messages_that_their_client_has_gone),
        cmocka_unit_test(host__that_fails_to_open_resets_early_sessions),
        cmocka_unit_test(host__aborted_drops_what_nobody_has_fetched),
        cmocka_unit_test(channel__ends_once_in_every_race),
        cmocka_unit_test(request__is_over_once_in_every_race),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
