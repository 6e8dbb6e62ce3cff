/* The exchange with a transport of our own, whose step reads orders from a
 * socket pair.  Moments that last an instant are met by running the test's own
 * code inside them: inside a step, and inside the arming of a descriptor. */
#ifndef TESTS_EXCHANGE_FIXTURE_H
#define TESTS_EXCHANGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>

#include "core/channel/exchange.h"
#include "tests/support/engine.h"

enum { LANES = 32 }; /* exchanges under way together */

/* What a test does inside a step or an arming, once. */
struct inside {
    void (*run)(void *state);
    void *state;
};

void run_inside(struct inside *inside);

/* The transport.  Orders are octets: k completes, e ends without a reply, x
 * fails, s says that the request is sent; any other is just read. */
struct fake {
    struct wwi_client base;
    int peer;
    _Atomic int64_t deadline; /* of its phase */
    _Atomic bool deaf;     /* only wants to be notified */
    struct inside inside;
    sem_t stepped;         /* posted at the end of each step */
    _Atomic int steps;
    _Atomic int on_loop;   /* how many of them */
};

/* What the owner object of an exchange sees.  It outlives the exchange. */
struct tally {
    _Atomic int result;
    _Atomic int ended;
    _Atomic int over;
    _Atomic int whole;
    _Atomic int retired;
    _Atomic int destroyed;
    _Atomic int heard;
    _Atomic int ends;       /* how often wwi_exchange_end() said true */
    _Atomic wws_status status;
    wws_status gives;       /* what result says, if not the same */
    sem_t was_over;
    sem_t was_heard;
    sem_t was_destroyed;
};

struct subject {
    struct wwi_exchange exchange;
    struct tally *tally;
};

void destroy_subject(struct wwi_exchange *exchange);

extern const struct wwi_exchange_callbacks subject_callbacks;

void start_tally(struct tally *tally);
void end_tally(struct tally *tally);
void forget_steps(struct fake *fake);
void open_fake_client(struct fake *fake, struct wwi_runtime *runtime);
void close_fake_client(struct fake *fake);

/* The manner in which the caller waits. */
enum manner { SYNC, CALLBACK };

struct fixture {
    uint64_t blocks;
    struct wwi_runtime *runtime;
    struct fake fake;
    struct tally tally;
    struct subject *subject; /* with a reference of the test */
    enum manner manner;
    struct wwi_error *error;
    pthread_t caller;
    bool called;
    struct inside arming;
};

extern struct fixture exchange_fixture;
static struct fixture *const it = &exchange_fixture;

int exchange_set_up(void **state);
/* The one that every test ends with: all has happened, and once. */
void assert_all_once(const struct tally *tally);
int exchange_clean_up(void **state);
/* Makes an exchange of which the test has a reference, too. */
struct subject *make_subject(
    struct tally *tally,
    const wws_completion *completion,
    struct wwi_error *error);
wws_completion completion_of(struct tally *tally);
void init_exchange(enum manner manner);
/* Runs it as far as it goes without orders. */
void run_exchange(void);
void start_exchange(enum manner manner);
void order(const char *orders);
bool end_as(enum wwi_ending ending);
wws_status hear(void);
/* Waits for the end of everything and looks at it. */
void assert_over(bool whole);
/* For the next exchange of a test. */
void begin_again(void);
bool says(const char *what);

/* When this has returned, the loop has made a whole turn. */
void let_loop_pass(void);

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, exchange_set_up, exchange_clean_up)

#endif
