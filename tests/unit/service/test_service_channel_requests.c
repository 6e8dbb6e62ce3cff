/* The requests of a session as their holder sees them: what is told when the
 * session fails, and what becomes of an answer then. */
#include "serving_sessions.h"

#include <sched.h>

enum { MANY = 150 };

static struct {
    int entered;
    int leave;
    int replied;
    int finished;
    bool holds;
    bool drops;
    _Atomic bool told;
    wws_status status;
    int entered_when_finished;
} held;

static void replied(void *state, const struct wwi_outcome *outcome)
{
    (void) state;
    held.status = outcome->status;
    set_flag(&held.replied);
}

static void held_gone(struct wwi_incoming *incoming)
{
    set_flag(&held.entered);
    if (held.holds)
        await(&held.leave);
    if (held.drops)
        incoming->calls->drop(incoming);
}

/* A request that only the test answers. */
static struct wwi_incoming *steal(struct line *line)
{
    memset(&held, 0, sizeof held);
    begin(1, WWS_S_OK);
    seen.steals = true;
    connect_here(line);
    say(line, MESSAGE(1));
    await(&seen.served);
    return seen.ops[0].stolen;
}

static void reply_to(struct wwi_incoming *incoming)
{
    struct wwi_outgoing outgoing = { .version = WWS_ENVELOPE_VERSION_SOAP_1_2 };

    wwi_bytes_append_text(&outgoing.envelope, "an answer");
    incoming->calls->reply(incoming, &outgoing, replied, NULL);
}

static void *drop_thread(void *state)
{
    struct wwi_incoming *incoming = state;

    incoming->calls->drop(incoming);
    held.entered_when_finished = flag_of(&held.leave);
    set_flag(&held.finished);
    return NULL;
}

static void end_broken(struct line *line)
{
    await(&line->released);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void request__is_answered_late_with_why_the_session_failed(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    break_line(&line, WWS_E_INVALID_FORMAT);
    await(&line.released);

    reply_to(incoming);

    assert_int_equal(flag_of(&held.replied), 1);
    assert_int_equal(held.status, WWS_E_INVALID_FORMAT);
    end_broken(&line);
}

static void request__answered_while_it_is_told_is_over_later(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    held.holds = true;
    incoming->calls->watch(incoming, held_gone);
    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    await(&held.entered);

    reply_to(incoming);

    assert_int_equal(flag_of(&held.replied), 0);
    set_flag(&held.leave);
    await(&held.replied);
    assert_int_equal(held.status, WWS_E_ENDPOINT_DISCONNECTED);
    end_broken(&line);
}

static void request__dropped_while_it_is_told_waits(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);
    pthread_t thread;

    (void) state;
    held.holds = true;
    incoming->calls->watch(incoming, held_gone);
    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    await(&held.entered);

    pthread_create(&thread, NULL, drop_thread, incoming);
    for (int i = 0; i < 1000; i++)
        sched_yield();
    set_flag(&held.leave);
    await(&held.finished);

    assert_int_equal(held.entered_when_finished, 1);
    pthread_join(thread, NULL);
    end_broken(&line);
}

/* Tells of having been told in a way that orders nothing that came before: only
 * so can a check for races see what the teller reads. */
static void wait_when_gone(struct wwi_incoming *incoming)
{
    (void) incoming;
    atomic_store_explicit(&held.told, true, memory_order_relaxed);
    await(&held.leave);
    set_flag(&held.entered);
}

static struct {
    struct wwi_loop *loop;
    struct marker between; /* other work of the loop */
    int told;
    int told_before;
} crowd;

static void other_work(struct wwi_work *work)
{
    crowd.told_before = crowd.told;
    set_flag(&WWI_CONTAINER(work, struct marker, post.work)->passed);
}

static void crowd_gone(struct wwi_incoming *incoming)
{
    (void) incoming;
    if (crowd.told == 0)
        (void) wwi_loop_post(crowd.loop, &crowd.between.post);
    set_flag(&crowd.told);
}

/* Requests of one session, that only the test answers. */
static void steal_many(struct line *line)
{
    memset(&crowd, 0, sizeof crowd);
    memset(&held, 0, sizeof held);
    begin(MANY, WWS_S_OK);
    seen.steals = true;
    connect_here(line);
    crowd.loop = line->session.loop;
    wwi_post_init(&crowd.between.post, other_work);
    for (int i = 0; i < MANY; i++)
        say(line, MESSAGE(1));
    await_count(&seen.served, MANY);
    for (int i = 0; i < MANY; i++)
        seen.ops[i].stolen->calls->watch(seen.ops[i].stolen, crowd_gone);
}

/* A session with many requests, of which each is told, but which are not all
 * told at once. */
static void requests__that_are_very_many_are_told_in_turns(void **state)
{
    struct line line;

    (void) state;
    steal_many(&line);

    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    await_count(&crowd.told, MANY);
    await(&line.released);

    assert_int_equal(flag_of(&crowd.between.passed), 1);
    assert_in_range(crowd.told_before, 1, MANY - 1);
    assert_int_equal(crowd.told, MANY);
    for (int i = 0; i < MANY; i++)
        reply_to(seen.ops[i].stolen);
    assert_int_equal(flag_of(&held.replied), MANY);
    end_broken(&line);
}

/* Some may be answered before their turn. */
static void requests__answered_before_their_turn_are_not_told(void **state)
{
    struct line line;

    (void) state;
    steal_many(&line);
    held.holds = true;
    seen.ops[0].stolen->calls->watch(seen.ops[0].stolen, held_gone);
    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    await(&held.entered);

    for (int i = 1; i < MANY; i++)
        reply_to(seen.ops[i].stolen);
    set_flag(&held.leave);
    await(&line.released);

    assert_int_equal(flag_of(&held.replied), MANY - 1);
    assert_int_equal(held.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(crowd.told, 0);
    reply_to(seen.ops[0].stolen);
    end_broken(&line);
}

static void request__may_be_watched_anew_while_it_is_told(void **state)
{
    int64_t until = wwi_clock_after(20000);
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    incoming->calls->watch(incoming, wait_when_gone);
    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);
    while (!atomic_load_explicit(&held.told, memory_order_relaxed))
        assert_true(wwi_clock_now() < until);

    incoming->calls->watch(incoming, held_gone);

    assert_int_equal(flag_of(&held.entered), 0);
    set_flag(&held.leave);
    await(&held.entered);
    incoming->calls->drop(incoming);
    end_broken(&line);
}

static void request__may_be_dropped_where_it_is_told(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    held.drops = true;
    incoming->calls->watch(incoming, held_gone);

    break_line(&line, WWS_E_ENDPOINT_DISCONNECTED);

    end_broken(&line);
}

static void request__is_not_told_what_the_host_tells(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    incoming->calls->watch(incoming, held_gone);

    break_line(&line, WWS_E_OPERATION_ABORTED);
    await(&line.released);

    assert_int_equal(flag_of(&held.entered), 0);
    reply_to(incoming);
    assert_int_equal(held.status, WWS_E_OPERATION_ABORTED);
    end_broken(&line);
}

static void request__that_is_being_answered_is_told_nothing(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    incoming->calls->watch(incoming, held_gone);
    pthread_mutex_lock(&fake_lock);
    line.breaks = true;
    pthread_mutex_unlock(&fake_lock);

    reply_to(incoming);

    assert_int_equal(flag_of(&held.replied), 1);
    assert_int_equal(held.status, WWS_E_OBJECT_FAULTED);
    end_broken(&line);
    assert_int_equal(held.entered, 0);
}

static void request__stopped_before_its_answer_sends_nothing(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    pthread_mutex_lock(&fake_lock);
    line.full = true;
    pthread_mutex_unlock(&fake_lock);
    reply_to(incoming);
    assert_int_equal(flag_of(&held.replied), 0);

    incoming->calls->stop(incoming);

    await(&held.replied);
    assert_int_equal(held.status, WWS_E_OPERATION_ABORTED);
    end_broken(&line);
    assert_int_equal(line.heard_count, 0);
    assert_int_equal(line.aborts, 1);
}

/* The session has not looked at the abort when the answer would begin. */
static void request__stopped_does_not_begin_to_be_sent(void **state)
{
    struct line line;
    struct wwi_incoming *incoming = steal(&line);

    (void) state;
    pthread_mutex_lock(&fake_lock);
    line.patient = true;
    pthread_mutex_unlock(&fake_lock);
    incoming->calls->stop(incoming);

    reply_to(incoming);

    assert_int_equal(held.status, WWS_E_OPERATION_CANCELLED);
    assert_int_equal(line.heard_count, 0);
    pthread_mutex_lock(&fake_lock);
    line.patient = false;
    pthread_mutex_unlock(&fake_lock);
    break_line(&line, WWS_E_OPERATION_ABORTED);
    end_broken(&line);
}

static void request__is_over_once_in_every_race(void **state)
{
    (void) state;
    for (int i = 0; i < 200; i++) {
        struct line line;
        struct wwi_incoming *incoming = steal(&line);
        pthread_t thread;
        int entered;

        pthread_create(&thread, NULL, break_thread, &line);
        incoming->calls->watch(incoming, held_gone);
        if (i % 2 == 0)
            reply_to(incoming);
        else
            incoming->calls->drop(incoming);
        entered = flag_of(&held.entered);
        pthread_join(thread, NULL);
        await(&line.released);

        if (i % 2 != 0)
            assert_int_equal(flag_of(&held.entered), entered);
        else
            await(&held.replied);
        end_broken(&line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            request__is_answered_late_with_why_the_session_failed),
        cmocka_unit_test(request__answered_while_it_is_told_is_over_later),
        cmocka_unit_test(request__dropped_while_it_is_told_waits),
        cmocka_unit_test(requests__that_are_very_many_are_told_in_turns),
        cmocka_unit_test(requests__answered_before_their_turn_are_not_told),
        cmocka_unit_test(request__may_be_watched_anew_while_it_is_told),
        cmocka_unit_test(request__may_be_dropped_where_it_is_told),
        cmocka_unit_test(request__is_not_told_what_the_host_tells),
        cmocka_unit_test(request__that_is_being_answered_is_told_nothing),
        cmocka_unit_test(request__stopped_before_its_answer_sends_nothing),
        cmocka_unit_test(request__stopped_does_not_begin_to_be_sent),
        cmocka_unit_test(request__is_over_once_in_every_race),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
