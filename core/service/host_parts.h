/* What the files of a service host share: service_host.c has its states, its
 * endpoints and abort, which only tells; host_server.c what its servers bring,
 * host_open.c and host_close.c what their names say.  It is over in
 * wwi_host_server_gone(). */
#ifndef WWI_HOST_PARTS_H
#define WWI_HOST_PARTS_H

#include "core/service/service_host.h"

enum wwi_host_event {
    WWI_HOST_BEGIN,
    WWI_HOST_DONE,
    WWI_HOST_FAIL,
    WWI_HOST_ABORT,
    WWI_HOST_CLOSE,
    WWI_HOST_RESET,
    WWI_HOST_EVENTS,
};

/* False where the table says so.  Whoever moves logs the move when the lock is
 * given back. */
bool wwi_host_move_locked(
    struct wwi_service_host *self,
    enum wwi_host_event event);
void wwi_host_log_state(
    struct wwi_service_host *self,
    wws_service_host_state state);
wws_status wwi_host_wrong_state(
    wws_service_host_state state,
    struct wwi_error *error);
/* For the reason that a close then tells: an abort, or that its time is
 * over. */
void wwi_host_abort(struct wwi_service_host *self, wws_status why);
/* Posts hold the host until they have run. */
void wwi_host_post(struct wwi_service_host *self, struct wwi_post *what);

/* host_server.c: null where there is none. */
struct wwi_endpoint *wwi_host_find_locked(
    struct wwi_service_host *self,
    uint32_t index);
/* False behind the last endpoint; the server, with a reference, may be null. */
bool wwi_host_hold_server(
    struct wwi_service_host *self,
    uint32_t index,
    bool stop,
    struct wwi_endpoint_server **server);
void wwi_host_stop_servers(struct wwi_service_host *self, bool reset);
/* What a server says when it has stopped, and when a session has come; the
 * server is the state. */
void wwi_host_server_stopped(void *state);
void wwi_host_connected(struct wwi_session *session, void *state);
/* Requests that came while the host opened, when it has opened or failed to;
 * run_early is what early_post runs. */
void wwi_host_admit_early(struct wwi_service_host *self);
void wwi_host_run_early(struct wwi_work *work);

/* host_close.c: a server, or what begins a close, is not there any more. */
void wwi_host_server_gone(struct wwi_service_host *self);
void wwi_host_close_timed_out(struct wwi_timer *timer);

#endif
