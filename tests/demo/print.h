/* What the demo prints: for people, or as JSON, an object a line. */
#ifndef DEMO_PRINT_H
#define DEMO_PRINT_H

#include "relay.h"
#include "row.h"

void print_as_json(void);

/* A conversation: who spoke, over which transport, with which version of
 * SOAP, and how it went. */
void print_conversation(
    const char *client,
    const char *transport,
    const char *soap,
    const struct record *request,
    const struct record *reply,
    bool ok);

/* A row as it is printed; null where there is nothing to say. */
struct line {
    const char *cancel;
    const char *name;
    const char *transport;
    const char *mode;
    const char *language;
    const char *status;
    double us;
    const char *progress;
    const char *phase;
    const char *reason;
    bool neighbours_ok;
    bool ok;
};

void print_row_titles(void);
void print_row(const struct row *row);
void print_line(const struct line *line);
void print_end(unsigned rows, unsigned ok, double seconds);

const char *progress_name(wws_progress progress);
const char *phase_name(wws_phase phase);

#endif
