/* Content-Type and SOAPAction values.
 *
 * A media type is a view of the field it was parsed from; values of parameters
 * are copied out, because quoting may have to be undone. */
#ifndef WWI_MEDIA_TYPE_H
#define WWI_MEDIA_TYPE_H

#include "core/base/bytes.h"
#include "core/base/text.h"
#include "wws/types.h"

struct wwi_fields;

struct wwi_media_type {
    wws_string type;        /* "text/xml", case as sent */
    wws_string parameters;  /* from the first ';' on, checked */
};

/* False if it is malformed or has a parameter twice. */
bool wwi_media_type_parse(struct wwi_media_type *media_type, wws_string text);
bool wwi_media_type_is(
    const struct wwi_media_type *media_type,
    const char *type);
/* Appends the unquoted value; false if there is no such parameter. */
bool wwi_media_type_parameter(
    const struct wwi_media_type *media_type,
    const char *name,
    struct wwi_bytes *value);
/* The encoding that its charset names. */
enum wwi_charset wwi_media_type_charset(
    const struct wwi_media_type *media_type);
/* That of the Content-Type among what a transport gives. */
enum wwi_charset wwi_fields_charset(const struct wwi_fields *fields);
/* Appends the SOAP action: that of start-info, else the type's own.  False if
 * there is neither. */
bool wwi_media_type_action(
    const struct wwi_media_type *media_type,
    struct wwi_bytes *action);

/* Appends `; name="value"`, quoted as needed; false, with nothing appended, if
 * the value cannot stand in a field. */
bool wwi_media_type_append(
    struct wwi_bytes *out,
    const char *name,
    wws_string value);

/* The action of a SOAPAction value, quoted or not: a view.  False if a quote
 * stands alone or inside. */
bool wwi_soap_action_parse(wws_string value, wws_string *action);

#endif
