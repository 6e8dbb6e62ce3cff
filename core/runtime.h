/* The runtime as the interface shows it. */
#ifndef WWI_RUNTIME_H
#define WWI_RUNTIME_H

#include "core/io/engine.h"

struct wwi_error;

wws_status wwi_runtime_create(
    const wws_runtime_options *options,
    wws_runtime *runtime,
    struct wwi_error *error);
wws_status wwi_runtime_set_log(
    struct wwi_runtime *self,
    wws_log_level level,
    const wws_log_callbacks *callbacks,
    struct wwi_error *error);
wws_status wwi_runtime_get_counter(
    struct wwi_runtime *self,
    wws_counter counter,
    uint64_t *value,
    struct wwi_error *error);
wws_status wwi_runtime_close(
    struct wwi_runtime *self,
    uint32_t timeout_ms,
    struct wwi_error *error);
wws_status wwi_runtime_free(struct wwi_runtime *self);

#endif
