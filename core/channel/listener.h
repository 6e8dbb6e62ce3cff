/* Where channels of servers come from.
 *
 * Rules.  Clients that arrive, by a request or a session, meet accepts that
 * wait; whichever comes first waits for the other.  Lists only find: an
 * accept belongs to whoever takes its wait, and he says to the channel what
 * became of it. */
#ifndef WWI_LISTENER_H
#define WWI_LISTENER_H

#include "core/channel/channel.h"
#include "core/io/wait.h"

struct wwi_listener;

wws_status wwi_listener_create(
    struct wwi_runtime *runtime,
    const wws_listener_options *options,
    wws_listener *listener,
    struct wwi_error *error);
wws_status wwi_listener_open(
    struct wwi_listener *self,
    wws_string url,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_listener_accept(
    struct wwi_listener *self,
    struct wwi_channel *channel,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_listener_abort(struct wwi_listener *self);
wws_status wwi_listener_close(
    struct wwi_listener *self,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_listener_reset(
    struct wwi_listener *self,
    struct wwi_error *error);
wws_status wwi_listener_free(struct wwi_listener *self);
wws_status wwi_listener_get_state(
    struct wwi_listener *self,
    wws_listener_state *state,
    struct wwi_error *error);
wws_status wwi_listener_get_property(
    struct wwi_listener *self,
    wws_listener_property property,
    uint64_t *value,
    struct wwi_error *error);
wws_status wwi_listener_get_address(
    struct wwi_listener *self,
    wws_buffer *address,
    struct wwi_error *error);

/* For channels. */
void wwi_listener_ref(struct wwi_listener *listener);
void wwi_listener_unref(struct wwi_listener *listener);
const wws_listener_options *wwi_listener_options(
    const struct wwi_listener *listener);
struct wwi_runtime *wwi_listener_runtime(const struct wwi_listener *listener);
/* An answer is being sent, which close waits for (LI5); it has been, or will
 * not be. */
void wwi_listener_enter_answer(struct wwi_listener *listener);
void wwi_listener_leave_answer(struct wwi_listener *listener);
/* Ends an accept as aborted, if it has not ended. */
void wwi_listener_end_accept(struct wwi_accept *accept, const char *text);

#endif
