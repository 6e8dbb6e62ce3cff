/* The explorer: a scenario is played once for each place where something can
 * come in between, and each thing that can.
 *
 * Words.  A *point* is a gate of core (core/base/gate.h), a system call that
 * the library makes or a function of the application's that it calls; it is
 * passed a first, a second time.  An *action* is what happens there: a function
 * that ends something is called on another thread while the one at the gate
 * waits, or by the callback that is a point itself, the clock is moved, memory
 * is refused, a system call fails.  A *run* is a scenario over a transport, in
 * a manner of waiting, with no, one or two *injections* of an action at a
 * point; all of that is in one number, by which the run is played again.
 *
 * Time is virtual: it is moved when every thread of the process sleeps and the
 * scenario has not gone on, and only then. */
#ifndef EXPLORER_STEER_H
#define EXPLORER_STEER_H

#include <stdatomic.h>

#include "core/base/gate.h"
#include "tests/support/public/check.h"
#include "tests/support/public/heard.h"

/* System calls, each with the ways in which it may fail. */
#define CALLS(CALL) \
    CALL(recv, DO(INTR) | DO(AGAIN) | DO(CONNRESET) | DO(NOMEM) \
        | DO(TIMEDOUT) | DO(RESET) | DO(END) | DO(SHORT)) \
    CALL(sendmsg, DO(INTR) | DO(AGAIN) | DO(CONNRESET) | DO(PIPE) \
        | DO(NOBUFS) | DO(NOMEM) | DO(RESET) | DO(END) | DO(SHORT)) \
    CALL(socket, DO(MFILE) | DO(NFILE) | DO(NOBUFS) | DO(NOMEM)) \
    CALL(bind, DO(ADDRINUSE) | DO(ADDRNOTAVAIL) | DO(NOMEM)) \
    CALL(listen, DO(ADDRINUSE)) \
    CALL(accept4, DO(INTR) | DO(CONNABORTED) | DO(PROTO) | DO(MFILE) \
        | DO(NFILE) | DO(NOBUFS) | DO(NOMEM)) \
    CALL(connect, DO(INTR) | DO(CONNREFUSED) | DO(NETUNREACH) \
        | DO(ADDRNOTAVAIL) | DO(TIMEDOUT)) \
    CALL(shutdown, DO(NOTCONN)) \
    CALL(setsockopt, DO(NOBUFS) | DO(NOMEM)) \
    CALL(getsockopt, DO(NOBUFS)) \
    CALL(getpeername, DO(NOTCONN) | DO(NOBUFS)) \
    CALL(poll, DO(INTR) | DO(NOMEM)) \
    CALL(epoll_wait, DO(INTR)) \
    CALL(epoll_ctl, DO(NOMEM) | DO(NOSPC)) \
    CALL(eventfd, DO(MFILE) | DO(NFILE) | DO(NOMEM)) \
    CALL(pthread_create, DO(AGAIN)) \
    CALL(send, DO(INTR) | DO(AGAIN) | DO(CONNREFUSED) | DO(NOBUFS)) \
    CALL(recvfrom, DO(INTR) | DO(AGAIN) | DO(CONNREFUSED) | DO(NOMEM))

/* Inside functions of the application's that the library calls: callbacks, and
 * slots of its own transport, each with the ways in which it may fail. */
#define INSIDES(INSIDE) \
    INSIDE(completed, 0) \
    INSIDE(freed, 0) \
    INSIDE(served, 0) \
    INSIDE(cancelled, 0) \
    INSIDE(sending, 0) \
    INSIDE(received, 0) \
    INSIDE(connect, DO(CONNREFUSED) | DO(NETUNREACH) | DO(TIMEDOUT) \
        | DO(NOMEM)) \
    INSIDE(listen, DO(ADDRINUSE) | DO(NOMEM)) \
    INSIDE(accept, DO(CONNABORTED) | DO(NOMEM)) \
    INSIDE(stop, 0) \
    INSIDE(send, DO(CONNRESET) | DO(NOMEM)) \
    INSIDE(receive, DO(CONNRESET) | DO(NOMEM)) \
    INSIDE(watch, DO(CONNRESET)) \
    INSIDE(shut_down, DO(CONNRESET) | DO(NOMEM)) \
    INSIDE(close, DO(CONNRESET)) \
    INSIDE(abort, 0) \
    INSIDE(free, 0)

#define CALL(name, ways) CALL_##name,
#define INSIDE(name, ways) INSIDE_##name,
enum {
    CALL_FIRST = WWI_GATE_COUNT,
    CALL_BEFORE = CALL_FIRST - 1,
    CALLS(CALL)
    INSIDE_FIRST,
    INSIDE_BEFORE = INSIDE_FIRST - 1,
    INSIDES(INSIDE)
    POINTS
};
#undef CALL
#undef INSIDE

/* How often a point counts: what comes later is more of the same. */
enum { PASSES = 64 };

/* What is done at a gate, and how a system call fails. */
#define ACTIONS(ACTION) \
    ACTION(NOTHING) \
    ACTION(CANCEL_CALL) \
    ACTION(CANCEL_CLIENT) ACTION(CANCEL_SERVER) \
    ACTION(ABANDON_CALL) ACTION(ABANDON_ALL) \
    ACTION(ABANDON_CLIENT) ACTION(ABANDON_SERVER) \
    ACTION(ABORT_PROXY) ACTION(CLOSE_PROXY) ACTION(FREE_PROXY) \
    ACTION(ABORT_HOST) ACTION(CLOSE_HOST) ACTION(FREE_HOST) \
    ACTION(ABORT_CLIENT) ACTION(CLOSE_CLIENT) ACTION(FREE_CLIENT) \
    ACTION(ABORT_SERVER) ACTION(CLOSE_SERVER) ACTION(FREE_SERVER) \
    ACTION(ABORT_LISTENER) ACTION(CLOSE_LISTENER) ACTION(FREE_LISTENER) \
    ACTION(MOVE_CLOCK) ACTION(FAIL_MEMORY) ACTION(FAIL_ALL_MEMORY) \
    ACTION(INTR) ACTION(AGAIN) ACTION(CONNRESET) ACTION(PIPE) \
    ACTION(MFILE) ACTION(NFILE) ACTION(NOBUFS) ACTION(NOMEM) ACTION(NOSPC) \
    ACTION(TIMEDOUT) ACTION(CONNREFUSED) ACTION(NETUNREACH) \
    ACTION(ADDRNOTAVAIL) ACTION(ADDRINUSE) ACTION(CONNABORTED) \
    ACTION(PROTO) ACTION(NOTCONN) \
    ACTION(RESET) ACTION(END) ACTION(SHORT)

#define ACTION(name) DO_##name,
enum action { ACTIONS(ACTION) ACTION_COUNT };
#undef ACTION
#define DO(name) ((uint64_t) 1 << DO_##name)

struct injection {
    unsigned point;
    unsigned pass;
    enum action action; /* NOTHING: there is none */
};

/* Steering: what happens at the points. */

struct scene;

const char *point_name(unsigned point);
const char *action_name(enum action action);

/* Once in a process. */
void steer_begin(void);
/* Points count from here on, and injections happen; the census, if there is
 * one, takes down what could be done at each. */
void steer_arm(
    struct scene *scene,
    const struct injection *injections,
    uint64_t (*census)[PASSES]);
void steer_disarm(void);
/* Whether this thread is the library's or uses it for a scenario: only then the
 * points that it passes count. */
void steer_take_part(bool part);
/* Of a thread of the library: at its begin; and whether this is one. */
void steer_join(void);
bool steer_is_library(void);
/* At a system call: how it is to fail. */
enum action steer_call(unsigned call);
/* Inside a function of the application's: has done what is to be done there,
 * on this thread; how the function is to fail. */
enum action steer_inside(unsigned point);
/* The actions that have begun, as bits. */
uint64_t steer_done(void);
/* Grows whenever a thread passes a point. */
unsigned steer_progress(void);
/* The last points that were passed, for who looks for a mistake. */
void steer_tell(void);

/* Something is not as promised: says so and ends the process. */
void found(const char *format, ...) __attribute__((format(printf, 1, 2),
    noreturn));

/* Waiting. */

/* Until it is done; moves the clock when nothing else can bring that.  False
 * when nothing can. */
bool try_to_wait_for(bool (*done)(void *state), void *state);
/* That would be a finding. */
void wait_for(bool (*done)(void *state), void *state, const char *what);

/* Whether nothing goes on but this thread; once before, what begins that. */
void still_begin(void);
bool is_still(void);
/* What who waits does in between; null for nothing. */
void wait_with(void (*turn)(void *state), void *state);
/* Until every other thread sleeps, having nothing to do. */
void wait_until_still(void);

/* Whose doing a function is: of the proxy and of the client's channel, or of
 * the host, of the listener and of the channels that come to them. */
enum side { CALLER, SERVER, SIDES };

/* A waiting function that was begun, and what was heard of it. */
struct ask {
    const char *what;
    enum side side;
    start_fn start;
    void *state;
    enum manner manner;
    wws_status returned;
    wws_status status;
    _Atomic bool ended;
    _Atomic unsigned times;
    _Atomic unsigned freed;
    wws_error error;
    wws_queue queue;
    pthread_t thread;
    bool over; /* and its end was looked at */
};

void ask_begin(struct ask *ask, enum manner manner);
bool ask_has_ended(struct ask *ask);
/* When it has ended: checks that it was heard of once. */
wws_status ask_end(struct ask *ask);

#endif
