/* Lines for the log, and what is done about our own mistakes. */
#ifndef WWI_LOG_H
#define WWI_LOG_H

#include "wws/types.h"

struct wwi_log;

/* A place that lines go to; one for each runtime. */
struct wwi_log *wwi_log_create(void);
void wwi_log_free(struct wwi_log *log);
/* Callbacks may be null.  The table before has been left when this returns. */
wws_status wwi_log_set(
    struct wwi_log *log,
    wws_log_level level,
    const wws_log_callbacks *callbacks);

void wwi_log_write(
    struct wwi_log *log,
    wws_log_level level,
    wws_phase phase,
    const char *format,
    ...) __attribute__((format(printf, 4, 5)));

/* A rule of our own was broken: debug builds stop, release builds go on. */
void wwi_bug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
