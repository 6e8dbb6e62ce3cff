/* The server of services.  Everything that ends it is in three places: abort(),
 * which only tells; close, which waits; and server_gone(), where it is over. */
#include "core/service/service_host.h"

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"
#include "core/channel/closing.h"
#include "core/service/operation.h"
#include "core/service/service_channel.h"

enum {
    CLOSE_TIMEOUT_MS = 5000,
    CANCEL_BATCH = 32,
};

enum {
    CREATED = WWS_SERVICE_HOST_STATE_CREATED,
    OPENING = WWS_SERVICE_HOST_STATE_OPENING,
    OPEN = WWS_SERVICE_HOST_STATE_OPEN,
    CLOSING = WWS_SERVICE_HOST_STATE_CLOSING,
    CLOSED = WWS_SERVICE_HOST_STATE_CLOSED,
    FAULTED = WWS_SERVICE_HOST_STATE_FAULTED,
    STATES,
    NO = STATES,
};

enum event { BEGIN, DONE, FAIL, ABORT, CLOSE, RESET, EVENTS };

/* An abort while opening gives the host back at once; the open sees by its
 * number that it has been overtaken.  That one came while closing is a flag
 * beside the state, which close looks at when it ends (D7).
               begin    done    fail     abort    close    reset */
static const uint8_t moves[STATES][EVENTS] = {
    [CREATED] = { OPENING, NO,     NO,      CREATED, CLOSED,  CREATED },
    [OPENING] = { NO,      OPEN,   CREATED, CREATED, NO,      NO      },
    [OPEN]    = { NO,      NO,     NO,      FAULTED, CLOSING, NO      },
    [CLOSING] = { NO,      CLOSED, NO,      CLOSING, NO,      NO      },
    [CLOSED]  = { NO,      NO,     NO,      CLOSED,  CLOSED,  CREATED },
    [FAULTED] = { NO,      NO,     NO,      FAULTED, CLOSING, NO      },
};

static const char *const names[STATES] = {
    [CREATED] = "created",
    [OPENING] = "opening",
    [OPEN] = "open",
    [CLOSING] = "closing",
    [CLOSED] = "closed",
    [FAULTED] = "faulted",
};

/* Whoever moves logs the move when the lock is given back. */
static bool move_locked(struct wwi_service_host *self, enum event event)
{
    uint8_t next = moves[self->synced.state][event];

    if (next == NO)
        return false;
    self->synced.state = next;
    return true;
}

static void log_state(
    struct wwi_service_host *self,
    wws_service_host_state state)
{
    wwi_log_write(self->member.runtime->log, WWS_LOG_LEVEL_INFO,
        WWS_PHASE_NONE, "service host %016llx: %s",
        (unsigned long long) self->object.id, names[state]);
}

static wws_status wrong_state(
    wws_service_host_state state,
    struct wwi_error *error)
{
    return wwi_fail(error, WWS_E_INVALID_OPERATION,
        "not while the service host is %s", names[state]);
}

static wws_status aborted_before(struct wwi_error *error)
{
    return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
        "the service host was aborted");
}

/* Servers */

/* The host is closed when the last one is gone. */
static void server_gone(struct wwi_service_host *self)
{
    struct wwi_wait *wait = NULL;
    wws_status status = WWS_S_OK;
    const char *text = NULL;
    bool closed, timed = false;

    wwi_lock_take(&self->synced.lock);
    closed = --self->synced.servers == 0 && self->synced.state == CLOSING;
    if (closed) {
        (void) move_locked(self, DONE);
        timed = wwi_loop_cancel_timer(self->loop, &self->timer);
        wait = self->synced.closing;
        status = self->synced.close_status;
        self->synced.closing = NULL;
    }
    wwi_lock_give(&self->synced.lock);
    if (!closed)
        return;
    WWI_GATE(HOST_CLOSED);
    if (timed)
        wwi_object_unref(&self->object);
    log_state(self, CLOSED);
    if (status == WWS_E_OPERATION_TIMED_OUT)
        text = "work was left when the time to close was over";
    else if (status < 0)
        text = "the service host was aborted";
    if (wait != NULL)
        (void) wwi_wait_end(wait, status, WWS_PHASE_CLOSE, text);
}

/* The last use of the server, but not of the host. */
static void destroy_server(struct wwi_endpoint_server *server)
{
    struct wwi_service_host *self = server->endpoint->host;

    WWI_GATE(HOST_RELEASES);
    if (server->server != NULL)
        server->endpoint->transport->server_free(server->server);
    wwi_free(server);
    server_gone(self);
    wwi_runtime_done(self->member.runtime);
    wwi_object_unref(&self->object);
}

static bool release_locked(struct wwi_endpoint_server *server)
{
    if (--server->synced.references > 0)
        return false;
    if (server->endpoint->server == server)
        server->endpoint->server = NULL;
    return true;
}

void wwi_service_host_hold(struct wwi_endpoint_server *server)
{
    struct wwi_lock *lock = &server->endpoint->host->synced.lock;

    wwi_lock_take(lock);
    server->synced.references++;
    wwi_lock_give(lock);
}

void wwi_service_host_release(struct wwi_endpoint_server *server)
{
    struct wwi_lock *lock = &server->endpoint->host->synced.lock;
    bool last;

    wwi_lock_take(lock);
    last = release_locked(server);
    wwi_lock_give(lock);
    if (last)
        destroy_server(server);
}

static void stopped(void *state)
{
    wwi_service_host_release(state);
}

bool wwi_service_host_enter(struct wwi_operation *operation)
{
    struct wwi_service_host *self = operation->server->endpoint->host;
    bool last = operation->kind == WWS_OPERATION_KIND_CLOSE_CHANNEL;
    bool aborted;

    wwi_lock_take(&self->synced.lock);
    aborted = atomic_load(&self->aborted);
    if (!aborted)
        wwi_list_append(&self->synced.running, &operation->link);
    else if (last)
        wwi_list_append(&self->synced.told, &operation->link);
    wwi_lock_give(&self->synced.lock);
    return !aborted || last;
}

void wwi_service_host_leave(struct wwi_operation *operation)
{
    struct wwi_endpoint_server *server = operation->server;
    struct wwi_lock *lock = &server->endpoint->host->synced.lock;
    bool last;

    wwi_lock_take(lock);
    wwi_list_remove(&operation->link);
    last = release_locked(server);
    wwi_lock_give(lock);
    if (last)
        destroy_server(server);
}

/* Requests */

enum verdict { BEGINS, WAITS, REFUSED, DROPPED };

static enum verdict judge_locked(
    struct wwi_service_host *self,
    const struct wwi_endpoint_server *server)
{
    bool good = !server->synced.stopping
        && server->opens == self->synced.opens;

    if (self->synced.state == OPENING && good)
        return WAITS;
    if (self->synced.state == OPEN && good)
        return BEGINS;
    if (self->synced.state == CLOSING && !atomic_load(&self->aborted))
        return REFUSED;
    return DROPPED;
}

/* With a reference of the server for the request. */
static void admit(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    struct wwi_service_host *self = server->endpoint->host;
    enum verdict verdict;

    wwi_lock_take(&self->synced.lock);
    verdict = judge_locked(self, server);
    if (verdict == WAITS)
        wwi_list_append(&self->synced.early, &incoming->link);
    wwi_lock_give(&self->synced.lock);
    WWI_GATE(HOST_ADMITS);
    switch (verdict) {
    case BEGINS:
        wwi_operation_begin(server, incoming);
        break;
    case REFUSED:
        wwi_operation_refuse(server, incoming);
        break;
    case DROPPED:
        incoming->calls->drop(incoming);
        wwi_service_host_release(server);
        break;
    case WAITS:
        break;
    }
}

void wwi_service_host_arrived(struct wwi_incoming *incoming, void *state)
{
    struct wwi_endpoint_server *server = state;

    wwi_service_host_hold(server);
    incoming->user = server;
    admit(server, incoming);
}

/* Closing, a host takes no session any more; those that it has go on. */
static void connected(struct wwi_session *session, void *state)
{
    struct wwi_endpoint_server *server = state;
    struct wwi_service_host *self = server->endpoint->host;
    enum verdict verdict;
    bool served;

    wwi_lock_take(&self->synced.lock);
    verdict = judge_locked(self, server);
    served = verdict == BEGINS || verdict == WAITS;
    if (served)
        server->synced.references++;
    wwi_lock_give(&self->synced.lock);
    if (served)
        wwi_service_channel_begin(server, session);
    else
        wwi_service_channel_refuse(session);
}

/* No request is served before every endpoint listens (G140); now they do, or
 * the open has failed. */
static void admit_early(struct wwi_service_host *self)
{
    struct wwi_list early;
    struct wwi_link *link;

    wwi_list_init(&early);
    wwi_lock_take(&self->synced.lock);
    wwi_list_move(&early, &self->synced.early);
    wwi_lock_give(&self->synced.lock);
    while ((link = wwi_list_take(&early)) != NULL) {
        struct wwi_incoming *incoming = WWI_CONTAINER(link,
            struct wwi_incoming, link);

        admit(incoming->user, incoming);
    }
}

static void run_early(struct wwi_work *work)
{
    struct wwi_service_host *self = WWI_CONTAINER(work,
        struct wwi_service_host, early_post.work);

    admit_early(self);
    wwi_object_unref(&self->object);
}

/* Posts hold the host until they have run. */
static void post(struct wwi_service_host *self, struct wwi_post *what)
{
    wwi_object_ref(&self->object);
    if (!wwi_loop_post(self->loop, what))
        wwi_object_unref(&self->object);
}

/* Abort */

static struct wwi_endpoint *find_locked(
    struct wwi_service_host *self,
    uint32_t index)
{
    struct wwi_list *endpoints = &self->synced.endpoints;
    struct wwi_link *link = wwi_list_first(endpoints);

    while (link != NULL && index-- > 0)
        link = wwi_list_next(endpoints, link);
    return link == NULL ? NULL
        : WWI_CONTAINER(link, struct wwi_endpoint, link);
}

/* False behind the last endpoint; the server, with a reference, may be null. */
static bool hold_server(
    struct wwi_service_host *self,
    uint32_t index,
    bool stop,
    struct wwi_endpoint_server **server)
{
    struct wwi_endpoint *endpoint;

    *server = NULL;
    wwi_lock_take(&self->synced.lock);
    endpoint = find_locked(self, index);
    if (endpoint != NULL)
        *server = endpoint->server;
    if (*server != NULL) {
        (*server)->synced.references++;
        (*server)->synced.stopping |= stop;
    }
    wwi_lock_give(&self->synced.lock);
    return endpoint != NULL;
}

static void stop_servers(struct wwi_service_host *self, bool reset)
{
    struct wwi_endpoint_server *server;

    for (uint32_t i = 0; hold_server(self, i, true, &server); i++) {
        if (server == NULL)
            continue;
        server->endpoint->transport->server_stop(server->server, reset,
            stopped);
        wwi_service_host_release(server);
    }
}

/* Tells some of the operations; whether there are more. */
static bool cancel_some(struct wwi_service_host *self)
{
    struct wwi_operation *batch[CANCEL_BATCH];
    struct wwi_link *link;
    uint32_t count = 0;
    bool more;

    wwi_lock_take(&self->synced.lock);
    while (count < CANCEL_BATCH
        && (link = wwi_list_take(&self->synced.running)) != NULL) {
        wwi_list_append(&self->synced.told, link);
        batch[count] = WWI_CONTAINER(link, struct wwi_operation, link);
        wwi_object_ref(&batch[count++]->object);
    }
    more = !wwi_list_empty(&self->synced.running);
    wwi_lock_give(&self->synced.lock);
    WWI_GATE(HOST_CANCELS);
    for (uint32_t i = 0; i < count; i++) {
        wwi_operation_cancel(batch[i], WWS_CANCEL_REASON_HOST_ABORTED);
        wwi_object_unref(&batch[i]->object);
    }
    return more;
}

static void run_cancel(struct wwi_work *work)
{
    struct wwi_service_host *self = WWI_CONTAINER(work,
        struct wwi_service_host, cancel_post.work);

    if (cancel_some(self))
        post(self, &self->cancel_post);
    wwi_object_unref(&self->object);
}

/* Says that the host is aborted; false if there is nothing else to do. */
static bool begin_abort_locked(struct wwi_service_host *self, wws_status why)
{
    wws_service_host_state before = self->synced.state;

    /* A timer that was running may belong to the close before. */
    if (why == WWS_E_OPERATION_TIMED_OUT && (before != CLOSING
        || wwi_clock_now() < self->synced.close_deadline))
        return false;
    if (before == CLOSING && self->synced.close_status == WWS_S_OK)
        self->synced.close_status = why;
    if (before == CLOSED || atomic_load(&self->aborted))
        return false;
    /* An open stops what it has opened, and nothing runs yet. */
    atomic_store(&self->aborted, before != OPENING);
    (void) move_locked(self, ABORT);
    return before == OPEN || before == CLOSING;
}

static void abort_host(struct wwi_service_host *self, wws_status why)
{
    wws_service_host_state before, after;
    bool running;

    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    running = begin_abort_locked(self, why);
    after = self->synced.state;
    wwi_lock_give(&self->synced.lock);
    if (running || after != before)
        log_state(self, after);
    if (!running)
        return;
    WWI_GATE(HOST_ABORTS);
    stop_servers(self, true);
    if (cancel_some(self))
        post(self, &self->cancel_post);
}

static void abort_member(struct wwi_member *member)
{
    abort_host(WWI_CONTAINER(member, struct wwi_service_host, member),
        WWS_E_OPERATION_ABORTED);
}

wws_status wwi_service_host_abort(struct wwi_service_host *self)
{
    abort_host(self, WWS_E_OPERATION_ABORTED);
    return WWS_S_OK;
}

/* Create and free */

static void destroy(struct wwi_object *object)
{
    struct wwi_service_host *self = WWI_CONTAINER(object,
        struct wwi_service_host, object);
    struct wwi_link *link;

    while ((link = wwi_list_take(&self->synced.endpoints)) != NULL)
        wwi_endpoint_free(WWI_CONTAINER(link, struct wwi_endpoint, link),
            true);
    if (self->loop != NULL)
        wwi_member_leave(&self->member);
    wwi_lock_fini(&self->synced.lock);
    wwi_free(self);
}

static void close_timed_out(struct wwi_timer *timer)
{
    struct wwi_service_host *self = WWI_CONTAINER(timer,
        struct wwi_service_host, timer);

    abort_host(self, WWS_E_OPERATION_TIMED_OUT);
    wwi_object_unref(&self->object);
}

static void init(
    struct wwi_service_host *self,
    const wws_service_host_options *options)
{
    self->options = *options;
    if (self->options.close_timeout_ms == 0)
        self->options.close_timeout_ms = CLOSE_TIMEOUT_MS;
    wwi_post_init(&self->early_post, run_early);
    wwi_post_init(&self->cancel_post, run_cancel);
    self->timer.expired = close_timed_out;
    atomic_init(&self->aborted, false);
    wwi_lock_init(&self->synced.lock, WWI_RANK_SERVICE_HOST);
    wwi_list_init(&self->synced.endpoints);
    wwi_list_init(&self->synced.early);
    wwi_list_init(&self->synced.running);
    wwi_list_init(&self->synced.told);
}

wws_status wwi_service_host_create(
    struct wwi_runtime *runtime,
    const wws_service_host_options *options,
    wws_service_host *handle,
    struct wwi_error *error)
{
    struct wwi_service_host *self = wwi_alloc_zero(sizeof *self);
    wws_status status;

    if (self == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for a service host");
    init(self, options);
    status = wwi_object_init(&self->object, WWI_KIND_SERVICE_HOST, destroy);
    if (status < 0) {
        wwi_lock_fini(&self->synced.lock);
        wwi_free(self);
        return wwi_fail_static(error, status, "no handle for a service host");
    }
    status = wwi_member_join(&self->member, &self->object, runtime,
        abort_member);
    if (status < 0) {
        (void) wwi_object_close(&self->object);
        wwi_object_unref(&self->object);
        return wwi_fail_static(error, status,
            "no runtime for a service host");
    }
    self->loop = wwi_runtime_loop(self->member.runtime);
    handle->id = self->object.id;
    return WWS_S_OK;
}

wws_status wwi_service_host_free(struct wwi_service_host *self)
{
    if (!wwi_object_close(&self->object))
        return WWS_E_HANDLE;
    abort_host(self, WWS_E_OPERATION_ABORTED);
    wwi_object_unref(&self->object);
    return WWS_S_OK;
}

/* Endpoints */

static wws_status list_endpoint(
    struct wwi_service_host *self,
    struct wwi_endpoint *endpoint,
    struct wwi_error *error)
{
    wws_service_host_state state;

    wwi_lock_take(&self->synced.lock);
    state = self->synced.state;
    if (state == CREATED) {
        endpoint->index = self->synced.endpoint_count++;
        wwi_list_append(&self->synced.endpoints, &endpoint->link);
    }
    wwi_lock_give(&self->synced.lock);
    return state == CREATED ? WWS_S_OK : wrong_state(state, error);
}

wws_status wwi_service_host_add_endpoint(
    struct wwi_service_host *self,
    const wws_endpoint_options *options,
    struct wwi_error *error)
{
    struct wwi_endpoint *endpoint;
    wws_status status = wwi_endpoint_create(options, &endpoint, error);

    if (status < 0)
        return status;
    endpoint->host = self;
    status = list_endpoint(self, endpoint, error);
    if (status < 0)
        wwi_endpoint_free(endpoint, false);
    return status;
}

wws_status wwi_service_host_get_address(
    struct wwi_service_host *self,
    uint32_t index,
    wws_buffer *address,
    struct wwi_error *error)
{
    struct wwi_endpoint_server *server;
    struct wwi_bytes text = { 0 };
    wws_service_host_state state;
    wws_status status;

    if (!hold_server(self, index, false, &server))
        return wwi_fail(error, WWS_E_INVALIDARG,
            "the service host has no endpoint %u", (unsigned) index);
    (void) wwi_service_host_get_state(self, &state, NULL);
    if (server == NULL || state != OPEN) {
        status = wrong_state(state, error);
        goto out;
    }
    status = server->endpoint->transport->server_address(server->server,
        &text);
    if (status < 0)
        wwi_fail_static(error, status, "cannot get the address");
    else
        wwi_bytes_to_buffer(&text, address);

out:
    wwi_bytes_fini(&text);
    if (server != NULL)
        wwi_service_host_release(server);
    return status;
}

/* Open */

/* What opens the host: one of perhaps several, of which all but the last have
 * been aborted.  Its servers are the host's when all listen. */
struct opening {
    struct wwi_service_host *host;
    uint32_t opens;
    struct wwi_list servers;
};

static bool is_mine_locked(const struct opening *opening)
{
    return opening->host->synced.state == OPENING
        && opening->host->synced.opens == opening->opens;
}

/* The server is there before it listens, for requests may come at once. */
static struct wwi_endpoint_server *new_server(
    const struct opening *opening,
    struct wwi_endpoint *endpoint)
{
    struct wwi_service_host *self = opening->host;
    struct wwi_endpoint_server *server = wwi_alloc_zero(sizeof *server);

    if (server == NULL)
        return NULL;
    server->endpoint = endpoint;
    server->opens = opening->opens;
    server->synced.references = 1;
    wwi_object_ref(&self->object);
    wwi_runtime_begin(self->member.runtime);
    wwi_lock_take(&self->synced.lock);
    self->synced.servers++;
    wwi_lock_give(&self->synced.lock);
    return server;
}

static wws_status listen_at(
    struct opening *opening,
    struct wwi_endpoint *endpoint,
    struct wwi_error *error)
{
    struct wwi_endpoint_server *server = new_server(opening, endpoint);
    const struct wwi_server_callbacks callbacks = {
        .arrived = wwi_service_host_arrived,
        .connected = connected,
        .state = server,
    };
    wws_status status;

    if (server == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for a server");
    status = wwi_endpoint_listen(server, opening->host->member.runtime,
        &callbacks, error);
    WWI_GATE(HOST_LISTENS);
    if (status < 0)
        wwi_service_host_release(server);
    else
        wwi_list_append(&opening->servers, &server->link);
    return status;
}

/* Null behind the last, and when there is no use in going on. */
static struct wwi_endpoint *endpoint_at(
    const struct opening *opening,
    uint32_t index)
{
    struct wwi_lock *lock = &opening->host->synced.lock;
    struct wwi_endpoint *endpoint = NULL;

    wwi_lock_take(lock);
    if (is_mine_locked(opening))
        endpoint = find_locked(opening->host, index);
    wwi_lock_give(lock);
    return endpoint;
}

static wws_status listen_at_all(
    struct opening *opening,
    struct wwi_error *error)
{
    struct wwi_endpoint *endpoint;
    wws_status status = WWS_S_OK;

    for (uint32_t i = 0; status >= 0
        && (endpoint = endpoint_at(opening, i)) != NULL; i++)
        status = listen_at(opening, endpoint, error);
    return status;
}

static wws_status begin_open(
    struct opening *opening,
    struct wwi_error *error)
{
    struct wwi_service_host *self = opening->host;
    wws_service_host_state before;
    bool latched, began = false;

    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    latched = before == CREATED && atomic_load(&self->aborted);
    if (latched)
        atomic_store(&self->aborted, false);
    else
        began = move_locked(self, BEGIN);
    opening->opens = self->synced.opens += began;
    wwi_lock_give(&self->synced.lock);
    if (latched)
        return aborted_before(error);
    return began ? WWS_S_OK : wrong_state(before, error);
}

/* False when the host has been aborted meanwhile. */
static bool end_open(struct opening *opening)
{
    struct wwi_service_host *self = opening->host;
    struct wwi_link *link;
    bool mine;

    wwi_lock_take(&self->synced.lock);
    mine = is_mine_locked(opening);
    while (mine && (link = wwi_list_take(&opening->servers)) != NULL) {
        struct wwi_endpoint_server *server = WWI_CONTAINER(link,
            struct wwi_endpoint_server, link);

        server->endpoint->server = server;
    }
    if (mine)
        (void) move_locked(self, DONE);
    wwi_lock_give(&self->synced.lock);
    return mine;
}

static void stop_opened(struct opening *opening)
{
    struct wwi_lock *lock = &opening->host->synced.lock;
    struct wwi_link *link;

    while ((link = wwi_list_take(&opening->servers)) != NULL) {
        struct wwi_endpoint_server *server = WWI_CONTAINER(link,
            struct wwi_endpoint_server, link);

        wwi_lock_take(lock);
        server->synced.references++;
        server->synced.stopping = true;
        wwi_lock_give(lock);
        server->endpoint->transport->server_stop(server->server, true,
            stopped);
        wwi_service_host_release(server);
    }
}

static wws_status fail_open(
    struct opening *opening,
    wws_status status,
    struct wwi_error *error)
{
    struct wwi_service_host *self = opening->host;
    bool mine;

    stop_opened(opening);
    wwi_lock_take(&self->synced.lock);
    mine = is_mine_locked(opening);
    if (mine)
        (void) move_locked(self, FAIL);
    wwi_lock_give(&self->synced.lock);
    admit_early(self);
    if (mine)
        log_state(self, CREATED);
    return mine ? status : aborted_before(error);
}

wws_status wwi_service_host_open(
    struct wwi_service_host *self,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct opening opening = { .host = self };
    wws_status status = wwi_wait_check(self->member.runtime, completion,
        error);

    wwi_list_init(&opening.servers);
    if (status >= 0)
        status = begin_open(&opening, error);
    if (status < 0)
        return status;
    log_state(self, OPENING);
    WWI_GATE(HOST_OPENS);
    status = listen_at_all(&opening, error);
    if (status < 0 || !end_open(&opening))
        return fail_open(&opening, status, error);
    log_state(self, OPEN);
    WWI_GATE(HOST_OPENED);
    /* Short operations run on a loop. */
    post(self, &self->early_post);
    return WWS_S_OK;
}

/* Close */

struct closing {
    struct wwi_wait wait;
    _Atomic uint32_t uses; /* it is delivered; it may go */
};

static void closing_used(struct wwi_wait *wait)
{
    struct closing *closing = WWI_CONTAINER(wait, struct closing, wait);

    if (atomic_fetch_sub(&closing->uses, 1) != 1)
        return;
    wwi_wait_fini(wait);
    wwi_free(closing);
}

static wws_status new_closing(
    struct wwi_service_host *self,
    const wws_completion *completion,
    struct closing **out,
    struct wwi_error *error)
{
    struct closing *closing = wwi_alloc_zero(sizeof *closing);
    wws_status status;

    if (closing == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory to wait");
    status = wwi_wait_init(&closing->wait, self->member.runtime, completion,
        error);
    if (status < 0) {
        wwi_free(closing);
        return status;
    }
    closing->wait.delivered = closing->wait.release = closing_used;
    atomic_init(&closing->uses, 2);
    (void) wwi_pending_start(&closing->wait.pending);
    *out = closing;
    return WWS_S_OK;
}

/* Under the lock, as it is cancelled: whoever closes again does not meet it. */
static void start_timer_locked(struct wwi_service_host *self)
{
    uint32_t timeout = self->options.close_timeout_ms;

    if (timeout == WWS_INFINITE)
        return;
    self->synced.close_deadline = wwi_clock_after(timeout);
    wwi_object_ref(&self->object);
    wwi_loop_set_timer(self->loop, &self->timer,
        self->synced.close_deadline);
}

/* Takes the wait over if it gives WWS_S_ASYNC. */
static wws_status begin_close(
    struct wwi_service_host *self,
    struct wwi_wait *wait,
    wws_service_host_state *before)
{
    wws_status status = WWS_S_OK;

    wwi_lock_take(&self->synced.lock);
    *before = self->synced.state;
    if (!move_locked(self, CLOSE)) {
        status = WWS_E_INVALID_OPERATION;
    } else if (self->synced.state == CLOSING) {
        self->synced.closing = wait;
        self->synced.close_status = WWS_S_OK;
        self->synced.close_deadline = WWI_NEVER;
        self->synced.servers++;
        if (*before == OPEN)
            start_timer_locked(self);
        status = WWS_S_ASYNC;
    }
    wwi_lock_give(&self->synced.lock);
    return status;
}

/* The closing belongs to whoever ends the wait. */
static void run_close(
    struct wwi_service_host *self,
    wws_service_host_state before)
{
    log_state(self, CLOSING);
    WWI_GATE(HOST_CLOSES);
    if (before == OPEN)
        stop_servers(self, false);
    server_gone(self);
}

static void discard_closing(struct closing *closing)
{
    if (closing == NULL)
        return;
    wwi_wait_fini(&closing->wait);
    wwi_free(closing);
}

static bool is_closing(struct wwi_object *object)
{
    wws_service_host_state state;

    (void) wwi_service_host_get_state(WWI_CONTAINER(object,
        struct wwi_service_host, object), &state, NULL);
    return state == CLOSING;
}

wws_status wwi_service_host_close(
    struct wwi_service_host *self,
    const wws_completion *completion,
    struct wwi_error *error)
{
    wws_service_host_state before;
    struct closing *closing = NULL;
    wws_status status;

    if (completion == NULL && wwi_inside(self))
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "an operation cannot wait for its own host to close");
    completion = wwi_wait_completion(self->member.runtime, completion);
    status = new_closing(self, completion, &closing, error);
    if (status < 0 && status != WWS_E_OUTOFMEMORY)
        return status;
    status = begin_close(self, closing != NULL ? &closing->wait : NULL,
        &before);
    if (status != WWS_S_ASYNC) {
        discard_closing(closing);
        return status < 0 ? wrong_state(before, error) : status;
    }
    run_close(self, before);
    if (closing == NULL)
        return wwi_closing_poll(&self->object, is_closing, completion);
    if (completion != NULL)
        return WWS_S_ASYNC;
    (void) wwi_wait_block(&closing->wait, WWI_NEVER);
    return wwi_wait_result(&closing->wait);
}

wws_status wwi_service_host_reset(
    struct wwi_service_host *self,
    struct wwi_error *error)
{
    wws_service_host_state before;
    bool moved;

    wwi_lock_take(&self->synced.lock);
    before = self->synced.state;
    moved = move_locked(self, RESET);
    if (moved)
        atomic_store(&self->aborted, false);
    wwi_lock_give(&self->synced.lock);
    if (!moved)
        return wrong_state(before, error);
    log_state(self, CREATED);
    return WWS_S_OK;
}

wws_status wwi_service_host_get_state(
    struct wwi_service_host *self,
    wws_service_host_state *state,
    struct wwi_error *error)
{
    (void) error;
    wwi_lock_take(&self->synced.lock);
    *state = self->synced.state;
    wwi_lock_give(&self->synced.lock);
    return WWS_S_OK;
}
