/* The means to stop one call.  It knows the exchange while that has not ended,
 * and remembers a cancel that came before. */
#ifndef WWI_CALL_H
#define WWI_CALL_H

#include "core/base/lock.h"
#include "core/base/table.h"

struct wwi_error;
struct wwi_exchange;

struct wwi_call {
    struct wwi_object object;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        struct wwi_exchange *exchange; /* with a reference */
        bool used;
        bool cancelled;
    } synced;
};

wws_status wwi_call_create(wws_call *call, struct wwi_error *error);
wws_status wwi_call_cancel(struct wwi_call *self);
wws_status wwi_call_free(struct wwi_call *self);

struct wwi_call *wwi_call_new(void);
/* For one call: false if another has it, or had. */
bool wwi_call_claim(struct wwi_call *call);
/* By the call that has it, before anybody else can end that; false if it was
 * cancelled. */
bool wwi_call_attach(struct wwi_call *call, struct wwi_exchange *exchange);
/* The call has ended: the handle is stale from here on. */
void wwi_call_end(struct wwi_call *call);

#endif
