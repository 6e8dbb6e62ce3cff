/* A message: headers and a body, to be sent or received whole.
 *
 * A message is used by one thread at a time.  `busy` tells when two meet: the
 * functions of the interface take it for as long as they run, an operation that
 * fills the message or writes its head until its caller hears.  What stands
 * below begin_use() is for whoever has it taken. */
#ifndef WWI_MESSAGE_H
#define WWI_MESSAGE_H

#include <stdatomic.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/table.h"
#include "core/base/text.h"
#include "core/channel/mapped.h"
#include "core/xml/blocks.h"
#include "core/xml/envelope.h"
#include "core/xml/fault.h"
#include "wws/types.h"

struct wwi_message {
    struct wwi_object object;
    wws_message_options options; /* set by create, then read only */
    atomic_bool busy;
    /* By a channel that does not go on with it half written or read: it is done
     * as soon as somebody uses it. */
    atomic_bool let_go;

    /* All below belongs to whoever has it in use. */
    wws_message_state state;
    wws_message_initialization initialization;
    uint64_t channel;    /* that it is written or read through */
    bool addressed;      /* or what it answers says where it goes */

    /* Headers: views of the envelope, or of owned[]. */
    wws_string standard[WWI_STANDARD_HEADERS];
    char *owned[WWI_STANDARD_HEADERS];
    struct wwi_blocks blocks;
    struct wwi_mapped mapped;

    /* The body to be sent, and when it is a fault its parts. */
    struct wwi_bytes body;
    struct wwi_fault fault;
    bool has_fault;

    /* What was received: whole, or as far as it was good. */
    bool received;
    bool has_envelope;
    bool body_read;      /* given out, of a message that is being read */
    struct wwi_bytes octets;
    struct wwi_envelope envelope;
};

/* The interface; see schema/wws/message.proto. */
wws_status wwi_message_create(
    const wws_message_options *options,
    wws_message *message,
    struct wwi_error *error);
wws_status wwi_message_free(struct wwi_message *self);
wws_status wwi_message_initialize(
    struct wwi_message *self,
    wws_message_initialization initialization,
    struct wwi_message *original,
    struct wwi_error *error);
wws_status wwi_message_address(
    struct wwi_message *self,
    wws_string to,
    wws_bytes reference_parameters,
    struct wwi_error *error);
wws_status wwi_message_set_header(
    struct wwi_message *self,
    wws_header header,
    wws_string text,
    struct wwi_error *error);
wws_status wwi_message_get_header(
    struct wwi_message *self,
    wws_header header,
    wws_string *text,
    struct wwi_error *error);
wws_status wwi_message_remove_header(
    struct wwi_message *self,
    wws_header header,
    struct wwi_error *error);
wws_status wwi_message_add_custom_header(
    struct wwi_message *self,
    wws_bytes element,
    bool must_understand,
    struct wwi_error *error);
wws_status wwi_message_get_custom_header(
    struct wwi_message *self,
    wws_string name,
    wws_string namespace_uri,
    uint32_t index,
    wws_bytes *element,
    bool *must_understand,
    struct wwi_error *error);
wws_status wwi_message_get_custom_header_info(
    struct wwi_message *self,
    wws_string name,
    wws_string namespace_uri,
    uint32_t index,
    wws_header_info *info,
    struct wwi_error *error);
wws_status wwi_message_mark_header_understood(
    struct wwi_message *self,
    wws_string name,
    wws_string namespace_uri,
    uint32_t index,
    struct wwi_error *error);
wws_status wwi_message_remove_custom_header(
    struct wwi_message *self,
    wws_string name,
    wws_string namespace_uri,
    struct wwi_error *error);
wws_status wwi_message_check_must_understand(
    struct wwi_message *self,
    struct wwi_error *error);
wws_status wwi_message_add_mapped_header(
    struct wwi_message *self,
    wws_string name,
    wws_string value,
    struct wwi_error *error);
wws_status wwi_message_get_mapped_header(
    struct wwi_message *self,
    wws_string name,
    wws_string *value,
    struct wwi_error *error);
wws_status wwi_message_remove_mapped_header(
    struct wwi_message *self,
    wws_string name,
    struct wwi_error *error);
wws_status wwi_message_set_body(
    struct wwi_message *self,
    wws_bytes body,
    struct wwi_error *error);
wws_status wwi_message_get_body(
    struct wwi_message *self,
    wws_bytes *body,
    struct wwi_error *error);
wws_status wwi_message_set_fault(
    struct wwi_message *self,
    const wws_fault *fault,
    struct wwi_error *error);
wws_status wwi_message_get_fault(
    struct wwi_message *self,
    wws_fault_info *fault,
    struct wwi_error *error);
wws_status wwi_message_get_info(
    struct wwi_message *self,
    wws_message_info *info,
    struct wwi_error *error);
wws_status wwi_message_reset(
    struct wwi_message *self,
    struct wwi_error *error);

/* The same with the object itself, which has one reference: its handle's. */
wws_status wwi_message_new(
    const wws_message_options *options,
    struct wwi_message **message,
    struct wwi_error *error);

/* Takes the message for this thread or operation; WWS_E_INVALID_OPERATION when
 * it is taken.  The holder of a pending operation keeps it taken, and a
 * reference, until the completion. */
wws_status wwi_message_begin_use(
    struct wwi_message *self,
    struct wwi_error *error);
void wwi_message_end_use(struct wwi_message *self);

/* From here on the message is in use by the caller. */

/* What moves a message from state to state; the table is in message.c. */
enum wwi_message_event {
    WWI_MESSAGE_INITIALIZE,
    WWI_MESSAGE_SEND,
    WWI_MESSAGE_WRITE_START,
    WWI_MESSAGE_PUT_TOGETHER, /* its pieces, to be sent whole */
    WWI_MESSAGE_WRITE_END,
    WWI_MESSAGE_RECEIVE,
    WWI_MESSAGE_READ_START,
    WWI_MESSAGE_READ_END,
    WWI_MESSAGE_GIVE_UP,
    WWI_MESSAGE_RESET,
    WWI_MESSAGE_EVENTS
};

/* False, and nothing has changed, where the table has no such move. */
bool wwi_message_move(
    struct wwi_message *self,
    enum wwi_message_event event);

/* What a channel knows of the messages it carries. */
struct wwi_encode_params {
    wws_envelope_version envelope_version;
    wws_addressing_version addressing_version;
    wws_string to;     /* To, where the message has none; may be empty */
    uint32_t max_size; /* of the envelope; 0: no limit */
    bool begins;       /* only what stands before the body, which follows */
};

struct wwi_decode_params {
    wws_envelope_version envelope_version;
    wws_addressing_version addressing_version;
    enum wwi_charset charset; /* that the transport says */
    uint32_t max_size;        /* of the envelope as UTF-8; 0: no limit */
    struct wwi_xml_limits limits;
    bool begins;              /* it is to be read piece by piece from here on */
};

/* Empties the message. */
void wwi_message_clear(struct wwi_message *self);

/* Initializes an empty message as the reply or the fault that answers what was
 * read of a request, be it no whole message; null: nothing is known of it. */
wws_status wwi_message_answer(
    struct wwi_message *self,
    struct wwi_envelope *request,
    bool fault,
    struct wwi_error *error);
/* Makes the body of an initialized message a fault of the library's own. */
wws_status wwi_message_set_standard_fault(
    struct wwi_message *self,
    const struct wwi_fault_about *about,
    struct wwi_error *error);

/* Makes the body of an initialized message the fault that the failure holds, or
 * one that tells of it as much as may be told. */
wws_status wwi_message_set_fault_of(
    struct wwi_message *self,
    const struct wwi_error *failure,
    wws_fault_disclosure disclosure,
    struct wwi_error *error);

/* Writes an initialized message behind what `out` holds.  It is done after
 * that, unless its state or its versions are wrong, or this was only its
 * beginning. */
wws_status wwi_message_encode(
    struct wwi_message *self,
    const struct wwi_encode_params *params,
    struct wwi_bytes *out,
    struct wwi_error *error);

/* A message that is written piece by piece, and sent whole: from INITIALIZED to
 * WRITING and back, with a body of all the pieces. */
wws_status wwi_message_begin_writing(
    struct wwi_message *self,
    uint64_t channel,
    wws_envelope_version envelope,
    wws_addressing_version addressing,
    struct wwi_error *error);
wws_status wwi_message_write_body(
    struct wwi_message *self,
    wws_bytes piece,
    uint32_t max_size,
    struct wwi_error *error);
wws_status wwi_message_end_writing(
    struct wwi_message *self,
    struct wwi_error *error);
/* The body of one that was received whole and is READING, once; then S_END. */
wws_status wwi_message_read_body(
    struct wwi_message *self,
    wws_buffer *piece,
    struct wwi_error *error);

/* Whether an envelope could be decoded into the message, before one is asked
 * for. */
wws_status wwi_message_check_target(
    struct wwi_message *self,
    wws_envelope_version envelope,
    wws_addressing_version addressing,
    struct wwi_error *error);
/* The same, and it stays in use for that. */
wws_status wwi_message_take_target(
    struct wwi_message *self,
    wws_envelope_version envelope,
    wws_addressing_version addressing,
    struct wwi_error *error);
/* Moves the octets of an envelope into an empty message, which is done after
 * that (D37), or to be read; unless its state or its versions are wrong.  On
 * failure wwi_message_envelope() tells which fault is the answer. */
wws_status wwi_message_decode(
    struct wwi_message *self,
    struct wwi_bytes *octets,
    const struct wwi_decode_params *params,
    struct wwi_error *error);
/* What was received last; null when nothing was since the last reset. */
struct wwi_envelope *wwi_message_envelope(struct wwi_message *self);

/* Sets the action that came with the transport, where addressing has none. */
wws_status wwi_message_put_action(struct wwi_message *self, wws_string action);
/* The action, for the transport too; empty when there is none. */
wws_string wwi_message_action(const struct wwi_message *self);
/* The parts of the fault that the body is; null when it is none. */
const wws_fault_info *wwi_message_fault(const struct wwi_message *self);

/* Fields of the transport, self->mapped: a transport steps through them to send
 * them, and those that it receives are added. */

#endif
