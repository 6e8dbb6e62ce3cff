/* A row: one way to stop something, tried on something that is pending.
 *
 * Words.  The *victims* are the operations to be stopped; the *neighbours* are
 * two calls that are in flight meanwhile and one that is started afterwards,
 * which must not notice.  Neighbours use the side proxy; where the cancelling
 * function spares its object, so do the victims. */
#ifndef DEMO_ROW_H
#define DEMO_ROW_H

#include "op.h"
#include "remote.h"
#include "wire.h"

enum { MOST_VICTIMS = 3, NEIGHBOURS = 2 };

struct row;

/* A case is what differs; all of them are listed in cases.c. */
struct cancel_case {
    const char *cancel;
    const char *name;

    /* Starts the victims; whether they are known to be pending. */
    bool (*start)(struct row *row);
    /* Stops them. */
    void (*stop)(struct row *row);
    /* Checks what is not the result of a victim. */
    void (*after)(struct row *row);

    /* The result of each victim. */
    wws_status status;
    wws_progress progress;
    wws_phase phase;

    uint32_t call_timeout_ms; /* of the side proxy; 0: long enough */
};

struct row {
    const struct cancel_case *kind;
    struct stage *stage;
    const struct setting *setting;
    enum mode mode;

    wws_service_proxy side;
    struct op *neighbours[NEIGHBOURS];
    struct op *victims[MOST_VICTIMS];
    uint32_t keys[MOST_VICTIMS]; /* of victims that are calls of AddLater */
    unsigned victim_count;

    /* What a case needs besides; what is not zero is given back. */
    wws_service_proxy proxy;
    wws_listener listener;
    wws_channel channel;
    wws_message request;
    wws_message reply;
    struct remote own; /* a host of its own */
    struct peer client;
    struct deaf deaf;
    struct full full;
    bool deaf_is_open;
    bool full_is_open;
    uint64_t connections;
    uint64_t late_replies;

    int64_t begun_ns; /* before the last victim was started */
    int64_t stopped_ns;

    /* What is printed. */
    bool ok;
    bool neighbours_ok;
    double us;
    const char *status;
    const char *progress; /* null: nobody is left to say */
    const char *phase;
    const char *reason; /* that an operation was told, or null */
};

/* Runs it; the row then says how it went, and stderr what was wrong. */
void row_run(
    struct row *row,
    struct stage *stage,
    const struct cancel_case *kind,
    enum mode mode);

/* Says what is wrong. */
void row_wrong(struct row *row, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Complains unless the status is a success. */
bool row_done(struct row *row, const char *what, wws_status status);

/* A number that no other operation has. */
uint32_t row_new_key(void);
/* Opens a proxy to the endpoint of the row's mode. */
wws_service_proxy row_open_proxy(
    struct row *row,
    const struct remote *remote,
    uint32_t call_timeout_ms);
/* Begins a victim; whether it is pending. */
bool row_add_victim(struct row *row, struct op *op, uint32_t key);

#endif
