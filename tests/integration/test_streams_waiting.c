/* Messages in pieces: a side that waits in the middle of one, what ends that,
 * and what is not its turn meanwhile. */
#include <poll.h>

#include "tests/integration/streams.h"
#include "tests/support/wrapped.h"

enum {
    BRIEF_MS = 60,       /* a time that is to be over */
    UNTOUCHED = 77,      /* what no function has written */
    TOO_MUCH = 16 * 1024 * 1024, /* for what lies between an end that writes
                                    and one that does not read */
};

static _Atomic unsigned sleeps;

/* Threads that call the library and wait sleep in here: what they called has
 * begun. */
__attribute__((visibility("default")))
int poll(struct pollfd *polled, nfds_t count, int timeout)
{
    int (*wrapped)(struct pollfd *, nfds_t, int);

    find_wrapped(&wrapped, "poll");
    sleeps += timeout != 0;
    return wrapped(polled, count, timeout);
}

static bool has_slept(void *state)
{
    const unsigned *before = state;

    return sleeps != *before;
}

/* Begins what does not end on its own, unless its time is over. */
static void begin_waiting(
    struct heard *heard,
    enum manner manner,
    start_fn start,
    struct step *step)
{
    unsigned before = sleeps;

    hear(heard, manner, start, step);
    if (manner == SYNC)
        assert_true(await(has_slept, &before));
}

/* Writes text for which the other side would have to read. */
static void fill_up(
    struct heard *heard,
    enum manner manner,
    struct step *step)
{
    static char text[TOO_MUCH];

    memset(text, 'x', sizeof text);
    step->octets = (wws_bytes) { text, sizeof text };
    begin_waiting(heard, manner, start_write, step);
}

static void *read_to_end(void *state)
{
    struct side *side = state;

    must(now(side, start_read_end) == WWS_S_OK);
    return NULL;
}

static void write_against_pressure(
    struct side *from,
    struct side *to,
    enum manner manner)
{
    struct step step = { .side = from };
    struct heard heard;
    pthread_t reader;

    fill_up(&heard, manner, &step);
    assert_false(heard_yet(&heard));

    must(pthread_create(&reader, NULL, read_to_end, to) == 0);

    assert_status(heard_end(&heard), WWS_S_OK);
    assert_status(write_text(from, FLOW_END), WWS_S_OK);
    assert_status(now(from, start_write_end), WWS_S_OK);
    pthread_join(reader, NULL);
}

static void write_body__waits_for_a_reader_that_stops(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);

    for (enum manner manner = SYNC; manner < MANNERS; manner++) {
        begin_request(ends, FLOW_BEGIN);
        write_against_pressure(&ends->client, &ends->server, manner);
        make_reply(ends);
        assert_status(now(&ends->server, start_write_start), WWS_S_OK);
        assert_status(write_text(&ends->server, FLOW_BEGIN), WWS_S_OK);
        assert_status(now(&ends->client, start_read_start), WWS_S_OK);
        write_against_pressure(&ends->server, &ends->client, manner);
        expect_exchange(ends);
        assert_status(wws_channel_close(ends->server.channel, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_channel_reset(ends->server.channel, no_error),
            WWS_S_OK);
        reset(ends->client.reads);
        reset(ends->server.reads);
        renew_request(ends);
    }
}

/* Where a side waits in the middle of a message. */

enum wait { WRITING, READING, DRAINING, BEGINNING, WAITS };

struct scene {
    bool serves;    /* it is the server that waits */
    enum wait wait;
    struct step step;
    struct heard heard;
};

static const start_fn waits[] = { start_write, start_read, start_read_end,
    start_read_start };
static const char *const wait_names[] = { "write", "read", "drain", "begin" };

/* So far that the other side need not do anything any more. */
static void lead_to(struct ends *ends, const struct scene *scene)
{
    if (scene->wait == BEGINNING) {
        pass_request(ends);
    } else if (scene->serves == (scene->wait == WRITING)) {
        begin_reply(ends, FLOW_BEGIN);
    } else {
        begin_request(ends, FLOW_BEGIN);
    }
    if (scene->wait == READING || scene->wait == DRAINING)
        assert_status(now(scene->step.side, start_read), WWS_S_OK);
}

static void set_the_scene(struct ends *ends, struct scene *scene)
{
    scene->step = (struct step) {
        .side = scene->serves ? &ends->server : &ends->client,
        .piece.size = UNTOUCHED };
    lead_to(ends, scene);
}

static void wait_there(struct scene *scene, enum manner manner)
{
    if (scene->wait == WRITING)
        fill_up(&scene->heard, manner, &scene->step);
    else
        begin_waiting(&scene->heard, manner, waits[scene->wait],
            &scene->step);
}

static void play(struct ends *ends, struct scene *scene, enum manner manner)
{
    set_the_scene(ends, scene);
    wait_there(scene, manner);
    assert_false(heard_yet(&scene->heard));
}

static wws_message message_of(const struct scene *scene)
{
    return scene->wait == WRITING ? scene->step.side->writes
        : scene->step.side->reads;
}

static struct side *other_of(struct ends *ends, const struct scene *scene)
{
    return scene->serves ? &ends->client : &ends->server;
}

/* The other side does not take what it has for a message. */
static void expect_cut(struct ends *ends, const struct scene *scene)
{
    struct side *other = other_of(ends, scene);
    wws_status status;

    if (scene->wait == WRITING) {
        while ((status = now(other, start_read)) == WWS_S_OK)
            continue;
        assert_status(status, WWS_E_ENDPOINT_DISCONNECTED);
    }
}

static void start_over(struct ends *ends)
{
    (void) wws_channel_free(ends->client.channel);
    (void) wws_channel_free(ends->server.channel);
    (void) wws_message_free(ends->client.writes);
    (void) wws_message_free(ends->client.reads);
    (void) wws_message_free(ends->server.reads);
    (void) wws_message_free(ends->server.writes);
    (void) wws_listener_free(ends->listener);
    ends->server.writes = (wws_message) { 0 };
    connect_ends(ends, &streamed);
}

struct ending {
    const char *name;
    wws_status (*end)(wws_channel channel);
    wws_status status;
    wws_channel_state state;
    bool reads_only;
    bool of_other; /* it is the other side that ends */
};

static wws_status close_now(wws_channel channel)
{
    return wws_channel_close(channel, NULL, no_error);
}

static const struct ending endings[] = {
    { "abort", wws_channel_abort, WWS_E_OPERATION_ABORTED,
      WWS_CHANNEL_STATE_FAULTED, false, false },
    { "close", close_now, WWS_E_OPERATION_ABORTED,
      WWS_CHANNEL_STATE_CLOSED, false, false },
    { "cancel", wws_channel_cancel_receive, WWS_E_OPERATION_CANCELLED,
      WWS_CHANNEL_STATE_OPEN, true, false },
    { "loss", wws_channel_abort, WWS_E_ENDPOINT_DISCONNECTED,
      WWS_CHANNEL_STATE_OPEN, false, true },
    { "free", wws_channel_free, WWS_E_OPERATION_ABORTED, 0, false, false },
};

enum { ENDINGS = sizeof endings / sizeof *endings };

/* A server whose client is gone has nobody left to serve, but may notice it a
 * moment later. */
static bool is_left_as_said(
    const struct scene *scene,
    const struct ending *ending)
{
    wws_channel channel = scene->step.side->channel;

    return ending->of_other && scene->serves
        ? channel_becomes(channel, WWS_CHANNEL_STATE_FAULTED)
        : channel_state(channel) == ending->state;
}

static void check_ended(
    struct scene *scene,
    const struct ending *ending)
{
    wws_message message = message_of(scene);
    bool midway = scene->wait != BEGINNING;

    if (ending->end == wws_channel_free) {
        assert_int_equal(abandon(scene->step.side, message), WWS_E_HANDLE);
        return;
    }
    assert_true(is_left_as_said(scene, ending));
    assert_int_equal(state_of(message),
        midway ? WWS_MESSAGE_STATE_DONE : WWS_MESSAGE_STATE_EMPTY);
    if (midway && scene->wait != DRAINING)
        assert_int_equal(abandon(scene->step.side, message),
            ending->state == WWS_CHANNEL_STATE_CLOSED
            ? WWS_E_INVALID_OPERATION : WWS_S_OK);
}

static void end_in_the_middle(
    struct ends *ends,
    struct scene *scene,
    enum manner manner,
    const struct ending *ending)
{
    struct side *ended = ending->of_other ? other_of(ends, scene)
        : scene->serves ? &ends->server : &ends->client;
    int64_t begin;

    play(ends, scene, manner);

    begin = now_ms();
    print_message("  %s of the %s's %s, %s\n", ending->name,
        scene->serves ? "server" : "client", wait_names[scene->wait],
        manner_name(manner));
    assert_status(ending->end(ended->channel), WWS_S_OK);

    assert_status(heard_end(&scene->heard), ending->status);
    assert_in_range(now_ms() - begin, 0, 5000);
    assert_int_equal(scene->step.piece.size, UNTOUCHED);
    check_ended(scene, ending);
    if (!ending->of_other)
        expect_cut(ends, scene);
}

/* A server does not wait for a request that has begun to come. */
static bool is_played(const struct scene *scene, const struct ending *ending)
{
    return !(scene->serves && scene->wait == BEGINNING)
        && !(ending->reads_only && scene->wait == WRITING);
}

/* To fill up a connection takes long: each ending does it in other manners. */
static bool is_heard(enum wait wait, enum manner manner, unsigned round)
{
    return wait != WRITING || manner == (enum manner) (round % MANNERS);
}

static void end_as_said(
    struct ends *ends,
    unsigned scene,
    const struct ending *ending)
{
    for (enum manner manner = SYNC; manner < MANNERS; manner++) {
        struct scene played = { .serves = scene % 2 != 0,
            .wait = (enum wait) (scene / 2) };

        if (!is_played(&played, ending)
            || !is_heard(played.wait, manner,
                scene + (unsigned) (ending - endings)))
            continue;
        end_in_the_middle(ends, &played, manner, ending);
        start_over(ends);
    }
}

/* T14, L9, G20, G21, G23, G24, C3, C6: of messages in pieces, whose times are
 * below. */
static void message__ends_at_once_with_its_channel(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);

    for (int i = 0; i < ENDINGS; i++)
        for (unsigned scene = 0; scene < 2 * WAITS; scene++)
            end_as_said(ends, scene, &endings[i]);
}

static void limit(
    const struct scene *scene,
    wws_channel_property property,
    uint32_t ms)
{
    assert_status(wws_channel_set_property(scene->step.side->channel,
        property, ms, no_error), WWS_S_OK);
}

/* The limit is for what waits, and for nothing before or after it. */
static void expire(
    struct ends *ends,
    wws_channel_property property,
    struct scene *scene)
{
    set_the_scene(ends, scene);
    limit(scene, property, BRIEF_MS);
    wait_there(scene, CALLBACK);

    assert_status(heard_end(&scene->heard), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(channel_state(scene->step.side->channel),
        WWS_CHANNEL_STATE_OPEN);
    expect_cut(ends, scene);
    limit(scene, property, WWS_INFINITE);
}

/* TT11 */
static void write_body__takes_send_timeout_at_most(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);

    expire(ends, WWS_CHANNEL_PROPERTY_SEND_TIMEOUT,
        &(struct scene) { .wait = WRITING });
    expect_exchange(ends);
}

/* TT11 */
static void read_body__takes_receive_timeout_at_most(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);

    expire(ends, WWS_CHANNEL_PROPERTY_RECEIVE_TIMEOUT,
        &(struct scene) { .wait = READING });
    expect_exchange(ends);
}

/* What is not the turn of. */

enum { FUNCTIONS = 8 };

static const char *const function_names[FUNCTIONS] = { "write_message_start",
    "write_body", "write_message_end", "read_message_start", "read_body",
    "read_message_end", "abandon of what it writes",
    "abandon of what it reads" };

static wws_status call_function(struct side *side, int function)
{
    static const start_fn functions[] = { NULL, start_write, start_write_end,
        NULL, start_read, start_read_end };
    struct side other = { side->channel, new_empty(), new_request(ACTION, 0) };
    wws_status status;

    if (function == 0)
        status = now(&other, start_write_start);
    else if (function == 3)
        status = now(&other, start_read_start);
    else if (function < 6)
        status = now(side, functions[function]);
    else
        status = abandon(side, function == 6 ? side->writes : side->reads);
    (void) wws_message_free(other.reads);
    (void) wws_message_free(other.writes);
    return status;
}

#define INV WWS_E_INVALID_OPERATION
#define FLT WWS_E_OBJECT_FAULTED
#define ARG WWS_E_INVALIDARG

enum { IDLE_ROW, WRITING_ROW, SENT_ROW, READING_ROW, PENDING_WRITE_ROW,
    PENDING_READ_ROW, FAULTED_ROW, CLOSED_ROW, CREATED_ROW, ROWS };

/* What is allowed is 0. */
static const wws_status refusals[ROWS][FUNCTIONS] = {
    [IDLE_ROW] = { 0, INV, INV, INV, INV, INV, ARG, ARG },
    [WRITING_ROW] = { INV, 0, 0, INV, INV, INV, 0, ARG },
    [SENT_ROW] = { INV, INV, INV, 0, INV, INV, ARG, ARG },
    [READING_ROW] = { INV, INV, INV, INV, 0, 0, ARG, 0 },
    [PENDING_WRITE_ROW] = { INV, INV, INV, INV, INV, INV, INV, ARG },
    [PENDING_READ_ROW] = { INV, INV, INV, INV, INV, INV, ARG, INV },
    [FAULTED_ROW] = { FLT, FLT, FLT, FLT, FLT, FLT, ARG, ARG },
    [CLOSED_ROW] = { INV, INV, INV, INV, INV, INV, INV, INV },
    [CREATED_ROW] = { INV, INV, INV, INV, INV, INV, INV, INV },
};

static void lead_to_row(struct ends *ends, int row, struct scene *scene)
{
    wws_channel channel = ends->client.channel;

    if (row == WRITING_ROW)
        begin_request(ends, FLOW_BEGIN);
    if (row == SENT_ROW)
        pass_request(ends);
    if (row == READING_ROW)
        begin_reply(ends, FLOW_BEGIN);
    if (row == PENDING_WRITE_ROW || row == PENDING_READ_ROW) {
        scene->wait = row == PENDING_WRITE_ROW ? WRITING : READING;
        play(ends, scene, CALLBACK);
    }
    if (row == FAULTED_ROW)
        assert_status(wws_channel_abort(channel), WWS_S_OK);
    if (row >= CLOSED_ROW)
        assert_status(close_now(channel), WWS_S_OK);
    if (row == CREATED_ROW)
        assert_status(wws_channel_reset(channel, no_error), WWS_S_OK);
}

/* What was under way goes on as if nobody had tried anything. */
static void go_on_from_row(struct ends *ends, int row, struct scene *scene)
{
    if (row == WRITING_ROW) {
        assert_status(write_text(&ends->client, FLOW_END), WWS_S_OK);
        assert_status(now(&ends->client, start_write_end), WWS_S_OK);
        assert_status(now(&ends->server, start_read_end), WWS_S_OK);
    }
    if (row == SENT_ROW)
        write_whole(&ends->server, BODY);
    if (row == SENT_ROW)
        assert_status(now(&ends->client, start_read_start), WWS_S_OK);
    if (row == READING_ROW) {
        assert_status(write_text(&ends->server, FLOW_END), WWS_S_OK);
        assert_status(now(&ends->server, start_write_end), WWS_S_OK);
        assert_status(now(&ends->client, start_read_end), WWS_S_OK);
    }
    if (row == PENDING_WRITE_ROW || row == PENDING_READ_ROW) {
        assert_false(heard_yet(&scene->heard));
        assert_status(wws_channel_abort(ends->client.channel), WWS_S_OK);
        assert_status(heard_end(&scene->heard), WWS_E_OPERATION_ABORTED);
    }
}

/* T5, L2, L3, G90, G91, G99 */
static void function__out_of_turn_is_refused_and_changes_nothing(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);
    for (int row = 0; row < ROWS; row++) {
        struct scene scene = { .wait = WAITS };

        lead_to_row(ends, row, &scene);
        for (int function = 0; function < FUNCTIONS; function++) {
            wws_status wanted = refusals[row][function];
            wws_status status = wanted != 0
                ? call_function(&ends->client, function) : 0;

            if (status != wanted)
                fail_msg("row %d, %s: %s, wanted %s", row,
                    function_names[function], wws_status_name(status),
                    wws_status_name(wanted));
        }
        go_on_from_row(ends, row, &scene);
        start_over(ends);
    }
}

/* T5, L2: a message that is not in the state for it. */
static void message__in_the_wrong_state_is_refused(void **state)
{
    struct ends *ends = *state;
    struct side empty;

    connect_ends(ends, &streamed);
    empty = (struct side) { ends->client.channel, ends->client.writes,
        ends->client.reads };

    assert_status(now(&empty, start_write_start), INV);
    pass_request(ends);
    assert_status(now(&empty, start_read_start), INV);

    assert_int_equal(state_of(ends->client.reads), WWS_MESSAGE_STATE_EMPTY);
    write_whole(&ends->server, BODY);
    assert_status(now(&ends->client, start_read_start), WWS_S_OK);
    assert_status(now(&ends->client, start_read_end), WWS_S_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        promise(write_body__waits_for_a_reader_that_stops),
        promise(message__ends_at_once_with_its_channel),
        promise(write_body__takes_send_timeout_at_most),
        promise(read_body__takes_receive_timeout_at_most),
        promise(function__out_of_turn_is_refused_and_changes_nothing),
        promise(message__in_the_wrong_state_is_refused),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
