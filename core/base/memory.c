/* Allocation, counted.  The counters are kept in release builds too: they cost
 * a relaxed addition and let every installed library be tested for leaks. */
#include "core/base/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint_fast64_t live;
static atomic_uint_fast64_t asked;
static atomic_uint_fast64_t fail_at;
static atomic_bool fail_every;

static bool may_allocate(void)
{
    uint64_t number = atomic_fetch_add_explicit(&asked, 1,
        memory_order_relaxed) + 1;
    uint64_t limit = atomic_load_explicit(&fail_at, memory_order_relaxed);

    if (limit == 0 || number < limit)
        return true;
    return number > limit
        && !atomic_load_explicit(&fail_every, memory_order_relaxed);
}

static void *count(void *block)
{
    if (block != NULL)
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return block;
}

void *wwi_alloc(size_t size)
{
    if (!may_allocate())
        return NULL;
    return count(malloc(size != 0 ? size : 1));
}

void *wwi_alloc_zero(size_t size)
{
    if (!may_allocate())
        return NULL;
    return count(calloc(1, size != 0 ? size : 1));
}

void *wwi_realloc(void *block, size_t size)
{
    if (block == NULL)
        return wwi_alloc(size);
    if (!may_allocate())
        return NULL;
    return realloc(block, size != 0 ? size : 1);
}

void wwi_free(void *block)
{
    if (block == NULL)
        return;
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    free(block);
}

uint64_t wwi_memory_live(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}

uint64_t wwi_memory_asked(void)
{
    return atomic_load_explicit(&asked, memory_order_relaxed);
}

void wwi_memory_fail(uint64_t n, int every)
{
    uint64_t now = wwi_memory_asked();

    atomic_store(&fail_every, every != 0);
    atomic_store(&fail_at, n == 0 ? 0 : now + n);
}
