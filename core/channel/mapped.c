/* The fields of the transport that go with a message.  What is removed leaves
 * its octets behind until the message is reset. */
#include "core/channel/mapped.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"

enum { KEEP_SIZE = 4096 };

/* Fields that frame a message, belong to a connection, or are the channel's. */
static const char *const reserved[] = {
    "Connection", "Content-Encoding", "Content-Length", "Content-Type",
    "Expect", "Host", "HTTP2-Settings", "Keep-Alive", "SOAPAction", "TE",
    "Trailer", "Transfer-Encoding", "Upgrade",
};

void wwi_mapped_fini(struct wwi_mapped *mapped)
{
    wwi_bytes_fini(&mapped->text);
    wwi_free(mapped->list);
    *mapped = (struct wwi_mapped) { 0 };
}

void wwi_mapped_reset(struct wwi_mapped *mapped)
{
    wwi_bytes_reset(&mapped->text, KEEP_SIZE);
    mapped->count = 0;
}

wws_status wwi_mapped_add(
    struct wwi_mapped *mapped,
    wws_string name,
    wws_string value)
{
    struct wwi_bytes *text = &mapped->text;
    size_t before = text->size;
    uint32_t room = mapped->room * 2 + 8;
    void *more;

    if (mapped->count == mapped->room) {
        more = wwi_realloc(mapped->list, room * sizeof *mapped->list);
        if (more == NULL)
            return WWS_E_OUTOFMEMORY;
        mapped->list = more;
        mapped->room = room;
    }
    wwi_bytes_append_string(text, name);
    wwi_bytes_append_string(text, value);
    if (text->failed) {
        text->failed = false;
        text->size = before;
        return WWS_E_OUTOFMEMORY;
    }
    mapped->list[mapped->count++] = (struct wwi_mapped_field) {
        before, name.size, before + name.size, value.size };
    return WWS_S_OK;
}

void wwi_mapped_at(
    const struct wwi_mapped *mapped,
    uint32_t index,
    wws_string *name,
    wws_string *value)
{
    const struct wwi_mapped_field *field = &mapped->list[index];
    const char *text = (const char *) mapped->text.data;

    *name = (wws_string) { text + field->name, field->name_size };
    *value = (wws_string) { text + field->value, field->value_size };
}

bool wwi_mapped_next(
    const void *state,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    const struct wwi_mapped *mapped = state;

    if (*index >= mapped->count)
        return false;
    wwi_mapped_at(mapped, (*index)++, name, value);
    return true;
}

bool wwi_mapped_find(
    const struct wwi_mapped *mapped,
    wws_string name,
    wws_string *value)
{
    wws_string its_name;

    for (uint32_t i = 0; i < mapped->count; i++) {
        wwi_mapped_at(mapped, i, &its_name, value);
        if (wwi_string_equal_nocase(its_name, name))
            return true;
    }
    return false;
}

bool wwi_mapped_remove(struct wwi_mapped *mapped, wws_string name)
{
    wws_string its_name, value;
    uint32_t kept = 0;
    bool found;

    for (uint32_t i = 0; i < mapped->count; i++) {
        wwi_mapped_at(mapped, i, &its_name, &value);
        if (!wwi_string_equal_nocase(its_name, name))
            mapped->list[kept++] = mapped->list[i];
    }
    found = kept != mapped->count;
    mapped->count = kept;
    return found;
}

static bool is_token(wws_string name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
            && (c < '0' || c > '9')
            && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return name.size != 0;
}

static bool is_reserved(wws_string name)
{
    wws_string start = { name.data, 6 };

    if (name.size >= 6 && wwi_string_equal_nocase(start, WWS_STR("Proxy-")))
        return true;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (wwi_string_equal_nocase(name, wwi_string(reserved[i])))
            return true;
    return false;
}

const char *wwi_mapped_refusal(wws_string name, wws_string value)
{
    if (!is_token(name))
        return "the name is not that of a field";
    if (is_reserved(name))
        return "the field is not the application's to set";
    for (size_t i = 0; i < value.size; i++) {
        unsigned char c = (unsigned char) value.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7F)
            return "the value has a control character";
    }
    return NULL;
}
