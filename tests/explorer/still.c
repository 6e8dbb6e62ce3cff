/* Whether anything goes on in the process: a thread that is not asleep, or a
 * packet on its way between two of its sockets.  On a busy machine packets wait
 * for threads of the system, which anybody may look at. */
#include "tests/explorer/steer.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CARRIERS = 256 };

/* Those of the system, as folders of /proc. */
static long carriers[CARRIERS];
static unsigned carrier_count;

static size_t read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t got = 0;

    if (file != NULL) {
        got = fread(text, 1, size - 1, file);
        fclose(file);
    }
    text[got] = '\0';
    return got;
}

/* One that has ended sleeps for ever. */
static bool sleeps(const char *folder, long id)
{
    char path[64], text[512], *end;

    (void) snprintf(path, sizeof path, "%s/%ld/stat", folder, id);
    if (read_text(path, text, sizeof text) == 0)
        return true;
    end = strrchr(text, ')');
    return end == NULL || end[1] == '\0' || strchr("RD", end[2]) == NULL;
}

static bool is_carrier(const char *id)
{
    char path[64], name[32];

    (void) snprintf(path, sizeof path, "/proc/%.20s/comm", id);
    return read_text(path, name, sizeof name) != 0
        && strncmp(name, "ksoftirqd/", 10) == 0;
}

void still_begin(void)
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;

    must(folder != NULL);
    while ((entry = readdir(folder)) != NULL && carrier_count < CARRIERS)
        if (atol(entry->d_name) > 0 && is_carrier(entry->d_name))
            carriers[carrier_count++] = atol(entry->d_name);
    closedir(folder);
}

static bool others_sleep(void)
{
    long self = syscall(SYS_gettid);
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    bool all = true;

    must(folder != NULL);
    while (all && (entry = readdir(folder)) != NULL)
        all = entry->d_name[0] == '.' || atol(entry->d_name) == self
            || sleeps("/proc/self/task", atol(entry->d_name));
    closedir(folder);
    return all;
}

bool is_still(void)
{
    for (unsigned i = 0; i < carrier_count; i++)
        if (!sleeps("/proc", carriers[i]))
            return false;
    return others_sleep();
}
