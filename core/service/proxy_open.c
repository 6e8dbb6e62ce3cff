/* Opening the session of a service proxy: an exchange without a message, within
 * the time of a call (D22). */
#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/service/proxy_parts.h"

struct opening {
    struct wwi_exchange exchange;
    struct wwi_service_proxy *proxy;
    uint32_t opens;
    struct wwi_mux *mux; /* until the proxy has it */
};

static struct opening *opening_of(struct wwi_exchange *exchange)
{
    return WWI_CONTAINER(exchange, struct opening, exchange);
}

static wws_status opened(struct wwi_exchange *exchange, wws_status status)
{
    struct opening *opening = opening_of(exchange);
    struct wwi_error *error = wwi_wait_error(&exchange->wait);
    bool mine = wwi_service_proxy_end_opening(opening->proxy, opening->opens,
        status >= 0, opening->mux);

    if (status < 0)
        return wwi_fail_static(error, status,
            "the service proxy cannot be opened");
    if (!mine)
        return wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
            "the service proxy was aborted while it was opened");
    opening->mux = NULL;
    return status;
}

/* Nobody else can stop it any more, and the next opening may begin. */
static void leave(struct opening *opening)
{
    struct wwi_service_proxy *proxy = opening->proxy;
    bool listed;

    wwi_lock_take(&proxy->synced.lock);
    listed = proxy->synced.opening == &opening->exchange;
    if (listed)
        proxy->synced.opening = NULL;
    wwi_lock_give(&proxy->synced.lock);
    if (listed)
        wwi_exchange_unref(&opening->exchange);
}

/* When the time is over nobody else moves the state. */
static void ended(struct wwi_exchange *exchange)
{
    struct opening *opening = opening_of(exchange);

    leave(opening);
    (void) wwi_service_proxy_end_opening(opening->proxy, opening->opens, false,
        NULL);
}

/* If the proxy took the session, it may use the client, too. */
static void over(struct wwi_exchange *exchange, bool whole)
{
    struct opening *opening = opening_of(exchange);

    leave(opening);
    wwi_service_proxy_give_client(opening->proxy, exchange->client,
        whole && opening->mux == NULL);
    exchange->client = NULL;
}

static void retired(struct wwi_exchange *exchange)
{
    struct wwi_service_proxy *proxy = opening_of(exchange)->proxy;

    wwi_lock_take(&proxy->synced.lock);
    proxy->synced.openings--;
    wwi_lock_give(&proxy->synced.lock);
    wwi_service_proxy_settle(proxy);
}

static void destroy(struct wwi_exchange *exchange)
{
    struct opening *opening = opening_of(exchange);

    if (opening->mux != NULL)
        wwi_mux_unref(opening->mux);
    wwi_object_unref(&opening->proxy->object);
    wwi_free(opening);
}

static const struct wwi_exchange_callbacks callbacks = {
    .result = opened,
    .ended = ended,
    .over = over,
    .retired = retired,
};

static struct opening *opening_new(
    struct wwi_service_proxy *proxy,
    uint32_t opens,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status)
{
    struct opening *opening = wwi_alloc_zero(sizeof *opening);

    if (opening == NULL) {
        *status = wwi_fail_static(error, WWS_E_OUTOFMEMORY, "no memory");
        return NULL;
    }
    *status = wwi_exchange_init(&opening->exchange, &callbacks, destroy,
        proxy->member.runtime, completion, error);
    if (*status < 0) {
        wwi_free(opening);
        return NULL;
    }
    opening->exchange.wait.owner = proxy;
    opening->exchange.deadline = wwi_clock_after(
        proxy->options.call_timeout_ms);
    opening->exchange.deadline_text =
        "the time allowed for opening the session is over";
    opening->proxy = proxy;
    opening->opens = opens;
    wwi_object_ref(&proxy->object);
    wwi_lock_take(&proxy->synced.lock);
    proxy->synced.openings++;
    wwi_lock_give(&proxy->synced.lock);
    return opening;
}

static wws_status make_mux(
    struct opening *opening,
    wws_string address,
    struct wwi_error *error)
{
    struct wwi_service_proxy *proxy = opening->proxy;
    const wws_service_proxy_options *ours = &proxy->options;
    const struct wwi_client_options options = {
        .max_message_size = ours->max_message_size,
        .ip_version = ours->ip_version,
        .version = ours->envelope_version,
        .custom = proxy->custom,
    };
    const struct wwi_mux_options mux_options = {
        .max_message_size = ours->max_message_size,
        .correlates = true,
        .version = ours->envelope_version,
        .addressing = ours->addressing_version,
    };
    struct wwi_session *session;
    wws_status status = proxy->transport->session_create(
        proxy->member.runtime, address, &options, &session, error);

    if (status < 0)
        return status;
    status = wwi_mux_create(session, false, &mux_options, &opening->mux,
        error);
    if (status < 0)
        session->calls->free(session);
    return status;
}

static wws_status begin(
    struct opening *opening,
    wws_string address,
    struct wwi_client **client,
    struct wwi_error *error)
{
    wws_status status = make_mux(opening, address, error);

    if (status >= 0)
        status = wwi_mux_client(opening->mux, false, client, error);
    if (status < 0)
        return status;
    status = wwi_mux_clients.client_begin(*client, NULL, false, error);
    if (status < 0)
        wwi_mux_clients.client_free(*client);
    return status;
}

/* From here on an abort finds it, unless there was one already.  One that has
 * failed may be there still, on its way out. */
static wws_status publish(struct opening *opening, struct wwi_error *error)
{
    struct wwi_service_proxy *proxy = opening->proxy;
    struct wwi_exchange *before = NULL;
    bool mine;

    wwi_lock_take(&proxy->synced.lock);
    mine = proxy->synced.state == WWS_SERVICE_PROXY_STATE_OPENING
        && proxy->synced.opens == opening->opens;
    if (mine) {
        before = proxy->synced.opening;
        proxy->synced.opening = &opening->exchange;
        wwi_exchange_ref(&opening->exchange);
    }
    wwi_lock_give(&proxy->synced.lock);
    if (before != NULL)
        wwi_exchange_unref(before);
    return mine ? WWS_S_OK : wwi_fail_static(error, WWS_E_OPERATION_ABORTED,
        "the service proxy was aborted while it was opened");
}

wws_status wwi_service_proxy_open_session(
    struct wwi_service_proxy *proxy,
    uint32_t opens,
    wws_string address,
    const wws_completion *completion,
    struct wwi_error *error)
{
    struct wwi_client *client;
    wws_status status;
    struct opening *opening = opening_new(proxy, opens, completion, error,
        &status);

    if (opening == NULL)
        return status;
    status = begin(opening, address, &client, error);
    if (status < 0)
        return wwi_exchange_refuse(&opening->exchange, status);
    status = publish(opening, error);
    if (status < 0) {
        wwi_mux_clients.client_free(client);
        return wwi_exchange_refuse(&opening->exchange, status);
    }
    return wwi_exchange_run(&opening->exchange, client);
}
