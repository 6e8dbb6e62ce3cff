/* Lines for the log.  The table is used under a shared lock, so that whoever
 * sets another one knows that the old has been left. */
#include "core/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/text.h"

struct wwi_log {
    pthread_rwlock_t lock;
    _Atomic int64_t level; /* -1: no table */
    wws_log_callbacks callbacks;
};

struct wwi_log *wwi_log_create(void)
{
    struct wwi_log *log = wwi_alloc_zero(sizeof *log);

    if (log == NULL)
        return NULL;
    pthread_rwlock_init(&log->lock, NULL);
    atomic_store(&log->level, -1);
    return log;
}

void wwi_log_free(struct wwi_log *log)
{
    if (log == NULL)
        return;
    wwi_log_set(log, 0, NULL);
    pthread_rwlock_destroy(&log->lock);
    wwi_free(log);
}

wws_status wwi_log_set(
    struct wwi_log *log,
    wws_log_level level,
    const wws_log_callbacks *callbacks)
{
    wws_log_callbacks old;

    pthread_rwlock_wrlock(&log->lock);
    old = log->callbacks;
    log->callbacks = callbacks != NULL ? *callbacks : (wws_log_callbacks) { 0 };
    atomic_store(&log->level, callbacks != NULL ? (int64_t) level : -1);
    pthread_rwlock_unlock(&log->lock);
    if (old.free_state != NULL)
        old.free_state(old.state);
    return WWS_S_OK;
}

void wwi_log_write(
    struct wwi_log *log,
    wws_log_level level,
    wws_phase phase,
    const char *format,
    ...)
{
    char text[512];
    va_list arguments;
    int size;

    if (log == NULL || (int64_t) level > atomic_load(&log->level))
        return;
    va_start(arguments, format);
    size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    if ((size_t) size >= sizeof text)
        size = (int) wwi_utf8_whole(text, sizeof text - 1);
    pthread_rwlock_rdlock(&log->lock);
    if ((int64_t) level <= atomic_load(&log->level))
        log->callbacks.line(level, phase, (wws_string) { text, (size_t) size },
            log->callbacks.state);
    pthread_rwlock_unlock(&log->lock);
}

void wwi_bug(const char *format, ...)
{
#ifdef WWS_DEBUG
    va_list arguments;

    va_start(arguments, format);
    fputs("libwws: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
#else
    (void) format;
#endif
}
