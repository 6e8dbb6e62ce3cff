/* What core would offer to the veneer of the small interface. */
#ifndef OPERATION_H
#define OPERATION_H

#include "wws/types.h"

struct wwi_channel;
struct wwi_error;
struct wwi_operation;

wws_status wwi_operation_cancel(struct wwi_operation *operation);
wws_status wwi_operation_complete(
    struct wwi_operation *operation,
    wws_status status,
    struct wwi_error *error);
wws_status wwi_operation_get_channel(
    struct wwi_operation *operation,
    wws_channel *channel,
    uint32_t *index,
    struct wwi_error *error);
wws_status wwi_operation_forward(
    struct wwi_operation *operation,
    struct wwi_channel *channel,
    struct wwi_error *error);

#endif
