/* The server that listens: it accepts, deals connections out to the loops, and
 * counts.  What happens on a connection is in http_peer.c.
 *
 * The listening socket is used and closed under the lock, for a stop closes it
 * on whatever thread it is called; accepting does not wait. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/io/resolve.h"
#include "core/transport/http.h"
#include "core/transport/http_peer.h"
#include "core/transport/url.h"

enum {
    BATCH = 16,          /* connections accepted before others have a turn */
    PAUSE_MS = 100,      /* when descriptors are used up */
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_COUNT = 6,
    UNACKNOWLEDGED_MS = 120000,
};

void wwi_http_server_ref(struct wwi_server *server)
{
    atomic_fetch_add(&server->refs, 1);
}

void wwi_http_server_unref(struct wwi_server *server)
{
    if (atomic_fetch_sub(&server->refs, 1) != 1)
        return;
    wwi_lock_fini(&server->synced.lock);
    wwi_bytes_fini(&server->path);
    wwi_bytes_fini(&server->address);
    wwi_free(server);
}

/* Slots. */

bool wwi_http_slot_take(
    struct wwi_server *server,
    struct wwi_http_slot *slot)
{
    bool taken;

    wwi_lock_take(&server->synced.lock);
    if (!slot->taken && !wwi_link_listed(&slot->link)) {
        if (server->synced.incoming < server->options.max_incoming) {
            server->synced.incoming++;
            slot->taken = true;
        } else
            wwi_list_append(&server->synced.waiting, &slot->link);
    }
    taken = slot->taken;
    wwi_lock_give(&server->synced.lock);
    return taken;
}

/* To who has waited longest, if anybody does. */
static void pass_on_locked(struct wwi_server *server)
{
    struct wwi_link *link = wwi_list_take(&server->synced.waiting);
    struct wwi_http_slot *next;

    if (link == NULL) {
        server->synced.incoming--;
        return;
    }
    next = WWI_CONTAINER(link, struct wwi_http_slot, link);
    next->taken = true;
    /* With the lock, for without it the peer might be gone. */
    wwi_http_peer_granted(next);
}

void wwi_http_slot_give(
    struct wwi_server *server,
    struct wwi_http_slot *slot)
{
    wwi_lock_take(&server->synced.lock);
    wwi_list_remove(&slot->link);
    if (slot->taken) {
        slot->taken = false;
        pass_on_locked(server);
    }
    wwi_lock_give(&server->synced.lock);
}

/* Accepting. */

static void arm_locked(struct wwi_server *server)
{
    if (server->synced.listening.fd >= 0)
        wwi_loop_arm(server->acceptor, &server->synced.listening, EPOLLIN);
}

static void arm(struct wwi_server *server)
{
    wwi_lock_take(&server->synced.lock);
    arm_locked(server);
    wwi_lock_give(&server->synced.lock);
}

static void pause_over(struct wwi_timer *timer)
{
    arm(WWI_CONTAINER(timer, struct wwi_server, on_loop.pause));
}

/* Errors of a connection that did not come about; others would come again at
 * once, such as having no descriptor left. */
static bool is_of_connection(int error)
{
    return error == ECONNABORTED || error == EINTR || error == EPROTO
        || error == EPERM || error == ENETDOWN || error == EHOSTUNREACH
        || error == ENETUNREACH || error == ETIMEDOUT;
}

/* A connection, or -1 when it is time to wait for something: for the next one,
 * for the end of one, or for descriptors. */
static int accept_locked(struct wwi_server *server)
{
    int fd;

    if (server->synced.listening.fd < 0)
        return -1;
    if (server->synced.connections >= server->options.max_connections) {
        server->synced.full = true;
        return -1;
    }
    do
        fd = accept4(server->synced.listening.fd, NULL, NULL,
            SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && is_of_connection(errno));
    if (fd >= 0) {
        server->synced.connections++;
        server->synced.open++;
    } else if (errno == EAGAIN)
        arm_locked(server);
    else
        wwi_loop_set_timer(server->acceptor, &server->on_loop.pause,
            wwi_clock_after(PAUSE_MS));
    return fd;
}

static struct wwi_http_shard *next_shard(struct wwi_server *server)
{
    return &server->shards[server->on_loop.next_shard++
        % server->shard_count];
}

static void accept_some(struct wwi_source *source, uint32_t events)
{
    struct wwi_server *server = WWI_CONTAINER(source, struct wwi_server,
        synced.listening);

    (void) events;
    for (int i = 0; i < BATCH; i++) {
        int fd;

        wwi_lock_take(&server->synced.lock);
        fd = accept_locked(server);
        wwi_lock_give(&server->synced.lock);
        if (fd < 0)
            return;
        wwi_http_peer_open(next_shard(server), fd);
    }
    arm(server);
}

/* Stopping. */

/* One thing less that keeps the server from having stopped. */
static void leave(struct wwi_server *server, uint32_t connections)
{
    bool stopped;

    wwi_lock_take(&server->synced.lock);
    server->synced.connections -= connections;
    if (server->synced.full && connections != 0) {
        server->synced.full = false;
        arm_locked(server);
    }
    stopped = --server->synced.open == 0;
    wwi_lock_give(&server->synced.lock);
    if (!stopped)
        return;
    wwi_runtime_done(server->runtime);
    server->synced.stopped(server->callbacks.state);
}

void wwi_http_server_left(struct wwi_server *server)
{
    leave(server, 1);
}

static void stop_shard(struct wwi_work *work)
{
    struct wwi_http_shard *shard = WWI_CONTAINER(work, struct wwi_http_shard,
        stop.work);
    struct wwi_server *server = shard->server;
    struct wwi_link *link, *next;
    bool reset;

    wwi_lock_take(&server->synced.lock);
    reset = server->synced.reset;
    wwi_lock_give(&server->synced.lock);
    for (link = wwi_list_first(&shard->on_loop.peers); link; link = next) {
        next = wwi_list_next(&shard->on_loop.peers, link);
        wwi_http_peer_stop(link, reset);
    }
    if (!shard->on_loop.stopped) {
        shard->on_loop.stopped = true;
        if (shard->loop == server->acceptor)
            wwi_loop_cancel_timer(shard->loop, &server->on_loop.pause);
        leave(server, 0);
    }
    wwi_http_server_unref(server);
}

static void close_listening_locked(struct wwi_server *server)
{
    if (server->synced.listening.fd < 0)
        return;
    wwi_loop_remove(server->acceptor, &server->synced.listening);
    close(server->synced.listening.fd);
    server->synced.listening.fd = -1;
    wwi_uncount(server->runtime, WWS_COUNTER_SOCKETS);
}

void wwi_http_server_stop(
    struct wwi_server *server,
    bool reset,
    void (*stopped)(void *state))
{
    wwi_http_server_ref(server);
    wwi_lock_take(&server->synced.lock);
    atomic_store(&server->stopping, true);
    if (server->synced.stopped == NULL)
        server->synced.stopped = stopped;
    if (reset)
        server->synced.reset = true;
    close_listening_locked(server);
    wwi_lock_give(&server->synced.lock);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct wwi_http_shard *shard = &server->shards[i];

        wwi_http_server_ref(server);
        if (!wwi_loop_post(shard->loop, &shard->stop))
            wwi_http_server_unref(server);
    }
    wwi_http_server_unref(server);
}

void wwi_http_server_free(struct wwi_server *server)
{
    wwi_http_server_unref(server);
}

wws_status wwi_http_server_address(
    struct wwi_server *server,
    struct wwi_bytes *address)
{
    wwi_bytes_append(address, server->address.data, server->address.size);
    return address->failed ? WWS_E_OUTOFMEMORY : WWS_S_OK;
}

/* Opening. */

static wws_status fail_with(struct wwi_error *error, int code)
{
    struct wwi_outcome outcome = {
        .status = WWS_E_OTHER,
        .original_code = code,
        .text = "cannot listen there",
    };

    if (code == EADDRINUSE)
        outcome.status = WWS_E_ADDRESS_IN_USE;
    else if (code == EADDRNOTAVAIL || code == EACCES)
        outcome.status = WWS_E_ADDRESS_NOT_AVAILABLE;
    else if (code == EMFILE || code == ENFILE || code == ENOBUFS
        || code == ENOMEM)
        outcome.status = WWS_E_OUTOFMEMORY;
    wwi_error_set_outcome(error, &outcome);
    return outcome.status;
}

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* What connections inherit when they are accepted. */
static bool set_inherited(int fd)
{
    return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)
        && set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
        && set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        && set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
        && set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT)
        && set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS);
}

/* A socket that listens, or -1 with errno. */
static int listen_at(
    const struct wwi_address *address,
    bool only_v6,
    uint32_t backlog)
{
    const struct sockaddr *where = (const void *) &address->storage;
    int most = backlog > INT32_MAX ? INT32_MAX : (int) backlog;
    int fd = socket(where->sa_family,
        SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int code;

    if (fd < 0)
        return -1;
    if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set_inherited(fd)
        && (where->sa_family != AF_INET6
            || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, only_v6))
        && bind(fd, where, address->size) == 0 && listen(fd, most) == 0)
        return fd;
    code = errno;
    close(fd);
    errno = code;
    return -1;
}

/* On both families with one socket, or on IPv4 where there is no IPv6. */
static int listen_everywhere(uint16_t port, uint32_t backlog)
{
    struct wwi_address address;
    int fd;

    (void) wwi_address_parse(&address, "::", port);
    fd = listen_at(&address, false, backlog);
    if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
        return fd;
    (void) wwi_address_parse(&address, "0.0.0.0", port);
    return listen_at(&address, false, backlog);
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = { .any.sa_family = AF_UNSPEC };
    socklen_t size = sizeof address;

    (void) getsockname(fd, &address.any, &size);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
                                                   : address.v4.sin_port);
}

/* The host as it is bound and, in the address, as others write it. */
static bool write_host(const struct wwi_url *url, struct wwi_bytes *host)
{
    wwi_bytes_append_string(host, url->host);
    if (url->zone.size != 0) {
        wwi_bytes_append_char(host, '%');
        wwi_bytes_append_string(host, url->zone);
    }
    wwi_bytes_append_char(host, '\0');
    return !host->failed;
}

static wws_status listen_for(
    struct wwi_server *server,
    const struct wwi_url *url,
    struct wwi_error *error)
{
    struct wwi_bytes host = { 0 };
    struct wwi_address address;
    int fd;

    if (!write_host(url, &host)) {
        wwi_bytes_fini(&host);
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "out of memory");
    }
    /* A literal address names a place of this machine; any other host only
     * how others call it. */
    if (wwi_address_parse(&address, (const char *) host.data, url->port))
        fd = listen_at(&address, true, server->options.backlog);
    else
        fd = listen_everywhere(url->port, server->options.backlog);
    wwi_bytes_fini(&host);
    if (fd < 0)
        return fail_with(error, errno);
    server->synced.listening.fd = fd;
    wwi_count(server->runtime, WWS_COUNTER_SOCKETS);
    return WWS_S_OK;
}

static wws_status write_address(
    struct wwi_server *server,
    const struct wwi_url *url,
    struct wwi_error *error)
{
    struct wwi_bytes *address = &server->address;

    wwi_bytes_append_text(address, "http://");
    if (url->wildcard)
        wwi_bytes_append_text(address, "localhost");
    else {
        wwi_bytes_append_text(address, url->ipv6 ? "[" : "");
        wwi_bytes_append_string(address, url->host);
        wwi_bytes_append_text(address, url->zone.size != 0 ? "%25" : "");
        wwi_bytes_append_string(address, url->zone);
        wwi_bytes_append_text(address, url->ipv6 ? "]" : "");
    }
    wwi_bytes_append_char(address, ':');
    wwi_bytes_append_number(address, port_of(server->synced.listening.fd));
    wwi_bytes_append(address, server->path.data, server->path.size);
    if (address->failed)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "out of memory");
    return WWS_S_OK;
}

static wws_status set_path(
    struct wwi_server *server,
    const struct wwi_url *url,
    struct wwi_error *error)
{
    wws_status status;

    if (url->scheme != WWI_URL_HTTP)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            "the scheme is not http");
    if (url->has_query)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            "the URL of a listener cannot have a query");
    status = wwi_path_normalise(&server->path, url->path);
    if (status == WWS_E_INVALID_FORMAT)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            "the path has an escape that is not allowed");
    if (status != WWS_S_OK)
        return wwi_fail_static(error, status, "out of memory");
    server->demand = (struct wwi_http_demand) {
        .version = server->options.version,
        .path = { (const char *) server->path.data, server->path.size },
        .max_message_size = server->options.max_message_size,
    };
    return WWS_S_OK;
}

static struct wwi_server *create(
    struct wwi_runtime *runtime,
    const struct wwi_server_options *options)
{
    size_t count = runtime->loop_count;
    struct wwi_server *server = wwi_alloc_zero(sizeof *server
        + count * sizeof server->shards[0]);

    if (server == NULL)
        return NULL;
    atomic_init(&server->refs, 1);
    server->runtime = runtime;
    server->options = *options;
    server->acceptor = wwi_runtime_loop(runtime);
    server->on_loop.pause.expired = pause_over;
    wwi_lock_init(&server->synced.lock, WWI_RANK_CONNECTION);
    wwi_list_init(&server->synced.waiting);
    server->synced.listening.fd = -1;
    server->synced.listening.ready = accept_some;
    server->synced.open = server->shard_count = (uint32_t) count;
    for (size_t i = 0; i < count; i++) {
        struct wwi_http_shard *shard = &server->shards[i];

        shard->server = server;
        shard->loop = runtime->loops[i];
        wwi_post_init(&shard->stop, stop_shard);
        wwi_list_init(&shard->on_loop.peers);
    }
    return server;
}

static wws_status start(
    struct wwi_server *server,
    const struct wwi_url *url,
    struct wwi_error *error)
{
    wws_status status = set_path(server, url, error);

    if (status == WWS_S_OK)
        status = listen_for(server, url, error);
    if (status == WWS_S_OK)
        status = write_address(server, url, error);
    if (status != WWS_S_OK)
        return status;
    status = wwi_loop_add(server->acceptor, &server->synced.listening);
    if (status != WWS_S_OK)
        return wwi_fail_static(error, status, "epoll takes no more sockets");
    return WWS_S_OK;
}

wws_status wwi_http_server_open(
    struct wwi_runtime *runtime,
    wws_string text,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **out,
    struct wwi_error *error)
{
    struct wwi_server *server;
    struct wwi_url url;
    const char *what;
    wws_status status = wwi_url_parse(&url, text, &what);

    if (status != WWS_S_OK)
        return wwi_fail_static(error, status, what);
    server = create(runtime, options);
    if (server == NULL) {
        wwi_url_fini(&url);
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "out of memory");
    }
    server->callbacks = *callbacks;
    status = start(server, &url, error);
    wwi_url_fini(&url);
    if (status != WWS_S_OK) {
        wwi_lock_take(&server->synced.lock);
        close_listening_locked(server);
        wwi_lock_give(&server->synced.lock);
        wwi_http_server_unref(server);
        return status;
    }
    wwi_runtime_begin(runtime);
    *out = server;
    arm(server);
    return WWS_S_OK;
}
