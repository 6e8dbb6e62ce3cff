/* Peers that break the rules of a session, seen through the interface: each is
 * refused with its status and some words, or with the fault that the framing
 * has for it, and nobody else suffers. */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/public/framing.h"
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define FAULTS "http://schemas.microsoft.com/ws/2006/05/framing/faults/"

static const wws_error no_error;

static wws_service_proxy_state proxy_state(wws_service_proxy proxy)
{
    wws_service_proxy_state state;

    must(wws_service_proxy_get_state(proxy, &state, no_error) == WWS_S_OK);
    return state;
}

/* The error tells this status, and says something. */
static void assert_explained(const struct heard *heard, wws_status status)
{
    wws_error_info info = heard_info(heard);

    assert_status(info.status, status);
    assert_true(info.string_count > 1);
}

/* Servers that do not open a session. */

/* TE2, L4 */
static void open__says_why_there_is_no_session(void **state)
{
    static const struct {
        const char *greets;
        wws_status status;
        const char *says;
    } rows[] = {
        { "HTTP/1.1 400 Bad Request\r\n\r\n", WWS_E_INVALID_FORMAT, "HTTP" },
        { "\x06\x01x", WWS_E_INVALID_FORMAT, "" },
        { "\x0A", WWS_E_INVALID_FORMAT, "" },
        { "\x07", WWS_E_INVALID_FORMAT, "" },
        { "\xff", WWS_E_INVALID_FORMAT, "" },
        { "\x08\x47" FAULTS "EndpointNotFound", WWS_E_ENDPOINT_NOT_FOUND,
            "EndpointNotFound" },
        { "\x08\x44" FAULTS "ServerTooBusy", WWS_E_ENDPOINT_TOO_BUSY,
            "ServerTooBusy" },
        { "\x08\x4A" FAULTS "EndpointUnavailable",
            WWS_E_ENDPOINT_NOT_AVAILABLE, "EndpointUnavailable" },
        { "\x08\x49" FAULTS "ContentTypeInvalid", WWS_E_ENDPOINT_FAILURE,
            "ContentTypeInvalid" },
        { "\x08\x05urn:x", WWS_E_ENDPOINT_FAILURE, "urn:x" },
        { "\x08\x47http", WWS_E_ENDPOINT_DISCONNECTED, "" },
        { "", WWS_E_ENDPOINT_DISCONNECTED, "" },
    };
    struct world *world = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct peer_script script = {
            .greets = rows[i].greets,
            .then = PEER_CLOSES,
        };
        struct heard heard;
        struct talk talk;
        struct peer peer;

        peer_start(&peer, &script);
        talk = (struct talk) {
            .channel = new_channel(world->runtime),
            .url = peer.url,
        };
        hear(&heard, (enum manner) (i % MANNERS), start_open, &talk);
        if (heard_wait(&heard) != rows[i].status)
            print_error("number %zu\n", i);
        assert_status(heard_wait(&heard), rows[i].status);
        assert_explained(&heard, rows[i].status);
        assert_true(heard_says(&heard, rows[i].says));
        assert_status(heard_end(&heard), rows[i].status);
        assert_int_equal(channel_state(talk.channel),
            WWS_CHANNEL_STATE_CREATED);
        assert_status(wws_channel_free(talk.channel), WWS_S_OK);
        peer_stop(&peer);
    }
}

/* Servers that break off, or break the rules, when they have a request. */

struct breach {
    const char *octets;
    size_t size;
    enum peer_end then;
    wws_status status;
};

#define SAYS(octets) octets, sizeof(octets) - 1

static const struct breach breaches[] = {
    { SAYS("\x00"), PEER_HOLDS, WWS_E_INVALID_FORMAT },
    { SAYS("\x05\x01x"), PEER_HOLDS, WWS_E_INVALID_FORMAT },
    { SAYS("\x0B"), PEER_HOLDS, WWS_E_INVALID_FORMAT },
    { SAYS("\x0D"), PEER_HOLDS, WWS_E_INVALID_FORMAT },
    { SAYS("\xff"), PEER_HOLDS, WWS_E_INVALID_FORMAT },
    { SAYS("\x06\x00"), PEER_HOLDS, WWS_E_INVALID_FORMAT },
    { SAYS("\x06\x80\x80\x80\x80\x08"), PEER_HOLDS, WWS_E_INVALID_FORMAT },
    { SAYS("\x06\x80\x80\x80\x80\x80"), PEER_HOLDS, WWS_E_INVALID_FORMAT },
    { SAYS("\x06\x81\x80\x04"), PEER_HOLDS, WWS_E_QUOTA_EXCEEDED },
    { SAYS("\x08\x4A" FAULTS "EndpointUnavailable"), PEER_CLOSES,
        WWS_E_ENDPOINT_NOT_AVAILABLE },
    { SAYS("\x06"), PEER_CLOSES, WWS_E_ENDPOINT_DISCONNECTED },
    { SAYS("\x06\x80"), PEER_RESETS, WWS_E_ENDPOINT_DISCONNECTED },
    { SAYS("\x06\x20<s:"), PEER_CLOSES, WWS_E_ENDPOINT_DISCONNECTED },
    { SAYS("\x06\x20<s:\x07"), PEER_CLOSES, WWS_E_ENDPOINT_DISCONNECTED },
    { SAYS(""), PEER_CLOSES, WWS_E_ENDPOINT_DISCONNECTED },
    { SAYS(""), PEER_RESETS, WWS_E_ENDPOINT_DISCONNECTED },
    { SAYS("\x07"), PEER_HOLDS, WWS_E_ENDPOINT_DISCONNECTED },
};

/* T31, PR1, L4, E3: every call ends as the session does, and the proxy is
 * faulted. */
static void session__that_breaks_ends_all_calls_as_it_broke(void **state)
{
    enum { CALLS = 3 };
    static const enum manner manners[CALLS] = { CALLBACK, QUEUE, SYNC };
    struct world *world = *state;

    for (size_t i = 0; i < COUNT(breaches); i++) {
        const struct peer_script script = {
            .reads = 200, /* of the first call */
            .reply = breaches[i].octets,
            .sends = breaches[i].size,
            .then = breaches[i].then,
        };
        struct heard heard[CALLS];
        struct call calls[CALLS];
        wws_service_proxy proxy;
        struct peer peer;

        peer_start(&peer, &script);
        proxy = world_proxy(world, NULL, peer.url);
        for (int k = 0; k < CALLS; k++) {
            calls[k] = call_to(proxy, ACTION_ECHO);
            hear(&heard[k], manners[k], start_call, &calls[k]);
        }
        for (int k = 0; k < CALLS; k++) {
            wws_status status = heard_wait(&heard[k]);

            /* It may be over before the later ones. */
            if (k > 0 && status == WWS_E_OBJECT_FAULTED) {
                (void) heard_end(&heard[k]);
                continue;
            }
            if (status != breaches[i].status)
                print_error("number %zu, call %d\n", i, k);
            assert_status(status, breaches[i].status);
            assert_explained(&heard[k], status);
            assert_status(heard_end(&heard[k]), breaches[i].status);
        }
        assert_int_equal(proxy_state(proxy), WWS_SERVICE_PROXY_STATE_FAULTED);
        assert_status(call_now(proxy, ACTION_ECHO), WWS_E_OBJECT_FAULTED);
        assert_status(wws_service_proxy_close(proxy, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
        peer_stop(&peer);
    }
}

static wws_channel new_default_client(wws_runtime runtime, const char *url)
{
    wws_channel_options options = channel_options();
    wws_channel channel;

    must(wws_channel_create(runtime, &options, &channel, no_error)
        == WWS_S_OK);
    must(wws_channel_open(channel, text(url), NULL, no_error) == WWS_S_OK);
    return channel;
}

/* C7, L4, E3, O3: a bare channel says the same, then is faulted; an end in
 * order is none. */
static void channel__that_breaks_says_how(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i + 1 < COUNT(breaches); i++) {
        const struct peer_script script = {
            .reads = 1,
            .reply = breaches[i].octets,
            .sends = breaches[i].size,
            .then = breaches[i].then,
        };
        struct heard heard;
        struct talk talk;
        struct peer peer;

        peer_start(&peer, &script);
        talk = (struct talk) {
            .channel = new_default_client(world->runtime, peer.url),
            .request = new_request(ACTION_ECHO, 0),
            .reply = new_empty(),
        };
        hear(&heard, CALLBACK, start_receive, &talk);
        (void) start_send(&talk, NULL, no_error);
        assert_status(heard_wait(&heard), breaches[i].status);
        assert_explained(&heard, breaches[i].status);
        assert_status(heard_end(&heard), breaches[i].status);
        assert_true(channel_becomes(talk.channel, WWS_CHANNEL_STATE_FAULTED));
        assert_status(start_receive(&talk, NULL, no_error),
            WWS_E_OBJECT_FAULTED);
        assert_status(wws_channel_close(talk.channel, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_channel_free(talk.channel), WWS_S_OK);
        assert_status(wws_message_free(talk.request), WWS_S_OK);
        assert_status(wws_message_free(talk.reply), WWS_S_OK);
        peer_stop(&peer);
    }
}

/* Replies that are not what they should be. */

static void reply_to(int fd, const char *id, const char *content)
{
    char reply[1024];
    size_t size = (size_t) snprintf(reply, sizeof reply,
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
        " xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>"
        "<a:Action>urn:wws:test:Reply</a:Action>%s%s%s</s:Header>"
        "<s:Body><x xmlns=\"urn:x\">%s</x></s:Body></s:Envelope>",
        id != NULL ? "<a:RelatesTo>" : "", id != NULL ? id : "",
        id != NULL ? "</a:RelatesTo>" : "", content);
    char *record = new_record(reply, size, &size);

    (void) write_all(fd, record, size);
    free(record);
}

static bool read_id(int fd, char *id, size_t room)
{
    size_t size;
    char *message = read_record(fd) == RECORD_MESSAGE
        ? read_message(fd, &size) : NULL;

    if (message == NULL)
        return false;
    find_header(message, "MessageID", id, room);
    free(message);
    return true;
}

/* To nobody, of nothing, and each answer twice. */
static void say_too_much(int fd)
{
    char id[128];

    while (read_id(fd, id, sizeof id)) {
        reply_to(fd, "urn:nobody", "wrong");
        reply_to(fd, NULL, "wrong");
        reply_to(fd, id, "right");
        reply_to(fd, id, "again");
    }
}

/* PR1, G75 */
static void reply__that_nobody_waits_for_is_dropped(void **state)
{
    const struct peer_script script = { .act = say_too_much };
    struct world *world = *state;
    wws_service_proxy proxy;
    struct peer peer;

    peer_start(&peer, &script);
    proxy = world_proxy(world, NULL, peer.url);
    for (unsigned i = 1; i <= 20; i++) {
        struct call call = call_to(proxy, ACTION_ECHO);

        assert_status(start_call(&call, NULL, no_error), WWS_S_OK);
        assert_non_null(memmem(call.reply.data, call.reply.size, "right", 5));
        wws_buffer_release(&call.reply);
        assert_true(counter_reaches(world, WWS_COUNTER_LATE_REPLY_DROPPED,
            3 * i));
    }
    assert_int_equal(proxy_state(proxy), WWS_SERVICE_PROXY_STATE_OPEN);
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
    peer_stop(&peer);
}

enum { TURNED = 10 };

/* The last first; each says which it answers. */
static void answer_backwards(int fd)
{
    char ids[TURNED][128];

    for (int i = 0; i < TURNED; i++)
        if (!read_id(fd, ids[i], sizeof ids[i]))
            return;
    for (int i = TURNED; i-- > 0;)
        reply_to(fd, ids[i], ids[i]);
}

/* PR1 */
static void reply__finds_its_call_in_any_order(void **state)
{
    const struct peer_script script = { .act = answer_backwards };
    struct world *world = *state;
    struct heard heard[TURNED];
    struct call calls[TURNED];
    wws_message replies[TURNED];
    wws_service_proxy proxy;
    struct peer peer;

    peer_start(&peer, &script);
    proxy = world_proxy(world, NULL, peer.url);
    for (int i = 0; i < TURNED; i++) {
        calls[i] = call_to(proxy, ACTION_ECHO);
        calls[i].options.reply = replies[i] = new_empty();
        hear(&heard[i], i % MANNERS, start_call, &calls[i]);
    }
    for (int i = 0; i < TURNED; i++) {
        wws_string id;

        assert_status(heard_end(&heard[i]), WWS_S_OK);
        assert_status(wws_message_get_header(replies[i],
            WWS_HEADER_RELATES_TO, &id, no_error), WWS_S_OK);
        assert_non_null(memmem(calls[i].reply.data, calls[i].reply.size,
            id.data, id.size));
        wws_buffer_release(&calls[i].reply);
        assert_status(wws_message_free(replies[i]), WWS_S_OK);
    }
    assert_status(wws_service_proxy_free(proxy), WWS_S_OK);
    peer_stop(&peer);
}

/* Clients (14). */

/* A preamble to the host, of which one octet is another one. */
static size_t put_spoiled(
    char *out,
    const char *url,
    size_t at,
    char octet)
{
    size_t size = put_preamble(out, url);

    must(at < size);
    out[at] = octet;
    return size;
}

/* What the host says to that: the name of a fault; "ack", "end" or nothing. */
static void hear_host(
    const char *url,
    const char *octets,
    size_t size,
    char *says,
    size_t room)
{
    int fd = peer_connect(url);
    char all[256] = "";
    size_t at = 0;
    ssize_t got;

    (void) write_all(fd, octets, size);
    (void) shutdown(fd, SHUT_WR);
    do {
        got = recv(fd, all + at, sizeof all - 1 - at, 0);
        at += got > 0 ? (size_t) got : 0;
    } while (got > 0 && at < sizeof all - 1);
    close(fd);
    says[0] = '\0';
    if (at > 2 && all[0] == RECORD_FAULT) {
        must(strncmp(all + 2, FAULTS, strlen(FAULTS)) == 0);
        snprintf(says, room, "%s", all + 2 + strlen(FAULTS));
    } else if (at > 0 && all[0] == RECORD_ACK) {
        snprintf(says, room, "ack%s", memchr(all + 1, RECORD_FAULT, at - 1)
            != NULL ? " and fault" : "");
    }
}

static void assert_serves(struct world *world)
{
    assert_int_equal(gate_read(&world->gate, &world->gate.entered), 0);
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
}

static void preamble__that_is_wrong_gets_its_fault(void **state)
{
    struct world *world = *state;
    size_t end = strlen(world->url) + 7;
    const struct {
        size_t at;
        char octet;
        const char *says;
    } rows[] = {
        { 0, 'G', "" }, { 0, 0x06, "" }, { 0, 0x0C, "" },
        { 1, 2, "UnsupportedVersion" },
        { 3, 0x02, "" },
        { 4, 1, "UnsupportedMode" }, { 4, 3, "UnsupportedMode" },
        { 4, 4, "UnsupportedMode" }, { 4, 5, "UnsupportedMode" },
        { 5, 0x03, "" },
        { 7, '1', "" },
        { end - 1, 'x', "EndpointNotFound" },
        { end, 0x07, "" },
        { end + 1, 0x07, "ContentTypeInvalid" },
        { end + 1, 0x08, "ContentTypeInvalid" },
        { end + 1, 0x00, "ContentTypeInvalid" },
        { end + 1, 0x7F, "ContentTypeInvalid" },
        { end + 2, 0x06, "" }, { end + 2, 0x0B, "" },
        { 2, 7, "ack" }, { 2, 0, "ack" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char octets[PREAMBLE_ROOM], says[256];
        size_t size = put_spoiled(octets, world->url, rows[i].at,
            rows[i].octet);

        hear_host(world->url, octets, size, says, sizeof says);
        if (strcmp(says, rows[i].says) != 0)
            print_error("number %zu\n", i);
        assert_string_equal(says, rows[i].says);
    }
    assert_serves(world);
}

static void upgrade__that_nobody_has_gets_its_fault(void **state)
{
    static const char upgrade[] = "\x09\x13" "application/ssl-tls";
    struct world *world = *state;
    char octets[PREAMBLE_ROOM + sizeof upgrade], says[256];
    size_t size = put_preamble(octets, world->url) - 1;

    memcpy(octets + size, upgrade, sizeof upgrade - 1);
    hear_host(world->url, octets, size + sizeof upgrade - 1, says,
        sizeof says);
    assert_string_equal(says, "UpgradeInvalid");
    assert_serves(world);
}

static void via__that_is_too_long_gets_its_fault(void **state)
{
    struct world *world = *state;
    char octets[4096] = "\x00\x01\x00\x01\x02\x02", says[256];
    size_t size = 6 + put_size(octets + 6, 2049);

    hear_host(world->url, octets, size, says, sizeof says);
    assert_string_equal(says, "ViaTooLong");
    assert_serves(world);
}

/* Cut anywhere it is just gone. */
static void preamble__that_is_cut_anywhere_opens_nothing(void **state)
{
    struct world *world = *state;
    char octets[PREAMBLE_ROOM], says[256];
    size_t size = put_preamble(octets, world->url);

    for (size_t cut = 0; cut < size; cut++) {
        hear_host(world->url, octets, cut, says, sizeof says);
        assert_string_equal(says, "");
    }
    assert_serves(world);
    assert_true(counter_reaches(world, WWS_COUNTER_SOCKETS, 3));
}

/* 7: the client is told before it is let go. */
static void message__that_breaks_the_rules_ends_its_session(void **state)
{
    static const struct {
        const char *octets;
        size_t size;
        const char *says;
    } rows[] = {
        { SAYS("\x06\x00"), "ack" },
        { SAYS("\x06\x80\x80\x80\x80\x08"), "ack" },
        { SAYS("\x05\x01x\x00"), "ack" },
        { SAYS("\x0C"), "ack" },
        { SAYS("\xff"), "ack" },
        { SAYS("\x06\x20<s:"), "ack" },
        { SAYS("\x06\x81\x80\x04"), "ack and fault" },
    };
    struct world *world = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        char octets[PREAMBLE_ROOM + 64], says[256];
        size_t size = put_preamble(octets, world->url);

        memcpy(octets + size, rows[i].octets, rows[i].size);
        hear_host(world->url, octets, size + rows[i].size, says, sizeof says);
        if (strcmp(says, rows[i].says) != 0)
            print_error("number %zu\n", i);
        assert_string_equal(says, rows[i].says);
    }
    assert_serves(world);
}

/* 14: every octet in a segment of its own, and all of them in one. */
static void session__may_come_in_any_segments(void **state)
{
    struct world *world = *state;
    int on = 1;

    for (int whole = 0; whole < 2; whole++) {
        char octets[PREAMBLE_ROOM + 1024];
        size_t size = put_preamble(octets, world->url);
        const char *body =
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
            " xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>"
            "<a:Action>" ACTION_ECHO "</a:Action><a:MessageID>urn:1"
            "</a:MessageID></s:Header><s:Body/></s:Envelope>";
        size_t record_size;
        char *record = new_record(body, strlen(body), &record_size);
        int fd = peer_connect(world->url);

        memcpy(octets + size, record, record_size);
        free(record);
        size += record_size;
        must(setsockopt(fd, 6 /* TCP */, 1 /* no delay */, &on, sizeof on)
            == 0);
        for (size_t at = 0; at < size; at += whole ? size : 1)
            must(write_all(fd, octets + at, whole ? size : 1));
        assert_true(peer_answered(fd));
        peer_end_session(fd);
        assert_int_equal(read_record(fd), RECORD_END);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        over(OVER_TCP, open__says_why_there_is_no_session),
        over(OVER_TCP, session__that_breaks_ends_all_calls_as_it_broke),
        over(OVER_TCP, channel__that_breaks_says_how),
        over(OVER_SESSIONS, reply__that_nobody_waits_for_is_dropped),
        over(OVER_SESSIONS, reply__finds_its_call_in_any_order),
        over(OVER_TCP, preamble__that_is_wrong_gets_its_fault),
        over(OVER_TCP, upgrade__that_nobody_has_gets_its_fault),
        over(OVER_TCP, via__that_is_too_long_gets_its_fault),
        over(OVER_TCP, preamble__that_is_cut_anywhere_opens_nothing),
        over(OVER_TCP, message__that_breaks_the_rules_ends_its_session),
        over(OVER_TCP, session__may_come_in_any_segments),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
