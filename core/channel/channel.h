/* One end of a conversation: of a client, or accepted by a listener.
 *
 * Rules.  One message flows at a time, as HTTP has it: a request, then its
 * reply.  `current` is the exchange under way; `incoming` the request that an
 * accepted channel owes an answer.  What is active keeps a reference to the
 * channel; close waits until nothing is. */
#ifndef WWI_CHANNEL_H
#define WWI_CHANNEL_H

#include "core/channel/message.h"
#include "core/io/wait.h"
#include "core/transport/transport.h"

struct wwi_channel;
struct wwi_listener;

wws_status wwi_channel_create(
    struct wwi_runtime *runtime,
    const wws_channel_options *options,
    wws_channel *channel,
    struct wwi_error *error);
wws_status wwi_channel_create_for_listener(
    struct wwi_listener *listener,
    const wws_channel_options *options,
    wws_channel *channel,
    struct wwi_error *error);
wws_status wwi_channel_open(
    struct wwi_channel *self,
    wws_string address,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_send(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_receive(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_request_reply(
    struct wwi_channel *self,
    struct wwi_message *request,
    struct wwi_message *reply,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_send_reply(
    struct wwi_channel *self,
    struct wwi_message *reply,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_cancel_receive(struct wwi_channel *self);
wws_status wwi_channel_abort(struct wwi_channel *self);
wws_status wwi_channel_close(
    struct wwi_channel *self,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_reset(
    struct wwi_channel *self,
    struct wwi_error *error);
wws_status wwi_channel_free(struct wwi_channel *self);
wws_status wwi_channel_get_state(
    struct wwi_channel *self,
    wws_channel_state *state,
    struct wwi_error *error);

/* For listeners. */

/* A channel that waits in a listener's accept. */
struct wwi_accept {
    struct wwi_wait wait;
    struct wwi_link link;
    struct wwi_channel *channel;
    struct wwi_listener *listener;
    _Atomic uint32_t references;
};

void wwi_accept_ref(struct wwi_accept *accept);
void wwi_accept_unref(struct wwi_accept *accept);

struct wwi_listener *wwi_channel_listener(const struct wwi_channel *channel);
/* CREATED to ACCEPTING; WWS_E_OPERATION_ABORTED if the channel was aborted
 * before, WWS_E_INVALID_OPERATION in another state. */
wws_status wwi_channel_accepting(
    struct wwi_channel *channel,
    struct wwi_accept *accept,
    struct wwi_error *error);
/* By the taker of the accept's wait: the channel is open, with this request;
 * or as if created, for null. */
void wwi_channel_accepted(
    struct wwi_channel *channel,
    struct wwi_incoming *incoming);

#endif
