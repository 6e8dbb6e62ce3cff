/* Messages that go from one end of ours to the other in pieces. */
#include <malloc.h>

#include "tests/integration/streams.h"

enum { MEBI = 1024 * 1024 };

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

/* P5, M6: each step in turn on a thread of its own, in a callback, or behind an
 * event. */
static void stream__goes_both_ways_in_pieces_of_any_size(void **state)
{
    static const size_t sizes[] = { 1, 2, 3, 7, 16, 61, 1000 };
    struct ends *ends = *state;

    connect_ends(ends, &streamed);

    for (enum manner manner = SYNC; manner < MANNERS; manner++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            exchange_split(ends, manner, sizes[i]);
}

/* P6 */
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
    assert_status(wws_channel_receive(ends->server.channel, ends->server.reads,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, no_error), WWS_S_END);
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
    assert_status(wws_channel_receive(ends->server.channel, ends->server.reads,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, no_error), WWS_S_OK);
    assert_status(wws_message_get_body(ends->server.reads, &body, no_error),
        WWS_S_OK);
    assert_in_range(body.size, 60000, 61000);
    make_reply(ends);
    write_split(SYNC, &ends->server, BODY, 5);
    assert_status(wws_channel_receive(ends->client.channel, ends->client.reads,
        WWS_RECEIVE_OPTION_OPTIONAL, NULL, no_error), WWS_S_OK);
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

/* Faults. */

/* TE6 */
static void stream__that_is_a_fault_is_an_error(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);
    pass_request(ends);

    answer_with_fault(ends);

    expect_fault(ends);
    expect_exchange(ends);
}

/* TE6 */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        promise(stream__goes_both_ways_in_pieces_of_any_size),
        promise(stream__of_an_empty_body_is_a_message),
        promise(stream__can_be_sent_and_received_whole),
        promise(stream__of_any_size_takes_little_memory),
        promise(stream__that_is_a_fault_is_an_error),
        promise(stream__that_is_a_fault_can_be_read),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
