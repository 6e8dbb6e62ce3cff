/* The clients of a mux: one exchange at a time, moved on by whoever owns it.
 *
 * A step looks at what the session has told meanwhile, under the lock of the
 * mux.  What a client sends is a letter of its own, because octets that have
 * begun to leave are sent to their end even when nobody wants that any more. */
#include "core/channel/mux_parts.h"

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"

#include <stdio.h>

enum { KEEP_SIZE = 4096 };

/* Of an exchange that no step has moved yet: nobody else knows of it. */
static void set_track(struct wwi_client *base, wws_phase phase)
{
    atomic_store(&base->track->phase, (uint8_t) phase);
    atomic_store(&base->track->progress, WWS_PROGRESS_NOT_SENT);
}

void wwi_mux_mark(
    struct wwi_mux_client *client,
    wws_phase phase,
    wws_progress progress)
{
    struct wwi_track *track = client->synced.track;

    if (track == NULL)
        return;
    atomic_store(&track->phase, (uint8_t) phase);
    if (atomic_load(&track->progress) < progress)
        atomic_store(&track->progress, (uint8_t) progress);
}

/* Letters. */

static struct wwi_mux_letter *letter_of(struct wwi_sending *sending)
{
    return WWI_CONTAINER(sending, struct wwi_mux_letter, sending);
}

static void empty_letter(struct wwi_mux_letter *letter)
{
    wwi_bytes_fini(&letter->outgoing.envelope);
    wwi_bytes_fini(&letter->sending.head);
    wwi_bytes_fini(&letter->sending.body);
}

static void free_letter(struct wwi_mux_letter *letter)
{
    if (letter == NULL)
        return;
    empty_letter(letter);
    wwi_free(letter);
}

/* Whoever stops the exchange sets stop and then reads the progress; here it is
 * the other way round. */
static bool may_begin(struct wwi_mux_client *client)
{
    struct wwi_track *track;

    if (client == NULL || client->synced.track == NULL)
        return false;
    track = client->synced.track;
    wwi_mux_mark(client, WWS_PHASE_SEND, WWS_PROGRESS_PARTLY_SENT);
    if (!atomic_load(&track->stop))
        return true;
    if (!client->synced.begun)
        atomic_store(&track->progress, WWS_PROGRESS_NOT_SENT);
    return false;
}

static bool letter_begins(struct wwi_sending *sending)
{
    struct wwi_mux_letter *letter = letter_of(sending);
    struct wwi_mux_client *client;
    bool may;

    wwi_lock_take(&letter->mux->synced.lock);
    client = letter->client;
    may = may_begin(client);
    if (may) {
        client->synced.begun = true;
        client->synced.midway = letter->outgoing.more;
    }
    wwi_lock_give(&letter->mux->synced.lock);
    return may;
}

/* What the session says itself goes with it; what the mux has stays. */
static void keep_text(struct wwi_mux *mux, struct wwi_outcome *outcome)
{
    if (outcome->text != mux->session->text)
        return;
    if (mux->synced.outcome.status >= 0 && mux->synced.text[0] == '\0')
        snprintf(mux->synced.text, sizeof mux->synced.text, "%s",
            outcome->text);
    outcome->text = mux->synced.text;
}

static void letter_done(
    struct wwi_sending *sending,
    const struct wwi_outcome *outcome)
{
    struct wwi_mux_letter *letter = letter_of(sending);
    struct wwi_mux *mux = letter->mux;
    struct wwi_mux_client *client;

    WWI_GATE(MUX_SENT);
    empty_letter(letter);
    wwi_mux_enter(mux);
    mux->synced.busy--;
    letter->state = WWI_MUX_LETTER_DONE;
    letter->outcome = *outcome;
    keep_text(mux, &letter->outcome);
    client = letter->client;
    if (client != NULL) {
        /* What a client without a track got is its owner's alone. */
        if (client->synced.track != NULL && outcome->status >= 0
            && !letter->outgoing.more && client->synced.got == NULL)
            wwi_mux_mark(client, WWS_PHASE_WAIT, WWS_PROGRESS_SENT);
        wwi_mux_notify(client);
    }
    wwi_mux_leave(mux);
    if (client == NULL)
        free_letter(letter);
}

/* Makes the letter the client's alone, or leaves it to the session. */
static void recall_letter(struct wwi_mux_client *client)
{
    struct wwi_mux *mux = client->mux;
    struct wwi_mux_letter *letter = client->synced.letter;
    bool taken;

    if (letter == NULL || letter->state != WWI_MUX_LETTER_GIVEN)
        return;
    wwi_mux_call_begin(mux);
    taken = mux->session->calls->unsend(mux->session, &letter->sending);
    wwi_mux_call_end(mux);
    if (taken) {
        mux->synced.busy--;
        letter->state = WWI_MUX_LETTER_DONE;
    } else if (letter->state == WWI_MUX_LETTER_GIVEN) {
        letter->client = NULL;
        client->synced.letter = NULL;
    }
}

/* Steps, under the lock. */

static void attach(struct wwi_mux_client *client)
{
    client->synced.track = client->base.track;
    if (wwi_link_listed(&client->synced.link))
        return;
    wwi_list_append(&client->mux->synced.clients, &client->synced.link);
    client->mux->synced.client_count++;
}

static void detach(struct wwi_mux_client *client)
{
    client->synced.track = NULL;
    if (wwi_link_listed(&client->synced.link))
        client->mux->synced.client_count--;
    wwi_list_remove(&client->synced.link);
}

static wws_status finish(struct wwi_mux_client *client, wws_status status)
{
    client->stage = WWI_MUX_STAGE_DONE;
    return status;
}

/* The stage stays: what has not been done is undone by the end.  The text is a
 * constant, or one of the mux. */
static wws_status fail(
    struct wwi_mux_client *client,
    const struct wwi_outcome *outcome,
    const char *text)
{
    struct wwi_client *base = &client->base;

    wwi_mux_forget(client);
    base->trouble = *outcome;
    base->trouble.text = NULL;
    base->trouble.phase = atomic_load(&base->track->phase);
    base->trouble.progress = atomic_load(&base->track->progress);
    base->text = text;
    return outcome->status;
}

static wws_status fail_plainly(
    struct wwi_mux_client *client,
    wws_status status,
    const char *text)
{
    return fail(client, &(struct wwi_outcome) { .status = status }, text);
}

static wws_status fail_with_session(struct wwi_mux_client *client)
{
    const struct wwi_mux *mux = client->mux;
    const char *text = mux->synced.text;

    if (mux->synced.outcome.status >= 0)
        return fail_plainly(client, WWS_E_OBJECT_FAULTED,
            "the session has been closed");
    if (*text == '\0')
        text = mux->synced.outcome.text;
    return fail(client, &mux->synced.outcome, text != NULL ? text : "");
}

static wws_status fail_without_reply(struct wwi_mux_client *client)
{
    return fail_plainly(client, WWS_E_ENDPOINT_DISCONNECTED,
        "the peer ended the session");
}

static wws_status begin_sending(struct wwi_mux_client *client)
{
    client->stage = WWI_MUX_STAGE_SENDING;
    client->synced.deadline = wwi_clock_after(client->times.send_ms);
    return WWS_S_OK;
}

static wws_status stage_opening(struct wwi_mux_client *client)
{
    struct wwi_mux *mux = client->mux;

    if (mux->synced.over
        || (mux->synced.closing && mux->synced.state == WWI_MUX_CREATED))
        return fail_with_session(client);
    if (mux->synced.state == WWI_MUX_OPEN) {
        mux->synced.opener = NULL;
        return client->loaded ? begin_sending(client)
            : finish(client, WWS_S_OK);
    }
    if (mux->synced.state == WWI_MUX_OPENING || mux->synced.aborted)
        return WWS_S_ASYNC;
    mux->synced.state = WWI_MUX_OPENING;
    wwi_mux_mark(client, WWS_PHASE_RESOLVE, WWS_PROGRESS_NOT_SENT);
    client->synced.deadline = wwi_clock_after(client->times.resolve_ms);
    wwi_mux_call_begin(mux);
    mux->session->calls->open(mux->session);
    wwi_mux_call_end(mux);
    return WWS_S_OK;
}

static wws_status give_letter(struct wwi_mux_client *client)
{
    struct wwi_mux *mux = client->mux;
    struct wwi_mux_letter *letter = client->synced.letter;
    wws_status status;

    letter->state = WWI_MUX_LETTER_GIVEN;
    mux->synced.busy++;
    wwi_mux_call_begin(mux);
    status = mux->session->calls->send(mux->session, &letter->sending,
        &letter->outgoing);
    wwi_mux_call_end(mux);
    if (status >= 0)
        return WWS_S_OK;
    mux->synced.busy--;
    letter->state = WWI_MUX_LETTER_REFUSED;
    if (status == WWS_E_OBJECT_FAULTED && !mux->synced.over)
        return WWS_S_ASYNC;
    if (status == WWS_E_OBJECT_FAULTED)
        return fail_with_session(client);
    return fail_plainly(client, status, "the session takes no message");
}

static wws_status letter_is_done(struct wwi_mux_client *client)
{
    const struct wwi_mux *mux = client->mux;
    const struct wwi_outcome *outcome = &client->synced.letter->outcome;
    bool more = client->synced.letter->outgoing.more;

    if (outcome->status < 0 && mux->synced.outcome.status < 0)
        return fail_with_session(client);
    if (outcome->status < 0)
        return fail(client, outcome,
            outcome->text != NULL ? outcome->text : "");
    free_letter(client->synced.letter);
    client->synced.letter = NULL;
    if (!client->wants_reply || more)
        return finish(client, WWS_S_OK);
    client->stage = WWI_MUX_STAGE_WAITING;
    client->synced.deadline =
        wwi_clock_after(client->times.receive_ms);
    return WWS_S_OK;
}

static wws_status stage_sending(struct wwi_mux_client *client)
{
    const struct wwi_mux *mux = client->mux;
    enum wwi_mux_letter_state state = client->synced.letter->state;
    bool got = client->synced.got != NULL;

    if (state == WWI_MUX_LETTER_DONE)
        return letter_is_done(client);
    /* A reply may come before all is sent; the rest is sent without us. */
    if (got && state == WWI_MUX_LETTER_GIVEN && !client->synced.midway)
        return finish(client, WWS_S_OK);
    if (mux->synced.over)
        return fail_with_session(client);
    /* What has begun is sent to its end first. */
    if (client->wants_reply && mux->synced.ended && !got
        && !(state == WWI_MUX_LETTER_GIVEN && client->synced.begun))
        return fail_without_reply(client);
    return state == WWI_MUX_LETTER_NEW ? give_letter(client) : WWS_S_ASYNC;
}

static wws_status stage_waiting(struct wwi_mux_client *client)
{
    const struct wwi_mux *mux = client->mux;

    if (client->synced.got != NULL)
        return finish(client, WWS_S_OK);
    if (mux->synced.over)
        return fail_with_session(client);
    if (mux->synced.ended)
        return fail_without_reply(client);
    client->synced.hungry = true;
    return WWS_S_ASYNC;
}

static wws_status stage_receiving(struct wwi_mux_client *client)
{
    struct wwi_mux *mux = client->mux;

    if (client->synced.got != NULL || wwi_mux_fetch(client))
        return finish(client, WWS_S_OK);
    if (mux->synced.ended && mux->synced.outcome.status >= 0) {
        wwi_mux_forget(client);
        return finish(client, WWS_S_END);
    }
    if (mux->synced.over)
        return fail_with_session(client);
    if (!wwi_link_listed(&client->synced.turn))
        wwi_list_append(&mux->synced.receivers, &client->synced.turn);
    return WWS_S_ASYNC;
}

static wws_status run_stage(struct wwi_mux_client *client)
{
    switch (client->stage) {
    case WWI_MUX_STAGE_OPENING: return stage_opening(client);
    case WWI_MUX_STAGE_SENDING: return stage_sending(client);
    case WWI_MUX_STAGE_WAITING: return stage_waiting(client);
    case WWI_MUX_STAGE_RECEIVING: return stage_receiving(client);
    case WWI_MUX_STAGE_IDLE:
    case WWI_MUX_STAGE_DONE: break;
    }
    return WWS_S_OK;
}

static bool expired(const struct wwi_mux_client *client)
{
    return client->synced.deadline != WWI_NEVER
        && wwi_clock_now() >= client->synced.deadline;
}

static wws_status client_step(struct wwi_client *base, struct wwi_want *want)
{
    struct wwi_mux_client *client = wwi_mux_client_of(base);
    wws_status status;

    wwi_mux_enter(client->mux);
    attach(client);
    client->synced.stepping = true;
    do {
        client->synced.again = false;
        status = run_stage(client);
    } while ((status == WWS_S_OK && client->stage != WWI_MUX_STAGE_DONE)
        || (status == WWS_S_ASYNC && client->synced.again));
    client->synced.stepping = false;
    if (status == WWS_S_ASYNC && expired(client))
        status = fail_plainly(client, WWS_E_OPERATION_TIMED_OUT,
            "the time allowed for this phase is over");
    if (status != WWS_S_ASYNC)
        detach(client);
    want->events = 0;
    want->deadline = client->synced.deadline;
    wwi_mux_leave(client->mux);
    return status;
}

/* Beginning. */

static void forget_trouble(struct wwi_client *base)
{
    base->trouble = (struct wwi_outcome) { 0 };
    base->text = "";
}

static void drop_taken(struct wwi_mux_client *client)
{
    wwi_mux_parcel_free(client->taken);
    client->taken = NULL;
    client->base.more = false;
    client->base.has_action = false;
}

/* Whether an exchange may begin, which opens the session or is of one that is
 * open. */
static wws_status check_begin(
    struct wwi_mux_client *client,
    bool opens,
    struct wwi_error *error)
{
    struct wwi_mux *mux = client->mux;
    wws_status status = WWS_S_OK;
    enum wwi_mux_state state;

    wwi_mux_enter(mux);
    state = mux->synced.state;
    if (mux->synced.over || mux->synced.aborted || mux->synced.closing)
        status = WWS_E_OBJECT_FAULTED;
    else if (state == WWI_MUX_CREATED && mux->synced.opener == NULL)
        mux->synced.opener = client;
    else if (opens || state != WWI_MUX_OPEN)
        status = WWS_E_INVALID_OPERATION;
    wwi_mux_leave(mux);
    if (status == WWS_E_OBJECT_FAULTED)
        return wwi_fail_static(error, status, "the session is over");
    if (status < 0)
        return wwi_fail_static(error, status, opens
            ? "the session has been opened" : "the session is not open");
    return WWS_S_OK;
}

/* One for these octets, which are moved; what goes with them is in the notes. */
static struct wwi_mux_letter *new_letter(
    struct wwi_mux_client *client,
    struct wwi_outgoing *outgoing)
{
    struct wwi_mux_letter *letter = wwi_alloc(sizeof *letter);

    if (letter == NULL)
        return NULL;
    *letter = (struct wwi_mux_letter) {
        .sending = { .begin = letter_begins, .done = letter_done },
        .outgoing = *outgoing,
        .mux = client->mux,
        .client = client,
    };
    letter->outgoing.action = wwi_mux_notes_action(&client->notes);
    letter->outgoing.message_id = wwi_mux_notes_id(&client->notes);
    letter->outgoing.fields = wwi_mux_notes_fields(&client->notes);
    outgoing->envelope = (struct wwi_bytes) { 0 };
    return letter;
}

static wws_status load(
    struct wwi_mux_client *client,
    struct wwi_outgoing *outgoing,
    struct wwi_error *error)
{
    struct wwi_mux_letter *letter = new_letter(client, outgoing);

    if (letter == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    free_letter(client->synced.letter);
    client->synced.letter = letter;
    return begin_sending(client);
}

/* Over a session nobody could tell the replies to two requests of one message
 * id apart. */
static wws_status expect(
    struct wwi_mux_client *client,
    struct wwi_error *error)
{
    bool alone;

    wwi_map_make_room(&client->mux->synced.awaited, &client->mux->synced.lock);
    wwi_mux_enter(client->mux);
    alone = wwi_mux_expect(client);
    wwi_mux_leave(client->mux);
    return alone ? WWS_S_OK : wwi_fail_static(error, WWS_E_INVALIDARG,
        "a request with this message id is under way");
}

static wws_status begin_message(
    struct wwi_mux_client *client,
    struct wwi_outgoing *outgoing,
    bool reply,
    struct wwi_error *error)
{
    wws_status status = WWS_S_OK;

    if (reply && client->mux->options.correlates
        && outgoing->message_id.size == 0)
        return wwi_fail_static(error, WWS_E_INVALIDARG,
            "a request without message id, to which no reply can relate");
    if (!wwi_mux_notes_copy(&client->notes, outgoing->action,
        outgoing->message_id, &outgoing->fields))
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    client->wants_reply = reply;
    if (reply)
        status = expect(client, error);
    return status < 0 ? status : load(client, outgoing, error);
}

/* The opener of a session that is not open opens it before anything else. */
static wws_status open_first(struct wwi_mux_client *client)
{
    wwi_mux_enter(client->mux);
    if (client->mux->synced.opener == client) {
        client->stage = WWI_MUX_STAGE_OPENING;
        client->synced.deadline = WWI_NEVER;
    }
    wwi_mux_leave(client->mux);
    return WWS_S_OK;
}

static wws_status refuse_begin(
    struct wwi_mux_client *client,
    wws_status status)
{
    wwi_mux_enter(client->mux);
    wwi_mux_forget(client);
    if (client->mux->synced.opener == client)
        client->mux->synced.opener = NULL;
    wwi_mux_leave(client->mux);
    return status;
}

static wws_status client_begin(
    struct wwi_client *base,
    struct wwi_outgoing *outgoing,
    bool reply,
    struct wwi_error *error)
{
    struct wwi_mux_client *client = wwi_mux_client_of(base);
    wws_status status = check_begin(client, outgoing == NULL, error);

    if (status < 0)
        return status;
    forget_trouble(base);
    drop_taken(client);
    set_track(base, WWS_PHASE_QUEUE);
    client->loaded = outgoing != NULL;
    if (client->loaded)
        status = begin_message(client, outgoing, reply, error);
    return status < 0 ? refuse_begin(client, status) : open_first(client);
}

static wws_status client_write(
    struct wwi_client *base,
    struct wwi_outgoing *outgoing,
    struct wwi_error *error)
{
    struct wwi_mux_client *client = wwi_mux_client_of(base);

    /* How the session failed meanwhile is for the step to say. */
    if (!client->synced.midway)
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "no message has been begun");
    forget_trouble(base);
    atomic_store(&base->track->phase, WWS_PHASE_QUEUE);
    return load(client, outgoing, error);
}

static void client_receive(struct wwi_client *base)
{
    struct wwi_mux_client *client = wwi_mux_client_of(base);
    struct wwi_mux *mux = client->mux;
    bool awaited;

    forget_trouble(base);
    drop_taken(client);
    wwi_mux_enter(mux);
    awaited = wwi_map_has(&client->synced.awaited)
        || client->synced.got != NULL
        || mux->synced.stream == client;
    wwi_mux_leave(mux);
    client->stage = awaited ? WWI_MUX_STAGE_WAITING : WWI_MUX_STAGE_RECEIVING;
    client->synced.deadline =
        wwi_clock_after(client->times.receive_ms);
    atomic_store(&base->track->phase, WWS_PHASE_WAIT);
}

static wws_status client_take(
    struct wwi_client *base,
    struct wwi_bytes *envelope,
    struct wwi_fields *fields)
{
    struct wwi_mux_client *client = wwi_mux_client_of(base);
    struct wwi_mux_parcel *parcel = client->synced.got;

    *fields = (struct wwi_fields) { 0 };
    if (parcel == NULL)
        return WWS_S_END;
    drop_taken(client);
    client->synced.got = NULL;
    client->synced.returnable = false;
    client->taken = parcel;
    base->more = parcel->more;
    base->trouble.http_status = parcel->http_status;
    base->has_action = parcel->has_action;
    base->action = wwi_mux_notes_action(&parcel->notes);
    *fields = wwi_mux_notes_fields(&parcel->notes);
    *envelope = parcel->octets;
    parcel->octets = (struct wwi_bytes) { 0 };
    return WWS_S_OK;
}

/* Ending. */

/* What was given to the client and not taken: true if nobody hears of it. */
static bool give_up_got(struct wwi_mux_client *client)
{
    if (client->synced.got == NULL)
        return false;
    if (client->synced.returnable && !client->mux->synced.over)
        wwi_mux_put_back(client);
    client->synced.returnable = false;
    /* A last step has told of it; what follows it counts for it. */
    return client->synced.got != NULL && !client->synced.got->more
        && client->stage != WWI_MUX_STAGE_DONE;
}

/* A half that no other half will follow spoils the session, and so does an
 * opening that nobody waits for. */
static bool leaves_ruins(struct wwi_mux_client *client)
{
    struct wwi_mux *mux = client->mux;
    bool opener = mux->synced.opener == client;

    if (opener)
        mux->synced.opener = NULL;
    return client->synced.midway
        || (opener && mux->synced.state == WWI_MUX_OPENING);
}

static void let_go(struct wwi_mux_client *client)
{
    struct wwi_mux *mux = client->mux;
    bool late;

    wwi_mux_enter(mux);
    detach(client);
    wwi_mux_forget(client);
    if (mux->synced.stream == client)
        mux->synced.stream = NULL;
    recall_letter(client);
    if (leaves_ruins(client))
        wwi_mux_abort_locked(mux);
    late = give_up_got(client);
    client->synced.begun = false;
    client->synced.midway = false;
    wwi_mux_leave(mux);
    if (late)
        wwi_count(client->base.runtime, WWS_COUNTER_LATE_REPLY_DROPPED);
    wwi_mux_parcel_free(client->synced.got);
    client->synced.got = NULL;
    drop_taken(client);
}

static void client_end(struct wwi_client *base)
{
    struct wwi_mux_client *client = wwi_mux_client_of(base);

    let_go(client);
    client->stage = WWI_MUX_STAGE_IDLE;
    client->wants_reply = false;
    wwi_bytes_reset(&client->notes.block, KEEP_SIZE);
    free_letter(client->synced.letter);
    client->synced.letter = NULL;
}

static void client_free(struct wwi_client *base)
{
    struct wwi_mux_client *client = wwi_mux_client_of(base);
    struct wwi_mux *mux = client->mux;

    let_go(client);
    free_letter(client->synced.letter);
    wwi_bytes_fini(&client->notes.block);
    wwi_free(client);
    wwi_mux_unref(mux);
}

static void client_set_times(
    struct wwi_client *base,
    const struct wwi_client_options *options)
{
    wwi_mux_client_of(base)->times = (struct wwi_mux_times) {
        .resolve_ms = options->resolve_timeout_ms,
        .connect_ms = options->connect_timeout_ms,
        .send_ms = options->send_timeout_ms,
        .receive_ms = options->receive_timeout_ms,
    };
}

const struct wwi_transport wwi_mux_clients = {
    .client_set_times = client_set_times,
    .client_begin = client_begin,
    .client_receive = client_receive,
    .client_step = client_step,
    .client_write = client_write,
    .client_take = client_take,
    .client_end = client_end,
    .client_free = client_free,
};

wws_status wwi_mux_client(
    struct wwi_mux *mux,
    bool pieces,
    struct wwi_client **created,
    struct wwi_error *error)
{
    struct wwi_mux_client *client = wwi_alloc_zero(sizeof *client);

    if (client == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
    client->base.transport = &wwi_mux_clients;
    client->base.runtime = mux->runtime;
    client->base.loop = mux->loop;
    client->base.source.fd = -1;
    client->base.track = &client->base.own_track;
    client->mux = mux;
    client->pieces = pieces;
    client->times = (struct wwi_mux_times) { WWS_INFINITE, WWS_INFINITE,
        WWS_INFINITE, WWS_INFINITE };
    wwi_mux_ref(mux);
    *created = &client->base;
    return WWS_S_OK;
}
