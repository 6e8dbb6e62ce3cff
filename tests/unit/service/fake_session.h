/* Sessions without wires, of the servers of fake.h.  A *line* is the client: it
 * says messages and hears answers, and its events come on the loop of the
 * runtime, as late as the rules of sessions allow. */
#ifndef FAKE_SESSION_H
#define FAKE_SESSION_H

#include "fake.h"

#include "core/transport/session.h"

enum { SAYINGS = 160, HEARINGS = 16, HEARING = 1024 };

struct line {
    struct wwi_session session;
    struct wwi_server *server;
    struct wwi_post post;
    struct wwi_fields fields;      /* of each message */
    wws_string action;             /* likewise; of size 0: none */
    struct wwi_list queue;         /* sendings */
    const char *said[SAYINGS];
    int said_count;
    int taken;                     /* of those, by the holder */
    char heard[HEARINGS][HEARING];
    int heard_count;
    int wanted;
    bool full;                     /* nothing is sent */
    bool deaf;                     /* a send finds no memory */
    bool patient;                  /* an abort is looked at later */
    bool breaks;                   /* while somebody sends */
    bool connected;
    bool hung_up, hung_up_told;
    wws_status failure;
    bool failure_told;
    bool closed;
    bool freed;
    int shut;
    int aborts;
    int released;
    int misused;                   /* calls that the rules forbid */
};

static struct wwi_server_options fake_options;

static struct line *line_of(struct wwi_session *session)
{
    return WWI_CONTAINER(session, struct line, session);
}

/* The server may be freed inside. */
static void close_line(struct line *line)
{
    struct wwi_server *server = line->server;
    bool first;

    pthread_mutex_lock(&fake_lock);
    first = !line->closed;
    line->closed = true;
    if (!first) {
        pthread_mutex_unlock(&fake_lock);
        return;
    }
    server->pending--;
    give_or_stop(server, server->pending == 0);
}

/* What leaves is heard; what does not is done all the same. */
static void finish_locked(
    struct line *line,
    struct wwi_sending *sending,
    struct wwi_outcome *outcome)
{
    char *heard = line->heard[line->heard_count];

    *outcome = (struct wwi_outcome) { .status = line->failure };
    if (line->failure < 0)
        return;
    if (line->freed)
        outcome->status = WWS_E_OPERATION_ABORTED;
    else if (!sending->begin(sending))
        outcome->status = WWS_E_OPERATION_CANCELLED;
    if (outcome->status < 0)
        return;
    assert_true(sending->body.size < HEARING);
    memcpy(heard, sending->body.data, sending->body.size);
    heard[sending->body.size] = '\0';
    line->heard_count++;
}

static bool flush_one(struct line *line)
{
    struct wwi_sending *sending = NULL;
    struct wwi_outcome outcome;
    struct wwi_link *link = NULL;

    pthread_mutex_lock(&fake_lock);
    if (!line->full || line->failure < 0 || line->freed)
        link = wwi_list_take(&line->queue);
    if (link != NULL) {
        sending = WWI_CONTAINER(link, struct wwi_sending, link);
        finish_locked(line, sending, &outcome);
        wwi_bytes_fini(&sending->body);
    }
    changed();
    if (sending != NULL)
        sending->done(sending, &outcome);
    return sending != NULL;
}

enum line_event {
    LINE_QUIET,
    LINE_CONNECTED,
    LINE_RELEASED,
    LINE_FAILED,
    LINE_ARRIVED,
    LINE_ENDED,
};

static enum line_event next_event_locked(struct line *line)
{
    if (!line->connected)
        return line->server != NULL ? LINE_CONNECTED : LINE_QUIET;
    if (line->freed)
        return line->released ? LINE_QUIET : LINE_RELEASED;
    if (line->failure < 0)
        return line->failure_told ? LINE_QUIET : LINE_FAILED;
    if (line->wanted > 0 && line->taken < line->said_count)
        return LINE_ARRIVED;
    if (line->hung_up && !line->hung_up_told
        && line->taken == line->said_count)
        return LINE_ENDED;
    return LINE_QUIET;
}

static enum line_event take_event(struct line *line, const char **message)
{
    enum line_event event;

    pthread_mutex_lock(&fake_lock);
    event = next_event_locked(line);
    line->connected |= event == LINE_CONNECTED;
    line->failure_told |= event == LINE_FAILED;
    line->hung_up_told |= event == LINE_ENDED;
    line->wanted -= event == LINE_ARRIVED;
    *message = event == LINE_ARRIVED ? line->said[line->taken++] : NULL;
    changed();
    return event;
}

static void bring(struct line *line, const char *message)
{
    struct wwi_piece piece = {
        .version = WWS_ENVELOPE_VERSION_SOAP_1_2,
        .has_action = line->action.size != 0,
        .action = line->action,
        .fields = line->fields,
    };

    wwi_bytes_append_text(&piece.octets, message);
    line->session.events->arrived(&line->session, &piece);
    wwi_bytes_fini(&piece.octets);
}

static void end_line(struct line *line, wws_status status)
{
    const struct wwi_outcome outcome = { .status = status };

    if (status < 0)
        close_line(line);
    line->session.events->ended(&line->session, &outcome);
}

static void release_line(struct line *line)
{
    close_line(line);
    line->session.events->released(&line->session);
    set_flag(&line->released);
}

static bool step_line(struct line *line)
{
    const char *message;

    if (flush_one(line))
        return true;
    switch (take_event(line, &message)) {
    case LINE_CONNECTED:
        line->server->callbacks.connected(&line->session,
            line->server->callbacks.state);
        return true;
    case LINE_ARRIVED:
        bring(line, message);
        return true;
    case LINE_ENDED:
        end_line(line, WWS_S_END);
        return true;
    case LINE_FAILED:
        end_line(line, line->failure);
        return true;
    case LINE_RELEASED:
        release_line(line);
        break;
    case LINE_QUIET:
        break;
    }
    return false;
}

static void run_line(struct wwi_work *work)
{
    struct line *line = WWI_CONTAINER(work, struct line, post.work);

    while (step_line(line))
        continue;
}

/* With the lock, which it gives back. */
static void wake_line(struct line *line)
{
    changed();
    (void) wwi_loop_post(line->session.loop, &line->post);
}

static void break_line(struct line *line, wws_status why)
{
    pthread_mutex_lock(&fake_lock);
    if (line->failure >= 0)
        line->failure = why;
    wake_line(line);
}

static void await_loop(const struct line *line)
{
    await_turn(line->session.loop);
}

static struct line *lock_line(struct wwi_session *session)
{
    struct line *line = line_of(session);

    pthread_mutex_lock(&fake_lock);
    line->misused += line->freed;
    return line;
}

static void break_inside_locked(struct line *line)
{
    pthread_mutex_unlock(&fake_lock);
    break_line(line, WWS_E_ENDPOINT_DISCONNECTED);
    await_loop(line);
    pthread_mutex_lock(&fake_lock);
    line->misused += line->freed;
}

static wws_status line_send(
    struct wwi_session *session,
    struct wwi_sending *sending,
    struct wwi_outgoing *outgoing)
{
    struct line *line = lock_line(session);
    wws_status status = WWS_S_OK;

    line->misused += line->shut;
    if (line->breaks)
        break_inside_locked(line);
    if (line->failure < 0)
        status = WWS_E_OBJECT_FAULTED;
    else if (line->deaf)
        status = WWS_E_OUTOFMEMORY;
    if (status >= 0) {
        sending->body = outgoing->envelope;
        outgoing->envelope = (struct wwi_bytes) { 0 };
        wwi_list_append(&line->queue, &sending->link);
    }
    pthread_mutex_unlock(&fake_lock);
    if (status >= 0)
        (void) flush_one(line);
    return status;
}

static void line_receive(struct wwi_session *session)
{
    struct line *line = lock_line(session);

    line->misused += line->wanted++;
    wake_line(line);
}

static void line_shutdown(struct wwi_session *session)
{
    struct line *line = lock_line(session);

    line->misused += !line->hung_up_told || !wwi_list_empty(&line->queue);
    line->shut++;
    wake_line(line);
}

static void line_abort(struct wwi_session *session)
{
    struct line *line = lock_line(session);

    line->aborts++;
    if (line->failure >= 0 && !line->patient)
        line->failure = WWS_E_OPERATION_ABORTED;
    wake_line(line);
}

static void line_free(struct wwi_session *session)
{
    struct line *line = lock_line(session);

    line->freed = true;
    wake_line(line);
}

static const struct wwi_session_calls line_calls = {
    .send = line_send,
    .receive = line_receive,
    .shutdown = line_shutdown,
    .abort = line_abort,
    .free = line_free,
};

/* What the client does */

static void init_line(struct line *line)
{
    memset(line, 0, sizeof *line);
    line->session.calls = &line_calls;
    line->session.runtime = runtime;
    line->session.loop = wwi_runtime_loop(runtime);
    wwi_list_init(&line->queue);
    wwi_post_init(&line->post, run_line);
}

/* The lines that a server has. */
static struct line *fake_lines[4];
static uint32_t fake_line_count;

static void connect_line(struct line *line, struct wwi_server *server)
{
    pthread_mutex_lock(&fake_lock);
    line->server = server;
    server->pending++;
    fake_lines[fake_line_count++] = line;
    wake_line(line);
}

static void say(struct line *line, const char *message)
{
    pthread_mutex_lock(&fake_lock);
    line->said[line->said_count++] = message;
    wake_line(line);
}

static void hang_up(struct line *line)
{
    pthread_mutex_lock(&fake_lock);
    line->hung_up = true;
    wake_line(line);
}

static inline void set_full(struct line *line, bool full)
{
    pthread_mutex_lock(&fake_lock);
    line->full = full;
    wake_line(line);
}

/* The server */

static wws_status sessions_open(
    struct wwi_runtime *engine,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **server,
    struct wwi_error *error)
{
    fake_options = *options;
    return fake_open(engine, url, options, callbacks, server, error);
}

static void sessions_stop(
    struct wwi_server *server,
    bool reset,
    void (*stopped)(void *state))
{
    uint32_t count;

    pthread_mutex_lock(&fake_lock);
    server->stopping = true;
    server->stopped = stopped;
    server->pending++;
    count = reset ? fake_line_count : 0;
    pthread_mutex_unlock(&fake_lock);
    for (uint32_t i = 0; i < count; i++)
        if (fake_lines[i]->server == server)
            break_line(fake_lines[i], WWS_E_OPERATION_ABORTED);
    pthread_mutex_lock(&fake_lock);
    server->pending--;
    give_or_stop(server, server->pending == 0);
}

static wws_status sessions_create(
    struct wwi_runtime *engine,
    wws_string address,
    const struct wwi_client_options *options,
    struct wwi_session **session,
    struct wwi_error *error)
{
    (void) engine;
    (void) address;
    (void) options;
    (void) session;
    return wwi_fail(error, WWS_E_NOT_SUPPORTED, "a server only");
}

static const struct wwi_transport fake_sessions = {
    .scheme = "fake",
    .server_open = sessions_open,
    .server_address = fake_address,
    .server_stop = sessions_stop,
    .server_free = fake_free,
    .session_create = sessions_create,
};

#endif
