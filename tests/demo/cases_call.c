/* What can be stopped on a service proxy. */
#include "cases.h"

#include "expect.h"

enum { CALL_TIMEOUT_MS = 500 };

static const wws_error none;

/* The neighbours are the other two. */
static bool start_one_of_three(struct row *row)
{
    return row_add_call(row, row->side, &row->stage->remote.peer);
}

static bool start_three(struct row *row)
{
    struct peer *peer = &row->stage->remote.peer;

    row->proxy = row_open_proxy(row, &row->stage->remote, 0);
    return row_add_calls(row, row->proxy, peer, 3);
}

static bool start_ten_of_thirty(struct row *row)
{
    struct peer *peer = &row->stage->remote.peer;

    return row_add_calls(row, row->side, peer, MOST_VICTIMS);
}

static bool start_handshake(struct row *row)
{
    char url[URL_SIZE];

    row->puppet_is_open = puppet_open(&row->puppet, row->setting->script);
    if (!row->puppet_is_open)
        return false;
    row->proxy = row_create_proxy(row, 0);
    return row_add_victim(row, op_open_proxy(row->mode, row->proxy,
            setting_url(row->setting, url, row->puppet.ear.port)), 0)
        && puppet_is_greeted(&row->puppet);
}

static void abort_proxy(struct row *row)
{
    (void) row_done(row, "abort", wws_service_proxy_abort(row->proxy));
}

static void abandon_calls(struct row *row)
{
    (void) row_done(row, "abandon", wws_service_proxy_abandon_call(row->side,
        VICTIM_GROUP, none));
}

static void cancel_calls(struct row *row)
{
    for (unsigned i = 0; i < row->victim_count; i++)
        (void) row_done(row, "cancel",
            wws_call_cancel(row->victims[i]->call));
}

static void after_abort(struct row *row)
{
    expect_proxy(row, row->proxy, WWS_SERVICE_PROXY_STATE_FAULTED);
    expect_all_told(row);
}

static void after_abort_of_open(struct row *row)
{
    expect_proxy(row, row->proxy, WWS_SERVICE_PROXY_STATE_CREATED);
}

static void after_abandon(struct row *row)
{
    expect_proxy(row, row->side, WWS_SERVICE_PROXY_STATE_OPEN);
    expect_all_dropped(row);
}

static void after_stop(struct row *row)
{
    expect_proxy(row, row->side, WWS_SERVICE_PROXY_STATE_OPEN);
    if (row->setting->stop_resets)
        expect_all_told(row);
    else
        expect_all_dropped(row);
}

static const struct cancel_case cases[] = {
    { "service_proxy_abort", "three pending calls",
      start_three, abort_proxy, after_abort,
      .wanted = { WWS_E_OPERATION_ABORTED, WWS_PROGRESS_SENT,
        WWS_PHASE_WAIT } },
    { "service_proxy_abort", "open, phase handshake",
      start_handshake, abort_proxy, after_abort_of_open,
      .wanted = { WWS_E_OPERATION_ABORTED, WWS_PROGRESS_NOT_SENT,
        WWS_PHASE_HANDSHAKE },
      .sessions_only = true },
    { "service_proxy_abandon_call", "one of three",
      start_one_of_three, abandon_calls, after_abandon,
      .wanted = { WWS_E_OPERATION_ABANDONED, WWS_PROGRESS_SENT,
        WWS_PHASE_WAIT } },
    { "service_proxy_abandon_call", "ten of thirty",
      start_ten_of_thirty, abandon_calls, after_abandon,
      .wanted = { WWS_E_OPERATION_ABANDONED, WWS_PROGRESS_SENT,
        WWS_PHASE_WAIT },
      .neighbours = MOST_NEIGHBOURS, .sessions_only = true },
    { "call_cancel", "one of three",
      start_one_of_three, cancel_calls, after_stop,
      .wanted = { WWS_E_OPERATION_CANCELLED, WWS_PROGRESS_SENT,
        WWS_PHASE_WAIT } },
    { "call_cancel", "ten of thirty",
      start_ten_of_thirty, cancel_calls, after_stop,
      .wanted = { WWS_E_OPERATION_CANCELLED, WWS_PROGRESS_SENT,
        WWS_PHASE_WAIT },
      .neighbours = MOST_NEIGHBOURS, .sessions_only = true },
    { "timeout", "call_timeout_ms",
      start_one_of_three, NULL, after_stop,
      .wanted = { WWS_E_OPERATION_TIMED_OUT, WWS_PROGRESS_SENT,
        WWS_PHASE_WAIT },
      .call_timeout_ms = CALL_TIMEOUT_MS },
    { "timeout", "call_timeout_ms, ten of thirty",
      start_ten_of_thirty, NULL, after_stop,
      .wanted = { WWS_E_OPERATION_TIMED_OUT, WWS_PROGRESS_SENT,
        WWS_PHASE_WAIT },
      .call_timeout_ms = CALL_TIMEOUT_MS,
      .neighbours = MOST_NEIGHBOURS, .sessions_only = true },
};

const struct cases call_cases = { cases, sizeof cases / sizeof cases[0] };
