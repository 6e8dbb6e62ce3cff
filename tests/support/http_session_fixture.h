/* Exchanges over streamed HTTP: each end against a peer that writes octets by
 * hand, over loopback. */
#ifndef TESTS_HTTP_SESSION_FIXTURE_H
#define TESTS_HTTP_SESSION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/transport/http_session.h"
#include "tests/support/engine.h"
#include "tests/support/sockets.h"

enum {
    HOLDERS = 64,
    TEXT = 512,
    BULK = 64 * 1024 * 1024,
    PIECE = 65536,
    MEBIBYTE = 1024 * 1024,
};

/* One end of a session and what it has heard. */
struct holder {
    struct wwi_session *session;
    bool greedy;                /* asks for all there is */
    bool frees;                 /* gives the session back when it ended */
    char text[TEXT];            /* what has arrived, as far as it fits */
    uint64_t octets;
    size_t largest;
    int pieces;
    int last_pieces;            /* without more */
    int opened, ended, failed, finished, released, phases, done;
    wws_phase first_phase, last_phase;
    struct wwi_outcome outcome; /* of the failure */
    struct wwi_outcome sent;    /* of the last sending */
    char why[160];
    bool has_action;
    char action[128], field[128];
    uint32_t http_status;
    bool refuses;               /* takes sendings back as they begin */
};

struct fixture {
    struct wwi_runtime *runtime;
    struct wwi_server *server;
    struct wwi_server_options options;
    struct wwi_client_options client_options;
    uint64_t blocks;
    int listening;              /* of the scripted server */
    struct holder client;
    struct holder served[HOLDERS];
    int connected, stopped;
    bool greedy, frees, drops, replies;
};

extern struct fixture session_fixture;
static struct fixture *const it = &session_fixture;

/* Events. */

void hold_session(struct holder *holder, struct wwi_session *session);
void streamed_stopped(void *state);

/* Calls. */

struct parcel {
    struct wwi_sending sending;
    struct holder *holder;
};

void was_sent(
    struct wwi_sending *sending,
    const struct wwi_outcome *outcome);
wws_status send_octets(
    struct holder *holder,
    const void *data,
    size_t size,
    struct wwi_outgoing outgoing);

enum place { WHOLE, FIRST, MIDDLE, LAST };

wws_status send_piece(
    struct holder *holder,
    const char *text,
    enum place place);
void reply(struct holder *holder);
void ask_for_piece(struct holder *holder);
void give_session_back(struct holder *holder);

/* Set up. */

int streamed_set_up(void **state);
void need_runtime(void);
int streamed_clean_up(void **state);

/* All events that came before have been dealt with, on every loop. */
static inline void let_everything_run(void)
{
    let_loops_run(it->runtime);
}

/* Peers. */

void put_singly(int fd, const char *text);
/* The next octets are these. */
void expect_text(int fd, const char *text);
/* A head, without its Date. */
void expect_whole_head(int fd, const char *expected);
/* To the end; negative if that is a reset, else how much there was. */
ssize_t drink(int fd);

/* The client's end, with a server that the test plays. */

void create_client(const char *url);
void open_client(void);
uint16_t listen_here(void);

extern char host[64]; /* the Host of requests */

/* An open session; returns the server's descriptor. */
int converse(void);
void expect_request(int fd, const char *framing);

#define CHUNKED "Transfer-Encoding: chunked"
#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
#define OK_REPLY OK_HEAD "Content-Length: 5\r\n\r\nhello"

/* An open session that has sent a whole request. */
int request(void);
/* More than the system takes of one who does not read. */
int send_until_full(struct holder *holder);
void start_streamed(void);

static inline uint16_t port(void)
{
    return port_of(&wwi_http_streamed, it->server);
}

static inline int dial(void)
{
    return dial_to(port());
}

#define HEAD_11 "POST /calc HTTP/1.1\r\nHost: x\r\n" \
    "Content-Type: text/xml; charset=utf-8\r\n"
#define REQUEST HEAD_11 "Content-Length: 5\r\n\r\nhello"
#define STREAM HEAD_11 "SOAPAction: \"urn:a\"\r\nX-Field: y\r\n" CHUNKED \
    "\r\n\r\n"
#define ANSWER(status) "HTTP/1.1 " status "\r\nConnection: close\r\n"
#define TYPED(status) ANSWER(status) \
    "Content-Type: text/xml; charset=utf-8\r\n"

/* A server that has read a whole request. */
int serve_request(void);

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, streamed_set_up, streamed_clean_up)

#endif
