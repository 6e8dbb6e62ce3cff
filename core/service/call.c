/* The means to stop one call. */
#include "core/service/call.h"

#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/memory.h"
#include "core/channel/exchange.h"

static void destroy(struct wwi_object *object)
{
    struct wwi_call *call = WWI_CONTAINER(object, struct wwi_call, object);

    wwi_lock_fini(&call->synced.lock);
    wwi_free(call);
}

struct wwi_call *wwi_call_new(void)
{
    struct wwi_call *call = wwi_alloc_zero(sizeof *call);

    if (call == NULL)
        return NULL;
    if (wwi_object_init(&call->object, WWI_KIND_CALL, destroy) < 0) {
        wwi_free(call);
        return NULL;
    }
    wwi_lock_init(&call->synced.lock, WWI_RANK_CALL);
    return call;
}

wws_status wwi_call_create(wws_call *handle, struct wwi_error *error)
{
    struct wwi_call *call = wwi_call_new();

    if (call == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory for a call handle");
    handle->id = call->object.id;
    return WWS_S_OK;
}

bool wwi_call_claim(struct wwi_call *call)
{
    bool first;

    wwi_lock_take(&call->synced.lock);
    first = !call->synced.used;
    call->synced.used = true;
    wwi_lock_give(&call->synced.lock);
    return first;
}

bool wwi_call_attach(struct wwi_call *call, struct wwi_exchange *exchange)
{
    bool attached;

    wwi_lock_take(&call->synced.lock);
    attached = !call->synced.cancelled;
    if (attached) {
        wwi_exchange_ref(exchange);
        call->synced.exchange = exchange;
    }
    wwi_lock_give(&call->synced.lock);
    return attached;
}

void wwi_call_end(struct wwi_call *call)
{
    struct wwi_exchange *exchange;

    wwi_lock_take(&call->synced.lock);
    exchange = call->synced.exchange;
    call->synced.exchange = NULL;
    wwi_lock_give(&call->synced.lock);
    if (wwi_object_close(&call->object))
        wwi_object_unref(&call->object);
    if (exchange != NULL)
        wwi_exchange_unref(exchange);
}

wws_status wwi_call_cancel(struct wwi_call *self)
{
    struct wwi_exchange *exchange;

    wwi_lock_take(&self->synced.lock);
    self->synced.cancelled = true;
    exchange = self->synced.exchange;
    if (exchange != NULL)
        wwi_exchange_ref(exchange);
    wwi_lock_give(&self->synced.lock);
    if (exchange == NULL)
        return WWS_S_OK;
    (void) wwi_exchange_end(exchange, WWI_ENDING_STOP,
        WWS_E_OPERATION_CANCELLED, "the call was cancelled");
    wwi_exchange_unref(exchange);
    return WWS_S_OK;
}

wws_status wwi_call_free(struct wwi_call *self)
{
    if (!wwi_object_close(&self->object))
        return WWS_E_HANDLE;
    wwi_object_unref(&self->object);
    return WWS_S_OK;
}
