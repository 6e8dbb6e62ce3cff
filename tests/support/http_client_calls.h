/* System calls of the HTTP client, cut short and made to fail.  They stand for
 * the system's in the whole program that includes this, in one place. */
#ifndef TESTS_HTTP_CLIENT_CALLS_H
#define TESTS_HTTP_CLIENT_CALLS_H

#include <errno.h>

#include "tests/support/http_client_fixture.h"
#include "tests/support/wrapped.h"

static int failed(int code)
{
    errno = code;
    return -1;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*wrapped)(int, const struct msghdr *, int);
    struct iovec first = message->msg_iov[0];
    struct msghdr less = { .msg_iov = &first, .msg_iovlen = 1 };
    ssize_t count;

    find_wrapped(&wrapped, "sendmsg");
    if (send_failures != 0) {
        send_failures--;
        return failed(send_fails);
    }
    if (may_send == ALL)
        return wrapped(fd, message, flags);
    if (may_send == 0)
        return failed(EAGAIN);
    if (first.iov_len > (size_t) may_send)
        first.iov_len = (size_t) may_send;
    count = wrapped(fd, &less, flags);
    may_send -= count > 0 ? count : 0;
    return count;
}

/* Under the name of the system's, whose type cannot be written in C11. */
int any_connect(int fd, const struct sockaddr *address, socklen_t size)
    __asm__("connect");
int any_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    int (*wrapped)(int, const struct sockaddr *, socklen_t);

    find_wrapped(&wrapped, "connect");
    /* One that is interrupted goes on. */
    if (connect_fails == EINTR)
        (void) wrapped(fd, address, size);
    return connect_fails != 0 ? failed(connect_fails)
        : wrapped(fd, address, size);
}

int socket(int domain, int type, int protocol)
{
    int (*wrapped)(int, int, int);

    find_wrapped(&wrapped, "socket");
    return socket_fails != 0 ? failed(socket_fails)
        : wrapped(domain, type, protocol);
}

#endif
