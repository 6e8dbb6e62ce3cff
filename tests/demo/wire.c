/* Plain sockets. */
#include "wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "patience.h"

enum { SYN_SENT = 2 };

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in) {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

bool ear_open(struct ear *ear, int backlog, int window)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (window != 0)
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    if (fd >= 0 && bind(fd, (struct sockaddr *) &address, size) == 0
        && getsockname(fd, (struct sockaddr *) &address, &size) == 0
        && listen(fd, backlog) == 0) {
        *ear = (struct ear) { fd, ntohs(address.sin_port) };
        return true;
    }
    if (fd >= 0)
        close(fd);
    return false;
}

int wire_dial(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0
        || connect(fd, (struct sockaddr *) &address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

bool wire_is_ready(int fd, int64_t until_ns)
{
    struct pollfd wanted = { .fd = fd, .events = POLLIN };

    return poll(&wanted, 1, left_ms(until_ns)) > 0;
}

int ear_take(struct ear *ear, int64_t until_ns)
{
    if (!wire_is_ready(ear->fd, until_ns))
        return -1;
    return accept4(ear->fd, NULL, NULL, SOCK_CLOEXEC);
}

/* A backlog that is full */

/* With a backlog of 0 there is room for one. */
bool full_open(struct full *full)
{
    full->filler = -1;
    if (!ear_open(&full->ear, 0, 0))
        return false;
    full->filler = wire_dial(full->ear.port);
    if (full->filler >= 0)
        return true;
    full_close(full);
    return false;
}

static bool is_tried(void *about)
{
    const struct full *full = about;
    FILE *file = fopen("/proc/self/net/tcp", "re");
    char line[256];
    unsigned port, state;
    bool found = false;

    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = sscanf(line, " %*d: %*x:%*x %*x:%x %x", &port, &state) == 2
            && port == full->ear.port && state == SYN_SENT;
    if (file != NULL)
        fclose(file);
    return found;
}

bool full_is_tried(struct full *full)
{
    return comes_true(is_tried, full);
}

void full_close(struct full *full)
{
    close(full->ear.fd);
    if (full->filler >= 0)
        close(full->filler);
}

uint16_t url_port(const char *url)
{
    const char *colon = strrchr(url, ':');

    return colon != NULL ? (uint16_t) strtoul(colon + 1, NULL, 10) : 0;
}
