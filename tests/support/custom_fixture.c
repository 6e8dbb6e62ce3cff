/* Sessions over an application's own transport that does as it is told. */
#include "tests/support/custom_fixture.h"

#include "core/base/clock.h"
#include "core/base/memory.h"

struct fixture custom_fixture;

/* The slots. */

static wws_status enter(enum slot slot, wws_transport_task task)
{
    struct stage *stage = &it->stage;
    wws_status answer;
    bool inside;

    lock_it();
    stage->calls[slot]++;
    stage->tasks[slot] = task.id;
    assert_true(stage->all_count < ALL_TASKS);
    stage->all[stage->all_count++] = task.id;
    answer = stage->answers[slot];
    inside = stage->inside[slot];
    unlock_it();
    if (!inside)
        return answer;
    (void) complete_task(task.id, answer);
    return WWS_S_ASYNC;
}

static wws_status stage_connect(
    wws_transport_task task,
    wws_string address,
    void *state)
{
    assert_ptr_equal(state, &it->stage);
    assert_int_equal(address.size, strlen("stage:"));
    assert_memory_equal(address.data, "stage:", address.size);
    lock_it();
    it->stage.tasks[CONNECT] = task.id;
    unlock_it();
    if (!it->stage.late)
        (void) give_connection(CONNECT);
    return enter(CONNECT, task);
}

static wws_status stage_listen(
    wws_transport_task task,
    wws_string address,
    void *state)
{
    (void) address;
    assert_ptr_equal(state, &it->stage);
    lock_it();
    it->stage.tasks[LISTEN] = task.id;
    unlock_it();
    if (!it->stage.mute)
        (void) give_listener(LISTEN);
    return enter(LISTEN, task);
}

static wws_status stage_accept(wws_transport_task task, void *state)
{
    (void) state;
    if (it->stage.stops)
        stop_server(false);
    return enter(ACCEPT, task);
}

static wws_status stage_send(
    wws_transport_task task,
    wws_bytes octets,
    bool more,
    void *state)
{
    struct stage *stage = state;

    lock_it();
    assert_true(stage->sent_size + octets.size < sizeof stage->sent);
    if (octets.size != 0)
        memcpy(stage->sent + stage->sent_size, octets.data, octets.size);
    stage->sent_size += octets.size;
    stage->sent_more = more;
    unlock_it();
    return enter(SEND, task);
}

static wws_status stage_receive(wws_transport_task task, void *state)
{
    (void) state;
    return enter(RECEIVE, task);
}

static wws_status stage_shut_down(wws_transport_task task, void *state)
{
    (void) state;
    return enter(SHUT_DOWN, task);
}

static wws_status stage_close(wws_transport_task task, void *state)
{
    (void) state;
    return enter(CLOSE, task);
}

static wws_status stage_watch(wws_transport_task task, void *state)
{
    (void) state;
    return enter(WATCH, task);
}

static void count(int *counter)
{
    lock_it();
    (*counter)++;
    unlock_it();
}

static void stage_abort(void *state)
{
    (void) state;
    count(&it->stage.calls[ABORT]);
}

static void stage_stop(void *state)
{
    (void) state;
    count(&it->stage.calls[STOP]);
}

static void connection_freed(void *state)
{
    assert_ptr_equal(state, &it->stage);
    count(&it->stage.connections_freed);
}

static void listener_freed(void *state)
{
    assert_ptr_equal(state, &it->stage);
    count(&it->stage.listeners_freed);
}

static void table_freed(void *state)
{
    assert_ptr_equal(state, &it->stage);
    count(&it->stage.tables_freed);
}

/* Tasks. */

static struct wwi_transport_task *find(uint64_t id)
{
    struct wwi_transport_task *task;

    return wwi_table_get(id, WWI_KIND_TRANSPORT_TASK, &task) < 0 ? NULL
        : task;
}

static uint64_t latest(enum slot slot)
{
    uint64_t id;

    lock_it();
    id = it->stage.tasks[slot];
    unlock_it();
    return id;
}

wws_status complete_task(uint64_t id, wws_status status)
{
    struct wwi_transport_task *task = find(id);

    if (task == NULL)
        return WWS_E_HANDLE;
    status = wwi_transport_task_complete(task, status, NULL);
    wwi_object_unref(&task->object);
    return status;
}

wws_status complete(enum slot slot, wws_status status)
{
    return complete_task(latest(slot), status);
}

struct wwi_transport_task *hold_task(enum slot slot)
{
    return find(latest(slot));
}

wws_status give_connection(enum slot slot)
{
    struct wwi_transport_task *task = hold_task(slot);
    wws_custom_connection connection = WWS_CUSTOM_CONNECTION_INIT;
    wws_status status;

    if (task == NULL)
        return WWS_E_HANDLE;
    connection.state = &it->stage;
    connection.free_state = connection_freed;
    connection.send = stage_send;
    connection.receive = stage_receive;
    connection.shut_down = stage_shut_down;
    connection.close = stage_close;
    connection.abort = stage_abort;
    connection.watch = it->stage.unwatched ? NULL : stage_watch;
    status = wwi_transport_task_give_connection(task, &connection,
        WWS_STR("far"), WWS_STR("via"), NULL);
    wwi_object_unref(&task->object);
    return status;
}

wws_status give_listener(enum slot slot)
{
    struct wwi_transport_task *task = hold_task(slot);
    wws_custom_listener listener = WWS_CUSTOM_LISTENER_INIT;
    wws_status status;

    if (task == NULL)
        return WWS_E_HANDLE;
    listener.state = &it->stage;
    listener.free_state = listener_freed;
    listener.accept = stage_accept;
    listener.stop = stage_stop;
    status = wwi_transport_task_give_listener(task, &listener, WWS_STR(""),
        NULL);
    wwi_object_unref(&task->object);
    return status;
}

wws_status give_piece(enum slot slot, const char *octets, bool more)
{
    struct wwi_transport_task *task = hold_task(slot);
    wws_status status;

    if (task == NULL)
        return WWS_E_HANDLE;
    status = wwi_transport_task_give_piece(task, (wws_bytes) { octets,
        strlen(octets) }, more, NULL);
    wwi_object_unref(&task->object);
    return status;
}

wws_status give_reason(enum slot slot, const char *reason)
{
    struct wwi_transport_task *task = hold_task(slot);
    wws_status status;

    if (task == NULL)
        return WWS_E_HANDLE;
    status = wwi_transport_task_give_reason(task, (wws_string) { reason,
        strlen(reason) }, NULL);
    wwi_object_unref(&task->object);
    return status;
}

void bring(const char *octets, bool more)
{
    assert_int_equal(give_piece(RECEIVE, octets, more), WWS_S_OK);
    assert_int_equal(complete(RECEIVE, WWS_S_OK), WWS_S_OK);
}

void wait_for_call(enum slot slot, int calls)
{
    wait_for(&it->stage.calls[slot], calls);
}

int calls_of(enum slot slot)
{
    return value_of(&it->stage.calls[slot]);
}

/* Holders. */

static void has_opened(struct wwi_session *session)
{
    count(&((struct holder *) session->user)->opened);
}

static void has_phase(struct wwi_session *session, wws_phase phase)
{
    assert_int_equal(phase, WWS_PHASE_CONNECT);
    count(&((struct holder *) session->user)->phases);
}

static void has_arrived(struct wwi_session *session, struct wwi_piece *piece)
{
    struct holder *holder = session->user;

    lock_it();
    assert_int_equal(holder->failed, 0);
    wwi_bytes_append(&holder->got, piece->octets.data, piece->octets.size);
    holder->arrived++;
    holder->whole += !piece->more;
    unlock_it();
}

static void has_ended(
    struct wwi_session *session,
    const struct wwi_outcome *outcome)
{
    struct holder *holder = session->user;

    lock_it();
    assert_int_equal(holder->failed, 0);
    if (outcome->status == WWS_S_END)
        holder->ended++;
    else
        holder->failed++;
    holder->outcome = *outcome;
    unlock_it();
}

static void is_released(struct wwi_session *session)
{
    struct holder *holder = session->user;

    lock_it();
    assert_int_equal(holder->released, 0);
    holder->released++;
    unlock_it();
}

static const struct wwi_session_events events = {
    .opened = has_opened,
    .phase = has_phase,
    .arrived = has_arrived,
    .ended = has_ended,
    .released = is_released,
};

static void hold(struct holder *holder, struct wwi_session *session)
{
    session->events = &events;
    session->user = holder;
    lock_it();
    holder->session = session;
    unlock_it();
}

static bool may_begin(struct wwi_sending *sending)
{
    struct parcel *parcel = (struct parcel *) sending;

    parcel->begun++;
    return !parcel->refuse;
}

static void is_done(
    struct wwi_sending *sending,
    const struct wwi_outcome *outcome)
{
    struct parcel *parcel = (struct parcel *) sending;

    lock_it();
    assert_int_equal(parcel->done, 0);
    parcel->done = 1;
    parcel->outcome = *outcome;
    unlock_it();
}

wws_status utter_part(
    struct holder *holder,
    struct parcel *parcel,
    const char *text,
    bool continues,
    bool more)
{
    struct wwi_outgoing outgoing = { .continues = continues, .more = more };
    wws_status status;

    parcel->sending.begin = may_begin;
    parcel->sending.done = is_done;
    wwi_bytes_append(&outgoing.envelope, text, strlen(text));
    if (outgoing.envelope.failed)
        return WWS_E_OUTOFMEMORY;
    status = holder->session->calls->send(holder->session, &parcel->sending,
        &outgoing);
    wwi_bytes_fini(&outgoing.envelope);
    return status;
}

wws_status utter(
    struct holder *holder,
    struct parcel *parcel,
    const char *text)
{
    return utter_part(holder, parcel, text, false, false);
}

void ask(struct holder *holder)
{
    holder->session->calls->receive(holder->session);
}

void end_saying(struct holder *holder)
{
    holder->session->calls->shutdown(holder->session);
}

void cut(struct holder *holder)
{
    holder->session->calls->abort(holder->session);
}

void let_go(struct holder *holder)
{
    struct wwi_session *session;

    lock_it();
    session = holder->session;
    holder->session = NULL;
    unlock_it();
    if (session == NULL)
        return;
    session->calls->free(session);
    wait_for(&holder->released, 1);
}

void expect_words(wws_string text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

void expect_come(struct holder *holder, const char *text)
{
    lock_it();
    assert_int_equal(holder->got.size, strlen(text));
    assert_memory_equal(holder->got.data, text, strlen(text));
    unlock_it();
}

/* Clients. */

wws_status create_staged(void)
{
    struct wwi_session *session;
    wws_status status = wwi_custom_sessions.session_create(it->runtime,
        WWS_STR("stage:"), &it->client_options, &session, NULL);

    if (status >= 0)
        hold(&it->client, session);
    return status;
}

void open_staged(void)
{
    assert_int_equal(create_staged(), WWS_S_OK);
    it->client.session->calls->open(it->client.session);
    wait_for_call(CONNECT, 1);
    assert_int_equal(complete(CONNECT, WWS_S_OK), WWS_S_OK);
    wait_for(&it->client.opened, 1);
}

/* Servers. */

static void connected(struct wwi_session *session, void *state)
{
    struct holder *holder;

    assert_ptr_equal(state, it);
    lock_it();
    assert_true(it->places < SESSIONS);
    holder = &it->servers[it->places++];
    unlock_it();
    if (!it->refuses)
        hold(holder, session);
    count(&it->connected);
}

static void server_stopped(void *state)
{
    assert_ptr_equal(state, it);
    count(&it->stopped);
}

wws_status listen_staged(void)
{
    static const struct wwi_server_callbacks callbacks = {
        .connected = connected, .state = &custom_fixture };

    return wwi_custom_sessions.server_open(it->runtime, WWS_STR("stage:"),
        &it->server_options, &callbacks, &it->server, NULL);
}

void stop_server(bool reset)
{
    wwi_custom_sessions.server_stop(it->server, reset, server_stopped);
}

struct holder *come(void)
{
    int n = value_of(&it->connected);

    wait_for_call(ACCEPT, n + 1);
    assert_int_equal(give_connection(ACCEPT), WWS_S_OK);
    assert_int_equal(complete(ACCEPT, WWS_S_OK), WWS_S_OK);
    wait_for(&it->connected, n + 1);
    return &it->servers[n];
}

/* The fixture. */

static wws_status create_custom(void)
{
    wws_custom_transport table = WWS_CUSTOM_TRANSPORT_INIT;

    table.state = &it->stage;
    table.free_state = table_freed;
    table.connect = stage_connect;
    table.listen = stage_listen;
    return wwi_custom_create(&table, &it->custom, NULL);
}

int custom_set_up(void **state)
{
    (void) state;
    *it = (struct fixture) {
        .blocks = wwi_memory_live(),
        .handles = wwi_table_count(),
        .client_options = { .max_message_size = 64 },
        .server_options = { .max_message_size = 64, .max_connections = 4 },
    };
    for (int i = 0; i < SLOTS; i++)
        it->stage.answers[i] = WWS_S_ASYNC;
    it->stage.answers[LISTEN] = WWS_S_OK;
    it->runtime = start_engine();
    assert_int_equal(create_custom(), WWS_S_OK);
    wwi_custom_take(it->custom);
    it->client_options.custom = it->custom;
    it->server_options.custom = it->custom;
    return 0;
}

/* Slots may be called meanwhile. */
static bool take_task(uint64_t *id)
{
    struct stage *stage = &it->stage;
    bool any;

    lock_it();
    any = stage->all_count != 0;
    if (any)
        *id = stage->all[--stage->all_count];
    unlock_it();
    return any;
}

void end_tasks(void)
{
    uint64_t id;

    while (take_task(&id))
        (void) complete_task(id, WWS_E_OPERATION_ABORTED);
}

int custom_clean_up(void **state)
{
    int freed;

    (void) state;
    wwi_memory_fail(0, 0);
    wwi_clock_release();
    let_go(&it->client);
    if (it->server != NULL)
        stop_server(true);
    for (int i = 0; i < SESSIONS; i++)
        let_go(&it->servers[i]);
    let_everything_run();
    end_tasks();
    if (it->server != NULL) {
        wait_for(&it->stopped, 1);
        wwi_custom_sessions.server_free(it->server);
    }
    wwi_custom_unref(it->custom);
    end_engine(it->runtime);
    freed = it->stage.tables_freed;
    assert_int_equal(freed, 1);
    wwi_bytes_fini(&it->client.got);
    for (int i = 0; i < SESSIONS; i++)
        wwi_bytes_fini(&it->servers[i].got);
    assert_int_equal(wwi_memory_live(), it->blocks);
    assert_int_equal(wwi_table_count(), it->handles);
    return 0;
}
