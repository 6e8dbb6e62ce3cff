/* Plain sockets, on the loopback interface only. */
#ifndef DEMO_WIRE_H
#define DEMO_WIRE_H

#include <stdbool.h>
#include <stdint.h>

/* A listening socket. */
struct ear {
    int fd;
    uint16_t port;
};

/* A listener whose backlog is full: a connection to it is neither taken nor
 * refused. */
struct full {
    struct ear ear;
    int filler;
};

/* The size of the window of its connections; 0 leaves the system's choice. */
bool ear_open(struct ear *ear, int backlog, int window);
/* A connection, or -1 if none comes until then. */
int ear_take(struct ear *ear, int64_t until_ns);

/* A connection, or -1. */
int wire_dial(uint16_t port);
/* Whether something can be read, or the connection ends, until then. */
bool wire_is_ready(int fd, int64_t until_ns);

bool full_open(struct full *full);
/* Whether somebody is trying to connect. */
bool full_is_tried(struct full *full);
void full_close(struct full *full);

/* The port in a URL; 0 if there is none. */
uint16_t url_port(const char *url);

#endif
