/* Exchanges over streamed HTTP: each end against a peer that writes octets by
 * hand, over loopback. */
#include "tests/support/http_session_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "tests/support/counters.h"

struct fixture session_fixture;

/* Events. */

static void opened(struct wwi_session *session)
{
    struct holder *holder = session->user;

    assert_true(session->remote.size != 0);
    lock_it();
    holder->opened++;
    unlock_it();
}

static void phase(struct wwi_session *session, wws_phase phase)
{
    struct holder *holder = session->user;

    lock_it();
    if (holder->phases++ == 0)
        holder->first_phase = phase;
    holder->last_phase = phase;
    unlock_it();
}

static void note_first(struct holder *holder, const struct wwi_piece *piece)
{
    wws_string name, value;
    uint32_t index = 0;

    holder->http_status = piece->http_status;
    holder->has_action = piece->has_action;
    snprintf(holder->action, sizeof holder->action, "%.*s",
        (int) piece->action.size,
        piece->action.data != NULL ? piece->action.data : "");
    while (piece->fields.next(piece->fields.state, &index, &name, &value))
        if (name.size == 7 && memcmp(name.data, "X-Field", 7) == 0)
            snprintf(holder->field, sizeof holder->field, "%.*s",
                (int) value.size, value.data);
}

static void arrived(struct wwi_session *session, struct wwi_piece *piece)
{
    struct holder *holder = session->user;
    size_t size = piece->octets.size, at;

    lock_it();
    assert_int_equal(holder->last_pieces, 0);
    if (holder->pieces++ == 0)
        note_first(holder, piece);
    else
        assert_null(piece->fields.next);
    at = (size_t) holder->octets;
    if (at + size < sizeof holder->text && size != 0)
        memcpy(holder->text + at, piece->octets.data, size);
    holder->octets += size;
    if (size > holder->largest)
        holder->largest = size;
    if (!piece->more)
        holder->last_pieces++;
    unlock_it();
    if (holder->greedy)
        session->calls->receive(session);
}

static void ended(
    struct wwi_session *session,
    const struct wwi_outcome *outcome)
{
    struct holder *holder = session->user;

    lock_it();
    assert_int_equal(holder->failed, 0);
    if (outcome->status < 0) {
        holder->outcome = *outcome;
        snprintf(holder->why, sizeof holder->why, "%s", session->text);
        holder->failed++;
    } else {
        assert_int_equal(outcome->status, WWS_S_END);
        assert_int_equal(holder->ended, 0);
        holder->ended++;
    }
    holder->finished++;
    unlock_it();
    if (it->replies && holder != &it->client && outcome->status >= 0)
        reply(holder);
    if (holder->frees)
        session->calls->free(session);
}

static void released(struct wwi_session *session)
{
    struct holder *holder = session->user;

    lock_it();
    holder->released++;
    unlock_it();
}

static const struct wwi_session_events events = {
    .opened = opened,
    .phase = phase,
    .arrived = arrived,
    .ended = ended,
    .released = released,
};

void hold_session(struct holder *holder, struct wwi_session *session)
{
    holder->session = session;
    session->user = holder;
    session->events = &events;
}

static void connected(struct wwi_session *session, void *state)
{
    struct holder *holder;

    assert_ptr_equal(state, it);
    lock_it();
    assert_true(it->connected < HOLDERS);
    holder = &it->served[it->connected];
    hold_session(holder, session);
    holder->greedy = it->greedy;
    holder->frees = it->frees;
    it->connected++;
    unlock_it();
    if (it->greedy)
        session->calls->receive(session);
    if (it->drops)
        session->calls->free(session);
}

void streamed_stopped(void *state)
{
    assert_ptr_equal(state, it);
    lock_it();
    it->stopped++;
    unlock_it();
}

/* Calls. */

void was_sent(
    struct wwi_sending *sending,
    const struct wwi_outcome *outcome)
{
    struct parcel *parcel = WWI_CONTAINER(sending, struct parcel, sending);

    lock_it();
    parcel->holder->sent = *outcome;
    parcel->holder->done++;
    unlock_it();
    free(parcel);
}

static bool may_begin(struct wwi_sending *sending)
{
    return !WWI_CONTAINER(sending, struct parcel, sending)->holder->refuses;
}

wws_status send_octets(
    struct holder *holder,
    const void *data,
    size_t size,
    struct wwi_outgoing outgoing)
{
    struct parcel *parcel;
    wws_status status;

    outgoing.version = it->client_options.version;
    if (size != 0) {
        outgoing.envelope.data = wwi_alloc(size);
        if (outgoing.envelope.data == NULL)
            return WWS_E_OUTOFMEMORY;
        memcpy(outgoing.envelope.data, data, size);
        outgoing.envelope.size = outgoing.envelope.capacity = size;
    }
    parcel = calloc(1, sizeof *parcel);
    parcel->holder = holder;
    parcel->sending.begin = may_begin;
    parcel->sending.done = was_sent;
    status = holder->session->calls->send(holder->session, &parcel->sending,
        &outgoing);
    if (status != WWS_S_OK) {
        assert_int_equal(outgoing.envelope.size, size);
        wwi_bytes_fini(&outgoing.envelope);
        free(parcel);
    }
    return status;
}

wws_status send_piece(
    struct holder *holder,
    const char *text,
    enum place place)
{
    return send_octets(holder, text, strlen(text), (struct wwi_outgoing) {
        .action = WWS_STR("urn:a"),
        .continues = place == MIDDLE || place == LAST,
        .more = place == FIRST || place == MIDDLE,
    });
}

void reply(struct holder *holder)
{
    if (send_piece(holder, "re", FIRST) != WWS_S_OK
        || send_piece(holder, "ply", LAST) != WWS_S_OK)
        holder->session->calls->abort(holder->session);
}

void ask_for_piece(struct holder *holder)
{
    holder->session->calls->receive(holder->session);
}

void give_session_back(struct holder *holder)
{
    struct wwi_session *session = holder->session;

    holder->session = NULL;
    session->calls->free(session);
    wait_for(&holder->released, 1);
}

/* Set up. */

int streamed_set_up(void **state)
{
    (void) state;
    *it = (struct fixture) {
        .blocks = wwi_memory_live(),
        .listening = -1,
        .options = {
            .version = WWS_ENVELOPE_VERSION_SOAP_1_1,
            .max_message_size = 65536,
            .max_streamed_size = BULK,
            .max_head_size = 65536,
            .backlog = 128,
            .max_connections = 1024,
            .max_incoming = 1024,
            .request_timeout_ms = 30000,
            .idle_timeout_ms = 120000,
        },
        .client_options = {
            .version = WWS_ENVELOPE_VERSION_SOAP_1_1,
            .max_streamed_size = BULK,
            .max_head_size = 65536,
        },
    };
    return 0;
}

void need_runtime(void)
{
    if (it->runtime == NULL)
        it->runtime = start_engine();
}

int streamed_clean_up(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    wwi_clock_release();
    if (it->client.session != NULL && value_of(&it->client.released) == 0
        && !it->client.frees)
        give_session_back(&it->client);
    if (it->client.session != NULL)
        wait_for(&it->client.released, 1);
    if (it->server != NULL) {
        wwi_http_streamed.server_stop(it->server, true, streamed_stopped);
        wait_for(&it->stopped, 1);
        for (int i = 0; i < it->connected; i++) {
            if (it->served[i].session != NULL && !it->frees && !it->drops)
                give_session_back(&it->served[i]);
            wait_for(&it->served[i].released, 1);
        }
        wwi_http_streamed.server_free(it->server);
    }
    if (it->listening >= 0)
        close(it->listening);
    if (it->runtime != NULL)
        end_engine(it->runtime);
    assert_int_equal(wwi_memory_live(), it->blocks);
    return 0;
}

/* Peers. */

void put_singly(int fd, const char *text)
{
    for (; *text != '\0'; text++) {
        put(fd, text, 1);
        let_everything_run();
    }
}

void expect_text(int fd, const char *text)
{
    size_t size = strlen(text), at = 0;
    char got[1024] = "";

    assert_true(size < sizeof got);
    while (at < size) {
        ssize_t count = recv(fd, got + at, size - at, 0);

        if (count <= 0)
            fail_msg("ends behind \"%s\"", got);
        at += (size_t) count;
    }
    assert_string_equal(got, text);
}

void expect_whole_head(int fd, const char *expected)
{
    char head[2048] = "", *date;
    size_t at = 0;

    while (strstr(head, "\r\n\r\n") == NULL) {
        assert_true(at < sizeof head - 1);
        if (recv(fd, head + at, 1, 0) != 1)
            fail_msg("ends behind \"%s\"", head);
        at++;
    }
    date = strstr(head, "Date: ");
    if (date != NULL)
        memmove(date, strstr(date, "\r\n") + 2,
            strlen(strstr(date, "\r\n") + 2) + 1);
    assert_string_equal(head, expected);
}

ssize_t drink(int fd)
{
    static char octets[PIECE];
    ssize_t size, all = 0;

    while ((size = recv(fd, octets, sizeof octets, 0)) > 0)
        all += size;
    return size < 0 ? size : all;
}

/* The client's end, with a server that the test plays. */

void create_client(const char *url)
{
    struct wwi_session *session;

    need_runtime();
    assert_int_equal(wwi_http_streamed.session_create(it->runtime,
        (wws_string) { url, strlen(url) }, &it->client_options, &session,
        NULL), WWS_S_OK);
    hold_session(&it->client, session);
}

void open_client(void)
{
    it->client.session->calls->open(it->client.session);
}

uint16_t listen_here(void)
{
    uint16_t port;

    it->listening = listen_somewhere(&port);
    return port;
}

char host[64];

int converse(void)
{
    char url[128];
    int fd;

    snprintf(host, sizeof host, "127.0.0.1:%u", listen_here());
    snprintf(url, sizeof url, "http://%s/calc", host);
    create_client(url);
    open_client();
    fd = accept_from(it->listening);
    wait_for(&it->client.opened, 1);
    return fd;
}

void expect_request(int fd, const char *framing)
{
    char head[512];

    snprintf(head, sizeof head, "POST /calc HTTP/1.1\r\nHost: %s\r\n"
        "Content-Type: text/xml; charset=utf-8\r\nSOAPAction: \"urn:a\"\r\n"
        "%s\r\n\r\n", host, framing);
    expect_text(fd, head);
}

int request(void)
{
    int fd = converse();

    assert_int_equal(send_piece(&it->client, "ask", WHOLE), WWS_S_OK);
    expect_request(fd, "Content-Length: 3");
    expect_text(fd, "ask");
    return fd;
}

int send_until_full(struct holder *holder)
{
    static char piece[PIECE];
    int count = 1;

    assert_int_equal(send_octets(holder, piece, sizeof piece,
        (struct wwi_outgoing) { .more = true, .action = WWS_STR("urn:a") }),
        WWS_S_OK);
    for (; count < 160; count++)
        assert_int_equal(send_octets(holder, piece, sizeof piece,
            (struct wwi_outgoing) { .more = true, .continues = true }),
            WWS_S_OK);
    assert_true(value_of(&holder->done) < count);
    return count;
}

void start_streamed(void)
{
    static const struct wwi_server_callbacks callbacks = {
        .connected = connected, .state = it };

    need_runtime();
    assert_int_equal(wwi_http_streamed.server_open(it->runtime,
        WWS_STR("http://127.0.0.1:0/calc"), &it->options, &callbacks,
        &it->server, NULL), WWS_S_OK);
}

int serve_request(void)
{
    int fd;

    it->greedy = true;
    start_streamed();
    fd = dial();
    put_text(fd, REQUEST);
    wait_for(&it->served[0].ended, 1);
    return fd;
}
