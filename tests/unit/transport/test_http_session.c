/* Both ends of exchanges over streamed HTTP. */
#include "tests/support/http_session_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "tests/support/counters.h"

static void meet(void)
{
    char url[64];

    start_streamed();
    snprintf(url, sizeof url, "http://127.0.0.1:%u/calc", port());
    create_client(url);
    open_client();
    wait_for(&it->client.opened, 1);
}

/* Octets that are allocated, by whatever counts them. */
static size_t allocated(void)
{
    size_t (*count)(void);
    void *found = dlsym(RTLD_DEFAULT,
        "__sanitizer_get_current_allocated_bytes");
    struct mallinfo2 info;

    memcpy(&count, &found, sizeof count);
    if (found != NULL)
        return count();
    info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Three pieces at a time under way, to one who asks for the next only when all
 * has come to rest. */
static void stream(struct holder *from, struct holder *to)
{
    static char piece[PIECE];
    size_t before = allocated(), most = 0, now;
    int count = BULK / PIECE;

    for (int i = 0; i < count; i++) {
        assert_int_equal(send_octets(from, piece, sizeof piece,
            (struct wwi_outgoing) { .continues = i != 0,
                .more = i != count - 1 }), WWS_S_OK);
        wait_for(&it->connected, 1);
        while (value_of(&from->done) < i - 2) {
            let_everything_run();
            ask_for_piece(to);
        }
        now = allocated();
        if (now > before && now - before > most)
            most = now - before;
    }
    while (value_of(&to->last_pieces) == 0) {
        ask_for_piece(to);
        let_everything_run();
    }
    assert_int_equal(to->octets, BULK);
    assert_true(to->largest <= PIECE);
    assert_true(most < MEBIBYTE);
}

static void session__streams_a_request_in_bounded_memory(void **state)
{
    (void) state;
    meet();

    stream(&it->client, &it->served[0]);

    wait_for(&it->served[0].ended, 1);
    assert_int_equal(it->client.failed + it->served[0].failed, 0);
}

static void session__streams_a_reply_in_bounded_memory(void **state)
{
    (void) state;
    meet();
    send_piece(&it->client, "ask", WHOLE);
    wait_for(&it->connected, 1);
    ask_for_piece(&it->served[0]);
    wait_for(&it->served[0].ended, 1);

    stream(&it->served[0], &it->client);

    wait_for(&it->client.ended, 1);
    assert_int_equal(it->client.failed + it->served[0].failed, 0);
}

static void session__fails_cleanly_without_memory(void **state)
{
    int failed = 0, n = 0;

    do {
        if (n++ != 0)
            streamed_set_up(state);
        it->greedy = it->replies = it->client.greedy = true;
        meet();

        wwi_memory_fail((uint64_t) n, 0);
        if (send_piece(&it->client, "ask", FIRST) != WWS_S_OK
            || send_piece(&it->client, "more", LAST) != WWS_S_OK)
            it->client.session->calls->abort(it->client.session);
        ask_for_piece(&it->client);

        wait_for(&it->client.finished, 1);
        failed = it->client.failed;
        assert_true(failed || strcmp(it->client.text, "reply") == 0);
        if (failed)
            streamed_clean_up(state);
    } while (failed && n < 200);
    assert_true(n > 5 && n < 200);
}

static void client__is_not_made_without_memory(void **state)
{
    struct wwi_session *session;

    (void) state;
    need_runtime();

    for (uint64_t n = 1; ; n++) {
        wws_status status;

        wwi_memory_fail(n, 0);
        status = wwi_http_streamed.session_create(it->runtime,
            WWS_STR("http://127.0.0.1:1/"), &it->client_options, &session,
            NULL);
        wwi_memory_fail(0, 0);
        if (status == WWS_S_OK) {
            assert_true(n > 2);
            break;
        }
        assert_int_equal(status, WWS_E_OUTOFMEMORY);
    }
    hold_session(&it->client, session);
}

static void server__closes_connections_that_it_has_no_memory_for(
    void **state)
{
    uint16_t where;
    int fd;

    (void) state;
    start_streamed();
    where = port();
    wwi_memory_fail(1, 1);

    fd = dial_to(where);

    expect_end(fd);
    close(fd);
    wwi_memory_fail(0, 0);
    fd = dial();
    put_text(fd, REQUEST);
    wait_for(&it->connected, 1);
    close(fd);
}

static void server__serves_curl(void **state)
{
    char command[512], reply[64] = "";
    FILE *curl;

    (void) state;
    if (system("curl --version >/dev/null 2>&1") != 0)
        skip();
    it->greedy = it->replies = true;
    start_streamed();
    snprintf(command, sizeof command, "printf hello | curl -s -m 20 -X POST "
        "-T - -H 'Content-Type: text/xml' -H 'Expect: 100-continue' "
        "-w ' %%{http_code}' http://127.0.0.1:%u/calc", port());

    curl = popen(command, "r");

    assert_non_null(curl);
    assert_true(fread(reply, 1, sizeof reply - 1, curl) != 0);
    assert_int_equal(pclose(curl), 0);
    assert_string_equal(reply, "reply 200");
    wait_for(&it->served[0].ended, 1);
    assert_string_equal(it->served[0].text, "hello");
}

static void *abort_it(void *holder)
{
    struct wwi_session *session = ((struct holder *) holder)->session;

    session->calls->abort(session);
    return NULL;
}

static void session__is_aborted_by_any_thread_meanwhile(void **state)
{
    for (int i = 0; i < 40; i++) {
        static char piece[PIECE];
        pthread_t thread;
        bool first = true;

        if (i != 0)
            streamed_set_up(state);
        it->greedy = true;
        meet();
        for (int j = 0; j < i; j++) {
            (void) send_octets(&it->client, piece, sizeof piece,
                (struct wwi_outgoing) { .more = true, .continues = !first });
            first = false;
        }
        pthread_create(&thread, NULL, abort_it, &it->client);
        while (send_octets(&it->client, piece, sizeof piece,
            (struct wwi_outgoing) { .more = true, .continues = !first })
            == WWS_S_OK)
            first = false;
        pthread_join(thread, NULL);

        wait_for(&it->client.failed, 1);
        assert_int_equal(it->client.outcome.status, WWS_E_OPERATION_ABORTED);
        if (i != 39)
            streamed_clean_up(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(session__streams_a_request_in_bounded_memory),
        TEST(session__streams_a_reply_in_bounded_memory),
        TEST(session__fails_cleanly_without_memory),
        TEST(client__is_not_made_without_memory),
        TEST(server__closes_connections_that_it_has_no_memory_for),
        TEST(server__serves_curl),
        TEST(session__is_aborted_by_any_thread_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
