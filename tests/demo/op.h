/* One pending operation of a client, in one of the three modes, and what was
 * heard of its end.  Fill in what it works on, then begin it; it is freed at
 * the end of the demo, so that hearing of it twice is noticed however late. */
#ifndef DEMO_OP_H
#define DEMO_OP_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "calc.h"
#include "setting.h"

struct op {
    struct op *next; /* begun before it */
    enum mode mode;
    wws_status (*start)(struct op *op, const wws_completion *completion);

    /* What it works on; set before it begins. */
    enum calc_operation operation;
    long a;
    long b;
    wws_call_options options;
    wws_call call;
    wws_service_proxy proxy;
    wws_listener listener;
    wws_channel channel;
    wws_message request;
    wws_message reply;
    char address[URL_SIZE];

    pthread_t thread; /* of a synchronous one */
    _Atomic pid_t thread_id;

    int64_t begun_ns;

    /* Results: read them when it has ended. */
    wws_status status;
    int64_t ended_ns;
    wws_error error;
    wws_buffer body;

    /* Under the lock of op.c. */
    unsigned ends;
    unsigned frees;
    bool immediate; /* it ended before it was pending */
    bool joined;
};

bool ops_start(wws_runtime runtime);
/* When the runtime is closed: whether each was heard of exactly once. */
bool ops_end(void);

/* Never null: without memory the demo ends. */
struct op *op_call(
    enum mode mode,
    wws_service_proxy proxy,
    enum calc_operation operation,
    long a,
    long b);
struct op *op_open_proxy(
    enum mode mode,
    wws_service_proxy proxy,
    wws_string address);
struct op *op_accept(
    enum mode mode,
    wws_listener listener,
    wws_channel channel);
struct op *op_open(enum mode mode, wws_channel channel, wws_string address);
struct op *op_close(enum mode mode, wws_channel channel);
struct op *op_send(enum mode mode, wws_channel channel, wws_message request);
struct op *op_receive(enum mode mode, wws_channel channel, wws_message reply);
struct op *op_exchange(
    enum mode mode,
    wws_channel channel,
    wws_message request,
    wws_message reply);

/* Whether it is pending when this returns; a synchronous one then sleeps. */
bool op_begin(struct op *op);
bool op_is_pending(struct op *op);
/* Whether it comes to its end. */
bool op_await(struct op *op);
/* Whether it ended exactly once, and its state was freed as often. */
bool op_was_heard_once(struct op *op);
/* Whether it has answered with this sum. */
bool op_answered(const struct op *op, long sum);

#endif
