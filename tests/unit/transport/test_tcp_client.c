/* A client over TCP: how it opens a session. */
#include "tests/support/tcp_fixture.h"

#include <stdio.h>
#include <string.h>

#include <errno.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/resolve.h"
#include "tests/support/counters.h"
#include "tests/support/wrapped.h"

/* So many of the next calls are interrupted when they have begun. */
static _Atomic int interrupts;

/* Under the name of the system's, whose type cannot be written in C11. */
int any_connect(int fd, const struct sockaddr *address, socklen_t size)
    __asm__("connect");
int any_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    int (*wrapped)(int, const struct sockaddr *, socklen_t);
    int result;

    find_wrapped(&wrapped, "connect");
    result = wrapped(fd, address, size);
    if (interrupts == 0)
        return result;
    interrupts--;
    errno = EINTR;
    return -1;
}

/* Opening, as a client. */

static void client__says_what_it_wants(void **state)
{
    static const int phases[] = {
        WWS_PHASE_RESOLVE, WWS_PHASE_CONNECT, WWS_PHASE_HANDSHAKE,
    };
    struct holder *holder = &it->clients[0];
    int fd;

    (void) state;

    fd = meet();

    assert_int_equal(holder->phase_count, 3);
    assert_memory_equal(holder->phases, phases, sizeof phases);
    assert_int_equal(it->runtime->counters[WWS_COUNTER_CONNECTIONS_OPENED], 1);
    close(fd);
}

static void client__names_the_encoding_of_its_version(void **state)
{
    int fd;

    (void) state;
    it->client_options.version = WWS_ENVELOPE_VERSION_SOAP_1_1;
    start_runtime();
    create(&it->clients[0], listen_bare());

    open_it(&it->clients[0]);

    fd = accept_bare();
    expect_preamble(fd, 2, 0);
    close(fd);
    wait_for(&it->clients[0].failed, 1);
}

static void client__waits_for_the_acknowledgement(void **state)
{
    struct parcel parcel = { 0 };
    struct holder *holder = &it->clients[0];
    int fd;

    (void) state;
    start_runtime();
    create(holder, listen_bare());
    open_it(holder);
    fd = accept_bare();
    expect_preamble(fd, 2, 3);

    assert_int_equal(send_text(holder, &parcel, "x"),
        WWS_E_INVALID_OPERATION);

    expect_silence(fd);
    assert_int_equal(value_of(&holder->opened), 0);
    close(fd);
    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    assert_int_equal(holder->outcome.phase, WWS_PHASE_HANDSHAKE);
}

static void client__understands_answers(void **state)
{
    static const struct {
        const char *octets;
        size_t size;
        wws_status status;
        const char *text;
        const char *more;
    } rows[] = {
        { "\x08\x47" URI "EndpointNotFound", 2 + 71,
            WWS_E_ENDPOINT_NOT_FOUND, "fault", URI "EndpointNotFound" },
        { "\x08\x43" URI "ServerTooBusy", 2 + 68,
            WWS_E_ENDPOINT_TOO_BUSY, "fault", URI "ServerTooBusy" },
        { "HTTP/1.1 400", 12, WWS_E_INVALID_FORMAT, "HTTP", "" },
        { "\x42", 1, WWS_E_INVALID_FORMAT, "acknowledges", "" },
    };
    uint16_t to;

    (void) state;
    start_runtime();
    to = listen_bare();

    for (int i = 0; i < 4; i++) {
        struct holder *holder = &it->clients[i];
        char octets[128];
        int fd;

        memcpy(octets, rows[i].octets, rows[i].size);
        if (octets[0] == 8)
            octets[1] = (char) (rows[i].size - 2);
        create(holder, to);
        open_it(holder);
        fd = accept_bare();
        put(fd, octets, rows[i].size);
        wait_for(&holder->failed, 1);
        assert_int_equal(holder->outcome.status, rows[i].status);
        assert_non_null(strstr(holder->outcome.text, rows[i].text));
        assert_string_equal(holder->session->text, rows[i].more);
        close(fd);
    }
}

static void client__takes_octets_one_by_one(void **state)
{
    static const char all[] = ACK HELLO HELLO END;
    struct holder *holder = &it->clients[0];
    int fd;

    (void) state;
    it->manner = READ;
    start_runtime();
    create(holder, listen_bare());
    open_it(holder);
    fd = accept_bare();
    expect_preamble(fd, 2, 3);
    receive(holder);

    for (size_t i = 0; i < sizeof all - 1; i++) {
        put(fd, all + i, 1);
        let_everything_run();
    }

    wait_for(&holder->ended, 1);
    assert_int_equal(holder->opened, 1);
    expect_got(holder, "hellohello");
    close(fd);
}

static void client__survives_a_server_that_leaves_anywhere(void **state)
{
    static const char all[] = ACK HELLO END;
    uint16_t to;

    (void) state;
    it->manner = READ;
    start_runtime();
    to = listen_bare();

    for (int cut = 0; cut < (int) sizeof all - 1; cut++) {
        struct holder *holder = &it->clients[cut];
        int fd;

        create(holder, to);
        receive(holder);
        open_it(holder);
        fd = accept_bare();
        expect_preamble(fd, 2, 3);
        put(fd, all, (size_t) cut);
        if (cut % 2 == 0)
            reset(fd);
        else
            close(fd);
        wait_for(&holder->failed, 1);
        assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
    }
}

/* A name server of our own, to which the clients' loop is sent. */

static struct name_server {
    struct wwi_post post;
    struct wwi_loop *loop;
    sem_t told;
    char address[32];
    int fd;
} names;

static void use_names(struct wwi_work *work)
{
    (void) work;
    (void) wwi_resolver_set_servers(wwi_loop_resolver(names.loop),
        names.address);
    sem_post(&names.told);
}

static void open_with_names(struct holder *holder)
{
    names.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    be_patient(names.fd);
    snprintf(names.address, sizeof names.address, "127.0.0.1:%u",
        (unsigned) bind_somewhere(names.fd));
    start_runtime();
    create_at(holder, "net.tcp://some.where.test./calc");
    names.loop = holder->session->loop;
    sem_init(&names.told, 0, 0);
    wwi_post_init(&names.post, use_names);
    wwi_loop_post(names.loop, &names.post);
    sem_wait(&names.told);
    sem_destroy(&names.told);
    open_it(holder);
    wait_for(&holder->phase_count, 1);
}

/* Says "no such name" to as many questions. */
static void deny(int questions)
{
    for (int i = 0; i < questions; i++) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        uint8_t packet[512];
        ssize_t count = recvfrom(names.fd, packet, sizeof packet, 0,
            (struct sockaddr *) &from, &size);

        assert_true(count > 12);
        packet[2] |= 0x80;
        packet[3] = 0x83;
        (void) sendto(names.fd, packet, (size_t) count, 0,
            (struct sockaddr *) &from, size);
    }
}

static void client__does_not_find_a_name(void **state)
{
    struct holder *holder = &it->clients[0];

    (void) state;
    open_with_names(holder);

    deny(2);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(holder->outcome.phase, WWS_PHASE_RESOLVE);
    close(names.fd);
}

static void client__can_be_aborted_while_a_name_is_looked_up(void **state)
{
    struct holder *holder = &it->clients[0];

    (void) state;
    open_with_names(holder);

    abort_it(holder);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_OPERATION_ABORTED);
    close(names.fd);
}

static void client__finds_nobody(void **state)
{
    struct holder *holder = &it->clients[0];
    uint16_t to;

    (void) state;
    start_runtime();
    to = listen_bare();
    close(it->listening);
    it->listening = -1;
    create(holder, to);

    open_it(holder);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_NOT_FOUND);
    assert_int_equal(holder->outcome.phase, WWS_PHASE_CONNECT);
    assert_int_equal(holder->outcome.original_code, ECONNREFUSED);
}

static void client__goes_on_when_connecting_was_interrupted(void **state)
{
    int fd;

    (void) state;
    interrupts = 1;

    fd = meet();

    assert_int_equal(interrupts, 0);
    close(fd);
    wait_for(&it->clients[0].failed, 1);
}

static void client__goes_on_to_the_next_address(void **state)
{
    char url[64];
    int fd;

    (void) state;
    start_runtime();
    snprintf(url, sizeof url, "net.tcp://localhost:%u/calc",
        (unsigned) listen_bare());
    create_at(&it->clients[0], url);

    open_it(&it->clients[0]);

    fd = accept_bare();
    expect_preamble(fd, 2, 3);
    close(fd);
    wait_for(&it->clients[0].failed, 1);
}

/* Does that to a client that was created, to one that opens, and to one that
 * has connected. */
static void do_at_any_time(void (*act)(struct holder *holder))
{
    uint16_t to;

    start_runtime();
    to = listen_bare();
    create(&it->clients[0], to);
    act(&it->clients[0]);
    create(&it->clients[1], to);
    open_it(&it->clients[1]);
    act(&it->clients[1]);
    create(&it->clients[2], to);
    open_it(&it->clients[2]);
    wait_for(&it->clients[2].phase_count, 3);
    act(&it->clients[2]);
}

static void client__can_be_given_back_at_any_time(void **state)
{
    (void) state;

    do_at_any_time(give_back);

    for (int i = 0; i < 3; i++) {
        wait_for(&it->clients[i].released, 1);
        assert_int_equal(it->clients[i].failed, 0);
    }
}

static void client__can_be_aborted_at_any_time(void **state)
{
    (void) state;

    do_at_any_time(abort_it);

    for (int i = 0; i < 3; i++) {
        wait_for(&it->clients[i].failed, 1);
        assert_int_equal(it->clients[i].outcome.status,
            WWS_E_OPERATION_ABORTED);
    }
}

static void client__refuses_other_addresses(void **state)
{
    struct wwi_session *session;

    (void) state;
    start_runtime();

    assert_int_equal(wwi_tcp.session_create(it->runtime,
        WWS_STR("http://127.0.0.1/"), &it->client_options, &session, NULL),
        WWS_E_INVALID_ENDPOINT_URL);
    assert_int_equal(wwi_tcp.session_create(it->runtime,
        WWS_STR("net.tcp:"), &it->client_options, &session, NULL),
        WWS_E_INVALID_ENDPOINT_URL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(client__says_what_it_wants),
        TEST(client__names_the_encoding_of_its_version),
        TEST(client__waits_for_the_acknowledgement),
        TEST(client__understands_answers),
        TEST(client__takes_octets_one_by_one),
        TEST(client__survives_a_server_that_leaves_anywhere),
        TEST(client__finds_nobody),
        TEST(client__does_not_find_a_name),
        TEST(client__can_be_aborted_while_a_name_is_looked_up),
        TEST(client__goes_on_when_connecting_was_interrupted),
        TEST(client__goes_on_to_the_next_address),
        TEST(client__can_be_given_back_at_any_time),
        TEST(client__can_be_aborted_at_any_time),
        TEST(client__refuses_other_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
