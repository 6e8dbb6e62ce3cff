/* wws-demo: a host and clients in separate processes that talk SOAP, and then
 * everything that can stop a pending operation, each time tried on one that is
 * pending.  It runs itself again as host and client; see roles.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "conversation.h"
#include "languages.h"
#include "patience.h"
#include "peers.h"
#include "print.h"
#include "roles.h"

enum { MOST_LANGUAGES = 8 };

/* What the arguments ask for. */
struct wish {
    bool json;
    unsigned language_count;
    struct {
        const char *name;
        const char *folder; /* of its runner and its host */
    } languages[MOST_LANGUAGES];
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

static bool run_languages(const struct wish *wish, struct tally *tally)
{
    bool good = true;

    for (unsigned i = 0; i < wish->language_count; i++)
        good = language_run(wish->languages[i].name,
            wish->languages[i].folder, tally) && good;
    return good;
}

static int run_demo(const struct wish *wish)
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
    good = run_languages(wish, &tally) && good;
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
    fputs("usage: wws-demo [--json] [--language NAME FOLDER]... [--help]\n\n"
          "A service host and its clients, in processes of their own, talk\n"
          "SOAP, over HTTP and in sessions over TCP.  Then everything that\n"
          "can stop a pending operation does so.  Each row tells with which\n"
          "status the operation ended, after how many microseconds, how far\n"
          "its request had got, and whether calls beside it went on.  Then\n"
          "each --language does so, with the host and the runner that are in\n"
          "its folder.  --json prints one object a line.  Fails if anything is\n"
          "not as it should be, and says what on stderr.\n",
        out);
    return result;
}

static bool read_wish(struct wish *wish, int count, char **arguments)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--json") == 0) {
            wish->json = true;
        } else if (strcmp(arguments[i], "--language") == 0 && i + 2 < count
            && wish->language_count < MOST_LANGUAGES) {
            wish->languages[wish->language_count].name = arguments[i + 1];
            wish->languages[wish->language_count++].folder = arguments[i + 2];
            i += 2;
        } else {
            return false;
        }
    }
    return true;
}

int main(int count, char **arguments)
{
    struct wish wish = { 0 };

    if (count == 3 && strcmp(arguments[1], "host") == 0)
        return run_role(count, arguments);
    if (count == 6 && strcmp(arguments[1], "client") == 0)
        return run_role(count, arguments);
    if (count == 2 && strcmp(arguments[1], "--help") == 0)
        return usage(stdout, 0);
    if (!read_wish(&wish, count, arguments))
        return usage(stderr, 2);
    if (wish.json)
        print_as_json();
    return run_demo(&wish);
}
