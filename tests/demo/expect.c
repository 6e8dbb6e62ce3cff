/* What must hold when the victims of a row have been stopped. */
#include "expect.h"

#include "patience.h"

static const wws_error none;

void expect_channel(struct row *row, wws_channel_state wanted)
{
    wws_channel_state state = row_channel_state(row);

    if (state != wanted)
        row_wrong(row, "the state of the channel is %u, not %u", state,
            wanted);
}

void expect_proxy(
    struct row *row,
    wws_service_proxy proxy,
    wws_service_proxy_state wanted)
{
    wws_service_proxy_state state = 0;

    (void) wws_service_proxy_get_state(proxy, &state, none);
    if (state != wanted)
        row_wrong(row, "the state of the proxy is %u, not %u", state, wanted);
}

bool expect_told(
    struct row *row,
    struct peer *peer,
    uint32_t key,
    wws_cancel_reason reason,
    struct note *note)
{
    if (!peer_await(peer, NOTE_TOLD, key, note)
        || !peer_await(peer, NOTE_FREED, key, NULL)) {
        row_wrong(row, "the operation at the host was not told");
        return false;
    }
    if (note->value != reason)
        row_wrong(row, "the operation was told %d, not %u", (int) note->value,
            reason);
    if (peer_count(peer, NOTE_TOLD, key) != 1
        || peer_count(peer, NOTE_FREED, key) != 1)
        row_wrong(row, "the operation was told, or freed, twice");
    return true;
}

void expect_all_told(struct row *row)
{
    struct note note;

    for (unsigned i = 0; i < row->victim_count; i++)
        (void) expect_told(row, &row->stage->remote.peer, row->keys[i],
            WWS_CANCEL_REASON_CHANNEL_FAULTED, &note);
}

void expect_not_told(struct row *row, uint32_t key)
{
    struct peer *peer = &row->stage->remote.peer;

    (void) peer_tell(peer, NOTE_RELEASE, key);
    if (!peer_await(peer, NOTE_FREED, key, NULL)
        || peer_count(peer, NOTE_TOLD, key) != 0)
        row_wrong(row, "the operation at the host did not go on");
}

static uint64_t dropped(const struct row *row)
{
    return row_counter(row, WWS_COUNTER_LATE_REPLY_DROPPED)
        - row->late_replies;
}

static bool are_dropped(void *about)
{
    const struct row *row = about;

    return dropped(row) == row->victim_count;
}

/* The neighbours hold theirs: a connection of a victim, or the one that all
 * share. */
static void expect_reuse(struct row *row)
{
    struct op *op = op_call(row->mode, row->side, CALC_ADD, 3, 4);

    op->options.timeout_ms = PATIENCE_MS;
    (void) op_begin(op);
    if (!op_await(op) || !op_answered(op, 7))
        row_wrong(row, "a call on its connection fails");
    if (row_counter(row, WWS_COUNTER_CONNECTIONS_OPENED) != row->connections)
        row_wrong(row, "its connection was not used again");
}

void expect_all_dropped(struct row *row)
{
    if (dropped(row) != 0)
        row_wrong(row, "a reply was dropped that was not sent");
    for (unsigned i = 0; i < row->victim_count; i++)
        expect_not_told(row, row->keys[i]);
    if (!comes_true(are_dropped, row))
        row_wrong(row, "not every reply was dropped");
    expect_reuse(row);
}
