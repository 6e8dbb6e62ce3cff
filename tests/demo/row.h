/* A row: one way to stop something, tried on something that is pending.
 *
 * Words.  The *victims* are the operations to be stopped; the *neighbours* are
 * calls that are in flight meanwhile and one that is started afterwards, which
 * must not notice.  Neighbours use the side proxy; where the cancelling
 * function spares its object, so do the victims. */
#ifndef DEMO_ROW_H
#define DEMO_ROW_H

#include "op.h"
#include "puppet.h"
#include "remote.h"

enum {
    MOST_VICTIMS = 10,
    MOST_NEIGHBOURS = 20,
    VICTIM_ADDS = 5,  /* the second number of victims that are calls */
    VICTIM_GROUP = 7, /* for abandon */
};

struct row;

/* The result of a victim. */
struct result {
    wws_status status;
    wws_progress progress;
    wws_phase phase;
};

/* A case is what differs; they are listed in the files of cases.h. */
struct cancel_case {
    const char *cancel;
    const char *name;

    /* Starts the victims; whether they are known to be pending. */
    bool (*start)(struct row *row);
    /* Stops them; null if time does. */
    void (*stop)(struct row *row);
    /* Checks what is not the result of a victim. */
    void (*after)(struct row *row);

    struct result wanted;     /* of each victim */
    uint32_t call_timeout_ms; /* of the side proxy; 0: long enough */
    unsigned neighbours;      /* 0: two */
    bool sessions_only;
};

/* Some of them. */
struct cases {
    const struct cancel_case *cases;
    unsigned count;
};

struct row {
    const struct cancel_case *kind;
    struct stage *stage;
    const struct setting *setting;
    enum mode mode;

    wws_service_proxy side;
    struct op *neighbours[MOST_NEIGHBOURS];
    unsigned neighbour_count;
    struct op *victims[MOST_VICTIMS];
    uint32_t keys[MOST_VICTIMS]; /* of victims that are calls of AddLater */
    unsigned victim_count;
    struct result wanted; /* as the case says, unless its start knows better */

    /* What a case needs besides; what is not zero is given back. */
    wws_service_proxy proxy;
    wws_listener listener;
    wws_channel channel;
    wws_message request;
    wws_message reply;
    struct op *closing;
    struct remote own; /* a host of its own */
    bool own_is_killed;
    struct peer client;
    struct puppet puppet;
    struct full full;
    bool puppet_is_open;
    bool full_is_open;

    /* Just before the victims were stopped. */
    int64_t stopped_ns;
    wws_channel_state channel_was;
    uint64_t connections;
    uint64_t late_replies;

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
/* 0 for the timeout: long enough. */
wws_service_proxy row_create_proxy(struct row *row, uint32_t call_timeout_ms);
/* Opens one to the endpoint of the row's mode. */
wws_service_proxy row_open_proxy(
    struct row *row,
    const struct remote *remote,
    uint32_t call_timeout_ms);
/* Begins a victim; whether it is pending. */
bool row_add_victim(struct row *row, struct op *op, uint32_t key);
/* Begins a victim that is a call; whether the host holds it back. */
bool row_add_call(
    struct row *row,
    wws_service_proxy proxy,
    struct peer *peer);
/* As many of them. */
bool row_add_calls(
    struct row *row,
    wws_service_proxy proxy,
    struct peer *peer,
    unsigned count);

wws_channel_state row_channel_state(const struct row *row);
/* Of the runtime of the clients. */
uint64_t row_counter(const struct row *row, wws_counter which);

#endif
