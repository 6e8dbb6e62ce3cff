/* The peer of our host before wrk: nginx, which answers every request with the
 * reply that our host was taped with, and reads none.  It is one process, has
 * a folder of its own and ends with the server that started it. */
#include "bench.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_AGAIN_US = 500, LOOKS = 10000 };

#define NGINX "PATH=$PATH:/usr/sbin; "

static char folder[] = "/tmp/wws-bench-nginx-XXXXXX";
static pid_t pid;

bool nginx_there(void)
{
    return wrk_there() && system(NGINX "command -v nginx >/dev/null") == 0;
}

/* The value of a header, up to its end. */
static const char *header(const char *reply, const char *name, int *size)
{
    const char *found = strcasestr(reply, name);

    if (found == NULL)
        die("the reply has no %s", name);
    found += strlen(name);
    *size = (int) strcspn(found, "\r\n");
    return found;
}

static void print_reply(FILE *file, const struct tape *tape)
{
    const char *body = strstr(tape->back, "\r\n\r\n");
    int size;
    const char *type = header(tape->back, "\r\nContent-Type: ", &size);

    if (body == NULL || tape->sizes.back >= TAPED
        || strpbrk(body, "'$\\") != NULL)
        die("nginx cannot give that reply");
    fprintf(file,
            "types {} default_type '%.*s';\n"
            "location / { return 200 '%s'; }\n",
            size, type, body + 4);
}

static void print_settings(const struct tape *tape, uint16_t port)
{
    static const char *const kinds[] = { "client_body", "proxy", "fastcgi",
                                         "uwsgi", "scgi" };
    FILE *file;

    if (mkdtemp(folder) == NULL || chdir(folder) != 0
        || (file = fopen("nginx.conf", "w")) == NULL)
        die("cannot make a folder for nginx");
    fputs("daemon off; master_process off; pid pid;\n"
          "error_log stderr crit;\n"
          "events { worker_connections 256; }\n"
          "http {\n"
          "access_log off; keepalive_requests 1000000000;\n",
          file);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        fprintf(file, "%s_temp_path %s;\n", kinds[i], kinds[i]);
    fprintf(file, "server {\nlisten 127.0.0.1:%u;\n", port);
    print_reply(file, tape);
    fputs("}\n}\n", file);
    if (fclose(file) != 0)
        die("cannot write for nginx");
}

noreturn static void become_nginx(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl("/bin/sh", "sh", "-c",
          NGINX "exec nginx -e stderr -p \"$0/\" -c nginx.conf", folder,
          (char *) NULL);
    _exit(127);
}

/* Waits until it takes connections. */
static void await_nginx(uint16_t port)
{
    for (int i = 0; i < LOOKS; i++) {
        int fd = net_try(port);

        if (fd >= 0) {
            close(fd);
            return;
        }
        if (waitpid(pid, NULL, WNOHANG) != 0)
            break;
        pause_us(LOOK_AGAIN_US);
    }
    die("nginx does not start");
}

static void start(
    struct where *where,
    const struct bench *bench,
    const struct tape *tape)
{
    (void) bench;
    close(net_listen(&where->port));
    print_settings(tape, where->port);
    pid = fork();
    if (pid == 0)
        become_nginx();
    if (pid < 0)
        die("cannot start nginx");
    await_nginx(where->port);
}

static int forget(
    const char *path,
    const struct stat *about,
    int kind,
    struct FTW *where)
{
    (void) about;
    (void) kind;
    (void) where;
    return remove(path);
}

static void stop(void)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    nftw(folder, forget, 8, FTW_DEPTH | FTW_PHYS);
}

static uint64_t cpu_ns(void)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0
        || clock_gettime(clock, &used) != 0)
        die("nginx is gone");
    return (uint64_t) used.tv_sec * 1000000000 + (uint64_t) used.tv_nsec;
}

const struct server nginx_server = {
    .start = start,
    .stop = stop,
    .cpu_ns = cpu_ns,
};
