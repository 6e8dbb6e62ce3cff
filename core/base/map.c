/* Links found by a number. */
#include "core/base/map.h"

#include "core/base/memory.h"

enum {
    FIRST_PLACES = 16,
    MOST_PLACES = 1 << 24,
};

static struct wwi_list *new_places(uint32_t count)
{
    struct wwi_list *places = wwi_alloc(count * sizeof *places);

    for (uint32_t i = 0; places != NULL && i < count; i++)
        wwi_list_init(&places[i]);
    return places;
}

bool wwi_map_init(struct wwi_map *map)
{
    map->places = new_places(FIRST_PLACES);
    map->place_count = FIRST_PLACES;
    map->count = 0;
    return map->places != NULL;
}

void wwi_map_fini(struct wwi_map *map)
{
    wwi_free(map->places);
}

/* Numbers that follow each other, and those that differ only above, are spread
 * alike. */
static struct wwi_list *place(const struct wwi_map *map, uint64_t number)
{
    uint64_t spread = number * 0x9E3779B97F4A7C15u;

    return &map->places[(spread >> 32) & (map->place_count - 1)];
}

static struct wwi_map_link *of_link(struct wwi_link *link)
{
    return WWI_CONTAINER(link, struct wwi_map_link, link);
}

void wwi_map_add(
    struct wwi_map *map,
    struct wwi_map_link *link,
    uint64_t number)
{
    link->number = number;
    wwi_list_append(place(map, number), &link->link);
    map->count++;
}

void wwi_map_remove(struct wwi_map *map, struct wwi_map_link *link)
{
    if (!wwi_map_has(link))
        return;
    wwi_list_remove(&link->link);
    map->count--;
}

static struct wwi_map_link *find(
    const struct wwi_list *list,
    struct wwi_link *link,
    uint64_t number)
{
    while (link != NULL && of_link(link)->number != number)
        link = wwi_list_next(list, link);
    return link != NULL ? of_link(link) : NULL;
}

struct wwi_map_link *wwi_map_first(const struct wwi_map *map, uint64_t number)
{
    struct wwi_list *list = place(map, number);

    return find(list, wwi_list_first(list), number);
}

struct wwi_map_link *wwi_map_next(
    const struct wwi_map *map,
    const struct wwi_map_link *link)
{
    struct wwi_list *list = place(map, link->number);

    return find(list, wwi_list_next(list, &link->link), link->number);
}

/* How many places it should have; 0: it has enough. */
static uint32_t wanted(const struct wwi_map *map)
{
    bool full = map->count >= map->place_count;

    return full && map->place_count < MOST_PLACES ? 2 * map->place_count : 0;
}

static void move_all(
    struct wwi_map *map,
    struct wwi_list *from,
    uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct wwi_link *link;

        while ((link = wwi_list_take(&from[i])) != NULL)
            wwi_list_append(place(map, of_link(link)->number), link);
    }
}

/* Unless somebody else has meanwhile; gives back what is to be freed. */
static struct wwi_list *grow(
    struct wwi_map *map,
    struct wwi_list *places,
    uint32_t count)
{
    struct wwi_list *old = map->places;
    uint32_t old_count = map->place_count;

    if (old_count >= count)
        return places;
    map->places = places;
    map->place_count = count;
    move_all(map, old, old_count);
    return old;
}

void wwi_map_make_room(struct wwi_map *map, struct wwi_lock *lock)
{
    struct wwi_list *places;
    uint32_t count;

    wwi_lock_take(lock);
    count = wanted(map);
    wwi_lock_give(lock);
    places = count != 0 ? new_places(count) : NULL;
    if (places == NULL)
        return;
    wwi_lock_take(lock);
    places = grow(map, places, count);
    wwi_lock_give(lock);
    wwi_free(places);
}
