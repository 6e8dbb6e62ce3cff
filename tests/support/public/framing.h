/* Records of .NET framing, written and read on bare sockets. */
#ifndef TESTS_FRAMING_H
#define TESTS_FRAMING_H

#include "tests/support/public/check.h"

enum record {
    RECORD_VERSION = 0x00,
    RECORD_MODE = 0x01,
    RECORD_VIA = 0x02,
    RECORD_ENCODING = 0x03,
    RECORD_MESSAGE = 0x06,
    RECORD_END = 0x07,
    RECORD_FAULT = 0x08,
    RECORD_ACK = 0x0B,
    RECORD_PREAMBLE_END = 0x0C,
};

/* How many octets have been put; the largest message that is read. */
enum { PREAMBLE_ROOM = 256, SIZE_ROOM = 5, MESSAGE_ROOM = 32 * 1024 * 1024 };

size_t put_size(char *out, size_t size);
/* Duplex, SOAP 1.2 in UTF-8, to its end. */
size_t put_preamble(char *out, const char *via);
/* To be freed; the size of all. */
char *new_record(const char *message, size_t size, size_t *all);

/* False when the connection ended before. */
bool write_all(int fd, const void *data, size_t size);
bool read_all(int fd, void *data, size_t size);
/* What a client says first; false if it went. */
bool read_preamble(int fd);
/* The type of the next record, acknowledgements aside; -1: there is none. */
int read_record(int fd);
/* The rest of a message: to be freed, with an end; null if it is cut. */
char *read_message(int fd, size_t *size);
/* What a header that is named so says; empty if there is none. */
void find_header(const char *message, const char *name, char *out,
    size_t room);

#endif
