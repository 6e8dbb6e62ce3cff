/* Faults that the library itself makes, and what received faults mean.
 *
 * SOAP 1.2 has room for a code, subcodes and a detail.  In SOAP 1.1 a fault
 * about a header may have no detail, as the body was not looked at: there
 * WS-Addressing 1.0 has a header block for it, and the others have nothing. */
#include "core/xml/fault.h"

#include "core/base/text.h"
#include "core/xml/escape.h"

#define WSSE "http://docs.oasis-open.org/wss/2004/01/" \
    "oasis-200401-wss-wssecurity-secext-1.0.xsd"
#define WSC_2005 "http://schemas.xmlsoap.org/ws/2005/02/sc"
#define WSC_2007 "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512"

/* What the detail of a fault tells. */
enum detail { NOTHING, ACTION, BOTH_ACTIONS, HEADER_NAME };

static const struct row {
    wws_fault_code code;
    /* Of addressing, in 1.0 and in 0.9; null: none. */
    const char *subcode;
    const char *subcode_0_9;
    const char *inner;
    enum detail detail;
    const char *reason;
} rows[] = {
    [WWI_FAULT_RECEIVER] = {
        .code = WWS_FAULT_CODE_RECEIVER,
        .reason = "The receiver could not process the message",
    },
    [WWI_FAULT_SENDER] = {
        .code = WWS_FAULT_CODE_SENDER,
        .reason = "The message is not valid",
    },
    [WWI_FAULT_MUST_UNDERSTAND] = {
        .code = WWS_FAULT_CODE_MUST_UNDERSTAND,
        .reason = "A header that must be understood is not",
    },
    [WWI_FAULT_VERSION_MISMATCH] = {
        .code = WWS_FAULT_CODE_VERSION_MISMATCH,
        .reason = "The version of the envelope is not supported",
    },
    [WWI_FAULT_ACTION_NOT_SUPPORTED] = {
        WWS_FAULT_CODE_SENDER, "ActionNotSupported", "ActionNotSupported",
        NULL, ACTION, "The action cannot be processed at the receiver",
    },
    [WWI_FAULT_ACTION_MISMATCH] = {
        WWS_FAULT_CODE_SENDER, "InvalidAddressingHeader",
        "InvalidMessageInformationHeader", "ActionMismatch", BOTH_ACTIONS,
        "The action of the transport is not that of the message",
    },
    [WWI_FAULT_INVALID_CARDINALITY] = {
        WWS_FAULT_CODE_SENDER, "InvalidAddressingHeader",
        "InvalidMessageInformationHeader", "InvalidCardinality", HEADER_NAME,
        "An addressing header is there more than once",
    },
    [WWI_FAULT_MISSING_ADDRESS] = {
        WWS_FAULT_CODE_SENDER, "InvalidAddressingHeader",
        "InvalidMessageInformationHeader", "MissingAddressInEPR", HEADER_NAME,
        "An addressing header has no address",
    },
    [WWI_FAULT_HEADER_REQUIRED] = {
        WWS_FAULT_CODE_SENDER, "MessageAddressingHeaderRequired",
        "MessageInformationHeaderRequired", NULL, HEADER_NAME,
        "A required addressing header is not there",
    },
    [WWI_FAULT_ONLY_ANONYMOUS] = {
        WWS_FAULT_CODE_SENDER, "InvalidAddressingHeader",
        "InvalidMessageInformationHeader", "OnlyAnonymousAddressSupported",
        HEADER_NAME, "Replies can go only where the request came from",
    },
    [WWI_FAULT_ENDPOINT_UNAVAILABLE] = {
        WWS_FAULT_CODE_RECEIVER, "EndpointUnavailable", "EndpointUnavailable",
        NULL, NOTHING,
        "The endpoint is unable to process the message at this time",
    },
};

static bool put_text(
    struct wwi_bytes *out,
    const char *before,
    wws_string text,
    const char *after)
{
    bool good;

    wwi_bytes_append_text(out, before);
    good = wwi_xml_escape(out, text, false);
    wwi_bytes_append_text(out, after);
    return good;
}

static void open_detail(struct wwi_bytes *out, const char *name, wws_string ns)
{
    wwi_bytes_append_text(out, "<a:");
    wwi_bytes_append_text(out, name);
    wwi_bytes_append_text(out, " xmlns:a=\"");
    wwi_bytes_append_string(out, ns);
    wwi_bytes_append_text(out, "\">");
}

static bool put_action(
    struct wwi_bytes *out,
    const struct wwi_fault_about *about,
    enum detail detail,
    wws_string ns)
{
    open_detail(out, "ProblemAction", ns);
    if (!put_text(out, "<a:Action>", about->action, "</a:Action>"))
        return false;
    if (detail == BOTH_ACTIONS && !put_text(out,
        "<a:SoapAction>", about->transport_action, "</a:SoapAction>"))
        return false;
    wwi_bytes_append_text(out, "</a:ProblemAction>");
    return true;
}

static bool put_detail(
    struct wwi_bytes *out,
    const struct wwi_fault_about *about,
    enum detail detail,
    wws_string ns)
{
    if (detail == NOTHING)
        return true;
    if (detail != HEADER_NAME)
        return put_action(out, about, detail, ns);
    open_detail(out, "ProblemHeaderQName", ns);
    return put_text(out, "a:", wwi_addressing_name(about->header),
        "</a:ProblemHeaderQName>");
}

/* One header block for each header that is not understood. */
static bool put_not_understood(
    struct wwi_bytes *out,
    const struct wwi_envelope_header *header)
{
    bool good;

    wwi_bytes_append_text(out, "<s:NotUnderstood xmlns:s=\"");
    wwi_bytes_append_string(
        out, wwi_envelope_namespace(WWS_ENVELOPE_VERSION_SOAP_1_2));
    wwi_bytes_append_text(out, "\" xmlns:h=\"");
    good = wwi_xml_escape(out, header->ns, true);
    wwi_bytes_append_text(out, "\" qname=\"h:");
    wwi_bytes_append_string(out, header->local);
    wwi_bytes_append_text(out, "\"/>");
    return good;
}

static bool put_all_not_understood(
    struct wwi_bytes *out,
    const struct wwi_envelope *request)
{
    for (uint32_t i = 0; i < request->header_count; i++) {
        const struct wwi_envelope_header *header = &request->headers[i];

        if (header->must_understand && !header->standard
            && !header->understood && !header->removed
            && !put_not_understood(out, header))
            return false;
    }
    return true;
}

static bool put_upgrade(struct wwi_bytes *out, wws_envelope_version supported)
{
    wwi_bytes_append_text(out, "<u:Upgrade xmlns:u=\"");
    wwi_bytes_append_string(
        out, wwi_envelope_namespace(WWS_ENVELOPE_VERSION_SOAP_1_2));
    wwi_bytes_append_text(out, "\"><u:SupportedEnvelope xmlns:e=\"");
    wwi_bytes_append_string(out, wwi_envelope_namespace(supported));
    wwi_bytes_append_text(out, "\" qname=\"e:Envelope\"/></u:Upgrade>");
    return true;
}

/* The detail of a fault of addressing as a header block. */
static bool put_detail_block(
    struct wwi_bytes *out,
    const struct wwi_fault_about *about,
    enum detail detail,
    wws_string ns)
{
    bool good;

    open_detail(out, "FaultDetail", ns);
    good = put_detail(out, about, detail, ns);
    wwi_bytes_append_text(out, "</a:FaultDetail>");
    return good;
}

static void set_subcodes(
    struct wwi_made_fault *fault,
    const struct row *row,
    wws_addressing_version addressing)
{
    wws_string ns = wwi_addressing_namespace(addressing);
    const char *subcode = addressing == WWS_ADDRESSING_VERSION_0_9
        ? row->subcode_0_9 : row->subcode;

    if (subcode == NULL || ns.size == 0)
        return;
    fault->info.subcode_namespace = ns;
    fault->info.subcode_name = wwi_string(subcode);
    /* The details of 1.0 have no names in 0.9. */
    if (row->inner == NULL || addressing != WWS_ADDRESSING_VERSION_1_0)
        return;
    fault->outer_namespace = ns;
    fault->outer_name = fault->info.subcode_name;
    fault->info.outer_subcode_namespaces = &fault->outer_namespace;
    fault->info.outer_subcode_names = &fault->outer_name;
    fault->info.outer_subcode_namespaces_count = 1;
    fault->info.outer_subcode_names_count = 1;
    fault->info.subcode_name = wwi_string(row->inner);
}

/* Writes what belongs into the detail, or into the headers, where the versions
 * have a place for it. */
static bool put_more(
    struct wwi_made_fault *fault,
    const struct wwi_fault_about *about,
    wws_envelope_version version,
    wws_addressing_version addressing,
    bool *in_headers)
{
    bool old = version == WWS_ENVELOPE_VERSION_SOAP_1_1;
    enum detail detail = rows[about->fault].detail;
    wws_string ns = wwi_addressing_namespace(addressing);

    *in_headers = true;
    if (about->fault == WWI_FAULT_VERSION_MISMATCH)
        return put_upgrade(&fault->xml, about->supported);
    if (about->fault == WWI_FAULT_MUST_UNDERSTAND)
        return old || put_all_not_understood(&fault->xml, about->request);
    if (detail == NOTHING || ns.size == 0
        || (old && addressing != WWS_ADDRESSING_VERSION_1_0))
        return true;
    if (old)
        return put_detail_block(&fault->xml, about, detail, ns);
    *in_headers = false;
    return put_detail(&fault->xml, about, detail, ns);
}

wws_status wwi_fault_make(
    struct wwi_made_fault *fault,
    const struct wwi_fault_about *about,
    wws_envelope_version version,
    wws_addressing_version addressing)
{
    const struct row *row = &rows[about->fault];
    wws_bytes more;
    bool in_headers;

    *fault = (struct wwi_made_fault) { .info = WWS_FAULT_INFO_INIT };
    fault->info.code = row->code;
    fault->info.reason = about->reason.size != 0
        ? about->reason : wwi_string(row->reason);
    fault->info.language = WWS_STR("en");
    set_subcodes(fault, row, addressing);
    if (!put_more(fault, about, version, addressing, &in_headers))
        return WWS_E_INVALID_FORMAT;
    if (fault->xml.failed)
        return WWS_E_OUTOFMEMORY;
    more = (wws_bytes) { fault->xml.data, fault->xml.size };
    if (in_headers)
        fault->info.headers = more;
    else
        fault->info.detail = more;
    return WWS_S_OK;
}

void wwi_made_fault_fini(struct wwi_made_fault *fault)
{
    wwi_bytes_fini(&fault->xml);
}

struct wwi_fault_about wwi_fault_about_envelope(
    const struct wwi_envelope *envelope,
    wws_envelope_version supported)
{
    struct wwi_fault_about about = {
        .fault = WWI_FAULT_SENDER,
        .header = envelope->problem_header,
        .request = envelope,
        .supported = supported,
    };

    switch (envelope->problem) {
    case WWI_ENVELOPE_OTHER_VERSION:
    case WWI_ENVELOPE_UNKNOWN_VERSION:
        about.fault = WWI_FAULT_VERSION_MISMATCH;
        break;
    case WWI_ENVELOPE_DUPLICATE_HEADER:
        about.fault = WWI_FAULT_INVALID_CARDINALITY;
        break;
    case WWI_ENVELOPE_INVALID_ADDRESS:
        about.fault = WWI_FAULT_MISSING_ADDRESS;
        break;
    case WWI_ENVELOPE_FINE:
    case WWI_ENVELOPE_MALFORMED:
        break;
    }
    return about;
}

static const struct meaning {
    const char *ns; /* null: of addressing */
    const char *local;
    wws_status status;
} meanings[] = {
    { NULL, "ActionNotSupported", WWS_E_ENDPOINT_ACTION_NOT_SUPPORTED },
    { NULL, "DestinationUnreachable", WWS_E_ENDPOINT_NOT_FOUND },
    { NULL, "EndpointUnavailable", WWS_E_ENDPOINT_NOT_AVAILABLE },
    { WSSE, "FailedAuthentication", WWS_E_ENDPOINT_ACCESS_DENIED },
    { WSSE, "InvalidSecurity", WWS_E_ENDPOINT_ACCESS_DENIED },
    { WSSE, "InvalidSecurityToken", WWS_E_ENDPOINT_ACCESS_DENIED },
    { WSC_2005, "BadContextToken", WWS_E_SECURITY_TOKEN_EXPIRED },
    { WSC_2005, "RenewNeeded", WWS_E_SECURITY_TOKEN_EXPIRED },
    { WSC_2007, "BadContextToken", WWS_E_SECURITY_TOKEN_EXPIRED },
    { WSC_2007, "RenewNeeded", WWS_E_SECURITY_TOKEN_EXPIRED },
};

static bool is_addressing(wws_string ns)
{
    return wwi_string_equal(
            ns, wwi_addressing_namespace(WWS_ADDRESSING_VERSION_1_0))
        || wwi_string_equal(
            ns, wwi_addressing_namespace(WWS_ADDRESSING_VERSION_0_9));
}

static wws_status status_of(wws_string ns, wws_string local)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        const struct meaning *meaning = &meanings[i];

        if (wwi_string_is(local, meaning->local)
            && (meaning->ns == NULL ? is_addressing(ns)
                : wwi_string_is(ns, meaning->ns)))
            return meaning->status;
    }
    return WWS_E_ENDPOINT_FAULT_RECEIVED;
}

wws_status wwi_fault_status(const wws_fault_info *fault)
{
    wws_status status =
        status_of(fault->subcode_namespace, fault->subcode_name);

    for (size_t i = fault->outer_subcode_names_count;
        i-- > 0 && status == WWS_E_ENDPOINT_FAULT_RECEIVED;)
        status = status_of(fault->outer_subcode_namespaces[i],
            fault->outer_subcode_names[i]);
    return status;
}
