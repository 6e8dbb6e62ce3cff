/* Servers and clients made of bare sockets. */
#include "tests/support/public/peer.h"

#include "tests/support/public/framing.h"
#include "tests/support/public/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REPLY_BODY \
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"" \
    " xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>" \
    "<a:Action>urn:wws:test:Reply</a:Action></s:Header>" \
    "<s:Body><t:x xmlns:t=\"urn:wws:test\">12</t:x></s:Body></s:Envelope>"

/* The length is that of the body above. */
const char peer_reply[] =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: application/soap+xml; charset=utf-8\r\n"
    "Content-Length: 235\r\n\r\n" REPLY_BODY;

_Static_assert(sizeof REPLY_BODY - 1 == 235, "Content-Length of the reply");

static int listen_local(struct peer *peer, int backlog)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int small = 4096;

    must(fd >= 0);
    if (peer->script.deaf)
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    must(bind(fd, (struct sockaddr *) &address, sizeof address) == 0);
    must(listen(fd, backlog) == 0);
    must(getsockname(fd, (struct sockaddr *) &address, &size) == 0);
    snprintf(peer->url, sizeof peer->url, "%s://127.0.0.1:%u/test",
        wire()->scheme, (unsigned) ntohs(address.sin_port));
    return fd;
}

static void count(struct peer *peer, unsigned *counter)
{
    pthread_mutex_lock(&peer->lock);
    (*counter)++;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
}

static void set_linger(int fd)
{
    struct linger now = { .l_onoff = 1 };

    (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void peer_reset(int fd)
{
    set_linger(fd);
    close(fd);
}

/* How many octets a whole request has; 0 when that is not known yet. */
static size_t whole_size(const char *data, size_t size)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    const char *field = memmem(data, size, "Content-Length: ", 16);

    if (end == NULL || field == NULL)
        return 0;
    return (size_t) (end + 4 - data) + strtoul(field + 16, NULL, 10);
}

/* Reads the script's part of a request; false if the client went before. */
static bool read_part(struct peer *peer, int fd)
{
    static const size_t room = 16 * 1024 * 1024;
    char *data = malloc(room);
    size_t limit = peer->script.reads;
    size_t size = 0, whole = 0;
    ssize_t got = 1;

    must(data != NULL);
    while (got > 0 && (whole == 0 || size < whole)
        && (limit == 0 || size < limit)) {
        size_t most = limit != 0 ? limit - size : room - size;

        got = recv(fd, data + size, most, 0);
        if (got > 0)
            size += (size_t) got;
        whole = whole_size(data, size);
    }
    free(data);
    return got > 0;
}

static void send_part(const struct peer_script *script, int fd)
{
    const char *reply = script->answers ? peer_reply : script->reply;

    if (reply != NULL)
        (void) write_all(fd, reply,
            script->sends != 0 ? script->sends : strlen(reply));
}

/* Until the client ends the connection, or the peer is stopped. */
static void wait_for_end(int fd)
{
    struct pollfd polled = { .fd = fd, .events = POLLRDHUP };

    while (poll(&polled, 1, -1) < 0 && errno == EINTR)
        continue;
}

/* False if the client went. */
static bool serve_exchanges(struct peer *peer, int fd)
{
    const struct peer_script *script = &peer->script;
    bool there;

    do {
        there = script->deaf || read_part(peer, fd);
        if (there)
            send_part(script, fd);
        if (there)
            count(peer, &peer->served);
    } while (there && script->again);
    return there;
}

/* Sessions. */

static bool read_past(int fd, size_t size)
{
    char octet;

    while (size > 0 && read_all(fd, &octet, 1))
        size--;
    return size == 0;
}

#define SESSION_REPLY \
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"" \
    " xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>" \
    "<a:Action>urn:wws:test:Reply</a:Action>" \
    "<a:RelatesTo>%s</a:RelatesTo></s:Header>" \
    "<s:Body><t:x xmlns:t=\"urn:wws:test\">12</t:x></s:Body></s:Envelope>"

/* The reply relates to the request. */
static void answer_in_session(
    const struct peer_script *script,
    int fd,
    const char *request)
{
    char id[128], reply[1024];
    char *record;
    size_t size;

    find_header(request, "MessageID", id, sizeof id);
    size = (size_t) snprintf(reply, sizeof reply, SESSION_REPLY, id);
    record = new_record(reply, size, &size);
    (void) write_all(fd, record, script->sends != 0 ? script->sends : size);
    free(record);
}

/* False if the client went. */
static bool serve_record(struct peer *peer, int fd)
{
    const struct peer_script *script = &peer->script;
    static const char end = RECORD_END;
    char *request;
    size_t size;
    int type;

    if (script->reads != 0) {
        if (!read_past(fd, script->reads))
            return false;
        send_part(script, fd);
        count(peer, &peer->served);
        return true;
    }
    type = read_record(fd);
    if (type == RECORD_END) {
        count(peer, &peer->ended);
        if (!script->stubborn)
            (void) write_all(fd, &end, 1);
        return true;
    }
    request = type == RECORD_MESSAGE ? read_message(fd, &size) : NULL;
    if (request == NULL)
        return false;
    if (script->answers)
        answer_in_session(script, fd, request);
    else
        send_part(script, fd);
    count(peer, &peer->served);
    free(request);
    return true;
}

/* Until there is something to read, or nothing will come. */
static void wait_for_octets(int fd)
{
    struct pollfd polled = { .fd = fd, .events = POLLIN };

    while (poll(&polled, 1, -1) < 0 && errno == EINTR)
        continue;
}

/* False if the client went. */
static bool serve_session(struct peer *peer, int fd)
{
    const struct peer_script *script = &peer->script;
    static const char ack = RECORD_ACK;
    bool goes_on = script->then == PEER_HOLDS && script->reads == 0
        && script->sends == 0;
    bool there = read_preamble(fd) && (script->greets != NULL
        ? write_all(fd, script->greets, strlen(script->greets))
        : write_all(fd, &ack, 1));

    if (there && script->deaf)
        wait_for_octets(fd);
    if (there && script->act != NULL)
        script->act(fd);
    if (there && (script->deaf || script->act || script->greets)) {
        count(peer, &peer->served);
        return true;
    }
    do
        there = there && serve_record(peer, fd);
    while (there && (goes_on || script->again));
    return there;
}

static void *serve(void *state)
{
    struct peer_connection *connection = state;
    struct peer *peer = connection->peer;
    int fd = connection->fd;
    bool there = peer->script.mute
        || (wire()->has_sessions ? serve_session(peer, fd)
            : serve_exchanges(peer, fd));

    if (there && peer->script.then == PEER_HOLDS)
        wait_for_end(fd);
    if (there && peer->script.then != PEER_HOLDS) {
        if (peer->script.then == PEER_RESETS)
            set_linger(fd);
        (void) shutdown(fd, SHUT_WR);
    }
    pthread_mutex_lock(&peer->lock);
    if (!peer->stopping)
        peer->gone++;
    connection->fd = -1;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
    close(fd);
    return NULL;
}

static void *accept_all(void *state)
{
    struct peer *peer = state;

    for (;;) {
        int fd = accept4(peer->listening, NULL, NULL, SOCK_CLOEXEC);
        struct peer_connection *connection;

        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0)
            return NULL;
        pthread_mutex_lock(&peer->lock);
        must(peer->accepted < PEER_CONNECTIONS);
        connection = &peer->connections[peer->accepted++];
        connection->peer = peer;
        connection->fd = fd;
        must(pthread_create(&connection->thread, NULL, serve, connection)
            == 0);
        pthread_cond_broadcast(&peer->changed);
        pthread_mutex_unlock(&peer->lock);
    }
}

static void init(struct peer *peer)
{
    *peer = (struct peer) { .listening = -1 };
    pthread_mutex_init(&peer->lock, NULL);
    pthread_cond_init(&peer->changed, NULL);
    for (int i = 0; i < 4; i++)
        peer->fillers[i] = -1;
}

void peer_start(struct peer *peer, const struct peer_script *script)
{
    init(peer);
    peer->script = *script;
    peer->listening = listen_local(peer, 64);
    must(pthread_create(&peer->thread, NULL, accept_all, peer) == 0);
    peer->has_thread = true;
}

/* Until one is in, for then there is no room for another; on a busy machine a
 * client could be there before them. */
static void wait_for_filler(const struct peer *peer)
{
    struct pollfd polled[4];

    for (int i = 0; i < 4; i++)
        polled[i] = (struct pollfd) { .fd = peer->fillers[i],
            .events = POLLOUT };
    must(poll(polled, 4, HANG_MS) > 0);
}

void peer_start_full(struct peer *peer)
{
    init(peer);
    peer->listening = listen_local(peer, 0);
    /* Nobody accepts these; the system then ignores further ones. */
    for (int i = 0; i < 4; i++) {
        struct sockaddr_in address;
        socklen_t size = sizeof address;

        must(getsockname(peer->listening, (struct sockaddr *) &address, &size)
            == 0);
        peer->fillers[i] = socket(AF_INET,
            SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        must(peer->fillers[i] >= 0);
        (void) connect(peer->fillers[i], (struct sockaddr *) &address, size);
    }
    wait_for_filler(peer);
}

void peer_stop(struct peer *peer)
{
    (void) shutdown(peer->listening, SHUT_RDWR);
    if (peer->has_thread)
        pthread_join(peer->thread, NULL);
    close(peer->listening);
    pthread_mutex_lock(&peer->lock);
    peer->stopping = true;
    for (unsigned i = 0; i < peer->accepted; i++)
        if (peer->connections[i].fd >= 0)
            (void) shutdown(peer->connections[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&peer->lock);
    for (unsigned i = 0; i < peer->accepted; i++)
        pthread_join(peer->connections[i].thread, NULL);
    for (int i = 0; i < 4; i++)
        if (peer->fillers[i] >= 0)
            close(peer->fillers[i]);
    pthread_cond_destroy(&peer->changed);
    pthread_mutex_destroy(&peer->lock);
}

unsigned peer_read(struct peer *peer, const unsigned *counter)
{
    unsigned value;

    pthread_mutex_lock(&peer->lock);
    value = *counter;
    pthread_mutex_unlock(&peer->lock);
    return value;
}

static unsigned wait_for_count(
    struct peer *peer,
    const unsigned *counter,
    unsigned value)
{
    struct timespec end;
    unsigned reached;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HANG_MS / 1000;
    pthread_mutex_lock(&peer->lock);
    while (*counter < value
        && pthread_cond_timedwait(&peer->changed, &peer->lock, &end) == 0)
        continue;
    reached = *counter;
    pthread_mutex_unlock(&peer->lock);
    return reached;
}

bool peer_reaches(struct peer *peer, const unsigned *counter, unsigned value)
{
    return wait_for_count(peer, counter, value) == value;
}

bool peer_passes(struct peer *peer, const unsigned *counter, unsigned value)
{
    return wait_for_count(peer, counter, value) >= value;
}

int peer_connect(const char *url)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    unsigned port;
    int fd;

    must(sscanf(url, "%*[a-z.]://127.0.0.1:%u/", &port) == 1);
    address.sin_port = htons((uint16_t) port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0);
    must(connect(fd, (struct sockaddr *) &address, sizeof address) == 0);
    return fd;
}

/* The URL of whom the socket is connected to. */
static void read_via(int fd, char *url, size_t room)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;

    must(getpeername(fd, (struct sockaddr *) &address, &size) == 0);
    snprintf(url, room, "%s://127.0.0.1:%u/test", wire()->scheme,
        (unsigned) ntohs(address.sin_port));
}

static size_t put_envelope(char *out, size_t room, const char *action)
{
    static _Atomic unsigned messages;

    return (size_t) snprintf(out, room,
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
        " xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>"
        "<a:Action>%s</a:Action><a:MessageID>urn:peer:%u</a:MessageID>"
        "</s:Header><s:Body/></s:Envelope>", action, messages++);
}

static size_t put_request(char *out, size_t room, const char *action)
{
    char body[1024];
    size_t size = put_envelope(body, sizeof body, action);

    return (size_t) snprintf(out, room,
        "POST /test HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Type: application/soap+xml; charset=utf-8; action=\"%s\"\r\n"
        "Content-Length: %zu\r\n\r\n%s", action, size, body);
}

static size_t put_record(char *out, size_t room, const char *action)
{
    char body[1024];
    size_t size = put_envelope(body, sizeof body, action);
    char *record = new_record(body, size, &size);

    must(size <= room);
    memcpy(out, record, size);
    free(record);
    return size;
}

void peer_request(int fd, const char *action, size_t octets)
{
    char all[2048], via[64];
    size_t size = 0;

    if (wire()->has_sessions) {
        read_via(fd, via, sizeof via);
        size = put_preamble(all, via);
        size += put_record(all + size, sizeof all - size, action);
    } else {
        size = put_request(all, sizeof all, action);
    }
    must(octets <= size);
    must(write_all(fd, all, octets != 0 ? octets : size));
}

void peer_request_again(int fd, const char *action)
{
    char all[2048];
    size_t size = wire()->has_sessions ? put_record(all, sizeof all, action)
        : put_request(all, sizeof all, action);

    must(write_all(fd, all, size));
}

static bool readable(int fd)
{
    struct pollfd polled = { .fd = fd, .events = POLLIN };

    return poll(&polled, 1, HANG_MS) == 1;
}

int peer_response(int fd)
{
    char data[65536];
    size_t size = 0, whole = 0;

    while (whole == 0 || size < whole) {
        ssize_t got;

        must(readable(fd));
        must(size < sizeof data);
        got = recv(fd, data + size, sizeof data - size, 0);
        if (got <= 0)
            return 0;
        size += (size_t) got;
        whole = whole_size(data, size);
    }
    return atoi(data + strlen("HTTP/1.1 "));
}

bool peer_answered(int fd)
{
    char *message;
    size_t size;
    bool good;

    if (!wire()->has_sessions)
        return peer_response(fd) == 200;
    must(readable(fd));
    message = read_record(fd) == RECORD_MESSAGE ? read_message(fd, &size)
        : NULL;
    good = message != NULL && strstr(message, "Fault>") == NULL;
    free(message);
    return good;
}

void peer_end_session(int fd)
{
    static const char end = RECORD_END;

    if (wire()->has_sessions)
        must(write_all(fd, &end, 1));
}

bool peer_ended(int fd)
{
    char octets[4096];
    ssize_t got;

    do {
        if (!readable(fd))
            return false;
        got = recv(fd, octets, sizeof octets, 0);
    } while (got > 0);
    return true;
}
