/* A transport in memory.  Everything is under the one lock of the loop: the
 * functions of tasks may be called with it, for they call nobody back. */
#include "tests/support/public/loop.h"

#include <stdlib.h>
#include <string.h>

/* Octets that may lie in a connection each way while there is room for more. */
enum { ROOM = 65536 };

enum { REMOTE = 64 };

struct piece {
    struct piece *next;
    bool more;
    size_t size;
    char octets[];
};

/* One end of a connection. */
struct end {
    struct pair *pair;
    struct end *other;
    struct piece *first;       /* that have come for this end */
    struct piece **last;
    size_t size;               /* of these */
    bool shut;                 /* nothing more comes for this end */
    bool gone;                 /* closed, or aborted */
    wws_transport_task sending; /* what lies at the other end */
    wws_transport_task receiving;
    wws_transport_task watching;
};

struct pair {
    struct loop *loop;
    unsigned freed;            /* ends */
    struct end ends[2];
};

/* A client that nobody has accepted. */
struct arrival {
    struct arrival *next;
    wws_custom_connection connection;
    char remote[REMOTE];
};

struct loop_listener {
    struct loop_listener *next;
    struct loop *loop;
    char *address;
    size_t size;
    bool stopped;
    struct arrival *first;
    wws_transport_task accepting;
};

static const wws_error no_error;

static wws_status ask(const struct loop *loop, enum loop_slot slot)
{
    return loop->asked != NULL ? loop->asked(slot) : WWS_S_OK;
}

static _Thread_local bool completing;

bool loop_is_completing(void)
{
    return completing;
}

/* The end of a task, if there is one. */
static void complete(wws_transport_task *task, wws_status status)
{
    wws_transport_task ended = *task;

    task->id = 0;
    completing = true;
    if (ended.id != 0)
        (void) wws_transport_task_complete(ended, status, no_error);
    completing = false;
}

/* Pieces. */

static bool put(struct end *to, wws_bytes octets, bool more)
{
    struct piece *piece = malloc(sizeof *piece + octets.size);

    if (piece == NULL)
        return false;
    piece->next = NULL;
    piece->more = more;
    piece->size = octets.size;
    if (octets.size != 0)
        memcpy(piece->octets, octets.data, octets.size);
    *to->last = piece;
    to->last = &piece->next;
    to->size += octets.size;
    return true;
}

/* Gives the first piece that has come to the task. */
static wws_status give_first(struct end *end, wws_transport_task task)
{
    struct piece *piece = end->first;
    wws_bytes octets = { piece->octets, piece->size };
    wws_status status;

    end->first = piece->next;
    if (end->first == NULL)
        end->last = &end->first;
    end->size -= piece->size;
    status = wws_transport_task_give_piece(task, octets, piece->more,
        no_error);
    free(piece);
    return status;
}

/* There may be room for what the other end sends next. */
static void make_room(struct end *end)
{
    if (end->size <= ROOM)
        complete(&end->other->sending, WWS_S_OK);
}

static void serve_receiver(struct end *end)
{
    wws_transport_task task = end->receiving;
    wws_status status;

    if (task.id == 0 || end->first == NULL)
        return;
    status = give_first(end, task);
    complete(&end->receiving, status);
    make_room(end);
}

/* Connections. */

static wws_status send_piece(
    wws_transport_task task,
    wws_bytes octets,
    bool more,
    void *state)
{
    struct end *end = state, *other = end->other;
    pthread_mutex_t *lock = &end->pair->loop->lock;
    wws_status status = ask(end->pair->loop, LOOP_SEND);

    if (status < 0)
        return status;
    pthread_mutex_lock(lock);
    if (other->gone) {
        status = WWS_E_ENDPOINT_DISCONNECTED;
    } else if (!put(other, octets, more)) {
        status = WWS_E_OUTOFMEMORY;
    } else {
        serve_receiver(other);
        if (other->size > ROOM) {
            end->sending = task;
            status = WWS_S_ASYNC;
        }
    }
    pthread_mutex_unlock(lock);
    return status;
}

static wws_status receive_piece(wws_transport_task task, void *state)
{
    struct end *end = state;
    pthread_mutex_t *lock = &end->pair->loop->lock;
    wws_status status = ask(end->pair->loop, LOOP_RECEIVE);

    if (status < 0)
        return status;
    pthread_mutex_lock(lock);
    if (end->first != NULL) {
        status = give_first(end, task);
        make_room(end);
    } else if (end->shut) {
        status = WWS_S_END;
    } else if (end->other->gone) {
        status = WWS_E_ENDPOINT_DISCONNECTED;
    } else {
        end->receiving = task;
        status = WWS_S_ASYNC;
    }
    pthread_mutex_unlock(lock);
    return status;
}

static wws_status watch(wws_transport_task task, void *state)
{
    struct end *end = state;
    pthread_mutex_t *lock = &end->pair->loop->lock;
    wws_status status = ask(end->pair->loop, LOOP_WATCH);

    if (status < 0)
        return status;
    pthread_mutex_lock(lock);
    if (!end->other->gone) {
        end->watching = task;
        status = WWS_S_ASYNC;
    }
    pthread_mutex_unlock(lock);
    return status;
}

static wws_status shut_down(wws_transport_task task, void *state)
{
    struct end *end = state;
    pthread_mutex_t *lock = &end->pair->loop->lock;
    wws_status status = ask(end->pair->loop, LOOP_SHUT_DOWN);

    (void) task;
    if (status < 0)
        return status;
    pthread_mutex_lock(lock);
    end->other->shut = true;
    complete(&end->other->receiving, WWS_S_END);
    pthread_mutex_unlock(lock);
    return WWS_S_OK;
}

/* What is under way at this end ends, and the other end hears of it: what has
 * come there is there still. */
static void leave(struct end *end, wws_status watched)
{
    pthread_mutex_t *lock = &end->pair->loop->lock;

    pthread_mutex_lock(lock);
    end->gone = true;
    complete(&end->sending, WWS_E_OPERATION_ABORTED);
    complete(&end->receiving, WWS_E_OPERATION_ABORTED);
    complete(&end->watching, WWS_S_OK);
    complete(&end->other->sending, WWS_E_ENDPOINT_DISCONNECTED);
    complete(&end->other->receiving, WWS_E_ENDPOINT_DISCONNECTED);
    complete(&end->other->watching, watched);
    pthread_mutex_unlock(lock);
}

static wws_status close_connection(wws_transport_task task, void *state)
{
    struct end *end = state;
    wws_status status = ask(end->pair->loop, LOOP_CLOSE);

    (void) task;
    leave(end, WWS_S_OK);
    return status;
}

static void abort_connection(void *state)
{
    struct end *end = state;

    (void) ask(end->pair->loop, LOOP_ABORT);
    leave(end, WWS_E_ENDPOINT_DISCONNECTED);
}

static void free_end(void *state)
{
    struct end *end = state;
    struct pair *pair = end->pair;
    pthread_mutex_t *lock = &pair->loop->lock;
    struct piece *piece;
    bool last;

    (void) ask(pair->loop, LOOP_FREE);
    pthread_mutex_lock(lock);
    end->gone = true;
    while ((piece = end->first) != NULL) {
        end->first = piece->next;
        free(piece);
    }
    end->last = &end->first;
    last = ++pair->freed == 2;
    pthread_mutex_unlock(lock);
    if (last)
        free(pair);
}

static wws_custom_connection table_of(struct end *end)
{
    wws_custom_connection table = WWS_CUSTOM_CONNECTION_INIT;

    table.state = end;
    table.free_state = free_end;
    table.send = send_piece;
    table.receive = receive_piece;
    table.shut_down = shut_down;
    table.close = close_connection;
    table.abort = abort_connection;
    table.watch = watch;
    return table;
}

static struct pair *new_pair(struct loop *loop)
{
    struct pair *pair = calloc(1, sizeof *pair);

    if (pair == NULL)
        return NULL;
    pair->loop = loop;
    for (int i = 0; i < 2; i++) {
        pair->ends[i].pair = pair;
        pair->ends[i].other = &pair->ends[1 - i];
        pair->ends[i].last = &pair->ends[i].first;
    }
    return pair;
}

/* Listeners. */

static struct loop_listener *find(struct loop *loop, wws_string address)
{
    struct loop_listener *listener = loop->listeners;

    while (listener != NULL && (listener->size != address.size
        || memcmp(listener->address, address.data, address.size) != 0))
        listener = listener->next;
    return listener;
}

static bool give(
    wws_transport_task task,
    const wws_custom_connection *connection,
    const char *remote)
{
    return wws_transport_task_give_connection(task, connection,
        (wws_string) { remote, strlen(remote) }, (wws_string) { NULL, 0 },
        no_error) == WWS_S_OK;
}

static bool keep(
    struct loop_listener *listener,
    const wws_custom_connection *connection,
    const char *remote)
{
    struct arrival **last = &listener->first;
    struct arrival *arrival = calloc(1, sizeof *arrival);

    if (arrival == NULL)
        return false;
    arrival->connection = *connection;
    strncpy(arrival->remote, remote, REMOTE - 1);
    while (*last != NULL)
        last = &(*last)->next;
    *last = arrival;
    return true;
}

/* To an accept that waits, or to the next one. */
static bool offer_locked(
    struct loop_listener *listener,
    const wws_custom_connection *connection,
    const char *remote)
{
    if (listener->stopped)
        return false;
    if (listener->accepting.id == 0)
        return keep(listener, connection, remote);
    if (!give(listener->accepting, connection, remote))
        return false;
    complete(&listener->accepting, WWS_S_OK);
    return true;
}

bool loop_offer(
    struct loop_listener *listener,
    const wws_custom_connection *connection,
    const char *remote)
{
    bool taken;

    pthread_mutex_lock(&listener->loop->lock);
    taken = offer_locked(listener, connection, remote);
    pthread_mutex_unlock(&listener->loop->lock);
    return taken;
}

wws_status loop_accept(wws_transport_task task, void *state)
{
    struct loop_listener *listener = state;
    struct arrival *arrival;
    wws_status status = ask(listener->loop, LOOP_ACCEPT);

    if (status < 0)
        return status;
    pthread_mutex_lock(&listener->loop->lock);
    arrival = listener->first;
    if (listener->stopped) {
        status = WWS_E_OPERATION_ABORTED;
    } else if (arrival == NULL) {
        listener->accepting = task;
        status = WWS_S_ASYNC;
    } else if (give(task, &arrival->connection, arrival->remote)) {
        listener->first = arrival->next;
        free(arrival);
    } else {
        status = WWS_E_OUTOFMEMORY;
    }
    pthread_mutex_unlock(&listener->loop->lock);
    return status;
}

static void unlist(struct loop_listener *listener)
{
    struct loop_listener **at = &listener->loop->listeners;

    while (*at != NULL && *at != listener)
        at = &(*at)->next;
    if (*at != NULL)
        *at = listener->next;
}

void loop_stop(void *state)
{
    struct loop_listener *listener = state;
    struct arrival *arrival;

    (void) ask(listener->loop, LOOP_STOP);
    pthread_mutex_lock(&listener->loop->lock);
    listener->stopped = true;
    unlist(listener);
    complete(&listener->accepting, WWS_E_OPERATION_ABORTED);
    arrival = listener->first;
    listener->first = NULL;
    pthread_mutex_unlock(&listener->loop->lock);
    while (arrival != NULL) {
        struct arrival *next = arrival->next;

        arrival->connection.abort(arrival->connection.state);
        arrival->connection.free_state(arrival->connection.state);
        free(arrival);
        arrival = next;
    }
}

void loop_listener_free(void *state)
{
    struct loop_listener *listener = state;

    free(listener->address);
    free(listener);
}

struct loop_listener *loop_listener_new(struct loop *loop, wws_string address)
{
    struct loop_listener *listener = calloc(1, sizeof *listener);
    char *copy = malloc(address.size + 1);
    bool taken;

    if (listener == NULL || copy == NULL) {
        free(listener);
        free(copy);
        return NULL;
    }
    memcpy(copy, address.data, address.size);
    *listener = (struct loop_listener) {
        .loop = loop, .address = copy, .size = address.size };
    pthread_mutex_lock(&loop->lock);
    taken = find(loop, address) != NULL;
    if (!taken) {
        listener->next = loop->listeners;
        loop->listeners = listener;
    }
    pthread_mutex_unlock(&loop->lock);
    if (!taken)
        return listener;
    loop_listener_free(listener);
    return NULL;
}

/* The transport. */

static wws_status connect_locked(
    struct loop *loop,
    wws_transport_task task,
    struct loop_listener *listener)
{
    struct pair *pair = new_pair(loop);
    wws_custom_connection ours, theirs;

    if (pair == NULL)
        return WWS_E_OUTOFMEMORY;
    ours = table_of(&pair->ends[0]);
    theirs = table_of(&pair->ends[1]);
    if (!give(task, &ours, "memory")) {
        free(pair);
        return WWS_E_OUTOFMEMORY;
    }
    if (offer_locked(listener, &theirs, "memory"))
        return WWS_S_OK;
    /* Ours is the library's, which aborts it. */
    pair->ends[1].gone = true;
    pair->freed++;
    return listener->stopped ? WWS_E_ENDPOINT_NOT_FOUND
        : WWS_E_OUTOFMEMORY;
}

wws_status loop_connect(
    wws_transport_task task,
    wws_string address,
    void *state)
{
    struct loop *loop = state;
    struct loop_listener *listener;
    wws_status status = ask(loop, LOOP_CONNECT);

    if (status < 0)
        return status;
    pthread_mutex_lock(&loop->lock);
    listener = find(loop, address);
    status = listener != NULL ? connect_locked(loop, task, listener)
        : WWS_E_ENDPOINT_NOT_FOUND;
    pthread_mutex_unlock(&loop->lock);
    return status;
}

static wws_status listen_at(
    wws_transport_task task,
    wws_string address,
    void *state)
{
    wws_custom_listener table = WWS_CUSTOM_LISTENER_INIT;
    wws_status status = ask(state, LOOP_LISTEN);
    struct loop_listener *listener;

    if (status < 0)
        return status;
    listener = loop_listener_new(state, address);
    if (listener == NULL)
        return WWS_E_ADDRESS_IN_USE;
    table.state = listener;
    table.free_state = loop_listener_free;
    table.accept = loop_accept;
    table.stop = loop_stop;
    status = wws_transport_task_give_listener(task, &table, address, no_error);
    if (status == WWS_S_OK)
        return status;
    loop_stop(listener);
    loop_listener_free(listener);
    return status;
}

void loop_init(struct loop *loop)
{
    pthread_mutex_init(&loop->lock, NULL);
    loop->listeners = NULL;
    loop->asked = NULL;
}

void loop_fini(struct loop *loop)
{
    pthread_mutex_destroy(&loop->lock);
}

void loop_fill(struct loop *loop, wws_custom_transport *table)
{
    table->state = loop;
    table->connect = loop_connect;
    table->listen = listen_at;
}
