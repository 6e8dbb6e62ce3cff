/* System calls per call, counted by strace.  Each process is run as a program
 * of its own under it, twice with different numbers of calls: the difference
 * leaves out what starting and ending cost. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FEWEST = 100, MOST = 1000 };

/* --role client|server BENCH PART CALLS OUT BACK CONTROL RESULT */
int trace_role(char **arguments)
{
    struct run run = {
        .part = strtoul(arguments[2], NULL, 10),
        .calls = (uint32_t) strtoul(arguments[3], NULL, 10),
        .tape.sizes.out = (uint32_t) strtoul(arguments[4], NULL, 10),
        .tape.sizes.back = (uint32_t) strtoul(arguments[5], NULL, 10),
    };
    int control = atoi(arguments[6]);

    for (size_t i = 0; i < bench_count; i++) {
        if (strcmp(benches[i].name, arguments[1]) == 0)
            run.bench = &benches[i];
    }
    if (run.bench == NULL)
        die("no bench '%s'", arguments[1]);
    if (strcmp(arguments[0], "client") == 0)
        process_client(&run, control, atoi(arguments[7]));
    else
        process_server(&run, control);
    return 0;
}

noreturn void trace_exec(const struct run *run, bool client, int fd, int out)
{
    const char *role = client ? "client" : "server";
    char self[1024], file[1024], numbers[6][24];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);

    if (size < 0)
        die("cannot find this program");
    self[size] = '\0';
    snprintf(file, sizeof file, "%s/%s", run->trace, role);
    snprintf(numbers[0], sizeof numbers[0], "%u", run->calls);
    snprintf(numbers[1], sizeof numbers[1], "%u", run->tape.sizes.out);
    snprintf(numbers[2], sizeof numbers[2], "%u", run->tape.sizes.back);
    snprintf(numbers[3], sizeof numbers[3], "%d", fd);
    snprintf(numbers[4], sizeof numbers[4], "%d", out);
    snprintf(numbers[5], sizeof numbers[5], "%zu", run->part);
    execlp("strace", "strace", "-f", "-c", "-o", file, self, "--role", role,
           run->bench->name, numbers[5], numbers[0], numbers[1],
           numbers[2], numbers[3], numbers[4], (char *) NULL);
    _exit(127);
}

/* The sum in strace's last line; NAN without it.  Removes the file. */
static double total(const char *folder, const char *role)
{
    char path[1024], line[256];
    double calls = NAN;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, role);
    file = fopen(path, "r");
    if (file == NULL)
        return NAN;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, " total\n") == NULL
            || sscanf(line, "%*f %*f %*f %lf", &calls) != 1)
            calls = NAN;
    }
    fclose(file);
    unlink(path);
    return calls;
}

static bool count(const struct run *run, double *client, double *server)
{
    struct sample unused;
    bool fine = process_sample(run, &unused);

    *client = total(run->trace, "client");
    *server = total(run->trace, "server");
    return fine && !isnan(*client) && !isnan(*server);
}

/* The calls that are added include their share of the warm-up. */
static double per_call(double few, double many, uint32_t calls)
{
    return (many - few) / (calls * 1.1);
}

/* False if they cannot be counted here. */
bool trace_count(struct run run, struct sample *sample)
{
    char folder[] = "/tmp/wws-bench-XXXXXX";
    double client[2], server[2];
    uint32_t calls = run.calls;
    bool fine;

    calls = calls < FEWEST ? FEWEST : calls > MOST ? MOST : calls;
    if (system("strace -V >/dev/null 2>&1") != 0 || mkdtemp(folder) == NULL)
        return false;
    run.trace = folder;
    run.calls = FEWEST;
    fine = count(&run, &client[0], &server[0]);
    run.calls = FEWEST + calls;
    fine = fine && count(&run, &client[1], &server[1]);
    rmdir(folder);
    if (!fine)
        return false;
    sample->value[CLIENT_SYSTEM_CALLS] =
        per_call(client[0], client[1], calls);
    sample->value[SERVER_SYSTEM_CALLS] =
        per_call(server[0], server[1], calls);
    return true;
}
