/* What the client sends, and memory that runs out. */
#include "tests/support/http_client_calls.h"
#include "tests/support/http_client_fixture.h"

#include <stdio.h>
#include <string.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "core/base/memory.h"

/* What goes out. */

static void request__is_exact_for_soap_1_1(void **state)
{
    (void) state;
    connect_to_peer();
    ask_server();
    say(REPLY);

    assert_int_equal(finish(), WWS_S_OK);

    assert_envelope("<e/>");
    assert_int_equal(progress(), WWS_PROGRESS_REPLYING);
    end_exchange();
    assert_true(is_kept());
}

struct pair {
    const char *name, *value;
};

static bool next_pair(
    const void *state,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    const struct pair *pair = (const struct pair *) state + *index;

    if (pair->name == NULL)
        return false;
    (*index)++;
    *name = (wws_string) { pair->name, strlen(pair->name) };
    *value = (wws_string) { pair->value, strlen(pair->value) };
    return true;
}

static wws_status begin_with(const char *action, const struct pair *pairs)
{
    struct wwi_outgoing outgoing = {
        .envelope = octets(2),
        .version = WWS_ENVELOPE_VERSION_SOAP_1_2,
        .action = { action, strlen(action) },
        .fields = { pairs != NULL ? next_pair : NULL, pairs },
    };

    return wwi_http.client_begin(it->client, &outgoing, true, NULL);
}

static void request__is_exact_for_soap_1_2_with_fields(void **state)
{
    static const struct pair pairs[] = {
        { "X-One", "1" }, { "X-Two", "two words" }, { NULL, NULL },
    };
    char text[512];

    (void) state;
    listen_with(8);
    make_client("http://user:secret@127.0.0.1:%u/a%%20b?q=1#part", it->port);

    assert_int_equal(begin_with("urn:a\"b", pairs), WWS_S_OK);
    go_to(WWS_PHASE_WAIT);
    take_connection();

    snprintf(text, sizeof text,
        "POST /a%%20b?q=1 HTTP/1.1\r\n"
        "Host: 127.0.0.1:%u\r\n"
        "Content-Type: application/soap+xml; charset=utf-8; "
        "action=\"urn:a\\\"b\"\r\n"
        "X-One: 1\r\n"
        "X-Two: two words\r\n"
        "Content-Length: 2\r\n"
        "\r\n"
        "xx", it->port);
    assert_received(text);
}

static void request__has_no_action_parameter_for_an_empty_action(void **state)
{
    (void) state;
    connect_to_peer();

    assert_int_equal(begin_with("", NULL), WWS_S_OK);
    go_to(WWS_PHASE_WAIT);
    take_connection();

    assert_non_null(strstr(received_head(),
        "Content-Type: application/soap+xml; charset=utf-8\r\n"));
}

static void request__refuses_what_would_add_a_line(void **state)
{
    static const struct pair pairs[][2] = {
        { { "X-One", "1\r\nX-Two: 2" }, { NULL, NULL } },
        { { "X One", "1" }, { NULL, NULL } },
        { { "Content-Length", "7" }, { NULL, NULL } },
    };

    (void) state;
    connect_to_peer();

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        assert_int_equal(begin_with("urn:a", pairs[i]), WWS_E_INVALIDARG);
    assert_int_equal(begin_with("urn:a\r\nX-Two: 2", NULL), WWS_E_INVALIDARG);

    /* Nothing of that is left. */
    ask_server();
}

static void request__is_sent_however_little_is_taken_at_once(void **state)
{
    (void) state;
    connect_to_peer();
    begin_exchange();

    may_send = 0;
    go_to(WWS_PHASE_SEND);
    assert_int_equal(progress(), WWS_PROGRESS_NOT_SENT);
    assert_int_equal(it->want.events & POLLOUT, POLLOUT);
    for (int i = 0; phase() == WWS_PHASE_SEND; i++) {
        may_send = 1;
        assert_int_equal(step_client(), WWS_S_ASYNC);
        assert_int_equal(progress(), phase() == WWS_PHASE_SEND
            ? WWS_PROGRESS_PARTLY_SENT : WWS_PROGRESS_SENT);
    }

    take_connection();
    assert_request();
}

static void request__without_reply_ends_when_it_is_sent(void **state)
{
    (void) state;
    connect_to_peer();
    assert_int_equal(begin_size(4, false), WWS_S_OK);

    assert_int_equal(finish(), WWS_S_OK);
    assert_int_equal(progress(), WWS_PROGRESS_SENT);

    take_connection();
    assert_request();
    wwi_http.client_receive(it->client);
    assert_int_equal(step_client(), WWS_S_ASYNC);
    assert_int_equal(it->want.events, POLLIN);
    say(REPLY);
    assert_int_equal(finish(), WWS_S_OK);
    assert_envelope("<e/>");
}

static void request__is_not_sent_when_asked_to_stop(void **state)
{
    (void) state;
    connect_to_peer();
    begin_exchange();
    it->client->track->stop = true;

    do
        assert_int_equal(step_client(), WWS_S_ASYNC);
    while (it->want.events != 0 && (wait_for_want(), true));

    take_connection();
    end_exchange();
    it->client->track->stop = false;
    assert_int_equal(read(it->peer, it->request, 1), -1);
    assert_int_equal(errno, ECONNRESET);
}

/* Memory that runs out.  The server's part is done whenever it can be. */

static wws_status exchange_somehow(void)
{
    wws_status status = begin_size(4, true);

    if (status < 0)
        return status;
    while ((status = step_client()) == WWS_S_ASYNC) {
        if (phase() == WWS_PHASE_WAIT) {
            take_connection();
            assert_request();
            say(REPLY);
        }
        wait_for_want();
    }
    if (status == WWS_S_OK)
        assert_envelope("<e/>");
    end_exchange();
    return status;
}

static void memory__may_run_out_anywhere(void **state)
{
    wws_status status = WWS_E_OUTOFMEMORY;
    char url[64];

    (void) state;
    listen_with(8);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/service", it->port);

    for (uint64_t n = 1; status != WWS_S_OK; n++) {
        assert_true(n < 100);
        wwi_memory_fail(n, 1);
        status = wwi_http.client_create(it->runtime,
            (wws_string) { url, strlen(url) }, &it->options, &it->client, NULL);
        if (status == WWS_S_OK) {
            it->client->notify = notify;
            wwi_memory_fail(0, 0);
        }
        free_client();
    }
    status = WWS_E_OUTOFMEMORY;
    for (uint64_t n = 1; status != WWS_S_OK; n++) {
        struct wwi_outgoing outgoing = {
            .envelope = octets(4),
            .action = WWS_STR("urn:a"),
        };

        assert_true(n < 100);
        make_client("http://127.0.0.1:%u/service", it->port);
        wwi_memory_fail(n, 1);
        status = wwi_http.client_begin(it->client, &outgoing, true, NULL);
        wwi_memory_fail(0, 0);
        assert_true(status == WWS_S_OK || status == WWS_E_OUTOFMEMORY);
        free_client();
    }
    make_client("http://127.0.0.1:%u/service", it->port);
    assert_int_equal(exchange_somehow(), WWS_S_OK);
}

static void memory__for_the_reply_may_run_out(void **state)
{
    wws_status status = WWS_E_OUTOFMEMORY;

    (void) state;
    connect_to_peer();
    for (uint64_t n = 1; status != WWS_S_OK; n++) {
        assert_true(n < 100);
        ask_server();
        say(REPLY);
        wait_for_want();
        wwi_memory_fail(n, 1);
        status = finish();
        wwi_memory_fail(0, 0);
        assert_true(status == WWS_S_OK || status == WWS_E_OUTOFMEMORY);
        free_client();
        make_client("http://127.0.0.1:%u/service", it->port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(request__is_exact_for_soap_1_1),
        TEST(request__is_exact_for_soap_1_2_with_fields),
        TEST(request__has_no_action_parameter_for_an_empty_action),
        TEST(request__refuses_what_would_add_a_line),
        TEST(request__is_sent_however_little_is_taken_at_once),
        TEST(request__without_reply_ends_when_it_is_sent),
        TEST(request__is_not_sent_when_asked_to_stop),
        TEST(memory__may_run_out_anywhere),
        TEST(memory__for_the_reply_may_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
