/* The peer of one call at a time: both sides block in read and write, and
 * exchange as many octets as ours do. */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGEST = 65536 };

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

static void start(struct where *where, const struct sizes *wanted)
{
    pthread_t thread;

    sizes = *wanted;
    if (sizes.out > LARGEST || sizes.back > LARGEST)
        die("too large to echo");
    listener = net_listen(&where->port);
    if (pthread_create(&thread, NULL, serve, NULL) != 0)
        die("cannot start a thread");
}

const struct server raw_server = { .start = start };

static void exchange(int fd, char *data, const struct sizes *octets)
{
    net_write(fd, data, octets->out);
    if (!net_read(fd, data, octets->back))
        die("the echo is gone");
}

void raw_echo(const struct job *job, struct sample *sample)
{
    static char data[LARGEST];
    uint64_t *ns = allocate(job->calls, sizeof *ns);
    int fd = net_connect(job->port);
    struct window window;

    for (uint32_t i = 0; i < job->calls / 10 + 1; i++)
        exchange(fd, data, &job->sizes);

    window_open(&window, job);
    for (uint32_t i = 0; i < job->calls; i++) {
        uint64_t began = now_ns();

        exchange(fd, data, &job->sizes);
        ns[i] = now_ns() - began;
    }
    window_close(&window, job, sample);

    sample->value[P50_US] = percentile(ns, job->calls, 0.50);
    sample->value[P99_US] = percentile(ns, job->calls, 0.99);
    close(fd);
    free(ns);
}
