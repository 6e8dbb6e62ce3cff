/* One run: what a scenario plays with, and how it says what it expects.
 *
 * A scenario goes on as long as everything is as it would be without an
 * injection; the first thing that is not ends it, if the injection allows that
 * at all.  What it leaves behind is aborted, freed and looked at. */
#ifndef EXPLORER_SCENE_H
#define EXPLORER_SCENE_H

#include "tests/explorer/steer.h"

struct run {
    unsigned scenario;
    unsigned wire;
    enum manner manner;
    struct injection injections[2];
};

enum { VISITS = 8, ASKS = 48, ORDERS = 4, MESSAGES = 8 };

/* An operation that has come, until it is completed. */
struct visit {
    wws_operation operation;
    _Atomic bool held;
    _Atomic unsigned told;
    _Atomic unsigned freed;
    bool registered;
};

/* A call, and its reply. */
struct order {
    struct scene *scene;
    const char *action;
    uint32_t timeout_ms;
    bool has_handle;
    bool is_shown;         /* its messages */
    _Atomic unsigned shown[2];
    _Atomic unsigned forgotten;
    _Atomic bool ended;
    wws_buffer reply;
};

/* Objects that an action may reach are ids; 0: not there. */
struct scene {
    const struct run *run;
    const char *place; /* in memory, where its hosts and listeners are */
    wws_runtime runtime;
    _Atomic uint64_t proxy;
    _Atomic uint64_t host;
    _Atomic uint64_t call;
    _Atomic uint64_t client;
    _Atomic uint64_t server;
    _Atomic uint64_t listener;
    _Atomic uint64_t client_message;
    _Atomic uint64_t server_message;

    /* Set by a scenario before it makes what they are for. */
    wws_transfer_mode mode;
    bool registers; /* operations, to be told */
    bool detaches;  /* calls that time out */
    uint32_t drain_timeout_ms;
    bool one_way;   /* calls, without replies */
    bool hurries;   /* operations, on the thread that does the I/O */
    bool watches;   /* channels of the host, and who comes in */
    bool queues;    /* operations, until the scenario's own thread has time */
    bool has_names; /* a host that the proxy looks for */

    bool strict;    /* nothing may come of an action */
    _Atomic bool ending; /* everything is being aborted */
    _Atomic bool without_threads; /* the runtime is closed */
    char url[128];
    struct visit visits[VISITS];
    _Atomic unsigned visitors;
    _Atomic unsigned welcomed; /* channels of the host */
    _Atomic unsigned parted;
    wws_queue queue;
    struct order orders[ORDERS];
    struct ask asks[ASKS];
    unsigned asked;
    wws_message messages[MESSAGES];
    unsigned made;

    /* Closes that were begun at gates, and heard of. */
    _Atomic unsigned closing;
    _Atomic unsigned closed;
};

/* For scenarios.  Those that tell whether all is as expected end the scenario
 * when they say no. */

struct ask *begin(
    struct scene *scene,
    enum side side,
    const char *what,
    start_fn start,
    void *state);
/* Its end, which comes by itself. */
bool end(struct scene *scene, struct ask *ask, wws_status expected);
/* Its end, which comes before that of anything else that is pending. */
bool end_first(struct scene *scene, struct ask *ask, wws_status expected);
/* A success that does not come if what should bring it was lost on the way. */
bool comes(struct scene *scene, struct ask *ask);
bool ask_now(
    struct scene *scene,
    enum side side,
    const char *what,
    start_fn start,
    void *state,
    wws_status expected);
/* Whether anything may be otherwise than expected. */
bool is_disturbed(const struct scene *scene);
bool judge(
    struct scene *scene,
    enum side side,
    const char *what,
    wws_status status,
    wws_status expected);

/* When the scenario is over, whatever ended it. */
void judge_states(struct scene *scene);

bool open_host(struct scene *scene);
/* From here on the proxy has a name for where the host is. */
void use_name(struct scene *scene, const char *name);
bool open_proxy(struct scene *scene);
/* It does not come to that. */
bool fail_to_open_proxy(struct scene *scene, wws_status expected);
struct ask *begin_call(struct scene *scene, struct order *order);
bool end_call(
    struct scene *scene,
    struct order *order,
    struct ask *ask,
    wws_status expected);
bool close_proxy(struct scene *scene);
bool close_host(struct scene *scene);
/* So many operations come before anything that is pending ends. */
bool await_visitors(struct scene *scene, unsigned count);
/* The first of them is told that nobody waits for it any more. */
bool await_telling(struct scene *scene);
/* Completes all operations that are held. */
void release_visitors(struct scene *scene);

bool open_listener(struct scene *scene);
bool make_server(struct scene *scene);
bool make_client(struct scene *scene);
bool make_message(struct scene *scene, wws_message *message);
bool make_request(struct scene *scene, size_t size, wws_message *message);
bool make_reply(
    struct scene *scene,
    wws_message request,
    size_t size,
    wws_message *message);

bool close_runtime(struct scene *scene);

wws_service_proxy proxy_of(struct scene *scene);
wws_service_host host_of(struct scene *scene);
wws_channel client_of(struct scene *scene);
wws_channel server_of(struct scene *scene);
wws_listener listener_of(struct scene *scene);

struct scenario {
    const char *name;
    bool sessions_only;
    bool sockets_only;
    bool alone;     /* without neighbours */
    uint64_t does;  /* actions that are part of it */
    void (*play)(struct scene *scene);
};

extern const struct scenario scenarios[];
extern const unsigned scenario_count;

/* Names under which this machine is known, and of which nobody knows. */
#define KNOWN "known"
#define SILENT "silent"
/* Once in a process. */
void names_begin(void);

/* The application's own transport: once in a process; null over others. */
void own_begin(void);
const wws_custom_transport *own_transport(void);

/* For the explorer: once in a process, then any number of runs. */
void scene_begin(void);
void scene_play(const struct run *run, uint64_t (*census)[PASSES]);

/* For steering: the actions for which there is an object, and one of them. */
uint64_t scene_actions(struct scene *scene);
void scene_act(struct scene *scene, enum action action);

#endif
