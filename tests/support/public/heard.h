/* One waiting function, begun in any of the three manners, and what its caller
 * heard of it: exactly once, or the program ends. */
#ifndef TESTS_HEARD_H
#define TESTS_HEARD_H

#include "tests/support/public/check.h"

enum manner {
    SYNC,     /* blocks a thread of its own */
    CALLBACK,
    QUEUE,
    MANNERS,
};

const char *manner_name(enum manner manner);
/* Those in which something was begun since the last time, a bit for each. */
unsigned heard_manners(void);

/* Calls the function under test. */
typedef wws_status (*start_fn)(
    void *state,
    const wws_completion *completion,
    wws_error error);

struct heard {
    enum manner manner;
    start_fn start;
    void *state;
    wws_error error;
    wws_queue queue;
    pthread_t thread;
    wws_status returned; /* by the function, unless it blocked */
    pthread_t called_on; /* the thread of the callback, when it was heard of */
    /* Runs inside the callback, before it is counted; may be null. */
    void (*inside)(struct heard *heard);
    void *inside_state;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned times;
    unsigned freed;
    wws_status status;
};

/* Begins it.  A null hook is none. */
void hear(
    struct heard *heard,
    enum manner manner,
    start_fn start,
    void *state);
void hear_inside(
    struct heard *heard,
    start_fn start,
    void *state,
    void (*inside)(struct heard *heard),
    void *inside_state);
/* Whether the end has been heard of already. */
bool heard_yet(struct heard *heard);
/* The status, when it has ended. */
wws_status heard_wait(struct heard *heard);
wws_error_info heard_info(const struct heard *heard);
/* Whether a string of the error object contains this. */
bool heard_says(const struct heard *heard, const char *text);
/* Waits, checks that it was heard of once, and gives everything back. */
wws_status heard_end(struct heard *heard);

/* Keeps a callback from returning. */
struct hold {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool released;
};

void hold_init(struct hold *hold);
/* For hear_inside(), with the hold as its state. */
void hold_on(struct heard *heard);
void hold_release(struct hold *hold);

#endif
