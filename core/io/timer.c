/* The wheel.  Level 0 has a slot for each of the next 64 milliseconds; a slot
 * of any other level is as long as the whole level below it.
 *
 * Words.  A timer's *distance* at a level is the number of slots that now has
 * still to go there.  At level 0 it is 0 to 63: slot now holds what is due
 * already.  At the others it is 1 to 64: when now enters a slot, what is in it
 * is spread over the levels below.  A deadline beyond the span is *parked* as
 * far away as possible, to be placed again from there.
 *
 * Rule.  Now never passes the beginning of an occupied slot without emptying
 * it, so that a distance never wraps, and empty slots cost nothing. */
#include "core/io/timer.h"

#include "core/base/clock.h"

enum { SLOT_BITS = 6, LAST_SLOT = WWI_TIMER_SLOTS - 1, COLLECTED = -1 };

/* The longest way that can be represented. */
static const int64_t span = ((int64_t) 1 << (SLOT_BITS * WWI_TIMER_LEVELS)) - 1;

/* Times counted in slots of a level. */
static int64_t ticks(int64_t time, unsigned level)
{
    return time >> (SLOT_BITS * level);
}

void wwi_timer_wheel_init(struct wwi_timer_wheel *wheel, int64_t now)
{
    unsigned level, slot;

    wheel->now = now;
    wheel->count = 0;
    for (level = 0; level < WWI_TIMER_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (slot = 0; slot < WWI_TIMER_SLOTS; slot++)
            wwi_list_init(&wheel->slots[level][slot]);
    }
}

static void place(struct wwi_timer_wheel *wheel, struct wwi_timer *timer)
{
    int64_t time = timer->deadline;
    unsigned level = 0, slot;

    if (time < wheel->now)
        time = wheel->now;
    if (time - wheel->now > span)
        time = wheel->now + span;
    while (ticks(time - wheel->now, level) >= WWI_TIMER_SLOTS)
        level++;
    slot = (unsigned) (ticks(time, level) & LAST_SLOT);
    timer->slot = (int) (level * WWI_TIMER_SLOTS + slot);
    wheel->occupied[level] |= UINT64_C(1) << slot;
    wwi_list_append(&wheel->slots[level][slot], &timer->link);
}

void wwi_timer_set(
    struct wwi_timer_wheel *wheel,
    struct wwi_timer *timer,
    int64_t deadline)
{
    (void) wwi_timer_cancel(wheel, timer);
    timer->deadline = deadline;
    wheel->count++;
    place(wheel, timer);
}

bool wwi_timer_cancel(struct wwi_timer_wheel *wheel, struct wwi_timer *timer)
{
    unsigned level, slot;

    if (!wwi_link_listed(&timer->link))
        return false;
    wwi_list_remove(&timer->link);
    if (timer->slot == COLLECTED)
        return true;
    wheel->count--;
    level = (unsigned) timer->slot / WWI_TIMER_SLOTS;
    slot = (unsigned) timer->slot % WWI_TIMER_SLOTS;
    if (wwi_list_empty(&wheel->slots[level][slot]))
        wheel->occupied[level] &= ~(UINT64_C(1) << slot);
    return true;
}

/* When now enters the next occupied slot of a level. */
static int64_t next_of_level(
    const struct wwi_timer_wheel *wheel,
    unsigned level)
{
    uint64_t bits = wheel->occupied[level];
    int64_t first = ticks(wheel->now, level) + (level == 0 ? 0 : 1);
    unsigned turn = (unsigned) (first & LAST_SLOT);

    if (bits == 0)
        return WWI_NEVER;
    /* The slot that comes first becomes bit 0. */
    bits = bits >> turn | bits << (-turn & LAST_SLOT);
    return (first + __builtin_ctzll(bits)) << (SLOT_BITS * level);
}

int64_t wwi_timer_next(const struct wwi_timer_wheel *wheel)
{
    int64_t next = WWI_NEVER;
    unsigned level;

    for (level = 0; level < WWI_TIMER_LEVELS; level++) {
        int64_t of_level = next_of_level(wheel, level);

        if (of_level < next)
            next = of_level;
    }
    return next;
}

/* Moves all of the slot that now is in to a list. */
static void empty_slot(
    struct wwi_timer_wheel *wheel,
    unsigned level,
    struct wwi_list *to)
{
    unsigned slot = (unsigned) (ticks(wheel->now, level) & LAST_SLOT);

    wwi_list_move(to, &wheel->slots[level][slot]);
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
}

/* Places the timers of the slots that now has just entered in lower levels, or
 * parks them again. */
static void spread(struct wwi_timer_wheel *wheel)
{
    struct wwi_list entered;
    struct wwi_link *link;
    unsigned level;

    wwi_list_init(&entered);
    for (level = 1; level < WWI_TIMER_LEVELS; level++) {
        if ((ticks(wheel->now, level - 1) & LAST_SLOT) != 0)
            break;
        empty_slot(wheel, level, &entered);
    }
    while ((link = wwi_list_take(&entered)) != NULL)
        place(wheel, WWI_CONTAINER(link, struct wwi_timer, link));
}

static void collect_slot(struct wwi_timer_wheel *wheel, struct wwi_list *due)
{
    struct wwi_list slot;
    struct wwi_link *link;

    wwi_list_init(&slot);
    empty_slot(wheel, 0, &slot);
    while ((link = wwi_list_take(&slot)) != NULL) {
        WWI_CONTAINER(link, struct wwi_timer, link)->slot = COLLECTED;
        wheel->count--;
        wwi_list_append(due, link);
    }
}

void wwi_timer_collect(
    struct wwi_timer_wheel *wheel,
    int64_t now,
    struct wwi_list *due)
{
    int64_t next;

    while ((next = wwi_timer_next(wheel)) <= now) {
        wheel->now = next;
        spread(wheel);
        collect_slot(wheel, due);
    }
    if (now > wheel->now)
        wheel->now = now;
}
