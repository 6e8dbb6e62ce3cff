/* .NET message framing (MC-NMF), as octets: no socket, no memory but that of
 * strings.  A decoder reads one direction of one session, in pieces that may
 * end anywhere; an encoder is a few functions that append records.
 *
 * The order of records is the decoder's to check, per MC-NMF 2.2 and 3; what a
 * record means is its user's.  A server that has read a preamble says by
 * wwi_framing_begin_messages() that it has acknowledged it. */
#ifndef WWI_FRAMING_H
#define WWI_FRAMING_H

#include "core/base/bytes.h"
#include "wws/types.h"

enum wwi_framing_record {
    WWI_FRAMING_VERSION = 0x00,
    WWI_FRAMING_MODE = 0x01,
    WWI_FRAMING_VIA = 0x02,
    WWI_FRAMING_KNOWN_ENCODING = 0x03,
    WWI_FRAMING_EXTENSIBLE_ENCODING = 0x04,
    WWI_FRAMING_UNSIZED_ENVELOPE = 0x05,
    WWI_FRAMING_SIZED_ENVELOPE = 0x06,
    WWI_FRAMING_END = 0x07,
    WWI_FRAMING_FAULT = 0x08,
    WWI_FRAMING_UPGRADE_REQUEST = 0x09,
    WWI_FRAMING_UPGRADE_RESPONSE = 0x0A,
    WWI_FRAMING_PREAMBLE_ACK = 0x0B,
    WWI_FRAMING_PREAMBLE_END = 0x0C,
};

enum wwi_framing_mode {
    WWI_FRAMING_SINGLETON_UNSIZED = 1,
    WWI_FRAMING_DUPLEX = 2,
    WWI_FRAMING_SIMPLEX = 3,
    WWI_FRAMING_SINGLETON_SIZED = 4,
};

/* Octets of the known encodings that this library speaks. */
enum {
    WWI_FRAMING_TEXT_SOAP_1_1 = 0x00,
    WWI_FRAMING_TEXT_SOAP_1_2 = 0x03,
};

enum wwi_framing_fault {
    WWI_FRAMING_FAULT_NONE,      /* end the connection without a word */
    WWI_FRAMING_CONTENT_TYPE_INVALID,
    WWI_FRAMING_CONTENT_TYPE_TOO_LONG,
    WWI_FRAMING_CONNECTION_DISPATCH_FAILED,
    WWI_FRAMING_ENDPOINT_ACCESS_DENIED,
    WWI_FRAMING_ENDPOINT_NOT_FOUND,
    WWI_FRAMING_ENDPOINT_PAUSED,
    WWI_FRAMING_ENDPOINT_UNAVAILABLE,
    WWI_FRAMING_INVALID_RECORD_SEQUENCE,
    WWI_FRAMING_MAX_MESSAGE_SIZE_EXCEEDED,
    WWI_FRAMING_SERVER_TOO_BUSY,
    WWI_FRAMING_SERVICE_ACTIVATION_FAILED,
    WWI_FRAMING_UNSUPPORTED_MODE,
    WWI_FRAMING_UNSUPPORTED_VERSION,
    WWI_FRAMING_UPGRADE_INVALID,
    WWI_FRAMING_VIA_TOO_LONG,
};

/* What execute() has come to. */
enum wwi_framing_event {
    WWI_FRAMING_MORE,       /* all octets are used; of a server's that has not
                               acknowledged yet, none behind the preamble */
    WWI_FRAMING_PREAMBLE,   /* server: via, mode and encoding are known, and it
                               is complete: to be acknowledged or refused */
    WWI_FRAMING_UPGRADE,    /* server: `text` names the upgrade asked for */
    WWI_FRAMING_ACK,        /* client: the session is open */
    WWI_FRAMING_ENVELOPE,   /* an envelope begins; `size` of a sized one, or
                               0 */
    WWI_FRAMING_OCTETS,     /* of the envelope, in *octets */
    WWI_FRAMING_ENVELOPE_DONE,
    WWI_FRAMING_ENDED,      /* the peer sends no more; an octet behind it fails,
                               unless a reset comes first */
    /* Nothing more is used after these two, and the event repeats. */
    WWI_FRAMING_FAULTED,    /* client: `text`, a URI, means `status` */
    WWI_FRAMING_FAILED,     /* `status`, `problem`; a server sends `fault` */
};

struct wwi_framing {
    /* Read only to the user; set as the events say. */
    enum wwi_framing_mode mode;
    int encoding;              /* the octet; -1: `content_type` has it */
    wws_string via;            /* of a server, until fini or reset */
    wws_string content_type;   /* likewise */
    uint64_t size;
    wws_string text;           /* until the next call */
    wws_status status;
    const char *problem;       /* a constant */
    enum wwi_framing_fault fault;

    /* The decoder's own; see framing.c. */
    bool server;
    uint8_t state;
    uint8_t shift;
    uint32_t number;
    uint64_t left;
    uint64_t total;
    uint32_t max_message_size;
    uint64_t max_streamed_size;
    struct wwi_bytes vias;
    struct wwi_bytes content_types;
    struct wwi_bytes texts;
};

/* A server's decoder reads what clients send; a client's the rest, for which it
 * says the mode that it has asked for.  max_streamed_size bounds an unsized
 * envelope, max_message_size a sized one. */
void wwi_framing_init(
    struct wwi_framing *framing,
    bool server,
    enum wwi_framing_mode mode,
    uint32_t max_message_size,
    uint64_t max_streamed_size);
void wwi_framing_fini(struct wwi_framing *framing);
/* For the next session on the same connection; keeps memory. */
void wwi_framing_reset(struct wwi_framing *framing);

/* Decodes up to the next event and says how much was used; what it says does
 * not depend on how the octets were cut.  *octets is empty except with OCTETS,
 * when it is part of the data.  Call on until it says MORE, even when no octet
 * is left: the end of an envelope is an event of its own. */
enum wwi_framing_event wwi_framing_execute(
    struct wwi_framing *framing,
    const uint8_t *data,
    size_t size,
    size_t *used,
    wws_bytes *octets);
/* Server: the preamble has been acknowledged. */
void wwi_framing_begin_messages(struct wwi_framing *framing);
/* Whether the end of the stream here is at least between two records: before
 * the first, in the preamble or behind it. */
bool wwi_framing_between_records(const struct wwi_framing *framing);
/* Whether octets that have not been decoded yet, all that will ever come, have
 * the peer's End record in its place, or it has been read already.  For when
 * the preamble has been read, acknowledged or not; before that it says no.
 * Needs no memory. */
bool wwi_framing_will_end(
    const struct wwi_framing *framing,
    const uint8_t *data,
    size_t size);

/* Records, appended.  A size is at most 0x7FFFFFFF. */
void wwi_framing_write_size(struct wwi_bytes *out, uint32_t size);
void wwi_framing_write_preamble(
    struct wwi_bytes *out,
    enum wwi_framing_mode mode,
    wws_string via,
    uint8_t encoding);
/* What stands before the octets of a sized envelope, and of a chunk. */
void wwi_framing_write_sized(struct wwi_bytes *out, uint32_t size);
void wwi_framing_write_record(
    struct wwi_bytes *out,
    enum wwi_framing_record record);
/* Nothing for WWI_FRAMING_FAULT_NONE. */
void wwi_framing_write_fault(
    struct wwi_bytes *out,
    enum wwi_framing_fault fault);

#endif
