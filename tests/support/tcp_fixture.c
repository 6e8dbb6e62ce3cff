/* Sessions over TCP, against peers that write octets by hand over loopback, and
 * against each other. */
#include "tests/support/tcp_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "tests/support/counters.h"

/* Holders of sessions. */

struct fixture tcp_fixture;

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
    it->done++;
    unlock_it();
}

wws_status send_part(
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

wws_status send_text(
    struct holder *holder,
    struct parcel *parcel,
    const char *text)
{
    return send_part(holder, parcel, text, strlen(text), false, false);
}

void receive(struct holder *holder)
{
    holder->session->calls->receive(holder->session);
}

void shut(struct holder *holder)
{
    holder->session->calls->shutdown(holder->session);
}

void abort_it(struct holder *holder)
{
    holder->session->calls->abort(holder->session);
}

void give_back(struct holder *holder)
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
    return holder >= it->servers && holder < it->servers + HOLDERS;
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
    if (it->manner == READ || it->manner == CLOSE)
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
    if (it->manner == CLOSE && is_server(holder)) {
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
    it->unfreed--;
    unlock_it();
}

static const struct wwi_session_events events = {
    .opened = has_opened,
    .phase = has_phase,
    .arrived = has_arrived,
    .ended = has_ended,
    .released = is_released,
};

void hold(struct holder *holder, struct wwi_session *session)
{
    session->events = &events;
    session->user = holder;
    lock_it();
    holder->session = session;
    it->unfreed++;
    unlock_it();
}

/* Two loops may be at it at once: each has its own place before it is counted
 * as connected. */
static struct holder *next_server(void)
{
    struct holder *holder;

    lock_it();
    assert_true(it->places < HOLDERS);
    holder = &it->servers[it->places++];
    unlock_it();
    return holder;
}

static void connected(struct wwi_session *session, void *state)
{
    struct holder *holder;

    assert_ptr_equal(state, it);
    if (it->manner != REFUSE) {
        holder = next_server();
        hold(holder, session);
        if (it->manner == TALK)
            assert_int_equal(send_text(holder, &it->greeting, "first"),
                WWS_S_OK);
        if (it->manner == READ || it->manner == CLOSE)
            receive(holder);
    }
    lock_it();
    it->connected++;
    unlock_it();
}

void tcp_stopped(void *state)
{
    assert_ptr_equal(state, it);
    lock_it();
    it->stopped++;
    unlock_it();
}

const struct wwi_server_callbacks tcp_callbacks = {
    .connected = connected,
    .state = it,
};

/* The fixture. */

void start_runtime(void)
{
    it->runtime = start_engine();
}

void start_at(const char *url)
{
    start_runtime();
    assert_int_equal(wwi_tcp.server_open(it->runtime,
        (wws_string) { url, strlen(url) }, &it->server_options, &tcp_callbacks,
        &it->server, NULL), WWS_S_OK);
}

void start_tcp(void)
{
    start_at("net.tcp://127.0.0.1:0/calc");
}

int tcp_set_up(void **state)
{
    (void) state;
    *it = (struct fixture) {
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

int tcp_clean_up(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    wwi_clock_release();
    for (int i = 0; i < HOLDERS; i++)
        give_back(&it->clients[i]);
    if (it->server != NULL) {
        wwi_tcp.server_stop(it->server, true, tcp_stopped);
        wait_for(&it->stopped, 1);
    }
    /* From here on nobody connects. */
    for (int i = 0; i < HOLDERS; i++)
        give_back(&it->servers[i]);
    if (it->server != NULL)
        wwi_tcp.server_free(it->server);
    if (it->runtime != NULL)
        end_engine(it->runtime);
    assert_int_equal(it->unfreed, 0);
    for (int i = 0; i < HOLDERS; i++) {
        wwi_bytes_fini(&it->clients[i].got);
        wwi_bytes_fini(&it->servers[i].got);
    }
    if (it->listening >= 0)
        close(it->listening);
    assert_int_equal(wwi_memory_live(), it->blocks);
    return 0;
}

/* Peers of bare sockets. */

void expect_silence(int fd)
{
    char octet;

    let_everything_run();
    assert_int_equal(recv(fd, &octet, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

struct holder *shake(int fd, int n)
{
    PUT(fd, PREAMBLE);
    EXPECT(fd, ACK);
    wait_for(&it->connected, n + 1);
    return &it->servers[n];
}

int serve_bare(void)
{
    int fd;

    start_tcp();
    fd = dial();
    (void) shake(fd, 0);
    return fd;
}

void expect_got(struct holder *holder, const char *text)
{
    lock_it();
    assert_int_equal(holder->got.size, strlen(text));
    assert_memory_equal(holder->got.data, text, strlen(text));
    unlock_it();
}

/* A bare server, and a client of ours that connects to it. */

uint16_t listen_bare(void)
{
    uint16_t to;

    it->listening = listen_somewhere(&to);
    return to;
}

int accept_bare(void)
{
    return accept_from(it->listening);
}

void create_at(struct holder *holder, const char *url)
{
    struct wwi_session *session;

    assert_int_equal(wwi_tcp.session_create(it->runtime,
        (wws_string) { url, strlen(url) }, &it->client_options, &session,
        NULL), WWS_S_OK);
    hold(holder, session);
}

void create(struct holder *holder, uint16_t to)
{
    char url[64];

    snprintf(url, sizeof url, "net.tcp://127.0.0.1:%u/calc", (unsigned) to);
    create_at(holder, url);
}

void open_it(struct holder *holder)
{
    holder->session->calls->open(holder->session);
}

void expect_preamble(int fd, uint8_t mode, uint8_t encoding)
{
    const wws_string via = it->clients[0].session->via;
    uint8_t before[7] = { 0, 1, 0, 1, mode, 2, (uint8_t) via.size };
    uint8_t behind[3] = { 3, encoding, 0x0C };

    expect(fd, before, sizeof before);
    expect(fd, via.data, via.size);
    expect(fd, behind, sizeof behind);
}

int meet(void)
{
    int fd;

    start_runtime();
    create(&it->clients[0], listen_bare());
    open_it(&it->clients[0]);
    fd = accept_bare();
    expect_preamble(fd, it->client_options.max_streamed_size != 0 ? 1 : 2, 3);
    PUT(fd, ACK);
    wait_for(&it->clients[0].opened, 1);
    return fd;
}

void expect_refusal(int fd, const char *fault)
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

void fill(struct holder *holder, struct parcel *parcel)
{
    char *much = calloc(1, BIG);

    assert_int_equal(send_part(holder, parcel, much, BIG, false, false),
        WWS_S_OK);
    free(much);
}

void use_streams(void)
{
    it->server_options.max_streamed_size = UINT64_MAX;
    it->client_options.max_streamed_size = UINT64_MAX;
}
