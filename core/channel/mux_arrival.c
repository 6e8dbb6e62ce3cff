/* What arrives at a mux, and who gets it.
 *
 * A message is read on the loop as far as its headers, to find the request that
 * it relates to.  Messages in pieces are put together, unless the client that
 * gets them takes pieces. */
#include "core/channel/mux_parts.h"

#include "core/base/gate.h"
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/base/text.h"

/* Messages that wait for a receiver while calls wait for their replies. */
enum { INBOX_MOST = 64 };

void wwi_mux_parcel_free(struct wwi_mux_parcel *parcel)
{
    if (parcel == NULL)
        return;
    wwi_bytes_fini(&parcel->octets);
    wwi_bytes_fini(&parcel->notes.block);
    wwi_free(parcel);
}

/* The map. */

static uint64_t hash(wws_string text)
{
    uint64_t value = 14695981039346656037u;

    for (size_t i = 0; i < text.size; i++)
        value = (value ^ (uint8_t) text.data[i]) * 1099511628211u;
    return value ^ value >> 32;
}

static struct wwi_mux_client *of_turn(struct wwi_link *turn)
{
    return WWI_CONTAINER(turn, struct wwi_mux_client, synced.turn);
}

static struct wwi_mux_client *of_awaited(struct wwi_map_link *link)
{
    return link == NULL ? NULL
        : WWI_CONTAINER(link, struct wwi_mux_client, synced.awaited);
}

/* What its reply will relate to; without correlation all are the same. */
static wws_string id_of(const struct wwi_mux_client *client)
{
    if (!client->mux->options.correlates)
        return WWS_STR("");
    return wwi_mux_notes_id(&client->notes);
}

/* The first that waits for the id, behind one that does. */
static struct wwi_mux_client *next(
    const struct wwi_mux *mux,
    const struct wwi_mux_client *before,
    wws_string id)
{
    const struct wwi_map *map = &mux->synced.awaited;
    struct wwi_map_link *link = before == NULL
        ? wwi_map_first(map, hash(id))
        : wwi_map_next(map, &before->synced.awaited);

    while (link != NULL && !wwi_string_equal(id_of(of_awaited(link)), id))
        link = wwi_map_next(map, link);
    return of_awaited(link);
}

/* Nothing relates to a request that has not been sent. */
static struct wwi_mux_client *find(const struct wwi_mux *mux, wws_string id)
{
    struct wwi_mux_client *client = next(mux, NULL, id);

    while (client != NULL && !client->synced.begun)
        client = next(mux, client, id);
    return client;
}

/* Its caller does not want anything any more, but its owner has not let go. */
static bool is_stopped(const struct wwi_mux_client *client)
{
    return client->synced.track != NULL
        && atomic_load(&client->synced.track->stop);
}

bool wwi_mux_expect(struct wwi_mux_client *client)
{
    struct wwi_mux *mux = client->mux;
    wws_string id = id_of(client);
    struct wwi_mux_client *twin = next(mux, NULL, id);

    while (twin != NULL && is_stopped(twin))
        twin = next(mux, twin, id);
    if (twin != NULL && mux->options.correlates)
        return false;
    wwi_map_add(&mux->synced.awaited, &client->synced.awaited, hash(id));
    return true;
}

void wwi_mux_forget(struct wwi_mux_client *client)
{
    wwi_list_remove(&client->synced.turn);
    wwi_map_remove(&client->mux->synced.awaited, &client->synced.awaited);
    client->synced.hungry = false;
}

/* Giving out, under the lock. */

bool wwi_mux_wants_piece(const struct wwi_mux *mux)
{
    if (mux->synced.state != WWI_MUX_OPEN || mux->synced.asked
        || mux->synced.ended || mux->synced.over)
        return false;
    if (mux->synced.stream != NULL)
        return mux->synced.stream->synced.hungry;
    if (!mux->options.receives || mux->synced.closing
        || !wwi_list_empty(&mux->synced.receivers))
        return true;
    return mux->synced.awaited.count != 0
        && mux->synced.inbox_count < INBOX_MOST;
}

static void give(struct wwi_mux_client *client, struct wwi_mux_parcel *parcel)
{
    wwi_mux_forget(client);
    client->synced.got = parcel;
    wwi_mux_mark(client, WWS_PHASE_BODY, WWS_PROGRESS_REPLYING);
    wwi_mux_notify(client);
}

/* In front of what has come since. */
static void take_back(struct wwi_mux_client *client)
{
    struct wwi_mux *mux = client->mux;
    struct wwi_list front;

    wwi_list_init(&front);
    wwi_list_append(&front, &client->synced.got->link);
    wwi_list_move(&front, &mux->synced.inbox);
    wwi_list_move(&mux->synced.inbox, &front);
    client->synced.got = NULL;
    client->synced.returnable = false;
    mux->synced.inbox_count++;
}

/* The caller of a receive that was stopped may receive again before its owner
 * lets go of what it got: that comes first. */
static void take_back_stopped(struct wwi_mux *mux)
{
    struct wwi_list *clients = &mux->synced.clients;

    for (struct wwi_link *link = wwi_list_first(clients); link != NULL;
         link = wwi_list_next(clients, link)) {
        struct wwi_mux_client *client = WWI_CONTAINER(link,
            struct wwi_mux_client, synced.link);

        if (client->synced.returnable && client->synced.got != NULL
            && is_stopped(client))
            take_back(client);
    }
}

bool wwi_mux_fetch(struct wwi_mux_client *client)
{
    struct wwi_mux *mux = client->mux;
    struct wwi_link *link;

    take_back_stopped(mux);
    link = wwi_list_take(&mux->synced.inbox);
    if (link == NULL)
        return false;
    mux->synced.inbox_count--;
    client->synced.returnable = true;
    give(client, WWI_CONTAINER(link, struct wwi_mux_parcel, link));
    return true;
}

/* To whoever has waited longest for what nobody else waits for. */
static void serve_receiver(struct wwi_mux *mux)
{
    struct wwi_list *receivers = &mux->synced.receivers;
    struct wwi_link *link = wwi_list_first(receivers);

    while (link != NULL && is_stopped(of_turn(link)))
        link = wwi_list_next(receivers, link);
    if (link != NULL)
        (void) wwi_mux_fetch(of_turn(link));
}

void wwi_mux_put_back(struct wwi_mux_client *client)
{
    take_back(client);
    serve_receiver(client->mux);
}

/* What deliver() has done with a parcel. */
enum fate {
    GIVEN,
    KEPT,     /* it is not whole yet */
    DROPPED,  /* it is the caller's to free */
    PASSED,   /* likewise, but the message goes on */
    TOO_LARGE,
};

static enum fate deliver_piece(
    struct wwi_mux *mux,
    struct wwi_mux_parcel *parcel)
{
    struct wwi_mux_client *client = mux->synced.stream;

    mux->synced.streaming = parcel->more;
    if (!parcel->more)
        mux->synced.stream = NULL;
    if (client == NULL)
        return parcel->more ? PASSED : DROPPED;
    give(client, parcel);
    return GIVEN;
}

/* Who would get the message that is arriving, if it takes pieces. */
static struct wwi_mux_client *find_stream(struct wwi_mux *mux)
{
    struct wwi_link *first = wwi_list_first(&mux->synced.receivers);
    struct wwi_mux_client *client;

    if (mux->options.correlates)
        return NULL;
    client = find(mux, WWS_STR(""));
    if (client == NULL && first != NULL)
        client = of_turn(first);
    return client != NULL && client->pieces ? client : NULL;
}

static enum fate deliver_whole(
    struct wwi_mux *mux,
    struct wwi_mux_parcel *parcel,
    wws_string relation)
{
    struct wwi_mux_client *client = NULL;

    if (!mux->options.correlates || relation.size != 0)
        client = find(mux, relation);
    if (client != NULL) {
        give(client, parcel);
        return GIVEN;
    }
    if (!mux->options.receives || mux->synced.closing)
        return DROPPED;
    wwi_list_append(&mux->synced.inbox, &parcel->link);
    mux->synced.inbox_count++;
    serve_receiver(mux);
    return GIVEN;
}

static enum fate deliver(
    struct wwi_mux *mux,
    struct wwi_mux_parcel *parcel,
    wws_string relation)
{
    if (mux->synced.outcome.status < 0)
        return PASSED;
    if (!mux->synced.streaming && parcel->more) {
        mux->synced.stream = find_stream(mux);
        mux->synced.streaming = mux->synced.stream != NULL;
    }
    if (mux->synced.streaming)
        return deliver_piece(mux, parcel);
    if ((parcel->more || parcel->gathered)
        && parcel->octets.size > mux->options.max_message_size)
        return TOO_LARGE;
    return parcel->more ? KEPT : deliver_whole(mux, parcel, relation);
}

/* Reading, on the loop. */

/* The id of the request that the message relates to; empty if none.  When it
 * cannot be told who waits for a message, all who wait hear that. */
static wws_status find_relation(
    struct wwi_mux *mux,
    const struct wwi_bytes *octets,
    wws_string *relation)
{
    wws_status status = wwi_finder_find(&mux->on_loop.finder,
        (wws_bytes) { octets->data, octets->size }, mux->options.addressing,
        WWS_HEADER_RELATES_TO, relation);

    if (status == WWS_E_OUTOFMEMORY || !mux->options.receives)
        return status;
    return WWS_S_OK;
}

static struct wwi_mux_parcel *begin_parcel(struct wwi_piece *piece)
{
    struct wwi_mux_parcel *parcel = wwi_alloc_zero(sizeof *parcel);

    if (parcel == NULL)
        return NULL;
    parcel->http_status = piece->http_status;
    parcel->has_action = piece->has_action;
    if (!wwi_mux_notes_copy(&parcel->notes, piece->has_action ? piece->action
        : WWS_STR(""), WWS_STR(""), &piece->fields)) {
        wwi_mux_parcel_free(parcel);
        return NULL;
    }
    parcel->octets = piece->octets;
    piece->octets = (struct wwi_bytes) { 0 };
    return parcel;
}

/* Puts a piece behind those of its message that have not been given out. */
static struct wwi_mux_parcel *gather(
    struct wwi_mux *mux,
    struct wwi_piece *piece)
{
    struct wwi_mux_parcel *parcel = mux->on_loop.partial;

    mux->on_loop.partial = NULL;
    if (parcel == NULL) {
        parcel = begin_parcel(piece);
    } else {
        parcel->gathered = true;
        wwi_bytes_append(&parcel->octets, piece->octets.data,
            piece->octets.size);
        wwi_bytes_fini(&piece->octets);
    }
    if (parcel == NULL)
        return NULL;
    parcel->more = piece->more;
    if (!parcel->octets.failed)
        return parcel;
    wwi_mux_parcel_free(parcel);
    return NULL;
}

static void tell_dropped(struct wwi_mux *mux)
{
    wwi_count(mux->runtime, WWS_COUNTER_LATE_REPLY_DROPPED);
    wwi_log_write(mux->runtime->log, WWS_LOG_LEVEL_INFO, WWS_PHASE_BODY,
        "dropped a message that nobody waits for");
}

static void fail_arrival(
    struct wwi_mux *mux,
    wws_status status,
    const char *text)
{
    wwi_mux_enter(mux);
    mux->synced.asked = false;
    wwi_mux_break_locked(mux, status, text);
    wwi_mux_leave(mux);
}

void wwi_mux_arrived(struct wwi_session *session, struct wwi_piece *piece)
{
    struct wwi_mux *mux = session->user;
    struct wwi_mux_parcel *parcel = gather(mux, piece);
    wws_string relation = { 0 };
    wws_status status = parcel == NULL ? WWS_E_OUTOFMEMORY : WWS_S_OK;
    enum fate fate;

    if (status >= 0 && mux->options.correlates && !parcel->more)
        status = find_relation(mux, &parcel->octets, &relation);
    if (status < 0) {
        wwi_mux_parcel_free(parcel);
        fail_arrival(mux, status, status == WWS_E_OUTOFMEMORY
            ? "no memory for a message that arrived"
            : "a message that arrived cannot be read");
        return;
    }
    WWI_GATE(MUX_ARRIVED);
    wwi_mux_enter(mux);
    mux->synced.asked = false;
    fate = deliver(mux, parcel, relation);
    if (fate == KEPT)
        mux->on_loop.partial = parcel;
    if (fate == TOO_LARGE)
        wwi_mux_break_locked(mux, WWS_E_QUOTA_EXCEEDED,
            "a message is larger than max_message_size");
    wwi_mux_leave(mux);
    if (fate == DROPPED)
        tell_dropped(mux);
    if (fate != GIVEN && fate != KEPT)
        wwi_mux_parcel_free(parcel);
}
