/* What the generated veneer stands on.  An older caller's struct is shorter:
 * what it lacks keeps its default.  A newer caller's is longer: what we lack
 * must be zero, or it asks for something we do not do. */
#include "adopt.h"

#include <stdatomic.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/text.h"

enum { LARGEST_STRUCT = 4096 };

/* An asynchronous function may be writing to it just now. */
static wws_status check_error(struct wwi_error *entered)
{
    if (!atomic_load(&entered->pending))
        return WWS_S_OK;
    wwi_object_unref(&entered->object);
    return WWS_E_INVALID_OPERATION;
}

wws_status wwi_enter(
    uint64_t id,
    enum wwi_kind kind,
    const char *name,
    struct wwi_error *error,
    void *object)
{
    wws_status status = wwi_table_get(id, kind, object);

    if (status == WWS_S_OK && kind == WWI_KIND_ERROR)
        status = check_error(*(struct wwi_error **) object);
    switch (status) {
    case WWS_E_INVALIDARG:
        return wwi_fail(error, status, "%s: a handle is required", name);
    case WWS_E_HANDLE:
        return wwi_fail(error, status,
            "%s: the handle is stale, or of another kind of object", name);
    case WWS_E_FORKED:
        return wwi_fail(error, status,
            "%s: the handle belongs to the parent process", name);
    default:
        return status;
    }
}

wws_status wwi_enter_optional(
    uint64_t id,
    enum wwi_kind kind,
    const char *name,
    struct wwi_error *error,
    void *object)
{
    if (id != 0)
        return wwi_enter(id, kind, name, error, object);
    *(void **) object = NULL;
    return WWS_S_OK;
}

wws_status wwi_enter_to_free(uint64_t id, enum wwi_kind kind, void *object)
{
    wws_status status = wwi_table_get(id, kind, object);

    return id == 0 || status == WWS_E_FORKED ? WWS_S_OK : status;
}

void wwi_leave(void *object)
{
    if (object != NULL)
        wwi_object_unref(object);
}

wws_status wwi_invalid_argument(struct wwi_error *error, const char *name)
{
    return wwi_fail(error, WWS_E_INVALIDARG,
        "%s: null, empty, of a wrong size or an unknown value", name);
}

static bool size_known(
    uint32_t size,
    const uint32_t *sizes,
    size_t sizes_count)
{
    for (size_t i = 0; i < sizes_count; i++)
        if (size == sizes[i])
            return true;
    return size > sizes[sizes_count - 1] && size <= LARGEST_STRUCT;
}

static bool zero_behind(const void *data, uint32_t from, uint32_t size)
{
    const uint8_t *octets = data;

    for (uint32_t i = from; i < size; i++)
        if (octets[i] != 0)
            return false;
    return true;
}

bool wwi_adopt(
    void *ours,
    const uint32_t *sizes,
    size_t sizes_count,
    const void *theirs)
{
    uint32_t our_size = sizes[sizes_count - 1];
    uint32_t their_size;

    if (theirs == NULL)
        return true;
    memcpy(&their_size, theirs, sizeof their_size);
    if (!size_known(their_size, sizes, sizes_count)
        || !zero_behind(theirs, our_size, their_size))
        return false;
    memcpy(ours, theirs, their_size < our_size ? their_size : our_size);
    memcpy(ours, &our_size, sizeof our_size);
    return true;
}

bool wwi_adopt_record(
    const void *theirs,
    const uint32_t *sizes,
    size_t sizes_count)
{
    uint32_t their_size;

    memcpy(&their_size, theirs, sizeof their_size);
    return size_known(their_size, sizes, sizes_count);
}

bool wwi_text_valid(wws_string text)
{
    return text.size == 0
        || (text.data != NULL && wwi_utf8_valid(text.data, text.size));
}

bool wwi_bytes_valid(wws_bytes bytes)
{
    return bytes.size == 0 || bytes.data != NULL;
}
