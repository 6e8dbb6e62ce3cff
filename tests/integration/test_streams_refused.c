/* Messages in pieces: pieces that are refused, by who writes them and by who
 * reads. */
#include "tests/integration/streams.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        promise(write_body__refuses_what_is_malformed),
        promise(write_message_end__gives_up_what_is_not_whole),
        promise(write_body__keeps_to_max_streamed_message_size),
        promise(write_message_start__keeps_a_message_that_cannot_go),
        promise(write_body__says_that_the_peer_is_gone),
        promise(read_body__keeps_to_max_streamed_message_size),
        promise(read_message_start__keeps_to_max_streamed_start_size),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
