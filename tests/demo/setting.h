/* What the demo varies: how a program hears that something has ended, and
 * what carries the envelopes.  A further transport is an entry in setting.c,
 * and a script in puppet.c. */
#ifndef DEMO_SETTING_H
#define DEMO_SETTING_H

#include <wws/wws.h>

struct script;

/* How a program hears of an end. */
enum mode {
    MODE_SYNC,     /* the function blocks */
    MODE_CALLBACK, /* a callback of the completion runs */
    MODE_QUEUE,    /* an event is fetched from a queue */
    MODES
};

enum { URL_SIZE = 128 };

struct setting {
    const char *language;
    const char *transport;
    const char *scheme;
    const char *soap; /* the version */
    const struct script *script;
    wws_transport code;
    wws_encoding encoding;
    wws_envelope_version envelope_version;
    wws_addressing_version addressing_version;

    /* Whether open connects and shakes hands, and all messages of a channel
     * or proxy share that connection; otherwise each exchange has its own. */
    bool sessions;
    /* Whether a call or receive that is stopped takes its connection with it,
     * so that the host hears of it; otherwise the reply comes nevertheless. */
    bool stop_resets;
    /* How far the request of a pending receive got, which then has one. */
    wws_progress receiving;
    /* A proxy that has lost the connection of a call. */
    wws_service_proxy_state bereft;
    /* Whether clients that others have written speak it. */
    bool common;
};

enum { SETTINGS = 2 };

extern const struct setting settings[SETTINGS];

const char *mode_name(enum mode mode);

/* The text is the caller's, and has URL_SIZE octets. */
wws_string setting_url(
    const struct setting *setting,
    char *text,
    uint16_t port);

wws_service_proxy_options setting_proxy(const struct setting *setting);
wws_channel_options setting_channel(const struct setting *setting);
wws_listener_options setting_listener(const struct setting *setting);
wws_endpoint_options setting_endpoint(const struct setting *setting);

#endif
