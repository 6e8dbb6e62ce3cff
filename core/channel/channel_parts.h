/* What the files of a channel share: channel.c has its life, channel_open.c the
 * opening of a session, channel_transfer.c the messages that go through a
 * client of a transport, channel_writing.c and channel_reading.c those that are
 * written and read in pieces, channel_answer.c the request and the answer of an
 * incoming request.
 *
 * Words.  A *lane* is where one message at a time flows.  Over a session there
 * are two, one each way; otherwise there is one, and messages take *turns* on
 * it: a request, then its reply. */
#ifndef WWI_CHANNEL_PARTS_H
#define WWI_CHANNEL_PARTS_H

#include "core/channel/channel.h"
#include "core/channel/closing.h"
#include "core/channel/exchange.h"
#include "core/channel/mux.h"
#include "core/channel/pieces.h"

/* Where the conversation on a lane is. */
enum wwi_turn {
    WWI_TURN_IDLE,      /* client: may send; server: may receive */
    WWI_TURN_OPENING,
    WWI_TURN_SENDING,
    WWI_TURN_WRITING,   /* a message is half written */
    WWI_TURN_SENT,      /* client: a reply is owed */
    WWI_TURN_RECEIVING,
    WWI_TURN_READING,   /* a message is half read */
    WWI_TURN_RECEIVED,  /* server: an answer is owed */
    WWI_TURN_OVER,      /* server: answered */
};

/* What an operation makes of the turn of its lane. */
struct wwi_turns {
    enum wwi_turn from;
    enum wwi_turn during;
    enum wwi_turn done;
    enum wwi_turn failed;
};

struct wwi_lane {
    enum wwi_turn turn;
    struct wwi_client *client;     /* while no exchange has it */
    struct wwi_exchange *current;  /* with a reference */
    /* Half written or read: the message, with a reference; what is known of its
     * body, while no transfer has that, if it travels in pieces. */
    struct wwi_message *message;
    struct wwi_pieces *pieces;
};

enum { WWI_LANE_SEND, WWI_LANE_RECEIVE, WWI_LANES };

/* Settings that may be changed at any time. */
struct wwi_channel_settings {
    uint32_t resolve_timeout_ms;
    uint32_t connect_timeout_ms;
    uint32_t send_timeout_ms;
    uint32_t response_timeout_ms;
    uint32_t receive_timeout_ms;
    uint32_t close_timeout_ms;
    bool faults_as_errors;
};

struct wwi_answer;

struct wwi_channel {
    struct wwi_object object;
    struct wwi_member member;
    wws_channel_options options; /* set by create, then read only */
    struct wwi_custom *custom;   /* the application's own transport, or null */
    const struct wwi_transport *transport;
    bool duplex;   /* one session for its life: two lanes */
    bool streamed; /* messages travel in pieces: a session for each exchange */
    struct wwi_listener *listener; /* of a server's channel, referenced */
    struct wwi_post reap;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        wws_channel_state state;
        struct wwi_channel_settings settings;
        uint32_t opens; /* which open it is that the state tells of */
        bool latched; /* aborted when it was only created */
        bool aborted; /* while it was closing */
        bool broken;  /* faulted, and not by an abort */
        bool late;    /* the other side took too long to close */
        bool dropped; /* aborted while an accept was ending */
        bool shut_down;
        char *address;
        struct wwi_lane lanes[WWI_LANES];
        struct wwi_mux *mux;           /* of its session, if it has one */
        struct wwi_accept *accept;
        struct wwi_incoming *incoming;
        struct wwi_answer *answer;     /* the transport may still stop it */
        uint32_t active;
        struct wwi_closing *closing;
    } synced;
};

static inline struct wwi_lane *wwi_channel_lane(
    struct wwi_channel *channel,
    int lane)
{
    return &channel->synced.lanes[channel->duplex ? lane : WWI_LANE_SEND];
}

/* The turns of messages, by who this is and what it is over. */
struct wwi_turns wwi_channel_turns(
    const struct wwi_channel *channel,
    bool receives,
    bool replies);

/* FLT for what would be legal when open, INV for all else (L3). */
wws_status wwi_channel_refusal(
    wws_channel_state state,
    struct wwi_error *error,
    const char *what);
/* Ends what has nothing to wait for any more. */
void wwi_channel_settle(struct wwi_channel *channel);
void wwi_channel_leave_active(struct wwi_channel *channel);
/* The session has failed: the channel is of no use any more. */
void wwi_channel_fault(struct wwi_channel *channel);
/* The state, which is FAULTED from when somebody looks whose session has failed
 * while nothing was under way.  With the lock. */
wws_channel_state wwi_channel_look_locked(struct wwi_channel *channel);

/* channel_open.c */

/* Settings as a transport has them. */
struct wwi_client_options wwi_channel_client_options(
    struct wwi_channel *channel);
/* A client for a lane that has none: of this session, else of that which the
 * channel has, else of a new one, or of no session. */
wws_status wwi_channel_make_client(
    struct wwi_channel *channel,
    wws_string address,
    struct wwi_mux *mux,
    struct wwi_client **client,
    struct wwi_error *error);
/* Opens the session of a channel that has one for life. */
wws_status wwi_channel_open_session(
    struct wwi_channel *channel,
    uint32_t opens,
    wws_string address,
    const wws_completion *completion,
    struct wwi_error *error);

/* channel_property.c */

/* What messages it carries, by whether it has one session for its life. */
wws_channel_type wwi_channel_type(bool duplex, bool server);

/* channel_transfer.c */

/* A message under way, or a piece of one. */
struct wwi_transfer {
    struct wwi_exchange exchange;
    struct wwi_channel *channel;
    int lane;
    struct wwi_turns turns;
    bool receives;   /* and waits for the peer: a cancel of receives ends it */
    bool keeps;      /* the client's exchange goes on in the next transfer */
    bool required;   /* that there is no message is a failure */
    bool begins;     /* the message is to be read piece by piece */
    bool answers;    /* and its listener waits for that when it closes (LI5) */
    struct wwi_message *message; /* to be filled, with a reference */
    struct wwi_message *_Atomic held; /* and in use, until the caller hears */
    char *request_id;
    struct wwi_pieces *pieces;   /* of the lane's message, meanwhile */
    enum wwi_pieces_aim aim;
    wws_buffer *piece;
    bool ends;                   /* the message */
    /* As in wwi_exchange_callbacks. */
    bool (*go_on)(struct wwi_transfer *transfer);
    wws_status (*result)(struct wwi_transfer *transfer, wws_status status);
    /* Begins the exchange with the client. */
    wws_status (*begin)(
        struct wwi_transfer *transfer,
        struct wwi_client *client,
        struct wwi_error *error);
    void *what;      /* for begin */
    const struct wwi_message *half; /* that the lane must have midway */
    wws_channel_state state; /* OPEN, or of an opening */
    uint32_t opens;
    struct wwi_mux *mux;     /* of an opening, until the channel has it */
};

/* An opening has come to this: the state moves on, if it is still the state of
 * this opening; false if the channel was aborted meanwhile. */
bool wwi_channel_end_opening(struct wwi_transfer *transfer, bool open);

struct wwi_transfer *wwi_transfer_new(
    struct wwi_channel *channel,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status);
/* What it receives, or the head that it sends, makes something of the message:
 * nobody else uses that meanwhile. */
wws_status wwi_transfer_fill(
    struct wwi_transfer *transfer,
    struct wwi_message *message,
    struct wwi_error *error);
/* Of one that cannot run: what the function that made it returns. */
wws_status wwi_transfer_refuse(
    struct wwi_transfer *transfer,
    wws_status status);
/* Does it: all that can fail before anybody waits, and then the exchange. */
wws_status wwi_transfer_run(
    struct wwi_transfer *transfer,
    const char *what,
    struct wwi_error *error);

/* Writes a message that is in use; it is done after that, or being written if
 * more follows. */
wws_status wwi_channel_encode(
    struct wwi_channel *channel,
    struct wwi_message *message,
    struct wwi_outgoing *outgoing,
    struct wwi_error *error);
/* Puts an envelope that was received into the transfer's message. */
wws_status wwi_transfer_read(
    struct wwi_transfer *transfer,
    struct wwi_bytes *envelope,
    const struct wwi_fields *fields,
    struct wwi_error *error);
/* The result of one that received a whole message. */
wws_status wwi_transfer_received(
    struct wwi_transfer *transfer,
    wws_status status);
/* Whether that there is none is a failure (P7): WWS_S_END, or else. */
wws_status wwi_channel_no_message(bool required, struct wwi_error *error);
/* A transfer that receives a whole message with these turns. */
struct wwi_transfer *wwi_transfer_new_receiving(
    struct wwi_channel *channel,
    struct wwi_message *message,
    wws_receive_option option,
    struct wwi_turns turns,
    const wws_completion *completion,
    struct wwi_error *error,
    wws_status *status);
/* What cannot be received into is refused before anything is sent. */
wws_status wwi_channel_check_target(
    const struct wwi_channel *channel,
    struct wwi_message *message,
    struct wwi_error *error);
/* What answers must have been made for that. */
wws_status wwi_channel_check_reply(
    struct wwi_message *reply,
    struct wwi_error *error);

/* channel_half.c */

static inline bool wwi_turn_is_midway(enum wwi_turn turn)
{
    return turn == WWI_TURN_WRITING || turn == WWI_TURN_READING;
}

/* What a lane has of a message that is half written or read. */
struct wwi_half {
    struct wwi_message *message;
    struct wwi_pieces *pieces;
};

struct wwi_half wwi_lane_take_half_locked(struct wwi_lane *lane);
void wwi_half_free(struct wwi_half half);

/* channel_reading.c */

/* Whether the one request of an accepted channel that streams has been read. */
bool wwi_channel_is_over(struct wwi_channel *channel);
/* Makes one that receives a whole message put it together of its pieces. */
wws_status wwi_transfer_gather(
    struct wwi_transfer *transfer,
    struct wwi_error *error);

/* channel_answer.c */

/* The request is here already: an accepted channel has it. */
wws_status wwi_channel_receive_request(
    struct wwi_channel *self,
    struct wwi_message *message,
    bool begins,
    struct wwi_turns turns,
    struct wwi_error *error);
wws_status wwi_channel_answer_request(
    struct wwi_channel *self,
    struct wwi_message *reply,
    struct wwi_turns turns,
    const wws_completion *completion,
    struct wwi_error *error);
/* For whoever ends it: asks the transport to stop it, and holds it. */
void wwi_answer_stop_locked(struct wwi_answer *answer);
/* Ends the wait of one that is held, and lets it go. */
void wwi_answer_end(struct wwi_answer *answer, const char *text);

#endif
