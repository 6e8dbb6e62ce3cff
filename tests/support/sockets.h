/* Bare sockets on loopback: the other end of a connection, by hand.  Nothing
 * here waits for ever; what does not come in time fails the test. */
#ifndef TESTS_SOCKETS_H
#define TESTS_SOCKETS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/transport/transport.h"

struct sockaddr_in loopback(uint16_t port);
/* Limits how long it waits; what is sent goes out at once. */
void be_patient(int fd);
/* Any free port of loopback. */
uint16_t bind_somewhere(int fd);
int listen_somewhere(uint16_t *port);
int accept_from(int listening);
/* Where a server of ours can be reached. */
uint16_t port_of(
    const struct wwi_transport *transport,
    struct wwi_server *server);
/* Negative if nobody listens there. */
int try_dial(uint16_t port);
int dial_to(uint16_t port);
/* Closes so that the peer is told of a loss. */
void reset(int fd);

void put(int fd, const void *data, size_t size);
void put_text(int fd, const char *text);
/* 0 at the end, -1 after a reset. */
ssize_t get_some(int fd, void *data, size_t size);
/* As many octets, and not the end before. */
void get(int fd, void *data, size_t size);
/* The next octets are these. */
void expect(int fd, const void *data, size_t size);
/* In good order. */
void expect_end(int fd);
void expect_reset(int fd);

#endif
