/* A runtime with a host behind a gate, and a proxy that calls it; and the count
 * of what must be there again when all of it is gone. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "tests/support/public/gate.h"
#include "tests/support/public/heard.h"
#include "tests/support/public/wire.h"

struct leaks {
    uint64_t memory_blocks;
    uint64_t handles;
    uint64_t descriptors;
    uint64_t threads;
};

struct world {
    struct leaks before;
    wws_runtime runtime;
    wws_service_host host;
    wws_service_proxy proxy;
    struct gate gate;
    char url[128];
};

/* Once in a program, before the first world: fills what the library keeps for
 * the life of the process, so that it does not look like a leak. */
int world_warm_up(void **state);
int world_cool_down(void **state);
/* For so many calls that block at once, or were abandoned while they did. */
void world_warm_up_for(unsigned sleepers);

void leaks_count(struct leaks *leaks);
/* Says which counter differs. */
bool leaks_same(const struct leaks *before);

/* For cmocka: a world of defaults in *state; fails if it leaks. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* Only the runtime; what is added later is zero and may stay so. */
void world_begin(struct world *world, const wws_runtime_options *options);
/* Opens the gate, closes and frees all; false if something is left. */
bool world_end(struct world *world);

void world_add_host(
    struct world *world,
    const wws_service_host_options *options,
    const wws_endpoint_options *endpoint);
/* A proxy that is open to the URL.  Null options are those of proxy_options(),
 * as above those of endpoint_options(). */
wws_service_proxy world_proxy(
    struct world *world,
    const wws_service_proxy_options *options,
    const char *url);

/* With defaults. */
wws_listener new_listener(wws_runtime runtime);
wws_service_proxy new_proxy(wws_runtime runtime);
/* Whether it came to that in time. */
bool proxy_becomes(wws_service_proxy proxy, wws_service_proxy_state state);

wws_string text(const char *literal);
uint64_t counter(struct world *world, wws_counter which);
/* Whether the counter came to that in time. */
bool counter_reaches(struct world *world, wws_counter which, uint64_t value);

/* One call, to be heard of. */
struct call {
    wws_service_proxy proxy;
    const char *action;
    wws_bytes body;
    wws_call_options options;
    wws_call *handle;
    wws_buffer reply;
};

#define CALL_BODY "<t:x xmlns:t=\"urn:wws:test\">12</t:x>"

struct call call_to(wws_service_proxy proxy, const char *action);
/* A start_fn for a struct call. */
wws_status start_call(
    void *state,
    const wws_completion *completion,
    wws_error error);
/* Calls, and waits for the reply. */
wws_status call_now(wws_service_proxy proxy, const char *action);

/* Where a function is called from. */
enum place {
    SAME_THREAD,
    OTHER_THREAD,
    IN_CALLBACK, /* a completion callback of something else */
    PLACES,
};
void call_at(
    struct world *world,
    enum place place,
    void (*run)(void *state),
    void *state);

#endif
