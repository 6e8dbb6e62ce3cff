/* The life of a listener: every function in every state.  They are all held,
 * OPENING where the system is asked to listen, CLOSING by a callback that does
 * not return. */
#include <unistd.h>

#include "tests/conformance/table.h"
#include "tests/support/public/delay.h"
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

static const wws_error no_error;

enum {
    CREATED = WWS_LISTENER_STATE_CREATED,
    OPENING = WWS_LISTENER_STATE_OPENING,
    OPEN = WWS_LISTENER_STATE_OPEN,
    FAULTED = WWS_LISTENER_STATE_FAULTED,
    CLOSING = WWS_LISTENER_STATE_CLOSING,
    CLOSED = WWS_LISTENER_STATE_CLOSED,
};

/* A listener in one of its states, and all that it takes to get there. */
struct rig {
    struct talk talk; /* with a channel to accept, and the URL to open */
    wws_channel held; /* whose accept does not return from its callback */
    int client;       /* who is to be accepted; -1: nobody */
    struct hold hold;
    struct heard pending;
    struct heard opening;
    bool is_opening;
    struct heard closing;
    bool is_closing;
};

static void rig_begin(struct rig *rig, struct world *world)
{
    wws_listener listener;

    *rig = (struct rig) { .client = -1 };
    hold_init(&rig->hold);
    listener = new_listener(world->runtime);
    rig->talk = (struct talk) {
        .listener = listener,
        .channel = new_server(listener),
        .url = wire()->any_port,
    };
}

/* Lets the opening go on; how it went. */
static wws_status end_opening(struct rig *rig)
{
    rig->is_opening = false;
    delay_end();
    return heard_end(&rig->opening);
}

/* The listener may be freed already. */
static void rig_end(struct rig *rig)
{
    hold_release(&rig->hold);
    (void) wws_listener_free(rig->talk.listener);
    if (rig->is_opening)
        (void) end_opening(rig);
    if (rig->held.id != 0)
        (void) heard_end(&rig->pending);
    if (rig->is_closing)
        (void) heard_end(&rig->closing);
    must(wws_channel_free(rig->talk.channel) == WWS_S_OK);
    must(wws_channel_free(rig->held) == WWS_S_OK);
    if (rig->client >= 0)
        peer_reset(rig->client);
}

static wws_status start_listen(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    return wws_listener_open(talk->listener, text(talk->url), completion,
        error);
}

static void read_url(wws_listener listener, char *url, size_t room)
{
    wws_buffer address;

    must(wws_listener_get_address(listener, &address, no_error) == WWS_S_OK);
    must(address.size < room);
    memcpy(url, address.data, address.size);
    url[address.size] = '\0';
    wws_buffer_release(&address);
}

static void reach_created(struct rig *rig)
{
    (void) rig;
}

static void reach_latched(struct rig *rig)
{
    must(wws_listener_abort(rig->talk.listener) == WWS_S_OK);
}

static void reach_opening(struct rig *rig)
{
    delay_next();
    hear(&rig->opening, SYNC, start_listen, &rig->talk);
    rig->is_opening = true;
    delay_meet();
}

static void reach_open(struct rig *rig)
{
    char url[128];

    must(start_listen(&rig->talk, NULL, no_error) == WWS_S_OK);
    read_url(rig->talk.listener, url, sizeof url);
    rig->client = peer_connect(url);
    peer_request(rig->client, ACTION_ECHO, 0);
}

static void reach_faulted(struct rig *rig)
{
    reach_open(rig);
    must(wws_listener_abort(rig->talk.listener) == WWS_S_OK);
}

static void reach_closing(struct rig *rig)
{
    struct talk talk = rig->talk;

    must(start_listen(&rig->talk, NULL, no_error) == WWS_S_OK);
    rig->held = new_server(talk.listener);
    talk.channel = rig->held;
    hear_inside(&rig->pending, start_accept, &talk, hold_on, &rig->hold);
    hear(&rig->closing, CALLBACK, start_close_listener, &rig->talk);
    rig->is_closing = true;
}

static void reach_closed(struct rig *rig)
{
    reach_open(rig);
    must(start_close_listener(&rig->talk, NULL, no_error) == WWS_S_OK);
}

/* The functions that do not wait, in the form of those that do. */

static wws_status do_create_channel(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;
    wws_channel channel = { 0 };
    wws_status status;

    (void) completion;
    status = wws_channel_create_for_listener(talk->listener, NULL, &channel,
        error);
    must(wws_channel_free(channel) == WWS_S_OK);
    return status;
}

static wws_status do_abort(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    (void) completion;
    (void) error;
    return wws_listener_abort(talk->listener);
}

static wws_status do_reset(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;

    (void) completion;
    return wws_listener_reset(talk->listener, error);
}

static wws_status do_get_state(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;
    wws_listener_state unused;

    (void) completion;
    return wws_listener_get_state(talk->listener, &unused, error);
}

static wws_status do_get_address(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct talk *talk = state;
    wws_buffer address = { 0 };
    wws_status status;

    (void) completion;
    status = wws_listener_get_address(talk->listener, &address, error);
    wws_buffer_release(&address);
    return status;
}

static void *subject_of(struct rig *rig)
{
    return &rig->talk;
}

static uint32_t state_of(const struct rig *rig)
{
    return listener_state(rig->talk.listener);
}

static bool channel_untouched(const struct rig *rig)
{
    return channel_state(rig->talk.channel) == WWS_CHANNEL_STATE_CREATED;
}

/* The table of 2. */

static const struct column columns[] = {
    { "created", CREATED, reach_created },
    { "created and aborted", CREATED, reach_latched },
    { "opening", OPENING, reach_opening },
    { "open", OPEN, reach_open },
    { "faulted", FAULTED, reach_faulted },
    { "closing", CLOSING, reach_closing },
    { "closed", CLOSED, reach_closed },
};

static const struct row rows[] = {
    /* created  aborted  opening  open  faulted  closing  closed */
    { "open", start_listen, true,
        { TO(OPEN), ABT, INV, INV, INV, INV, INV } },
    { "accept", start_accept, true, { INV, INV, INV, OK, FLT, INV, INV } },
    { "create channel", do_create_channel, false,
        { OK, OK, OK, OK, OK, OK, OK } },
    { "abort", do_abort, false,
        { OK, OK, TO(CREATED), TO(FAULTED), OK, OK, OK } },
    { "close", start_close_listener, true,
        { TO(CLOSED), TO(CLOSED), INV, TO(CLOSED), TO(CLOSED), INV, OK } },
    { "reset", do_reset, false, { OK, OK, INV, INV, INV, INV, TO(CREATED) } },
    { "get state", do_get_state, false, { OK, OK, OK, OK, OK, OK, OK } },
    { "get address", do_get_address, false,
        { INV, INV, INV, OK, INV, INV, INV } },
};

static const struct table table = TABLE(columns, rows, rig_begin, rig_end,
    subject_of, state_of, channel_untouched);

/* T2, L2, L3, G1, G6, G9 to G12, G32, A1 to A5, D1 */
static void listener__keeps_its_table_of_states(void **state)
{
    struct rig rig;

    table_walk(&table, *state, &rig);
}

/* D12, R2, LI9, E6: and the zero handle is nothing to free. */
static void listener__can_be_freed_in_every_state(void **state)
{
    for (size_t i = 0; i < COUNT(columns); i++) {
        struct rig rig;

        rig_begin(&rig, *state);
        columns[i].reach(&rig);
        assert_status(wws_listener_free(rig.talk.listener), WWS_S_OK);

        for (size_t k = 0; k < COUNT(rows); k++)
            assert_status(rows[k].start(&rig.talk, NULL, no_error),
                WWS_E_HANDLE);
        assert_status(wws_listener_free(rig.talk.listener), WWS_E_HANDLE);
        /* The channels of it live on, and have nothing to accept (LI9). */
        assert_int_equal(channel_state(rig.talk.channel),
            WWS_CHANNEL_STATE_CREATED);
        rig_end(&rig);
    }
    assert_status(wws_listener_free((wws_listener) { 0 }), WWS_S_OK);
}

/* L1, L2 */
static void listener__finds_bad_arguments_before_bad_states(void **state)
{
    wws_completion none = WWS_COMPLETION_INIT;
    wws_completion small = WWS_COMPLETION_INIT;
    struct world *world = *state;

    small.struct_size = 8;
    for (size_t i = 0; i < COUNT(columns); i++) {
        wws_channel own = new_channel(world->runtime);
        struct talk talk;
        struct rig rig;

        rig_begin(&rig, world);
        columns[i].reach(&rig);
        talk = rig.talk;
        assert_status(wws_listener_open(talk.listener, (wws_string) { NULL, 0 },
            NULL, no_error), WWS_E_INVALIDARG);
        assert_status(start_listen(&talk, &none, no_error), WWS_E_INVALIDARG);
        assert_status(start_listen(&talk, &small, no_error), WWS_E_INVALIDARG);
        assert_status(start_accept(&talk, &none, no_error), WWS_E_INVALIDARG);
        talk.channel = own;
        assert_status(start_accept(&talk, NULL, no_error), WWS_E_INVALIDARG);
        talk.channel = (wws_channel) { 0 };
        assert_status(start_accept(&talk, NULL, no_error), WWS_E_INVALIDARG);
        assert_status(start_close_listener(&talk, &none, no_error),
            WWS_E_INVALIDARG);
        assert_status(start_close_listener(&talk, &small, no_error),
            WWS_E_INVALIDARG);
        assert_status(wws_listener_get_state(talk.listener, NULL, no_error),
            WWS_E_INVALIDARG);
        assert_status(wws_listener_get_address(talk.listener, NULL, no_error),
            WWS_E_INVALIDARG);

        assert_int_equal(listener_state(talk.listener), columns[i].state);
        rig_end(&rig);
        assert_status(wws_channel_free(own), WWS_S_OK);
    }
}

/* L1, G4: no handle is a wrong argument, but for free. */
static void listener__functions_want_a_handle(void **state)
{
    struct talk talk = { .url = wire()->any_port };

    (void) state;
    for (size_t k = 0; k < COUNT(rows); k++)
        assert_status(rows[k].start(&talk, NULL, no_error), WWS_E_INVALIDARG);
}

/* L9, E2 */
static void listener__leaves_outputs_alone_when_it_fails(void **state)
{
    wws_listener_options options = listener_options();
    wws_buffer address = { &options, 77, &options, NULL };
    struct world *world = *state;
    wws_listener listener = { 77 };
    wws_listener_state value = 77;
    struct rig rig;

    options.envelope_version = 77;
    assert_status(wws_listener_create(world->runtime, &options, &listener,
        no_error), WWS_E_INVALIDARG);
    assert_int_equal(listener.id, 77);
    assert_status(wws_listener_get_state(listener, &value, no_error),
        WWS_E_HANDLE);
    assert_int_equal(value, 77);

    rig_begin(&rig, world);
    assert_status(wws_listener_get_address(rig.talk.listener, &address,
        no_error), WWS_E_INVALID_OPERATION);
    assert_ptr_equal(address.data, &options);
    assert_int_equal(address.size, 77);
    rig_end(&rig);
}

/* D1, G12: the open that fails consumes it, and reset forgets it. */
static void listener__remembers_an_abort_until_open_or_reset(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int resets = 0; resets < 2; resets++) {
            struct heard heard;
            struct rig rig;

            rig_begin(&rig, *state);
            reach_latched(&rig);
            if (resets)
                assert_status(wws_listener_reset(rig.talk.listener, no_error),
                    WWS_S_OK);
            else
                assert_status(start_listen(&rig.talk, NULL, no_error),
                    WWS_E_OPERATION_ABORTED);
            hear(&heard, manner, start_listen, &rig.talk);
            assert_status(heard_end(&heard), WWS_S_OK);
            rig_end(&rig);
        }
}

static void assert_accepts(struct rig *rig)
{
    struct talk talk = rig->talk;
    int client;
    char url[128];

    read_url(talk.listener, url, sizeof url);
    client = peer_connect(url);
    peer_request(client, ACTION_ECHO, 0);
    assert_status(start_accept(&talk, NULL, no_error), WWS_S_OK);
    peer_end_session(client);
    assert_status(start_close_channel(&talk, NULL, no_error), WWS_S_OK);
    assert_status(wws_channel_reset(talk.channel, no_error), WWS_S_OK);
    peer_reset(client);
}

/* T21, L2, L7, G13: an abort has ended the open when it returns, and the next
 * one may overtake it; a close is refused and leaves it alone. */
static void listener_open__is_ended_by_abort_alone(void **state)
{
    for (int aborts = 0; aborts < 2; aborts++) {
        struct rig rig;

        rig_begin(&rig, *state);
        reach_opening(&rig);
        if (aborts)
            assert_status(wws_listener_abort(rig.talk.listener), WWS_S_OK);
        else
            assert_status(start_close_listener(&rig.talk, NULL, no_error),
                WWS_E_INVALID_OPERATION);
        assert_int_equal(listener_state(rig.talk.listener),
            aborts ? CREATED : OPENING);
        if (aborts)
            assert_status(start_listen(&rig.talk, NULL, no_error), WWS_S_OK);

        assert_status(end_opening(&rig),
            aborts ? WWS_E_OPERATION_ABORTED : WWS_S_OK);
        assert_int_equal(listener_state(rig.talk.listener), OPEN);
        assert_accepts(&rig);
        rig_end(&rig);
    }
}

struct race {
    struct talk talk;
    pthread_barrier_t start;
};

static void *listen_at_once(void *state)
{
    struct race *race = state;
    wws_status status;

    pthread_barrier_wait(&race->start);
    status = start_listen(&race->talk, NULL, no_error);
    return (void *) (intptr_t) status;
}

/* G12, G13, L8: before or during the open, it fails and the listener can be
 * opened again at once; after it, the listener is faulted. */
static void listener_abort__leaves_a_racing_open_one_result(void **state)
{
    struct world *world = *state;
    struct race race = { .talk = { .url = wire()->any_port } };

    must(pthread_barrier_init(&race.start, NULL, 2) == 0);
    for (int i = 0; i < 300; i++) {
        wws_listener *listener = &race.talk.listener;
        pthread_t thread;
        void *status;

        *listener = new_listener(world->runtime);
        must(pthread_create(&thread, NULL, listen_at_once, &race) == 0);
        pthread_barrier_wait(&race.start);
        assert_status(wws_listener_abort(*listener), WWS_S_OK);
        must(pthread_join(thread, &status) == 0);

        if ((wws_status) (intptr_t) status == WWS_S_OK) {
            assert_int_equal(listener_state(*listener), FAULTED);
        } else {
            assert_status((wws_status) (intptr_t) status,
                WWS_E_OPERATION_ABORTED);
            assert_int_equal(listener_state(*listener), CREATED);
            assert_status(start_listen(&race.talk, NULL, no_error), WWS_S_OK);
        }
        assert_status(wws_listener_free(*listener), WWS_S_OK);
    }
    pthread_barrier_destroy(&race.start);
}

/* G14, LI4: what close answers does not matter, the listener is closed; but for
 * INV, which leaves the first close alone. */
static void listener_close__is_over_whatever_it_answers(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++)
        for (int aborts = 0; aborts < 2; aborts++) {
            struct heard second;
            struct rig rig;

            rig_begin(&rig, *state);
            reach_closing(&rig);
            hear(&second, manner, start_close_listener, &rig.talk);
            assert_status(heard_end(&second), WWS_E_INVALID_OPERATION);
            if (aborts)
                assert_status(wws_listener_abort(rig.talk.listener), WWS_S_OK);
            assert_int_equal(listener_state(rig.talk.listener), CLOSING);
            assert_false(heard_yet(&rig.closing));
            hold_release(&rig.hold);

            rig.is_closing = false;
            assert_status(heard_end(&rig.closing),
                aborts ? WWS_E_OPERATION_ABORTED : WWS_S_OK);
            assert_int_equal(listener_state(rig.talk.listener), CLOSED);
            assert_status(wws_listener_reset(rig.talk.listener, no_error),
                WWS_S_OK);
            assert_status(start_listen(&rig.talk, NULL, no_error), WWS_S_OK);
            rig_end(&rig);
        }
}

/* LI1, G22: no accept that fails, and no client that misbehaves. */
static void listener__is_faulted_by_nothing_but_abort(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;
        char url[128];
        int client;

        rig_begin(&rig, *state);
        assert_status(start_listen(&rig.talk, NULL, no_error), WWS_S_OK);
        read_url(rig.talk.listener, url, sizeof url);

        /* Its channel is aborted; a client that says half of it, and one that
         * says nonsense. */
        hear(&heard, manner, start_accept, &rig.talk);
        assert_true(channel_becomes(rig.talk.channel,
            WWS_CHANNEL_STATE_ACCEPTING));
        assert_status(wws_channel_abort(rig.talk.channel), WWS_S_OK);
        assert_status(heard_end(&heard), WWS_E_OPERATION_ABORTED);
        assert_int_equal(listener_state(rig.talk.listener), OPEN);
        client = peer_connect(url);
        peer_request(client, ACTION_ECHO, 100);
        peer_reset(client);
        client = peer_connect(url);
        must(write(client, "nonsense\r\n\r\n", 12) == 12);
        assert_true(peer_ended(client));
        peer_reset(client);

        assert_int_equal(listener_state(rig.talk.listener), OPEN);
        assert_accepts(&rig);
        assert_int_equal(listener_state(rig.talk.listener), OPEN);
        rig_end(&rig);
    }
}

/* LI8: the listener is as if created, and can be opened elsewhere. */
static void listener_open__at_an_address_in_use_leaves_it_created(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct ear ear;
        struct rig rig;

        ear_open(&ear, world->runtime);
        rig_begin(&rig, world);
        rig.talk.url = ear.url;
        hear(&heard, manner, start_listen, &rig.talk);
        assert_status(heard_end(&heard), WWS_E_ADDRESS_IN_USE);
        assert_int_equal(listener_state(rig.talk.listener), CREATED);

        rig.talk.url = wire()->any_port;
        assert_status(start_listen(&rig.talk, NULL, no_error), WWS_S_OK);
        assert_accepts(&rig);
        rig_end(&rig);
        assert_status(wws_listener_free(ear.listener), WWS_S_OK);
    }
}

/* LI8 */
static void listener_open__at_no_address_of_ours_leaves_it_created(void **state)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        struct heard heard;
        struct rig rig;

        rig_begin(&rig, *state);
        rig.talk.url = wire()->elsewhere;
        hear(&heard, manner, start_listen, &rig.talk);
        assert_status(heard_end(&heard), WWS_E_ADDRESS_NOT_AVAILABLE);
        assert_int_equal(listener_state(rig.talk.listener), CREATED);
        rig.talk.url = "gopher://127.0.0.1/";
        hear(&heard, manner, start_listen, &rig.talk);
        assert_status(heard_end(&heard), WWS_E_INVALID_ENDPOINT_URL);
        assert_int_equal(listener_state(rig.talk.listener), CREATED);

        rig.talk.url = wire()->any_port;
        assert_status(start_listen(&rig.talk, NULL, no_error), WWS_S_OK);
        rig_end(&rig);
    }
}

/* A head that is too large over HTTP, silence over TCP; a transport of the
 * application's own takes its clients as it likes. */
static void assert_refuses(const char *url)
{
    int client = peer_connect(url);

    if (wire()->transport == WWS_TRANSPORT_TCP)
        assert_true(peer_ended(client));
    if (wire()->transport == WWS_TRANSPORT_HTTP) {
        peer_request(client, ACTION_ECHO, 0);
        assert_int_equal(peer_response(client), 431);
    }
    peer_reset(client);
}

/* R1, G34: closed, it lets its address go; reset, it listens again, there or
 * elsewhere, with the options it was created with. */
static void listener_reset__lets_it_listen_again(void **state)
{
    wws_listener_options options = listener_options();
    struct world *world = *state;
    struct talk talk = { .url = wire()->any_port };
    char url[128];

    options.max_http_headers_size = 100;
    if (wire()->has_sessions)
        options.connect_timeout_ms = 30;
    must(wws_listener_create(world->runtime, &options, &talk.listener,
        no_error) == WWS_S_OK);
    for (int i = 0; i < 4; i++) {
        assert_status(start_listen(&talk, NULL, no_error), WWS_S_OK);
        read_url(talk.listener, url, sizeof url);
        assert_refuses(url);
        if (i % 2)
            assert_status(wws_listener_abort(talk.listener), WWS_S_OK);
        assert_status(start_close_listener(&talk, NULL, no_error), WWS_S_OK);
        assert_status(wws_listener_reset(talk.listener, no_error), WWS_S_OK);
        talk.url = i == 1 ? wire()->any_port : url;
    }
    assert_status(wws_listener_free(talk.listener), WWS_S_OK);
}

/* An abort ends what was pending then, and nothing of a later life. */
static void listener_abort__ends_no_accept_of_a_later_life(void **state)
{
    const wws_listener_options options = listener_options();
    struct world *world = *state;
    struct talk talk = { .url = wire()->any_port };

    must(wws_listener_create(world->runtime, &options, &talk.listener,
        no_error) == WWS_S_OK);
    talk.channel = new_server(talk.listener);
    for (int i = 0; i < 100; i++) {
        struct heard accepting;
        char url[128];
        int fd;

        assert_status(start_listen(&talk, NULL, no_error), WWS_S_OK);
        read_url(talk.listener, url, sizeof url);
        hear(&accepting, CALLBACK, start_accept, &talk);
        fd = peer_connect(url);
        peer_request(fd, ACTION_ECHO, 0);
        assert_status(heard_end(&accepting), WWS_S_OK);
        peer_reset(fd);
        assert_status(wws_channel_abort(talk.channel), WWS_S_OK);
        assert_status(start_close_channel(&talk, NULL, no_error), WWS_S_OK);
        assert_status(wws_channel_reset(talk.channel, no_error), WWS_S_OK);
        assert_status(wws_listener_abort(talk.listener), WWS_S_OK);
        assert_status(start_close_listener(&talk, NULL, no_error), WWS_S_OK);
        assert_status(wws_listener_reset(talk.listener, no_error), WWS_S_OK);
    }
    must(wws_channel_free(talk.channel) == WWS_S_OK);
    assert_status(wws_listener_free(talk.listener), WWS_S_OK);
}

struct inside {
    struct talk *talk;
    wws_status blocking;
    struct heard beside;
};

static void close_inside(struct heard *heard)
{
    struct inside *inside = heard->inside_state;

    inside->blocking = start_close_listener(inside->talk, NULL, no_error);
    hear(&inside->beside, QUEUE, start_close_listener, inside->talk);
}

/* D34: a close that waits for the callback it is called in is refused; one that
 * does not wait there is fine. */
static void listener_close__in_its_own_callback_must_not_wait(void **state)
{
    struct inside inside;
    struct heard heard;
    struct rig rig;

    rig_begin(&rig, *state);
    reach_open(&rig);
    inside.talk = &rig.talk;
    hear_inside(&heard, start_accept, &rig.talk, close_inside, &inside);
    assert_status(heard_end(&heard), WWS_S_OK);
    assert_status(inside.blocking, WWS_E_INVALID_OPERATION);
    assert_status(inside.beside.returned, WWS_S_ASYNC);
    assert_status(heard_end(&inside.beside), WWS_S_OK);
    assert_int_equal(listener_state(rig.talk.listener), CLOSED);
    rig_end(&rig);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(listener__keeps_its_table_of_states),
        in_world(listener__can_be_freed_in_every_state),
        in_world(listener__finds_bad_arguments_before_bad_states),
        in_world(listener__functions_want_a_handle),
        in_world(listener__leaves_outputs_alone_when_it_fails),
        in_world(listener__remembers_an_abort_until_open_or_reset),
        in_world(listener_open__is_ended_by_abort_alone),
        in_world(listener_abort__leaves_a_racing_open_one_result),
        in_world(listener_close__is_over_whatever_it_answers),
        in_world(listener__is_faulted_by_nothing_but_abort),
        in_world(listener_open__at_an_address_in_use_leaves_it_created),
        in_world(listener_open__at_no_address_of_ours_leaves_it_created),
        in_world(listener_reset__lets_it_listen_again),
        in_world(listener_abort__ends_no_accept_of_a_later_life),
        in_world(listener_close__in_its_own_callback_must_not_wait),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
