/* Declarations of what veneers call, to see that they compile. */
#ifndef ADOPT_H
#define ADOPT_H

#include "wws/types.h"

struct wwi_error;

enum wwi_kind {
    WWI_KIND_RUNTIME,
    WWI_KIND_ERROR,
    WWI_KIND_QUEUE,
    WWI_KIND_CHANNEL,
    WWI_KIND_OPERATION,
    WWI_KIND_ERRAND
};

wws_status wwi_enter(
    uint64_t id,
    enum wwi_kind kind,
    const char *name,
    struct wwi_error *error,
    void *object_out);
wws_status wwi_enter_to_free(uint64_t id, enum wwi_kind kind, void *object);
wws_status wwi_enter_optional(
    uint64_t id,
    enum wwi_kind kind,
    const char *name,
    struct wwi_error *error,
    void *object_out);
void wwi_leave(void *object);
wws_status wwi_invalid_argument(struct wwi_error *error, const char *name);
bool wwi_adopt(
    void *ours,
    const uint32_t *sizes,
    size_t sizes_count,
    const void *theirs);
bool wwi_adopt_record(
    const void *theirs,
    const uint32_t *sizes,
    size_t sizes_count);
bool wwi_text_valid(wws_string text);
bool wwi_bytes_valid(wws_bytes bytes);

#endif
