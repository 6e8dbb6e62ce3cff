/* How many octets one Add of ours is on the wire, each way: a call through a
 * relay that counts them, so that the peers exchange as many. */
#include "bench.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Passes on what is there; 0 at the end of the stream. */
static uint32_t pass(int from, int to)
{
    char data[4096];
    ssize_t n = recv(from, data, sizeof data, 0);

    if (n <= 0)
        return 0;
    net_write(to, data, (size_t) n);
    return (uint32_t) n;
}

static struct sizes relay(int client, int server)
{
    struct pollfd ends[2] = {
        { .fd = client, .events = POLLIN },
        { .fd = server, .events = POLLIN },
    };
    struct sizes sizes = { 0 };

    while (poll(ends, 2, -1) > 0) {
        uint32_t n;

        if (ends[0].revents != 0) {
            n = pass(client, server);
            if (n == 0)
                break;
            sizes.out += n;
        }
        if (ends[1].revents != 0) {
            n = pass(server, client);
            if (n == 0)
                break;
            sizes.back += n;
        }
    }
    return sizes;
}

/* In a process of its own, for only one without threads may fork. */
static struct sizes measure(void)
{
    struct where where = { 0 };
    struct sizes sizes = { 0 };
    char address[128];
    uint16_t port;
    int listener = net_listen(&port), client;
    pid_t caller;

    snprintf(address, sizeof address, "http://127.0.0.1:%u/add", port);
    caller = fork();
    if (caller == 0) {
        alarm(10);
        wws_add_once(address);
        _exit(0);
    }
    wws_server.start(&where, &sizes);
    port = (uint16_t) atoi(strrchr(where.address[SHORT], ':') + 1);
    client = accept(listener, NULL, NULL);
    if (caller < 0 || client < 0)
        die("no call came through the relay");
    sizes = relay(client, net_connect(port));
    waitpid(caller, NULL, 0);
    return sizes;
}

struct sizes tap_sizes(void)
{
    struct sizes sizes = { 0 };
    int result[2];
    pid_t pid;

    if (pipe(result) != 0)
        die("cannot make a pipe");
    pid = fork();
    if (pid == 0) {
        alarm(10);
        sizes = measure();
        _exit(write(result[1], &sizes, sizeof sizes) != sizeof sizes);
    }
    close(result[1]);
    if (pid < 0 || read(result[0], &sizes, sizeof sizes) != sizeof sizes
        || sizes.out == 0 || sizes.back == 0)
        die("cannot measure a call");
    close(result[0]);
    waitpid(pid, NULL, 0);
    return sizes;
}
