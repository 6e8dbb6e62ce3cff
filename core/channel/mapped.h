/* The fields of the transport that go with a message: names and values, in one
 * run of octets. */
#ifndef WWI_MAPPED_H
#define WWI_MAPPED_H

#include "core/base/bytes.h"
#include "wws/base.h"
#include "wws/types.h"

/* Places in mapped.text. */
struct wwi_mapped_field {
    size_t name;
    size_t name_size;
    size_t value;
    size_t value_size;
};

struct wwi_mapped {
    struct wwi_bytes text;
    struct wwi_mapped_field *list;
    uint32_t count;
    uint32_t room;
};

/* All zero has no fields; fini returns to that, reset keeps memory. */
void wwi_mapped_fini(struct wwi_mapped *mapped);
void wwi_mapped_reset(struct wwi_mapped *mapped);

/* Copies a field, whatever it is; fails only when there is no memory. */
wws_status wwi_mapped_add(
    struct wwi_mapped *mapped,
    wws_string name,
    wws_string value);
/* The field at index, which counts to mapped.count. */
void wwi_mapped_at(
    const struct wwi_mapped *mapped,
    uint32_t index,
    wws_string *name,
    wws_string *value);
/* The same for who steps through them: state is the wwi_mapped, *index begins
 * at 0. */
bool wwi_mapped_next(
    const void *state,
    uint32_t *index,
    wws_string *name,
    wws_string *value);
/* The first of that name in any case. */
bool wwi_mapped_find(
    const struct wwi_mapped *mapped,
    wws_string name,
    wws_string *value);
/* Removes all of that name and says whether there were any. */
bool wwi_mapped_remove(struct wwi_mapped *mapped, wws_string name);

/* Whether an application may send such a field: null, or why not. */
const char *wwi_mapped_refusal(wws_string name, wws_string value);

#endif
