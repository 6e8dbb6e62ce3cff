/* The transport that a program of tests runs over.  Every program runs once for
 * each, and finds it in the environment: WWS_TRANSPORT is a name of the table;
 * nothing is the first of it. */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include "tests/support/public/check.h"

struct wire {
    const char *name;
    wws_transport transport;
    wws_encoding encoding;
    const char *scheme;
    const char *any_port;  /* to listen at */
    const char *nowhere;   /* an address where nobody listens */
    const char *elsewhere; /* an address of no machine (RFC 5737) */
    const char *remote;    /* how the address of a client of ours begins */
    bool has_sessions;
};

const struct wire *wire(void);

/* Defaults, but for what names the transport; an endpoint serves all calls of a
 * session at once. */
wws_channel_options channel_options(void);
wws_listener_options listener_options(void);
wws_service_proxy_options proxy_options(void);
wws_endpoint_options endpoint_options(void);

/* A promise of one transport only, of those that are built in, or of those that
 * have sessions. */
#define OVER_BUILT_IN "http tcp"
#define OVER_SESSIONS "tcp custom"
#define OVER_HTTP "http"
#define OVER_TCP "tcp"
#define OVER_CUSTOM "custom"
#define over(which, test) \
    cmocka_unit_test_prestate_setup_teardown(test, world_set_up, \
        world_tear_down, (void *) which)

bool is_here(const char *which); /* null is everywhere */

/* Runs those of the promises that the transport makes; in the order of a seed,
 * if WWS_SHUFFLE is one. */
#define run_promises(tests, set_up, tear_down) \
    run_those_of_wire(__FILE__, tests, sizeof(tests) / sizeof *(tests), \
        set_up, tear_down)
int run_those_of_wire(
    const char *file,
    const struct CMUnitTest *tests,
    size_t count,
    CMFixtureFunction set_up,
    CMFixtureFunction tear_down);

#endif
