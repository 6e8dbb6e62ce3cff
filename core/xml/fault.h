/* Faults that the library itself makes, and what received faults mean. */
#ifndef WWI_XML_FAULT_H
#define WWI_XML_FAULT_H

#include "core/base/bytes.h"
#include "core/xml/envelope.h"
#include "wws/base.h"
#include "wws/types.h"

enum wwi_standard_fault {
    WWI_FAULT_RECEIVER,             /* reason */
    WWI_FAULT_SENDER,               /* reason */
    WWI_FAULT_MUST_UNDERSTAND,      /* request: what is not understood */
    WWI_FAULT_VERSION_MISMATCH,     /* supported */
    WWI_FAULT_ACTION_NOT_SUPPORTED, /* action */
    WWI_FAULT_ACTION_MISMATCH,      /* action, transport_action */
    WWI_FAULT_INVALID_CARDINALITY,  /* header */
    WWI_FAULT_MISSING_ADDRESS,      /* header: an endpoint without address */
    WWI_FAULT_HEADER_REQUIRED,      /* header */
    WWI_FAULT_ONLY_ANONYMOUS,       /* header: the endpoint that is elsewhere */
    WWI_FAULT_ENDPOINT_UNAVAILABLE,
};

/* What a fault of the library is about; each needs what stands beside it. */
struct wwi_fault_about {
    enum wwi_standard_fault fault;
    wws_string reason;           /* empty: the usual text */
    wws_string action;
    wws_string transport_action;
    wws_header header;
    const struct wwi_envelope *request;
    wws_envelope_version supported;
};

/* Appends the element Fault, which stands for itself; what else goes with it is
 * for the headers.  WWS_E_INVALID_FORMAT for texts that XML cannot hold. */
wws_status wwi_fault_write(
    const wws_fault_info *fault,
    wws_envelope_version version,
    struct wwi_bytes *out);

/* A fault of the library's own: its texts are constants, views of what it is
 * about, or in `xml`. */
struct wwi_made_fault {
    wws_fault_info info;
    wws_string outer_namespace;
    wws_string outer_name;
    struct wwi_bytes xml;
};

/* Makes a fault in the form that the versions ask for. */
wws_status wwi_fault_make(
    struct wwi_made_fault *fault,
    const struct wwi_fault_about *about,
    wws_envelope_version version,
    wws_addressing_version addressing);
void wwi_made_fault_fini(struct wwi_made_fault *fault);

/* What answers an envelope that parse() has refused. */
struct wwi_fault_about wwi_fault_about_envelope(
    const struct wwi_envelope *envelope,
    wws_envelope_version supported);

/* The status that a received fault stands for, by the innermost subcode that
 * says so: at least WWS_E_ENDPOINT_FAULT_RECEIVED. */
wws_status wwi_fault_status(const wws_fault_info *fault);

#endif
