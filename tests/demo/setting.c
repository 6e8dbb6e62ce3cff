/* What the demo varies.  No time of the library is shorter than the
 * demo, so that nothing but what a row asks for ends an operation. */
#include "setting.h"

#include "patience.h"

const struct setting settings[] = {
    { "c", "http", "http://127.0.0.1:0/calculator", WWS_TRANSPORT_HTTP,
      WWS_ENVELOPE_VERSION_SOAP_1_1, WWS_ADDRESSING_VERSION_TRANSPORT },
};

const unsigned setting_count = sizeof settings / sizeof settings[0];

const char *mode_name(enum mode mode)
{
    static const char *const names[MODES] = { "sync", "callback", "queue" };

    return names[mode];
}

wws_service_proxy_options setting_proxy(const struct setting *setting)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;

    options.transport = setting->code;
    options.envelope_version = setting->envelope_version;
    options.addressing_version = setting->addressing_version;
    options.call_timeout_ms = LONG_ENOUGH_MS;
    return options;
}

wws_channel_options setting_channel(const struct setting *setting)
{
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;

    options.transport = setting->code;
    options.envelope_version = setting->envelope_version;
    options.addressing_version = setting->addressing_version;
    return options;
}

wws_listener_options setting_listener(const struct setting *setting)
{
    wws_listener_options options = WWS_LISTENER_OPTIONS_INIT;

    options.transport = setting->code;
    options.envelope_version = setting->envelope_version;
    options.addressing_version = setting->addressing_version;
    return options;
}

wws_endpoint_options setting_endpoint(const struct setting *setting)
{
    wws_endpoint_options options = WWS_ENDPOINT_OPTIONS_INIT;

    options.transport = setting->code;
    options.envelope_version = setting->envelope_version;
    options.addressing_version = setting->addressing_version;
    return options;
}
