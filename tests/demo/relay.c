/* A relay that records. */
#include "relay.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "patience.h"

/* One read handed on; false when there is no more to come. */
static bool hand_on(int from, int to, struct record *record)
{
    char data[RECORD_SIZE];
    ssize_t count = recv(from, data, sizeof data, 0);
    size_t room = sizeof record->text - 1 - record->size;

    if (count <= 0 || send(to, data, (size_t) count, MSG_NOSIGNAL) != count)
        return false;
    if (room > (size_t) count)
        room = (size_t) count;
    memcpy(record->text + record->size, data, room);
    record->size += room;
    if (record->parts < RECORD_PARTS)
        record->ends[record->parts++] = record->size;
    return true;
}

static void converse(struct relay *relay, int client, int server)
{
    struct pollfd wanted[] = {
        { .fd = client, .events = POLLIN },
        { .fd = server, .events = POLLIN },
        { .fd = relay->stop_fd, .events = POLLIN },
    };

    while (poll(wanted, 3, PATIENCE_MS) > 0 && wanted[2].revents == 0) {
        if (wanted[0].revents != 0
            && !hand_on(client, server, &relay->request))
            return;
        if (wanted[1].revents != 0 && !hand_on(server, client, &relay->reply))
            return;
    }
}

static void *run_relay(void *argument)
{
    struct relay *relay = argument;
    int client = ear_take(&relay->ear, patience_ends());
    int server = -1;

    if (client >= 0)
        server = wire_dial(relay->target);
    if (server >= 0)
        converse(relay, client, server);
    if (client >= 0)
        close(client);
    if (server >= 0)
        close(server);
    return NULL;
}

bool relay_start(struct relay *relay, uint16_t target)
{
    *relay = (struct relay) { .target = target };
    if (!ear_open(&relay->ear, 1, 0))
        return false;
    relay->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (relay->stop_fd >= 0
        && pthread_create(&relay->thread, NULL, run_relay, relay) == 0)
        return true;
    close(relay->stop_fd);
    close(relay->ear.fd);
    return false;
}

void relay_end(struct relay *relay)
{
    (void) eventfd_write(relay->stop_fd, 1);
    (void) pthread_join(relay->thread, NULL);
    close(relay->stop_fd);
    close(relay->ear.fd);
}
