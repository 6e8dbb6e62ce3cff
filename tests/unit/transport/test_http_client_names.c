/* Connections of the client that cannot be made, and names that are looked
 * up. */
#include "tests/support/http_client_calls.h"
#include "tests/support/http_client_fixture.h"

#include <stdio.h>
#include <string.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/io/resolve.h"
#include "tests/support/sockets.h"

/* Connections that cannot be made. */

static void connecting__says_why_it_failed(void **state)
{
    static const struct {
        int code;
        wws_status status;
    } rows[] = {
        { ECONNREFUSED, WWS_E_ENDPOINT_NOT_FOUND },
        { ENETUNREACH, WWS_E_ENDPOINT_UNREACHABLE },
        { EHOSTUNREACH, WWS_E_ENDPOINT_UNREACHABLE },
        { EADDRNOTAVAIL, WWS_E_ENDPOINT_UNREACHABLE },
        { ETIMEDOUT, WWS_E_OPERATION_TIMED_OUT },
        { ECONNRESET, WWS_E_ENDPOINT_DISCONNECTED },
        { ENOBUFS, WWS_E_OUTOFMEMORY },
        { EACCES, WWS_E_OTHER },
    };

    (void) state;
    make_client("http://127.0.0.1:1/");

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        connect_fails = rows[i].code;
        begin_exchange();
        assert_int_equal(finish(), rows[i].status);
        assert_trouble(rows[i].status, WWS_PHASE_CONNECT,
            WWS_PROGRESS_NOT_SENT, "the connection could not be made");
        assert_int_equal(it->client->trouble.original_code, rows[i].code);
        end_exchange();
    }
    assert_int_equal(opened(), 0);
    assert_int_equal(it->runtime->counters[WWS_COUNTER_SOCKETS], 0);
}

static void connecting__is_refused_where_nobody_listens(void **state)
{
    (void) state;
    listen_with(1);
    close_one(&it->listener);
    make_client("http://127.0.0.1:%u/", it->port);
    begin_exchange();

    assert_int_equal(finish(), WWS_E_ENDPOINT_NOT_FOUND);

    assert_trouble(WWS_E_ENDPOINT_NOT_FOUND, WWS_PHASE_CONNECT,
        WWS_PROGRESS_NOT_SENT, "the connection could not be made");
    assert_int_equal(it->client->trouble.original_code, ECONNREFUSED);
}

static void connecting__goes_on_when_it_was_interrupted(void **state)
{
    (void) state;
    connect_to_peer();
    begin_exchange();

    connect_fails = EINTR;
    go_to(WWS_PHASE_WAIT);

    take_connection();
    assert_request();
    assert_int_equal(opened(), 1);
}

static void connecting__needs_a_socket(void **state)
{
    (void) state;
    connect_to_peer();
    begin_exchange();

    socket_fails = EMFILE;
    assert_int_equal(finish(), WWS_E_OUTOFMEMORY);

    socket_fails = 0;
    assert_trouble(WWS_E_OUTOFMEMORY, WWS_PHASE_CONNECT,
        WWS_PROGRESS_NOT_SENT, "no socket to connect with");
    assert_int_equal(it->client->trouble.original_code, EMFILE);
    end_exchange();
    exchange_once();
}

/* Names and literals. */

static void address__may_be_ipv6(void **state)
{
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6,
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
    };
    char host[64];

    (void) state;
    listen_at((struct sockaddr *) &address, sizeof address, 8);
    make_client("http://[::1]:%u/service", it->port);
    begin_exchange();
    go_to(WWS_PHASE_WAIT);
    take_connection();

    snprintf(host, sizeof host, "\r\nHost: [::1]:%u\r\n", it->port);
    assert_non_null(strstr(received_head(), host));
}

/* It may stand for ::1 first, where nobody listens. */
static void address__may_be_a_name_of_the_hosts_file(void **state)
{
    char host[64];

    (void) state;
    listen_with(8);
    make_client("http://LocalHost:%u/service", it->port);
    begin_exchange();
    go_to(WWS_PHASE_WAIT);
    take_connection();

    snprintf(host, sizeof host, "\r\nHost: localhost:%u\r\n", it->port);
    assert_non_null(strstr(received_head(), host));
}

static void address__is_checked_at_once(void **state)
{
    static const char *const urls[] = {
        "", "ftp://a/", "https://127.0.0.1/", "net.tcp://127.0.0.1/",
        "http://", "http://a:99999/", "http://a b/",
    };

    (void) state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        assert_int_equal(wwi_http.client_create(it->runtime,
            (wws_string) { urls[i], strlen(urls[i]) }, &it->options,
            &it->client, NULL), WWS_E_INVALID_ENDPOINT_URL);
        assert_null(it->client);
    }
}

/* A name server that takes questions and says nothing, until told to. */

static int mute = -1;
static uint16_t mute_port;
static wws_status servers_status;

static struct errand {
    struct wwi_post post;
    sem_t done;
} errand;

static void use_mute_server(struct wwi_work *work)
{
    char servers[32];

    (void) work;
    snprintf(servers, sizeof servers, "127.0.0.1:%u", mute_port);
    servers_status = wwi_resolver_set_servers(
        wwi_loop_resolver(it->client->loop), servers);
    sem_post(&errand.done);
}

static void errand_done(struct wwi_work *work)
{
    (void) work;
    sem_post(&errand.done);
}

static void on_loop(void (*run)(struct wwi_work *))
{
    sem_init(&errand.done, 0, 0);
    wwi_post_init(&errand.post, run);
    wwi_loop_post(it->client->loop, &errand.post);
    sem_wait(&errand.done);
    sem_destroy(&errand.done);
}

static void create_with_mute_server(void)
{
    mute = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    mute_port = bind_somewhere(mute);
    make_client("http://some.where.test./");
    on_loop(use_mute_server);
    assert_int_equal(servers_status, WWS_S_OK);
}

/* Answers what was asked first with "no such name". */
static void deny_one(void)
{
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    uint8_t packet[512];
    ssize_t count;

    assert_true(can(mute, POLLIN, PATIENCE_MS));
    count = recvfrom(mute, packet, sizeof packet, 0, (struct sockaddr *) &from,
        &size);
    assert_true(count > 12);
    packet[2] |= 0x80;
    packet[3] = 0x83;
    (void) sendto(mute, packet, (size_t) count, 0, (struct sockaddr *) &from,
        size);
}

static int close_mute(void **state)
{
    int result = client_clean_up(state);

    close_one(&mute);
    return result;
}

static void time__ends_looking_up_a_name(void **state)
{
    (void) state;
    wwi_clock_hold();
    create_with_mute_server();
    begin_exchange();
    assert_int_equal(step_client(), WWS_S_ASYNC);

    assert_expires(WWS_PHASE_RESOLVE, WWS_PROGRESS_NOT_SENT, 1000);

    /* Again, though the first question is still under way. */
    wwi_clock_move(100);
    begin_exchange();
    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_expires(WWS_PHASE_RESOLVE, WWS_PROGRESS_NOT_SENT, 1000);
}

static void name__that_does_not_exist_is_not_found(void **state)
{
    (void) state;
    create_with_mute_server();
    begin_exchange();
    assert_int_equal(step_client(), WWS_S_ASYNC);

    deny_one();
    deny_one();

    assert_int_equal(finish(), WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(it->client->trouble.phase, WWS_PHASE_RESOLVE);
    assert_int_equal(it->client->trouble.progress, WWS_PROGRESS_NOT_SENT);
}

static void name__is_asked_for_again_after_a_late_answer(void **state)
{
    (void) state;
    create_with_mute_server();
    begin_exchange();
    assert_int_equal(step_client(), WWS_S_ASYNC);
    end_exchange();
    deny_one();
    deny_one();
    /* A second turn of the loop has begun when the answers were there. */
    on_loop(errand_done);
    on_loop(errand_done);

    begin_exchange();

    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_false(can(it->notified, POLLIN, 0));
    deny_one();
    deny_one();
    assert_int_equal(finish(), WWS_E_ENDPOINT_NOT_FOUND);
}

static void free__may_come_while_a_name_is_looked_up(void **state)
{
    (void) state;
    create_with_mute_server();
    begin_exchange();
    assert_int_equal(step_client(), WWS_S_ASYNC);

    free_client();
}

static void free__may_come_at_any_point(void **state)
{
    (void) state;
    connect_to_peer();
    free_client();

    make_client("http://127.0.0.1:%u/service", it->port);
    begin_exchange();
    free_client();

    make_client("http://127.0.0.1:%u/service", it->port);
    ask_server();
    free_client();
    assert_int_equal(read(it->peer, it->request, 1), -1);
    assert_int_equal(errno, ECONNRESET);

    make_client("http://127.0.0.1:%u/service", it->port);
    exchange_once();
    free_client();
    assert_int_equal(read(it->peer, it->request, 1), 0);
}

#define WITH_SERVER(name) \
    cmocka_unit_test_setup_teardown(name, client_set_up, close_mute)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(time__ends_looking_up_a_name),
        TEST(connecting__says_why_it_failed),
        TEST(connecting__is_refused_where_nobody_listens),
        TEST(connecting__goes_on_when_it_was_interrupted),
        TEST(connecting__needs_a_socket),
        TEST(address__may_be_ipv6),
        TEST(address__may_be_a_name_of_the_hosts_file),
        TEST(address__is_checked_at_once),
        WITH_SERVER(name__that_does_not_exist_is_not_found),
        WITH_SERVER(name__is_asked_for_again_after_a_late_answer),
        WITH_SERVER(free__may_come_while_a_name_is_looked_up),
        TEST(free__may_come_at_any_point),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
