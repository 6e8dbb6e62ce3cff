/* A session that a client opened to an endpoint of a host.
 *
 * Words.  A *request* is a message of the session, from its arrival until its
 * answer is with the system.  It is *over* when nobody will use it any more.
 * The channel *enters* the session to call it, and *leaves* it.
 *
 * Rules.
 * - If the application wants to accept it, that is the first request, without a
 *   message, and no message is asked for before it is answered.
 * - At most max_requests are up at once: the next message is asked for when
 *   there is room for it.  The session sees its peer go all the same.
 * - A session that has failed is given back when its requests have been told,
 *   one that the peer has ended in order when the last request is over; but
 *   nobody may be within.
 * - A request is answered or dropped once.  `gone` runs before that, or not at
 *   all; an answer that comes while it runs is over when it has returned.
 *   That holds for dropping on the same thread, while others wait for it.
 * - A session that its transport has aborted tells nobody: the host does.  But
 *   one that was aborted for a request has failed for the others.
 * - No lock is held while the session, the host or a holder is called.
 *
 * Life.  The session and each request refer to the channel, and so does who
 * has entered.  A request may outlive the session, and uses it no more. */
#include "core/service/service_channel.h"

#include <pthread.h>

#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/mapped.h"
#include "core/service/service_host.h"
#include "core/service/service_session.h"

enum { TOLD_AT_ONCE = 64 };

struct channel {
    _Atomic uint32_t refs;
    struct wwi_session *session;
    struct wwi_endpoint_server *server; /* until the session is released */
    struct wwi_service_session *known;  /* likewise; or null */
    char *remote;                       /* copies, for requests */
    char *via;
    uint32_t max_requests;
    struct wwi_post telling;            /* of a failure, to the rest of many */

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        pthread_cond_t told;
        struct wwi_list up;      /* requests */
        struct wwi_list failed;  /* requests that know of the failure */
        uint32_t count;          /* of both */
        uint32_t within;         /* who has entered the session */
        bool accepting;          /* the application has not accepted it */
        bool last;               /* no other message is expected */
        bool asked;              /* a message is to come */
        bool ended;              /* in order, by the peer */
        bool aborted;            /* for a request */
        bool given_back;
        struct wwi_outcome why;  /* of a failure; else zero */
    } synced;
};

struct request {
    struct wwi_incoming incoming;
    struct wwi_sending sending;
    struct channel *channel;
    struct wwi_mapped fields;
    char *action;
    wwi_replied_fn replied;      /* null: it was dropped */
    void *replied_state;
    _Atomic bool stopped;        /* nobody wants the answer to be sent */
    void (*teller_calls)(struct wwi_incoming *incoming); /* the teller's */

    struct { /* any thread, under the lock of the channel */
        struct wwi_link link;
        void (*gone)(struct wwi_incoming *incoming);
        bool answered;           /* or dropped */
        bool told;
        bool telling;            /* gone runs, on this thread: */
        pthread_t teller;
        bool deferred;           /* it is over when gone has returned */
    } synced;
};

static struct request *request_of(struct wwi_incoming *incoming)
{
    return WWI_CONTAINER(incoming, struct request, incoming);
}

static void hold(struct channel *channel)
{
    atomic_fetch_add(&channel->refs, 1);
}

static void let_go(struct channel *channel)
{
    if (atomic_fetch_sub(&channel->refs, 1) != 1)
        return;
    pthread_cond_destroy(&channel->synced.told);
    wwi_lock_fini(&channel->synced.lock);
    wwi_free(channel->remote);
    wwi_free(channel->via);
    wwi_free(channel);
}

/* Calling the session */

static bool has_failed_locked(const struct channel *channel)
{
    return channel->synced.why.status < 0;
}

enum step { NOTHING, RECEIVE, FINISH, GIVE_BACK };

static enum step next_locked(struct channel *channel)
{
    bool failed = has_failed_locked(channel);

    if (channel->synced.given_back)
        return NOTHING;
    if (failed || (channel->synced.ended && channel->synced.count == 0)) {
        if (channel->synced.within != 0)
            return NOTHING;
        channel->synced.given_back = true;
        return failed || channel->synced.aborted ? GIVE_BACK : FINISH;
    }
    if (channel->synced.asked || channel->synced.ended
        || channel->synced.aborted || channel->synced.accepting
        || channel->synced.count >= channel->max_requests)
        return NOTHING;
    channel->synced.asked = true;
    return RECEIVE;
}

static void act(struct wwi_session *session, enum step step)
{
    WWI_GATE(SESSION_STEPS);
    switch (step) {
    case RECEIVE:
        session->calls->receive(session);
        break;
    case FINISH:
        session->calls->shutdown(session);
        session->calls->free(session);
        break;
    case GIVE_BACK:
        session->calls->free(session);
        break;
    case NOTHING:
        break;
    }
}

/* Something has changed: does what is to be done now. */
static void go_on(struct channel *channel)
{
    enum step step;

    hold(channel);
    wwi_lock_take(&channel->synced.lock);
    while ((step = next_locked(channel)) != NOTHING) {
        channel->synced.within++;
        wwi_lock_give(&channel->synced.lock);
        act(channel->session, step);
        wwi_lock_take(&channel->synced.lock);
        channel->synced.within--;
    }
    wwi_lock_give(&channel->synced.lock);
    let_go(channel);
}

/* False when the session is not to be called any more. */
static bool enter_locked(struct channel *channel)
{
    if (channel->synced.given_back || has_failed_locked(channel))
        return false;
    channel->synced.within++;
    hold(channel);
    return true;
}

static void leave(struct channel *channel)
{
    wwi_lock_take(&channel->synced.lock);
    channel->synced.within--;
    wwi_lock_give(&channel->synced.lock);
    go_on(channel);
    let_go(channel);
}

/* What cannot be answered any more ends the session. */
static void abort_session(struct channel *channel)
{
    bool entered;

    wwi_lock_take(&channel->synced.lock);
    entered = enter_locked(channel);
    channel->synced.aborted |= entered;
    wwi_lock_give(&channel->synced.lock);
    if (!entered)
        return;
    channel->session->calls->abort(channel->session);
    leave(channel);
}

/* Requests */

static void destroy(struct request *request)
{
    wwi_service_session_unref(request->incoming.channel);
    wwi_bytes_fini(&request->incoming.envelope);
    wwi_mapped_fini(&request->fields);
    wwi_free(request->action);
    wwi_free(request);
}

/* By the last who uses it. */
static void end(struct request *request, const struct wwi_outcome *outcome)
{
    struct channel *channel = request->channel;

    if (request->replied != NULL)
        request->replied(request->replied_state, outcome);
    wwi_lock_take(&channel->synced.lock);
    wwi_list_remove(&request->synced.link);
    channel->synced.count--;
    if (request->incoming.announces)
        channel->synced.accepting = false;
    wwi_lock_give(&channel->synced.lock);
    destroy(request);
    go_on(channel);
    let_go(channel);
}

static bool begin_telling_locked(struct request *request)
{
    const struct channel *channel = request->channel;

    if (request->synced.gone == NULL || request->synced.told
        || request->synced.answered || !has_failed_locked(channel)
        || (channel->synced.why.status == WWS_E_OPERATION_ABORTED
            && !channel->synced.aborted))
        return false;
    request->synced.told = true;
    request->synced.telling = true;
    request->synced.teller = pthread_self();
    request->teller_calls = request->synced.gone;
    return true;
}

static void tell(struct request *request)
{
    struct channel *channel = request->channel;
    bool deferred;

    WWI_GATE(SESSION_TELLS);
    request->teller_calls(&request->incoming);
    wwi_lock_take(&channel->synced.lock);
    request->synced.telling = false;
    deferred = request->synced.deferred;
    pthread_cond_broadcast(&channel->synced.told);
    wwi_lock_give(&channel->synced.lock);
    if (deferred)
        end(request, &channel->synced.why);
}

static void watch(
    struct wwi_incoming *incoming,
    void (*gone)(struct wwi_incoming *incoming))
{
    struct request *request = request_of(incoming);
    struct wwi_lock *lock = &request->channel->synced.lock;
    bool telling;

    wwi_lock_take(lock);
    request->synced.gone = gone;
    telling = begin_telling_locked(request);
    wwi_lock_give(lock);
    if (telling)
        tell(request);
}

/* Having entered, which keeps the channel when the request is over. */
static void transmit(struct request *request, struct wwi_outgoing *outgoing)
{
    struct channel *channel = request->channel;
    struct wwi_session *session = channel->session;
    struct wwi_outcome outcome = {
        .phase = WWS_PHASE_SEND,
        .text = "the answer cannot be sent",
    };

    WWI_GATE(SESSION_ANSWERS);
    outcome.status = session->calls->send(session, &request->sending,
        outgoing);
    wwi_bytes_fini(&outgoing->envelope);
    if (outcome.status < 0) {
        abort_session(channel);
        end(request, &outcome);
    }
    leave(channel);
}

static void reply(
    struct wwi_incoming *incoming,
    struct wwi_outgoing *outgoing,
    wwi_replied_fn replied,
    void *state)
{
    struct request *request = request_of(incoming);
    struct channel *channel = request->channel;
    struct wwi_outcome outcome;
    bool entered, deferred;

    request->replied = replied;
    request->replied_state = state;
    wwi_lock_take(&channel->synced.lock);
    request->synced.answered = true;
    channel->synced.last |= incoming->last;
    deferred = request->synced.deferred = request->synced.telling;
    entered = outgoing != NULL && enter_locked(channel);
    outcome = channel->synced.why;
    wwi_lock_give(&channel->synced.lock);
    if (entered) {
        transmit(request, outgoing);
        return;
    }
    if (outgoing != NULL)
        wwi_bytes_fini(&outgoing->envelope);
    if (!deferred)
        end(request, &outcome);
}

static bool may_begin(struct wwi_sending *sending)
{
    struct request *request = WWI_CONTAINER(sending, struct request, sending);

    return !atomic_load(&request->stopped);
}

static void sent(
    struct wwi_sending *sending,
    const struct wwi_outcome *outcome)
{
    end(WWI_CONTAINER(sending, struct request, sending), outcome);
}

/* What is queued is done by the abort, and does not begin before. */
static void stop(struct wwi_incoming *incoming)
{
    struct request *request = request_of(incoming);

    atomic_store(&request->stopped, true);
    abort_session(request->channel);
}

static void drop(struct wwi_incoming *incoming)
{
    static const struct wwi_outcome unheard = { 0 };
    struct request *request = request_of(incoming);
    struct channel *channel = request->channel;
    bool deferred;

    wwi_lock_take(&channel->synced.lock);
    request->synced.answered = true;
    /* Nothing is heard of a request after it has been dropped. */
    while (request->synced.telling
        && !pthread_equal(request->synced.teller, pthread_self()))
        pthread_cond_wait(&channel->synced.told,
            &channel->synced.lock.mutex);
    deferred = request->synced.deferred = request->synced.telling;
    wwi_lock_give(&channel->synced.lock);
    abort_session(channel);
    if (!deferred)
        end(request, &unheard);
}

static void append_url(
    const struct wwi_incoming *incoming,
    struct wwi_bytes *url)
{
    const struct request *request = WWI_CONTAINER(incoming, struct request,
        incoming);

    wwi_bytes_append_string(url, wwi_string(request->channel->via));
}

static const struct wwi_incoming_calls calls = {
    .append_url = append_url,
    .watch = watch,
    .reply = reply,
    .stop = stop,
    .drop = drop,
};

/* What comes from the session */

static bool copy_fields(
    struct request *request,
    const struct wwi_fields *fields)
{
    wws_string name, value;
    uint32_t index = 0;

    while (fields->next != NULL
        && fields->next(fields->state, &index, &name, &value))
        if (wwi_mapped_add(&request->fields, name, value) < 0)
            return false;
    request->incoming.fields = (struct wwi_fields) {
        wwi_mapped_next, &request->fields };
    return true;
}

static bool copy_action(struct request *request, const struct wwi_piece *piece)
{
    if (!piece->has_action)
        return true;
    request->action = wwi_string_copy(piece->action);
    request->incoming.has_action = true;
    request->incoming.action = (wws_string) {
        request->action, piece->action.size };
    return request->action != NULL;
}

static struct request *new_request(struct channel *channel)
{
    struct request *request = wwi_alloc_zero(sizeof *request);

    if (request == NULL)
        return NULL;
    request->channel = channel;
    request->sending.begin = may_begin;
    request->sending.done = sent;
    request->incoming.calls = &calls;
    request->incoming.runtime = channel->session->runtime;
    request->incoming.of_session = true;
    request->incoming.remote = wwi_string(channel->remote);
    if (channel->known != NULL)
        wwi_service_session_ref(channel->known);
    request->incoming.channel = channel->known;
    return request;
}

/* Null without memory. */
static struct request *request_for(
    struct channel *channel,
    struct wwi_piece *piece)
{
    struct request *request = new_request(channel);

    if (request == NULL)
        return NULL;
    request->incoming.version = piece->version;
    if (!copy_action(request, piece)
        || !copy_fields(request, &piece->fields)) {
        destroy(request);
        return NULL;
    }
    request->incoming.envelope = piece->octets;
    piece->octets = (struct wwi_bytes) { 0 };
    return request;
}

static void list_locked(struct channel *channel, struct request *request)
{
    wwi_list_append(&channel->synced.up, &request->synced.link);
    channel->synced.count++;
}

static void arrived(struct wwi_session *session, struct wwi_piece *piece)
{
    struct channel *channel = session->user;
    struct request *request = request_for(channel, piece);
    bool wanted;

    wwi_lock_take(&channel->synced.lock);
    channel->synced.asked = false;
    wanted = request != NULL && !channel->synced.aborted
        && !channel->synced.last;
    if (wanted)
        list_locked(channel, request);
    wwi_lock_give(&channel->synced.lock);
    if (wanted) {
        hold(channel);
        wwi_service_host_arrived(&request->incoming, channel->server);
        go_on(channel);
    } else {
        if (request != NULL)
            destroy(request);
        abort_session(channel);
    }
}

static void log_failure(
    const struct wwi_session *session,
    const struct wwi_outcome *outcome)
{
    const char *text = session->text;

    if (text[0] == '\0')
        text = outcome->text != NULL ? outcome->text : "";
    wwi_log_write(session->runtime->log, WWS_LOG_LEVEL_DEBUG, outcome->phase,
        "a session of %.*s failed: %s %s", (int) session->remote.size,
        session->remote.data, wwi_status_name(outcome->status), text);
}

/* Whether there are more.  Whoever has not been told here will be when he
 * begins to watch. */
static bool tell_some(struct channel *channel)
{
    struct wwi_link *link;
    bool more;

    wwi_lock_take(&channel->synced.lock);
    for (int i = 0; i < TOLD_AT_ONCE
        && (link = wwi_list_take(&channel->synced.up)) != NULL; i++) {
        struct request *request = WWI_CONTAINER(link, struct request,
            synced.link);

        wwi_list_append(&channel->synced.failed, link);
        atomic_store(&request->incoming.gone, true);
        if (begin_telling_locked(request)) {
            wwi_lock_give(&channel->synced.lock);
            tell(request);
            wwi_lock_take(&channel->synced.lock);
        }
    }
    more = !wwi_list_empty(&channel->synced.up);
    wwi_lock_give(&channel->synced.lock);
    return more;
}

/* In turns, so that many do not keep the loop from all else. */
static void tell_requests(struct wwi_work *work)
{
    struct channel *channel = WWI_CONTAINER(work, struct channel,
        telling.work);

    if (tell_some(channel))
        (void) wwi_loop_post(channel->session->loop, &channel->telling);
    else
        leave(channel);
}

/* Having entered, which keeps the loop until all have been told. */
static void fail_requests(
    struct channel *channel,
    const struct wwi_outcome *outcome)
{
    hold(channel);
    wwi_lock_take(&channel->synced.lock);
    channel->synced.within++;
    channel->synced.why = *outcome;
    wwi_lock_give(&channel->synced.lock);
    tell_requests(&channel->telling.work);
}

static void ended(
    struct wwi_session *session,
    const struct wwi_outcome *outcome)
{
    struct channel *channel = session->user;

    if (outcome->status < 0) {
        log_failure(session, outcome);
        fail_requests(channel, outcome);
        return;
    }
    wwi_lock_take(&channel->synced.lock);
    channel->synced.ended = true;
    wwi_lock_give(&channel->synced.lock);
    go_on(channel);
}

static void released(struct wwi_session *session)
{
    struct channel *channel = session->user;
    struct wwi_endpoint_server *server = channel->server;
    struct wwi_service_session *known = channel->known;

    let_go(channel);
    wwi_service_session_unref(known);
    wwi_service_host_release(server);
}

static const struct wwi_session_events events = {
    .arrived = arrived,
    .ended = ended,
    .released = released,
};

static void released_refused(struct wwi_session *session)
{
    (void) session;
}

static const struct wwi_session_events refused_events = {
    .released = released_refused,
};

void wwi_service_channel_refuse(struct wwi_session *session)
{
    session->events = &refused_events;
    session->calls->free(session);
}

/* The first request; false without memory. */
static bool announce(struct channel *channel)
{
    struct request *request;

    channel->known = wwi_service_session_new(channel->server);
    request = channel->known != NULL ? new_request(channel) : NULL;
    if (request == NULL)
        return false;
    request->incoming.announces = true;
    wwi_lock_take(&channel->synced.lock);
    channel->synced.accepting = true;
    list_locked(channel, request);
    wwi_lock_give(&channel->synced.lock);
    hold(channel);
    wwi_service_host_arrived(&request->incoming, channel->server);
    return true;
}

static struct channel *new_channel(
    struct wwi_endpoint_server *server,
    struct wwi_session *session)
{
    struct channel *channel = wwi_alloc_zero(sizeof *channel);

    if (channel == NULL)
        return NULL;
    atomic_init(&channel->refs, 1);
    channel->session = session;
    channel->server = server;
    channel->max_requests = server->endpoint->options.max_concurrency;
    wwi_lock_init(&channel->synced.lock, WWI_RANK_CHANNEL);
    pthread_cond_init(&channel->synced.told, NULL);
    wwi_post_init(&channel->telling, tell_requests);
    wwi_list_init(&channel->synced.up);
    wwi_list_init(&channel->synced.failed);
    channel->remote = wwi_string_copy(session->remote);
    channel->via = wwi_string_copy(session->via);
    if (channel->remote != NULL && channel->via != NULL)
        return channel;
    let_go(channel);
    return NULL;
}

void wwi_service_channel_begin(
    struct wwi_endpoint_server *server,
    struct wwi_session *session)
{
    struct channel *channel = new_channel(server, session);

    if (channel == NULL) {
        wwi_service_channel_refuse(session);
        wwi_service_host_release(server);
        return;
    }
    session->events = &events;
    session->user = channel;
    if (server->endpoint->options.channel_events && !announce(channel))
        abort_session(channel);
    go_on(channel);
}
