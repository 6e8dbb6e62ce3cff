/* The HTTP server against clients that write octets by hand, over loopback. */
#ifndef TESTS_HTTP_SERVER_FIXTURE_H
#define TESTS_HTTP_SERVER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/transport/http.h"
#include "tests/support/engine.h"
#include "tests/support/sockets.h"

enum {
    HELD_MOST = 64,
    BIG = 8 * 1024 * 1024,
};

/* System calls of the server: those on its loop and those that answer. */

extern _Atomic int received_calls;
extern _Atomic int sent_calls;
extern _Atomic int armed_calls;
extern _Atomic int most_sent; /* octets that a sendmsg takes; 0: all */
/* Runs inside the next sendmsg, when that has sent; may be null. */
extern void (*_Atomic has_sent)(void);

/* The server and what it tells. */

enum manner {
    ECHO,     /* answers inside arrived */
    HOLD,     /* leaves the request in the list */
    ACCEPT,   /* answers 202 inside arrived */
    DROP,
    STOP,     /* stops the server inside arrived and answers */
};

struct fixture {
    struct wwi_runtime *runtime;
    struct wwi_server *server;
    struct wwi_server_options options;
    enum manner manner;
    const char *url;
    uint64_t blocks;
    bool fault;
    struct wwi_fields answer_fields;

    struct wwi_incoming *held[HELD_MOST];
    int held_count;
    int arrived;
    int gone;
    int replied;
    int stopped;
    struct wwi_outcome outcome;      /* of the last answer */
    bool has_action;
    char action[256];
    char field[256];                 /* X-Field of the last request */
    size_t envelope_size;
};

extern struct fixture server_fixture;
static struct fixture *const it = &server_fixture;

void server_stopped(void *state);
void is_gone(struct wwi_incoming *incoming);
void answer(struct wwi_incoming *incoming, struct wwi_bytes *envelope);
void answer_text(struct wwi_incoming *incoming, const char *text);
void answer_big(struct wwi_incoming *incoming);

extern const struct wwi_server_callbacks arrivals;

struct wwi_incoming *take_held(void);
void open_server(const char *url);
int server_set_up(void **state);
int server_clean_up(void **state);

/* All events that came before have been dealt with, on every loop. */
static inline void let_everything_run(void)
{
    let_loops_run(it->runtime);
}

/* The client. */

static inline uint16_t port(void)
{
    return port_of(&wwi_http, it->server);
}

static inline int dial(void)
{
    return dial_to(port());
}

struct answer {
    int status;
    char head[2048];
    char *body;
    size_t size;
};

/* False if the connection ends before. */
bool get_answer(int fd, struct answer *answer);
void expect_answer(int fd, int status, const char *body);
void expect_head(int fd, int status, const char *part);

#define HEAD(type) "POST /calc HTTP/1.1\r\nHost: x\r\nContent-Type: " type \
    "\r\n"
#define HEAD_11 HEAD("text/xml; charset=utf-8")
#define REQUEST HEAD_11 "SOAPAction: \"urn:a\"\r\n" \
    "Content-Length: 5\r\n\r\nhello"

void start_server(void);
void hold_one(int *fd);
void stop(bool with_reset);

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, server_set_up, server_clean_up)

#endif
