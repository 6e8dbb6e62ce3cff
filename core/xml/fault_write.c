/* Writes faults, as elements that stand for themselves. */
#include "core/base/text.h"
#include "core/xml/escape.h"
#include "core/xml/fault.h"

struct output {
    const wws_fault_info *fault;
    wws_string soap;
    struct wwi_bytes *out;
    bool bad_text;
};

static void put(struct output *output, const char *text)
{
    wwi_bytes_append_text(output->out, text);
}

static void put_text(struct output *output, wws_string text)
{
    if (!wwi_xml_escape(output->out, text, false))
        output->bad_text = true;
}

static void put_value(struct output *output, wws_string text)
{
    if (!wwi_xml_escape(output->out, text, true))
        output->bad_text = true;
}

static void put_element(
    struct output *output,
    const char *name,
    wws_string text)
{
    put(output, "<");
    put(output, name);
    put(output, ">");
    put_text(output, text);
    put(output, "</");
    put(output, name);
    put(output, ">");
}

/* An element whose content is a qualified name. */
static void put_name(
    struct output *output,
    const char *element,
    wws_string ns,
    wws_string local)
{
    const char *prefix = "e:";

    if (ns.size == 0)
        prefix = "";
    else if (wwi_string_equal(ns, output->soap))
        prefix = "s:";
    put(output, "<");
    put(output, element);
    if (*prefix == 'e') {
        put(output, " xmlns:e=\"");
        put_value(output, ns);
        put(output, "\"");
    }
    put(output, ">");
    put(output, prefix);
    put_text(output, local);
    put(output, "</");
    put(output, element);
    put(output, ">");
}

static const char *code_name(wws_fault_code code, bool old)
{
    switch (code) {
    case WWS_FAULT_CODE_SENDER: return old ? "Client" : "Sender";
    case WWS_FAULT_CODE_MUST_UNDERSTAND: return "MustUnderstand";
    case WWS_FAULT_CODE_VERSION_MISMATCH: return "VersionMismatch";
    case WWS_FAULT_CODE_DATA_ENCODING_UNKNOWN:
        return old ? "Client" : "DataEncodingUnknown";
    default: return old ? "Server" : "Receiver";
    }
}

static void put_reason(
    struct output *output,
    const char *element,
    wws_string reason,
    wws_string language)
{
    put(output, "<");
    put(output, element);
    put(output, " xml:lang=\"");
    put_value(output, language);
    put(output, "\">");
    put_text(output, reason);
    put(output, "</");
    put(output, element);
    put(output, ">");
}

static void put_detail(struct output *output, const char *element)
{
    wws_bytes detail = output->fault->detail;

    if (detail.size == 0)
        return;
    put(output, "<");
    put(output, element);
    put(output, ">");
    wwi_bytes_append(output->out, detail.data, detail.size);
    put(output, "</");
    put(output, element);
    put(output, ">");
}

/* SOAP 1.1 has room for one code: the most specific one. */
static void put_fault_1_1(struct output *output)
{
    const wws_fault_info *fault = output->fault;

    if (fault->subcode_name.size != 0)
        put_name(output, "faultcode", fault->subcode_namespace,
            fault->subcode_name);
    else
        put_name(output, "faultcode", output->soap,
            wwi_string(code_name(fault->code, true)));
    put_reason(output, "faultstring", fault->reason, fault->language);
    if (fault->actor.size != 0)
        put_element(output, "faultactor", fault->actor);
    put_detail(output, "detail");
}

static void put_subcode(struct output *output, wws_string ns, wws_string local)
{
    put(output, "<s:Subcode>");
    put_name(output, "s:Value", ns, local);
}

static void put_codes(struct output *output)
{
    const wws_fault_info *fault = output->fault;
    size_t outer = fault->outer_subcode_names_count;

    put(output, "<s:Code>");
    put_name(output, "s:Value", output->soap,
        wwi_string(code_name(fault->code, false)));
    for (size_t i = 0; i < outer; i++)
        put_subcode(output, fault->outer_subcode_namespaces[i],
            fault->outer_subcode_names[i]);
    if (fault->subcode_name.size != 0) {
        put_subcode(output, fault->subcode_namespace, fault->subcode_name);
        put(output, "</s:Subcode>");
    }
    for (size_t i = 0; i < outer; i++)
        put(output, "</s:Subcode>");
    put(output, "</s:Code>");
}

static void put_fault_1_2(struct output *output)
{
    const wws_fault_info *fault = output->fault;

    put_codes(output);
    put(output, "<s:Reason>");
    put_reason(output, "s:Text", fault->reason, fault->language);
    for (size_t i = 0; i < fault->further_reasons_count; i++)
        put_reason(output, "s:Text", fault->further_reasons[i],
            fault->further_languages[i]);
    put(output, "</s:Reason>");
    if (fault->node.size != 0)
        put_element(output, "s:Node", fault->node);
    if (fault->actor.size != 0)
        put_element(output, "s:Role", fault->actor);
    put_detail(output, "s:Detail");
}

wws_status wwi_fault_write(
    const wws_fault_info *fault,
    wws_envelope_version version,
    struct wwi_bytes *out)
{
    struct output output = {
        .fault = fault,
        .soap = wwi_envelope_namespace(version),
        .out = out,
    };

    put(&output, "<s:Fault xmlns:s=\"");
    put_value(&output, output.soap);
    put(&output, "\">");
    if (version == WWS_ENVELOPE_VERSION_SOAP_1_1)
        put_fault_1_1(&output);
    else
        put_fault_1_2(&output);
    put(&output, "</s:Fault>");
    if (out->failed)
        return WWS_E_OUTOFMEMORY;
    return output.bad_text ? WWS_E_INVALID_FORMAT : WWS_S_OK;
}
