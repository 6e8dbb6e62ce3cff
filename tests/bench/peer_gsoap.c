/* gSOAP at the same work: what soapcpp2 makes of peer_gsoap.gsoap, on Debian's
 * library.  A server thread for each connection and a client thread for each
 * call in flight, for gSOAP blocks; connections are kept. */
#include "bench.h"

#ifdef BENCH_GSOAP

#include <bench.nsmap>
#include <gsoapH.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACKLOG = 2 * IN_FLIGHT,
    MODE = SOAP_IO_KEEPALIVE | SOAP_C_UTFSTRING,
};

bool gsoap_there(void)
{
    return true;
}

int ns__Add(struct soap *soap, int a, int b, int *sum)
{
    (void) soap;
    *sum = a + b;
    return SOAP_OK;
}

int ns__Echo(struct soap *soap, char *text, char **reply)
{
    (void) soap;
    *reply = text;
    return SOAP_OK;
}

static struct soap *create(void)
{
    struct soap *soap = soap_new2(MODE, MODE);

    if (soap == NULL)
        die("cannot make a gSOAP context");
    soap->max_keep_alive = 0;
    soap->bind_flags = SO_REUSEADDR;
    return soap;
}

static void destroy(struct soap *soap)
{
    soap_destroy(soap);
    soap_end(soap);
    soap_free(soap);
}

static void *serve_connection(void *argument)
{
    struct soap *soap = argument;

    soap_serve(soap);
    destroy(soap);
    return NULL;
}

static void *serve(void *argument)
{
    struct soap *soap = argument;

    for (;;) {
        pthread_t thread;

        if (!soap_valid_socket(soap_accept(soap))
            || pthread_create(&thread, NULL, serve_connection,
                              soap_copy(soap)) != 0)
            die("gSOAP cannot accept");
        pthread_detach(thread);
    }
    return NULL;
}

static void start(
    struct where *where,
    const struct bench *bench,
    const struct tape *tape)
{
    struct soap *soap = create();
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    pthread_t thread;

    (void) bench;
    (void) tape;
    if (!soap_valid_socket(soap_bind(soap, "127.0.0.1", 0, BACKLOG))
        || getsockname(soap->master, (struct sockaddr *) &address, &size) != 0)
        die("gSOAP cannot listen");
    where->port = ntohs(address.sin_port);
    if (pthread_create(&thread, NULL, serve, soap) != 0)
        die("cannot start a thread");
}

const struct server gsoap_server = { .start = start };

struct caller {
    struct soap *soap;
    char url[64];
    char *text;  /* null: an Add is called */
    size_t text_size;
};

static struct caller caller_create(const struct job *job)
{
    struct caller caller = {
        .soap = create(),
        .text_size = job->bench->echo,
    };

    snprintf(caller.url, sizeof caller.url, "http://127.0.0.1:%u", job->port);
    if (caller.text_size != 0) {
        caller.text = allocate(1, caller.text_size + 1);
        memset(caller.text, 'x', caller.text_size);
    }
    return caller;
}

static void caller_free(struct caller *caller)
{
    destroy(caller->soap);
    free(caller->text);
}

static bool call_add(struct caller *caller)
{
    int sum = 0;

    return soap_call_ns__Add(caller->soap, caller->url,
                             "http://example.org/calculator/Add", 17, 25,
                             &sum) == SOAP_OK
        && sum == 42;
}

static bool call_echo(struct caller *caller)
{
    char *reply = NULL;

    return soap_call_ns__Echo(caller->soap, caller->url,
                              "http://example.org/calculator/Echo",
                              caller->text, &reply) == SOAP_OK
        && strlen(reply) == caller->text_size;
}

static void call(void *state)
{
    struct caller *caller = state;

    if (!(caller->text != NULL ? call_echo(caller) : call_add(caller)))
        die("gSOAP cannot call");
    soap_destroy(caller->soap);
    soap_end(caller->soap);
}

void gsoap_calls(const struct job *job, struct sample *sample)
{
    struct caller caller = caller_create(job);

    drive_each(job, sample, call, &caller);
    caller_free(&caller);
}

void gsoap_flight(const struct job *job, struct sample *sample)
{
    struct caller callers[IN_FLIGHT];
    void *states[IN_FLIGHT];

    for (int i = 0; i < IN_FLIGHT; i++) {
        callers[i] = caller_create(job);
        states[i] = &callers[i];
    }
    drive_crowd(job, sample, call, states);
    for (int i = 0; i < IN_FLIGHT; i++)
        caller_free(&callers[i]);
}

#else

/* It is not installed; nothing of it is called. */
const struct server gsoap_server;

bool gsoap_there(void)
{
    return false;
}

void gsoap_calls(const struct job *job, struct sample *sample)
{
    (void) job;
    (void) sample;
}

void gsoap_flight(const struct job *job, struct sample *sample)
{
    (void) job;
    (void) sample;
}

#endif
