/* One thread that drives descriptors and timers. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/io/loop.h"
#include "tests/unit/io/latch.h"

enum { POSTERS = 3, MANY = 500, CLOSES = 200 };

struct watched {
    struct wwi_source source;
    struct watched *other;
    struct latch calls;
    uint32_t events;
    bool on_loop;
    int far;
};

static struct wwi_loop *loop;
static uint64_t live_before;

static int set_up(void **state)
{
    (void) state;
    live_before = wwi_memory_live();
    loop = wwi_loop_create(NULL);
    return loop != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    if (!wwi_loop_close(loop, WWI_NEVER))
        return -1;
    wwi_loop_free(loop);
    wwi_clock_release();
    return wwi_memory_live() == live_before ? 0 : -1;
}

/* Runs a function on the loop and returns when it, and all that the loop was
 * about to do, is done. */
struct errand {
    struct wwi_post post;
    void (*run)(void *state);
    void *state;
    struct latch done;
};

static void run_errand(struct wwi_work *work)
{
    struct errand *errand = WWI_CONTAINER(work, struct errand, post.work);

    if (errand->run != NULL)
        errand->run(errand->state);
    latch_add(&errand->done, 1);
}

static void on_loop(void (*run)(void *state), void *state)
{
    struct errand errand = { .run = run, .state = state, .done = LATCH_INIT };

    wwi_post_init(&errand.post, run_errand);
    assert_true(wwi_loop_post(loop, &errand.post));
    assert_true(latch_reaches(&errand.done, 1));
}

/* Twice, for what is posted comes after what descriptors had to say. */
static void let_it_run(void)
{
    on_loop(NULL, NULL);
    on_loop(NULL, NULL);
}

static void ready(struct wwi_source *source, uint32_t events)
{
    struct watched *watched = WWI_CONTAINER(source, struct watched, source);

    watched->events = events;
    watched->on_loop = wwi_loop_current(loop);
    latch_add(&watched->calls, 1);
}

static void watch(struct watched *watched)
{
    const struct latch fresh = LATCH_INIT;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    *watched = (struct watched) { .calls = fresh, .far = ends[1] };
    watched->source.fd = ends[0];
    watched->source.ready = ready;
    assert_int_equal(wwi_loop_add(loop, &watched->source), WWS_S_OK);
}

static void remove_it(void *state)
{
    wwi_loop_remove(loop, &((struct watched *) state)->source);
}

static void unwatch(struct watched *watched)
{
    on_loop(remove_it, watched);
    close(watched->source.fd);
    if (watched->far >= 0)
        close(watched->far);
}

static void send_octet(struct watched *watched)
{
    assert_int_equal(write(watched->far, "x", 1), 1);
}

static void take_octet(struct watched *watched)
{
    char octet;

    assert_int_equal(read(watched->source.fd, &octet, 1), 1);
}

static void source__is_told_once_for_each_time_it_is_armed(void **state)
{
    struct watched watched;

    (void) state;
    watch(&watched);
    send_octet(&watched);
    for (int i = 1; i <= 3; i++) {
        wwi_loop_arm(loop, &watched.source, EPOLLIN);
        assert_true(latch_reaches(&watched.calls, i));
        let_it_run();
        assert_int_equal(latch_value(&watched.calls), i);
    }

    assert_true(watched.on_loop);
    assert_true(watched.events & EPOLLIN);
    unwatch(&watched);
}

static void source__that_is_armed_for_nothing_hears_nothing(void **state)
{
    struct watched watched;

    (void) state;
    watch(&watched);
    send_octet(&watched);
    let_it_run();
    close(watched.far);
    watched.far = -1;
    let_it_run();

    assert_int_equal(latch_value(&watched.calls), 0);
    unwatch(&watched);
}

static void source__hears_only_what_it_is_armed_for(void **state)
{
    struct watched watched;

    (void) state;
    watch(&watched);
    wwi_loop_arm(loop, &watched.source, EPOLLIN);
    let_it_run();
    assert_int_equal(latch_value(&watched.calls), 0);

    send_octet(&watched);

    assert_true(latch_reaches(&watched.calls, 1));
    take_octet(&watched);
    unwatch(&watched);
}

static void source__that_is_armed_hears_of_a_hang_up(void **state)
{
    struct watched watched;

    (void) state;
    watch(&watched);
    wwi_loop_arm(loop, &watched.source, 0);
    close(watched.far);
    watched.far = -1;

    assert_true(latch_reaches(&watched.calls, 1));
    assert_true(watched.events & EPOLLHUP);
    unwatch(&watched);
}

static void disarm_it(void *state)
{
    struct watched *watched = state;

    wwi_loop_arm(loop, &watched->source, EPOLLIN);
    wwi_loop_disarm(loop, &watched->source);
}

static void source__that_is_disarmed_hears_nothing(void **state)
{
    struct watched watched;

    (void) state;
    watch(&watched);
    send_octet(&watched);
    on_loop(disarm_it, &watched);
    let_it_run();
    assert_int_equal(latch_value(&watched.calls), 0);

    wwi_loop_arm(loop, &watched.source, EPOLLIN);

    assert_true(latch_reaches(&watched.calls, 1));
    unwatch(&watched);
}

static void remove_other(struct wwi_source *source, uint32_t events)
{
    struct watched *watched = WWI_CONTAINER(source, struct watched, source);

    wwi_loop_remove(loop, &watched->other->source);
    ready(source, events);
}

static void arm_both(void *state)
{
    struct watched *pair = state;

    wwi_loop_arm(loop, &pair[0].source, EPOLLIN);
    wwi_loop_arm(loop, &pair[1].source, EPOLLIN);
}

static void source__that_another_removes_at_the_same_time_hears_nothing(
    void **state)
{
    struct watched pair[2];

    (void) state;
    for (int i = 0; i < 2; i++) {
        watch(&pair[i]);
        pair[i].source.ready = remove_other;
        pair[i].other = &pair[1 - i];
        send_octet(&pair[i]);
    }

    on_loop(arm_both, pair);
    let_it_run();

    assert_int_equal(
        latch_value(&pair[0].calls) + latch_value(&pair[1].calls), 1);
    unwatch(&pair[0]);
    unwatch(&pair[1]);
}

static void source__without_a_descriptor_is_not_added(void **state)
{
    struct wwi_source source = { .fd = -1, .ready = ready };

    (void) state;
    assert_int_equal(wwi_loop_add(loop, &source), WWS_E_OUTOFMEMORY);
}

struct counted {
    struct wwi_post post;
    _Atomic int runs;
};

static void count_run(struct wwi_work *work)
{
    atomic_fetch_add(&WWI_CONTAINER(work, struct counted, post.work)->runs, 1);
}

static struct counted posts[POSTERS][MANY];
static pthread_barrier_t begin;

static void *post_many(void *state)
{
    struct counted *mine = state;

    pthread_barrier_wait(&begin);
    for (int i = 0; i < MANY; i++)
        (void) wwi_loop_post(loop, &mine[i].post);
    return NULL;
}

static void init_posts(void)
{
    for (int i = 0; i < POSTERS * MANY; i++) {
        posts[i / MANY][i % MANY].runs = 0;
        wwi_post_init(&posts[i / MANY][i % MANY].post, count_run);
    }
}

static void start_posters(pthread_t *threads)
{
    init_posts();
    pthread_barrier_init(&begin, NULL, POSTERS + 1);
    for (int i = 0; i < POSTERS; i++)
        pthread_create(&threads[i], NULL, post_many, posts[i]);
    pthread_barrier_wait(&begin);
}

static void join_posters(pthread_t *threads)
{
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&begin);
}

static void assert_each_ran_once(void)
{
    for (int i = 0; i < POSTERS * MANY; i++)
        assert_int_equal(posts[i / MANY][i % MANY].runs, 1);
}

static void post__of_many_threads_runs_once_each(void **state)
{
    pthread_t threads[POSTERS];

    (void) state;
    start_posters(threads);
    join_posters(threads);
    let_it_run();

    assert_each_ran_once();
    assert_true(wwi_loop_handed_over(loop) >= POSTERS * MANY);
}

/* A loop that is being closed runs what is posted, or who posts does. */
static void post__runs_once_though_the_loop_is_closing(void **state)
{
    pthread_t threads[POSTERS];

    (void) state;
    for (int i = 0; i < CLOSES; i++) {
        start_posters(threads);
        assert_true(wwi_loop_close(loop, WWI_NEVER));
        join_posters(threads);
        assert_each_ran_once();
        wwi_loop_free(loop);
        loop = wwi_loop_create(NULL);
        assert_non_null(loop);
    }
}

static void hold_it(void *state)
{
    struct latch *latches = state;

    latch_add(&latches[0], 1);
    (void) latch_reaches(&latches[1], 1);
}

static void post__that_has_not_begun_to_run_is_not_posted_twice(void **state)
{
    struct latch latches[2] = { LATCH_INIT, LATCH_INIT };
    struct errand errand = {
        .run = hold_it, .state = latches, .done = LATCH_INIT
    };
    struct counted counted = { .runs = 0 };

    (void) state;
    wwi_post_init(&errand.post, run_errand);
    wwi_post_init(&counted.post, count_run);
    assert_true(wwi_loop_post(loop, &errand.post));
    assert_true(latch_reaches(&latches[0], 1));

    assert_true(wwi_loop_post(loop, &counted.post));
    assert_false(wwi_loop_post(loop, &counted.post));
    latch_add(&latches[1], 1);
    assert_true(latch_reaches(&errand.done, 1));
    let_it_run();

    assert_int_equal(counted.runs, 1);
    assert_true(wwi_loop_post(loop, &counted.post));
    let_it_run();
    assert_int_equal(counted.runs, 2);
}

static void post__to_a_loop_that_has_closed_runs_at_once(void **state)
{
    struct counted counted = { .runs = 0 };

    (void) state;
    wwi_post_init(&counted.post, count_run);
    assert_true(wwi_loop_close(loop, WWI_NEVER));

    assert_true(wwi_loop_post(loop, &counted.post));
    assert_int_equal(counted.runs, 1);
    assert_true(wwi_loop_post(loop, &counted.post));

    assert_int_equal(counted.runs, 2);
}

static void loop__that_closes_waits_no_longer_than_allowed(void **state)
{
    struct latch latches[2] = { LATCH_INIT, LATCH_INIT };
    struct errand errand = {
        .run = hold_it, .state = latches, .done = LATCH_INIT
    };

    (void) state;
    wwi_post_init(&errand.post, run_errand);
    assert_true(wwi_loop_post(loop, &errand.post));
    assert_true(latch_reaches(&latches[0], 1));

    assert_false(wwi_loop_close(loop, wwi_clock_now()));
    latch_add(&latches[1], 1);

    assert_true(wwi_loop_close(loop, WWI_NEVER));
    assert_true(wwi_loop_close(loop, wwi_clock_now()));
}

struct alarm {
    struct wwi_timer timer;
    struct latch rung;
    bool on_loop;
    uint32_t again_ms;
};

static void ring(struct wwi_timer *timer)
{
    struct alarm *alarm = WWI_CONTAINER(timer, struct alarm, timer);

    alarm->on_loop = wwi_loop_current(loop);
    if (alarm->again_ms != 0)
        wwi_loop_set_timer(loop, timer, wwi_clock_after(alarm->again_ms));
    latch_add(&alarm->rung, 1);
}

#define ALARM_INIT { .timer = { .expired = ring }, .rung = LATCH_INIT }

static void timer__rings_when_the_clock_comes_to_it_and_no_earlier(void **state)
{
    struct alarm alarm = ALARM_INIT;

    (void) state;
    wwi_clock_hold();
    wwi_loop_set_timer(loop, &alarm.timer, wwi_clock_after(1000));
    wwi_clock_move(999);
    let_it_run();
    assert_int_equal(latch_value(&alarm.rung), 0);

    wwi_clock_move(1);

    assert_true(latch_reaches(&alarm.rung, 1));
    let_it_run();
    assert_int_equal(latch_value(&alarm.rung), 1);
    assert_true(alarm.on_loop);
}

static void timer__rings_while_the_clock_runs(void **state)
{
    struct alarm later = ALARM_INIT, sooner = ALARM_INIT;
    int64_t deadline = wwi_clock_after(20);

    (void) state;
    wwi_loop_set_timer(loop, &later.timer, wwi_clock_after(3600000));
    wwi_loop_set_timer(loop, &sooner.timer, deadline);

    assert_true(latch_reaches(&sooner.rung, 1));
    assert_true(wwi_clock_now() >= deadline);
    assert_true(wwi_loop_cancel_timer(loop, &later.timer));
    assert_int_equal(latch_value(&later.rung), 0);
}

static void timer__that_is_cancelled_never_rings(void **state)
{
    struct alarm alarm = ALARM_INIT;

    (void) state;
    wwi_clock_hold();
    assert_false(wwi_loop_cancel_timer(loop, &alarm.timer));
    wwi_loop_set_timer(loop, &alarm.timer, wwi_clock_after(1000));
    assert_true(wwi_loop_cancel_timer(loop, &alarm.timer));
    assert_false(wwi_loop_cancel_timer(loop, &alarm.timer));

    wwi_clock_move(5000);
    let_it_run();

    assert_int_equal(latch_value(&alarm.rung), 0);
}

static void timer__that_is_set_again_rings_at_the_new_time(void **state)
{
    struct alarm alarm = ALARM_INIT;

    (void) state;
    wwi_clock_hold();
    wwi_loop_set_timer(loop, &alarm.timer, wwi_clock_after(1000));
    wwi_loop_set_timer(loop, &alarm.timer, wwi_clock_after(500));
    wwi_clock_move(500);
    assert_true(latch_reaches(&alarm.rung, 1));

    wwi_clock_move(500);
    let_it_run();

    assert_int_equal(latch_value(&alarm.rung), 1);
}

static void timer__may_set_itself_again(void **state)
{
    struct alarm alarm = ALARM_INIT;

    (void) state;
    alarm.again_ms = 10;
    wwi_clock_hold();
    wwi_loop_set_timer(loop, &alarm.timer, wwi_clock_after(10));
    for (int i = 1; i <= 5; i++) {
        wwi_clock_move(10);
        assert_true(latch_reaches(&alarm.rung, i));
    }

    assert_true(wwi_loop_cancel_timer(loop, &alarm.timer));
}

static void loop__knows_its_own_thread(void **state)
{
    struct watched watched;

    (void) state;
    assert_false(wwi_loop_current(loop));
    watch(&watched);
    send_octet(&watched);
    wwi_loop_arm(loop, &watched.source, EPOLLIN);
    assert_true(latch_reaches(&watched.calls, 1));
    assert_true(watched.on_loop);
    unwatch(&watched);
}

static void count_started(void *state)
{
    latch_add(&((struct latch *) state)[0], 1);
}

static void count_stopped(void *state)
{
    latch_add(&((struct latch *) state)[1], 1);
}

static void loop__tells_of_its_thread(void **state)
{
    struct latch latches[2] = { LATCH_INIT, LATCH_INIT };
    wws_thread_callbacks callbacks = WWS_THREAD_CALLBACKS_INIT;
    struct wwi_loop *other;

    (void) state;
    callbacks.state = latches;
    callbacks.started = count_started;
    callbacks.stopped = count_stopped;
    other = wwi_loop_create(&callbacks);
    assert_true(latch_reaches(&latches[0], 1));
    assert_int_equal(latch_value(&latches[1]), 0);

    assert_true(wwi_loop_close(other, WWI_NEVER));

    assert_int_equal(latch_value(&latches[0]), 1);
    assert_int_equal(latch_value(&latches[1]), 1);
    wwi_loop_free(other);
}

static void loop__is_not_made_without_memory(void **state)
{
    uint64_t live = wwi_memory_live();

    (void) state;
    wwi_memory_fail(1, 0);

    assert_null(wwi_loop_create(NULL));

    assert_int_equal(wwi_memory_live(), live);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(source__is_told_once_for_each_time_it_is_armed),
        TEST(source__that_is_armed_for_nothing_hears_nothing),
        TEST(source__hears_only_what_it_is_armed_for),
        TEST(source__that_is_armed_hears_of_a_hang_up),
        TEST(source__that_is_disarmed_hears_nothing),
        TEST(source__that_another_removes_at_the_same_time_hears_nothing),
        TEST(source__without_a_descriptor_is_not_added),
        TEST(post__of_many_threads_runs_once_each),
        TEST(post__runs_once_though_the_loop_is_closing),
        TEST(post__that_has_not_begun_to_run_is_not_posted_twice),
        TEST(post__to_a_loop_that_has_closed_runs_at_once),
        TEST(loop__that_closes_waits_no_longer_than_allowed),
        TEST(timer__rings_when_the_clock_comes_to_it_and_no_earlier),
        TEST(timer__rings_while_the_clock_runs),
        TEST(timer__that_is_cancelled_never_rings),
        TEST(timer__that_is_set_again_rings_at_the_new_time),
        TEST(timer__may_set_itself_again),
        TEST(loop__knows_its_own_thread),
        TEST(loop__tells_of_its_thread),
        TEST(loop__is_not_made_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
