/* Exchanges over streamed HTTP: each end against a peer that writes octets by
 * hand, and both ends against each other, over loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <malloc.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/transport/http_session.h"
#include "tests/support/counters.h"
#include "tests/support/engine.h"
#include "tests/support/sockets.h"

enum {
    HOLDERS = 64,
    TEXT = 512,
    BULK = 64 * 1024 * 1024,
    PIECE = 65536,
    MEBIBYTE = 1024 * 1024,
};

/* One end of a session and what it has heard. */
struct holder {
    struct wwi_session *session;
    bool greedy;                /* asks for all there is */
    bool frees;                 /* gives the session back when it ended */
    char text[TEXT];            /* what has arrived, as far as it fits */
    uint64_t octets;
    size_t largest;
    int pieces;
    int last_pieces;            /* without more */
    int opened, ended, failed, finished, released, phases, done;
    wws_phase first_phase, last_phase;
    struct wwi_outcome outcome; /* of the failure */
    struct wwi_outcome sent;    /* of the last sending */
    char why[160];
    bool has_action;
    char action[128], field[128];
    uint32_t http_status;
    bool refuses;               /* takes sendings back as they begin */
};

static struct fixture {
    struct wwi_runtime *runtime;
    struct wwi_server *server;
    struct wwi_server_options options;
    struct wwi_client_options client_options;
    uint64_t blocks;
    int listening;              /* of the scripted server */
    struct holder client;
    struct holder served[HOLDERS];
    int connected, stopped;
    bool greedy, frees, drops, replies;
} it;

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

static void reply(struct holder *holder);

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
    if (it.replies && holder != &it.client && outcome->status >= 0)
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

static void hold(struct holder *holder, struct wwi_session *session)
{
    holder->session = session;
    session->user = holder;
    session->events = &events;
}

static void connected(struct wwi_session *session, void *state)
{
    struct holder *holder;

    assert_ptr_equal(state, &it);
    lock_it();
    assert_true(it.connected < HOLDERS);
    holder = &it.served[it.connected];
    hold(holder, session);
    holder->greedy = it.greedy;
    holder->frees = it.frees;
    it.connected++;
    unlock_it();
    if (it.greedy)
        session->calls->receive(session);
    if (it.drops)
        session->calls->free(session);
}

static void was_stopped(void *state)
{
    assert_ptr_equal(state, &it);
    lock_it();
    it.stopped++;
    unlock_it();
}

/* Calls. */

struct parcel {
    struct wwi_sending sending;
    struct holder *holder;
};

static void was_sent(
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

static wws_status send_octets(
    struct holder *holder,
    const void *data,
    size_t size,
    struct wwi_outgoing outgoing)
{
    struct parcel *parcel;
    wws_status status;

    outgoing.version = it.client_options.version;
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

enum place { WHOLE, FIRST, MIDDLE, LAST };

static wws_status send_text(
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

static void reply(struct holder *holder)
{
    if (send_text(holder, "re", FIRST) != WWS_S_OK
        || send_text(holder, "ply", LAST) != WWS_S_OK)
        holder->session->calls->abort(holder->session);
}

static void ask(struct holder *holder)
{
    holder->session->calls->receive(holder->session);
}

static void give_back(struct holder *holder)
{
    struct wwi_session *session = holder->session;

    holder->session = NULL;
    session->calls->free(session);
    wait_for(&holder->released, 1);
}

/* Set up. */

static int set_up(void **state)
{
    (void) state;
    it = (struct fixture) {
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

static void need_runtime(void)
{
    if (it.runtime == NULL)
        it.runtime = start_engine();
}

static int clean_up(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    wwi_clock_release();
    if (it.client.session != NULL && it.client.released == 0
        && !it.client.frees)
        give_back(&it.client);
    if (it.client.session != NULL)
        wait_for(&it.client.released, 1);
    if (it.server != NULL) {
        wwi_http_streamed.server_stop(it.server, true, was_stopped);
        wait_for(&it.stopped, 1);
        for (int i = 0; i < it.connected; i++) {
            if (it.served[i].session != NULL && !it.frees && !it.drops)
                give_back(&it.served[i]);
            wait_for(&it.served[i].released, 1);
        }
        wwi_http_streamed.server_free(it.server);
    }
    if (it.listening >= 0)
        close(it.listening);
    if (it.runtime != NULL)
        end_engine(it.runtime);
    assert_int_equal(wwi_memory_live(), it.blocks);
    return 0;
}

/* All events that came before have been dealt with, on every loop. */
static void let_everything_run(void)
{
    let_loops_run(it.runtime);
}

/* Peers. */

static void put_singly(int fd, const char *text)
{
    for (; *text != '\0'; text++) {
        put(fd, text, 1);
        let_everything_run();
    }
}

/* The next octets are these. */
static void expect_text(int fd, const char *text)
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

/* A head, without its Date. */
static void expect_head(int fd, const char *expected)
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

/* To the end; negative if that is a reset, else how much there was. */
static ssize_t drink(int fd)
{
    static char octets[PIECE];
    ssize_t size, all = 0;

    while ((size = recv(fd, octets, sizeof octets, 0)) > 0)
        all += size;
    return size < 0 ? size : all;
}

/* The client's end, with a server that the test plays. */

static void create_client(const char *url)
{
    struct wwi_session *session;

    need_runtime();
    assert_int_equal(wwi_http_streamed.session_create(it.runtime,
        (wws_string) { url, strlen(url) }, &it.client_options, &session,
        NULL), WWS_S_OK);
    hold(&it.client, session);
}

static void open_client(void)
{
    it.client.session->calls->open(it.client.session);
}

static uint16_t listen_here(void)
{
    uint16_t port;

    it.listening = listen_somewhere(&port);
    return port;
}

static char host[64];           /* the Host of requests */

/* An open session; returns the server's descriptor. */
static int converse(void)
{
    char url[128];
    int fd;

    snprintf(host, sizeof host, "127.0.0.1:%u", listen_here());
    snprintf(url, sizeof url, "http://%s/calc", host);
    create_client(url);
    open_client();
    fd = accept_from(it.listening);
    wait_for(&it.client.opened, 1);
    return fd;
}

static void expect_request(int fd, const char *framing)
{
    char head[512];

    snprintf(head, sizeof head, "POST /calc HTTP/1.1\r\nHost: %s\r\n"
        "Content-Type: text/xml; charset=utf-8\r\nSOAPAction: \"urn:a\"\r\n"
        "%s\r\n\r\n", host, framing);
    expect_text(fd, head);
}

#define CHUNKED "Transfer-Encoding: chunked"
#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
#define OK_REPLY OK_HEAD "Content-Length: 5\r\n\r\nhello"

/* An open session that has sent a whole request. */
static int request(void)
{
    int fd = converse();

    assert_int_equal(send_text(&it.client, "ask", WHOLE), WWS_S_OK);
    expect_request(fd, "Content-Length: 3");
    expect_text(fd, "ask");
    return fd;
}

static void client__checks_its_address(void **state)
{
    static const char *const wrong[] = {
        "https://x/", "net.tcp://x/", "nonsense", "",
    };
    struct wwi_session *session;

    (void) state;
    need_runtime();

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(wwi_http_streamed.session_create(it.runtime,
            (wws_string) { wrong[i], strlen(wrong[i]) }, &it.client_options,
            &session, NULL), WWS_E_INVALID_ENDPOINT_URL);
}

static void client__is_freed_unopened(void **state)
{
    (void) state;
    create_client("http://127.0.0.1:1/");

    give_back(&it.client);

    assert_int_equal(it.client.ended + it.client.failed, 0);
}

static void client__tells_of_its_opening(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    assert_int_equal(it.client.phases, 2);
    assert_int_equal(it.client.first_phase, WWS_PHASE_RESOLVE);
    assert_int_equal(it.client.last_phase, WWS_PHASE_CONNECT);
    assert_int_equal(it.client.session->via.size, 7 + strlen(host) + 5);
    close(fd);
}

static void client__says_that_nobody_listens(void **state)
{
    char url[64];

    (void) state;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", listen_here());
    close(it.listening);
    it.listening = -1;
    create_client(url);

    open_client();

    wait_for(&it.client.failed, 1);
    assert_int_equal(it.client.outcome.status, WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(it.client.outcome.phase, WWS_PHASE_CONNECT);
    assert_int_equal(it.client.opened, 0);
}

static void client__sends_nothing_before_it_is_open(void **state)
{
    (void) state;
    create_client("http://127.0.0.1:1/");

    assert_int_equal(send_text(&it.client, "ask", WHOLE),
        WWS_E_INVALID_OPERATION);
}

static void client__sends_pieces_as_chunks(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    assert_int_equal(send_text(&it.client, "ab", FIRST), WWS_S_OK);
    expect_request(fd, CHUNKED);
    expect_text(fd, "2\r\nab\r\n");
    assert_int_equal(send_text(&it.client, "", MIDDLE), WWS_S_OK);
    assert_int_equal(send_text(&it.client, "0123456789abcdefg", MIDDLE),
        WWS_S_OK);
    expect_text(fd, "11\r\n0123456789abcdefg\r\n");
    assert_int_equal(send_text(&it.client, "z", LAST), WWS_S_OK);
    expect_text(fd, "1\r\nz\r\n0\r\n\r\n");
    wait_for(&it.client.done, 4);
    assert_int_equal(it.client.sent.status, WWS_S_OK);
    assert_int_equal(it.client.sent.progress, WWS_PROGRESS_SENT);
    assert_int_equal(send_text(&it.client, "more", MIDDLE),
        WWS_E_INVALID_OPERATION);
    assert_int_equal(send_text(&it.client, "again", WHOLE),
        WWS_E_INVALID_OPERATION);
    close(fd);
}

static void client__ends_a_request_with_nothing(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    send_text(&it.client, "", FIRST);
    send_text(&it.client, "", LAST);

    expect_request(fd, CHUNKED);
    expect_text(fd, "0\r\n\r\n");
    close(fd);
}

static void client__names_the_action_in_soap_1_2(void **state)
{
    char head[512];
    int fd;

    (void) state;
    it.client_options.version = WWS_ENVELOPE_VERSION_SOAP_1_2;
    fd = converse();

    send_text(&it.client, "ask", WHOLE);

    snprintf(head, sizeof head, "POST /calc HTTP/1.1\r\nHost: %s\r\n"
        "Content-Type: application/soap+xml; charset=utf-8; "
        "action=\"urn:a\"\r\nContent-Length: 3\r\n\r\nask", host);
    expect_text(fd, head);
    close(fd);
}

static void client__refuses_what_no_head_can_say(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    assert_int_equal(send_octets(&it.client, "x", 1, (struct wwi_outgoing) {
        .action = WWS_STR("a\r\nb") }), WWS_E_INVALIDARG);
    assert_int_equal(send_text(&it.client, "ask", WHOLE), WWS_S_OK);

    expect_request(fd, "Content-Length: 3");
    expect_text(fd, "ask");
    close(fd);
}

static void client__receives_what_it_asks_for(void **state)
{
    int fd;

    (void) state;
    fd = request();
    put_text(fd, OK_HEAD "X-Field: y\r\nContent-Length: 5\r\n\r\nhello");
    let_everything_run();
    assert_int_equal(value_of(&it.client.pieces), 0);

    ask(&it.client);

    wait_for(&it.client.ended, 1);
    assert_string_equal(it.client.text, "hello");
    assert_int_equal(it.client.pieces, 1);
    assert_int_equal(it.client.last_pieces, 1);
    assert_int_equal(it.client.http_status, 200);
    assert_string_equal(it.client.field, "y");
    give_back(&it.client);
    expect_end(fd);
    close(fd);
}

static void client__accepts_one_octet_at_a_time(void **state)
{
    int fd;

    (void) state;
    it.client.greedy = true;
    fd = request();
    ask(&it.client);

    put_singly(fd, "HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD CHUNKED
        "\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n");

    wait_for(&it.client.ended, 1);
    assert_string_equal(it.client.text, "hello");
    assert_int_equal(it.client.last_pieces, 1);
    assert_int_equal(it.client.pieces, 6);
    close(fd);
}

static void client__takes_a_body_that_ends_with_the_connection(void **state)
{
    int fd;

    (void) state;
    it.client.greedy = true;
    fd = request();
    ask(&it.client);

    put_text(fd, OK_HEAD "\r\nhel");
    wait_for(&it.client.pieces, 1);
    put_text(fd, "lo");
    close(fd);

    wait_for(&it.client.ended, 1);
    assert_string_equal(it.client.text, "hello");
    assert_int_equal(it.client.last_pieces, 1);
}

static void client__ends_without_a_piece_when_there_is_no_body(void **state)
{
    static const char *const replies[] = {
        "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" CHUNKED "\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        int fd;

        if (i != 0)
            set_up(state);
        fd = request();

        put_text(fd, replies[i]);

        wait_for(&it.client.ended, 1);
        assert_int_equal(it.client.pieces, 0);
        close(fd);
        if (i != 2)
            clean_up(state);
    }
}

static void client__hands_up_the_envelope_of_a_fault(void **state)
{
    int fd;

    (void) state;
    fd = request();
    ask(&it.client);

    put_text(fd, "HTTP/1.1 500 Oh\r\nContent-Type: text/xml\r\n"
        "Content-Length: 5\r\n\r\nfault");

    wait_for(&it.client.ended, 1);
    assert_string_equal(it.client.text, "fault");
    assert_int_equal(it.client.http_status, 500);
    close(fd);
}

static void client__maps_what_is_no_reply(void **state)
{
    static const struct {
        const char *reply;
        wws_status status;
        uint32_t http_status;
        const char *why;
    } cases[] = {
        { "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            WWS_E_ENDPOINT_NOT_FOUND, 404,
            "the server answered 404 Not Found" },
        { "HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\n"
            "Content-Length: 1\r\n\r\nx",
            WWS_E_ENDPOINT_TOO_BUSY, 503, "the server answered 503 Busy" },
        { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
            "Content-Length: 1\r\n\r\nx",
            WWS_E_INVALID_FORMAT, 200, "the server answered 200 OK" },
        { "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
            WWS_E_ENDPOINT_FAILURE, 500, "the server answered 500 Oh" },
        { "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
            WWS_E_ENDPOINT_ACCESS_DENIED, 403, "the server answered 403 No" },
    };
    size_t count = sizeof cases / sizeof *cases;

    for (size_t i = 0; i < count; i++) {
        int fd;

        if (i != 0)
            set_up(state);
        fd = request();

        put_text(fd, cases[i].reply);

        wait_for(&it.client.failed, 1);
        assert_int_equal(it.client.outcome.status, cases[i].status);
        assert_int_equal(it.client.outcome.http_status,
            cases[i].http_status);
        assert_int_equal(it.client.outcome.progress, WWS_PROGRESS_REPLYING);
        assert_string_equal(it.client.why, cases[i].why);
        close(fd);
        if (i != count - 1)
            clean_up(state);
    }
}

static void client__fails_by_a_reply_that_is_cut_or_wrong(void **state)
{
    static const struct {
        const char *reply;
        wws_status status;
        bool closes;
    } cases[] = {
        { "", WWS_E_ENDPOINT_DISCONNECTED, true },
        { "HTTP/1.1 200", WWS_E_ENDPOINT_DISCONNECTED, true },
        { OK_HEAD "Content-Length: 5\r\n\r\nhel",
            WWS_E_ENDPOINT_DISCONNECTED, true },
        { OK_HEAD CHUNKED "\r\n\r\n5\r\nhel",
            WWS_E_ENDPOINT_DISCONNECTED, true },
        { OK_HEAD CHUNKED "\r\n\r\n5\r\nhello\r\n",
            WWS_E_ENDPOINT_DISCONNECTED, true },
        { OK_HEAD CHUNKED "\r\n\r\nx\r\n", WWS_E_INVALID_FORMAT, false },
        { OK_HEAD CHUNKED "\r\n\r\n-1\r\n", WWS_E_INVALID_FORMAT, false },
        { OK_HEAD CHUNKED "\r\n\r\n11111111111111111\r\n",
            WWS_E_INVALID_FORMAT, false },
        { OK_HEAD CHUNKED "\r\n\r\n2\r\nabc", WWS_E_INVALID_FORMAT, false },
        { OK_HEAD CHUNKED "\r\n\r\n4000001\r\n", WWS_E_QUOTA_EXCEEDED,
            false },
        { OK_HEAD "Content-Length: 67108865\r\n\r\nx", WWS_E_QUOTA_EXCEEDED,
            false },
        { "HTTP/1.0\r\n", WWS_E_INVALID_FORMAT, false },
    };
    size_t count = sizeof cases / sizeof *cases;

    for (size_t i = 0; i < count; i++) {
        int fd;

        if (i != 0)
            set_up(state);
        it.client.greedy = true;
        fd = request();
        ask(&it.client);

        put_text(fd, cases[i].reply);
        if (cases[i].closes)
            close(fd);

        wait_for(&it.client.failed, 1);
        if (it.client.outcome.status != cases[i].status)
            fail_msg("case %zu: %x", i, (unsigned) it.client.outcome.status);
        assert_int_equal(it.client.ended + it.client.last_pieces, 0);
        if (!cases[i].closes) {
            expect_reset(fd);
            close(fd);
        }
        if (i != count - 1)
            clean_up(state);
    }
}

static void client__does_not_take_a_loss_for_the_end_of_a_body(void **state)
{
    int fd;

    (void) state;
    it.client.greedy = true;
    fd = request();
    ask(&it.client);
    put_text(fd, OK_HEAD "\r\nhel");
    wait_for(&it.client.pieces, 1);

    reset(fd);

    wait_for(&it.client.failed, 1);
    assert_int_equal(it.client.outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it.client.last_pieces, 0);
}

static void client__takes_no_more_interim_responses_than_some(void **state)
{
    int fd;

    (void) state;
    fd = request();

    for (int i = 0; i < 17; i++)
        put_text(fd, "HTTP/1.1 102 Go On\r\n\r\n");

    wait_for(&it.client.failed, 1);
    assert_int_equal(it.client.outcome.status, WWS_E_INVALID_FORMAT);
    close(fd);
}

static void client__hears_of_a_peer_that_goes_unasked(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    close(fd);

    wait_for(&it.client.failed, 1);
    assert_int_equal(it.client.outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(it.client.outcome.progress, WWS_PROGRESS_NOT_SENT);
    assert_int_equal(send_text(&it.client, "ask", WHOLE),
        WWS_E_OBJECT_FAULTED);
}

static void client__does_not_accept_an_answer_to_nothing(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    put_text(fd, OK_REPLY);

    wait_for(&it.client.failed, 1);
    assert_int_equal(it.client.outcome.status, WWS_E_INVALID_FORMAT);
    close(fd);
}

/* More than the system takes of one who does not read. */
static int send_until_full(struct holder *holder)
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

static void client__stops_sending_when_the_reply_comes_early(void **state)
{
    int fd, count;

    (void) state;
    fd = converse();
    count = send_until_full(&it.client);

    put_text(fd, OK_REPLY);

    wait_for(&it.client.done, count);
    assert_int_equal(it.client.sent.status, WWS_S_OK);
    assert_int_equal(send_text(&it.client, "rest", LAST), WWS_S_OK);
    assert_int_equal(it.client.done, count + 1);
    ask(&it.client);
    wait_for(&it.client.ended, 1);
    assert_string_equal(it.client.text, "hello");
    assert_int_equal(it.client.failed, 0);
    give_back(&it.client);
    assert_true(drink(fd) < 0);
    close(fd);
}

static void client__delivers_all_of_a_reply_before_a_reset(void **state)
{
    /* More than a piece, and no more than the system takes besides. */
    static char body[PIECE + PIECE / 4];
    int fd, unread = 1;

    (void) state;
    fd = request();
    put_text(fd, OK_HEAD "Content-Length: 81920\r\n\r\n");
    put(fd, body, sizeof body);
    for (int i = 0; i < 100000 && unread != 0; i++) {
        let_everything_run();
        assert_int_equal(ioctl(fd, SIOCOUTQ, &unread), 0);
    }
    assert_int_equal(unread, 0);

    reset(fd);
    let_everything_run();
    it.client.greedy = true;
    ask(&it.client);

    wait_for(&it.client.ended, 1);
    assert_int_equal(it.client.octets, sizeof body);
}

static void client__delivers_an_early_reply_of_a_peer_that_resets(
    void **state)
{
    int fd, count;

    (void) state;
    fd = converse();
    count = send_until_full(&it.client);

    put_text(fd, OK_REPLY);
    wait_for(&it.client.done, count);
    reset(fd);
    let_everything_run();
    ask(&it.client);

    wait_for(&it.client.ended, 1);
    assert_string_equal(it.client.text, "hello");
    assert_int_equal(it.client.failed, 0);
}

static void client__fails_early_when_it_is_refused(void **state)
{
    int fd, count;

    (void) state;
    fd = converse();
    count = send_until_full(&it.client);

    put_text(fd, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");

    wait_for(&it.client.failed, 1);
    assert_int_equal(it.client.done, count);
    assert_int_equal(it.client.outcome.status,
        WWS_E_ENDPOINT_ACCESS_DENIED);
    close(fd);
}

/* The parcel stays the test's unless it is sent. */
static void send_parcel(struct parcel *parcel)
{
    struct wwi_outgoing outgoing = { .more = true, .continues = true };

    wwi_bytes_append_text(&outgoing.envelope, "more");
    parcel->holder = &it.client;
    parcel->sending.done = was_sent;
    assert_int_equal(it.client.session->calls->send(it.client.session,
        &parcel->sending, &outgoing), WWS_S_OK);
}

static void client__takes_back_what_has_not_begun(void **state)
{
    struct parcel *parcel = calloc(1, sizeof *parcel);
    int fd;

    (void) state;
    fd = converse();
    (void) send_until_full(&it.client);
    send_parcel(parcel);

    assert_true(it.client.session->calls->unsend(it.client.session,
        &parcel->sending));

    assert_false(it.client.session->calls->unsend(it.client.session,
        &parcel->sending));
    assert_int_equal(send_text(&it.client, "z", LAST), WWS_S_OK);
    let_everything_run();
    assert_int_equal(value_of(&it.client.failed), 0);
    free(parcel);
    close(fd);
}

static void client__fails_when_a_message_has_lost_a_piece(void **state)
{
    struct parcel *parcel = calloc(1, sizeof *parcel);
    int fd;

    (void) state;
    fd = converse();
    (void) send_until_full(&it.client);
    send_parcel(parcel);
    assert_int_equal(send_text(&it.client, "z", LAST), WWS_S_OK);

    assert_true(it.client.session->calls->unsend(it.client.session,
        &parcel->sending));

    wait_for(&it.client.failed, 1);
    assert_int_equal(it.client.outcome.status, WWS_E_OPERATION_ABORTED);
    free(parcel);
    close(fd);
}

static void client__forgets_a_request_refused_at_its_beginning(void **state)
{
    int fd;

    (void) state;
    fd = converse();
    it.client.refuses = true;

    assert_int_equal(send_text(&it.client, "ask", WHOLE), WWS_S_OK);

    wait_for(&it.client.done, 1);
    assert_int_equal(it.client.sent.status, WWS_E_OPERATION_CANCELLED);
    give_back(&it.client);
    expect_reset(fd);
    close(fd);
}

static void client__ends_when_it_is_shut_down_unasked(void **state)
{
    int fd;

    (void) state;
    fd = converse();

    it.client.session->calls->shutdown(it.client.session);

    wait_for(&it.client.ended, 1);
    assert_int_equal(send_text(&it.client, "ask", WHOLE),
        WWS_E_INVALID_OPERATION);
    close(fd);
}

static void session__fails_when_it_is_shut_down_in_a_message(void **state)
{
    int fd;

    (void) state;
    fd = converse();
    send_text(&it.client, "ask", FIRST);

    it.client.session->calls->shutdown(it.client.session);

    wait_for(&it.client.failed, 1);
    assert_int_equal(it.client.outcome.status, WWS_E_OPERATION_ABORTED);
    expect_request(fd, CHUNKED);
    expect_text(fd, "3\r\nask\r\n");
    expect_reset(fd);
    close(fd);
}

static void client__aborts_while_it_sends(void **state)
{
    int fd, count;

    (void) state;
    fd = converse();
    count = send_until_full(&it.client);

    it.client.session->calls->abort(it.client.session);

    wait_for(&it.client.failed, 1);
    assert_int_equal(it.client.outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(it.client.done, count);
    assert_int_equal(it.client.sent.status, WWS_E_OPERATION_ABORTED);
    close(fd);
}

static void client__aborts_before_it_is_open(void **state)
{
    (void) state;
    create_client("http://127.0.0.1:1/");

    it.client.session->calls->abort(it.client.session);
    open_client();

    wait_for(&it.client.failed, 1);
    assert_int_equal(it.client.outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(it.client.opened, 0);
}

/* The server's end, with a client that the test plays. */

static void start(void)
{
    static const struct wwi_server_callbacks callbacks = {
        .connected = connected, .state = &it };

    need_runtime();
    assert_int_equal(wwi_http_streamed.server_open(it.runtime,
        WWS_STR("http://127.0.0.1:0/calc"), &it.options, &callbacks,
        &it.server, NULL), WWS_S_OK);
}

static uint16_t port(void)
{
    return port_of(&wwi_http_streamed, it.server);
}

static int dial(void)
{
    return dial_to(port());
}

#define HEAD_10 "POST /calc HTTP/1.0\r\nHost: x\r\n" \
    "Content-Type: text/xml\r\n"
#define HEAD_11 "POST /calc HTTP/1.1\r\nHost: x\r\n" \
    "Content-Type: text/xml; charset=utf-8\r\n"
#define REQUEST HEAD_11 "Content-Length: 5\r\n\r\nhello"
#define STREAM HEAD_11 "SOAPAction: \"urn:a\"\r\nX-Field: y\r\n" CHUNKED \
    "\r\n\r\n"
#define ANSWER(status) "HTTP/1.1 " status "\r\nConnection: close\r\n"
#define TYPED(status) ANSWER(status) \
    "Content-Type: text/xml; charset=utf-8\r\n"

/* A server that has read a whole request. */
static int serve(void)
{
    int fd;

    it.greedy = true;
    start();
    fd = dial();
    put_text(fd, REQUEST);
    wait_for(&it.served[0].ended, 1);
    return fd;
}

static void server__hands_up_a_request_in_pieces(void **state)
{
    int fd;

    (void) state;
    start();
    fd = dial();

    put_text(fd, STREAM "2\r\nhe\r\n");
    wait_for(&it.connected, 1);
    let_everything_run();
    assert_int_equal(value_of(&it.served[0].pieces), 0);
    ask(&it.served[0]);
    wait_for(&it.served[0].pieces, 1);
    assert_int_equal(it.served[0].last_pieces, 0);
    put_text(fd, "3\r\nllo\r\n0\r\n\r\n");
    let_everything_run();
    ask(&it.served[0]);

    wait_for(&it.served[0].ended, 1);
    assert_string_equal(it.served[0].text, "hello");
    assert_int_equal(it.served[0].pieces, 2);
    assert_true(it.served[0].has_action);
    assert_string_equal(it.served[0].action, "urn:a");
    assert_string_equal(it.served[0].field, "y");
    assert_int_equal(it.served[0].http_status, 0);
    close(fd);
}

static void server__accepts_one_octet_at_a_time(void **state)
{
    int fd;

    (void) state;
    it.greedy = true;
    start();
    fd = dial();

    put_singly(fd, STREAM "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n");

    wait_for(&it.served[0].ended, 1);
    assert_string_equal(it.served[0].text, "hello");
    close(fd);
}

static void server__answers_in_chunks(void **state)
{
    int fd;

    (void) state;
    fd = serve();

    assert_int_equal(send_text(&it.served[0], "ab", FIRST), WWS_S_OK);
    expect_head(fd, TYPED("200 OK") CHUNKED "\r\n\r\n");
    expect_text(fd, "2\r\nab\r\n");
    assert_int_equal(send_text(&it.served[0], "", MIDDLE), WWS_S_OK);
    assert_int_equal(send_text(&it.served[0], "c", LAST), WWS_S_OK);

    expect_text(fd, "1\r\nc\r\n0\r\n\r\n");
    expect_end(fd);
    assert_int_equal(send_text(&it.served[0], "d", MIDDLE),
        WWS_E_INVALID_OPERATION);
    close(fd);
    give_back(&it.served[0]);
    assert_int_equal(it.served[0].failed, 0);
}

static void server__answers_with_a_length_what_is_whole(void **state)
{
    int fd;

    (void) state;
    fd = serve();

    assert_int_equal(send_octets(&it.served[0], "oh", 2,
        (struct wwi_outgoing) { .fault = true }), WWS_S_OK);

    expect_head(fd, TYPED("500 Internal Server Error")
        "Content-Length: 2\r\n\r\n");
    expect_text(fd, "oh");
    expect_end(fd);
    close(fd);
}

static void server__ends_the_body_with_the_connection_for_http_1_0(
    void **state)
{
    int fd;

    (void) state;
    it.greedy = true;
    start();
    fd = dial();
    put_text(fd, HEAD_10 "Content-Length: 5\r\n\r\nhello");
    wait_for(&it.served[0].ended, 1);

    send_text(&it.served[0], "ab", FIRST);
    send_text(&it.served[0], "c", LAST);

    expect_head(fd, TYPED("200 OK") "\r\n");
    expect_text(fd, "abc");
    expect_end(fd);
    close(fd);
}

static void server__accepts_without_a_word_when_it_is_shut_down(void **state)
{
    int fd;

    (void) state;
    fd = serve();
    wwi_memory_fail(1, 1);

    it.served[0].session->calls->shutdown(it.served[0].session);
    it.served[0].session->calls->free(it.served[0].session);

    expect_head(fd, ANSWER("202 Accepted") "Content-Length: 0\r\n\r\n");
    expect_end(fd);
    close(fd);
    wait_for(&it.served[0].released, 1);
    it.served[0].session = NULL;
}

static void server__invites_a_body_that_is_asked_for(void **state)
{
    int fd;

    (void) state;
    start();
    fd = dial();
    put_text(fd, HEAD_11 "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    wait_for(&it.connected, 1);

    ask(&it.served[0]);

    expect_text(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    put_text(fd, "hello");
    wait_for(&it.served[0].ended, 1);
    send_text(&it.served[0], "ok", WHOLE);
    expect_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    expect_text(fd, "ok");
    expect_end(fd);
    close(fd);
}

static void server__does_not_invite_a_body_that_it_has_answered(void **state)
{
    int fd;

    (void) state;
    start();
    fd = dial();
    put_text(fd, HEAD_11 "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    wait_for(&it.connected, 1);

    send_text(&it.served[0], "no", WHOLE);
    ask(&it.served[0]);
    let_everything_run();

    expect_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    expect_text(fd, "no");
    it.served[0].session->calls->free(it.served[0].session);
    it.served[0].session = NULL;
    expect_end(fd);
    close(fd);
}

static void server__does_not_invite_a_body_that_comes_anyway(void **state)
{
    int fd;

    (void) state;
    start();
    fd = dial();
    put_text(fd, HEAD_11 "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        "he");
    wait_for(&it.connected, 1);
    let_everything_run();

    it.served[0].greedy = true;
    ask(&it.served[0]);
    put_text(fd, "llo");
    wait_for(&it.served[0].ended, 1);
    send_text(&it.served[0], "ok", WHOLE);

    expect_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    close(fd);
}

/* The client has as much time as its server's holder gives it, and may say
 * that it has nothing to add. */
static void server__lets_a_slow_client_have_its_answer(void **state)
{
    enum { SIZE = 8 * MEBIBYTE };
    char *body = calloc(1, SIZE);
    int fd;

    (void) state;
    wwi_clock_hold();
    fd = serve();
    assert_int_equal(send_octets(&it.served[0], body, SIZE,
        (struct wwi_outgoing) { .version = 0 }), WWS_S_OK);
    free(body);

    let_everything_run();
    shutdown(fd, SHUT_WR);
    let_everything_run();
    wwi_clock_move(3600000);
    let_everything_run();

    expect_head(fd, TYPED("200 OK") "Content-Length: 8388608\r\n\r\n");
    assert_int_equal(drink(fd), SIZE);
    wait_for(&it.served[0].done, 1);
    assert_int_equal(it.served[0].sent.status, WWS_S_OK);
    close(fd);
}

static void server__refuses_heads(void **state)
{
    static const struct {
        const char *request;
        const char *answer;
    } cases[] = {
        { "GET /calc HTTP/1.1\r\nHost: x\r\n\r\n",
            ANSWER("405 Method Not Allowed") "Allow: POST\r\n" },
        { "POST /other HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"
            "Content-Length: 1\r\n\r\n", ANSWER("404 Not Found") },
        { "POST /calc HTTP/1.1\r\nHost: x\r\nContent-Type: text/html\r\n"
            "Content-Length: 1\r\n\r\n",
            ANSWER("415 Unsupported Media Type") },
        { HEAD_11 "\r\n", ANSWER("411 Length Required") },
        { HEAD_11 "Content-Length: 67108865\r\n\r\n",
            ANSWER("413 Content Too Large") },
        { HEAD_11 "Expect: tea\r\nContent-Length: 1\r\n\r\n",
            ANSWER("417 Expectation Failed") },
        { "nonsense\r\n", ANSWER("400 Bad Request") },
        { STREAM "x\r\n", ANSWER("400 Bad Request") },
        { STREAM "4000001\r\n", ANSWER("413 Content Too Large") },
    };

    (void) state;
    start();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[256];
        int fd = dial();

        put_text(fd, cases[i].request);

        snprintf(answer, sizeof answer, "%sContent-Length: 0\r\n\r\n",
            cases[i].answer);
        expect_head(fd, answer);
        expect_end(fd);
        close(fd);
    }
    assert_int_equal(it.connected, 0);
}

static void server__counts_a_body_of_chunks(void **state)
{
    int fd;

    (void) state;
    it.options.max_streamed_size = 4;
    it.greedy = true;
    start();
    fd = dial();

    put_text(fd, STREAM "2\r\nhe\r\n");
    wait_for(&it.connected, 1);
    put_text(fd, "3\r\nllo\r\n0\r\n\r\n");

    wait_for(&it.served[0].failed, 1);
    assert_int_equal(it.served[0].outcome.status, WWS_E_QUOTA_EXCEEDED);
    expect_reset(fd);
    close(fd);
}

static void server__fails_by_a_request_that_is_wrong(void **state)
{
    static const char *const wrong[] = {
        "x\r\n", "-1\r\n", " 1\r\n", "2\r\nabc", "11111111111111111\r\n",
        "1\nx",
    };
    int count = (int) (sizeof wrong / sizeof *wrong);

    (void) state;
    it.greedy = true;
    start();

    for (int i = 0; i < count; i++) {
        int fd = dial();

        put_text(fd, STREAM);
        wait_for(&it.connected, i + 1);
        put_text(fd, wrong[i]);

        wait_for(&it.served[i].failed, 1);
        assert_int_equal(it.served[i].outcome.status, WWS_E_INVALID_FORMAT);
        expect_reset(fd);
        close(fd);
    }
}

static void server__hears_of_a_client_that_goes(void **state)
{
    static const char *const parts[] = {
        STREAM, STREAM "5\r\nhel", STREAM "5\r\nhello\r\n", REQUEST,
    };
    int count = 0;

    (void) state;
    start();

    for (int greedy = 0; greedy < 2; greedy++)
        for (int resets = 0; resets < 2; resets++)
            for (int i = 0; i < 4; i++) {
                struct holder *holder = &it.served[count++];
                int fd = dial();

                it.greedy = greedy;
                put_text(fd, parts[i]);
                wait_for(&it.connected, count);
                let_everything_run();
                if (resets)
                    reset(fd);
                else
                    close(fd);

                wait_for(&holder->failed, 1);
                assert_int_equal(holder->outcome.status,
                    WWS_E_ENDPOINT_DISCONNECTED);
                assert_int_equal(holder->ended, greedy && i == 3);
            }
}

static void server__hears_of_a_client_that_goes_within_the_reply(void **state)
{
    int fd, count;

    (void) state;
    fd = serve();
    count = send_until_full(&it.served[0]);

    close(fd);

    wait_for(&it.served[0].failed, 1);
    assert_int_equal(it.served[0].done, count);
    assert_int_equal(it.served[0].sent.status, WWS_E_ENDPOINT_DISCONNECTED);
}

static void server__tolerates_half_close(void **state)
{
    int fd;

    (void) state;
    it.options.tolerate_half_close = true;
    it.greedy = true;
    start();
    fd = dial();
    put_text(fd, REQUEST);
    shutdown(fd, SHUT_WR);
    wait_for(&it.served[0].ended, 1);
    let_everything_run();

    assert_int_equal(send_text(&it.served[0], "ok", WHOLE), WWS_S_OK);

    expect_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    expect_text(fd, "ok");
    expect_end(fd);
    assert_int_equal(it.served[0].failed, 0);
    close(fd);
}

static void server__resets_when_it_is_freed_unanswered(void **state)
{
    int fd;

    (void) state;
    it.drops = true;
    start();
    fd = dial();

    put_text(fd, REQUEST);

    expect_reset(fd);
    close(fd);
}

static void server__resets_when_it_is_freed_within_the_reply(void **state)
{
    int fd;

    (void) state;
    fd = serve();
    send_text(&it.served[0], "ab", FIRST);
    expect_head(fd, TYPED("200 OK") CHUNKED "\r\n\r\n");
    expect_text(fd, "2\r\nab\r\n");

    give_back(&it.served[0]);

    expect_reset(fd);
    close(fd);
}

static void server__limits_the_time_before_a_head(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    start();
    fd = dial();
    let_everything_run();

    wwi_clock_move(119999);
    let_everything_run();
    wwi_clock_move(1);

    expect_end(fd);
    close(fd);
}

static void server__limits_the_time_of_a_head(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    start();
    fd = dial();
    for (int i = 0; i < 3; i++) {
        put(fd, &"POS"[i], 1);
        let_everything_run();
        wwi_clock_move(10000 - (i == 2));
        let_everything_run();
    }

    wwi_clock_move(1);

    expect_head(fd, ANSWER("408 Request Timeout")
        "Content-Length: 0\r\n\r\n");
    expect_end(fd);
    close(fd);
}

static void server__does_not_wait_long_for_a_client_to_leave(void **state)
{
    int fd;

    (void) state;
    wwi_clock_hold();
    fd = serve();
    send_text(&it.served[0], "ok", WHOLE);
    expect_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    expect_text(fd, "ok");
    expect_end(fd);
    let_everything_run();

    it.served[0].session->calls->free(it.served[0].session);
    let_everything_run();
    assert_int_equal(value_of(&it.served[0].released), 0);
    wwi_clock_move(2000);

    wait_for(&it.served[0].released, 1);
    it.served[0].session = NULL;
    close(fd);
}

static void server__lets_sessions_go_on_when_it_stops(void **state)
{
    int idle, fd;

    (void) state;
    start();
    idle = dial();
    fd = dial();
    put_text(fd, REQUEST);
    wait_for(&it.connected, 1);
    let_everything_run();

    wwi_http_streamed.server_stop(it.server, false, was_stopped);

    expect_end(idle);
    close(idle);
    assert_int_equal(value_of(&it.stopped), 0);
    ask(&it.served[0]);
    wait_for(&it.served[0].ended, 1);
    send_text(&it.served[0], "ok", WHOLE);
    expect_head(fd, TYPED("200 OK") "Content-Length: 2\r\n\r\n");
    expect_text(fd, "ok");
    expect_end(fd);
    close(fd);
    wait_for(&it.stopped, 1);
}

static void server__aborts_sessions_when_it_is_reset(void **state)
{
    int idle, fd;

    (void) state;
    start();
    idle = dial();
    fd = dial();
    put_text(fd, STREAM "5\r\nhel");
    wait_for(&it.connected, 1);
    let_everything_run();

    wwi_http_streamed.server_stop(it.server, true, was_stopped);

    wait_for(&it.stopped, 1);
    wait_for(&it.served[0].failed, 1);
    assert_int_equal(it.served[0].outcome.status, WWS_E_OPERATION_ABORTED);
    expect_reset(fd);
    close(fd);
    close(idle);
}

/* Both ends. */

static void meet(void)
{
    char url[64];

    start();
    snprintf(url, sizeof url, "http://127.0.0.1:%u/calc", port());
    create_client(url);
    open_client();
    wait_for(&it.client.opened, 1);
}

/* Octets that are allocated, by whatever counts them. */
static size_t allocated(void)
{
    size_t (*count)(void);
    void *found = dlsym(RTLD_DEFAULT,
        "__sanitizer_get_current_allocated_bytes");
    struct mallinfo2 info;

    memcpy(&count, &found, sizeof count);
    if (found != NULL)
        return count();
    info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Three pieces at a time under way, to one who asks for the next only when all
 * has come to rest. */
static void stream(struct holder *from, struct holder *to)
{
    static char piece[PIECE];
    size_t before = allocated(), most = 0, now;
    int count = BULK / PIECE;

    for (int i = 0; i < count; i++) {
        assert_int_equal(send_octets(from, piece, sizeof piece,
            (struct wwi_outgoing) { .continues = i != 0,
                .more = i != count - 1 }), WWS_S_OK);
        wait_for(&it.connected, 1);
        while (value_of(&from->done) < i - 2) {
            let_everything_run();
            ask(to);
        }
        now = allocated();
        if (now > before && now - before > most)
            most = now - before;
    }
    while (value_of(&to->last_pieces) == 0) {
        ask(to);
        let_everything_run();
    }
    assert_int_equal(to->octets, BULK);
    assert_true(to->largest <= PIECE);
    assert_true(most < MEBIBYTE);
}

static void session__streams_a_request_in_bounded_memory(void **state)
{
    (void) state;
    meet();

    stream(&it.client, &it.served[0]);

    wait_for(&it.served[0].ended, 1);
    assert_int_equal(it.client.failed + it.served[0].failed, 0);
}

static void session__streams_a_reply_in_bounded_memory(void **state)
{
    (void) state;
    meet();
    send_text(&it.client, "ask", WHOLE);
    wait_for(&it.connected, 1);
    ask(&it.served[0]);
    wait_for(&it.served[0].ended, 1);

    stream(&it.served[0], &it.client);

    wait_for(&it.client.ended, 1);
    assert_int_equal(it.client.failed + it.served[0].failed, 0);
}

static void session__fails_cleanly_without_memory(void **state)
{
    int failed = 0, n = 0;

    do {
        if (n++ != 0)
            set_up(state);
        it.greedy = it.replies = it.client.greedy = true;
        meet();

        wwi_memory_fail((uint64_t) n, 0);
        if (send_text(&it.client, "ask", FIRST) != WWS_S_OK
            || send_text(&it.client, "more", LAST) != WWS_S_OK)
            it.client.session->calls->abort(it.client.session);
        ask(&it.client);

        wait_for(&it.client.finished, 1);
        failed = it.client.failed;
        assert_true(failed || strcmp(it.client.text, "reply") == 0);
        if (failed)
            clean_up(state);
    } while (failed && n < 200);
    assert_true(n > 5 && n < 200);
}

static void client__is_not_made_without_memory(void **state)
{
    struct wwi_session *session;

    (void) state;
    need_runtime();

    for (uint64_t n = 1; ; n++) {
        wws_status status;

        wwi_memory_fail(n, 0);
        status = wwi_http_streamed.session_create(it.runtime,
            WWS_STR("http://127.0.0.1:1/"), &it.client_options, &session,
            NULL);
        wwi_memory_fail(0, 0);
        if (status == WWS_S_OK) {
            assert_true(n > 2);
            break;
        }
        assert_int_equal(status, WWS_E_OUTOFMEMORY);
    }
    hold(&it.client, session);
}

static void server__closes_connections_that_it_has_no_memory_for(
    void **state)
{
    uint16_t where;
    int fd;

    (void) state;
    start();
    where = port();
    wwi_memory_fail(1, 1);

    fd = dial_to(where);

    expect_end(fd);
    close(fd);
    wwi_memory_fail(0, 0);
    fd = dial();
    put_text(fd, REQUEST);
    wait_for(&it.connected, 1);
    close(fd);
}

static void server__serves_curl(void **state)
{
    char command[512], reply[64] = "";
    FILE *curl;

    (void) state;
    if (system("curl --version >/dev/null 2>&1") != 0)
        skip();
    it.greedy = it.replies = true;
    start();
    snprintf(command, sizeof command, "printf hello | curl -s -m 20 -X POST "
        "-T - -H 'Content-Type: text/xml' -H 'Expect: 100-continue' "
        "-w ' %%{http_code}' http://127.0.0.1:%u/calc", port());

    curl = popen(command, "r");

    assert_non_null(curl);
    assert_true(fread(reply, 1, sizeof reply - 1, curl) != 0);
    assert_int_equal(pclose(curl), 0);
    assert_string_equal(reply, "reply 200");
    wait_for(&it.served[0].ended, 1);
    assert_string_equal(it.served[0].text, "hello");
}

static void *abort_it(void *holder)
{
    struct wwi_session *session = ((struct holder *) holder)->session;

    session->calls->abort(session);
    return NULL;
}

static void session__is_aborted_by_any_thread_meanwhile(void **state)
{
    for (int i = 0; i < 40; i++) {
        static char piece[PIECE];
        pthread_t thread;
        bool first = true;

        if (i != 0)
            set_up(state);
        it.greedy = true;
        meet();
        for (int j = 0; j < i; j++) {
            (void) send_octets(&it.client, piece, sizeof piece,
                (struct wwi_outgoing) { .more = true, .continues = !first });
            first = false;
        }
        pthread_create(&thread, NULL, abort_it, &it.client);
        while (send_octets(&it.client, piece, sizeof piece,
            (struct wwi_outgoing) { .more = true, .continues = !first })
            == WWS_S_OK)
            first = false;
        pthread_join(thread, NULL);

        wait_for(&it.client.failed, 1);
        assert_int_equal(it.client.outcome.status, WWS_E_OPERATION_ABORTED);
        if (i != 39)
            clean_up(state);
    }
}

#define PROMISE(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        PROMISE(client__checks_its_address),
        PROMISE(client__is_freed_unopened),
        PROMISE(client__tells_of_its_opening),
        PROMISE(client__says_that_nobody_listens),
        PROMISE(client__sends_nothing_before_it_is_open),
        PROMISE(client__sends_pieces_as_chunks),
        PROMISE(client__ends_a_request_with_nothing),
        PROMISE(client__names_the_action_in_soap_1_2),
        PROMISE(client__refuses_what_no_head_can_say),
        PROMISE(client__receives_what_it_asks_for),
        PROMISE(client__accepts_one_octet_at_a_time),
        PROMISE(client__takes_a_body_that_ends_with_the_connection),
        PROMISE(client__ends_without_a_piece_when_there_is_no_body),
        PROMISE(client__hands_up_the_envelope_of_a_fault),
        PROMISE(client__maps_what_is_no_reply),
        PROMISE(client__fails_by_a_reply_that_is_cut_or_wrong),
        PROMISE(client__does_not_take_a_loss_for_the_end_of_a_body),
        PROMISE(client__takes_no_more_interim_responses_than_some),
        PROMISE(client__hears_of_a_peer_that_goes_unasked),
        PROMISE(client__does_not_accept_an_answer_to_nothing),
        PROMISE(client__stops_sending_when_the_reply_comes_early),
        PROMISE(client__delivers_all_of_a_reply_before_a_reset),
        PROMISE(client__delivers_an_early_reply_of_a_peer_that_resets),
        PROMISE(client__fails_early_when_it_is_refused),
        PROMISE(client__takes_back_what_has_not_begun),
        PROMISE(client__fails_when_a_message_has_lost_a_piece),
        PROMISE(client__forgets_a_request_refused_at_its_beginning),
        PROMISE(client__ends_when_it_is_shut_down_unasked),
        PROMISE(session__fails_when_it_is_shut_down_in_a_message),
        PROMISE(client__aborts_while_it_sends),
        PROMISE(client__aborts_before_it_is_open),
        PROMISE(server__hands_up_a_request_in_pieces),
        PROMISE(server__accepts_one_octet_at_a_time),
        PROMISE(server__answers_in_chunks),
        PROMISE(server__answers_with_a_length_what_is_whole),
        PROMISE(server__ends_the_body_with_the_connection_for_http_1_0),
        PROMISE(server__accepts_without_a_word_when_it_is_shut_down),
        PROMISE(server__invites_a_body_that_is_asked_for),
        PROMISE(server__does_not_invite_a_body_that_it_has_answered),
        PROMISE(server__does_not_invite_a_body_that_comes_anyway),
        PROMISE(server__lets_a_slow_client_have_its_answer),
        PROMISE(server__refuses_heads),
        PROMISE(server__counts_a_body_of_chunks),
        PROMISE(server__fails_by_a_request_that_is_wrong),
        PROMISE(server__hears_of_a_client_that_goes),
        PROMISE(server__hears_of_a_client_that_goes_within_the_reply),
        PROMISE(server__tolerates_half_close),
        PROMISE(server__resets_when_it_is_freed_unanswered),
        PROMISE(server__resets_when_it_is_freed_within_the_reply),
        PROMISE(server__limits_the_time_before_a_head),
        PROMISE(server__limits_the_time_of_a_head),
        PROMISE(server__does_not_wait_long_for_a_client_to_leave),
        PROMISE(server__lets_sessions_go_on_when_it_stops),
        PROMISE(server__aborts_sessions_when_it_is_reset),
        PROMISE(session__streams_a_request_in_bounded_memory),
        PROMISE(session__streams_a_reply_in_bounded_memory),
        PROMISE(session__fails_cleanly_without_memory),
        PROMISE(client__is_not_made_without_memory),
        PROMISE(server__closes_connections_that_it_has_no_memory_for),
        PROMISE(server__serves_curl),
        PROMISE(session__is_aborted_by_any_thread_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
