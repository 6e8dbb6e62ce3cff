/* Every allocation of the library goes through here, so that tests can count
 * what is alive and make the n-th allocation fail. */
#ifndef WWI_MEMORY_H
#define WWI_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Null when there is no memory.  A block of size 0 is a valid block. */
void *wwi_alloc(size_t size);
void *wwi_alloc_zero(size_t size);
/* On failure the old block is untouched. */
void *wwi_realloc(void *block, size_t size);
void wwi_free(void *block);

/* How many blocks are alive, and how many were ever asked for. */
uint64_t wwi_memory_live(void);
uint64_t wwi_memory_asked(void);

/* Makes the n-th allocation from now on fail, 1 being the next; with every, it
 * and all that follow.  0 ends that. */
void wwi_memory_fail(uint64_t n, int every);

#endif
