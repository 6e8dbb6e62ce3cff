/* What the demo varies: how a program hears that something has ended, and
 * what carries the envelopes.  A further transport is a line in setting.c. */
#ifndef DEMO_SETTING_H
#define DEMO_SETTING_H

#include <wws/wws.h>

/* How a program hears of an end. */
enum mode {
    MODE_SYNC,     /* the function blocks */
    MODE_CALLBACK, /* a callback of the completion runs */
    MODE_QUEUE,    /* an event is fetched from a queue */
    MODES
};

struct setting {
    const char *language;
    const char *transport;
    const char *listen_url; /* of a host, at a free port */
    wws_transport code;
    wws_envelope_version envelope_version;
    wws_addressing_version addressing_version;
};

extern const struct setting settings[];
extern const unsigned setting_count;

const char *mode_name(enum mode mode);

wws_service_proxy_options setting_proxy(const struct setting *setting);
wws_channel_options setting_channel(const struct setting *setting);
wws_listener_options setting_listener(const struct setting *setting);
wws_endpoint_options setting_endpoint(const struct setting *setting);

#endif
