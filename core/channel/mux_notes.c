/* What goes with the octets of a message through a mux: it has to outlive the
 * call or the event that it came with. */
#include "core/channel/mux_parts.h"

#include <string.h>

/* In front of each field. */
struct sizes {
    uint32_t name;
    uint32_t value;
};

static void append_field(
    struct wwi_bytes *block,
    wws_string name,
    wws_string value)
{
    struct sizes sizes = {
        .name = (uint32_t) name.size,
        .value = (uint32_t) value.size,
    };

    wwi_bytes_append(block, &sizes, sizeof sizes);
    wwi_bytes_append_string(block, name);
    wwi_bytes_append_string(block, value);
}

static size_t size_of_fields(const struct wwi_fields *fields)
{
    uint32_t index = 0;
    wws_string name, value;
    size_t size = 0;

    while (fields->next != NULL
        && fields->next(fields->state, &index, &name, &value))
        size += sizeof(struct sizes) + name.size + value.size;
    return size;
}

bool wwi_mux_notes_copy(
    struct wwi_mux_notes *notes,
    wws_string action,
    wws_string id,
    const struct wwi_fields *fields)
{
    struct wwi_bytes *block = &notes->block;
    uint32_t index = 0;
    wws_string name, value;

    /* Very many may wait for their replies. */
    if (!wwi_bytes_fit(block, action.size + id.size + size_of_fields(fields)))
        return false;
    wwi_bytes_append_string(block, action);
    notes->action_size = action.size;
    wwi_bytes_append_string(block, id);
    notes->id_size = id.size;
    while (fields->next != NULL
        && fields->next(fields->state, &index, &name, &value))
        append_field(block, name, value);
    return !block->failed;
}

wws_string wwi_mux_notes_action(const struct wwi_mux_notes *notes)
{
    return (wws_string) {
        (const char *) notes->block.data, notes->action_size };
}

wws_string wwi_mux_notes_id(const struct wwi_mux_notes *notes)
{
    const char *text = (const char *) notes->block.data;

    if (notes->id_size == 0)
        return WWS_STR("");
    return (wws_string) { text + notes->action_size, notes->id_size };
}

/* The index is the place of the field behind the id. */
static bool next_field(
    const void *state,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    const struct wwi_mux_notes *notes = state;
    size_t at = notes->action_size + notes->id_size + *index;
    const char *text;
    struct sizes sizes;

    if (at >= notes->block.size)
        return false;
    memcpy(&sizes, notes->block.data + at, sizeof sizes);
    text = (const char *) notes->block.data + at + sizeof sizes;
    *name = (wws_string) { text, sizes.name };
    *value = (wws_string) { text + sizes.name, sizes.value };
    *index += (uint32_t) sizeof sizes + sizes.name + sizes.value;
    return true;
}

struct wwi_fields wwi_mux_notes_fields(const struct wwi_mux_notes *notes)
{
    return (struct wwi_fields) { .next = next_field, .state = notes };
}
