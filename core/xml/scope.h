/* The open elements and the namespace declarations they carry: what a reader
 * and a writer both keep.
 *
 * Everything lives in one store of octets that grows and shrinks with the
 * elements, so a view into it holds only until the next push or declare. */
#ifndef WWI_XML_SCOPE_H
#define WWI_XML_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/bytes.h"
#include "wws/base.h"

#define WWI_XML_NAMESPACE "http://www.w3.org/XML/1998/namespace"
#define WWI_XMLNS_NAMESPACE "http://www.w3.org/2000/xmlns/"

struct wwi_xml_name {
    wws_string prefix; /* as written; empty: none */
    wws_string local;
    wws_string ns;     /* empty: in no namespace */
};

/* Strings of size 0 may be null. */
static inline bool wwi_xml_equal(wws_string a, wws_string b)
{
    return a.size == b.size
        && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

struct wwi_xml_namespace {
    wws_string prefix; /* empty: the default namespace */
    wws_string uri;    /* empty: xmlns="" */
    bool here;         /* declared on the innermost element itself */
};

struct wwi_xml_scope {
    struct wwi_bytes store;        /* names, prefixes, uris */
    struct wwi_bytes elements;     /* an array, outermost first */
    struct wwi_bytes declarations; /* likewise */
    uint32_t depth;                /* of elements */
    uint32_t count;                /* of declarations */
};

/* All zero is an empty scope; fini returns to that. */
void wwi_xml_scope_fini(struct wwi_xml_scope *scope);
/* Forgets all elements, keeping up to `keep` octets of each buffer. */
void wwi_xml_scope_reset(struct wwi_xml_scope *scope, size_t keep);

/* Opens an element named as written (prefix:local); false when there is no
 * memory. */
bool wwi_xml_scope_push(
    struct wwi_xml_scope *scope,
    wws_string name,
    size_t prefix_size);
void wwi_xml_scope_pop(struct wwi_xml_scope *scope);

/* Adds a declaration to the innermost element; false if there is no memory. */
bool wwi_xml_scope_declare(
    struct wwi_xml_scope *scope,
    wws_string prefix,
    wws_string uri);
/* The same for the prefix that the element itself has. */
bool wwi_xml_scope_declare_own(struct wwi_xml_scope *scope, wws_string uri);

/* Of the innermost element: as written, and taken apart. */
wws_string wwi_xml_scope_name(const struct wwi_xml_scope *scope);
void wwi_xml_scope_top(
    const struct wwi_xml_scope *scope,
    struct wwi_xml_name *name);

/* The namespace a prefix stands for.  The empty prefix is always found, with an
 * empty uri where there is no default namespace; xml is always found too. */
bool wwi_xml_scope_find(
    const struct wwi_xml_scope *scope,
    wws_string prefix,
    wws_string *uri);

/* Whether the innermost element itself declares the prefix. */
bool wwi_xml_scope_declares(
    const struct wwi_xml_scope *scope,
    wws_string prefix);

/* Steps through the declarations in force, innermost first; *index begins at 0.
 * Those that an inner one hides are left out, so are those that only hide. */
bool wwi_xml_scope_next(
    const struct wwi_xml_scope *scope,
    size_t *index,
    struct wwi_xml_namespace *found);

#endif
