/* Events that a program fetches itself. */
#include "core/io/queue.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/gate.h"
#include "core/base/lock.h"
#include "core/base/memory.h"

struct wwi_queue {
    struct wwi_object object;
    int fd;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        struct wwi_list entries;
        bool freed;
    } synced;
};

static void destroy(struct wwi_object *object)
{
    struct wwi_queue *queue = WWI_CONTAINER(object, struct wwi_queue, object);

    close(queue->fd);
    wwi_lock_fini(&queue->synced.lock);
    wwi_free(queue);
}

wws_status wwi_queue_create(
    struct wwi_runtime *runtime,
    wws_queue *handle,
    struct wwi_error *error)
{
    struct wwi_queue *queue = wwi_alloc_zero(sizeof *queue);

    (void) runtime;
    if (queue == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for a queue");
    queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->fd < 0
        || wwi_object_init(&queue->object, WWI_KIND_QUEUE, destroy) < 0) {
        if (queue->fd >= 0)
            close(queue->fd);
        wwi_free(queue);
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no descriptor or handle for a queue");
    }
    wwi_lock_init(&queue->synced.lock, WWI_RANK_QUEUE);
    wwi_list_init(&queue->synced.entries);
    handle->id = queue->object.id;
    return WWS_S_OK;
}

wws_status wwi_queue_free(struct wwi_queue *queue)
{
    struct wwi_list entries;
    struct wwi_link *link;

    if (!wwi_object_close(&queue->object))
        return WWS_E_HANDLE;
    wwi_list_init(&entries);
    wwi_lock_take(&queue->synced.lock);
    queue->synced.freed = true;
    wwi_list_move(&entries, &queue->synced.entries);
    wwi_lock_give(&queue->synced.lock);
    while ((link = wwi_list_take(&entries)) != NULL) {
        struct wwi_queue_entry *entry = WWI_CONTAINER(link,
            struct wwi_queue_entry, link);

        entry->drop(entry);
    }
    wwi_object_unref(&queue->object);
    return WWS_S_OK;
}

wws_status wwi_queue_get_fd(
    struct wwi_queue *queue,
    int32_t *fd,
    struct wwi_error *error)
{
    (void) error;
    *fd = queue->fd;
    return WWS_S_OK;
}

static struct wwi_queue_entry *take(struct wwi_queue *queue)
{
    struct wwi_link *link;
    eventfd_t value;

    wwi_lock_take(&queue->synced.lock);
    link = wwi_list_take(&queue->synced.entries);
    if (link != NULL && wwi_list_empty(&queue->synced.entries))
        (void) eventfd_read(queue->fd, &value);
    wwi_lock_give(&queue->synced.lock);
    return link == NULL ? NULL
        : WWI_CONTAINER(link, struct wwi_queue_entry, link);
}

wws_status wwi_queue_next(
    struct wwi_queue *queue,
    uint32_t capacity,
    wws_event *events,
    uint32_t *count,
    struct wwi_error *error)
{
    char *at = (char *) events;
    uint32_t size = events->struct_size;
    uint32_t fetched = 0;

    if (capacity == 0)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "capacity must not be 0");
    while (fetched < capacity) {
        struct wwi_queue_entry *entry = take(queue);
        wws_event event = WWS_EVENT_INIT;

        if (entry == NULL)
            break;
        WWI_GATE(QUEUE_FETCHED);
        entry->fetch(entry, &event);
        /* A newer caller's size may leave the next event unaligned. */
        memcpy(at, &size, sizeof size);
        wwi_record_put(at, &event, sizeof event);
        at += size;
        fetched++;
    }
    *count = fetched;
    return WWS_S_OK;
}

void wwi_queue_add(struct wwi_queue *queue, struct wwi_queue_entry *entry)
{
    bool freed;

    wwi_lock_take(&queue->synced.lock);
    freed = queue->synced.freed;
    if (!freed) {
        if (wwi_list_empty(&queue->synced.entries))
            (void) eventfd_write(queue->fd, 1);
        wwi_list_append(&queue->synced.entries, &entry->link);
    }
    wwi_lock_give(&queue->synced.lock);
    if (freed)
        entry->drop(entry);
}

void wwi_queue_unref(struct wwi_queue *queue)
{
    wwi_object_unref(&queue->object);
}
