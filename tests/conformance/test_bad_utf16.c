/* Messages in UTF-16, which is bad only where it contradicts itself. */
#include "tests/conformance/bad_input.h"

static size_t put_wide(char *out, const char *text, bool mark, bool high_first)
{
    size_t size = 0;

    if (mark) {
        out[size++] = (char) (high_first ? 0xFE : 0xFF);
        out[size++] = (char) (high_first ? 0xFF : 0xFE);
    }
    for (; *text != '\0'; text++) {
        out[size + high_first] = *text;
        out[size + !high_first] = '\0';
        size += 2;
    }
    return size;
}

#define DECLARED_16 "<?xml version=\"1.0\" encoding=\"utf-16\"?>"
#define REQUEST_12 ENVELOPE(SOAP_12, "<s:Header><a:Action xmlns:a=" \
    "\"http://www.w3.org/2005/08/addressing\">" ACTION_ECHO "</a:Action>" \
    "</s:Header><s:Body>" CALL_BODY "</s:Body>")
#define REPLY_12 ENVELOPE(SOAP_12, "<s:Header><a:Action xmlns:a=" \
    "\"http://www.w3.org/2005/08/addressing\">urn:x</a:Action></s:Header>" \
    "<s:Body>" CALL_BODY "</s:Body>")

struct encoded {
    const char *charset;   /* parameter of the type, or empty */
    const char *declaration;
    bool mark;
    bool high_first;
    bool good;
};

static const struct encoded encoded[] = {
    { "", "", true, false, true },
    { "", "", true, true, true },
    { "", "", false, false, true },
    { "", "", false, true, true },
    { "", DECLARED_16, true, false, true },
    { "", DECLARED_16, false, true, true },
    { "; charset=utf-16", DECLARED_16, true, true, true },
    { "; charset=\"UTF-16\"", "", false, false, true },
    { "; charset=utf-16le", "", false, false, true },
    { "; charset=UTF-16BE", "", false, true, true },
    { "; charset=utf-16", "<?xml version='1.0' encoding='latin1'?>", true,
        false, true },
    { "", "<?xml version='1.0' encoding='utf-8'?>", true, false, false },
    { "; charset=utf-8", "", true, false, false },
    { "; charset=utf-16be", "", true, false, false },
    { "; charset=utf-16le", "", false, true, false },
    { "; charset=utf-16", "\x01", true, false, false },
    { "; charset=utf-16le", " \x01", false, false, false },
};

/* Behind the head of a message; the size of both. */
static size_t put_encoded(
    char *out,
    const char *first_line,
    const struct encoded *how,
    const char *envelope)
{
    char text[1024];
    char body[2048];
    size_t size;
    int head;

    snprintf(text, sizeof text, "%s%s", how->declaration, envelope);
    size = put_wide(body, text, how->mark, how->high_first);
    head = sprintf(out, "%sContent-Type: application/soap+xml%s\r\n"
        "Content-Length: %zu\r\n\r\n", first_line, how->charset, size);
    memcpy(out + head, body, size);
    return (size_t) head + size;
}

/* TI5 */
static void request__in_utf16_is_served_unless_it_contradicts_itself(
    void **state)
{
    struct world *world = *state;
    unsigned served = 0;

    for (size_t i = 0; i < COUNT(encoded); i++) {
        char request[4096];
        size_t size = put_encoded(request, POST, &encoded[i], REQUEST_12);
        int fd = peer_connect(world->url);
        int status;

        must(send(fd, request, size, MSG_NOSIGNAL) == (ssize_t) size);
        status = peer_response(fd);
        close(fd);
        if (status != (encoded[i].good ? 200 : 500))
            print_error("%d for number %zu\n", status, i);
        assert_int_equal(status, encoded[i].good ? 200 : 500);
        served += encoded[i].good;
    }
    assert_serves(world, served);
}

static void request__in_half_a_unit_or_half_a_pair_is_no_envelope(void **state)
{
    static const struct encoded how = { "", "", true, false, true };
    struct world *world = *state;
    char request[4096];
    size_t size = put_encoded(request, POST, &how, REQUEST_12);
    char *digits = memmem(request, size, "1\0" "2\0<", 5);

    assert_non_null(digits);
    digits[3] = (char) 0xD8;
    assert_int_equal(ask_host(world, request, size), 500);

    size = (size_t) sprintf(request, POST
        "Content-Type: application/soap+xml; charset=utf-16\r\n"
        "Content-Length: 3\r\n\r\n\xFE\xFF<");
    assert_int_equal(ask_host(world, request, size), 500);
    assert_serves(world, 0);
}

/* TI5 */
static void reply__in_utf16_is_understood_unless_it_contradicts_itself(
    void **state)
{
    for (size_t i = 0; i < COUNT(encoded); i++) {
        char reply[4096];
        const struct peer_script script = {
            .reply = reply,
            .sends = put_encoded(reply, "HTTP/1.1 200 OK\r\n", &encoded[i],
                REPLY_12),
            .then = PEER_CLOSES,
        };
        struct end end = call_peer(*state, &script, NULL);
        wws_status expected = encoded[i].good ? WWS_S_OK
            : WWS_E_INVALID_FORMAT;

        if (end.status != expected)
            print_error("number %zu\n", i);
        assert_status(end.status, expected);
        assert_string_equal(end.body, encoded[i].good ? CALL_BODY : "");
    }
}

/* So many characters in a comment, of two octets each, that have three in
 * UTF-8.  To be freed; the size of all. */
static char *put_stars(
    const char *first_line,
    const char *envelope,
    size_t count,
    size_t *size)
{
    char *message = malloc(2 * count + 4096);
    size_t head = (size_t) sprintf(message, "%s"
        "Content-Type: application/soap+xml\r\nContent-Length: %zu\r\n\r\n",
        first_line, 2 + 2 * (strlen("<!---->") + count + strlen(envelope)));
    size_t at = head + put_wide(message + head, "<!--", true, false);

    for (size_t i = 0; i < count; i++, at += 2)
        memcpy(message + at, "\xAC\x20", 2);
    at += put_wide(message + at, "-->", false, false);
    *size = at + put_wide(message + at, envelope, false, false);
    return message;
}

/* Both within 64 KiB as they are sent, which is the default for all. */
static const struct { size_t count; bool good; } stars[] = {
    { 20000, true }, { 24000, false },
};

static void reply__in_utf16_has_a_quota_in_utf8(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < COUNT(stars); i++) {
        struct peer_script script = { .then = PEER_CLOSES };
        struct talk talk = { 0 };
        struct peer peer;
        char *reply = put_stars("HTTP/1.1 200 OK\r\n", REPLY_12,
            stars[i].count, &script.sends);
        wws_status expected = stars[i].good ? WWS_S_OK
            : WWS_E_QUOTA_EXCEEDED;

        script.reply = reply;
        assert_status(call_peer(world, &script, NULL).status, expected);

        peer_start(&peer, &script);
        assert_status(wws_channel_create(world->runtime, NULL, &talk.channel,
            no_error), WWS_S_OK);
        assert_status(wws_channel_open(talk.channel, text(peer.url), NULL,
            no_error), WWS_S_OK);
        talk.request = new_request(ACTION_ECHO, 0);
        talk.reply = new_empty();
        assert_status(start_request_reply(&talk, NULL, no_error), expected);
        assert_status(wws_channel_free(talk.channel), WWS_S_OK);
        assert_status(wws_message_free(talk.request), WWS_S_OK);
        assert_status(wws_message_free(talk.reply), WWS_S_OK);
        peer_stop(&peer);
        free(reply);
    }
}

/* A listener of defaults. */
static wws_listener listen_for(wws_runtime runtime, char url[128])
{
    wws_buffer address;
    wws_listener listener;

    must(wws_listener_create(runtime, NULL, &listener, no_error) == WWS_S_OK);
    must(wws_listener_open(listener, WWS_STR("http://127.0.0.1:0/test"), NULL,
        no_error) == WWS_S_OK);
    must(wws_listener_get_address(listener, &address, no_error) == WWS_S_OK);
    snprintf(url, 128, "%.*s", (int) address.size,
        (const char *) address.data);
    wws_buffer_release(&address);
    return listener;
}

static void request__in_utf16_has_a_quota_in_utf8(void **state)
{
    struct world *world = *state;
    char url[128];
    wws_listener listener = listen_for(world->runtime, url);

    for (size_t i = 0; i < COUNT(stars); i++) {
        struct talk talk = { .listener = listener };
        int fd = peer_connect(world->url);
        size_t size;
        char *request = put_stars(POST, REQUEST_12, stars[i].count, &size);

        must(send(fd, request, size, MSG_NOSIGNAL) == (ssize_t) size);
        assert_int_equal(peer_response(fd), stars[i].good ? 200 : 500);
        close(fd);

        fd = peer_connect(url);
        must(send(fd, request, size, MSG_NOSIGNAL) == (ssize_t) size);
        talk.channel = new_server(listener);
        talk.reply = new_empty();
        assert_status(start_accept(&talk, NULL, no_error), WWS_S_OK);
        assert_status(start_receive(&talk, NULL, no_error),
            stars[i].good ? WWS_S_OK : WWS_E_QUOTA_EXCEEDED);
        assert_status(wws_channel_free(talk.channel), WWS_S_OK);
        assert_status(wws_message_free(talk.reply), WWS_S_OK);
        close(fd);
        free(request);
    }
    assert_status(wws_listener_free(listener), WWS_S_OK);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(request__in_utf16_is_served_unless_it_contradicts_itself),
        TEST(request__in_half_a_unit_or_half_a_pair_is_no_envelope),
        TEST(reply__in_utf16_is_understood_unless_it_contradicts_itself),
        TEST(reply__in_utf16_has_a_quota_in_utf8),
        TEST(request__in_utf16_has_a_quota_in_utf8),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
