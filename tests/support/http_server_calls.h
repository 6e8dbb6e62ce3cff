/* System calls of the HTTP server, counted and cut short: those on its loop and
 * those that answer.  They stand for the system's in the whole program that
 * includes this, in one place. */
#ifndef TESTS_HTTP_SERVER_CALLS_H
#define TESTS_HTTP_SERVER_CALLS_H

#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/support/http_server_fixture.h"
#include "tests/support/wrapped.h"

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    ssize_t (*wrapped)(int, void *, size_t, int);

    find_wrapped(&wrapped, "recv");
    received_calls++;
    return wrapped(fd, data, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*wrapped)(int, const struct msghdr *, int);
    struct iovec first = message->msg_iov[0];
    struct msghdr less = { .msg_iov = &first, .msg_iovlen = 1 };
    size_t most = (size_t) most_sent;
    void (*run)(void);
    ssize_t size;

    find_wrapped(&wrapped, "sendmsg");
    sent_calls++;
    if (most != 0 && first.iov_len > most)
        first.iov_len = most;
    size = wrapped(fd, most != 0 ? &less : message, flags);
    run = atomic_exchange(&has_sent, NULL);
    if (run != NULL)
        run();
    return size;
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    int (*wrapped)(int, int, int, struct epoll_event *);

    find_wrapped(&wrapped, "epoll_ctl");
    armed_calls++;
    return wrapped(epoll, operation, fd, event);
}

#endif
