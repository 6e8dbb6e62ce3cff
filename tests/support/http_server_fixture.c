/* The HTTP server against clients that write octets by hand, over loopback. */
#include "tests/support/http_server_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "tests/support/counters.h"

/* System calls of the server: those on its loop and those that answer. */

_Atomic int received_calls;
_Atomic int sent_calls;
_Atomic int armed_calls;
_Atomic int most_sent;
void (*_Atomic has_sent)(void);

/* The server and what it tells. */

struct fixture server_fixture;

static void was_replied(void *state, const struct wwi_outcome *outcome)
{
    assert_ptr_equal(state, it);
    lock_it();
    it->replied++;
    it->outcome = *outcome;
    unlock_it();
}

void server_stopped(void *state)
{
    assert_ptr_equal(state, it);
    lock_it();
    it->stopped++;
    unlock_it();
}

void is_gone(struct wwi_incoming *incoming)
{
    assert_true(incoming->gone);
    lock_it();
    it->gone++;
    unlock_it();
}

void answer(struct wwi_incoming *incoming, struct wwi_bytes *envelope)
{
    struct wwi_outgoing outgoing = {
        .envelope = *envelope,
        .version = incoming->version,
        .fields = it->answer_fields,
        .fault = it->fault,
    };

    *envelope = (struct wwi_bytes) { 0 };
    wwi_http_incoming.reply(incoming, &outgoing, was_replied, it);
}

void answer_text(struct wwi_incoming *incoming, const char *text)
{
    struct wwi_bytes envelope = { 0 };

    wwi_bytes_append_text(&envelope, text);
    answer(incoming, &envelope);
}

void answer_big(struct wwi_incoming *incoming)
{
    struct wwi_bytes envelope = { 0 };
    void *data = wwi_bytes_reserve(&envelope, BIG);

    memset(data, 'b', BIG);
    envelope.size = BIG;
    answer(incoming, &envelope);
}

static void note(const struct wwi_incoming *incoming)
{
    wws_string name, value;
    uint32_t index = 0;

    it->has_action = incoming->has_action;
    snprintf(it->action, sizeof it->action, "%.*s", (int) incoming->action.size,
        incoming->action.data != NULL ? incoming->action.data : "");
    it->field[0] = '\0';
    while (incoming->fields.next(incoming->fields.state, &index, &name,
        &value))
        if (name.size == 7 && memcmp(name.data, "X-Field", 7) == 0)
            snprintf(it->field, sizeof it->field, "%.*s", (int) value.size,
                value.data);
    it->envelope_size = incoming->envelope.size;
}

static void arrived(struct wwi_incoming *incoming, void *state)
{
    enum manner manner;
    struct wwi_bytes envelope = { 0 };

    assert_ptr_equal(state, it);
    assert_false(incoming->gone);
    lock_it();
    manner = it->manner;
    note(incoming);
    if (manner == HOLD) {
        assert_true(it->held_count < HELD_MOST);
        it->held[it->held_count++] = incoming;
    } else {
        envelope = incoming->envelope;
        incoming->envelope = (struct wwi_bytes) { 0 };
    }
    it->arrived++;
    unlock_it();
    if (manner == STOP)
        wwi_http.server_stop(it->server, false, server_stopped);
    if (manner == ECHO || manner == STOP)
        answer(incoming, &envelope);
    if (manner == ACCEPT)
        wwi_http_incoming.reply(incoming, NULL, was_replied, it);
    if (manner == DROP)
        wwi_http_incoming.drop(incoming);
    if (manner == ACCEPT || manner == DROP)
        wwi_bytes_fini(&envelope);
}

const struct wwi_server_callbacks arrivals = {
    .arrived = arrived,
    .state = it,
};

struct wwi_incoming *take_held(void)
{
    struct wwi_incoming *incoming;

    wait_for(&it->held_count, 1);
    lock_it();
    incoming = it->held[0];
    it->held_count--;
    memmove(it->held, it->held + 1,
        (size_t) it->held_count * sizeof it->held[0]);
    unlock_it();
    return incoming;
}

void open_server(const char *url)
{
    it->runtime = start_engine();
    assert_int_equal(wwi_http.server_open(it->runtime,
        (wws_string) { url, strlen(url) }, &it->options, &arrivals,
        &it->server, NULL), WWS_S_OK);
}

int server_set_up(void **state)
{
    (void) state;
    *it = (struct fixture) {
        .blocks = wwi_memory_live(),
        .options = {
            .version = WWS_ENVELOPE_VERSION_SOAP_1_1,
            .max_message_size = 65536,
            .max_head_size = 65536,
            .backlog = 128,
            .max_connections = 1024,
            .max_incoming = 1024,
            .request_timeout_ms = 30000,
            .idle_timeout_ms = 120000,
        },
    };
    most_sent = 0;
    has_sent = NULL;
    return 0;
}

/* What comes after that is dropped as it comes. */
static void drop_all_held(void)
{
    struct wwi_incoming *held[HELD_MOST];
    int count;

    lock_it();
    it->manner = DROP;
    count = it->held_count;
    it->held_count = 0;
    memcpy(held, it->held, sizeof held);
    unlock_it();
    while (count != 0)
        wwi_http_incoming.drop(held[--count]);
}

int server_clean_up(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    wwi_clock_release();
    if (it->server != NULL) {
        wwi_http.server_stop(it->server, true, server_stopped);
        drop_all_held();
        wait_for(&it->stopped, 1);
        wwi_http.server_free(it->server);
    }
    if (it->runtime != NULL)
        end_engine(it->runtime);
    /* What the runtime ends is freed when its threads have ended. */
    assert_int_equal(wwi_memory_live(), it->blocks);
    return 0;
}

/* The client. */

static bool get_head(int fd, struct answer *answer)
{
    size_t at = 0;

    while (at < 4 || memcmp(answer->head + at - 4, "\r\n\r\n", 4) != 0) {
        assert_true(at < sizeof answer->head - 1);
        if (get_some(fd, answer->head + at, 1) != 1)
            return false;
        at++;
    }
    answer->head[at] = '\0';
    return sscanf(answer->head, "HTTP/1.1 %d ", &answer->status) == 1;
}

bool get_answer(int fd, struct answer *answer)
{
    const char *length;
    size_t at = 0;

    *answer = (struct answer) { 0 };
    if (!get_head(fd, answer))
        return false;
    if (answer->status == 100)
        return true;
    length = strstr(answer->head, "\r\nContent-Length: ");
    assert_non_null(length);
    answer->size = strtoul(length + 18, NULL, 10);
    answer->body = calloc(1, answer->size + 1);
    while (at < answer->size) {
        ssize_t count = get_some(fd, answer->body + at, answer->size - at);

        if (count <= 0)
            return false;
        at += (size_t) count;
    }
    /* Whoever reads what was noted of the request has had the lock. */
    (void) value_of(&it->arrived);
    return true;
}

void expect_answer(int fd, int status, const char *body)
{
    struct answer answer;

    assert_true(get_answer(fd, &answer));
    assert_int_equal(answer.status, status);
    if (body != NULL)
        assert_string_equal(answer.body, body);
    free(answer.body);
}

void expect_head(int fd, int status, const char *part)
{
    struct answer answer;

    assert_true(get_answer(fd, &answer));
    assert_int_equal(answer.status, status);
    if (strstr(answer.head, part) == NULL)
        fail_msg("no %s in %s", part, answer.head);
    free(answer.body);
}

void start_server(void)
{
    open_server("http://127.0.0.1:0/calc");
}

void hold_one(int *fd)
{
    it->manner = HOLD;
    start_server();
    *fd = dial();
    put_text(*fd, REQUEST);
    wait_for(&it->arrived, 1);
}

void stop(bool with_reset)
{
    wwi_http.server_stop(it->server, with_reset, server_stopped);
}
