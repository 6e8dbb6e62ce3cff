/* What one call of ours is on the wire, each way: a call through a relay that
 * counts its octets and keeps the first, so that the peers exchange as many,
 * or the same. */
#include "bench.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Passes on what is there and tapes it; false at the end of the stream. */
static bool pass(int from, int to, char *taped, uint32_t *size)
{
    char data[4096];
    ssize_t n = recv(from, data, sizeof data, 0);

    if (n <= 0)
        return false;
    net_write(to, data, (size_t) n);
    for (ssize_t i = 0; i < n; i++, ++*size) {
        if (*size < TAPED - 1)
            taped[*size] = data[i];
    }
    return true;
}

static void relay(struct tape *tape, int client, int server)
{
    struct pollfd ends[2] = {
        { .fd = client, .events = POLLIN },
        { .fd = server, .events = POLLIN },
    };

    while (poll(ends, 2, -1) > 0) {
        if (ends[0].revents != 0
            && !pass(client, server, tape->out, &tape->sizes.out))
            return;
        if (ends[1].revents != 0
            && !pass(server, client, tape->back, &tape->sizes.back))
            return;
    }
}

/* In a process of its own, for only one without threads may fork. */
static void record(struct tape *tape, const struct bench *bench)
{
    struct where where = { 0 };
    char address[128];
    uint16_t port;
    int listener = net_listen(&port), client;
    pid_t caller;

    snprintf(address, sizeof address, "%s://127.0.0.1:%u/call",
             bench->wire->scheme, port);
    caller = fork();
    if (caller == 0) {
        alarm(10);
        wws_call_once(bench, address);
        _exit(0);
    }
    wws_server.start(&where, bench, tape);
    client = accept(listener, NULL, NULL);
    if (caller < 0 || client < 0)
        die("no call came through the relay");
    relay(tape, client, net_connect(where.port));
    waitpid(caller, NULL, 0);
}

struct tape tap(const struct bench *bench)
{
    struct tape tape = { 0 };
    int result[2];
    pid_t pid;

    if (pipe(result) != 0)
        die("cannot make a pipe");
    pid = fork();
    if (pid == 0) {
        alarm(10);
        record(&tape, bench);
        _exit(write(result[1], &tape, sizeof tape) != sizeof tape);
    }
    close(result[1]);
    if (pid < 0 || read(result[0], &tape, sizeof tape) != sizeof tape
        || tape.sizes.out == 0 || tape.sizes.back == 0)
        die("cannot measure a call");
    close(result[0]);
    waitpid(pid, NULL, 0);
    return tape;
}
