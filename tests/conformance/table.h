/* Walks a table of states: what each operation answers in each state, however
 * it is called, and the state after it. */
#ifndef TESTS_TABLE_H
#define TESTS_TABLE_H

#include "tests/support/public/peer.h"
#include "tests/support/public/talk.h"

enum { MOST_STATES = 8 };

struct cell {
    wws_status status;
    uint32_t state; /* afterwards */
};

struct row {
    const char *name;
    start_fn start;
    struct cell cells[MOST_STATES]; /* in the order of the table's states */
};

struct table {
    const uint32_t *states;
    unsigned state_count;
    const struct row *rows;
    unsigned row_count;
    /* An object in that state, its memory, and its end. */
    void *(*make)(struct world *world, uint32_t state);
    uint32_t (*state_of)(void *object);
    void (*unmake)(void *object);
};

static inline void walk_cell(
    const struct table *table,
    const struct row *row,
    unsigned column,
    enum manner manner,
    struct world *world)
{
    void *object = table->make(world, table->states[column]);
    const struct cell *cell = &row->cells[column];
    struct heard heard;
    wws_status status;
    uint32_t state;

    assert_int_equal(table->state_of(object), table->states[column]);
    hear(&heard, manner, row->start, object);
    status = heard_end(&heard);
    state = table->state_of(object);
    if (status != cell->status || state != cell->state)
        print_error("%s in state %u, %s\n", row->name, table->states[column],
            manner_name(manner));
    assert_status(status, cell->status);
    assert_int_equal(state, cell->state);
    table->unmake(object);
}

static inline void walk(const struct table *table, struct world *world)
{
    for (unsigned row = 0; row < table->row_count; row++)
        for (unsigned column = 0; column < table->state_count; column++)
            for (int manner = 0; manner < MANNERS; manner++)
                walk_cell(table, &table->rows[row], column,
                    (enum manner) manner, world);
}

#define in_world(test) \
    cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* As in the tables that are tested here. */
#define OK WWS_S_OK
#define INV WWS_E_INVALID_OPERATION
#define FLT WWS_E_OBJECT_FAULTED
#define ARG WWS_E_INVALIDARG

#endif
