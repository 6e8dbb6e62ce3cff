/* Services over sessions: how a session ends decides what becomes of the
 * operations that it carries.  The clients are bare sockets, which speak the
 * .NET framing by hand. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/public/peer.h"
#include "tests/support/public/world.h"

enum {
    END = 0x07,
    PREAMBLE_ACK = 0x0b,
    SIZED_ENVELOPE = 0x06,
};

/* A world without a proxy, whose host has an endpoint of sessions. */

static int set_up_for(void **state, uint32_t max_concurrency)
{
    wws_endpoint_options endpoint = WWS_ENDPOINT_OPTIONS_INIT;
    struct world *world = calloc(1, sizeof *world);

    must(world != NULL);
    world_begin(world, NULL);
    endpoint.transport = WWS_TRANSPORT_TCP;
    endpoint.encoding = WWS_ENCODING_UTF8;
    endpoint.address = WWS_STR("net.tcp://127.0.0.1:0/test");
    endpoint.max_concurrency = max_concurrency;
    world_add_host(world, NULL, &endpoint);
    world->gate.registers = true;
    *state = world;
    return 0;
}

static int set_up(void **state)
{
    return set_up_for(state, 1);
}

static int set_up_for_two(void **state)
{
    return set_up_for(state, 2);
}

/* The client's octets */

static void put(int fd, const void *octets, size_t size)
{
    must(send(fd, octets, size, MSG_NOSIGNAL) == (ssize_t) size);
}

static void put_octet(int fd, uint8_t octet)
{
    put(fd, &octet, 1);
}

/* False when the other side has ended the connection. */
static bool get(int fd, void *octets, size_t size)
{
    struct pollfd polled = { .fd = fd, .events = POLLIN };
    uint8_t *to = octets;
    ssize_t got;

    for (; size != 0; to += got, size -= (size_t) got) {
        must(poll(&polled, 1, HANG_MS) == 1);
        got = recv(fd, to, size, 0);
        if (got <= 0)
            return false;
    }
    return true;
}

static uint8_t get_octet(int fd)
{
    uint8_t octet;

    must(get(fd, &octet, 1));
    return octet;
}

static int connect_to(const struct world *world)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    unsigned port;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0);
    must(sscanf(world->url, "net.tcp://127.0.0.1:%u/", &port) == 1);
    address.sin_port = htons((uint16_t) port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(connect(fd, (struct sockaddr *) &address, sizeof address) == 0);
    return fd;
}

/* Version 1.0, duplex, the via, SOAP 1.2 in UTF-8. */
static int open_session(const struct world *world)
{
    static const uint8_t first[] = { 0x00, 1, 0, 0x01, 2, 0x02 };
    static const uint8_t last[] = { 0x03, 3, 0x0c };
    int fd = connect_to(world);
    size_t size = strlen(world->url);

    must(size < 0x80);
    put(fd, first, sizeof first);
    put_octet(fd, (uint8_t) size);
    put(fd, world->url, size);
    put(fd, last, sizeof last);
    must(get_octet(fd) == PREAMBLE_ACK);
    return fd;
}

static void put_size(int fd, size_t size)
{
    for (; size >= 0x80; size >>= 7)
        put_octet(fd, (uint8_t) (size | 0x80));
    put_octet(fd, (uint8_t) size);
}

static void say(int fd, const char *action, int id)
{
    char text[1024];
    int size = snprintf(text, sizeof text,
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
        " xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>"
        "<a:Action>%s</a:Action><a:MessageID>urn:%d</a:MessageID>"
        "</s:Header><s:Body/></s:Envelope>", action, id);

    put_octet(fd, SIZED_ENVELOPE);
    put_size(fd, (size_t) size);
    put(fd, text, (size_t) size);
}

static size_t get_size(int fd)
{
    size_t size = 0;
    unsigned shift = 0;
    uint8_t octet;

    do {
        octet = get_octet(fd);
        size |= (size_t) (octet & 0x7f) << shift;
        shift += 7;
    } while (octet >= 0x80);
    return size;
}

/* Whether the next answer is to that message. */
static bool hears(int fd, int id)
{
    char text[4096] = "", wanted[32];
    size_t size;

    must(get_octet(fd) == SIZED_ENVELOPE);
    size = get_size(fd);
    must(size < sizeof text);
    must(get(fd, text, size));
    snprintf(wanted, sizeof wanted, ">urn:%d<", id);
    return strstr(text, wanted) != NULL;
}

/* Ends the session in order: the host does the same. */
static void end_session(int fd)
{
    put_octet(fd, END);
    must(shutdown(fd, SHUT_WR) == 0);
    assert_int_equal(get_octet(fd), END);
    assert_true(peer_ended(fd));
    close(fd);
}

static wws_status start_close_host(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    const wws_service_host *host = state;

    return wws_service_host_close(*host, completion, error);
}

/* Tests */

/* H7: one after the other, although all are there. */
static void session__is_answered_in_order(void **state)
{
    struct world *world = *state;
    int fd = open_session(world);

    say(fd, ACTION_LATER, 1);
    say(fd, ACTION_ECHO, 2);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));
    assert_int_equal(gate_read(&world->gate, &world->gate.inside), 1);
    gate_release(&world->gate, 1);

    assert_true(hears(fd, 1));
    assert_true(hears(fd, 2));
    end_session(fd);
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 0);
}

/* H7 */
static void session__of_two_is_answered_when_either_is_done(void **state)
{
    struct world *world = *state;
    int fd = open_session(world);

    say(fd, ACTION_LATER, 1);
    say(fd, ACTION_ECHO, 2);

    assert_true(hears(fd, 2));
    gate_release(&world->gate, 1);
    assert_true(hears(fd, 1));
    end_session(fd);
}

/* D28: the answer can still be sent, and the host ends the session after it. */
static void session__that_ends_in_order_still_hears_the_answer(void **state)
{
    struct world *world = *state;
    int fd = open_session(world);

    say(fd, ACTION_LATER, 1);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));
    put_octet(fd, END);
    gate_release(&world->gate, 1);

    assert_true(hears(fd, 1));
    assert_int_equal(get_octet(fd), END);
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 0);
    close(fd);
}

/* G118, D29: a reset, a close without an end, and what is no record; nobody
 * reads on. */
static void session__that_fails_cancels_its_operation(void **state)
{
    struct world *world = *state;

    for (unsigned i = 1; i <= 3; i++) {
        int fd = open_session(world);

        say(fd, ACTION_LATER, 1);
        assert_true(gate_reaches(&world->gate, &world->gate.entered, i));
        if (i == 1)
            peer_reset(fd);
        else if (i == 2)
            close(fd);
        else
            put_octet(fd, 0xff);

        assert_true(gate_reaches(&world->gate,
            &world->gate.told_by[WWS_CANCEL_REASON_CHANNEL_FAULTED], i));
        gate_release(&world->gate, 1);
        assert_true(gate_reaches(&world->gate, &world->gate.freed, i));
        if (i == 3)
            peer_reset(fd);
    }
    assert_int_equal(gate_read(&world->gate, &world->gate.entered), 3);
}

/* G145 */
static void session__that_fails_leaves_others_alone(void **state)
{
    struct world *world = *state;
    int broken = open_session(world), fd = open_session(world);

    say(broken, ACTION_WAIT, 1);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));
    say(fd, ACTION_LATER, 2);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 2));

    peer_reset(broken);

    assert_true(gate_reaches(&world->gate,
        &world->gate.told_by[WWS_CANCEL_REASON_CHANNEL_FAULTED], 1));
    gate_release(&world->gate, 2);
    assert_true(hears(fd, 2));
    end_session(fd);
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 1);
}

/* D27, G107, G122 to G125, G127 */
static void host__aborted_resets_its_sessions(void **state)
{
    struct world *world = *state;
    int fd = open_session(world), idle = open_session(world);
    struct heard closed;

    say(fd, ACTION_LATER, 1);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));

    assert_status(wws_service_host_abort(world->host), WWS_S_OK);

    assert_true(gate_reaches(&world->gate,
        &world->gate.told_by[WWS_CANCEL_REASON_HOST_ABORTED], 1));
    assert_true(peer_ended(fd));
    assert_true(peer_ended(idle));
    hear(&closed, CALLBACK, start_close_host, &world->host);
    assert_false(heard_yet(&closed));
    gate_open(&world->gate);
    assert_status(heard_end(&closed), WWS_S_OK);
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 1);
    close(fd);
    close(idle);
}

/* G131, G132, H3: the answer is sent, and the client ends the session. */
static void host__closes_when_its_clients_have_ended(void **state)
{
    struct world *world = *state;
    int fd = open_session(world);
    struct heard closed;

    say(fd, ACTION_LATER, 1);
    assert_true(gate_reaches(&world->gate, &world->gate.entered, 1));
    hear(&closed, CALLBACK, start_close_host, &world->host);
    gate_release(&world->gate, 1);
    assert_true(hears(fd, 1));
    assert_false(heard_yet(&closed));

    end_session(fd);

    assert_status(heard_end(&closed), WWS_S_OK);
    assert_int_equal(gate_read(&world->gate, &world->gate.told), 0);
}

/* G106, G112, G114: whatever the answers are just doing. */
static void session__may_break_at_any_time(void **state)
{
    struct world *world = *state;

    gate_open(&world->gate);
    for (int i = 0; i < 200; i++) {
        int fd = open_session(world);

        for (int id = 0; id <= i % 4; id++)
            say(fd, i % 2 == 0 ? ACTION_ECHO : ACTION_LATER, id);
        if (i % 3 != 0)
            (void) get_octet(fd);
        if (i % 5 == 0)
            put_octet(fd, END);
        if (i % 7 == 0)
            close(fd);
        else
            peer_reset(fd);
    }

    assert_true(gate_empties(&world->gate));
    assert_status(wws_service_host_close(world->host, NULL,
        (wws_error) { 0 }), WWS_S_OK);
    assert_int_equal(gate_read(&world->gate, &world->gate.mistakes), 0);
    assert_int_equal(gate_read(&world->gate, &world->gate.freed),
        gate_read(&world->gate, &world->gate.registered));
}

#define in_world(test, set_up) \
    cmocka_unit_test_setup_teardown(test, set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(session__is_answered_in_order, set_up),
        in_world(session__of_two_is_answered_when_either_is_done,
            set_up_for_two),
        in_world(session__that_ends_in_order_still_hears_the_answer, set_up),
        in_world(session__that_fails_cancels_its_operation, set_up),
        in_world(session__that_fails_leaves_others_alone, set_up),
        in_world(session__may_break_at_any_time, set_up_for_two),
        in_world(host__aborted_resets_its_sessions, set_up),
        in_world(host__closes_when_its_clients_have_ended, set_up),
    };

    must(setenv("WWS_TRANSPORT", "tcp", 1) == 0);
    return run_promises(tests, world_warm_up, world_cool_down);
}
