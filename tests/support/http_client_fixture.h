/* The HTTP client against a server that is a bare socket.  Both are moved by
 * the test's own thread, in turns, so every state in between can be looked at.
 */
#ifndef TESTS_HTTP_CLIENT_FIXTURE_H
#define TESTS_HTTP_CLIENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "core/transport/http.h"
#include "tests/support/engine.h"

enum {
    PATIENCE_MS = 20000,
    MIB = 1 << 20,
    ALL = -1, /* no limit to what can be sent */
};

/* System calls of the client.  The server below reads and writes with read and
 * write, which are left alone. */

extern long may_send;     /* octets until sendmsg has to wait */
extern int send_fails;    /* what sendmsg fails with, */
extern int send_failures; /* and how often */
extern int connect_fails;
extern int socket_fails;

void fail_sending(int code, int times);

/* The client under test and the server's end of its connection. */

struct fixture {
    uint64_t blocks;
    struct wwi_runtime *runtime;
    struct wwi_client_options options;
    struct wwi_client *client;
    struct wwi_want want;
    int notified; /* an eventfd */
    int listener;
    uint16_t port;
    int peer;
    char request[8192];
    size_t request_size;
};

extern struct fixture client_fixture;
static struct fixture *const it = &client_fixture;

void notify(struct wwi_client *client);
int client_set_up(void **state);
void close_one(int *fd);
void free_client(void);
int client_clean_up(void **state);
void listen_at(
    const struct sockaddr *address,
    socklen_t size,
    int backlog);
void listen_with(int backlog);
/* A client of that URL, in which %u stands for the port. */
void make_client(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void connect_to_peer(void);
struct wwi_bytes octets(size_t size);
wws_status begin_size(size_t size, bool reply);
void begin_exchange(void);
wws_status step_client(void);
wws_phase phase(void);
wws_progress progress(void);
bool can(int fd, short events, int patience);
/* Sleeps until the client has what it wants. */
void wait_for_want(void);
/* Steps until the client waits for the server, in that phase. */
void go_to(wws_phase wanted);
wws_status finish(void);
void end_exchange(void);
void assert_trouble(
    wws_status status,
    wws_phase where,
    wws_progress how_far,
    const char *text);
uint64_t opened(void);

/* The server. */

void take_connection(void);
/* Reads as many octets as were sent, which the test knows. */
const char *received(size_t size);
void assert_received(const char *text);
/* The head and the first octet behind it. */
const char *received_head(void);
void say_size(const char *text, size_t size);
void say(const char *text);
void hang_up(void);
void reset_peer(void);
void assert_request(void);

#define REPLY \
    "HTTP/1.1 200 OK\r\n" \
    "Content-Type: text/xml\r\n" \
    "Content-Length: 4\r\n" \
    "\r\n" \
    "<e/>"

/* An exchange up to where the server has the request. */
void ask_server(void);
void assert_envelope(const char *text);
/* Whether the ended exchange has left the connection for the next. */
bool is_kept(void);

struct response {
    const char *text;
    wws_status status;
    const char *what; /* the envelope, or why there is none */
    bool kept;        /* the connection can carry another exchange */
    bool to_close;    /* the end of the connection is the end of the reply */
};

#define XML "Content-Type: text/xml\r\n"
#define LENGTH(n) "Content-Length: " #n "\r\n"
#define INTERIM "HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n"

void assert_response(const struct response *response);

enum { LARGE = MIB + 1 };

void exchange_once(void);
void assert_expires(wws_phase where, wws_progress how_far, uint32_t ms);

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, client_set_up, client_clean_up)

#endif
