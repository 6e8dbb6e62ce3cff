/* What the generated veneer stands on: handles to objects, and structs of other
 * versions to ours. */
#ifndef WWI_ADOPT_H
#define WWI_ADOPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/table.h"
#include "wws/types.h"

struct wwi_error;

/* The object behind a handle, with a reference: E_INVALIDARG for zero,
 * WWS_E_HANDLE for one that is stale or of another kind. */
wws_status wwi_enter(
    uint64_t id,
    enum wwi_kind kind,
    const char *name,
    struct wwi_error *error,
    void *object);
/* The same, but zero is a null object. */
wws_status wwi_enter_optional(
    uint64_t id,
    enum wwi_kind kind,
    const char *name,
    struct wwi_error *error,
    void *object);
/* For giving a handle back, which is done for zero and, in a forked child, for
 * the parent's: the object is null then. */
wws_status wwi_enter_to_free(uint64_t id, enum wwi_kind kind, void *object);
/* Gives the reference back; null is fine. */
void wwi_leave(void *object);

wws_status wwi_invalid_argument(struct wwi_error *error, const char *name);

/* Lays a caller's struct, older or newer than ours, over our defaults.  The
 * sizes are those of all versions, the last being ours. */
bool wwi_adopt(
    void *ours,
    const uint32_t *sizes,
    size_t sizes_count,
    const void *theirs);
/* Whether a struct that we are to fill in has a size we can deal with. */
bool wwi_adopt_record(
    const void *theirs,
    const uint32_t *sizes,
    size_t sizes_count);

bool wwi_text_valid(wws_string text);
bool wwi_bytes_valid(wws_bytes bytes);

#endif
