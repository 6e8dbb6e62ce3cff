/* A server over TCP: how it opens sessions, and how it stops. */
#include "tests/support/tcp_fixture.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/support/counters.h"

/* Opening, as a server. */

static void server__acknowledges_a_preamble(void **state)
{
    struct holder *holder;
    char remote[64];
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    int fd;

    (void) state;
    start_tcp();
    fd = dial();

    holder = shake(fd, 0);

    getsockname(fd, (struct sockaddr *) &own, &size);
    snprintf(remote, sizeof remote, "127.0.0.1:%u",
        (unsigned) ntohs(own.sin_port));
    assert_int_equal(holder->session->via.size, strlen(VIA));
    assert_memory_equal(holder->session->via.data, VIA, strlen(VIA));
    assert_int_equal(holder->session->remote.size, strlen(remote));
    assert_memory_equal(holder->session->remote.data, remote, strlen(remote));
    assert_int_equal(it->runtime->counters[WWS_COUNTER_CONNECTIONS_ACCEPTED],
        1);
    close(fd);
}

static void server__takes_octets_one_by_one(void **state)
{
    static const char all[] = PREAMBLE HELLO HELLO END;
    int fd;

    (void) state;
    it->manner = READ;
    start_tcp();
    fd = dial();

    for (size_t i = 0; i < sizeof all - 1; i++) {
        put(fd, all + i, 1);
        let_everything_run();
    }

    EXPECT(fd, ACK);
    wait_for(&it->servers[0].ended, 1);
    assert_int_equal(it->servers[0].arrived, 2);
    expect_got(&it->servers[0], "hellohello");
    close(fd);
}

static void server__takes_everything_in_one_segment(void **state)
{
    int fd;

    (void) state;
    it->manner = READ;
    start_tcp();
    fd = dial();

    PUT(fd, PREAMBLE HELLO HELLO HELLO END);

    EXPECT(fd, ACK);
    wait_for(&it->servers[0].ended, 1);
    expect_got(&it->servers[0], "hellohellohello");
    close(fd);
}

static void server__acknowledges_before_it_sends(void **state)
{
    int fd;

    (void) state;
    it->manner = TALK;
    start_tcp();
    fd = dial();

    PUT(fd, PREAMBLE);

    EXPECT(fd, ACK "\x06\x05" "first");
    wait_for(&it->greeting.done, 1);
    assert_int_equal(it->greeting.outcome.status, WWS_S_OK);
    close(fd);
}

static void server__resets_a_session_that_nobody_takes(void **state)
{
    int fd;

    (void) state;
    it->manner = REFUSE;
    start_tcp();
    fd = dial();

    PUT(fd, PREAMBLE);

    expect_reset(fd);
    close(fd);
}

static const struct refusal refusals[] = {
    ROW("G", NULL),
    ROW("\x00\x02", "UnsupportedVersion"),
    ROW("\x00\x01\x00\x01\x05", "UnsupportedMode"),
    ROW("\x00\x01\x00\x01\x03", "UnsupportedMode"),
    ROW("\x00\x01\x00\x01\x04", "UnsupportedMode"),
    ROW(STREAMED, "UnsupportedMode"),
    ROW("\x00\x01\x00\x01\x02\x02\x81\x10", "ViaTooLong"),
    ROW("\x00\x01\x00\x01\x02\x02\x05" "/calc", NULL),
    ROW(BEFORE "\x03\x09", "ContentTypeInvalid"),
    ROW(BEFORE "\x03\x00\x0C", "ContentTypeInvalid"),
    ROW(BEFORE "\x03\x08\x0C", "ContentTypeInvalid"),
    ROW(BEFORE "\x04\x08" "text/xml" "\x0C", "ContentTypeInvalid"),
    ROW(BEFORE "\x04\x24" "application/soap+xml; charset=utf-16" "\x0C",
        "ContentTypeInvalid"),
    ROW(BEFORE "\x03\x03\x09\x13" "application/ssl-tls", "UpgradeInvalid"),
    ROW("\x00\x01\x00\x01\x02\x02\x18" "net.tcp://127.0.0.1/cald"
        "\x03\x03\x0C", "EndpointNotFound"),
    ROW("\x00\x01\x00\x01\x02\x02\x19" "net.tcp://127.0.0.1/calcs"
        "\x03\x03\x0C", "EndpointNotFound"),
    ROW("\x00\x01\x00\x01\x02\x02\x18" "net.tcp://127.0.0.2/calc"
        "\x03\x03\x0C", "EndpointNotFound"),
    ROW("\x00\x01\x00\x01\x02\x02\x15" "http://127.0.0.1/calc"
        "\x03\x03\x0C", "EndpointNotFound"),
    ROW("\x00\x01\x00\x01\x02\x02\x1A" "net.tcp://127.0.0.1/calc?q"
        "\x03\x03\x0C", "EndpointNotFound"),
};

static void server__refuses_preambles_as_it_should(void **state)
{
    (void) state;
    start_tcp();

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        int fd = dial();

        put(fd, refusals[i].octets, refusals[i].size);
        expect_refusal(fd, refusals[i].fault);
        close(fd);
    }

    let_everything_run();
    assert_int_equal(value_of(&it->connected), 0);
}

static void server__lets_a_client_read_the_fault(void **state)
{
    char more[4096] = { 0 };
    int fd;

    (void) state;
    start_tcp();
    fd = dial();

    PUT(fd, "\x00\x02\x00");
    let_everything_run();
    put(fd, more, sizeof more);
    let_everything_run();

    expect_refusal(fd, "UnsupportedVersion");
    close(fd);
}

static void server__does_not_drain_without_end(void **state)
{
    char more[4096] = { 0 };
    int fd;
    ssize_t sent;

    (void) state;
    start_tcp();
    fd = dial();
    PUT(fd, "\x00\x02\x00");

    do
        sent = send(fd, more, sizeof more, MSG_NOSIGNAL);
    while (sent > 0);

    assert_int_equal(sent, -1);
    assert_true(errno == ECONNRESET || errno == EPIPE);
    close(fd);
}

static void server__does_not_drain_for_ever(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    start_tcp();
    fd = dial();
    PUT(fd, "\x00\x02\x00");
    expect_refusal(fd, "UnsupportedVersion");
    let_everything_run();

    wwi_clock_move(2000);
    let_everything_run();

    assert_true(it->runtime->counters[WWS_COUNTER_SOCKETS] == 1);
    close(fd);
}

static void server__takes_vias_that_lead_to_it(void **state)
{
    static const char *const vias[] = {
        "net.tcp://anybody/calc",
        "net.tcp://anybody:808/calc",
        "NET.TCP://127.0.0.1/calc/",
        "net.tcp://[::1]:4711/calc/add",
        "net.tcp://anybody/x/../%63alc",
    };

    (void) state;
    start_at("net.tcp://+:0/calc");

    for (size_t i = 0; i < sizeof vias / sizeof *vias; i++) {
        uint8_t before[7] = { 0, 1, 0, 1, 2, 2, (uint8_t) strlen(vias[i]) };
        int fd = dial();

        put(fd, before, sizeof before);
        put(fd, vias[i], strlen(vias[i]));
        PUT(fd, "\x03\x03\x0C");
        EXPECT(fd, ACK);
        close(fd);
    }
}

static void server__at_the_root_takes_every_path(void **state)
{
    int fd;

    (void) state;
    start_at("net.tcp://+:0/");
    fd = dial();

    shake(fd, 0);

    close(fd);
}

static void server__takes_the_name_of_its_encoding(void **state)
{
    int fd;

    (void) state;
    start_tcp();
    fd = dial();
    PUT(fd, BEFORE "\x04\x23" "application/soap+xml; charset=utf-8" "\x0C");
    EXPECT(fd, ACK);
    close(fd);

    fd = dial();
    PUT(fd, BEFORE "\x04\x25" "Application/Soap+XML; charset=\"UTF-8\"" "\x0C");
    EXPECT(fd, ACK);
    close(fd);
}

static void server__takes_what_fits_its_version(void **state)
{
    int fd;

    (void) state;
    it->server_options.version = WWS_ENVELOPE_VERSION_SOAP_1_1;
    start_tcp();
    fd = dial();
    PUT(fd, BEFORE "\x03\x00\x0C");
    EXPECT(fd, ACK);
    close(fd);

    fd = dial();
    PUT(fd, BEFORE "\x04\x08" "text/xml" "\x0C");
    EXPECT(fd, ACK);
    close(fd);

    fd = dial();
    PUT(fd, PREAMBLE);
    expect_refusal(fd, "ContentTypeInvalid");
    close(fd);
}

static void server__resets_a_preamble_that_does_not_end(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    start_tcp();
    fd = dial();
    PUT(fd, "\x00\x01\x00\x01");
    let_everything_run();

    wwi_clock_move(14999);
    expect_silence(fd);
    wwi_clock_move(1);

    expect_reset(fd);
    close(fd);
}

static void server__resets_a_client_that_says_nothing(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    start_tcp();
    fd = dial();
    let_everything_run();

    wwi_clock_move(15000);

    expect_reset(fd);
    close(fd);
}

static void server__forgets_a_client_that_leaves_at_once(void **state)
{
    static const char all[] = PREAMBLE;

    (void) state;
    start_tcp();

    for (size_t cut = 0; cut < sizeof all - 1; cut++) {
        int fd = dial();

        put(fd, all, cut);
        if (cut % 2 == 0)
            shutdown(fd, SHUT_WR);
        else
            reset(fd);
        if (cut % 2 == 0) {
            expect_end(fd);
            close(fd);
        }
    }

    assert_int_equal(value_of(&it->connected), 0);
}

static void server__takes_no_more_connections_than_allowed(void **state)
{
    int first, second;

    (void) state;
    it->server_options.max_connections = 1;
    start_tcp();
    first = dial();
    shake(first, 0);
    second = dial();
    PUT(second, PREAMBLE);
    expect_silence(second);

    reset(first);
    wait_for(&it->servers[0].failed, 1);

    EXPECT(second, ACK);
    close(second);
}

/* Stopping. */

static void server__stops_and_lets_sessions_go_on(void **state)
{
    struct holder *holder = &it->servers[0];
    int fd, idle;

    (void) state;
    it->manner = READ;
    fd = serve_bare();
    idle = dial();
    let_everything_run();

    wwi_tcp.server_stop(it->server, false, tcp_stopped);

    expect_end(idle);
    PUT(fd, HELLO END);
    wait_for(&holder->ended, 1);
    expect_got(holder, "hello");
    assert_int_equal(value_of(&it->stopped), 0);
    shut(holder);
    EXPECT(fd, END);
    give_back(holder);
    expect_end(fd);
    wait_for(&it->stopped, 1);
    close(fd);
    close(idle);
}

static void server__stops_and_aborts_sessions(void **state)
{
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();
    wwi_tcp.server_stop(it->server, false, tcp_stopped);
    expect_silence(fd);

    wwi_tcp.server_stop(it->server, true, tcp_stopped);

    expect_reset(fd);
    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_OPERATION_ABORTED);
    wait_for(&it->stopped, 1);
    close(fd);
}

static void server__refuses_what_it_cannot_listen_at(void **state)
{
    struct wwi_server *server;

    (void) state;
    start_tcp();

    assert_int_equal(wwi_tcp.server_open(it->runtime,
        WWS_STR("http://127.0.0.1:0/"), &it->server_options, &tcp_callbacks,
        &server, NULL), WWS_E_INVALID_ENDPOINT_URL);
    assert_int_equal(wwi_tcp.server_open(it->runtime,
        WWS_STR("net.tcp://127.0.0.1:0/?q"), &it->server_options,
        &tcp_callbacks, &server, NULL), WWS_E_INVALID_ENDPOINT_URL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server__acknowledges_a_preamble),
        TEST(server__takes_octets_one_by_one),
        TEST(server__takes_everything_in_one_segment),
        TEST(server__acknowledges_before_it_sends),
        TEST(server__resets_a_session_that_nobody_takes),
        TEST(server__refuses_preambles_as_it_should),
        TEST(server__lets_a_client_read_the_fault),
        TEST(server__does_not_drain_without_end),
        TEST(server__does_not_drain_for_ever),
        TEST(server__takes_vias_that_lead_to_it),
        TEST(server__at_the_root_takes_every_path),
        TEST(server__takes_the_name_of_its_encoding),
        TEST(server__takes_what_fits_its_version),
        TEST(server__resets_a_preamble_that_does_not_end),
        TEST(server__resets_a_client_that_says_nothing),
        TEST(server__forgets_a_client_that_leaves_at_once),
        TEST(server__takes_no_more_connections_than_allowed),
        TEST(server__stops_and_lets_sessions_go_on),
        TEST(server__stops_and_aborts_sessions),
        TEST(server__refuses_what_it_cannot_listen_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
