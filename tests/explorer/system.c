/* System calls of the library, which fail when they are told to.  The calls go
 * on to the system, or to a sanitizer that has to see them. */
#include "tests/explorer/steer.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/wrapped.h"

static int code_of(enum action action)
{
    static const int codes[ACTION_COUNT] = {
        [DO_INTR] = EINTR,
        [DO_AGAIN] = EAGAIN,
        [DO_CONNRESET] = ECONNRESET,
        [DO_PIPE] = EPIPE,
        [DO_MFILE] = EMFILE,
        [DO_NFILE] = ENFILE,
        [DO_NOBUFS] = ENOBUFS,
        [DO_NOMEM] = ENOMEM,
        [DO_NOSPC] = ENOSPC,
        [DO_TIMEDOUT] = ETIMEDOUT,
        [DO_CONNREFUSED] = ECONNREFUSED,
        [DO_NETUNREACH] = ENETUNREACH,
        [DO_ADDRNOTAVAIL] = EADDRNOTAVAIL,
        [DO_ADDRINUSE] = EADDRINUSE,
        [DO_CONNABORTED] = ECONNABORTED,
        [DO_PROTO] = EPROTO,
        [DO_NOTCONN] = ENOTCONN,
    };

    return codes[action];
}

/* True with errno set if the action is that the call fails. */
static bool is_failure(enum action action)
{
    if (code_of(action) == 0)
        return false;
    errno = code_of(action);
    return true;
}

static bool fails(unsigned call, enum action *action)
{
    *action = steer_call(call);
    return is_failure(*action);
}

/* The system's own, found once. */
#define REAL(name) \
    static _Atomic(__typeof__(&name)) known; \
    __typeof__(&name) real = atomic_load(&known); \
    if (real == NULL) { \
        find_wrapped(&real, #name); \
        atomic_store(&known, real); \
    }

/* What becomes of the connection: both ends hear of a reset, and errors that
 * say so are told of one that is.  Nobody but the system sees that, for it was
 * not the library. */
static void strike(int fd, enum action action)
{
    const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

    if (action == DO_RESET || action == DO_CONNRESET || action == DO_PIPE
        || action == DO_TIMEDOUT)
        (void) syscall(SYS_connect, fd, &nowhere, sizeof nowhere);
    else if (action == DO_END)
        (void) syscall(SYS_shutdown, fd, SHUT_RD);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    enum action action;

    REAL(recv)

    action = steer_call(CALL_recv);
    strike(fd, action);
    if (is_failure(action))
        return -1;
    return real(fd, data, action == DO_SHORT && size > 1 ? 1 : size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct iovec one = { 0 };
    struct msghdr cut = { .msg_iov = &one, .msg_iovlen = 1 };
    enum action action;

    REAL(sendmsg)

    action = steer_call(CALL_sendmsg);
    strike(fd, action);
    if (is_failure(action))
        return -1;
    if (action != DO_SHORT || message->msg_iovlen == 0)
        return real(fd, message, flags);
    one = message->msg_iov[0];
    one.iov_len = one.iov_len > 1 ? 1 : one.iov_len;
    return real(fd, &cut, flags);
}

/* Of who asks for names. */

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    enum action action;

    REAL(send)

    return fails(CALL_send, &action) ? -1 : real(fd, data, size, flags);
}

ssize_t recvfrom(
    int fd,
    void *restrict data,
    size_t size,
    int flags,
    __SOCKADDR_ARG address,
    socklen_t *restrict room)
{
    enum action action;

    REAL(recvfrom)

    return fails(CALL_recvfrom, &action) ? -1
        : real(fd, data, size, flags, address, room);
}

int socket(int domain, int type, int protocol)
{
    enum action action;

    REAL(socket)

    return fails(CALL_socket, &action) ? -1 : real(domain, type, protocol);
}

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
    enum action action;

    REAL(bind)

    return fails(CALL_bind, &action) ? -1 : real(fd, address, size);
}

int listen(int fd, int backlog)
{
    enum action action;

    REAL(listen)

    return fails(CALL_listen, &action) ? -1 : real(fd, backlog);
}

int accept4(
    int fd,
    __SOCKADDR_ARG address,
    socklen_t *restrict size,
    int flags)
{
    enum action action;

    REAL(accept4)

    return fails(CALL_accept4, &action) ? -1 : real(fd, address, size, flags);
}

/* Interrupted, it goes on all the same. */
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
    enum action action;

    REAL(connect)

    if (!fails(CALL_connect, &action))
        return real(fd, address, size);
    if (action == DO_INTR)
        (void) real(fd, address, size);
    errno = code_of(action);
    return -1;
}

int shutdown(int fd, int how)
{
    enum action action;

    REAL(shutdown)

    return fails(CALL_shutdown, &action) ? -1 : real(fd, how);
}

int setsockopt(
    int fd,
    int level,
    int name,
    const void *value,
    socklen_t size)
{
    enum action action;

    REAL(setsockopt)

    return fails(CALL_setsockopt, &action) ? -1
        : real(fd, level, name, value, size);
}

int getsockopt(
    int fd,
    int level,
    int name,
    void *restrict value,
    socklen_t *restrict size)
{
    enum action action;

    REAL(getsockopt)

    return fails(CALL_getsockopt, &action) ? -1
        : real(fd, level, name, value, size);
}

int getpeername(
    int fd,
    __SOCKADDR_ARG address,
    socklen_t *restrict size)
{
    enum action action;

    REAL(getpeername)

    return fails(CALL_getpeername, &action) ? -1 : real(fd, address, size);
}

int poll(struct pollfd *polled, nfds_t count, int timeout)
{
    enum action action;

    REAL(poll)

    return fails(CALL_poll, &action) ? -1 : real(polled, count, timeout);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout)
{
    enum action action;

    REAL(epoll_wait)

    return fails(CALL_epoll_wait, &action) ? -1
        : real(epoll, events, most, timeout);
}

/* Changing and taking away what is there needs no memory. */
int epoll_ctl(int epoll, int how, int fd, struct epoll_event *event)
{
    enum action action;

    REAL(epoll_ctl)

    if (how == EPOLL_CTL_ADD && fails(CALL_epoll_ctl, &action))
        return -1;
    return real(epoll, how, fd, event);
}

int eventfd(unsigned value, int flags)
{
    enum action action;

    REAL(eventfd)

    return fails(CALL_eventfd, &action) ? -1 : real(value, flags);
}

int pthread_create(
    pthread_t *restrict thread,
    const pthread_attr_t *restrict attributes,
    void *(*run)(void *),
    void *restrict state)
{
    enum action action;

    REAL(pthread_create)

    return fails(CALL_pthread_create, &action) ? EAGAIN
        : real(thread, attributes, run, state);
}
