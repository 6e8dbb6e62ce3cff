/* The runner of C: what its parts share.  README.md one folder up says what the
 * words of a scenario mean. */
#ifndef SUITE_RUNNER_H
#define SUITE_RUNNER_H

#include <stdint.h>

#include "text.h"

enum { MOST_WORDS = 16, NAME_SIZE = 32, WRONG_SIZE = 256, PATIENCE_S = 10 };

/* A step, split. */
struct line {
    unsigned number;
    char *words[MOST_WORDS]; /* null behind the last */
    unsigned word_count;
    char *options[MOST_WORDS]; /* name=value */
    unsigned option_count;
};

enum kind { PROXY, CHANNEL, LISTENER, CALL };

/* What a scenario calls by a name. */
struct object {
    struct object *next;
    char name[NAME_SIZE];
    enum kind kind;
    wws_service_proxy proxy;
    wws_channel channel;
    wws_listener listener;
    wws_call call;
    wws_message received; /* of the work that received it */
};

/* One piece of work; those that began together have one name. */
struct work {
    struct work *next;
    char name[NAME_SIZE];
    struct object *object;
    wws_status (*start)(struct work *work, const wws_completion *completion);
    wws_status (*cancel)(struct work *work);

    /* What it works with. */
    const char *operation;
    struct object *channel; /* to be accepted */
    char *address;
    wws_bytes body;
    wws_call_options options;
    wws_call call;
    wws_call *handle;
    wws_message request;
    wws_message reply;
    wws_buffer reply_body;
    wws_error error;

    int64_t begun_ns; /* or when its time is over */

    /* Under the lock of work.c until it is over. */
    bool over;
    wws_status status;
    int64_t ended_ns;
};

/* What is reported of an await. */
struct result {
    wws_status status;
    const char *phase;
    const char *progress;
    int64_t from_ns;
    int64_t ended_ns;
};

/* A scenario that is being run. */
struct run {
    const char *transport;
    wws_transport code;
    struct object controls; /* the proxy of the host's controls */
    char *url;              /* of the service */
    struct object *objects;
    struct work *works;

    unsigned number; /* of the line */
    char wrong[WRONG_SIZE];

    int64_t stopped_ns; /* 0 before the first stop */
    bool told;          /* what came behind that */
    struct result result;
};

static const wws_error none;

int64_t now_ns(void);

/* Says what is wrong, and is false. */
bool wrong(struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The value, or null. */
const char *option(const struct line *line, const char *name);
uint32_t number(const struct line *line, const char *name, uint32_t otherwise);

/* What text stands for, to be freed. */
char *expanded(const char *text);

struct object *find(struct run *run, const char *name);

/* Begins the work that the words from the first on name, and waits for it. */
bool work_start(
    struct run *run,
    const struct line *line,
    const char *name,
    unsigned first);
bool work_await(
    struct run *run,
    const struct line *line,
    const char *name,
    const char *status,
    struct result *result);
/* Whether it is as the options say; the status is compared already. */
bool work_compare(
    struct run *run,
    const struct line *line,
    struct work *work,
    struct result *result);
bool work_cancel(struct run *run, const char *name);
/* Ends and frees all. */
void work_clear(struct run *run);

/* One step. */
bool step(struct run *run, const struct line *line);
void clear_objects(struct run *run);

#endif
