/* SOAP envelopes, 1.1 and 1.2: octets to parts, and parts to octets.  Nothing
 * here knows of objects, channels or threads.
 *
 * An envelope that was read gives views into the octets it was read from, which
 * must outlive it.  XML that it gives out stands for itself: declarations of
 * namespaces that it needs from further out are put into its outermost
 * elements, and only then is it a copy. */
#ifndef WWI_XML_ENVELOPE_H
#define WWI_XML_ENVELOPE_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/xml/addressing.h"
#include "core/xml/reader.h"
#include "wws/base.h"
#include "wws/types.h"

struct wwi_envelope_options {
    wws_envelope_version version;
    wws_addressing_version addressing;
    uint32_t max_headers;          /* 0: no limit */
    struct wwi_xml_limits limits;
};

/* What is wrong with an envelope, so far as the fault that answers it depends
 * on it. */
enum wwi_envelope_problem {
    WWI_ENVELOPE_FINE,
    WWI_ENVELOPE_MALFORMED,       /* or a limit, or no memory */
    WWI_ENVELOPE_OTHER_VERSION,   /* of the two: `version` says which it has */
    WWI_ENVELOPE_UNKNOWN_VERSION,
    /* Of addressing; `problem_header` says where.  All the rest was read. */
    WWI_ENVELOPE_DUPLICATE_HEADER,
    WWI_ENVELOPE_INVALID_ADDRESS, /* an endpoint without address */
};

/* A run of whole elements. */
struct wwi_envelope_part {
    size_t begin;
    size_t end;
    /* The declarations it needs, in the order of their places. */
    struct wwi_envelope_patch *patches;
    struct wwi_envelope_patch *last_patch;
    /* The patched copy, once somebody asked for it. */
    wws_bytes copy;
};

struct wwi_envelope_header {
    wws_string local;
    wws_string ns;
    wws_string role;      /* empty: the receiver in the end */
    bool relay;
    bool must_understand; /* says so, and is for a role of ours */
    bool standard;        /* its text is in envelope.standard[]; no part */
    /* For whoever holds the envelope. */
    bool understood;
    bool removed;
    struct wwi_envelope_part part;
};

/* A reference parameter of an endpoint: goes back in the headers of a reply. */
struct wwi_envelope_parameter {
    wws_header header; /* of which endpoint */
    struct wwi_envelope_part part;
};

struct wwi_envelope {
    /* What was read; read only to the caller. */
    enum wwi_envelope_problem problem;
    wws_header problem_header;
    wws_envelope_version version;
    wws_addressing_version addressing;
    /* Addresses of endpoints, trimmed; data is null where there is none. */
    wws_string standard[WWI_STANDARD_HEADERS];
    struct wwi_envelope_header *headers; /* all, in order */
    uint32_t header_count;
    struct wwi_envelope_parameter *parameters;
    uint32_t parameter_count;
    struct wwi_envelope_part body;
    bool is_fault;
    wws_fault_info fault;

    /* The envelope's own; see envelope.c. */
    wws_bytes octets;
    struct wwi_xml_reader reader;
    bool reader_ready;
    struct wwi_xml_limits limits;
    struct wwi_bytes scratch;
    uint32_t header_room;
    uint32_t parameter_room;
    struct wwi_envelope_chunk *chunks;
};

/* All zero is an envelope to parse into; fini returns to that.  reset forgets
 * what was read, and keeps memory for the next one. */
void wwi_envelope_fini(struct wwi_envelope *envelope);
void wwi_envelope_reset(struct wwi_envelope *envelope);

/* Reads a whole envelope; one that was read before is forgotten.  On failure
 * `problem` tells more. */
wws_status wwi_envelope_parse(
    struct wwi_envelope *envelope,
    const struct wwi_envelope_options *options,
    wws_bytes octets,
    struct wwi_error *error);

/* When it has failed: finds who sent the envelope, so that the answer relates
 * to it, beyond what is wrong if need be.  The MessageID is then in standard[],
 * if there is one; a failure says that it cannot be told. */
wws_status wwi_envelope_find_sender(struct wwi_envelope *envelope);

/* XML that stands for itself; lives as long as what was read.  Fails only when
 * there is no memory. */
wws_status wwi_envelope_xml(
    struct wwi_envelope *envelope,
    struct wwi_envelope_part *part,
    wws_bytes *xml);

/* Where an answer to the envelope goes; a fault: FaultTo, else ReplyTo. */
wws_header wwi_envelope_reply_header(
    const struct wwi_envelope *envelope,
    bool fault);
enum wwi_reply_to wwi_envelope_reply_to(
    const struct wwi_envelope *envelope,
    bool fault);

struct wwi_envelope_content {
    wws_envelope_version version;
    wws_addressing_version addressing;
    /* Data is null where there is none. */
    wws_string standard[WWI_STANDARD_HEADERS];
    /* Further headers: elements that stand for themselves. */
    wws_bytes blocks;
    wws_bytes more_blocks;
    wws_bytes body;   /* elements that stand for themselves */
};

/* Appends an envelope.  Texts are escaped, XML is written as it is.  Fails for
 * characters that XML has not, and when there is no memory. */
wws_status wwi_envelope_write(
    const struct wwi_envelope_content *content,
    struct wwi_bytes *out);

/* The same in parts, for a body that is written piece by piece: what stands
 * before the content of the body, which is not looked at, and what behind. */
wws_status wwi_envelope_write_head(
    const struct wwi_envelope_content *content,
    struct wwi_bytes *out);
wws_string wwi_envelope_tail(void);

/* What a version calls the role of a header. */
wws_string wwi_envelope_role_name(wws_envelope_version version);
/* The namespace of a version. */
wws_string wwi_envelope_namespace(wws_envelope_version version);

#endif
