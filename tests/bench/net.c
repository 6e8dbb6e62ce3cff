/* Sockets of the peers, on loopback only.  A benchmark has nothing to do about
 * a failure, so each ends the process. */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in) {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

int net_listen(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *) &address, size) != 0
        || listen(fd, 2 * IN_FLIGHT) != 0
        || getsockname(fd, (struct sockaddr *) &address, &size) != 0)
        die("cannot listen");
    *port = ntohs(address.sin_port);
    return fd;
}

void net_no_delay(int fd)
{
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int)))
        die("cannot set up a connection");
}

int net_try(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0
        && connect(fd, (struct sockaddr *) &address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int net_connect(uint16_t port)
{
    int fd = net_try(port);

    if (fd < 0)
        die("cannot connect");
    net_no_delay(fd);
    return fd;
}

/* False at an end of the stream before the first octet. */
bool net_read(int fd, void *data, size_t size)
{
    size_t got = 0;

    while (got < size) {
        ssize_t n = recv(fd, (char *) data + got, size - got, 0);

        if (n == 0 && got == 0)
            return false;
        if (n <= 0)
            die("a connection broke");
        got += (size_t) n;
    }
    return true;
}

void net_write(int fd, const void *data, size_t size)
{
    if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t) size)
        die("cannot write a whole message");
}
