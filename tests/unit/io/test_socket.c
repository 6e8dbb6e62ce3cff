/* Connecting without waiting, with a system that is interrupted or fails. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/io/socket.h"
#include "tests/support/wrapped.h"

enum { PATIENCE_MS = 20000 };

/* What the system's functions are to fail with; 0: they do not. */
static struct {
    int connect;
    int poll;
    int getsockopt;
} fails;

static int failed(int code)
{
    errno = code;
    return -1;
}

/* Under the name of the system's, whose types cannot be written in C11.  What
 * is interrupted has begun. */
int any_connect(int fd, const struct sockaddr *address, socklen_t size)
    __asm__("connect");
int any_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    int (*wrapped)(int, const struct sockaddr *, socklen_t);
    int result;

    find_wrapped(&wrapped, "connect");
    result = wrapped(fd, address, size);
    return fails.connect != 0 ? failed(fails.connect) : result;
}

int poll(struct pollfd *polled, nfds_t count, int timeout)
{
    int (*wrapped)(struct pollfd *, nfds_t, int);

    find_wrapped(&wrapped, "poll");
    return fails.poll != 0 ? failed(fails.poll)
        : wrapped(polled, count, timeout);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    int (*wrapped)(int, int, int, void *, socklen_t *);

    find_wrapped(&wrapped, "getsockopt");
    return fails.getsockopt != 0 ? failed(fails.getsockopt)
        : wrapped(fd, level, name, value, size);
}

struct pair {
    int listener;
    int client;
    struct wwi_address address;
};

/* Of which nobody listens yet. */
static int set_up(void **state)
{
    static struct pair pair;
    struct sockaddr_in *address = (void *) &pair.address.storage;

    memset(&fails, 0, sizeof fails);
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    pair.address.size = sizeof *address;
    pair.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair.client = socket(AF_INET,
        SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (pair.listener < 0 || pair.client < 0
        || bind(pair.listener, (struct sockaddr *) address,
            sizeof *address) != 0
        || getsockname(pair.listener, (struct sockaddr *) address,
            &pair.address.size) != 0)
        return -1;
    *state = &pair;
    return 0;
}

static int tear_down(void **state)
{
    struct pair *pair = *state;

    close(pair->listener);
    close(pair->client);
    return 0;
}

static void begin(struct pair *pair)
{
    int result;

    assert_int_equal(listen(pair->listener, 1), 0);
    result = wwi_socket_connect(pair->client, &pair->address);
    assert_true(result == 0 || result == EINPROGRESS);
}

static void wait_until_writable(const struct pair *pair)
{
    struct pollfd polled = { .fd = pair->client, .events = POLLOUT };

    assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
}

static void connect__ends_with_a_connection(void **state)
{
    struct pair *pair = *state;

    begin(pair);
    wait_until_writable(pair);

    assert_int_equal(wwi_socket_connected(pair->client), 0);
    assert_int_equal(send(pair->client, "x", 1, MSG_NOSIGNAL), 1);
}

static void connect__says_why_there_is_none(void **state)
{
    struct pair *pair = *state;
    int result = wwi_socket_connect(pair->client, &pair->address);

    if (result == EINPROGRESS) {
        wait_until_writable(pair);
        result = wwi_socket_connected(pair->client);
    }

    assert_int_equal(result, ECONNREFUSED);
}

static void connect__goes_on_when_it_was_interrupted(void **state)
{
    struct pair *pair = *state;

    fails.connect = EINTR;
    assert_int_equal(listen(pair->listener, 1), 0);
    assert_int_equal(wwi_socket_connect(pair->client, &pair->address),
        EINPROGRESS);
    wait_until_writable(pair);

    assert_int_equal(wwi_socket_connected(pair->client), 0);
    assert_int_equal(send(pair->client, "x", 1, MSG_NOSIGNAL), 1);
}

static void connect__fails_as_the_system_does(void **state)
{
    struct pair *pair = *state;

    fails.connect = ENETUNREACH;

    assert_int_equal(wwi_socket_connect(pair->client, &pair->address),
        ENETUNREACH);
}

/* What cannot be looked at is not taken for a connection. */
static void connected__fails_as_the_system_does(void **state)
{
    struct pair *pair = *state;

    begin(pair);
    wait_until_writable(pair);

    fails.poll = ENOMEM;
    assert_int_equal(wwi_socket_connected(pair->client), ENOMEM);
    fails.poll = 0;
    fails.getsockopt = ENOBUFS;
    assert_int_equal(wwi_socket_connected(pair->client), ENOBUFS);
}

static void connected__is_asked_again_when_it_was_interrupted(void **state)
{
    struct pair *pair = *state;

    begin(pair);
    wait_until_writable(pair);

    fails.poll = EINTR;
    assert_int_equal(wwi_socket_connected(pair->client), EINPROGRESS);
    fails.poll = 0;
    assert_int_equal(wwi_socket_connected(pair->client), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* E4: one table for all who use sockets. */
static void socket__errors_mean_the_same_everywhere(void **state)
{
    static const struct {
        int code;
        wws_status connecting;
        wws_status listening;
    } rows[] = {
        { ECONNREFUSED, WWS_E_ENDPOINT_NOT_FOUND, WWS_E_OTHER },
        { EHOSTUNREACH, WWS_E_ENDPOINT_UNREACHABLE, WWS_E_OTHER },
        { EADDRNOTAVAIL, WWS_E_ENDPOINT_UNREACHABLE,
            WWS_E_ADDRESS_NOT_AVAILABLE },
        { EADDRINUSE, WWS_E_OTHER, WWS_E_ADDRESS_IN_USE },
        { ETIMEDOUT, WWS_E_OPERATION_TIMED_OUT, WWS_E_OTHER },
        { EMFILE, WWS_E_OUTOFMEMORY, WWS_E_OUTOFMEMORY },
        { ENOBUFS, WWS_E_OUTOFMEMORY, WWS_E_OUTOFMEMORY },
        { EDOM, WWS_E_OTHER, WWS_E_OTHER },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(wwi_socket_why_not_connected(rows[i].code),
            rows[i].connecting);
        assert_int_equal(wwi_socket_why_not_listening(rows[i].code),
            rows[i].listening);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connect__ends_with_a_connection),
        TEST(connect__says_why_there_is_none),
        TEST(connect__goes_on_when_it_was_interrupted),
        TEST(connect__fails_as_the_system_does),
        TEST(connected__fails_as_the_system_does),
        TEST(connected__is_asked_again_when_it_was_interrupted),
        cmocka_unit_test(socket__errors_mean_the_same_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
