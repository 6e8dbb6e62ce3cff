/* Connections to peers of bare sockets.  A line has its threads: the *reader*,
 * which first connects or shakes hands, the *writer*, and the *watcher*.  They
 * do what tasks want, one of each kind, and end when the line is cut or
 * closed. */
#include "tests/support/public/bridge.h"

#include "tests/support/public/framing.h"
#include "tests/support/public/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop memory = { .lock = PTHREAD_MUTEX_INITIALIZER };
static const wws_error no_error;

enum { VIA = 128, NAME = 32 };

struct line {
    int fd;
    struct port *port;         /* that it came to, while it is listed there */
    struct line *next;
    char via[VIA];             /* of a client */
    struct sockaddr_in to;     /* the peer */
    pthread_t reader;
    pthread_t writer;
    pthread_t watcher;         /* once there is a watch */
    bool watched;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;
    unsigned ending;           /* tasks that are just being completed */
    wws_transport_task connecting;
    wws_transport_task receiving;
    wws_transport_task sending;
    wws_bytes octets;
    wws_transport_task shutting;
    wws_transport_task watching;
};

/* An address that is listened at. */
struct port {
    struct loop_listener *listener;
    int fd;
    pthread_t thread;
    char address[VIA];

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct line *greeting;     /* clients that still shake hands */
    unsigned coming;           /* they, and those that are just offered */
};

static void end_task(
    struct line *line,
    wws_transport_task *task,
    wws_status status)
{
    wws_transport_task ended;

    pthread_mutex_lock(&line->lock);
    ended = *task;
    task->id = 0;
    line->ending++;
    pthread_mutex_unlock(&line->lock);
    if (ended.id != 0)
        (void) wws_transport_task_complete(ended, status, no_error);
    pthread_mutex_lock(&line->lock);
    line->ending--;
    pthread_mutex_unlock(&line->lock);
}

/* Until there is such a task; false if the line is over. */
static bool wait_for_task(
    struct line *line,
    const wws_transport_task *one,
    const wws_transport_task *other)
{
    bool over;

    pthread_mutex_lock(&line->lock);
    while (one->id == 0 && other->id == 0 && !line->over)
        pthread_cond_wait(&line->changed, &line->lock);
    over = line->over;
    pthread_mutex_unlock(&line->lock);
    return !over;
}

static wws_status begin(
    struct line *line,
    wws_transport_task *place,
    wws_transport_task task)
{
    pthread_mutex_lock(&line->lock);
    *place = task;
    pthread_cond_broadcast(&line->changed);
    pthread_mutex_unlock(&line->lock);
    return WWS_S_ASYNC;
}

/* The reader. */

static wws_status receive_one(struct line *line)
{
    int type = read_record(line->fd);
    size_t size;
    char *message;
    wws_status status;

    if (type == RECORD_END)
        return WWS_S_END;
    if (type != RECORD_MESSAGE)
        return type < 0 ? WWS_E_ENDPOINT_DISCONNECTED : WWS_E_INVALID_FORMAT;
    message = read_message(line->fd, &size);
    if (message == NULL)
        return WWS_E_ENDPOINT_DISCONNECTED;
    status = wws_transport_task_give_piece(line->receiving, (wws_bytes) {
        message, size }, false, no_error);
    free(message);
    return status;
}

static void read_records(struct line *line)
{
    while (wait_for_task(line, &line->receiving, &line->receiving))
        end_task(line, &line->receiving, receive_one(line));
    end_task(line, &line->receiving, WWS_E_OPERATION_ABORTED);
}

static bool is_over(struct line *line)
{
    bool over;

    pthread_mutex_lock(&line->lock);
    over = line->over;
    pthread_mutex_unlock(&line->lock);
    return over;
}

static wws_status status_of(int error)
{
    switch (error) {
    case 0: return WWS_S_OK;
    case ECONNREFUSED: return WWS_E_ENDPOINT_NOT_FOUND;
    default: return WWS_E_ENDPOINT_UNREACHABLE;
    }
}

/* Does not block, for the line may be cut meanwhile. */
static wws_status dial(struct line *line)
{
    const struct sockaddr *to = (const struct sockaddr *) &line->to;
    struct pollfd polled = { .fd = line->fd, .events = POLLOUT };
    int error = 0;
    socklen_t size = sizeof error;

    (void) fcntl(line->fd, F_SETFL, O_NONBLOCK);
    if (connect(line->fd, to, sizeof line->to) < 0 && errno != EINPROGRESS)
        return status_of(errno);
    while (poll(&polled, 1, 10) <= 0)
        if (is_over(line))
            return WWS_E_OPERATION_ABORTED;
    (void) getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    (void) fcntl(line->fd, F_SETFL, 0);
    return status_of(error);
}

static wws_status shake_hands(struct line *line)
{
    char preamble[PREAMBLE_ROOM];
    char ack;

    if (!write_all(line->fd, preamble, put_preamble(preamble, line->via))
        || !read_all(line->fd, &ack, 1))
        return WWS_E_ENDPOINT_DISCONNECTED;
    return ack == RECORD_ACK ? WWS_S_OK : WWS_E_ENDPOINT_FAILURE;
}

static void *run_client(void *state)
{
    struct line *line = state;
    wws_status status = dial(line);

    if (status == WWS_S_OK)
        status = shake_hands(line);
    end_task(line, &line->connecting, status);
    read_records(line);
    return NULL;
}

/* The writer. */

static wws_status send_one(struct line *line)
{
    char *record;
    size_t size;
    bool sent;

    record = new_record(line->octets.data, line->octets.size, &size);
    sent = write_all(line->fd, record, size);
    free(record);
    return sent ? WWS_S_OK : WWS_E_ENDPOINT_DISCONNECTED;
}

static void *run_writer(void *state)
{
    static const char end = RECORD_END;
    struct line *line = state;

    while (wait_for_task(line, &line->sending, &line->shutting)) {
        if (line->sending.id != 0)
            end_task(line, &line->sending, send_one(line));
        else
            end_task(line, &line->shutting, write_all(line->fd, &end, 1)
                ? WWS_S_OK : WWS_E_ENDPOINT_DISCONNECTED);
    }
    end_task(line, &line->sending, WWS_E_OPERATION_ABORTED);
    end_task(line, &line->shutting, WWS_E_OPERATION_ABORTED);
    return NULL;
}

/* The watcher. */

/* Whether all that came has been told. */
static bool is_read(struct line *line)
{
    char octet;
    bool read;

    pthread_mutex_lock(&line->lock);
    read = line->over || (line->receiving.id == 0 && line->ending == 0
        && recv(line->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) <= 0);
    pthread_mutex_unlock(&line->lock);
    return read;
}

/* Until the connection is reset, or both ends have shut it down. */
static void *run_watcher(void *state)
{
    struct line *line = state;
    struct pollfd polled = { .fd = line->fd };

    while (poll(&polled, 1, -1) < 0 || !is_read(line))
        (void) poll(NULL, 0, 1);
    end_task(line, &line->watching, WWS_E_ENDPOINT_DISCONNECTED);
    return NULL;
}

/* Slots. */

static wws_status watch(wws_transport_task task, void *state)
{
    struct line *line = state;

    line->watching = task;
    line->watched = pthread_create(&line->watcher, NULL, run_watcher, line)
        == 0;
    return line->watched ? WWS_S_ASYNC : WWS_E_OUTOFMEMORY;
}

static wws_status send_record(
    wws_transport_task task,
    wws_bytes octets,
    bool more,
    void *state)
{
    struct line *line = state;

    must(!more);
    line->octets = octets;
    return begin(line, &line->sending, task);
}

static wws_status receive_record(wws_transport_task task, void *state)
{
    struct line *line = state;

    return begin(line, &line->receiving, task);
}

static wws_status shut_down(wws_transport_task task, void *state)
{
    struct line *line = state;

    return begin(line, &line->shutting, task);
}

static void finish(struct line *line)
{
    pthread_mutex_lock(&line->lock);
    line->over = true;
    pthread_cond_broadcast(&line->changed);
    pthread_mutex_unlock(&line->lock);
    (void) shutdown(line->fd, SHUT_RDWR);
}

static wws_status close_line(wws_transport_task task, void *state)
{
    (void) task;
    finish(state);
    return WWS_S_OK;
}

static void abort_line(void *state)
{
    struct line *line = state;
    struct linger now = { .l_onoff = 1 };

    (void) setsockopt(line->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    finish(line);
}

static void destroy(struct line *line)
{
    close(line->fd);
    pthread_cond_destroy(&line->changed);
    pthread_mutex_destroy(&line->lock);
    free(line);
}

static void free_line(void *state)
{
    struct line *line = state;

    finish(line);
    pthread_join(line->reader, NULL);
    pthread_join(line->writer, NULL);
    if (line->watched)
        pthread_join(line->watcher, NULL);
    destroy(line);
}

static wws_custom_connection table_of(struct line *line)
{
    wws_custom_connection table = WWS_CUSTOM_CONNECTION_INIT;

    table.state = line;
    table.free_state = free_line;
    table.send = send_record;
    table.receive = receive_record;
    table.shut_down = shut_down;
    table.close = close_line;
    table.abort = abort_line;
    table.watch = watch;
    return table;
}

static struct line *new_line(int fd)
{
    struct line *line = calloc(1, sizeof *line);
    const int small = 16384;

    must(line != NULL && fd >= 0);
    line->fd = fd;
    /* So that a peer who does not read holds the writer up soon. */
    (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    pthread_mutex_init(&line->lock, NULL);
    pthread_cond_init(&line->changed, NULL);
    return line;
}

static void start(struct line *line, void *(*run_reader)(void *state))
{
    must(pthread_create(&line->writer, NULL, run_writer, line) == 0);
    must(pthread_create(&line->reader, NULL, run_reader, line) == 0);
}

static bool read_address(const char *url, struct sockaddr_in *address)
{
    unsigned port;
    char host[32];

    *address = (struct sockaddr_in) { .sin_family = AF_INET };
    if (sscanf(url, "loop://%31[0-9.]:%u/", host, &port) != 2)
        return false;
    address->sin_port = htons((uint16_t) port);
    return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

/* As the address of a peer is told. */
static void name_peer(const struct sockaddr_in *peer, char name[NAME])
{
    char host[INET_ADDRSTRLEN];

    (void) inet_ntop(AF_INET, &peer->sin_addr, host, sizeof host);
    snprintf(name, NAME, "%s:%u", host, (unsigned) ntohs(peer->sin_port));
}

static bool copy_text(char *out, size_t room, wws_string text)
{
    if (text.size >= room)
        return false;
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return true;
}

/* Clients. */

/* It is given before it is connected, so that it can be aborted. */
static wws_status connect_line(
    wws_transport_task task,
    wws_string address,
    void *state)
{
    wws_status status = loop_connect(task, address, &memory);
    struct sockaddr_in to;
    char via[VIA], name[NAME];
    struct line *line;
    wws_custom_connection table;

    (void) state;
    if (status != WWS_E_ENDPOINT_NOT_FOUND)
        return status;
    if (!copy_text(via, sizeof via, address) || !read_address(via, &to))
        return WWS_E_INVALID_ENDPOINT_URL;
    line = new_line(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    memcpy(line->via, via, sizeof via);
    line->to = to;
    line->connecting = task;
    table = table_of(line);
    name_peer(&to, name);
    status = wws_transport_task_give_connection(task, &table,
        (wws_string) { name, strlen(name) }, (wws_string) { NULL, 0 },
        no_error);
    if (status < 0) {
        destroy(line);
        return status;
    }
    start(line, run_client);
    return WWS_S_ASYNC;
}

/* Servers. */

static bool greet(struct line *line)
{
    static const char ack = RECORD_ACK;
    char first;

    return recv(line->fd, &first, 1, MSG_PEEK) == 1
        && first == RECORD_VERSION && read_preamble(line->fd)
        && write_all(line->fd, &ack, 1);
}

/* The library's, or nobody's: then this thread is the last to know it. */
static void give_up(struct line *line)
{
    finish(line);
    pthread_join(line->writer, NULL);
    pthread_detach(pthread_self());
    destroy(line);
}

/* It shakes hands no more, and is cut no more when the port is stopped. */
static void unlist(struct port *port, struct line *line)
{
    pthread_mutex_lock(&port->lock);
    for (struct line **at = &port->greeting; *at != NULL; at = &(*at)->next)
        if (*at == line) {
            *at = line->next;
            break;
        }
    pthread_mutex_unlock(&port->lock);
}

static void leave_port(struct port *port)
{
    pthread_mutex_lock(&port->lock);
    port->coming--;
    pthread_cond_broadcast(&port->changed);
    pthread_mutex_unlock(&port->lock);
}

static void *run_server(void *state)
{
    struct line *line = state;
    struct port *port = line->port;
    wws_custom_connection table = table_of(line);
    bool taken = greet(line);
    char name[NAME];

    unlist(port, line);
    name_peer(&line->to, name);
    taken = taken && loop_offer(port->listener, &table, name);
    leave_port(port);
    if (taken)
        read_records(line);
    else
        give_up(line);
    return NULL;
}

static void *accept_all(void *state)
{
    struct port *port = state;
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    int fd;

    while ((fd = accept4(port->fd, (struct sockaddr *) &from, &size,
        SOCK_CLOEXEC)) >= 0 || errno == EINTR) {
        struct line *line;

        if (fd < 0)
            continue;
        line = new_line(fd);
        line->port = port;
        line->to = from;
        pthread_mutex_lock(&port->lock);
        line->next = port->greeting;
        port->greeting = line;
        port->coming++;
        start(line, run_server);
        pthread_mutex_unlock(&port->lock);
    }
    return NULL;
}

static wws_status accept_line(wws_transport_task task, void *state)
{
    struct port *port = state;

    return loop_accept(task, port->listener);
}

static void stop_port(void *state)
{
    struct port *port = state;

    /* Before the port is free, for its number names the listener. */
    loop_stop(port->listener);
    (void) shutdown(port->fd, SHUT_RDWR);
    pthread_join(port->thread, NULL);
    pthread_mutex_lock(&port->lock);
    for (struct line *line = port->greeting; line != NULL; line = line->next)
        finish(line);
    pthread_mutex_unlock(&port->lock);
    close(port->fd);
}

static void free_port(void *state)
{
    struct port *port = state;

    pthread_mutex_lock(&port->lock);
    while (port->coming != 0)
        pthread_cond_wait(&port->changed, &port->lock);
    pthread_mutex_unlock(&port->lock);
    loop_listener_free(port->listener);
    pthread_cond_destroy(&port->changed);
    pthread_mutex_destroy(&port->lock);
    free(port);
}

static wws_status bind_to(int fd, const struct sockaddr_in *address)
{
    if (bind(fd, (const struct sockaddr *) address, sizeof *address) == 0
        && listen(fd, 64) == 0)
        return WWS_S_OK;
    return errno == EADDRINUSE ? WWS_E_ADDRESS_IN_USE
        : WWS_E_ADDRESS_NOT_AVAILABLE;
}

/* The URL with the port that it has. */
static void name_port(int fd, const char *wanted, char *url)
{
    const char *path = strchr(wanted + strlen("loop://"), '/');
    struct sockaddr_in address;
    socklen_t size = sizeof address;

    must(getsockname(fd, (struct sockaddr *) &address, &size) == 0);
    must(snprintf(url, VIA, "loop://127.0.0.1:%u%s",
        (unsigned) ntohs(address.sin_port), path) < VIA);
}

static wws_status open_port(int fd, const char *url, struct port **opened)
{
    char address[VIA];
    struct port *port = calloc(1, sizeof *port);

    must(port != NULL);
    name_port(fd, url, address);
    port->fd = fd;
    port->listener = loop_listener_new(&memory, (wws_string) { address,
        strlen(address) });
    if (port->listener == NULL) {
        free(port);
        return WWS_E_ADDRESS_IN_USE;
    }
    memcpy(port->address, address, sizeof address);
    pthread_mutex_init(&port->lock, NULL);
    pthread_cond_init(&port->changed, NULL);
    must(pthread_create(&port->thread, NULL, accept_all, port) == 0);
    *opened = port;
    return WWS_S_OK;
}

static wws_status give_port(wws_transport_task task, struct port *port)
{
    wws_custom_listener table = WWS_CUSTOM_LISTENER_INIT;
    wws_string address = { port->address, strlen(port->address) };
    wws_status status;

    table.state = port;
    table.free_state = free_port;
    table.accept = accept_line;
    table.stop = stop_port;
    status = wws_transport_task_give_listener(task, &table, address, no_error);
    if (status < 0) {
        stop_port(port);
        free_port(port);
    }
    return status;
}

static wws_status listen_at(
    wws_transport_task task,
    wws_string address,
    void *state)
{
    const int yes = 1;
    struct sockaddr_in at;
    char url[VIA];
    struct port *port;
    wws_status status;
    int fd;

    (void) state;
    if (!copy_text(url, sizeof url, address) || !read_address(url, &at))
        return WWS_E_INVALID_ENDPOINT_URL;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0);
    (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    status = bind_to(fd, &at);
    if (status >= 0)
        status = open_port(fd, url, &port);
    if (status < 0)
        close(fd);
    return status < 0 ? status : give_port(task, port);
}

const wws_custom_transport *bridge(void)
{
    static const wws_custom_transport table = {
        .struct_size = sizeof table,
        .version = WWS_VERSION,
        .connect = connect_line,
        .listen = listen_at,
    };

    return &table;
}
