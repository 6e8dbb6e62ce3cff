/* The stack of open elements.  An element's record says how far the store and
 * the declarations reached before it, so that popping is going back there. */
#include "core/xml/scope.h"

#include <string.h>

struct wwi_xml_open {
    size_t name_at; /* in the store, as everything that is of the element */
    size_t name_size;
    size_t prefix_size;
    uint32_t count; /* of declarations around it */
};

struct wwi_xml_declaration {
    size_t prefix_at; /* in the store */
    size_t prefix_size;
    size_t uri_at;
    size_t uri_size;
};

void wwi_xml_scope_fini(struct wwi_xml_scope *scope)
{
    wwi_bytes_fini(&scope->store);
    wwi_bytes_fini(&scope->elements);
    wwi_bytes_fini(&scope->declarations);
    *scope = (struct wwi_xml_scope) { 0 };
}

void wwi_xml_scope_reset(struct wwi_xml_scope *scope, size_t keep)
{
    wwi_bytes_reset(&scope->store, keep);
    wwi_bytes_reset(&scope->elements, keep);
    wwi_bytes_reset(&scope->declarations, keep);
    scope->depth = 0;
    scope->count = 0;
}

/* Room for more, which nearly always there is: elements come often. */
static inline void *room(struct wwi_bytes *bytes, size_t size)
{
    if (bytes->capacity - bytes->size >= size)
        return bytes->data + bytes->size;
    return wwi_bytes_reserve(bytes, size);
}

static const struct wwi_xml_open *innermost(const struct wwi_xml_scope *scope)
{
    return (const struct wwi_xml_open *) (const void *) scope->elements.data
        + (scope->depth - 1);
}

static const struct wwi_xml_declaration *declaration(
    const struct wwi_xml_scope *scope,
    size_t index)
{
    return (const struct wwi_xml_declaration *)
        (const void *) scope->declarations.data + index;
}

bool wwi_xml_scope_push(
    struct wwi_xml_scope *scope,
    wws_string name,
    size_t prefix_size)
{
    struct wwi_xml_open *element =
        room(&scope->elements, sizeof *element);
    uint8_t *to = room(&scope->store, name.size);

    if (element == NULL || to == NULL)
        return false;
    memcpy(to, name.data, name.size);
    element->name_at = scope->store.size;
    element->name_size = name.size;
    element->prefix_size = prefix_size;
    element->count = scope->count;
    scope->store.size += name.size;
    scope->elements.size += sizeof *element;
    scope->depth++;
    return true;
}

void wwi_xml_scope_pop(struct wwi_xml_scope *scope)
{
    const struct wwi_xml_open *element = innermost(scope);

    scope->store.size = element->name_at;
    scope->count = element->count;
    scope->declarations.size =
        scope->count * sizeof(struct wwi_xml_declaration);
    scope->elements.size -= sizeof *element;
    scope->depth--;
}

static bool add_declaration(
    struct wwi_xml_scope *scope,
    size_t prefix_at,
    size_t prefix_size,
    wws_string uri)
{
    struct wwi_xml_declaration added = {
        .prefix_at = prefix_at,
        .prefix_size = prefix_size,
        .uri_at = scope->store.size,
        .uri_size = uri.size,
    };

    wwi_bytes_append_string(&scope->store, uri);
    wwi_bytes_append(&scope->declarations, &added, sizeof added);
    if (scope->store.failed || scope->declarations.failed)
        return false;
    scope->count++;
    return true;
}

bool wwi_xml_scope_declare(
    struct wwi_xml_scope *scope,
    wws_string prefix,
    wws_string uri)
{
    size_t at = scope->store.size;

    wwi_bytes_append_string(&scope->store, prefix);
    return add_declaration(scope, at, prefix.size, uri);
}

bool wwi_xml_scope_declare_own(struct wwi_xml_scope *scope, wws_string uri)
{
    const struct wwi_xml_open *element = innermost(scope);

    return add_declaration(scope, element->name_at, element->prefix_size, uri);
}

static wws_string view(
    const struct wwi_xml_scope *scope,
    size_t at,
    size_t size)
{
    return (wws_string) { (const char *) scope->store.data + at, size };
}

wws_string wwi_xml_scope_name(const struct wwi_xml_scope *scope)
{
    const struct wwi_xml_open *element = innermost(scope);

    return view(scope, element->name_at, element->name_size);
}

static wws_string prefix_of(const struct wwi_xml_scope *scope, size_t index)
{
    const struct wwi_xml_declaration *found = declaration(scope, index);

    return view(scope, found->prefix_at, found->prefix_size);
}

static wws_string uri_of(const struct wwi_xml_scope *scope, size_t index)
{
    const struct wwi_xml_declaration *found = declaration(scope, index);

    return view(scope, found->uri_at, found->uri_size);
}

bool wwi_xml_scope_find(
    const struct wwi_xml_scope *scope,
    wws_string prefix,
    wws_string *uri)
{
    for (size_t i = scope->count; i-- > 0;) {
        if (wwi_xml_equal(prefix_of(scope, i), prefix)) {
            *uri = uri_of(scope, i);
            return true;
        }
    }
    *uri = WWS_STR("");
    if (wwi_xml_equal(prefix, WWS_STR("xml")))
        *uri = WWS_STR(WWI_XML_NAMESPACE);
    return uri->size != 0 || prefix.size == 0;
}

void wwi_xml_scope_top(
    const struct wwi_xml_scope *scope,
    struct wwi_xml_name *name)
{
    const struct wwi_xml_open *element = innermost(scope);
    size_t skipped = element->prefix_size == 0 ? 0 : element->prefix_size + 1;

    name->prefix = view(scope, element->name_at, element->prefix_size);
    name->local = view(scope, element->name_at + skipped,
        element->name_size - skipped);
    wwi_xml_scope_find(scope, name->prefix, &name->ns);
}

bool wwi_xml_scope_declares(
    const struct wwi_xml_scope *scope,
    wws_string prefix)
{
    for (size_t i = innermost(scope)->count; i < scope->count;
         i++)
        if (wwi_xml_equal(prefix_of(scope, i), prefix))
            return true;
    return false;
}

static bool hidden(const struct wwi_xml_scope *scope, size_t index)
{
    for (size_t i = index + 1; i < scope->count; i++)
        if (wwi_xml_equal(prefix_of(scope, i), prefix_of(scope, index)))
            return true;
    return false;
}

bool wwi_xml_scope_next(
    const struct wwi_xml_scope *scope,
    size_t *index,
    struct wwi_xml_namespace *found)
{
    while (*index < scope->count) {
        size_t i = scope->count - ++*index;

        if (hidden(scope, i) || declaration(scope, i)->uri_size == 0)
            continue;
        *found = (struct wwi_xml_namespace) {
            .prefix = prefix_of(scope, i),
            .uri = uri_of(scope, i),
            .here = i >= innermost(scope)->count,
        };
        return true;
    }
    return false;
}
