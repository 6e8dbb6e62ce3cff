/* wrk as the client of an HTTP server, ours or another: it posts the request
 * that our own client was taped with, over as many connections as there are
 * calls in flight.  It runs for a time, so the number of calls asked for does
 * not count. */
#include "bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define LASTS "1s"

struct tally {
    unsigned long calls;
    unsigned long failed;
    double us;
    double p50_us;
    double p99_us;
};

bool wrk_there(void)
{
    return system("command -v wrk >/dev/null") == 0;
}

/* As numbers, for Lua takes the ends of lines for its own. */
static void print_request(FILE *script, const struct tape *tape)
{
    if (tape->sizes.out >= TAPED)
        die("too large for wrk");
    fputs("local text = '", script);
    for (uint32_t i = 0; i < tape->sizes.out; i++)
        fprintf(script, "\\%03d", (unsigned char) tape->out[i]);
    fputs("'\n", script);
}

/* A file in memory, which lives as long as somebody has it open. */
static int write_script(const struct tape *tape)
{
    int fd = memfd_create("wrk.lua", 0);
    FILE *script = fd < 0 ? NULL : fdopen(dup(fd), "w");

    if (script == NULL)
        die("cannot write for wrk");
    print_request(script, tape);
    fputs("wrk.format = function() return text end\n"
          "done = function(summary, latency)\n"
          "  local e = summary.errors\n"
          "  io.write(string.format('wws %d %d %f %f %f\\n',\n"
          "    summary.requests,\n"
          "    e.connect + e.read + e.write + e.status + e.timeout,\n"
          "    summary.duration, latency:percentile(50),\n"
          "    latency:percentile(99)))\n"
          "end\n",
          script);
    fclose(script);
    return fd;
}

noreturn static void become_wrk(const struct job *job, int script, int out)
{
    char url[64], path[64], connections[24];
    const char *way = strchr(job->tape->out, ' ');

    snprintf(url, sizeof url, "http://127.0.0.1:%u%.*s", job->port,
             (int) strcspn(way + 1, " "), way + 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", script);
    snprintf(connections, sizeof connections, "-c%u", job->bench->in_flight);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    execlp("wrk", "wrk", "-t1", connections, "-d" LASTS, "-s", path, url,
           (char *) NULL);
    _exit(127);
}

static struct tally read_tally(int in)
{
    struct tally tally = { 0 };
    char line[256];
    bool found = false;
    FILE *file = fdopen(in, "r");

    if (file == NULL)
        die("cannot read from wrk");
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "wws %lu %lu %lf %lf %lf", &tally.calls,
                   &tally.failed, &tally.us, &tally.p50_us,
                   &tally.p99_us) == 5)
            found = true;
    }
    fclose(file);
    if (!found || tally.calls == 0 || tally.failed != 0)
        die("wrk had %lu calls, %lu failures", tally.calls, tally.failed);
    return tally;
}

static struct tally run_wrk(const struct job *job)
{
    int script = write_script(job->tape), out[2];
    struct tally tally;
    pid_t pid;

    if (pipe(out) != 0)
        die("cannot make a pipe");
    pid = fork();
    if (pid == 0)
        become_wrk(job, script, out[1]);
    close(out[1]);
    if (pid < 0)
        die("cannot start wrk");
    tally = read_tally(out[0]);
    waitpid(pid, NULL, 0);
    close(script);
    return tally;
}

static double children_cpu_us(void)
{
    struct rusage used;

    getrusage(RUSAGE_CHILDREN, &used);
    return (double) (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6
        + (double) (used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

void wrk_calls(const struct job *job, struct sample *sample)
{
    double *value = sample->value;
    struct usage before, after;
    struct tally tally;

    server_usage(job, &before);
    tally = run_wrk(job);
    server_usage(job, &after);

    value[P50_US] = tally.p50_us;
    value[P99_US] = tally.p99_us;
    value[CALLS_PER_S] = (double) tally.calls * 1e6 / tally.us;
    value[CLIENT_CPU_US] = children_cpu_us() / (double) tally.calls;
    value[SERVER_CPU_US] =
        (double) (after.cpu_ns - before.cpu_ns) / 1e3 / (double) tally.calls;
    value[BOTH_CPU_US] = value[CLIENT_CPU_US] + value[SERVER_CPU_US];
}
