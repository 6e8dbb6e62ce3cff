/* What core would offer to the veneer of the small interface. */
#ifndef QUEUE_H
#define QUEUE_H

#include "wws/types.h"

struct wwi_error;
struct wwi_queue;
struct wwi_runtime;

wws_status wwi_queue_create(
    struct wwi_runtime *runtime,
    wws_queue *queue,
    struct wwi_error *error);
wws_status wwi_queue_next(
    struct wwi_queue *queue,
    uint32_t capacity,
    wws_event *events,
    uint32_t *count,
    struct wwi_error *error);
wws_status wwi_queue_free(struct wwi_queue *queue);

#endif
