/* Sessions over TCP, against peers that write octets by hand over loopback, and
 * against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/io/resolve.h"
#include "core/transport/session.h"
#include "tests/support/counters.h"
#include "tests/support/engine.h"
#include "tests/support/public/dice.h"
#include "tests/support/sockets.h"

enum {
    ROUNDS = 200,
    HOLDERS = ROUNDS,
    BIG = 8 * 1024 * 1024,
    THREADS = 4,
    EACH = 250,
};

#define URI "http://schemas.microsoft.com/ws/2006/05/framing/faults/"
#define VIA "net.tcp://127.0.0.1/calc"
/* Version, duplex, the via of 24 octets; then an encoding and the end. */
#define BEFORE "\x00\x01\x00\x01\x02\x02\x18" VIA
#define PREAMBLE BEFORE "\x03\x03\x0C"
#define STREAMED "\x00\x01\x00\x01\x01\x02\x18" VIA "\x03\x03\x0C"
#define ACK "\x0B"
#define END "\x07"
#define HELLO "\x06\x05" "hello"

/* Holders of sessions. */

/* One session, and what was heard of it; under the lock of the fixture. */
struct holder {
    struct wwi_session *session;
    struct wwi_bytes got;          /* octets of all pieces */
    int opened;
    int arrived;
    int whole;                     /* pieces that ended a message */
    int largest;                   /* piece */
    int ended;
    int failed;
    int released;
    int phases[8];
    int phase_count;
    struct wwi_outcome outcome;    /* of the last end */
};

struct parcel {
    struct wwi_sending sending;
    int begun;
    int done;
    bool refuse;
    struct wwi_outcome outcome;
};

enum manner {
    IDLE,        /* does nothing by itself */
    READ,        /* asks for pieces again and again */
    TALK,        /* sends inside `connected` */
    CLOSE,       /* as that; a server's shuts and frees when the peer ends */
    REFUSE,      /* does not take the session */
};

static struct fixture {
    struct wwi_runtime *runtime;
    struct wwi_server *server;
    struct wwi_server_options server_options;
    struct wwi_client_options client_options;
    enum manner manner;
    uint64_t blocks;
    int listening;

    struct holder clients[HOLDERS];
    struct holder servers[HOLDERS];
    struct parcel greeting;
    int connected;
    int stopped;
    int done;
    int unfreed;
} it;

static bool begin(struct wwi_sending *sending)
{
    struct parcel *parcel = (struct parcel *) sending;

    parcel->begun++;
    return !parcel->refuse;
}

static void done(struct wwi_sending *sending, const struct wwi_outcome *outcome)
{
    struct parcel *parcel = (struct parcel *) sending;

    lock_it();
    assert_int_equal(parcel->done, 0);
    parcel->done = 1;
    parcel->outcome = *outcome;
    it.done++;
    unlock_it();
}

static wws_status send_part(
    struct holder *holder,
    struct parcel *parcel,
    const void *data,
    size_t size,
    bool continues,
    bool more)
{
    struct wwi_outgoing outgoing = { .continues = continues, .more = more };
    wws_status status;

    parcel->sending.begin = begin;
    parcel->sending.done = done;
    wwi_bytes_append(&outgoing.envelope, data, size);
    if (outgoing.envelope.failed)
        return WWS_E_OUTOFMEMORY;
    status = holder->session->calls->send(holder->session, &parcel->sending,
        &outgoing);
    if (status != WWS_S_OK)
        assert_int_equal(outgoing.envelope.size, size);
    wwi_bytes_fini(&outgoing.envelope);
    return status;
}

static wws_status send_text(
    struct holder *holder,
    struct parcel *parcel,
    const char *text)
{
    return send_part(holder, parcel, text, strlen(text), false, false);
}

static void receive(struct holder *holder)
{
    holder->session->calls->receive(holder->session);
}

static void shut(struct holder *holder)
{
    holder->session->calls->shutdown(holder->session);
}

static void abort_it(struct holder *holder)
{
    holder->session->calls->abort(holder->session);
}

static void give_back(struct holder *holder)
{
    struct wwi_session *session;

    lock_it();
    session = holder->session;
    holder->session = NULL;
    unlock_it();
    if (session != NULL)
        session->calls->free(session);
}

static bool is_server(const struct holder *holder)
{
    return holder >= it.servers && holder < it.servers + HOLDERS;
}

static void has_opened(struct wwi_session *session)
{
    struct holder *holder = session->user;

    lock_it();
    holder->opened++;
    unlock_it();
}

static void has_phase(struct wwi_session *session, wws_phase phase)
{
    struct holder *holder = session->user;

    lock_it();
    holder->phases[holder->phase_count++] = (int) phase;
    unlock_it();
}

static void has_arrived(struct wwi_session *session, struct wwi_piece *piece)
{
    struct holder *holder = session->user;

    lock_it();
    assert_int_equal(holder->failed, 0);
    wwi_bytes_append(&holder->got, piece->octets.data, piece->octets.size);
    holder->arrived++;
    holder->whole += !piece->more;
    if ((int) piece->octets.size > holder->largest)
        holder->largest = (int) piece->octets.size;
    unlock_it();
    if (it.manner == READ || it.manner == CLOSE)
        session->calls->receive(session);
}

static void has_ended(
    struct wwi_session *session,
    const struct wwi_outcome *outcome)
{
    struct holder *holder = session->user;

    lock_it();
    assert_int_equal(holder->failed, 0);
    if (outcome->status == WWS_S_END)
        holder->ended++;
    else
        holder->failed++;
    holder->outcome = *outcome;
    unlock_it();
    if (it.manner == CLOSE && is_server(holder)) {
        session->calls->shutdown(session);
        give_back(holder);
    }
}

static void is_released(struct wwi_session *session)
{
    struct holder *holder = session->user;

    lock_it();
    assert_int_equal(holder->released, 0);
    holder->released++;
    it.unfreed--;
    unlock_it();
}

static const struct wwi_session_events events = {
    .opened = has_opened,
    .phase = has_phase,
    .arrived = has_arrived,
    .ended = has_ended,
    .released = is_released,
};

static void hold(struct holder *holder, struct wwi_session *session)
{
    session->events = &events;
    session->user = holder;
    lock_it();
    holder->session = session;
    it.unfreed++;
    unlock_it();
}

static void connected(struct wwi_session *session, void *state)
{
    struct holder *holder;

    assert_ptr_equal(state, &it);
    if (it.manner != REFUSE) {
        holder = &it.servers[it.connected];
        hold(holder, session);
        if (it.manner == TALK)
            assert_int_equal(send_text(holder, &it.greeting, "first"),
                WWS_S_OK);
        if (it.manner == READ || it.manner == CLOSE)
            receive(holder);
    }
    lock_it();
    it.connected++;
    unlock_it();
}

static void was_stopped(void *state)
{
    assert_ptr_equal(state, &it);
    lock_it();
    it.stopped++;
    unlock_it();
}

static const struct wwi_server_callbacks callbacks = {
    .connected = connected,
    .state = &it,
};

/* The fixture. */

static void start_runtime(void)
{
    it.runtime = start_engine();
}

static void start_at(const char *url)
{
    start_runtime();
    assert_int_equal(wwi_tcp.server_open(it.runtime,
        (wws_string) { url, strlen(url) }, &it.server_options, &callbacks,
        &it.server, NULL), WWS_S_OK);
}

static void start(void)
{
    start_at("net.tcp://127.0.0.1:0/calc");
}

static int set_up(void **state)
{
    (void) state;
    it = (struct fixture) {
        .blocks = wwi_memory_live(),
        .listening = -1,
        .server_options = {
            .version = WWS_ENVELOPE_VERSION_SOAP_1_2,
            .max_message_size = 65536,
            .backlog = 128,
            .max_connections = 1024,
            .idle_timeout_ms = 120000,
            .handshake_timeout_ms = 15000,
        },
        .client_options = {
            .version = WWS_ENVELOPE_VERSION_SOAP_1_2,
            .max_message_size = 65536,
        },
    };
    return 0;
}

static int clean_up(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    wwi_clock_release();
    for (int i = 0; i < HOLDERS; i++) {
        give_back(&it.clients[i]);
        give_back(&it.servers[i]);
    }
    if (it.server != NULL) {
        wwi_tcp.server_stop(it.server, true, was_stopped);
        wait_for(&it.stopped, 1);
        wwi_tcp.server_free(it.server);
    }
    if (it.runtime != NULL)
        end_engine(it.runtime);
    assert_int_equal(it.unfreed, 0);
    for (int i = 0; i < HOLDERS; i++) {
        wwi_bytes_fini(&it.clients[i].got);
        wwi_bytes_fini(&it.servers[i].got);
    }
    if (it.listening >= 0)
        close(it.listening);
    assert_int_equal(wwi_memory_live(), it.blocks);
    return 0;
}

/* All events that came before have been dealt with, on every loop. */
static void let_everything_run(void)
{
    let_loops_run(it.runtime);
}

/* Peers of bare sockets. */

static uint16_t port(void)
{
    return port_of(&wwi_tcp, it.server);
}

static int dial(void)
{
    return dial_to(port());
}

#define PUT(fd, text) put(fd, text, sizeof(text) - 1)
#define EXPECT(fd, text) expect(fd, text, sizeof(text) - 1)

/* Nothing has come, and the connection is there. */
static void expect_silence(int fd)
{
    char octet;

    let_everything_run();
    assert_int_equal(recv(fd, &octet, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

/* A session that a bare client has opened: the n-th, from 0. */
static struct holder *shake(int fd, int n)
{
    PUT(fd, PREAMBLE);
    EXPECT(fd, ACK);
    wait_for(&it.connected, n + 1);
    return &it.servers[n];
}

/* A server whose first session a bare client has opened. */
static int serve(void)
{
    int fd;

    start();
    fd = dial();
    (void) shake(fd, 0);
    return fd;
}

static void expect_got(struct holder *holder, const char *text)
{
    lock_it();
    assert_int_equal(holder->got.size, strlen(text));
    assert_memory_equal(holder->got.data, text, strlen(text));
    unlock_it();
}

/* A bare server, and a client of ours that connects to it. */

static uint16_t listen_bare(void)
{
    uint16_t to;

    it.listening = listen_somewhere(&to);
    return to;
}

static int accept_bare(void)
{
    return accept_from(it.listening);
}

static void create_at(struct holder *holder, const char *url)
{
    struct wwi_session *session;

    assert_int_equal(wwi_tcp.session_create(it.runtime,
        (wws_string) { url, strlen(url) }, &it.client_options, &session,
        NULL), WWS_S_OK);
    hold(holder, session);
}

static void create(struct holder *holder, uint16_t to)
{
    char url[64];

    snprintf(url, sizeof url, "net.tcp://127.0.0.1:%u/calc", (unsigned) to);
    create_at(holder, url);
}

static void open_it(struct holder *holder)
{
    holder->session->calls->open(holder->session);
}

/* What the client says first. */
static void expect_preamble(int fd, uint8_t mode, uint8_t encoding)
{
    const wws_string via = it.clients[0].session->via;
    uint8_t before[7] = { 0, 1, 0, 1, mode, 2, (uint8_t) via.size };
    uint8_t behind[3] = { 3, encoding, 0x0C };

    expect(fd, before, sizeof before);
    expect(fd, via.data, via.size);
    expect(fd, behind, sizeof behind);
}

/* Our client's session with a bare server. */
static int meet(void)
{
    int fd;

    start_runtime();
    create(&it.clients[0], listen_bare());
    open_it(&it.clients[0]);
    fd = accept_bare();
    expect_preamble(fd, it.client_options.max_streamed_size != 0 ? 1 : 2, 3);
    PUT(fd, ACK);
    wait_for(&it.clients[0].opened, 1);
    return fd;
}

/* Opening, as a server. */

static void server__acknowledges_a_preamble(void **state)
{
    struct holder *holder;
    char remote[64];
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    int fd;

    (void) state;
    start();
    fd = dial();

    holder = shake(fd, 0);

    getsockname(fd, (struct sockaddr *) &own, &size);
    snprintf(remote, sizeof remote, "127.0.0.1:%u",
        (unsigned) ntohs(own.sin_port));
    assert_int_equal(holder->session->via.size, strlen(VIA));
    assert_memory_equal(holder->session->via.data, VIA, strlen(VIA));
    assert_int_equal(holder->session->remote.size, strlen(remote));
    assert_memory_equal(holder->session->remote.data, remote, strlen(remote));
    assert_int_equal(it.runtime->counters[WWS_COUNTER_CONNECTIONS_ACCEPTED],
        1);
    close(fd);
}

static void server__takes_octets_one_by_one(void **state)
{
    static const char all[] = PREAMBLE HELLO HELLO END;
    int fd;

    (void) state;
    it.manner = READ;
    start();
    fd = dial();

    for (size_t i = 0; i < sizeof all - 1; i++) {
        put(fd, all + i, 1);
        let_everything_run();
    }

    EXPECT(fd, ACK);
    wait_for(&it.servers[0].ended, 1);
    assert_int_equal(it.servers[0].arrived, 2);
    expect_got(&it.servers[0], "hellohello");
    close(fd);
}

static void server__takes_everything_in_one_segment(void **state)
{
    int fd;

    (void) state;
    it.manner = READ;
    start();
    fd = dial();

    PUT(fd, PREAMBLE HELLO HELLO HELLO END);

    EXPECT(fd, ACK);
    wait_for(&it.servers[0].ended, 1);
    expect_got(&it.servers[0], "hellohellohello");
    close(fd);
}

static void server__acknowledges_before_it_sends(void **state)
{
    int fd;

    (void) state;
    it.manner = TALK;
    start();
    fd = dial();

    PUT(fd, PREAMBLE);

    EXPECT(fd, ACK "\x06\x05" "first");
    wait_for(&it.greeting.done, 1);
    assert_int_equal(it.greeting.outcome.status, WWS_S_OK);
    close(fd);
}

static void server__resets_a_session_that_nobody_takes(void **state)
{
    int fd;

    (void) state;
    it.manner = REFUSE;
    start();
    fd = dial();

    PUT(fd, PREAMBLE);

    expect_reset(fd);
    close(fd);
}

struct refusal {
    const char *octets;
    size_t size;
    const char *fault;  /* null: a reset */
};

#define ROW(octets, fault) { octets, sizeof(octets) - 1, fault }

static const struct refusal refusals[] = {
    ROW("G", NULL),
    ROW("\x00\x02", "UnsupportedVersion"),
    ROW("\x00\x01\x00\x01\x05", "UnsupportedMode"),
    ROW("\x00\x01\x00\x01\x03", "UnsupportedMode"),
    ROW("\x00\x01\x00\x01\x04", "UnsupportedMode"),
    ROW(STREAMED, "UnsupportedMode"),
    ROW("\x00\x01\x00\x01\x02\x02\x81\x10", "ViaTooLong"),
    ROW("\x00\x01\x00\x01\x02\x02\x05" "/calc", NULL),
    ROW(BEFORE "\x03\x09", "ContentTypeInvalid"),
    ROW(BEFORE "\x03\x00\x0C", "ContentTypeInvalid"),
    ROW(BEFORE "\x03\x08\x0C", "ContentTypeInvalid"),
    ROW(BEFORE "\x04\x08" "text/xml" "\x0C", "ContentTypeInvalid"),
    ROW(BEFORE "\x04\x24" "application/soap+xml; charset=utf-16" "\x0C",
        "ContentTypeInvalid"),
    ROW(BEFORE "\x03\x03\x09\x13" "application/ssl-tls", "UpgradeInvalid"),
    ROW("\x00\x01\x00\x01\x02\x02\x18" "net.tcp://127.0.0.1/cald"
        "\x03\x03\x0C", "EndpointNotFound"),
    ROW("\x00\x01\x00\x01\x02\x02\x19" "net.tcp://127.0.0.1/calcs"
        "\x03\x03\x0C", "EndpointNotFound"),
    ROW("\x00\x01\x00\x01\x02\x02\x18" "net.tcp://127.0.0.2/calc"
        "\x03\x03\x0C", "EndpointNotFound"),
    ROW("\x00\x01\x00\x01\x02\x02\x15" "http://127.0.0.1/calc"
        "\x03\x03\x0C", "EndpointNotFound"),
    ROW("\x00\x01\x00\x01\x02\x02\x1A" "net.tcp://127.0.0.1/calc?q"
        "\x03\x03\x0C", "EndpointNotFound"),
};

static void expect_refusal(int fd, const char *fault)
{
    char text[256];

    if (fault == NULL) {
        expect_reset(fd);
        return;
    }
    snprintf(text, sizeof text, "\x08%c" URI "%s",
        (int) (strlen(URI) + strlen(fault)), fault);
    expect(fd, text, strlen(text));
    expect_end(fd);
}

static void server__refuses_preambles_as_it_should(void **state)
{
    (void) state;
    start();

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        int fd = dial();

        put(fd, refusals[i].octets, refusals[i].size);
        expect_refusal(fd, refusals[i].fault);
        close(fd);
    }

    let_everything_run();
    assert_int_equal(value_of(&it.connected), 0);
}

static void server__lets_a_client_read_the_fault(void **state)
{
    char more[4096] = { 0 };
    int fd;

    (void) state;
    start();
    fd = dial();

    PUT(fd, "\x00\x02\x00");
    let_everything_run();
    put(fd, more, sizeof more);
    let_everything_run();

    expect_refusal(fd, "UnsupportedVersion");
    close(fd);
}

static void server__does_not_drain_without_end(void **state)
{
    char more[4096] = { 0 };
    int fd;
    ssize_t sent;

    (void) state;
    start();
    fd = dial();
    PUT(fd, "\x00\x02\x00");

    do
        sent = send(fd, more, sizeof more, MSG_NOSIGNAL);
    while (sent > 0);

    assert_int_equal(sent, -1);
    assert_true(errno == ECONNRESET || errno == EPIPE);
    close(fd);
}

static void server__does_not_drain_for_ever(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    start();
    fd = dial();
    PUT(fd, "\x00\x02\x00");
    expect_refusal(fd, "UnsupportedVersion");
    let_everything_run();

    wwi_clock_move(2000);
    let_everything_run();

    assert_true(it.runtime->counters[WWS_COUNTER_SOCKETS] == 1);
    close(fd);
}

static void server__takes_vias_that_lead_to_it(void **state)
{
    static const char *const vias[] = {
        "net.tcp://anybody/calc",
        "net.tcp://anybody:808/calc",
        "NET.TCP://127.0.0.1/calc/",
        "net.tcp://[::1]:4711/calc/add",
        "net.tcp://anybody/x/../%63alc",
    };

    (void) state;
    start_at("net.tcp://+:0/calc");

    for (size_t i = 0; i < sizeof vias / sizeof *vias; i++) {
        uint8_t before[7] = { 0, 1, 0, 1, 2, 2, (uint8_t) strlen(vias[i]) };
        int fd = dial();

        put(fd, before, sizeof before);
        put(fd, vias[i], strlen(vias[i]));
        PUT(fd, "\x03\x03\x0C");
        EXPECT(fd, ACK);
        close(fd);
    }
}

static void server__at_the_root_takes_every_path(void **state)
{
    int fd;

    (void) state;
    start_at("net.tcp://+:0/");
    fd = dial();

    shake(fd, 0);

    close(fd);
}

static void server__takes_the_name_of_its_encoding(void **state)
{
    int fd;

    (void) state;
    start();
    fd = dial();
    PUT(fd, BEFORE "\x04\x23" "application/soap+xml; charset=utf-8" "\x0C");
    EXPECT(fd, ACK);
    close(fd);

    fd = dial();
    PUT(fd, BEFORE "\x04\x25" "Application/Soap+XML; charset=\"UTF-8\"" "\x0C");
    EXPECT(fd, ACK);
    close(fd);
}

static void server__takes_what_fits_its_version(void **state)
{
    int fd;

    (void) state;
    it.server_options.version = WWS_ENVELOPE_VERSION_SOAP_1_1;
    start();
    fd = dial();
    PUT(fd, BEFORE "\x03\x00\x0C");
    EXPECT(fd, ACK);
    close(fd);

    fd = dial();
    PUT(fd, BEFORE "\x04\x08" "text/xml" "\x0C");
    EXPECT(fd, ACK);
    close(fd);

    fd = dial();
    PUT(fd, PREAMBLE);
    expect_refusal(fd, "ContentTypeInvalid");
    close(fd);
}

static void server__resets_a_preamble_that_does_not_end(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    start();
    fd = dial();
    PUT(fd, "\x00\x01\x00\x01");
    let_everything_run();

    wwi_clock_move(14999);
    expect_silence(fd);
    wwi_clock_move(1);

    expect_reset(fd);
    close(fd);
}

static void server__resets_a_client_that_says_nothing(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    start();
    fd = dial();
    let_everything_run();

    wwi_clock_move(15000);

    expect_reset(fd);
    close(fd);
}

static void server__forgets_a_client_that_leaves_at_once(void **state)
{
    static const char all[] = PREAMBLE;

    (void) state;
    start();

    for (size_t cut = 0; cut < sizeof all - 1; cut++) {
        int fd = dial();

        put(fd, all, cut);
        if (cut % 2 == 0)
            shutdown(fd, SHUT_WR);
        else
            reset(fd);
        if (cut % 2 == 0) {
            expect_end(fd);
            close(fd);
        }
    }

    assert_int_equal(value_of(&it.connected), 0);
}

static void server__takes_no_more_connections_than_allowed(void **state)
{
    int first, second;

    (void) state;
    it.server_options.max_connections = 1;
    start();
    first = dial();
    shake(first, 0);
    second = dial();
    PUT(second, PREAMBLE);
    expect_silence(second);

    reset(first);
    wait_for(&it.servers[0].failed, 1);

    EXPECT(second, ACK);
    close(second);
}

/* Messages. */

static void session__delivers_what_is_asked_for(void **state)
{
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();
    PUT(fd, "\x06\x01" "a" "\x06\x01" "b" "\x06\x01" "c");
    let_everything_run();
    assert_int_equal(value_of(&holder->arrived), 0);

    receive(holder);
    wait_for(&holder->arrived, 1);
    let_everything_run();

    assert_int_equal(value_of(&holder->arrived), 1);
    expect_got(holder, "a");
    receive(holder);
    receive(holder);
    wait_for(&holder->arrived, 3);
    expect_got(holder, "abc");
    assert_int_equal(holder->whole, 3);
    close(fd);
}

static void session__sends_records(void **state)
{
    struct parcel one = { 0 }, two = { 0 };
    char *large = malloc(300);
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    memset(large, 'x', 299);
    large[299] = '\0';
    fd = serve();

    assert_int_equal(send_text(holder, &one, "hello"), WWS_S_OK);
    assert_int_equal(send_text(holder, &two, large), WWS_S_OK);

    EXPECT(fd, HELLO "\x06\xAB\x02");
    expect(fd, large, 299);
    wait_for(&it.done, 2);
    assert_int_equal(one.outcome.status, WWS_S_OK);
    assert_int_equal(one.outcome.progress, WWS_PROGRESS_SENT);
    assert_int_equal(one.begun, 1);
    free(large);
    close(fd);
}

/* D10 */
static void session__of_a_server_faults_a_message_over_the_quota(void **state)
{
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();

    PUT(fd, "\x06\x81\x80\x04");

    expect_refusal(fd, "MaxMessageSizeExceededFault");
    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_QUOTA_EXCEEDED);
    close(fd);
}

static void session__takes_a_message_of_the_quota(void **state)
{
    char *body = calloc(1, 65536);
    int fd;

    (void) state;
    it.manner = READ;
    fd = serve();

    PUT(fd, "\x06\x80\x80\x04");
    put(fd, body, 65536);

    wait_for(&it.servers[0].arrived, 1);
    assert_int_equal(it.servers[0].got.size, 65536);
    free(body);
    close(fd);
}

static void session__is_reset_by_a_violation(void **state)
{
    static const struct refusal rows[] = {
        ROW("\x06\x00", NULL),
        ROW("\x06\x80\x80\x80\x80\x08", NULL),
        ROW("\x06\x80\x80\x80\x80\x80\x01", NULL),
        ROW("\x05", NULL),
        ROW("\x0B", NULL),
        ROW("\x42", NULL),
    };

    (void) state;
    start();

    for (int i = 0; i < (int) (sizeof rows / sizeof *rows); i++) {
        int fd = dial();
        struct holder *holder = shake(fd, i);

        put(fd, rows[i].octets, rows[i].size);
        expect_reset(fd);
        wait_for(&holder->failed, 1);
        assert_int_equal(holder->outcome.status, WWS_E_INVALID_FORMAT);
        close(fd);
    }
}

static void session__keeps_what_the_peer_does_not_read(void **state)
{
    static struct parcel parcels[20];
    char *chunk = calloc(1, BIG / 8);
    struct holder *holder = &it.servers[0];
    size_t left = 0;
    int fd;

    (void) state;
    memset(parcels, 0, sizeof parcels);
    fd = serve();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(send_part(holder, &parcels[i], chunk, BIG / 8,
            false, false), WWS_S_OK);
        left += 1 + 3 + BIG / 8;
    }
    let_everything_run();
    assert_true(value_of(&it.done) < 20);

    for (; left != 0; left -= left < BIG / 8 ? left : BIG / 8)
        get(fd, chunk, left < BIG / 8 ? left : BIG / 8);

    wait_for(&it.done, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(parcels[i].outcome.status, WWS_S_OK);
    free(chunk);
    close(fd);
}

/* Peers that block: our side cannot write any more behind this. */
static void fill(struct holder *holder, struct parcel *parcel)
{
    char *much = calloc(1, BIG);

    assert_int_equal(send_part(holder, parcel, much, BIG, false, false),
        WWS_S_OK);
    free(much);
}

static void session__takes_back_what_has_not_begun(void **state)
{
    struct parcel first = { 0 }, second = { 0 };
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();
    fill(holder, &first);
    assert_int_equal(send_text(holder, &second, "second"), WWS_S_OK);
    let_everything_run();

    assert_true(holder->session->calls->unsend(holder->session,
        &second.sending));

    assert_false(holder->session->calls->unsend(holder->session,
        &first.sending));
    assert_int_equal(second.begun, 0);
    assert_int_equal(first.begun, 1);
    abort_it(holder);
    wait_for(&holder->failed, 1);
    assert_int_equal(value_of(&it.done), 1);
    assert_int_equal(first.outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(first.outcome.progress, WWS_PROGRESS_PARTLY_SENT);
    close(fd);
}

static void session__asks_before_it_begins_to_send(void **state)
{
    struct parcel one = { .refuse = true }, two = { 0 };
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();

    assert_int_equal(send_text(holder, &one, "never"), WWS_S_OK);
    assert_int_equal(send_text(holder, &two, "hello"), WWS_S_OK);

    EXPECT(fd, HELLO);
    wait_for(&it.done, 2);
    assert_int_equal(one.outcome.status, WWS_E_OPERATION_CANCELLED);
    assert_int_equal(one.outcome.progress, WWS_PROGRESS_NOT_SENT);
    close(fd);
}

static struct parcel crowd[THREADS][EACH];

static void *send_many(void *state)
{
    int who = (int) (intptr_t) state;
    char text[16];

    for (int i = 0; i < EACH; i++) {
        snprintf(text, sizeof text, "%d:%06d", who, i);
        assert_int_equal(send_text(&it.servers[0], &crowd[who][i], text),
            WWS_S_OK);
    }
    return NULL;
}

static void session__keeps_records_of_several_threads_apart(void **state)
{
    pthread_t threads[THREADS];
    int next[THREADS] = { 0 }, fd;

    (void) state;
    memset(crowd, 0, sizeof crowd);
    fd = serve();

    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, send_many, (void *) (intptr_t) i);

    for (int i = 0; i < THREADS * EACH; i++) {
        char record[11] = "";
        int who, number;

        get(fd, record, 10);
        assert_memory_equal(record, "\x06\x08", 2);
        assert_int_equal(sscanf(record + 2, "%d:%d", &who, &number), 2);
        assert_int_equal(number, next[who]++);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    wait_for(&it.done, THREADS * EACH);
    close(fd);
}

static void *send_and_regret(void *state)
{
    int who = (int) (intptr_t) state;
    struct dice dice = { (uint64_t) who + 1 };
    struct wwi_session *session = it.servers[0].session;
    intptr_t regretted = 0;

    for (int i = 0; i < EACH; i++) {
        struct parcel *parcel = &crowd[who][i];

        assert_int_equal(send_text(&it.servers[0], parcel, "x"), WWS_S_OK);
        dawdle(&dice);
        if (session->calls->unsend(session, &parcel->sending)) {
            assert_int_equal(parcel->begun, 0);
            regretted++;
        }
    }
    return (void *) regretted;
}

/* Counts records of one octet, up to the End record. */
static void *count_records(void *state)
{
    int fd = *(int *) state;
    intptr_t records = 0;
    char octets[2];

    while (recv(fd, octets, 1, MSG_WAITALL) == 1 && octets[0] == 0x06
        && recv(fd, octets, 2, MSG_WAITALL) == 2)
        records++;
    return (void *) records;
}

static void session__sends_or_takes_back(void **state)
{
    pthread_t threads[THREADS], reader;
    intptr_t taken = 0;
    void *result;
    int fd;

    (void) state;
    memset(crowd, 0, sizeof crowd);
    fd = serve();
    pthread_create(&reader, NULL, count_records, &fd);

    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, send_and_regret,
            (void *) (intptr_t) i);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        taken += (intptr_t) result;
    }

    shut(&it.servers[0]);
    pthread_join(reader, &result);
    assert_int_equal((intptr_t) result, THREADS * EACH - taken);
    wait_for(&it.done, THREADS * EACH - (int) taken);
    assert_int_equal(value_of(&it.done), THREADS * EACH - (int) taken);
    close(fd);
}

/* Ends. */

static void session__ends_in_order_when_the_client_begins(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();

    PUT(fd, END);
    wait_for(&holder->ended, 1);
    assert_int_equal(send_text(holder, &parcel, "hello"), WWS_S_OK);
    EXPECT(fd, HELLO);
    shut(holder);
    EXPECT(fd, END);
    assert_int_equal(send_text(holder, &parcel, "hello"),
        WWS_E_INVALID_OPERATION);
    give_back(holder);

    wait_for(&holder->released, 1);
    assert_int_equal(holder->failed, 0);
    expect_silence(fd);
    close(fd);
}

static void session__ends_in_order_when_the_server_begins(void **state)
{
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    it.manner = READ;
    fd = serve();

    shut(holder);
    EXPECT(fd, END);
    PUT(fd, HELLO END);
    wait_for(&holder->ended, 1);

    expect_got(holder, "hello");
    give_back(holder);
    wait_for(&holder->released, 1);
    assert_int_equal(holder->failed, 0);
    expect_silence(fd);
    close(fd);
}

static void session__may_be_followed_by_another(void **state)
{
    int fd;

    (void) state;
    it.manner = CLOSE;
    start();
    fd = dial();

    for (int i = 0; i < 4; i++) {
        shake(fd, i);
        PUT(fd, HELLO END);
        EXPECT(fd, END);
        wait_for(&it.servers[i].released, 1);
        expect_got(&it.servers[i], "hello");
    }

    assert_int_equal(it.runtime->counters[WWS_COUNTER_CONNECTIONS_ACCEPTED],
        1);
    close(fd);
}

static void session__may_be_followed_by_another_at_once(void **state)
{
    int fd;

    (void) state;
    it.manner = CLOSE;
    start();
    fd = dial();

    PUT(fd, PREAMBLE HELLO END PREAMBLE HELLO HELLO END);

    EXPECT(fd, ACK END ACK END);
    wait_for(&it.servers[1].released, 1);
    expect_got(&it.servers[0], "hello");
    expect_got(&it.servers[1], "hellohello");
    close(fd);
}

static void connection__is_closed_when_it_was_idle_too_long(void **state)
{
    int fd;

    (void) state;
    it.manner = CLOSE;
    wwi_clock_hold();
    fd = serve();
    PUT(fd, END);
    EXPECT(fd, END);
    wait_for(&it.servers[0].released, 1);
    let_everything_run();

    wwi_clock_move(119999);
    expect_silence(fd);
    wwi_clock_move(1);

    expect_end(fd);
    close(fd);
}

static void connection__gives_the_next_preamble_less_time(void **state)
{
    int fd;

    (void) state;
    it.manner = CLOSE;
    wwi_clock_hold();
    fd = serve();
    PUT(fd, END);
    EXPECT(fd, END);
    wait_for(&it.servers[0].released, 1);
    let_everything_run();

    put(fd, "\x00", 1);
    let_everything_run();
    wwi_clock_move(15000);

    expect_reset(fd);
    close(fd);
}

static void connection__counts_what_came_with_the_end(void **state)
{
    int fd;

    (void) state;
    it.manner = CLOSE;
    wwi_clock_hold();
    fd = serve();
    PUT(fd, END "\x00");
    EXPECT(fd, END);
    wait_for(&it.servers[0].released, 1);
    let_everything_run();

    wwi_clock_move(15000);

    expect_reset(fd);
    close(fd);
}

static void connection__is_closed_in_silence_between_sessions(void **state)
{
    int fd;

    (void) state;
    it.manner = CLOSE;
    fd = serve();
    PUT(fd, END);
    EXPECT(fd, END);

    shutdown(fd, SHUT_WR);

    expect_end(fd);
    wait_for(&it.servers[0].released, 1);
    assert_int_equal(it.servers[0].failed, 0);
    assert_int_equal(value_of(&it.connected), 1);
    close(fd);
}

static void session__aborted_is_reset(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();

    abort_it(holder);

    expect_reset(fd);
    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(send_text(holder, &parcel, "x"), WWS_E_OBJECT_FAULTED);
    abort_it(holder);
    let_everything_run();
    assert_int_equal(value_of(&holder->failed), 1);
    close(fd);
}

static void session__given_back_early_is_reset(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();
    fill(holder, &parcel);

    give_back(holder);

    wait_for(&holder->released, 1);
    assert_int_equal(parcel.done, 1);
    assert_int_equal(parcel.outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(holder->failed, 0);
    close(fd);
}

static void session__given_back_without_its_end_is_reset(void **state)
{
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();
    PUT(fd, END);
    wait_for(&holder->ended, 1);

    give_back(holder);

    expect_reset(fd);
    close(fd);
}

static void session__given_back_does_not_wait_for_the_last_record(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    wwi_clock_hold();
    fd = serve();
    PUT(fd, END);
    wait_for(&holder->ended, 1);
    fill(holder, &parcel);
    shut(holder);
    give_back(holder);
    let_everything_run();
    assert_int_equal(value_of(&holder->released), 0);

    wwi_clock_move(2000);

    wait_for(&holder->released, 1);
    close(fd);
}

static void session__tells_that_the_peer_has_gone(void **state)
{
    static const struct {
        const char *octets;
        size_t size;
        const char *text;
    } rows[] = {
        { "", 0, "without ending" },
        { HELLO, 7, "without ending" },
        { "\x06", 1, "midst" },
        { "\x06\x05" "hell", 6, "midst" },
    };

    (void) state;
    it.manner = READ;
    start();

    for (int i = 0; i < 4; i++) {
        int fd = dial();
        struct holder *holder = shake(fd, i);

        put(fd, rows[i].octets, rows[i].size);
        close(fd);

        wait_for(&holder->failed, 1);
        assert_int_equal(holder->ended, 0);
        assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
        assert_non_null(strstr(holder->outcome.text, rows[i].text));
    }
}

static void session__tells_of_a_reset(void **state)
{
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();

    reset(fd);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
}

/* G118, D29 */
static void session__sees_the_peer_go_though_nobody_receives(void **state)
{
    (void) state;
    start();

    for (int i = 0; i < 4; i++) {
        int fd = dial();
        struct holder *holder = shake(fd, i);

        PUT(fd, HELLO HELLO HELLO "\x06\x05" "hell");
        if (i % 2 == 0)
            let_everything_run();
        if (i < 2)
            close(fd);
        else
            reset(fd);

        wait_for(&holder->failed, 1);
        assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
        assert_int_equal(holder->arrived, 0);
    }
}

/* G118, D29 */
static void session__sees_an_end_in_order_behind_what_waits(void **state)
{
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();
    PUT(fd, HELLO);
    let_everything_run();

    PUT(fd, HELLO HELLO END);
    shutdown(fd, SHUT_WR);
    let_everything_run();

    assert_int_equal(value_of(&holder->failed), 0);
    for (int i = 0; i < 3; i++)
        receive(holder);
    wait_for(&holder->ended, 1);
    expect_got(holder, "hellohellohello");
    assert_int_equal(holder->failed, 0);
    shut(holder);
    EXPECT(fd, END);
    close(fd);
}

static void session__looks_again_when_less_is_unread(void **state)
{
    static const uint8_t head[] = { 0x06, 0x80, 0x80, 0x04 };
    char *body = calloc(1, 65536);
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();

    for (int i = 0; i < 3; i++) {
        put(fd, head, sizeof head);
        put(fd, body, 65536);
    }
    close(fd);
    let_everything_run();
    receive(holder);
    wait_for(&holder->arrived, 1);
    receive(holder);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(holder->ended, 0);
    free(body);
}

/* Streams. */

static void use_streams(void)
{
    it.server_options.max_streamed_size = UINT64_MAX;
    it.client_options.max_streamed_size = UINT64_MAX;
}

static int shake_for_stream(void)
{
    int fd = dial();

    PUT(fd, STREAMED);
    EXPECT(fd, ACK);
    wait_for(&it.connected, 1);
    return fd;
}

static void stream__is_delivered_as_it_comes(void **state)
{
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    use_streams();
    it.manner = READ;
    start();
    fd = shake_for_stream();

    PUT(fd, "\x05\x03" "abc");
    wait_for(&holder->arrived, 1);
    expect_got(holder, "abc");
    assert_int_equal(holder->whole, 0);
    PUT(fd, "\x04" "d");
    wait_for(&holder->arrived, 2);
    PUT(fd, "efg\x00\x07");

    wait_for(&holder->ended, 1);
    assert_int_equal(holder->whole, 1);
    expect_got(holder, "abcdefg");
    close(fd);
}

static void stream__does_not_outgrow_a_slow_reader(void **state)
{
    static uint8_t chunk[60001];
    struct holder *holder = &it.servers[0];
    size_t before, sent = 0;
    int fd;

    (void) state;
    use_streams();
    start();
    fd = shake_for_stream();
    let_everything_run();
    before = wwi_memory_live();
    PUT(fd, "\x05\x80\x80\x80\x08");

    while (sent < 16 * 1024 * 1024) {
        ssize_t count = send(fd, chunk, sizeof chunk, MSG_DONTWAIT);

        if (count < 0)
            break;
        sent += (size_t) count;
        let_everything_run();
    }

    assert_true(sent < 16 * 1024 * 1024);
    assert_int_equal(value_of(&holder->arrived), 0);
    assert_true(wwi_memory_live() <= before + 2);
    receive(holder);
    wait_for(&holder->arrived, 1);
    assert_int_equal(holder->largest, 65536);
    reset(fd);
    wait_for(&holder->failed, 1);
}

static void stream__that_is_too_large_is_faulted(void **state)
{
    int fd;

    (void) state;
    it.manner = READ;
    it.server_options.max_streamed_size = 10;
    start();
    fd = shake_for_stream();

    PUT(fd, "\x05\x08" "12345678" "\x03");

    expect_refusal(fd, "MaxMessageSizeExceededFault");
    wait_for(&it.servers[0].failed, 1);
    assert_int_equal(it.servers[0].outcome.status, WWS_E_QUOTA_EXCEEDED);
    close(fd);
}

/* G118 */
static void stream__sees_the_client_go_before_the_reply(void **state)
{
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    use_streams();
    it.manner = READ;
    start();
    fd = shake_for_stream();
    PUT(fd, "\x05\x03" "abc" "\x00\x07");
    wait_for(&holder->ended, 1);

    close(fd);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
}

static void stream__may_be_replied_to_behind_a_half_closed_one(void **state)
{
    struct parcel parcels[2] = { { .begun = 0 } };
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    use_streams();
    it.manner = READ;
    it.server_options.tolerate_half_close = true;
    start();
    fd = shake_for_stream();
    PUT(fd, "\x05\x03" "abc" "\x00\x07");
    shutdown(fd, SHUT_WR);
    wait_for(&holder->ended, 1);
    let_everything_run();

    assert_int_equal(send_part(holder, &parcels[0], "re", 2, false, true),
        WWS_S_OK);
    assert_int_equal(send_part(holder, &parcels[1], "ply", 3, true, false),
        WWS_S_OK);
    shut(holder);

    EXPECT(fd, "\x05\x02" "re" "\x03" "ply" "\x00\x07");
    expect_end(fd);
    assert_int_equal(value_of(&holder->failed), 0);
    close(fd);
}

static void stream__of_a_client_ends_with_its_message(void **state)
{
    struct parcel parcels[4] = { { .begun = 0 } };
    struct holder *holder = &it.clients[0];
    int fd;

    (void) state;
    use_streams();
    it.manner = READ;
    fd = meet();

    assert_int_equal(send_part(holder, &parcels[0], "ab", 2, false, true),
        WWS_S_OK);
    assert_int_equal(send_part(holder, &parcels[1], "cde", 3, true, true),
        WWS_S_OK);
    assert_int_equal(send_part(holder, &parcels[2], "", 0, true, false),
        WWS_S_OK);

    EXPECT(fd, "\x05\x02" "ab" "\x03" "cde" "\x00\x07");
    assert_int_equal(send_part(holder, &parcels[3], "x", 1, true, false),
        WWS_E_INVALID_OPERATION);
    shut(holder);
    receive(holder);
    PUT(fd, "\x05\x02" "ok" "\x00\x07");
    wait_for(&holder->ended, 1);
    expect_got(holder, "ok");
    give_back(holder);
    expect_end(fd);
    close(fd);
}

static void stream__taken_back_can_be_shut(void **state)
{
    struct parcel first = { 0 }, last = { 0 };
    struct holder *holder = &it.clients[0];
    char *much = calloc(1, BIG);
    int fd;

    (void) state;
    use_streams();
    fd = meet();
    assert_int_equal(send_part(holder, &first, much, BIG, false, true),
        WWS_S_OK);
    assert_int_equal(send_part(holder, &last, "x", 1, true, false),
        WWS_S_OK);

    assert_true(holder->session->calls->unsend(holder->session,
        &last.sending));

    assert_int_equal(send_part(holder, &last, "y", 1, true, false), WWS_S_OK);
    get(fd, much, 1 + 4);
    get(fd, much, BIG);
    EXPECT(fd, "\x01" "y" "\x00\x07");
    wait_for(&it.done, 2);
    free(much);
    close(fd);
}

/* Opening, as a client. */

static void client__says_what_it_wants(void **state)
{
    static const int phases[] = {
        WWS_PHASE_RESOLVE, WWS_PHASE_CONNECT, WWS_PHASE_HANDSHAKE,
    };
    struct holder *holder = &it.clients[0];
    int fd;

    (void) state;

    fd = meet();

    assert_int_equal(holder->phase_count, 3);
    assert_memory_equal(holder->phases, phases, sizeof phases);
    assert_int_equal(it.runtime->counters[WWS_COUNTER_CONNECTIONS_OPENED], 1);
    close(fd);
}

static void client__names_the_encoding_of_its_version(void **state)
{
    int fd;

    (void) state;
    it.client_options.version = WWS_ENVELOPE_VERSION_SOAP_1_1;
    start_runtime();
    create(&it.clients[0], listen_bare());

    open_it(&it.clients[0]);

    fd = accept_bare();
    expect_preamble(fd, 2, 0);
    close(fd);
    wait_for(&it.clients[0].failed, 1);
}

static void client__waits_for_the_acknowledgement(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it.clients[0];
    int fd;

    (void) state;
    start_runtime();
    create(holder, listen_bare());
    open_it(holder);
    fd = accept_bare();
    expect_preamble(fd, 2, 3);

    assert_int_equal(send_text(holder, &parcel, "x"),
        WWS_E_INVALID_OPERATION);

    expect_silence(fd);
    assert_int_equal(value_of(&holder->opened), 0);
    close(fd);
    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(holder->outcome.phase, WWS_PHASE_HANDSHAKE);
}

static void client__understands_answers(void **state)
{
    static const struct {
        const char *octets;
        size_t size;
        wws_status status;
        const char *text;
        const char *more;
    } rows[] = {
        { "\x08\x47" URI "EndpointNotFound", 2 + 71,
            WWS_E_ENDPOINT_NOT_FOUND, "fault", URI "EndpointNotFound" },
        { "\x08\x43" URI "ServerTooBusy", 2 + 68,
            WWS_E_ENDPOINT_TOO_BUSY, "fault", URI "ServerTooBusy" },
        { "HTTP/1.1 400", 12, WWS_E_INVALID_FORMAT, "HTTP", "" },
        { "\x42", 1, WWS_E_INVALID_FORMAT, "acknowledges", "" },
    };
    uint16_t to;

    (void) state;
    start_runtime();
    to = listen_bare();

    for (int i = 0; i < 4; i++) {
        struct holder *holder = &it.clients[i];
        char octets[128];
        int fd;

        memcpy(octets, rows[i].octets, rows[i].size);
        if (octets[0] == 8)
            octets[1] = (char) (rows[i].size - 2);
        create(holder, to);
        open_it(holder);
        fd = accept_bare();
        put(fd, octets, rows[i].size);
        wait_for(&holder->failed, 1);
        assert_int_equal(holder->outcome.status, rows[i].status);
        assert_non_null(strstr(holder->outcome.text, rows[i].text));
        assert_string_equal(holder->session->text, rows[i].more);
        close(fd);
    }
}

static void client__takes_octets_one_by_one(void **state)
{
    static const char all[] = ACK HELLO HELLO END;
    struct holder *holder = &it.clients[0];
    int fd;

    (void) state;
    it.manner = READ;
    start_runtime();
    create(holder, listen_bare());
    open_it(holder);
    fd = accept_bare();
    expect_preamble(fd, 2, 3);
    receive(holder);

    for (size_t i = 0; i < sizeof all - 1; i++) {
        put(fd, all + i, 1);
        let_everything_run();
    }

    wait_for(&holder->ended, 1);
    assert_int_equal(holder->opened, 1);
    expect_got(holder, "hellohello");
    close(fd);
}

static void client__survives_a_server_that_leaves_anywhere(void **state)
{
    static const char all[] = ACK HELLO END;
    uint16_t to;

    (void) state;
    it.manner = READ;
    start_runtime();
    to = listen_bare();

    for (int cut = 0; cut < (int) sizeof all - 1; cut++) {
        struct holder *holder = &it.clients[cut];
        int fd;

        create(holder, to);
        receive(holder);
        open_it(holder);
        fd = accept_bare();
        expect_preamble(fd, 2, 3);
        put(fd, all, (size_t) cut);
        if (cut % 2 == 0)
            reset(fd);
        else
            close(fd);
        wait_for(&holder->failed, 1);
        assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    }
}

/* A name server of our own, to which the clients' loop is sent. */

static struct name_server {
    struct wwi_post post;
    struct wwi_loop *loop;
    sem_t told;
    char address[32];
    int fd;
} names;

static void use_names(struct wwi_work *work)
{
    (void) work;
    (void) wwi_resolver_set_servers(wwi_loop_resolver(names.loop),
        names.address);
    sem_post(&names.told);
}

static void open_with_names(struct holder *holder)
{
    names.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    be_patient(names.fd);
    snprintf(names.address, sizeof names.address, "127.0.0.1:%u",
        (unsigned) bind_somewhere(names.fd));
    start_runtime();
    create_at(holder, "net.tcp://some.where.test./calc");
    names.loop = holder->session->loop;
    sem_init(&names.told, 0, 0);
    wwi_post_init(&names.post, use_names);
    wwi_loop_post(names.loop, &names.post);
    sem_wait(&names.told);
    sem_destroy(&names.told);
    open_it(holder);
    wait_for(&holder->phase_count, 1);
}

/* Says "no such name" to as many questions. */
static void deny(int questions)
{
    for (int i = 0; i < questions; i++) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        uint8_t packet[512];
        ssize_t count = recvfrom(names.fd, packet, sizeof packet, 0,
            (struct sockaddr *) &from, &size);

        assert_true(count > 12);
        packet[2] |= 0x80;
        packet[3] = 0x83;
        (void) sendto(names.fd, packet, (size_t) count, 0,
            (struct sockaddr *) &from, size);
    }
}

static void client__does_not_find_a_name(void **state)
{
    struct holder *holder = &it.clients[0];

    (void) state;
    open_with_names(holder);

    deny(2);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(holder->outcome.phase, WWS_PHASE_RESOLVE);
    close(names.fd);
}

static void client__can_be_aborted_while_a_name_is_looked_up(void **state)
{
    struct holder *holder = &it.clients[0];

    (void) state;
    open_with_names(holder);

    abort_it(holder);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_OPERATION_ABORTED);
    close(names.fd);
}

static void client__finds_nobody(void **state)
{
    struct holder *holder = &it.clients[0];
    uint16_t to;

    (void) state;
    start_runtime();
    to = listen_bare();
    close(it.listening);
    it.listening = -1;
    create(holder, to);

    open_it(holder);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(holder->outcome.phase, WWS_PHASE_CONNECT);
    assert_int_equal(holder->outcome.original_code, ECONNREFUSED);
}

static void client__goes_on_to_the_next_address(void **state)
{
    char url[64];
    int fd;

    (void) state;
    start_runtime();
    snprintf(url, sizeof url, "net.tcp://localhost:%u/calc",
        (unsigned) listen_bare());
    create_at(&it.clients[0], url);

    open_it(&it.clients[0]);

    fd = accept_bare();
    expect_preamble(fd, 2, 3);
    close(fd);
    wait_for(&it.clients[0].failed, 1);
}

/* Does that to a client that was created, to one that opens, and to one that
 * has connected. */
static void do_at_any_time(void (*act)(struct holder *holder))
{
    uint16_t to;

    start_runtime();
    to = listen_bare();
    create(&it.clients[0], to);
    act(&it.clients[0]);
    create(&it.clients[1], to);
    open_it(&it.clients[1]);
    act(&it.clients[1]);
    create(&it.clients[2], to);
    open_it(&it.clients[2]);
    wait_for(&it.clients[2].phase_count, 3);
    act(&it.clients[2]);
}

static void client__can_be_given_back_at_any_time(void **state)
{
    (void) state;

    do_at_any_time(give_back);

    for (int i = 0; i < 3; i++) {
        wait_for(&it.clients[i].released, 1);
        assert_int_equal(it.clients[i].failed, 0);
    }
}

static void client__can_be_aborted_at_any_time(void **state)
{
    (void) state;

    do_at_any_time(abort_it);

    for (int i = 0; i < 3; i++) {
        wait_for(&it.clients[i].failed, 1);
        assert_int_equal(it.clients[i].outcome.status,
            WWS_E_OPERATION_ABORTED);
    }
}

static void client__refuses_other_addresses(void **state)
{
    struct wwi_session *session;

    (void) state;
    start_runtime();

    assert_int_equal(wwi_tcp.session_create(it.runtime,
        WWS_STR("http://127.0.0.1/"), &it.client_options, &session, NULL),
        WWS_E_INVALID_ENDPOINT_URL);
    assert_int_equal(wwi_tcp.session_create(it.runtime,
        WWS_STR("net.tcp:"), &it.client_options, &session, NULL),
        WWS_E_INVALID_ENDPOINT_URL);
}

/* Ends, as a client. */

static void client__closes_when_both_ends_are_shut(void **state)
{
    struct holder *holder = &it.clients[0];
    int fd;

    (void) state;
    fd = meet();

    shut(holder);
    EXPECT(fd, END);
    PUT(fd, END);
    wait_for(&holder->ended, 1);
    expect_silence(fd);
    give_back(holder);

    expect_end(fd);
    wait_for(&holder->released, 1);
    assert_int_equal(holder->failed, 0);
    close(fd);
}

static void client__shuts_while_the_server_does(void **state)
{
    struct holder *holder = &it.clients[0];
    int fd;

    (void) state;
    fd = meet();

    PUT(fd, END);
    shut(holder);
    wait_for(&holder->ended, 1);
    EXPECT(fd, END);
    close(fd);
    let_everything_run();

    assert_int_equal(value_of(&holder->failed), 0);
    give_back(holder);
    wait_for(&holder->released, 1);
}

static void client__can_be_aborted_when_it_is_through(void **state)
{
    struct holder *holder = &it.clients[0];
    int fd;

    (void) state;
    fd = meet();
    shut(holder);
    EXPECT(fd, END);
    PUT(fd, END);
    wait_for(&holder->ended, 1);
    close(fd);
    let_everything_run();
    receive(holder);
    let_everything_run();

    abort_it(holder);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_OPERATION_ABORTED);
}

/* D10 */
static void client__resets_when_a_reply_is_over_the_quota(void **state)
{
    struct holder *holder = &it.clients[0];
    int fd;

    (void) state;
    fd = meet();

    PUT(fd, "\x06\x81\x80\x04");

    expect_reset(fd);
    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_QUOTA_EXCEEDED);
    close(fd);
}

static void client__hears_a_fault_in_spite_of_a_reset(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it.clients[0];
    int fd;

    (void) state;
    fd = meet();
    fill(holder, &parcel);

    PUT(fd, "\x08\x44" URI "ServerTooBusy");
    close(fd);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_TOO_BUSY);
    assert_int_equal(parcel.done, 1);
}

static void client__tells_that_the_server_has_gone(void **state)
{
    struct holder *holder = &it.clients[0];
    int fd;

    (void) state;
    fd = meet();

    close(fd);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
}

/* Ours with ours. */

static void sessions__talk_both_ways(void **state)
{
    static struct parcel there[100], back[100];
    struct holder *client = &it.clients[0], *server = &it.servers[0];
    char text[16];

    (void) state;
    memset(there, 0, sizeof there);
    memset(back, 0, sizeof back);
    it.manner = READ;
    start();
    create(client, port());
    open_it(client);
    wait_for(&client->opened, 1);
    wait_for(&it.connected, 1);
    receive(client);

    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "%04d", i);
        assert_int_equal(send_text(client, &there[i], text), WWS_S_OK);
        assert_int_equal(send_text(server, &back[i], text), WWS_S_OK);
    }
    shut(client);
    shut(server);

    wait_for(&client->ended, 1);
    wait_for(&server->ended, 1);
    assert_int_equal(client->arrived, 100);
    assert_int_equal(server->arrived, 100);
    wait_for(&it.done, 200);
    give_back(client);
    give_back(server);
    wait_for(&client->released, 1);
    wait_for(&server->released, 1);
    assert_int_equal(client->failed + server->failed, 0);
}

static void sessions__stream_both_ways(void **state)
{
    static struct parcel there[128], back[128];
    static uint8_t octets[65536];
    struct holder *client = &it.clients[0], *server = &it.servers[0];

    (void) state;
    memset(there, 0, sizeof there);
    memset(back, 0, sizeof back);
    use_streams();
    it.manner = READ;
    start();
    create(client, port());
    open_it(client);
    wait_for(&client->opened, 1);
    wait_for(&it.connected, 1);
    receive(client);

    for (int i = 0; i < 128; i++) {
        assert_int_equal(send_part(client, &there[i], octets, sizeof octets,
            i != 0, i != 127), WWS_S_OK);
        assert_int_equal(send_part(server, &back[i], octets, sizeof octets,
            i != 0, i != 127), WWS_S_OK);
    }
    shut(server);

    wait_for(&client->ended, 1);
    wait_for(&server->ended, 1);
    assert_int_equal(client->got.size, BIG);
    assert_int_equal(server->got.size, BIG);
    assert_int_equal(client->whole, 1);
    assert_true(client->largest <= 65536);
    wait_for(&it.done, 256);
}

struct pest {
    struct holder *holder;
    struct dice dice;
};

/* Ends a session whenever. */
static void *pester(void *state)
{
    struct pest *pest = state;

    for (uint32_t i = roll(&pest->dice, 16); i != 0; i--)
        dawdle(&pest->dice);
    if (roll(&pest->dice, 2) == 0)
        abort_it(pest->holder);
    return NULL;
}

static void sessions__end_in_any_state(void **state)
{
    static struct parcel parcels[4];
    struct holder *client = &it.clients[0];
    uint16_t to;

    (void) state;
    it.manner = CLOSE;
    start();
    to = port();

    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct pest pest = { client, { round } };
        pthread_t thread;
        int sent = 0;

        it.done = 0;
        *client = (struct holder) { .opened = 0 };
        memset(parcels, 0, sizeof parcels);
        create(client, to);
        pthread_create(&thread, NULL, pester, &pest);
        open_it(client);
        while (round % 2 != 0
            && value_of(&client->opened) + value_of(&client->failed) == 0)
            let_everything_run();
        for (int i = 0; i < 4; i++) {
            sent += send_text(client, &parcels[i], "hello") == WWS_S_OK;
            receive(client);
        }
        shut(client);
        pthread_join(thread, NULL);
        give_back(client);
        wait_for(&client->released, 1);
        assert_int_equal(value_of(&it.done), sent);
    }
}

/* Stopping. */

static void server__stops_and_lets_sessions_go_on(void **state)
{
    struct holder *holder = &it.servers[0];
    int fd, idle;

    (void) state;
    it.manner = READ;
    fd = serve();
    idle = dial();
    let_everything_run();

    wwi_tcp.server_stop(it.server, false, was_stopped);

    expect_end(idle);
    PUT(fd, HELLO END);
    wait_for(&holder->ended, 1);
    expect_got(holder, "hello");
    assert_int_equal(value_of(&it.stopped), 0);
    shut(holder);
    EXPECT(fd, END);
    give_back(holder);
    expect_end(fd);
    wait_for(&it.stopped, 1);
    close(fd);
    close(idle);
}

static void server__stops_and_aborts_sessions(void **state)
{
    struct holder *holder = &it.servers[0];
    int fd;

    (void) state;
    fd = serve();
    wwi_tcp.server_stop(it.server, false, was_stopped);
    expect_silence(fd);

    wwi_tcp.server_stop(it.server, true, was_stopped);

    expect_reset(fd);
    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_OPERATION_ABORTED);
    wait_for(&it.stopped, 1);
    close(fd);
}

static void server__refuses_what_it_cannot_listen_at(void **state)
{
    struct wwi_server *server;

    (void) state;
    start();

    assert_int_equal(wwi_tcp.server_open(it.runtime,
        WWS_STR("http://127.0.0.1:0/"), &it.server_options, &callbacks,
        &server, NULL), WWS_E_INVALID_ENDPOINT_URL);
    assert_int_equal(wwi_tcp.server_open(it.runtime,
        WWS_STR("net.tcp://127.0.0.1:0/?q"), &it.server_options, &callbacks,
        &server, NULL), WWS_E_INVALID_ENDPOINT_URL);
}

/* Memory. */

static bool converse(struct holder *client, uint16_t to)
{
    struct parcel parcel = { 0 };
    struct wwi_session *session;
    char url[64];
    wws_status status;

    snprintf(url, sizeof url, "net.tcp://127.0.0.1:%u/calc", (unsigned) to);
    status = wwi_tcp.session_create(it.runtime,
        (wws_string) { url, strlen(url) }, &it.client_options, &session,
        NULL);
    if (status != WWS_S_OK) {
        assert_int_equal(status, WWS_E_OUTOFMEMORY);
        return false;
    }
    hold(client, session);
    open_it(client);
    while (value_of(&client->opened) + value_of(&client->failed) == 0)
        let_everything_run();
    if (value_of(&client->failed) == 0
        && send_text(client, &parcel, "hello") == WWS_S_OK)
        wait_for(&parcel.done, 1);
    shut(client);
    while (value_of(&client->ended) + value_of(&client->failed) == 0)
        let_everything_run();
    give_back(client);
    wait_for(&client->released, 1);
    return client->ended == 1 && client->failed == 0
        && parcel.outcome.status == WWS_S_OK && parcel.done == 1;
}

static void session__survives_every_failing_allocation(void **state)
{
    uint16_t to;
    bool through = false;

    (void) state;
    it.manner = CLOSE;
    start();
    to = port();

    for (uint64_t n = 1; !through; n++) {
        assert_true(n < 200);
        lock_it();
        it.connected = 0;
        it.clients[0] = it.servers[0] = (struct holder) { .opened = 0 };
        unlock_it();
        wwi_memory_fail(n, 0);
        through = converse(&it.clients[0], to);
        wwi_memory_fail(0, 0);
        while (value_of(&it.unfreed) != 0)
            let_everything_run();
        wwi_bytes_fini(&it.servers[0].got);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server__acknowledges_a_preamble),
        TEST(server__takes_octets_one_by_one),
        TEST(server__takes_everything_in_one_segment),
        TEST(server__acknowledges_before_it_sends),
        TEST(server__resets_a_session_that_nobody_takes),
        TEST(server__refuses_preambles_as_it_should),
        TEST(server__lets_a_client_read_the_fault),
        TEST(server__does_not_drain_without_end),
        TEST(server__does_not_drain_for_ever),
        TEST(server__takes_vias_that_lead_to_it),
        TEST(server__at_the_root_takes_every_path),
        TEST(server__takes_the_name_of_its_encoding),
        TEST(server__takes_what_fits_its_version),
        TEST(server__resets_a_preamble_that_does_not_end),
        TEST(server__resets_a_client_that_says_nothing),
        TEST(server__forgets_a_client_that_leaves_at_once),
        TEST(server__takes_no_more_connections_than_allowed),
        TEST(session__delivers_what_is_asked_for),
        TEST(session__sends_records),
        TEST(session__of_a_server_faults_a_message_over_the_quota),
        TEST(session__takes_a_message_of_the_quota),
        TEST(session__is_reset_by_a_violation),
        TEST(session__keeps_what_the_peer_does_not_read),
        TEST(session__takes_back_what_has_not_begun),
        TEST(session__asks_before_it_begins_to_send),
        TEST(session__keeps_records_of_several_threads_apart),
        TEST(session__sends_or_takes_back),
        TEST(session__ends_in_order_when_the_client_begins),
        TEST(session__ends_in_order_when_the_server_begins),
        TEST(session__may_be_followed_by_another),
        TEST(session__may_be_followed_by_another_at_once),
        TEST(connection__is_closed_when_it_was_idle_too_long),
        TEST(connection__gives_the_next_preamble_less_time),
        TEST(connection__counts_what_came_with_the_end),
        TEST(connection__is_closed_in_silence_between_sessions),
        TEST(session__aborted_is_reset),
        TEST(session__given_back_early_is_reset),
        TEST(session__given_back_without_its_end_is_reset),
        TEST(session__given_back_does_not_wait_for_the_last_record),
        TEST(session__tells_that_the_peer_has_gone),
        TEST(session__tells_of_a_reset),
        TEST(session__sees_the_peer_go_though_nobody_receives),
        TEST(session__sees_an_end_in_order_behind_what_waits),
        TEST(session__looks_again_when_less_is_unread),
        TEST(stream__is_delivered_as_it_comes),
        TEST(stream__does_not_outgrow_a_slow_reader),
        TEST(stream__that_is_too_large_is_faulted),
        TEST(stream__sees_the_client_go_before_the_reply),
        TEST(stream__may_be_replied_to_behind_a_half_closed_one),
        TEST(stream__of_a_client_ends_with_its_message),
        TEST(stream__taken_back_can_be_shut),
        TEST(client__says_what_it_wants),
        TEST(client__names_the_encoding_of_its_version),
        TEST(client__waits_for_the_acknowledgement),
        TEST(client__understands_answers),
        TEST(client__takes_octets_one_by_one),
        TEST(client__survives_a_server_that_leaves_anywhere),
        TEST(client__finds_nobody),
        TEST(client__does_not_find_a_name),
        TEST(client__can_be_aborted_while_a_name_is_looked_up),
        TEST(client__goes_on_to_the_next_address),
        TEST(client__can_be_given_back_at_any_time),
        TEST(client__can_be_aborted_at_any_time),
        TEST(client__refuses_other_addresses),
        TEST(client__closes_when_both_ends_are_shut),
        TEST(client__shuts_while_the_server_does),
        TEST(client__can_be_aborted_when_it_is_through),
        TEST(client__resets_when_a_reply_is_over_the_quota),
        TEST(client__hears_a_fault_in_spite_of_a_reset),
        TEST(client__tells_that_the_server_has_gone),
        TEST(sessions__talk_both_ways),
        TEST(sessions__stream_both_ways),
        TEST(sessions__end_in_any_state),
        TEST(server__stops_and_lets_sessions_go_on),
        TEST(server__stops_and_aborts_sessions),
        TEST(server__refuses_what_it_cannot_listen_at),
        TEST(session__survives_every_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
