/* What an application's transport has been asked to do.  A task is complete
 * once, by whoever claims it first: the application, or the result of its slot.
 * Then its handle is stale, and its session looks at it on the loop; there it
 * goes as well, when the last function of it has returned. */
#ifndef WWI_TRANSPORT_TASK_H
#define WWI_TRANSPORT_TASK_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/lock.h"
#include "core/io/loop.h"

struct wwi_custom_session;
struct wwi_server;

enum wwi_task_kind {
    WWI_TASK_CONNECT, /* or accept */
    WWI_TASK_SEND,
    WWI_TASK_RECEIVE,
    WWI_TASK_WATCH,
    WWI_TASK_SHUT_DOWN,
    WWI_TASK_CLOSE,
    WWI_TASK_KINDS, /* of a session, these */
    WWI_TASK_LISTEN,
};

struct wwi_transport_task {
    struct wwi_object object;
    struct wwi_link link;
    struct wwi_post post;       /* of its end */
    enum wwi_task_kind kind;
    /* One of them, with a reference, and its lock. */
    struct wwi_custom_session *session;
    struct wwi_server *server;
    struct wwi_lock *lock;
    struct wwi_bytes octets; /* to be sent, from `at`, or received */
    size_t at;

    struct { /* any thread, under the lock */
        bool claimed;
        bool given;
        bool more;
        wws_status status;
        struct wwi_bytes reason; /* of a failure; may be empty */
    } synced;
};

/* The interface; see schema/wws/transport.proto. */
wws_status wwi_transport_task_give_connection(
    struct wwi_transport_task *self,
    const wws_custom_connection *connection,
    wws_string remote_address,
    wws_string transport_url,
    struct wwi_error *error);
wws_status wwi_transport_task_give_listener(
    struct wwi_transport_task *self,
    const wws_custom_listener *listener,
    wws_string address,
    struct wwi_error *error);
wws_status wwi_transport_task_give_piece(
    struct wwi_transport_task *self,
    wws_bytes octets,
    bool more,
    struct wwi_error *error);
wws_status wwi_transport_task_give_reason(
    struct wwi_transport_task *self,
    wws_string reason,
    struct wwi_error *error);
wws_status wwi_transport_task_complete(
    struct wwi_transport_task *self,
    wws_status status,
    struct wwi_error *error);

/* For its session, or the server that listens; null when there is no memory.
 * The first reference is theirs, for when it is complete. */
struct wwi_transport_task *wwi_transport_task_new(
    enum wwi_task_kind kind,
    struct wwi_custom_session *session,
    struct wwi_server *server);
/* Completes it, unless it is complete.  With another reference. */
bool wwi_transport_task_end(
    struct wwi_transport_task *task,
    wws_status status);

#endif
