/* Names, which a server of our own knows, whatever the system is told.  What is
 * sent to it may be lost: who asks for SILENT is never answered. */
#include "tests/explorer/scene.h"

#include <arpa/inet.h>
#include <ares.h>
#include <sys/socket.h>

#include "tests/support/wrapped.h"

enum { HEADER = 12, MOST = 512, TYPE_A = 1 };

static struct {
    int fd;
    char address[32];
} server;

struct question {
    struct sockaddr_in from;
    uint8_t data[MOST];
    size_t size;
};

static bool asks_for(const struct question *question, const char *label)
{
    size_t size = strlen(label);
    const uint8_t *name = question->data + HEADER;

    return question->size > HEADER + size && name[0] == size
        && memcmp(name + 1, label, size) == 0;
}

/* Where the one that is asked ends, without what may come behind; 0 if it is
 * not whole. */
static size_t end_of(const struct question *question)
{
    size_t at = HEADER;

    while (at < question->size && question->data[at] != 0)
        at += question->data[at] + 1u;
    at += 5;
    return at <= question->size ? at : 0;
}

/* This machine, in IPv4; nothing in any other way. */
static void answer(const struct question *question, size_t size)
{
    static const uint8_t record[] = {
        0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1 };
    uint8_t reply[MOST + sizeof record];
    bool found = question->data[size - 3] == TYPE_A;

    memcpy(reply, question->data, size);
    reply[2] = 0x84; /* an answer, of who knows */
    reply[3] = 0;
    memset(reply + 6, 0, HEADER - 6);
    reply[7] = found;
    if (found) {
        memcpy(reply + size, record, sizeof record);
        size += sizeof record;
    }
    (void) sendto(server.fd, reply, size, 0,
        (struct sockaddr *) &question->from, sizeof question->from);
}

static void *serve_names(void *state)
{
    struct question question;

    (void) state;
    for (;;) {
        socklen_t size = sizeof question.from;
        ssize_t got = recvfrom(server.fd, question.data, MOST, 0,
            (struct sockaddr *) &question.from, &size);

        question.size = got > 0 ? (size_t) got : 0;
        if (end_of(&question) != 0 && !asks_for(&question, SILENT))
            answer(&question, end_of(&question));
    }
    return NULL;
}

void names_begin(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    pthread_t thread;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(server.fd >= 0);
    must(bind(server.fd, (struct sockaddr *) &address, size) == 0);
    must(getsockname(server.fd, (struct sockaddr *) &address, &size) == 0);
    (void) snprintf(server.address, sizeof server.address, "127.0.0.1:%u",
        (unsigned) ntohs(address.sin_port));
    must(pthread_create(&thread, NULL, serve_names, NULL) == 0);
}

/* What the library asks with, told where to. */
int ares_init_options(
    ares_channel *channel,
    struct ares_options *options,
    int mask)
{
    int (*real)(ares_channel *, struct ares_options *, int);
    int status;

    find_wrapped(&real, "ares_init_options");
    status = real(channel, options, mask);
    if (status == ARES_SUCCESS)
        must(ares_set_servers_ports_csv(*channel, server.address)
            == ARES_SUCCESS);
    return status;
}
