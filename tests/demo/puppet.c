/* A peer that is no host, and what it says and takes: a script for each
 * transport.  It reads octet by octet, so that nothing is taken of what comes
 * behind. */
#include "puppet.h"

#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <wws/base.h>

#include "patience.h"

enum { SMALL_WINDOW = 4096 };

#define SAYING(text) { text, sizeof text - 1 }

/* What is null, or empty, is not there. */
struct script {
    /* What a client says before its messages, and the answer. */
    bool (*take_greeting)(int fd, int64_t until_ns);
    wws_bytes greeting;
    /* What comes before the body of a message, and what lets that come. */
    bool (*take_head)(int fd, int64_t until_ns);
    wws_bytes go_on;
    /* That no more will come, of either side. */
    bool (*take_end)(int fd, int64_t until_ns);
    wws_bytes end;
};

static bool take_octet(int fd, int64_t until_ns, char *octet)
{
    return wire_is_ready(fd, until_ns) && recv(fd, octet, 1, 0) == 1;
}

static bool say(int fd, wws_bytes words)
{
    return words.size == 0
        || send(fd, words.data, words.size, MSG_NOSIGNAL)
            == (ssize_t) words.size;
}

/* HTTP: the sender of a large body waits to be asked for it. */

static bool take_http_head(int fd, int64_t until_ns)
{
    static const char end[] = "\r\n\r\n";
    size_t seen = 0;
    char octet;

    while (seen < sizeof end - 1) {
        if (!take_octet(fd, until_ns, &octet))
            return false;
        if (octet != end[seen])
            seen = 0;
        seen += octet == end[seen];
    }
    return true;
}

const struct script http_script = {
    .take_head = take_http_head,
    .go_on = SAYING("HTTP/1.1 100 Continue\r\n\r\n"),
};

/* TCP: the records of .NET message framing. */

/* Whether exactly these come. */
static bool take(int fd, int64_t until_ns, wws_bytes wanted)
{
    const char *octets = wanted.data;
    char octet;

    for (size_t i = 0; i < wanted.size; i++)
        if (!take_octet(fd, until_ns, &octet) || octet != octets[i])
            return false;
    return true;
}

/* Seven bits an octet, the lowest first; the eighth says that more follow. */
static bool take_size(int fd, int64_t until_ns, size_t *size)
{
    unsigned shift = 0;
    char octet;

    *size = 0;
    do {
        if (shift > 28 || !take_octet(fd, until_ns, &octet))
            return false;
        *size |= (size_t) (octet & 0x7f) << shift;
        shift += 7;
    } while ((octet & 0x80) != 0);
    return true;
}

static bool skip(int fd, int64_t until_ns, size_t size)
{
    char octet;

    while (size > 0 && take_octet(fd, until_ns, &octet))
        size--;
    return size == 0;
}

/* Version 1.0 and mode duplex; the via; UTF-8 of SOAP 1.2, and the end. */
static bool take_preamble(int fd, int64_t until_ns)
{
    static const wws_bytes start = SAYING("\x00\x01\x00\x01\x02\x02");
    static const wws_bytes end = SAYING("\x03\x03\x0c");
    size_t via;

    return take(fd, until_ns, start) && take_size(fd, until_ns, &via)
        && skip(fd, until_ns, via) && take(fd, until_ns, end);
}

static bool take_tcp_head(int fd, int64_t until_ns)
{
    static const wws_bytes start = SAYING("\x06");
    size_t size;

    return take(fd, until_ns, start) && take_size(fd, until_ns, &size)
        && size > 0;
}

static bool take_tcp_end(int fd, int64_t until_ns)
{
    static const wws_bytes end = SAYING("\x07");

    return take(fd, until_ns, end);
}

const struct script tcp_script = {
    .take_greeting = take_preamble,
    .greeting = SAYING("\x0b"),
    .take_head = take_tcp_head,
    .take_end = take_tcp_end,
    .end = SAYING("\x07"),
};

/* The strings */

bool puppet_open(struct puppet *puppet, const struct script *script)
{
    *puppet = (struct puppet) { .script = script, .fd = -1 };
    return ear_open(&puppet->ear, 1, SMALL_WINDOW);
}

static bool has_client(struct puppet *puppet, int64_t until_ns)
{
    if (puppet->fd < 0)
        puppet->fd = ear_take(&puppet->ear, until_ns);
    return puppet->fd >= 0;
}

bool puppet_is_greeted(struct puppet *puppet)
{
    int64_t until_ns = patience_ends();

    return puppet->script->take_greeting == NULL
        || (has_client(puppet, until_ns)
            && puppet->script->take_greeting(puppet->fd, until_ns));
}

bool puppet_greets(struct puppet *puppet)
{
    return say(puppet->fd, puppet->script->greeting);
}

bool puppet_hears(struct puppet *puppet)
{
    int64_t until_ns = patience_ends();

    return has_client(puppet, until_ns)
        && puppet->script->take_head(puppet->fd, until_ns)
        && say(puppet->fd, puppet->script->go_on)
        && wire_is_ready(puppet->fd, until_ns);
}

bool puppet_is_left(struct puppet *puppet)
{
    return puppet->script->take_end(puppet->fd, patience_ends());
}

bool puppet_leaves(struct puppet *puppet)
{
    return say(puppet->fd, puppet->script->end);
}

bool puppet_is_alone(struct puppet *puppet)
{
    char octet;

    return wire_is_ready(puppet->fd, patience_ends())
        && recv(puppet->fd, &octet, 1, 0) == 0;
}

void puppet_close(struct puppet *puppet)
{
    close(puppet->ear.fd);
    if (puppet->fd >= 0)
        close(puppet->fd);
}
