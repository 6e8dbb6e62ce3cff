/* Events that a program fetches itself.
 *
 * Entries are embedded in what they tell of, so that adding one cannot fail.
 * The descriptor is readable exactly while there are entries. */
#ifndef WWI_QUEUE_H
#define WWI_QUEUE_H

#include "core/base/list.h"
#include "core/base/table.h"
#include "wws/types.h"

struct wwi_runtime;
struct wwi_error;
struct wwi_queue;

struct wwi_queue_entry {
    struct wwi_link link;
    /* Writes the event, on the thread that fetches it.  The last touch. */
    void (*fetch)(struct wwi_queue_entry *entry, wws_event *event);
    /* The queue is gone.  The last touch. */
    void (*drop)(struct wwi_queue_entry *entry);
};

wws_status wwi_queue_create(
    struct wwi_runtime *runtime,
    wws_queue *queue,
    struct wwi_error *error);
wws_status wwi_queue_free(struct wwi_queue *queue);
wws_status wwi_queue_get_fd(
    struct wwi_queue *queue,
    int32_t *fd,
    struct wwi_error *error);
wws_status wwi_queue_next(
    struct wwi_queue *queue,
    uint32_t capacity,
    wws_event *events,
    uint32_t *count,
    struct wwi_error *error);

/* Holds a reference to the queue; the entry belongs to the queue until it is
 * fetched or dropped. */
void wwi_queue_add(struct wwi_queue *queue, struct wwi_queue_entry *entry);
void wwi_queue_unref(struct wwi_queue *queue);

#endif
