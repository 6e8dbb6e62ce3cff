/* Handles: numbers that stand for objects, of which a stale, foreign or made-up
 * one is found out and never followed.
 *
 * An id is 24 bits of index, 8 of kind and 32 of generation.  A slot keeps the
 * generation and the count of references in one word, so that looking a handle
 * up is one load and one exchange, without a lock.  The generation of a live
 * handle is odd; closing the handle makes it even at once, while references
 * keep the object.  Slots are reused oldest first, are never unmapped, and
 * retire when their generation is spent.
 *
 * The table belongs to the process.  After fork the child refuses all ids that
 * it inherited. */
#ifndef WWI_TABLE_H
#define WWI_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "wws/types.h"

enum wwi_kind {
    WWI_KIND_NONE,
    WWI_KIND_RUNTIME,
    WWI_KIND_ERROR,
    WWI_KIND_QUEUE,
    WWI_KIND_MESSAGE,
    WWI_KIND_CHANNEL,
    WWI_KIND_LISTENER,
    WWI_KIND_SERVICE_PROXY,
    WWI_KIND_CALL,
    WWI_KIND_SERVICE_HOST,
    WWI_KIND_OPERATION,
    WWI_KIND_TRANSPORT_TASK,
};

/* The first member of everything that a handle stands for. */
struct wwi_object {
    uint64_t id;
    /* Runs when the handle is closed and the last reference is gone, on the
     * thread that gave it back, with no lock held. */
    void (*destroy)(struct wwi_object *object);
};

/* Gives the object a handle, whose reference is the first.  Fails with
 * WWS_E_OUTOFMEMORY when the table is full. */
wws_status wwi_object_init(
    struct wwi_object *object,
    enum wwi_kind kind,
    void (*destroy)(struct wwi_object *object));

/* Makes the handle stale; false if it was already.  The reference that came
 * with the handle is the caller's to give back. */
bool wwi_object_close(struct wwi_object *object);

void wwi_object_ref(struct wwi_object *object);
void wwi_object_unref(struct wwi_object *object);
/* For who found the object in a list that its destruction takes it out of:
 * false if the last reference is gone already. */
bool wwi_object_try_ref(struct wwi_object *object);

/* The object with one more reference: WWS_E_INVALIDARG for zero, WWS_E_HANDLE
 * for a stale or foreign handle, WWS_E_FORKED for one of the parent process. */
wws_status wwi_table_get(uint64_t id, enum wwi_kind kind, void *object);

/* Handles that are open. */
uint64_t wwi_table_count(void);

/* For tests: the highest number of slots from now on, 0 for the default. */
void wwi_table_limit(uint32_t slots);

#endif
