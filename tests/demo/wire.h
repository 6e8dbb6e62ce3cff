/* Plain sockets, on the loopback interface only: what a row needs that is not
 * a host, and a relay that records a conversation. */
#ifndef DEMO_WIRE_H
#define DEMO_WIRE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORD_SIZE = 4096 };

/* A listening socket. */
struct ear {
    int fd;
    uint16_t port;
};

/* A peer that takes a connection and the head of a request, then reads no
 * more. */
struct deaf {
    struct ear ear;
    int fd;
};

/* A listener whose backlog is full: a connection to it is neither taken nor
 * refused. */
struct full {
    struct ear ear;
    int filler;
};

struct record {
    char text[RECORD_SIZE];
    size_t size;
};

/* Hands one connection on to a port, and keeps what goes both ways. */
struct relay {
    struct ear ear;
    uint16_t target;
    int stop_fd;
    pthread_t thread;
    struct record request; /* once it has ended */
    struct record reply;
};

bool deaf_open(struct deaf *deaf);
/* Whether a request has arrived, and a part of its body waits unread. */
bool deaf_hears(struct deaf *deaf);
void deaf_close(struct deaf *deaf);

bool full_open(struct full *full);
/* Whether somebody is trying to connect. */
bool full_is_tried(struct full *full);
void full_close(struct full *full);

bool relay_start(struct relay *relay, uint16_t target);
void relay_end(struct relay *relay);

/* The port in a URL; 0 if there is none. */
uint16_t url_port(const char *url);

#endif
