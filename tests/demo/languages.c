/* The rows of other languages.  A runner prints a line for each scenario, whose
 * name has what a row needs besides: "what_stops:the_case:reason". */
#include "languages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peers.h"
#include "print.h"
#include "setting.h"

enum { PATH_SIZE = 512, OUTPUT_SIZE = 16384 };

/* What a language has instead of modes. */
static const char *idiom_of(const char *language)
{
    static const struct {
        const char *language;
        const char *idiom;
    } idioms[] = {
        { "python", "task" },
        { "go", "context" },
        { "rust", "future" },
    };

    for (unsigned i = 0; i < sizeof idioms / sizeof idioms[0]; i++)
        if (strcmp(idioms[i].language, language) == 0)
            return idioms[i].idiom;
    return "-";
}

static const char *without_dash(const char *word)
{
    return word == NULL || strcmp(word, "-") == 0 ? NULL : word;
}

/* Takes a name apart, and gives the case its blanks. */
static void set_name(struct line *line, char *name)
{
    char *rest = NULL;
    char *words;

    line->cancel = strtok_r(name, ":", &rest);
    words = strtok_r(NULL, ":", &rest);
    line->reason = strtok_r(NULL, ":", &rest);
    for (char *at = words; at != NULL && *at != '\0'; at++)
        if (*at == '_')
            *at = ' ';
    line->name = words;
}

/* "ok NAME STATUS PHASE PROGRESS US", or "FAILED NAME LINE WHAT". */
static void print_said(struct line *line, char *said, struct tally *tally)
{
    char *rest = NULL;
    const char *verdict = strtok_r(said, " ", &rest);
    char *name = strtok_r(NULL, " ", &rest);
    bool ok = verdict != NULL && strcmp(verdict, "ok") == 0;

    if (name == NULL || (!ok && strcmp(verdict, "FAILED") != 0))
        return;
    if (!ok)
        fprintf(stderr, "wws-demo: %s: %s: line %s\n", line->language, name,
            rest);
    set_name(line, name);
    line->ok = line->neighbours_ok = ok;
    line->status = ok ? strtok_r(NULL, " ", &rest) : NULL;
    line->phase = ok ? without_dash(strtok_r(NULL, " ", &rest)) : NULL;
    line->progress = ok ? without_dash(strtok_r(NULL, " ", &rest)) : NULL;
    line->us = ok ? strtod(rest, NULL) : 0;
    print_line(line);
    tally->rows++;
    tally->ok += ok;
}

static void print_all(
    const char *language,
    const char *transport,
    char *output,
    struct tally *tally)
{
    char *rest = NULL;

    for (char *said = strtok_r(output, "\n", &rest); said != NULL;
         said = strtok_r(NULL, "\n", &rest)) {
        struct line line = {
            .language = language,
            .mode = idiom_of(language),
            .transport = transport,
        };

        print_said(&line, said, tally);
    }
}

static bool run_over(
    const char *language,
    const char *folder,
    const char *transport,
    struct tally *tally)
{
    char script[PATH_SIZE], rows[PATH_SIZE], host[PATH_SIZE],
        runner[PATH_SIZE];
    char output[OUTPUT_SIZE] = "";
    const char *const arguments[] = { "/usr/bin/python3", script, rows,
        transport, "--host", host, "--runner", runner, NULL };
    bool ended;

    program_file(script, sizeof script, "../bindings/pair.py");
    program_file(rows, sizeof rows, "rows.txt");
    snprintf(host, sizeof host, "%s/host", folder);
    snprintf(runner, sizeof runner, "%s/runner", folder);
    ended = program_run(arguments, output, sizeof output);
    if (!ended)
        fprintf(stderr, "wws-demo: %s over %s did not end well\n", language,
            transport);
    print_all(language, transport, output, tally);
    return ended;
}

bool language_run(
    const char *language,
    const char *folder,
    struct tally *tally)
{
    bool good = true;

    for (unsigned i = 0; i < SETTINGS; i++)
        good = run_over(language, folder, settings[i].transport, tally)
            && good;
    return good;
}
