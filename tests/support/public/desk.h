/* Who serves all that a host asks for, and keeps a diary of it.  Operations are
 * written down by a letter of their kind: A accept channel, U authorize, C
 * call, M message, X close channel.  What begins is the letter itself, whoever
 * is told of a cancellation "!" and the letter, a registration that ends "-"
 * and it. */
#ifndef TESTS_DESK_H
#define TESTS_DESK_H

#include "tests/support/public/world.h"

enum {
    ACCEPT = WWS_OPERATION_KIND_ACCEPT_CHANNEL,
    AUTHORIZE = WWS_OPERATION_KIND_AUTHORIZE,
    CALL = WWS_OPERATION_KIND_CALL,
    MESSAGE = WWS_OPERATION_KIND_MESSAGE,
    CLOSE = WWS_OPERATION_KIND_CLOSE_CHANNEL,
    KINDS,
};

enum { DESK_MOST = 64 };

/* How operations come. */
enum way {
    SHORT_WAY,
    LONG_WAY,
    QUEUE_WAY,
    WAYS,
    BY_HAND, /* through a queue from which desk_fetch() takes */
};

struct desk {
    struct world *world;
    wws_service_host host;
    char url[128];

    /* Set before operations come. */
    const wws_service_host_options *options; /* or null */
    struct conduct {
        wws_status result;
        bool waits;      /* is completed by desk_complete() */
        bool registers;
        void (*act)(struct desk *desk, wws_operation operation);
    } of[KINDS];
    void *user;

    wws_queue queue;
    pthread_t pump;
    bool has_pump;
    bool ends;
    bool dropped;    /* the queue was freed: not all ends are told */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    char diary[256];
    struct note {
        struct desk *desk;
        wws_operation operation;
        wws_operation_info info; /* without the action */
        bool waits;
    } notes[DESK_MOST];
    unsigned count;
    unsigned host_aborted;       /* told so */
    unsigned channel_faulted;
    unsigned accepted;           /* asked to be: each is told of its end */
    unsigned closed;
};

/* A host of one endpoint; null options are endpoint_options(). */
void desk_open(
    struct desk *desk,
    struct world *world,
    enum way way,
    const wws_endpoint_options *endpoint);
/* Completes what waits, closes the host, and checks that the end of each
 * channel was told. */
void desk_close(struct desk *desk);

/* From now on. */
void desk_set(
    struct desk *desk,
    wws_operation_kind kind,
    struct conduct conduct);
/* Whether the diary came to be this, in time. */
bool desk_reads(struct desk *desk, const char *diary);
/* Completes the oldest that waits, of that kind. */
void desk_complete(struct desk *desk, wws_operation_kind kind);
/* Takes the next operation from the queue, when it comes; or only waits. */
void desk_fetch(struct desk *desk);
bool desk_has_event(struct desk *desk);
unsigned desk_count(struct desk *desk, const unsigned *counter);
/* Options that ask for every kind of operation but MESSAGE. */
wws_endpoint_options desk_endpoint(void);

#endif
