/* The peer of one call at a time: both sides block in read and write, and
 * exchange as many octets as ours do. */
#include "bench.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGEST = 2 << 20 };

static struct sizes sizes;
static int listener;

static void *serve(void *unused)
{
    static char data[LARGEST];

    (void) unused;
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            die("cannot accept");
        net_no_delay(fd);
        while (net_read(fd, data, sizes.out))
            net_write(fd, data, sizes.back);
        close(fd);
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
    sizes = tape->sizes;
    if (sizes.out > LARGEST || sizes.back > LARGEST)
        die("too large to echo");
    listener = net_listen(&where->port);
    if (pthread_create(&thread, NULL, serve, NULL) != 0)
        die("cannot start a thread");
}

const struct server raw_server = { .start = start };

struct line {
    int fd;
    struct sizes octets;
};

static void exchange(void *state)
{
    static char data[LARGEST];
    const struct line *line = state;

    net_write(line->fd, data, line->octets.out);
    if (!net_read(line->fd, data, line->octets.back))
        die("the echo is gone");
}

void raw_echo(const struct job *job, struct sample *sample)
{
    struct line line = {
        .fd = net_connect(job->port),
        .octets = job->tape->sizes,
    };

    drive_each(job, sample, exchange, &line);
    close(line.fd);
}
