/* The life of a mux: its session opens, ends, fails, is closed and freed.
 *
 * The session is called without the lock, for it calls us with its own.  So
 * that it is not freed meanwhile, what runs is counted, and only the loop frees
 * it, when it has ended, is to be closed and nothing is counted. */
#include "core/channel/mux_parts.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"

enum { TOLD_AT_ONCE = 64 };

void wwi_mux_ref(struct wwi_mux *mux)
{
    atomic_fetch_add_explicit(&mux->holders, 1, memory_order_relaxed);
}

static void free_inbox(struct wwi_list *inbox)
{
    struct wwi_link *link;

    while ((link = wwi_list_take(inbox)) != NULL)
        wwi_mux_parcel_free(WWI_CONTAINER(link, struct wwi_mux_parcel, link));
}

static void destroy(struct wwi_mux *mux)
{
    free_inbox(&mux->synced.inbox);
    wwi_mux_parcel_free(mux->on_loop.partial);
    wwi_finder_fini(&mux->on_loop.finder);
    wwi_lock_fini(&mux->synced.lock);
    wwi_map_fini(&mux->synced.awaited);
    wwi_object_unref(&mux->runtime->object);
    wwi_free(mux);
}

/* Of the memory: all holders together have one, and the session. */
static void ref(struct wwi_mux *mux)
{
    atomic_fetch_add_explicit(&mux->refs, 1, memory_order_relaxed);
}

static void unref(struct wwi_mux *mux)
{
    if (atomic_fetch_sub_explicit(&mux->refs, 1, memory_order_acq_rel) == 1)
        destroy(mux);
}

void wwi_mux_unref(struct wwi_mux *mux)
{
    if (atomic_fetch_sub_explicit(&mux->holders, 1, memory_order_acq_rel) != 1)
        return;
    wwi_mux_enter(mux);
    mux->synced.closing = true;
    mux->synced.forsaken = true;
    wwi_mux_leave(mux);
    unref(mux);
}

/* The lock. */

/* Letters that the session has are done when it is freed. */
static bool may_be_freed(const struct wwi_mux *mux)
{
    return mux->synced.closing && !mux->synced.freed
        && (mux->synced.busy == 0
        || (mux->synced.forsaken && mux->synced.calls == 0))
        && (mux->synced.over || mux->synced.forsaken
        || mux->synced.state == WWI_MUX_CREATED
        || (mux->synced.shut && mux->synced.ended));
}

void wwi_mux_enter(struct wwi_mux *mux)
{
    wwi_lock_take(&mux->synced.lock);
}

void wwi_mux_call_begin(struct wwi_mux *mux)
{
    mux->synced.busy++;
    mux->synced.calls++;
    wwi_lock_give(&mux->synced.lock);
}

void wwi_mux_call_end(struct wwi_mux *mux)
{
    wwi_lock_take(&mux->synced.lock);
    mux->synced.busy--;
    mux->synced.calls--;
}

void wwi_mux_leave(struct wwi_mux *mux)
{
    bool free_it, tells;

    while (wwi_mux_wants_piece(mux)) {
        mux->synced.asked = true;
        wwi_mux_call_begin(mux);
        mux->session->calls->receive(mux->session);
        wwi_mux_call_end(mux);
    }
    free_it = may_be_freed(mux);
    tells = mux->synced.untold != 0;
    if (free_it)
        ref(mux);
    if (tells)
        ref(mux);
    wwi_lock_give(&mux->synced.lock);
    /* Without the lock: where the loop has ended, it runs here. */
    if (tells && !wwi_loop_post(mux->loop, &mux->telling))
        unref(mux);
    if (free_it && !wwi_loop_post(mux->loop, &mux->post))
        unref(mux);
}

void wwi_mux_abort_locked(struct wwi_mux *mux)
{
    if (mux->synced.over || mux->synced.aborted)
        return;
    mux->synced.aborted = true;
    wwi_mux_call_begin(mux);
    mux->session->calls->abort(mux->session);
    wwi_mux_call_end(mux);
}

void wwi_mux_break_locked(
    struct wwi_mux *mux,
    wws_status status,
    const char *text)
{
    if (mux->synced.outcome.status < 0)
        return;
    mux->synced.outcome = (struct wwi_outcome) {
        .status = status,
        .text = text,
    };
    wwi_mux_abort_locked(mux);
}

void wwi_mux_notify(struct wwi_mux_client *client)
{
    if (client->synced.stepping)
        client->synced.again = true;
    else if (client->synced.track != NULL)
        client->base.notify(&client->base);
}

/* In turns, so that many do not keep the loop from all else: the rest is posted
 * when the lock is left.  Who comes later sees for himself. */
static void tell_some(struct wwi_mux *mux)
{
    struct wwi_list *clients = &mux->synced.clients;

    for (int i = 0; i < TOLD_AT_ONCE && mux->synced.untold != 0; i++) {
        struct wwi_link *link = wwi_list_take(clients);

        mux->synced.untold--;
        if (link == NULL)
            continue;
        wwi_list_append(clients, link);
        wwi_mux_notify(WWI_CONTAINER(link, struct wwi_mux_client,
            synced.link));
    }
}

static void tell_rest(struct wwi_work *work)
{
    struct wwi_mux *mux = WWI_CONTAINER(work, struct wwi_mux, telling.work);

    wwi_mux_enter(mux);
    tell_some(mux);
    wwi_mux_leave(mux);
    unref(mux);
}

static void tell_all(struct wwi_mux *mux)
{
    mux->synced.untold = mux->synced.client_count;
    tell_some(mux);
}

/* What the session tells. */

static void opened(struct wwi_session *session)
{
    struct wwi_mux *mux = session->user;

    WWI_GATE(MUX_OPENED);
    wwi_mux_enter(mux);
    mux->synced.state = WWI_MUX_OPEN;
    if (mux->synced.opener != NULL)
        wwi_mux_notify(mux->synced.opener);
    wwi_mux_leave(mux);
}

static void phase_begun(struct wwi_session *session, wws_phase phase)
{
    struct wwi_mux *mux = session->user;
    struct wwi_mux_client *client;

    wwi_mux_enter(mux);
    client = mux->synced.opener;
    if (client != NULL) {
        wwi_mux_mark(client, phase, WWS_PROGRESS_NOT_SENT);
        if (phase == WWS_PHASE_CONNECT)
            client->synced.deadline =
                wwi_clock_after(client->times.connect_ms);
        wwi_mux_notify(client);
    }
    wwi_mux_leave(mux);
}

static void peer_ended(struct wwi_mux *mux)
{
    wwi_mux_enter(mux);
    mux->synced.ended = true;
    tell_all(mux);
    wwi_mux_leave(mux);
}

/* What we broke ourselves fails as we said. */
static void failed(struct wwi_mux *mux, const struct wwi_outcome *outcome)
{
    struct wwi_list inbox;

    wwi_list_init(&inbox);
    WWI_GATE(MUX_FAILED);
    wwi_mux_enter(mux);
    if (mux->synced.outcome.status >= 0) {
        mux->synced.outcome = *outcome;
        /* A letter may have brought it, and its client be reading it. */
        if (mux->synced.text[0] == '\0')
            snprintf(mux->synced.text, sizeof mux->synced.text, "%s",
                mux->session->text);
    }
    mux->synced.over = true;
    wwi_list_move(&inbox, &mux->synced.inbox);
    mux->synced.inbox_count = 0;
    tell_all(mux);
    wwi_mux_leave(mux);
    free_inbox(&inbox);
}

static void ended(
    struct wwi_session *session,
    const struct wwi_outcome *outcome)
{
    if (outcome->status == WWS_S_END)
        peer_ended(session->user);
    else
        failed(session->user, outcome);
}

static void released(struct wwi_session *session)
{
    struct wwi_mux *mux = session->user;
    wws_status status = mux->synced.late ? WWS_E_OPERATION_TIMED_OUT
        : mux->synced.outcome.status < 0 ? mux->synced.outcome.status
        : WWS_S_OK;

    WWI_GATE(MUX_RELEASED);
    if (mux->synced.closed != NULL) {
        mux->synced.closed(mux->synced.user, status);
        wwi_mux_unref(mux);
    }
    unref(mux);
}

static const struct wwi_session_events events = {
    .opened = opened,
    .phase = phase_begun,
    .arrived = wwi_mux_arrived,
    .ended = ended,
    .released = released,
};

/* The end, by the owner. */

static void free_session(struct wwi_work *work)
{
    struct wwi_mux *mux = WWI_CONTAINER(work, struct wwi_mux, post.work);
    bool free_it;

    wwi_mux_enter(mux);
    free_it = may_be_freed(mux);
    if (free_it) {
        mux->synced.freed = true;
        mux->synced.over = true;
        tell_all(mux);
    }
    wwi_mux_leave(mux);
    if (free_it) {
        WWI_GATE(MUX_FREES);
        wwi_loop_cancel_timer(mux->loop, &mux->timer);
        mux->session->calls->free(mux->session);
    }
    unref(mux);
}

static void deadline_passed(struct wwi_timer *timer)
{
    struct wwi_mux *mux = WWI_CONTAINER(timer, struct wwi_mux, timer);

    wwi_mux_enter(mux);
    if (!may_be_freed(mux) && !mux->synced.over) {
        mux->synced.late = true;
        wwi_mux_abort_locked(mux);
    }
    wwi_mux_leave(mux);
}

static void shutdown_locked(struct wwi_mux *mux)
{
    if (mux->synced.state != WWI_MUX_OPEN || mux->synced.over
        || mux->synced.shut || mux->synced.aborted)
        return;
    mux->synced.shut = true;
    wwi_mux_call_begin(mux);
    mux->session->calls->shutdown(mux->session);
    wwi_mux_call_end(mux);
}

void wwi_mux_shutdown(struct wwi_mux *mux)
{
    wwi_mux_enter(mux);
    shutdown_locked(mux);
    wwi_mux_leave(mux);
}

void wwi_mux_abort(struct wwi_mux *mux)
{
    wwi_mux_enter(mux);
    wwi_mux_abort_locked(mux);
    wwi_mux_leave(mux);
}

void wwi_mux_close(
    struct wwi_mux *mux,
    int64_t deadline,
    void (*closed)(void *user, wws_status status),
    void *user)
{
    wwi_mux_enter(mux);
    mux->synced.closing = true;
    mux->synced.closed = closed;
    mux->synced.user = user;
    if (mux->synced.state == WWI_MUX_OPENING)
        wwi_mux_abort_locked(mux);
    shutdown_locked(mux);
    /* Under the lock: the session is not freed before the timer is set. */
    if (deadline != WWI_NEVER && !may_be_freed(mux))
        wwi_loop_set_timer(mux->loop, &mux->timer, deadline);
    wwi_mux_leave(mux);
}

bool wwi_mux_failed(struct wwi_mux *mux)
{
    bool failed;

    wwi_mux_enter(mux);
    failed = mux->synced.over || mux->synced.outcome.status < 0;
    wwi_lock_give(&mux->synced.lock);
    return failed;
}

bool wwi_mux_ended(struct wwi_mux *mux)
{
    bool ended;

    wwi_mux_enter(mux);
    ended = mux->synced.ended;
    wwi_lock_give(&mux->synced.lock);
    return ended || wwi_mux_failed(mux);
}

struct wwi_mux *wwi_mux_of(struct wwi_session *session)
{
    return session->user;
}

const struct wwi_session *wwi_mux_session(const struct wwi_mux *mux)
{
    return mux->session;
}

static struct wwi_mux *mux_new(void)
{
    struct wwi_mux *mux = wwi_alloc_zero(sizeof *mux);

    if (mux == NULL)
        return NULL;
    if (!wwi_map_init(&mux->synced.awaited)) {
        wwi_free(mux);
        return NULL;
    }
    wwi_list_init(&mux->synced.clients);
    wwi_list_init(&mux->synced.receivers);
    wwi_list_init(&mux->synced.inbox);
    wwi_lock_init(&mux->synced.lock, WWI_RANK_MUX);
    wwi_finder_init(&mux->on_loop.finder);
    wwi_post_init(&mux->post, free_session);
    wwi_post_init(&mux->telling, tell_rest);
    mux->timer.expired = deadline_passed;
    atomic_init(&mux->holders, 1);
    atomic_init(&mux->refs, 2);
    return mux;
}

wws_status wwi_mux_create(
    struct wwi_session *session,
    bool open,
    const struct wwi_mux_options *options,
    struct wwi_mux **created,
    struct wwi_error *error)
{
    struct wwi_mux *mux = mux_new();

    if (mux == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    mux->session = session;
    mux->runtime = session->runtime;
    mux->loop = session->loop;
    wwi_object_ref(&mux->runtime->object);
    mux->options = *options;
    mux->synced.state = open ? WWI_MUX_OPEN : WWI_MUX_CREATED;
    session->user = mux;
    session->events = &events;
    *created = mux;
    /* Reads, if it always does. */
    wwi_mux_enter(mux);
    wwi_mux_leave(mux);
    return WWS_S_OK;
}
