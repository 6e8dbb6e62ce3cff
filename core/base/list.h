/* A ring of links embedded in what they link: adding and removing are O(1) and
 * need no memory. */
#ifndef WWI_LIST_H
#define WWI_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct wwi_link {
    struct wwi_link *next;
    struct wwi_link *previous;
};

struct wwi_list {
    struct wwi_link head;
};

/* The struct that a member is embedded in. */
#define WWI_CONTAINER(pointer, type, member) \
    ((type *) (void *) ((char *) (pointer) - offsetof(type, member)))

static inline void wwi_list_init(struct wwi_list *list)
{
    list->head.next = list->head.previous = &list->head;
}

static inline bool wwi_list_empty(const struct wwi_list *list)
{
    return list->head.next == &list->head;
}

static inline void wwi_list_append(struct wwi_list *list, struct wwi_link *link)
{
    link->next = &list->head;
    link->previous = list->head.previous;
    link->previous->next = link;
    list->head.previous = link;
}

/* All zero, or removed, means in no list. */
static inline bool wwi_link_listed(const struct wwi_link *link)
{
    return link->next != NULL;
}

static inline void wwi_list_remove(struct wwi_link *link)
{
    if (link->next == NULL)
        return;
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->next = link->previous = NULL;
}

static inline struct wwi_link *wwi_list_first(const struct wwi_list *list)
{
    return wwi_list_empty(list) ? NULL : list->head.next;
}

static inline struct wwi_link *wwi_list_next(
    const struct wwi_list *list,
    const struct wwi_link *link)
{
    return link->next == &list->head ? NULL : link->next;
}

static inline struct wwi_link *wwi_list_take(struct wwi_list *list)
{
    struct wwi_link *link = wwi_list_first(list);

    if (link != NULL)
        wwi_list_remove(link);
    return link;
}

/* Moves everything behind the end of another list. */
static inline void wwi_list_move(struct wwi_list *to, struct wwi_list *from)
{
    if (wwi_list_empty(from))
        return;
    from->head.next->previous = to->head.previous;
    to->head.previous->next = from->head.next;
    from->head.previous->next = &to->head;
    to->head.previous = from->head.previous;
    wwi_list_init(from);
}

#endif
