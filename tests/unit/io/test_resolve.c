/* Names, asked of the hosts file and of a name server on loopback that answers
 * by the name it is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/io/loop.h"
#include "core/io/resolve.h"

enum { HEADER = 12, LATE = 2, MANY = 100 };

struct datagram {
    struct sockaddr_in from;
    uint8_t data[512];
    size_t size;
};

static struct server {
    pthread_t thread;
    int fd;
    int stop;
    char address[32];
    sem_t silent; /* posted for each question that gets no answer */
    struct datagram late[LATE];
    size_t late_count;
    sem_t all_late; /* posted when both questions for late.test are there */
} server;

static struct wwi_loop *loop;
static struct wwi_resolver *resolver;
static uint64_t live_before;

/* Far longer than anything here takes, and shorter than a test may. */
static void wait_for(sem_t *semaphore)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    assert_int_equal(sem_timedwait(semaphore, &until), 0);
}

static void reply(struct datagram *datagram, uint8_t code, bool answers)
{
    static const uint8_t v4[] = { 0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60,
        0, 4, 192, 0, 2, 1 };
    static const uint8_t v6[] = { 0xC0, 12, 0, 28, 0, 1, 0, 0, 0, 60,
        0, 16, 0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
    bool wants_v6 = datagram->data[datagram->size - 3] == 28;
    const uint8_t *record = wants_v6 ? v6 : v4;
    size_t size = wants_v6 ? sizeof v6 : sizeof v4;

    datagram->data[2] = 0x81;
    datagram->data[3] = (uint8_t) (0x80 | code);
    if (answers) {
        datagram->data[7] = 1;
        memcpy(datagram->data + datagram->size, record, size);
        datagram->size += size;
    }
    (void) sendto(server.fd, datagram->data, datagram->size, 0,
        (struct sockaddr *) &datagram->from, sizeof datagram->from);
}

static void serve(struct datagram *datagram)
{
    const char *name = (const char *) datagram->data + HEADER + 1;

    if (strncmp(name, "no", 2) == 0)
        reply(datagram, 3, false);
    else if (strncmp(name, "broken", 6) == 0)
        reply(datagram, 2, false);
    else if (strncmp(name, "silent", 6) == 0)
        sem_post(&server.silent);
    else if (strncmp(name, "late", 4) != 0)
        reply(datagram, 0, true);
    else if (server.late_count < LATE) {
        server.late[server.late_count++] = *datagram;
        if (server.late_count == LATE)
            sem_post(&server.all_late);
    }
}

static void *run_server(void *state)
{
    struct pollfd polled[] = {
        { .fd = server.fd, .events = POLLIN },
        { .fd = server.stop, .events = POLLIN },
    };

    (void) state;
    while (poll(polled, 2, -1) > 0 && polled[1].revents == 0) {
        struct datagram datagram;
        socklen_t size = sizeof datagram.from;
        ssize_t got = recvfrom(server.fd, datagram.data, 256, 0,
            (struct sockaddr *) &datagram.from, &size);

        if (got <= HEADER)
            continue;
        datagram.size = (size_t) got;
        serve(&datagram);
    }
    return NULL;
}

static int bind_server(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *) &address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &size), 0);
    snprintf(server.address, sizeof server.address, "127.0.0.1:%u",
        (unsigned) ntohs(address.sin_port));
    return fd;
}

struct call {
    struct wwi_post post;
    void (*function)(void *state);
    void *state;
    sem_t done;
};

static void run_call(struct wwi_work *work)
{
    struct call *call = WWI_CONTAINER(work, struct call, post.work);

    call->function(call->state);
    sem_post(&call->done);
}

/* Runs a function on the loop's thread and returns when it has returned. */
static void on_loop(void (*function)(void *state), void *state)
{
    struct call call = { .function = function, .state = state };

    wwi_post_init(&call.post, run_call);
    sem_init(&call.done, 0, 0);
    assert_true(wwi_loop_post(loop, &call.post));
    wait_for(&call.done);
    sem_destroy(&call.done);
}

static void nothing(void *state)
{
    (void) state;
}

/* What is alive when the loop is between two pieces of work. */
static uint64_t live(void)
{
    on_loop(nothing, NULL);
    return wwi_memory_live();
}

static void make_resolver(void *state)
{
    (void) state;
    resolver = wwi_resolver_create(loop);
    if (resolver != NULL
        && wwi_resolver_set_servers(resolver, server.address) == WWS_S_OK)
        return;
    wwi_resolver_free(resolver);
    resolver = NULL;
}

static void free_resolver(void *state)
{
    (void) state;
    wwi_resolver_free(resolver);
    resolver = NULL;
}

static int set_up(void **state)
{
    (void) state;
    live_before = wwi_memory_live();
    server.fd = bind_server();
    server.stop = eventfd(0, 0);
    server.late_count = 0;
    sem_init(&server.silent, 0, 0);
    sem_init(&server.all_late, 0, 0);
    if (pthread_create(&server.thread, NULL, run_server, NULL) != 0)
        return -1;
    loop = wwi_loop_create(NULL);
    assert_non_null(loop);
    on_loop(make_resolver, NULL);
    assert_non_null(resolver);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    on_loop(free_resolver, NULL);
    assert_true(wwi_loop_close(loop, WWI_NEVER));
    wwi_loop_free(loop);
    (void) eventfd_write(server.stop, 1);
    pthread_join(server.thread, NULL);
    close(server.stop);
    close(server.fd);
    sem_destroy(&server.silent);
    sem_destroy(&server.all_late);
    return wwi_memory_live() == live_before ? 0 : -1;
}

/* A query of a test. */
struct lookup {
    struct wwi_query query;
    const char *host;
    int heard_times;
    sem_t heard;
    struct lookup *cancels; /* when heard */
    struct lookup *starts;
};

static void start(void *state)
{
    struct lookup *lookup = state;

    wwi_resolve(resolver, &lookup->query, lookup->host, 8080);
}

static void give_up(void *state)
{
    struct lookup *lookup = state;

    wwi_resolve_cancel(&lookup->query);
}

static void resolved(struct wwi_query *query)
{
    struct lookup *lookup = WWI_CONTAINER(query, struct lookup, query);

    lookup->heard_times++;
    if (lookup->cancels != NULL)
        give_up(lookup->cancels);
    if (lookup->starts != NULL)
        start(lookup->starts);
    sem_post(&lookup->heard);
}

static void lookup_init(struct lookup *lookup, const char *host)
{
    memset(lookup, 0, sizeof *lookup);
    lookup->host = host;
    lookup->query.resolved = resolved;
    sem_init(&lookup->heard, 0, 0);
}

static wws_status look_up(struct lookup *lookup, const char *host)
{
    lookup_init(lookup, host);
    on_loop(start, lookup);
    wait_for(&lookup->heard);
    return lookup->query.status;
}

static void assert_address(const struct wwi_address *address, const char *text)
{
    const void *storage = &address->storage;
    const struct sockaddr_in *v4 = storage;
    const struct sockaddr_in6 *v6 = storage;
    char got[INET6_ADDRSTRLEN];

    if (address->storage.ss_family == AF_INET) {
        assert_int_equal(address->size, sizeof *v4);
        assert_int_equal(ntohs(v4->sin_port), 8080);
        inet_ntop(AF_INET, &v4->sin_addr, got, sizeof got);
    } else {
        assert_int_equal(address->size, sizeof *v6);
        assert_int_equal(ntohs(v6->sin6_port), 8080);
        inet_ntop(AF_INET6, &v6->sin6_addr, got, sizeof got);
    }
    assert_string_equal(got, text);
}

static void address__is_parsed_if_it_is_literal(void **state)
{
    struct wwi_address address;
    struct sockaddr_in6 v6;

    (void) state;
    assert_true(wwi_address_parse(&address, "192.0.2.7", 8080));
    assert_address(&address, "192.0.2.7");
    assert_true(wwi_address_parse(&address, "2001:db8::7", 8080));
    assert_address(&address, "2001:db8::7");
    assert_true(wwi_address_parse(&address, "fe80::1%7", 8080));
    assert_address(&address, "fe80::1");
    memcpy(&v6, &address.storage, sizeof v6);
    assert_int_equal(v6.sin6_scope_id, 7);
}

static void address__is_refused_if_it_is_not(void **state)
{
    static const char *const names[] = { "", "localhost", "1.2.3", "1.2.3.4.5",
        "1.2.3.256", "::g", "[::1]", "fe80::1%", "fe80::1%no-such", "%1",
        "fe80::1%99999999999", "fe80::1%7x",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000" };
    struct wwi_address address;
    size_t i;

    (void) state;
    for (i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(wwi_address_parse(&address, names[i], 80));
}

static void resolve__takes_a_literal_as_it_is(void **state)
{
    struct lookup lookup;

    (void) state;
    lookup_init(&lookup, "::1");
    on_loop(start, &lookup);

    assert_int_equal(lookup.heard_times, 1);
    assert_int_equal(lookup.query.status, WWS_S_OK);
    assert_int_equal(lookup.query.count, 1);
    assert_address(&lookup.query.addresses[0], "::1");
}

static void resolve__finds_localhost_without_a_server(void **state)
{
    struct lookup lookup;
    uint32_t i, found = 0;

    (void) state;
    assert_int_equal(look_up(&lookup, "localhost"), WWS_S_OK);

    for (i = 0; i < lookup.query.count; i++) {
        struct wwi_address *address = &lookup.query.addresses[i];

        if (address->storage.ss_family == AF_INET) {
            assert_address(address, "127.0.0.1");
            found++;
        }
    }
    assert_true(found > 0);
}

static void resolve__asks_the_name_server_for_both_families(void **state)
{
    struct lookup lookup;
    bool v6_first;

    (void) state;
    assert_int_equal(look_up(&lookup, "one.test"), WWS_S_OK);

    assert_int_equal(lookup.heard_times, 1);
    assert_int_equal(lookup.query.count, 2);
    v6_first = lookup.query.addresses[0].storage.ss_family == AF_INET6;
    assert_address(&lookup.query.addresses[v6_first ? 1 : 0], "192.0.2.1");
    assert_address(&lookup.query.addresses[v6_first ? 0 : 1], "2001:db8::1");
}

static void resolve__reports_a_name_that_does_not_exist(void **state)
{
    static char long_name[300];
    struct lookup lookup;

    (void) state;
    memset(long_name, 'x', sizeof long_name - 1);

    assert_int_equal(look_up(&lookup, "no.test"), WWS_E_ENDPOINT_NOT_FOUND);
    assert_non_null(lookup.query.text);
    assert_int_equal(lookup.query.count, 0);
    assert_int_equal(look_up(&lookup, long_name), WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(look_up(&lookup, "a..test"), WWS_E_ENDPOINT_NOT_FOUND);
}

static void resolve__reports_a_server_that_fails(void **state)
{
    struct lookup lookup;

    (void) state;
    assert_int_equal(look_up(&lookup, "broken.test"),
        WWS_E_ENDPOINT_NOT_FOUND);
}

static void ask_nobody(void *state)
{
    (void) state;
    assert_int_equal(wwi_resolver_set_servers(resolver, "127.0.0.1:1"),
        WWS_S_OK);
}

static void resolve__reports_that_there_is_no_server(void **state)
{
    struct lookup lookup;

    (void) state;
    on_loop(ask_nobody, NULL);

    assert_int_equal(look_up(&lookup, "one.test"), WWS_E_ENDPOINT_NOT_FOUND);
}

static void set_bad_servers(void *state)
{
    *(wws_status *) state = wwi_resolver_set_servers(resolver, "one.test:53");
}

static void resolver__refuses_servers_that_are_not_addresses(void **state)
{
    wws_status status;

    (void) state;
    on_loop(set_bad_servers, &status);

    assert_int_equal(status, WWS_E_INVALIDARG);
}

static void resolve__cancel_leaves_nothing_of_a_silent_server(void **state)
{
    uint64_t before = live();
    struct lookup lookup;

    (void) state;
    lookup_init(&lookup, "silent.test");
    on_loop(start, &lookup);
    wait_for(&server.silent);
    assert_true(live() > before);

    on_loop(give_up, &lookup);

    assert_true(wwi_memory_live() == before);
    on_loop(give_up, &lookup);
    assert_int_equal(lookup.heard_times, 0);
}

static void resolve__late_answer_of_a_cancelled_query_is_dropped(void **state)
{
    struct lookup silent, late, one;
    uint64_t before;

    (void) state;
    lookup_init(&silent, "silent.test");
    lookup_init(&late, "late.test");
    on_loop(start, &silent);
    before = live();
    on_loop(start, &late);
    wait_for(&server.all_late);
    on_loop(give_up, &late);
    assert_true(wwi_memory_live() > before);

    reply(&server.late[0], 0, true);
    reply(&server.late[1], 0, true);
    assert_int_equal(look_up(&one, "one.test"), WWS_S_OK);

    assert_true(live() == before);
    assert_int_equal(late.heard_times, 0);
    on_loop(give_up, &silent);
}

static void resolve__answers_may_cancel_and_start_queries(void **state)
{
    struct lookup silent, one, two;

    (void) state;
    lookup_init(&silent, "silent.test");
    lookup_init(&one, "one.test");
    lookup_init(&two, "two.test");
    one.cancels = &silent;
    one.starts = &two;
    two.cancels = &one;
    on_loop(start, &silent);
    on_loop(start, &one);

    wait_for(&one.heard);
    wait_for(&two.heard);
    on_loop(nothing, NULL);

    assert_int_equal(two.query.status, WWS_S_OK);
    assert_int_equal(silent.heard_times, 0);
    assert_int_equal(one.heard_times, 1);
}

static void resolve__ends_in_time_though_the_clock_is_held(void **state)
{
    struct lookup lookup;

    (void) state;
    wwi_clock_hold();
    lookup_init(&lookup, "silent.test");
    on_loop(start, &lookup);
    wait_for(&server.silent);

    wwi_clock_move(60000);

    wait_for(&lookup.heard);
    assert_int_equal(lookup.query.status, WWS_E_OPERATION_TIMED_OUT);
    wwi_clock_release();
}

static void resolver__free_gives_up_what_is_under_way(void **state)
{
    static struct lookup lookups[MANY];
    uint64_t before = live();
    int i;

    (void) state;
    wwi_clock_hold();
    for (i = 0; i < MANY; i++) {
        lookup_init(&lookups[i], "silent.test");
        on_loop(start, &lookups[i]);
    }
    for (i = 0; i < MANY; i += 2)
        on_loop(give_up, &lookups[i]);
    wait_for(&server.silent);

    on_loop(free_resolver, NULL);

    assert_true(wwi_memory_live() < before);
    for (i = 0; i < MANY; i++) {
        on_loop(give_up, &lookups[i]);
        assert_int_equal(lookups[i].heard_times, 0);
    }
    wwi_clock_release();
}

static void use_resolver_of_loop(void *state)
{
    (void) state;
    wwi_resolver_free(resolver);
    resolver = wwi_loop_resolver(loop);
    assert_int_equal(wwi_resolver_set_servers(resolver, server.address),
        WWS_S_OK);
}

static void loop__ends_though_a_query_is_under_way(void **state)
{
    struct lookup lookup;

    (void) state;
    on_loop(use_resolver_of_loop, NULL);
    lookup_init(&lookup, "silent.test");
    on_loop(start, &lookup);
    wait_for(&server.silent);

    assert_true(wwi_loop_close(loop, WWI_NEVER));
    wwi_loop_free(loop);

    assert_int_equal(lookup.heard_times, 0);
    loop = wwi_loop_create(NULL);
    assert_non_null(loop);
    resolver = NULL;
}

struct failing {
    struct lookup lookup;
    uint64_t n;
    bool failed;
};

static void start_failing(void *state)
{
    struct failing *failing = state;
    uint64_t before = wwi_memory_asked();

    wwi_memory_fail(failing->n, 0);
    start(&failing->lookup);
    wwi_memory_fail(0, 0);
    failing->failed = wwi_memory_asked() - before >= failing->n;
}

static void resolve__reports_each_allocation_that_fails(void **state)
{
    struct failing failing = { .n = 0 };
    uint64_t before = live();

    (void) state;
    do {
        failing.n++;
        lookup_init(&failing.lookup, "one.test");
        on_loop(start_failing, &failing);
        wait_for(&failing.lookup.heard);
        assert_int_equal(failing.lookup.query.status,
            failing.failed ? WWS_E_OUTOFMEMORY : WWS_S_OK);
        assert_true(live() == before);
    } while (failing.failed);
    assert_true(failing.n > 2);
}

static void resolve__without_a_resolver_is_out_of_memory(void **state)
{
    struct lookup lookup;

    (void) state;
    on_loop(free_resolver, NULL);

    assert_int_equal(look_up(&lookup, "one.test"), WWS_E_OUTOFMEMORY);
    assert_int_equal(look_up(&lookup, "192.0.2.1"), WWS_S_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address__is_parsed_if_it_is_literal),
        cmocka_unit_test(address__is_refused_if_it_is_not),
        TEST(resolve__takes_a_literal_as_it_is),
        TEST(resolve__finds_localhost_without_a_server),
        TEST(resolve__asks_the_name_server_for_both_families),
        TEST(resolve__reports_a_name_that_does_not_exist),
        TEST(resolve__reports_a_server_that_fails),
        TEST(resolve__reports_that_there_is_no_server),
        TEST(resolver__refuses_servers_that_are_not_addresses),
        TEST(resolve__cancel_leaves_nothing_of_a_silent_server),
        TEST(resolve__late_answer_of_a_cancelled_query_is_dropped),
        TEST(resolve__answers_may_cancel_and_start_queries),
        TEST(resolve__ends_in_time_though_the_clock_is_held),
        TEST(resolver__free_gives_up_what_is_under_way),
        TEST(loop__ends_though_a_query_is_under_way),
        TEST(resolve__reports_each_allocation_that_fails),
        TEST(resolve__without_a_resolver_is_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
