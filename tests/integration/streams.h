/* Messages in pieces, between two ends of ours: what their tests have in
 * common.  Every promise is kept over each transport. */
#ifndef TESTS_STREAMS_H
#define TESTS_STREAMS_H

#include "tests/support/public/talk.h"

enum { PIECE = 65536 };

#define ACTION "urn:wws:test:Stream"
#define BODY "<t:x xmlns:t=\"urn:t\"><t:y>one &amp; two</t:y>\xC3\xA9" \
    "<!-- three --><t:z a='4'/></t:x>"
/* A body in parts, for as much as one likes between them. */
#define FLOW_BEGIN "<t:x xmlns:t=\"urn:t\">"
#define FLOW_END "</t:x>"

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
    bool gives_faults;
};

static inline int set_up(void **state)
{
    struct ends *ends = calloc(1, sizeof *ends);

    must(ends != NULL);
    world_begin(&ends->world, NULL);
    must(wws_error_create(&ends->error) == WWS_S_OK);
    *state = ends;
    return 0;
}

static inline int tear_down(void **state)
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

static inline uint64_t most(uint64_t size)
{
    return size != 0 ? size : (uint64_t) 1 << 40;
}

static inline void listen_for(struct ends *ends, const struct setting *setting)
{
    wws_listener_options options = listener_options();
    wws_channel_options ours = channel_options();
    wws_buffer address;

    options.transfer_mode = setting->mode;
    options.max_streamed_message_size = most(setting->server_most);
    ours.custom = NULL; /* the listener has it */
    ours.max_streamed_start_size = setting->start_most;
    ours.send_timeout_ms = setting->send_ms;
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

static inline void connect_to(
    struct ends *ends,
    const char *url,
    const struct setting *setting)
{
    wws_channel_options options = channel_options();

    options.transfer_mode = setting->mode;
    options.max_streamed_message_size = most(setting->client_most);
    options.max_streamed_start_size = setting->start_most;
    options.send_timeout_ms = setting->send_ms;
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

static inline void connect_ends(
    struct ends *ends,
    const struct setting *setting)
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

static inline wws_status start_write_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_write_message_start(step->side->channel,
        step->side->writes, completion, error);
}

static inline wws_status start_write(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_write_body(step->side->channel, step->side->writes,
        step->octets, completion, error);
}

static inline wws_status start_write_end(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_write_message_end(step->side->channel,
        step->side->writes, completion, error);
}

static inline wws_status start_read_start(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_read_message_start(step->side->channel,
        step->side->reads, WWS_RECEIVE_OPTION_OPTIONAL, completion, error);
}

static inline wws_status start_read(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_read_body(step->side->channel, step->side->reads,
        &step->piece, completion, error);
}

static inline wws_status start_read_end(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct step *step = state;

    return wws_channel_read_message_end(step->side->channel,
        step->side->reads, completion, error);
}

/* To its end, in that manner. */
static inline wws_status in_manner(
    enum manner manner,
    start_fn start,
    struct step *step)
{
    struct heard heard;

    hear(&heard, manner, start, step);
    return heard_end(&heard);
}

/* The same, by this thread. */
static inline wws_status now(struct side *side, start_fn start)
{
    struct step step = { .side = side };
    wws_status status = start(&step, NULL, no_error);

    wws_buffer_release(&step.piece);
    return status;
}

static inline wws_status write_text(struct side *side, const char *what)
{
    struct step step = { .side = side, .octets = { what, strlen(what) } };

    return start_write(&step, NULL, no_error);
}

static inline void write_whole(struct side *side, const char *body)
{
    assert_status(now(side, start_write_start), WWS_S_OK);
    assert_status(write_text(side, body), WWS_S_OK);
    assert_status(now(side, start_write_end), WWS_S_OK);
}

static inline wws_status accept_next(struct ends *ends)
{
    return wws_listener_accept(ends->listener, ends->server.channel, NULL,
        no_error);
}

static inline void make_reply(struct ends *ends)
{
    (void) wws_message_free(ends->server.writes);
    ends->server.writes = new_reply(ends->server.reads, 0);
}

/* The head of a request has come, and of its body this. */
static inline void begin_request(struct ends *ends, const char *body)
{
    assert_status(now(&ends->client, start_write_start), WWS_S_OK);
    assert_status(write_text(&ends->client, body), WWS_S_OK);
    assert_status(accept_next(ends), WWS_S_OK);
    assert_status(now(&ends->server, start_read_start), WWS_S_OK);
}

static inline void pass_request(struct ends *ends)
{
    begin_request(ends, BODY);
    assert_status(now(&ends->client, start_write_end), WWS_S_OK);
    assert_status(now(&ends->server, start_read_end), WWS_S_OK);
    make_reply(ends);
}

static inline void begin_reply(struct ends *ends, const char *body)
{
    pass_request(ends);
    assert_status(now(&ends->server, start_write_start), WWS_S_OK);
    assert_status(write_text(&ends->server, body), WWS_S_OK);
    assert_status(now(&ends->client, start_read_start), WWS_S_OK);
}

static inline wws_status abandon(struct side *side, wws_message message)
{
    return wws_channel_abandon_message(side->channel, message, no_error);
}

static inline wws_message_state state_of(wws_message message)
{
    wws_message_info info = WWS_MESSAGE_INFO_INIT;

    assert_status(wws_message_get_info(message, &info, no_error), WWS_S_OK);
    return info.state;
}

static inline void renew_request(struct ends *ends)
{
    (void) wws_message_free(ends->client.writes);
    ends->client.writes = new_request(ACTION, 0);
}

static inline void reset(wws_message message)
{
    assert_status(wws_message_reset(message, no_error), WWS_S_OK);
}

/* Both ends are ready for another request, which goes well with its reply. */
static inline void expect_exchange(struct ends *ends)
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

/* All of a message, its body in pieces of that size. */
static inline void write_split(
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
static inline void expect_content(const char *content, const char *body)
{
    assert_int_equal(strncmp(content, "<t:x ", 5), 0);
    assert_string_equal(strchr(content, '>'), strchr(body, '>'));
}

static inline void read_all_of(
    enum manner manner,
    struct side *side,
    char *content)
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

/* The client's message is cut off, and the channel goes on. */
static inline void expect_request_cut(struct ends *ends)
{
    wws_status status;

    assert_int_equal(channel_state(ends->client.channel),
        WWS_CHANNEL_STATE_OPEN);
    while ((status = now(&ends->server, start_read)) == WWS_S_OK)
        continue;
    assert_status(status, WWS_E_ENDPOINT_DISCONNECTED);
    expect_exchange(ends);
}

static inline wws_status read_until_it_ends(struct side *side)
{
    wws_status status = WWS_S_OK;

    while (status == WWS_S_OK)
        status = now(side, start_read);
    return status;
}

static inline void answer_with_fault(struct ends *ends)
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

static inline void expect_fault(struct ends *ends)
{
    struct step step = { .side = &ends->client };
    wws_fault_info fault = WWS_FAULT_INFO_INIT;

    assert_status(start_read_start(&step, NULL, ends->error),
        WWS_E_ENDPOINT_FAULT_RECEIVED);
    assert_status(wws_error_get_fault(ends->error, &fault), WWS_S_OK);
    assert_memory_equal(fault.reason.data, "not like this", 13);
}

static inline bool contains(const char *octets, size_t size, const char *what)
{
    return memmem(octets, size, what, strlen(what)) != NULL;
}

#define promise(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
