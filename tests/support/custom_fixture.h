/* Sessions over an application's own transport that does as it is told: its
 * slots count their calls and keep their tasks, which the test completes. */
#ifndef TESTS_CUSTOM_FIXTURE_H
#define TESTS_CUSTOM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/transport/session.h"
#include "core/transport/transport_task.h"
#include "tests/support/counters.h"
#include "tests/support/engine.h"

enum slot {
    CONNECT,
    LISTEN,
    ACCEPT,
    SEND,
    RECEIVE,
    SHUT_DOWN,
    CLOSE,
    WATCH,
    ABORT,
    STOP,
    SLOTS,
};

enum { ALL_TASKS = 512, SESSIONS = 80, SENT_ROOM = 200000 };

/* All of it under the lock of the counters. */
struct stage {
    /* Set by the test: what a slot returns. */
    wws_status answers[SLOTS];
    bool late;             /* connect and accept give no connection */
    bool mute;             /* listen gives no listener */
    bool unwatched;
    bool stops;            /* accept stops the server that it is called by */
    bool inside[SLOTS];    /* it is complete before it returns */

    int calls[SLOTS];
    uint64_t tasks[SLOTS]; /* the latest */
    uint64_t all[ALL_TASKS];
    int all_count;
    int connections_freed;
    int listeners_freed;
    int tables_freed;
    char sent[SENT_ROOM];  /* the octets of all sendings */
    size_t sent_size;
    bool sent_more;
};

struct holder {
    struct wwi_session *session;
    struct wwi_bytes got;
    int opened;
    int arrived;
    int whole;
    int ended;
    int failed;
    int released;
    int phases;
    struct wwi_outcome outcome;
};

struct parcel {
    struct wwi_sending sending;
    bool refuse;
    int begun;
    int done;
    struct wwi_outcome outcome;
};

struct fixture {
    struct wwi_runtime *runtime;
    struct wwi_custom *custom;
    struct wwi_server *server;
    struct wwi_client_options client_options;
    struct wwi_server_options server_options;
    struct stage stage;
    struct holder client;
    struct holder servers[SESSIONS];
    bool refuses;          /* does not take what is connected */
    int places;            /* of servers that are taken */
    int connected;
    int stopped;
    uint64_t blocks;
    uint64_t handles;
};

extern struct fixture custom_fixture;
static struct fixture *const it = &custom_fixture;

int custom_set_up(void **state);
/* Ends all that is under way, and fails if anything is left. */
int custom_clean_up(void **state);

/* The latest task of a slot, by the functions of the interface. */
wws_status complete(enum slot slot, wws_status status);
wws_status complete_task(uint64_t task, wws_status status);
/* The same with a reference, as a function of the interface has. */
struct wwi_transport_task *hold_task(enum slot slot);
wws_status give_connection(enum slot slot);
wws_status give_listener(enum slot slot);
wws_status give_piece(enum slot slot, const char *octets, bool more);
wws_status give_reason(enum slot slot, const char *reason);
/* A piece, and success. */
void bring(const char *octets, bool more);
/* All that are under way, as aborted connections do. */
void end_tasks(void);
/* Until the slot has been called so often. */
void wait_for_call(enum slot slot, int calls);
int calls_of(enum slot slot);

/* A client's session, not open; open. */
wws_status create_staged(void);
void open_staged(void);
wws_status utter_part(
    struct holder *holder,
    struct parcel *parcel,
    const char *text,
    bool continues,
    bool more);
wws_status utter(
    struct holder *holder,
    struct parcel *parcel,
    const char *text);
void ask(struct holder *holder);
void end_saying(struct holder *holder);
void cut(struct holder *holder);
void let_go(struct holder *holder);
void expect_words(wws_string text, const char *expected);
void expect_come(struct holder *holder, const char *text);
static inline void let_everything_run(void)
{
    let_loops_run(it->runtime);
}

wws_status listen_staged(void);
void stop_server(bool reset);
/* The next client comes: the session that it makes. */
struct holder *come(void);

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, custom_set_up, custom_clean_up)

#endif
