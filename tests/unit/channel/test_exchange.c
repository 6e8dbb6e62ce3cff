/* The exchange with a transport of our own, whose step reads orders from a
 * socket pair.  Moments that last an instant are met by running the test's own
 * code inside them: inside a step, and inside the arming of a descriptor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/channel/exchange.h"

enum {
    PATIENCE_S = 20,
    RACERS = 3,
    LANES = 32,    /* exchanges under way together */
    TURNS = 3125,
};

static void wait_for(sem_t *sem)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    assert_int_equal(sem_timedwait(sem, &until), 0);
}

/* What a test does inside a step or an arming, once. */
struct inside {
    void (*run)(void *state);
    void *state;
};

static void run_inside(struct inside *inside)
{
    void (*run)(void *) = inside->run;

    inside->run = NULL;
    if (run != NULL)
        run(inside->state);
}

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

static wws_status obey(struct fake *fake, char order)
{
    struct wwi_client *base = &fake->base;

    switch (order) {
    case 'k':
        return WWS_S_OK;
    case 'e':
        return WWS_S_END;
    case 's':
        atomic_store(&base->track->phase, WWS_PHASE_WAIT);
        atomic_store(&base->track->progress, WWS_PROGRESS_SENT);
        return WWS_S_ASYNC;
    case 'x':
        base->trouble = (struct wwi_outcome) {
            .status = WWS_E_ENDPOINT_DISCONNECTED,
            .phase = WWS_PHASE_HEADERS,
            .progress = WWS_PROGRESS_REPLYING,
            .http_status = 599,
            .original_code = 7,
        };
        snprintf(base->text, sizeof base->text, "it broke");
        return WWS_E_ENDPOINT_DISCONNECTED;
    default:
        return WWS_S_ASYNC;
    }
}

static wws_status fake_step(struct wwi_client *base, struct wwi_want *want)
{
    struct fake *fake = WWI_CONTAINER(base, struct fake, base);
    wws_status status = WWS_S_ASYNC;
    char order;

    atomic_fetch_add(&fake->steps, 1);
    if (wwi_loop_current(base->loop))
        atomic_fetch_add(&fake->on_loop, 1);
    while (status == WWS_S_ASYNC
        && recv(base->source.fd, &order, 1, MSG_DONTWAIT) == 1)
        status = obey(fake, order);
    run_inside(&fake->inside);
    want->events = fake->deaf ? 0 : POLLIN;
    want->deadline = fake->deadline;
    sem_post(&fake->stepped);
    return status;
}

static const struct wwi_transport fake_transport = {
    .scheme = "fake",
    .client_step = fake_step,
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

static struct tally *tally_of(struct wwi_exchange *exchange)
{
    return WWI_CONTAINER(exchange, struct subject, exchange)->tally;
}

static wws_status give_result(struct wwi_exchange *exchange, wws_status status)
{
    struct tally *tally = tally_of(exchange);

    assert_int_equal(tally->ended, 0);
    assert_int_equal(tally->over, 0);
    atomic_fetch_add(&tally->result, 1);
    return tally->gives != 0 ? tally->gives : status;
}

static void was_ended(struct wwi_exchange *exchange)
{
    struct tally *tally = tally_of(exchange);

    assert_int_equal(tally->heard, 0);
    atomic_fetch_add(&tally->ended, 1);
}

static void is_over(struct wwi_exchange *exchange, bool whole)
{
    struct tally *tally = tally_of(exchange);

    assert_int_equal(tally->retired, 0);
    atomic_fetch_add(&tally->whole, whole);
    atomic_fetch_add(&tally->over, 1);
    sem_post(&tally->was_over);
}

static void is_retired(struct wwi_exchange *exchange)
{
    struct tally *tally = tally_of(exchange);

    assert_int_equal(tally->destroyed, 0);
    atomic_fetch_add(&tally->retired, 1);
}

static void destroy(struct wwi_exchange *exchange)
{
    struct tally *tally = tally_of(exchange);

    assert_int_equal(tally->retired, 1);
    wwi_free(WWI_CONTAINER(exchange, struct subject, exchange));
    atomic_fetch_add(&tally->destroyed, 1);
    sem_post(&tally->was_destroyed);
}

static const struct wwi_exchange_callbacks callbacks = {
    .result = give_result,
    .ended = was_ended,
    .over = is_over,
    .retired = is_retired,
};

static void completed(wws_status status, void *state)
{
    struct tally *tally = state;

    assert_int_equal(tally->ended, 1);
    atomic_store(&tally->status, status);
    atomic_fetch_add(&tally->heard, 1);
    sem_post(&tally->was_heard);
}

static void start_tally(struct tally *tally)
{
    *tally = (struct tally) { 0 };
    sem_init(&tally->was_over, 0, 0);
    sem_init(&tally->was_heard, 0, 0);
    sem_init(&tally->was_destroyed, 0, 0);
}

static void end_tally(struct tally *tally)
{
    sem_destroy(&tally->was_over);
    sem_destroy(&tally->was_heard);
    sem_destroy(&tally->was_destroyed);
}

static void forget_steps(struct fake *fake)
{
    while (sem_trywait(&fake->stepped) == 0)
        ;
}

static void open_fake(struct fake *fake, struct wwi_runtime *runtime)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair),
        0);
    *fake = (struct fake) {
        .base = {
            .transport = &fake_transport,
            .runtime = runtime,
            .loop = wwi_runtime_loop(runtime),
            .source.fd = pair[0],
            .track = &fake->base.own_track,
        },
        .peer = pair[1],
        .deadline = WWI_NEVER,
    };
    sem_init(&fake->stepped, 0, 0);
    assert_int_equal(wwi_loop_add(fake->base.loop, &fake->base.source),
        WWS_S_OK);
}

static void close_fake(struct fake *fake)
{
    wwi_loop_remove(fake->base.loop, &fake->base.source);
    close(fake->base.source.fd);
    close(fake->peer);
    sem_destroy(&fake->stepped);
}

/* The manner in which the caller waits. */
enum manner { SYNC, CALLBACK };

static struct fixture {
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
} it;

/* Runs the code of a test when a descriptor has just been armed. */
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    int (*wrapped)(int, int, int, struct epoll_event *);
    void *found = dlsym(RTLD_NEXT, "epoll_ctl");
    int result;

    memcpy(&wrapped, &found, sizeof found);
    result = wrapped(epoll, operation, fd, event);
    if (operation == EPOLL_CTL_MOD && fd == it.fake.base.source.fd
        && (event->events & EPOLLIN) != 0)
        run_inside(&it.arming);
    return result;
}

static int set_up(void **state)
{
    const wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;

    (void) state;
    it = (struct fixture) { .blocks = wwi_memory_live() };
    it.runtime = wwi_runtime_new(&options);
    assert_non_null(it.runtime);
    it.error = wwi_error_new();
    assert_non_null(it.error);
    open_fake(&it.fake, it.runtime);
    start_tally(&it.tally);
    return 0;
}

/* The one that every test ends with: all has happened, and once. */
static void assert_all_once(const struct tally *tally)
{
    assert_int_equal(tally->ended, 1);
    assert_int_equal(tally->over, 1);
    assert_int_equal(tally->retired, 1);
    assert_int_equal(tally->destroyed, 1);
    assert_int_equal(tally->heard, 1);
}

static int clean_up(void **state)
{
    (void) state;
    wwi_clock_release();
    (void) wwi_error_free(it.error);
    assert_true(wwi_runtime_end(it.runtime, wwi_clock_after(20000)));
    close_fake(&it.fake);
    assert_true(wwi_object_close(&it.runtime->object));
    wwi_object_unref(&it.runtime->object);
    end_tally(&it.tally);
    /* Wakes stay in their stock, of which no test has more at a time. */
    assert_true(wwi_memory_live() <= it.blocks + LANES);
    return 0;
}

/* Makes an exchange of which the test has a reference, too. */
static struct subject *make(
    struct tally *tally,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct subject *subject = wwi_alloc_zero(sizeof *subject);

    assert_non_null(subject);
    subject->tally = tally;
    assert_int_equal(wwi_exchange_init(&subject->exchange, &callbacks, destroy,
        it.runtime, completion, error), WWS_S_OK);
    subject->exchange.drain_timeout_ms = 500;
    subject->exchange.awaits_reply = true;
    wwi_exchange_ref(&subject->exchange);
    return subject;
}

static wws_completion completion_of(struct tally *tally)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    completion.state = tally;
    completion.completed = completed;
    return completion;
}

static void init(enum manner manner)
{
    wws_completion completion = completion_of(&it.tally);

    it.manner = manner;
    it.subject = make(&it.tally, manner == SYNC ? NULL : &completion,
        it.error);
}

static void *call(void *state)
{
    struct subject *subject = state;
    struct tally *tally = subject->tally;

    atomic_store(&tally->status,
        wwi_exchange_run(&subject->exchange, &it.fake.base));
    atomic_fetch_add(&tally->heard, 1);
    sem_post(&tally->was_heard);
    return NULL;
}

/* Runs it as far as it goes without orders. */
static void run(void)
{
    if (it.manner == SYNC) {
        it.called = true;
        assert_int_equal(pthread_create(&it.caller, NULL, call, it.subject),
            0);
    } else {
        assert_int_equal(wwi_exchange_run(&it.subject->exchange,
            &it.fake.base), WWS_S_ASYNC);
    }
}

static void start(enum manner manner)
{
    init(manner);
    run();
    wait_for(&it.fake.stepped);
}

static void order(const char *orders)
{
    size_t size = strlen(orders);

    assert_int_equal(write(it.fake.peer, orders, size), size);
}

static bool end_as(enum wwi_ending ending)
{
    bool took = wwi_exchange_end(&it.subject->exchange, ending,
        ending == WWI_ENDING_STOP ? WWS_E_OPERATION_ABORTED
        : WWS_E_OPERATION_ABANDONED, ending == WWI_ENDING_STOP ? "stopped"
        : "abandoned");

    atomic_fetch_add(&it.tally.ends, took);
    return took;
}

static void stop_inside(void *state)
{
    assert_int_equal(end_as(WWI_ENDING_STOP), state == NULL);
}

static void abandon_inside(void *state)
{
    assert_int_equal(end_as(WWI_ENDING_DRAIN), state == NULL);
}

static wws_status hear(void)
{
    wait_for(&it.tally.was_heard);
    if (it.called)
        pthread_join(it.caller, NULL);
    it.called = false;
    return it.tally.status;
}

/* Waits for the end of everything and looks at it. */
static void assert_over(bool whole)
{
    wait_for(&it.tally.was_over);
    assert_int_equal(it.tally.whole, whole);
    wwi_exchange_unref(&it.subject->exchange);
    wait_for(&it.tally.was_destroyed);
    assert_all_once(&it.tally);
    assert_int_equal(it.tally.ends + it.tally.result, 1);
}

/* For the next exchange of a test. */
static void begin_again(void)
{
    end_tally(&it.tally);
    start_tally(&it.tally);
    forget_steps(&it.fake);
}

static bool says(const char *what)
{
    wws_string text;

    for (uint32_t i = 0; wwi_error_get_string(it.error, i, &text) == WWS_S_OK;
         i++)
        if (text.size == strlen(what) && memcmp(text.data, what, text.size)
            == 0)
            return true;
    return false;
}

static uint64_t count_of(wws_counter counter)
{
    return it.runtime->counters[counter];
}

/* When this has returned, the loop has made a whole turn. */

struct barrier {
    struct wwi_post post;
    sem_t passed;
};

static void pass(struct wwi_work *work)
{
    sem_post(&WWI_CONTAINER(work, struct barrier, post.work)->passed);
}

static void let_loop_turn(void)
{
    struct barrier barrier;

    sem_init(&barrier.passed, 0, 0);
    for (int i = 0; i < 3; i++) {
        wwi_post_init(&barrier.post, pass);
        wwi_loop_post(it.fake.base.loop, &barrier.post);
        wait_for(&barrier.passed);
    }
    sem_destroy(&barrier.passed);
}

/* A caller that waits himself. */

static void caller__drives_the_exchange_on_his_own_thread(void **state)
{
    uint64_t handed_over = wwi_loop_handed_over(it.fake.base.loop);

    (void) state;
    start(SYNC);
    order("s");
    wait_for(&it.fake.stepped);
    order("k");

    assert_int_equal(hear(), WWS_S_OK);

    assert_int_equal(it.tally.over, 1);
    assert_over(true);
    assert_int_equal(it.fake.steps, 3);
    assert_int_equal(it.fake.on_loop, 0);
    assert_int_equal(wwi_loop_handed_over(it.fake.base.loop), handed_over);
    assert_ptr_equal(it.fake.base.track, &it.fake.base.own_track);
    assert_int_equal(it.fake.base.own_track.progress, WWS_PROGRESS_SENT);
}

static void caller__hears_at_once_of_what_does_not_wait(void **state)
{
    (void) state;
    order("e");
    start(SYNC);

    assert_int_equal(hear(), WWS_S_END);

    assert_over(true);
    assert_int_equal(it.fake.steps, 1);
}

static void caller__hears_what_the_transport_says_of_a_failure(void **state)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    (void) state;
    start(SYNC);
    order("x");

    assert_int_equal(hear(), WWS_E_ENDPOINT_DISCONNECTED);

    assert_over(false);
    assert_true(says("it broke"));
    assert_int_equal(wwi_error_get_info(it.error, &info), WWS_S_OK);
    assert_int_equal(info.phase, WWS_PHASE_HEADERS);
    assert_int_equal(info.progress, WWS_PROGRESS_REPLYING);
    assert_int_equal(info.http_status, 599);
    assert_int_equal(info.original_code, 7);
}

static void caller__gets_the_status_that_the_owner_object_gives(void **state)
{
    (void) state;
    it.tally.gives = WWS_E_INVALID_FORMAT;
    start(SYNC);
    order("k");

    assert_int_equal(hear(), WWS_E_INVALID_FORMAT);

    assert_over(true);
}

static void caller__is_driven_by_notice_alone(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it.fake.deaf = true;
        start(manner);
        order("k");
        let_loop_turn();
        assert_int_equal(it.tally.over, 0);

        it.fake.base.notify(&it.fake.base);

        assert_int_equal(hear(), WWS_S_OK);
        assert_over(true);
        assert_int_equal(it.fake.on_loop, manner == SYNC ? 0 : 1);
        begin_again();
    }
}

/* Stop: nothing of it goes on. */

static void stop__ends_both_in_every_manner(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start(manner);
        assert_true(end_as(WWI_ENDING_STOP));
        assert_false(end_as(WWI_ENDING_STOP));
        assert_false(end_as(WWI_ENDING_DRAIN));

        assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
        assert_true(says("stopped"));
        assert_over(false);
        assert_int_equal(it.fake.steps, manner == SYNC ? 1 : 2);
        begin_again();
    }
    assert_int_equal(count_of(WWS_COUNTER_CANCEL_ASKED), 6);
    assert_int_equal(count_of(WWS_COUNTER_CANCEL_WON), 2);
    assert_int_equal(count_of(WWS_COUNTER_COMPLETED_FIRST), 4);
    assert_int_equal(count_of(WWS_COUNTER_LATE_REPLY_DROPPED), 0);
}

static void stop__before_run_leaves_nothing_to_do(void **state)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        init(manner);
        assert_true(end_as(WWI_ENDING_STOP));
        run();

        assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
        assert_over(false);
        assert_int_equal(wwi_error_get_info(it.error, &info), WWS_S_OK);
        assert_int_equal(info.phase, WWS_PHASE_QUEUE);
        assert_int_equal(info.progress, WWS_PROGRESS_NOT_SENT);
        begin_again();
    }
    assert_int_equal(it.fake.steps, 0);
}

static void stop__during_the_first_step_is_seen(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it.fake.inside.run = stop_inside;
        start(manner);

        assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
        assert_over(false);
        begin_again();
    }
    assert_int_equal(it.fake.steps, 2);
}

static void stop__during_a_step_on_the_loop_is_seen(void **state)
{
    (void) state;
    start(CALLBACK);
    it.fake.inside.run = stop_inside;
    order("s");

    assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
    assert_over(false);
    assert_int_equal(it.fake.steps, 2);
}

static void stop__during_the_last_step_leaves_a_late_reply(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it.fake.inside.run = stop_inside;
        order("k");
        start(manner);

        assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
        assert_over(true);
        begin_again();
    }
    assert_int_equal(count_of(WWS_COUNTER_LATE_REPLY_DROPPED), 2);
}

static void stop_in_last_step(const char *last)
{
    init(CALLBACK);
    it.subject->exchange.awaits_reply = last[0] == 'e';
    it.fake.inside.run = stop_inside;
    order(last);
    run();
    assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
    assert_over(true);
    begin_again();
}

static void stop__leaves_no_late_reply_where_none_arrived(void **state)
{
    (void) state;

    stop_in_last_step("k");
    stop_in_last_step("e");

    assert_int_equal(count_of(WWS_COUNTER_LATE_REPLY_DROPPED), 0);
}

static void stop__while_it_is_handed_over_is_seen(void **state)
{
    (void) state;
    it.arming.run = stop_inside;
    start(CALLBACK);

    assert_int_equal(hear(), WWS_E_OPERATION_ABORTED);
    assert_over(false);
    assert_int_equal(it.fake.steps, 1);
}

/* Drain: the caller is free, the exchange goes on. */

static void drain__goes_on_upon_the_loop(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start(manner);
        assert_true(end_as(WWI_ENDING_DRAIN));
        assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
        assert_true(says("abandoned"));
        assert_int_equal(it.tally.over, 0);

        order("k");

        assert_over(true);
        assert_true(it.fake.on_loop > 0);
        it.fake.on_loop = 0;
        begin_again();
    }
    assert_int_equal(count_of(WWS_COUNTER_LATE_REPLY_DROPPED), 2);
}

static void drain__is_limited_in_time(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start(manner);
        assert_true(end_as(WWI_ENDING_DRAIN));
        assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
        let_loop_turn();
        wwi_clock_move(499);
        let_loop_turn();
        assert_int_equal(it.tally.over, 0);

        wwi_clock_move(1);

        assert_over(false);
        begin_again();
    }
}

static void drain__can_be_stopped(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start(manner);
        assert_true(end_as(WWI_ENDING_DRAIN));
        assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
        let_loop_turn();

        assert_false(end_as(WWI_ENDING_STOP));

        assert_over(false);
        begin_again();
    }
}

static void drain__before_run_is_carried_out_by_the_loop(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        init(manner);
        assert_true(end_as(WWI_ENDING_DRAIN));
        run();
        assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
        wait_for(&it.fake.stepped);

        order("k");

        assert_over(true);
        begin_again();
    }
}

static void drain__during_the_first_step_is_seen(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it.fake.inside.run = abandon_inside;
        start(manner);
        assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
        let_loop_turn();
        assert_int_equal(it.tally.over, 0);

        wwi_clock_move(500);

        assert_over(false);
        begin_again();
    }
}

static void drain__while_it_is_handed_over_is_seen(void **state)
{
    (void) state;
    wwi_clock_hold();
    it.arming.run = abandon_inside;
    start(CALLBACK);
    assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
    let_loop_turn();
    assert_int_equal(it.tally.over, 0);

    wwi_clock_move(500);

    assert_over(false);
}

/* Who is told that nothing was sent may send it again. */
static void drain__does_not_say_that_nothing_is_sent(void **state)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    (void) state;
    start(SYNC);
    assert_true(end_as(WWI_ENDING_DRAIN));
    assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);

    assert_int_equal(wwi_error_get_info(it.error, &info), WWS_S_OK);

    assert_int_equal(info.progress, WWS_PROGRESS_PARTLY_SENT);
    order("k");
    assert_over(true);
}

/* Handing over, with the loop in the middle of it. */

static void let_loop_see_orders(void *state)
{
    order(state);
    let_loop_turn();
    assert_int_equal(it.tally.over, 0);
}

static void hand_over__what_is_ready_meanwhile_is_not_lost(void **state)
{
    char orders[] = "k";

    (void) state;
    it.arming = (struct inside) { let_loop_see_orders, orders };
    start(CALLBACK);

    assert_int_equal(hear(), WWS_S_OK);
    assert_over(true);
    assert_int_equal(it.fake.on_loop, 1);
}

static void let_time_pass(void *state)
{
    (void) state;
    wwi_clock_move(1000);
    let_loop_turn();
    assert_int_equal(it.tally.over, 0);
}

static void hand_over__what_expires_meanwhile_is_not_lost(void **state)
{
    (void) state;
    wwi_clock_hold();
    it.arming.run = let_time_pass;
    init(CALLBACK);
    it.subject->exchange.deadline = wwi_clock_now() + 1000;
    it.subject->exchange.deadline_text = "too late";
    run();

    assert_int_equal(hear(), WWS_E_OPERATION_TIMED_OUT);
    it.tally.ends = 1;
    assert_over(false);
}

static void notify_inside(void *state)
{
    (void) state;
    it.fake.base.notify(&it.fake.base);
    let_loop_turn();
    assert_int_equal(it.fake.steps, 1);
}

static void hand_over__notice_meanwhile_is_not_lost(void **state)
{
    (void) state;
    it.arming.run = notify_inside;
    start(CALLBACK);

    wait_for(&it.fake.stepped);

    assert_int_equal(it.fake.on_loop, 1);
    order("k");
    assert_int_equal(hear(), WWS_S_OK);
    assert_over(true);
}

/* Both directions. */
static void client__may_change_between_loop_and_callers(void **state)
{
    (void) state;
    for (int i = 0; i < 20; i++) {
        enum manner manner = i % 2 == 0 ? CALLBACK : SYNC;
        int on_loop = it.fake.on_loop;

        start(manner);
        order("k");
        assert_int_equal(hear(), WWS_S_OK);
        assert_over(true);
        assert_int_equal(it.fake.on_loop, on_loop + (manner == CALLBACK));
        begin_again();
    }
}

/* Time. */

static void start_with_deadline(enum manner manner, bool drains)
{
    init(manner);
    it.subject->exchange.deadline = wwi_clock_now() + 1000;
    it.subject->exchange.deadline_text = "too late";
    it.subject->exchange.deadline_drains = drains;
    run();
    wait_for(&it.fake.stepped);
}

static void deadline__stops(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start_with_deadline(manner, false);
        wwi_clock_move(999);
        let_loop_turn();
        assert_int_equal(it.tally.ended, 0);

        wwi_clock_move(1);

        assert_int_equal(hear(), WWS_E_OPERATION_TIMED_OUT);
        assert_true(says("too late"));
        it.tally.ends = 1;
        assert_over(false);
        begin_again();
    }
}

static void deadline__drains_if_asked_to(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        start_with_deadline(manner, true);
        wwi_clock_move(1000);
        assert_int_equal(hear(), WWS_E_OPERATION_TIMED_OUT);
        let_loop_turn();
        wwi_clock_move(499);
        let_loop_turn();
        assert_int_equal(it.tally.over, 0);

        wwi_clock_move(1);

        it.tally.ends = 1;
        assert_over(false);
        begin_again();
    }
}

/* A peer that never stops talking does not put it off. */
static void keep_ready(void *state)
{
    (void) state;
    order(".");
    wwi_clock_move(1);
    it.fake.inside.run = keep_ready;
}

static void deadline__comes_to_those_who_are_always_ready(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it.fake.deadline = WWI_NEVER;
        it.fake.inside.run = keep_ready;
        order(".");
        start_with_deadline(manner, false);

        assert_int_equal(hear(), WWS_E_OPERATION_TIMED_OUT);

        it.tally.ends = 1;
        assert_over(false);
        it.fake.inside.run = NULL;
        begin_again();
    }
}

static void deadline__of_a_phase_is_a_step(void **state)
{
    (void) state;
    wwi_clock_hold();
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        it.fake.deadline = wwi_clock_now() + 100;
        start(manner);
        it.fake.deadline = WWI_NEVER;
        let_loop_turn();

        wwi_clock_move(100);

        wait_for(&it.fake.stepped);
        assert_int_equal(it.tally.ended, 0);
        order("k");
        assert_int_equal(hear(), WWS_S_OK);
        assert_over(true);
        begin_again();
    }
}

/* Hearing of it. */

static void queue__holds_the_end_until_it_is_fetched(void **state)
{
    wws_completion completion = WWS_COMPLETION_INIT;
    wws_event event = WWS_EVENT_INIT;
    struct wwi_queue *queue;
    uint32_t count = 0;

    (void) state;
    assert_int_equal(wwi_queue_create(it.runtime, &completion.queue, NULL),
        WWS_S_OK);
    assert_int_equal(wwi_table_get(completion.queue.id, WWI_KIND_QUEUE,
        &queue), WWS_S_OK);
    completion.state = &it;
    it.manner = CALLBACK;
    it.subject = make(&it.tally, &completion, NULL);
    run();
    order("x");
    wait_for(&it.tally.was_over);
    sem_post(&it.tally.was_over);

    let_loop_turn();
    assert_int_equal(it.tally.destroyed, 0);
    assert_int_equal(wwi_queue_next(queue, 1, &event, &count, NULL), WWS_S_OK);

    assert_int_equal(count, 1);
    assert_int_equal(event.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_ptr_equal(event.state, &it);
    assert_int_not_equal(event.error.id, 0);
    it.tally.heard = 1;
    assert_over(false);
    {
        struct wwi_error *error;

        assert_int_equal(wwi_table_get(event.error.id, WWI_KIND_ERROR, &error),
            WWS_S_OK);
        wwi_object_unref(&error->object);
        assert_int_equal(wwi_error_free(error), WWS_S_OK);
    }
    wwi_queue_unref(queue);
    assert_int_equal(wwi_queue_free(queue), WWS_S_OK);
}

static void init__refuses_a_completion_that_is_none(void **state)
{
    const wws_completion completion = WWS_COMPLETION_INIT;
    struct subject *subject = wwi_alloc_zero(sizeof *subject);

    (void) state;
    assert_int_equal(wwi_exchange_init(&subject->exchange, &callbacks, destroy,
        it.runtime, &completion, it.error), WWS_E_INVALIDARG);
    wwi_free(subject);
}

static void refuse__gives_the_status_and_no_more(void **state)
{
    (void) state;
    for (enum manner manner = SYNC; manner <= CALLBACK; manner++) {
        init(manner);

        assert_int_equal(wwi_exchange_refuse(&it.subject->exchange,
            WWS_E_QUOTA_EXCEEDED), WWS_E_QUOTA_EXCEEDED);

        assert_false(end_as(WWI_ENDING_STOP));
        wwi_exchange_unref(&it.subject->exchange);
        assert_int_equal(it.tally.destroyed, 1);
        assert_int_equal(it.tally.ended, 0);
        assert_int_equal(it.tally.over, 0);
        assert_int_equal(it.tally.heard, 0);
        begin_again();
    }
}

static void refuse__leaves_the_word_to_who_came_first(void **state)
{
    (void) state;
    init(SYNC);
    assert_true(end_as(WWI_ENDING_STOP));
    assert_int_equal(wwi_exchange_refuse(&it.subject->exchange,
        WWS_E_QUOTA_EXCEEDED), WWS_E_OPERATION_ABORTED);
    wwi_exchange_unref(&it.subject->exchange);
    assert_int_equal(it.tally.retired, 1);
    assert_int_equal(it.tally.destroyed, 1);
    begin_again();

    init(CALLBACK);
    assert_true(end_as(WWI_ENDING_DRAIN));
    assert_int_equal(wwi_exchange_refuse(&it.subject->exchange,
        WWS_E_QUOTA_EXCEEDED), WWS_S_ASYNC);
    assert_int_equal(hear(), WWS_E_OPERATION_ABANDONED);
    wwi_exchange_unref(&it.subject->exchange);
    wait_for(&it.tally.was_destroyed);
    assert_int_equal(it.tally.retired, 1);
}

/* Everything at once, in an order that nobody knows. */

enum act { ACT_STOP, ACT_DRAIN, ACT_READY, ACT_TIME, ACTS };

static struct {
    struct fake fakes[LANES];
    struct tally tallies[LANES];
    struct subject *_Atomic lanes[LANES];
    _Atomic int turn;
    pthread_barrier_t begin, end;
} race;

static uint32_t random_of(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void act(int lane, enum act what)
{
    struct subject *subject = race.lanes[lane];
    struct wwi_exchange *exchange = &subject->exchange;
    bool took = false;

    switch (what) {
    case ACT_STOP:
        took = wwi_exchange_end(exchange, WWI_ENDING_STOP,
            WWS_E_OPERATION_ABORTED, "stopped");
        break;
    case ACT_DRAIN:
        took = wwi_exchange_end(exchange, WWI_ENDING_DRAIN,
            WWS_E_OPERATION_ABANDONED, "abandoned");
        break;
    case ACT_READY:
        assert_int_equal(write(race.fakes[lane].peer, "k", 1), 1);
        break;
    case ACT_TIME:
    case ACTS:
        wwi_clock_move(1);
        break;
    }
    atomic_fetch_add(&race.tallies[lane].ends, took);
    wwi_exchange_unref(exchange);
}

static void *racer(void *state)
{
    uint32_t seed = *(const uint32_t *) state;
    bool first = seed == 1;

    while (pthread_barrier_wait(&race.begin), race.turn >= 0) {
        uint32_t from = random_of(&seed);

        for (uint32_t i = 0; i < LANES; i++) {
            /* One of them sees to it that callers come back. */
            uint32_t what = random_of(&seed) % (first ? 1000 : ACTS * 8);

            if (first)
                what = what % 2 == 0 ? ACT_STOP : ACT_READY;
            else if (what >= ACTS)
                what = what % 2 == 0 ? ACT_DRAIN : ACT_READY;
            act((int) ((from + i) % LANES), (enum act) what);
        }
        pthread_barrier_wait(&race.end);
    }
    return NULL;
}

static void make_lanes(uint32_t *seed)
{
    for (int i = 0; i < LANES; i++) {
        wws_completion completion = completion_of(&race.tallies[i]);
        bool sync = random_of(seed) % 8 == 0;
        struct subject *subject;

        start_tally(&race.tallies[i]);
        subject = make(&race.tallies[i], sync ? NULL : &completion, NULL);
        for (int more = 1; more < RACERS; more++)
            wwi_exchange_ref(&subject->exchange);
        subject->exchange.drain_timeout_ms = random_of(seed) % 64;
        if (random_of(seed) % 2 == 0)
            subject->exchange.deadline =
                wwi_clock_after(random_of(seed) % 64);
        subject->exchange.deadline_drains = random_of(seed) % 2 == 0;
        race.lanes[i] = subject;
    }
}

static void run_lanes(void)
{
    for (int i = 0; i < LANES; i++) {
        struct tally *tally = &race.tallies[i];
        struct wwi_exchange *exchange = &race.lanes[i]->exchange;
        bool sync = !wwi_wait_asynchronous(&exchange->wait);
        wws_status status = wwi_exchange_run(exchange, &race.fakes[i].base);

        if (!sync) {
            assert_int_equal(status, WWS_S_ASYNC);
            continue;
        }
        assert_int_equal(tally->ended, 1);
        atomic_store(&tally->status, status);
        atomic_fetch_add(&tally->heard, 1);
        sem_post(&tally->was_heard);
    }
}

static void check_lane(int lane)
{
    struct tally *tally = &race.tallies[lane];
    struct fake *fake = &race.fakes[lane];
    bool expired;
    char order;

    wait_for(&tally->was_heard);
    wait_for(&tally->was_over);
    wait_for(&tally->was_destroyed);
    assert_all_once(tally);
    expired = tally->status == WWS_E_OPERATION_TIMED_OUT;
    assert_int_equal(tally->ends + tally->result + expired, 1);
    assert_int_equal(tally->result, tally->status == WWS_S_OK);
    assert_ptr_equal(fake->base.track, &fake->base.own_track);
    end_tally(tally);
    while (recv(fake->base.source.fd, &order, 1, MSG_DONTWAIT) == 1)
        ;
    forget_steps(fake);
}

static void race__ends_everything_exactly_once(void **state)
{
    pthread_t threads[RACERS];
    uint32_t seeds[RACERS] = { 1, 2, 3 }, seed = 4;

    (void) state;
    wwi_clock_hold();
    pthread_barrier_init(&race.begin, NULL, RACERS + 1);
    pthread_barrier_init(&race.end, NULL, RACERS + 1);
    for (int i = 0; i < LANES; i++)
        open_fake(&race.fakes[i], it.runtime);
    race.turn = 0;
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, racer, &seeds[i]),
            0);

    for (; race.turn < TURNS; race.turn++) {
        make_lanes(&seed);
        pthread_barrier_wait(&race.begin);
        run_lanes();
        pthread_barrier_wait(&race.end);
        wwi_clock_move(1000);
        for (int i = 0; i < LANES; i++)
            check_lane(i);
    }

    race.turn = -1;
    pthread_barrier_wait(&race.begin);
    for (int i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < LANES; i++)
        close_fake(&race.fakes[i]);
    pthread_barrier_destroy(&race.begin);
    pthread_barrier_destroy(&race.end);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(caller__drives_the_exchange_on_his_own_thread),
        TEST(caller__hears_at_once_of_what_does_not_wait),
        TEST(caller__hears_what_the_transport_says_of_a_failure),
        TEST(caller__gets_the_status_that_the_owner_object_gives),
        TEST(caller__is_driven_by_notice_alone),
        TEST(stop__ends_both_in_every_manner),
        TEST(stop__before_run_leaves_nothing_to_do),
        TEST(stop__during_the_first_step_is_seen),
        TEST(stop__during_a_step_on_the_loop_is_seen),
        TEST(stop__during_the_last_step_leaves_a_late_reply),
        TEST(stop__leaves_no_late_reply_where_none_arrived),
        TEST(stop__while_it_is_handed_over_is_seen),
        TEST(drain__goes_on_upon_the_loop),
        TEST(drain__is_limited_in_time),
        TEST(drain__can_be_stopped),
        TEST(drain__before_run_is_carried_out_by_the_loop),
        TEST(drain__during_the_first_step_is_seen),
        TEST(drain__while_it_is_handed_over_is_seen),
        TEST(drain__does_not_say_that_nothing_is_sent),
        TEST(hand_over__what_is_ready_meanwhile_is_not_lost),
        TEST(hand_over__what_expires_meanwhile_is_not_lost),
        TEST(hand_over__notice_meanwhile_is_not_lost),
        TEST(client__may_change_between_loop_and_callers),
        TEST(deadline__stops),
        TEST(deadline__drains_if_asked_to),
        TEST(deadline__comes_to_those_who_are_always_ready),
        TEST(deadline__of_a_phase_is_a_step),
        TEST(queue__holds_the_end_until_it_is_fetched),
        TEST(init__refuses_a_completion_that_is_none),
        TEST(refuse__gives_the_status_and_no_more),
        TEST(refuse__leaves_the_word_to_who_came_first),
        TEST(race__ends_everything_exactly_once),
    };

    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
