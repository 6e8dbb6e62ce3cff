/* The runner of C: reads scenarios and carries them out, line by line. */
#include "runner.h"

#include <stdarg.h>
#include <time.h>

enum { LINE_SIZE = 256 };

int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

bool wrong(struct run *run, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(run->wrong, sizeof run->wrong, format, arguments);
    va_end(arguments);
    return false;
}

const char *option(const struct line *line, const char *name)
{
    size_t size = strlen(name);

    for (unsigned i = 0; i < line->option_count; i++)
        if (strncmp(line->options[i], name, size) == 0
            && line->options[i][size] == '=')
            return line->options[i] + size + 1;
    return NULL;
}

uint32_t number(const struct line *line, const char *name, uint32_t otherwise)
{
    const char *value = option(line, name);

    return value == NULL ? otherwise : (uint32_t) strtoul(value, NULL, 10);
}

char *expanded(const char *text)
{
    size_t size = *text == '*' ? strtoul(text + 1, NULL, 10) : 0;
    char *many;

    if (*text != '*')
        return strdup(text);
    many = calloc(1, size + 1);
    memset(many, 'x', size);
    return many;
}

/* Takes the text apart where it is. */
static void split(struct line *line, char *text)
{
    char *rest = NULL;

    line->word_count = 0;
    line->option_count = 0;
    for (char *word = strtok_r(text, " \t\n", &rest); word != NULL;
        word = strtok_r(NULL, " \t\n", &rest)) {
        if (line->word_count > 0 && strchr(word, '=') != NULL
            && line->option_count < MOST_WORDS)
            line->options[line->option_count++] = word;
        else if (line->word_count < MOST_WORDS - 1)
            line->words[line->word_count++] = word;
    }
    memset(line->words + line->word_count, 0,
        (MOST_WORDS - line->word_count) * sizeof *line->words);
}

/* Drops the transport that a step may begin with; whether the step is for the
 * one that is used. */
static bool is_meant(const struct run *run, struct line *line)
{
    size_t size = strlen(line->words[0]);
    bool meant = true;

    if (line->words[0][size - 1] != ':')
        return true;
    meant = strlen(run->transport) == size - 1
        && strncmp(line->words[0], run->transport, size - 1) == 0;
    memmove(line->words, line->words + 1,
        (MOST_WORDS - 1) * sizeof *line->words);
    line->word_count--;
    return meant;
}

/* Each control of the host that the runner itself needs is a step, too. */
static bool begin_service(struct run *run)
{
    struct line line = {
        .words = { "host", "Begin", (char *) run->transport },
        .word_count = 3,
    };
    struct result ignored;

    if (!work_start(run, &line, "service", 0)
        || !work_await(run, &line, "service", "WWS_S_OK", &ignored))
        return false;
    run->url = text_in((wws_bytes) { run->works->reply_body.data,
        run->works->reply_body.size });
    return true;
}

static void begin_scenario(struct run *run)
{
    run->number = 0;
    run->result = (struct result) { .phase = "-", .progress = "-" };
    run->stopped_ns = 0;
    run->told = false;
    *run->wrong = '\0';
}

static void report(const struct run *run, const char *name, bool good)
{
    const struct result *result = &run->result;

    if (good)
        printf("ok %s %s %s %s %lld\n", name,
            wws_status_name(result->status), result->phase, result->progress,
            (long long) (result->ended_ns - result->from_ns) / 1000);
    else
        printf("FAILED %s %u %s\n", name, run->number, run->wrong);
    fflush(stdout);
}

static bool skips(const struct line *line)
{
    const char *skip = option(line, "skip");

    for (; skip != NULL; skip = strchr(skip, ',')) {
        skip += *skip == ',';
        if (strcspn(skip, ",") == 1 && *skip == 'c')
            return true;
    }
    return false;
}

/* Whether it is one of those that are wanted. */
static bool is_wanted(
    const struct run *run,
    const struct line *line,
    const char *only)
{
    const char *over = option(line, "over");

    return (over == NULL || strcmp(over, run->transport) == 0)
        && (only == NULL || strcmp(only, line->words[1]) == 0);
}

/* The next line that says something, or false at the end. */
static bool next(FILE *file, struct line *line, char *text)
{
    do {
        if (fgets(text, LINE_SIZE, file) == NULL)
            return false;
        line->number++;
        split(line, text);
    } while (line->word_count == 0 || *line->words[0] == '#');
    return true;
}

static bool is_heading(const struct line *line)
{
    return strcmp(line->words[0], "scenario") == 0 && line->word_count > 1;
}

/* Carries out the steps up to the next heading or the end; false at the end. */
static bool run_steps(
    struct run *run,
    FILE *file,
    struct line *line,
    char *text,
    bool *good)
{
    while (next(file, line, text)) {
        if (is_heading(line))
            return true;
        if (!*good || !is_meant(run, line))
            continue;
        run->number = line->number;
        *good = step(run, line);
    }
    return false;
}

static void clear(struct run *run)
{
    work_clear(run);
    clear_objects(run);
    free(run->url);
    run->url = NULL;
}

/* Runs those that are wanted; how many failed. */
static unsigned run_all(struct run *run, FILE *file, const char *only)
{
    char text[LINE_SIZE];
    char name[LINE_SIZE];
    struct line line = { 0 };
    unsigned passed = 0;
    unsigned failed = 0;
    bool more = next(file, &line, text) && is_heading(&line);

    while (more) {
        bool wanted = is_wanted(run, &line, only);
        bool skipped = skips(&line);
        bool good = wanted && !skipped;

        snprintf(name, sizeof name, "%s", line.words[1]);
        begin_scenario(run);
        good = good && begin_service(run);
        more = run_steps(run, file, &line, text, &good);
        clear(run);
        if (wanted && skipped)
            printf("skipped %s\n", name);
        if (!wanted || skipped)
            continue;
        report(run, name, good);
        passed += good;
        failed += !good;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return passed == 0 ? 1 : failed;
}

static bool open_controls(struct run *run, const char *url)
{
    run->controls.kind = PROXY;
    return wws_service_proxy_create((wws_runtime) { 0 }, NULL,
               &run->controls.proxy, none) >= 0
        && wws_service_proxy_open(run->controls.proxy, text_of(url), NULL,
               none) >= 0;
}

int main(int count, char **arguments)
{
    struct run run = { 0 };
    FILE *file = count < 4 ? NULL : fopen(arguments[2], "r");
    unsigned failed;

    if (file == NULL) {
        fputs("usage: runner URL SCENARIOS TRANSPORT [NAME]\n", stderr);
        return 2;
    }
    run.transport = arguments[3];
    run.code = strcmp(run.transport, "tcp") == 0
        ? WWS_TRANSPORT_TCP : WWS_TRANSPORT_HTTP;
    if (!open_controls(&run, arguments[1])) {
        fputs("runner: cannot reach the host\n", stderr);
        return 2;
    }
    failed = run_all(&run, file, arguments[4]);
    fclose(file);
    (void) wws_service_proxy_free(run.controls.proxy);
    if (wws_runtime_close((wws_runtime) { 0 }, PATIENCE_S * 1000, none) < 0)
        return 1;
    return failed != 0;
}
