/* A transport in memory: an application's own, of the public interface alone.
 * Messages go through two queues of a connection, in one process.
 *
 *     struct loop loop;
 *     wws_custom_transport table = WWS_CUSTOM_TRANSPORT_INIT;
 *
 *     loop_init(&loop);
 *     loop_fill(&loop, &table);
 *     options.transport = WWS_TRANSPORT_CUSTOM;
 *     options.custom = &table; */
#ifndef TESTS_LOOP_H
#define TESTS_LOOP_H

#include <pthread.h>
#include <stdbool.h>

#include "wws/wws.h"

struct loop_listener;

enum loop_slot {
    LOOP_CONNECT, LOOP_LISTEN, LOOP_ACCEPT, LOOP_STOP, LOOP_SEND,
    LOOP_RECEIVE, LOOP_WATCH, LOOP_SHUT_DOWN, LOOP_CLOSE, LOOP_ABORT,
    LOOP_FREE,
};

struct loop {
    pthread_mutex_t lock; /* of all that is in it */
    struct loop_listener *listeners;
    /* Who steps in, if anybody does: asked in each slot, with no lock, before
     * that does anything.  What is negative is what the slot answers; stop,
     * close, abort and free do what they are for all the same. */
    wws_status (*asked)(enum loop_slot slot);
};

void loop_init(struct loop *loop);
void loop_fini(struct loop *loop);
/* The slots of the transport; its state is the loop. */
void loop_fill(struct loop *loop, wws_custom_transport *table);

/* Whether a task is just being completed, by this thread. */
bool loop_is_completing(void);

/* The parts of it, for who puts something beside it.  connect: as the slot,
 * WWS_E_ENDPOINT_NOT_FOUND if nobody listens at the address. */
wws_status loop_connect(
    wws_transport_task task,
    wws_string address,
    void *state);
/* Listens; null if somebody does already. */
struct loop_listener *loop_listener_new(struct loop *loop, wws_string address);
wws_status loop_accept(wws_transport_task task, void *state);
void loop_stop(void *state);
void loop_listener_free(void *state);
/* A client that has come in another way, from that address; false if it does
 * not listen any more, and the connection is the caller's still. */
bool loop_offer(
    struct loop_listener *listener,
    const wws_custom_connection *connection,
    const char *remote);

#endif
