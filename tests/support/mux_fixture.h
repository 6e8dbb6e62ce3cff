/* A mux upon a session of our own, whose calls are counted and whose events the
 * tests send by hand.  Clients are stepped by hand as well. */
#ifndef TESTS_MUX_FIXTURE_H
#define TESTS_MUX_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>

#include "core/channel/mux.h"
#include "tests/support/counters.h"
#include "tests/support/engine.h"

enum { CROWD = 1000 };

/* The session. */
struct fake {
    struct wwi_session base;
    struct wwi_lock lock;
    struct wwi_list queue;
    struct wwi_sending *leaving; /* has begun */
    wws_status refusal;          /* of send */
    bool hasty;                  /* sends within send */
    bool over;
    bool asked;
    _Atomic int opened;
    _Atomic int asks;
    _Atomic int shutdowns;
    _Atomic int aborts;
    _Atomic int freed;
    struct wwi_post reset;
    struct wwi_post release;
    /* Of what was sent last. */
    char action[32];
    char field[32];
    bool continues;
    bool more;
};
extern struct fake fake;

struct fixture {
    uint64_t blocks;
    struct wwi_runtime *runtime;
    struct wwi_error *error;
    struct wwi_mux *mux;
    struct wwi_mux_options options;
    struct wwi_client_options times;
    _Atomic wws_status closed_with;
    sem_t closed;
    bool open;
};

extern struct fixture mux_fixture;
static struct fixture *const it = &mux_fixture;

/* The first octets of what is first in the queue are about to leave.  Only one
 * sending leaves at a time. */
bool begin_first(void);
bool is_queued(void);
void finish_first(void);
void send_first(void);
void open_fake(void);

/* Events, on the loop. */

struct event {
    struct wwi_post post;
    void (*run)(struct event *event);
    wws_phase phase;
    struct wwi_piece piece;
    wws_status status;
    sem_t over;
};

void send_event(struct event *event);
/* When this has returned, the loop has made whole turns. */
void let_loop_turn(void);
void session_ends(wws_status status);
void run_arrived(struct event *event);
void piece_arrives(const char *text, bool more);
void arrives(const char *text);

#define HEAD "<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope' " \
    "xmlns:a='http://www.w3.org/2005/08/addressing'>"
#define RELATED(attributes, id) HEAD "<e:Header><x xmlns='urn:x'>" \
    "<a:RelatesTo>inner</a:RelatesTo></x><a:RelatesTo " attributes ">" id \
    "</a:RelatesTo></e:Header><e:Body>" id "</e:Body></e:Envelope>"
#define REPLY(id) RELATED("", id)
#define NEWS HEAD "<e:Body>news</e:Body></e:Envelope>"

/* A client with its exchange, stepped by the test. */
struct hand {
    struct wwi_client *client;
    struct wwi_track track;
    struct wwi_want want;
    _Atomic int notices;
};

void make_hand(struct hand *hand, bool pieces);
/* As an exchange does. */
void take_track(struct hand *hand);
void give_track_back(struct hand *hand);
wws_status step_hand(struct hand *hand);
wws_status begin_full(
    struct hand *hand,
    const char *id,
    bool reply,
    bool more);
void begin_hand(struct hand *hand, const char *id, bool reply);
/* Has sent its request and waits. */
void hand_asks(struct hand *hand, const char *id);
void hand_receives(struct hand *hand);
void receive_new(struct hand *hand);
void assert_takes(struct hand *hand, const char *what);
void assert_replied(struct hand *hand, const char *what);
void end_hand(struct hand *hand);
void free_hand(struct hand *hand);
void assert_fails(
    struct hand *hand,
    wws_status status,
    const char *text);
uint64_t dropped(void);

/* What the owner hears. */

void mux_closed(void *user, wws_status status);
wws_status create_mux(bool open);
void start_mux(void);
wws_status hear_closed(void);
int mux_set_up(void **state);
int mux_clean_up(void **state);
void start_opening(struct hand *hand);
bool one_field(
    const void *field,
    uint32_t *index,
    wws_string *name,
    wws_string *value);
void start_receiving(void);

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, mux_set_up, mux_clean_up)

#endif
