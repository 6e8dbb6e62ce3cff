/* The XML writer.
 *
 * A start tag stays open, `in_tag`, until content or the end arrives.  What an
 * attribute needs declared is written there and then, and only ever with a
 * prefix that stood for nothing before: rebinding one could change what the
 * tag has said already.  Only an element's own prefix may be bound anew. */
#include "core/xml/writer.h"

#include <stdio.h>
#include <string.h>

#include "core/xml/chars.h"
#include "core/xml/escape.h"

enum { DEPTH = 32 };

static void fail(struct wwi_xml_writer *writer, wws_status status)
{
    if (writer->status == 0)
        writer->status = status;
}

static void append_escaped(
    struct wwi_xml_writer *writer,
    wws_string text,
    bool in_value)
{
    if (!wwi_xml_escape(writer->out, text, in_value))
        fail(writer, WWS_E_INVALID_FORMAT);
}

static void append_name(
    struct wwi_xml_writer *writer,
    wws_string prefix,
    wws_string local)
{
    wwi_bytes_append_string(writer->out, prefix);
    if (prefix.size != 0)
        wwi_bytes_append_char(writer->out, ':');
    wwi_bytes_append_string(writer->out, local);
}

static void append_value(struct wwi_xml_writer *writer, wws_string value)
{
    wwi_bytes_append(writer->out, "=\"", 2);
    if (value.size != 0)
        append_escaped(writer, value, true);
    wwi_bytes_append_char(writer->out, '"');
}

static void append_declaration(
    struct wwi_xml_writer *writer,
    wws_string prefix,
    wws_string ns)
{
    wwi_bytes_append_char(writer->out, ' ');
    if (prefix.size == 0)
        wwi_bytes_append_text(writer->out, "xmlns");
    else
        append_name(writer, WWS_STR("xmlns"), prefix);
    append_value(writer, ns);
}

/* Whether a prefix may stand for a namespace at all. */
static bool may_bind(wws_string prefix, wws_string ns)
{
    if (prefix.size == 0)
        return !wwi_xml_equal(ns, WWS_STR(WWI_XML_NAMESPACE))
            && !wwi_xml_equal(ns, WWS_STR(WWI_XMLNS_NAMESPACE));
    return ns.size != 0 && wwi_xml_is_name(prefix)
        && !wwi_xml_equal(prefix, WWS_STR("xmlns"))
        && !wwi_xml_equal(ns, WWS_STR(WWI_XMLNS_NAMESPACE))
        && wwi_xml_equal(prefix, WWS_STR("xml"))
            == wwi_xml_equal(ns, WWS_STR(WWI_XML_NAMESPACE));
}

/* Whether content may be written here; closes the start tag before it. */
static bool begin_content(struct wwi_xml_writer *writer)
{
    if (writer->status != 0)
        return false;
    if (writer->depth == 0 && !writer->options.fragment) {
        fail(writer, WWS_E_INVALID_OPERATION);
        return false;
    }
    if (writer->in_tag)
        wwi_bytes_append_char(writer->out, '>');
    writer->in_tag = false;
    return true;
}

/* Whether an element of this name may start here. */
static bool may_start(
    struct wwi_xml_writer *writer,
    wws_string prefix,
    wws_string local,
    wws_string ns)
{
    if (writer->status != 0)
        return false;
    if (!wwi_xml_is_name(local) || !may_bind(prefix, ns))
        fail(writer, WWS_E_INVALID_FORMAT);
    else if (writer->depth >= writer->options.depth)
        fail(writer, WWS_E_QUOTA_EXCEEDED);
    else if (writer->depth == 0 && writer->rooted && !writer->options.fragment)
        fail(writer, WWS_E_INVALID_OPERATION);
    return writer->status == 0;
}

void wwi_xml_writer_start(
    struct wwi_xml_writer *writer,
    wws_string prefix,
    wws_string local,
    wws_string ns)
{
    struct wwi_xml_name own;
    wws_string name;
    size_t at;

    if (!may_start(writer, prefix, local, ns))
        return;
    wwi_bytes_append_text(writer->out, writer->in_tag ? "><" : "<");
    at = writer->out->size;
    append_name(writer, prefix, local);
    if (!writer->out->failed) {
        name.data = (const char *) writer->out->data + at;
        name.size = writer->out->size - at;
    }
    if (writer->out->failed
        || !wwi_xml_scope_push(&writer->scope, name, prefix.size)) {
        fail(writer, WWS_E_OUTOFMEMORY);
        return;
    }
    writer->depth++;
    writer->rooted = true;
    writer->in_tag = true;
    writer->attributes.size = 0;
    /* The caller's prefix may be a view of the scope, which has grown. */
    wwi_xml_scope_top(&writer->scope, &own);
    if (wwi_xml_equal(own.ns, ns))
        return;
    append_declaration(writer, own.prefix, ns);
    if (!wwi_xml_scope_declare_own(&writer->scope, ns))
        fail(writer, WWS_E_OUTOFMEMORY);
}

/* A prefix, not empty, that stands for the namespace: the wanted one if it
 * does, else the innermost. */
static bool find_prefix(
    const struct wwi_xml_writer *writer,
    wws_string wanted,
    wws_string ns,
    wws_string *prefix)
{
    struct wwi_xml_namespace found;
    size_t index = 0;

    *prefix = wanted;
    if (wanted.size != 0 && wwi_xml_scope_find(&writer->scope, wanted, prefix)
        && wwi_xml_equal(*prefix, ns)) {
        *prefix = wanted;
        return true;
    }
    while (wwi_xml_scope_next(&writer->scope, &index, &found)) {
        if (found.prefix.size != 0 && wwi_xml_equal(found.uri, ns)) {
            *prefix = found.prefix;
            return true;
        }
    }
    *prefix = WWS_STR("");
    return false;
}

/* Binds the wanted prefix, if it is free, or else one of our own: ns1, ns2 and
 * so on. */
static void bind_prefix(
    struct wwi_xml_writer *writer,
    wws_string prefix,
    wws_string ns)
{
    char made[16];
    wws_string bound;

    while (prefix.size == 0
        || wwi_xml_scope_find(&writer->scope, prefix, &bound)) {
        int size = snprintf(made, sizeof made, "ns%u",
            (unsigned) ++writer->generated);

        prefix = (wws_string) { made, (size_t) size };
    }
    append_declaration(writer, prefix, ns);
    if (!wwi_xml_scope_declare(&writer->scope, prefix, ns))
        fail(writer, WWS_E_OUTOFMEMORY);
}

wws_string wwi_xml_writer_declare(
    struct wwi_xml_writer *writer,
    wws_string wanted,
    wws_string ns)
{
    wws_string prefix = { "", 0 };

    if (writer->status != 0)
        return prefix;
    if (!writer->in_tag) {
        fail(writer, WWS_E_INVALID_OPERATION);
        return prefix;
    }
    if (wwi_xml_equal(ns, WWS_STR(WWI_XML_NAMESPACE)))
        return WWS_STR("xml");
    if (ns.size == 0 || !may_bind(wanted, ns)) {
        fail(writer, WWS_E_INVALID_FORMAT);
        return prefix;
    }
    if (!find_prefix(writer, wanted, ns, &prefix)) {
        bind_prefix(writer, wanted, ns);
        if (writer->status == 0)
            find_prefix(writer, prefix, ns, &prefix);
    }
    return prefix;
}

/* The attributes of the open tag are remembered as keys: local name, NUL,
 * namespace, NUL.  Neither part can hold a NUL itself. */
static size_t key_size(const char *key)
{
    size_t local_size = strlen(key) + 1;

    return local_size + strlen(key + local_size) + 1;
}

/* Adds a key; false when the tag has it already. */
static bool add_key(
    struct wwi_xml_writer *writer,
    wws_string local,
    wws_string ns)
{
    struct wwi_bytes *keys = &writer->attributes;
    size_t begin = keys->size;
    size_t size = local.size + ns.size + 2;

    wwi_bytes_append_string(keys, local);
    wwi_bytes_append_char(keys, '\0');
    wwi_bytes_append_string(keys, ns);
    wwi_bytes_append_char(keys, '\0');
    if (keys->failed) {
        fail(writer, WWS_E_OUTOFMEMORY);
        return true;
    }
    for (size_t at = 0; at < begin;) {
        const char *key = (const char *) keys->data + at;

        at += key_size(key);
        if (key_size(key) == size
            && memcmp(key, keys->data + begin, size) == 0)
            return false;
    }
    return true;
}

void wwi_xml_writer_attribute(
    struct wwi_xml_writer *writer,
    wws_string prefix,
    wws_string local,
    wws_string ns,
    wws_string value)
{
    if (writer->status != 0)
        return;
    if (!writer->in_tag) {
        fail(writer, WWS_E_INVALID_OPERATION);
        return;
    }
    if (!wwi_xml_is_name(local)
        || (ns.size == 0
            && (prefix.size != 0 || wwi_xml_equal(local, WWS_STR("xmlns"))))) {
        fail(writer, WWS_E_INVALID_FORMAT);
        return;
    }
    if (ns.size != 0)
        prefix = wwi_xml_writer_declare(writer, prefix, ns);
    if (writer->status == 0 && !add_key(writer, local, ns))
        fail(writer, WWS_E_INVALID_FORMAT);
    if (writer->status != 0)
        return;
    wwi_bytes_append_char(writer->out, ' ');
    append_name(writer, prefix, local);
    append_value(writer, value);
}

void wwi_xml_writer_text(struct wwi_xml_writer *writer, wws_string text)
{
    if (text.size != 0 && begin_content(writer))
        append_escaped(writer, text, false);
}

void wwi_xml_writer_raw(
    struct wwi_xml_writer *writer,
    const void *data,
    size_t size)
{
    if (size != 0 && begin_content(writer))
        wwi_bytes_append(writer->out, data, size);
}

void wwi_xml_writer_end(struct wwi_xml_writer *writer)
{
    if (writer->status != 0)
        return;
    if (writer->depth == 0) {
        fail(writer, WWS_E_INVALID_OPERATION);
        return;
    }
    if (writer->in_tag) {
        wwi_bytes_append(writer->out, "/>", 2);
    } else {
        wwi_bytes_append(writer->out, "</", 2);
        wwi_bytes_append_string(writer->out,
            wwi_xml_scope_name(&writer->scope));
        wwi_bytes_append_char(writer->out, '>');
    }
    wwi_xml_scope_pop(&writer->scope);
    writer->depth--;
    writer->in_tag = false;
}

wws_status wwi_xml_writer_finish(struct wwi_xml_writer *writer)
{
    if (writer->out->failed)
        fail(writer, WWS_E_OUTOFMEMORY);
    if (writer->depth != 0 || (!writer->rooted && !writer->options.fragment))
        fail(writer, WWS_E_INVALID_OPERATION);
    return writer->status;
}

void wwi_xml_writer_init(
    struct wwi_xml_writer *writer,
    struct wwi_bytes *out,
    const struct wwi_xml_writer_options *options)
{
    *writer = (struct wwi_xml_writer) { .out = out };
    if (options != NULL)
        writer->options = *options;
    if (writer->options.depth == 0)
        writer->options.depth = DEPTH;
}

void wwi_xml_writer_fini(struct wwi_xml_writer *writer)
{
    wwi_xml_scope_fini(&writer->scope);
    wwi_bytes_fini(&writer->attributes);
    *writer = (struct wwi_xml_writer) { 0 };
}
