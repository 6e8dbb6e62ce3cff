/* The peer of many calls at once: one thread on either side, epoll, and a
 * connection for each call in flight. */
#include "bench.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 1024, EVENTS = 64 };

/* Both sides read whatever there is, and answer when it is whole. */
struct end {
    int epoll;
    uint32_t expects;
    uint32_t sends;
    uint32_t got[CONNECTIONS];
    char data[65536];
};

static void watch(struct end *end, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    if (fd < 0 || fd >= CONNECTIONS)
        die("too many connections");
    end->got[fd] = 0;
    if (epoll_ctl(end->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("cannot watch a connection");
}

static struct end *create(uint32_t expects, uint32_t sends)
{
    struct end *end = allocate(1, sizeof *end);

    if (expects > sizeof end->data || sends > sizeof end->data)
        die("too large to echo");
    end->epoll = epoll_create1(EPOLL_CLOEXEC);
    end->expects = expects;
    end->sends = sends;
    if (end->epoll < 0)
        die("cannot make an epoll");
    return end;
}

/* Whether a message is whole now.  The end of a stream closes it. */
static bool take(struct end *end, int fd)
{
    ssize_t n = recv(fd, end->data, end->expects - end->got[fd], 0);

    if (n <= 0) {
        close(fd);
        return false;
    }
    end->got[fd] += (uint32_t) n;
    if (end->got[fd] < end->expects)
        return false;
    end->got[fd] = 0;
    return true;
}

static struct end *server_end;
static int listener;

static void *serve(void *unused)
{
    struct end *end = server_end;
    struct epoll_event events[EVENTS];

    (void) unused;
    for (;;) {
        int n = epoll_wait(end->epoll, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == listener) {
                fd = accept(listener, NULL, NULL);
                watch(end, fd);
                net_no_delay(fd);
            } else if (take(end, fd)) {
                net_write(fd, end->data, end->sends);
            }
        }
    }
    return NULL;
}

static void start(
    struct where *where,
    const struct bench *bench,
    const struct tape *tape)
{
    pthread_t thread;

    (void) bench;
    server_end = create(tape->sizes.out, tape->sizes.back);
    listener = net_listen(&where->port);
    watch(server_end, listener);
    if (pthread_create(&thread, NULL, serve, NULL) != 0)
        die("cannot start a thread");
}

const struct server epoll_server = { .start = start };

/* Makes so many exchanges, as many at once as there are connections. */
static void exchange(struct end *end, const int *fds, uint32_t count)
{
    struct epoll_event events[EVENTS];
    uint32_t begun = 0, done = 0;

    while (begun < IN_FLIGHT && begun < count)
        net_write(fds[begun++], end->data, end->sends);
    while (done < count) {
        int n = epoll_wait(end->epoll, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (!take(end, events[i].data.fd))
                continue;
            done++;
            if (begun < count) {
                net_write(events[i].data.fd, end->data, end->sends);
                begun++;
            }
        }
    }
}

void epoll_echo(const struct job *job, struct sample *sample)
{
    const struct sizes *sizes = &job->tape->sizes;
    struct end *end = create(sizes->back, sizes->out);
    struct window window;
    int fds[IN_FLIGHT];

    for (int i = 0; i < IN_FLIGHT; i++) {
        fds[i] = net_connect(job->port);
        watch(end, fds[i]);
    }
    exchange(end, fds, job->calls / 10 + IN_FLIGHT);

    window_open(&window, job);
    exchange(end, fds, job->calls);
    window_close(&window, job, sample);
}
