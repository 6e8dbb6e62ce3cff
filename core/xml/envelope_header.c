/* Reads the header of an envelope: blocks of the application, which are kept as
 * they stand, and standard ones of addressing, which are taken apart. */
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/xml/envelope_parser.h"

#define SOAP_1_2 "http://www.w3.org/2003/05/soap-envelope"

/* What a role says: SOAP 1.1 calls it actor. */
static const struct role_words {
    wws_string attribute;
    wws_string next;
    wws_string ultimate;
} role_words[] = {
    [WWS_ENVELOPE_VERSION_SOAP_1_2] = {
        { "role", 4 },
        { SOAP_1_2 "/role/next", sizeof(SOAP_1_2) + 9 },
        { SOAP_1_2 "/role/ultimateReceiver", sizeof(SOAP_1_2) + 21 },
    },
    [WWS_ENVELOPE_VERSION_SOAP_1_1] = {
        { "actor", 5 },
        { "http://schemas.xmlsoap.org/soap/actor/next", 42 },
        { "", 0 },
    },
};

wws_string wwi_envelope_role_name(wws_envelope_version version)
{
    return role_words[version].attribute;
}

/* Names are views of the octets, where they stand behind the `<`. */
static wws_string view_local(const struct wwi_envelope_parser *parser)
{
    const struct wwi_xml_reader *reader = parser->reader;
    const char *at = (const char *) parser->envelope->octets.data
        + reader->begin + 1;

    if (reader->name.prefix.size != 0)
        at += reader->name.prefix.size + 1;
    return (wws_string) { at, reader->name.local.size };
}

static wws_string keep_namespace(const struct wwi_envelope_parser *parser)
{
    wws_string ns = parser->reader->name.ns;

    if (wwi_string_equal(ns, parser->addressing))
        return parser->addressing;
    if (wwi_string_equal(ns, parser->soap))
        return parser->soap;
    return wwi_envelope_keep(parser->envelope, ns);
}

static bool is_our_role(
    const struct wwi_envelope_parser *parser,
    wws_string role)
{
    const struct role_words *words = &role_words[parser->envelope->version];

    return role.size == 0 || wwi_string_equal(role, words->next)
        || wwi_string_equal(role, words->ultimate);
}

static bool read_boolean(
    struct wwi_envelope_parser *parser,
    wws_string value,
    bool *result)
{
    value = wwi_envelope_trim(value);
    *result = wwi_string_is(value, "1") || wwi_string_is(value, "true");
    if (*result || wwi_string_is(value, "0") || wwi_string_is(value, "false"))
        return true;
    return wwi_envelope_refuse(parser, "mustUnderstand is neither 0 nor 1");
}

bool wwi_envelope_relays(wws_envelope_version version, wws_string value)
{
    value = wwi_envelope_trim(value);
    return version == WWS_ENVELOPE_VERSION_SOAP_1_2
        && (wwi_string_is(value, "1") || wwi_string_is(value, "true"));
}

static bool read_role(
    struct wwi_envelope_parser *parser,
    wws_string value,
    wws_string *role)
{
    *role = wwi_envelope_keep(parser->envelope, wwi_envelope_trim(value));
    return role->data != NULL || wwi_envelope_no_memory(parser);
}

/* The attributes that SOAP itself gives a header block. */
static bool read_block_attributes(
    struct wwi_envelope_parser *parser,
    struct wwi_envelope_header *header)
{
    const struct wwi_xml_reader *reader = parser->reader;
    wws_envelope_version version = parser->envelope->version;
    bool good = true;

    for (size_t i = 0; i < reader->attribute_count && good; i++) {
        const struct wwi_xml_attribute *attribute = &reader->attributes[i];
        wws_string name = attribute->name.local;
        wws_string value = attribute->value;

        if (!wwi_string_equal(attribute->name.ns, parser->soap))
            continue;
        if (wwi_string_equal(name, wwi_envelope_role_name(version)))
            good = read_role(parser, value, &header->role);
        else if (wwi_string_is(name, "mustUnderstand"))
            good = read_boolean(parser, value, &header->must_understand);
        else if (wwi_string_is(name, "relay"))
            header->relay = wwi_envelope_relays(version, value);
    }
    return good;
}

/* Which standard header it is; WWI_STANDARD_HEADERS: none. */
static wws_header standard_header(const struct wwi_envelope_parser *parser)
{
    wws_header header = 0;

    if (parser->addressing.size == 0
        || !wwi_string_equal(parser->reader->name.ns, parser->addressing))
        return WWI_STANDARD_HEADERS;
    while (header < WWI_STANDARD_HEADERS && !wwi_string_equal(
        parser->reader->name.local, wwi_addressing_name(header)))
        header++;
    return header;
}

static bool is_reply_uri(
    const struct wwi_envelope_parser *parser,
    wws_string value)
{
    wws_string ns = parser->addressing;

    return value.size == ns.size + 6
        && memcmp(value.data, ns.data, ns.size) == 0
        && memcmp(value.data + ns.size, "/reply", 6) == 0;
}

/* In 2004 it was a qualified name. */
static bool is_reply_name(
    const struct wwi_envelope_parser *parser,
    wws_string value)
{
    const char *colon = memchr(value.data, ':', value.size);
    wws_string prefix = { value.data, 0 };
    wws_string ns;

    if (colon == NULL)
        return false;
    prefix.size = (size_t) (colon - value.data);
    return value.size - prefix.size == 6 && memcmp(colon, ":Reply", 6) == 0
        && wwi_xml_reader_lookup(parser->reader, prefix, &ns)
        && wwi_string_equal(ns, parser->addressing);
}

/* Whether a RelatesTo names the message that this one replies to. */
static bool is_reply_relation(const struct wwi_envelope_parser *parser)
{
    const struct wwi_xml_reader *reader = parser->reader;

    for (size_t i = 0; i < reader->attribute_count; i++) {
        const struct wwi_xml_attribute *attribute = &reader->attributes[i];
        wws_string value = wwi_envelope_trim(attribute->value);

        if (attribute->name.ns.size != 0
            || !wwi_string_is(attribute->name.local, "RelationshipType"))
            continue;
        return is_reply_uri(parser, value) || is_reply_name(parser, value);
    }
    return true;
}

static bool read_parameters(
    struct wwi_envelope_parser *parser,
    wws_header header)
{
    struct wwi_envelope *envelope = parser->envelope;
    struct wwi_envelope_parameter *parameter;

    while (wwi_envelope_next_child(parser)) {
        if (envelope->parameter_count == envelope->parameter_room) {
            uint32_t room = envelope->parameter_room * 2 + 4;
            void *more = wwi_realloc(
                envelope->parameters, room * sizeof *parameter);

            if (more == NULL)
                return wwi_envelope_no_memory(parser);
            envelope->parameters = more;
            envelope->parameter_room = room;
        }
        parameter = &envelope->parameters[envelope->parameter_count];
        *parameter = (struct wwi_envelope_parameter) { .header = header };
        if (!wwi_envelope_read_part(parser, &parameter->part))
            return false;
        envelope->parameter_count++;
    }
    return parser->status >= 0;
}

/* Reads the address of an endpoint, and what belongs into messages to it. */
static bool read_endpoint(
    struct wwi_envelope_parser *parser,
    wws_header header,
    wws_string *address)
{
    const struct wwi_xml_name *name = &parser->reader->name;
    bool good;

    while (wwi_envelope_next_child(parser)) {
        bool known = wwi_string_equal(name->ns, parser->addressing);

        if (known && wwi_string_is(name->local, "Address")
            && address->data == NULL)
            good = wwi_envelope_read_text(parser, address);
        else if (known && (wwi_string_is(name->local, "ReferenceParameters")
            || wwi_string_is(name->local, "ReferenceProperties")))
            good = read_parameters(parser, header);
        else
            good = wwi_envelope_skip(parser);
        if (!good)
            return false;
    }
    return parser->status >= 0;
}

/* The first problem is the one that is told. */
static void note_problem(
    struct wwi_envelope *envelope,
    enum wwi_envelope_problem problem,
    wws_header header)
{
    if (envelope->problem != WWI_ENVELOPE_FINE)
        return;
    envelope->problem = problem;
    envelope->problem_header = header;
}

static bool read_standard_header(
    struct wwi_envelope_parser *parser,
    wws_header header)
{
    struct wwi_envelope *envelope = parser->envelope;
    bool endpoint = wwi_addressing_is_endpoint(header);
    wws_string text = { 0 };

    if (header == WWS_HEADER_RELATES_TO && (!is_reply_relation(parser)
        || envelope->standard[header].data != NULL))
        return wwi_envelope_skip(parser);
    if (endpoint ? !read_endpoint(parser, header, &text)
        : !wwi_envelope_read_text(parser, &text))
        return false;
    if (text.data == NULL)
        note_problem(envelope, WWI_ENVELOPE_INVALID_ADDRESS, header);
    else if (envelope->standard[header].data != NULL)
        note_problem(envelope, WWI_ENVELOPE_DUPLICATE_HEADER, header);
    else
        envelope->standard[header] = text;
    return true;
}

static struct wwi_envelope_header *new_header(
    struct wwi_envelope_parser *parser)
{
    struct wwi_envelope *envelope = parser->envelope;
    uint32_t most = parser->options->max_headers;
    uint32_t room;
    void *more;

    if (most != 0 && envelope->header_count >= most) {
        wwi_envelope_fail(parser, WWS_E_QUOTA_EXCEEDED, "too many headers");
        return NULL;
    }
    if (envelope->header_count == envelope->header_room) {
        room = envelope->header_room * 2 + 8;
        more = wwi_realloc(
            envelope->headers, room * sizeof *envelope->headers);
        if (more == NULL) {
            wwi_envelope_no_memory(parser);
            return NULL;
        }
        envelope->headers = more;
        envelope->header_room = room;
    }
    return &envelope->headers[envelope->header_count];
}

static bool read_block(struct wwi_envelope_parser *parser)
{
    struct wwi_envelope_header *header = new_header(parser);
    wws_header standard = WWI_STANDARD_HEADERS;
    bool ours;

    if (header == NULL)
        return false;
    *header = (struct wwi_envelope_header) {
        .local = view_local(parser),
        .ns = keep_namespace(parser),
    };
    if (header->ns.data == NULL)
        return wwi_envelope_no_memory(parser);
    if (header->ns.size == 0)
        return wwi_envelope_refuse(parser, "a header that is in no namespace");
    if (!read_block_attributes(parser, header))
        return false;
    ours = is_our_role(parser, header->role);
    header->must_understand = header->must_understand && ours;
    if (ours)
        standard = standard_header(parser);
    parser->envelope->header_count++;
    header->standard = standard != WWI_STANDARD_HEADERS;
    if (header->standard)
        return read_standard_header(parser, standard);
    return wwi_envelope_read_part(parser, &header->part);
}

bool wwi_envelope_read_headers(struct wwi_envelope_parser *parser)
{
    while (wwi_envelope_next_child(parser))
        if (!read_block(parser))
            return false;
    return parser->status >= 0;
}
