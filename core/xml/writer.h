/* Writes XML text onto a run of octets.
 *
 * The first failure sticks and everything after it does nothing: write freely
 * and look once, at what finish() returns.  What it writes is well-formed
 * whatever it is asked for, but for raw octets: those are the caller's word. */
#ifndef WWI_XML_WRITER_H
#define WWI_XML_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/xml/scope.h"
#include "wws/base.h"
#include "wws/types.h"

struct wwi_xml_writer_options {
    uint32_t depth; /* elements open at most; 0 means 32 */
    bool fragment;  /* any number of roots, and text outside of them */
};

struct wwi_xml_writer {
    /* 0, or why nothing is written any more; read only to the caller. */
    wws_status status;
    uint32_t depth;

    /* The writer's own; see writer.c. */
    struct wwi_bytes *out;
    struct wwi_xml_writer_options options;
    struct wwi_xml_scope scope;
    struct wwi_bytes attributes;
    uint32_t generated;
    bool in_tag;
    bool rooted;
};

/* Appends to `out`, which outlives the writer; the caller may take octets away
 * from it between two calls.  No options means all defaults. */
void wwi_xml_writer_init(
    struct wwi_xml_writer *writer,
    struct wwi_bytes *out,
    const struct wwi_xml_writer_options *options);
void wwi_xml_writer_fini(struct wwi_xml_writer *writer);

/* Opens an element, declaring its prefix when that does not yet stand for its
 * namespace.  An empty prefix means the default namespace; an empty namespace
 * needs an empty prefix.  Names must be without colons. */
void wwi_xml_writer_start(
    struct wwi_xml_writer *writer,
    wws_string prefix,
    wws_string local,
    wws_string ns);

/* An attribute of the element just started.  One in a namespace gets the prefix
 * if that is free or stands for the namespace already, else another one. */
void wwi_xml_writer_attribute(
    struct wwi_xml_writer *writer,
    wws_string prefix,
    wws_string local,
    wws_string ns,
    wws_string value);

/* For names in content: makes some prefix stand for a namespace, from the
 * element just started on, and returns it: one that does already, else `wanted`
 * if that is free, else another one.  The view holds until the next call; it is
 * empty after a failure. */
wws_string wwi_xml_writer_declare(
    struct wwi_xml_writer *writer,
    wws_string wanted,
    wws_string ns);

/* Escapes what needs it.  Octets that are not UTF-8 or characters that XML
 * forbids are refused with WWS_E_INVALID_FORMAT. */
void wwi_xml_writer_text(struct wwi_xml_writer *writer, wws_string text);

/* Content that is known to be well-formed and to bring its own namespaces. */
void wwi_xml_writer_raw(
    struct wwi_xml_writer *writer,
    const void *data,
    size_t size);

/* Ends the innermost element; one without content is written `<a/>`. */
void wwi_xml_writer_end(struct wwi_xml_writer *writer);

/* The first failure.  Elements left open, or no element at all unless in a
 * fragment, are WWS_E_INVALID_OPERATION; WWS_E_OUTOFMEMORY covers `out`. */
wws_status wwi_xml_writer_finish(struct wwi_xml_writer *writer);

#endif
