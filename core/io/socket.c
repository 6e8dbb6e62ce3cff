/* Beginning to connect, and looking what became of it. */
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
