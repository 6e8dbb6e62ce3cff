/* Plain sockets. */
#include "wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "patience.h"

enum { SYN_SENT = 2, SMALL_WINDOW = 4096 };

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in) {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

/* A window of 0 leaves the system's choice. */
static bool ear_open(struct ear *ear, int backlog, int window)
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

static int dial(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0
        || connect(fd, (struct sockaddr *) &address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool is_ready(int fd, int64_t until)
{
    struct pollfd wanted = { .fd = fd, .events = POLLIN };

    return poll(&wanted, 1, left_ms(until)) > 0;
}

/* A peer that does not read */

bool deaf_open(struct deaf *deaf)
{
    deaf->fd = -1;
    return ear_open(&deaf->ear, 1, SMALL_WINDOW);
}

/* Reads octet by octet, so that nothing of the body is taken. */
static bool read_head(int fd, int64_t until)
{
    static const char end[] = "\r\n\r\n";
    size_t seen = 0;
    char octet;

    while (seen < sizeof end - 1) {
        if (!is_ready(fd, until) || recv(fd, &octet, 1, 0) != 1)
            return false;
        if (octet != end[seen])
            seen = 0;
        seen += octet == end[seen];
    }
    return true;
}

/* The sender of a large body waits to be asked for it. */
bool deaf_hears(struct deaf *deaf)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    int64_t until = patience_ends();

    if (!is_ready(deaf->ear.fd, until))
        return false;
    deaf->fd = accept4(deaf->ear.fd, NULL, NULL, SOCK_CLOEXEC);
    return deaf->fd >= 0 && read_head(deaf->fd, until)
        && send(deaf->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL) > 0
        && is_ready(deaf->fd, until);
}

void deaf_close(struct deaf *deaf)
{
    close(deaf->ear.fd);
    if (deaf->fd >= 0)
        close(deaf->fd);
}

/* A backlog that is full */

/* With a backlog of 0 there is room for one. */
bool full_open(struct full *full)
{
    full->filler = -1;
    if (!ear_open(&full->ear, 0, 0))
        return false;
    full->filler = dial(full->ear.port);
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

/* A relay that records */

/* One read handed on; false when there is no more to come. */
static bool hand_on(int from, int to, struct record *record)
{
    char data[RECORD_SIZE];
    ssize_t count = recv(from, data, sizeof data, 0);
    size_t room = sizeof record->text - 1 - record->size;

    if (count <= 0 || send(to, data, (size_t) count, MSG_NOSIGNAL) != count)
        return false;
    if (room > (size_t) count)
        room = (size_t) count;
    memcpy(record->text + record->size, data, room);
    record->size += room;
    return true;
}

static void converse(struct relay *relay, int client, int server)
{
    struct pollfd wanted[] = {
        { .fd = client, .events = POLLIN },
        { .fd = server, .events = POLLIN },
        { .fd = relay->stop_fd, .events = POLLIN },
    };

    while (poll(wanted, 3, PATIENCE_MS) > 0 && wanted[2].revents == 0) {
        if (wanted[0].revents != 0
            && !hand_on(client, server, &relay->request))
            return;
        if (wanted[1].revents != 0 && !hand_on(server, client, &relay->reply))
            return;
    }
}

static void *run_relay(void *argument)
{
    struct relay *relay = argument;
    int client = -1, server = -1;

    if (is_ready(relay->ear.fd, patience_ends()))
        client = accept4(relay->ear.fd, NULL, NULL, SOCK_CLOEXEC);
    if (client >= 0)
        server = dial(relay->target);
    if (server >= 0)
        converse(relay, client, server);
    if (client >= 0)
        close(client);
    if (server >= 0)
        close(server);
    return NULL;
}

bool relay_start(struct relay *relay, uint16_t target)
{
    *relay = (struct relay) { .target = target };
    if (!ear_open(&relay->ear, 1, 0))
        return false;
    relay->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (relay->stop_fd >= 0
        && pthread_create(&relay->thread, NULL, run_relay, relay) == 0)
        return true;
    close(relay->stop_fd);
    close(relay->ear.fd);
    return false;
}

void relay_end(struct relay *relay)
{
    (void) eventfd_write(relay->stop_fd, 1);
    (void) pthread_join(relay->thread, NULL);
    close(relay->stop_fd);
    close(relay->ear.fd);
}

uint16_t url_port(const char *url)
{
    const char *colon = strrchr(url, ':');

    return colon != NULL ? (uint16_t) strtoul(colon + 1, NULL, 10) : 0;
}
