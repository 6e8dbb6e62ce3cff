/* What is common to all rows: neighbours are started, then victims; the
 * victims are stopped, and all of them are judged. */
#include "row.h"

#include <stdarg.h>
#include <stdio.h>

#include "patience.h"
#include "print.h"

enum { USUAL_NEIGHBOURS = 2, NEIGHBOUR_ADDS = 2 };

void row_wrong(struct row *row, const char *format, ...)
{
    va_list arguments;

    row->ok = false;
    fprintf(stderr, "wws-demo: %s, %s, %s, %s: ", row->kind->cancel,
        row->kind->name, row->setting->transport, mode_name(row->mode));
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

bool row_done(struct row *row, const char *what, wws_status status)
{
    if (status >= 0)
        return true;
    row_wrong(row, "%s: %s", what, wws_status_name(status));
    return false;
}

uint32_t row_new_key(void)
{
    static uint32_t last = 1000;

    return ++last;
}

wws_service_proxy row_create_proxy(struct row *row, uint32_t call_timeout_ms)
{
    wws_service_proxy_options options = setting_proxy(row->setting);
    wws_service_proxy proxy = { 0 };

    if (call_timeout_ms != 0)
        options.call_timeout_ms = call_timeout_ms;
    (void) row_done(row, "create a proxy", wws_service_proxy_create(
        row->stage->runtime, &options, &proxy, (wws_error) { 0 }));
    return proxy;
}

wws_service_proxy row_open_proxy(
    struct row *row,
    const struct remote *remote,
    uint32_t call_timeout_ms)
{
    wws_service_proxy proxy = row_create_proxy(row, call_timeout_ms);

    (void) row_done(row, "open a proxy", wws_service_proxy_open(proxy,
        remote_address(remote, row->mode), NULL, (wws_error) { 0 }));
    return proxy;
}

bool row_add_victim(struct row *row, struct op *op, uint32_t key)
{
    if (!op_begin(op)) {
        row_wrong(row, "the operation to be stopped is not pending");
        return false;
    }
    row->victims[row->victim_count] = op;
    row->keys[row->victim_count++] = key;
    return true;
}

bool row_add_call(
    struct row *row,
    wws_service_proxy proxy,
    struct peer *peer)
{
    uint32_t key = row_new_key();
    struct op *op = op_call(row->mode, proxy, CALC_ADD_LATER, (long) key,
        VICTIM_ADDS);

    op->options.call_id = VICTIM_GROUP;
    return row_add_victim(row, op, key)
        && peer_await(peer, NOTE_ENTERED, key, NULL);
}

bool row_add_calls(
    struct row *row,
    wws_service_proxy proxy,
    struct peer *peer,
    unsigned count)
{
    while (count > 0 && row_add_call(row, proxy, peer))
        count--;
    return count == 0;
}

wws_channel_state row_channel_state(const struct row *row)
{
    wws_channel_state state = 0;

    (void) wws_channel_get_state(row->channel, &state, (wws_error) { 0 });
    return state;
}

uint64_t row_counter(const struct row *row, wws_counter which)
{
    uint64_t value = 0;

    (void) wws_runtime_get_counter(row->stage->runtime, which, &value,
        (wws_error) { 0 });
    return value;
}

/* Neighbours */

static void neighbour_wrong(struct row *row, const char *what)
{
    row->neighbours_ok = false;
    row_wrong(row, "%s", what);
}

/* On the side proxy, with a time of its own. */
static struct op *begin_neighbour(
    struct row *row,
    enum calc_operation operation,
    uint32_t key)
{
    struct op *op = op_call(row->mode, row->side, operation, (long) key,
        NEIGHBOUR_ADDS);

    op->options.timeout_ms = LONG_ENOUGH_MS;
    (void) op_begin(op);
    return op;
}

static void begin_neighbours(struct row *row)
{
    struct peer *peer = &row->stage->remote.peer;

    row->side = row_open_proxy(row, &row->stage->remote,
        row->kind->call_timeout_ms);
    row->neighbour_count = row->kind->neighbours != 0
        ? row->kind->neighbours : USUAL_NEIGHBOURS;
    for (unsigned i = 0; i < row->neighbour_count; i++) {
        uint32_t key = row_new_key();

        row->neighbours[i] = begin_neighbour(row, CALC_ADD_LATER, key);
        if (!peer_await(peer, NOTE_ENTERED, key, NULL))
            neighbour_wrong(row, "a neighbour did not reach the host");
    }
}

static void judge_neighbour(struct row *row, struct op *op, const char *who)
{
    if (!op_await(op))
        row_wrong(row, "%s did not end", who);
    else if (op_answered(op, op->a + op->b))
        return;
    else
        row_wrong(row, "%s got %s", who, wws_status_name(op->status));
    row->neighbours_ok = false;
}

static void end_neighbours(struct row *row)
{
    struct peer *peer = &row->stage->remote.peer;
    struct op *later = begin_neighbour(row, CALC_ADD, 40);

    judge_neighbour(row, later, "the call that started afterwards");
    for (unsigned i = 0; i < row->neighbour_count; i++) {
        uint32_t key = (uint32_t) row->neighbours[i]->a;

        (void) peer_tell(peer, NOTE_RELEASE, key);
        judge_neighbour(row, row->neighbours[i], "a neighbour");
        if (peer_count(peer, NOTE_TOLD, key) != 0)
            neighbour_wrong(row, "a neighbour was cancelled at the host");
    }
}

/* Victims */

/* A deadline counts from the start of each call. */
static int64_t stopped_ns(const struct row *row, const struct op *op)
{
    return row->kind->stop != NULL ? row->stopped_ns
        : op->begun_ns + row->kind->call_timeout_ms * INT64_C(1000000);
}

static void compare_result(
    struct row *row,
    const struct op *op,
    const wws_error_info *info)
{
    const struct result *wanted = &row->wanted;

    if (op->status != wanted->status)
        row_wrong(row, "the status is %s, not %s", row->status,
            wws_status_name(wanted->status));
    if (info->status != op->status)
        row_wrong(row, "the error object says %s",
            wws_status_name(info->status));
    if (info->progress != wanted->progress)
        row_wrong(row, "the progress is %s, not %s", row->progress,
            progress_name(wanted->progress));
    if (info->phase != wanted->phase)
        row_wrong(row, "the phase is %s, not %s", row->phase,
            phase_name(wanted->phase));
}

static void judge_victim(struct row *row, struct op *op)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;
    double us;

    if (!op_await(op)) {
        row_wrong(row, "what was stopped did not end");
        return;
    }
    (void) wws_error_get_info(op->error, &info);
    us = (double) (op->ended_ns - stopped_ns(row, op)) / 1000;
    row->us = us > row->us ? us : row->us;
    row->status = wws_status_name(op->status);
    row->progress = progress_name(info.progress);
    row->phase = phase_name(info.phase);
    compare_result(row, op, &info);
    if (us < 0)
        row_wrong(row, "it ended %.1f us before it was stopped", -us);
}

static void look_before(struct row *row)
{
    for (unsigned i = 0; i < row->victim_count; i++)
        if (!op_is_pending(row->victims[i]))
            row_wrong(row, "what was to be stopped ended by itself");
    row->channel_was = row_channel_state(row);
    row->connections = row_counter(row, WWS_COUNTER_CONNECTIONS_OPENED);
    row->late_replies = row_counter(row, WWS_COUNTER_LATE_REPLY_DROPPED);
    row->stopped_ns = now_ns();
}

static void stop_victims(struct row *row)
{
    look_before(row);
    if (row->kind->stop != NULL)
        row->kind->stop(row);
    for (unsigned i = 0; i < row->victim_count; i++)
        judge_victim(row, row->victims[i]);
    row->kind->after(row);
}

/* The end.  What is still pending because something is wrong ends here. */

static void give_back_proxy(struct row *row, wws_service_proxy proxy)
{
    if (row->ok && proxy.id != 0)
        (void) row_done(row, "close the proxy",
            wws_service_proxy_close(proxy, NULL, (wws_error) { 0 }));
    (void) wws_service_proxy_free(proxy);
}

static void give_back_channel(struct row *row)
{
    if (row->channel.id != 0)
        (void) row_done(row, "close the channel",
            wws_channel_close(row->channel, NULL, (wws_error) { 0 }));
    if (row->listener.id != 0)
        (void) row_done(row, "close the listener",
            wws_listener_close(row->listener, NULL, (wws_error) { 0 }));
    (void) wws_channel_free(row->channel);
    (void) wws_listener_free(row->listener);
    (void) wws_message_free(row->request);
    (void) wws_message_free(row->reply);
}

static void give_back(struct row *row)
{
    give_back_proxy(row, row->side);
    give_back_proxy(row, row->proxy);
    give_back_channel(row);
    if (row->puppet_is_open)
        puppet_close(&row->puppet);
    if (row->full_is_open)
        full_close(&row->full);
    if (!remote_end(&row->own) && !row->own_is_killed)
        row_wrong(row, "the host did not end well");
    peer_kill(&row->client);
    (void) peer_end(&row->client);
    peer_forget(&row->stage->remote.peer);
}

/* With the objects gone nothing can be heard any more. */
static void judge_hearing(struct row *row)
{
    for (unsigned i = 0; i < row->victim_count; i++)
        if (!op_was_heard_once(row->victims[i]))
            row_wrong(row, "the end was not heard of exactly once");
    for (unsigned i = 0; i < row->neighbour_count; i++)
        if (!op_was_heard_once(row->neighbours[i]))
            neighbour_wrong(row, "a neighbour was not heard exactly once");
}

void row_run(
    struct row *row,
    struct stage *stage,
    const struct cancel_case *kind,
    enum mode mode)
{
    *row = (struct row) {
        .kind = kind,
        .stage = stage,
        .setting = stage->setting,
        .mode = mode,
        .wanted = kind->wanted,
        .ok = true,
        .neighbours_ok = true,
    };
    begin_neighbours(row);
    if (kind->start(row))
        stop_victims(row);
    else
        row_wrong(row, "there is nothing to stop");
    end_neighbours(row);
    give_back(row);
    judge_hearing(row);
}
