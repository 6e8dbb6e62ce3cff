/* Properties: each in each state, read and set, with wrong values as well.  The
 * defaults and the times at which they may be set are those of WWSAPI, typed
 * here once more. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const wws_error no_error;
static const struct peer_script answers = { .answers = true, .again = true };
static const struct peer_script mute = { .mute = true };

/* What is not there, and what the state says. */
enum { NONE = 0x70000001, VARIES };

struct property {
    const char *name;
    uint32_t id;
    uint64_t http; /* its value when nothing was said */
    uint64_t tcp;
    uint64_t custom;
    uint64_t other; /* that it may be set to; NONE: it may not be set */
    uint64_t least, most;
};

#define FOR_EVER WWS_INFINITE
#define TIME(name, id, otherwise) \
    { name, id, otherwise, otherwise, otherwise, 1234, 1, WWS_INFINITE }
#define EACH(name, id, http, tcp, custom) \
    { name, id, http, tcp, custom, NONE, 0, 0 }
#define FIXED(name, id, http, sessions) \
    EACH(name, id, http, sessions, sessions)

static const struct property of_channel[] = {
    FIXED("max message size", 0, 65536, 65536),
    FIXED("max streamed message size", 1, 4194304, 4194304),
    FIXED("max streamed start size", 2, 16384, 16384),
    EACH("encoding", 4, WWS_ENCODING_DEFAULT, WWS_ENCODING_UTF8,
        WWS_ENCODING_DEFAULT),
    FIXED("envelope version", 5, WWS_ENVELOPE_VERSION_SOAP_1_2,
        WWS_ENVELOPE_VERSION_SOAP_1_2),
    FIXED("addressing version", 6, WWS_ADDRESSING_VERSION_1_0,
        WWS_ADDRESSING_VERSION_1_0),
    FIXED("state", 8, VARIES, VARIES),
    FIXED("IP version", 10, WWS_IP_VERSION_AUTO, WWS_IP_VERSION_AUTO),
    TIME("resolve timeout", 11, FOR_EVER),
    TIME("connect timeout", 12, 30000),
    TIME("send timeout", 13, 30000),
    TIME("receive response timeout", 14, 30000),
    TIME("receive timeout", 15, 30000),
    TIME("close timeout", 16, 30000),
    FIXED("transfer mode", 18, WWS_TRANSFER_MODE_BUFFERED,
        WWS_TRANSFER_MODE_BUFFERED),
    FIXED("HTTP connection id", 23, NONE, NONE),
    EACH("no delay", 28, NONE, 1, NONE),
    FIXED("is session shut down", 33, NONE, VARIES),
    FIXED("channel type", 34, WWS_CHANNEL_TYPE_REQUEST,
        WWS_CHANNEL_TYPE_DUPLEX_SESSION),
    { "faults as errors", 45, 1, 1, 1, 0, 0, 1 },
    FIXED("max HTTP headers size", 49, 65536, NONE),
    /* Those of WWSAPI that we do not have. */
    FIXED("max streamed flush size", 3, NONE, NONE),
    FIXED("max session dictionary size", 7, NONE, NONE),
    FIXED("asynchronous callback model", 9, NONE, NONE),
    FIXED("enable timeouts", 17, NONE, NONE),
    FIXED("multicast interface", 19, NONE, NONE),
    FIXED("protection level", 38, NONE, NONE),
    FIXED("nothing", 50, NONE, NONE),
    FIXED("nothing", UINT32_MAX, NONE, NONE),
};

static uint64_t standard(const struct property *property)
{
    switch (wire()->transport) {
    case WWS_TRANSPORT_TCP: return property->tcp;
    case WWS_TRANSPORT_CUSTOM: return property->custom;
    default: return property->http;
    }
}

/* A client's channel in one of its states. */
struct rig {
    struct talk talk;
    struct peer peer;
    struct hold hold;
    struct heard pending;
    struct heard closing;
    bool is_pending;
    bool is_closing;
};

static void rig_begin(
    struct rig *rig,
    struct world *world,
    const struct peer_script *script)
{
    const wws_channel_options options = channel_options();

    *rig = (struct rig) { 0 };
    peer_start(&rig->peer, script);
    hold_init(&rig->hold);
    rig->talk.url = rig->peer.url;
    rig->talk.request = new_request(ACTION_ECHO, 0);
    rig->talk.reply = new_empty();
    must(wws_channel_create(world->runtime, &options, &rig->talk.channel,
        no_error) == WWS_S_OK);
}

static void rig_end(struct rig *rig)
{
    hold_release(&rig->hold);
    must(wws_channel_free(rig->talk.channel) == WWS_S_OK);
    if (rig->is_pending)
        (void) heard_end(&rig->pending);
    if (rig->is_closing)
        (void) heard_end(&rig->closing);
    must(wws_message_free(rig->talk.request) == WWS_S_OK);
    must(wws_message_free(rig->talk.reply) == WWS_S_OK);
    peer_stop(&rig->peer);
}

static void reach_created(struct rig *rig)
{
    (void) rig;
}

static void reach_opening(struct rig *rig)
{
    hear(&rig->pending, CALLBACK, start_open, &rig->talk);
    rig->is_pending = true;
}

static void reach_open(struct rig *rig)
{
    must(start_open(&rig->talk, NULL, no_error) == WWS_S_OK);
}

static void reach_faulted(struct rig *rig)
{
    reach_open(rig);
    must(wws_channel_abort(rig->talk.channel) == WWS_S_OK);
}

static void reach_closing(struct rig *rig)
{
    reach_open(rig);
    hear_inside(&rig->pending, start_request_reply, &rig->talk, hold_on,
        &rig->hold);
    rig->is_pending = true;
    hear(&rig->closing, CALLBACK, start_close_channel, &rig->talk);
    rig->is_closing = true;
}

static void reach_closed(struct rig *rig)
{
    reach_open(rig);
    must(start_close_channel(&rig->talk, NULL, no_error) == WWS_S_OK);
}

static const struct place_in_life {
    wws_channel_state state;
    const struct peer_script *script;
    void (*reach)(struct rig *rig);
    bool with_sessions; /* only */
} lives[] = {
    { WWS_CHANNEL_STATE_CREATED, &answers, reach_created, false },
    { WWS_CHANNEL_STATE_OPENING, &mute, reach_opening, true },
    { WWS_CHANNEL_STATE_OPEN, &answers, reach_open, false },
    { WWS_CHANNEL_STATE_FAULTED, &answers, reach_faulted, false },
    { WWS_CHANNEL_STATE_CLOSING, &answers, reach_closing, false },
    { WWS_CHANNEL_STATE_CLOSED, &answers, reach_closed, false },
};

static bool is_met(const struct place_in_life *life)
{
    return wire()->has_sessions || !life->with_sessions;
}

/* What a property that varies is in that state; NONE when it is not there. */
static uint64_t value_in(uint32_t id, wws_channel_state state)
{
    if (id == WWS_CHANNEL_PROPERTY_STATE)
        return state;
    return state == WWS_CHANNEL_STATE_OPEN
        || state == WWS_CHANNEL_STATE_FAULTED ? 0 : NONE;
}

static void assert_reads(
    wws_channel channel,
    const struct property *property,
    uint64_t wanted,
    wws_status otherwise)
{
    uint64_t value = NONE;
    wws_status status = wws_channel_get_property(channel, property->id, &value,
        no_error);

    if (value != wanted)
        print_error("%s is %llu\n", property->name,
            (unsigned long long) value);
    assert_int_equal(value, wanted);
    assert_status(status, wanted == NONE ? otherwise : WWS_S_OK);
}

static void assert_is_standard(
    wws_channel channel,
    const struct property *property,
    wws_channel_state state)
{
    uint64_t wanted = standard(property);

    if (wanted == VARIES)
        assert_reads(channel, property, value_in(property->id, state),
            WWS_E_INVALID_OPERATION);
    else
        assert_reads(channel, property, wanted, WWS_E_INVALIDARG);
}

/* L9, P3: what is not there says so, and leaves the value alone. */
static void channel_property__has_its_default_in_every_state(void **state)
{
    for (size_t i = 0; i < COUNT(lives); i++) {
        struct rig rig;

        if (!is_met(&lives[i]))
            continue;
        rig_begin(&rig, *state, lives[i].script);
        lives[i].reach(&rig);
        for (size_t k = 0; k < COUNT(of_channel); k++)
            assert_is_standard(rig.talk.channel, &of_channel[k],
                lives[i].state);
        rig_end(&rig);
    }
}

static void assert_refuses(
    wws_channel channel,
    const struct property *property,
    uint64_t value)
{
    assert_status(wws_channel_set_property(channel, property->id, value,
        no_error), WWS_E_INVALIDARG);
}

static void assert_sets(
    wws_channel channel,
    const struct property *property,
    uint64_t value)
{
    assert_status(wws_channel_set_property(channel, property->id, value,
        no_error), WWS_S_OK);
    assert_reads(channel, property, value, WWS_S_OK);
}

static void set_all(wws_channel channel, wws_channel_state state)
{
    for (size_t k = 0; k < COUNT(of_channel); k++) {
        const struct property *property = &of_channel[k];

        if (property->other == NONE) {
            assert_refuses(channel, property, 1);
            assert_is_standard(channel, property, state);
            continue;
        }
        assert_refuses(channel, property, property->most + 1);
        assert_refuses(channel, property, UINT64_MAX);
        if (property->least != 0)
            assert_refuses(channel, property, property->least - 1);
        assert_is_standard(channel, property, state);
        assert_sets(channel, property, property->least);
        assert_sets(channel, property, property->most);
        assert_sets(channel, property, property->other);
    }
}

/* P3, L2: those that may be set may be so in every state, to all that is in
 * their range and to nothing else. */
static void channel_property__is_set_in_every_state_or_in_none(void **state)
{
    for (size_t i = 0; i < COUNT(lives); i++) {
        struct rig rig;

        if (!is_met(&lives[i]))
            continue;
        rig_begin(&rig, *state, lives[i].script);
        lives[i].reach(&rig);
        set_all(rig.talk.channel, lives[i].state);
        assert_int_equal(channel_state(rig.talk.channel), lives[i].state);
        rig_end(&rig);
    }
}

static wws_status get_text(
    wws_channel channel,
    wws_channel_text property,
    char *out,
    size_t room)
{
    wws_buffer got = { 0 };
    wws_status status = wws_channel_get_text(channel, property, &got,
        no_error);

    snprintf(out, room, "%.*s", (int) got.size, (const char *) got.data);
    wws_buffer_release(&got);
    return status;
}

static void assert_no_texts(wws_channel channel, wws_status why)
{
    char unused[8];

    assert_status(get_text(channel, WWS_CHANNEL_TEXT_REMOTE_ADDRESS, unused,
        sizeof unused), why);
    assert_status(get_text(channel, WWS_CHANNEL_TEXT_TRANSPORT_URL, unused,
        sizeof unused), why);
}

/* R1: what was set stays, what is known of a connection does not. */
static void channel_reset__keeps_what_was_set_and_no_texts(void **state)
{
    wws_status why = wire()->has_sessions ? WWS_E_INVALID_OPERATION
        : WWS_E_INVALIDARG;
    char remote[64], url[64], wanted[128];
    struct rig rig;

    rig_begin(&rig, *state, &answers);
    for (size_t k = 0; k < COUNT(of_channel); k++)
        if (of_channel[k].other != NONE)
            assert_sets(rig.talk.channel, &of_channel[k],
                of_channel[k].other);
    for (int i = 0; i < 2; i++) {
        assert_no_texts(rig.talk.channel, why);
        reach_open(&rig);
        if (wire()->has_sessions) {
            assert_status(get_text(rig.talk.channel,
                WWS_CHANNEL_TEXT_REMOTE_ADDRESS, remote, sizeof remote),
                WWS_S_OK);
            assert_status(get_text(rig.talk.channel,
                WWS_CHANNEL_TEXT_TRANSPORT_URL, url, sizeof url), WWS_S_OK);
            assert_string_equal(url, rig.peer.url);
            snprintf(wanted, sizeof wanted, "%s://%s/test",
                wire()->scheme, remote);
            assert_string_equal(wanted, rig.peer.url);
        }
        assert_status(start_close_channel(&rig.talk, NULL, no_error),
            WWS_S_OK);
        assert_no_texts(rig.talk.channel, why);
        assert_status(wws_channel_reset(rig.talk.channel, no_error), WWS_S_OK);
        for (size_t k = 0; k < COUNT(of_channel); k++)
            if (of_channel[k].other != NONE)
                assert_reads(rig.talk.channel, &of_channel[k],
                    of_channel[k].other, WWS_S_OK);
    }
    rig_end(&rig);
}

/* L1, G4: a missing handle or value is found before anything else. */
static void properties__want_a_handle_and_a_place(void **state)
{
    struct rig rig;
    wws_buffer got = { 0 };
    uint64_t value;

    rig_begin(&rig, *state, &answers);
    assert_status(wws_channel_get_property((wws_channel) { 0 },
        WWS_CHANNEL_PROPERTY_STATE, &value, no_error), WWS_E_INVALIDARG);
    assert_status(wws_channel_get_property(rig.talk.channel,
        WWS_CHANNEL_PROPERTY_STATE, NULL, no_error), WWS_E_INVALIDARG);
    assert_status(wws_channel_set_property((wws_channel) { 0 },
        WWS_CHANNEL_PROPERTY_SEND_TIMEOUT, 1, no_error), WWS_E_INVALIDARG);
    assert_status(wws_channel_get_text((wws_channel) { 0 },
        WWS_CHANNEL_TEXT_REMOTE_ADDRESS, &got, no_error), WWS_E_INVALIDARG);
    assert_status(wws_channel_get_text(rig.talk.channel,
        WWS_CHANNEL_TEXT_REMOTE_ADDRESS, NULL, no_error), WWS_E_INVALIDARG);
    assert_status(wws_channel_get_text(rig.talk.channel, 77, &got, no_error),
        WWS_E_INVALIDARG);
    assert_status(wws_listener_get_property((wws_listener) { 0 },
        WWS_LISTENER_PROPERTY_STATE, &value, no_error), WWS_E_INVALIDARG);
    rig_end(&rig);
}

/* TT11: every time that was not named is for ever, and one that was is not. */
static void channel__may_have_no_times_but_those_named(void **state)
{
    wws_channel_options options = channel_options();
    struct world *world = *state;
    wws_channel channel;

    options.infinite_timeouts = true;
    options.send_timeout_ms = 77;
    options.close_timeout_ms = 0;
    must(wws_channel_create(world->runtime, &options, &channel, no_error)
        == WWS_S_OK);

    for (size_t k = 0; k < COUNT(of_channel); k++)
        if (of_channel[k].most == WWS_INFINITE)
            assert_reads(channel, &of_channel[k], of_channel[k].id
                == WWS_CHANNEL_PROPERTY_SEND_TIMEOUT ? 77 : WWS_INFINITE,
                WWS_S_OK);
    assert_status(wws_channel_set_property(channel,
        WWS_CHANNEL_PROPERTY_RECEIVE_TIMEOUT, 30000, no_error), WWS_S_OK);
    assert_reads(channel, &of_channel[12], 30000, WWS_S_OK);

    must(wws_channel_free(channel) == WWS_S_OK);
}

/* Servers. */

static const struct property of_listener[] = {
    FIXED("backlog", 0, 4096, 4096),
    FIXED("IP version", 1, WWS_IP_VERSION_AUTO, WWS_IP_VERSION_AUTO),
    FIXED("channel type", 4, WWS_CHANNEL_TYPE_REPLY,
        WWS_CHANNEL_TYPE_DUPLEX_SESSION),
    EACH("transport", 5, WWS_TRANSPORT_HTTP, WWS_TRANSPORT_TCP,
        WWS_TRANSPORT_CUSTOM),
    FIXED("connect timeout", 6, 15000, 15000),
    FIXED("close timeout", 10, 5000, 5000),
    FIXED("asynchronous callback model", 3, NONE, NONE),
    FIXED("is multicast", 7, NONE, NONE),
    FIXED("nothing", 17, NONE, NONE),
};

static void assert_listener_is_standard(
    wws_listener listener,
    wws_listener_state state)
{
    uint64_t value = NONE;

    assert_status(wws_listener_get_property(listener,
        WWS_LISTENER_PROPERTY_STATE, &value, no_error), WWS_S_OK);
    assert_int_equal(value, state);
    for (size_t k = 0; k < COUNT(of_listener); k++) {
        wws_status status;

        value = NONE;
        status = wws_listener_get_property(listener, of_listener[k].id, &value,
            no_error);
        assert_int_equal(value, standard(&of_listener[k]));
        assert_status(status, value == NONE ? WWS_E_INVALIDARG : WWS_S_OK);
    }
}

/* In each state that it can be held in. */
static void listener_property__has_its_default_in_every_state(void **state)
{
    struct world *world = *state;
    wws_listener listener = new_listener(world->runtime);

    assert_listener_is_standard(listener, WWS_LISTENER_STATE_CREATED);
    must(wws_listener_open(listener, text(wire()->any_port), NULL, no_error)
        == WWS_S_OK);
    assert_listener_is_standard(listener, WWS_LISTENER_STATE_OPEN);
    must(wws_listener_abort(listener) == WWS_S_OK);
    assert_listener_is_standard(listener, WWS_LISTENER_STATE_FAULTED);
    must(wws_listener_close(listener, NULL, no_error) == WWS_S_OK);
    assert_listener_is_standard(listener, WWS_LISTENER_STATE_CLOSED);

    must(wws_listener_free(listener) == WWS_S_OK);
}

static uint64_t connection_of(wws_channel channel)
{
    uint64_t id = 0;

    assert_status(wws_channel_get_property(channel,
        WWS_CHANNEL_PROPERTY_HTTP_CONNECTION_ID, &id, no_error), WWS_S_OK);
    return id;
}

static void accept_from(struct talk *talk)
{
    talk->channel = new_server(talk->listener);
    assert_status(start_accept(talk, NULL, no_error), WWS_S_OK);
}

static void answer_and_close(struct talk *talk)
{
    wws_message asked = new_empty();

    talk->reply = asked;
    assert_status(start_receive(talk, NULL, no_error), WWS_S_OK);
    talk->reply = new_reply(asked, 0);
    assert_status(start_send_reply(talk, NULL, no_error), WWS_S_OK);
    assert_no_texts(talk->channel, WWS_E_INVALID_OPERATION);
    must(wws_message_free(talk->reply) == WWS_S_OK);
    must(wws_message_free(asked) == WWS_S_OK);
    must(wws_channel_free(talk->channel) == WWS_S_OK);
}

/* Property 23: the requests of one connection have one number, which is no
 * other's. */
static void channel__tells_the_connections_of_clients_apart(void **state)
{
    struct world *world = *state;
    uint64_t first, again, other, unused;
    struct talk talk;
    struct ear ear;
    int fds[2];

    ear_open(&ear, world->runtime);
    talk = (struct talk) { .listener = ear.listener };
    talk.channel = new_server(ear.listener);
    assert_status(wws_channel_get_property(talk.channel,
        WWS_CHANNEL_PROPERTY_HTTP_CONNECTION_ID, &unused, no_error),
        WWS_E_INVALID_OPERATION);
    must(wws_channel_free(talk.channel) == WWS_S_OK);

    for (int i = 0; i < 2; i++)
        fds[i] = peer_connect(ear.url);
    peer_request(fds[0], ACTION_ECHO, 0);
    accept_from(&talk);
    first = connection_of(talk.channel);
    answer_and_close(&talk);
    assert_true(peer_answered(fds[0]));
    peer_request_again(fds[0], ACTION_ECHO);
    accept_from(&talk);
    again = connection_of(talk.channel);
    answer_and_close(&talk);
    peer_request(fds[1], ACTION_ECHO, 0);
    accept_from(&talk);
    other = connection_of(talk.channel);
    answer_and_close(&talk);

    assert_int_equal(first, again);
    assert_int_not_equal(first, other);
    for (int i = 0; i < 2; i++)
        peer_reset(fds[i]);
    must(wws_listener_free(ear.listener) == WWS_S_OK);
}

static void name_of(int fd, char *out, size_t room)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;

    must(getsockname(fd, (struct sockaddr *) &address, &size) == 0);
    snprintf(out, room, "127.0.0.1:%u", (unsigned) ntohs(address.sin_port));
}

/* Properties 22 and 27: what is known of the client, in its own words. */
static void channel__says_who_its_client_is(void **state)
{
    static const char asked[] = "POST /test HTTP/1.1\r\nHost: example.org\r\n"
        "Content-Type: application/soap+xml; charset=utf-8; action=\"urn:a\""
        "\r\nContent-Length: 0\r\n\r\n";
    struct world *world = *state;
    char url[128], remote[64], wanted[64];
    struct talk talk;
    struct ear ear;
    int fd;

    ear_open(&ear, world->runtime);
    talk = (struct talk) { .listener = ear.listener };
    fd = peer_connect(ear.url);
    if (wire()->has_sessions)
        peer_request(fd, ACTION_ECHO, 0);
    else
        must(write(fd, asked, sizeof asked - 1) == sizeof asked - 1);
    talk.channel = new_server(ear.listener);
    assert_no_texts(talk.channel, WWS_E_INVALID_OPERATION);
    assert_status(start_accept(&talk, NULL, no_error), WWS_S_OK);

    assert_status(get_text(talk.channel, WWS_CHANNEL_TEXT_REMOTE_ADDRESS,
        remote, sizeof remote), WWS_S_OK);
    assert_status(get_text(talk.channel, WWS_CHANNEL_TEXT_TRANSPORT_URL, url,
        sizeof url), WWS_S_OK);
    name_of(fd, wanted, sizeof wanted);
    assert_string_equal(remote, wanted);
    assert_string_equal(url, wire()->has_sessions ? ear.url
        : "http://example.org/test");

    assert_status(wws_channel_abort(talk.channel), WWS_S_OK);
    assert_no_texts(talk.channel, WWS_E_INVALID_OPERATION);
    must(wws_channel_free(talk.channel) == WWS_S_OK);
    peer_reset(fd);
    must(wws_listener_free(ear.listener) == WWS_S_OK);
}

/* Versions of IP. */

static wws_status open_with(
    struct world *world,
    wws_ip_version version,
    const char *url)
{
    wws_channel_options options = channel_options();
    struct talk talk = {
        .url = url,
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
    };
    wws_status status;

    options.ip_version = version;
    must(wws_channel_create(world->runtime, &options, &talk.channel, no_error)
        == WWS_S_OK);
    status = start_open(&talk, NULL, no_error);
    if (status >= 0 && !wire()->has_sessions)
        status = start_request_reply(&talk, NULL, no_error);
    must(wws_channel_free(talk.channel) == WWS_S_OK);
    must(wws_message_free(talk.request) == WWS_S_OK);
    must(wws_message_free(talk.reply) == WWS_S_OK);
    return status;
}

/* Property 10 */
static void channel__uses_addresses_of_its_ip_version_alone(void **state)
{
    char named[64];
    struct peer peer;

    peer_start(&peer, &answers);
    snprintf(named, sizeof named, "%s://localhost%s", wire()->scheme,
        strrchr(peer.url, ':'));

    assert_status(open_with(*state, WWS_IP_VERSION_AUTO, peer.url), WWS_S_OK);
    assert_status(open_with(*state, WWS_IP_VERSION_4, peer.url), WWS_S_OK);
    assert_status(open_with(*state, WWS_IP_VERSION_4, named), WWS_S_OK);
    assert_status(open_with(*state, WWS_IP_VERSION_6, peer.url),
        WWS_E_ENDPOINT_NOT_FOUND);
    assert_status(open_with(*state, WWS_IP_VERSION_6, named),
        WWS_E_ENDPOINT_NOT_FOUND);
    peer_stop(&peer);
}

/* Likewise of a service proxy. */
static void service_proxy__uses_addresses_of_its_ip_version_alone(void **state)
{
    wws_service_proxy_options options = proxy_options();
    struct world *world = *state;
    wws_service_proxy proxy;
    wws_status status;
    struct peer peer;

    peer_start(&peer, &answers);
    for (uint32_t version = WWS_IP_VERSION_4; version <= WWS_IP_VERSION_6;
         version++) {
        options.ip_version = version;
        must(wws_service_proxy_create(world->runtime, &options, &proxy,
            no_error) == WWS_S_OK);
        status = wws_service_proxy_open(proxy, text(peer.url), NULL, no_error);
        if (status >= 0)
            status = call_now(proxy, ACTION_ECHO);
        assert_status(status, version == WWS_IP_VERSION_4 ? WWS_S_OK
            : WWS_E_ENDPOINT_NOT_FOUND);
        must(wws_service_proxy_free(proxy) == WWS_S_OK);
    }
    peer_stop(&peer);
}

static wws_status listen_with(
    struct world *world,
    wws_ip_version version,
    const char *host,
    wws_listener *listener)
{
    wws_listener_options options = listener_options();
    char url[64];

    options.ip_version = version;
    snprintf(url, sizeof url, "%s://%s:0/test", wire()->scheme, host);
    must(wws_listener_create(world->runtime, &options, listener, no_error)
        == WWS_S_OK);
    return wws_listener_open(*listener, text(url), NULL, no_error);
}

/* Whether the address of that version finds somebody. */
static bool is_reached(wws_listener listener, const char *host, int family)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = { .any.sa_family = (sa_family_t) family };
    wws_buffer url = { 0 };
    char text[64], port[8];
    bool reached;
    int fd;

    must(wws_listener_get_address(listener, &url, no_error) == WWS_S_OK);
    must(snprintf(text, sizeof text, "%.*s", (int) url.size,
        (const char *) url.data) < (int) sizeof text);
    must(sscanf(text, "%*[a-z.]://localhost:%7[0-9]/", port) == 1);
    wws_buffer_release(&url);
    if (family == AF_INET6)
        address.v6.sin6_port = htons((uint16_t) atoi(port));
    else
        address.v4.sin_port = htons((uint16_t) atoi(port));
    must(inet_pton(family, host, family == AF_INET6
        ? (void *) &address.v6.sin6_addr : (void *) &address.v4.sin_addr) == 1);
    fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0);
    reached = connect(fd, &address.any, sizeof address) == 0;
    close(fd);
    return reached;
}

/* Whether listeners of that version are reached over the other one, whatever
 * their port: on one, somebody else may listen there. */
static bool is_reached_otherwise(
    struct world *world,
    wws_ip_version version,
    const char *host,
    int family)
{
    bool reached = true;

    for (int i = 0; i < 8 && reached; i++) {
        wws_listener listener;

        /* Unless this machine has no such addresses. */
        reached = listen_with(world, version, "+", &listener) >= 0
            && is_reached(listener, host, family);
        must(wws_listener_free(listener) == WWS_S_OK);
    }
    return reached;
}

/* Property 1 of a listener */
static void listener__listens_on_its_ip_version_alone(void **state)
{
    wws_listener listener;

    assert_status(listen_with(*state, WWS_IP_VERSION_6, "127.0.0.1",
        &listener), WWS_E_ADDRESS_NOT_AVAILABLE);
    assert_int_equal(listener_state(listener), WWS_LISTENER_STATE_CREATED);
    must(wws_listener_free(listener) == WWS_S_OK);
    assert_status(listen_with(*state, WWS_IP_VERSION_4, "[::1]", &listener),
        WWS_E_ADDRESS_NOT_AVAILABLE);
    must(wws_listener_free(listener) == WWS_S_OK);

    assert_status(listen_with(*state, WWS_IP_VERSION_4, "+", &listener),
        WWS_S_OK);
    assert_true(is_reached(listener, "127.0.0.1", AF_INET));
    must(wws_listener_free(listener) == WWS_S_OK);
    assert_false(is_reached_otherwise(*state, WWS_IP_VERSION_4, "::1",
        AF_INET6));
    assert_false(is_reached_otherwise(*state, WWS_IP_VERSION_6, "127.0.0.1",
        AF_INET));
}

/* Likewise of an endpoint. */
static void service_host__listens_on_its_ip_version_alone(void **state)
{
    struct world *world = *state;

    for (uint32_t version = WWS_IP_VERSION_4; version <= WWS_IP_VERSION_6;
         version++) {
        wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
        wws_endpoint_options options = endpoint_options();
        wws_service_host host;

        operations.serve = gate_serve;
        operations.state = &world->gate;
        options.operations = &operations;
        options.address = text(wire()->any_port);
        options.ip_version = version;
        must(wws_service_host_create(world->runtime, NULL, &host, no_error)
            == WWS_S_OK);
        must(wws_service_host_add_endpoint(host, &options, no_error)
            == WWS_S_OK);
        assert_status(wws_service_host_open(host, NULL, no_error),
            version == WWS_IP_VERSION_4 ? WWS_S_OK
            : WWS_E_ADDRESS_NOT_AVAILABLE);
        must(wws_service_host_free(host) == WWS_S_OK);
    }
}

/* User agents. */

static int ask_as(const char *url, const char *agent)
{
    char head[256];
    int fd = peer_connect(url);
    int status;
    int size = snprintf(head, sizeof head, "POST /test HTTP/1.1\r\n"
        "Host: a\r\n%s%s%sContent-Length: 0\r\n\r\n",
        agent != NULL ? "User-Agent: " : "", agent != NULL ? agent : "",
        agent != NULL ? "\r\n" : "");

    must(write(fd, head, (size_t) size) == size);
    status = peer_response(fd);
    peer_reset(fd);
    return status;
}

/* Property 16 of a listener; who is not refused has no content type, which is
 * the next thing that is looked at. */
static void listener__refuses_user_agents_that_it_names(void **state)
{
    const wws_string names[] = { WWS_STR("Mozilla"), WWS_STR("Bad One") };
    const wws_string nobody[] = { WWS_STR("Bad"), { NULL, 0 } };
    wws_listener_options options = listener_options();
    struct world *world = *state;

    for (uint32_t mode = WWS_TRANSFER_MODE_BUFFERED;
         mode <= WWS_TRANSFER_MODE_STREAMED;
         mode += WWS_TRANSFER_MODE_STREAMED) {
        struct ear ear;

        options.transfer_mode = mode;
        options.disallowed_user_agents = names;
        options.disallowed_user_agents_count = 2;
        ear_open_with(&ear, world->runtime, &options);
        assert_int_equal(ask_as(ear.url, "Mozilla/5.0 (X11)"), 403);
        assert_int_equal(ask_as(ear.url, "A Very Bad One"), 403);
        assert_int_equal(ask_as(ear.url, "mozilla"), 415);
        assert_int_equal(ask_as(ear.url, "Bad"), 415);
        assert_int_equal(ask_as(ear.url, NULL), 415);
        must(wws_listener_free(ear.listener) == WWS_S_OK);
    }
    options.disallowed_user_agents = nobody;
    assert_status(wws_listener_create(world->runtime, &options,
        &(wws_listener) { 0 }, no_error), WWS_E_INVALIDARG);
}

/* Everything at once. */

struct meddler {
    wws_channel channel;
    _Atomic bool stop;
};

static void *meddle(void *state)
{
    struct meddler *meddler = state;

    for (uint64_t i = 0; !atomic_load(&meddler->stop); i++) {
        char unused[8];
        uint64_t value;

        for (size_t k = 0; k < COUNT(of_channel); k++)
            (void) wws_channel_get_property(meddler->channel,
                of_channel[k].id, &value, no_error);
        must(wws_channel_set_property(meddler->channel,
            WWS_CHANNEL_PROPERTY_SEND_TIMEOUT, 30000 + i % 2, no_error)
            == WWS_S_OK);
        (void) get_text(meddler->channel, WWS_CHANNEL_TEXT_REMOTE_ADDRESS,
            unused, sizeof unused);
        (void) get_text(meddler->channel, WWS_CHANNEL_TEXT_TRANSPORT_URL,
            unused, sizeof unused);
    }
    return NULL;
}

static void ask_once(struct rig *rig)
{
    struct talk talk = rig->talk;

    talk.request = new_request(ACTION_ECHO, 0);
    talk.reply = new_empty();
    assert_status(start_request_reply(&talk, NULL, no_error), WWS_S_OK);
    must(wws_message_free(talk.request) == WWS_S_OK);
    must(wws_message_free(talk.reply) == WWS_S_OK);
}

/* P3: beside all that the channel does, its close too. */
static void channel_property__is_used_beside_everything(void **state)
{
    struct meddler meddler = { .stop = false };
    pthread_t thread;
    struct rig rig;

    rig_begin(&rig, *state, &answers);
    meddler.channel = rig.talk.channel;
    must(pthread_create(&thread, NULL, meddle, &meddler) == 0);
    for (int i = 0; i < 20; i++) {
        reach_open(&rig);
        ask_once(&rig);
        if (i % 2)
            assert_status(wws_channel_abort(rig.talk.channel), WWS_S_OK);
        assert_status(start_close_channel(&rig.talk, NULL, no_error),
            WWS_S_OK);
        assert_status(wws_channel_reset(rig.talk.channel, no_error), WWS_S_OK);
    }
    atomic_store(&meddler.stop, true);
    must(pthread_join(thread, NULL) == 0);
    rig_end(&rig);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(channel_property__has_its_default_in_every_state),
        in_world(channel_property__is_set_in_every_state_or_in_none),
        in_world(channel_reset__keeps_what_was_set_and_no_texts),
        in_world(properties__want_a_handle_and_a_place),
        in_world(channel__may_have_no_times_but_those_named),
        in_world(listener_property__has_its_default_in_every_state),
        over(OVER_HTTP, channel__tells_the_connections_of_clients_apart),
        in_world(channel__says_who_its_client_is),
        over(OVER_BUILT_IN, channel__uses_addresses_of_its_ip_version_alone),
        over(OVER_BUILT_IN,
            service_proxy__uses_addresses_of_its_ip_version_alone),
        over(OVER_BUILT_IN, listener__listens_on_its_ip_version_alone),
        over(OVER_BUILT_IN, service_host__listens_on_its_ip_version_alone),
        over(OVER_HTTP, listener__refuses_user_agents_that_it_names),
        in_world(channel_property__is_used_beside_everything),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
