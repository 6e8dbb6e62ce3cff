/* Servers that answer and clients that ask with octets of their own, and what
 * is made of those. */
#ifndef TESTS_BAD_INPUT_H
#define TESTS_BAD_INPUT_H

#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SOAP_12 "http://www.w3.org/2003/05/soap-envelope"
#define TYPE_12 "Content-Type: application/soap+xml; charset=utf-8\r\n"
#define ENVELOPE(namespace, content) \
    "<s:Envelope xmlns:s=\"" namespace "\">" content "</s:Envelope>"
#define POST "POST /test HTTP/1.1\r\nHost: x\r\n"

static const wws_error no_error;

static inline wws_bytes octets(const char *literal)
{
    return (wws_bytes) { literal, strlen(literal) };
}

/* UTF-8 is what every string of an error is. */
static inline bool is_utf8(wws_string string)
{
    wws_error error;
    bool taken;

    must(wws_error_create(&error) == WWS_S_OK);
    taken = wws_error_add_string(error, string) == WWS_S_OK;
    must(wws_error_free(error) == WWS_S_OK);
    return taken;
}

/* The error tells this status, and says something; empties it. */
static inline void assert_explained(wws_error error, wws_status status)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;
    wws_string string;

    assert_status(wws_error_get_info(error, &info), WWS_S_OK);
    assert_status(info.status, status);
    assert_true(info.string_count > 0);
    for (uint32_t i = 0; i < info.string_count; i++) {
        assert_status(wws_error_get_string(error, i, &string), WWS_S_OK);
        assert_true(string.size > 0);
        assert_true(is_utf8(string));
    }
    assert_status(wws_error_reset(error), WWS_S_OK);
}

struct end {
    wws_status status;
    wws_error_info info;
    wws_fault_info fault;
    char reason[64];
    char body[64];
};

/* One call of a peer with this script; the proxy is unharmed by it. */
static inline struct end call_peer(
    struct world *world,
    const struct peer_script *script,
    const wws_service_proxy_options *options)
{
    struct end end = {
        .info = WWS_ERROR_INFO_INIT, .fault = WWS_FAULT_INFO_INIT
    };
    wws_service_proxy_state state;
    wws_service_proxy proxy;
    wws_buffer reply = { 0 };
    struct peer peer;
    wws_error error;

    peer_start(&peer, script);
    proxy = world_proxy(world, options, peer.url);
    must(wws_error_create(&error) == WWS_S_OK);
    end.status = wws_service_proxy_call(proxy, text(ACTION_ECHO),
        octets(CALL_BODY), NULL, NULL, &reply, NULL, error);
    must(wws_error_get_info(error, &end.info) == WWS_S_OK);
    if (wws_error_get_fault(error, &end.fault) == WWS_S_OK)
        snprintf(end.reason, sizeof end.reason, "%.*s",
            (int) end.fault.reason.size, end.fault.reason.data);
    must(wws_service_proxy_get_state(proxy, &state, error) == WWS_S_OK);
    assert_int_equal(state, WWS_SERVICE_PROXY_STATE_OPEN);
    if (end.status < 0) {
        assert_null(reply.data);
        assert_explained(error, end.status);
    } else {
        snprintf(end.body, sizeof end.body, "%.*s", (int) reply.size,
            reply.size != 0 ? (const char *) reply.data : "");
    }
    wws_buffer_release(&reply);
    must(wws_service_proxy_free(proxy) == WWS_S_OK);
    must(wws_error_free(error) == WWS_S_OK);
    peer_stop(&peer);
    return end;
}

/* Sends that and nothing more; the status of the response, or 0. */
static inline int ask_host(
    struct world *world,
    const char *request,
    size_t size)
{
    char data[8192];
    size_t at = 0;
    int fd = peer_connect(world->url);
    ssize_t got;

    must(send(fd, request, size, MSG_NOSIGNAL) >= 0);
    (void) shutdown(fd, SHUT_WR);
    do {
        got = recv(fd, data + at, sizeof data - 1 - at, 0);
        at += got > 0 ? (size_t) got : 0;
    } while (got > 0 && at < sizeof data - 1);
    close(fd);
    data[at] = '\0';
    return at > 12 ? atoi(data + strlen("HTTP/1.1 ")) : 0;
}

static inline void assert_serves(struct world *world, unsigned entered)
{
    assert_int_equal(gate_read(&world->gate, &world->gate.entered), entered);
    assert_status(call_now(world->proxy, ACTION_ECHO), WWS_S_OK);
    assert_int_equal(gate_read(&world->gate, &world->gate.entered),
        entered + 1);
}

#endif
