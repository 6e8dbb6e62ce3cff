/* What writing and reading in pieces share. */
#ifndef WWI_CHANNEL_HALF_H
#define WWI_CHANNEL_HALF_H

#include "core/channel/channel_parts.h"

/* Of a whole message; what is written answers if this side only answers. */
struct wwi_turns wwi_reading_turns(struct wwi_channel *channel);
struct wwi_turns wwi_writing_turns(struct wwi_channel *channel);

/* Without I/O: takes the lane from one turn to another, if its message is this
 * one, or null if none is half written or read.  It is active until it is left,
 * so that nobody opens the channel again meanwhile. */
wws_status wwi_lane_move(
    struct wwi_channel *channel,
    struct wwi_lane *lane,
    const struct wwi_message *half,
    enum wwi_turn from,
    enum wwi_turn to,
    const char *what,
    struct wwi_error *error);

/* Leaves a lane that was taken so: it goes on in this turn, unless the channel
 * was closed meanwhile. */
void wwi_lane_leave(
    struct wwi_channel *channel,
    struct wwi_lane *lane,
    enum wwi_turn from,
    enum wwi_turn to);

/* Likewise, and the message is the lane's no more. */
void wwi_lane_drop_message(
    struct wwi_channel *channel,
    struct wwi_lane *lane,
    enum wwi_turn from,
    enum wwi_turn to);

/* While the channel is active: the message is the lane's. */
wws_status wwi_lane_put_message(
    struct wwi_channel *channel,
    struct wwi_lane *lane,
    struct wwi_message *message,
    enum wwi_turn from,
    enum wwi_turn to,
    struct wwi_error *error);

/* The message is done, by the end of its writing or its reading. */
wws_status wwi_half_end(
    struct wwi_message *message,
    enum wwi_message_event event,
    struct wwi_error *error);

/* A transfer that begins with a message, and one that goes on with it. */
struct wwi_transfer *wwi_half_transfer(
    struct wwi_channel *channel,
    int lane,
    struct wwi_turns turns,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status);

struct wwi_transfer *wwi_half_transfer_on(
    struct wwi_channel *channel,
    int lane,
    struct wwi_turns turns,
    const struct wwi_message *message,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status);

/* WWS_E_INVALIDARG for a message that is not the channel's,
 * WWS_E_INVALID_OPERATION in a wrong state or while an operation is pending. */
wws_status wwi_half_abandon(
    struct wwi_channel *channel,
    const struct wwi_message *message);

#endif
