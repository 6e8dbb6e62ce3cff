/* Large requests of the client, which ask first, and answers that do not wait
 * for the request. */
#include "tests/support/http_client_calls.h"
#include "tests/support/http_client_fixture.h"

#include <string.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "core/base/clock.h"

/* Large requests, which ask first. */

static void ask_first(void)
{
    assert_int_equal(begin_size(LARGE, true), WWS_S_OK);
    go_to(WWS_PHASE_SEND);
    take_connection();
    assert_non_null(strstr(received_head(), "\r\nExpect: 100-continue\r\n"));
    assert_int_equal(it->want.events, POLLIN);
    assert_int_equal(progress(), WWS_PROGRESS_PARTLY_SENT);
    assert_false(can(it->peer, POLLIN, 0));
}

/* Moves both until the body has been read; it is all that is read. */
static void take_body(size_t size)
{
    static char data[65536];
    size_t got = 0;

    while (got < size) {
        ssize_t count;

        assert_int_equal(step_client(), WWS_S_ASYNC);
        count = recv(it->peer, data, sizeof data, MSG_DONTWAIT);
        if (count < 0) {
            assert_true(can(it->peer, POLLIN, PATIENCE_MS));
            continue;
        }
        assert_int_not_equal(count, 0);
        got += (size_t) count;
    }
    assert_int_equal(got, size);
}

static void continue__a_body_of_a_mebibyte_is_sent_at_once(void **state)
{
    (void) state;
    connect_to_peer();
    assert_int_equal(begin_size(MIB, true), WWS_S_OK);
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    take_connection();
    may_send = ALL;
    assert_int_equal(step_client(), WWS_S_ASYNC);

    assert_null(strstr(received_head(), "Expect"));
    take_body(MIB);

    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
}

static void continue__lets_the_body_go(void **state)
{
    (void) state;
    connect_to_peer();
    ask_first();

    say("HTTP/1.1 100 Continue\r\n\r\n");
    wait_for_want();
    take_body(LARGE);

    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_int_equal(phase(), WWS_PHASE_WAIT);
    assert_int_equal(progress(), WWS_PROGRESS_SENT);
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    assert_envelope("<e/>");
    end_exchange();
    assert_true(is_kept());
}

static void continue__comes_by_itself_after_a_second(void **state)
{
    (void) state;
    wwi_clock_hold();
    connect_to_peer();
    ask_first();
    assert_int_equal(it->want.deadline, wwi_clock_now() + 1000);

    wwi_clock_move(999);
    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_false(can(it->peer, POLLIN, 0));
    wwi_clock_move(1);
    take_body(LARGE);

    say("HTTP/1.1 100 Continue\r\n\r\n" REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    assert_envelope("<e/>");
    end_exchange();
    assert_true(is_kept());
}

static void continue__refusal_keeps_the_body_back(void **state)
{
    static const struct response refusals[] = {
        { "HTTP/1.1 413 Too Large\r\nConnection: close\r\n" LENGTH(0) "\r\n",
            WWS_E_ENDPOINT_FAILURE, "the server answered 413 Too Large",
            false, false },
        { "HTTP/1.1 417 No\r\n" LENGTH(0) "\r\n", WWS_E_ENDPOINT_FAILURE,
            "the server answered 417 No", false, false },
        { "HTTP/1.1 500 Oh\r\n" XML LENGTH(4) "\r\n<f/>", WWS_S_OK, "<f/>",
            false, false },
    };

    (void) state;
    connect_to_peer();

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        ask_first();
        say(refusals[i].text);
        assert_response(&refusals[i]);
        end_exchange();
        assert_false(is_kept());
        assert_false(read(it->peer, it->request, 1) > 0);
    }
}

static void continue__end_of_the_connection_ends_the_wait(void **state)
{
    (void) state;
    connect_to_peer();
    ask_first();

    hang_up();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_trouble(WWS_E_ENDPOINT_DISCONNECTED, WWS_PHASE_SEND,
        WWS_PROGRESS_PARTLY_SENT,
        "the server closed the connection without an answer");
}

/* Answers that do not wait for the request. */

static void early_answer__ends_the_sending(void **state)
{
    (void) state;
    connect_to_peer();
    begin_exchange();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    take_connection();
    assert_int_equal(it->want.events, POLLIN | POLLOUT);

    say("HTTP/1.1 413 Too Large\r\n");
    assert_true(can(it->client->source.fd, POLLIN, PATIENCE_MS));
    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_int_equal(progress(), WWS_PROGRESS_REPLYING);
    say(LENGTH(0) "\r\n");
    /* What comes after the head is waited for, not room to send. */
    assert_true(can(it->client->source.fd, POLLIN, PATIENCE_MS));

    assert_int_equal(finish(), WWS_E_ENDPOINT_FAILURE);
    assert_string_equal(it->client->text, "the server answered 413 Too Large");
    assert_string_equal(received(20), "POST /service HTTP/1");
    end_exchange();
    assert_false(is_kept());
    assert_false(read(it->peer, it->request, 1) > 0);
}

static void early_answer__is_found_behind_a_body_that_nobody_reads(
    void **state)
{
    (void) state;
    connect_to_peer();
    assert_int_equal(begin_size(64 * MIB, true), WWS_S_OK);
    go_to(WWS_PHASE_SEND);
    take_connection();
    say("HTTP/1.1 100 Continue\r\n\r\n");
    wait_for_want();
    while (step_client() == WWS_S_ASYNC
        && can(it->client->source.fd, POLLOUT, 0))
        ;
    assert_int_equal(phase(), WWS_PHASE_SEND);

    say("HTTP/1.1 500 Oh\r\n" XML LENGTH(4) "\r\n<f/>");

    assert_int_equal(finish(), WWS_S_OK);
    assert_envelope("<f/>");
    end_exchange();
    assert_false(is_kept());
}

static void early_answer__is_read_when_writing_fails(void **state)
{
    (void) state;
    connect_to_peer();
    begin_exchange();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    take_connection();
    assert_string_equal(received(20), "POST /service HTTP/1");
    fail_sending(EPIPE, 1);

    say("HTTP/1.1 503 Busy\r\nConnection: close\r\n" LENGTH(0) "\r\n");
    hang_up();

    assert_int_equal(finish(), WWS_E_ENDPOINT_TOO_BUSY);
    assert_string_equal(it->client->text, "the server answered 503 Busy");
}

static void early_answer__interim_ones_do_not_end_the_sending(void **state)
{
    (void) state;
    connect_to_peer();
    begin_exchange();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    take_connection();

    say(INTERIM);
    assert_true(can(it->client->source.fd, POLLIN, PATIENCE_MS));
    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_int_equal(phase(), WWS_PHASE_SEND);
    assert_int_equal(progress(), WWS_PROGRESS_PARTLY_SENT);

    may_send = ALL;
    go_to(WWS_PHASE_WAIT);
    assert_request();
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    end_exchange();
    assert_true(is_kept());
}

static void sending__fails_without_a_signal(void **state)
{
    (void) state;
    connect_to_peer();
    begin_exchange();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    take_connection();

    /* From now on writing would raise SIGPIPE, which would end the process. */
    assert_int_equal(shutdown(it->client->source.fd, SHUT_WR), 0);
    assert_ptr_equal(signal(SIGPIPE, SIG_DFL), SIG_DFL);
    may_send = ALL;
    go_to(WWS_PHASE_WAIT);
    reset_peer();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it->client->trouble.progress, WWS_PROGRESS_PARTLY_SENT);
}

static void sending__fails_at_once_without_memory(void **state)
{
    (void) state;
    connect_to_peer();
    begin_exchange();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    take_connection();
    assert_string_equal(received(20), "POST /service HTTP/1");

    fail_sending(ENOBUFS, 1);

    assert_int_equal(finish(), WWS_E_OUTOFMEMORY);
    assert_trouble(WWS_E_OUTOFMEMORY, WWS_PHASE_SEND,
        WWS_PROGRESS_PARTLY_SENT, "the system has no memory to send with");
    assert_int_equal(it->client->trouble.original_code, ENOBUFS);
}

static void sending__ends_with_the_connection(void **state)
{
    (void) state;
    connect_to_peer();
    assert_int_equal(begin_size(64 * MIB, true), WWS_S_OK);
    go_to(WWS_PHASE_SEND);
    take_connection();
    received_head();
    say("HTTP/1.1 100 Continue\r\n\r\n");
    wait_for_want();
    assert_int_equal(step_client(), WWS_S_ASYNC);

    reset_peer();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it->client->trouble.progress, WWS_PROGRESS_PARTLY_SENT);
    assert_int_not_equal(it->client->trouble.original_code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(continue__a_body_of_a_mebibyte_is_sent_at_once),
        TEST(continue__lets_the_body_go),
        TEST(continue__comes_by_itself_after_a_second),
        TEST(continue__refusal_keeps_the_body_back),
        TEST(continue__end_of_the_connection_ends_the_wait),
        TEST(early_answer__ends_the_sending),
        TEST(early_answer__is_found_behind_a_body_that_nobody_reads),
        TEST(early_answer__is_read_when_writing_fails),
        TEST(early_answer__interim_ones_do_not_end_the_sending),
        TEST(sending__fails_without_a_signal),
        TEST(sending__fails_at_once_without_memory),
        TEST(sending__ends_with_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
