/* Connections of the client that carry more than one exchange, and what time
 * does. */
#include "tests/support/http_client_calls.h"
#include "tests/support/http_client_fixture.h"

#include <string.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/support/sockets.h"

/* Connections that carry more than one exchange. */

/* Until the server has closed its end for all to see. */
static void wait_for_peer(void)
{
    assert_true(can(it->client->source.fd, POLLIN, PATIENCE_MS));
}

static void connection__is_used_again(void **state)
{
    (void) state;
    connect_to_peer();

    for (int i = 0; i < 5; i++)
        exchange_once();

    assert_int_equal(opened(), 1);
    assert_int_equal(it->runtime->counters[WWS_COUNTER_SOCKETS], 1);
}

static void connection__is_used_again_for_a_minute(void **state)
{
    (void) state;
    wwi_clock_hold();
    connect_to_peer();
    exchange_once();

    wwi_clock_move(59999);
    exchange_once();
    assert_int_equal(opened(), 1);

    wwi_clock_move(60000);
    begin_exchange();
    go_to(WWS_PHASE_WAIT);
    assert_int_equal(opened(), 2);
    assert_int_equal(read(it->peer, it->request, 1), 0);
    take_connection();
    assert_request();
}

/* An exchange whose kept connection turned out to be of no use. */
static void assert_new_connection(void)
{
    begin_exchange();
    go_to(WWS_PHASE_WAIT);
    assert_int_equal(opened(), 2);
    take_connection();
    assert_request();
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    end_exchange();
    assert_true(is_kept());
}

static void connection__closed_meanwhile_is_replaced(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();

    hang_up();
    wait_for_peer();

    assert_new_connection();
}

static void connection__that_spoke_unasked_is_replaced(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();

    say(REPLY);
    wait_for_peer();

    assert_new_connection();
}

static void connection__reset_meanwhile_is_replaced(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();

    reset_peer();
    wait_for_peer();

    assert_new_connection();
}

/* It still looked good, but nothing could be written any more. */
static void connection__that_fails_in_sending_is_replaced_once(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();
    begin_exchange();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    assert_string_equal(received(20), "POST /service HTTP/1");

    fail_sending(ECONNRESET, 1);
    may_send = ALL;
    go_to(WWS_PHASE_WAIT);
    assert_int_equal(opened(), 2);

    assert_false(read(it->peer, it->request, 1) > 0);
    take_connection();
    assert_request();
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
}

static void connection__new_one_is_not_replaced(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();
    begin_exchange();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    fail_sending(ECONNRESET, 2);

    go_to(WWS_PHASE_WAIT);
    take_connection();
    hang_up();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it->client->trouble.original_code, ECONNRESET);
    assert_int_equal(opened(), 2);
    assert_int_equal(it->client->trouble.progress, WWS_PROGRESS_NOT_SENT);
}

static void connection__that_has_the_whole_request_is_not_replaced(
    void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();
    ask_server();

    reset_peer();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it->client->trouble.progress, WWS_PROGRESS_SENT);
    assert_int_equal(opened(), 1);
}

static void connection__that_has_said_continue_is_not_replaced(void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();
    assert_int_equal(begin_size(LARGE, true), WWS_S_OK);
    go_to(WWS_PHASE_SEND);
    received_head();
    may_send = 10;
    say("HTTP/1.1 100 Continue\r\n\r\n");
    wait_for_want();
    assert_int_equal(step_client(), WWS_S_ASYNC);

    fail_sending(ECONNRESET, 1);
    reset_peer();

    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(opened(), 1);
}

static void connection__that_ends_instead_of_continuing_is_replaced(
    void **state)
{
    (void) state;
    connect_to_peer();
    exchange_once();
    assert_int_equal(begin_size(LARGE, true), WWS_S_OK);
    go_to(WWS_PHASE_SEND);
    received_head();

    hang_up();
    wait_for_peer();
    assert_int_equal(it->want.events, POLLIN);
    go_to(WWS_PHASE_SEND);
    assert_int_equal(opened(), 2);

    take_connection();
    assert_non_null(strstr(received_head(), "\r\nExpect: 100-continue\r\n"));
    hang_up();
    assert_int_equal(finish(), WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(opened(), 2);
}

static void end__resets_what_is_not_through(void **state)
{
    (void) state;
    connect_to_peer();
    ask_server();

    end_exchange();

    assert_false(is_kept());
    assert_int_equal(read(it->peer, it->request, 1), -1);
    assert_int_equal(errno, ECONNRESET);
    begin_exchange();
    go_to(WWS_PHASE_WAIT);
    take_connection();
    assert_request();
}

/* What time does. */

static void time__ends_sending(void **state)
{
    (void) state;
    wwi_clock_hold();
    connect_to_peer();
    begin_exchange();
    may_send = 20;
    go_to(WWS_PHASE_SEND);

    assert_expires(WWS_PHASE_SEND, WWS_PROGRESS_PARTLY_SENT, 3000);
}

static void time__ends_waiting_for_the_head(void **state)
{
    (void) state;
    wwi_clock_hold();
    connect_to_peer();

    ask_server();
    assert_expires(WWS_PHASE_WAIT, WWS_PROGRESS_SENT, 4000);

    /* What is not the head gives no more time. */
    ask_server();
    wwi_clock_move(1000);
    say(INTERIM "HTTP/1.1 200 OK\r\n");
    wait_for_want();
    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_expires(WWS_PHASE_HEADERS, WWS_PROGRESS_REPLYING, 3000);
}

static void time__ends_receiving(void **state)
{
    (void) state;
    wwi_clock_hold();
    connect_to_peer();
    ask_server();
    wwi_clock_move(1000);
    say("HTTP/1.1 200 OK\r\n" XML LENGTH(4) "\r\n<e");
    wait_for_want();

    assert_int_equal(step_client(), WWS_S_ASYNC);

    assert_expires(WWS_PHASE_BODY, WWS_PROGRESS_REPLYING, 4000);
}

static void time__for_receiving_bounds_the_head_too(void **state)
{
    (void) state;
    it->options.response_timeout_ms = WWS_INFINITE;
    wwi_clock_hold();
    connect_to_peer();
    ask_server();

    assert_expires(WWS_PHASE_WAIT, WWS_PROGRESS_SENT, 5000);
}

static void time__may_be_without_end(void **state)
{
    (void) state;
    it->options.response_timeout_ms = WWS_INFINITE;
    it->options.receive_timeout_ms = WWS_INFINITE;
    it->options.send_timeout_ms = WWS_INFINITE;
    wwi_clock_hold();
    connect_to_peer();
    begin_exchange();
    may_send = 20;
    go_to(WWS_PHASE_SEND);
    assert_int_equal(it->want.deadline, WWI_NEVER);
    may_send = ALL;
    go_to(WWS_PHASE_WAIT);
    assert_int_equal(it->want.deadline, WWI_NEVER);

    wwi_clock_move(1000000000);

    assert_int_equal(step_client(), WWS_S_ASYNC);
}

/* A listener that takes no more connections. */
static void time__ends_connecting(void **state)
{
    struct sockaddr_in address;
    int fillers[8];

    (void) state;
    wwi_clock_hold();
    listen_with(0);
    address = loopback(it->port);
    for (int i = 0; i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void) connect(fillers[i], (struct sockaddr *) &address,
            sizeof address);
    }
    make_client("http://127.0.0.1:%u/", it->port);
    begin_exchange();
    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_int_equal(it->want.events, POLLOUT);

    assert_expires(WWS_PHASE_CONNECT, WWS_PROGRESS_NOT_SENT, 2000);

    for (int i = 0; i < 8; i++)
        close(fillers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connection__is_used_again),
        TEST(connection__is_used_again_for_a_minute),
        TEST(connection__closed_meanwhile_is_replaced),
        TEST(connection__that_spoke_unasked_is_replaced),
        TEST(connection__reset_meanwhile_is_replaced),
        TEST(connection__that_fails_in_sending_is_replaced_once),
        TEST(connection__new_one_is_not_replaced),
        TEST(connection__that_has_the_whole_request_is_not_replaced),
        TEST(connection__that_has_said_continue_is_not_replaced),
        TEST(connection__that_ends_instead_of_continuing_is_replaced),
        TEST(end__resets_what_is_not_through),
        TEST(time__ends_sending),
        TEST(time__ends_waiting_for_the_head),
        TEST(time__ends_receiving),
        TEST(time__for_receiving_bounds_the_head_too),
        TEST(time__may_be_without_end),
        TEST(time__ends_connecting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
