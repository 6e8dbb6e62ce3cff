/* A relay that hands one connection on to a port, and keeps what goes both
 * ways. */
#ifndef DEMO_RELAY_H
#define DEMO_RELAY_H

#include <pthread.h>
#include <stddef.h>

#include "wire.h"

enum { RECORD_SIZE = 4096, RECORD_PARTS = 16 };

struct record {
    char text[RECORD_SIZE];
    size_t size;
    size_t ends[RECORD_PARTS]; /* of what came at once */
    unsigned parts;
};

struct relay {
    struct ear ear;
    uint16_t target;
    int stop_fd;
    pthread_t thread;
    struct record request; /* once it has ended */
    struct record reply;
};

bool relay_start(struct relay *relay, uint16_t target);
void relay_end(struct relay *relay);

#endif
