/* Tables of states, and who walks them: every function of an object in every
 * state, in all its manners, each on a rig of its own.  The program says what a
 * rig is. */
#ifndef TESTS_TABLE_H
#define TESTS_TABLE_H

#include "tests/support/public/world.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* After a function: the state is the same, or will be another soon. */
enum { TABLE_COLUMNS = 12, SAME = 98, SOON };

struct rig;

/* What a function answers, and the state after it. */
struct cell {
    wws_status status;
    uint32_t after;
};

#define OK { WWS_S_OK, SAME }
#define END { WWS_S_END, SAME }
#define TO(state) { WWS_S_OK, state }
#define ARG { WWS_E_INVALIDARG, SAME }
#define INV { WWS_E_INVALID_OPERATION, SAME }
#define FLT { WWS_E_OBJECT_FAULTED, SAME }
#define ABT { WWS_E_OPERATION_ABORTED, SAME }
#define TMO(state) { WWS_E_OPERATION_TIMED_OUT, state }
/* It waits, for somebody who says nothing. */
#define PENDS { WWS_S_ASYNC, SAME }

struct column {
    const char *name;
    uint32_t state;
    void (*reach)(struct rig *rig);
};

struct row {
    const char *name;
    start_fn start;
    bool waits; /* has three forms */
    struct cell cells[TABLE_COLUMNS];
};

struct table {
    const struct column *columns;
    size_t columns_count;
    const struct row *rows;
    size_t rows_count;
    void (*begin)(struct rig *rig, struct world *world);
    void (*end)(struct rig *rig); /* the object may be freed already */
    void *(*subject)(struct rig *rig); /* what the functions are given */
    uint32_t (*state)(const struct rig *rig);
    bool (*untouched)(const struct rig *rig); /* by a refusal; may be null */
};

#define TABLE(columns, rows, ...) \
    { columns, COUNT(columns), rows, COUNT(rows), __VA_ARGS__ }

/* A refusal is there before the function is asynchronous, and has touched
 * nothing (L2). */
static inline bool cell_holds(
    const struct table *table,
    struct rig *rig,
    const struct cell *cell,
    const struct heard *heard,
    uint32_t after)
{
    bool refused = cell->status < 0 && cell->after == SAME;

    return heard->status == cell->status
        && (after == SOON || table->state(rig) == after)
        && (!refused || heard->manner == SYNC
            || heard->returned == heard->status)
        && (!refused || table->untouched == NULL || table->untouched(rig));
}

static inline bool table_try(
    const struct table *table,
    struct rig *rig,
    size_t column,
    size_t row,
    enum manner manner)
{
    const struct column *in = &table->columns[column];
    const struct cell *cell = &table->rows[row].cells[column];
    uint32_t after = cell->after == SAME ? in->state : cell->after;
    struct heard heard;
    bool holds, pends;

    must(table->state(rig) == in->state);
    hear(&heard, manner, table->rows[row].start, table->subject(rig));
    pends = cell->status == WWS_S_ASYNC && heard.returned == WWS_S_ASYNC;
    if (!pends)
        (void) heard_end(&heard);
    holds = pends ? !heard_yet(&heard)
        : cell_holds(table, rig, cell, &heard, after);
    if (!holds)
        print_error("%s (%s) when %s: %s, then %u; wanted %s, then %u\n",
            table->rows[row].name, manner_name(manner), in->name,
            wws_status_name(heard.status), (unsigned) table->state(rig),
            wws_status_name(cell->status), (unsigned) after);
    table->end(rig);
    if (pends)
        (void) heard_end(&heard);
    return holds;
}

static inline void table_walk(
    const struct table *table,
    struct world *world,
    struct rig *rig)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < table->columns_count; i++)
        for (size_t k = 0; k < table->rows_count; k++)
            for (int manner = table->rows[k].cells[i].status == WWS_S_ASYNC
                     ? CALLBACK : SYNC;
                 manner < (table->rows[k].waits ? MANNERS : 1); manner++) {
                table->begin(rig, world);
                table->columns[i].reach(rig);
                wrong += !table_try(table, rig, i, k, manner);
            }
    assert_int_equal(wrong, 0);
}

#endif
