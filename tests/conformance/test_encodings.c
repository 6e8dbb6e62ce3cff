/* What a transport and a message can be, and that what they cannot be is refused
 * where it is asked for: when an object is created. */
#include "tests/support/public/world.h"

static const wws_error no_error;

/* Over a transport, in an encoding, with a version of addressing. */
struct kind {
    wws_transport transport;
    wws_encoding encoding;
    wws_addressing_version addressing;
    wws_status status;
};

static const struct kind kinds[] = {
    { WWS_TRANSPORT_HTTP, WWS_ENCODING_DEFAULT, WWS_ADDRESSING_VERSION_1_0,
        WWS_S_OK },
    { WWS_TRANSPORT_HTTP, WWS_ENCODING_UTF8, WWS_ADDRESSING_VERSION_1_0,
        WWS_S_OK },
    { WWS_TRANSPORT_HTTP, WWS_ENCODING_UTF8, WWS_ADDRESSING_VERSION_0_9,
        WWS_S_OK },
    { WWS_TRANSPORT_HTTP, WWS_ENCODING_UTF8,
        WWS_ADDRESSING_VERSION_TRANSPORT, WWS_S_OK },
    { WWS_TRANSPORT_TCP, WWS_ENCODING_UTF8, WWS_ADDRESSING_VERSION_1_0,
        WWS_S_OK },
    /* That would be binary XML. */
    { WWS_TRANSPORT_TCP, WWS_ENCODING_DEFAULT, WWS_ADDRESSING_VERSION_1_0,
        WWS_E_NOT_SUPPORTED },
    /* Its action would be nowhere. */
    { WWS_TRANSPORT_TCP, WWS_ENCODING_UTF8,
        WWS_ADDRESSING_VERSION_TRANSPORT, WWS_E_INVALIDARG },
    { WWS_TRANSPORT_HTTP, 77, WWS_ADDRESSING_VERSION_1_0, WWS_E_INVALIDARG },
    { 77, WWS_ENCODING_UTF8, WWS_ADDRESSING_VERSION_1_0, WWS_E_INVALIDARG },
    { WWS_TRANSPORT_HTTP, WWS_ENCODING_UTF8, 77, WWS_E_INVALIDARG },
};

static wws_status create_channel(wws_runtime runtime, const struct kind *kind)
{
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;
    wws_channel channel = { 0 };
    wws_status status;

    options.transport = kind->transport;
    options.encoding = kind->encoding;
    options.addressing_version = kind->addressing;
    status = wws_channel_create(runtime, &options, &channel, no_error);
    must((channel.id != 0) == (status == WWS_S_OK));
    must(wws_channel_free(channel) == WWS_S_OK);
    return status;
}

static wws_status create_listener(wws_runtime runtime, const struct kind *kind)
{
    wws_listener_options options = WWS_LISTENER_OPTIONS_INIT;
    wws_listener listener = { 0 };
    wws_status status;

    options.transport = kind->transport;
    options.encoding = kind->encoding;
    options.addressing_version = kind->addressing;
    status = wws_listener_create(runtime, &options, &listener, no_error);
    must((listener.id != 0) == (status == WWS_S_OK));
    must(wws_listener_free(listener) == WWS_S_OK);
    return status;
}

static wws_status create_proxy(wws_runtime runtime, const struct kind *kind)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;
    wws_service_proxy proxy = { 0 };
    wws_status status;

    options.transport = kind->transport;
    options.encoding = kind->encoding;
    options.addressing_version = kind->addressing;
    status = wws_service_proxy_create(runtime, &options, &proxy, no_error);
    must((proxy.id != 0) == (status == WWS_S_OK));
    must(wws_service_proxy_free(proxy) == WWS_S_OK);
    return status;
}

static wws_status add_endpoint(wws_runtime runtime, const struct kind *kind)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options options = WWS_ENDPOINT_OPTIONS_INIT;
    wws_service_host host;
    wws_status status;

    operations.serve = gate_serve;
    options.operations = &operations;
    options.address = kind->transport == WWS_TRANSPORT_TCP
        ? WWS_STR("net.tcp://127.0.0.1:0/") : WWS_STR("http://127.0.0.1:0/");
    options.transport = kind->transport;
    options.encoding = kind->encoding;
    options.addressing_version = kind->addressing;
    must(wws_service_host_create(runtime, NULL, &host, no_error) == WWS_S_OK);
    status = wws_service_host_add_endpoint(host, &options, no_error);
    must(wws_service_host_free(host) == WWS_S_OK);
    return status;
}

/* TI5 */
static void encoding__that_a_transport_has_not_is_refused_at_creation(
    void **state)
{
    static wws_status (*const creates[])(wws_runtime, const struct kind *) = {
        create_channel, create_listener, create_proxy, add_endpoint,
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t k = 0; k < sizeof creates / sizeof *creates; k++) {
            wws_status status = creates[k](world->runtime, &kinds[i]);

            if (status != kinds[i].status)
                print_error("kind %zu, object %zu: %s\n", i, k,
                    wws_status_name(status));
            assert_status(status, kinds[i].status);
        }
}

/* M1: any version of the one with any of the other; what is no version is
 * refused. */
static void message__is_of_versions_that_there_are(void **state)
{
    enum { NO_VERSION = 77 };
    static const wws_envelope_version envelopes[] = {
        WWS_ENVELOPE_VERSION_SOAP_1_2, WWS_ENVELOPE_VERSION_SOAP_1_1,
        NO_VERSION,
    };
    static const wws_addressing_version addressings[] = {
        WWS_ADDRESSING_VERSION_1_0, WWS_ADDRESSING_VERSION_0_9,
        WWS_ADDRESSING_VERSION_TRANSPORT, NO_VERSION,
    };
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;

    (void) state;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++) {
            wws_message message = { 0 };
            bool good = i < 2 && k < 3;

            options.envelope_version = envelopes[i];
            options.addressing_version = addressings[k];
            assert_status(wws_message_create(&options, &message, no_error),
                good ? WWS_S_OK : WWS_E_INVALIDARG);
            assert_int_equal(message.id != 0, good);
            assert_status(wws_message_free(message), WWS_S_OK);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            encoding__that_a_transport_has_not_is_refused_at_creation,
            world_set_up, world_tear_down),
        cmocka_unit_test(message__is_of_versions_that_there_are),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}
