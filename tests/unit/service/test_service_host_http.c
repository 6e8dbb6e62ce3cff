/* A host over HTTP, with clients that are sockets. */
#include "serving_host.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

static void open_http(void)
{
    begin(WWS_S_ASYNC);
    chosen = &wwi_http;
    add(WWS_CALLBACK_MODEL_LONG, serve);
    open_host();
}

static uint16_t port_of(uint32_t index)
{
    wws_buffer address = { 0 };
    char text[100];
    char *colon;

    assert_int_equal(wwi_service_host_get_address(host, index, &address,
        NULL), WWS_S_OK);
    assert_true(address.size < sizeof text);
    memcpy(text, address.data, address.size);
    text[address.size] = '\0';
    wwi_buffer_release(&address);
    colon = strrchr(text, ':');
    return (uint16_t) atoi(colon + 1);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    /* A host that has just been stopped refuses, and sending then fails. */
    (void) connect(fd, (struct sockaddr *) &to, sizeof to);
    return fd;
}

static int post_to(uint16_t port)
{
    static const char body[] = ENVELOPE(ADD);
    char request[2048];
    int fd = connect_to(port);
    int size = snprintf(request, sizeof request, "POST /x HTTP/1.1\r\n"
        "Host: 127.0.0.1:%u\r\nContent-Type: application/soap+xml; "
        "charset=utf-8\r\nContent-Length: %zu\r\n\r\n%s", (unsigned) port,
        sizeof body - 1, body);

    (void) send(fd, request, (size_t) size, MSG_NOSIGNAL);
    return fd;
}

/* Reads until the text comes, or the end; a reset gives false. */
static bool read_until(int fd, const char *text)
{
    static char answer[65536];
    size_t size = 0;
    ssize_t count;

    answer[0] = '\0';
    while (strstr(answer, text) == NULL) {
        count = recv(fd, answer + size, sizeof answer - size - 1, 0);
        if (count <= 0)
            return false;
        size += (size_t) count;
        answer[size] = '\0';
    }
    return true;
}

static ssize_t read_some(int fd)
{
    char some[64];

    return recv(fd, some, sizeof some, 0);
}

static void http__request_is_served(void **state)
{
    int fd;

    (void) state;
    open_http();
    fd = post_to(port_of(1));
    await(&seen.served);

    complete_last();

    assert_true(read_until(fd, "urn:addResponse"));
    close(fd);
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void http__client_that_goes_away_cancels__g118(void **state)
{
    int fd;

    (void) state;
    open_http();
    fd = post_to(port_of(1));
    await(&seen.served);

    close(fd);
    await(&seen.cancelled);

    assert_int_equal(seen.reason, WWS_CANCEL_REASON_CHANNEL_FAULTED);
    complete_last();
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

static void http__abort_resets_the_connection__g122(void **state)
{
    uint16_t port;
    int fd;

    (void) state;
    open_http();
    port = port_of(1);
    fd = post_to(port);
    await(&seen.served);

    assert_int_equal(do_abort(), WWS_S_OK);

    assert_false(read_until(fd, "urn:addResponse"));
    close(fd);
    await(&seen.cancelled);
    assert_int_equal(seen.reason, WWS_CANCEL_REASON_HOST_ABORTED);
    complete_last();
    assert_int_equal(close_host(), WWS_S_OK);
    end();
}

/* A client that asks, and then leaves or does not read the answer. */
static void *hurry(void *state)
{
    uint16_t port = *(const uint16_t *) state;

    for (int i = 0; i < 3; i++) {
        int fd = post_to(port);

        if (i == 1)
            (void) read_some(fd);
        close(fd);
    }
    return NULL;
}

static wws_status serve_hurry(wws_operation handle, void *state)
{
    struct wwi_operation *operation = hold_operation(handle);
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.cancelled = cancelled;
    callbacks.state = &seen.leave;
    callbacks.free_state = count_freed;
    assert_int_equal(wwi_operation_register_for_cancel(operation, &callbacks,
        NULL), WWS_S_OK);
    set_flag(&seen.served);
    wwi_object_unref(&operation->object);
    (void) state;
    return WWS_S_OK;
}

static void http__host_is_aborted_and_opened_under_fire(void **state)
{
    pthread_t threads[4];
    uint16_t port;

    (void) state;
    memset(&seen, 0, sizeof seen);
    create_host(NULL);
    chosen = &wwi_http;
    add(WWS_CALLBACK_MODEL_LONG, serve_hurry);
    for (int round = 0; round < 20; round++) {
        int served = flag_of(&seen.served);

        open_host();
        port = port_of(0);
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], NULL, hurry, &port);
        while (flag_of(&seen.served) == served)
            sched_yield();
        if (round % 2 == 0)
            assert_int_equal(do_abort(), WWS_S_OK);
        assert_int_equal(close_host(), WWS_S_OK);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);

        assert_int_equal(seen.leave, seen.served);
        assert_true(seen.cancelled <= seen.served);
        assert_int_equal(do_reset(), WWS_S_OK);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http__request_is_served),
        cmocka_unit_test(http__client_that_goes_away_cancels__g118),
        cmocka_unit_test(http__abort_resets_the_connection__g122),
        cmocka_unit_test(http__host_is_aborted_and_opened_under_fire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
