/* Messages in pieces that are given up, and messages that travel whole but are
 * written and read so. */
#include "tests/integration/streams.h"

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

/* G92, G95 */
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

/* G92, G97: the request is abandoned in the middle, and a fault is the
 * answer. */
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

/* D36, M7 */
static void message_reset__abandons_it(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &streamed);
    begin_request(ends, FLOW_BEGIN);

    reset(ends->client.writes);

    assert_int_equal(state_of(ends->client.writes), WWS_MESSAGE_STATE_EMPTY);
    expect_request_cut(ends);
}

/* D36, M7: of a request that has come whole, too; it can be answered. */
static void message_reset__abandons_a_whole_request(void **state)
{
    struct ends *ends = *state;

    connect_ends(ends, &(struct setting) { 0 });
    write_split(SYNC, &ends->client, BODY, 1000);
    assert_status(accept_next(ends), WWS_S_OK);
    assert_status(now(&ends->server, start_read_start), WWS_S_OK);
    make_reply(ends);

    reset(ends->server.reads);

    pass_whole_reply(ends);
}

/* D36, M7 */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        promise(abandon__cuts_off_what_is_written),
        promise(abandon__cuts_off_a_reply_that_is_written),
        promise(abandon__drops_what_is_left_of_a_reply),
        promise(abandon__leaves_a_request_to_be_answered),
        promise(whole_messages__can_be_written_and_read_in_pieces),
        promise(abandon__of_a_whole_message_sends_nothing),
        promise(abandon__of_a_whole_message_discards_the_rest),
        promise(message_reset__abandons_it),
        promise(message_reset__abandons_a_whole_request),
        promise(message_free__abandons_it),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
