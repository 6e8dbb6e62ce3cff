/* Messages in pieces, between an end of ours and a bare socket. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/streams.h"
#include "tests/support/public/framing.h"
#include "tests/support/public/peer.h"

#define HEAD "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"" \
    " xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header><a:Action>" \
    ACTION "</a:Action><a:MessageID>urn:bare:1</a:MessageID></s:Header>" \
    "<s:Body>"
#define TAIL "</s:Body></s:Envelope>"

enum { RECORD_UNSIZED = 0x05, MODE_UNSIZED = 1, MODE_AT = 4 };

static void bare_begin(int fd, const char *url)
{
    static const char fields[] = "POST /test HTTP/1.1\r\nHost: here\r\n"
        "Content-Type: application/soap+xml; charset=utf-8\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    char preamble[PREAMBLE_ROOM], ack;
    size_t size;

    if (!wire()->has_sessions) {
        must(write_all(fd, fields, sizeof fields - 1));
        return;
    }
    size = put_preamble(preamble, url);
    preamble[MODE_AT] = MODE_UNSIZED;
    must(write_all(fd, preamble, size));
    must(read_all(fd, &ack, 1) && ack == RECORD_ACK);
    ack = RECORD_UNSIZED;
    must(write_all(fd, &ack, 1));
}

static void bare_piece(int fd, const char *octets, size_t size)
{
    char head[32];
    size_t head_size = wire()->has_sessions ? put_size(head, size)
        : (size_t) snprintf(head, sizeof head, "%zx\r\n", size);

    must(write_all(fd, head, head_size));
    must(write_all(fd, octets, size));
    must(wire()->has_sessions || write_all(fd, "\r\n", 2));
}

static void bare_end(int fd)
{
    must(wire()->has_sessions ? write_all(fd, "\0\x07", 2)
        : write_all(fd, "0\r\n\r\n", 5));
}

static int bare_listen(char *url, size_t room)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0);
    must(bind(fd, (struct sockaddr *) &address, sizeof address) == 0);
    must(listen(fd, 1) == 0);
    must(getsockname(fd, (struct sockaddr *) &address, &size) == 0);
    snprintf(url, room, "%s://127.0.0.1:%u/s", wire()->scheme,
        (unsigned) ntohs(address.sin_port));
    return fd;
}

/* One of less than 2 KiB: its size. */
static size_t read_chunk(int fd, char *out)
{
    unsigned char low, high = 0;

    must(read_all(fd, &low, 1));
    if (low >= 0x80)
        must(read_all(fd, &high, 1) && high < 8);
    must(read_all(fd, out, (low & 0x7Fu) | (size_t) high << 7));
    return (low & 0x7Fu) | (size_t) high << 7;
}

/* A request in pieces of that size. */
static int bare_request(
    const struct ends *ends,
    const char *envelope,
    size_t size)
{
    int fd = peer_connect(ends->url);
    size_t all = strlen(envelope);

    bare_begin(fd, ends->url);
    for (size_t at = 0; at < all; at += size)
        bare_piece(fd, envelope + at, all - at < size ? all - at : size);
    bare_end(fd);
    return fd;
}

/* All that comes until the connection ends. */
static size_t bare_reply(int fd, char *out, size_t room)
{
    size_t size = 0;
    ssize_t got;

    while (size < room - 1
        && (got = recv(fd, out + size, room - 1 - size, 0)) > 0)
        size += (size_t) got;
    out[size] = '\0';
    close(fd);
    return size;
}

static void reopen_server(struct ends *ends)
{
    (void) wws_channel_close(ends->server.channel, NULL, no_error);
    assert_status(wws_channel_reset(ends->server.channel, no_error),
        WWS_S_OK);
    reset(ends->server.reads);
}

static void stream__is_understood_however_it_is_cut(void **state)
{
    struct ends *ends = *state;
    char got[4096], content[1024];
    size_t size;

    listen_for(ends, &streamed);
    for (size_t cut = 1; cut < 200; cut += 1 + cut / 4) {
        int fd = bare_request(ends, HEAD BODY TAIL, cut);

        assert_status(accept_next(ends), WWS_S_OK);
        read_all_of(CALLBACK, &ends->server, content);
        make_reply(ends);
        write_split(CALLBACK, &ends->server, BODY, cut);

        expect_content(content, BODY);
        if (wire()->has_sessions)
            (void) shutdown(fd, SHUT_WR);
        size = bare_reply(fd, got, sizeof got);
        assert_true(contains(got, size, "RelatesTo"));
        assert_true(contains(got, size, "Envelope"));
        reopen_server(ends);
    }
}

/* The octets of spec 13.2: mode 1, a chunk for each piece, and the end. */
static void stream__over_tcp_is_framed_as_others_do(void **state)
{
    static const char ack = RECORD_ACK;
    static const char reply[] = "<s:Envelope xmlns:s="
        "\"http://www.w3.org/2003/05/soap-envelope\"><s:Body/></s:Envelope>";
    struct ends *ends = *state;
    struct step step = { .side = &ends->client };
    char wanted[PREAMBLE_ROOM], got[1024];
    struct heard heard;
    size_t size;
    int listening, fd;

    listening = bare_listen(ends->url, sizeof ends->url);
    connect_to(ends, ends->url, &streamed);
    hear(&heard, CALLBACK, start_write_start, &step);
    fd = accept(listening, NULL, NULL);
    size = put_preamble(wanted, ends->url);
    wanted[MODE_AT] = MODE_UNSIZED;
    must(read_all(fd, got, size) && write_all(fd, &ack, 1));
    assert_memory_equal(got, wanted, size);
    assert_status(heard_end(&heard), WWS_S_OK);

    assert_status(write_text(&ends->client, "<a xmlns='urn:a'/>"), WWS_S_OK);
    assert_status(now(&ends->client, start_write_end), WWS_S_OK);

    must(read_all(fd, got, 1));
    assert_int_equal(got[0], RECORD_UNSIZED);
    assert_in_range(read_chunk(fd, got), 100, 1000);
    assert_int_equal(read_chunk(fd, got), 18);
    assert_memory_equal(got, "<a xmlns='urn:a'/>", 18);
    assert_int_equal(read_chunk(fd, got), 22);
    assert_memory_equal(got, TAIL, 22);
    must(read_all(fd, got, 2));
    assert_memory_equal(got, "\0\x07", 2);
    must(write_all(fd, "\x05\x20", 2) && write_all(fd, reply, 32)
        && write_all(fd, "\x34", 1) && write_all(fd, reply + 32, 52)
        && write_all(fd, "\0\x07", 2));
    assert_status(now(&ends->client, start_read_start), WWS_S_OK);
    assert_status(now(&ends->client, start_read), WWS_S_END);
    assert_status(now(&ends->client, start_read_end), WWS_S_OK);
    close(fd);
    close(listening);
}

/* As curl sends it. */
static void stream__over_http_may_have_a_content_length(void **state)
{
    static const char body[] = HEAD BODY TAIL;
    struct ends *ends = *state;
    char head[256], got[4096], content[1024];
    size_t size;
    int fd;

    listen_for(ends, &streamed);
    fd = peer_connect(ends->url);
    size = (size_t) snprintf(head, sizeof head,
        "POST /test HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n"
        "Content-Type: application/soap+xml; charset=utf-8\r\n"
        "Content-Length: %zu\r\n\r\n", sizeof body - 1);
    must(write_all(fd, head, size));
    must(write_all(fd, body, sizeof body - 1));

    assert_status(accept_next(ends), WWS_S_OK);
    read_all_of(QUEUE, &ends->server, content);
    make_reply(ends);
    write_split(QUEUE, &ends->server, BODY, 11);

    expect_content(content, BODY);
    size = bare_reply(fd, got, sizeof got);
    assert_true(contains(got, size, "Transfer-Encoding: chunked"));
    assert_true(contains(got, size, "\r\nB\r\n<t:x xmlns:\r\n"));
    assert_true(contains(got, size, "\r\n0\r\n\r\n"));
}

struct malformed {
    const char *envelope;
    start_fn found; /* the function that says so */
};

static const struct malformed malformed[] = {
    { "<s:Envelope", start_read_start },
    { "no envelope", start_read_start },
    { "<s:Envelope xmlns:s='urn:s'><s:Body/></s:Envelope>",
      start_read_start },
    { "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'>"
      "<s:Header/></s:Envelope>", start_read_start },
    { HEAD FLOW_BEGIN "</t:y>", start_read },
    { HEAD FLOW_BEGIN "&nix;" FLOW_END TAIL, start_read },
    { HEAD FLOW_BEGIN "<t:y></t:x>", start_read },
    { HEAD FLOW_BEGIN "\xC3(" FLOW_END TAIL, start_read },
    { HEAD BODY "</s:Body>", start_read_end },
    { HEAD BODY "</s:Body></s:Wrong>", start_read_end },
    { HEAD BODY TAIL "<s:more/>", start_read_end },
};

enum { MALFORMED = sizeof malformed / sizeof *malformed };

static void expect_malformed(struct side *side, start_fn found)
{
    struct step step = { .side = side };
    struct heard heard;
    wws_status status = WWS_S_OK;

    if (found != start_read_start)
        assert_status(now(side, start_read_start), WWS_S_OK);
    do {
        wws_buffer_release(&step.piece);
        step.piece = (wws_buffer) { 0 };
        hear(&heard, CALLBACK, found, &step);
        status = heard_wait(&heard);
        if (status < 0 && !heard_says(&heard, "line 1, column "))
            fail_msg("the error does not say where");
        (void) heard_end(&heard);
    } while (status == WWS_S_OK);
    assert_status(status, WWS_E_INVALID_FORMAT);
}

static void check_malformed(struct ends *ends, const struct malformed *one)
{
    int fd = bare_request(ends, one->envelope, 19);
    char got[4096];
    size_t size;

    assert_status(accept_next(ends), WWS_S_OK);
    expect_malformed(&ends->server, one->found);
    if (one->found == start_read)
        assert_status(abandon(&ends->server, ends->server.reads), WWS_S_OK);
    answer_with_fault(ends);
    if (wire()->has_sessions)
        (void) shutdown(fd, SHUT_WR);
    size = bare_reply(fd, got, sizeof got);
    assert_true(contains(got, size, "not like this"));
    assert_true(wire()->has_sessions || contains(got, size, "HTTP/1.1 500"));
    reopen_server(ends);
}

/* G96, G97: wherever it is malformed, who sent it can be told. */
static void malformed_stream__is_refused_and_can_be_answered(void **state)
{
    struct ends *ends = *state;

    listen_for(ends, &streamed);
    for (int i = 0; i < MALFORMED; i++)
        check_malformed(ends, &malformed[i]);
}

static void stream__may_not_be_too_deep(void **state)
{
    struct ends *ends = *state;
    static char deep[8192] = HEAD;
    size_t size = strlen(HEAD);
    int fd;

    listen_for(ends, &streamed);
    for (int i = 0; i < 1000; i++, size += 3)
        memcpy(deep + size, "<x>", 3);
    fd = bare_request(ends, deep, 4000);
    assert_status(accept_next(ends), WWS_S_OK);
    assert_status(now(&ends->server, start_read_start), WWS_S_OK);

    assert_status(read_until_it_ends(&ends->server), WWS_E_QUOTA_EXCEEDED);

    assert_status(abandon(&ends->server, ends->server.reads), WWS_S_OK);
    answer_with_fault(ends);
    close(fd);
}

static void refusal__with_a_reply_that_is_no_fault_is_a_failure(void **state)
{
    static const char body[] = HEAD BODY TAIL;
    char reply[1024];
    const struct peer_script script = { .reply = reply, .reads = 300 };
    struct ends *ends = *state;
    struct peer peer;

    snprintf(reply, sizeof reply, "HTTP/1.1 500 No\r\n"
        "Content-Type: application/soap+xml; charset=utf-8\r\n"
        "Content-Length: %zu\r\n\r\n%s", sizeof body - 1, body);
    peer_start(&peer, &script);
    connect_to(ends, peer.url, &streamed);
    write_whole(&ends->client, BODY);

    assert_status(now(&ends->client, start_read_start),
        WWS_E_ENDPOINT_FAILURE);

    peer_stop(&peer);
}

int main(void)
{
#define promise_over(which, test) \
    cmocka_unit_test_prestate_setup_teardown(test, set_up, tear_down, which)
    const struct CMUnitTest tests[] = {
        promise(stream__is_understood_however_it_is_cut),
        promise(malformed_stream__is_refused_and_can_be_answered),
        promise(stream__may_not_be_too_deep),
        promise_over(OVER_TCP, stream__over_tcp_is_framed_as_others_do),
        promise_over(OVER_HTTP, stream__over_http_may_have_a_content_length),
        promise_over(OVER_HTTP,
            refusal__with_a_reply_that_is_no_fault_is_a_failure),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
