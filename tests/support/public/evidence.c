/* Each test is run by one of ours, which is reached again only if it passed. */
#include "tests/support/public/evidence.h"
#include "tests/support/public/heard.h"

#include <errno.h>

static struct CMUnitTest tests_left[MOST_PROMISES];
static const struct CMUnitTest *running;
static const char *source;
static const char *transport;
static FILE *evidence;

static void put_manners(unsigned manners)
{
    for (int manner = SYNC; manner < MANNERS; manner++)
        if ((manners & 1u << manner) != 0)
            fprintf(evidence, " %s", manner_name(manner));
}

static int set_up(void **state)
{
    running = running == NULL ? tests_left : running + 1;
    return running->setup_func == NULL ? 0 : running->setup_func(state);
}

static int tear_down(void **state)
{
    return running->teardown_func == NULL ? 0 : running->teardown_func(state);
}

static void run(void **state)
{
    heard_manners();
    running->test_func(state);
    fprintf(evidence, "%s %s %s", source, running->name, transport);
    put_manners(heard_manners());
    fputc('\n', evidence);
    fflush(evidence);
}

/* The path of a file below the folder of the tests. */
static const char *below_tests(const char *file)
{
    const char *below = file;

    for (const char *at = file; (at = strstr(at, "tests/")) != NULL;)
        below = at += sizeof "tests/" - 1;
    return below;
}

static FILE *open_evidence(const char *folder, const char *wire)
{
    char path[4096];

    must(snprintf(path, sizeof path, "%s/%s.%s", folder,
        program_invocation_short_name, wire) < (int) sizeof path);
    return fopen(path, "w");
}

void leave_evidence(
    const char *file,
    struct CMUnitTest tests[MOST_PROMISES],
    const char *wire)
{
    const char *folder = getenv("WWS_EVIDENCE");

    if (folder == NULL)
        return;
    evidence = open_evidence(folder, wire);
    must(evidence != NULL);
    source = below_tests(file);
    transport = wire;
    memcpy(tests_left, tests, sizeof tests_left);
    for (size_t i = 0; i < MOST_PROMISES && tests[i].name != NULL; i++) {
        tests[i].setup_func = set_up;
        tests[i].test_func = run;
        tests[i].teardown_func = tear_down;
    }
}
