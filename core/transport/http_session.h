/* What the two halves of streamed HTTP share: what both ends of an exchange
 * have in common (http_session.c) and the server that judges requests
 * (http_session_server.c).
 *
 * Words.  A session is one *exchange*: a request, then its reply.  The message
 * that *comes* is the reply for a client, the request for a server; the one
 * that *goes* is the other. */
#ifndef WWI_HTTP_SESSION_H
#define WWI_HTTP_SESSION_H

#include "core/transport/http_head.h"
#include "core/transport/http_request.h"
#include "core/transport/session_server.h"

/* How the end of a body is told. */
enum wwi_http_body {
    WWI_HTTP_BODY_LENGTH,
    WWI_HTTP_BODY_CHUNKED,
    WWI_HTTP_BODY_TO_CLOSE,
};

struct wwi_http_session {
    struct wwi_session base;
    struct wwi_conn conn;
    struct wwi_server *server;      /* null for a client */
    /* Set when it is made, then read only. */
    wws_envelope_version version;
    struct wwi_url url;             /* of a client */
    char *host;

    /* Of a server: what it says itself, in memory reserved. */
    struct wwi_sending words;
    struct wwi_http_action action;
    struct wwi_bytes asked_url;     /* as the client says */
    bool old;                       /* the client is of HTTP/1.0; constant
                                       once the session is open */

    struct { /* loop thread only */
        struct wwi_http_parser parser;
        struct wwi_bytes coming;    /* of the next piece */
        uint32_t interim;
        bool talking;               /* the holder has it, and it is open */
        bool asked_head;            /* a deadline for the head runs */
        bool accepted;              /* the request may come up */
        bool awaited;               /* the client waits for 100 Continue */
        bool judged;                /* the response has an envelope */
        bool continues;             /* a piece has been delivered */
        bool complete;              /* all that comes has come */
        bool delivered;             /* and was handed over */
        bool ended;                 /* and the end was told */
        bool forgoing;              /* what is queued is not sent any more */
        bool parting;               /* nothing but the end of the connection */
        bool over;                  /* it has failed */
        bool told;                  /* `ended` has said so */
        bool left;                  /* the server has been told */
        bool released;
        struct wwi_outcome outcome; /* of the failure */
    } on_loop;

    struct { /* any thread, under the lock of the connection */
        uint32_t asked;             /* pieces */
        bool opening;
        bool begun;                 /* the message that goes */
        bool whole;                 /* its last piece is queued, or sent */
        bool forgone;               /* the reply has come before it was */
        bool shut;
        bool torn;                  /* a piece amid it was taken back */
        bool over;
        bool aborted;
        bool freed;
        enum wwi_http_body body;
        const struct wwi_sending *latest;
        bool latest_first;
    } synced;
};

static inline struct wwi_http_session *wwi_http_session_of(
    struct wwi_conn *conn)
{
    return WWI_CONTAINER(conn, struct wwi_http_session, conn);
}

/* http_session.c */

/* Without url and host, for either end; null when there is no memory. */
struct wwi_http_session *wwi_http_session_new(
    struct wwi_runtime *runtime,
    struct wwi_server *server,
    const struct wwi_http_limits *limits);

/* http_session_server.c: of a server's session, on the loop. */

/* The head of a request is there, or cannot be read. */
void wwi_http_session_judge(struct wwi_http_session *session);
void wwi_http_session_refuse(
    struct wwi_http_session *session,
    unsigned status);
/* Before a request has been accepted: closes the connection in order. */
void wwi_http_session_hang_up(struct wwi_http_session *session);
/* Likewise: looks at the time; true when it has just been accepted. */
bool wwi_http_session_await(struct wwi_http_session *session);
/* Of one that is open: invites the body, and ends the connection behind the
 * reply. */
void wwi_http_session_attend(struct wwi_http_session *session);

wws_status wwi_http_session_server_open(
    struct wwi_runtime *runtime,
    wws_string url,
    const struct wwi_server_options *options,
    const struct wwi_server_callbacks *callbacks,
    struct wwi_server **server,
    struct wwi_error *error);

#endif
