/* The table of transports. */
#include "tests/support/public/wire.h"
#include "tests/support/public/evidence.h"

#include "tests/support/public/bridge.h"
#include "tests/support/public/dice.h"

static const struct wire wires[] = {
    {
        .name = "http",
        .transport = WWS_TRANSPORT_HTTP,
        .encoding = WWS_ENCODING_DEFAULT,
        .scheme = "http",
        .any_port = "http://127.0.0.1:0/test",
        .nowhere = "http://127.0.0.1:1/",
        .elsewhere = "http://192.0.2.1:0/",
        .remote = "127.0.0.1:",
    },
    {
        .name = "tcp",
        .transport = WWS_TRANSPORT_TCP,
        .encoding = WWS_ENCODING_UTF8,
        .scheme = "net.tcp",
        .any_port = "net.tcp://127.0.0.1:0/test",
        .nowhere = "net.tcp://127.0.0.1:1/",
        .elsewhere = "net.tcp://192.0.2.1:0/",
        .remote = "127.0.0.1:",
        .has_sessions = true,
    },
    {
        .name = "custom",
        .transport = WWS_TRANSPORT_CUSTOM,
        .encoding = WWS_ENCODING_DEFAULT,
        .scheme = "loop",
        .any_port = "loop://127.0.0.1:0/test",
        .nowhere = "loop://127.0.0.1:1/",
        .elsewhere = "loop://192.0.2.1:0/",
        .remote = "", /* as the application says */
        .has_sessions = true,
    },
};

const struct wire *wire(void)
{
    const char *name = getenv("WWS_TRANSPORT");
    size_t i = 0;

    if (name == NULL)
        return &wires[0];
    while (strcmp(name, wires[i].name) != 0)
        must(++i < sizeof wires / sizeof *wires);
    return &wires[i];
}

/* Null unless the transport is our own. */
static const wws_custom_transport *custom(void)
{
    return wire()->transport == WWS_TRANSPORT_CUSTOM ? bridge() : NULL;
}

wws_channel_options channel_options(void)
{
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;

    options.transport = wire()->transport;
    options.encoding = wire()->encoding;
    options.custom = custom();
    return options;
}

wws_listener_options listener_options(void)
{
    wws_listener_options options = WWS_LISTENER_OPTIONS_INIT;

    options.transport = wire()->transport;
    options.encoding = wire()->encoding;
    options.custom = custom();
    return options;
}

wws_service_proxy_options proxy_options(void)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;

    options.transport = wire()->transport;
    options.encoding = wire()->encoding;
    options.custom = custom();
    return options;
}

wws_endpoint_options endpoint_options(void)
{
    wws_endpoint_options options = WWS_ENDPOINT_OPTIONS_INIT;

    options.transport = wire()->transport;
    options.encoding = wire()->encoding;
    options.custom = custom();
    options.max_concurrency = 10000;
    return options;
}

bool is_here(const char *which)
{
    return which == NULL || strstr(which, wire()->name) != NULL;
}

/* In another order for each seed, for no test may need one before it. */
static void shuffle(struct CMUnitTest *tests, size_t count)
{
    struct dice dice = { setting("WWS_SHUFFLE", 0) };

    if (dice.state == 0)
        return;
    for (size_t left = count; left > 1; left--) {
        struct CMUnitTest *last = &tests[left - 1];
        struct CMUnitTest *other = &tests[roll(&dice, (uint32_t) left)];
        struct CMUnitTest taken = *other;

        *other = *last;
        *last = taken;
    }
}

int run_those_of_wire(
    const char *file,
    const struct CMUnitTest *tests,
    size_t count,
    CMFixtureFunction set_up,
    CMFixtureFunction tear_down)
{
    /* Those without a name are none. */
    struct CMUnitTest promised[MOST_PROMISES] = { { 0 } };
    size_t promises = 0;

    must(count <= sizeof promised / sizeof *promised);
    for (size_t i = 0; i < count; i++)
        if (is_here(tests[i].initial_state))
            promised[promises++] = tests[i];
    shuffle(promised, promises);
    leave_evidence(file, promised, wire()->name);
    return cmocka_run_group_tests_name(wire()->name, promised, set_up,
        tear_down);
}
