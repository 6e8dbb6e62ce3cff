/* Messages in pieces, between two ends of ours, and between one and a bare
 * socket.  Every promise is kept over each transport. */
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/public/framing.h"
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"
#include "tests/support/wrapped.h"

enum {
    PIECE = 65536,
    BRIEF_MS = 60,       /* a time that is to be over */
    SOON_MS = 400,       /* likewise, but what does not wait is in time */
    MEBI = 1024 * 1024,
    TOO_MUCH = 16 * MEBI, /* for what lies between an end that writes and one
                             that does not read */
};

#define ACTION "urn:wws:test:Stream"
#define BODY "<t:x xmlns:t=\"urn:t\"><t:y>one &amp; two</t:y>\xC3\xA9" \
    "<!-- three --><t:z a='4'/></t:x>"

static const wws_error no_error;

/* Both ends, each with a message that it reads and one that it writes. */
struct side {
    wws_channel channel;
    wws_message reads;
    wws_message writes;
};

struct ends {
    struct world world;
    wws_listener listener;
    struct side client;
    struct side server;
    wws_error error;
    char url[128];
};

/* What a promise has differently; 0: as elsewhere. */
struct setting {
    wws_transfer_mode mode;
    uint64_t client_most;
    uint64_t server_most;
    uint32_t start_most;
    uint32_t send_ms;
    uint32_t receive_ms;
    bool gives_faults;
};

static int set_up(void **state)
{
    struct ends *ends = calloc(1, sizeof *ends);

    must(ends != NULL);
    world_begin(&ends->world, NULL);
    must(wws_error_create(&ends->error) == WWS_S_OK);
    *state = ends;
    return 0;
}

static int tear_down(void **state)
{
    struct ends *ends = *state;
    const wws_message messages[] = { ends->client.reads, ends->client.writes,
        ends->server.reads, ends->server.writes };
    bool clean;

    must(wws_channel_free(ends->client.channel) == WWS_S_OK);
    must(wws_channel_free(ends->server.channel) == WWS_S_OK);
    must(wws_listener_free(ends->listener) == WWS_S_OK);
    for (int i = 0; i < 4; i++)
        must(wws_message_free(messages[i]) == WWS_S_OK);
    must(wws_error_free(ends->error) == WWS_S_OK);
    clean = world_end(&ends->world);
    free(ends);
    return clean ? 0 : -1;
}

static uint64_t most(uint64_t size)
{
    return size != 0 ? size : (uint64_t) 1 << 40;
}

static void listen_for(struct ends *ends, const struct setting *setting)
{
    wws_listener_options options = listener_options();
    wws_channel_options ours = channel_options();
    wws_buffer address;

    options.transfer_mode = setting->mode;
    options.max_streamed_message_size = most(setting->server_most);
    ours.max_streamed_start_size = setting->start_most;
    ours.send_timeout_ms = setting->send_ms;
    ours.receive_timeout_ms = setting->receive_ms;
    assert_status(wws_listener_create(ends->world.runtime, &options,
        &ends->listener, no_error), WWS_S_OK);
    assert_status(wws_listener_open(ends->listener, text(wire()->any_port),
        NULL, no_error), WWS_S_OK);
    assert_status(wws_listener_get_address(ends->listener, &address,
        no_error), WWS_S_OK);
    assert_in_range(address.size, 1, sizeof ends->url - 1);
    memcpy(ends->url, address.data, address.size);
    wws_buffer_release(&address);
    assert_status(wws_channel_create_for_listener(ends->listener, &ours,
        &ends->server.channel, no_error), WWS_S_OK);
    ends->server.reads = new_empty();
}

static void connect_to(
    struct ends *ends,
    const char *url,
    const struct setting *setting)
{
    wws_channel_options options = channel_options();

    options.transfer_mode = setting->mode;
    options.max_streamed_message_size = most(setting->client_most);
    options.max_streamed_start_size = setting->start_most;
    options.send_timeout_ms = setting->send_ms;
    options.receive_timeout_ms = setting->receive_ms;
    options.faults_as_errors = !setting->gives_faults;
    assert_status(wws_channel_create(ends->world.runtime, &options,
        &ends->client.channel, no_error), WWS_S_OK);
    assert_status(wws_channel_open(ends->client.channel, text(url), NULL,
        no_error), WWS_S_OK);
    ends->client.reads = new_empty();
    ends->client.writes = new_request(ACTION, 0);
}

static const struct setting streamed = {
    .mode = WWS_TRANSFER_MODE_STREAMED };

static void connect_ends(struct ends *ends, const struct setting *setting)
{
    listen_for(ends, setting);
    connect_to(ends, ends->url, setting);
}

/* One function of a channel. */

struct step {
    struct side *side;
    wws_bytes octets;
    wws_buffer piece;
};

static wws_status start_write_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_write_message_start(step->side->channel,
        step->side->writes, completion, error);
}

static wws_status start_write(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_write_body(step->side->channel, step->side->writes,
        step->octets, completion, error);
}

static wws_status start_write_end(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_write_message_end(step->side->channel,
        step->side->writes, completion, error);
}

static wws_status start_read_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_read_message_start(step->side->channel,
        step->side->reads, completion, error);
}

static wws_status start_read(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_read_body(step->side->channel, step->side->reads,
        &step->piece, completion, error);
}

static wws_status start_read_end(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_read_message_end(step->side->channel,
        step->side->reads, completion, error);
}

/* To its end, in that manner. */
static wws_status in_manner(
    enum manner manner,
    start_fn start,
    struct step *step)
{
    struct heard heard;

    hear(&heard, manner, start, step);
    return heard_end(&heard);
}

/* The same, by this thread. */
static wws_status now(struct side *side, start_fn start)
{
    struct step step = { .side = side };
    wws_status status = start(&step, NULL, no_error);

    wws_buffer_release(&step.piece);
    return status;
}

static wws_status write_text(struct side *side, const char *what)
{
    struct step step = { .side = side, .octets = { what, strlen(what) } };

    return start_write(&step, NULL, no_error);
}

static void write_whole(struct side *side, const char *body)
{
    assert_status(now(side, start_write_start), WWS_S_OK);
    assert_status(write_text(side, body), WWS_S_OK);
    assert_status(now(side, start_write_end), WWS_S_OK);
}

static wws_status accept_next(struct ends *ends)
{
    return wws_listener_accept(ends->listener, ends->server.channel, NULL,
        no_error);
}

static void make_reply(struct ends *ends)
{
    (void) wws_message_free(ends->server.writes);
    ends->server.writes = new_reply(ends->server.reads, 0);
}

/* The head of a request has come, and of its body this. */
static void begin_request(struct ends *ends, const char *body)
{
    assert_status(now(&ends->client, start_write_start), WWS_S_OK);
    assert_status(write_text(&ends->client, body), WWS_S_OK);
    assert_status(accept_next(ends), WWS_S_OK);
    assert_status(now(&ends->server, start_read_start), WWS_S_OK);
}

static void pass_request(struct ends *ends)
{
    begin_request(ends, BODY);
    assert_status(now(&ends->client, start_write_end), WWS_S_OK);
    assert_status(now(&ends->server, start_read_end), WWS_S_OK);
    make_reply(ends);
}

static void begin_reply(struct ends *ends, const char *body)
{
    pass_request(ends);
    assert_status(now(&ends->server, start_write_start), WWS_S_OK);
    assert_status(write_text(&ends->server, body), WWS_S_OK);
    assert_status(now(&ends->client, start_read_start), WWS_S_OK);
}

static wws_status abandon(struct side *side, wws_message message)
{
    return wws_channel_abandon_message(side->channel, message, no_error);
}

static wws_message_state state_of(wws_message message)
{
    wws_message_info info = WWS_MESSAGE_INFO_INIT;

    assert_status(wws_message_get_info(message, &info, no_error), WWS_S_OK);
    return info.state;
}

static void renew_request(struct ends *ends)
{
    (void) wws_message_free(ends->client.writes);
    ends->client.writes = new_request(ACTION, 0);
}

static void reset(wws_message message)
{
    assert_status(wws_message_reset(message, no_error), WWS_S_OK);
}

/* Both ends are ready for another request, which goes well with its reply. */
static void expect_exchange(struct ends *ends)
{
    renew_request(ends);
    reset(ends->client.reads);
    reset(ends->server.reads);
    if (channel_state(ends->server.channel) != WWS_CHANNEL_STATE_CREATED) {
        (void) wws_channel_close(ends->server.channel, NULL, no_error);
        assert_status(wws_channel_reset(ends->server.channel, no_error),
            WWS_S_OK);
    }
    pass_request(ends);
    write_whole(&ends->server, BODY);
    assert_status(now(&ends->client, start_read_start), WWS_S_OK);
    assert_status(now(&ends->client, start_read), WWS_S_OK);
    assert_status(now(&ends->client, start_read_end), WWS_S_OK);
}

/* Pieces of every size. */

static void write_split(
    enum manner manner,
    struct side *side,
    const char *body,
    size_t size)
{
    size_t all = strlen(body);
    struct step step = { .side = side };

    assert_status(in_manner(manner, start_write_start, &step), WWS_S_OK);
    for (size_t at = 0; at < all; at += size) {
        step.octets = (wws_bytes) { body + at,
            all - at < size ? all - at : size };
        assert_status(in_manner(manner, start_write, &step), WWS_S_OK);
    }
    assert_status(in_manner(manner, start_write_end, &step), WWS_S_OK);
}

/* What follows the first tag, which has declarations of the envelope. */
static void expect_content(const char *content, const char *body)
{
    assert_int_equal(strncmp(content, "<t:x ", 5), 0);
    assert_string_equal(strchr(content, '>'), strchr(body, '>'));
}

static void read_all_of(enum manner manner, struct side *side, char *content)
{
    struct step step = { .side = side };
    wws_status status;
    size_t size = 0;

    assert_status(in_manner(manner, start_read_start, &step), WWS_S_OK);
    while ((status = in_manner(manner, start_read, &step)) == WWS_S_OK) {
        assert_in_range(step.piece.size, 1, PIECE);
        memcpy(content + size, step.piece.data, step.piece.size);
        size += step.piece.size;
        wws_buffer_release(&step.piece);
    }
    content[size] = '\0';
    assert_status(status, WWS_S_END);
    assert_status(in_manner(manner, start_read, &step), WWS_S_END);
    assert_status(in_manner(manner, start_read_end, &step), WWS_S_OK);
    assert_int_equal(state_of(side->reads), WWS_MESSAGE_STATE_DONE);
}

static void exchange_split(
    struct ends *ends,
    enum manner manner,
    size_t size)
{
    char content[1024];

    write_split(manner, &ends->client, BODY, size);
    assert_status(accept_next(ends), WWS_S_OK);
    read_all_of(manner, &ends->server, content);
    expect_content(content, BODY);
    make_reply(ends);
    write_split(manner, &ends->server, content, size);
    read_all_of(manner, &ends->client, content);
    expect_content(content, BODY);
    assert_status(wws_channel_close(ends->server.channel, NULL, no_error),
        WWS_S_OK);
    assert_status(wws_channel_reset(ends->server.channel, no_error),
        WWS_S_OK);
    renew_request(ends);
    reset(ends->client.reads);
    reset(ends->server.reads);
}

static void stream__goes_both_ways_in_pieces_of_any_size(void **state)
{
    static const size_t sizes[] = { 1, 2, 3, 7, 16, 61, 1000 };
    struct ends *ends = *state;

    connect_ends(ends, &streamed);

    for (enum manner manner = SYNC; manner < MANNERS; manner++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            exchange_split(ends, manner, sizes[i]);
}

static void stream__of_an_empty_body_is_a_message(void **state)
{
    struct ends *ends = *state;
    struct step step = { .side = &ends->client };

    connect_ends(ends, &streamed);

    assert_status(now(&ends->client, start_write_start), WWS_S_OK);
    assert_status(start_write(&step, NULL, no_error), WWS_S_OK);
    assert_status(now(&ends->client, start_write_end), WWS_S_OK);
    assert_status(accept_next(ends), WWS_S_OK);

    assert_status(now(&ends->server, start_read_start), WWS_S_OK);
    assert_status(now(&ends->server, start_read), WWS_S_END);
    assert_status(now(&ends->server, start_read_end), WWS_S_OK);
    reset(ends->server.reads);
    assert_status(now(&ends->server, start_read_start), WWS_S_END);
    assert_status(wws_channel_receive(ends->server.channel,
        ends->server.reads, NULL, no_error), WWS_S_END);
}

/* Whole messages and pieces are the same to the other side. */
static void stream__can_be_sent_and_received_whole(void **state)
{
    struct ends *ends = *state;
    wws_bytes body;

    connect_ends(ends, &(struct setting) {
        .mode = WWS_TRANSFER_MODE_STREAMED, .send_ms = HANG_MS });
    (void) wws_message_free(ends->client.writes);
    ends->client.writes = new_request(ACTION, 60000);

    assert_status(wws_channel_send(ends->client.channel, ends->client.writes,
        NULL, no_error), WWS_S_OK);
    assert_status(accept_next(ends), WWS_S_OK);
    assert_status(wws_channel_receive(ends->server.channel,
        ends->server.reads, NULL, no_error), WWS_S_OK);
    assert_status(wws_message_get_body(ends->server.reads, &body, no_error),
        WWS_S_OK);
    assert_in_range(body.size, 60000, 61000);
    make_reply(ends);
    write_split(SYNC, &ends->server, BODY, 5);
    assert_status(wws_channel_receive(ends->client.channel,
        ends->client.reads, NULL, no_error), WWS_S_OK);
    assert_status(wws_message_get_body(ends->client.reads, &body, no_error),
        WWS_S_OK);
    assert_non_null(memmem(body.data, body.size, "<t:z a='4'/></t:x>", 18));
}

/* Much through little memory. */

struct flow {
    struct side *side;
    uint64_t size;      /* of the body */
    size_t before;      /* octets that were allocated */
    size_t peak;        /* more than that */
    int64_t ms;
};

#define FLOW_BEGIN "<t:x xmlns:t=\"urn:t\">"
#define FLOW_END "</t:x>"

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void *run_source(void *state)
{
    struct flow *flow = state;
    char *piece = malloc(PIECE);
    struct step step = { .side = flow->side, .octets = { piece, PIECE } };

    must(piece != NULL);
    memset(piece, 'x', PIECE);
    must(now(flow->side, start_write_start) == WWS_S_OK);
    must(write_text(flow->side, FLOW_BEGIN) == WWS_S_OK);
    for (uint64_t left = flow->size; left > 0; left -= PIECE)
        must(start_write(&step, NULL, no_error) == WWS_S_OK);
    must(write_text(flow->side, FLOW_END) == WWS_S_OK);
    must(now(flow->side, start_write_end) == WWS_S_OK);
    free(piece);
    return NULL;
}

static uint64_t sink(struct flow *flow)
{
    struct step step = { .side = flow->side };
    uint64_t size = 0;
    wws_status status;

    for (unsigned pieces = 0; (status = start_read(&step, NULL, no_error))
         == WWS_S_OK; pieces++) {
        size += step.piece.size;
        wws_buffer_release(&step.piece);
        if (pieces % 64 == 0 && allocated() > flow->before + flow->peak)
            flow->peak = allocated() - flow->before;
    }
    assert_status(status, WWS_S_END);
    assert_status(now(flow->side, start_read_end), WWS_S_OK);
    return size;
}

static void tell(const char *direction, const struct flow *flow)
{
    uint64_t ms = flow->ms > 0 ? (uint64_t) flow->ms : 1;

    printf("[   FIGURE ] %s %s: %llu MiB in %llu ms, %llu MB/s, at most "
        "%zu KiB allocated\n", wire()->name, direction,
        (unsigned long long) flow->size / MEBI, (unsigned long long) ms,
        (unsigned long long) (flow->size / ms / 1000), flow->peak / 1024);
}

static void flow_through(
    struct ends *ends,
    struct side *from,
    struct side *to,
    const char *direction)
{
    struct flow flow = { .side = to, .before = allocated(),
        .size = setting("WWS_STREAM_MIB", 16) * MEBI };
    struct flow source = { .side = from, .size = flow.size };
    int64_t begin = now_ms();
    pthread_t thread;

    must(pthread_create(&thread, NULL, run_source, &source) == 0);
    if (to == &ends->server)
        assert_status(accept_next(ends), WWS_S_OK);
    assert_status(now(to, start_read_start), WWS_S_OK);
    assert_in_range(sink(&flow), flow.size, flow.size + 1000);
    pthread_join(thread, NULL);
    flow.ms = now_ms() - begin;
    tell(direction, &flow);
    assert_in_range(flow.peak, 0, 8 * MEBI);
}

static void stream__of_any_size_takes_little_memory(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);

    flow_through(ends, &ends->client, &ends->server, "to the server");
    make_reply(ends);
    flow_through(ends, &ends->server, &ends->client, "to the client");
}

/* Operations that wait. */

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

/* Begins what must not end on its own. */
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
    assert_false(heard_yet(heard));
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

static void play(struct ends *ends, struct scene *scene, enum manner manner)
{
    scene->step = (struct step) {
        .side = scene->serves ? &ends->server : &ends->client };
    lead_to(ends, scene);
    if (scene->wait == WRITING)
        fill_up(&scene->heard, manner, &scene->step);
    else
        begin_waiting(&scene->heard, manner, waits[scene->wait],
            &scene->step);
}

static wws_message message_of(const struct scene *scene)
{
    return scene->wait == WRITING ? scene->step.side->writes
        : scene->step.side->reads;
}

/* The other side does not take what it has for a message. */
static void expect_cut(struct ends *ends, const struct scene *scene)
{
    struct side *other = scene->serves ? &ends->client : &ends->server;
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
};

static wws_status close_now(wws_channel channel)
{
    return wws_channel_close(channel, NULL, no_error);
}

static const struct ending endings[] = {
    { "abort", wws_channel_abort, WWS_E_OPERATION_ABORTED,
      WWS_CHANNEL_STATE_FAULTED, false },
    { "close", close_now, WWS_E_OPERATION_ABORTED,
      WWS_CHANNEL_STATE_CLOSED, false },
    { "cancel", wws_channel_cancel_receive, WWS_E_OPERATION_CANCELLED,
      WWS_CHANNEL_STATE_OPEN, true },
    { "free", wws_channel_free, WWS_E_OPERATION_ABORTED, 0, false },
};

enum { ENDINGS = sizeof endings / sizeof *endings };

static void check_ended(
    struct scene *scene,
    const struct ending *ending)
{
    wws_channel channel = scene->step.side->channel;
    wws_message message = message_of(scene);
    bool midway = scene->wait != BEGINNING;

    if (ending->end == wws_channel_free) {
        assert_int_equal(abandon(scene->step.side, message), WWS_E_HANDLE);
        return;
    }
    assert_int_equal(channel_state(channel), ending->state);
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
    int64_t begin;

    play(ends, scene, manner);

    begin = now_ms();
    print_message("  %s of the %s's %s, %s\n", ending->name,
        scene->serves ? "server" : "client", wait_names[scene->wait],
        manner_name(manner));
    assert_status(ending->end(scene->step.side->channel), WWS_S_OK);

    assert_status(heard_end(&scene->heard), ending->status);
    assert_in_range(now_ms() - begin, 0, 5000);
    check_ended(scene, ending);
    expect_cut(ends, scene);
}

/* A server does not wait for a request that has begun to come. */
static bool is_played(const struct scene *scene, const struct ending *ending)
{
    return !(scene->serves && scene->wait == BEGINNING)
        && !(ending->reads_only && scene->wait == WRITING);
}

/* G20, G21, G23, G24, C3, C6. */
static void message__ends_at_once_with_its_channel(void **state)
{
    struct ends *ends = *state;
    unsigned round = 0;

    connect_ends(ends, &streamed);

    for (int i = 0; i < ENDINGS; i++)
        for (unsigned scene = 0; scene < 2 * WAITS; scene++) {
            struct scene played = { .serves = scene % 2 != 0,
                .wait = (enum wait) (scene / 2) };

            if (!is_played(&played, &endings[i]))
                continue;
            end_in_the_middle(ends, &played, (enum manner) (round++ % MANNERS),
                &endings[i]);
            start_over(ends);
        }
}

static void expire(
    struct ends *ends,
    const struct setting *setting,
    struct scene *scene)
{
    play(ends, scene, CALLBACK);

    assert_true(setting->send_ms + setting->receive_ms > 0);
    assert_status(heard_end(&scene->heard), WWS_E_OPERATION_TIMED_OUT);
    assert_int_equal(channel_state(scene->step.side->channel),
        WWS_CHANNEL_STATE_OPEN);
    expect_cut(ends, scene);
}

static void write_body__takes_send_timeout_at_most(void **state)
{
    const struct setting setting = { .mode = WWS_TRANSFER_MODE_STREAMED,
        .send_ms = SOON_MS };
    struct ends *ends = *state;

    connect_ends(ends, &setting);

    expire(ends, &setting, &(struct scene) { .wait = WRITING });
    expect_exchange(ends);
}

static void read_body__takes_receive_timeout_at_most(void **state)
{
    const struct setting setting = { .mode = WWS_TRANSFER_MODE_STREAMED,
        .receive_ms = BRIEF_MS };
    struct ends *ends = *state;

    connect_ends(ends, &setting);

    expire(ends, &setting, &(struct scene) { .wait = READING });
    expect_exchange(ends);
}

/* Giving up. */

/* The client's message is cut off, and the channel goes on. */
static void expect_request_cut(struct ends *ends)
{
    wws_status status;

    assert_int_equal(channel_state(ends->client.channel),
        WWS_CHANNEL_STATE_OPEN);
    while ((status = now(&ends->server, start_read)) == WWS_S_OK)
        continue;
    assert_status(status, WWS_E_ENDPOINT_DISCONNECTED);
    expect_exchange(ends);
}

/* G92, G93, G95. */
static void abandon__cuts_off_what_is_written(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);
    begin_request(ends, FLOW_BEGIN);

    assert_status(abandon(&ends->client, ends->client.writes), WWS_S_OK);

    assert_int_equal(state_of(ends->client.writes), WWS_MESSAGE_STATE_DONE);
    assert_int_equal(abandon(&ends->client, ends->client.writes),
        WWS_E_INVALIDARG);
    expect_request_cut(ends);
}

static void abandon__cuts_off_a_reply_that_is_written(void **state)
{
    struct ends *ends = *state;
    wws_status status;

    connect_ends(ends, &streamed);
    begin_reply(ends, FLOW_BEGIN);

    assert_status(abandon(&ends->server, ends->server.writes), WWS_S_OK);

    assert_int_equal(state_of(ends->server.writes), WWS_MESSAGE_STATE_DONE);
    while ((status = now(&ends->client, start_read)) == WWS_S_OK)
        continue;
    assert_status(status, WWS_E_ENDPOINT_DISCONNECTED);
    expect_exchange(ends);
}

/* G92, G94. */
static void abandon__drops_what_is_left_of_a_reply(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);
    begin_reply(ends, FLOW_BEGIN);

    assert_status(abandon(&ends->client, ends->client.reads), WWS_S_OK);

    assert_int_equal(state_of(ends->client.reads), WWS_MESSAGE_STATE_DONE);
    expect_exchange(ends);
}

static void answer_with_fault(struct ends *ends)
{
    wws_fault fault = WWS_FAULT_INIT;
    wws_message other = new_request(ACTION, 0);
    wws_message request = ends->server.reads;

    if (state_of(request) == WWS_MESSAGE_STATE_EMPTY)
        request = other;
    (void) wws_message_free(ends->server.writes);
    ends->server.writes = new_empty();
    assert_status(wws_message_initialize(ends->server.writes,
        WWS_MESSAGE_INITIALIZATION_FAULT, request, no_error), WWS_S_OK);
    (void) wws_message_free(other);
    fault.code = WWS_FAULT_CODE_SENDER;
    fault.reason = WWS_STR("not like this");
    assert_status(wws_message_set_fault(ends->server.writes, &fault,
        no_error), WWS_S_OK);
    assert_status(wws_message_set_header(ends->server.writes,
        WWS_HEADER_ACTION, WWS_STR("urn:fault"), no_error), WWS_S_OK);
    assert_status(wws_channel_send_reply(ends->server.channel,
        ends->server.writes, NULL, no_error), WWS_S_OK);
}

static void expect_fault(struct ends *ends)
{
    struct step step = { .side = &ends->client };
    wws_fault_info fault = WWS_FAULT_INFO_INIT;

    assert_status(start_read_start(&step, NULL, ends->error),
        WWS_E_ENDPOINT_FAULT_RECEIVED);
    assert_status(wws_error_get_fault(ends->error, &fault), WWS_S_OK);
    assert_memory_equal(fault.reason.data, "not like this", 13);
}

/* G97: the request is abandoned in the middle, and a fault is the answer. */
static void abandon__leaves_a_request_to_be_answered(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);
    begin_request(ends, FLOW_BEGIN);

    assert_status(abandon(&ends->server, ends->server.reads), WWS_S_OK);
    answer_with_fault(ends);

    assert_status(write_text(&ends->client, FLOW_END), WWS_S_OK);
    assert_status(now(&ends->client, start_write_end), WWS_S_OK);
    expect_fault(ends);
    expect_exchange(ends);
}

/* Where messages travel whole, what stands between start and end is local. */
static void pass_whole_request(struct ends *ends)
{
    char content[1024];

    write_split(SYNC, &ends->client, BODY, 7);
    if (channel_state(ends->server.channel) == WWS_CHANNEL_STATE_CREATED)
        assert_status(accept_next(ends), WWS_S_OK);
    read_all_of(CALLBACK, &ends->server, content);
    expect_content(content, BODY);
    make_reply(ends);
}

static void pass_whole_reply(struct ends *ends)
{
    char content[1024];

    write_split(QUEUE, &ends->server, BODY, 7);
    read_all_of(SYNC, &ends->client, content);
    expect_content(content, BODY);
    renew_request(ends);
    reset(ends->client.reads);
    reset(ends->server.reads);
    if (wire()->has_sessions)
        return;
    assert_status(wws_channel_close(ends->server.channel, NULL, no_error),
        WWS_S_OK);
    assert_status(wws_channel_reset(ends->server.channel, no_error),
        WWS_S_OK);
}

/* M6. */
static void whole_messages__can_be_written_and_read_in_pieces(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &(struct setting) { 0 });

    for (int i = 0; i < 3; i++) {
        pass_whole_request(ends);
        pass_whole_reply(ends);
    }
}

/* G95: nothing has been sent, nothing will be. */
static void abandon__of_a_whole_message_sends_nothing(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &(struct setting) { 0 });
    assert_status(now(&ends->client, start_write_start), WWS_S_OK);
    assert_status(write_text(&ends->client, FLOW_BEGIN), WWS_S_OK);

    assert_status(abandon(&ends->client, ends->client.writes), WWS_S_OK);

    assert_int_equal(state_of(ends->client.writes), WWS_MESSAGE_STATE_DONE);
    renew_request(ends);
    pass_whole_request(ends);
    assert_status(now(&ends->server, start_write_start), WWS_S_OK);
    assert_status(abandon(&ends->server, ends->server.writes), WWS_S_OK);
    make_reply(ends);
    pass_whole_reply(ends);
}

/* G94: the rest is discarded at once. */
static void abandon__of_a_whole_message_discards_the_rest(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &(struct setting) { 0 });
    write_split(SYNC, &ends->client, BODY, 1000);
    assert_status(accept_next(ends), WWS_S_OK);
    assert_status(now(&ends->server, start_read_start), WWS_S_OK);

    assert_status(abandon(&ends->server, ends->server.reads), WWS_S_OK);

    assert_int_equal(state_of(ends->server.reads), WWS_MESSAGE_STATE_DONE);
    make_reply(ends);
    write_split(SYNC, &ends->server, BODY, 1000);
    assert_status(now(&ends->client, start_read_start), WWS_S_OK);
    assert_status(abandon(&ends->client, ends->client.reads), WWS_S_OK);
    assert_int_equal(state_of(ends->client.reads), WWS_MESSAGE_STATE_DONE);
    if (!wire()->has_sessions) {
        (void) wws_channel_close(ends->server.channel, NULL, no_error);
        (void) wws_channel_reset(ends->server.channel, no_error);
    }
    renew_request(ends);
    reset(ends->client.reads);
    reset(ends->server.reads);
    pass_whole_request(ends);
    pass_whole_reply(ends);
}

/* D36. */
static void message_reset__abandons_it(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);
    begin_request(ends, FLOW_BEGIN);

    reset(ends->client.writes);

    assert_int_equal(state_of(ends->client.writes), WWS_MESSAGE_STATE_EMPTY);
    expect_request_cut(ends);
}

static void message_free__abandons_it(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);
    begin_request(ends, FLOW_BEGIN);
    assert_status(wws_message_free(ends->server.reads), WWS_S_OK);
    ends->server.reads = new_empty();
    answer_with_fault(ends);

    assert_status(wws_message_free(ends->client.writes), WWS_S_OK);

    ends->client.writes = (wws_message) { 0 };
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

/* L3, G90, G91, G99.  What is allowed is 0. */
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

/* L1, M1: a message that is not in the state for it. */
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

/* Pieces that are refused. */

static wws_status write_told(
    struct ends *ends,
    const char *what,
    const char *says)
{
    struct step step = { .side = &ends->client,
        .octets = { what, strlen(what) } };
    struct heard heard;
    wws_status status;

    hear(&heard, CALLBACK, what[0] != '\0' ? start_write : start_write_end,
        &step);
    status = heard_wait(&heard);
    if (says != NULL && !heard_says(&heard, says))
        fail_msg("the error does not say: %s", says);
    assert_status(heard_end(&heard), status);
    return status;
}

/* G96. */
static void write_body__refuses_what_is_malformed(void **state)
{
    static const char *const pieces[] = { "</t:y>", "<t:y b=1/>", "&nix;",
        "<u:y/>", "<t:y/></t:x>x", "</t:x><?a b?><!DOCTYPE x>", "\x01" };
    struct ends *ends = *state;

    connect_ends(ends, &streamed);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        begin_request(ends, FLOW_BEGIN);

        assert_status(write_told(ends, pieces[i], "line 1, column "),
            WWS_E_INVALID_FORMAT);

        assert_int_equal(state_of(ends->client.writes),
            WWS_MESSAGE_STATE_WRITING);
        assert_status(write_text(&ends->client, FLOW_END),
            WWS_E_INVALID_FORMAT);
        assert_status(abandon(&ends->client, ends->client.writes), WWS_S_OK);
        expect_request_cut(ends);
        assert_status(wws_channel_close(ends->server.channel, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_channel_reset(ends->server.channel, no_error),
            WWS_S_OK);
        renew_request(ends);
        reset(ends->server.reads);
    }
}

/* D37. */
static void write_message_end__gives_up_what_is_not_whole(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);
    begin_request(ends, FLOW_BEGIN);

    assert_status(write_told(ends, "", "line 1, column "),
        WWS_E_INVALID_FORMAT);

    assert_int_equal(state_of(ends->client.writes), WWS_MESSAGE_STATE_DONE);
    assert_int_equal(abandon(&ends->client, ends->client.writes),
        WWS_E_INVALIDARG);
    expect_request_cut(ends);
}

static void write_body__keeps_to_max_streamed_message_size(void **state)
{
    struct ends *ends = *state;
    char much[2000];

    connect_ends(ends, &(struct setting) { .client_most = 1000,
        .mode = WWS_TRANSFER_MODE_STREAMED });
    begin_request(ends, FLOW_BEGIN);
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';

    assert_status(write_told(ends, much, "max_streamed_message_size"),
        WWS_E_QUOTA_EXCEEDED);

    assert_status(write_text(&ends->client, FLOW_END), WWS_S_OK);
    assert_status(now(&ends->client, start_write_end), WWS_S_OK);
    assert_status(now(&ends->server, start_read_end), WWS_S_OK);
}

static void write_message_start__keeps_a_message_that_cannot_go(void **state)
{
    struct ends *ends = *state;

    connect_to(ends, wire()->nowhere, &streamed);

    assert_true(now(&ends->client, start_write_start) < 0);

    assert_int_equal(state_of(ends->client.writes),
        WWS_MESSAGE_STATE_INITIALIZED);
    assert_int_equal(channel_state(ends->client.channel),
        WWS_CHANNEL_STATE_OPEN);
    assert_int_equal(abandon(&ends->client, ends->client.writes),
        WWS_E_INVALIDARG);
}

/* Limits of who reads. */

static wws_status read_until_it_ends(struct side *side)
{
    wws_status status = WWS_S_OK;

    while (status == WWS_S_OK)
        status = now(side, start_read);
    return status;
}

static void read_body__keeps_to_max_streamed_message_size(void **state)
{
    struct ends *ends = *state;
    static char much[2 * PIECE];

    connect_ends(ends, &(struct setting) { .server_most = 90000,
        .mode = WWS_TRANSFER_MODE_STREAMED });
    begin_request(ends, FLOW_BEGIN);
    memset(much, 'x', sizeof much - 1);

    (void) write_text(&ends->client, much);

    assert_status(read_until_it_ends(&ends->server), WWS_E_QUOTA_EXCEEDED);
    (void) abandon(&ends->client, ends->client.writes);
    expect_exchange(ends);
}

static void read_message_start__keeps_to_max_streamed_start_size(
    void **state)
{
    struct ends *ends = *state;
    char header[3000];

    connect_ends(ends, &(struct setting) { .start_most = 2000,
        .mode = WWS_TRANSFER_MODE_STREAMED });
    snprintf(header, sizeof header, "<u:h xmlns:u='urn:u'>%02500d</u:h>", 0);
    assert_status(wws_message_add_custom_header(ends->client.writes,
        (wws_bytes) { header, strlen(header) }, false, no_error), WWS_S_OK);

    write_whole(&ends->client, BODY);
    assert_status(accept_next(ends), WWS_S_OK);

    assert_status(now(&ends->server, start_read_start), WWS_E_QUOTA_EXCEEDED);
    assert_int_equal(state_of(ends->server.reads), WWS_MESSAGE_STATE_EMPTY);
    answer_with_fault(ends);
    expect_fault(ends);
    expect_exchange(ends);
}

/* Bare sockets. */

#define HEAD "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"" \
    " xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header><a:Action>" \
    ACTION "</a:Action><a:MessageID>urn:bare:1</a:MessageID></s:Header>" \
    "<s:Body>"
#define TAIL "</s:Body></s:Envelope>"

enum { RECORD_UNSIZED = 0x05, MODE_UNSIZED = 1, MODE_AT = 4 };

static void bare_begin(int fd, const char *url)
{
    static const char fields[] = "POST /test HTTP/1.1\r\nHost: here\r\n"
        "Content-Type: application/soap+xml; charset=utf-8\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    char preamble[PREAMBLE_ROOM], ack;
    size_t size;

    if (!wire()->has_sessions) {
        must(write_all(fd, fields, sizeof fields - 1));
        return;
    }
    size = put_preamble(preamble, url);
    preamble[MODE_AT] = MODE_UNSIZED;
    must(write_all(fd, preamble, size));
    must(read_all(fd, &ack, 1) && ack == RECORD_ACK);
    ack = RECORD_UNSIZED;
    must(write_all(fd, &ack, 1));
}

static void bare_piece(int fd, const char *octets, size_t size)
{
    char head[32];
    size_t head_size = wire()->has_sessions ? put_size(head, size)
        : (size_t) snprintf(head, sizeof head, "%zx\r\n", size);

    must(write_all(fd, head, head_size));
    must(write_all(fd, octets, size));
    must(wire()->has_sessions || write_all(fd, "\r\n", 2));
}

static void bare_end(int fd)
{
    must(wire()->has_sessions ? write_all(fd, "\0\x07", 2)
        : write_all(fd, "0\r\n\r\n", 5));
}

static int bare_listen(char *url, size_t room)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0);
    must(bind(fd, (struct sockaddr *) &address, sizeof address) == 0);
    must(listen(fd, 1) == 0);
    must(getsockname(fd, (struct sockaddr *) &address, &size) == 0);
    snprintf(url, room, "%s://127.0.0.1:%u/s", wire()->scheme,
        (unsigned) ntohs(address.sin_port));
    return fd;
}

/* One of less than 2 KiB: its size. */
static size_t read_chunk(int fd, char *out)
{
    unsigned char low, high = 0;

    must(read_all(fd, &low, 1));
    if (low >= 0x80)
        must(read_all(fd, &high, 1) && high < 8);
    must(read_all(fd, out, (low & 0x7Fu) | (size_t) high << 7));
    return (low & 0x7Fu) | (size_t) high << 7;
}

/* A request in pieces of that size. */
static int bare_request(
    const struct ends *ends,
    const char *envelope,
    size_t size)
{
    int fd = peer_connect(ends->url);
    size_t all = strlen(envelope);

    bare_begin(fd, ends->url);
    for (size_t at = 0; at < all; at += size)
        bare_piece(fd, envelope + at, all - at < size ? all - at : size);
    bare_end(fd);
    return fd;
}

/* All that comes until the connection ends. */
static size_t bare_reply(int fd, char *out, size_t room)
{
    size_t size = 0;
    ssize_t got;

    while (size < room - 1
        && (got = recv(fd, out + size, room - 1 - size, 0)) > 0)
        size += (size_t) got;
    out[size] = '\0';
    close(fd);
    return size;
}

static bool contains(const char *octets, size_t size, const char *what)
{
    return memmem(octets, size, what, strlen(what)) != NULL;
}

static void reopen_server(struct ends *ends)
{
    (void) wws_channel_close(ends->server.channel, NULL, no_error);
    assert_status(wws_channel_reset(ends->server.channel, no_error),
        WWS_S_OK);
    reset(ends->server.reads);
}

static void stream__is_understood_however_it_is_cut(void **state)
{
    struct ends *ends = *state;
    char got[4096], content[1024];
    size_t size;

    listen_for(ends, &streamed);
    for (size_t cut = 1; cut < 200; cut += 1 + cut / 4) {
        int fd = bare_request(ends, HEAD BODY TAIL, cut);

        assert_status(accept_next(ends), WWS_S_OK);
        read_all_of(CALLBACK, &ends->server, content);
        make_reply(ends);
        write_split(CALLBACK, &ends->server, BODY, cut);

        expect_content(content, BODY);
        if (wire()->has_sessions)
            (void) shutdown(fd, SHUT_WR);
        size = bare_reply(fd, got, sizeof got);
        assert_true(contains(got, size, "RelatesTo"));
        assert_true(contains(got, size, "Envelope"));
        reopen_server(ends);
    }
}

/* The octets of spec 13.2: mode 1, a chunk for each piece, and the end. */
static void stream__over_tcp_is_framed_as_others_do(void **state)
{
    static const char ack = RECORD_ACK;
    static const char reply[] = "<s:Envelope xmlns:s="
        "\"http://www.w3.org/2003/05/soap-envelope\"><s:Body/></s:Envelope>";
    struct ends *ends = *state;
    struct step step = { .side = &ends->client };
    char wanted[PREAMBLE_ROOM], got[1024];
    struct heard heard;
    size_t size;
    int listening, fd;

    listening = bare_listen(ends->url, sizeof ends->url);
    connect_to(ends, ends->url, &streamed);
    hear(&heard, CALLBACK, start_write_start, &step);
    fd = accept(listening, NULL, NULL);
    size = put_preamble(wanted, ends->url);
    wanted[MODE_AT] = MODE_UNSIZED;
    must(read_all(fd, got, size) && write_all(fd, &ack, 1));
    assert_memory_equal(got, wanted, size);
    assert_status(heard_end(&heard), WWS_S_OK);

    assert_status(write_text(&ends->client, "<a xmlns='urn:a'/>"), WWS_S_OK);
    assert_status(now(&ends->client, start_write_end), WWS_S_OK);

    must(read_all(fd, got, 1));
    assert_int_equal(got[0], RECORD_UNSIZED);
    assert_in_range(read_chunk(fd, got), 100, 1000);
    assert_int_equal(read_chunk(fd, got), 18);
    assert_memory_equal(got, "<a xmlns='urn:a'/>", 18);
    assert_int_equal(read_chunk(fd, got), 22);
    assert_memory_equal(got, TAIL, 22);
    must(read_all(fd, got, 2));
    assert_memory_equal(got, "\0\x07", 2);
    must(write_all(fd, "\x05\x20", 2) && write_all(fd, reply, 32)
        && write_all(fd, "\x34", 1) && write_all(fd, reply + 32, 52)
        && write_all(fd, "\0\x07", 2));
    assert_status(now(&ends->client, start_read_start), WWS_S_OK);
    assert_status(now(&ends->client, start_read), WWS_S_END);
    assert_status(now(&ends->client, start_read_end), WWS_S_OK);
    close(fd);
    close(listening);
}

/* As curl sends it. */
static void stream__over_http_may_have_a_content_length(void **state)
{
    static const char body[] = HEAD BODY TAIL;
    struct ends *ends = *state;
    char head[256], got[4096], content[1024];
    size_t size;
    int fd;

    listen_for(ends, &streamed);
    fd = peer_connect(ends->url);
    size = (size_t) snprintf(head, sizeof head,
        "POST /test HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n"
        "Content-Type: application/soap+xml; charset=utf-8\r\n"
        "Content-Length: %zu\r\n\r\n", sizeof body - 1);
    must(write_all(fd, head, size));
    must(write_all(fd, body, sizeof body - 1));

    assert_status(accept_next(ends), WWS_S_OK);
    read_all_of(QUEUE, &ends->server, content);
    make_reply(ends);
    write_split(QUEUE, &ends->server, BODY, 11);

    expect_content(content, BODY);
    size = bare_reply(fd, got, sizeof got);
    assert_true(contains(got, size, "Transfer-Encoding: chunked"));
    assert_true(contains(got, size, "\r\nB\r\n<t:x xmlns:\r\n"));
    assert_true(contains(got, size, "\r\n0\r\n\r\n"));
}

struct malformed {
    const char *envelope;
    start_fn found; /* the function that says so */
};

static const struct malformed malformed[] = {
    { "<s:Envelope", start_read_start },
    { "no envelope", start_read_start },
    { "<s:Envelope xmlns:s='urn:s'><s:Body/></s:Envelope>",
      start_read_start },
    { "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'>"
      "<s:Header/></s:Envelope>", start_read_start },
    { HEAD FLOW_BEGIN "</t:y>", start_read },
    { HEAD FLOW_BEGIN "&nix;" FLOW_END TAIL, start_read },
    { HEAD FLOW_BEGIN "<t:y></t:x>", start_read },
    { HEAD FLOW_BEGIN "\xC3(" FLOW_END TAIL, start_read },
    { HEAD BODY "</s:Body>", start_read_end },
    { HEAD BODY "</s:Body></s:Wrong>", start_read_end },
    { HEAD BODY TAIL "<s:more/>", start_read_end },
};

enum { MALFORMED = sizeof malformed / sizeof *malformed };

static void expect_malformed(struct side *side, start_fn found)
{
    struct step step = { .side = side };
    struct heard heard;
    wws_status status = WWS_S_OK;

    if (found != start_read_start)
        assert_status(now(side, start_read_start), WWS_S_OK);
    do {
        wws_buffer_release(&step.piece);
        step.piece = (wws_buffer) { 0 };
        hear(&heard, CALLBACK, found, &step);
        status = heard_wait(&heard);
        if (status < 0 && !heard_says(&heard, "line 1, column "))
            fail_msg("the error does not say where");
        (void) heard_end(&heard);
    } while (status == WWS_S_OK);
    assert_status(status, WWS_E_INVALID_FORMAT);
}

static void check_malformed(struct ends *ends, const struct malformed *one)
{
    int fd = bare_request(ends, one->envelope, 19);
    char got[4096];
    size_t size;

    assert_status(accept_next(ends), WWS_S_OK);
    expect_malformed(&ends->server, one->found);
    if (one->found == start_read)
        assert_status(abandon(&ends->server, ends->server.reads), WWS_S_OK);
    answer_with_fault(ends);
    if (wire()->has_sessions)
        (void) shutdown(fd, SHUT_WR);
    size = bare_reply(fd, got, sizeof got);
    assert_true(contains(got, size, "not like this"));
    assert_true(wire()->has_sessions || contains(got, size, "HTTP/1.1 500"));
    reopen_server(ends);
}

/* G96, G97: wherever it is malformed, who sent it can be told. */
static void malformed_stream__is_refused_and_can_be_answered(void **state)
{
    struct ends *ends = *state;

    listen_for(ends, &streamed);
    for (int i = 0; i < MALFORMED; i++)
        check_malformed(ends, &malformed[i]);
}

static void stream__may_not_be_too_deep(void **state)
{
    struct ends *ends = *state;
    static char deep[8192] = HEAD;
    size_t size = strlen(HEAD);
    int fd;

    listen_for(ends, &streamed);
    for (int i = 0; i < 1000; i++, size += 3)
        memcpy(deep + size, "<x>", 3);
    fd = bare_request(ends, deep, 4000);
    assert_status(accept_next(ends), WWS_S_OK);
    assert_status(now(&ends->server, start_read_start), WWS_S_OK);

    assert_status(read_until_it_ends(&ends->server), WWS_E_QUOTA_EXCEEDED);

    assert_status(abandon(&ends->server, ends->server.reads), WWS_S_OK);
    answer_with_fault(ends);
    close(fd);
}

/* Faults. */

static void stream__that_is_a_fault_is_an_error(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);
    pass_request(ends);

    answer_with_fault(ends);

    expect_fault(ends);
    expect_exchange(ends);
}

static void stream__that_is_a_fault_can_be_read(void **state)
{
    struct ends *ends = *state;
    struct step step = { .side = &ends->client };
    wws_message_info info = WWS_MESSAGE_INFO_INIT;

    connect_ends(ends, &(struct setting) { .gives_faults = true,
        .mode = WWS_TRANSFER_MODE_STREAMED });
    pass_request(ends);

    answer_with_fault(ends);

    assert_status(now(&ends->client, start_read_start), WWS_S_OK);
    assert_status(wws_message_get_info(ends->client.reads, &info, no_error),
        WWS_S_OK);
    assert_true(info.is_fault);
    assert_int_equal(info.state, WWS_MESSAGE_STATE_READING);
    assert_status(start_read(&step, NULL, no_error), WWS_S_OK);
    assert_true(contains(step.piece.data, step.piece.size, "not like this"));
    wws_buffer_release(&step.piece);
    assert_status(now(&ends->client, start_read), WWS_S_END);
    assert_status(now(&ends->client, start_read_end), WWS_S_OK);
    expect_exchange(ends);
}

static void refusal__with_a_reply_that_is_no_fault_is_a_failure(void **state)
{
    static const char body[] = HEAD BODY TAIL;
    char reply[1024];
    const struct peer_script script = { .reply = reply, .reads = 300 };
    struct ends *ends = *state;
    struct peer peer;

    snprintf(reply, sizeof reply, "HTTP/1.1 500 No\r\n"
        "Content-Type: application/soap+xml; charset=utf-8\r\n"
        "Content-Length: %zu\r\n\r\n%s", sizeof body - 1, body);
    peer_start(&peer, &script);
    connect_to(ends, peer.url, &streamed);
    write_whole(&ends->client, BODY);

    assert_status(now(&ends->client, start_read_start),
        WWS_E_ENDPOINT_FAILURE);

    peer_stop(&peer);
}

/* What is written while the other side has gone. */
static void write_body__says_that_the_peer_is_gone(void **state)
{
    struct ends *ends = *state;
    wws_status status = WWS_S_OK;

    connect_ends(ends, &streamed);
    begin_request(ends, FLOW_BEGIN);
    assert_status(wws_channel_abort(ends->server.channel), WWS_S_OK);

    for (int64_t end = now_ms() + HANG_MS; status == WWS_S_OK
         && now_ms() < end;)
        status = write_text(&ends->client, "<t:y/>");

    assert_status(status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(state_of(ends->client.writes), WWS_MESSAGE_STATE_DONE);
    assert_status(abandon(&ends->client, ends->client.writes), WWS_S_OK);
    assert_int_equal(channel_state(ends->client.channel),
        WWS_CHANNEL_STATE_OPEN);
    expect_exchange(ends);
}

int main(void)
{
#define promise(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define promise_over(which, test) \
    cmocka_unit_test_prestate_setup_teardown(test, set_up, tear_down, which)
    const struct CMUnitTest tests[] = {
        promise(stream__goes_both_ways_in_pieces_of_any_size),
        promise(stream__of_an_empty_body_is_a_message),
        promise(stream__can_be_sent_and_received_whole),
        promise(stream__of_any_size_takes_little_memory),
        promise(write_body__waits_for_a_reader_that_stops),
        promise(message__ends_at_once_with_its_channel),
        promise(write_body__takes_send_timeout_at_most),
        promise(read_body__takes_receive_timeout_at_most),
        promise(abandon__cuts_off_what_is_written),
        promise(abandon__cuts_off_a_reply_that_is_written),
        promise(abandon__drops_what_is_left_of_a_reply),
        promise(abandon__leaves_a_request_to_be_answered),
        promise(whole_messages__can_be_written_and_read_in_pieces),
        promise(abandon__of_a_whole_message_sends_nothing),
        promise(abandon__of_a_whole_message_discards_the_rest),
        promise(message_reset__abandons_it),
        promise(message_free__abandons_it),
        promise(function__out_of_turn_is_refused_and_changes_nothing),
        promise(message__in_the_wrong_state_is_refused),
        promise(write_body__refuses_what_is_malformed),
        promise(write_message_end__gives_up_what_is_not_whole),
        promise(write_body__keeps_to_max_streamed_message_size),
        promise(write_message_start__keeps_a_message_that_cannot_go),
        promise(write_body__says_that_the_peer_is_gone),
        promise(read_body__keeps_to_max_streamed_message_size),
        promise(read_message_start__keeps_to_max_streamed_start_size),
        promise(stream__is_understood_however_it_is_cut),
        promise(malformed_stream__is_refused_and_can_be_answered),
        promise(stream__may_not_be_too_deep),
        promise(stream__that_is_a_fault_is_an_error),
        promise(stream__that_is_a_fault_can_be_read),
        promise_over(OVER_TCP, stream__over_tcp_is_framed_as_others_do),
        promise_over(OVER_HTTP, stream__over_http_may_have_a_content_length),
        promise_over(OVER_HTTP,
            refusal__with_a_reply_that_is_no_fault_is_a_failure),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
