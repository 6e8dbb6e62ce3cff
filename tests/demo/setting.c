/* What the demo varies.  No time of the library is shorter than the
 * demo, so that nothing but what a row asks for ends an operation. */
#include "setting.h"

#include <stdio.h>

#include "patience.h"
#include "puppet.h"

const struct setting settings[SETTINGS] = {
    {
        .language = "c",
        .transport = "http",
        .scheme = "http",
        .soap = "1.1",
        .script = &http_script,
        .code = WWS_TRANSPORT_HTTP,
        .encoding = WWS_ENCODING_UTF8,
        .envelope_version = WWS_ENVELOPE_VERSION_SOAP_1_1,
        .addressing_version = WWS_ADDRESSING_VERSION_TRANSPORT,
        .stop_resets = true,
        .receiving = WWS_PROGRESS_SENT,
        .bereft = WWS_SERVICE_PROXY_STATE_OPEN,
        .common = true,
    },
    {
        .language = "c",
        .transport = "tcp",
        .scheme = "net.tcp",
        .soap = "1.2",
        .script = &tcp_script,
        .code = WWS_TRANSPORT_TCP,
        .encoding = WWS_ENCODING_UTF8,
        .envelope_version = WWS_ENVELOPE_VERSION_SOAP_1_2,
        .addressing_version = WWS_ADDRESSING_VERSION_1_0,
        .sessions = true,
        .receiving = WWS_PROGRESS_NOT_SENT,
        .bereft = WWS_SERVICE_PROXY_STATE_FAULTED,
    },
};

const char *mode_name(enum mode mode)
{
    static const char *const names[MODES] = { "sync", "callback", "queue" };

    return names[mode];
}

wws_string setting_url(
    const struct setting *setting,
    char *text,
    uint16_t port)
{
    int size = snprintf(text, URL_SIZE, "%s://127.0.0.1:%u/calculator",
        setting->scheme, port);

    return (wws_string) { text, (size_t) size };
}

wws_service_proxy_options setting_proxy(const struct setting *setting)
{
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;

    options.transport = setting->code;
    options.encoding = setting->encoding;
    options.envelope_version = setting->envelope_version;
    options.addressing_version = setting->addressing_version;
    options.call_timeout_ms = LONG_ENOUGH_MS;
    return options;
}

wws_channel_options setting_channel(const struct setting *setting)
{
    wws_channel_options options = WWS_CHANNEL_OPTIONS_INIT;

    options.transport = setting->code;
    options.encoding = setting->encoding;
    options.envelope_version = setting->envelope_version;
    options.addressing_version = setting->addressing_version;
    options.connect_timeout_ms = LONG_ENOUGH_MS;
    options.send_timeout_ms = LONG_ENOUGH_MS;
    options.receive_response_timeout_ms = LONG_ENOUGH_MS;
    options.receive_timeout_ms = LONG_ENOUGH_MS;
    options.close_timeout_ms = LONG_ENOUGH_MS;
    return options;
}

wws_listener_options setting_listener(const struct setting *setting)
{
    wws_listener_options options = WWS_LISTENER_OPTIONS_INIT;

    options.transport = setting->code;
    options.encoding = setting->encoding;
    options.envelope_version = setting->envelope_version;
    options.addressing_version = setting->addressing_version;
    return options;
}

wws_endpoint_options setting_endpoint(const struct setting *setting)
{
    wws_endpoint_options options = WWS_ENDPOINT_OPTIONS_INIT;

    options.transport = setting->code;
    options.encoding = setting->encoding;
    options.envelope_version = setting->envelope_version;
    options.addressing_version = setting->addressing_version;
    return options;
}
