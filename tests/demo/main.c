/* wws-demo: a host and clients in separate processes that talk SOAP, and then
 * everything that can stop a pending operation, each time tried on one that is
 * pending.  It runs itself again as host and client; see roles.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "conversation.h"
#include "patience.h"
#include "peers.h"
#include "print.h"
#include "roles.h"

struct tally {
    unsigned rows;
    unsigned ok;
};

static void run_case(
    struct stage *stage,
    const struct cancel_case *kind,
    struct tally *tally)
{
    static struct row row;

    if (kind->sessions_only && !stage->setting->sessions)
        return;
    for (enum mode mode = 0; mode < MODES; mode++) {
        row_run(&row, stage, kind, mode);
        print_row(&row);
        tally->rows++;
        tally->ok += row.ok;
    }
}

static void run_cases(
    struct stage *stage,
    const struct cases *list,
    struct tally *tally)
{
    for (unsigned i = 0; i < list->count; i++)
        run_case(stage, &list->cases[i], tally);
}

static void run_stage(struct stage *stage, struct tally *tally)
{
    run_cases(stage, &channel_cases, tally);
    run_cases(stage, &call_cases, tally);
    run_cases(stage, &peer_cases, tally);
}

/* One stage for each setting: plain conversations, then the rows. */
static bool run_stages(struct stage *stages, struct tally *tally)
{
    bool good = true;

    for (unsigned i = 0; i < SETTINGS && good; i++)
        good = remote_start(&stages[i].remote, stages[i].setting);
    if (!good) {
        fprintf(stderr, "wws-demo: cannot start a host\n");
        return false;
    }
    for (unsigned i = 0; i < SETTINGS; i++)
        good = conversations_run(&stages[i]) && good;
    print_row_titles();
    for (unsigned i = 0; i < SETTINGS; i++)
        run_stage(&stages[i], tally);
    for (unsigned i = 0; i < SETTINGS; i++)
        good = remote_end(&stages[i].remote) && good;
    return good;
}

/* Nothing can be heard any more when the runtime is closed. */
static bool end_clients(wws_runtime runtime)
{
    bool good = true;

    if (wws_runtime_close(runtime, PATIENCE_MS, (wws_error) { 0 }) < 0) {
        fprintf(stderr, "wws-demo: the runtime does not end\n");
        good = false;
    }
    good = ops_end() && good;
    (void) wws_runtime_free(runtime);
    return good;
}

static int run_demo(void)
{
    static struct stage stages[SETTINGS];
    int64_t begun_ns = now_ns();
    struct tally tally = { 0 };
    wws_runtime runtime = { 0 };
    bool good;

    setvbuf(stdout, NULL, _IOLBF, 0);
    peers_prepare();
    if (wws_runtime_create(NULL, &runtime, (wws_error) { 0 }) < 0
        || !ops_start(runtime)) {
        fprintf(stderr, "wws-demo: cannot start\n");
        return 1;
    }
    for (unsigned i = 0; i < SETTINGS; i++)
        stages[i] = (struct stage) {
            .setting = &settings[i],
            .runtime = runtime,
        };
    good = run_stages(stages, &tally);
    good = end_clients(runtime) && good;
    print_end(tally.rows, tally.ok, (double) (now_ns() - begun_ns) / 1e9);
    return !(good && tally.ok == tally.rows);
}

/* Started by ourselves: ROLE SETTING [MODE ADDRESS KEY] */
static int run_role(int count, char **arguments)
{
    unsigned long setting = strtoul(arguments[2], NULL, 10);

    alarm(DEMO_LIMIT_S);
    if (setting >= SETTINGS)
        return 2;
    if (count == 3)
        return run_host(&settings[setting]);
    return run_client(&settings[setting],
        (enum mode) strtoul(arguments[3], NULL, 10), arguments[4],
        strtol(arguments[5], NULL, 10));
}

static int usage(FILE *out, int result)
{
    fputs("usage: wws-demo [--json] [--help]\n\n"
          "A service host and its clients, in processes of their own, talk\n"
          "SOAP, over HTTP and in sessions over TCP.  Then everything that\n"
          "can stop a pending operation does so.  Each row tells with which\n"
          "status the operation ended, after how many microseconds, how far\n"
          "its request had got, and whether calls beside it went on.  --json\n"
          "prints one object a line.  Fails if anything is not as it should\n"
          "be, and says what on stderr.\n",
        out);
    return result;
}

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "host") == 0)
        return run_role(count, arguments);
    if (count == 6 && strcmp(arguments[1], "client") == 0)
        return run_role(count, arguments);
    if (count == 2 && strcmp(arguments[1], "--help") == 0)
        return usage(stdout, 0);
    if (count > 2 || (count == 2 && strcmp(arguments[1], "--json") != 0))
        return usage(stderr, 2);
    if (count == 2)
        print_as_json();
    return run_demo();
}
