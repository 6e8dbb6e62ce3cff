/* Messages over TCP, from a bare peer and between two ends of ours. */
#include "tests/support/tcp_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "tests/support/counters.h"
#include "tests/support/public/dice.h"

enum {
    THREADS = 4,
    EACH = 250,
    DESCRIPTORS = 1024,
};

/* Messages. */

static void session__delivers_what_is_asked_for(void **state)
{
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();
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
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    memset(large, 'x', 299);
    large[299] = '\0';
    fd = serve_bare();

    assert_int_equal(send_text(holder, &one, "hello"), WWS_S_OK);
    assert_int_equal(send_text(holder, &two, large), WWS_S_OK);

    EXPECT(fd, HELLO "\x06\xAB\x02");
    expect(fd, large, 299);
    wait_for(&it->done, 2);
    assert_int_equal(one.outcome.status, WWS_S_OK);
    assert_int_equal(one.outcome.progress, WWS_PROGRESS_SENT);
    assert_int_equal(one.begun, 1);
    free(large);
    close(fd);
}

/* D10 */
static void session__of_a_server_faults_a_message_over_the_quota(void **state)
{
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();

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
    it->manner = READ;
    fd = serve_bare();

    PUT(fd, "\x06\x80\x80\x04");
    put(fd, body, 65536);

    wait_for(&it->servers[0].arrived, 1);
    assert_int_equal(it->servers[0].got.size, 65536);
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
    start_tcp();

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
    struct holder *holder = &it->servers[0];
    size_t left = 0;
    int fd;

    (void) state;
    memset(parcels, 0, sizeof parcels);
    fd = serve_bare();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(send_part(holder, &parcels[i], chunk, BIG / 8,
            false, false), WWS_S_OK);
        left += 1 + 3 + BIG / 8;
    }
    let_everything_run();
    assert_true(value_of(&it->done) < 20);

    for (; left != 0; left -= left < BIG / 8 ? left : BIG / 8)
        get(fd, chunk, left < BIG / 8 ? left : BIG / 8);

    wait_for(&it->done, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(parcels[i].outcome.status, WWS_S_OK);
    free(chunk);
    close(fd);
}

static void session__takes_back_what_has_not_begun(void **state)
{
    struct parcel first = { 0 }, second = { 0 };
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();
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
    assert_int_equal(value_of(&it->done), 1);
    assert_int_equal(first.outcome.status, WWS_E_OPERATION_ABORTED);
    assert_int_equal(first.outcome.progress, WWS_PROGRESS_PARTLY_SENT);
    close(fd);
}

static void session__asks_before_it_begins_to_send(void **state)
{
    struct parcel one = { .refuse = true }, two = { 0 };
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    fd = serve_bare();

    assert_int_equal(send_text(holder, &one, "never"), WWS_S_OK);
    assert_int_equal(send_text(holder, &two, "hello"), WWS_S_OK);

    EXPECT(fd, HELLO);
    wait_for(&it->done, 2);
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
        assert_int_equal(send_text(&it->servers[0], &crowd[who][i], text),
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
    fd = serve_bare();

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
    wait_for(&it->done, THREADS * EACH);
    close(fd);
}

static void *send_and_regret(void *state)
{
    int who = (int) (intptr_t) state;
    struct dice dice = { (uint64_t) who + 1 };
    struct wwi_session *session = it->servers[0].session;
    intptr_t regretted = 0;

    for (int i = 0; i < EACH; i++) {
        struct parcel *parcel = &crowd[who][i];

        assert_int_equal(send_text(&it->servers[0], parcel, "x"), WWS_S_OK);
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
    fd = serve_bare();
    pthread_create(&reader, NULL, count_records, &fd);

    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, send_and_regret,
            (void *) (intptr_t) i);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        taken += (intptr_t) result;
    }

    shut(&it->servers[0]);
    pthread_join(reader, &result);
    assert_int_equal((intptr_t) result, THREADS * EACH - taken);
    wait_for(&it->done, THREADS * EACH - (int) taken);
    assert_int_equal(value_of(&it->done), THREADS * EACH - (int) taken);
    close(fd);
}

/* Peers that the network has lost. */

/* Our own end of a connection. */
static int other_end(int fd)
{
    struct sockaddr_in own, other;
    socklen_t size = sizeof own;

    assert_int_equal(getsockname(fd, (struct sockaddr *) &own, &size), 0);
    for (int found = 0; found < DESCRIPTORS; found++)
        if (getpeername(found, (struct sockaddr *) &other, &size) == 0
            && other.sin_family == AF_INET && other.sin_port == own.sin_port)
            return found;
    fail_msg("no other end");
    return -1;
}

static int option(int fd, int level, int name)
{
    socklen_t size = sizeof(int);
    int value = -1;

    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

/* One who owes an acknowledgement, and one who owes nothing. */
static void assert_noticed(int fd)
{
    assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 120000);
    assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_in_range(option(fd, IPPROTO_TCP, TCP_KEEPIDLE)
        + option(fd, IPPROTO_TCP, TCP_KEEPINTVL)
        * option(fd, IPPROTO_TCP, TCP_KEEPCNT), 1, 120);
}

static void session__of_a_server_asks_whether_its_peer_is_there(void **state)
{
    int fd;

    (void) state;
    fd = serve_bare();

    assert_noticed(other_end(fd));
    close(fd);
}

static void session__of_a_client_asks_whether_its_peer_is_there(void **state)
{
    int fd;

    (void) state;
    fd = meet();

    assert_noticed(other_end(fd));
    close(fd);
}

/* Ours with ours. */

static void sessions__talk_both_ways(void **state)
{
    static struct parcel there[100], back[100];
    struct holder *client = &it->clients[0], *server = &it->servers[0];
    char text[16];

    (void) state;
    memset(there, 0, sizeof there);
    memset(back, 0, sizeof back);
    it->manner = READ;
    start_tcp();
    create(client, port());
    open_it(client);
    wait_for(&client->opened, 1);
    wait_for(&it->connected, 1);
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
    wait_for(&it->done, 200);
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
    struct holder *client = &it->clients[0], *server = &it->servers[0];

    (void) state;
    memset(there, 0, sizeof there);
    memset(back, 0, sizeof back);
    use_streams();
    it->manner = READ;
    start_tcp();
    create(client, port());
    open_it(client);
    wait_for(&client->opened, 1);
    wait_for(&it->connected, 1);
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
    wait_for(&it->done, 256);
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
    struct holder *client = &it->clients[0];
    uint16_t to;

    (void) state;
    it->manner = CLOSE;
    start_tcp();
    to = port();

    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct pest pest = { client, { round } };
        pthread_t thread;
        int sent = 0;

        it->done = 0;
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
        assert_int_equal(value_of(&it->done), sent);
    }
}

/* Memory. */

static bool converse(struct holder *client, uint16_t to)
{
    struct parcel parcel = { 0 };
    struct wwi_session *session;
    char url[64];
    wws_status status;

    snprintf(url, sizeof url, "net.tcp://127.0.0.1:%u/calc", (unsigned) to);
    status = wwi_tcp.session_create(it->runtime,
        (wws_string) { url, strlen(url) }, &it->client_options, &session,
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
    it->manner = CLOSE;
    start_tcp();
    to = port();

    for (uint64_t n = 1; !through; n++) {
        assert_true(n < 200);
        lock_it();
        it->places = it->connected = 0;
        it->clients[0] = it->servers[0] = (struct holder) { .opened = 0 };
        unlock_it();
        wwi_memory_fail(n, 0);
        through = converse(&it->clients[0], to);
        wwi_memory_fail(0, 0);
        while (value_of(&it->unfreed) != 0)
            let_everything_run();
        wwi_bytes_fini(&it->servers[0].got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        TEST(session__of_a_server_asks_whether_its_peer_is_there),
        TEST(session__of_a_client_asks_whether_its_peer_is_there),
        TEST(sessions__talk_both_ways),
        TEST(sessions__stream_both_ways),
        TEST(sessions__end_in_any_state),
        TEST(session__survives_every_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
