/* Sessions over TCP, against peers that write octets by hand over loopback, and
 * against each other. */
#ifndef TESTS_TCP_FIXTURE_H
#define TESTS_TCP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/transport/session.h"
#include "tests/support/engine.h"
#include "tests/support/sockets.h"

enum {
    ROUNDS = 200,
    HOLDERS = ROUNDS,
    BIG = 8 * 1024 * 1024,
};

#define URI "http://schemas.microsoft.com/ws/2006/05/framing/faults/"
#define VIA "net.tcp://127.0.0.1/calc"
/* Version, duplex, the via of 24 octets; then an encoding and the end. */
#define BEFORE "\x00\x01\x00\x01\x02\x02\x18" VIA
#define PREAMBLE BEFORE "\x03\x03\x0C"
#define STREAMED "\x00\x01\x00\x01\x01\x02\x18" VIA "\x03\x03\x0C"
#define ACK "\x0B"
#define END "\x07"
#define HELLO "\x06\x05" "hello"

/* Holders of sessions. */

/* One session, and what was heard of it; under the lock of the fixture. */
struct holder {
    struct wwi_session *session;
    struct wwi_bytes got;          /* octets of all pieces */
    int opened;
    int arrived;
    int whole;                     /* pieces that ended a message */
    int largest;                   /* piece */
    int ended;
    int failed;
    int released;
    int phases[8];
    int phase_count;
    struct wwi_outcome outcome;    /* of the last end */
};

struct parcel {
    struct wwi_sending sending;
    int begun;
    int done;
    bool refuse;
    struct wwi_outcome outcome;
};

enum manner {
    IDLE,        /* does nothing by itself */
    READ,        /* asks for pieces again and again */
    TALK,        /* sends inside `connected` */
    CLOSE,       /* as that; a server's shuts and frees when the peer ends */
    REFUSE,      /* does not take the session */
};

struct fixture {
    struct wwi_runtime *runtime;
    struct wwi_server *server;
    struct wwi_server_options server_options;
    struct wwi_client_options client_options;
    enum manner manner;
    uint64_t blocks;
    int listening;

    struct holder clients[HOLDERS];
    struct holder servers[HOLDERS];
    struct parcel greeting;
    int places;
    int connected;
    int stopped;
    int done;
    int unfreed;
};

extern struct fixture tcp_fixture;
static struct fixture *const it = &tcp_fixture;

wws_status send_part(
    struct holder *holder,
    struct parcel *parcel,
    const void *data,
    size_t size,
    bool continues,
    bool more);
wws_status send_text(
    struct holder *holder,
    struct parcel *parcel,
    const char *text);
void receive(struct holder *holder);
void shut(struct holder *holder);
void abort_it(struct holder *holder);
void give_back(struct holder *holder);
void hold(struct holder *holder, struct wwi_session *session);
void tcp_stopped(void *state);

extern const struct wwi_server_callbacks tcp_callbacks;

/* The fixture. */

void start_runtime(void);
void start_at(const char *url);
void start_tcp(void);
int tcp_set_up(void **state);
int tcp_clean_up(void **state);

/* All events that came before have been dealt with, on every loop. */
static inline void let_everything_run(void)
{
    let_loops_run(it->runtime);
}

/* Peers of bare sockets. */

static inline uint16_t port(void)
{
    return port_of(&wwi_tcp, it->server);
}

static inline int dial(void)
{
    return dial_to(port());
}

#define PUT(fd, text) put(fd, text, sizeof(text) - 1)
#define EXPECT(fd, text) expect(fd, text, sizeof(text) - 1)

/* Nothing has come, and the connection is there. */
void expect_silence(int fd);
/* A session that a bare client has opened: the n-th, from 0. */
struct holder *shake(int fd, int n);
/* A server whose first session a bare client has opened. */
int serve_bare(void);
void expect_got(struct holder *holder, const char *text);

/* A bare server, and a client of ours that connects to it. */

uint16_t listen_bare(void);
int accept_bare(void);
void create_at(struct holder *holder, const char *url);
void create(struct holder *holder, uint16_t to);
void open_it(struct holder *holder);
/* What the client says first. */
void expect_preamble(int fd, uint8_t mode, uint8_t encoding);
/* Our client's session with a bare server. */
int meet(void);

struct refusal {
    const char *octets;
    size_t size;
    const char *fault;  /* null: a reset */
};

#define ROW(octets, fault) { octets, sizeof(octets) - 1, fault }

void expect_refusal(int fd, const char *fault);
/* Peers that block: our side cannot write any more behind this. */
void fill(struct holder *holder, struct parcel *parcel);
void use_streams(void);

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, tcp_set_up, tcp_clean_up)

#endif
