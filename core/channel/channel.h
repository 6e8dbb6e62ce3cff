/* One end of a conversation: of a client, or accepted by a listener.
 *
 * Rules.  Over a session one message flows each way; otherwise one at a time, a
 * request, then its reply.  What is active keeps a reference to the channel;
 * close waits until nothing is. */
#ifndef WWI_CHANNEL_H
#define WWI_CHANNEL_H

#include "core/channel/message.h"
#include "core/io/wait.h"
#include "core/transport/transport.h"

struct wwi_channel;
struct wwi_listener;
struct wwi_mux;

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
    wws_receive_option option,
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
wws_status wwi_channel_send_fault(
    struct wwi_channel *self,
    struct wwi_message *request,
    struct wwi_error *cause,
    wws_fault_disclosure disclosure,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_write_message_start(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_write_body(
    struct wwi_channel *self,
    struct wwi_message *message,
    wws_bytes piece,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_write_message_end(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_read_message_start(
    struct wwi_channel *self,
    struct wwi_message *message,
    wws_receive_option option,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_read_body(
    struct wwi_channel *self,
    struct wwi_message *message,
    wws_buffer *piece,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_read_message_end(
    struct wwi_channel *self,
    struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_abandon_message(
    struct wwi_channel *self,
    struct wwi_message *message,
    struct wwi_error *error);
wws_status wwi_channel_shutdown_session(
    struct wwi_channel *self,
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
wws_status wwi_channel_get_property(
    struct wwi_channel *self,
    wws_channel_property property,
    uint64_t *value,
    struct wwi_error *error);
wws_status wwi_channel_set_property(
    struct wwi_channel *self,
    wws_channel_property property,
    uint64_t value,
    struct wwi_error *error);
wws_status wwi_channel_get_text(
    struct wwi_channel *self,
    wws_channel_text property,
    wws_buffer *text,
    struct wwi_error *error);

/* For messages: this one, in use, will be reset or freed; if the channel has it
 * half written or read, it is given up (D36). */
void wwi_channel_lose_message(uint64_t channel, struct wwi_message *message);

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
/* By the taker of the accept's wait: the channel is open, with this request or
 * this session; or as if created, with neither. */
void wwi_channel_accepted(
    struct wwi_channel *channel,
    struct wwi_incoming *incoming,
    struct wwi_mux *mux);

#endif
