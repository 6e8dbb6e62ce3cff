/* A thread that polls the descriptor of a queue and fetches its events. */
#ifndef DEMO_HEARER_H
#define DEMO_HEARER_H

#include <pthread.h>

#include <wws/wws.h>

struct hearer {
    wws_queue queue;
    void (*hear)(const wws_event *event);
    int stop_fd;
    pthread_t thread;
};

bool hearer_start(
    struct hearer *hearer,
    wws_runtime runtime,
    void (*hear)(const wws_event *event));
void hearer_end(struct hearer *hearer);

#endif
