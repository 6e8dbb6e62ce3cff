/* What ends at one side because the other side goes. */
#include "cases.h"

#include <stdio.h>

#include "expect.h"

static bool start_at_own_host(struct row *row, unsigned count)
{
    if (!remote_start(&row->own, row->setting))
        return false;
    row->proxy = row_open_proxy(row, &row->own, 0);
    return row_add_calls(row, row->proxy, &row->own.peer, count);
}

static bool start_one_at_own_host(struct row *row)
{
    return start_at_own_host(row, 1);
}

static bool start_three_at_own_host(struct row *row)
{
    return start_at_own_host(row, 3);
}

/* Its session is full, so that the host waits for nothing more of it. */
static bool start_client(struct row *row)
{
    unsigned endpoint = HOST_ONE_BY_ONE + row->mode;
    char setting[16], mode[16], key[16];
    const char *const arguments[] = { "wws-demo", "client", setting, mode,
        row->stage->remote.addresses[endpoint], key, NULL };

    row->keys[0] = row_new_key();
    snprintf(setting, sizeof setting, "%d", (int) (row->setting - settings));
    snprintf(mode, sizeof mode, "%d", (int) row->mode);
    snprintf(key, sizeof key, "%u", row->keys[0]);
    return peer_start(&row->client, arguments)
        && peer_await(&row->stage->remote.peer, NOTE_ENTERED, row->keys[0],
            NULL);
}

static void abort_host(struct row *row)
{
    struct note note;

    if (!peer_tell(&row->own.peer, NOTE_ABORT, 0)
        || !peer_await(&row->own.peer, NOTE_ABORTED, 0, &note)) {
        row_wrong(row, "the host does not abort");
        return;
    }
    row->stopped_ns = note.at_ns;
    if (note.value != WWS_SERVICE_HOST_STATE_FAULTED)
        row_wrong(row, "the state of the host is %d", (int) note.value);
}

static void kill_client(struct row *row)
{
    peer_kill(&row->client);
}

static void kill_host(struct row *row)
{
    row->own_is_killed = true;
    peer_kill(&row->own.peer);
}

static void expect_told_because(
    struct row *row,
    struct peer *peer,
    wws_cancel_reason reason,
    const char *name)
{
    struct note note;

    if (!expect_told(row, peer, row->keys[0], reason, &note))
        return;
    row->reason = name;
    row->us = (double) (note.at_ns - row->stopped_ns) / 1000;
}

static void after_host_abort(struct row *row)
{
    struct peer *peer = &row->own.peer;
    struct note note;

    expect_told_because(row, peer, WWS_CANCEL_REASON_HOST_ABORTED,
        "host_aborted");
    expect_proxy(row, row->proxy, row->setting->bereft);
    if (!peer_tell(peer, NOTE_CLOSE, 0)
        || !peer_await(peer, NOTE_CLOSED, 0, &note) || note.value != WWS_S_OK)
        row_wrong(row, "the aborted host does not close");
}

static void after_host_gone(struct row *row)
{
    expect_proxy(row, row->proxy, row->setting->bereft);
}

static void after_client_gone(struct row *row)
{
    expect_told_because(row, &row->stage->remote.peer,
        WWS_CANCEL_REASON_CHANNEL_FAULTED, "channel_faulted");
    row->status = row->reason != NULL ? "told" : NULL;
}

static const struct cancel_case cases[] = {
    { "service_host_abort", "a registered operation is told",
      start_one_at_own_host, abort_host, after_host_abort,
      .wanted = { WWS_E_ENDPOINT_DISCONNECTED, WWS_PROGRESS_SENT,
        WWS_PHASE_WAIT } },
    { "peer_gone", "host killed, three pending calls",
      start_three_at_own_host, kill_host, after_host_gone,
      .wanted = { WWS_E_ENDPOINT_DISCONNECTED, WWS_PROGRESS_SENT,
        WWS_PHASE_WAIT } },
    { "peer_gone", "client killed",
      start_client, kill_client, after_client_gone,
      .wanted = { WWS_S_OK, WWS_PROGRESS_NOT_SENT, WWS_PHASE_NONE } },
};

const struct cases peer_cases = { cases, sizeof cases / sizeof cases[0] };
