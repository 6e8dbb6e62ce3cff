/* Clients that come to a listener, and the accepts that they meet. */
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/channel/listener_parts.h"

enum { BATCH = 64 };

static void leave_active(struct wwi_listener *listener)
{
    wwi_lock_take(&listener->synced.lock);
    listener->synced.active--;
    wwi_lock_give(&listener->synced.lock);
    wwi_listener_settle(listener);
}

static void accept_heard(struct wwi_wait *wait)
{
    leave_active(WWI_CONTAINER(wait, struct wwi_accept, wait)->listener);
}

static void accept_release(struct wwi_wait *wait)
{
    wwi_accept_unref(WWI_CONTAINER(wait, struct wwi_accept, wait));
}

/* Takes the accept out of the list, with the list's reference. */
static void unlist(struct wwi_accept *accept)
{
    struct wwi_listener *listener = accept->listener;
    bool listed;

    wwi_lock_take(&listener->synced.lock);
    listed = wwi_link_listed(&accept->link);
    wwi_list_remove(&accept->link);
    wwi_lock_give(&listener->synced.lock);
    if (listed)
        wwi_accept_unref(accept);
}

void wwi_listener_end_accept(struct wwi_accept *accept, const char *text)
{
    struct wwi_runtime *runtime = accept->wait.runtime;
    const struct wwi_outcome outcome = {
        .status = WWS_E_OPERATION_ABORTED,
        .phase = WWS_PHASE_ACCEPT,
        .text = text,
    };

    wwi_count(runtime, WWS_COUNTER_CANCEL_ASKED);
    if (!wwi_pending_take(&accept->wait.pending)) {
        wwi_count(runtime, WWS_COUNTER_COMPLETED_FIRST);
        return;
    }
    wwi_count(runtime, WWS_COUNTER_CANCEL_WON);
    unlist(accept);
    wwi_channel_accepted(accept->channel, NULL, NULL);
    wwi_wait_finish(&accept->wait, &outcome);
}

/* What a client that has come is known by: a request, or its session. */

static struct wwi_incoming *incoming_of(
    const struct wwi_listener *listener,
    struct wwi_link *arrival)
{
    return listener->sessions ? NULL
        : WWI_CONTAINER(arrival, struct wwi_incoming, link);
}

static struct wwi_mux *mux_of(
    const struct wwi_listener *listener,
    struct wwi_link *arrival)
{
    return !listener->sessions ? NULL : wwi_mux_of(
        WWI_CONTAINER(arrival, struct wwi_session, link));
}

static void drop(struct wwi_listener *listener, struct wwi_link *arrival)
{
    struct wwi_incoming *incoming = incoming_of(listener, arrival);

    if (incoming != NULL)
        incoming->calls->drop(incoming);
    else
        wwi_mux_unref(mux_of(listener, arrival));
}

/* True if the client has found its channel; the reference to the accept goes
 * in any case. */
static bool match(struct wwi_accept *accept, struct wwi_link *arrival)
{
    const struct wwi_listener *listener = accept->listener;
    const struct wwi_outcome outcome = {
        .status = WWS_S_OK,
        .phase = WWS_PHASE_ACCEPT,
    };
    bool took = wwi_pending_take(&accept->wait.pending);

    WWI_GATE(LISTENER_MATCHES);
    if (took) {
        wwi_channel_accepted(accept->channel, incoming_of(listener, arrival),
            mux_of(listener, arrival));
        wwi_wait_finish(&accept->wait, &outcome);
    }
    wwi_accept_unref(accept);
    return took;
}

static struct wwi_accept *take_accept_locked(struct wwi_listener *listener)
{
    struct wwi_link *link = wwi_list_take(&listener->synced.accepts);

    return link == NULL ? NULL : WWI_CONTAINER(link, struct wwi_accept, link);
}

static void take_in(struct wwi_listener *listener, struct wwi_link *arrival)
{
    struct wwi_accept *accept;
    bool refused;

    do {
        wwi_lock_take(&listener->synced.lock);
        refused = listener->synced.state != WWS_LISTENER_STATE_OPEN;
        accept = refused ? NULL : take_accept_locked(listener);
        if (accept == NULL && !refused)
            wwi_list_append(&listener->synced.arrivals, arrival);
        wwi_lock_give(&listener->synced.lock);
    } while (accept != NULL && !match(accept, arrival));
    if (refused)
        drop(listener, arrival);
}

void wwi_listener_arrived(struct wwi_incoming *incoming, void *state)
{
    const struct wwi_listener_served *served = state;

    take_in(served->listener, &incoming->link);
}

static struct wwi_mux_options mux_options(const wws_listener_options *ours)
{
    return (struct wwi_mux_options) {
        .max_message_size = ours->max_message_size,
        .receives = true,
        .correlates = ours->transfer_mode == WWS_TRANSFER_MODE_BUFFERED,
        .version = ours->envelope_version,
        .addressing = ours->addressing_version,
    };
}

void wwi_listener_connected(struct wwi_session *session, void *state)
{
    const struct wwi_listener_served *served = state;
    struct wwi_listener *listener = served->listener;
    const struct wwi_mux_options options = mux_options(&listener->options);
    struct wwi_mux *mux;

    if (wwi_mux_create(session, true, &options, &mux, NULL) < 0)
        session->calls->free(session);
    else
        take_in(listener, &session->link);
}

static struct wwi_accept *accept_new(
    struct wwi_listener *listener,
    struct wwi_channel *channel,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct wwi_accept *accept = wwi_alloc_zero(sizeof *accept);

    if (accept == NULL) {
        *status = wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory to accept");
        return NULL;
    }
    *status = wwi_wait_init(&accept->wait, listener->member.runtime,
        completion, error);
    if (*status < 0) {
        wwi_free(accept);
        return NULL;
    }
    accept->wait.owner = listener;
    accept->wait.delivered = accept_heard;
    accept->wait.release = accept_release;
    accept->listener = listener;
    accept->channel = channel;
    wwi_listener_ref(listener);
    wwi_object_ref((struct wwi_object *) channel);
    /* Who hears, and the list or whoever has taken it from there. */
    atomic_init(&accept->references, 2);
    (void) wwi_pending_start(&accept->wait.pending);
    return accept;
}

/* From here on a close waits for the accept. */
static wws_status enter_active(
    struct wwi_listener *listener,
    struct wwi_error *error)
{
    wws_listener_state state;

    wwi_lock_take(&listener->synced.lock);
    state = listener->synced.state;
    if (state == WWS_LISTENER_STATE_OPEN)
        listener->synced.active++;
    wwi_lock_give(&listener->synced.lock);
    if (state == WWS_LISTENER_STATE_OPEN)
        return WWS_S_OK;
    return state == WWS_LISTENER_STATE_FAULTED
        ? wwi_fail_static(error, WWS_E_OBJECT_FAULTED,
            "the listener was aborted")
        : wwi_listener_refusal(state, error, "accept at");
}

/* Lists the accept, or gives it the request that waits for one.  Since its
 * channel knows of it, somebody may have ended it already; and if the listener
 * is open no more, nobody else would. */
static void admit(struct wwi_listener *listener, struct wwi_accept *accept)
{
    struct wwi_link *link = NULL;
    bool listed = false;
    bool open;

    wwi_lock_take(&listener->synced.lock);
    open = listener->synced.state == WWS_LISTENER_STATE_OPEN;
    if (open && !wwi_pending_taken(&accept->wait.pending)) {
        link = wwi_list_take(&listener->synced.arrivals);
        listed = link == NULL;
        if (listed)
            wwi_list_append(&listener->synced.accepts, &accept->link);
    }
    wwi_lock_give(&listener->synced.lock);
    if (!open)
        wwi_listener_end_accept(accept, "the listener was stopped meanwhile");
    if (link == NULL && !listed)
        wwi_accept_unref(accept);
    if (link != NULL && !match(accept, link))
        take_in(listener, link);
}

static wws_status finish_accept(
    struct wwi_accept *accept,
    const wws_completion *completion)
{
    if (completion != NULL)
        return WWS_S_ASYNC;
    (void) wwi_wait_block(&accept->wait, WWI_NEVER);
    return wwi_wait_result(&accept->wait);
}

wws_status wwi_listener_accept(
    struct wwi_listener *self,
    struct wwi_channel *channel,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_accept *accept;
    wws_status status;

    if (wwi_channel_listener(channel) != self)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "channel: was not created for this listener");
    accept = accept_new(self, channel, completion, error, &status);
    if (accept == NULL)
        return status;
    status = enter_active(self, error);
    if (status >= 0) {
        status = wwi_channel_accepting(channel, accept, error);
        if (status < 0)
            leave_active(self);
    }
    if (status < 0) {
        wwi_accept_unref(accept);
        wwi_accept_unref(accept);
        return status;
    }
    WWI_GATE(LISTENER_ACCEPTS);
    admit(self, accept);
    return finish_accept(accept, completion);
}

/* When it ends. */

static uint32_t collect_accepts(
    struct wwi_listener *listener,
    struct wwi_accept **batch)
{
    struct wwi_link *link;
    uint32_t count = 0;

    wwi_lock_take(&listener->synced.lock);
    while (count < BATCH
        && (link = wwi_list_take(&listener->synced.ending)) != NULL)
        batch[count++] = WWI_CONTAINER(link, struct wwi_accept, link);
    wwi_lock_give(&listener->synced.lock);
    return count;
}

bool wwi_listener_end_some_accepts(
    struct wwi_listener *listener,
    const char *text)
{
    struct wwi_accept *batch[BATCH];
    uint32_t count = collect_accepts(listener, batch);

    for (uint32_t i = 0; i < count; i++) {
        wwi_listener_end_accept(batch[i], text);
        wwi_accept_unref(batch[i]);
    }
    return count == BATCH;
}

void wwi_listener_drop_arrivals(struct wwi_listener *listener)
{
    struct wwi_list arrivals;
    struct wwi_link *link;

    wwi_list_init(&arrivals);
    wwi_lock_take(&listener->synced.lock);
    wwi_list_move(&arrivals, &listener->synced.dropping);
    wwi_lock_give(&listener->synced.lock);
    while ((link = wwi_list_take(&arrivals)) != NULL)
        drop(listener, link);
}
