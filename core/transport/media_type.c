/* Media types: checked whole when parsed, so that looking up a parameter later
 * cannot fail. */
#include "core/transport/media_type.h"

#include <string.h>

#include "core/transport/http_char.h"
#include "core/transport/transport.h"

/* OWS ";" OWS [ name "=" value ], the value with its quotes; the name is empty
 * where nothing stands between two semicolons. */
static bool take_parameter(
    wws_string *text,
    wws_string *name,
    wws_string *value)
{
    *text = wwi_text_skip_blank(*text);
    if (!wwi_text_take_char(text, ';'))
        return false;
    *text = wwi_text_skip_blank(*text);
    *value = WWS_STR("");
    *name = wwi_text_take(text, WWI_CHAR_TOKEN);
    if (name->size == 0)
        return true;
    if (!wwi_text_take_char(text, '='))
        return false;
    *value = wwi_text_take_quoted(text);
    if (value->size == 0)
        *value = wwi_text_take(text, WWI_CHAR_TOKEN);
    return value->size != 0;
}

/* The value of the parameter with its quotes. */
static bool find(wws_string parameters, wws_string wanted, wws_string *value)
{
    wws_string name;

    while (take_parameter(&parameters, &name, value)) {
        if (name.size != 0 && wwi_text_same(name, wanted))
            return true;
    }
    return false;
}

/* More parameters than anyone sends; looking for doubles is quadratic. */
enum { MOST_PARAMETERS = 32 };

static bool check_parameters(wws_string parameters)
{
    wws_string name, value, ignored;

    for (int count = 0; parameters.size != 0; count++) {
        if (count == MOST_PARAMETERS
            || !take_parameter(&parameters, &name, &value))
            return false;
        if (name.size != 0 && find(parameters, name, &ignored))
            return false;
    }
    return true;
}

bool wwi_media_type_parse(struct wwi_media_type *media_type, wws_string text)
{
    wws_string rest = wwi_text_trim(text);
    wws_string type = rest;

    if (wwi_text_take(&rest, WWI_CHAR_TOKEN).size == 0
        || !wwi_text_take_char(&rest, '/')
        || wwi_text_take(&rest, WWI_CHAR_TOKEN).size == 0)
        return false;
    type.size -= rest.size;
    if (!check_parameters(rest))
        return false;
    *media_type = (struct wwi_media_type) { type, rest };
    return true;
}

bool wwi_media_type_is(
    const struct wwi_media_type *media_type,
    const char *type)
{
    return wwi_text_is(media_type->type, type);
}

static void append_unquoted(struct wwi_bytes *out, wws_string value)
{
    size_t run = 0;

    if (value.data[0] != '"') {
        wwi_bytes_append_string(out, value);
        return;
    }
    for (size_t i = 1; i < value.size - 1; i += run) {
        i += value.data[i] == '\\';
        run = 1;
        while (value.data[i + run] != '\\' && i + run < value.size - 1)
            run++;
        wwi_bytes_append(out, value.data + i, run);
    }
}

bool wwi_media_type_parameter(
    const struct wwi_media_type *media_type,
    const char *name,
    struct wwi_bytes *value)
{
    wws_string found;

    if (!find(media_type->parameters, (wws_string) { name, strlen(name) },
            &found))
        return false;
    append_unquoted(value, found);
    return true;
}

/* The first octets of the value, as many as there is room for. */
static wws_string unquote(wws_string value, char *to, size_t room)
{
    bool quoted = value.data[0] == '"';
    size_t size = 0;

    for (size_t i = quoted; i < value.size - quoted && size < room; i++) {
        i += quoted && value.data[i] == '\\';
        to[size++] = value.data[i];
    }
    return (wws_string) { to, size };
}

enum wwi_charset wwi_media_type_charset(
    const struct wwi_media_type *media_type)
{
    wws_string value;
    char name[16]; /* longer than any that we know */

    if (!find(media_type->parameters, WWS_STR("charset"), &value))
        return WWI_CHARSET_UNSAID;
    return wwi_charset_named(unquote(value, name, sizeof name));
}

enum wwi_charset wwi_fields_charset(const struct wwi_fields *fields)
{
    struct wwi_media_type type;
    wws_string name, value;
    uint32_t index = 0;

    while (fields->next != NULL
        && fields->next(fields->state, &index, &name, &value)) {
        if (wwi_text_is(name, "Content-Type"))
            return wwi_media_type_parse(&type, value)
                ? wwi_media_type_charset(&type) : WWI_CHARSET_UNSAID;
    }
    return WWI_CHARSET_UNSAID;
}

/* start-info="application/soap+xml; action=\"...\"" */
static bool inner_action(
    const struct wwi_media_type *media_type,
    struct wwi_bytes *action)
{
    struct wwi_media_type inner;
    struct wwi_bytes text = { 0 };
    bool found = wwi_media_type_parameter(media_type, "start-info", &text);

    if (text.failed)
        action->failed = true;
    else if (found)
        found = wwi_media_type_parse(&inner,
                (wws_string) { (const char *) text.data, text.size })
            && wwi_media_type_parameter(&inner, "action", action);
    wwi_bytes_fini(&text);
    return found;
}

bool wwi_media_type_action(
    const struct wwi_media_type *media_type,
    struct wwi_bytes *action)
{
    return inner_action(media_type, action)
        || wwi_media_type_parameter(media_type, "action", action);
}

bool wwi_media_type_append(
    struct wwi_bytes *out,
    const char *name,
    wws_string value)
{
    if (value.size != 0 && !wwi_text_is_all(value, WWI_CHAR_TEXT))
        return false;
    wwi_bytes_append_text(out, "; ");
    wwi_bytes_append_text(out, name);
    wwi_bytes_append_text(out, "=\"");
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\')
            wwi_bytes_append_char(out, '\\');
        wwi_bytes_append_char(out, value.data[i]);
    }
    wwi_bytes_append_char(out, '"');
    return true;
}

bool wwi_soap_action_parse(wws_string value, wws_string *action)
{
    bool quoted;

    value = wwi_text_trim(value);
    quoted = wwi_text_take_char(&value, '"');
    if (quoted && (value.size == 0 || value.data[value.size - 1] != '"'))
        return false;
    value.size -= quoted;
    if (value.size != 0 && memchr(value.data, '"', value.size) != NULL)
        return false;
    *action = value;
    return true;
}
