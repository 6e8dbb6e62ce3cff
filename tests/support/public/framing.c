/* Records of .NET framing. */
#include "tests/support/public/framing.h"

#include <errno.h>
#include <sys/socket.h>

size_t put_size(char *out, size_t size)
{
    size_t at = 0;

    for (; size >= 0x80; size >>= 7)
        out[at++] = (char) (size | 0x80);
    out[at++] = (char) size;
    return at;
}

size_t put_preamble(char *out, const char *via)
{
    static const char first[] = { RECORD_VERSION, 1, 0, RECORD_MODE, 2,
        RECORD_VIA };
    static const char last[] = { RECORD_ENCODING, 3, RECORD_PREAMBLE_END };
    size_t size = strlen(via);
    size_t at = sizeof first;

    memcpy(out, first, sizeof first);
    at += put_size(out + at, size);
    must(at + size + sizeof last <= PREAMBLE_ROOM);
    memcpy(out + at, via, size);
    memcpy(out + at + size, last, sizeof last);
    return at + size + sizeof last;
}

char *new_record(const char *message, size_t size, size_t *all)
{
    char *record = malloc(1 + SIZE_ROOM + size);
    size_t at = 1;

    must(record != NULL);
    record[0] = RECORD_MESSAGE;
    at += put_size(record + at, size);
    memcpy(record + at, message, size);
    *all = at + size;
    return record;
}

bool write_all(int fd, const void *data, size_t size)
{
    const char *from = data;

    while (size > 0) {
        ssize_t sent = send(fd, from, size, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        from += sent;
        size -= (size_t) sent;
    }
    return true;
}

bool read_all(int fd, void *data, size_t size)
{
    char *to = data;

    while (size > 0) {
        ssize_t got = recv(fd, to, size, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        size -= (size_t) got;
    }
    return true;
}

static bool read_size(int fd, size_t *size)
{
    unsigned char octet = 0x80;

    *size = 0;
    for (unsigned shift = 0; octet >= 0x80 && shift < 35; shift += 7) {
        if (!read_all(fd, &octet, 1))
            return false;
        *size |= (size_t) (octet & 0x7F) << shift;
    }
    return true;
}

bool read_preamble(int fd)
{
    char first[6], via[PREAMBLE_ROOM], last[3];
    size_t size;

    return read_all(fd, first, sizeof first)
        && read_size(fd, &size) && size <= sizeof via
        && read_all(fd, via, size)
        && read_all(fd, last, sizeof last)
        && last[2] == RECORD_PREAMBLE_END;
}

int read_record(int fd)
{
    unsigned char type;

    do {
        if (!read_all(fd, &type, 1))
            return -1;
    } while (type == RECORD_ACK);
    return type;
}

char *read_message(int fd, size_t *size)
{
    char *message;

    if (!read_size(fd, size))
        return NULL;
    must(*size <= MESSAGE_ROOM);
    message = malloc(*size + 1);
    must(message != NULL);
    message[*size] = '\0';
    if (read_all(fd, message, *size))
        return message;
    free(message);
    return NULL;
}

void find_header(const char *message, const char *name, char *out, size_t room)
{
    char start[64];
    const char *at;
    size_t size;

    snprintf(start, sizeof start, "%s>", name);
    at = strstr(message, start);
    at = at == NULL ? "" : at + strlen(start);
    size = strcspn(at, "<");
    must(size < room);
    memcpy(out, at, size);
    out[size] = '\0';
}
