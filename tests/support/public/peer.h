/* Servers and clients made of bare sockets, which do exactly what a script says
 * and count what the other side did.  They speak what the program runs over:
 * HTTP, or a session of .NET framing. */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include "tests/support/public/check.h"

enum { PEER_CONNECTIONS = 64 };

/* What a server does when it has its part of the request. */
enum peer_end {
    PEER_HOLDS,  /* nothing, until the client goes; in a session it reads on */
    PEER_CLOSES,
    PEER_RESETS,
};

struct peer_script {
    bool mute;         /* takes the connection and never does anything */
    bool deaf;         /* never reads; a session is open, though */
    bool stubborn;     /* does not end a session when the client does */
    size_t reads;      /* octets of the request that it reads; 0: all */
    bool answers;      /* with a whole reply, made for the request */
    const char *reply; /* with these octets; null: nothing */
    size_t sends;      /* octets of the reply; 0: all */
    bool again;        /* serves the next request after a whole reply */
    void (*act)(int fd);  /* what it does in an open session instead */
    const char *greets;   /* what it says instead of opening a session */
    enum peer_end then;
};

struct peer {
    struct peer_script script;
    char url[64];
    int listening;
    int fillers[4];    /* of a backlog that is full */
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    unsigned accepted;
    unsigned served;   /* requests that had its part */
    unsigned gone;     /* connections that the client has ended */
    unsigned ended;    /* sessions that the client has ended in order */
    struct peer_connection {
        struct peer *peer;
        pthread_t thread;
        int fd;
    } connections[PEER_CONNECTIONS];
};

/* A whole reply to any call of the tests, over HTTP. */
extern const char peer_reply[];

void peer_start(struct peer *peer, const struct peer_script *script);
/* One that never answers a connection. */
void peer_start_full(struct peer *peer);
void peer_stop(struct peer *peer);
/* Whether the counter came to the value in time, and to no more, or to that or
 * more. */
bool peer_reaches(struct peer *peer, const unsigned *counter, unsigned value);
bool peer_passes(struct peer *peer, const unsigned *counter, unsigned value);
unsigned peer_read(struct peer *peer, const unsigned *counter);

/* A client: connected to the URL, or with the first octets of a request of that
 * action sent; 0: all of them.  The first request of a session opens it. */
int peer_connect(const char *url);
void peer_request(int fd, const char *action, size_t octets);
/* A later request of the connection. */
void peer_request_again(int fd, const char *action);
/* Reads until the response is whole: its HTTP status; 0 when the connection
 * ended before. */
int peer_response(int fd);
/* Whether the next response is a whole one and says what was hoped for. */
bool peer_answered(int fd);
/* Ends a session in order, as far as this side goes; HTTP has none. */
void peer_end_session(int fd);
/* Whether the other side has ended the connection, in time. */
bool peer_ended(int fd);
void peer_reset(int fd);

#endif
