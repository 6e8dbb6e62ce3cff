/* Links found by a number of theirs, which may be a hash; several may have the
 * same.  Those of one number stay in the order in which they were added.
 *
 * Whoever has a map locks it.  More room makes it faster, and never fails: it
 * does without. */
#ifndef WWI_MAP_H
#define WWI_MAP_H

#include <stdint.h>

#include "core/base/list.h"
#include "core/base/lock.h"

struct wwi_map_link {
    struct wwi_link link;
    uint64_t number;
};

struct wwi_map {
    struct wwi_list *places;
    uint32_t place_count; /* a power of two */
    uint32_t count;
};

/* False when there is no memory. */
bool wwi_map_init(struct wwi_map *map);
void wwi_map_fini(struct wwi_map *map);

void wwi_map_add(
    struct wwi_map *map,
    struct wwi_map_link *link,
    uint64_t number);
/* One that is in no map stays so. */
void wwi_map_remove(struct wwi_map *map, struct wwi_map_link *link);
/* The first of this number, and the next one. */
struct wwi_map_link *wwi_map_first(const struct wwi_map *map, uint64_t number);
struct wwi_map_link *wwi_map_next(
    const struct wwi_map *map,
    const struct wwi_map_link *link);

/* For what will be added: takes the lock that guards the map when it looks, and
 * when it grows. */
void wwi_map_make_room(struct wwi_map *map, struct wwi_lock *lock);

static inline bool wwi_map_has(const struct wwi_map_link *link)
{
    return wwi_link_listed(&link->link);
}

#endif
