/* The rows of other languages: the runner of each carries out rows.txt against
 * its own host; see tests/bindings. */
#ifndef DEMO_LANGUAGES_H
#define DEMO_LANGUAGES_H

#include <stdbool.h>

/* What the rows came to. */
struct tally {
    unsigned rows;
    unsigned ok;
};

/* Prints a row for each scenario, over each transport; whether the programs in
 * the folder ran as they should. */
bool language_run(
    const char *language,
    const char *folder,
    struct tally *tally);

#endif
