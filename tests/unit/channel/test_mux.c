/* The mux upon a session of our own, whose calls are counted and whose events
 * the tests send by hand.  Clients are stepped by hand as well; that the
 * exchange drives them is shown at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/channel/exchange.h"
#include "core/channel/mux.h"

enum {
    PATIENCE_S = 20,
    CROWD = 1000,
    RACES = 300,
    WAKES = 2,       /* that stay in their stock */
};

static void wait_for(sem_t *sem)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    assert_int_equal(sem_timedwait(sem, &until), 0);
}

/* The session. */
static struct fake {
    struct wwi_session base;
    struct wwi_lock lock;
    struct wwi_list queue;
    struct wwi_sending *leaving; /* has begun */
    wws_status refusal;          /* of send */
    bool hasty;                  /* sends within send */
    bool over;
    bool asked;
    _Atomic int opened;
    _Atomic int asks;
    _Atomic int shutdowns;
    _Atomic int aborts;
    _Atomic int freed;
    struct wwi_post reset;
    struct wwi_post release;
    /* Of what was sent last. */
    char action[32];
    char field[32];
    bool continues;
    bool more;
} fake;

static struct fixture {
    uint64_t blocks;
    struct wwi_runtime *runtime;
    struct wwi_error *error;
    struct wwi_mux *mux;
    struct wwi_mux_options options;
    struct wwi_client_options times;
    _Atomic wws_status closed_with;
    sem_t closed;
    bool open;
} it;

static struct wwi_sending *of_link(struct wwi_link *link)
{
    return WWI_CONTAINER(link, struct wwi_sending, link);
}

static void tell_done(struct wwi_sending *sending, wws_status status)
{
    struct wwi_outcome outcome = { .status = status };

    sending->done(sending, &outcome);
}

/* The first octets of what is first in the queue are about to leave.  Only one
 * sending leaves at a time. */
static bool begin_first(void)
{
    struct wwi_sending *refused = NULL;
    struct wwi_link *link = NULL;
    bool may;

    wwi_lock_take(&fake.lock);
    if (fake.leaving == NULL)
        link = wwi_list_take(&fake.queue);
    may = link != NULL && of_link(link)->begin(of_link(link));
    if (may)
        fake.leaving = of_link(link);
    else if (link != NULL)
        refused = of_link(link);
    wwi_lock_give(&fake.lock);
    if (refused != NULL)
        tell_done(refused, WWS_E_OPERATION_CANCELLED);
    return may;
}

static bool is_queued(void)
{
    bool queued;

    wwi_lock_take(&fake.lock);
    queued = !wwi_list_empty(&fake.queue);
    wwi_lock_give(&fake.lock);
    return queued;
}

static void finish_first(void)
{
    struct wwi_sending *sending;

    wwi_lock_take(&fake.lock);
    sending = fake.leaving;
    fake.leaving = NULL;
    wwi_lock_give(&fake.lock);
    /* Unless the session has ended it meanwhile. */
    if (sending != NULL)
        tell_done(sending, WWS_S_OK);
}

static void send_first(void)
{
    assert_true(begin_first());
    finish_first();
}

static void fake_open(struct wwi_session *session)
{
    (void) session;
    fake.opened++;
}

static void note(const struct wwi_outgoing *outgoing)
{
    uint32_t index = 0;
    wws_string name, value;

    snprintf(fake.action, sizeof fake.action, "%.*s",
        (int) outgoing->action.size, outgoing->action.data);
    while (outgoing->fields.next(outgoing->fields.state, &index, &name,
        &value))
        snprintf(fake.field, sizeof fake.field, "%.*s=%.*s",
            (int) name.size, name.data, (int) value.size, value.data);
    fake.continues = outgoing->continues;
    fake.more = outgoing->more;
}

static bool enqueue(
    struct wwi_sending *sending,
    struct wwi_outgoing *outgoing)
{
    bool over;

    wwi_lock_take(&fake.lock);
    note(outgoing);
    sending->body = outgoing->envelope;
    outgoing->envelope = (struct wwi_bytes) { 0 };
    over = fake.over;
    if (!over)
        wwi_list_append(&fake.queue, &sending->link);
    wwi_lock_give(&fake.lock);
    return !over;
}

static wws_status fake_send(
    struct wwi_session *session,
    struct wwi_sending *sending,
    struct wwi_outgoing *outgoing)
{
    (void) session;
    if (fake.refusal < 0)
        return fake.refusal;
    if (!enqueue(sending, outgoing))
        return WWS_E_OBJECT_FAULTED;
    if (fake.hasty && begin_first())
        finish_first();
    return WWS_S_OK;
}

static bool fake_unsend(
    struct wwi_session *session,
    struct wwi_sending *sending)
{
    bool listed;

    (void) session;
    wwi_lock_take(&fake.lock);
    listed = wwi_link_listed(&sending->link);
    wwi_list_remove(&sending->link);
    wwi_lock_give(&fake.lock);
    return listed;
}

static void fake_receive(struct wwi_session *session)
{
    (void) session;
    assert_false(fake.asked);
    fake.asked = true;
    fake.asks++;
}

static void fake_shutdown(struct wwi_session *session)
{
    (void) session;
    fake.shutdowns++;
}

/* A sending that the session still has; it takes no more. */
static struct wwi_sending *take_over(void)
{
    struct wwi_sending *sending;
    struct wwi_link *link;

    wwi_lock_take(&fake.lock);
    fake.over = true;
    sending = fake.leaving;
    fake.leaving = NULL;
    if (sending == NULL && (link = wwi_list_take(&fake.queue)) != NULL)
        sending = of_link(link);
    wwi_lock_give(&fake.lock);
    return sending;
}

static void end_session(wws_status status, const char *text)
{
    const struct wwi_outcome outcome = { .status = status, .text = text };
    struct wwi_sending *sending;

    while (status < 0 && (sending = take_over()) != NULL)
        tell_done(sending, status);
    fake.base.events->ended(&fake.base, &outcome);
}

static void reset_session(struct wwi_work *work)
{
    (void) work;
    end_session(WWS_E_OPERATION_ABORTED, "aborted");
}

static void fake_abort(struct wwi_session *session)
{
    fake.aborts++;
    wwi_loop_post(session->loop, &fake.reset);
}

static void release_session(struct wwi_work *work)
{
    (void) work;
    fake.base.events->released(&fake.base);
}

static void fake_free(struct wwi_session *session)
{
    fake.freed++;
    wwi_loop_post(session->loop, &fake.release);
}

static const struct wwi_session_calls fake_calls = {
    .open = fake_open,
    .send = fake_send,
    .unsend = fake_unsend,
    .receive = fake_receive,
    .shutdown = fake_shutdown,
    .abort = fake_abort,
    .free = fake_free,
};

static void open_fake(void)
{
    fake = (struct fake) {
        .base = {
            .calls = &fake_calls,
            .runtime = it.runtime,
            .loop = wwi_runtime_loop(it.runtime),
        },
    };
    wwi_lock_init(&fake.lock, WWI_RANK_CONNECTION);
    wwi_list_init(&fake.queue);
    wwi_post_init(&fake.reset, reset_session);
    wwi_post_init(&fake.release, release_session);
}

/* Events, on the loop. */

struct event {
    struct wwi_post post;
    void (*run)(struct event *event);
    wws_phase phase;
    struct wwi_piece piece;
    wws_status status;
    sem_t over;
};

static void run_event(struct wwi_work *work)
{
    struct event *event = WWI_CONTAINER(work, struct event, post.work);

    event->run(event);
    sem_post(&event->over);
}

static void send_event(struct event *event)
{
    sem_init(&event->over, 0, 0);
    wwi_post_init(&event->post, run_event);
    wwi_loop_post(fake.base.loop, &event->post);
    wait_for(&event->over);
    sem_destroy(&event->over);
}

static void nothing(struct event *event)
{
    (void) event;
}

/* When this has returned, the loop has made whole turns. */
static void let_loop_turn(void)
{
    for (int i = 0; i < 3; i++)
        send_event(&(struct event) { .run = nothing });
}

static void run_opened(struct event *event)
{
    (void) event;
    fake.base.events->opened(&fake.base);
}

static void session_opens(void)
{
    send_event(&(struct event) { .run = run_opened });
}

static void run_phase(struct event *event)
{
    fake.base.events->phase(&fake.base, event->phase);
}

static void opening_comes_to(wws_phase phase)
{
    send_event(&(struct event) { .run = run_phase, .phase = phase });
}

static void run_ended(struct event *event)
{
    if (event->status < 0)
        snprintf(fake.base.text, sizeof fake.base.text, "it broke");
    end_session(event->status, "broken");
}

static void session_ends(wws_status status)
{
    send_event(&(struct event) { .run = run_ended, .status = status });
    let_loop_turn();
}

static void run_arrived(struct event *event)
{
    assert_true(fake.asked);
    fake.asked = false;
    fake.base.events->arrived(&fake.base, &event->piece);
    wwi_bytes_fini(&event->piece.octets);
}

static void piece_arrives(const char *text, bool more)
{
    struct event event = { .run = run_arrived, .piece.more = more };

    wwi_bytes_append_text(&event.piece.octets, text);
    send_event(&event);
}

static void arrives(const char *text)
{
    piece_arrives(text, false);
}

#define HEAD "<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope' " \
    "xmlns:a='http://www.w3.org/2005/08/addressing'>"
#define RELATED(attributes, id) HEAD "<e:Header><x xmlns='urn:x'>" \
    "<a:RelatesTo>inner</a:RelatesTo></x><a:RelatesTo " attributes ">" id \
    "</a:RelatesTo></e:Header><e:Body>" id "</e:Body></e:Envelope>"
#define REPLY(id) RELATED("", id)
#define NEWS HEAD "<e:Body>news</e:Body></e:Envelope>"

/* A client with its exchange, stepped by the test. */
struct hand {
    struct wwi_client *client;
    struct wwi_track track;
    struct wwi_want want;
    _Atomic int notices;
};

static void notified(struct wwi_client *client)
{
    struct hand *hand = client->user;

    hand->notices++;
}

static void make_hand(struct hand *hand, bool pieces)
{
    *hand = (struct hand) { 0 };
    assert_int_equal(wwi_mux_client(it.mux, pieces, &hand->client, it.error),
        WWS_S_OK);
    wwi_mux_clients.client_set_times(hand->client, &it.times);
    hand->client->user = hand;
    hand->client->notify = notified;
}

/* As an exchange does. */
static void take_track(struct hand *hand)
{
    const struct wwi_track *own = &hand->client->own_track;

    atomic_store(&hand->track.phase, own->phase);
    atomic_store(&hand->track.progress, own->progress);
    atomic_store(&hand->track.stop, false);
    hand->client->track = &hand->track;
}

static void give_track_back(struct hand *hand)
{
    struct wwi_track *own = &hand->client->own_track;

    atomic_store(&own->phase, hand->track.phase);
    atomic_store(&own->progress, hand->track.progress);
    hand->client->track = own;
}

static wws_status step(struct hand *hand)
{
    return wwi_mux_clients.client_step(hand->client, &hand->want);
}

static wws_status begin_full(
    struct hand *hand,
    const char *id,
    bool reply,
    bool more)
{
    struct wwi_outgoing outgoing = {
        .action = WWS_STR("urn:do"),
        .message_id = { id, strlen(id) },
        .more = more,
    };
    wws_status status;

    wwi_bytes_append_text(&outgoing.envelope, "octets");
    status = wwi_mux_clients.client_begin(hand->client, &outgoing, reply,
        it.error);
    wwi_bytes_fini(&outgoing.envelope);
    if (status >= 0)
        take_track(hand);
    return status;
}

static void begin(struct hand *hand, const char *id, bool reply)
{
    assert_int_equal(begin_full(hand, id, reply, false), WWS_S_OK);
}

static wws_status write_on(struct hand *hand, bool more)
{
    struct wwi_outgoing outgoing = { .continues = true, .more = more };
    wws_status status;

    wwi_bytes_append_text(&outgoing.envelope, "more");
    status = wwi_mux_clients.client_write(hand->client, &outgoing, it.error);
    wwi_bytes_fini(&outgoing.envelope);
    if (status >= 0)
        take_track(hand);
    return status;
}

/* Has sent its request and waits. */
static void ask(struct hand *hand, const char *id)
{
    make_hand(hand, false);
    begin(hand, id, true);
    assert_int_equal(step(hand), WWS_S_ASYNC);
    send_first();
    assert_int_equal(step(hand), WWS_S_ASYNC);
}

static void receive(struct hand *hand)
{
    wwi_mux_clients.client_receive(hand->client);
    take_track(hand);
}

static void receive_new(struct hand *hand)
{
    make_hand(hand, false);
    receive(hand);
    assert_int_equal(step(hand), WWS_S_ASYNC);
}

static void assert_takes(struct hand *hand, const char *what)
{
    struct wwi_bytes octets = { 0 };
    struct wwi_fields fields;

    assert_int_equal(wwi_mux_clients.client_take(hand->client, &octets,
        &fields), WWS_S_OK);
    wwi_bytes_append_char(&octets, '\0');
    assert_non_null(strstr((const char *) octets.data, what));
    wwi_bytes_fini(&octets);
}

static void assert_replied(struct hand *hand, const char *what)
{
    assert_int_equal(step(hand), WWS_S_OK);
    assert_int_equal(hand->track.progress, WWS_PROGRESS_REPLYING);
    assert_takes(hand, what);
}

static void end_hand(struct hand *hand)
{
    give_track_back(hand);
    wwi_mux_clients.client_end(hand->client);
}

static void free_hand(struct hand *hand)
{
    wwi_mux_clients.client_free(hand->client);
}

static void assert_fails(
    struct hand *hand,
    wws_status status,
    const char *text)
{
    assert_int_equal(step(hand), status);
    assert_int_equal(hand->client->trouble.status, status);
    assert_string_equal(hand->client->text, text);
}

static uint64_t dropped(void)
{
    return it.runtime->counters[WWS_COUNTER_LATE_REPLY_DROPPED];
}

/* What the owner hears. */

static void mux_closed(void *user, wws_status status)
{
    (void) user;
    it.closed_with = status;
    sem_post(&it.closed);
}

static wws_status create(bool open)
{
    wws_status status = wwi_mux_create(&fake.base, open, &it.options,
        &it.mux, it.error);

    it.open = status >= 0;
    return status;
}

static void start(void)
{
    assert_int_equal(create(true), WWS_S_OK);
}

static wws_status hear_closed(void)
{
    wait_for(&it.closed);
    it.open = false;
    let_loop_turn();
    return it.closed_with;
}

static int set_up(void **state)
{
    const wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;

    (void) state;
    it = (struct fixture) {
        .blocks = wwi_memory_live(),
        .times = {
            .resolve_timeout_ms = 100,
            .connect_timeout_ms = 200,
            .send_timeout_ms = 300,
            .receive_timeout_ms = 400,
        },
        .options = {
            .max_message_size = 65536,
            .correlates = true,
            .addressing = WWS_ADDRESSING_VERSION_1_0,
        },
    };
    sem_init(&it.closed, 0, 0);
    it.runtime = wwi_runtime_new(&options);
    assert_non_null(it.runtime);
    it.error = wwi_error_new();
    assert_non_null(it.error);
    wwi_clock_hold();
    open_fake();
    return 0;
}

static int clean_up(void **state)
{
    (void) state;
    if (it.open) {
        wwi_mux_close(it.mux, wwi_clock_now(), mux_closed, NULL);
        (void) hear_closed();
    }
    wwi_clock_release();
    (void) wwi_error_free(it.error);
    assert_true(wwi_runtime_end(it.runtime, wwi_clock_after(20000)));
    assert_true(wwi_object_close(&it.runtime->object));
    wwi_object_unref(&it.runtime->object);
    wwi_lock_fini(&fake.lock);
    sem_destroy(&it.closed);
    assert_true(wwi_memory_live() <= it.blocks + WAKES);
    return 0;
}

/* Opening. */

static void start_opening(struct hand *hand)
{
    assert_int_equal(create(false), WWS_S_OK);
    make_hand(hand, false);
    assert_int_equal(wwi_mux_clients.client_begin(hand->client, NULL, false,
        it.error), WWS_S_OK);
    take_track(hand);
    assert_int_equal(step(hand), WWS_S_ASYNC);
}

static void opening__is_done_when_the_session_is_open(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);
    assert_int_equal(fake.opened, 1);
    assert_int_equal(fake.asks, 0);

    session_opens();

    assert_int_equal(hand.notices, 1);
    assert_int_equal(step(&hand), WWS_S_OK);
    assert_int_equal(fake.asks, 1);
    free_hand(&hand);
    assert_int_equal(fake.aborts, 0);
}

static void opening__tells_its_phases(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);
    assert_int_equal(hand.track.phase, WWS_PHASE_RESOLVE);

    opening_comes_to(WWS_PHASE_CONNECT);
    assert_int_equal(hand.track.phase, WWS_PHASE_CONNECT);
    opening_comes_to(WWS_PHASE_HANDSHAKE);
    assert_int_equal(hand.track.phase, WWS_PHASE_HANDSHAKE);

    assert_int_equal(hand.track.progress, WWS_PROGRESS_NOT_SENT);
    free_hand(&hand);
}

static void opening__is_limited_in_resolving(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);
    assert_int_equal(hand.want.deadline, wwi_clock_now() + 100);
    wwi_clock_move(99);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    wwi_clock_move(1);

    assert_fails(&hand, WWS_E_OPERATION_TIMED_OUT,
        "the time allowed for this phase is over");
    assert_int_equal(hand.client->trouble.phase, WWS_PHASE_RESOLVE);
    free_hand(&hand);
    assert_int_equal(fake.aborts, 1);
}

static void opening__is_limited_in_connecting_with_the_handshake(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);
    wwi_clock_move(99);
    opening_comes_to(WWS_PHASE_CONNECT);
    wwi_clock_move(150);
    opening_comes_to(WWS_PHASE_HANDSHAKE);
    wwi_clock_move(49);
    assert_int_equal(hand.notices, 2);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    wwi_clock_move(1);

    assert_int_equal(step(&hand), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(hand.client->trouble.phase, WWS_PHASE_HANDSHAKE);
    free_hand(&hand);
}

static void opening__fails_as_the_session_did(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);

    session_ends(WWS_E_ENDPOINT_NOT_FOUND);

    assert_int_equal(hand.notices, 1);
    assert_fails(&hand, WWS_E_ENDPOINT_NOT_FOUND, "it broke");
    free_hand(&hand);
    assert_int_equal(fake.aborts, 0);
    assert_true(wwi_mux_failed(it.mux));
}

static void opening__that_is_stopped_aborts_the_session(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);

    free_hand(&hand);

    assert_int_equal(fake.aborts, 1);
    let_loop_turn();
    assert_true(wwi_mux_failed(it.mux));
}

static void opening__that_never_began_leaves_it_to_another(void **state)
{
    struct hand first, second;

    (void) state;
    assert_int_equal(create(false), WWS_S_OK);
    make_hand(&first, false);
    make_hand(&second, false);
    assert_int_equal(wwi_mux_clients.client_begin(first.client, NULL, false,
        NULL), WWS_S_OK);
    assert_int_equal(wwi_mux_clients.client_begin(second.client, NULL, false,
        NULL), WWS_E_INVALID_OPERATION);

    free_hand(&first);

    assert_int_equal(fake.aborts, 0);
    assert_int_equal(wwi_mux_clients.client_begin(second.client, NULL, false,
        NULL), WWS_S_OK);
    free_hand(&second);
}

static void opening__after_an_abort_does_no_io(void **state)
{
    struct hand hand;

    (void) state;
    assert_int_equal(create(false), WWS_S_OK);
    make_hand(&hand, false);
    assert_int_equal(wwi_mux_clients.client_begin(hand.client, NULL, false,
        NULL), WWS_S_OK);
    take_track(&hand);
    wwi_mux_abort(it.mux);

    (void) step(&hand);
    let_loop_turn();

    assert_fails(&hand, WWS_E_OPERATION_ABORTED, "aborted");
    assert_int_equal(fake.opened, 0);
    free_hand(&hand);
}

static void begin__opens_a_session_that_is_not(void **state)
{
    struct hand hand;

    (void) state;
    assert_int_equal(create(false), WWS_S_OK);
    make_hand(&hand, false);

    assert_int_equal(begin_full(&hand, "1", true, false), WWS_S_OK);
    take_track(&hand);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_int_equal(fake.opened, 1);
    assert_true(wwi_list_empty(&fake.queue));
    session_opens();
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_false(wwi_list_empty(&fake.queue));

    free_hand(&hand);
}

static void begin__of_a_request_needs_an_id(void **state)
{
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);

    assert_int_equal(begin_full(&hand, "", true, false), WWS_E_INVALIDARG);
    assert_int_equal(begin_full(&hand, "", false, false), WWS_S_OK);

    free_hand(&hand);
}

/* Replies. */

static void replies__find_their_requests_in_any_order(void **state)
{
    struct hand a, b, c;

    (void) state;
    start();
    ask(&a, "a");
    ask(&b, "b");
    ask(&c, "c");

    arrives(REPLY("c"));
    arrives(REPLY(" b\n"));
    assert_int_equal(step(&a), WWS_S_ASYNC);
    arrives(REPLY("&#97;"));

    assert_replied(&c, ">c<");
    assert_replied(&b, "> b\n<");
    assert_replied(&a, ">&#97;<");
    assert_int_equal(a.notices, 2);
    free_hand(&a);
    free_hand(&b);
    free_hand(&c);
    assert_int_equal(dropped(), 0);
}

static void reply__is_what_relates_as_a_reply(void **state)
{
    struct hand hand;

    (void) state;
    start();
    ask(&hand, "a");

    arrives(RELATED("RelationshipType='urn:other'", "a"));
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_int_equal(dropped(), 1);
    arrives(RELATED(
        "RelationshipType='http://www.w3.org/2005/08/addressing/reply'", "a"));

    assert_replied(&hand, ">a<");
    free_hand(&hand);
}

static void reply__is_what_the_next_message_is_without_correlation(
    void **state)
{
    struct hand hand;

    (void) state;
    it.options.correlates = false;
    start();
    ask(&hand, "a");

    arrives(NEWS);

    assert_replied(&hand, "news");
    free_hand(&hand);
}

static void reply__may_come_before_all_is_sent(void **state)
{
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);
    begin(&hand, "a", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_true(begin_first());

    arrives(REPLY("a"));

    assert_replied(&hand, ">a<");
    end_hand(&hand);
    finish_first();
    begin(&hand, "b", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    send_first();
    arrives(REPLY("b"));
    assert_replied(&hand, ">b<");
    free_hand(&hand);
}

static void reply__to_what_was_not_sent_is_none(void **state)
{
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);
    begin(&hand, "a", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    arrives(REPLY("a"));

    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_int_equal(dropped(), 1);
    free_hand(&hand);
}

static void reply__that_comes_twice_is_dropped_once(void **state)
{
    struct hand hand;

    (void) state;
    start();
    ask(&hand, "a");

    arrives(REPLY("a"));
    arrives(REPLY("a"));

    assert_int_equal(dropped(), 1);
    assert_replied(&hand, ">a<");
    free_hand(&hand);
    assert_int_equal(dropped(), 1);
}

/* G75 */
static void reply__that_is_late_is_dropped_and_counted(void **state)
{
    struct hand late, other;

    (void) state;
    start();
    ask(&late, "a");
    ask(&other, "b");

    free_hand(&late);
    assert_int_equal(dropped(), 0);
    arrives(REPLY("a"));

    assert_int_equal(dropped(), 1);
    arrives(REPLY("b"));
    assert_replied(&other, ">b<");
    free_hand(&other);
}

static void reply__that_is_there_when_nobody_wants_it_is_counted(void **state)
{
    struct hand hand;

    (void) state;
    start();
    ask(&hand, "a");
    arrives(REPLY("a"));

    free_hand(&hand);

    assert_int_equal(dropped(), 1);
}

static void message__that_cannot_be_read_harms_nobody(void **state)
{
    static const char *const bad[] = {
        "", "no xml", "<x/>", HEAD, HEAD "<e:Header><a:RelatesTo>a",
        "<Envelope><Header/></Envelope>", NEWS, REPLY(""), REPLY("unknown"),
    };
    struct hand hand;

    (void) state;
    start();
    ask(&hand, "a");

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        arrives(bad[i]);
        assert_int_equal(dropped(), i + 1);
    }

    arrives(REPLY("a"));
    assert_replied(&hand, ">a<");
    free_hand(&hand);
    assert_int_equal(fake.aborts, 0);
}

/* A body is for its call to complain of. */
static void message__with_a_bad_body_finds_its_request(void **state)
{
    struct hand hand;

    (void) state;
    start();
    ask(&hand, "a");

    arrives(HEAD "<e:Header><a:RelatesTo>a</a:RelatesTo></e:Header><e:Body><");

    assert_replied(&hand, "Body");
    free_hand(&hand);
}

static void reading__goes_on_without_end_where_nobody_receives(void **state)
{
    (void) state;
    start();

    for (int i = 0; i < 100; i++)
        arrives(NEWS);

    assert_int_equal(fake.asks, 101);
    assert_int_equal(dropped(), 100);
}

/* Sending. */

static void send__is_done_when_the_octets_have_left(void **state)
{
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);
    begin(&hand, "", false);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_int_equal(hand.track.phase, WWS_PHASE_QUEUE);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_NOT_SENT);

    assert_true(begin_first());
    assert_int_equal(hand.track.phase, WWS_PHASE_SEND);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_PARTLY_SENT);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    finish_first();

    assert_int_equal(hand.notices, 1);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_SENT);
    assert_int_equal(step(&hand), WWS_S_OK);
    assert_string_equal(fake.action, "urn:do");
    end_hand(&hand);
    free_hand(&hand);
}

static void send__may_be_done_at_once(void **state)
{
    struct hand hand;

    (void) state;
    start();
    fake.hasty = true;
    make_hand(&hand, false);
    begin(&hand, "", false);

    assert_int_equal(step(&hand), WWS_S_OK);

    end_hand(&hand);
    begin(&hand, "a", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_int_equal(hand.track.phase, WWS_PHASE_WAIT);
    arrives(REPLY("a"));
    assert_replied(&hand, ">a<");
    free_hand(&hand);
}

static bool one_field(
    const void *field,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    if (*index != 0)
        return false;
    *index = 1;
    *name = WWS_STR("Name");
    *value = (wws_string) { field, strlen(field) };
    return true;
}

static void send__copies_what_goes_with_the_message(void **state)
{
    char value[] = "value";
    char action[] = "urn:x";
    struct wwi_outgoing outgoing = {
        .action = { action, 5 },
        .fields = { one_field, value },
    };
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);
    assert_int_equal(wwi_mux_clients.client_begin(hand.client, &outgoing,
        false, NULL), WWS_S_OK);
    memset(value, 'z', 5);
    memset(action, 'z', 5);

    assert_int_equal(step(&hand), WWS_S_ASYNC);

    assert_string_equal(fake.action, "urn:x");
    assert_string_equal(fake.field, "Name=value");
    free_hand(&hand);
}

static void send__that_is_refused_tells_why(void **state)
{
    struct hand hand;

    (void) state;
    start();
    fake.refusal = WWS_E_INVALID_OPERATION;
    make_hand(&hand, false);
    begin(&hand, "a", true);

    assert_fails(&hand, WWS_E_INVALID_OPERATION,
        "the session takes no message");

    free_hand(&hand);
}

/* The session knows of its failure before it has told. */
static void send__to_a_session_that_is_over_hears_how(void **state)
{
    struct hand hand;

    (void) state;
    start();
    fake.refusal = WWS_E_OBJECT_FAULTED;
    make_hand(&hand, false);
    begin(&hand, "a", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    session_ends(WWS_E_ENDPOINT_DISCONNECTED);

    assert_fails(&hand, WWS_E_ENDPOINT_DISCONNECTED, "it broke");
    free_hand(&hand);
}

static void send__is_limited_in_time(void **state)
{
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);
    begin(&hand, "a", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_int_equal(hand.want.deadline, wwi_clock_now() + 300);

    wwi_clock_move(300);

    assert_int_equal(step(&hand), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(hand.client->trouble.progress, WWS_PROGRESS_NOT_SENT);
    /* Who has been told so is not made a liar. */
    assert_false(begin_first());
    free_hand(&hand);
}

static void reply__is_waited_for_a_limited_time(void **state)
{
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);
    begin(&hand, "a", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    wwi_clock_move(200);
    send_first();
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_int_equal(hand.want.deadline, wwi_clock_now() + 400);

    wwi_clock_move(400);

    assert_int_equal(step(&hand), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(hand.client->trouble.phase, WWS_PHASE_WAIT);
    assert_int_equal(hand.client->trouble.progress, WWS_PROGRESS_SENT);
    free_hand(&hand);
    assert_int_equal(fake.aborts, 0);
}

static void deadline__that_is_infinite_never_comes(void **state)
{
    struct hand hand;

    (void) state;
    it.times.send_timeout_ms = WWS_INFINITE;
    start();
    make_hand(&hand, false);
    begin(&hand, "a", true);

    assert_int_equal(step(&hand), WWS_S_ASYNC);

    assert_true(hand.want.deadline == WWI_NEVER);
    free_hand(&hand);
}

/* Stopping. */

static void stop__before_the_first_octet_takes_the_message_back(void **state)
{
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);
    begin(&hand, "a", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    free_hand(&hand);

    assert_false(is_queued());
    assert_int_equal(hand.track.progress, WWS_PROGRESS_NOT_SENT);
}

static void stop__is_seen_when_the_first_octet_is_to_leave(void **state)
{
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);
    begin(&hand, "a", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    atomic_store(&hand.track.stop, true);

    assert_false(begin_first());
    assert_int_equal(hand.track.progress, WWS_PROGRESS_NOT_SENT);
    free_hand(&hand);
}

static void stop__after_the_first_octet_lets_the_message_be_sent(void **state)
{
    struct hand hand, other;

    (void) state;
    start();
    make_hand(&hand, false);
    begin(&hand, "a", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_true(begin_first());

    free_hand(&hand);

    assert_memory_equal(fake.leaving->body.data, "octets", 6);
    finish_first();
    arrives(REPLY("a"));
    assert_int_equal(dropped(), 1);
    ask(&other, "b");
    arrives(REPLY("b"));
    assert_replied(&other, ">b<");
    free_hand(&other);
    assert_int_equal(fake.aborts, 0);
}

static void stop__lets_the_client_go_on_to_its_next_exchange(void **state)
{
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);
    begin(&hand, "a", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_true(begin_first());
    end_hand(&hand);

    begin(&hand, "b", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    finish_first();
    send_first();
    arrives(REPLY("a"));
    arrives(REPLY("b"));

    assert_replied(&hand, ">b<");
    assert_int_equal(dropped(), 1);
    free_hand(&hand);
}

static void crowd__gets_each_reply_but_for_those_who_left(void **state)
{
    struct hand *hands = test_calloc(CROWD, sizeof *hands);
    char text[800];
    uint64_t late = 0;

    (void) state;
    start();
    for (int i = 0; i < CROWD; i++) {
        snprintf(text, sizeof text, "urn:%d", i);
        ask(&hands[i], text);
    }
    srand(7);
    for (int i = 0; i < CROWD; i++) {
        if (rand() % 3 != 0)
            continue;
        free_hand(&hands[i]);
        hands[i].client = NULL;
        late++;
    }

    for (int i = CROWD; i-- > 0;) {
        snprintf(text, sizeof text, HEAD "<e:Header><a:RelatesTo>urn:%d"
            "</a:RelatesTo></e:Header><e:Body>=%d=</e:Body></e:Envelope>", i,
            i);
        arrives(text);
    }

    for (int i = 0; i < CROWD; i++) {
        if (hands[i].client == NULL)
            continue;
        snprintf(text, sizeof text, "=%d=", i);
        assert_replied(&hands[i], text);
        free_hand(&hands[i]);
    }
    assert_int_equal(dropped(), late);
    test_free(hands);
}

/* Receiving. */

static void start_receiving(void)
{
    it.options.receives = true;
    start();
}

static void receive__gets_what_nobody_waits_for(void **state)
{
    struct hand call, receiver;

    (void) state;
    start_receiving();
    ask(&call, "a");
    receive_new(&receiver);

    arrives(NEWS);
    arrives(REPLY("a"));

    assert_replied(&receiver, "news");
    assert_replied(&call, ">a<");
    free_hand(&call);
    receive(&receiver);
    ask(&call, "b");
    arrives(REPLY("unknown"));
    assert_replied(&receiver, ">unknown<");
    free_hand(&receiver);
    free_hand(&call);
    assert_int_equal(dropped(), 0);
}

static void receive__comes_in_order_to_those_who_wait(void **state)
{
    struct hand a, b;

    (void) state;
    start_receiving();
    receive_new(&a);
    receive_new(&b);

    arrives(REPLY("first"));
    arrives(REPLY("second"));

    assert_replied(&a, "first");
    assert_replied(&b, "second");
    free_hand(&a);
    free_hand(&b);
}

static void receive__asks_for_no_more_than_is_wanted(void **state)
{
    struct hand hand;

    (void) state;
    start_receiving();
    assert_int_equal(fake.asks, 0);
    receive_new(&hand);
    assert_int_equal(fake.asks, 1);

    arrives(NEWS);

    assert_int_equal(fake.asks, 1);
    assert_replied(&hand, "news");
    free_hand(&hand);
    assert_int_equal(fake.asks, 1);
}

static void inbox__is_bounded_while_a_call_waits(void **state)
{
    struct hand call, receiver;

    (void) state;
    start_receiving();
    ask(&call, "a");
    for (int i = 0; i < 64; i++)
        arrives(NEWS);
    assert_false(fake.asked);
    assert_int_equal(fake.asks, 64);

    make_hand(&receiver, false);
    receive(&receiver);
    assert_replied(&receiver, "news");

    assert_true(fake.asked);
    arrives(REPLY("a"));
    assert_replied(&call, ">a<");
    free_hand(&call);
    for (int i = 0; i < 63; i++) {
        receive(&receiver);
        assert_replied(&receiver, "news");
    }
    free_hand(&receiver);
    assert_int_equal(dropped(), 0);
}

static void receive__that_takes_too_long_loses_nothing(void **state)
{
    struct hand slow, next;

    (void) state;
    start_receiving();
    receive_new(&slow);
    wwi_clock_move(400);
    assert_int_equal(step(&slow), WWS_E_OPERATION_TIMED_OUT);

    arrives(NEWS);

    end_hand(&slow);
    make_hand(&next, false);
    receive(&next);
    assert_replied(&next, "news");
    free_hand(&slow);
    free_hand(&next);
}

static void receive__that_is_stopped_puts_its_message_back(void **state)
{
    struct hand stopped, next;

    (void) state;
    start_receiving();
    receive_new(&stopped);
    ask(&next, "a");
    arrives(REPLY("first"));
    arrives(REPLY("second"));
    free_hand(&next);

    free_hand(&stopped);

    make_hand(&next, false);
    receive(&next);
    assert_replied(&next, "first");
    receive(&next);
    assert_replied(&next, "second");
    free_hand(&next);
    assert_int_equal(dropped(), 0);
}

static void receive__that_is_stopped_hands_its_message_to_the_next(
    void **state)
{
    struct hand stopped, next;

    (void) state;
    start_receiving();
    receive_new(&stopped);
    receive_new(&next);
    arrives(NEWS);
    assert_int_equal(step(&next), WWS_S_ASYNC);

    free_hand(&stopped);

    assert_int_equal(next.notices, 1);
    assert_replied(&next, "news");
    free_hand(&next);
}

static void receive__follows_a_message_that_was_only_sent(void **state)
{
    struct hand hand;

    (void) state;
    start_receiving();
    fake.hasty = true;
    make_hand(&hand, false);
    begin(&hand, "a", false);
    assert_int_equal(step(&hand), WWS_S_OK);
    give_track_back(&hand);

    receive(&hand);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    arrives(NEWS);

    assert_replied(&hand, "news");
    free_hand(&hand);
}

static void receive__tells_what_came_with_the_message(void **state)
{
    struct event event = {
        .run = run_arrived,
        .piece = {
            .has_action = true,
            .action = WWS_STR("urn:x"),
            .fields = { one_field, "value" },
        },
    };
    struct wwi_bytes octets = { 0 };
    struct wwi_fields fields;
    struct hand hand;
    wws_string name, value;
    uint32_t index = 0;

    (void) state;
    start_receiving();
    receive_new(&hand);
    send_event(&event);

    assert_int_equal(step(&hand), WWS_S_OK);
    assert_int_equal(wwi_mux_clients.client_take(hand.client, &octets,
        &fields), WWS_S_OK);

    assert_true(hand.client->has_action);
    assert_memory_equal(hand.client->action.data, "urn:x", 5);
    assert_true(fields.next(fields.state, &index, &name, &value));
    assert_memory_equal(name.data, "Name", 4);
    assert_memory_equal(value.data, "value", 5);
    assert_false(fields.next(fields.state, &index, &name, &value));
    wwi_bytes_fini(&octets);
    free_hand(&hand);
}

/* The end. */

static void end__comes_to_those_who_receive_again_and_again(void **state)
{
    struct hand hand;
    struct wwi_bytes octets;
    struct wwi_fields fields;

    (void) state;
    start_receiving();
    receive_new(&hand);

    session_ends(WWS_S_END);

    assert_int_equal(hand.notices, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(step(&hand), WWS_S_END);
        assert_int_equal(wwi_mux_clients.client_take(hand.client, &octets,
            &fields), WWS_S_END);
        receive(&hand);
    }
    assert_true(wwi_mux_ended(it.mux));
    assert_false(wwi_mux_failed(it.mux));
    free_hand(&hand);
}

static void end__comes_behind_what_came_before(void **state)
{
    struct hand call, hand;

    (void) state;
    start_receiving();
    ask(&call, "a");
    arrives(NEWS);
    session_ends(WWS_S_END);
    make_hand(&hand, false);

    receive(&hand);
    assert_replied(&hand, "news");

    receive(&hand);
    assert_int_equal(step(&hand), WWS_S_END);
    free_hand(&hand);
    free_hand(&call);
}

static void end__leaves_calls_without_a_reply(void **state)
{
    struct hand waiting, queued, fresh;

    (void) state;
    start();
    ask(&waiting, "a");
    make_hand(&queued, false);
    begin(&queued, "b", true);
    assert_int_equal(step(&queued), WWS_S_ASYNC);
    make_hand(&fresh, false);
    begin(&fresh, "c", true);

    session_ends(WWS_S_END);

    assert_fails(&waiting, WWS_E_ENDPOINT_DISCONNECTED,
        "the peer ended the session");
    assert_int_equal(waiting.client->trouble.progress, WWS_PROGRESS_SENT);
    assert_int_equal(step(&queued), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(step(&fresh), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(fresh.client->trouble.progress, WWS_PROGRESS_NOT_SENT);
    free_hand(&waiting);
    free_hand(&queued);
    free_hand(&fresh);
    assert_false(is_queued());
}

static void end__lets_messages_be_sent(void **state)
{
    struct hand hand;

    (void) state;
    start();
    session_ends(WWS_S_END);
    make_hand(&hand, false);

    begin(&hand, "", false);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    send_first();

    assert_int_equal(step(&hand), WWS_S_OK);
    free_hand(&hand);
}

/* One client in each stage. */
struct stages {
    struct hand fresh;
    struct hand queued;
    struct hand leaving;
    struct hand sent;
    struct hand waiting;
    struct hand replied;
    struct hand receiving;
};

static void reach_stages(struct stages *all)
{
    start_receiving();
    ask(&all->replied, "replied");
    arrives(REPLY("replied"));
    ask(&all->waiting, "waiting");
    make_hand(&all->sent, false);
    begin(&all->sent, "sent", false);
    assert_int_equal(step(&all->sent), WWS_S_ASYNC);
    send_first();
    receive_new(&all->receiving);
    make_hand(&all->leaving, false);
    begin(&all->leaving, "leaving", true);
    assert_int_equal(step(&all->leaving), WWS_S_ASYNC);
    assert_true(begin_first());
    make_hand(&all->queued, false);
    begin(&all->queued, "queued", false);
    assert_int_equal(step(&all->queued), WWS_S_ASYNC);
    make_hand(&all->fresh, false);
    begin(&all->fresh, "fresh", false);
}

/* G7, G8 */
static void assert_stages_failed(
    struct stages *all,
    wws_status status,
    const char *text)
{
    assert_fails(&all->fresh, status, text);
    assert_fails(&all->queued, status, text);
    assert_fails(&all->leaving, status, text);
    assert_int_equal(all->leaving.client->trouble.progress,
        WWS_PROGRESS_PARTLY_SENT);
    assert_fails(&all->waiting, status, text);
    assert_fails(&all->receiving, status, text);
    assert_int_equal(step(&all->sent), WWS_S_OK);
    assert_replied(&all->replied, "replied");
    assert_int_equal(begin_full(&all->sent, "x", true, false),
        WWS_E_OBJECT_FAULTED);
    assert_true(wwi_mux_failed(it.mux));
    free_hand(&all->fresh);
    free_hand(&all->queued);
    free_hand(&all->leaving);
    free_hand(&all->sent);
    free_hand(&all->waiting);
    free_hand(&all->replied);
    free_hand(&all->receiving);
}

static void failure__comes_to_all_that_is_under_way(void **state)
{
    struct stages all;

    (void) state;
    reach_stages(&all);

    session_ends(WWS_E_ENDPOINT_DISCONNECTED);

    assert_stages_failed(&all, WWS_E_ENDPOINT_DISCONNECTED, "it broke");
    assert_int_equal(fake.aborts, 0);
}

static void abort__ends_all_that_is_under_way(void **state)
{
    struct stages all;

    (void) state;
    reach_stages(&all);

    wwi_mux_abort(it.mux);
    wwi_mux_abort(it.mux);
    assert_int_equal(begin_full(&all.replied, "x", true, false),
        WWS_E_OBJECT_FAULTED);
    let_loop_turn();

    assert_stages_failed(&all, WWS_E_OPERATION_ABORTED, "aborted");
    assert_int_equal(fake.aborts, 1);
}

static void failure__may_follow_the_end(void **state)
{
    struct hand hand;

    (void) state;
    start_receiving();
    session_ends(WWS_S_END);
    session_ends(WWS_E_ENDPOINT_DISCONNECTED);
    make_hand(&hand, false);

    receive(&hand);

    assert_int_equal(step(&hand), WWS_E_ENDPOINT_DISCONNECTED);
    assert_true(wwi_mux_ended(it.mux));
    assert_true(wwi_mux_failed(it.mux));
    free_hand(&hand);
}

static void shutdown__is_asked_for_once(void **state)
{
    (void) state;
    start();

    wwi_mux_shutdown(it.mux);
    wwi_mux_shutdown(it.mux);

    assert_int_equal(fake.shutdowns, 1);
}

/* Streams. */

static void start_stream(bool receives)
{
    it.options.correlates = false;
    it.options.receives = receives;
    start();
}

static void stream__comes_piece_by_piece(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, true);
    begin(&hand, "", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    send_first();
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    piece_arrives("one", true);
    assert_false(fake.asked);
    assert_replied(&hand, "one");
    assert_true(hand.client->more);
    receive(&hand);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_true(fake.asked);
    piece_arrives("two", false);

    assert_replied(&hand, "two");
    assert_false(hand.client->more);
    free_hand(&hand);
}

static void stream__can_be_received_in_pieces(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(true);
    make_hand(&hand, true);
    receive(&hand);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    for (int i = 0; i < 3; i++) {
        piece_arrives("piece", i < 2);
        assert_replied(&hand, "piece");
        assert_int_equal(hand.client->more, i < 2);
        receive(&hand);
        assert_int_equal(step(&hand), WWS_S_ASYNC);
    }

    session_ends(WWS_S_END);
    assert_int_equal(step(&hand), WWS_S_END);
    free_hand(&hand);
}

static void stream__that_ends_within_a_message_fails(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(true);
    make_hand(&hand, true);
    receive(&hand);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    piece_arrives("one", true);
    assert_replied(&hand, "one");
    receive(&hand);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    session_ends(WWS_E_ENDPOINT_DISCONNECTED);

    assert_int_equal(hand.notices, 2);
    assert_fails(&hand, WWS_E_ENDPOINT_DISCONNECTED, "it broke");
    free_hand(&hand);
}

static void stream__of_which_nobody_wants_the_rest_is_dropped(void **state)
{
    struct hand hand, next;

    (void) state;
    start_stream(true);
    make_hand(&hand, true);
    receive(&hand);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    piece_arrives("one", true);
    free_hand(&hand);
    assert_int_equal(dropped(), 0);

    receive_new(&next);
    piece_arrives("two", true);
    piece_arrives("three", false);
    assert_int_equal(step(&next), WWS_S_ASYNC);
    arrives(NEWS);

    assert_replied(&next, "news");
    assert_int_equal(dropped(), 1);
    free_hand(&next);
}

static void stream__is_put_together_for_who_takes_it_whole(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(true);
    receive_new(&hand);

    piece_arrives("one,", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    piece_arrives("two,", true);
    piece_arrives("three", false);

    assert_replied(&hand, "one,two,three");
    assert_false(hand.client->more);
    free_hand(&hand);
}

static void stream__that_nobody_has_had_a_piece_of_is_not_lost(void **state)
{
    struct hand slow, next;

    (void) state;
    start_stream(true);
    receive_new(&slow);
    piece_arrives("one,", true);
    wwi_clock_move(400);
    assert_int_equal(step(&slow), WWS_E_OPERATION_TIMED_OUT);
    free_hand(&slow);

    make_hand(&next, true);
    receive(&next);
    assert_int_equal(step(&next), WWS_S_ASYNC);
    piece_arrives("two,", true);

    assert_replied(&next, "one,two,");
    assert_true(next.client->more);
    free_hand(&next);
}

static void stream__is_put_together_before_it_is_correlated(void **state)
{
    struct hand hand;
    const char *text = REPLY("a");
    char half[200] = "";

    (void) state;
    start();
    ask(&hand, "a");

    memcpy(half, text, 150);
    piece_arrives(half, true);
    piece_arrives(text + 150, false);

    assert_replied(&hand, ">a<");
    free_hand(&hand);
}

static void stream__may_not_grow_too_large_whole(void **state)
{
    struct hand hand;

    (void) state;
    it.options.max_message_size = 10;
    start_stream(true);
    receive_new(&hand);
    piece_arrives("0123456789", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    piece_arrives("x", false);
    let_loop_turn();

    assert_fails(&hand, WWS_E_QUOTA_EXCEEDED,
        "a message is larger than max_message_size");
    assert_true(wwi_mux_failed(it.mux));
    assert_int_equal(fake.aborts, 1);
    free_hand(&hand);
}

static void stream__may_grow_in_pieces(void **state)
{
    struct hand hand;

    (void) state;
    it.options.max_message_size = 10;
    start_stream(true);
    make_hand(&hand, true);
    receive(&hand);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    piece_arrives("0123456789abc", true);
    assert_replied(&hand, "abc");
    receive(&hand);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    piece_arrives("0123456789def", false);

    assert_replied(&hand, "def");
    free_hand(&hand);
}

static void stream__is_written_piece_by_piece(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, false);
    assert_int_equal(begin_full(&hand, "", true, true), WWS_S_OK);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_true(fake.more);
    send_first();
    assert_int_equal(step(&hand), WWS_S_OK);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_PARTLY_SENT);
    give_track_back(&hand);

    assert_int_equal(write_on(&hand, false), WWS_S_OK);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_true(fake.continues);
    assert_false(fake.more);
    send_first();

    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_int_equal(hand.track.progress, WWS_PROGRESS_SENT);
    arrives(NEWS);
    assert_replied(&hand, "news");
    end_hand(&hand);
    assert_int_equal(fake.aborts, 0);
    free_hand(&hand);
}

static void stream__that_was_not_begun_cannot_go_on(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, false);

    assert_int_equal(write_on(&hand, false), WWS_E_INVALID_OPERATION);

    free_hand(&hand);
}

static void stream__may_be_replied_to_before_it_is_through(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, false);
    assert_int_equal(begin_full(&hand, "", true, true), WWS_S_OK);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    send_first();
    assert_int_equal(step(&hand), WWS_S_OK);
    give_track_back(&hand);
    arrives(NEWS);

    assert_int_equal(write_on(&hand, false), WWS_S_OK);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_true(begin_first());

    assert_int_equal(step(&hand), WWS_S_OK);
    assert_takes(&hand, "news");
    free_hand(&hand);
    finish_first();
    assert_int_equal(fake.aborts, 0);
}

static void stream__that_is_left_unfinished_aborts_the_session(void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, false);
    assert_int_equal(begin_full(&hand, "", false, true), WWS_S_OK);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    send_first();
    assert_int_equal(step(&hand), WWS_S_OK);
    assert_int_equal(write_on(&hand, false), WWS_S_OK);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    free_hand(&hand);

    assert_false(is_queued());
    assert_int_equal(fake.aborts, 1);
}

static void stream__that_is_stopped_before_its_begin_harms_nobody(
    void **state)
{
    struct hand hand;

    (void) state;
    start_stream(false);
    make_hand(&hand, false);
    assert_int_equal(begin_full(&hand, "", false, true), WWS_S_OK);
    assert_int_equal(step(&hand), WWS_S_ASYNC);

    free_hand(&hand);

    assert_int_equal(fake.aborts, 0);
}

/* Closing. */

static void close__waits_for_the_peer_to_end(void **state)
{
    (void) state;
    start();

    wwi_mux_close(it.mux, WWI_NEVER, mux_closed, NULL);
    let_loop_turn();
    assert_int_equal(fake.shutdowns, 1);
    assert_int_equal(fake.freed, 0);
    session_ends(WWS_S_END);

    assert_int_equal(hear_closed(), WWS_S_OK);
    assert_int_equal(fake.freed, 1);
    assert_int_equal(fake.aborts, 0);
}

static void close__after_the_end_waits_for_what_is_being_sent(void **state)
{
    struct hand hand;

    (void) state;
    start();
    session_ends(WWS_S_END);
    make_hand(&hand, false);
    begin(&hand, "", false);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    assert_true(begin_first());

    wwi_mux_close(it.mux, wwi_clock_now() + 10, mux_closed, NULL);
    let_loop_turn();
    assert_int_equal(fake.freed, 0);
    finish_first();

    assert_int_equal(hear_closed(), WWS_S_OK);
    assert_int_equal(step(&hand), WWS_S_OK);
    free_hand(&hand);
}

static void close__gives_up_at_the_deadline(void **state)
{
    (void) state;
    start();
    wwi_mux_close(it.mux, wwi_clock_now() + 10, mux_closed, NULL);
    wwi_clock_move(9);
    let_loop_turn();
    assert_int_equal(fake.aborts, 0);

    wwi_clock_move(1);

    assert_int_equal(hear_closed(), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(fake.aborts, 1);
}

static void close__can_be_aborted(void **state)
{
    (void) state;
    start();
    wwi_mux_close(it.mux, WWI_NEVER, mux_closed, NULL);

    wwi_mux_abort(it.mux);

    assert_int_equal(hear_closed(), WWS_E_OPERATION_ABORTED);
}

static void close__of_a_session_that_failed_tells_how(void **state)
{
    (void) state;
    start();
    session_ends(WWS_E_ENDPOINT_DISCONNECTED);

    wwi_mux_close(it.mux, WWI_NEVER, mux_closed, NULL);

    assert_int_equal(hear_closed(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(fake.shutdowns, 0);
}

static void close__of_a_session_that_was_not_opened_is_done(void **state)
{
    (void) state;
    assert_int_equal(create(false), WWS_S_OK);

    wwi_mux_close(it.mux, wwi_clock_now() + 10, mux_closed, NULL);

    assert_int_equal(hear_closed(), WWS_S_OK);
    assert_int_equal(fake.shutdowns + fake.aborts, 0);
}

static void close__stops_an_opening(void **state)
{
    struct hand hand;

    (void) state;
    start_opening(&hand);

    wwi_mux_close(it.mux, WWI_NEVER, mux_closed, NULL);

    assert_int_equal(hear_closed(), WWS_E_OPERATION_ABORTED);
    assert_fails(&hand, WWS_E_OPERATION_ABORTED, "aborted");
    free_hand(&hand);
}

static void close__reads_on_to_find_the_end(void **state)
{
    struct hand hand;

    (void) state;
    start_receiving();
    ask(&hand, "a");
    wwi_mux_close(it.mux, WWI_NEVER, mux_closed, NULL);

    arrives(NEWS);
    arrives(REPLY("a"));
    arrives(NEWS);

    assert_replied(&hand, ">a<");
    free_hand(&hand);
    assert_int_equal(dropped(), 2);
    session_ends(WWS_S_END);
    assert_int_equal(hear_closed(), WWS_S_OK);
}

static void close__lets_no_opening_begin(void **state)
{
    struct hand hand;

    (void) state;
    assert_int_equal(create(false), WWS_S_OK);
    make_hand(&hand, false);
    assert_int_equal(wwi_mux_clients.client_begin(hand.client, NULL, false,
        NULL), WWS_S_OK);
    take_track(&hand);

    wwi_mux_close(it.mux, WWI_NEVER, mux_closed, NULL);

    assert_fails(&hand, WWS_E_OBJECT_FAULTED, "the session has been closed");
    assert_int_equal(hear_closed(), WWS_S_OK);
    assert_int_equal(fake.opened, 0);
    free_hand(&hand);
}

static void close__ends_what_is_still_begun(void **state)
{
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);
    begin(&hand, "", false);
    wwi_mux_close(it.mux, WWI_NEVER, mux_closed, NULL);
    session_ends(WWS_S_END);
    assert_int_equal(hear_closed(), WWS_S_OK);

    assert_fails(&hand, WWS_E_OBJECT_FAULTED, "the session has been closed");

    free_hand(&hand);
}

static void close__needs_no_memory(void **state)
{
    (void) state;
    start();
    wwi_memory_fail(1, true);

    wwi_mux_close(it.mux, wwi_clock_now() + 10, mux_closed, NULL);
    wwi_clock_move(10);

    wait_for(&it.closed);
    wwi_memory_fail(0, false);
    it.open = false;
    assert_int_equal(it.closed_with, WWS_E_OPERATION_TIMED_OUT);
}

/* Memory. */

static void create__leaves_the_session_when_there_is_no_memory(void **state)
{
    wws_status status = WWS_E_OUTOFMEMORY;

    (void) state;
    for (uint64_t n = 1; status < 0; n++) {
        uint64_t blocks = wwi_memory_live();

        wwi_memory_fail(n, false);
        status = wwi_mux_create(&fake.base, true, &it.options, &it.mux, NULL);
        wwi_memory_fail(0, false);
        if (status >= 0)
            break;
        assert_int_equal(status, WWS_E_OUTOFMEMORY);
        assert_int_equal(wwi_memory_live(), blocks);
    }
    it.open = true;
}

static void client__is_refused_when_there_is_no_memory(void **state)
{
    struct wwi_client *clients[17];
    int count = 0;

    (void) state;
    start();
    for (; count < 16; count++)
        assert_int_equal(wwi_mux_client(it.mux, false, &clients[count], NULL),
            WWS_S_OK);

    for (uint64_t n = 1; n <= 2; n++) {
        uint64_t blocks = wwi_memory_live();

        wwi_memory_fail(n, false);
        assert_int_equal(wwi_mux_client(it.mux, false, &clients[16], NULL),
            WWS_E_OUTOFMEMORY);
        wwi_memory_fail(0, false);
        assert_int_equal(wwi_memory_live(), blocks);
    }

    while (count > 0)
        wwi_mux_clients.client_free(clients[--count]);
}

static void begin__fails_when_there_is_no_memory(void **state)
{
    struct wwi_outgoing outgoing = {
        .action = WWS_STR("urn:do"),
        .message_id = WWS_STR("a"),
    };
    struct hand hand;

    (void) state;
    start();
    make_hand(&hand, false);

    for (uint64_t n = 1; n <= 2; n++) {
        wwi_memory_fail(n, false);
        assert_int_equal(wwi_mux_clients.client_begin(hand.client, &outgoing,
            true, NULL), WWS_E_OUTOFMEMORY);
        wwi_memory_fail(0, false);
        end_hand(&hand);
        free_hand(&hand);
        make_hand(&hand, false);
    }

    begin(&hand, "a", true);
    assert_int_equal(step(&hand), WWS_S_ASYNC);
    send_first();
    arrives(REPLY("a"));
    assert_replied(&hand, ">a<");
    free_hand(&hand);
}

static void run_arrived_without_memory(struct event *event)
{
    wwi_memory_fail((uint64_t) event->status, false);
    run_arrived(event);
    wwi_memory_fail(0, false);
}

/* A reply that is lost would be waited for in vain. */
static void arrival__fails_all_when_there_is_no_memory(void **state)
{
    struct event event = { .run = run_arrived_without_memory };
    struct hand hand;

    (void) state;
    for (event.status = 1; event.status < 30; event.status++) {
        start();
        ask(&hand, "a");
        wwi_bytes_append_text(&event.piece.octets, REPLY("a"));

        send_event(&event);
        let_loop_turn();

        if (step(&hand) == WWS_S_OK)
            break;
        assert_fails(&hand, WWS_E_OUTOFMEMORY,
            "no memory for a message that arrived");
        assert_true(wwi_mux_failed(it.mux));
        free_hand(&hand);
        wwi_mux_close(it.mux, WWI_NEVER, mux_closed, NULL);
        assert_int_equal(hear_closed(), WWS_E_OUTOFMEMORY);
        open_fake();
    }
    assert_in_range(event.status, 3, 29);
    free_hand(&hand);
}

/* The exchange. */

struct call {
    struct wwi_exchange exchange;
    struct hand hand;
    struct wwi_bytes reply;
    wws_status status;
    wws_progress told;
    struct wwi_error *error;
    sem_t over;
    sem_t gone;
    pthread_t thread;
};

static struct call *call_of(struct wwi_exchange *exchange)
{
    return WWI_CONTAINER(exchange, struct call, exchange);
}

static wws_status call_result(
    struct wwi_exchange *exchange,
    wws_status status)
{
    struct wwi_fields fields;

    if (status == WWS_S_OK)
        status = wwi_mux_clients.client_take(exchange->client,
            &call_of(exchange)->reply, &fields);
    return status;
}

static void call_over(struct wwi_exchange *exchange, bool whole)
{
    (void) whole;
    wwi_mux_clients.client_free(exchange->client);
    sem_post(&call_of(exchange)->over);
}

static void call_retired(struct wwi_exchange *exchange)
{
    (void) exchange;
}

static void call_gone(struct wwi_exchange *exchange)
{
    sem_post(&call_of(exchange)->gone);
}

static const struct wwi_exchange_callbacks call_callbacks = {
    .result = call_result,
    .over = call_over,
    .retired = call_retired,
};

static void make_call(struct call *call, const char *id)
{
    *call = (struct call) { 0 };
    sem_init(&call->over, 0, 0);
    sem_init(&call->gone, 0, 0);
    call->error = wwi_error_new();
    assert_int_equal(wwi_exchange_init(&call->exchange, &call_callbacks,
        call_gone, it.runtime, NULL, call->error), WWS_S_OK);
    wwi_exchange_ref(&call->exchange);
    assert_int_equal(wwi_mux_client(it.mux, false, &call->hand.client, NULL),
        WWS_S_OK);
    wwi_mux_clients.client_set_times(call->hand.client, &it.times);
    begin(&call->hand, id, true);
    call->hand.client->track = &call->hand.client->own_track;
}

static void *run_call(void *state)
{
    struct call *call = state;

    call->status = wwi_exchange_run(&call->exchange, call->hand.client);
    return NULL;
}

static void start_call(struct call *call)
{
    assert_int_equal(pthread_create(&call->thread, NULL, run_call, call), 0);
}

static wws_status end_call(struct call *call)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    pthread_join(call->thread, NULL);
    wait_for(&call->over);
    wwi_exchange_unref(&call->exchange);
    wait_for(&call->gone);
    assert_int_equal(wwi_error_get_info(call->error, &info), WWS_S_OK);
    call->told = info.progress;
    (void) wwi_error_free(call->error);
    wwi_bytes_fini(&call->reply);
    sem_destroy(&call->over);
    sem_destroy(&call->gone);
    return call->status;
}

static void exchange__drives_a_client_to_its_reply(void **state)
{
    struct call call;

    (void) state;
    start();
    fake.hasty = true;
    make_call(&call, "a");
    start_call(&call);
    while (atomic_load(&call.exchange.track.progress) != WWS_PROGRESS_SENT)
        let_loop_turn();

    arrives(REPLY("a"));

    assert_int_equal(end_call(&call), WWS_S_OK);
}

/* G62: a call is over for its caller before its client is. */
static void exchange__that_is_stopped_leaves_no_trace(void **state)
{
    struct call call;

    (void) state;
    start();
    make_call(&call, "a");
    start_call(&call);
    while (!is_queued())
        let_loop_turn();

    assert_true(wwi_exchange_end(&call.exchange, WWI_ENDING_STOP,
        WWS_E_OPERATION_CANCELLED, "cancelled"));

    assert_int_equal(end_call(&call), WWS_E_OPERATION_CANCELLED);
    assert_false(is_queued());
}

static void *stop_call(void *state)
{
    struct call *call = state;

    (void) wwi_exchange_end(&call->exchange, WWI_ENDING_STOP,
        WWS_E_OPERATION_CANCELLED, "cancelled");
    return NULL;
}

/* Nobody hears that nothing was sent, and then it is. */
static bool race(void)
{
    struct call call;
    pthread_t stopper;
    bool left;

    make_call(&call, "a");
    start_call(&call);
    while (!is_queued())
        let_loop_turn();
    assert_int_equal(pthread_create(&stopper, NULL, stop_call, &call), 0);
    left = begin_first();
    pthread_join(stopper, NULL);
    assert_int_equal(end_call(&call), WWS_E_OPERATION_CANCELLED);
    if (left) {
        assert_int_not_equal(call.told, WWS_PROGRESS_NOT_SENT);
        finish_first();
    }
    return left;
}

static void race__of_begin_and_stop_tells_the_truth(void **state)
{
    int left = 0;

    (void) state;
    start();

    for (int i = 0; i < RACES; i++)
        left += race();

    print_message("%d of %d were sent\n", left, RACES);
}

/* G75: each reply is taken or counted, and none is both. */
static void *reply_to_all(void *state)
{
    char text[800];

    for (int i = 0; i < CROWD; i++) {
        snprintf(text, sizeof text, REPLY("%d"), i, i);
        sem_post(state);
        arrives(text);
    }
    return NULL;
}

static void race__of_replies_and_leaving_loses_no_reply(void **state)
{
    struct hand *hands = test_calloc(CROWD, sizeof *hands);
    pthread_t replier;
    sem_t comes;
    char id[16];
    uint64_t taken = 0;

    (void) state;
    start();
    sem_init(&comes, 0, 0);
    for (int i = 0; i < CROWD; i++) {
        snprintf(id, sizeof id, "%d", i);
        ask(&hands[i], id);
    }
    assert_int_equal(pthread_create(&replier, NULL, reply_to_all, &comes),
        0);

    for (int i = 0; i < CROWD; i++) {
        snprintf(id, sizeof id, ">%d<", i);
        wait_for(&comes);
        if (step(&hands[i]) == WWS_S_OK) {
            assert_takes(&hands[i], id);
            taken++;
        }
        free_hand(&hands[i]);
    }

    pthread_join(replier, NULL);
    sem_destroy(&comes);
    print_message("%d of %d were taken\n", (int) taken, CROWD);
    assert_int_equal(taken + dropped(), CROWD);
    test_free(hands);
}

static void race__of_close_and_calls_ends_them_all(void **state)
{
    (void) state;
    for (int i = 0; i < RACES; i++) {
        struct call a, b;

        start();
        fake.hasty = i % 2 != 0;
        make_call(&a, "a");
        make_call(&b, "b");
        start_call(&a);
        start_call(&b);

        wwi_mux_close(it.mux, wwi_clock_now(), mux_closed, NULL);

        assert_true(end_call(&a) < 0);
        assert_true(end_call(&b) < 0);
        (void) hear_closed();
        assert_int_equal(fake.freed, 1);
        wwi_lock_fini(&fake.lock);
        open_fake();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opening__is_done_when_the_session_is_open),
        TEST(opening__tells_its_phases),
        TEST(opening__is_limited_in_resolving),
        TEST(opening__is_limited_in_connecting_with_the_handshake),
        TEST(opening__fails_as_the_session_did),
        TEST(opening__that_is_stopped_aborts_the_session),
        TEST(opening__that_never_began_leaves_it_to_another),
        TEST(opening__after_an_abort_does_no_io),
        TEST(begin__opens_a_session_that_is_not),
        TEST(begin__of_a_request_needs_an_id),
        TEST(replies__find_their_requests_in_any_order),
        TEST(reply__is_what_relates_as_a_reply),
        TEST(reply__is_what_the_next_message_is_without_correlation),
        TEST(reply__may_come_before_all_is_sent),
        TEST(reply__to_what_was_not_sent_is_none),
        TEST(reply__that_comes_twice_is_dropped_once),
        TEST(reply__that_is_late_is_dropped_and_counted),
        TEST(reply__that_is_there_when_nobody_wants_it_is_counted),
        TEST(message__that_cannot_be_read_harms_nobody),
        TEST(message__with_a_bad_body_finds_its_request),
        TEST(reading__goes_on_without_end_where_nobody_receives),
        TEST(send__is_done_when_the_octets_have_left),
        TEST(send__may_be_done_at_once),
        TEST(send__copies_what_goes_with_the_message),
        TEST(send__that_is_refused_tells_why),
        TEST(send__to_a_session_that_is_over_hears_how),
        TEST(send__is_limited_in_time),
        TEST(reply__is_waited_for_a_limited_time),
        TEST(deadline__that_is_infinite_never_comes),
        TEST(stop__before_the_first_octet_takes_the_message_back),
        TEST(stop__is_seen_when_the_first_octet_is_to_leave),
        TEST(stop__after_the_first_octet_lets_the_message_be_sent),
        TEST(stop__lets_the_client_go_on_to_its_next_exchange),
        TEST(crowd__gets_each_reply_but_for_those_who_left),
        TEST(receive__gets_what_nobody_waits_for),
        TEST(receive__comes_in_order_to_those_who_wait),
        TEST(receive__asks_for_no_more_than_is_wanted),
        TEST(inbox__is_bounded_while_a_call_waits),
        TEST(receive__that_takes_too_long_loses_nothing),
        TEST(receive__that_is_stopped_puts_its_message_back),
        TEST(receive__that_is_stopped_hands_its_message_to_the_next),
        TEST(receive__follows_a_message_that_was_only_sent),
        TEST(receive__tells_what_came_with_the_message),
        TEST(end__comes_to_those_who_receive_again_and_again),
        TEST(end__comes_behind_what_came_before),
        TEST(end__leaves_calls_without_a_reply),
        TEST(end__lets_messages_be_sent),
        TEST(failure__comes_to_all_that_is_under_way),
        TEST(abort__ends_all_that_is_under_way),
        TEST(failure__may_follow_the_end),
        TEST(shutdown__is_asked_for_once),
        TEST(stream__comes_piece_by_piece),
        TEST(stream__can_be_received_in_pieces),
        TEST(stream__that_ends_within_a_message_fails),
        TEST(stream__of_which_nobody_wants_the_rest_is_dropped),
        TEST(stream__is_put_together_for_who_takes_it_whole),
        TEST(stream__that_nobody_has_had_a_piece_of_is_not_lost),
        TEST(stream__is_put_together_before_it_is_correlated),
        TEST(stream__may_not_grow_too_large_whole),
        TEST(stream__may_grow_in_pieces),
        TEST(stream__is_written_piece_by_piece),
        TEST(stream__that_was_not_begun_cannot_go_on),
        TEST(stream__may_be_replied_to_before_it_is_through),
        TEST(stream__that_is_left_unfinished_aborts_the_session),
        TEST(stream__that_is_stopped_before_its_begin_harms_nobody),
        TEST(close__waits_for_the_peer_to_end),
        TEST(close__after_the_end_waits_for_what_is_being_sent),
        TEST(close__gives_up_at_the_deadline),
        TEST(close__can_be_aborted),
        TEST(close__of_a_session_that_failed_tells_how),
        TEST(close__of_a_session_that_was_not_opened_is_done),
        TEST(close__stops_an_opening),
        TEST(close__reads_on_to_find_the_end),
        TEST(close__lets_no_opening_begin),
        TEST(close__ends_what_is_still_begun),
        TEST(close__needs_no_memory),
        TEST(create__leaves_the_session_when_there_is_no_memory),
        TEST(client__is_refused_when_there_is_no_memory),
        TEST(begin__fails_when_there_is_no_memory),
        TEST(arrival__fails_all_when_there_is_no_memory),
        TEST(exchange__drives_a_client_to_its_reply),
        TEST(exchange__that_is_stopped_leaves_no_trace),
        TEST(race__of_begin_and_stop_tells_the_truth),
        TEST(race__of_replies_and_leaving_loses_no_reply),
        TEST(race__of_close_and_calls_ends_them_all),
    };

    return cmocka_run_group_tests_name("mux", tests, NULL, NULL);
}
