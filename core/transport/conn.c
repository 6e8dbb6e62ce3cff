/* A connection that its loop drives.
 *
 * The right to write goes round under the lock: `writing` says that somebody
 * has it.  He keeps it over a `done`, so that one who sends from there does not
 * write on top of himself but finds his octets written when he returns. */
#include "core/transport/conn.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/io/socket.h"

enum {
    BATCH = 16,      /* writes before others have a turn */
    DISCARD = 16384,
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_COUNT = 6,
    UNACKNOWLEDGED_MS = 120000,
};

void wwi_conn_ref(struct wwi_conn *conn)
{
    atomic_fetch_add(&conn->refs, 1);
}

void wwi_conn_unref(struct wwi_conn *conn)
{
    struct wwi_runtime *runtime = conn->runtime;

    if (atomic_fetch_sub(&conn->refs, 1) != 1)
        return;
    wwi_lock_fini(&conn->synced.lock);
    conn->user->destroy(conn);
    wwi_object_unref(&runtime->object);
}

void wwi_conn_wake(struct wwi_conn *conn)
{
    if (wwi_loop_current(conn->loop) && conn->on_loop.driven) {
        conn->on_loop.again = true;
        return;
    }
    wwi_conn_ref(conn);
    if (!wwi_loop_post(conn->loop, &conn->post))
        wwi_conn_unref(conn);
}

/* Writing. */

static bool is_quiet_locked(const struct wwi_conn *conn)
{
    return wwi_list_empty(&conn->synced.queue) && !conn->synced.writing
        && conn->synced.telling == 0;
}

/* Whether the loop has to hear of the quiet that it waits for. */
static bool take_awaited_locked(struct wwi_conn *conn)
{
    bool news = conn->synced.awaited && is_quiet_locked(conn);

    if (news)
        conn->synced.awaited = false;
    return news;
}

bool wwi_conn_quiet(struct wwi_conn *conn)
{
    bool quiet;

    wwi_lock_take(&conn->synced.lock);
    quiet = is_quiet_locked(conn);
    conn->synced.awaited = !quiet;
    wwi_lock_give(&conn->synced.lock);
    return quiet;
}

/* Out of the queue, to be told. */
static void take_out_locked(struct wwi_conn *conn, struct wwi_sending *sending)
{
    wwi_list_remove(&sending->link);
    conn->synced.begun = false;
    conn->synced.telling++;
}

static void drop_octets(struct wwi_sending *sending)
{
    wwi_bytes_fini(&sending->head);
    wwi_bytes_fini(&sending->body);
}

static void tell(
    struct wwi_conn *conn,
    struct wwi_sending *sending,
    const struct wwi_outcome *outcome)
{
    bool news;

    /* One that nobody hears of keeps its memory, for the next time. */
    if (sending->done != NULL) {
        drop_octets(sending);
        sending->done(sending, outcome);
    }
    wwi_lock_take(&conn->synced.lock);
    conn->synced.telling--;
    news = take_awaited_locked(conn);
    wwi_lock_give(&conn->synced.lock);
    if (news)
        wwi_conn_wake(conn);
}

static ssize_t give_to_system(int fd, const struct wwi_sending *sending)
{
    size_t head = sending->head.size, body = sending->body.size;
    size_t of_head = sending->sent < head ? head - sending->sent : 0;
    size_t of_body = head + body - sending->sent - of_head;
    struct iovec parts[2];
    struct msghdr message = { .msg_iov = parts };

    if (of_head != 0)
        parts[message.msg_iovlen++] = (struct iovec) {
            sending->head.data + head - of_head, of_head };
    if (of_body != 0)
        parts[message.msg_iovlen++] = (struct iovec) {
            sending->body.data + body - of_body, of_body };
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool is_through(const struct wwi_sending *sending)
{
    return sending->sent == sending->head.size + sending->body.size;
}

/* What became of a write; true if the sending is through. */
static bool account_locked(
    struct wwi_conn *conn,
    struct wwi_sending *sending,
    ssize_t size,
    int code)
{
    if (size >= 0)
        sending->sent += (size_t) size;
    else if (code == EAGAIN)
        conn->synced.full = true;
    else if (code != EINTR) {
        conn->synced.error = code;
        conn->synced.halted = true;
    }
    if (!is_through(sending))
        return false;
    take_out_locked(conn, sending);
    return true;
}

/* Once to the system, by who has the right to write; false when there is
 * nothing more to be done. */
static bool write_once(struct wwi_conn *conn)
{
    static const struct wwi_outcome sent = {
        .phase = WWS_PHASE_SEND, .progress = WWS_PROGRESS_SENT };
    static const struct wwi_outcome taken_back = {
        .status = WWS_E_OPERATION_CANCELLED, .phase = WWS_PHASE_SEND };
    const struct wwi_outcome *outcome = &sent;
    struct wwi_link *link;
    struct wwi_sending *sending;
    bool through;
    ssize_t size;
    int code;

    wwi_lock_take(&conn->synced.lock);
    link = wwi_list_first(&conn->synced.queue);
    if (link == NULL || conn->synced.halted || conn->synced.full) {
        wwi_lock_give(&conn->synced.lock);
        return false;
    }
    sending = WWI_CONTAINER(link, struct wwi_sending, link);
    through = !conn->synced.begun && sending->begin != NULL
        && !sending->begin(sending);
    conn->synced.begun = !through;
    if (through) {
        take_out_locked(conn, sending);
        conn->user->taken_back(conn, sending);
        outcome = &taken_back;
    }
    wwi_lock_give(&conn->synced.lock);
    if (!through) {
        WWI_GATE(CONN_WRITES);
        size = give_to_system(conn->source.fd, sending);
        code = errno;
        WWI_GATE(CONN_WROTE);
        wwi_lock_take(&conn->synced.lock);
        through = account_locked(conn, sending, size, code);
        wwi_lock_give(&conn->synced.lock);
    }
    if (through)
        tell(conn, sending, outcome);
    if (outcome == &taken_back)
        wwi_conn_wake(conn);
    return true;
}

static bool begin_writing(struct wwi_conn *conn)
{
    bool begun;

    wwi_lock_take(&conn->synced.lock);
    begun = conn->synced.ready && !conn->synced.writing
        && !conn->synced.full && !conn->synced.halted
        && !wwi_list_empty(&conn->synced.queue);
    if (begun)
        conn->synced.writing = true;
    wwi_lock_give(&conn->synced.lock);
    return begun;
}

void wwi_conn_write(struct wwi_conn *conn)
{
    bool left, news;

    if (!begin_writing(conn))
        return;
    /* A `done` may free the session, and with it the last other reference. */
    wwi_conn_ref(conn);
    for (int i = 0; i < BATCH && write_once(conn); i++)
        continue;
    wwi_lock_take(&conn->synced.lock);
    conn->synced.writing = false;
    left = !wwi_list_empty(&conn->synced.queue);
    /* Who halted it may wait for the writer to leave. */
    news = take_awaited_locked(conn) || conn->synced.halted;
    wwi_lock_give(&conn->synced.lock);
    /* Driven, it is armed for what is left. */
    if (news || (left
        && !(wwi_loop_current(conn->loop) && conn->on_loop.driven)))
        wwi_conn_wake(conn);
    wwi_conn_unref(conn);
}

void wwi_conn_queue_locked(struct wwi_conn *conn, struct wwi_sending *sending)
{
    sending->sent = 0;
    wwi_list_append(&conn->synced.queue, &sending->link);
}

bool wwi_conn_unqueue(struct wwi_conn *conn, struct wwi_sending *sending)
{
    bool taken;

    wwi_conn_ref(conn);
    wwi_lock_take(&conn->synced.lock);
    taken = wwi_link_listed(&sending->link)
        && (!conn->synced.begun
            || wwi_list_first(&conn->synced.queue) != &sending->link);
    if (taken) {
        wwi_list_remove(&sending->link);
        conn->user->taken_back(conn, sending);
    }
    wwi_lock_give(&conn->synced.lock);
    if (taken) {
        drop_octets(sending);
        wwi_conn_wake(conn);
    }
    wwi_conn_unref(conn);
    return taken;
}

void wwi_conn_halt_locked(struct wwi_conn *conn)
{
    conn->synced.halted = true;
}

/* What is queued will not be sent; one by one, for meanwhile others may be
 * taken back. */
static void fail_queue(struct wwi_conn *conn)
{
    struct wwi_outcome outcome = conn->on_loop.why;
    struct wwi_link *link;

    wwi_lock_take(&conn->synced.lock);
    while ((link = wwi_list_first(&conn->synced.queue)) != NULL) {
        struct wwi_sending *sending = WWI_CONTAINER(link, struct wwi_sending,
            link);

        outcome.progress = sending->sent != 0 ? WWS_PROGRESS_PARTLY_SENT
                                              : WWS_PROGRESS_NOT_SENT;
        take_out_locked(conn, sending);
        wwi_lock_give(&conn->synced.lock);
        tell(conn, sending, &outcome);
        wwi_lock_take(&conn->synced.lock);
    }
    wwi_lock_give(&conn->synced.lock);
}

/* Trouble. */

static void break_off(
    struct wwi_conn *conn,
    wws_status status,
    int code,
    const char *text)
{
    if (conn->on_loop.broken)
        return;
    conn->on_loop.broken = true;
    conn->on_loop.trouble = (struct wwi_outcome) {
        .status = status,
        .phase = conn->on_loop.phase,
        .original_code = code,
        .text = text,
    };
}

static void break_by(struct wwi_conn *conn, int code)
{
    break_off(conn, WWS_E_ENDPOINT_DISCONNECTED, code,
        "the connection was lost");
    /* What came before may still be read. */
    conn->on_loop.readable = true;
}

/* Making. */

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool wwi_conn_tune(int fd)
{
    return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)
        && set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
        && set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        && set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
        && set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT)
        && set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS);
}

uint64_t wwi_conn_number(void)
{
    static _Atomic uint64_t last;

    return atomic_fetch_add(&last, 1) + 1;
}

static void enter_phase(struct wwi_conn *conn, wws_phase phase)
{
    conn->on_loop.phase = phase;
    if (conn->user->phase != NULL)
        conn->user->phase(conn, phase);
}

void wwi_conn_name(int fd, char name[static WWI_CONN_REMOTE])
{
    struct sockaddr_storage storage = { .ss_family = AF_UNSPEC };
    struct sockaddr *address = (void *) &storage;
    socklen_t size = sizeof storage;
    char host[NI_MAXHOST], port[NI_MAXSERV];

    name[0] = '\0';
    if (getpeername(fd, address, &size) != 0
        || getnameinfo(address, size, host, sizeof host, port, sizeof port,
            NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    (void) snprintf(name, WWI_CONN_REMOTE,
        address->sa_family == AF_INET6 ? "[%.54s]:%.5s" : "%.54s:%.5s",
        host, port);
}

static void begin_moving(struct wwi_conn *conn)
{
    wwi_conn_name(conn->source.fd, conn->remote);
    conn->on_loop.stage = WWI_CONN_OPEN;
    conn->on_loop.armed = 0;
    wwi_lock_take(&conn->synced.lock);
    conn->synced.ready = true;
    wwi_lock_give(&conn->synced.lock);
}

static void connected(struct wwi_conn *conn)
{
    (void) wwi_conn_tune(conn->source.fd);
    wwi_count(conn->runtime, WWS_COUNTER_CONNECTIONS_OPENED);
    begin_moving(conn);
    WWI_GATE(CONN_CONNECTED);
}

static void close_fd(struct wwi_conn *conn)
{
    if (conn->source.fd < 0)
        return;
    wwi_loop_remove(conn->loop, &conn->source);
    close(conn->source.fd);
    conn->source.fd = -1;
    wwi_uncount(conn->runtime, WWS_COUNTER_SOCKETS);
}

/* A socket for the address that connects or has done so; else the errno. */
static int try_address(
    struct wwi_conn *conn,
    const struct wwi_address *address)
{
    int fd = socket(address->storage.ss_family,
        SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno;
    WWI_GATE(CONN_CONNECTS);
    conn->source.fd = fd;
    wwi_count(conn->runtime, WWS_COUNTER_SOCKETS);
    if (wwi_loop_add(conn->loop, &conn->source) != WWS_S_OK)
        return ENOMEM;
    return wwi_socket_connect(fd, address);
}

/* With the next address, until one needs to be waited for. */
static void connect_on(struct wwi_conn *conn, int code)
{
    const struct wwi_query *query = &conn->on_loop.query;

    while (conn->on_loop.next_address < query->count) {
        close_fd(conn);
        code = try_address(conn,
            &query->addresses[conn->on_loop.next_address++]);
        if (code == EINPROGRESS)
            return;
        if (code == 0) {
            connected(conn);
            return;
        }
    }
    close_fd(conn);
    break_off(conn, wwi_socket_why_not_connected(code), code,
        "the connection could not be made");
}

static void begin_to_connect(struct wwi_conn *conn)
{
    struct wwi_query *query = &conn->on_loop.query;

    if (query->status != WWS_S_OK) {
        break_off(conn, query->status, 0, query->text != NULL
            ? query->text : "the name was not found");
        return;
    }
    conn->on_loop.stage = WWI_CONN_CONNECTING;
    enter_phase(conn, WWS_PHASE_CONNECT);
    connect_on(conn, 0);
}

static void see_connect(struct wwi_conn *conn)
{
    int code = wwi_socket_connected(conn->source.fd);

    if (code == 0)
        connected(conn);
    else if (code != EINPROGRESS)
        connect_on(conn, code);
}

static void resolved(struct wwi_query *query)
{
    struct wwi_conn *conn = WWI_CONTAINER(query, struct wwi_conn,
        on_loop.query);

    conn->on_loop.found = true;
    wwi_conn_wake(conn);
}

static void look_up(struct wwi_conn *conn)
{
    struct wwi_query *query = &conn->on_loop.query;
    struct wwi_address unused;
    bool literal = wwi_address_parse(&unused, conn->host, conn->port);

    query->resolved = resolved;
    wwi_resolve(literal ? NULL : wwi_loop_resolver(conn->loop), query,
        conn->host, conn->port);
}

void wwi_conn_open(struct wwi_conn *conn, const char *host, uint16_t port)
{
    wwi_conn_ref(conn);
    wwi_runtime_begin(conn->runtime);
    conn->host = host;
    conn->port = port;
    conn->on_loop.stage = WWI_CONN_RESOLVING;
    enter_phase(conn, WWS_PHASE_RESOLVE);
    look_up(conn);
}

void wwi_conn_adopt(struct wwi_conn *conn, int fd)
{
    wwi_conn_ref(conn);
    wwi_runtime_begin(conn->runtime);
    conn->source.fd = fd;
    conn->accepted = true;
    wwi_count(conn->runtime, WWS_COUNTER_CONNECTIONS_ACCEPTED);
    wwi_count(conn->runtime, WWS_COUNTER_SOCKETS);
    wwi_conn_wake(conn);
}

static void take_up(struct wwi_conn *conn)
{
    if (wwi_loop_add(conn->loop, &conn->source) == WWS_S_OK)
        begin_moving(conn);
    else
        break_off(conn, WWS_E_OUTOFMEMORY, 0, "no room in the loop");
}

/* Reading. */

static wws_status receive(
    struct wwi_conn *conn,
    void *data,
    size_t size,
    int flags,
    size_t *got)
{
    ssize_t count;

    WWI_GATE(CONN_READS);
    do
        count = recv(conn->source.fd, data, size, flags | MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    *got = count > 0 ? (size_t) count : 0;
    if (count > 0)
        return WWS_S_OK;
    if (count < 0 && errno == EAGAIN)
        return WWS_S_ASYNC;
    /* It would be readable for ever. */
    conn->on_loop.reading = false;
    conn->on_loop.hung_up = true;
    conn->on_loop.finished = true;
    if (count == 0)
        return WWS_S_END;
    break_by(conn, errno);
    return conn->on_loop.trouble.status;
}

wws_status wwi_conn_read(
    struct wwi_conn *conn,
    void *data,
    size_t size,
    size_t *got)
{
    /* The system says so again when it is armed. */
    conn->on_loop.readable = false;
    return receive(conn, data, size, 0, got);
}

wws_status wwi_conn_peek(
    struct wwi_conn *conn,
    void *data,
    size_t size,
    size_t *got)
{
    return receive(conn, data, size, MSG_PEEK, got);
}

size_t wwi_conn_unread(const struct wwi_conn *conn)
{
    int count = 0;

    (void) ioctl(conn->source.fd, FIONREAD, &count);
    return (size_t) count;
}

/* Ending. */

void wwi_conn_expect(struct wwi_conn *conn, int64_t deadline)
{
    conn->on_loop.deadline = deadline;
    if (deadline == WWI_NEVER)
        (void) wwi_loop_cancel_timer(conn->loop, &conn->on_loop.timer);
    else if (conn->on_loop.stage != WWI_CONN_CLOSED)
        wwi_loop_set_timer(conn->loop, &conn->on_loop.timer, deadline);
}

bool wwi_conn_late(const struct wwi_conn *conn)
{
    return conn->on_loop.deadline != WWI_NEVER
        && wwi_clock_now() >= conn->on_loop.deadline;
}

static void release_socket(struct wwi_conn *conn, bool reset)
{
    static const struct linger at_once = { .l_onoff = 1 };
    bool opened = conn->on_loop.stage != WWI_CONN_NEW || conn->source.fd >= 0;

    wwi_resolve_cancel(&conn->on_loop.query);
    wwi_conn_expect(conn, WWI_NEVER);
    if (reset && conn->source.fd >= 0)
        (void) setsockopt(conn->source.fd, SOL_SOCKET, SO_LINGER, &at_once,
            sizeof at_once);
    close_fd(conn);
    conn->on_loop.stage = WWI_CONN_CLOSED;
    if (!opened)
        return;
    wwi_runtime_done(conn->runtime);
    wwi_conn_unref(conn);
}

/* Unless somebody still writes; he wakes the loop when he leaves. */
static void close_now(struct wwi_conn *conn)
{
    bool writing;

    wwi_lock_take(&conn->synced.lock);
    conn->synced.halted = true;
    conn->synced.ready = false;
    writing = conn->synced.writing;
    wwi_lock_give(&conn->synced.lock);
    if (writing)
        return;
    WWI_GATE(CONN_CLOSES);
    conn->on_loop.closing = false;
    fail_queue(conn);
    release_socket(conn, conn->on_loop.reset);
    WWI_GATE(CONN_CLOSED);
    wwi_conn_wake(conn);
}

void wwi_conn_close(
    struct wwi_conn *conn,
    bool reset,
    const struct wwi_outcome *why)
{
    if (conn->on_loop.stage == WWI_CONN_CLOSED)
        return;
    conn->on_loop.closing = true;
    conn->on_loop.reset = reset;
    conn->on_loop.why = *why;
    close_now(conn);
}

void wwi_conn_drain(struct wwi_conn *conn, size_t octets, uint32_t ms)
{
    conn->on_loop.stage = WWI_CONN_DRAINING;
    conn->on_loop.reading = true;
    conn->on_loop.drain_most = octets;
    wwi_conn_expect(conn, wwi_clock_after(ms));
    wwi_conn_wake(conn);
}

/* The peer hears that this was all, once it is. */
static void shut_when_sent(struct wwi_conn *conn)
{
    bool sent;

    wwi_lock_take(&conn->synced.lock);
    sent = wwi_list_empty(&conn->synced.queue) && !conn->synced.writing;
    wwi_lock_give(&conn->synced.lock);
    if (sent && !conn->on_loop.shut) {
        conn->on_loop.shut = true;
        (void) shutdown(conn->source.fd, SHUT_WR);
    }
}

static void drain_on(struct wwi_conn *conn)
{
    static const struct wwi_outcome lost = {
        .status = WWS_E_ENDPOINT_DISCONNECTED,
        .phase = WWS_PHASE_CLOSE,
        .text = "the connection was closed",
    };
    uint8_t octets[DISCARD];
    size_t got = 0;

    shut_when_sent(conn);
    if (conn->on_loop.readable)
        (void) wwi_conn_read(conn, octets, sizeof octets, &got);
    conn->on_loop.drained += got;
    if (conn->on_loop.broken || wwi_conn_late(conn)
        || conn->on_loop.drained > conn->on_loop.drain_most)
        wwi_conn_close(conn, true, &lost);
    else if (conn->on_loop.finished && conn->on_loop.shut)
        wwi_conn_close(conn, false, &lost);
}

/* Driving. */

static void see_events(struct wwi_conn *conn, uint32_t events)
{
    socklen_t size = sizeof(int);
    int code = 0;

    if ((events & ~(uint32_t) EPOLLOUT) != 0)
        conn->on_loop.readable = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        conn->on_loop.hung_up = true;
    /* Without an error, when somebody has seen that already. */
    if ((events & EPOLLERR) != 0
        || ((events & EPOLLHUP) != 0 && !conn->on_loop.shut)) {
        (void) getsockopt(conn->source.fd, SOL_SOCKET, SO_ERROR, &code,
            &size);
        break_by(conn, code != 0 ? code : ECONNRESET);
    }
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) == 0)
        return;
    wwi_lock_take(&conn->synced.lock);
    conn->synced.full = false;
    wwi_lock_give(&conn->synced.lock);
}

static void see_writing(struct wwi_conn *conn)
{
    int error;

    wwi_conn_write(conn);
    wwi_lock_take(&conn->synced.lock);
    error = conn->synced.error;
    wwi_lock_give(&conn->synced.lock);
    if (error != 0)
        break_by(conn, error);
}

static void proceed(struct wwi_conn *conn)
{
    if (conn->on_loop.closing)
        close_now(conn);
    else if (conn->on_loop.broken && conn->on_loop.stage == WWI_CONN_DRAINING)
        drain_on(conn);
    else if (conn->on_loop.broken)
        return;
    else if (conn->on_loop.stage == WWI_CONN_NEW && conn->source.fd >= 0)
        take_up(conn);
    else if (conn->on_loop.stage == WWI_CONN_RESOLVING && conn->on_loop.found)
        begin_to_connect(conn);
    else if (conn->on_loop.stage == WWI_CONN_OPEN)
        see_writing(conn);
    else if (conn->on_loop.stage == WWI_CONN_DRAINING) {
        see_writing(conn);
        drain_on(conn);
    }
}

static bool has_to_write(struct wwi_conn *conn)
{
    bool has;

    wwi_lock_take(&conn->synced.lock);
    has = !wwi_list_empty(&conn->synced.queue) && !conn->synced.halted
        && !conn->synced.writing;
    wwi_lock_give(&conn->synced.lock);
    return has;
}

static uint32_t wanted(struct wwi_conn *conn)
{
    uint32_t events = conn->on_loop.reading ? EPOLLIN : 0;

    if (!conn->on_loop.hung_up)
        events |= EPOLLRDHUP;
    if (has_to_write(conn))
        events |= EPOLLOUT;
    return events;
}

/* For what comes next; never for what is known already, of which the system
 * would speak without end. */
static void arm(struct wwi_conn *conn)
{
    uint32_t events;

    if (conn->source.fd < 0 || conn->on_loop.broken || conn->on_loop.closing)
        return;
    if (conn->on_loop.stage == WWI_CONN_CONNECTING)
        events = EPOLLOUT;
    else if (conn->on_loop.stage == WWI_CONN_OPEN
        || conn->on_loop.stage == WWI_CONN_DRAINING)
        events = wanted(conn);
    else
        return;
    if (atomic_load(&conn->source.armed) && events == conn->on_loop.armed)
        return;
    conn->on_loop.armed = events;
    wwi_loop_arm(conn->loop, &conn->source, events);
}

static void run(struct wwi_conn *conn)
{
    /* Where the loop has ended, waking runs at once. */
    if (conn->on_loop.driven) {
        conn->on_loop.again = true;
        return;
    }
    wwi_conn_ref(conn);
    conn->on_loop.driven = true;
    do {
        conn->on_loop.again = false;
        proceed(conn);
        conn->user->run(conn);
    } while (conn->on_loop.again);
    arm(conn);
    conn->on_loop.driven = false;
    wwi_conn_unref(conn);
}

static void ready(struct wwi_source *source, uint32_t events)
{
    struct wwi_conn *conn = WWI_CONTAINER(source, struct wwi_conn, source);

    if (conn->on_loop.stage == WWI_CONN_CONNECTING)
        see_connect(conn);
    else
        see_events(conn, events);
    run(conn);
}

static void posted(struct wwi_work *work)
{
    struct wwi_conn *conn = WWI_CONTAINER(work, struct wwi_conn, post.work);

    run(conn);
    wwi_conn_unref(conn);
}

static void expired(struct wwi_timer *timer)
{
    run(WWI_CONTAINER(timer, struct wwi_conn, on_loop.timer));
}

void wwi_conn_init(
    struct wwi_conn *conn,
    struct wwi_runtime *runtime,
    struct wwi_loop *loop,
    const struct wwi_conn_user *user)
{
    *conn = (struct wwi_conn) {
        .user = user,
        .runtime = runtime,
        .loop = loop,
        .source = { .fd = -1, .ready = ready },
        .on_loop = { .deadline = WWI_NEVER, .timer.expired = expired },
    };
    wwi_object_ref(&runtime->object);
    atomic_init(&conn->refs, 1);
    wwi_post_init(&conn->post, posted);
    wwi_lock_init(&conn->synced.lock, WWI_RANK_CONNECTION);
    wwi_list_init(&conn->synced.queue);
}
