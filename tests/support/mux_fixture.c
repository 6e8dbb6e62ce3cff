/* A mux upon a session of our own, whose calls are counted and whose events the
 * tests send by hand.  Clients are stepped by hand as well. */
#include "tests/support/mux_fixture.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"

enum { WAKES = 2 }; /* that stay in their stock */

struct fake fake;
struct fixture mux_fixture;

static struct wwi_sending *of_link(struct wwi_link *link)
{
    return WWI_CONTAINER(link, struct wwi_sending, link);
}

static void tell_done(struct wwi_sending *sending, wws_status status)
{
    struct wwi_outcome outcome = { .status = status };

    sending->done(sending, &outcome);
}

bool begin_first(void)
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

bool is_queued(void)
{
    bool queued;

    wwi_lock_take(&fake.lock);
    queued = !wwi_list_empty(&fake.queue);
    wwi_lock_give(&fake.lock);
    return queued;
}

void finish_first(void)
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

void send_first(void)
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

void open_fake(void)
{
    fake = (struct fake) {
        .base = {
            .calls = &fake_calls,
            .runtime = it->runtime,
            .loop = wwi_runtime_loop(it->runtime),
        },
    };
    wwi_lock_init(&fake.lock, WWI_RANK_CONNECTION);
    wwi_list_init(&fake.queue);
    wwi_post_init(&fake.reset, reset_session);
    wwi_post_init(&fake.release, release_session);
}

/* Events, on the loop. */

static void run_event(struct wwi_work *work)
{
    struct event *event = WWI_CONTAINER(work, struct event, post.work);

    event->run(event);
    sem_post(&event->over);
}

void send_event(struct event *event)
{
    sem_init(&event->over, 0, 0);
    wwi_post_init(&event->post, run_event);
    wwi_loop_post(fake.base.loop, &event->post);
    wait_for_post(&event->over);
    sem_destroy(&event->over);
}

static void nothing(struct event *event)
{
    (void) event;
}

void let_loop_turn(void)
{
    for (int i = 0; i < 3; i++)
        send_event(&(struct event) { .run = nothing });
}

static void run_ended(struct event *event)
{
    if (event->status < 0)
        snprintf(fake.base.text, sizeof fake.base.text, "it broke");
    end_session(event->status, "broken");
}

void session_ends(wws_status status)
{
    send_event(&(struct event) { .run = run_ended, .status = status });
    let_loop_turn();
}

void run_arrived(struct event *event)
{
    assert_true(fake.asked);
    fake.asked = false;
    fake.base.events->arrived(&fake.base, &event->piece);
    wwi_bytes_fini(&event->piece.octets);
}

void piece_arrives(const char *text, bool more)
{
    struct event event = { .run = run_arrived, .piece.more = more };

    wwi_bytes_append_text(&event.piece.octets, text);
    send_event(&event);
}

void arrives(const char *text)
{
    piece_arrives(text, false);
}

static void notified(struct wwi_client *client)
{
    struct hand *hand = client->user;

    hand->notices++;
}

void make_hand(struct hand *hand, bool pieces)
{
    *hand = (struct hand) { 0 };
    assert_int_equal(wwi_mux_client(it->mux, pieces, &hand->client, it->error),
        WWS_S_OK);
    wwi_mux_clients.client_set_times(hand->client, &it->times);
    hand->client->user = hand;
    hand->client->notify = notified;
}

void take_track(struct hand *hand)
{
    const struct wwi_track *own = &hand->client->own_track;

    atomic_store(&hand->track.phase, own->phase);
    atomic_store(&hand->track.progress, own->progress);
    atomic_store(&hand->track.stop, false);
    hand->client->track = &hand->track;
}

void give_track_back(struct hand *hand)
{
    struct wwi_track *own = &hand->client->own_track;

    atomic_store(&own->phase, hand->track.phase);
    atomic_store(&own->progress, hand->track.progress);
    hand->client->track = own;
}

wws_status step_hand(struct hand *hand)
{
    return wwi_mux_clients.client_step(hand->client, &hand->want);
}

wws_status begin_full(
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
        it->error);
    wwi_bytes_fini(&outgoing.envelope);
    if (status >= 0)
        take_track(hand);
    return status;
}

void begin_hand(struct hand *hand, const char *id, bool reply)
{
    assert_int_equal(begin_full(hand, id, reply, false), WWS_S_OK);
}

void hand_asks(struct hand *hand, const char *id)
{
    make_hand(hand, false);
    begin_hand(hand, id, true);
    assert_int_equal(step_hand(hand), WWS_S_ASYNC);
    send_first();
    assert_int_equal(step_hand(hand), WWS_S_ASYNC);
}

void hand_receives(struct hand *hand)
{
    wwi_mux_clients.client_receive(hand->client);
    take_track(hand);
}

void receive_new(struct hand *hand)
{
    make_hand(hand, false);
    hand_receives(hand);
    assert_int_equal(step_hand(hand), WWS_S_ASYNC);
}

void assert_takes(struct hand *hand, const char *what)
{
    struct wwi_bytes octets = { 0 };
    struct wwi_fields fields;

    assert_int_equal(wwi_mux_clients.client_take(hand->client, &octets,
        &fields), WWS_S_OK);
    wwi_bytes_append_char(&octets, '\0');
    assert_non_null(strstr((const char *) octets.data, what));
    wwi_bytes_fini(&octets);
}

void assert_replied(struct hand *hand, const char *what)
{
    assert_int_equal(step_hand(hand), WWS_S_OK);
    assert_int_equal(hand->track.progress, WWS_PROGRESS_REPLYING);
    assert_takes(hand, what);
}

void end_hand(struct hand *hand)
{
    give_track_back(hand);
    wwi_mux_clients.client_end(hand->client);
}

void free_hand(struct hand *hand)
{
    wwi_mux_clients.client_free(hand->client);
}

void assert_fails(
    struct hand *hand,
    wws_status status,
    const char *text)
{
    assert_int_equal(step_hand(hand), status);
    assert_int_equal(hand->client->trouble.status, status);
    assert_string_equal(hand->client->text, text);
}

uint64_t dropped(void)
{
    return it->runtime->counters[WWS_COUNTER_LATE_REPLY_DROPPED];
}

/* What the owner hears. */

void mux_closed(void *user, wws_status status)
{
    (void) user;
    it->closed_with = status;
    sem_post(&it->closed);
}

wws_status create_mux(bool open)
{
    wws_status status = wwi_mux_create(&fake.base, open, &it->options,
        &it->mux, it->error);

    it->open = status >= 0;
    return status;
}

void start_mux(void)
{
    assert_int_equal(create_mux(true), WWS_S_OK);
}

wws_status hear_closed(void)
{
    wait_for_post(&it->closed);
    it->open = false;
    let_loop_turn();
    return it->closed_with;
}

int mux_set_up(void **state)
{
    const wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;

    (void) state;
    *it = (struct fixture) {
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
    sem_init(&it->closed, 0, 0);
    it->runtime = wwi_runtime_new(&options);
    assert_non_null(it->runtime);
    it->error = wwi_error_new();
    assert_non_null(it->error);
    wwi_clock_hold();
    open_fake();
    return 0;
}

int mux_clean_up(void **state)
{
    (void) state;
    if (it->open) {
        wwi_mux_close(it->mux, wwi_clock_now(), mux_closed, NULL);
        (void) hear_closed();
    }
    wwi_clock_release();
    (void) wwi_error_free(it->error);
    assert_true(wwi_runtime_end(it->runtime, wwi_clock_after(20000)));
    assert_true(wwi_object_close(&it->runtime->object));
    wwi_object_unref(&it->runtime->object);
    wwi_lock_fini(&fake.lock);
    sem_destroy(&it->closed);
    assert_true(wwi_memory_live() <= it->blocks + WAKES);
    return 0;
}

void start_opening(struct hand *hand)
{
    assert_int_equal(create_mux(false), WWS_S_OK);
    make_hand(hand, false);
    assert_int_equal(wwi_mux_clients.client_begin(hand->client, NULL, false,
        it->error), WWS_S_OK);
    take_track(hand);
    assert_int_equal(step_hand(hand), WWS_S_ASYNC);
}

bool one_field(
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

void start_receiving(void)
{
    it->options.receives = true;
    start_mux();
}
