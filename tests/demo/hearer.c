/* A thread that polls the descriptor of a queue. */
#include "hearer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BATCH = 16 };

static void fetch(struct hearer *hearer)
{
    wws_event events[BATCH] = { WWS_EVENT_INIT };
    uint32_t count = 0;

    do {
        events[0] = (wws_event) WWS_EVENT_INIT;
        if (wws_queue_next(hearer->queue, BATCH, events, &count,
            (wws_error) { 0 }) < 0)
            return;
        for (uint32_t i = 0; i < count; i++)
            hearer->hear(&events[i]);
    } while (count != 0);
}

static void *run(void *argument)
{
    struct hearer *hearer = argument;
    struct pollfd wanted[2] = {
        { .fd = hearer->stop_fd, .events = POLLIN },
        { .events = POLLIN },
    };

    if (wws_queue_get_fd(hearer->queue, &wanted[1].fd, (wws_error) { 0 }) < 0)
        return NULL;
    while (wanted[0].revents == 0) {
        (void) poll(wanted, 2, -1);
        fetch(hearer);
    }
    return NULL;
}

bool hearer_start(
    struct hearer *hearer,
    wws_runtime runtime,
    void (*hear)(const wws_event *event))
{
    *hearer = (struct hearer) { .hear = hear };
    if (wws_queue_create(runtime, &hearer->queue, (wws_error) { 0 }) < 0)
        return false;
    hearer->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (hearer->stop_fd >= 0
        && pthread_create(&hearer->thread, NULL, run, hearer) == 0)
        return true;
    (void) wws_queue_free(hearer->queue);
    close(hearer->stop_fd);
    return false;
}

void hearer_end(struct hearer *hearer)
{
    (void) eventfd_write(hearer->stop_fd, 1);
    (void) pthread_join(hearer->thread, NULL);
    (void) wws_queue_free(hearer->queue);
    close(hearer->stop_fd);
}
