/* What the files that make up a message share.  All but enter() expect that the
 * message is in use by the caller. */
#ifndef WWI_MESSAGE_PARTS_H
#define WWI_MESSAGE_PARTS_H

#include "core/channel/message.h"

/* States that a function may be called in. */
enum wwi_message_states {
    WWI_MESSAGE_EMPTY = 1 << WWS_MESSAGE_STATE_EMPTY,
    WWI_MESSAGE_INITIALIZED = 1 << WWS_MESSAGE_STATE_INITIALIZED,
    WWI_MESSAGE_READING = 1 << WWS_MESSAGE_STATE_READING,
    WWI_MESSAGE_WRITING = 1 << WWS_MESSAGE_STATE_WRITING,
    WWI_MESSAGE_ANY = 0xFF,
    WWI_MESSAGE_FILLED = WWI_MESSAGE_ANY & ~WWI_MESSAGE_EMPTY,
};

/* Every function of the interface runs between these two. */
wws_status wwi_message_enter(
    struct wwi_message *self,
    unsigned states,
    struct wwi_error *error);
wws_status wwi_message_leave(struct wwi_message *self, wws_status status);

wws_status wwi_message_check_state(
    const struct wwi_message *self,
    unsigned states,
    struct wwi_error *error);
wws_status wwi_message_no_memory(struct wwi_error *error);
bool wwi_message_has_addressing(const struct wwi_message *self);
uint32_t wwi_message_header_count(const struct wwi_message *self);
void wwi_message_drop_header(struct wwi_message *self, wws_header header);
void wwi_message_drop_fault(struct wwi_message *self);

/* Each copies what it is given. */
wws_status wwi_message_put_header(
    struct wwi_message *self,
    wws_header header,
    wws_string text,
    struct wwi_error *error);
wws_status wwi_message_put_block(
    struct wwi_message *self,
    wws_bytes element,
    unsigned flags,
    struct wwi_error *error);
/* Takes a new body over, or says that there is no memory for it. */
wws_status wwi_message_take_body(
    struct wwi_message *self,
    struct wwi_bytes *body,
    struct wwi_error *error);
wws_status wwi_message_put_body(
    struct wwi_message *self,
    wws_bytes body,
    struct wwi_error *error);

/* Whether a received header is an application's to see. */
bool wwi_message_is_custom(const struct wwi_envelope_header *header);
/* The content of the body, wherever it came from. */
wws_status wwi_message_body(
    struct wwi_message *self,
    wws_bytes *body,
    struct wwi_error *error);

#endif
