/* A host process, as its clients see it. */
#include "remote.h"

#include <stdio.h>
#include <string.h>

bool remote_start(struct remote *remote, const struct setting *setting)
{
    char index[16];
    const char *const arguments[] = { "wws-demo", "host", index, NULL };
    struct note note;

    snprintf(index, sizeof index, "%d", (int) (setting - settings));
    if (!peer_start(&remote->peer, arguments))
        return false;
    for (uint32_t i = 0; i < HOST_ENDPOINTS; i++) {
        if (!peer_await(&remote->peer, NOTE_ADDRESS, i, &note)) {
            (void) remote_end(remote);
            return false;
        }
        memcpy(remote->addresses[i], note.text, sizeof note.text);
    }
    return true;
}

bool remote_end(struct remote *remote)
{
    return peer_end(&remote->peer);
}

wws_string remote_address(const struct remote *remote, unsigned endpoint)
{
    const char *address = remote->addresses[endpoint];

    return (wws_string) { address, strlen(address) };
}
