/* The exchange with a transport of our own, whose step reads orders from a
 * socket pair.  Moments that last an instant are met by running the test's own
 * code inside them: inside a step, and inside the arming of a descriptor. */
#include "tests/support/exchange_fixture.h"

#include <string.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "tests/support/counters.h"

#include "core/base/memory.h"

#include "core/channel/exchange.h"

void run_inside(struct inside *inside)
{
    void (*run)(void *) = inside->run;

    inside->run = NULL;
    if (run != NULL)
        run(inside->state);
}

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
        base->text = "it broke";
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

void destroy_subject(struct wwi_exchange *exchange)
{
    struct tally *tally = tally_of(exchange);

    assert_int_equal(tally->retired, 1);
    wwi_free(WWI_CONTAINER(exchange, struct subject, exchange));
    atomic_fetch_add(&tally->destroyed, 1);
    sem_post(&tally->was_destroyed);
}

const struct wwi_exchange_callbacks subject_callbacks = {
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

void start_tally(struct tally *tally)
{
    *tally = (struct tally) { 0 };
    sem_init(&tally->was_over, 0, 0);
    sem_init(&tally->was_heard, 0, 0);
    sem_init(&tally->was_destroyed, 0, 0);
}

void end_tally(struct tally *tally)
{
    sem_destroy(&tally->was_over);
    sem_destroy(&tally->was_heard);
    sem_destroy(&tally->was_destroyed);
}

void forget_steps(struct fake *fake)
{
    while (sem_trywait(&fake->stepped) == 0)
        ;
}

void open_fake_client(struct fake *fake, struct wwi_runtime *runtime)
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

void close_fake_client(struct fake *fake)
{
    wwi_loop_remove(fake->base.loop, &fake->base.source);
    close(fake->base.source.fd);
    close(fake->peer);
    sem_destroy(&fake->stepped);
}

struct fixture exchange_fixture;

int exchange_set_up(void **state)
{
    const wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;

    (void) state;
    *it = (struct fixture) { .blocks = wwi_memory_live() };
    it->runtime = wwi_runtime_new(&options);
    assert_non_null(it->runtime);
    it->error = wwi_error_new();
    assert_non_null(it->error);
    open_fake_client(&it->fake, it->runtime);
    start_tally(&it->tally);
    return 0;
}

void assert_all_once(const struct tally *tally)
{
    assert_int_equal(tally->ended, 1);
    assert_int_equal(tally->over, 1);
    assert_int_equal(tally->retired, 1);
    assert_int_equal(tally->destroyed, 1);
    assert_int_equal(tally->heard, 1);
}

int exchange_clean_up(void **state)
{
    (void) state;
    wwi_clock_release();
    (void) wwi_error_free(it->error);
    assert_true(wwi_runtime_end(it->runtime, wwi_clock_after(20000)));
    close_fake_client(&it->fake);
    assert_true(wwi_object_close(&it->runtime->object));
    wwi_object_unref(&it->runtime->object);
    end_tally(&it->tally);
    /* Wakes stay in their stock, of which no test has more at a time. */
    assert_true(wwi_memory_live() <= it->blocks + LANES);
    return 0;
}

struct subject *make_subject(
    struct tally *tally,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct subject *subject = wwi_alloc_zero(sizeof *subject);

    assert_non_null(subject);
    subject->tally = tally;
    assert_int_equal(wwi_exchange_init(&subject->exchange,
        &subject_callbacks, destroy_subject,
        it->runtime, completion, error), WWS_S_OK);
    subject->exchange.drain_timeout_ms = 500;
    subject->exchange.awaits_reply = true;
    wwi_exchange_ref(&subject->exchange);
    return subject;
}

wws_completion completion_of(struct tally *tally)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    completion.state = tally;
    completion.completed = completed;
    return completion;
}

void init_exchange(enum manner manner)
{
    wws_completion completion = completion_of(&it->tally);

    it->manner = manner;
    it->subject = make_subject(&it->tally, manner == SYNC ? NULL : &completion,
        it->error);
}

static void *call(void *state)
{
    struct subject *subject = state;
    struct tally *tally = subject->tally;

    atomic_store(&tally->status,
        wwi_exchange_run(&subject->exchange, &it->fake.base));
    atomic_fetch_add(&tally->heard, 1);
    sem_post(&tally->was_heard);
    return NULL;
}

void run_exchange(void)
{
    if (it->manner == SYNC) {
        it->called = true;
        assert_int_equal(pthread_create(&it->caller, NULL, call, it->subject),
            0);
    } else {
        assert_int_equal(wwi_exchange_run(&it->subject->exchange,
            &it->fake.base), WWS_S_ASYNC);
    }
}

void start_exchange(enum manner manner)
{
    init_exchange(manner);
    run_exchange();
    wait_for_post(&it->fake.stepped);
}

void order(const char *orders)
{
    size_t size = strlen(orders);

    assert_int_equal(write(it->fake.peer, orders, size), size);
}

bool end_as(enum wwi_ending ending)
{
    bool took = wwi_exchange_end(&it->subject->exchange, ending,
        ending == WWI_ENDING_STOP ? WWS_E_OPERATION_ABORTED
        : WWS_E_OPERATION_ABANDONED, ending == WWI_ENDING_STOP ? "stopped"
        : "abandoned");

    atomic_fetch_add(&it->tally.ends, took);
    return took;
}

wws_status hear(void)
{
    wait_for_post(&it->tally.was_heard);
    if (it->called)
        pthread_join(it->caller, NULL);
    it->called = false;
    return it->tally.status;
}

void assert_over(bool whole)
{
    wait_for_post(&it->tally.was_over);
    assert_int_equal(it->tally.whole, whole);
    wwi_exchange_unref(&it->subject->exchange);
    wait_for_post(&it->tally.was_destroyed);
    assert_all_once(&it->tally);
    assert_int_equal(it->tally.ends + it->tally.result, 1);
}

void begin_again(void)
{
    end_tally(&it->tally);
    start_tally(&it->tally);
    forget_steps(&it->fake);
}

bool says(const char *what)
{
    wws_string text;

    for (uint32_t i = 0; wwi_error_get_string(it->error, i, &text) == WWS_S_OK;
         i++)
        if (text.size == strlen(what) && memcmp(text.data, what, text.size)
            == 0)
            return true;
    return false;
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

void let_loop_pass(void)
{
    struct barrier barrier;

    sem_init(&barrier.passed, 0, 0);
    for (int i = 0; i < 3; i++) {
        wwi_post_init(&barrier.post, pass);
        wwi_loop_post(it->fake.base.loop, &barrier.post);
        wait_for_post(&barrier.passed);
    }
    sem_destroy(&barrier.passed);
}
