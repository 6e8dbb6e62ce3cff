/* Listens at a URL.
 *
 * The listening socket is used and closed under the lock, for a stop closes it
 * on whatever thread it is called; accepting does not wait. */
#include "core/transport/acceptor.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/io/resolve.h"
#include "core/io/socket.h"
#include "core/transport/conn.h"

enum {
    BATCH = 16,          /* connections accepted before others have a turn */
    PAUSE_MS = 100,      /* when descriptors are used up */
};

/* Accepting. */

static void arm_locked(struct wwi_acceptor *acceptor)
{
    if (acceptor->synced.listening.fd >= 0)
        wwi_loop_arm(acceptor->loop, &acceptor->synced.listening, EPOLLIN);
}

void wwi_acceptor_start(struct wwi_acceptor *acceptor)
{
    wwi_lock_take(&acceptor->synced.lock);
    arm_locked(acceptor);
    wwi_lock_give(&acceptor->synced.lock);
}

static void pause_over(struct wwi_timer *timer)
{
    wwi_acceptor_start(WWI_CONTAINER(timer, struct wwi_acceptor,
        on_loop.pause));
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
static int accept_locked(struct wwi_acceptor *acceptor)
{
    int fd;

    if (acceptor->synced.listening.fd < 0)
        return -1;
    if (acceptor->synced.connections >= acceptor->max_connections) {
        acceptor->synced.full = true;
        return -1;
    }
    do
        fd = accept4(acceptor->synced.listening.fd, NULL, NULL,
            SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && is_of_connection(errno));
    if (fd >= 0) {
        acceptor->synced.connections++;
        acceptor->synced.open++;
    } else if (errno == EAGAIN)
        arm_locked(acceptor);
    else
        wwi_loop_set_timer(acceptor->loop, &acceptor->on_loop.pause,
            wwi_clock_after(PAUSE_MS));
    return fd;
}

static void accept_some(struct wwi_source *source, uint32_t events)
{
    struct wwi_acceptor *acceptor = WWI_CONTAINER(source, struct wwi_acceptor,
        synced.listening);

    (void) events;
    for (int i = 0; i < BATCH; i++) {
        int fd;

        wwi_lock_take(&acceptor->synced.lock);
        fd = accept_locked(acceptor);
        wwi_lock_give(&acceptor->synced.lock);
        if (fd < 0)
            return;
        WWI_GATE(ACCEPTOR_ACCEPTED);
        acceptor->accepted(acceptor, fd);
    }
    wwi_acceptor_start(acceptor);
}

/* Stopping. */

/* One thing less that keeps it from having stopped. */
static void leave(struct wwi_acceptor *acceptor, uint32_t connections)
{
    bool stopped;

    wwi_lock_take(&acceptor->synced.lock);
    acceptor->synced.connections -= connections;
    if (acceptor->synced.full && connections != 0) {
        acceptor->synced.full = false;
        arm_locked(acceptor);
    }
    stopped = --acceptor->synced.open == 0;
    wwi_lock_give(&acceptor->synced.lock);
    if (!stopped)
        return;
    WWI_GATE(ACCEPTOR_STOPPED);
    acceptor->stopped(acceptor);
}

void wwi_acceptor_left(struct wwi_acceptor *acceptor)
{
    leave(acceptor, 1);
}

/* The loop does not look at the socket any more. */
static void stop_on_loop(struct wwi_work *work)
{
    struct wwi_acceptor *acceptor = WWI_CONTAINER(work, struct wwi_acceptor,
        stop.work);

    wwi_loop_cancel_timer(acceptor->loop, &acceptor->on_loop.pause);
    leave(acceptor, 0);
}

static void close_listening_locked(struct wwi_acceptor *acceptor)
{
    if (acceptor->synced.listening.fd < 0)
        return;
    wwi_loop_remove(acceptor->loop, &acceptor->synced.listening);
    close(acceptor->synced.listening.fd);
    acceptor->synced.listening.fd = -1;
    wwi_uncount(acceptor->runtime, WWS_COUNTER_SOCKETS);
}

void wwi_acceptor_stop(struct wwi_acceptor *acceptor)
{
    bool first;

    wwi_lock_take(&acceptor->synced.lock);
    first = !acceptor->synced.stopping;
    acceptor->synced.stopping = true;
    close_listening_locked(acceptor);
    wwi_lock_give(&acceptor->synced.lock);
    if (first)
        wwi_loop_post(acceptor->loop, &acceptor->stop);
}

/* Where it listens. */

wws_string wwi_acceptor_path(const struct wwi_acceptor *acceptor)
{
    return (wws_string) { (const char *) acceptor->path.data,
        acceptor->path.size };
}

wws_status wwi_acceptor_address(
    const struct wwi_acceptor *acceptor,
    struct wwi_bytes *address)
{
    wwi_bytes_append(address, acceptor->address.data, acceptor->address.size);
    return address->failed ? WWS_E_OUTOFMEMORY : WWS_S_OK;
}

/* Opening. */

static wws_status fail_with(struct wwi_error *error, int code)
{
    const struct wwi_outcome outcome = {
        .status = wwi_socket_why_not_listening(code),
        .original_code = code,
        .text = "cannot listen there",
    };

    wwi_error_set_outcome(error, &outcome);
    return outcome.status;
}

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
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
    if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) && wwi_conn_tune(fd)
        && (where->sa_family != AF_INET6
            || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, only_v6))
        && bind(fd, where, address->size) == 0 && listen(fd, most) == 0)
        return fd;
    code = errno;
    close(fd);
    errno = code;
    return -1;
}

static int listen_on_v4(uint16_t port, uint32_t backlog)
{
    struct wwi_address address;

    (void) wwi_address_parse(&address, "0.0.0.0", port);
    return listen_at(&address, false, backlog);
}

/* On both families with one socket, or on IPv4 where there is no IPv6; or on
 * one alone. */
static int listen_everywhere(
    uint16_t port,
    wws_ip_version version,
    uint32_t backlog)
{
    struct wwi_address address;
    int fd;

    if (version == WWS_IP_VERSION_4)
        return listen_on_v4(port, backlog);
    (void) wwi_address_parse(&address, "::", port);
    fd = listen_at(&address, version == WWS_IP_VERSION_6, backlog);
    if (fd >= 0 || version == WWS_IP_VERSION_6
        || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
        return fd;
    return listen_on_v4(port, backlog);
}

static int listen_at_literal(
    const struct wwi_acceptor *acceptor,
    const struct wwi_address *address)
{
    if (wwi_address_is_of(address, acceptor->ip_version))
        return listen_at(address, true, acceptor->backlog);
    errno = EADDRNOTAVAIL;
    return -1;
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
    struct wwi_acceptor *acceptor,
    struct wwi_error *error)
{
    const struct wwi_url *url = &acceptor->url;
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
        fd = listen_at_literal(acceptor, &address);
    else
        fd = listen_everywhere(url->port, acceptor->ip_version,
            acceptor->backlog);
    wwi_bytes_fini(&host);
    if (fd < 0)
        return fail_with(error, errno);
    acceptor->synced.listening.fd = fd;
    wwi_count(acceptor->runtime, WWS_COUNTER_SOCKETS);
    return WWS_S_OK;
}

static wws_status write_address(
    struct wwi_acceptor *acceptor,
    struct wwi_error *error)
{
    const struct wwi_url *url = &acceptor->url;
    struct wwi_bytes *address = &acceptor->address;

    wwi_bytes_append_text(address, url->scheme == WWI_URL_NET_TCP
        ? "net.tcp://" : "http://");
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
    wwi_bytes_append_number(address, port_of(acceptor->synced.listening.fd));
    wwi_bytes_append_string(address, wwi_acceptor_path(acceptor));
    if (address->failed)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "out of memory");
    return WWS_S_OK;
}

static wws_status set_url(
    struct wwi_acceptor *acceptor,
    enum wwi_url_scheme scheme,
    wws_string text,
    struct wwi_error *error)
{
    const char *what;
    wws_status status = wwi_url_parse(&acceptor->url, text, &what);

    if (status != WWS_S_OK)
        return wwi_fail_static(error, status, what);
    if (acceptor->url.scheme != scheme)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            scheme == WWI_URL_NET_TCP ? "the scheme is not net.tcp"
                                      : "the scheme is not http");
    if (acceptor->url.has_query || acceptor->url.has_fragment)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            "the URL of a listener cannot have a query or a fragment");
    status = wwi_path_normalise(&acceptor->path, acceptor->url.path);
    if (status == WWS_E_INVALID_FORMAT)
        return wwi_fail_static(error, WWS_E_INVALID_ENDPOINT_URL,
            "the path has an escape that is not allowed");
    if (status != WWS_S_OK)
        return wwi_fail_static(error, status, "out of memory");
    return WWS_S_OK;
}

static void set_up(struct wwi_acceptor *acceptor)
{
    acceptor->loop = wwi_runtime_loop(acceptor->runtime);
    acceptor->on_loop.pause.expired = pause_over;
    wwi_post_init(&acceptor->stop, stop_on_loop);
    wwi_lock_init(&acceptor->synced.lock, WWI_RANK_CONNECTION);
    acceptor->synced.listening.fd = -1;
    acceptor->synced.listening.ready = accept_some;
    acceptor->synced.open = 1;
}

wws_status wwi_acceptor_open(
    struct wwi_acceptor *acceptor,
    enum wwi_url_scheme scheme,
    wws_string url,
    struct wwi_error *error)
{
    wws_status status;

    set_up(acceptor);
    status = set_url(acceptor, scheme, url, error);
    if (status == WWS_S_OK)
        status = listen_for(acceptor, error);
    if (status == WWS_S_OK)
        status = write_address(acceptor, error);
    if (status == WWS_S_OK
        && wwi_loop_add(acceptor->loop, &acceptor->synced.listening)
            != WWS_S_OK)
        status = wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "epoll takes no more sockets");
    return status;
}

void wwi_acceptor_fini(struct wwi_acceptor *acceptor)
{
    wwi_lock_take(&acceptor->synced.lock);
    close_listening_locked(acceptor);
    wwi_lock_give(&acceptor->synced.lock);
    wwi_lock_fini(&acceptor->synced.lock);
    wwi_url_fini(&acceptor->url);
    wwi_bytes_fini(&acceptor->path);
    wwi_bytes_fini(&acceptor->address);
}
