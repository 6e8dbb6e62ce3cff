/* What the files of a channel share: channel.c has its life, channel_request.c
 * the messages of a client, channel_answer.c those of a server. */
#ifndef WWI_CHANNEL_PARTS_H
#define WWI_CHANNEL_PARTS_H

#include "core/channel/channel.h"
#include "core/channel/closing.h"
#include "core/channel/exchange.h"

/* Where a conversation over HTTP is. */
enum wwi_turn {
    WWI_TURN_IDLE,     /* client: may send; server: nothing received yet */
    WWI_TURN_SENDING,
    WWI_TURN_SENT,     /* client: a reply is owed */
    WWI_TURN_RECEIVING,
    WWI_TURN_RECEIVED, /* server: an answer is owed */
    WWI_TURN_OVER,     /* server: answered */
};

struct wwi_answer;

struct wwi_channel {
    struct wwi_object object;
    struct wwi_member member;
    wws_channel_options options; /* set by create, then read only */
    const struct wwi_transport *transport;
    struct wwi_listener *listener; /* of a server's channel, referenced */
    struct wwi_post reap;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        wws_channel_state state;
        enum wwi_turn turn;
        uint32_t opens; /* which open it is that the state tells of */
        bool latched; /* aborted when it was only created */
        bool aborted; /* while it was closing */
        bool dropped; /* aborted while an accept was ending */
        char *address;
        struct wwi_client *client;     /* while no exchange has it */
        struct wwi_exchange *current;
        struct wwi_accept *accept;
        struct wwi_incoming *incoming;
        struct wwi_answer *answer;         /* the transport may still stop it */
        uint32_t active;
        struct wwi_closing *closing;
    } synced;
};

/* FLT for what would be legal when open, INV for all else (L3). */
wws_status wwi_channel_refusal(
    wws_channel_state state,
    struct wwi_error *error,
    const char *what);
/* Ends what has nothing to wait for any more. */
void wwi_channel_settle(struct wwi_channel *channel);
void wwi_channel_leave_active(struct wwi_channel *channel);

/* The connection that the channel has, or a new one. */
wws_status wwi_channel_get_client(
    struct wwi_channel *channel,
    wws_string address,
    struct wwi_client **client,
    struct wwi_error *error);
/* Writes a message that is in use; it is done after that. */
wws_status wwi_channel_encode(
    struct wwi_channel *channel,
    struct wwi_message *message,
    struct wwi_outgoing *outgoing,
    struct wwi_error *error);

/* The request is here already: an accepted channel has it. */
wws_status wwi_channel_receive_request(
    struct wwi_channel *self,
    struct wwi_message *message,
    struct wwi_error *error);
/* For whoever ends it: asks the transport to stop it, and holds it. */
void wwi_answer_stop_locked(struct wwi_answer *answer);
/* Ends the wait of one that is held, and lets it go. */
void wwi_answer_end(struct wwi_answer *answer, const char *text);

#endif
