/* The table of handles.  A slot is reached without a lock: its chunk is mapped
 * once and stays, and the generation decides whether it is still the one that
 * an id was made for. */
#include "core/base/table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#include "core/base/lock.h"

enum {
    INDEX_BITS = 24,
    KIND_SHIFT = 24,
    GENERATION_SHIFT = 32,
    CHUNK_SLOTS = 2048,
    CHUNKS = (1 << INDEX_BITS) / CHUNK_SLOTS,
    NO_SLOT = -1,
};

struct slot {
    _Atomic uint64_t word; /* generation, then count of references */
    struct wwi_object *object;
    int32_t next_free;
    uint32_t epoch;
    uint8_t kind;
};

static _Atomic(struct slot *) chunks[CHUNKS];
static _Atomic uint64_t open_handles;
static _Atomic uint32_t epoch;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct {
    struct wwi_lock lock;
    int32_t first_free;
    int32_t last_free;
    uint32_t used;
    uint32_t limit;
} synced;

static void before_fork(void)
{
    pthread_mutex_lock(&synced.lock.mutex);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&synced.lock.mutex);
}

static void after_fork_in_child(void)
{
    wwi_lock_init(&synced.lock, WWI_RANK_TABLE);
    atomic_fetch_add(&epoch, 1);
}

static void set_up(void)
{
    wwi_lock_init(&synced.lock, WWI_RANK_TABLE);
    synced.first_free = synced.last_free = NO_SLOT;
    synced.limit = 1u << INDEX_BITS;
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static uint32_t generation_of(uint64_t word)
{
    return (uint32_t) (word >> GENERATION_SHIFT);
}

static struct slot *slot_at(uint32_t index)
{
    struct slot *chunk = atomic_load_explicit(&chunks[index / CHUNK_SLOTS],
        memory_order_acquire);

    return chunk == NULL ? NULL : &chunk[index % CHUNK_SLOTS];
}

static struct slot *slot_of(uint64_t id)
{
    return slot_at((uint32_t) (id & ((1u << INDEX_BITS) - 1)));
}

static int32_t new_slot_locked(void)
{
    uint32_t index = synced.used;
    struct slot *chunk;

    if (index >= synced.limit)
        return NO_SLOT;
    if (slot_at(index) == NULL) {
        chunk = mmap(NULL, CHUNK_SLOTS * sizeof *chunk, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (chunk == MAP_FAILED)
            return NO_SLOT;
        atomic_store_explicit(&chunks[index / CHUNK_SLOTS], chunk,
            memory_order_release);
    }
    synced.used++;
    return (int32_t) index;
}

static int32_t take_slot_locked(void)
{
    int32_t index = synced.first_free;

    if (index == NO_SLOT)
        return new_slot_locked();
    synced.first_free = slot_at((uint32_t) index)->next_free;
    if (synced.first_free == NO_SLOT)
        synced.last_free = NO_SLOT;
    return index;
}

static void give_slot(uint64_t id)
{
    int32_t index = (int32_t) (id & ((1u << INDEX_BITS) - 1));
    struct slot *slot = slot_at((uint32_t) index);

    if (generation_of(atomic_load(&slot->word)) == 0)
        return; /* spent: retired */
    wwi_lock_take(&synced.lock);
    slot->next_free = NO_SLOT;
    if (synced.last_free == NO_SLOT)
        synced.first_free = index;
    else
        slot_at((uint32_t) synced.last_free)->next_free = index;
    synced.last_free = index;
    wwi_lock_give(&synced.lock);
}

wws_status wwi_object_init(
    struct wwi_object *object,
    enum wwi_kind kind,
    void (*destroy)(struct wwi_object *object))
{
    struct slot *slot;
    uint64_t generation;
    int32_t index;

    pthread_once(&once, set_up);
    wwi_lock_take(&synced.lock);
    index = take_slot_locked();
    wwi_lock_give(&synced.lock);
    if (index == NO_SLOT)
        return WWS_E_OUTOFMEMORY;
    slot = slot_at((uint32_t) index);
    generation = generation_of(atomic_load(&slot->word)) + 1u;
    slot->object = object;
    slot->kind = (uint8_t) kind;
    slot->epoch = atomic_load(&epoch);
    object->id = generation << GENERATION_SHIFT
        | (uint64_t) kind << KIND_SHIFT | (uint64_t) index;
    object->destroy = destroy;
    atomic_fetch_add(&open_handles, 1);
    atomic_store_explicit(&slot->word, generation << GENERATION_SHIFT | 1,
        memory_order_release);
    return WWS_S_OK;
}

bool wwi_object_close(struct wwi_object *object)
{
    struct slot *slot = slot_of(object->id);
    uint64_t word = atomic_load(&slot->word);
    uint64_t next;

    do {
        if (generation_of(word) != generation_of(object->id))
            return false;
        next = (word & UINT32_MAX)
            | (uint64_t) (generation_of(word) + 1u) << GENERATION_SHIFT;
    } while (!atomic_compare_exchange_weak(&slot->word, &word, next));
    atomic_fetch_sub(&open_handles, 1);
    return true;
}

void wwi_object_ref(struct wwi_object *object)
{
    atomic_fetch_add_explicit(&slot_of(object->id)->word, 1,
        memory_order_relaxed);
}

void wwi_object_unref(struct wwi_object *object)
{
    uint64_t id = object->id;
    uint64_t word = atomic_fetch_sub_explicit(&slot_of(id)->word, 1,
        memory_order_acq_rel);

    if ((word & UINT32_MAX) != 1)
        return;
    object->destroy(object);
    give_slot(id);
}

bool wwi_object_try_ref(struct wwi_object *object)
{
    struct slot *slot = slot_of(object->id);
    uint64_t word = atomic_load(&slot->word);

    do {
        if ((word & UINT32_MAX) == 0)
            return false;
    } while (!atomic_compare_exchange_weak(&slot->word, &word, word + 1));
    return true;
}

static bool take_reference(struct slot *slot, uint64_t id)
{
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_acquire);

    do {
        if (generation_of(word) != generation_of(id)
            || (generation_of(word) & 1) == 0)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&slot->word, &word,
        word + 1, memory_order_acq_rel, memory_order_acquire));
    return true;
}

wws_status wwi_table_get(uint64_t id, enum wwi_kind kind, void *object)
{
    struct slot *slot = slot_of(id);
    wws_status status = WWS_S_OK;

    if (id == 0)
        return WWS_E_INVALIDARG;
    if (slot == NULL || (id >> KIND_SHIFT & 0xFF) != (uint64_t) kind)
        return WWS_E_HANDLE;
    if (!take_reference(slot, id))
        return WWS_E_HANDLE;
    if (slot->kind != (uint8_t) kind)
        status = WWS_E_HANDLE;
    else if (slot->epoch != atomic_load(&epoch))
        status = WWS_E_FORKED;
    if (status == WWS_S_OK)
        *(struct wwi_object **) object = slot->object;
    else
        wwi_object_unref(slot->object);
    return status;
}

uint64_t wwi_table_count(void)
{
    return atomic_load(&open_handles);
}

void wwi_table_limit(uint32_t slots)
{
    pthread_once(&once, set_up);
    wwi_lock_take(&synced.lock);
    synced.limit = slots != 0 ? slots : 1u << INDEX_BITS;
    wwi_lock_give(&synced.lock);
}
