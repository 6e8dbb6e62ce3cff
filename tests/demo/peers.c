/* The other processes of the demo. */
#include "peers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patience.h"

enum { PROCESSES = 16 };

/* The ids of those that run, also for a signal handler. */
static _Atomic pid_t running[PROCESSES];

static void replace_running(pid_t from, pid_t to)
{
    for (unsigned i = 0; i < PROCESSES; i++) {
        pid_t expected = from;

        if (atomic_compare_exchange_strong(&running[i], &expected, to))
            return;
    }
}

static void kill_all(void)
{
    for (unsigned i = 0; i < PROCESSES; i++) {
        pid_t pid = atomic_exchange(&running[i], 0);

        if (pid > 0)
            kill(pid, SIGKILL);
    }
}

static void on_signal(int number)
{
    static const char late[] = "wws-demo: took too long\n";

    kill_all();
    if (number == SIGALRM)
        (void) !write(STDERR_FILENO, late, sizeof late - 1);
    _exit(1);
}

void peers_prepare(void)
{
    const struct sigaction action = { .sa_handler = on_signal };
    static const int signals[] = { SIGALRM, SIGHUP, SIGINT, SIGTERM };

    for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void) sigaction(signals[i], &action, NULL);
    (void) atexit(kill_all);
    alarm(DEMO_LIMIT_S);
}

/* In the child, where only the calling thread exists: puts fd at target and
 * becomes the program. */
static void become(
    const char *path,
    const char *const *arguments,
    int fd,
    int target,
    pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(127);
    /* dup2() clears the flag, but for a descriptor that is there already. */
    if (fd == target ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, target) < 0)
        _exit(127);
    execvp(path, (char *const *) arguments);
    _exit(127);
}

static pid_t start(
    const char *path,
    const char *const *arguments,
    int fd,
    int target)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0)
        become(path, arguments, fd, target, parent);
    if (pid > 0)
        replace_running(0, pid);
    return pid;
}

struct ending {
    pid_t pid;
    int result;
};

static bool has_ended(void *about)
{
    struct ending *ending = about;

    return waitpid(ending->pid, &ending->result, WNOHANG) == ending->pid;
}

/* Whether it ended by itself, with success. */
static bool reap(pid_t pid)
{
    struct ending ending = { .pid = pid };
    bool ended = comes_true(has_ended, &ending);

    if (!ended) {
        kill(pid, SIGKILL);
        (void) waitpid(pid, &ending.result, 0);
    }
    replace_running(pid, 0);
    return ended && WIFEXITED(ending.result)
        && WEXITSTATUS(ending.result) == 0;
}

bool peer_start(struct peer *peer, const char *const *arguments)
{
    int ends[2];

    *peer = (struct peer) { .control = -1 };
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return false;
    peer->pid = start("/proc/self/exe", arguments, ends[1], CONTROL_FD);
    peer->control = ends[0];
    close(ends[1]);
    return peer->pid > 0;
}

bool peer_end(struct peer *peer)
{
    bool good;

    if (peer->pid <= 0)
        return true;
    close(peer->control);
    good = reap(peer->pid);
    peer->pid = 0;
    return good;
}

void peer_kill(struct peer *peer)
{
    if (peer->pid > 0)
        kill(peer->pid, SIGKILL);
}

bool note_send(int control, const struct note *note)
{
    return send(control, note, sizeof *note, MSG_NOSIGNAL)
        == (ssize_t) sizeof *note;
}

bool note_receive(int control, struct note *note)
{
    ssize_t size;

    do
        size = recv(control, note, sizeof *note, 0);
    while (size < 0 && errno == EINTR);
    return size == (ssize_t) sizeof *note;
}

bool peer_tell(struct peer *peer, enum note_kind kind, uint32_t key)
{
    struct note note = { .kind = kind, .key = key };

    return note_send(peer->control, &note);
}

/* Takes one more note, until then; what has failed is said at once. */
static bool take_note(struct peer *peer, int64_t until)
{
    struct pollfd wanted = { .fd = peer->control, .events = POLLIN };
    struct note *note = &peer->notes[peer->count];

    if (peer->count == NOTES_KEPT
        || poll(&wanted, 1, left_ms(until)) <= 0
        || !note_receive(peer->control, note))
        return false;
    peer->count++;
    if (note->kind == NOTE_FAILED)
        fprintf(stderr, "wws-demo: host: %u: %s\n", note->key, note->text);
    return true;
}

static const struct note *find(
    const struct peer *peer,
    enum note_kind kind,
    uint32_t key)
{
    for (unsigned i = 0; i < peer->count; i++)
        if (peer->notes[i].kind == kind && peer->notes[i].key == key)
            return &peer->notes[i];
    return NULL;
}

bool peer_await(
    struct peer *peer,
    enum note_kind kind,
    uint32_t key,
    struct note *note)
{
    int64_t until = patience_ends();
    const struct note *found;

    while ((found = find(peer, kind, key)) == NULL)
        if (!take_note(peer, until))
            return false;
    if (note != NULL)
        *note = *found;
    return true;
}

unsigned peer_count(struct peer *peer, enum note_kind kind, uint32_t key)
{
    unsigned count = 0;

    while (take_note(peer, 0))
        continue;
    for (unsigned i = 0; i < peer->count; i++)
        count += peer->notes[i].kind == kind && peer->notes[i].key == key;
    return count;
}

void peer_forget(struct peer *peer)
{
    peer->count = 0;
}

/* Until the program closes its output, or says nothing for too long. */
static void read_all(int fd, char *output, size_t size)
{
    struct pollfd wanted = { .fd = fd, .events = POLLIN };
    size_t used = 0;
    ssize_t count;

    while (used + 1 < size && poll(&wanted, 1, PROGRAM_PATIENCE_MS) > 0) {
        count = read(fd, output + used, size - 1 - used);
        if (count <= 0)
            break;
        used += (size_t) count;
    }
    output[used] = '\0';
}

bool program_run(const char *const *arguments, char *output, size_t size)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    pid = start(arguments[0], arguments, ends[1], STDOUT_FILENO);
    close(ends[1]);
    if (pid > 0)
        read_all(ends[0], output, size);
    close(ends[0]);
    return pid > 0 && reap(pid);
}

void program_file(char *path, size_t size, const char *name)
{
    const char *here = __FILE__;
    int folder = (int) (strrchr(here, '/') + 1 - here);

    snprintf(path, size, "%.*s%s", folder, here, name);
}
