/* Bare sockets.  They read by recvfrom and write by send, for some tests stand
 * before the calls that the library makes: recv and sendmsg. */
#include "tests/support/sockets.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/counters.h"

struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in) {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

void be_patient(int fd)
{
    struct timeval patience = { .tv_sec = PATIENCE_S };
    int one = 1;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

uint16_t bind_somewhere(int fd)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;

    assert_int_equal(bind(fd, (struct sockaddr *) &address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &size), 0);
    return ntohs(address.sin_port);
}

static int new_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    be_patient(fd);
    return fd;
}

int listen_somewhere(uint16_t *port)
{
    int fd = new_socket();

    *port = bind_somewhere(fd);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

int accept_from(int listening)
{
    int fd = accept(listening, NULL, NULL);

    assert_true(fd >= 0);
    be_patient(fd);
    return fd;
}

uint16_t port_of(
    const struct wwi_transport *transport,
    struct wwi_server *server)
{
    struct wwi_bytes address = { 0 };
    char text[128] = "";

    assert_int_equal(transport->server_address(server, &address), WWS_S_OK);
    assert_true(address.size < sizeof text);
    memcpy(text, address.data, address.size);
    wwi_bytes_fini(&address);
    assert_non_null(strrchr(text, ':'));
    return (uint16_t) strtoul(strrchr(text, ':') + 1, NULL, 10);
}

int try_dial(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = new_socket();

    if (connect(fd, (struct sockaddr *) &address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

int dial_to(uint16_t port)
{
    int fd = try_dial(port);

    assert_true(fd >= 0);
    return fd;
}

void reset(int fd)
{
    struct linger at_once = { .l_onoff = 1 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

void put(int fd, const void *data, size_t size)
{
    while (size != 0) {
        ssize_t count = send(fd, data, size, MSG_NOSIGNAL);

        assert_true(count > 0);
        data = (const char *) data + count;
        size -= (size_t) count;
    }
}

void put_text(int fd, const char *text)
{
    put(fd, text, strlen(text));
}

ssize_t get_some(int fd, void *data, size_t size)
{
    return recvfrom(fd, data, size, 0, NULL, NULL);
}

void get(int fd, void *data, size_t size)
{
    while (size != 0) {
        ssize_t count = get_some(fd, data, size);

        if (count <= 0)
            fail_msg("ends where %zu octets are to come", size);
        data = (char *) data + count;
        size -= (size_t) count;
    }
}

void expect(int fd, const void *data, size_t size)
{
    uint8_t found[8192];

    assert_true(size <= sizeof found);
    get(fd, found, size);
    assert_memory_equal(found, data, size);
}

void expect_end(int fd)
{
    char octet;

    assert_int_equal(get_some(fd, &octet, 1), 0);
}

void expect_reset(int fd)
{
    char octet;

    assert_int_equal(get_some(fd, &octet, 1), -1);
    assert_int_equal(errno, ECONNRESET);
}
