/* Sessions over TCP that are streamed: one message each way. */
#include "tests/support/tcp_fixture.h"

#include <stdlib.h>

#include <sys/socket.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "tests/support/counters.h"

static int shake_for_stream(void)
{
    int fd = dial();

    PUT(fd, STREAMED);
    EXPECT(fd, ACK);
    wait_for(&it->connected, 1);
    return fd;
}

static void stream__is_delivered_as_it_comes(void **state)
{
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    use_streams();
    it->manner = READ;
    start_tcp();
    fd = shake_for_stream();

    PUT(fd, "\x05\x03" "abc");
    wait_for(&holder->arrived, 1);
    expect_got(holder, "abc");
    assert_int_equal(holder->whole, 0);
    PUT(fd, "\x04" "d");
    wait_for(&holder->arrived, 2);
    PUT(fd, "efg\x00\x07");

    wait_for(&holder->ended, 1);
    assert_int_equal(holder->whole, 1);
    expect_got(holder, "abcdefg");
    close(fd);
}

static void stream__does_not_outgrow_a_slow_reader(void **state)
{
    static uint8_t chunk[60001];
    struct holder *holder = &it->servers[0];
    size_t before, sent = 0;
    int fd;

    (void) state;
    use_streams();
    start_tcp();
    fd = shake_for_stream();
    let_everything_run();
    before = wwi_memory_live();
    PUT(fd, "\x05\x80\x80\x80\x08");

    while (sent < 16 * 1024 * 1024) {
        ssize_t count = send(fd, chunk, sizeof chunk, MSG_DONTWAIT);

        if (count < 0)
            break;
        sent += (size_t) count;
        let_everything_run();
    }

    assert_true(sent < 16 * 1024 * 1024);
    assert_int_equal(value_of(&holder->arrived), 0);
    assert_true(wwi_memory_live() <= before + 2);
    receive(holder);
    wait_for(&holder->arrived, 1);
    assert_int_equal(holder->largest, 65536);
    reset(fd);
    wait_for(&holder->failed, 1);
}

static void stream__that_is_too_large_is_faulted(void **state)
{
    int fd;

    (void) state;
    it->manner = READ;
    it->server_options.max_streamed_size = 10;
    start_tcp();
    fd = shake_for_stream();

    PUT(fd, "\x05\x08" "12345678" "\x03");

    expect_refusal(fd, "MaxMessageSizeExceededFault");
    wait_for(&it->servers[0].failed, 1);
    assert_int_equal(it->servers[0].outcome.status, WWS_E_QUOTA_EXCEEDED);
    close(fd);
}

/* G118 */
static void stream__sees_the_client_go_before_the_reply(void **state)
{
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    use_streams();
    it->manner = READ;
    start_tcp();
    fd = shake_for_stream();
    PUT(fd, "\x05\x03" "abc" "\x00\x07");
    wait_for(&holder->ended, 1);

    close(fd);

    wait_for(&holder->failed, 1);
    assert_int_equal(holder->outcome.status, WWS_E_ENDPOINT_DISCONNECTED);
}

static void stream__may_be_replied_to_behind_a_half_closed_one(void **state)
{
    struct parcel parcels[2] = { { .begun = 0 } };
    struct holder *holder = &it->servers[0];
    int fd;

    (void) state;
    use_streams();
    it->manner = READ;
    it->server_options.tolerate_half_close = true;
    start_tcp();
    fd = shake_for_stream();
    PUT(fd, "\x05\x03" "abc" "\x00\x07");
    shutdown(fd, SHUT_WR);
    wait_for(&holder->ended, 1);
    let_everything_run();

    assert_int_equal(send_part(holder, &parcels[0], "re", 2, false, true),
        WWS_S_OK);
    assert_int_equal(send_part(holder, &parcels[1], "ply", 3, true, false),
        WWS_S_OK);
    shut(holder);

    EXPECT(fd, "\x05\x02" "re" "\x03" "ply" "\x00\x07");
    expect_end(fd);
    assert_int_equal(value_of(&holder->failed), 0);
    close(fd);
}

static void stream__of_a_client_ends_with_its_message(void **state)
{
    struct parcel parcels[4] = { { .begun = 0 } };
    struct holder *holder = &it->clients[0];
    int fd;

    (void) state;
    use_streams();
    it->manner = READ;
    fd = meet();

    assert_int_equal(send_part(holder, &parcels[0], "ab", 2, false, true),
        WWS_S_OK);
    assert_int_equal(send_part(holder, &parcels[1], "cde", 3, true, true),
        WWS_S_OK);
    assert_int_equal(send_part(holder, &parcels[2], "", 0, true, false),
        WWS_S_OK);

    EXPECT(fd, "\x05\x02" "ab" "\x03" "cde" "\x00\x07");
    assert_int_equal(send_part(holder, &parcels[3], "x", 1, true, false),
        WWS_E_INVALID_OPERATION);
    shut(holder);
    receive(holder);
    PUT(fd, "\x05\x02" "ok" "\x00\x07");
    wait_for(&holder->ended, 1);
    expect_got(holder, "ok");
    give_back(holder);
    expect_end(fd);
    close(fd);
}

static void stream__taken_back_can_be_shut(void **state)
{
    struct parcel first = { 0 }, last = { 0 };
    struct holder *holder = &it->clients[0];
    char *much = calloc(1, BIG);
    int fd;

    (void) state;
    use_streams();
    fd = meet();
    assert_int_equal(send_part(holder, &first, much, BIG, false, true),
        WWS_S_OK);
    assert_int_equal(send_part(holder, &last, "x", 1, true, false),
        WWS_S_OK);

    assert_true(holder->session->calls->unsend(holder->session,
        &last.sending));

    assert_int_equal(send_part(holder, &last, "y", 1, true, false), WWS_S_OK);
    get(fd, much, 1 + 4);
    get(fd, much, BIG);
    EXPECT(fd, "\x01" "y" "\x00\x07");
    wait_for(&it->done, 2);
    free(much);
    close(fd);
}

static void stream__refused_at_its_end_can_be_ended(void **state)
{
    struct parcel first = { 0 }, never = { .refuse = true }, last = { 0 };
    struct holder *holder = &it->clients[0];
    int fd;

    (void) state;
    use_streams();
    fd = meet();
    assert_int_equal(send_part(holder, &first, "ab", 2, false, true),
        WWS_S_OK);

    assert_int_equal(send_part(holder, &never, "x", 1, true, false),
        WWS_S_OK);
    wait_for(&it->done, 2);

    assert_int_equal(never.outcome.status, WWS_E_OPERATION_CANCELLED);
    assert_int_equal(send_part(holder, &last, "y", 1, true, false), WWS_S_OK);
    EXPECT(fd, "\x05\x02" "ab" "\x01" "y" "\x00\x07");
    wait_for(&it->done, 3);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stream__is_delivered_as_it_comes),
        TEST(stream__does_not_outgrow_a_slow_reader),
        TEST(stream__that_is_too_large_is_faulted),
        TEST(stream__sees_the_client_go_before_the_reply),
        TEST(stream__may_be_replied_to_behind_a_half_closed_one),
        TEST(stream__of_a_client_ends_with_its_message),
        TEST(stream__taken_back_can_be_shut),
        TEST(stream__refused_at_its_end_can_be_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
