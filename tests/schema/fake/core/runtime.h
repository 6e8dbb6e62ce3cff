/* What core would offer to the veneer of the small interface. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include "wws/types.h"

struct wwi_error;
struct wwi_runtime;

wws_status wwi_runtime_create(wws_runtime *runtime, struct wwi_error *error);
wws_status wwi_runtime_free(struct wwi_runtime *runtime);
wws_status wwi_runtime_log(
    struct wwi_runtime *runtime,
    wws_detail detail,
    const wws_string *lines,
    size_t lines_count,
    const uint32_t *numbers,
    size_t numbers_count,
    struct wwi_error *error);

#endif
