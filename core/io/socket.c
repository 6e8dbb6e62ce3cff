/* Beginning to connect, looking what became of it, and what errors mean. */
#include "core/io/socket.h"

#include <errno.h>
#include <poll.h>

int wwi_socket_connect(int fd, const struct wwi_address *address)
{
    if (connect(fd, (const struct sockaddr *) &address->storage,
        address->size) == 0)
        return 0;
    /* Interrupted, it goes on by itself; a second call would be refused. */
    return errno == EINTR ? EINPROGRESS : errno;
}

int wwi_socket_connected(int fd)
{
    struct pollfd polled = { .fd = fd, .events = POLLOUT };
    int count = poll(&polled, 1, 0);
    int code = 0;
    socklen_t size = sizeof code;

    if (count == 0 || (count < 0 && errno == EINTR))
        return EINPROGRESS;
    if (count < 0
        || getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0)
        return errno;
    return code;
}

/* The only place where errors of sockets become statuses. */
static const struct meaning {
    int code;
    wws_status connecting;
    wws_status listening;
} meanings[] = {
    { ECONNREFUSED, WWS_E_ENDPOINT_NOT_FOUND, WWS_E_OTHER },
    { ENETUNREACH, WWS_E_ENDPOINT_UNREACHABLE, WWS_E_OTHER },
    { EHOSTUNREACH, WWS_E_ENDPOINT_UNREACHABLE, WWS_E_OTHER },
    { ETIMEDOUT, WWS_E_OPERATION_TIMED_OUT, WWS_E_OTHER },
    { ECONNRESET, WWS_E_ENDPOINT_DISCONNECTED, WWS_E_OTHER },
    { EADDRINUSE, WWS_E_OTHER, WWS_E_ADDRESS_IN_USE },
    { EADDRNOTAVAIL, WWS_E_ENDPOINT_UNREACHABLE, WWS_E_ADDRESS_NOT_AVAILABLE },
    { EACCES, WWS_E_OTHER, WWS_E_ADDRESS_NOT_AVAILABLE },
    { EMFILE, WWS_E_OUTOFMEMORY, WWS_E_OUTOFMEMORY },
    { ENFILE, WWS_E_OUTOFMEMORY, WWS_E_OUTOFMEMORY },
    { ENOBUFS, WWS_E_OUTOFMEMORY, WWS_E_OUTOFMEMORY },
    { ENOMEM, WWS_E_OUTOFMEMORY, WWS_E_OUTOFMEMORY },
};

static const struct meaning *find_meaning(int code)
{
    static const struct meaning other = { 0, WWS_E_OTHER, WWS_E_OTHER };

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code)
            return &meanings[i];
    return &other;
}

wws_status wwi_socket_why_not_connected(int code)
{
    return find_meaning(code)->connecting;
}

wws_status wwi_socket_why_not_listening(int code)
{
    return find_meaning(code)->listening;
}
