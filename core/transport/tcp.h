/* What the parts of the TCP transport share: sessions as their holders see them
 * (tcp_session.c), the connections below (tcp.c), and the server that judges
 * what these begin with (tcp_server.c).
 *
 * Words.  A *wire* is a connection with the framing of what comes in.  A client
 * has one for its session; a server's carries one session after the other, the
 * next when its holder has freed the one before. */
#ifndef WWI_TCP_H
#define WWI_TCP_H

#include "core/transport/framing.h"
#include "core/transport/session_server.h"

struct wwi_tcp_session;

struct wwi_tcp_wire {
    struct wwi_conn conn;
    struct wwi_server *server;      /* null for a client */
    /* Set when it is made, then read only. */
    wws_envelope_version version;
    enum wwi_framing_mode mode;
    /* What the transport itself says: preamble, acknowledgement, fault. */
    struct wwi_sending words;

    struct { /* loop thread only */
        struct wwi_tcp_session *session;
        struct wwi_framing framing;
        struct wwi_bytes input;     /* read, but not decoded from `at` on */
        size_t at;
        struct wwi_bytes coming;    /* of the piece that is not whole */
        struct wwi_piece piece;     /* that nobody has asked for yet */
        bool has_piece;
        bool undecided;             /* the decoder has more to say */
        bool reused;                /* a session has been here before */
        bool begun;                 /* octets of this session have come */
        bool greeted;               /* the client's preamble is queued */
        bool talking;               /* the session is open */
        bool peer_ended;
        bool will_end;              /* the peer's end lies unread */
        bool parting;               /* waits for its own End record to go */
        bool over;                  /* the session has failed */
        bool told;                  /* `ended` has said so */
        bool left;                  /* the server has been told */
        struct wwi_outcome outcome; /* of the session */
    } on_loop;
};

struct wwi_tcp_session {
    struct wwi_session base;
    struct wwi_tcp_wire *wire;
    /* Of a client. */
    struct wwi_bytes host;      /* terminated, as it is connected to */
    uint16_t port;
    struct wwi_bytes via;
    struct wwi_sending end;

    struct { /* any thread, under the lock of the connection */
        uint32_t asked;             /* pieces */
        bool opening;
        bool open;
        bool shut;                  /* nothing more may be sent */
        bool over;
        bool aborted;
        bool freed;
        const struct wwi_sending *last;  /* of a stream: it has the End */
    } synced;
};

/* tcp_session.c */

/* With a reference of its own to the wire, if there is memory. */
struct wwi_tcp_session *wwi_tcp_session_new(
    struct wwi_tcp_wire *wire,
    wws_string via);
void wwi_tcp_session_destroy(struct wwi_tcp_session *session);
void wwi_tcp_session_taken_back(
    struct wwi_conn *conn,
    struct wwi_sending *sending);

/* tcp.c */

/* For a descriptor that was accepted; null when there is no memory.  The first
 * reference is dropped when its socket has been closed. */
struct wwi_conn *wwi_tcp_wire_create(struct wwi_server *server);

/* tcp_server.c */

/* What is wrong with a preamble; WWI_FRAMING_FAULT_NONE: nothing. */
enum wwi_framing_fault wwi_tcp_judge(
    const struct wwi_tcp_wire *wire,
    const struct wwi_framing *framing);
wws_status wwi_tcp_server_open(
    struct wwi_runtime *runtime,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **server,
    struct wwi_error *error);

#endif
