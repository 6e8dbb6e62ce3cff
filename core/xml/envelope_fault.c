/* Reads faults.  The two versions share no element, but the same few parts.
 *
 * Who sends a fault is often sloppy, and a fault that is not understood is of
 * no use to anybody: codes are taken as they are as long as they are there. */
#include <string.h>

#include "core/base/text.h"
#include "core/xml/envelope_parser.h"

#define DISPATCHER "http://schemas.microsoft.com/net/2005/12/" \
    "windowscommunicationfoundation/dispatcher"

/* Parts that have been seen. */
enum { CODE = 1, REASON = 2, ACTOR = 4, DETAIL = 8, NODE = 16 };

/* Texts in pairs, as many as there is room for. */
struct pairs {
    wws_string first[WWI_FAULT_REASONS];
    wws_string second[WWI_FAULT_REASONS];
    uint32_t count;
};

/* What there may be several of. */
struct lists {
    struct pairs subcodes; /* namespaces and names, from the outermost in */
    struct pairs reasons;  /* with their languages */
};

struct code_name {
    const char *local;
    wws_fault_code code;
};

static const struct code_name names_1_2[] = {
    { "Sender", WWS_FAULT_CODE_SENDER },
    { "Receiver", WWS_FAULT_CODE_RECEIVER },
    { "MustUnderstand", WWS_FAULT_CODE_MUST_UNDERSTAND },
    { "VersionMismatch", WWS_FAULT_CODE_VERSION_MISMATCH },
    { "DataEncodingUnknown", WWS_FAULT_CODE_DATA_ENCODING_UNKNOWN },
    { NULL, 0 },
};

static const struct code_name names_1_1[] = {
    { "Client", WWS_FAULT_CODE_SENDER },
    { "Server", WWS_FAULT_CODE_RECEIVER },
    { "MustUnderstand", WWS_FAULT_CODE_MUST_UNDERSTAND },
    { "VersionMismatch", WWS_FAULT_CODE_VERSION_MISMATCH },
    { NULL, 0 },
};

/* A code by its name; SOAP 1.1 allowed more behind a dot. */
static bool find_code(
    const struct wwi_envelope_parser *parser,
    wws_string local,
    wws_fault_code *code)
{
    bool dots = parser->envelope->version == WWS_ENVELOPE_VERSION_SOAP_1_1;
    const struct code_name *name = dots ? names_1_1 : names_1_2;

    for (; name->local != NULL; name++) {
        size_t size = strlen(name->local);

        if (local.size < size || memcmp(local.data, name->local, size) != 0)
            continue;
        if (local.size == size || (dots && local.data[size] == '.')) {
            *code = name->code;
            return true;
        }
    }
    return false;
}

/* Reads a qualified name; of one whose prefix nobody declared, `ns` is empty
 * and `local` the whole text. */
static bool read_name(
    struct wwi_envelope_parser *parser,
    wws_string *ns,
    wws_string *local)
{
    wws_string text, uri, prefix;
    const char *colon;

    if (!wwi_envelope_read_text(parser, &text))
        return false;
    *ns = WWS_STR("");
    *local = text;
    colon = memchr(text.data, ':', text.size);
    prefix = (wws_string) {
        text.data, colon == NULL ? 0 : (size_t) (colon - text.data) };
    if (!wwi_xml_reader_lookup(parser->reader, prefix, &uri))
        return true;
    if (colon != NULL)
        *local = (wws_string) { colon + 1, text.size - prefix.size - 1 };
    *ns = wwi_envelope_keep(parser->envelope, uri);
    return ns->data != NULL || wwi_envelope_no_memory(parser);
}

/* Codes of one's own say nothing of whose fault it is; these are known. */
static bool is_receivers(wws_string ns, wws_string local)
{
    if (wwi_string_is(local, "EndpointUnavailable"))
        return wwi_string_equal(ns,
                wwi_addressing_namespace(WWS_ADDRESSING_VERSION_1_0))
            || wwi_string_equal(ns,
                wwi_addressing_namespace(WWS_ADDRESSING_VERSION_0_9));
    return wwi_string_is(local, "InternalServiceFault")
        && wwi_string_is(ns, DISPATCHER);
}

/* Adds a subcode: the innermost one stays if there is no more room. */
static void add_subcode(struct lists *lists, wws_string ns, wws_string local)
{
    struct pairs *subcodes = &lists->subcodes;

    if (subcodes->count == WWI_FAULT_SUBCODES)
        subcodes->count--;
    subcodes->first[subcodes->count] = ns;
    subcodes->second[subcodes->count++] = local;
}

static bool read_subcode(
    struct wwi_envelope_parser *parser,
    struct lists *lists)
{
    wws_string ns, local;

    if (!read_name(parser, &ns, &local))
        return false;
    add_subcode(lists, ns, local);
    return true;
}

/* Reads the first code: one of SOAP's own, or else a subcode. */
static bool read_code(struct wwi_envelope_parser *parser, struct lists *lists)
{
    wws_fault_info *fault = &parser->envelope->fault;
    wws_string ns, local, bare;
    const char *colon;

    if (!read_name(parser, &ns, &local))
        return false;
    if (local.size == 0)
        return wwi_envelope_refuse(parser, "a fault with an empty code");
    bare = local;
    colon = memchr(local.data, ':', local.size);
    if (colon != NULL)
        bare = (wws_string) { colon + 1,
            local.size - (size_t) (colon + 1 - local.data) };
    if ((ns.size == 0 || wwi_string_equal(ns, parser->soap))
        && find_code(parser, bare, &fault->code)) {
        if (memchr(bare.data, '.', bare.size) == NULL)
            return true;
    } else {
        fault->code = is_receivers(ns, local)
            ? WWS_FAULT_CODE_RECEIVER : WWS_FAULT_CODE_SENDER;
    }
    add_subcode(lists, ns, local);
    return true;
}

/* Reads Code, and each Subcode in it. */
static bool read_codes(
    struct wwi_envelope_parser *parser,
    struct lists *lists,
    bool outermost)
{
    bool valued = false;
    bool good;

    while (wwi_envelope_next_child(parser)) {
        if (wwi_envelope_at(parser, "Value") && !valued) {
            good = outermost ? read_code(parser, lists)
                : read_subcode(parser, lists);
            valued = true;
        } else if (wwi_envelope_at(parser, "Subcode") && valued) {
            good = read_codes(parser, lists, false);
        } else {
            good = wwi_envelope_refuse(parser, "not the value of a code");
        }
        if (!good)
            return false;
    }
    if (!valued && parser->status >= 0)
        return wwi_envelope_refuse(parser, "a code without value");
    return parser->status >= 0;
}

static bool read_language(
    struct wwi_envelope_parser *parser,
    wws_string *language)
{
    const struct wwi_xml_reader *reader = parser->reader;

    *language = WWS_STR("");
    for (size_t i = 0; i < reader->attribute_count; i++)
        if (wwi_xml_name_is(&reader->attributes[i].name,
            WWS_STR(WWI_XML_NAMESPACE), WWS_STR("lang")))
            *language = wwi_envelope_keep(
                parser->envelope, reader->attributes[i].value);
    return language->data != NULL || wwi_envelope_no_memory(parser);
}

static bool read_text(struct wwi_envelope_parser *parser, struct lists *lists)
{
    struct pairs *reasons = &lists->reasons;
    wws_string *text = &reasons->first[reasons->count];
    wws_string *language = &reasons->second[reasons->count];

    if (reasons->count == WWI_FAULT_REASONS)
        return wwi_envelope_skip(parser);
    reasons->count++;
    return read_language(parser, language)
        && wwi_envelope_read_text(parser, text);
}

/* Reads the reason of SOAP 1.2, which is there in any number of languages. */
static bool read_reason(
    struct wwi_envelope_parser *parser,
    struct lists *lists)
{
    while (wwi_envelope_next_child(parser)) {
        if (!wwi_envelope_at(parser, "Text"))
            return wwi_envelope_refuse(parser, "not the text of a reason");
        if (!read_text(parser, lists))
            return false;
    }
    if (lists->reasons.count == 0 && parser->status >= 0)
        return wwi_envelope_refuse(parser, "a reason without text");
    return parser->status >= 0;
}

/* Reads what is in the detail: elements, or text, or both. */
static bool read_detail(struct wwi_envelope_parser *parser)
{
    struct wwi_envelope_part part = { 0 };
    uint64_t begin = parser->reader->end;
    enum wwi_xml_token token;
    bool text = false;

    while ((token = wwi_envelope_next(parser)) != WWI_XML_END_ELEMENT) {
        if (token == WWI_XML_ERROR)
            return false;
        if (token == WWI_XML_TEXT)
            text = text || !wwi_envelope_is_space(parser->reader->text);
        else if (!wwi_envelope_read_part(parser, &part))
            return false;
    }
    if (text) {
        part.begin = (size_t) begin;
        part.end = (size_t) parser->reader->begin;
    }
    if (wwi_envelope_xml(parser->envelope, &part,
        &parser->envelope->fault.detail) < 0)
        return wwi_envelope_no_memory(parser);
    return true;
}

static bool read_part_1_2(
    struct wwi_envelope_parser *parser,
    struct lists *lists,
    unsigned *part)
{
    wws_fault_info *fault = &parser->envelope->fault;

    if (wwi_envelope_at(parser, "Code"))
        return *part = CODE, read_codes(parser, lists, true);
    if (wwi_envelope_at(parser, "Reason"))
        return *part = REASON, read_reason(parser, lists);
    if (wwi_envelope_at(parser, "Node"))
        return *part = NODE, wwi_envelope_read_text(parser, &fault->node);
    if (wwi_envelope_at(parser, "Role"))
        return *part = ACTOR, wwi_envelope_read_text(parser, &fault->actor);
    if (wwi_envelope_at(parser, "Detail"))
        return *part = DETAIL, read_detail(parser);
    return wwi_envelope_refuse(parser, "not a part of a fault");
}

/* In SOAP 1.1 the parts are in no namespace. */
static bool read_part_1_1(
    struct wwi_envelope_parser *parser,
    struct lists *lists,
    unsigned *part)
{
    const struct wwi_xml_name *name = &parser->reader->name;
    wws_fault_info *fault = &parser->envelope->fault;

    if (name->ns.size != 0 && !wwi_string_equal(name->ns, parser->soap))
        return wwi_envelope_refuse(parser, "not a part of a fault");
    if (wwi_string_is(name->local, "faultcode"))
        return *part = CODE, read_code(parser, lists);
    if (wwi_string_is(name->local, "faultstring"))
        return *part = REASON, read_text(parser, lists);
    if (wwi_string_is(name->local, "faultactor"))
        return *part = ACTOR, wwi_envelope_read_text(parser, &fault->actor);
    if (wwi_string_is(name->local, "detail"))
        return *part = DETAIL, read_detail(parser);
    return wwi_envelope_refuse(parser, "not a part of a fault");
}

/* A list that lives as long as the envelope, of some of the texts. */
static bool keep_list(
    struct wwi_envelope_parser *parser,
    const wws_string *texts,
    size_t count,
    const wws_string **list,
    size_t *list_count)
{
    size_t size = count * sizeof *texts;
    wws_string *copy;

    if (count == 0)
        return true;
    copy = wwi_envelope_room(parser->envelope, size);
    if (copy == NULL)
        return wwi_envelope_no_memory(parser);
    memcpy(copy, texts, size);
    *list = copy;
    *list_count = count;
    return true;
}

static bool keep_subcodes(
    struct wwi_envelope_parser *parser,
    const struct pairs *subcodes)
{
    wws_fault_info *fault = &parser->envelope->fault;
    uint32_t outer = subcodes->count - 1;

    if (subcodes->count == 0)
        return true;
    fault->subcode_namespace = subcodes->first[outer];
    fault->subcode_name = subcodes->second[outer];
    return keep_list(parser, subcodes->first, outer,
            &fault->outer_subcode_namespaces,
            &fault->outer_subcode_namespaces_count)
        && keep_list(parser, subcodes->second, outer,
            &fault->outer_subcode_names, &fault->outer_subcode_names_count);
}

static bool keep_reasons(
    struct wwi_envelope_parser *parser,
    const struct pairs *reasons)
{
    wws_fault_info *fault = &parser->envelope->fault;

    fault->reason = reasons->first[0];
    fault->language = reasons->second[0];
    return keep_list(parser, reasons->first + 1, reasons->count - 1,
            &fault->further_reasons, &fault->further_reasons_count)
        && keep_list(parser, reasons->second + 1, reasons->count - 1,
            &fault->further_languages, &fault->further_languages_count);
}

bool wwi_envelope_read_fault(struct wwi_envelope_parser *parser)
{
    bool old = parser->envelope->version == WWS_ENVELOPE_VERSION_SOAP_1_1;
    struct lists lists;
    unsigned seen = 0;
    unsigned part = 0;

    lists.subcodes.count = lists.reasons.count = 0;
    while (wwi_envelope_next_child(parser)) {
        if (!(old ? read_part_1_1(parser, &lists, &part)
            : read_part_1_2(parser, &lists, &part)))
            return false;
        if (seen & part)
            return wwi_envelope_refuse(parser, "a part of a fault twice");
        seen |= part;
    }
    if (parser->status < 0)
        return false;
    if ((seen & CODE) == 0)
        return wwi_envelope_refuse(parser, "a fault without a code");
    if ((seen & REASON) == 0)
        return wwi_envelope_refuse(parser, "a fault without a reason");
    return keep_subcodes(parser, &lists.subcodes)
        && keep_reasons(parser, &lists.reasons);
}
