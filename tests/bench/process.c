/* The two processes of a sample.  The client asks the server over a socket
 * pair, a request an octet: where it listens, and what it has used.  Both end
 * by themselves if anything hangs, and the server when its last asker is
 * gone. */
#include "bench.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_S = 30 };

static const struct part *part_of(const struct run *run)
{
    return &run->bench->parts[run->part];
}

static void settle_in(const struct run *run, const char *name)
{
    prctl(PR_SET_NAME, name);
    alarm(LIMIT_S);
    if (run->pinned)
        pin();
}

/* Answers with how long it took. */
static bool abort_server(const struct server *server, int control)
{
    uint64_t began = now_ns();
    double us;

    server->abort();
    us = (double) (now_ns() - began) / 1e3;
    return send(control, &us, sizeof us, MSG_NOSIGNAL) > 0;
}

static bool answer(
    const struct run *run,
    const struct where *where,
    int control,
    char request)
{
    const struct server *server = part_of(run)->server;
    struct usage usage;

    if (request == 'w')
        return send(control, where, sizeof *where, MSG_NOSIGNAL) > 0;
    if (request == 'a')
        return abort_server(server, control);
    usage_read(&usage, run->part == OURS);
    if (server->held != NULL)
        usage.held = server->held();
    if (server->cpu_ns != NULL)
        usage.cpu_ns = server->cpu_ns();
    return send(control, &usage, sizeof usage, MSG_NOSIGNAL) > 0;
}

void process_server(const struct run *run, int control)
{
    const struct server *server = part_of(run)->server;
    struct where where = { 0 };
    char request;

    settle_in(run, "bench-server");
    server->start(&where, run->bench, &run->tape);
    while (recv(control, &request, 1, 0) == 1) {
        if (!answer(run, &where, control, request))
            break;
    }
    if (server->stop != NULL)
        server->stop();
}

static void ask(int control, char request, void *reply, size_t size)
{
    if (send(control, &request, 1, MSG_NOSIGNAL) != 1
        || recv(control, reply, size, 0) != (ssize_t) size)
        die("the server is gone");
}

void server_usage(const struct job *job, struct usage *usage)
{
    ask(job->control, 'u', usage, sizeof *usage);
}

double server_abort(const struct job *job)
{
    double us;

    ask(job->control, 'a', &us, sizeof us);
    return us;
}

void process_client(const struct run *run, int control, int result)
{
    const struct part *part = part_of(run);
    struct sample sample;
    struct where where = { 0 };
    struct job job = {
        .bench = run->bench,
        .tape = &run->tape,
        .calls = run->calls,
        .control = control,
        .ours = run->part == OURS,
        .where = &where,
        .address = where.address[part->endpoint],
    };

    for (int i = 0; i < FIGURES; i++)
        sample.value[i] = NAN;
    settle_in(run, "bench-client");
    if (part->server != NULL)
        ask(control, 'w', &where, sizeof where);
    job.port = where.port;
    part->run(&job, &sample);
    if (write(result, &sample, sizeof sample) != (ssize_t) sizeof sample)
        die("nobody wants the sample");
}

/* Runs a role in a process of its own, under a tracer if that is wished.  It
 * must not keep the other end of its socket: it would not see that end. */
static pid_t begin(
    const struct run *run,
    bool client,
    int mine,
    int other,
    int result)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    if (other >= 0)
        close(other);
    if (run->trace != NULL)
        trace_exec(run, client, mine, result);
    if (client)
        process_client(run, mine, result);
    else
        process_server(run, mine);
    _exit(0);
}

static bool end(pid_t pid)
{
    int status = 0;

    return pid <= 0
        || (waitpid(pid, &status, 0) == pid && WIFEXITED(status)
            && WEXITSTATUS(status) == 0);
}

/* False if a process failed; it has said why. */
bool process_sample(const struct run *run, struct sample *sample)
{
    int control[2], result[2];
    pid_t server = 0, client;
    bool got, ended;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, control) != 0
        || pipe(result) != 0)
        die("cannot connect processes");
    client = begin(run, true, control[0], control[1], result[1]);
    close(control[0]);
    close(result[1]);
    if (part_of(run)->server != NULL)
        server = begin(run, false, control[1], -1, -1);
    close(control[1]);
    if (client < 0 || server < 0)
        die("cannot start a process");

    got = read(result[0], sample, sizeof *sample) == (ssize_t) sizeof *sample;
    close(result[0]);
    ended = end(client);
    return end(server) && ended && got;
}
