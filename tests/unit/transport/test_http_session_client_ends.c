/* How the client's end of streamed HTTP ends before its time. */
#include "tests/support/http_session_fixture.h"

#include <stdlib.h>

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/counters.h"

static void client__stops_sending_when_the_reply_comes_early(void **state)
{
    int fd, count;

    (void) state;
    fd = converse();
    count = send_until_full(&it->client);

    put_text(fd, OK_REPLY);

    wait_for(&it->client.done, count);
    assert_int_equal(it->client.sent.status, WWS_S_OK);
    assert_int_equal(send_piece(&it->client, "rest", LAST), WWS_S_OK);
    assert_int_equal(it->client.done, count + 1);
    ask_for_piece(&it->client);
    wait_for(&it->client.ended, 1);
    assert_string_equal(it->client.text, "hello");
    assert_int_equal(it->client.failed, 0);
    give_session_back(&it->client);
    assert_true(drink(fd) < 0);
    close(fd);
}

static void client__delivers_all_of_a_reply_before_a_reset(void **state)
{
    /* More than a piece, and no more than the system takes besides. */
    static char body[PIECE + PIECE / 4];
    int fd, unread = 1;

    (void) state;
    fd = request();
    put_text(fd, OK_HEAD "Content-Length: 81920\r\n\r\n");
    put(fd, body, sizeof body);
    for (int i = 0; i < 100000 && unread != 0; i++) {
        let_everything_run();
        assert_int_equal(ioctl(fd, SIOCOUTQ, &unread), 0);
    }
    assert_int_equal(unread, 0);

    reset(fd);
    let_everything_run();
    it->client.greedy = true;
    ask_for_piece(&it->client);

    wait_for(&it->client.ended, 1);
    assert_int_equal(it->client.octets, sizeof body);
}

static void client__delivers_an_early_reply_of_a_peer_that_resets(
    void **state)
{
    int fd, count;

    (void) state;
    fd = converse();
    count = send_until_full(&it->client);

    put_text(fd, OK_REPLY);
    wait_for(&it->client.done, count);
    reset(fd);
    let_everything_run();
    ask_for_piece(&it->client);

    wait_for(&it->client.ended, 1);
    assert_string_equal(it->client.text, "hello");
    assert_int_equal(it->client.failed, 0);
}

static void client__fails_early_when_it_is_refused(void **state)
{
    int fd, count;

    (void) state;
    fd = converse();
    count = send_until_full(&it->client);

    put_text(fd, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.done, count);
    assert_int_equal(it->client.outcome.status,
        WWS_E_ENDPOINT_ACCESS_DENIED);
    close(fd);
}

static bool never(struct wwi_sending *sending)
{
    (void) sending;
    return false;
}

/* The parcel stays the test's unless it is sent. */
static void send_parcel(struct parcel *parcel)
{
    struct wwi_outgoing outgoing = { .more = true, .continues = true };

    wwi_bytes_append_text(&outgoing.envelope, "more");
    parcel->holder = &it->client;
    if (parcel->sending.done == NULL)
        parcel->sending.done = was_sent;
    assert_int_equal(it->client.session->calls->send(it->client.session,
        &parcel->sending, &outgoing), WWS_S_OK);
}

static void client__takes_back_what_has_not_begun(void **state)
{
    struct parcel *parcel = calloc(1, sizeof *parcel);
    int fd;

    (void) state;
    fd = converse();
    (void) send_until_full(&it->client);
    send_parcel(parcel);

    assert_true(it->client.session->calls->unsend(it->client.session,
        &parcel->sending));

    assert_false(it->client.session->calls->unsend(it->client.session,
        &parcel->sending));
    assert_int_equal(send_piece(&it->client, "z", LAST), WWS_S_OK);
    let_everything_run();
    assert_int_equal(value_of(&it->client.failed), 0);
    free(parcel);
    close(fd);
}

static void client__fails_when_a_message_has_lost_a_piece(void **state)
{
    struct parcel *parcel = calloc(1, sizeof *parcel);
    int fd;

    (void) state;
    fd = converse();
    (void) send_until_full(&it->client);
    send_parcel(parcel);
    assert_int_equal(send_piece(&it->client, "z", LAST), WWS_S_OK);

    assert_true(it->client.session->calls->unsend(it->client.session,
        &parcel->sending));

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_OPERATION_ABORTED);
    free(parcel);
    close(fd);
}

static void client__forgets_a_request_refused_at_its_beginning(void **state)
{
    int fd;

    (void) state;
    fd = converse();
    it->client.refuses = true;

    assert_int_equal(send_piece(&it->client, "ask", WHOLE), WWS_S_OK);

    wait_for(&it->client.done, 1);
    assert_int_equal(it->client.sent.status, WWS_E_OPERATION_CANCELLED);
    give_session_back(&it->client);
    expect_reset(fd);
    close(fd);
}

static void client__may_ask_again_when_it_was_refused(void **state)
{
    int fd;

    (void) state;
    fd = converse();
    it->client.refuses = true;
    assert_int_equal(send_piece(&it->client, "never", WHOLE), WWS_S_OK);
    wait_for(&it->client.done, 1);

    it->client.refuses = false;
    assert_int_equal(send_piece(&it->client, "ask", FIRST), WWS_S_OK);
    wait_for(&it->client.done, 2);
    it->client.refuses = true;
    assert_int_equal(send_piece(&it->client, "never", LAST), WWS_S_OK);
    wait_for(&it->client.done, 3);
    it->client.refuses = false;
    assert_int_equal(send_piece(&it->client, "z", LAST), WWS_S_OK);

    expect_request(fd, CHUNKED);
    expect_text(fd, "3\r\nask\r\n1\r\nz\r\n0\r\n\r\n");
    close(fd);
}

/* Behind each other in the queue, for whoever writes is here. */
static void send_one_that_is_refused(
    struct wwi_sending *sending,
    const struct wwi_outcome *outcome)
{
    struct parcel *refused = calloc(1, sizeof *refused);

    refused->sending.begin = never;
    send_parcel(refused);
    assert_int_equal(send_piece(&it->client, "z", LAST), WWS_S_OK);
    was_sent(sending, outcome);
}

static void client__fails_when_a_piece_is_refused_amid_a_message(void **state)
{
    struct parcel *parcel = calloc(1, sizeof *parcel);
    int fd;

    (void) state;
    fd = converse();
    assert_int_equal(send_piece(&it->client, "ask", FIRST), WWS_S_OK);
    wait_for(&it->client.done, 1);

    parcel->sending.done = send_one_that_is_refused;
    send_parcel(parcel);

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_OPERATION_ABORTED);
    close(fd);
}

static void client__ends_when_it_is_shut_down_unasked(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    it->client.session->calls->shutdown(it->client.session);

    wait_for(&it->client.ended, 1);
    assert_int_equal(send_piece(&it->client, "ask", WHOLE),
        WWS_E_INVALID_OPERATION);
    close(fd);
}

static void session__fails_when_it_is_shut_down_in_a_message(void **state)
{
    int fd;

    (void) state;
    fd = converse();
    send_piece(&it->client, "ask", FIRST);

    it->client.session->calls->shutdown(it->client.session);

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_OPERATION_ABORTED);
    expect_request(fd, CHUNKED);
    expect_text(fd, "3\r\nask\r\n");
    expect_reset(fd);
    close(fd);
}

static void client__aborts_while_it_sends(void **state)
{
    int fd, count;

    (void) state;
    fd = converse();
    count = send_until_full(&it->client);

    it->client.session->calls->abort(it->client.session);

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(it->client.done, count);
    assert_int_equal(it->client.sent.status, WWS_E_OPERATION_ABORTED);
    close(fd);
}

static void client__aborts_before_it_is_open(void **state)
{
    (void) state;
    create_client("http://127.0.0.1:1/");

    it->client.session->calls->abort(it->client.session);
    open_client();

    wait_for(&it->client.failed, 1);
    assert_int_equal(it->client.outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(it->client.opened, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(client__stops_sending_when_the_reply_comes_early),
        TEST(client__delivers_all_of_a_reply_before_a_reset),
        TEST(client__delivers_an_early_reply_of_a_peer_that_resets),
        TEST(client__fails_early_when_it_is_refused),
        TEST(client__takes_back_what_has_not_begun),
        TEST(client__fails_when_a_message_has_lost_a_piece),
        TEST(client__forgets_a_request_refused_at_its_beginning),
        TEST(client__may_ask_again_when_it_was_refused),
        TEST(client__fails_when_a_piece_is_refused_amid_a_message),
        TEST(client__ends_when_it_is_shut_down_unasked),
        TEST(session__fails_when_it_is_shut_down_in_a_message),
        TEST(client__aborts_while_it_sends),
        TEST(client__aborts_before_it_is_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
