/* Who serves all that a host asks for, and keeps a diary of it. */
#include "tests/support/public/desk.h"

#include <poll.h>
#include <time.h>

static const wws_error no_error;

static char letter_of(wws_operation_kind kind)
{
    static const char letters[KINDS] = {
        [ACCEPT] = 'A', [AUTHORIZE] = 'U', [CALL] = 'C', [MESSAGE] = 'M',
        [CLOSE] = 'X',
    };

    must(kind < KINDS);
    return letters[kind];
}

static void write_locked(struct desk *desk, const char *mark, char letter)
{
    size_t size = strlen(desk->diary);

    must(size + 3 < sizeof desk->diary);
    sprintf(desk->diary + size, "%s%c", mark, letter);
    pthread_cond_broadcast(&desk->changed);
}

static void cancelled(wws_cancel_reason reason, void *state)
{
    struct note *note = state;
    struct desk *desk = note->desk;

    pthread_mutex_lock(&desk->lock);
    if (reason == WWS_CANCEL_REASON_HOST_ABORTED)
        desk->host_aborted++;
    else
        desk->channel_faulted++;
    write_locked(desk, "!", letter_of(note->info.kind));
    pthread_mutex_unlock(&desk->lock);
}

static void registration_ends(void *state)
{
    struct note *note = state;
    struct desk *desk = note->desk;

    pthread_mutex_lock(&desk->lock);
    write_locked(desk, "-", letter_of(note->info.kind));
    pthread_mutex_unlock(&desk->lock);
}

static void register_note(struct note *note)
{
    wws_cancel_callbacks callbacks = WWS_CANCEL_CALLBACKS_INIT;

    callbacks.state = note;
    callbacks.cancelled = cancelled;
    callbacks.free_state = registration_ends;
    must(wws_operation_register_for_cancel(note->operation, &callbacks,
        no_error) == WWS_S_OK);
}

/* What is written down when a channel is accepted is its state. */
static void look_after_state(struct note *note)
{
    struct desk *desk = note->desk;
    const struct note *accept = note->info.channel_state;

    if (note->info.kind == ACCEPT) {
        must(wws_operation_set_channel_state(note->operation, note, no_error)
            == WWS_S_OK);
        desk->accepted++;
    } else if (note->info.channel != 0) {
        must(accept != NULL && accept->info.channel == note->info.channel);
        desk->closed += note->info.kind == CLOSE;
    }
}

static struct note *write_down(struct desk *desk, wws_operation operation)
{
    struct note *note;

    pthread_mutex_lock(&desk->lock);
    must(desk->count < DESK_MOST);
    note = &desk->notes[desk->count++];
    note->desk = desk;
    note->operation = operation;
    note->info = (wws_operation_info) WWS_OPERATION_INFO_INIT;
    must(wws_operation_get_info(operation, &note->info, no_error)
        == WWS_S_OK);
    look_after_state(note);
    pthread_mutex_unlock(&desk->lock);
    return note;
}

static wws_status serve(wws_operation operation, void *state)
{
    struct desk *desk = state;
    struct note *note = write_down(desk, operation);
    struct conduct conduct;

    pthread_mutex_lock(&desk->lock);
    conduct = desk->of[note->info.kind];
    pthread_mutex_unlock(&desk->lock);
    if (conduct.act != NULL)
        conduct.act(desk, operation);
    if (conduct.registers)
        register_note(note);
    pthread_mutex_lock(&desk->lock);
    note->waits = conduct.waits;
    write_locked(desk, "", letter_of(note->info.kind));
    pthread_mutex_unlock(&desk->lock);
    return conduct.waits ? WWS_S_ASYNC : conduct.result;
}

/* The host has ended it before anybody fetched it. */
static bool is_stale(wws_operation operation)
{
    wws_operation_info info = WWS_OPERATION_INFO_INIT;

    return wws_operation_get_info(operation, &info, no_error) == WWS_E_HANDLE;
}

static bool fetch(struct desk *desk)
{
    wws_event event = WWS_EVENT_INIT;
    wws_status status;
    uint32_t count;

    do {
        must(wws_queue_next(desk->queue, 1, &event, &count, no_error)
            == WWS_S_OK);
        if (count == 0)
            return false;
    } while (is_stale(event.operation));
    status = serve(event.operation, event.state);
    if (status != WWS_S_ASYNC)
        (void) wws_operation_complete(event.operation, status, no_error);
    return true;
}

static bool waits_for(const struct desk *desk, int ms)
{
    struct pollfd readable = { .events = POLLIN };

    must(wws_queue_get_fd(desk->queue, &readable.fd, no_error) == WWS_S_OK);
    return poll(&readable, 1, ms) == 1;
}

bool desk_has_event(struct desk *desk)
{
    return waits_for(desk, HANG_MS);
}

void desk_fetch(struct desk *desk)
{
    while (!fetch(desk))
        must(waits_for(desk, HANG_MS));
}

static void *run_pump(void *state)
{
    struct desk *desk = state;
    bool ends;

    for (;;) {
        while (fetch(desk))
            continue;
        pthread_mutex_lock(&desk->lock);
        ends = desk->ends;
        pthread_mutex_unlock(&desk->lock);
        if (ends)
            return NULL;
        (void) waits_for(desk, 10);
    }
}

wws_endpoint_options desk_endpoint(void)
{
    wws_endpoint_options endpoint = endpoint_options();

    endpoint.channel_events = true;
    endpoint.authorizes = true;
    return endpoint;
}

static void choose_way(
    struct desk *desk,
    enum way way,
    wws_endpoint_options *endpoint,
    wws_operation_callbacks *operations)
{
    operations->state = desk;
    endpoint->operations = operations;
    endpoint->address = text(wire()->any_port);
    if (way == QUEUE_WAY || way == BY_HAND) {
        must(wws_queue_create(desk->world->runtime, &desk->queue, no_error)
            == WWS_S_OK);
        operations->queue = desk->queue;
        desk->has_pump = way == QUEUE_WAY;
        if (desk->has_pump)
            must(pthread_create(&desk->pump, NULL, run_pump, desk) == 0);
        return;
    }
    operations->serve = serve;
    endpoint->callback_model = way == SHORT_WAY ? WWS_CALLBACK_MODEL_SHORT
        : WWS_CALLBACK_MODEL_LONG;
}

void desk_open(
    struct desk *desk,
    struct world *world,
    enum way way,
    const wws_endpoint_options *endpoint)
{
    wws_operation_callbacks operations = WWS_OPERATION_CALLBACKS_INIT;
    wws_endpoint_options ours = endpoint != NULL ? *endpoint
        : endpoint_options();
    wws_buffer address;

    desk->world = world;
    pthread_mutex_init(&desk->lock, NULL);
    pthread_cond_init(&desk->changed, NULL);
    choose_way(desk, way, &ours, &operations);
    must(wws_service_host_create(world->runtime, desk->options, &desk->host,
        no_error) == WWS_S_OK);
    must(wws_service_host_add_endpoint(desk->host, &ours, no_error)
        == WWS_S_OK);
    must(wws_service_host_open(desk->host, NULL, no_error) == WWS_S_OK);
    must(wws_service_host_get_address(desk->host, 0, &address, no_error)
        == WWS_S_OK);
    must(address.size < sizeof desk->url);
    memcpy(desk->url, address.data, address.size);
    wws_buffer_release(&address);
}

void desk_set(
    struct desk *desk,
    wws_operation_kind kind,
    struct conduct conduct)
{
    pthread_mutex_lock(&desk->lock);
    desk->of[kind] = conduct;
    pthread_mutex_unlock(&desk->lock);
}

static struct note *take_waiting(struct desk *desk, unsigned kinds)
{
    struct note *found = NULL;

    pthread_mutex_lock(&desk->lock);
    for (unsigned i = 0; i < desk->count && found == NULL; i++)
        if (desk->notes[i].waits
            && (kinds >> desk->notes[i].info.kind & 1) != 0)
            found = &desk->notes[i];
    if (found != NULL)
        found->waits = false;
    pthread_mutex_unlock(&desk->lock);
    return found;
}

static void complete(struct desk *desk, struct note *note)
{
    must(note != NULL);
    must(wws_operation_complete(note->operation,
        desk->of[note->info.kind].result, no_error) == WWS_S_OK);
}

void desk_complete(struct desk *desk, wws_operation_kind kind)
{
    complete(desk, take_waiting(desk, 1u << kind));
}

void desk_close(struct desk *desk)
{
    struct note *note;

    pthread_mutex_lock(&desk->lock);
    for (int kind = 0; kind < KINDS; kind++)
        desk->of[kind].waits = false;
    pthread_mutex_unlock(&desk->lock);
    while ((note = take_waiting(desk, ~0u)) != NULL)
        complete(desk, note);
    (void) wws_service_host_close(desk->host, NULL, no_error);
    must(wws_service_host_free(desk->host) == WWS_S_OK);
    if (desk->has_pump) {
        pthread_mutex_lock(&desk->lock);
        desk->ends = true;
        pthread_mutex_unlock(&desk->lock);
        must(pthread_join(desk->pump, NULL) == 0);
    }
    must(desk->closed == desk->accepted || desk->dropped);
    (void) wws_queue_free(desk->queue);
    pthread_cond_destroy(&desk->changed);
    pthread_mutex_destroy(&desk->lock);
}

bool desk_reads(struct desk *desk, const char *diary)
{
    struct timespec end;
    bool reads;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HANG_MS / 1000;
    pthread_mutex_lock(&desk->lock);
    while (strlen(desk->diary) < strlen(diary)
        && pthread_cond_timedwait(&desk->changed, &desk->lock, &end) == 0)
        continue;
    reads = strcmp(desk->diary, diary) == 0;
    if (!reads)
        fprintf(stderr, "diary: %s, wanted %s\n", desk->diary, diary);
    pthread_mutex_unlock(&desk->lock);
    return reads;
}

unsigned desk_count(struct desk *desk, const unsigned *counter)
{
    unsigned value;

    pthread_mutex_lock(&desk->lock);
    value = *counter;
    pthread_mutex_unlock(&desk->lock);
    return value;
}
