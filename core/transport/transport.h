/* What channels and hosts know of a transport: one table, filled by each.
 *
 * Words.  A *client* does one exchange at a time: a message goes out, and a
 * reply comes in.  It never waits: whoever owns it steps it, and sleeps or arms
 * it in between.  A *server* listens; what clients ask of it arrives as
 * *incoming* requests, each to be answered or dropped once.
 *
 * A transport of *sessions* has no clients and no incoming requests.  Both ends
 * hold a session, through which messages flow both ways, each on its own: see
 * session.h. */
#ifndef WWI_TRANSPORT_H
#define WWI_TRANSPORT_H

#include <stdatomic.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/io/engine.h"
#include "wws/types.h"

/* An application's own transport, held by whatever was made with it. */
struct wwi_custom;

/* A run of name and value pairs, as a transport's fields. */
struct wwi_fields {
    bool (*next)(
        const void *state,
        uint32_t *index,
        wws_string *name,
        wws_string *value);
    const void *state;
};

/* What goes out. */
struct wwi_outgoing {
    struct wwi_bytes envelope; /* moved in */
    wws_envelope_version version;
    wws_string action;         /* copied */
    wws_string message_id;     /* copied; empty: none */
    struct wwi_fields fields;  /* copied; next may be null */
    bool fault;
    /* Sessions that stream: the octets are not the first of their message,
     * not the last. */
    bool continues;
    bool more;
};

struct wwi_client_options {
    uint32_t max_message_size;
    uint32_t max_head_size;
    uint32_t resolve_timeout_ms;
    uint32_t connect_timeout_ms;
    uint32_t send_timeout_ms;
    uint32_t response_timeout_ms;
    uint32_t receive_timeout_ms;
    wws_ip_version ip_version;
    /* Of sessions. */
    wws_envelope_version version;
    uint64_t max_streamed_size; /* 0: messages are not streamed */
    struct wwi_custom *custom;  /* of the application's own transport */
};

/* What a client waits for. */
struct wwi_want {
    short events;     /* of poll, for client->source.fd; 0: only notify */
    int64_t deadline; /* of the phase; step again then */
};

/* Where an exchange is: written by its owner, read by anybody.  Whoever ends it
 * sets stop, then reads; the owner says that he sends, then looks at stop.  So
 * nobody hears that nothing was sent, and then it is. */
struct wwi_track {
    _Atomic uint8_t phase;
    _Atomic uint8_t progress;
    _Atomic bool stop; /* by anybody: to be reset */
};

/* The beginning of each transport's own client. */
struct wwi_client {
    const struct wwi_transport *transport;
    struct wwi_runtime *runtime;
    struct wwi_loop *loop;
    struct wwi_source source; /* fd is -1 while there is no socket */
    /* Of the exchange under way; between exchanges, of our own. */
    struct wwi_track *track;
    struct wwi_track own_track;
    /* Why a step failed; the text lives as long as the client. */
    struct wwi_outcome trouble;
    const char *text;
    /* Of what was taken: octets of the same message follow; the action that
     * came with the transport, while the exchange lasts. */
    bool more;
    bool has_action;
    wws_string action;
    /* Set by the owner: asks for another step, from any thread. */
    void (*notify)(struct wwi_client *client);
    void *user;
};

struct wwi_incoming;

/* How a reply went.  Runs once, on any thread, perhaps before reply returns;
 * the last use of the incoming request by the transport. */
typedef void (*wwi_replied_fn)(void *state, const struct wwi_outcome *outcome);

struct wwi_incoming_calls {
    /* Appends the URL that the client says it has opened, by the holder. */
    void (*append_url)(
        const struct wwi_incoming *incoming,
        struct wwi_bytes *url);
    /* From now on `gone` runs, at most once and never after the request has
     * been answered or dropped, when the client goes away; at once and inside
     * this function if it has gone already.  Runs with no lock held. */
    void (*watch)(
        struct wwi_incoming *incoming,
        void (*gone)(struct wwi_incoming *incoming));
    /* Answers: writes what can be written on this thread, the loop does the
     * rest.  A null outgoing is an answer without envelope (202).  The request
     * must not be used any more by the caller. */
    void (*reply)(
        struct wwi_incoming *incoming,
        struct wwi_outgoing *outgoing,
        wwi_replied_fn replied,
        void *state);
    /* Before `replied` runs, with locks held perhaps: what has not been sent of
     * the answer is not sent any more, and the connection is reset. */
    void (*stop)(struct wwi_incoming *incoming);
    /* Gives the request up: its connection is reset. */
    void (*drop)(struct wwi_incoming *incoming);
};

/* A request of a client, or what became of its connection. */
struct wwi_incoming {
    const struct wwi_incoming_calls *calls;
    struct wwi_runtime *runtime;
    struct wwi_link link;        /* for whoever holds it */
    struct wwi_bytes envelope;   /* to be moved out */
    wws_envelope_version version;
    bool has_action;
    wws_string action;           /* lives as long as the request */
    struct wwi_fields fields;    /* likewise */
    bool of_session;             /* its answer is found by what it relates to */
    bool announces;              /* no message: the session is to be accepted */
    bool last;                   /* set by who answers: no other is expected */
    wws_string remote;           /* the address of the client, as text */
    uint64_t connection;         /* tells the connections of clients apart */
    /* Nobody waits for the answer any more; set before `gone` runs. */
    _Atomic bool gone;
    /* Set by the holder, before or after the client may be gone; see watch. */
    void *_Atomic user;
    void *channel;               /* the holder's, of a session */
};

struct wwi_server_options {
    wws_envelope_version version;
    uint32_t max_message_size;
    uint32_t max_head_size;
    uint32_t backlog;
    uint32_t max_connections;
    uint32_t max_incoming;       /* requests handed up and not yet answered */
    uint32_t request_timeout_ms;
    uint32_t idle_timeout_ms;
    bool tolerate_half_close;
    wws_ip_version ip_version;
    /* Over HTTP; they live as long as the server. */
    const wws_string *disallowed_user_agents;
    size_t disallowed_user_agents_count;
    /* Of sessions. */
    uint32_t handshake_timeout_ms;
    uint64_t max_streamed_size; /* 0: messages are not streamed */
    struct wwi_custom *custom;  /* of the application's own transport */
};

struct wwi_server;
struct wwi_session;

/* What arrives at a server, on a loop thread: requests, each of which may be
 * answered at once, or sessions that are open.  It belongs to the callback. */
struct wwi_server_callbacks {
    void (*arrived)(struct wwi_incoming *incoming, void *state);
    void (*connected)(struct wwi_session *session, void *state);
    void *state;
};

struct wwi_transport {
    const char *scheme;

    /* Checks the address; no I/O.  The address is copied. */
    wws_status (*client_create)(
        struct wwi_runtime *runtime,
        wws_string address,
        const struct wwi_client_options *options,
        struct wwi_client **client,
        struct wwi_error *error);
    /* The times of the options hold for what begins from now on. */
    void (*client_set_times)(
        struct wwi_client *client,
        const struct wwi_client_options *options);
    /* Begins an exchange, of which step then sends the message and, if `reply`,
     * receives the reply; no I/O yet. */
    wws_status (*client_begin)(
        struct wwi_client *client,
        struct wwi_outgoing *outgoing,
        bool reply,
        struct wwi_error *error);
    /* After an exchange that only sent: step receives the reply. */
    void (*client_receive)(struct wwi_client *client);
    /* As far as it goes without waiting.  WWS_S_ASYNC: the want says for what;
     * otherwise done or failed, and trouble says why. */
    wws_status (*client_step)(struct wwi_client *client, struct wwi_want *want);
    /* Sessions that stream: begins to send further octets of the message that
     * was begun last; step then sends them. */
    wws_status (*client_write)(
        struct wwi_client *client,
        struct wwi_outgoing *outgoing,
        struct wwi_error *error);
    /* Moves the envelope received out; S_END if there was none (202). */
    wws_status (*client_take)(
        struct wwi_client *client,
        struct wwi_bytes *envelope,
        struct wwi_fields *fields);
    /* Ends the exchange.  The connection is kept if it can carry another one
     * and is reset if the exchange was not through. */
    void (*client_end)(struct wwi_client *client);
    /* By the owner; the loop must not own it.  Resets what is open. */
    void (*client_free)(struct wwi_client *client);

    /* Listens.  The callbacks are copied. */
    wws_status (*server_open)(
        struct wwi_runtime *runtime,
        wws_string url,
        const struct wwi_server_options *options,
        const struct wwi_server_callbacks *callbacks,
        struct wwi_server **server,
        struct wwi_error *error);
    /* The URL at which it can be reached. */
    wws_status (*server_address)(
        struct wwi_server *server,
        struct wwi_bytes *address);
    /* Nothing arrives any more when this has returned, but what is just
     * arriving on a loop thread: this never waits.  Idle connections close;
     * requests that have arrived can still be answered, and sessions go on.
     * `stopped` runs once, on any thread, when all sockets of the server are
     * closed.  With reset, connections that owe an answer are reset, too, and
     * sessions aborted, which may be asked for after a stop without it.  Never
     * blocks. */
    void (*server_stop)(
        struct wwi_server *server,
        bool reset,
        void (*stopped)(void *state));
    /* After stopped has run. */
    void (*server_free)(struct wwi_server *server);

    /* The client's end of a session: checks the address, which is copied; no
     * I/O.  Null for a transport that has clients. */
    wws_status (*session_create)(
        struct wwi_runtime *runtime,
        wws_string address,
        const struct wwi_client_options *options,
        struct wwi_session **session,
        struct wwi_error *error);
};

/* Which end of a conversation it is about. */
enum wwi_end {
    WWI_END_CLIENT,
    WWI_END_SERVER,
    WWI_END_ACCEPTED, /* has its connection already */
};

/* What the interface says of how messages travel. */
struct wwi_binding {
    wws_transport transport;
    wws_encoding encoding;
    wws_addressing_version addressing;
    wws_transfer_mode mode;
    enum wwi_end end;
    const wws_custom_transport *custom;
};

/* The transport that does so; WWS_E_NOT_SUPPORTED, WWS_E_INVALIDARG. */
wws_status wwi_transport_find(
    const struct wwi_binding *binding,
    const struct wwi_transport **transport,
    struct wwi_error *error);
extern const struct wwi_transport wwi_http;
extern const struct wwi_transport wwi_http_streamed;
extern const struct wwi_transport wwi_tcp;
extern const struct wwi_transport wwi_custom_sessions;

/* Copies the table, with one reference; null is null.  The state stays the
 * caller's until the table is taken, and is freed with the last reference. */
wws_status wwi_custom_create(
    const wws_custom_transport *table,
    struct wwi_custom **custom,
    struct wwi_error *error);
void wwi_custom_take(struct wwi_custom *custom);
void wwi_custom_ref(struct wwi_custom *custom);
/* Null is fine, here and when taking. */
void wwi_custom_unref(struct wwi_custom *custom);

#endif
