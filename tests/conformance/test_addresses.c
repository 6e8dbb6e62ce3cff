/* Addresses: when they are read, which of them name a place to listen at, and
 * which requests a place gets. */
#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#include <poll.h>
#include <unistd.h>

static const wws_error no_error;

/* An address that is overwritten as soon as it may be. */
static void open_and_overwrite(
    struct heard *heard,
    enum manner manner,
    start_fn start,
    void *subject,
    char *url)
{
    hear(heard, manner, start, subject);
    if (manner == SYNC)
        (void) heard_wait(heard);
    memset(url, 'x', strlen(url));
    assert_status(heard_end(heard), WWS_S_OK);
}

/* R3, A8: the session is open to where it said, and what goes there later finds
 * the way as well. */
static void channel_open__copies_the_address(void **state)
{
    const struct peer_script answers = { .answers = true };
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct talk talk = { .channel = new_channel(world->runtime) };
        struct heard heard;
        struct peer peer;
        char url[128];

        peer_start(&peer, &answers);
        strcpy(url, peer.url);
        talk.url = url;
        talk.request = new_request(ACTION_ECHO, 0);
        talk.reply = new_empty();
        open_and_overwrite(&heard, manner, start_open, &talk, url);

        assert_status(start_request_reply(&talk, NULL, no_error), WWS_S_OK);
        assert_status(wws_channel_free(talk.channel), WWS_S_OK);
        assert_status(wws_message_free(talk.request), WWS_S_OK);
        assert_status(wws_message_free(talk.reply), WWS_S_OK);
        peer_stop(&peer);
    }
}

struct opening {
    wws_service_proxy proxy;
    const char *url;
};

static wws_status start_open_proxy(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct opening *opening = state;

    return wws_service_proxy_open(opening->proxy, text(opening->url),
        completion, error);
}

/* R3, A8 */
static void proxy_open__copies_the_address(void **state)
{
    struct world *world = *state;

    for (int manner = 0; manner < MANNERS; manner++) {
        struct opening opening = { .proxy = new_proxy(world->runtime) };
        struct heard heard;
        char url[128];

        strcpy(url, world->url);
        opening.url = url;
        open_and_overwrite(&heard, manner, start_open_proxy, &opening, url);

        assert_status(call_now(opening.proxy, ACTION_ECHO), WWS_S_OK);
        assert_status(wws_service_proxy_free(opening.proxy), WWS_S_OK);
    }
}

/* Whether there is a place to listen at, behind the scheme. */
static wws_status listen_at(struct world *world, const char *place)
{
    wws_listener listener = new_listener(world->runtime);
    char url[128];
    wws_status status;

    snprintf(url, sizeof url, "%s://%s", wire()->scheme, place);
    status = wws_listener_open(listener, text(url), NULL, no_error);
    assert_int_equal(listener_state(listener), status == WWS_S_OK
        ? WWS_LISTENER_STATE_OPEN : WWS_LISTENER_STATE_CREATED);
    assert_status(wws_listener_free(listener), WWS_S_OK);
    return status;
}

/* LI7 */
static void listener_url__names_a_place(void **state)
{
    static const struct {
        const char *place;
        wws_status status;
    } rows[] = {
        { "127.0.0.1:0/a", WWS_S_OK },
        { "127.0.0.1:0/", WWS_S_OK },
        { "127.0.0.1:0/a%20b", WWS_S_OK },
        { "localhost:0/a", WWS_S_OK },
        { "+:0/a", WWS_S_OK },
        { "*:0/a", WWS_S_OK },
        { "192.0.2.1:0/a", WWS_E_ADDRESS_NOT_AVAILABLE },
        { "127.0.0.1:0/a?b", WWS_E_INVALID_ENDPOINT_URL },
        { "127.0.0.1:0/a#b", WWS_E_INVALID_ENDPOINT_URL },
        { "127.0.0.1:70000/a", WWS_E_INVALID_ENDPOINT_URL },
        { ":0/a", WWS_E_INVALID_ENDPOINT_URL },
        { "", WWS_E_INVALID_ENDPOINT_URL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wws_status status = listen_at(*state, rows[i].place);

        if (status != rows[i].status)
            print_error("%s: %s\n", rows[i].place, wws_status_name(status));
        assert_status(status, rows[i].status);
    }
}

static void at_path(char url[160], const char *base, const char *path)
{
    size_t host = strlen(wire()->scheme) + strlen("://");

    snprintf(url, 160, "%.*s%s",
        (int) (host + strcspn(base + host, "/")), base, path);
}

/* What a client gets that asks there. */
static wws_status ask_at(struct world *world, const char *url)
{
    struct talk talk = {
        .channel = new_channel(world->runtime),
        .request = new_request(ACTION_ECHO, 0),
        .reply = new_empty(),
        .url = url,
    };
    wws_status status = start_open(&talk, NULL, no_error);

    if (status == WWS_S_OK)
        status = start_request_reply(&talk, NULL, no_error);
    assert_status(wws_channel_free(talk.channel), WWS_S_OK);
    assert_status(wws_message_free(talk.request), WWS_S_OK);
    assert_status(wws_message_free(talk.reply), WWS_S_OK);
    return status;
}

/* LI7: over HTTP the path is the whole path, in a session what begins with
 * it. */
static void listener_url__gets_what_is_sent_to_its_path(void **state)
{
    static const struct {
        const char *path;
        bool http;
        bool session;
    } rows[] = {
        { "/test", true, true },
        { "/test/more", false, true },
        { "/testing", false, false },
        { "/", false, false },
        { "/other", false, false },
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool found = wire()->has_sessions ? rows[i].session : rows[i].http;
        wws_status wanted = found ? WWS_S_OK : WWS_E_ENDPOINT_NOT_FOUND;
        wws_status status;
        char url[160];

        at_path(url, world->url, rows[i].path);
        status = ask_at(world, url);
        if (status != wanted)
            print_error("%s: %s\n", url, wws_status_name(status));
        assert_status(status, wanted);
    }
}

struct guest {
    struct heard *accepting;
    int client;
};

static bool is_in_or_out(void *state)
{
    struct guest *guest = state;
    struct pollfd polled = { .fd = guest->client, .events = POLLRDHUP };

    return heard_yet(guest->accepting) || poll(&polled, 1, 0) == 1;
}

/* On a busy machine one who says it all may be late as well: then another
 * comes. */
static int come_in_time(struct heard *accepting, const char *url)
{
    for (;;) {
        struct guest guest = { accepting, peer_connect(url) };

        peer_request(guest.client, ACTION_ECHO, 0);
        must(await(is_in_or_out, &guest));
        if (heard_yet(accepting))
            return guest.client;
        peer_reset(guest.client);
    }
}

/* LI2: who does not say in time what he wants is let go, and the accept waits
 * for the next. */
static void accept__waits_for_a_client_that_says_something(void **state)
{
    wws_listener_options options = listener_options();
    struct world *world = *state;

    options.connect_timeout_ms = options.request_timeout_ms = 1000;
    for (int manner = 0; manner < MANNERS; manner++) {
        struct talk talk = { .url = wire()->any_port };
        struct heard heard;
        wws_buffer address;
        char url[128];
        int client;

        must(wws_listener_create(world->runtime, &options, &talk.listener,
            no_error) == WWS_S_OK);
        assert_status(wws_listener_open(talk.listener, text(talk.url), NULL,
            no_error), WWS_S_OK);
        must(wws_listener_get_address(talk.listener, &address, no_error)
            == WWS_S_OK);
        snprintf(url, sizeof url, "%.*s", (int) address.size,
            (const char *) address.data);
        wws_buffer_release(&address);
        talk.channel = new_server(talk.listener);
        hear(&heard, manner, start_accept, &talk);
        client = peer_connect(url);
        peer_request(client, ACTION_ECHO, 3);
        assert_true(peer_ended(client));
        peer_reset(client);
        assert_false(heard_yet(&heard));

        client = come_in_time(&heard, url);
        assert_status(heard_end(&heard), WWS_S_OK);
        peer_reset(client);
        assert_status(wws_channel_free(talk.channel), WWS_S_OK);
        assert_status(wws_listener_free(talk.listener), WWS_S_OK);
    }
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(channel_open__copies_the_address),
        in_world(proxy_open__copies_the_address),
        over(OVER_HTTP, listener_url__names_a_place),
        over(OVER_TCP, listener_url__names_a_place),
        over(OVER_HTTP, listener_url__gets_what_is_sent_to_its_path),
        over(OVER_TCP, listener_url__gets_what_is_sent_to_its_path),
        over(OVER_HTTP, accept__waits_for_a_client_that_says_something),
        over(OVER_TCP, accept__waits_for_a_client_that_says_something),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
