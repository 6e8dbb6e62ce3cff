/* One place in which one thread at most is kept. */
#include "tests/support/public/delay.h"
#include "tests/support/wrapped.h"

#include <sys/socket.h>
#include <time.h>

enum phase { NOBODY, NEXT, KEPT };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static enum phase phase;

static void set_locked(enum phase next)
{
    phase = next;
    pthread_cond_broadcast(&changed);
}

__attribute__((visibility("default")))
int listen(int fd, int backlog)
{
    int (*wrapped)(int, int);

    find_wrapped(&wrapped, "listen");
    pthread_mutex_lock(&lock);
    if (phase == NEXT) {
        set_locked(KEPT);
        while (phase == KEPT)
            pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    return wrapped(fd, backlog);
}

void delay_next(void)
{
    pthread_mutex_lock(&lock);
    must(phase == NOBODY);
    set_locked(NEXT);
    pthread_mutex_unlock(&lock);
}

void delay_meet(void)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HANG_MS / 1000;
    pthread_mutex_lock(&lock);
    while (phase != KEPT)
        must(pthread_cond_timedwait(&changed, &lock, &end) == 0);
    pthread_mutex_unlock(&lock);
}

void delay_end(void)
{
    pthread_mutex_lock(&lock);
    set_locked(NOBODY);
    pthread_mutex_unlock(&lock);
}
