/* The benchmark: our library beside others at the same work, and beside the
 * least that could do it, in one run.  A sample is one server process and one
 * client process, made for it and gone afterwards; a bench is a sample of ours
 * and one of each peer, taken in turn.  Nothing here is asserted: the figures
 * are for people to compare. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <wws/wws.h>

/* What a sample may tell; NAN where it does not. */
enum figure {
    P50_US,
    P99_US,
    CANCEL_P50_US,
    CANCEL_P99_US,
    CALLS_PER_S,
    CLIENT_CPU_US,
    SERVER_CPU_US,
    BOTH_CPU_US,
    CLIENT_HAND_OVERS,
    SERVER_HAND_OVERS,
    CLIENT_ALLOCATIONS,
    SERVER_ALLOCATIONS,
    CLIENT_SYSTEM_CALLS,
    SERVER_SYSTEM_CALLS,
    PENDING_BYTES,
    ABANDON_P50_US,
    ABANDON_ALL_US,
    ABORT_US,
    ABORTED_US,
    ABORT_HOST_US,
    OTHERS_P99_US,
    OTHERS_ABORT_P99_US,
    CLIENT_THREADS,
    FIGURES
};

struct sample {
    double value[FIGURES];
};

/* How it travels. */
struct wire {
    const char *scheme;
    wws_transport transport;
    wws_encoding encoding;
};

/* The octets of one call on the wire, measured from ours. */
struct sizes {
    uint32_t out;
    uint32_t back;
};

/* That call itself, each way; cut off where it is longer.  A tape fits into one
 * write to a pipe. */
enum { TAPED = 2000 };

struct tape {
    struct sizes sizes;
    char out[TAPED];
    char back[TAPED];
};

/* What a process has used so far.  The counts are those of the library, so 0
 * in a process without it. */
struct usage {
    uint64_t cpu_ns;
    uint64_t hand_overs;
    uint64_t allocations;
    uint64_t held;  /* requests that a server took and does not answer */
};

enum endpoint { SHORT, LONG, HOLD, ENDPOINTS };

/* Where a server listens: the port of a peer, the addresses of ours. */
struct where {
    uint16_t port;
    char address[ENDPOINTS][128];
};

struct bench;

/* What a client knows. */
struct job {
    const struct bench *bench;
    const struct tape *tape;
    uint32_t calls;
    int control;  /* to the server, which answers one request at a time */
    bool ours;
    const struct where *where;
    const char *address;  /* of ours, as the part wants it */
    uint16_t port;
};

struct server {
    void (*start)(
        struct where *where,
        const struct bench *bench,
        const struct tape *tape);
    void (*stop)(void);         /* null: the end of the process does */
    uint64_t (*held)(void);     /* null: none ever */
    uint64_t (*cpu_ns)(void);   /* null: what its process uses */
    void (*abort)(void);        /* null: nothing can be aborted */
};

/* One who takes part in a bench.  A server may be missing. */
struct part {
    const char *name;  /* null: nobody */
    const struct server *server;
    enum endpoint endpoint;
    void (*run)(const struct job *job, struct sample *sample);
    bool (*there)(void);  /* null: always */
};

enum { IN_FLIGHT = 64 };

/* The first part is ours, the others are its peers. */
enum { PARTS = 3, OURS = 0 };

struct bench {
    const char *name;
    double share;  /* of the calls asked for */
    const struct wire *wire;
    uint32_t in_flight;
    uint32_t echo;  /* octets of text; 0: an Add is called */
    bool traced;    /* its system calls are counted */
    struct part parts[PARTS];
};

extern const struct bench benches[];
extern const size_t bench_count;

/* measure.c */
struct window {
    uint64_t began_ns;
    struct usage client;
    struct usage server;
};

noreturn void die(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void *allocate(size_t count, size_t size);
uint64_t now_ns(void);
void pause_us(long us);
void pin(void);
double percentile(uint64_t *ns, size_t count, double part);
double median(double *values, size_t count);
void usage_read(struct usage *usage, bool ours);
void window_open(struct window *window, const struct job *job);
void window_close(
    const struct window *window,
    const struct job *job,
    struct sample *sample);

/* process.c */
struct run {
    const struct bench *bench;
    size_t part;
    bool pinned;
    const char *trace;  /* a folder, or null */
    uint32_t calls;
    struct tape tape;
};

bool process_sample(const struct run *run, struct sample *sample);
void process_server(const struct run *run, int control);
void process_client(const struct run *run, int control, int result);
void server_usage(const struct job *job, struct usage *usage);
/* How many microseconds that took. */
double server_abort(const struct job *job);

/* trace.c */
int trace_role(char **arguments);
noreturn void trace_exec(const struct run *run, bool client, int fd, int out);
bool trace_count(struct run run, struct sample *sample);

/* table.c */
struct row {
    const struct bench *bench;
    bool pinned;
    double figures[PARTS][FIGURES];
    bool measured[PARTS];
};

void table_print(const struct row *rows, size_t count);
void table_print_json(const struct row *rows, size_t count);

/* net.c: loopback, and every failure the end of the process */
int net_listen(uint16_t *port);
int net_connect(uint16_t port);
int net_try(uint16_t port);  /* -1 if nobody listens */
void net_no_delay(int fd);
bool net_read(int fd, void *data, size_t size);
void net_write(int fd, const void *data, size_t size);

/* tap.c */
struct tape tap(const struct bench *bench);

/* wws_server.c, wws_calls.c, wws_cancel.c, wws_scale.c */
extern const struct server wws_server;
void wws_call_once(const struct bench *bench, const char *address);
void wws_call_each(const struct job *job, struct sample *sample);
void wws_flight_queue(const struct job *job, struct sample *sample);
void wws_flight_threads(const struct job *job, struct sample *sample);
void wws_cancel_blocked(const struct job *job, struct sample *sample);
void wws_cancel_queued(const struct job *job, struct sample *sample);
void wws_pending(const struct job *job, struct sample *sample);
void wws_want_descriptors(void);

/* drive.c */
void drive_each(
    const struct job *job,
    struct sample *sample,
    void (*call)(void *state),
    void *state);
void drive_crowd(
    const struct job *job,
    struct sample *sample,
    void (*call)(void *state),
    void *const states[IN_FLIGHT]);

/* duel.c: one thread sleeps, another wakes it */
struct duel {
    void *state;
    void (*prepare)(void *state, uint32_t turn);
    void (*sleep)(void *state);
    void (*settle)(void *state, uint32_t turn);
    void (*wake)(void *state);
};

void duel_run(const struct duel *duel, uint32_t turns, struct sample *sample);

/* peer_raw.c, peer_epoll.c, peer_eventfd.c, peer_gsoap.c, peer_nginx.c */
extern const struct server raw_server;
extern const struct server epoll_server;
extern const struct server gsoap_server;
extern const struct server nginx_server;
void raw_echo(const struct job *job, struct sample *sample);
void epoll_echo(const struct job *job, struct sample *sample);
void eventfd_wake(const struct job *job, struct sample *sample);
void eventfd_write_only(const struct job *job, struct sample *sample);
bool gsoap_there(void);
void gsoap_calls(const struct job *job, struct sample *sample);
void gsoap_flight(const struct job *job, struct sample *sample);
bool nginx_there(void);

/* wrk.c: a client of anybody's HTTP server */
bool wrk_there(void);
void wrk_calls(const struct job *job, struct sample *sample);

#endif
