/* A transport of sessions without wires: the client's ends, which tests open,
 * break and let speak by hand.  What the holder calls is counted; events come
 * on the loop, as the rules of sessions ask. */
#ifndef FAKE_END_H
#define FAKE_END_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/io/wake.h"
#include "core/transport/session.h"
#include "tests/support/counters.h"
#include "tests/support/engine.h"

enum { ENDS = 8, WAKES = 8, SAID = 512 };

/* What the loop is to tell the holder. */
enum tell { TELL_OPENED, TELL_PHASE, TELL_ENDED, TELL_FAILED, TELL_ARRIVED,
    TELL_RELEASED, TELLS };

struct end {
    struct wwi_session base;
    struct wwi_post post;
    struct wwi_list queue;       /* sendings */
    bool due[TELLS];
    wws_status failure;
    wws_phase phase;
    const char *message;         /* of TELL_ARRIVED */
    bool over;
    int opened, asked, shut, aborted, freed, released;
    int sent;
    char said[SAID];             /* the last that was sent */
    bool locked;                 /* called with a lock held */
};

static struct fake {
    struct wwi_runtime *runtime;
    uint64_t blocks;
    struct end ends[ENDS];
    int created;
    bool opens;                  /* at once */
    bool sends;                  /* likewise */
    bool answers;                /* an end, when it is ended */
    /* Inside session_create and when an end has sent, once; may be null. */
    void (*creating)(void);
    void (*has_sent)(void);
} fake;

static void run_once(void (**what)(void))
{
    void (*run)(void);

    lock_it();
    run = *what;
    *what = NULL;
    unlock_it();
    if (run != NULL)
        run();
}

static struct end *end_of(struct wwi_session *session)
{
    return WWI_CONTAINER(session, struct end, base);
}

static void tell(struct end *end, enum tell what)
{
    lock_it();
    end->due[what] = true;
    unlock_it();
    (void) wwi_loop_post(end->base.loop, &end->post);
}

static void fail_end(struct end *end, wws_status status)
{
    lock_it();
    if (end->failure >= 0)
        end->failure = status;
    unlock_it();
    tell(end, TELL_FAILED);
}

static void arrive(struct end *end, const char *message)
{
    lock_it();
    end->message = message;
    unlock_it();
    tell(end, TELL_ARRIVED);
}

static struct wwi_sending *take_sending(struct end *end)
{
    struct wwi_link *link;

    lock_it();
    link = wwi_list_take(&end->queue);
    unlock_it();
    return link != NULL ? WWI_CONTAINER(link, struct wwi_sending, link) : NULL;
}

/* Sends what was queued first, or takes it back. */
static bool send_first(struct end *end)
{
    struct wwi_sending *sending = take_sending(end);
    struct wwi_outcome outcome = { 0 };

    if (sending == NULL)
        return false;
    if (!sending->begin(sending))
        outcome.status = WWS_E_OPERATION_CANCELLED;
    lock_it();
    end->sent += outcome.status >= 0;
    if (outcome.status >= 0)
        snprintf(end->said, sizeof end->said, "%.*s",
            (int) sending->body.size, (const char *) sending->body.data);
    unlock_it();
    sending->done(sending, &outcome);
    return true;
}

static void fail_all(struct end *end, wws_status status)
{
    const struct wwi_outcome outcome = { .status = status };
    struct wwi_sending *sending;

    while ((sending = take_sending(end)) != NULL)
        sending->done(sending, &outcome);
}

static void tell_failed(struct end *end)
{
    struct wwi_outcome outcome = { .text = "it was broken" };
    bool was_over;

    lock_it();
    was_over = end->over;
    end->over = true;
    outcome.status = end->failure;
    unlock_it();
    if (was_over)
        return;
    fail_all(end, outcome.status);
    end->base.events->ended(&end->base, &outcome);
}

static void tell_arrived(struct end *end)
{
    struct wwi_piece piece = { .version = WWS_ENVELOPE_VERSION_SOAP_1_2 };

    wwi_bytes_append_text(&piece.octets, end->message);
    end->base.events->arrived(&end->base, &piece);
    wwi_bytes_fini(&piece.octets);
}

static void tell_released(struct end *end)
{
    fail_all(end, WWS_E_OPERATION_ABORTED);
    /* Nobody holds one that was just created. */
    if (end->base.events != NULL)
        end->base.events->released(&end->base);
    lock_it();
    end->released++;
    unlock_it();
}

static void tell_it(struct end *end, enum tell what)
{
    const struct wwi_outcome ended = { .status = WWS_S_END };

    switch (what) {
    case TELL_OPENED: end->base.events->opened(&end->base); break;
    case TELL_PHASE: end->base.events->phase(&end->base, end->phase); break;
    case TELL_ENDED: end->base.events->ended(&end->base, &ended); break;
    case TELL_FAILED: tell_failed(end); break;
    case TELL_ARRIVED: tell_arrived(end); break;
    default: tell_released(end); break;
    }
}

static bool take_due(struct end *end, enum tell what)
{
    bool due;

    lock_it();
    due = end->due[what] && (!end->over || what == TELL_RELEASED);
    end->due[what] = false;
    unlock_it();
    return due;
}

static void run_end(struct wwi_work *work)
{
    struct end *end = WWI_CONTAINER(work, struct end, post.work);

    for (int what = 0; what < TELLS; what++)
        if (take_due(end, (enum tell) what))
            tell_it(end, (enum tell) what);
}

static struct end *called(struct wwi_session *session, int *count)
{
    struct end *end = end_of(session);

    lock_it();
    (*count)++;
    end->locked |= wwi_lock_held();
    unlock_it();
    return end;
}

static void end_open(struct wwi_session *session)
{
    struct end *end = called(session, &end_of(session)->opened);

    if (fake.opens)
        tell(end, TELL_OPENED);
}

static wws_status end_send(
    struct wwi_session *session,
    struct wwi_sending *sending,
    struct wwi_outgoing *outgoing)
{
    struct end *end = end_of(session);
    bool over;

    lock_it();
    over = end->over;
    if (!over) {
        sending->body = outgoing->envelope;
        outgoing->envelope = (struct wwi_bytes) { 0 };
        wwi_list_append(&end->queue, &sending->link);
    }
    unlock_it();
    if (!over && fake.sends && send_first(end))
        run_once(&fake.has_sent);
    return over ? WWS_E_OBJECT_FAULTED : WWS_S_OK;
}

static bool end_unsend(
    struct wwi_session *session,
    struct wwi_sending *sending)
{
    bool listed;

    (void) session;
    lock_it();
    listed = wwi_link_listed(&sending->link);
    wwi_list_remove(&sending->link);
    unlock_it();
    return listed;
}

static void end_receive(struct wwi_session *session)
{
    (void) called(session, &end_of(session)->asked);
}

static void end_shutdown(struct wwi_session *session)
{
    struct end *end = called(session, &end_of(session)->shut);

    if (fake.answers)
        tell(end, TELL_ENDED);
}

static void end_abort(struct wwi_session *session)
{
    fail_end(called(session, &end_of(session)->aborted),
        WWS_E_OPERATION_ABORTED);
}

static void end_free(struct wwi_session *session)
{
    tell(called(session, &end_of(session)->freed), TELL_RELEASED);
}

static const struct wwi_session_calls end_calls = {
    .open = end_open,
    .send = end_send,
    .unsend = end_unsend,
    .receive = end_receive,
    .shutdown = end_shutdown,
    .abort = end_abort,
    .free = end_free,
};

static wws_status create_end(
    struct wwi_runtime *runtime,
    wws_string address,
    const struct wwi_client_options *options,
    struct wwi_session **session,
    struct wwi_error *error)
{
    struct end *end;

    (void) options;
    lock_it();
    end = &fake.ends[fake.created++ % ENDS];
    unlock_it();
    if (wwi_string_is(address, "bad"))
        return wwi_fail(error, WWS_E_INVALID_ENDPOINT_URL, "a bad address");
    /* The one that was here before is gone by now. */
    if (end->base.calls != NULL)
        assert_true(reaches(&end->released, 1));
    *end = (struct end) { 0 };
    end->base.calls = &end_calls;
    end->base.runtime = runtime;
    end->base.loop = wwi_runtime_loop(runtime);
    wwi_list_init(&end->queue);
    wwi_post_init(&end->post, run_end);
    *session = &end->base;
    run_once(&fake.creating);
    return WWS_S_OK;
}

static const struct wwi_transport fake_ends = {
    .scheme = "fake",
    .session_create = create_end,
};

wws_status wwi_transport_find(
    const struct wwi_binding *binding,
    const struct wwi_transport **transport,
    struct wwi_error *error)
{
    (void) binding;
    (void) error;
    *transport = &fake_ends;
    return WWS_S_OK;
}

/* The stock of wakes keeps what it has made: no test needs more. */
static void fake_warm_up(void)
{
    struct wwi_wake *wakes[WAKES];

    for (int i = 0; i < WAKES; i++)
        wakes[i] = wwi_wake_take();
    for (int i = 0; i < WAKES; i++)
        wwi_wake_give(wakes[i]);
}

static struct wwi_runtime *fake_begin(void)
{
    const wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;

    fake_warm_up();
    memset(&fake, 0, sizeof fake);
    fake.opens = fake.sends = fake.answers = true;
    fake.blocks = wwi_memory_live();
    fake.runtime = wwi_runtime_new(&options);
    assert_non_null(fake.runtime);
    return fake.runtime;
}

/* Nothing is left of a test, and it let every end go. */
static void fake_finish(void)
{
    end_engine(fake.runtime);
    for (int i = 0; i < ENDS; i++) {
        assert_int_equal(fake.ends[i].freed, fake.ends[i].released);
        assert_false(fake.ends[i].locked);
    }
    assert_int_equal(wwi_memory_live(), fake.blocks);
}

/* How an operation ended. */
struct heard {
    int times;
    wws_status status;
    bool held;        /* its callback does not return yet */
};

static void completed(wws_status status, void *state)
{
    struct heard *heard = state;

    lock_it();
    heard->status = status;
    heard->times++;
    while (heard->held)
        await_change();
    unlock_it();
}

static void let_return(struct heard *heard)
{
    lock_it();
    heard->held = false;
    unlock_it();
}

static wws_completion completion_of(struct heard *heard)
{
    wws_completion completion = WWS_COMPLETION_INIT;

    completion.state = heard;
    completion.completed = completed;
    return completion;
}

#define assert_heard(heard, expected) \
    do { \
        assert_true(reaches(&(heard)->times, 1)); \
        assert_int_equal((heard)->status, expected); \
    } while (0)

/* Waits until the loop has done what it was asked for before. */
struct marker {
    struct wwi_post post;
    int passed;
};

static void pass(struct wwi_work *work)
{
    struct marker *marker = WWI_CONTAINER(work, struct marker, post.work);

    lock_it();
    marker->passed++;
    unlock_it();
}

static void await_loop(void)
{
    struct marker marker = { .passed = 0 };

    for (int i = 1; i <= 3; i++) {
        wwi_post_init(&marker.post, pass);
        (void) wwi_loop_post(wwi_runtime_loop(fake.runtime), &marker.post);
        assert_true(reaches(&marker.passed, i));
    }
}

#endif
