/* Faults that the library itself makes, and what received faults mean.
 *
 * SOAP 1.2 has room for a code, two subcodes and a detail.  In SOAP 1.1 a fault
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
static void put_not_understood(
    struct wwi_bytes *out,
    const struct wwi_envelope_header *header)
{
    wwi_bytes_append_text(out, "<s:NotUnderstood xmlns:s=\"");
    wwi_bytes_append_string(
        out, wwi_envelope_namespace(WWS_ENVELOPE_VERSION_SOAP_1_2));
    wwi_bytes_append_text(out, "\" xmlns:h=\"");
    wwi_xml_escape(out, header->ns, true);
    wwi_bytes_append_text(out, "\" qname=\"h:");
    wwi_bytes_append_string(out, header->local);
    wwi_bytes_append_text(out, "\"/>");
}

static void put_upgrade(struct wwi_bytes *out, wws_envelope_version supported)
{
    wwi_bytes_append_text(out, "<u:Upgrade xmlns:u=\"");
    wwi_bytes_append_string(
        out, wwi_envelope_namespace(WWS_ENVELOPE_VERSION_SOAP_1_2));
    wwi_bytes_append_text(out, "\"><u:SupportedEnvelope xmlns:e=\"");
    wwi_bytes_append_string(out, wwi_envelope_namespace(supported));
    wwi_bytes_append_text(out, "\" qname=\"e:Envelope\"/></u:Upgrade>");
}

/* Moves what was written to the header blocks, which check it. */
static wws_status add_block(
    struct wwi_blocks *blocks,
    struct wwi_bytes *xml,
    wws_envelope_version version,
    wws_addressing_version addressing)
{
    struct wwi_block_options options = {
        .version = version, .addressing = addressing };
    wws_status status = WWS_E_OUTOFMEMORY;

    if (!xml->failed)
        status = wwi_blocks_add(
            blocks, (wws_bytes) { xml->data, xml->size }, &options, NULL);
    wwi_bytes_fini(xml);
    return status;
}

static wws_status add_not_understood(
    const struct wwi_envelope *request,
    struct wwi_blocks *blocks,
    wws_addressing_version addressing)
{
    wws_status status = WWS_S_OK;

    for (uint32_t i = 0; i < request->header_count && status >= 0; i++) {
        const struct wwi_envelope_header *header = &request->headers[i];
        struct wwi_bytes xml = { 0 };

        if (!header->must_understand || header->standard || header->understood
            || header->removed)
            continue;
        put_not_understood(&xml, header);
        status = add_block(
            blocks, &xml, WWS_ENVELOPE_VERSION_SOAP_1_2, addressing);
    }
    return status;
}

/* The detail of a fault of addressing, where the version wants it. */
static wws_status add_detail(
    struct wwi_fault_content *fault,
    const struct wwi_fault_about *about,
    wws_envelope_version version,
    wws_addressing_version addressing,
    struct wwi_bytes *detail,
    struct wwi_blocks *blocks)
{
    bool old = version == WWS_ENVELOPE_VERSION_SOAP_1_1;
    enum detail kind = rows[about->fault].detail;
    wws_string ns = wwi_addressing_namespace(addressing);
    struct wwi_bytes block = { 0 };
    size_t before = detail->size;

    if (kind == NOTHING || (old && addressing != WWS_ADDRESSING_VERSION_1_0))
        return WWS_S_OK;
    if (old) {
        open_detail(&block, "FaultDetail", ns);
        put_detail(&block, about, kind, ns);
        wwi_bytes_append_text(&block, "</a:FaultDetail>");
        return add_block(blocks, &block, version, addressing);
    }
    if (!put_detail(detail, about, kind, ns))
        return WWS_E_INVALID_FORMAT;
    if (detail->failed)
        return WWS_E_OUTOFMEMORY;
    fault->detail = (wws_bytes) {
        detail->data + before, detail->size - before };
    return WWS_S_OK;
}

static void set_subcodes(
    struct wwi_fault_content *fault,
    const struct row *row,
    wws_addressing_version addressing)
{
    wws_string ns = wwi_addressing_namespace(addressing);
    const char *subcode = addressing == WWS_ADDRESSING_VERSION_0_9
        ? row->subcode_0_9 : row->subcode;

    if (subcode == NULL)
        return;
    fault->subcodes[0].ns = ns;
    fault->subcodes[0].local = wwi_string(subcode);
    /* The details of 1.0 have no names in 0.9. */
    if (row->inner == NULL || addressing != WWS_ADDRESSING_VERSION_1_0)
        return;
    fault->subcodes[1].ns = ns;
    fault->subcodes[1].local = wwi_string(row->inner);
}

wws_status wwi_fault_make(
    struct wwi_fault_content *fault,
    const struct wwi_fault_about *about,
    wws_envelope_version version,
    wws_addressing_version addressing,
    struct wwi_bytes *detail,
    struct wwi_blocks *blocks)
{
    const struct row *row = &rows[about->fault];
    struct wwi_bytes upgrade = { 0 };

    *fault = (struct wwi_fault_content) {
        .code = row->code,
        .reason = about->reason.size != 0
            ? about->reason : wwi_string(row->reason),
    };
    if (about->fault == WWI_FAULT_VERSION_MISMATCH) {
        put_upgrade(&upgrade, about->supported);
        return add_block(blocks, &upgrade, version, addressing);
    }
    if (about->fault == WWI_FAULT_MUST_UNDERSTAND) {
        if (version == WWS_ENVELOPE_VERSION_SOAP_1_1)
            return WWS_S_OK;
        return add_not_understood(about->request, blocks, addressing);
    }
    if (addressing == WWS_ADDRESSING_VERSION_TRANSPORT)
        return WWS_S_OK;
    set_subcodes(fault, row, addressing);
    return add_detail(fault, about, version, addressing, detail, blocks);
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

wws_status wwi_fault_status(const wws_fault_info *fault)
{
    wws_string ns = fault->subcode_namespace;

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        const struct meaning *meaning = &meanings[i];

        if (wwi_string_is(fault->subcode_name, meaning->local)
            && (meaning->ns == NULL ? is_addressing(ns)
                : wwi_string_is(ns, meaning->ns)))
            return meaning->status;
    }
    return WWS_E_ENDPOINT_FAULT_RECEIVED;
}
